//! The compiled evaluator answers as the plain one: on every case of the corpus, on the random requests of sv0-iam's own
//! properties, and on odder ones.
//!
//! `make long` is the long run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

mod asking;
#[path = "../../iam/tests/cases/mod.rs"]
mod corpus;
mod odd;
#[path = "../../iam/tests/worlds/mod.rs"]
mod worlds;

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sv0_engine::compiled::Library;
use sv0_iam::decide::{Policies, Request, Verdict, decide};
use sv0_iam::syntax::resource::ResourceName;

use asking::{cases, compiled};
use worlds::{ACCOUNTS, CALLERS, ROLES, SESSIONS, World, world};

#[test]
fn every_case_of_the_corpus_is_answered_alike() {
    let mut library = Library::new();
    let mut count = 0;
    for (file, case) in corpus::cases() {
        let ask = |request: &Request<'_>, policies: &Policies<'_>| {
            (
                decide(request, policies).verdict,
                compiled(&mut library, request, policies),
            )
        };
        let ((plain, compiled), _) = corpus::ask(&case, ask);
        assert_eq!(plain, compiled, "{file}, rule {}, \"{}\"", case.rule, case.name);
        count += 1;
    }
    assert!(count > 100);
}

/// The plain and the compiled verdict; all worlds share a library, which grows.
fn both(world: &World) -> (Verdict, Verdict) {
    thread_local! {
        static LIBRARY: RefCell<Library> = RefCell::default();
    }
    let (policies, caller, context) = (world.compile(), world.caller(), world.context());
    let policies = policies.policies(world.required);
    let request = Request {
        caller: &caller,
        action: world.action,
        resource: ResourceName::new(world.resource),
        resource_account: Some(world.owner),
        context: &context,
    };
    let compiled = LIBRARY.with_borrow_mut(|library| {
        if library.len() > 5_000 {
            *library = Library::new();
        }
        compiled(library, &request, &policies)
    });
    (decide(&request, &policies).verdict, compiled)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn known_requests_are_answered_alike(world in world(CALLERS, false)) {
        let (plain, compiled) = both(&world);
        prop_assert_eq!(plain, compiled);
    }

    #[test]
    fn unknown_facts_leave_the_same_doubts(world in world(CALLERS, true)) {
        let (plain, compiled) = both(&world);
        prop_assert_eq!(plain, compiled);
    }

    #[test]
    fn roles_sessions_and_accounts_are_answered_alike(
        role in world(ROLES, true),
        session in world(&SESSIONS, true),
        account in world(ACCOUNTS, true),
    ) {
        for world in [role, session, account] {
            let (plain, compiled) = both(&world);
            prop_assert_eq!(plain, compiled, "{:?}", world);
        }
    }

    #[test]
    fn odd_requests_are_answered_alike(odd in odd::odd()) {
        let parsed = odd.parse();
        let (request, policies) = (odd.request(), odd.policies(&parsed));
        let plain = decide(&request, &policies).verdict;
        prop_assert_eq!(plain, compiled(&mut Library::new(), &request, &policies));
    }
}

/// The odd requests are worth asking: no answer is rare.
#[test]
fn the_odd_requests_are_of_all_kinds() {
    let mut runner = TestRunner::deterministic();
    let mut count = [0_u32; 4];
    for _ in 0..1_000 {
        let odd = odd::odd().new_tree(&mut runner).unwrap().current();
        let parsed = odd.parse();
        let verdict = decide(&odd.request(), &odd.policies(&parsed)).verdict;
        count[verdict as usize] += 1;
    }
    eprintln!("allowed, allowed_if, implicit_deny, explicit_deny in 1000: {count:?}");
    assert!(count.iter().all(|n| *n >= 40), "{count:?}");
}
