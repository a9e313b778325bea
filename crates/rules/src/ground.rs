//! What rules stand on: for every entity, who gets there from furthest outside, and the heaviest thing that it leads to.
//!
//! Both are found by walking the steps once from all sides together, so they are there for organizations of any size. A walk
//! takes steps as they are: that the conditions of two of them contradict each other is seen when a path is looked at
//! closely, which every finding does before it is told.

use std::collections::VecDeque;
use std::sync::OnceLock;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::reach::{Hit, Room, is_asked};
use sv0_analyze::steps::{Move, Steps};
use sv0_analyze::words::one_line;
use sv0_analyze::world::Attachment;
use sv0_analyze::{World, scope};
use sv0_iam::syntax::ast::Statement;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind, Sensitivity};
use sv0_model::path::{Path, PathVerdict, StatementRef};

use crate::observed::Observed;
use crate::severity::{Exposure, Impact};

/// What an identity can do by itself to data.
#[derive(Debug, Clone, Default)]
pub struct Holding {
    /// How much data, the heaviest first.
    pub data: Vec<Held>,
}

/// One piece of data, and what can be done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// What it comes to.
    pub impact: Impact,
    /// The data.
    pub resource: NodeId,
    /// Whether it is certain.
    pub verdict: PathVerdict,
}

/// How somebody gets to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposed {
    /// From where.
    pub from: Exposure,
    /// Who.
    pub origin: NodeId,
    /// Role hops until here.
    pub role_hops: u8,
}

/// Role hops that a chain has at most (`model.md`).
const MOST_ROLE_HOPS: u8 = 5;

/// Pairs of origin and data of which every path is looked at.
const MOST_PAIRS: usize = 30_000;

/// Pieces of data that are kept for one identity.
const MOST_HELD: usize = 64;

/// What rules stand on.
pub struct Ground<'w> {
    /// The entities and policies.
    pub world: &'w World,
    /// How authority moves.
    pub steps: &'w Steps,
    /// Paths.
    pub finder: Finder<'w>,
    /// The day of the snapshot, ISO 8601, where it is known: what is called old is old on that day.
    pub today: Option<String>,
    /// What was seen in use, where somebody looked.
    pub observed: Option<Observed<'w>>,
    administrators: FxHashSet<NodeId>,
    holdings: FxHashMap<NodeId, Holding>,
    exposed: Vec<Option<Exposed>>,
    leads: Vec<Impact>,
    scopes: Vec<NodeId>,
    /// Confidential and restricted data.
    sensitive: Vec<NodeId>,
    /// Who can do something to each secret.
    readers: FxHashMap<NodeId, Vec<(NodeId, Held)>>,
    /// Where each policy is, by the id and name that statements are told by.
    policies: OnceLock<FxHashMap<(String, String), u32>>,
    paths: OnceLock<Option<Vec<Path>>>,
}

impl std::fmt::Debug for Ground<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").finish_non_exhaustive()
    }
}

impl<'w> Ground<'w> {
    /// Looks at a world once.
    #[must_use]
    pub fn new(world: &'w World, steps: &'w Steps, today: Option<String>) -> Self {
        let finder = Finder::new(world, steps);
        let administrators = scope::all_administrators(world);
        let (holdings, readers) = holdings(world);
        let mut out = Self {
            world,
            steps,
            exposed: Vec::new(),
            leads: Vec::new(),
            administrators,
            holdings,
            scopes: world
                .graph
                .nodes()
                .filter(|(_, node)| node.record.kind == Kind::ResourceScope)
                .map(|(id, _)| id)
                .collect(),
            sensitive: finder
                .targets()
                .into_iter()
                .filter(|target| world.node(*target).sensitivity >= Sensitivity::Confidential)
                .collect(),
            readers,
            policies: OnceLock::new(),
            finder,
            today,
            observed: None,
            paths: OnceLock::new(),
        };
        out.exposed = out.walk_inwards();
        out.leads = out.walk_back();
        out
    }

    /// Whether an identity can do everything in its account.
    #[must_use]
    pub fn is_administrator(&self, node: NodeId) -> bool {
        self.administrators.contains(&node)
    }

    /// All who can.
    #[must_use]
    pub fn administrators(&self) -> Vec<NodeId> {
        let mut all: Vec<NodeId> = self.administrators.iter().copied().collect();
        all.sort_unstable();
        all
    }

    /// What an identity can do to data by itself.
    #[must_use]
    pub fn holding(&self, node: NodeId) -> Option<&Holding> {
        self.holdings.get(&node)
    }

    /// Whoever can do something to a secret by itself.
    #[must_use]
    pub fn readers(&self, secret: NodeId) -> &[(NodeId, Held)] {
        self.readers.get(&secret).map_or(&[], Vec::as_slice)
    }

    /// Who gets to an entity, from furthest outside.
    #[must_use]
    pub fn exposed(&self, node: NodeId) -> Option<Exposed> {
        self.exposed.get(node.index()).copied().flatten()
    }

    /// From where an entity is reached.
    #[must_use]
    pub fn exposure(&self, node: NodeId) -> Exposure {
        self.exposed(node)
            .map_or(Exposure::Nobody, |exposed| exposed.from)
    }

    /// The heaviest thing that an entity leads to, over any steps.
    #[must_use]
    pub fn leads_to(&self, node: NodeId) -> Impact {
        self.leads.get(node.index()).copied().unwrap_or_default()
    }

    /// The heaviest thing that an identity can do by itself.
    #[must_use]
    pub fn own(&self, node: NodeId) -> Impact {
        own(self.world, &self.administrators, &self.holdings, node)
    }

    /// The paths from somewhere to some targets, certain and short ones first.
    #[must_use]
    pub fn paths(&self, from: NodeId, to: &[NodeId]) -> Vec<Path> {
        let mut found = self.finder.from(from, to, Options::default()).paths;
        found.sort_by(|a, b| (a.verdict, a.hops.len(), &a.id).cmp(&(b.verdict, b.hops.len(), &b.id)));
        found
    }

    /// The same over some entities only, which is a great deal faster where they are known.
    #[must_use]
    pub fn paths_over(&self, from: NodeId, to: &[NodeId], over: &[NodeId]) -> Vec<Path> {
        self.paths_within(from, to, &|node| over.contains(&node))
    }

    /// The same over the entities that somebody says.
    #[must_use]
    pub fn paths_within(&self, from: NodeId, to: &[NodeId], within: &dyn Fn(NodeId) -> bool) -> Vec<Path> {
        let mut found = self
            .finder
            .from_within(from, to, Options::default(), within)
            .paths;
        found.sort_by(|a, b| (a.verdict, a.hops.len(), &a.id).cmp(&(b.verdict, b.hops.len(), &b.id)));
        found
    }

    /// Every path from where authority starts to data; none where there are too many to look at each.
    #[must_use]
    pub fn all_paths(&self) -> Option<&[Path]> {
        let found = self.paths.get_or_init(|| {
            let origins = self.finder.origins();
            let targets = &self.sensitive;
            if origins.len().saturating_mul(targets.len()) > MOST_PAIRS {
                return None;
            }
            let found = origins
                .par_iter()
                .flat_map_iter(|origin| self.paths(*origin, targets));
            Some(found.collect())
        });
        found.as_deref()
    }

    /// What an identity has of a kind as a whole, to read or more: every bucket, every secret of its account, everything.
    #[must_use]
    pub fn scopes(&self, node: NodeId) -> Vec<NodeId> {
        let home = self.world.account_of(node);
        let near = self.scopes.iter().copied().filter(|scope| {
            let account = self.world.account_of(*scope);
            account.is_none() || account == home
        });
        near.filter(|scope| {
            let access = self.finder.access(node, *scope);
            access.allowed.iter().any(|allowed| is_use(allowed.level))
        })
        .collect()
    }

    /// Confidential and restricted data.
    #[must_use]
    pub fn sensitive(&self) -> &[NodeId] {
        &self.sensitive
    }

    /// The policy and statement that a reference means.
    #[must_use]
    pub fn statement(&self, reference: &StatementRef) -> Option<(&'w Attachment, &'w Statement)> {
        let index = self.policies.get_or_init(|| {
            let all = self.world.attachments.iter().zip(0..);
            all.map(|(attachment, tag)| ((attachment.id.clone(), one_line(&attachment.name)), tag))
                .collect()
        });
        let key = (reference.policy_id.clone(), reference.policy.clone());
        let attachment = self.world.attachment(*index.get(&key)?)?;
        let mut statements = attachment.policy.statements.iter();
        let statement = statements.find(|statement| statement.path() == reference.json_path)?;
        Some((attachment, statement))
    }

    /// Steps that are not denied, from an entity.
    pub fn real_from(&self, node: NodeId) -> impl Iterator<Item = &Move> {
        let all = self.steps.onward(node);
        all.filter(|found| found.verdict != PathVerdict::Denied)
    }

    /// Steps that are not denied, to an entity.
    pub fn real_to(&self, node: NodeId) -> impl Iterator<Item = &Move> {
        let all = self.steps.to(node);
        all.filter(|found| found.verdict != PathVerdict::Denied)
    }

    /// Walks from outside inwards: the furthest outside first, so that the first to come to an entity is the heaviest.
    fn walk_inwards(&self) -> Vec<Option<Exposed>> {
        let mut out: Vec<Option<Exposed>> = vec![None; self.world.graph.len()];
        let mut origins: Vec<(Exposure, NodeId)> = self
            .finder
            .origins()
            .into_iter()
            .map(|node| (begins(self.world.node(node).record.kind), node))
            .collect();
        origins.sort_by_key(|(from, node)| (std::cmp::Reverse(*from), *node));
        let mut queue: VecDeque<(NodeId, Exposed)> = VecDeque::new();
        let mut origins = origins.into_iter().peekable();
        while let Some((class, _)) = origins.peek().copied() {
            while let Some((from, origin)) = origins.next_if(|(from, _)| *from == class) {
                let here = Exposed {
                    from,
                    origin,
                    role_hops: 0,
                };
                queue.push_back((origin, here));
            }
            while let Some((node, here)) = queue.pop_front() {
                let Some(place) = out.get_mut(node.index()) else {
                    continue;
                };
                if place.is_some_and(|old| old.from > here.from || old.role_hops <= here.role_hops) {
                    continue;
                }
                *place = Some(here);
                for found in self.real_from(node) {
                    let role = found.edge == EdgeKind::Assumes;
                    let role_hops = here.role_hops + u8::from(role);
                    if role_hops > MOST_ROLE_HOPS {
                        continue;
                    }
                    let next = (found.to, Exposed { role_hops, ..here });
                    if role {
                        queue.push_back(next);
                    } else {
                        queue.push_front(next);
                    }
                }
            }
        }
        out
    }

    /// Walks back from what matters, the heaviest first.
    fn walk_back(&self) -> Vec<Impact> {
        let mut out = vec![Impact::Nothing; self.world.graph.len()];
        let mut seeds: Vec<(Impact, NodeId)> = self
            .world
            .graph
            .nodes()
            .map(|(node, _)| (self.own(node), node))
            .filter(|(impact, _)| *impact != Impact::Nothing)
            .collect();
        seeds.sort_by_key(|(impact, node)| (std::cmp::Reverse(*impact), *node));
        let mut hops: Vec<u8> = vec![u8::MAX; out.len()];
        for (impact, seed) in seeds {
            let mut queue: VecDeque<(NodeId, u8)> = VecDeque::from([(seed, 0)]);
            while let Some((node, role_hops)) = queue.pop_front() {
                let (Some(best), Some(least)) = (out.get_mut(node.index()), hops.get_mut(node.index()))
                else {
                    continue;
                };
                if *best > impact || (*best == impact && *least <= role_hops) {
                    continue;
                }
                (*best, *least) = (impact, role_hops);
                for found in self.real_to(node) {
                    let role = found.edge == EdgeKind::Assumes;
                    let role_hops = role_hops + u8::from(role);
                    if role_hops > MOST_ROLE_HOPS {
                        continue;
                    }
                    if role {
                        queue.push_back((found.from, role_hops));
                    } else {
                        queue.push_front((found.from, role_hops));
                    }
                }
            }
        }
        out
    }
}

/// From where authority begins that begins at a kind of entity.
const fn begins(kind: Kind) -> Exposure {
    match kind {
        Kind::Anonymous => Exposure::Internet,
        Kind::ExternalAccount | Kind::ExternalPrincipal | Kind::ExternalWorkload => Exposure::Outside,
        Kind::IamUser
        | Kind::SsoUser
        | Kind::SamlProvider
        | Kind::OidcProvider
        | Kind::TrustAnchor
        | Kind::RootUser => Exposure::Person,
        _ => Exposure::Workload,
    }
}

fn own(
    world: &World,
    administrators: &FxHashSet<NodeId>,
    holdings: &FxHashMap<NodeId, Holding>,
    node: NodeId,
) -> Impact {
    let record = &world.node(node).record;
    if record.kind == Kind::ResourceScope && scope::is_everything(&record.id)
        || administrators.contains(&node)
    {
        let account = record.account.as_deref().and_then(|id| world.accounts.get(id));
        return if account.is_some_and(|account| account.management) {
            Impact::Organization
        } else {
            Impact::Account
        };
    }
    let held = holdings.get(&node).and_then(|holding| holding.data.first());
    held.map_or(Impact::Nothing, |held| held.impact)
}

/// By identity, what it can do by itself to data; by secret, who can do something to it.
type Holdings = (FxHashMap<NodeId, Holding>, FxHashMap<NodeId, Vec<(NodeId, Held)>>);

/// What each identity can do by itself to data, and who can do something to each secret.
fn holdings(world: &World) -> Holdings {
    let everybody = world.everybody();
    let reaching = world.reaching();
    let data: Vec<NodeId> = world
        .graph
        .nodes()
        .filter(|(_, node)| is_asked(node.record.kind))
        .map(|(id, _)| id)
        .collect();
    let rows: Vec<(NodeId, Held)> = data
        .par_iter()
        .map_init(
            || (Room::default(), Vec::<Hit>::new()),
            |(room, hits), resource| {
                hits.clear();
                let parts = reaching.parts(world, *resource);
                reaching.who(world, *resource, &parts, room, hits);
                let sensitivity = world.node(*resource).sensitivity;
                let mut best: FxHashMap<NodeId, Held> = FxHashMap::default();
                for hit in hits.iter() {
                    let (Some(part), Some(who)) = (parts.get(hit.part), everybody.node(hit.principal)) else {
                        continue;
                    };
                    let family = reaching.family_of(world, part);
                    let level = |mask| family.levels(mask).max();
                    let certain = level(hit.certain).map(|level| (level, PathVerdict::Allowed));
                    let Some((level, verdict)) =
                        certain.or_else(|| Some((level(hit.possible)?, PathVerdict::AllowedIf)))
                    else {
                        continue;
                    };
                    let held = Held {
                        impact: Impact::data(sensitivity, level),
                        resource: *resource,
                        verdict,
                    };
                    let known = best.entry(who).or_insert(held);
                    if (held.impact, std::cmp::Reverse(held.verdict))
                        > (known.impact, std::cmp::Reverse(known.verdict))
                    {
                        *known = held;
                    }
                }
                best.into_iter().collect::<Vec<_>>()
            },
        )
        .flatten_iter()
        .collect();
    let mut out: FxHashMap<NodeId, Holding> = FxHashMap::default();
    let mut readers: FxHashMap<NodeId, Vec<(NodeId, Held)>> = FxHashMap::default();
    for (who, held) in rows {
        let data = world.node(held.resource);
        let anyone = world.node(who).record.kind == Kind::Anonymous;
        // What is public is of interest where it is public.
        if data.sensitivity == Sensitivity::Public && !anyone {
            continue;
        }
        if data.record.kind == Kind::SecretsManagerSecret {
            readers.entry(held.resource).or_default().push((who, held));
        }
        out.entry(who).or_default().data.push(held);
    }
    for readers in readers.values_mut() {
        readers.sort_unstable_by_key(|(who, _)| *who);
    }
    for (who, holding) in &mut out {
        let order = |held: &Held| (std::cmp::Reverse(held.impact), held.verdict, held.resource);
        holding.data.sort_unstable_by_key(order);
        if begins(world.node(*who).record.kind) < Exposure::Outside {
            holding.data.truncate(MOST_HELD);
        }
    }
    (out, readers)
}

/// Whether an access level lets somebody see or change what is in there.
#[must_use]
pub const fn is_use(level: AccessLevel) -> bool {
    matches!(
        level,
        AccessLevel::Read | AccessLevel::Write | AccessLevel::Permissions
    )
}
