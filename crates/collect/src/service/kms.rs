//! AWS KMS: keys, their policies and grants.
//!
//! Keys are asked for by ARN and never by alias: describing the alias of an AWS managed key that does not exist yet
//! makes the key.

use std::collections::BTreeMap;

use aws_sdk_kms::types::{GrantConstraints, GrantListEntry, KeyManagerType, KeyMetadata, KeyUsageType};
use futures::FutureExt;
use serde_json::{Map, Value};
use sv0_model::kind::{Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::{Answer, Cx};
use crate::text::{RecordExt, tags};

const LIST_KEYS: Call = Call {
    operation: "ListKeys",
    actions: &["kms:ListKeys"],
    absent: &[],
    without: "keys, and who may decrypt with them, are not known there",
};
const LIST_ALIASES: Call = Call {
    operation: "ListAliases",
    actions: &["kms:ListAliases"],
    absent: &[],
    without: "what keys are called is not known, and so not which key encrypts what names one by alias",
};
const DESCRIBE_KEY: Call = Call {
    operation: "DescribeKey",
    actions: &["kms:DescribeKey"],
    absent: &["NotFoundException"],
    without: "whether the key is enabled, and whether AWS manages it, is not known",
};
const GET_KEY_POLICY: Call = Call {
    operation: "GetKeyPolicy",
    actions: &["kms:GetKeyPolicy"],
    // Every key has one.
    absent: &[],
    without: "the key's policy is not known: who may decrypt with it cannot be told",
};
const LIST_GRANTS: Call = Call {
    operation: "ListGrants",
    actions: &["kms:ListGrants"],
    absent: &["NotFoundException"],
    without: "the key's grants are not known: others may decrypt with it who are not shown",
};
const GET_ROTATION: Call = Call {
    operation: "GetKeyRotationStatus",
    actions: &["kms:GetKeyRotationStatus"],
    // Keys that KMS cannot rotate: asymmetric, imported, in a store of the customer's, or about to be deleted.
    absent: &[
        "NotFoundException",
        "UnsupportedOperationException",
        "KMSInvalidStateException",
    ],
    without: "whether the key is rotated is not known",
};
const LIST_TAGS: Call = Call {
    operation: "ListResourceTags",
    actions: &["kms:ListResourceTags"],
    absent: &["NotFoundException"],
    without: "the key's tags, and so conditions on tags, are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "kms",
    title: "AWS KMS",
    clients: &["KMS"],
    scope: Scope::Regional,
    reads: "keys, those that AWS manages too: policy, grants, aliases, state, rotation, tags",
    calls: &[
        &LIST_KEYS,
        &LIST_ALIASES,
        &DESCRIBE_KEY,
        &GET_KEY_POLICY,
        &LIST_GRANTS,
        &GET_ROTATION,
        &LIST_TAGS,
    ],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_kms::Client;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_kms);
    let keys = cx
        .pages(
            &LIST_KEYS,
            None,
            |marker| client.list_keys().limit(1000).set_marker(marker).send(),
            |page| (page.keys.unwrap_or_default(), page.next_marker),
        )
        .await
        .items;
    if keys.is_empty() {
        return;
    }
    let aliases = cx
        .pages(
            &LIST_ALIASES,
            None,
            |marker| client.list_aliases().limit(100).set_marker(marker).send(),
            |page| (page.aliases.unwrap_or_default(), page.next_marker),
        )
        .await;
    let unread = aliases.unread;
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for alias in aliases.items {
        // Aliases of AWS's own that have no key yet point nowhere.
        if let (Some(name), Some(key)) = (alias.alias_name, alias.target_key_id) {
            names.entry(key).or_default().push(name);
        }
    }
    let (names, unread, client) = (&names, unread.as_deref(), &client);
    cx.each(keys, |key| async move {
        let (Some(key_id), Some(arn)) = (key.key_id, key.key_arn) else {
            return;
        };
        let mut aliases = names.get(&key_id).cloned().unwrap_or_default();
        aliases.sort();
        let name = aliases.first().unwrap_or(&key_id).clone();
        let mut record = Record::of(cx, Kind::KmsKey, arn.as_str(), name);
        match unread {
            Some(unread) => record.lacks(unread),
            None => record.fact("aliases", aliases),
        }
        about(cx, client, &mut record).await;
        cx.record(record);
    })
    .await;
}

async fn about(cx: &Cx, client: &Client, record: &mut Record) {
    let id = record.id.clone();
    let described = cx
        .call(&DESCRIBE_KEY, Some(&id), || {
            client.describe_key().key_id(&id).send()
        })
        .await
        .or_lacks(record)
        .and_then(|answer| answer.key_metadata);
    let is_of_aws = described.is_some_and(|key| key_facts(record, key));

    let policy = cx
        .call(&GET_KEY_POLICY, Some(&id), || {
            client.get_key_policy().key_id(&id).policy_name("default").send()
        })
        .await
        .or_lacks(record);
    if let Some(text) = policy.and_then(|answer| answer.policy) {
        record.policy(Slot::Key, None, &text);
    }

    let grants = cx
        .pages(
            &LIST_GRANTS,
            Some(&id),
            |marker| {
                client
                    .list_grants()
                    .key_id(&id)
                    .limit(100)
                    .set_marker(marker)
                    .send()
            },
            |page| (page.grants.unwrap_or_default(), page.next_marker),
        )
        .await;
    let known = grants.unread.is_none();
    let mut grants: Vec<Value> = grants.or_lacks(record).into_iter().map(grant).collect();
    if known || !grants.is_empty() {
        grants.sort_by_key(Value::to_string);
        record.fact("grants", grants);
    }

    if is_of_aws {
        // AWS rotates its own each year, and they have no tags (KMS Developer Guide, "AWS managed keys").
        record.fact("rotation", true);
        return;
    }
    let rotation = cx
        .call(&GET_ROTATION, Some(&id), || {
            client.get_key_rotation_status().key_id(&id).send()
        })
        .await;
    match rotation {
        Answer::Got(rotation) => record.fact("rotation", rotation.key_rotation_enabled),
        Answer::Absent => record.fact("rotation", false),
        Answer::Unread(what) => record.lacks(&what),
    }
    let found = cx
        .pages(
            &LIST_TAGS,
            Some(&id),
            |marker| {
                client
                    .list_resource_tags()
                    .key_id(&id)
                    .limit(50)
                    .set_marker(marker)
                    .send()
            },
            |page| (page.tags.unwrap_or_default(), page.next_marker),
        )
        .await
        .or_lacks(record);
    record.tags = tags(found.into_iter().map(|tag| (tag.tag_key, tag.tag_value)));
}

/// Whether AWS manages the key.
fn key_facts(record: &mut Record, key: KeyMetadata) -> bool {
    record.made(key.creation_date.as_ref());
    let is_of_aws = key.key_manager == Some(KeyManagerType::Aws);
    record.fact("description", key.description.unwrap_or_default());
    record.fact_if(
        "manager",
        key.key_manager.map(|manager| manager.as_str().to_owned()),
    );
    record.fact_if("state", key.key_state.map(|state| state.as_str().to_owned()));
    let other = key
        .key_usage
        .filter(|usage| *usage != KeyUsageType::EncryptDecrypt);
    record.fact_if("usage", other.map(|usage| usage.as_str().to_owned()));
    if key.multi_region == Some(true) {
        record.fact("multi_region", true);
    }
    is_of_aws
}

fn grant(grant: GrantListEntry) -> Value {
    let mut fact = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            fact.insert(key.to_owned(), value);
        }
    };
    let grantee = grant.grantee_principal.or(grant.grantee_service_principal);
    let retiring = grant.retiring_principal.or(grant.retiring_service_principal);
    put("grantee", grantee.map(Value::from));
    put(
        "retiring",
        retiring.filter(|name| !name.is_empty()).map(Value::from),
    );
    put(
        "name",
        grant.name.filter(|name| !name.is_empty()).map(Value::from),
    );
    let mut operations: Vec<String> = grant
        .operations
        .unwrap_or_default()
        .into_iter()
        .map(|operation| operation.as_str().to_owned())
        .collect();
    operations.sort();
    put("operations", Some(operations.into()));
    put("constraints", grant.constraints.and_then(constraints));
    Value::Object(fact)
}

/// An encryption context is no secret: it goes to the logs in plain text (KMS Developer Guide, "Encryption context").
fn constraints(constraints: GrantConstraints) -> Option<Value> {
    let mut fact = Map::new();
    let mut put = |key: &str, context: Option<std::collections::HashMap<String, String>>| {
        if let Some(context) = context.filter(|context| !context.is_empty()) {
            let pairs = context.into_iter().map(|(key, value)| (key, Value::from(value)));
            fact.insert(
                key.to_owned(),
                Value::from_iter(pairs.collect::<BTreeMap<_, _>>()),
            );
        }
    };
    put("encryption_context_equals", constraints.encryption_context_equals);
    put("encryption_context_subset", constraints.encryption_context_subset);
    if let Some(source) = constraints.source_arn.filter(|source| !source.is_empty()) {
        fact.insert("source_arn".to_owned(), source.into());
    }
    (!fact.is_empty()).then_some(Value::Object(fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_kms::types::{GrantOperation, KeyState};
    use serde_json::json;

    #[test]
    fn a_grant_says_who_may_do_what_and_when() {
        let entry = GrantListEntry::builder()
            .name("n")
            .grantee_principal("arn:r")
            .operations(GrantOperation::GenerateDataKey)
            .operations(GrantOperation::Decrypt)
            .constraints(
                GrantConstraints::builder()
                    .encryption_context_equals("app", "x")
                    .build(),
            )
            .build();
        assert_eq!(
            grant(entry),
            json!({
                "grantee": "arn:r", "name": "n", "operations": ["Decrypt", "GenerateDataKey"],
                "constraints": {"encryption_context_equals": {"app": "x"}},
            })
        );
        let empty = GrantListEntry::builder()
            .name("")
            .constraints(GrantConstraints::builder().build())
            .build();
        assert_eq!(grant(empty), json!({"operations": []}));
    }

    #[test]
    fn keys_of_aws_are_told_apart() {
        let mut record = Record::new(Kind::KmsKey, "k");
        let key = KeyMetadata::builder()
            .key_id("k")
            .key_manager(KeyManagerType::Aws)
            .key_state(KeyState::Enabled)
            .key_usage(KeyUsageType::EncryptDecrypt)
            .build()
            .unwrap();
        assert!(key_facts(&mut record, key));
        assert_eq!(
            serde_json::to_value(&record.attrs).unwrap(),
            json!({"description": "", "manager": "AWS", "state": "Enabled"})
        );
    }
}
