//! `NumericEquals` and its kin. A number parses whole or not at all (semantics rule 40).

use super::operator::Order;
use super::{Context, string};
use crate::syntax::template::Template;
use crate::tri::Tri;

pub(super) fn compare(value: &str, wanted: &Template, order: Order, context: &Context) -> Tri {
    let Some(value) = parse(value) else { return Tri::False };
    string::text(
        wanted,
        context,
        |wanted| parse(wanted).and_then(|wanted| value.partial_cmp(&wanted)).is_some_and(|o| order.accepts(o)),
        |_| true,
    )
}

/// Digits with an optional sign, fraction and exponent; no blanks, no `inf`, no `NaN`.
fn parse(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { text.parse().ok() } else { None }
}
