//! Amazon EventBridge Pipes: what each pipe reads, what it runs, and as whom.

use aws_sdk_pipes::operation::describe_pipe::DescribePipeOutput;
use aws_sdk_pipes::types::{Pipe, PipeState};
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::service::events::invoked;
use crate::text::{RecordExt, tags};

const LIST_PIPES: Call = Call {
    operation: "ListPipes",
    actions: &["pipes:ListPipes"],
    absent: &[],
    without: "pipes, what starts them and what they run, are not known there",
};
const DESCRIBE_PIPE: Call = Call {
    operation: "DescribePipe",
    actions: &["pipes:DescribePipe"],
    absent: &["NotFoundException"],
    without: "the role and the tags of the pipe are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "pipes",
    title: "Amazon EventBridge Pipes",
    clients: &["Pipes"],
    scope: Scope::Regional,
    reads: "pipes: role, source, enrichment, target, key, tags",
    calls: &[&LIST_PIPES, &DESCRIBE_PIPE],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_pipes);
    let pipes = cx
        .pages(
            &LIST_PIPES,
            None,
            |token| client.list_pipes().limit(100).set_next_token(token).send(),
            |page| (page.pipes.unwrap_or_default(), page.next_token),
        )
        .await;
    let client = &client;
    cx.each(pipes, |pipe| async move {
        let arn = pipe.arn.clone().unwrap_or_default();
        let name = pipe.name.clone().unwrap_or_default();
        let mut record = Record::of(cx, Kind::EventbridgePipe, &arn, &name);
        let more = cx
            .call(&DESCRIBE_PIPE, Some(&arn), || {
                client.describe_pipe().name(&name).send()
            })
            .await
            .or_lacks(&mut record);
        let key = more
            .as_ref()
            .and_then(|more| more.kms_key_identifier.as_deref())
            .filter(|key| !key.is_empty())
            .map(|key| cx.key(key));
        record.refer_if(EdgeKind::EncryptedWith, key);
        pipe_facts(&mut record, pipe, more);
        cx.record(record);
    })
    .await;
}

fn pipe_facts(record: &mut Record, pipe: Pipe, more: Option<DescribePipeOutput>) {
    record.fact_if(
        "state",
        pipe.current_state
            .as_ref()
            .map(PipeState::as_str)
            .map(str::to_owned),
    );
    record.made(pipe.creation_time.as_ref());
    // A Kafka cluster outside AWS is named by `smk://` and its host.
    let source = pipe.source.unwrap_or_default();
    if source.starts_with("arn:") {
        record.refer(EdgeKind::TriggeredBy, source);
    } else {
        record.fact_if("source", Some(source));
    }
    if let Some(between) = pipe.enrichment.filter(|between| !between.is_empty()) {
        record.refer_how(EdgeKind::Invokes, between, "enrichment");
    }
    let mut task = None;
    if let Some(more) = more {
        record.refer_if(EdgeKind::RunsAs, more.role_arn);
        record.tags = tags(more.tags.unwrap_or_default());
        task = more
            .target_parameters
            .and_then(|parameters| parameters.ecs_task_parameters)
            .map(|ecs| ecs.task_definition_arn);
    }
    record
        .refs
        .extend(invoked(pipe.target.as_deref().unwrap_or_default(), task));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pipe_runs_its_enrichment_and_its_target() {
        let mut record = Record::new(Kind::EventbridgePipe, "pipe");
        pipe_facts(
            &mut record,
            Pipe::builder()
                .current_state(PipeState::Running)
                .source("arn:queue")
                .enrichment("arn:function")
                .target("arn:machine")
                .build(),
            Some(
                DescribePipeOutput::builder()
                    .role_arn("arn:role")
                    .tags("app", "orders")
                    .build(),
            ),
        );
        crate::text::settle(&mut record);
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            json!({
                "kind": "eventbridge_pipe", "id": "pipe", "tags": {"app": "orders"},
                "attrs": {"state": "RUNNING"},
                "refs": [
                    {"rel": "INVOKES", "to": "arn:function", "attrs": {"how": "enrichment"}},
                    {"rel": "INVOKES", "to": "arn:machine"},
                    {"rel": "RUNS_AS", "to": "arn:role"},
                    {"rel": "TRIGGERED_BY", "to": "arn:queue"},
                ],
            })
        );
    }
}
