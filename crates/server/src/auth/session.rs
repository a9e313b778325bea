//! People who signed in, in memory: a new start of the server signs everybody out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::User;
use super::secret::{self, Hash};

/// After so long without a request a session ends.
const IDLE: Duration = Duration::from_secs(8 * 3_600);
/// After so long it ends in any case.
const WHOLE: Duration = Duration::from_secs(24 * 3_600);
/// Sessions at one time; the ones that were idle the longest go first.
const MOST: usize = 10_000;

#[derive(Debug)]
struct Session {
    user: User,
    since: Instant,
    last: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.last) > IDLE || now.duration_since(self.since) > WHOLE
    }
}

/// The sessions, by the hash of the cookie's secret.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<Hash, Session>>);

impl Sessions {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Hash, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs somebody in: the secret for the cookie; empty where the system has no random numbers, which is no session.
    pub fn begin(&self, user: User) -> String {
        let (Ok(secret), Ok(csrf)) = (secret::new(), secret::new()) else {
            return String::new();
        };
        let now = Instant::now();
        let mut all = self.lock();
        all.retain(|_, session| !session.is_over(now));
        if all.len() >= MOST {
            let oldest = all
                .iter()
                .min_by_key(|(_, session)| session.last)
                .map(|(hash, _)| *hash);
            oldest.map(|hash| all.remove(&hash));
        }
        all.insert(
            secret::hash(&secret),
            Session {
                user: User {
                    csrf: Some(csrf),
                    ..user
                },
                since: now,
                last: now,
            },
        );
        secret
    }

    /// Whose session it is.
    pub fn user(&self, secret: &str) -> Option<User> {
        let now = Instant::now();
        let hash = secret::hash(secret);
        let mut all = self.lock();
        let session = all.get_mut(&hash)?;
        if session.is_over(now) {
            all.remove(&hash);
            return None;
        }
        session.last = now;
        Some(session.user.clone())
    }

    /// Signs somebody out.
    pub fn end(&self, secret: &str) {
        self.lock().remove(&secret::hash(secret));
    }
}
