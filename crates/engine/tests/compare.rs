//! Two policies against each other, on random ones: what is said to be new is, and nothing that is new goes unsaid.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

use proptest::collection::vec;
use proptest::prelude::*;
use sv0_engine::compare::{Kind, gains};
use sv0_iam::catalog::Catalog;
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies, Request, Verdict, decide};
use sv0_iam::name::Caller;
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Flavor, Policy};

#[path = "../../iam/tests/worlds/mod.rs"]
mod worlds;
use worlds::{CALLERS, KEYS, statement, world};

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(500);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

const ASKED: &[(&str, &str)] = &[
    ("s3:GetObject", "arn:aws:s3:::data/a"),
    ("s3:PutObject", "arn:aws:s3:::data/home/x/a"),
    ("s3:ListBucket", "arn:aws:s3:::data"),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:111111111111:key/k1"),
];

fn allowed(policy: &Policy, action: &str, resource: &str, context: &Context) -> bool {
    let caller = Caller::parse("arn:aws:iam::000000000000:role/sv0-any");
    let request = Request {
        caller: &caller,
        action,
        resource: ResourceName::new(resource),
        resource_account: None,
        context,
    };
    let policies = Policies {
        identity: vec![Attached { policy, tag: 0 }],
        ..Policies::default()
    };
    decide(&request, &policies).verdict == Verdict::Allowed
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn gains_are_what_is_new(
        old in vec(statement(75), 0..4),
        new in vec(statement(75), 1..4),
        keys in world(&CALLERS[..1], false),
    ) {
        let (old, new) = (worlds::compile(&old, Flavor::Identity), worlds::compile(&new, Flavor::Identity));
        let found = gains(&old, &new, Kind::Identity);
        for gain in &found {
            let Some(shown) = &gain.example else { continue };
            let action = Catalog::embedded().action_by_id(shown.action).unwrap();
            let context = shown.example.context(&Context::open());
            prop_assert!(allowed(&new, action.name(), &shown.resource, &context), "{shown:?}");
            prop_assert!(!allowed(&old, action.name(), &shown.resource, &context), "{shown:?}");
        }
        // Whatever request is tried: if it is new, its action is told.
        // AWS sends no number that is none.
        let many = KEYS.iter().position(|(key, ..)| *key == "s3:max-keys").unwrap();
        let mut keys = keys;
        if keys.keys[many] == worlds::Known::Value(2) {
            keys.keys[many] = worlds::Known::Absent;
        }
        let context = keys.context();
        for (action, resource) in ASKED {
            if allowed(&new, action, resource, &context) && !allowed(&old, action, resource, &context) {
                let id = Catalog::embedded().id_of(action).unwrap();
                prop_assert!(found.iter().any(|gain| gain.actions.contains(&id)), "{action} on {resource}");
            }
        }
        // Nothing is new in what one has.
        prop_assert!(gains(&new, &new, Kind::Identity).is_empty());
    }
}
