//! AWS Step Functions: state machines, the roles that they run as, and what their definitions call.
//!
//! Of a definition only the calls are kept: texts, payloads and paths stay behind, since people put all sorts into them.

use aws_sdk_sfn::operation::describe_state_machine::DescribeStateMachineOutput;
use aws_sdk_sfn::types::IncludedData;
use futures::FutureExt;
use serde_json::{Map, Value};
use sv0_model::coverage::{Gap, Reason};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::{Answer, Cx};
use crate::service::events::host;
use crate::text::{RecordExt, tags};

const LIST_MACHINES: Call = Call {
    operation: "ListStateMachines",
    actions: &["states:ListStateMachines"],
    absent: &[],
    without: "state machines, and whom they run as, are not known there",
};
const DESCRIBE_MACHINE: Call = Call {
    operation: "DescribeStateMachine",
    actions: &["states:DescribeStateMachine"],
    // The latter two say that its definition cannot be decrypted; it is then read without.
    absent: &[
        "StateMachineDoesNotExist",
        "KmsAccessDeniedException",
        "KmsInvalidStateException",
    ],
    without: "whom the state machine runs as and what it calls is not known",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["states:ListTagsForResource"],
    absent: &["ResourceNotFound"],
    without: "the state machine's tags, and so conditions on tags, are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "states",
    title: "AWS Step Functions",
    clients: &["SFN"],
    scope: Scope::Regional,
    reads: "state machines: role, calls in the definition, key, logging of data, tags",
    calls: &[&LIST_MACHINES, &DESCRIBE_MACHINE, &LIST_TAGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_sfn);
    let machines = cx
        .pages(
            &LIST_MACHINES,
            None,
            |token| {
                client
                    .list_state_machines()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.state_machines, page.next_token),
        )
        .await;
    let client = &client;
    cx.each(machines, |machine| async move {
        let arn = machine.state_machine_arn;
        let mut record = Record::of(cx, Kind::StateMachine, &arn, machine.name);
        record.fact("type", machine.r#type.as_str());
        record.made(Some(&machine.creation_date));
        let mut answer = cx
            .call(&DESCRIBE_MACHINE, Some(&arn), || {
                client.describe_state_machine().state_machine_arn(&arn).send()
            })
            .await;
        if matches!(answer, Answer::Absent) {
            answer = cx
                .call(&DESCRIBE_MACHINE, Some(&arn), || {
                    let only = IncludedData::MetadataOnly;
                    client
                        .describe_state_machine()
                        .state_machine_arn(&arn)
                        .included_data(only)
                        .send()
                })
                .await;
            match answer {
                Answer::Got(_) => {
                    cx.gap(sealed(cx, &arn));
                    record.lacks("definition: encrypted");
                }
                // Deleted since it was listed.
                Answer::Absent => return,
                Answer::Unread(_) => {}
            }
        }
        if let Some(machine) = answer.or_lacks(&mut record) {
            machine_facts(&mut record, machine, &|service, resource| {
                cx.arn(service, resource)
            });
        }
        let found = cx
            .call(&LIST_TAGS, Some(&arn), || {
                client.list_tags_for_resource().resource_arn(&arn).send()
            })
            .await
            .or_lacks(&mut record);
        let found = found.and_then(|answer| answer.tags).unwrap_or_default();
        record.tags = tags(
            found
                .into_iter()
                .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())),
        );
        cx.record(record);
    })
    .await;
}

fn sealed(cx: &Cx, arn: &str) -> Gap {
    Gap {
        account: Some(cx.account().to_owned()),
        region: Some(cx.region().to_owned()),
        service: Some(SERVICE.name.to_owned()),
        call: DESCRIBE_MACHINE.action().to_owned(),
        entity: Some(arn.to_owned()),
        reason: Reason::AccessDenied,
        detail: format!("the definition of `{arn}` is encrypted with a key that the reader cannot use"),
        consequence: "what the state machine calls is not known".into(),
    }
}

/// Makes the ARN of a service's resource in the machine's account and region.
pub(crate) type Here<'a> = &'a dyn Fn(&str, &str) -> String;

fn machine_facts(record: &mut Record, machine: DescribeStateMachineOutput, here: Here<'_>) {
    record.refer_if(EdgeKind::RunsAs, Some(machine.role_arn));
    let key = machine
        .encryption_configuration
        .and_then(|encryption| encryption.kms_key_id)
        .filter(|key| !key.is_empty())
        .map(|key| key_arn(&key, here));
    record.refer_if(EdgeKind::EncryptedWith, key);
    // What an execution is given and gives can be read in these log groups by whoever may read them.
    if let Some(logging) = machine
        .logging_configuration
        .filter(|logging| logging.include_execution_data)
    {
        let groups: Vec<String> = logging
            .destinations
            .unwrap_or_default()
            .into_iter()
            .filter_map(|to| to.cloud_watch_logs_log_group?.log_group_arn)
            .collect();
        record.fact("data_logged_to", groups);
    }
    if machine.definition.is_empty() {
        return;
    }
    let Ok(definition) = serde_json::from_str::<Value>(&machine.definition) else {
        record.lacks("definition: not JSON");
        return;
    };
    let mut found = Vec::new();
    calls_of(&definition, here, &mut found);
    call_facts(record, found);
}

/// Shows calls, and which of them make something run.
pub(crate) fn call_facts(record: &mut Record, found: Vec<Made>) {
    let mut calls: Vec<Value> = Vec::new();
    for call in found {
        let mut shown = Map::from_iter([("action".to_owned(), Value::from(call.action.clone()))]);
        if let Some(target) = &call.target {
            shown.insert("target".into(), target.as_str().into());
        }
        if let Some(role) = call.role {
            shown.insert("role".into(), role.into());
        }
        let shown = Value::from(shown);
        if !calls.contains(&shown) {
            calls.push(shown);
        }
        if let Some(target) = call.target.filter(|target| target.starts_with("arn:"))
            && runs(&call.action)
        {
            record.refer_how(EdgeKind::Invokes, target, call.action);
        }
    }
    record.fact("calls", calls);
}

fn key_arn(key: &str, here: Here<'_>) -> String {
    if key.starts_with("arn:") {
        key.to_owned()
    } else if key.starts_with("alias/") {
        here("kms", key)
    } else {
        here("kms", &format!("key/{key}"))
    }
}

/// One call of a definition.
#[derive(Debug, PartialEq)]
pub(crate) struct Made {
    /// `lambda:invoke`, as Step Functions writes it.
    action: String,
    /// What it is about; none where only the execution tells.
    target: Option<String>,
    /// The role that it is made as, where that is not the machine's.
    role: Option<String>,
}

/// Whether a call makes a workload run.
fn runs(action: &str) -> bool {
    matches!(
        action,
        "lambda:invoke"
            | "lambda:invokeAsync"
            | "states:startExecution"
            | "states:startSyncExecution"
            | "ecs:runTask"
            | "ecs:startTask"
            | "glue:startJobRun"
            | "codebuild:startBuild"
            | "codebuild:startBuildBatch"
            | "bedrock:invokeAgent"
    )
}

/// The calls of a definition, of its branches and of what its maps do (Amazon States Language specification).
fn calls_of(definition: &Value, here: Here<'_>, found: &mut Vec<Made>) {
    let states = definition.get("States").and_then(Value::as_object);
    for state in states.into_iter().flat_map(Map::values) {
        if state.get("Type").and_then(Value::as_str) == Some("Task") {
            task(state, here, found);
        }
        for part in ["ItemReader", "ResultWriter"] {
            if let Some(part) = state.get(part) {
                task(part, here, found);
            }
        }
        for part in ["ItemProcessor", "Iterator"] {
            if let Some(part) = state.get(part) {
                calls_of(part, here, found);
            }
        }
        for branch in state
            .get("Branches")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            calls_of(branch, here, found);
        }
    }
}

fn task(state: &Value, here: Here<'_>, found: &mut Vec<Made>) {
    let Some(resource) = state.get("Resource").and_then(Value::as_str) else {
        return;
    };
    let nothing = Value::Null;
    let arguments = state
        .get("Arguments")
        .or_else(|| state.get("Parameters"))
        .unwrap_or(&nothing);
    let role = state
        .get("Credentials")
        .and_then(|credentials| fixed(credentials, "RoleArn"))
        .map(str::to_owned);
    let fields: Vec<&str> = resource.splitn(6, ':').collect();
    let [_, _, service, region, _, rest] = fields.as_slice() else {
        return;
    };
    let by_arn = |action: String| Made {
        action,
        target: Some(resource.to_owned()),
        role: role.clone(),
    };
    match (*service, *region) {
        // A function, and an activity, are named by their own ARNs.
        ("lambda", _) => found.push(by_arn("lambda:invoke".into())),
        ("states", "") => found.extend(calls(rest, arguments, role, here)),
        ("states", _) => found.push(by_arn("states:activity".into())),
        (other, _) => found.push(by_arn(format!("{other}:task"))),
    }
}

/// The calls of an integration, `lambda:invoke` or `aws-sdk:lambda:invoke`: mostly one.
pub(crate) fn calls(resource: &str, arguments: &Value, role: Option<String>, here: Here<'_>) -> Vec<Made> {
    let (service, operation) = operation(resource);
    let action = format!("{service}:{operation}");
    let mut targets: Vec<Option<String>> = targets(service, operation, arguments, here)
        .into_iter()
        .map(Some)
        .collect();
    if targets.is_empty() {
        targets.push(None);
    }
    targets
        .into_iter()
        .map(|target| Made {
            action: action.clone(),
            target,
            role: role.clone(),
        })
        .collect()
}

/// `lambda:invoke.waitForTaskToken` and `aws-sdk:sfn:startExecution` → service, by the prefix of its IAM actions, and
/// operation.
fn operation(resource: &str) -> (&str, &str) {
    let resource = resource.strip_prefix("aws-sdk:").unwrap_or(resource);
    let (service, operation) = resource.split_once(':').unwrap_or((resource, ""));
    let operation = operation.split(['.', ':']).next().unwrap_or(operation);
    let service = match service {
        "sfn" => "states",
        "eventbridge" => "events",
        "bedrockruntime" | "bedrockagentruntime" | "bedrockagent" => "bedrock",
        other => other,
    };
    (service, operation)
}

/// What a call is about.
fn targets(service: &str, operation: &str, arguments: &Value, here: Here<'_>) -> Vec<String> {
    if service == "events" {
        let entries = arguments.get("Entries").and_then(Value::as_array);
        return entries
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                if is_open(entry, "EventBusName") {
                    return None;
                }
                let bus = fixed(entry, "EventBusName").unwrap_or("default");
                Some(named(bus, "events", "event-bus/", here))
            })
            .collect();
    }
    let (key, service, front) = match service {
        "lambda" => ("FunctionName", "lambda", "function:"),
        "states" => ("StateMachineArn", "states", "stateMachine:"),
        "dynamodb" => ("TableName", "dynamodb", "table/"),
        "sns" => ("TopicArn", "sns", ""),
        "sqs" => ("QueueUrl", "sqs", ""),
        "ecs" => ("TaskDefinition", "ecs", "task-definition/"),
        "glue" => ("JobName", "glue", "job/"),
        "codebuild" => ("ProjectName", "codebuild", "project/"),
        "batch" => ("JobDefinition", "batch", "job-definition/"),
        "secretsmanager" => ("SecretId", "secretsmanager", "secret:"),
        "ssm" if operation.contains("arameter") => ("Name", "ssm", "parameter/"),
        "kms" => ("KeyId", "kms", "key/"),
        "s3" => ("Bucket", "s3", ""),
        "bedrock" if operation == "invokeAgent" => ("AgentId", "bedrock", "agent/"),
        "bedrock" => ("ModelId", "bedrock", "foundation-model/"),
        "apigateway" | "http" => ("ApiEndpoint", "", ""),
        _ => return Vec::new(),
    };
    let Some(name) = fixed(arguments, key) else {
        return Vec::new();
    };
    let target = match key {
        _ if name.starts_with("arn:") => name.to_owned(),
        "QueueUrl" => match queue(name) {
            Some(arn) => arn,
            None => return Vec::new(),
        },
        "Bucket" => here("s3", name)
            .splitn(6, ':')
            .enumerate()
            .map(|(at, field)| if at == 3 || at == 4 { "" } else { field })
            .collect::<Vec<_>>()
            .join(":"),
        // The path of an address may hold a secret.
        "ApiEndpoint" => host(name).to_owned(),
        // `123456789012:function:name` is a name too.
        "FunctionName" => match name.split_once(":function:") {
            Some((account, name)) => here("lambda", &format!("function:{name}"))
                .splitn(6, ':')
                .enumerate()
                .map(|(at, field)| if at == 4 { account } else { field })
                .collect::<Vec<_>>()
                .join(":"),
            None => named(name, service, front, here),
        },
        "KeyId" if name.starts_with("alias/") => here("kms", name),
        "Name" => named(name.trim_start_matches('/'), service, front, here),
        "ModelId" => here("bedrock", &format!("foundation-model/{name}"))
            .splitn(6, ':')
            .enumerate()
            .map(|(at, field)| if at == 4 { "" } else { field })
            .collect::<Vec<_>>()
            .join(":"),
        _ => named(name, service, front, here),
    };
    vec![target]
}

fn named(name: &str, service: &str, front: &str, here: Here<'_>) -> String {
    if name.starts_with("arn:") {
        name.to_owned()
    } else {
        here(service, &format!("{front}{name}"))
    }
}

/// An argument that the definition fixes: one that an execution computes is named `key.$`, or stands in `{% %}`.
fn fixed<'a>(arguments: &'a Value, key: &str) -> Option<&'a str> {
    arguments
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.trim_start().starts_with("{%"))
}

/// Whether an execution computes it.
fn is_open(arguments: &Value, key: &str) -> bool {
    arguments.get(format!("{key}.$")).is_some()
        || arguments.get(key).is_some() && fixed(arguments, key).is_none()
}

/// `https://sqs.eu-west-1.amazonaws.com/111111111111/orders`
fn queue(url: &str) -> Option<String> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let mut labels = host.split('.');
    let (Some("sqs"), Some(region)) = (labels.next(), labels.next()) else {
        return None;
    };
    let (account, name) = path.split_once('/')?;
    let partition = match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    Some(format!("arn:{partition}:sqs:{region}:{account}:{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn here(service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:us-east-1:1:{resource}")
    }

    fn shown(states: Value) -> Vec<String> {
        let mut found = Vec::new();
        calls_of(&json!({"States": states}), &here, &mut found);
        found
            .into_iter()
            .map(|made| {
                let role = made.role.map(|role| format!(" as {role}")).unwrap_or_default();
                format!("{} {}{role}", made.action, made.target.unwrap_or("?".into()))
            })
            .collect()
    }

    fn one(resource: &str, arguments: Value) -> String {
        shown(json!({"S": {"Type": "Task", "Resource": resource, "Parameters": arguments}})).join(", ")
    }

    #[test]
    fn calls_are_named_in_many_ways() {
        let function = "arn:aws:lambda:us-east-1:1:function:f";
        let of = |resource: &str, arguments| one(&format!("arn:aws:states:::{resource}"), arguments);
        assert_eq!(one(function, Value::Null), format!("lambda:invoke {function}"));
        assert_eq!(
            of("lambda:invoke.waitForTaskToken", json!({"FunctionName": "f"})),
            format!("lambda:invoke {function}")
        );
        assert_eq!(
            of("lambda:invoke", json!({"FunctionName": "2:function:f"})),
            "lambda:invoke arn:aws:lambda:us-east-1:2:function:f"
        );
        assert_eq!(
            of("lambda:invoke", json!({"FunctionName.$": "$.f"})),
            "lambda:invoke ?"
        );
        assert_eq!(
            of("lambda:invoke", json!({"FunctionName": "{% $f %}"})),
            "lambda:invoke ?"
        );
        assert_eq!(
            of(
                "states:startExecution.sync:2",
                json!({"StateMachineArn": "arn:x"})
            ),
            "states:startExecution arn:x"
        );
        assert_eq!(
            of("aws-sdk:sfn:startExecution", json!({"StateMachineArn": "arn:x"})),
            "states:startExecution arn:x"
        );
        assert_eq!(
            of(
                "dynamodb:putItem",
                json!({"TableName": "T", "Item": {"a": {"S": "hush"}}})
            ),
            "dynamodb:putItem arn:aws:dynamodb:us-east-1:1:table/T"
        );
        assert_eq!(
            of(
                "sqs:sendMessage",
                json!({"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/2/q"})
            ),
            "sqs:sendMessage arn:aws:sqs:eu-west-1:2:q"
        );
        assert_eq!(
            of("aws-sdk:s3:getObject", json!({"Bucket": "b", "Key": "k"})),
            "s3:getObject arn:aws:s3:::b"
        );
        assert_eq!(
            of(
                "http:invoke",
                json!({"ApiEndpoint": "https://hooks.example/T0/hush?key=hush"})
            ),
            "http:invoke hooks.example"
        );
        assert_eq!(
            of(
                "events:putEvents",
                json!({"Entries": [{}, {"EventBusName": "b"}, {"EventBusName.$": "$.b"}]})
            ),
            "events:putEvents arn:aws:events:us-east-1:1:event-bus/default, \
             events:putEvents arn:aws:events:us-east-1:1:event-bus/b"
        );
    }

    #[test]
    fn branches_and_maps_are_gone_into() {
        let call = |name: &str| json!({"Type": "Task", "Resource": name, "End": true});
        let part = |name: &str| json!({"States": {"S": call(name)}});
        let found = shown(json!({
            "A": {"Type": "Parallel", "Branches": [part("arn:aws:lambda:r:1:function:a")]},
            "B": {
                "Type": "Map",
                "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "in"}},
                "ItemProcessor": part("arn:aws:lambda:r:1:function:b"),
            },
            "C": {"Type": "Task", "Resource": "arn:aws:lambda:r:2:function:c", "Credentials": {"RoleArn": "arn:role"}},
            "D": {"Type": "Choice"},
        }));
        assert_eq!(
            found,
            [
                "lambda:invoke arn:aws:lambda:r:1:function:a",
                "s3:getObject arn:aws:s3:::in",
                "lambda:invoke arn:aws:lambda:r:1:function:b",
                "lambda:invoke arn:aws:lambda:r:2:function:c as arn:role",
            ]
        );
    }
}
