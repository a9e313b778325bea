//! Language models with a way to sensitive data: what a model can read, a prompt can ask for.

use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, Kind, Sensitivity};

use super::words::name;
use crate::draft::Draft;
use crate::ground::Ground;
use crate::severity::{Exposure, Impact};

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let agents = world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::BedrockAgent && !node.stub);
    let agents: Vec<NodeId> = agents.map(|(id, _)| id).collect();
    agents
        .into_iter()
        .filter_map(|agent| one(ground, agent))
        .collect()
}

fn one(ground: &Ground<'_>, agent: NodeId) -> Option<Draft> {
    let world = ground.world;
    let impact = ground.leads_to(agent);
    if impact < Impact::data(Sensitivity::Confidential, AccessLevel::Read) {
        return None;
    }
    let data = ground.sensitive();
    let paths = ground.paths(agent, data);
    let first = paths.first()?;
    let mut targets: Vec<NodeId> = paths
        .iter()
        .filter_map(|path| world.graph.find(&path.target.id))
        .collect();
    targets.sort_by_key(|node| (std::cmp::Reverse(world.node(*node).sensitivity), *node));
    targets.dedup();
    let mut out = Draft::new(
        agent,
        format!(
            "A prompt to {} can reach {}",
            name(world, agent),
            super::words::names(world, &targets, 2)
        ),
    );
    let worst = paths
        .iter()
        .map(|path| Impact::data(path.sensitivity, path.access_level))
        .max()
        .unwrap_or_default();
    out.impact = worst;
    // Whoever talks to it counts, and nobody is known who may not.
    out.exposure = ground.exposure(agent).max(Exposure::Person);
    out.verdict = first.verdict;
    let writes = paths.iter().any(|path| path.access_level >= AccessLevel::Write);
    out.sentences.push(format!(
        "What {} may do, its instructions can be talked into: a text in a document or a message is enough.",
        world.label(agent)
    ));
    out.sentences.push(format!(
        "It {} {} in {}.",
        if writes {
            "reads and changes data"
        } else {
            "reads data"
        },
        super::words::names(world, &targets, 4),
        first.target.account_name.as_deref().unwrap_or("its account")
    ));
    if !world.node(agent).record.attrs.contains_key("guardrail") {
        out.sentences.push("No guardrail is configured for it.".into());
    }
    out.targets = targets;
    out.show(ground, paths);
    Some(out)
}
