//! Amazon DynamoDB: tables, their policies and their streams', their keys.

use aws_sdk_dynamodb::types::TableDescription;
use futures::FutureExt;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::{Answer, Cx};
use crate::text::{RecordExt, tags};

const LIST_TABLES: Call = Call {
    operation: "ListTables",
    actions: &["dynamodb:ListTables"],
    absent: &[],
    without: "tables, and who may read them, are not known there",
};
const DESCRIBE_TABLE: Call = Call {
    operation: "DescribeTable",
    actions: &["dynamodb:DescribeTable"],
    absent: &["ResourceNotFoundException"],
    without: "the table's key, stream and replicas are not known",
};
const GET_POLICY: Call = Call {
    operation: "GetResourcePolicy",
    actions: &["dynamodb:GetResourcePolicy"],
    absent: &["PolicyNotFoundException", "ResourceNotFoundException"],
    without: "the policy of the table or its stream is not known: others may have access that is not shown",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsOfResource",
    actions: &["dynamodb:ListTagsOfResource"],
    absent: &["ResourceNotFoundException"],
    without: "the table's tags, and so its sensitivity and conditions on tags, are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "dynamodb",
    title: "Amazon DynamoDB",
    clients: &["DynamoDB"],
    scope: Scope::Regional,
    reads: "tables: policy, policy of the stream, encryption, stream, replicas, tags",
    calls: &[&LIST_TABLES, &DESCRIBE_TABLE, &GET_POLICY, &LIST_TAGS],
    collect: |cx| collect(cx).boxed(),
};

/// The name that the policy of a table's stream has in the record.
const STREAM: &str = "stream";

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_dynamodb);
    let names = cx
        .pages(
            &LIST_TABLES,
            None,
            |last| {
                client
                    .list_tables()
                    .limit(100)
                    .set_exclusive_start_table_name(last)
                    .send()
            },
            |page| {
                let last = page.last_evaluated_table_name;
                (page.table_names.unwrap_or_default(), last)
            },
        )
        .await;
    let client = &client;
    cx.each(names, |name| async move {
        let arn = cx.arn("dynamodb", &format!("table/{name}"));
        let mut record = Record::of(cx, Kind::DynamodbTable, arn.as_str(), name.as_str());
        let answer = cx
            .call(&DESCRIBE_TABLE, Some(&arn), || {
                client.describe_table().table_name(&name).send()
            })
            .await;
        if matches!(answer, Answer::Absent) {
            return;
        }
        let table = answer.or_lacks(&mut record).and_then(|answer| answer.table);
        let stream = table.and_then(|table| table_facts(&mut record, table, |key| cx.key(key)));

        let of_stream = stream.as_deref().map(|stream| (stream, Some(STREAM)));
        for (resource, slot) in std::iter::once((arn.as_str(), None)).chain(of_stream) {
            let policy = cx
                .call(&GET_POLICY, Some(resource), || {
                    client.get_resource_policy().resource_arn(resource).send()
                })
                .await
                .or_lacks(&mut record);
            if let Some(text) = policy.and_then(|answer| answer.policy) {
                record.policy(Slot::Resource, slot, &text);
            }
        }

        let found = cx
            .pages(
                &LIST_TAGS,
                Some(&arn),
                |token| {
                    client
                        .list_tags_of_resource()
                        .resource_arn(&arn)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.tags.unwrap_or_default(), page.next_token),
            )
            .await
            .or_lacks(&mut record);
        record.tags = tags(found.into_iter().map(|tag| (tag.key, tag.value)));
        cx.record(record);
    })
    .await;
}

/// Gives the ARN of the table's stream, where it has one.
fn table_facts(record: &mut Record, table: TableDescription, key: impl Fn(&str) -> String) -> Option<String> {
    record.made(table.creation_date_time.as_ref());
    // Without it the key is AWS's own, which nobody's policy speaks of.
    let encryption = table
        .sse_description
        .and_then(|encryption| encryption.kms_master_key_arn);
    record.refer_if(EdgeKind::EncryptedWith, encryption.as_deref().map(key));
    let mut replicas: Vec<String> = table
        .replicas
        .unwrap_or_default()
        .into_iter()
        .filter_map(|replica| replica.region_name)
        .collect();
    replicas.sort();
    if !replicas.is_empty() {
        record.fact("replicas", replicas);
    }
    let stream = table
        .stream_specification
        .filter(|stream| stream.stream_enabled)?;
    let view = stream.stream_view_type.map(|view| view.as_str().to_owned());
    record.fact_if("stream", view);
    table.latest_stream_arn
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::{SseDescription, StreamSpecification, StreamViewType};

    #[test]
    fn a_table_has_a_key_and_a_stream() {
        let table = TableDescription::builder()
            .sse_description(SseDescription::builder().kms_master_key_arn("arn:k").build())
            .stream_specification(
                StreamSpecification::builder()
                    .stream_enabled(true)
                    .stream_view_type(StreamViewType::NewImage)
                    .build()
                    .unwrap(),
            )
            .latest_stream_arn("arn:t/stream/1")
            .build();
        let mut record = Record::new(Kind::DynamodbTable, "arn:t");
        let stream = table_facts(&mut record, table, str::to_owned);
        assert_eq!(stream.as_deref(), Some("arn:t/stream/1"));
        assert_eq!(record.attrs["stream"], "NEW_IMAGE");
        assert_eq!(record.refs[0].to, "arn:k");
    }
}
