//! Runs `tests/corpus/*.json`: AWS's evaluation rules, each with requests that are allowed and near misses that are
//! not. The rules are numbered as in the project's rule book; `corpus/deferred.json` lists those that the plain
//! evaluator does not decide, with the reason. A rule with neither cases nor a reason fails this test.
//!
//! The head of `cases/mod.rs` says what a corpus file holds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

#[path = "cases/mod.rs"]
mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Deserialize;
use serde_json::json;
use sv0_iam::decide::{Block, Doubt, Hit, Layer, Requirement, Verdict, decide};

use cases::{Case, Documents, ask, cases, directory, one_line, read};

const RULES: std::ops::RangeInclusive<u32> = 1..=46;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deferred {
    about: String,
    deferred: Vec<DeferredRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeferredRule {
    rule: u32,
    /// The part that is deferred; the whole rule where none is given.
    part: Option<String>,
    reason: String,
}

fn layer(layer: Layer, level: usize) -> String {
    match layer {
        Layer::Scp | Layer::Rcp => format!("{layer}[{level}]"),
        _ => layer.to_string(),
    }
}

fn block(block: &Block) -> String {
    format!(
        "{}{}",
        layer(block.layer, block.level),
        if block.explicit { ":deny" } else { "" }
    )
}

fn requirement(requirement: &Requirement, documents: &Documents) -> String {
    match requirement {
        Requirement::ForeignIdentity => "foreign identity".to_owned(),
        Requirement::Hit(hit) => {
            let doubts: Vec<String> = hit.doubts.iter().map(|d| doubt(d, hit, documents)).collect();
            format!("{}: {}", layer(hit.layer, hit.level), doubts.join(", "))
        }
    }
}

fn doubt(doubt: &Doubt, hit: &Hit, documents: &Documents) -> String {
    match doubt {
        Doubt::Condition(index) => {
            let policy = &documents.policies[hit.tag as usize];
            let statement = policy
                .statements
                .iter()
                .find(|s| s.index == hit.statement)
                .unwrap();
            statement.conditions[*index].key_text.to_string()
        }
        Doubt::Variable(key) => format!("${{{key}}}"),
        Doubt::Session => "session".to_owned(),
        Doubt::Somebody => "somebody".to_owned(),
    }
}

/// What is wrong with a case, or with the answer to it.
fn problem(case: &Case) -> Option<String> {
    let denied = case.expect.ends_with("_deny");
    if !RULES.contains(&case.rule) || case.name.is_empty() || case.why.is_empty() {
        return Some("needs a rule, a name and a why".to_owned());
    }
    if !case
        .source
        .as_ref()
        .is_some_and(|s| s.starts_with("https://docs.aws.amazon.com/"))
    {
        return Some("needs the AWS page it follows".to_owned());
    }
    if denied != case.blocked_by.is_some() {
        return Some("blocked_by belongs to denials, and only to them".to_owned());
    }
    let (decision, documents) = ask(case, decide);
    if case.malformed == documents.problems.is_empty() {
        return Some(format!(
            "malformed is {}, but: {:?}",
            case.malformed, documents.problems
        ));
    }
    let got = decision.verdict.as_str();
    let blocks: BTreeSet<String> = decision.blocks.iter().map(block).collect();
    let needs: BTreeSet<String> = decision
        .requirements
        .iter()
        .map(|r| requirement(r, &documents))
        .collect();
    let right = got == case.expect
        && case.blocked_by.as_ref().is_none_or(|wanted| *wanted == blocks)
        && case.hangs_on.as_ref().is_none_or(|wanted| *wanted == needs);
    (!right).then(|| {
        format!(
            "expected {} {:?} {:?}, got {got} {blocks:?} {needs:?}",
            case.expect,
            case.blocked_by.clone().unwrap_or_default(),
            case.hangs_on.clone().unwrap_or_default(),
        )
    })
}

#[test]
fn every_case_is_answered_as_aws_would() {
    let mut failures = String::new();
    let mut names = BTreeSet::new();
    for (file, case) in cases() {
        if !names.insert(case.name.clone()) {
            let _ = writeln!(failures, "{file}: two cases are called \"{}\"", case.name);
        }
        if let Some(problem) = problem(&case) {
            let _ = writeln!(
                failures,
                "{file}, rule {}, \"{}\": {problem}",
                case.rule, case.name
            );
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn every_rule_has_both_answers_or_a_reason() {
    let deferred: Deferred = read(&directory().join("deferred.json")).unwrap_or_else(|p| panic!("{p}"));
    assert!(!deferred.about.is_empty());
    let mut count: BTreeMap<u32, [usize; 3]> = RULES.map(|rule| (rule, [0; 3])).collect();
    for (_, case) in cases() {
        let column = match case.expect.as_str() {
            verdict if verdict == Verdict::Allowed.as_str() => 0,
            verdict if verdict == Verdict::AllowedIf.as_str() => 1,
            _ => 2,
        };
        count.get_mut(&case.rule).unwrap()[column] += 1;
    }
    let mut failures = String::new();
    for (rule, [allowed, perhaps, denied]) in &count {
        let reasons: Vec<&DeferredRule> = deferred.deferred.iter().filter(|d| d.rule == *rule).collect();
        let whole = reasons.iter().any(|d| d.part.is_none());
        let covered = *allowed > 0 && *denied > 0;
        eprintln!(
            "rule {rule:2}: {allowed:3} allowed {perhaps:3} allowed_if {denied:3} denied{}",
            if whole {
                ", deferred"
            } else if reasons.is_empty() {
                ""
            } else {
                ", deferred in part"
            }
        );
        if !whole && !covered {
            let _ = writeln!(
                failures,
                "rule {rule}: {allowed} allowed, {denied} denied, and no reason"
            );
        }
        if whole && allowed + perhaps + denied > 0 {
            let _ = writeln!(
                failures,
                "rule {rule} has cases, so it is not deferred as a whole"
            );
        }
    }
    for DeferredRule { rule, part, reason } in &deferred.deferred {
        if !RULES.contains(rule) || reason.is_empty() || part.as_ref().is_some_and(String::is_empty) {
            let _ = writeln!(
                failures,
                "deferred.json: rule {rule} needs a reason, and a part that says something"
            );
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn a_one_line_policy_is_what_it_says() {
    assert_eq!(
        one_line(
            "Allow s3:Get*, s3:List* on arn:aws:s3:::a, arn:aws:s3:::b to 111111111111, ec2.amazonaws.com"
        ),
        json!({
            "Effect": "Allow",
            "Action": ["s3:Get*", "s3:List*"],
            "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::b"],
            "Principal": { "AWS": ["111111111111"], "Service": ["ec2.amazonaws.com"] },
        })
    );
    assert_eq!(
        one_line("Deny sts:AssumeRole to *"),
        json!({ "Effect": "Deny", "Action": ["sts:AssumeRole"], "Principal": "*" })
    );
}
