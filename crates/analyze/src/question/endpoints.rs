//! What a name stands for at either end of a path. An identity, workload or resource stands for itself; a group for its
//! members, a permission set for its roles, a policy for its holders, an account for what is in it.

use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, EntityType, Kind};

use crate::paths::{Finder, is_data};
use crate::world::World;

/// One end of a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// The entities that are meant, in the order of the graph.
    pub nodes: Vec<NodeId>,
    /// What the name was taken for, where it is not the entity itself.
    pub note: Option<String>,
    /// The policy that a path must use, where one was named.
    pub policy: Option<String>,
}

impl Endpoints {
    fn one(node: NodeId) -> Self {
        Self {
            nodes: vec![node],
            ..Self::default()
        }
    }
}

/// Where authority starts, if it starts at an entity.
#[must_use]
pub fn origins(world: &World, finder: &Finder<'_>, node: NodeId) -> Endpoints {
    let label = world.label(node);
    let kind = world.node(node).record.kind;
    match kind.entity_type() {
        EntityType::Tenant => {
            let inside = accounts(world, node);
            let nodes = in_accounts(world, &inside, finder.origins());
            noted(nodes, format!("{label}: what starts in it"))
        }
        EntityType::PermissionSet | EntityType::Ceiling => holders(world, node, &label),
        _ => match kind {
            Kind::IamGroup => {
                let members = world.graph.sources(node, EdgeKind::MemberOf).collect();
                noted(members, format!("{label}: its members"))
            }
            Kind::SsoPermissionSet => {
                let roles = world.graph.targets(node, EdgeKind::Provisions).collect();
                noted(roles, format!("{label}: its roles"))
            }
            _ => Endpoints::one(node),
        },
    }
}

/// What is reached, if an entity is reached.
#[must_use]
pub fn targets(world: &World, finder: &Finder<'_>, node: NodeId) -> Endpoints {
    let label = world.label(node);
    let kind = world.node(node).record.kind;
    match kind.entity_type() {
        EntityType::Tenant => {
            let inside = accounts(world, node);
            let nodes = in_accounts(world, &inside, finder.targets());
            noted(nodes, format!("{label}: the data in it"))
        }
        EntityType::PermissionSet | EntityType::Ceiling => Endpoints {
            // Whoever becomes a holder has the policy, and need not use it.
            policy: None,
            ..holders(world, node, &label)
        },
        _ => match kind {
            Kind::IamGroup => {
                let mut nodes: Vec<NodeId> = world.graph.sources(node, EdgeKind::MemberOf).collect();
                nodes.push(node);
                noted(nodes, format!("{label}: it and its members"))
            }
            Kind::SsoPermissionSet => {
                let roles = world.graph.targets(node, EdgeKind::Provisions).collect();
                noted(roles, format!("{label}: its roles"))
            }
            _ => Endpoints::one(node),
        },
    }
}

fn noted(mut nodes: Vec<NodeId>, note: String) -> Endpoints {
    nodes.sort_unstable();
    nodes.dedup();
    Endpoints {
        nodes,
        note: Some(note),
        policy: None,
    }
}

/// The identities that a managed policy is attached to, groups' members included.
fn holders(world: &World, policy: NodeId, label: &str) -> Endpoints {
    let id = world.id(policy);
    let has = |tags: &[u32]| {
        tags.iter()
            .filter_map(|tag| world.attachment(*tag))
            .any(|a| a.id == id)
    };
    let nodes = world
        .principals
        .values()
        .filter(|p| has(&p.identity) || p.boundary.is_some_and(|tag| has(&[tag])))
        .map(|p| p.node)
        .collect();
    Endpoints {
        policy: Some(id.to_owned()),
        ..noted(nodes, format!("{label}: the identities that have it"))
    }
}

/// The accounts in and below an account, OU or organization.
fn accounts(world: &World, tenant: NodeId) -> Vec<String> {
    if world.node(tenant).record.kind == Kind::AwsOrganization {
        return world.accounts.keys().cloned().collect();
    }
    world
        .accounts
        .iter()
        .filter(|(_, account)| account.node == Some(tenant) || account.levels.contains(&tenant))
        .map(|(id, _)| id.clone())
        .collect()
}

fn in_accounts(world: &World, accounts: &[String], nodes: Vec<NodeId>) -> Vec<NodeId> {
    let inside = |node: &NodeId| {
        world
            .account_of(*node)
            .is_some_and(|account| accounts.iter().any(|id| id == account))
    };
    nodes.into_iter().filter(inside).collect()
}

/// Data that a scope stands for, as far as it was collected. Every S3 bucket is those of the account that has the
/// grant: bucket ARNs name none.
#[must_use]
pub fn covered(world: &World, scope: NodeId, granted_in: Option<&str>) -> Vec<NodeId> {
    let id = world.id(scope);
    let account = world.account_of(scope).or(granted_in);
    world
        .graph
        .nodes()
        .filter(|(_, node)| {
            let record = &node.record;
            !node.stub && is_data(record.kind) && record.kind != Kind::ResourceScope
        })
        .filter(|(_, node)| account.is_none() || node.record.account.as_deref() == account)
        .filter(|(other, _)| super::can::covers(id, &world.entity(*other)))
        .map(|(other, _)| other)
        .collect()
}
