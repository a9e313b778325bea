//! Workloads whose role has far more than they need: every bucket, every secret, everything. Where another policy of the same
//! role names what the workload is for, that policy is the least privilege that the broad one defeats.

use std::collections::BTreeSet;

use rayon::prelude::*;
use sv0_analyze::reach::is_asked;
use sv0_analyze::words::one_line;
use sv0_iam::syntax::Effect;
use sv0_model::finding::Severity;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, Kind, Slot};
use sv0_model::path::{Path, StatementRef};

use super::trust::{is_reserved, workloads_of};
use super::words::{name, names};
use crate::draft::Draft;
use crate::fix::{Idea, Place};
use crate::ground::{Ground, is_use};
use crate::observed::Use;
use crate::severity::Exposure;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let roles = world.principals.keys().copied();
    let roles: Vec<NodeId> = roles
        .filter(|node| world.node(*node).record.kind == Kind::IamRole)
        .collect();
    roles
        .into_par_iter()
        .filter(|role| !is_reserved(world, *role) && !ground.is_administrator(*role))
        .filter_map(|role| one(ground, role))
        .collect()
}

fn one(ground: &Ground<'_>, role: NodeId) -> Option<Draft> {
    let world = ground.world;
    let workloads = workloads_of(world, role);
    let workload = *workloads.first()?;
    let near = ground.scopes(role);
    if near.is_empty() {
        return None;
    }
    let mut paths: Vec<Path> = ground.paths_over(workload, &near, &[role]);
    paths.retain(|path| path.via_roles.last().is_some_and(|id| id == world.id(role)) && path.role_hops <= 1);
    paths.retain(|path| is_use(path.access_level));
    let broad = paths.first()?;
    let statements = broad
        .hops
        .last()
        .map(|hop| hop.statements.clone())
        .unwrap_or_default();
    let broad_policies: BTreeSet<&str> = statements.iter().map(|s| s.policy.as_str()).collect();
    let held: Vec<NodeId> = ground
        .holding(role)
        .map_or(&[][..], |holding| &holding.data)
        .iter()
        .map(|held| held.resource)
        .collect();
    let narrow = named(ground, role, &broad_policies);
    let all: Vec<String> = paths.iter().map(|path| path.target.name.clone()).collect();
    let all: BTreeSet<String> = all.into_iter().collect();
    let what = super::words::some(all, 3);
    let policies = format!(
        "Policy {}",
        super::words::some(broad_policies.iter().map(|p| (*p).to_owned()), 2)
    );
    let mut out = Draft::new(
        role,
        format!(
            "{} can {} {what}",
            name(world, workload),
            verb(broad.access_level)
        ),
    );
    if workloads.len() > 1 {
        out.title = format!(
            "{}, as which {} run, can {} {what}",
            name(world, role),
            names(world, &workloads, 2),
            verb(broad.access_level)
        );
    }
    out.impact = ground.own(role);
    out.exposure = ground.exposure(role).max(Exposure::Workload);
    out.verdict = broad.verdict;
    out.sentences
        .push(format!("{policies} grants it without naming anything."));
    if narrow.is_empty() {
        out.sentences.push(format!(
            "Nothing says what {} is for: no policy of its role names data.",
            world.label(workload)
        ));
    } else {
        let named = super::words::some(
            narrow
                .iter()
                .map(|(resource, policy)| format!("{} ({policy})", world.label(*resource))),
            3,
        );
        out.sentences.push(format!(
            "Other policies of the same role name what it is for: {named}. They do not count as long as {} is there.",
            policies.replacen("Policy", "policy", 1)
        ));
    }
    if out.impact == crate::severity::Impact::Nothing {
        out.at_most = Some((
            Severity::Low,
            "there is nothing of that kind that sv0 knows of".into(),
        ));
    }
    out.ideas.extend(seen(ground, role, &statements));
    out.targets = held;
    out.show(ground, paths);
    Some(out)
}

/// What was seen in use of a broad statement, in its place: the least privilege that the role was seen to need of it.
fn seen(ground: &Ground<'_>, role: NodeId, statements: &[StatementRef]) -> Option<Idea> {
    let world = ground.world;
    let observed = ground.observed.as_ref()?;
    let mine = observed.uses.iter().filter(|one| one.principal == world.id(role));
    let reference = statements
        .iter()
        .find(|s| s.layer == "identity" && s.effect == "Allow")?;
    let (attachment, statement) = ground.statement(reference)?;
    if attachment.id.starts_with("arn:aws:iam::aws:") {
        return None;
    }
    let mine: Vec<&Use> = mine.filter(|one| statement.action.matches(&one.action)).collect();
    if mine.is_empty() {
        return None;
    }
    let actions: BTreeSet<String> = mine.iter().map(|one| one.action.clone()).collect();
    let resources: BTreeSet<String> = mine.iter().map(|one| whole(&one.resource)).collect();
    Some(Idea::Narrow {
        place: Place {
            holder: attachment.id.clone(),
            slot: attachment.slot,
            name: (attachment.slot == Slot::Inline).then(|| attachment.name.clone()),
            policy: attachment.name.clone(),
            statement: statement.index,
        },
        actions: actions.into_iter().collect(),
        resources: resources.into_iter().collect(),
    })
}

/// An object stands for all of its bucket: names of objects change from day to day.
fn whole(arn: &str) -> String {
    match arn
        .strip_prefix("arn:aws:s3:::")
        .and_then(|name| name.split_once('/'))
    {
        Some((bucket, _)) => format!("arn:aws:s3:::{bucket}/*"),
        None => arn.to_owned(),
    }
}

/// The data that other policies of a role grant by name.
fn named(ground: &Ground<'_>, role: NodeId, broad: &BTreeSet<&str>) -> Vec<(NodeId, String)> {
    let world = ground.world;
    let tags = world
        .principals
        .get(&role)
        .map_or(&[][..], |principal| &principal.identity);
    let mut out: Vec<(NodeId, String)> = Vec::new();
    for attachment in tags.iter().filter_map(|tag| world.attachment(*tag)) {
        let policy = one_line(&attachment.name);
        if broad.contains(policy.as_str()) {
            continue;
        }
        let granting = attachment
            .policy
            .statements
            .iter()
            .filter(|s| s.effect == Effect::Allow);
        let elements = granting
            .filter_map(|s| s.resource.as_ref())
            .filter(|element| !element.negated);
        for pattern in elements.flat_map(|element| &element.patterns) {
            let id = pattern.as_str().trim_end_matches('*').trim_end_matches('/');
            let data = world
                .graph
                .find(id)
                .filter(|node| is_asked(world.node(*node).record.kind));
            if let Some(data) = data.filter(|data| !out.iter().any(|(known, _)| known == data)) {
                out.push((data, policy.clone()));
            }
        }
    }
    out
}

const fn verb(level: AccessLevel) -> &'static str {
    match level {
        AccessLevel::Permissions => "do everything to",
        AccessLevel::Write => "write to",
        _ => "read",
    }
}
