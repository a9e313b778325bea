//! How often somebody may ask, and how often somebody may try to sign in.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Failed attempts to sign in of one address a minute.
const TRIES: NonZeroU32 = match NonZeroU32::new(30) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};

/// The limits.
pub(crate) struct Limits {
    asking: Option<DefaultKeyedRateLimiter<String>>,
    trying: DefaultKeyedRateLimiter<IpAddr>,
}

impl Limits {
    /// So many requests a second of one user, and four times as many at once.
    pub(crate) fn new(per_second: Option<u32>) -> Self {
        let quota = |number: NonZeroU32| Quota::per_second(number).allow_burst(number.saturating_mul(FOUR));
        Self {
            asking: per_second
                .and_then(NonZeroU32::new)
                .map(|number| RateLimiter::keyed(quota(number))),
            trying: RateLimiter::keyed(Quota::per_minute(TRIES)),
        }
    }

    /// Whether a user may ask now.
    pub(crate) fn may_ask(&self, user: &str) -> bool {
        let Some(limiter) = &self.asking else { return true };
        limiter.check_key(&user.to_owned()).is_ok()
    }

    /// Whether an address may try to sign in now.
    pub(crate) fn may_try(&self, from: IpAddr) -> bool {
        // What is remembered of addresses that stopped is let go.
        if self.trying.len() > 100_000 {
            self.trying.retain_recent();
        }
        self.trying.check_key(&from).is_ok()
    }
}

const FOUR: NonZeroU32 = match NonZeroU32::new(4) {
    Some(number) => number,
    None => NonZeroU32::MIN,
};
