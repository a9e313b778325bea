//! `BinaryEquals`: base64 on both sides, equal byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Context, string};
use crate::syntax::template::Template;
use crate::tri::Tri;

pub(super) fn equals(value: &str, wanted: &Template, context: &Context) -> Tri {
    let Ok(value) = STANDARD.decode(value) else { return Tri::False };
    string::text(wanted, context, |wanted| STANDARD.decode(wanted).is_ok_and(|w| w == value), |_| true)
}
