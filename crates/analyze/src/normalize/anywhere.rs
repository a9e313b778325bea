//! IAM Roles Anywhere: whoever holds a certificate of a trust anchor becomes a role, if an enabled profile of the same
//! place lists the role and the role trusts the service (IAM Roles Anywhere User Guide, "Trust model").

use sv0_iam::name::Arn;
use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::graph::{Confidence, Node, NodeId};
use sv0_model::kind::{EdgeKind, Kind};

use crate::world::World;

/// The service that assumes the roles.
pub(crate) const SERVICE: &str = "rolesanywhere.amazonaws.com";

/// `TRUSTS` role → anchor. Whether the role's conditions let the anchor's certificates in is asked for each step.
pub(super) fn edges(world: &mut World) {
    let anchors: Vec<(NodeId, (String, String))> = world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::TrustAnchor && is_enabled(node))
        .filter_map(|(id, node)| Some((id, place(node)?)))
        .collect();
    let mut found = Vec::new();
    for (_, profile) in world.graph.nodes() {
        let kind = profile.record.attrs.get("resource_type").and_then(|v| v.as_str());
        if kind != Some("AWS::RolesAnywhere::Profile") || !is_enabled(profile) {
            continue;
        }
        let Some(place) = place(profile) else { continue };
        let roles = profile.record.attrs.get("roles").and_then(|v| v.as_array());
        for role in roles.into_iter().flatten().filter_map(|v| v.as_str()) {
            let Some(role) = world.graph.find(role).filter(|role| lets_in(world, *role)) else {
                continue;
            };
            for (anchor, _) in anchors.iter().filter(|(_, here)| *here == place) {
                found.push((role, *anchor, format!("profile {}", profile.label())));
            }
        }
    }
    for (role, anchor, how) in found {
        world
            .graph
            .connect(EdgeKind::Trusts, role, anchor, Confidence::Certain, Some(how));
    }
}

fn is_enabled(node: &Node) -> bool {
    node.record
        .attrs
        .get("enabled")
        .and_then(serde_json::Value::as_bool)
        != Some(false)
}

/// Account and region: a session is made from an anchor and a profile of the same.
fn place(node: &Node) -> Option<(String, String)> {
    let arn = Arn::parse(&node.record.id)?;
    Some((arn.account.to_owned(), arn.region.to_owned()))
}

/// All of these are needed for a session (IAM Roles Anywhere User Guide, "Role trusts").
const NEEDED: &[&str] = &["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

/// Whether a role's trust policy gives the service what a session needs, conditions aside.
fn lets_in(world: &World, role: NodeId) -> bool {
    let trust = world
        .principals
        .get(&role)
        .and_then(|principal| world.attachment(principal.trust?));
    let Some(trust) = trust else { return false };
    let names_service = |entry: &PrincipalEntry| match entry {
        PrincipalEntry::Service(name) => **name == *SERVICE,
        PrincipalEntry::Anyone => true,
        _ => false,
    };
    let statements = trust.policy.statements.iter();
    let granting = statements.filter(|statement| {
        let named = statement.principal.as_ref().filter(|element| !element.negated);
        statement.effect == Effect::Allow
            && named.is_some_and(|element| element.entries.iter().any(names_service))
    });
    let granting: Vec<_> = granting.collect();
    NEEDED
        .iter()
        .all(|action| granting.iter().any(|statement| statement.action.matches(action)))
}
