//! A VPC endpoint policy must allow what goes through the endpoint; it names principals as a resource policy does (rule 32).
//!
//! Source: VPC User Guide, "Control access to VPC endpoints using endpoint policies".

use super::layer::{Reading, hits};
use super::{Attached, Hit, Layer, Request};
use crate::syntax::resource::ShortArn;

pub(super) fn evaluate(policies: &[Attached<'_>], request: &Request<'_>, bounded: bool, out: &mut Vec<Hit>) {
    let reading = Reading {
        layer: Layer::Endpoint,
        level: 0,
        principals: true,
        short: ShortArn::IfWildcard,
        bounded,
    };
    hits(policies, request, reading, out);
}
