//! Secrets and parameters that hold somebody's credentials: who reads one has the authority of both.

use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind, Slot};
use sv0_model::path::PathVerdict;

use super::words::{name, names};
use crate::draft::Draft;
use crate::fix::Idea;
use crate::ground::Ground;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let mut out = Vec::new();
    for (holder, _) in world.graph.nodes() {
        for held in world.graph.targets(holder, EdgeKind::HoldsCredentialFor) {
            out.extend(one(ground, holder, held));
        }
    }
    out
}

fn one(ground: &Ground<'_>, secret: NodeId, whose: NodeId) -> Option<Draft> {
    let world = ground.world;
    let mut readers: Vec<NodeId> = ground.real_to(secret).map(|found| found.from).collect();
    readers.sort_unstable();
    readers.dedup();
    // An administrator of the account has everything in it; and who is in the other account already gains nothing.
    readers.retain(|reader| !ground.is_administrator(*reader) && *reader != whose);
    if readers.is_empty() {
        return None;
    }
    let (first, paths) = readers
        .iter()
        .map(|reader| {
            let from = ground.exposed(*reader).map_or(*reader, |exposed| exposed.origin);
            (*reader, from)
        })
        .map(|(reader, from)| (reader, through(ground, from, secret, whose)))
        .find(|(_, paths)| !paths.is_empty())?;
    let crosses = world.account_of(secret) != world.account_of(whose);
    let mut out = Draft::new(
        secret,
        format!(
            "{} holds the credentials of {}, and {} can read it",
            name(world, secret),
            name(world, whose),
            names(world, &readers, 2)
        ),
    );
    out.key = vec![world.id(whose).to_owned()];
    out.impact = ground.leads_to(whose);
    out.exposure = readers
        .iter()
        .map(|reader| ground.exposure(*reader))
        .max()
        .unwrap_or_default();
    out.verdict = paths
        .iter()
        .map(|path| path.verdict)
        .min()
        .unwrap_or(PathVerdict::AllowedIf);
    out.sentences.push(format!(
        "Whoever reads {} can act as {}, and no policy of {} says so.",
        world.label(secret),
        world.label(whose),
        world.label(whose)
    ));
    if crosses && let (Some(here), Some(there)) = (world.account_of(secret), world.account_of(whose)) {
        out.sentences.push(format!(
            "It lies in {} and opens {}: the border between the accounts does not hold.",
            world.account_label(here),
            world.account_label(there)
        ));
    }
    let holding = ground.holding(whose).map_or(&[][..], |holding| &holding.data);
    if !holding.is_empty() {
        out.sentences.push(format!(
            "{} reaches {}.",
            world.label(whose),
            super::words::data(world, holding, 4)
        ));
    }
    if world
        .node(secret)
        .record
        .attrs
        .get("rotation")
        .and_then(serde_json::Value::as_bool)
        == Some(false)
    {
        out.sentences
            .push("It is not rotated: a copy works until somebody changes it by hand.".into());
    }
    out.sentences.push(format!(
        "How it begins: {}.",
        world.label(ground.exposed(first).map_or(first, |exposed| exposed.origin))
    ));
    out.targets = std::iter::once(whose)
        .chain(holding.iter().map(|held| held.resource))
        .collect();
    out.show(ground, paths);
    let exempt: Vec<String> = ground
        .administrators()
        .into_iter()
        .filter(|admin| world.account_of(*admin) == world.account_of(secret))
        .map(|admin| world.id(admin).to_owned())
        .collect();
    if world.node(secret).record.kind == Kind::SecretsManagerSecret && !exempt.is_empty() {
        out.ideas.push(Idea::Deny {
            holder: world.id(secret).to_owned(),
            slot: Slot::Resource,
            actions: vec![
                "secretsmanager:GetSecretValue".into(),
                "secretsmanager:BatchGetSecretValue".into(),
            ],
            exempt,
        });
    }
    Some(out)
}

/// The paths to somebody that go through a secret.
fn through(ground: &Ground<'_>, from: NodeId, secret: NodeId, whose: NodeId) -> Vec<sv0_model::path::Path> {
    let mut paths = ground.paths(from, &[whose]);
    let id = ground.world.id(secret);
    paths.retain(|path| path.chain.iter().any(|hop| hop == id));
    paths
}
