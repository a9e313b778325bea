//! AWS CloudTrail: trails, where they write, and which events they keep. It says where the evidence lies.

use std::collections::BTreeMap;

use aws_sdk_cloudtrail::types::{
    AdvancedEventSelector, AdvancedFieldSelector, EventSelector, ReadWriteType, Trail,
};
use futures::FutureExt;
use serde_json::{Map, Value, json};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::{Answer, Cx};
use crate::text::RecordExt;

const DESCRIBE_TRAILS: Call = Call {
    operation: "DescribeTrails",
    actions: &["cloudtrail:DescribeTrails"],
    absent: &[],
    without: "trails are not known there, and so not where there is evidence of what was used",
};
const GET_STATUS: Call = Call {
    operation: "GetTrailStatus",
    actions: &["cloudtrail:GetTrailStatus"],
    absent: &["TrailNotFoundException"],
    without: "whether the trail is switched on is not known",
};
const GET_SELECTORS: Call = Call {
    operation: "GetEventSelectors",
    actions: &["cloudtrail:GetEventSelectors"],
    absent: &["TrailNotFoundException"],
    without: "which events the trail keeps is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "cloudtrail",
    title: "AWS CloudTrail",
    clients: &["CloudTrail"],
    scope: Scope::Regional,
    reads: "trails, each once: bucket, encryption, whether it is switched on, which management and data events it keeps",
    calls: &[&DESCRIBE_TRAILS, &GET_STATUS, &GET_SELECTORS],
    collect: |cx| collect(cx).boxed(),
};

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_cloudtrail);
    let answer = cx
        .call(&DESCRIBE_TRAILS, None, || {
            client.describe_trails().include_shadow_trails(false).send()
        })
        .await;
    let trails = answer.got().and_then(|answer| answer.trail_list);
    let client = &client;
    let own = |trail: &Trail| is_own(trail, cx.account(), cx.region());
    cx.each(
        trails.unwrap_or_default().into_iter().filter(own),
        |trail| async move {
            let arn = trail.trail_arn.clone().unwrap_or_default();
            let name = trail.name.clone().unwrap_or_default();
            let mut record = Record::of(cx, Kind::AwsResource, arn.as_str(), name);
            trail_facts(&mut record, trail, cx.partition(), |key| cx.key(key));

            let status = cx
                .call(&GET_STATUS, Some(&arn), || {
                    client.get_trail_status().name(&arn).send()
                })
                .await
                .or_lacks(&mut record);
            if status.is_some_and(|status| status.is_logging == Some(false)) {
                record.fact("logging", false);
            }
            let selectors = cx
                .call(&GET_SELECTORS, Some(&arn), || {
                    client.get_event_selectors().trail_name(&arn).send()
                })
                .await;
            if let Answer::Unread(what) = &selectors {
                record.lacks(what);
            }
            if let Some(found) = selectors.got() {
                let basic = found.event_selectors.unwrap_or_default();
                let advanced = found.advanced_event_selectors.unwrap_or_default();
                let events = events(&basic, &advanced);
                if !events.data.is_empty() {
                    record.fact("data_events", events.data);
                }
                // All of them is the rule.
                if events.management != Some(Events::ALL) {
                    record.fact("management_events", events.management.unwrap_or("None"));
                }
            }
            cx.record(record);
        },
    )
    .await;
}

/// A trail of several regions is shown in each, and that of an organization in each account.
fn is_own(trail: &Trail, account: &str, region: &str) -> bool {
    let arn = trail.trail_arn().unwrap_or_default();
    let home = trail.home_region().filter(|home| !home.is_empty());
    arn.split(':').nth(4) == Some(account) && home.is_none_or(|home| home == region)
}

fn trail_facts(record: &mut Record, trail: Trail, partition: &str, key: impl Fn(&str) -> String) {
    record.fact("resource_type", "AWS::CloudTrail::Trail");
    let bucket = trail.s3_bucket_name.filter(|name| !name.is_empty());
    record.fact_if(
        "bucket",
        bucket.map(|name| format!("arn:{partition}:s3:::{name}")),
    );
    record.fact_if("prefix", trail.s3_key_prefix);
    record.fact("multi_region", trail.is_multi_region_trail.unwrap_or_default());
    record.fact(
        "organization_trail",
        trail.is_organization_trail.unwrap_or_default(),
    );
    record.fact_if("log_group", trail.cloud_watch_logs_log_group_arn);
    let id = trail.kms_key_id.filter(|id| !id.is_empty());
    record.refer_if(EdgeKind::EncryptedWith, id.as_deref().map(key));
}

/// What a trail keeps.
#[derive(Default)]
struct Events {
    /// `All`, `ReadOnly`, `WriteOnly`, or nothing.
    management: Option<&'static str>,
    /// `{"type": "AWS::S3::Object", "only"?: "ReadOnly", "where"?: {"resources.ARN": {"starts_with": […]}}}`.
    data: Vec<Value>,
}

impl Events {
    const ALL: &'static str = "All";
    const READ: &'static str = "ReadOnly";
    const WRITE: &'static str = "WriteOnly";

    fn keeps_management(&mut self, which: &'static str) {
        self.management = match self.management {
            None => Some(which),
            Some(before) if before == which => Some(which),
            Some(_) => Some(Self::ALL),
        };
    }

    fn keeps_data(&mut self, kind: &str, which: &'static str, wheres: Map<String, Value>) {
        let mut fact = json!({"type": kind});
        if let Some(fact) = fact.as_object_mut() {
            if which != Self::ALL {
                fact.insert("only".into(), which.into());
            }
            if !wheres.is_empty() {
                fact.insert("where".into(), wheres.into());
            }
        }
        if !self.data.contains(&fact) {
            self.data.push(fact);
        }
    }
}

fn events(basic: &[EventSelector], advanced: &[AdvancedEventSelector]) -> Events {
    let mut events = Events::default();
    if basic.is_empty() && advanced.is_empty() {
        // A trail that nobody set up keeps all management events and no others.
        events.keeps_management(Events::ALL);
    }
    for selector in basic {
        let which = match selector.read_write_type() {
            Some(ReadWriteType::ReadOnly) => Events::READ,
            Some(ReadWriteType::WriteOnly) => Events::WRITE,
            _ => Events::ALL,
        };
        if selector.include_management_events() != Some(false) {
            events.keeps_management(which);
        }
        for resource in selector.data_resources() {
            let mut wheres = Map::new();
            // `arn:aws:s3` is every bucket.
            let every = |arn: &String| arn.split(':').filter(|part| !part.is_empty()).count() <= 3;
            if !resource.values().iter().any(every) {
                wheres.insert(
                    "resources.ARN".into(),
                    json!({"starts_with": sorted(resource.values())}),
                );
            }
            events.keeps_data(resource.r#type().unwrap_or_default(), which, wheres);
        }
    }
    for selector in advanced {
        advanced_events(&mut events, selector);
    }
    events.data.sort_by_key(Value::to_string);
    events
}

fn advanced_events(events: &mut Events, selector: &AdvancedEventSelector) {
    let (mut category, mut kinds, mut which) = ("", &[] as &[String], Events::ALL);
    let mut wheres = Map::new();
    for field in selector.field_selectors() {
        match field.field() {
            "eventCategory" => category = field.equals().first().map_or("", String::as_str),
            "resources.type" => kinds = field.equals(),
            "readOnly" => {
                which = match field.equals().first().map(String::as_str) {
                    Some("true") => Events::READ,
                    Some("false") => Events::WRITE,
                    _ => Events::ALL,
                }
            }
            other => {
                wheres.insert(other.to_owned(), condition(field));
            }
        }
    }
    match category {
        "Management" => events.keeps_management(which),
        "Data" => {
            for kind in kinds {
                events.keeps_data(kind, which, wheres.clone());
            }
        }
        _ => {}
    }
}

fn condition(field: &AdvancedFieldSelector) -> Value {
    let parts = [
        ("equals", field.equals()),
        ("starts_with", field.starts_with()),
        ("ends_with", field.ends_with()),
        ("not_equals", field.not_equals()),
        ("not_starts_with", field.not_starts_with()),
        ("not_ends_with", field.not_ends_with()),
    ];
    let given = parts.into_iter().filter(|(_, values)| !values.is_empty());
    Value::from_iter(
        given
            .map(|(name, values)| (name, sorted(values)))
            .collect::<BTreeMap<_, _>>(),
    )
}

fn sorted(values: &[String]) -> Vec<String> {
    let mut values = values.to_vec();
    values.sort();
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudtrail::types::DataResource;

    #[test]
    fn basic_selectors() {
        let found = events(&[], &[]);
        assert_eq!((found.management, found.data.len()), (Some("All"), 0));
        let resource = |values: &[&str]| {
            DataResource::builder()
                .r#type("AWS::S3::Object")
                .set_values(Some(values.iter().map(|value| (*value).to_owned()).collect()))
                .build()
        };
        let selector = EventSelector::builder()
            .read_write_type(ReadWriteType::WriteOnly)
            .include_management_events(false)
            .data_resources(resource(&["arn:aws:s3"]))
            .data_resources(resource(&["arn:aws:s3:::b/"]))
            .build();
        let found = events(&[selector], &[]);
        assert_eq!(found.management, None);
        assert_eq!(
            found.data,
            [
                json!({
                    "type": "AWS::S3::Object", "only": "WriteOnly",
                    "where": {"resources.ARN": {"starts_with": ["arn:aws:s3:::b/"]}},
                }),
                json!({"type": "AWS::S3::Object", "only": "WriteOnly"}),
            ]
        );
    }

    #[test]
    fn advanced_selectors() {
        let field = |name: &str, equals: &[&str]| {
            AdvancedFieldSelector::builder()
                .field(name)
                .set_equals(Some(equals.iter().map(|value| (*value).to_owned()).collect()))
                .build()
                .unwrap()
        };
        let selector = |fields: Vec<AdvancedFieldSelector>| {
            AdvancedEventSelector::builder()
                .set_field_selectors(Some(fields))
                .build()
                .unwrap()
        };
        let found = events(
            &[],
            &[
                selector(vec![
                    field("eventCategory", &["Management"]),
                    field("readOnly", &["false"]),
                ]),
                selector(vec![
                    field("eventCategory", &["Data"]),
                    field("resources.type", &["AWS::Lambda::Function"]),
                    field("eventName", &["Invoke"]),
                ]),
            ],
        );
        assert_eq!(found.management, Some("WriteOnly"));
        assert_eq!(
            found.data,
            [json!({"type": "AWS::Lambda::Function", "where": {"eventName": {"equals": ["Invoke"]}}})]
        );
    }

    #[test]
    fn a_trail_is_read_at_home_only() {
        let trail = Trail::builder()
            .trail_arn("arn:aws:cloudtrail:us-east-1:1:trail/t")
            .home_region("us-east-1")
            .build();
        assert!(is_own(&trail, "1", "us-east-1"));
        assert!(!is_own(&trail, "2", "us-east-1") && !is_own(&trail, "1", "eu-west-1"));
    }
}
