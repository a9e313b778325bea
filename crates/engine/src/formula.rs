//! Formulas over what a request may be: which condition holds, which resources a pattern has, which session asks.

use sv0_iam::condition::{Context, Family};
use sv0_iam::syntax::ast::Condition;
use sv0_iam::syntax::resource::{ResourcePattern, ShortArn};

use crate::lang::Pattern;

/// Something that is so or not, depending on the request.
#[derive(Debug, Clone)]
pub enum Atom<'a> {
    /// A condition on keys of which not everything is known.
    Condition(&'a Condition),
    /// The resource, which is left open, is in this set.
    Inside(Pattern),
    /// The resource matches a pattern with variables of which not everything is known.
    Resource(&'a ResourcePattern, ShortArn),
    /// The caller, of whom only the role or the account was said, is this session or principal.
    Caller(&'a str),
    /// Identity policies that nobody has read allow it.
    Foreign,
    /// A condition with an operator that AWS does not have.
    Undecidable,
}

/// An atom's place in its [`Atoms`].
pub type AtomId = usize;

/// The atoms of a formula; equal ones are the same.
#[derive(Debug, Clone, Default)]
pub struct Atoms<'a> {
    atoms: Vec<Atom<'a>>,
}

impl<'a> Atoms<'a> {
    /// The place of an atom, which is added unless it is there.
    pub fn intern(&mut self, atom: Atom<'a>) -> AtomId {
        if let Some(at) = self.atoms.iter().position(|other| same(other, &atom)) {
            return at;
        }
        self.atoms.push(atom);
        self.atoms.len() - 1
    }

    /// An atom.
    #[must_use]
    pub fn get(&self, id: AtomId) -> Option<&Atom<'a>> {
        self.atoms.get(id)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.atoms.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.atoms.is_empty()
    }
}

fn same(a: &Atom<'_>, b: &Atom<'_>) -> bool {
    match (a, b) {
        (Atom::Condition(a), Atom::Condition(b)) => {
            std::ptr::eq(*a, *b) || (a.key == b.key && a.operator == b.operator && a.values == b.values)
        }
        (Atom::Inside(a), Atom::Inside(b)) => a == b,
        (Atom::Resource(a, x), Atom::Resource(b, y)) => a == b && x == y,
        (Atom::Caller(a), Atom::Caller(b)) => a == b,
        (Atom::Foreign, Atom::Foreign) => true,
        // Each is a riddle of its own.
        _ => false,
    }
}

/// A formula in negation normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formula {
    /// Holds, or does not, whatever the request is.
    Const(bool),
    /// An atom holds, or does not.
    Is(AtomId, bool),
    /// All of these.
    All(Vec<Formula>),
    /// One of these at least.
    Any(Vec<Formula>),
}

impl Formula {
    /// Always.
    pub const TRUE: Self = Self::Const(true);
    /// Never.
    pub const FALSE: Self = Self::Const(false);

    /// All of some formulas.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut out = Vec::new();
        for part in parts {
            match part {
                Self::Const(true) => {}
                Self::Const(false) => return Self::FALSE,
                Self::All(inner) => out.extend(inner),
                other => out.push(other),
            }
        }
        match out.len() {
            0 => Self::TRUE,
            1 => out.remove(0),
            _ => Self::All(out),
        }
    }

    /// One of some formulas.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut out = Vec::new();
        for part in parts {
            match part {
                Self::Const(false) => {}
                Self::Const(true) => return Self::TRUE,
                Self::Any(inner) => out.extend(inner),
                other => out.push(other),
            }
        }
        match out.len() {
            0 => Self::FALSE,
            1 => out.remove(0),
            _ => Self::Any(out),
        }
    }

    /// The opposite.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::Const(holds) => Self::Const(!holds),
            Self::Is(atom, holds) => Self::Is(atom, !holds),
            Self::All(parts) => Self::any(parts.into_iter().map(Self::negate)),
            Self::Any(parts) => Self::all(parts.into_iter().map(Self::negate)),
        }
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::all([self, other])
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::any([self, other])
    }

    /// What it comes to where some atoms are known; none where that is not enough.
    pub fn value(&self, known: &dyn Fn(AtomId) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Const(holds) => Some(*holds),
            Self::Is(atom, holds) => known(*atom).map(|is| is == *holds),
            Self::All(parts) => fold(parts, known, false),
            Self::Any(parts) => fold(parts, known, true),
        }
    }
}

/// Looks for a part that settles it: a false one among all, a true one among any.
fn fold(parts: &[Formula], known: &dyn Fn(AtomId) -> Option<bool>, settles: bool) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match part.value(known) {
            Some(value) if value == settles => return Some(settles),
            Some(_) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(!settles) }
}

/// Whether the values of an operator of the family may hold variables; in others they are plain text.
#[must_use]
pub const fn has_variables(family: Family) -> bool {
    matches!(
        family,
        Family::StringEquals
            | Family::StringEqualsIgnoreCase
            | Family::StringLike
            | Family::Arn
            | Family::Bool
    )
}

/// The variables of a condition that are not known: its values hang on other keys then. Only text, ARNs and `Bool` know
/// variables (semantics rule 31).
#[must_use]
pub fn unknown_variables(condition: &Condition, context: &Context) -> Vec<String> {
    let expanded = condition
        .operator
        .is_some_and(|operator| has_variables(operator.family));
    if !expanded {
        return Vec::new();
    }
    let keys = condition.values.iter().flat_map(|value| value.variables());
    keys.filter(|key| is_unknown(context, key))
        .map(str::to_owned)
        .collect()
}

/// Whether a key's value is not known.
#[must_use]
pub fn is_unknown(context: &Context, key: &str) -> bool {
    matches!(context.get(key), sv0_iam::condition::Fact::Unknown { .. })
}
