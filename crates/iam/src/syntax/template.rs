//! Text with policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`, and the escapes `${*}`, `${?}`,
//! `${$}` (semantics rule 31).
//!
//! Source: IAM User Guide, "IAM policy elements: Variables and tags".

use std::borrow::Cow;

use crate::condition::{Context, Fact};
use crate::name::{Glob, glob};

/// A piece of text or pattern with variables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    body: Body,
}

/// A large organisation has millions of these, and most are a word or a star: those are kept without their text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Body {
    /// Neither variable nor wildcard, or nothing but `*`: the text can be told from the pattern.
    Plain(Glob),
    /// No variable: the text, and the pattern, compiled once.
    Fixed(Box<(Box<str>, Glob)>),
    /// The text and its pieces.
    Parts(Box<(Box<str>, Box<[Part]>)>),
}

/// A piece of a template that has variables or escapes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Pattern text, as written.
    Raw(Box<str>),
    /// One of the escaped characters.
    Escaped(char),
    /// A variable.
    Variable {
        /// Its key, in lower case.
        key: Box<str>,
        /// What it stands for where the key is absent.
        default: Option<Box<str>>,
    },
}

/// What a template comes to in a context.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolved<'a> {
    /// This pattern.
    Pattern(Cow<'a, Glob>),
    /// A variable has no value, so nothing matches.
    Nothing,
    /// A variable's value is unknown; the pattern is the widest that it can be.
    AtMost(Glob),
}

/// Whether `${…}` is expanded: only in policies of version 2012-10-17.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variables {
    /// Expanded.
    Expanded,
    /// Ordinary text.
    Literal,
}

impl Template {
    /// Compiles text.
    #[must_use]
    pub fn new(text: &str, variables: Variables) -> Self {
        let parts = if variables == Variables::Expanded && text.contains('$') {
            parts(text)
        } else {
            Vec::new()
        };
        if !parts.iter().all(|part| matches!(part, Part::Raw(_))) {
            let body = Body::Parts(Box::new((text.into(), parts.into())));
            return Self { body };
        }
        let glob = Glob::new(text);
        let body = match plain(&glob) {
            Some(told) if told == text => Body::Plain(glob),
            _ => Body::Fixed(Box::new((text.into(), glob))),
        };
        Self { body }
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.body {
            Body::Plain(glob) => plain(glob).unwrap_or_default(),
            Body::Fixed(fixed) => &fixed.0,
            Body::Parts(parts) => &parts.0,
        }
    }

    /// The pattern, where there is no variable in it.
    #[must_use]
    pub fn fixed(&self) -> Option<&Glob> {
        match &self.body {
            Body::Plain(glob) => Some(glob),
            Body::Fixed(fixed) => Some(&fixed.1),
            Body::Parts(_) => None,
        }
    }

    /// Its pieces, where it has variables or escapes; none where it is [`Template::fixed`].
    #[must_use]
    pub fn parts(&self) -> Option<&[Part]> {
        match &self.body {
            Body::Plain(_) | Body::Fixed(_) => None,
            Body::Parts(parts) => Some(&parts.1),
        }
    }

    /// The keys of its variables, in lower case.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts()
            .unwrap_or_default()
            .iter()
            .filter_map(|part| match part {
                Part::Variable { key, .. } => Some(&**key),
                _ => None,
            })
    }

    /// The widest pattern that it can stand for, whatever the variables are.
    #[must_use]
    pub fn widest(&self) -> Cow<'_, Glob> {
        match &self.body {
            Body::Plain(glob) => Cow::Borrowed(glob),
            Body::Fixed(fixed) => Cow::Borrowed(&fixed.1),
            Body::Parts(parts) => {
                let mut builder = glob::Builder::default();
                for part in &parts.1 {
                    match part {
                        Part::Raw(text) => builder.pattern(text),
                        Part::Escaped(c) => builder.text(c.encode_utf8(&mut [0; 4])),
                        Part::Variable { .. } => builder.many(),
                    }
                }
                Cow::Owned(builder.build())
            }
        }
    }

    /// The pattern in a context; a variable's value is literal text.
    #[must_use]
    pub fn pattern(&self, context: &Context) -> Resolved<'_> {
        match &self.body {
            Body::Plain(glob) => Resolved::Pattern(Cow::Borrowed(glob)),
            Body::Fixed(fixed) => Resolved::Pattern(Cow::Borrowed(&fixed.1)),
            Body::Parts(parts) => {
                let mut builder = glob::Builder::default();
                let mut unknown = false;
                for part in &parts.1 {
                    match part {
                        Part::Raw(text) => builder.pattern(text),
                        Part::Escaped(c) => builder.text(c.encode_utf8(&mut [0; 4])),
                        Part::Variable { key, default } => match variable(context, key, default.as_deref()) {
                            Value::Text(text) => builder.text(text),
                            Value::None => return Resolved::Nothing,
                            Value::Unknown => {
                                unknown = true;
                                builder.many();
                            }
                        },
                    }
                }
                let glob = builder.build();
                if unknown {
                    Resolved::AtMost(glob)
                } else {
                    Resolved::Pattern(Cow::Owned(glob))
                }
            }
        }
    }

    /// The text in a context, in which `*` and `?` are ordinary characters.
    ///
    /// `Ok(None)` where a variable has no value; `Err(pattern)`, the widest it can be, where one is unknown.
    ///
    /// # Errors
    ///
    /// Where a variable's value is unknown.
    pub fn literal(&self, context: &Context) -> Result<Option<Cow<'_, str>>, Glob> {
        let Some(parts) = self.parts() else {
            return Ok(Some(Cow::Borrowed(self.as_str())));
        };
        let (mut out, mut widest, mut unknown) = (String::new(), glob::Builder::default(), false);
        for part in parts {
            match part {
                Part::Raw(text) => {
                    out.push_str(text);
                    widest.text(text);
                }
                Part::Escaped(c) => {
                    out.push(*c);
                    widest.text(c.encode_utf8(&mut [0; 4]));
                }
                Part::Variable { key, default } => match variable(context, key, default.as_deref()) {
                    Value::Text(text) => {
                        out.push_str(text);
                        widest.text(text);
                    }
                    Value::None => return Ok(None),
                    Value::Unknown => {
                        unknown = true;
                        widest.many();
                    }
                },
            }
        }
        if unknown {
            Err(widest.build())
        } else {
            Ok(Some(Cow::Owned(out)))
        }
    }
}

/// The text of a pattern that is a word or a star.
fn plain(glob: &Glob) -> Option<&str> {
    match glob {
        Glob::Any => Some("*"),
        Glob::Literal(text) => Some(text),
        Glob::Prefix(_) | Glob::Tokens(_) => None,
    }
}

enum Value<'a> {
    Text(&'a str),
    None,
    Unknown,
}

/// Only single values can stand in for a variable; the default serves an absent key.
fn variable<'a>(context: &'a Context, key: &str, default: Option<&'a str>) -> Value<'a> {
    let or_default = || default.map_or(Value::None, Value::Text);
    match context.get(key) {
        Fact::One(text) => Value::Text(text),
        Fact::Many(_) => Value::None,
        Fact::Absent => or_default(),
        Fact::Unknown { .. } => Value::Unknown,
    }
}

fn parts(text: &str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inner, tail)) = after.split_once('}') else {
            break;
        };
        if !before.is_empty() {
            out.push(Part::Raw(before.into()));
        }
        out.push(match inner {
            "*" => Part::Escaped('*'),
            "?" => Part::Escaped('?'),
            "$" => Part::Escaped('$'),
            _ => {
                let (key, default) = match inner.split_once(',') {
                    Some((key, default)) => {
                        let default = default.trim();
                        let bare = default.strip_prefix('\'').and_then(|d| d.strip_suffix('\''));
                        (key, Some(bare.unwrap_or(default)))
                    }
                    None => (inner, None),
                };
                Part::Variable {
                    key: key.trim().to_ascii_lowercase().into(),
                    default: default.map(Into::into),
                }
            }
        });
        rest = tail;
    }
    if !rest.is_empty() {
        out.push(Part::Raw(rest.into()));
    }
    out
}

/// Cuts template text at colons that are not inside a variable.
#[must_use]
pub fn split_fields(text: &str, limit: usize) -> Vec<&str> {
    let (mut out, mut start, mut at) = (Vec::new(), 0, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                at = text
                    .get(at..)
                    .and_then(|rest| rest.find('}'))
                    .map_or(bytes.len(), |end| at + end);
            }
            b':' if out.len() + 1 < limit => {
                out.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    out.extend(text.get(start..));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        let mut context = Context::closed();
        context.set("aws:username", "alice");
        context.set("aws:PrincipalTag/odd", "a*b");
        context.set_fact("aws:unknown", Fact::Unknown { maybe_absent: true });
        context
    }

    fn matches(template: &str, text: &str) -> bool {
        match Template::new(template, Variables::Expanded).pattern(&context()) {
            Resolved::Pattern(glob) => glob.matches(text),
            _ => false,
        }
    }

    #[test]
    fn variables_are_literal_text() {
        assert!(matches("home/${aws:username}/*", "home/alice/x"));
        assert!(matches("${AWS:UserName}", "alice"), "keys ignore case");
        assert!(matches("${aws:PrincipalTag/odd}", "a*b"));
        assert!(
            !matches("${aws:PrincipalTag/odd}", "axb"),
            "a star in a value is no wildcard"
        );
    }

    #[test]
    fn defaults_and_escapes() {
        assert!(matches("${aws:PrincipalTag/team, 'none'}", "none"));
        assert!(!matches("${aws:PrincipalTag/team}", ""), "no value, no match");
        assert!(matches("a${*}b", "a*b") && !matches("a${*}b", "axb"));
        assert!(matches("${?}${$}", "?$"));
    }

    #[test]
    fn unknown_values_widen() {
        let template = Template::new("x/${aws:unknown}/y", Variables::Expanded);
        assert_eq!(template.pattern(&context()), Resolved::AtMost(Glob::new("x/*/y")));
    }

    #[test]
    fn fields_keep_variables_whole() {
        assert_eq!(split_fields("arn:aws:s3:::b/${aws:username}", 6).len(), 6);
        assert_eq!(
            split_fields("arn:aws:iam::${aws:PrincipalAccount}:role/a:b", 6)[5],
            "role/a:b"
        );
    }
}
