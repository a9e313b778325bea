//! What workloads call by their own definition: the calls of state machines and of schedules, and the AWS integrations
//! of APIs. What a call runs is a ref already; here is what it reads and where it sends.

use sv0_iam::name::Arn;
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, Kind};

use super::named::Secrets;
use super::reach;
use super::{named, stub};
use crate::world::World;

/// What a call does to what it is about, by its IAM service and its operation.
fn edge_of(action: &str) -> Option<EdgeKind> {
    Some(match action {
        "sqs:sendMessage"
        | "sqs:sendMessageBatch"
        | "sns:publish"
        | "sns:publishBatch"
        | "events:putEvents" => EdgeKind::Invokes,
        "dynamodb:getItem"
        | "dynamodb:batchGetItem"
        | "dynamodb:query"
        | "dynamodb:scan"
        | "dynamodb:transactGetItems"
        | "s3:getObject"
        | "s3:listObjects"
        | "s3:listObjectsV2"
        | "secretsmanager:getSecretValue"
        | "ssm:getParameter"
        | "ssm:getParameters"
        | "ssm:getParametersByPath"
        | "sqs:receiveMessage" => EdgeKind::ReadsFrom,
        _ => return None,
    })
}

pub(super) fn edges(world: &mut World) {
    let mut found: Vec<(EdgeKind, NodeId, String, String)> = Vec::new();
    for (id, node) in world.graph.nodes() {
        let calls = node.record.attrs.get("calls").and_then(|v| v.as_array());
        for call in calls.into_iter().flatten() {
            let text = |key: &str| call.get(key).and_then(|v| v.as_str());
            if let (Some(action), Some(target)) = (text("action"), text("target"))
                && let Some(edge) = edge_of(action)
                && named::kind_of(target).is_some()
            {
                let how = match text("role") {
                    Some(role) => format!("{action}, as {role}"),
                    None => action.to_owned(),
                };
                found.push((edge, id, target.to_owned(), how));
            }
        }
    }
    for (edge, from, target, how) in found {
        let to = stub(
            world,
            &target,
            named::kind_of(&target).unwrap_or(Kind::AwsResource),
        );
        world
            .graph
            .connect(edge, from, to, Confidence::Certain, Some(how));
    }
    integrations(world);
}

/// An API's route that calls a service itself. Where its address tells of what, that is so; else the role of the
/// integration may leave only one thing that it can be about.
fn integrations(world: &mut World) {
    let secrets = Secrets::of(world);
    let mut found: Vec<(NodeId, NodeId, Confidence, String)> = Vec::new();
    for (api, node) in world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::ApiGateway)
    {
        let list = node.record.attrs.get("integrations").and_then(|v| v.as_array());
        for one in list.into_iter().flatten() {
            let text = |key: &str| one.get(key).and_then(|v| v.as_str()).unwrap_or_default();
            let (route, target) = (text("route"), text("target"));
            if let Some(queue) = queue_of(&node.record.id, target).and_then(|arn| world.graph.find(&arn)) {
                found.push((api, queue, Confidence::Certain, route.to_owned()));
                continue;
            }
            let Some((kind, action)) = sends(target) else {
                continue;
            };
            if let Some(only) = reach::only(world, &secrets, api, kind, &[action]) {
                let how = format!(
                    "{route}: {target}, and this is the only {} to which the API's role may send",
                    kind.label()
                );
                found.push((api, only, Confidence::Inferred, how));
            }
        }
    }
    for (api, to, confidence, how) in found {
        world
            .graph
            .connect(EdgeKind::Invokes, api, to, confidence, Some(how));
    }
}

/// Whether an API calls services itself.
pub(crate) fn concludes(world: &World, api: NodeId) -> bool {
    let record = &world.node(api).record;
    record.kind == Kind::ApiGateway && record.attrs.contains_key("integrations")
}

/// What is asked about the roles of APIs: kinds, and actions any of which will do.
pub(super) fn asked() -> impl Iterator<Item = (Kind, &'static [&'static str])> {
    const SENT: &[(Kind, &[&str])] = &[
        (Kind::SqsQueue, &["sqs:SendMessage"]),
        (Kind::SnsTopic, &["sns:Publish"]),
        (Kind::EventBus, &["events:PutEvents"]),
        (Kind::StateMachine, &["states:StartExecution"]),
        (Kind::StateMachine, &["states:StartSyncExecution"]),
    ];
    SENT.iter().copied()
}

/// The queue of `sqs:path/111111111111/orders`, of an API at the place that its id tells.
fn queue_of(api: &str, target: &str) -> Option<String> {
    let (account, name) = target.strip_prefix("sqs:path/")?.split_once('/')?;
    let arn = Arn::parse(api)?;
    let is_account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
    (is_account && !name.contains(['/', '{']))
        .then(|| format!("arn:{}:sqs:{}:{account}:{name}", arn.partition, arn.region))
}

/// What an integration sends to, and by which action, where its address says no more than that.
fn sends(target: &str) -> Option<(Kind, &'static str)> {
    Some(match target {
        "SQS-SendMessage" | "sqs:action/SendMessage" => (Kind::SqsQueue, "sqs:SendMessage"),
        "sns:action/Publish" => (Kind::SnsTopic, "sns:Publish"),
        "EventBridge-PutEvents" | "events:action/PutEvents" => (Kind::EventBus, "events:PutEvents"),
        "StepFunctions-StartExecution" | "states:action/StartExecution" => {
            (Kind::StateMachine, "states:StartExecution")
        }
        "StepFunctions-StartSyncExecution" | "states:action/StartSyncExecution" => {
            (Kind::StateMachine, "states:StartSyncExecution")
        }
        _ => return None,
    })
}
