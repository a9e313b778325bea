//! Amazon EventBridge Scheduler: what schedules run, and as whom. Their constant input is not kept.

use aws_sdk_scheduler::types::{ScheduleState, Target};
use futures::FutureExt;
use serde_json::Value;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::service::events::invoked;
use crate::service::states;
use crate::text::RecordExt;

const LIST_SCHEDULES: Call = Call {
    operation: "ListSchedules",
    actions: &["scheduler:ListSchedules"],
    absent: &[],
    without: "schedules, and what they run, are not known there",
};
const GET_SCHEDULE: Call = Call {
    operation: "GetSchedule",
    actions: &["scheduler:GetSchedule"],
    absent: &["ResourceNotFoundException"],
    without: "the role that the schedule runs its target as is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "scheduler",
    title: "Amazon EventBridge Scheduler",
    clients: &["Scheduler"],
    scope: Scope::Regional,
    reads: "schedules: role, target, expression, key, dead-letter queue",
    calls: &[&LIST_SCHEDULES, &GET_SCHEDULE],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_scheduler);
    let schedules = cx
        .pages(
            &LIST_SCHEDULES,
            None,
            |token| {
                client
                    .list_schedules()
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.schedules, page.next_token),
        )
        .await;
    let client = &client;
    cx.each(schedules, |schedule| async move {
        let arn = schedule.arn.unwrap_or_default();
        let name = schedule.name.unwrap_or_default();
        let group = schedule.group_name;
        let mut record = Record::of(cx, Kind::Schedule, &arn, &name);
        record.made(schedule.creation_date.as_ref());
        record.fact_if(
            "state",
            schedule
                .state
                .as_ref()
                .map(ScheduleState::as_str)
                .map(str::to_owned),
        );
        let more = cx
            .call(&GET_SCHEDULE, Some(&arn), || {
                client
                    .get_schedule()
                    .name(&name)
                    .set_group_name(group.clone())
                    .send()
            })
            .await
            .or_lacks(&mut record);
        match more {
            Some(more) => {
                record.fact_if("schedule", more.schedule_expression);
                record.refer_if(EdgeKind::EncryptedWith, more.kms_key_arn);
                if let Some(target) = more.target {
                    target_facts(&mut record, target, &|service, resource| {
                        cx.arn(service, resource)
                    });
                }
            }
            None => record.refer_if(EdgeKind::Invokes, schedule.target.map(|target| target.arn)),
        }
        cx.record(record);
    })
    .await;
}

fn target_facts(record: &mut Record, target: Target, here: states::Here<'_>) {
    record.refer_if(EdgeKind::RunsAs, Some(target.role_arn));
    record.fact_if(
        "dead_letter_queue",
        target.dead_letter_config.and_then(|to| to.arn),
    );
    // `arn:aws:scheduler:::aws-sdk:lambda:invoke` is a call, and its input says of what.
    if let Some((_, call)) = target.arn.split_once(":scheduler:::") {
        let input = target.input.unwrap_or_default();
        let input: Value = serde_json::from_str(&input).unwrap_or_default();
        states::call_facts(record, states::calls(call, &input, None, here));
        return;
    }
    let task = target.ecs_parameters.map(|ecs| ecs.task_definition_arn);
    record.refs.extend(invoked(&target.arn, task));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn made(arn: &str, input: &str) -> Value {
        let mut record = Record::new(Kind::Schedule, "schedule");
        let target = Target::builder().arn(arn).role_arn("arn:role").input(input);
        target_facts(&mut record, target.build().unwrap(), &|service, resource| {
            format!("arn:aws:{service}:r:1:{resource}")
        });
        crate::text::settle(&mut record);
        serde_json::to_value(record).unwrap()
    }

    #[test]
    fn a_schedule_runs_its_target() {
        assert_eq!(
            made("arn:machine", "{\"a\": \"hush\"}"),
            json!({
                "kind": "schedule", "id": "schedule",
                "refs": [{"rel": "INVOKES", "to": "arn:machine"}, {"rel": "RUNS_AS", "to": "arn:role"}],
            })
        );
    }

    #[test]
    fn a_schedule_may_make_any_call() {
        assert_eq!(
            made(
                "arn:aws:scheduler:::aws-sdk:lambda:invoke",
                r#"{"FunctionName": "f", "Payload": "hush"}"#
            ),
            json!({
                "kind": "schedule", "id": "schedule",
                "attrs": {"calls": [{"action": "lambda:invoke", "target": "arn:aws:lambda:r:1:function:f"}]},
                "refs": [
                    {"rel": "INVOKES", "to": "arn:aws:lambda:r:1:function:f", "attrs": {"how": "lambda:invoke"}},
                    {"rel": "RUNS_AS", "to": "arn:role"},
                ],
            })
        );
    }
}
