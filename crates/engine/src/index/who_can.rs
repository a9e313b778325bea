//! Who can: the verdict for every principal of a population, asked once for each group where nothing tells its members
//! apart.
//!
//! Invariant: the answer is what [`Population::ask`] gives for each principal by itself.

use sv0_iam::decide::{ResourceRule, Verdict};
use sv0_iam::syntax::ast::Effect;
use sv0_iam::syntax::resource::ShortArn;
use sv0_iam::tri::Tri;

use super::bits::Bits;
use super::partial::{As, Asked, Notes, Open, covers, holds, settled};
use super::population::{Group, Population, Principal, PrincipalId};
use crate::compiled::compose::{Tally, Terms, verdict};
use crate::compiled::decide::{Case, Naming, Refusals};
use crate::compiled::facts::View;
use crate::compiled::principal::Entry;
use crate::compiled::{Action, Facts, Layers, PolicyId, Resource, Who};

/// What is asked about, whoever asks.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// What for.
    pub action: &'a Action<'a>,
    /// On what.
    pub resource: &'a Resource<'a>,
    /// Whose the resource is; the caller's account where it is nobody's.
    pub resource_account: Option<&'a str>,
    /// The resource's own policies.
    pub policies: &'a [PolicyId],
    /// RCPs of the resource's account, one list a level, root first; none where none applies.
    pub rcps: Option<&'a [Vec<PolicyId>]>,
    /// Policies of the VPC endpoint that the requests go through.
    pub endpoint: Option<&'a [PolicyId]>,
    /// Whether the resource policy must allow even within the account.
    pub resource_rule: ResourceRule,
    /// Whether `RestrictPublicBuckets` is on for the S3 bucket.
    pub block_public_access: bool,
    /// What is known of the resource and the request: it overrules what is known of the principals.
    pub facts: Option<&'a Facts<'a>>,
}

/// The principals that may, each list in the order of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhoCan {
    /// [`Verdict::Allowed`].
    pub allowed: Vec<PrincipalId>,
    /// [`Verdict::AllowedIf`].
    pub allowed_if: Vec<PrincipalId>,
}

/// Room for notes, to be used for one question after the other so that none of them allocates.
#[derive(Debug, Default)]
pub struct Scratch {
    notes: Notes,
    clauses: Vec<Clause>,
    /// Whether the resource's policy grants to somebody whom it names neither by name nor by account.
    to_anyone: bool,
    /// Groups that may be allowed something, and principals that a statement may name by name.
    groups: Bits,
    named: Bits,
    allowed: Bits,
    allowed_if: Bits,
}

/// A statement of a policy that names principals, where it covers the action and perhaps the resource.
#[derive(Debug, Clone, Copy)]
struct Clause {
    open: Open,
    place: Place,
    /// Whether it holds, principals apart; none where that hangs on the principal.
    holds: Option<Tri>,
}

/// Where a policy that names principals stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Resource,
    Rcp,
    Endpoint,
}

impl Place {
    pub(super) const fn naming(self, bounded: bool) -> Naming {
        match self {
            Self::Rcp => Naming::RCP,
            Self::Resource | Self::Endpoint => Naming::resource(bounded),
        }
    }
}

impl Population {
    /// The verdict for one principal; none for another population's id.
    #[must_use]
    pub fn ask(&self, id: PrincipalId, target: &Target<'_>) -> Option<Verdict> {
        let principal = self.principals.get(id.index())?;
        let group = self.groups.get(principal.group as usize)?;
        let case = Case {
            library: &self.library,
            who: &principal.who,
            action: target.action,
            resource: target.resource,
            facts: self.facts_of(principal, target),
        };
        let layers = Layers {
            identity: self.identity(group),
            identity_unknown: group.identity_unknown,
            boundaries: self.boundaries(group),
            session: None,
            scps: self.scps(group),
            rcps: target.rcps,
            resource: target.policies,
            endpoint: target.endpoint,
            resource_rule: target.resource_rule,
            block_public_access: target.block_public_access,
        };
        Some(case.decide(target.resource_account, &layers))
    }

    /// Everybody who may.
    #[must_use]
    pub fn who_can(&self, target: &Target<'_>, scratch: &mut Scratch) -> WhoCan {
        if target.action.free {
            let all = (0..self.len())
                .filter_map(|index| u32::try_from(index).ok())
                .map(PrincipalId);
            return WhoCan {
                allowed: all.collect(),
                allowed_if: Vec::new(),
            };
        }
        scratch.notes.next(self.library.len());
        scratch.groups.clear(self.groups.len());
        scratch.named.clear(self.principals.len());
        scratch.allowed.clear(self.principals.len());
        scratch.allowed_if.clear(self.principals.len());
        let top = target.facts.map(Facts::table);
        let mut round = Round {
            population: self,
            target,
            asked: Asked {
                library: &self.library,
                common: &self.common,
                action: target.action,
                resource: target.resource,
                top,
                facts: self.common.view(
                    &self.library.keys,
                    top,
                    target.facts.and_then(Facts::never_carried),
                ),
            },
            refusals: self.library.refusals(
                target.action,
                target.resource,
                target.policies,
                target.block_public_access,
            ),
            scratch,
        };
        round.clauses();
        round.candidates();
        round.groups();
        round.named();
        WhoCan {
            allowed: scratch.allowed.iter().map(PrincipalId).collect(),
            allowed_if: scratch.allowed_if.iter().map(PrincipalId).collect(),
        }
    }

    fn facts_of<'a>(&'a self, principal: &'a Principal, target: &Target<'a>) -> View<'a> {
        let parts = [
            target.facts.map(Facts::table),
            Some(&principal.own),
            Some(&*principal.kin),
        ];
        let never_carried = target.facts.and_then(Facts::never_carried);
        View::new(&self.library.keys, parts, principal.open, never_carried)
    }
}

/// One question about everybody.
struct Round<'a, 's> {
    population: &'a Population,
    target: &'a Target<'a>,
    asked: Asked<'a>,
    refusals: Refusals,
    scratch: &'s mut Scratch,
}

impl<'a> Round<'a, '_> {
    // ---- what the resource's side says ----

    /// Finds the statements on the resource's side, and the principals that they may name.
    fn clauses(&mut self) {
        let Target {
            action,
            policies,
            rcps,
            endpoint,
            ..
        } = *self.target;
        self.scratch.clauses.clear();
        if !action.iam {
            self.clauses_of(policies, Place::Resource);
        }
        for level in rcps.filter(|_| action.rcps).unwrap_or_default() {
            self.clauses_of(level, Place::Rcp);
        }
        self.clauses_of(endpoint.unwrap_or_default(), Place::Endpoint);
        let Population { library, names, .. } = self.population;
        for clause in &self.scratch.clauses {
            let principals = library.documents.principals_of(&clause.open.statement);
            for entry in principals.iter().flat_map(|principals| &principals.entries) {
                names.meant(entry).for_each(|index| self.scratch.named.set(index));
            }
        }
    }

    fn clauses_of(&mut self, policies: &[PolicyId], place: Place) {
        let documents = &self.population.library.documents;
        let Naming { short, optional, .. } = place.naming(false);
        for policy in policies {
            for statement in &*documents.bearing_on(policy.0, self.asked.action) {
                // RCPs never grant, and a statement without principals speaks of nobody.
                let idle = place == Place::Rcp && statement.effect == Effect::Allow;
                if idle || documents.principals_of(statement).is_none() {
                    continue;
                }
                let covers = covers(&self.asked, statement, short, optional);
                let holds = settled(&self.asked, statement, covers);
                if covers == Some(Tri::False) || holds == Some(Tri::False) {
                    continue;
                }
                let open = Open {
                    statement: *statement,
                    covers,
                };
                self.scratch.clauses.push(Clause { open, place, holds });
            }
        }
    }

    /// Adds what the resource's side says of a caller; without facts, says whether more would have to be known.
    fn side(&self, who: &Who, bounded: bool, facts: Option<&View<'_>>, tally: &mut Tally) -> bool {
        let documents = &self.population.library.documents;
        let (mut hangs, mut endpoint) = (false, Tri::False);
        for clause in &self.scratch.clauses {
            if clause.place == Place::Rcp && who.service_linked {
                continue;
            }
            let naming = clause.place.naming(bounded);
            let statement = &clause.open.statement;
            let Some(principals) = documents.principals_of(statement) else {
                continue;
            };
            let ways = principals.speak_of(who, clause.open.statement.effect, naming.bounded);
            if ways.tri() == Tri::False {
                continue;
            }
            let how = (naming.short, naming.optional);
            let holds = match (clause.holds, facts) {
                (Some(holds), _) => holds,
                (None, Some(facts)) => holds(
                    documents,
                    statement,
                    clause.open.covers,
                    self.asked.resource,
                    facts,
                    how,
                ),
                (None, None) => {
                    hangs = true;
                    continue;
                }
            };
            match (clause.open.statement.effect, clause.place) {
                (Effect::Deny, _) => tally.deny = tally.deny.or(ways.tri().and(holds)),
                (Effect::Allow, Place::Resource) => tally.resource.add(ways, holds),
                (Effect::Allow, Place::Endpoint) => endpoint = endpoint.or(ways.tri().and(holds)),
                (Effect::Allow, Place::Rcp) => {}
            }
        }
        if self.target.endpoint.is_some() {
            tally.endpoint = endpoint;
        }
        hangs
    }

    // ---- whom it is worth to ask about ----

    /// Marks the groups of which a member may be allowed something without being named by name.
    fn candidates(&mut self) {
        let Population { library, leads, .. } = self.population;
        let Scratch {
            notes,
            clauses,
            groups,
            to_anyone,
            ..
        } = &mut *self.scratch;
        let grants = |clause: &&Clause| {
            clause.place == Place::Resource && clause.open.statement.effect == Effect::Allow
        };
        let granting = clauses.iter().filter(grants);
        let granting = granting.filter_map(|clause| library.documents.principals_of(&clause.open.statement));
        *to_anyone = granting
            .clone()
            .any(|principals| principals.anyone || principals.negated);
        if let Some(owner) = self.target.resource_account {
            // Who is of another account needs a grant of the resource's policy too.
            groups.set_each(leads.of_account(owner));
            if !*to_anyone {
                for entry in granting.flat_map(|principals| &principals.entries) {
                    if let Entry::Account(account) = entry {
                        groups.set_each(leads.of_account(&account.text));
                    }
                }
                return;
            }
        } else if *to_anyone {
            groups.set_all();
            return;
        }
        if *to_anyone {
            groups.set_each(leads.outsiders());
        }
        groups.set_each(leads.free());
        for policy in leads.policies(self.asked.action) {
            if notes.may_allow(&self.asked, policy) {
                groups.set_each(leads.holders(policy));
            }
        }
    }

    /// Whether a group cannot be allowed anything because no identity policy grants; somebody of it whom a statement
    /// names by name, perhaps.
    fn lacks_identity(&mut self, group: &Group) -> bool {
        let own = |owner| self.population.account(group) == Some(owner);
        let unneeded = !group.iam
            || group.free
            || self.scratch.to_anyone && self.target.resource_account.is_none_or(own);
        let notes = &mut self.scratch.notes;
        let identity = self.population.identity(group);
        !unneeded
            && !identity
                .iter()
                .any(|policy| notes.may_allow(&self.asked, *policy))
    }

    // ---- asking ----

    fn groups(&mut self) {
        let groups = std::mem::take(&mut self.scratch.groups);
        // In the order of ids, in which groups and principals lie in memory.
        for index in groups.iter() {
            if let Some(group) = self.population.groups.get(index as usize) {
                self.group(group);
            }
        }
        self.scratch.groups = groups;
    }

    /// The members of a group whom no statement names by name.
    fn group(&mut self, group: &'a Group) {
        if self.lacks_identity(group) {
            return;
        }
        let population = self.population;
        let named = &self.scratch.named;
        let members = population.members(group);
        let others = || members.iter().copied().filter(|member| !named.has(*member));
        let Some(first) = others()
            .next()
            .and_then(|first| population.principals.get(first as usize))
        else {
            return;
        };
        let bounded = group.iam && !group.boundaries.is_empty();
        self.note(group);
        let mut tally = Tally::EMPTY;
        let hangs = self.mine(group, &first.who, None, &mut tally);
        if tally.deny == Tri::True {
            return;
        }
        if !self.side(&first.who, bounded, None, &mut tally) && !hangs {
            let verdict = verdict(&tally, &self.terms(&first.who, group));
            let Scratch {
                named,
                allowed,
                allowed_if,
                ..
            } = &mut *self.scratch;
            let bits = match verdict {
                Verdict::Allowed => allowed,
                Verdict::AllowedIf => allowed_if,
                Verdict::ImplicitDeny | Verdict::ExplicitDeny => return,
            };
            members
                .iter()
                .filter(|member| !named.has(**member))
                .for_each(|member| bits.set(*member));
            return;
        }
        if tally.deny == Tri::True {
            return;
        }
        for member in members {
            if !self.scratch.named.has(*member) {
                self.one(*member, group);
            }
        }
    }

    /// The principals whom a statement may name by name.
    fn named(&mut self) {
        let named = std::mem::take(&mut self.scratch.named);
        for member in named.iter() {
            let principal = self.population.principals.get(member as usize);
            let group = principal.and_then(|principal| self.population.groups.get(principal.group as usize));
            if let Some(group) = group {
                self.note(group);
                self.one(member, group);
            }
        }
        self.scratch.named = named;
    }

    /// Notes what the documents of a group say.
    fn note(&mut self, group: &Group) {
        let (population, notes) = (self.population, &mut self.scratch.notes);
        for policy in population
            .identity(group)
            .iter()
            .chain(population.boundaries(group))
        {
            notes.partial(&self.asked, *policy, As::Identity);
        }
        for policy in population.scps(group).into_iter().flatten().flatten() {
            notes.partial(&self.asked, *policy, As::Scp);
        }
    }

    fn one(&mut self, member: u32, group: &Group) {
        let population = self.population;
        let Some(principal) = population.principals.get(member as usize) else {
            return;
        };
        let facts = population.facts_of(principal, self.target);
        let who = &principal.who;
        let mut tally = Tally::EMPTY;
        self.mine(group, who, Some(&facts), &mut tally);
        if tally.deny == Tri::True {
            return;
        }
        self.side(
            who,
            group.iam && !group.boundaries.is_empty(),
            Some(&facts),
            &mut tally,
        );
        match verdict(&tally, &self.terms(who, group)) {
            Verdict::Allowed => self.scratch.allowed.set(member),
            Verdict::AllowedIf => self.scratch.allowed_if.set(member),
            Verdict::ImplicitDeny | Verdict::ExplicitDeny => {}
        }
    }

    fn terms(&self, who: &Who, group: &Group) -> Terms {
        let Target {
            action,
            resource_account,
            resource_rule,
            ..
        } = *self.target;
        let required = resource_rule == ResourceRule::Required;
        Terms::new(
            who,
            action,
            resource_account,
            group.identity_unknown,
            required,
            self.refusals,
        )
    }

    /// Adds what the caller's own side says: identity policies, boundaries, SCPs. Without facts, says whether more would
    /// have to be known.
    fn mine(&self, group: &Group, who: &Who, facts: Option<&View<'_>>, tally: &mut Tally) -> bool {
        if !who.iam {
            return false;
        }
        let population = self.population;
        let mut hangs = false;
        let mut said = |policies: &[PolicyId], how: As, deny: &mut Tri| {
            let mut allow = Tri::False;
            for policy in policies {
                hangs |= self.said(*policy, how, facts, &mut allow, deny);
            }
            allow
        };
        tally.identity = said(population.identity(group), As::Identity, &mut tally.deny);
        for boundary in population.boundaries(group) {
            let allow = said(std::slice::from_ref(boundary), As::Identity, &mut tally.deny);
            tally.boundaries = tally.boundaries.and(allow);
        }
        for level in population.scps(group).into_iter().flatten() {
            let allow = said(level, As::Scp, &mut tally.deny);
            tally.scps = tally.scps.and(allow);
        }
        hangs
    }

    #[inline]
    fn said(
        &self,
        policy: PolicyId,
        how: As,
        facts: Option<&View<'_>>,
        allow: &mut Tri,
        deny: &mut Tri,
    ) -> bool {
        let documents = &self.population.library.documents;
        let partial = self.scratch.notes.noted(policy, how);
        *allow = allow.or(partial.allow);
        *deny = deny.or(partial.deny);
        if partial.open.is_empty() {
            return false;
        }
        let Some(facts) = facts else { return true };
        for open in self.scratch.notes.open_of(&partial) {
            let so_far = match open.statement.effect {
                Effect::Allow => &mut *allow,
                Effect::Deny => &mut *deny,
            };
            if *so_far != Tri::True {
                let how: (ShortArn, bool) = (how.short(), false);
                *so_far = so_far.or(holds(
                    documents,
                    &open.statement,
                    open.covers,
                    self.asked.resource,
                    facts,
                    how,
                ));
            }
        }
        false
    }
}
