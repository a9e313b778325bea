//! CloudTrail's records in AWS: a prefix in S3 ([`s3`]), a table in Athena ([`athena`]), a queue that EventBridge fills
//! ([`queue`]). Each is a [`Source`](sv0_evidence::source::Source) of `evidence`, which reads, counts and remembers.
//!
//! Credentials, limits, retries and errors are those of a scan. The calls are not: reading objects, rows and messages is what
//! a scan never does, so these clients have a guard with a list of their own.

mod address;
pub mod athena;
pub mod queue;
pub mod s3;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use aws_types::region::Region;
use sv0_evidence::source::{Source, SourceError};
use tokio::runtime::Runtime;

pub use address::Address;

use crate::call::Call;
use crate::caller::{Caller, Lane};
use crate::credentials::resolve;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::run::Error;
use crate::start::{Login, Start, begin};

/// Whose credentials are used; where nothing is said, those that the AWS SDK finds.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Profile of the AWS configuration files.
    pub profile: Option<String>,
    /// Region of what does not say its own: Athena's. Buckets and queues have theirs.
    pub region: Option<String>,
    /// A role to take.
    pub role_arn: Option<String>,
    /// The external id that it asks for: a value, or `env:`, `file:`, `op://`.
    pub external_id: Option<String>,
}

/// Every call that is made here, with the SDK's name of the service. Onboarding's evidence policies allow them.
pub const CALLS: &[(&str, &Call)] = &[
    ("S3", &crate::service::s3::GET_LOCATION),
    ("S3", &s3::LIST_OBJECTS),
    ("S3", &s3::GET_OBJECT),
    ("SQS", &queue::GET_ATTRIBUTES),
    ("SQS", &queue::RECEIVE),
    ("SQS", &queue::DELETE),
    ("Athena", &athena::START_QUERY),
    ("Athena", &athena::GET_QUERY),
    ("Athena", &athena::GET_RESULTS),
];

/// Requests in flight at most.
const CONCURRENCY: usize = 64;
/// How long a call may take, with all its repetitions.
const DEADLINE: Duration = Duration::from_secs(180);

/// A session with AWS, from which sources are opened.
#[derive(Clone)]
pub struct Aws {
    /// Only what lives outside of it holds it: a runtime cannot end itself.
    runtime: Arc<Runtime>,
    line: Line,
}

/// What calls are made with.
#[derive(Clone)]
struct Line(Arc<Inner>);

struct Inner {
    start: Start,
    caller: Arc<Caller>,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("account", &self.line.0.start.account)
            .finish_non_exhaustive()
    }
}

impl Aws {
    /// Signs in.
    ///
    /// # Errors
    ///
    /// When there are no credentials, or AWS does not take them.
    pub fn connect(options: &Options) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Error::Start)?;
        let caller = Arc::new(Caller::new(CONCURRENCY, DEADLINE, Arc::new(Progress::default())));
        let login = Login {
            profile: options.profile.clone(),
            region: options.region.clone(),
            bootstrap: None,
            role: options.role_arn.clone(),
        };
        let start = runtime.block_on(async {
            let external_id = match &options.external_id {
                Some(reference) => Some(resolve(reference).await?),
                None => None,
            };
            begin(&login, &caller, external_id.as_ref()).await
        })?;
        Ok(Self {
            runtime: Arc::new(runtime),
            line: Line(Arc::new(Inner { start, caller })),
        })
    }

    /// The source of an address.
    ///
    /// # Errors
    ///
    /// When it cannot be entered at all.
    pub fn open(&self, address: &Address) -> Result<Box<dyn Source>, SourceError> {
        Ok(match address {
            Address::S3 { bucket, prefix } => Box::new(s3::Bucket::open(self, bucket, prefix)?),
            Address::Athena(table) => Box::new(athena::Athena::new(self, table.clone())),
            Address::Queue { url } => Box::new(queue::Queue::open(self, url)?),
        })
    }

    /// Waits for something.
    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

impl Line {
    /// What clients are made of, in a region or in the session's own.
    fn config(&self, region: Option<&str>) -> SdkConfig {
        let config = &self.0.start.config;
        match region {
            None => config.clone(),
            Some(region) => config.to_builder().region(Region::new(region.to_owned())).build(),
        }
    }

    /// One call, with all that a scan's calls have.
    async fn send<T, E, F>(
        &self,
        (region, service): (&str, &'static str),
        call: &'static Call,
        request: impl Fn() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let Start { account, session, .. } = &self.0.start;
        let lane = Lane {
            account,
            region,
            service,
        };
        self.0.caller.send(lane, Some(session), call, request).await
    }
}

/// What a failed call means to whoever asked for the place.
fn refused(place: &str, call: &Call, failure: &Failure) -> SourceError {
    SourceError::Place {
        place: place.to_owned(),
        why: format!("{}: {}", call.action(), failure.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onboard::{Athena, Features, NEVER, policies};
    use crate::registry;

    #[test]
    fn a_scan_can_make_none_of_the_calls_that_read_content() {
        for (client, call) in CALLS {
            let content = call.actions.iter().any(|action| NEVER.contains(action));
            assert_eq!(
                registry::declared(client, call.operation),
                !content && ["GetBucketLocation", "GetQueueAttributes"].contains(&call.operation),
                "{client}:{}",
                call.operation
            );
        }
    }

    #[test]
    fn the_evidence_policies_allow_every_call() {
        let features = Features {
            trail_buckets: vec!["logs".into()],
            athena: Some(Athena {
                workgroup: "w".into(),
                results_bucket: "r".into(),
            }),
            queue: Some("arn:aws:sqs:us-east-1:111111111111:q".into()),
            ..Features::default()
        };
        let policies = policies(&features, "aws");
        let evidence = policies.iter().find(|policy| policy.purpose == "evidence");
        let allowed: Vec<&str> = evidence
            .iter()
            .flat_map(|policy| &policy.statements)
            .flat_map(|statement| statement.actions.iter().map(String::as_str))
            .collect();
        for (_, call) in CALLS {
            assert!(allowed.contains(&call.action()), "{}", call.action());
        }
    }
}
