//! Amazon EventBridge: buses and who may put events on them, rules, and what rules run and as whom.
//!
//! The constant input of a target is not kept. Every region has a default bus; it is shown where somebody uses it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use aws_sdk_eventbridge::types::{ApiDestination, EventBus, Rule, RuleState, Tag, Target};
use futures::FutureExt;
use serde_json::Value;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::{Record, Ref};
use sv0_model::small::SmallMap;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const GONE: &[&str] = &["ResourceNotFoundException"];

const LIST_BUSES: Call = Call {
    operation: "ListEventBuses",
    actions: &["events:ListEventBuses"],
    absent: &[],
    without: "event buses, and who may put events on them, are not known there",
};
const LIST_RULES: Call = Call {
    operation: "ListRules",
    actions: &["events:ListRules"],
    absent: GONE,
    without: "which rules the bus has, and so what its events run, is not known",
};
const LIST_TARGETS: Call = Call {
    operation: "ListTargetsByRule",
    actions: &["events:ListTargetsByRule"],
    absent: GONE,
    without: "what the rule runs, and as which role, is not known",
};
const LIST_TAGS: Call = Call {
    operation: "ListTagsForResource",
    actions: &["events:ListTagsForResource"],
    absent: GONE,
    without: "tags of buses and rules, and so conditions on tags, are not known",
};
const LIST_DESTINATIONS: Call = Call {
    operation: "ListApiDestinations",
    actions: &["events:ListApiDestinations"],
    absent: &[],
    without: "to which hosts outside AWS rules send events is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "events",
    title: "Amazon EventBridge",
    clients: &["EventBridge"],
    scope: Scope::Regional,
    reads: "event buses: policy, tags; rules: pattern or schedule, targets and their roles, dead-letter queues, tags; API destinations that rules use",
    calls: &[
        &LIST_BUSES,
        &LIST_RULES,
        &LIST_TARGETS,
        &LIST_TAGS,
        &LIST_DESTINATIONS,
    ],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_eventbridge::Client;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_eventbridge);
    let buses = cx
        .pages(
            &LIST_BUSES,
            None,
            |token| client.list_event_buses().limit(100).set_next_token(token).send(),
            |page| (page.event_buses.unwrap_or_default(), page.next_token),
        )
        .await;
    let destinations: Mutex<BTreeSet<String>> = Mutex::default();
    for bus in buses {
        let arn = bus.arn.clone().unwrap_or_default();
        let mut record = bus_record(cx, bus);
        let rules = cx
            .pages(
                &LIST_RULES,
                Some(&arn),
                |token| {
                    client
                        .list_rules()
                        .event_bus_name(&record.name)
                        .limit(100)
                        .set_next_token(token)
                        .send()
                },
                |page| (page.rules.unwrap_or_default(), page.next_token),
            )
            .await
            .or_lacks(&mut record);
        let unused = rules.is_empty() && record.policies.is_empty() && record.partial.is_none();
        if record.name == "default" && unused {
            continue;
        }
        let (client, bus, destinations) = (&client, &arn, &destinations);
        cx.each(rules, |rule| async move {
            for target in self::rule(cx, client, bus, rule).await {
                if target.contains(":api-destination/") {
                    destinations
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(target);
                }
            }
        })
        .await;
        record.tags = tags_of(cx, client, &mut record).await;
        cx.record(record);
    }
    let destinations = destinations.into_inner().unwrap_or_else(PoisonError::into_inner);
    if destinations.is_empty() {
        return;
    }
    let listed = cx
        .pages(
            &LIST_DESTINATIONS,
            None,
            |token| {
                client
                    .list_api_destinations()
                    .limit(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.api_destinations.unwrap_or_default(), page.next_token),
        )
        .await;
    for destination in listed {
        if destinations.contains(destination.api_destination_arn().unwrap_or_default()) {
            cx.record(destination_record(cx, destination));
        }
    }
}

fn bus_record(cx: &Cx, bus: EventBus) -> Record {
    let mut record = Record::of(
        cx,
        Kind::EventBus,
        bus.arn.unwrap_or_default(),
        bus.name.unwrap_or_default(),
    );
    if let Some(policy) = bus.policy.filter(|policy| !policy.is_empty()) {
        record.policy(Slot::Resource, None, &policy);
    }
    record.made(bus.creation_time.as_ref());
    record
}

/// Reads a rule; gives what it runs.
async fn rule(cx: &Cx, client: &Client, bus: &str, rule: Rule) -> Vec<String> {
    let arn = rule.arn.clone().unwrap_or_default();
    let name = rule.name.clone().unwrap_or_default();
    let mut record = Record::of(cx, Kind::EventbridgeRule, &arn, &name);
    let managed = rule.managed_by.is_some();
    let on = rule.event_bus_name.clone();
    rule_facts(&mut record, bus, rule);
    let targets = cx
        .pages(
            &LIST_TARGETS,
            Some(&arn),
            |token| {
                client
                    .list_targets_by_rule()
                    .rule(&name)
                    .set_event_bus_name(on.clone())
                    .limit(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.targets.unwrap_or_default(), page.next_token),
        )
        .await
        .or_lacks(&mut record);
    target_facts(&mut record, targets);
    // A service's own rules have none.
    if !managed {
        record.tags = tags_of(cx, client, &mut record).await;
    }
    let runs = record
        .refs
        .iter()
        .filter(|one| one.rel == EdgeKind::Invokes)
        .map(|one| one.to.clone())
        .collect();
    cx.record(record);
    runs
}

fn rule_facts(record: &mut Record, bus: &str, rule: Rule) {
    // A rule with a schedule alone waits for no event, whatever its bus is.
    if rule
        .event_pattern
        .as_deref()
        .is_some_and(|pattern| !pattern.is_empty())
    {
        record.refer(EdgeKind::TriggeredBy, bus);
    }
    record.fact_if(
        "state",
        rule.state.as_ref().map(RuleState::as_str).map(str::to_owned),
    );
    record.fact_if("description", rule.description);
    record.fact_if("schedule", rule.schedule_expression);
    record.fact_if("managed_by", rule.managed_by);
    if let Some(pattern) = rule.event_pattern.filter(|pattern| !pattern.is_empty()) {
        let parsed = serde_json::from_str(&pattern).unwrap_or(Value::String(pattern));
        record.fact("event_pattern", parsed);
    }
    record.refer_if(EdgeKind::RunsAs, rule.role_arn);
}

fn target_facts(record: &mut Record, targets: Vec<Target>) {
    let mut letters = BTreeSet::new();
    let mut runs: Vec<Ref> = Vec::new();
    for target in targets {
        if let Some(queue) = target.dead_letter_config.and_then(|to| to.arn) {
            letters.insert(queue);
        }
        if let Some(role) = target.role_arn.filter(|role| !role.is_empty()) {
            let known = |one: &Ref| one.rel == EdgeKind::RunsAs && one.to == role;
            if !record.refs.iter().any(known) {
                record.refer(EdgeKind::RunsAs, role);
            }
        }
        runs.extend(invoked(
            &target.arn,
            target.ecs_parameters.map(|ecs| ecs.task_definition_arn),
        ));
    }
    record.refs.extend(runs);
    let mut letters = letters.into_iter();
    record.fact_if("dead_letter_queue", letters.next());
    let more: Vec<String> = letters.collect();
    if !more.is_empty() {
        record.fact("more_dead_letter_queues", more);
    }
}

/// What a target runs. A task's target is its cluster, where it runs; what runs is the task definition.
pub(crate) fn invoked(target: &str, task: Option<String>) -> Option<Ref> {
    let mut attrs = SmallMap::new();
    let to = match task.filter(|task| !task.is_empty()) {
        Some(task) => {
            attrs.insert("cluster".to_owned(), Value::from(target));
            task
        }
        None if target.is_empty() => return None,
        None => target.to_owned(),
    };
    Some(Ref {
        rel: EdgeKind::Invokes,
        to,
        attrs,
    })
}

async fn tags_of(cx: &Cx, client: &Client, record: &mut Record) -> SmallMap<String> {
    let id = record.id.clone();
    let found = cx
        .call(&LIST_TAGS, Some(&id), || {
            client.list_tags_for_resource().resource_arn(&id).send()
        })
        .await
        .or_lacks(record);
    let found: Vec<Tag> = found.and_then(|answer| answer.tags).unwrap_or_default();
    tags(found.into_iter().map(|tag| (tag.key, tag.value)))
}

fn destination_record(cx: &Cx, destination: ApiDestination) -> Record {
    let mut record = Record::of(
        cx,
        Kind::AwsResource,
        destination.api_destination_arn.unwrap_or_default(),
        destination.name.unwrap_or_default(),
    );
    record.fact("resource_type", "AWS::Events::ApiDestination");
    // The path of a web hook is often its secret.
    record.fact_if(
        "host",
        destination
            .invocation_endpoint
            .as_deref()
            .map(|url| host(url).to_owned()),
    );
    record.fact_if("connection", destination.connection_arn);
    record.made(destination.creation_time.as_ref());
    record
}

/// `https://user@hooks.example/T0/B0?x=y` → `hooks.example`.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    host.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_eventbridge::types::{DeadLetterConfig, EcsParameters};
    use serde_json::json;

    #[test]
    fn a_rule_runs_its_targets_as_their_roles() {
        let mut record = Record::new(Kind::EventbridgeRule, "rule");
        rule_facts(
            &mut record,
            "bus",
            Rule::builder()
                .event_pattern(r#"{"source": ["s"]}"#)
                .state(RuleState::Enabled)
                .build(),
        );
        target_facts(
            &mut record,
            vec![
                Target::builder()
                    .id("1")
                    .arn("arn:aws:lambda:r:1:function:f")
                    .input("hush")
                    .dead_letter_config(DeadLetterConfig::builder().arn("dlq").build())
                    .build()
                    .unwrap(),
                Target::builder()
                    .id("2")
                    .arn("arn:aws:ecs:r:1:cluster/c")
                    .role_arn("role")
                    .ecs_parameters(
                        EcsParameters::builder()
                            .task_definition_arn("task")
                            .build()
                            .unwrap(),
                    )
                    .build()
                    .unwrap(),
            ],
        );
        crate::text::settle(&mut record);
        assert_eq!(
            serde_json::to_value(record).unwrap(),
            json!({
                "kind": "eventbridge_rule", "id": "rule",
                "attrs": {"dead_letter_queue": "dlq", "event_pattern": {"source": ["s"]}, "state": "ENABLED"},
                "refs": [
                    {"rel": "INVOKES", "to": "arn:aws:lambda:r:1:function:f"},
                    {"rel": "INVOKES", "to": "task", "attrs": {"cluster": "arn:aws:ecs:r:1:cluster/c"}},
                    {"rel": "RUNS_AS", "to": "role"},
                    {"rel": "TRIGGERED_BY", "to": "bus"},
                ],
            })
        );
    }

    #[test]
    fn of_an_address_only_the_host_is_kept() {
        assert_eq!(host("https://u:p@hooks.example/T0?x=y"), "hooks.example");
        assert_eq!(host("hooks.example"), "hooks.example");
    }
}
