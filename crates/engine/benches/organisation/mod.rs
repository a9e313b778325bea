//! An invented organisation of any size, the same for the same seed: a few policies that most roles share, a long tail of
//! inline ones, conditions in a third of the statements, three levels of SCPs, buckets with policies, boundaries.

#![allow(
    dead_code,
    reason = "each bench that includes this file uses its own part of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench that cannot be set up says where"
)]

use std::sync::Arc;

use serde_json::{Value, json};
use sv0_engine::compiled::{Library, PolicyId};
use sv0_engine::index::{Builder, NewPrincipal, Population};
use sv0_iam::condition::Context;
use sv0_iam::managed;
use sv0_iam::name::Caller;
use sv0_iam::syntax::{Flavor, Policy, parse};

/// SplitMix64: enough to draw lots.
#[derive(Debug, Clone)]
pub(crate) struct Lots(u64);

impl Lots {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }

    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

const MANAGED: &[&str] = &[
    "ReadOnlyAccess",
    "AmazonSSMManagedInstanceCore",
    "CloudWatchAgentServerPolicy",
    "AmazonS3ReadOnlyAccess",
    "AmazonEC2ReadOnlyAccess",
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
    "AmazonECS_FullAccess",
    "AmazonDynamoDBReadOnlyAccess",
    "AmazonSQSFullAccess",
    "SecurityAudit",
    "job-function/ViewOnlyAccess",
    "AWSXRayDaemonWriteAccess",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryReadOnly",
];
pub(crate) const ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:GetObjectTagging",
    "s3:PutObjectAcl",
    "s3:GetObjectVersion",
    "s3:AbortMultipartUpload",
    "s3:RestoreObject",
];
const OTHER_ACTIONS: &[&str] = &[
    "s3:Get*",
    "s3:List*",
    "s3:*",
    "kms:Decrypt",
    "kms:*",
    "dynamodb:GetItem",
    "dynamodb:*Item",
    "sqs:SendMessage",
    "sqs:*",
    "ec2:Describe*",
    "logs:*",
    "logs:PutLogEvents",
    "sns:Publish",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter*",
    "lambda:InvokeFunction",
    "iam:PassRole",
    "sts:AssumeRole",
    "cloudwatch:PutMetricData",
    "ecr:*",
];
const ORGANISATION: &str = "o-exampleorgid";

/// A policy document.
pub(crate) fn document(statements: Value, flavor: Flavor) -> Arc<Policy> {
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    Arc::new(parse(&text, flavor).0.expect("a policy"))
}

fn managed_policy(name: &str) -> Arc<Policy> {
    let found = managed::document(&format!("arn:aws:iam::aws:policy/{name}")).expect(name);
    Arc::new(parse(&found.document, Flavor::Identity).0.expect("a policy"))
}

pub(crate) fn account(number: usize) -> String {
    format!("{:012}", 100_000_000_000_u64 + 7_919 * number as u64)
}

pub(crate) fn bucket(number: usize) -> String {
    format!("acme-data-{number:04}")
}

/// A principal and what it has.
pub(crate) struct Member {
    pub(crate) caller: Caller,
    pub(crate) context: Context,
    pub(crate) identity: Vec<Arc<Policy>>,
    pub(crate) boundary: Option<Arc<Policy>>,
    /// Of the organisation; somebody of a foreign account has none, and nothing is known of its policies.
    pub(crate) account: Option<usize>,
}

/// The organisation.
pub(crate) struct Organisation {
    pub(crate) members: Vec<Member>,
    /// By account: SCPs, root first.
    pub(crate) scps: Vec<Vec<Vec<Arc<Policy>>>>,
    pub(crate) rcps: Vec<Vec<Arc<Policy>>>,
    /// By bucket.
    pub(crate) bucket_policies: Vec<Arc<Policy>>,
    pub(crate) accounts: usize,
}

fn condition(lots: &mut Lots) -> Value {
    match lots.below(7) {
        0 => json!({ "StringEquals": { "aws:PrincipalOrgID": ORGANISATION } }),
        1 => json!({ "IpAddress": { "aws:SourceIp": ["203.0.113.0/24", "198.51.100.0/24"] } }),
        2 => json!({ "StringEquals": { "aws:RequestedRegion": ["eu-west-1", "us-east-1"] } }),
        3 => json!({ "Bool": { "aws:SecureTransport": "true" } }),
        4 => json!({ "StringEquals": { "aws:PrincipalTag/team": ["data", "web"] } }),
        5 => json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/app/*" } }),
        _ => json!({ "StringLike": { "s3:prefix": ["", "home/*"] } }),
    }
}

/// A statement on a bucket, or on something else.
fn statement(lots: &mut Lots, buckets: usize, deny: usize) -> Value {
    let actions: Vec<&str> = (0..1 + lots.below(5)).map(|_| *lots.one(OTHER_ACTIONS)).collect();
    let resources: Vec<String> = match lots.below(10) {
        0 => vec!["*".to_owned()],
        1 => vec!["arn:aws:dynamodb:*:*:table/orders-*".to_owned()],
        2 => vec![format!(
            "arn:aws:s3:::{}/${{aws:PrincipalTag/team}}/*",
            bucket(lots.below(buckets))
        )],
        3 => vec!["arn:aws:s3:::acme-logs-*/*".to_owned()],
        _ => (0..1 + lots.below(2))
            .flat_map(|_| {
                let bucket = bucket(lots.below(buckets));
                [
                    format!("arn:aws:s3:::{bucket}"),
                    format!("arn:aws:s3:::{bucket}/*"),
                ]
            })
            .collect(),
    };
    let mut out = json!({
        "Effect": if lots.percent(deny) { "Deny" } else { "Allow" },
        "Action": actions,
        "Resource": resources,
    });
    if lots.percent(33) {
        out["Condition"] = condition(lots);
    }
    out
}

fn statements(lots: &mut Lots, count: usize, buckets: usize) -> Value {
    (0..count).map(|_| statement(lots, buckets, 8)).collect()
}

/// What sv0's `facts` say of a role.
fn context(lots: &mut Lots, caller: &Caller, account: &str) -> Context {
    let mut context = Context::open();
    for key in [
        "aws:CalledVia",
        "aws:CalledViaFirst",
        "aws:CalledViaLast",
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList",
        "aws:SourceArn",
        "aws:SourceAccount",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
        "kms:ViaService",
        "aws:username",
    ] {
        context.set_absent(key);
    }
    context.set("aws:ViaAWSService", "false");
    context.set("aws:SecureTransport", "true");
    context.set("aws:PrincipalIsAWSService", "false");
    context.set("aws:PrincipalOrgID", ORGANISATION);
    context.set_many(
        "aws:PrincipalOrgPaths",
        vec![format!("{ORGANISATION}/r-root/ou-root-{}/", &account[10..])],
    );
    context.set("aws:PrincipalAccount", account);
    context.set("kms:CallerAccount", account);
    context.set("aws:PrincipalType", "AssumedRole");
    context.set("aws:PrincipalArn", caller.id.as_str());
    context.set_unknown("aws:TokenIssueTime", false);
    context.set_unknown("aws:userid", false);
    context.set(
        "aws:PrincipalTag/team",
        *lots.one(&["data", "web", "mobile", "platform", "research"]),
    );
    context.set("aws:PrincipalTag/stage", *lots.one(&["prod", "test", "dev"]));
    if lots.percent(50) {
        context.set(
            "aws:PrincipalTag/cost-center",
            format!("cc-{:05}", lots.below(400)),
        );
    }
    context.close_prefix("aws:PrincipalTag");
    context
}

/// Somebody of another organisation's account.
fn foreign(account: &str) -> Member {
    let mut context = Context::open();
    context.set_absent("aws:SourceArn");
    context.set("aws:SecureTransport", "true");
    context.set("aws:PrincipalIsAWSService", "false");
    context.set("aws:PrincipalOrgID", "(another organization or none)");
    context.set("aws:PrincipalAccount", account);
    let caller = Caller::parse(account);
    Member {
        caller,
        context,
        identity: Vec::new(),
        boundary: None,
        account: None,
    }
}

impl Organisation {
    /// An organisation of this many principals; a fiftieth as many buckets, but 200 at least.
    pub(crate) fn new(principals: usize) -> Self {
        let mut lots = Lots::new(20_260_926);
        let (accounts, buckets) = ((principals / 250).clamp(5, 500), (principals / 50).max(200));
        let everything = || json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        let full = document(json!([everything()]), Flavor::Scp);
        let guard = document(
            json!([
                { "Effect": "Deny", "Action": ["organizations:LeaveOrganization", "cloudtrail:StopLogging"], "Resource": "*" },
                { "Effect": "Deny", "Action": ["s3:PutBucketPublicAccessBlock", "s3:PutAccountPublicAccessBlock"], "Resource": "*",
                  "Condition": { "ArnNotLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/org-admin" } } },
            ]),
            Flavor::Scp,
        );
        let fence = document(
            json!([
                { "Effect": "Deny", "NotAction": ["iam:*", "sts:*", "organizations:*", "route53:*", "cloudfront:*", "support:*"], "Resource": "*",
                  "Condition": { "StringNotEquals": { "aws:RequestedRegion": ["eu-west-1", "eu-central-1", "us-east-1"] },
                                 "ArnNotLike": { "aws:PrincipalArn": ["arn:aws:iam::*:role/org-admin", "arn:aws:iam::*:role/breakglass/*"] } } },
            ]),
            Flavor::Scp,
        );
        let root = vec![Arc::clone(&full), guard];
        let scps = (0..accounts)
            .map(|number| {
                let own = json!([
                    { "Effect": "Deny", "Action": ["s3:DeleteBucket", "s3:DeleteObject*"], "Resource": format!("arn:aws:s3:::acme-data-{:04}*", number % buckets),
                      "Condition": { "ArnNotEquals": { "aws:PrincipalArn": format!("arn:aws:iam::{}:role/platform/Cleaner", account(number)) } } },
                    { "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*" },
                ]);
                let own = document(own, Flavor::Scp);
                vec![root.clone(), vec![Arc::clone(&full), Arc::clone(&fence)], vec![Arc::clone(&full), own]]
            })
            .collect();
        let rcp = json!([{ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
            "Condition": { "StringNotEqualsIfExists": { "aws:PrincipalOrgID": ORGANISATION }, "BoolIfExists": { "aws:PrincipalIsAWSService": "false" } } }]);
        let rcps = vec![vec![document(rcp, Flavor::Rcp)]];

        let managed: Vec<Arc<Policy>> = MANAGED.iter().map(|name| managed_policy(name)).collect();
        let own: Vec<Arc<Policy>> = (0..(principals / 20).max(30))
            .map(|_| {
                let count = 3 + lots.below(6);
                document(statements(&mut lots, count, buckets), Flavor::Identity)
            })
            .collect();
        let boundary = document(
            json!([
                { "Effect": "Allow", "Action": ["s3:*", "kms:*", "dynamodb:*", "sqs:*", "logs:*", "ec2:Describe*"], "Resource": "*" },
                { "Effect": "Deny", "Action": "iam:*", "Resource": "*", "Condition": { "StringNotEquals": { "aws:RequestedRegion": "eu-west-1" } } },
            ]),
            Flavor::Identity,
        );
        let names = [
            "app/Service",
            "Worker",
            "data/Loader",
            "web/Front",
            "platform/Job",
        ];
        let members = (0..principals)
            .map(|number| {
                if number % 200 == 199 {
                    return foreign(&format!("{:012}", 900_000_000_000_u64 + number as u64));
                }
                let home = lots.below(accounts);
                let id = format!("arn:aws:iam::{}:role/{}{number}", account(home), lots.one(&names));
                let caller = Caller::parse(&id);
                let context = context(&mut lots, &caller, &account(home));
                let mut identity: Vec<Arc<Policy>> = Vec::new();
                identity.extend((0..1 + lots.below(3)).map(|_| Arc::clone(lots.one(&managed))));
                identity.extend((0..1 + lots.below(2)).map(|_| Arc::clone(lots.one(&own))));
                if lots.percent(50) {
                    let count = 1 + lots.below(4);
                    identity.push(document(statements(&mut lots, count, buckets), Flavor::Identity));
                }
                Member {
                    caller,
                    context,
                    identity,
                    boundary: lots.percent(10).then(|| Arc::clone(&boundary)),
                    account: Some(home),
                }
            })
            .collect();

        let bucket_policies = (0..buckets)
            .map(|number| {
                let (name, home) = (bucket(number), account(number % accounts));
                let objects = format!("arn:aws:s3:::{name}/*");
                let mut all = vec![
                    json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [format!("arn:aws:s3:::{name}"), objects],
                            "Condition": { "Bool": { "aws:SecureTransport": "false" } } }),
                    json!({ "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{home}:role/data/Loader{number}") },
                            "Action": ["s3:GetObject", "s3:PutObject"], "Resource": objects }),
                ];
                if number % 4 == 0 {
                    all.push(json!({ "Effect": "Allow", "Principal": { "AWS": account((number + 1) % accounts) }, "Action": "s3:Get*", "Resource": objects }));
                }
                if number % 10 == 0 {
                    all.push(json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": objects,
                        "Condition": { "StringEquals": { "aws:PrincipalOrgID": ORGANISATION } } }));
                }
                document(all.into(), Flavor::Resource)
            })
            .collect();
        Self {
            members,
            scps,
            rcps,
            bucket_policies,
            accounts,
        }
    }

    /// What is known of requests for an action on a bucket.
    pub(crate) fn facts_of_bucket(&self, number: usize, action: &str) -> Context {
        let mut context = Context::open();
        context.set_action(action);
        let home = account(number % self.accounts);
        context.set("aws:ResourceOrgID", ORGANISATION);
        context.set("aws:ResourceAccount", home.as_str());
        context.set("s3:ResourceAccount", home);
        context.set("aws:RequestedRegion", "eu-west-1");
        context.close_prefix("aws:ResourceTag");
        context.close_prefix("s3:ResourceTag");
        context
    }

    /// The population, with the policies of principals, buckets and ceilings compiled.
    pub(crate) fn population(&self) -> Population {
        let mut builder = Builder::default();
        let chains: Vec<_> = self
            .scps
            .iter()
            .map(|levels| {
                let levels = levels
                    .iter()
                    .map(|level| add_all(builder.library(), level))
                    .collect();
                builder.chain(levels)
            })
            .collect();
        for policy in self.bucket_policies.iter().chain(self.rcps.iter().flatten()) {
            builder.library().add_shared(policy);
        }
        for member in &self.members {
            let identity = add_all(builder.library(), &member.identity);
            let boundary = member
                .boundary
                .as_ref()
                .map(|boundary| builder.library().add_shared(boundary));
            builder.add(&NewPrincipal {
                caller: &member.caller,
                identity: &identity,
                identity_unknown: member.account.is_none(),
                boundaries: boundary.as_slice(),
                scps: member.account.map(|account| chains[account]),
                context: &member.context,
            });
        }
        builder.build()
    }
}

pub(crate) fn add_all(library: &mut Library, policies: &[Arc<Policy>]) -> Vec<PolicyId> {
    policies.iter().map(|policy| library.add_shared(policy)).collect()
}
