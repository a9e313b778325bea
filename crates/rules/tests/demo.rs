//! The demo organisation gives exactly these findings: reviewed one by one, each line of the snapshot is meant.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write;

use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::{normalize, steps::Steps};
use sv0_model::finding::Severity;
use sv0_rules::ground::Ground;
use sv0_rules::{Options, report};

#[test]
fn exactly_these_findings() {
    let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
    let world = normalize::build(loaded.records, loaded.gaps);
    let steps = Steps::build(&world);
    let ground = Ground::new(&world, &steps, Some("2026-01-05T10:00:00Z".into()));
    let report = report(&ground, &Rules::default(), &Options::default());
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
    }
    insta::assert_snapshot!(out);
}

/// What cannot be mended by a policy is in these rules alone; everything else from medium up has a fix, and every fix that is
/// offered was tried.
#[test]
fn what_a_policy_can_mend_has_a_fix_that_works() {
    let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
    let world = normalize::build(loaded.records, loaded.gaps);
    let steps = Steps::build(&world);
    let ground = Ground::new(&world, &steps, Some("2026-01-05T10:00:00Z".into()));
    let options = Options {
        fixes: usize::MAX,
        ..Options::default()
    };
    let report = report(&ground, &Rules::default(), &options);
    let elsewhere = ["vulnerable-image", "scope-drift", "unrotated-secret"];
    for finding in report.findings.iter().filter(|f| f.severity >= Severity::Medium) {
        assert_eq!(
            finding.fixes.is_empty(),
            elsewhere.contains(&finding.rule),
            "{}: {}",
            finding.rule,
            finding.title
        );
        for fix in &finding.fixes {
            let proof = &fix.proof;
            assert!(proof.finding_gone && proof.opens_nothing, "{}", fix.title);
            assert!(!fix.terraform.is_empty(), "{}", fix.title);
            let changed = fix.documents.len() + fix.detach.len() + fix.delete.len() + fix.settings.len();
            assert!(changed > 0, "{}", fix.title);
            for document in &fix.documents {
                assert!(!document.diff.is_empty(), "{}", fix.title);
                if let Some(after) = &document.after {
                    serde_json::from_str::<serde_json::Value>(after).unwrap();
                }
            }
        }
    }
}
