//! How long all rules take on a whole organisation, one after the other, beside the analysis that they stand on.
//!
//! `make bench-findings ROLES="10000 30000"`: everything else is in proportion.

#![allow(missing_docs, reason = "a program")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench fails by panicking, and prints"
)]

use std::time::Instant;

use sv0_analyze::normalize;
use sv0_analyze::steps::Steps;
use sv0_bench::Organization;
use sv0_model::record::Record;
use sv0_rules::ground::Ground;
use sv0_rules::report::found;
use sv0_rules::rule::RULES;

/// The allocator of the `sv0` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "scale/size.rs"]
mod size;

fn main() {
    let wanted = std::env::var("ROLES").unwrap_or_else(|_| "1000 10000".into());
    let rules = std::env::var("RULES").unwrap_or_default();
    for roles in wanted.split_whitespace() {
        let roles: usize = roles.parse().expect("a number of roles");
        let records: Vec<Record> = Organization::new(7, size::of(roles)).records().collect();
        let entities = records.len();
        let start = Instant::now();
        let world = normalize::build(records, Vec::new());
        let steps = Steps::build(&world);
        let analysis = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let ground = Ground::new(&world, &steps, Some("2026-01-01".into()));
        let looked = start.elapsed().as_secs_f64();
        println!("\n{entities} entities: analysis {analysis:.2} s; what rules stand on {looked:.2} s\n");
        println!("| rule | findings | seconds | ÷ analysis | memory after, MB |\n|---|---|---|---|---|");
        let (mut all, mut sum) = (0, 0.0);
        for rule in RULES
            .iter()
            .filter(|rule| rules.is_empty() || rules.contains(rule.id))
        {
            let start = Instant::now();
            let findings = found(&ground, &[rule.id.to_owned()]).len();
            let took = start.elapsed().as_secs_f64();
            all += findings;
            sum += took;
            println!(
                "| {} | {findings} | {took:.2} | {:.2} | {} |",
                rule.id,
                took / analysis,
                memory()
            );
        }
        println!(
            "| all, one after the other | {all} | {sum:.2} | {:.2} | {} |",
            sum / analysis,
            memory()
        );
    }
}

/// Resident memory in MB, where the system tells.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.map_or_else(|| "unknown".into(), |kilobytes| (kilobytes / 1024).to_string())
}
