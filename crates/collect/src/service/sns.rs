//! Amazon SNS: topics, who may publish to them, and where what is published goes.

use aws_sdk_sns::types::Subscription;
use futures::FutureExt;
use serde_json::{Value, json};
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const LIST_TOPICS: Call = Call {
    operation: "ListTopics",
    actions: &["sns:ListTopics"],
    absent: &[],
    without: "topics, and who may publish to them, are not known there",
};
const GET_ATTRIBUTES: Call = Call {
    operation: "GetTopicAttributes",
    actions: &["sns:GetTopicAttributes"],
    absent: &["NotFound"],
    without: "the topic's policy and encryption are not known: others may have access that is not shown",
};
const LIST_SUBSCRIPTIONS: Call = Call {
    operation: "ListSubscriptionsByTopic",
    actions: &["sns:ListSubscriptionsByTopic"],
    absent: &["NotFound"],
    without: "where what is published to the topic goes, and which functions it starts, is not known",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["sns:ListTagsForResource"],
    absent: &["ResourceNotFound", "NotFound"],
    without: "the topic's tags, and so its sensitivity and conditions on tags, are not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "sns",
    title: "Amazon SNS",
    clients: &["SNS"],
    scope: Scope::Regional,
    reads: "topics: policy, encryption, subscriptions, tags",
    calls: &[&LIST_TOPICS, &GET_ATTRIBUTES, &LIST_SUBSCRIPTIONS, &LIST_TAGS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_sns);
    let topics = cx
        .pages(
            &LIST_TOPICS,
            None,
            |token| client.list_topics().set_next_token(token).send(),
            |page| (page.topics.unwrap_or_default(), page.next_token),
        )
        .await;
    let client = &client;
    cx.each(topics, |topic| async move {
        let arn = topic.topic_arn.unwrap_or_default();
        let name = arn.rsplit(':').next().unwrap_or_default();
        let mut record = Record::of(cx, Kind::SnsTopic, arn.as_str(), name);
        let attributes = cx
            .call(&GET_ATTRIBUTES, Some(&arn), || {
                client.get_topic_attributes().topic_arn(&arn).send()
            })
            .await
            .or_lacks(&mut record)
            .and_then(|answer| answer.attributes)
            .unwrap_or_default();
        if let Some(text) = attributes.get("Policy") {
            record.policy(Slot::Resource, None, text);
        }
        let key = attributes.get("KmsMasterKeyId").filter(|key| !key.is_empty());
        record.refer_if(EdgeKind::EncryptedWith, key.map(|key| cx.key(key)));

        let listed = cx
            .pages(
                &LIST_SUBSCRIPTIONS,
                Some(&arn),
                |token| {
                    client
                        .list_subscriptions_by_topic()
                        .topic_arn(&arn)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.subscriptions.unwrap_or_default(), page.next_token),
            )
            .await;
        let known = listed.unread.is_none();
        let found = listed.or_lacks(&mut record);
        let mut subscriptions: Vec<Value> = found.iter().map(|one| subscription(one, cx.account())).collect();
        subscriptions.sort_by_key(Value::to_string);
        if known || !subscriptions.is_empty() {
            record.fact("subscriptions", subscriptions);
        }

        let found = cx
            .call(&LIST_TAGS, Some(&arn), || {
                client.list_tags_for_resource().resource_arn(&arn).send()
            })
            .await
            .or_lacks(&mut record);
        let list = found.and_then(|answer| answer.tags).unwrap_or_default();
        record.tags = tags(list.into_iter().map(|tag| (tag.key, tag.value)));
        cx.record(record);
    })
    .await;
}

fn subscription(subscription: &Subscription, account: &str) -> Value {
    let protocol = subscription.protocol().unwrap_or_default();
    let endpoint = endpoint(protocol, subscription.endpoint().unwrap_or_default());
    let mut fact = json!({"endpoint": endpoint, "protocol": protocol});
    if let Some(fact) = fact.as_object_mut() {
        let owner = subscription.owner().unwrap_or_default();
        if !owner.is_empty() && owner != account {
            fact.insert("owner".into(), owner.into());
        }
        if subscription.subscription_arn() == Some("PendingConfirmation") {
            fact.insert("pending".into(), true.into());
        }
    }
    fact
}

/// Where a message goes, without what is a secret or personal: the path of a web hook often is its password.
fn endpoint(protocol: &str, endpoint: &str) -> String {
    match protocol {
        "http" | "https" => {
            let (scheme, rest) = endpoint.split_once("://").unwrap_or((protocol, endpoint));
            let place = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = place.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}")
        }
        "email" | "email-json" => {
            let domain = endpoint.rsplit('@').next().unwrap_or_default();
            format!("@{domain}")
        }
        "sms" => String::new(),
        _ => endpoint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_lose_what_is_nobodys_business() {
        let of = endpoint;
        assert_eq!(
            of("https", "https://u:p@hooks.example/T0/secret?x=y"),
            "https://hooks.example"
        );
        assert_eq!(of("http", "http://h.example:8080"), "http://h.example:8080");
        assert_eq!(of("email", "ann@acme.example"), "@acme.example");
        assert_eq!(of("sms", "+15550100"), "");
        assert_eq!(
            of("lambda", "arn:aws:lambda:r:1:function:f"),
            "arn:aws:lambda:r:1:function:f"
        );
    }

    #[test]
    fn a_stranger_who_listens_is_named() {
        let one = Subscription::builder()
            .protocol("sqs")
            .endpoint("arn:q")
            .owner("2")
            .subscription_arn("PendingConfirmation")
            .build();
        assert_eq!(
            subscription(&one, "1"),
            json!({"endpoint": "arn:q", "protocol": "sqs", "owner": "2", "pending": true})
        );
    }
}
