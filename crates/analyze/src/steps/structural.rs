//! Steps that configuration says: what runs as whom, who belongs to what, what starts what, whose image it is.
//!
//! Where the other side has a say, it is asked: a role must trust the service that runs the workload, a function must
//! let in the rule that targets it.

use sv0_iam::name::Arn;
use sv0_iam::name::principal::Caller;
use sv0_model::graph::{Confidence, Edge, NodeId};
use sv0_model::kind::{EdgeKind, EntityType, Kind};
use sv0_model::path::PathVerdict;

use super::{Step, judge};
use crate::ask::{Asker, Target};
use crate::facts;
use crate::normalize::anywhere;
use crate::world::World;

pub(super) fn steps(world: &World) -> Vec<Step> {
    of_edges(world, world.graph.edges())
}

/// The steps of some edges.
pub(super) fn of_edges<'a>(world: &World, edges: impl IntoIterator<Item = &'a Edge>) -> Vec<Step> {
    edges.into_iter().flat_map(|edge| of_edge(world, edge)).collect()
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
        EdgeKind::Trusts if kinds.1 == Kind::TrustAnchor => vec![anchored(world, edge)],
        // What a knowledge base holds comes from its data sources, which it reads by a role of its own.
        EdgeKind::ReadsFrom if kinds.1 == Kind::BedrockKnowledgeBase => {
            let mut step = plain(edge.kind, from, to, format!("{a} asks {b}"));
            by_role(world, from, to, "bedrock:Retrieve", &mut step);
            vec![step]
        }
        // A topic and a bucket pass on what happens to them.
        EdgeKind::SendsTo => {
            let how = edge
                .note
                .as_deref()
                .map_or(String::new(), |how| format!(" ({how})"));
            let mut step = plain(edge.kind, from, to, format!("{a} sends to {b}{how}"));
            by_service(world, from, to, &mut step);
            vec![step]
        }
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

/// What roles of workloads are asked for.
pub(super) const ACTIONS: &[&str] = &[
    "bedrock:Retrieve",
    "codebuild:StartBuild",
    "ecs:RunTask",
    "events:PutEvents",
    "glue:StartJobRun",
    "lambda:InvokeFunction",
    "sns:Publish",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "states:StartExecution",
];

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
    let verb = match world.node(from).record.kind.entity_type() {
        EntityType::Identity => "can run",
        _ => "calls",
    };
    let how = how.map_or(String::new(), |how| format!(" ({how})"));
    let mut step = plain(
        EdgeKind::Invokes,
        from,
        to,
        format!("{} {verb} {}{how}", world.label(from), world.label(to)),
    );
    admit(world, from, to, &mut step);
    step
}

/// What a kind of target must be asked for, and whoever makes it run or sends to it.
fn action_of(target: Kind) -> Option<&'static str> {
    Some(match target {
        Kind::LambdaFunction => "lambda:InvokeFunction",
        Kind::StateMachine => "states:StartExecution",
        Kind::SqsQueue => "sqs:SendMessage",
        Kind::SnsTopic => "sns:Publish",
        Kind::EventBus => "events:PutEvents",
        Kind::CodebuildProject => "codebuild:StartBuild",
        Kind::GlueJob => "glue:StartJobRun",
        Kind::EcsTask => "ecs:RunTask",
        _ => return None,
    })
}

/// Asks as the role of a workload, where the workload does nothing without one. Any of its roles will do.
fn by_role(world: &World, workload: NodeId, target: NodeId, action: &str, step: &mut Step) {
    let mut best: Option<super::Judged> = None;
    for role in world.graph.targets(workload, EdgeKind::RunsAs) {
        // What a role may do that was not collected is not known: the configuration's word stands.
        if !world.principals.contains_key(&role) {
            return;
        }
        let asker = Asker::node(world, role);
        let named = Target {
            arn: world.id(target),
            node: Some(target),
        };
        let judged = judge(world, &asker, action, named, None);
        if best.as_ref().is_none_or(|best| judged.verdict < best.verdict) {
            best = Some(judged);
        }
    }
    if let Some(judged) = best {
        step.action = Some(action.to_owned());
        step.verdict = judged.verdict;
        step.statements = judged.statements;
        step.conditions = judged.conditions;
        step.blocked = judged.blocked;
    }
}

/// Whoever holds a certificate of a trust anchor becomes the role. What the certificate says is not known, so
/// conditions on it stay open.
fn anchored(world: &World, edge: &Edge) -> Step {
    let (role, anchor) = (edge.from, edge.to);
    let how = edge
        .note
        .as_deref()
        .map_or(String::new(), |how| format!(", by {how}"));
    let text = format!(
        "whoever holds a certificate of {} becomes {}{how}",
        world.label(anchor),
        world.label(role)
    );
    let target = Target {
        arn: world.id(role),
        node: Some(role),
    };
    let asker = Asker::caller(world, Caller::parse(anywhere::SERVICE));
    let action = "sts:AssumeRole";
    let mut context = asker.context_for(action, target);
    facts::on_behalf_of(world, &mut context, world.id(anchor), world.account_of(anchor));
    let trust = world
        .principals
        .get(&role)
        .and_then(|principal| world.attachment(principal.trust?));
    let statements = trust.iter().flat_map(|trust| &trust.policy.statements);
    for condition in statements.flat_map(|statement| &statement.conditions) {
        if condition.key.starts_with("aws:principaltag/") || &*condition.key == "sts:sourceidentity" {
            context.set_unknown(&condition.key, true);
        }
    }
    let judged = judge(world, &asker, action, target, Some(&context));
    Step {
        verdict: judged.verdict,
        action: Some(action.into()),
        statements: judged.statements,
        conditions: judged.conditions,
        blocked: judged.blocked,
        ..plain(EdgeKind::Assumes, anchor, role, text)
    }
}

fn triggers(world: &World, source: NodeId, workload: NodeId, how: Option<&str>) -> Step {
    let how = how.map_or(String::new(), |how| format!(" ({how})"));
    let text = format!("{} starts {}{how}", world.label(source), world.label(workload));
    let mut step = plain(EdgeKind::TriggeredBy, source, workload, text);
    // Lambda and pipes take messages out of a queue as the role of what they start.
    let taken = matches!(
        world.node(workload).record.kind,
        Kind::LambdaFunction | Kind::EventbridgePipe
    );
    if taken && world.node(source).record.kind == Kind::SqsQueue {
        by_role(world, workload, source, "sqs:ReceiveMessage", &mut step);
        // The statement is the target's, not of the way that led here: it belongs to no hop of the chain.
        step.statements.clear();
    } else {
        admit(world, source, workload, &mut step);
    }
    step
}

/// Whether the target lets itself be started. State machines, pipes, schedules and APIs that call a service come with a
/// role, which must be allowed to; others are the service, which the target's own policy must let in.
fn admit(world: &World, source: NodeId, target: NodeId, step: &mut Step) {
    let kinds = (world.node(source).record.kind, world.node(target).record.kind);
    let Some(action) = action_of(kinds.1) else { return };
    match kinds.0 {
        Kind::StateMachine | Kind::EventbridgePipe | Kind::Schedule => {
            by_role(world, source, target, action, step);
        }
        Kind::ApiGateway if kinds.1 != Kind::LambdaFunction => by_role(world, source, target, action, step),
        Kind::EventbridgeRule => {
            by_service(world, source, target, step);
            let denied = step.verdict == PathVerdict::Denied;
            let by_role_alone = matches!(
                kinds.1,
                Kind::StateMachine | Kind::CodebuildProject | Kind::GlueJob | Kind::EcsTask
            );
            // A rule may have a role for a target that could let the service in by its policy.
            if by_role_alone || (denied && world.graph.targets(source, EdgeKind::RunsAs).next().is_some()) {
                by_role(world, source, target, action, step);
            }
        }
        _ => by_service(world, source, target, step),
    }
}

/// What a service calls for one of its resources it calls under the policy of what it calls: without a word for the
/// source there the call fails. An API may have a role of its own beside, so a function without a policy may be called.
fn by_service(world: &World, source: NodeId, target: NodeId, step: &mut Step) {
    let kinds = (world.node(source).record.kind, world.node(target).record.kind);
    let policed = matches!(kinds.1, Kind::LambdaFunction | Kind::SqsQueue | Kind::SnsTopic);
    let (Some(service), Some(action), true) = (caller_of(kinds.0), action_of(kinds.1), policed) else {
        return;
    };
    let bare = !world.resource_policies.contains_key(&target);
    if bare && (kinds.0 == Kind::ApiGateway || may_have_more(world, target)) {
        return;
    }
    let named = Target {
        arn: world.id(target),
        node: Some(target),
    };
    let judged = as_service(world, service, source, action, named);
    step.action = Some(action.into());
    // API Gateway calls with the ARN of one method: which methods fit is not decided here, only whether any can.
    if kinds.0 == Kind::ApiGateway && some_method(world, source, action, named) {
        step.statements = judged.statements;
        return;
    }
    step.statements = judged.statements;
    step.verdict = judged.verdict;
    step.conditions = judged.conditions;
    step.blocked = judged.blocked;
}

/// Whether a policy may be there that nobody has read.
fn may_have_more(world: &World, target: NodeId) -> bool {
    let node = world.node(target);
    let service = Arn::parse(&node.record.id).map(|arn| arn.service);
    let gaps = world
        .coverage
        .touching(&world.gaps, &world.graph, [node.record.id.as_str()]);
    let unread = gaps.iter().any(|gap| gap.service.as_deref() == service);
    node.stub || node.record.partial.is_some() || unread
}

/// Whether a function's policy lets some method of an API in: where it names methods, one of this API.
fn some_method(world: &World, api: NodeId, action: &str, target: Target<'_>) -> bool {
    let record = &world.node(api).record;
    let asker = Asker::caller(world, Caller::parse("apigateway.amazonaws.com"));
    let mut context = asker.context_for(action, target);
    facts::on_behalf_of(world, &mut context, &record.id, record.account.as_deref());
    context.set_unknown("aws:SourceArn", false);
    let judged = judge(world, &asker, action, target, Some(&context));
    let name = record.id.rsplit('/').next().unwrap_or_default();
    let (region, account) = (record.region.as_deref(), record.account.as_deref());
    let (Some(region), Some(account)) = (region, account) else {
        return judged.verdict != PathVerdict::Denied;
    };
    let methods = format!("arn:aws:execute-api:{region}:{account}:{name}/");
    let fits = |value: &String| {
        let literal = value.split(['*', '?']).next().unwrap_or_default();
        literal.starts_with(&methods) || methods.starts_with(literal)
    };
    let about_source = |key: &str| key.eq_ignore_ascii_case("aws:SourceArn");
    let mut named = judged
        .conditions
        .iter()
        .filter(|c| c.key.as_deref().is_some_and(about_source) && !c.negated);
    judged.verdict != PathVerdict::Denied && named.all(|c| c.values.iter().any(fits))
}
