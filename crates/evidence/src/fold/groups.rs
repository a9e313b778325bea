//! Counts by group.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::chunks::Chunks;
use crate::event::Outcome;
use crate::id::EventId;
use crate::time::Time;

/// What is counted together. All are numbers: of the actor, the call, the resource's text; `detail` is [`detail`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) actor: u32,
    pub(crate) call: u32,
    pub(crate) resource: u32,
    pub(crate) detail: u32,
}

/// The service for which a call was made (number of its text, 0 for none), and how it ended.
pub(crate) const fn detail(via: u32, outcome: Outcome) -> u32 {
    via << 2
        | match outcome {
            Outcome::Success => 0,
            Outcome::Denied => 1,
            Outcome::Failed => 2,
            Outcome::DryRun => 3,
        }
}

/// The reverse of [`detail`].
pub(crate) const fn split_detail(detail: u32) -> (u32, Outcome) {
    let outcome = match detail & 3 {
        0 => Outcome::Success,
        1 => Outcome::Denied,
        2 => Outcome::Failed,
        _ => Outcome::DryRun,
    };
    (detail >> 2, outcome)
}

/// What is known of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) count: u64,
    pub(crate) first: Time,
    pub(crate) last: Time,
    /// The address of the last event.
    pub(crate) address: u32,
    /// The last event; of several in its second the one with the least id, so that no order counts.
    pub(crate) event: EventId,
}

impl Count {
    /// Of one event.
    pub(crate) const fn one(time: Time, event: EventId, address: u32) -> Self {
        Self {
            count: 1,
            first: time,
            last: time,
            address,
            event,
        }
    }

    /// Both.
    pub(crate) fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = self.first.min(other.first);
        if (std::cmp::Reverse(other.last), other.event) < (std::cmp::Reverse(self.last), self.event) {
            (self.last, self.event, self.address) = (other.last, other.event, other.address);
        }
    }
}

/// All groups, by number.
#[derive(Clone, Default)]
pub(crate) struct Groups {
    all: Chunks<(Key, Count)>,
    table: HashTable<u32>,
}

impl Groups {
    /// Adds to a group and gives its number.
    pub(crate) fn add(&mut self, key: Key, count: &Count) -> u32 {
        let hash = FxBuildHasher.hash_one(key);
        let all = &mut self.all;
        let found = self.table.find(hash, |&at| {
            all.get(at as usize).is_some_and(|(other, _)| *other == key)
        });
        if let Some(&at) = found {
            if let Some((_, old)) = all.get_mut(at as usize) {
                old.add(count);
            }
            return at;
        }
        let at = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all.push((key, *count));
        let all = &self.all;
        self.table.insert_unique(hash, at, |&at| {
            all.get(at as usize)
                .map_or(0, |(key, _)| FxBuildHasher.hash_one(key))
        });
        at
    }

    /// One event less.
    pub(crate) fn take_one(&mut self, at: u32) {
        if let Some((_, count)) = self.all.get_mut(at as usize) {
            count.count = count.count.saturating_sub(1);
        }
    }

    /// All, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Key, Count)> {
        self.all.iter()
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// All, in the order of their numbers; what was taken makes room.
    pub(crate) fn into_all(self) -> impl Iterator<Item = (Key, Count)> {
        self.all.into_all()
    }
}
