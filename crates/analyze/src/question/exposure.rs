//! Who reaches what, on the graph of steps: for organizations in which there are too many paths to look at each.
//!
//! From every resource it goes back along the steps to where authority starts, over at most as many role hops as a path
//! may have. Nothing is left out that way; but steps are taken as they are: that the conditions of two of them contradict
//! each other is seen only when the path itself is shown.

mod batch;

use std::collections::{BTreeMap, VecDeque};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind, Sensitivity};
use sv0_model::path::PathVerdict;

use crate::paths::{Finder, acting_account};
use crate::reach::{Hit, Room, is_asked};
use crate::steps::Steps;
use crate::world::World;

/// Who reaches one piece of data.
#[derive(Debug, Clone)]
pub struct Reached {
    /// The data.
    pub resource: NodeId,
    /// Identities that may do something to it by their own policies.
    pub direct: usize,
    /// Identities that some policy means to let in and another stops.
    pub stopped: usize,
    /// Origins that reach it, by kind; empty where nobody asked for them.
    pub origins: BTreeMap<Kind, usize>,
    /// How many origins in all.
    pub total: usize,
    /// Origins whose authority crosses a border between accounts on the way.
    pub cross_account: usize,
}

/// How one piece of data is reached.
#[derive(Debug, Clone)]
pub struct Closely {
    /// The longest of the shortest chains, in hops.
    pub deepest: usize,
    /// A few origins, those that stand out first.
    pub samples: Vec<NodeId>,
    /// Everything that is on some way to it.
    pub on_the_way: FxHashSet<NodeId>,
}

/// What is asked about, of whom and from where.
pub(super) struct Ground<'a> {
    world: &'a World,
    steps: &'a Steps,
    /// By node: whether authority starts there.
    starts: Vec<bool>,
}

impl<'a> Ground<'a> {
    pub(super) fn new(world: &'a World, steps: &'a Steps, finder: &Finder<'_>) -> Self {
        let mut starts = vec![false; world.graph.len()];
        for origin in finder.origins() {
            if let Some(start) = starts.get_mut(origin.index()) {
                *start = true;
            }
        }
        Self { world, steps, starts }
    }

    /// Who may do something to a resource by its own policies, and who is meant to and may not.
    fn direct(&self, resource: NodeId, room: &mut Room, hits: &mut Vec<Hit>) -> (Vec<NodeId>, usize) {
        let everybody = self.world.everybody();
        let reaching = self.world.reaching();
        hits.clear();
        reaching.who(
            self.world,
            resource,
            &reaching.parts(self.world, resource),
            room,
            hits,
        );
        let those = |fits: fn(&Hit) -> bool| {
            let nodes = hits.iter().filter(|hit| fits(hit));
            let mut nodes: Vec<NodeId> = nodes.filter_map(|hit| everybody.node(hit.principal)).collect();
            nodes.sort_unstable();
            nodes.dedup();
            nodes
        };
        let direct = those(|hit| hit.possible != 0);
        let mut stopped = those(|hit| hit.possible == 0);
        stopped.retain(|who| direct.binary_search(who).is_err());
        (direct, stopped.len())
    }
}

/// Asks about all data; origins are looked for where `wanted` says so.
pub(super) fn reached(ground: &Ground<'_>, wanted: &(dyn Fn(NodeId) -> bool + Sync)) -> Vec<Reached> {
    let world = ground.world;
    let (mut far, mut near): (Vec<NodeId>, Vec<NodeId>) = world
        .graph
        .nodes()
        .filter(|(_, node)| is_asked(node.record.kind))
        .map(|(id, _)| id)
        .partition(|id| wanted(*id));
    // Resources of one account are reached over much the same ways, which are gone together.
    far.sort_by_key(|id| (world.account_of(*id), *id));
    let back = batch::Back::new(ground);
    let mut out: Vec<Reached> = far
        .par_chunks(batch::MOST)
        .map_init(
            || (Room::default(), Vec::new(), back.room()),
            |(room, hits, own), resources| back.of(resources, room, hits, own),
        )
        .flatten_iter()
        .collect();
    near.sort_unstable();
    let rest = near.par_iter().map_init(
        || (Room::default(), Vec::new()),
        |(room, hits), resource| {
            let (direct, stopped) = ground.direct(*resource, room, hits);
            Reached {
                resource: *resource,
                direct: direct.len(),
                stopped,
                origins: BTreeMap::new(),
                total: 0,
                cross_account: 0,
            }
        },
    );
    out.par_extend(rest);
    out
}

/// Looks closely at how one resource is reached.
pub(super) fn closely(ground: &Ground<'_>, resource: NodeId) -> Closely {
    let (direct, _) = ground.direct(resource, &mut Room::default(), &mut Vec::new());
    let mut back = Back::new(ground);
    let home = ground.world.account_of(resource);
    for who in direct {
        if back.meet(who, 0, 1, is_border(home, acting_account(ground.world, who))) {
            back.queue.push_back(who);
        }
    }
    let mut out = back.walk();
    out.on_the_way = back.met.into_keys().collect();
    out
}

/// Whether authority crosses from one account to another.
fn is_border(a: Option<&str>, b: Option<&str>) -> bool {
    a.is_some() && b.is_some() && a != b
}

/// Where a node was first met on the way back.
#[derive(Debug, Clone, Copy)]
struct Met {
    role_hops: u8,
    hops: u16,
    crossed: bool,
    done: bool,
}

/// Going back from one resource.
struct Back<'a> {
    ground: &'a Ground<'a>,
    met: FxHashMap<NodeId, Met>,
    queue: VecDeque<NodeId>,
}

impl<'a> Back<'a> {
    fn new(ground: &'a Ground<'a>) -> Self {
        Self {
            ground,
            met: FxHashMap::default(),
            queue: VecDeque::new(),
        }
    }

    /// Notes a node, unless it was met on a way that is as good.
    fn meet(&mut self, node: NodeId, role_hops: u8, hops: u16, crossed: bool) -> bool {
        if self
            .met
            .get(&node)
            .is_some_and(|met| met.done || met.role_hops <= role_hops)
        {
            return false;
        }
        let met = Met {
            role_hops,
            hops,
            crossed,
            done: false,
        };
        self.met.insert(node, met);
        true
    }

    /// Fewest role hops first: what may be reached over few must not be lost because it was met over many.
    fn walk(&mut self) -> Closely {
        const SAMPLES: usize = 8;
        let Ground { world, steps, starts } = self.ground;
        let mut out = Closely {
            deepest: 0,
            samples: Vec::new(),
            on_the_way: FxHashSet::default(),
        };
        while let Some(node) = self.queue.pop_front() {
            let Some(met) = self.met.get_mut(&node).filter(|met| !met.done) else {
                continue;
            };
            met.done = true;
            let here = *met;
            if starts.get(node.index()).is_some_and(|start| *start) {
                let stands_out = |node: NodeId, crossed| stands_out(world.node(node).record.kind, crossed);
                out.deepest = out.deepest.max(usize::from(here.hops));
                if out.samples.len() < SAMPLES {
                    out.samples.push(node);
                } else if stands_out(node, here.crossed)
                    && let Some(other) = out.samples.iter_mut().find(|other| !stands_out(**other, false))
                {
                    *other = node;
                }
            }
            let account = acting_account(world, node);
            for found in steps.to(node) {
                if found.verdict == PathVerdict::Denied {
                    continue;
                }
                let role = found.edge == EdgeKind::Assumes;
                let role_hops = here.role_hops + u8::from(role);
                if role_hops > MOST_ROLE_HOPS {
                    continue;
                }
                let crossed = here.crossed || is_border(acting_account(world, found.from), account);
                if self.meet(found.from, role_hops, here.hops.saturating_add(1), crossed) {
                    if role {
                        self.queue.push_back(found.from);
                    } else {
                        self.queue.push_front(found.from);
                    }
                }
            }
        }
        out
    }
}

/// As [`crate::paths::Options`] has it.
const MOST_ROLE_HOPS: u8 = 5;

/// What people look for first.
fn stands_out(kind: Kind, crossed: bool) -> bool {
    match kind {
        Kind::ExternalAccount | Kind::ExternalPrincipal | Kind::Anonymous => true,
        Kind::IamUser | Kind::SsoUser => crossed,
        _ => false,
    }
}

/// Whether data is sensitive.
#[must_use]
pub fn is_sensitive(world: &World, resource: NodeId) -> bool {
    world.node(resource).sensitivity >= Sensitivity::Confidential
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::paths::Options;

    /// Who reaches what, path by path, beside the graph of steps; gives how many pairs there are.
    fn compare(world: &World, exact: bool) -> usize {
        let steps = Steps::build(world);
        let finder = Finder::new(world, &steps);
        let ground = Ground::new(world, &steps, &finder);
        let together = reached(&ground, &|_| true);
        let targets: Vec<NodeId> = together.iter().map(|data| data.resource).collect();
        let options = Options {
            routes: 40,
            ..Options::default()
        };
        let mut pairs = BTreeSet::new();
        for origin in finder.origins() {
            let found = finder.from(origin, &targets, options);
            assert!(!found.cut);
            // What sends to data, or pushes code, is told by the step itself.
            let by_access = found.paths.iter().filter(|path| {
                path.hops
                    .last()
                    .is_some_and(|hop| hop.edge == EdgeKind::CanAccess)
            });
            pairs.extend(by_access.map(|path| (path.target.id.clone(), path.origin.id.clone())));
        }
        for data in &together {
            let alone = pairs
                .iter()
                .filter(|(target, _)| target == world.id(data.resource))
                .count();
            let name = world.id(data.resource);
            assert!(data.total >= alone, "{name}: {} and {alone} by paths", data.total);
            assert!(
                !exact || data.total == alone,
                "{name}: {} and {alone} by paths",
                data.total
            );
            assert_eq!(data.total, data.origins.values().sum::<usize>());
            let closely = closely(&ground, data.resource);
            assert_eq!(closely.samples.len(), data.total.min(8), "{name}");
        }
        pairs.len()
    }

    #[test]
    fn counting_on_the_graph_is_counting_paths_in_the_demo() {
        let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
        let world = crate::normalize::build(loaded.records, loaded.gaps);
        assert!(compare(&world, true) > 150);
    }

    /// Steps of which the conditions contradict each other make no path.
    #[test]
    fn counting_on_the_graph_loses_no_path_in_a_made_up_organisation() {
        let org = sv0_bench::Organization::new(3, sv0_bench::Preset::S.size());
        let world = crate::normalize::build(org.records().collect(), Vec::new());
        assert!(compare(&world, false) > 300);
    }
}
