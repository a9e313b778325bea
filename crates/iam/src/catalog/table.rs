//! The rows that a catalogue is made of. A row holds no text, only spans of the catalogue's one text, and no
//! references, only indices of other tables.

use super::view::AccessLevel;
use std::ops::Range;

/// A piece of the catalogue's text.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    /// Where `part`, a slice of `text`, is in it. A text has less than 4 GiB (`format.rs` sees to it).
    pub(super) fn in_text(text: &str, part: &str) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        Self {
            start: start as u32,
            end: (start + part.len()) as u32,
        }
    }

    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// Consecutive rows of a table.
#[derive(Clone, Copy, Default)]
pub(super) struct Rows {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Rows {
    /// The rows from `start` to the present end of a table.
    pub(super) fn since<T>(start: usize, table: &[T]) -> Self {
        Self {
            start: start as u32,
            end: table.len() as u32,
        }
    }

    pub(super) fn range(self) -> Range<u32> {
        self.start..self.end
    }

    pub(super) fn of<T>(self, table: &[T]) -> &[T] {
        table
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

pub(super) struct ServiceRow {
    pub(super) prefix: Span,
    pub(super) name: Span,
    /// Empty, or `rcp` and the exempt actions: `rcp,!RetireGrant`.
    pub(super) rcp: Span,
    pub(super) keys: Rows,
    pub(super) resource_types: Rows,
    pub(super) actions: Rows,
}

pub(super) struct KeyRow {
    pub(super) name: Span,
    pub(super) value_type: Span,
}

pub(super) struct ResourceTypeRow {
    pub(super) name: Span,
    pub(super) service: u32,
    /// Of `arns`.
    pub(super) arns: Rows,
    /// Of `key_lists`.
    pub(super) keys: Rows,
}

/// One ARN template of a resource type, with what orders it among others.
pub(super) struct ArnRow {
    pub(super) template: Span,
    pub(super) resource_type: u32,
    /// How many `/` and `:` it has outside placeholders.
    pub(super) separators: u16,
    /// How many bytes it has outside placeholders.
    pub(super) literal: u16,
    /// How many `*` it has.
    pub(super) stars: u16,
}

pub(super) struct ActionRow {
    pub(super) name: Span,
    pub(super) service: u32,
    pub(super) level: AccessLevel,
    /// Of `uses`.
    pub(super) resources: Rows,
    /// Of `key_lists`.
    pub(super) keys: Rows,
    /// Of `name_lists`.
    pub(super) dependents: Rows,
}

/// A resource type that an action is on.
pub(super) struct UseRow {
    pub(super) resource_type: u32,
    pub(super) required: bool,
    /// Of `key_lists`.
    pub(super) keys: Rows,
}
