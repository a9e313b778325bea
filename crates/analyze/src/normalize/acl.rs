//! The access control list of a bucket that lets everyone in, as the resource policy that it amounts to.
//!
//! A record says that a list is for everyone, and not what it grants: reading is by far the commonest, so reading the list of
//! objects is what is told, on the condition that it is that. Objects have lists of their own, which nobody collects.

use serde_json::{Value, json};
use sv0_model::kind::{Kind, Slot};
use sv0_model::record::{PolicySlot, PolicyText, Record};

/// Stands for what the list grants to everyone. No request carries it, so nobody knows its value.
pub(crate) const GRANT: &str = "sv0:AclGrantToEveryone";

/// What people call a list.
const NAME: &str = "access control list";

/// Whether a document is no document of AWS's, but made from a list.
pub(crate) fn is_list(slot: &PolicySlot) -> bool {
    slot.name.as_deref().is_some_and(|name| name.starts_with(NAME))
}

/// Adds the policy to a bucket's own. It comes last.
pub(super) fn as_policy(record: &mut Record) {
    if !counts(record) || record.policies.iter().any(is_list) {
        return;
    }
    // Within the account what counts are the policies of users and roles, and the bucket policy (S3 User Guide, "How Amazon S3
    // authorizes a request for a bucket operation").
    let mut condition = json!({"StringEquals": {GRANT: "READ"}});
    if let (Some(owner), Some(all)) = (&record.account, condition.as_object_mut()) {
        all.insert(
            "StringNotEquals".to_owned(),
            json!({"aws:PrincipalAccount": owner}),
        );
    }
    // S3 User Guide, "Access control list (ACL) overview": mapping of ACL permissions and access policy permissions.
    let document = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
        "Resource": record.id,
        "Condition": condition,
    }]});
    record.policies.push(PolicySlot {
        slot: Slot::Resource,
        name: Some(format!("{NAME} of {}", record.name)),
        document: PolicyText::new(document.to_string()),
    });
}

/// Whether a bucket's list is for everyone and nothing switches it off. Where `RestrictPublicBuckets` is on the evaluator
/// would take the list for a public policy, which it is not; the list is left out then.
fn counts(record: &Record) -> bool {
    let on = |name: &str| {
        let block = record.attrs.get("block_public_access");
        block.and_then(|block| block.get(name)).and_then(Value::as_bool) == Some(true)
    };
    let blocked = [
        "ignore_public_acls",
        "IgnorePublicAcls",
        "restrict_public_buckets",
        "RestrictPublicBuckets",
    ];
    let ownership = record.attrs.get("object_ownership").and_then(Value::as_str);
    record.kind == Kind::S3Bucket
        && record.attrs.get("acl_public").and_then(Value::as_bool) == Some(true)
        && ownership != Some("BucketOwnerEnforced")
        && !blocked.into_iter().any(on)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

    use super::*;

    fn made(attrs: Value) -> usize {
        let mut record = Record::new(Kind::S3Bucket, "arn:aws:s3:::b");
        for (key, value) in attrs.as_object().unwrap() {
            record.attrs.insert(key.as_str(), value.clone());
        }
        as_policy(&mut record);
        as_policy(&mut record);
        record.policies.len()
    }

    #[test]
    fn a_list_counts_where_nothing_switches_it_off() {
        assert_eq!(made(json!({"acl_public": true})), 1);
        assert_eq!(
            made(json!({"acl_public": true, "object_ownership": "BucketOwnerPreferred"})),
            1
        );
        assert_eq!(made(json!({"acl_public": false})), 0);
        assert_eq!(made(json!({})), 0);
        assert_eq!(
            made(json!({"acl_public": true, "object_ownership": "BucketOwnerEnforced"})),
            0
        );
        let block = json!({"acl_public": true, "block_public_access": {"ignore_public_acls": true}});
        assert_eq!(made(block), 0);
        let off = json!({"acl_public": true, "block_public_access": {"ignore_public_acls": false}});
        assert_eq!(made(off), 1);
    }
}
