//! Comparing text with patterns, byte by byte and without allocating; variables are filled in on the way.

use smallvec::SmallVec;
use sv0_iam::name::Glob;
use sv0_iam::name::glob::Token;
use sv0_iam::syntax::template::{Part, Template};

use super::facts::{Known, View};
use super::keys::{KeyId, Keys};

/// One piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Piece<'a> {
    /// Exactly this text.
    Text(&'a str),
    /// Exactly one character.
    One,
    /// Any run of characters.
    Many,
}

pub(crate) trait AsPiece {
    fn piece(&self) -> Piece<'_>;
}

impl AsPiece for Token {
    fn piece(&self) -> Piece<'_> {
        match self {
            Self::Text(text) => Piece::Text(text),
            Self::One => Piece::One,
            Self::Many => Piece::Many,
        }
    }
}

impl AsPiece for Piece<'_> {
    fn piece(&self) -> Piece<'_> {
        *self
    }
}

/// Whether case counts.
pub(crate) const EXACT: bool = false;
/// ASCII letters are equal whatever their case.
pub(crate) const FOLD: bool = true;

/// Whether a pattern matches.
#[inline]
pub(crate) fn matches<const FOLDED: bool>(glob: &Glob, text: &str) -> bool {
    match glob {
        Glob::Any => true,
        Glob::Literal(literal) => {
            literal.len() == text.len() && strip::<FOLDED>(text.as_bytes(), literal.as_bytes()).is_some()
        }
        Glob::Prefix(prefix) => strip::<FOLDED>(text.as_bytes(), prefix.as_bytes()).is_some(),
        Glob::Tokens(tokens) => run::<_, FOLDED>(tokens, text),
    }
}

/// What comes after `head`.
#[inline]
fn strip<'a, const FOLDED: bool>(text: &'a [u8], head: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(head.len())?;
    let same = start == head || FOLDED && start.eq_ignore_ascii_case(head);
    same.then_some(rest)
}

/// What comes after the first character.
fn skip(text: &[u8]) -> Option<&[u8]> {
    let (_, mut rest) = text.split_first()?;
    while let Some((0x80..=0xbf, after)) = rest.split_first() {
        rest = after;
    }
    Some(rest)
}

/// Matches pieces against text with one backtrack point: the latest star. Both sides are UTF-8, whose characters never
/// begin within one another, so bytes can be compared.
pub(crate) fn run<P: AsPiece, const FOLDED: bool>(pieces: &[P], text: &str) -> bool {
    let (mut left, mut rest) = (pieces, text.as_bytes());
    let mut star: Option<(&[P], &[u8])> = None;
    loop {
        let advanced = match left.split_first() {
            None if rest.is_empty() => return true,
            None => None,
            Some((first, after)) => match first.piece() {
                Piece::Many => {
                    if after.is_empty() {
                        return true;
                    }
                    star = Some((after, rest));
                    Some((after, rest))
                }
                Piece::One => skip(rest).map(|rest| (after, rest)),
                // Text at the end, after a star, has just one place where it can be.
                Piece::Text(last)
                    if after.is_empty()
                        && star.is_some_and(|(from, _)| std::ptr::eq(from.as_ptr(), left.as_ptr())) =>
                {
                    let end = rest.len().checked_sub(last.len()).and_then(|cut| rest.get(cut..));
                    return end
                        .and_then(|end| strip::<FOLDED>(end, last.as_bytes()))
                        .is_some();
                }
                Piece::Text(literal) => strip::<FOLDED>(rest, literal.as_bytes()).map(|rest| (after, rest)),
            },
        };
        match (advanced, star) {
            (Some(next), _) => (left, rest) = next,
            (None, Some((after, from))) => {
                let Some(from) = skip(from) else { return false };
                star = Some((after, from));
                (left, rest) = (after, from);
            }
            (None, None) => return false,
        }
    }
}

/// One piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slot {
    Text(Box<str>),
    One,
    Many,
    Variable { key: KeyId, default: Option<Box<str>> },
}

/// The pieces of a resolved template.
pub(crate) type Pieces<'a> = SmallVec<[Piece<'a>; 16]>;

/// What a template comes to.
pub(crate) enum Resolved<'a> {
    /// This.
    Known(Pieces<'a>),
    /// A variable has no value, so nothing matches.
    Nothing,
    /// At most this, because a variable is unknown.
    AtMost(Pieces<'a>),
}

/// A template with variables or escapes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slots(Box<[Slot]>);

impl Slots {
    /// What every text begins with that it matches.
    pub(crate) fn beginning(&self) -> &str {
        match self.0.first() {
            Some(Slot::Text(text)) => text,
            _ => "",
        }
    }

    /// Reads `*` and `?` as wildcards.
    pub(crate) fn pattern(template: &Template, keys: &mut Keys) -> Option<Self> {
        Self::new(template, keys, |raw, out| {
            let mut text = String::new();
            for c in raw.chars() {
                let wild = match c {
                    '*' => Slot::Many,
                    '?' => Slot::One,
                    c => {
                        text.push(c);
                        continue;
                    }
                };
                push_text(out, &std::mem::take(&mut text));
                out.push(wild);
            }
            push_text(out, &text);
        })
    }

    /// Reads `*` and `?` as themselves.
    pub(crate) fn literal(template: &Template, keys: &mut Keys) -> Option<Self> {
        Self::new(template, keys, |raw, out| push_text(out, raw))
    }

    fn new(template: &Template, keys: &mut Keys, raw: impl Fn(&str, &mut Vec<Slot>)) -> Option<Self> {
        let mut out = Vec::new();
        for part in template.parts()? {
            match part {
                Part::Raw(text) => raw(text, &mut out),
                Part::Escaped(c) => push_text(&mut out, c.encode_utf8(&mut [0; 4])),
                Part::Variable { key, default } => out.push(Slot::Variable {
                    key: keys.intern(key),
                    default: default.clone(),
                }),
            }
        }
        Some(Self(out.into()))
    }

    /// The keys of its variables.
    pub(crate) fn variables(&self) -> impl Iterator<Item = KeyId> {
        self.0.iter().filter_map(|slot| match slot {
            Slot::Variable { key, .. } => Some(*key),
            _ => None,
        })
    }

    /// Fills in the variables: only single values can stand in for one, and the default serves an absent key.
    pub(crate) fn resolve<'a>(&'a self, facts: &View<'a>) -> Resolved<'a> {
        let mut out = Pieces::new();
        let mut unknown = false;
        for slot in &self.0 {
            out.push(match slot {
                Slot::Text(text) => Piece::Text(text),
                Slot::One => Piece::One,
                Slot::Many => Piece::Many,
                Slot::Variable { key, default } => match (facts.get(*key), default) {
                    (Known::One(value), _) => Piece::Text(&value.text),
                    (Known::Absent, Some(default)) => Piece::Text(default),
                    (Known::Absent, None) | (Known::Many(_), _) => return Resolved::Nothing,
                    (Known::Unknown { .. }, _) => {
                        unknown = true;
                        Piece::Many
                    }
                },
            });
        }
        if unknown {
            Resolved::AtMost(out)
        } else {
            Resolved::Known(out)
        }
    }
}

fn push_text(out: &mut Vec<Slot>, text: &str) {
    if text.is_empty() {
        return;
    }
    match out.last_mut() {
        Some(Slot::Text(last)) => *last = format!("{last}{text}").into(),
        _ => out.push(Slot::Text(text.into())),
    }
}

/// Whether pieces match everything: stars, and text that is empty.
pub(crate) fn is_any(pieces: &[Piece<'_>]) -> bool {
    let mut stars = pieces.iter().filter(|piece| **piece != Piece::Text(""));
    let mut any = false;
    let all = stars.all(|piece| {
        any = true;
        *piece == Piece::Many
    });
    any && all
}

/// How many bytes of literal text every match begins with.
pub(crate) fn literal_prefix(pieces: &[Piece<'_>]) -> usize {
    let text = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => Some(text.len()),
        Piece::One | Piece::Many => None,
    };
    pieces.iter().map_while(text).sum()
}

/// The text, where the pieces have no wildcard.
pub(crate) fn as_text(pieces: &[Piece<'_>]) -> Option<String> {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::One | Piece::Many => return None,
        }
    }
    Some(out)
}

/// Cuts pieces at literal colons into six fields; none where there are fewer.
pub(crate) fn fields<'a>(pieces: &[Piece<'a>]) -> Option<[Pieces<'a>; 6]> {
    let mut out: [Pieces<'a>; 6] = Default::default();
    let mut at = 0;
    for piece in pieces {
        let mut piece = *piece;
        while let (Piece::Text(text), true) = (piece, at < 5) {
            let Some((head, tail)) = text.split_once(':') else {
                break;
            };
            out.get_mut(at)?.push(Piece::Text(head));
            piece = Piece::Text(tail);
            at += 1;
        }
        out.get_mut(at)?.push(piece);
    }
    (at == 5).then_some(out)
}
