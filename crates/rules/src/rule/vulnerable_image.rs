//! Known vulnerabilities where they open something: in code that runs with a role that reaches sensitive data.

use std::collections::BTreeMap;

use sv0_model::finding::Factor;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, EntityType, Kind, Sensitivity};

use super::words::{data, name};
use crate::draft::Draft;
use crate::ground::Ground;
use crate::severity::{Exposure, Impact};

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let mut by_workload: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (finding, node) in world.graph.nodes() {
        let attrs = &node.record.attrs;
        let text = |key: &str| {
            attrs
                .get(key)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
        };
        let heavy = matches!(text("severity"), "CRITICAL" | "HIGH");
        let active = text("status").is_empty() || text("status") == "ACTIVE";
        if node.record.kind != Kind::VulnerabilityFinding || !heavy || !active {
            continue;
        }
        let about = world
            .graph
            .edges_to(finding)
            .filter(|edge| edge.kind == EdgeKind::HasFinding);
        for edge in about {
            for workload in workloads(ground, edge.from) {
                by_workload.entry(workload).or_default().push(finding);
            }
        }
    }
    by_workload
        .into_iter()
        .filter_map(|(workload, findings)| one(ground, workload, &findings))
        .collect()
}

/// The workloads that run something.
fn workloads(ground: &Ground<'_>, of: NodeId) -> Vec<NodeId> {
    let world = ground.world;
    if world.node(of).record.kind.entity_type() == EntityType::Workload {
        return vec![of];
    }
    let run = ground
        .steps
        .from(of)
        .filter(|found| matches!(found.edge, EdgeKind::ExecutedBy | EdgeKind::ImageRunsIn));
    let edges = world.graph.targets(of, EdgeKind::ExecutedBy);
    let mut out: Vec<NodeId> = run.map(|found| found.to).chain(edges).collect();
    out.sort_unstable();
    out.dedup();
    out
}

fn one(ground: &Ground<'_>, workload: NodeId, findings: &[NodeId]) -> Option<Draft> {
    let world = ground.world;
    let impact = ground.leads_to(workload);
    if impact < Impact::data(Sensitivity::Confidential, AccessLevel::Read) {
        return None;
    }
    let attr = |finding: &NodeId, key: &str| {
        let value = world.node(*finding).record.attrs.get(key);
        value
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let names: Vec<String> = findings
        .iter()
        .map(|finding| match attr(finding, "vulnerability") {
            name if name.is_empty() => world.label(*finding),
            name => name,
        })
        .collect();
    let roles: Vec<NodeId> = world.graph.targets(workload, EdgeKind::RunsAs).collect();
    let role = *roles.first()?;
    let mut out = Draft::new(
        workload,
        format!(
            "{} runs code with {}, as {}",
            name(world, workload),
            super::words::some(names.clone(), 2),
            world.label(role)
        ),
    );
    out.impact = impact;
    out.exposure = ground.exposure(workload).max(Exposure::Workload);
    let critical = findings
        .iter()
        .any(|finding| attr(finding, "severity") == "CRITICAL");
    if critical {
        out.factors.push(Factor {
            name: "exposure",
            points: 1,
            text: "a critical vulnerability".into(),
        });
    }
    out.sentences.push(format!(
        "Who uses {} has the authority of {}.",
        super::words::some(names, 3),
        world.label(role)
    ));
    let held = ground.holding(role).map_or(&[][..], |holding| &holding.data);
    if !held.is_empty() {
        out.sentences
            .push(format!("That reaches {}.", data(world, held, 4)));
    }
    let targets: Vec<NodeId> = held.iter().map(|held| held.resource).collect();
    let some: Vec<NodeId> = targets.iter().copied().take(3).collect();
    out.show(ground, ground.paths(workload, &some));
    out.targets = targets;
    Some(out)
}
