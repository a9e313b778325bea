//! No false alarms: an organisation of a thousand well-built roles gives nothing above informational.
//!
//! The shape, in each of ten accounts: a hundred roles that Lambda functions run as, each of which reads one bucket, one
//! table and one rotated secret by name, under a key of the account; buckets that block public access and are confidential or
//! restricted; queues and topics that let services in for their own account only; an Identity Center administrator; an
//! auditor who assumes a role that trusts one role of the security account by name and reads no data; an image repository with
//! tags that cannot be moved, to which one pipeline pushes whose subject is named exactly; a partner with an external id who
//! reads one bucket; a website's bucket, public and classified so; SCPs that leave no organization and no other region.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::json;
use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::{normalize, steps::Steps};
use sv0_model::finding::Severity;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::{PolicySlot, PolicyText, Record};
use sv0_rules::ground::Ground;
use sv0_rules::{Options, report};

const ACCOUNTS: usize = 10;
const ROLES: usize = 100;

fn record(kind: Kind, id: String, name: &str, account: &str) -> Record {
    let mut record = Record::new(kind, id);
    record.name = name.to_owned();
    record.account = Some(account.to_owned());
    record.created_at = Some("2025-01-01T00:00:00Z".into());
    record
}

fn with(mut record: Record, slot: Slot, name: Option<&str>, document: &serde_json::Value) -> Record {
    record.policies.push(PolicySlot {
        slot,
        name: name.map(str::to_owned),
        document: PolicyText::new(document.to_string()),
    });
    record
}

fn policy(statements: &serde_json::Value) -> serde_json::Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn role(account: &str, name: &str, trust: &serde_json::Value) -> Record {
    let mut out = record(
        Kind::IamRole,
        format!("arn:aws:iam::{account}:role/{name}"),
        name,
        account,
    );
    out.attrs.insert("last_used", json!("2026-01-04T00:00:00Z"));
    with(out, Slot::Trust, None, &policy(&json!([trust])))
}

fn service(name: &str) -> serde_json::Value {
    json!({"Effect": "Allow", "Principal": {"Service": name}, "Action": "sts:AssumeRole"})
}

fn organization() -> Vec<Record> {
    let management = "100000000000";
    let mut out = vec![record(
        Kind::AwsOrganization,
        "o-wellbuilt00".into(),
        "o-wellbuilt00",
        management,
    )];
    let mut accounts = vec![management.to_owned()];
    accounts.extend((1..=ACCOUNTS).map(|n| format!("{}", 100_000_000_000_u64 + n as u64)));
    for account in &accounts {
        let id = format!("arn:aws:organizations::{management}:account/o-wellbuilt00/{account}");
        let mut one = record(Kind::AwsAccount, id, &format!("account-{account}"), account);
        one.refer(EdgeKind::MemberOf, "o-wellbuilt00");
        out.push(one);
    }
    let mut all = with(
        record(Kind::Scp, "p-FullAWSAccess".into(), "FullAWSAccess", management),
        Slot::Document,
        None,
        &policy(&json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}])),
    );
    all.refer(EdgeKind::Constrains, "o-wellbuilt00");
    out.push(all);
    for account in accounts.iter().skip(1) {
        out.extend(member(account, &accounts));
    }
    out
}

fn member(account: &str, accounts: &[String]) -> Vec<Record> {
    let security = accounts.get(1).unwrap();
    let mut out = Vec::new();
    let key = format!("arn:aws:kms:eu-west-1:{account}:key/data");
    out.push(with(
        record(Kind::KmsKey, key.clone(), "data", account),
        Slot::Key,
        None,
        &policy(&json!([{"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}, "Action": "kms:*", "Resource": "*"}])),
    ));
    for n in 0..ROLES {
        out.extend(workload(account, n, &key));
    }
    // People: Identity Center, for the administrator; an auditor's role that trusts one role by name.
    let saml = format!("arn:aws:iam::{account}:saml-provider/AWSSSO_1");
    out.push(record(Kind::SamlProvider, saml.clone(), "AWSSSO_1", account));
    let admin = format!("aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_{account}");
    out.push(with(
        role(account, &admin, &json!({"Effect": "Allow", "Principal": {"Federated": saml}, "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"], "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}})),
        Slot::Inline,
        Some("Admin"),
        &policy(&json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}])),
    ));
    let auditor = format!("arn:aws:iam::{security}:role/Auditor");
    if account == security {
        let mut one = with(
            role(account, "Auditor", &service("lambda.amazonaws.com")),
            Slot::Inline,
            Some("Audit"),
            &policy(
                &json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": accounts.iter().skip(1).map(|id| format!("arn:aws:iam::{id}:role/Audited")).collect::<Vec<_>>()}]),
            ),
        );
        one.attrs.insert("path", json!("/"));
        out.push(one);
    }
    out.push(with(
        role(account, "Audited", &json!({"Effect": "Allow", "Principal": {"AWS": auditor}, "Action": "sts:AssumeRole"})),
        Slot::Inline,
        Some("Look"),
        &policy(&json!([{"Effect": "Allow", "Action": ["iam:Get*", "iam:List*", "s3:GetBucketPolicy", "s3:ListAllMyBuckets"], "Resource": "*"}])),
    ));
    out.extend(pipeline(account));
    // A partner with an external id who reads one bucket of reports.
    out.push(bucket(account, "reports", "internal", &key));
    out.push(with(
        role(account, "Partner", &json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "7f3c"}}})),
        Slot::Inline,
        Some("Reports"),
        &policy(&json!([
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{account}-reports/*")},
            {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}])),
    ));
    // A website.
    let mut site = with(
        record(
            Kind::S3Bucket,
            format!("arn:aws:s3:::{account}-site"),
            &format!("{account}-site"),
            account,
        ),
        Slot::Resource,
        None,
        &policy(
            &json!([{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{account}-site/*")}]),
        ),
    );
    site.region = Some("eu-west-1".into());
    site.tags.insert("classification", "public".into());
    out.push(site);
    // A topic to which a bucket's notifications go.
    let topic = format!("arn:aws:sns:eu-west-1:{account}:uploads");
    let mut uploads = with(
        record(Kind::SnsTopic, topic.clone(), "uploads", account),
        Slot::Resource,
        None,
        &policy(
            &json!([{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic, "Condition": {"StringEquals": {"aws:SourceAccount": account}}}]),
        ),
    );
    uploads.region = Some("eu-west-1".into());
    out.push(uploads);
    out
}

fn bucket(account: &str, name: &str, classification: &str, key: &str) -> Record {
    let mut out = record(
        Kind::S3Bucket,
        format!("arn:aws:s3:::{account}-{name}"),
        &format!("{account}-{name}"),
        account,
    );
    out.region = Some("eu-west-1".into());
    out.tags.insert("classification", classification.into());
    out.attrs.insert("block_public_access",
        json!({"block_public_acls": true, "ignore_public_acls": true, "block_public_policy": true, "restrict_public_buckets": true}),
    );
    out.refer(EdgeKind::EncryptedWith, key);
    out
}

/// A function, its role, and what is its own.
fn workload(account: &str, n: usize, key: &str) -> Vec<Record> {
    let classification = if n.is_multiple_of(3) {
        "restricted"
    } else {
        "confidential"
    };
    let data = bucket(account, &format!("app-{n}"), classification, key);
    let secret = format!("arn:aws:secretsmanager:eu-west-1:{account}:secret:app-{n}-AbCdEf");
    let mut held = record(
        Kind::SecretsManagerSecret,
        secret.clone(),
        &format!("app-{n}"),
        account,
    );
    held.region = Some("eu-west-1".into());
    held.attrs.insert("rotation", json!(true));
    held.refer(EdgeKind::EncryptedWith, key);
    let table = format!("arn:aws:dynamodb:eu-west-1:{account}:table/app-{n}");
    let mut kept = record(Kind::DynamodbTable, table.clone(), &format!("app-{n}"), account);
    kept.region = Some("eu-west-1".into());
    kept.tags.insert("classification", classification.into());
    let runs = with(
        role(account, &format!("app-{n}"), &service("lambda.amazonaws.com")),
        Slot::Inline,
        Some("Own"),
        &policy(&json!([
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": format!("{}/*", data.id)},
            {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"], "Resource": table},
            {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret},
            {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": key},
            {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": format!("arn:aws:logs:eu-west-1:{account}:log-group:/aws/lambda/app-{n}:*")}])),
    );
    let mut function = record(
        Kind::LambdaFunction,
        format!("arn:aws:lambda:eu-west-1:{account}:function:app-{n}"),
        &format!("app-{n}"),
        account,
    );
    function.region = Some("eu-west-1".into());
    function.refer(EdgeKind::RunsAs, runs.id.clone());
    if n == 0 {
        function.refer(
            EdgeKind::DeployedFrom,
            format!("arn:aws:ecr:eu-west-1:{account}:repository/app"),
        );
    }
    vec![data, held, kept, runs, function]
}

/// A pipeline that pushes images, by a subject that is named exactly.
fn pipeline(account: &str) -> Vec<Record> {
    let provider = format!("arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com");
    let mut known = record(
        Kind::OidcProvider,
        provider.clone(),
        "token.actions.githubusercontent.com",
        account,
    );
    known
        .attrs
        .insert("url", json!("https://token.actions.githubusercontent.com"));
    let repository = format!("arn:aws:ecr:eu-west-1:{account}:repository/app");
    let mut images = record(Kind::EcrRepository, repository.clone(), "app", account);
    images.region = Some("eu-west-1".into());
    images.attrs.insert("tag_mutability", json!("IMMUTABLE"));
    let push = with(
        role(
            account,
            "Pipeline",
            &json!({"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com", "token.actions.githubusercontent.com:sub": "repo:acme/app:ref:refs/heads/main"}}}),
        ),
        Slot::Inline,
        Some("Push"),
        &policy(&json!([
            {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
            {"Effect": "Allow", "Action": ["ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"], "Resource": repository}])),
    );
    vec![known, images, push]
}

#[test]
fn a_thousand_well_built_roles_give_nothing_above_informational() {
    let records = organization();
    let roles = records
        .iter()
        .filter(|record| record.kind == Kind::IamRole)
        .count();
    assert!(roles >= 1_000, "{roles}");
    let world = normalize::build(records, Vec::new());
    let steps = Steps::build(&world);
    let ground = Ground::new(&world, &steps, Some("2026-01-05".into()));
    let report = report(&ground, &Rules::default(), &Options::default());
    let above: Vec<String> = report
        .findings
        .iter()
        .filter(|finding| finding.severity > Severity::Informational)
        .map(|finding| format!("{} {} {:?}", finding.severity, finding.title, finding.reasons))
        .collect();
    assert!(
        above.is_empty(),
        "{} of {}: {:#?}",
        above.len(),
        report.findings.len(),
        &above[..above.len().min(12)]
    );
    // It looked: what is well built is told where it is worth knowing.
    for rule in [
        "administrator",
        "external-exposure",
        "supply-chain",
        "public-exposure",
    ] {
        assert!(
            report.findings.iter().any(|finding| finding.rule == rule),
            "{rule}"
        );
    }
}

/// The same organization with one thing wrong gives a finding about just that.
#[test]
fn one_fault_among_them_is_found() {
    let fault = |id: &str, slot: Slot, name: Option<&str>, document: serde_json::Value| {
        let mut records = organization();
        let record = records.iter_mut().find(|record| record.id == id).unwrap();
        record
            .policies
            .retain(|policy| !(policy.slot == slot && policy.name.as_deref() == name));
        let changed = with(record.clone(), slot, name, &policy(&document));
        *record = changed;
        let world = normalize::build(records, Vec::new());
        let steps = Steps::build(&world);
        let ground = Ground::new(&world, &steps, Some("2026-01-05".into()));
        let report = report(&ground, &Rules::default(), &Options::default());
        let above = report
            .findings
            .into_iter()
            .filter(|finding| finding.severity > Severity::Informational);
        above
            .map(|finding| (finding.rule, finding.subject.name))
            .collect::<Vec<_>>()
    };
    let account = "100000000003";
    let wide = fault(
        &format!("arn:aws:iam::{account}:role/app-7"),
        Slot::Inline,
        Some("Own"),
        json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]),
    );
    assert_eq!(wide, [("overprivileged-workload", "app-7".to_owned())]);
    let any = fault(
        &format!("arn:aws:iam::{account}:role/Pipeline"),
        Slot::Trust,
        None,
        json!([{"Effect": "Allow", "Principal": {"Federated": format!("arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com")}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}}]),
    );
    assert_eq!(
        any,
        [
            ("oidc-no-subject", "Pipeline".to_owned()),
            ("supply-chain", "app".to_owned())
        ]
    );
    let open = fault(
        &format!("arn:aws:iam::{account}:role/Partner"),
        Slot::Trust,
        None,
        json!([{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole"}]),
    );
    assert_eq!(
        open,
        [
            ("external-exposure", "Partner".to_owned()),
            ("confused-deputy", "Partner".to_owned())
        ]
    );
}
