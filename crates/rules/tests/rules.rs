//! Every rule on small organisations (`cases.json`): one where it finds something, and near misses where it is quiet.
//!
//! A case lists exactly what the rule finds: the severity and the subject, with `?` where it hangs on conditions. A near miss
//! changes some entities (`null` takes one away); then the rule finds nothing, or what its own `finds` says. How
//! organisations are written is told in `analyze/tests/truth/mod.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../analyze/tests/truth/mod.rs"]
mod notation;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};
use sv0_analyze::normalize;
use sv0_analyze::steps::Steps;
use sv0_model::path::PathVerdict;
use sv0_rules::ground::Ground;
use sv0_rules::rule::{RULES, Rule, rule};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    rule: String,
    #[serde(default)]
    organisation: Option<Map<String, Value>>,
    have: Map<String, Value>,
    finds: Vec<String>,
    quiet: Vec<Near>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Near {
    why: String,
    change: Map<String, Value>,
    #[serde(default)]
    finds: Vec<String>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("cases.json")).unwrap()
}

fn found(
    rule: &'static Rule,
    have: &Map<String, Value>,
    organisation: Option<&Map<String, Value>>,
) -> BTreeSet<String> {
    let text = notation::snapshot(have, organisation, &[]);
    let loaded = sv0_input::load_snapshot_text("case", &text);
    let damaged: Vec<&str> = loaded.gaps.iter().map(|gap| gap.detail.as_str()).collect();
    assert!(damaged.is_empty(), "{damaged:?}");
    let world = normalize::build(loaded.records, loaded.gaps);
    assert!(world.policy_problems.is_empty(), "{:?}", world.policy_problems);
    let steps = Steps::build(&world);
    let ground = Ground::new(&world, &steps, Some("2026-11-22".into()));
    let drafts = rule.check(&ground).into_iter();
    drafts
        .map(|draft| {
            let (finding, _) = draft.finish(&ground, rule);
            let mark = if finding.verdict == PathVerdict::AllowedIf {
                "?"
            } else {
                ""
            };
            format!(
                "{}{mark} {}",
                finding.severity,
                notation::short(&finding.subject.id)
            )
        })
        .collect()
}

#[test]
fn every_rule_finds_what_it_should_and_no_near_miss() {
    let mut wrong = Vec::new();
    for case in cases() {
        let rule = rule(&case.rule).unwrap_or_else(|| panic!("there is no rule {}", case.rule));
        let mut check = |what: &str, have: &Map<String, Value>, finds: &[String]| {
            let told = found(rule, have, case.organisation.as_ref());
            let wanted: BTreeSet<String> = finds.iter().cloned().collect();
            if told != wanted {
                wrong.push(format!(
                    "{}: {what}\n  wanted {wanted:?}\n  told   {told:?}",
                    rule.id
                ));
            }
        };
        check("it finds", &case.have, &case.finds);
        for near in &case.quiet {
            let mut have = case.have.clone();
            for (entity, facts) in &near.change {
                match facts {
                    Value::Null => have.remove(entity),
                    facts => have.insert(entity.clone(), facts.clone()),
                };
            }
            check(&near.why, &have, &near.finds);
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case_and_a_near_miss() {
    let cases = cases();
    for rule in &RULES {
        let mut mine = cases.iter().filter(|case| case.rule == rule.id);
        assert!(
            mine.any(|case| !case.finds.is_empty() && case.quiet.iter().any(|near| near.finds.is_empty())),
            "{}",
            rule.id
        );
    }
}

/// The table in `docs/findings.md` as it should be.
fn table() -> String {
    let mut out = String::from("| rule | what it finds | ATT&CK |\n|---|---|---|\n");
    for rule in &RULES {
        out += &format!(
            "| [`{0}`](../crates/rules/book/{0}.md) | {1} | {2} |\n",
            rule.id,
            rule.title(),
            rule.attack().join(", ")
        );
    }
    out
}

#[test]
fn the_page_lists_every_rule() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/findings.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- rules:begin -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- rules:end -->").unwrap();
    let wanted = format!(
        "{before}<!-- rules:begin -->\n{}<!-- rules:end -->{after}",
        table()
    );
    if std::env::var_os("SV0_WRITE_DOCS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    } else {
        assert!(
            page == wanted,
            "docs/findings.md is stale: SV0_WRITE_DOCS=1 writes it"
        );
    }
}
