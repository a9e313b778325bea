//! Conditions and resources whose values hang on another key: `StringEquals aws:ResourceTag/team
//! ${aws:PrincipalTag/team}`. Values of that other key are tried: those that its own conditions allow, those that what it
//! is compared with suggests, one that nobody named, and none at all.

use sv0_iam::condition::Fact;

use super::{Example, Tableau, Tie};
use crate::formula::Atom;
use crate::keys::{Domain, Value};
use crate::lang::Search;
use crate::matching::Subject;

/// Values of one key that are tried at most.
const MOST_VALUES: usize = 24;
/// Combinations that are tried at most.
const MOST_COMBINATIONS: usize = 512;
/// A value that no policy names.
const FRESH: &str = "sv0-any";

pub(super) fn try_values(tableau: &Tableau<'_, '_>, variables: &[String]) -> Search<Example> {
    let mut offered: Vec<(&String, Vec<Value>)> = Vec::new();
    let mut every = true;
    for key in variables {
        let (values, complete) = offers(tableau, key);
        every &= complete;
        offered.push((key, values));
    }
    let mut at = vec![0_usize; offered.len()];
    for _ in 0..MOST_COMBINATIONS {
        let mut context = tableau.room.context.clone();
        let mut given = Vec::new();
        for ((key, values), index) in offered.iter().zip(&at) {
            if let Some(value) = values.get(*index) {
                context.set_fact(key, value.fact());
                given.push(((*key).clone(), value.clone()));
            }
        }
        let fits = given.len() == offered.len()
            && given
                .iter()
                .all(|(key, value)| super::agrees(&tableau.wanted(key, true), value, &context));
        if fits {
            match tableau.complete(&context, &given) {
                Search::Found(found) => return Search::Found(found),
                Search::GaveUp => every = false,
                Search::Empty => {}
            }
        }
        if !advance(&mut at, &offered) {
            // There may be values that were not thought of.
            return if every { Search::Empty } else { Search::GaveUp };
        }
    }
    Search::GaveUp
}

/// Counts on; false after the last combination.
fn advance(at: &mut [usize], offered: &[(&String, Vec<Value>)]) -> bool {
    for (index, (_, values)) in at.iter_mut().zip(offered) {
        *index += 1;
        if *index < values.len() {
            return true;
        }
        *index = 0;
    }
    false
}

/// Values of a key to try, and whether it can have no others.
fn offers(tableau: &Tableau<'_, '_>, key: &str) -> (Vec<Value>, bool) {
    let own = tableau.wanted(key, false);
    if let Some((_, values)) = tableau.room.choices.iter().find(|(name, _)| name == key) {
        return (values.clone(), true);
    }
    let Fact::Unknown { maybe_absent } = tableau.room.context.get(key) else {
        return (Vec::new(), true);
    };
    let domain = Domain::of(key, maybe_absent);
    // Where its own conditions leave no value, it can only be absent.
    let present = Domain::of(key, false);
    let mut texts: Vec<String> = Vec::new();
    match crate::keys::solve(&own, present, tableau.room.context) {
        Search::Found(Value::One(text)) => texts.push(text),
        Search::Empty => return (domain.absent.then_some(Value::Absent).into_iter().collect(), true),
        _ => {}
    }
    // A list of values the only one of which may be right.
    let listed = own
        .bounds
        .iter()
        .filter(|bound| bound.dependence.rest != bound.holds);
    texts.extend(listed.flat_map(|bound| bound.dependence.list.iter().cloned()));
    for literal in &own.literals {
        texts.extend(literal.condition.values.iter().map(|v| v.as_str().to_owned()));
    }
    for (id, atom) in tableau.taken(true).chain(tableau.taken(false)) {
        match atom {
            Atom::Condition(condition) if matches!(tableau.ties.get(id), Some(Tie::Knot(_))) => {
                let others = tableau.wanted(&condition.key, false);
                let known = tableau.room.context.get(&condition.key);
                for template in condition
                    .values
                    .iter()
                    .filter(|v| v.variables().any(|name| name == key))
                {
                    if let Fact::One(wanted) = known {
                        read(template.as_str(), wanted, &mut texts);
                    }
                    if let Fact::Many(wanted) = known {
                        wanted.iter().for_each(|w| read(template.as_str(), w, &mut texts));
                    }
                    if let Search::Found(Value::One(wanted)) =
                        tableau.key(&condition.key, &others, tableau.room.context)
                    {
                        read(template.as_str(), &wanted, &mut texts);
                    }
                    for value in others.literals.iter().flat_map(|other| &other.condition.values) {
                        read(template.as_str(), value.as_str(), &mut texts);
                    }
                }
            }
            Atom::Resource(pattern, _) if pattern.variables().contains(&key) => {
                if let Subject::Named(name) = tableau.room.subject {
                    read(pattern.as_str(), name.text, &mut texts);
                }
            }
            _ => {}
        }
    }
    texts.push(FRESH.to_owned());
    let mut out: Vec<Value> = Vec::new();
    for text in texts {
        let value = if domain.one {
            Value::One(text)
        } else {
            Value::Many(vec![text])
        };
        if out.len() < MOST_VALUES && !out.contains(&value) {
            out.push(value);
        }
    }
    if domain.absent {
        out.push(Value::Absent);
    }
    (out, false)
}

/// What a variable of `template` may have to be for it to give `wanted`.
fn read(template: &str, wanted: &str, out: &mut Vec<String>) {
    if let Some((before, rest)) = template.split_once("${")
        && let Some((_, after)) = rest.split_once('}')
    {
        let after = after.split(['*', '?', '$']).next().unwrap_or_default();
        if let Some(tail) = wanted.strip_prefix(before) {
            if after.is_empty() {
                out.push(tail.to_owned());
            }
            for (at, _) in tail.match_indices(after).filter(|(at, _)| *at > 0).take(8) {
                out.extend(tail.get(..at).map(str::to_owned));
            }
        }
    }
    let pieces = wanted
        .split(['/', ':', '-', '_', '.', '*', '?'])
        .filter(|piece| !piece.is_empty());
    out.extend(pieces.take(12).map(str::to_owned));
}
