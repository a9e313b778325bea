//! Effective permissions of a random principal: the document that is written says of every request what the policies say,
//! and every example is allowed.

use sv0_engine::document::document;
use sv0_engine::effective::{Effective, effective};
use sv0_engine::forms::{form, forms_of};
use sv0_iam::catalog::Catalog;
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies, Request, Verdict, decide};
use sv0_iam::name::principal::CallerKind;
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Flavor, Severity, parse};

use crate::condition::completed;
use crate::pick::Pick;
use crate::world::{ACTIONS, RESOURCES, World};

pub fn check(pick: &mut Pick<'_>, world: &World) {
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
