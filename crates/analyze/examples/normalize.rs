//! How long normalisation takes, and how much memory: `cargo run --profile quick -p sv0-analyze --example normalize --
//! SNAPSHOT`. It prints the time of loading, of building, and the peak of resident memory before and after.

use std::path::PathBuf;
use std::time::Instant;

fn main() {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let start = Instant::now();
    let loaded = match sv0_input::load(&paths) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("{error}");
            return;
        }
    };
    let records = loaded.records.len();
    eprintln!(
        "loaded {records} records in {:.2?}, {}",
        start.elapsed(),
        memory()
    );
    let start = Instant::now();
    let world = sv0_analyze::normalize::build(loaded.records, loaded.gaps);
    eprintln!(
        "normalised into {} nodes, {} edges, {} policies in {:.2?}, {}",
        world.graph.len(),
        world.graph.edges().len(),
        world.attachments.len(),
        start.elapsed(),
        memory()
    );
}

/// Resident memory now and at its peak, as Linux tells it; empty elsewhere.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(", ")
}
