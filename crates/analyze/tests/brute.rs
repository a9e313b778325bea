//! Random small organisations, and an independent naive search that must find the same paths.
//!
//! The search tries every simple chain and decides every move and every end by itself with the plain evaluator
//! (`sv0_iam::decide`, `sv0_engine::exact` where facts are unknown), with policies and facts that it takes from the
//! records. A difference is told with its seed and the smallest organisation that shows it, as a snapshot.
//!
//! `SV0_LONG=1` asks about ten thousand organisations, `SV0_SEED=n` about one.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "brute/compare.rs"]
mod compare;
#[path = "brute/conditions.rs"]
mod conditions;
#[path = "brute/naive.rs"]
mod naive;
#[path = "brute/organisation.rs"]
mod organisation;
#[path = "brute/random.rs"]
mod random;
#[path = "brute/search.rs"]
mod search;

use std::sync::atomic::{AtomicUsize, Ordering};

use compare::{Tally, compare, smallest, snapshot};
use rayon::prelude::*;
use serde_json::Value;

fn check(seed: u64) -> Result<Tally, String> {
    let records = organisation::records(seed);
    compare(&records).map_err(|_| {
        let (records, words) = smallest(records);
        format!("seed {seed}: {words}\n\n{}", snapshot(&records))
    })
}

/// So many differences are told at once.
const MOST_TOLD: usize = 4;

#[test]
fn every_path_is_found_and_no_other() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match (number("SV0_SEED"), std::env::var_os("SV0_LONG")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(_)) => 0..10_000,
        (None, None) => 0..200,
    };
    let failed = AtomicUsize::new(0);
    let told: Vec<Result<Tally, String>> = seeds
        .clone()
        .into_par_iter()
        .filter(|_| failed.load(Ordering::Relaxed) < MOST_TOLD)
        .map(|seed| {
            let told = check(seed);
            failed.fetch_add(usize::from(told.is_err()), Ordering::Relaxed);
            told
        })
        .collect();
    let (mut sum, mut wrong) = (Tally::default(), Vec::new());
    for one in told {
        match one {
            Ok(tally) => sum.add(tally),
            Err(words) => wrong.push(words),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    // Organisations in which nothing can be done would all be alike.
    assert!(seeds.end - seeds.start < 200 || sum.is_much(), "{sum:?}");
}

/// Differences that were found once, each a small organisation that showed it, and what can be done there.
const FOUND: &[(&str, Tally, &str)] = &[
    (
        "a-boundary-singles-out-names",
        tally(1, 2, 1),
        include_str!("brute/found/a-boundary-singles-out-names.jsonl"),
    ),
    (
        "a-bucket-policy-with-a-variable",
        tally(1, 2, 1),
        include_str!("brute/found/a-bucket-policy-with-a-variable.jsonl"),
    ),
    (
        "a-denial-spares-names",
        tally(1, 2, 44),
        include_str!("brute/found/a-denial-spares-names.jsonl"),
    ),
    (
        "a-grant-of-a-key-below-a-ceiling",
        tally(0, 0, 0),
        include_str!("brute/found/a-grant-of-a-key-below-a-ceiling.jsonl"),
    ),
    (
        "a-pattern-for-many-buckets",
        tally(1, 2, 1),
        include_str!("brute/found/a-pattern-for-many-buckets.jsonl"),
    ),
    (
        "a-strangers-tags-are-unknown",
        tally(1, 2, 0),
        include_str!("brute/found/a-strangers-tags-are-unknown.jsonl"),
    ),
    (
        "actions-that-hang-on-what-the-chain-hangs-on",
        tally(4, 4, 3),
        include_str!("brute/found/actions-that-hang-on-what-the-chain-hangs-on.jsonl"),
    ),
    (
        "an-anonymous-caller-has-no-account-for-a-key",
        tally(0, 0, 0),
        include_str!("brute/found/an-anonymous-caller-has-no-account-for-a-key.jsonl"),
    ),
];

#[test]
fn what_was_found_once_stays_mended() {
    for (name, wanted, text) in FOUND {
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let records: Vec<Value> = lines.filter(|line| line.get("kind").is_some()).collect();
        let found = compare(&records).unwrap_or_else(|words| panic!("{name}: {words}"));
        assert_eq!(found, *wanted, "{name}");
    }
}

const fn tally(paths: usize, longest: usize, answers: usize) -> Tally {
    Tally {
        paths,
        longest,
        answers,
    }
}
