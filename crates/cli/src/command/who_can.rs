//! `sv0 who-can`: who can do this to that.

use std::io::{self, Write};

use sv0_analyze::question::{WhoCan, asked, who_can};

use crate::Failure;
use crate::args::WhoCanArgs;
use crate::load;
use crate::render::style::{Style, paint};
use crate::render::{self, paths::plural};

pub(crate) fn run(args: &WhoCanArgs) -> Result<u8, Failure> {
    asked::action(&args.action)?;
    let model = load::load(&args.source)?;
    let subject = who_can::subject(&model.world, &args.resource).map_err(Failure::Lookup)?;
    asked::applies(&args.action, &subject.arn)?;
    let answer = who_can::who_can(
        &model.world,
        &model.steps,
        &model.finder(),
        &args.action,
        &subject,
    );
    render::answer(args.show.output, &answer, |out| write(out, &answer))?;
    render::note_damage(&model);
    Ok(model.exit_code())
}

fn write(out: &mut dyn Write, answer: &WhoCan) -> io::Result<()> {
    writeln!(
        out,
        "{}",
        paint(
            Style::Head,
            &format!("Who can {} on {}", answer.action, answer.resource)
        )
    )?;
    writeln!(out)?;
    if answer.direct.is_empty() {
        writeln!(out, "Nobody that was collected, by policies of their own.")?;
    } else {
        let mut table = render::table(&["who", "kind", "account", "answer", "by", "if"]);
        for who in &answer.direct {
            let mut by: Vec<String> = who
                .statements
                .iter()
                .filter(|s| s.effect == "Allow" && s.layer != "boundary")
                .map(|s| {
                    s.via
                        .as_ref()
                        .map_or_else(|| s.policy.clone(), |via| format!("{} (group {via})", s.policy))
                })
                .collect();
            by.dedup();
            table.add_row([
                who.principal.name.clone(),
                who.principal.kind.label().to_owned(),
                who.principal
                    .account_name
                    .clone()
                    .or_else(|| who.principal.account.clone())
                    .unwrap_or_default(),
                render::verdict(who.verdict),
                by.join(", "),
                render::conditions(&who.conditions),
            ]);
        }
        render::write_table(out, &table)?;
    }
    if !answer.through.is_empty() {
        writeln!(out)?;
        writeln!(out, "{}", paint(Style::Head, "Through others"))?;
        for through in answer.through.iter().take(25) {
            let what = format!(
                "{} as {} ({}, {})",
                render::entity(&through.origin),
                paint(Style::Name, &through.as_principal.name),
                plural(through.steps, "step"),
                render::verdict(through.verdict)
            );
            render::wrap(out, "  ", "    ", &what)?;
            render::wrap(
                out,
                "    ",
                "    ",
                &paint(Style::Dim, &through.chain.join(" → ")),
            )?;
            if !through.conditions.is_empty() {
                let first = format!("    {} ", paint(Style::Warn, "if"));
                render::wrap(out, &first, "       ", &render::conditions(&through.conditions))?;
            }
        }
        if answer.through.len() > 25 {
            writeln!(
                out,
                "  … and {} more: `--output json` lists all",
                answer.through.len() - 25
            )?;
        }
    }
    if !answer.stopped.is_empty() {
        writeln!(out)?;
        writeln!(out, "{}", paint(Style::Head, "Granted, and stopped"))?;
        for stopped in &answer.stopped {
            let why = stopped.blocked_by.first().map_or("", |b| b.text.as_str());
            render::wrap(
                out,
                "  ",
                "    ",
                &format!(
                    "{}: {}",
                    render::entity(&stopped.principal),
                    paint(Style::Good, why)
                ),
            )?;
        }
    }
    Ok(())
}
