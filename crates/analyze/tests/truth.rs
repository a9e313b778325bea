//! Truth: small organisations with every path that AWS's rules give, and every one that they stop.
//!
//! A case (`truth/*.json`) is a sentence, the page of AWS's documentation, what there is (`truth/mod.rs` says how it is
//! written), and the complete lists. All origins and all data are asked about; `from` and `also` add to them. The lists were
//! written from the rules. Where the product differs the case is in `truth/known.json`, with the reason, and must go on to
//! differ.
//!
//! Stopped is what some policy means somebody to have, and another takes away. Of a role, and of anything in another account,
//! that is said by the policy on that side: it must name the caller itself, or name the account or anyone and the caller's
//! own policies allow it. Who only wishes, and under conditions that are known to be false, is not told of.
//!
//! A path reads `origin > … > target = levels`, with `?` at the end where it is `allowed_if`. `#p` is the inline policy `p` of
//! the entity before it. A stopped path ends in `stopped by` and the layers.

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
use sv0_analyze::normalize;
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::steps::Steps;
use sv0_model::path::{Path, PathVerdict};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    shows: String,
    /// Of AWS's documentation.
    page: String,
    /// Accounts and OUs with their parents; without it there is no organisation.
    #[serde(default)]
    organisation: Option<Map<String, Value>>,
    #[serde(default)]
    without_full_access: Vec<String>,
    have: Map<String, Value>,
    /// Origins that authority does not start at by itself.
    #[serde(default)]
    from: Vec<String>,
    /// Targets that are no data.
    #[serde(default)]
    also: Vec<String>,
    paths: Vec<String>,
    #[serde(default)]
    stopped: Vec<String>,
}

/// The corpus, a file a subject.
const CORPUS: &[(&str, &str)] = &[
    ("runs_as", include_str!("truth/runs_as.json")),
    ("assumes", include_str!("truth/assumes.json")),
    ("chains", include_str!("truth/chains.json")),
    ("people", include_str!("truth/people.json")),
    ("calls", include_str!("truth/calls.json")),
    ("triggers", include_str!("truth/triggers.json")),
    ("deploy", include_str!("truth/deploy.json")),
    ("techniques", include_str!("truth/techniques.json")),
];

/// Cases that do not come out as AWS has it, and what the product does instead.
fn known() -> BTreeMap<String, String> {
    serde_json::from_str(include_str!("truth/known.json")).unwrap()
}

/// A path that a case lists, in one spelling.
fn wanted(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for part in text.split(" > ") {
        match part.split_once('#').filter(|(before, _)| before.is_empty()) {
            Some((_, policy)) => out.push(format!("{}#policy/{policy}", out.last().unwrap())),
            None => out.push(part.to_owned()),
        }
    }
    out.join(" > ")
}

/// A path that was found, in the same spelling.
fn told(path: &Path) -> String {
    let chain: Vec<String> = path.chain.iter().map(|id| notation::short(id)).collect();
    let mut out = chain.join(" > ");
    let levels: Vec<&str> = path.access_levels.iter().map(|level| level.as_str()).collect();
    if !levels.is_empty() {
        out = format!("{out} = {}", levels.join(","));
    }
    match path.verdict {
        PathVerdict::Allowed => out,
        PathVerdict::AllowedIf => format!("{out} ?"),
        PathVerdict::Denied => {
            let layers: BTreeSet<&str> = path.blocked_by.iter().map(|by| by.layer.as_str()).collect();
            let layers: Vec<&str> = layers.into_iter().collect();
            format!("{out} stopped by {}", layers.join(","))
        }
    }
}

/// What is different from what a case says.
fn differences(case: &Case) -> Vec<String> {
    assert!(!case.page.is_empty(), "{}: which page says so?", case.shows);
    let text = notation::snapshot(&case.have, case.organisation.as_ref(), &case.without_full_access);
    let loaded = sv0_input::load_snapshot_text(&case.shows, &text);
    assert_eq!(loaded.gaps, [], "{}: the records are whole", case.shows);
    let world = normalize::build(loaded.records, loaded.gaps);
    let steps = Steps::build(&world);
    let finder = Finder::new(&world, &steps);
    let find = |id: &String| {
        let found = world.graph.find(&notation::id(id));
        found.unwrap_or_else(|| panic!("{}: {id} is not there", case.shows))
    };
    let mut origins: BTreeSet<_> = finder.origins().into_iter().collect();
    origins.extend(case.from.iter().map(find));
    let mut targets: BTreeSet<_> = finder.targets().into_iter().collect();
    targets.extend(case.also.iter().map(find));
    let targets: Vec<_> = targets.into_iter().collect();
    let mut out = Vec::new();
    for (list, blocked) in [(&case.paths, false), (&case.stopped, true)] {
        let options = Options {
            routes: 1_000,
            blocked,
            ..Options::default()
        };
        // Two paths may read alike, where only their conditions differ.
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for origin in &origins {
            let answer = finder.from(*origin, &targets, options);
            assert!(!answer.cut, "{}", case.shows);
            for path in &answer.paths {
                *found.entry(told(path)).or_default() += 1;
            }
        }
        for path in list {
            match found.get_mut(&wanted(path)).filter(|count| **count > 0) {
                Some(count) => *count -= 1,
                None => out.push(format!("  missing  {path}")),
            }
        }
        let more = found.into_iter().filter(|(_, count)| *count > 0);
        out.extend(more.map(|(path, count)| format!("  too many {path} ({count})")));
    }
    out
}

#[test]
fn every_organisation_has_exactly_its_paths() {
    let known = known();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (file, text) in CORPUS {
        let cases: Vec<Case> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        for case in cases {
            assert!(seen.insert(case.shows.clone()), "{file}: twice: {}", case.shows);
            let differences = differences(&case);
            match known.get(&case.shows) {
                None if differences.is_empty() => {}
                None => wrong.push(format!("{file}: {}\n{}", case.shows, differences.join("\n"))),
                Some(why) if differences.is_empty() => {
                    wrong.push(format!(
                        "{file}: {}\n  comes out right now, take it off known.json: {why}",
                        case.shows
                    ));
                }
                Some(_) => {}
            }
        }
    }
    for shows in known.keys() {
        assert!(seen.contains(shows), "known.json: no such case: {shows}");
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        seen.len(),
        wrong.join("\n\n")
    );
}
