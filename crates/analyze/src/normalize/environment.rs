//! What workloads read by their environment: secrets that fill a variable, which is certain, and resources that the name
//! of a variable points at, which is concluded. Values are never collected, so a name alone is a guess and makes no edge:
//! the workload's role has to be able to read just what the name means.

use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, Kind};

use super::named::Secrets;
use super::reach;
use crate::world::World;

pub(super) fn edges(world: &mut World) {
    secrets(world);
    keys(world);
}

/// Secrets that a container definition names are read for the workload, and so are files of variables in buckets.
fn secrets(world: &mut World) {
    let mut found = Vec::new();
    for (id, node) in world.graph.nodes() {
        let attrs = &node.record.attrs;
        let list = |key: &str| {
            let list = attrs.get(key).and_then(|v| v.as_array()).into_iter().flatten();
            list.filter_map(|value| value.as_str())
        };
        for file in list("env_files") {
            // `arn:aws:s3:::bucket/folder/app.env`
            let bucket = file.split('/').next().and_then(|arn| world.graph.find(arn));
            found.extend(bucket.map(|to| (id, to, "its variables are in a file there".to_owned())));
        }
        for secret in list("registry_credentials") {
            let secret = world.graph.find(secret);
            found.extend(secret.map(|to| (id, to, "credentials of the registry".to_owned())));
        }
        let Some(secrets) = attrs.get("secrets").and_then(|v| v.as_object()) else {
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

fn keys(world: &mut World) {
    let secrets = Secrets::of(world);
    let nodes = world.graph.nodes().map(|(id, _)| id);
    let found: Vec<Pointed> = nodes.flat_map(|id| pointed(world, &secrets, id)).collect();
    connect(world, found);
}

/// What keys of the environments of some workloads point at is concluded again.
pub(crate) fn again(world: &mut World, secrets: &Secrets, workloads: &[NodeId]) {
    for workload in workloads {
        world.graph.disconnect(*workload, |edge| {
            let note = edge.note.as_deref();
            edge.kind == EdgeKind::ReadsFrom
                && edge.confidence == Confidence::Inferred
                && note.is_some_and(|note| note.starts_with(KEY))
        });
        let found = pointed(world, secrets, *workload);
        connect(world, found);
    }
}

/// How the note begins of an edge that was concluded from a key.
const KEY: &str = "environment key ";

/// A workload, what a key of its environment points at, and how that was concluded.
type Pointed = (NodeId, NodeId, String);

fn pointed(world: &World, secrets: &Secrets, id: NodeId) -> Vec<Pointed> {
    let mut found = Vec::new();
    let keys = world
        .node(id)
        .record
        .attrs
        .get("env_keys")
        .and_then(|v| v.as_array());
    for key in keys.into_iter().flatten().filter_map(|key| key.as_str()) {
        let words: Vec<String> = words(key).collect();
        let Some((kind, rest)) = meant(&words) else {
            continue;
        };
        let Some(named) = reach::named(world, secrets, id, kind, reading(kind)) else {
            continue;
        };
        if let [only] = *named.iter().copied().collect::<Vec<_>>() {
            let how = format!(
                "{KEY}{key}; this is the only {} that its role's policies let it read",
                kind.label()
            );
            found.push((id, only, how));
            continue;
        }
        // Several: the key may hold the name of one of them.
        let mut fitting = named.into_iter().filter(|target| {
            let name: Vec<String> = self::words(&world.node(*target).record.name).collect();
            !rest.is_empty() && rest.iter().all(|word| name.contains(word))
        });
        if let (Some(target), None) = (fitting.next(), fitting.next()) {
            let how = format!("{KEY}{key} holds its name, and its role's policies let it be read by name");
            found.push((id, target, how));
        }
    }
    found
}

fn connect(world: &mut World, found: Vec<Pointed>) {
    for (workload, target, how) in found {
        let known = world
            .graph
            .targets(workload, EdgeKind::ReadsFrom)
            .any(|to| to == target);
        if !known {
            world.graph.connect(
                EdgeKind::ReadsFrom,
                workload,
                target,
                Confidence::Inferred,
                Some(how),
            );
        }
    }
}

/// Whether a workload has keys of an environment that may point at something.
pub(crate) fn concludes(world: &World, workload: NodeId) -> bool {
    let keys = world.node(workload).record.attrs.get("env_keys");
    keys.and_then(|v| v.as_array())
        .is_some_and(|keys| !keys.is_empty())
}

/// `ORDERS_TABLE_NAME`, `orders-table` → words in lower case.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
}

/// The kind of resource that a key points at, and the words before that: `orders` of `ORDERS_TABLE_NAME`.
fn meant(words: &[String]) -> Option<(Kind, &[String])> {
    let (words, pointed) = match words {
        [rest @ .., last] if matches!(last.as_str(), "name" | "arn" | "url" | "id" | "path") => (rest, true),
        _ => (words, false),
    };
    let (last, rest) = words.split_last()?;
    let kind = match last.as_str() {
        "bucket" => Kind::S3Bucket,
        "table" => Kind::DynamodbTable,
        "queue" => Kind::SqsQueue,
        // `CLIENT_SECRET` holds the secret itself; `CLIENT_SECRET_ARN` says where it is.
        "secret" | "password" | "credentials" | "token" if pointed => Kind::SecretsManagerSecret,
        "parameter" | "param" if pointed => Kind::SsmParameter,
        _ => return None,
    };
    Some((kind, rest))
}

/// Actions any of which reads a resource of a kind.
fn reading(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::S3Bucket => &["s3:GetObject"],
        Kind::DynamodbTable => &[
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:Query",
            "dynamodb:Scan",
        ],
        Kind::SqsQueue => &["sqs:ReceiveMessage"],
        Kind::SecretsManagerSecret => &["secretsmanager:GetSecretValue"],
        Kind::SsmParameter => &["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_point_at_something() {
        let kind = |key: &str| {
            let words: Vec<String> = words(key).collect();
            meant(&words).map(|(kind, rest)| (kind, rest.join(" ")))
        };
        assert_eq!(
            kind("ORDERS_TABLE_NAME"),
            Some((Kind::DynamodbTable, "orders".into()))
        );
        assert_eq!(kind("BUCKET"), Some((Kind::S3Bucket, String::new())));
        assert_eq!(
            kind("DB_PASSWORD_ARN"),
            Some((Kind::SecretsManagerSecret, "db".into()))
        );
        assert_eq!(kind("CLIENT_SECRET"), None, "that is the secret itself");
        assert_eq!(kind("STAGE"), None);
    }
}
