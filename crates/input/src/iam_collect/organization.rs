//! An organisation's folder: the tree of units and accounts, and the SCPs and RCPs on each level.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use sv0_model::coverage::{Gap, Reason};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::{PolicyText, Record};

use super::{Reader, account_in, field, folders, slot, tags, tail, texts, whole};
use crate::{Loaded, show};

/// What AWS attaches everywhere until it is taken away; the same in every organisation.
const FULL_ACCESS: &[(&str, &str)] = &[
    (
        "p-fullawsaccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        "p-rcpfullawsaccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#,
    ),
];

/// The two kinds of policies: their folder and field, their kind, the word in their ARNs, the feature's name.
const CEILINGS: &[(&str, Kind, &str, &str)] = &[
    (
        "scps",
        Kind::Scp,
        "service_control_policy",
        "SERVICE_CONTROL_POLICY",
    ),
    (
        "rcps",
        Kind::Rcp,
        "resource_control_policy",
        "RESOURCE_CONTROL_POLICY",
    ),
];

/// A unit or account as the files have it.
#[derive(Default)]
struct Level {
    parent: Option<String>,
    fields: Map<String, Value>,
}

pub(super) fn read(partition: &str, folder_name: &str, folder: &Path) -> Loaded {
    let mut reader = Reader::default();
    let metadata = reader.object_if_there(&folder.join("metadata.json"));
    let id = field(&metadata, &["id"]).unwrap_or(folder_name).to_owned();
    let management = field(&metadata, &["rootAccountId"])
        .or_else(|| account_in(field(&metadata, &["arn"])?))
        .or_else(|| field(&metadata, &["rootAccountArn"]).map(tail))
        .unwrap_or_default()
        .to_owned();
    let arn = |rest: String| format!("arn:{partition}:organizations::{management}:{rest}");
    let organization_arn =
        field(&metadata, &["arn"]).map_or_else(|| arn(format!("organization/{id}")), str::to_owned);

    let mut units = levels(reader.object_if_there(&folder.join("ous.json")), "parent");
    let mut accounts = levels(reader.object_if_there(&folder.join("accounts.json")), "ou");
    let structure = Value::Object(reader.object_if_there(&folder.join("structure.json")));
    complete(&structure, &mut units, &mut accounts);
    if accounts.is_empty() {
        let name = show(folder);
        let detail = format!("`{name}` does not say which accounts the organization has");
        reader.gap(&name, Reason::Damaged, detail);
    }

    let mut records = Vec::new();
    let mut organization = Record::new(Kind::AwsOrganization, &organization_arn);
    organization.name = field(&metadata, &["name"]).unwrap_or(&id).to_owned();
    organization.account = Some(management.clone()).filter(|account| !account.is_empty());
    let mut attr = |name: &str, value: Value| organization.attrs.insert(name, value);
    attr("id", id.as_str().into());
    if !management.is_empty() {
        attr("management_account", management.as_str().into());
    }
    let root = field(&metadata, &["rootOu"]).or_else(|| {
        units
            .keys()
            .map(String::as_str)
            .find(|unit| unit.starts_with("r-"))
    });
    if let Some(root) = root {
        attr("root", root.into());
    }
    let features = metadata.get("features").and_then(Value::as_object);
    let enabled: Vec<&str> = features
        .into_iter()
        .flatten()
        .filter(|(_, on)| on.as_bool() == Some(true))
        .map(|(name, _)| name.as_str())
        .collect();
    if !enabled.is_empty() {
        attr("policy_types", enabled.into());
    }
    let delegated = reader.object_if_there(&folder.join("delegated-admins.json"));
    if !delegated.is_empty() {
        attr("delegated_administrators", by_account(&delegated).into());
    }
    records.push(organization);

    for (unit, level) in &units {
        records.push(unit_record(
            &mut reader,
            folder,
            unit,
            level,
            &organization_arn,
            &management,
        ));
    }
    let account_arn = |account: &str| arn(format!("account/{id}/{account}"));
    for (account, level) in &accounts {
        let mut record = Record::new(Kind::AwsAccount, account_arn(account));
        record.name = field(&level.fields, &["name", "Name"])
            .unwrap_or_default()
            .to_owned();
        record.account = Some(account.clone());
        record
            .tags
            .extend(level.fields.get("tags").into_iter().flat_map(tags));
        if let Some(status) = field(&level.fields, &["status", "Status"]) {
            record.attrs.insert("status", status.into());
        }
        if let Some(parent) = &level.parent {
            record.refer(EdgeKind::MemberOf, parent.clone());
        }
        records.push(record);
    }

    for (word, kind, arn_word, feature) in CEILINGS {
        let off = features
            .and_then(|all| all.get(*feature))
            .and_then(Value::as_bool)
            == Some(false);
        let mut targets: BTreeMap<String, Attached> = BTreeMap::new();
        let all = units.iter().map(|(unit, level)| (unit.clone(), level));
        for (target, level) in all.chain(accounts.iter().map(|(a, level)| (account_arn(a), level))) {
            for policy in level.fields.get(*word).map(texts).unwrap_or_default() {
                let entry = targets.entry(tail(&policy).to_ascii_lowercase()).or_default();
                entry.arn = policy;
                if !off && !entry.to.contains(&target) {
                    entry.to.push(target.clone());
                }
            }
        }
        for (name, path) in folders(&folder.join(word)) {
            let attached = targets.remove(&name.to_ascii_lowercase()).unwrap_or_default();
            let fallback = arn(format!("policy/{id}/{arn_word}/{name}"));
            records.push(ceiling(&mut reader, *kind, &path, &name, attached, fallback));
        }
        for (name, attached) in targets {
            records.push(not_held(&mut reader, *kind, folder, &name, attached));
        }
    }
    for (name, path) in folders(folder) {
        if name.ends_with("-policies") && !folders(&path).is_empty() {
            let name = show(&path);
            let detail = format!("`{name}`: sv0 does not read policies of this type yet");
            reader.gap(&name, Reason::NotSupported, detail);
        }
    }
    Loaded {
        records,
        gaps: reader.gaps,
        ..Loaded::default()
    }
}

/// Units or accounts by their id.
fn levels(file: Map<String, Value>, parent: &str) -> BTreeMap<String, Level> {
    file.into_iter()
        .filter_map(|(id, value)| {
            let Value::Object(fields) = value else { return None };
            let parent = field(&fields, &[parent]).map(|text| tail(text).to_owned());
            Some((tail(&id).to_owned(), Level { parent, fields }))
        })
        .collect()
}

/// Adds what only the tree of `structure.json` says.
fn complete(structure: &Value, units: &mut BTreeMap<String, Level>, accounts: &mut BTreeMap<String, Level>) {
    let mut open: Vec<(Option<String>, &Value)> = vec![(None, structure)];
    while let Some((parent, children)) = open.pop() {
        for (id, node) in children.as_object().into_iter().flatten() {
            let unit = units.entry(id.clone()).or_default();
            unit.parent = unit.parent.take().or_else(|| parent.clone());
            for account in node.get("accounts").map(texts).unwrap_or_default() {
                let account = accounts.entry(tail(&account).to_owned()).or_default();
                account.parent = account.parent.take().or_else(|| Some(id.clone()));
            }
            if let Some(below) = node.get("children") {
                open.push((Some(id.clone()), below));
            }
        }
    }
}

fn unit_record(
    reader: &mut Reader<'_>,
    folder: &Path,
    unit: &str,
    level: &Level,
    organization: &str,
    management: &str,
) -> Record {
    let path = folder.join("ous").join(unit.to_ascii_lowercase());
    let metadata = reader.object_if_there(&path.join("metadata.json"));
    let is_root = unit.starts_with("r-");
    let mut record = Record::new(Kind::AwsOu, unit);
    record.name = field(&metadata, &["name"])
        .filter(|name| !is_root || *name != unit)
        .unwrap_or(if is_root { "Root" } else { unit })
        .to_owned();
    record.account = Some(management.to_owned()).filter(|account| !account.is_empty());
    let tag_file = Value::Object(reader.object_if_there(&path.join("tags.json")));
    for source in level.fields.get("tags").into_iter().chain([&tag_file]) {
        record.tags.extend(tags(source));
    }
    if let Some(arn) = field(&metadata, &["arn"]) {
        record.attrs.insert("arn", arn.into());
    }
    match &level.parent {
        Some(parent) => record.refer(EdgeKind::MemberOf, parent.clone()),
        None if is_root => record.refer(EdgeKind::MemberOf, organization),
        None => {
            let detail = format!("`{}` does not say which unit `{unit}` is in", show(folder));
            reader.gap(&show(folder), Reason::Damaged, detail);
        }
    }
    record
}

/// Where a policy is attached.
#[derive(Default)]
struct Attached {
    arn: String,
    to: Vec<String>,
}

fn ceiling(
    reader: &mut Reader<'_>,
    kind: Kind,
    path: &Path,
    name: &str,
    attached: Attached,
    fallback: String,
) -> Record {
    let metadata = reader.object_if_there(&path.join("metadata.json"));
    let id = field(&metadata, &["arn"])
        .or_else(|| Some(attached.arn.as_str()).filter(|arn| !arn.is_empty()))
        .map_or(fallback, str::to_owned);
    let mut record = Record::new(kind, id);
    record.name = field(&metadata, &["name"]).unwrap_or(name).to_owned();
    record.account = account_in(&record.id).map(str::to_owned);
    for key in ["description", "awsManaged"] {
        if let Some(value) = metadata
            .get(key)
            .filter(|v| v.is_boolean() || v.as_str().is_some_and(|t| !t.is_empty()))
        {
            let key = if key == "awsManaged" { "aws_managed" } else { key };
            record.attrs.insert(key, value.clone());
        }
    }
    let tag_file = path.join("tags.json");
    if tag_file.is_file()
        && let Some(value) = reader.json(&tag_file)
    {
        record.tags.extend(tags(&value));
    }
    let file = path.join("policy.json");
    let text = if file.is_file() {
        reader.text(&file).as_ref().and_then(whole)
    } else {
        None
    };
    fill(reader, &mut record, &show(path), name, text, attached.to);
    record
}

/// A policy that is attached but has no folder.
fn not_held(reader: &mut Reader<'_>, kind: Kind, folder: &Path, name: &str, attached: Attached) -> Record {
    let mut record = Record::new(kind, &attached.arn);
    record.name = tail(&attached.arn).trim_start_matches("p-").to_owned();
    record.account = account_in(&record.id).map(str::to_owned);
    fill(reader, &mut record, &show(folder), name, None, attached.to);
    record
}

/// The document and what it limits.
fn fill(
    reader: &mut Reader<'_>,
    record: &mut Record,
    place: &str,
    name: &str,
    text: Option<PolicyText>,
    targets: Vec<String>,
) {
    let text = text.or_else(|| {
        let (_, known) = FULL_ACCESS
            .iter()
            .find(|(id, _)| *id == name.to_ascii_lowercase())?;
        Some(PolicyText::new(*known))
    });
    match text {
        Some(text) => record.policies.push(slot(Slot::Document, None, text)),
        None if targets.is_empty() => {}
        None => {
            record.partial = Some("its document is not in the input".into());
            reader.gaps.push(Gap {
                account: None,
                region: None,
                service: Some("organizations".into()),
                call: place.to_owned(),
                entity: Some(record.id.clone()),
                reason: Reason::NotInInput,
                detail: format!(
                    "`{place}` does not hold the document of `{}`, which is attached to {}",
                    record.id,
                    targets.join(", ")
                ),
                consequence: "what it denies may be shown as allowed, and what only it allows as denied"
                    .into(),
            });
        }
    }
    for target in targets {
        record.refer(EdgeKind::Constrains, target);
    }
}

/// From services with accounts to accounts with services.
fn by_account(delegated: &Map<String, Value>) -> Map<String, Value> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (service, accounts) in delegated {
        let one = accounts.as_str().map(str::to_owned);
        for account in texts(accounts).into_iter().chain(one) {
            out.entry(account).or_default().push(service.clone());
        }
    }
    out.into_iter()
        .map(|(account, services)| (account, services.into()))
        .collect()
}
