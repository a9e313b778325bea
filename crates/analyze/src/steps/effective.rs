//! What a principal can set in motion: start a workload, send to what starts one, push an image that one runs, read a
//! secret that holds somebody's credential. Each is one action on one entity, decided by all policy layers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sv0_engine::index::PrincipalId;
use sv0_iam::decide::Verdict;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::{How, Move, Step, describe_answer, step};
use crate::access::{ANY, Access, Allowed, Part, access_filtered, access_on};
use crate::alike::Actions;
use crate::ask::{Asker, Target};
use crate::paths::is_data;
use crate::reach::{Hit, Room};
use crate::world::World;

/// The actions any of which sets an entity in motion, and the kind of step that makes.
fn lever(world: &World, node: NodeId) -> Option<(&'static [&'static str], EdgeKind)> {
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
        Kind::LambdaFunction => (&["lambda:InvokeFunction"], EdgeKind::Invokes),
        Kind::StateMachine => (&["states:StartExecution"], EdgeKind::Invokes),
        Kind::BedrockAgent => (&["bedrock:InvokeAgent"], EdgeKind::Invokes),
        Kind::CodebuildProject => (&["codebuild:StartBuild"], EdgeKind::Invokes),
        Kind::GlueJob => (&["glue:StartJobRun"], EdgeKind::Invokes),
        Kind::EventBus if moves_something() => (&["events:PutEvents"], EdgeKind::SendsTo),
        Kind::SqsQueue if moves_something() => (&["sqs:SendMessage"], EdgeKind::SendsTo),
        Kind::SnsTopic if moves_something() => (&["sns:Publish"], EdgeKind::SendsTo),
        Kind::S3Bucket if moves_something() => (&["s3:PutObject"], EdgeKind::SendsTo),
        Kind::DynamodbTable if moves_something() => (&["dynamodb:PutItem"], EdgeKind::SendsTo),
        Kind::EcrRepository if moves_something() => (&["ecr:PutImage"], EdgeKind::PushTo),
        Kind::SecretsManagerSecret if moves_something() => {
            (&["secretsmanager:GetSecretValue"], EdgeKind::CanAccess)
        }
        Kind::SsmParameter if moves_something() => (
            &["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParameterHistory"],
            EdgeKind::CanAccess,
        ),
        _ => return None,
    })
}

/// The actions that set entities in motion.
pub(super) const ACTIONS: &[&str] = &[
    "lambda:InvokeFunction",
    "states:StartExecution",
    "bedrock:InvokeAgent",
    "codebuild:StartBuild",
    "glue:StartJobRun",
    "events:PutEvents",
    "sqs:SendMessage",
    "sns:Publish",
    "s3:PutObject",
    "dynamodb:PutItem",
    "ecr:PutImage",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParameterHistory",
];

/// The actions that set an entity in motion.
pub(super) fn actions(world: &World, node: NodeId) -> &'static [&'static str] {
    lever(world, node).map_or(&[], |(actions, _)| actions)
}

/// The ARNs that are asked about to set an entity in motion, one after the other: its own; for a function its versions and
/// aliases too, which run the same code or an earlier one; for an agent one of its aliases, by which it is invoked (Service
/// Authorization Reference, "AWS Lambda", "Amazon Bedrock").
fn moved_by(world: &World, node: NodeId) -> Vec<String> {
    let id = world.id(node);
    match world.node(node).record.kind {
        Kind::S3Bucket => vec![format!("{id}/{ANY}")],
        Kind::LambdaFunction => vec![id.to_owned(), format!("{id}:{ANY}")],
        Kind::BedrockAgent => vec![format!("{}/{ANY}", id.replacen(":agent/", ":agent-alias/", 1))],
        _ => vec![id.to_owned()],
    }
}

/// Who can set what in motion, as moves.
pub(super) fn moves(world: &World) -> Vec<Move> {
    let levers: Vec<NodeId> = world
        .graph
        .nodes()
        .map(|(id, _)| id)
        .filter(|id| is_lever(world, *id))
        .collect();
    let each = levers.par_iter().map_init(Rooms::default, |rooms, node| {
        let mut out = Vec::new();
        into(world, *node, None, rooms, &mut out);
        out
    });
    each.flatten_iter().collect()
}

/// Whether anybody could set an entity in motion.
pub(super) fn is_lever(world: &World, node: NodeId) -> bool {
    lever(world, node).is_some()
}

/// Room for questions, one thread's.
#[derive(Default)]
pub(super) struct Rooms {
    pub(super) room: Room,
    hits: Vec<Hit>,
}

/// Some actions, as parts of resources have them: the same list is the same in memory.
fn listed(actions: &'static [&'static str]) -> Actions {
    static KNOWN: Mutex<BTreeMap<&[&str], Actions>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = || {
        actions
            .iter()
            .map(|action| (*action, AccessLevel::Write))
            .collect()
    };
    known.entry(actions).or_insert_with(made).clone()
}

/// Who can set one entity in motion, or whether one principal can.
pub(super) fn into(
    world: &World,
    node: NodeId,
    only: Option<PrincipalId>,
    rooms: &mut Rooms,
    out: &mut Vec<Move>,
) {
    let (everybody, reaching) = (world.everybody(), world.reaching());
    let Some((names, edge)) = lever(world, node) else {
        return;
    };
    let actions = listed(names);
    let Rooms { room, hits } = rooms;
    hits.clear();
    // The parts of data that the actions are on; anything else has ARNs.
    let mut parts = if is_data(world.node(node).record.kind) {
        reaching.parts(world, node)
    } else {
        let arns = moved_by(world, node).into_iter();
        arns.map(|arn| Part::named(arn, &actions)).collect()
    };
    parts.retain(|part| part.actions.iter().any(|(name, _)| names.contains(name)));
    for part in &mut parts {
        part.actions = actions.clone();
    }
    reaching.who_of(world, node, &parts, only, room, hits);
    let mut best: FxHashMap<NodeId, PathVerdict> = FxHashMap::default();
    for hit in hits.iter() {
        let verdict = match (hit.certain, hit.possible) {
            (0, 0) => PathVerdict::Denied,
            (0, _) => PathVerdict::AllowedIf,
            _ => PathVerdict::Allowed,
        };
        if let Some(from) = everybody.node(hit.principal) {
            let known = best.entry(from).or_insert(verdict);
            *known = verdict.min(*known);
        }
    }
    let before = out.len();
    let found = best.into_iter().filter(|(from, _)| *from != node);
    out.extend(found.map(|(from, verdict)| Move {
        edge,
        verdict,
        from,
        to: node,
        how: How::Lever,
    }));
    if let Some(new) = out.get_mut(before..) {
        new.sort_unstable_by_key(|found| found.from);
    }
}

/// Asks through [`access_filtered`], so that objects, keys and public-access blocks count as they do for data.
pub(super) fn pull(world: &World, asker: &Asker<'_>, from: NodeId, node: NodeId) -> Option<Step> {
    let (actions, edge) = lever(world, node)?;
    let mut access: Vec<(String, Access)> = Vec::new();
    for arn in moved_by(world, node) {
        if is_data(world.node(node).record.kind) {
            let found = access_filtered(world, asker, node, &|asked| actions.contains(&asked));
            access.push((arn, found));
        } else {
            let each = actions.iter();
            access.extend(each.map(|action| (arn.clone(), access_on(world, asker, node, &arn, action))));
        }
    }
    let sure = |found: &&(&String, &Allowed)| found.1.verdict == Verdict::Allowed;
    let all = || {
        let each = access.iter();
        each.flat_map(|(arn, access)| access.allowed.iter().map(move |found| (arn, found)))
    };
    let allowed = all().find(|found| sure(&found)).or_else(|| all().next());
    let mut each = access.iter();
    let blocked = each.find_map(|(arn, access)| Some((arn, access.blocked.first()?)));
    let (arn, action) = match (allowed, blocked) {
        (Some((arn, found)), _) => (arn, found.action),
        (None, Some((arn, found))) => (arn, found.action),
        (None, None) => return None,
    };
    let (allowed, blocked) = (allowed.map(|(_, found)| found), blocked.map(|(_, found)| found));
    let answer = asker.ask(
        action,
        Target {
            arn,
            node: Some(node),
        },
    );
    let mut judged = describe_answer(world, asker, action, Some(node), &answer);
    match (allowed, blocked) {
        (Some(found), _) => {
            judged.verdict = if found.verdict == Verdict::Allowed {
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
