//! Who can do what to one resource: every principal that may do anything, and for each which of a [`Bundle`]'s actions.
//!
//! Invariant: for each action of the bundle, the rows say what [`Population::who_can`] says of that action.
//!
//! A resource that its policy opens to anyone, under conditions perhaps, is asked about for everybody; many such resources
//! get the very same answer from nearly everybody. That answer is worked out once ([`Shared`]) for all resources of which
//! the same clauses and the same facts hold; asked again are only those whose own policies, or SCPs, speak of some names
//! and not of others.

use std::sync::{Arc, PoisonError};

use rustc_hash::FxHashMap;
use sv0_iam::decide::ResourceRule;
use sv0_iam::name::principal::CallerKind;
use sv0_iam::syntax::ast::{Condition, Effect, Statement};
use sv0_iam::tri::Tri;

use super::bundle::{Bundle, Entry, Mask};
use super::partial::{As, Asked, covers, holds, settled};
use super::population::{ChainId, Group, Population, Principal, PrincipalId, number};
use super::who_can::Place;
use crate::compiled::compose::Terms;
use crate::compiled::decide::Refusals;
use crate::compiled::document::Span;
use crate::compiled::facts::{Known, Table, View};
use crate::compiled::principal::{Entry as Name, NamedSet};
use crate::compiled::{Action, Facts, PolicyId, Resource, Who};

/// What is asked about, whoever asks and for whatever of a bundle's actions.
#[derive(Debug, Clone, Copy)]
pub struct Reach<'a> {
    /// On what.
    pub resource: &'a Resource<'a>,
    /// Whose the resource is; the caller's account where it is nobody's.
    pub resource_account: Option<&'a str>,
    /// The resource's own policies.
    pub policies: &'a [PolicyId],
    /// RCPs of the resource's account, one list a level, root first; none where none applies.
    pub rcps: Option<&'a [Vec<PolicyId>]>,
    /// Whether the resource policy must allow even within the account.
    pub resource_rule: ResourceRule,
    /// Whether `RestrictPublicBuckets` is on for the S3 bucket.
    pub block_public_access: bool,
    /// What is known of the resource and the request, but for the action: it overrules what is known of the principals.
    pub facts: Option<&'a Facts<'a>>,
}

/// What one principal may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Who.
    pub principal: PrincipalId,
    /// Actions that are allowed whatever the unknown facts are.
    pub certain: Mask,
    /// Actions that are allowed, or hang on unknown facts.
    pub possible: Mask,
    /// Actions that some policy means the principal to have, on either side, and that another layer takes away.
    pub blocked: Mask,
}

/// Three-valued, for each action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Said {
    certain: Mask,
    possible: Mask,
}

impl Said {
    const fn all(mask: Mask) -> Self {
        Self {
            certain: mask,
            possible: mask,
        }
    }

    const fn add(&mut self, mask: Mask, holds: Tri) {
        match holds {
            Tri::True => {
                self.certain |= mask;
                self.possible |= mask;
            }
            Tri::Unknown => self.possible |= mask,
            Tri::False => {}
        }
    }

    const fn or(&mut self, other: Self) {
        self.certain |= other.certain;
        self.possible |= other.possible;
    }

    const fn and(&mut self, other: Self) {
        self.certain &= other.certain;
        self.possible &= other.possible;
    }
}

/// Grants of a resource's policy by how they name the caller (semantics rule 16).
#[derive(Debug, Clone, Copy, Default)]
struct Grants {
    any: Mask,
    closely: Mask,
    before_session: Mask,
    delegates: Mask,
    /// By a name of its own, not as somebody of its account and not as anyone.
    itself: Mask,
}

impl Grants {
    fn add(&mut self, mask: Mask, named: NamedSet) {
        if named.is_empty() {
            return;
        }
        let of = |set| if named.meets(set) { mask } else { 0 };
        self.any |= mask;
        self.closely |= of(NamedSet::CLOSELY);
        self.before_session |= of(NamedSet::BEFORE_SESSION);
        self.delegates |= of(NamedSet::DELEGATES);
        self.itself |= of(NamedSet::ITSELF);
    }
}

/// What all layers say.
#[derive(Debug, Clone, Copy)]
struct Tally {
    deny: Said,
    identity: Said,
    boundaries: Said,
    scps: Said,
    sure: Grants,
    perhaps: Grants,
}

impl Tally {
    fn new(all: Mask) -> Self {
        Self {
            deny: Said::default(),
            identity: Said::default(),
            boundaries: Said::all(all),
            scps: Said::all(all),
            sure: Grants::default(),
            perhaps: Grants::default(),
        }
    }
}

/// What a document says to a question, principals apart.
#[derive(Debug, Clone, Copy, Default)]
struct Partial {
    allow: Said,
    deny: Said,
    /// What it may say besides, principal by principal.
    open: Span,
}

/// An entry of which it hangs on the principal whether it holds.
#[derive(Debug, Clone, Copy)]
struct Open {
    entry: Entry,
    covers: Option<Tri>,
}

/// A statement on the resource's side.
#[derive(Debug, Clone, Copy)]
struct Clause {
    entry: Entry,
    place: Place,
    covers: Option<Tri>,
    /// Whether it holds, principals apart; none where that hangs on the principal.
    holds: Option<Tri>,
    /// Whether a condition names the accounts of all callers that it speaks of.
    within_accounts: bool,
}

/// What resources have in common that get the same answer from all whose policies speak of no names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Alike {
    /// Whether all callers are strangers to the owner, or each is asked about a resource of its own.
    strangers: bool,
    required: bool,
    keeps_strangers_out: bool,
    protected: Mask,
    /// As far as patterns for resources of any name tell them apart.
    shape: (Box<str>, Box<str>, bool, Box<str>),
    /// What is known of the request and the resource.
    facts: Vec<u8>,
    clauses: Vec<ClauseText>,
}

/// A clause by what it says: effect, actions and the one that stands for them, place, conditions, principals, whether it
/// covers the resource, whether it holds.
type ClauseText = (Effect, Mask, u8, Place, Span, Option<u32>, Tri, Option<Tri>);

/// An answer that many resources share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Principals, each with the place of what it may do: very many may do the same.
    rows: Vec<(u32, u32)>,
    masks: Vec<(Mask, Mask, Mask)>,
    /// Groups that were left out, because of the resource for which it was worked out: sorted.
    without: Vec<u32>,
    /// How many groups there were: those that came later were left out too.
    groups: u32,
    /// What the SCP chains said that speak of some resources only; none where that hangs on the caller.
    chains: Vec<(u32, Option<[Said; 2]>)>,
}

/// Room for notes, to be used for one question after the other so that none of them allocates.
#[derive(Debug, Default)]
pub struct Scratch {
    /// By policy, as an identity policy and as an SCP: the question that it was noted for, and where the note is.
    noted: Vec<[(u32, u32); 2]>,
    partials: Vec<Partial>,
    open: Vec<Open>,
    question: u32,
    clauses: Vec<Clause>,
    /// Accounts that conditions of clauses name.
    accounts: Vec<Box<str>>,
    /// Groups that may be allowed something, and principals that a statement may name by name: sorted.
    groups: Vec<u32>,
    named: Vec<u32>,
}

impl Scratch {
    fn next(&mut self, policies: usize) {
        self.noted.resize(policies, [(0, 0); 2]);
        self.partials.clear();
        self.open.clear();
        self.clauses.clear();
        self.accounts.clear();
        self.groups.clear();
        self.named.clear();
        self.question = self.question.wrapping_add(1);
        if self.question == 0 {
            self.noted.fill([(0, 0); 2]);
            self.question = 1;
        }
    }

    fn is_named(&self, member: u32) -> bool {
        self.named.binary_search(&member).is_ok()
    }

    fn partial(&self, policy: PolicyId, how: As) -> Option<&Partial> {
        let (question, at) = self.noted.get(policy.index())?.get(how.place())?;
        self.partials
            .get(*at as usize)
            .filter(|_| *question == self.question)
    }
}

impl Population {
    /// Asks about everybody, and tells a row for each principal of which there is anything to tell, in no order.
    pub fn reach(&self, bundle: &Bundle, asked: &Reach<'_>, scratch: &mut Scratch, out: &mut dyn FnMut(Row)) {
        let mut round = Round::new(self, bundle, asked, scratch, out);
        round.clauses();
        round.candidates();
        round.shared();
        round.groups();
        round.named();
    }

    /// Asks about one principal: what [`Population::reach`] says of it.
    #[must_use]
    pub fn reach_of(
        &self,
        bundle: &Bundle,
        principal: PrincipalId,
        asked: &Reach<'_>,
        scratch: &mut Scratch,
    ) -> Option<Row> {
        let group = self.principals.get(principal.index())?.group;
        let group = self.groups.get(group as usize)?;
        let mut row = None;
        let mut out = |found| row = Some(found);
        let mut round = Round::new(self, bundle, asked, scratch, &mut out);
        round.clauses();
        round.one(principal.0, group);
        row
    }
}

/// The accounts of all callers that a statement speaks of, where a condition names them.
fn accounts_of(statement: &Statement) -> Option<Vec<Box<str>>> {
    let names_accounts = |condition: &&Condition| {
        condition.operator_text.eq_ignore_ascii_case("StringEquals")
            && matches!(&*condition.key, "aws:principalaccount" | "kms:calleraccount")
            && condition
                .values
                .iter()
                .all(|value| value.variables().next().is_none())
    };
    let found = statement.conditions.iter().find(names_accounts)?;
    Some(found.values.iter().map(|value| value.as_str().into()).collect())
}

/// An account that nobody has.
const NOBODY: &str = "";

/// One question.
struct Round<'a, 's> {
    population: &'a Population,
    bundle: &'a Bundle,
    asked: &'a Reach<'a>,
    top: Option<&'a Table>,
    protected: Mask,
    keeps_strangers_out: bool,
    /// Whether the resource's policy grants to somebody whom its `Principal` names neither by name nor by account, and
    /// whether no condition names the accounts of those either.
    to_unnamed: bool,
    to_anyone: bool,
    scratch: &'s mut Scratch,
    /// Whether all callers are taken for strangers to the owner.
    strangers: bool,
    out: &'s mut dyn FnMut(Row),
}

impl<'a, 's> Round<'a, 's> {
    fn new(
        population: &'a Population,
        bundle: &'a Bundle,
        asked: &'a Reach<'a>,
        scratch: &'s mut Scratch,
        out: &'s mut dyn FnMut(Row),
    ) -> Self {
        scratch.next(population.library.len());
        let documents = &population.library.documents;
        let public = || asked.policies.iter().any(|policy| documents.is_public(policy.0));
        Self {
            population,
            bundle,
            asked,
            top: asked.facts.map(Facts::table),
            protected: bundle.protected(asked.resource),
            keeps_strangers_out: asked.block_public_access && bundle.s3 && public(),
            to_unnamed: false,
            to_anyone: false,
            strangers: false,
            scratch,
            out,
        }
    }

    /// The question as far as an entry needs it.
    fn asked(&self, entry: &Entry) -> Asked<'a> {
        let Population { library, common, .. } = self.population;
        Asked {
            library,
            common,
            // Entries are of known actions: it is not looked at.
            action: &Action::NONE,
            resource: self.asked.resource,
            top: self.top,
            facts: common.view(&library.keys, self.top, self.bundle.never(entry)),
        }
    }

    fn facts_of(&self, principal: &'a Principal, entry: &Entry) -> View<'a> {
        let parts = [self.top, Some(&principal.own), Some(&*principal.kin)];
        let keys = &self.population.library.keys;
        View::new(keys, parts, principal.open, self.bundle.never(entry))
    }

    // ---- what the resource's side says ----

    fn clauses(&mut self) {
        let asked = self.asked;
        if !self.bundle.iam {
            self.clauses_of(asked.policies, Place::Resource);
        }
        for level in asked.rcps.unwrap_or_default() {
            self.clauses_of(level, Place::Rcp);
        }
        let Population { library, names, .. } = self.population;
        let Scratch {
            clauses,
            named: by_name,
            ..
        } = &mut *self.scratch;
        for clause in clauses {
            let Some(principals) = library.documents.principals_of(&clause.entry.statement) else {
                continue;
            };
            by_name.extend(principals.entries.iter().flat_map(|entry| names.meant(entry)));
            if clause.place == Place::Resource && clause.entry.statement.effect == Effect::Allow {
                let unnamed = principals.anyone || principals.negated;
                self.to_unnamed |= unnamed;
                self.to_anyone |= unnamed && !clause.within_accounts;
            }
        }
        by_name.sort_unstable();
        by_name.dedup();
    }

    fn clauses_of(&mut self, policies: &[PolicyId], place: Place) {
        let documents = &self.population.library.documents;
        let naming = place.naming(false);
        for policy in policies {
            for entry in self.bundle.of(policy.0) {
                let statement = &entry.statement;
                // RCPs never grant, and a statement without principals speaks of nobody.
                let rcp = place == Place::Rcp;
                let mask = entry.mask & if rcp { self.bundle.rcps } else { self.bundle.all };
                let idle = mask == 0 || rcp && statement.effect == Effect::Allow;
                if idle || documents.principals_of(statement).is_none() {
                    continue;
                }
                let asked = self.asked(entry);
                let covers = covers(&asked, statement, naming.short, naming.optional);
                let holds = settled(&asked, statement, covers);
                if covers == Some(Tri::False) || holds == Some(Tri::False) {
                    continue;
                }
                let source = documents.source(policy.0);
                let source = source.and_then(|source| source.statements.get(statement.index as usize));
                let accounts = source.and_then(accounts_of).filter(|_| holds.is_none());
                let within_accounts = accounts.is_some();
                self.scratch.accounts.extend(accounts.unwrap_or_default());
                let entry = Entry { mask, ..*entry };
                self.scratch.clauses.push(Clause {
                    entry,
                    place,
                    covers,
                    holds,
                    within_accounts,
                });
            }
        }
    }

    /// Adds what the resource's side says of a caller; without facts, says whether more would have to be known.
    fn side(&self, who: &Who, bounded: bool, principal: Option<&'a Principal>, tally: &mut Tally) -> bool {
        let documents = &self.population.library.documents;
        let mut hangs = false;
        for clause in &self.scratch.clauses {
            if clause.place == Place::Rcp && who.service_linked {
                continue;
            }
            let naming = clause.place.naming(bounded);
            let statement = &clause.entry.statement;
            let Some(principals) = documents.principals_of(statement) else {
                continue;
            };
            let ways = principals.speak_of(who, statement.effect, naming.bounded);
            if ways.tri() == Tri::False {
                continue;
            }
            let holds = match (clause.holds, principal) {
                (Some(holds), _) => holds,
                (None, Some(principal)) => holds(
                    documents,
                    statement,
                    clause.covers,
                    self.asked.resource,
                    &self.facts_of(principal, &clause.entry),
                    (naming.short, naming.optional),
                ),
                (None, None) => {
                    hangs = true;
                    continue;
                }
            };
            let mask = clause.entry.mask;
            match (statement.effect, clause.place) {
                (Effect::Deny, _) => tally.deny.add(mask, ways.tri().and(holds)),
                (Effect::Allow, Place::Resource) if holds != Tri::False => {
                    let sure = ways.sure.map_or(NamedSet::NONE, NamedSet::of);
                    let perhaps = ways.perhaps.map_or(NamedSet::NONE, NamedSet::of);
                    if holds == Tri::True {
                        tally.sure.add(mask, sure);
                    }
                    tally.perhaps.add(mask, sure.with(perhaps));
                }
                (Effect::Allow, _) => {}
            }
        }
        hangs
    }

    // ---- whom it is worth to ask about ----

    fn candidates(&mut self) {
        let Population { library, leads, .. } = self.population;
        let holders = &self.bundle.holders;
        let Scratch {
            clauses,
            groups,
            accounts,
            ..
        } = &mut *self.scratch;
        for account in accounts {
            groups.extend(leads.of_account(account));
        }
        match self.asked.resource_account {
            // Nobody's resource is everybody's own.
            None if self.to_unnamed => {
                let all = u32::try_from(self.population.groups.len()).unwrap_or(u32::MAX);
                groups.extend(0..all);
            }
            None => {
                groups.extend(leads.free());
                groups.extend(holders.of_resource(self.asked.resource));
                groups.extend(&holders.wide);
            }
            Some(owner) if self.to_anyone => {
                groups.extend(leads.of_account(owner));
                groups.extend(leads.outsiders());
                groups.extend(leads.free());
                groups.extend(holders.of_resource(self.asked.resource));
                groups.extend(&holders.wide);
            }
            Some(owner) => {
                groups.extend(holders.of_account(owner));
                let granting = clauses.iter().filter(|clause| {
                    clause.place == Place::Resource && clause.entry.statement.effect == Effect::Allow
                });
                let principals =
                    granting.filter_map(|clause| library.documents.principals_of(&clause.entry.statement));
                for entry in principals.flat_map(|principals| &principals.entries) {
                    if let Name::Account(account) = entry {
                        groups.extend(holders.of_account(&account.text));
                    }
                }
            }
        }
        groups.sort_unstable();
        groups.dedup();
    }

    // ---- what many resources share ----

    /// Tells what is shared with other resources, and leaves the rest of the groups to be asked.
    fn shared(&mut self) {
        let owner = self.asked.resource_account;
        // What is opened to anyone, and belongs to the caller whoever it is, needs no grant: names may count for anybody.
        if owner.is_some() != self.to_anyone || owner.is_none() && self.to_unnamed {
            return;
        }
        let Some(alike) = self.alike(owner.is_some()) else {
            return;
        };
        let bundle = self.bundle;
        let lock = || bundle.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let found = lock().get(&alike).cloned();
        let shared = match found {
            Some(found) => found,
            None => {
                let made = Arc::new(self.work_out(owner.is_some()));
                lock().insert(alike, Arc::clone(&made));
                made
            }
        };
        let population = self.population;
        // To be asked one by one: those of the owner's account, those for whom the name counts, and those that were left
        // out before.
        let mut alone: Vec<u32> = bundle.holders.special(self.asked.resource, owner).collect();
        alone.extend(&shared.without);
        alone.extend(shared.groups..number(population.groups.len()));
        let owners = owner.into_iter().chain(self.owner_in_facts());
        alone.extend(owners.flat_map(|owner| population.leads.of_account(owner)));
        let odd: Vec<u32> = shared
            .chains
            .iter()
            .filter(|(chain, said)| said.is_none() || self.chain(*chain) != *said)
            .map(|(chain, _)| *chain)
            .collect();
        if !odd.is_empty() {
            let of_odd = |index: &u32| {
                let group = population.groups.get(*index as usize);
                let chain = group.and_then(|group| group.scps);
                chain.is_some_and(|ChainId(chain)| odd.contains(&chain))
            };
            let groups = self.scratch.groups.iter().copied();
            alone.extend(groups.filter(of_odd));
        }
        alone.extend(bundle.holders.of_resource(self.asked.resource));
        alone.sort_unstable();
        alone.dedup();
        // Nobody else is left out of the shared answer than who may not be in it.
        let is_alone = |group: u32| alone.binary_search(&group).is_ok();
        for (member, at) in &shared.rows {
            let (member, at) = (*member, *at as usize);
            let group = population.principals.get(member as usize).map(|p| p.group);
            let is_left = group.is_none_or(is_alone) || self.scratch.is_named(member);
            if let Some((certain, possible, blocked)) = shared.masks.get(at).copied().filter(|_| !is_left) {
                (self.out)(Row {
                    principal: PrincipalId(member),
                    certain,
                    possible,
                    blocked,
                });
            }
        }
        self.scratch.groups.retain(|group| is_alone(*group));
    }

    /// Whose the resource is, as conditions are told.
    fn owner_in_facts(&self) -> Option<&'a str> {
        let key = self.population.library.keys.find("aws:resourceaccount")?;
        match self.top?.find(key)?? {
            Known::One(value) => Some(&value.text),
            _ => None,
        }
    }

    /// What has to be alike for an answer to be shared; none where the answer hangs on the caller and the name together.
    fn alike(&self, strangers: bool) -> Option<Alike> {
        let clauses = self.scratch.clauses.iter().map(|clause| {
            let Entry {
                statement,
                mask,
                action,
            } = clause.entry;
            Some((
                statement.effect,
                mask,
                action,
                clause.place,
                statement.conditions,
                statement.principals,
                clause.covers?,
                clause.holds,
            ))
        });
        Some(Alike {
            strangers,
            required: self.asked.resource_rule == ResourceRule::Required,
            keeps_strangers_out: self.keeps_strangers_out,
            protected: self.protected,
            shape: self.asked.resource.shape(),
            facts: self
                .top
                .map_or(Vec::new(), |top| top.fingerprint(&self.bundle.asked)),
            clauses: clauses.collect::<Option<_>>()?,
        })
    }

    /// The answers of all groups for which the resource's name does not count.
    fn work_out(&mut self, strangers: bool) -> Shared {
        let bundle = self.bundle;
        let owner = self.asked.resource_account;
        let mut without: Vec<u32> = bundle.holders.special(self.asked.resource, owner).collect();
        let owners = owner.into_iter().chain(self.owner_in_facts());
        without.extend(owners.flat_map(|owner| self.population.leads.of_account(owner)));
        without.extend(bundle.holders.of_resource(self.asked.resource));
        without.sort_unstable();
        without.dedup();
        let chains = bundle.holders.choosy.iter();
        let chains = chains.map(|chain| (*chain, self.chain(*chain))).collect();
        let mut groups = std::mem::take(&mut self.scratch.groups);
        let (mut rows, mut masks) = (Vec::new(), Vec::new());
        let mut known: FxHashMap<(Mask, Mask, Mask), u32> = FxHashMap::default();
        {
            let mut out = |row: Row| {
                let said = (row.certain, row.possible, row.blocked);
                let at = *known.entry(said).or_insert_with(|| {
                    masks.push(said);
                    number(masks.len() - 1)
                });
                rows.push((row.principal.0, at));
            };
            let mut round = Round {
                population: self.population,
                bundle,
                asked: self.asked,
                top: self.top,
                protected: self.protected,
                keeps_strangers_out: self.keeps_strangers_out,
                to_unnamed: self.to_unnamed,
                to_anyone: self.to_anyone,
                strangers,
                scratch: &mut *self.scratch,
                out: &mut out,
            };
            for index in &groups {
                if without.binary_search(index).is_err()
                    && let Some(group) = round.population.groups.get(*index as usize)
                {
                    round.group(group);
                }
            }
        }
        rows.shrink_to_fit();
        std::mem::swap(&mut self.scratch.groups, &mut groups);
        Shared {
            rows,
            masks,
            without,
            groups: number(self.population.groups.len()),
            chains,
        }
    }

    /// What an SCP chain says of this resource to everybody; none where that hangs on the caller.
    fn chain(&mut self, chain: u32) -> Option<[Said; 2]> {
        let levels = self.population.chains.get(chain as usize)?;
        let (mut all, mut deny) = (Said::all(self.bundle.all), Said::default());
        for level in levels {
            let mut allow = Said::default();
            for policy in level {
                self.note(*policy, As::Scp);
            }
            if self.said(level, As::Scp, None, &mut allow, &mut deny) {
                return None;
            }
            all.and(allow);
        }
        Some([all, deny])
    }

    // ---- asking ----

    fn groups(&mut self) {
        let groups = std::mem::take(&mut self.scratch.groups);
        for index in &groups {
            if let Some(group) = self.population.groups.get(*index as usize) {
                self.group(group);
            }
        }
        self.scratch.groups = groups;
    }

    /// The members of a group whom no statement names by name.
    fn group(&mut self, group: &'a Group) {
        let population = self.population;
        let members = population.members(group);
        let Some(first) = members
            .iter()
            .find(|member| !self.scratch.is_named(**member))
            .and_then(|first| population.principals.get(*first as usize))
        else {
            return;
        };
        let bounded = group.iam && !group.boundaries.is_empty();
        self.note_identity(group);
        let mut tally = Tally::new(self.bundle.all);
        let mut hangs = self.identity(group, None, &mut tally);
        if self.lacks_identity(group, &tally, hangs) {
            return;
        }
        self.note_ceilings(group);
        hangs |= self.ceilings(group, None, &mut tally);
        if !self.side(&first.who, bounded, None, &mut tally) && !hangs {
            let answer = self.answer(&tally, &first.who, group);
            for member in members {
                if !self.scratch.is_named(*member) {
                    self.tell(*member, answer);
                }
            }
            return;
        }
        for member in members {
            if !self.scratch.is_named(*member) {
                self.one(*member, group);
            }
        }
    }

    /// Whether a group cannot be allowed anything because no identity policy grants.
    fn lacks_identity(&self, group: &Group, tally: &Tally, hangs: bool) -> bool {
        let own = |owner| !self.strangers && self.population.account(group) == Some(owner);
        let unneeded =
            !group.iam || group.free || self.to_unnamed && self.asked.resource_account.is_none_or(own);
        !unneeded && !hangs && tally.identity.possible == 0
    }

    fn named(&mut self) {
        let named = std::mem::take(&mut self.scratch.named);
        for member in &named {
            let principal = self.population.principals.get(*member as usize);
            let group = principal.and_then(|principal| self.population.groups.get(principal.group as usize));
            if let Some(group) = group {
                self.one(*member, group);
            }
        }
        self.scratch.named = named;
    }

    fn one(&mut self, member: u32, group: &'a Group) {
        let population = self.population;
        let Some(principal) = population.principals.get(member as usize) else {
            return;
        };
        self.note_identity(group);
        self.note_ceilings(group);
        let who = &principal.who;
        let mut tally = Tally::new(self.bundle.all);
        self.identity(group, Some(principal), &mut tally);
        self.ceilings(group, Some(principal), &mut tally);
        let bounded = group.iam && !group.boundaries.is_empty();
        self.side(who, bounded, Some(principal), &mut tally);
        let answer = self.answer(&tally, who, group);
        self.tell(member, answer);
    }

    fn tell(&mut self, member: u32, (certain, possible, blocked): (Mask, Mask, Mask)) {
        if possible | blocked != 0 {
            (self.out)(Row {
                principal: PrincipalId(member),
                certain,
                possible,
                blocked,
            });
        }
    }

    /// How the layers go together: mirrors [`crate::compiled::compose::verdict`], for all actions at once.
    fn answer(&self, tally: &Tally, who: &Who, group: &Group) -> (Mask, Mask, Mask) {
        let bundle = self.bundle;
        let terms = Terms::new(
            who,
            &Action::NONE,
            if self.strangers {
                Some(NOBODY)
            } else {
                self.asked.resource_account
            },
            group.identity_unknown,
            self.asked.resource_rule == ResourceRule::Required,
            Refusals {
                protected: false,
                strangers: self.keeps_strangers_out,
            },
        );
        let refused = self.protected
            | if who.kind == CallerKind::Root {
                bundle.not_for_root
            } else {
                0
            };
        let allowed = |identity: Mask, boundaries: Mask, scps: Mask, named: &Grants, foreign: bool| {
            if !terms.iam {
                return named.any & scps;
            }
            let everything = terms.root || terms.identity_unknown && foreign;
            let identity = if everything { bundle.all } else { identity };
            if !terms.same_account {
                return identity & boundaries & named.any & scps;
            }
            let delegated = if terms.required {
                named.delegates
            } else {
                bundle.all
            };
            let role = named.before_session;
            (named.closely | role & boundaries | (identity | role) & boundaries & delegated) & scps
        };
        let (sure, perhaps) = (&tally.sure, &tally.perhaps);
        let certain = allowed(
            tally.identity.certain,
            tally.boundaries.certain,
            tally.scps.certain,
            sure,
            false,
        );
        let possible = allowed(
            tally.identity.possible,
            tally.boundaries.possible,
            tally.scps.possible,
            perhaps,
            true,
        );
        let possible = possible & !tally.deny.certain & !refused;
        // Rule 3: who is named by its account only is meant by its own policies, if at all. Of another account, who is
        // anyone is not meant either. An account is meant where it is named, and who has no name where anyone is.
        let meant = if terms.same_account && !terms.required {
            tally.identity.possible | perhaps.closely | perhaps.before_session
        } else {
            let itself = match who.kind {
                CallerKind::Anonymous => perhaps.any,
                CallerKind::Account => perhaps.delegates,
                _ => perhaps.itself,
            };
            perhaps.any & (tally.identity.possible | itself)
        };
        if terms.kept_out {
            return (0, 0, meant);
        }
        let certain = certain & !tally.deny.possible & possible;
        (certain, possible, meant & !possible)
    }

    // ---- the caller's own side ----

    fn identity(&self, group: &Group, principal: Option<&'a Principal>, tally: &mut Tally) -> bool {
        if !group.iam {
            return false;
        }
        let identity = self.population.identity(group);
        self.said(
            identity,
            As::Identity,
            principal,
            &mut tally.identity,
            &mut tally.deny,
        )
    }

    fn ceilings(&self, group: &Group, principal: Option<&'a Principal>, tally: &mut Tally) -> bool {
        if !group.iam {
            return false;
        }
        let (population, mut hangs) = (self.population, false);
        for boundary in population.boundaries(group) {
            let mut allow = Said::default();
            let one = std::slice::from_ref(boundary);
            hangs |= self.said(one, As::Identity, principal, &mut allow, &mut tally.deny);
            tally.boundaries.and(allow);
        }
        for level in population.scps(group).into_iter().flatten() {
            let mut allow = Said::default();
            hangs |= self.said(level, As::Scp, principal, &mut allow, &mut tally.deny);
            tally.scps.and(allow);
        }
        hangs
    }

    /// Adds what documents say; without a principal, says whether more would have to be known.
    fn said(
        &self,
        policies: &[PolicyId],
        how: As,
        principal: Option<&'a Principal>,
        allow: &mut Said,
        deny: &mut Said,
    ) -> bool {
        let documents = &self.population.library.documents;
        let mut hangs = false;
        for policy in policies {
            let Some(partial) = self.scratch.partial(*policy, how) else {
                continue;
            };
            allow.or(partial.allow);
            deny.or(partial.deny);
            let Some(principal) = principal else {
                hangs |= !partial.open.is_empty();
                continue;
            };
            for Open { entry, covers } in partial.open.of(&self.scratch.open) {
                let holds = holds(
                    documents,
                    &entry.statement,
                    *covers,
                    self.asked.resource,
                    &self.facts_of(principal, entry),
                    (how.short(), false),
                );
                match entry.statement.effect {
                    Effect::Allow => allow.add(entry.mask, holds),
                    Effect::Deny => deny.add(entry.mask, holds),
                }
            }
        }
        hangs
    }

    fn note_identity(&mut self, group: &Group) {
        let population = self.population;
        for policy in population.identity(group) {
            self.note(*policy, As::Identity);
        }
    }

    fn note_ceilings(&mut self, group: &Group) {
        let population = self.population;
        for policy in population.boundaries(group) {
            self.note(*policy, As::Identity);
        }
        for policy in population.scps(group).into_iter().flatten().flatten() {
            self.note(*policy, As::Scp);
        }
    }

    fn note(&mut self, policy: PolicyId, how: As) {
        if self.scratch.partial(policy, how).is_some() {
            return;
        }
        let first = self.scratch.open.len();
        let mut partial = Partial::default();
        for entry in self.bundle.of(policy.0) {
            let asked = self.asked(entry);
            let covers = covers(&asked, &entry.statement, how.short(), false);
            if covers == Some(Tri::False) {
                continue;
            }
            match (settled(&asked, &entry.statement, covers), entry.statement.effect) {
                (Some(holds), Effect::Allow) => partial.allow.add(entry.mask, holds),
                (Some(holds), Effect::Deny) => partial.deny.add(entry.mask, holds),
                (None, _) => self.scratch.open.push(Open {
                    entry: *entry,
                    covers,
                }),
            }
        }
        partial.open = Span::since(first, &self.scratch.open);
        let Scratch {
            noted,
            partials,
            question,
            ..
        } = &mut *self.scratch;
        let at = u32::try_from(partials.len()).unwrap_or(u32::MAX);
        partials.push(partial);
        if let Some(noted) = noted
            .get_mut(policy.index())
            .and_then(|pair| pair.get_mut(how.place()))
        {
            *noted = (*question, at);
        }
    }
}
