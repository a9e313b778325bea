//! Bridges: roles and users that policies of other accounts name. An administrator has everything in its own account, and
//! becomes any role or user of it; only for these is that worth telling, because they lead out.

use rustc_hash::{FxHashMap, FxHashSet};
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_iam::syntax::{Effect, Policy};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::technique::techniques;
use super::{How, Move};
use crate::scope;
use crate::world::World;

/// Whom policies of other accounts name.
#[derive(Debug, Default)]
pub(super) struct Bridges {
    /// By what the policies are of.
    named: FxHashMap<NodeId, Vec<NodeId>>,
    /// How many policies name somebody.
    counts: FxHashMap<NodeId, u32>,
}

impl Bridges {
    /// All of a world.
    pub(super) fn of(world: &World) -> Self {
        let mut out = Self::default();
        for holder in world.resource_policies.keys().chain(world.principals.keys()) {
            out.again(world, *holder);
        }
        out
    }

    /// Reads the policies of an entity again; tells whom they named or name now.
    pub(super) fn again(&mut self, world: &World, holder: NodeId) -> Vec<NodeId> {
        let mut touched = self.named.remove(&holder).unwrap_or_default();
        for named in &touched {
            let left = self.counts.remove(named).unwrap_or_default().saturating_sub(1);
            if left > 0 {
                self.counts.insert(*named, left);
            }
        }
        let now = named_by(world, holder);
        for named in &now {
            *self.counts.entry(*named).or_default() += 1;
        }
        touched.extend(&now);
        if !now.is_empty() {
            self.named.insert(holder, now);
        }
        touched
    }

    /// The administrators that become them, in some accounts or in all. Each is looked at closely later: a ceiling may keep
    /// even administrators from a role.
    pub(super) fn moves(&self, world: &World, within: Option<&FxHashSet<&str>>) -> Vec<Move> {
        let mut by_account: FxHashMap<&str, Vec<NodeId>> = FxHashMap::default();
        for named in self.counts.keys() {
            let account = world.account_of(*named);
            if let Some(account) = account.filter(|id| within.is_none_or(|within| within.contains(id))) {
                by_account.entry(account).or_default().push(*named);
            }
        }
        if by_account.is_empty() {
            return Vec::new();
        }
        let accounts: FxHashSet<String> = by_account.keys().map(|id| (*id).to_owned()).collect();
        let mut out = Vec::new();
        for administrator in scope::administrators(world, &accounts) {
            let Some(from) = world.everybody().node(administrator) else {
                continue;
            };
            let here = world.account_of(from).and_then(|account| by_account.get(account));
            for to in here.into_iter().flatten().filter(|to| **to != from) {
                let Some(number) = becoming(world.node(*to).record.kind) else {
                    continue;
                };
                out.push(Move {
                    edge: EdgeKind::CanEscalateTo,
                    verdict: PathVerdict::AllowedIf,
                    from,
                    to: *to,
                    how: How::Bridge { number },
                });
            }
        }
        out
    }

    /// Whether somebody is one of them.
    #[cfg(test)]
    pub(super) fn leads_out(&self, node: NodeId) -> bool {
        self.counts.contains_key(&node)
    }
}

/// By which technique an administrator becomes somebody: it lets itself in, or makes itself a key.
pub(super) fn becoming(kind: Kind) -> Option<u16> {
    let id = match kind {
        Kind::IamRole => "iam-012",
        Kind::IamUser => "iam-002",
        _ => return None,
    };
    let at = techniques().iter().position(|technique| technique.id == id)?;
    u16::try_from(at).ok()
}

/// Whom the policies of an entity name of other accounts: who is named by the account is let in by its administrators
/// without a bridge.
fn named_by(world: &World, holder: NodeId) -> Vec<NodeId> {
    let account = world.account_of(holder);
    let trust = world
        .principals
        .get(&holder)
        .and_then(|principal| principal.trust);
    let own = world.resource_policies.get(&holder).into_iter().flatten();
    let attachments = own.copied().chain(trust).filter_map(|tag| world.attachment(tag));
    let mut out: Vec<NodeId> = attachments
        .flat_map(|attachment| named_in(&attachment.policy))
        .filter_map(|id| world.graph.find(id))
        .filter(|named| {
            let node = world.node(*named);
            let foreign = node.record.account.as_deref() != account;
            foreign && !node.stub && matches!(node.record.kind, Kind::IamRole | Kind::IamUser)
        })
        // Whose trust policy AWS alone writes.
        .filter(|named| !world.id(*named).contains(":role/aws-reserved/"))
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

fn named_in(policy: &Policy) -> impl Iterator<Item = &str> {
    let granting = policy.statements.iter().filter(|s| s.effect == Effect::Allow);
    let elements = granting
        .filter_map(|s| s.principal.as_ref())
        .filter(|p| !p.negated);
    elements
        .flat_map(|element| &element.entries)
        .filter_map(|entry| match entry {
            PrincipalEntry::Arn(arn) => Some(&**arn),
            _ => None,
        })
}
