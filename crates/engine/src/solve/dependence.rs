//! Comparisons of a known text with a pattern that has one unknown variable: `bucket/home/${aws:PrincipalTag/team}/*`
//! against `bucket/home/red/a`.
//!
//! The variable's value stands literally in the pattern, so it must be a piece of the text for the pattern to match. A
//! text has finitely many pieces; for every other value the comparison comes out the same. So what is said about the
//! text is something exact about the variable.

use rustc_hash::FxHashSet;
use sv0_iam::condition::{Context, Fact, Family, holds};
use sv0_iam::tri::Tri;

use super::Room;
use crate::formula::{Atom, is_unknown};
use crate::keys::Dependence;
use crate::matching::Subject;

/// Texts longer than this have too many pieces.
const LONGEST: usize = 200;

/// What an atom says about the one unknown variable that it has; none where it has more, or hangs on more.
pub(super) fn dependence(atom: &Atom<'_>, room: &Room<'_>) -> Option<Dependence> {
    let variable = only(variables(atom, room.context))?;
    let (texts, fold) = match (atom, room.subject) {
        (Atom::Resource(..), Subject::Named(name)) => (vec![name.text], false),
        (Atom::Condition(condition), _) if *condition.key != *variable => {
            let family = condition.operator?.family;
            let texts = match room.context.get(&condition.key) {
                Fact::One(text) => vec![text],
                Fact::Many(texts) => texts.iter().map(String::as_str).collect(),
                Fact::Absent | Fact::Unknown { .. } => return None,
            };
            (
                texts,
                matches!(family, Family::StringEqualsIgnoreCase | Family::Bool),
            )
        }
        _ => return None,
    };
    let mut context = room.context.clone();
    let mut says = |fact: Fact<'_>| {
        context.set_fact(&variable, fact);
        match atom {
            Atom::Condition(condition) => holds(condition, &context),
            Atom::Resource(pattern, short) => match room.subject {
                Subject::Named(name) => pattern.matches(&name, &context, *short),
                Subject::Open(_) => Tri::Unknown,
            },
            _ => Tri::Unknown,
        }
    };
    let known = |tri: Tri| (tri != Tri::Unknown).then_some(tri == Tri::True);
    let absent = known(says(Fact::Absent))?;
    let many = known(says(Fact::Many(&["x".to_owned()])))?;
    // No text has a character of the private use area, unless somebody is out for trouble.
    let fresh = "\u{f8ff}\u{f8ff}";
    if texts
        .iter()
        .any(|text| text.contains('\u{f8ff}') || text.len() > LONGEST)
    {
        return None;
    }
    let rest = known(says(Fact::One(fresh)))?;
    let mut list = Vec::new();
    for piece in pieces(&texts) {
        if known(says(Fact::One(piece)))? != rest {
            list.push(piece.to_owned());
        }
    }
    Some(Dependence {
        key: variable,
        absent,
        many,
        list,
        rest,
        fold,
    })
}

/// The unknown keys in the values or the pattern of an atom.
pub(super) fn variables(atom: &Atom<'_>, context: &Context) -> Vec<String> {
    let mut out = match atom {
        Atom::Condition(condition) => crate::formula::unknown_variables(condition, context),
        Atom::Resource(pattern, _) => pattern
            .variables()
            .into_iter()
            .filter(|key| is_unknown(context, key))
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    };
    out.sort();
    out.dedup();
    out
}

fn only(mut keys: Vec<String>) -> Option<String> {
    let key = keys.pop()?;
    keys.is_empty().then_some(key)
}

/// Every piece of the texts, once.
fn pieces<'t>(texts: &[&'t str]) -> FxHashSet<&'t str> {
    let mut out = FxHashSet::default();
    out.insert("");
    for text in texts {
        let ends: Vec<usize> = text
            .char_indices()
            .map(|(at, _)| at)
            .chain([text.len()])
            .collect();
        for (index, from) in ends.iter().enumerate() {
            out.extend(ends.iter().skip(index + 1).filter_map(|to| text.get(*from..*to)));
        }
    }
    out
}
