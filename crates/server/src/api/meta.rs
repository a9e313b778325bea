//! What is served, to whom, and how it stands.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use sv0_analyze::question::overview::{Exposure, Remarkable};
use sv0_evidence::time::Time;
use sv0_model::kind::{EdgeKind, Kind};

use super::findings::{Summary, count};
use crate::auth::{Method, Role};
use crate::endpoint::{Asking, Nothing};
use crate::problem::Problem;

/// What is served, and to whom.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Meta {
    /// sv0's version.
    version: &'static str,
    snapshot: About,
    /// The earlier snapshot that this one can be compared with.
    compare: Option<Earlier>,
    /// Whether it is the made-up organisation.
    demo: bool,
    /// The day on which findings are decided.
    today: Option<String>,
    /// What CloudTrail's records cover; null where none were given.
    evidence: Option<Fresh>,
    user: Me,
    /// What changes must send as `X-SV0-CSRF`; empty for programs.
    csrf: String,
    accounts: Vec<Account>,
    kinds: Vec<OfKind>,
    /// Whether findings are worked out.
    ready: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct About {
    /// What people call it.
    name: String,
    /// When it was collected.
    observed_at: Option<String>,
    entities: usize,
    /// Structural edges, and steps that policies make.
    edges: usize,
    accounts: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Earlier {
    name: String,
    observed_at: Option<String>,
}

/// What CloudTrail's records cover.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Fresh {
    /// From when.
    since: Time,
    /// Until when.
    until: Time,
    /// The last event.
    last: Option<Time>,
    /// Events, duplicates not counted.
    events: u64,
    /// Objects that were read.
    objects: u64,
    /// What could not be read.
    problems: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Me {
    name: String,
    role: Role,
    method: Method,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Account {
    id: String,
    name: String,
    /// The names of the organizational units above it, the root first.
    path: Vec<String>,
    /// Whether anything in it was collected.
    collected: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OfKind {
    kind: Kind,
    label: &'static str,
    /// `identity`, `workload`, `resource`, …
    r#type: &'static str,
    count: usize,
}

fn fresh(asking: &Asking<'_>) -> Option<Fresh> {
    let reading = asking.app.seen.as_ref()?.reading;
    let window = reading.evidence.window();
    let totals = reading.evidence.totals();
    Some(Fresh {
        since: window.since,
        until: window.until,
        last: reading.evidence.uses().map(|one| one.last).max(),
        events: totals.records.saturating_sub(totals.duplicates),
        objects: reading.listed.objects,
        problems: reading.problems.counts.values().sum(),
    })
}

pub(super) fn meta(asking: &Asking<'_>, _: Nothing) -> Result<Meta, Problem> {
    let app = asking.app;
    let world = app.world();
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for (_, node) in world.graph.nodes().filter(|(_, node)| !node.stub) {
        *kinds.entry(node.record.kind).or_default() += 1;
    }
    let accounts = world.accounts.iter().map(|(id, account)| Account {
        id: id.clone(),
        name: world.account_label(id),
        path: account.levels.iter().map(|level| world.label(*level)).collect(),
        collected: account.collected,
    });
    Ok(Meta {
        version: env!("CARGO_PKG_VERSION"),
        snapshot: About {
            name: app.about.name.clone(),
            observed_at: app.about.observed_at.clone(),
            entities: kinds.values().sum(),
            edges: world.graph.edges().len() + app.steps().all().count(),
            accounts: world
                .accounts
                .values()
                .filter(|account| account.collected)
                .count(),
        },
        compare: app.about.before.as_ref().map(|before| Earlier {
            name: before.name.clone(),
            observed_at: before.observed_at.clone(),
        }),
        demo: app.about.demo,
        today: app.about.today.clone(),
        evidence: fresh(asking),
        user: Me {
            name: asking.user.name.clone(),
            role: asking.user.role,
            method: asking.user.method,
        },
        csrf: asking.user.csrf.clone().unwrap_or_default(),
        accounts: accounts.collect(),
        kinds: kinds
            .into_iter()
            .map(|(kind, count)| OfKind {
                kind,
                label: kind.label(),
                r#type: kind.entity_type().as_str(),
                count,
            })
            .collect(),
        ready: app.is_warm(),
    })
}

/// How the organization stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Stands {
    /// Findings that count, by severity, and those that are suppressed.
    findings: BTreeMap<&'static str, usize>,
    /// The most severe ones.
    top: Vec<Summary>,
    /// Sensitive data and who reaches it, most sensitive and most reached first.
    exposures: Vec<Exposure>,
    totals: Totals,
    /// The paths that stand out.
    remarkable: Vec<Remarkable>,
    coverage: Gaps,
    evidence: Option<Fresh>,
    /// What was left out of a large input.
    limited: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Totals {
    entities: usize,
    /// Steps by kind.
    steps: BTreeMap<EdgeKind, usize>,
    /// Pairs of identity and data of which the identity may do something to the data by its own policies.
    access: usize,
    paths: usize,
    /// Paths to sensitive data that some policy stops.
    denied_paths: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Gaps {
    gaps: usize,
    by_reason: BTreeMap<&'static str, usize>,
}

/// Pieces of sensitive data that are listed.
const MOST_EXPOSURES: usize = 100;

pub(super) fn overview(asking: &Asking<'_>, _: Nothing) -> Result<Stands, Problem> {
    let app = asking.app;
    let world = app.world();
    let overview = app
        .overview_if_ready()
        .ok_or_else(|| Problem::not_ready("the overview"))?;
    let found = app.found().ok_or_else(|| Problem::not_ready("findings"))?;
    let mut by_reason = BTreeMap::new();
    for gap in &world.gaps {
        *by_reason.entry(gap.reason.as_str()).or_default() += 1;
    }
    let mut findings = BTreeMap::new();
    let mut top = Vec::new();
    for (finding, _) in &found.list {
        let status = app.status(finding);
        count(&mut findings, finding, &status);
        if top.len() < 10 && !matches!(status, sv0_model::finding::Status::Suppressed { .. }) {
            top.push(Summary::of(app, finding));
        }
    }
    let mut limited: Vec<String> = overview.limited.iter().cloned().collect();
    limited.extend(found.limited.iter().cloned());
    Ok(Stands {
        findings,
        top,
        exposures: overview.exposures.iter().take(MOST_EXPOSURES).cloned().collect(),
        totals: Totals {
            entities: overview.entities.values().sum(),
            steps: overview.steps.clone(),
            access: overview.access,
            paths: overview.paths,
            denied_paths: overview.denied_paths,
        },
        remarkable: overview.remarkable.clone(),
        coverage: Gaps {
            gaps: world.gaps.len(),
            by_reason,
        },
        evidence: fresh(asking),
        limited,
    })
}
