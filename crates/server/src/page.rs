//! Lists in pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Things on one page at most.
pub(crate) const MOST: usize = 1_000;

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Page<T> {
    /// The things on it.
    pub(crate) items: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last.
    pub(crate) next: Option<String>,
    /// How many there are in all.
    pub(crate) total: usize,
    /// Whether there may be more than `total`.
    pub(crate) at_least: bool,
}

/// Where a page begins: what `next` of the page before said.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Cursor(String);

impl Cursor {
    /// How many things come before.
    pub(crate) fn offset(cursor: Option<&Self>) -> Result<usize, Problem> {
        let Some(Self(text)) = cursor else { return Ok(0) };
        let number = text.strip_prefix('p').and_then(|text| text.parse().ok());
        number.ok_or_else(|| Problem::invalid("`cursor` is what `next` of another page says"))
    }
}

/// How many things a page has.
pub(crate) fn limit(asked: Option<u16>, usual: usize) -> usize {
    asked.map_or(usual, usize::from).clamp(1, MOST)
}

impl<T> Page<T> {
    /// A page of a list that is there as a whole.
    pub(crate) fn of(
        all: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Self, Problem> {
        let all = all.into_iter();
        let (total, from) = (all.len(), Cursor::offset(cursor)?);
        let items: Vec<T> = all.skip(from).take(limit).collect();
        Ok(Self {
            next: Self::after(from, items.len(), total),
            items,
            total,
            at_least: false,
        })
    }

    /// Where the next page begins.
    pub(crate) fn after(from: usize, shown: usize, total: usize) -> Option<String> {
        let next = from.saturating_add(shown);
        (shown > 0 && next < total).then(|| format!("p{next}"))
    }
}
