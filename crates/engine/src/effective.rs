//! Everything that a principal may do by its own policies, under all its ceilings: as a set of grants, each of some
//! actions on some resources under some conditions, less some denials.
//!
//! For actions of which the same statements speak, what is allowed is a union of products: one identity statement, and
//! of each ceiling (SCP level, boundary, session policy) one statement that allows. Denials stay denials. Each product is
//! asked of the solver for each form of resource that the actions take, so what can never happen is left out: an object
//! action on a bucket's ARN, conditions that contradict each other, a grant that is denied as a whole.

use rustc_hash::FxHashMap;
use sv0_iam::catalog::{ActionId, Catalog};
use sv0_iam::decide::{Layer, Policies};
use sv0_iam::name::Caller;
use sv0_iam::syntax::ast::{Condition, Effect, Statement};
use sv0_iam::syntax::resource::{ResourceName, ShortArn};
use sv0_iam::tri::Tri;

use crate::actions::alike;
use crate::compose::{Question, Stands};
use crate::forms::forms_of_all;
use crate::formula::{Atoms, Formula};
use crate::lang::Search;
use crate::matching::{Asked, Form, Match, Reading, Subject, all_or_nothing, matching};
use crate::scope::Scope;
use crate::solve::{Example, Room, solve};

/// Products of statements that are told apart for one group of actions; there are more where ceilings are long lists.
const MOST_PRODUCTS: usize = 400;

/// A statement and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The layer.
    pub layer: Layer,
    /// Its level.
    pub level: usize,
    /// The asker's name for the policy.
    pub tag: u32,
    /// The statement.
    pub statement: &'a Statement,
}

impl Source<'_> {
    /// The resources it is about.
    #[must_use]
    pub fn scope(&self, context: &sv0_iam::condition::Context) -> Scope {
        let short = match self.layer {
            Layer::Scp | Layer::Rcp => ShortArn::IfTrailingStar,
            Layer::Resource | Layer::Endpoint => ShortArn::IfWildcard,
            _ => ShortArn::Pad,
        };
        Scope::of(self.statement.resource.as_ref(), context, short)
    }

    fn place(&self) -> (Layer, usize, u32, usize) {
        (self.layer, self.level, self.tag, self.statement.index)
    }
}

/// Some actions on some resources under some conditions.
#[derive(Debug, Clone)]
pub struct Grant<'a> {
    /// The actions, in order.
    pub actions: Vec<ActionId>,
    /// On what.
    pub scope: Scope,
    /// What must hold, all of it; what is known to hold is left out.
    pub conditions: Vec<&'a Condition>,
    /// The statement that grants, and those of the ceilings that let it through where these say less than "everything".
    pub sources: Vec<Source<'a>>,
    /// The denials that take something away from it, by their place in [`Effective::denials`].
    pub unless: Vec<usize>,
    /// A request that it allows, for one of the actions; none where it was too hard to find one.
    pub example: Option<(ActionId, Example)>,
}

/// A statement that denies some of what is granted.
#[derive(Debug, Clone)]
pub struct Denial<'a> {
    /// The actions that are granted somewhere and that it is about.
    pub actions: Vec<ActionId>,
    /// The statement.
    pub source: Source<'a>,
    /// What must hold for it to deny; what is known to hold is left out.
    pub conditions: Vec<&'a Condition>,
}

/// Everything that a principal may do by its own policies.
#[derive(Debug, Clone, Default)]
pub struct Effective<'a> {
    /// What is granted.
    pub grants: Vec<Grant<'a>>,
    /// What is taken away from that.
    pub denials: Vec<Denial<'a>>,
    /// Actions whose statements are too many to be told apart; they may be allowed, and are in no grant.
    pub undecided: Vec<ActionId>,
}

/// Computes it. `policies` are the principal's own and its ceilings; resource policies and RCPs are not looked at, and the
/// resources are taken to be of the principal's own account.
#[must_use]
pub fn effective<'a>(
    caller: &Caller,
    policies: &Policies<'a>,
    context: &sv0_iam::condition::Context,
) -> Effective<'a> {
    let own = Policies {
        identity: policies.identity.clone(),
        identity_unknown: false,
        boundaries: policies.boundaries.clone(),
        session: policies.session.clone(),
        scps: policies.scps.clone(),
        ..Policies::default()
    };
    let sources = sources(caller, &own, context);
    let statements: Vec<&Statement> = sources.iter().map(|(source, _)| source.statement).collect();
    let mut out = Effective::default();
    for group in alike(&statements) {
        let mine: Vec<(Source<'a>, Reading)> = group
            .statements
            .iter()
            .filter_map(|at| sources.get(*at).copied())
            .collect();
        let grants = |(source, _): &&(Source<'a>, Reading)| {
            source.layer == Layer::Identity && source.statement.effect == Effect::Allow
        };
        if mine.iter().any(|s| grants(&s)) {
            let groups = Group {
                caller,
                policies: &own,
                context,
                actions: &group.actions,
                sources: &mine,
            };
            groups.judge(&mut out);
        }
    }
    for denial in &mut out.denials {
        denial.actions.sort_unstable();
        denial.actions.dedup();
    }
    merge(&mut out);
    out
}

/// Every statement that bears on the caller, whatever the action.
fn sources<'a>(
    caller: &Caller,
    policies: &Policies<'a>,
    context: &sv0_iam::condition::Context,
) -> Vec<(Source<'a>, Reading)> {
    let question = Question {
        caller,
        action: "*",
        subject: Subject::Named(ResourceName::new("*")),
        resource_account: None,
        context,
    };
    let mut out = Vec::new();
    Stands::new(&question, policies).every(&question, policies, |statement, tag, reading| {
        let source = Source {
            layer: reading.layer,
            level: reading.level,
            tag,
            statement,
        };
        out.push((source, reading));
    });
    out
}

/// Actions of which the same statements speak.
struct Group<'g, 'a> {
    caller: &'g Caller,
    policies: &'g Policies<'a>,
    context: &'g sv0_iam::condition::Context,
    actions: &'g [ActionId],
    sources: &'g [(Source<'a>, Reading)],
}

/// One identity statement and one of each ceiling.
#[derive(Clone)]
struct Product<'a> {
    sources: Vec<Source<'a>>,
    scope: Scope,
}

impl<'a> Group<'_, 'a> {
    fn judge(&self, out: &mut Effective<'a>) {
        let Some(products) = self.products() else {
            out.undecided.extend(self.actions);
            return;
        };
        let denials: Vec<Source<'a>> = self.with(Effect::Deny).collect();
        let forms = forms_of_all(self.actions);
        for product in products {
            let mut grant = Grant {
                actions: Vec::new(),
                scope: product.scope.clone(),
                conditions: self.conditions(&product.sources),
                sources: product.sources.clone(),
                unless: Vec::new(),
                example: None,
            };
            let mut touched = vec![false; denials.len()];
            // Forms on which every statement's resources are all or nothing are judged once.
            let mut seen: FxHashMap<Vec<bool>, bool> = FxHashMap::default();
            for (form, actions) in &forms {
                let plain = self.all_or_nothing(*form, &product, &denials);
                if let Some(possible) = plain.as_ref().and_then(|key| seen.get(key)) {
                    if *possible {
                        grant.actions.extend(actions);
                    }
                    continue;
                }
                let found = self.possible(*form, &product, &denials, &mut touched);
                if let Some(key) = plain {
                    seen.insert(key, !found.is_empty());
                }
                if found.is_empty() {
                    continue;
                }
                grant.actions.extend(actions);
                if let (None, Some(example), Some(action)) = (&grant.example, found.found(), actions.first())
                {
                    grant.example = Some((*action, example));
                }
            }
            if grant.actions.is_empty() {
                continue;
            }
            grant.actions.sort_unstable();
            grant.actions.dedup();
            for (source, _) in denials.iter().zip(touched).filter(|(_, touched)| *touched) {
                grant.unless.push(self.denial(*source, &grant.actions, out));
            }
            out.grants.push(grant);
        }
    }

    /// Whether each statement is about every resource of the form, where each is about all of them or none.
    fn all_or_nothing(
        &self,
        form: Option<&Form>,
        product: &Product<'a>,
        denials: &[Source<'a>],
    ) -> Option<Vec<bool>> {
        let with_reading = |source: &Source<'a>| {
            let found = self
                .sources
                .iter()
                .find(|(other, _)| other.place() == source.place());
            found.map(|(source, reading)| (source.statement, reading.short))
        };
        let statements = product.sources.iter().chain(denials).filter_map(with_reading);
        all_or_nothing(statements, &self.asked(form))
    }

    fn asked<'q>(&'q self, form: Option<&'q Form>) -> Asked<'q> {
        Asked {
            caller: self.caller,
            subject: form.map_or(Subject::Named(ResourceName::new("*")), Subject::Open),
            context: self.context,
        }
    }

    fn with(&self, effect: Effect) -> impl Iterator<Item = Source<'a>> {
        self.sources
            .iter()
            .map(|(source, _)| *source)
            .filter(move |source| source.statement.effect == effect)
    }

    /// The products that are not empty at sight; none where there are too many.
    fn products(&self) -> Option<Vec<Product<'a>>> {
        let allows: Vec<Source<'a>> = self.with(Effect::Allow).collect();
        let scope = |source: &Source<'a>| source.scope(self.context);
        let mut out: Vec<Product<'a>> = Vec::new();
        for source in allows.iter().filter(|s| s.layer == Layer::Identity) {
            let scope = scope(source);
            if !scope.is_empty() {
                out.push(Product {
                    sources: vec![*source],
                    scope,
                });
            }
        }
        for (layer, level) in self.ceilings() {
            let mine: Vec<&Source<'a>> = allows
                .iter()
                .filter(|s| s.layer == layer && s.level == level)
                .collect();
            if mine.iter().any(|s| self.is_total(s)) {
                continue;
            }
            let mut next = Vec::new();
            for product in &out {
                for source in &mine {
                    let scope = product.scope.and(&scope(source));
                    if !scope.is_empty() {
                        let mut sources = product.sources.clone();
                        sources.push(**source);
                        next.push(Product { sources, scope });
                    }
                }
                if next.len() > MOST_PRODUCTS {
                    return None;
                }
            }
            out = next;
        }
        (out.len() <= MOST_PRODUCTS).then_some(out)
    }

    /// The levels each of which must allow.
    fn ceilings(&self) -> Vec<(Layer, usize)> {
        let question = self.question(Subject::Named(ResourceName::new("*")));
        let mut out: Vec<(Layer, usize)> = Vec::new();
        let scps = Stands::new(&question, self.policies).scp_levels();
        out.extend((0..scps).map(|level| (Layer::Scp, level)));
        if self.caller.is_iam() {
            out.extend((0..self.policies.boundaries.len()).map(|level| (Layer::Boundary, level)));
            out.extend(self.policies.session.as_ref().map(|_| (Layer::Session, 0)));
        }
        out
    }

    /// Whether a statement allows its actions on everything whatever holds.
    fn is_total(&self, source: &Source<'a>) -> bool {
        let everything = source
            .statement
            .resource
            .as_ref()
            .is_some_and(|element| !element.negated && element.patterns.iter().any(|p| p.is_any()));
        everything && self.conditions(std::slice::from_ref(source)).is_empty()
    }

    /// What of the conditions is not known to hold.
    fn conditions(&self, sources: &[Source<'a>]) -> Vec<&'a Condition> {
        let mut out: Vec<&'a Condition> = Vec::new();
        for condition in sources.iter().flat_map(|source| &source.statement.conditions) {
            let open = sv0_iam::condition::holds(condition, self.context) != Tri::True;
            if open && !out.iter().any(|other| same(other, condition)) {
                out.push(condition);
            }
        }
        out
    }

    fn question<'q>(&'q self, subject: Subject<'q>) -> Question<'q> {
        let action = self
            .actions
            .first()
            .and_then(|id| Catalog::embedded().action_by_id(*id))
            .map_or("", |action| action.name());
        Question {
            caller: self.caller,
            action,
            subject,
            resource_account: None,
            context: self.context,
        }
    }

    /// Whether a product allows a request on a resource of the form, and which denials take something away from it there.
    fn possible(
        &self,
        form: Option<&Form>,
        product: &Product<'a>,
        denials: &[Source<'a>],
        touched: &mut [bool],
    ) -> Search<Example> {
        let asked = self.asked(form);
        let mut atoms = Atoms::default();
        let mut matches: Vec<Match<'a>> = Vec::new();
        let mut when = |wanted: &Source<'a>, atoms: &mut Atoms<'a>| {
            let reading = self
                .sources
                .iter()
                .find(|(source, _)| source.place() == wanted.place());
            matches.clear();
            if let Some((source, reading)) = reading {
                matching(
                    source.statement,
                    source.tag,
                    &asked,
                    *reading,
                    atoms,
                    &mut matches,
                );
            }
            Formula::any(matches.drain(..).map(|m| m.when))
        };
        let granted = Formula::all(
            product
                .sources
                .iter()
                .map(|s| when(s, &mut atoms))
                .collect::<Vec<_>>(),
        );
        let denied: Vec<Formula> = denials.iter().map(|s| when(s, &mut atoms)).collect();
        let room = Room {
            subject: asked.subject,
            context: self.context,
            choices: &[],
        };
        let allowed = granted.clone().and(Formula::any(denied.clone()).negate());
        let found = solve(&allowed, &atoms, &room);
        if !found.is_empty() {
            for (when, touched) in denied.iter().zip(touched) {
                *touched |= *when != Formula::FALSE
                    && !solve(&granted.clone().and(when.clone()), &atoms, &room).is_empty();
            }
        }
        found
    }

    fn denial(&self, source: Source<'a>, actions: &[ActionId], out: &mut Effective<'a>) -> usize {
        let at = out
            .denials
            .iter()
            .position(|d| d.source.place() == source.place());
        let at = at.unwrap_or_else(|| {
            out.denials.push(Denial {
                actions: Vec::new(),
                source,
                conditions: self.conditions(&[source]),
            });
            out.denials.len() - 1
        });
        if let Some(denial) = out.denials.get_mut(at) {
            // Most products of a group have the same actions; the rest is sorted out at the end.
            if !denial.actions.ends_with(actions) {
                denial.actions.extend(actions);
            }
        }
        at
    }
}

fn same(a: &Condition, b: &Condition) -> bool {
    a.key == b.key && a.operator == b.operator && a.values == b.values
}

/// Grants that differ in their actions only become one.
fn merge(out: &mut Effective<'_>) {
    let mut merged: Vec<Grant<'_>> = Vec::new();
    for grant in out.grants.drain(..) {
        let like = |other: &&mut Grant<'_>| {
            other.scope == grant.scope
                && other.conditions.len() == grant.conditions.len()
                && other
                    .conditions
                    .iter()
                    .zip(&grant.conditions)
                    .all(|(a, b)| same(a, b))
                && other.unless == grant.unless
        };
        match merged.iter_mut().find(like) {
            Some(other) => {
                other.actions.extend(grant.actions);
                other.actions.sort_unstable();
                other.actions.dedup();
                for source in grant.sources {
                    if !other.sources.iter().any(|s| s.place() == source.place()) {
                        other.sources.push(source);
                    }
                }
            }
            None => merged.push(grant),
        }
    }
    out.grants = merged;
}
