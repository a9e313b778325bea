//! Sets of resources as policies write them: some patterns, less some others.

use sv0_iam::condition::Context;
use sv0_iam::name::Glob;
use sv0_iam::syntax::ast::ResourceElement;
use sv0_iam::syntax::resource::{Form, ResourceName, ResourcePattern, ShortArn};
use sv0_iam::syntax::template::{Resolved, Template};

use crate::lang::{includes, intersection};

/// Patterns that an intersection is written as at most.
const MOST_PATTERNS: usize = 200;

/// A set of resources.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Any of these.
    pub any_of: Vec<Arn>,
    /// None of these: what `NotResource` leaves out.
    pub none_of: Vec<Arn>,
    /// Further patterns that must match, of which it could not be said in patterns what they leave of the others. Rare:
    /// variables of which nothing is known, on both sides.
    pub also: Vec<Vec<Arn>>,
}

/// A pattern with what is known of its variables filled in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Arn {
    /// `*`
    Any,
    /// Partition, service, region, account, resource.
    Fields(Box<[Field; 5]>),
    /// Something that no resource is called.
    Other(String),
}

/// One field of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// Known.
    Glob(Glob),
    /// With variables that are not known, as written.
    Open(String),
}

impl Scope {
    /// Everything.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            any_of: vec![Arn::Any],
            none_of: Vec::new(),
            also: Vec::new(),
        }
    }

    /// What an element has; without one (a trust policy), everything. `short` says how its layer reads patterns that lack
    /// fields.
    #[must_use]
    pub fn of(element: Option<&ResourceElement>, context: &Context, short: ShortArn) -> Self {
        let Some(element) = element else {
            return Self::everything();
        };
        let complete = element.patterns.iter().filter(|p| p.is_complete(short));
        let patterns: Vec<Arn> = complete.filter_map(|p| Arn::of(p, context)).collect();
        if element.negated {
            Self {
                none_of: patterns,
                ..Self::everything()
            }
        } else {
            Self {
                any_of: tidy(patterns),
                none_of: Vec::new(),
                also: Vec::new(),
            }
        }
    }

    /// Whether there is nothing in it, as far as a look at the patterns tells.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.any_of.is_empty()
    }

    /// What two scopes share.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut none_of = self.none_of.clone();
        none_of.extend(
            other
                .none_of
                .iter()
                .filter(|arn| !self.none_of.contains(arn))
                .cloned(),
        );
        let mut also = self.also.clone();
        also.extend(other.also.iter().cloned());
        let any_of = match shared(&self.any_of, &other.any_of) {
            Some(any_of) => any_of,
            None => {
                also.push(other.any_of.clone());
                self.any_of.clone()
            }
        };
        // What is left out and was not in it anyway need not be said.
        none_of.retain(|out| any_of.iter().any(|arn| arn.meets(out) != Some(false)));
        Self {
            any_of,
            none_of,
            also,
        }
    }
}

/// The pairwise intersections; none where one cannot be written.
fn shared(a: &[Arn], b: &[Arn]) -> Option<Vec<Arn>> {
    let mut out = Vec::new();
    for x in a {
        for y in b {
            out.extend(x.and(y)?);
        }
        if out.len() > MOST_PATTERNS {
            return None;
        }
    }
    Some(tidy(out))
}

/// Without those that others cover.
fn tidy(patterns: Vec<Arn>) -> Vec<Arn> {
    let mut out: Vec<Arn> = Vec::new();
    for arn in patterns {
        if out.iter().any(|other| other.covers(&arn)) {
            continue;
        }
        out.retain(|other| !arn.covers(other));
        out.push(arn);
    }
    out
}

impl Arn {
    /// A pattern in a context; none where a variable has no value, so that it matches nothing.
    fn of(pattern: &ResourcePattern, context: &Context) -> Option<Self> {
        Some(match pattern.form() {
            Form::Any => Self::Any,
            Form::Other(_) => Self::Other(pattern.as_str().to_owned()),
            Form::Fields { fields, .. } => {
                let field = |template: &Template| match template.pattern(context) {
                    Resolved::Pattern(glob) => Some(Field::Glob(glob.into_owned())),
                    Resolved::AtMost(_) => Some(Field::Open(template.as_str().to_owned())),
                    Resolved::Nothing => None,
                };
                let [a, b, c, d, e] = &**fields;
                Self::Fields(Box::new([field(a)?, field(b)?, field(c)?, field(d)?, field(e)?]))
            }
        })
    }

    /// Whether every resource of the other is one of this, as far as a look tells.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Fields(a), Self::Fields(b)) => {
                let one = |(index, (a, b)): (usize, (&Field, &Field))| match (a, b) {
                    (Field::Glob(a), Field::Glob(b)) if a == b => true,
                    (Field::Glob(a), Field::Glob(b)) => {
                        let typed = index < 4 || says_type(a) || has_types(other) == Some(false);
                        typed && includes(a, b) == Some(true)
                    }
                    (Field::Glob(a), Field::Open(_)) => a.is_any(),
                    (Field::Open(a), Field::Open(b)) => a == b,
                    (Field::Open(_), Field::Glob(_)) => false,
                };
                a.iter().zip(b.iter()).enumerate().all(one)
            }
            (a, b) => a == b,
        }
    }

    /// Whether the two have a resource in common; none where that hangs on unknown variables.
    fn meets(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => Some(true),
            (Self::Fields(a), Self::Fields(b)) => {
                let mut open = false;
                for (index, (a, b)) in a.iter().zip(b.iter()).enumerate() {
                    match (a, b) {
                        (Field::Glob(a), Field::Glob(b)) => {
                            let (a, b) = if index < 4 { (&lower(a), &lower(b)) } else { (a, b) };
                            if !a.intersects(b) {
                                return Some(false);
                            }
                        }
                        _ => open = true,
                    }
                }
                if open { None } else { Some(true) }
            }
            (a, b) => Some(a == b),
        }
    }

    /// What the two have in common; none where it cannot be written as patterns.
    fn and(&self, other: &Self) -> Option<Vec<Self>> {
        match (self, other) {
            (Self::Any, _) => Some(vec![other.clone()]),
            (_, Self::Any) => Some(vec![self.clone()]),
            (Self::Fields(a), Self::Fields(b)) => {
                let mut heads: Vec<Vec<Field>> = vec![Vec::new()];
                for (index, (a, b)) in a.iter().zip(b.iter()).enumerate() {
                    let both = a.and(b, index < 4)?;
                    heads = heads
                        .iter()
                        .flat_map(|head| {
                            both.iter().map(|field| {
                                let mut head = head.clone();
                                head.push(field.clone());
                                head
                            })
                        })
                        .collect();
                    if heads.len() > MOST_PATTERNS {
                        return None;
                    }
                }
                let arns = heads
                    .into_iter()
                    .filter_map(|fields| Some(Self::Fields(Box::new(<[Field; 5]>::try_from(fields).ok()?))));
                let mut out = Vec::new();
                for arn in arns {
                    if arn.is_shared(self, other)? {
                        out.push(arn);
                    }
                }
                Some(out)
            }
            (a, b) => Some(if a == b { vec![a.clone()] } else { Vec::new() }),
        }
    }

    /// Whether what two patterns have in common by their text is in both: where one of them does not say the type, no
    /// resource that has one is (rule 28). None where that hangs on the service.
    fn is_shared(&self, a: &Self, b: &Self) -> Option<bool> {
        let silent = |arn: &Self| arn.rest().is_some_and(|rest| !says_type(rest));
        let typed = |rest: &Glob| rest.literal_prefix().contains(SEPARATORS);
        if (silent(a) || silent(b)) && self.rest().is_some_and(typed) {
            has_types(self).map(|types| !types)
        } else {
            Some(true)
        }
    }

    /// The resource part, where it is known.
    fn rest(&self) -> Option<&Glob> {
        match self {
            Self::Fields(fields) => match &**fields {
                [.., Field::Glob(rest)] => Some(rest),
                _ => None,
            },
            _ => None,
        }
    }

    /// As a policy writes it.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Any => "*".into(),
            Self::Other(text) => text.clone(),
            Self::Fields(fields) => {
                let fields: Vec<String> = fields.iter().map(Field::to_text).collect();
                format!("arn:{}", fields.join(":"))
            }
        }
    }
}

impl Field {
    fn and(&self, other: &Self, ignore_case: bool) -> Option<Vec<Self>> {
        match (self, other) {
            (a, b) if a == b => Some(vec![a.clone()]),
            (Self::Glob(Glob::Any), other) | (other, Self::Glob(Glob::Any)) => Some(vec![other.clone()]),
            (Self::Glob(a), Self::Glob(b)) => {
                let both = if ignore_case {
                    intersection(&lower(a), &lower(b))
                } else {
                    intersection(a, b)
                };
                both.map(|globs| globs.into_iter().map(Self::Glob).collect())
            }
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Open(text) => text.clone(),
            Self::Glob(glob) => escaped(glob),
        }
    }
}

/// What stands behind the type of a resource.
const SEPARATORS: [char; 2] = ['/', ':'];

/// Whether a pattern for the resource part has resources with a type: it must stand literally, unless the pattern is
/// nothing but a star (rule 28).
fn says_type(rest: &Glob) -> bool {
    rest.is_any() || rest.as_literal().is_some() || rest.literal_prefix().contains(SEPARATORS)
}

/// Whether names of the pattern's service begin with a type; none where that hangs on what is left open.
fn has_types(arn: &Arn) -> Option<bool> {
    let Arn::Fields(fields) = arn else { return None };
    let [_, Field::Glob(service), _, Field::Glob(account), _] = &**fields else {
        return None;
    };
    let service = service.as_literal()?.to_lowercase();
    let has = |account: &str| ResourceName::new(&format!("arn:aws:{service}::{account}:x/x")).type_len > 0;
    // S3's names have one where they have an account.
    match (has(""), has("1"), account.as_literal()) {
        (without, with, _) if without == with => Some(with),
        (_, _, Some(account)) => Some(has(account)),
        _ => None,
    }
}

/// The fields before the last ignore case.
fn lower(glob: &Glob) -> Glob {
    match glob {
        Glob::Any => Glob::Any,
        other => Glob::new(&other.to_string().to_lowercase()),
    }
}

/// A glob as a policy of version 2012-10-17 writes it: a star that a tag brought along is no wildcard.
fn escaped(glob: &Glob) -> String {
    use sv0_iam::name::glob::Token;
    let text = |text: &str| {
        text.replace('$', "${$}")
            .replace('*', "${*}")
            .replace('?', "${?}")
    };
    match glob {
        Glob::Any => "*".into(),
        Glob::Literal(literal) => text(literal),
        Glob::Prefix(prefix) => format!("{}*", text(prefix)),
        Glob::Tokens(tokens) => tokens
            .iter()
            .map(|token| match token {
                Token::Text(literal) => text(literal),
                Token::One => "?".into(),
                Token::Many => "*".into(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use sv0_iam::syntax::template::Variables;

    use super::*;

    fn scope(patterns: &[&str]) -> Scope {
        let element = ResourceElement {
            negated: false,
            patterns: patterns
                .iter()
                .map(|p| ResourcePattern::new(p, Variables::Expanded))
                .collect(),
        };
        Scope::of(Some(&element), &Context::open(), ShortArn::Pad)
    }

    fn texts(scope: &Scope) -> Vec<String> {
        scope.any_of.iter().map(Arn::to_text).collect()
    }

    #[test]
    fn what_scopes_share() {
        let both = |a: &[&str], b: &[&str]| texts(&scope(a).and(&scope(b)));
        assert_eq!(both(&["*"], &["arn:aws:s3:::data/*"]), ["arn:aws:s3:::data/*"]);
        assert_eq!(
            both(
                &["arn:aws:sqs:*:111111111111:*"],
                &["arn:aws:sqs:eu-*:*:jobs-*", "arn:aws:s3:::x"]
            ),
            ["arn:aws:sqs:eu-*:111111111111:jobs-*"]
        );
        assert!(both(&["arn:aws:s3:::a*"], &["arn:aws:s3:::b*"]).is_empty());
        assert_eq!(
            both(&["arn:aws:s3:::home/${aws:username}/*"], &["arn:aws:s3:::*"]),
            ["arn:aws:s3:::home/${aws:username}/*"]
        );
        assert_eq!(
            texts(&scope(&["arn:aws:s3:::a", "arn:aws:s3:::*", "arn:aws:s3:::b*"])),
            ["arn:aws:s3:::*"]
        );
    }

    #[test]
    fn a_pattern_that_does_not_say_the_type_has_nothing_of_what_does() {
        let (any, roles) = ("arn:aws:iam::111111111111:r*", "arn:aws:iam::111111111111:role/*");
        assert_eq!(texts(&scope(&[any, roles])), [any, roles]);
        let both = |a: &str, b: &str| scope(&[a]).and(&scope(&[b]));
        assert!(both(any, roles).is_empty());
        assert_eq!(texts(&both("arn:aws:iam::111111111111:*", roles)), [roles]);
        // A bucket's name has no type; an access point's has.
        assert_eq!(
            texts(&both("arn:aws:s3:::d*", "arn:aws:s3:::data/*")),
            ["arn:aws:s3:::data/*"]
        );
        assert!(both("arn:aws:s3:*:111111111111:a*", "arn:aws:s3:*:*:accesspoint/*").is_empty());
        // Which of the two it is, is left open.
        assert!(!both("arn:aws:*:*:*:r*", "arn:aws:*:*:*:role/*").also.is_empty());
    }
}
