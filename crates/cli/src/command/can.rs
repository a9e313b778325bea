//! `sv0 can`: what a principal can do.

use std::io::{self, Write};

use sv0_analyze::question::{AsPolicy, Can, as_policy, asked, brief, can};
use sv0_model::kind::{Kind, Sensitivity};
use sv0_model::path::PathVerdict;

use crate::Failure;
use crate::args::CanArgs;
use crate::load;
use crate::render::style::{Style, paint};
use crate::render::{self};

pub(crate) fn run(args: &CanArgs) -> Result<u8, Failure> {
    let model = load::load(&args.source)?;
    let node = asked::principal(&model.world, &args.principal)?;
    if args.as_policy {
        let answer = as_policy(&model.world, node);
        render::answer(args.show.output, &answer, |out| write_policy(out, &answer))?;
        render::note_damage(&model);
        return Ok(model.exit_code());
    }
    let answer = can::can(&model.world, &model.steps, &model.finder(), node);
    render::answer(args.show.output, &answer, |out| write(out, &answer, args.all))?;
    render::note_damage(&model);
    Ok(model.exit_code())
}

/// The document alone goes to stdout, so that it can be fed to another tool; what it could not say goes beside it.
fn write_policy(out: &mut dyn Write, answer: &AsPolicy) -> io::Result<()> {
    let text = serde_json::to_string_pretty(&answer.policy).unwrap_or_default();
    writeln!(out, "{text}")?;
    out.flush()?;
    let mut notes = io::stderr().lock();
    let parts = [
        ("the document allows more than the truth", &answer.wider),
        ("not in the document", &answer.missing),
        ("besides", &answer.resource_policies),
    ];
    for (head, lines) in parts {
        for line in lines {
            writeln!(notes, "sv0: {head}: {line}")?;
        }
    }
    Ok(())
}

fn write(out: &mut dyn Write, answer: &Can, all: bool) -> io::Result<()> {
    writeln!(out, "{}", render::entity(&answer.principal))?;
    let list = |names: &[String]| {
        if names.is_empty() {
            "none".into()
        } else {
            names.join(", ")
        }
    };
    render::wrap(out, "  policies: ", "    ", &list(&answer.policies))?;
    if !answer.policies_missing.is_empty() {
        let text = format!(
            "{} (not in the input: it may be able to do more)",
            answer.policies_missing.join(", ")
        );
        render::wrap(out, &format!("  {} ", paint(Style::Warn, "also:")), "    ", &text)?;
    }
    if let Some(boundary) = &answer.boundary {
        render::wrap(out, "  boundary: ", "    ", boundary)?;
    }
    if !answer.scps.is_empty() {
        let mut names = answer.scps.clone();
        names.sort();
        names.dedup();
        render::wrap(out, "  SCPs: ", "    ", &list(&names))?;
    }
    if answer.administrator {
        writeln!(
            out,
            "  {}",
            paint(Style::Bad, "administrator of its account, by what it can do")
        )?;
    }
    writeln!(out)?;
    reaches(out, answer, all)?;
    uses(out, answer)
}

fn reaches(out: &mut dyn Write, answer: &Can, all: bool) -> io::Result<()> {
    let shown: Vec<_> = answer
        .reaches
        .iter()
        .filter(|r| all || !r.within_scope || r.sensitivity >= Sensitivity::Confidential)
        .collect();
    if shown.is_empty() {
        let known = if answer.policies_missing.is_empty() {
            "policies of its own"
        } else {
            "the policies that are in the input"
        };
        writeln!(out, "It reaches no data by {known}.")?;
    } else {
        writeln!(out, "{}", paint(Style::Head, "Data"))?;
        let mut table = render::table(&["what", "kind", "sensitivity", "answer", "can", "by"]);
        for reach in &shown {
            let can = match reach.verdict {
                PathVerdict::Denied => reach.blocked.first().map(|b| b.text.clone()).unwrap_or_default(),
                PathVerdict::AllowedIf => format!(
                    "{}, if {}",
                    brief(&reach.actions),
                    render::conditions(&reach.conditions)
                ),
                PathVerdict::Allowed if reach.access_levels.len() > 3 => render::levels(&reach.access_levels),
                PathVerdict::Allowed => brief(&reach.actions),
            };
            let can = match &reach.scope {
                Some(part) => format!("{can}, only within {part}"),
                None => can,
            };
            let scope = reach.resource.kind == Kind::ResourceScope;
            table.add_row([
                reach.resource.name.clone(),
                if scope {
                    "scope".into()
                } else {
                    reach.resource.kind.label().to_owned()
                },
                if reach.sensitivity == Sensitivity::Unknown {
                    String::new()
                } else {
                    reach.sensitivity.to_string()
                },
                render::verdict(reach.verdict),
                can,
                reach.policies.join(", "),
            ]);
        }
        render::write_table(out, &table)?;
    }
    let hidden = answer.reaches.len() - shown.len();
    if hidden > 0 {
        writeln!(
            out,
            "{}",
            paint(
                Style::Dim,
                &format!("  {hidden} more within a scope of the list (--all shows them)")
            )
        )?;
    }
    Ok(())
}

fn uses(out: &mut dyn Write, answer: &Can) -> io::Result<()> {
    if answer.uses.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    writeln!(out, "{}", paint(Style::Head, "Other identities and workloads"))?;
    for step in &answer.uses {
        let mut line = format!("{} — {}", step.text, render::verdict(step.verdict));
        if !step.conditions.is_empty() {
            line = format!("{line} {}", render::conditions(&step.conditions));
        }
        if let Some(blocked) = step.blocked_by.first() {
            line = format!("{line}: {}", blocked.text);
        }
        render::wrap(out, "  ", "    ", &line)?;
    }
    Ok(())
}
