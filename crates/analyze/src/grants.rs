//! Grants of KMS keys: who may use a key for what, and for which data.
//!
//! A grant can hang on the encryption context of the request. The service that encrypts says it, not the caller: S3 the
//! bucket or the object, SQS the queue. So a grant for the context of other data opens nothing here.

use serde_json::Value;
use sv0_model::kind::Kind;
use sv0_model::record::Record;

/// One grant, as the key's record has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant<'a>(&'a Value);

/// How far a grant's constraints let requests for some data through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opens {
    /// There are none.
    Surely,
    /// It hangs on what the request says beside what is known.
    If(String),
    /// They ask for something else.
    No,
}

/// The grants of a key.
pub(crate) fn of(key: &Record) -> impl Iterator<Item = Grant<'_>> {
    let grants = key.attrs.get("grants").and_then(Value::as_array);
    grants.into_iter().flatten().map(Grant)
}

impl<'a> Grant<'a> {
    /// To whom.
    pub(crate) fn grantee(self) -> Option<&'a str> {
        self.0.get("grantee").and_then(Value::as_str)
    }

    /// Whether it is for an operation, such as `kms:Decrypt`.
    pub(crate) fn is_for(self, operation: &str) -> bool {
        let short = operation.split(':').nth(1);
        let operations = self.0.get("operations").and_then(Value::as_array);
        operations.is_some_and(|all| all.iter().any(|one| one.as_str() == short))
    }

    /// Whether it is for some requests only.
    pub(crate) fn is_constrained(self) -> bool {
        let constraints = self.0.get("constraints").and_then(Value::as_object);
        constraints.is_some_and(|constraints| !constraints.is_empty())
    }

    /// How far it opens the data of a resource (KMS API Reference, "GrantConstraints").
    pub(crate) fn opens(self, resource: &Record) -> Opens {
        let Some(constraints) = self.0.get("constraints").and_then(Value::as_object) else {
            return Opens::Surely;
        };
        let mut words = Vec::new();
        for (name, wanted) in constraints {
            let context = name.replace('_', "").to_ascii_lowercase();
            if let ("encryptioncontextequals" | "encryptioncontextsubset", Some(pairs)) =
                (context.as_str(), wanted.as_object())
            {
                let mut pairs = pairs.iter().map(|(key, value)| (key, value.as_str()));
                if pairs.any(|(key, value)| value.is_none_or(|value| contradicts(resource, key, value))) {
                    return Opens::No;
                }
            }
            words.push(format!("{name} {wanted}"));
        }
        if words.is_empty() {
            return Opens::Surely;
        }
        Opens::If(format!(
            "a grant of its key holds only for {}",
            words.join(" and ")
        ))
    }
}

/// Whether the service that encrypts a resource never says this of it. Names of pairs are of any case, values are not. Who
/// puts an object can add pairs of its own to what S3 says, but none that begin with `aws:` (the services' pages on
/// encryption with AWS KMS, "Encryption context").
fn contradicts(resource: &Record, name: &str, wanted: &str) -> bool {
    let id = resource.id.as_str();
    let below = |id: &str| wanted.strip_prefix(id).is_some_and(|rest| rest.starts_with('/'));
    let last = || id.rsplit('/').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    match (resource.kind, name.as_str()) {
        // With a bucket key it is the bucket, without one the object.
        (Kind::S3Bucket, "aws:s3:arn") => wanted != id && !below(id),
        (Kind::SecretsManagerSecret, "secretarn")
        | (Kind::SsmParameter, "parameter_arn")
        | (Kind::SqsQueue, "aws:sqs:arn")
        | (Kind::SnsTopic, "aws:sns:topicarn") => wanted != id,
        (Kind::DynamodbTable, "aws:dynamodb:tablename") => wanted != last(),
        (Kind::DynamodbTable, "aws:dynamodb:subscriberid") => resource
            .account
            .as_deref()
            .is_some_and(|account| account != wanted),
        (_, name) => name.starts_with("aws:"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn opens(kind: Kind, id: &str, constraints: Value) -> Opens {
        let mut resource = Record::new(kind, id);
        resource.account = Some("111111111111".into());
        let grant = json!({"grantee": "arn:aws:iam::111111111111:user/u", "operations": ["Decrypt"], "constraints": constraints});
        Grant(&grant).opens(&resource)
    }

    #[test]
    fn a_grant_opens_what_its_constraints_speak_of() {
        let bucket = |constraints| opens(Kind::S3Bucket, "arn:aws:s3:::data", constraints);
        for (name, context) in [
            ("encryption_context_equals", "arn:aws:s3:::data"),
            ("EncryptionContextSubset", "arn:aws:s3:::data/logs/1"),
        ] {
            let found = bucket(json!({name: {"aws:s3:ARN": context}}));
            assert!(matches!(found, Opens::If(_)), "{name}: {found:?}");
        }
        for context in ["arn:aws:s3:::data-2", "arn:aws:s3:::dat", "arn:aws:s3:::DATA"] {
            let found = bucket(json!({"encryption_context_subset": {"aws:s3:arn": context}}));
            assert_eq!(found, Opens::No, "{context}");
        }
        assert_eq!(bucket(json!({})), Opens::Surely);
        assert_eq!(bucket(Value::Null), Opens::Surely);
        // Whoever puts an object can say more than S3 does.
        let more = bucket(json!({"encryption_context_subset": {"team": "a"}}));
        assert!(matches!(more, Opens::If(_)), "{more:?}");
        let disk = bucket(json!({"encryption_context_subset": {"aws:ebs:id": "vol-1"}}));
        assert_eq!(disk, Opens::No);
    }

    #[test]
    fn each_service_says_what_it_encrypts_in_its_own_way() {
        let queue = "arn:aws:sqs:us-east-1:111111111111:q";
        let table = "arn:aws:dynamodb:us-east-1:111111111111:table/T";
        let one = |kind, id, key: &str, value: &str| {
            opens(kind, id, json!({"encryption_context_subset": {key: value}})) != Opens::No
        };
        assert!(one(Kind::SqsQueue, queue, "aws:sqs:arn", queue));
        assert!(!one(
            Kind::SqsQueue,
            queue,
            "aws:sqs:arn",
            "arn:aws:sqs:us-east-1:111111111111:r"
        ));
        assert!(one(Kind::DynamodbTable, table, "aws:dynamodb:tableName", "T"));
        assert!(!one(Kind::DynamodbTable, table, "aws:dynamodb:tableName", "U"));
        assert!(one(
            Kind::DynamodbTable,
            table,
            "aws:dynamodb:subscriberId",
            "111111111111"
        ));
        assert!(!one(
            Kind::DynamodbTable,
            table,
            "aws:dynamodb:subscriberId",
            "222222222222"
        ));
        assert!(!one(Kind::DynamodbTable, table, "aws:sqs:arn", queue));
    }
}
