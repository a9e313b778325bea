//! Reads the few fields of a record that matter and steps over the rest.
//!
//! A CloudTrail record has some sixty fields, of which a dozen count. A reader that builds values, or that checks what it
//! steps over, spends most of its time on the others. This one goes through the text once, from left to right, keeps no
//! index and copies nothing: a string is a slice of the text until somebody asks for it. It is no validator: of what is
//! stepped over only strings and brackets are looked at. Whatever the bytes are, it ends, and it never panics.

use std::borrow::Cow;

/// Why a text could not be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It ends in the midst of a value.
    #[error("the JSON ends in the midst of a value, at byte {0}")]
    Ends(usize),
    /// Something else stands there.
    #[error("this is not JSON, at byte {0}")]
    Unexpected(usize),
    /// A string is not UTF-8, or has an escape that means nothing.
    #[error("a string is not text, at byte {0}")]
    Text(usize),
}

type Result<T> = std::result::Result<T, JsonError>;

/// A string as it stands in the text, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a> {
    bytes: &'a [u8],
    escaped: bool,
    /// Where it begins, for messages.
    at: usize,
}

impl<'a> Raw<'a> {
    /// The bytes as they stand there; escapes are not undone.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The text that is meant.
    pub fn text(&self) -> Result<Cow<'a, str>> {
        if self.escaped {
            return unescape(self.bytes)
                .map(Cow::Owned)
                .ok_or(JsonError::Text(self.at));
        }
        std::str::from_utf8(self.bytes)
            .map(Cow::Borrowed)
            .map_err(|_| JsonError::Text(self.at))
    }
}

/// What kind of value comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    Object,
    /// `[`
    Array,
    /// `"`
    String,
    /// A number, `true`, `false`, `null`.
    Other,
}

/// A place in a text.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// At the beginning of a text; a byte order mark is stepped over.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { text, at }
    }

    /// Where it is.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Whether only white space is left.
    pub fn is_at_end(&mut self) -> bool {
        self.space();
        self.at >= self.text.len()
    }

    /// What comes next.
    #[inline]
    pub fn kind(&mut self) -> Result<Kind> {
        Ok(match self.peek()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => Kind::String,
            _ => Kind::Other,
        })
    }

    /// Goes through an object. For each field the function is called with its name (as it stands there) and must read or
    /// skip the value.
    #[inline]
    pub fn object(&mut self, mut field: impl FnMut(&'a [u8], &mut Self) -> Result<()>) -> Result<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            field(name.bytes, self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(JsonError::Unexpected(self.at)),
            }
        }
    }

    /// Goes through an array; the function must read or skip each element.
    #[inline]
    pub fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            element(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(JsonError::Unexpected(self.at)),
            }
        }
    }

    /// Reads a string.
    #[inline]
    pub fn string(&mut self) -> Result<Raw<'a>> {
        self.expect(b'"')?;
        let from = self.at;
        let mut escaped = false;
        loop {
            let end = self
                .quote_or_backslash(self.at)
                .ok_or(JsonError::Ends(self.text.len()))?;
            if self.text.get(end) == Some(&b'"') {
                self.at = end + 1;
                return Ok(Raw {
                    bytes: self.text.get(from..end).unwrap_or_default(),
                    escaped,
                    at: from,
                });
            }
            escaped = true;
            self.at = end + 2;
        }
    }

    /// Reads a string, or steps over anything else: none.
    #[inline]
    pub fn maybe_string(&mut self) -> Result<Option<Raw<'a>>> {
        if self.peek()? == b'"' {
            return self.string().map(Some);
        }
        self.skip().map(|_| None)
    }

    /// Steps over a value and gives its text.
    #[inline]
    pub fn skip(&mut self) -> Result<&'a [u8]> {
        let first = self.peek()?;
        let from = self.at;
        match first {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => self.skip_nested()?,
            b'}' | b']' | b',' | b':' => return Err(JsonError::Unexpected(self.at)),
            _ => {
                // A number or a word goes on to what cannot be in one.
                let rest = self.text.get(self.at..).unwrap_or_default();
                let length = rest
                    .iter()
                    .position(|byte| {
                        matches!(byte, b',' | b'}' | b']' | b'"' | b':' | b'{' | b'[') || *byte <= b' '
                    })
                    .unwrap_or(rest.len());
                if length == 0 {
                    return Err(JsonError::Unexpected(self.at));
                }
                self.at += length;
            }
        }
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    /// Steps over a value that is known to be here, letter for letter; says whether it is. `value` must be one whole object
    /// or array, which is its own end.
    #[inline]
    pub fn skip_same(&mut self, value: &[u8]) -> bool {
        let same = !value.is_empty()
            && self
                .text
                .get(self.at..)
                .is_some_and(|rest| rest.starts_with(value));
        if same {
            self.at += value.len();
        }
        same
    }

    /// Some bytes from a little further on, to look a value up by; none near the end of the text.
    #[inline]
    #[must_use]
    pub fn ahead<const N: usize>(&self, distance: usize) -> Option<&'a [u8; N]> {
        self.text.get(self.at + distance..)?.first_chunk()
    }

    /// Steps over an object or an array by counting brackets outside strings.
    fn skip_nested(&mut self) -> Result<()> {
        let mut depth = 0_usize;
        loop {
            let Some(byte) = self.text.get(self.at) else {
                return Err(JsonError::Ends(self.at));
            };
            self.at += 1;
            match byte {
                b'"' => loop {
                    let end = self
                        .quote_or_backslash(self.at)
                        .ok_or(JsonError::Ends(self.text.len()))?;
                    if self.text.get(end) == Some(&b'"') {
                        self.at = end + 1;
                        break;
                    }
                    self.at = end + 2;
                },
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
    }

    /// Where the next quote or backslash is. Most strings are short, so the first bytes are looked at eight at a time
    /// here; only then is a vector search worth its call.
    #[inline]
    fn quote_or_backslash(&self, from: usize) -> Option<usize> {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let rest = self.text.get(from..)?;
        let (words, _) = rest.as_chunks::<8>();
        let mut at = from;
        for word in words.iter().take(4) {
            let word = u64::from_le_bytes(*word);
            // The classic test for a zero byte, on the bytes that differ from the one looked for. It can only mistake a
            // byte above the true hit, so the lowest hit is right.
            let (quote, slash) = (word ^ (ONES * 0x22), word ^ (ONES * 0x5c));
            let hit = (quote.wrapping_sub(ONES) & !quote | slash.wrapping_sub(ONES) & !slash) & HIGH;
            if hit != 0 {
                return Some(at + (hit.trailing_zeros() / 8) as usize);
            }
            at += 8;
        }
        memchr::memchr2(b'"', b'\\', self.text.get(at..)?).map(|offset| at + offset)
    }

    #[inline]
    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&mut self) -> Result<u8> {
        match self.text.get(self.at) {
            Some(&byte) if byte > b' ' => Ok(byte),
            _ => {
                self.space();
                self.text.get(self.at).copied().ok_or(JsonError::Ends(self.at))
            }
        }
    }

    #[inline]
    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.peek()? == wanted {
            self.at += 1;
            return Ok(());
        }
        Err(JsonError::Unexpected(self.at))
    }
}

/// Undoes escapes; none where one means nothing or the text is not UTF-8. Half a surrogate pair becomes U+FFFD.
fn unescape(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let unit = |at: usize| -> Option<u32> {
        let digits = std::str::from_utf8(bytes.get(at..at + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    while let Some(&byte) = bytes.get(at) {
        if byte != b'\\' {
            out.push(byte);
            at += 1;
            continue;
        }
        let plain = match bytes.get(at + 1)? {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let mut code = unit(at + 2)?;
                at += 6;
                if (0xd800..0xdc00).contains(&code)
                    && bytes.get(at..at + 2) == Some(b"\\u")
                    && let Some(low) = unit(at + 2)
                    && (0xdc00..0xe000).contains(&low)
                {
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    at += 6;
                }
                let char = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            &other @ (b'"' | b'\\' | b'/') => other,
            _ => return None,
        };
        out.push(plain);
        at += 2;
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
