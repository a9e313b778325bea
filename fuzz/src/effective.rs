//! Effective permissions of a random principal: the document that is written says of every request what the policies say,
//! and every example is allowed. And two versions of a policy: what is said to be new is, and nothing that is new goes
//! unsaid. Both go through all actions of the catalogue, so this is slow, and a target of its own.

use sv0_engine::compare::{Kind, gains};
use sv0_engine::document::document;
use sv0_engine::effective::{Effective, effective};
use sv0_engine::forms::{form, forms_of};
use sv0_iam::catalog::Catalog;
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies, Request, Verdict, decide, protected};
use sv0_iam::name::Caller;
use sv0_iam::name::principal::CallerKind;
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Flavor, Policy, Severity, parse};

use crate::condition::completed;
use crate::pick::Pick;
use crate::world::{ACTIONS, RESOURCES, World};

pub fn check(data: &[u8]) {
    let mut pick = Pick::new(data);
    let compare = pick.chance(30);
    let world = World::new(&mut pick);
    if compare {
        versions(&mut pick, &world);
    } else {
        permissions(&mut pick, &world);
    }
}

fn permissions(pick: &mut Pick<'_>, world: &World) {
    // Who has identity policies, and is allowed by nothing else.
    let own = matches!(
        world.caller.kind,
        CallerKind::User | CallerKind::Role | CallerKind::RoleSession | CallerKind::FederatedUser
    );
    if !own {
        return;
    }
    let all = world.policies();
    let policies = Policies {
        identity: all.identity,
        boundaries: all.boundaries,
        session: all.session,
        scps: all.scps,
        ..Policies::default()
    };
    let effective = effective(&world.caller, &policies, &world.context);
    examples(world, &policies, &effective);
    let written = document(&effective, &world.context);
    if !written.missing.is_empty() {
        return;
    }
    let text = serde_json::to_string(&written.policy).expect("JSON");
    let (parsed, problems) = parse(&text, Flavor::Identity);
    let parsed = parsed.expect("what was written is a policy");
    // An operator that AWS does not have stays what it is, and so do actions and ARNs that are none.
    let errors = problems.iter().filter(|p| p.severity == Severity::Error);
    assert!(
        errors
            .into_iter()
            .all(|p| matches!(p.code, "unknown-operator" | "odd-action")),
        "{text} {problems:?}"
    );
    let one = Policies {
        identity: vec![Attached {
            policy: &parsed,
            tag: 0,
        }],
        ..Policies::default()
    };
    for _ in 0..4 {
        let context = completed(pick, &world.context);
        for (action, resource) in asked() {
            let ask = |policies: &Policies<'_>| allowed(world, policies, action, resource, &context);
            let (before, after) = (ask(&policies), ask(&one));
            let fits = if written.wider.is_empty() {
                before == after
            } else {
                !before || after
            };
            assert!(
                fits,
                "{action} on {resource}: {before}, then {after} by {text} in {context:?}\n{world}"
            );
        }
    }
}

/// Requests whose resource has a form that the action takes.
fn asked() -> impl Iterator<Item = (&'static str, &'static str)> {
    let takes = |action: &str, resource: &str| {
        let Some(id) = Catalog::embedded().id_of(action) else {
            return false;
        };
        let forms = forms_of(id);
        let has = |id: &u32| form(*id).is_some_and(|form| form.pattern.has(resource));
        if forms.is_empty() {
            resource == "*"
        } else {
            forms.iter().any(has)
        }
    };
    let pairs = ACTIONS
        .iter()
        .flat_map(|action| RESOURCES.iter().map(move |resource| (*action, *resource)));
    pairs.filter(move |(action, resource)| takes(action, resource))
}

fn allowed(world: &World, policies: &Policies<'_>, action: &str, resource: &str, context: &Context) -> bool {
    let request = Request {
        caller: &world.caller,
        action,
        resource: ResourceName::new(resource),
        resource_account: None,
        context,
    };
    decide(&request, policies).verdict == Verdict::Allowed
}

fn examples(world: &World, policies: &Policies<'_>, effective: &Effective<'_>) {
    for grant in &effective.grants {
        let Some((action, example)) = &grant.example else {
            continue;
        };
        let action = Catalog::embedded()
            .action_by_id(*action)
            .expect("an action")
            .name();
        let resource = example.resource.as_deref().unwrap_or("*");
        let context = example.context(&world.context);
        assert!(
            allowed(world, policies, action, resource, &context),
            "{action} on {resource} is not allowed in {context:?}: {grant:?}\n{world}"
        );
    }
}

// ---- two versions ----

/// What the engine takes the principal of an identity policy for, of whom nothing is known.
const ANYBODY: &str = "arn:aws:iam::000000000000:role/sv0-any";

fn versions(pick: &mut Pick<'_>, world: &World) {
    let identity = world.policies().identity;
    let [old, new, ..] = identity.as_slice() else {
        return;
    };
    let caller = Caller::parse(ANYBODY);
    let allows = |policy: &Policy, action: &str, resource: &str, context: &Context| {
        let policies = Policies {
            identity: vec![Attached { policy, tag: 0 }],
            ..Policies::default()
        };
        let request = Request {
            caller: &caller,
            action,
            resource: ResourceName::new(resource),
            resource_account: None,
            context,
        };
        decide(&request, &policies).verdict
    };
    let found = gains(old.policy, new.policy, Kind::Identity);
    for gain in &found {
        let Some(shown) = &gain.example else { continue };
        let action = Catalog::embedded()
            .action_by_id(shown.action)
            .expect("an action")
            .name();
        let context = shown.example.context(&Context::open());
        let each = [old, new].map(|one| allows(one.policy, action, &shown.resource, &context));
        assert!(
            each[0] != Verdict::Allowed && each[1] == Verdict::Allowed,
            "{shown:?} is {each:?}\n{world}"
        );
    }
    for _ in 0..4 {
        let context = completed(pick, &Context::open());
        for (action, resource) in asked() {
            let each = [old, new].map(|one| allows(one.policy, action, resource, &context));
            // What hangs on an operator that nobody knows is neither new nor old.
            if each[0].possible() || each[1] != Verdict::Allowed || always(action, resource) {
                continue;
            }
            let id = Catalog::embedded().id_of(action).expect("an action");
            assert!(
                found.iter().any(|gain| gain.actions.contains(&id)),
                "{action} on {resource} is new, and nobody says so, in {context:?}\n{world}"
            );
        }
    }
    assert!(
        gains(new.policy, new.policy, Kind::Identity)
            .iter()
            .all(|gain| gain.example.is_none()),
        "nothing is new in what one has\n{world}"
    );
}

/// What hangs on no policy.
fn always(action: &str, resource: &str) -> bool {
    action.eq_ignore_ascii_case("sts:GetCallerIdentity") || protected::refuses(action, resource)
}
