//! Amazon S3: buckets, who may read them, and what stands before that.
//!
//! The awkward one: buckets are listed once for the account and asked in their own regions, each fact is a call of its
//! own, "none" is an error of its own each time, and whether a bucket can be public is said in three places.

use aws_sdk_s3::types::{Permission, ServerSideEncryption};
use futures::FutureExt;
use serde_json::{Value, json};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const LIST_BUCKETS: Call = Call {
    operation: "ListBuckets",
    actions: &["s3:ListAllMyBuckets"],
    absent: &[],
    without: "buckets, and who may read them, are not known",
};
pub(crate) const GET_LOCATION: Call = Call {
    operation: "GetBucketLocation",
    actions: &["s3:GetBucketLocation"],
    absent: &["NoSuchBucket"],
    without: "where the bucket is, and so all else about it, is not known",
};
const GET_POLICY: Call = Call {
    operation: "GetBucketPolicy",
    actions: &["s3:GetBucketPolicy"],
    absent: &["NoSuchBucketPolicy", "NoSuchBucket"],
    without: "the bucket's policy is not known: it may let others in, or deny what is shown as allowed",
};
const GET_ACL: Call = Call {
    operation: "GetBucketAcl",
    actions: &["s3:GetBucketAcl"],
    absent: &["NoSuchBucket"],
    without: "the bucket's access control list is not known: it may let others in",
};
const GET_OWNERSHIP: Call = Call {
    operation: "GetBucketOwnershipControls",
    actions: &["s3:GetBucketOwnershipControls"],
    absent: &["OwnershipControlsNotFoundError", "NoSuchBucket"],
    without: "whether the bucket's access control lists count is not known",
};
const GET_BLOCK: Call = Call {
    operation: "GetPublicAccessBlock",
    actions: &["s3:GetBucketPublicAccessBlock"],
    absent: &["NoSuchPublicAccessBlockConfiguration", "NoSuchBucket"],
    without: "whether the bucket blocks public access is not known",
};
const GET_ENCRYPTION: Call = Call {
    operation: "GetBucketEncryption",
    actions: &["s3:GetEncryptionConfiguration"],
    absent: &["ServerSideEncryptionConfigurationNotFoundError", "NoSuchBucket"],
    without: "which key the bucket's objects need is not known: a key policy may deny what is shown as allowed",
};
const GET_TAGGING: Call = Call {
    operation: "GetBucketTagging",
    actions: &["s3:GetBucketTagging"],
    absent: &["NoSuchTagSet", "NoSuchTagSetError", "NoSuchBucket"],
    without: "the bucket's tags, and so its sensitivity, are not known",
};
const GET_NOTIFICATIONS: Call = Call {
    operation: "GetBucketNotificationConfiguration",
    actions: &["s3:GetBucketNotification"],
    absent: &["NoSuchBucket"],
    without: "what the bucket's events start is not known",
};
const GET_ACCOUNT_BLOCK: Call = Call {
    operation: "GetPublicAccessBlock",
    actions: &["s3:GetAccountPublicAccessBlock"],
    absent: &["NoSuchPublicAccessBlockConfiguration"],
    without: "whether the account blocks public access to all its buckets is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "s3",
    title: "Amazon S3",
    clients: &["S3", "S3 Control"],
    scope: Scope::Global,
    reads: "buckets: policy, access control list, object ownership, Block Public Access (bucket and account), default \
            encryption, tags, event notifications",
    calls: &[
        &LIST_BUCKETS,
        &GET_LOCATION,
        &GET_POLICY,
        &GET_ACL,
        &GET_OWNERSHIP,
        &GET_BLOCK,
        &GET_ENCRYPTION,
        &GET_TAGGING,
        &GET_NOTIFICATIONS,
        &GET_ACCOUNT_BLOCK,
    ],
    collect: |cx| collect(cx).boxed(),
};

/// The four switches of Block Public Access, in the order of the API.
type Block = [bool; 4];

async fn collect(cx: &Cx) {
    let client = client_in(cx, cx.region());
    let buckets = cx
        .pages(
            &LIST_BUCKETS,
            None,
            // With a page size the answer tells each bucket's region.
            |token| {
                client
                    .list_buckets()
                    .max_buckets(10_000)
                    .set_continuation_token(token)
                    .send()
            },
            |page| (page.buckets.unwrap_or_default(), page.continuation_token),
        )
        .await;
    let (account_block, unread) = account_block(cx).await;
    let (client, unread) = (&client, unread.as_deref());
    cx.each(buckets, |bucket| async move {
        let name = bucket.name.unwrap_or_default();
        let mut record = Record::of(
            cx,
            Kind::S3Bucket,
            format!("arn:{}:s3:::{name}", cx.partition()),
            name.as_str(),
        );
        record.made(bucket.creation_date.as_ref());
        let region = match bucket.bucket_region.filter(|region| !region.is_empty()) {
            Some(region) => Some(region),
            None => location(cx, client, &mut record).await,
        };
        if let Some(region) = region {
            record.region = Some(region.clone());
            if let Some(unread) = unread {
                record.lacks(unread);
            }
            about(cx, &client_in(cx, &region), &mut record, account_block).await;
        }
        cx.record(record);
    })
    .await;
}

fn client_in(cx: &Cx, region: &str) -> aws_sdk_s3::Client {
    let config = cx.sdk_in(region);
    let config = aws_sdk_s3::config::Builder::from(&config)
        .interceptor(crate::guard::Guard)
        .force_path_style(cx.has_own_endpoint())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

async fn location(cx: &Cx, client: &aws_sdk_s3::Client, record: &mut Record) -> Option<String> {
    let answer = cx
        .call(&GET_LOCATION, Some(&record.id), || {
            client.get_bucket_location().bucket(&record.name).send()
        })
        .await
        .or_lacks(record)?;
    Some(region(&answer))
}

/// The two oldest regions have names of their own here (S3 API Reference, GetBucketLocation).
pub(crate) fn region(answer: &aws_sdk_s3::operation::get_bucket_location::GetBucketLocationOutput) -> String {
    match answer
        .location_constraint
        .as_ref()
        .map_or("", |place| place.as_str())
    {
        "" => "us-east-1".to_owned(),
        "EU" => "eu-west-1".to_owned(),
        region => region.to_owned(),
    }
}

async fn about(cx: &Cx, client: &aws_sdk_s3::Client, record: &mut Record, account_block: Block) {
    let (id, name) = (record.id.clone(), record.name.clone());
    let id = Some(id.as_str());

    let policy = cx
        .call(&GET_POLICY, id, || {
            client.get_bucket_policy().bucket(&name).send()
        })
        .await
        .or_lacks(record);
    if let Some(text) = policy.and_then(|answer| answer.policy) {
        record.policy(Slot::Resource, None, &text);
    }

    let acl = cx
        .call(&GET_ACL, id, || client.get_bucket_acl().bucket(&name).send())
        .await
        .or_lacks(record);
    if let Some(acl) = acl {
        acl_facts(record, &acl);
    }

    let ownership = cx
        .call(&GET_OWNERSHIP, id, || {
            client.get_bucket_ownership_controls().bucket(&name).send()
        })
        .await;
    let unread = matches!(ownership, crate::cx::Answer::Unread(_));
    let rule = ownership
        .or_lacks(record)
        .and_then(|answer| answer.ownership_controls)
        .and_then(|controls| controls.rules.into_iter().next());
    match rule {
        Some(rule) => record.fact("object_ownership", rule.object_ownership.as_str()),
        // What buckets have that are older than the setting (S3 User Guide, "Controlling ownership of objects").
        None if !unread => record.fact("object_ownership", "ObjectWriter"),
        None => {}
    }

    let block = cx
        .call(&GET_BLOCK, id, || {
            client.get_public_access_block().bucket(&name).send()
        })
        .await
        .or_lacks(record)
        .and_then(|answer| answer.public_access_block_configuration)
        .map_or([false; 4], |block| {
            [
                block.block_public_acls,
                block.ignore_public_acls,
                block.block_public_policy,
                block.restrict_public_buckets,
            ]
            .map(Option::unwrap_or_default)
        });
    // The stricter of the two counts (S3 User Guide, "Blocking public access to your Amazon S3 storage").
    let [acls, ignore, policy, restrict]: Block = std::array::from_fn(|i| {
        block.get(i).copied().unwrap_or_default() || account_block.get(i).copied().unwrap_or_default()
    });
    record.fact(
        "block_public_access",
        json!({
            "block_public_acls": acls,
            "ignore_public_acls": ignore,
            "block_public_policy": policy,
            "restrict_public_buckets": restrict,
        }),
    );

    let encryption = cx
        .call(&GET_ENCRYPTION, id, || {
            client.get_bucket_encryption().bucket(&name).send()
        })
        .await
        .or_lacks(record)
        .and_then(|answer| answer.server_side_encryption_configuration)
        .and_then(|configuration| configuration.rules.into_iter().next())
        .and_then(|rule| rule.apply_server_side_encryption_by_default);
    match encryption {
        Some(default) => {
            record.fact("encryption", default.sse_algorithm.as_str());
            let region = record.region.clone().unwrap_or_default();
            let key = default.kms_master_key_id.filter(|key| !key.is_empty());
            match (key, default.sse_algorithm) {
                (Some(key), _) => record.refer(EdgeKind::EncryptedWith, key_in(cx, &region, &key)),
                (None, ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse) => {
                    record.refer(EdgeKind::EncryptedWith, key_in(cx, &region, "alias/aws/s3"));
                }
                (None, _) => {}
            }
        }
        None if record.partial.is_none() => record.fact("encryption", "AES256"),
        None => {}
    }

    let tagging = cx
        .call(&GET_TAGGING, id, || {
            client.get_bucket_tagging().bucket(&name).send()
        })
        .await
        .or_lacks(record);
    let set = tagging.map(|answer| answer.tag_set).unwrap_or_default();
    record.tags = tags(set.into_iter().map(|tag| (tag.key, tag.value)));

    let notifications = cx
        .call(&GET_NOTIFICATIONS, id, || {
            client
                .get_bucket_notification_configuration()
                .bucket(&name)
                .send()
        })
        .await
        .or_lacks(record);
    if let Some(found) = notifications {
        let functions = found.lambda_function_configurations.unwrap_or_default();
        let queues = found.queue_configurations.unwrap_or_default();
        let topics = found.topic_configurations.unwrap_or_default();
        let mut targets: Vec<String> = functions.into_iter().map(|to| to.lambda_function_arn).collect();
        targets.extend(queues.into_iter().map(|to| to.queue_arn));
        targets.extend(topics.into_iter().map(|to| to.topic_arn));
        targets.sort();
        targets.dedup();
        if !targets.is_empty() {
            record.fact("notifications", targets);
        }
        if found.event_bridge_configuration.is_some() {
            record.fact("eventbridge", true);
        }
    }
}

fn key_in(cx: &Cx, region: &str, key: &str) -> String {
    let key = cx.key(key);
    // The key is in the bucket's region, which is not the one that the unit asks.
    key.replacen(&format!(":kms:{}:", cx.region()), &format!(":kms:{region}:"), 1)
}

/// Groups that stand for everyone (S3 User Guide, "Access control list overview").
const EVERYONE: [&str; 2] = [
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
];

fn acl_facts(record: &mut Record, acl: &aws_sdk_s3::operation::get_bucket_acl::GetBucketAclOutput) {
    let owner = acl.owner().and_then(|owner| owner.id()).unwrap_or_default();
    let mut public = false;
    let mut grants: Vec<Value> = Vec::new();
    for grant in acl.grants() {
        let Some(grantee) = grant.grantee() else { continue };
        public |= grantee.uri().is_some_and(|group| EVERYONE.contains(&group));
        let who = grantee.id().or(grantee.email_address()).unwrap_or_default();
        if who != owner && !who.is_empty() {
            let what = grant.permission().map_or("", Permission::as_str);
            grants.push(json!({"grantee": who, "permission": what}));
        }
    }
    grants.sort_by_key(Value::to_string);
    record.fact("acl_public", public);
    if !grants.is_empty() {
        record.fact("acl_grants", grants);
    }
}

/// The account's switches, which count for all its buckets; and what is missing where they could not be read.
async fn account_block(cx: &Cx) -> (Block, Option<String>) {
    let client = client!(cx, aws_sdk_s3control);
    let answer = cx
        .call(&GET_ACCOUNT_BLOCK, None, || {
            client.get_public_access_block().account_id(cx.account()).send()
        })
        .await;
    let unread = match &answer {
        crate::cx::Answer::Unread(what) => Some(what.clone()),
        _ => None,
    };
    let block = answer
        .got()
        .and_then(|answer| answer.public_access_block_configuration)
        .map_or([false; 4], |block| {
            [
                block.block_public_acls,
                block.ignore_public_acls,
                block.block_public_policy,
                block.restrict_public_buckets,
            ]
            .map(Option::unwrap_or_default)
        });
    (block, unread)
}
