//! `sv0 analyze`: an overview of what was read.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use sv0_analyze::question::{Overview, overview};
use sv0_input::{Source, snapshot};
use sv0_model::kind::Kind;

use crate::args::AnalyzeArgs;
use crate::load::{self, Model};
use crate::render::style::{Style, paint};
use crate::render::{self, paths as show};
use crate::{Failure, render::paths::plural};

/// What `--output json` prints.
#[derive(Serialize)]
pub(crate) struct Answer {
    /// The files that were read.
    sources: Vec<FileRead>,
    #[serde(flatten)]
    overview: Overview,
}

#[derive(Serialize)]
struct FileRead {
    file: String,
    format: &'static str,
    records: usize,
}

pub(crate) fn run(args: &AnalyzeArgs) -> Result<u8, Failure> {
    let rules = load::rules(&args.source)?;
    let loaded = load::read(&args.source, &args.paths)?;
    if let Some(path) = &args.save {
        let header = snapshot::Header {
            version: snapshot::VERSION,
            created_at: String::new(),
            tool: concat!("sv0 ", env!("CARGO_PKG_VERSION")).into(),
            source: loaded
                .sources
                .iter()
                .map(|s| s.file.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        };
        snapshot::write(path, &header, &loaded.records, &loaded.gaps).map_err(|source| Failure::Write {
            path: path.display().to_string(),
            source,
        })?;
    }
    let sources = loaded.sources.clone();
    let model = load::model(loaded, &rules);
    let overview = overview(&model.world, &model.steps, &model.finder());
    let answer = Answer {
        sources: sources.iter().map(file_read).collect(),
        overview,
    };
    render::answer(args.show.output, &answer, |out| {
        write_sources(out, &sources)?;
        write(out, &model, &answer.overview)
    })?;
    Ok(model.exit_code())
}

fn file_read(source: &Source) -> FileRead {
    FileRead {
        file: source.file.clone(),
        format: source.format.label(),
        records: source.records,
    }
}

fn write_sources(out: &mut dyn Write, sources: &[Source]) -> io::Result<()> {
    for source in sources.iter().take(8) {
        writeln!(
            out,
            "{} {}",
            source.file,
            paint(
                Style::Dim,
                &format!("{}, {} entities", source.format.label(), source.records)
            )
        )?;
    }
    if sources.len() > 8 {
        writeln!(out, "… and {} more files", sources.len() - 8)?;
    }
    writeln!(out)
}

pub(crate) fn write(out: &mut dyn Write, model: &Model, overview: &Overview) -> io::Result<()> {
    inventory(out, overview)?;
    exposures(out, overview, 20)?;
    remarkable(out, overview)?;
    stopped(out, overview)?;
    problems(out, model)?;
    render::gaps(out, model)
}

fn head(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "{}", paint(Style::Head, text))
}

pub(crate) fn inventory(out: &mut dyn Write, overview: &Overview) -> io::Result<()> {
    let accounts: Vec<String> = overview
        .accounts
        .iter()
        .take(6)
        .map(|(_, name)| name.clone())
        .collect();
    let more = if overview.accounts.len() > 6 { " …" } else { "" };
    head(
        out,
        &format!(
            "{}: {}{more}",
            plural(overview.accounts.len(), "account"),
            accounts.join(", ")
        ),
    )?;
    let count = |kinds: &[Kind]| {
        kinds
            .iter()
            .filter_map(|kind| overview.entities.get(kind))
            .sum::<usize>()
    };
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    for (kind, number) in &overview.entities {
        *groups.entry(kind.entity_type().as_str()).or_default() += number;
    }
    let of = |name: &str| groups.get(name).copied().unwrap_or(0);
    let parts = [
        plural(count(&[Kind::IamRole, Kind::ServiceLinkedRole]), "role"),
        plural(count(&[Kind::IamUser, Kind::SsoUser]), "user"),
        format!("{} policies", of("permission_set")),
        plural(of("workload"), "workload"),
        plural(of("resource"), "resource"),
        format!("{} SCPs and RCPs", of("ceiling")),
    ];
    render::wrap(out, "  ", "  ", &parts.join(" · "))?;
    if overview.named_only > 0 {
        writeln!(out, "  {} more are only named by policies", overview.named_only)?;
    }
    if overview.limited.is_none() || overview.paths > 0 {
        let reach = format!(
            "{} to data; {} to sensitive data stopped on the way",
            plural(overview.paths, "authority path"),
            overview.denied_paths
        );
        render::wrap(out, "  ", "  ", &reach)?;
    }
    if let Some(limited) = &overview.limited {
        render::wrap(out, &format!("  {} ", paint(Style::Warn, "!")), "    ", limited)?;
    }
    writeln!(out)
}

pub(crate) fn exposures(out: &mut dyn Write, overview: &Overview, most: usize) -> io::Result<()> {
    if overview.exposures.is_empty() {
        return Ok(());
    }
    head(out, "Sensitive data and who reaches it")?;
    let mut table = render::table(&[
        "data",
        "sensitivity",
        "people",
        "federated",
        "workloads",
        "roles",
        "outside",
    ]);
    for exposure in overview.exposures.iter().take(most) {
        let count = |wanted: Origin| {
            let fitting = exposure
                .origins
                .iter()
                .filter(|(kind, _)| origin(**kind) == wanted);
            match fitting.map(|(_, number)| number).sum::<usize>() {
                0 => "·".to_owned(),
                number => number.to_string(),
            }
        };
        table.add_row([
            render::entity(&exposure.resource),
            exposure.sensitivity.to_string(),
            count(Origin::People),
            count(Origin::Federated),
            count(Origin::Workloads),
            count(Origin::Roles),
            count(Origin::Outside),
        ]);
    }
    render::write_table(out, &table)?;
    if overview.exposures.len() > most {
        writeln!(out, "  … and {} more", overview.exposures.len() - most)?;
    }
    writeln!(out)
}

/// Where authority starts, as the table counts it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    People,
    Federated,
    Workloads,
    Roles,
    Outside,
}

const fn origin(kind: Kind) -> Origin {
    match kind {
        Kind::IamUser | Kind::SsoUser => Origin::People,
        Kind::OidcProvider | Kind::SamlProvider => Origin::Federated,
        Kind::IamRole | Kind::ServiceLinkedRole => Origin::Roles,
        Kind::ExternalAccount | Kind::ExternalPrincipal | Kind::Anonymous => Origin::Outside,
        _ => Origin::Workloads,
    }
}

fn remarkable(out: &mut dyn Write, overview: &Overview) -> io::Result<()> {
    if overview.remarkable.is_empty() {
        return Ok(());
    }
    head(out, "Paths that stand out")?;
    let mut last = "";
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &overview.remarkable {
        let number = shown.entry(entry.why).or_default();
        *number += 1;
        if *number > 4 {
            continue;
        }
        if entry.why != last {
            writeln!(out, "  {}", paint(Style::Warn, entry.why))?;
            last = entry.why;
        }
        render::wrap(out, "    ", "      ", &show::chain(&entry.path))?;
    }
    for (why, number) in shown.iter().filter(|(_, number)| **number > 4) {
        writeln!(
            out,
            "  {}",
            paint(Style::Dim, &format!("… and {} more where {why}", number - 4))
        )?;
    }
    writeln!(
        out,
        "  {}",
        paint(Style::Dim, "`sv0 paths --from NAME` shows a path hop by hop")
    )?;
    writeln!(out)
}

fn stopped(out: &mut dyn Write, overview: &Overview) -> io::Result<()> {
    if overview.stopped.is_empty() {
        return Ok(());
    }
    head(out, "Stopped on the way to sensitive data")?;
    for path in overview.stopped.iter().take(8) {
        let why = path.blocked_by.first().map_or("", |b| b.text.as_str());
        let line = format!("{}: {}", show::chain(path), paint(Style::Good, why));
        render::wrap(out, "  ", "    ", &line)?;
    }
    if overview.stopped.len() > 8 {
        writeln!(
            out,
            "  … and {} more: `sv0 paths --blocked`",
            overview.stopped.len() - 8
        )?;
    }
    Ok(())
}

/// Warnings of the policy parser; its errors are among the gaps.
fn problems(out: &mut dyn Write, model: &Model) -> io::Result<()> {
    let warnings: Vec<_> = model
        .world
        .policy_problems
        .iter()
        .filter(|problem| problem.diagnostic.severity == sv0_iam::syntax::Severity::Warning)
        .collect();
    if warnings.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    head(out, "Policies that may not say what was meant")?;
    for problem in warnings.iter().take(8) {
        let (line, _) = problem.diagnostic.line_column(&problem.text);
        let place = match &problem.place {
            Some(place) => match place.line {
                Some(start) => format!("{}:{} ", place.file, start + line - 1),
                None => format!("{} ", place.file),
            },
            None => String::new(),
        };
        let help = problem
            .diagnostic
            .help
            .as_ref()
            .map_or(String::new(), |help| format!(" ({help})"));
        let text = format!(
            "{}{}: {}{help}",
            paint(Style::Dim, &place),
            problem.policy,
            problem.diagnostic
        );
        render::wrap(out, &format!("  {} ", paint(Style::Dim, "·")), "    ", &text)?;
    }
    if warnings.len() > 8 {
        writeln!(out, "  … and {} more", warnings.len() - 8)?;
    }
    Ok(())
}
