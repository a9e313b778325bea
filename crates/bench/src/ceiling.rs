//! What binds from above: SCPs and RCPs, on the root, on units and on single accounts.

use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::document::{Statement, Who, slot};
use crate::names::{ORGANIZATION, REGIONS};
use crate::organization::Organization;
use crate::tree::{self, ROOT, UNITS};

/// A policy that binds from above.
pub(crate) struct Ceiling {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: &'static str,
    of_aws: bool,
    /// Root, units, accounts' ARNs.
    pub(crate) targets: Vec<String>,
    statements: Vec<Statement>,
}

impl Ceiling {
    pub(crate) fn arn(&self) -> String {
        let kind = if self.kind == Kind::Scp {
            "service"
        } else {
            "resource"
        };
        if self.of_aws {
            return format!(
                "arn:aws:organizations::aws:policy/{kind}_control_policy/{}",
                self.id
            );
        }
        tree::arn(&format!(
            "policy/{ORGANIZATION}/{kind}_control_policy/{}",
            self.id
        ))
    }

    pub(crate) fn record(&self) -> Record {
        let mut record = Record::new(self.kind, &self.id);
        record.name = self.name.to_owned();
        record.account = (!self.of_aws).then(Organization::management_account);
        record.attrs.insert("arn", self.arn().into());
        record.attrs.insert("aws_managed", self.of_aws.into());
        record.policies.push(slot(Slot::Document, None, &self.statements));
        for target in &self.targets {
            record.refer(EdgeKind::Constrains, target);
        }
        record
    }
}

/// Every SCP and RCP.
pub(crate) fn all(org: &Organization) -> Vec<Ceiling> {
    let own = |kind, name: &'static str, targets: &[&str], statements: Vec<Statement>| Ceiling {
        kind,
        id: format!("p-{}", org.rng(name, 0).hex(8)),
        name,
        of_aws: false,
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        statements,
    };
    let scp = |name, targets: &[&str], statements| own(Kind::Scp, name, targets, statements);
    let rcp = |name, targets: &[&str], statements| own(Kind::Rcp, name, targets, statements);
    // One account in ten has an SCP of its own.
    let some: Vec<String> = (1..org.accounts)
        .filter(|account| org.rng("own-scp", *account).percent(10))
        .map(tree::account_arn)
        .collect();
    let mut out = full_access(org);
    out.extend([
        scp(
            "DenyLeavingOrganization",
            &[ROOT],
            vec![Statement::deny(["organizations:LeaveOrganization"]).on(["*"])],
        ),
        scp(
            "DenyRootUser",
            &[ROOT],
            vec![Statement::deny(["*"]).on(["*"]).when(
                "StringLike",
                "aws:PrincipalArn",
                ["arn:aws:iam::*:root"],
            )],
        ),
        scp(
            "ProtectTrails",
            &[ROOT],
            vec![
                Statement::deny([
                    "cloudtrail:DeleteTrail",
                    "cloudtrail:StopLogging",
                    "cloudtrail:UpdateTrail",
                ])
                .on(["*"])
                .when(
                    "StringNotLike",
                    "aws:PrincipalArn",
                    ["arn:aws:iam::*:role/infra-*"],
                ),
            ],
        ),
        scp(
            "RegionFence",
            &["ou-bnch-workload", "ou-bnch-sandboxs"],
            vec![
                Statement::deny([
                    "budgets:*",
                    "cloudfront:*",
                    "iam:*",
                    "organizations:*",
                    "route53:*",
                    "s3:*",
                    "sts:*",
                    "support:*",
                ])
                .all_but()
                .on(["*"])
                .when("StringNotEquals", "aws:RequestedRegion", REGIONS)
                .when(
                    "ArnNotLike",
                    "aws:PrincipalArn",
                    [
                        "arn:aws:iam::*:role/OrganizationAccountAccessRole",
                        "arn:aws:iam::*:role/aws-reserved/*",
                    ],
                ),
            ],
        ),
        scp(
            "DenyPublicStorage",
            &["ou-bnch-workload", "ou-bnch-platform"],
            vec![
                Statement::deny([
                    "s3:PutAccountPublicAccessBlock",
                    "s3:PutBucketPublicAccessBlock",
                    "s3:PutBucketAcl",
                ])
                .on(["*"]),
            ],
        ),
        scp(
            "DenyUsers",
            &["ou-bnch-wlprod00", "ou-bnch-wlregula"],
            vec![
                Statement::deny(["iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreateUser"])
                    .on(["*"]),
            ],
        ),
        scp(
            "RequireImdsv2",
            &["ou-bnch-wlprod00"],
            vec![
                Statement::deny(["ec2:RunInstances"])
                    .on(["arn:aws:ec2:*:*:instance/*"])
                    .when("StringNotEquals", "ec2:MetadataHttpTokens", ["required"]),
            ],
        ),
        scp(
            "ProtectKeys",
            &["ou-bnch-wlregula"],
            vec![
                Statement::deny(["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"])
                    .on(["*"])
                    .when("StringNotEquals", "aws:PrincipalTag/team", ["infra"]),
            ],
        ),
        scp(
            "TagsOnCreation",
            &["ou-bnch-wlnonprd"],
            vec![
                Statement::deny(["dynamodb:CreateTable", "ec2:RunInstances", "s3:CreateBucket"])
                    .on(["*"])
                    .when("Null", "aws:RequestTag/team", ["true"]),
            ],
        ),
        // In place of FullAWSAccess: what sandboxes may use at all.
        scp(
            "SandboxServices",
            &["ou-bnch-sandboxs"],
            vec![
                Statement::allow([
                    "dynamodb:*",
                    "ec2:*",
                    "iam:*",
                    "kms:*",
                    "lambda:*",
                    "logs:*",
                    "s3:*",
                    "secretsmanager:*",
                    "sns:*",
                    "sqs:*",
                    "ssm:*",
                    "sts:*",
                ])
                .on(["*"]),
            ],
        ),
        scp(
            "SandboxesReachNoOthers",
            &["ou-bnch-sandboxs"],
            vec![
                Statement::deny([
                    "s3:GetObject",
                    "s3:PutObject",
                    "secretsmanager:GetSecretValue",
                    "sqs:*",
                ])
                .on(["*"])
                .when(
                    "StringNotEquals",
                    "aws:ResourceAccount",
                    ["${aws:PrincipalAccount}"],
                ),
            ],
        ),
        scp(
            "NoDeletion",
            &some.iter().map(String::as_str).collect::<Vec<_>>(),
            vec![
                Statement::deny([
                    "dynamodb:DeleteTable",
                    "kms:ScheduleKeyDeletion",
                    "s3:DeleteBucket",
                    "s3:DeleteObject",
                ])
                .on(["*"]),
            ],
        ),
        rcp(
            "TlsOnly",
            &[ROOT],
            vec![
                Statement::deny(["kms:*", "s3:*", "secretsmanager:*", "sqs:*", "sts:*"])
                    .to(Who::Everyone)
                    .on(["*"])
                    .when("BoolIfExists", "aws:SecureTransport", ["false"]),
            ],
        ),
        rcp(
            "OrganizationPerimeter",
            &["ou-bnch-workload"],
            vec![
                Statement::deny(["kms:*", "s3:*", "secretsmanager:*", "sqs:*"])
                    .to(Who::Everyone)
                    .on(["*"])
                    .when("StringNotEqualsIfExists", "aws:PrincipalOrgID", [ORGANIZATION])
                    .when("BoolIfExists", "aws:PrincipalIsAWSService", ["false"]),
            ],
        ),
        rcp(
            "NoPublicAcls",
            &["ou-bnch-wlregula", "ou-bnch-wlprod00"],
            vec![
                Statement::deny(["s3:PutObjectAcl"])
                    .to(Who::Everyone)
                    .on(["*"])
                    .when(
                        "StringEquals",
                        "s3:x-amz-acl",
                        ["public-read", "public-read-write"],
                    ),
            ],
        ),
    ]);
    out
}

/// What AWS attaches everywhere until it is taken away, as it was from the sandboxes.
fn full_access(org: &Organization) -> Vec<Ceiling> {
    let units = UNITS.iter().map(|(id, _, _)| (*id).to_owned());
    let accounts = (0..org.accounts).map(tree::account_arn);
    let all: Vec<String> = std::iter::once(ROOT.to_owned())
        .chain(units)
        .chain(accounts)
        .collect();
    let but_sandboxes = all
        .iter()
        .filter(|target| *target != "ou-bnch-sandboxs")
        .cloned()
        .collect();
    let anything = Statement::allow(["*"]).on(["*"]);
    vec![
        Ceiling {
            kind: Kind::Scp,
            id: "p-FullAWSAccess".into(),
            name: "FullAWSAccess",
            of_aws: true,
            targets: but_sandboxes,
            statements: vec![anything.clone()],
        },
        Ceiling {
            kind: Kind::Rcp,
            id: "p-RCPFullAWSAccess".into(),
            name: "RCPFullAWSAccess",
            of_aws: true,
            targets: all,
            statements: vec![anything.to(Who::Everyone)],
        },
    ]
}
