//! The demo organisation gives exactly these findings: reviewed one by one, each line of the snapshot is meant.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write;

use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::{normalize, steps::Steps};
use sv0_rules::ground::Ground;
use sv0_rules::{Options, report};

#[test]
fn exactly_these_findings() {
    let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
    let world = normalize::build(loaded.records, loaded.gaps);
    let steps = Steps::build(&world);
    let ground = Ground::new(&world, &steps, Some("2026-01-05T10:00:00Z".into()));
    let start = std::time::Instant::now();
    let options = Options {
        fixes: std::env::var("FIX")
            .ok()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0),
        ..Options::default()
    };
    let report = report(&ground, &Rules::default(), &options);
    eprintln!("took {:?}", start.elapsed());
    let mut out = String::new();
    for finding in &report.findings {
        writeln!(
            out,
            "{:13} {:24} {}",
            finding.severity.as_str(),
            finding.rule,
            finding.title
        )
        .unwrap();
        if std::env::var("LONG").is_ok() {
            for line in &finding.explanation {
                writeln!(out, "        {line}").unwrap();
            }
            let why: Vec<String> = finding
                .reasons
                .iter()
                .map(|f| format!("{:+} {}", f.points, f.text))
                .collect();
            writeln!(
                out,
                "        [{}] paths {} targets {}",
                why.join("; "),
                finding.path_count,
                finding.target_count
            )
            .unwrap();
            for fix in &finding.fixes {
                writeln!(
                    out,
                    "        FIX {} (lost {} ends {})",
                    fix.title,
                    fix.proof.also_lost,
                    fix.proof.also_ends.len()
                )
                .unwrap();
            }
        }
    }
    if std::env::var("LONG").is_ok() {
        eprintln!("{out}");
        return;
    }
    insta::assert_snapshot!(out);
}
