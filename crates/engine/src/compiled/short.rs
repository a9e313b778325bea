//! Text as sixteen bytes, so that most comparisons end before a pointer is followed.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Text itself where it has at most fifteen bytes, else its length and a hash of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Short([u64; 2]);

/// What the last byte is where the others are not the text itself.
const HASHED: u8 = 0xff;

impl Short {
    pub(crate) fn new(text: &str) -> Self {
        Self::of(text.as_bytes(), text.len())
    }

    /// Of text in lower case, as far as it is ASCII.
    pub(crate) fn lower(text: &str) -> Self {
        let mut lower = [0; 64];
        match lower.get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                room.make_ascii_lowercase();
                Self::of(room, text.len())
            }
            None => Self::new(&text.to_ascii_lowercase()),
        }
    }

    fn of(bytes: &[u8], len: usize) -> Self {
        let mut all = [0; 16];
        match (all.get_mut(..len), u8::try_from(len)) {
            (Some(room), Ok(short)) if short < 16 => {
                room.copy_from_slice(bytes);
                let [.., last] = &mut all;
                *last = short + 1;
                let number = u128::from_le_bytes(all);
                Self([number as u64, (number >> 64) as u64])
            }
            _ => {
                let mut hasher = FxHasher::default();
                hasher.write(bytes);
                Self([
                    hasher.finish(),
                    len as u64 & (u64::MAX >> 8) | u64::from(HASHED) << 56,
                ])
            }
        }
    }

    /// Whether equal ones tell that the texts are equal.
    #[inline]
    pub(crate) const fn is_whole(self) -> bool {
        self.0[1] >> 56 != HASHED as u64
    }
}

/// Text that others are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    short: Short,
    pub(crate) text: Box<str>,
}

impl Wanted {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            short: Short::new(text),
            text: text.into(),
        }
    }

    /// Whether it is a text, given with its short form.
    #[inline]
    pub(crate) fn is(&self, short: Short, text: &str) -> bool {
        self.short == short && (short.is_whole() || *self.text == *text)
    }

    #[inline]
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.is(other.short, &other.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_themselves() {
        let texts = [
            "",
            "a",
            "b",
            "aa",
            "a\0",
            "123456789012345",
            "1234567890123456",
            "12345678901234567",
        ];
        for (n, a) in texts.iter().enumerate() {
            for (m, b) in texts.iter().enumerate() {
                assert_eq!(Short::new(a) == Short::new(b), n == m, "{a:?} {b:?}");
                assert_eq!(Wanted::new(a).is(Short::new(b), b), n == m);
            }
        }
        assert!(Short::new("123456789012345").is_whole() && !Short::new("1234567890123456").is_whole());
        assert_eq!(Short::lower("aws:S3:::"), Short::new("aws:s3:::"));
        let long = "X".repeat(70);
        assert_eq!(Short::lower(&long), Short::new(&long.to_lowercase()));
    }
}
