//! What each type of Terraform's resources comes to.

use std::collections::BTreeMap;

use serde_json::Value;
use sv0_model::coverage::{Gap, Reason};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::{PolicySlot, PolicyText, Record};

use super::state::{Resource, State};
use crate::file_gap;

/// Resources that are entities: type, kind, the argument that is their name, their ARN where Terraform does not know it.
const ENTITIES: &[(&str, Kind, &str, &str)] = &[
    (
        "aws_iam_role",
        Kind::IamRole,
        "name",
        "arn:aws:iam::{account}:role{path}{name}",
    ),
    (
        "aws_iam_user",
        Kind::IamUser,
        "name",
        "arn:aws:iam::{account}:user{path}{name}",
    ),
    (
        "aws_iam_group",
        Kind::IamGroup,
        "name",
        "arn:aws:iam::{account}:group{path}{name}",
    ),
    (
        "aws_iam_policy",
        Kind::IamPolicy,
        "name",
        "arn:aws:iam::{account}:policy{path}{name}",
    ),
    ("aws_s3_bucket", Kind::S3Bucket, "bucket", "arn:aws:s3:::{name}"),
    (
        "aws_dynamodb_table",
        Kind::DynamodbTable,
        "name",
        "arn:aws:dynamodb:{region}:{account}:table/{name}",
    ),
    (
        "aws_sqs_queue",
        Kind::SqsQueue,
        "name",
        "arn:aws:sqs:{region}:{account}:{name}",
    ),
    (
        "aws_sns_topic",
        Kind::SnsTopic,
        "name",
        "arn:aws:sns:{region}:{account}:{name}",
    ),
    (
        "aws_kms_key",
        Kind::KmsKey,
        "key_id",
        "arn:aws:kms:{region}:{account}:key/{name}",
    ),
    (
        "aws_secretsmanager_secret",
        Kind::SecretsManagerSecret,
        "name",
        "arn:aws:secretsmanager:{region}:{account}:secret:{name}",
    ),
    (
        "aws_ssm_parameter",
        Kind::SsmParameter,
        "name",
        "arn:aws:ssm:{region}:{account}:parameter/{name}",
    ),
    (
        "aws_ecr_repository",
        Kind::EcrRepository,
        "name",
        "arn:aws:ecr:{region}:{account}:repository/{name}",
    ),
    (
        "aws_lambda_function",
        Kind::LambdaFunction,
        "function_name",
        "arn:aws:lambda:{region}:{account}:function:{name}",
    ),
    ("aws_organizations_policy", Kind::Scp, "name", "{id}"),
    (
        "aws_iam_openid_connect_provider",
        Kind::OidcProvider,
        "url",
        "arn:aws:iam::{account}:oidc-provider/{name}",
    ),
];

/// Documents of an entity that are resources of their own: type, the argument that names the entity, the document's, the slot.
const DOCUMENTS: &[(&str, &str, &str, &str, Slot)] = &[
    (
        "aws_iam_role_policy",
        "aws_iam_role",
        "role",
        "policy",
        Slot::Inline,
    ),
    (
        "aws_iam_user_policy",
        "aws_iam_user",
        "user",
        "policy",
        Slot::Inline,
    ),
    (
        "aws_iam_group_policy",
        "aws_iam_group",
        "group",
        "policy",
        Slot::Inline,
    ),
    (
        "aws_s3_bucket_policy",
        "aws_s3_bucket",
        "bucket",
        "policy",
        Slot::Resource,
    ),
    (
        "aws_sqs_queue_policy",
        "aws_sqs_queue",
        "queue_url",
        "policy",
        Slot::Resource,
    ),
    (
        "aws_sns_topic_policy",
        "aws_sns_topic",
        "arn",
        "policy",
        Slot::Resource,
    ),
    ("aws_kms_key_policy", "aws_kms_key", "key_id", "policy", Slot::Key),
    (
        "aws_secretsmanager_secret_policy",
        "aws_secretsmanager_secret",
        "secret_arn",
        "policy",
        Slot::Resource,
    ),
    (
        "aws_dynamodb_resource_policy",
        "aws_dynamodb_table",
        "resource_arn",
        "policy",
        Slot::Resource,
    ),
    (
        "aws_ecr_repository_policy",
        "aws_ecr_repository",
        "repository",
        "policy",
        Slot::Resource,
    ),
];

/// Documents that are arguments of the entity.
const OWN: &[(&str, &str, Slot)] = &[
    ("aws_iam_role", "assume_role_policy", Slot::Trust),
    ("aws_iam_policy", "policy", Slot::Document),
    ("aws_organizations_policy", "content", Slot::Document),
    ("aws_s3_bucket", "policy", Slot::Resource),
    ("aws_sqs_queue", "policy", Slot::Resource),
    ("aws_sns_topic", "policy", Slot::Resource),
    ("aws_kms_key", "policy", Slot::Key),
    ("aws_secretsmanager_secret", "policy", Slot::Resource),
];

/// Attachments of managed policies: type, the identity's type, the argument that names it.
const ATTACHMENTS: &[(&str, &str, &str)] = &[
    ("aws_iam_role_policy_attachment", "aws_iam_role", "role"),
    ("aws_iam_user_policy_attachment", "aws_iam_user", "user"),
    ("aws_iam_group_policy_attachment", "aws_iam_group", "group"),
];

/// Types that bear on authority and are dealt with below.
const OTHERS: &[&str] = &[
    "aws_s3_bucket_public_access_block",
    "aws_iam_user_group_membership",
    "aws_iam_group_membership",
    "aws_lambda_permission",
    "aws_organizations_policy_attachment",
];

/// The records of a state. `gaps` takes what is not known, `not_read` types that would bear on authority.
pub(super) fn of(
    file: &str,
    state: &State<'_>,
    gaps: &mut Vec<Gap>,
    not_read: &mut Vec<String>,
) -> Vec<Record> {
    let mut maker = Maker {
        file,
        state,
        records: BTreeMap::new(),
        gaps,
    };
    maker.entities();
    maker.documents();
    maker.attachments();
    maker.others();
    for resource in state.resources.values() {
        let bears = resource.kind.starts_with("aws_iam_") || resource.kind.ends_with("_policy");
        let known = ENTITIES.iter().any(|(kind, ..)| *kind == resource.kind)
            || DOCUMENTS.iter().any(|(kind, ..)| *kind == resource.kind)
            || ATTACHMENTS.iter().any(|(kind, ..)| *kind == resource.kind)
            || OTHERS.contains(&resource.kind.as_str());
        if bears && !known {
            not_read.push(resource.kind.clone());
        }
    }
    maker.records.into_values().collect()
}

struct Maker<'a> {
    file: &'a str,
    state: &'a State<'a>,
    /// By address.
    records: BTreeMap<String, Record>,
    gaps: &'a mut Vec<Gap>,
}

impl Maker<'_> {
    fn entities(&mut self) {
        let state = self.state;
        for (of, kind, named, template) in ENTITIES {
            for resource in state.of_kind(of) {
                let mut record = Record::new(*kind, arn(state, resource, named, template));
                record.name = resource.text(named).unwrap_or(&resource.address).to_owned();
                record.account = Some(state.account.to_owned());
                record.region = region(&record.id);
                for key in ["tags_all", "tags"] {
                    for (tag, value) in resource
                        .values
                        .get(key)
                        .and_then(Value::as_object)
                        .into_iter()
                        .flatten()
                    {
                        if let Some(value) = value.as_str() {
                            record.tags.insert(tag.as_str(), value.to_owned());
                        }
                    }
                }
                for (_, argument, slot) in OWN.iter().filter(|(owner, ..)| owner == of) {
                    self.document(resource, argument, *slot, None, &mut record);
                }
                if *of == "aws_iam_role" {
                    for block in resource.blocks("inline_policy") {
                        let text = |key: &str| {
                            block
                                .get(key)
                                .and_then(Value::as_str)
                                .filter(|text| !text.is_empty())
                        };
                        if let (Some(name), Some(policy)) = (text("name"), text("policy")) {
                            add(&mut record, Slot::Inline, Some(name), policy);
                        }
                    }
                    for policy in resource.texts("managed_policy_arns") {
                        record.refer(EdgeKind::HasPolicy, policy);
                    }
                }
                if let Some(boundary) = resource.text("permissions_boundary") {
                    record.refer(EdgeKind::SubjectTo, boundary);
                }
                if *of == "aws_organizations_policy"
                    && resource.text("type") == Some("RESOURCE_CONTROL_POLICY")
                {
                    record.kind = Kind::Rcp;
                }
                if *of == "aws_lambda_function"
                    && let Some(role) = resource.text("role").map(str::to_owned).or_else(|| {
                        let role = state.referred(resource, "role", &["aws_iam_role"])?;
                        Some(self.records.get(&role.address)?.id.clone())
                    })
                {
                    record.refer(EdgeKind::RunsAs, role);
                }
                if *of == "aws_ecr_repository"
                    && let Some(tags) = resource.text("image_tag_mutability")
                {
                    record.attrs.insert("tag_mutability", Value::from(tags));
                }
                self.records.insert(resource.address.clone(), record);
            }
        }
    }

    /// A document, or a gap where it is not known yet.
    fn document(
        &mut self,
        resource: &Resource,
        argument: &str,
        slot: Slot,
        name: Option<&str>,
        record: &mut Record,
    ) {
        match resource.values.get(argument) {
            Some(Value::String(text)) if !text.is_empty() => add(record, slot, name, text),
            Some(_) => {}
            // An argument that is not there is not known; one that was not set is null.
            None => self.gaps.push(Gap {
                entity: Some(record.id.clone()),
                account: record.account.clone(),
                consequence: "what this document grants is not part of the answer".into(),
                ..file_gap(
                    self.file,
                    Reason::NotInInput,
                    format!(
                        "`{}`: the {argument} of {} is known only after it is applied",
                        self.file, resource.address
                    ),
                )
            }),
        }
    }

    /// The entity that an argument names: by its name, its ARN, or what the configuration refers to.
    fn entity(&self, resource: &Resource, argument: &str, of: &str) -> Option<String> {
        let by_value = resource.text(argument).and_then(|value| {
            let mut candidates = self.state.of_kind(of);
            let is_it = |candidate: &&Resource| {
                let names = ["name", "bucket", "arn", "id", "url", "key_id", "function_name"];
                names.iter().any(|key| candidate.text(key) == Some(value))
            };
            candidates.find(is_it).map(|found| found.address.clone())
        });
        by_value.or_else(|| {
            self.state
                .referred(resource, argument, &[of])
                .map(|found| found.address.clone())
        })
    }

    /// The entity that an argument names; made where the plan does not hold it, so that what is said of it is not lost.
    fn holder(&mut self, resource: &Resource, argument: &str, of: &str) -> Option<String> {
        if let Some(address) = self.entity(resource, argument, of) {
            return Some(address);
        }
        let value = queue(resource.text(argument)?);
        let (_, kind, _, template) = ENTITIES.iter().find(|(known, ..)| *known == of)?;
        let id = if value.starts_with("arn:") {
            value.clone()
        } else {
            template
                .replace("{account}", self.state.account)
                .replace("{path}", "/")
                .replace("{region}", "us-east-1")
                .replace("{name}", &value)
        };
        let address = format!("(not in the plan) {id}");
        let account = self.state.account.to_owned();
        self.records.entry(address.clone()).or_insert_with(|| {
            let mut record = Record::new(*kind, id);
            record.name = value.rsplit(['/', ':']).next().unwrap_or(&value).to_owned();
            record.account = Some(account);
            record.partial = Some("the plan only names it".into());
            record
        });
        Some(address)
    }

    fn documents(&mut self) {
        let state = self.state;
        for (of, entity, argument, document, slot) in DOCUMENTS {
            for resource in state.of_kind(of) {
                let Some(holder) = self.holder(resource, argument, entity) else {
                    self.unknown(resource, argument);
                    continue;
                };
                let Some(mut record) = self.records.remove(&holder) else {
                    continue;
                };
                let name = (*slot == Slot::Inline)
                    .then(|| resource.text("name").unwrap_or(&resource.address).to_owned());
                self.document(resource, document, *slot, name.as_deref(), &mut record);
                self.records.insert(holder, record);
            }
        }
    }

    fn attachments(&mut self) {
        let state = self.state;
        for (of, entity, argument) in ATTACHMENTS {
            for resource in state.of_kind(of) {
                let policy = resource.text("policy_arn").map(str::to_owned).or_else(|| {
                    let policy = state.referred(resource, "policy_arn", &["aws_iam_policy"])?;
                    Some(self.records.get(&policy.address)?.id.clone())
                });
                let holder = self.holder(resource, argument, entity);
                match (policy, holder.and_then(|holder| self.records.get_mut(&holder))) {
                    (Some(policy), Some(record)) => record.refer(EdgeKind::HasPolicy, policy),
                    _ => self.unknown(resource, "policy_arn"),
                }
            }
        }
    }

    fn others(&mut self) {
        let state = self.state;
        for resource in state.of_kind("aws_s3_bucket_public_access_block") {
            let block: serde_json::Map<String, Value> = [
                ("block_public_acls", "block_public_acls"),
                ("ignore_public_acls", "ignore_public_acls"),
                ("block_public_policy", "block_public_policy"),
                ("restrict_public_buckets", "restrict_public_buckets"),
            ]
            .into_iter()
            .map(|(ours, theirs)| {
                (
                    ours.to_owned(),
                    resource.values.get(theirs).cloned().unwrap_or_default(),
                )
            })
            .collect();
            if let Some(holder) = self.holder(resource, "bucket", "aws_s3_bucket")
                && let Some(record) = self.records.get_mut(&holder)
            {
                record.attrs.insert("block_public_access", Value::Object(block));
            }
        }
        for resource in state.of_kind("aws_iam_user_group_membership") {
            let groups: Vec<String> = resource.texts("groups").map(str::to_owned).collect();
            let user = self.holder(resource, "user", "aws_iam_user");
            for group in groups {
                let id = format!("arn:aws:iam::{}:group/{group}", state.account);
                if let Some(record) = user.as_ref().and_then(|user| self.records.get_mut(user)) {
                    record.refer(EdgeKind::MemberOf, id);
                }
            }
        }
        for resource in state.of_kind("aws_iam_group_membership") {
            let Some(group) = resource.text("group") else {
                continue;
            };
            let id = format!("arn:aws:iam::{}:group/{group}", state.account);
            for user in resource.texts("users") {
                let named = |record: &&mut Record| record.kind == Kind::IamUser && record.name == user;
                if let Some(record) = self.records.values_mut().find(named) {
                    record.refer(EdgeKind::MemberOf, id.clone());
                }
            }
        }
        for resource in state.of_kind("aws_organizations_policy_attachment") {
            let policy = self.entity(resource, "policy_id", "aws_organizations_policy");
            let target = resource.text("target_id").map(str::to_owned);
            match (policy.and_then(|policy| self.records.get_mut(&policy)), target) {
                (Some(record), Some(target)) => record.refer(EdgeKind::Constrains, target),
                _ => self.unknown(resource, "policy_id"),
            }
        }
        self.permissions();
    }

    /// Lambda's statements, which Terraform keeps one by one.
    fn permissions(&mut self) {
        let state = self.state;
        let mut by_function: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for resource in state.of_kind("aws_lambda_permission") {
            let Some(holder) = self.holder(resource, "function_name", "aws_lambda_function") else {
                self.unknown(resource, "function_name");
                continue;
            };
            let principal = resource.text("principal").unwrap_or("*");
            let named = if principal.ends_with(".amazonaws.com") {
                serde_json::json!({"Service": principal})
            } else {
                serde_json::json!({"AWS": principal})
            };
            let mut statement = serde_json::json!({
                "Sid": resource.text("statement_id").unwrap_or_default(),
                "Effect": "Allow",
                "Principal": if principal == "*" { Value::from("*") } else { named },
                "Action": resource.text("action").unwrap_or("lambda:InvokeFunction"),
                "Resource": self.records.get(&holder).map(|record| record.id.clone()),
            });
            let mut conditions = serde_json::Map::new();
            if let Some(arn) = resource.text("source_arn") {
                conditions.insert("ArnLike".into(), serde_json::json!({"aws:SourceArn": arn}));
            }
            if let Some(account) = resource.text("source_account") {
                conditions.insert(
                    "StringEquals".into(),
                    serde_json::json!({"aws:SourceAccount": account}),
                );
            }
            if let Some(map) = statement.as_object_mut().filter(|_| !conditions.is_empty()) {
                map.insert("Condition".into(), Value::Object(conditions));
            }
            by_function.entry(holder).or_default().push(statement);
        }
        for (holder, statements) in by_function {
            let document = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
            if let Some(record) = self.records.get_mut(&holder) {
                add(record, Slot::Resource, None, &document.to_string());
            }
        }
    }

    fn unknown(&mut self, resource: &Resource, argument: &str) {
        self.gaps.push(Gap {
            account: Some(self.state.account.to_owned()),
            consequence: "what it gives, and to whom, is not part of the answer".into(),
            ..file_gap(
                self.file,
                Reason::NotInInput,
                format!(
                    "`{}`: the {argument} of {} is known only after it is applied",
                    self.file, resource.address
                ),
            )
        });
    }
}

/// A queue's ARN, of its URL; other texts are what they are.
fn queue(text: &str) -> String {
    let parts = text.strip_prefix("https://sqs.").and_then(|rest| {
        let (region, rest) = rest.split_once('.')?;
        let mut path = rest.split('/').skip(1);
        Some((region, path.next()?, path.next()?))
    });
    parts.map_or_else(
        || text.to_owned(),
        |(region, account, name)| format!("arn:aws:sqs:{region}:{account}:{name}"),
    )
}

fn add(record: &mut Record, slot: Slot, name: Option<&str>, text: &str) {
    record
        .policies
        .retain(|policy| !(policy.slot == slot && policy.name.as_deref() == name));
    record.policies.push(PolicySlot {
        slot,
        name: name.map(str::to_owned),
        document: PolicyText::new(text),
    });
}

/// The ARN that Terraform knows, or the one that it will be.
fn arn(state: &State<'_>, resource: &Resource, named: &str, template: &str) -> String {
    let known = match template {
        "{id}" => resource.text("id"),
        _ => resource.text("arn"),
    };
    if let Some(known) = known {
        return known.to_owned();
    }
    let name = resource.text(named).unwrap_or(&resource.address);
    let name =
        name.trim_start_matches("https://")
            .trim_start_matches(if template.ends_with("parameter/{name}") {
                "/"
            } else {
                ""
            });
    template
        .replace("{account}", state.account)
        .replace("{region}", resource.text("region").unwrap_or("us-east-1"))
        .replace("{path}", resource.text("path").unwrap_or("/"))
        .replace("{id}", &resource.address)
        .replace("{name}", name)
}

fn region(arn: &str) -> Option<String> {
    arn.split(':')
        .nth(3)
        .filter(|region| !region.is_empty())
        .map(str::to_owned)
}
