//! `sv0 review`: what a change gives and takes, before anybody makes it: two policy documents, two snapshots, or a Terraform
//! plan with or without a snapshot under it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sv0_analyze::normalize::rules::Rules;
use sv0_input::terraform;
use sv0_rules::review::{Review, Version, laid_over, review};

use super::compare::{self, MORE};
use super::findings::brief;
use super::what_if;
use crate::Failure;
use crate::args::{CompareArgs, ReviewArgs, Show};
use crate::load;
use crate::render::style::{Style, harmless, one_line, paint};
use crate::render::{self, paths::plural};

/// What somebody wants reviewed.
enum Asked {
    Policies,
    Versions(Box<(Version, Version, Vec<String>)>),
}

pub(crate) fn run(args: &ReviewArgs) -> Result<u8, Failure> {
    let rules = load::rules_of(args.rules.as_deref())?;
    let (before, after, notes) = match asked(args)? {
        Asked::Policies => return policies(args),
        Asked::Versions(versions) => *versions,
    };
    let answer = reviewed(before, after, notes, &rules, args);
    render::answer(args.show.output, &answer, |out| write(out, &answer, args.limit))?;
    let fails =
        args.fail_on.is_some_and(|least| answer.has(least)) || args.fail_on_gain && !answer.gained.is_empty();
    let damaged = answer.coverage_gaps.iter().any(load::is_damage);
    Ok(if fails {
        MORE
    } else if damaged {
        2
    } else {
        0
    })
}

fn reviewed(before: Version, after: Version, notes: Vec<String>, rules: &Rules, args: &ReviewArgs) -> Review {
    let mut out = review(before, after, rules, args.today.as_deref());
    out.notes.extend(notes);
    out
}

/// Two documents are compared by themselves.
fn policies(args: &ReviewArgs) -> Result<u8, Failure> {
    let (Some(old), Some(new)) = (args.before.first(), args.after.first()) else {
        return Err(Failure::Form {
            given: "sv0 review".into(),
            form: "sv0 review --before OLD.json --after NEW.json",
        });
    };
    compare::run(&CompareArgs {
        old: old.clone(),
        new: new.clone(),
        kind: args.kind,
        exit_code: args.fail_on_gain || args.fail_on.is_some(),
        show: Show {
            output: args.show.output,
        },
    })
}

fn asked(args: &ReviewArgs) -> Result<Asked, Failure> {
    let text = |paths: &[PathBuf]| -> Result<Option<String>, Failure> {
        match paths {
            [one] if one.is_file() && is_plain(one) => compare::read(one).map(Some),
            _ => Ok(None),
        }
    };
    if let Some(plan) = text(&args.after)?.filter(|text| terraform::is_plan(text)) {
        return with_plan(args, &plan);
    }
    let policy = |text: &Option<String>| text.as_deref().is_some_and(is_policy);
    if policy(&text(&args.before)?) && policy(&text(&args.after)?) {
        return Ok(Asked::Policies);
    }
    if args.before.is_empty() {
        return Err(Failure::Form {
            given: "sv0 review".into(),
            form: "sv0 review --before A --after B, or --after PLAN of `terraform show -json`",
        });
    }
    let version = |paths: &[PathBuf]| -> Result<Version, Failure> {
        let loaded = sv0_input::load(paths).map_err(Failure::Input)?;
        Ok(Version {
            records: loaded.records,
            gaps: loaded.gaps,
        })
    };
    Ok(Asked::Versions(Box::new((
        version(&args.before)?,
        version(&args.after)?,
        Vec::new(),
    ))))
}

/// A plan, over what was collected if that is there.
fn with_plan(args: &ReviewArgs, text: &str) -> Result<Asked, Failure> {
    let name = args
        .after
        .first()
        .map_or_else(String::new, |path| path.display().to_string());
    let plan = terraform::read(&name, text, args.account.as_deref()).map_err(|problem| Failure::Plan {
        path: name.clone(),
        problem: problem.to_string(),
    })?;
    let base = if args.demo {
        load::demo()
    } else if args.before.is_empty() {
        sv0_input::Loaded::default()
    } else {
        sv0_input::load(&args.before).map_err(Failure::Input)?
    };
    let before = laid_over(&base.records, &plan.before, &[], &[]);
    let after = laid_over(&before, &plan.after, &plan.before, &plan.deleted);
    let mut notes = Vec::new();
    if base.records.is_empty() {
        notes.push("only what the plan holds was looked at: with `--before SNAPSHOT` the rest of the organization counts too".to_owned());
    }
    if !plan.not_read.is_empty() {
        notes.push(format!(
            "sv0 does not read these resources of the plan: {}",
            plan.not_read.join(", ")
        ));
    }
    let mut gaps = base.gaps.clone();
    gaps.extend(plan.gaps);
    Ok(Asked::Versions(Box::new((
        Version {
            records: before,
            gaps: base.gaps,
        },
        Version { records: after, gaps },
        notes,
    ))))
}

/// Whether a file is text as it is, by its name.
fn is_plain(path: &Path) -> bool {
    path.extension()
        .is_none_or(|end| end != "gz" && end != "zst" && end != "jsonl")
}

fn is_policy(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.get("Statement").is_some())
}

fn write(out: &mut dyn Write, answer: &Review, limit: usize) -> io::Result<()> {
    writeln!(
        out,
        "{}",
        paint(Style::Head, &format!("What changes ({})", answer.changes.len()))
    )?;
    let shown = if limit == 0 { usize::MAX } else { limit };
    for change in answer.changes.iter().take(shown) {
        render::wrap(out, "  · ", "    ", &one_line(change))?;
    }
    if answer.changes.len() > shown {
        writeln!(out, "  … and {} more", answer.changes.len() - shown)?;
    }
    for note in &answer.notes {
        render::wrap(
            out,
            &format!("  {} ", paint(Style::Warn, "!")),
            "    ",
            &one_line(note),
        )?;
    }
    writeln!(out)?;
    if answer.gained.is_empty() && answer.lost.is_empty() {
        writeln!(out, "Nobody reaches more or less data.")?;
        writeln!(out)?;
    } else {
        what_if::part(out, "Gained", Style::Bad, &answer.gained, limit)?;
        what_if::part(out, "Lost", Style::Good, &answer.lost, limit)?;
    }
    if answer.new_findings.is_empty() {
        writeln!(out, "{}", paint(Style::Good, "No new finding"))?;
    } else {
        writeln!(
            out,
            "{}",
            paint(
                Style::Bad,
                &format!("New: {}", plural(answer.new_findings.len(), "finding"))
            )
        )?;
        for finding in &answer.new_findings {
            brief(out, finding)?;
        }
    }
    if !answer.ended_findings.is_empty() {
        writeln!(out)?;
        writeln!(
            out,
            "{}",
            paint(
                Style::Good,
                &format!("Gone: {}", plural(answer.ended_findings.len(), "finding"))
            )
        )?;
        for known in answer.ended_findings.iter().take(shown) {
            render::wrap(
                out,
                "  ",
                "    ",
                &format!("{} {}", known.severity, one_line(&known.title)),
            )?;
        }
    }
    for gap in answer
        .coverage_gaps
        .iter()
        .filter(|gap| load::is_damage(gap) || gap.detail.contains("after it is applied"))
    {
        render::wrap(
            out,
            &format!("  {} ", paint(Style::Warn, "!")),
            "    ",
            &harmless(&gap.detail),
        )?;
    }
    Ok(())
}
