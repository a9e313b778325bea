//! A fix for Terraform: the resource that holds each document, as it should be. Names of resources are made from AWS's; who
//! manages them under others takes the document.

use std::fmt::Write;

use sv0_analyze::World;
use sv0_model::finding::DocumentChange;
use sv0_model::kind::{Kind, Slot};
use sv0_model::record::Record;

use super::Idea;

/// The changed documents and what is detached.
pub(super) fn of(
    world: &World,
    ideas: &[Idea],
    documents: &[DocumentChange],
    detach: &[(String, String)],
    delete: &[String],
) -> String {
    let mut out = String::new();
    for change in documents {
        let Some(node) = world.graph.find(&change.holder) else {
            continue;
        };
        let record = &world.node(node).record;
        let (kind, argument, more) = resource(record, change);
        let guard = record.kind == Kind::AwsAccount;
        let name = if guard {
            "sv0_guard".to_owned()
        } else {
            identifier(&record.name, &change.policy, change.slot)
        };
        if guard {
            let id = record.account.as_deref().unwrap_or_default();
            let _ = writeln!(
                out,
                "resource \"aws_organizations_policy_attachment\" \"sv0_guard\" {{\n  policy_id = aws_organizations_policy.sv0_guard.id\n  target_id = {}\n}}\n",
                text(id)
            );
        }
        match &change.after {
            None => {
                let _ = writeln!(out, "# Remove: {kind}.{name}\n");
            }
            Some(after) => {
                let _ = writeln!(out, "resource \"{kind}\" \"{name}\" {{");
                for (key, value) in more {
                    let _ = writeln!(out, "  {key} = {}", text(&value));
                }
                let _ = writeln!(out, "  {argument} = <<-JSON");
                for line in escaped(after).lines() {
                    let _ = writeln!(out, "    {line}");
                }
                let _ = writeln!(out, "  JSON\n}}\n");
            }
        }
    }
    for idea in ideas {
        if let Idea::BlockPublicAccess { bucket } = idea
            && let Some(node) = world.graph.find(bucket)
        {
            let name = &world.node(node).record.name;
            let _ = writeln!(
                out,
                "resource \"aws_s3_bucket_public_access_block\" \"{}\" {{\n  bucket = {}\n  block_public_acls = true\n  ignore_public_acls = true\n  block_public_policy = true\n  restrict_public_buckets = true\n}}\n",
                identifier(name, "", Slot::Resource),
                text(name)
            );
        }
    }
    for id in delete {
        let name = id.rsplit('/').next().unwrap_or(id);
        let _ = writeln!(
            out,
            "# Remove: aws_iam_role.{} and what is attached to it\n",
            identifier(name, "", Slot::Trust)
        );
    }
    for (policy, from) in detach {
        if from.contains(":permissionSet/") || from.starts_with("arn:aws:sso:::") {
            let _ = writeln!(
                out,
                "# Remove the aws_ssoadmin_managed_policy_attachment of {} from the permission set {}\n",
                policy.rsplit('/').next().unwrap_or(policy),
                world
                    .graph
                    .find(from)
                    .map_or_else(|| from.clone(), |node| world.label(node))
            );
            continue;
        }
        let kind = if from.contains(":role/") {
            "role"
        } else if from.contains(":group/") {
            "group"
        } else {
            "user"
        };
        let name = from.rsplit('/').next().unwrap_or(from);
        let _ = writeln!(
            out,
            "# Remove the aws_iam_{kind}_policy_attachment of {} from {name}\n",
            policy.rsplit('/').next().unwrap_or(policy)
        );
    }
    out.truncate(out.trim_end().len());
    out
}

/// The type of resource, the argument that holds the document, and what else it needs.
fn resource(
    record: &Record,
    change: &DocumentChange,
) -> (&'static str, &'static str, Vec<(&'static str, String)>) {
    let name = || record.name.clone();
    let id = || record.id.clone();
    match (record.kind, change.slot) {
        (_, Slot::Trust) => ("aws_iam_role", "assume_role_policy", vec![("name", name())]),
        (Kind::IamUser, Slot::Inline) => (
            "aws_iam_user_policy",
            "policy",
            vec![("name", change.policy.clone()), ("user", name())],
        ),
        (Kind::IamGroup, Slot::Inline) => (
            "aws_iam_group_policy",
            "policy",
            vec![("name", change.policy.clone()), ("group", name())],
        ),
        (Kind::SsoPermissionSet, _) => (
            "aws_ssoadmin_permission_set_inline_policy",
            "inline_policy",
            vec![("permission_set_arn", id())],
        ),
        (_, Slot::Inline) => (
            "aws_iam_role_policy",
            "policy",
            vec![("name", change.policy.clone()), ("role", name())],
        ),
        (Kind::AwsAccount, _) => (
            "aws_organizations_policy",
            "content",
            vec![("name", change.policy.clone())],
        ),
        (Kind::Scp | Kind::Rcp, _) => ("aws_organizations_policy", "content", vec![("name", name())]),
        (_, Slot::Document) => ("aws_iam_policy", "policy", vec![("name", name())]),
        (Kind::S3Bucket, _) => ("aws_s3_bucket_policy", "policy", vec![("bucket", name())]),
        (Kind::SqsQueue, _) => ("aws_sqs_queue_policy", "policy", vec![("queue_url", id())]),
        (Kind::SnsTopic, _) => ("aws_sns_topic_policy", "policy", vec![("arn", id())]),
        (Kind::KmsKey, _) => ("aws_kms_key_policy", "policy", vec![("key_id", id())]),
        (Kind::SecretsManagerSecret, _) => (
            "aws_secretsmanager_secret_policy",
            "policy",
            vec![("secret_arn", id())],
        ),
        (Kind::EcrRepository, _) => (
            "aws_ecr_repository_policy",
            "policy",
            vec![("repository", name())],
        ),
        (Kind::DynamodbTable, _) => (
            "aws_dynamodb_resource_policy",
            "policy",
            vec![("resource_arn", id())],
        ),
        (Kind::EventBus, _) => (
            "aws_cloudwatch_event_bus_policy",
            "policy",
            vec![("event_bus_name", name())],
        ),
        (Kind::VpcEndpointPolicy, _) => (
            "aws_vpc_endpoint_policy",
            "policy",
            vec![("vpc_endpoint_id", name())],
        ),
        // Lambda takes statements one by one (`aws_lambda_permission`): the document says which are left.
        (_, _) => ("aws_lambda_permission", "policy", vec![("function_name", name())]),
    }
}

fn identifier(name: &str, policy: &str, slot: Slot) -> String {
    let text = match slot {
        Slot::Inline => format!("{name}_{policy}"),
        _ => name.to_owned(),
    };
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let out: String = text.chars().map(fits).collect();
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{out}")
    } else {
        out
    }
}

/// A string of Terraform's language.
fn text(value: &str) -> String {
    let escaped = escaped(value)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// Policy variables look like Terraform's own.
fn escaped(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}
