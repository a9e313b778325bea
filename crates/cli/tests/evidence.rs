//! What CloudTrail saw, asked on the command line.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::process::{Command, Output};

use serde_json::Value;

fn sv0(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sv0"))
        .args(args)
        .env_remove("SV0_SNAPSHOT")
        .env_remove("SV0_RULES")
        .env("NO_COLOR", "1")
        .env("COLUMNS", "140")
        .output()
        .unwrap()
}

fn text(args: &[&str]) -> String {
    let output = sv0(args);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&text(&[args, &["--output", "json"]].concat())).unwrap()
}

#[test]
fn who_read_customer_records() {
    insta::assert_snapshot!(text(&["who-did", "dynamodb:Query", "CustomerRecords", "--demo"]));
}

#[test]
fn the_chain_of_a_person_through_two_roles() {
    insta::assert_snapshot!(text(&[
        "who-did",
        "s3:GetObject",
        "acme-prod-shared-reports",
        "--demo"
    ]));
}

#[test]
fn which_of_the_two_policies_is_used() {
    insta::assert_snapshot!(text(&["unused", "InvoiceExporterRole", "--demo"]));
}

#[test]
fn what_a_person_did() {
    insta::assert_snapshot!(text(&["evidence", "--demo", "--principal", "alice@acme.example"]));
}

#[test]
fn a_policy_from_what_was_seen() {
    let answer = json(&["rightsize", "invoice-exporter", "--demo"]);
    assert_eq!(answer["observed"], answer["allowed"]);
    assert!(answer["observed"].as_u64().unwrap() > 10);
    insta::assert_snapshot!(serde_json::to_string_pretty(&answer["policy"]).unwrap());
}

#[test]
fn evidence_stands_on_every_hop_of_a_path() {
    let paths = json(&[
        "paths",
        "--demo",
        "--from",
        "SecOpsAdmin",
        "--to",
        "CustomerRecords",
    ]);
    let path = &paths[0];
    assert_eq!(path["execution_30d"], 7);
    assert_eq!(path["last_execution_at"], "2025-12-30T09:42:43Z");
    let status: Vec<&str> = path["hops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hop| hop["evidence"]["status"].as_str().unwrap())
        .collect();
    assert_eq!(status, ["no_event", "seen", "seen"]);
    // The longer way round was not taken, though its last hop was.
    assert_eq!(paths[1]["execution_30d"], 0);
    assert_eq!(paths[1]["last_execution_at"], Value::Null);
}

#[test]
fn what_cannot_be_seen_is_not_called_unused() {
    // No trail of the demo keeps data events of Lambda, SQS or the RDS data interface.
    let answer = json(&["unused", "--demo"]);
    let services = answer
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| one["services"].as_array().unwrap());
    let mut seen = 0;
    for service in services.filter(|service| service["service"] == "rds-data") {
        assert_eq!(service["unused"], 0, "{service}");
        assert_eq!(service["unused_in_part"], 0, "{service}");
        seen += 1;
    }
    assert!(seen > 0);
    let paths = json(&["paths", "--demo", "--to", "payments-aurora"]);
    for path in paths.as_array().unwrap() {
        let last = path["hops"].as_array().unwrap().last().unwrap();
        if last["edge"] == "CAN_ACCESS" && path["actions"].to_string().contains("rds-data:") {
            assert_eq!(last["evidence"]["status"], "cannot_be_seen", "{path}");
            assert_eq!(path["execution_30d"], Value::Null);
        }
    }
}

#[test]
fn nobody_is_not_said_where_nobody_could_be_seen() {
    let text = |action: &str, resource: &str| text(&["who-did", action, resource, "--demo"]);
    assert!(
        text("lambda:InvokeFunction", "invoice-exporter")
            .contains("cannot be seen: no trail here keeps these data events")
    );
    assert!(text("iam:PassRole", "InvoiceExporterRole").contains("cannot be seen: no record ever shows it"));
    assert!(text("s3:DeleteObject", "acme-prod-invoices").contains("perhaps not of every resource"));
    assert!(text("iam:DeleteRole", "InvoiceExporterRole").contains("would have been recorded"));
}

#[test]
fn damaged_files_are_named_and_the_rest_is_read() {
    let folder = std::env::temp_dir().join(format!("sv0-evidence-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("whole.jsonl"), sv0_demo::TRAIL).unwrap();
    std::fs::write(folder.join("broken.json.gz"), b"\x1f\x8b\x08broken").unwrap();
    std::fs::write(folder.join("page.json"), "<html>").unwrap();
    let output = sv0(&[
        "evidence",
        "--trail",
        folder.to_str().unwrap(),
        "--since",
        "2025-12-01",
        "--until",
        "2026-01-31",
        "--output",
        "json",
    ]);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(
        output.status.code(),
        Some(2),
        "answered, but not everything could be read"
    );
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("broken.json.gz") && told.contains("page.json"),
        "{told}"
    );
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["totals"]["records"], sv0_demo::TRAIL.lines().count());
    assert_eq!(answer["problems"]["counts"]["gzip"], 1);
    assert_eq!(answer["problems"]["counts"]["json"], 1);
}

#[test]
fn without_records_it_says_what_to_name() {
    let output = sv0(&["who-did", "s3:GetObject", "bucket"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--trail"));
}
