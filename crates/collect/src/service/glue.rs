//! AWS Glue: jobs and the roles that they run as. Never the values of arguments or of connections.

use aws_sdk_glue::types::Job;
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const GET_JOBS: Call = Call {
    operation: "GetJobs",
    actions: &["glue:GetJobs"],
    absent: &[],
    without: "jobs are not known there: whoever may start or change one acts with its role, which is not shown",
};
const GET_TAGS: Call = Call {
    operation: "GetTags",
    actions: &["glue:GetTags"],
    absent: &["EntityNotFoundException"],
    without: "the job's tags, and so conditions on tags, are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "glue",
    title: "AWS Glue",
    clients: &["Glue"],
    scope: Scope::Regional,
    reads: "jobs: role, script, names of arguments, connections by name, tags",
    calls: &[&GET_JOBS, &GET_TAGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_glue);
    let jobs = cx
        .pages(
            &GET_JOBS,
            None,
            |token| client.get_jobs().max_results(200).set_next_token(token).send(),
            |page| (page.jobs.unwrap_or_default(), page.next_token),
        )
        .await;
    let client = &client;
    cx.each(jobs, |job| async move {
        let mut record = record(cx, job);
        let found = cx
            .call(&GET_TAGS, Some(&record.id), || {
                client.get_tags().resource_arn(&record.id).send()
            })
            .await
            .or_lacks(&mut record);
        record.tags = tags(found.and_then(|answer| answer.tags).unwrap_or_default());
        cx.record(record);
    })
    .await;
}

fn record(cx: &Cx, job: Job) -> Record {
    let name = job.name.unwrap_or_default();
    let mut record = Record::of(cx, Kind::GlueJob, cx.arn("glue", &format!("job/{name}")), name);
    // A role may be named without its path (Glue API, Job).
    let role = job.role.filter(|role| !role.is_empty()).map(|role| {
        if role.starts_with("arn:") {
            role
        } else {
            format!("arn:{}:iam::{}:role/{role}", cx.partition(), cx.account())
        }
    });
    record.refer_if(EdgeKind::RunsAs, role);
    record.fact_if("script", job.command.and_then(|command| command.script_location));
    // Only the names: the values go no further than this.
    let fixed = job.non_overridable_arguments.unwrap_or_default();
    let mut keys: Vec<String> = job
        .default_arguments
        .unwrap_or_default()
        .into_keys()
        .chain(fixed.into_keys())
        .collect();
    keys.sort();
    keys.dedup();
    record.fact("argument_keys", keys);
    let connections = job.connections.and_then(|list| list.connections);
    record.fact_if("connections", connections.filter(|names| !names.is_empty()));
    record.made(job.created_on.as_ref());
    record
}
