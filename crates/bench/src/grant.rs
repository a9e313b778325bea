//! What identity policies grant: mostly a few actions on things of the own account, one in ten on everything, one in
//! three under a condition, one in twenty a denial.

use std::ops::Range;

use crate::document::Statement;
use crate::key;
use crate::names::{self, ORGANIZATION, REGIONS, STAGES, TEAMS, WORDS};
use crate::organization::Organization;
use crate::rng::Rng;
use crate::role;
use crate::store::{self, Store};

/// What a statement is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Bucket,
    Table,
    Secret,
    Queue,
    Topic,
    Key,
    Function,
    Logs,
    Parameter,
    Repository,
    Instance,
    Machine,
    Bus,
    Assume,
    Pass,
}

const SUBJECTS: [(About, usize); 15] = [
    (About::Bucket, 22),
    (About::Table, 13),
    (About::Secret, 8),
    (About::Queue, 9),
    (About::Topic, 5),
    (About::Key, 8),
    (About::Function, 6),
    (About::Logs, 8),
    (About::Parameter, 5),
    (About::Repository, 2),
    (About::Instance, 2),
    (About::Machine, 1),
    (About::Bus, 1),
    (About::Assume, 6),
    (About::Pass, 4),
];

/// What is granted on everything.
const EVERYWHERE: [&[&str]; 14] = [
    &["ec2:Describe*"],
    &["cloudwatch:GetMetricData", "cloudwatch:PutMetricData"],
    &["s3:GetBucketLocation", "s3:ListAllMyBuckets"],
    &["logs:*"],
    &["s3:GetObject", "s3:ListBucket"],
    &["kms:Decrypt", "kms:DescribeKey"],
    &["dynamodb:*"],
    &["sts:AssumeRole"],
    &["iam:PassRole"],
    &["secretsmanager:GetSecretValue"],
    &["ssm:Get*"],
    &["sqs:*"],
    &["xray:PutTraceSegments"],
    &["ecr:GetAuthorizationToken"],
];

/// The services that roles are passed to.
const PASSED_TO: [&str; 4] = [
    "ec2.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "lambda.amazonaws.com",
    "states.amazonaws.com",
];

/// The statements of one document: at least one, at most so many.
pub(crate) fn statements(org: &Organization, rng: &mut Rng, account: usize, most: usize) -> Vec<Statement> {
    (0..1 + rng.below(most))
        .map(|at| statement(org, rng, account).sid(format!("S{at}")))
        .collect()
}

fn statement(org: &Organization, rng: &mut Rng, account: usize) -> Statement {
    if rng.percent(10) {
        let actions = rng.pick(&EVERYWHERE);
        let statement = Statement::allow(actions.iter().copied()).on(["*"]);
        return if rng.percent(33) {
            general_condition(rng, statement)
        } else {
            statement
        };
    }
    let about = rng.weighted(&SUBJECTS);
    let (actions, resources) = (actions(rng, about), resources(org, rng, account, about));
    let statement = match rng.below(100) {
        0..5 => {
            let denied = Statement::deny(actions).on(resources);
            return if rng.percent(30) {
                denied.everywhere_but()
            } else {
                denied
            };
        }
        _ => Statement::allow(actions).on(resources),
    };
    if rng.percent(35) {
        condition(rng, about, account, statement)
    } else {
        statement
    }
}

/// A few actions by name, or by pattern.
fn actions(rng: &mut Rng, about: About) -> Vec<&'static str> {
    let named = |rng: &mut Rng, all: &[&'static str; 5], pattern: &'static str, whole: &'static str| match rng
        .below(100)
    {
        0..68 => rng.some(all, 4),
        68..90 => vec![pattern],
        _ => vec![whole],
    };
    #[rustfmt::skip]
    let out = match about {
        About::Bucket => named(rng, &["s3:DeleteObject", "s3:GetObject", "s3:GetObjectTagging", "s3:ListBucket", "s3:PutObject"], "s3:Get*", "s3:*"),
        About::Table => named(rng, &["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"], "dynamodb:Batch*", "dynamodb:*"),
        About::Secret => named(rng, &["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:TagResource"], "secretsmanager:Get*", "secretsmanager:*"),
        About::Queue => named(rng, &["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"], "sqs:Get*", "sqs:*"),
        About::Topic => named(rng, &["sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Publish", "sns:SetTopicAttributes", "sns:Subscribe"], "sns:Get*", "sns:*"),
        About::Key => named(rng, &["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"], "kms:ReEncrypt*", "kms:*"),
        About::Function => named(rng, &["lambda:GetFunction", "lambda:InvokeFunction", "lambda:ListTags", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"], "lambda:Get*", "lambda:*"),
        About::Logs => named(rng, &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents"], "logs:Put*", "logs:*"),
        About::Parameter => named(rng, &["ssm:DeleteParameter", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:PutParameter"], "ssm:GetParameter*", "ssm:*"),
        About::Repository => named(rng, &["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:PutImage"], "ecr:Batch*", "ecr:*"),
        About::Instance => named(rng, &["ec2:CreateTags", "ec2:RebootInstances", "ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances"], "ec2:St*", "ec2:*"),
        About::Machine => vec!["states:StartExecution"],
        About::Bus => vec!["events:PutEvents"],
        About::Assume => vec!["sts:AssumeRole"],
        About::Pass => vec!["iam:PassRole"],
    };
    out
}

/// Mostly of the own account.
fn near(
    org: &Organization,
    rng: &mut Rng,
    account: usize,
    within: fn(&Organization, usize) -> Range<usize>,
) -> Option<usize> {
    let account = if rng.percent(88) {
        account
    } else {
        rng.below(org.accounts)
    };
    let range = within(org, account);
    (!range.is_empty()).then(|| rng.within(&range))
}

fn resources(org: &Organization, rng: &mut Rng, account: usize, about: About) -> Vec<String> {
    let region = rng.pick(&["*", REGIONS[0], REGIONS[1], REGIONS[2]]);
    let (id, team) = (names::account(account), rng.pick(&TEAMS));
    let of_team = |service: &str, kind: &str| vec![format!("arn:aws:{service}:{region}:{id}:{kind}{team}-*")];
    let some = |rng: &mut Rng, store: Store, within| {
        near(org, rng, account, within).map(|number| store::place(org, store, number).arn)
    };
    match about {
        About::Bucket => match (rng.below(100), some(rng, Store::Bucket, store::BUCKETS.within)) {
            (0..55, Some(arn)) => vec![format!("{arn}/*"), arn],
            (55..70, Some(arn)) => vec![format!("{arn}/{}/*", rng.pick(&WORDS))],
            (70..80, Some(arn)) => vec![format!("{arn}/home/${{aws:username}}/*")],
            _ => {
                let stage = rng.pick(&STAGES);
                vec![
                    format!("arn:aws:s3:::{stage}-{team}-*"),
                    format!("arn:aws:s3:::{stage}-{team}-*/*"),
                ]
            }
        },
        About::Table => match (rng.below(100), some(rng, Store::Table, store::TABLES.within)) {
            (0..60, Some(arn)) => vec![format!("{arn}/index/*"), arn],
            (60..78, Some(arn)) => vec![arn],
            _ => of_team("dynamodb", "table/"),
        },
        About::Secret => match (rng.below(100), some(rng, Store::Secret, store::SECRETS.within)) {
            (0..65, Some(arn)) => vec![arn],
            _ => vec![format!("arn:aws:secretsmanager:{region}:{id}:secret:{team}/*")],
        },
        About::Queue => match (rng.below(100), some(rng, Store::Queue, store::QUEUES.within)) {
            (0..70, Some(arn)) => vec![arn],
            _ => of_team("sqs", ""),
        },
        About::Topic => match (rng.below(100), some(rng, Store::Topic, store::TOPICS.within)) {
            (0..70, Some(arn)) => vec![arn],
            _ => of_team("sns", ""),
        },
        About::Key => match (rng.below(100), near(org, rng, account, key::KEYS.within)) {
            (0..65, Some(number)) => vec![key::key(org, number).arn],
            _ => vec![format!("arn:aws:kms:*:{id}:key/*")],
        },
        About::Function => match (
            rng.below(100),
            near(org, rng, account, crate::workload::FUNCTIONS.within),
        ) {
            (0..65, Some(number)) => {
                vec![crate::workload::place(org, sv0_model::kind::Kind::LambdaFunction, number).arn]
            }
            _ => of_team("lambda", "function:"),
        },
        About::Logs => vec![format!("arn:aws:logs:{region}:{id}:log-group:/{team}/*")],
        About::Parameter => vec![format!("arn:aws:ssm:{region}:{id}:parameter/{team}/*")],
        About::Repository => of_team("ecr", "repository/"),
        About::Instance => vec![format!("arn:aws:ec2:{region}:{id}:instance/*")],
        About::Machine => of_team("states", "stateMachine:"),
        About::Bus => of_team("events", "event-bus/"),
        About::Assume => match (rng.below(100), role::any(org, rng, None)) {
            (0..45, Some(other)) => vec![other.arn()],
            (45..75, _) => vec![format!("arn:aws:iam::*:role/{team}-xacct-*")],
            (_, Some(other)) => vec![names::iam(other.account, "role/*")],
            _ => vec![names::iam(account, "role/*")],
        },
        About::Pass => match (rng.below(100), role::any(org, rng, Some(account))) {
            (0..50, Some(own)) => vec![own.arn()],
            _ => vec![names::iam(account, &format!("role/{team}-*"))],
        },
    }
}

/// A condition that fits what the statement is about.
fn condition(rng: &mut Rng, about: About, account: usize, statement: Statement) -> Statement {
    match (about, rng.percent(50)) {
        (About::Table, true) => statement.when(
            "ForAllValues:StringEquals",
            "dynamodb:LeadingKeys",
            ["${aws:PrincipalTag/tenant}"],
        ),
        (About::Key, true) => {
            let service = rng.pick(&["dynamodb", "s3", "secretsmanager", "sqs"]);
            statement.when(
                "StringLike",
                "kms:ViaService",
                [format!("{service}.*.amazonaws.com")],
            )
        }
        (About::Secret | About::Parameter | About::Instance, true) => statement.when(
            "StringEquals",
            "aws:ResourceTag/team",
            ["${aws:PrincipalTag/team}"],
        ),
        (About::Pass, _) => statement.when("StringEquals", "iam:PassedToService", [rng.pick(&PASSED_TO)]),
        (About::Bucket, true) => {
            statement.when("StringEquals", "aws:ResourceAccount", [names::account(account)])
        }
        _ => general_condition(rng, statement),
    }
}

/// A condition that fits everything.
fn general_condition(rng: &mut Rng, statement: Statement) -> Statement {
    match rng.below(100) {
        0..22 => statement.when("StringEquals", "aws:RequestedRegion", rng.some(&REGIONS, 2)),
        22..38 => statement.when("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION]),
        38..50 => statement.when("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "203.0.113.0/24"]),
        50..64 => statement.when("BoolIfExists", "aws:MultiFactorAuthPresent", ["true"]),
        64..78 => statement.when(
            "StringLike",
            "aws:PrincipalArn",
            [format!("arn:aws:iam::*:role/{}-*", rng.pick(&TEAMS))],
        ),
        78..88 => statement.when(
            "StringEqualsIfExists",
            "aws:SourceVpce",
            [format!("vpce-{}", rng.hex(17))],
        ),
        88..94 => statement.when("StringEquals", "aws:PrincipalTag/env", [rng.pick(&STAGES)]),
        _ => statement.when("Bool", "aws:SecureTransport", ["true"]).when(
            "DateLessThan",
            "aws:CurrentTime",
            ["2031-01-01T00:00:00Z"],
        ),
    }
}
