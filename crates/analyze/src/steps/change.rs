//! What becomes of the steps when policies change: what bears on nobody who changed, and on nothing that changed, stays.

use rustc_hash::{FxHashMap, FxHashSet};
use sv0_iam::syntax::Statement;
use sv0_model::graph::{Edge, NodeId};
use sv0_model::kind::EdgeKind;

use super::{How, Move, Step, Steps, assume, effective, in_order, settle, structural, technique};
use crate::access::kms_operations;
use crate::scope;
use crate::steps::effective::Rooms;
use crate::world::World;

/// What a change bears on.
#[derive(Debug, Default, Clone)]
pub(crate) struct Bearing {
    /// Principals whose own side says something else: their policies, what is known of them, their ceilings.
    pub(crate) principals: FxHashSet<NodeId>,
    /// Entities whose side says something else: their own policies, their key's, the names below them.
    pub(crate) targets: FxHashSet<NodeId>,
    /// The statements that were taken away and those that were added, where nothing else about the principals changed.
    pub(crate) statements: Option<Vec<Statement>>,
}

impl Bearing {
    /// Whether the principals' side may say something else about an action.
    pub(crate) fn concerns(&self, action: &str) -> bool {
        let Some(statements) = &self.statements else {
            return true;
        };
        statements
            .iter()
            .any(|statement| statement.action.matches(action))
    }

    /// Whether there are steps of so many that all are better worked out at once.
    pub(crate) fn is_wide(&self) -> bool {
        self.targets.len() > MANY
            || self.principals.len() > MANY
                && (self.concerns("sts:AssumeRole") || may_set_in_motion(self) || self.concerns_techniques())
    }

    /// Setting something in motion may take the use of its key.
    fn concerns_lever(&self, action: &str) -> bool {
        let mut operations = kms_operations(action).iter();
        self.concerns(action) || operations.any(|operation| self.concerns(operation))
    }

    /// Whether keys may let the principals do something else.
    pub(crate) fn concerns_keys(&self) -> bool {
        crate::reach::KMS.iter().any(|action| self.concerns(action))
    }

    fn concerns_techniques(&self) -> bool {
        let mut needs = technique::actions();
        let mut proof = scope::proving();
        !self.targets.is_empty()
            || needs.any(|action| self.concerns(action))
            || proof.any(|action| self.concerns(action))
    }

    fn concerns_levers(&self, world: &World, target: NodeId) -> bool {
        let mut actions = effective::actions(world, target).into_iter();
        actions.any(|action| self.concerns_lever(action))
    }

    fn concerns_roles_of_workloads(&self) -> bool {
        structural::ACTIONS.iter().any(|action| self.concerns(action))
    }
}

/// So many principals or entities, and all steps are worked out at once.
const MANY: usize = 1_500;

/// Where to look for what a change bears on.
pub(crate) trait Nearby {
    /// What may let a principal in.
    fn doors(&self, world: &World, principal: NodeId) -> Vec<NodeId>;
    /// The principals of an account.
    fn people(&self, account: &str) -> &[NodeId];
    /// All entities of an account.
    fn entities(&self, account: &str) -> &[NodeId];
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
    /// Works out again what a change bears on, in a world that has changed already.
    pub(crate) fn change(&mut self, world: &World, bearing: &Bearing, nearby: &dyn Nearby) -> Difference {
        let Bearing {
            principals, targets, ..
        } = bearing;
        let mut new = computed(world, bearing, nearby);
        // What a technique gains is in the account of who uses it.
        let mut accounts: FxHashSet<&str> = FxHashSet::default();
        let by_technique = bearing.concerns_techniques();
        if by_technique {
            // What a role can become may be in another account, which trusts it.
            let trusted = targets
                .iter()
                .flat_map(|target| world.graph.targets(*target, EdgeKind::Trusts));
            let bridges = targets
                .iter()
                .flat_map(|target| self.bridges.again(world, *target));
            let bridges: Vec<NodeId> = bridges.collect();
            let concerned = principals.iter().chain(targets).chain(&bridges).copied();
            accounts = concerned
                .chain(trusted)
                .filter_map(|node| world.account_of(node))
                .collect();
        }
        let within = technique::Within {
            people: accounts.iter().flat_map(|a| nearby.people(a)).copied().collect(),
            entities: accounts
                .iter()
                .flat_map(|a| nearby.entities(a))
                .copied()
                .collect(),
        };
        if by_technique {
            new.extend(technique::moves(world, Some(&within)));
            new.extend(self.bridges.moves(world, Some(&accounts)));
        }
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
            How::Technique { .. } | How::Bridge { .. } => {
                let account = world.account_of(found.from);
                account.is_some_and(|account| accounts.contains(account))
            }
            How::Assume => {
                targets.contains(&found.to)
                    || principals.contains(&found.from) && bearing.concerns("sts:AssumeRole")
            }
            How::Lever => {
                targets.contains(&found.to)
                    || principals.contains(&found.from) && bearing.concerns_levers(world, found.to)
            }
        };
        let mut by_origin: FxHashMap<NodeId, Vec<Move>> = FxHashMap::default();
        for found in new {
            by_origin.entry(found.from).or_default().push(found);
        }
        let ends = targets.iter().flat_map(|target| self.to(*target));
        let mut origins: FxHashSet<NodeId> = ends.map(|found| found.from).collect();
        if bearing.concerns("sts:AssumeRole") || may_set_in_motion(bearing) {
            origins.extend(principals);
        }
        origins.extend(by_origin.keys());
        origins.extend(keys.iter().map(|(_, from, _)| *from));
        origins.extend(within.people);
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
        self.looked.iter_mut().for_each(|place| *place.get_mut() = 0);
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
fn computed(world: &World, bearing: &Bearing, nearby: &dyn Nearby) -> Vec<Move> {
    let mut rooms = Rooms::default();
    let mut out = Vec::new();
    for target in &bearing.targets {
        assume::into(world, *target, None, &mut rooms.room, &mut out);
        effective::into(world, *target, None, &mut rooms, &mut out);
    }
    let assumes = bearing.concerns("sts:AssumeRole");
    if !assumes && !may_set_in_motion(bearing) {
        return out;
    }
    for node in &bearing.principals {
        let Some(principal) = world.everybody().principal(*node) else {
            continue;
        };
        for target in nearby.doors(world, *node) {
            if bearing.targets.contains(&target) {
                continue;
            }
            if assumes {
                assume::into(world, target, Some(principal), &mut rooms.room, &mut out);
            }
            if bearing.concerns_levers(world, target) {
                effective::into(world, target, Some(principal), &mut rooms, &mut out);
            }
        }
    }
    out
}

fn may_set_in_motion(bearing: &Bearing) -> bool {
    effective::ACTIONS
        .iter()
        .any(|action| bearing.concerns_lever(action))
}

/// The steps that configuration says where a policy that counts for them has changed.
fn read_again(world: &World, bearing: &Bearing) -> Vec<Step> {
    let mut nodes: FxHashSet<NodeId> = bearing.targets.iter().copied().collect();
    // A workload does as its role may.
    if bearing.concerns_roles_of_workloads() {
        for node in &bearing.principals {
            nodes.extend(world.graph.sources(*node, EdgeKind::RunsAs));
        }
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
