//! `sv0 bench generate`: what it says, and that the same question gets the same answer through each format, as far as
//! the format can hold the facts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn sv0(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sv0"))
        .args(args)
        .env("NO_COLOR", "1")
        .env_remove("SV0_SNAPSHOT")
        .output()
        .unwrap()
}

fn json(args: &[&str]) -> Value {
    let output = sv0(&[args, &["-o", "json"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder of its own for one test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench").join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn generate(format: &str, to: &Path) -> Value {
    let to = to.to_str().unwrap();
    json(&[
        "bench", "generate", "--preset", "s", "--format", format, "--out", to,
    ])
}

/// The snapshot with each record changed, or left out.
fn reduced(snapshot: &Path, to: &Path, change: impl Fn(&mut Value) -> bool) {
    let text = std::fs::read_to_string(snapshot).unwrap();
    let mut lines = text.lines();
    let mut out = vec![lines.next().unwrap().to_owned()];
    for line in lines {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if record.get("kind").is_some() && change(&mut record) {
            out.push(record.to_string());
        }
    }
    out.push(format!(r#"{{"end":{{"records":{},"gaps":0}}}}"#, out.len() - 1));
    std::fs::write(to, out.join("\n")).unwrap();
}

fn kind(record: &Value) -> String {
    record["kind"].as_str().unwrap().to_owned()
}

/// What neither other format has of users.
fn without_keys(record: &mut Value) {
    for name in ["access_keys", "console", "mfa"] {
        if let Some(attrs) = record.get_mut("attrs").and_then(Value::as_object_mut) {
            attrs.remove(name);
        }
    }
}

/// All answers to the questions that the generator names, without what says which input it was.
fn answers(manifest: &Value, input: &Path) -> Vec<(String, Value)> {
    let input = input.to_str().unwrap();
    let questions = manifest["questions"].as_object().unwrap();
    let mut out: Vec<(String, Value)> = Vec::new();
    for (name, question) in questions {
        let target = question["target"].as_str().unwrap();
        let mut answer = match question["action"].as_str() {
            Some(action) => json(&["who-can", action, target, "--input", input]),
            None => json(&["can", target, "--input", input]),
        };
        answer["coverage_gaps"] = Value::Null;
        out.push((name.clone(), answer));
    }
    out
}

fn agree(manifest: &Value, one: &Path, other: &Path) {
    let (one, other) = (answers(manifest, one), answers(manifest, other));
    assert!(one.len() >= 8, "{}", one.len());
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other);
    }
    // Answers that say nothing agree too easily.
    let direct = |answer: &Value| answer["direct"].as_array().map_or(0, Vec::len);
    let reaches = |answer: &Value| answer["reaches"].as_array().map_or(0, Vec::len);
    let said: usize = one
        .iter()
        .map(|(_, answer)| direct(answer) + reaches(answer))
        .sum();
    assert!(said > 50, "{said}");
}

#[test]
fn an_iam_collect_folder_is_answered_as_the_snapshot_is() {
    let to = folder("collect");
    let manifest = generate("snapshot", &to.join("all.jsonl"));
    generate("iam-collect", &to.join("collect"));
    let expected = to.join("expected.jsonl");
    reduced(&to.join("all.jsonl"), &expected, |record| {
        without_keys(record);
        let kind = kind(record);
        if let Some(refs) = record.get_mut("refs").and_then(Value::as_array_mut) {
            refs.retain(|r| r["rel"] != "TRIGGERED_BY" && kind != "dynamodb_table");
        }
        if matches!(kind.as_str(), "scp" | "rcp") {
            record["id"] = record["attrs"]["arn"].clone();
        }
        !matches!(kind.as_str(), "ec2_instance" | "ecs_task")
    });
    agree(&manifest, &expected, &to.join("collect"));
}

#[test]
fn account_authorization_details_are_answered_as_the_iam_part_of_the_snapshot_is() {
    let to = folder("gaad");
    let manifest = generate("snapshot", &to.join("all.jsonl"));
    generate("gaad", &to.join("gaad"));
    let expected = to.join("expected.jsonl");
    reduced(&to.join("all.jsonl"), &expected, |record| {
        without_keys(record);
        let kind = kind(record);
        let iam = [
            "iam_user",
            "iam_group",
            "iam_role",
            "service_linked_role",
            "iam_policy",
        ];
        iam.contains(&kind.as_str())
    });
    agree(&manifest, &expected, &to.join("gaad"));
}

#[test]
fn the_summary_names_questions_that_can_be_asked_as_they_stand() {
    let to = folder("summary").join("org.sv0.jsonl.zst");
    let output = sv0(&["bench", "generate", "--out", to.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("A made-up organisation of 5 accounts"), "{text}");
    let questions: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("sv0 "))
        .collect();
    assert!(questions.len() >= 8, "{text}");
    for question in questions {
        let args: Vec<&str> = question.split_whitespace().collect();
        assert_eq!(sv0(&args).status.code(), Some(0), "{question}");
    }
}

#[test]
fn a_size_is_the_presets_but_for_what_is_asked_for() {
    let to = folder("size").join("org.jsonl");
    let to = to.to_str().unwrap();
    let manifest = json(&[
        "bench",
        "generate",
        "--out",
        to,
        "--roles",
        "40",
        "--buckets",
        "3",
    ]);
    let counts = &manifest["counts"];
    let roles = counts["iam_role"].as_u64().unwrap() + counts["service_linked_role"].as_u64().unwrap_or(0);
    assert_eq!(
        (roles, counts["s3_bucket"].as_u64(), counts["iam_user"].as_u64()),
        (40, Some(3), Some(20))
    );
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let to = folder("full");
    std::fs::write(to.join("mine"), "").unwrap();
    let output = sv0(&[
        "bench",
        "generate",
        "--format",
        "gaad",
        "--out",
        to.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    // A long path pushes words to the next line.
    let words: Vec<&str> = errors
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    assert!(words.windows(2).any(|pair| pair == ["not", "empty"]), "{errors}");
    assert_eq!(std::fs::read_dir(&to).unwrap().count(), 1);
}
