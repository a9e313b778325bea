//! Resources of calls, service by service.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::event::Recent;

fn of(source: &str, name: &str, request: &str, resources: &str) -> Vec<String> {
    let record = format!(
        r#"{{"eventID":"e","eventTime":"2026-11-01T00:00:00Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","recipientAccountId":"111111111111","requestParameters":{request},"resources":{resources}}}"#
    );
    let event = Event::read(&mut Scanner::new(record.as_bytes()), &mut Recent::default()).unwrap();
    super::resources(&event)
        .into_iter()
        .map(Cow::into_owned)
        .collect()
}

#[test]
fn the_list_is_believed_first_and_an_object_is_not_its_bucket() {
    let list = r#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/k"},{"accountId":"1","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"}]"#;
    assert_eq!(
        of("s3", "GetObject", r#"{"bucketName":"b","key":"k"}"#, list),
        ["arn:aws:s3:::b/k"]
    );
    let prefix = r#"[{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::b/p/"},{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"}]"#;
    assert_eq!(
        of("s3", "ListObjects", r#"{"bucketName":"b","prefix":"p/"}"#, prefix),
        ["arn:aws:s3:::b"]
    );
    let role = r#"[{"type":"AWS::IAM::SAMLProvider","ARN":"arn:aws:iam::1:saml-provider/x"},{"type":"AWS::IAM::Role","ARN":"arn:aws:iam::1:role/r"}]"#;
    assert_eq!(
        of("sts", "AssumeRoleWithSAML", "null", role),
        ["arn:aws:iam::1:role/r"]
    );
}

#[test]
fn parameters_name_what_the_list_does_not() {
    for (source, name, request, wanted) in [
        (
            "s3",
            "GetObject",
            r#"{"bucketName":"b","key":"a/b"}"#,
            "arn:aws:s3:::b/a/b",
        ),
        (
            "s3",
            "GetBucketPolicy",
            r#"{"bucketName":"b","policy":""}"#,
            "arn:aws:s3:::b",
        ),
        (
            "lambda",
            "GetFunction20150331v2",
            r#"{"functionName":"f"}"#,
            "arn:aws:lambda:eu-west-1:111111111111:function:f",
        ),
        (
            "lambda",
            "Invoke",
            r#"{"functionName":"arn:aws:lambda:us-east-1:2:function:f"}"#,
            "arn:aws:lambda:us-east-1:2:function:f",
        ),
        (
            "secretsmanager",
            "GetSecretValue",
            r#"{"secretId":"a/b"}"#,
            "arn:aws:secretsmanager:eu-west-1:111111111111:secret:a/b",
        ),
        (
            "iam",
            "AttachRolePolicy",
            r#"{"policyArn":"arn:aws:iam::aws:policy/X","roleName":"r"}"#,
            "arn:aws:iam::111111111111:role/r",
        ),
        (
            "ssm",
            "GetParameter",
            r#"{"name":"/a/b","withDecryption":true}"#,
            "arn:aws:ssm:eu-west-1:111111111111:parameter/a/b",
        ),
        (
            "sqs",
            "GetQueueAttributes",
            r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/222222222222/q"}"#,
            "arn:aws:sqs:eu-west-1:222222222222:q",
        ),
        (
            "sts",
            "AssumeRoot",
            r#"{"targetPrincipal":"222222222222"}"#,
            "arn:aws:iam::222222222222:root",
        ),
        (
            "ec2",
            "AuthorizeSecurityGroupIngress",
            r#"{"groupId":"sg-1"}"#,
            "arn:aws:ec2:eu-west-1:111111111111:security-group/sg-1",
        ),
        (
            "inspector2",
            "TagResource",
            r#"{"resourceArn":"arn:aws:inspector2:eu-west-1:1:x","tags":{}}"#,
            "arn:aws:inspector2:eu-west-1:1:x",
        ),
        ("glue", "CreateJob", r#"{"roleArn":"arn:aws:iam::1:role/r"}"#, "*"),
        (
            "ec2",
            "DescribeInstances",
            r#"{"instancesSet":{"items":[{"instanceId":"i-1"}]}}"#,
            "*",
        ),
        (
            "lambda",
            "Invoke",
            r#"{"functionName":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
            "*",
        ),
        ("sts", "GetCallerIdentity", "null", "*"),
    ] {
        assert_eq!(of(source, name, request, "null"), [wanted], "{source} {name}");
    }
}

#[test]
fn some_calls_are_on_many() {
    let instances = r#"{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]},"force":false}"#;
    assert_eq!(of("ec2", "StopInstances", instances, "null").len(), 2);
    let batch = r#"{"requestItems":{"Orders":{"keys":[]},"arn:aws:dynamodb:eu-west-1:1:table/Other":{}}}"#;
    assert_eq!(
        of("dynamodb", "BatchGetItem", batch, "null"),
        [
            "arn:aws:dynamodb:eu-west-1:111111111111:table/Orders",
            "arn:aws:dynamodb:eu-west-1:1:table/Other"
        ]
    );
}

#[test]
fn the_rows_of_the_table_are_in_order() {
    assert!(ROWS.is_sorted_by_key(|row| row.service));
}
