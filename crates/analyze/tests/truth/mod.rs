//! The short way in which the cases write an organisation down.
//!
//! * An id stands without `arn:aws:`; in it `A`, `B`, `M`, `X` are accounts and `r` is a region: `lambda:r:A:function:f`. `A` and
//!   `B` are collected, `M` is the organisation's management account, `X` is nobody's. The id says of which kind an entity is.
//! * `trust`, `inline` and `policy` are documents: a statement, or a list of them. A statement is an object with `allow` or
//!   `deny` (`allow_not`, `deny_not`), `to` (`not_to`), `on` (`not_on`) and `if`; in identity policies also
//!   `actions on resources`; in trust policies also just who is trusted. Lists have commas.
//! * What is in upper case is an edge, anything else an attribute.

use serde_json::{Map, Value, json};

const ACCOUNTS: [(&str, &str); 4] = [
    ("A", "111111111111"),
    ("B", "222222222222"),
    ("M", "999999999999"),
    ("X", "888888888888"),
];

/// How an id begins, and the kind.
const KINDS: [(&str, &str, &str); 36] = [
    ("iam", "user/", "iam_user"),
    ("iam", "group/", "iam_group"),
    ("iam", "role/aws-service-role/", "service_linked_role"),
    ("iam", "role/", "iam_role"),
    ("iam", "policy/", "iam_policy"),
    ("iam", "oidc-provider/", "oidc_provider"),
    ("iam", "saml-provider/", "saml_provider"),
    ("lambda", "function:", "lambda_function"),
    ("ecs", "task-definition/", "ecs_task"),
    ("ecs", "service/", "ecs_service"),
    ("ecr", "repository/", "ecr_repository"),
    ("ec2", "instance/", "ec2_instance"),
    ("bedrock", "agent/", "bedrock_agent"),
    ("bedrock", "knowledge-base/", "bedrock_knowledge_base"),
    ("states", "stateMachine:", "state_machine"),
    ("events", "rule/", "eventbridge_rule"),
    ("events", "event-bus/", "event_bus"),
    ("pipes", "pipe/", "eventbridge_pipe"),
    ("scheduler", "schedule/", "schedule"),
    ("apigateway", "/restapis/", "api_gateway"),
    ("sagemaker", "notebook-instance/", "sagemaker_notebook"),
    ("codebuild", "project/", "codebuild_project"),
    ("glue", "job/", "glue_job"),
    ("apprunner", "service/", "apprunner_service"),
    ("cloudformation", "stack/", "cloudformation_stack"),
    ("eks", "cluster/", "eks_cluster"),
    ("s3", "", "s3_bucket"),
    ("dynamodb", "table/", "dynamodb_table"),
    ("secretsmanager", "secret:", "secrets_manager_secret"),
    ("ssm", "parameter/", "ssm_parameter"),
    ("sqs", "", "sqs_queue"),
    ("sns", "", "sns_topic"),
    ("kms", "key/", "kms_key"),
    ("sso", "permissionSet/", "sso_permission_set"),
    ("identitystore", "user/", "sso_user"),
    ("identitystore", "group/", "sso_group"),
];

pub(crate) fn account(letter: &str) -> Option<&'static str> {
    ACCOUNTS.iter().find(|(l, _)| *l == letter).map(|(_, id)| *id)
}

/// The parts of an id: service, region, account, the rest.
fn parts(id: &str) -> Option<[&str; 4]> {
    let mut parts = id.splitn(4, ':');
    let parts = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    let known = matches!(parts[0], "*" | "sts" | "execute-api")
        || KINDS.iter().any(|(service, ..)| *service == parts[0]);
    known.then_some(parts)
}

/// The whole id of a short one; any other text stays.
pub(crate) fn id(text: &str) -> String {
    let Some([service, region, owner, rest]) = parts(text) else {
        return text.to_owned();
    };
    let region = if region == "r" { "us-east-1" } else { region };
    let owner = account(owner).unwrap_or(owner);
    format!("arn:aws:{service}:{region}:{owner}:{rest}")
}

/// The short id of a whole one.
pub(crate) fn short(text: &str) -> String {
    let Some(rest) = text.strip_prefix("arn:aws:") else {
        return text.to_owned();
    };
    let mut out = rest.replacen(":us-east-1:", ":r:", 1);
    for (letter, number) in ACCOUNTS {
        out = out.replacen(&format!(":{number}:"), &format!(":{letter}:"), 1);
    }
    out
}

fn kind(text: &str) -> &'static str {
    let [service, _, _, rest] = parts(text).unwrap_or_else(|| panic!("{text}: what is it?"));
    let found = KINDS
        .iter()
        .find(|(s, begins, _)| *s == service && rest.starts_with(begins));
    found.map_or_else(|| panic!("{text}: what is it?"), |(.., kind)| kind)
}

fn list(value: &Value, each: impl Fn(&str) -> String) -> Value {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no list"));
    text.split(',').map(|one| json!(each(one.trim()))).collect()
}

fn principal(value: &Value) -> Value {
    if value == "*" {
        return json!("*");
    }
    let mut out = Map::new();
    for one in list(value, str::to_owned).as_array().unwrap() {
        let one = one.as_str().unwrap();
        let slot = if one.ends_with(".amazonaws.com") {
            "Service"
        } else if one.contains("-provider/") {
            "Federated"
        } else {
            "AWS"
        };
        let slot = out.entry(slot).or_insert_with(|| json!([]));
        slot.as_array_mut().unwrap().push(json!(id(one)));
    }
    Value::Object(out)
}

/// Ids and accounts in what a condition or an attribute holds.
fn deep(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(account(text).map_or_else(|| id(text), str::to_owned)),
        Value::Array(all) => all.iter().map(deep).collect(),
        Value::Object(all) => all
            .iter()
            .map(|(key, value)| (key.clone(), deep(value)))
            .collect(),
        other => other.clone(),
    }
}

fn statement(value: &Value, trust: bool) -> Value {
    if let Some(text) = value.as_str() {
        return match text.split_once(" on ") {
            Some((actions, resources)) => statement(&json!({"allow": actions, "on": resources}), false),
            None if trust => statement(&json!({"allow": "sts:AssumeRole", "to": text}), true),
            None => panic!("{text}: on what?"),
        };
    }
    let mut out = Map::new();
    for (key, value) in value.as_object().unwrap() {
        let effect = if key.starts_with("allow") { "Allow" } else { "Deny" };
        let (name, value) = match key.as_str() {
            "allow" | "deny" => ("Action", list(value, str::to_owned)),
            "allow_not" | "deny_not" => ("NotAction", list(value, str::to_owned)),
            "to" => ("Principal", principal(value)),
            "not_to" => ("NotPrincipal", principal(value)),
            "on" => ("Resource", list(value, id)),
            "not_on" => ("NotResource", list(value, id)),
            "if" => ("Condition", deep(value)),
            other => panic!("{other}: no part of a statement"),
        };
        if name.ends_with("Action") {
            out.insert("Effect".into(), json!(effect));
        }
        out.insert(name.into(), value);
    }
    Value::Object(out)
}

fn document(value: &Value, trust: bool) -> Value {
    let all: Vec<Value> = match value {
        Value::Array(all) => all.iter().map(|one| statement(one, trust)).collect(),
        one => vec![statement(one, trust)],
    };
    json!({"Version": "2012-10-17", "Statement": all})
}

/// Where a ceiling hangs, or what is a member: an account, an OU, the root.
fn place(text: &str) -> String {
    account(text).map_or_else(
        || id(text),
        |number| format!("arn:aws:organizations::999999999999:account/o-1/{number}"),
    )
}

fn refs(edge: &str, value: &Value) -> Vec<Value> {
    let all = value
        .as_str()
        .unwrap_or_else(|| panic!("{edge} leads where?"))
        .split(',');
    let each = all.map(|to| {
        // `sso:::permissionSet/i/ps in A` is assigned in that account.
        let (to, within) = to
            .trim()
            .split_once(" in ")
            .map_or((to.trim(), None), |(to, a)| (to, account(a)));
        let mut out = json!({"rel": edge, "to": place(to)});
        if let Some(within) = within {
            out["attrs"] = json!({"account": within});
        }
        out
    });
    each.collect()
}

fn record(text: &str, facts: &Map<String, Value>) -> Value {
    let is_policy = facts.get("kind").and_then(Value::as_str);
    let kind = is_policy.unwrap_or_else(|| kind(text));
    let whole = id(text);
    // AWS ends the ARN of a secret with a hyphen and six characters that are no part of its name.
    let name = whole.rsplit(['/', ':']).next().unwrap();
    let name = if kind == "secrets_manager_secret" {
        name.rsplit_once('-').map_or(name, |(name, _)| name)
    } else {
        name
    };
    let owner = parts(text)
        .and_then(|parts| account(parts[2]))
        .unwrap_or("111111111111");
    let mut out = json!({"kind": kind, "id": whole, "name": name, "account": owner, "attrs": {}, "policies": [], "refs": []});
    if whole.contains(":us-east-1:") || kind == "s3_bucket" {
        out["region"] = json!("us-east-1");
    }
    for (key, value) in facts {
        let slot = |slot: &str, name: Option<&str>, document: Value| {
            let mut made = json!({"slot": slot, "document": document});
            if let Some(name) = name {
                made["name"] = json!(name);
            }
            made
        };
        let policies = match key.as_str() {
            "trust" => vec![slot("trust", None, document(value, true))],
            "inline" => {
                let all = value.as_object().unwrap().iter();
                all.map(|(name, value)| slot("inline", Some(name), document(value, false)))
                    .collect()
            }
            "policy" => {
                let which = match kind {
                    "iam_policy" | "scp" | "rcp" => "document",
                    "kms_key" => "key",
                    _ => "resource",
                };
                vec![slot(which, None, document(value, false))]
            }
            "kind" => continue,
            "tags" | "name" => {
                out[key] = value.clone();
                continue;
            }
            "account" => {
                out[key] = deep(value);
                continue;
            }
            edge if edge.chars().all(|c| c.is_ascii_uppercase() || c == '_') => {
                out["refs"].as_array_mut().unwrap().extend(refs(edge, value));
                continue;
            }
            attribute => {
                out["attrs"][attribute] = deep(value);
                continue;
            }
        };
        out["policies"].as_array_mut().unwrap().extend(policies);
    }
    out
}

/// The accounts and OUs with their parents, `r-1` being the root; `FullAWSAccess` on all of them but some.
fn organisation(tree: &Map<String, Value>, without_full_access: &[String]) -> Vec<Value> {
    let manager = "999999999999";
    let root =
        json!({"rel": "MEMBER_OF", "to": format!("arn:aws:organizations::{manager}:organization/o-1")});
    let mut out = vec![
        json!({"kind": "aws_organization", "id": root["to"], "name": "o-1", "account": manager,
            "attrs": {"management_account": manager, "root": "r-1"}}),
        json!({"kind": "aws_ou", "id": "r-1", "name": "Root", "account": manager, "refs": [root]}),
    ];
    let mut everywhere = vec!["r-1".to_owned()];
    for (child, parent) in tree {
        let kind = account(child).map_or("aws_ou", |_| "aws_account");
        out.push(json!({"kind": kind, "id": place(child), "name": child, "account": account(child).unwrap_or(manager),
            "refs": refs("MEMBER_OF", parent)}));
        everywhere.push(child.clone());
    }
    everywhere.retain(|one| !without_full_access.contains(one));
    let facts =
        json!({"kind": "scp", "account": "M", "CONSTRAINS": everywhere.join(","), "policy": "* on *"});
    out.push(record("p-FullAWSAccess", facts.as_object().unwrap()));
    out
}

/// A case's organisation as the text of a snapshot.
pub(crate) fn snapshot(
    have: &Map<String, Value>,
    tree: Option<&Map<String, Value>>,
    without_full_access: &[String],
) -> String {
    let mut records: Vec<Value> = have
        .iter()
        .map(|(id, facts)| record(id, facts.as_object().unwrap()))
        .collect();
    if let Some(tree) = tree {
        records.extend(organisation(tree, without_full_access));
    }
    let head = json!({"sv0_snapshot": {"version": 1, "created_at": "2026-11-22T10:00:00Z", "tool": "test", "source": "test"}});
    let end = json!({"end": {"records": records.len(), "gaps": 0}});
    let all = std::iter::once(&head).chain(&records).chain([&end]);
    all.map(|line| format!("{line}\n")).collect()
}
