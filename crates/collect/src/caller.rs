//! One request, from its turn to its answer: rate limit, credentials, retries, deadline, counters, log.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::call::Call;
use crate::credentials::Session;
use crate::failure::{Failure, Kind};
use crate::limiter::Limiter;
use crate::progress::{Outcome, Progress};

/// What a run's requests share.
#[derive(Debug)]
pub(crate) struct Caller {
    limiter: Limiter,
    /// Requests in flight.
    open: Semaphore,
    progress: Arc<Progress>,
    /// How long one call may take, with all its repetitions.
    deadline: Duration,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'static str,
}

/// How long a single attempt may take before it counts as lost.
pub(crate) const ATTEMPT: Duration = Duration::from_secs(60);
/// With throttling of every third call, twelve in a row happen once in half a million calls.
const MOST_THROTTLED: u32 = 12;
const MOST_TRANSIENT: u32 = 9;
const MOST_EXPIRED: u32 = 3;
/// A name that cannot be resolved is hardly ever found a moment later.
const MOST_NO_HOST: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Caller {
    pub(crate) fn new(concurrency: usize, deadline: Duration, progress: Arc<Progress>) -> Self {
        Self {
            limiter: Limiter::default(),
            open: Semaphore::new(concurrency.max(1)),
            progress,
            deadline,
        }
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(crate) fn forget(&self, account: &str) {
        self.limiter.forget(account);
    }

    /// Makes a call until it is answered, refused, or not worth repeating; and notes how it went.
    pub(crate) async fn send<T, E, F>(
        &self,
        lane: Lane<'_>,
        session: Option<&Session>,
        call: &'static Call,
        request: impl Fn() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let answer = self.repeat(lane, session, call, request).await;
        let outcome = match &answer {
            Err(failure) if !call.is_absent(failure) => match failure.kind {
                Kind::Denied => Outcome::Denied(failure.message.clone()),
                // There is nothing to be called.
                Kind::NoHost | Kind::RegionDisabled => return answer,
                _ => Outcome::Failed(failure.message.clone()),
            },
            _ => Outcome::Works,
        };
        self.progress.outcome(lane.service, call.operation, outcome);
        answer
    }

    async fn repeat<T, E, F>(
        &self,
        lane: Lane<'_>,
        session: Option<&Session>,
        call: &'static Call,
        request: impl Fn() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + Error + 'static,
    {
        let end = Instant::now() + self.deadline;
        let bucket = self
            .limiter
            .bucket(lane.account, lane.region, lane.service, call.operation);
        let (mut throttled, mut transient, mut expired, mut no_host) = (0, 0, 0, 0);
        loop {
            bucket.turn().await;
            let generation = match session {
                Some(session) => session.ready().await?,
                None => 0,
            };
            let answer = {
                let _open = self.open.acquire().await;
                self.progress.call();
                tokio::time::timeout(ATTEMPT, request()).await
            };
            let failure = match answer {
                Ok(Ok(answer)) => {
                    bucket.through();
                    tracing::debug!(
                        service = lane.service,
                        operation = call.operation,
                        account = lane.account,
                        region = lane.region,
                        "answered"
                    );
                    return Ok(answer);
                }
                Ok(Err(error)) => Failure::of(&error),
                Err(_) => Failure::new(Kind::Transient, "", "no answer in time"),
            };
            tracing::debug!(
                service = lane.service,
                operation = call.operation,
                account = lane.account,
                region = lane.region,
                failure = %failure.message,
                "failed"
            );
            let (tries, most) = match failure.kind {
                Kind::Throttled => {
                    bucket.throttled();
                    self.progress.throttle();
                    (&mut throttled, MOST_THROTTLED)
                }
                Kind::Transient => (&mut transient, MOST_TRANSIENT),
                Kind::Expired => {
                    if let Some(session) = session {
                        session.over(generation).await;
                    }
                    (&mut expired, MOST_EXPIRED)
                }
                Kind::NoHost => (&mut no_host, MOST_NO_HOST),
                Kind::Denied | Kind::RegionDisabled | Kind::Other => return Err(failure),
            };
            *tries += 1;
            let pause = pause(*tries);
            if *tries >= most || Instant::now() + pause >= end {
                return Err(failure);
            }
            self.progress.retry();
            tokio::time::sleep(pause).await;
        }
    }
}

/// Twice as long each time, and anywhere between nothing and that, so that those who failed together do not come back
/// together ("Exponential Backoff And Jitter", AWS Architecture Blog).
fn pause(tries: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE);
    most.mul_f64(fastrand::f64())
}
