//! What the binary says of policies as such: as one document, and one version against another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]

use std::path::PathBuf;
use std::process::{Command, Output};

fn sv0(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sv0"))
        .args(args)
        .env("NO_COLOR", "1")
        .env_remove("SV0_SNAPSHOT")
        .output()
        .unwrap()
}

/// A file in the test's own folder.
fn file(name: &str, text: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("sv0-policies-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn statement(text: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{text}]}}"#)
}

#[test]
fn a_principal_as_one_policy() {
    let output = sv0(&["can", "DataScientists", "--demo", "--as-policy"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(
        notes.contains("besides: the policy of acme-prod-deny-list denies it something"),
        "{notes}"
    );
}

#[test]
fn what_a_new_version_adds() {
    let old = statement(
        r#"{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::reports","arn:aws:s3:::reports/*"],
            "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
    );
    let new = statement(
        r#"{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::reports","arn:aws:s3:::report*/*"],
            "Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}}"#,
    );
    let (old, new) = (file("a-old.json", &old), file("a-new.json", &new));
    let (old, new) = (old.to_str().unwrap(), new.to_str().unwrap());
    let output = sv0(&["compare", old, new, "--exit-code"]);
    assert_eq!(output.status.code(), Some(5));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
    let output = sv0(&["compare", new, new, "--exit-code"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn who_gains_by_a_bucket_policy() {
    let old = statement(
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/app"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}"#,
    );
    let new = statement(
        r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}"#,
    );
    let (old, new) = (file("b-old.json", &old), file("b-new.json", &new));
    let output = sv0(&["compare", old.to_str().unwrap(), new.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn a_policy_that_cannot_be_read_as_a_whole_is_not_compared() {
    let bad = file(
        "c.json",
        &statement(r#"{"Effect":"Alow","Action":"*","Resource":"*"}"#),
    );
    let bad = bad.to_str().unwrap();
    let output = sv0(&["compare", bad, bad]);
    assert_eq!(output.status.code(), Some(4));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("c.json:1:") && text.contains("Alow"), "{text}");
}
