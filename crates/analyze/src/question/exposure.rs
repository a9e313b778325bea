//! Who reaches what, on the graph of steps: for organizations in which there are too many paths to look at each.
//!
//! From every resource it goes back along the steps to where authority starts, over at most as many role hops as a path
//! may have. Nothing is left out that way; but steps are taken as they are: that the conditions of two of them contradict
//! each other is seen only when the path itself is shown.

use std::collections::{BTreeMap, VecDeque};

use rayon::prelude::*;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind, Sensitivity};
use sv0_model::path::PathVerdict;

use crate::paths::{Finder, Options, acting_account};
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
    /// The longest of the shortest chains, in hops.
    pub deepest: usize,
    /// A few origins, those that stand out first.
    pub samples: Vec<NodeId>,
}

/// Asks about all data; origins are looked for where `wanted` says so.
#[must_use]
pub fn reached(
    world: &World,
    steps: &Steps,
    finder: &Finder<'_>,
    wanted: &(dyn Fn(NodeId) -> bool + Sync),
) -> Vec<Reached> {
    let mut starts = vec![false; world.graph.len()];
    for origin in finder.origins() {
        if let Some(start) = starts.get_mut(origin.index()) {
            *start = true;
        }
    }
    let all: Vec<NodeId> = world
        .graph
        .nodes()
        .filter(|(_, node)| is_asked(node.record.kind))
        .map(|(id, _)| id)
        .collect();
    all.par_iter()
        .map_init(
            || (Room::default(), Vec::new(), Back::new(world, steps, &starts)),
            |(room, hits, back), resource| {
                hits.clear();
                let parts = world.reaching().parts(world, *resource);
                world.reaching().who(world, *resource, &parts, room, hits);
                back.of(*resource, hits, wanted(*resource))
            },
        )
        .collect()
}

/// Where a node was first met on the way back.
#[derive(Debug, Clone, Copy)]
struct Met {
    /// Which search.
    search: u32,
    role_hops: u8,
    hops: u16,
    crossed: bool,
    /// What the search has done with it: 0 nothing, 1 it may and is waited for, 2 it is done.
    state: u8,
}

/// Going back from one resource after the other, with room that is used again.
struct Back<'a> {
    world: &'a World,
    steps: &'a Steps,
    starts: &'a [bool],
    met: Vec<Met>,
    search: u32,
    queue: VecDeque<NodeId>,
}

impl<'a> Back<'a> {
    fn new(world: &'a World, steps: &'a Steps, starts: &'a [bool]) -> Self {
        let nothing = Met {
            search: 0,
            role_hops: 0,
            hops: 0,
            crossed: false,
            state: 0,
        };
        Self {
            world,
            steps,
            starts,
            met: vec![nothing; world.graph.len()],
            search: 0,
            queue: VecDeque::new(),
        }
    }

    fn of(&mut self, resource: NodeId, hits: &[Hit], origins: bool) -> Reached {
        let everybody = self.world.everybody();
        self.search += 1;
        self.queue.clear();
        let mut out = Reached {
            resource,
            direct: 0,
            stopped: 0,
            origins: BTreeMap::new(),
            total: 0,
            cross_account: 0,
            deepest: 0,
            samples: Vec::new(),
        };
        let home = self.world.account_of(resource);
        for hit in hits.iter().filter(|hit| hit.possible != 0) {
            let Some(who) = everybody.node(hit.principal) else {
                continue;
            };
            let account = acting_account(self.world, who);
            let crossed = account.is_some() && home.is_some() && account != home;
            if self.meet(who, 0, 1, crossed) {
                out.direct += 1;
                self.queue.push_back(who);
            }
        }
        // Who may do nothing at all, and is meant to by some policy.
        let mut last = None;
        for hit in hits.iter().filter(|hit| hit.blocked != 0 && hit.possible == 0) {
            let node = everybody.node(hit.principal);
            let new = node.is_some_and(|node| self.seen(node).is_none());
            if new && last != Some(hit.principal) {
                out.stopped += 1;
                last = Some(hit.principal);
            }
        }
        if origins {
            self.walk(&mut out);
        }
        out
    }

    fn seen(&self, node: NodeId) -> Option<&Met> {
        self.met.get(node.index()).filter(|met| met.search == self.search)
    }

    /// Notes a node, unless it was met on a way that is as good.
    fn meet(&mut self, node: NodeId, role_hops: u8, hops: u16, crossed: bool) -> bool {
        let search = self.search;
        let Some(met) = self.met.get_mut(node.index()) else {
            return false;
        };
        if met.search == search && (met.state == 2 || met.role_hops <= role_hops) {
            return false;
        }
        *met = Met {
            search,
            role_hops,
            hops,
            crossed,
            state: 1,
        };
        true
    }

    /// Fewest role hops first: what may be reached over few must not be lost because it was met over many.
    fn walk(&mut self, out: &mut Reached) {
        const SAMPLES: usize = 8;
        let most = u8::try_from(Options::default().role_hops).unwrap_or(u8::MAX);
        while let Some(node) = self.queue.pop_front() {
            let Some(met) = self.met.get_mut(node.index()).filter(|met| met.state == 1) else {
                continue;
            };
            met.state = 2;
            let here = *met;
            if self.starts.get(node.index()).is_some_and(|start| *start) {
                let kind = self.world.node(node).record.kind;
                *out.origins.entry(kind).or_default() += 1;
                out.total += 1;
                out.cross_account += usize::from(here.crossed);
                out.deepest = out.deepest.max(usize::from(here.hops));
                if out.samples.len() < SAMPLES {
                    out.samples.push(node);
                } else if stands_out(kind, here.crossed)
                    && let Some(other) = out
                        .samples
                        .iter_mut()
                        .find(|other| !stands_out(self.world.node(**other).record.kind, false))
                {
                    *other = node;
                }
            }
            let account = acting_account(self.world, node);
            for found in self.steps.to(node) {
                if found.verdict == PathVerdict::Denied {
                    continue;
                }
                let role = found.edge == EdgeKind::Assumes;
                let role_hops = here.role_hops + u8::from(role);
                if role_hops > most {
                    continue;
                }
                let theirs = acting_account(self.world, found.from);
                let crossed = here.crossed || theirs.is_some() && account.is_some() && theirs != account;
                if self.meet(found.from, role_hops, here.hops.saturating_add(1), crossed) {
                    if role {
                        self.queue.push_back(found.from);
                    } else {
                        self.queue.push_front(found.from);
                    }
                }
            }
        }
    }
}

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
