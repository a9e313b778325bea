//! AWS Account Management: which regions an account has enabled. All else is planned by it.

use aws_sdk_account::types::RegionOptStatus;
use futures::FutureExt;
use serde_json::Value;
use sv0_model::coverage::{Gap, Reason};

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;

const LIST_REGIONS: Call = Call {
    operation: "ListRegions",
    actions: &["account:ListRegions"],
    absent: &[],
    without: "which regions are enabled is not known: only those that every account has were read",
};

pub(crate) const SERVICE: Service = Service {
    name: "account",
    title: "AWS Account Management",
    clients: &["Account"],
    scope: Scope::Global,
    reads: "enabled regions",
    calls: &[&LIST_REGIONS],
    collect: |cx| collect(cx).boxed(),
};

/// The fact that holds the enabled regions.
pub(crate) const REGIONS: &str = "regions";

/// The regions that are enabled in every account (AWS Account Management Guide, "Enable or disable AWS Regions").
pub(super) const BY_DEFAULT: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_account);
    let listed = cx
        .pages(
            &LIST_REGIONS,
            None,
            |token| client.list_regions().max_results(50).set_next_token(token).send(),
            |page| (page.regions.unwrap_or_default(), page.next_token),
        )
        .await;
    let known = listed.unread.is_none();
    let (mut enabled, mut disabled) = (Vec::new(), Vec::new());
    for region in listed {
        let Some(name) = region.region_name else { continue };
        match region.region_opt_status {
            // A region that is being disabled still has what is in it.
            Some(RegionOptStatus::Disabled | RegionOptStatus::Enabling) => disabled.push(name),
            _ => enabled.push(name),
        }
    }
    if !known && enabled.is_empty() {
        enabled = match cx.partition() {
            "aws" => BY_DEFAULT.iter().map(|name| (*name).to_owned()).collect(),
            "aws-cn" => vec!["cn-north-1".into(), "cn-northwest-1".into()],
            "aws-us-gov" => vec!["us-gov-east-1".into(), "us-gov-west-1".into()],
            _ => vec![cx.region().to_owned()],
        };
    }
    enabled.sort();
    disabled.sort();
    if !disabled.is_empty() {
        cx.gap(Gap {
            account: Some(cx.account().to_owned()),
            region: None,
            service: None,
            call: LIST_REGIONS.action().to_owned(),
            entity: None,
            reason: Reason::RegionDisabled,
            detail: format!(
                "regions that account {} has not enabled: {}",
                cx.account(),
                disabled.join(", ")
            ),
            consequence: "what may lie there from before cannot be used while the region is disabled".into(),
        });
    }
    cx.fact(REGIONS, Value::from(enabled));
}
