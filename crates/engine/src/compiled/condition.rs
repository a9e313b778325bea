//! Conditions whose constants were read once.
//!
//! Mirrors [`sv0_iam::condition::holds`]; what an absent or unknown key gives is told beforehand, by its own functions.

use sv0_iam::condition::ip::Range;
use sv0_iam::condition::operator::Order;
use sv0_iam::condition::{self, Family, Quantifier, binary, date, numeric};
use sv0_iam::name::Glob;
use sv0_iam::syntax::Template;
use sv0_iam::syntax::ast;
use sv0_iam::tri::Tri;

use super::facts::{Known, Value, View};
use super::keys::{KeyId, Keys};
use super::short::Wanted;
use super::text::{self, EXACT, FOLD, Pieces, Resolved, Slots};

/// One key of one operator of a `Condition` element.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) key: KeyId,
    absent: Tri,
    /// Where the key is there, and its value unknown.
    unknown: Tri,
    quantifier: Quantifier,
    negated: bool,
    /// Whether every wanted value is plain text or the caller's account.
    of_accounts: bool,
    test: Test,
}

/// A comparison of one value with all wanted ones. Wanted values that can never match are left out.
#[derive(Debug)]
enum Test {
    /// AWS knows no such operator.
    Undecidable,
    Null {
        absent: bool,
        present: bool,
    },
    Equals {
        texts: Box<[Wanted]>,
        with: Box<[Slots]>,
    },
    /// In lower case.
    EqualsIgnoringCase {
        texts: Box<[Box<str>]>,
        with: Box<[Slots]>,
    },
    Like {
        globs: Box<[Glob]>,
        with: Box<[Slots]>,
    },
    Number(Order, Box<[f64]>),
    Moment(Order, Box<[i128]>),
    Bool {
        yes: bool,
        no: bool,
        with: Box<[Slots]>,
    },
    Address(Box<[Range]>),
    Arn {
        any: bool,
        texts: Box<[Wanted]>,
        globs: Box<[[Glob; 6]]>,
        with: Box<[Slots]>,
    },
}

impl Condition {
    pub(super) fn new(from: &ast::Condition, keys: &mut Keys) -> Self {
        let key = keys.intern(&from.key);
        let Some(operator) = from.operator else {
            let (absent, unknown) = (Tri::Unknown, Tri::Unknown);
            let (quantifier, negated) = (Quantifier::None, false);
            return Self {
                key,
                absent,
                unknown,
                quantifier,
                negated,
                of_accounts: false,
                test: Test::Undecidable,
            };
        };
        Self {
            key,
            absent: condition::absent(operator),
            unknown: condition::whatever(from, operator).unwrap_or(Tri::Unknown),
            quantifier: operator.quantifier,
            negated: operator.negated,
            of_accounts: from.values.iter().all(|value| {
                value.variables().next().is_none()
                    || value.as_str().eq_ignore_ascii_case("${aws:PrincipalAccount}")
            }),
            test: Test::new(operator.family, &from.values, keys),
        }
    }

    /// The values that count, where all others are alike: it asks whether the key's value is, or is not, one of these, or
    /// the caller's account.
    pub(crate) fn accounts(&self) -> Option<impl Iterator<Item = &str>> {
        match &self.test {
            Test::Equals { texts, .. } if self.of_accounts => Some(texts.iter().map(|text| &*text.text)),
            _ => None,
        }
    }

    /// The keys that it hangs on besides its own.
    pub(crate) fn variables(&self) -> impl Iterator<Item = KeyId> {
        self.test.with().iter().flat_map(Slots::variables)
    }

    /// Whether it holds.
    #[inline]
    pub(crate) fn holds(&self, facts: &View<'_>) -> Tri {
        match &self.test {
            Test::Undecidable => return Tri::Unknown,
            Test::Null { absent, present } => return null(facts.get(self.key), *absent, *present),
            _ => {}
        }
        match facts.get(self.key) {
            Known::One(value) => self.one(value, facts),
            Known::Absent => self.absent,
            // A list without values is a key that is not there.
            Known::Many(values) if values.is_empty() => self.absent,
            Known::Unknown { maybe_absent } => {
                if *maybe_absent && self.absent != self.unknown {
                    Tri::Unknown
                } else {
                    self.unknown
                }
            }
            Known::Many(values) => {
                let each = values.iter().map(|value| self.one(value, facts));
                match self.quantifier {
                    // A plain operator on a multivalued key never matches (semantics rule 38).
                    Quantifier::None => Tri::False,
                    Quantifier::ForAll => each.fold(Tri::True, Tri::and),
                    Quantifier::ForAny => each.fold(Tri::False, Tri::or),
                }
            }
        }
    }

    fn one(&self, value: &Value, facts: &View<'_>) -> Tri {
        let any = self.test.any(value, facts);
        if self.negated { any.negate() } else { any }
    }
}

fn null(known: &Known, absent: bool, present: bool) -> Tri {
    let is_absent = match known {
        Known::Absent => Tri::True,
        Known::Unknown { maybe_absent: true } => Tri::Unknown,
        Known::Many(values) if values.is_empty() => Tri::True,
        _ => Tri::False,
    };
    let (yes, no) = (
        Tri::from(absent).and(is_absent),
        Tri::from(present).and(is_absent.negate()),
    );
    yes.or(no)
}

impl Test {
    fn new(family: Family, values: &[Template], keys: &mut Keys) -> Self {
        let fixed = || values.iter().filter(|value| value.fixed().is_some());
        let texts = || fixed().map(|value| Wanted::new(value.as_str())).collect();
        let literals = |keys: &mut Keys| {
            values
                .iter()
                .filter_map(|value| Slots::literal(value, keys))
                .collect()
        };
        let patterns = |keys: &mut Keys| {
            values
                .iter()
                .filter_map(|value| Slots::pattern(value, keys))
                .collect()
        };
        let says = |word: &str| fixed().any(|value| value.as_str().eq_ignore_ascii_case(word));
        match family {
            Family::StringEquals => Self::Equals {
                texts: texts(),
                with: literals(keys),
            },
            Family::StringEqualsIgnoreCase => Self::EqualsIgnoringCase {
                texts: fixed()
                    .map(|value| value.as_str().to_lowercase().into())
                    .collect(),
                with: literals(keys),
            },
            Family::StringLike => Self::Like {
                globs: values.iter().filter_map(|value| value.fixed().cloned()).collect(),
                with: patterns(keys),
            },
            // Variables are not expanded in these (semantics rule 31), so what is written is what is read.
            Family::Numeric(order) => Self::Number(
                order,
                values
                    .iter()
                    .filter_map(|value| numeric::parse(value.as_str()))
                    .collect(),
            ),
            Family::Date(order) => Self::Moment(
                order,
                values
                    .iter()
                    .filter_map(|value| date::parse(value.as_str()))
                    .collect(),
            ),
            Family::Ip => Self::Address(
                values
                    .iter()
                    .filter_map(|value| Range::parse(value.as_str()))
                    .collect(),
            ),
            Family::Binary => {
                let valid = values
                    .iter()
                    .map(Template::as_str)
                    .filter(|text| binary::is_base64(text));
                Self::Equals {
                    texts: valid.map(Wanted::new).collect(),
                    with: Box::default(),
                }
            }
            Family::Bool => Self::Bool {
                yes: says("true"),
                no: says("false"),
                with: literals(keys),
            },
            Family::Arn => {
                let globs = || values.iter().filter_map(Template::fixed);
                Self::Arn {
                    any: globs().any(Glob::is_any),
                    texts: globs().filter_map(Glob::as_literal).map(Wanted::new).collect(),
                    globs: globs()
                        .filter(|glob| !glob.is_any() && glob.as_literal().is_none())
                        .filter_map(|glob| glob.split(':', 6).try_into().ok())
                        .collect(),
                    with: patterns(keys),
                }
            }
            // Whether the value is fixed does not count here.
            Family::Null => {
                let says = |word: &str| {
                    values
                        .iter()
                        .any(|value| value.as_str().eq_ignore_ascii_case(word))
                };
                Self::Null {
                    absent: says("true"),
                    present: says("false"),
                }
            }
        }
    }

    fn with(&self) -> &[Slots] {
        match self {
            Self::Equals { with, .. }
            | Self::EqualsIgnoringCase { with, .. }
            | Self::Like { with, .. }
            | Self::Bool { with, .. }
            | Self::Arn { with, .. } => with,
            _ => &[],
        }
    }

    /// Whether any wanted value matches.
    #[inline]
    fn any(&self, value: &Value, facts: &View<'_>) -> Tri {
        let text = &*value.text;
        let (certain, with) = match self {
            Self::Undecidable | Self::Null { .. } => return Tri::False,
            Self::Equals { texts, with } => (texts.iter().any(|wanted| wanted.is(value.short, text)), with),
            Self::EqualsIgnoringCase { texts, with } => {
                (texts.iter().any(|wanted| lower_case_is(text, wanted)), with)
            }
            Self::Like { globs, with } => (globs.iter().any(|glob| text::matches::<EXACT>(glob, text)), with),
            Self::Number(order, wanted) => {
                let number = value.number();
                let accepts = |wanted: &f64| {
                    number
                        .and_then(|n| n.partial_cmp(wanted))
                        .is_some_and(|o| order.accepts(o))
                };
                return Tri::from(wanted.iter().any(accepts));
            }
            Self::Moment(order, wanted) => {
                let moment = value.moment();
                let accepts = |wanted: &i128| moment.is_some_and(|moment| order.accepts(moment.cmp(wanted)));
                return Tri::from(wanted.iter().any(accepts));
            }
            Self::Address(ranges) => {
                let address = value.address();
                return Tri::from(
                    address.is_some_and(|address| ranges.iter().any(|range| range.contains(address))),
                );
            }
            Self::Bool { yes, no, with } => match truth(value) {
                Some(true) => (*yes, with),
                Some(false) => (*no, with),
                None => return Tri::False,
            },
            Self::Arn {
                any,
                texts,
                globs,
                with,
            } => {
                let holds =
                    *any || texts.iter().any(|wanted| wanted.is(value.short, text)) || arn_any(globs, value);
                (holds, with)
            }
        };
        if certain || with.is_empty() {
            return Tri::from(certain);
        }
        with.iter()
            .map(|slots| self.one_with(slots, value, facts))
            .fold(Tri::False, Tri::or)
    }

    /// Compares with a wanted value that has variables.
    fn one_with(&self, slots: &Slots, value: &Value, facts: &View<'_>) -> Tri {
        let text = &*value.text;
        let (pieces, known) = match slots.resolve(facts) {
            Resolved::Known(pieces) => (pieces, true),
            Resolved::Nothing => return Tri::False,
            Resolved::AtMost(pieces) => (pieces, false),
        };
        let holds = match (self, known) {
            (Self::EqualsIgnoringCase { .. }, true) => {
                text::as_text(&pieces).is_some_and(|wanted| wanted.to_lowercase() == text.to_lowercase())
            }
            (Self::EqualsIgnoringCase { .. }, false) | (Self::Bool { .. }, _) => {
                text::run::<_, FOLD>(&pieces, text)
            }
            (Self::Arn { .. }, true) => arn_like(&pieces, value),
            _ => text::run::<_, EXACT>(&pieces, text),
        };
        match (holds, known) {
            (true, true) => Tri::True,
            (true, false) => Tri::Unknown,
            (false, _) => Tri::False,
        }
    }
}

fn truth(value: &Value) -> Option<bool> {
    let text = &*value.text;
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Whether text in lower case is `wanted`, which is in lower case.
fn lower_case_is(text: &str, wanted: &str) -> bool {
    if text.is_ascii() {
        text.len() == wanted.len()
            && text
                .bytes()
                .zip(wanted.bytes())
                .all(|(a, b)| a.to_ascii_lowercase() == b)
    } else {
        text.to_lowercase() == wanted
    }
}

/// Whether one of some ARN patterns of six fields matches.
fn arn_any(globs: &[[Glob; 6]], value: &Value) -> bool {
    if globs.is_empty() {
        return false;
    }
    let Some(rest) = value.rest() else {
        return false;
    };
    globs.iter().any(|[head @ .., last]| {
        // What tells ARNs apart comes first.
        text::matches::<EXACT>(last, rest)
            && value.fields().is_some_and(|fields| {
                let mut pairs = head.iter().zip(fields);
                pairs.all(|(glob, field)| text::matches::<EXACT>(glob, field))
            })
    })
}

/// An ARN pattern that was filled in: a bare star matches any text, text without wildcards itself, and otherwise both
/// sides need six fields.
fn arn_like(pieces: &Pieces<'_>, value: &Value) -> bool {
    if text::is_any(pieces) {
        return true;
    }
    if pieces.iter().all(|piece| matches!(piece, text::Piece::Text(_))) {
        return text::run::<_, EXACT>(pieces, &value.text);
    }
    let (Some(wanted), Some(fields)) = (text::fields(pieces), value.fields()) else {
        return false;
    };
    let mut pairs = wanted.iter().zip(fields);
    pairs.all(|(pieces, field)| text::run::<_, EXACT>(pieces, field))
}
