//! From an action, or an account, to the groups that could be allowed something: the others are never looked at.

use rustc_hash::FxHashMap;

use super::population::Group;
use crate::compiled::action::services_of;
use crate::compiled::{Action, Library, PolicyId};

/// A policy that grants actions of more services than this is looked at for every service.
const MANY: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Leads {
    /// By the rank of a service's first action: the policies that grant something of it.
    by_service: FxHashMap<u32, Vec<PolicyId>>,
    /// Policies that grant something of very many services.
    broad: Vec<PolicyId>,
    /// Identity policies, for actions of no known service.
    all: Vec<PolicyId>,
    /// By policy: the groups that have it as an identity policy.
    groups: FxHashMap<PolicyId, Vec<u32>>,
    /// Groups that may be allowed something without an identity policy that is known.
    free: Vec<u32>,
    /// Groups of callers that have no identity policies.
    outsiders: Vec<u32>,
    by_account: FxHashMap<Box<str>, Vec<u32>>,
}

/// What groups are read with.
pub(super) struct Lists<'a> {
    pub(super) library: &'a Library,
    pub(super) policies: &'a [PolicyId],
    pub(super) accounts: &'a [Box<str>],
}

impl Lists<'_> {
    fn account(&self, group: &Group) -> Option<&str> {
        self.accounts
            .get(group.account? as usize)
            .map(|account| &**account)
    }
}

impl Leads {
    /// Takes in the groups from one on. They must be told in their order, each once.
    pub(super) fn add(&mut self, groups: &[Group], from: usize, population: &Lists<'_>) {
        let mut new: Vec<PolicyId> = Vec::new();
        for (group, index) in groups.iter().zip(0..).skip(from) {
            if group.free {
                self.free.push(index);
            }
            if !group.iam {
                self.outsiders.push(index);
            }
            if let Some(account) = population.account(group) {
                self.by_account.entry(account.into()).or_default().push(index);
            }
            for policy in group.identity.of(population.policies) {
                let holders = self.groups.entry(*policy).or_default();
                if holders.is_empty() {
                    new.push(*policy);
                }
                // A policy may be attached twice, to a user and its group.
                if holders.last() != Some(&index) {
                    holders.push(index);
                }
            }
        }
        new.sort_unstable();
        for policy in &new {
            let mut found: Vec<u32> = Vec::new();
            for range in population.library.documents.granted(policy.0) {
                found.extend(services_of(&range).map(|(_, first)| first));
            }
            found.dedup();
            if found.len() > MANY {
                self.broad.push(*policy);
            } else {
                found
                    .into_iter()
                    .for_each(|service| self.by_service.entry(service).or_default().push(*policy));
            }
        }
        self.all.append(&mut new);
    }

    /// The policies that could grant an action.
    pub(super) fn policies(&self, action: &Action<'_>) -> impl Iterator<Item = PolicyId> {
        let first = action
            .rank
            .and_then(|rank| services_of(&(u32::from(rank)..u32::from(rank) + 1)).next());
        let (some, broad) = match first {
            Some((_, first)) => (
                self.by_service.get(&first).map_or(&[][..], Vec::as_slice),
                &*self.broad,
            ),
            None => (&*self.all, &[][..]),
        };
        some.iter().chain(broad).copied()
    }

    /// The groups that have an identity policy.
    pub(super) fn holders(&self, policy: PolicyId) -> &[u32] {
        self.groups.get(&policy).map_or(&[], Vec::as_slice)
    }

    /// The groups for which no identity policy needs to grant.
    pub(super) fn free(&self) -> &[u32] {
        &self.free
    }

    /// The groups of callers that have no identity policies.
    pub(super) fn outsiders(&self) -> &[u32] {
        &self.outsiders
    }

    /// The groups of an account.
    pub(super) fn of_account(&self, account: &str) -> &[u32] {
        self.by_account.get(account).map_or(&[], Vec::as_slice)
    }
}
