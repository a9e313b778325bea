//! Which single resources a workload's role can use by name: what turns a guess about an environment key, or about an
//! integration, into a conclusion.

use std::collections::BTreeSet;

use sv0_iam::name::Arn;
use sv0_iam::syntax::{Effect, Policy};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};

use super::named::{self, Secrets};
use crate::world::World;

/// The resources of a kind that policies of a workload's roles name one by one for any of some actions. None where a
/// role is not known, or a policy covers more than it names.
pub(super) fn named(
    world: &World,
    secrets: &Secrets,
    workload: NodeId,
    kind: Kind,
    actions: &[&str],
) -> Option<BTreeSet<NodeId>> {
    let mut out = BTreeSet::new();
    let mut roles = world.graph.targets(workload, EdgeKind::RunsAs).peekable();
    roles.peek()?;
    for role in roles {
        let principal = world.principals.get(&role).filter(|p| p.missing.is_empty())?;
        let policies = principal.identity.iter().filter_map(|tag| world.attachment(*tag));
        for attachment in policies {
            out.extend(used(world, secrets, &attachment.policy, kind, actions)?);
        }
    }
    Some(out)
}

/// The only resource of a kind that the roles can use, where there is just one.
pub(super) fn only(
    world: &World,
    secrets: &Secrets,
    workload: NodeId,
    kind: Kind,
    actions: &[&str],
) -> Option<NodeId> {
    let named = named(world, secrets, workload, kind, actions)?;
    let mut all = named.into_iter();
    all.next().filter(|_| all.next().is_none())
}

/// The resources of a kind that a policy names one by one for any of some actions. None where it covers more than it names.
pub(super) fn used(
    world: &World,
    secrets: &Secrets,
    policy: &Policy,
    kind: Kind,
    actions: &[&str],
) -> Option<BTreeSet<NodeId>> {
    let mut out = BTreeSet::new();
    for statement in policy.statements.iter().filter(|statement| {
        statement.effect == Effect::Allow && actions.iter().any(|action| statement.action.matches(action))
    }) {
        let element = statement.resource.as_ref()?;
        if element.negated {
            return None;
        }
        for pattern in &element.patterns {
            match named::resource_of(pattern.as_str()) {
                Some((id, found)) if found == kind => {
                    let node = world.graph.find(&id).or_else(|| secrets.find(world, &id));
                    out.insert(node?);
                }
                Some(_) => {}
                None if is_elsewhere(pattern.as_str(), kind) => {}
                None => return None,
            }
        }
    }
    Some(out)
}

/// Whether a pattern is of another service than a kind's resources are.
fn is_elsewhere(pattern: &str, kind: Kind) -> bool {
    let service = match kind {
        Kind::S3Bucket => "s3",
        Kind::DynamodbTable => "dynamodb",
        Kind::SecretsManagerSecret => "secretsmanager",
        Kind::SsmParameter => "ssm",
        Kind::SqsQueue => "sqs",
        Kind::SnsTopic => "sns",
        Kind::EventBus => "events",
        Kind::StateMachine => "states",
        _ => return false,
    };
    Arn::parse(pattern).is_some_and(|arn| arn.service != service && !arn.service.contains(['*', '?', '$']))
}
