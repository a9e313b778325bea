//! Messages, events and calls from another account that make a workload act on sensitive data: no role is assumed, and no
//! policy of the data names who is behind it.

use std::collections::{BTreeMap, BTreeSet};

use sv0_model::finding::Factor;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind, Sensitivity};

use super::words::{name, names};
use crate::draft::Draft;
use crate::ground::Ground;
use crate::severity::Impact;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    // By what is set in motion: who does it from another account.
    let mut by_target: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for found in ground.steps.all() {
        let sets_in_motion = matches!(found.edge, EdgeKind::SendsTo | EdgeKind::Invokes);
        if !sets_in_motion || found.verdict == sv0_model::path::PathVerdict::Denied {
            continue;
        }
        let (from, to) = (world.account_of(found.from), world.account_of(found.to));
        let inside = matches!(world.node(found.from).record.kind, Kind::IamRole | Kind::IamUser);
        if inside && from.is_some() && to.is_some() && from != to {
            by_target.entry(found.to).or_default().push(found.from);
        }
    }
    let each = by_target.into_iter();
    each.filter_map(|(target, mut who)| {
        who.sort_unstable();
        who.dedup();
        one(ground, target, &who)
    })
    .collect()
}

/// Data that is looked at behind one workload.
const MOST_DATA: usize = 200;

/// What a workload leads to, and the sensitive data that those can do something to by themselves, heaviest first.
fn behind(ground: &Ground<'_>, target: NodeId) -> (BTreeSet<NodeId>, Vec<NodeId>) {
    let mut all = BTreeSet::from([target]);
    let mut open = vec![target];
    while let Some(node) = open.pop() {
        for found in ground.real_from(node) {
            if all.insert(found.to) {
                open.push(found.to);
            }
        }
    }
    let mut held: Vec<_> = all
        .iter()
        .filter_map(|node| ground.holding(*node))
        .flat_map(|holding| &holding.data)
        .filter(|held| held.impact >= Impact::data(Sensitivity::Confidential, AccessLevel::List))
        .map(|held| (std::cmp::Reverse(held.impact), held.resource))
        .collect();
    held.sort_unstable();
    let mut data: Vec<NodeId> = Vec::new();
    let mut seen = BTreeSet::new();
    for (_, resource) in held {
        if seen.insert(resource) {
            data.push(resource);
        }
    }
    data.truncate(MOST_DATA);
    (all, data)
}

fn one(ground: &Ground<'_>, target: NodeId, who: &[NodeId]) -> Option<Draft> {
    let world = ground.world;
    let impact = ground.leads_to(target);
    if impact < Impact::data(Sensitivity::Confidential, AccessLevel::Read) {
        return None;
    }
    let others: Vec<NodeId> = who
        .iter()
        .copied()
        .filter(|node| !ground.is_administrator(*node))
        .collect();
    let all = if others.is_empty() { who } else { &others };
    // Somebody who can do it anyway gains nothing.
    let gains = all.iter().copied().find(|node| ground.own(*node) < impact)?;
    // Only what lies behind the workload is looked at: whoever sends may reach much more by other ways.
    let (behind, data) = behind(ground, target);
    let paths: Vec<_> = ground
        .paths_within(gains, &data, &|node| node == gains || behind.contains(&node))
        .into_iter()
        .filter(|path| path.chain.iter().any(|id| id == world.id(target)))
        .collect();
    let first = paths.first()?;
    let mut reached: Vec<NodeId> = paths
        .iter()
        .filter_map(|path| world.graph.find(&path.target.id))
        .collect();
    reached.sort_unstable();
    reached.dedup();
    let mut out = Draft::new(
        target,
        format!(
            "{} can set {} in motion from another account, and with it reach {}",
            names(world, all, 2),
            name(world, target),
            names(world, &reached, 2)
        ),
    );
    let worst = paths
        .iter()
        .map(|path| Impact::data(path.sensitivity, path.access_level))
        .max();
    out.impact = worst.unwrap_or_default();
    out.exposure = all
        .iter()
        .map(|node| ground.exposure(*node))
        .max()
        .unwrap_or_default();
    out.verdict = first.verdict;
    out.factors.push(Factor {
        name: "impact",
        points: -1,
        text: "only what the workload does with a message, not the data itself".into(),
    });
    let chain: Vec<String> = first
        .hops
        .iter()
        .skip(1)
        .filter(|hop| hop.edge != EdgeKind::MemberOf)
        .map(|hop| hop.from.name.clone())
        .collect();
    out.sentences
        .push(format!("What is sent goes on: {}.", chain.join(" → ")));
    out.sentences.push(format!(
        "The workloads on the way act with their own roles: what they do to {} depends on their code alone.",
        names(world, &reached, 3)
    ));
    out.targets = reached;
    out.show(ground, paths);
    Some(out)
}
