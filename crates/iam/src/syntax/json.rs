//! A JSON reader that keeps the position of every value, for messages that point into a policy document.
//!
//! `serde_json` forgets positions once a value is read. This reader accepts exactly RFC 8259, keeps repeated keys (the
//! parser reports them) and refuses nesting deeper than [`MAX_DEPTH`], so no document can exhaust the stack.

use std::borrow::Cow;

/// Deeper nesting is an error. A policy needs six levels.
pub const MAX_DEPTH: usize = 64;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Value<'a> {
    /// What it is.
    pub node: Node<'a>,
    /// Byte offset of its first character.
    pub start: usize,
    /// Byte offset after its last character.
    pub end: usize,
}

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(&'a str),
    /// A string, decoded.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object, in the order written, repeated keys kept.
    Object(Vec<Member<'a>>),
}

/// One member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Member<'a> {
    /// The key, decoded.
    pub key: Cow<'a, str>,
    /// Byte offset of the key's opening quote.
    pub start: usize,
    /// Byte offset after the key's closing quote.
    pub end: usize,
    /// The value.
    pub value: Value<'a>,
}

impl Node<'_> {
    /// What it is, for messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What was expected or found.
    pub message: String,
    /// Byte offset of the trouble.
    pub offset: usize,
    /// Whether the text just stops in the middle.
    pub truncated: bool,
}

/// Reads one JSON value that fills the whole text.
///
/// # Errors
///
/// Where the text is not JSON, with the byte offset.
pub fn parse(text: &str) -> Result<Value<'_>, Error> {
    parse_from(text, 0)
}

/// Reads one JSON value that fills the text from a byte offset on; positions count from the beginning of the text.
///
/// # Errors
///
/// Where that is not JSON, with the byte offset.
pub fn parse_from(text: &str, at: usize) -> Result<Value<'_>, Error> {
    let mut reader = Reader { text, at };
    let value = reader.value(0)?;
    reader.blank();
    if reader.at < text.len() {
        Err(reader.error("text after the end of the document"))
    } else {
        Ok(value)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn error(&self, message: impl Into<String>) -> Error {
        Error {
            message: message.into(),
            offset: self.at,
            truncated: self.at >= self.text.len(),
        }
    }

    fn unexpected(&self, wanted: &str) -> Error {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => self.error(format!("expected {wanted}, found `{}`", c.escape_debug())),
            None => self.error(format!("expected {wanted}, but the document ends here")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, Error> {
        self.blank();
        if depth > MAX_DEPTH {
            return Err(self.error(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let start = self.at;
        let node = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Node::String(self.string()?),
            Some(b't') => self.word("true", Node::Bool(true))?,
            Some(b'f') => self.word("false", Node::Bool(false))?,
            Some(b'n') => self.word("null", Node::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Value {
            node,
            start,
            end: self.at,
        })
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Result<Node<'a>, Error> {
        if self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word))
        {
            self.at += word.len();
            Ok(node)
        } else {
            Err(self.unexpected("a value"))
        }
    }

    fn digits(&mut self) -> Result<(), Error> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Node<'a>, Error> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Node::Number(self.slice(start, self.at)))
    }

    fn array(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Node::Array(items));
                }
                _ => return Err(self.unexpected("`,` or `]`")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        self.at += 1;
        let mut members = Vec::new();
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::Object(members));
        }
        loop {
            self.blank();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = self.string()?;
            let end = self.at;
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.at += 1;
            let value = self.value(depth + 1)?;
            members.push(Member {
                key,
                start,
                end,
                value,
            });
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Node::Object(members));
                }
                _ => return Err(self.unexpected("`,` or `}`")),
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Error> {
        self.at += 1;
        let start = self.at;
        let mut owned: Option<String> = None;
        let mut run = start;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let tail = self.slice(run, self.at);
                    self.at += 1;
                    return Ok(match owned {
                        None => Cow::Borrowed(tail),
                        Some(mut text) => {
                            text.push_str(tail);
                            Cow::Owned(text)
                        }
                    });
                }
                Some(b'\\') => {
                    let text = owned.get_or_insert_default();
                    text.push_str(self.text.get(run..self.at).unwrap_or_default());
                    let c = self.escape()?;
                    owned.get_or_insert_default().push(c);
                    run = self.at;
                }
                Some(0..=0x1f) => return Err(self.unexpected("no control character in a string")),
                Some(_) => self.at += 1,
                None => return Err(self.error("the document ends inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.unexpected("an escape such as `\\n`")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, Error> {
        let first = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&first) {
            if self.peek() != Some(b'\\') {
                return Err(self.unexpected("the second half of a surrogate pair"));
            }
            self.at += 1;
            if self.peek() != Some(b'u') {
                return Err(self.unexpected("the second half of a surrogate pair"));
            }
            let second = self.hex4()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.error("an escape that is no character"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.error("an escape that is no character"))
    }

    /// Reads `uXXXX`, standing on the `u`.
    fn hex4(&mut self) -> Result<u32, Error> {
        let code = self
            .text
            .get(self.at + 1..self.at + 5)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => {
                self.at += 5;
                Ok(code)
            }
            None => Err(self.error("expected four hexadecimal digits after `\\u`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_repeated_keys() {
        let value = parse("{\"a\": 1,\n \"a\": [true, \"x\\u0041\\ud83d\\ude00\"]}").unwrap();
        let Node::Object(members) = value.node else {
            panic!()
        };
        assert_eq!(members.len(), 2);
        assert_eq!((members[1].start, members[1].end), (10, 13));
        let Node::Array(items) = &members[1].value.node else {
            panic!()
        };
        assert_eq!(items[1].node, Node::String("xA😀".into()));
    }

    #[test]
    fn errors_say_where() {
        for (text, message, truncated) in [
            (
                "{\"a\": [1, 2",
                "expected `,` or `]`, but the document ends here",
                true,
            ),
            ("{\"a\" 1}", "expected `:`, found `1`", false),
            ("{a:1}", "expected a key in double quotes, found `a`", false),
            ("{} x", "text after the end of the document", false),
            ("\"abc", "the document ends inside a string", true),
            ("", "expected a value, but the document ends here", true),
            (
                "\"\\ud800x\"",
                "expected the second half of a surrogate pair, found `x`",
                false,
            ),
            ("\"\\ud800\\u0041\"", "an escape that is no character", false),
            ("\"\\udbff\\ue000\"", "an escape that is no character", false),
            ("\"\\udc00\"", "an escape that is no character", false),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(
                (error.message.as_str(), error.truncated),
                (message, truncated),
                "{text}"
            );
        }
        assert!(
            parse(&"[".repeat(100_000))
                .unwrap_err()
                .message
                .contains("nested deeper")
        );
    }
}
