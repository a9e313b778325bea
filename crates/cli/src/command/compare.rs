//! `sv0 compare`: what does the new version of a policy allow that the old one did not, and the other way round?

use std::io::{self, Read, Write};
use std::path::Path;

use serde::Serialize;
use sv0_engine::actions::patterns;
use sv0_engine::compare::{Gain, Kind, gains};
use sv0_engine::keys::{Value, spelled};
use sv0_iam::catalog::Catalog;
use sv0_iam::syntax::{Flavor, Policy, Severity, parse};

use crate::Failure;
use crate::args::{CompareArgs, PolicyKind};
use crate::render;
use crate::render::style::{Style, harmless, paint};

/// The exit code where more is allowed than before, and that was asked for.
pub(super) const MORE: u8 = 5;

#[derive(Serialize)]
struct Answer {
    kind: &'static str,
    gains: Vec<Change>,
    losses: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    actions: Vec<String>,
    /// Indexes of the statements that allow it in the version that does.
    statements: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<Example>,
}

#[derive(Serialize)]
struct Example {
    action: String,
    resource: String,
    /// Key, and its value, its values, or null where it is absent.
    context: serde_json::Map<String, serde_json::Value>,
}

pub(crate) fn run(args: &CompareArgs) -> Result<u8, Failure> {
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let kind = args.kind.map_or_else(|| guess(&old, &new), kind);
    let flavor = match kind {
        Kind::Identity => Flavor::Identity,
        Kind::Resource => Flavor::Resource,
        Kind::Trust => Flavor::Trust,
        Kind::Scp => Flavor::Scp,
        Kind::Rcp => Flavor::Rcp,
    };
    let (old, new) = (policy(&args.old, &old, flavor)?, policy(&args.new, &new, flavor)?);
    let answer = Answer {
        kind: word(kind),
        gains: gains(&old, &new, kind).into_iter().map(change).collect(),
        losses: gains(&new, &old, kind).into_iter().map(change).collect(),
    };
    render::answer(args.show.output, &answer, |out| write(out, &answer))?;
    Ok(if args.exit_code && !answer.gains.is_empty() {
        MORE
    } else {
        0
    })
}

/// A document; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::Read {
        path: path.display().to_string(),
        source,
    };
    if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(failed)
}

const fn kind(kind: PolicyKind) -> Kind {
    match kind {
        PolicyKind::Identity => Kind::Identity,
        PolicyKind::Resource => Kind::Resource,
        PolicyKind::Trust => Kind::Trust,
        PolicyKind::Scp => Kind::Scp,
        PolicyKind::Rcp => Kind::Rcp,
    }
}

const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity => "identity",
        Kind::Resource => "resource",
        Kind::Trust => "trust",
        Kind::Scp => "scp",
        Kind::Rcp => "rcp",
    }
}

/// A policy that names principals is a resource's, or without resources a role's; others are identities'.
fn guess(old: &str, new: &str) -> Kind {
    let statements: Vec<_> = [old, new]
        .into_iter()
        .filter_map(|text| parse(text, Flavor::Resource).0)
        .flat_map(|policy| policy.statements)
        .collect();
    let principals = statements.iter().any(|s| s.principal.is_some());
    let resources = statements.iter().any(|s| s.resource.is_some());
    match (principals, resources) {
        (false, _) => Kind::Identity,
        (true, true) => Kind::Resource,
        (true, false) => Kind::Trust,
    }
}

/// Compiles a document. A part that could not be read would make the answer wrong, so there is none then.
fn policy(path: &Path, text: &str, flavor: Flavor) -> Result<Policy, Failure> {
    let (policy, problems) = parse(text, flavor);
    let place = |problem: &sv0_iam::syntax::Diagnostic| {
        let (line, column) = problem.line_column(text);
        format!("{}:{line}:{column}: {problem}", path.display())
    };
    let errors: Vec<String> = problems
        .iter()
        .filter(|p| p.severity == Severity::Error)
        .map(place)
        .collect();
    match policy {
        Some(policy) if errors.is_empty() => {
            let mut notes = io::stderr().lock();
            for problem in &problems {
                // Nothing sensible can be done where even this cannot be printed.
                let _ = writeln!(notes, "sv0: {}", harmless(&place(problem)));
            }
            Ok(policy)
        }
        _ => Err(Failure::Policy {
            path: path.display().to_string(),
            help: errors.join("\n"),
        }),
    }
}

fn change(gain: Gain) -> Change {
    let example = gain.example.map(|shown| {
        let value = |value: &Value| match value {
            Value::Absent => serde_json::Value::Null,
            Value::One(text) => text.as_str().into(),
            Value::Many(texts) => texts.clone().into(),
        };
        let action = Catalog::embedded().action_by_id(shown.action);
        Example {
            action: action.map_or_else(String::new, |action| action.name().to_owned()),
            resource: shown.resource,
            context: shown
                .example
                .keys
                .iter()
                .map(|(key, v)| (spelled(key), value(v)))
                .collect(),
        }
    });
    Change {
        principal: gain.principal,
        actions: patterns(&gain.actions),
        statements: gain.statements,
        example,
    }
}

fn write(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let parts = [
        (
            "The new version allows what the old one did not",
            Style::Bad,
            &answer.gains,
        ),
        (
            "The old version allowed what the new one does not",
            Style::Good,
            &answer.losses,
        ),
    ];
    if answer.gains.is_empty() {
        writeln!(
            out,
            "{}",
            paint(
                Style::Good,
                "The new version allows nothing that the old one did not."
            )
        )?;
    }
    for (head, style, changes) in parts {
        if changes.is_empty() {
            continue;
        }
        writeln!(out, "{}", paint(style, head))?;
        for change in changes {
            write_change(out, change)?;
        }
    }
    Ok(())
}

fn write_change(out: &mut dyn Write, change: &Change) -> io::Result<()> {
    const MOST: usize = 12;
    let mut actions = change
        .actions
        .iter()
        .take(MOST)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if change.actions.len() > MOST {
        actions = format!("{actions} and {} more", change.actions.len() - MOST);
    }
    let who = change
        .principal
        .as_deref()
        .map_or(String::new(), |p| format!("{}: ", harmless(p)));
    let by: Vec<String> = change
        .statements
        .iter()
        .map(|index| format!("Statement[{index}]"))
        .collect();
    let by = if by.is_empty() {
        String::new()
    } else {
        format!(" ({})", by.join(", "))
    };
    render::wrap(
        out,
        "  ",
        "    ",
        &format!("{who}{actions}{}", paint(Style::Dim, &by)),
    )?;
    if let Some(example) = &change.example {
        let context: Vec<String> = example
            .context
            .iter()
            .map(|(key, value)| match value {
                serde_json::Value::Null => format!("without {key}"),
                value => format!("{key} = {value}"),
            })
            .collect();
        let with = if context.is_empty() {
            String::new()
        } else {
            format!(", {}", context.join(", "))
        };
        let text = format!("such as {} on {}{with}", example.action, example.resource);
        render::wrap(out, "    ", "      ", &paint(Style::Dim, &harmless(&text)))?;
    }
    Ok(())
}
