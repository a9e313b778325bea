//! iam-collect's folders: one small JSON file for each thing known about a resource, below
//! `aws/<partition>/accounts/<account>/<service>/[<region>/][<type>/]<id>/`, and the organisation below
//! `aws/<partition>/organizations/<organisation>/`.
//!
//! Folder names are in lower case, so that ids come from the files. What no file says is rebuilt from the names, and
//! marked. Files are read in parallel and one damaged file costs only itself. The indexes are derived from the rest and
//! are not read.
//!
//! Source: iam-collect's `docs/Storage.md` and `docs/AgentInstructions.md`, versions 0.1 of 2025 and 2026; what its
//! versions call differently is read under both names.

mod account;
mod organization;
mod resource;

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value};
use sv0_iam::name::Arn;
use sv0_model::coverage::{Gap, Reason};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::percent::decode_policy;
use sv0_model::record::{Place, PolicySlot, PolicyText, Record, Ref};

use crate::text::Lines;
use crate::{Format, Loaded, Source, file_gap, files, show};

/// Whether a folder is a partition of a store: the one that holds `accounts` and `organizations`.
#[must_use]
pub fn is_store(folder: &Path) -> bool {
    let organization = |(name, path): &(String, PathBuf)| {
        name.starts_with("o-")
            && ["metadata.json", "accounts.json", "ous.json", "structure.json"]
                .iter()
                .any(|file| path.join(file).is_file())
    };
    let account = |(name, path): &(String, PathBuf)| {
        is_account(name)
            && (path.join("organization.json").is_file()
                || path.join("iam").is_dir()
                || has_metadata(path, 4))
    };
    folders(&folder.join("organizations"))
        .iter()
        .take(20)
        .any(organization)
        || folders(&folder.join("accounts")).iter().take(20).any(account)
}

/// Whether a resource is somewhere below; looks at a few folders only.
fn has_metadata(folder: &Path, depth: usize) -> bool {
    folder.join("metadata.json").is_file()
        || depth > 0
            && folders(folder)
                .iter()
                .take(8)
                .any(|(_, path)| has_metadata(path, depth - 1))
}

/// The folders in a folder, by name; none where it cannot be read.
fn folders(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut out: Vec<(String, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect();
    out.sort();
    out
}

/// Reads one partition of a store.
#[must_use]
pub fn read(store: &Path) -> Loaded {
    let partition = store
        .canonicalize()
        .ok()
        .and_then(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()))
        .filter(|name| name.starts_with("aws"))
        .unwrap_or_else(|| "aws".into());
    let mut out = Loaded::default();
    let organizations: Vec<Loaded> = folders(&store.join("organizations"))
        .par_iter()
        .map(|(id, path)| organization::read(&partition, id, path))
        .collect();
    let accounts: Vec<Loaded> = folders(&store.join("accounts"))
        .par_iter()
        .map(|(id, path)| account::read(&partition, id, path))
        .collect();
    for part in organizations.into_iter().chain(accounts) {
        out.records.extend(part.records);
        out.gaps.extend(part.gaps);
    }
    provisioned(&mut out.records);
    out.gaps.extend(absent(&show(store), &out.records));
    out.sources.push(Source {
        file: show(store),
        format: Format::IamCollect,
        records: out.records.len(),
        observed_at: None,
    });
    out
}

/// Permission sets make a role in each account; its name tells which.
fn provisioned(records: &mut [Record]) {
    let roles: Vec<(String, String, Option<String>)> = records
        .iter()
        .filter(|record| record.kind == Kind::IamRole)
        .filter_map(|record| {
            let (set, _) = record.name.strip_prefix("AWSReservedSSO_")?.rsplit_once('_')?;
            Some((set.to_owned(), record.id.clone(), record.account.clone()))
        })
        .collect();
    let names: Vec<String> = records
        .iter()
        .filter(|record| record.kind == Kind::SsoPermissionSet)
        .map(|record| record.name.clone())
        .collect();
    for record in records
        .iter_mut()
        .filter(|record| record.kind == Kind::SsoPermissionSet)
    {
        // Two instances may use one name; then nothing tells whose role it is.
        if names.iter().filter(|name| **name == record.name).count() > 1 {
            continue;
        }
        for (_, role, account) in roles.iter().filter(|(set, _, _)| *set == record.name) {
            let mut reference = Ref {
                rel: EdgeKind::Provisions,
                to: role.clone(),
                attrs: [("confidence".to_owned(), Value::from("inferred"))].into(),
            };
            if let Some(account) = account {
                reference.attrs.insert("account", account.as_str().into());
            }
            record.refs.push(reference);
        }
    }
}

/// What a store never holds, or does not hold here, and what that means.
fn absent(store: &str, records: &[Record]) -> Vec<Gap> {
    let gap = |detail: String, consequence: &str| Gap {
        account: None,
        region: None,
        service: None,
        call: String::new(),
        entity: None,
        reason: Reason::NotInInput,
        detail,
        consequence: consequence.into(),
    };
    let mut out = vec![gap(
        "an iam-collect folder never holds access keys, KMS grants and aliases, the keys of DynamoDB tables, bucket \
         ACLs, parameters, databases, instances, containers, state machines, event rules, triggers, images or the \
         assignments of Identity Center"
            .into(),
        "paths through these are not shown, and a table with a key of its own may be reached by fewer than the answers \
         say",
    )];
    let of = |kind: Kind| records.iter().filter(move |record| record.kind == kind);
    if of(Kind::IamRole).next().is_some() && of(Kind::IamRole).all(|role| role.tags.is_empty()) {
        out.push(gap(
            format!("no role in `{store}` has tags: iam-collect leaves the tags of roles out unless told otherwise"),
            "conditions on the tags of roles are decided as if there were none",
        ));
    }
    if of(Kind::AwsOrganization).count() > 1 {
        let mut gap = gap(
            format!("`{store}` holds several organizations, and sv0 knows one at a time"),
            "conditions on the organization are decided for the first of them",
        );
        gap.reason = Reason::NotSupported;
        out.push(gap);
    }
    let members: Vec<&str> = of(Kind::AwsAccount)
        .filter_map(|a| a.account.as_deref())
        .collect();
    let held: FxHashSet<&str> = records
        .iter()
        .filter(|record| record.kind.source() != Kind::AwsAccount.source())
        .filter_map(|record| record.account.as_deref())
        .collect();
    let missing: Vec<&&str> = members.iter().filter(|member| !held.contains(**member)).collect();
    if let Some(first) = missing.first() {
        out.push(gap(
            format!(
                "{} of the organization's {} accounts have no resources in `{store}`, such as {first}",
                missing.len(),
                members.len()
            ),
            "what is in these accounts is not part of any answer",
        ));
    }
    out
}

/// One file's text, and how to name it.
struct Text {
    name: String,
    text: String,
}

/// Reads files of one account or organisation, and keeps what was wrong.
#[derive(Default)]
struct Reader<'a> {
    account: Option<&'a str>,
    gaps: Vec<Gap>,
}

impl Reader<'_> {
    fn gap(&mut self, name: &str, reason: Reason, detail: String) {
        let mut gap = file_gap(name, reason, detail);
        gap.account = self.account.map(str::to_owned);
        self.gaps.push(gap);
    }

    /// A file's text; none where it is empty, says `null`, or cannot be read.
    fn text(&mut self, path: &Path) -> Option<Text> {
        let name = show(path);
        let bytes = match files::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.gap(&name, Reason::Error, format!("cannot read `{name}`: {error}"));
                return None;
            }
        };
        let decoded = files::decode(bytes);
        if let Some(damage) = decoded.damage {
            let detail = format!("`{name}`: {damage}; what came before it was read");
            self.gap(&name, Reason::Damaged, detail);
        }
        let text = decoded.text;
        (!matches!(text.trim(), "" | "null")).then_some(Text { name, text })
    }

    fn json(&mut self, path: &Path) -> Option<Value> {
        let Text { name, text } = self.text(path)?;
        match serde_json::from_str(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                let detail = format!("`{name}` is not valid JSON: {error}; it was left out");
                self.gap(&name, Reason::Damaged, detail);
                None
            }
        }
    }

    /// The object in a file; empty where there is none.
    fn object(&mut self, path: &Path) -> Map<String, Value> {
        match self.json(path) {
            Some(Value::Object(map)) => map,
            Some(_) => {
                let name = show(path);
                let detail = format!("`{name}` is not a JSON object; it was left out");
                self.gap(&name, Reason::Damaged, detail);
                Map::new()
            }
            None => Map::new(),
        }
    }

    /// The same, of a file that need not be there.
    fn object_if_there(&mut self, path: &Path) -> Map<String, Value> {
        if path.is_file() {
            self.object(path)
        } else {
            Map::new()
        }
    }
}

/// The document that a whole file is.
fn whole(file: &Text) -> Option<PolicyText> {
    document(file, &Lines::new(&file.text), file.text.trim(), String::new())
}

/// A policy document inside a file: as it stands, or as text in a JSON string.
fn document(file: &Text, lines: &Lines<'_>, raw: &str, json_path: String) -> Option<PolicyText> {
    if matches!(raw, "" | "null" | "{}" | "[]" | "\"\"") {
        return None;
    }
    let found = lines.place(raw);
    let mut place = Place {
        file: file.name.as_str().into(),
        json_path: json_path.into(),
        line: found.map(|p| p.0),
        column: found.map(|p| p.1),
    };
    Some(match serde_json::from_str::<String>(raw) {
        Ok(inner) => {
            (place.line, place.column) = (None, None);
            PolicyText::at(decode_policy(inner), place)
        }
        Err(_) => PolicyText::at(raw, place),
    })
}

fn slot(slot: Slot, name: Option<String>, document: PolicyText) -> PolicySlot {
    PolicySlot { slot, name, document }
}

/// The first of some fields that is text and not empty.
fn field<'v>(map: &'v Map<String, Value>, names: &[&str]) -> Option<&'v str> {
    names
        .iter()
        .filter_map(|name| map.get(*name)?.as_str())
        .find(|text| !text.is_empty())
}

/// Tags, as an object of texts or as a list of keys and values.
fn tags(value: &Value) -> impl Iterator<Item = (String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let map = value.as_object().into_iter().flatten();
    let list = value.as_array().into_iter().flatten().filter_map(move |tag| {
        let part = |upper, lower| tag.get(upper).or_else(|| tag.get(lower));
        let key = part("Key", "key")?.as_str()?.to_owned();
        Some((key, part("Value", "value").map_or_else(String::new, text)))
    });
    map.map(move |(key, value)| (key.clone(), text(value)))
        .chain(list)
}

/// Texts of a list: as they are, or the ARN of each object.
fn texts(value: &Value) -> Vec<String> {
    let one = |item: &Value| match item {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| key.to_ascii_lowercase().ends_with("arn"))
            .find_map(|(_, value)| value.as_str())
            .or_else(|| field(map, &["id", "Id", "name", "Name"]))
            .map(str::to_owned),
        _ => None,
    };
    value.as_array().into_iter().flatten().filter_map(one).collect()
}

/// The last part of an ARN or path, or all of something else.
fn tail(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// The account in an ARN.
fn account_in(arn: &str) -> Option<&str> {
    Arn::parse(arn)?.account_id()
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}
