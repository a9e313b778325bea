//! What the names of events do not tell: made for this program from AWS's documentation (the Service Authorization
//! Reference, the CloudTrail pages of each service, the S3 page "Required permissions for Amazon S3 API operations"), as of
//! 2026-11. That each action is in the embedded catalogue is a test.

/// Services whose prefix in policies is not the first label of their `eventSource`.
pub(super) const PREFIXES: &[(&str, &str)] = &[
    ("appstream2", "appstream"),
    ("application-insights", "applicationinsights"),
    ("chime-sdk-media-pipelines", "chime"),
    ("chime-sdk-voice", "chime"),
    ("cloudcontrolapi", "cloudformation"),
    ("contact-lens", "connect"),
    ("discovery-marketplace", "aws-marketplace"),
    ("email", "ses"),
    ("management-marketplace", "aws-marketplace-management"),
    ("marketplacecatalog", "aws-marketplace"),
    ("migrationhub", "mgh"),
    ("models.lex", "lex"),
    ("monitoring", "cloudwatch"),
    ("mturk-requester", "mechanicalturk"),
    ("opensearchservice", "es"),
    ("participant-connect", "connect"),
    ("pinpoint", "mobiletargeting"),
    ("pricelist", "pricing"),
    ("qconnect", "wisdom"),
    ("rdsdata", "rds-data"),
    ("reporting-marketplace", "aws-marketplace"),
    ("runtime.lex", "lex"),
    ("servicecatalog-appregistry", "servicecatalog"),
    ("streams.dynamodb", "dynamodb"),
    ("tagging", "tag"),
    ("taxconsole", "tax"),
    ("transcribestreaming", "transcribe"),
];

/// Calls whose actions have other names, by prefix and name without date.
pub(super) const RENAMED: &[(&str, &str, &[&str])] = &[
    (
        "dynamodb",
        "BatchExecuteStatement",
        &["PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"],
    ),
    (
        "dynamodb",
        "ExecuteStatement",
        &["PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"],
    ),
    (
        "dynamodb",
        "ExecuteTransaction",
        &["PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"],
    ),
    ("dynamodb", "TransactGetItems", &["GetItem"]),
    (
        "dynamodb",
        "TransactWriteItems",
        &["PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"],
    ),
    ("kms", "ReEncrypt", &["ReEncryptFrom", "ReEncryptTo"]),
    ("lambda", "Invoke", &["InvokeFunction"]),
    ("lambda", "InvokeAsync", &["InvokeAsync"]),
    ("lambda", "InvokeWithResponseStream", &["InvokeFunction"]),
    ("s3", "AbortMultipartUpload", &["AbortMultipartUpload"]),
    ("s3", "CompleteMultipartUpload", &["PutObject"]),
    ("s3", "CopyObject", &["GetObject", "PutObject"]),
    ("s3", "CreateMultipartUpload", &["PutObject"]),
    ("s3", "DeleteBucketCors", &["PutBucketCORS"]),
    ("s3", "DeleteBucketEncryption", &["PutEncryptionConfiguration"]),
    ("s3", "DeleteBucketLifecycle", &["PutLifecycleConfiguration"]),
    (
        "s3",
        "DeleteBucketPublicAccessBlock",
        &["PutBucketPublicAccessBlock"],
    ),
    ("s3", "DeleteBucketReplication", &["PutReplicationConfiguration"]),
    ("s3", "DeleteBucketTagging", &["PutBucketTagging"]),
    ("s3", "DeleteObjects", &["DeleteObject"]),
    (
        "s3",
        "GetAccelerateConfiguration",
        &["GetAccelerateConfiguration"],
    ),
    (
        "s3",
        "GetBucketAccelerateConfiguration",
        &["GetAccelerateConfiguration"],
    ),
    ("s3", "GetBucketCors", &["GetBucketCORS"]),
    ("s3", "GetBucketEncryption", &["GetEncryptionConfiguration"]),
    (
        "s3",
        "GetBucketInventoryConfiguration",
        &["GetInventoryConfiguration"],
    ),
    ("s3", "GetBucketLifecycle", &["GetLifecycleConfiguration"]),
    (
        "s3",
        "GetBucketLifecycleConfiguration",
        &["GetLifecycleConfiguration"],
    ),
    (
        "s3",
        "GetBucketMetricsConfiguration",
        &["GetMetricsConfiguration"],
    ),
    (
        "s3",
        "GetBucketNotificationConfiguration",
        &["GetBucketNotification"],
    ),
    ("s3", "GetBucketReplication", &["GetReplicationConfiguration"]),
    (
        "s3",
        "GetObjectLockConfiguration",
        &["GetBucketObjectLockConfiguration"],
    ),
    ("s3", "GetPublicAccessBlock", &["GetBucketPublicAccessBlock"]),
    ("s3", "HeadBucket", &["ListBucket"]),
    ("s3", "HeadObject", &["GetObject"]),
    ("s3", "ListBuckets", &["ListAllMyBuckets"]),
    ("s3", "ListMultipartUploads", &["ListBucketMultipartUploads"]),
    ("s3", "ListObjectVersions", &["ListBucketVersions"]),
    ("s3", "ListObjects", &["ListBucket"]),
    ("s3", "ListObjectsV2", &["ListBucket"]),
    ("s3", "ListParts", &["ListMultipartUploadParts"]),
    (
        "s3",
        "PutBucketAccelerateConfiguration",
        &["PutAccelerateConfiguration"],
    ),
    ("s3", "PutBucketCors", &["PutBucketCORS"]),
    ("s3", "PutBucketEncryption", &["PutEncryptionConfiguration"]),
    (
        "s3",
        "PutBucketInventoryConfiguration",
        &["PutInventoryConfiguration"],
    ),
    ("s3", "PutBucketLifecycle", &["PutLifecycleConfiguration"]),
    (
        "s3",
        "PutBucketLifecycleConfiguration",
        &["PutLifecycleConfiguration"],
    ),
    (
        "s3",
        "PutBucketMetricsConfiguration",
        &["PutMetricsConfiguration"],
    ),
    (
        "s3",
        "PutBucketNotificationConfiguration",
        &["PutBucketNotification"],
    ),
    ("s3", "PutBucketReplication", &["PutReplicationConfiguration"]),
    (
        "s3",
        "PutObjectLockConfiguration",
        &["PutBucketObjectLockConfiguration"],
    ),
    ("s3", "PutPublicAccessBlock", &["PutBucketPublicAccessBlock"]),
    ("s3", "SelectObjectContent", &["GetObject"]),
    ("s3", "UploadPart", &["PutObject"]),
    ("s3", "UploadPartCopy", &["GetObject", "PutObject"]),
    ("sns", "PublishBatch", &["Publish"]),
    (
        "sqs",
        "ChangeMessageVisibilityBatch",
        &["ChangeMessageVisibility"],
    ),
    ("sqs", "DeleteMessageBatch", &["DeleteMessage"]),
    ("sqs", "SendMessageBatch", &["SendMessage"]),
];

/// Sources whose events are no API calls, so that no policy grants them.
pub(super) const NO_API: &[&str] = &["signin", "sso", "sso-oauth", "console"];

/// Actions that are recorded as *data events* only, which a trail has to be told to keep (CloudTrail User Guide, "Logging
/// data events"). A star stands for all of a service.
pub(super) const DATA: &[(&str, &[&str])] = &[
    ("appsync", &["GraphQL"]),
    (
        "bedrock",
        &[
            "InvokeAgent",
            "InvokeFlow",
            "InvokeInlineAgent",
            "Retrieve",
            "RetrieveAndGenerate",
            "ApplyGuardrail",
        ],
    ),
    ("cassandra", &["Select", "Modify"]),
    (
        "dynamodb",
        &[
            "BatchGetItem",
            "BatchWriteItem",
            "ConditionCheckItem",
            "DeleteItem",
            "GetItem",
            "GetRecords",
            "GetShardIterator",
            "PartiQLDelete",
            "PartiQLInsert",
            "PartiQLSelect",
            "PartiQLUpdate",
            "PutItem",
            "Query",
            "Scan",
            "UpdateItem",
        ],
    ),
    (
        "kinesis",
        &["GetRecords", "PutRecord", "PutRecords", "SubscribeToShard"],
    ),
    ("lambda", &["InvokeFunction", "InvokeFunctionUrl", "InvokeAsync"]),
    ("rds-data", &["*"]),
    (
        "sagemaker",
        &[
            "InvokeEndpoint",
            "InvokeEndpointAsync",
            "InvokeEndpointWithResponseStream",
        ],
    ),
    ("sns", &["Publish"]),
    (
        "sqs",
        &[
            "ChangeMessageVisibility",
            "DeleteMessage",
            "ReceiveMessage",
            "SendMessage",
        ],
    ),
    ("states", &["InvokeHTTPEndpoint"]),
];

/// Actions that no record ever shows: they are checked within other calls.
pub(super) const SILENT: &[&str] = &["iam:PassRole"];
