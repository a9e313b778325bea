//! AWS Security Finding Format, as `BatchImportFindings` takes it: `{"Findings": […]}`. Its limits are part of the format (AWS
//! Security Hub User Guide, "ASFF required attributes" and "optional top-level attributes"); a call takes a hundred at once.

use serde_json::{Map, Value, json};
use sv0_model::finding::{Finding, Severity, Status};
use sv0_model::kind::Kind;
use sv0_model::path::EntityRef;

use crate::{Document, cut, description, remedy, sarif::pretty, score};

pub(crate) fn write(document: &Document<'_>) -> String {
    let findings: Vec<Value> = document
        .findings
        .iter()
        .map(|finding| one(document, finding))
        .collect();
    pretty(&json!({"Findings": findings}))
}

fn one(document: &Document<'_>, finding: &Finding) -> Value {
    let rule = document.rule(finding.rule);
    let account = account(finding);
    let region = region(&finding.subject.id).unwrap_or("us-east-1");
    let mut resources = vec![resource(&finding.subject, region)];
    let others = finding
        .targets
        .iter()
        .filter(|target| target.id != finding.subject.id);
    // Thirty-two at most.
    resources.extend(others.take(31).map(|target| resource(target, region)));
    let mut fields = Map::new();
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            fields.insert(cut(name, 128), json!(cut(&value, 2_048)));
        }
    };
    field("sv0/rule", finding.rule.to_owned());
    field("sv0/verdict", finding.verdict.as_str().to_owned());
    let reasons: Vec<String> = finding
        .reasons
        .iter()
        .map(|f| format!("{:+} {}", f.points, f.text))
        .collect();
    field("sv0/reasons", reasons.join("; "));
    field("sv0/attack", finding.attack.join(", "));
    field("sv0/techniques", finding.techniques.join(", "));
    field(
        "sv0/path",
        finding
            .paths
            .first()
            .map(|path| path.chain.join(" > "))
            .unwrap_or_default(),
    );
    let mut recommendation = Map::new();
    recommendation.insert("Text".into(), json!(cut(&remedy(finding, rule), 512)));
    if let Some(url) = rule.and_then(|rule| rule.references.first()) {
        recommendation.insert("Url".into(), json!(url));
    }
    let (workflow, note) = match &finding.status {
        Status::Suppressed { reason, by, .. } => (
            "SUPPRESSED",
            Some(
                json!({"Text": cut(reason, 512), "UpdatedBy": cut(by.as_deref().unwrap_or("sv0"), 512), "UpdatedAt": document.at}),
            ),
        ),
        Status::New | Status::Open => ("NEW", None),
    };
    let mut out = json!({
        "SchemaVersion": "2018-10-08",
        "Id": finding.id,
        "ProductArn": format!("arn:aws:securityhub:{region}:{account}:product/{account}/default"),
        "ProductName": "sv0",
        "CompanyName": "sv0",
        "GeneratorId": format!("sv0/{}", finding.rule),
        "AwsAccountId": account,
        "Region": region,
        "Types": [kind(finding)],
        "CreatedAt": document.at,
        "UpdatedAt": document.at,
        "Severity": {"Label": label(finding.severity), "Original": finding.severity.as_str(), "Normalized": normalized(finding.severity)},
        "Confidence": if finding.verdict == sv0_model::path::PathVerdict::Allowed { 99 } else { 70 },
        "Title": cut(&finding.title, 256),
        "Description": cut(&description(finding, rule), 1_024),
        "Remediation": {"Recommendation": recommendation},
        "ProductFields": fields,
        "Resources": resources,
        "Workflow": {"Status": workflow},
        "RecordState": "ACTIVE",
    });
    if let (Some(note), Some(map)) = (note, out.as_object_mut()) {
        map.insert("Note".into(), note);
    }
    out
}

/// The account that a finding is filed under: the subject's, else one on its path.
fn account(finding: &Finding) -> String {
    let of = |entity: &EntityRef| entity.account.clone();
    let on_paths = finding.paths.iter().flat_map(|path| [&path.target, &path.origin]);
    of(&finding.subject)
        .or_else(|| finding.targets.iter().find_map(of))
        .or_else(|| on_paths.into_iter().find_map(of))
        .unwrap_or_else(|| "000000000000".into())
}

fn region(arn: &str) -> Option<&str> {
    arn.split(':')
        .nth(3)
        .filter(|region| !region.is_empty() && region.contains('-'))
}

fn resource(entity: &EntityRef, region_of_finding: &str) -> Value {
    let kind = match entity.kind {
        Kind::IamUser => "AwsIamUser",
        Kind::IamRole | Kind::ServiceLinkedRole => "AwsIamRole",
        Kind::IamGroup => "AwsIamGroup",
        Kind::IamPolicy => "AwsIamPolicy",
        Kind::S3Bucket => "AwsS3Bucket",
        Kind::LambdaFunction => "AwsLambdaFunction",
        Kind::DynamodbTable => "AwsDynamoDbTable",
        Kind::SecretsManagerSecret => "AwsSecretsManagerSecret",
        Kind::SqsQueue => "AwsSqsQueue",
        Kind::SnsTopic => "AwsSnsTopic",
        Kind::KmsKey => "AwsKmsKey",
        Kind::EcrRepository => "AwsEcrRepository",
        Kind::Ec2Instance => "AwsEc2Instance",
        Kind::RdsInstance => "AwsRdsDbInstance",
        Kind::RdsCluster => "AwsRdsDbCluster",
        Kind::CodebuildProject => "AwsCodeBuildProject",
        Kind::EcsTask => "AwsEcsTaskDefinition",
        Kind::EcsService => "AwsEcsService",
        Kind::EksCluster => "AwsEksCluster",
        Kind::SsmParameter => "AwsSsmParameter",
        Kind::AwsAccount => "AwsAccount",
        _ => "Other",
    };
    json!({
        "Type": kind,
        "Id": cut(&entity.id, 512),
        "Partition": "aws",
        "Region": region(&entity.id).unwrap_or(region_of_finding),
        "Details": {"Other": {"name": cut(&entity.name, 1_024), "kind": entity.kind.as_str()}},
    })
}

/// The taxonomy: namespace, category, classifier.
fn kind(finding: &Finding) -> &'static str {
    match finding.rule {
        "privilege-escalation" | "toxic-combination" => "TTPs/Privilege Escalation",
        "public-exposure" | "external-exposure" | "data-beyond-account" | "llm-egress" => {
            "Effects/Data Exposure"
        }
        "vulnerable-image" => "Software and Configuration Checks/Vulnerabilities",
        _ => "Software and Configuration Checks/AWS Security Best Practices",
    }
}

const fn label(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "INFORMATIONAL",
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    }
}

/// 0 to 100, in the ranges that the labels mean.
fn normalized(severity: Severity) -> u8 {
    match severity {
        Severity::Informational => 0,
        Severity::Low => 30,
        Severity::Medium => 50,
        Severity::High => 80,
        Severity::Critical => {
            debug_assert!(score(severity) > 9.0);
            95
        }
    }
}
