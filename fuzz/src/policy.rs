//! The JSON reader and the policy parser on any bytes: no panic; the same JSON as serde_json takes; every position lies
//! in the text; what was read and is written again is the same policy; and both evaluators take it as it is.

use serde_json::{Value as Json, json};
use sv0_engine::compiled::Library;
use sv0_iam::condition::{Context, Operator};
use sv0_iam::decide::{Attached, Policies, Request, decide};
use sv0_iam::name::Caller;
use sv0_iam::syntax::ast::{Condition, Policy, PrincipalEntry, Statement};
use sv0_iam::syntax::json::{self, Node, Value};
use sv0_iam::syntax::resource::ResourceName;
use sv0_iam::syntax::{Diagnostic, Flavor, parse};

use crate::world::compiled;

const FLAVORS: [Flavor; 5] = [
    Flavor::Identity,
    Flavor::Resource,
    Flavor::Trust,
    Flavor::Scp,
    Flavor::Rcp,
];

pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    reader(&text);
    for flavor in FLAVORS {
        let (policy, diagnostics) = parse(&text, flavor);
        for diagnostic in &diagnostics {
            placed(&text, diagnostic);
        }
        let Some(policy) = policy else {
            assert!(!diagnostics.is_empty(), "no policy, and nobody says why");
            continue;
        };
        for statement in &policy.statements {
            stands(&text, statement);
        }
        let written = write(&policy);
        let (again, _) = parse(&written, flavor);
        let again = again.expect("what was written is a policy");
        assert_eq!(bare(&policy), bare(&again), "{written}");
        decided(&policy, flavor);
    }
}

// ---- JSON ----

/// Our reader against serde_json's.
fn reader(text: &str) {
    match (json::parse(text), serde_json::from_str::<Json>(text)) {
        (Ok(ours), theirs) => {
            within(text, &ours, 0, text.len());
            // A number that no machine can hold is JSON all the same.
            assert!(
                serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok(),
                "only we read {text:?}"
            );
            if let Ok(theirs) = theirs {
                assert!(same(&ours, &theirs), "{ours:?} is not {theirs:?}");
            }
        }
        (Err(error), theirs) => {
            assert!(error.offset <= text.len() && text.is_char_boundary(error.offset));
            assert!(
                theirs.is_err() || error.message.starts_with("nested deeper"),
                "only serde_json reads {text:?}: {error}"
            );
        }
    }
}

fn same(ours: &Value<'_>, theirs: &Json) -> bool {
    match (&ours.node, theirs) {
        (Node::Null, Json::Null) => true,
        (Node::Bool(a), Json::Bool(b)) => a == b,
        (Node::Number(a), Json::Number(b)) => a.parse::<f64>().ok() == b.as_f64(),
        (Node::String(a), Json::String(b)) => a == b,
        (Node::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        // Theirs keeps the last of several.
        (Node::Object(a), Json::Object(b)) => b.iter().all(|(key, value)| {
            let last = a.iter().rev().find(|member| *member.key == **key);
            last.is_some_and(|member| same(&member.value, value))
        }),
        _ => false,
    }
}

/// Every value stands where it says, within the value around it.
fn within(text: &str, value: &Value<'_>, from: usize, to: usize) {
    assert!(from <= value.start && value.start < value.end && value.end <= to);
    let own = text.get(value.start..value.end).expect("whole characters");
    let first = own.as_bytes()[0];
    let fits = match &value.node {
        Node::Null => own == "null",
        Node::Bool(flag) => own == flag.to_string(),
        Node::Number(number) => own == *number,
        Node::String(_) => first == b'"' && own.ends_with('"'),
        Node::Array(_) => first == b'[' && own.ends_with(']'),
        Node::Object(_) => first == b'{' && own.ends_with('}'),
    };
    assert!(fits, "{value:?} stands at {own}");
    match &value.node {
        Node::Array(items) => items
            .iter()
            .for_each(|item| within(text, item, value.start, value.end)),
        Node::Object(members) => {
            for member in members {
                let key = text.get(member.start..member.end).expect("whole characters");
                assert!(key.starts_with('"') && key.ends_with('"'));
                within(text, &member.value, member.end, value.end);
            }
        }
        _ => {}
    }
}

// ---- places ----

fn placed(text: &str, diagnostic: &Diagnostic) {
    let (from, to) = (diagnostic.offset, diagnostic.offset + diagnostic.length);
    // Where a text is cut off, the trouble is the character that is not there.
    let last = text.len() + usize::from(diagnostic.code == "not-json");
    assert!(
        text.is_char_boundary(from) && to <= last,
        "{diagnostic:?} in {text:?}"
    );
    if diagnostic.code != "not-json" {
        let own = text.get(from..to).expect("whole characters");
        assert!(
            !own.is_empty() && !own.starts_with(char::is_whitespace) && !own.starts_with('\u{feff}'),
            "{diagnostic:?} is at {own:?}"
        );
        json::parse(own).expect("a whole value, or a key");
    }
    let (line, column) = diagnostic.line_column(text);
    assert!(line >= 1 && column >= 1);
    assert!(!diagnostic.to_string().is_empty() && !diagnostic.message.ends_with('.'));
}

fn stands(text: &str, statement: &Statement) {
    let own = text
        .get(statement.start..statement.end)
        .expect("whole characters");
    let value = json::parse(own).expect("a statement is a value");
    assert!(matches!(value.node, Node::Object(_)));
    for condition in &statement.conditions {
        // What could not be read has no place of its own.
        let at = text.get(condition.offset..).expect("a place in the text");
        assert!(condition.operator.is_none() || at.starts_with('"'));
    }
}

// ---- written again ----

/// The policy as it is, but for where it stood.
fn bare(policy: &Policy) -> Policy {
    let mut out = policy.clone();
    for (index, statement) in out.statements.iter_mut().enumerate() {
        (statement.index, statement.start, statement.end) = (index, 0, 0);
        statement.conditions.iter_mut().for_each(|c| c.offset = 0);
    }
    out
}

/// The policy as JSON. By hand, because keys may repeat.
fn write(policy: &Policy) -> String {
    let mut members = vec![member(
        "Version",
        if policy.modern { "2012-10-17" } else { "2008-10-17" },
    )];
    members.extend(policy.id.as_deref().map(|id| member("Id", id)));
    let statements: Vec<String> = policy.statements.iter().map(statement).collect();
    members.push(format!("\"Statement\":[{}]", statements.join(",")));
    format!("{{{}}}", members.join(","))
}

fn member(key: &str, value: impl Into<Json>) -> String {
    format!("{}:{}", json!(key), value.into())
}

fn statement(from: &Statement) -> String {
    let not = |negated: bool, name: &str| format!("{}{name}", if negated { "Not" } else { "" });
    let mut out = vec![member("Effect", format!("{:?}", from.effect))];
    out.extend(from.sid.as_deref().map(|sid| member("Sid", sid)));
    if let Some(element) = &from.principal {
        let entries: Vec<String> = element.entries.iter().map(principal).collect();
        out.push(format!(
            "\"{}\":{{{}}}",
            not(element.negated, "Principal"),
            entries.join(",")
        ));
    }
    let actions: Vec<&str> = from.action.patterns.iter().map(|p| p.as_str()).collect();
    out.push(member(&not(from.action.negated, "Action"), actions));
    if let Some(element) = &from.resource {
        let resources: Vec<&str> = element.patterns.iter().map(|p| p.as_str()).collect();
        out.push(member(&not(element.negated, "Resource"), resources));
    }
    // One element for each, so that their order is kept.
    out.extend(from.conditions.iter().map(condition));
    format!("{{{}}}", out.join(","))
}

fn principal(entry: &PrincipalEntry) -> String {
    let kind = match entry {
        PrincipalEntry::Service(_) => "Service",
        PrincipalEntry::Federated(_) => "Federated",
        PrincipalEntry::CanonicalUser(_) => "CanonicalUser",
        PrincipalEntry::Account(id) => return member("AWS", format!("arn:aws:iam::{id}:root")),
        _ => "AWS",
    };
    member(kind, entry.as_str())
}

fn condition(from: &Condition) -> String {
    let operator = &*from.operator_text;
    if from.operator.is_none() && from.values.is_empty() && from.key.is_empty() {
        // It was no object, which makes any operator undecidable.
        return format!("\"Condition\":{{{}}}", member(operator, 0));
    }
    assert_eq!(from.operator, Operator::parse(operator), "{from:?}");
    let values: Vec<&str> = from.values.iter().map(|v| v.as_str()).collect();
    format!(
        "\"Condition\":{{{}:{{{}}}}}",
        json!(operator),
        member(&from.key_text, values)
    )
}

// ---- decided ----

/// Both evaluators take it, and agree.
fn decided(policy: &Policy, flavor: Flavor) {
    let one = vec![Attached { policy, tag: 0 }];
    let policies = match flavor {
        Flavor::Identity => Policies {
            identity: one,
            ..Policies::default()
        },
        Flavor::Resource | Flavor::Trust => Policies {
            resource: one,
            ..Policies::default()
        },
        Flavor::Scp => Policies {
            identity_unknown: true,
            scps: Some(vec![one]),
            ..Policies::default()
        },
        Flavor::Rcp => Policies {
            identity_unknown: true,
            rcps: Some(vec![one]),
            ..Policies::default()
        },
    };
    let asked = [
        (
            "arn:aws:iam::111111111111:user/bob",
            "s3:GetObject",
            "arn:aws:s3:::b/x",
        ),
        (
            "arn:aws:sts::111111111111:assumed-role/App/s",
            "sts:AssumeRole",
            "arn:aws:iam::222222222222:role/R",
        ),
    ];
    let mut library = Library::new();
    for (caller, action, resource) in asked {
        let caller = Caller::parse(caller);
        for context in [Context::closed(), Context::open()] {
            let request = Request {
                caller: &caller,
                action,
                resource: ResourceName::new(resource),
                resource_account: None,
                context: &context,
            };
            let plain = decide(&request, &policies).verdict;
            assert_eq!(
                plain,
                compiled(&mut library, &request, &policies),
                "{} {action} {resource}: {policy:?}",
                caller.id
            );
        }
    }
}
