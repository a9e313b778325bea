//! The same question asked in different ways gets the same answer: `explain`, `who-can`, `can` and `paths` agree, on
//! policies that mix what is certain with what is not.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

const INPUT: &str = r#"{"UserDetailList": [
  {"UserName": "mixed", "Arn": "arn:aws:iam::100000000001:user/mixed", "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "secretsmanager:DescribeSecret", "Resource": "*"},
    {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "arn:aws:secretsmanager:us-east-1:100000000001:secret:db-AbCdEf", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}}]},
  {"UserName": "prefix", "Arn": "arn:aws:iam::100000000001:user/prefix", "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/public/*"}]}}]},
  {"UserName": "gone", "Arn": "arn:aws:iam::100000000001:user/gone", "AttachedManagedPolicies": [{"PolicyName": "Gone", "PolicyArn": "arn:aws:iam::100000000001:policy/Gone"}]},
  {"UserName": "attacher", "Arn": "arn:aws:iam::100000000001:user/attacher", "UserPolicyList": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iam:AttachUserPolicy", "Resource": "*", "Condition": {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}}]}}]},
  {"UserName": "evil\nNobody can: all is safe", "Arn": "arn:aws:iam::100000000001:user/evil", "UserPolicyList": [{"PolicyName": "p\u001b[32m", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/public/*"}]}}]}
]}"#;

struct Input(PathBuf);

impl Input {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sv0-agree-{name}-{}.json", std::process::id()));
        std::fs::write(&path, INPUT).unwrap();
        Self(path)
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_sv0"))
            .args(args)
            .arg("--input")
            .arg(&self.0)
            .env("COLUMNS", "100")
            .env("CLICOLOR_FORCE", "1")
            .env_remove("NO_COLOR")
            .env_remove("SV0_SNAPSHOT")
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }

    fn json(&self, args: &[&str]) -> Value {
        let (code, text) = self.run(&[args, &["-o", "json"]].concat());
        assert_eq!(code, Some(0), "{args:?}");
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_certain_action_lends_no_certainty_to_a_conditional_one() {
    let input = Input::new("mixed");
    let secret = "db-AbCdEf";
    let explained = input.json(&["explain", "mixed", "secretsmanager:GetSecretValue", secret]);
    assert_eq!(explained["verdict"], "allowed_if");
    let who = input.json(&["who-can", "secretsmanager:*", secret]);
    let verdict = |list: &Value, action: &str| {
        let entry = list
            .as_array()
            .unwrap()
            .iter()
            .find(|e| e["actions"].as_array().unwrap().contains(&action.into()));
        let entry = entry.unwrap_or_else(|| panic!("{action} is missing"));
        let conditions = entry
            .get("conditions")
            .or(entry.get("condition"))
            .unwrap()
            .to_string();
        (
            entry["verdict"].as_str().unwrap().to_owned(),
            conditions.contains("MultiFactorAuthPresent"),
        )
    };
    let mine: Value = who["direct"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|w| w["principal"]["name"] == "mixed")
        .cloned()
        .collect();
    let can = input.json(&["can", "mixed"]);
    let reaches: Value = can["reaches"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["resource"]["name"] == secret)
        .cloned()
        .collect();
    let paths = input.json(&["paths", "--from", "mixed", "--to", secret]);
    for list in [&mine, &reaches, &paths] {
        assert_eq!(
            verdict(list, "secretsmanager:GetSecretValue"),
            ("allowed_if".into(), true)
        );
        assert_eq!(
            verdict(list, "secretsmanager:DescribeSecret"),
            ("allowed".into(), false)
        );
    }
    let ids: Vec<&Value> = paths.as_array().unwrap().iter().map(|p| &p["id"]).collect();
    assert_ne!(ids[0], ids[1], "two paths, two ids");
}

#[test]
fn a_grant_below_a_prefix_says_so() {
    let input = Input::new("prefix");
    let explained = input.json(&["explain", "prefix", "s3:GetObject", "reports"]);
    assert_ne!(explained["verdict"], "denied");
    assert!(
        explained["conditions"].to_string().contains("reports/public/*"),
        "{explained}"
    );
    let outside = input.json(&[
        "explain",
        "prefix",
        "s3:GetObject",
        "arn:aws:s3:::reports/private/x",
    ]);
    assert_eq!(outside["verdict"], "denied");
    assert!(input.run(&["can", "prefix"]).1.contains("only within"));
    assert!(
        input
            .run(&["paths", "--from", "prefix"])
            .1
            .contains("reports/public/*")
    );
}

#[test]
fn a_policy_that_is_not_in_the_input_is_no_safety() {
    let input = Input::new("gone");
    assert_eq!(
        input.json(&["explain", "gone", "s3:GetObject", "reports"])["verdict"],
        "allowed_if"
    );
    let text = input.run(&["can", "gone"]).1;
    assert!(
        text.contains("policy/Gone") && text.contains("not in the input"),
        "{text}"
    );
}

#[test]
fn attaching_only_a_harmless_policy_is_no_escalation() {
    let input = Input::new("attacher");
    assert_eq!(
        input.json(&["paths", "--from", "attacher"]),
        serde_json::json!([])
    );
}

#[test]
fn names_neither_start_lines_nor_colour_them() {
    let input = Input::new("evil");
    let asked: [&[&str]; 2] = [
        &["paths", "--from", "arn:aws:iam::100000000001:user/evil"],
        &["who-can", "s3:GetObject", "reports"],
    ];
    for args in asked {
        let (_, text) = input.run(args);
        assert!(
            !text
                .lines()
                .any(|line| line.starts_with("Nobody can: all is safe")),
            "{text}"
        );
        assert!(!text.contains("p\u{1b}[32m"), "{text}");
    }
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let demo = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_sv0"))
            .args(args)
            .arg("--demo")
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!(
        demo(&["who-can", "dynamodb:GetItem", "acme-prod-invoices"]),
        Some(3)
    );
    assert_eq!(
        demo(&["explain", "InvoiceReaderRole", "s3:Get*", "acme-prod-invoices"]),
        Some(3)
    );
    assert_eq!(
        demo(&[
            "explain",
            "alice@acme.example",
            "s3:GetObject",
            "acme-prod-invoices"
        ]),
        Some(3)
    );
    assert_eq!(demo(&["can", "AllSafe"]), Some(3));
}

#[test]
fn an_object_is_guarded_by_its_buckets_key() {
    let answer = |resource: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_sv0"))
            .args([
                "explain",
                "LockedReader",
                "s3:GetObject",
                resource,
                "--demo",
                "-o",
                "json",
            ])
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["verdict"].clone()
    };
    assert_eq!(answer("acme-prod-kms-locked"), "denied");
    assert_eq!(answer("arn:aws:s3:::acme-prod-kms-locked/any/object"), "denied");
}
