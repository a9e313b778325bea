//! Amazon ECS: services, and the task definitions that they, running tasks, or the next `RunTask` would use.
//!
//! Of each family the latest active revision is read, and every older one that a service or a running task uses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use aws_sdk_ecs::types::{
    AssignPublicIp, ContainerDefinition, Service as EcsService, ServiceField, Tag, TaskDefinition,
    TaskDefinitionFamilyStatus, TaskDefinitionField,
};
use futures::FutureExt;
use serde_json::{Map, Value};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;
use sv0_model::small::SmallMap;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, repository, tags};

const NO_CLUSTER: &[&str] = &["ClusterNotFoundException"];

const LIST_CLUSTERS: Call = Call {
    operation: "ListClusters",
    actions: &["ecs:ListClusters"],
    absent: &[],
    without: "services and running tasks are not known there",
};
const LIST_SERVICES: Call = Call {
    operation: "ListServices",
    actions: &["ecs:ListServices"],
    absent: NO_CLUSTER,
    without: "the cluster's services are not known",
};
const DESCRIBE_SERVICES: Call = Call {
    operation: "DescribeServices",
    actions: &["ecs:DescribeServices"],
    absent: NO_CLUSTER,
    without: "what the cluster's services run is not known",
};
const LIST_TASKS: Call = Call {
    operation: "ListTasks",
    actions: &["ecs:ListTasks"],
    absent: NO_CLUSTER,
    without: "tasks that run in the cluster without a service are not known",
};
const DESCRIBE_TASKS: Call = Call {
    operation: "DescribeTasks",
    actions: &["ecs:DescribeTasks"],
    absent: NO_CLUSTER,
    without: "which task definitions and roles the cluster's running tasks have is not known",
};
const LIST_FAMILIES: Call = Call {
    operation: "ListTaskDefinitionFamilies",
    actions: &["ecs:ListTaskDefinitionFamilies"],
    absent: &[],
    without: "task definitions that no service uses, and the roles that they would run as, are not known there",
};
const DESCRIBE_TASK: Call = Call {
    operation: "DescribeTaskDefinition",
    actions: &["ecs:DescribeTaskDefinition"],
    absent: &[],
    without: "the task definition is not known: neither its roles nor its images",
};

pub(crate) const SERVICE: Service = Service {
    name: "ecs",
    title: "Amazon ECS",
    clients: &["ECS"],
    scope: Scope::Regional,
    reads: "services; task definitions that are in use or the latest of their family: task and execution role, images, names of environment variables, which secrets fill them",
    calls: &[
        &LIST_CLUSTERS,
        &LIST_SERVICES,
        &DESCRIBE_SERVICES,
        &LIST_TASKS,
        &DESCRIBE_TASKS,
        &LIST_FAMILIES,
        &DESCRIBE_TASK,
    ],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_ecs::Client;

/// What clusters use: task definitions, with the roles that running tasks have instead of theirs.
type Used = Mutex<BTreeMap<String, BTreeSet<String>>>;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_ecs);
    let clusters = cx
        .pages(
            &LIST_CLUSTERS,
            None,
            |token| {
                client
                    .list_clusters()
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.cluster_arns.unwrap_or_default(), page.next_token),
        )
        .await;
    let (client, used) = (&client, &Used::default());
    cx.each(clusters, |cluster| async move {
        services(cx, client, &cluster, used).await;
        tasks(cx, client, &cluster, used).await;
    })
    .await;

    let families = cx
        .pages(
            &LIST_FAMILIES,
            None,
            |token| {
                client
                    .list_task_definition_families()
                    .status(TaskDefinitionFamilyStatus::Active)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.families.unwrap_or_default(), page.next_token),
        )
        .await;
    cx.each(families, |family| definition(cx, client, family, used))
        .await;
    let rest: Vec<String> = lock(used).keys().cloned().collect();
    cx.each(rest, |arn| definition(cx, client, arn, used)).await;
}

fn lock(used: &Used) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn services(cx: &Cx, client: &Client, cluster: &str, used: &Used) {
    let arns = cx
        .pages(
            &LIST_SERVICES,
            Some(cluster),
            |token| {
                client
                    .list_services()
                    .cluster(cluster)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.service_arns.unwrap_or_default(), page.next_token),
        )
        .await
        .items;
    // Ten at a time is all that DescribeServices takes.
    for some in arns.chunks(10) {
        let answer = cx
            .call(&DESCRIBE_SERVICES, Some(cluster), || {
                client
                    .describe_services()
                    .cluster(cluster)
                    .set_services(Some(some.to_vec()))
                    .include(ServiceField::Tags)
                    .send()
            })
            .await;
        let found = answer.got().and_then(|answer| answer.services);
        for service in found.unwrap_or_default() {
            // A deleted service is shown for a while.
            if service.status() == Some("INACTIVE") {
                continue;
            }
            let arn = service.service_arn.clone().unwrap_or_default();
            let name = service.service_name.clone().unwrap_or_default();
            let mut record = Record::of(cx, Kind::EcsService, arn, name);
            service_facts(&mut record, service);
            for reference in &record.refs {
                lock(used).entry(reference.to.clone()).or_default();
            }
            cx.record(record);
        }
    }
}

fn service_facts(record: &mut Record, service: EcsService) {
    record.made(service.created_at.as_ref());
    record.fact_if("cluster", service.cluster_arn);
    record.fact("desired_count", service.desired_count);
    record.fact_if(
        "launch_type",
        service.launch_type.map(|kind| kind.as_str().to_owned()),
    );
    let network = service
        .network_configuration
        .and_then(|network| network.awsvpc_configuration)
        .and_then(|network| network.assign_public_ip);
    record.fact_if(
        "assign_public_ip",
        network.map(|assign| assign == AssignPublicIp::Enabled),
    );
    if service.enable_execute_command {
        record.fact("execute_command", true);
    }
    // While a deployment goes on there are two; with another deployer there are task sets instead.
    let deployed = service.deployments.unwrap_or_default();
    let sets = service.task_sets.unwrap_or_default();
    let definitions: BTreeSet<String> = std::iter::once(service.task_definition)
        .chain(deployed.into_iter().map(|one| one.task_definition))
        .chain(sets.into_iter().map(|set| set.task_definition))
        .flatten()
        .filter(|arn| !arn.is_empty())
        .collect();
    for arn in definitions {
        record.refer(EdgeKind::Runs, arn);
    }
    record.tags = tag_map(service.tags);
}

async fn tasks(cx: &Cx, client: &Client, cluster: &str, used: &Used) {
    let arns = cx
        .pages(
            &LIST_TASKS,
            Some(cluster),
            |token| {
                client
                    .list_tasks()
                    .cluster(cluster)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.task_arns.unwrap_or_default(), page.next_token),
        )
        .await
        .items;
    for some in arns.chunks(100) {
        let answer = cx
            .call(&DESCRIBE_TASKS, Some(cluster), || {
                client
                    .describe_tasks()
                    .cluster(cluster)
                    .set_tasks(Some(some.to_vec()))
                    .send()
            })
            .await;
        for task in answer.got().and_then(|answer| answer.tasks).unwrap_or_default() {
            let Some(definition) = task.task_definition_arn else {
                continue;
            };
            let instead = task.overrides.and_then(|overrides| overrides.task_role_arn);
            let mut used = lock(used);
            let roles = used.entry(definition).or_default();
            roles.extend(instead.filter(|role| !role.is_empty()));
        }
    }
}

/// A task definition by its ARN, or the latest active one of a family.
async fn definition(cx: &Cx, client: &Client, name: String, used: &Used) {
    let id = if name.starts_with("arn:") {
        name.clone()
    } else {
        cx.arn("ecs", &format!("task-definition/{name}"))
    };
    let answer = cx
        .call(&DESCRIBE_TASK, Some(&id), || {
            client
                .describe_task_definition()
                .task_definition(&name)
                .include(TaskDefinitionField::Tags)
                .send()
        })
        .await;
    let Some(answer) = answer.got() else { return };
    let Some(task) = answer.task_definition else {
        return;
    };
    let arn = task.task_definition_arn.clone().unwrap_or_default();
    let short = arn.rsplit('/').next().unwrap_or_default();
    let mut record = Record::of(cx, Kind::EcsTask, arn.as_str(), short);
    // What is read here need not be read for a service.
    for role in lock(used).remove(&arn).unwrap_or_default() {
        if task.task_role_arn.as_deref() != Some(role.as_str()) {
            record.refer_how(EdgeKind::RunsAs, role, "override of a running task");
        }
    }
    task_facts(&mut record, task, cx.partition(), |name| {
        let name = name.strip_prefix('/').unwrap_or(name);
        cx.arn("ssm", &format!("parameter/{name}"))
    });
    record.tags = tag_map(answer.tags);
    cx.record(record);
}

fn task_facts(
    record: &mut Record,
    task: TaskDefinition,
    partition: &str,
    parameter: impl Fn(&str) -> String,
) {
    record.made(task.registered_at.as_ref());
    record.refer_if(EdgeKind::RunsAs, task.task_role_arn);
    record.refer_if(EdgeKind::PullsVia, task.execution_role_arn);
    let containers = task.container_definitions.unwrap_or_default();
    let mut images: Vec<String> = Vec::new();
    let mut keys = BTreeSet::new();
    let mut files = BTreeSet::new();
    let mut registries = BTreeSet::new();
    let mut secrets = Map::new();
    for container in containers {
        fill_secrets(&mut secrets, &container, &parameter);
        if let Some(image) = container.image.filter(|image| !images.contains(image)) {
            images.push(image);
        }
        // Only the names: values, commands and labels go no further than this.
        keys.extend(
            container
                .environment
                .unwrap_or_default()
                .into_iter()
                .filter_map(|one| one.name),
        );
        files.extend(
            container
                .environment_files
                .unwrap_or_default()
                .into_iter()
                .map(|file| file.value),
        );
        registries.extend(
            container
                .repository_credentials
                .map(|credentials| credentials.credentials_parameter),
        );
    }
    for repository in images.iter().filter_map(|image| repository(image, partition)) {
        record.refer(EdgeKind::DeployedFrom, repository);
    }
    record.fact("images", images);
    record.fact("env_keys", Value::from_iter(keys));
    if !secrets.is_empty() {
        record.fact("secrets", Value::Object(secrets));
    }
    if !files.is_empty() {
        record.fact("env_files", Value::from_iter(files));
    }
    if !registries.is_empty() {
        record.fact("registry_credentials", Value::from_iter(registries));
    }
}

/// Which secret or parameter fills which variable. Two containers may use one name for different things.
fn fill_secrets(
    secrets: &mut Map<String, Value>,
    container: &ContainerDefinition,
    parameter: &impl Fn(&str) -> String,
) {
    for secret in container.secrets() {
        let from = Value::from(source(&secret.value_from, parameter));
        let taken = secrets.get(&secret.name).is_some_and(|other| *other != from);
        let name = if taken {
            format!("{}/{}", container.name().unwrap_or_default(), secret.name)
        } else {
            secret.name.clone()
        };
        secrets.insert(name, from);
    }
}

/// The ARN of what a variable is filled from. A secret's may be followed by the key of one of its values and a version.
pub(super) fn source(from: &str, parameter: &impl Fn(&str) -> String) -> String {
    if !from.starts_with("arn:") {
        return parameter(from);
    }
    let is_secret = from.split(':').nth(2) == Some("secretsmanager");
    match from.match_indices(':').nth(6) {
        Some((at, _)) if is_secret => from.get(..at).unwrap_or(from).to_owned(),
        _ => from.to_owned(),
    }
}

fn tag_map(list: Option<Vec<Tag>>) -> SmallMap<String> {
    let pairs = list.unwrap_or_default().into_iter();
    tags(pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::{Deployment, KeyValuePair, Secret};
    use serde_json::json;

    #[test]
    fn a_task_has_roles_images_and_names_of_variables() {
        let secret = |name: &str, from: &str| Secret::builder().name(name).value_from(from).build().unwrap();
        let container = |name: &str, from: &str| {
            ContainerDefinition::builder()
                .name(name)
                .image("333333333333.dkr.ecr.us-east-1.amazonaws.com/api:1")
                .environment(KeyValuePair::builder().name("HOST").value("hush").build())
                .secrets(secret("PASSWORD", from))
                .build()
        };
        let task = TaskDefinition::builder()
            .task_role_arn("arn:t")
            .execution_role_arn("arn:x")
            .container_definitions(container(
                "a",
                "arn:aws:secretsmanager:us-east-1:1:secret:s-AbCdEf:key::",
            ))
            .container_definitions(container("b", "/prod/password"))
            .build();
        let mut record = Record::new(Kind::EcsTask, "t");
        task_facts(&mut record, task, "aws", |name| format!("arn:parameter{name}"));
        crate::text::settle(&mut record);
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            json!({
                "kind": "ecs_task", "id": "t",
                "attrs": {
                    "env_keys": ["HOST"],
                    "images": ["333333333333.dkr.ecr.us-east-1.amazonaws.com/api:1"],
                    "secrets": {
                        "PASSWORD": "arn:aws:secretsmanager:us-east-1:1:secret:s-AbCdEf",
                        "b/PASSWORD": "arn:parameter/prod/password",
                    },
                },
                "refs": [
                    {"rel": "DEPLOYED_FROM", "to": "arn:aws:ecr:us-east-1:333333333333:repository/api"},
                    {"rel": "PULLS_VIA", "to": "arn:x"},
                    {"rel": "RUNS_AS", "to": "arn:t"},
                ],
            })
        );
    }

    #[test]
    fn a_service_runs_what_it_is_deploying_too() {
        let deployment = |arn: &str| Deployment::builder().task_definition(arn).build();
        let service = EcsService::builder()
            .task_definition("arn:t:2")
            .deployments(deployment("arn:t:2"))
            .deployments(deployment("arn:t:1"))
            .build();
        let mut record = Record::new(Kind::EcsService, "s");
        service_facts(&mut record, service);
        let runs: Vec<&str> = record
            .refs
            .iter()
            .map(|reference| reference.to.as_str())
            .collect();
        assert_eq!(runs, ["arn:t:1", "arn:t:2"]);
        assert_eq!(
            serde_json::to_value(record.attrs).unwrap(),
            json!({"desired_count": 0})
        );
    }
}
