//! `userIdentity`: who made a call, as the record has it.
//!
//! Source: CloudTrail User Guide, "CloudTrail userIdentity element".

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::text;
use crate::json::{JsonError, Kind, Scanner};
use crate::time::Time;

/// `userIdentity.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityType {
    /// The root user of an account.
    Root,
    /// An IAM user.
    IamUser,
    /// A session of a role.
    AssumedRole,
    /// A session of GetFederationToken.
    FederatedUser,
    /// Whoever a SAML provider vouches for; only on AssumeRoleWithSAML.
    SamlUser,
    /// Whoever an OIDC provider vouches for; only on AssumeRoleWithWebIdentity.
    WebIdentityUser,
    /// A user of Identity Center.
    IdentityCenterUser,
    /// A service of AWS.
    AwsService,
    /// Somebody of another account, as the resource's owner sees the call; or nobody that is known.
    AwsAccount,
    /// Anything else, or nothing.
    #[default]
    Unknown,
}

impl IdentityType {
    fn of(text: &[u8]) -> Self {
        match text {
            b"Root" => Self::Root,
            b"IAMUser" => Self::IamUser,
            b"AssumedRole" => Self::AssumedRole,
            b"FederatedUser" => Self::FederatedUser,
            b"SAMLUser" => Self::SamlUser,
            b"WebIdentityUser" => Self::WebIdentityUser,
            b"IdentityCenterUser" => Self::IdentityCenterUser,
            b"AWSService" => Self::AwsService,
            b"AWSAccount" => Self::AwsAccount,
            _ => Self::Unknown,
        }
    }
}

/// Who made a call. A field that the record lacks is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// What kind of caller.
    pub kind: IdentityType,
    /// `principalId`: `AIDA…`, `AROA…:session`, an account id.
    pub principal_id: Cow<'a, str>,
    /// `arn`, for roles that of the session, which has lost the role's path.
    pub arn: Cow<'a, str>,
    /// `accountId`.
    pub account: Cow<'a, str>,
    /// `accessKeyId`.
    pub key: Cow<'a, str>,
    /// `userName`: the subject of SAML and web identities.
    pub user_name: Cow<'a, str>,
    /// `identityProvider`.
    pub provider: Cow<'a, str>,
    /// `invokedBy`: the service that made the call, or for which it was made.
    pub invoked_by: Cow<'a, str>,
    /// `sessionContext.sessionIssuer.arn`: the role, or the user whose session it is.
    pub issuer: Cow<'a, str>,
    /// `sessionContext.attributes.creationDate`.
    pub created: Option<Time>,
    /// `sessionContext.sourceIdentity`.
    pub source_identity: Cow<'a, str>,
    /// `sessionContext.assumedRoot`: a session of sts:AssumeRoot.
    pub assumed_root: bool,
    /// `onBehalfOf.userId`: the user of Identity Center.
    pub person: Cow<'a, str>,
    /// `onBehalfOf.identityStoreArn`.
    pub store: Cow<'a, str>,
}

impl<'a> Identity<'a> {
    /// Reads the element; `null` and anything else that is no object is [`IdentityType::Unknown`].
    pub(crate) fn read(scanner: &mut Scanner<'a>) -> Result<Self, JsonError> {
        let mut who = Self::default();
        within(scanner, |name, value| {
            match name {
                b"type" => who.kind = IdentityType::of(value.maybe_string()?.map_or(b"", |raw| raw.bytes())),
                b"principalId" => who.principal_id = text(value)?,
                b"arn" => who.arn = text(value)?,
                b"accountId" => who.account = text(value)?,
                b"accessKeyId" => who.key = text(value)?,
                b"userName" => who.user_name = text(value)?,
                b"identityProvider" => who.provider = text(value)?,
                b"invokedBy" => who.invoked_by = text(value)?,
                b"sessionContext" => who.read_session(value)?,
                b"onBehalfOf" => within(value, |name, value| {
                    match name {
                        b"userId" => who.person = text(value)?,
                        b"identityStoreArn" => who.store = text(value)?,
                        _ => {
                            value.skip()?;
                        }
                    }
                    Ok(())
                })?,
                _ => {
                    value.skip()?;
                }
            }
            Ok(())
        })?;
        Ok(who)
    }

    fn read_session(&mut self, scanner: &mut Scanner<'a>) -> Result<(), JsonError> {
        within(scanner, |name, value| {
            match name {
                b"sessionIssuer" => within(value, |name, value| {
                    match name {
                        b"arn" => self.issuer = text(value)?,
                        _ => {
                            value.skip()?;
                        }
                    }
                    Ok(())
                })?,
                b"attributes" => within(value, |name, value| {
                    match name {
                        b"creationDate" => self.created = Time::parse(&text(value)?),
                        _ => {
                            value.skip()?;
                        }
                    }
                    Ok(())
                })?,
                b"sourceIdentity" => self.source_identity = text(value)?,
                b"assumedRoot" => self.assumed_root = matches!(value.skip()?, b"true" | b"\"true\""),
                _ => {
                    value.skip()?;
                }
            }
            Ok(())
        })
    }
}

/// Goes through an object, or steps over anything else.
pub(crate) fn within<'a>(
    scanner: &mut Scanner<'a>,
    field: impl FnMut(&'a [u8], &mut Scanner<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    if scanner.kind()? == Kind::Object {
        return scanner.object(field);
    }
    scanner.skip().map(|_| ())
}
