//! `ArnEquals`, `ArnLike`: the six fields are compared one by one, wildcards in each. `ArnEquals` behaves as `ArnLike`.

use super::Context;
use crate::name::Glob;
use crate::syntax::template::{Resolved, Template, split_fields};
use crate::tri::Tri;

pub(super) fn like(value: &str, wanted: &Template, context: &Context) -> Tri {
    match wanted.pattern(context) {
        Resolved::Pattern(glob) => Tri::from(matches(&glob, value)),
        Resolved::Nothing => Tri::False,
        Resolved::AtMost(glob) if matches(&glob, value) => Tri::Unknown,
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
    let pattern = glob.to_string();
    let wanted = split_fields(&pattern, 6);
    let fields: Vec<&str> = value.splitn(6, ':').collect();
    wanted.len() == 6
        && fields.len() == 6
        && wanted.iter().zip(&fields).all(|(pattern, field)| Glob::new(pattern).matches(field))
}
