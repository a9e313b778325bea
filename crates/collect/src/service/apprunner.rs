//! AWS App Runner: services, the role that their code runs as and the role that pulls their image.

use aws_sdk_apprunner::types::Service as AppRunnerService;
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, repository, tags};

const LIST_SERVICES: Call = Call {
    operation: "ListServices",
    actions: &["apprunner:ListServices"],
    absent: &[],
    without: "App Runner services, which are open to the internet, and their roles are not known there",
};
const DESCRIBE_SERVICE: Call = Call {
    operation: "DescribeService",
    actions: &["apprunner:DescribeService"],
    absent: &[],
    without: "the service's role and image are not known",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["apprunner:ListTagsForResource"],
    absent: &[],
    without: "the service's tags, and so conditions on tags, are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "apprunner",
    title: "AWS App Runner",
    clients: &["AppRunner"],
    scope: Scope::Regional,
    reads: "services: instance role, access role, image or repository, names of environment variables, whether public, tags",
    calls: &[&LIST_SERVICES, &DESCRIBE_SERVICE, &LIST_TAGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_apprunner);
    let services = cx
        .pages(
            &LIST_SERVICES,
            None,
            |token| client.list_services().set_next_token(token).send(),
            |page| (page.service_summary_list, page.next_token),
        )
        .await;
    let client = &client;
    cx.each(services, |summary| async move {
        let arn = summary.service_arn.unwrap_or_default();
        let name = summary.service_name.unwrap_or_default();
        let mut record = Record::of(cx, Kind::ApprunnerService, arn.as_str(), name);
        record.made(summary.created_at.as_ref());
        let found = cx
            .call(&DESCRIBE_SERVICE, Some(&arn), || {
                client.describe_service().service_arn(&arn).send()
            })
            .await
            .or_lacks(&mut record)
            .and_then(|answer| answer.service);
        if let Some(found) = found {
            facts(cx, &mut record, found);
        }
        let found = cx
            .call(&LIST_TAGS, Some(&arn), || {
                client.list_tags_for_resource().resource_arn(&arn).send()
            })
            .await
            .or_lacks(&mut record);
        let found = found.and_then(|answer| answer.tags).unwrap_or_default();
        record.tags = tags(
            found
                .into_iter()
                .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))),
        );
        cx.record(record);
    })
    .await;
}

fn facts(cx: &Cx, record: &mut Record, service: AppRunnerService) {
    record.fact_if("url", service.service_url);
    let role = service
        .instance_configuration
        .and_then(|instance| instance.instance_role_arn);
    record.refer_if(EdgeKind::RunsAs, role);
    let key = service
        .encryption_configuration
        .map(|encryption| encryption.kms_key);
    record.refer_if(
        EdgeKind::EncryptedWith,
        key.filter(|key| !key.is_empty()).map(|key| cx.key(&key)),
    );
    let public = service
        .network_configuration
        .and_then(|network| network.ingress_configuration)
        .is_none_or(|ingress| ingress.is_publicly_accessible);
    record.fact("public", public);
    let mut keys: Vec<String> = Vec::new();
    if let Some(source) = service.source_configuration {
        let pull = source
            .authentication_configuration
            .and_then(|authentication| authentication.access_role_arn);
        record.refer_if(EdgeKind::PullsVia, pull);
        if let Some(image) = source.image_repository {
            record.refer_if(
                EdgeKind::DeployedFrom,
                repository(&image.image_identifier, cx.partition()),
            );
            record.fact("image", image.image_identifier);
            // Only the names: the values go no further than this.
            if let Some(configuration) = image.image_configuration {
                let variables = configuration.runtime_environment_variables.unwrap_or_default();
                keys.extend(variables.into_keys());
                let secrets = configuration.runtime_environment_secrets.unwrap_or_default();
                let mut named = serde_json::Map::new();
                for (key, place) in secrets {
                    named.insert(key.clone(), place.into());
                    keys.push(key);
                }
                if !named.is_empty() {
                    record.fact("secrets", named);
                }
            }
        }
        record.fact_if("source", source.code_repository.map(|code| code.repository_url));
    }
    keys.sort();
    record.fact("env_keys", keys);
}
