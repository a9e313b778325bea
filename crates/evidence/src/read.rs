//! A source → the evidence in it: objects are fetched, inflated, read and added up, by as many threads as there are.
//!
//! Each thread takes runs of neighbouring objects, so that what it keeps has little in common with what the others keep,
//! and their parts are merged at the end.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::document;
use crate::evidence::Evidence;
use crate::fold::Fold;
use crate::problem::{Problem, ProblemKind, Problems};
use crate::source::inflate::Inflater;
use crate::source::{Listed, Object, Source, SourceError};
use crate::time::{HOUR, Time, Window};

/// How many objects a thread takes at once.
const RUN: usize = 64;
/// Records are delivered after they happen; a clock may be a little off.
const SKEW: u32 = HOUR;

/// What was read.
pub struct Reading {
    /// What it says.
    pub evidence: Evidence,
    /// What could not be read.
    pub problems: Problems,
    /// What there was.
    pub listed: Listed,
    /// Bytes of objects.
    pub bytes: u64,
    /// Bytes of text in them.
    pub text_bytes: u64,
}

/// One thread's part.
struct Part {
    fold: Fold,
    problems: Problems,
    inflater: Inflater,
    buffer: Vec<u8>,
    bytes: u64,
    text_bytes: u64,
}

impl Part {
    fn new(window: Window) -> Self {
        Self {
            fold: Fold::new(window),
            problems: Problems::default(),
            inflater: Inflater::default(),
            buffer: Vec::new(),
            bytes: 0,
            text_bytes: 0,
        }
    }

    fn take(&mut self, source: &dyn Source, object: &Object) {
        self.buffer.clear();
        let fetched = source.fetch(object, &mut self.buffer);
        let outcome = match fetched {
            Err(error) => Err((ProblemKind::Unreadable, error.to_string())),
            Ok(()) => {
                self.bytes += self.buffer.len() as u64;
                self.inflater.text(&self.buffer).and_then(|text| {
                    self.text_bytes += text.len() as u64;
                    document::read(text)
                })
            }
        };
        let mut problem = |kind, detail, records| {
            self.problems.add(Problem {
                object: object.name.clone(),
                kind,
                detail,
                records,
            });
        };
        let document = match outcome {
            Ok(document) => document,
            Err((kind, detail)) => return problem(kind, detail, 0),
        };
        if let Some((why, count)) = document.bad {
            problem(
                ProblemKind::Record,
                format!("{count} records are none: {why}"),
                count,
            );
        }
        let latest = object.delivered.map_or(Time::MAX, |at| at.plus(SKEW));
        let ahead = document.events.iter().filter(|event| event.time > latest).count() as u64;
        if ahead > 0 {
            let detail = format!(
                "{ahead} records have times more than an hour after their delivery; they count with these times"
            );
            problem(ProblemKind::ClockSkew, detail, ahead);
        }
        for event in &document.events {
            self.fold.add(event);
        }
    }

    fn merge(self, other: Self) -> Self {
        // The smaller goes into the larger: it is less work, and which is which changes nothing.
        let (mut into, from) = if self.fold.totals().records >= other.fold.totals().records {
            (self, other)
        } else {
            (other, self)
        };
        into.fold.merge(from.fold);
        into.problems.merge(from.problems);
        into.bytes += from.bytes;
        into.text_bytes += from.text_bytes;
        into
    }
}

/// Reads everything of a window that a source has. `progress` is called after each object, with how many are done of how
/// many.
pub fn read(
    source: &dyn Source,
    window: Window,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Reading, SourceError> {
    let listing = source.list(window)?;
    let objects = listing.objects;
    let done = AtomicUsize::new(0);
    let next = AtomicUsize::new(0);
    let whole = (0..rayon::current_num_threads().max(1))
        .into_par_iter()
        .map(|_| {
            let mut part = Part::new(window);
            loop {
                let from = next.fetch_add(RUN, Ordering::Relaxed);
                let Some(run) = objects
                    .get(from..(from + RUN).min(objects.len()))
                    .filter(|run| !run.is_empty())
                else {
                    return part;
                };
                for object in run {
                    part.take(source, object);
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1, objects.len());
                }
            }
        })
        .reduce_with(Part::merge)
        .unwrap_or_else(|| Part::new(window));
    let mut problems = whole.problems;
    for (object, detail) in listing.failed {
        problems.add(Problem {
            object,
            kind: ProblemKind::Unreadable,
            detail,
            records: 0,
        });
    }
    problems.settle();
    Ok(Reading {
        evidence: whole.fold.finish(),
        problems,
        listed: Listed {
            objects: objects.len() as u64,
            left_out: listing.left,
        },
        bytes: whole.bytes,
        text_bytes: whole.text_bytes,
    })
}
