//! What becomes of a population when some principals get other policies, or an account other SCPs: they leave their
//! groups for new ones, and everything that was worked out about the others stays.
//!
//! Invariant: a population that was changed answers like one that was built anew from the same principals. What is left
//! behind, groups without members and documents that nobody has any more, costs room but changes no answer.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::builder::{NewPrincipal, Setup, beyond};
use super::population::{ChainId, Levels, Population, PrincipalId, number};
use crate::compiled::facts::Table;

impl Population {
    /// Gives principals other policies, or other facts. Who they are stays; ids of others are passed over.
    ///
    /// A [`Bundle`](super::Bundle) of this population is to [catch up](super::Bundle::catch_up) before it is asked with
    /// again.
    pub fn change(&mut self, changes: &[(PrincipalId, NewPrincipal<'_>)]) {
        let before = self.groups.len();
        let mut places: FxHashMap<Arc<Setup>, usize> = FxHashMap::default();
        let mut new: Vec<(Arc<Setup>, bool, Vec<u32>)> = Vec::new();
        for (id, change) in changes {
            let Some(principal) = self.principals.get_mut(id.index()) else {
                continue;
            };
            let account = self
                .groups
                .get(principal.group as usize)
                .and_then(|group| group.account);
            let setup = Arc::new(Setup::new(&principal.who, account, change));
            let at = *places.entry(Arc::clone(&setup)).or_insert_with(|| {
                new.push((setup, principal.who.iam, Vec::new()));
                new.len() - 1
            });
            if let Some((_, _, members)) = new.get_mut(at) {
                members.push(id.0);
            }
            let open = change.context.is_open();
            let entries = Table::entries_of(change.context, &mut self.library.keys);
            self.common.change(&entries, open);
            principal.own = beyond(&principal.kin, entries);
            principal.open = open;
            let old = std::mem::replace(&mut principal.group, number(before + at));
            self.leave(old, id.0);
        }
        self.common.settle(&self.library.keys);
        for (setup, iam, mut members) in new {
            members.sort_unstable();
            members.dedup();
            let group = setup.lay_out(&members, iam, &mut self.policy_lists, &mut self.member_lists);
            self.groups.push(group);
        }
        self.read_groups(before);
    }

    /// Takes a member out of a group.
    fn leave(&mut self, group: u32, member: u32) {
        let Some(group) = self.groups.get_mut(group as usize) else {
            return;
        };
        let members = group.members.of_mut(&mut self.member_lists);
        if let Some(at) = members.iter().position(|other| *other == member)
            && let Some(rest) = members.get_mut(at..)
        {
            rest.rotate_left(1);
            group.members = group.members.first(members.len() - 1);
        }
    }

    /// Takes in SCPs, root first; equal ones have the same id.
    pub fn chain(&mut self, levels: Levels) -> ChainId {
        let known = self.chains.iter().position(|other| *other == levels);
        let at = known.unwrap_or_else(|| {
            self.chains.push(levels);
            self.chains.len() - 1
        });
        ChainId(number(at))
    }

    /// Puts an account under other SCPs. What [bundles](super::Bundle) have worked out is to be
    /// [forgotten](super::Bundle::forget) then.
    pub fn put_under(&mut self, account: &str, chain: ChainId) {
        for at in self.leads.of_account(account) {
            // Service-linked roles are under none.
            if let Some(group) = self.groups.get_mut(*at as usize)
                && group.scps.is_some()
            {
                group.scps = Some(chain);
            }
        }
    }
}
