//! From an action to the groups that have a policy that could grant it: the others are never looked at.

use rustc_hash::FxHashMap;
use sv0_iam::name::principal::CallerKind;

use super::population::Group;
use crate::compiled::action::services_of;
use crate::compiled::{Action, Library, PolicyId};

/// A policy that grants actions of more services than this is looked at for every service.
const MANY: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Granters {
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
}

impl Granters {
    pub(super) fn new(library: &Library, groups: &[Group]) -> Self {
        let mut out = Self::default();
        for (group, index) in groups.iter().zip(0..) {
            let setup = &group.setup;
            if setup.identity_unknown || matches!(setup.kind, CallerKind::Root | CallerKind::Account) {
                out.free.push(index);
            }
            for policy in &setup.identity {
                let holders = out.groups.entry(*policy).or_default();
                // A policy may be attached twice, to a user and its group.
                if holders.last() != Some(&index) {
                    holders.push(index);
                }
            }
        }
        out.all = out.groups.keys().copied().collect();
        out.all.sort_unstable();
        for policy in &out.all {
            let mut found: Vec<u32> = Vec::new();
            for range in library.documents.granted(policy.0) {
                found.extend(services_of(&range).map(|(_, first)| first));
            }
            found.dedup();
            if found.len() > MANY {
                out.broad.push(*policy);
            } else {
                found
                    .into_iter()
                    .for_each(|service| out.by_service.entry(service).or_default().push(*policy));
            }
        }
        out
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
}
