//! Amazon EKS: clusters, the roles that their nodes and service accounts act as, and who may enter through AWS.
//!
//! What Kubernetes itself says is not read: who is bound to which Kubernetes role, the `aws-auth` map, and service
//! accounts that take a role through the cluster's OIDC provider. The last are found in the roles' trust policies.

use aws_sdk_eks::types::{AccessScopeType, AuthenticationMode, Cluster, Nodegroup, PodIdentityAssociation};
use futures::FutureExt;
use serde_json::{Map, Value, json};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::record::Record;

use crate::call::{Call, Scope, Service};
use crate::cx::{Answer, Cx};
use crate::text::{RecordExt, tags};

const GONE: &[&str] = &["ResourceNotFoundException"];

const LIST_CLUSTERS: Call = Call {
    operation: "ListClusters",
    actions: &["eks:ListClusters"],
    absent: &[],
    without: "clusters, and the roles of their nodes and service accounts, are not known there",
};
const DESCRIBE_CLUSTER: Call = Call {
    operation: "DescribeCluster",
    actions: &["eks:DescribeCluster"],
    absent: GONE,
    without: "the cluster's role, its OIDC issuer and whether the internet reaches it are not known",
};
const LIST_NODEGROUPS: Call = Call {
    operation: "ListNodegroups",
    actions: &["eks:ListNodegroups"],
    absent: GONE,
    without: "the cluster's nodes, and the roles that they act as, are not known",
};
const DESCRIBE_NODEGROUP: Call = Call {
    operation: "DescribeNodegroup",
    actions: &["eks:DescribeNodegroup"],
    absent: GONE,
    without: "the role that the node group's machines act as is not known",
};
const LIST_ASSOCIATIONS: Call = Call {
    operation: "ListPodIdentityAssociations",
    actions: &["eks:ListPodIdentityAssociations"],
    absent: GONE,
    without: "which of the cluster's service accounts act as a role through Pod Identity is not known",
};
const DESCRIBE_ASSOCIATION: Call = Call {
    operation: "DescribePodIdentityAssociation",
    actions: &["eks:DescribePodIdentityAssociation"],
    absent: GONE,
    without: "the role that the service account acts as is not known",
};
const LIST_ENTRIES: Call = Call {
    operation: "ListAccessEntries",
    actions: &["eks:ListAccessEntries"],
    absent: GONE,
    without: "which principals may enter the cluster is not known",
};
const LIST_ENTRY_POLICIES: Call = Call {
    operation: "ListAssociatedAccessPolicies",
    actions: &["eks:ListAssociatedAccessPolicies"],
    absent: GONE,
    without: "what the principal may do in the cluster is not known",
};

pub(crate) const SERVICE: Service = Service {
    name: "eks",
    title: "Amazon EKS",
    clients: &["EKS"],
    scope: Scope::Regional,
    reads: "clusters: role, OIDC issuer, public endpoint, node groups' roles, access entries and their policies, Pod \
            Identity associations, tags",
    calls: &[
        &LIST_CLUSTERS,
        &DESCRIBE_CLUSTER,
        &LIST_NODEGROUPS,
        &DESCRIBE_NODEGROUP,
        &LIST_ASSOCIATIONS,
        &DESCRIBE_ASSOCIATION,
        &LIST_ENTRIES,
        &LIST_ENTRY_POLICIES,
    ],
    collect: |cx| collect(cx).boxed(),
};

type Client = aws_sdk_eks::Client;

async fn collect(cx: &Cx) {
    let client = client!(cx, aws_sdk_eks);
    let names = cx
        .pages(
            &LIST_CLUSTERS,
            None,
            |token| {
                client
                    .list_clusters()
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.clusters.unwrap_or_default(), page.next_token),
        )
        .await;
    let client = &client;
    cx.each(names, |name| cluster(cx, client, name)).await;
}

async fn cluster(cx: &Cx, client: &Client, name: String) {
    let id = cx.arn("eks", &format!("cluster/{name}"));
    let mut record = Record::of(cx, Kind::EksCluster, id, name);
    let answer = cx
        .call(&DESCRIBE_CLUSTER, Some(&record.id), || {
            client.describe_cluster().name(&record.name).send()
        })
        .await;
    if matches!(answer, Answer::Absent) {
        return;
    }
    let mut by_entries = true;
    if let Some(cluster) = answer.or_lacks(&mut record).and_then(|answer| answer.cluster) {
        by_entries = has_entries(&cluster);
        cluster_facts(&mut record, cluster);
    }
    node_groups(cx, client, &mut record).await;
    if by_entries {
        access_entries(cx, client, &mut record).await;
    }
    associations(cx, client, &mut record).await;
    cx.record(record);
}

/// Whether the cluster has access entries at all: where it is told by `aws-auth` alone, asking for them is an error.
fn has_entries(cluster: &Cluster) -> bool {
    let mode = cluster
        .access_config()
        .and_then(|access| access.authentication_mode());
    mode != Some(&AuthenticationMode::ConfigMap)
}

fn cluster_facts(record: &mut Record, cluster: Cluster) {
    record.made(cluster.created_at.as_ref());
    record.refer_if(EdgeKind::RunsAs, cluster.role_arn);
    record.fact_if("version", cluster.version);
    let issuer = cluster
        .identity
        .and_then(|identity| identity.oidc)
        .and_then(|oidc| oidc.issuer);
    record.fact_if("oidc_issuer", issuer);
    let mode = cluster
        .access_config
        .and_then(|access| access.authentication_mode);
    record.fact_if(
        "authentication_mode",
        mode.as_ref().map(AuthenticationMode::as_str),
    );
    if let Some(network) = cluster.resources_vpc_config {
        record.fact("endpoint_public_access", network.endpoint_public_access);
        let from = network.public_access_cidrs.unwrap_or_default();
        if network.endpoint_public_access && !from.is_empty() && !from.iter().any(|from| from == "0.0.0.0/0")
        {
            record.fact("public_access_cidrs", from);
        }
    }
    // EKS Auto Mode makes nodes of its own, outside node groups.
    let nodes = cluster.compute_config.and_then(|compute| compute.node_role_arn);
    record.fact_if("auto_mode_node_role", nodes);
    record.tags = tags(cluster.tags.unwrap_or_default());
}

async fn node_groups(cx: &Cx, client: &Client, record: &mut Record) {
    let names = cx
        .pages(
            &LIST_NODEGROUPS,
            Some(&record.id),
            |token| {
                client
                    .list_nodegroups()
                    .cluster_name(&record.name)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.nodegroups.unwrap_or_default(), page.next_token),
        )
        .await
        .or_lacks(record);
    let (id, cluster) = (record.id.clone(), record.name.clone());
    let (id, cluster) = (id.as_str(), cluster.as_str());
    let answers = cx
        .gather(names, |name| async move {
            cx.call(&DESCRIBE_NODEGROUP, Some(id), || {
                client
                    .describe_nodegroup()
                    .cluster_name(cluster)
                    .nodegroup_name(&name)
                    .send()
            })
            .await
        })
        .await;
    let groups: Vec<Value> = answers
        .into_iter()
        .filter_map(|answer| answer.or_lacks(record)?.nodegroup.as_ref().map(node_group))
        .collect();
    if !groups.is_empty() {
        record.fact("node_groups", sorted(groups, "name"));
    }
}

fn node_group(group: &Nodegroup) -> Value {
    json!({"name": group.nodegroup_name(), "role": group.node_role()})
}

async fn access_entries(cx: &Cx, client: &Client, record: &mut Record) {
    let principals = cx
        .pages(
            &LIST_ENTRIES,
            Some(&record.id),
            |token| {
                client
                    .list_access_entries()
                    .cluster_name(&record.name)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.access_entries.unwrap_or_default(), page.next_token),
        )
        .await
        .or_lacks(record);
    let (id, cluster) = (record.id.clone(), record.name.clone());
    let (id, cluster) = (id.as_str(), cluster.as_str());
    let entries = cx
        .gather(principals, |principal| async move {
            let policies = cx
                .pages(
                    &LIST_ENTRY_POLICIES,
                    Some(id),
                    |token| {
                        client
                            .list_associated_access_policies()
                            .cluster_name(cluster)
                            .principal_arn(&principal)
                            .max_results(100)
                            .set_next_token(token)
                            .send()
                    },
                    |page| {
                        (
                            page.associated_access_policies.unwrap_or_default(),
                            page.next_token,
                        )
                    },
                )
                .await;
            (principal, policies)
        })
        .await;
    let entries: Vec<Value> = entries
        .into_iter()
        .map(|(principal, policies)| {
            let mut arns = Vec::new();
            let mut namespaces = Map::new();
            for policy in policies.or_lacks(record) {
                let arn = policy.policy_arn.unwrap_or_default();
                let scope = policy.access_scope;
                if let Some(scope) = scope.filter(|scope| scope.r#type == Some(AccessScopeType::Namespace)) {
                    namespaces.insert(arn.clone(), scope.namespaces.unwrap_or_default().into());
                }
                arns.push(arn);
            }
            arns.sort();
            let mut entry = json!({"principal": principal, "policies": arns});
            if let Value::Object(entry) = &mut entry
                && !namespaces.is_empty()
            {
                entry.insert("namespaces".to_owned(), Value::Object(namespaces));
            }
            entry
        })
        .collect();
    if !entries.is_empty() {
        record.fact("access_entries", sorted(entries, "principal"));
    }
}

async fn associations(cx: &Cx, client: &Client, record: &mut Record) {
    let found = cx
        .pages(
            &LIST_ASSOCIATIONS,
            Some(&record.id),
            |token| {
                client
                    .list_pod_identity_associations()
                    .cluster_name(&record.name)
                    .max_results(100)
                    .set_next_token(token)
                    .send()
            },
            |page| (page.associations.unwrap_or_default(), page.next_token),
        )
        .await
        .or_lacks(record);
    let cluster = record.name.clone();
    let cluster = cluster.as_str();
    let mut accounts = Vec::new();
    for association in found {
        let name = format!(
            "{}/{}",
            association.namespace.unwrap_or_default(),
            association.service_account.unwrap_or_default()
        );
        let id = format!("{}#{name}", record.id);
        record.refer(EdgeKind::Runs, id.as_str());
        let mut account = Record::of(cx, Kind::EksServiceAccount, id, name);
        account.fact("how", "pod identity association");
        account.fact_if("association", association.association_arn);
        accounts.push((account, association.association_id.unwrap_or_default()));
    }
    cx.each(accounts, |(mut account, association)| async move {
        let answer = cx
            .call(&DESCRIBE_ASSOCIATION, Some(&account.id), || {
                client
                    .describe_pod_identity_association()
                    .cluster_name(cluster)
                    .association_id(&association)
                    .send()
            })
            .await
            .or_lacks(&mut account);
        if let Some(association) = answer.and_then(|answer| answer.association) {
            association_facts(&mut account, association);
        }
        cx.record(account);
    })
    .await;
}

fn association_facts(account: &mut Record, association: PodIdentityAssociation) {
    account.made(association.created_at.as_ref());
    match association.target_role_arn.filter(|role| !role.is_empty()) {
        // The pod is given the credentials of the second role only (EKS User Guide, "Pod Identity target IAM roles").
        Some(target) => {
            account.fact_if("assumed_through", association.role_arn);
            account.refer(EdgeKind::RunsAs, target);
        }
        None => account.refer_if(EdgeKind::RunsAs, association.role_arn),
    }
    account.fact_if("session_policy", association.policy);
    account.tags = tags(association.tags.unwrap_or_default());
}

fn sorted(mut list: Vec<Value>, key: &str) -> Value {
    list.sort_by(|a, b| {
        let text = |value: &Value| value.get(key).and_then(Value::as_str).map(str::to_owned);
        text(a).cmp(&text(b))
    });
    Value::Array(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_eks::types::{AccessConfigResponse, Identity, Oidc, VpcConfigResponse};

    #[test]
    fn a_cluster_has_its_role_and_issuer() {
        let access = AccessConfigResponse::builder().authentication_mode(AuthenticationMode::ConfigMap);
        let issuer = Oidc::builder().issuer("https://oidc.eks/id/X").build();
        let network = VpcConfigResponse::builder()
            .endpoint_public_access(true)
            .public_access_cidrs("0.0.0.0/0");
        let cluster = Cluster::builder()
            .role_arn("arn:aws:iam::1:role/R")
            .version("1.31")
            .identity(Identity::builder().oidc(issuer).build())
            .resources_vpc_config(network.build())
            .access_config(access.build())
            .build();
        assert!(!has_entries(&cluster));
        let mut record = Record::new(Kind::EksCluster, "x");
        cluster_facts(&mut record, cluster);
        assert_eq!(
            json!(record.attrs),
            json!({
                "authentication_mode": "CONFIG_MAP",
                "endpoint_public_access": true,
                "oidc_issuer": "https://oidc.eks/id/X",
                "version": "1.31",
            })
        );
        assert_eq!(record.refs[0].to, "arn:aws:iam::1:role/R");
    }

    #[test]
    fn a_service_account_acts_as_the_last_role_of_its_association() {
        let association = PodIdentityAssociation::builder().role_arn("first");
        let mut record = Record::new(Kind::EksServiceAccount, "x");
        association_facts(&mut record, association.clone().build());
        assert_eq!(record.refs[0].to, "first");

        let mut record = Record::new(Kind::EksServiceAccount, "x");
        association_facts(&mut record, association.target_role_arn("second").build());
        assert_eq!(record.refs[0].to, "second");
        assert_eq!(json!(record.attrs), json!({"assumed_through": "first"}));
    }
}
