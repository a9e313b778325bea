//! Identity policies grant; nothing else about them is special. The account root user needs none (rule 13).
//!
//! Source: IAM User Guide, "Identity-based policies".

use super::layer::{Reading, hits};
use super::{Attached, Hit, Layer, Request};
use crate::syntax::resource::ShortArn;

pub(super) fn evaluate(policies: &[Attached<'_>], request: &Request<'_>, bounded: bool, out: &mut Vec<Hit>) {
    let reading = Reading {
        layer: Layer::Identity,
        level: 0,
        principals: false,
        short: ShortArn::Pad,
        bounded,
    };
    hits(policies, request, reading, out);
}
