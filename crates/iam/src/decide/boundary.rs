//! A permissions boundary never grants; what it does not allow, an identity policy cannot give (rule 15).
//!
//! Source: IAM User Guide, "Permissions boundaries for IAM entities".

use super::layer::{Reading, hits};
use super::{Attached, Hit, Layer, Request};
use crate::syntax::resource::ShortArn;

pub(super) fn evaluate(policies: &[Attached<'_>], request: &Request<'_>, bounded: bool, out: &mut Vec<Hit>) {
    let reading =
        Reading { layer: Layer::Boundary, level: 0, principals: false, short: ShortArn::Pad, bounded };
    hits(policies, request, reading, out);
}
