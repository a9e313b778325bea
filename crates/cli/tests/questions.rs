//! The questions about chains as their user meets them: blast radius, choke points, what-if, paths between any two, the
//! structural view.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

fn sv0(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sv0"))
        .args(args)
        .arg("--demo")
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .env_remove("SV0_SNAPSHOT")
        .output()
        .unwrap()
}

fn stdout(args: &[&str]) -> String {
    let output = sv0(args);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str]) -> Value {
    let mut all = args.to_vec();
    all.extend(["--output", "json"]);
    serde_json::from_str(&stdout(&all)).unwrap()
}

/// Exit code, and what is said on stderr, without line breaks.
fn refusal(args: &[&str]) -> (Option<i32>, String) {
    let output = sv0(args);
    let text = String::from_utf8(output.stderr).unwrap();
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "│").collect();
    (output.status.code(), words.join(" "))
}

fn policy(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

const SECRETS_AND_MORE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}"#;

#[test]
fn elliots_blast_radius() {
    insta::assert_snapshot!(stdout(&["blast-radius", "Elliot", "--limit", "8"]));
}

#[test]
fn an_administrators_blast_radius() {
    insta::assert_snapshot!(stdout(&["blast-radius", "CodeBuildRole", "--limit", "3"]));
}

#[test]
fn who_reaches_a_bucket() {
    insta::assert_snapshot!(stdout(&["blast-radius", "acme-prod-invoices", "--limit", "8"]));
}

#[test]
fn who_can_act_as_a_role() {
    insta::assert_snapshot!(stdout(&["blast-radius", "OrderPrivilegedRole", "--reverse"]));
}

#[test]
fn the_choke_points() {
    insta::assert_snapshot!(stdout(&["choke-points", "--limit", "5"]));
}

#[test]
fn no_path_and_what_is_nearest() {
    insta::assert_snapshot!(stdout(&[
        "paths",
        "--from",
        "LockedReader",
        "--to",
        "acme-prod-kms-locked"
    ]));
}

#[test]
fn from_a_policy_to_an_account() {
    insta::assert_snapshot!(stdout(&[
        "paths",
        "--from",
        "AllSafeAssumeVault",
        "--to",
        "SecOps",
        "--limit",
        "1"
    ]));
}

#[test]
fn the_structural_view() {
    insta::assert_snapshot!(stdout(&[
        "paths",
        "--structural",
        "--from",
        "LockedReader",
        "--to",
        "acme-prod-kms-locked"
    ]));
    let paths = json(&["paths", "--structural"]);
    let paths = paths.as_array().unwrap();
    assert!(paths.len() > 100);
    assert!(paths.iter().all(|path| path["conditions_not_evaluated"] == true));
    assert!(paths.iter().any(|path| path["kms_not_evaluated"] == true));
    assert!(paths.iter().any(|path| path["kms_not_evaluated"] == false));
}

#[test]
fn a_credential_is_taken_out_of_a_secret() {
    insta::assert_snapshot!(stdout(&[
        "what-if",
        "--remove-edge",
        "allsafe/prod-access-key -> AllSafeProd",
        "--limit",
        "2"
    ]));
}

#[test]
fn a_wider_policy_fails_a_pipeline_where_that_is_asked_for() {
    let new = policy("wider.json", SECRETS_AND_MORE);
    let change = format!("AllSafeVaultRole/ReadVault={}", new.display());
    let args = ["what-if", "--policy", &change];
    let answer = json(&args);
    let gained = answer["gained"].as_array().unwrap();
    assert!(gained.iter().any(|d| {
        d["origin"]["name"] == "Elliot"
            && d["target"]["name"] == "allsafe/ticketing-token"
            && d["access_levels"]
                .as_array()
                .unwrap()
                .contains(&"permissions".into())
    }));
    assert_eq!(answer["lost"], serde_json::json!([]));
    let mut failing = args.to_vec();
    failing.push("--fail-on-gain");
    assert_eq!(sv0(&failing).status.code(), Some(5));
    // Nothing is gained by what is taken away.
    let removal = [
        "what-if",
        "--remove-edge",
        "Elliot -> AllSafeVaultRole",
        "--fail-on-gain",
    ];
    assert_eq!(sv0(&removal).status.code(), Some(0));
}

#[test]
fn changes_that_cannot_be_made() {
    let bad = policy(
        "bad.json",
        "{\"Version\":\"2012-10-17\",\n\"Statement\":[{\"Effect\":\"Alow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}",
    );
    let (code, text) = refusal(&[
        "what-if",
        "--policy",
        &format!("AllSafeVaultRole/ReadVault={}", bad.display()),
    ]);
    assert_eq!(code, Some(4));
    assert!(text.contains("bad.json:2:24"), "{text}");
    let (code, text) = refusal(&[
        "what-if",
        "--policy",
        &format!("AllSafeVaultRole={}", bad.display()),
    ]);
    assert_eq!(code, Some(3));
    assert!(text.contains("`AllSafeVaultRole/trust`"), "{text}");
    let (code, text) = refusal(&["what-if", "--delete", "nobody-knows"]);
    assert_eq!(code, Some(3));
    assert!(text.contains("nothing is called"), "{text}");
    for wrong in [
        &["what-if"][..],
        &["what-if", "--remove-edge", "Elliot"],
        &["what-if", "--policy", "AllSafeVaultRole/ReadVault"],
        &["what-if", "--detach", "A", "--detach", "B", "--from", "C"],
    ] {
        let (code, text) = refusal(wrong);
        assert_eq!(code, Some(64), "{wrong:?}: {text}");
    }
    let (code, _) = refusal(&[
        "what-if",
        "--policy",
        "AllSafeVaultRole/ReadVault=no-such-file.json",
    ]);
    assert_eq!(code, Some(4));
}

#[test]
fn the_best_routes_and_the_rest_on_demand() {
    let ask = |routes: &str| {
        json(&[
            "paths",
            "--from",
            "carol@acme.example",
            "--to",
            "acme-prod-invoices",
            "--routes",
            routes,
        ])
        .as_array()
        .unwrap()
        .len()
    };
    assert_eq!((ask("1"), ask("0")), (1, 3));
    let output = sv0(&[
        "paths",
        "--from",
        "carol@acme.example",
        "--to",
        "acme-prod-invoices",
        "--routes",
        "1",
        "-o",
        "json",
    ]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("1 of 3 parallel routes"), "{said}");
}
