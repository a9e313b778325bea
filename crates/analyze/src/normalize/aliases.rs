//! The other names that AWS has for an entity: an instance profile is its role, an alias is its key, a function with a
//! version behind it is the function, a stream is its table, a family of task definitions is its latest revision. What
//! refers to one of them means the entity; collectors, which see one service at a time, cannot know it.

use rustc_hash::FxHashMap;
use sv0_iam::name::Arn;
use sv0_model::graph::{Graph, NodeId};
use sv0_model::kind::Kind;
use sv0_model::record::Record;

/// Other names, and whose they are.
#[derive(Debug, Default)]
pub(super) struct Aliases(FxHashMap<String, NodeId>);

impl Aliases {
    /// The other names that a graph's records tell.
    pub(super) fn of(graph: &Graph) -> Self {
        let mut names = FxHashMap::default();
        let mut latest: FxHashMap<&str, (u32, NodeId)> = FxHashMap::default();
        for (node, entry) in graph.nodes() {
            if let Some((family, revision)) = revision_of(&entry.record) {
                let best = latest.entry(family).or_insert((revision, node));
                *best = (*best).max((revision, node));
            }
            for name in others(&entry.record) {
                // An id belongs to its record, whatever another one says.
                if graph.find(&name).is_none() {
                    names.entry(name).or_insert(node);
                }
            }
        }
        let families = latest.into_iter().filter(|(name, _)| graph.find(name).is_none());
        names.extend(families.map(|(name, (_, node))| (name.to_owned(), node)));
        Self(names)
    }

    /// Whom a name means that is no entity's id.
    pub(super) fn find(&self, graph: &Graph, name: &str) -> Option<NodeId> {
        self.0
            .get(name)
            .copied()
            .or_else(|| graph.find(unqualified(name)?))
    }
}

fn others(record: &Record) -> Vec<String> {
    let list = |key: &str| {
        let values = record.attrs.get(key).and_then(|value| value.as_array());
        values.into_iter().flatten().filter_map(|value| value.as_str())
    };
    match record.kind {
        Kind::IamRole => list("instance_profiles").map(str::to_owned).collect(),
        Kind::KmsKey => {
            let Some((front, _)) = record.id.split_once(":key/") else {
                return Vec::new();
            };
            list("aliases").map(|alias| format!("{front}:{alias}")).collect()
        }
        _ => Vec::new(),
    }
}

/// A task definition's family, which means its latest revision (ECS API Reference, "RunTask"), and the revision.
fn revision_of(record: &Record) -> Option<(&str, u32)> {
    let (family, revision) = record.id.rsplit_once(':')?;
    Some((family, revision.parse().ok()?)).filter(|_| record.kind == Kind::EcsTask)
}

/// `…:function:name` of `…:function:name:live`; the same for state machines; a table of its stream or index.
fn unqualified(name: &str) -> Option<&str> {
    let arn = Arn::parse(name)?;
    let (kind, separator) = match arn.service {
        "lambda" => ("function:", ':'),
        "states" => ("stateMachine:", ':'),
        "dynamodb" => ("table/", '/'),
        _ => return None,
    };
    let (whole, qualifier) = arn.resource.strip_prefix(kind)?.split_once(separator)?;
    let behind = qualifier.len() + 1;
    (!whole.is_empty())
        .then(|| name.get(..name.len() - behind))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_another_entity() {
        let mut graph = Graph::new();
        let mut role = Record::new(Kind::IamRole, "arn:aws:iam::1:role/R");
        role.attrs.insert(
            "instance_profiles",
            vec!["arn:aws:iam::1:instance-profile/P"].into(),
        );
        let mut key = Record::new(Kind::KmsKey, "arn:aws:kms:eu-west-1:1:key/k");
        key.attrs.insert("aliases", vec!["alias/data"].into());
        let function = Record::new(Kind::LambdaFunction, "arn:aws:lambda:eu-west-1:1:function:f");
        let [role, key, function] = [role, key, function].map(|record| graph.insert(record).unwrap());
        let tasks = [9, 10].map(|revision| {
            let id = format!("arn:aws:ecs:eu-west-1:1:task-definition/api:{revision}");
            graph.insert(Record::new(Kind::EcsTask, id)).unwrap()
        });
        let table = Record::new(Kind::DynamodbTable, "arn:aws:dynamodb:eu-west-1:1:table/t");
        let table = graph.insert(table).unwrap();
        let aliases = Aliases::of(&graph);
        let find = |name| aliases.find(&graph, name);
        assert_eq!(find("arn:aws:iam::1:instance-profile/P"), Some(role));
        assert_eq!(find("arn:aws:kms:eu-west-1:1:alias/data"), Some(key));
        assert_eq!(find("arn:aws:kms:us-east-1:1:alias/data"), None);
        assert_eq!(find("arn:aws:lambda:eu-west-1:1:function:f:live"), Some(function));
        assert_eq!(find("arn:aws:lambda:eu-west-1:1:function:g:live"), None);
        assert_eq!(
            find("arn:aws:dynamodb:eu-west-1:1:table/t/stream/2026-01-01T00:00:00.000"),
            Some(table)
        );
        assert_eq!(
            find("arn:aws:ecs:eu-west-1:1:task-definition/api"),
            Some(tasks[1])
        );
    }
}
