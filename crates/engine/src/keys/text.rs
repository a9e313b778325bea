//! Comparisons of text as sets of strings.

use sv0_iam::condition::{Context, Family, binary};
use sv0_iam::name::Glob;
use sv0_iam::syntax::template::{Resolved, Template};

use super::{Bound, Literal};
use crate::lang::{self, Class, Pattern, Search, Symbol};

/// Whether a family compares text.
pub(super) const fn is_text(family: Family) -> bool {
    matches!(
        family,
        Family::StringEquals
            | Family::StringEqualsIgnoreCase
            | Family::StringLike
            | Family::Arn
            | Family::Bool
            | Family::Binary
    )
}

/// Looks for a string of one of the forms (any, where none is given) that satisfies the literals.
pub(super) fn search(
    literals: &[Literal<'_>],
    bounds: &[Bound<'_>],
    forms: &[Pattern],
    context: &Context,
) -> Search {
    let mut gave_up = false;
    let mut inside: Vec<Vec<Pattern>> = Vec::new();
    let mut outside: Vec<Pattern> = Vec::new();
    if !forms.is_empty() {
        inside.push(forms.to_vec());
    }
    for Bound { dependence, holds } in bounds {
        if dependence.fold && dependence.list.iter().any(|text| is_odd(text)) {
            gave_up = true;
            continue;
        }
        let texts = dependence.list.iter();
        let own = texts.map(|text| {
            if dependence.fold {
                Pattern::folded(text)
            } else {
                Pattern::literal(text)
            }
        });
        if dependence.rest == *holds {
            outside.extend(own);
        } else if dependence.list.is_empty() {
            return Search::Empty;
        } else {
            inside.push(own.collect());
        }
    }
    for literal in literals {
        let Some(operator) = literal.condition.operator else {
            continue;
        };
        let mut patterns = Vec::new();
        let mut unresolved = false;
        for template in &literal.condition.values {
            match set(operator.family, template, context) {
                Set::Strings(pattern) => patterns.push(pattern),
                Set::Nothing => {}
                Set::Unresolved => unresolved = true,
            }
        }
        if literal.holds != operator.negated {
            // With a part that nobody knows, the group may have more strings than these.
            if unresolved {
                gave_up = true;
            } else if patterns.is_empty() {
                return Search::Empty;
            } else {
                inside.push(patterns);
            }
        } else {
            gave_up |= unresolved;
            outside.extend(patterns);
        }
    }
    let groups: Vec<Vec<&Pattern>> = inside.iter().map(|group| group.iter().collect()).collect();
    match lang::search(&groups, &outside.iter().collect::<Vec<_>>()) {
        Search::Found(_) if gave_up => Search::GaveUp,
        other => other,
    }
}

enum Set {
    Strings(Pattern),
    /// No string: a variable has no value, or the text is none of the family's.
    Nothing,
    /// It hangs on a variable that is unknown, or cannot be said letter by letter.
    Unresolved,
}

/// Whether the lower case of a text is more than that of its letters: a sigma hangs on where in the word it stands, and a
/// dotted capital I becomes two letters.
fn is_odd(text: &str) -> bool {
    text.contains(['Σ', 'σ', 'ς', '\u{130}', '\u{307}'])
}

fn set(family: Family, template: &Template, context: &Context) -> Set {
    if matches!(family, Family::StringLike | Family::Arn) {
        let glob = match template.pattern(context) {
            Resolved::Pattern(glob) => glob,
            Resolved::Nothing => return Set::Nothing,
            Resolved::AtMost(_) => return Set::Unresolved,
        };
        return match family {
            Family::Arn => arn(&glob),
            _ => Set::Strings(Pattern::glob(&glob)),
        };
    }
    // Variables are expanded in text and in `Bool`; `Binary` is taken as it stands (semantics rule 31).
    if family == Family::Binary {
        return if binary::is_base64(template.as_str()) {
            Set::Strings(Pattern::literal(template.as_str()))
        } else {
            Set::Nothing
        };
    }
    match (template.literal(context), family) {
        (Ok(Some(text)), Family::StringEqualsIgnoreCase) if is_odd(&text) => Set::Unresolved,
        (Ok(Some(text)), Family::StringEqualsIgnoreCase) => Set::Strings(Pattern::folded(&text)),
        (Ok(Some(text)), Family::Bool) => {
            let known = text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
            if known {
                Set::Strings(Pattern::folded(&text))
            } else {
                Set::Nothing
            }
        }
        (Ok(Some(text)), _) => Set::Strings(Pattern::literal(&text)),
        (Ok(None), _) => Set::Nothing,
        (Err(_), _) => Set::Unresolved,
    }
}

/// What `ArnLike` matches: six fields, compared one by one, so that wildcards stop at colons but in the last.
fn arn(glob: &Glob) -> Set {
    if glob.is_any() {
        return Set::Strings(Pattern::any());
    }
    if glob.as_literal().is_some() {
        return Set::Strings(Pattern::glob(glob));
    }
    let fields = glob.split(':', 6);
    let [head @ .., rest] = fields.as_slice() else {
        return Set::Nothing;
    };
    if head.len() != 5 {
        return Set::Nothing;
    }
    let mut pattern = Pattern::empty();
    for field in head {
        pattern.push_glob(field, Class::NoColon, Symbol::Char);
        pattern.text(":");
    }
    pattern.push_glob(rest, Class::Any, Symbol::Char);
    Set::Strings(pattern)
}

/// Every string that has an ARN's form.
pub(super) fn any_arn() -> Pattern {
    let mut pattern = Pattern::literal("arn:");
    for more in [true, true, false, false] {
        if more {
            pattern.push(Symbol::One(Class::Name));
        }
        pattern.push(Symbol::Many(Class::Name));
        pattern.text(":");
    }
    pattern.push(Symbol::One(Class::Any));
    pattern.push(Symbol::Many(Class::Any));
    pattern
}
