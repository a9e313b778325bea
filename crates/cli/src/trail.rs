//! From the command line to the evidence in CloudTrail's records.

use std::io::{self, IsTerminal, Write};

use sv0_evidence::Reading;
use sv0_evidence::join::Joined;
use sv0_evidence::source::{Listing, Local, Object, Source, SourceError};
use sv0_evidence::time::{DAY, Time, Window};
use sv0_evidence::visible::Sights;
use sv0_model::path::Path;
use sv0_model::record::Record;

use crate::Failure;
use crate::args::{Source as SourceArgs, TrailArgs};
use crate::load::Model;
use crate::render::style::harmless;

/// The records of the made-up organisation.
struct Demo;

impl Source for Demo {
    fn list(&self, _: Window) -> Result<Listing, SourceError> {
        let object = Object {
            name: "(demo)".into(),
            size: sv0_demo::TRAIL.len() as u64,
            delivered: None,
            tag: String::new(),
        };
        Ok(Listing {
            objects: vec![object],
            ..Listing::default()
        })
    }

    fn fetch(&self, _: &Object, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.extend_from_slice(sv0_demo::TRAIL.as_bytes());
        Ok(())
    }
}

/// Whether there are records to read.
pub(crate) fn is_there(args: &TrailArgs, source: &SourceArgs) -> bool {
    source.demo || !args.trail.is_empty()
}

/// Reads the records that were named, or those of the made-up organisation.
pub(crate) fn read(args: &TrailArgs, source: &SourceArgs) -> Result<Reading, Failure> {
    let demo = source.demo && args.trail.is_empty();
    let until = args.until.unwrap_or_else(|| {
        if demo {
            demo_time(sv0_demo::TRAIL_WINDOW.1)
        } else {
            now()
        }
    });
    let since = args.since.unwrap_or_else(|| until.minus(30 * DAY));
    let window = Window { since, until };
    let local = Local::new(args.trail.clone());
    let source: &dyn Source = match (demo, args.trail.is_empty()) {
        (true, _) => &Demo,
        (false, true) => return Err(Failure::NoTrail),
        (false, false) => &local,
    };
    let bar = io::stderr().is_terminal().then(|| {
        let style = indicatif::ProgressStyle::with_template(
            "reading CloudTrail {bar:30} {pos}/{len} objects, {eta} left",
        );
        indicatif::ProgressBar::new(0)
            .with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
    });
    let reading = sv0_evidence::read(source, window, &|done, all| {
        if let Some(bar) = &bar
            && (done % 16 == 0 || done == all)
        {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        }
    })
    .map_err(Failure::Trail)?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    note(&reading);
    Ok(reading)
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

/// 2 where part of what was named could not be read.
pub(crate) fn exit_code(reading: &Reading) -> u8 {
    if reading.problems.is_empty() { 0 } else { 2 }
}

/// What the records could have shown, as they themselves and the configuration tell.
pub(crate) fn sights(reading: &Reading, model: Option<&Model>) -> Sights {
    let records: Vec<&Record> = model.map_or_else(Vec::new, |model| {
        model.world.graph.nodes().map(|(_, node)| &node.record).collect()
    });
    Sights::new(&reading.evidence, records)
}

/// Fills in what was seen of paths.
pub(crate) fn annotate(reading: &Reading, model: &Model, paths: &mut [Path]) {
    let sights = sights(reading, Some(model));
    let joined = Joined::new(&reading.evidence, &sights);
    for path in paths {
        joined.annotate(path);
    }
}
