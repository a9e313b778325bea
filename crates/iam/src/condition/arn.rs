//! `ArnEquals`, `ArnLike`: the six fields are compared one by one, wildcards in each. `ArnEquals` behaves as `ArnLike`.

use super::Context;
use crate::name::Glob;
use crate::syntax::template::{Resolved, Template};
use crate::tri::Tri;

pub(super) fn like(value: &str, wanted: &Template, context: &Context) -> Tri {
    match wanted.pattern(context) {
        Resolved::Pattern(glob) => Tri::from(matches(&glob, value)),
        Resolved::Nothing => Tri::False,
        // An unknown value may hold colons, so nothing is known of the fields.
        Resolved::AtMost(glob) if glob.matches(value) => Tri::Unknown,
        Resolved::AtMost(_) => Tri::False,
    }
}

/// A bare `*` matches any ARN; otherwise both sides need six fields.
fn matches(glob: &Glob, value: &str) -> bool {
    if glob.is_any() {
        return true;
    }
    if let Some(literal) = glob.as_literal() {
        return literal == value;
    }
    let (wanted, fields) = (glob.split(':', 6), value.splitn(6, ':'));
    wanted.len() == 6
        && fields.clone().count() == 6
        && wanted
            .iter()
            .zip(fields)
            .all(|(pattern, field)| pattern.matches(field))
}
