//! What is concluded rather than read: which secret holds whose key, what an environment variable points at, which
//! OIDC subject a trust policy means. Each such edge is marked inferred and says how.

use rustc_hash::FxHashMap;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, EntityType, Kind};
use sv0_model::record::Record;

use crate::world::World;

pub(super) fn all(world: &mut World) {
    credentials(world);
    environment(world);
    providers(world);
    service_accounts(world);
    provisioned(world);
    findings(world);
    events(world);
}

/// What a bucket's notifications and a topic's subscriptions start: the bucket and the topic tell it.
fn events(world: &mut World) {
    let mut found = Vec::new();
    for (id, node) in world.graph.nodes() {
        let list = |key: &str| {
            node.record
                .attrs
                .get(key)
                .and_then(|v| v.as_array())
                .into_iter()
                .flatten()
        };
        match node.record.kind {
            Kind::S3Bucket => {
                let targets = list("notifications").filter_map(|v| v.as_str());
                found.extend(targets.map(|to| (id, to.to_owned(), "bucket notification")));
            }
            Kind::SnsTopic => {
                let targets = list("subscriptions").filter_map(|v| v.get("endpoint")?.as_str());
                found.extend(targets.map(|to| (id, to.to_owned(), "topic subscription")));
            }
            _ => {}
        }
    }
    for (source, target, how) in found {
        // A queue holds what it is sent and starts nothing itself.
        let Some(to) = world.graph.find(&target) else {
            continue;
        };
        if world.node(to).record.kind.entity_type() != EntityType::Workload {
            continue;
        }
        let known = world
            .graph
            .targets(to, EdgeKind::TriggeredBy)
            .any(|from| from == source);
        if !known {
            world.graph.connect(
                EdgeKind::TriggeredBy,
                to,
                source,
                Confidence::Certain,
                Some(how.to_owned()),
            );
        }
    }
}

/// A permission set's role in an account has a name that tells it: `AWSReservedSSO_{permission set}_{16 hex digits}`,
/// below a path that nobody else may use (IAM Identity Center User Guide, "Referencing permission sets in resource
/// policies").
fn provisioned(world: &mut World) {
    const PATH: &str = "role/aws-reserved/sso.amazonaws.com/";
    let mut sets: std::collections::BTreeMap<&str, Vec<NodeId>> = std::collections::BTreeMap::new();
    let mut roles: Vec<(NodeId, &str)> = Vec::new();
    for (id, node) in world.graph.nodes() {
        match node.record.kind {
            Kind::SsoPermissionSet if !node.stub => sets.entry(&node.record.name).or_default().push(id),
            Kind::IamRole => {
                let path = sv0_iam::name::Arn::parse(&node.record.id)
                    .and_then(|arn| arn.resource.strip_prefix(PATH));
                let name = path
                    .and_then(|path| path.rsplit('/').next())
                    .and_then(|name| name.strip_prefix("AWSReservedSSO_"))
                    .and_then(|name| name.rsplit_once('_'));
                if let Some((set, _)) = name {
                    roles.push((id, set));
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (role, set) in roles {
        for set in sets.get(set).into_iter().flatten() {
            let known = world
                .graph
                .targets(*set, EdgeKind::Provisions)
                .any(|to| to == role);
            if !known {
                found.push((*set, role));
            }
        }
    }
    for (set, role) in found {
        let account = world.account_of(role).map(str::to_owned);
        world
            .graph
            .connect(EdgeKind::Provisions, set, role, Confidence::Inferred, account);
    }
}

/// What other tools found, at the entity that it is about: the finding names it.
fn findings(world: &mut World) {
    let mut found = Vec::new();
    for (id, node) in world.graph.nodes() {
        if matches!(
            node.record.kind,
            Kind::AccessAnalyzerFinding | Kind::VulnerabilityFinding
        ) && let Some(about) = node.record.attrs.get("resource").and_then(|v| v.as_str())
            && let Some(about) = world.graph.find(about)
        {
            found.push((about, id));
        }
    }
    for (about, finding) in found {
        let known = world
            .graph
            .targets(about, EdgeKind::HasFinding)
            .any(|to| to == finding);
        if !known {
            world
                .graph
                .connect(EdgeKind::HasFinding, about, finding, Confidence::Certain, None);
        }
    }
}

/// A secret or parameter whose name, description or tags hold the name of an IAM user with an active access key holds
/// that key, most likely. Contents are never read.
fn credentials(world: &mut World) {
    let mut users: FxHashMap<&str, Vec<NodeId>> = FxHashMap::default();
    for (id, node) in world.graph.nodes() {
        let record = &node.record;
        // Short names are words of every description.
        if record.kind == Kind::IamUser && record.name.len() >= 5 && has_active_key(record) {
            users.entry(&record.name).or_default().push(id);
        }
    }
    let mut found = Vec::new();
    for (id, node) in world.graph.nodes() {
        if !matches!(node.record.kind, Kind::SecretsManagerSecret | Kind::SsmParameter) {
            continue;
        }
        let description = node
            .record
            .attrs
            .get("description")
            .and_then(|v| v.as_str())
            .unwrap_or_default();
        let places = std::iter::once(("its name", node.record.name.as_str()))
            .chain(std::iter::once(("its description", description)))
            .chain(node.record.tags.values().map(|value| ("a tag", value.as_str())));
        for (place, text) in places {
            let mut named: Vec<NodeId> = words(text)
                .filter_map(|word| users.get(word))
                .flatten()
                .copied()
                .collect();
            named.sort_unstable();
            named.dedup();
            for user in named {
                let name = &world.node(user).record.name;
                found.push((
                    id,
                    user,
                    format!("{place} names IAM user {name}, who has an access key"),
                ));
            }
        }
    }
    for (secret, user, how) in found {
        let known = world
            .graph
            .targets(secret, EdgeKind::HoldsCredentialFor)
            .any(|to| to == user);
        if !known {
            world.graph.connect(
                EdgeKind::HoldsCredentialFor,
                secret,
                user,
                Confidence::Inferred,
                Some(how),
            );
        }
    }
}

fn has_active_key(record: &Record) -> bool {
    record
        .attrs
        .get("access_keys")
        .and_then(|v| v.as_array())
        .is_some_and(|keys| {
            keys.iter()
                .any(|key| key.get("status").and_then(|s| s.as_str()) != Some("Inactive"))
        })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '+' | '=')))
}

/// Secrets that a container definition names are read by the workload.
fn environment(world: &mut World) {
    let mut found = Vec::new();
    for (id, node) in world.graph.nodes() {
        let Some(secrets) = node.record.attrs.get("secrets").and_then(|v| v.as_object()) else {
            continue;
        };
        for (key, value) in secrets {
            if let Some(target) = value.as_str().and_then(|arn| world.graph.find(arn)) {
                found.push((
                    id,
                    target,
                    format!("the container definition fills {key} from it"),
                ));
            }
        }
    }
    for (workload, target, how) in found {
        world.graph.connect(
            EdgeKind::ReadsFrom,
            workload,
            target,
            Confidence::Certain,
            Some(how),
        );
    }
}

/// Providers that trust policies name: `TRUSTS` edges to them, made as stubs where they were not collected.
fn providers(world: &mut World) {
    let mut found = Vec::new();
    for principal in world.principals.values() {
        let Some(trust) = principal.trust.and_then(|tag| world.attachment(tag)) else {
            continue;
        };
        for entry in trust
            .policy
            .statements
            .iter()
            .filter_map(|s| s.principal.as_ref())
            .flat_map(|p| &p.entries)
        {
            if let PrincipalEntry::Federated(provider) = entry {
                let kind = if provider.contains(":saml-provider/") {
                    Kind::SamlProvider
                } else {
                    Kind::OidcProvider
                };
                found.push((principal.node, provider.to_string(), kind));
            }
        }
    }
    for (role, provider, kind) in found {
        let node = super::stub(world, &provider, kind);
        world
            .graph
            .connect(EdgeKind::Trusts, role, node, Confidence::Certain, None);
    }
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
        let account = super::stub(world, &id, Kind::EksServiceAccount);
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
