//! What is concluded from several records at once: which secret holds whose key, whom a trust policy means, which role a
//! permission set makes, what events start. What is a guess made sure is marked inferred, and says how.

use rustc_hash::FxHashMap;
use sv0_iam::syntax::Effect;
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, EntityType, Kind};
use sv0_model::record::Record;

use super::{anywhere, calls, clusters, environment, images};
use crate::world::World;

pub(super) fn all(world: &mut World) {
    credentials(world);
    master_users(world);
    environment::edges(world);
    trusts(world);
    clusters::edges(world);
    provisioned(world);
    findings(world);
    events(world);
    calls::edges(world);
    images::edges(world);
    anywhere::edges(world);
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
        let Some(to) = world.graph.find(&target) else {
            continue;
        };
        // A queue and a topic start nothing themselves: they pass on what they are sent.
        let (edge, from, to) = match world.node(to).record.kind {
            Kind::SqsQueue | Kind::SnsTopic => (EdgeKind::SendsTo, source, to),
            kind if kind.entity_type() == EntityType::Workload => (EdgeKind::TriggeredBy, to, source),
            _ => continue,
        };
        let known = world.graph.targets(from, edge).any(|known| known == to);
        if !known {
            world
                .graph
                .connect(edge, from, to, Confidence::Certain, Some(how.to_owned()));
        }
    }
}

/// Where RDS keeps the password of a database's master user: whoever reads the secret has all that is in the database,
/// once the network lets them.
fn master_users(world: &mut World) {
    let mut found = Vec::new();
    for (id, node) in world.graph.nodes() {
        let secret = node
            .record
            .attrs
            .get("master_user_secret")
            .and_then(|v| v.as_str());
        found.extend(secret.and_then(|arn| Some((world.graph.find(arn)?, id))));
    }
    for (secret, database) in found {
        let how = Some("the password of its master user".to_owned());
        world.graph.connect(
            EdgeKind::HoldsCredentialFor,
            secret,
            database,
            Confidence::Certain,
            how,
        );
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
    // The id of a key is no secret, and says more than a name: people write it beside the key.
    let mut keys: FxHashMap<&str, NodeId> = FxHashMap::default();
    for (id, node) in world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::IamUser)
    {
        keys.extend(active_keys(&node.record).filter_map(|key| Some((key.get("id")?.as_str()?, id))));
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
            for (key, user) in words(text).filter_map(|word| Some((word, *keys.get(word)?))) {
                let name = &world.node(user).record.name;
                found.push((
                    id,
                    user,
                    format!("{place} names access key {key} of IAM user {name}"),
                ));
            }
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

/// Access keys are facts of their user, not entities: a key has no authority but the user's.
fn active_keys(record: &Record) -> impl Iterator<Item = &serde_json::Value> {
    let keys = record.attrs.get("access_keys").and_then(|v| v.as_array());
    keys.into_iter()
        .flatten()
        .filter(|key| key.get("status").and_then(|s| s.as_str()) != Some("Inactive"))
}

fn has_active_key(record: &Record) -> bool {
    active_keys(record).next().is_some()
}

/// Words as names of users are made; a full stop at the end of one ends a sentence.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '+' | '=')))
        .map(|word| word.trim_end_matches('.'))
}

/// Whom trust policies name: `TRUSTS` edges, to nodes that are made where they were not collected. That a service may
/// assume its service-linked role is said so too.
fn trusts(world: &mut World) {
    let mut found = Vec::new();
    for principal in world.principals.values() {
        let Some(trust) = principal.trust.and_then(|tag| world.attachment(tag)) else {
            continue;
        };
        let statements = trust.policy.statements.iter();
        for entry in statements
            .filter_map(|s| Some((s.effect, s.principal.as_ref()?)))
            .filter(|(effect, element)| *effect == Effect::Allow && !element.negated)
            .flat_map(|(_, element)| &element.entries)
        {
            found.push((principal.node, entry.clone()));
        }
    }
    for (role, entry) in found {
        if let Some(node) = super::principal_node(world, &entry) {
            world
                .graph
                .connect(EdgeKind::Trusts, role, node, Confidence::Certain, None);
        }
    }
}
