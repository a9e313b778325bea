//! Principals, grouped by what bears on them all alike, so that a question is answered for a group where it can be.
//!
//! A principal costs its names and those of its facts that differ from its account's others; documents, chains and
//! common facts are held once.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use sv0_iam::condition::Context;
use sv0_iam::name::Caller;
use sv0_iam::name::principal::CallerKind;

use super::granters::Granters;
use super::keys::Common;
use super::names::Names;
use crate::compiled::facts::{Entry, Table};
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
pub struct ChainId(u32);

impl ChainId {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a population is told of a principal.
#[derive(Debug, Clone, Copy)]
pub struct NewPrincipal<'a> {
    /// Who it is.
    pub caller: &'a Caller,
    /// Its identity policies: inline, managed, of its groups.
    pub identity: &'a [PolicyId],
    /// Whether they could not be read.
    pub identity_unknown: bool,
    /// Its permissions boundaries, all of which must allow.
    pub boundaries: &'a [PolicyId],
    /// The SCPs of its account; none where no SCP applies.
    pub scps: Option<ChainId>,
    /// What is known of all its requests.
    pub context: &'a Context,
}

#[derive(Debug)]
pub(super) struct Principal {
    pub(super) who: Who,
    /// What is known of it beyond the facts of its kin.
    pub(super) own: Table,
    pub(super) kin: Arc<Table>,
    pub(super) group: u32,
    pub(super) open: bool,
}

/// What bears alike on the principals of a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Setup {
    pub(super) kind: CallerKind,
    pub(super) account: Option<Box<str>>,
    pub(super) service_linked: bool,
    pub(super) identity: Box<[PolicyId]>,
    pub(super) identity_unknown: bool,
    pub(super) boundaries: Box<[PolicyId]>,
    pub(super) scps: Option<ChainId>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) setup: Arc<Setup>,
    pub(super) members: Vec<u32>,
}

/// Very many principals, ready to be asked about at once.
#[derive(Debug)]
pub struct Population {
    pub(super) library: Library,
    pub(super) chains: Vec<Vec<Vec<PolicyId>>>,
    pub(super) principals: Vec<Principal>,
    pub(super) groups: Vec<Group>,
    pub(super) common: Common,
    pub(super) granters: Granters,
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
}

/// Principals of which much the same is known.
type Kin = (CallerKind, Option<Box<str>>, bool);

/// Takes principals in and makes a [`Population`].
#[derive(Debug, Default)]
pub struct Builder {
    library: Library,
    chains: Vec<Vec<Vec<PolicyId>>>,
    known_chains: FxHashMap<Vec<Vec<PolicyId>>, ChainId>,
    principals: Vec<Principal>,
    groups: Vec<Group>,
    known_groups: FxHashMap<Arc<Setup>, u32>,
    /// By kind, account, and whether the context is open.
    kin: FxHashMap<Kin, Arc<Table>>,
    common: Common,
}

impl Builder {
    /// Begins with the policies that a library has.
    #[must_use]
    pub fn new(library: Library) -> Self {
        Self {
            library,
            ..Self::default()
        }
    }

    /// The policies, to add those of principals and ceilings.
    pub const fn library(&mut self) -> &mut Library {
        &mut self.library
    }

    /// Takes in SCPs, root first; equal ones get the same id.
    pub fn chain(&mut self, levels: Vec<Vec<PolicyId>>) -> ChainId {
        let next = ChainId(number(self.chains.len()));
        *self.known_chains.entry(levels).or_insert_with_key(|levels| {
            self.chains.push(levels.clone());
            next
        })
    }

    /// Takes in a principal; the first gets id 0.
    pub fn add(&mut self, principal: &NewPrincipal<'_>) -> PrincipalId {
        let id = number(self.principals.len());
        let who = Who::new(principal.caller);
        let setup = Setup {
            kind: who.kind,
            account: who.account().map(Into::into),
            service_linked: who.service_linked,
            identity: principal.identity.into(),
            identity_unknown: principal.identity_unknown,
            boundaries: principal.boundaries.into(),
            scps: principal.scps,
        };
        let group = self.group(setup);
        if let Some(group) = self.groups.get_mut(group as usize) {
            group.members.push(id);
        }
        let open = principal.context.is_open();
        let entries = Table::entries_of(principal.context, &mut self.library.keys);
        self.common.add(&entries, open);
        let (kin, own) = self.facts(&who, entries, open);
        self.principals.push(Principal {
            who,
            own,
            kin,
            group,
            open,
        });
        PrincipalId(id)
    }

    fn group(&mut self, setup: Setup) -> u32 {
        if let Some(group) = self.known_groups.get(&setup) {
            return *group;
        }
        let setup = Arc::new(setup);
        let group = number(self.groups.len());
        self.groups.push(Group {
            setup: Arc::clone(&setup),
            members: Vec::new(),
        });
        self.known_groups.insert(setup, group);
        group
    }

    /// Facts as those of the first of its kind in its account, tags apart, and what differs from them.
    fn facts(&mut self, who: &Who, entries: Vec<Entry>, open: bool) -> (Arc<Table>, Table) {
        let keys = &self.library.keys;
        let kin = self
            .kin
            .entry((who.kind, who.account().map(Into::into), open))
            .or_insert_with(|| {
                let shared = entries
                    .iter()
                    .filter(|(key, _)| keys.whole(*key).is_none_or(|whole| whole == *key));
                Arc::new(Table::new(shared.cloned().collect()).indexed())
            });
        let hidden = kin.iter().map(|(key, _)| key);
        let hidden = hidden.filter(|key| entries.binary_search_by_key(key, |(key, _)| *key).is_err());
        let mut own: Vec<Entry> = hidden.map(|key| (key, None)).collect();
        own.extend(
            entries
                .into_iter()
                .filter(|(key, known)| kin.find(*key) != Some(known.as_ref())),
        );
        (Arc::clone(kin), Table::new(own))
    }

    /// The population, with its indexes.
    #[must_use]
    pub fn build(mut self) -> Population {
        self.common.settle(&self.library.keys);
        self.principals.shrink_to_fit();
        for group in &mut self.groups {
            group.members.shrink_to_fit();
        }
        Population {
            granters: Granters::new(&self.library, &self.groups),
            names: Names::new(&self.principals),
            library: self.library,
            chains: self.chains,
            principals: self.principals,
            groups: self.groups,
            common: self.common,
        }
    }
}

pub(super) fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
