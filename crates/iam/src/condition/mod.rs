//! The request context and the condition operators.
//!
//! A context says for each key what is known: its value, that it is absent, or that nobody knows. A condition is
//! therefore true, false or unknown ([`crate::tri::Tri`]). One operator family a file; this file holds what they share:
//! absent keys, set quantifiers, `IfExists`.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
//! keys".

pub mod arn;
pub mod binary;
pub mod bool;
pub mod context;
pub mod date;
pub mod ip;
pub mod numeric;
pub mod operator;
pub mod string;

pub use context::{Context, Fact};
pub use operator::{Family, Operator, Quantifier};

use crate::catalog::Catalog;
use crate::name::Glob;
use crate::syntax::ast::Condition;
use crate::tri::Tri;

/// Whether a condition holds in a context.
#[must_use]
pub fn holds(condition: &Condition, context: &Context) -> Tri {
    let Some(operator) = condition.operator else {
        return Tri::Unknown;
    };
    if operator.family == Family::Null {
        return null(condition, context);
    }
    match context.get(&condition.key) {
        // A list without values is a key that is not there.
        Fact::Absent | Fact::Many([]) => absent(operator),
        Fact::Unknown { maybe_absent } => {
            let present = if let Some(answer) = whatever(condition, operator) {
                answer
            } else {
                Tri::Unknown
            };
            if maybe_absent && absent(operator) != present {
                Tri::Unknown
            } else {
                present
            }
        }
        Fact::One(value) => one(condition, operator, value, context),
        Fact::Many(values) => match operator.quantifier {
            // A plain operator on a multivalued key never matches (semantics rule 38).
            Quantifier::None => Tri::False,
            Quantifier::ForAll => values
                .iter()
                .map(|v| one(condition, operator, v, context))
                .fold(Tri::True, Tri::and),
            Quantifier::ForAny => values
                .iter()
                .map(|v| one(condition, operator, v, context))
                .fold(Tri::False, Tri::or),
        },
    }
}

/// What an absent key gives (semantics rule 37). `ForAnyValue` needs a value that matches, so `IfExists` changes nothing
/// there.
#[must_use]
pub const fn absent(operator: Operator) -> Tri {
    let holds = match operator.quantifier {
        Quantifier::ForAll => true,
        Quantifier::ForAny => false,
        Quantifier::None => operator.if_exists || operator.negated,
    };
    if holds { Tri::True } else { Tri::False }
}

/// The answer where it is the same for every present value: `StringLike "*"` and its kin.
#[must_use]
pub fn whatever(condition: &Condition, operator: Operator) -> Option<Tri> {
    let every = matches!(operator.family, Family::StringLike | Family::Arn)
        && condition
            .values
            .iter()
            .any(|v| v.fixed().is_some_and(Glob::is_any));
    // A plain operator never matches a list, not even with a star (semantics rule 38). Whether a key that the catalogue
    // does not have is a list, nobody knows.
    let list = || {
        let known = Catalog::embedded().find_condition_key(&condition.key);
        known.map(|key| key.is_multivalued())
    };
    match every {
        false => None,
        true if operator.negated => Some(Tri::False),
        true if operator.quantifier == Quantifier::None => list().map(|list| Tri::from(!list)),
        true => Some(Tri::True),
    }
}

/// One value of the request against all values of the condition: positive operators need one that matches, negated
/// ones need that none does (semantics rule 36).
fn one(condition: &Condition, operator: Operator, value: &str, context: &Context) -> Tri {
    let any = condition
        .values
        .iter()
        .map(|wanted| match operator.family {
            Family::StringEquals => string::equals(value, wanted, context),
            Family::StringEqualsIgnoreCase => string::equals_ignore_case(value, wanted, context),
            Family::StringLike => string::like(value, wanted, context),
            Family::Numeric(order) => numeric::compare(value, wanted, order).into(),
            Family::Date(order) => date::compare(value, wanted, order).into(),
            Family::Bool => bool::equals(value, wanted, context),
            Family::Binary => binary::equals(value, wanted).into(),
            Family::Ip => ip::contains(value, wanted).into(),
            Family::Arn => arn::like(value, wanted, context),
            Family::Null => Tri::False,
        })
        .fold(Tri::False, Tri::or);
    if operator.negated { any.negate() } else { any }
}

/// `Null: true` holds where the key is absent, `Null: false` where it is there.
fn null(condition: &Condition, context: &Context) -> Tri {
    let is_absent = match context.get(&condition.key) {
        Fact::Absent => Tri::True,
        Fact::Unknown { maybe_absent: true } => Tri::Unknown,
        Fact::Many([]) => Tri::True,
        Fact::Unknown { .. } | Fact::One(_) | Fact::Many(_) => Tri::False,
    };
    condition
        .values
        .iter()
        .map(|value| match value.as_str() {
            text if text.eq_ignore_ascii_case("true") => is_absent,
            text if text.eq_ignore_ascii_case("false") => is_absent.negate(),
            _ => Tri::False,
        })
        .fold(Tri::False, Tri::or)
}

#[cfg(test)]
mod tests;
