//! A short way to write an organisation down, so that a case reads like documentation.
//!
//! * Accounts are letters: `A` and `B` are collected members, `M` is the organisation's management account, `X` is a stranger's.
//! * `A:role/App` is `arn:aws:iam::111111111111:role/App`, and so for every row of [`TEMPLATES`]; `bucket/data` is a bucket.
//! * `allow A:role/App to s3:GetObject on bucket/data/* if StringEquals aws:PrincipalOrgID o-1` is a statement: an effect,
//!   principals before `to` (resource policies), actions, resources after `on`, conditions after `if` (joined by `and`).
//!   `not` before a list negates it; lists have commas and no blanks.

#![allow(dead_code, reason = "not every test file needs all of it")]

use serde_json::{Map, Value, json};
use sv0_model::record::Record;

const ACCOUNTS: &[(&str, &str)] = &[
    ("A", "111111111111"),
    ("B", "222222222222"),
    ("M", "999999999999"),
    ("X", "888888888888"),
];

/// Word, record kind, ARN: `@` is the account, `#` the name.
const TEMPLATES: &[(&str, &str, &str)] = &[
    ("user", "iam_user", "arn:aws:iam::@:user/#"),
    ("group", "iam_group", "arn:aws:iam::@:group/#"),
    ("role", "iam_role", "arn:aws:iam::@:role/#"),
    (
        "linked",
        "service_linked_role",
        "arn:aws:iam::@:role/aws-service-role/#",
    ),
    ("policy", "iam_policy", "arn:aws:iam::@:policy/#"),
    ("oidc", "oidc_provider", "arn:aws:iam::@:oidc-provider/#"),
    ("saml", "saml_provider", "arn:aws:iam::@:saml-provider/#"),
    ("session", "", "arn:aws:sts::@:assumed-role/#"),
    (
        "function",
        "lambda_function",
        "arn:aws:lambda:us-east-1:@:function:#",
    ),
    ("task", "ecs_task", "arn:aws:ecs:us-east-1:@:task-definition/#"),
    ("service", "ecs_service", "arn:aws:ecs:us-east-1:@:service/#"),
    ("instance", "ec2_instance", "arn:aws:ec2:us-east-1:@:instance/#"),
    (
        "machine",
        "state_machine",
        "arn:aws:states:us-east-1:@:stateMachine:#",
    ),
    ("agent", "bedrock_agent", "arn:aws:bedrock:us-east-1:@:agent/#"),
    ("alias", "", "arn:aws:bedrock:us-east-1:@:agent-alias/#"),
    (
        "base",
        "bedrock_knowledge_base",
        "arn:aws:bedrock:us-east-1:@:knowledge-base/#",
    ),
    ("job", "glue_job", "arn:aws:glue:us-east-1:@:job/#"),
    (
        "build",
        "codebuild_project",
        "arn:aws:codebuild:us-east-1:@:project/#",
    ),
    (
        "notebook",
        "sagemaker_notebook",
        "arn:aws:sagemaker:us-east-1:@:notebook-instance/#",
    ),
    (
        "apprunner",
        "apprunner_service",
        "arn:aws:apprunner:us-east-1:@:service/#",
    ),
    (
        "stack",
        "cloudformation_stack",
        "arn:aws:cloudformation:us-east-1:@:stack/#",
    ),
    ("cluster", "eks_cluster", "arn:aws:eks:us-east-1:@:cluster/#"),
    ("pod", "eks_service_account", "arn:aws:eks:us-east-1:@:cluster/#"),
    ("rule", "eventbridge_rule", "arn:aws:events:us-east-1:@:rule/#"),
    ("bus", "event_bus", "arn:aws:events:us-east-1:@:event-bus/#"),
    ("pipe", "eventbridge_pipe", "arn:aws:pipes:us-east-1:@:pipe/#"),
    ("schedule", "schedule", "arn:aws:scheduler:us-east-1:@:schedule/#"),
    ("api", "api_gateway", "arn:aws:apigateway:us-east-1::/restapis/#"),
    ("bucket", "s3_bucket", "arn:aws:s3:::#"),
    ("table", "dynamodb_table", "arn:aws:dynamodb:us-east-1:@:table/#"),
    (
        "secret",
        "secrets_manager_secret",
        "arn:aws:secretsmanager:us-east-1:@:secret:#",
    ),
    (
        "parameter",
        "ssm_parameter",
        "arn:aws:ssm:us-east-1:@:parameter/#",
    ),
    ("queue", "sqs_queue", "arn:aws:sqs:us-east-1:@:#"),
    ("topic", "sns_topic", "arn:aws:sns:us-east-1:@:#"),
    ("key", "kms_key", "arn:aws:kms:us-east-1:@:key/#"),
    (
        "repository",
        "ecr_repository",
        "arn:aws:ecr:us-east-1:@:repository/#",
    ),
    (
        "set",
        "sso_permission_set",
        "arn:aws:sso:::permissionSet/ssoins-1/ps-#",
    ),
    ("person", "sso_user", "arn:aws:identitystore:::user/#"),
    ("people", "sso_group", "arn:aws:identitystore:::group/#"),
    (
        "endpoint",
        "vpc_endpoint_policy",
        "arn:aws:ec2:us-east-1:@:vpc-endpoint/#",
    ),
    ("scp", "scp", "p-#"),
    ("rcp", "rcp", "p-#"),
    ("external", "external_workload", "azure:/#"),
];

pub(crate) fn account(letter: &str) -> Option<&'static str> {
    ACCOUNTS.iter().find(|(l, _)| *l == letter).map(|(_, id)| *id)
}

fn parts(text: &str) -> Option<(&str, &'static (&'static str, &'static str, &'static str), &str)> {
    let (letter, rest) = match text.split_once(':') {
        Some((letter, rest)) if account(letter).is_some() => (letter, rest),
        _ => ("", text),
    };
    let (word, name) = rest.split_once('/')?;
    let template = TEMPLATES.iter().find(|(known, ..)| *known == word)?;
    // Without an account only what has none in its ARN.
    (!letter.is_empty() || !template.2.contains('@')).then_some((letter, template, name))
}

/// The whole id of a short one; anything else stays.
pub(crate) fn id(text: &str) -> String {
    if let Some(number) = account(text) {
        return format!("arn:aws:iam::{number}:root");
    }
    if let Some(managed) = text.strip_prefix("aws:policy/") {
        return format!("arn:aws:iam::aws:policy/{managed}");
    }
    if text == "every bucket" {
        return "arn:aws:s3:::*".into();
    }
    if let Some((what, letter)) = text.split_once(" in ")
        && let Some(number) = account(letter)
    {
        return match what {
            "everything" => format!("arn:aws:*:*:{number}:*"),
            "every table" => format!("arn:aws:dynamodb:*:{number}:table/*"),
            "every secret" => format!("arn:aws:secretsmanager:*:{number}:secret:*"),
            "every parameter" => format!("arn:aws:ssm:*:{number}:parameter/*"),
            "every queue" => format!("arn:aws:sqs:*:{number}:*"),
            "every key" => format!("arn:aws:kms:*:{number}:key/*"),
            other => panic!("{other}: no such scope"),
        };
    }
    match parts(text) {
        Some((letter, (_, _, template), name)) => template
            .replace('@', account(letter).unwrap_or_default())
            .replace('#', name),
        None => text.to_owned(),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(id).collect()
}

fn one_or_many(mut all: Vec<String>) -> Value {
    if all.len() == 1 {
        json!(all.remove(0))
    } else {
        json!(all)
    }
}

fn principal(text: &str) -> Value {
    if text == "*" {
        return json!("*");
    }
    let mut out: Map<String, Value> = Map::new();
    for one in text.split(',') {
        let slot = if one.contains(".amazonaws.com") {
            "Service"
        } else if one.contains(":oidc/") || one.contains(":saml/") {
            "Federated"
        } else {
            "AWS"
        };
        let list = out.entry(slot).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(json!(id(one)));
    }
    Value::Object(out)
}

/// One statement.
pub(crate) fn statement(text: &str) -> Value {
    let mut out = Map::new();
    let (head, conditions) = text
        .split_once(" if ")
        .map_or((text, None), |(head, conditions)| (head, Some(conditions)));
    let (effect, head) = head.split_once(' ').unwrap_or_else(|| panic!("{text}"));
    let effect = match effect {
        "allow" => "Allow",
        "deny" => "Deny",
        other => panic!("{other}: {text}"),
    };
    out.insert("Effect".into(), json!(effect));
    let negated = |part: &str| {
        part.strip_prefix("not ")
            .map_or((false, part.to_owned()), |rest| (true, rest.to_owned()))
    };
    let (who, head) = head
        .split_once(" to ")
        .map_or((None, head), |(who, rest)| (Some(who), rest));
    if let Some(who) = who {
        let (not, who) = negated(who);
        out.insert(
            if not { "NotPrincipal" } else { "Principal" }.into(),
            principal(&who),
        );
    }
    let (actions, resources) = head
        .split_once(" on ")
        .map_or((head, None), |(actions, resources)| (actions, Some(resources)));
    let (not, actions) = negated(actions);
    let actions: Vec<String> = actions.split(',').map(str::to_owned).collect();
    out.insert(
        if not { "NotAction" } else { "Action" }.into(),
        one_or_many(actions),
    );
    if let Some(resources) = resources {
        let (not, resources) = negated(resources);
        out.insert(
            if not { "NotResource" } else { "Resource" }.into(),
            one_or_many(list(&resources)),
        );
    }
    if let Some(conditions) = conditions {
        let mut all: Map<String, Value> = Map::new();
        for condition in conditions.split(" and ") {
            let mut words = condition.split(' ');
            let (Some(operator), Some(key), Some(values), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                panic!("{condition}: {text}")
            };
            let of = all.entry(operator).or_insert_with(|| json!({}));
            of.as_object_mut()
                .unwrap()
                .insert(key.into(), one_or_many(list(values)));
        }
        out.insert("Condition".into(), Value::Object(all));
    }
    Value::Object(out)
}

/// A policy document of statements: one text, or a list of them.
pub(crate) fn document(text: &Value) -> Value {
    let statements: Vec<Value> = match text {
        Value::String(one) => vec![statement(one)],
        Value::Array(all) => all.iter().map(|one| statement(one.as_str().unwrap())).collect(),
        other => panic!("{other}: neither a statement nor a list of them"),
    };
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// One record: what is in lower case is said of it, what is in upper case leads to others.
fn record(name: &str, facts: &Map<String, Value>) -> Value {
    let (letter, (_, kind, _), short) = parts(name).unwrap_or_else(|| panic!("{name}: what is it?"));
    let letter = if letter.is_empty() { "M" } else { letter };
    let id = id(name);
    let name = short.rsplit('/').next().unwrap();
    // AWS ends a secret's ARN with six characters that are no part of its name.
    let name = name.strip_suffix("-AbCdEf").unwrap_or(name);
    let mut out = json!({"kind": kind, "id": id, "name": name, "account": account(letter), "attrs": {}});
    if id.contains(":us-east-1:") || *kind == "s3_bucket" {
        out["region"] = json!("us-east-1");
    }
    let (mut policies, mut refs) = (Vec::new(), Vec::new());
    for (key, value) in facts {
        match key.as_str() {
            "trust" => policies.push(json!({"slot": "trust", "document": document(value)})),
            "may" => match value {
                Value::Object(named) => {
                    policies.extend(named.iter().map(
                        |(name, text)| json!({"slot": "inline", "name": name, "document": document(text)}),
                    ))
                }
                text => policies.push(json!({"slot": "inline", "name": "may", "document": document(text)})),
            },
            "policy" => {
                let slot = match *kind {
                    "iam_policy" | "scp" | "rcp" => "document",
                    "kms_key" => "key",
                    "vpc_endpoint_policy" => "endpoint",
                    _ => "resource",
                };
                policies.push(json!({"slot": slot, "document": document(value)}));
            }
            "tags" => out["tags"] = value.clone(),
            edge if edge.chars().all(|c| c.is_ascii_uppercase() || c == '_') => {
                let all = match value {
                    Value::Array(all) => all.clone(),
                    one => vec![one.clone()],
                };
                for one in all {
                    let text = one.as_str().unwrap();
                    // `set/Reader in A` is assigned in one account.
                    let (to, of) = text
                        .split_once(" in ")
                        .map_or((text, None), |(to, letter)| (to, account(letter)));
                    let to = if edge == "CONSTRAINS" {
                        place(to)
                    } else {
                        self::id(to)
                    };
                    let mut made = json!({"rel": edge, "to": to});
                    if let Some(of) = of {
                        made["attrs"] = json!({"account": of});
                    }
                    refs.push(made);
                }
            }
            attribute => out["attrs"][attribute] = deep(value),
        }
    }
    out["policies"] = json!(policies);
    out["refs"] = json!(refs);
    out
}

/// Short ids in attributes too.
fn deep(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(id(text)),
        Value::Array(all) => all.iter().map(deep).collect(),
        Value::Object(all) => all
            .iter()
            .map(|(key, value)| (key.clone(), deep(value)))
            .collect(),
        other => other.clone(),
    }
}

/// Where a ceiling hangs: an account, an OU, the root.
fn place(text: &str) -> String {
    account(text).map_or_else(
        || text.to_owned(),
        |number| format!("arn:aws:organizations::999999999999:account/o-1/{number}"),
    )
}

/// The organisation: each account and the OU that it is in (`r-1` is the root), each OU and its parent; `FullAWSAccess`
/// everywhere but where it was taken away.
fn organisation(tree: &Map<String, Value>, without_full_access: &[String]) -> Vec<Value> {
    let mut out = vec![
        json!({"kind": "aws_organization", "id": "arn:aws:organizations::999999999999:organization/o-1", "name": "org",
            "account": "999999999999", "attrs": {"id": "o-1", "management_account": "999999999999", "root": "r-1"}}),
        json!({"kind": "aws_ou", "id": "r-1", "name": "Root", "account": "999999999999"}),
    ];
    let mut places = vec!["r-1".to_owned()];
    let management = ("M".to_owned(), json!("r-1"));
    let members = tree.iter().map(|(a, b)| (a.clone(), b.clone()));
    for (child, parent) in members.chain([management]) {
        let kind = if account(&child).is_some() {
            "aws_account"
        } else {
            "aws_ou"
        };
        let owner = account(&child).unwrap_or("999999999999");
        out.push(
            json!({"kind": kind, "id": place(&child), "name": child, "account": owner,
            "refs": [{"rel": "MEMBER_OF", "to": parent}]}),
        );
        places.push(child);
    }
    places.retain(|one| !without_full_access.contains(one));
    let refs: Vec<Value> = places
        .iter()
        .map(|one| json!({"rel": "CONSTRAINS", "to": place(one)}))
        .collect();
    out.push(
        json!({"kind": "scp", "id": "p-FullAWSAccess", "name": "FullAWSAccess", "account": "999999999999", "refs": refs,
        "policies": [{"slot": "document", "document": document(&json!("allow * on *"))}]}),
    );
    out
}

/// A whole snapshot as text.
pub(crate) fn snapshot(
    have: &Map<String, Value>,
    tree: Option<&Map<String, Value>>,
    without_full_access: &[String],
) -> String {
    let mut records: Vec<Value> = have
        .iter()
        .map(|(name, facts)| record(name, facts.as_object().unwrap()))
        .collect();
    if let Some(tree) = tree {
        records.extend(organisation(tree, without_full_access));
    }
    lines(&records)
}

/// Records as a snapshot.
pub(crate) fn lines(records: &[Value]) -> String {
    let head = json!({"sv0_snapshot": {"version": 1, "created_at": "2026-11-22T10:00:00Z", "tool": "test", "source": "test"}});
    let end = json!({"end": {"records": records.len(), "gaps": 0}});
    let all = std::iter::once(&head).chain(records).chain([&end]);
    all.map(|line| format!("{line}\n")).collect()
}

/// Reads a snapshot; a test's must be whole.
pub(crate) fn load(name: &str, text: &str) -> Vec<Record> {
    let loaded = sv0_input::load_snapshot_text(name, text);
    assert_eq!(loaded.gaps, [], "{name}");
    loaded.records
}

/// An id the short way, for messages.
pub(crate) fn short(id: &str) -> String {
    let mut text = id.to_owned();
    for (letter, number) in ACCOUNTS {
        if text == format!("arn:aws:iam::{number}:root") {
            return (*letter).to_owned();
        }
        for what in [
            "everything",
            "every table",
            "every secret",
            "every parameter",
            "every queue",
            "every key",
        ] {
            let name = format!("{what} in {letter}");
            if self::id(&name) == text {
                return name;
            }
        }
    }
    if text == "arn:aws:s3:::*" {
        return "every bucket".into();
    }
    let mut best = 0;
    for (word, _, template) in TEMPLATES.iter().filter(|(.., t)| t.starts_with("arn:")) {
        for (letter, number) in ACCOUNTS {
            let prefix = template.replace('@', number).replace('#', "");
            if id.starts_with(&prefix) && prefix.len() > best {
                best = prefix.len();
                let name = id.strip_prefix(&prefix).unwrap();
                text = if template.contains('@') {
                    format!("{letter}:{word}/{name}")
                } else {
                    format!("{word}/{name}")
                };
            }
        }
    }
    text
}
