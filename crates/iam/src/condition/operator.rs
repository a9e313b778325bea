//! Names of condition operators: `ForAnyValue:StringNotLikeIfExists` and so on. Case is ignored.

use std::cmp::Ordering;
use std::fmt;

/// What kind of comparison an operator makes; negation is apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Exact text.
    StringEquals,
    /// Text without regard to case.
    StringEqualsIgnoreCase,
    /// Text with wildcards.
    StringLike,
    /// Numbers; the condition holds where `value cmp wanted` is in the set.
    Numeric(Order),
    /// Moments.
    Date(Order),
    /// `true` or `false`.
    Bool,
    /// Base64.
    Binary,
    /// Addresses and ranges.
    Ip,
    /// ARNs, field by field, with wildcards.
    Arn,
    /// Whether the key is there at all.
    Null,
}

/// The comparison of an ordered operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// `=`
    Equal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Order {
    /// Whether an outcome satisfies the comparison.
    #[must_use]
    pub const fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

/// The set quantifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// None: for single-valued keys.
    None,
    /// `ForAllValues:`
    ForAll,
    /// `ForAnyValue:`
    ForAny,
}

/// A condition operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operator {
    /// The comparison.
    pub family: Family,
    /// `Not…`
    pub negated: bool,
    /// `…IfExists`
    pub if_exists: bool,
    /// `ForAllValues:` or `ForAnyValue:`
    pub quantifier: Quantifier,
}

/// Every plain operator, as AWS spells it.
const NAMES: &[(&str, Family, bool)] = &[
    ("StringEquals", Family::StringEquals, false),
    ("StringNotEquals", Family::StringEquals, true),
    ("StringEqualsIgnoreCase", Family::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Family::StringEqualsIgnoreCase, true),
    ("StringLike", Family::StringLike, false),
    ("StringNotLike", Family::StringLike, true),
    ("NumericEquals", Family::Numeric(Order::Equal), false),
    ("NumericNotEquals", Family::Numeric(Order::Equal), true),
    ("NumericLessThan", Family::Numeric(Order::Less), false),
    ("NumericLessThanEquals", Family::Numeric(Order::AtMost), false),
    ("NumericGreaterThan", Family::Numeric(Order::Greater), false),
    ("NumericGreaterThanEquals", Family::Numeric(Order::AtLeast), false),
    ("DateEquals", Family::Date(Order::Equal), false),
    ("DateNotEquals", Family::Date(Order::Equal), true),
    ("DateLessThan", Family::Date(Order::Less), false),
    ("DateLessThanEquals", Family::Date(Order::AtMost), false),
    ("DateGreaterThan", Family::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Family::Date(Order::AtLeast), false),
    ("Bool", Family::Bool, false),
    ("BinaryEquals", Family::Binary, false),
    ("IpAddress", Family::Ip, false),
    ("NotIpAddress", Family::Ip, true),
    ("ArnEquals", Family::Arn, false),
    ("ArnLike", Family::Arn, false),
    ("ArnNotEquals", Family::Arn, true),
    ("ArnNotLike", Family::Arn, true),
    ("Null", Family::Null, false),
];

impl Operator {
    /// Reads an operator's name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = match text.split_once(':') {
            Some((head, rest)) if head.eq_ignore_ascii_case("ForAllValues") => (Quantifier::ForAll, rest),
            Some((head, rest)) if head.eq_ignore_ascii_case("ForAnyValue") => (Quantifier::ForAny, rest),
            Some(_) => return None,
            None => (Quantifier::None, text),
        };
        let cut = rest.len().checked_sub("IfExists".len());
        let (name, if_exists) = match cut.and_then(|cut| rest.split_at_checked(cut)) {
            Some((name, tail)) if tail.eq_ignore_ascii_case("IfExists") => (name, true),
            _ => (rest, false),
        };
        let (_, family, negated) = NAMES
            .iter()
            .find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        // `NullIfExists` is not an operator.
        (!(if_exists && *family == Family::Null)).then_some(Self {
            family: *family,
            negated: *negated,
            if_exists,
            quantifier,
        })
    }

    /// The known name nearest to a mistyped one, if it is near.
    #[must_use]
    pub fn suggest(text: &str) -> Option<String> {
        let (head, rest) = text
            .split_once(':')
            .map_or(("", text), |(head, rest)| (head, rest));
        let (name, suffix) = match rest
            .len()
            .checked_sub(8)
            .and_then(|cut| rest.split_at_checked(cut))
        {
            Some((name, tail)) if tail.eq_ignore_ascii_case("IfExists") => (name, "IfExists"),
            _ => (rest, ""),
        };
        let (distance, best) = NAMES
            .iter()
            .map(|(known, ..)| (distance(name, known), *known))
            .min_by_key(|(d, _)| *d)?;
        let prefix = match head.to_ascii_lowercase() {
            head if head.starts_with("forall") => "ForAllValues:",
            head if head.starts_with("forany") => "ForAnyValue:",
            _ => "",
        };
        (distance <= 3).then(|| format!("{prefix}{best}{suffix}"))
    }
}

/// Edits between two words, ignoring case.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_ascii_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_ascii_lowercase().chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let value = (diagonal + usize::from(x != *y)).min(*cell + 1).min(left + 1);
            diagonal = std::mem::replace(cell, value);
            left = value;
        }
    }
    row.last().copied().unwrap_or_default()
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quantifier {
            Quantifier::None => {}
            Quantifier::ForAll => f.write_str("ForAllValues:")?,
            Quantifier::ForAny => f.write_str("ForAnyValue:")?,
        }
        let name = NAMES
            .iter()
            .find(|(_, family, negated)| *family == self.family && *negated == self.negated);
        f.write_str(name.map_or("", |(name, ..)| name))?;
        if self.if_exists {
            f.write_str("IfExists")
        } else {
            Ok(())
        }
    }
}
