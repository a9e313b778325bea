//! What a chain hands from hop to hop: small organisations, each with the verdict that AWS's page gives. Every
//! contradiction has a near miss that is a path.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde::Deserialize;
use serde_json::{Value, json};
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::steps::Steps;
use sv0_analyze::{World, normalize};
use sv0_model::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The AWS page that says so.
    page: String,
    records: Vec<Value>,
    origin: String,
    target: String,
    /// `allowed`, `allowed_if`, or `none`: no path, and one that is blocked by the chain. `mixed`: `allowed_if` beside one that
    /// is blocked.
    expect: String,
    /// What the path hangs on, or what the words of the block have in them.
    #[serde(default)]
    says: Vec<String>,
    /// What the path does not hang on any more.
    #[serde(default)]
    unsaid: Vec<String>,
}

/// The records of a case, with the account's number and the usual fields filled in.
fn world(case: &Case) -> World {
    let mut text = json!({"sv0_snapshot": {"version": 1, "created_at": "2026-11-22T10:00:00Z", "tool": "test", "source": "test"}}).to_string();
    for record in &case.records {
        let mut record = record.clone();
        let id = record["id"].as_str().unwrap().to_owned();
        let object = record.as_object_mut().unwrap();
        let name = id.rsplit(['/', ':']).next().unwrap().to_owned();
        object.entry("name").or_insert(json!(name));
        let account = id.split(':').nth(4).filter(|account| !account.is_empty());
        object
            .entry("account")
            .or_insert(json!(account.unwrap_or("111122223333")));
        text.push('\n');
        text.push_str(&record.to_string());
    }
    let count = case.records.len();
    text.push_str(&format!("\n{}\n", json!({"end": {"records": count, "gaps": 0}})));
    let loaded = sv0_input::load_snapshot_text(&case.name, &text);
    assert_eq!(loaded.gaps, [], "{}: the records are whole", case.name);
    assert_eq!(loaded.records.len(), count, "{}", case.name);
    normalize::build(loaded.records, loaded.gaps)
}

fn paths(world: &World, case: &Case, blocked: bool) -> Vec<Path> {
    let steps = Steps::build(world);
    let finder = Finder::new(world, &steps);
    let find = |id: &str| {
        let found = world.graph.find(id);
        found.unwrap_or_else(|| panic!("{}: {id} is not there", case.name))
    };
    let options = Options {
        blocked,
        ..Options::default()
    };
    finder
        .from(find(&case.origin), &[find(&case.target)], options)
        .paths
}

fn check(case: &Case) -> Result<(), String> {
    assert!(!case.page.is_empty(), "{}: which page says so?", case.name);
    let world = world(case);
    let real = paths(&world, case, false);
    let blocked = paths(&world, case, true);
    let by_chain: Vec<String> = blocked
        .iter()
        .flat_map(|path| &path.blocked_by)
        .filter(|by| by.layer == "chain")
        .map(|by| by.text.clone())
        .collect();
    let verdicts: Vec<&str> = real.iter().map(|path| path.verdict.as_str()).collect();
    let (found, words) = if case.expect == "none" {
        (real.is_empty() && !by_chain.is_empty(), by_chain.join("\n"))
    } else {
        let conditions = real.iter().flat_map(|path| &path.condition);
        let words: Vec<&str> = conditions.map(|c| c.text.as_str()).collect();
        let mixed = case.expect == "mixed";
        let verdict = if mixed { "allowed_if" } else { &case.expect };
        let all = !verdicts.is_empty() && verdicts.iter().all(|v| *v == verdict);
        let found = all && by_chain.is_empty() != mixed;
        (found, words.join("\n"))
    };
    let said = case.says.iter().all(|text| words.contains(text.as_str()))
        && !case.unsaid.iter().any(|text| words.contains(text.as_str()));
    if found && said {
        return Ok(());
    }
    Err(format!(
        "{}: wanted {} with {:?} without {:?}; found {verdicts:?}, blocked by {by_chain:#?}, words:\n{words}",
        case.name, case.expect, case.says, case.unsaid
    ))
}

#[test]
fn every_case_comes_out_as_its_page_says() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("joint/cases.json")).unwrap();
    assert!(cases.len() >= 60, "the table is whole");
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
}
