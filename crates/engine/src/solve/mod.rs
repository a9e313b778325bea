//! Is there a request that makes a formula true? Yes, with an example; no, for certain; or too hard to tell.
//!
//! A tableau: conjunctions are taken apart, of a disjunction one part after the other is tried, and what has been taken
//! on so far is held against what a request can be: one value for each key ([`crate::keys`]), one resource
//! ([`crate::lang`]), one caller. A branch is given up as soon as it contradicts itself, so a formula without an example
//! is refuted, not merely not satisfied. Conditions whose values hang on the unknown value of another key
//! (`${aws:PrincipalTag/team}`) are left for the end, where values are tried ([`coupled`]); without luck there the
//! answer is "nobody knows", never "no".
//!
//! Every example is asked of the evaluator's own condition and resource matching before it is given out.

mod coupled;
mod dependence;

use sv0_iam::condition::{Context, Fact, holds};
use sv0_iam::tri::Tri;

use crate::formula::{Atom, AtomId, Atoms, Formula};
use crate::keys::{self, Bound, Dependence, Domain, Literal, Value, Wanted};
use crate::lang::{Pattern, Search, search};
use crate::matching::{Set, Subject, set};

/// Branches that are looked at, at most.
const MOST_STEPS: usize = 4_000;

/// What requests may be.
#[derive(Debug, Clone, Copy)]
pub struct Room<'a> {
    /// On what.
    pub subject: Subject<'a>,
    /// What is known of the context.
    pub context: &'a Context,
    /// Keys that can only be one of some things, though which is not known.
    pub choices: &'a [(String, Vec<Value>)],
}

/// A request that makes a formula true.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Example {
    /// What the keys are on which it hangs, beside what is known; in the order of their names. Keys that are neither
    /// known nor listed are absent.
    pub keys: Vec<(String, Value)>,
    /// The resource, where it was left open.
    pub resource: Option<String>,
    /// The session or principal that the caller is, where it matters.
    pub caller: Option<String>,
    /// Sessions and principals that the caller is not.
    pub not_callers: Vec<String>,
    /// Whether identity policies that nobody has read allow it.
    pub foreign: bool,
}

impl Example {
    /// The context of the example: everything in it is known.
    #[must_use]
    pub fn context(&self, known: &Context) -> Context {
        let mut out = Context::closed();
        for (key, fact) in known.iter() {
            if !matches!(fact, Fact::Unknown { .. }) {
                out.set_fact(key, fact);
            }
        }
        for (key, value) in &self.keys {
            out.set_fact(key, value.fact());
        }
        out
    }
}

/// Looks for an example.
#[must_use]
pub fn solve(formula: &Formula, atoms: &Atoms<'_>, room: &Room<'_>) -> Search<Example> {
    let mut tableau = Tableau {
        atoms,
        room,
        taken: vec![None; atoms.len()],
        trail: Vec::new(),
        steps: 0,
        ties: (0..atoms.len()).map(|id| tie(atoms, room, id)).collect(),
    };
    tableau.branch(vec![Todo::Whole(formula)])
}

/// How an atom hangs on the unknown values of keys that it is not about.
enum Tie {
    /// Not at all.
    None,
    /// On one, and exactly in this way.
    On(Dependence),
    /// On these, in a way that is not taken apart.
    Knot(Vec<String>),
}

fn tie(atoms: &Atoms<'_>, room: &Room<'_>, id: AtomId) -> Tie {
    let Some(atom) = atoms.get(id) else {
        return Tie::None;
    };
    let variables = dependence::variables(atom, room.context);
    if variables.is_empty() {
        return Tie::None;
    }
    match dependence::dependence(atom, room) {
        Some(found) => Tie::On(found),
        None => Tie::Knot(variables),
    }
}

/// Something that must hold.
#[derive(Clone)]
enum Todo<'f> {
    Whole(&'f Formula),
    /// One of these.
    Any(&'f [Formula]),
}

struct Tableau<'a, 'r> {
    atoms: &'r Atoms<'a>,
    room: &'r Room<'r>,
    taken: Vec<Option<bool>>,
    /// What was taken on, in order, to be taken back.
    trail: Vec<AtomId>,
    steps: usize,
    ties: Vec<Tie>,
}

impl<'a, 'r> Tableau<'a, 'r> {
    fn branch(&mut self, todo: Vec<Todo<'_>>) -> Search<Example> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Search::GaveUp;
        }
        let mark = self.trail.len();
        let answer = self.go_on(todo);
        for atom in self.trail.drain(mark..) {
            if let Some(taken) = self.taken.get_mut(atom) {
                *taken = None;
            }
        }
        answer
    }

    fn go_on(&mut self, mut todo: Vec<Todo<'_>>) -> Search<Example> {
        let mut choices: Vec<&[Formula]> = Vec::new();
        loop {
            while let Some(next) = todo.pop() {
                match next {
                    Todo::Any(parts) => choices.push(parts),
                    Todo::Whole(Formula::Any(parts)) => choices.push(parts),
                    Todo::Whole(Formula::Const(true)) => {}
                    Todo::Whole(Formula::Const(false)) => return Search::Empty,
                    Todo::Whole(Formula::All(parts)) => todo.extend(parts.iter().map(Todo::Whole)),
                    Todo::Whole(Formula::Is(atom, holds)) => {
                        if !self.take(*atom, *holds) {
                            return Search::Empty;
                        }
                    }
                }
            }
            // What has been taken on may settle choices, or leave one way only.
            let mut open = Vec::new();
            for parts in choices.drain(..) {
                let known = |atom: AtomId| self.taken.get(atom).copied().flatten();
                if parts.iter().any(|part| part.value(&known) == Some(true)) {
                    continue;
                }
                let mut left = parts.iter().filter(|part| part.value(&known) != Some(false));
                match (left.next(), left.next()) {
                    (None, _) => return Search::Empty,
                    (Some(one), None) => todo.push(Todo::Whole(one)),
                    _ => open.push(parts),
                }
            }
            choices = open;
            if todo.is_empty() {
                break;
            }
        }
        let Some(at) = (0..choices.len()).min_by_key(|at| choices.get(*at).map_or(0, |parts| parts.len()))
        else {
            return self.example();
        };
        let parts = choices.swap_remove(at);
        let mut gave_up = false;
        for part in parts {
            let mut next: Vec<Todo<'_>> = choices.iter().map(|parts| Todo::Any(parts)).collect();
            next.push(Todo::Whole(part));
            match self.branch(next) {
                Search::Found(found) => return Search::Found(found),
                Search::GaveUp => gave_up = true,
                Search::Empty => {}
            }
        }
        if gave_up { Search::GaveUp } else { Search::Empty }
    }

    /// Takes an atom on; false where that contradicts what was taken on before.
    fn take(&mut self, atom: AtomId, holds: bool) -> bool {
        match self.taken.get(atom).copied().flatten() {
            Some(before) => return before == holds,
            None => {
                if let Some(taken) = self.taken.get_mut(atom) {
                    *taken = Some(holds);
                }
                self.trail.push(atom);
            }
        }
        match self.ties.get(atom) {
            Some(Tie::Knot(_)) => return true,
            Some(Tie::On(on)) => {
                return !self
                    .key(&on.key, &self.wanted(&on.key, false), self.room.context)
                    .is_empty();
            }
            Some(Tie::None) | None => {}
        }
        match self.atoms.get(atom) {
            Some(Atom::Condition(condition)) => !self
                .key(
                    &condition.key,
                    &self.wanted(&condition.key, false),
                    self.room.context,
                )
                .is_empty(),
            Some(Atom::Inside(_)) => !self.resource(self.room.context).is_empty(),
            Some(Atom::Caller(_)) if holds => {
                self.taken(true)
                    .filter(|(_, atom)| matches!(atom, Atom::Caller(_)))
                    .count()
                    < 2
            }
            _ => true,
        }
    }

    /// The atoms that were taken to hold, or not to.
    fn taken(&self, holds: bool) -> impl Iterator<Item = (AtomId, &Atom<'a>)> {
        let ids = self.taken.iter().enumerate();
        ids.filter(move |(_, taken)| **taken == Some(holds))
            .filter_map(|(id, _)| Some((id, self.atoms.get(id)?)))
    }

    /// What was taken on about a key; `all` says whether conditions that hang on other unknown keys count.
    fn wanted(&self, key: &str, all: bool) -> Wanted<'_> {
        let mut out = Wanted::default();
        for holds in [true, false] {
            for (id, atom) in self.taken(holds) {
                match (self.ties.get(id), atom) {
                    (Some(Tie::On(dependence)), _) if dependence.key == key => {
                        out.bounds.push(Bound { dependence, holds });
                    }
                    (Some(Tie::On(_)), _) => {}
                    (Some(Tie::Knot(_)), _) if !all => {}
                    (_, Atom::Condition(condition)) if *condition.key == *key => {
                        out.literals.push(Literal { condition, holds });
                    }
                    _ => {}
                }
            }
        }
        out
    }

    /// A value of a key.
    fn key(&self, key: &str, wanted: &Wanted<'_>, context: &Context) -> Search<Value> {
        if let Some((_, values)) = self.room.choices.iter().find(|(name, _)| name == key) {
            let fits = |value: &&Value| {
                let mut context = context.clone();
                context.set_fact(key, value.fact());
                agrees(wanted, value, &context)
            };
            return values
                .iter()
                .find(fits)
                .cloned()
                .map_or(Search::Empty, Search::Found);
        }
        match context.get(key) {
            Fact::Unknown { maybe_absent } => keys::solve(wanted, Domain::of(key, maybe_absent), context),
            // It was filled in meanwhile.
            _ => {
                let value = known(context, key);
                if agrees(wanted, &value, context) {
                    Search::Found(value)
                } else {
                    Search::Empty
                }
            }
        }
    }

    /// A resource; the empty text where it is not open.
    fn resource(&self, context: &Context) -> Search {
        let Subject::Open(form) = self.room.subject else {
            return Search::Found(String::new());
        };
        let mut inside = vec![vec![form.pattern.clone()]];
        let mut outside = Vec::new();
        let mut gave_up = false;
        for holds in [true, false] {
            for (id, atom) in self.taken(holds) {
                let found = match atom {
                    Atom::Inside(pattern) => Set::Some(pattern.clone()),
                    Atom::Resource(pattern, short) => set(pattern, context, *short, form),
                    _ => continue,
                };
                match (found, holds) {
                    (Set::Some(pattern), true) => inside.push(vec![pattern]),
                    (Set::Some(pattern), false) => outside.push(pattern),
                    (Set::None, true) | (Set::All, false) => return Search::Empty,
                    (Set::Hangs, _) => gave_up |= !matches!(self.ties.get(id), Some(Tie::Knot(_))),
                    (Set::None, false) | (Set::All, true) => {}
                }
            }
        }
        let groups: Vec<Vec<&Pattern>> = inside.iter().map(|group| group.iter().collect()).collect();
        match search(&groups, &outside.iter().collect::<Vec<_>>()) {
            Search::Found(_) if gave_up => Search::GaveUp,
            other => other,
        }
    }

    /// An example for what was taken on, all of which is consistent key by key.
    fn example(&self) -> Search<Example> {
        if self
            .taken(true)
            .chain(self.taken(false))
            .any(|(_, atom)| matches!(atom, Atom::Undecidable))
        {
            return Search::GaveUp;
        }
        let variables = self.variables();
        if variables.is_empty() {
            return self.complete(self.room.context, &[]);
        }
        coupled::try_values(self, &variables)
    }

    /// The unknown keys on which something hangs that is not taken apart.
    fn variables(&self) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for (id, _) in self.taken(true).chain(self.taken(false)) {
            if let Some(Tie::Knot(keys)) = self.ties.get(id) {
                out.extend(keys.iter().cloned());
            }
        }
        out.sort();
        out.dedup();
        out
    }

    /// The example in which `given` keys, already in `context`, have values and the others are found one by one.
    fn complete(&self, context: &Context, given: &[(String, Value)]) -> Search<Example> {
        let mut example = Example {
            keys: given.to_vec(),
            ..Example::default()
        };
        let mut names: Vec<&str> = Vec::new();
        for (id, atom) in self.taken(true).chain(self.taken(false)) {
            let key = match (self.ties.get(id), atom) {
                (Some(Tie::On(dependence)), _) => dependence.key.as_str(),
                (_, Atom::Condition(condition)) => &condition.key,
                _ => continue,
            };
            if !names.contains(&key) && !given.iter().any(|(given, _)| given == key) {
                names.push(key);
            }
        }
        for key in names {
            match self.key(key, &self.wanted(key, true), context) {
                Search::Found(value) => example.keys.push((key.to_owned(), value)),
                Search::Empty => return Search::Empty,
                Search::GaveUp => return Search::GaveUp,
            }
        }
        match self.resource(context) {
            Search::Found(found) => {
                example.resource = matches!(self.room.subject, Subject::Open(_)).then_some(found)
            }
            Search::Empty => return Search::Empty,
            Search::GaveUp => return Search::GaveUp,
        }
        for (holds, atom) in self
            .taken(true)
            .map(|(_, a)| (true, a))
            .chain(self.taken(false).map(|(_, a)| (false, a)))
        {
            match (atom, holds) {
                (Atom::Caller(arn), true) => example.caller = Some((*arn).to_owned()),
                (Atom::Caller(arn), false) => example.not_callers.push((*arn).to_owned()),
                (Atom::Foreign, holds) => example.foreign = holds,
                _ => {}
            }
        }
        // A key that must be there and of which nothing is asked.
        for (key, fact) in self.room.context.iter() {
            let named = |pairs: &[(String, Value)]| pairs.iter().any(|(name, _)| name == key);
            if matches!(fact, Fact::Unknown { maybe_absent: false })
                && !named(&example.keys)
                && let Search::Found(value) = self.key(key, &Wanted::default(), self.room.context)
            {
                example.keys.push((key.to_owned(), value));
            }
        }
        example.keys.sort_by(|a, b| a.0.cmp(&b.0));
        if self.holds(&example) {
            Search::Found(example)
        } else {
            Search::GaveUp
        }
    }

    /// Whether the evaluator's own matching agrees with all that was taken on.
    fn holds(&self, example: &Example) -> bool {
        let context = example.context(self.room.context);
        let name = example
            .resource
            .as_deref()
            .map(sv0_iam::syntax::resource::ResourceName::new);
        let agrees = |atom: &Atom<'_>, wanted: bool| match atom {
            Atom::Condition(condition) => holds(condition, &context) == Tri::from(wanted),
            Atom::Inside(pattern) => example.resource.as_deref().is_some_and(|r| pattern.has(r)) == wanted,
            Atom::Resource(pattern, short) => {
                let name = match (&name, self.room.subject) {
                    (Some(name), _) => *name,
                    (None, Subject::Named(name)) => name,
                    (None, Subject::Open(_)) => return false,
                };
                pattern.matches(&name, &context, *short) == Tri::from(wanted)
            }
            Atom::Caller(_) | Atom::Foreign => true,
            Atom::Undecidable => false,
        };
        self.taken(true).all(|(_, atom)| agrees(atom, true))
            && self.taken(false).all(|(_, atom)| agrees(atom, false))
    }
}

/// Whether a value is as wanted; `context` has it.
fn agrees(wanted: &Wanted<'_>, value: &Value, context: &Context) -> bool {
    let bound = |bound: &Bound<'_>| match value {
        Value::Absent => bound.dependence.absent == bound.holds,
        Value::One(text) => bound.allows(text),
        Value::Many(_) => bound.dependence.many == bound.holds,
    };
    let literals = &wanted.literals;
    literals
        .iter()
        .all(|l| holds(l.condition, context) == Tri::from(l.holds))
        && wanted.bounds.iter().all(bound)
}

/// A known key as a value.
fn known(context: &Context, key: &str) -> Value {
    match context.get(key) {
        Fact::One(value) => Value::One(value.to_owned()),
        Fact::Many(values) => Value::Many(values.to_vec()),
        Fact::Absent | Fact::Unknown { .. } => Value::Absent,
    }
}
