//! Amazon Inspector: grave vulnerabilities of functions, images and instances.
//!
//! A delegated administrator is told of all its members; each account is asked for its own only.

use aws_sdk_inspector2::types::{
    ExploitAvailable, FilterCriteria, Finding, FixAvailable, ResourceType, StringComparison, StringFilter,
};
use futures::FutureExt;
use sv0_model::kind::Kind;
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::RecordExt;

const LIST_FINDINGS: Call = Call {
    operation: "ListFindings",
    actions: &["inspector2:ListFindings"],
    absent: &[],
    without: "which workloads have vulnerabilities is not known there",
};

pub(crate) const SERVICE: Service = Service {
    name: "inspector2",
    title: "Amazon Inspector",
    clients: &["Inspector2"],
    scope: Scope::Regional,
    reads: "active findings of severity critical and high, about Lambda functions, images in ECR and EC2 instances",
    calls: &[&LIST_FINDINGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_inspector2);
    let Some(filter) = filter(cx.account()) else {
        return;
    };
    let findings = cx
        .pages(
            &LIST_FINDINGS,
            None,
            |token| {
                client
                    .list_findings()
                    .filter_criteria(filter.clone())
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.findings.unwrap_or_default(), page.next_token),
        )
        .await;
    for finding in findings {
        let mut record = Record::of(
            cx,
            Kind::VulnerabilityFinding,
            finding.finding_arn.as_str(),
            finding.finding_arn.as_str(),
        );
        finding_facts(&mut record, finding, |id| {
            cx.arn("ec2", &format!("instance/{id}"))
        });
        cx.record(record);
    }
}

/// None is never: the builder wants to be told a comparison and a value, and is.
fn filter(account: &str) -> Option<FilterCriteria> {
    let any = |values: &[&str]| -> Option<Vec<StringFilter>> {
        let one = |value: &&str| {
            StringFilter::builder()
                .comparison(StringComparison::Equals)
                .value(*value)
                .build()
                .ok()
        };
        values.iter().map(one).collect()
    };
    let filter = FilterCriteria::builder()
        .set_aws_account_id(Some(any(&[account])?))
        .set_finding_status(Some(any(&["ACTIVE"])?))
        .set_severity(Some(any(&["CRITICAL", "HIGH"])?))
        .set_resource_type(Some(any(&[
            "AWS_LAMBDA_FUNCTION",
            "AWS_ECR_CONTAINER_IMAGE",
            "AWS_EC2_INSTANCE",
        ])?));
    Some(filter.build())
}

fn finding_facts(record: &mut Record, finding: Finding, instance: impl Fn(&str) -> String) {
    record.made(Some(&finding.first_observed_at));
    if let Some(title) = finding.title.filter(|title| !title.is_empty()) {
        record.name = title;
    }
    record.fact("source", "inspector2");
    record.fact("severity", finding.severity.as_str());
    record.fact("status", finding.status.as_str());
    if let Some(resource) = finding.resources.first() {
        record.fact("resource", external_id(&resource.r#type, &resource.id, instance));
    }
    let vulnerability = finding
        .package_vulnerability_details
        .map(|details| details.vulnerability_id);
    record.fact_if("vulnerability", vulnerability);
    if finding.exploit_available == Some(ExploitAvailable::Yes) {
        record.fact("exploit_available", true);
    }
    if finding.fix_available == Some(FixAvailable::Yes) {
        record.fact("fix_available", true);
    }
}

/// A resource's id in the snapshot, of Inspector's name of it: an instance's bare id, a repository's ARN with
/// `/sha256:…` for an image, a function's ARN with its version.
fn external_id(kind: &ResourceType, id: &str, instance: impl Fn(&str) -> String) -> String {
    match kind {
        ResourceType::AwsEc2Instance if !id.starts_with("arn:") => instance(id),
        ResourceType::AwsEcrContainerImage => id.replacen("/sha256:", "@sha256:", 1),
        ResourceType::AwsLambdaFunction => match id.match_indices(':').nth(6) {
            Some((at, _)) => id.get(..at).unwrap_or(id).to_owned(),
            None => id.to_owned(),
        },
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_name_resources_as_the_snapshot_does() {
        let id = |kind, id| external_id(&kind, id, |id| format!("arn:aws:ec2:us-east-1:1:instance/{id}"));
        let function = "arn:aws:lambda:us-east-1:1:function:f";
        assert_eq!(id(ResourceType::AwsLambdaFunction, function), function);
        assert_eq!(
            id(
                ResourceType::AwsLambdaFunction,
                "arn:aws:lambda:us-east-1:1:function:f:$LATEST"
            ),
            function
        );
        assert_eq!(
            id(ResourceType::AwsEc2Instance, "i-1"),
            "arn:aws:ec2:us-east-1:1:instance/i-1"
        );
        assert_eq!(
            id(
                ResourceType::AwsEcrContainerImage,
                "arn:aws:ecr:us-east-1:1:repository/a/b/sha256:00"
            ),
            "arn:aws:ecr:us-east-1:1:repository/a/b@sha256:00"
        );
    }

    #[test]
    fn only_grave_findings_of_the_account_are_asked_for() {
        let filter = filter("333333333333").unwrap();
        assert_eq!(filter.aws_account_id()[0].value(), "333333333333");
        let severities: Vec<&str> = filter.severity().iter().map(StringFilter::value).collect();
        assert_eq!(severities, ["CRITICAL", "HIGH"]);
    }
}
