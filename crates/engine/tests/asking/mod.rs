//! Asks the compiled evaluator what the plain one is asked.

#![allow(
    dead_code,
    reason = "each test that includes this file uses its own part of it"
)]

use sv0_engine::compiled::{Action, Layers, Library, PolicyId, Question, Resource, Who};
use sv0_iam::decide::{Attached, Policies, Request, ResourceRule, Verdict};

/// The policies of a request, by id.
pub(crate) struct Ids {
    identity: Vec<PolicyId>,
    identity_unknown: bool,
    boundaries: Vec<PolicyId>,
    session: Option<Vec<PolicyId>>,
    scps: Option<Vec<Vec<PolicyId>>>,
    rcps: Option<Vec<Vec<PolicyId>>>,
    resource: Vec<PolicyId>,
    endpoint: Option<Vec<PolicyId>>,
    resource_rule: ResourceRule,
    block_public_access: bool,
}

impl Ids {
    pub(crate) fn new(library: &mut Library, policies: &Policies<'_>) -> Self {
        let mut all = |attached: &[Attached<'_>]| -> Vec<PolicyId> {
            attached
                .iter()
                .map(|attached| library.add(attached.policy))
                .collect()
        };
        let mut levels = |levels: &Option<Vec<Vec<Attached<'_>>>>| {
            let levels = levels.as_ref()?;
            Some(levels.iter().map(|level| all(level)).collect())
        };
        let (scps, rcps) = (levels(&policies.scps), levels(&policies.rcps));
        Self {
            identity: all(&policies.identity),
            identity_unknown: policies.identity_unknown,
            boundaries: all(&policies.boundaries),
            session: policies.session.as_deref().map(&mut all),
            scps,
            rcps,
            resource: all(&policies.resource),
            endpoint: policies.endpoint.as_deref().map(&mut all),
            resource_rule: policies.resource_rule,
            block_public_access: policies.block_public_access,
        }
    }

    pub(crate) fn layers(&self) -> Layers<'_> {
        Layers {
            identity: &self.identity,
            identity_unknown: self.identity_unknown,
            boundaries: &self.boundaries,
            session: self.session.as_deref(),
            scps: self.scps.as_deref(),
            rcps: self.rcps.as_deref(),
            resource: &self.resource,
            endpoint: self.endpoint.as_deref(),
            resource_rule: self.resource_rule,
            block_public_access: self.block_public_access,
        }
    }
}

/// The compiled verdict.
pub(crate) fn compiled(library: &mut Library, request: &Request<'_>, policies: &Policies<'_>) -> Verdict {
    let ids = Ids::new(library, policies);
    let library = &*library;
    let facts = library.facts(request.context);
    let question = Question {
        who: &Who::new(request.caller),
        action: &Action::new(request.action),
        resource: &Resource::new(request.resource.text),
        resource_account: request.resource_account,
        facts: &facts,
        more: None,
    };
    library.decide(&question, &ids.layers())
}

/// How many random cases: what the environment says, or few enough for every day.
pub(crate) fn cases() -> u32 {
    let given = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or(2_000)
}
