//! `sv0 explain`: every layer and every statement that decides.

use std::io::{self, Write};

use sv0_analyze::question::explain::{LayerSays, Matching};
use sv0_analyze::question::{Explanation, asked, explain, who_can};
use sv0_model::path::PathVerdict;

use crate::Failure;
use crate::args::ExplainArgs;
use crate::load;
use crate::render;
use crate::render::style::{Style, paint};

pub(crate) fn run(args: &ExplainArgs) -> Result<u8, Failure> {
    asked::single_action(&args.action)?;
    let model = load::load(&args.source)?;
    let who = asked::principal(&model.world, &args.principal)?;
    let subject = who_can::subject(&model.world, &args.resource).map_err(Failure::Lookup)?;
    asked::applies(&args.action, &subject.arn)?;
    let answer = explain::explain(&model.world, who, &args.action, &subject);
    render::answer(args.show.output, &answer, |out| write(out, &answer))?;
    render::note_damage(&model);
    Ok(model.exit_code())
}

fn write(out: &mut dyn Write, answer: &Explanation) -> io::Result<()> {
    let head = format!(
        "{} · {} · {}",
        answer.principal.name, answer.action, answer.resource
    );
    writeln!(out, "{}", paint(Style::Head, &head))?;
    let kind = match (answer.verdict, answer.explicit) {
        (PathVerdict::Denied, true) => " by a statement that denies",
        (PathVerdict::Denied, false) => " because something that must allow does not",
        _ => "",
    };
    writeln!(out, "{}{kind}", render::verdict(answer.verdict))?;
    for blocked in &answer.blocked_by {
        render::wrap(out, "  ", "    ", &blocked.text)?;
    }
    for condition in &answer.conditions {
        render::wrap(out, "  ", "    ", &condition.text)?;
    }
    writeln!(out)?;
    for layer in &answer.layers {
        write_layer(out, layer)?;
    }
    if !answer.coverage_gaps.is_empty() {
        writeln!(out)?;
        writeln!(out, "{}", paint(Style::Head, "What could change this answer"))?;
        for gap in &answer.coverage_gaps {
            render::wrap(out, "  · ", "    ", &gap.detail)?;
        }
    }
    Ok(())
}

fn write_layer(out: &mut dyn Write, layer: &LayerSays) -> io::Result<()> {
    let style = match layer.outcome {
        "allows" => Style::Bad,
        "denies" => Style::Good,
        "may allow" | "may deny" => Style::Warn,
        _ => Style::Dim,
    };
    let name = match &layer.level {
        Some(level) => format!("{} on {level}", layer.layer),
        None => layer.layer.to_owned(),
    };
    let text = format!(
        "{} {}",
        paint(style, layer.outcome),
        paint(Style::Dim, &layer.text)
    );
    render::wrap(out, &format!("{name:<22} "), &" ".repeat(23), text.trim_end())?;
    for matching in &layer.statements {
        write_statement(out, matching)?;
    }
    Ok(())
}

fn write_statement(out: &mut dyn Write, matching: &Matching) -> io::Result<()> {
    let statement = &matching.statement;
    let sid = statement
        .sid
        .as_deref()
        .map_or(String::new(), |sid| format!(" “{sid}”"));
    let via = statement
        .via
        .as_deref()
        .map_or(String::new(), |via| format!(" (through {via})"));
    let doubt = if matching.certain { "" } else { ", perhaps" };
    let line = format!(
        "{}{doubt}: {}{via} {}{sid}",
        statement.effect,
        paint(Style::Name, &statement.policy),
        statement.json_path
    );
    render::wrap(out, "    ", "      ", &line)?;
    if let Some(place) = &matching.place {
        writeln!(out, "      {}", paint(Style::Dim, place))?;
    }
    if !matching.conditions.is_empty() {
        render::wrap(out, "      if ", "         ", &matching.conditions.join("; "))?;
    }
    let compact: String = matching.text.split_whitespace().collect::<Vec<_>>().join(" ");
    render::wrap(out, "      ", "        ", &paint(Style::Dim, &compact))
}
