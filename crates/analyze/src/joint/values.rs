//! Values to try for what several hops of a chain have in common: one for each way in which the conditions on it can come
//! out. No other value can make a difference.

use sv0_engine::keys::{Domain, Literal, Value, Wanted, solve};
use sv0_engine::lang::Search;
use sv0_iam::condition::{Context, Family};
use sv0_iam::syntax::Condition;
use sv0_iam::syntax::template::{Template, Variables};

/// Conditions on one thing that are told apart at most: each doubles the work.
const MOST: usize = 5;

/// The values, absent aside. None where the conditions are too many, or hang on what nobody knows.
pub(super) fn candidates(conditions: &[Condition]) -> Option<Vec<String>> {
    let mut different: Vec<&Condition> = Vec::new();
    for condition in conditions {
        let same =
            |other: &&Condition| other.operator == condition.operator && other.values == condition.values;
        if !different.iter().any(same) {
            different.push(condition);
        }
    }
    if different.len() > MOST {
        return None;
    }
    // Nothing is known of it but that it is one text.
    let domain = Domain::of("aws:requesttag/any", false);
    let context = Context::open();
    let mut out = Vec::new();
    for signs in 0..1_u32 << different.len() {
        let literals = different.iter().enumerate().map(|(at, condition)| Literal {
            condition,
            holds: signs >> at & 1 == 1,
        });
        let wanted = Wanted {
            literals: literals.collect(),
            bounds: Vec::new(),
        };
        match solve(&wanted, domain, &context) {
            Search::Found(Value::One(text)) => out.push(text),
            Search::Found(_) | Search::GaveUp => return None,
            Search::Empty => {}
        }
    }
    out.sort();
    out.dedup();
    Some(out)
}

/// A condition with its variables filled in. None where one of them is not known, and where nobody knows the operator.
pub(super) fn filled(condition: &Condition, context: &Context) -> Option<Condition> {
    let pattern = condition.operator?.family == Family::StringLike;
    let mut values = Vec::new();
    for value in &condition.values {
        if value.fixed().is_some() {
            values.push(value.clone());
            continue;
        }
        match value.literal(context) {
            // A wildcard in a variable's value would be read as one.
            Ok(Some(text)) if pattern && value.variables().any(|key| wild(context, key)) => {
                let _ = text;
                return None;
            }
            Ok(Some(text)) => values.push(Template::new(&text, Variables::Literal)),
            // It has no value, so this one never matches.
            Ok(None) => {}
            Err(_) => return None,
        }
    }
    Some(Condition {
        values,
        ..condition.clone()
    })
}

fn wild(context: &Context, key: &str) -> bool {
    match context.get(key) {
        sv0_iam::condition::Fact::One(text) => text.contains(['*', '?']),
        _ => true,
    }
}

/// A condition on `aws:userid` as one on the session's name, which stands behind the role's id and a colon. None where
/// it asks for the id too.
pub(super) fn of_name(condition: &Condition) -> Option<Condition> {
    let pattern = condition.operator?.family == Family::StringLike;
    let strip = |value: &Template| {
        let text = value.as_str().strip_prefix("*:").filter(|_| pattern)?;
        Some(Template::new(text, Variables::Expanded))
    };
    let values: Option<Vec<Template>> = condition.values.iter().map(strip).collect();
    Some(Condition {
        values: values?,
        ..condition.clone()
    })
}
