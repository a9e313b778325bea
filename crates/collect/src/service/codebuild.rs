//! AWS CodeBuild: projects, the roles that builds run as, where their source and image come from.

use std::collections::BTreeSet;

use aws_sdk_codebuild::types::{
    EnvironmentVariable, EnvironmentVariableType, Project, ProjectVisibilityType, Webhook,
};
use futures::FutureExt;
use serde_json::{Value, json};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const LIST_PROJECTS: Call = Call {
    operation: "ListProjects",
    actions: &["codebuild:ListProjects"],
    absent: &[],
    without: "build projects, and whom they run as, are not known there",
};
const GET_PROJECTS: Call = Call {
    operation: "BatchGetProjects",
    actions: &["codebuild:BatchGetProjects"],
    absent: &[],
    without: "roles, sources and images of build projects are not known there",
};

pub(crate) const SERVICE: Service = Service {
    name: "codebuild",
    title: "AWS CodeBuild",
    clients: &["CodeBuild"],
    scope: Scope::Regional,
    reads: "projects: roles, source, image, webhook filters, key, network, names of environment variables and the secrets and parameters that they take, tags",
    calls: &[&LIST_PROJECTS, &GET_PROJECTS],
    collect: |cx| collect(cx).boxed(),
};

/// As many as one call takes (CodeBuild API Reference, BatchGetProjects).
const AT_ONCE: usize = 100;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_codebuild);
    let names = cx
        .pages(
            &LIST_PROJECTS,
            None,
            |token| client.list_projects().set_next_token(token).send(),
            |page| (page.projects.unwrap_or_default(), page.next_token),
        )
        .await
        .items;
    let client = &client;
    cx.each(names.chunks(AT_ONCE), |names| async move {
        let found = cx
            .call(&GET_PROJECTS, None, || {
                client.batch_get_projects().set_names(Some(names.to_vec())).send()
            })
            .await
            .got();
        for project in found.and_then(|answer| answer.projects).unwrap_or_default() {
            let arn = project.arn.clone().unwrap_or_default();
            let name = project.name.clone().unwrap_or_default();
            let mut record = Record::of(cx, Kind::CodebuildProject, arn, name);
            project_facts(&mut record, project, &|service, resource| {
                cx.arn(service, resource)
            });
            cx.record(record);
        }
    })
    .await;
}

fn project_facts(record: &mut Record, project: Project, here: &dyn Fn(&str, &str) -> String) {
    record.made(project.created.as_ref());
    let found = project.tags.unwrap_or_default();
    record.tags = tags(
        found
            .into_iter()
            .map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default())),
    );
    record.refer_if(EdgeKind::RunsAs, project.service_role.as_deref());
    // Starts the builds of a batch.
    let batch = project.build_batch_config.and_then(|batch| batch.service_role);
    if let Some(role) = batch.filter(|role| !role.is_empty() && Some(role) != project.service_role.as_ref()) {
        record.refer_how(EdgeKind::RunsAs, role, "batch builds");
    }
    // A project without a key of its own has the account's key of S3.
    let key = project
        .encryption_key
        .filter(|key| !key.is_empty() && !key.ends_with("alias/aws/s3"));
    record.refer_if(EdgeKind::EncryptedWith, key.map(|key| key_arn(&key, here)));
    if let Some(source) = project.source {
        record.fact_if("source", source.location.as_deref().map(without_login));
    }
    let more: BTreeSet<String> = project
        .secondary_sources
        .unwrap_or_default()
        .iter()
        .filter_map(|source| source.location.as_deref().map(without_login))
        .collect();
    if !more.is_empty() {
        record.fact("more_sources", Vec::from_iter(more));
    }
    if let Some(environment) = project.environment {
        record.refer_if(EdgeKind::DeployedFrom, repository(&environment.image));
        record.fact_if("image", Some(environment.image));
        record.fact("privileged", environment.privileged_mode.unwrap_or_default());
        if let Some(login) = environment.registry_credential {
            let secret = login.credential;
            if secret.starts_with("arn:") {
                record.refer_how(EdgeKind::ReadsFrom, secret, "credentials of the registry");
            }
        }
        variables(
            record,
            environment.environment_variables.unwrap_or_default(),
            here,
        );
    }
    if let Some(webhook) = project.webhook {
        record.fact("webhook_filters", filters(webhook));
    }
    if project.project_visibility == Some(ProjectVisibilityType::PublicRead) {
        record.fact("public_builds", true);
        record.fact_if("resource_access_role", project.resource_access_role);
    }
    if let Some(network) = project
        .vpc_config
        .filter(|network| network.vpc_id.as_deref().is_some_and(|id| !id.is_empty()))
    {
        record.fact_if("vpc", network.vpc_id);
        record.fact("security_groups", network.security_group_ids.unwrap_or_default());
    }
}

fn key_arn(key: &str, here: &dyn Fn(&str, &str) -> String) -> String {
    if key.starts_with("arn:") {
        key.to_owned()
    } else if key.starts_with("alias/") {
        here("kms", key)
    } else {
        here("kms", &format!("key/{key}"))
    }
}

/// Of plain variables only the names; of others also which secret or parameter they take.
fn variables(record: &mut Record, variables: Vec<EnvironmentVariable>, here: &dyn Fn(&str, &str) -> String) {
    let mut keys = BTreeSet::new();
    for variable in variables {
        let from = match variable.r#type {
            Some(EnvironmentVariableType::ParameterStore) => Some(parameter(&variable.value, here)),
            Some(EnvironmentVariableType::SecretsManager) => secret(&variable.value),
            _ => None,
        };
        if let Some(from) = from {
            let how = format!("environment variable {}", variable.name);
            record.refer_how(EdgeKind::ReadsFrom, from, how);
        }
        keys.insert(variable.name);
    }
    record.fact("env_keys", Vec::from_iter(keys));
}

fn parameter(name: &str, here: &dyn Fn(&str, &str) -> String) -> String {
    if name.starts_with("arn:") {
        name.to_owned()
    } else {
        here("ssm", &format!("parameter/{}", name.trim_start_matches('/')))
    }
}

/// `arn:…:secret:name-AbCdEf:key:stage:version` → the secret's ARN. A bare name does not tell it.
fn secret(reference: &str) -> Option<String> {
    let fields: Vec<&str> = reference.split(':').collect();
    let arn = fields.get(..7)?;
    (reference.starts_with("arn:")).then(|| arn.join(":"))
}

/// `https://token@github.com/a/b` → `https://github.com/a/b`.
fn without_login(location: &str) -> String {
    let Some((scheme, rest)) = location.split_once("://") else {
        return location.to_owned();
    };
    let (place, path) = rest
        .find('/')
        .and_then(|at| rest.split_at_checked(at))
        .unwrap_or((rest, ""));
    let place = place.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{place}{path}")
}

/// `111111111111.dkr.ecr.eu-west-1.amazonaws.com/app:1` → the repository's ARN.
fn repository(image: &str) -> Option<String> {
    let (registry, name) = image.split_once('/')?;
    let mut labels = registry.split('.');
    let account = labels.next()?;
    let (Some("dkr"), Some("ecr"), Some(region)) = (labels.next(), labels.next(), labels.next()) else {
        return None;
    };
    let name = name.split('@').next()?;
    let name = name.split(':').next()?;
    let partition = match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    Some(format!(
        "arn:{partition}:ecr:{region}:{account}:repository/{name}"
    ))
}

/// Which events of the source's host start a build: one group of several, all of whose filters match.
fn filters(webhook: Webhook) -> Value {
    let groups = webhook.filter_groups.unwrap_or_default();
    Value::from_iter(groups.into_iter().map(|group| {
        Value::from_iter(group.into_iter().map(|filter| {
            json!({
                "type": filter.r#type.as_str(),
                "pattern": filter.pattern,
                "exclude": filter.exclude_matched_pattern.unwrap_or_default(),
            })
        }))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_codebuild::types::{
        ComputeType, EnvironmentType, ProjectEnvironment, ProjectSource, SourceType,
    };

    #[test]
    fn of_variables_only_names_and_references_are_kept() {
        let variable = |name: &str, value: &str, kind| {
            EnvironmentVariable::builder()
                .name(name)
                .value(value)
                .r#type(kind)
                .build()
                .unwrap()
        };
        let secret = "arn:aws:secretsmanager:r:1:secret:s-AbCdEf";
        let environment = ProjectEnvironment::builder()
            .r#type(EnvironmentType::LinuxContainer)
            .compute_type(ComputeType::BuildGeneral1Small)
            .image("2.dkr.ecr.eu-west-1.amazonaws.com/tools/build:1")
            .environment_variables(variable("B", "hush", EnvironmentVariableType::Plaintext))
            .environment_variables(variable(
                "A",
                &format!("{secret}:password"),
                EnvironmentVariableType::SecretsManager,
            ))
            .environment_variables(variable("P", "/app/p", EnvironmentVariableType::ParameterStore))
            .build()
            .unwrap();
        let source = ProjectSource::builder()
            .r#type(SourceType::Github)
            .location("https://hush@github.com/a/b")
            .build()
            .unwrap();
        let project = Project::builder()
            .service_role("role")
            .encryption_key("arn:aws:kms:r:1:alias/aws/s3")
            .source(source)
            .environment(environment);
        let mut record = Record::new(Kind::CodebuildProject, "project");
        project_facts(&mut record, project.build(), &|service, resource| {
            format!("arn:aws:{service}:r:1:{resource}")
        });
        crate::text::settle(&mut record);
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            json!({
                "kind": "codebuild_project", "id": "project",
                "attrs": {
                    "env_keys": ["A", "B", "P"],
                    "image": "2.dkr.ecr.eu-west-1.amazonaws.com/tools/build:1",
                    "privileged": false, "source": "https://github.com/a/b",
                },
                "refs": [
                    {"rel": "DEPLOYED_FROM", "to": "arn:aws:ecr:eu-west-1:2:repository/tools/build"},
                    {"rel": "READS_FROM", "to": secret, "attrs": {"how": "environment variable A"}},
                    {"rel": "READS_FROM", "to": "arn:aws:ssm:r:1:parameter/app/p", "attrs": {"how": "environment variable P"}},
                    {"rel": "RUNS_AS", "to": "role"},
                ],
            })
        );
    }
}
