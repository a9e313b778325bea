//! What was read of a place, so that the next run reads only what is new, and what came late.
//!
//! The names of CloudTrail's objects tell when they were delivered. Objects of the last days are remembered one by one, by
//! name and tag, and looked for again; of the days before, only that they are done is known: the *horizon*. It does not pass
//! what could not be fetched, so that a later run tries again. Objects whose names tell nothing are all remembered.

use std::collections::{BTreeMap, HashSet};
use std::io;

use rustc_hash::FxBuildHasher;

use super::codec::{In, Out};
use crate::id::EventId;
use crate::source::Object;
use crate::time::{DAY, Time};

/// The day of objects whose names tell none.
const NO_DAY: u32 = u32::MAX;

/// What was read of one place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cursor {
    /// What was delivered before is done.
    horizon: Option<Time>,
    /// Hashes of what was read, by day of delivery: 16 bytes an object.
    read: BTreeMap<u32, HashSet<EventId, FxBuildHasher>>,
}

fn day(object: &Object) -> u32 {
    object.delivered.map_or(NO_DAY, |at| at.0 / DAY)
}

/// Name and tag as one number: an object that is written anew is another one.
fn key(object: &Object) -> EventId {
    EventId::of(format!("{}\0{}", object.name, object.tag).as_bytes())
}

/// In the order in which a horizon moves; within a day by name.
pub(crate) fn order(object: &Object) -> (u32, &str) {
    (day(object), &object.name)
}

impl Cursor {
    /// From when on objects are to be listed; none before the first whole run.
    pub(crate) fn from(&self) -> Option<Time> {
        self.horizon
    }

    /// Whether an object was read. One without a tag is something that comes once, such as a message, and never was.
    pub(crate) fn has(&self, object: &Object) -> bool {
        !object.tag.is_empty()
            && self
                .read
                .get(&day(object))
                .is_some_and(|read| read.contains(&key(object)))
    }

    /// It was read.
    pub(crate) fn put(&mut self, object: &Object) {
        if !object.tag.is_empty() {
            self.read.entry(day(object)).or_default().insert(key(object));
        }
    }

    /// All that was delivered before is done; single objects of then are forgotten. A horizon does not go back.
    pub(crate) fn advance(&mut self, to: Time) {
        let to = Time(to.0 / DAY * DAY);
        if self.horizon.is_none_or(|old| old < to) {
            self.horizon = Some(to);
            self.read = self.read.split_off(&(to.0 / DAY));
        }
    }

    /// How many objects are remembered one by one.
    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.read.values().map(HashSet::len).sum()
    }

    pub(crate) fn write(&self, out: &mut Out<'_>) -> io::Result<()> {
        out.byte(u8::from(self.horizon.is_some()))?;
        out.time(self.horizon.unwrap_or(Time::MIN))?;
        out.long(self.read.len() as u64)?;
        for (day, read) in &self.read {
            out.number(*day)?;
            out.long(read.len() as u64)?;
            read.iter().try_for_each(|key| out.id(*key))?;
        }
        Ok(())
    }

    pub(crate) fn read(from: &mut In<'_>) -> io::Result<Self> {
        let (some, horizon) = (from.flag()?, from.time()?);
        let mut cursor = Self {
            horizon: some.then_some(horizon),
            read: BTreeMap::new(),
        };
        from.each(|from| {
            let day = from.number()?;
            from.each(|from| {
                cursor.read.entry(day).or_default().insert(from.id()?);
                Ok(())
            })
        })?;
        Ok(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, delivered: Option<Time>) -> Object {
        Object {
            name: name.into(),
            size: 0,
            delivered,
            tag: "1".into(),
        }
    }

    #[test]
    fn only_the_days_after_the_horizon_are_remembered_one_by_one() {
        let mut cursor = Cursor::default();
        let objects: Vec<Object> = (0..10)
            .map(|day| object("o", Some(Time(day * DAY + 7))))
            .chain([object("no day", None)])
            .collect();
        objects.iter().for_each(|object| cursor.put(object));
        assert!(objects.iter().all(|object| cursor.has(object)));
        cursor.advance(Time(6 * DAY + 100));
        assert_eq!(cursor.from(), Some(Time(6 * DAY)), "whole days");
        assert_eq!(cursor.remembered(), 4 + 1);
        cursor.advance(Time(2 * DAY));
        assert_eq!(cursor.from(), Some(Time(6 * DAY)), "it does not go back");
    }

    #[test]
    fn what_is_written_anew_is_another_object_and_a_message_is_none() {
        let mut cursor = Cursor::default();
        let mut one = object("o", None);
        cursor.put(&one);
        one.tag = "2".into();
        assert!(!cursor.has(&one));
        one.tag.clear();
        cursor.put(&one);
        assert!(!cursor.has(&one));
        assert_eq!(cursor.remembered(), 1);
    }
}
