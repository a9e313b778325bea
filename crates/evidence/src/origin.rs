//! Who was at the start of a chain, and by which links it is known.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::id::EventId;
use crate::mint::Mechanism;
use crate::time::Time;

/// The start of a chain of authority: a person, a workload, somebody outside; or why nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Origin {
    /// The root user of an account.
    Root {
        /// Which account.
        account: String,
    },
    /// An IAM user.
    User {
        /// Its ARN.
        arn: String,
    },
    /// A person of Identity Center.
    IdentityCenter {
        /// The user's name, as Identity Center names sessions; the user id where only that is told.
        name: String,
    },
    /// Whoever a SAML provider vouched for.
    Saml {
        /// The provider, as the record names it.
        provider: String,
        /// The subject.
        subject: String,
    },
    /// Whoever an OIDC provider vouched for: a pipeline, a service account of a cluster.
    Oidc {
        /// The issuer, without `https://`.
        provider: String,
        /// The subject, such as `repo:acme/app:ref:refs/heads/main`.
        subject: String,
    },
    /// A workload that a service gave a role to.
    Workload {
        /// Which service: `ec2.amazonaws.com`.
        service: String,
        /// The instance, the function, the task, the host of a certificate.
        name: String,
        /// Where.
        region: String,
        /// The account of its role.
        account: String,
    },
    /// A service of AWS, for itself.
    Service {
        /// Which.
        name: String,
    },
    /// Somebody of an account whose records are not here.
    External {
        /// Which account.
        account: String,
        /// Its id for the caller; names say more than ARNs here, because there is none.
        principal: String,
    },
    /// Nobody: a request without a signature.
    Anonymous,
    /// Several could be, and nothing tells which.
    Ambiguous {
        /// The records that could have given out the credentials.
        mints: Vec<EventId>,
    },
    /// Not known.
    Unknown {
        /// Why.
        why: Why,
    },
}

/// Why an origin is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The credentials were given out before the first record here.
    BeforeRecords,
    /// The record that gave out the credentials is not among those read: lost, kept by no trail, or in another account.
    NoMint,
    /// Only the resource owner's copy of the call is here, which names an id and no session.
    OwnersCopyOnly,
    /// The record does not say who called.
    NoIdentity,
    /// The chain is longer than any real one.
    TooLong,
}

impl Why {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::BeforeRecords => "its credentials were given out before the first record",
            Self::NoMint => "no record here gave out its credentials",
            Self::OwnersCopyOnly => "only the resource owner's copy of the call is here",
            Self::NoIdentity => "the record does not say who called",
            Self::TooLong => "the chain does not end",
        }
    }
}

impl Origin {
    /// Whether somebody is known to have started the chain.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Ambiguous { .. } | Self::Unknown { .. })
    }

    /// Its kind in words.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Root { .. } => "root user",
            Self::User { .. } => "IAM user",
            Self::IdentityCenter { .. } => "Identity Center user",
            Self::Saml { .. } => "SAML user",
            Self::Oidc { .. } => "OIDC subject",
            Self::Workload { .. } => "workload",
            Self::Service { .. } => "AWS service",
            Self::External { .. } => "outside account",
            Self::Anonymous => "anyone",
            Self::Ambiguous { .. } | Self::Unknown { .. } => "unknown",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root { account } => write!(f, "arn:aws:iam::{account}:root"),
            Self::User { arn } => f.write_str(arn),
            Self::IdentityCenter { name } => f.write_str(name),
            Self::Saml { subject, .. } | Self::Oidc { subject, .. } => f.write_str(subject),
            Self::Workload { name, service, .. } => write!(f, "{name} ({service})"),
            Self::Service { name } => f.write_str(name),
            Self::External { account, principal } => write!(f, "{principal} of account {account}"),
            Self::Anonymous => f.write_str("a request without a signature"),
            Self::Ambiguous { mints } => write!(f, "one of {} that nothing tells apart", mints.len()),
            Self::Unknown { why } => f.write_str(why.words()),
        }
    }
}

/// By what a session is known to come from a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The access key that the call gave out is the one that is used.
    AccessKey,
    /// The role's id, the session's name and the second in which it began are the call's.
    SessionAndTime,
}

/// One link of a chain: a call that gave out credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Hop {
    /// Which call.
    pub mechanism: Mechanism,
    /// Its record.
    pub event: EventId,
    /// When.
    pub time: Time,
    /// Who called.
    pub from: String,
    /// The role, or user, whose credentials came back.
    pub to: String,
    /// By what the next session is known to be this one.
    pub link: Link,
}
