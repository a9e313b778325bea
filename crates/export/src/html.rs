//! One page that needs nothing else: no script, no font, no picture from anywhere. Good to read on a phone and on a wall, and to
//! print: what is folded on the screen is unfolded on paper.

use std::fmt::Write;

use sv0_model::finding::{Finding, Fix, Severity, Status};
use sv0_model::path::{Hop, Path, PathVerdict};

use crate::Document;

const STYLE: &str = include_str!("report.css");

pub(crate) fn write(document: &Document<'_>) -> String {
    let mut out = String::new();
    let day = document.at.get(..10).unwrap_or(document.at);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>sv0: {} of {day}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        text(document.source)
    );
    let _ = write!(
        out,
        "<header><p class=\"mark\">sv0</p><h1>What to decide about</h1><p class=\"meta\">{} · {day}</p></header>\n<main>\n",
        text(document.source)
    );
    summary(&mut out, document);
    contents(&mut out, document);
    for severity in Severity::ALL.iter().rev() {
        let of: Vec<&Finding> = document
            .open()
            .filter(|finding| finding.severity == *severity)
            .collect();
        if of.is_empty() {
            continue;
        }
        let _ = writeln!(
            out,
            "<section class=\"group\"><h2 id=\"{severity}\">{} <span class=\"count\">{}</span></h2>",
            capital(severity.as_str()),
            of.len()
        );
        for finding in of {
            article(&mut out, document, finding);
        }
        out.push_str("</section>\n");
    }
    suppressed(&mut out, document);
    gaps(&mut out, document);
    let _ = write!(
        out,
        "</main>\n<footer><p>Made by sv0 {}. Every fix was tried before it was offered; nothing was changed.</p></footer>\n</body>\n</html>\n",
        text(document.version)
    );
    out
}

fn summary(out: &mut String, document: &Document<'_>) {
    out.push_str("<section class=\"summary\" aria-label=\"Summary\"><ul class=\"tiles\">\n");
    for severity in Severity::ALL.iter().rev() {
        let count = document.count(*severity);
        let tile = format!("<b>{count}</b><span>{severity}</span>");
        if count > 0 {
            let _ = writeln!(
                out,
                "<li class=\"tile {severity}\"><a href=\"#{severity}\">{tile}</a></li>"
            );
        } else {
            let _ = writeln!(out, "<li class=\"tile none\">{tile}</li>");
        }
    }
    out.push_str("</ul>\n");
    let mut facts = Vec::new();
    if document.has_baseline {
        let new = document
            .open()
            .filter(|finding| finding.status == Status::New)
            .count();
        facts.push(format!("{new} new since the baseline"));
    }
    let fixed = document
        .open()
        .filter(|finding| !finding.fixes.is_empty())
        .count();
    if fixed > 0 {
        facts.push(format!("{fixed} with a fix that was tried"));
    }
    if !document.gaps.is_empty() {
        facts.push(format!(
            "<a href=\"#gaps\">{} gaps in what could be read</a>",
            document.gaps.len()
        ));
    }
    if !facts.is_empty() {
        let _ = writeln!(out, "<p class=\"facts\">{}</p>", facts.join(" · "));
    }
    out.push_str("</section>\n");
}

fn contents(out: &mut String, document: &Document<'_>) {
    if document.open().next().is_none() {
        out.push_str(
            "<p class=\"empty\">No finding. What could not be read is below: it may hide one.</p>\n",
        );
        return;
    }
    out.push_str(
        "<nav aria-label=\"Findings\"><table><thead><tr><th>Severity</th><th>Finding</th><th>Account</th></tr></thead><tbody>\n",
    );
    for finding in document.open() {
        let new = if finding.status == Status::New {
            "<span class=\"new\">new</span> "
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "<tr><td><span class=\"chip {0}\">{0}</span></td><td>{new}<a href=\"#{1}\">{2}</a></td><td>{3}</td></tr>",
            finding.severity,
            text(&finding.id),
            text(&finding.title),
            text(account(finding))
        );
    }
    out.push_str("</tbody></table></nav>\n");
}

fn account(finding: &Finding) -> &str {
    finding
        .subject
        .account_name
        .as_deref()
        .or(finding.subject.account.as_deref())
        .unwrap_or("—")
}

fn article(out: &mut String, document: &Document<'_>, finding: &Finding) {
    let rule = document.rule(finding.rule);
    let _ = write!(
        out,
        "<article id=\"{}\" class=\"{}\"><h3>{}</h3>\n<p class=\"meta\"><span class=\"chip {}\">{}</span> {} · {} · <code>{}</code></p>\n",
        text(&finding.id),
        finding.severity,
        text(&finding.title),
        finding.severity,
        finding.severity,
        text(rule.map_or(finding.rule, |rule| &rule.title)),
        if finding.verdict == PathVerdict::AllowedIf {
            "hangs on conditions"
        } else {
            "certain"
        },
        text(&finding.id)
    );
    for sentence in &finding.explanation {
        let _ = writeln!(out, "<p>{}</p>", prose(sentence));
    }
    if let Some(rule) = rule {
        let _ = writeln!(out, "<p class=\"why\">{}</p>", prose(&rule.why));
    }
    for path in finding.paths.iter().take(2) {
        draw(out, path);
    }
    if finding.path_count > 2 {
        let _ = writeln!(
            out,
            "<p class=\"meta\">{} paths in all; <code>sv0 findings {}</code> shows more</p>",
            finding.path_count,
            text(short(&finding.id))
        );
    }
    out.push_str("<div class=\"columns\"><div>\n<h4>Why ");
    let _ = writeln!(out, "{}</h4><table class=\"reasons\">", finding.severity);
    for factor in &finding.reasons {
        let _ = writeln!(
            out,
            "<tr><td>{:+}</td><td>{} <span class=\"meta\">{}</span></td></tr>",
            factor.points,
            text(&factor.text),
            factor.name
        );
    }
    out.push_str("</table></div>\n");
    if !finding.conditions.is_empty() {
        out.push_str("<div><h4>What would have to be true</h4><ul>\n");
        for condition in &finding.conditions {
            let _ = writeln!(out, "<li>{}</li>", text(&condition.text));
        }
        out.push_str("</ul></div>\n");
    }
    if !finding.targets.is_empty() {
        let _ = writeln!(
            out,
            "<div><h4>Touches {}</h4><ul class=\"names\">",
            finding.target_count
        );
        for target in finding.targets.iter().take(8) {
            let _ = writeln!(
                out,
                "<li title=\"{}\">{} <span class=\"meta\">{}</span></li>",
                text(&target.id),
                text(&target.name),
                target.kind.label()
            );
        }
        if finding.target_count > 8 {
            let _ = writeln!(
                out,
                "<li class=\"meta\">and {} more</li>",
                finding.target_count - 8
            );
        }
        out.push_str("</ul></div>\n");
    }
    out.push_str("</div>\n");
    if !finding.statements.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>{} deciding statements</summary><ul class=\"statements\">",
            finding.statements.len()
        );
        for statement in &finding.statements {
            let sid = statement
                .sid
                .as_deref()
                .map(|sid| format!(" “{}”", text(sid)))
                .unwrap_or_default();
            let _ = writeln!(
                out,
                "<li><b>{}</b> {}{sid} <span class=\"meta\">{} · {}</span><br><code>{}</code></li>",
                text(&statement.policy),
                text(&statement.json_path),
                text(&statement.effect),
                text(&statement.layer),
                text(&statement.policy_id)
            );
        }
        out.push_str("</ul></details>\n");
    }
    out.push_str("<h4>What to do</h4>\n");
    if let Some(rule) = rule {
        let _ = writeln!(out, "<p>{}</p>", prose(&rule.todo));
    }
    for (at, fix) in finding.fixes.iter().enumerate() {
        write_fix(out, fix, at == 0);
    }
    for gap in &finding.coverage_gaps {
        let _ = writeln!(
            out,
            "<p class=\"gap\">Could change this: {}</p>",
            text(&gap.detail)
        );
    }
    if !finding.attack.is_empty() {
        let _ = writeln!(
            out,
            "<p class=\"meta\">MITRE ATT&amp;CK {}</p>",
            text(&finding.attack.join(", "))
        );
    }
    out.push_str("</article>\n");
}

fn write_fix(out: &mut String, fix: &Fix, first: bool) {
    let _ = write!(
        out,
        "<details class=\"fix\"{}><summary><span class=\"tick\" aria-hidden=\"true\">✓</span> {}</summary>\n<ul class=\"proof\">\n",
        if first { " open" } else { "" },
        text(&fix.title)
    );
    for checked in &fix.proof.checked {
        let _ = writeln!(out, "<li class=\"checked\">{}</li>", text(checked));
    }
    for note in &fix.proof.notes {
        let _ = writeln!(out, "<li>{}</li>", text(note));
    }
    out.push_str("</ul>\n");
    for setting in &fix.settings {
        let _ = writeln!(out, "<p>{}</p>", text(setting));
    }
    for document in &fix.documents {
        let _ = write!(
            out,
            "<pre class=\"diff\" tabindex=\"0\" aria-label=\"Change of {}\">",
            text(&document.policy)
        );
        for line in document.diff.lines() {
            let class = match line.as_bytes().first() {
                Some(b'+') => "add",
                Some(b'-') => "del",
                Some(b'@') => "at",
                _ => "",
            };
            let _ = writeln!(out, "<span class=\"{class}\">{}</span>", text(line));
        }
        out.push_str("</pre>\n");
    }
    if !fix.terraform.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>Terraform</summary><pre tabindex=\"0\">{}</pre></details>",
            text(&fix.terraform)
        );
    }
    out.push_str("</details>\n");
}

/// A path from left to right; a border between accounts is drawn as one.
fn draw(out: &mut String, path: &Path) {
    let verdict = match path.verdict {
        PathVerdict::Allowed => "allowed",
        PathVerdict::AllowedIf => "if",
        PathVerdict::Denied => "denied",
    };
    let _ = writeln!(
        out,
        "<ol class=\"path {verdict}\" aria-label=\"From {} to {}\">",
        text(&path.origin.name),
        text(&path.target.name)
    );
    node(out, &path.origin, None);
    for hop in &path.hops {
        node(out, &hop.to, Some(hop));
    }
    out.push_str("</ol>\n");
}

fn node(out: &mut String, entity: &sv0_model::path::EntityRef, hop: Option<&Hop>) {
    let mut class = String::new();
    if let Some(hop) = hop {
        if hop.from.account.is_some() && hop.to.account.is_some() && hop.from.account != hop.to.account {
            class.push_str(" border");
        }
        if hop.verdict == PathVerdict::AllowedIf {
            class.push_str(" maybe");
        }
    }
    let _ = write!(out, "<li class=\"{}\">", class.trim());
    if let Some(hop) = hop {
        let _ = write!(out, "<span class=\"step\">{}</span>", text(&hop.text));
    }
    let _ = writeln!(
        out,
        "<span class=\"entity\" title=\"{}\"><b>{}</b><span>{}{}</span></span></li>",
        text(&entity.id),
        text(&entity.name),
        entity.kind.label(),
        entity
            .account_name
            .as_deref()
            .or(entity.account.as_deref())
            .map(|account| format!(" · {}", text(account)))
            .unwrap_or_default()
    );
}

fn suppressed(out: &mut String, document: &Document<'_>) {
    let all: Vec<&Finding> = document
        .findings
        .iter()
        .filter(|finding| !finding.is_open())
        .collect();
    if all.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "<section class=\"group\"><h2>Suppressed <span class=\"count\">{}</span></h2><ul class=\"suppressed\">",
        all.len()
    );
    for finding in all {
        if let Status::Suppressed { reason, by, until } = &finding.status {
            let _ = writeln!(
                out,
                "<li><span class=\"chip {0}\">{0}</span> {1}<br><span class=\"meta\">accepted: {2}{3}{4}</span></li>",
                finding.severity,
                text(&finding.title),
                text(reason),
                by.as_deref()
                    .map(|by| format!(" · {}", text(by)))
                    .unwrap_or_default(),
                until
                    .as_deref()
                    .map(|until| format!(" · until {}", text(until)))
                    .unwrap_or_default()
            );
        }
    }
    out.push_str("</ul></section>\n");
}

fn gaps(out: &mut String, document: &Document<'_>) {
    if document.gaps.is_empty() && document.limited.is_empty() {
        return;
    }
    out.push_str("<section class=\"group\"><h2 id=\"gaps\">What could not be read</h2><p>Each of these may hide a finding, or change one.</p><ul>\n");
    for limited in document.limited {
        let _ = writeln!(out, "<li>{}</li>", text(limited));
    }
    for gap in document.gaps {
        let _ = writeln!(
            out,
            "<li>{} <span class=\"meta\">{}</span></li>",
            text(&gap.detail),
            text(&gap.consequence)
        );
    }
    out.push_str("</ul></section>\n");
}

fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(6)..).unwrap_or(id)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A text in which nothing is markup, inside elements and attributes alike. Characters that turn the reading direction around
/// could make a name look like another one.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('\u{fffd}'),
            c if c.is_control() && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A sentence: what stands between backticks is code.
fn prose(sentence: &str) -> String {
    let mut out = String::new();
    for (at, part) in sentence.split('`').enumerate() {
        if at % 2 == 1 {
            let _ = write!(out, "<code>{}</code>", text(part));
        } else {
            out.push_str(&text(part));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{prose, text};

    #[test]
    fn nothing_that_was_read_is_markup() {
        assert_eq!(
            text("<script>alert('x')</script>"),
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"
        );
        assert_eq!(text("a\u{202e}b\u{7}"), "a\u{fffd}b\u{fffd}");
        assert_eq!(prose("ask for `a<b`"), "ask for <code>a&lt;b</code>");
    }
}
