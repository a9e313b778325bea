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

use super::ways::{self, Way};
use super::{How, Judged, Move, Step, describe_answer, step};
use crate::access::{ANY, Access, Part, access_by, access_filtered};
use crate::alike::Actions;
use crate::ask::{Asker, Target};
use crate::facts::RequestFacts;
use crate::paths::is_data;
use crate::reach::{Hit, Room};
use crate::words;
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
    "lambda:InvokeFunctionUrl",
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
    "ssm:GetParametersByPath",
];

/// The actions that set an entity in motion.
pub(super) fn actions(world: &World, node: NodeId) -> Vec<&'static str> {
    let Some((names, _)) = lever(world, node) else {
        return Vec::new();
    };
    let ways = ways::of(world, node, names);
    let mut out: Vec<&'static str> = ways.iter().flat_map(|way| way.actions).copied().collect();
    out.extend(names);
    out.sort_unstable();
    out.dedup();
    out
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
fn listed(actions: &[&'static str]) -> Actions {
    static KNOWN: Mutex<BTreeMap<Vec<&str>, Actions>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(actions) {
        return found.clone();
    }
    let made: Actions = actions
        .iter()
        .map(|action| (*action, AccessLevel::Write))
        .collect();
    known.insert(actions.to_vec(), made.clone());
    made
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
    let Rooms { room, hits } = rooms;
    hits.clear();
    // The parts of data that the actions are on; then what has ARNs of its own.
    let mut parts = if is_data(world.node(node).record.kind) {
        reaching.parts(world, node)
    } else {
        Vec::new()
    };
    parts.retain(|part| part.actions.iter().any(|(name, _)| names.contains(name)));
    for part in &mut parts {
        part.actions = listed(names);
    }
    let ways = ways::of(world, node, names);
    let first = parts.len();
    parts.extend(ways.iter().map(|way| Part {
        facts: way.facts,
        ..Part::named(way.arn.clone(), &listed(way.actions))
    }));
    reaching.who_of(world, node, &parts, only, room, hits);
    let mut best: FxHashMap<NodeId, PathVerdict> = FxHashMap::default();
    for hit in hits.iter() {
        let way = hit.part.checked_sub(first).and_then(|at| ways.get(at));
        let all = way.filter(|way| way.together).and_then(|_| parts.get(hit.part));
        let all = all.map(|part| reaching.family_of(world, part).bundle.mask(|_| true));
        // Either one of the actions is enough, or it takes all.
        let has = |mask| all.map_or(mask != 0, |all| mask & all == all);
        let verdict = if has(hit.certain) {
            PathVerdict::Allowed
        } else if has(hit.possible) {
            PathVerdict::AllowedIf
        } else if has(hit.possible | hit.blocked) {
            PathVerdict::Denied
        } else {
            continue;
        };
        let unsure = way.is_some_and(|way| way.hangs_on.is_some());
        let verdict = if unsure {
            verdict.max(PathVerdict::AllowedIf)
        } else {
            verdict
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
    let (names, edge) = lever(world, node)?;
    let mut best: Option<(Judged, String)> = None;
    let mut take = |found: Option<(Judged, String)>| {
        let worse =
            |best: &(Judged, String)| found.as_ref().is_some_and(|new| new.0.verdict < best.0.verdict);
        if best.as_ref().is_none_or(worse) && found.is_some() {
            best = found;
        }
    };
    if is_data(world.node(node).record.kind) {
        let access = access_filtered(world, asker, node, &|asked| names.contains(&asked));
        let arn = match world.node(node).record.kind {
            Kind::S3Bucket => format!("{}/{ANY}", world.id(node)),
            _ => world.id(node).to_owned(),
        };
        take(one_of(world, asker, (node, &arn), &access, &[]));
    }
    for way in ways::of(world, node, names) {
        let ask = |action| access_by(world, asker, node, &way.arn, action, way.facts);
        if way.together {
            take(all_of(world, asker, node, &way));
        } else {
            for action in way.actions {
                take(one_of(world, asker, (node, &way.arn), &ask(action), way.facts));
            }
        }
    }
    let (judged, action) = best?;
    let (who, what) = (world.label(from), world.label(node));
    let text = match edge {
        EdgeKind::Invokes => format!("{who} can run {what}"),
        EdgeKind::PushTo => format!("{who} can push images to {what}"),
        EdgeKind::SendsTo => format!("{who} can send to {what}"),
        _ => format!("{who} can read {what}"),
    };
    Some(step(edge, from, node, &action, text, judged))
}

/// The best of what may be done to one entity under one ARN, in words, and the action.
fn one_of(
    world: &World,
    asker: &Asker<'_>,
    (node, arn): (NodeId, &str),
    access: &Access,
    facts: RequestFacts,
) -> Option<(Judged, String)> {
    let mut all = access.allowed.iter();
    let sure = all.find(|found| found.verdict == Verdict::Allowed);
    let allowed = sure.or_else(|| access.allowed.first());
    let blocked = access.blocked.first();
    let action = allowed
        .map(|found| found.action)
        .or(blocked.map(|found| found.action))?;
    let target = Target {
        arn,
        node: Some(node),
    };
    let answer = asker.ask_knowing(action, target, facts);
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
    Some((judged, action.to_owned()))
}

/// What takes several actions: none where one of them is granted nowhere.
fn all_of(world: &World, asker: &Asker<'_>, node: NodeId, way: &Way) -> Option<(Judged, String)> {
    let mut sum: Option<Judged> = None;
    for action in way.actions {
        let access = access_by(world, asker, node, &way.arn, action, way.facts);
        let (found, _) = one_of(world, asker, (node, &way.arn), &access, way.facts)?;
        sum = Some(match sum {
            None => found,
            Some(before) => before.and(found),
        });
    }
    let mut sum = sum?;
    if let (Some(text), true) = (&way.hangs_on, sum.verdict != PathVerdict::Denied) {
        sum.verdict = PathVerdict::AllowedIf;
        sum.conditions.push(words::plain(text.clone()));
    }
    Some((sum, way.actions.join(" + ")))
}
