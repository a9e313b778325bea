//! A policy that is there and cannot be read may deny and may grant: what hangs on it is told as hanging on it, neither as
//! allowed nor as stopped by something else.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use sv0_analyze::normalize;
use sv0_analyze::question::{self, who_can::subject};
use sv0_model::path::PathVerdict;
use sv0_model::record::Record;

/// An organization in which `app` reads what is in the bucket `data`, under its own key, and may become `reader`.
fn explained(damage: &str, principal: &str, action: &str, on: &str) -> (PathVerdict, Vec<String>) {
    changed(damage, ("", ""), principal, action, on)
}

/// The same with one text of the records changed into another.
fn changed(
    damage: &str,
    (from, to): (&str, &str),
    principal: &str,
    action: &str,
    on: &str,
) -> (PathVerdict, Vec<String>) {
    let records = r#"[
        {"kind":"aws_organization","id":"o-1","name":"o","attrs":{"management_account":"999999999999"}},
        {"kind":"aws_ou","id":"r-1","name":"Root","refs":[{"rel":"MEMBER_OF","to":"o-1"}]},
        {"kind":"aws_account","id":"111111111111","name":"Prod","account":"111111111111","refs":[{"rel":"MEMBER_OF","to":"r-1"}]},
        {"kind":"scp","id":"p-1","name":"Guard","refs":[{"rel":"CONSTRAINS","to":"r-1"},{"rel":"CONSTRAINS","to":"111111111111"}],"policies":[
            {"slot":"document","name":"Guard","document":{"Version":"2012-10-17","Statement":{"Sid":"SCP","Effect":"Allow","Action":"*","Resource":"*"}}}]},
        {"kind":"iam_role","id":"arn:aws:iam::111111111111:role/app","name":"app","account":"111111111111","policies":[
            {"slot":"inline","name":"own","document":{"Version":"2012-10-17","Statement":{"Sid":"OWN","Effect":"Allow","Action":["s3:GetObject","kms:Decrypt","sts:AssumeRole"],"Resource":"*"}}}]},
        {"kind":"iam_role","id":"arn:aws:iam::111111111111:role/reader","name":"reader","account":"111111111111","policies":[
            {"slot":"trust","document":{"Version":"2012-10-17","Statement":{"Sid":"TRUST","Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}}}]},
        {"kind":"kms_key","id":"arn:aws:kms:us-east-1:111111111111:key/k","name":"k","account":"111111111111","region":"us-east-1","policies":[
            {"slot":"key","document":{"Version":"2012-10-17","Statement":{"Sid":"KEY","Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"kms:*","Resource":"*"}}}]},
        {"kind":"s3_bucket","id":"arn:aws:s3:::data","name":"data","account":"111111111111","policies":[
            {"slot":"resource","document":{"Version":"2012-10-17","Statement":{"Sid":"BUCKET","Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}}]}]"#;
    let records = if from.is_empty() {
        records.to_owned()
    } else {
        assert!(records.contains(from), "{from}");
        records.replacen(from, to, 1)
    };
    let mut value: serde_json::Value = serde_json::from_str(&records).unwrap();
    let mut damaged = 0;
    for record in value.as_array_mut().unwrap() {
        for slot in record
            .get_mut("policies")
            .and_then(|policies| policies.as_array_mut())
            .into_iter()
            .flatten()
        {
            if !damage.is_empty() && slot.to_string().contains(&format!("\"Sid\":\"{damage}\"")) {
                slot["document"] = "{\"Ver".into();
                damaged += 1;
            }
        }
    }
    assert_eq!(damaged, usize::from(!damage.is_empty()));
    let records: Vec<Record> = serde_json::from_value(value).unwrap();
    let world = normalize::build(records, Vec::new());
    let who = world.lookup(principal, &[]).unwrap();
    let told = question::explain(&world, who, action, &subject(&world, on).unwrap());
    let conditions = told.conditions.iter().map(|one| one.text.clone()).collect();
    (told.verdict, conditions)
}

#[test]
fn what_hangs_on_it_is_told_as_hanging_on_it() {
    let object = "arn:aws:s3:::data/x";
    for (damage, action, on, why) in [
        (
            "SCP",
            "s3:GetObject",
            object,
            "Guard (could not be read) does not deny it",
        ),
        (
            "BUCKET",
            "s3:GetObject",
            object,
            "(could not be read) does not deny it",
        ),
        ("KEY", "kms:Decrypt", "k", "(could not be read) allows it"),
        (
            "TRUST",
            "sts:AssumeRole",
            "reader",
            "(could not be read) allows it",
        ),
        ("OWN", "s3:GetObject", object, ""),
    ] {
        let (verdict, _) = explained("", "app", action, on);
        assert_eq!(verdict, PathVerdict::Allowed, "{action}, all read");
        let (verdict, conditions) = explained(damage, "app", action, on);
        if damage == "OWN" {
            // The bucket lets its own account in, which leaves it to the policy that nobody could read.
            assert_ne!(verdict, PathVerdict::Allowed, "{damage}: {conditions:?}");
            continue;
        }
        assert_eq!(verdict, PathVerdict::AllowedIf, "{damage}: {conditions:?}");
        assert!(
            conditions.iter().any(|text| text.contains(why)),
            "{damage}: {conditions:?}"
        );
    }
}

#[test]
fn an_account_whose_place_is_not_known_is_under_policies_that_nobody_knows() {
    for (from, to) in [
        (
            r#""account":"111111111111","refs":[{"rel":"MEMBER_OF","to":"r-1"}]"#,
            r#""account":"111111111111","refs":[{"rel":"MEMBER_OF","to":"ou-nope"}]"#,
        ),
        (
            r#"{"kind":"aws_ou","id":"r-1","name":"Root","refs":[{"rel":"MEMBER_OF","to":"o-1"}]}"#,
            r#"{"kind":"aws_ou","id":"r-1","name":"Root","refs":[{"rel":"MEMBER_OF","to":"o-1"}]},{"kind":"aws_ou","id":"ou-2","name":"Lost"}"#,
        ),
    ] {
        let (verdict, conditions) = changed("", (from, to), "app", "s3:GetObject", "arn:aws:s3:::data/x");
        if to.contains("ou-2") {
            assert_eq!(
                verdict,
                PathVerdict::Allowed,
                "a unit that nothing is in changes nothing"
            );
            continue;
        }
        assert_eq!(verdict, PathVerdict::AllowedIf, "{conditions:?}");
        assert!(
            conditions
                .iter()
                .any(|text| text.contains("above account 111111111111")),
            "{conditions:?}"
        );
    }
}
