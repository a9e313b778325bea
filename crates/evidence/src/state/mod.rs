//! What was read so far: the aggregation, and of each place how far it was read. Kept in a file ([`file`]) it makes the next
//! run read only what is new and what came late, and an interrupted run go on, with the result of having read everything once.
//!
//! Correctness hangs on the ids of events, not on the [cursor]: an object that is read twice counts once. The cursor saves
//! the work.

pub(crate) mod codec;
mod cursor;
pub mod file;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::fold::Fold;
use crate::problem::{Problem, ProblemKind, Problems};
use crate::read::{self, Reading};
use crate::source::{Listed, Listing, Object, Source, SourceError};
use crate::time::{Time, Window};
use cursor::Cursor;
pub use file::{StateError, StateFile};

/// What was read so far.
pub struct State {
    fold: Fold,
    places: BTreeMap<String, Cursor>,
    problems: Problems,
    listed: Listed,
    bytes: u64,
    text_bytes: u64,
}

/// How what was read is kept.
pub struct Keep<'a> {
    /// What time it is.
    pub now: Time,
    /// For how many seconds after its delivery an object may still turn up where it is listed.
    pub late: u32,
    /// How long to read before writing down what was read.
    pub every: Duration,
    /// Writes it down.
    pub write: &'a mut dyn FnMut(&State) -> Result<(), StateError>,
}

/// Why reading ended before its end. What was written down is there, and another run goes on from it.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The source gives nothing.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What was read could not be written down.
    #[error(transparent)]
    State(#[from] StateError),
}

impl State {
    /// Nothing was read yet.
    #[must_use]
    pub fn new(window: Window) -> Self {
        Self {
            fold: Fold::new(window),
            places: BTreeMap::new(),
            problems: Problems::default(),
            listed: Listed::default(),
            bytes: 0,
            text_bytes: 0,
        }
    }

    /// The window that counts.
    #[must_use]
    pub fn window(&self) -> Window {
        self.fold.window()
    }

    /// What could not be read so far.
    #[must_use]
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Reads what a place has that was not read. `place` is its name; `progress` is called after each object, with how many
    /// are done of how many.
    ///
    /// # Errors
    ///
    /// When the place cannot be listed at all, or what was read cannot be written down.
    pub fn take(
        &mut self,
        place: &str,
        source: &dyn Source,
        mut keep: Option<Keep<'_>>,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<(), TakeError> {
        // What could not be fetched is tried again.
        self.problems
            .forget(|one| one.kind == ProblemKind::Unreadable && is_in(&one.object, place));
        let mut cursor = self.places.remove(place).unwrap_or_default();
        let from = cursor.from();
        // The earliest that a later run must look at again.
        let mut again = Time::MAX;
        loop {
            let mut listing = match from {
                None => source.list(self.window())?,
                Some(from) => source.list_from(self.window(), from)?,
            };
            if !listing.failed.is_empty() {
                again = cursor.from().unwrap_or(Time::MIN);
            }
            self.note(&mut listing);
            let mut objects = listing.objects;
            objects.retain(|object| !cursor.has(object));
            if keep.is_some() {
                objects.sort_by(|a, b| cursor::order(a).cmp(&cursor::order(b)));
            }
            self.forget_problems_of(&objects);
            let mut rest = objects.as_slice();
            while !rest.is_empty() {
                let end = keep.as_ref().map(|keep| Instant::now() + keep.every);
                let before = objects.len() - rest.len();
                let (part, done) = read::objects(
                    source,
                    rest,
                    self.window(),
                    &|| end.is_some_and(|end| Instant::now() >= end),
                    &|done, _| progress(before + done, objects.len()),
                );
                let (these, after) = rest.split_at_checked(done).unwrap_or((rest, &[]));
                rest = after;
                for at in &part.unfetched {
                    let delivered = these.get(*at).and_then(|object| object.delivered);
                    again = again.min(delivered.unwrap_or(Time::MAX));
                }
                let usable = usable(these, &part);
                for (at, object) in these.iter().enumerate() {
                    if keep.is_some() && part.unfetched.binary_search(&at).is_err() {
                        cursor.put(object);
                    }
                }
                self.listed.objects += (these.len() - part.unfetched.len()) as u64;
                self.add(part);
                if let Some(keep) = &mut keep {
                    let next = rest.first().and_then(|object| object.delivered);
                    // More may be listed, of any day, before the end.
                    if !source.has_more() && next.is_some() {
                        cursor.advance(settled(keep, again).min(next.unwrap_or(Time::MIN)));
                    }
                    self.places.insert(place.to_owned(), cursor);
                    self.fold.settle().map_err(lost)?;
                    (keep.write)(self)?;
                    cursor = self.places.remove(place).unwrap_or_default();
                    source.written(&usable)?;
                }
            }
            if !source.has_more() {
                break;
            }
        }
        if let Some(keep) = &mut keep {
            cursor.advance(settled(keep, again));
            self.places.insert(place.to_owned(), cursor);
            self.fold.settle().map_err(lost)?;
            (keep.write)(self)?;
        }
        Ok(())
    }

    /// What a listing says besides its objects.
    fn note(&mut self, listing: &mut Listing) {
        for (why, count) in std::mem::take(&mut listing.left) {
            *self.listed.left_out.entry(why).or_default() += count;
        }
        for (object, detail) in std::mem::take(&mut listing.failed) {
            self.problems.add(Problem {
                object,
                kind: ProblemKind::Unreadable,
                detail,
                records: 0,
            });
        }
    }

    /// Objects that come anew are judged anew.
    fn forget_problems_of(&mut self, objects: &[Object]) {
        if self.problems.is_empty() {
            return;
        }
        let names: std::collections::HashSet<&str> =
            objects.iter().map(|object| object.name.as_str()).collect();
        self.problems.forget(|one| names.contains(one.object.as_str()));
    }

    fn add(&mut self, mut part: read::Part) {
        // The smaller goes into the larger: it is less work, and which is which changes nothing.
        if part.fold.totals().records > self.fold.totals().records {
            std::mem::swap(&mut part.fold, &mut self.fold);
        }
        self.fold.merge(part.fold);
        self.problems.merge(part.problems);
        self.bytes += part.bytes;
        self.text_bytes += part.text_bytes;
    }

    /// What it all says. A window that was left open ends at `until`.
    #[must_use]
    pub fn reading(mut self, until: Time) -> Reading {
        if let Err(error) = self.fold.settle() {
            self.problems.add(Problem {
                object: temporary(),
                kind: ProblemKind::Unreadable,
                detail: format!(
                    "a file of event ids cannot be read again ({error}): events that came twice may count twice"
                ),
                records: 0,
            });
        }
        self.problems.settle();
        let until = self.window().until.min(until);
        Reading {
            evidence: self.fold.until(until).finish(),
            problems: self.problems,
            listed: self.listed,
            bytes: self.bytes,
            text_bytes: self.text_bytes,
        }
    }
}

/// Where files are that nobody else sees.
fn temporary() -> String {
    std::env::temp_dir().display().to_string()
}

/// What counts twice is not written down.
fn lost(source: std::io::Error) -> StateError {
    StateError::Io {
        path: temporary(),
        source,
    }
}

/// Whether an object is in a place, by their names: `logs2/x` is not in `logs`.
fn is_in(object: &str, place: &str) -> bool {
    object.strip_prefix(place).is_some_and(|rest| {
        place.is_empty() || place.ends_with(['/', '\\']) || rest.is_empty() || rest.starts_with(['/', '\\'])
    })
}

/// Until when all is read that will ever turn up, as far as can be told.
fn settled(keep: &Keep<'_>, again: Time) -> Time {
    keep.now.minus(keep.late).min(again)
}

/// Objects of which everything counts.
fn usable<'a>(objects: &'a [Object], part: &read::Part) -> Vec<&'a Object> {
    let wrong =
        |at: &usize| part.unfetched.binary_search(at).is_ok() || part.unusable.binary_search(at).is_ok();
    let all = objects.iter().enumerate();
    all.filter(|(at, _)| !wrong(at))
        .map(|(_, object)| object)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_what_is_below_it() {
        for (object, place, is) in [
            ("s3://b/audit/x", "s3://b/audit", true),
            ("s3://b/audit/x", "s3://b/audit/", true),
            ("s3://b/audit", "s3://b/audit", true),
            ("s3://b/audit2/x", "s3://b/audit", false),
            ("s3://c/x", "s3://b", false),
            ("/x", "", true),
        ] {
            assert_eq!(is_in(object, place), is, "{object} in {place}");
        }
    }
}
