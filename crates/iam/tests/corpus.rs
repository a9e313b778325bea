//! Runs `tests/corpus/*.json`: AWS's evaluation rules, each with requests that are allowed and near misses that are
//! not. The rules are numbered as in the project's rule book; `corpus/deferred.json` lists those that the plain
//! evaluator does not decide, with the reason. A rule with neither cases nor a reason fails this test.
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
//! | `open` | keys that are not given are unknown, but for those that the action never carries | `false` |
//! | `unknown` | keys of which nothing is known, not even whether they are there | none |
//! | `unknown_value` | keys that are there, with a value nobody knows | none |
//! | `identity`, `boundaries`, `resource_policy` | policies | none |
//! | `session`, `endpoint` | policies | there is no session policy, no endpoint |
//! | `scps`, `rcps` | a list of levels, root first; a level is a policy or a list of policies | none bind |
//! | `identity_unknown` | the identity policies cannot be read | `false` |
//! | `block_public_access` | `RestrictPublicBuckets` is on for the bucket | `false` |
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
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed test says where"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sv0_iam::condition::Context;
use sv0_iam::decide::{
    Attached, Block, Decision, Doubt, Hit, Layer, Policies, Request, Requirement, ResourceRule, Verdict,
    decide,
};
use sv0_iam::name::{Arn, Caller};
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Diagnostic, Flavor, Policy, Severity, parse};

const RULES: std::ops::RangeInclusive<u32> = 1..=46;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    source: String,
    #[serde(default)]
    defaults: Map<String, Value>,
    cases: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    rule: u32,
    name: String,
    why: String,
    source: Option<String>,
    principal: String,
    principal_account: Option<String>,
    role: Option<String>,
    federated_by: Option<String>,
    action: String,
    resource: String,
    resource_account: Option<String>,
    #[serde(default)]
    context: BTreeMap<String, Value>,
    #[serde(default)]
    open: bool,
    #[serde(default)]
    unknown: Vec<String>,
    #[serde(default)]
    unknown_value: Vec<String>,
    #[serde(default)]
    identity: Value,
    #[serde(default)]
    boundaries: Value,
    #[serde(default)]
    session: Value,
    scps: Option<Vec<Value>>,
    rcps: Option<Vec<Value>>,
    #[serde(default)]
    resource_policy: Value,
    #[serde(default)]
    endpoint: Value,
    #[serde(default)]
    identity_unknown: bool,
    #[serde(default)]
    resource_rule: String,
    #[serde(default)]
    block_public_access: bool,
    #[serde(rename = "if")]
    condition: Option<Value>,
    #[serde(default)]
    malformed: bool,
    expect: String,
    blocked_by: Option<BTreeSet<String>>,
    hangs_on: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deferred {
    about: String,
    deferred: Vec<DeferredRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeferredRule {
    rule: u32,
    /// The part that is deferred; the whole rule where none is given.
    part: Option<String>,
    reason: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

fn files() -> Vec<(String, File)> {
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
fn cases() -> Vec<(String, Case)> {
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

fn one_or_many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// The text of a policy document.
fn document(value: &Value) -> String {
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

fn statement(value: &Value) -> Value {
    match value {
        Value::String(line) => one_line(line),
        other => other.clone(),
    }
}

/// Cuts at commas, but not within a variable, whose default follows one.
fn list(text: &str) -> Vec<String> {
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
fn one_line(line: &str) -> Value {
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
struct Documents {
    policies: Vec<Policy>,
    problems: Vec<Diagnostic>,
}

impl Documents {
    fn read(&mut self, value: &Value, flavor: Flavor) -> Vec<usize> {
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

    fn levels(&mut self, levels: Option<&Vec<Value>>, flavor: Flavor) -> Option<Vec<Vec<usize>>> {
        levels.map(|levels| levels.iter().map(|level| self.read(level, flavor)).collect())
    }

    fn attached(&self, indexes: &[usize]) -> Vec<Attached<'_>> {
        let at = |index: &usize| Attached {
            policy: &self.policies[*index],
            tag: (*index).try_into().unwrap(),
        };
        indexes.iter().map(at).collect()
    }
}

fn caller(case: &Case) -> Caller {
    let mut caller = Caller::parse(&case.principal);
    if let Some(account) = &case.principal_account {
        caller.account = Some(account.clone());
    }
    caller.role_arn = case.role.clone();
    caller.by_user = case.federated_by.clone();
    caller
}

fn context(case: &Case) -> Context {
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

/// The answer to a case, and its documents.
fn ask(case: &Case) -> (Decision, Documents) {
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
    (decide(&request, &policies), documents)
}

fn layer(layer: Layer, level: usize) -> String {
    match layer {
        Layer::Scp | Layer::Rcp => format!("{layer}[{level}]"),
        _ => layer.to_string(),
    }
}

fn block(block: &Block) -> String {
    format!(
        "{}{}",
        layer(block.layer, block.level),
        if block.explicit { ":deny" } else { "" }
    )
}

fn requirement(requirement: &Requirement, documents: &Documents) -> String {
    match requirement {
        Requirement::ForeignIdentity => "foreign identity".to_owned(),
        Requirement::Hit(hit) => {
            let doubts: Vec<String> = hit.doubts.iter().map(|d| doubt(d, hit, documents)).collect();
            format!("{}: {}", layer(hit.layer, hit.level), doubts.join(", "))
        }
    }
}

fn doubt(doubt: &Doubt, hit: &Hit, documents: &Documents) -> String {
    match doubt {
        Doubt::Condition(index) => {
            let policy = &documents.policies[hit.tag as usize];
            let statement = policy
                .statements
                .iter()
                .find(|s| s.index == hit.statement)
                .unwrap();
            statement.conditions[*index].key_text.to_string()
        }
        Doubt::Variable(key) => format!("${{{key}}}"),
        Doubt::Session => "session".to_owned(),
        Doubt::Somebody => "somebody".to_owned(),
    }
}

/// What is wrong with a case, or with the answer to it.
fn problem(case: &Case) -> Option<String> {
    let denied = case.expect.ends_with("_deny");
    if !RULES.contains(&case.rule) || case.name.is_empty() || case.why.is_empty() {
        return Some("needs a rule, a name and a why".to_owned());
    }
    if !case
        .source
        .as_ref()
        .is_some_and(|s| s.starts_with("https://docs.aws.amazon.com/"))
    {
        return Some("needs the AWS page it follows".to_owned());
    }
    if denied != case.blocked_by.is_some() {
        return Some("blocked_by belongs to denials, and only to them".to_owned());
    }
    let (decision, documents) = ask(case);
    if case.malformed == documents.problems.is_empty() {
        return Some(format!(
            "malformed is {}, but: {:?}",
            case.malformed, documents.problems
        ));
    }
    let got = decision.verdict.as_str();
    let blocks: BTreeSet<String> = decision.blocks.iter().map(block).collect();
    let needs: BTreeSet<String> = decision
        .requirements
        .iter()
        .map(|r| requirement(r, &documents))
        .collect();
    let right = got == case.expect
        && case.blocked_by.as_ref().is_none_or(|wanted| *wanted == blocks)
        && case.hangs_on.as_ref().is_none_or(|wanted| *wanted == needs);
    (!right).then(|| {
        format!(
            "expected {} {:?} {:?}, got {got} {blocks:?} {needs:?}",
            case.expect,
            case.blocked_by.clone().unwrap_or_default(),
            case.hangs_on.clone().unwrap_or_default(),
        )
    })
}

#[test]
fn every_case_is_answered_as_aws_would() {
    let mut failures = String::new();
    let mut names = BTreeSet::new();
    for (file, case) in cases() {
        if !names.insert(case.name.clone()) {
            let _ = writeln!(failures, "{file}: two cases are called \"{}\"", case.name);
        }
        if let Some(problem) = problem(&case) {
            let _ = writeln!(
                failures,
                "{file}, rule {}, \"{}\": {problem}",
                case.rule, case.name
            );
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn every_rule_has_both_answers_or_a_reason() {
    let deferred: Deferred = read(&directory().join("deferred.json")).unwrap_or_else(|p| panic!("{p}"));
    assert!(!deferred.about.is_empty());
    let mut count: BTreeMap<u32, [usize; 3]> = RULES.map(|rule| (rule, [0; 3])).collect();
    for (_, case) in cases() {
        let column = match case.expect.as_str() {
            verdict if verdict == Verdict::Allowed.as_str() => 0,
            verdict if verdict == Verdict::AllowedIf.as_str() => 1,
            _ => 2,
        };
        count.get_mut(&case.rule).unwrap()[column] += 1;
    }
    let mut failures = String::new();
    for (rule, [allowed, perhaps, denied]) in &count {
        let reasons: Vec<&DeferredRule> = deferred.deferred.iter().filter(|d| d.rule == *rule).collect();
        let whole = reasons.iter().any(|d| d.part.is_none());
        let covered = *allowed > 0 && *denied > 0;
        eprintln!(
            "rule {rule:2}: {allowed:3} allowed {perhaps:3} allowed_if {denied:3} denied{}",
            if whole {
                ", deferred"
            } else if reasons.is_empty() {
                ""
            } else {
                ", deferred in part"
            }
        );
        if !whole && !covered {
            let _ = writeln!(
                failures,
                "rule {rule}: {allowed} allowed, {denied} denied, and no reason"
            );
        }
        if whole && allowed + perhaps + denied > 0 {
            let _ = writeln!(
                failures,
                "rule {rule} has cases, so it is not deferred as a whole"
            );
        }
    }
    for DeferredRule { rule, part, reason } in &deferred.deferred {
        if !RULES.contains(rule) || reason.is_empty() || part.as_ref().is_some_and(String::is_empty) {
            let _ = writeln!(
                failures,
                "deferred.json: rule {rule} needs a reason, and a part that says something"
            );
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn a_one_line_policy_is_what_it_says() {
    assert_eq!(
        one_line(
            "Allow s3:Get*, s3:List* on arn:aws:s3:::a, arn:aws:s3:::b to 111111111111, ec2.amazonaws.com"
        ),
        json!({
            "Effect": "Allow",
            "Action": ["s3:Get*", "s3:List*"],
            "Resource": ["arn:aws:s3:::a", "arn:aws:s3:::b"],
            "Principal": { "AWS": ["111111111111"], "Service": ["ec2.amazonaws.com"] },
        })
    );
    assert_eq!(
        one_line("Deny sts:AssumeRole to *"),
        json!({ "Effect": "Deny", "Action": ["sts:AssumeRole"], "Principal": "*" })
    );
}
