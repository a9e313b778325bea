//! What depends on what: which places a document has, whose policies they are, who is near whom.

use rustc_hash::FxHashMap;
use sv0_iam::name::Arn;
use sv0_iam::syntax::Policy;
use sv0_iam::syntax::ast::{Effect, PrincipalEntry};
use sv0_model::graph::NodeId;
use sv0_model::kind::{Kind, Slot};

use crate::normalize::named::{self, Secrets};
use crate::steps::{self, Nearby};
use crate::world::{Attachment, World};

/// What depends on what.
#[derive(Debug)]
pub(super) struct Index {
    /// By entity: the places of its documents.
    tags: FxHashMap<NodeId, Vec<u32>>,
    /// By place: whose identity policy or boundary it is.
    holders: FxHashMap<u32, Vec<NodeId>>,
    /// By account: its principals.
    people: FxHashMap<String, Vec<NodeId>>,
    /// By account: what its own principals may be let in by, and what lets in principals of it from elsewhere.
    own: FxHashMap<String, Vec<NodeId>>,
    foreign: FxHashMap<String, Vec<NodeId>>,
    /// By account: all its entities.
    entities: FxHashMap<String, Vec<NodeId>>,
    /// What may let in anybody.
    anybody: Vec<NodeId>,
    /// How many places name somebody or something that was not collected.
    mentions: FxHashMap<String, u32>,
    secrets: Secrets,
    /// Whether certificates make sessions.
    pub(super) anchors: bool,
}

impl Index {
    pub(super) fn of(world: &World) -> Self {
        let mut out = Self {
            tags: FxHashMap::default(),
            holders: FxHashMap::default(),
            people: FxHashMap::default(),
            own: FxHashMap::default(),
            foreign: FxHashMap::default(),
            entities: FxHashMap::default(),
            anybody: Vec::new(),
            mentions: FxHashMap::default(),
            secrets: Secrets::of(world),
            anchors: false,
        };
        for (node, principal) in &world.principals {
            for tag in principal.identity.iter().chain(&principal.boundary) {
                let holders = out.holders.entry(*tag).or_default();
                if holders.last() != Some(node) {
                    holders.push(*node);
                }
            }
            if let Some(account) = &principal.caller.account {
                out.people.entry(account.clone()).or_default().push(*node);
            }
        }
        for (attachment, tag) in world.attachments.iter().zip(0..) {
            if let Some(node) = world.graph.find(&attachment.id) {
                out.tags.entry(node).or_default().push(tag);
            }
            for name in out.mentioned(world, tag, attachment, &attachment.policy) {
                *out.mentions.entry(name).or_default() += 1;
            }
        }
        for (node, entity) in world.graph.nodes() {
            out.anchors |= entity.record.kind == Kind::TrustAnchor;
            if let Some(account) = &entity.record.account {
                match out.entities.get_mut(account) {
                    Some(nodes) => nodes.push(node),
                    None => {
                        out.entities.insert(account.clone(), vec![node]);
                    }
                }
            }
            let key = entity.record.kind == Kind::KmsKey;
            let role = world.principals.get(&node).is_some_and(|p| p.trust.is_some());
            if !(key || role || steps::is_lever(world, node)) {
                continue;
            }
            match &entity.record.account {
                Some(account) if !entity.stub => out.own.entry(account.clone()).or_default().push(node),
                // It is everybody's own.
                _ => out.anybody.push(node),
            }
            let trust = world.principals.get(&node).and_then(|p| p.trust);
            let own = world.resource_policies.get(&node).into_iter().flatten();
            for tag in own.copied().chain(trust) {
                if let Some(attachment) = world.attachment(tag) {
                    out.lets_in(node, &attachment.policy);
                }
            }
            // A grant lets in whom it names.
            if key && entity.record.attrs.contains_key("grants") {
                out.anybody.push(node);
            }
        }
        out
    }

    /// Takes note of whom a policy may let in to what it belongs to. What it let in before is not forgotten: being asked
    /// about in vain does no harm.
    pub(super) fn lets_in(&mut self, node: NodeId, policy: &Policy) {
        let granting = policy.statements.iter().filter(|s| s.effect == Effect::Allow);
        for element in granting.filter_map(|s| s.principal.as_ref()) {
            if element.negated {
                self.anybody.push(node);
                continue;
            }
            for entry in &element.entries {
                let account = match entry {
                    PrincipalEntry::Account(account) => Some(&**account),
                    PrincipalEntry::Arn(arn) => Arn::parse(arn).and_then(|arn| arn.account_id()),
                    PrincipalEntry::Service(_) | PrincipalEntry::Federated(_) => continue,
                    _ => None,
                };
                match account {
                    Some(account) => match self.foreign.get_mut(account) {
                        Some(nodes) if nodes.last() == Some(&node) => {}
                        Some(nodes) => nodes.push(node),
                        None => {
                            self.foreign.insert(account.to_owned(), vec![node]);
                        }
                    },
                    None if self.anybody.last() == Some(&node) => {}
                    None => self.anybody.push(node),
                }
            }
        }
    }

    /// The places of an entity's documents.
    pub(super) fn tags(&self, node: NodeId) -> &[u32] {
        self.tags.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Whose identity policy or boundary a place is.
    pub(super) fn holders(&self, tag: u32) -> &[NodeId] {
        self.holders.get(&tag).map_or(&[], Vec::as_slice)
    }

    /// What is an account's own.
    pub(super) fn own(&self, account: &str) -> &[NodeId] {
        self.own.get(account).map_or(&[], Vec::as_slice)
    }

    pub(super) const fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The ids of what a policy in its place names and that was not collected, as far as it is a node for that.
    pub(super) fn mentioned(
        &self,
        world: &World,
        tag: u32,
        attachment: &Attachment,
        policy: &Policy,
    ) -> Vec<String> {
        let missing = |id: &str| world.graph.find(id).is_none_or(|node| world.node(node).stub);
        let mut out: Vec<String> = match attachment.slot {
            Slot::Inline | Slot::Document if !self.holders(tag).is_empty() => named::named(policy)
                .filter(|(id, kind)| {
                    let whole = *kind == Kind::SecretsManagerSecret;
                    missing(id) && !(whole && self.secrets.find(world, id).is_some())
                })
                .map(|(id, _)| id)
                .collect(),
            Slot::Trust | Slot::Resource | Slot::Key => {
                let granting = policy.statements.iter().filter(|s| s.effect == Effect::Allow);
                let elements = granting
                    .filter_map(|s| s.principal.as_ref())
                    .filter(|p| !p.negated);
                let entries = elements.flat_map(|element| &element.entries);
                entries
                    .filter_map(|entry| self.named_by(world, attachment.slot, entry))
                    .collect()
            }
            _ => Vec::new(),
        };
        out.sort_unstable();
        out.dedup();
        out
    }

    fn named_by(&self, world: &World, slot: Slot, entry: &PrincipalEntry) -> Option<String> {
        let collected = |account: &str| world.accounts.get(account).is_some_and(|a| a.collected);
        match entry {
            PrincipalEntry::Account(id) => (!collected(id)).then(|| format!("arn:aws:iam::{id}:root")),
            PrincipalEntry::Arn(arn) => {
                let account = Arn::parse(arn).and_then(|arn| arn.account_id());
                account
                    .is_some_and(|account| !collected(account))
                    .then(|| arn.to_string())
            }
            PrincipalEntry::Anyone => Some("*".to_owned()),
            PrincipalEntry::Service(name) if slot == Slot::Trust => Some(name.to_string()),
            PrincipalEntry::Federated(name) if slot == Slot::Trust => {
                let stub = world.graph.find(name).is_none_or(|node| world.node(node).stub);
                stub.then(|| name.to_string())
            }
            _ => None,
        }
    }

    /// Whether entities stay what they are when a policy names other things than before: nothing is named for the first
    /// time, or for the last.
    pub(super) fn may_rename(&self, world: &World, before: &[String], after: &[String]) -> bool {
        let mut new = after.iter().filter(|name| !before.contains(name));
        let mut gone = before.iter().filter(|name| !after.contains(name));
        new.all(|name| world.graph.find(name).is_some())
            && gone.all(|name| self.mentions.get(name).is_some_and(|count| *count > 1))
    }

    /// Counts what a policy names now in place of what it named.
    pub(super) fn rename(&mut self, before: &[String], after: &[String]) {
        for name in after {
            *self.mentions.entry(name.clone()).or_default() += 1;
        }
        for name in before {
            if let Some(count) = self.mentions.get_mut(name) {
                *count = count.saturating_sub(1);
            }
        }
    }
}

impl Nearby for Index {
    fn doors(&self, world: &World, principal: NodeId) -> Vec<NodeId> {
        let mut out = self.anybody.clone();
        if let Some(account) = world.account_of(principal) {
            let lists = [self.own.get(account), self.foreign.get(account)];
            out.extend(lists.into_iter().flatten().flatten());
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    fn people(&self, account: &str) -> &[NodeId] {
        self.people.get(account).map_or(&[], Vec::as_slice)
    }

    fn entities(&self, account: &str) -> &[NodeId] {
        self.entities.get(account).map_or(&[], Vec::as_slice)
    }
}
