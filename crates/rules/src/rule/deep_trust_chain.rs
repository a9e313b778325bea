//! Chains of trust that nobody oversees: sensitive data that is reached over more than three roles, and on no shorter way.

use std::collections::BTreeMap;

use sv0_model::graph::NodeId;
use sv0_model::path::Path;

use super::words::{count, name};
use crate::draft::Draft;
use crate::ground::Ground;
use crate::severity::Impact;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let Some(paths) = ground.all_paths() else {
        return Vec::new();
    };
    let mut shortest: BTreeMap<(&str, &str), &Path> = BTreeMap::new();
    for path in paths {
        let pair = (path.origin.id.as_str(), path.target.id.as_str());
        let known = shortest.entry(pair).or_insert(path);
        if path.role_hops < known.role_hops {
            *known = path;
        }
    }
    // One for each origin and the last role on its way: what that role reaches is one thing to mend.
    let mut chains: BTreeMap<(&str, &str), Vec<&Path>> = BTreeMap::new();
    for path in shortest.into_values().filter(|path| path.deep_trust_chain) {
        let last = path.via_roles.last().map_or("", String::as_str);
        chains
            .entry((path.origin.id.as_str(), last))
            .or_default()
            .push(path);
    }
    chains
        .into_iter()
        .filter_map(|((_, last), paths)| one(ground, last, &paths))
        .collect()
}

fn one(ground: &Ground<'_>, last: &str, paths: &[&Path]) -> Option<Draft> {
    let world = ground.world;
    let first = paths
        .iter()
        .min_by_key(|path| (path.verdict, path.role_hops, &path.id))?;
    let origin = world.graph.find(&first.origin.id)?;
    let role = world.graph.find(last)?;
    let mut targets: Vec<NodeId> = paths
        .iter()
        .filter_map(|path| world.graph.find(&path.target.id))
        .collect();
    targets.sort_unstable();
    targets.dedup();
    let mut out = Draft::new(
        origin,
        format!(
            "{} gets to {} over {}",
            name(world, origin),
            name(world, role),
            count(first.role_hops, "role")
        ),
    );
    out.key = vec![last.to_owned()];
    out.impact = paths
        .iter()
        .map(|path| Impact::data(path.sensitivity, path.access_level))
        .max()
        .unwrap_or_default();
    out.exposure = ground.exposure(origin);
    out.verdict = first.verdict;
    out.factors.push(sv0_model::finding::Factor {
        name: "exposure",
        points: -1,
        text: "a long way, which nobody goes by chance".into(),
    });
    let names: Vec<String> = first
        .via_roles
        .iter()
        .filter_map(|id| world.graph.find(id))
        .map(|node| world.label(node))
        .collect();
    out.sentences
        .push(format!("Each role trusts the one before: {}.", names.join(" → ")));
    out.sentences
        .push("Each of these trusts is somebody's decision; that they add up is nobody's.".into());
    out.sentences.push(format!(
        "At the end: {}.",
        super::words::names(world, &targets, 4)
    ));
    out.targets = targets;
    out.show(ground, paths.iter().map(|path| (*path).clone()).collect());
    Some(out)
}
