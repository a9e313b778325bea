//! The three evaluators on one random request: the compiled one says what the plain one says; examples that the symbolic
//! one gives are what it says they are; and what it settles is not contradicted by filling in what was unknown.

use std::cell::RefCell;

use sv0_engine::compiled::Library;
use sv0_engine::compose::compose;
use sv0_engine::exact;
use sv0_engine::exact::Exact;
use sv0_engine::keys::Value;
use sv0_engine::solve::Example;
use sv0_iam::condition::{Context, Fact};
use sv0_iam::decide::{Attached, Policies, Request, Verdict, context_keys, decide};
use sv0_iam::name::principal::CallerKind;
use sv0_iam::name::{ActionPattern, Caller};
use sv0_iam::syntax::{Flavor, Policy, parse};

use crate::condition::completed;
use crate::pick::Pick;
use crate::vocabulary::keys;
use crate::world::{World, compiled};

pub fn check(data: &[u8]) {
    let mut pick = Pick::new(data);
    let world = World::new(&mut pick);
    LIBRARY.with_borrow_mut(|library| {
        if library.len() > 2_000 {
            *library = Library::new();
        }
        evaluators(&mut pick, &world, library);
    });
}

thread_local! {
    /// All worlds share it, because looking up actions takes more time than all the rest.
    static LIBRARY: RefCell<Library> = RefCell::default();
}

fn evaluators(pick: &mut Pick<'_>, world: &World, library: &mut Library) {
    let (request, policies) = (world.request(), world.policies());
    let plain = decide(&request, &policies).verdict;
    let fast = compiled(library, &request, &policies);
    assert_eq!(plain, fast, "plain and compiled\n{world}");
    if pick.chance(10) {
        let _ = context_keys(&request, &policies);
    }

    let choices = choices(pick, world);
    let answer = exact(&request, &policies, &choices);
    assert!(
        plain == Verdict::AllowedIf || answer.verdict == plain,
        "{plain} is not {}\n{world}",
        answer.verdict
    );
    examples(world, &answer, library);
    for _ in 0..5 {
        filled_in(pick, world, &answer, &choices, library);
    }
}

/// Of a key or two is it known what they may be.
fn choices(pick: &mut Pick<'_>, world: &World) -> Vec<(String, Vec<Value>)> {
    let mut out: Vec<(String, Vec<Value>)> = Vec::new();
    while out.len() < 2 && pick.chance(15) {
        let key = pick.of(keys());
        let name = key.name.to_ascii_lowercase();
        let Fact::Unknown { maybe_absent } = world.context.get(&name) else {
            continue;
        };
        let mut values = pick.many(1, 3, |pick| key.value(pick));
        if maybe_absent && pick.chance(30) {
            values.push(Value::Absent);
        }
        if !out.iter().any(|(other, _)| *other == name) {
            out.push((name, values));
        }
    }
    out
}

/// A policy that allows everything.
fn everything() -> Policy {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    parse(text, Flavor::Identity).0.expect("a policy")
}

/// Asks with everything settled that was open: who asks, in which context, and what identity policies say that nobody
/// has read.
fn settled(
    world: &World,
    caller: &Caller,
    context: &Context,
    foreign: bool,
    library: &mut Library,
) -> Verdict {
    let everything = everything();
    let mut policies: Policies<'_> = world.policies();
    let unread = policies.identity_unknown || world.caller.kind == CallerKind::Account;
    policies.identity_unknown = false;
    if unread && foreign {
        policies.identity.push(Attached {
            policy: &everything,
            tag: 99,
        });
    }
    let request = Request {
        caller,
        context,
        ..world.request()
    };
    let verdict = decide(&request, &policies).verdict;
    assert_eq!(
        verdict,
        compiled(library, &request, &policies),
        "plain and compiled, settled: {caller:?} {context:?}\n{world}"
    );
    verdict
}

fn session(role: &Caller, id: &str) -> Caller {
    let mut out = Caller::parse(id);
    out.role_arn = Some(role.id.clone());
    out
}

/// The session of a role, by its name.
fn named_session(role: &Caller, name: &str) -> Option<Caller> {
    let mut fields = role.id.split(':');
    let (partition, account) = (fields.nth(1)?, fields.nth(2)?);
    let id = format!(
        "arn:{partition}:sts::{account}:assumed-role/{}/{name}",
        role.role_name()?
    );
    Some(session(role, &id))
}

// ---- examples ----

fn examples(world: &World, answer: &Exact, library: &mut Library) {
    let mut ask = |example: &Example| {
        let caller = exemplary(world, example)?;
        // No policy can allow what is no action.
        if example.foreign && !ActionPattern::new("*").matches(world.action) {
            return None;
        }
        let context = example.context(&world.context);
        Some(settled(world, &caller, &context, example.foreign, library))
    };
    if let Some(witness) = &answer.witness {
        let verdict = ask(witness);
        assert!(
            verdict.is_none_or(|v| v == Verdict::Allowed),
            "{witness:?} is {verdict:?}\n{world}"
        );
    }
    if let Some(counter) = &answer.counter {
        let verdict = ask(counter);
        assert!(
            verdict.is_none_or(|v| !v.possible()),
            "{counter:?} is {verdict:?}\n{world}"
        );
    }
}

/// Who asks in an example; none where the example does not say it in full.
fn exemplary(world: &World, example: &Example) -> Option<Caller> {
    let caller = &world.caller;
    match (caller.kind, &example.caller) {
        (CallerKind::Role, Some(id)) => Some(session(caller, id)),
        (CallerKind::Role, None) => named_session(caller, "sv0-of-its-own"),
        // Somebody of an account: a user can be named in one way only, a role in several.
        (CallerKind::Account, Some(id)) => {
            Some(Caller::parse(id)).filter(|somebody| somebody.kind == CallerKind::User)
        }
        (CallerKind::Account, None) => somebody(caller, "user/sv0-of-its-own"),
        (_, None) => Some(caller.clone()),
        (_, Some(_)) => None,
    }
}

fn somebody(account: &Caller, name: &str) -> Option<Caller> {
    let id = account.account.as_deref()?;
    Some(Caller::parse(&format!("arn:aws:iam::{id}:{name}")))
}

// ---- filling in ----

fn filled_in(
    pick: &mut Pick<'_>,
    world: &World,
    answer: &Exact,
    choices: &[(String, Vec<Value>)],
    library: &mut Library,
) {
    let mut context = completed(pick, &world.context);
    for (key, values) in choices {
        let at = pick.below(values.len());
        context.set_fact(key, values[at].fact());
    }
    let caller = match world.caller.kind {
        CallerKind::Role => {
            let name = pick.of(&["s1", "s2", "sv0-of-its-own"]);
            named_session(&world.caller, name)
        }
        CallerKind::Account => {
            let name = pick.of(&["user/alice", "user/team/alice", "user/carol", "user/none"]);
            somebody(&world.caller, name)
        }
        _ => Some(world.caller.clone()),
    };
    let Some(caller) = caller else { return };
    let foreign = pick.chance(50);
    let verdict = settled(world, &caller, &context, foreign, library);
    let fits = match answer.verdict {
        Verdict::Allowed => verdict == Verdict::Allowed,
        Verdict::AllowedIf => true,
        Verdict::ImplicitDeny | Verdict::ExplicitDeny => !verdict.possible(),
    };
    assert!(
        fits,
        "{}, but {verdict} for {} (foreign {foreign}) in {context:?}\nchoices {choices:?}\n{world}",
        answer.verdict, caller.id
    );
    // Nothing is open any more but operators that nobody knows: the formula is a constant, and the right one.
    let request = Request {
        caller: &caller,
        context: &context,
        ..world.request()
    };
    let mut policies = world.policies();
    policies.identity_unknown = false;
    let composed = compose(&(&request).into(), &policies);
    let plain = decide(&request, &policies).verdict;
    let value = composed.allowed.value(&|_| None);
    let fits = match value {
        Some(allowed) => allowed == (plain == Verdict::Allowed),
        None => plain == Verdict::AllowedIf,
    };
    assert!(
        fits,
        "the formula says {value:?}, but {plain} for {} in {context:?}\n{world}",
        caller.id
    );
}
