//! AWS App Runner: services, the roles that they act as and pull with, and what they run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_apprunner::types::{Service as AppRunnerService, ServiceStatus};
use futures::FutureExt;
use serde_json::{Map, Value};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use super::ecs::source;
use crate::call::{Call, Scope, Service};
use crate::cx::{Answer, Cx};
use crate::text::{RecordExt, repository, tags};

const GONE: &[&str] = &["ResourceNotFoundException"];

const LIST_SERVICES: Call = Call {
    operation: "ListServices",
    actions: &["apprunner:ListServices"],
    absent: &[],
    without: "services, and the roles that they act as, are not known there",
};
const DESCRIBE_SERVICE: Call = Call {
    operation: "DescribeService",
    actions: &["apprunner:DescribeService"],
    absent: GONE,
    without: "the service's roles and image, and whether the internet reaches it, are not known",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["apprunner:ListTagsForResource"],
    absent: GONE,
    without: "the service's tags, and so conditions on them, are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "apprunner",
    title: "AWS App Runner",
    clients: &["AppRunner"],
    scope: Scope::Regional,
    reads: "services: instance and access role, image, address, names of environment variables, which secrets fill \
            them, tags",
    calls: &[&LIST_SERVICES, &DESCRIBE_SERVICE, &LIST_TAGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_apprunner);
    let services = cx
        .pages(
            &LIST_SERVICES,
            None,
            // Without a page size App Runner gives all at once.
            |token| client.list_services().set_next_token(token).send(),
            |page| (page.service_summary_list, page.next_token),
        )
        .await;
    let client = &client;
    cx.each(services, |service| async move {
        // A deleted service is shown for a while.
        if service.status == Some(ServiceStatus::Deleted) {
            return;
        }
        let arn = service.service_arn.unwrap_or_default();
        let name = service.service_name.unwrap_or_default();
        let mut record = Record::of(cx, Kind::ApprunnerService, arn.as_str(), name);
        record.made(service.created_at.as_ref());
        let answer = cx
            .call(&DESCRIBE_SERVICE, Some(&arn), || {
                client.describe_service().service_arn(&arn).send()
            })
            .await;
        if matches!(answer, Answer::Absent) {
            return;
        }
        if let Some(service) = answer.or_lacks(&mut record).and_then(|answer| answer.service) {
            service_facts(&mut record, service, cx.partition(), |name| {
                let name = name.strip_prefix('/').unwrap_or(name);
                cx.arn("ssm", &format!("parameter/{name}"))
            });
        }
        let found = cx
            .call(&LIST_TAGS, Some(&arn), || {
                client.list_tags_for_resource().resource_arn(&arn).send()
            })
            .await
            .or_lacks(&mut record)
            .and_then(|answer| answer.tags);
        let pairs = found.unwrap_or_default().into_iter();
        record.tags = tags(pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))));
        cx.record(record);
    })
    .await;
}

fn service_facts(
    record: &mut Record,
    service: AppRunnerService,
    partition: &str,
    parameter: impl Fn(&str) -> String,
) {
    record.fact("status", service.status.as_str());
    record.fact_if("url", service.service_url);
    let ingress = service
        .network_configuration
        .and_then(|network| network.ingress_configuration);
    record.fact_if("public", ingress.map(|ingress| ingress.is_publicly_accessible));
    let instance = service
        .instance_configuration
        .and_then(|instance| instance.instance_role_arn);
    record.refer_if(EdgeKind::RunsAs, instance);
    let Some(from) = service.source_configuration else {
        return;
    };
    // Who pushes the image, or to the branch, then decides what runs.
    record.fact_if("auto_deploy", from.auto_deployments_enabled);
    let access = from
        .authentication_configuration
        .and_then(|access| access.access_role_arn);
    record.refer_if(EdgeKind::PullsVia, access);
    if let Some(image) = from.image_repository {
        record.refer_if(
            EdgeKind::DeployedFrom,
            repository(&image.image_identifier, partition),
        );
        record.fact("image", image.image_identifier);
        if let Some(image) = image.image_configuration {
            environment(
                record,
                image.runtime_environment_variables,
                image.runtime_environment_secrets,
                &parameter,
            );
        }
    }
    if let Some(code) = from.code_repository {
        record.fact("repository", code.repository_url);
        // Otherwise the repository's `apprunner.yaml` says it.
        let values = code
            .code_configuration
            .and_then(|code| code.code_configuration_values);
        if let Some(values) = values {
            environment(
                record,
                values.runtime_environment_variables,
                values.runtime_environment_secrets,
                &parameter,
            );
        }
    }
}

/// Only the names of variables: values and commands go no further than this.
fn environment(
    record: &mut Record,
    variables: Option<HashMap<String, String>>,
    secrets: Option<HashMap<String, String>>,
    parameter: &impl Fn(&str) -> String,
) {
    let keys: BTreeSet<String> = variables.unwrap_or_default().into_keys().collect();
    record.fact("env_keys", Value::from_iter(keys));
    let secrets: BTreeMap<String, String> = secrets.unwrap_or_default().into_iter().collect();
    let secrets: Map<String, Value> = secrets
        .into_iter()
        .map(|(name, from)| (name, source(&from, parameter).into()))
        .collect();
    if !secrets.is_empty() {
        record.fact("secrets", Value::Object(secrets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_apprunner::types::{
        AuthenticationConfiguration, ImageConfiguration, ImageRepository, ImageRepositoryType,
        InstanceConfiguration, SourceConfiguration,
    };
    use aws_smithy_types::DateTime;
    use serde_json::json;

    #[test]
    fn a_service_has_two_roles_and_no_values() {
        let environment = ImageConfiguration::builder()
            .runtime_environment_variables("HOST", "hush")
            .runtime_environment_secrets(
                "TOKEN",
                "arn:aws:secretsmanager:us-east-1:1:secret:t-abcdef:key::",
            );
        let image = ImageRepository::builder()
            .image_identifier("333333333333.dkr.ecr.us-east-1.amazonaws.com/api:1")
            .image_repository_type(ImageRepositoryType::Ecr)
            .image_configuration(environment.build())
            .build()
            .unwrap();
        let from = SourceConfiguration::builder()
            .image_repository(image)
            .auto_deployments_enabled(true)
            .authentication_configuration(
                AuthenticationConfiguration::builder()
                    .access_role_arn("access")
                    .build(),
            );
        let at = DateTime::from_secs(0);
        let service = AppRunnerService::builder()
            .service_name("api")
            .service_id("1")
            .service_arn("arn")
            .created_at(at)
            .updated_at(at)
            .status(ServiceStatus::Running)
            .source_configuration(from.build())
            .instance_configuration(InstanceConfiguration::builder().instance_role_arn("role").build())
            .build()
            .unwrap();
        let mut record = Record::new(Kind::ApprunnerService, "arn");
        service_facts(&mut record, service, "aws", |name| name.to_owned());
        assert_eq!(
            json!(record.attrs),
            json!({
                "auto_deploy": true,
                "env_keys": ["HOST"],
                "image": "333333333333.dkr.ecr.us-east-1.amazonaws.com/api:1",
                "secrets": {"TOKEN": "arn:aws:secretsmanager:us-east-1:1:secret:t-abcdef"},
                "status": "RUNNING",
            })
        );
        let refs: Vec<(&str, &str)> = record
            .refs
            .iter()
            .map(|to| (to.rel.as_str(), to.to.as_str()))
            .collect();
        assert_eq!(
            refs,
            [
                ("RUNS_AS", "role"),
                ("PULLS_VIA", "access"),
                (
                    "DEPLOYED_FROM",
                    "arn:aws:ecr:us-east-1:333333333333:repository/api"
                ),
            ]
        );
    }
}
