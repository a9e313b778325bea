//! Secrets that nobody changes: a copy works for ever.

use sv0_model::finding::Severity;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind};

use super::words::name;
use crate::draft::Draft;
use crate::ground::Ground;
use crate::severity::{Exposure, Impact};

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let secrets = world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::SecretsManagerSecret && !node.stub);
    let secrets: Vec<NodeId> = secrets.map(|(id, _)| id).collect();
    secrets
        .into_iter()
        .filter_map(|secret| one(ground, secret))
        .collect()
}

fn one(ground: &Ground<'_>, secret: NodeId) -> Option<Draft> {
    let world = ground.world;
    let attrs = &world.node(secret).record.attrs;
    let flag = attrs.get("rotation").and_then(serde_json::Value::as_bool);
    // A service that owns a secret changes it itself.
    if flag != Some(false) || attrs.contains_key("owning_service") {
        return None;
    }
    let readers: Vec<NodeId> = ground
        .readers(secret)
        .iter()
        .filter(|(_, held)| matches!(held.impact, Impact::Data { level, .. } if level >= AccessLevel::Read))
        .map(|(who, _)| *who)
        .filter(|who| !ground.is_administrator(*who))
        .collect();
    let mut out = Draft::new(secret, format!("{} is not rotated", name(world, secret)));
    out.impact = Impact::data(world.node(secret).sensitivity, AccessLevel::Read);
    out.exposure = readers
        .iter()
        .map(|who| ground.exposure(*who))
        .max()
        .unwrap_or_default();
    out.sentences
        .push("Rotation is off: whoever had it once has it until somebody changes it by hand.".into());
    if readers.is_empty() {
        out.sentences.push("Only administrators can read it.".into());
    } else {
        out.sentences.push(format!(
            "It can be read by {}.",
            super::words::names(world, &readers, 4)
        ));
    }
    let whose = world.graph.targets(secret, EdgeKind::HoldsCredentialFor).next();
    let most = match whose {
        Some(whose) => {
            out.sentences
                .push(format!("It holds the credentials of {}.", name(world, whose)));
            Severity::Medium
        }
        None if readers.is_empty() || out.exposure == Exposure::Nobody => Severity::Informational,
        None => Severity::Low,
    };
    out.at_most = Some((most, "that nobody rotates it opens nothing by itself".into()));
    out.targets = vec![secret];
    Some(out)
}
