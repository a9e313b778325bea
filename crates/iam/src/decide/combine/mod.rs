//! How the layers go together: the one place that knows the order of AWS's evaluation.

use std::cmp::Reverse;

use super::{
    Block, Decision, Hit, Layer, Policies, Request, Requirement, ResourceRule, Verdict, boundary, endpoint,
    identity, protected, public_access, rcp, resource, scp, session,
};
use crate::name::principal::{CallerKind, Named};
use crate::syntax::ast::Effect;
use crate::tri::Tri;

/// What is taken for granted of what is not certain.
#[derive(Clone, Copy)]
struct Reading<'a> {
    /// The uncertain grants that count.
    grants: Grants<'a>,
    /// Whether uncertain denials count.
    denials: bool,
    /// Whether identity policies that nobody has read are taken to allow.
    foreign: bool,
}

#[derive(Clone, Copy)]
enum Grants<'a> {
    Every,
    Just(&'a [&'a Hit]),
}

impl Reading<'_> {
    /// What is allowed for certain: uncertain grants do not count, uncertain denials do.
    const LOWER: Self = Self {
        grants: Grants::Just(&[]),
        denials: true,
        foreign: false,
    };
    /// What is allowed at best: the reverse.
    const UPPER: Self = Self {
        grants: Grants::Every,
        denials: false,
        foreign: true,
    };

    fn counts(self, hit: &Hit) -> bool {
        hit.certainty == Tri::True
            || match (hit.effect, self.grants) {
                (Effect::Deny, _) => self.denials,
                (Effect::Allow, Grants::Every) => true,
                (Effect::Allow, Grants::Just(some)) => some.iter().any(|one| std::ptr::eq(*one, hit)),
            }
    }
}

/// Answers a request.
#[must_use]
pub fn decide(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    // AWS: "No permissions are required to perform this operation", not even against an explicit deny (rule 7).
    if request.action.eq_ignore_ascii_case("sts:GetCallerIdentity") {
        return Decision {
            verdict: Verdict::Allowed,
            hits: vec![],
            blocks: vec![],
            requirements: vec![],
        };
    }
    let case = Case::new(request, policies);
    let hits = case.hits();
    let lower = case.blocks(&hits, Reading::LOWER);
    let upper = case.blocks(&hits, Reading::UPPER);
    if lower.is_empty() {
        return Decision {
            verdict: Verdict::Allowed,
            hits,
            blocks: vec![],
            requirements: vec![],
        };
    }
    if upper.is_empty() {
        let requirements = case.requirements(&hits);
        return Decision {
            verdict: Verdict::AllowedIf,
            hits,
            blocks: vec![],
            requirements,
        };
    }
    let verdict = if upper.iter().any(|block| block.explicit) {
        Verdict::ExplicitDeny
    } else {
        Verdict::ImplicitDeny
    };
    Decision {
        verdict,
        hits,
        blocks: upper,
        requirements: vec![],
    }
}

/// What AWS refuses by itself, whatever any policy says: a function of the request's resource and the public resource
/// policies, not of the context.
#[must_use]
pub fn refusals(request: &Request<'_>, policies: &Policies<'_>) -> Vec<Block> {
    let by = |layer: Layer, explicit: bool| Block {
        layer,
        level: 0,
        explicit,
    };
    let mut out = Vec::new();
    if protected::refuses(request.action, request.resource.text) {
        out.push(by(Layer::Protected, false));
    }
    if !same_account(request) && public_access::refuses(request, policies) {
        out.push(by(Layer::BlockPublicAccess, true));
    }
    out
}

/// Whether caller and resource are of one account.
fn same_account(request: &Request<'_>) -> bool {
    let account = request.caller.account.as_deref();
    account.is_some() && account == request.resource_account.or(account)
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
    /// What no policy can lift.
    refusals: Vec<Block>,
}

impl<'a> Case<'a> {
    fn new(request: &'a Request<'a>, policies: &'a Policies<'a>) -> Self {
        let iam = request
            .action
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("iam:"));
        Self {
            request,
            policies,
            same_account: same_account(request),
            scps: policies
                .scps
                .as_ref()
                .filter(|_| scp::binds(request))
                .map(Vec::len),
            rcps: policies.rcps.is_some() && rcp::binds(request),
            resource_policies: !iam,
            refusals: refusals(request, policies),
        }
    }

    fn hits(&self) -> Vec<Hit> {
        let (request, policies) = (self.request, self.policies);
        let bounded = request.caller.is_iam() && !policies.boundaries.is_empty();
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
    fn blocks(&self, hits: &[Hit], reading: Reading<'_>) -> Vec<Block> {
        let mut out: Vec<Block> = hits
            .iter()
            .filter(|hit| hit.effect == Effect::Deny && reading.counts(hit))
            .map(|hit| Block {
                layer: hit.layer,
                level: hit.level,
                explicit: true,
            })
            .chain(self.refusals.iter().copied())
            .collect();
        let mut implicit = |layer, level| {
            out.push(Block {
                layer,
                level,
                explicit: false,
            })
        };
        let allows = |layer, level| {
            hits.iter().any(|hit| {
                hit.layer == layer && hit.level == level && hit.effect == Effect::Allow && reading.counts(hit)
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
        for (layer, level) in self.missing_grants(hits, reading) {
            implicit(layer, level);
        }
        out.sort();
        out.dedup();
        out
    }

    /// The layers whose grant is missing, among identity, boundary, session and resource; boundaries one by one.
    fn missing_grants(&self, hits: &[Hit], reading: Reading<'_>) -> Vec<(Layer, usize)> {
        let caller = self.request.caller;
        let allow = |layer: Layer| {
            hits.iter()
                .any(|h| h.layer == layer && h.effect == Effect::Allow && reading.counts(h))
        };
        let resource = |wanted: &dyn Fn(Named) -> bool| {
            hits.iter().any(|h| {
                h.layer == Layer::Resource
                    && h.effect == Effect::Allow
                    && reading.counts(h)
                    && h.named.is_some_and(wanted)
            })
        };
        if !caller.is_iam() {
            return if resource(&|_| true) {
                vec![]
            } else {
                vec![(Layer::Resource, 0)]
            };
        }
        // AWS: neither call can be made with root user credentials, whoever trusts them.
        let of_others = ["sts:AssumeRole", "sts:AssumeRoot"];
        if caller.kind == CallerKind::Root
            && of_others
                .iter()
                .any(|action| self.request.action.eq_ignore_ascii_case(action))
        {
            return vec![(Layer::Identity, 0)];
        }

        let unknown_identity = self.policies.identity_unknown || caller.kind == CallerKind::Account;
        let identity = caller.kind == CallerKind::Root
            || allow(Layer::Identity)
            || (unknown_identity && reading.foreign);
        // Each boundary must allow; `permission_boundaries` of a role and of its permission set are two.
        let silent: Vec<(Layer, usize)> = (0..self.policies.boundaries.len())
            .filter(|index| {
                !hits.iter().any(|h| {
                    h.layer == Layer::Boundary
                        && h.level == *index
                        && h.effect == Effect::Allow
                        && reading.counts(h)
                })
            })
            .map(|index| (Layer::Boundary, index))
            .collect();
        let session = self.policies.session.is_none() || allow(Layer::Session);
        let missing = |identity: bool, resource: bool| {
            let one = |holds: bool, layer: Layer| (!holds).then_some((layer, 0));
            let before = one(identity, Layer::Identity)
                .into_iter()
                .chain(silent.iter().copied());
            before
                .chain(one(session, Layer::Session))
                .chain(one(resource, Layer::Resource))
                .collect()
        };

        if !self.same_account {
            return missing(identity, resource(&|_| true));
        }

        // A resource policy that names the caller closely enough skips implicit denials (rule 16).
        let closely = resource(&|named| matches!(named, Named::Directly | Named::Session | Named::Anyone));
        // What is given to the role, or to the user whose session it is, counts before the session is made: boundary and
        // session policy limit it, identity policies do not.
        let by_role = resource(&|named| matches!(named, Named::Role | Named::FederatingUser));
        if closely || (by_role && silent.is_empty() && session) {
            return Vec::new();
        }
        let delegated = match self.policies.resource_rule {
            ResourceRule::Either => true,
            ResourceRule::Required => {
                resource(&|named| matches!(named, Named::Account | Named::FederatingUser | Named::Role))
            }
        };
        missing(identity || by_role, delegated)
    }

    /// What would have to hold, in a way that asks for nothing that can be done without: some uncertain grants, and
    /// that every uncertain denial fails.
    fn requirements(&self, hits: &[Hit]) -> Vec<Requirement> {
        // Grants of the same kind can stand for each other, so the least doubtful of each kind is enough.
        let mut wanted: Vec<&Hit> = Vec::new();
        for hit in hits
            .iter()
            .filter(|h| h.effect == Effect::Allow && h.certainty == Tri::Unknown)
        {
            let kind = |h: &Hit| (h.layer, h.level, h.named);
            match wanted.iter_mut().find(|other| kind(other) == kind(hit)) {
                Some(other) if hit.doubts.len() < other.doubts.len() => *other = hit,
                Some(_) => {}
                None => wanted.push(hit),
            }
        }
        // Leave out what can be done without: the most doubtful first, and resource policies before identity policies.
        wanted.sort_by_key(|hit| Reverse((hit.doubts.len(), hit.layer)));
        let suffices = |grants: &[&Hit], foreign: bool| {
            self.blocks(
                hits,
                Reading {
                    grants: Grants::Just(grants),
                    denials: false,
                    foreign,
                },
            )
            .is_empty()
        };
        let mut at = 0;
        while at < wanted.len() {
            let mut fewer = wanted.clone();
            fewer.remove(at);
            if suffices(&fewer, true) {
                wanted = fewer
            } else {
                at += 1
            }
        }
        let foreign = !suffices(&wanted, false);
        wanted.sort_by_key(|hit| (hit.layer, hit.level));
        let denials = hits
            .iter()
            .filter(|h| h.effect == Effect::Deny && h.certainty == Tri::Unknown);
        let all = wanted.into_iter().chain(denials).cloned().map(Requirement::Hit);
        foreign
            .then_some(Requirement::ForeignIdentity)
            .into_iter()
            .chain(all)
            .collect()
    }
}

#[cfg(test)]
mod tests;
