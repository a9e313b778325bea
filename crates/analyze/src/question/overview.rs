//! The whole organisation at a glance: what there is, which sensitive data is reached by whom, what stands out.

use std::collections::BTreeMap;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_model::coverage::Gap;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind, Sensitivity};
use sv0_model::path::{EntityRef, Path, PathVerdict};

use super::exposure::{Closely, Ground, Reached, closely, is_sensitive, reached};
use crate::paths::{Finder, Options};
use crate::steps::Steps;
use crate::world::World;

/// Who reaches one piece of sensitive data.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Exposure {
    /// The data.
    pub resource: EntityRef,
    /// How sensitive.
    pub sensitivity: Sensitivity,
    /// Origins that reach it, by kind.
    pub origins: BTreeMap<Kind, usize>,
    /// How many origins in all.
    pub total: usize,
    /// Origins that reach it from another account.
    pub cross_account: usize,
    /// The longest of the shortest chains; for large organizations, only of what is most exposed.
    pub deepest: Option<usize>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Overview {
    /// Accounts: id and name.
    pub accounts: Vec<(String, String)>,
    /// Entities by kind, stubs left out.
    pub entities: BTreeMap<Kind, usize>,
    /// Entities that are only named.
    pub named_only: usize,
    /// Steps by kind, denied ones left out.
    pub steps: BTreeMap<EdgeKind, usize>,
    /// Sensitive data, most sensitive and most reached first.
    pub exposures: Vec<Exposure>,
    /// Pairs of identity and data of which the identity may do something to the data by its own policies: `CAN_ACCESS`.
    pub access: usize,
    /// Real paths to data and scopes; for large organizations, pairs of origin and sensitive data with a path.
    pub paths: usize,
    /// Paths to sensitive data that some policy stops; for large organizations, pairs of identity and data.
    pub denied_paths: usize,
    /// The paths that stand out, most remarkable first.
    pub remarkable: Vec<Remarkable>,
    /// The denied paths to sensitive data.
    pub stopped: Vec<Path>,
    /// Set where the input was too large to look from every origin.
    pub limited: Option<String>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// A path that stands out, and why.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Remarkable {
    /// Why, in a few words.
    pub why: &'static str,
    /// The path.
    pub path: Path,
}

/// Pairs of origin and target of which each path is looked at.
const MOST_PAIRS: usize = 30_000;

/// Asks.
#[must_use]
pub fn overview(world: &World, steps: &Steps, finder: &Finder<'_>) -> Overview {
    let mut entities: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut named_only = 0;
    for (_, node) in world.graph.nodes() {
        match (node.stub, node.record.kind) {
            (_, Kind::ResourceScope) => {}
            (true, _) => named_only += 1,
            (false, kind) => *entities.entry(kind).or_default() += 1,
        }
    }
    let mut by_edge: BTreeMap<EdgeKind, usize> = BTreeMap::new();
    for step in steps.all().filter(|step| step.verdict != PathVerdict::Denied) {
        *by_edge.entry(step.edge).or_default() += 1;
    }
    let mut out = Overview {
        accounts: world
            .accounts
            .iter()
            .filter(|(_, a)| a.collected || a.node.is_some())
            .map(|(id, _)| (id.clone(), world.account_label(id)))
            .collect(),
        entities,
        named_only,
        steps: by_edge,
        exposures: Vec::new(),
        access: 0,
        paths: 0,
        denied_paths: 0,
        remarkable: Vec::new(),
        stopped: Vec::new(),
        limited: None,
        gaps: world.gaps.clone(),
    };
    let (origins, targets) = (finder.origins(), finder.targets());
    let few = targets.len() * origins.len() <= MOST_PAIRS;
    let ground = Ground::new(world, steps, finder);
    let reached = reached(&ground, &|data| !few && is_sensitive(world, data));
    out.access = reached.iter().map(|data| data.direct).sum();
    if few {
        each_path(world, finder, &origins, &targets, &mut out);
    } else {
        each_resource(world, finder, &ground, reached, &mut out);
        out.limited = Some(format!(
            "{} origins and {} resources are too many to look at each path: who reaches what was counted on the graph of steps; `sv0 paths --to` shows the paths",
            origins.len(),
            targets.len()
        ));
    }
    out
}

/// Looks at every path.
fn each_path(world: &World, finder: &Finder<'_>, origins: &[NodeId], targets: &[NodeId], out: &mut Overview) {
    let real = search(finder, origins, targets, false);
    // What is stopped on the way is told for sensitive data only, so only that is looked for.
    let sensitive: Vec<NodeId> = targets
        .iter()
        .copied()
        .filter(|id| is_sensitive(world, *id))
        .collect();
    let denied = search(finder, origins, &sensitive, true);
    out.exposures = exposures(world, targets, &real);
    out.paths = real.len();
    out.denied_paths = denied.len();
    out.remarkable = remarkable(&real);
    out.stopped = stopped(denied);
}

/// Counts on the graph of steps, and looks at a few paths to what is most exposed.
fn each_resource(
    world: &World,
    finder: &Finder<'_>,
    ground: &Ground<'_>,
    mut reached: Vec<Reached>,
    out: &mut Overview,
) {
    const MOST_EXPOSED: usize = 24;
    reached.retain(|data| is_sensitive(world, data.resource));
    out.paths = reached.iter().map(|data| data.total).sum();
    out.denied_paths = reached.iter().map(|data| data.stopped).sum();
    reached.sort_by(|a, b| {
        let of = |data: &Reached| (world.node(data.resource).sensitivity, data.total);
        of(b)
            .cmp(&of(a))
            .then_with(|| world.id(a.resource).cmp(world.id(b.resource)))
    });
    let options = Options {
        routes: 1,
        budget: 400,
        ..Options::default()
    };
    let most: Vec<Closely> = reached
        .par_iter()
        .take(MOST_EXPOSED)
        .map(|data| closely(ground, data.resource))
        .collect();
    let pairs: Vec<(NodeId, NodeId, &Closely)> = most
        .iter()
        .zip(&reached)
        .flat_map(|(closely, data)| {
            let samples = closely.samples.iter();
            samples.map(move |origin| (*origin, data.resource, closely))
        })
        .collect();
    let paths: Vec<Path> = pairs
        .par_iter()
        .flat_map_iter(|(origin, target, closely)| {
            let within = |node| node == *target || closely.on_the_way.contains(&node);
            finder.from_within(*origin, &[*target], options, &within).paths
        })
        .collect();
    out.remarkable = remarkable(&paths);
    let deepest = most
        .into_iter()
        .map(|closely| Some(closely.deepest))
        .chain(std::iter::repeat(None));
    let exposures = reached.into_iter().zip(deepest).map(|(data, deepest)| Exposure {
        resource: world.entity(data.resource),
        sensitivity: world.node(data.resource).sensitivity,
        origins: data.origins,
        total: data.total,
        cross_account: data.cross_account,
        deepest,
    });
    out.exposures = exposures.collect();
}

fn search(finder: &Finder<'_>, origins: &[NodeId], targets: &[NodeId], blocked: bool) -> Vec<Path> {
    let options = Options {
        routes: 2,
        blocked,
        ..Options::default()
    };
    if targets.is_empty() {
        return Vec::new();
    }
    origins
        .par_iter()
        .flat_map_iter(|origin| finder.from(*origin, targets, options).paths)
        .collect()
}

fn exposures(world: &World, targets: &[NodeId], paths: &[Path]) -> Vec<Exposure> {
    let mut out: Vec<Exposure> = targets
        .iter()
        .map(|id| world.node(*id))
        .filter(|node| node.sensitivity >= Sensitivity::Confidential)
        .map(|node| {
            let mut shortest: BTreeMap<&str, &Path> = BTreeMap::new();
            for path in paths.iter().filter(|p| p.target.id == node.record.id) {
                let entry = shortest.entry(&path.origin.id).or_insert(path);
                if path.hops.len() < entry.hops.len() {
                    *entry = path;
                }
            }
            let mut origins: BTreeMap<Kind, usize> = BTreeMap::new();
            for path in shortest.values() {
                *origins.entry(path.origin.kind).or_default() += 1;
            }
            Exposure {
                resource: world.graph.find(&node.record.id).map_or_else(
                    || EntityRef {
                        id: node.record.id.clone(),
                        kind: node.record.kind,
                        name: node.record.name.clone(),
                        account: None,
                        account_name: None,
                    },
                    |id| world.entity(id),
                ),
                sensitivity: node.sensitivity,
                total: shortest.len(),
                cross_account: shortest.values().filter(|p| p.cross_account_hops > 0).count(),
                deepest: Some(shortest.values().map(|p| p.hops.len()).max().unwrap_or(0)),
                origins,
            }
        })
        .collect();
    out.sort_by(|a, b| {
        (b.sensitivity, b.total, &a.resource.name).cmp(&(a.sensitivity, a.total, &b.resource.name))
    });
    out
}

/// Why a path stands out, and whether it does.
type Reason = (&'static str, fn(&Path) -> bool);

/// One path for each kind of remarkable thing and origin, shortest first.
fn remarkable(paths: &[Path]) -> Vec<Remarkable> {
    let reasons: [Reason; 7] = [
        ("reaches data through a stored credential", |p| {
            p.hops.iter().any(|h| h.edge == EdgeKind::HoldsCredentialFor)
        }),
        ("a person reaches sensitive data in another account", |p| {
            matches!(p.origin.kind, Kind::IamUser | Kind::SsoUser) && p.cross_account_hops > 0 && sensitive(p)
        }),
        ("can make itself, or take, more than it was given", |p| {
            p.hops.iter().any(|h| h.edge == EdgeKind::CanEscalateTo)
        }),
        ("somebody outside the organization gets in", |p| {
            matches!(
                p.origin.kind,
                Kind::ExternalAccount | Kind::ExternalPrincipal | Kind::Anonymous
            )
        }),
        ("whoever pushes an image acts as what runs it", |p| {
            p.hops.iter().any(|h| h.edge == EdgeKind::PushTo)
        }),
        ("a language model acts with authority over data", |p| {
            p.egress_category.is_some() && sensitive(p)
        }),
        ("a workload may do far more than it needs", |p| {
            p.target.kind == Kind::ResourceScope
                && p.hops.first().is_some_and(|h| h.edge == EdgeKind::RunsAs)
                && p.hops.len() == 2
        }),
    ];
    let mut out = Vec::new();
    let mut taken: Vec<&str> = Vec::new();
    for (why, holds) in reasons {
        let mut seen: Vec<&str> = Vec::new();
        let mut fitting: Vec<&Path> = paths.iter().filter(|p| holds(p)).collect();
        fitting.sort_by_key(|p| {
            (
                std::cmp::Reverse(p.sensitivity),
                p.verdict,
                p.hops.len(),
                p.id.clone(),
            )
        });
        for path in fitting {
            if seen.contains(&path.origin.id.as_str()) || taken.contains(&path.id.as_str()) {
                continue;
            }
            seen.push(&path.origin.id);
            taken.push(&path.id);
            out.push(Remarkable {
                why,
                path: path.clone(),
            });
        }
    }
    out
}

fn sensitive(path: &Path) -> bool {
    path.sensitivity >= Sensitivity::Confidential
}

/// Denied paths to sensitive data, one for each origin, target and reason.
fn stopped(mut denied: Vec<Path>) -> Vec<Path> {
    denied.retain(sensitive);
    denied.sort_by_key(|p| (p.hops.len(), p.origin.id.clone(), p.target.id.clone()));
    let mut seen: Vec<(String, String, Option<String>)> = Vec::new();
    denied.retain(|path| {
        let last = path
            .hops
            .last()
            .map(|hop| hop.from.id.clone())
            .unwrap_or_default();
        let key = (
            last,
            path.target.id.clone(),
            path.blocked_by.first().map(|b| b.text.clone()),
        );
        let fresh = !seen.contains(&key);
        if fresh {
            seen.push(key);
        }
        fresh
    });
    denied
}
