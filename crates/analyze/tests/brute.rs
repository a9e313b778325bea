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
    let wrong = AtomicUsize::new(0);
    let told: Vec<Result<Tally, String>> = seeds
        .clone()
        .into_par_iter()
        .filter(|_| wrong.load(Ordering::Relaxed) < MOST_TOLD)
        .map(|seed| {
            let told = check(seed);
            wrong.fetch_add(usize::from(told.is_err()), Ordering::Relaxed);
            told
        })
        .collect();
    let mut sum = Tally::default();
    for tally in told.iter().flatten() {
        sum.paths += tally.paths;
        sum.answers += tally.answers;
        sum.longest = sum.longest.max(tally.longest);
    }
    println!("{seeds:?}: {sum:?}");
    let wrong: Vec<String> = told.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
