//! A source → the evidence in it: objects are fetched, inflated, read and added up, by as many threads as there are.
//!
//! Each thread takes runs of neighbouring objects, so that what it keeps has little in common with what the others keep,
//! and their parts are merged at the end.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::document;
use crate::event::Event;
use crate::evidence::Evidence;
use crate::fold::Fold;
use crate::problem::{Problem, ProblemKind, Problems};
use crate::source::inflate::Inflater;
use crate::source::{Listed, Object, Source, SourceError};
use crate::state::{State, TakeError};
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

/// What a thread, or all of them, made of some objects.
pub(crate) struct Part {
    pub(crate) fold: Fold,
    pub(crate) problems: Problems,
    inflater: Inflater,
    buffer: Vec<u8>,
    events: Vec<Event<'static>>,
    pub(crate) bytes: u64,
    pub(crate) text_bytes: u64,
    /// Which objects could not be fetched, by their places in the list; sorted in the end.
    pub(crate) unfetched: Vec<usize>,
    /// Which were fetched, and some or all of it could not be used.
    pub(crate) unusable: Vec<usize>,
}

impl Part {
    fn new(window: Window) -> Self {
        Self {
            fold: Fold::new(window),
            problems: Problems::default(),
            inflater: Inflater::default(),
            buffer: Vec::new(),
            events: Vec::new(),
            bytes: 0,
            text_bytes: 0,
            unfetched: Vec::new(),
            unusable: Vec::new(),
        }
    }

    /// `at` is the object's place in the list.
    fn take(&mut self, source: &dyn Source, at: usize, object: &Object) {
        self.buffer.clear();
        let memory = std::mem::take(&mut self.events);
        let fetched = source.fetch(object, &mut self.buffer);
        let outcome = match fetched {
            Err(error) => Err((ProblemKind::Unreadable, error.to_string())),
            Ok(()) => {
                self.bytes += self.buffer.len() as u64;
                self.inflater.text(&self.buffer).and_then(|text| {
                    self.text_bytes += text.len() as u64;
                    document::read_into(text, memory)
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
        let mut document = match outcome {
            Ok(document) => document,
            Err((kind, detail)) => {
                problem(kind, detail, 0);
                match kind {
                    ProblemKind::Unreadable => self.unfetched.push(at),
                    _ => self.unusable.push(at),
                }
                return;
            }
        };
        if let Some((why, count)) = document.bad.take() {
            self.unusable.push(at);
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
        self.events = document.empty();
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
        into.unfetched.extend(from.unfetched);
        into.unusable.extend(from.unusable);
        into
    }
}

/// Reads everything of a window that a source has. `progress` is called after each object, with how many are done of how
/// many.
///
/// # Errors
///
/// When the source cannot be listed at all.
pub fn read(
    source: &dyn Source,
    window: Window,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Reading, SourceError> {
    let mut state = State::new(window);
    match state.take("", source, None, progress) {
        Ok(()) => Ok(state.reading(window.until)),
        Err(TakeError::Source(error)) => Err(error),
        Err(TakeError::State(error)) => Err(SourceError::Place {
            place: String::new(),
            why: error.to_string(),
        }),
    }
}

/// Reads objects, from the first on, until all are read or `stop` says so: what they say, and how many were read.
pub(crate) fn objects(
    source: &dyn Source,
    objects: &[Object],
    window: Window,
    stop: &(dyn Fn() -> bool + Sync),
    progress: &(dyn Fn(usize, usize) + Sync),
) -> (Part, usize) {
    let threads = rayon::current_num_threads().max(1);
    // A thread has its next run before it needs it, so that a source that is far away can begin; but none has all of few.
    let length = (objects.len() / (4 * threads)).clamp(1, RUN);
    let done = AtomicUsize::new(0);
    let next = AtomicUsize::new(0);
    let claim = || {
        let from = next.fetch_add(length, Ordering::Relaxed);
        let run = objects.get(from..(from + length).min(objects.len()))?;
        source.ahead(run);
        (!run.is_empty()).then_some((from, run))
    };
    let mut whole = (0..threads)
        .into_par_iter()
        .map(|_| {
            let mut part = Part::new(window);
            let mut run = claim();
            while let Some((from, taken)) = run {
                let following = if stop() { None } else { claim() };
                for (at, object) in taken.iter().enumerate() {
                    part.take(source, from + at, object);
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1, objects.len());
                }
                run = following;
            }
            part
        })
        .reduce_with(Part::merge)
        .unwrap_or_else(|| Part::new(window));
    whole.unfetched.sort_unstable();
    whole.unusable.sort_unstable();
    // Every run that was taken was read.
    (whole, next.into_inner().min(objects.len()))
}
