//! What anyone on the internet can read, change, call or become.

use sv0_model::finding::{Factor, Severity};
use sv0_model::graph::NodeId;
use sv0_model::kind::{Kind, Sensitivity};
use sv0_model::path::{Path, PathVerdict};

use super::words::name;
use crate::draft::Draft;
use crate::fix::Idea;
use crate::ground::Ground;
use crate::severity::{Exposure, Impact};

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let anyone = world
        .graph
        .nodes()
        .find(|(_, node)| node.record.kind == Kind::Anonymous);
    let Some((anyone, _)) = anyone else {
        return Vec::new();
    };
    let held = ground.holding(anyone).map_or(&[][..], |holding| &holding.data);
    let mut out: Vec<Draft> = held
        .iter()
        .filter_map(|held| of_data(ground, anyone, held.resource))
        .collect();
    let mut called: Vec<NodeId> = ground.real_from(anyone).map(|found| found.to).collect();
    called.sort_unstable();
    called.dedup();
    out.extend(
        called
            .into_iter()
            .filter_map(|node| of_step(ground, anyone, node)),
    );
    out
}

/// Data that anyone gets at directly.
fn of_data(ground: &Ground<'_>, anyone: NodeId, resource: NodeId) -> Option<Draft> {
    let world = ground.world;
    let access = ground.finder.access(anyone, resource);
    let level = access.allowed.iter().map(|allowed| allowed.level).max()?;
    let paths: Vec<Path> = ground
        .paths(anyone, &[resource])
        .into_iter()
        .filter(|path| path.hops.len() == 1)
        .collect();
    let verdict = paths.iter().map(|path| path.verdict).min()?;
    let sensitivity = world.node(resource).sensitivity;
    let mut out = Draft::new(
        resource,
        format!(
            "Anyone on the internet can {} {}",
            verb(level),
            name(world, resource)
        ),
    );
    out.impact = Impact::data(sensitivity, level);
    out.exposure = Exposure::Internet;
    out.verdict = verdict;
    out.targets = vec![resource];
    out.show(ground, paths);
    out.sentences.push(format!(
        "No credentials of AWS are needed: its policy lets everybody {} it.",
        verb(level)
    ));
    if world.node(resource).record.kind == Kind::S3Bucket {
        out.ideas.push(Idea::BlockPublicAccess {
            bucket: world.id(resource).to_owned(),
        });
    }
    match sensitivity {
        Sensitivity::Public if level <= sv0_model::kind::AccessLevel::Read => {
            out.at_most = Some((
                Severity::Informational,
                "it is classified as public, and can only be read".into(),
            ));
        }
        Sensitivity::Public => out.factors.push(Factor {
            name: "impact",
            points: 1,
            text: "anyone can change it".into(),
        }),
        Sensitivity::Unknown => out
            .sentences
            .push("Nobody classified what is in it: tag it `public` if it is meant for everyone.".into()),
        _ => {}
    }
    Some(out)
}

/// What anyone can set in motion or become.
fn of_step(ground: &Ground<'_>, anyone: NodeId, node: NodeId) -> Option<Draft> {
    let world = ground.world;
    if sv0_analyze::reach::is_asked(world.node(node).record.kind) {
        return None;
    }
    let paths = ground.paths(anyone, &[node]);
    let first = paths.iter().find(|path| path.hops.len() == 1)?;
    let hop = first.hops.first()?;
    let mut out = Draft::new(
        node,
        format!("Anyone on the internet can call {}", name(world, node)),
    );
    if matches!(world.node(node).record.kind, Kind::IamRole) {
        out.title = format!("Anyone can become {}", name(world, node));
    }
    out.impact = ground.leads_to(node);
    out.exposure = Exposure::Internet;
    out.verdict = first.verdict;
    out.sentences.push(format!("{}.", hop.text));
    out.sentences.push(match out.impact {
        Impact::Nothing => "It leads to no data that sv0 knows of.".to_owned(),
        _ => "What it does with a request, it does with its own authority: whoever finds a fault in it has that.".to_owned(),
    });
    // To be called is what an API is for.
    if first.verdict == PathVerdict::Allowed && matches!(world.node(node).record.kind, Kind::ApiGateway) {
        out.at_most = Some((Severity::Low, "an API is made to be called".into()));
    }
    out.show(ground, vec![first.clone()]);
    out.targets = vec![node];
    Some(out)
}

pub(super) const fn verb(level: sv0_model::kind::AccessLevel) -> &'static str {
    use sv0_model::kind::AccessLevel;
    match level {
        AccessLevel::List => "list",
        AccessLevel::Tagging => "tag",
        AccessLevel::Read => "read",
        AccessLevel::Write => "write to",
        AccessLevel::Permissions => "give others access to",
    }
}
