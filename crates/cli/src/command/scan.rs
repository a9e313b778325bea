//! `sv0 scan`: from AWS's API to a snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use sv0_collect::journal::JournalError;
use sv0_collect::progress::{Counts, Progress};
use sv0_collect::{Error, Options, Target, merge, registry};
use sv0_input::snapshot;
use sv0_model::coverage::{Gap, Reason};

use crate::Failure;
use crate::args::{Access, Log, LogFormat, ScanArgs, ScanWhat};
use crate::load::is_damage;
use crate::render::paths::plural;
use crate::render::style::{Style, paint};
use crate::render::{self, wrap};

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ScanFailure {
    /// AWS, or what the user said about it.
    #[error(transparent)]
    Collect(Error),
    /// Options that say two things.
    #[error("{0}")]
    Usage(String),
}

impl ScanFailure {
    pub(crate) const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Collect(Error::Interrupted) => 130,
            Self::Collect(Error::Service(..) | Error::Account(_) | Error::Role(_)) => 64,
            Self::Collect(Error::Journal(JournalError::Io { .. })) => 1,
            Self::Collect(Error::Start(_)) => 1,
            Self::Collect(_) => 4,
        }
    }
}

#[derive(Serialize)]
struct Answer {
    snapshot: String,
    records: usize,
    accounts: u64,
    calls: u64,
    throttled: u64,
    repeated: u64,
    seconds: f64,
    complete: bool,
    may_resume: bool,
    gaps: Vec<Gap>,
}

#[derive(Serialize)]
struct CallRow {
    service: &'static str,
    operation: &'static str,
    actions: &'static [&'static str],
    without: &'static str,
}

pub(crate) fn run(args: &ScanArgs) -> Result<u8, Failure> {
    if args.list_calls {
        return list_calls(args);
    }
    let options = options(args)?;
    let _log = crate::log::begin(&args.log)?;
    let began = Instant::now();
    let progress = Arc::new(Progress::default());
    let outcome = {
        let _bar = Bar::show(&args.log, &progress);
        sv0_collect::scan(&options, &progress).map_err(ScanFailure::Collect)?
    };
    let write_error = |source| Failure::Write {
        path: args.out.display().to_string(),
        source,
    };
    let folder = args.out.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut merged =
        merge::merge(&outcome.journal, folder.unwrap_or_else(|| Path::new("."))).map_err(write_error)?;
    let mut gaps: BTreeSet<Gap> = std::mem::take(&mut merged.gaps).into_iter().collect();
    gaps.extend(outcome.gaps);
    let gaps: Vec<Gap> = gaps.into_iter().collect();
    let header = snapshot::Header {
        version: snapshot::VERSION,
        created_at: sv0_collect::timestamp(SystemTime::now()),
        tool: format!("sv0 {}", env!("CARGO_PKG_VERSION")),
        source: outcome.source,
    };
    let records = snapshot::write_stream(&args.out, &header, merged, &gaps).map_err(write_error)?;
    if !outcome.may_resume {
        outcome.journal.remove().map_err(write_error)?;
    }
    let counts = progress.counts();
    let answer = Answer {
        snapshot: args.out.display().to_string(),
        records,
        accounts: counts.accounts,
        calls: counts.calls,
        throttled: counts.throttles,
        repeated: counts.retries,
        seconds: (began.elapsed().as_secs_f64() * 10.0).round() / 10.0,
        complete: !gaps.iter().any(is_damage),
        may_resume: outcome.may_resume,
        gaps,
    };
    if !args.log.quiet || args.show.output != crate::args::Output::Table {
        render::answer(args.show.output, &answer, |out| summary(out, &answer))?;
    }
    Ok(if answer.complete { 0 } else { 2 })
}

fn options(args: &ScanArgs) -> Result<Options, ScanFailure> {
    let mut journal = args.out.clone().into_os_string();
    journal.push(".journal");
    let mut options = options_of(&args.what, &args.access, PathBuf::from(journal))?;
    options.concurrency = args.limits.concurrency;
    options.call_deadline = args.limits.call_deadline;
    options.deadline = args.limits.deadline;
    options.resume = args.resume;
    Ok(options)
}

/// What the options that `scan` and `doctor` share say.
pub(crate) fn options_of(what: &ScanWhat, access: &Access, journal: PathBuf) -> Result<Options, ScanFailure> {
    let (target, start_role) = if what.org || !what.accounts.is_empty() {
        let start = match access.role_arn.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            _ => {
                return Err(ScanFailure::Usage(
                    "with `--org` or `--accounts` there is one `--role-arn`: the role to start from".into(),
                ));
            }
        };
        let target = if what.org {
            Target::Organization
        } else {
            Target::Accounts(what.accounts.clone())
        };
        (target, start)
    } else if access.role_arn.is_empty() {
        (Target::Current, None)
    } else {
        (Target::Roles(access.role_arn.clone()), None)
    };
    Ok(Options {
        target,
        role_name: access.role_name.clone(),
        start_role,
        external_id: access.external_id.clone(),
        profile: access.profile.clone(),
        bootstrap: access
            .bootstrap_key_id
            .clone()
            .zip(access.bootstrap_secret.clone()),
        regions: what.regions.clone(),
        services: what.services.clone(),
        skip: what.skip_services.clone(),
        concurrency: 64,
        call_deadline: Duration::from_secs(60),
        deadline: None,
        journal,
        resume: false,
        probe: None,
    })
}

/// The progress line on a terminal; progress as log lines where the log is JSON.
pub(crate) struct Bar {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Bar {
    pub(crate) fn show(log: &Log, progress: &Arc<Progress>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let on_terminal =
            io::stderr().is_terminal() && log.log_format == LogFormat::Text && !log.verbose && !log.quiet;
        let as_log = log.log_format == LogFormat::Json && !log.quiet;
        let thread = (on_terminal || as_log).then(|| {
            let (stop, progress) = (Arc::clone(&stop), Arc::clone(progress));
            std::thread::spawn(move || {
                if on_terminal {
                    draw(&stop, &progress);
                } else {
                    tell(&stop, &progress);
                }
            })
        });
        Self { stop, thread }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const TICK: Duration = Duration::from_millis(120);

fn draw(stop: &AtomicBool, progress: &Progress) {
    let bar = indicatif::ProgressBar::new(1);
    let style = indicatif::ProgressStyle::with_template(
        "{spinner} {bar:24} {pos}/{len} units, {prefix}  {wide_msg:.dim}",
    );
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("━━─"));
    }
    let began = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let counts = progress.counts();
        bar.set_length(counts.units.max(1));
        bar.set_position(counts.units_done);
        let throttled = match counts.throttles {
            0 => String::new(),
            n => format!(", {n} throttled"),
        };
        bar.set_prefix(format!(
            "{}/{} accounts, {} calls{throttled}{}",
            counts.accounts_done,
            counts.accounts,
            counts.calls,
            left(&counts, began.elapsed())
        ));
        bar.set_message(counts.now);
        std::thread::sleep(TICK);
    }
    bar.finish_and_clear();
}

/// The time that is left, if the rest goes as what is done did; unknown while accounts are still being entered.
fn left(counts: &Counts, passed: Duration) -> String {
    if counts.units_done * 10 < counts.units || counts.units_done == 0 {
        return String::new();
    }
    let rest = passed.as_secs_f64() * (counts.units - counts.units_done) as f64 / counts.units_done as f64;
    if rest < 100.0 {
        format!(", {rest:.0} s left")
    } else {
        format!(", {:.0} min left", rest / 60.0)
    }
}

fn tell(stop: &AtomicBool, progress: &Progress) {
    let mut next = Instant::now() + Duration::from_secs(5);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(TICK);
        if Instant::now() >= next {
            next += Duration::from_secs(5);
            let c = progress.counts();
            tracing::info!(target: "sv0", accounts = c.accounts, accounts_done = c.accounts_done, units = c.units, units_done = c.units_done, calls = c.calls, throttled = c.throttles, records = c.records, gaps = c.gaps, "progress");
        }
    }
}

fn summary(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    writeln!(
        out,
        "{}: {} of {}, {} in {} s{}",
        paint(Style::Name, &answer.snapshot),
        plural(answer.records, "record"),
        plural(answer.accounts as usize, "account"),
        plural(answer.calls as usize, "call"),
        answer.seconds,
        if answer.throttled + answer.repeated > 0 {
            format!(" ({} throttled, {} repeated)", answer.throttled, answer.repeated)
        } else {
            String::new()
        }
    )?;
    if !answer.gaps.is_empty() {
        writeln!(out)?;
        gaps(out, &answer.gaps)?;
    }
    writeln!(out)?;
    if answer.may_resume {
        writeln!(out, "The same command with `--resume` reads again what failed.")?;
    }
    writeln!(out, "`sv0 analyze {}` goes on from here.", answer.snapshot)
}

/// Gaps, those together that one permission or one region explains.
fn gaps(out: &mut dyn Write, gaps: &[Gap]) -> io::Result<()> {
    let mut groups: BTreeMap<(bool, Reason, &str, &str), Vec<&Gap>> = BTreeMap::new();
    for gap in gaps {
        let what = if gap.call.is_empty() {
            gap.service.as_deref().unwrap_or_default()
        } else {
            &gap.call
        };
        groups
            .entry((!is_damage(gap), gap.reason, what, &gap.consequence))
            .or_default()
            .push(gap);
    }
    let damage = gaps.iter().filter(|gap| is_damage(gap)).count();
    let head = if damage > 0 {
        "What could not be read"
    } else {
        "What was not read"
    };
    writeln!(out, "{}", paint(Style::Head, head))?;
    for ((quiet, ..), group) in &groups {
        let Some(first) = group.first() else { continue };
        let mark = if *quiet {
            paint(Style::Dim, "·")
        } else {
            paint(Style::Warn, "!")
        };
        let more = match group.len() {
            1 => String::new(),
            n => format!(" (and {} more like it)", n - 1),
        };
        wrap(
            out,
            &format!("  {mark} "),
            "    ",
            &format!("{}{more}", first.detail),
        )?;
        wrap(out, "    → ", "      ", &first.consequence)?;
    }
    Ok(())
}

fn list_calls(args: &ScanArgs) -> Result<u8, Failure> {
    let rows: Vec<CallRow> = registry::by_service()
        .map(|(service, call)| CallRow {
            service,
            operation: call.operation,
            actions: call.actions,
            without: call.without,
        })
        .collect();
    render::answers(args.show.output, &rows, |out| {
        let mut table = render::table(&["service", "operation", "needs"]);
        for row in &rows {
            table.add_row([row.service, row.operation, &row.actions.join(", ")]);
        }
        render::write_table(out, &table)
    })?;
    Ok(0)
}
