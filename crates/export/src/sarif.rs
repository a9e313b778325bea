//! SARIF 2.1.0 (OASIS). A finding is a result, its path a code flow: one location a hop. Code scanning wants a file, which an
//! entity of AWS is not: its place is made of its ARN.

use serde_json::{Value, json};
use sv0_model::finding::{Finding, Severity, Status};
use sv0_model::path::EntityRef;

use crate::{Document, description, remedy, score};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(crate) fn write(document: &Document<'_>) -> String {
    let rules: Vec<Value> = document
        .rules
        .iter()
        .map(|rule| {
            let tags: Vec<String> = ["security", "aws", "iam"]
                .iter()
                .map(|tag| (*tag).to_owned())
                .chain(rule.attack.iter().map(|id| format!("external/attack/{}", id.to_lowercase())))
                .collect();
            let worst = document.findings.iter().filter(|f| f.rule == rule.id).map(|f| f.severity).max();
            let worst = worst.unwrap_or(Severity::Medium);
            let mut out = json!({
                "id": rule.id,
                "name": name(&rule.id),
                "shortDescription": {"text": rule.title},
                "fullDescription": {"text": rule.what},
                "help": {
                    "text": format!("{} {} {}", rule.why, rule.how, rule.todo),
                    "markdown": format!("**Why it matters.** {}\n\n**How it is decided.** {}\n\n**What to do.** {}", rule.why, rule.how, rule.todo),
                },
                "defaultConfiguration": {"level": level(worst)},
                "properties": {"tags": tags, "security-severity": format!("{:.1}", score(worst)), "precision": "high"},
            });
            if let (Some(reference), Some(map)) = (rule.references.first(), out.as_object_mut()) {
                map.insert("helpUri".into(), json!(reference));
            }
            out
        })
        .collect();
    let results: Vec<Value> = document
        .findings
        .iter()
        .map(|finding| result(document, finding))
        .collect();
    let notes: Vec<Value> = document
        .gaps
        .iter()
        .map(|gap| json!({"level": "warning", "message": {"text": gap.detail}, "descriptor": {"id": gap.reason.as_str()}}))
        .collect();
    let out = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "sv0",
                "version": document.version,
                "semanticVersion": document.version,
                "informationUri": "https://github.com/securityv0/sv0",
                "rules": rules,
            }},
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notes}],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    pretty(&out)
}

fn result(document: &Document<'_>, finding: &Finding) -> Value {
    let rule = document.rule(finding.rule);
    let index = document.rules.iter().position(|rule| rule.id == finding.rule);
    let flows: Vec<Value> = finding
        .paths
        .iter()
        .map(|path| {
            let first =
                json!({"location": location(&path.origin, &format!("begins at {}", path.origin.name))});
            let hops = path
                .hops
                .iter()
                .map(|hop| json!({"location": location(&hop.to, &hop.text)}));
            let steps: Vec<Value> = std::iter::once(first).chain(hops).collect();
            json!({
                "message": {"text": format!("{} → {}", path.origin.name, path.target.name)},
                "threadFlows": [{"locations": steps}],
            })
        })
        .collect();
    let reasons: Vec<String> = finding
        .reasons
        .iter()
        .map(|f| format!("{:+} {}", f.points, f.text))
        .collect();
    let mut out = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": {"text": format!("{}. {} {}", finding.title, description(finding, rule), remedy(finding, rule))},
        "locations": [location(&finding.subject, &finding.title)],
        "partialFingerprints": {"sv0Finding/v1": finding.id},
        "properties": {
            "severity": finding.severity.as_str(),
            "security-severity": format!("{:.1}", score(finding.severity)),
            "account": finding.subject.account,
            "verdict": finding.verdict.as_str(),
            "reasons": reasons,
            "attack": finding.attack,
            "techniques": finding.techniques,
            "targets": finding.target_count,
        },
    });
    let Some(map) = out.as_object_mut() else {
        return out;
    };
    if let Some(index) = index {
        map.insert("ruleIndex".into(), json!(index));
    }
    if !flows.is_empty() {
        map.insert("codeFlows".into(), json!(flows));
    }
    match &finding.status {
        Status::Suppressed { reason, .. } => {
            map.insert(
                "suppressions".into(),
                json!([{"kind": "external", "status": "accepted", "justification": reason}]),
            );
        }
        Status::New if document.has_baseline => {
            map.insert("baselineState".into(), json!("new"));
        }
        Status::Open if document.has_baseline => {
            map.insert("baselineState".into(), json!("unchanged"));
        }
        Status::New | Status::Open => {}
    }
    out
}

fn location(entity: &EntityRef, text: &str) -> Value {
    json!({
        "physicalLocation": {"artifactLocation": {"uri": uri(&entity.id)}, "region": {"startLine": 1}},
        "logicalLocations": [{"name": entity.name, "fullyQualifiedName": entity.id, "kind": "resource"}],
        "message": {"text": text},
    })
}

/// A path made of an id: characters that mean something in a URI are escaped.
fn uri(id: &str) -> String {
    let mut out = String::from("aws/");
    for byte in id.strip_prefix("arn:aws:").unwrap_or(id).bytes() {
        match byte {
            b':' => out.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    while out.contains("//") {
        out = out.replace("//", "/");
    }
    out
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "note",
    }
}

/// `oidc-no-subject` as `OidcNoSubject`, which is how rules are named there.
fn name(id: &str) -> String {
    id.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

pub(crate) fn pretty(value: &Value) -> String {
    let mut out = serde_json::to_string_pretty(value).unwrap_or_default();
    out.push('\n');
    out
}
