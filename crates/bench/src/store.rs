//! What holds data: buckets, tables, secrets, queues, topics. Half of them are encrypted with a key of their account;
//! some have a policy of their own.

use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::account::{entity, tag};
use crate::document::{Statement, Who, slot};
use crate::key::{self, Key};
use crate::names::{self, ORGANIZATION, REGIONS, STAGES, TEAMS};
use crate::organization::{Family, Organization};
use crate::rng::Rng;
use crate::role;

/// A kind of data store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Bucket,
    Table,
    Secret,
    Queue,
    Topic,
}

pub(crate) const BUCKETS: Family = Family {
    kind: Kind::S3Bucket,
    within: |org, account| org.spread_of(Store::Bucket).range(account),
    id: |org, number| Some(place(org, Store::Bucket, number).arn),
    record: |org, number| record(org, Store::Bucket, number),
};

pub(crate) const TABLES: Family = Family {
    kind: Kind::DynamodbTable,
    within: |org, account| org.spread_of(Store::Table).range(account),
    id: |org, number| Some(place(org, Store::Table, number).arn),
    record: |org, number| record(org, Store::Table, number),
};

pub(crate) const SECRETS: Family = Family {
    kind: Kind::SecretsManagerSecret,
    within: |org, account| org.spread_of(Store::Secret).range(account),
    id: |org, number| Some(place(org, Store::Secret, number).arn),
    record: |org, number| record(org, Store::Secret, number),
};

pub(crate) const QUEUES: Family = Family {
    kind: Kind::SqsQueue,
    within: |org, account| org.spread_of(Store::Queue).range(account),
    id: |org, number| Some(place(org, Store::Queue, number).arn),
    record: |org, number| record(org, Store::Queue, number),
};

pub(crate) const TOPICS: Family = Family {
    kind: Kind::SnsTopic,
    within: |org, account| org.spread_of(Store::Topic).range(account),
    id: |org, number| Some(place(org, Store::Topic, number).arn),
    record: |org, number| record(org, Store::Topic, number),
};

impl Store {
    const fn kind(self) -> Kind {
        match self {
            Self::Bucket => Kind::S3Bucket,
            Self::Table => Kind::DynamodbTable,
            Self::Secret => Kind::SecretsManagerSecret,
            Self::Queue => Kind::SqsQueue,
            Self::Topic => Kind::SnsTopic,
        }
    }
}

/// A store, as far as others need to know it.
pub(crate) struct Place {
    pub(crate) arn: String,
    pub(crate) account: usize,
    name: String,
    region: &'static str,
    pub(crate) key: Option<Key>,
}

pub(crate) fn place(org: &Organization, store: Store, number: usize) -> Place {
    let mut rng = org.rng(store.kind().as_str(), number);
    let account = org.spread_of(store).account(number);
    let thing = names::thing(&mut rng, number);
    let name = match store {
        // Names of buckets are unique in the world.
        Store::Bucket => format!("{}-{thing}", rng.pick(&STAGES)),
        Store::Secret => thing.replacen('-', "/", 1),
        Store::Table | Store::Queue | Store::Topic => thing,
    };
    let keys = org.keys.range(account);
    // Most other tools do not follow keys; what they are measured by has none.
    let measured = store == Store::Bucket && number == organization_bucket(org);
    let encrypted = rng.percent(50) && !keys.is_empty() && !measured;
    let key: Option<Key> = encrypted.then(|| key::key(org, rng.within(&keys)));
    let region = key.as_ref().map_or_else(|| rng.pick(&REGIONS), |key| key.region);
    let id = names::account(account);
    let arn = match store {
        Store::Bucket => format!("arn:aws:s3:::{name}"),
        Store::Table => format!("arn:aws:dynamodb:{region}:{id}:table/{name}"),
        Store::Secret => format!(
            "arn:aws:secretsmanager:{region}:{id}:secret:{name}-{}",
            rng.hex(6)
        ),
        Store::Queue => format!("arn:aws:sqs:{region}:{id}:{name}"),
        Store::Topic => format!("arn:aws:sns:{region}:{id}:{name}"),
    };
    Place {
        arn,
        account,
        name,
        region,
        key,
    }
}

/// A bucket that the whole organisation reads, in every organisation: the first one outside the management account.
fn organization_bucket(org: &Organization) -> usize {
    let range = org.spread_of(Store::Bucket).range(1);
    if range.is_empty() { 0 } else { range.start }
}

fn record(org: &Organization, store: Store, number: usize) -> Record {
    let place = place(org, store, number);
    // A second stream, so that what is said here does not move what `place` says.
    let mut rng = org.rng(&format!("{} record", store.kind()), number);
    let mut record = entity(
        org,
        store.kind(),
        place.arn.clone(),
        &place.name,
        place.account,
        number,
    );
    record.region = Some(place.region.to_owned());
    if rng.percent(50) {
        tag(&mut record, rng.pick(&TEAMS), rng.pick(&STAGES));
        if rng.percent(40) {
            let class = rng.weighted(&[("internal", 6), ("confidential", 3), ("restricted", 1)]);
            record.tags.insert("classification", class.into());
        }
    }
    if store == Store::Bucket && rng.percent(80) {
        let switches = [
            "BlockPublicAcls",
            "BlockPublicPolicy",
            "IgnorePublicAcls",
            "RestrictPublicBuckets",
        ];
        let on: serde_json::Map<_, _> = switches
            .iter()
            .map(|name| ((*name).into(), true.into()))
            .collect();
        record.attrs.insert("block_public_access", on.into());
    }
    let statements = match store {
        Store::Bucket => bucket_policy(org, &place, number),
        Store::Table => shared(org, &mut rng, &place, 15, &["dynamodb:GetItem", "dynamodb:Query"]),
        Store::Secret => shared(
            org,
            &mut rng,
            &place,
            25,
            &["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        ),
        Store::Queue => queue_policy(org, &mut rng, &place),
        Store::Topic => topic_policy(&mut rng, &place),
    };
    if !statements.is_empty() {
        record.policies.push(slot(Slot::Resource, None, &statements));
    }
    if let Some(key) = place.key {
        record.refer(EdgeKind::EncryptedWith, key.arn);
    }
    record
}

/// Whom a bucket is open to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Openness {
    /// It has no policy.
    Silent,
    /// Its account only; it insists on TLS.
    Account,
    /// Its account, and only few may delete.
    Guarded,
    /// A few principals or accounts.
    Shared,
    /// The whole organisation reads it.
    Organization,
    /// An AWS service writes to it.
    Service,
    /// Roles of one team, wherever they are.
    Team,
}

/// Whom a bucket is open to, and the random numbers to go on with.
pub(crate) fn openness(org: &Organization, number: usize) -> (Openness, Rng) {
    let mut rng = org.rng("bucket-policy", number);
    let drawn = rng.weighted(&[
        (Openness::Silent, 30),
        (Openness::Account, 20),
        (Openness::Guarded, 14),
        (Openness::Shared, 16),
        (Openness::Organization, 6),
        (Openness::Service, 10),
        (Openness::Team, 4),
    ]);
    let measured = number == organization_bucket(org);
    (if measured { Openness::Organization } else { drawn }, rng)
}

fn bucket_policy(org: &Organization, place: &Place, number: usize) -> Vec<Statement> {
    let (openness, mut rng) = openness(org, number);
    if openness == Openness::Silent {
        return Vec::new();
    }
    let both = [place.arn.clone(), format!("{}/*", place.arn)];
    let mut out = vec![
        Statement::deny(["s3:*"])
            .sid("TlsOnly")
            .to(Who::Everyone)
            .on(both.clone())
            .when("Bool", "aws:SecureTransport", ["false"]),
    ];
    let account = place.account;
    match openness {
        Openness::Silent | Openness::Account => {}
        Openness::Guarded => out.push(
            Statement::deny(["s3:DeleteObject", "s3:PutBucketPolicy"])
                .sid("FewDelete")
                .to(Who::Everyone)
                .on(both)
                .when(
                    "StringNotLike",
                    "aws:PrincipalArn",
                    [
                        names::iam(account, "role/OrganizationAccountAccessRole"),
                        names::iam(account, "role/infra-*"),
                    ],
                ),
        ),
        Openness::Shared => {
            for _ in 0..1 + rng.below(2) {
                let Some(role) = role::any(org, &mut rng, None) else {
                    continue;
                };
                let whole = rng.percent(40);
                let who = if whole {
                    names::root(role.account)
                } else {
                    role.arn()
                };
                out.push(
                    Statement::allow(["s3:GetObject", "s3:ListBucket"])
                        .to(Who::aws([who]))
                        .on(both.clone()),
                );
            }
        }
        Openness::Organization => out.push(
            Statement::allow(["s3:GetObject", "s3:ListBucket"])
                .sid("Organization")
                .to(Who::Everyone)
                .on(both)
                .when("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION]),
        ),
        Openness::Service => {
            let service = rng.pick(&[
                "cloudtrail.amazonaws.com",
                "delivery.logs.amazonaws.com",
                "logging.s3.amazonaws.com",
            ]);
            let id = names::account(account);
            out.push(
                Statement::allow(["s3:PutObject"])
                    .to(Who::service(service))
                    .on([format!("{}/AWSLogs/{id}/*", place.arn)])
                    .when("StringEquals", "aws:SourceAccount", [id]),
            );
        }
        Openness::Team => {
            let team = rng.pick(&TEAMS);
            out.push(
                Statement::allow(["s3:GetObject*"])
                    .sid("Team")
                    .to(Who::aws(["*"]))
                    .on([format!("{}/*", place.arn)])
                    .when(
                        "ArnLike",
                        "aws:PrincipalArn",
                        [format!("arn:aws:iam::*:role/{team}-*")],
                    )
                    .when("StringEquals", "aws:PrincipalOrgID", [ORGANIZATION]),
            );
        }
    }
    out
}

/// A policy for one principal of the organisation, with a chance of so many in a hundred.
fn shared(
    org: &Organization,
    rng: &mut Rng,
    place: &Place,
    chance: usize,
    actions: &[&str],
) -> Vec<Statement> {
    let who = if rng.percent(chance) {
        role::any(org, rng, None)
    } else {
        None
    };
    who.map(|who| {
        Statement::allow(actions.iter().copied())
            .sid("Shared")
            .to(Who::aws([who.arn()]))
            .on([place.arn.clone()])
    })
    .into_iter()
    .collect()
}

/// Queues are written to by topics of their account, or by roles of others.
fn queue_policy(org: &Organization, rng: &mut Rng, place: &Place) -> Vec<Statement> {
    let topics = org.spread_of(Store::Topic).range(place.account);
    if rng.percent(40) && !topics.is_empty() {
        let topic = self::place(org, Store::Topic, rng.within(&topics)).arn;
        let from_topic = Statement::allow(["sqs:SendMessage"])
            .sid("Topic")
            .to(Who::service("sns.amazonaws.com"))
            .on([place.arn.clone()])
            .when("ArnEquals", "aws:SourceArn", [topic]);
        return vec![from_topic];
    }
    shared(org, rng, place, 20, &["sqs:GetQueueUrl", "sqs:SendMessage"])
}

/// Topics let their account publish, as AWS sets them up; some let a service.
fn topic_policy(rng: &mut Rng, place: &Place) -> Vec<Statement> {
    let own = Statement::allow(["sns:Publish", "sns:Subscribe"])
        .sid("Account")
        .to(Who::aws([names::root(place.account)]))
        .on([place.arn.clone()]);
    let mut out = vec![own];
    if rng.percent(30) {
        out.push(
            Statement::allow(["sns:Publish"])
                .sid("Alarms")
                .to(Who::service("cloudwatch.amazonaws.com"))
                .on([place.arn.clone()])
                .when(
                    "StringEquals",
                    "aws:SourceAccount",
                    [names::account(place.account)],
                ),
        );
    }
    out
}
