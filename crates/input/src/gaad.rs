//! `aws iam get-account-authorization-details`: users, groups, roles, policies of one account.
//!
//! The file is read item by item, so that one damaged entity costs only itself, and a file that is cut off gives
//! everything before the cut. Policy documents are taken as they stand (the AWS CLI decodes them) or percent-decoded
//! (as the API sends them).
//!
//! Source: IAM API Reference, `GetAccountAuthorizationDetails`.

use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use sv0_iam::name::Arn;
use sv0_model::coverage::{Gap, Reason};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::percent::decode_policy;
use sv0_model::record::{Place, PolicySlot, PolicyText, Record};

use crate::text::{GAAD_LISTS, Lines};
use crate::{Format, Loaded, Source, file_gap};

/// Reads one file's text.
#[must_use]
pub fn read(name: &str, text: &str) -> Loaded {
    let mut out = Loaded::default();
    let mut lists = Lists::default();
    let mut stream = text.trim_start();
    let lines = Lines::new(text);
    // Pages that were simply appended to one file are read one after the other.
    while !stream.is_empty() {
        let mut reader = serde_json::Deserializer::from_str(stream);
        let read = reader.deserialize_map(&mut lists);
        match read {
            Ok(()) => {
                let mut rest = serde_json::Deserializer::from_str(stream).into_iter::<IgnoredAny>();
                let _ = rest.next();
                stream = stream.get(rest.byte_offset()..).unwrap_or_default().trim_start();
            }
            Err(error) => {
                let base = lines.place(stream).map_or(0, |(line, _)| line - 1);
                let what = if error.is_eof() {
                    "ends in the middle"
                } else {
                    "is not valid JSON"
                };
                out.gaps.push(file_gap(
                    name,
                    Reason::Damaged,
                    format!(
                        "`{name}` {what}: {error}{}; what came before it was read ({} entities)",
                        if base > 0 {
                            format!(" of the document that begins at line {}", base + 1)
                        } else {
                            String::new()
                        },
                        lists.items.len()
                    ),
                ));
                break;
            }
        }
    }
    let file: Arc<str> = name.into();
    let parsed: Vec<Result<Record, Box<Gap>>> = lists
        .items
        .par_iter()
        .map(|item| record(&file, item, &lines))
        .collect();
    for result in parsed {
        match result {
            Ok(record) => out.records.push(record),
            Err(gap) => out.gaps.push(*gap),
        }
    }
    if lists.truncated {
        out.gaps.push(file_gap(
            name,
            Reason::Damaged,
            format!("`{name}` says `IsTruncated: true`: it is one page of several; add the others, or collect again without `--no-paginate`"),
        ));
    }
    out.sources.push(Source {
        file: name.to_owned(),
        format: Format::Gaad,
        records: out.records.len(),
        observed_at: None,
    });
    out
}

#[derive(Default)]
struct Lists<'a> {
    items: Vec<Item<'a>>,
    truncated: bool,
}

struct Item<'a> {
    list: &'static str,
    index: usize,
    raw: &'a RawValue,
}

impl<'a> Visitor<'a> for &mut Lists<'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("account authorization details")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if let Some(list) = GAAD_LISTS.iter().copied().find(|list| *list == key) {
                map.next_value_seed(ListSeed {
                    list,
                    lists: &mut *self,
                })?;
            } else if key == "IsTruncated" {
                self.truncated = map.next_value::<Option<bool>>()?.unwrap_or(false);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct ListSeed<'s, 'a> {
    list: &'static str,
    lists: &'s mut Lists<'a>,
}

impl<'a> DeserializeSeed<'a> for ListSeed<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for ListSeed<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array in `{}`", self.list)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(raw) = seq.next_element::<&'a RawValue>()? {
            self.lists.items.push(Item {
                list: self.list,
                index,
                raw,
            });
            index += 1;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entity<'a> {
    arn: String,
    user_name: Option<String>,
    group_name: Option<String>,
    role_name: Option<String>,
    policy_name: Option<String>,
    path: Option<String>,
    create_date: Option<String>,
    #[serde(borrow)]
    assume_role_policy_document: Option<&'a RawValue>,
    #[serde(borrow, default)]
    user_policy_list: Vec<Inline<'a>>,
    #[serde(borrow, default)]
    group_policy_list: Vec<Inline<'a>>,
    #[serde(borrow, default)]
    role_policy_list: Vec<Inline<'a>>,
    #[serde(default)]
    attached_managed_policies: Vec<Attachment>,
    #[serde(default)]
    group_list: Vec<String>,
    #[serde(default)]
    instance_profile_list: Vec<InstanceProfile>,
    permissions_boundary: Option<Boundary>,
    #[serde(default)]
    tags: Vec<Tag>,
    role_last_used: Option<LastUsed>,
    #[serde(borrow, default)]
    policy_version_list: Vec<Version<'a>>,
    default_version_id: Option<String>,
    is_attachable: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inline<'a> {
    #[serde(default)]
    policy_name: String,
    #[serde(borrow)]
    policy_document: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attachment {
    policy_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceProfile {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Boundary {
    permissions_boundary_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LastUsed {
    last_used_date: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version<'a> {
    #[serde(borrow)]
    document: Option<&'a RawValue>,
    version_id: Option<String>,
    #[serde(default)]
    is_default_version: bool,
}

/// Turns one item into a record.
fn record(file: &Arc<str>, item: &Item<'_>, lines: &Lines<'_>) -> Result<Record, Box<Gap>> {
    let here = format!("{}[{}]", item.list, item.index);
    let entity: Entity<'_> = serde_json::from_str(item.raw.get()).map_err(|error| {
        let line = lines
            .place(item.raw.get())
            .map_or(String::new(), |(line, _)| format!(":{line}"));
        let detail = format!("`{file}`{line}: `{here}` cannot be read: {error}; it was left out");
        Box::new(file_gap(file, Reason::Damaged, detail))
    })?;
    let Some(arn) = Arn::parse(&entity.arn) else {
        let detail = format!(
            "`{file}`: `{here}.Arn` is `{}`, which is no ARN; it was left out",
            entity.arn
        );
        return Err(Box::new(file_gap(file, Reason::Damaged, detail)));
    };
    let document = |raw: &RawValue, path: String| {
        let place = lines.place(raw.get());
        let mut place = Place {
            file: Arc::clone(file),
            json_path: path.into(),
            line: place.map(|p| p.0),
            column: place.map(|p| p.1),
        };
        match serde_json::from_str::<String>(raw.get()) {
            Ok(encoded) => {
                // Positions inside an encoded document are positions inside what it decodes to.
                (place.line, place.column) = (None, None);
                PolicyText::at(decode_policy(encoded), place)
            }
            Err(_) => PolicyText::at(raw.get(), place),
        }
    };

    let service_linked = arn.resource.starts_with("role/aws-service-role/");
    let (kind, name) = match item.list {
        "UserDetailList" => (Kind::IamUser, entity.user_name),
        "GroupDetailList" => (Kind::IamGroup, entity.group_name),
        "RoleDetailList" if service_linked => (Kind::ServiceLinkedRole, entity.role_name),
        "RoleDetailList" => (Kind::IamRole, entity.role_name),
        _ => (Kind::IamPolicy, entity.policy_name),
    };
    let mut record = Record::new(kind, &entity.arn);
    record.name = name.unwrap_or_else(|| arn.resource.rsplit('/').next().unwrap_or_default().to_owned());
    record.account = arn.account_id().map(str::to_owned);
    record.created_at = entity.create_date;
    record.tags = entity.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    if let Some(path) = entity.path.filter(|path| path != "/") {
        record.attrs.insert("path", path.into());
    }
    if let Some(date) = entity.role_last_used.and_then(|used| used.last_used_date) {
        record.attrs.insert("last_used", date.into());
    }
    if !entity.instance_profile_list.is_empty() {
        let arns: Vec<String> = entity.instance_profile_list.into_iter().map(|p| p.arn).collect();
        record.attrs.insert("instance_profiles", arns.into());
    }
    let inline = [
        ("UserPolicyList", entity.user_policy_list),
        ("GroupPolicyList", entity.group_policy_list),
        ("RolePolicyList", entity.role_policy_list),
    ];
    for (list, policies) in inline {
        for (i, policy) in policies.into_iter().enumerate() {
            let text = document(
                policy.policy_document,
                format!("{here}.{list}[{i}].PolicyDocument"),
            );
            record.policies.push(PolicySlot {
                slot: Slot::Inline,
                name: Some(policy.policy_name),
                document: text,
            });
        }
    }
    if let Some(raw) = entity.assume_role_policy_document {
        let text = document(raw, format!("{here}.AssumeRolePolicyDocument"));
        record.policies.push(PolicySlot {
            slot: Slot::Trust,
            name: None,
            document: text,
        });
    }
    if kind == Kind::IamPolicy {
        let wanted = entity.default_version_id.as_deref();
        let chosen = entity
            .policy_version_list
            .iter()
            .enumerate()
            .find(|(_, version)| {
                version.is_default_version || (wanted.is_some() && version.version_id.as_deref() == wanted)
            });
        match chosen.and_then(|(i, version)| version.document.map(|raw| (i, raw))) {
            Some((i, raw)) => {
                let text = document(raw, format!("{here}.PolicyVersionList[{i}].Document"));
                record.policies.push(PolicySlot {
                    slot: Slot::Document,
                    name: None,
                    document: text,
                });
            }
            None => record.partial = Some("the document of the default version is not in the input".into()),
        }
        if let Some(version) = entity.default_version_id {
            record.attrs.insert("default_version", version.into());
        }
        if let Some(attachable) = entity.is_attachable {
            record.attrs.insert("attachable", attachable.into());
        }
    }
    for attachment in entity.attached_managed_policies {
        record.refer(EdgeKind::HasPolicy, attachment.policy_arn);
    }
    for group in entity.group_list {
        // The details name groups without their path; the normaliser finds the group by name.
        record.refer(
            EdgeKind::MemberOf,
            format!("arn:{}:iam::{}:group/{group}", arn.partition, arn.account),
        );
    }
    if let Some(boundary) = entity.permissions_boundary {
        record.refer(EdgeKind::SubjectTo, boundary.permissions_boundary_arn);
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = r#"{"RoleName":"R","Arn":"arn:aws:iam::111111111111:role/p/R","Path":"/p/","RolePolicyList":[{"PolicyName":"I","PolicyDocument":{"Statement":[]}}],
 "AssumeRolePolicyDocument":"%7B%22Statement%22%3A%5B%5D%7D","AttachedManagedPolicies":[{"PolicyName":"P","PolicyArn":"arn:aws:iam::111111111111:policy/P"}],"Tags":[{"Key":"a","Value":"b"}]}"#;

    #[test]
    fn a_role() {
        let text = format!("{{\"RoleDetailList\":[\n{ROLE}]}}");
        let loaded = read("x.json", &text);
        assert!(loaded.gaps.is_empty(), "{:?}", loaded.gaps);
        let role = &loaded.records[0];
        assert_eq!(
            (role.name.as_str(), role.account.as_deref()),
            ("R", Some("111111111111"))
        );
        let place = role.policies[0].document.place.as_deref().unwrap();
        assert_eq!(
            (place.line, &*place.json_path),
            (Some(2), "RoleDetailList[0].RolePolicyList[0].PolicyDocument")
        );
        assert_eq!(role.policies[1].document.as_str(), r#"{"Statement":[]}"#);
    }

    #[test]
    fn a_file_that_is_cut_off_gives_what_came_before() {
        let text = format!("{{\"RoleDetailList\":[{ROLE},{}", &ROLE[..40]);
        let loaded = read("x.json", &text);
        assert_eq!(loaded.records.len(), 1);
        assert!(
            loaded.gaps[0].detail.contains("ends in the middle"),
            "{:?}",
            loaded.gaps
        );
    }

    #[test]
    fn one_damaged_entity_costs_only_itself() {
        let text = format!("{{\"RoleDetailList\":[{{\"Arn\":7}},{ROLE},{{\"Arn\":\"nonsense\"}}]}}");
        let loaded = read("x.json", &text);
        assert_eq!((loaded.records.len(), loaded.gaps.len()), (1, 2));
        assert!(
            loaded.gaps[0]
                .detail
                .contains("`RoleDetailList[0]` cannot be read"),
            "{:?}",
            loaded.gaps
        );
    }

    #[test]
    fn pages_one_after_the_other() {
        let page = |truncated| format!("{{\"RoleDetailList\":[{ROLE}],\"IsTruncated\":{truncated}}}");
        let loaded = read("x.json", &format!("{}\n{}", page(true), page(false)));
        assert_eq!((loaded.records.len(), loaded.gaps.len()), (2, 0));
        assert!(
            read("x.json", &page(true)).gaps[0]
                .detail
                .contains("one page of several")
        );
    }
}
