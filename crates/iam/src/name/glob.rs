//! Glob patterns as IAM uses them: `*` is any run of characters (including none, `/`, `:` and newlines), `?` exactly
//! one character. There are no character classes and no escapes here; `${*}` and its kin are resolved before, by
//! [`crate::syntax::template`].
//!
//! Invariant: two stars are never adjacent, so matching needs one backtrack point.

use std::fmt;

/// One piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Token {
    /// Exactly this text.
    Text(Box<str>),
    /// Exactly one character.
    One,
    /// Any run of characters.
    Many,
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Glob {
    /// `*`
    Any,
    /// No wildcard.
    Literal(Box<str>),
    /// Literal text and then `*`.
    Prefix(Box<str>),
    /// Anything else.
    Tokens(Box<[Token]>),
}

impl Glob {
    /// Compiles pattern text in which `*` and `?` are wildcards.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        let mut builder = Builder::default();
        builder.pattern(pattern);
        builder.build()
    }

    /// A pattern that matches just `text`.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self::Literal(text.into())
    }

    /// Whether `text` matches, case-sensitively.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => &**literal == text,
            Self::Prefix(prefix) => text.starts_with(&**prefix),
            Self::Tokens(tokens) => run(tokens, text, &str::eq),
        }
    }

    /// Whether `text` matches when ASCII case is ignored.
    #[must_use]
    pub fn matches_ignore_case(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(literal) => literal.eq_ignore_ascii_case(text),
            Self::Prefix(prefix) => text
                .get(..prefix.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(prefix)),
            Self::Tokens(tokens) => run(tokens, text, &str::eq_ignore_ascii_case),
        }
    }

    /// The text, where the pattern has no wildcard.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it matches everything.
    #[must_use]
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    /// The literal text that every match starts with.
    #[must_use]
    pub fn literal_prefix(&self) -> &str {
        match self {
            Self::Any => "",
            Self::Literal(text) | Self::Prefix(text) => text,
            Self::Tokens(tokens) => match tokens.first() {
                Some(Token::Text(text)) => text,
                _ => "",
            },
        }
    }

    /// The shortest string that matches, with `fill` for each `?`.
    #[must_use]
    pub fn example(&self, fill: char) -> String {
        match self {
            Self::Any => String::new(),
            Self::Literal(text) | Self::Prefix(text) => text.to_string(),
            Self::Tokens(tokens) => tokens.iter().fold(String::new(), |mut out, token| {
                match token {
                    Token::Text(text) => out.push_str(text),
                    Token::One => out.push(fill),
                    Token::Many => {}
                }
                out
            }),
        }
    }

    /// Whether some string matches both patterns.
    ///
    /// Exact. Time is the product of the two patterns' lengths.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Literal(text), pattern) | (pattern, Self::Literal(text)) => pattern.matches(text),
            (Self::Prefix(a), Self::Prefix(b)) => a.starts_with(&**b) || b.starts_with(&**a),
            _ => intersect(&self.symbols(), &other.symbols()),
        }
    }

    /// Cuts the pattern at a character that stands literally in it, into at most `limit` patterns.
    #[must_use]
    pub fn split(&self, separator: char, limit: usize) -> Vec<Self> {
        let mut out = Vec::new();
        let mut builder = Builder::default();
        for symbol in self.symbols() {
            match symbol {
                Symbol::Char(c) if c == separator && out.len() + 1 < limit => {
                    out.push(std::mem::take(&mut builder).build());
                }
                Symbol::Char(c) => builder.text(c.encode_utf8(&mut [0; 4])),
                Symbol::One => builder.one(),
                Symbol::Many => builder.many(),
            }
        }
        out.push(builder.build());
        out
    }

    /// The pattern character by character.
    fn symbols(&self) -> Vec<Symbol> {
        let mut out = Vec::new();
        let text = |out: &mut Vec<Symbol>, text: &str| out.extend(text.chars().map(Symbol::Char));
        match self {
            Self::Any => out.push(Symbol::Many),
            Self::Literal(literal) => text(&mut out, literal),
            Self::Prefix(prefix) => {
                text(&mut out, prefix);
                out.push(Symbol::Many);
            }
            Self::Tokens(tokens) => {
                for token in tokens {
                    match token {
                        Token::Text(literal) => text(&mut out, literal),
                        Token::One => out.push(Symbol::One),
                        Token::Many => out.push(Symbol::Many),
                    }
                }
            }
        }
        out
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Symbol {
    Char(char),
    One,
    Many,
}

/// Walks the product of both patterns, one reachable set of positions a step.
fn intersect(a: &[Symbol], b: &[Symbol]) -> bool {
    let width = b.len() + 1;
    let mut reached = vec![false; (a.len() + 1) * width];
    let mut stack = vec![(0, 0)];
    while let Some((i, j)) = stack.pop() {
        match reached.get_mut(i * width + j) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let (x, y) = (a.get(i).copied(), b.get(j).copied());
        if x.is_none() && y.is_none() {
            return true;
        }
        if x == Some(Symbol::Many) {
            stack.push((i + 1, j));
        }
        if y == Some(Symbol::Many) {
            stack.push((i, j + 1));
        }
        match (x, y) {
            (Some(Symbol::Many), Some(Symbol::Char(_) | Symbol::One)) => stack.push((i, j + 1)),
            (Some(Symbol::Char(_) | Symbol::One), Some(Symbol::Many)) => stack.push((i + 1, j)),
            (Some(Symbol::Char(p)), Some(Symbol::Char(q))) if p == q => stack.push((i + 1, j + 1)),
            (Some(Symbol::One), Some(Symbol::Char(_) | Symbol::One))
            | (Some(Symbol::Char(_)), Some(Symbol::One)) => stack.push((i + 1, j + 1)),
            _ => {}
        }
    }
    false
}

/// Matches tokens against text with one backtrack point: the latest star.
fn run(tokens: &[Token], text: &str, eq: &dyn Fn(&str, &str) -> bool) -> bool {
    let (mut token, mut rest) = (0, text);
    let mut star: Option<(usize, &str)> = None;
    loop {
        let advanced = match tokens.get(token) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Token::Many) => {
                if token + 1 == tokens.len() {
                    return true;
                }
                star = Some((token + 1, rest));
                Some((token + 1, rest))
            }
            Some(Token::One) => {
                let mut chars = rest.chars();
                chars.next().map(|_| (token + 1, chars.as_str()))
            }
            Some(Token::Text(literal)) => rest
                .split_at_checked(literal.len())
                .filter(|(head, _)| eq(head, literal))
                .map(|(_, tail)| (token + 1, tail)),
        };
        match (advanced, star) {
            (Some(next), _) => (token, rest) = next,
            (None, Some((after, from))) => {
                let mut chars = from.chars();
                if chars.next().is_none() {
                    return false;
                }
                star = Some((after, chars.as_str()));
                (token, rest) = (after, chars.as_str());
            }
            (None, None) => return false,
        }
    }
}

/// Builds a pattern from pieces, so that text from a variable stays text.
#[derive(Debug, Default)]
pub struct Builder {
    tokens: Vec<Token>,
    text: String,
}

impl Builder {
    /// Adds pattern text.
    pub fn pattern(&mut self, pattern: &str) {
        for c in pattern.chars() {
            match c {
                '*' => self.many(),
                '?' => self.one(),
                c => self.text.push(c),
            }
        }
    }

    /// Adds literal text.
    pub fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds `?`.
    pub fn one(&mut self) {
        self.flush();
        self.tokens.push(Token::One);
    }

    /// Adds `*`.
    pub fn many(&mut self) {
        self.flush();
        if self.tokens.last() != Some(&Token::Many) {
            self.tokens.push(Token::Many);
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            self.tokens
                .push(Token::Text(std::mem::take(&mut self.text).into()));
        }
    }

    /// The pattern.
    #[must_use]
    pub fn build(mut self) -> Glob {
        self.flush();
        match self.tokens.as_slice() {
            [] => Glob::Literal("".into()),
            [Token::Many] => Glob::Any,
            [Token::Text(text)] => Glob::Literal(text.clone()),
            [Token::Text(text), Token::Many] => Glob::Prefix(text.clone()),
            _ => Glob::Tokens(self.tokens.into()),
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Literal(text) => f.write_str(text),
            Self::Prefix(text) => write!(f, "{text}*"),
            Self::Tokens(tokens) => tokens.iter().try_for_each(|token| match token {
                Token::Text(text) => f.write_str(text),
                Token::One => f.write_str("?"),
                Token::Many => f.write_str("*"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, with no cleverness.
    fn brute(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|n| brute(rest, &text[n..])),
            Some(('?', rest)) => !text.is_empty() && brute(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && brute(rest, &text[1..]),
        }
    }

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn shapes() {
        assert_eq!(Glob::new("*"), Glob::Any);
        assert_eq!(Glob::new("**"), Glob::Any);
        assert_eq!(Glob::new("a*"), Glob::Prefix("a".into()));
        assert!(Glob::new("a?c").matches("aéc"));
        assert!(Glob::new("a*c").matches("a\n:/c"));
        assert!(!Glob::new("a?c").matches("ac"));
        assert!(Glob::new("Get*").matches_ignore_case("gETobject"));
        assert!(Glob::new("").matches("") && !Glob::new("").matches("a"));
    }

    #[test]
    fn split_keeps_literal_stars() {
        let mut builder = Builder::default();
        builder.pattern("a:*:b");
        builder.text("*:c:d");
        let fields: Vec<Glob> = builder.build().split(':', 4);
        assert_eq!(
            fields,
            [
                Glob::new("a"),
                Glob::Any,
                Glob::literal("b*"),
                Glob::literal("c:d")
            ]
        );
        assert_eq!(Glob::new("").split(':', 6), [Glob::literal("")]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn matches_as_defined(pattern in "[ab*?é]{0,7}", text in "[abé]{0,7}") {
            prop_assert_eq!(Glob::new(&pattern).matches(&text), brute(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn an_example_matches(pattern in "[ab*?]{0,7}") {
            let glob = Glob::new(&pattern);
            prop_assert!(glob.matches(&glob.example('x')));
        }

        #[test]
        fn intersection_is_exact(a in "[ab*?]{0,5}", b in "[ab*?]{0,5}") {
            let (x, y) = (Glob::new(&a), Glob::new(&b));
            let mut witness = false;
            // Every string over {a, b} up to eight characters: longer ones add nothing for patterns this short.
            for length in 0..=8_u32 {
                for bits in 0..(1_u32 << length) {
                    let text: String = (0..length).map(|i| if bits >> i & 1 == 1 { 'a' } else { 'b' }).collect();
                    witness |= x.matches(&text) && y.matches(&text);
                }
            }
            prop_assert_eq!(x.intersects(&y), witness);
        }
    }
}
