//! Steps that configuration says: what runs as whom, who belongs to what, what starts what, whose image it is.
//!
//! Where the other side has a say, it is asked: a role must trust the service that runs the workload, a function must
//! let in the rule that targets it.

use sv0_iam::name::principal::Caller;
use sv0_model::graph::{Confidence, Edge, NodeId};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::{Step, effective, judge};
use crate::access::ANY;
use crate::ask::{Asker, Target};
use crate::facts;
use crate::world::World;

pub(super) fn steps(world: &World) -> Vec<Step> {
    world
        .graph
        .edges()
        .iter()
        .flat_map(|edge| of_edge(world, edge))
        .collect()
}

fn of_edge(world: &World, edge: &Edge) -> Vec<Step> {
    let (from, to) = (edge.from, edge.to);
    let (a, b) = (world.label(from), world.label(to));
    let kinds = (world.node(from).record.kind, world.node(to).record.kind);
    match edge.kind {
        EdgeKind::RunsAs => vec![runs_as(world, edge)],
        EdgeKind::Runs => vec![plain(edge.kind, from, to, format!("{a} runs {b}"))],
        EdgeKind::MemberOf if kinds.0 == Kind::SsoUser => {
            vec![plain(edge.kind, from, to, format!("{a} is a member of {b}"))]
        }
        EdgeKind::Assigned => assigned(world, edge),
        EdgeKind::Invokes => vec![invokes(world, from, to, edge.note.as_deref())],
        EdgeKind::TriggeredBy => vec![triggers(world, to, from, edge.note.as_deref())],
        EdgeKind::DeployedFrom => {
            let text = format!(
                "{a} runs an image of {b}: whoever changes the image changes the code at its next deployment"
            );
            vec![plain(EdgeKind::ImageRunsIn, to, from, text)]
        }
        EdgeKind::HoldsCredentialFor => {
            let how = edge
                .note
                .as_deref()
                .map_or(String::new(), |how| format!(" ({how})"));
            let mut step = plain(edge.kind, from, to, format!("{a} holds a credential of {b}{how}"));
            step.confidence = edge.confidence;
            vec![step]
        }
        // A service account and the provider that signs its tokens: the token is asked about, not the edge.
        EdgeKind::CorrelatesWith if kinds.0 == Kind::EksServiceAccount => Vec::new(),
        EdgeKind::CorrelatesWith => vec![plain(edge.kind, from, to, format!("{a} is known as {b}"))],
        _ => Vec::new(),
    }
}

fn plain(edge: EdgeKind, from: NodeId, to: NodeId, text: String) -> Step {
    Step {
        edge,
        from,
        to,
        verdict: PathVerdict::Allowed,
        action: None,
        text,
        statements: Vec::new(),
        conditions: Vec::new(),
        blocked: Vec::new(),
        confidence: Confidence::Certain,
        group: None,
        on: None,
    }
}

/// The service that assumes the role of a kind of workload.
fn service_of(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::LambdaFunction => "lambda.amazonaws.com",
        Kind::EcsTask => "ecs-tasks.amazonaws.com",
        Kind::BedrockAgent | Kind::BedrockKnowledgeBase => "bedrock.amazonaws.com",
        Kind::StateMachine => "states.amazonaws.com",
        Kind::Ec2Instance => "ec2.amazonaws.com",
        Kind::SagemakerNotebook => "sagemaker.amazonaws.com",
        Kind::CodebuildProject => "codebuild.amazonaws.com",
        Kind::GlueJob => "glue.amazonaws.com",
        Kind::ApprunnerService => "tasks.apprunner.amazonaws.com",
        Kind::EksCluster => "eks.amazonaws.com",
        Kind::EksServiceAccount => "pods.eks.amazonaws.com",
        Kind::EventbridgeRule => "events.amazonaws.com",
        Kind::EventbridgePipe => "pipes.amazonaws.com",
        Kind::Schedule => "scheduler.amazonaws.com",
        Kind::CloudformationStack => "cloudformation.amazonaws.com",
        _ => return None,
    })
}

/// A workload acts as its role, if the role trusts the service that runs the workload.
fn runs_as(world: &World, edge: &Edge) -> Step {
    let (workload, role) = (edge.from, edge.to);
    let mut step = plain(
        EdgeKind::RunsAs,
        workload,
        role,
        format!("{} runs as {}", world.label(workload), world.label(role)),
    );
    let trust_known = world.principals.get(&role).is_some_and(|p| p.trust.is_some());
    let Some(service) = service_of(world.node(workload).record.kind).filter(|_| trust_known) else {
        return step;
    };
    let target = Target {
        arn: world.id(role),
        node: Some(role),
    };
    let judged = as_service(world, service, workload, "sts:AssumeRole", target);
    step.verdict = judged.verdict;
    step.statements = judged.statements;
    step.conditions = judged.conditions;
    step.blocked = judged.blocked;
    if step.verdict == PathVerdict::Denied {
        step.text = format!("{}, but the role does not trust {service}", step.text);
    }
    step
}

/// Asks as a service that acts for one of its resources.
fn as_service(
    world: &World,
    service: &str,
    source: NodeId,
    action: &str,
    target: Target<'_>,
) -> super::Judged {
    let asker = Asker::caller(world, Caller::parse(service));
    let mut context = asker.context_for(action, target);
    facts::on_behalf_of(world, &mut context, world.id(source), world.account_of(source));
    judge(world, &asker, action, target, Some(&context))
}

/// A user or group of Identity Center acts as the role that its permission set makes in the account.
fn assigned(world: &World, edge: &Edge) -> Vec<Step> {
    let set = edge.to;
    world
        .graph
        .targets(set, EdgeKind::Provisions)
        .filter(|role| edge.note.is_none() || world.account_of(*role) == edge.note.as_deref())
        .map(|role| {
            let account = world
                .account_of(role)
                .map_or(String::new(), |id| world.account_label(id));
            let text = format!(
                "{} is assigned permission set {} in {account}, which is role {}",
                world.label(edge.from),
                world.label(set),
                world.label(role)
            );
            plain(EdgeKind::Assigned, edge.from, role, text)
        })
        .collect()
}

/// The service that calls a function for a kind of source, where the function's own policy must let it in.
fn caller_of(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::EventbridgeRule => "events.amazonaws.com",
        Kind::SnsTopic => "sns.amazonaws.com",
        Kind::S3Bucket => "s3.amazonaws.com",
        Kind::ApiGateway => "apigateway.amazonaws.com",
        Kind::BedrockAgent => "bedrock.amazonaws.com",
        _ => return None,
    })
}

fn invokes(world: &World, from: NodeId, to: NodeId, how: Option<&str>) -> Step {
    let how = how.map_or(String::new(), |how| format!(" ({how})"));
    let mut step = plain(
        EdgeKind::Invokes,
        from,
        to,
        format!("{} calls {}{how}", world.label(from), world.label(to)),
    );
    admit(world, from, to, &mut step);
    able(world, from, to, &mut step);
    step
}

/// What state machines, pipes, schedules and rules call they call as their role: a role that may not call it makes no
/// step. A role that was not collected leaves the step as it is.
fn able(world: &World, from: NodeId, to: NodeId, step: &mut Step) {
    let kinds = (world.node(from).record.kind, world.node(to).record.kind);
    let as_role = match kinds.0 {
        Kind::StateMachine | Kind::EventbridgePipe | Kind::Schedule => true,
        // Functions, queues and topics let a rule in by their own policies.
        Kind::EventbridgeRule => !matches!(kinds.1, Kind::LambdaFunction | Kind::SqsQueue | Kind::SnsTopic),
        _ => false,
    };
    // A rule has a role for each target: which one is whose, the record does not say.
    let roles: Vec<NodeId> = world.graph.targets(from, EdgeKind::RunsAs).collect();
    let known = !roles.is_empty() && roles.iter().all(|role| world.principals.contains_key(role));
    let Some((action, _)) = effective::lever(world, to).filter(|_| as_role && known) else {
        return;
    };
    let mut arns = vec![effective::moved_by(world, to)];
    // A function may be called by a version or alias, which policies name apart from it.
    if kinds.1 == Kind::LambdaFunction {
        arns.push(format!("{}:{ANY}", world.id(to)));
    }
    let judged = roles.iter().flat_map(|role| {
        let asker = Asker::node(world, *role);
        let each = arns.iter().map(|arn| {
            let target = Target { arn, node: Some(to) };
            judge(world, &asker, action, target, None)
        });
        each.collect::<Vec<_>>()
    });
    let Some(judged) = judged.min_by_key(|judged| judged.verdict) else {
        return;
    };
    step.action = Some(action.to_owned());
    step.verdict = judged.verdict;
    step.conditions = judged.conditions;
    step.blocked = judged.blocked;
    if step.verdict == PathVerdict::Denied {
        let roles: Vec<String> = roles.iter().map(|role| world.label(*role)).collect();
        step.text = format!("{}, but its role {} may not", step.text, roles.join(" or "));
    }
}

fn triggers(world: &World, source: NodeId, workload: NodeId, how: Option<&str>) -> Step {
    let how = how.map_or(String::new(), |how| format!(" ({how})"));
    let text = format!("{} starts {}{how}", world.label(source), world.label(workload));
    let mut step = plain(EdgeKind::TriggeredBy, source, workload, text);
    admit(world, source, workload, &mut step);
    step
}

/// Where a function's policy is there and says nothing of the source, the call fails; where there is no policy at all
/// the step stays, since the source may call with a role of its own.
fn admit(world: &World, source: NodeId, function: NodeId, step: &mut Step) {
    let kinds = (world.node(source).record.kind, world.node(function).record.kind);
    let (Some(service), Kind::LambdaFunction) = (caller_of(kinds.0), kinds.1) else {
        return;
    };
    if !world.resource_policies.contains_key(&function) {
        return;
    }
    let target = Target {
        arn: world.id(function),
        node: Some(function),
    };
    let judged = as_service(world, service, source, "lambda:InvokeFunction", target);
    step.action = Some("lambda:InvokeFunction".into());
    step.statements = judged.statements;
    // API Gateway calls with the ARN of one method: whether it fits is not decided by the API alone.
    if kinds.0 != Kind::ApiGateway {
        step.verdict = judged.verdict;
        step.conditions = judged.conditions;
        step.blocked = judged.blocked;
    }
}
