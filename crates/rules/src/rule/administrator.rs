//! Effective administrators: told once, by what they can do.

use rayon::prelude::*;
use sv0_iam::syntax::Effect;
use sv0_model::finding::{Factor, Severity};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};

use super::trust::workloads_of;
use super::words::{name, names};
use crate::draft::Draft;
use crate::fix::{Idea, of_grant};
use crate::ground::Ground;
use crate::severity::Exposure;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let administrators = ground.administrators().into_par_iter();
    administrators.filter_map(|node| one(ground, node)).collect()
}

fn one(ground: &Ground<'_>, node: NodeId) -> Option<Draft> {
    let world = ground.world;
    let record = &world.node(node).record;
    if !matches!(record.kind, Kind::IamUser | Kind::IamRole) || world.node(node).stub {
        return None;
    }
    let account = world.account_label(record.account.as_deref()?);
    let mut out = Draft::new(
        node,
        format!("{} can do everything in {account}", name(world, node)),
    );
    out.impact = ground.own(node);
    let becoming: Vec<NodeId> = {
        let mut all: Vec<NodeId> = ground
            .real_to(node)
            .filter(|found| found.edge == EdgeKind::Assumes)
            .map(|found| found.from)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let workloads = workloads_of(world, node);
    out.exposure = ground.exposure(node);
    out.sentences.push(format!(
        "What {} can do was worked out from all policies that bear on it; it comes to everything in {account}.",
        world.label(node)
    ));
    if record.kind == Kind::IamUser {
        out.exposure = Exposure::Person;
        user(ground, node, &mut out);
    } else if !workloads.is_empty() {
        out.exposure = out.exposure.max(Exposure::Workload);
        out.sentences.push(format!(
            "{} as it: whoever changes what they run has the account.",
            if workloads.len() == 1 {
                format!("{} runs", names(world, &workloads, 3))
            } else {
                format!("{} run", names(world, &workloads, 3))
            }
        ));
        out.targets = workloads;
    } else if becoming.is_empty() {
        out.at_most = Some((Severity::Informational, "nobody known becomes it".into()));
    } else {
        out.sentences
            .push(format!("It is assumed by {}.", names(world, &becoming, 4)));
        out.at_most = Some((
            Severity::Informational,
            "an administrator's role that is assumed when it is needed; who gets there unexpectedly is told apart".into(),
        ));
        out.targets = becoming;
    }
    out.ideas = grants_of_everything(ground, node);
    Some(out)
}

/// What might be done about the statements that grant everything.
fn grants_of_everything(ground: &Ground<'_>, node: NodeId) -> Vec<Idea> {
    let world = ground.world;
    let tags = world
        .principals
        .get(&node)
        .map_or(&[][..], |principal| &principal.identity);
    let mut out = Vec::new();
    for (tag, attachment) in tags
        .iter()
        .filter_map(|tag| Some((*tag, world.attachment(*tag)?)))
    {
        for statement in &attachment.policy.statements {
            let all = |patterns: &[sv0_iam::name::ActionPattern]| {
                patterns.iter().any(|p| matches!(p.as_str(), "*" | "iam:*"))
            };
            if statement.effect == Effect::Allow
                && !statement.action.negated
                && all(&statement.action.patterns)
            {
                out.extend(of_grant(world, node, tag, statement.index));
            }
        }
    }
    out.dedup();
    out
}

/// A user has what a role has not: keys and passwords that stay.
fn user(ground: &Ground<'_>, node: NodeId, out: &mut Draft) {
    let world = ground.world;
    let attrs = &world.node(node).record.attrs;
    let flag = |key: &str| attrs.get(key).and_then(serde_json::Value::as_bool);
    let keys = attrs.get("access_keys").and_then(serde_json::Value::as_array);
    let active = keys.map_or(0, |keys| {
        let is_active =
            |key: &&serde_json::Value| key.get("status").and_then(|s| s.as_str()) != Some("Inactive");
        keys.iter().filter(is_active).count()
    });
    let who = world.label(node);
    if active > 0 {
        out.sentences.push(format!(
            "{who} has an access key that does not expire: whoever copies it is administrator until somebody notices."
        ));
        out.factors.push(Factor {
            name: "exposure",
            points: 1,
            text: "an access key that does not expire".into(),
        });
    }
    match (flag("console"), flag("mfa")) {
        (Some(true), Some(false)) => {
            out.sentences
                .push(format!("{who} signs in with a password alone."));
            out.factors.push(Factor {
                name: "exposure",
                points: 1,
                text: "signs in without a second factor".into(),
            });
        }
        (Some(false), _) if active == 0 => {
            out.at_most = Some((Severity::Low, "it has neither a key nor a password now".into()));
        }
        _ => {}
    }
}
