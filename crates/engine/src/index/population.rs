//! Principals in groups: what bears alike on many is held once, and a group is a few numbers in a row of others.

use std::sync::Arc;

use super::keys::Common;
use super::leads::{Leads, Lists};
use super::names::Names;
use crate::compiled::document::Span;
use crate::compiled::facts::Table;
use crate::compiled::{Library, PolicyId, Who};

/// A principal of a [`Population`]; its place in the order in which they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrincipalId(pub(super) u32);

impl PrincipalId {
    /// Its place in the order in which principals were added, from zero.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The SCPs of an account, level by level, in a [`Population`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainId(pub(super) u32);

/// SCPs, one list a level, root first.
pub(super) type Levels = Vec<Vec<PolicyId>>;

#[derive(Debug)]
pub(super) struct Principal {
    pub(super) who: Who,
    /// What is known of it beyond the facts of its kin.
    pub(super) own: Table,
    pub(super) kin: Arc<Table>,
    pub(super) group: u32,
    pub(super) open: bool,
}

/// Principals of one kind and account on which the same policies and ceilings bear.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// Of the policy lists.
    pub(super) identity: Span,
    pub(super) boundaries: Span,
    /// Of the member lists.
    pub(super) members: Span,
    /// None where none applies.
    pub(super) scps: Option<ChainId>,
    pub(super) account: Option<u32>,
    /// Whether identity policies exist for this kind of caller.
    pub(super) iam: bool,
    pub(super) identity_unknown: bool,
    /// Whether its members may be allowed something without an identity policy that is known to grant.
    pub(super) free: bool,
}

/// Very many principals, ready to be asked about at once. [`Builder`](super::Builder) makes one.
#[derive(Debug)]
pub struct Population {
    pub(super) library: Library,
    pub(super) chains: Vec<Levels>,
    pub(super) accounts: Vec<Box<str>>,
    pub(super) policy_lists: Vec<PolicyId>,
    pub(super) member_lists: Vec<u32>,
    pub(super) principals: Vec<Principal>,
    pub(super) groups: Vec<Group>,
    pub(super) common: Common,
    pub(super) leads: Leads,
    pub(super) names: Names,
}

impl Population {
    /// The policies that the principals have, and all others that were added.
    #[must_use]
    pub const fn library(&self) -> &Library {
        &self.library
    }

    /// The same, to add policies of resources.
    pub const fn library_mut(&mut self) -> &mut Library {
        &mut self.library
    }

    /// How many principals there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.principals.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.principals.is_empty()
    }

    /// The principal that was added after this many others.
    #[must_use]
    pub fn id(&self, index: usize) -> Option<PrincipalId> {
        (index < self.len()).then(|| PrincipalId(number(index)))
    }

    /// How many groups of principals share policies, ceilings, account and kind.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Who a principal is; none for another population's id.
    #[must_use]
    pub fn who(&self, id: PrincipalId) -> Option<&Who> {
        Some(&self.principals.get(id.index())?.who)
    }

    /// Takes the groups from one on into the indexes.
    pub(super) fn read_groups(&mut self, from: usize) {
        let lists = Lists {
            library: &self.library,
            policies: &self.policy_lists,
            accounts: &self.accounts,
        };
        self.leads.add(&self.groups, from, &lists);
    }

    pub(super) fn identity(&self, group: &Group) -> &[PolicyId] {
        group.identity.of(&self.policy_lists)
    }

    pub(super) fn boundaries(&self, group: &Group) -> &[PolicyId] {
        group.boundaries.of(&self.policy_lists)
    }

    pub(super) fn members(&self, group: &Group) -> &[u32] {
        group.members.of(&self.member_lists)
    }

    pub(super) fn scps(&self, group: &Group) -> Option<&[Vec<PolicyId>]> {
        let ChainId(chain) = group.scps?;
        self.chains.get(chain as usize).map(Vec::as_slice)
    }

    pub(super) fn account(&self, group: &Group) -> Option<&str> {
        self.accounts
            .get(group.account? as usize)
            .map(|account| &**account)
    }
}

pub(super) fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
