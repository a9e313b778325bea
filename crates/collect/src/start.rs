//! The first identity of a run: credentials as the AWS SDK finds them, and the role to take before anything else.

use std::sync::Arc;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::caller::{ATTEMPT, Caller, Lane};
use crate::credentials::{Secret, Session, resolve};
use crate::failure::Failure;
use crate::net;
use crate::run::{Error, role_parts};
use crate::service::sts;

/// What the user says about the first identity.
#[derive(Debug, Clone, Default)]
pub(crate) struct Login {
    /// Profile of the AWS configuration files.
    pub(crate) profile: Option<String>,
    /// The region, where the configuration's is not meant.
    pub(crate) region: Option<String>,
    /// An access key that can do nothing but take the role: references to its id and its secret.
    pub(crate) bootstrap: Option<(String, String)>,
    /// A role to take before anything else.
    pub(crate) role: Option<String>,
}

/// Who the starting credentials are.
pub(crate) struct Start {
    pub(crate) account: String,
    pub(crate) partition: String,
    pub(crate) config: SdkConfig,
    pub(crate) session: Session,
}

/// Signs in, takes the role, and asks AWS who that is.
pub(crate) async fn begin(
    login: &Login,
    caller: &Arc<Caller>,
    external_id: Option<&Secret>,
) -> Result<Start, Error> {
    let base = base_config(login).await?;
    let Some(provider) = base.credentials_provider() else {
        return Err(Error::Credentials("there are no AWS credentials".into()));
    };
    let session = Session::base("-", provider, Arc::clone(caller));
    let config = with_session(&base, &session);
    let (account, partition) = identity(caller, &config, &session)
        .await
        .map_err(credentials_error)?;
    let Some(role) = &login.role else {
        return Ok(Start {
            account,
            partition,
            config,
            session,
        });
    };
    let (_, taken) = role_parts(role)?;
    let through = Session::role(
        &taken,
        role,
        external_id.cloned(),
        &config,
        Some(session),
        Arc::clone(caller),
    );
    let config = with_session(&base, &through);
    let (account, partition) = identity(caller, &config, &through)
        .await
        .map_err(credentials_error)?;
    Ok(Start {
        account,
        partition,
        config,
        session: through,
    })
}

fn credentials_error(failure: Failure) -> Error {
    Error::Credentials(if failure.code.is_empty() {
        failure.message
    } else {
        format!("AWS does not take the credentials: {}", failure.message)
    })
}

async fn base_config(login: &Login) -> Result<SdkConfig, Error> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(ATTEMPT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(net::client())
        // Repetition is the caller's business, which sees the whole account.
        .retry_config(RetryConfig::disabled())
        .identity_cache(aws_config::identity::IdentityCache::no_cache())
        .timeout_config(timeouts);
    if let Some(profile) = &login.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &login.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some((id, secret)) = &login.bootstrap {
        let (id, secret) = (resolve(id).await?, resolve(secret).await?);
        loader = loader.credentials_provider(Credentials::new(
            id.expose(),
            secret.expose(),
            None,
            None,
            "sv0 bootstrap",
        ));
    }
    let config = loader.load().await;
    if config.region().is_some() {
        return Ok(config);
    }
    Ok(config
        .to_builder()
        .region(Region::from_static("us-east-1"))
        .build())
}

/// The same with another session's credentials.
pub(crate) fn with_session(config: &SdkConfig, session: &Session) -> SdkConfig {
    config
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(session.clone()))
        .build()
}

/// The account and partition of credentials.
async fn identity(
    caller: &Caller,
    config: &SdkConfig,
    session: &Session,
) -> Result<(String, String), Failure> {
    let client = sts::client(config);
    let lane = Lane {
        account: "-",
        region: "-",
        service: "sts",
    };
    let answer = caller
        .send(lane, Some(session), &sts::GET_CALLER_IDENTITY, || {
            client.get_caller_identity().send()
        })
        .await?;
    let partition = answer
        .arn
        .as_deref()
        .and_then(|arn| arn.split(':').nth(1))
        .unwrap_or("aws")
        .to_owned();
    Ok((answer.account.unwrap_or_default(), partition))
}
