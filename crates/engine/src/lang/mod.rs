//! Sets of strings given by patterns, and the questions about them that policies raise: is there a string in all of these
//! and in none of those, does one pattern cover another, what do two have in common.
//!
//! Every answer is exact. A pattern is a straight-line automaton (a glob, whose stars may be forbidden to cross `:`), so
//! that a breadth-first walk over the product of the patterns either meets a string, the shortest one, or runs out of
//! states. Patterns of policies are short and share long literal beginnings: a walk rarely sees more than a few hundred
//! states. A bound keeps hostile input from making it more than [`MOST_STATES`]; then the answer is [`Search::GaveUp`].
//!
//! Source: product construction and subset construction, Hopcroft and Ullman, "Introduction to Automata Theory,
//! Languages, and Computation", chapters 3 and 4.

mod algebra;
mod walk;

pub use algebra::{difference, includes, intersection, intersects};
pub use walk::{MOST_STATES, Search, search};

use sv0_iam::name::Glob;
use sv0_iam::name::glob::Token;

/// Which characters a wildcard may stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Any character at all.
    Any,
    /// Any but `:`, as in the fields of an ARN before its last.
    NoColon,
    /// Any but `:` and `/`, as in the name of a bucket.
    Name,
}

impl Class {
    /// Whether a character belongs to the class.
    #[must_use]
    pub const fn has(self, c: char) -> bool {
        match self {
            Self::Any => true,
            Self::NoColon => c != ':',
            Self::Name => c != ':' && c != '/',
        }
    }
}

/// One position of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symbol {
    /// This character.
    Char(char),
    /// This character in either case.
    Fold(char),
    /// One character of a class.
    One(Class),
    /// Any run of characters of a class, also none.
    Many(Class),
}

impl Symbol {
    /// Whether the symbol can stand for a character.
    #[must_use]
    pub fn has(self, c: char) -> bool {
        match self {
            Self::Char(own) => own == c,
            Self::Fold(own) => folds(own, c),
            Self::One(class) | Self::Many(class) => class.has(c),
        }
    }
}

/// Whether two characters are the same but for case.
fn folds(a: char, b: char) -> bool {
    let ascii = a.is_ascii() && b.is_ascii();
    a == b || a.eq_ignore_ascii_case(&b) || (!ascii && a.to_lowercase().eq(b.to_lowercase()))
}

/// A set of strings: a sequence of symbols.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Pattern {
    symbols: Vec<Symbol>,
}

impl Pattern {
    /// The pattern that has just the empty string.
    #[must_use]
    pub const fn empty() -> Self {
        Self { symbols: Vec::new() }
    }

    /// Every string.
    #[must_use]
    pub fn any() -> Self {
        Self {
            symbols: vec![Symbol::Many(Class::Any)],
        }
    }

    /// Just this text.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        let mut out = Self::empty();
        out.text(text);
        out
    }

    /// This text in any case.
    #[must_use]
    pub fn folded(text: &str) -> Self {
        Self {
            symbols: text.chars().map(Symbol::Fold).collect(),
        }
    }

    /// What a glob matches.
    #[must_use]
    pub fn glob(glob: &Glob) -> Self {
        let mut out = Self::empty();
        out.push_glob(glob, Class::Any, Symbol::Char);
        out
    }

    /// Adds literal text.
    pub fn text(&mut self, text: &str) {
        self.symbols.extend(text.chars().map(Symbol::Char));
    }

    /// Adds one symbol.
    pub fn push(&mut self, symbol: Symbol) {
        // Two stars of one class say no more than one.
        if !(matches!(symbol, Symbol::Many(_)) && self.symbols.last() == Some(&symbol)) {
            self.symbols.push(symbol);
        }
    }

    /// Adds what a glob matches, its wildcards limited to a class, its text as `char` has it.
    pub fn push_glob(&mut self, glob: &Glob, class: Class, char: fn(char) -> Symbol) {
        match glob {
            Glob::Any => self.push(Symbol::Many(class)),
            Glob::Literal(text) => self.symbols.extend(text.chars().map(char)),
            Glob::Prefix(text) => {
                self.symbols.extend(text.chars().map(char));
                self.push(Symbol::Many(class));
            }
            Glob::Tokens(tokens) => {
                for token in tokens {
                    match token {
                        Token::Text(text) => self.symbols.extend(text.chars().map(char)),
                        Token::One => self.push(Symbol::One(class)),
                        Token::Many => self.push(Symbol::Many(class)),
                    }
                }
            }
        }
    }

    /// The symbols, in order.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Whether it has every string.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.symbols == [Symbol::Many(Class::Any)]
    }

    /// The text, where it has just one string.
    #[must_use]
    pub fn as_literal(&self) -> Option<String> {
        self.symbols
            .iter()
            .map(|symbol| match symbol {
                Symbol::Char(c) => Some(*c),
                // A digit has no case.
                Symbol::Fold(c) if c.is_ascii() && !c.is_ascii_alphabetic() => Some(*c),
                _ => None,
            })
            .collect()
    }

    /// Whether it has a string.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        walk::has(self, text)
    }
}
