//! `sv0 evidence`: what CloudTrail saw.

use std::io::{self, Write};

use serde::Serialize;
use sv0_evidence::Reading;
use sv0_evidence::answer::{Filter, Line, lines};
use sv0_evidence::event::Outcome;
use sv0_evidence::evidence::Visible;
use sv0_evidence::fold::Totals;
use sv0_evidence::problem::Problems;
use sv0_evidence::source::Listed;
use sv0_evidence::time::Time;

use crate::Failure;
use crate::args::{EvidenceArgs, Output, Source};
use crate::load;
use crate::render::style::{Style, one_line, paint};
use crate::render::{self};
use crate::trail;

/// What `--output json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    since: Time,
    until: Time,
    lines: &'a [Line],
    /// Kinds of events that the records hold; what is not here cannot be seen.
    recorded: &'a [Visible],
    totals: Totals,
    listed: &'a Listed,
    problems: &'a Problems,
}

pub(crate) fn run(args: &EvidenceArgs) -> Result<u8, Failure> {
    let reading = trail::read(&args.trail, &args.source)?;
    let filter = Filter {
        principal: full_name(&args.source, args.principal.as_deref())?,
        resource: full_name(&args.source, args.resource.as_deref())?,
        ..Filter::default()
    };
    let found = lines(&reading.evidence, &filter);
    let window = reading.evidence.window();
    let answer = Answer {
        since: window.since,
        until: window.until,
        lines: &found,
        recorded: reading.evidence.visible(),
        totals: reading.evidence.totals(),
        listed: &reading.listed,
        problems: &reading.problems,
    };
    if args.show.output == Output::Jsonl {
        render::answers(Output::Jsonl, &found, |_| Ok(()))?;
    } else {
        render::answer(args.show.output, &answer, |out| {
            write(out, &reading, &found, args.limit)
        })?;
    }
    Ok(trail::exit_code(&reading))
}

/// The ARN of a name, where the configuration is there and has it; else the name itself, which records may have.
pub(crate) fn full_name(source: &Source, name: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(name) = name else {
        return Ok(None);
    };
    let configured = source.demo
        || !source.input.is_empty()
        || std::env::var_os("SV0_SNAPSHOT").is_some_and(|text| !text.is_empty());
    if name.starts_with("arn:") || !configured {
        return Ok(Some(name.to_owned()));
    }
    let model = load::load(source)?;
    let found = model.world.lookup(name, &[]).ok();
    let known = found.map(|node| model.world.id(node).to_owned());
    // A person of Identity Center is in records by name.
    Ok(Some(
        known
            .filter(|id| !id.contains(":identitystore:"))
            .unwrap_or_else(|| name.to_owned()),
    ))
}

fn write(out: &mut dyn Write, reading: &Reading, found: &[Line], limit: usize) -> io::Result<()> {
    let window = reading.evidence.window();
    let head = format!("Seen from {} to {}", window.since, window.until);
    writeln!(out, "{}\n", paint(Style::Head, &head))?;
    if found.is_empty() {
        writeln!(out, "Nothing that was asked for is in the records.")?;
    } else {
        let mut table = render::table(&["who started it", "as", "did", "to", "times", "last"]);
        let shown = if limit == 0 { found.len() } else { limit };
        for line in found.iter().take(shown) {
            table.add_row([
                who(line),
                one_line(short(&line.principal)),
                did(line),
                one_line(line.resource.strip_prefix("arn:aws:").unwrap_or(&line.resource)),
                line.count.to_string(),
                line.last.to_string(),
            ]);
        }
        render::write_table(out, &table)?;
        if found.len() > shown {
            writeln!(out, "… and {} more (--limit 0 shows all)", found.len() - shown)?;
        }
    }
    writeln!(out)?;
    let totals = reading.evidence.totals();
    let kept: Vec<&str> = {
        let mut data: Vec<&str> = reading
            .evidence
            .visible()
            .iter()
            .filter(|one| one.data)
            .map(|one| sv0_evidence::action::prefix(&one.source))
            .collect();
        data.sort_unstable();
        data.dedup();
        data
    };
    let data = if kept.is_empty() {
        "none: reads of data cannot be seen".to_owned()
    } else {
        kept.join(", ")
    };
    let note = format!(
        "{} records, {} of them duplicates, in {} objects · data events of: {data}",
        totals.records, totals.duplicates, reading.listed.objects
    );
    render::wrap(out, "", "", &paint(Style::Dim, &note))
}

/// Who started a chain: a user by name, as the full ARN stands in the JSON.
pub(crate) fn who(line: &Line) -> String {
    let name = line.origin.to_string();
    let name = if name.starts_with("arn:") {
        short(&name)
    } else {
        &name
    };
    format!("{} ({})", one_line(name), line.origin.label())
}

/// The last part of an ARN.
pub(crate) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// What was done, and how it ended where it did not succeed.
pub(crate) fn did(line: &Line) -> String {
    let name = line
        .actions
        .first()
        .map_or_else(|| line.event_name.clone(), |action| (*action).to_owned());
    let through = line
        .through
        .as_ref()
        .map_or(String::new(), |service| format!(" through {service}"));
    let how = match line.outcome {
        Outcome::Success => String::new(),
        Outcome::Denied => paint(Style::Good, " (denied)"),
        other => format!(" ({})", other.as_str().replace('_', " ")),
    };
    format!("{}{}{how}", one_line(&name), one_line(&through))
}
