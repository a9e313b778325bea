//! From the places that were named to what they say: all of it, or what is new since a state was written.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use sv0_evidence::Reading;
use sv0_evidence::state::{Keep, State, StateFile, TakeError};
use sv0_evidence::time::{DAY, Time, Window};

use super::places::{self, Place};
use crate::Failure;
use crate::args::{Source as SourceArgs, TrailArgs};
use crate::render::style::harmless;

/// How long to read before what was read is written down.
const EVERY: Duration = Duration::from_secs(60);

/// Whether there are records to read.
pub(crate) fn is_there(args: &TrailArgs, source: &SourceArgs) -> bool {
    source.demo || !args.trail.is_empty() || args.state.is_some()
}

/// Reads the records that were named, or those of the made-up organisation.
pub(crate) fn read(args: &TrailArgs, source: &SourceArgs) -> Result<Reading, Failure> {
    if !is_there(args, source) {
        return Err(Failure::NoTrail);
    }
    let demo = source.demo && args.trail.is_empty() && args.state.is_none();
    let now = if demo {
        demo_time(sv0_demo::TRAIL_WINDOW.1)
    } else {
        now()
    };
    if let (Some(since), Some(until)) = (args.since, args.until)
        && since >= until
    {
        return Err(Failure::TrailUsage {
            why: format!("nothing is from {since} to {until}"),
            help: "`--since` comes before `--until`".into(),
        });
    }
    let places = if demo {
        vec![places::demo()]
    } else {
        places::open(args)?
    };
    let until = args.until.unwrap_or(now);
    let (state, notes) = match &args.state {
        Some(path) => kept(args, path, &places, now)?,
        None => {
            let since = args.since.unwrap_or_else(|| until.minus(30 * DAY));
            let mut state = State::new(Window { since, until });
            for place in &places {
                take(&mut state, place, None)?;
            }
            (state, notes(&places))
        }
    };
    let reading = state.reading(until);
    note(&reading);
    let mut err = io::stderr().lock();
    for text in notes {
        // Nothing sensible can be done where stderr is closed.
        let _ = writeln!(err, "sv0: {}", harmless(&text));
    }
    Ok(reading)
}

fn notes(places: &[Place]) -> Vec<String> {
    places.iter().flat_map(|place| place.source.notes()).collect()
}

/// Goes on from what is in a state file, and writes it there.
fn kept(args: &TrailArgs, path: &Path, places: &[Place], now: Time) -> Result<(State, Vec<String>), Failure> {
    let file = StateFile::take(path).map_err(Failure::State)?;
    let mut state = match file.read().map_err(Failure::State)? {
        Some(state) => {
            same_window(args, state.window(), path)?;
            state
        }
        None if places.is_empty() => {
            return Err(Failure::Read {
                path: path.display().to_string(),
                source: io::ErrorKind::NotFound.into(),
            });
        }
        None => State::new(Window {
            since: args
                .since
                .unwrap_or_else(|| args.until.unwrap_or(now).minus(30 * DAY)),
            // It grows with the time.
            until: args.until.unwrap_or(Time::MAX),
        }),
    };
    for place in places {
        let keep = Keep {
            now,
            late: args.late_days.saturating_mul(DAY),
            every: EVERY,
            write: &mut |state| file.write(state),
        };
        take(&mut state, place, Some(keep))?;
    }
    Ok((state, notes(places)))
}

/// What was counted cannot be counted otherwise afterwards.
fn same_window(args: &TrailArgs, window: Window, path: &Path) -> Result<(), Failure> {
    let other_since = args.since.is_some_and(|since| since != window.since);
    let other_until = args.until.is_some_and(|until| until != window.until);
    if !other_since && !other_until {
        return Ok(());
    }
    let until = if window.until == Time::MAX {
        "no end".to_owned()
    } else {
        window.until.to_string()
    };
    Err(Failure::TrailUsage {
        why: format!(
            "the state file `{}` counts from {} to {until}",
            path.display(),
            window.since
        ),
        help: "leave out `--since` and `--until`, or name another state file".into(),
    })
}

/// Reads one place, with a bar on a terminal.
fn take(state: &mut State, place: &Place, keep: Option<Keep<'_>>) -> Result<(), Failure> {
    let bar = io::stderr().is_terminal().then(|| {
        let style = indicatif::ProgressStyle::with_template(
            "reading CloudTrail {bar:30} {pos}/{len} objects, {eta} left",
        );
        indicatif::ProgressBar::new(0)
            .with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
    });
    let taken = state.take(&place.name, &*place.source, keep, &|done, all| {
        if let Some(bar) = &bar
            && (done % 16 == 0 || done == all)
        {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    taken.map_err(|error| match error {
        TakeError::Source(error) => Failure::Trail(error),
        TakeError::State(error) => Failure::State(error),
    })
}

fn demo_time(text: &str) -> Time {
    Time::parse(text).unwrap_or(Time::MAX)
}

fn now() -> Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time(
        now.ok()
            .and_then(|now| u32::try_from(now.as_secs()).ok())
            .unwrap_or(u32::MAX),
    )
}

/// Tells what could not be read; nothing sensible can be done where stderr is closed.
fn note(reading: &Reading) {
    const MOST: usize = 10;
    let mut err = io::stderr().lock();
    for problem in reading.problems.list.iter().take(MOST) {
        let _ = writeln!(
            err,
            "sv0: {}: {}",
            harmless(&problem.object),
            harmless(&problem.detail)
        );
    }
    let all: u64 = reading.problems.counts.values().sum();
    if all > MOST as u64 {
        let kinds: Vec<String> = reading
            .problems
            .counts
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let _ = writeln!(err, "sv0: … {all} such problems in all: {}", kinds.join(", "));
    }
    if reading.evidence.totals().records == 0 {
        let left: Vec<String> = reading
            .listed
            .left_out
            .iter()
            .map(|(why, count)| format!("{count} {}", why.words()))
            .collect();
        let left = if left.is_empty() {
            String::new()
        } else {
            format!(" (left out: {})", left.join(", "))
        };
        let _ = writeln!(
            err,
            "sv0: there is no record of CloudTrail in what was named{left}"
        );
    }
}
