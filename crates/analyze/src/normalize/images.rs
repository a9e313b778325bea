//! Images and the workloads that run them, and whom a repository's own policy lets pull and push.

use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, Kind};

use super::{principal_node, stub};
use crate::world::World;

pub(super) fn edges(world: &mut World) {
    running(world);
    access(world);
}

/// An image reference, cut.
struct Reference<'a> {
    /// The repository's name.
    name: &'a str,
    digest: Option<&'a str>,
    tag: &'a str,
}

impl<'a> Reference<'a> {
    /// Reads `registry/name:tag@sha256:…`; what has no tag means `latest`.
    fn parse(image: &'a str) -> Option<Self> {
        let (_, path) = image.split_once('/')?;
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest)),
            None => (path, None),
        };
        let (name, tag) = path.split_once(':').unwrap_or((path, "latest"));
        Some(Self { name, digest, tag })
    }
}

/// Image → workload: surely where the workload names a digest, by the tag's image of today where it names a tag.
fn running(world: &mut World) {
    let mut found: Vec<(NodeId, NodeId, String)> = Vec::new();
    for (id, node) in world.graph.nodes() {
        let attrs = &node.record.attrs;
        let list = attrs
            .get("images")
            .and_then(|v| v.as_array())
            .into_iter()
            .flatten();
        for image in attrs
            .get("image")
            .into_iter()
            .chain(list)
            .filter_map(|v| v.as_str())
        {
            let Some(reference) = Reference::parse(image) else {
                continue;
            };
            let suffix = format!("repository/{}", reference.name);
            let repository = world
                .graph
                .targets(id, EdgeKind::DeployedFrom)
                .find(|to| world.id(*to).ends_with(&suffix));
            if let Some(repository) = repository {
                found.push((id, repository, image.to_owned()));
            }
        }
    }
    for (workload, repository, image) in found {
        let Some(reference) = Reference::parse(&image) else {
            continue;
        };
        if let Some(digest) = reference.digest {
            let id = format!("{}@{digest}", world.id(repository));
            let image = stub(world, &id, Kind::ContainerImage);
            if !world
                .graph
                .targets(repository, EdgeKind::Hosts)
                .any(|to| to == image)
            {
                let how = Some("a workload names its digest".to_owned());
                world
                    .graph
                    .connect(EdgeKind::Hosts, repository, image, Confidence::Certain, how);
            }
            let how = Some("by its digest".to_owned());
            world
                .graph
                .connect(EdgeKind::ExecutedBy, image, workload, Confidence::Certain, how);
            continue;
        }
        let tagged: Vec<NodeId> = world
            .graph
            .targets(repository, EdgeKind::Hosts)
            .filter(|image| has_tag(world, *image, reference.tag))
            .collect();
        for image in tagged {
            let how = format!("by its tag {}, which may have moved since", reference.tag);
            world.graph.connect(
                EdgeKind::ExecutedBy,
                image,
                workload,
                Confidence::Inferred,
                Some(how),
            );
        }
    }
}

fn has_tag(world: &World, image: NodeId, tag: &str) -> bool {
    let tags = world
        .node(image)
        .record
        .attrs
        .get("tags")
        .and_then(|v| v.as_array());
    tags.into_iter().flatten().any(|one| one.as_str() == Some(tag))
}

/// Repository → principal, as the repository's policy says. What ceilings and denials leave of it is computed elsewhere.
fn access(world: &mut World) {
    let mut found: Vec<(EdgeKind, NodeId, PrincipalEntry, Option<String>)> = Vec::new();
    for (node, tags) in &world.resource_policies {
        if world.node(*node).record.kind != Kind::EcrRepository {
            continue;
        }
        for attachment in tags.iter().filter_map(|tag| world.attachment(*tag)) {
            for statement in attachment
                .policy
                .statements
                .iter()
                .filter(|s| s.effect == Effect::Allow)
            {
                let Some(element) = statement.principal.as_ref().filter(|p| !p.negated) else {
                    continue;
                };
                let conditions: Vec<String> = statement.conditions.iter().map(|c| c.to_text()).collect();
                let note = (!conditions.is_empty()).then(|| format!("if {}", conditions.join(" and ")));
                // Docker needs these to pull and to push (ECR User Guide, "Amazon ECR repository policy examples").
                for (edge, action) in [
                    (EdgeKind::PullAccess, "ecr:BatchGetImage"),
                    (EdgeKind::PushAccess, "ecr:PutImage"),
                ] {
                    if statement.action.matches(action) {
                        let entries = element.entries.iter().cloned();
                        found.extend(entries.map(|entry| (edge, *node, entry, note.clone())));
                    }
                }
            }
        }
    }
    // The map has no order of its own; statements keep theirs.
    found.sort_by_key(|(_, node, ..)| *node);
    for (edge, repository, entry, note) in found {
        if let Some(principal) = principal_node(world, &entry) {
            world
                .graph
                .connect(edge, repository, principal, Confidence::Certain, note);
        }
    }
}
