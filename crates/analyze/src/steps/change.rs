//! What becomes of the steps when policies change: what bears on nobody who changed, and on nothing that changed, stays.

use rustc_hash::{FxHashMap, FxHashSet};
use sv0_engine::index::PrincipalId;
use sv0_model::graph::{Edge, NodeId};
use sv0_model::kind::EdgeKind;

use super::{How, Move, Step, Steps, assume, effective, in_order, settle, structural, technique};
use crate::steps::effective::Rooms;
use crate::world::World;

/// What a change bears on.
#[derive(Debug, Default, Clone)]
pub(crate) struct Bearing {
    /// Principals whose own side says something else: their policies, what is known of them, their ceilings.
    pub(crate) principals: FxHashSet<NodeId>,
    /// Entities whose side says something else: their own policies, their key's, the names below them.
    pub(crate) targets: FxHashSet<NodeId>,
}

/// What a change of steps added and took away.
#[derive(Debug, Default, Clone)]
pub struct Difference {
    /// Moves that are there now, or are of another verdict now.
    pub gained: Vec<Move>,
    /// Moves that were there, or were of another verdict.
    pub lost: Vec<Move>,
}

impl Steps {
    /// Works out again what a change bears on, in a world that has changed already. `nearby` tells which entities may let
    /// a principal in: those that are not told are not asked about it.
    pub(crate) fn change(
        &mut self,
        world: &World,
        bearing: &Bearing,
        nearby: &dyn Fn(NodeId) -> Vec<NodeId>,
    ) -> Difference {
        let Bearing { principals, targets } = bearing;
        // What a technique gains is in the account of who uses it.
        let accounts: FxHashSet<String> = principals
            .iter()
            .chain(targets)
            .filter_map(|node| world.account_of(*node).map(str::to_owned))
            .collect();
        let in_accounts = |node: NodeId| {
            world
                .account_of(node)
                .is_some_and(|account| accounts.contains(account))
        };
        let mut new = computed(world, bearing, nearby);
        new.extend(technique::moves(world, Some(&accounts)));
        let read = read_again(world, bearing);
        let keys: FxHashSet<(EdgeKind, NodeId, NodeId)> =
            read.iter().map(|step| (step.edge, step.from, step.to)).collect();
        for step in read {
            let at = super::number(self.known.len());
            new.push(Move {
                edge: step.edge,
                verdict: step.verdict,
                from: step.from,
                to: step.to,
                how: How::Known(at),
            });
            self.known.push(step);
        }
        if self.settled {
            settle(world, &mut new);
        }
        // What all of these replace.
        let is_replaced = |found: &Move| match found.how {
            How::Known(_) => {
                keys.contains(&(found.edge, found.from, found.to))
                    || found.edge == EdgeKind::Assumes && targets.contains(&found.to)
            }
            How::Technique { .. } => in_accounts(found.from),
            How::Assume | How::Lever => principals.contains(&found.from) || targets.contains(&found.to),
        };
        let mut by_origin: FxHashMap<NodeId, Vec<Move>> = FxHashMap::default();
        for found in new {
            by_origin.entry(found.from).or_default().push(found);
        }
        let ends = targets.iter().flat_map(|target| self.to(*target));
        let mut origins: FxHashSet<NodeId> = ends.map(|found| found.from).collect();
        origins.extend(principals);
        origins.extend(by_origin.keys());
        origins.extend(keys.iter().map(|(_, from, _)| *from));
        let here = world.principals.keys().filter(|node| in_accounts(**node));
        origins.extend(here);
        let mut out = Difference::default();
        for origin in origins {
            let old: Vec<Move> = self.from(origin).copied().collect();
            let mut now: Vec<Move> = old.iter().filter(|found| !is_replaced(found)).copied().collect();
            now.extend(by_origin.remove(&origin).unwrap_or_default());
            in_order(&mut now);
            if now != old {
                self.replace(origin, &old, now, &mut out);
            }
        }
        self.told.get_mut().map(FxHashMap::clear).unwrap_or_default();
        out
    }

    fn replace(&mut self, origin: NodeId, old: &[Move], now: Vec<Move>, out: &mut Difference) {
        let lost = old.iter().filter(|found| !now.contains(found));
        let gained = now.iter().filter(|found| !old.contains(found));
        let mut ends: Vec<NodeId> = Vec::new();
        for found in lost.clone() {
            ends.push(found.to);
            out.lost.push(*found);
        }
        for found in gained.clone() {
            ends.push(found.to);
            out.gained.push(*found);
        }
        ends.sort_unstable();
        ends.dedup();
        for end in ends {
            let list: Vec<Move> = match self.changed_into.remove(&end) {
                Some(list) => list,
                None => self.to(end).copied().collect(),
            };
            let mut list: Vec<Move> = list.into_iter().filter(|found| found.from != origin).collect();
            let at = list.partition_point(|found| found.from < origin);
            list.splice(at..at, now.iter().filter(|found| found.to == end).copied());
            self.changed_into.insert(end, list);
        }
        self.changed_out.insert(origin, now);
    }
}

/// Who becomes whom and sets what in motion, as far as a change bears on it.
fn computed(world: &World, bearing: &Bearing, nearby: &dyn Fn(NodeId) -> Vec<NodeId>) -> Vec<Move> {
    let mut rooms = Rooms::default();
    let mut out = Vec::new();
    let mut into = |node: NodeId, only: Option<PrincipalId>| {
        assume::into(world, node, only, &mut rooms.room, &mut out);
        effective::into(world, node, only, &mut rooms, &mut out);
    };
    for target in &bearing.targets {
        into(*target, None);
    }
    for node in &bearing.principals {
        if let Some(principal) = world.everybody().principal(*node) {
            for target in nearby(*node) {
                if !bearing.targets.contains(&target) {
                    into(target, Some(principal));
                }
            }
        }
    }
    out
}

/// The steps that configuration says where a policy that counts for them has changed.
fn read_again(world: &World, bearing: &Bearing) -> Vec<Step> {
    let changed = bearing.principals.iter().chain(&bearing.targets);
    let mut nodes: FxHashSet<NodeId> = changed.copied().collect();
    // A workload does as its role may.
    for node in &bearing.principals {
        nodes.extend(world.graph.sources(*node, EdgeKind::RunsAs));
    }
    let mut edges: Vec<&Edge> = Vec::new();
    for node in &nodes {
        edges.extend(world.graph.edges_from(*node));
        edges.extend(
            world
                .graph
                .edges_to(*node)
                .filter(|edge| !nodes.contains(&edge.from)),
        );
    }
    let mut out = structural::of_edges(world, edges);
    let roles = bearing.targets.iter();
    out.extend(roles.flat_map(|role| assume::of_providers_of(world, *role)));
    out
}
