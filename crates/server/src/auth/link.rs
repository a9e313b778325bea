//! The link that a server on this machine prints. It holds for one browser; whoever used it gets the next one told in the
//! terminal.

use super::secret::{self, Hash};

/// A link that was not used yet.
#[derive(Debug)]
pub struct Link {
    hash: Hash,
}

impl Link {
    /// A new link, and its secret.
    ///
    /// # Errors
    ///
    /// Where the system has no random numbers.
    pub fn new() -> Result<(Self, String), getrandom::Error> {
        let secret = secret::new()?;
        Ok((
            Self {
                hash: secret::hash(&secret),
            },
            secret,
        ))
    }

    /// Uses it up, if the secret is right: the secret of the next one.
    pub fn follow(&mut self, given: &str) -> Option<String> {
        if !self.hash.is(&secret::hash(given)) {
            return None;
        }
        let (next, secret) = Self::new().ok()?;
        *self = next;
        Some(secret)
    }
}
