//! The ids of events. AWS makes them as UUIDs, so 16 bytes hold one; anything else is hashed to as many.

use std::fmt;
use std::hash::Hasher;

use serde::{Serialize, Serializer};

/// An `eventID` or `sharedEventID`.
///
/// A text that is no UUID in small letters is hashed to 128 bits: among a billion such ids the chance that two are
/// taken for one is below 10⁻²⁰, unless somebody who may choose ids (nobody in AWS) aims at it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct EventId([u32; 4]);

impl EventId {
    /// Of the text in a record.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        uuid(text).unwrap_or_else(|| {
            let half = |seed: u64| {
                // SipHash with fixed keys: the same id in every process.
                #[expect(deprecated, reason = "the only hasher of std with a fixed result")]
                let mut hasher = std::hash::SipHasher::new_with_keys(seed, 0x7376_305f_6576_6964);
                hasher.write(text);
                hasher.finish()
            };
            Self::from_halves(half(1), half(2))
        })
    }

    const fn from_halves(high: u64, low: u64) -> Self {
        Self([(high >> 32) as u32, high as u32, (low >> 32) as u32, low as u32])
    }

    /// For tables: a UUID is random already, but for its version digits.
    pub(crate) fn hash(self) -> u64 {
        let [a, b, c, d] = self.0.map(u64::from);
        (a << 32 | d).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (b << 32 | c)
    }
}

/// `8-4-4-4-12` hexadecimal digits in small letters.
fn uuid(text: &[u8]) -> Option<EventId> {
    if text.len() != 36 {
        return None;
    }
    let mut value = 0_u128;
    for (at, &byte) in text.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u128::from(digit);
    }
    Some(EventId::from_halves((value >> 64) as u64, value as u64))
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a:08x}-{:04x}-{:04x}-{:04x}-{:04x}{d:08x}", b >> 16, b & 0xffff, c >> 16, c & 0xffff)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_kept_as_it_is() {
        let text = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(EventId::of(text.as_bytes()).to_string(), text);
    }

    #[test]
    fn other_ids_are_hashed_the_same_every_time() {
        assert_eq!(EventId::of(b"shared-1"), EventId::of(b"shared-1"));
        assert_ne!(EventId::of(b"shared-1"), EventId::of(b"shared-2"));
        let upper = EventId::of(b"01234567-89AB-CDEF-0123-456789ABCDEF");
        assert_ne!(upper, EventId::of(b"01234567-89ab-cdef-0123-456789abcdef"));
    }
}
