//! Who sv0 is to AWS: the identity that a run starts with, and the session that it has in each account.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_types::SdkConfig;
use tokio::sync::Mutex;

use crate::caller::{Caller, Lane};
use crate::failure::{Failure, Kind, chain};
use crate::service::sts;

/// A value that is no one's business: an access key, an external id. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Why a reference to a secret gave none. The value is in no message.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// An environment variable.
    #[error("the environment variable `{0}` is not set")]
    Env(String),
    /// A file.
    #[error("cannot read the secret file `{path}`")]
    File {
        /// As given.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The 1Password CLI is not there.
    #[error("cannot run `op`, the 1Password CLI, which `{reference}` needs")]
    NoOp {
        /// As given.
        reference: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The 1Password CLI said no.
    #[error("`op read {reference}` failed: {message}")]
    Op {
        /// As given.
        reference: String,
        /// The first line of what it said.
        message: String,
    },
    /// Nothing there.
    #[error("`{0}` is empty")]
    Empty(String),
}

/// Fetches what `env:NAME`, `file:PATH` or `op://vault/item/field` stands for; any other text stands for itself.
///
/// # Errors
///
/// When there is nothing there.
pub async fn resolve(reference: &str) -> Result<Secret, SecretError> {
    let value = if let Some(name) = reference.strip_prefix("env:") {
        std::env::var(name).map_err(|_| SecretError::Env(name.to_owned()))?
    } else if let Some(path) = reference.strip_prefix("file:") {
        tokio::fs::read_to_string(Path::new(path))
            .await
            .map_err(|source| SecretError::File {
                path: path.to_owned(),
                source,
            })?
    } else if reference.starts_with("op://") {
        one_password(reference).await?
    } else {
        reference.to_owned()
    };
    let value = value.trim();
    if value.is_empty() {
        return Err(SecretError::Empty(reference.to_owned()));
    }
    Ok(Secret::new(value))
}

/// `op read` of the 1Password CLI (developer.1password.com, "op read").
async fn one_password(reference: &str) -> Result<String, SecretError> {
    let done = tokio::process::Command::new("op")
        .args(["read", "--no-newline", reference])
        .stdin(std::process::Stdio::null())
        .output()
        .await
        .map_err(|source| SecretError::NoOp {
            reference: reference.to_owned(),
            source,
        })?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(SecretError::Op {
        reference: reference.to_owned(),
        message: said.lines().next().unwrap_or("it said nothing").to_owned(),
    })
}

/// How a session in an account comes about.
#[derive(Debug)]
enum Origin {
    /// The identity that the run starts with.
    Base(aws_credential_types::provider::SharedCredentialsProvider),
    /// A role, taken with the identity of `from`.
    Role {
        sts: Box<aws_sdk_sts::Client>,
        from: Option<Session>,
        arn: String,
        external_id: Option<Secret>,
        session_name: String,
    },
}

/// Credentials for one account, renewed before they end. Clones are the same session.
#[derive(Debug, Clone)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    account: String,
    origin: Origin,
    caller: Arc<Caller>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts the credentials that this session has had.
    generation: u64,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    credentials: Credentials,
    renew_at: Option<SystemTime>,
}

/// The longest that AWS gives to a role that was taken by a role ("role chaining", IAM User Guide), and the least that
/// any role's maximum can be: so it is what every trust allows.
const DURATION_SECONDS: i32 = 3600;
/// Credentials are renewed this long before they end, so that a call that is on its way still arrives; short-lived
/// ones in their last third.
const MARGIN: Duration = Duration::from_secs(300);

impl Session {
    /// The identity that the run starts with.
    pub(crate) fn base(
        account: &str,
        provider: aws_credential_types::provider::SharedCredentialsProvider,
        caller: Arc<Caller>,
    ) -> Self {
        Self::new(account, Origin::Base(provider), caller)
    }

    /// A role, which is taken when the first call needs it. `from` is the session whose credentials `config` has.
    pub(crate) fn role(
        account: &str,
        arn: &str,
        external_id: Option<Secret>,
        config: &SdkConfig,
        from: Option<Session>,
        caller: Arc<Caller>,
    ) -> Self {
        let origin = Origin::Role {
            sts: Box::new(sts::client(config)),
            from,
            arn: arn.to_owned(),
            external_id,
            session_name: "sv0-scan".into(),
        };
        Self::new(account, origin, caller)
    }

    fn new(account: &str, origin: Origin, caller: Arc<Caller>) -> Self {
        Self(Arc::new(Inner {
            account: account.to_owned(),
            origin,
            caller,
            state: Mutex::default(),
        }))
    }

    /// Makes sure that there are credentials which last for a while; gives their number.
    pub(crate) async fn ready(&self) -> Result<u64, Failure> {
        let mut state = self.0.state.lock().await;
        let now = SystemTime::now();
        if let Some(held) = &state.held
            && held.renew_at.is_none_or(|at| now < at)
        {
            return Ok(state.generation);
        }
        let credentials = self.fetch().await?;
        let renew_at = credentials.expiry().map(|end| {
            let left = end.duration_since(now).unwrap_or_default();
            end.checked_sub(MARGIN.min(left / 3)).unwrap_or(end)
        });
        state.held = Some(Held {
            credentials,
            renew_at,
        });
        state.generation += 1;
        Ok(state.generation)
    }

    /// AWS called the credentials of this number expired: the next call takes new ones.
    pub(crate) async fn over(&self, generation: u64) {
        let mut state = self.0.state.lock().await;
        if state.generation == generation {
            state.held = None;
        }
    }

    async fn fetch(&self) -> Result<Credentials, Failure> {
        match &self.0.origin {
            Origin::Base(provider) => provider.provide_credentials().await.map_err(|error| {
                Failure::new(
                    Kind::Denied,
                    "",
                    format!("there are no AWS credentials: {}", chain(&error)),
                )
            }),
            Origin::Role {
                sts,
                from,
                arn,
                external_id,
                session_name,
            } => {
                let lane = Lane {
                    account: &self.0.account,
                    region: "-",
                    service: "sts",
                };
                let request = || {
                    sts.assume_role()
                        .role_arn(arn)
                        .role_session_name(session_name)
                        .set_external_id(external_id.as_ref().map(|id| id.expose().to_owned()))
                        .duration_seconds(DURATION_SECONDS)
                        .send()
                };
                let answer = Box::pin(
                    self.0
                        .caller
                        .send(lane, from.as_ref(), &sts::ASSUME_ROLE, request),
                )
                .await?;
                let Some(taken) = answer.credentials else {
                    return Err(Failure::new(
                        Kind::Other,
                        "",
                        "sts:AssumeRole gave no credentials",
                    ));
                };
                let expiry = SystemTime::try_from(taken.expiration).ok();
                Ok(Credentials::new(
                    taken.access_key_id,
                    taken.secret_access_key,
                    Some(taken.session_token),
                    expiry,
                    "sv0 role",
                ))
            }
        }
    }
}

impl ProvideCredentials for Session {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            if let Err(failure) = self.ready().await {
                return Err(CredentialsError::provider_error(failure.message));
            }
            let state = self.0.state.lock().await;
            state
                .held
                .as_ref()
                .map(|held| held.credentials.clone())
                .ok_or_else(|| CredentialsError::provider_error("the session has just ended"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[tokio::test]
    async fn references_are_fetched_and_plain_text_is_itself() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "  from-a-file ").unwrap();
        let reference = format!("file:{}", file.path().display());
        assert_eq!(resolve(&reference).await.unwrap(), Secret::new("from-a-file"));
        assert_eq!(resolve("acme-7f3c").await.unwrap(), Secret::new("acme-7f3c"));
        assert!(matches!(
            resolve("env:SV0_TEST_NOT_SET").await,
            Err(SecretError::Env(_))
        ));
        assert!(matches!(
            resolve("file:/nonexistent/x").await,
            Err(SecretError::File { .. })
        ));
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "(secret)");
    }
}
