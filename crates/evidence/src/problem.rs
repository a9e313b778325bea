//! What could not be read: named, counted, never fatal, never left out in silence.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// What is wrong with an object or a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The object could not be opened or fetched.
    Unreadable,
    /// It has no bytes.
    Empty,
    /// It is gzip, but damaged or cut off.
    Gzip,
    /// It would be larger than what one object can be.
    TooLarge,
    /// It is not JSON, or cut off.
    Json,
    /// It is JSON, but has no list of records.
    NotCloudTrail,
    /// A record lacks what every record has, or a field is not text.
    Record,
    /// A record's time lies after its object was delivered: some clock is wrong.
    ClockSkew,
}

impl ProblemKind {
    /// All.
    pub(crate) const ALL: [Self; 8] = [
        Self::Unreadable,
        Self::Empty,
        Self::Gzip,
        Self::TooLarge,
        Self::Json,
        Self::NotCloudTrail,
        Self::Record,
        Self::ClockSkew,
    ];

    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Empty => "empty",
            Self::Gzip => "gzip",
            Self::TooLarge => "too_large",
            Self::Json => "json",
            Self::NotCloudTrail => "not_cloudtrail",
            Self::Record => "record",
            Self::ClockSkew => "clock_skew",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Problem {
    /// The object's name.
    pub object: String,
    /// What.
    pub kind: ProblemKind,
    /// In words.
    pub detail: String,
    /// How many records of this object it concerns; 0 where the whole object is lost and nobody knows.
    pub records: u64,
}

/// All that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problems {
    /// Each by object; at most [`Problems::MOST`] of them, the first by name.
    pub list: Vec<Problem>,
    /// How many there are of each kind, those beyond the list too.
    pub counts: BTreeMap<ProblemKind, u64>,
}

impl Problems {
    /// How many are kept by name. A lake that is damaged through and through must not fill the memory.
    pub const MOST: usize = 10_000;

    /// One more.
    pub fn add(&mut self, problem: Problem) {
        *self.counts.entry(problem.kind).or_default() += 1;
        self.list.push(problem);
        if self.list.len() >= 2 * Self::MOST {
            self.settle();
        }
    }

    /// Those of another part.
    pub fn merge(&mut self, other: Self) {
        for (kind, count) in other.counts {
            *self.counts.entry(kind).or_default() += count;
        }
        self.list.extend(other.list);
        self.settle();
    }

    /// Takes out those that are about to be found again, or not.
    pub(crate) fn forget(&mut self, gone: impl Fn(&Problem) -> bool) {
        let Self { list, counts } = self;
        list.retain(|problem| {
            let keep = !gone(problem);
            if !keep && let Some(count) = counts.get_mut(&problem.kind) {
                *count = count.saturating_sub(1);
            }
            keep
        });
        counts.retain(|_, count| *count > 0);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Puts the list in order and cuts it.
    pub(crate) fn settle(&mut self) {
        self.list.sort();
        self.list.truncate(Self::MOST);
    }
}
