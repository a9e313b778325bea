//! What the policies of a principal grant, denials and ceilings apart: to be held against what was seen of it.

use sv0_analyze::World;
use sv0_evidence::unused::{Granted, GrantedPolicy};
use sv0_iam::catalog::Catalog;
use sv0_iam::syntax::ast::{ActionElement, Effect, Policy};
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;

/// The users and roles whose use can be looked at.
pub fn principals(world: &World) -> impl Iterator<Item = NodeId> {
    world.principals.keys().copied().filter(|node| {
        matches!(world.node(*node).record.kind, Kind::IamRole | Kind::IamUser) && !world.node(*node).stub
    })
}

/// What the policies of a principal grant, denials and ceilings apart.
#[must_use]
pub fn of(world: &World, node: NodeId) -> Granted {
    let record = &world.node(node).record;
    let text = |name: &str| {
        record
            .attrs
            .get(name)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let mut granted = Granted {
        principal: record.id.clone(),
        account: record.account.clone().unwrap_or_default(),
        last_used: text("last_used"),
        ..Granted::default()
    };
    let keys = record.attrs.get("access_keys").and_then(|keys| keys.as_array());
    for key in keys.into_iter().flatten() {
        let text = |name: &str| key.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        if let Some(id) = text("id") {
            granted.keys.push((id, text("last_used")));
        }
    }
    let accessed = record
        .attrs
        .get("service_last_accessed")
        .and_then(|services| services.as_object());
    for (service, last) in accessed.into_iter().flatten() {
        granted
            .service_last_accessed
            .insert(service.clone(), last.as_str().map(str::to_owned));
    }
    let tags = world
        .principals
        .get(&node)
        .map(|principal| principal.identity.as_slice())
        .unwrap_or_default();
    for attachment in tags.iter().filter_map(|tag| world.attachment(*tag)) {
        let actions = allowed(&attachment.policy);
        granted.policies.push(GrantedPolicy {
            name: attachment.name.clone(),
            policy: attachment.policy.clone(),
            breadth: actions.len(),
        });
        granted.actions.extend(actions);
    }
    granted.actions.sort_unstable();
    granted.actions.dedup();
    granted
}

/// Actions of the catalogue that a policy allows on something.
fn allowed(policy: &Policy) -> Vec<&'static str> {
    let matches = |element: &ActionElement, name: &str| {
        let listed = element.patterns.iter().any(|pattern| pattern.matches(name));
        listed != element.negated
    };
    let allows: Vec<&ActionElement> = policy
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Allow)
        .map(|statement| &statement.action)
        .collect();
    Catalog::embedded()
        .actions()
        .map(|action| action.name())
        .filter(|name| allows.iter().any(|element| matches(element, name)))
        .collect()
}
