//! A service control policy limits the principals of an account: every level from the root to the account must allow,
//! and a denial at any level denies (rule 20).
//!
//! Source: Organizations User Guide, "SCP evaluation".

use super::layer::{Reading, hits};
use super::{Attached, Hit, Layer, Request};
use crate::syntax::resource::ShortArn;

pub(super) fn evaluate(levels: &[Vec<Attached<'_>>], request: &Request<'_>, out: &mut Vec<Hit>) {
    for (level, policies) in levels.iter().enumerate() {
        let reading = Reading {
            layer: Layer::Scp,
            level,
            principals: false,
            short: ShortArn::IfTrailingStar,
            bounded: false,
        };
        hits(policies, request, reading, out);
    }
}

/// Whether SCPs bind the caller at all: not services, not anonymous callers, not service-linked roles (rules 9, 10,
/// 23).
#[must_use]
pub fn binds(request: &Request<'_>) -> bool {
    request.caller.is_iam() && !request.caller.is_service_linked()
}
