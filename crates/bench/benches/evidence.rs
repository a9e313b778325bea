//! The whole aggregation of a lake of CloudTrail, duplicates and chains included, beside inflating the same files in the
//! same process with libdeflate: CPU seconds, peak memory.
//!
//! `make bench-evidence` (MB=1000): a lake that `sv0_bench::trail` makes; `LAKE=folder` takes another, such as one that
//! `gen_trail.py` wrote.

#![allow(missing_docs, reason = "a program")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench fails by panicking, and prints"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sv0_bench::trail::{Lake, Options};
use sv0_evidence::source::inflate::Inflater;
use sv0_evidence::source::{Local, Source};
use sv0_evidence::time::Window;

/// The allocator of the `sv0` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;

/// CPU seconds of this process, of all its threads: in hundredths, as Linux tells them.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this bench needs Linux");
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = rest
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    ticks as f64 / 100.0
}

/// Peak memory in MiB since the last call; where the kernel does not let it be reset, since the start.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    kib / 1024
}

/// Makes a lake of so many megabytes of JSON below a folder.
fn make(folder: &Path, megabytes: usize) {
    // A part of some 40 MB at a time, each with its own sessions.
    for part in 0..megabytes.div_ceil(40) {
        let lake = Lake::new(Options {
            seed: part as u64,
            sessions: 700,
            calls: 36,
        });
        for object in &lake.objects {
            let path = folder.join(format!("{part}")).join(format!("{}.gz", object.name));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            out.write_all(&object.text).unwrap();
            std::fs::write(path, out.finish().unwrap()).unwrap();
        }
    }
}

fn main() {
    let megabytes: usize = std::env::var("MB").map_or(1000, |text| text.parse().expect("MB is a number"));
    let made = std::env::temp_dir().join(format!("sv0-bench-evidence-{}", std::process::id()));
    let folder = std::env::var_os("LAKE")
        .filter(|lake| !lake.is_empty())
        .map_or_else(
            || {
                make(&made, megabytes);
                made.clone()
            },
            PathBuf::from,
        );
    let source = Local::new(vec![folder]);
    let objects = source.list(Window::ALL).unwrap().objects;
    let mut bytes = Vec::new();
    let mut inflate = f64::MAX;
    let mut text_bytes = 0;
    for _ in 0..ROUNDS {
        let mut inflater = Inflater::default();
        let start = cpu();
        text_bytes = 0;
        for object in &objects {
            bytes.clear();
            source.fetch(object, &mut bytes).unwrap();
            text_bytes += inflater.text(&bytes).map_or(0, <[u8]>::len);
        }
        inflate = inflate.min(cpu() - start);
    }
    peak();
    let (mut fold, mut wall) = (f64::MAX, f64::MAX);
    let mut line = String::new();
    for _ in 0..ROUNDS {
        let (start, began) = (cpu(), Instant::now());
        let reading = sv0_evidence::read(&source, Window::ALL, &|_, _| {}).unwrap();
        fold = fold.min(cpu() - start);
        wall = wall.min(began.elapsed().as_secs_f64());
        let totals = reading.evidence.totals();
        line = format!(
            "{} records, {} duplicates, {} counts, {} sessions, {} problems",
            totals.records,
            totals.duplicates,
            reading.evidence.uses().len(),
            reading.evidence.sessions().len(),
            reading.problems.counts.values().sum::<u64>()
        );
    }
    println!(
        "{} objects, {} MB of JSON; {line}\n",
        objects.len(),
        text_bytes / 1_000_000
    );
    println!("| work | CPU s | ratio | wall s | peak MiB |\n|---|---|---|---|---|");
    println!("| read and inflate with libdeflate | {inflate:.2} | 1 | | |");
    println!(
        "| read, inflate, parse, aggregate, resolve | {fold:.2} | {:.2} | {wall:.2} | {} |",
        fold / inflate,
        peak()
    );
    let _ = std::fs::remove_dir_all(&made);
}
