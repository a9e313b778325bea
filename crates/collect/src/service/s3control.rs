//! Amazon S3 access points: other doors to buckets, each with a policy of its own.

use aws_sdk_s3control::operation::get_access_point::GetAccessPointOutput;
use aws_sdk_s3control::types::AccessPoint;
use futures::FutureExt;
use serde_json::json;
use sv0_model::kind::{Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::RecordExt;

const LIST_ACCESS_POINTS: Call = Call {
    operation: "ListAccessPoints",
    actions: &["s3:ListAccessPoints"],
    absent: &[],
    without: "access points, by which buckets may be open to more than their own policies say, are not known there",
};
const GET_ACCESS_POINT: Call = Call {
    operation: "GetAccessPoint",
    actions: &["s3:GetAccessPoint"],
    absent: &["NoSuchAccessPoint"],
    without: "whether the access point blocks public access is not known",
};
const GET_POLICY: Call = Call {
    operation: "GetAccessPointPolicy",
    actions: &["s3:GetAccessPointPolicy"],
    absent: &["NoSuchAccessPointPolicy", "NoSuchAccessPoint"],
    without: "the access point's policy is not known: others may have access that is not shown",
};

pub(crate) const SERVICE: Service = Service {
    name: "s3control",
    title: "Amazon S3 access points",
    clients: &["S3 Control"],
    scope: Scope::Regional,
    reads: "access points: bucket, network, policy, Block Public Access",
    calls: &[&LIST_ACCESS_POINTS, &GET_ACCESS_POINT, &GET_POLICY],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_s3control);
    let points = cx
        .pages(
            &LIST_ACCESS_POINTS,
            None,
            |token| {
                client
                    .list_access_points()
                    .account_id(cx.account())
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.access_point_list.unwrap_or_default(), page.next_token),
        )
        .await;
    let client = &client;
    cx.each(points, |point| async move {
        let name = point.name.clone();
        let arn = match &point.access_point_arn {
            Some(arn) => arn.clone(),
            None => cx.arn("s3", &format!("accesspoint/{name}")),
        };
        let mut record = Record::of(cx, Kind::S3AccessPoint, arn.as_str(), name.as_str());
        point_facts(&mut record, point, cx.partition());
        let details = cx
            .call(&GET_ACCESS_POINT, Some(&arn), || {
                client
                    .get_access_point()
                    .account_id(cx.account())
                    .name(&name)
                    .send()
            })
            .await
            .or_lacks(&mut record);
        if let Some(details) = details {
            detail_facts(&mut record, &details);
        }
        let policy = cx
            .call(&GET_POLICY, Some(&arn), || {
                client
                    .get_access_point_policy()
                    .account_id(cx.account())
                    .name(&name)
                    .send()
            })
            .await
            .or_lacks(&mut record);
        if let Some(text) = policy.and_then(|answer| answer.policy) {
            record.policy(Slot::Resource, None, &text);
        }
        cx.record(record);
    })
    .await;
}

fn point_facts(record: &mut Record, point: AccessPoint, partition: &str) {
    // That of a file system has no bucket.
    let bucket = Some(point.bucket).filter(|name| !name.is_empty());
    record.fact_if(
        "bucket",
        bucket.map(|name| format!("arn:{partition}:s3:::{name}")),
    );
    let owner = point.bucket_account_id;
    record.fact_if(
        "bucket_account",
        owner.filter(|owner| Some(owner) != record.account.as_ref()),
    );
    record.fact_if("alias", point.alias);
    record.fact("network_origin", point.network_origin.as_str());
    record.fact_if("vpc", point.vpc_configuration.map(|network| network.vpc_id));
    record.fact_if("data_source", point.data_source_id);
}

fn detail_facts(record: &mut Record, details: &GetAccessPointOutput) {
    record.made(details.creation_date());
    let Some(block) = details.public_access_block_configuration() else {
        return;
    };
    record.fact(
        "block_public_access",
        json!({
            "block_public_acls": block.block_public_acls().unwrap_or_default(),
            "ignore_public_acls": block.ignore_public_acls().unwrap_or_default(),
            "block_public_policy": block.block_public_policy().unwrap_or_default(),
            "restrict_public_buckets": block.restrict_public_buckets().unwrap_or_default(),
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3control::types::{NetworkOrigin, VpcConfiguration};

    #[test]
    fn an_access_point_names_its_bucket() {
        let mut record = Record::new(Kind::S3AccessPoint, "p");
        record.account = Some("1".into());
        let network = VpcConfiguration::builder().vpc_id("vpc-1").build().unwrap();
        let point = AccessPoint::builder()
            .name("p")
            .bucket("b")
            .bucket_account_id("2")
            .network_origin(NetworkOrigin::Vpc)
            .vpc_configuration(network)
            .build()
            .unwrap();
        point_facts(&mut record, point, "aws");
        assert_eq!(
            serde_json::to_value(record.attrs).unwrap(),
            json!({"bucket": "arn:aws:s3:::b", "bucket_account": "2", "network_origin": "VPC", "vpc": "vpc-1"})
        );
    }
}
