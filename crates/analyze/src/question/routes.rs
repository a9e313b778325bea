//! Between two ends: the best routes, how many there are, and where there is none what is nearest.
//!
//! A route is a sequence of hops. Several policies may give the last one, which makes it several paths.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;
use sv0_iam::decide::Verdict;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::{EntityRef, Path, PathVerdict};

use super::links::Links;
use crate::paths::{Finder, Options, is_use};
use crate::steps::Steps;
use crate::world::World;

/// How many routes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Routes that were counted.
    pub routes: usize,
    /// Whether counting stopped before the end.
    pub at_least: bool,
}

/// Routes that are counted at most.
pub const MOST: usize = 1_000;

/// Entities that counting passes at most.
const BUDGET: usize = 200_000;

type Route = Vec<(EdgeKind, String)>;

/// The route of a path.
fn route(path: &Path) -> Route {
    let hops = path.hops.iter().filter(|hop| hop.edge != EdgeKind::MemberOf);
    hops.map(|hop| (hop.edge, hop.to.id.clone())).collect()
}

/// Keeps the paths of the best routes of each pair of origin and target: certain before conditional, then shorter. Gives
/// how many routes were left out.
pub fn keep_best(paths: &mut Vec<Path>, most: usize) -> usize {
    let mut pairs: BTreeMap<(String, String), BTreeMap<Route, (PathVerdict, usize)>> = BTreeMap::new();
    for path in paths.iter() {
        let pair = pairs
            .entry((path.origin.id.clone(), path.target.id.clone()))
            .or_default();
        let best = pair.entry(route(path)).or_insert((path.verdict, path.hops.len()));
        best.0 = best.0.min(path.verdict);
    }
    let mut left_out = 0;
    let kept: BTreeMap<(String, String), BTreeSet<Route>> = pairs
        .into_iter()
        .map(|(pair, routes)| {
            let mut sorted: Vec<(Route, (PathVerdict, usize))> = routes.into_iter().collect();
            sorted.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
            left_out += sorted.len().saturating_sub(most);
            let best = sorted.into_iter().take(most).map(|(route, _)| route);
            (pair, best.collect())
        })
        .collect();
    paths.retain(|path| {
        kept.get(&(path.origin.id.clone(), path.target.id.clone()))
            .is_some_and(|routes| routes.contains(&route(path)))
    });
    left_out
}

/// Puts paths in the order in which people want them: most sensitive first, single things before scopes, certain before
/// conditional, then shorter.
pub fn sort(paths: &mut [Path]) {
    paths.sort_by_cached_key(|path| {
        (
            std::cmp::Reverse(path.sensitivity),
            path.target.kind == Kind::ResourceScope,
            path.verdict,
            path.hops.len(),
            path.origin.name.clone(),
            path.target.name.clone(),
            path.id.clone(),
        )
    });
}

/// How many routes some paths between two ends are.
#[must_use]
pub fn distinct(paths: &[Path]) -> usize {
    paths.iter().map(route).collect::<BTreeSet<Route>>().len()
}

/// Counts the routes from some origins to some targets, up to [`MOST`].
#[must_use]
pub fn count(
    world: &World,
    steps: &Steps,
    finder: &Finder<'_>,
    origins: &[NodeId],
    targets: &[NodeId],
    options: Options,
) -> Count {
    let links = Links::new(world, steps, finder, origins, targets, options);
    let mut counter = Counter {
        finder,
        options,
        leading: links.leading(),
        links,
        chain: Vec::new(),
        budget: BUDGET,
        count: Count {
            routes: 0,
            at_least: false,
        },
    };
    for origin in origins {
        counter.visit(*origin, 0);
    }
    counter.count
}

struct Counter<'a, 'w> {
    finder: &'a Finder<'w>,
    links: Links,
    options: Options,
    /// What leads to a target: nothing else is worth a visit.
    leading: FxHashSet<NodeId>,
    chain: Vec<NodeId>,
    budget: usize,
    count: Count,
}

impl Counter<'_, '_> {
    fn visit(&mut self, node: NodeId, role_hops: usize) {
        if self.budget == 0 || self.count.routes >= MOST {
            self.count.at_least = true;
            return;
        }
        self.budget -= 1;
        self.chain.push(node);
        let next: Vec<(EdgeKind, NodeId, bool)> = self
            .links
            .numbered(node)
            .map(|(_, link)| (link.edge, link.to, link.is_end()))
            .collect();
        for (edge, to, end) in next {
            if self.chain.contains(&to) {
                continue;
            }
            if end {
                self.count.routes += usize::from(self.adds(node, to));
                continue;
            }
            let hops = role_hops + usize::from(edge == EdgeKind::Assumes);
            if hops > self.options.role_hops || self.chain.len() > self.options.steps {
                continue;
            }
            self.count.routes +=
                usize::from(self.links.is_target(to) && !(is_use(edge) && self.links.is_used(to)));
            if self.leading.contains(&to) {
                self.visit(to, hops);
            }
        }
        self.chain.pop();
    }

    /// Whether an identity can do to a target what no earlier one on the chain can do itself.
    fn adds(&self, identity: NodeId, target: NodeId) -> bool {
        let certain = |verdict: Verdict| verdict == Verdict::Allowed;
        let before: Vec<_> = self
            .chain
            .iter()
            .filter(|node| **node != identity)
            .map(|node| self.finder.access(*node, target))
            .collect();
        self.finder
            .access(identity, target)
            .allowed
            .iter()
            .any(|allowed| {
                !before.iter().flat_map(|access| &access.allowed).any(|other| {
                    other.action == allowed.action && (certain(other.verdict) || !certain(allowed.verdict))
                })
            })
    }
}

/// Why there is no path between two ends.
#[derive(Debug, Clone)]
pub struct NoPath {
    /// The shortest path that something stops: what is nearest.
    pub stopped: Option<Path>,
    /// Entities that are reached from the one end.
    pub reached: Vec<EntityRef>,
    /// Entities that reach the other end.
    pub leading: Vec<EntityRef>,
}

/// What is nearest, where there is no path.
#[must_use]
pub fn no_path(
    world: &World,
    steps: &Steps,
    finder: &Finder<'_>,
    origins: &[NodeId],
    targets: &[NodeId],
    options: Options,
) -> NoPath {
    let blocked = Options {
        blocked: true,
        ..options
    };
    let mut stopped: Vec<Path> = origins
        .iter()
        .flat_map(|origin| finder.from(*origin, targets, blocked).paths)
        .collect();
    stopped.sort_by(|a, b| (a.hops.len(), &a.id).cmp(&(b.hops.len(), &b.id)));
    let everybody = finder.origins();
    let links = Links::new(world, steps, finder, &everybody, targets, options);
    let mut reached: BTreeSet<NodeId> = BTreeSet::new();
    for origin in origins {
        let found = links.reach(*origin, &|_| true);
        reached.extend(found.entities().filter(|node| !origins.contains(node)));
    }
    let mut leading: Vec<NodeId> = links.leading().into_iter().collect();
    leading.retain(|node| !targets.contains(node));
    leading.sort_unstable();
    NoPath {
        stopped: stopped.into_iter().next(),
        reached: reached.into_iter().map(|node| world.entity(node)).collect(),
        leading: leading.into_iter().map(|node| world.entity(node)).collect(),
    }
}
