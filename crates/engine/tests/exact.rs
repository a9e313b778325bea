//! The symbolic answer against the plain one, on random worlds: what is found is right, and what is ruled out is not
//! found by trying.
//!
//! `PROPTEST_CASES=100000 cargo test --release -p sv0-engine` is the long run (`make long`).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sv0_engine::exact;
use sv0_engine::solve::Example;
use sv0_iam::condition::Context;
use sv0_iam::decide::{Request, Verdict, decide};
use sv0_iam::name::Caller;
use sv0_iam::syntax::resource::ResourceName;

#[path = "../../iam/tests/worlds/mod.rs"]
mod worlds;
use worlds::{CALLERS, Compiled, KEYS, Known, ROLE, World, world};

const ROLES: &[&str] = &[ROLE];

/// Two thousand unless `PROPTEST_CASES` says otherwise.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(2_000);
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn request<'a>(world: &'a World, caller: &'a Caller, context: &'a Context) -> Request<'a> {
    Request {
        caller,
        action: world.action,
        resource: ResourceName::new(world.resource),
        resource_account: Some(world.owner),
        context,
    }
}

/// What the plain evaluator says of an example.
fn plain(world: &World, compiled: &Compiled, example: &Example) -> Verdict {
    let mut caller = world.caller();
    if let Some(id) = &example.caller {
        caller = session(id);
    } else if caller.id == ROLE {
        // None of the sessions that a statement names.
        caller = session("arn:aws:sts::111111111111:assumed-role/App/of-its-own");
    }
    let context = example.context(&world.context());
    decide(
        &request(world, &caller, &context),
        &compiled.policies(world.required),
    )
    .verdict
}

fn session(id: &str) -> Caller {
    let mut caller = Caller::parse(id);
    caller.role_arn = Some(ROLE.to_owned());
    caller
}

/// Whether AWS could send what a completion filled in: a number is a number.
fn realistic(before: &World, after: &World) -> bool {
    KEYS.iter().zip(before.keys.iter().zip(&after.keys)).all(
        |((_, _, values), (before, after))| match after {
            Known::Value(index) => before == after || values[*index] != "many",
            _ => true,
        },
    )
}

fn possible(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::ExplicitDeny | Verdict::ImplicitDeny)
}

fn agrees(world: &World, start: usize) -> Result<(), TestCaseError> {
    let compiled = world.compile();
    let (caller, context) = (world.caller(), world.context());
    let request = request(world, &caller, &context);
    let answer = exact(&request, &compiled.policies(world.required), &[]);
    if let Some(witness) = &answer.witness {
        let verdict = plain(world, &compiled, witness);
        prop_assert_eq!(verdict, Verdict::Allowed, "witness {:?}", witness);
    }
    if let Some(counter) = &answer.counter {
        let verdict = plain(world, &compiled, counter);
        prop_assert!(!possible(verdict), "counter {:?} is {}", counter, verdict);
    }
    let completions = world.completions(start, 40);
    for completion in completions.iter().filter(|c| realistic(world, c)) {
        for caller in callers(world) {
            let completed = World {
                caller,
                ..completion.clone()
            };
            let verdict = completed.ask_of(&compiled).verdict;
            let fits = match answer.verdict {
                Verdict::Allowed => verdict == Verdict::Allowed,
                Verdict::AllowedIf => true,
                _ => !possible(verdict),
            };
            prop_assert!(
                fits,
                "{} but {} for {:?}",
                answer.verdict,
                verdict,
                completed.keys
            );
        }
    }
    Ok(())
}

/// Who the caller may be: a role is one of its sessions.
fn callers(world: &World) -> Vec<&'static str> {
    if world.caller == ROLE {
        worlds::SESSIONS.to_vec()
    } else {
        vec![world.caller]
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn examples_are_right_and_none_is_missed(world in world(CALLERS, true), start in 0_usize..100_000) {
        agrees(&world, start)?;
    }

    #[test]
    fn a_role_is_one_of_its_sessions(world in world(ROLES, true), start in 0_usize..100_000) {
        agrees(&world, start)?;
    }

    /// With nothing unknown the formula says what the plain evaluator says.
    #[test]
    fn the_formula_is_the_plain_evaluator(world in world(CALLERS, false)) {
        let compiled = world.compile();
        let (caller, context) = (world.caller(), world.context());
        let request = request(&world, &caller, &context);
        let policies = compiled.policies(world.required);
        let composed = sv0_engine::compose::compose(&(&request).into(), &policies);
        let verdict = decide(&request, &policies).verdict;
        prop_assert_eq!(composed.allowed.value(&|_| None), Some(verdict == Verdict::Allowed), "{}", verdict);
    }
}

/// The laws above say little if the engine gives up, or if nothing ever hangs on anything.
#[test]
fn most_answers_are_exact() {
    let mut runner = TestRunner::deterministic();
    let (mut conditional, mut both, mut sharper) = (0, 0, 0);
    for _ in 0..1_500 {
        let world = world(CALLERS, true).new_tree(&mut runner).unwrap().current();
        let compiled = world.compile();
        let (caller, context) = (world.caller(), world.context());
        let request = request(&world, &caller, &context);
        let policies = compiled.policies(world.required);
        if decide(&request, &policies).verdict != Verdict::AllowedIf {
            continue;
        }
        let answer = exact(&request, &policies, &[]);
        match answer.verdict {
            Verdict::AllowedIf => {
                conditional += 1;
                both += u32::from(answer.witness.is_some() && answer.counter.is_some());
            }
            _ => sharper += 1,
        }
    }
    assert!(conditional > 100, "{conditional} conditional answers");
    assert!(
        sharper > 5,
        "{sharper} answers that the plain evaluator leaves open"
    );
    assert!(
        both * 100 >= conditional * 98,
        "{both} of {conditional} with examples of both kinds"
    );
}
