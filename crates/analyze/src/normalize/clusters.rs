//! Kubernetes on EKS: which service accounts a cluster has, and who may start pods in it. Whoever starts a pod chooses
//! its service account, and so has that account's role.

use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, Kind};

use super::stub;
use crate::world::World;

pub(super) fn edges(world: &mut World) {
    service_accounts(world);
    access_entries(world);
}

/// Access policies of EKS that let pods be started (EKS User Guide, "Review access policy permissions").
const STARTS_PODS: &[&str] = &[
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSEditPolicy",
];

/// Principals of access entries: what Kubernetes' own roles and groups give them is not collected.
fn access_entries(world: &mut World) {
    let mut found: Vec<(String, NodeId, String)> = Vec::new();
    for (cluster, node) in world.graph.nodes() {
        let entries = node.record.attrs.get("access_entries").and_then(|v| v.as_array());
        for entry in entries.into_iter().flatten() {
            let Some(principal) = entry.get("principal").and_then(|v| v.as_str()) else {
                continue;
            };
            let policies = entry.get("policies").and_then(|v| v.as_array());
            for policy in policies.into_iter().flatten().filter_map(|v| v.as_str()) {
                let name = policy.rsplit('/').next().unwrap_or_default();
                if !STARTS_PODS.contains(&name) {
                    continue;
                }
                let namespaces = entry.get("namespaces").and_then(|v| v.get(policy)?.as_array());
                match namespaces {
                    None => {
                        let how = format!("access entry with {name}");
                        found.push((principal.to_owned(), cluster, how));
                    }
                    Some(list) => {
                        for namespace in list.iter().filter_map(|v| v.as_str()) {
                            let how = format!("access entry with {name} in namespace {namespace}");
                            let accounts = accounts_in(world, cluster, namespace);
                            found.extend(accounts.map(|to| (principal.to_owned(), to, how.clone())));
                        }
                    }
                }
            }
        }
    }
    for (principal, to, how) in found {
        let kind = super::named::kind_of(&principal).unwrap_or(Kind::AwsResource);
        let from = stub(world, &principal, kind);
        world
            .graph
            .connect(EdgeKind::Invokes, from, to, Confidence::Certain, Some(how));
    }
}

/// The service accounts of a namespace; `prod-*` is a pattern.
fn accounts_in<'w>(world: &'w World, cluster: NodeId, namespace: &str) -> impl Iterator<Item = NodeId> + 'w {
    let pattern = sv0_iam::name::Glob::new(namespace);
    world
        .graph
        .targets(cluster, EdgeKind::Runs)
        .filter(move |account| {
            let name = &world.node(*account).record.name;
            name.split_once('/')
                .is_some_and(|(space, _)| pattern.matches(space))
        })
}

/// Service accounts of EKS clusters, as trust policies name them (IRSA): the cluster runs them, its OIDC provider signs
/// their tokens.
fn service_accounts(world: &mut World) {
    let mut providers: Vec<(NodeId, NodeId, String)> = Vec::new();
    for (cluster, node) in world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::EksCluster)
    {
        let issuer = node
            .record
            .attrs
            .get("oidc_issuer")
            .and_then(|v| v.as_str())
            .unwrap_or_default();
        let bare = issuer.trim_start_matches("https://");
        let account = node.record.account.as_deref().unwrap_or_default();
        if let Some(provider) = world
            .graph
            .find(&format!("arn:aws:iam::{account}:oidc-provider/{bare}"))
        {
            providers.push((cluster, provider, format!("{}:sub", bare.to_ascii_lowercase())));
        }
    }
    let mut found = Vec::new();
    for (cluster, provider, key) in providers {
        let roles = world.graph.sources(provider, EdgeKind::Trusts);
        let trusts = roles.filter_map(|role| world.attachment(world.principals.get(&role)?.trust?));
        for condition in trusts
            .flat_map(|trust| &trust.policy.statements)
            .flat_map(|s| &s.conditions)
        {
            for value in condition.values.iter().filter(|_| *condition.key == *key) {
                if let Some((namespace, name)) = value
                    .as_str()
                    .strip_prefix("system:serviceaccount:")
                    .and_then(|rest| rest.split_once(':'))
                {
                    found.push((cluster, provider, format!("{namespace}/{name}")));
                }
            }
        }
    }
    for (cluster, provider, name) in found {
        let id = format!("{}#{name}", world.id(cluster));
        let account = stub(world, &id, Kind::EksServiceAccount);
        let region = world.node(cluster).record.region.clone();
        if let Some(node) = world.graph.node_mut(account) {
            node.record.name = name;
            node.record.region = region;
        }
        let how = Some("a trust policy names it".to_owned());
        world.graph.connect(
            EdgeKind::Runs,
            cluster,
            account,
            Confidence::Inferred,
            how.clone(),
        );
        world.graph.connect(
            EdgeKind::CorrelatesWith,
            account,
            provider,
            Confidence::Inferred,
            how,
        );
    }
}
