//! How the layers go together: the one place that knows the order of AWS's evaluation.

use super::{
    Block, Decision, Hit, Layer, Policies, Request, Requirement, ResourceRule, Verdict, boundary, endpoint, identity,
    rcp, resource, scp, session,
};
use crate::name::principal::{CallerKind, Named};
use crate::syntax::ast::Effect;
use crate::tri::Tri;

/// Which way uncertain statements are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// What is allowed for certain: uncertain grants do not count, uncertain denials do.
    Lower,
    /// What is allowed at best: the reverse.
    Upper,
}

impl Bound {
    fn counts(self, hit: &Hit) -> bool {
        hit.certainty == Tri::True || (hit.effect == Effect::Allow) == (self == Self::Upper)
    }
}

/// Answers a request.
#[must_use]
pub fn decide(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    // AWS: "No permissions are required to perform this operation", not even against an explicit deny (rule 7).
    if request.action.eq_ignore_ascii_case("sts:GetCallerIdentity") {
        return Decision { verdict: Verdict::Allowed, hits: vec![], blocks: vec![], requirements: vec![] };
    }
    let case = Case::new(request, policies);
    let hits = case.hits();
    let lower = case.blocks(&hits, Bound::Lower);
    let upper = case.blocks(&hits, Bound::Upper);
    if lower.is_empty() {
        return Decision { verdict: Verdict::Allowed, hits, blocks: vec![], requirements: vec![] };
    }
    if upper.is_empty() {
        let requirements = case.requirements(&hits);
        return Decision { verdict: Verdict::AllowedIf, hits, blocks: vec![], requirements };
    }
    let explicit = hits.iter().any(|hit| hit.effect == Effect::Deny && hit.certainty == Tri::True);
    let verdict = if explicit { Verdict::ExplicitDeny } else { Verdict::ImplicitDeny };
    Decision { verdict, hits, blocks: upper, requirements: vec![] }
}

/// A request and what bears on it.
struct Case<'a> {
    request: &'a Request<'a>,
    policies: &'a Policies<'a>,
    /// Caller and resource are of one account.
    same_account: bool,
    scps: Option<usize>,
    rcps: bool,
    /// `iam:*` on a role ignores its trust policy (rule 8).
    resource_policies: bool,
}

impl<'a> Case<'a> {
    fn new(request: &'a Request<'a>, policies: &'a Policies<'a>) -> Self {
        let account = request.caller.account.as_deref();
        let owner = request.resource_account.or(account);
        let iam = request.action.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("iam:"));
        Self {
            request,
            policies,
            same_account: account.is_some() && account == owner,
            scps: policies.scps.as_ref().filter(|_| scp::binds(request)).map(Vec::len),
            rcps: policies.rcps.is_some() && rcp::binds(request),
            resource_policies: !iam,
        }
    }

    fn hits(&self) -> Vec<Hit> {
        let (request, policies) = (self.request, self.policies);
        let bounded = !policies.boundaries.is_empty();
        let mut out = Vec::new();
        if request.caller.is_iam() {
            identity::evaluate(&policies.identity, request, bounded, &mut out);
            boundary::evaluate(&policies.boundaries, request, bounded, &mut out);
            if let Some(session) = &policies.session {
                session::evaluate(session, request, bounded, &mut out);
            }
        }
        if let (Some(levels), Some(_)) = (&policies.scps, self.scps) {
            scp::evaluate(levels, request, &mut out);
        }
        if let (Some(levels), true) = (&policies.rcps, self.rcps) {
            rcp::evaluate(levels, request, &mut out);
        }
        if self.resource_policies {
            resource::evaluate(&policies.resource, request, bounded, &mut out);
        }
        if let Some(endpoint) = &policies.endpoint {
            endpoint::evaluate(endpoint, request, bounded, &mut out);
        }
        out
    }

    /// Everything that stands in the way; nothing where the request is allowed.
    fn blocks(&self, hits: &[Hit], bound: Bound) -> Vec<Block> {
        let mut out: Vec<Block> = hits
            .iter()
            .filter(|hit| hit.effect == Effect::Deny && bound.counts(hit))
            .map(|hit| Block { layer: hit.layer, level: hit.level, explicit: true })
            .collect();
        let mut implicit = |layer, level| out.push(Block { layer, level, explicit: false });
        let allows = |layer, level| {
            hits.iter().any(|hit| {
                hit.layer == layer && hit.level == level && hit.effect == Effect::Allow && bound.counts(hit)
            })
        };
        for level in 0..self.scps.unwrap_or(0) {
            if !allows(Layer::Scp, level) {
                implicit(Layer::Scp, level);
            }
        }
        if self.policies.endpoint.is_some() && !allows(Layer::Endpoint, 0) {
            implicit(Layer::Endpoint, 0);
        }
        for (layer, level) in self.missing_grants(hits, bound) {
            implicit(layer, level);
        }
        out.sort();
        out.dedup();
        out
    }

    /// The layers whose grant is missing, among identity, boundary, session and resource; boundaries one by one.
    fn missing_grants(&self, hits: &[Hit], bound: Bound) -> Vec<(Layer, usize)> {
        let caller = self.request.caller;
        let allow = |layer: Layer| {
            hits.iter().any(|h| h.layer == layer && h.effect == Effect::Allow && bound.counts(h))
        };
        let resource = |wanted: &dyn Fn(Named) -> bool| {
            hits.iter().any(|h| {
                h.layer == Layer::Resource
                    && h.effect == Effect::Allow
                    && bound.counts(h)
                    && h.named.is_some_and(wanted)
            })
        };
        if !caller.is_iam() {
            return if resource(&|_| true) { vec![] } else { vec![(Layer::Resource, 0)] };
        }
        // AWS: root user credentials cannot be used to assume a role, whoever trusts them (rule 13).
        if caller.kind == CallerKind::Root && self.request.action.eq_ignore_ascii_case("sts:AssumeRole") {
            return vec![(Layer::Identity, 0)];
        }

        let unknown_identity = self.policies.identity_unknown || caller.kind == CallerKind::Account;
        let identity = caller.kind == CallerKind::Root
            || allow(Layer::Identity)
            || (unknown_identity && bound == Bound::Upper);
        // Each boundary must allow; `permission_boundaries` of a role and of its permission set are two.
        let silent: Vec<(Layer, usize)> = (0..self.policies.boundaries.len())
            .filter(|index| {
                !hits.iter().any(|h| {
                    h.layer == Layer::Boundary
                        && h.level == *index
                        && h.effect == Effect::Allow
                        && bound.counts(h)
                })
            })
            .map(|index| (Layer::Boundary, index))
            .collect();
        let session = self.policies.session.is_none() || allow(Layer::Session);
        let missing = |identity: bool, resource: bool| {
            let one = |holds: bool, layer: Layer| (!holds).then_some((layer, 0));
            let before = one(identity, Layer::Identity).into_iter().chain(silent.iter().copied());
            before.chain(one(session, Layer::Session)).chain(one(resource, Layer::Resource)).collect()
        };

        if !self.same_account {
            return missing(identity, resource(&|_| true));
        }

        // A resource policy that names the caller closely enough skips implicit denials (rule 16).
        let closely = resource(&|named| matches!(named, Named::Directly | Named::Session | Named::Anyone));
        let by_role = resource(&|named| named == Named::Role);
        if closely || (by_role && silent.is_empty() && session) {
            return Vec::new();
        }
        let delegated = match self.policies.resource_rule {
            ResourceRule::Either => true,
            ResourceRule::Required => resource(&|named| {
                matches!(named, Named::Account | Named::FederatingUser | Named::Role)
            }),
        };
        missing(identity || by_role, delegated)
    }

    /// What would have to hold, in the way that asks least: for each layer that must allow and allows only perhaps,
    /// its least doubtful grant; and every uncertain denial must fail.
    fn requirements(&self, hits: &[Hit]) -> Vec<Requirement> {
        let mut out = Vec::new();
        let certain_route = |layer: Layer, level: usize| {
            hits.iter().any(|h| {
                h.layer == layer && h.level == level && h.effect == Effect::Allow && h.certainty == Tri::True
            })
        };
        let least = |layer: Layer, level: usize| {
            hits.iter()
                .filter(|h| h.layer == layer && h.level == level && h.effect == Effect::Allow)
                .min_by_key(|h| h.doubts.len())
        };
        let require = |layer: Layer, level: usize, out: &mut Vec<Requirement>| {
            if !certain_route(layer, level) {
                out.extend(least(layer, level).cloned().map(Requirement::Hit));
            }
        };
        for level in 0..self.scps.unwrap_or(0) {
            require(Layer::Scp, level, &mut out);
        }
        if self.policies.endpoint.is_some() {
            require(Layer::Endpoint, 0, &mut out);
        }
        // Which grants are missing when nothing uncertain counts?
        let missing = self.missing_grants(hits, Bound::Lower);
        let foreign = self.policies.identity_unknown || self.request.caller.kind == CallerKind::Account;
        let mut identity_open = false;
        for layer in &missing {
            if *layer == Layer::Identity && foreign {
                identity_open = true;
                out.push(Requirement::ForeignIdentity);
            } else {
                require(*layer, 0, &mut out);
            }
        }
        // Within an account the resource policy is another way in.
        let only_resource = missing.contains(&Layer::Identity)
            && !identity_open
            && least(Layer::Identity, 0).is_none()
            && self.same_account;
        if only_resource {
            require(Layer::Resource, 0, &mut out);
        }
        let denials = hits.iter().filter(|h| h.effect == Effect::Deny && h.certainty == Tri::Unknown);
        out.extend(denials.cloned().map(Requirement::Hit));
        out
    }
}

#[cfg(test)]
mod tests;
