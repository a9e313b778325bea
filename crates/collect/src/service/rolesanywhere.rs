//! IAM Roles Anywhere: which certificate authorities are trusted, and which roles their certificates may take.

use futures::FutureExt;
use sv0_model::kind::Kind;
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::RecordExt;

const LIST_TRUST_ANCHORS: Call = Call {
    operation: "ListTrustAnchors",
    actions: &["rolesanywhere:ListTrustAnchors"],
    absent: &[],
    without: "which certificate authorities may vouch for machines outside AWS is not known there",
};
const LIST_PROFILES: Call = Call {
    operation: "ListProfiles",
    actions: &["rolesanywhere:ListProfiles"],
    absent: &[],
    without: "which roles machines outside AWS may take is not known there",
};

pub(crate) const SERVICE: Service = Service {
    name: "rolesanywhere",
    title: "IAM Roles Anywhere",
    clients: &["RolesAnywhere"],
    scope: Scope::Regional,
    reads: "trust anchors and profiles with their roles",
    calls: &[&LIST_TRUST_ANCHORS, &LIST_PROFILES],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_rolesanywhere);
    let anchors = cx
        .pages(
            &LIST_TRUST_ANCHORS,
            None,
            |token| client.list_trust_anchors().set_next_token(token).send(),
            |page| (page.trust_anchors.unwrap_or_default(), page.next_token),
        )
        .await;
    for anchor in anchors {
        let arn = anchor.trust_anchor_arn.unwrap_or_default();
        let mut record = Record::of(cx, Kind::AwsResource, arn, anchor.name.unwrap_or_default());
        record.fact("resource_type", "AWS::RolesAnywhere::TrustAnchor");
        record.fact("enabled", anchor.enabled.unwrap_or_default());
        let source = anchor.source;
        record.fact_if(
            "source_type",
            source
                .and_then(|source| source.source_type)
                .map(|kind| kind.as_str().to_owned()),
        );
        record.made(anchor.created_at.as_ref());
        cx.record(record);
    }
    let profiles = cx
        .pages(
            &LIST_PROFILES,
            None,
            |token| client.list_profiles().set_next_token(token).send(),
            |page| (page.profiles.unwrap_or_default(), page.next_token),
        )
        .await;
    for profile in profiles {
        let arn = profile.profile_arn.unwrap_or_default();
        let mut record = Record::of(cx, Kind::AwsResource, arn, profile.name.unwrap_or_default());
        record.fact("resource_type", "AWS::RolesAnywhere::Profile");
        record.fact("enabled", profile.enabled.unwrap_or_default());
        let mut roles = profile.role_arns.unwrap_or_default();
        roles.sort();
        record.fact("roles", roles);
        let policies = profile
            .managed_policy_arns
            .filter(|policies| !policies.is_empty());
        record.fact_if("managed_policies", policies);
        let limited = profile.session_policy.is_some_and(|policy| !policy.is_empty());
        if limited {
            record.fact("session_policy", true);
        }
        record.made(profile.created_at.as_ref());
        cx.record(record);
    }
}
