//! What a change would add and take away: the world is built again from changed records, and who reaches what is
//! compared. Nothing is written anywhere.

mod edge;
mod edit;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_iam::catalog::Catalog;
use sv0_model::coverage::Gap;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, Sensitivity};
use sv0_model::path::{EntityRef, Path, PathVerdict};

pub use edit::{Change, ChangeError, Edited, edit};

use crate::normalize;
use crate::paths::{Finder, Options};
use crate::steps::Steps;
use crate::variant::without_edges;
use crate::world::World;

/// What one origin gains or loses on one target.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Difference {
    /// Where authority starts.
    pub origin: EntityRef,
    /// What is reached.
    pub target: EntityRef,
    /// Of the target.
    pub sensitivity: Sensitivity,
    /// Of the target.
    pub data_domain: Option<String>,
    /// The levels of the actions below.
    pub access_levels: Vec<AccessLevel>,
    /// What is gained or lost; also what hung on conditions and no longer does, or the reverse.
    pub actions: Vec<String>,
    /// How it is where it is stronger: after for gains, before for losses.
    pub verdict: PathVerdict,
    /// How the target is reached where it is weaker; none where it is not.
    pub otherwise: Option<PathVerdict>,
    /// A path where it is stronger.
    pub path: Path,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WhatIf {
    /// The changes, in words.
    pub changes: Vec<String>,
    /// Pairs of origin and target before.
    pub pairs_before: usize,
    /// The same after, of the same origins and those that are new.
    pub pairs_after: usize,
    /// What is reached after and not before, most sensitive first.
    pub gained: Vec<Difference>,
    /// What is reached before and not after, most sensitive first.
    pub lost: Vec<Difference>,
    /// What the reader should know: warnings of documents, edges that are still there.
    pub notes: Vec<String>,
    /// What could change the answer.
    pub coverage_gaps: Vec<Gap>,
}

/// Pairs of origin and target that are looked at without asking.
const MOST_PAIRS: usize = 4_000_000;

/// Compares. `wanted` are the ids of the targets; none is all data.
#[must_use]
pub fn what_if(world: &World, steps: &Steps, edited: Edited, wanted: Option<&BTreeSet<String>>) -> WhatIf {
    let mut notes = edited.notes;
    let mut after = normalize::build_with(edited.records, world.gaps.clone(), &world.rules);
    if !edited.concluded.is_empty() {
        after = without_edges(&after, &edited.concluded);
    }
    let after_steps = Steps::build(&after);
    let finder = Finder::new(world, steps);
    let after_finder = Finder::new(&after, &after_steps);

    let origins_before = ids(world, &finder.origins());
    let origins_after = ids(&after, &after_finder.origins());
    let origins: BTreeSet<String> = origins_before.union(&origins_after).cloned().collect();
    let mut targets: BTreeSet<String> = wanted.cloned().unwrap_or_else(|| {
        let before = ids(world, &finder.targets());
        let after = ids(&after, &after_finder.targets());
        before.union(&after).cloned().collect()
    });
    if wanted.is_none() && origins.len().saturating_mul(targets.len()) > MOST_PAIRS {
        let sensitive = |id: &String| {
            let node = world.graph.find(id);
            node.is_some_and(|node| world.node(node).sensitivity >= Sensitivity::Confidential)
        };
        targets.retain(sensitive);
        notes.push(format!(
            "{} origins and all data are too many pairs: only confidential and restricted data was looked at; --to asks about other data",
            origins.len()
        ));
    }
    // What is deleted and still named by some policy is nobody, and nothing.
    let gone = &edited.deleted;
    let none = BTreeSet::new();
    let before = Reached::new(world, &finder, &origins, &targets, &none);
    let later = Reached::new(&after, &after_finder, &origins, &targets, gone);
    for (from, to) in &edited.removed {
        notes.extend(still_there(&after, &after_steps, &after_finder, from, to));
    }
    // A role is an origin where nobody known becomes it. One that somebody becomes now is none any more, and loses nothing
    // by that; nor does one that nobody becomes any more: it was none.
    let mut lost = differences(&before, &later);
    lost.retain(|difference| origins_before.contains(&difference.origin.id));
    let new = |id: &&String| world.graph.find(id).is_none();
    let still: BTreeSet<String> = origins_before
        .iter()
        .chain(origins_after.iter().filter(new))
        .cloned()
        .collect();
    let mut coverage_gaps = after.gaps.clone();
    coverage_gaps.retain(|gap| !world.gaps.contains(gap));
    WhatIf {
        changes: edited.done,
        pairs_before: before.pairs_of(&origins_before),
        pairs_after: later.pairs_of(&still),
        gained: differences(&later, &before),
        lost,
        notes,
        coverage_gaps,
    }
}

fn ids(world: &World, nodes: &[NodeId]) -> BTreeSet<String> {
    nodes.iter().map(|node| world.id(*node).to_owned()).collect()
}

/// All that one origin can do to one target.
struct Pair {
    /// By action, its best verdict; the empty action is becoming the target.
    actions: BTreeMap<String, PathVerdict>,
    /// The paths, best first.
    paths: Vec<Path>,
}

/// By the ids of origin and target.
struct Reached(BTreeMap<(String, String), Pair>);

impl Reached {
    fn new(
        world: &World,
        finder: &Finder<'_>,
        origins: &BTreeSet<String>,
        targets: &BTreeSet<String>,
        gone: &BTreeSet<String>,
    ) -> Self {
        let nodes = |ids: &BTreeSet<String>| -> Vec<NodeId> {
            ids.iter()
                .filter(|id| !gone.contains(*id))
                .filter_map(|id| world.graph.find(id))
                .collect()
        };
        let (origins, targets) = (nodes(origins), nodes(targets));
        let paths: Vec<Path> = origins
            .par_iter()
            .flat_map_iter(|origin| finder.from(*origin, &targets, Options::default()).paths)
            .collect();
        let mut out: BTreeMap<(String, String), Pair> = BTreeMap::new();
        for path in paths {
            let key = (path.origin.id.clone(), path.target.id.clone());
            let pair = out.entry(key).or_insert_with(|| Pair {
                actions: BTreeMap::new(),
                paths: Vec::new(),
            });
            let become_it = path.actions.is_empty().then(String::new);
            for action in path.actions.iter().cloned().chain(become_it) {
                let best = pair.actions.entry(action).or_insert(path.verdict);
                *best = path.verdict.min(*best);
            }
            pair.paths.push(path);
        }
        for pair in out.values_mut() {
            pair.paths
                .sort_by(|a, b| (a.verdict, a.hops.len(), &a.id).cmp(&(b.verdict, b.hops.len(), &b.id)));
        }
        Self(out)
    }

    fn pairs_of(&self, origins: &BTreeSet<String>) -> usize {
        self.0
            .keys()
            .filter(|(origin, _)| origins.contains(origin))
            .count()
    }
}

/// What is in `strong` and not, or only under conditions, in `weak`.
fn differences(strong: &Reached, weak: &Reached) -> Vec<Difference> {
    let mut out: Vec<Difference> = strong
        .0
        .iter()
        .filter_map(|(key, pair)| difference(pair, weak.0.get(key)))
        .collect();
    out.sort_by(|a, b| {
        (b.sensitivity, &a.target.id, &a.origin.id).cmp(&(a.sensitivity, &b.target.id, &b.origin.id))
    });
    out
}

fn difference(strong: &Pair, weak: Option<&Pair>) -> Option<Difference> {
    let weaker = |action: &String, verdict: PathVerdict| {
        let other = weak.and_then(|pair| pair.actions.get(action));
        other.is_none_or(|other| verdict < *other)
    };
    let more: Vec<(&String, PathVerdict)> = strong
        .actions
        .iter()
        .filter(|(action, verdict)| weaker(action, **verdict))
        .map(|(action, verdict)| (action, *verdict))
        .collect();
    let verdict = more.iter().map(|(_, verdict)| *verdict).min()?;
    let actions: Vec<String> = more
        .iter()
        .map(|(action, _)| (*action).clone())
        .filter(|action| !action.is_empty())
        .collect();
    // The path that shows it has one of the actions.
    let shows = |path: &&Path| {
        path.verdict == verdict
            && (actions.is_empty() || path.actions.iter().any(|action| actions.contains(action)))
    };
    let path = strong.paths.iter().find(shows)?.clone();
    let mut access_levels: Vec<AccessLevel> = actions.iter().map(|action| level(action)).collect();
    access_levels.sort_unstable();
    access_levels.dedup();
    Some(Difference {
        origin: path.origin.clone(),
        target: path.target.clone(),
        sensitivity: path.sensitivity,
        data_domain: path.data_domain.clone(),
        access_levels,
        actions,
        verdict,
        otherwise: weak.and_then(|pair| pair.actions.values().min().copied()),
        path,
    })
}

fn level(action: &str) -> AccessLevel {
    Catalog::embedded()
        .action(action)
        .map_or(AccessLevel::Permissions, |found| {
            crate::access::level(found.access_level())
        })
}

/// An edge that was to be gone and is not: something else makes it, too.
fn still_there(world: &World, steps: &Steps, finder: &Finder<'_>, from: &str, to: &str) -> Option<String> {
    let (from, to) = (world.graph.find(from)?, world.graph.find(to)?);
    let step = steps
        .from(from)
        .filter(|found| found.to == to)
        .filter_map(|found| steps.describe(world, found))
        .find(|step| step.verdict != PathVerdict::Denied);
    let how = match step {
        Some(step) => step.text.clone(),
        None if !finder.access(from, to).allowed.is_empty() => "it has access".to_owned(),
        None => return None,
    };
    Some(format!(
        "there is still an edge from {} to {}: {how}",
        world.label(from),
        world.label(to)
    ))
}
