//! Users and the groups that they are in.

use serde_json::json;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::account::{entity, tag};
use crate::document::{Statement, slot};
use crate::managed;
use crate::names::{self, STAGES, TEAMS};
use crate::organization::{Family, Organization};
use crate::{grant, policy};

const GROUP_NAMES: [&str; 3] = ["administrators", "developers", "viewers"];

pub(crate) const GROUPS: Family = Family {
    kind: Kind::IamGroup,
    within: |_, account| account * GROUP_NAMES.len()..(account + 1) * GROUP_NAMES.len(),
    id: |_, number| {
        let (account, name) = group(number);
        Some(group_arn(account, name))
    },
    record: group_record,
};

pub(crate) const USERS: Family = Family {
    kind: Kind::IamUser,
    within: |org, account| org.users.range(account),
    id: |org, number| Some(user_arn(org, number)),
    record: user_record,
};

fn group(number: usize) -> (usize, &'static str) {
    let name = GROUP_NAMES
        .get(number % GROUP_NAMES.len())
        .copied()
        .unwrap_or("viewers");
    (number / GROUP_NAMES.len(), name)
}

fn group_arn(account: usize, name: &str) -> String {
    names::iam(account, &format!("group/{name}"))
}

fn group_record(org: &Organization, number: usize) -> Record {
    let (account, name) = group(number);
    let mut record = entity(
        org,
        Kind::IamGroup,
        group_arn(account, name),
        name,
        account,
        number,
    );
    let own = Statement::allow(["iam:ChangePassword", "iam:GetUser"])
        .sid("OwnPassword")
        .on(["arn:aws:iam::*:user/${aws:username}"]);
    record
        .policies
        .push(slot(Slot::Inline, Some("own".into()), &[own]));
    let policy = match name {
        "administrators" => "AdministratorAccess",
        "developers" => "AmazonDynamoDBReadOnlyAccess",
        _ => "ReadOnlyAccess",
    };
    record.refer(EdgeKind::HasPolicy, managed::arn(policy));
    record
}

fn user_name(org: &Organization, number: usize) -> String {
    format!("{}-user-{number:05}", org.rng("user", number).pick(&TEAMS))
}

fn user_arn(org: &Organization, number: usize) -> String {
    names::iam(
        org.users.account(number),
        &format!("user/{}", user_name(org, number)),
    )
}

fn user_record(org: &Organization, number: usize) -> Record {
    let (name, account) = (user_name(org, number), org.users.account(number));
    let mut rng = org.rng("user-record", number);
    let mut record = entity(org, Kind::IamUser, user_arn(org, number), &name, account, number);
    let console = rng.percent(40);
    record.attrs.insert("console", console.into());
    record.attrs.insert("mfa", (console && rng.percent(70)).into());
    if rng.percent(50) {
        let key =
            json!([{"id": rng.unique_id("AKIA"), "status": rng.weighted(&[("Active", 4), ("Inactive", 1)])}]);
        record.attrs.insert("access_keys", key);
    }
    if rng.percent(30) {
        let statements = grant::statements(org, &mut rng, account, 3);
        record
            .policies
            .push(slot(Slot::Inline, Some("inline-0".into()), &statements));
    }
    let attached = rng
        .percent(50)
        .then(|| policy::of_account(org, &mut rng, account));
    if let Some(policy) = attached.flatten() {
        record.refer(EdgeKind::HasPolicy, policy);
    }
    if rng.percent(75) {
        let name = rng.weighted(&[("administrators", 1), ("developers", 6), ("viewers", 4)]);
        record.refer(EdgeKind::MemberOf, group_arn(account, name));
    }
    if rng.percent(10) {
        record.refer(EdgeKind::SubjectTo, policy::boundary(&mut rng, account));
    }
    if rng.percent(50) {
        tag(&mut record, rng.pick(&TEAMS), rng.pick(&STAGES));
    }
    record
}
