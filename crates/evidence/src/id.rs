//! The ids of events. AWS makes them as UUIDs, so 16 bytes hold one; anything else is hashed to as many.

use std::fmt;
use std::hash::Hasher;

use schemars::JsonSchema;
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

    /// As it is written to a file.
    pub(crate) const fn words(self) -> [u32; 4] {
        self.0
    }

    /// The reverse of [`EventId::words`].
    pub(crate) const fn of_words(words: [u32; 4]) -> Self {
        Self(words)
    }

    /// For tables: a UUID is random already, but for its version digits.
    pub(crate) fn hash(self) -> u64 {
        let [a, b, c, d] = self.0.map(u64::from);
        (a << 32 | d).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (b << 32 | c)
    }
}

/// What each byte is worth as a hexadecimal digit in small letters; 0xff for anything else.
#[expect(
    clippy::indexing_slicing,
    reason = "worked out by the compiler, which would say so"
)]
const DIGITS: [u8; 256] = {
    let mut digits = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// `8-4-4-4-12` hexadecimal digits in small letters.
fn uuid(text: &[u8]) -> Option<EventId> {
    let (groups, _) = text.as_chunks::<9>();
    let &[
        [a1, a2, a3, a4, a5, a6, a7, a8, b'-'],
        [b1, b2, b3, b4, b'-', b5, b6, b7, b8],
        [b'-', c1, c2, c3, c4, b'-', c5, c6, c7],
        [c8, d1, d2, d3, d4, d5, d6, d7, d8],
    ] = groups
    else {
        return None;
    };
    // Every bit that a digit had; those that are none have the high ones.
    let mut bits = 0;
    let words = [
        [a1, a2, a3, a4, a5, a6, a7, a8],
        [b1, b2, b3, b4, b5, b6, b7, b8],
        [c1, c2, c3, c4, c5, c6, c7, c8],
        [d1, d2, d3, d4, d5, d6, d7, d8],
    ]
    .map(|word| {
        word.into_iter().fold(0_u32, |word, byte| {
            #[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
            let digit = DIGITS[byte as usize];
            bits |= digit;
            word << 4 | u32::from(digit)
        })
    });
    (text.len() == 36 && bits < 16).then_some(EventId(words))
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(
            f,
            "{a:08x}-{:04x}-{:04x}-{:04x}-{:04x}{d:08x}",
            b >> 16,
            b & 0xffff,
            c >> 16,
            c & 0xffff
        )
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

impl JsonSchema for EventId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "EventId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "The `eventID` of a record" })
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
