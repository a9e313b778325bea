//! Every technique that is evaluated, on small organisations: one where it works, and near misses where AWS's rules stop it.
//!
//! A case (`techniques/*.json`, a file a family; `truth/mod.rs` says how it is written) lists exactly what that technique
//! gives: `who > what it works on > what it gives`, with `?` at the end where that hangs on something. A near miss changes
//! some entities (`null` takes one away), and then the technique gives nothing, or what its own `gives` says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "truth/mod.rs"]
mod notation;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};
use sv0_analyze::steps::Steps;
use sv0_analyze::steps::technique::{FAMILIES, Technique, found, techniques};
use sv0_analyze::{World, normalize};
use sv0_model::path::PathVerdict;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    technique: String,
    #[serde(default)]
    organisation: Option<Map<String, Value>>,
    have: Map<String, Value>,
    gives: Vec<String>,
    near: Vec<Near>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Near {
    why: String,
    change: Map<String, Value>,
    #[serde(default)]
    organisation: Option<Map<String, Value>>,
    #[serde(default)]
    gives: Vec<String>,
}

const CASES: &[(&str, &str)] = &[
    ("iam", include_str!("techniques/iam.json")),
    (
        "passrole-compute",
        include_str!("techniques/passrole-compute.json"),
    ),
    (
        "existing-compute",
        include_str!("techniques/existing-compute.json"),
    ),
    (
        "identity-federation",
        include_str!("techniques/identity-federation.json"),
    ),
    ("resource-policy", include_str!("techniques/resource-policy.json")),
    ("organization", include_str!("techniques/organization.json")),
    ("credentials", include_str!("techniques/credentials.json")),
];

fn cases() -> Vec<Case> {
    let read = |(file, text): &(&str, &str)| -> Vec<Case> {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"))
    };
    CASES.iter().flat_map(read).collect()
}

fn technique(id: &str) -> &'static Technique {
    let known = techniques().iter().find(|technique| technique.id == id);
    known.unwrap_or_else(|| panic!("{id} is no technique"))
}

fn world(name: &str, have: &Map<String, Value>, organisation: Option<&Map<String, Value>>) -> World {
    let text = notation::snapshot(have, organisation, &[]);
    let loaded = sv0_input::load_snapshot_text(name, &text);
    assert_eq!(loaded.gaps, [], "{name}: the records are whole");
    normalize::build(loaded.records, loaded.gaps)
}

/// What a technique gives, as the cases write it.
fn given(world: &World, technique: &Technique) -> BTreeSet<String> {
    let write = |ends: &[sv0_model::graph::NodeId], verdict: PathVerdict| {
        let mut names: Vec<String> = ends.iter().map(|node| notation::short(world.id(*node))).collect();
        names.dedup();
        let open = if verdict == PathVerdict::AllowedIf {
            " ?"
        } else {
            ""
        };
        format!("{}{open}", names.join(" > "))
    };
    if let Some(edge) = technique.told_by {
        let steps = Steps::build(world);
        let real = steps
            .all()
            .filter(|step| step.edge == edge && step.verdict != PathVerdict::Denied);
        return real
            .map(|step| write(&[step.from, step.to], step.verdict))
            .collect();
    }
    let mine = found(world).into_iter().filter(|found| found.id == technique.id);
    mine.map(|found| write(&[found.from, found.on, found.to], found.verdict))
        .collect()
}

#[test]
fn every_technique_gives_what_it_should_and_no_near_miss_does() {
    let mut wrong = Vec::new();
    for case in cases() {
        let id = &case.technique;
        let technique = technique(id);
        let mut check = |what: &str, have: &Map<String, Value>, organisation, gives: &[String]| {
            let told = given(&world(id, have, organisation), technique);
            let wanted: BTreeSet<String> = gives.iter().cloned().collect();
            if told != wanted {
                wrong.push(format!("{id}: {what}\n  wanted {wanted:?}\n  told   {told:?}"));
            }
        };
        check("it works", &case.have, case.organisation.as_ref(), &case.gives);
        for near in &case.near {
            let mut have = case.have.clone();
            for (entity, facts) in &near.change {
                match facts {
                    Value::Null => have.remove(entity),
                    facts => have.insert(entity.clone(), facts.clone()),
                };
            }
            let organisation = near.organisation.as_ref().or(case.organisation.as_ref());
            check(&near.why, &have, organisation, &near.gives);
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_technique_that_is_told_has_a_case_and_a_near_miss() {
    let mut positive: BTreeMap<String, usize> = BTreeMap::new();
    let mut missed: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases() {
        let gives = usize::from(!case.gives.is_empty());
        let stopped = case.near.iter().filter(|near| near.gives.is_empty()).count();
        *positive.entry(case.technique.clone()).or_default() += gives;
        *missed.entry(case.technique).or_default() += stopped;
    }
    for technique in techniques() {
        let has =
            |counts: &BTreeMap<String, usize>| counts.get(&technique.id).is_some_and(|count| *count > 0);
        if technique.not_evaluated.is_none() {
            assert!(has(&positive), "{} has no case where it works", technique.id);
            assert!(has(&missed), "{} has no near miss", technique.id);
        } else {
            assert!(
                !has(&positive),
                "{} is not evaluated and has a case",
                technique.id
            );
        }
    }
}

/// `docs/techniques.md` as it should be.
fn page() -> String {
    let count =
        |which: fn(&Technique) -> bool| techniques().iter().filter(|technique| which(technique)).count();
    let mut out = format!(
        "# Escalation techniques\n\n\
        {} techniques: {} are evaluated for every principal and every target, {} more are told by steps of another kind, and {} \
        are not evaluated, with the reason.\n\n\
        This page is made from `crates/analyze/techniques/*.toml`, and `crates/analyze/tests/techniques.rs` fails when it is \
        stale (`SV0_WRITE_DOCS=1` writes it). Ids other than `sv0-…` are those of the public library pathfinding.cloud.\n\n\
        - **needs**: all of these, by effective permissions. `on target`: on what the technique works on. `on any`: on \
        something of the account that may be chosen. `on its policy`: on a customer managed policy that the target has.\n\
        - **if also**: what no record says; the step is then `allowed_if`, and tells it.\n",
        techniques().len(),
        count(Technique::is_evaluated),
        count(|technique| technique.told_by.is_some()),
        count(|technique| technique.not_evaluated.is_some()),
    );
    let mut left = techniques().iter();
    for (family, text) in FAMILIES {
        let about = text.lines().next().unwrap().trim_start_matches("# ");
        out += &format!(
            "\n## {family}\n\n{about}\n\n| id | what is done | target | needs | if also | gain | ATT&CK | evaluated |\n\
            |---|---|---|---|---|---|---|---|\n"
        );
        for technique in left.by_ref().take(text.matches("[[technique]]").count()) {
            let needs: Vec<String> = technique.needs.iter().map(|need| format!("`{need}`")).collect();
            let mut target = technique
                .target
                .map_or("—", sv0_model::kind::Kind::label)
                .to_owned();
            if let Some(service) = &technique.trusts {
                target += &format!(" that trusts `{service}`");
            }
            let evaluated = match (technique.told_by, &technique.not_evaluated) {
                (Some(edge), _) => format!("as `{edge}`"),
                (_, Some(why)) => format!("no: {why}"),
                _ => "yes".to_owned(),
            };
            out += &format!(
                "| [{}]({}) | {} | {target} | {} | {} | {} | {} | {evaluated} |\n",
                technique.id,
                technique.references[0],
                technique.does,
                needs.join("<br>"),
                technique.if_also.as_deref().unwrap_or("—"),
                technique.gain.words(),
                technique.attack.join(", "),
            );
        }
    }
    out
}

#[test]
fn the_page_of_techniques_is_not_stale() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/techniques.md");
    let page = page();
    if std::env::var_os("SV0_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page,
        "docs/techniques.md is stale: SV0_WRITE_DOCS=1 writes it"
    );
}
