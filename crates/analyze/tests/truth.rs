//! The truth corpus: small organisations, each with every path that AWS's rules give, and every one that they block.
//!
//! A case (`truth/*.json`) says what it shows, by which rule and on which page of AWS's documentation, what there is
//! (`notation`), and then the complete lists. All origins and all data are asked about; what is not listed must not be found.
//!
//! A path reads `origin > … > target: actions if keys`. Policies stand in the chain as the product writes them: a managed
//! one by its id, an inline one as `#name` after its holder. `=read,write` stands for access levels where the actions are
//! very many. An inline policy that makes a step, rather than the end, is not in the chain. After `if` come the keys that the verdict hangs on; without it, it is certain. A blocked one ends in
//! `blocked by` and the layers: `scp deny` where a statement denies, `identity` where nothing allows. Told as blocked is
//! what a trust policy, a configuration or a grant suggests: a role that somebody wishes for and that does not trust him is
//! not, nor is a statement whose condition is known to be false.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod notation;

use std::collections::BTreeSet;

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
    rule: String,
    page: String,
    #[serde(default)]
    organisation: Option<Map<String, Value>>,
    #[serde(default)]
    without_full_access: Vec<String>,
    have: Map<String, Value>,
    /// Targets beside data, such as roles.
    #[serde(default)]
    also: Vec<String>,
    /// Origins beside those where authority starts.
    #[serde(default)]
    from: Vec<String>,
    paths: Vec<String>,
    /// Words that hops of the paths are told in.
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    blocked: Vec<String>,
}

/// Where the product is wrong and AWS's page is right: the case, and why. A case that comes out right is taken off.
const KNOWN: &[(&str, &str)] = &[
    (
        "a group's policy lets its member assume a role; the group itself is nobody's principal",
        "paths.rs: identity_policies() leaves out inline policies of the caller but not those of its group, so the chain \
         has the group twice",
    ),
    (
        "who rewrites the very policy that lets him: the policy is on the chain once",
        "paths.rs: path() puts the granting policy and the policy that is worked on into the chain, though they are one",
    ),
    (
        "an AWS managed key lets in its own account only: a bucket under it cannot be shared with another account",
        "access.rs and reach.rs: is_open_key() opens the gate for callers of every account; it may for the key's own only",
    ),
    (
        "a grant whose encryption context is another bucket's opens nothing here",
        "access.rs: granted() does not read a grant's constraints, so that it opens for every context; grantees() hands \
         it to reach.rs as certain",
    ),
    (
        "sending to an encrypted queue takes GenerateDataKey and Decrypt",
        "access.rs: kms_operation() has one operation an action; sqs:SendMessage and sns:Publish need two (reach.rs has \
         the same in `keyed`)",
    ),
    (
        "a bucket whose ACL is public, with ACLs on and no block, is open to anyone",
        "`acl_public` is collected and nothing reads it: no path from anyone, and no word that ACLs do not count",
    ),
];

/// The corpus, a file a subject.
const CORPUS: &[(&str, &str)] = &[
    ("runs_as", include_str!("truth/runs_as.json")),
    ("assumes", include_str!("truth/assumes.json")),
    ("stores", include_str!("truth/stores.json")),
    ("keys", include_str!("truth/keys.json")),
    ("ceilings", include_str!("truth/ceilings.json")),
    ("moves", include_str!("truth/moves.json")),
    ("techniques", include_str!("truth/techniques.json")),
    ("traps", include_str!("truth/traps.json")),
];

/// A path as a case writes it, in one spelling.
fn wanted(text: &str) -> String {
    let (text, blocked) = text
        .split_once(" blocked by ")
        .map_or((text, None), |(text, by)| (text, Some(by)));
    let (text, keys) = text
        .split_once(" if ")
        .map_or((text, None), |(text, keys)| (text, Some(keys)));
    let (chain, what) = text
        .rsplit_once(": ")
        .map_or((text, None), |(chain, what)| (chain, Some(what)));
    let mut ids: Vec<String> = Vec::new();
    for part in chain.split(" > ") {
        match part.strip_prefix('#') {
            Some(name) => ids.push(format!("{}#policy/{name}", ids.last().unwrap())),
            None => ids.push(notation::id(part)),
        }
    }
    let sorted = |list: Option<&str>, separator: &str| -> String {
        let all: BTreeSet<&str> = list.into_iter().flat_map(|l| l.split(separator)).collect();
        all.into_iter().collect::<Vec<_>>().join(", ")
    };
    spelled(
        &ids,
        &what.map_or_else(String::new, |what| match what.strip_prefix('=') {
            Some(levels) => format!("={}", sorted(Some(levels), ",")),
            None => sorted(Some(what), ","),
        }),
        &sorted(keys, " & "),
        blocked.map(|by| sorted(Some(by), " & ")).as_deref(),
    )
}

fn spelled(chain: &[String], what: &str, keys: &str, blocked: Option<&str>) -> String {
    let mut out = String::new();
    for (at, id) in chain.iter().enumerate() {
        let policy = at
            .checked_sub(1)
            .and_then(|i| id.strip_prefix(&chain[i])?.strip_prefix("#policy/"));
        if at > 0 {
            out.push_str(" > ");
        }
        match policy {
            Some(name) => out.push_str(&format!("#{name}")),
            None => out.push_str(&notation::short(id)),
        }
    }
    if !what.is_empty() {
        out.push_str(&format!(": {what}"));
    }
    if !keys.is_empty() {
        out.push_str(&format!(" if {keys}"));
    }
    if let Some(by) = blocked {
        out.push_str(&format!(" blocked by {by}"));
    }
    out
}

/// The same of a path that was found.
fn found(path: &Path, levels: bool) -> String {
    let what: BTreeSet<String> = if levels {
        path.access_levels
            .iter()
            .map(|level| level.as_str().to_owned())
            .collect()
    } else {
        path.actions.iter().cloned().collect()
    };
    let what = what.into_iter().collect::<Vec<_>>().join(", ");
    let mut keys: BTreeSet<String> = path
        .condition
        .iter()
        .map(|c| c.key.clone().unwrap_or_else(|| format!("({})", c.text)))
        .collect();
    if path.verdict == PathVerdict::Denied {
        keys.clear();
    } else if keys.is_empty() && path.verdict == PathVerdict::AllowedIf {
        keys.insert("?".into());
    }
    let by: BTreeSet<String> = path
        .blocked_by
        .iter()
        .map(|b| {
            if b.explicit {
                format!("{} deny", b.layer)
            } else {
                b.layer.clone()
            }
        })
        .collect();
    let by = by.into_iter().collect::<Vec<_>>().join(", ");
    let blocked = (path.verdict == PathVerdict::Denied).then_some(by.as_str());
    let what = if levels && !what.is_empty() {
        format!("={what}")
    } else {
        what
    };
    spelled(
        &path.chain,
        &what,
        &keys.into_iter().collect::<Vec<_>>().join(", "),
        blocked,
    )
}

fn compare(kind: &str, wanted: &[String], paths: &[Path]) -> Vec<String> {
    let mut missing: BTreeSet<String> = wanted.iter().map(|text| self::wanted(text)).collect();
    assert_eq!(missing.len(), wanted.len(), "a path is listed twice");
    let mut out = Vec::new();
    for path in paths {
        if !missing.remove(&found(path, false)) && !missing.remove(&found(path, true)) {
            // Very many actions are told by their levels.
            out.push(format!("    + {kind} {}", found(path, path.actions.len() > 12)));
        }
    }
    out.extend(missing.iter().map(|text| format!("    - {kind} {text}")));
    out
}

/// What is different from what the case says.
fn differences(case: &Case) -> Vec<String> {
    assert!(
        !case.page.is_empty() && !case.rule.is_empty(),
        "{}: by which rule, on which page?",
        case.shows
    );
    let text = notation::snapshot(&case.have, case.organisation.as_ref(), &case.without_full_access);
    let world = normalize::build(notation::load(&case.shows, &text), Vec::new());
    let steps = Steps::build(&world);
    let finder = Finder::new(&world, &steps);
    let find = |name: &String| {
        let found = world.graph.find(&notation::id(name));
        found.unwrap_or_else(|| panic!("{}: {name} is not there", case.shows))
    };
    let mut targets = finder.targets();
    targets.extend(case.also.iter().map(find));
    let mut origins = finder.origins();
    origins.extend(case.from.iter().map(find));
    origins.sort_unstable();
    origins.dedup();
    let mut out = Vec::new();
    for (kind, wanted, blocked) in [("path", &case.paths, false), ("blocked", &case.blocked, true)] {
        let options = Options {
            blocked,
            ..Options::default()
        };
        let mut all: Vec<Path> = Vec::new();
        for origin in &origins {
            let found = finder.from(*origin, &targets, options);
            assert!(!found.cut, "{}", case.shows);
            all.extend(found.paths);
        }
        out.extend(compare(kind, wanted, &all));
        for words in case.says.iter().filter(|_| !blocked) {
            let mut hops = all.iter().flat_map(|path| &path.hops);
            if !hops.any(|hop| hop.text.contains(words.as_str())) {
                out.push(format!("    - hop that says {words}"));
            }
        }
    }
    out
}

#[test]
fn every_organisation_gives_all_its_paths_and_no_others() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for (file, text) in CORPUS {
        let cases: Vec<Case> = serde_json::from_str(text).unwrap_or_else(|e| panic!("{file}: {e}"));
        for case in cases {
            count += 1;
            assert!(seen.insert(case.shows.clone()), "{}: twice", case.shows);
            let differences = differences(&case);
            let known = KNOWN.iter().find(|(shows, _)| *shows == case.shows);
            match (known, differences.is_empty()) {
                (None, false) => wrong.push(format!("{file}: {}\n{}", case.shows, differences.join("\n"))),
                (Some((_, why)), true) => wrong.push(format!(
                    "{file}: {} comes out right now: take it off KNOWN ({why})",
                    case.shows
                )),
                _ => {}
            }
        }
    }
    for (shows, _) in KNOWN {
        assert!(seen.contains(*shows), "{shows}: KNOWN, and no case");
    }
    assert!(count >= 50, "the corpus is whole");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
}
