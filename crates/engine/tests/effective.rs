//! Effective permissions against the plain evaluator, on random worlds: the document that is written allows what the
//! original policies allow, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sv0_engine::document::document;
use sv0_engine::effective::effective;
use sv0_iam::catalog::Catalog;
use sv0_iam::decide::{Attached, Policies, Request, Verdict, decide};
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Flavor, parse};

#[path = "../../iam/tests/worlds/mod.rs"]
mod worlds;
use worlds::{CALLERS, KEYS, Known, SESSIONS, World, world};

const OWN: &[&str] = &[CALLERS[0], SESSIONS[0]];
/// Requests whose resource has a form that the action takes.
const ASKED: &[(&str, &str)] = &[
    ("s3:GetObject", "arn:aws:s3:::data/a"),
    ("s3:GetObject", "arn:aws:s3:::data/home/x/a"),
    ("s3:PutObject", "arn:aws:s3:::data/home/x/a"),
    ("s3:PutObject", "arn:aws:s3:::data/home/data/a/a"),
    ("s3:ListBucket", "arn:aws:s3:::data"),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:111111111111:key/k1"),
    ("s3:ListAllMyBuckets", "*"),
];

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Only what `effective` looks at.
fn own(mut world: World) -> World {
    world.owner = worlds::OURS;
    world.policy = Vec::new();
    world.rcps = None;
    world.endpoint = None;
    world.required = false;
    world
}

/// What was unknown and is filled in must be something that AWS sends.
fn realistic(before: &World, after: &World) -> bool {
    KEYS.iter().zip(before.keys.iter().zip(&after.keys)).all(
        |((_, _, values), (before, after))| match after {
            Known::Value(index) => before == after || values[*index] != "many",
            _ => true,
        },
    )
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_document_says_what_the_policies_say(world in world(OWN, true), start in 0_usize..100_000) {
        let world = own(world);
        let compiled = world.compile();
        let policies = compiled.policies(false);
        let (caller, context) = (world.caller(), world.context());
        let effective = effective(&caller, &policies, &context);
        let written = document(&effective, &context);
        prop_assert!(written.missing.is_empty());
        let text = serde_json::to_string(&written.policy).unwrap();
        let (parsed, problems) = parse(&text, Flavor::Identity);
        let parsed = parsed.unwrap();
        prop_assert!(problems.iter().all(|p| p.severity == sv0_iam::syntax::Severity::Warning), "{text} {problems:?}");
        let one = Policies { identity: vec![Attached { policy: &parsed, tag: 0 }], ..Policies::default() };
        for completion in world.completions(start, 20).iter().filter(|c| realistic(&world, c)) {
            let context = completion.context();
            for (action, resource) in ASKED {
                let request = Request {
                    caller: &caller, action, resource: ResourceName::new(resource), resource_account: None, context: &context,
                };
                let before = decide(&request, &policies).verdict == Verdict::Allowed;
                let after = decide(&request, &one).verdict == Verdict::Allowed;
                let fits = if written.wider.is_empty() { before == after } else { !before || after };
                prop_assert!(fits, "{action} on {resource}: {before}, then {after}: {text} {:?}", completion.keys);
            }
        }
        for grant in &effective.grants {
            let Some((action, example)) = &grant.example else { continue };
            let action = Catalog::embedded().action_by_id(*action).unwrap();
            let context = example.context(&context);
            let resource = example.resource.as_deref().unwrap_or("*");
            let request = Request {
                caller: &caller, action: action.name(), resource: ResourceName::new(resource), resource_account: None, context: &context,
            };
            prop_assert_eq!(decide(&request, &policies).verdict, Verdict::Allowed, "{} on {}", action.name(), resource);
        }
    }
}

/// The law says little where nothing is granted, or where documents cannot say what is meant.
#[test]
fn most_documents_are_exact() {
    let mut runner = TestRunner::deterministic();
    let (mut granted, mut exact, mut denied) = (0, 0, 0);
    for _ in 0..300 {
        let world = own(world(OWN, true).new_tree(&mut runner).unwrap().current());
        let compiled = world.compile();
        let policies = compiled.policies(false);
        let (caller, context) = (world.caller(), world.context());
        let effective = effective(&caller, &policies, &context);
        granted += usize::from(!effective.grants.is_empty());
        denied += usize::from(!effective.denials.is_empty());
        exact += usize::from(document(&effective, &context).wider.is_empty());
    }
    assert!(
        granted > 150 && denied > 50,
        "{granted} with grants, {denied} with denials"
    );
    assert!(exact > 270, "{exact} of 300 documents are exact");
}
