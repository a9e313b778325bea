//! A path, hop by hop.

use std::io::{self, Write};

use sv0_model::kind::Sensitivity;
use sv0_model::path::{Hop, Path, PathVerdict};

use super::style::{Style, one_line, paint};
use super::{conditions, entity, levels, verdict, wrap};

/// The whole path.
pub(crate) fn write(out: &mut dyn Write, path: &Path) -> io::Result<()> {
    let head = format!("{} → {}", entity(&path.origin), entity(&path.target));
    wrap(out, "", "  ", &head)?;
    let mut facts = vec![verdict(path.verdict), levels(&path.access_levels)];
    if path.sensitivity != Sensitivity::Unknown {
        facts.push(format!("{} data", path.sensitivity));
    }
    if path.role_hops > 0 {
        facts.push(plural(path.role_hops, "role hop"));
    }
    if path.deep_trust_chain {
        facts.push(paint(Style::Warn, "deep trust chain"));
    }
    if path.cross_account_hops > 0 {
        facts.push(format!(
            "crosses {}",
            plural(path.cross_account_hops, "account border")
        ));
    }
    if let Some(egress) = path.egress_category {
        facts.push(format!("egress: {egress}"));
    }
    if path.conditions_not_evaluated {
        facts.push(paint(Style::Warn, "conditions not evaluated"));
    }
    if let Some(count) = path.execution_30d {
        facts.push(used(count, path.last_execution_at.as_deref()));
    }
    facts.retain(|fact| !fact.is_empty());
    wrap(out, "  ", "  ", &facts.join(" · "))?;
    for (at, hop) in path.hops.iter().enumerate() {
        write_hop(out, at + 1, hop)?;
    }
    for blocked in &unique(path) {
        wrap(
            out,
            &format!("     {} ", paint(Style::Good, "stopped:")),
            "       ",
            blocked,
        )?;
    }
    if path.kms_not_evaluated {
        let why = if path.conditions_not_evaluated {
            "it is encrypted; the policy of its key was not evaluated"
        } else {
            "the policy of its key is not in the input"
        };
        wrap(out, "     ", "     ", why)?;
    }
    Ok(())
}

/// What stops a path; the same for several actions is told once.
fn unique(path: &Path) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut told: Vec<String> = Vec::new();
    for blocked in &path.blocked_by {
        let general = blocked.text.replace(&blocked.action, "…");
        if !told.contains(&general) {
            told.push(general);
            let others = path
                .blocked_by
                .iter()
                .filter(|b| b.text.replace(&b.action, "…") == told.last().cloned().unwrap_or_default())
                .count();
            let more = if others > 1 {
                format!(" (and {} more actions)", others - 1)
            } else {
                String::new()
            };
            out.push(format!("{}{more}", blocked.text));
        }
    }
    out
}

fn write_hop(out: &mut dyn Write, number: usize, hop: &Hop) -> io::Result<()> {
    let mark = match hop.verdict {
        PathVerdict::Allowed => paint(Style::Dim, "│"),
        PathVerdict::AllowedIf => paint(Style::Warn, "┆"),
        PathVerdict::Denied => paint(Style::Good, "×"),
    };
    let sure = if hop.confidence == "inferred" {
        paint(Style::Warn, " (inferred)")
    } else {
        String::new()
    };
    wrap(
        out,
        &format!("  {number:>2} {mark} "),
        "     ",
        &format!("{}{sure}", hop.text),
    )?;
    if hop.edge != sv0_model::kind::EdgeKind::CanAccess {
        for statement in hop.statements.iter().filter(|s| s.effect == "Allow") {
            let sid = statement
                .sid
                .as_deref()
                .map_or(String::new(), |sid| format!(" “{sid}”"));
            let text = format!("{} {}{sid}", statement.policy, statement.json_path);
            wrap(
                out,
                &format!("     {} ", paint(Style::Dim, "by")),
                "        ",
                &paint(Style::Dim, &text),
            )?;
        }
    }
    if !hop.conditions.is_empty() {
        wrap(
            out,
            &format!("     {} ", paint(Style::Warn, "if")),
            "        ",
            &conditions(&hop.conditions),
        )?;
    }
    if let Some(seen) = hop.evidence.as_ref().and_then(evidence) {
        wrap(
            out,
            &format!("     {} ", paint(Style::Dim, "CloudTrail:")),
            "        ",
            &seen,
        )?;
    }
    Ok(())
}

/// How often somebody came along the whole path, within 30 days.
fn used(count: u64, last: Option<&str>) -> String {
    match (count, last) {
        (0, _) => "not seen in use".to_owned(),
        (1, Some(last)) => format!("used once in 30 days, at {last}"),
        (_, Some(last)) => format!("used {count} times in 30 days, last {last}"),
        (_, None) => format!("used {count} times in 30 days"),
    }
}

/// What CloudTrail saw of a hop, in words; none where a hop is nobody's action.
fn evidence(value: &serde_json::Value) -> Option<String> {
    let text = |name: &str| {
        value
            .get(name)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    };
    match text("status") {
        "seen" => {
            let count = value
                .get("count")
                .and_then(serde_json::Value::as_u64)
                .unwrap_or_default();
            let times = if count == 1 {
                "once".to_owned()
            } else {
                format!("{count} times")
            };
            Some(format!("taken {times}, last {}", text("last")))
        }
        "not_seen" => Some(match text("confidence") {
            "high" => "not taken".to_owned(),
            _ => "not seen; data events are kept, perhaps not of every resource".to_owned(),
        }),
        "cannot_be_seen" => Some(text("why").to_owned()),
        _ => None,
    }
}

/// The chain in one line: `Elliot → AllSafe → AllSafeVaultRole → …`.
pub(crate) fn chain(path: &Path) -> String {
    let mut out = vec![one_line(&path.origin.name)];
    out.extend(path.hops.iter().map(|hop| one_line(&hop.to.name)));
    out.join(" → ")
}

/// `1 role hop`, `2 role hops`.
pub(crate) fn plural(count: usize, word: &str) -> String {
    if count == 1 {
        format!("{count} {word}")
    } else {
        format!("{count} {word}s")
    }
}
