//! What is wrong, or odd, about a policy document, and where.

use std::fmt;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// AWS would accept the document; it probably does not say what was meant.
    Warning,
    /// AWS would refuse the document; the part concerned was left out or counts as undecidable.
    Error,
}

/// One remark about one place of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// A stable word for it, such as `unknown-operator`.
    pub code: &'static str,
    /// What is so. Lower case, no full stop.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where: the path of the element, such as `Statement[2].Condition.StringEqals`.
    pub path: String,
    /// Where: byte offset in the document's text.
    pub offset: usize,
    /// How many bytes of it are meant.
    pub length: usize,
}

impl Diagnostic {
    /// One-based line and column (in bytes) of [`Self::offset`] in `text`.
    #[must_use]
    pub fn line_column(&self, text: &str) -> (usize, usize) {
        line_column(text, self.offset)
    }
}

/// One-based line and column (in bytes) of a byte offset.
#[must_use]
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..offset.min(text.len())).unwrap_or_default();
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    (line, column)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "{}", self.message)
        } else {
            write!(f, "{} at `{}`", self.message, self.path)
        }
    }
}
