//! `sv0 doctor`: which calls work with these credentials, and what each missing one costs.

use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use sv0_collect::progress::{Outcome, Progress};
use sv0_collect::registry;
use sv0_model::coverage::Gap;

use super::scan::{self, ScanFailure};
use crate::Failure;
use crate::args::DoctorArgs;
use crate::load::is_damage;
use crate::render::paths::plural;
use crate::render::style::{Style, paint};
use crate::render::{self, wrap};

#[derive(Serialize)]
struct Answer {
    accounts: u64,
    calls: Vec<Row>,
    /// What else stood in the way: accounts that cannot be entered, services that are not in this build.
    gaps: Vec<Gap>,
}

#[derive(Serialize)]
struct Row {
    service: &'static str,
    operation: &'static str,
    needs: &'static [&'static str],
    /// `works`, `denied`, `failed`, or `not tried`: there was nothing to try it on.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    without: &'static str,
}

pub(crate) fn run(args: &DoctorArgs) -> Result<u8, Failure> {
    let folder = std::env::temp_dir().join(format!("sv0-doctor-{}", std::process::id()));
    let mut options = scan::options_of(&args.what, &args.access, folder.clone())?;
    options.probe = Some(args.probe);
    let _log = crate::log::begin(&args.log)?;
    let progress = Arc::new(Progress::default());
    let outcome = {
        let _bar = scan::Bar::show(&args.log, &progress);
        sv0_collect::scan(&options, &progress).map_err(ScanFailure::Collect)
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            let _ = std::fs::remove_file(&folder);
            return Err(error.into());
        }
    };
    let gaps = outcome.gaps.clone();
    let write_error = |source| Failure::Write {
        path: folder.display().to_string(),
        source,
    };
    outcome.journal.remove().map_err(write_error)?;
    let outcomes = progress.outcomes();
    let calls = registry::by_service()
        .map(|(service, call)| {
            let found = outcomes.get(&(service, call.operation));
            let (outcome, message) = match found {
                None => ("not tried", None),
                Some(Outcome::Works) => ("works", None),
                Some(Outcome::Denied(message)) => ("denied", Some(message.clone())),
                Some(Outcome::Failed(message)) => ("failed", Some(message.clone())),
            };
            Row {
                service,
                operation: call.operation,
                needs: call.actions,
                outcome,
                message,
                without: call.without,
            }
        })
        .collect();
    let answer = Answer {
        accounts: progress.counts().accounts,
        calls,
        gaps,
    };
    render::answer(args.show.output, &answer, |out| write(out, &answer))?;
    let missing = answer.calls.iter().any(|row| row.message.is_some()) || answer.gaps.iter().any(is_damage);
    Ok(if missing { 2 } else { 0 })
}

fn write(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let count = |wanted: &str| answer.calls.iter().filter(|row| row.outcome == wanted).count();
    writeln!(
        out,
        "{}: {} work, {} denied, {} failed, {} not tried (there was nothing to try them on)",
        plural(answer.accounts as usize, "account"),
        plural(count("works"), "call"),
        count("denied"),
        count("failed"),
        count("not tried"),
    )?;
    let bad: Vec<&Row> = answer.calls.iter().filter(|row| row.message.is_some()).collect();
    if !bad.is_empty() {
        writeln!(
            out,
            "\n{}",
            paint(Style::Head, "What is missing, and what it costs")
        )?;
    }
    for row in bad {
        let text = format!(
            "{} {}: {}",
            row.needs.join(", "),
            row.outcome,
            row.message.as_deref().unwrap_or_default()
        );
        wrap(out, &format!("  {} ", paint(Style::Warn, "!")), "    ", &text)?;
        wrap(out, "    → ", "      ", row.without)?;
    }
    for gap in &answer.gaps {
        let mark = if is_damage(gap) {
            paint(Style::Warn, "!")
        } else {
            paint(Style::Dim, "·")
        };
        wrap(out, &format!("  {mark} "), "    ", &gap.detail)?;
        wrap(out, "    → ", "      ", &gap.consequence)?;
    }
    let untried: Vec<&str> = answer
        .calls
        .iter()
        .filter(|row| row.outcome == "not tried")
        .filter_map(|row| row.needs.first().copied())
        .collect();
    if !untried.is_empty() {
        writeln!(out, "\n{}", paint(Style::Head, "Not tried"))?;
        wrap(out, "  ", "  ", &untried.join(", "))?;
    }
    if count("denied") > 0 {
        writeln!(out, "\n`sv0 onboard` writes the role that may make all of them.")?;
    }
    Ok(())
}
