//! Writes the organisation as `aws iam get-account-authorization-details` would: one file an account, with its users,
//! groups, roles and policies. Everything else has no place in it.
//!
//! Source: IAM API Reference, `GetAccountAuthorizationDetails`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::{PolicyText, Record};

use crate::organization::{FAMILIES, Organization};
use crate::rng::Rng;
use crate::{managed, names};

/// Writes a file for each account into a folder, which is made where it is missing. Gives the number of files.
///
/// # Errors
///
/// What the system says.
pub fn write(org: &Organization, folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    for account in 0..org.accounts {
        let path = folder.join(format!("{}.json", names::account(account)));
        let mut out = BufWriter::new(File::create(path)?);
        details(org, account, &mut out)?;
        out.flush()?;
    }
    Ok(org.accounts)
}

/// The details of one account.
fn details(org: &Organization, account: usize, out: &mut impl Write) -> io::Result<()> {
    let mut of_aws = BTreeSet::new();
    write!(out, "{{")?;
    for (list, kinds) in [
        ("UserDetailList", &[Kind::IamUser] as &[Kind]),
        ("GroupDetailList", &[Kind::IamGroup]),
        ("RoleDetailList", &[Kind::IamRole, Kind::ServiceLinkedRole]),
        ("Policies", &[Kind::IamPolicy]),
    ] {
        let mut between = "";
        write!(out, "\n  \"{list}\": [")?;
        let mut item = |record: &Record, out: &mut dyn Write| {
            write!(out, "{between}\n    ")?;
            between = ",";
            serde_json::to_writer(out, &Details::new(org, record)).map_err(io::Error::from)
        };
        for record in FAMILIES
            .iter()
            .filter(|family| kinds.contains(&family.kind))
            .flat_map(|family| family.records(org, account))
        {
            let attached = record.refs.iter().map(|reference| &reference.to);
            of_aws.extend(attached.filter(|arn| managed::is_of_aws(arn)).cloned());
            item(&record, out)?;
        }
        if list == "Policies" {
            for arn in &of_aws {
                item(&managed::record(arn), out)?;
            }
        }
        write!(out, "\n  ],")?;
    }
    writeln!(out, "\n  \"IsTruncated\": false\n}}")
}

/// One user, group, role or policy. What is none is left out, as the AWS CLI does.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_id: Option<String>,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assume_role_policy_document: Option<PolicyText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_profile_list: Option<Vec<InstanceProfile>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_policy_list: Option<Vec<Inline>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_policy_list: Option<Vec<Inline>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_policy_list: Option<Vec<Inline>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_list: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attached_managed_policies: Option<Vec<Attached>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<Boundary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_attachable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_version_list: Option<Vec<Version>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceProfile {
    instance_profile_name: String,
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Inline {
    policy_name: String,
    policy_document: PolicyText,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attached {
    policy_name: String,
    policy_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Boundary {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    document: PolicyText,
    version_id: String,
    is_default_version: bool,
}

impl Details {
    fn new(org: &Organization, record: &Record) -> Self {
        let kind = record.kind;
        let only = |kinds: &[Kind], prefix: &str| {
            let fits = kinds.contains(&kind);
            (
                fits.then(|| record.name.clone()),
                fits.then(|| unique_id(org, prefix, &record.id)),
            )
        };
        let roles = [Kind::IamRole, Kind::ServiceLinkedRole];
        let (user_name, user_id) = only(&[Kind::IamUser], "AIDA");
        let (group_name, group_id) = only(&[Kind::IamGroup], "AGPA");
        let (role_name, role_id) = only(&roles, "AROA");
        let (policy_name, policy_id) = only(&[Kind::IamPolicy], "ANPA");
        let is_role = role_name.is_some();
        let is_policy = policy_name.is_some();
        let inline = |fits: bool| fits.then(|| inline(record));
        let text = |name: &str| {
            record
                .attrs
                .get(name)
                .and_then(|value| value.as_str())
                .map(str::to_owned)
        };
        let refs = |rel: EdgeKind| record.refs.iter().filter(move |r| r.rel == rel).map(|r| &r.to);
        Self {
            path: path(&record.id),
            create_date: record.created_at.clone(),
            assume_role_policy_document: slot(record, Slot::Trust),
            instance_profile_list: is_role.then(|| profiles(record)),
            user_policy_list: inline(user_name.is_some()),
            group_policy_list: inline(group_name.is_some()),
            role_policy_list: inline(is_role),
            group_list: user_name
                .is_some()
                .then(|| refs(EdgeKind::MemberOf).map(|arn| last(arn)).collect()),
            attached_managed_policies: (!is_policy).then(|| {
                let attached = |arn: &String| Attached {
                    policy_name: last(arn),
                    policy_arn: arn.clone(),
                };
                refs(EdgeKind::HasPolicy).map(attached).collect()
            }),
            permissions_boundary: refs(EdgeKind::SubjectTo).next().map(|arn| Boundary {
                permissions_boundary_type: "Policy",
                permissions_boundary_arn: arn.clone(),
            }),
            tags: record
                .tags
                .iter()
                .map(|(key, value)| Tag {
                    key: key.to_owned(),
                    value: value.clone(),
                })
                .collect(),
            default_version_id: text("default_version"),
            is_attachable: is_policy.then_some(true),
            policy_version_list: slot(record, Slot::Document).map(|document| {
                vec![Version {
                    document,
                    version_id: text("default_version").unwrap_or_default(),
                    is_default_version: true,
                }]
            }),
            user_name,
            user_id,
            group_name,
            group_id,
            role_name,
            role_id,
            policy_name,
            policy_id,
            arn: record.id.clone(),
        }
    }
}

fn inline(record: &Record) -> Vec<Inline> {
    let inline = record
        .policies
        .iter()
        .filter(|policy| policy.slot == Slot::Inline);
    inline
        .map(|policy| Inline {
            policy_name: policy.name.clone().unwrap_or_default(),
            policy_document: policy.document.clone(),
        })
        .collect()
}

fn slot(record: &Record, slot: Slot) -> Option<PolicyText> {
    let found = record.policies.iter().find(|policy| policy.slot == slot)?;
    Some(found.document.clone())
}

fn profiles(record: &Record) -> Vec<InstanceProfile> {
    let arns = record
        .attrs
        .get("instance_profiles")
        .and_then(|value| value.as_array());
    arns.into_iter()
        .flatten()
        .filter_map(|arn| arn.as_str())
        .map(|arn| InstanceProfile {
            instance_profile_name: last(arn),
            arn: arn.to_owned(),
        })
        .collect()
}

/// The path in an ARN of IAM: what is between its type and its name.
pub(crate) fn path(arn: &str) -> String {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let from = resource.find('/').unwrap_or(0);
    let to = resource.rfind('/').map_or(0, |at| at + 1);
    resource.get(from..to).unwrap_or("/").to_owned()
}

fn last(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_owned()
}

/// AWS's unique id of something, such as `AROA…`.
pub(crate) fn unique_id(org: &Organization, prefix: &str, arn: &str) -> String {
    Rng::of(org.seed, arn, 0).unique_id(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(path("arn:aws:iam::1:role/R"), "/");
        assert_eq!(path("arn:aws:iam::1:role/a/b/R"), "/a/b/");
    }
}
