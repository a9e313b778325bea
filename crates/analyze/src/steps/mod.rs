//! How authority moves: from one entity to the next, one step at a time. Paths are chains of these.
//!
//! * [`structural`] — read off configuration: runs as, member of, invokes, triggered by, image of;
//! * [`assume`] — who can become which role, trust and identity sides both checked;
//! * [`effective`] — who can make a workload run, push its code, read a stored credential; [`ways`] by what requests;
//! * [`technique`] — escalation techniques, from a table;
//! * [`bridges`] — whom administrators become, because it leads out of their account.
//!
//! A step that configuration suggests and a policy forbids is kept as denied, with what blocks it.

mod assume;
mod bridges;
mod change;
mod effective;
mod structural;
pub mod technique;
mod ways;

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sv0_iam::condition::Context;
use sv0_iam::decide::Layer;
use sv0_iam::syntax::Effect;
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::{BlockedBy, ConditionText, PathVerdict, StatementRef};

pub use self::change::Difference;
pub(crate) use self::change::{Bearing, Nearby};
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

/// A step before it is put into words: small, since there are very many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    /// What kind.
    pub edge: EdgeKind,
    /// Whether it is real.
    pub verdict: PathVerdict,
    /// From.
    pub from: NodeId,
    /// To.
    pub to: NodeId,
    pub(crate) how: How,
}

/// What a move comes from: enough to put it into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// A step that was worked out as a whole.
    Known(u32),
    /// A trust policy and its other side.
    Assume,
    /// An action that sets the target in motion.
    Lever,
    /// A technique of the table, and what it works on.
    Technique { number: u16, on: NodeId },
    /// An administrator becomes whom another account names, by this technique of the catalogue ([`bridges`]).
    Bridge { number: u16 },
}

/// All steps, by where they start.
#[derive(Debug, Default)]
pub struct Steps {
    moves: Vec<Move>,
    /// By node: where its moves begin; they lie together.
    out: Vec<u32>,
    /// By node, and one more: where those that lead to it begin in `into`.
    into_starts: Vec<u32>,
    into: Vec<u32>,
    known: Vec<Step>,
    /// Whom administrators become.
    bridges: bridges::Bridges,
    /// Whether moves that hang on conditions were looked at closely.
    settled: bool,
    /// Nodes of which moves have changed since: all that start there, and all that lead there.
    changed_out: FxHashMap<NodeId, Vec<Move>>,
    changed_into: FxHashMap<NodeId, Vec<Move>>,
    /// By move: what a closer look said of it (its place in [`LOOKED`] and one); none where all were looked at.
    looked: Vec<AtomicU8>,
    /// Steps that were put into words, by kind and ends.
    told: RwLock<FxHashMap<Ends, Option<Arc<Step>>>>,
}

/// What [`Steps::verdict`] remembers, from one on.
const LOOKED: [PathVerdict; 3] = [PathVerdict::Allowed, PathVerdict::AllowedIf, PathVerdict::Denied];

/// A kind of move, and its ends: there is one such move at most.
type Ends = (EdgeKind, NodeId, NodeId);

impl Steps {
    /// Computes all steps of a world.
    ///
    /// Verdicts are worked out for everybody at once. Those that hang on conditions are then looked at closely, one by one,
    /// as they may turn out to be certain or impossible; where they are very many, only when somebody asks for one
    /// ([`Steps::verdict`]).
    #[must_use]
    pub fn build(world: &World) -> Self {
        let mut known = structural::steps(world);
        known.extend(assume::of_providers(world));
        let moved = |(step, number): (&Step, u32)| Move {
            edge: step.edge,
            verdict: step.verdict,
            from: step.from,
            to: step.to,
            how: How::Known(number),
        };
        let mut moves: Vec<Move> = known.iter().zip(0..).map(moved).collect();
        moves.extend(assume::moves(world));
        moves.extend(effective::moves(world));
        moves.extend(technique::moves(world, None));
        let bridges = bridges::Bridges::of(world);
        moves.extend(bridges.moves(world, None));
        let settled = moves.iter().filter(|found| is_open(found)).count() <= MOST_SETTLED;
        if settled {
            settle(world, &mut moves);
        }
        let mut out = Self {
            known,
            bridges,
            settled,
            ..Self::default()
        };
        out.index(world.graph.len(), moves);
        out
    }

    fn index(&mut self, nodes: usize, mut moves: Vec<Move>) {
        in_order(&mut moves);
        let starts = |end: fn(&Move) -> NodeId| {
            let mut starts = vec![0_u32; nodes + 1];
            for found in &moves {
                if let Some(count) = starts.get_mut(end(found).index() + 1) {
                    *count += 1;
                }
            }
            let mut sum = 0;
            for start in &mut starts {
                sum += *start;
                *start = sum;
            }
            starts
        };
        self.out = starts(|found| found.from);
        self.into_starts = starts(|found| found.to);
        let mut into: Vec<u32> = (0..number(moves.len())).collect();
        into.sort_by_key(|at| moves.get(*at as usize).map(|found| found.to));
        self.into = into;
        moves.shrink_to_fit();
        self.looked = if self.settled {
            Vec::new()
        } else {
            moves.iter().map(|_| AtomicU8::new(0)).collect()
        };
        self.moves = moves;
    }

    fn span<'a, T>(starts: &[u32], list: &'a [T], node: NodeId) -> &'a [T] {
        let at = |index: usize| starts.get(index).map_or(list.len(), |start| *start as usize);
        list.get(at(node.index())..at(node.index() + 1))
            .unwrap_or_default()
    }

    /// Moves that start at a node, in the order of where they lead.
    fn list(&self, node: NodeId) -> &[Move] {
        match self.changed_out.get(&node) {
            Some(list) => list,
            None => Self::span(&self.out, &self.moves, node),
        }
    }

    /// Moves that start at a node.
    pub fn from(&self, node: NodeId) -> impl Iterator<Item = &Move> {
        self.list(node).iter()
    }

    /// Moves that start at a node and are worth following: whoever certainly assumes a role needs no technique to become it.
    pub fn onward(&self, node: NodeId) -> impl Iterator<Item = &Move> {
        let list = self.list(node);
        list.iter().filter(move |found| {
            let same = list.partition_point(|other| other.to < found.to);
            let same = list.get(same..).unwrap_or_default().iter();
            let mut same = same.take_while(|other| other.to == found.to);
            let assumes =
                |other: &Move| other.edge == EdgeKind::Assumes && other.verdict == PathVerdict::Allowed;
            !matches!(found.how, How::Technique { .. } | How::Bridge { .. }) || !same.any(assumes)
        })
    }

    /// The technique that a move takes, where it takes one that its origin was not given: what administrators become
    /// ([`bridges`]) is theirs already.
    #[must_use]
    pub fn technique(&self, found: &Move) -> Option<&'static technique::Technique> {
        match found.how {
            How::Technique { number, .. } => technique::techniques().get(usize::from(number)),
            _ => None,
        }
    }

    /// Moves that lead to a node.
    pub fn to(&self, node: NodeId) -> impl Iterator<Item = &Move> {
        let changed = self.changed_into.get(&node);
        let found = match changed {
            Some(_) => &[],
            None => Self::span(&self.into_starts, &self.into, node),
        };
        let found = found.iter().filter_map(|at| self.moves.get(*at as usize));
        found.chain(changed.into_iter().flatten())
    }

    /// All moves.
    pub fn all(&self) -> impl Iterator<Item = &Move> {
        let nodes = (0..self.out.len().saturating_sub(1)).map(|at| NodeId(number(at)));
        nodes.flat_map(|node| self.from(node))
    }

    /// Whether a move is real, looked at closely.
    #[must_use]
    pub fn verdict(&self, world: &World, found: &Move) -> PathVerdict {
        if self.settled || found.verdict != PathVerdict::AllowedIf {
            return found.verdict;
        }
        let place = self.place(found).and_then(|at| self.looked.get(at));
        // Nothing hangs on the order in which threads see it: each would write the same.
        let known = place.map_or(0, |place| place.load(Ordering::Relaxed));
        if let Some(verdict) = LOOKED.get(usize::from(known).wrapping_sub(1)) {
            return *verdict;
        }
        let verdict = self
            .describe(world, found)
            .map_or(PathVerdict::Denied, |step| step.verdict);
        if let (Some(place), Some(at)) = (place, LOOKED.iter().position(|other| *other == verdict)) {
            place.store(u8::try_from(at + 1).unwrap_or(0), Ordering::Relaxed);
        }
        verdict
    }

    /// Where a move stands among all; none where those of its origin have changed.
    fn place(&self, found: &Move) -> Option<usize> {
        if self.changed_out.contains_key(&found.from) || self.changed_into.contains_key(&found.to) {
            return None;
        }
        let first = *self.out.get(found.from.index())? as usize;
        let list = Self::span(&self.out, &self.moves, found.from);
        let same = list.partition_point(|other| other.to < found.to);
        let offset = list.get(same..)?.iter().position(|other| other == found)?;
        Some(first + same + offset)
    }

    /// A move in words, with the statements that decide it; none for a move of other steps.
    #[must_use]
    pub fn describe(&self, world: &World, found: &Move) -> Option<Arc<Step>> {
        // A list is in the order of where it leads; that of an account's root has thousands.
        let list = self.list(found.from);
        let same = list.partition_point(|other| other.to < found.to);
        let mut same = list.get(same..).unwrap_or_default().iter();
        if !same
            .by_ref()
            .take_while(|other| other.to == found.to)
            .any(|other| other == found)
        {
            return None;
        }
        let key = (found.edge, found.from, found.to);
        let known = self.told.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = known.get(&key) {
            return step.clone();
        }
        drop(known);
        let step = match found.how {
            How::Known(at) => self.known.get(at as usize).cloned(),
            _ => describe(world, found),
        };
        let step = step.map(Arc::new);
        let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
        told.insert(key, step.clone());
        step
    }
}

/// Whether a closer look may tell that a move is certain or impossible.
fn is_open(found: &Move) -> bool {
    found.verdict == PathVerdict::AllowedIf && !matches!(found.how, How::Known(_))
}

/// Looks closely at moves that hang on conditions.
fn settle(world: &World, moves: &mut [Move]) {
    moves
        .par_iter_mut()
        .filter(|found| is_open(found))
        .for_each(|found| {
            found.verdict = describe(world, found).map_or(PathVerdict::Denied, |step| step.verdict);
        });
}

/// The same move by several techniques is told once, by the first in the table; steps that are there already for another
/// reason need no technique.
fn in_order(moves: &mut Vec<Move>) {
    moves.sort_by_key(|found| (found.from, found.to, found.edge, found.verdict));
    moves.dedup_by(|b, a| (a.from, a.to, a.edge) == (b.from, b.to, b.edge));
}

/// Moves that hang on conditions and are all looked at closely.
const MOST_SETTLED: usize = 20_000;

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Puts a move into words; none where, looked at closely, there is nothing to tell.
fn describe(world: &World, found: &Move) -> Option<Step> {
    let asker = Asker::node(world, found.from);
    match found.how {
        How::Known(_) => None,
        How::Assume => assume::assume(world, &asker, found.to),
        How::Lever => effective::pull(world, &asker, found.from, found.to),
        How::Technique { number, on } => technique::step_of(world, &asker, found, number, on),
        How::Bridge { number } => technique::step_of(world, &asker, found, number, found.to),
    }
}

/// What somebody can do to set an entity in motion.
pub(crate) fn pull(world: &World, asker: &Asker<'_>, node: NodeId) -> Option<Step> {
    effective::pull(world, asker, asker.node?, node)
}

/// Whether anybody could set an entity in motion.
pub(crate) fn is_lever(world: &World, node: NodeId) -> bool {
    effective::is_lever(world, node)
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

impl Judged {
    /// Two requests that both have to be allowed.
    fn and(mut self, other: Self) -> Self {
        self.verdict = self.verdict.max(other.verdict);
        self.statements.extend(other.statements);
        self.statements.sort();
        self.statements.dedup();
        self.conditions.extend(other.conditions);
        self.conditions.sort();
        self.conditions.dedup();
        self.blocked.extend(other.blocked);
        self.group = self.group.filter(|group| other.group == Some(*group));
        self.granted &= other.granted;
        self
    }
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
    describe_answer(world, asker, action, target.node, &answer)
}

pub(crate) fn describe_answer(
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Everybody and everything, pair by pair.
    fn one_by_one(world: &World) -> BTreeSet<(EdgeKind, String, String)> {
        let mut out = BTreeSet::new();
        let mut add = |step: Option<Step>| {
            if let Some(step) = step.filter(|step| step.verdict != PathVerdict::Denied) {
                out.insert((
                    step.edge,
                    world.id(step.from).to_owned(),
                    world.id(step.to).to_owned(),
                ));
            }
        };
        let bridges = bridges::Bridges::of(world);
        for asker in askers(world) {
            let Some(from) = asker.node else { continue };
            let admin = crate::scope::is_administrator(world, &asker);
            for (to, node) in world.graph.nodes() {
                if world.principals.get(&to).is_some_and(|p| p.trust.is_some()) {
                    add(assume::assume(world, &asker, to));
                }
                if from != to {
                    add(effective::pull(world, &asker, from, to));
                }
                if !world.principals.contains_key(&from) {
                    continue;
                }
                if admin {
                    let here = node.record.account == world.node(from).record.account;
                    let number = bridges::becoming(node.record.kind);
                    if let Some(number) = number.filter(|_| here && bridges.leads_out(to)) {
                        for step in technique::steps_between(world, &asker, number, from, to) {
                            add(Some(step));
                        }
                    }
                    continue;
                }
                for number in 0..technique::techniques().len() {
                    let number = u16::try_from(number).unwrap_or_default();
                    for step in technique::steps_between(world, &asker, number, from, to) {
                        add(Some(step));
                    }
                }
            }
        }
        out
    }

    fn compare(world: &World) {
        let steps = Steps::build(world);
        let computed = |found: &&Move| !matches!(found.how, How::Known(_));
        let together: BTreeSet<(EdgeKind, String, String)> = steps
            .all()
            .filter(computed)
            .filter(|found| found.verdict != PathVerdict::Denied)
            .map(|found| {
                let told = steps.describe(world, found);
                let name = format!("{found:?} {} {}", world.id(found.from), world.id(found.to));
                let told = told.unwrap_or_else(|| panic!("{name}"));
                assert_eq!(told.verdict, found.verdict, "{}", told.text);
                let id = |node| world.id(node).to_owned();
                (found.edge, id(found.from), id(found.to))
            })
            .collect();
        let alone = one_by_one(world);
        assert!(alone.len() > 40, "{}", alone.len());
        let known: BTreeSet<_> = steps
            .all()
            .filter(|found| matches!(found.how, How::Known(_)))
            .map(|found| {
                let id = |node| world.id(node).to_owned();
                (found.edge, id(found.from), id(found.to))
            })
            .collect();
        let missing: Vec<_> = alone
            .difference(&together)
            .filter(|step| !known.contains(*step))
            .collect();
        assert!(missing.is_empty(), "one by one only: {missing:#?}");
        let more: Vec<_> = together.difference(&alone).collect();
        assert!(more.is_empty(), "together only: {more:#?}");
    }

    #[test]
    fn moves_of_everybody_are_those_of_each_in_the_demo() {
        let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
        compare(&crate::normalize::build(loaded.records, loaded.gaps));
    }

    #[test]
    fn moves_of_everybody_are_those_of_each_in_a_made_up_organisation() {
        let size = sv0_bench::Size {
            accounts: 3,
            roles: 60,
            users: 12,
            ..sv0_bench::Preset::S.size()
        };
        let records = sv0_bench::Organization::new(5, size).records().collect();
        compare(&crate::normalize::build(records, Vec::new()));
    }
}
