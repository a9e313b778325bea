//! `sv0 findings`: what somebody should decide about.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use sv0_evidence::join::Joined;
use sv0_export::Document;
use sv0_model::finding::{Finding, Fix, Severity, Status};
use sv0_rules::ground::Ground;
use sv0_rules::lifecycle::{Baseline, Known, Suppressions};
use sv0_rules::observed::Observed;
use sv0_rules::plan::{Plan, plan};
use sv0_rules::rule::{RULES, rule};
use sv0_rules::{Options, Report, report};

use crate::Failure;
use crate::args::{FindingsArgs, FindingsOutput, Output};
use crate::load::{self, Model};
use crate::render::style::{Style, one_line, paint};
use crate::render::{self, paths::plural};
use crate::trail;

/// Findings for which fixes are worked out at most.
const MOST_FIXED: usize = 200;

/// What there is to say.
struct Said {
    report: Report,
    /// What the files of suppressions and baseline hold to no purpose.
    notes: Vec<String>,
    /// What the baseline has and is there no more.
    gone: Vec<Known>,
    /// Findings that were not asked for.
    left_out: usize,
}

pub(crate) fn run(args: &FindingsArgs) -> Result<u8, Failure> {
    if args.list_rules {
        return list_rules(args.output);
    }
    let suppressions = args.suppressions.as_deref().map(suppressions).transpose()?;
    let baseline = args.baseline.as_deref().map(baseline).transpose()?;
    let rules = load::rules(&args.source)?;
    let model = load::load(&args.source)?;
    let today = args
        .today
        .clone()
        .or_else(|| model.observed_at.clone())
        .or_else(system_day);
    let reading = if trail::is_there(&args.trail, &args.source) {
        Some(trail::read(&args.trail, &args.source)?)
    } else {
        None
    };
    let sights = reading
        .as_ref()
        .map(|reading| trail::sights(reading, Some(&model)));
    let joined = reading.as_ref().zip(sights.as_ref());
    let joined = joined.map(|(reading, sights)| Joined::new(&reading.evidence, sights));
    let annotate = |path: &mut sv0_model::path::Path| {
        if let Some(joined) = &joined {
            joined.annotate(path);
        }
    };
    let mut ground = Ground::new(&model.world, &model.steps, today.clone());
    ground.observed = reading.as_ref().map(|reading| Observed {
        uses: sv0_server::snapshot::uses(reading, &model.world),
        annotate: &annotate,
    });
    // A report without what ends a finding is half of one.
    let wants_fixes = args.fixes || args.plan || args.id.is_some() || args.output.export().is_some();
    let options = Options {
        only_rules: args.rule.clone(),
        only: args.id.clone(),
        fixes: if wants_fixes { MOST_FIXED } else { 0 },
        fixes_from: Some(if args.id.is_some() {
            Severity::Informational
        } else {
            args.severity.unwrap_or(Severity::Low)
        }),
    };
    let mut said = Said {
        report: report(&ground, &rules, &options),
        notes: Vec::new(),
        gone: Vec::new(),
        left_out: 0,
    };
    let none = |id: &&String| said.report.findings.is_empty() || id.trim().is_empty();
    if let Some(id) = args.id.as_ref().filter(none) {
        return Err(Failure::NoFinding { id: id.clone() });
    }
    if let Some(suppressions) = &suppressions {
        said.notes = suppressions.apply(&mut said.report.findings, today.as_deref());
    }
    if let Some(path) = &args.write_baseline {
        let text = Baseline::of(&said.report.findings).print();
        fs::write(path, text).map_err(|source| Failure::Write {
            path: path.display().to_string(),
            source,
        })?;
    }
    if let Some(baseline) = &baseline {
        said.gone = baseline.apply(&mut said.report.findings);
    }
    let fails = args.fail_on.is_some_and(|least| {
        let counts = |finding: &Finding| finding.severity >= least && finding.is_open();
        let mut all = said.report.findings.iter();
        all.any(|finding| counts(finding) && (baseline.is_none() || finding.status == Status::New))
    });
    narrow(&model, args, &mut said)?;
    if args.plan {
        show_plan(args.output, &plan(&said.report.findings))?;
    } else {
        show(args, &said, today.as_deref())?;
    }
    render::note_damage(&model);
    Ok(if fails { 5 } else { model.exit_code() })
}

/// Leaves out what was not asked for.
fn narrow(model: &Model, args: &FindingsArgs, said: &mut Said) -> Result<(), Failure> {
    let before = said.report.findings.len();
    if let Some(name) = &args.account {
        let unknown = || {
            Failure::Lookup(sv0_analyze::world::LookupError::Unknown {
                name: name.clone(),
                near: model.world.accounts.keys().take(5).cloned().collect(),
            })
        };
        let id = model.world.account_named(name).ok_or_else(unknown)?;
        said.report
            .findings
            .retain(|finding| finding.subject.account.as_ref() == Some(&id));
    }
    if let Some(least) = args.severity {
        said.report.findings.retain(|finding| finding.severity >= least);
    }
    said.left_out = before - said.report.findings.len();
    Ok(())
}

fn suppressions(path: &Path) -> Result<Suppressions, Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| Failure::Read {
        path: name.clone(),
        source,
    })?;
    Suppressions::parse(&text).map_err(|problem| Failure::Lifecycle {
        path: name,
        problem: problem.to_string(),
    })
}

fn baseline(path: &Path) -> Result<Baseline, Failure> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|source| Failure::Read {
        path: name.clone(),
        source,
    })?;
    Baseline::parse(&text).map_err(|problem| Failure::Lifecycle {
        path: name,
        problem: problem.to_string(),
    })
}

/// Today, in UTC.
pub(super) fn system_day() -> Option<String> {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    let days = i64::try_from(since.as_secs() / 86_400).ok()?;
    Some(sv0_rules::day::of(days))
}

fn list_rules(output: FindingsOutput) -> Result<u8, Failure> {
    #[derive(serde::Serialize)]
    struct Shown<'a> {
        id: &'a str,
        title: &'a str,
        what: String,
        why: String,
        attack: &'a [String],
    }
    let all: Vec<Shown<'_>> = RULES
        .iter()
        .map(|rule| Shown {
            id: rule.id,
            title: rule.title(),
            what: rule.section("What"),
            why: rule.section("Why it matters"),
            attack: rule.attack(),
        })
        .collect();
    let output = match output {
        FindingsOutput::Json => Output::Json,
        FindingsOutput::Jsonl => Output::Jsonl,
        _ => Output::Table,
    };
    render::answers(output, &all, |out| {
        for rule in &all {
            writeln!(out, "{} · {}", paint(Style::Name, rule.id), rule.title)?;
            render::wrap(out, "  ", "  ", &rule.what)?;
            render::wrap(out, "  ", "  ", &paint(Style::Dim, &rule.why))?;
            writeln!(out)?;
        }
        Ok(())
    })?;
    Ok(0)
}

fn show(args: &FindingsArgs, said: &Said, today: Option<&str>) -> Result<(), Failure> {
    if let Some(format) = args.output.export().and_then(sv0_export::format) {
        return put(args.out.as_deref(), &exported(args, said, today, format));
    }
    if let Some(path) = &args.out {
        let text = match args.output {
            FindingsOutput::Jsonl => {
                let lines = said.report.findings.iter().map(serde_json::to_string);
                lines
                    .collect::<Result<Vec<String>, _>>()
                    .map(|lines| lines.join("\n") + "\n")
            }
            FindingsOutput::Json => serde_json::to_string_pretty(&said.report).map(|text| text + "\n"),
            _ => {
                let mut text = Vec::new();
                write(&mut text, args, said).map_err(Failure::Output)?;
                Ok(render::plain(&text))
            }
        };
        return put(Some(path), &text.map_err(|error| Failure::Output(error.into()))?);
    }
    match args.output {
        FindingsOutput::Json => render::answer(Output::Json, &said.report, |_| Ok(())),
        FindingsOutput::Jsonl => render::answers(Output::Jsonl, &said.report.findings, |_| Ok(())),
        _ => render::answer(Output::Table, &said.report, |out| write(out, args, said)),
    }
}

/// The findings in another tool's format.
fn exported(args: &FindingsArgs, said: &Said, today: Option<&str>, format: &sv0_export::Format) -> String {
    let rules = sv0_server::export::rule_pages();
    let (at, at_millis) = sv0_server::export::instant(today);
    let inputs: Vec<String> = args
        .source
        .input
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let source = if args.source.demo {
        "acme, a made-up organisation".to_owned()
    } else if inputs.is_empty() {
        "SV0_SNAPSHOT".to_owned()
    } else {
        inputs.join(", ")
    };
    format.write(&Document {
        findings: &said.report.findings,
        rules: &rules,
        gaps: &said.report.coverage_gaps,
        limited: &said.report.limited,
        source: &source,
        at: &at,
        at_millis,
        version: env!("CARGO_PKG_VERSION"),
        has_baseline: args.baseline.is_some(),
    })
}

/// Writes a text: into a file as a whole or not at all, else to standard output.
fn put(path: Option<&Path>, text: &str) -> Result<(), Failure> {
    let Some(path) = path else {
        let mut out = io::stdout().lock();
        return out
            .write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(Failure::Output);
    };
    let failed = |source| Failure::Write {
        path: path.display().to_string(),
        source,
    };
    sv0_input::whole::write_text(path, text).map_err(failed)
}

fn show_plan(output: FindingsOutput, plan: &Plan) -> Result<(), Failure> {
    let output = match output {
        FindingsOutput::Json => Output::Json,
        FindingsOutput::Jsonl => Output::Jsonl,
        _ => Output::Table,
    };
    render::answer(output, plan, |out| {
        let ended: usize = plan.steps.iter().map(|step| step.ends.len()).sum();
        let head = format!(
            "{} end {} of {}",
            plural(plan.steps.len(), "change"),
            ended,
            plural(ended + plan.left.len(), "finding")
        );
        writeln!(out, "{}", paint(Style::Head, &head))?;
        for (at, step) in plan.steps.iter().enumerate() {
            writeln!(out)?;
            let first = format!(
                "{:>3}  {}",
                at + 1,
                paint(Style::Name, &one_line(&step.fix.title))
            );
            render::wrap(out, "", "     ", &first)?;
            if step.fix.proof.also_lost > 0 {
                let lost = format!(
                    "{} of origin and sensitive data lose their path as well",
                    plural(step.fix.proof.also_lost, "other pair")
                );
                render::wrap(out, "     ", "     ", &paint(Style::Dim, &lost))?;
            }
            for ended in &step.ends {
                let text = format!(
                    "ends {} {}",
                    mark(ended.severity, ended.severity.as_str()),
                    one_line(&ended.title)
                );
                render::wrap(out, "     ", "       ", &text)?;
            }
        }
        if !plan.left.is_empty() {
            writeln!(out)?;
            writeln!(
                out,
                "{}",
                paint(Style::Head, "Mended elsewhere than in a policy, or by nobody yet")
            )?;
            for left in &plan.left {
                let text = format!(
                    "{} {}",
                    mark(left.severity, left.severity.as_str()),
                    one_line(&left.title)
                );
                render::wrap(out, "     ", "       ", &text)?;
            }
        }
        Ok(())
    })
}

fn write(out: &mut dyn Write, args: &FindingsArgs, said: &Said) -> io::Result<()> {
    let findings = &said.report.findings;
    if args.id.is_some() {
        for finding in findings {
            whole(out, finding)?;
        }
        return Ok(());
    }
    let (open, suppressed): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.is_open());
    let mut facts = vec![plural(open.len(), "finding")];
    for severity in Severity::ALL.iter().rev() {
        let count = open
            .iter()
            .filter(|finding| finding.severity == *severity)
            .count();
        if count > 0 {
            facts.push(mark(*severity, &format!("{count} {severity}")));
        }
    }
    let new = open
        .iter()
        .filter(|finding| finding.status == Status::New)
        .count();
    if args.baseline.is_some() {
        facts.push(format!("{new} new"));
        facts.push(format!("{} gone", said.gone.len()));
    }
    if !suppressed.is_empty() {
        facts.push(format!("{} suppressed", suppressed.len()));
    }
    render::wrap(out, "", "  ", &facts.join(" · "))?;
    for severity in Severity::ALL.iter().rev() {
        let of: Vec<&&Finding> = open
            .iter()
            .filter(|finding| finding.severity == *severity)
            .collect();
        if of.is_empty() {
            continue;
        }
        writeln!(out)?;
        writeln!(out, "{}", mark(*severity, &capital(severity.as_str())))?;
        for finding in of {
            short(out, finding, args)?;
        }
    }
    if !suppressed.is_empty() {
        writeln!(out)?;
        writeln!(out, "{}", paint(Style::Dim, "Suppressed"))?;
        for finding in suppressed {
            short(out, finding, args)?;
        }
    }
    if !said.gone.is_empty() {
        writeln!(out)?;
        writeln!(out, "{}", paint(Style::Good, "Gone since the baseline"))?;
        for known in &said.gone {
            render::wrap(out, "  ", "    ", &one_line(&known.title))?;
        }
    }
    writeln!(out)?;
    for note in said.notes.iter().chain(&said.report.limited) {
        render::wrap(out, "", "  ", &paint(Style::Warn, note))?;
    }
    if said.left_out > 0 {
        writeln!(out, "{} not shown here", plural(said.left_out, "other finding"))?;
    }
    render::wrap(
        out,
        "",
        "",
        &paint(
            Style::Dim,
            "`sv0 findings ID` tells one in full, with what provably ends it",
        ),
    )
}

fn mark(severity: Severity, text: &str) -> String {
    match severity {
        Severity::Critical | Severity::High => paint(Style::Bad, text),
        Severity::Medium => paint(Style::Warn, text),
        Severity::Low => paint(Style::Head, text),
        Severity::Informational => paint(Style::Dim, text),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The end of an id, by which people call it.
fn short_id(id: &str) -> &str {
    id.get(id.len().saturating_sub(6)..).unwrap_or(id)
}

/// One finding in a few lines, with what ends it.
pub(super) fn brief(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let head = format!(
        "{} {} {}",
        mark(finding.severity, finding.severity.as_str()),
        one_line(&finding.title),
        paint(
            Style::Dim,
            &format!("({}, {})", finding.rule, short_id(&finding.id))
        )
    );
    render::wrap(out, "  ", "    ", &head)?;
    for sentence in &finding.explanation {
        render::wrap(out, "    ", "    ", &one_line(sentence))?;
    }
    if let Some(fix) = finding.fixes.first() {
        let text = format!("{} {}", paint(Style::Good, "ends it:"), one_line(&fix.title));
        render::wrap(out, "    ", "      ", &text)?;
    }
    Ok(())
}

fn short(out: &mut dyn Write, finding: &Finding, args: &FindingsArgs) -> io::Result<()> {
    let new = if finding.status == Status::New {
        "new · "
    } else {
        ""
    };
    let head = format!(
        "{}  {new}{} {}",
        paint(Style::Dim, short_id(&finding.id)),
        one_line(&finding.title),
        paint(Style::Dim, &format!("({})", finding.rule))
    );
    render::wrap(out, "  ", "          ", &head)?;
    if let Status::Suppressed { reason, by, until } = &finding.status {
        let mut text = format!("accepted: {}", one_line(reason));
        if let Some(by) = by {
            text.push_str(&format!(" · {}", one_line(by)));
        }
        if let Some(until) = until {
            text.push_str(&format!(" · until {until}"));
        }
        render::wrap(out, "          ", "          ", &paint(Style::Dim, &text))?;
    }
    if args.long {
        for sentence in &finding.explanation {
            render::wrap(out, "          ", "          ", &one_line(sentence))?;
        }
    }
    if let Some(fix) = finding.fixes.first() {
        let text = format!("{} {}", paint(Style::Good, "ends it:"), one_line(&fix.title));
        render::wrap(out, "          ", "            ", &text)?;
    }
    Ok(())
}

/// One finding in full.
fn whole(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    render::wrap(out, "", "  ", &paint(Style::Name, &one_line(&finding.title)))?;
    let mut facts = vec![mark(finding.severity, finding.severity.as_str())];
    facts.push(
        rule(finding.rule)
            .map_or(finding.rule, |rule| rule.title())
            .to_owned(),
    );
    facts.push(render::verdict(finding.verdict));
    facts.push(finding.id.clone());
    facts.retain(|fact| !fact.is_empty());
    render::wrap(out, "  ", "  ", &facts.join(" · "))?;
    writeln!(out)?;
    for sentence in &finding.explanation {
        render::wrap(out, "  ", "  ", &one_line(sentence))?;
    }
    if let Some(rule) = rule(finding.rule) {
        render::wrap(
            out,
            "  ",
            "  ",
            &paint(Style::Dim, &rule.section("Why it matters")),
        )?;
    }
    heading(out, &format!("Why {}", finding.severity))?;
    for factor in &finding.reasons {
        writeln!(out, "  {:>+2}  {} ({})", factor.points, factor.text, factor.name)?;
    }
    if !finding.conditions.is_empty() {
        heading(out, "What would have to be true")?;
        for condition in &finding.conditions {
            render::wrap(out, "  · ", "    ", &one_line(&condition.text))?;
        }
    }
    if !finding.targets.is_empty() {
        let names: Vec<String> = finding.targets.iter().map(render::entity).collect();
        heading(out, &format!("Touches {}", finding.target_count))?;
        let more = finding.target_count.saturating_sub(8);
        let shown: Vec<String> = names.into_iter().take(8).collect();
        let end = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        render::wrap(out, "  ", "  ", &format!("{}{end}", shown.join(", ")))?;
    }
    if !finding.paths.is_empty() {
        let all = finding.path_count;
        heading(out, &format!("Paths ({} of {all})", finding.paths.len().min(2)))?;
        for path in finding.paths.iter().take(2) {
            render::paths::write(out, path)?;
            writeln!(out)?;
        }
    }
    if !finding.attack.is_empty() {
        let known = if finding.techniques.is_empty() {
            String::new()
        } else {
            format!(" · techniques {}", finding.techniques.join(", "))
        };
        writeln!(out, "MITRE ATT&CK {}{known}", finding.attack.join(", "))?;
    }
    if let Some(rule) = rule(finding.rule) {
        heading(out, "What to do")?;
        render::wrap(out, "  ", "  ", &rule.section("What to do"))?;
    }
    if finding.fixes.is_empty() {
        render::wrap(
            out,
            "  ",
            "  ",
            &paint(
                Style::Dim,
                "No change of a policy was found that provably ends it.",
            ),
        )?;
    }
    for (at, fix) in finding.fixes.iter().enumerate() {
        write_fix(out, at + 1, fix)?;
    }
    for gap in &finding.coverage_gaps {
        render::wrap(
            out,
            "  ",
            "    ",
            &paint(
                Style::Warn,
                &format!("could change this: {}", one_line(&gap.detail)),
            ),
        )?;
    }
    Ok(())
}

fn heading(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out)?;
    writeln!(out, "{}", paint(Style::Head, text))
}

fn write_fix(out: &mut dyn Write, number: usize, fix: &Fix) -> io::Result<()> {
    heading(out, &format!("Fix {number}: {}", one_line(&fix.title)))?;
    for text in &fix.proof.checked {
        render::wrap(out, "  ✓ ", "    ", &one_line(text))?;
    }
    for text in &fix.proof.notes {
        render::wrap(out, "  · ", "    ", &one_line(text))?;
    }
    for setting in &fix.settings {
        render::wrap(out, "  ", "    ", &one_line(setting))?;
    }
    for document in &fix.documents {
        writeln!(out)?;
        for line in document.diff.lines() {
            let style = match line.as_bytes().first() {
                Some(b'+') => Style::Good,
                Some(b'-') => Style::Bad,
                _ => Style::Dim,
            };
            writeln!(out, "  {}", paint(style, &one_line(line)))?;
        }
    }
    Ok(())
}
