//! The least reader policy: the actions of all calls, and explicit denies of all that gives content away.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Features;
use crate::call::Scope;
use crate::registry;

/// One managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// What it is for: the end of its name.
    #[serde(skip)]
    pub purpose: &'static str,
    /// `2012-10-17`.
    #[serde(rename = "Version")]
    pub version: &'static str,
    /// Its statements.
    #[serde(rename = "Statement")]
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// What it is about.
    #[serde(rename = "Sid")]
    pub sid: String,
    /// `Allow` or `Deny`.
    #[serde(rename = "Effect")]
    pub effect: &'static str,
    /// Sorted.
    #[serde(rename = "Action")]
    pub actions: Vec<String>,
    /// What it is limited to.
    #[serde(rename = "Resource", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// What it leaves out.
    #[serde(rename = "NotResource", skip_serializing_if = "Vec::is_empty")]
    pub not_resources: Vec<String>,
}

/// Actions that give away what is in secrets, parameters, objects, tables, images, logs and code. They are denied
/// whatever else the role is given, and no call of sv0 needs them; the exceptions are the logs that a feature reads.
pub const NEVER: &[&str] = &[
    "appconfig:GetConfiguration",
    "appconfig:GetLatestConfiguration",
    "athena:GetQueryResults",
    "athena:GetQueryResultsStream",
    "bedrock:InvokeAgent",
    "bedrock:InvokeModel",
    "cloudformation:GetTemplate",
    "codecommit:GetBlob",
    "codecommit:GetFile",
    "codecommit:GitPull",
    "cognito-idp:DescribeUserPoolClient",
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "dynamodb:GetRecords",
    "dynamodb:PartiQLSelect",
    "dynamodb:Query",
    "dynamodb:Scan",
    "ec2:GetConsoleOutput",
    "ec2:GetConsoleScreenshot",
    "ec2:GetPasswordData",
    "ecr:BatchGetImage",
    "ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer",
    "glue:GetConnection",
    "glue:GetConnections",
    "kinesis:GetRecords",
    "kms:Decrypt",
    "lambda:GetLayerVersion",
    "lambda:InvokeFunction",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:StartQuery",
    "rds-data:ExecuteStatement",
    "rds:DownloadDBLogFilePortion",
    "redshift:GetClusterCredentials",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "sqs:ReceiveMessage",
    "ssm:GetParameter",
    "ssm:GetParameterHistory",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "ssm:StartSession",
    "states:GetExecutionHistory",
    "sts:AssumeRole",
    "sts:GetFederationToken",
];

/// Allowed unless it is denied: see [`Features::deny_function_code`].
const FUNCTION_CODE: &str = "lambda:GetFunction";

/// What IAM lets into one managed policy, blanks not counted (IAM User Guide, "IAM and AWS STS quotas").
const MOST: usize = 6_144;

/// The policies of the role: reading, reading the organization, evidence, and what is denied. Each fits into a managed
/// policy.
#[must_use]
pub fn policies(features: &Features, partition: &str) -> Vec<Policy> {
    let mut all = reading(features);
    let evidence = evidence(features, partition);
    if !evidence.is_empty() {
        all.push(policy("evidence", evidence));
    }
    all.push(policy("never", never(features, partition)));
    all
}

fn policy(purpose: &'static str, statements: Vec<Statement>) -> Policy {
    Policy {
        purpose,
        version: "2012-10-17",
        statements,
    }
}

fn reading(features: &Features) -> Vec<Policy> {
    const PURPOSES: [&str; 6] = ["read", "read-2", "read-3", "read-4", "read-5", "read-6"];
    let actions = |organization: bool| -> BTreeSet<&'static str> {
        registry::SERVICES
            .iter()
            .filter(|service| (service.scope == Scope::Organization) == organization)
            .flat_map(|service| service.calls)
            .flat_map(|call| call.actions)
            .copied()
            .filter(|action| !(features.deny_function_code && *action == FUNCTION_CODE))
            .collect()
    };
    let mut statements: Vec<Statement> = Vec::new();
    // A statement a service would be easier to read and twice as long; a statement a letter would be neither.
    let core: Vec<&str> = actions(false).into_iter().collect();
    for chunk in core.chunks(48) {
        statements.push(allow(format!("Read{}", statements.len() + 1), chunk));
    }
    let organization: Vec<&str> = actions(true).into_iter().collect();
    statements.push(allow("ReadOrganization".into(), &organization));

    let mut all: Vec<Policy> = Vec::new();
    for statement in statements {
        match all.last_mut() {
            Some(last) if size(&last.statements) + size(std::slice::from_ref(&statement)) < MOST - 100 => {
                last.statements.push(statement);
            }
            _ => {
                let purpose = PURPOSES.get(all.len()).copied().unwrap_or("read-more");
                all.push(policy(purpose, vec![statement]));
            }
        }
    }
    all
}

fn allow(sid: String, actions: &[&str]) -> Statement {
    Statement {
        sid,
        effect: "Allow",
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        resources: vec!["*".into()],
        not_resources: Vec::new(),
    }
}

fn size(statements: &[Statement]) -> usize {
    serde_json::to_string(statements).map_or(0, |text| text.len())
}

fn allow_on(sid: &str, actions: &[&str], resources: Vec<String>) -> Statement {
    Statement {
        resources,
        ..allow(sid.into(), actions)
    }
}

fn objects(partition: &str, bucket: &str) -> String {
    format!("arn:{partition}:s3:::{bucket}/*")
}

fn bucket(partition: &str, bucket: &str) -> String {
    format!("arn:{partition}:s3:::{bucket}")
}

fn evidence(features: &Features, partition: &str) -> Vec<Statement> {
    let mut all = Vec::new();
    if !features.trail_buckets.is_empty() {
        let names = &features.trail_buckets;
        all.push(allow_on(
            "ListTrails",
            &["s3:GetBucketLocation", "s3:ListBucket"],
            names.iter().map(|name| bucket(partition, name)).collect(),
        ));
        all.push(allow_on(
            "ReadTrails",
            &["s3:GetObject"],
            names.iter().map(|name| objects(partition, name)).collect(),
        ));
    }
    if let Some(athena) = &features.athena {
        all.push(allow_on(
            "QueryTrails",
            &[
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:GetWorkGroup",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            vec![format!(
                "arn:{partition}:athena:*:*:workgroup/{}",
                athena.workgroup
            )],
        ));
        all.push(allow_on(
            "ReadTrailTables",
            &["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"],
            vec!["*".into()],
        ));
        all.push(allow_on(
            "KeepQueryResults",
            &[
                "s3:AbortMultipartUpload",
                "s3:GetBucketLocation",
                "s3:GetObject",
                "s3:ListBucket",
                "s3:PutObject",
            ],
            vec![
                bucket(partition, &athena.results_bucket),
                objects(partition, &athena.results_bucket),
            ],
        ));
    }
    if let Some(queue) = &features.queue {
        all.push(allow_on(
            "ReceiveEvents",
            &[
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ],
            vec![queue.clone()],
        ));
    }
    if !features.keys.is_empty() {
        all.push(allow_on(
            "DecryptTrails",
            &["kms:Decrypt", "kms:GenerateDataKey"],
            features.keys.clone(),
        ));
    }
    all
}

/// All that is denied, but where a feature needs the very thing: there the deny leaves out what the feature names.
fn never(features: &Features, partition: &str) -> Vec<Statement> {
    let mut exempt: Vec<(Vec<&str>, &str, Vec<String>)> = Vec::new();
    let mut logs: Vec<String> = features
        .trail_buckets
        .iter()
        .map(|name| objects(partition, name))
        .collect();
    if let Some(athena) = &features.athena {
        logs.push(objects(partition, &athena.results_bucket));
        exempt.push((
            vec!["athena:GetQueryResults"],
            "NeverOtherQueries",
            vec![format!(
                "arn:{partition}:athena:*:*:workgroup/{}",
                athena.workgroup
            )],
        ));
    }
    if !logs.is_empty() {
        exempt.push((vec!["s3:GetObject"], "NeverOtherObjects", logs));
    }
    if let Some(queue) = &features.queue {
        exempt.push((
            vec!["sqs:ReceiveMessage"],
            "NeverOtherMessages",
            vec![queue.clone()],
        ));
    }
    if !features.keys.is_empty() {
        exempt.push((vec!["kms:Decrypt"], "NeverOtherKeys", features.keys.clone()));
    }
    let mut left: Vec<&str> = NEVER
        .iter()
        .filter(|action| !exempt.iter().any(|(actions, ..)| actions.contains(action)))
        .copied()
        .collect();
    if features.deny_function_code {
        left.push(FUNCTION_CODE);
        left.sort_unstable();
    }
    let deny = |sid: &str, actions: &[&str]| Statement {
        effect: "Deny",
        ..allow(sid.into(), actions)
    };
    let mut all = vec![deny("NeverContent", &left)];
    // API Gateway has one action for all that can be read: its keys are told apart by resource.
    all.push(Statement {
        resources: vec![
            format!("arn:{partition}:apigateway:*::/apikeys"),
            format!("arn:{partition}:apigateway:*::/apikeys/*"),
        ],
        ..deny("NeverApiKeys", &["apigateway:GET"])
    });
    for (actions, sid, names) in exempt {
        all.push(Statement {
            resources: Vec::new(),
            not_resources: names,
            ..deny(sid, &actions)
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::Athena;
    use super::*;
    use sv0_iam::catalog::Catalog;
    use sv0_model::kind::AccessLevel;

    fn everything() -> Features {
        Features {
            trail_buckets: vec!["trail".into()],
            keys: vec!["arn:aws:kms:us-east-1:1:key/k".into()],
            athena: Some(Athena {
                workgroup: "primary".into(),
                results_bucket: "results".into(),
            }),
            deny_function_code: true,
            queue: Some("arn:aws:sqs:us-east-1:1:q".into()),
        }
    }

    #[test]
    fn every_call_reads_and_exists() {
        let catalog = Catalog::embedded();
        for (_, call) in registry::calls() {
            for action in call.actions {
                // The service authorization reference has one action a verb for API Gateway, and none for GetCallerIdentity's need.
                let Some(found) = catalog.action(action) else {
                    panic!("{}: `{action}` is no action", call.operation)
                };
                if *action != "sts:AssumeRole" {
                    let level = found.access_level();
                    assert!(
                        format!("{level:?}") == format!("{:?}", AccessLevel::List)
                            || format!("{level:?}") == format!("{:?}", AccessLevel::Read),
                        "{action} is of level {level:?}"
                    );
                }
                assert!(
                    !NEVER.contains(action) || *action == "sts:AssumeRole",
                    "{action} gives content away"
                );
            }
            assert!(
                !call.without.is_empty(),
                "{} does not say what it costs to miss it",
                call.operation
            );
        }
    }

    #[test]
    fn what_is_denied_exists_and_each_policy_fits() {
        let catalog = Catalog::embedded();
        for action in NEVER {
            assert!(catalog.action(action).is_some(), "`{action}` is no action");
        }
        for features in [Features::default(), everything()] {
            let all = policies(&features, "aws");
            assert!(all.len() <= 10, "a role has ten managed policies at most");
            for policy in all {
                let text = serde_json::to_string(&policy).unwrap();
                assert!(
                    text.len() <= MOST,
                    "{}: {} characters",
                    policy.purpose,
                    text.len()
                );
            }
        }
    }

    #[test]
    fn a_feature_opens_what_it_names_and_nothing_beside_it() {
        let all = policies(&everything(), "aws");
        let never = &all.last().unwrap().statements;
        let objects = never.iter().find(|s| s.actions == ["s3:GetObject"]).unwrap();
        assert_eq!(
            objects.not_resources,
            ["arn:aws:s3:::trail/*", "arn:aws:s3:::results/*"]
        );
        assert!(!never[0].actions.iter().any(|action| action == "s3:GetObject"));
        let plain = policies(&Features::default(), "aws");
        assert!(
            plain.last().unwrap().statements[0]
                .actions
                .iter()
                .any(|a| a == "s3:GetObject")
        );
    }
}
