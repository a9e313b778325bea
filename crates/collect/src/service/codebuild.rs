//! AWS CodeBuild: projects, the role that a build runs as, where its source is. Never the values of environment
//! variables.

use aws_sdk_codebuild::types::Project;
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, repository, tags};

const LIST_PROJECTS: Call = Call {
    operation: "ListProjects",
    actions: &["codebuild:ListProjects"],
    absent: &[],
    without: "build projects are not known there: whoever may start or change one acts with its role, which is not shown",
};
const BATCH_GET_PROJECTS: Call = Call {
    operation: "BatchGetProjects",
    actions: &["codebuild:BatchGetProjects"],
    absent: &[],
    without: "the roles of build projects are not known there",
};

pub(crate) const SERVICE: Service = Service {
    name: "codebuild",
    title: "AWS CodeBuild",
    clients: &["CodeBuild"],
    scope: Scope::Regional,
    reads: "projects: role, source, image, names of environment variables, key, tags",
    calls: &[&LIST_PROJECTS, &BATCH_GET_PROJECTS],
    collect: |cx| collect(cx).boxed(),
};

/// Projects that one call describes at most (CodeBuild API Reference, BatchGetProjects).
const BATCH: usize = 100;

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
    cx.each(names.chunks(BATCH), |names| async move {
        let answer = cx
            .call(&BATCH_GET_PROJECTS, None, || {
                client.batch_get_projects().set_names(Some(names.to_vec())).send()
            })
            .await;
        match answer.got() {
            Some(answer) => {
                for project in answer.projects.unwrap_or_default() {
                    cx.record(record(cx, project));
                }
            }
            // That they are there is known all the same.
            None => {
                for name in names {
                    let arn = cx.arn("codebuild", &format!("project/{name}"));
                    let mut record = Record::of(cx, Kind::CodebuildProject, arn, name.as_str());
                    record.lacks("its role could not be read");
                    cx.record(record);
                }
            }
        }
    })
    .await;
}

fn record(cx: &Cx, project: Project) -> Record {
    let arn = project.arn.unwrap_or_default();
    let mut record = Record::of(cx, Kind::CodebuildProject, arn, project.name.unwrap_or_default());
    record.refer_if(EdgeKind::RunsAs, project.service_role);
    // The key of the account's S3 alias is what every project has that names none.
    let key = project
        .encryption_key
        .filter(|key| !key.ends_with(":alias/aws/s3") && !key.is_empty());
    record.refer_if(EdgeKind::EncryptedWith, key.map(|key| cx.key(&key)));
    let source = project.source;
    record.fact_if(
        "source",
        source.as_ref().and_then(|source| source.location.clone()),
    );
    let mut keys = Vec::new();
    if let Some(environment) = project.environment {
        record.refer_if(
            EdgeKind::DeployedFrom,
            repository(&environment.image, cx.partition()),
        );
        record.fact("image", environment.image);
        record.fact("privileged", environment.privileged_mode.unwrap_or_default());
        // Only the names: the values go no further than this.
        let variables = environment.environment_variables.unwrap_or_default();
        keys = variables.into_iter().map(|variable| variable.name).collect();
        keys.sort();
    }
    record.fact("env_keys", keys);
    if project
        .project_visibility
        .is_some_and(|visibility| visibility.as_str() == "PUBLIC_READ")
    {
        record.fact("public", true);
    }
    record.tags = tags(
        project
            .tags
            .unwrap_or_default()
            .into_iter()
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))),
    );
    record.made(project.created.as_ref());
    record
}
