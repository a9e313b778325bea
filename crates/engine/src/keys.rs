//! Which values of one context key satisfy several conditions at once: exactly, with an example.
//!
//! A key is absent, has one value, or has several; what an operator says of each of these is in
//! [`sv0_iam::condition`]. So a conjunction of conditions on a key, some of which must hold and some must not, comes
//! down to asking for *values* that satisfy some comparisons and fail others. Comparisons of text are sets of strings
//! ([`crate::lang`]); numbers, dates and addresses are cut into finitely many intervals by the constants of the policy,
//! and one value of each is tried.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators".

mod interval;
mod text;

use sv0_iam::catalog::{Catalog, ConditionKey};
use sv0_iam::condition::{Context, Fact, Family, Quantifier, absent, holds};
use sv0_iam::syntax::ast::Condition;
use sv0_iam::tri::Tri;

use crate::lang::{Pattern, Search};

/// What a key is in a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Not part of the request.
    Absent,
    /// A single value.
    One(String),
    /// A multivalued key and its values.
    Many(Vec<String>),
}

impl Value {
    /// As the evaluator takes it.
    #[must_use]
    pub fn fact(&self) -> Fact<'_> {
        match self {
            Self::Absent => Fact::Absent,
            Self::One(value) => Fact::One(value),
            Self::Many(values) => Fact::Many(values),
        }
    }
}

/// A key as AWS writes it: `aws:multifactorauthpresent` is `aws:MultiFactorAuthPresent`. What comes after a slash is a
/// tag's name, and stays as it is.
#[must_use]
pub fn spelled(key: &str) -> String {
    let Some(known) = Catalog::embedded().find_condition_key(key) else {
        return key.to_owned();
    };
    match (known.name().split_once("${"), key.split_once('/')) {
        (None, _) => known.name().to_owned(),
        (Some((head, _)), Some((_, tail))) if head.ends_with('/') => format!("{head}{tail}"),
        _ => key.to_owned(),
    }
}

/// A condition that must hold, or must not.
#[derive(Debug, Clone, Copy)]
pub struct Literal<'a> {
    /// The condition.
    pub condition: &'a Condition,
    /// Whether it must hold.
    pub holds: bool,
}

/// What a comparison of something known with a pattern that has this key as a variable says about the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependence {
    /// The key, in lower case.
    pub key: String,
    /// Whether the comparison holds where the key is absent.
    pub absent: bool,
    /// Whether it holds where the key has several values, which cannot stand in for a variable.
    pub many: bool,
    /// The values for which it comes out otherwise than for the rest.
    pub list: Vec<String>,
    /// Whether it holds for the rest.
    pub rest: bool,
    /// Whether the values in the list ignore case.
    pub fold: bool,
}

/// A dependence that must hold, or must not.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    /// The dependence.
    pub dependence: &'a Dependence,
    /// Whether it must hold.
    pub holds: bool,
}

impl Bound<'_> {
    /// Whether a single value is right.
    #[must_use]
    pub fn allows(&self, value: &str) -> bool {
        let own = |text: &String| {
            text == value || (self.dependence.fold && text.to_lowercase() == value.to_lowercase())
        };
        self.dependence.list.iter().any(own) == (self.dependence.rest != self.holds)
    }
}

/// All that is asked of a key.
#[derive(Debug, Clone, Default)]
pub struct Wanted<'a> {
    /// Conditions on it.
    pub literals: Vec<Literal<'a>>,
    /// Comparisons in which it is a variable.
    pub bounds: Vec<Bound<'a>>,
}

/// What a key can be at all.
#[derive(Debug, Clone, Copy)]
pub struct Domain {
    /// Whether it may be absent.
    pub absent: bool,
    /// Whether it may have a single value.
    pub one: bool,
    /// Whether it may have a list of values.
    pub many: bool,
    /// Its type in the catalogue.
    kind: Kind,
}

/// What AWS says of a key's values. A value of another form is never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Arn,
    Bool,
    Numeric,
    Date,
    Ip,
}

impl Domain {
    /// What a key of this name can be, as the catalogue has it. A key that it does not know can be anything.
    #[must_use]
    pub fn of(key: &str, maybe_absent: bool) -> Self {
        let known = Catalog::embedded().find_condition_key(key);
        Self {
            absent: maybe_absent,
            one: known.is_none_or(|key| !key.is_multivalued()),
            many: known.is_none_or(ConditionKey::is_multivalued),
            kind: match known.map(ConditionKey::element_type) {
                Some("ARN") => Kind::Arn,
                Some("Bool") => Kind::Bool,
                Some("Numeric") => Kind::Numeric,
                Some("Date") => Kind::Date,
                Some("IPAddress") => Kind::Ip,
                _ => Kind::Text,
            },
        }
    }
}

/// Looks for a value of a key that is as wanted; all of that is about this one key.
///
/// `context` fills in policy variables; where one is unknown, nothing is decided about its literal, and the answer is
/// [`Search::GaveUp`] unless the others contradict each other.
#[must_use]
pub fn solve(wanted: &Wanted<'_>, domain: Domain, context: &Context) -> Search<Value> {
    let Wanted { literals, bounds } = wanted;
    let mut gave_up = false;
    if domain.absent
        && literals
            .iter()
            .all(|literal| on_absent(literal) == Some(literal.holds))
        && bounds.iter().all(|bound| bound.dependence.absent == bound.holds)
    {
        return Search::Found(Value::Absent);
    }
    if domain.one {
        match value(&shape(literals, false), bounds, domain.kind, context) {
            Some(Search::Found(found)) => return Search::Found(Value::One(found)),
            Some(Search::GaveUp) => gave_up = true,
            Some(Search::Empty) | None => {}
        }
    }
    if domain.many && bounds.iter().all(|bound| bound.dependence.many == bound.holds) {
        match list(literals, domain.kind, context) {
            Search::Found(found) => return Search::Found(found),
            Search::GaveUp => gave_up = true,
            Search::Empty => {}
        }
    }
    if gave_up { Search::GaveUp } else { Search::Empty }
}

/// What a literal says of an absent key; none where its operator is unknown.
fn on_absent(literal: &Literal<'_>) -> Option<bool> {
    let operator = literal.condition.operator?;
    Some(match operator.family {
        Family::Null => null(literal.condition, true),
        _ => absent(operator) == Tri::True,
    })
}

/// `Null` on a key that is absent, or is not.
fn null(condition: &Condition, is_absent: bool) -> bool {
    let wanted = if is_absent { "true" } else { "false" };
    condition
        .values
        .iter()
        .any(|value| value.as_str().eq_ignore_ascii_case(wanted))
}

/// What is asked of one value: comparisons that must hold or fail; none where that is impossible already.
type Asked<'a> = Option<Vec<Literal<'a>>>;

/// What literals ask of a key with a single value; `listed` says that it stands in a list, where a plain operator never
/// holds (semantics rule 38).
fn shape<'a>(literals: &[Literal<'a>], listed: bool) -> Asked<'a> {
    let mut out = Vec::new();
    for literal in literals {
        let Some(operator) = literal.condition.operator else {
            continue;
        };
        let plain = operator.quantifier == Quantifier::None;
        match operator.family {
            Family::Null if null(literal.condition, false) == literal.holds => {}
            Family::Null => return None,
            _ if listed && plain && literal.holds => return None,
            _ if listed && plain => {}
            _ => out.push(*literal),
        }
    }
    Some(out)
}

/// A list of values: some comparisons hold for every value of it, others for at least one.
fn list(literals: &[Literal<'_>], kind: Kind, context: &Context) -> Search<Value> {
    let Some(asked) = shape(literals, true) else {
        return Search::Empty;
    };
    let for_all = |literal: &Literal<'_>| {
        let any = literal
            .condition
            .operator
            .is_some_and(|o| o.quantifier == Quantifier::ForAny);
        any != literal.holds
    };
    let (every, some): (Vec<Literal<'_>>, Vec<Literal<'_>>) = asked.into_iter().partition(for_all);
    let mut values: Vec<String> = Vec::new();
    let mut gave_up = false;
    // A list without values is an absent key, so one value at least.
    let single: Vec<Vec<Literal<'_>>> = if some.is_empty() {
        vec![Vec::new()]
    } else {
        some.into_iter().map(|literal| vec![literal]).collect()
    };
    for mut wanted in single {
        wanted.extend(every.iter().copied());
        match value(&Some(wanted), &[], kind, context) {
            Some(Search::Found(found)) => {
                if !values.contains(&found) {
                    values.push(found);
                }
            }
            Some(Search::GaveUp) => gave_up = true,
            Some(Search::Empty) | None => return Search::Empty,
        }
    }
    if gave_up {
        Search::GaveUp
    } else {
        Search::Found(Value::Many(values))
    }
}

/// One value that satisfies comparisons, quantifiers aside. None where nothing can.
fn value(asked: &Asked<'_>, bounds: &[Bound<'_>], kind: Kind, context: &Context) -> Option<Search> {
    let asked = asked.as_deref()?;
    let texts = |literal: &&Literal<'_>| {
        literal
            .condition
            .operator
            .is_some_and(|operator| text::is_text(operator.family))
    };
    let fits = |value: &str| {
        asked.iter().all(|literal| fits(literal, value, context))
            && bounds.iter().all(|bound| bound.allows(value))
    };
    if matches!(kind, Kind::Text | Kind::Arn | Kind::Bool) && asked.iter().all(|l| texts(&l)) {
        let found = text::search(asked, bounds, form(kind).as_slice(), context);
        // The comparison is asked again as the evaluator makes it: an example that it refuses would be a lie.
        return Some(match found {
            Search::Found(text) if fits(&text) => Search::Found(text),
            Search::Found(_) => Search::GaveUp,
            other => other,
        });
    }
    // Numbers, dates, addresses; or several families on one key, which only odd policies have.
    let mut tried = interval::candidates(asked, kind);
    tried.extend(
        bounds
            .iter()
            .flat_map(|bound| bound.dependence.list.iter().cloned()),
    );
    let complete = bounds.is_empty()
        && asked.iter().all(|literal| !texts(&literal))
        && interval::one_family(asked, kind)
        && kind != Kind::Arn;
    if let Search::Found(text) = text::search(
        &asked.iter().filter(texts).copied().collect::<Vec<_>>(),
        bounds,
        form(kind).as_slice(),
        context,
    ) {
        tried.push(text);
    }
    Some(match tried.into_iter().find(|value| fits(value)) {
        Some(found) => Search::Found(found),
        None if complete => Search::Empty,
        None => Search::GaveUp,
    })
}

/// The form that all values of a type have.
fn form(kind: Kind) -> Vec<Pattern> {
    match kind {
        Kind::Bool => vec![Pattern::literal("true"), Pattern::literal("false")],
        Kind::Arn => vec![text::any_arn()],
        Kind::Text | Kind::Numeric | Kind::Date | Kind::Ip => Vec::new(),
    }
}

/// Whether the evaluator agrees that a literal is satisfied by a single value.
fn fits(literal: &Literal<'_>, value: &str, context: &Context) -> bool {
    let mut context = context.clone();
    context.set(&literal.condition.key, value);
    match holds(literal.condition, &context) {
        Tri::True => literal.holds,
        Tri::False => !literal.holds,
        Tri::Unknown => false,
    }
}

#[cfg(test)]
mod tests;
