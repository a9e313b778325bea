//! Who has which policies: inline, managed and group policies of users and roles, boundaries, trust.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use sv0_iam::name::Caller;
use sv0_iam::syntax::{Flavor, Policy, parse};
use sv0_model::coverage::{Gap, Reason};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::PolicyText;

use super::library::Library;
use super::{attach, slot_name};
use crate::world::{Attachment, Principal, World};

pub(super) fn principals(world: &mut World, library: &Library) {
    let identities: Vec<(NodeId, Kind)> = world
        .graph
        .nodes()
        .filter(|(_, node)| !node.stub)
        .map(|(id, node)| (id, node.record.kind))
        .filter(|(_, kind)| matches!(kind, Kind::IamUser | Kind::IamRole | Kind::ServiceLinkedRole))
        .collect();
    let mut shared = Shared::default();
    let accounts = super::unreadable::collected(world);
    for (node, kind) in identities {
        let mut principal = Principal {
            node,
            caller: Caller::parse(world.id(node)),
            identity: Vec::new(),
            boundary: None,
            boundary_missing: None,
            missing: Vec::new(),
            trust: None,
        };
        collect(world, library, &mut shared, node, None, &mut principal);
        if kind == Kind::IamUser {
            let groups: Vec<NodeId> = world.graph.targets(node, EdgeKind::MemberOf).collect();
            for group in groups {
                if world.node(group).stub {
                    principal.missing.push(world.id(group).to_owned());
                }
                collect(world, library, &mut shared, group, Some(group), &mut principal);
            }
        }
        let boundary = world.graph.targets(node, EdgeKind::SubjectTo).next();
        if let Some(boundary) = boundary {
            match managed(world, library, &mut shared, boundary, None) {
                Ok(tag) => principal.boundary = Some(tag),
                Err(missing) => principal.boundary_missing = Some(missing),
            }
        }
        principal.trust = inline(world, library, node, Slot::Trust, None).into_iter().next();
        if principal.trust.is_none() {
            principal.trust = trust_not_read(world, node, &accounts);
        }
        report(world, &principal);
        world.principals.insert(node, principal);
    }
}

/// What is attached already: a managed policy hangs on thousands of roles, and a group's policies on all its members.
/// They are one attachment each, and one tag.
#[derive(Default)]
struct Shared {
    /// By policy, and the group through which it applies.
    managed: FxHashMap<(NodeId, Option<NodeId>), Result<u32, String>>,
    /// The inline policies of a group.
    groups: FxHashMap<NodeId, Vec<u32>>,
}

/// Adds the policies that hang on one identity or group.
fn collect(
    world: &mut World,
    library: &Library,
    shared: &mut Shared,
    holder: NodeId,
    via: Option<NodeId>,
    principal: &mut Principal,
) {
    principal.missing.extend(not_read(world, library, holder));
    match via {
        None => principal
            .identity
            .extend(inline(world, library, holder, Slot::Inline, via)),
        Some(group) => principal.identity.extend(
            shared
                .groups
                .entry(group)
                .or_insert_with(|| inline(world, library, holder, Slot::Inline, via))
                .iter(),
        ),
    }
    let attached: Vec<NodeId> = world.graph.targets(holder, EdgeKind::HasPolicy).collect();
    for policy in attached {
        match managed(world, library, shared, policy, via) {
            Ok(tag) => principal.identity.push(tag),
            Err(missing) => principal.missing.push(missing),
        }
    }
}

/// The documents in one slot of an entity.
fn inline(world: &mut World, library: &Library, holder: NodeId, slot: Slot, via: Option<NodeId>) -> Vec<u32> {
    let record = &world.node(holder).record;
    let flavor = if slot == Slot::Trust {
        Flavor::Trust
    } else {
        Flavor::Identity
    };
    let found: Vec<(PolicyText, String, Option<Arc<Policy>>)> = record
        .policies
        .iter()
        .filter(|policy| policy.slot == slot)
        .map(|policy| {
            let name = policy.name.clone().unwrap_or_else(|| slot_name(record, slot));
            (
                policy.document.clone(),
                name,
                library.get(&policy.document, flavor),
            )
        })
        .collect();
    let id = record.id.clone();
    found
        .into_iter()
        .filter_map(|(text, name, policy)| {
            Some(attach(
                world,
                Attachment {
                    policy: policy?,
                    text,
                    name,
                    id: id.clone(),
                    slot,
                    via,
                },
            ))
        })
        .collect()
}

/// Inline policies that cannot be read.
fn not_read(world: &World, library: &Library, holder: NodeId) -> Vec<String> {
    let record = &world.node(holder).record;
    let inline = record
        .policies
        .iter()
        .filter(|policy| policy.slot == Slot::Inline);
    inline
        .filter(|policy| library.get(&policy.document, Flavor::Identity).is_none())
        .map(|policy| {
            let name = policy
                .name
                .clone()
                .unwrap_or_else(|| slot_name(record, Slot::Inline));
            format!("{}#policy/{name}", record.id)
        })
        .collect()
}

/// What stands for a trust policy that is there and cannot be read.
fn trust_not_read(world: &mut World, node: NodeId, accounts: &[String]) -> Option<u32> {
    let record = &world.node(node).record;
    record.policies.iter().find(|policy| policy.slot == Slot::Trust)?;
    let id = record.id.clone();
    let name = slot_name(record, Slot::Trust);
    let (policy, text, name) = super::unreadable::stand_in(Flavor::Trust, accounts, &name)?;
    Some(attach(
        world,
        Attachment {
            policy,
            text,
            name,
            id,
            slot: Slot::Trust,
            via: None,
        },
    ))
}

/// A managed policy, attached once for all that have it in the same way.
fn managed(
    world: &mut World,
    library: &Library,
    shared: &mut Shared,
    policy: NodeId,
    via: Option<NodeId>,
) -> Result<u32, String> {
    shared
        .managed
        .entry((policy, via))
        .or_insert_with(|| attach_managed(world, library, policy, via))
        .clone()
}

/// A managed policy: from the input, or AWS's own from the embedded copy.
fn attach_managed(
    world: &mut World,
    library: &Library,
    policy: NodeId,
    via: Option<NodeId>,
) -> Result<u32, String> {
    let record = &world.node(policy).record;
    let (id, name) = (record.id.clone(), record.name.clone());
    let own = record
        .policies
        .iter()
        .find(|slot| slot.slot == Slot::Document)
        .map(|slot| slot.document.clone());
    let (text, compiled) = match own {
        Some(text) => {
            let compiled = library.get(&text, Flavor::Identity);
            (text, compiled)
        }
        None => {
            let Some(known) = sv0_iam::managed::document(&id) else {
                return Err(id);
            };
            let text = PolicyText::new(&*known.document);
            let compiled = parse(&known.document, Flavor::Identity).0.map(Arc::new);
            (text, compiled)
        }
    };
    let Some(compiled) = compiled else { return Err(id) };
    Ok(attach(
        world,
        Attachment {
            policy: compiled,
            text,
            name,
            id,
            slot: Slot::Document,
            via,
        },
    ))
}

fn report(world: &mut World, principal: &Principal) {
    if principal.missing.is_empty() && principal.boundary_missing.is_none() {
        return;
    }
    let (id, account) = (
        world.id(principal.node).to_owned(),
        world.account_of(principal.node).map(str::to_owned),
    );
    let mut gap = |detail: String, consequence: &str| {
        world.gaps.push(Gap {
            account: account.clone(),
            region: None,
            service: Some("iam".into()),
            call: String::new(),
            entity: Some(id.clone()),
            reason: Reason::NotInInput,
            detail,
            consequence: consequence.into(),
        });
    };
    for missing in &principal.missing {
        gap(
            format!("`{missing}` belongs to `{id}`, but its document is not in the input, or cannot be read"),
            "this identity may be able to do more than the answers say",
        );
    }
    if let Some(missing) = &principal.boundary_missing {
        gap(
            format!("the permissions boundary `{missing}` of `{id}` is not in the input"),
            "every permission of this identity hangs on what the boundary allows",
        );
    }
}
