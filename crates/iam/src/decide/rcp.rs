//! A resource control policy denies access to the resources of an account, whoever asks; it never grants (rule 24).
//!
//! Source: Organizations User Guide, "RCP evaluation" and "Resource control policies: supported services".

use super::layer::{Reading, hits};
use super::{Attached, Hit, Layer, Request};
use crate::catalog::Catalog;
use crate::syntax::ast::Effect;
use crate::syntax::resource::ShortArn;

pub(super) fn evaluate(levels: &[Vec<Attached<'_>>], request: &Request<'_>, out: &mut Vec<Hit>) {
    for (level, policies) in levels.iter().enumerate() {
        let reading = Reading {
            layer: Layer::Rcp,
            level,
            principals: true,
            short: ShortArn::IfTrailingStar,
            bounded: false,
        };
        let from = out.len();
        hits(policies, request, reading, out);
        // RCPFullAWSAccess is always attached, so an `Allow` here says nothing.
        let mut index = 0;
        out.retain(|hit| {
            index += 1;
            index <= from || hit.effect == Effect::Deny
        });
    }
}

/// Whether RCPs bind the request: only calls to the supported services, not by service-linked roles, not to retire a
/// grant.
#[must_use]
pub fn binds(request: &Request<'_>) -> bool {
    !request.caller.is_service_linked()
        && !request.action.eq_ignore_ascii_case("kms:RetireGrant")
        && Catalog::embedded().rcp_supports(request.action)
}
