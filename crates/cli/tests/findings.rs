//! Findings and reviews as their user meets them: the list, one in full, suppressions, baselines, exit codes, plans.

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
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(args)
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .env_remove("SV0_SNAPSHOT")
        .output()
        .unwrap()
}

fn told(args: &[&str], code: i32) -> String {
    let output = sv0(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// What is said on stderr, without line breaks.
fn refused(args: &[&str], code: i32) -> String {
    let output = sv0(args);
    assert_eq!(output.status.code(), Some(code));
    let text = String::from_utf8(output.stderr).unwrap();
    let words: Vec<&str> = text.split_whitespace().filter(|word| *word != "│").collect();
    words.join(" ")
}

fn json(args: &[&str]) -> Value {
    let mut all = args.to_vec();
    all.extend(["-o", "json"]);
    serde_json::from_str(&told(&all, 0)).unwrap()
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_list() {
    insta::assert_snapshot!(told(&["findings", "--demo", "--severity", "high"], 0));
}

#[test]
fn one_in_full() {
    let all = json(&["findings", "--demo", "--rule", "toxic-combination"]);
    let id = all["findings"][0]["id"].as_str().unwrap().to_owned();
    insta::assert_snapshot!(told(&["findings", &id[id.len() - 6..], "--demo"], 0));
}

/// The made-up organisation has a trail: what was seen makes findings heavier, and fixes are held against it.
#[test]
fn evidence_weighs_and_fixes_keep_what_was_seen() {
    let all = json(&["findings", "--demo", "--fixes"]);
    let of = |rule: &str, name: &str| -> Value {
        let all = all["findings"].as_array().unwrap().iter();
        let mut mine = all.filter(|f| f["rule"] == rule && f["title"].as_str().unwrap().contains(name));
        mine.next().unwrap().clone()
    };
    let person = of("data-beyond-account", "SecOpsAdmin");
    assert!(
        person["explanation"]
            .to_string()
            .contains("used the way to CustomerRecords 7 times"),
        "{person}"
    );
    assert_eq!(person["paths"][0]["execution_30d"], 7);
    // Reading invoices is what it is for: no reason to weigh more, and what is left by the first fix.
    let exporter = of("overprivileged-workload", "invoice-exporter");
    assert_eq!(exporter["severity"], "high");
    let fix = &exporter["fixes"][0];
    assert_eq!(fix["kind"], "narrow", "{fix}");
    assert_eq!(fix["proof"]["keeps_observed_use"], true, "{fix}");
    let after = fix["documents"][0]["after"].as_str().unwrap();
    assert!(
        after.contains("acme-prod-invoices/*") && !after.contains("s3:*"),
        "{after}"
    );
    // Without a trail nothing is claimed about use.
    let plain = sv0(&[
        "findings",
        "-i",
        "../demo/data/acme.jsonl",
        "--rule",
        "data-beyond-account",
        "-o",
        "json",
    ]);
    let plain: Value = serde_json::from_slice(&plain.stdout).unwrap();
    assert!(!plain.to_string().contains("It happened"));
}

#[test]
fn every_finding_has_its_reasons_and_its_id_once() {
    let all = json(&["findings", "--demo"]);
    let findings = all["findings"].as_array().unwrap();
    let mut ids: Vec<&str> = findings.iter().map(|f| f["id"].as_str().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    for finding in findings {
        assert!(finding["reasons"].as_array().unwrap().len() >= 2, "{finding}");
        assert!(
            !finding["explanation"].as_array().unwrap().is_empty(),
            "{finding}"
        );
        assert!(!finding["attack"].as_array().unwrap().is_empty(), "{finding}");
    }
}

#[test]
fn what_is_accepted_is_told_and_does_not_fail() {
    let accepted = file(
        "accepted.yaml",
        "suppressions:\n  - rule: oidc-no-subject\n    reason: Dev is thrown away nightly\n    by: ann\n    until: 2026-06-30\n  - rule: unrotated-secret\n    subject: '*:secret:nothing*'\n    reason: old\n",
    );
    let args = [
        "findings",
        "--demo",
        "--rule",
        "oidc-no-subject",
        "unrotated-secret",
        "--suppressions",
        text(&accepted),
    ];
    let fail = |today: &str, code| {
        let mut all = args.to_vec();
        all.extend(["--fail-on", "critical", "--today", today]);
        told(&all, code)
    };
    insta::assert_snapshot!(fail("2026-06-30", 0));
    // The next day it counts again, and that is said.
    let over = fail("2026-07-01", 5);
    assert!(over.contains("ended on 2026-06-30"), "{over}");
    for (bad, says) in [
        (
            "suppressions:\n  - rule: nothing\n    reason: x\n",
            "no rule `nothing`",
        ),
        ("suppressions:\n  - rule: administrator\n", "reason"),
    ] {
        let bad = file("bad.yaml", bad);
        let said = refused(&["findings", "--demo", "--suppressions", text(&bad)], 4);
        assert!(said.contains(says) && said.contains("bad.yaml"), "{said}");
    }
}

#[test]
fn only_what_is_new_fails_beside_a_baseline() {
    let known = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("known.json");
    told(&["findings", "--demo", "--write-baseline", text(&known)], 0);
    told(
        &[
            "findings",
            "--demo",
            "--baseline",
            text(&known),
            "--fail-on",
            "low",
        ],
        0,
    );
    told(&["findings", "--demo", "--fail-on", "critical"], 5);
    let mut fewer: Value = serde_json::from_str(&std::fs::read_to_string(&known).unwrap()).unwrap();
    let list = fewer["findings"].as_array_mut().unwrap();
    let gone = list
        .iter()
        .position(|known| known["severity"] == "critical")
        .unwrap();
    list.remove(gone);
    list.push(serde_json::json!({"id": "finding-0", "rule": "administrator", "severity": "low", "title": "an old one"}));
    let fewer = file("fewer.json", &fewer.to_string());
    let said = told(
        &[
            "findings",
            "--demo",
            "--baseline",
            text(&fewer),
            "--fail-on",
            "critical",
        ],
        5,
    );
    assert!(said.contains("1 new · 1 gone"), "{said}");
    assert!(said.contains("an old one"), "{said}");
}

#[test]
fn one_finding_in_other_tools_formats() {
    for format in ["markdown", "sarif", "ocsf", "asff"] {
        let said = told(&["findings", "--demo", "--rule", "secret-pivot", "-o", format], 0);
        insta::assert_snapshot!(format!("as_{format}"), said);
    }
    let page = told(&["findings", "--demo", "--rule", "secret-pivot", "-o", "html"], 0);
    let (_, article) = page.split_once("<article").unwrap();
    insta::assert_snapshot!("as_html", article);
    // It needs nothing else: nothing is fetched, nothing runs.
    for outside in ["<script", "<link", "<img", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_report_goes_into_a_file_as_a_whole() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report.html");
    let _ = std::fs::remove_file(&path);
    let said = told(
        &[
            "findings",
            "--demo",
            "--severity",
            "critical",
            "-o",
            "html",
            "--out",
            text(&path),
        ],
        0,
    );
    assert!(said.is_empty(), "{said}");
    assert!(std::fs::read_to_string(&path).unwrap().ends_with("</html>\n"));
    let nowhere = refused(
        &[
            "findings",
            "--demo",
            "-o",
            "html",
            "--out",
            "/nowhere/report.html",
        ],
        1,
    );
    assert!(nowhere.contains("/nowhere/report.html"), "{nowhere}");
}

/// Names, tags and policies are whatever somebody wrote.
#[test]
fn what_was_read_is_never_markup() {
    let evil = r#"<img src=x onerror=alert(1)>|`*_"#;
    let demo = std::fs::read_to_string("../demo/data/acme.jsonl").unwrap();
    let snapshot = demo
        .replace(
            r#""description":"AllSafeProd key""#,
            &format!(r#""description":"AllSafeProd key {evil}""#),
        )
        .replace(r#""name":"Prod""#, &format!(r#""name":"Prod {evil}""#))
        .replace(r#""name":"ReadVault""#, &format!(r#""name":"ReadVault {evil}""#))
        .replace(
            r#""name":"allsafe/prod-access-key""#,
            &format!(r#""name":"allsafe {evil}""#),
        );
    assert!(snapshot.matches("onerror").count() >= 3, "the demo changed");
    let file = file("evil.sv0.jsonl", &snapshot);
    for format in ["html", "markdown"] {
        let said = told(
            &[
                "findings",
                "-i",
                text(&file),
                "--rule",
                "secret-pivot",
                "-o",
                format,
            ],
            0,
        );
        assert!(said.contains("onerror"), "it is told");
        assert!(!said.contains("<img"), "{said}");
    }
}

#[test]
fn what_to_do_first() {
    let said = told(&["findings", "--demo", "--plan"], 0);
    insta::assert_snapshot!(said);
    let plan = json(&["findings", "--demo", "--plan"]);
    let steps = plan["steps"].as_array().unwrap();
    // No finding is ended twice, and every step ends its own.
    let mut ids: Vec<&str> = steps
        .iter()
        .flat_map(|step| step["ends"].as_array().unwrap())
        .map(|ended| ended["id"].as_str().unwrap())
        .collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn what_is_asked_wrongly_is_said() {
    let said = refused(&["findings", "zzzzzz", "--demo"], 3);
    assert!(
        said.contains("no finding has an id that ends in `zzzzzz`"),
        "{said}"
    );
    let said = refused(&["findings", "--demo", "--rule", "nothing"], 64);
    assert!(said.contains("--list-rules"), "{said}");
    let said = refused(&["findings", "--demo", "--severity", "bad"], 64);
    assert!(said.contains("one of informational, low"), "{said}");
    let said = refused(&["findings"], 64);
    assert!(said.contains("no input"), "{said}");
}

#[test]
fn rules_are_listed_with_what_they_find() {
    let said = told(&["findings", "--list-rules"], 0);
    assert!(
        said.contains("secret-pivot · A secret opens another identity"),
        "{said}"
    );
}

#[test]
fn a_plan_is_reviewed_over_what_was_collected() {
    let args = [
        "review",
        "--demo",
        "--after",
        "tests/fixtures/plan.json",
        "--account",
        "333333333333",
    ];
    let mut shown = args.to_vec();
    shown.extend(["--limit", "3"]);
    insta::assert_snapshot!(told(&shown, 0));
    let mut failing = args.to_vec();
    failing.extend(["--fail-on", "high"]);
    told(&failing, 5);
    let mut none = args.to_vec();
    none.extend(["--fail-on", "critical"]);
    told(&none, 0);
}

#[test]
fn a_plan_is_reviewed_by_itself_and_says_so() {
    let said = told(
        &[
            "review",
            "--after",
            "tests/fixtures/plan.json",
            "--account",
            "333333333333",
        ],
        0,
    );
    assert!(said.contains("only what the plan holds was looked at"), "{said}");
    let bad = file(
        "no-plan.json",
        r#"{"format_version": "9.0", "terraform_version": "9"}"#,
    );
    let said = refused(&["review", "--after", text(&bad)], 4);
    assert!(said.contains("format version is 9.0"), "{said}");
}

#[test]
fn two_documents_are_compared() {
    let old = file(
        "old.json",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}]}"#,
    );
    let new = file(
        "new.json",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::a/*"}]}"#,
    );
    let said = told(
        &[
            "review",
            "--before",
            text(&old),
            "--after",
            text(&new),
            "--fail-on-gain",
        ],
        5,
    );
    assert!(said.contains("allows what the old"), "{said}");
    told(
        &[
            "review",
            "--before",
            text(&new),
            "--after",
            text(&old),
            "--fail-on-gain",
        ],
        0,
    );
}

#[test]
fn two_snapshots_are_compared() {
    let demo = std::fs::read_to_string("../demo/data/acme.jsonl").unwrap();
    let before = file("before.sv0.jsonl", &demo);
    // The trust policy that lets any repository in asks for the organization's own.
    let open =
        r#""Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}"#;
    let closed = r#""Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"},"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/infra:*"}}"#;
    assert!(demo.contains(open), "the demo changed");
    let after = file("after.sv0.jsonl", &demo.replace(open, closed));
    let said = told(
        &[
            "review",
            "--before",
            text(&before),
            "--after",
            text(&after),
            "--fail-on",
            "low",
        ],
        0,
    );
    assert!(
        said.contains("GitHubActionsAnyRepo: changes trust policy"),
        "{said}"
    );
    assert!(
        said.contains("Gone: ") && said.contains("lets in any project"),
        "{said}"
    );
    let said = told(
        &[
            "review",
            "--before",
            text(&after),
            "--after",
            text(&before),
            "--fail-on",
            "critical",
        ],
        5,
    );
    assert!(said.contains("New: "), "{said}");
}
