//! Sign-ins that were begun, until they end: each in the browser that began it, once, and not for long.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use openidconnect::{Nonce, PkceCodeVerifier};

use crate::auth::secret::{self, Hash};

/// Somebody may have to find their second factor.
const LONGEST: Duration = Duration::from_secs(600);
/// Sign-ins at one time; the oldest go first.
const MOST: usize = 10_000;

/// What must fit when the browser comes back.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) verifier: PkceCodeVerifier,
    pub(crate) nonce: Nonce,
    /// Where the browser wants to be.
    pub(crate) next: String,
}

#[derive(Debug)]
struct Waiting {
    begun: Begun,
    browser: Hash,
    since: Instant,
}

/// By the hash of `state`.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<HashMap<Hash, Waiting>>);

impl Pending {
    /// The secret that the browser must bring back in its cookie.
    pub(crate) fn begin(&self, state: &str, begun: Begun) -> Result<String, getrandom::Error> {
        self.begin_at(state, begun, Instant::now())
    }

    fn begin_at(&self, state: &str, begun: Begun, now: Instant) -> Result<String, getrandom::Error> {
        let browser = secret::new()?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, waiting| now.duration_since(waiting.since) < LONGEST);
        }
        if all.len() >= MOST {
            let oldest = all
                .iter()
                .min_by_key(|(_, waiting)| waiting.since)
                .map(|(hash, _)| *hash);
            oldest.map(|hash| all.remove(&hash));
        }
        let waiting = Waiting {
            begun,
            browser: secret::hash(&browser),
            since: now,
        };
        all.insert(secret::hash(state), waiting);
        Ok(browser)
    }

    /// What was begun with this state in this browser. It is gone then, whether it fits or not.
    pub(crate) fn finish(&self, state: &str, browser: &str) -> Option<Begun> {
        self.finish_at(state, browser, Instant::now())
    }

    fn finish_at(&self, state: &str, browser: &str, now: Instant) -> Option<Begun> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = all.remove(&secret::hash(state))?;
        let fits = waiting.browser.is(&secret::hash(browser));
        let soon = now.duration_since(waiting.since) < LONGEST;
        (fits && soon).then_some(waiting.begun)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn begun(next: &str) -> Begun {
        Begun {
            verifier: PkceCodeVerifier::new("v".repeat(43)),
            nonce: Nonce::new("n".to_owned()),
            next: next.to_owned(),
        }
    }

    #[test]
    fn a_sign_in_ends_once_in_the_browser_that_began_it() {
        let pending = Pending::default();
        let browser = pending.begin("state", begun("/findings")).unwrap();
        assert!(pending.finish("other", &browser).is_none());
        assert_eq!(pending.finish("state", &browser).unwrap().next, "/findings");
        assert!(pending.finish("state", &browser).is_none(), "it was used");
        pending.begin("state", begun("/")).unwrap();
        assert!(pending.finish("state", &browser).is_none(), "another browser");
        assert!(pending.finish("state", "").is_none(), "and it is gone");
    }

    #[test]
    fn it_does_not_wait_for_ever_nor_for_everybody() {
        let pending = Pending::default();
        let now = Instant::now();
        let browser = pending.begin_at("late", begun("/"), now).unwrap();
        assert!(pending.finish_at("late", &browser, now + LONGEST).is_none());
        let first = pending.begin_at("first", begun("/"), now).unwrap();
        for number in 0..MOST {
            let later = now + Duration::from_millis(1);
            pending.begin_at(&number.to_string(), begun("/"), later).unwrap();
        }
        assert!(pending.finish_at("first", &first, now).is_none());
        assert!(pending.0.lock().unwrap().len() <= MOST);
    }
}
