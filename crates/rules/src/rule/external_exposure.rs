//! What accounts and principals outside the organization can do: data that they reach, roles that they become.

use rayon::prelude::*;
use sv0_model::finding::{Factor, Severity};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::words::{data, name};
use crate::draft::Draft;
use crate::fix::Idea;
use crate::ground::{Ground, Held, is_use};
use crate::severity::{Exposure, Impact};

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let outside = world
        .graph
        .nodes()
        .filter(|(_, node)| matches!(node.record.kind, Kind::ExternalAccount | Kind::ExternalPrincipal));
    let outside: Vec<NodeId> = outside.map(|(id, _)| id).collect();
    outside
        .into_par_iter()
        .flat_map_iter(|who| {
            let direct = of_data(ground, who);
            let mut roles: Vec<NodeId> = ground
                .real_from(who)
                .filter(|found| found.edge == EdgeKind::Assumes)
                .map(|found| found.to)
                .collect();
            roles.sort_unstable();
            roles.dedup();
            let roles = roles
                .into_iter()
                .filter_map(move |role| of_role(ground, who, role));
            direct.into_iter().chain(roles).collect::<Vec<_>>()
        })
        .collect()
}

/// Data that a resource policy hands out.
fn of_data(ground: &Ground<'_>, who: NodeId) -> Vec<Draft> {
    let world = ground.world;
    let held: &[Held] = ground.holding(who).map_or(&[], |holding| &holding.data);
    let anyone = world
        .graph
        .nodes()
        .find(|(_, node)| node.record.kind == Kind::Anonymous);
    let anyone = anyone
        .and_then(|(anyone, _)| ground.holding(anyone))
        .map(|holding| &holding.data);
    let each = held.iter().filter_map(|held| {
        let Impact::Data { level, .. } = held.impact else {
            return None;
        };
        if !is_use(level) {
            return None;
        }
        // What is open to everyone is told once.
        if anyone.is_some_and(|held_by_all| held_by_all.iter().any(|other| other.resource == held.resource)) {
            return None;
        }
        let paths = ground.paths_over(who, &[held.resource], &[]);
        let verdict = paths.iter().map(|path| path.verdict).min()?;
        let mut out = Draft::new(
            held.resource,
            format!(
                "{} can {} {}",
                name(world, who),
                super::public_exposure::verb(level),
                name(world, held.resource)
            ),
        );
        out.key = vec![world.id(who).to_owned()];
        out.impact = held.impact;
        out.exposure = Exposure::Outside;
        out.verdict = verdict;
        out.sentences.push(
            "Its resource policy lets them in, without a role of this organization: no trail of yours shows who it was over there.".into(),
        );
        out.targets = vec![held.resource];
        out.show(ground, paths);
        Some(out)
    });
    each.collect()
}

/// A role that they become.
fn of_role(ground: &Ground<'_>, who: NodeId, role: NodeId) -> Option<Draft> {
    let world = ground.world;
    let paths = ground.paths_over(who, &[role], &[role]);
    let first = paths.first()?;
    let mut out = Draft::new(
        role,
        format!("{} can become {}", name(world, who), name(world, role)),
    );
    out.key = vec![world.id(who).to_owned()];
    out.impact = ground.leads_to(role);
    out.exposure = Exposure::Outside;
    out.verdict = first.verdict;
    let held = ground.holding(role).map_or(&[][..], |holding| &holding.data);
    if held.is_empty() {
        out.sentences.push(format!(
            "{} itself reaches no data that sv0 knows of.",
            world.label(role)
        ));
    } else {
        out.sentences
            .push(format!("That reaches {}.", data(world, held, 4)));
    }
    let with_id = first.condition.iter().any(|condition| {
        condition
            .key
            .as_deref()
            .is_some_and(|key| key.eq_ignore_ascii_case("sts:externalid"))
    });
    if with_id {
        out.factors.push(Factor {
            name: "exposure",
            points: -1,
            text: "an external id is asked for".into(),
        });
        out.sentences
            .push("An external id is asked for, so nobody else can have them do it.".into());
    }
    let broad = ground.scopes(role);
    if let Some(scope) = broad.first() {
        out.sentences.push(format!(
            "It is not limited to anything by name: {}.",
            world.label(*scope)
        ));
    }
    let wide = !broad.is_empty() || ground.leads_to(role) > ground.own(role);
    if with_id && !wide && first.verdict == PathVerdict::AllowedIf {
        out.at_most = Some((
            Severity::Informational,
            "a partner with an external id, whose role reaches only what its own policies say".into(),
        ));
    }
    out.targets = held.iter().map(|held| held.resource).collect();
    out.show(ground, paths);
    out.ideas.push(Idea::Delete {
        entity: world.id(role).to_owned(),
    });
    Some(out)
}
