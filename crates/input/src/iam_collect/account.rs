//! One account's folder: its resources, its Block Public Access, what it shares with others.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Map, Value};
use sv0_iam::name::Arn;
use sv0_model::coverage::Reason;
use sv0_model::kind::{Kind, Slot};
use sv0_model::record::{PolicyText, Record};

use super::{Reader, Text, folders, resource, slot};
use crate::text::Lines;
use crate::{Loaded, show};

/// The four switches of Block Public Access.
const SWITCHES: &[&str] = &[
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
];

pub(super) fn read(partition: &str, account: &str, folder: &Path) -> Loaded {
    let mut reader = Reader {
        account: Some(account),
        ..Reader::default()
    };
    let services: Vec<(String, PathBuf)> = folders(folder);
    let mut shares = Vec::new();
    let owner = resource::Owner { partition, account };
    let mut parts = services
        .par_iter()
        .filter(|(name, _)| name != "ram")
        .map(|(name, path)| visit(owner, path, std::slice::from_ref(name)))
        .reduce(Loaded::default, join);
    if services.iter().any(|(name, _)| name == "ram") {
        shares = shared(&mut reader, &folder.join("ram"));
    }
    let block = reader.object_if_there(&folder.join("s3-bpa.json"));
    for record in parts.records.iter_mut().filter(|r| r.kind == Kind::S3Bucket) {
        shut(record, &block);
    }
    attach(owner, &mut parts.records, shares);
    parts.gaps.extend(reader.gaps);
    parts
}

fn join(mut left: Loaded, right: Loaded) -> Loaded {
    left.records.extend(right.records);
    left.gaps.extend(right.gaps);
    left
}

/// The resource in a folder, if there is one, and those below. `place` is the way here from the account's folder.
fn visit(owner: resource::Owner<'_>, folder: &Path, place: &[String]) -> Loaded {
    let mut out = Loaded::default();
    let entries: Vec<fs::DirEntry> = match fs::read_dir(folder).and_then(Iterator::collect) {
        Ok(entries) => entries,
        Err(error) => {
            let name = show(folder);
            let mut reader = Reader {
                account: Some(owner.account),
                ..Reader::default()
            };
            reader.gap(&name, Reason::Error, format!("cannot read `{name}`: {error}"));
            out.gaps = reader.gaps;
            return out;
        }
    };
    let mut below = Vec::new();
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && !name.starts_with('.') {
            below.push(name);
        } else if !is_folder && name.ends_with(".json") {
            files.push(name);
        }
    }
    below.sort();
    files.sort();
    if !files.is_empty() {
        let (record, gaps) = resource::read(owner, folder, place, &files);
        out.records.extend(record);
        out.gaps.extend(gaps);
    }
    // A resource's id is one folder below its type, so that deeper trees are no part of the layout.
    if below.is_empty() || place.len() >= 12 {
        return out;
    }
    let deeper = below
        .into_par_iter()
        .map(|name| {
            let path = folder.join(&name);
            let mut place = place.to_vec();
            place.push(name);
            visit(owner, &path, &place)
        })
        .reduce(Loaded::default, join);
    join(out, deeper)
}

/// A bucket is shut where it is shut itself or its account is.
fn shut(bucket: &mut Record, account: &Map<String, Value>) {
    let on = |map: &Map<String, Value>, name: &str| map.get(name).and_then(Value::as_bool) == Some(true);
    if account.is_empty() {
        return;
    }
    let own = match bucket.attrs.get("block_public_access") {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    let merged: Map<String, Value> = SWITCHES
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                Value::from(on(&own, name) || on(account, name)),
            )
        })
        .collect();
    bucket.attrs.insert("block_public_access", merged.into());
}

/// What a resource share adds to a resource: its ARN and a policy.
type Share = (String, PolicyText);

/// The policies that Resource Access Manager put on shared resources.
fn shared(reader: &mut Reader<'_>, folder: &Path) -> Vec<Share> {
    let mut out = Vec::new();
    for (_, region) in folders(folder)
        .into_iter()
        .chain([(String::new(), folder.to_owned())])
    {
        let Ok(entries) = fs::read_dir(&region) else {
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths
            .iter()
            .filter(|p| p.extension().is_some_and(|ending| ending == "json"))
        {
            let Some(file) = reader.text(path) else { continue };
            match share(&file) {
                Ok(found) => out.extend(found),
                Err(why) => {
                    let detail = format!("`{}` {why}; it was left out", file.name);
                    reader.gap(&file.name, Reason::Damaged, detail);
                }
            }
        }
    }
    out
}

fn share(file: &Text) -> Result<Option<Share>, String> {
    let fields: BTreeMap<String, &serde_json::value::RawValue> =
        serde_json::from_str(&file.text).map_err(|error| format!("is not a valid JSON object: {error}"))?;
    let lines = Lines::new(&file.text);
    let policy = fields
        .iter()
        .filter(|(key, _)| key.to_ascii_lowercase().contains("policy"))
        .find_map(|(key, raw)| super::document(file, &lines, raw.get(), key.clone()));
    let Some(policy) = policy else { return Ok(None) };
    let arn = ["arn", "resourceArn", "resource"]
        .iter()
        .filter_map(|key| serde_json::from_str::<String>(fields.get(*key)?.get()).ok())
        .find(|text| Arn::parse(text).is_some())
        .or_else(|| resource_named(policy.as_str()));
    match arn {
        Some(arn) => Ok(Some((arn, policy))),
        None => Err("has a policy but does not say of which resource".into()),
    }
}

/// The one resource that a document is about, if it names one ARN.
fn resource_named(policy: &str) -> Option<String> {
    let value: Value = serde_json::from_str(policy).ok()?;
    let mut statements = value.get("Statement")?.as_array()?.iter();
    let first = statements.next()?.get("Resource")?.as_str()?;
    let same = statements.all(|s| s.get("Resource").and_then(Value::as_str) == Some(first));
    (same && Arn::parse(first).is_some() && !first.contains(['*', '?'])).then(|| first.to_owned())
}

/// Puts shares on their resources; a resource that is only known by its share becomes one.
fn attach(owner: resource::Owner<'_>, records: &mut Vec<Record>, shares: Vec<Share>) {
    for (arn, policy) in shares {
        let known = records.iter_mut().find(|record| record.id == arn);
        let policy = slot(Slot::Resource, Some("resource share".into()), policy);
        match known {
            Some(record) => record.policies.push(policy),
            None => {
                let mut record = resource::named(owner, &arn, None);
                record.partial = Some("only known by a resource share".into());
                record.policies.push(policy);
                records.push(record);
            }
        }
    }
}
