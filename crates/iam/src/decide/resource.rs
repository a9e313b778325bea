//! A resource policy grants to whom it names; naming the account only delegates to that account's IAM (rules 2 and 3).
//!
//! Source: IAM User Guide, "Resource-based policies".

use super::layer::{Reading, hits};
use super::{Attached, Hit, Layer, Request};
use crate::syntax::resource::ShortArn;

pub(super) fn evaluate(policies: &[Attached<'_>], request: &Request<'_>, bounded: bool, out: &mut Vec<Hit>) {
    let reading = Reading {
        layer: Layer::Resource,
        level: 0,
        principals: true,
        short: ShortArn::IfWildcard,
        bounded,
    };
    hits(policies, request, reading, out);
}
