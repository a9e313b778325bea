//! Resource patterns with everything that can be told beforehand (semantics rules 27 to 31).

use sv0_iam::name::Glob;
use sv0_iam::syntax::ResourcePattern;
use sv0_iam::syntax::resource::{Form, ResourceName, ShortArn};
use sv0_iam::syntax::template::Template;
use sv0_iam::tri::Tri;

use super::facts::View;
use super::keys::{KeyId, Keys};
use super::short::Short;
use super::text::{self, EXACT, FOLD, Pieces, Resolved, Slots};

/// One entry of a `Resource` element.
#[derive(Debug)]
pub(crate) struct Pattern {
    quick: Quick,
    form: Box<Compiled>,
    /// Whether it is complete enough in identity, resource and organisation policies.
    complete: [bool; 3],
}

/// What can be told of a pattern without following a pointer: most patterns of most policies are on something else.
#[derive(Debug, Clone, Copy, Default)]
struct Quick {
    /// The head in lower case, where it is plain text.
    head: Option<Short>,
    /// How many bytes the resource part begins with, literally, and the last eight of them.
    prefix: u32,
    last: u64,
}

impl Quick {
    fn new(form: &Compiled) -> Self {
        let (head, rest) = match form {
            Compiled::Plain { head, rest } => (Some(Short::lower(head)), rest),
            Compiled::Fields { rest, .. } => (None, rest),
            Compiled::Any | Compiled::Text(_) | Compiled::TextWith(_) => return Self::default(),
        };
        let text = match rest {
            Rest::Glob { glob, .. } => glob.literal_prefix(),
            Rest::With(_) => "",
        };
        match u32::try_from(text.len()) {
            Ok(prefix) => Self {
                head,
                prefix,
                last: last(text, prefix).unwrap_or_default(),
            },
            Err(_) => Self {
                head,
                ..Self::default()
            },
        }
    }

    #[inline]
    fn may_match(&self, resource: &Resource<'_>) -> bool {
        self.head.is_none_or(|head| head == resource.short_head)
            && (self.prefix == 0 || last(resource.rest, self.prefix) == Some(self.last))
    }
}

/// Up to eight bytes of text before a place; none where the text is shorter than that.
#[inline]
fn last(text: &str, end: u32) -> Option<u64> {
    let bytes = text.as_bytes().get(..end as usize)?;
    match bytes.last_chunk::<8>() {
        Some(chunk) => Some(u64::from_le_bytes(*chunk)),
        None => Some(bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))),
    }
}

#[derive(Debug)]
enum Compiled {
    Any,
    /// The text between the first and the fifth colon, where nothing in it is a wildcard, and the resource part.
    Plain {
        head: Box<str>,
        rest: Rest,
    },
    Fields {
        head: Box<[Field; 4]>,
        rest: Rest,
    },
    /// Not an ARN: only the very same text.
    Text(Box<str>),
    TextWith(Slots),
}

#[derive(Debug)]
enum Rest {
    Glob { glob: Glob, prefix: usize },
    With(Slots),
}

#[derive(Debug)]
enum Field {
    Glob(Glob),
    With(Slots),
}

const fn place(short: ShortArn) -> usize {
    match short {
        ShortArn::Pad => 0,
        ShortArn::IfWildcard => 1,
        ShortArn::IfTrailingStar => 2,
    }
}

impl Pattern {
    pub(super) fn new(pattern: &ResourcePattern, keys: &mut Keys) -> Self {
        let form = match pattern.form() {
            Form::Any => Compiled::Any,
            Form::Other(template) => Slots::literal(template, keys)
                .map_or_else(|| Compiled::Text(template.as_str().into()), Compiled::TextWith),
            Form::Fields { fields, .. } => {
                let [partition, service, region, account, rest] = &**fields;
                let head = [partition, service, region, account];
                let rest = match rest.fixed() {
                    Some(glob) => Rest::Glob {
                        glob: glob.clone(),
                        prefix: glob.literal_prefix().len(),
                    },
                    None => Slots::pattern(rest, keys).map_or_else(nothing, Rest::With),
                };
                match plain(head) {
                    Some(head) => Compiled::Plain { head, rest },
                    None => Compiled::Fields {
                        head: Box::new(head.map(|field| self::field(field, keys))),
                        rest,
                    },
                }
            }
        };
        let complete = [ShortArn::Pad, ShortArn::IfWildcard, ShortArn::IfTrailingStar];
        Self {
            quick: Quick::new(&form),
            form: Box::new(form),
            complete: complete.map(|short| pattern.is_complete(short)),
        }
    }

    /// The keys of its variables.
    pub(crate) fn variables(&self) -> impl Iterator<Item = KeyId> {
        let (head, rest) = match &*self.form {
            Compiled::Any | Compiled::Text(_) => (None, None),
            Compiled::TextWith(slots) => (None, Some(slots)),
            Compiled::Plain { rest, .. } => (None, rest.slots()),
            Compiled::Fields { head, rest } => (Some(head), rest.slots()),
        };
        let head = head
            .into_iter()
            .flat_map(|head| head.iter())
            .filter_map(|field| match field {
                Field::With(slots) => Some(slots),
                Field::Glob(_) => None,
            });
        head.chain(rest).flat_map(Slots::variables)
    }

    /// What the resources that it matches have in common.
    pub(crate) fn naming(&self) -> Naming<'_> {
        let literal = |field: &Field| match field {
            Field::Glob(glob) => glob.as_literal().map(|text| text.is_empty()),
            Field::With(_) => Some(false),
        };
        let any = |field: &Field| matches!(field, Field::Glob(glob) if glob.is_any());
        let (account, everywhere, rest) = match &*self.form {
            Compiled::Any => return Naming::Any,
            Compiled::Text(_) | Compiled::TextWith(_) => return Naming::Some,
            Compiled::Plain { head, rest } => {
                let mut fields = head.rsplit(':');
                let (account, region) = (fields.next().unwrap_or_default(), fields.next());
                // Where neither account nor region is in the names of any resource of a service.
                (Some(account), account.is_empty() && region == Some(""), rest)
            }
            Compiled::Fields { head, rest } => {
                let [_, _, region, account] = &**head;
                let free = |field| any(field) || literal(field) == Some(true);
                let named = match account {
                    Field::Glob(glob) => glob.as_literal(),
                    Field::With(_) => return Naming::Some,
                };
                (named, free(region) && free(account), rest)
            }
        };
        let glob = match rest {
            Rest::Glob { glob, .. } => glob,
            Rest::With(slots) => {
                let text = slots.beginning();
                return match account {
                    Some(account) if !account.is_empty() => Naming::Beginning(account, text),
                    _ if text.is_empty() => Naming::Some,
                    _ => Naming::Beginning("", text),
                };
            }
        };
        let text = glob.literal_prefix();
        // `key/*`, where accounts tell resources apart: every key. Where they do not, `name/*` is one resource.
        let typed = account.is_none()
            && text.find(['/', ':']).is_some_and(|at| at + 1 == text.len())
            && is_prefix(glob, text);
        if everywhere && (glob.is_any() || typed) {
            return Naming::Any;
        }
        match account {
            Some(account) if !account.is_empty() => Naming::Beginning(account, text),
            _ if text.is_empty() || typed => Naming::Some,
            _ => Naming::Beginning("", text),
        }
    }

    /// Whether a resource matches.
    #[inline]
    pub(crate) fn matches(&self, resource: &Resource<'_>, facts: &View<'_>, short: ShortArn) -> Tri {
        if !self.quick.may_match(resource) {
            return Tri::False;
        }
        match &*self.form {
            Compiled::Any => Tri::True,
            Compiled::Text(text) => Tri::from(**text == *resource.name.text),
            Compiled::TextWith(slots) => match slots.resolve(facts) {
                Resolved::Known(pieces) => Tri::from(text::run::<_, EXACT>(&pieces, resource.name.text)),
                Resolved::Nothing => Tri::False,
                Resolved::AtMost(pieces) => possible(text::run::<_, EXACT>(&pieces, resource.name.text)),
            },
            Compiled::Plain { head, rest } => {
                // The short forms are equal, or it would not have come to this.
                let same = resource.short_head.is_whole() || head.eq_ignore_ascii_case(resource.head);
                if !same || !self.is_complete(resource, short) {
                    return Tri::False;
                }
                rest.matches(resource, facts)
            }
            Compiled::Fields { head, rest } => {
                if !self.is_complete(resource, short) {
                    return Tri::False;
                }
                let Some(arn) = resource.name.arn else {
                    return Tri::False;
                };
                let [partition, service, region, account] = &**head;
                let pairs = [
                    (service, arn.service),
                    (account, arn.account),
                    (region, arn.region),
                    (partition, arn.partition),
                ];
                let mut all = Tri::True;
                for (field, text) in pairs {
                    all = all.and(field.matches(text, facts));
                    if all == Tri::False {
                        return all;
                    }
                }
                all.and(rest.matches(resource, facts))
            }
        }
    }

    fn is_complete(&self, resource: &Resource<'_>, short: ShortArn) -> bool {
        resource.name.arn.is_some() && self.complete.get(place(short)).is_some_and(|complete| *complete)
    }
}

/// What matches nothing. A template is fixed or has parts, so this is never made.
fn nothing() -> Rest {
    Rest::Glob {
        glob: Glob::Tokens(Box::default()),
        prefix: 0,
    }
}

/// The fields with the colons between them, where all are plain text. A field with a colon in it (within `${…}` of an
/// old policy) equals no field of an ARN.
fn plain(fields: [&Template; 4]) -> Option<Box<str>> {
    let texts = fields.map(|field| {
        field
            .fixed()
            .and_then(Glob::as_literal)
            .filter(|text| !text.contains(':'))
    });
    let [Some(a), Some(b), Some(c), Some(d)] = texts else {
        return None;
    };
    Some([a, b, c, d].join(":").into())
}

fn field(template: &Template, keys: &mut Keys) -> Field {
    match template.fixed() {
        Some(glob) => Field::Glob(glob.clone()),
        None => Slots::pattern(template, keys)
            .map_or_else(|| Field::Glob(Glob::Tokens(Box::default())), Field::With),
    }
}

impl Field {
    fn matches(&self, text: &str, facts: &View<'_>) -> Tri {
        match self {
            Self::Glob(glob) => Tri::from(text::matches::<FOLD>(glob, text)),
            Self::With(slots) => match slots.resolve(facts) {
                Resolved::Known(pieces) => Tri::from(text::run::<_, FOLD>(&pieces, text)),
                Resolved::Nothing => Tri::False,
                Resolved::AtMost(pieces) => possible(text::run::<_, FOLD>(&pieces, text)),
            },
        }
    }
}

impl Rest {
    const fn slots(&self) -> Option<&Slots> {
        match self {
            Self::Glob { .. } => None,
            Self::With(slots) => Some(slots),
        }
    }

    #[inline]
    fn matches(&self, resource: &Resource<'_>, facts: &View<'_>) -> Tri {
        let Some(arn) = resource.name.arn else {
            return Tri::False;
        };
        match self {
            // The type word must stand literally, unless the pattern is nothing but stars. Where the pattern matches,
            // its literal beginning is one of the resource's, so its length tells.
            Self::Glob { glob, prefix } => {
                let typed = *prefix >= resource.name.type_len || glob.is_any();
                Tri::from(typed && text::matches::<EXACT>(glob, arn.resource))
            }
            Self::With(slots) => match slots.resolve(facts) {
                Resolved::Known(pieces) => {
                    let typed = |pieces: &Pieces<'_>| {
                        text::literal_prefix(pieces) >= resource.name.type_len || text::is_any(pieces)
                    };
                    Tri::from(typed(&pieces) && text::run::<_, EXACT>(&pieces, arn.resource))
                }
                Resolved::Nothing => Tri::False,
                // What is unknown may bring the type along.
                Resolved::AtMost(pieces) => possible(text::run::<_, EXACT>(&pieces, arn.resource)),
            },
        }
    }
}

const fn possible(holds: bool) -> Tri {
    if holds { Tri::Unknown } else { Tri::False }
}

/// Whether a glob is a text and anything behind it.
fn is_prefix(glob: &Glob, text: &str) -> bool {
    // What is longer than the text by two different things, and matched both times, ends in a star.
    glob.literal_prefix() == text && glob.matches(text) && glob.matches(&format!("{text}\u{1}/\u{2}"))
}

/// What the resources that a pattern matches have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming<'a> {
    /// Nothing: it matches all of a type, or none.
    Any,
    /// Their account, where it is not empty, and what their resource part begins with.
    Beginning(&'a str, &'a str),
    /// Anything else.
    Some,
}

/// A concrete resource, prepared once.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    name: ResourceName<'a>,
    /// The text between the first and the fifth colon, and what follows; empty where it is no ARN.
    head: &'a str,
    rest: &'a str,
    /// The head in lower case.
    short_head: Short,
}

impl<'a> Resource<'a> {
    /// Prepares a concrete ARN or `*`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let name = ResourceName::new(text);
        let head = name.arn.and_then(|arn| {
            let end = text.len().checked_sub(arn.resource.len() + 1)?;
            text.get("arn:".len()..end)
        });
        let head = head.unwrap_or_default();
        let rest = name.arn.map_or("", |arn| arn.resource);
        Self {
            name,
            head,
            rest,
            short_head: Short::lower(head),
        }
    }

    /// What tells resources of one type from others: partition, service, whether the ARN has no region and no account,
    /// the word before the name where it has.
    pub(crate) fn shape(&self) -> (Box<str>, Box<str>, bool, Box<str>) {
        let Some(arn) = self.name.arn else {
            return Default::default();
        };
        let global = arn.region.is_empty() && arn.account.is_empty();
        let end = self.rest.find(['/', ':']).filter(|_| !global).unwrap_or_default();
        (
            arn.partition.into(),
            arn.service.into(),
            global,
            self.rest.get(..end).unwrap_or_default().into(),
        )
    }

    /// The account that its ARN names.
    pub(crate) fn account(&self) -> &'a str {
        self.name.arn.map_or("", |arn| arn.account)
    }

    /// The resource part; empty where it is no ARN.
    pub(crate) const fn rest(&self) -> &'a str {
        self.rest
    }

    /// As asked.
    #[must_use]
    pub const fn text(&self) -> &'a str {
        self.name.text
    }

    /// As the plain evaluator takes it.
    #[must_use]
    pub const fn name(&self) -> ResourceName<'a> {
        self.name
    }
}
