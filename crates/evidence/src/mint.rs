//! The calls that give out credentials: where one link of a chain is made.
//!
//! Source: AWS STS API Reference; CloudTrail User Guide, "Logging IAM and AWS STS API calls with AWS CloudTrail".

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::{Event, Outcome, text};
use crate::identity::within;
use crate::json::{JsonError, Scanner};

/// How credentials were given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub enum Mechanism {
    /// sts:AssumeRole.
    AssumeRole,
    /// sts:AssumeRoleWithSAML.
    AssumeRoleWithSAML,
    /// sts:AssumeRoleWithWebIdentity.
    AssumeRoleWithWebIdentity,
    /// sts:AssumeRoot.
    AssumeRoot,
    /// sts:GetFederationToken.
    GetFederationToken,
    /// sts:GetSessionToken.
    GetSessionToken,
}

impl Mechanism {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "AssumeRole" => Self::AssumeRole,
            "AssumeRoleWithSAML" => Self::AssumeRoleWithSAML,
            "AssumeRoleWithWebIdentity" => Self::AssumeRoleWithWebIdentity,
            "AssumeRoot" => Self::AssumeRoot,
            "GetFederationToken" => Self::GetFederationToken,
            "GetSessionToken" => Self::GetSessionToken,
            _ => return None,
        })
    }

    /// The action, `sts:AssumeRole`.
    #[must_use]
    pub const fn action(self) -> &'static str {
        match self {
            Self::AssumeRole => "sts:AssumeRole",
            Self::AssumeRoleWithSAML => "sts:AssumeRoleWithSAML",
            Self::AssumeRoleWithWebIdentity => "sts:AssumeRoleWithWebIdentity",
            Self::AssumeRoot => "sts:AssumeRoot",
            Self::GetFederationToken => "sts:GetFederationToken",
            Self::GetSessionToken => "sts:GetSessionToken",
        }
    }
}

/// What a record says of the credentials that it gave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Minted<'a> {
    pub(crate) mechanism: Mechanism,
    /// `credentials.accessKeyId`: of what was given out. Not always what is used: the console and Identity Center hand on
    /// others.
    pub(crate) key: Cow<'a, str>,
    /// `assumedRoleUser.assumedRoleId`, `AROA…:session`; empty for AssumeRoot.
    pub(crate) session: Cow<'a, str>,
    /// The role that was asked for.
    pub(crate) role: Cow<'a, str>,
    /// The `sourceIdentity` that was asked for.
    pub(crate) source_identity: Cow<'a, str>,
    /// The `roleSessionName` that was asked for.
    pub(crate) name: Cow<'a, str>,
}

impl Minted<'_> {
    /// The name of the session; EC2's own calls have no `assumedRoleUser`.
    pub(crate) fn session_name(&self) -> &str {
        self.session.split_once(':').map_or(&*self.name, |(_, name)| name)
    }
}

/// Credentials that a call gave out; none where it is another call, or failed.
pub(crate) fn minted<'a>(event: &Event<'a>) -> Option<Minted<'a>> {
    if event.source != "sts.amazonaws.com" || event.outcome != Outcome::Success {
        return None;
    }
    let mechanism = Mechanism::of(&event.name)?;
    // A response that cannot be read gives no link; the event itself still counts.
    let mut minted = response(event.response, mechanism).ok()?;
    if minted.key.is_empty() && minted.session.is_empty() {
        return None;
    }
    // A request that cannot be read tells nothing more; the link does not hang on it.
    let _ = ask(event.request, &mut minted);
    if minted.role.is_empty()
        && let Some(listed) = event
            .resources
            .iter()
            .find(|one| one.kind == "AWS::IAM::Role" || one.kind.is_empty())
    {
        minted.role = listed.arn.clone();
    }
    Some(minted)
}

fn response(raw: &[u8], mechanism: Mechanism) -> Result<Minted<'_>, JsonError> {
    let mut minted = Minted {
        mechanism,
        key: Cow::Borrowed(""),
        session: Cow::Borrowed(""),
        role: Cow::Borrowed(""),
        source_identity: Cow::Borrowed(""),
        name: Cow::Borrowed(""),
    };
    within(&mut Scanner::new(raw), |name, value| match name {
        b"credentials" => within(value, |name, value| {
            match name {
                b"accessKeyId" => minted.key = text(value)?,
                _ => {
                    value.skip()?;
                }
            }
            Ok(())
        }),
        b"assumedRoleUser" => within(value, |name, value| {
            match name {
                b"assumedRoleId" => minted.session = text(value)?,
                _ => {
                    value.skip()?;
                }
            }
            Ok(())
        }),
        _ => value.skip().map(|_| ()),
    })?;
    Ok(minted)
}

/// What the request says: `roleArn`, `sourceIdentity` and `roleSessionName`.
fn ask<'a>(request: &'a [u8], minted: &mut Minted<'a>) -> Result<(), JsonError> {
    within(&mut Scanner::new(request), |name, value| {
        match name {
            b"roleArn" => minted.role = text(value)?,
            b"sourceIdentity" => minted.source_identity = text(value)?,
            b"roleSessionName" => minted.name = text(value)?,
            _ => {
                value.skip()?;
            }
        }
        Ok(())
    })
}
