//! `StringEquals`, `StringEqualsIgnoreCase`, `StringLike`. Only `StringLike` knows wildcards.

use super::Context;
use crate::syntax::template::{Resolved, Template};
use crate::tri::Tri;

/// Exact text.
pub(super) fn equals(value: &str, wanted: &Template, context: &Context) -> Tri {
    text(
        wanted,
        context,
        |wanted| wanted == value,
        |widest| widest.matches(value),
    )
}

/// Text without regard to case.
pub(super) fn equals_ignore_case(value: &str, wanted: &Template, context: &Context) -> Tri {
    text(
        wanted,
        context,
        |w| w.to_lowercase() == value.to_lowercase(),
        |w| w.matches_ignore_case(value),
    )
}

/// Text with wildcards.
pub(super) fn like(value: &str, wanted: &Template, context: &Context) -> Tri {
    match wanted.pattern(context) {
        Resolved::Pattern(glob) => Tri::from(glob.matches(value)),
        Resolved::Nothing => Tri::False,
        Resolved::AtMost(glob) if glob.matches(value) => Tri::Unknown,
        Resolved::AtMost(_) => Tri::False,
    }
}

/// Compares against resolved text; where a variable is unknown, says whether it could be equal.
pub(super) fn text(
    wanted: &Template,
    context: &Context,
    exact: impl Fn(&str) -> bool,
    possible: impl Fn(&crate::name::Glob) -> bool,
) -> Tri {
    match wanted.literal(context) {
        Ok(Some(wanted)) => Tri::from(exact(&wanted)),
        Ok(None) => Tri::False,
        Err(widest) if possible(&widest) => Tri::Unknown,
        Err(_) => Tri::False,
    }
}
