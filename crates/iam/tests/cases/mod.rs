//! Reads `tests/corpus/*.json`, for tests of any evaluator.
//!
//! A corpus file:
//!
//! ```json
//! { "about": "…", "source": "the AWS page", "defaults": { any field of a case }, "cases": [ … ] }
//! ```
//!
//! A case; any field may come from `defaults`, and those with something in the last column may be left out:
//!
//! | field | what | when left out |
//! |---|---|---|
//! | `rule` | number of the rule it shows | |
//! | `name`, `why` | what it says, and why AWS answers so | |
//! | `source` | the AWS page, where it is not the file's | the file's |
//! | `principal` | ARN, account id, service, identity provider, or `*` | |
//! | `principal_account` | account of the principal | the one in its ARN |
//! | `role` | for a role session: its role's ARN, with the path | not known |
//! | `federated_by` | for a federated user: the user who asked for the session | not known |
//! | `action`, `resource` | what is asked | |
//! | `resource_account` | whose the resource is | the one in its ARN, or the caller's |
//! | `context` | context keys: a string, or a list for a multivalued key | none: every other key is absent |
//! | `unknown` | keys of which nothing is known, not even whether they are there | none |
//! | `unknown_value` | keys that are there, with a value nobody knows | none |
//! | `identity`, `boundaries`, `resource_policy` | policies | none |
//! | `session`, `endpoint` | policies | there is no session policy, no endpoint |
//! | `scps`, `rcps` | a list of levels, root first; a level is a policy or a list of policies | none bind |
//! | `identity_unknown` | the identity policies cannot be read | `false` |
//! | `resource_rule` | `either`, or `required` for KMS keys and role trust | `either` |
//! | `if` | short for an identity policy that allows everything under this `Condition` | |
//! | `malformed` | AWS would refuse one of the documents | `false` |
//! | `expect` | `allowed`, `allowed_if`, `implicit_deny` or `explicit_deny` | |
//! | `blocked_by` | for denials, always: every layer in the way, `boundary` where it does not allow, `boundary:deny` where it denies; SCPs and RCPs with their level, as `scp[1]` | |
//! | `hangs_on` | for `allowed_if`: what must hold, as `identity: aws:SourceIp` | not checked |
//!
//! Policies, one or a list of them, may be written
//!
//! * in one line: `Allow s3:Get*, s3:List* on arn:aws:s3:::data/* to 111111111111`; without `on` there is no
//!   `Resource` element, without `to` no `Principal`;
//! * as one statement, an object with `Effect`;
//! * as a document, an object with `Statement`, whose statements may be in one line too; `Version` is `2012-10-17`
//!   unless given, and left out where it is `null`;
//! * as the very text of a document, a string that begins with `{`.

#![allow(
    dead_code,
    reason = "each test that includes this file uses its own part of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies, Request, ResourceRule};
use sv0_iam::name::{Arn, Caller};
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Diagnostic, Flavor, Policy, Severity, parse};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) about: String,
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) defaults: Map<String, Value>,
    pub(crate) cases: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) rule: u32,
    pub(crate) name: String,
    pub(crate) why: String,
    pub(crate) source: Option<String>,
    pub(crate) principal: String,
    pub(crate) principal_account: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) federated_by: Option<String>,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) resource_account: Option<String>,
    #[serde(default)]
    pub(crate) context: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) open: bool,
    #[serde(default)]
    pub(crate) unknown: Vec<String>,
    #[serde(default)]
    pub(crate) unknown_value: Vec<String>,
    #[serde(default)]
    pub(crate) identity: Value,
    #[serde(default)]
    pub(crate) boundaries: Value,
    #[serde(default)]
    pub(crate) session: Value,
    pub(crate) scps: Option<Vec<Value>>,
    pub(crate) rcps: Option<Vec<Value>>,
    #[serde(default)]
    pub(crate) resource_policy: Value,
    #[serde(default)]
    pub(crate) endpoint: Value,
    #[serde(default)]
    pub(crate) identity_unknown: bool,
    #[serde(default)]
    pub(crate) resource_rule: String,
    #[serde(default)]
    block_public_access: bool,
    #[serde(rename = "if")]
    pub(crate) condition: Option<Value>,
    #[serde(default)]
    pub(crate) malformed: bool,
    pub(crate) expect: String,
    pub(crate) blocked_by: Option<BTreeSet<String>>,
    pub(crate) hangs_on: Option<BTreeSet<String>>,
}

pub(crate) fn directory() -> PathBuf {
    // Tests of other crates read it too.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../iam/tests/corpus")
}

pub(crate) fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

pub(crate) fn files() -> Vec<(String, File)> {
    let mut out = Vec::new();
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.extension().is_some_and(|e| e == "json") && name != "deferred.json" {
            let file: File = read(&path).unwrap_or_else(|problem| panic!("{problem}"));
            assert!(!file.cases.is_empty(), "{name} has no cases");
            assert!(
                !file.about.is_empty() && file.source.starts_with("https://"),
                "{name}: about, source"
            );
            out.push((name, file));
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!out.is_empty(), "no corpus files in {}", directory().display());
    out
}

/// The cases of all files, with their file's defaults filled in.
pub(crate) fn cases() -> Vec<(String, Case)> {
    let mut out = Vec::new();
    for (
        file,
        File {
            defaults,
            source,
            cases,
            ..
        },
    ) in files()
    {
        for case in cases {
            let name = case.get("name").map(ToString::to_string).unwrap_or_default();
            let mut all = defaults.clone();
            all.entry("source").or_insert_with(|| source.clone().into());
            all.extend(case);
            let case: Case = serde_json::from_value(Value::Object(all))
                .unwrap_or_else(|problem| panic!("{file}, {name}: {problem}"));
            out.push((file.clone(), case));
        }
    }
    out
}

// ---- policies in short forms ----

pub(crate) fn one_or_many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// The text of a policy document.
pub(crate) fn document(value: &Value) -> String {
    match value {
        Value::String(text) if text.starts_with('{') => text.clone(),
        Value::Object(members) if members.contains_key("Statement") => {
            let mut members = members.clone();
            match members.get("Version") {
                Some(Value::Null) => members.remove("Version"),
                Some(_) => None,
                None => members.insert("Version".into(), "2012-10-17".into()),
            };
            let statements = one_or_many(&members["Statement"])
                .into_iter()
                .map(statement)
                .collect();
            members.insert("Statement".into(), Value::Array(statements));
            Value::Object(members).to_string()
        }
        one => json!({ "Version": "2012-10-17", "Statement": statement(one) }).to_string(),
    }
}

pub(crate) fn statement(value: &Value) -> Value {
    match value {
        Value::String(line) => one_line(line),
        other => other.clone(),
    }
}

/// Cuts at commas, but not within a variable, whose default follows one.
pub(crate) fn list(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for piece in text.split(", ") {
        match out.last_mut() {
            Some(last) if last.matches("${").count() > last.matches('}').count() => {
                last.push_str(", ");
                last.push_str(piece);
            }
            _ => out.push(piece.to_owned()),
        }
    }
    out
}

/// `Allow a:B, c:D on arn, arn to principal, principal`.
pub(crate) fn one_line(line: &str) -> Value {
    let (rest, to) = match line.split_once(" to ") {
        Some((rest, to)) => (rest, Some(to)),
        None => (line, None),
    };
    let (rest, on) = match rest.split_once(" on ") {
        Some((rest, on)) => (rest, Some(on)),
        None => (rest, None),
    };
    let (effect, actions) = rest
        .split_once(' ')
        .unwrap_or_else(|| panic!("not a statement: {line}"));
    let mut out = json!({ "Effect": effect, "Action": list(actions) });
    if let Some(on) = on {
        out["Resource"] = list(on).into();
    }
    match to {
        None => {}
        Some("*") => out["Principal"] = "*".into(),
        Some(to) => {
            let mut principals: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for name in list(to) {
                let kind = match name.as_str() {
                    name if name.ends_with(".amazonaws.com") => "Service",
                    name if name.contains("-provider/") => "Federated",
                    _ => "AWS",
                };
                principals.entry(kind).or_default().push(name);
            }
            out["Principal"] = json!(principals);
        }
    }
    out
}

// ---- asking ----

/// The documents of a case, each with a tag: its place in the list.
#[derive(Default)]
pub(crate) struct Documents {
    pub(crate) policies: Vec<Policy>,
    pub(crate) problems: Vec<Diagnostic>,
}

impl Documents {
    pub(crate) fn read(&mut self, value: &Value, flavor: Flavor) -> Vec<usize> {
        let read = |value: &Value| {
            let text = document(value);
            let (policy, problems) = parse(&text, flavor);
            self.problems
                .extend(problems.into_iter().filter(|p| p.severity == Severity::Error));
            self.policies
                .push(policy.unwrap_or_else(|| panic!("not a policy: {text}: {:?}", self.problems)));
            self.policies.len() - 1
        };
        one_or_many(value).into_iter().map(read).collect()
    }

    pub(crate) fn levels(&mut self, levels: Option<&Vec<Value>>, flavor: Flavor) -> Option<Vec<Vec<usize>>> {
        levels.map(|levels| levels.iter().map(|level| self.read(level, flavor)).collect())
    }

    pub(crate) fn attached(&self, indexes: &[usize]) -> Vec<Attached<'_>> {
        let at = |index: &usize| Attached {
            policy: &self.policies[*index],
            tag: (*index).try_into().unwrap(),
        };
        indexes.iter().map(at).collect()
    }
}

pub(crate) fn caller(case: &Case) -> Caller {
    let mut caller = Caller::parse(&case.principal);
    if let Some(account) = &case.principal_account {
        caller.account = Some(account.clone());
    }
    caller.role_arn = case.role.clone();
    caller.by_user = case.federated_by.clone();
    caller
}

pub(crate) fn context(case: &Case) -> Context {
    let mut context = if case.open {
        Context::open()
    } else {
        Context::closed()
    };
    context.set_action(&case.action);
    for (key, value) in &case.context {
        match value {
            Value::String(value) => context.set(key, value.as_str()),
            Value::Array(values) => {
                context.set_many(
                    key,
                    values.iter().map(|v| v.as_str().unwrap().to_owned()).collect(),
                );
            }
            other => panic!("context key {key}: {other}"),
        }
    }
    for key in &case.unknown {
        context.set_unknown(key, true);
    }
    for key in &case.unknown_value {
        context.set_unknown(key, false);
    }
    context
}

/// Asks the question of a case; the answer comes with the case's documents.
pub(crate) fn ask<R>(case: &Case, answer: impl FnOnce(&Request<'_>, &Policies<'_>) -> R) -> (R, Documents) {
    let mut documents = Documents::default();
    let mut identity = documents.read(&case.identity, Flavor::Identity);
    if let Some(condition) = &case.condition {
        let open = json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition });
        identity.extend(documents.read(&open, Flavor::Identity));
    }
    let boundaries = documents.read(&case.boundaries, Flavor::Identity);
    let session = documents.read(&case.session, Flavor::Identity);
    let trust = case.action.to_ascii_lowercase().starts_with("sts:");
    let flavor = if trust { Flavor::Trust } else { Flavor::Resource };
    let resource = documents.read(&case.resource_policy, flavor);
    let endpoint = documents.read(&case.endpoint, Flavor::Resource);
    let scps = documents.levels(case.scps.as_ref(), Flavor::Scp);
    let rcps = documents.levels(case.rcps.as_ref(), Flavor::Rcp);

    let attached = |indexes: &[usize]| documents.attached(indexes);
    let levels = |levels: &Option<Vec<Vec<usize>>>| {
        levels
            .as_ref()
            .map(|levels| levels.iter().map(|level| attached(level)).collect())
    };
    let policies = Policies {
        identity: attached(&identity),
        identity_unknown: case.identity_unknown,
        boundaries: attached(&boundaries),
        session: (!case.session.is_null()).then(|| attached(&session)),
        scps: levels(&scps),
        rcps: levels(&rcps),
        resource: attached(&resource),
        endpoint: (!case.endpoint.is_null()).then(|| attached(&endpoint)),
        resource_rule: match case.resource_rule.as_str() {
            "" | "either" => ResourceRule::Either,
            "required" => ResourceRule::Required,
            other => panic!("{}: resource_rule {other}", case.name),
        },
        block_public_access: case.block_public_access,
    };
    let (caller, context) = (caller(case), context(case));
    let resource_account = case
        .resource_account
        .as_deref()
        .or_else(|| Arn::parse(&case.resource)?.account_id());
    let request = Request {
        caller: &caller,
        action: &case.action,
        resource: ResourceName::new(&case.resource),
        resource_account,
        context: &context,
    };
    (answer(&request, &policies), documents)
}
