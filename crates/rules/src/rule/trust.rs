//! Reading trust and resource policies: who is let in by what statement, and under which keys.

use sv0_analyze::World;
use sv0_analyze::world::Attachment;
use sv0_iam::decide::Layer;
use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::{PrincipalEntry, Statement};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::StatementRef;

use crate::fix::Place;

/// A statement that lets somebody in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LetIn<'w> {
    /// The role or resource.
    pub(crate) holder: NodeId,
    pub(crate) tag: u32,
    pub(crate) attachment: &'w Attachment,
    pub(crate) statement: &'w Statement,
}

impl<'w> LetIn<'w> {
    /// Who is named.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &'w PrincipalEntry> {
        let element = self
            .statement
            .principal
            .as_ref()
            .filter(|element| !element.negated);
        element.into_iter().flat_map(|element| &element.entries)
    }

    /// Whether the statement asks about a context key.
    pub(crate) fn asks(&self, key: &str) -> bool {
        self.statement
            .conditions
            .iter()
            .any(|condition| *condition.key == *key)
    }

    /// The values that it wants of a key.
    pub(crate) fn values(&self, key: &str) -> Vec<&'w str> {
        let conditions = self.statement.conditions.iter();
        let of_key = conditions.filter(|condition| condition.key.eq_ignore_ascii_case(key));
        of_key
            .flat_map(|condition| condition.values.iter().map(|value| value.as_str()))
            .collect()
    }

    pub(crate) fn reference(&self, world: &World) -> Option<StatementRef> {
        world.statement(Layer::Resource, self.tag, self.statement.index)
    }

    /// Where to change it.
    pub(crate) fn place(&self, world: &World) -> Place {
        Place {
            holder: world.id(self.holder).to_owned(),
            slot: self.attachment.slot,
            name: None,
            policy: self.attachment.name.clone(),
            statement: self.statement.index,
        }
    }
}

/// The statements of roles' trust policies that let somebody in.
pub(crate) fn of_roles(world: &World) -> impl Iterator<Item = LetIn<'_>> {
    world
        .principals
        .values()
        .filter(|principal| world.node(principal.node).record.kind == Kind::IamRole)
        .flat_map(move |principal| granting(world, principal.node, principal.trust.into_iter()))
}

/// The statements of resource policies that let somebody in.
pub(crate) fn of_resources(world: &World) -> impl Iterator<Item = LetIn<'_>> {
    let mut holders: Vec<NodeId> = world.resource_policies.keys().copied().collect();
    holders.sort_unstable();
    holders.into_iter().flat_map(move |holder| {
        let tags = world
            .resource_policies
            .get(&holder)
            .into_iter()
            .flatten()
            .copied();
        granting(world, holder, tags)
    })
}

fn granting<'w>(
    world: &'w World,
    holder: NodeId,
    tags: impl Iterator<Item = u32>,
) -> impl Iterator<Item = LetIn<'w>> {
    tags.filter_map(|tag| Some((tag, world.attachment(tag)?)))
        .flat_map(move |(tag, attachment)| {
            let statements = attachment.policy.statements.iter();
            statements
                .filter(|statement| statement.effect == Effect::Allow)
                .map(move |statement| LetIn {
                    holder,
                    tag,
                    attachment,
                    statement,
                })
        })
}

/// Whether an account is known to be another organization's, or nobody knows whose it is.
pub(crate) fn is_outside(world: &World, account: &str) -> bool {
    !world
        .accounts
        .get(account)
        .is_some_and(|account| account.collected || account.member == Some(true))
}

/// Whether a role is one that Identity Center made, which nobody else changes.
pub(crate) fn is_reserved(world: &World, role: NodeId) -> bool {
    let id = world.id(role);
    id.contains(":role/aws-reserved/") || id.contains(":role/aws-service-role/")
}

/// Workloads that run as a role.
pub(crate) fn workloads_of(world: &World, role: NodeId) -> Vec<NodeId> {
    let edges = world.graph.edges_to(role);
    let mut out: Vec<NodeId> = edges
        .filter(|edge| edge.kind == EdgeKind::RunsAs)
        .map(|edge| edge.from)
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}
