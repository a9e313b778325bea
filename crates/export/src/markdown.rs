//! Markdown: a table for the eye, and each finding folded below it.

use std::fmt::Write;

use sv0_model::finding::{Finding, Severity, Status};

use crate::Document;

pub(crate) fn write(document: &Document<'_>) -> String {
    let mut out = String::from("# sv0: findings\n\n");
    let counts: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .map(|severity| (severity, document.count(*severity)))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    let suppressed = document.findings.len() - document.open().count();
    let _ = writeln!(
        out,
        "{} · {} · {}{}\n",
        text(document.source),
        document.at.get(..10).unwrap_or(document.at),
        if counts.is_empty() {
            "no finding".to_owned()
        } else {
            counts.join(", ")
        },
        if suppressed > 0 {
            format!(", {suppressed} suppressed")
        } else {
            String::new()
        }
    );
    if document.open().next().is_some() {
        out.push_str("| severity | finding | rule | account |\n|---|---|---|---|\n");
        for finding in document.open() {
            let new = if finding.status == Status::New {
                "**new** "
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "| {} | {new}{} | `{}` | {} |",
                finding.severity,
                text(&finding.title),
                finding.rule,
                text(
                    finding
                        .subject
                        .account_name
                        .as_deref()
                        .or(finding.subject.account.as_deref())
                        .unwrap_or("—")
                )
            );
        }
        out.push('\n');
    }
    for finding in document.open() {
        one(&mut out, document, finding);
    }
    for limited in document.limited {
        let _ = writeln!(out, "> not looked at: {}\n", text(limited));
    }
    if !document.gaps.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>{} could not be read, and may change answers</summary>\n",
            document.gaps.len()
        );
        for gap in document.gaps {
            let _ = writeln!(out, "- {}", text(&gap.detail));
        }
        out.push_str("\n</details>\n");
    }
    out
}

fn one(out: &mut String, document: &Document<'_>, finding: &Finding) {
    let _ = writeln!(
        out,
        "<details><summary>{}: {}</summary>\n",
        finding.severity,
        text(&finding.title)
    );
    let _ = writeln!(out, "{}\n", text(&finding.explanation.join(" ")));
    if let Some(rule) = document.rule(finding.rule) {
        let _ = writeln!(out, "_{}_\n", text(&rule.why));
    }
    let reasons: Vec<String> = finding
        .reasons
        .iter()
        .map(|f| format!("{:+} {}", f.points, text(&f.text)))
        .collect();
    let _ = writeln!(out, "**Why {}:** {}\n", finding.severity, reasons.join("; "));
    if !finding.conditions.is_empty() {
        let all: Vec<String> = finding.conditions.iter().map(|c| text(&c.text)).collect();
        let _ = writeln!(out, "**What would have to be true:** {}\n", all.join("; "));
    }
    if let Some(path) = finding.paths.first() {
        for (at, hop) in path.hops.iter().enumerate() {
            let _ = writeln!(out, "{}. {}", at + 1, text(&hop.text));
        }
        out.push('\n');
    }
    for fix in &finding.fixes {
        let _ = writeln!(out, "**Fix:** {}\n", text(&fix.title));
        for checked in &fix.proof.checked {
            let _ = writeln!(out, "- [x] {}", text(checked));
        }
        for note in &fix.proof.notes {
            let _ = writeln!(out, "- {}", text(note));
        }
        out.push('\n');
        for document in &fix.documents {
            let fence = fence(&document.diff);
            let _ = writeln!(out, "{fence}diff\n{}{fence}\n", document.diff);
        }
    }
    let _ = writeln!(out, "`{}`\n\n</details>\n", finding.id);
}

/// A fence that no line of a text ends.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// A text in which nothing is markup: names and tags may hold anything.
fn text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
