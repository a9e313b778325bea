//! Takes principals in, finds what they share, and lays them out for asking.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use sv0_iam::condition::Context;
use sv0_iam::name::Caller;
use sv0_iam::name::principal::CallerKind;

use super::keys::Common;
use super::leads::Leads;
use super::names::Names;
use super::population::{ChainId, Group, Levels, Population, Principal, PrincipalId, number};
use crate::compiled::document::Span;
use crate::compiled::facts::{Entry, Table};
use crate::compiled::{Library, PolicyId, Who};

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
    /// What is known of all its requests; what they are for is said of the target, not here.
    pub context: &'a Context,
}

/// What principals of one group have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Setup {
    kind: CallerKind,
    account: Option<u32>,
    service_linked: bool,
    identity: Box<[PolicyId]>,
    identity_unknown: bool,
    boundaries: Box<[PolicyId]>,
    scps: Option<ChainId>,
}

impl Setup {
    pub(super) fn new(who: &Who, account: Option<u32>, principal: &NewPrincipal<'_>) -> Self {
        Self {
            kind: who.kind,
            account,
            service_linked: who.service_linked,
            identity: principal.identity.into(),
            identity_unknown: principal.identity_unknown,
            boundaries: principal.boundaries.into(),
            scps: principal.scps,
        }
    }

    /// The group of those who have it in common.
    pub(super) fn lay_out(
        &self,
        members: &[u32],
        iam: bool,
        policy_lists: &mut Vec<PolicyId>,
        member_lists: &mut Vec<u32>,
    ) -> Group {
        let mut policies = |list: &[PolicyId]| {
            let first = policy_lists.len();
            policy_lists.extend_from_slice(list);
            Span::since(first, policy_lists)
        };
        let (identity, boundaries) = (policies(&self.identity), policies(&self.boundaries));
        let first = member_lists.len();
        member_lists.extend_from_slice(members);
        let unread = matches!(self.kind, CallerKind::Root | CallerKind::Account);
        Group {
            identity,
            boundaries,
            members: Span::since(first, member_lists),
            scps: self.scps.filter(|_| !self.service_linked),
            account: self.account,
            iam,
            identity_unknown: self.identity_unknown,
            free: self.identity_unknown || unread,
        }
    }
}

/// Principals of which much the same is known: kind, account, and whether the context is open.
type Kin = (CallerKind, Option<u32>, bool);

/// What is known of somebody that differs from what is known of its kin.
pub(super) fn beyond(kin: &Table, entries: Vec<Entry>) -> Table {
    let hidden = kin.iter().map(|(key, _)| key);
    let hidden = hidden.filter(|key| entries.binary_search_by_key(key, |(key, _)| *key).is_err());
    let mut own: Vec<Entry> = hidden.map(|key| (key, None)).collect();
    own.extend(
        entries
            .into_iter()
            .filter(|(key, known)| kin.find(*key) != Some(known.as_ref())),
    );
    Table::new(own)
}

/// Takes principals in and makes a [`Population`].
#[derive(Debug, Default)]
pub struct Builder {
    library: Library,
    chains: Vec<Levels>,
    known_chains: FxHashMap<Levels, ChainId>,
    accounts: Vec<Box<str>>,
    known_accounts: FxHashMap<Box<str>, u32>,
    principals: Vec<Principal>,
    /// By group: what its members share, and who they are.
    members: Vec<(Arc<Setup>, Vec<u32>)>,
    known_groups: FxHashMap<Arc<Setup>, u32>,
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
        let account = who.account().map(|account| {
            *self
                .known_accounts
                .entry(account.into())
                .or_insert_with_key(|account| {
                    self.accounts.push(account.clone());
                    number(self.accounts.len() - 1)
                })
        });
        let group = self.group(Setup::new(&who, account, principal));
        if let Some((_, members)) = self.members.get_mut(group as usize) {
            members.push(id);
        }
        let open = principal.context.is_open();
        let entries = Table::entries_of(principal.context, &mut self.library.keys);
        self.common.add(&entries, open);
        let (kin, own) = self.facts((who.kind, account, open), entries);
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
        let group = number(self.members.len());
        self.members.push((Arc::clone(&setup), Vec::new()));
        self.known_groups.insert(setup, group);
        group
    }

    /// Facts as those of the first of its kin, tags apart, and what differs from them.
    fn facts(&mut self, kin: Kin, entries: Vec<Entry>) -> (Arc<Table>, Table) {
        let keys = &self.library.keys;
        let kin = self.kin.entry(kin).or_insert_with(|| {
            let shared = entries
                .iter()
                .filter(|(key, _)| keys.whole(*key).is_none_or(|whole| whole == *key));
            Arc::new(Table::new(shared.cloned().collect()).indexed())
        });
        let own = beyond(kin, entries);
        (Arc::clone(kin), own)
    }

    /// The population, with its indexes.
    #[must_use]
    pub fn build(mut self) -> Population {
        self.common.settle(&self.library.keys);
        self.principals.shrink_to_fit();
        let (mut policy_lists, mut member_lists) = (Vec::new(), Vec::new());
        let mut groups = Vec::with_capacity(self.members.len());
        for (setup, members) in &self.members {
            let principal = members
                .first()
                .and_then(|first| self.principals.get(*first as usize));
            let iam = principal.is_some_and(|principal| principal.who.iam);
            groups.push(setup.lay_out(members, iam, &mut policy_lists, &mut member_lists));
        }
        policy_lists.shrink_to_fit();
        let mut population = Population {
            library: self.library,
            chains: self.chains,
            accounts: self.accounts,
            policy_lists,
            member_lists,
            names: Names::new(&self.principals),
            principals: self.principals,
            groups,
            common: self.common,
            leads: Leads::default(),
        };
        population.read_groups(0);
        population
    }
}
