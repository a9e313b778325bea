//! KMS keys and who may use them.

use sv0_model::kind::{Kind, Slot};
use sv0_model::record::Record;

use crate::account::entity;
use crate::document::{Statement, Who, slot};
use crate::names::{self, REGIONS};
use crate::organization::{Family, Organization};
use crate::role;

pub(crate) const KEYS: Family = Family {
    kind: Kind::KmsKey,
    within: |org, account| org.keys.range(account),
    id: |org, number| Some(key(org, number).arn),
    record,
};

/// A key, as far as others need to know it.
pub(crate) struct Key {
    pub(crate) number: usize,
    pub(crate) arn: String,
    pub(crate) region: &'static str,
    id: String,
}

pub(crate) fn key(org: &Organization, number: usize) -> Key {
    let mut rng = org.rng("key", number);
    let region = rng.pick(&REGIONS);
    let id = [8, 4, 4, 4, 12].map(|digits| rng.hex(digits)).join("-");
    let account = names::account(org.keys.account(number));
    Key {
        number,
        arn: format!("arn:aws:kms:{region}:{account}:key/{id}"),
        region,
        id,
    }
}

/// Whether nobody may use a key but by policies of their own.
pub(crate) fn leaves_it_to_iam(org: &Organization, number: usize) -> bool {
    policy(org, number, 0, "").len() == 1
}

fn record(org: &Organization, number: usize) -> Record {
    let Key { arn, region, id, .. } = key(org, number);
    let account = org.keys.account(number);
    let mut record = entity(org, Kind::KmsKey, arn, &id, account, number);
    record.region = Some(region.to_owned());
    record
        .policies
        .push(slot(Slot::Key, None, &policy(org, number, account, region)));
    record
}

/// Most keys leave it to IAM, as the console sets them up; some name all who may use them.
fn policy(org: &Organization, number: usize, account: usize, region: &str) -> Vec<Statement> {
    let mut rng = org.rng("key-policy", number);
    let first = if rng.percent(85) {
        Statement::allow(["kms:*"])
            .sid("EnableIAMPolicies")
            .to(Who::aws([names::root(account)]))
    } else {
        Statement::allow([
            "kms:Create*",
            "kms:Describe*",
            "kms:Put*",
            "kms:ScheduleKeyDeletion",
        ])
        .sid("Administrators")
        .to(Who::aws([names::iam(
            account,
            "role/OrganizationAccountAccessRole",
        )]))
    };
    let mut out = vec![first.on(["*"])];
    if rng.percent(60) {
        let from = if rng.percent(75) { Some(account) } else { None };
        let users: Vec<String> = (0..1 + rng.below(3))
            .filter_map(|_| Some(role::any(org, &mut rng, from)?.arn()))
            .collect();
        if !users.is_empty() {
            out.push(
                Statement::allow(["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*"])
                    .sid("Users")
                    .to(Who::aws(users))
                    .on(["*"]),
            );
        }
    }
    if rng.percent(30) {
        out.push(
            Statement::allow([
                "kms:Decrypt",
                "kms:Encrypt",
                "kms:GenerateDataKey*",
                "kms:ReEncrypt*",
            ])
            .sid("ThroughS3")
            .to(Who::aws(["*"]))
            .on(["*"])
            .when("StringEquals", "kms:CallerAccount", [names::account(account)])
            .when(
                "StringEquals",
                "kms:ViaService",
                [format!("s3.{region}.amazonaws.com")],
            ),
        );
    }
    out
}
