//! Amazon EC2: instances, what they act as and who reaches them, and the policies of VPC endpoints.
//!
//! An instance tells its instance profile; which role is in that, IAM tells. User data is never asked for.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    Instance, InstanceMetadataEndpointState, InstanceStateName, IpPermission, State, Tag, VpcEndpoint,
};
use futures::FutureExt;
use serde_json::Value;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::record::Record;
use sv0_model::small::SmallMap;

use crate::call::{Call, Scope, Service};
use crate::cx::Cx;
use crate::text::{RecordExt, tags};

const DESCRIBE_INSTANCES: Call = Call {
    operation: "DescribeInstances",
    actions: &["ec2:DescribeInstances"],
    absent: &[],
    without: "instances, and the roles that they act as, are not known there",
};
const DESCRIBE_GROUPS: Call = Call {
    operation: "DescribeSecurityGroups",
    actions: &["ec2:DescribeSecurityGroups"],
    absent: &[],
    without: "which ports of instances the internet reaches is not known",
};
const DESCRIBE_ENDPOINTS: Call = Call {
    operation: "DescribeVpcEndpoints",
    actions: &["ec2:DescribeVpcEndpoints"],
    absent: &[],
    without: "the policies of VPC endpoints are not known: they may deny what is shown as allowed",
};

pub(crate) const SERVICE: Service = Service {
    name: "ec2",
    title: "Amazon EC2",
    clients: &["EC2"],
    scope: Scope::Regional,
    reads: "instances: instance profile, metadata service, public address, ports that security groups open to the \
            internet, tags; VPC endpoints and their policies",
    calls: &[&DESCRIBE_INSTANCES, &DESCRIBE_GROUPS, &DESCRIBE_ENDPOINTS],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_ec2::Client;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_ec2);
    instances(cx, &client).await;
    endpoints(cx, &client).await;
}

async fn instances(cx: &Cx, client: &Client) {
    let reservations = cx
        .pages(
            &DESCRIBE_INSTANCES,
            None,
            |token| {
                client
                    .describe_instances()
                    // Those too that EKS and others run in the account.
                    .include_managed_resources(true)
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.reservations.unwrap_or_default(), page.next_token),
        )
        .await;
    let found: Vec<Instance> = reservations
        .into_iter()
        .flat_map(|reservation| reservation.instances.unwrap_or_default())
        // One that is terminated is shown for an hour.
        .filter(|instance| state(instance) != Some(&InstanceStateName::Terminated))
        .collect();
    if found.is_empty() {
        return;
    }
    let groups = cx
        .pages(
            &DESCRIBE_GROUPS,
            None,
            |token| {
                client
                    .describe_security_groups()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.security_groups.unwrap_or_default(), page.next_token),
        )
        .await;
    let unread = groups.unread.clone();
    let open: BTreeMap<String, BTreeSet<String>> = groups
        .into_iter()
        .map(|group| {
            let ports = group.ip_permissions().iter().filter_map(open_ports).collect();
            (group.group_id.unwrap_or_default(), ports)
        })
        .collect();
    for instance in found {
        let id = instance.instance_id().unwrap_or_default().to_owned();
        let arn = cx.arn("ec2", &format!("instance/{id}"));
        let mut record = Record::of(cx, Kind::Ec2Instance, arn, id);
        instance_facts(&mut record, instance, &open);
        if let Some(unread) = &unread {
            record.lacks(unread);
            // Of some groups, or of none: not enough to say that no port is open.
            let none = Value::Array(Vec::new());
            if record.attrs.get("open_ports") == Some(&none) {
                record.attrs.remove("open_ports");
            }
        }
        cx.record(record);
    }
}

fn state(instance: &Instance) -> Option<&InstanceStateName> {
    instance.state().and_then(|state| state.name())
}

/// `open` has, of each security group, the ports that it opens to the internet.
fn instance_facts(record: &mut Record, instance: Instance, open: &BTreeMap<String, BTreeSet<String>>) {
    record.made(instance.launch_time.as_ref());
    record.fact_if("state", state(&instance).map(InstanceStateName::as_str));
    let ports: BTreeSet<&String> = instance
        .network_interfaces()
        .iter()
        .flat_map(|interface| interface.groups())
        .chain(instance.security_groups())
        .filter_map(|group| open.get(group.group_id()?))
        .flatten()
        .collect();
    record.fact("open_ports", Value::from_iter(ports.into_iter().cloned()));
    if let Some(options) = &instance.metadata_options {
        let off = options.http_endpoint() == Some(&InstanceMetadataEndpointState::Disabled);
        let tokens = options.http_tokens().map(|tokens| tokens.as_str());
        record.fact_if("imds", if off { Some("disabled") } else { tokens });
    }
    record.fact_if("public_ip", instance.public_ip_address);
    if let Some(profile) = instance.iam_instance_profile.and_then(|profile| profile.arn) {
        record.fact("instance_profile", profile.as_str());
        // `analyze` puts the role in the profile's place.
        record.refer(EdgeKind::RunsAs, profile);
    }
    record.tags = tag_map(instance.tags);
    if let Some(name) = record.tags.get("Name").filter(|name| !name.is_empty()) {
        record.name.clone_from(name);
    }
}

/// What a rule opens to the whole internet: `tcp/22`, `udp/1000-2000`, `icmp`, `all`.
fn open_ports(rule: &IpPermission) -> Option<String> {
    let everyone = rule
        .ip_ranges()
        .iter()
        .any(|range| range.cidr_ip() == Some("0.0.0.0/0"))
        || rule
            .ipv6_ranges()
            .iter()
            .any(|range| range.cidr_ipv6() == Some("::/0"));
    if !everyone {
        return None;
    }
    // Some protocols come as their number (EC2 API Reference, IpPermission).
    let protocol = match rule.ip_protocol()? {
        "-1" => return Some("all".to_owned()),
        "6" => "tcp",
        "17" => "udp",
        other => other,
    };
    Some(match (protocol, rule.from_port(), rule.to_port()) {
        ("tcp" | "udp", Some(from), Some(to)) if from == to => format!("{protocol}/{from}"),
        ("tcp" | "udp", Some(from), Some(to)) => format!("{protocol}/{from}-{to}"),
        _ => protocol.to_owned(),
    })
}

async fn endpoints(cx: &Cx, client: &Client) {
    let endpoints = cx
        .pages(
            &DESCRIBE_ENDPOINTS,
            None,
            |token| {
                client
                    .describe_vpc_endpoints()
                    .max_results(1000)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.vpc_endpoints.unwrap_or_default(), page.next_token),
        )
        .await;
    for endpoint in endpoints {
        let gone = matches!(
            endpoint.state(),
            Some(State::Deleting | State::Deleted | State::Expired | State::Failed | State::Rejected)
        );
        // Of some types, such as those of gateway load balancers, there is no policy.
        if gone || endpoint.policy_document().unwrap_or_default().is_empty() {
            continue;
        }
        let id = endpoint.vpc_endpoint_id().unwrap_or_default();
        let arn = cx.arn("ec2", &format!("vpc-endpoint/{id}"));
        let mut record = Record::of(cx, Kind::VpcEndpointPolicy, arn, id);
        endpoint_facts(&mut record, endpoint);
        cx.record(record);
    }
}

fn endpoint_facts(record: &mut Record, endpoint: VpcEndpoint) {
    record.made(endpoint.creation_timestamp.as_ref());
    record.fact_if("service", endpoint.service_name);
    record.fact_if(
        "type",
        endpoint.vpc_endpoint_type.as_ref().map(|kind| kind.as_str()),
    );
    record.fact_if("vpc", endpoint.vpc_id);
    if let Some(text) = endpoint.policy_document {
        record.policy(Slot::Endpoint, None, &text);
    }
    record.tags = tag_map(endpoint.tags);
}

fn tag_map(list: Option<Vec<Tag>>) -> SmallMap<String> {
    let pairs = list.unwrap_or_default().into_iter();
    tags(pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::{
        GroupIdentifier, HttpTokensState, IamInstanceProfile, InstanceMetadataOptionsResponse, InstanceState,
        IpRange, Ipv6Range,
    };
    use serde_json::json;

    fn rule(protocol: &str, from: i32, to: i32, cidr: &str) -> IpPermission {
        IpPermission::builder()
            .ip_protocol(protocol)
            .from_port(from)
            .to_port(to)
            .ip_ranges(IpRange::builder().cidr_ip(cidr).build())
            .build()
    }

    #[test]
    fn only_what_everyone_reaches_is_open() {
        let open = |rule: IpPermission| open_ports(&rule);
        assert_eq!(open(rule("tcp", 22, 22, "0.0.0.0/0")).as_deref(), Some("tcp/22"));
        assert_eq!(open(rule("17", 1, 9, "0.0.0.0/0")).as_deref(), Some("udp/1-9"));
        assert_eq!(open(rule("icmp", -1, -1, "0.0.0.0/0")).as_deref(), Some("icmp"));
        assert_eq!(open(rule("tcp", 22, 22, "10.0.0.0/8")), None);
        let six = IpPermission::builder()
            .ip_protocol("-1")
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6("::/0").build());
        assert_eq!(open(six.build()).as_deref(), Some("all"));
    }

    #[test]
    fn an_instance_acts_as_its_profile() {
        let running = InstanceState::builder().name(InstanceStateName::Running);
        let options = InstanceMetadataOptionsResponse::builder()
            .http_endpoint(InstanceMetadataEndpointState::Enabled)
            .http_tokens(HttpTokensState::Optional);
        let instance = Instance::builder()
            .state(running.build())
            .metadata_options(options.build())
            .iam_instance_profile(IamInstanceProfile::builder().arn("profile").id("AIPA").build())
            .security_groups(GroupIdentifier::builder().group_id("sg-1").build())
            .tags(Tag::builder().key("Name").value("app-1").build())
            .build();
        let open = BTreeMap::from([
            ("sg-1".to_owned(), BTreeSet::from(["tcp/22".to_owned()])),
            ("sg-2".to_owned(), BTreeSet::from(["all".to_owned()])),
        ]);
        let mut record = Record::new(Kind::Ec2Instance, "x");
        instance_facts(&mut record, instance, &open);
        assert_eq!(record.name, "app-1");
        assert_eq!(
            json!(record.attrs),
            json!({"state": "running", "imds": "optional", "instance_profile": "profile", "open_ports": ["tcp/22"]})
        );
        assert_eq!(record.refs[0].to, "profile");
    }
}
