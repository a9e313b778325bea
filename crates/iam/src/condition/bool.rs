//! `Bool`: `true` or `false`, whatever the case.

use super::{Context, string};
use crate::syntax::template::Template;
use crate::tri::Tri;

pub(super) fn equals(value: &str, wanted: &Template, context: &Context) -> Tri {
    let known = |text: &str| {
        ["true", "false"]
            .into_iter()
            .find(|known| text.eq_ignore_ascii_case(known))
    };
    let Some(value) = known(value) else {
        return Tri::False;
    };
    string::text(
        wanted,
        context,
        |wanted| known(wanted) == Some(value),
        |widest| widest.matches_ignore_case(value),
    )
}
