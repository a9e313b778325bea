//! What a change adds and takes away, on the demo organisation.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeSet;

use common::{Built, all};
use sv0_analyze::question::WhatIf;
use sv0_analyze::question::choke_points::{Bounds, choke_points, sensitive};
use sv0_analyze::question::what_if::{Change, ChangeError, Difference};
use sv0_model::kind::{AccessLevel, EdgeKind, Kind, Sensitivity};
use sv0_model::path::PathVerdict;

fn policy(name: &str, text: &str) -> Change {
    Change::Policy {
        name: name.into(),
        file: "new.json".into(),
        text: text.into(),
    }
}

fn remove(from: &str, to: &str) -> Change {
    Change::RemoveEdge {
        from: from.into(),
        to: to.into(),
    }
}

fn pairs(differences: &[Difference]) -> BTreeSet<(&str, &str)> {
    differences
        .iter()
        .map(|d| (d.origin.name.as_str(), d.target.name.as_str()))
        .collect()
}

fn refused(answer: Result<WhatIf, ChangeError>) -> ChangeError {
    match answer {
        Ok(answer) => panic!("{:?}", answer.changes),
        Err(error) => error,
    }
}

#[test]
fn the_same_document_changes_nothing() {
    let built = Built::demo();
    for record in &built.records {
        let Some(slot) = record
            .policies
            .iter()
            .find(|p| p.slot == sv0_model::kind::Slot::Inline)
        else {
            continue;
        };
        let name = format!("{}/{}", record.id, slot.name.as_deref().unwrap());
        let answer = built.what_if(&[policy(&name, slot.document.as_str())]).unwrap();
        assert!(answer.gained.is_empty() && answer.lost.is_empty(), "{name}");
        assert_eq!(answer.pairs_before, answer.pairs_after);
        return;
    }
    panic!("the demo has inline policies");
}

#[test]
fn a_wider_policy_gains() {
    let built = Built::demo();
    let new = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["secretsmanager:GetSecretValue","secretsmanager:ListSecrets","secretsmanager:DescribeSecret","secretsmanager:PutSecretValue"],"Resource":"*"}]}"#;
    let answer = built
        .what_if(&[policy("AllSafeVaultRole/ReadVault", new)])
        .unwrap();
    assert_eq!(
        answer.changes,
        ["replaces inline policy ReadVault of AllSafeVaultRole by new.json"]
    );
    assert!(answer.lost.is_empty());
    let gained = answer
        .gained
        .iter()
        .find(|d| d.target.name == "allsafe/prod-access-key")
        .unwrap();
    assert_eq!(gained.origin.name, "Elliot");
    assert_eq!(gained.actions, ["secretsmanager:PutSecretValue"]);
    assert_eq!(gained.access_levels, [AccessLevel::Write]);
    assert_eq!(gained.otherwise, Some(PathVerdict::Allowed), "it was read before");
}

#[test]
fn a_condition_loses_certainty_and_its_removal_gains_it() {
    let built = Built::demo();
    let under = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":["secretsmanager:GetSecretValue","secretsmanager:ListSecrets","secretsmanager:DescribeSecret"],"Resource":"*",
         "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}"#;
    let answer = built
        .what_if(&[policy("AllSafeVaultRole/ReadVault", under)])
        .unwrap();
    assert!(answer.gained.is_empty());
    let lost = answer
        .lost
        .iter()
        .find(|d| d.target.name == "allsafe/prod-access-key")
        .unwrap();
    assert_eq!(
        (lost.verdict, lost.otherwise),
        (PathVerdict::Allowed, Some(PathVerdict::AllowedIf))
    );
    assert_eq!(answer.pairs_before, answer.pairs_after, "nothing is gone");
}

#[test]
fn an_edge_less_cuts_what_the_choke_point_says() {
    let built = Built::demo();
    let finder = built.finder();
    let targets = sensitive(&built.world, &finder);
    let bounds = Bounds {
        most: 40,
        worlds: 0,
        ..Bounds::default()
    };
    let choke = choke_points(&built.world, &built.steps, &finder, &targets, bounds);
    let mut compared = 0;
    for hop in &choke.hops {
        let answer = match built.what_if(&[remove(&hop.from.id, &hop.to.id)]) {
            Ok(answer) => answer,
            // A person or a workload can be denied nothing.
            Err(ChangeError::Impossible { .. }) => continue,
            Err(error) => panic!("{error:?}"),
        };
        assert!(answer.gained.is_empty(), "{hop:?}");
        assert_eq!(answer.notes, Vec::<String>::new(), "{hop:?}");
        let gone = answer
            .lost
            .iter()
            .filter(|d| d.sensitivity >= Sensitivity::Confidential && d.otherwise.is_none());
        // The origin itself loses what is denied to it, whatever the kind of hop: only one kind was counted.
        let gone = gone.count();
        assert!(gone >= hop.cut, "{gone} of {}: {hop:?}", hop.cut);
        if matches!(
            hop.edge,
            EdgeKind::RunsAs | EdgeKind::MemberOf | EdgeKind::HoldsCredentialFor | EdgeKind::Assigned
        ) {
            assert_eq!(gone, hop.cut, "{hop:?}");
        }
        compared += 1;
    }
    assert!(compared > 10, "{compared} hops are too few to show anything");
}

#[test]
fn several_changes_together() {
    let built = Built::demo();
    let answer = built
        .what_if(&[
            Change::Detach {
                policy: "AllSafeAssumeVault".into(),
                from: "AllSafe".into(),
            },
            Change::Delete {
                name: "AllSafeProd".into(),
            },
        ])
        .unwrap();
    assert_eq!(
        answer.changes,
        [
            "detaches AllSafeAssumeVault from AllSafe",
            "deletes AllSafeProd (IAM user)"
        ]
    );
    assert!(answer.gained.is_empty(), "{:?}", pairs(&answer.gained));
    let lost = pairs(&answer.lost);
    assert!(lost.contains(&("Elliot", "acme-prod-customer-exports")));
    assert!(lost.contains(&("AllSafeProd", "acme-prod-customer-exports")));
}

#[test]
fn what_is_deleted_and_still_named_is_nobody() {
    for built in all() {
        let finder = built.finder();
        for origin in finder.origins() {
            if built.world.node(origin).stub {
                continue;
            }
            let id = built.world.id(origin).to_owned();
            let answer = built.what_if(&[Change::Delete { name: id.clone() }]).unwrap();
            assert!(answer.lost.iter().any(|d| d.origin.id == id) || answer.lost.is_empty());
            let gained = answer
                .gained
                .iter()
                .find(|d| d.origin.id == id || d.target.id == id);
            assert!(gained.is_none(), "{gained:?}");
            if built.records.len() > 50 {
                break;
            }
        }
    }
}

#[test]
fn a_policy_that_is_none_is_told_with_its_place() {
    let built = Built::demo();
    let bad = "{\"Version\":\"2012-10-17\",\n\"Statement\":[{\"Effect\":\"Alow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}";
    let ChangeError::Document { file, problems } =
        refused(built.what_if(&[policy("AllSafeVaultRole/ReadVault", bad)]))
    else {
        panic!("it is no policy");
    };
    assert_eq!(file, "new.json");
    assert!(problems[0].starts_with("new.json:2:"), "{problems:?}");
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let mut records = Built::demo().records;
    let role = records.iter_mut().find(|r| r.name == "AllSafeVaultRole").unwrap();
    role.refer(EdgeKind::HasPolicy, "arn:aws:iam::aws:policy/ReadOnlyAccess");
    let built = Built::new(records);
    let any = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let impossible = [
        policy("AllSafeVaultRole", any),
        policy("arn:aws:iam::aws:policy/ReadOnlyAccess", any),
        remove("Elliot", "EuCustomers"),
        Change::Detach {
            policy: "AllSafeAssumeVault".into(),
            from: "Elliot".into(),
        },
    ];
    for change in impossible {
        let error = refused(built.what_if(std::slice::from_ref(&change)));
        assert!(
            matches!(error, ChangeError::Impossible { .. }),
            "{change:?}: {error:?}"
        );
    }
    for name in ["nobody", "AllSafeVaultRole/nothing"] {
        let error = refused(built.what_if(&[Change::Delete { name: name.into() }]));
        assert!(matches!(error, ChangeError::Lookup(_)), "{error:?}");
    }
}

#[test]
fn an_outsider_is_denied_by_what_it_reaches() {
    let built = Built::demo();
    let vendor = "arn:aws:iam::999999999999:root";
    // It has two roles to the same data: one less changes nothing, and the role that is left alone is no new origin.
    let one = built.what_if(&[remove(vendor, "VendorMonitoring")]).unwrap();
    assert!(one.gained.is_empty() && one.lost.is_empty());
    assert_eq!(one.pairs_before, one.pairs_after);
    assert_eq!(one.notes, Vec::<String>::new(), "the edge is gone");
    let both = built
        .what_if(&[remove(vendor, "VendorMonitoring"), remove(vendor, "VendorBackup")])
        .unwrap();
    assert!(both.lost.len() > 5 && both.lost.iter().all(|d| d.origin.id == vendor));
    assert!(both.gained.is_empty());
}

#[test]
fn a_call_from_one_workload_to_another_is_taken_away() {
    let built = Built::demo();
    let answer = built.what_if(&[remove("order-created", "order-router")]).unwrap();
    assert_eq!(
        answer.changes,
        ["takes the edge order-created → order-router away"]
    );
    assert_eq!(answer.notes, Vec::<String>::new());
    assert!(pairs(&answer.lost).contains(&("order-created", "orders/signing-key")));
}

#[test]
fn a_ceiling_that_is_narrower_takes_away_and_the_old_one_again_nothing() {
    let built = Built::demo();
    let nothing =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}"#;
    let answer = built.what_if(&[policy("FullAWSAccess", nothing)]).unwrap();
    assert!(answer.gained.is_empty());
    assert!(answer.lost.len() > 100 && answer.pairs_after < answer.pairs_before);
    // A role that nobody becomes any more is an origin only now: it does not count.
    let finder = built.finder();
    let origins: BTreeSet<&str> = finder.origins().into_iter().map(|o| built.world.id(o)).collect();
    assert!(answer.lost.iter().all(|d| origins.contains(d.origin.id.as_str())));
}

#[test]
fn of_two_entities_with_other_names_only_the_one_is_meant() {
    let mut records = Built::demo().records;
    let functions: Vec<String> = records
        .iter()
        .filter(|r| r.kind == Kind::LambdaFunction)
        .map(|r| r.id.clone())
        .take(2)
        .collect();
    let rule = records.iter_mut().find(|r| r.name == "order-created").unwrap();
    rule.refs.clear();
    rule.refer(EdgeKind::Invokes, format!("{}:live", functions[0]));
    rule.refer(EdgeKind::Invokes, format!("{}:live", functions[1]));
    let built = Built::new(records);
    let edited = sv0_analyze::question::what_if::edit(
        &built.world,
        &built.steps,
        &built.finder(),
        built.records.clone(),
        &[remove("order-created", &functions[0])],
    )
    .unwrap();
    let rule = edited.records.iter().find(|r| r.name == "order-created").unwrap();
    let left: Vec<&str> = rule.refs.iter().map(|r| r.to.as_str()).collect();
    assert_eq!(left, [format!("{}:live", functions[1])]);
}
