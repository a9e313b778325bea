//! A permissions boundary never grants; what it does not allow, an identity policy cannot give (rule 15).
//!
//! Source: IAM User Guide, "Permissions boundaries for IAM entities".

use super::layer::{Reading, hits};
use super::{Attached, Hit, Layer, Request};
use crate::syntax::resource::ShortArn;

pub(super) fn evaluate(policies: &[Attached<'_>], request: &Request<'_>, bounded: bool, out: &mut Vec<Hit>) {
    // Each must allow by itself, so each is a level of its own.
    for (level, policy) in policies.iter().enumerate() {
        let reading = Reading {
            layer: Layer::Boundary,
            level,
            principals: false,
            short: ShortArn::Pad,
            bounded,
        };
        hits(std::slice::from_ref(policy), request, reading, out);
    }
}
