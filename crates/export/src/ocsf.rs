//! OCSF 1.6: class IAM Analysis Finding (2008), one event a line. A finding about an identity carries
//! `permission_analysis_results`, one about a resource `access_analysis_result`: one of the two has to be there.

use serde_json::{Value, json};
use sv0_model::finding::{Finding, Severity, Status};
use sv0_model::kind::EntityType;
use sv0_model::path::EntityRef;

use crate::{Document, attack, description, remedy};

pub(crate) fn write(document: &Document<'_>) -> String {
    let lines = document
        .findings
        .iter()
        .map(|finding| event(document, finding).to_string());
    lines.map(|line| line + "\n").collect()
}

fn event(document: &Document<'_>, finding: &Finding) -> Value {
    let rule = document.rule(finding.rule);
    let (activity, activity_name) = if finding.status == Status::New {
        (1, "Create")
    } else {
        (2, "Update")
    };
    let (severity, severity_id) = match finding.severity {
        Severity::Informational => ("Informational", 1),
        Severity::Low => ("Low", 2),
        Severity::Medium => ("Medium", 3),
        Severity::High => ("High", 4),
        Severity::Critical => ("Critical", 5),
    };
    let (status, status_id) = match finding.status {
        Status::Suppressed { .. } => ("Suppressed", 3),
        Status::New | Status::Open => ("New", 1),
    };
    let attacks: Vec<Value> = finding
        .attack
        .iter()
        .map(|id| json!({"technique": {"uid": id, "name": attack::name(id)}, "version": "16.1"}))
        .collect();
    let mut resources: Vec<Value> = vec![resource(&finding.subject)];
    resources.extend(
        finding
            .targets
            .iter()
            .filter(|target| target.id != finding.subject.id)
            .map(resource),
    );
    let identity = finding.subject.kind.entity_type() == EntityType::Identity;
    let mut out = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": 2008,
        "class_name": "IAM Analysis Finding",
        "type_uid": 200_800 + activity,
        "type_name": format!("IAM Analysis Finding: {activity_name}"),
        "severity": severity,
        "severity_id": severity_id,
        "status": status,
        "status_id": status_id,
        "time": document.at_millis,
        "message": finding.title,
        "metadata": {
            "version": "1.6.0",
            "product": {"name": "sv0", "vendor_name": "sv0", "version": document.version},
            "uid": finding.id,
        },
        "finding_info": {
            "uid": finding.id,
            "title": finding.title,
            "desc": description(finding, rule),
            "types": [finding.rule],
            "attacks": attacks,
            "analytic": {"type_id": 1, "type": "Rule", "uid": finding.rule, "name": rule.map_or(finding.rule, |rule| &rule.title)},
            "created_time": document.at_millis,
            "last_seen_time": document.at_millis,
        },
        "remediation": {
            "desc": remedy(finding, rule),
            "references": rule.map(|rule| rule.references.clone()).unwrap_or_default(),
        },
        "resources": resources,
        "unmapped": {
            "sv0_reasons": finding.reasons.iter().map(|f| json!({"name": f.name, "points": f.points, "text": f.text})).collect::<Vec<_>>(),
            "sv0_techniques": finding.techniques,
            "sv0_path": finding.paths.first().map(|path| path.chain.clone()),
        },
    });
    let Some(map) = out.as_object_mut() else {
        return out;
    };
    if identity {
        map.insert("user".into(), user(&finding.subject));
        let policies: Vec<Value> = finding
            .statements
            .iter()
            .map(|s| json!({"policy": {"uid": s.policy_id, "name": s.policy, "desc": format!("{} {} ({})", s.json_path, s.effect, s.layer)}}))
            .collect();
        let granted: Vec<&String> = finding
            .paths
            .iter()
            .flat_map(|path| &path.actions)
            .take(50)
            .collect();
        let results = if policies.is_empty() {
            vec![json!({"granted_privileges": granted})]
        } else {
            policies
        };
        map.insert("permission_analysis_results".into(), json!(results));
    } else {
        let path = finding.paths.first();
        let who = path.map_or(&finding.subject, |path| &path.origin);
        let conditions: Vec<Value> = finding
            .conditions
            .iter()
            .map(|c| json!({"name": c.key.as_deref().unwrap_or("condition"), "value": c.text}))
            .collect();
        map.insert(
            "access_analysis_result".into(),
            json!({
                "accessors": [user(who)],
                "access_level": path.map(|path| path.access_level.as_str()),
                "granted_privileges": path.map(|path| path.actions.iter().take(50).collect::<Vec<_>>()).unwrap_or_default(),
                "condition_keys": conditions,
            }),
        );
    }
    if let Status::Suppressed { reason, .. } = &finding.status {
        map.insert("comment".into(), json!(reason));
    }
    out
}

fn user(entity: &EntityRef) -> Value {
    json!({
        "uid": entity.id,
        "name": entity.name,
        "type_id": 99,
        "type": entity.kind.label(),
        "account": entity.account.as_ref().map(|id| json!({"uid": id, "name": entity.account_name, "type_id": 10, "type": "AWS Account"})),
    })
}

fn resource(entity: &EntityRef) -> Value {
    json!({
        "uid": entity.id,
        "name": entity.name,
        "type": entity.kind.as_str(),
        "cloud_partition": "aws",
        "region": entity.id.split(':').nth(3).filter(|region| !region.is_empty()),
        "owner": {"uid": entity.account.as_deref().unwrap_or("unknown"), "name": entity.account_name.as_deref().or(entity.account.as_deref()).unwrap_or("unknown"), "type_id": 99, "type": "Account", "account": {"uid": entity.account, "name": entity.account_name, "type_id": 10, "type": "AWS Account"}},
    })
}
