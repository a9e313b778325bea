//! Three-valued logic: what is known to hold, known not to hold, and what hangs on facts that nobody knows.
//!
//! Kleene's strong tables. Reading `Unknown` as false for grants and true for denials gives the lower bound of access;
//! the other way round gives the upper bound.

/// A truth value that may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tri {
    /// Does not hold.
    False,
    /// Nobody knows: it holds for some values of the unknown facts.
    Unknown,
    /// Holds.
    True,
}

impl Tri {
    /// Both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// The opposite; unknown stays unknown.
    #[must_use]
    pub const fn negate(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }

    /// `True` only where it is known to hold.
    #[must_use]
    pub const fn certain(self) -> bool {
        matches!(self, Self::True)
    }

    /// `True` where it may hold.
    #[must_use]
    pub const fn possible(self) -> bool {
        !matches!(self, Self::False)
    }
}

impl From<bool> for Tri {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}
