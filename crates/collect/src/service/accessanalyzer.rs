//! IAM Access Analyzer: what AWS itself has found to be open to outsiders, or unused.

use aws_sdk_accessanalyzer::types::{AnalyzerStatus, Criterion, FindingSummaryV2};
use futures::FutureExt;
use sv0_model::kind::Kind;
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::RecordExt;

const LIST_ANALYZERS: Call = Call {
    operation: "ListAnalyzers",
    actions: &["access-analyzer:ListAnalyzers"],
    absent: &[],
    without: "what Access Analyzer has found there is not known",
};
const LIST_FINDINGS: Call = Call {
    operation: "ListFindingsV2",
    actions: &["access-analyzer:ListFindings"],
    absent: &[],
    without: "what this analyzer has found is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "access-analyzer",
    title: "IAM Access Analyzer",
    clients: &["AccessAnalyzer"],
    scope: Scope::Regional,
    reads: "active findings of all analyzers: external, internal and unused access",
    calls: &[&LIST_ANALYZERS, &LIST_FINDINGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_accessanalyzer);
    let analyzers = cx
        .pages(
            &LIST_ANALYZERS,
            None,
            |token| {
                client
                    .list_analyzers()
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.analyzers, page.next_token),
        )
        .await;
    let client = &client;
    cx.each(analyzers, |analyzer| async move {
        if analyzer.status == AnalyzerStatus::Disabled {
            return;
        }
        let arn = analyzer.arn.as_str();
        let findings = cx
            .pages(
                &LIST_FINDINGS,
                Some(arn),
                |token| {
                    client
                        .list_findings_v2()
                        .analyzer_arn(arn)
                        .filter("status", Criterion::builder().eq("ACTIVE").build())
                        .max_results(100)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.findings, page.next_token),
            )
            .await;
        for finding in findings {
            cx.record(record(cx, arn, finding));
        }
    })
    .await;
}

fn record(cx: &Cx, analyzer: &str, finding: FindingSummaryV2) -> Record {
    let kind = finding
        .finding_type
        .map_or_else(String::new, |kind| kind.as_str().to_owned());
    let resource = finding.resource.unwrap_or_default();
    // What follows the last `/` or `:` is what people call it.
    let about = resource.rsplit(['/', ':']).next().unwrap_or_default();
    let mut record = Record::of(
        cx,
        Kind::AccessAnalyzerFinding,
        format!("{analyzer}#{}", finding.id),
        format!("{kind}: {about}"),
    );
    record.fact("finding_type", kind);
    record.fact("resource_type", finding.resource_type.as_str());
    record.fact("resource_owner", finding.resource_owner_account);
    record.fact("status", finding.status.as_str());
    record.fact_if("resource", Some(resource));
    record.made(Some(&finding.created_at));
    record
}
