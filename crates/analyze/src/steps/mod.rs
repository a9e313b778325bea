//! How authority moves: from one entity to the next, one step at a time. Paths are chains of these.
//!
//! * [`structural`] — read off configuration: runs as, member of, invokes, triggered by, image of;
//! * [`assume`] — who can become which role, trust and identity sides both checked;
//! * [`effective`] — who can make a workload run, push its code, read a stored credential;
//! * [`technique`] — escalation techniques, from a table.
//!
//! A step that configuration suggests and a policy forbids is kept as denied, with what blocks it.

mod assume;
mod effective;
mod structural;
pub mod technique;

use rayon::prelude::*;
use sv0_iam::condition::Context;
use sv0_iam::decide::Layer;
use sv0_iam::syntax::Effect;
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::{BlockedBy, ConditionText, PathVerdict, StatementRef};

use crate::ask::{Answer, Asker, Target};
use crate::words;
use crate::world::World;

/// One way for authority to move.
#[derive(Debug, Clone)]
pub struct Step {
    /// What kind.
    pub edge: EdgeKind,
    /// From.
    pub from: NodeId,
    /// To.
    pub to: NodeId,
    /// Whether it is real.
    pub verdict: PathVerdict,
    /// The action that makes it, where one does.
    pub action: Option<String>,
    /// In words, with names.
    pub text: String,
    /// Deciding statements.
    pub statements: Vec<StatementRef>,
    /// What has to hold.
    pub conditions: Vec<ConditionText>,
    /// For denied steps: what stands in the way.
    pub blocked: Vec<BlockedBy>,
    /// How sure it is.
    pub confidence: Confidence,
    /// The group whose policies alone make it.
    pub group: Option<NodeId>,
    /// What the step works on, where that is neither end: the policy that is rewritten.
    pub on: Option<NodeId>,
}

/// All steps, by where they start.
#[derive(Debug, Default)]
pub struct Steps {
    steps: Vec<Step>,
    out: Vec<Vec<u32>>,
    into: Vec<Vec<u32>>,
}

impl Steps {
    /// Computes all steps of a world.
    #[must_use]
    pub fn build(world: &World) -> Self {
        let askers: Vec<Asker<'_>> = askers(world);
        let levers = effective::levers(world);
        let targets = technique::Targets::of(world);
        let mut steps = structural::steps(world);
        steps.extend(assume::steps(world, &askers));
        let computed: Vec<Vec<Step>> = askers
            .par_iter()
            .map(|asker| {
                let mut out = effective::of_principal(world, asker, &levers);
                out.extend(technique::of_principal(world, asker, &targets));
                out
            })
            .collect();
        steps.extend(computed.into_iter().flatten());
        Self::index(world, steps)
    }

    fn index(world: &World, mut steps: Vec<Step>) -> Self {
        // The same move by several techniques is told once, by the first in the table; steps that are there already for
        // another reason need no technique.
        steps.sort_by_key(|step| (step.from, step.to, step.edge, step.verdict));
        steps.dedup_by(|b, a| (a.from, a.to, a.edge) == (b.from, b.to, b.edge));
        let mut out = vec![Vec::new(); world.graph.len()];
        let mut into = vec![Vec::new(); world.graph.len()];
        for (i, step) in steps.iter().enumerate() {
            let i = u32::try_from(i).unwrap_or(u32::MAX);
            if let Some(list) = out.get_mut(step.from.index()) {
                list.push(i);
            }
            if let Some(list) = into.get_mut(step.to.index()) {
                list.push(i);
            }
        }
        Self { steps, out, into }
    }

    /// Steps that start at a node.
    pub fn from(&self, node: NodeId) -> impl Iterator<Item = &Step> {
        self.out
            .get(node.index())
            .into_iter()
            .flatten()
            .filter_map(|i| self.steps.get(*i as usize))
    }

    /// Steps that lead to a node.
    pub fn to(&self, node: NodeId) -> impl Iterator<Item = &Step> {
        self.into
            .get(node.index())
            .into_iter()
            .flatten()
            .filter_map(|i| self.steps.get(*i as usize))
    }

    /// All steps.
    #[must_use]
    pub fn all(&self) -> &[Step] {
        &self.steps
    }
}

/// Everybody who can act: collected users and roles, and the strangers that policies name.
#[must_use]
pub fn askers(world: &World) -> Vec<Asker<'_>> {
    let mut out: Vec<Asker<'_>> = world
        .principals
        .keys()
        .map(|node| Asker::node(world, *node))
        .collect();
    out.extend(strangers(world));
    out
}

/// Accounts and principals outside what was collected, and anonymous callers.
pub(crate) fn strangers(world: &World) -> impl Iterator<Item = Asker<'_>> {
    stranger_nodes(world).map(|id| Asker::node(world, id))
}

pub(crate) fn stranger_nodes(world: &World) -> impl Iterator<Item = NodeId> {
    let strange = |kind| {
        matches!(
            kind,
            Kind::ExternalAccount | Kind::ExternalPrincipal | Kind::Anonymous
        )
    };
    let all = world.graph.nodes();
    all.filter(move |(_, node)| strange(node.record.kind))
        .map(|(id, _)| id)
}

/// An answer as a step or hop shows it.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) verdict: PathVerdict,
    pub(crate) statements: Vec<StatementRef>,
    pub(crate) conditions: Vec<ConditionText>,
    pub(crate) blocked: Vec<BlockedBy>,
    pub(crate) group: Option<NodeId>,
    /// Whether some policy, on either side, grants it.
    pub(crate) granted: bool,
}

/// Asks and puts the answer into words.
pub(crate) fn judge(
    world: &World,
    asker: &Asker<'_>,
    action: &str,
    target: Target<'_>,
    context: Option<&Context>,
) -> Judged {
    let answer = match context {
        Some(context) => asker.ask_in(action, target, context),
        None => asker.ask(action, target),
    };
    describe(world, asker, action, target.node, &answer)
}

pub(crate) fn describe(
    world: &World,
    asker: &Asker<'_>,
    action: &str,
    target: Option<NodeId>,
    answer: &Answer,
) -> Judged {
    let decision = &answer.decision;
    let mut conditions = words::requirements(world, asker, answer);
    conditions.retain(|c| !c.text.is_empty());
    let verdict = match answer.verdict() {
        sv0_iam::decide::Verdict::Allowed => PathVerdict::Allowed,
        sv0_iam::decide::Verdict::AllowedIf => PathVerdict::AllowedIf,
        _ => PathVerdict::Denied,
    };
    Judged {
        verdict,
        statements: words::statements(world, decision),
        conditions,
        blocked: words::blocks(world, asker, action, target, decision),
        group: group_of(world, answer),
        granted: crate::ask::grants(decision).next().is_some(),
    }
}

/// The group through which alone the identity side allows.
fn group_of(world: &World, answer: &Answer) -> Option<NodeId> {
    let mut groups = answer
        .decision
        .hits
        .iter()
        .filter(|hit| hit.layer == Layer::Identity && hit.effect == Effect::Allow)
        .map(|hit| world.attachment(hit.tag).and_then(|attachment| attachment.via));
    let first = groups.next()??;
    groups.all(|group| group == Some(first)).then_some(first)
}

/// Puts an answer into a step.
pub(crate) fn step(
    edge: EdgeKind,
    from: NodeId,
    to: NodeId,
    action: &str,
    text: String,
    judged: Judged,
) -> Step {
    Step {
        edge,
        from,
        to,
        verdict: judged.verdict,
        action: Some(action.to_owned()),
        text,
        statements: judged.statements,
        conditions: judged.conditions,
        blocked: judged.blocked,
        confidence: Confidence::Certain,
        group: judged.group,
        on: None,
    }
}
