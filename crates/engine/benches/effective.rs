//! Effective permissions of an administrator and of a typical role, and what a new version of a policy adds.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up says so")]

use divan::{Bencher, black_box};
use sv0_engine::compare::{Kind, gains};
use sv0_engine::document::document;
use sv0_engine::effective::effective;
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies};
use sv0_iam::name::Caller;
use sv0_iam::syntax::{Flavor, Policy, parse};

const ADMIN: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const TYPICAL: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket","s3:PutObject"],"Resource":["arn:aws:s3:::reports","arn:aws:s3:::reports/*"]},
    {"Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:Query","dynamodb:PutItem"],"Resource":"arn:aws:dynamodb:*:111111111111:table/orders*"},
    {"Effect":"Allow","Action":["kms:Decrypt","kms:GenerateDataKey*"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"s3.eu-west-1.amazonaws.com"}}},
    {"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents","cloudwatch:PutMetricData","sqs:*"],"Resource":"*"},
    {"Effect":"Deny","Action":"sqs:Delete*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;
const FENCE: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"*","Resource":"*"},
    {"Effect":"Deny","NotAction":["iam:*","sts:*","organizations:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-west-1","us-east-1"]}}},
    {"Effect":"Deny","Action":["cloudtrail:StopLogging","cloudtrail:DeleteTrail"],"Resource":"*"}]}"#;

fn main() {
    divan::main();
}

fn policy(text: &str, flavor: Flavor) -> Policy {
    parse(text, flavor).0.unwrap()
}

/// As a set of grants, and written as one document.
#[divan::bench(args = ["administrator", "typical"])]
fn of_a_role(bencher: Bencher<'_, '_>, who: &str) {
    let own = policy(if who == "typical" { TYPICAL } else { ADMIN }, Flavor::Identity);
    let fence = policy(FENCE, Flavor::Scp);
    let attached = |policy| vec![Attached { policy, tag: 0 }];
    let policies = Policies {
        identity: attached(&own),
        scps: Some(vec![attached(&fence), attached(&fence)]),
        ..Policies::default()
    };
    let caller = Caller::parse("arn:aws:iam::111111111111:role/App");
    let context = Context::open();
    bencher.bench(|| {
        let effective = effective(&caller, black_box(&policies), &context);
        document(&effective, &context)
    });
}

/// A wildcard more, and a condition less strict.
#[divan::bench]
fn what_a_new_version_adds(bencher: Bencher<'_, '_>) {
    let old = policy(TYPICAL, Flavor::Identity);
    let new = policy(
        &TYPICAL
            .replace("reports/*", "report*/*")
            .replace("BoolIfExists", "Bool"),
        Flavor::Identity,
    );
    bencher.bench(|| gains(black_box(&old), black_box(&new), Kind::Identity));
}
