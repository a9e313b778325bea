//! The organisation's tree, three levels deep: root, unit, unit, account.

use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::names::{self, ORGANIZATION};
use crate::organization::Organization;

pub(crate) const ROOT: &str = "r-bnch";

/// Units: id, name, parent.
pub(crate) const UNITS: [(&str, &str, &str); 11] = [
    ("ou-bnch-workload", "Workloads", ROOT),
    ("ou-bnch-wlprod00", "Prod", "ou-bnch-workload"),
    ("ou-bnch-wlnonprd", "NonProd", "ou-bnch-workload"),
    ("ou-bnch-wlregula", "Regulated", "ou-bnch-workload"),
    ("ou-bnch-platform", "Platform", ROOT),
    ("ou-bnch-plsecure", "Security", "ou-bnch-platform"),
    ("ou-bnch-plnetwor", "Network", "ou-bnch-platform"),
    ("ou-bnch-plshared", "SharedServices", "ou-bnch-platform"),
    ("ou-bnch-sandboxs", "Sandboxes", ROOT),
    ("ou-bnch-sbteams0", "Teams", "ou-bnch-sandboxs"),
    ("ou-bnch-sbtraini", "Training", "ou-bnch-sandboxs"),
];

/// Where accounts are, and how many of them.
const LEAVES: [(&str, usize); 8] = [
    ("ou-bnch-wlprod00", 30),
    ("ou-bnch-wlnonprd", 30),
    ("ou-bnch-wlregula", 8),
    ("ou-bnch-plsecure", 4),
    ("ou-bnch-plnetwor", 4),
    ("ou-bnch-plshared", 6),
    ("ou-bnch-sbteams0", 14),
    ("ou-bnch-sbtraini", 4),
];

/// The unit of an account; the management account is at the root.
pub(crate) fn unit_of(org: &Organization, account: usize) -> &'static str {
    if account == 0 {
        return ROOT;
    }
    org.rng("unit", account).weighted(&LEAVES)
}

pub(crate) fn organization_arn() -> String {
    arn(&format!("organization/{ORGANIZATION}"))
}

pub(crate) fn account_arn(account: usize) -> String {
    arn(&format!("account/{ORGANIZATION}/{}", names::account(account)))
}

pub(crate) fn unit_arn(unit: &str) -> String {
    let word = if unit == ROOT { "root" } else { "ou" };
    arn(&format!("{word}/{ORGANIZATION}/{unit}"))
}

/// The ARN of something that the organisation has.
pub(crate) fn arn(resource: &str) -> String {
    format!(
        "arn:aws:organizations::{}:{resource}",
        Organization::management_account()
    )
}

/// Organisation, units, accounts.
pub(crate) fn records(org: &Organization) -> Vec<Record> {
    let management = Organization::management_account();
    let mut top = Record::new(Kind::AwsOrganization, organization_arn());
    top.name = ORGANIZATION.to_owned();
    top.account = Some(management.clone());
    let types = vec!["RESOURCE_CONTROL_POLICY", "SERVICE_CONTROL_POLICY"];
    top.attrs.insert("id", ORGANIZATION.into());
    top.attrs.insert("management_account", management.clone().into());
    top.attrs.insert("policy_types", types.into());
    top.attrs.insert("root", ROOT.into());
    let unit = |id: &str, name: &str, parent: String| {
        let mut record = Record::new(Kind::AwsOu, id);
        record.name = name.to_owned();
        record.account = Some(management.clone());
        record.attrs.insert("arn", unit_arn(id).into());
        record.refer(EdgeKind::MemberOf, parent);
        record
    };
    let mut out = vec![top, unit(ROOT, "Root", organization_arn())];
    out.extend(
        UNITS
            .iter()
            .map(|(id, name, parent)| unit(id, name, (*parent).to_owned())),
    );
    out.extend((0..org.accounts).map(|account| {
        let mut record = Record::new(Kind::AwsAccount, account_arn(account));
        record.name = account_name(account);
        record.account = Some(names::account(account));
        record.refer(EdgeKind::MemberOf, unit_of(org, account));
        record
    }));
    out
}

pub(crate) fn account_name(account: usize) -> String {
    match account {
        0 => "management".to_owned(),
        _ => format!("account-{account:04}"),
    }
}
