//! A session policy is an intersection with the identity policies of a role session or federated user (rule 19).
//!
//! Source: IAM User Guide, "Session policies".

use super::layer::{Reading, hits};
use super::{Attached, Hit, Layer, Request};
use crate::syntax::resource::ShortArn;

pub(super) fn evaluate(policies: &[Attached<'_>], request: &Request<'_>, bounded: bool, out: &mut Vec<Hit>) {
    let reading = Reading {
        layer: Layer::Session,
        level: 0,
        principals: false,
        short: ShortArn::Pad,
        bounded,
    };
    hits(policies, request, reading, out);
}
