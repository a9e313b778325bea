//! How fast each API is asked. AWS limits calls by account, region and operation, and does not say how many it lets
//! through; so each has a token bucket that slows down when AWS throttles and speeds up again while it does not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use std::time::Instant;

/// Calls a second before AWS has said anything.
const FIRST: f64 = 25.0;
/// However slow AWS wants it, one call each four seconds.
const LEAST: f64 = 0.25;
const MOST: f64 = 200.0;
/// S3 lets 5,500 reads of objects a second through for each prefix (S3 User Guide, "Best practices design patterns").
const MOST_OBJECTS: f64 = 2_000.0;
/// Calls that may go at once after a pause.
const BURST: f64 = 20.0;
/// What a throttled rate is multiplied by, and what is added to it by each call that went through.
const SLOWER: f64 = 0.6;
const FASTER: f64 = 0.5;
/// Calls in flight are throttled together, and mean one slowing down.
const AT_ONCE: Duration = Duration::from_millis(300);

/// The buckets of a run.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    buckets: Mutex<HashMap<Key, Arc<Bucket>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    account: String,
    region: String,
    service: &'static str,
    operation: &'static str,
}

impl Limiter {
    /// The bucket of one operation.
    pub(crate) fn bucket(
        &self,
        account: &str,
        region: &str,
        service: &'static str,
        operation: &'static str,
    ) -> Arc<Bucket> {
        let key = Key {
            account: account.to_owned(),
            region: region.to_owned(),
            service,
            operation,
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let most = if (service, operation) == ("s3", "GetObject") {
            MOST_OBJECTS
        } else {
            MOST
        };
        Arc::clone(buckets.entry(key).or_insert_with(|| Arc::new(Bucket::new(most))))
    }

    /// Forgets an account that is done: a run over thousands must not keep them all.
    pub(crate) fn forget(&self, account: &str) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.retain(|key, _| key.account != account);
    }
}

/// One operation's allowance.
#[derive(Debug)]
pub(crate) struct Bucket {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: f64,
    most: f64,
    /// May be negative: what those who wait have taken in advance.
    tokens: f64,
    at: Instant,
    slowed: Option<Instant>,
}

impl Bucket {
    fn new(most: f64) -> Self {
        Self {
            state: Mutex::new(State {
                rate: FIRST,
                most,
                tokens: BURST,
                at: Instant::now(),
                slowed: None,
            }),
        }
    }
}

impl Bucket {
    /// Waits for a turn.
    pub(crate) async fn turn(&self) {
        let wait = self.take(Instant::now());
        if wait > Duration::ZERO {
            tokio::time::sleep(wait).await;
        }
    }

    fn take(&self, now: Instant) -> Duration {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refill(now);
        state.tokens -= 1.0;
        if state.tokens >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-state.tokens / state.rate)
        }
    }

    /// AWS let a call through.
    pub(crate) fn through(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refill(Instant::now());
        state.rate = (state.rate + FASTER).min(state.most);
    }

    /// AWS throttled a call.
    pub(crate) fn throttled(&self) {
        self.throttled_at(Instant::now());
    }

    fn throttled_at(&self, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refill(now);
        if state
            .slowed
            .is_some_and(|at| now.saturating_duration_since(at) < AT_ONCE)
        {
            return;
        }
        state.slowed = Some(now);
        state.rate = (state.rate * SLOWER).max(LEAST);
        state.tokens = state.tokens.min(0.0);
    }

    #[cfg(test)]
    fn rate(&self) -> f64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rate
    }
}

impl State {
    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(BURST);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let bucket = Bucket::new(MOST);
        let now = Instant::now();
        for _ in 0..20 {
            assert_eq!(bucket.take(now), Duration::ZERO);
        }
        let waits: Vec<f64> = (0..25).map(|_| bucket.take(now).as_secs_f64()).collect();
        assert!(
            (waits[0] - 0.04).abs() < 1e-3,
            "the first waits for one token: {waits:?}"
        );
        assert!((waits[24] - 1.0).abs() < 1e-2, "25 at 25 a second: {waits:?}");
        assert_eq!(
            bucket.take(now + Duration::from_secs(9)),
            Duration::ZERO,
            "a pause fills it"
        );
    }

    #[test]
    fn throttling_slows_down_once_and_success_speeds_up() {
        let bucket = Bucket::new(MOST);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        bucket.throttled_at(at(0));
        bucket.throttled_at(at(0));
        assert!((bucket.rate() - 15.0).abs() < 1e-9, "{}", bucket.rate());
        bucket.throttled_at(at(1));
        assert!((bucket.rate() - 9.0).abs() < 1e-9);
        for _ in 0..10 {
            bucket.through();
        }
        assert!((bucket.rate() - 14.0).abs() < 1e-9);
        for second in 2..100 {
            bucket.throttled_at(at(second));
        }
        assert!(bucket.rate() >= LEAST, "never stops altogether");
    }

    #[test]
    fn operations_do_not_share_and_accounts_are_forgotten() {
        let limiter = Limiter::default();
        let bucket = |operation| limiter.bucket("1", "r", "sqs", operation);
        assert!(Arc::ptr_eq(&bucket("A"), &bucket("A")));
        assert!(!Arc::ptr_eq(&bucket("A"), &bucket("B")));
        limiter.forget("1");
        assert!(limiter.buckets.lock().unwrap().is_empty());
    }
}
