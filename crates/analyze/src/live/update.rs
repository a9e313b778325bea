//! One document becomes another: whether only what depends on it needs to be worked out again, what that is, and the change
//! itself.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use sv0_iam::syntax::ast::{Condition, Effect, PrincipalEntry};
use sv0_iam::syntax::{Policy, Statement};
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::PolicyText;

use super::index::Index;
use crate::ask::Asker;
use crate::normalize::{self, anywhere, calls, environment, library};
use crate::objects;
use crate::steps::{Bearing, Nearby};
use crate::world::World;

/// A change that keeps all entities, and all edges but those that say whom a role trusts.
pub(super) struct Change {
    node: NodeId,
    at: usize,
    slot: Slot,
    text: PolicyText,
    /// The document as it was, and as it will be.
    old: Arc<Policy>,
    new: Arc<Policy>,
    /// Its places.
    tags: Vec<u32>,
    /// What it names and was not collected, by place: before and after.
    mentions: Vec<(Vec<String>, Vec<String>)>,
}

impl Change {
    /// Looks whether a change is one of these.
    ///
    /// # Errors
    ///
    /// The reason why not.
    pub(super) fn plan(
        world: &World,
        index: &Index,
        node: NodeId,
        at: usize,
        text: &PolicyText,
    ) -> Result<Self, &'static str> {
        let record = &world.node(node).record;
        let slot = record.policies.get(at).ok_or("there is no such document")?;
        let new = library::read_whole(text.as_str(), normalize::flavor(record.kind, slot.slot))
            .ok_or("something is wrong with the new document")?;
        let faulty = |problem: &crate::world::PolicyProblem| {
            problem.holder == record.id && *problem.text == *slot.document.as_str()
        };
        if world.policy_problems.iter().any(faulty) {
            return Err("something was wrong with the old document");
        }
        let name = normalize::name_of(record, slot);
        let is_here = |tag: &u32| {
            world.attachment(*tag).is_some_and(|attachment| {
                let same_name = attachment.slot == Slot::Document || attachment.name == name;
                attachment.slot == slot.slot && same_name && attachment.text == slot.document
            })
        };
        let tags: Vec<u32> = index.tags(node).iter().copied().filter(is_here).collect();
        let old = tags.first().and_then(|tag| world.attachment(*tag));
        let old = Arc::clone(&old.ok_or("the document counts nowhere yet")?.policy);
        if [&old, &new]
            .into_iter()
            .any(|policy| objects::reaches_far(policy))
        {
            return Err("names of objects hang on who asks, or on all buckets");
        }
        if record.kind == Kind::EcrRepository {
            return Err("who may pull from and push to a repository are edges");
        }
        let out = Self {
            node,
            at,
            slot: slot.slot,
            text: text.clone(),
            mentions: tags
                .iter()
                .filter_map(|tag| {
                    let attachment = world.attachment(*tag)?;
                    let named = |policy| index.mentioned(world, *tag, attachment, policy);
                    Some((named(&old), named(&new)))
                })
                .collect(),
            old,
            new,
            tags,
        };
        let kept = |(before, after): &(Vec<String>, Vec<String>)| index.may_rename(world, before, after);
        if !out.mentions.iter().all(kept) {
            return Err("the document names something that was not known, or that nobody else names");
        }
        if out.slot == Slot::Trust
            && [&out.old, &out.new]
                .into_iter()
                .any(|trust| says_more(index, trust))
        {
            return Err("what a trust policy says of clusters and certificates are edges");
        }
        let mut workloads = out.workloads(world, index).into_iter();
        if workloads.any(|workload| calls::concludes(world, workload))
            && !normalize::calls_alike(world, index.secrets(), &out.old, &out.new)
        {
            return Err("what an API calls is concluded from the document");
        }
        Ok(out)
    }

    /// The workloads that run as roles whose document it is.
    fn workloads(&self, world: &World, index: &Index) -> FxHashSet<NodeId> {
        let holders = self.tags.iter().flat_map(|tag| index.holders(*tag));
        holders
            .flat_map(|role| world.graph.sources(*role, EdgeKind::RunsAs))
            .collect()
    }

    /// Makes the change; tells what it bears on.
    pub(super) fn carry_out(self, world: &mut World, index: &mut Index) -> Bearing {
        let mut bearing = self.bearing(world, index);
        for (before, after) in &self.mentions {
            index.rename(before, after);
        }
        if let Some(node) = world.graph.node_mut(self.node)
            && let Some(slot) = node.record.policies.get_mut(self.at)
        {
            slot.document = self.text.clone();
        }
        for tag in &self.tags {
            if let Some(attachment) = world.attachments.get_mut(*tag as usize) {
                attachment.policy = Arc::clone(&self.new);
                attachment.text = self.text.clone();
            }
        }
        if self.slot == Slot::Trust {
            trusts(world, self.node, &self.new);
        }
        let mut workloads: Vec<NodeId> = self.workloads(world, index).into_iter().collect();
        workloads.retain(|workload| environment::concludes(world, *workload));
        environment::again(world, index.secrets(), &workloads);
        if matches!(self.slot, Slot::Trust | Slot::Resource | Slot::Key) {
            index.lets_in(self.node, &self.new);
        }
        self.tell_engine(world, &bearing);
        if let Some(mut reaching) = world.reaching.take() {
            let buckets = self
                .tags
                .iter()
                .flat_map(|_| reaching.names_mut().change(&self.old, &self.new));
            let buckets: Vec<NodeId> = buckets.filter_map(|id| world.graph.find(&id)).collect();
            bearing.targets.extend(buckets);
            let ceilings = matches!(world.node(self.node).record.kind, Kind::Scp | Kind::Rcp);
            let mut keys = bearing.targets.clone();
            if !ceilings && bearing.concerns_keys() {
                for node in &bearing.principals {
                    keys.extend(index.doors(world, *node));
                }
            }
            reaching.catch_up(world, &keys, ceilings);
            if world.reaching.set(reaching).is_err() {
                // It was taken out above, and nobody else holds the world.
                debug_assert!(false, "a world has one");
            }
        }
        bearing
    }

    /// What the change bears on, names below buckets apart.
    fn bearing(&self, world: &World, index: &Index) -> Bearing {
        let facts_stay = self.slot != Slot::Trust;
        let mut out = Bearing {
            statements: facts_stay.then(|| changed(&self.old, &self.new)),
            ..Bearing::default()
        };
        let kind = world.node(self.node).record.kind;
        match (kind, self.slot) {
            (Kind::Scp | Kind::Rcp, _) => {
                for account in accounts(world, kind, &self.tags) {
                    if kind == Kind::Scp {
                        out.principals.extend(index.people(account));
                    } else {
                        out.targets.extend(index.own(account));
                    }
                }
            }
            (_, Slot::Trust) => {
                out.principals.insert(self.node);
                out.targets.insert(self.node);
            }
            (_, Slot::Resource | Slot::Key | Slot::Endpoint) => {
                out.targets.insert(self.node);
                if kind == Kind::KmsKey {
                    out.targets
                        .extend(world.graph.sources(self.node, EdgeKind::EncryptedWith));
                }
            }
            (_, Slot::Inline | Slot::Document) => {
                let holders = self.tags.iter().flat_map(|tag| index.holders(*tag));
                out.principals.extend(holders);
            }
        }
        out
    }

    /// Gives the engine the new document, and whom it concerns their new groups.
    fn tell_engine(&self, world: &mut World, bearing: &Bearing) {
        let Some(mut everybody) = world.everybody.take() else {
            return;
        };
        everybody.replace(&self.tags, &self.new);
        let kind = world.node(self.node).record.kind;
        if matches!(kind, Kind::Scp | Kind::Rcp) {
            for account in accounts(world, kind, &self.tags) {
                if let Some(of) = world.accounts.get(account) {
                    everybody.put_under(account, of);
                }
            }
        } else {
            let mut principals: Vec<NodeId> = bearing.principals.iter().copied().collect();
            principals.sort_unstable();
            let askers: Vec<Asker<'_>> = principals.iter().map(|node| Asker::node(world, *node)).collect();
            everybody.change(world, &principals, &askers);
        }
        if world.everybody.set(everybody).is_err() {
            debug_assert!(false, "a world has one");
        }
    }
}

/// The statements of two documents that are not in both, at the same place.
fn changed(old: &Policy, new: &Policy) -> Vec<Statement> {
    let only = |a: &Policy, b: &Policy| -> Vec<Statement> {
        let same = |statement: &Statement| b.statements.iter().any(|other| says_the_same(statement, other));
        a.statements
            .iter()
            .filter(|statement| !same(statement))
            .cloned()
            .collect()
    };
    let mut out = only(old, new);
    out.extend(only(new, old));
    out
}

fn says_the_same(a: &Statement, b: &Statement) -> bool {
    // All conditions must hold, in whatever order they are written.
    let same = |a: &Condition, b: &Condition| {
        a.operator_text == b.operator_text && a.key_text == b.key_text && a.values == b.values
    };
    let within = |a: &Statement, b: &Statement| {
        let mut all = a.conditions.iter();
        all.all(|one| b.conditions.iter().any(|other| same(one, other)))
    };
    a.index == b.index
        && a.sid == b.sid
        && a.effect == b.effect
        && a.action == b.action
        && a.resource == b.resource
        && a.principal == b.principal
        && within(a, b)
        && within(b, a)
}

/// The accounts that some SCPs or RCPs bind.
fn accounts<'w>(world: &'w World, kind: Kind, tags: &[u32]) -> impl Iterator<Item = &'w str> {
    let all = world.accounts.iter();
    all.filter(move |(_, account)| {
        let levels = if kind == Kind::Scp {
            &account.scps
        } else {
            &account.rcps
        };
        levels.iter().flatten().flatten().any(|tag| tags.contains(tag))
    })
    .map(|(id, _)| id.as_str())
}

/// Whether a trust policy says something of a cluster's service accounts, or of sessions by certificate.
fn says_more(index: &Index, trust: &Policy) -> bool {
    let values = trust
        .statements
        .iter()
        .flat_map(|statement| &statement.conditions)
        .flat_map(|condition| &condition.values);
    let of_cluster = |text: &str| text.starts_with("system:serviceaccount:");
    let entries = trust
        .statements
        .iter()
        .filter_map(|statement| statement.principal.as_ref())
        .flat_map(|element| &element.entries);
    let certified = |entry: &PrincipalEntry| match entry {
        PrincipalEntry::Service(name) => **name == *anywhere::SERVICE,
        PrincipalEntry::Anyone => true,
        _ => false,
    };
    values.into_iter().any(|value| of_cluster(value.as_str()))
        || index.anchors && entries.into_iter().any(certified)
}

/// Whom a role trusts, as edges.
fn trusts(world: &mut World, role: NodeId, trust: &Policy) {
    world
        .graph
        .disconnect(role, |edge| edge.kind == EdgeKind::Trusts && edge.note.is_none());
    let statements = trust.statements.iter();
    let granting = statements.filter(|statement| statement.effect == Effect::Allow);
    let elements = granting
        .filter_map(|s| s.principal.as_ref())
        .filter(|p| !p.negated);
    for entry in elements.flat_map(|element| &element.entries) {
        if let Some(node) = normalize::principal_node(world, entry) {
            world
                .graph
                .connect(EdgeKind::Trusts, role, node, Confidence::Certain, None);
        }
    }
}
