//! `BinaryEquals`: base64 on both sides, equal byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::syntax::template::Template;

/// Variables are not expanded here (semantics rule 31).
pub(super) fn equals(value: &str, wanted: &Template) -> bool {
    STANDARD
        .decode(value)
        .is_ok_and(|v| STANDARD.decode(wanted.as_str()).is_ok_and(|w| w == v))
}

/// Whether text is base64; two texts that are mean the same bytes only where they are the same text.
#[must_use]
pub fn is_base64(text: &str) -> bool {
    STANDARD.decode(text).is_ok()
}
