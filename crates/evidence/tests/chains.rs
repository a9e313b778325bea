//! Chains that a lake seldom has, one by one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde_json::{Value, json};
use sv0_evidence::fold::Fold;
use sv0_evidence::origin::{Origin, Why};
use sv0_evidence::time::Window;
use sv0_evidence::{Evidence, document};

const ACCOUNT: &str = "111111111111";

fn record(id: &str, time: &str, source: &str, name: &str, who: Value) -> Value {
    json!({
        "eventID": id, "eventTime": format!("2026-11-01T{time}Z"), "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name, "awsRegion": "us-east-1", "recipientAccountId": ACCOUNT, "userIdentity": who,
        "eventCategory": "Management", "readOnly": true,
    })
}

fn user(name: &str) -> Value {
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/{name}");
    json!({"type": "IAMUser", "principalId": format!("AIDA{name}"), "arn": arn, "accountId": ACCOUNT, "userName": name, "accessKeyId": format!("AKIA{name}")})
}

fn role(created: &str, key: &str) -> Value {
    json!({
        "type": "AssumedRole", "principalId": "AROAROLE:same", "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/r/same"),
        "accountId": ACCOUNT, "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "arn": format!("arn:aws:iam::{ACCOUNT}:role/path/r")},
            "attributes": {"creationDate": format!("2026-11-01T{created}Z")},
        },
    })
}

fn assume(id: &str, time: &str, who: Value, key: &str) -> Value {
    let mut record = record(id, time, "sts", "AssumeRole", who);
    record["requestParameters"] =
        json!({"roleArn": format!("arn:aws:iam::{ACCOUNT}:role/path/r"), "roleSessionName": "same"});
    record["responseElements"] =
        json!({"credentials": {"accessKeyId": key}, "assumedRoleUser": {"assumedRoleId": "AROAROLE:same"}});
    record
}

fn evidence(records: &[Value]) -> Evidence {
    let text = json!({"Records": records}).to_string();
    let mut fold = Fold::new(Window::ALL);
    for event in &document::read(text.as_bytes()).unwrap().events {
        fold.add(event);
    }
    fold.finish()
}

/// The origin of whoever made the one call of this name, and its hops' records.
fn origin(evidence: &Evidence, name: &str) -> (Origin, usize) {
    let mut uses = evidence.uses().filter(|one| one.name == name);
    let one = uses.next().unwrap();
    assert!(uses.next().is_none());
    (
        evidence.origin(one.session).clone(),
        evidence.hops(one.session).len(),
    )
}

fn is(name: &str) -> Origin {
    Origin::User {
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
    }
}

#[test]
fn two_calls_of_one_person_leave_no_doubt_about_the_person() {
    let mints = |second: Value| {
        [
            assume("m1", "10:00:00", user("ann"), "ASIA1"),
            assume("m2", "10:00:00", second, "ASIA2"),
        ]
    };
    let used = record("u", "10:00:05", "iam", "ListRoles", role("10:00:00", "ASIA3"));
    let records = [mints(user("ann")).as_slice(), std::slice::from_ref(&used)].concat();
    assert_eq!(
        origin(&evidence(&records), "ListRoles"),
        (is("ann"), 0),
        "the person, and no single record"
    );
    let records = [mints(user("ben")).as_slice(), &[used]].concat();
    assert!(
        matches!(origin(&evidence(&records), "ListRoles").0, Origin::Ambiguous { mints } if mints.len() == 2)
    );
}

#[test]
fn a_service_that_acts_for_a_session_has_a_key_of_its_own() {
    let mut through = role("10:00:00", "ASIA2");
    through["invokedBy"] = "AWS Internal".into();
    let records = [
        assume("m1", "10:00:00", user("ann"), "ASIA1"),
        record("u1", "10:00:05", "iam", "ListRoles", role("10:00:00", "ASIA1")),
        record("u2", "10:00:06", "kms", "Decrypt", through),
    ];
    let evidence = evidence(&records);
    assert_eq!(origin(&evidence, "ListRoles"), (is("ann"), 1));
    assert_eq!(origin(&evidence, "Decrypt"), (is("ann"), 1));
    assert_eq!(
        evidence.uses().find(|one| one.name == "Decrypt").unwrap().via,
        "AWS Internal"
    );
}

#[test]
fn a_key_that_was_given_out_twice_goes_by_the_time() {
    let records = [
        assume("m1", "10:00:00", user("ann"), "ASIA1"),
        assume("m2", "15:00:00", user("ben"), "ASIA1"),
        record("u1", "10:30:00", "iam", "ListRoles", role("10:00:00", "ASIA1")),
        record("u2", "15:30:00", "iam", "ListUsers", role("15:00:00", "ASIA1")),
        record("u3", "18:30:00", "iam", "ListGroups", role("18:00:00", "ASIA1")),
    ];
    let evidence = evidence(&records);
    assert_eq!(origin(&evidence, "ListRoles"), (is("ann"), 1));
    assert_eq!(origin(&evidence, "ListUsers"), (is("ben"), 1));
    assert_eq!(
        origin(&evidence, "ListGroups"),
        (Origin::Unknown { why: Why::NoMint }, 0)
    );
}

#[test]
fn root_through_assume_root_is_whoever_called() {
    let mut mint = record("m", "10:00:00", "sts", "AssumeRoot", user("ann"));
    mint["requestParameters"] = json!({"targetPrincipal": "222222222222"});
    mint["responseElements"] = json!({"credentials": {"accessKeyId": "ASIAROOT"}});
    let root = json!({
        "type": "Root", "principalId": "222222222222", "arn": "arn:aws:iam::222222222222:root", "accountId": "222222222222",
        "accessKeyId": "ASIAROOT",
        "sessionContext": {"assumedRoot": "true", "attributes": {"creationDate": "2026-11-01T10:00:00Z"}},
    });
    let plain = json!({"type": "Root", "principalId": "333333333333", "arn": "arn:aws:iam::333333333333:root", "accountId": "333333333333"});
    let records = [
        mint,
        record("u", "10:00:20", "s3", "DeleteBucketPolicy", root),
        record("v", "10:00:20", "s3", "PutBucketPolicy", plain),
    ];
    let evidence = evidence(&records);
    assert_eq!(origin(&evidence, "DeleteBucketPolicy"), (is("ann"), 1));
    assert_eq!(
        origin(&evidence, "PutBucketPolicy").0,
        Origin::Root {
            account: "333333333333".into()
        }
    );
}

#[test]
fn the_consoles_switch_of_roles_belongs_to_its_session() {
    let mut switch = record("s", "10:00:00", "signin", "SwitchRole", role("10:00:00", "x"));
    switch["userIdentity"]
        .as_object_mut()
        .unwrap()
        .remove("sessionContext");
    switch["userIdentity"]
        .as_object_mut()
        .unwrap()
        .remove("accessKeyId");
    switch["responseElements"] = json!({"SwitchRole": "Success"});
    let evidence = evidence(&[assume("m", "10:00:00", user("ann"), "ASIA1"), switch]);
    assert_eq!(origin(&evidence, "SwitchRole"), (is("ann"), 1));
    let principal = evidence
        .uses()
        .find(|one| one.name == "SwitchRole")
        .unwrap()
        .principal;
    assert_eq!(
        principal,
        format!("arn:aws:iam::{ACCOUNT}:role/path/r"),
        "the session's own ARN has lost the path"
    );
}

#[test]
fn the_owners_copy_alone_names_users_and_not_sessions() {
    let known = record("k", "09:00:00", "iam", "ListRoles", user("ann"));
    let copy = |id: &str, name: &str, principal: &str, account: &str| {
        let mut copy = record(
            id,
            "10:00:00",
            "kms",
            name,
            json!({"type": "AWSAccount", "principalId": principal, "accountId": account}),
        );
        copy["sharedEventID"] = id.into();
        copy
    };
    let evidence = evidence(&[
        known,
        copy("a", "Decrypt", "AIDAann", ACCOUNT),
        copy("b", "Encrypt", "AROAROLE:same", ACCOUNT),
        copy("c", "Sign", "AROAELSE:x", "999999999999"),
    ]);
    assert_eq!(origin(&evidence, "Decrypt").0, is("ann"));
    assert_eq!(
        origin(&evidence, "Encrypt").0,
        Origin::Unknown {
            why: Why::OwnersCopyOnly
        }
    );
    assert!(
        matches!(origin(&evidence, "Sign").0, Origin::External { account, .. } if account == "999999999999")
    );
}

#[test]
fn what_failed_is_no_use_and_gives_no_credentials() {
    let mut mint = assume("m", "10:00:00", user("ann"), "ASIA1");
    mint["errorCode"] = "AccessDenied".into();
    let mut dry = record("d", "10:00:00", "ec2", "RunInstances", user("ann"));
    dry["errorCode"] = "Client.DryRunOperation".into();
    let mut login = record("l", "10:00:00", "signin", "ConsoleLogin", user("ann"));
    login["responseElements"] = json!({"ConsoleLogin": "Failure"});
    let evidence = evidence(&[
        mint,
        dry,
        login,
        record("u", "10:00:05", "iam", "ListRoles", role("10:00:00", "ASIA1")),
    ]);
    let outcome = |name: &str| {
        evidence
            .uses()
            .find(|one| one.name == name)
            .unwrap()
            .outcome
            .as_str()
    };
    assert_eq!(
        [
            outcome("AssumeRole"),
            outcome("RunInstances"),
            outcome("ConsoleLogin")
        ],
        ["denied", "dry_run", "failed"]
    );
    assert!(!origin(&evidence, "ListRoles").0.is_known());
}
