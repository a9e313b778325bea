//! Answers for people: colours, tables, indentation. JSON needs none of this.

pub(crate) mod paths;
pub(crate) mod style;

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};
use serde::Serialize;
use sv0_model::coverage::Gap;
use sv0_model::kind::AccessLevel;
use sv0_model::path::{ConditionText, EntityRef, PathVerdict};

use crate::args::Output;
use crate::load::is_damage;
use crate::{Failure, load::Model};
use style::{Style, harmless, one_line, paint};

/// Prints an answer as JSON, or lets `table` show it to people.
pub(crate) fn answer<T: Serialize>(
    output: Output,
    value: &T,
    table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = match output {
        Output::Table => {
            let mut text = Vec::new();
            table(&mut text)
                .and_then(|()| out.write_all(harmless(&String::from_utf8_lossy(&text)).as_bytes()))
        }
        Output::Json => serde_json::to_writer_pretty(&mut out, value)
            .map_err(Into::into)
            .and_then(|()| writeln!(out)),
        Output::Jsonl => serde_json::to_writer(&mut out, value)
            .map_err(Into::into)
            .and_then(|()| writeln!(out)),
    };
    written.and_then(|()| out.flush()).map_err(Failure::Output)
}

/// A table for a file: without what a terminal alone understands.
pub(crate) fn plain(text: &[u8]) -> String {
    harmless(&String::from_utf8_lossy(text)).into_owned()
}

/// Prints a list: an array as JSON, an element a line as JSONL.
pub(crate) fn answers<T: Serialize>(
    output: Output,
    values: &[T],
    table: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    if output != Output::Jsonl {
        return answer(output, &values, table);
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut write = || {
        for value in values {
            serde_json::to_writer(&mut out, value)?;
            writeln!(out)?;
        }
        out.flush()
    };
    write().map_err(Failure::Output)
}

/// Columns of the terminal; 100 where there is none.
pub(crate) fn width() -> usize {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|c| c.parse::<usize>().ok());
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    columns.or_else(terminal).unwrap_or(100).clamp(40, 160)
}

/// A table with no lines but one under the head, as wide as the terminal at most.
pub(crate) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width()).unwrap_or(100));
    table.set_header(head.iter().map(|text| paint(Style::Dim, text)));
    // Names are what people look for: they keep room, whatever else is in the row.
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::LowerBoundary(Width::Percentage(30)));
    }
    table
}

/// Writes a table without blanks at line ends.
pub(crate) fn write_table(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    table
        .lines()
        .try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

/// Text broken into lines of the terminal's width; later lines are indented. Words longer than a line are cut.
pub(crate) fn wrap(out: &mut dyn Write, first: &str, rest: &str, text: &str) -> io::Result<()> {
    let room = |lead: &str| width().saturating_sub(style::visible(lead)).max(20);
    let mut lead = first;
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word;
        loop {
            let used = style::visible(&line) + usize::from(!line.is_empty());
            let free = room(lead).saturating_sub(used);
            if style::visible(word) <= free {
                break;
            }
            if !line.is_empty() {
                writeln!(out, "{lead}{line}")?;
                line.clear();
            } else {
                // Only text without colours is cut: a word of ours is never that long.
                let at = word.char_indices().nth(free).map_or(word.len(), |(at, _)| at);
                if word.contains('\x1b') || at == 0 {
                    break;
                }
                let (head, tail) = word.split_at_checked(at).unwrap_or((word, ""));
                writeln!(out, "{lead}{head}")?;
                word = tail;
            }
            lead = rest;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    writeln!(out, "{lead}{line}")
}

/// `name (kind, account)`.
pub(crate) fn entity(entity: &EntityRef) -> String {
    let account = entity.account_name.as_deref().or(entity.account.as_deref());
    let place = account.map_or(String::new(), |account| format!(", {account}"));
    format!(
        "{} {}",
        paint(Style::Name, &one_line(&entity.name)),
        paint(Style::Dim, &format!("({}{place})", entity.kind.label()))
    )
}

/// A verdict as a word.
pub(crate) fn verdict(verdict: PathVerdict) -> String {
    match verdict {
        PathVerdict::Allowed => paint(Style::Bad, "allowed"),
        PathVerdict::AllowedIf => paint(Style::Warn, "allowed if"),
        PathVerdict::Denied => paint(Style::Good, "denied"),
    }
}

/// Access levels as words.
pub(crate) fn levels(levels: &[AccessLevel]) -> String {
    if levels.len() == AccessLevel::ALL.len() {
        return "full access".into();
    }
    levels
        .iter()
        .map(|level| level.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Conditions as one sentence.
pub(crate) fn conditions(all: &[ConditionText]) -> String {
    all.iter().map(|c| c.text.clone()).collect::<Vec<_>>().join("; ")
}

/// Tells people what could not be read.
pub(crate) fn gaps(out: &mut dyn Write, model: &Model) -> io::Result<()> {
    if model.world.gaps.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    writeln!(out, "{}", paint(Style::Head, "What could change these answers"))?;
    gap_lines(out, &model.world.gaps, 12)
}

fn gap_lines(out: &mut dyn Write, gaps: &[Gap], most: usize) -> io::Result<()> {
    let mut sorted: Vec<&Gap> = gaps.iter().collect();
    sorted.sort_by_key(|gap| !is_damage(gap));
    // The same consequence is told once, under the last gap that has it.
    let mut by_consequence: BTreeMap<&str, usize> = BTreeMap::new();
    for gap in sorted.iter().take(most) {
        *by_consequence.entry(&gap.consequence).or_default() += 1;
    }
    for gap in sorted.iter().take(most) {
        let mark = if is_damage(gap) {
            paint(Style::Warn, "!")
        } else {
            paint(Style::Dim, "·")
        };
        wrap(out, &format!("  {mark} "), "    ", &gap.detail)?;
        if let Some(left) = by_consequence.get_mut(gap.consequence.as_str()) {
            *left -= 1;
            if *left == 0 {
                wrap(out, "    → ", "      ", &gap.consequence)?;
            }
        }
    }
    if sorted.len() > most {
        writeln!(
            out,
            "  … and {} more: `--output json` lists all",
            sorted.len() - most
        )?;
    }
    Ok(())
}

/// The same, on stderr, where nothing could be read.
pub(crate) fn gaps_to_stderr(gaps: &[Gap]) {
    let mut text = Vec::new();
    // Nothing sensible can be done where stderr is closed.
    let _ = gap_lines(&mut text, gaps, 12).and_then(|()| {
        io::stderr()
            .lock()
            .write_all(harmless(&String::from_utf8_lossy(&text)).as_bytes())
    });
}

/// A failure with its help.
pub(crate) fn failure_to_stderr(failure: Failure) {
    // The text may hold names from files; miette's own colours must come through.
    let mut message = failure.to_string();
    let mut cause = std::error::Error::source(&failure);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    let mut plain = miette::MietteDiagnostic::new(harmless(&message));
    plain.help = miette::Diagnostic::help(&failure).map(|help| harmless(&help.to_string()).into_owned());
    let _ = writeln!(io::stderr().lock(), "{:?}", miette::Report::new(plain));
}

/// One line on stderr where part of the input could not be read, for answers that do not list gaps.
pub(crate) fn note_damage(model: &Model) {
    let damaged = model.world.gaps.iter().filter(|gap| is_damage(gap)).count();
    if damaged > 0 {
        let _ = writeln!(
            io::stderr().lock(),
            "sv0: part of the input could not be read ({damaged} gaps); `sv0 analyze` lists them"
        );
    }
}
