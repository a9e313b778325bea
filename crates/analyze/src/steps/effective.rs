//! What a principal can set in motion: start a workload, send to what starts one, push an image that one runs, read a
//! secret that holds somebody's credential. Each is one action on one entity, decided by all policy layers.

use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::{Step, describe, step};
use crate::access::access_filtered;
use crate::ask::{Asker, Target, mentions, resource_mentions};
use crate::world::World;

/// The action that sets an entity in motion, and the kind of step it makes.
fn lever(world: &World, node: NodeId) -> Option<(&'static str, EdgeKind)> {
    let moves_something = || {
        world
            .graph
            .edges_to(node)
            .any(|edge| matches!(edge.kind, EdgeKind::TriggeredBy | EdgeKind::DeployedFrom))
            || world.graph.targets(node, EdgeKind::SendsTo).next().is_some()
            || world
                .graph
                .targets(node, EdgeKind::HoldsCredentialFor)
                .next()
                .is_some()
    };
    Some(match world.node(node).record.kind {
        Kind::LambdaFunction => ("lambda:InvokeFunction", EdgeKind::Invokes),
        Kind::StateMachine => ("states:StartExecution", EdgeKind::Invokes),
        Kind::BedrockAgent => ("bedrock:InvokeAgent", EdgeKind::Invokes),
        Kind::CodebuildProject => ("codebuild:StartBuild", EdgeKind::Invokes),
        Kind::GlueJob => ("glue:StartJobRun", EdgeKind::Invokes),
        Kind::EventBus if moves_something() => ("events:PutEvents", EdgeKind::SendsTo),
        Kind::SqsQueue if moves_something() => ("sqs:SendMessage", EdgeKind::SendsTo),
        Kind::SnsTopic if moves_something() => ("sns:Publish", EdgeKind::SendsTo),
        Kind::S3Bucket if moves_something() => ("s3:PutObject", EdgeKind::SendsTo),
        Kind::DynamodbTable if moves_something() => ("dynamodb:PutItem", EdgeKind::SendsTo),
        Kind::EcrRepository if moves_something() => ("ecr:PutImage", EdgeKind::PushTo),
        Kind::SecretsManagerSecret if moves_something() => {
            ("secretsmanager:GetSecretValue", EdgeKind::CanAccess)
        }
        Kind::SsmParameter if moves_something() => ("ssm:GetParameter", EdgeKind::CanAccess),
        _ => return None,
    })
}

/// Everything that can be set in motion.
pub(super) fn levers(world: &World) -> Vec<(NodeId, &'static str, EdgeKind)> {
    let all = world
        .graph
        .nodes()
        .filter_map(|(id, _)| lever(world, id).map(|(action, edge)| (id, action, edge)));
    all.collect()
}

pub(super) fn of_principal(
    world: &World,
    asker: &Asker<'_>,
    levers: &[(NodeId, &'static str, EdgeKind)],
) -> Vec<Step> {
    let Some(from) = asker.node else { return Vec::new() };
    let mut out = Vec::new();
    for &(node, action, edge) in levers {
        if !mentions(world, asker, action) && !resource_mentions(world, node, action) {
            continue;
        }
        out.extend(pull(world, asker, from, node, action, edge));
    }
    out
}

/// Asks through [`access_filtered`], so that objects, keys and public-access blocks count as they do for data.
fn pull(
    world: &World,
    asker: &Asker<'_>,
    from: NodeId,
    node: NodeId,
    action: &str,
    edge: EdgeKind,
) -> Option<Step> {
    let access = access_filtered(world, asker, node, &|asked| asked == action);
    let allowed = access.allowed.first();
    let blocked = access.blocked.first();
    if allowed.is_none() && blocked.is_none() {
        return None;
    }
    let arn = match world.node(node).record.kind {
        Kind::S3Bucket => format!("{}/{}", world.id(node), crate::access::ANY),
        _ => world.id(node).to_owned(),
    };
    let answer = asker.ask(
        action,
        Target {
            arn: &arn,
            node: Some(node),
        },
    );
    let mut judged = describe(world, asker, action, Some(node), &answer);
    match (allowed, blocked) {
        (Some(found), _) => {
            judged.verdict = if found.verdict == sv0_iam::decide::Verdict::Allowed {
                PathVerdict::Allowed
            } else {
                PathVerdict::AllowedIf
            };
            judged.conditions.clone_from(&found.conditions);
        }
        (None, Some(found)) => {
            judged.verdict = PathVerdict::Denied;
            judged.blocked.clone_from(&found.by);
        }
        (None, None) => {}
    }
    let (who, what) = (world.label(from), world.label(node));
    let text = match edge {
        EdgeKind::Invokes => format!("{who} can run {what}"),
        EdgeKind::PushTo => format!("{who} can push images to {what}"),
        EdgeKind::SendsTo => format!("{who} can send to {what}"),
        _ => format!("{who} can read {what}"),
    };
    Some(step(edge, from, node, action, text, judged))
}
