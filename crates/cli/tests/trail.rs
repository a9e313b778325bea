//! Where CloudTrail's records come from, and what is kept between runs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const WINDOW: [&str; 4] = [
    "--since",
    sv0_demo::TRAIL_WINDOW.0,
    "--until",
    sv0_demo::TRAIL_WINDOW.1,
];

fn sv0(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sv0"))
        .args(args)
        .env_remove("SV0_SNAPSHOT")
        .env_remove("SV0_RULES")
        .env("NO_COLOR", "1")
        .env("COLUMNS", "300")
        .output()
        .unwrap()
}

/// An answer without what differs by nature: how many files there were.
fn answer(args: &[&str]) -> Value {
    let args = [&["evidence", "--output", "json", "--limit", "0"], args].concat();
    let output = sv0(&args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    answer.as_object_mut().unwrap().remove("listed");
    answer
}

/// Exit code, and what was said, without the breaks of lines.
fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = sv0(args);
    let text = String::from_utf8(output.stderr).unwrap().replace('│', " ");
    (
        output.status.code(),
        text.split_whitespace().collect::<Vec<_>>().join(" "),
    )
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_is_kept_and_what_is_new_are_all() {
    let folder = tempfile::tempdir().unwrap();
    let (trail, state) = (folder.path().join("trail"), folder.path().join("state"));
    fs::create_dir(&trail).unwrap();
    let lines: Vec<&str> = sv0_demo::TRAIL.lines().collect();
    let all = answer(&[&["--demo"][..], &WINDOW].concat());
    let again = ["--trail", text(&trail), "--state", text(&state)];
    let mut last = Value::Null;
    for (at, part) in lines.chunks(40).enumerate() {
        fs::write(trail.join(format!("{at}.jsonl")), part.join("\n")).unwrap();
        let window = if at == 0 { &WINDOW[..] } else { &[] };
        last = answer(&[&again[..], window].concat());
    }
    assert_eq!(last, all);
    assert_eq!(answer(&again), all, "nothing is new");
    fs::remove_dir_all(&trail).unwrap();
    assert_eq!(
        answer(&["--state", text(&state)]),
        all,
        "what is kept needs no place"
    );
    let (code, said) = refused(&["evidence", "--state", text(&state), "--since", "2020-01-01"]);
    assert_eq!(code, Some(64));
    assert!(said.contains("counts from 2025-12-06T10:00:00Z"), "{said}");
}

#[test]
fn a_file_that_is_no_state_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("notes.txt");
    fs::write(&state, "my notes").unwrap();
    let (code, said) = refused(&["evidence", "--state", text(&state)]);
    assert_eq!(code, Some(4));
    assert!(said.contains("is no state file"), "{said}");
    assert_eq!(fs::read_to_string(&state).unwrap(), "my notes");
}

#[test]
fn a_state_that_is_not_there_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = refused(&["evidence", "--state", text(&folder.path().join("state"))]);
    assert_eq!(code, Some(4), "{said}");
}

#[test]
fn a_queue_needs_somewhere_to_write() {
    let (code, said) = refused(&[
        "evidence",
        "--trail",
        "sqs://sqs.eu-west-1.amazonaws.com/111111111111/q",
    ]);
    assert_eq!(code, Some(64));
    assert!(said.contains("needs a state file"), "{said}");
}

#[cfg(not(feature = "collect"))]
#[test]
fn without_the_sdk_it_says_how_to_get_it() {
    for place in ["s3://logs", "athena://d.t"] {
        let (code, said) = refused(&["evidence", "--trail", place]);
        assert_eq!(code, Some(64));
        assert!(said.contains("--features collect"), "{said}");
    }
}

#[cfg(feature = "collect")]
#[test]
fn an_address_that_cannot_be_says_how_it_is_written() {
    for (place, form) in [
        ("s3://", "s3://BUCKET/PREFIX"),
        ("athena://table", "athena://DATABASE.TABLE"),
    ] {
        let (code, said) = refused(&["evidence", "--trail", place]);
        assert_eq!(code, Some(64));
        assert!(said.contains(form), "{said}");
    }
}
