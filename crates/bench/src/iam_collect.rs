//! Writes the organisation as the folder that iam-collect writes with file storage: `iam-data/aws/aws/…`, with the
//! indexes that tools of its family read, and `iam-collect.jsonc`, by which they find the folder.
//!
//! What that tool does not collect is left out: instances, tasks, triggers, access keys, the keys of tables. JSON is
//! written on one line, where the tool indents it.
//!
//! Source: iam-collect's `docs/Storage.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::{PolicyText, Record};

use crate::ceiling::{self, Ceiling};
use crate::gaad::unique_id;
use crate::names::{self, ORGANIZATION};
use crate::organization::{FAMILIES, Organization};
use crate::tree::{self, ROOT, UNITS};
use crate::{managed, role, store};

/// Writes the store below a folder, which is made where it is missing. Gives the number of files.
///
/// # Errors
///
/// What the system says.
pub fn write(org: &Organization, folder: &Path) -> io::Result<usize> {
    let mut files = Files {
        root: folder.join("iam-data/aws/aws"),
        count: 0,
    };
    organization(org, &mut files)?;
    for account in 0..org.accounts {
        account_folder(org, account, &mut files)?;
    }
    indexes(org, &mut files)?;
    let config = json!({
        "iamCollectVersion": "0.1.206",
        "storage": {"path": "./iam-data", "type": "file"},
    });
    fs::write(folder.join("iam-collect.jsonc"), format!("{config}\n"))?;
    Ok(files.count + 1)
}

/// The folder of one resource.
struct Folder<'f> {
    path: String,
    files: &'f mut Files,
}

impl Folder<'_> {
    fn put(&mut self, name: &str, value: &impl Serialize) -> io::Result<()> {
        self.files.json(&format!("{}/{name}.json", self.path), value)
    }
}

struct Files {
    root: PathBuf,
    count: usize,
}

impl Files {
    fn create(&mut self, path: &str) -> io::Result<BufWriter<File>> {
        let path = self.root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        self.count += 1;
        Ok(BufWriter::new(File::create(path)?))
    }

    fn json(&mut self, path: &str, value: &impl Serialize) -> io::Result<()> {
        let mut out = self.create(path)?;
        serde_json::to_writer(&mut out, value)?;
        out.flush()
    }
}

// ---- the organisation ------------------------------------------------------------------------------------------------

fn organization(org: &Organization, files: &mut Files) -> io::Result<()> {
    let base = format!("organizations/{ORGANIZATION}");
    let management = Organization::management_account();
    let metadata = json!({
        "arn": tree::organization_arn(),
        "features": {"RESOURCE_CONTROL_POLICY": true, "SERVICE_CONTROL_POLICY": true},
        "id": ORGANIZATION,
        "rootAccountArn": tree::account_arn(0),
        "rootAccountId": management,
        "rootOu": ROOT,
    });
    files.json(&format!("{base}/metadata.json"), &metadata)?;

    let ceilings = ceiling::all(org);
    for ceiling in &ceilings {
        let record = ceiling.record();
        let folder = format!("{base}/{}/{}", word(ceiling), ceiling.id.to_lowercase());
        let metadata = json!({
            "arn": ceiling.arn(),
            "awsManaged": record.attrs.get("aws_managed"),
            "description": "",
            "name": ceiling.name,
        });
        files.json(&format!("{folder}/metadata.json"), &metadata)?;
        for policy in &record.policies {
            files.json(&format!("{folder}/policy.json"), &policy.document)?;
        }
    }
    let bound = Bound::new(&ceilings);
    let units = std::iter::once((ROOT, "Root", None)).chain(UNITS.map(|(id, name, up)| (id, name, Some(up))));
    let mut all = BTreeMap::new();
    for (id, name, parent) in units {
        let mut entry = bound.entry(id);
        if let Some(parent) = parent {
            entry.insert("parent", parent.into());
        }
        all.insert(id, entry);
        let metadata = json!({"arn": tree::unit_arn(id), "name": name});
        files.json(&format!("{base}/ous/{id}/metadata.json"), &metadata)?;
    }
    files.json(&format!("{base}/ous.json"), &all)?;
    let accounts: BTreeMap<String, _> = (0..org.accounts)
        .map(|account| {
            let mut entry = bound.entry(&tree::account_arn(account));
            entry.insert("name", tree::account_name(account).into());
            entry.insert("ou", tree::unit_of(org, account).into());
            (names::account(account), entry)
        })
        .collect();
    files.json(&format!("{base}/accounts.json"), &accounts)?;
    files.json(
        &format!("{base}/structure.json"),
        &BTreeMap::from([(ROOT, structure(org, ROOT))]),
    )
}

const fn word(ceiling: &Ceiling) -> &'static str {
    match ceiling.kind {
        Kind::Scp => "scps",
        _ => "rcps",
    }
}

/// Which policies bind what.
struct Bound<'c>(BTreeMap<(&'c str, &'static str), Vec<String>>);

impl<'c> Bound<'c> {
    fn new(ceilings: &'c [Ceiling]) -> Self {
        let mut out: BTreeMap<_, Vec<String>> = BTreeMap::new();
        for ceiling in ceilings {
            for target in &ceiling.targets {
                out.entry((target.as_str(), word(ceiling)))
                    .or_default()
                    .push(ceiling.arn());
            }
        }
        Self(out)
    }

    fn entry(&self, target: &str) -> BTreeMap<&'static str, Value> {
        let of = |word: &'static str| {
            let found = self
                .0
                .iter()
                .find(|((of, kind), _)| *of == target && *kind == word);
            Value::from(found.map(|(_, policies)| policies.clone()).unwrap_or_default())
        };
        BTreeMap::from([("rcps", of("rcps")), ("scps", of("scps"))])
    }
}

/// A unit with what is below it.
fn structure(org: &Organization, unit: &str) -> Value {
    let mut out = serde_json::Map::new();
    let accounts: Vec<Value> = (0..org.accounts)
        .filter(|account| tree::unit_of(org, *account) == unit)
        .map(|account| tree::account_arn(account).into())
        .collect();
    if !accounts.is_empty() {
        out.insert("accounts".into(), accounts.into());
    }
    let below: serde_json::Map<String, Value> = UNITS
        .iter()
        .filter(|(_, _, parent)| *parent == unit)
        .map(|(id, _, _)| ((*id).to_owned(), structure(org, id)))
        .collect();
    if !below.is_empty() {
        out.insert("children".into(), below.into());
    }
    out.into()
}

// ---- accounts --------------------------------------------------------------------------------------------------------

fn account_folder(org: &Organization, account: usize, files: &mut Files) -> io::Result<()> {
    let base = format!("accounts/{}", names::account(account));
    files.json(
        &format!("{base}/organization.json"),
        &json!({"organizationId": ORGANIZATION}),
    )?;
    let mut of_aws = BTreeSet::new();
    for family in FAMILIES {
        if matches!(family.kind, Kind::Ec2Instance | Kind::EcsTask) {
            continue;
        }
        for record in family.records(org, account) {
            let attached = record.refs.iter().map(|reference| &reference.to);
            of_aws.extend(attached.filter(|arn| managed::is_of_aws(arn)).cloned());
            resource(org, &base, &record, files)?;
        }
    }
    for arn in &of_aws {
        resource(org, &base, &managed::record(arn), files)?;
    }
    Ok(())
}

fn resource(org: &Organization, base: &str, record: &Record, files: &mut Files) -> io::Result<()> {
    let mut folder = Folder {
        path: format!("{base}/{}", folder(&record.id)),
        files,
    };
    folder.put("metadata", &metadata(org, record))?;
    if !record.tags.is_empty() {
        folder.put("tags", &record.tags)?;
    }
    let refs = |rel: EdgeKind| -> Vec<&str> {
        let fitting = record.refs.iter().filter(|r| r.rel == rel);
        fitting.map(|r| r.to.as_str()).collect()
    };
    for (name, rel) in [
        ("managed-policies", EdgeKind::HasPolicy),
        ("groups", EdgeKind::MemberOf),
    ] {
        let targets = refs(rel);
        if !targets.is_empty() {
            folder.put(name, &targets)?;
        }
    }
    let inline: Vec<Inline<'_>> = record
        .policies
        .iter()
        .filter(|policy| policy.slot == Slot::Inline)
        .map(|policy| Inline {
            policy_name: policy.name.as_deref().unwrap_or_default(),
            policy_document: &policy.document,
        })
        .collect();
    if !inline.is_empty() {
        folder.put("inline-policies", &inline)?;
    }
    for policy in &record.policies {
        match policy.slot {
            Slot::Inline => {}
            Slot::Trust => folder.put("trust-policy", &policy.document)?,
            Slot::Document | Slot::Resource | Slot::Key | Slot::Endpoint => {
                folder.put("policy", &policy.document)?
            }
        }
    }
    if let Some(profiles) = record.attrs.get("instance_profiles") {
        folder.put("instance-profiles", profiles)?;
    }
    if let Some(block) = record.attrs.get("block_public_access") {
        folder.put("bpa", block)?;
    }
    if record.kind == Kind::S3Bucket {
        let with = match refs(EdgeKind::EncryptedWith).first() {
            Some(key) => json!({"KMSMasterKeyID": key, "SSEAlgorithm": "aws:kms"}),
            None => json!({"SSEAlgorithm": "AES256"}),
        };
        let rule = json!([{"ApplyServerSideEncryptionByDefault": with, "BucketKeyEnabled": true}]);
        folder.put("encryption", &rule)?;
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Inline<'r> {
    policy_name: &'r str,
    policy_document: &'r PolicyText,
}

/// The facts that iam-collect keeps of each kind, under its names for them.
fn metadata(org: &Organization, record: &Record) -> BTreeMap<&'static str, Value> {
    let mut out: BTreeMap<&'static str, Value> = BTreeMap::from([("arn", record.id.as_str().into())]);
    let first = |rel: EdgeKind| record.refs.iter().find(|r| r.rel == rel).map(|r| r.to.as_str());
    out.insert("name", record.name.as_str().into());
    let iam = |prefix: &str| -> [(&'static str, Value); 2] {
        [
            ("id", unique_id(org, prefix, &record.id).into()),
            ("path", crate::gaad::path(&record.id).into()),
        ]
    };
    match record.kind {
        Kind::IamRole | Kind::ServiceLinkedRole => out.extend(iam("AROA")),
        Kind::IamUser => out.extend(iam("AIDA")),
        Kind::IamGroup => out.extend(iam("AGPA")),
        Kind::IamPolicy => {
            out.extend(iam("ANPA"));
            out.insert("isAttachable", true.into());
            if let Some(version) = record.attrs.get("default_version") {
                out.insert("defaultVersionId", version.clone());
            }
        }
        Kind::OidcProvider => {
            let ids = record.attrs.get("client_ids").cloned();
            out.insert("audiences", ids.unwrap_or_default());
            out.insert("url", record.name.as_str().into());
        }
        Kind::LambdaFunction => out.extend(first(EdgeKind::RunsAs).map(|role| ("role", role.into()))),
        Kind::S3Bucket => out.extend(record.region.as_deref().map(|region| ("region", region.into()))),
        Kind::SecretsManagerSecret | Kind::SqsQueue => {
            out.extend(first(EdgeKind::EncryptedWith).map(|key| ("kmsKey", key.into())));
        }
        Kind::SnsTopic => out.extend(first(EdgeKind::EncryptedWith).map(|key| ("keyId", key.into()))),
        Kind::DynamodbTable => out.extend([("table", "true".into())]),
        Kind::KmsKey => out.extend([("id", record.name.as_str().into())]),
        _ => {}
    }
    if let Some(boundary) = first(EdgeKind::SubjectTo) {
        out.insert("permissionBoundary", boundary.into());
    }
    if let Some(created) = &record.created_at {
        out.insert("created", created.as_str().into());
    }
    out
}

/// The folder of an ARN within its account's: service, region, type and id, in lower case.
fn folder(arn: &str) -> String {
    let mut parts = arn.splitn(6, ':').skip(2);
    let mut next = || parts.next().unwrap_or_default();
    let (service, region, account, resource) = (next(), next(), next(), next());
    let (kind, id) = match resource.split_once(['/', ':']) {
        Some(parts) if service != "s3" => parts,
        _ => ("", resource),
    };
    let of_aws = if account == "aws" { "aws" } else { "" };
    let parts = [service, region, of_aws, kind, &encoded(id)];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("/").to_lowercase()
}

/// As JavaScript's `encodeURIComponent`.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

// ---- indexes ---------------------------------------------------------------------------------------------------------

/// What iam-collect derives from the rest. Written entry by entry: they are as long as the organisation is large.
fn indexes(org: &Organization, files: &mut Files) -> io::Result<()> {
    let orgs = (0..org.accounts).map(|account| (names::account(account), json!(ORGANIZATION)));
    object(files, "accounts-to-orgs", orgs)?;
    let buckets = (0..org.accounts).flat_map(|account| {
        store::BUCKETS.records(org, account).map(move |bucket| {
            let place = json!({"accountId": names::account(account), "region": bucket.region});
            (bucket.name, place)
        })
    });
    object(files, "buckets-to-accounts", buckets)?;
    let trusts = (0..org.accounts).map(|account| (names::account(account), trusted(org, account)));
    object(files, "principals-to-trust-policies", trusts)?;
    files.json("indexes/vpcs.json", &json!({"endpoints": {}, "vpcs": {}}))?;
    files.json("indexes/apigateways-to-accounts.json", &json!({}))
}

fn object(files: &mut Files, name: &str, entries: impl Iterator<Item = (String, Value)>) -> io::Result<()> {
    let mut out = files.create(&format!("indexes/{name}.json"))?;
    let mut between = "{";
    for (key, value) in entries {
        write!(out, "{between}\n  {}: {value}", Value::from(key))?;
        between = ",";
    }
    writeln!(out, "{}\n}}", if between == "{" { "{" } else { "" })?;
    out.flush()
}

/// Whom the roles of an account trust: principals, each with the roles.
fn trusted(org: &Organization, account: usize) -> Value {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in [role::ROLES, role::SERVICE_LINKED]
        .iter()
        .flat_map(|family| family.records(org, account))
    {
        let trust = record.policies.iter().find(|policy| policy.slot == Slot::Trust);
        let document: Value = trust
            .and_then(|trust| serde_json::from_str(trust.document.as_str()).ok())
            .unwrap_or_default();
        let principals = document
            .pointer("/Statement/0/Principal")
            .and_then(Value::as_object);
        for principal in principals
            .into_iter()
            .flatten()
            .filter_map(|(_, value)| value.as_str())
        {
            out.entry(principal.to_owned())
                .or_default()
                .push(record.id.clone());
        }
    }
    json!({"principal": out})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_in_lower_case_and_encoded() {
        for (arn, expected) in [
            ("arn:aws:s3:::logs", "s3/logs"),
            ("arn:aws:iam::1:role/team/Deploy", "iam/role/team%2fdeploy"),
            (
                "arn:aws:iam::aws:policy/service-role/X",
                "iam/aws/policy/service-role%2fx",
            ),
            (
                "arn:aws:lambda:eu-west-1:1:function:f",
                "lambda/eu-west-1/function/f",
            ),
            ("arn:aws:sqs:eu-west-1:1:q", "sqs/eu-west-1/q"),
            (
                "arn:aws:secretsmanager:eu-west-1:1:secret:a/b-AbCdEf",
                "secretsmanager/eu-west-1/secret/a%2fb-abcdef",
            ),
        ] {
            assert_eq!(folder(arn), expected, "{arn}");
        }
    }
}
