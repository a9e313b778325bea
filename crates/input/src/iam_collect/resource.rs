//! One resource's folder: what each of its files adds to the record.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sv0_iam::name::Arn;
use sv0_model::coverage::{Gap, Reason};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::percent;
use sv0_model::record::Record;

use super::{Reader, Text, account_in, document, field, slot, tags, texts, whole};
use crate::text::Lines;

/// Whose folder it is.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) partition: &'a str,
    pub(super) account: &'a str,
}

/// Metadata that is kept for display: how it is called in the file and in the record. Everything else is left out, so
/// that no secret slips in.
const KEPT: &[(&str, &str)] = &[
    ("audiences", "client_ids"),
    ("authenticationMode", "authentication_mode"),
    ("bucket", "bucket"),
    ("bucketAccount", "bucket_account"),
    ("defaultVersionId", "default_version"),
    ("description", "description"),
    ("isAttachable", "attachable"),
    ("networkOrigin", "network_origin"),
    ("principalArn", "principal"),
    ("roles", "roles"),
    ("serviceName", "service_name"),
    ("type", "type"),
    ("url", "url"),
    ("version", "version"),
    ("vpc", "vpc"),
];

/// Fields that name the role a workload runs as.
const ROLE: &[&str] = &[
    "role",
    "roleArn",
    "serviceRole",
    "serviceRoleArn",
    "executionRole",
    "executionRoleArn",
];

pub(super) fn read(
    owner: Owner<'_>,
    folder: &Path,
    place: &[String],
    files: &[String],
) -> (Option<Record>, Vec<Gap>) {
    let mut reader = Reader {
        account: Some(owner.account),
        ..Reader::default()
    };
    let has = |name: &str| files.iter().any(|file| file == name);
    let metadata = if has("metadata.json") {
        reader.object(&folder.join("metadata.json"))
    } else {
        Map::new()
    };
    let written = field(&metadata, &["arn", "Arn"]).filter(|arn| Arn::parse(arn).is_some());
    let rebuilt = written.is_none().then(|| arn_of(owner, place)).flatten();
    let Some(id) = written.or(rebuilt.as_deref()) else {
        let name = crate::show(folder);
        let detail = format!("`{name}` does not say which resource it is about; it was left out");
        reader.gap(&name, Reason::Damaged, detail);
        return (None, reader.gaps);
    };
    // Who is a member of what stands with the users.
    if id.contains(":membership/") && id.contains(":identitystore:") {
        return (None, reader.gaps);
    }
    let mut record = named(owner, id, field(&metadata, &["region"]));
    // Folders are in lower case, names of buckets and keys are so anyhow.
    if rebuilt.is_some()
        && !matches!(
            record.kind,
            Kind::S3Bucket | Kind::KmsKey | Kind::VpcEndpointPolicy
        )
    {
        record.partial = Some("its ARN was rebuilt from the folder's name, which is in lower case".into());
    }
    described(&mut record, &metadata);
    for file in files {
        let path = folder.join(file);
        match file.strip_suffix(".json").unwrap_or(file) {
            "metadata" => {}
            "tags" => {
                if let Some(value) = reader.json(&path) {
                    record.tags.extend(tags(&value));
                }
            }
            "managed-policies" => attachments(&mut reader, &mut record, &path),
            "groups" => groups(&mut reader, &mut record, &path),
            // The same as the users' `groups`.
            "members" if record.kind == Kind::SsoGroup => {}
            "inline-policies" => {
                if let Some(text) = reader.text(&path) {
                    inline(&mut reader, &mut record, &text);
                }
            }
            "bpa" => {
                let map = reader.object(&path);
                record.attrs.insert("block_public_access", map.into());
            }
            "encryption" => {
                if let Some(value) = reader.json(&path) {
                    encrypted(&mut record, &value);
                }
            }
            "instance-profiles" => {
                let profiles = reader.json(&path).map(|value| texts(&value)).unwrap_or_default();
                if !profiles.is_empty() {
                    record.attrs.insert("instance_profiles", profiles.into());
                }
            }
            // Versions before 0.1.81 say `current-policy`; a folder that was updated since may hold both.
            "current-policy" if has("policy.json") => {}
            stem => other(&mut reader, &mut record, &path, stem),
        }
    }
    if record.kind == Kind::IamPolicy && record.policies.is_empty() {
        record.partial = Some("the document of the default version is not in the input".into());
    }
    if !reader.gaps.is_empty() && record.partial.is_none() {
        record.partial = Some("not all of its files could be read".into());
    }
    (Some(record), reader.gaps)
}

/// A record with what its ARN says.
pub(super) fn named(owner: Owner<'_>, id: &str, region: Option<&str>) -> Record {
    let parsed = Arn::parse(id);
    let mut record = Record::new(parsed.map_or(Kind::AwsResource, |arn| kind(&arn)), id);
    // AWS's own policies are in the folders of all who use them, and belong to none.
    let of_aws = parsed.is_some_and(|arn| arn.service == "iam" && arn.account == "aws");
    record.account = (!of_aws).then(|| account_in(id).unwrap_or(owner.account).to_owned());
    let global = parsed.is_some_and(|arn| arn.service == "iam");
    record.region = region
        .or_else(|| parsed.map(|arn| arn.region))
        .filter(|region| !region.is_empty() && !global)
        .map(str::to_owned);
    record
}

fn kind(arn: &Arn<'_>) -> Kind {
    let (word, rest) = arn.typed().unwrap_or((arn.resource, ""));
    match (arn.service, word) {
        ("iam", "user") => Kind::IamUser,
        ("iam", "group") => Kind::IamGroup,
        ("iam", "role") if rest.starts_with("aws-service-role/") => Kind::ServiceLinkedRole,
        ("iam", "role") => Kind::IamRole,
        ("iam", "policy") => Kind::IamPolicy,
        ("iam", "oidc-provider") => Kind::OidcProvider,
        ("iam", "saml-provider") => Kind::SamlProvider,
        ("s3", "accesspoint") => Kind::S3AccessPoint,
        ("s3", _) if arn.account.is_empty() && !arn.resource.contains(['/', ':']) => Kind::S3Bucket,
        ("dynamodb", "table") if !rest.contains('/') => Kind::DynamodbTable,
        ("secretsmanager", "secret") => Kind::SecretsManagerSecret,
        ("ssm", "parameter") => Kind::SsmParameter,
        ("kms", "key") => Kind::KmsKey,
        ("rds", "cluster") => Kind::RdsCluster,
        ("rds", "db") => Kind::RdsInstance,
        ("sqs", _) => Kind::SqsQueue,
        ("sns", _) if !arn.resource.contains(':') => Kind::SnsTopic,
        ("ecr", "repository") => Kind::EcrRepository,
        ("events", "event-bus") => Kind::EventBus,
        ("events", "rule") => Kind::EventbridgeRule,
        // A version or alias of a function has a policy of its own.
        ("lambda", "function") if !rest.contains(':') => Kind::LambdaFunction,
        ("lambda", "layer") => Kind::LambdaLayer,
        ("states", "stateMachine") => Kind::StateMachine,
        ("codebuild", "project") => Kind::CodebuildProject,
        ("eks", "cluster") => Kind::EksCluster,
        ("glue", "job") => Kind::GlueJob,
        ("bedrock", "agent") => Kind::BedrockAgent,
        ("bedrock", "knowledge-base") => Kind::BedrockKnowledgeBase,
        ("apigateway", _) => Kind::ApiGateway,
        ("ec2", "vpc-endpoint") => Kind::VpcEndpointPolicy,
        ("sso", "permissionSet") => Kind::SsoPermissionSet,
        ("identitystore", "user") => Kind::SsoUser,
        ("identitystore", "group") => Kind::SsoGroup,
        _ => Kind::AwsResource,
    }
}

/// The ARN that a folder's place means: `[service, region?, type?, id]`. In lower case, as folders are.
fn arn_of(owner: Owner<'_>, place: &[String]) -> Option<String> {
    let Owner { partition, account } = owner;
    let (service, mut rest) = place.split_first()?;
    let mut region = "";
    if let Some((first, more)) = rest.split_first().filter(|(first, _)| is_region(first)) {
        (region, rest) = (first, more);
    }
    let (id, types) = rest.split_last()?;
    let id = percent::decode(id);
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    let resource = match (service.as_str(), types.as_slice()) {
        ("s3", []) => return Some(format!("arn:{partition}:s3:::{id}")),
        ("iam", ["aws", "policy"]) => return Some(format!("arn:{partition}:iam::aws:policy/{id}")),
        ("lambda" | "secretsmanager", [word]) => format!("{word}:{id}"),
        (_, []) => id,
        (_, types) => format!("{}/{id}", types.join("/")),
    };
    Some(format!("arn:{partition}:{service}:{region}:{account}:{resource}"))
}

/// Such as `eu-west-1` or `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let starts = parts.next().is_some_and(|first| first.len() == 2);
    let ends = parts
        .next_back()
        .is_some_and(|last| last.len() == 1 && last.bytes().all(|b| b.is_ascii_digit()));
    starts && ends && parts.next().is_some()
}

/// What the metadata say.
fn described(record: &mut Record, metadata: &Map<String, Value>) {
    if let Some(name) = field(
        metadata,
        &["name", "displayName", "userName", "roleName", "groupName"],
    ) {
        record.name = name.to_owned();
    }
    record.created_at =
        field(metadata, &["created", "createDate", "createdDate", "createdAt"]).map(str::to_owned);
    if let Some(path) = field(metadata, &["path"]).filter(|path| *path != "/") {
        record.attrs.insert("path", path.into());
    }
    for (theirs, ours) in KEPT {
        let plain = |value: &Value| match value {
            Value::Null | Value::Object(_) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(all) => !all.is_empty() && all.iter().all(Value::is_string),
            Value::Bool(_) | Value::Number(_) => true,
        };
        if let Some(value) = metadata.get(*theirs).filter(|value| plain(value)) {
            record.attrs.insert(*ours, value.clone());
        }
    }
    if record.kind == Kind::KmsKey && metadata.get("awsManaged").and_then(Value::as_bool) == Some(true) {
        record.attrs.insert("manager", "AWS".into());
    }
    let boundary = ["permissionBoundary", "permissionsBoundary"]
        .iter()
        .find_map(|name| metadata.get(*name));
    if matches!(record.kind, Kind::IamUser | Kind::IamRole)
        && let Some(boundary) = boundary
    {
        let arn = match boundary {
            Value::String(text) => Some(text.clone()),
            one => texts(&Value::Array(vec![one.clone()])).into_iter().next(),
        };
        if let Some(arn) = arn {
            record.refer(EdgeKind::SubjectTo, arn);
        }
    }
    let runs = matches!(
        record.kind,
        Kind::LambdaFunction
            | Kind::CodebuildProject
            | Kind::StateMachine
            | Kind::GlueJob
            | Kind::BedrockAgent
    );
    if runs && let Some(role) = field(metadata, ROLE).filter(|role| role.contains(":role/")) {
        record.refer(EdgeKind::RunsAs, role.to_owned());
    }
    encrypted(record, &Value::Object(metadata.clone()));
}

/// The keys that a resource names: its own key is what looks like one in a field that says so.
fn encrypted(record: &mut Record, value: &Value) {
    let holds = matches!(
        record.kind,
        Kind::S3Bucket
            | Kind::DynamodbTable
            | Kind::SecretsManagerSecret
            | Kind::SsmParameter
            | Kind::RdsCluster
            | Kind::RdsInstance
            | Kind::SqsQueue
            | Kind::SnsTopic
            | Kind::EcrRepository
            | Kind::EventBus
            | Kind::AwsResource
    );
    if !holds {
        return;
    }
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(map) => {
                for (name, value) in map {
                    let name = name.to_ascii_lowercase();
                    let says = name.contains("key") || name.contains("kms");
                    match value.as_str().filter(|_| says).and_then(|text| key(record, text)) {
                        Some(id) if !record.refs.iter().any(|r| r.to == id) => {
                            record.refer(EdgeKind::EncryptedWith, id);
                        }
                        _ => open.push(value),
                    }
                }
            }
            _ => {}
        }
    }
}

/// The ARN of a key that is named by ARN, alias or id.
fn key(record: &Record, text: &str) -> Option<String> {
    if Arn::parse(text).is_some_and(|arn| arn.service == "kms") {
        return Some(text.to_owned());
    }
    let bytes = text.as_bytes();
    let uuid = bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
    let multi_region = text
        .strip_prefix("mrk-")
        .is_some_and(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    let resource = if text.starts_with("alias/") {
        text.to_owned()
    } else if uuid || multi_region {
        format!("key/{text}")
    } else {
        return None;
    };
    let partition = Arn::parse(&record.id).map_or("aws", |arn| arn.partition);
    let region = record.region.as_deref()?;
    Some(format!(
        "arn:{partition}:kms:{region}:{}:{resource}",
        record.account.as_deref()?
    ))
}

fn attachments(reader: &mut Reader<'_>, record: &mut Record, path: &Path) {
    let Some(value) = reader.json(path) else { return };
    for policy in texts(&value) {
        if Arn::parse(&policy).is_some() {
            record.refer(EdgeKind::HasPolicy, policy);
        } else {
            let name = crate::show(path);
            let detail = format!("`{name}` names `{policy}`, which is no ARN; it was left out");
            reader.gap(&name, Reason::Damaged, detail);
        }
    }
}

fn groups(reader: &mut Reader<'_>, record: &mut Record, path: &Path) {
    let Some(value) = reader.json(path) else { return };
    for group in texts(&value) {
        let id = if Arn::parse(&group).is_some() {
            group
        } else {
            let partition = Arn::parse(&record.id).map_or("aws", |arn| arn.partition);
            let account = record.account.as_deref().unwrap_or_default();
            format!("arn:{partition}:iam::{account}:group/{group}")
        };
        record.refer(EdgeKind::MemberOf, id);
    }
}

#[derive(Deserialize)]
struct Inline<'a> {
    #[serde(rename = "PolicyName", alias = "policyName", alias = "name", default)]
    name: String,
    #[serde(
        borrow,
        rename = "PolicyDocument",
        alias = "policyDocument",
        alias = "document",
        alias = "policy"
    )]
    document: &'a RawValue,
}

/// Inline policies: a list of names and documents. One that is damaged costs only itself.
fn inline(reader: &mut Reader<'_>, record: &mut Record, file: &Text) {
    let lines = Lines::new(&file.text);
    let items: Vec<&RawValue> = match serde_json::from_str(&file.text) {
        Ok(items) => items,
        Err(error) => {
            // An object of names and documents says the same.
            if let Ok(map) = serde_json::from_str::<BTreeMap<String, &RawValue>>(&file.text) {
                for (name, raw) in map {
                    let path = format!("[{name:?}]");
                    let text = document(file, &lines, raw.get(), path);
                    record
                        .policies
                        .extend(text.map(|text| slot(Slot::Inline, Some(name), text)));
                }
                return;
            }
            let detail = format!(
                "`{}` is no list of inline policies: {error}; it was left out",
                file.name
            );
            reader.gap(&file.name, Reason::Damaged, detail);
            return;
        }
    };
    for (i, raw) in items.into_iter().enumerate() {
        match serde_json::from_str::<Inline<'_>>(raw.get()) {
            Ok(policy) => {
                let text = document(
                    file,
                    &lines,
                    policy.document.get(),
                    format!("[{i}].PolicyDocument"),
                );
                let name = Some(policy.name).filter(|name| !name.is_empty());
                record
                    .policies
                    .extend(text.map(|text| slot(Slot::Inline, name, text)));
            }
            Err(error) => {
                let line = lines
                    .place(raw.get())
                    .map_or(String::new(), |(line, _)| format!(":{line}"));
                let detail = format!(
                    "`{}`{line}: inline policy {i} cannot be read: {error}; it was left out",
                    file.name
                );
                reader.gap(&file.name, Reason::Damaged, detail);
            }
        }
    }
}

/// A file that is a policy by its name, or by what is in it. Others are named in the record, not kept: what they hold is
/// not known.
fn other(reader: &mut Reader<'_>, record: &mut Record, path: &Path, stem: &str) {
    let slot_of = match (record.kind, stem) {
        (Kind::IamRole | Kind::ServiceLinkedRole, "trust-policy") => Some(Slot::Trust),
        (Kind::IamPolicy, "policy" | "current-policy") => Some(Slot::Document),
        (Kind::KmsKey, "policy") => Some(Slot::Key),
        (Kind::VpcEndpointPolicy, "policy" | "endpoint-policy") => Some(Slot::Endpoint),
        (Kind::SsoPermissionSet, stem) if stem.contains("policy") => Some(Slot::Inline),
        (kind, stem) if stem.contains("policy") && !is_iam(kind) => Some(Slot::Resource),
        _ => None,
    };
    if let Some(slot_of) = slot_of {
        let Some(text) = reader.text(path) else { return };
        // By its name alone it need not be one: a list of attached policies, say.
        let certain = matches!(
            stem,
            "policy" | "current-policy" | "trust-policy" | "endpoint-policy"
        );
        if certain || is_document(&text.text) {
            let name = (!certain).then(|| stem.to_owned());
            record
                .policies
                .extend(whole(&text).map(|text| slot(slot_of, name, text)));
            return;
        }
    }
    record
        .attrs
        .insert_new("files_not_read", Value::Array(Vec::new()));
    if let Some(Value::Array(names)) = record.attrs.get_mut("files_not_read") {
        names.push(format!("{stem}.json").into());
    }
}

const fn is_iam(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::IamUser | Kind::IamGroup | Kind::IamRole | Kind::ServiceLinkedRole | Kind::IamPolicy
    )
}

fn is_document(text: &str) -> bool {
    let statement = |text: &str| {
        serde_json::from_str::<BTreeMap<String, &RawValue>>(text)
            .is_ok_and(|map| map.contains_key("Statement"))
    };
    statement(text) || serde_json::from_str::<String>(text).is_ok_and(|inner| statement(&inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner<'_> = Owner {
        partition: "aws",
        account: "111111111111",
    };

    #[test]
    fn places_become_arns() {
        let arn = |place: &str| {
            let parts: Vec<String> = place.split('/').map(str::to_owned).collect();
            arn_of(OWNER, &parts).unwrap_or_default()
        };
        assert_eq!(arn("s3/logs"), "arn:aws:s3:::logs");
        assert_eq!(
            arn("iam/role/team%2fdeploy"),
            "arn:aws:iam::111111111111:role/team/deploy"
        );
        assert_eq!(
            arn("iam/aws/policy/readonlyaccess"),
            "arn:aws:iam::aws:policy/readonlyaccess"
        );
        assert_eq!(
            arn("lambda/eu-west-1/function/f"),
            "arn:aws:lambda:eu-west-1:111111111111:function:f"
        );
        assert_eq!(
            arn("sqs/us-gov-east-1/q"),
            "arn:aws:sqs:us-gov-east-1:111111111111:q"
        );
        assert_eq!(arn_of(OWNER, &["iam".to_owned()]), None);
    }

    #[test]
    fn keys_by_whatever_name() {
        let record = named(OWNER, "arn:aws:sqs:eu-west-1:111111111111:q", None);
        let id = "0a1b2c3d-1111-2222-3333-444455556666";
        assert_eq!(
            key(&record, id).as_deref(),
            Some(&*format!("arn:aws:kms:eu-west-1:111111111111:key/{id}"))
        );
        assert_eq!(
            key(&record, "alias/aws/sqs").as_deref(),
            Some("arn:aws:kms:eu-west-1:111111111111:alias/aws/sqs")
        );
        assert_eq!(
            key(&record, "arn:aws:kms:eu-west-1:2:key/x").as_deref(),
            Some("arn:aws:kms:eu-west-1:2:key/x")
        );
        assert_eq!(key(&record, "AES256"), None);
    }

    #[test]
    fn kinds() {
        let kind = |id: &str| named(OWNER, id, None).kind;
        assert_eq!(
            kind("arn:aws:iam::1:role/aws-service-role/x.amazonaws.com/R"),
            Kind::ServiceLinkedRole
        );
        assert_eq!(kind("arn:aws:lambda:r:1:function:f"), Kind::LambdaFunction);
        assert_eq!(kind("arn:aws:lambda:r:1:function:f:live"), Kind::AwsResource);
        assert_eq!(kind("arn:aws:dynamodb:r:1:table/t"), Kind::DynamodbTable);
        assert_eq!(
            kind("arn:aws:dynamodb:r:1:table/t/stream/2026"),
            Kind::AwsResource
        );
        assert_eq!(kind("arn:aws:backup:r:1:backup-vault:v"), Kind::AwsResource);
    }
}
