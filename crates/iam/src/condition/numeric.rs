//! `NumericEquals` and its kin. A number parses whole or not at all (semantics rule 40).

use super::operator::Order;
use crate::syntax::template::Template;

/// Variables are not expanded here: AWS knows them with strings, ARNs and `Bool` only (semantics rule 31).
pub(super) fn compare(value: &str, wanted: &Template, order: Order) -> bool {
    let wanted = parse(wanted.as_str());
    parse(value)
        .zip(wanted)
        .and_then(|(v, w)| v.partial_cmp(&w))
        .is_some_and(|o| order.accepts(o))
}

/// Digits with an optional sign, fraction and exponent; no blanks, no `inf`, no `NaN`.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { text.parse().ok() } else { None }
}
