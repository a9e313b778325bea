//! What there is in an organisation, and what is worth asking about it.

use std::collections::BTreeMap;

use serde::Serialize;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::key;
use crate::managed;
use crate::organization::{FAMILIES, Organization};
use crate::role::{self, Purpose};
use crate::store::{self, Openness, Store};

/// How many there are of each kind, and questions.
#[derive(Debug, Serialize)]
pub struct Manifest {
    /// The seed that it was made from.
    pub seed: u64,
    /// Entities by kind, AWS's own policies counted once.
    pub counts: BTreeMap<&'static str, usize>,
    /// All of them.
    pub entities: usize,
    /// By name; one that the organisation is too small for is left out.
    pub questions: BTreeMap<&'static str, Question>,
}

/// Something to ask about.
#[derive(Debug, Serialize)]
pub struct Question {
    /// What it is.
    pub about: &'static str,
    /// The ARN.
    pub target: String,
    /// For a resource: what to ask who can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    /// For a resource: who owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// Enough to look at: what is asked about is common.
const LOOK_AT: usize = 5_000;

impl Manifest {
    /// Of an organisation.
    #[must_use]
    pub fn new(org: &Organization) -> Self {
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        for record in org.shared() {
            *counts.entry(record.kind.as_str()).or_default() += 1;
        }
        for family in FAMILIES {
            *counts.entry(family.kind.as_str()).or_default() += family.count(org);
        }
        Self {
            seed: org.seed,
            entities: counts.values().sum(),
            counts,
            questions: [resources(org), roles(org)].into_iter().flatten().collect(),
        }
    }
}

fn resources(org: &Organization) -> Vec<(&'static str, Question)> {
    let ask = |about, arn: String, action, account| Question {
        about,
        target: arn,
        action: Some(action),
        account: Some(crate::names::account(account)),
    };
    // Not in the management account: RCPs bear on the others.
    let places = |store: Store| {
        let spread = org.spread_of(store);
        let numbers = (spread.range(0).end..spread.total()).take(LOOK_AT);
        numbers.map(move |number| (number, store::place(org, store, number)))
    };
    let bucket = |open: &[Openness], fits: &dyn Fn(&store::Place) -> bool| {
        places(Store::Bucket)
            .filter(|(number, _)| open.contains(&store::openness(org, *number).0))
            .map(|(_, place)| place)
            .find(fits)
    };
    let first =
        |store, fits: &dyn Fn(&store::Place) -> bool| places(store).map(|(_, place)| place).find(fits);
    let plain = |place: &store::Place| place.key.is_none();
    let locked = |place: &store::Place| {
        let key = place.key.as_ref();
        key.is_some_and(|key| key::leaves_it_to_iam(org, key.number))
    };
    let object = |place: store::Place, about| {
        ask(
            about,
            format!("{}/report.csv", place.arn),
            "s3:GetObject",
            place.account,
        )
    };
    let mut out = Vec::new();
    if let Some(place) = bucket(&[Openness::Organization], &plain) {
        out.push((
            "organization_object",
            object(place, "an object that the whole organisation may read"),
        ));
    }
    if let Some(place) = bucket(&[Openness::Silent, Openness::Account], &plain) {
        out.push((
            "account_object",
            object(place, "an object of a bucket that is open to its account only"),
        ));
    }
    if let Some(place) = bucket(&[Openness::Silent, Openness::Account], &locked) {
        out.push((
            "encrypted_object",
            object(place, "an object that is encrypted with a KMS key"),
        ));
    }
    if let Some(place) = first(Store::Table, &plain) {
        out.push((
            "table",
            ask("a table", place.arn, "dynamodb:GetItem", place.account),
        ));
    }
    if let Some(place) = first(Store::Secret, &locked) {
        let about = "a secret that is encrypted with a KMS key";
        out.push((
            "secret",
            ask(about, place.arn, "secretsmanager:GetSecretValue", place.account),
        ));
    }
    if let Some(place) = first(Store::Queue, &plain) {
        out.push((
            "queue",
            ask("a queue", place.arn, "sqs:ReceiveMessage", place.account),
        ));
    }
    out
}

fn roles(org: &Organization) -> Vec<(&'static str, Question)> {
    let find = |fits: &dyn Fn(&role::Role, &Record) -> bool| {
        // The management account is not bound by SCPs, and so not typical.
        (org.roles.range(0).end..org.roles.total())
            .take(LOOK_AT)
            .map(|number| (role::role(org, number), number))
            .find(|(role, number)| fits(role, &(role::ROLES.record)(org, *number)))
            .map(|(role, _)| role.arn())
    };
    let policies = |record: &Record| {
        let attached = record
            .refs
            .iter()
            .filter(|r| r.rel == EdgeKind::HasPolicy)
            .count();
        attached + record.policies.len() - 1
    };
    let has = |record: &Record, name: &str| record.refs.iter().any(|r| r.to == managed::arn(name));
    let broad = |record: &Record| {
        [
            "AdministratorAccess",
            "PowerUserAccess",
            "ReadOnlyAccess",
            "SecurityAudit",
        ]
        .iter()
        .any(|name| has(record, name))
    };
    let bounded = |record: &Record| record.refs.iter().any(|r| r.rel == EdgeKind::SubjectTo);
    let found = [
        (
            "typical_role",
            "a role of a workload, with a few policies",
            find(&|role, record| {
                matches!(role.purpose, Purpose::Service(_))
                    && (3..=5).contains(&policies(record))
                    && !broad(record)
            }),
        ),
        (
            "admin_role",
            "an administrator",
            find(&|role, record| {
                role.purpose == Purpose::Account && has(record, "AdministratorAccess") && !bounded(record)
            }),
        ),
        (
            "bounded_role",
            "a role with a permissions boundary",
            find(&|_, record| record.kind == Kind::IamRole && bounded(record)),
        ),
    ];
    found
        .into_iter()
        .filter_map(|(name, about, target)| {
            let question = Question {
                about,
                target: target?,
                action: None,
                account: None,
            };
            Some((name, question))
        })
        .collect()
}
