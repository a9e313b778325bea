//! Laws that hold for every request, whatever the policies: checked on random ones.
//!
//! The last test measures that statements do match and layers do disagree in them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

use std::fmt::Write;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use sv0_iam::decide::{Decision, Hit, Requirement, Verdict};
use sv0_iam::syntax::{Effect, Flavor, Severity, parse};

mod worlds;
use worlds::*;

/// How far an answer goes: denied, perhaps, allowed.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::ExplicitDeny | Verdict::ImplicitDeny => 0,
        Verdict::AllowedIf => 1,
        Verdict::Allowed => 2,
    }
}

/// Whether an answer has what another one asks for: its grants, and none of its denials.
fn meets(answer: &Decision, requirements: &[Requirement]) -> bool {
    !requirements.is_empty()
        && requirements.iter().all(|requirement| match requirement {
            Requirement::ForeignIdentity => false,
            Requirement::Hit(wanted) => {
                let place = |h: &Hit| (h.layer, h.level, h.tag, h.statement, h.named);
                let there = answer.hits.iter().any(|hit| place(hit) == place(wanted));
                there == (wanted.effect == Effect::Allow)
            }
        })
}

fn describe(decision: &Decision) -> String {
    let mut out = String::new();
    let _ = write!(
        out,
        "{} {:?} {:#?}",
        decision.verdict, decision.blocks, decision.hits
    );
    out
}

const ROLES: &[&str] = &[ROLE];
const ACCOUNTS: &[&str] = &[OURS, THEIRS];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_denial_more_never_gives_access(world in world(CALLERS, true), denial in statement(0), place in any::<prop::sample::Index>()) {
        let before = world.ask();
        let mut more = world.clone();
        let mut documents = more.documents();
        let at = place.index(documents.len());
        documents[at].push(denial);
        let after = more.ask();
        prop_assert!(rank(after.verdict) <= rank(before.verdict), "{} became {}", before.verdict, after.verdict);
        prop_assert!(before.verdict != Verdict::ExplicitDeny || after.verdict == Verdict::ExplicitDeny);
    }

    #[test]
    fn a_grant_less_never_gives_access(world in world(CALLERS, true), which in any::<prop::sample::Index>()) {
        let before = world.ask();
        let mut fewer = world.clone();
        let mut grants: Vec<(usize, usize)> = Vec::new();
        for (d, document) in fewer.documents().iter().enumerate() {
            grants.extend(document.iter().enumerate().filter(|(_, s)| s.allow).map(|(s, _)| (d, s)));
        }
        prop_assume!(!grants.is_empty());
        let (document, statement) = grants[which.index(grants.len())];
        fewer.documents()[document].remove(statement);
        let after = fewer.ask();
        prop_assert!(rank(after.verdict) <= rank(before.verdict), "{} became {}", before.verdict, after.verdict);
    }

    #[test]
    fn a_key_that_is_not_named_changes_nothing(world in world(CALLERS, false)) {
        let (before, named) = (world.ask(), world.context_keys());
        for (index, (key, _, values)) in KEYS.iter().enumerate() {
            if named.iter().any(|name| name.eq_ignore_ascii_case(key)) {
                continue;
            }
            for known in (0..values.len()).map(Known::Value).chain([Known::Absent]) {
                let mut other = world.clone();
                other.keys[index] = known;
                let after = other.ask();
                prop_assert_eq!(rank(after.verdict), rank(before.verdict), "{} is {:?}", key, known);
            }
        }
    }

    #[test]
    fn order_does_not_matter(world in world(CALLERS, true), by in 0_usize..6) {
        let before = world.ask();
        let mut turned = world.clone();
        for document in turned.documents() {
            document.reverse();
            let by = by % document.len().max(1);
            document.rotate_left(by);
        }
        for policies in turned.unions() {
            policies.reverse();
        }
        let after = turned.ask();
        prop_assert_eq!(before.verdict, after.verdict);
        prop_assert_eq!(before.blocks, after.blocks);
        prop_assert_eq!(before.hits.len(), after.hits.len());
    }

    #[test]
    fn policies_may_be_split(world in world(CALLERS, true), at in 0_usize..3) {
        let before = world.ask();
        let mut split = world.clone();
        for policies in split.unions() {
            let mut parts = Vec::new();
            for document in policies.iter() {
                let (head, tail) = document.split_at(at.min(document.len()));
                parts.extend([head.to_vec(), tail.to_vec()]);
            }
            *policies = parts;
        }
        let after = split.ask();
        prop_assert_eq!(before.verdict, after.verdict);
        prop_assert_eq!(before.blocks, after.blocks);
    }

    #[test]
    fn a_level_that_allows_everything_changes_nothing(world in world(CALLERS, true), place in any::<prop::sample::Index>()) {
        let before = world.ask();
        let mut more = world.clone();
        let levels = more.scps.get_or_insert_default();
        let at = place.index(levels.len() + 1);
        levels.insert(at, vec![vec![Statement::everything(true)]]);
        prop_assert_eq!(before.verdict, more.ask().verdict);
        let mut fewer = world;
        fewer.rcps.get_or_insert_default().push(vec![vec![Statement::everything(true)]]);
        prop_assert_eq!(before.verdict, fewer.ask().verdict);
    }

    #[test]
    fn a_fully_known_request_has_no_ifs(world in world(CALLERS, false)) {
        let decision = world.ask();
        prop_assert!(decision.verdict != Verdict::AllowedIf, "{}", describe(&decision));
        prop_assert!(decision.requirements.is_empty());
        prop_assert_eq!(decision.verdict == Verdict::Allowed, decision.blocks.is_empty());
    }

    /// The answer to a question about all requests holds for each of them.
    #[test]
    fn what_is_not_known_is_bounded(world in world(CALLERS, true), start in 0_usize..10_000) {
        let compiled = world.compile();
        let decision = world.ask_of(&compiled);
        for concrete in world.completions(start, 48) {
            let answer = concrete.ask_of(&compiled);
            let fits = match decision.verdict {
                Verdict::Allowed => answer.verdict == Verdict::Allowed,
                Verdict::AllowedIf => answer.verdict != Verdict::AllowedIf,
                Verdict::ImplicitDeny => !answer.verdict.possible(),
                Verdict::ExplicitDeny => answer.verdict == Verdict::ExplicitDeny,
            };
            prop_assert!(fits, "{:?}: {}, but {}", concrete.keys, describe(&answer), describe(&decision));
            let met = meets(&answer, &decision.requirements);
            prop_assert!(!met || answer.verdict == Verdict::Allowed, "{:?}: {}, but {}", concrete.keys, describe(&answer), describe(&decision));
        }
        prop_assert_eq!(decision.verdict == Verdict::AllowedIf, !decision.requirements.is_empty());
    }

    /// A question about a role is one about all of its sessions.
    #[test]
    fn a_role_stands_for_its_sessions(world in world(ROLES, false)) {
        let compiled = world.compile();
        let decision = world.ask_of(&compiled);
        for session in SESSIONS {
            let answer = World { caller: session, ..world.clone() }.ask_of(&compiled);
            let fits = decision.verdict == Verdict::AllowedIf || rank(answer.verdict) == rank(decision.verdict);
            prop_assert!(fits, "{session}: {}, but {}", describe(&answer), describe(&decision));
        }
    }

    /// A question about somebody of an account is one about each of its principals, whatever their own policies.
    #[test]
    fn an_account_stands_for_its_principals(world in world(ACCOUNTS, false)) {
        let mut world = World { identity: Vec::new(), boundaries: Vec::new(), session: None, ..world };
        let decision = world.ask();
        for caller in CALLERS.iter().copied().chain(SESSIONS).filter(|caller| caller.contains(world.caller)) {
            for identity in [vec![], vec![vec![Statement::everything(true)]]] {
                let answer = World { caller, identity, ..world.clone() }.ask();
                let fits = decision.verdict == Verdict::AllowedIf || rank(answer.verdict) == rank(decision.verdict);
                prop_assert!(fits, "{caller}: {}, but {}", describe(&answer), describe(&decision));
            }
        }
        world.scps = None;
        prop_assert!(rank(world.ask().verdict) >= rank(decision.verdict));
    }

    /// Damage gives a diagnostic, never a panic; and a document cut short is not read as a shorter one.
    #[test]
    fn damaged_documents_are_reported(document in document(70), cut in any::<prop::sample::Index>(), junk in "[\\x00-\\x7f]{0,3}") {
        let statements: Vec<Value> = document.iter().map(|s| s.json(true)).collect();
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let at = cut.index(text.len());
        let (policy, problems) = parse(&text[..at], Flavor::Resource);
        prop_assert!(policy.is_none() && problems.iter().any(|p| p.code == "not-json"));
        let damaged = format!("{}{junk}{}", &text[..at], &text[at..]);
        let (policy, problems) = parse(&damaged, Flavor::Resource);
        prop_assert!(policy.is_some() || problems.iter().any(|p| p.severity == Severity::Error));
        for problem in problems {
            let (line, column) = problem.line_column(&damaged);
            prop_assert!(line >= 1 && column >= 1 && problem.offset <= damaged.len());
        }
    }
}

/// The random requests are worth asking: no answer is rare.
#[test]
fn the_requests_are_of_all_kinds() {
    let mut runner = TestRunner::deterministic();
    let mut share = |unknown: bool| {
        let strategy = world(CALLERS, unknown);
        let mut count = [0_u32; 3];
        for _ in 0..1_000 {
            let world = strategy.new_tree(&mut runner).unwrap().current();
            count[usize::from(rank(world.ask().verdict))] += 1;
        }
        count.map(|n| n / 10)
    };
    let [denied, _, allowed] = share(false);
    assert!(
        allowed >= 15 && denied >= 15,
        "known: {allowed} % allowed, {denied} % denied"
    );
    eprintln!("known: {allowed} % allowed, {denied} % denied");
    let [denied, perhaps, allowed] = share(true);
    eprintln!("unknown: {allowed} % allowed, {perhaps} % perhaps, {denied} % denied");
    assert!(
        allowed >= 15 && perhaps >= 5 && denied >= 15,
        "unknown: {allowed} % allowed, {perhaps} % perhaps, {denied} % denied"
    );
}
