//! Amazon Inspector: what is known to be vulnerable in functions, images and instances.

use aws_sdk_inspector2::types::{FilterCriteria, Finding, StringComparison, StringFilter};
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
    without: "which workloads run vulnerable code is not known there",
};

pub(crate) const SERVICE: Service = Service {
    name: "inspector2",
    title: "Amazon Inspector",
    clients: &["Inspector2"],
    scope: Scope::Regional,
    reads: "active findings of high and critical severity about functions, container images and instances",
    calls: &[&LIST_FINDINGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_inspector2);
    let Some(filter) = filter() else { return };
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
        cx.record(record(cx, finding));
    }
}

fn filter() -> Option<FilterCriteria> {
    let is = |value: &str| {
        let filter = StringFilter::builder()
            .comparison(StringComparison::Equals)
            .value(value);
        filter.build().ok()
    };
    let criteria = FilterCriteria::builder()
        .finding_status(is("ACTIVE")?)
        .severity(is("CRITICAL")?)
        .severity(is("HIGH")?)
        .resource_type(is("AWS_LAMBDA_FUNCTION")?)
        .resource_type(is("AWS_ECR_CONTAINER_IMAGE")?)
        .resource_type(is("AWS_EC2_INSTANCE")?);
    Some(criteria.build())
}

fn record(cx: &Cx, finding: Finding) -> Record {
    let title = finding.title.unwrap_or_default();
    let mut record = Record::of(cx, Kind::VulnerabilityFinding, finding.finding_arn, title);
    record.fact("source", "inspector2");
    record.fact("severity", finding.severity.as_str());
    record.fact("status", finding.status.as_str());
    let resource = finding.resources.into_iter().next();
    record.fact_if("resource", resource.map(|resource| about(cx, &resource.id)));
    record.fact_if(
        "vulnerability",
        finding
            .package_vulnerability_details
            .map(|details| details.vulnerability_id),
    );
    record.made(Some(&finding.first_observed_at));
    record
}

/// The id that the snapshot has for what Inspector names: an image as `repository@digest`, an instance by its ARN, a
/// function without its version.
fn about(cx: &Cx, id: &str) -> String {
    if id.starts_with("i-") {
        return cx.arn("ec2", &format!("instance/{id}"));
    }
    if let Some((repository, digest)) = id.split_once("/sha256:") {
        return format!("{repository}@sha256:{digest}");
    }
    match id.match_indices(':').nth(6) {
        Some((at, _)) if id.contains(":function:") => id.get(..at).unwrap_or(id).to_owned(),
        _ => id.to_owned(),
    }
}
