//! How long an analysis of a whole organisation takes, stage by stage, and how much memory: beside merely parsing the
//! same JSON with simd-json.
//!
//! `make bench-scale ROLES="1000 10000 100000"`: numbers of roles; everything else is in proportion. Each size is
//! measured in a process of its own, so that one's memory is not the other's.

#![allow(missing_docs, reason = "a program")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench fails by panicking, and prints"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use sv0_analyze::normalize;
use sv0_analyze::paths::Finder;
use sv0_analyze::question::overview;
use sv0_analyze::steps::Steps;
use sv0_bench::Organization;
use sv0_input::snapshot::{Header, VERSION, write_stream};
use sv0_model::path::PathVerdict;

/// The allocator of the `sv0` command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "scale/size.rs"]
mod size;

/// What a run measures itself in: the argument that tells a child what to do.
const CHILD: &str = "--measure";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, file] = args.as_slice()
        && flag == CHILD
    {
        measure(Path::new(file));
        return;
    }
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| "1000 10000 100000".into());
    println!(
        "| roles | principals, resources, workloads | JSON | simd-json | read | normalise | population | steps | CAN_ACCESS and paths | all | ÷ simd-json | steps | CAN_ACCESS pairs | paths to sensitive data | peak |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for roles in sizes
        .split_whitespace()
        .map(|text| text.parse::<usize>().expect("a number"))
    {
        let file = write(roles);
        let me = std::env::current_exe().expect("this program");
        let status = Command::new(me)
            .arg(CHILD)
            .arg(&file)
            .env("ROLES", roles.to_string())
            .status();
        let _ = std::fs::remove_file(&file);
        assert!(status.expect("a child").success(), "{roles} roles");
    }
}

fn write(roles: usize) -> PathBuf {
    let file = std::env::temp_dir().join(format!("sv0-bench-{}-{roles}.jsonl", std::process::id()));
    let header = Header {
        version: VERSION,
        created_at: String::new(),
        tool: "bench".into(),
        source: format!("{roles} roles"),
    };
    let org = Organization::new(7, size::named(roles));
    write_stream(&file, &header, org.records().map(Ok), &[]).expect("room for the organisation");
    file
}

fn measure(file: &Path) {
    let (bytes, parse) = {
        let text = std::fs::read(file).expect("the organisation");
        let mut lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        lines.retain(|line| !line.is_empty());
        let parse = fastest(3, || {
            let mut copies = lines.clone();
            let start = Instant::now();
            for line in &mut copies {
                black_box(simd_json::to_borrowed_value(line).expect("JSON"));
            }
            start.elapsed()
        });
        (text.len(), parse)
    };
    let mut stages: Vec<Duration> = Vec::new();
    let mut last = Instant::now();
    let begin = last;
    let mut done = |stages: &mut Vec<Duration>| {
        stages.push(last.elapsed());
        if std::env::var_os("TELL").is_some() {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let now = status.lines().find(|line| line.starts_with("VmRSS"));
            println!(
                "<!-- after stage {}: {} -->",
                stages.len(),
                now.unwrap_or_default()
            );
        }
        last = Instant::now();
    };
    let loaded = sv0_input::load(&[file.to_path_buf()]).expect("the organisation");
    done(&mut stages);
    let world = normalize::build(loaded.records, loaded.gaps);
    done(&mut stages);
    let principals = world.everybody().population().len();
    let _ = world.reaching();
    done(&mut stages);
    let steps = Steps::build(&world);
    done(&mut stages);
    let finder = Finder::new(&world, &steps);
    let answer = overview(&world, &steps, &finder);
    done(&mut stages);
    let all = begin.elapsed();
    let real = steps.all().filter(|step| step.verdict != PathVerdict::Denied);
    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    let mut cells = vec![
        std::env::var("ROLES").unwrap_or_default(),
        format!("{principals} of {}", world.graph.len()),
        format!("{} MB", bytes / 1_000_000),
        seconds(parse),
    ];
    cells.extend(stages.into_iter().map(seconds));
    cells.push(seconds(all));
    cells.push(format!("{:.0}", all.as_secs_f64() / parse.as_secs_f64()));
    cells.push(real.count().to_string());
    cells.push(answer.access.to_string());
    cells.push(answer.paths.to_string());
    cells.push(format!("{} MB", peak() / 1_000));
    println!("| {} |", cells.join(" | "));
}

fn fastest(times: usize, mut run: impl FnMut() -> Duration) -> Duration {
    (0..times).map(|_| run()).min().unwrap_or_default()
}

/// The most memory that this process had, in kilobytes (Linux).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}
