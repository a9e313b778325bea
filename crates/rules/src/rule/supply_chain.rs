//! From code to data: who can replace the image that a workload runs has all that the workload has.

use sv0_model::finding::Severity;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind, Sensitivity};

use super::trust;
use super::words::{data, name, names};
use crate::draft::Draft;
use crate::ground::Ground;
use crate::severity::Impact;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let repositories = world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::EcrRepository);
    let repositories: Vec<NodeId> = repositories.map(|(id, _)| id).collect();
    repositories
        .into_iter()
        .filter_map(|repository| one(ground, repository))
        .collect()
}

fn one(ground: &Ground<'_>, repository: NodeId) -> Option<Draft> {
    let world = ground.world;
    let mut runs: Vec<NodeId> = ground
        .real_from(repository)
        .filter(|found| found.edge == EdgeKind::ImageRunsIn)
        .map(|found| found.to)
        .collect();
    runs.sort_unstable();
    runs.dedup();
    let mut pushers: Vec<NodeId> = ground
        .real_to(repository)
        .filter(|found| found.edge == EdgeKind::PushTo && !ground.is_administrator(found.from))
        .map(|found| found.from)
        .collect();
    pushers.sort_unstable();
    pushers.dedup();
    let impact = runs.iter().map(|run| ground.leads_to(*run)).max()?;
    if impact < Impact::data(Sensitivity::Confidential, AccessLevel::Read) {
        return None;
    }
    let (pusher, exposed) = pushers
        .iter()
        .filter_map(|pusher| Some((*pusher, ground.exposed(*pusher)?)))
        .max_by_key(|(pusher, exposed)| (exposed.from, std::cmp::Reverse(*pusher)))?;
    let paths: Vec<_> = ground
        .paths(exposed.origin, &runs)
        .into_iter()
        .filter(|path| path.chain.iter().any(|id| id == world.id(repository)))
        .collect();
    let first = paths.first()?;
    let mut out = Draft::new(
        repository,
        format!(
            "{} can push the code that {} run",
            names(world, &pushers, 2),
            names(world, &runs, 2)
        ),
    );
    if runs.len() == 1 {
        out.title = format!(
            "{} can push the code that {} runs",
            names(world, &pushers, 2),
            names(world, &runs, 2)
        );
    }
    out.impact = impact;
    out.exposure = exposed.from;
    out.verdict = first.verdict;
    out.sentences.push(format!(
        "{} run images of {}: who pushes an image has their roles when it is next deployed.",
        names(world, &runs, 3),
        world.label(repository)
    ));
    out.sentences.push(format!(
        "It begins at {}, which gets to {}.",
        name(world, exposed.origin),
        world.label(pusher)
    ));
    let exact = pushers.iter().all(|pusher| is_one_pipeline(ground, *pusher));
    let tags = world
        .node(repository)
        .record
        .attrs
        .get("tag_mutability")
        .and_then(serde_json::Value::as_str);
    if tags == Some("MUTABLE") {
        out.sentences
            .push("Tags of the repository can be moved: a new image takes an old one's name.".into());
    }
    if exact {
        out.sentences
            .push("Only pipelines whose subject is named exactly can push.".into());
        if tags == Some("IMMUTABLE") {
            out.at_most = Some((
                Severity::Informational,
                "that is how it should be: named pipelines alone, and tags that cannot be moved".into(),
            ));
        }
    }
    let roles = runs
        .iter()
        .flat_map(|run| world.graph.targets(*run, EdgeKind::RunsAs));
    let mut held: Vec<_> = roles
        .filter_map(|role| ground.holding(role))
        .flat_map(|holding| holding.data.clone())
        .collect();
    held.sort_by_key(|held| (std::cmp::Reverse(held.impact), held.verdict, held.resource));
    held.dedup_by_key(|held| held.resource);
    if !held.is_empty() {
        out.sentences
            .push(format!("They reach {}.", data(world, &held, 4)));
    }
    out.targets = runs
        .into_iter()
        .chain(held.iter().map(|held| held.resource))
        .collect();
    out.show(ground, paths);
    Some(out)
}

/// Whether a role is become by tokens of named subjects alone.
fn is_one_pipeline(ground: &Ground<'_>, role: NodeId) -> bool {
    let world = ground.world;
    let mut comes = ground
        .real_to(role)
        .filter(|found| found.edge == EdgeKind::Assumes);
    let by_token = comes.all(|found| {
        matches!(
            world.node(found.from).record.kind,
            Kind::OidcProvider | Kind::OidcSubject
        )
    });
    let of_role = trust::of_roles(world).filter(|let_in| let_in.holder == role);
    let named = of_role.flat_map(|let_in| {
        let conditions = let_in.statement.conditions.iter();
        let subjects = conditions.filter(|condition| condition.key.ends_with(":sub"));
        subjects
            .flat_map(|condition| &condition.values)
            .map(|value| value.as_str())
    });
    let mut named = named.peekable();
    by_token && named.peek().is_some() && named.all(|subject| !subject.contains(['*', '?']))
}
