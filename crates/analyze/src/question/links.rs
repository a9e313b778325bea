//! Who reaches what at all: steps and accesses as links between entities, without the words of a path. Reachability is
//! asked with links left out, which is how a choke point shows.
//!
//! The limits are those of [`Options`]: role hops and steps. A walk that comes back to an entity can always be
//! shortened, so walks reach exactly what chains without a loop reach. Conditions of different links are not held
//! against each other: what is reached under conditions may turn out smaller.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sv0_iam::decide::Layer;
use sv0_model::graph::NodeId;
use sv0_model::kind::EdgeKind;
use sv0_model::path::PathVerdict;

use crate::access::Access;
use crate::paths::{Finder, Options, ends_in_access, is_use};
use crate::steps::{Move, Step, Steps};
use crate::world::World;

/// A statement in its policy: the policy's id and name, and the statement's path. A managed policy that many hold is
/// one policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementKey {
    /// The policy's ARN, or the id of the entity that holds it.
    pub policy_id: String,
    /// The policy's name.
    pub policy: String,
    /// Such as `Statement[0]`.
    pub json_path: String,
}

/// One hop that is possible.
#[derive(Debug, Clone)]
pub struct Link {
    /// What kind.
    pub edge: EdgeKind,
    /// From.
    pub from: NodeId,
    /// To.
    pub to: NodeId,
    /// Whether it hangs on conditions.
    pub verdict: PathVerdict,
    /// Statements without which it may not be there: nothing else is lost where one of these is taken away.
    pub statements: BTreeSet<StatementKey>,
    /// Whether it is the use of a target, which ends a chain.
    end: bool,
}

impl Link {
    /// Whether it is the use of a target, which ends a chain.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        self.end
    }
}

/// All links that matter for some targets.
#[derive(Debug, Default)]
pub struct Links {
    links: Vec<Link>,
    out: Vec<Vec<u32>>,
    targets: FxHashSet<NodeId>,
    /// Targets that are used rather than become.
    used: FxHashSet<NodeId>,
    options: Options,
}

/// An entity on a walk: reached over which link, from which entity on the walk.
#[derive(Debug, Clone, Copy)]
struct At {
    node: NodeId,
    before: Option<usize>,
    link: Option<u32>,
    role_hops: usize,
    length: usize,
}

/// What one origin reaches.
#[derive(Debug, Default)]
pub struct Reached {
    walk: Vec<At>,
    /// By target: where the walk stands before the last link, and that link where it is a use.
    ends: BTreeMap<NodeId, (usize, Option<u32>)>,
}

impl Links {
    /// The links between some origins and targets.
    #[must_use]
    pub fn new(
        world: &World,
        steps: &Steps,
        finder: &Finder<'_>,
        origins: &[NodeId],
        targets: &[NodeId],
        options: Options,
    ) -> Self {
        // Only what some origin becomes or sets in motion is looked at closely.
        let mut met: FxHashSet<NodeId> = origins.iter().copied().collect();
        let mut open: Vec<NodeId> = met.iter().copied().collect();
        let mut moves: Vec<&Move> = Vec::new();
        while let Some(node) = open.pop() {
            for found in steps
                .onward(node)
                .filter(|found| found.verdict != PathVerdict::Denied)
            {
                moves.push(found);
                if met.insert(found.to) {
                    open.push(found.to);
                }
            }
        }
        moves.sort_unstable_by_key(|found| (found.from, found.to, found.edge));
        let told = moves.par_iter().filter_map(|found| steps.describe(world, found));
        let real = told.filter(|step| step.verdict != PathVerdict::Denied);
        let mut out = Self {
            links: real.map(|step| of_step(&step)).collect(),
            out: Vec::new(),
            targets: targets.iter().copied().collect(),
            used: targets
                .iter()
                .copied()
                .filter(|t| ends_in_access(world.node(*t).record.kind))
                .collect(),
            options,
        };
        out.index(world);
        // Only identities that some origin becomes are asked what they can do.
        let mut seen: FxHashSet<NodeId> = origins.iter().copied().collect();
        let mut open: Vec<NodeId> = origins.to_vec();
        while let Some(node) = open.pop() {
            for link in out.from(node) {
                if seen.insert(link.to) {
                    open.push(link.to);
                }
            }
        }
        let mut identities: Vec<NodeId> = crate::steps::askers(world)
            .iter()
            .filter_map(|asker| asker.node)
            .filter(|node| seen.contains(node))
            .collect();
        identities.sort_unstable();
        identities.dedup();
        let mut data: Vec<NodeId> = out.used.iter().copied().collect();
        data.sort_unstable();
        let ends: Vec<Link> = identities
            .par_iter()
            .flat_map_iter(|identity| {
                let uses = data
                    .iter()
                    .map(|target| (*target, finder.access(*identity, *target)));
                uses.filter(|(_, access)| !access.allowed.is_empty())
                    .map(|(target, access)| of_access(world, *identity, target, &access))
                    .collect::<Vec<_>>()
            })
            .collect();
        out.links.extend(ends);
        out.index(world);
        out
    }

    fn index(&mut self, world: &World) {
        self.out = vec![Vec::new(); world.graph.len()];
        for (at, link) in self.links.iter().enumerate() {
            if let (Some(list), Ok(at)) = (self.out.get_mut(link.from.index()), u32::try_from(at)) {
                list.push(at);
            }
        }
    }

    /// A link.
    #[must_use]
    pub fn get(&self, at: u32) -> Option<&Link> {
        self.links.get(at as usize)
    }

    /// How many links there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    fn from(&self, node: NodeId) -> impl Iterator<Item = &Link> {
        self.numbered(node).map(|(_, link)| link)
    }

    /// The links that leave an entity, with their numbers.
    pub fn numbered(&self, node: NodeId) -> impl Iterator<Item = (u32, &Link)> {
        let list = self.out.get(node.index()).into_iter().flatten();
        list.filter_map(|at| Some((*at, self.get(*at)?)))
    }

    /// Everything that leads to a target, however long the way.
    #[must_use]
    pub fn leading(&self) -> FxHashSet<NodeId> {
        let mut into: FxHashMap<NodeId, Vec<NodeId>> = FxHashMap::default();
        for link in &self.links {
            into.entry(link.to).or_default().push(link.from);
        }
        let mut seen: FxHashSet<NodeId> = FxHashSet::default();
        let mut open: Vec<NodeId> = self.targets.iter().copied().collect();
        while let Some(node) = open.pop() {
            for from in into.get(&node).into_iter().flatten() {
                if seen.insert(*from) {
                    open.push(*from);
                }
            }
        }
        seen
    }

    /// Whether an entity is a target.
    #[must_use]
    pub fn is_target(&self, node: NodeId) -> bool {
        self.targets.contains(&node)
    }

    /// Whether it is one that is used rather than become.
    #[must_use]
    pub fn is_used(&self, node: NodeId) -> bool {
        self.used.contains(&node)
    }

    /// What an origin reaches when only some links may be used. Shortest first: each target has its shortest chain, and
    /// among those one of fewest role hops.
    #[must_use]
    pub fn reach(&self, origin: NodeId, usable: &dyn Fn(&Link) -> bool) -> Reached {
        let mut out = Reached {
            walk: vec![At {
                node: origin,
                before: None,
                link: None,
                role_hops: 0,
                length: 0,
            }],
            ends: BTreeMap::new(),
        };
        // An entity that is reached again is passed on from only with fewer role hops: it is no nearer, so nothing else
        // could come of it.
        let mut fewest: FxHashMap<NodeId, usize> = FxHashMap::default();
        fewest.insert(origin, 0);
        let mut uses: Vec<(usize, usize, u32)> = Vec::new();
        let mut at = 0;
        while let Some(here) = out.walk.get(at).copied() {
            for (number, link) in self.numbered(here.node) {
                if !usable(link) {
                    continue;
                }
                if link.end {
                    if link.to == origin {
                        continue;
                    }
                    uses.push((here.length + 1, at, number));
                    continue;
                }
                let role_hops = here.role_hops + usize::from(link.edge == EdgeKind::Assumes);
                let known = fewest.get(&link.to).copied().unwrap_or(usize::MAX);
                if here.length >= self.options.steps
                    || role_hops > self.options.role_hops
                    || role_hops >= known
                {
                    continue;
                }
                fewest.insert(link.to, role_hops);
                out.walk.push(At {
                    node: link.to,
                    before: Some(at),
                    link: Some(number),
                    role_hops,
                    length: here.length + 1,
                });
            }
            at += 1;
        }
        self.end(&mut out, uses);
        out
    }

    /// Notes what ends in a target: becoming it, or using it.
    fn end(&self, out: &mut Reached, uses: Vec<(usize, usize, u32)>) {
        let become_it = out.walk.iter().enumerate().filter(|(at, here)| {
            let link = here.link.and_then(|link| self.get(link));
            // Setting data in motion is told by what the identity can do to it.
            let ends = link.is_some_and(|link| !(is_use(link.edge) && self.used.contains(&link.to)));
            *at > 0 && ends && self.targets.contains(&here.node)
        });
        let mut ends: Vec<(usize, usize, Option<u32>, NodeId)> = become_it
            .map(|(at, here)| (here.length, at, None, here.node))
            .collect();
        ends.extend(uses.into_iter().filter_map(|(length, at, number)| {
            let link = self.get(number)?;
            Some((length, at, Some(number), link.to))
        }));
        ends.sort_unstable();
        for (_, at, number, target) in ends {
            out.ends.entry(target).or_insert((at, number));
        }
    }
}

impl Reached {
    /// The targets, in the order of the graph.
    pub fn targets(&self) -> impl Iterator<Item = NodeId> {
        self.ends.keys().copied()
    }

    /// Whether a target is reached.
    #[must_use]
    pub fn has(&self, target: NodeId) -> bool {
        self.ends.contains_key(&target)
    }

    /// The links of the shortest chain to a target, first to last.
    #[must_use]
    pub fn chain(&self, target: NodeId) -> Vec<u32> {
        let Some(&(at, last)) = self.ends.get(&target) else {
            return Vec::new();
        };
        let mut out: Vec<u32> = last.into_iter().collect();
        let mut cursor = Some(at);
        while let Some(here) = cursor.and_then(|at| self.walk.get(at)) {
            out.extend(here.link);
            cursor = here.before;
        }
        out.reverse();
        out
    }

    /// The entities that are reached on the way, the origin first.
    pub fn entities(&self) -> impl Iterator<Item = NodeId> {
        self.walk.iter().map(|at| at.node)
    }
}

fn of_step(step: &Step) -> Link {
    let allow = step
        .statements
        .iter()
        .filter(|s| s.effect == "Allow" && matches!(s.layer.as_str(), "identity" | "resource"));
    Link {
        edge: step.edge,
        from: step.from,
        to: step.to,
        verdict: step.verdict,
        statements: allow
            .map(|s| StatementKey {
                policy_id: s.policy_id.clone(),
                policy: s.policy.clone(),
                json_path: s.json_path.clone(),
            })
            .collect(),
        end: false,
    }
}

/// The use of a target by an identity. It is lost by taking a statement away only where every action needs that
/// statement, as far as the deciding statements tell.
fn of_access(world: &World, from: NodeId, to: NodeId, access: &Access) -> Link {
    let keys = |allowed: &crate::access::Allowed| -> BTreeSet<StatementKey> {
        let granting = allowed.sources.iter();
        granting
            .filter(|source| matches!(source.layer, Layer::Identity | Layer::Resource))
            .filter_map(|source| world.statement(source.layer, source.tag, source.statement))
            .map(|s| StatementKey {
                policy_id: s.policy_id,
                policy: s.policy,
                json_path: s.json_path,
            })
            .collect()
    };
    let mut all = access.allowed.iter().map(keys);
    let first = all.next().unwrap_or_default();
    let certain = access
        .allowed
        .iter()
        .any(|allowed| allowed.verdict == sv0_iam::decide::Verdict::Allowed);
    Link {
        edge: EdgeKind::CanAccess,
        from,
        to,
        verdict: if certain {
            PathVerdict::Allowed
        } else {
            PathVerdict::AllowedIf
        },
        statements: all.fold(first, |common, keys| {
            common.intersection(&keys).cloned().collect()
        }),
        end: true,
    }
}
