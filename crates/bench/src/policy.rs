//! Customer managed policies: those that the platform rolls out to every account with one text, and those of teams.

use sv0_model::kind::{Kind, Slot};
use sv0_model::record::Record;

use crate::account::entity;
use crate::document::{Statement, slot};
use crate::grant;
use crate::names::{self, REGIONS};
use crate::organization::{Family, Organization};
use crate::rng::Rng;

/// Baseline, baseline, boundary, boundary.
const ROLLED_OUT: [&str; 4] = [
    "platform-logging",
    "platform-metrics",
    "boundary-standard",
    "boundary-services",
];

pub(crate) const PLATFORM: Family = Family {
    kind: Kind::IamPolicy,
    within: |_, account| account * ROLLED_OUT.len()..(account + 1) * ROLLED_OUT.len(),
    id: |_, number| Some(rolled_out(number).0),
    record: |org, number| {
        let (id, name, account) = rolled_out(number);
        record(org, id, name, account, number, &text(name))
    },
};

pub(crate) const CUSTOM: Family = Family {
    kind: Kind::IamPolicy,
    within: |org, account| org.policies.range(account),
    id: |org, number| Some(custom(org, number).0),
    record: |org, number| {
        let (id, name) = custom(org, number);
        let account = org.policies.account(number);
        let mut rng = org.rng("policy-text", number);
        let most = rng.weighted(&[(3, 50), (6, 40), (14, 10)]);
        let statements = grant::statements(org, &mut rng, account, most);
        record(org, id, &name, account, number, &statements)
    },
};

fn record(
    org: &Organization,
    id: String,
    name: &str,
    account: usize,
    number: usize,
    statements: &[Statement],
) -> Record {
    let mut record = entity(org, Kind::IamPolicy, id, name, account, number);
    record.attrs.insert("attachable", true.into());
    record.attrs.insert("default_version", "v1".into());
    record.policies.push(slot(Slot::Document, None, statements));
    record
}

fn rolled_out(number: usize) -> (String, &'static str, usize) {
    let account = number / ROLLED_OUT.len();
    let name = ROLLED_OUT
        .get(number % ROLLED_OUT.len())
        .copied()
        .unwrap_or("platform");
    (names::iam(account, &format!("policy/{name}")), name, account)
}

fn custom(org: &Organization, number: usize) -> (String, String) {
    let thing = names::thing(&mut org.rng("policy", number), number);
    let account = org.policies.account(number);
    (names::iam(account, &format!("policy/{thing}")), thing)
}

/// The baseline that most roles have.
pub(crate) fn platform(rng: &mut Rng, account: usize) -> Vec<String> {
    let mut names = vec!["platform-logging"];
    if rng.percent(60) {
        names.push("platform-metrics");
    }
    names
        .iter()
        .map(|name| names::iam(account, &format!("policy/{name}")))
        .collect()
}

pub(crate) fn boundary(rng: &mut Rng, account: usize) -> String {
    let name = rng.pick(&["boundary-standard", "boundary-services"]);
    names::iam(account, &format!("policy/{name}"))
}

/// A policy of a team in an account, the first ones more often.
pub(crate) fn of_account(org: &Organization, rng: &mut Rng, account: usize) -> Option<String> {
    let range = org.policies.range(account);
    let most = if rng.percent(50) {
        range.len().div_ceil(5)
    } else {
        range.len()
    };
    (!range.is_empty()).then(|| custom(org, range.start + rng.below(most)).0)
}

fn text(name: &str) -> Vec<Statement> {
    match name {
        "platform-logging" => vec![
            Statement::allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
                .sid("Logs")
                .on(["arn:aws:logs:*:*:log-group:/platform/*"]),
            Statement::allow(["kms:Decrypt"])
                .sid("ThroughLogs")
                .on(["arn:aws:kms:*:*:key/*"])
                .when("StringLike", "kms:ViaService", ["logs.*.amazonaws.com"]),
        ],
        "platform-metrics" => vec![
            Statement::allow(["cloudwatch:PutMetricData"])
                .sid("Metrics")
                .on(["*"])
                .when("StringEquals", "cloudwatch:namespace", ["Platform"]),
        ],
        "boundary-standard" => vec![
            Statement::allow(["*"]).sid("Anything").on(["*"]),
            Statement::deny([
                "iam:*PermissionsBoundary",
                "iam:CreateUser",
                "organizations:*",
                "s3:DeleteBucket*",
            ])
            .sid("But")
            .on(["*"]),
        ],
        // Not IAM, not KMS, not Secrets Manager.
        _ => vec![
            Statement::allow([
                "dynamodb:*",
                "ec2:*",
                "ecr:*",
                "events:*",
                "lambda:*",
                "logs:*",
                "s3:*",
                "sns:*",
                "sqs:*",
                "ssm:*",
                "sts:*",
            ])
            .sid("InOurRegions")
            .on(["*"])
            .when("StringEqualsIfExists", "aws:RequestedRegion", REGIONS),
        ],
    }
}
