//! Amazon SQS: queues, their policies, keys and dead-letter queues.

use aws_sdk_sqs::types::QueueAttributeName;
use futures::FutureExt;
use serde_json::Value;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const LIST_QUEUES: Call = Call {
    operation: "ListQueues",
    actions: &["sqs:ListQueues"],
    absent: &[],
    without: "queues, and who may send to them, are not known there",
};
const GET_QUEUE_ATTRIBUTES: Call = Call {
    operation: "GetQueueAttributes",
    actions: &["sqs:GetQueueAttributes"],
    absent: &["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"],
    without: "the queue's policy and encryption are not known: others may have access that is not shown",
};
const LIST_QUEUE_TAGS: Call = Call {
    operation: "ListQueueTags",
    actions: &["sqs:ListQueueTags"],
    absent: &["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"],
    without: "the queue's tags, and so its sensitivity and conditions on tags, are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "sqs",
    title: "Amazon SQS",
    clients: &["SQS"],
    scope: Scope::Regional,
    reads: "queues: policy, encryption, dead-letter queue, tags",
    calls: &[&LIST_QUEUES, &GET_QUEUE_ATTRIBUTES, &LIST_QUEUE_TAGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_sqs);
    let urls = cx
        .pages(
            &LIST_QUEUES,
            None,
            // Without a page size SQS gives a thousand queues and no token (SQS API Reference, ListQueues).
            |token| {
                client
                    .list_queues()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.queue_urls.unwrap_or_default(), page.next_token),
        )
        .await;
    let (cx, client) = (&cx, &client);
    cx.each(urls, |url| async move {
        let name = url.rsplit('/').next().unwrap_or_default();
        let arn = cx.arn("sqs", name);
        let mut record = Record::of(cx, Kind::SqsQueue, &arn, name);
        record.fact("url", url.as_str());
        let attributes = cx
            .call(&GET_QUEUE_ATTRIBUTES, Some(&arn), || {
                let all = QueueAttributeName::All;
                client
                    .get_queue_attributes()
                    .queue_url(&url)
                    .attribute_names(all)
                    .send()
            })
            .await
            .or_lacks(&mut record);
        for (name, value) in attributes
            .and_then(|answer| answer.attributes)
            .unwrap_or_default()
        {
            match name {
                QueueAttributeName::Policy => record.policy(Slot::Resource, None, &value),
                QueueAttributeName::KmsMasterKeyId => record.refer(EdgeKind::EncryptedWith, cx.key(&value)),
                QueueAttributeName::RedrivePolicy => {
                    let policy: Value = serde_json::from_str(&value).unwrap_or_default();
                    record.fact_if(
                        "dead_letter_queue",
                        policy.get("deadLetterTargetArn").and_then(Value::as_str),
                    );
                }
                QueueAttributeName::CreatedTimestamp => {
                    // Whole seconds from AWS, a fraction behind them from others.
                    let seconds = value.split('.').next().and_then(|seconds| seconds.parse().ok());
                    let at = seconds.map(aws_smithy_types::DateTime::from_secs);
                    record.made(at.as_ref());
                }
                _ => {}
            }
        }
        let found = cx
            .call(&LIST_QUEUE_TAGS, Some(&arn), || {
                client.list_queue_tags().queue_url(&url).send()
            })
            .await
            .or_lacks(&mut record);
        record.tags = tags(found.and_then(|answer| answer.tags).unwrap_or_default());
        cx.record(record);
    })
    .await;
}
