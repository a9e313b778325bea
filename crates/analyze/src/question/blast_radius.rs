//! The blast radius of an entity: everything that it reaches through chains, how sensitive that is, and where it is an
//! administrator. In reverse: every origin that reaches it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_model::coverage::Gap;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, EntityType, Kind, Sensitivity};
use sv0_model::path::{ConditionText, EntityRef, Path, PathVerdict};

use super::endpoints::covered;
use crate::paths::{Finder, Options};
use crate::reach::{Hit, Room, is_asked};
use crate::scope::is_everything;
use crate::steps::Steps;
use crate::world::World;

/// One end of the chains between two entities, all chains taken together.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reach {
    /// What is reached, or by whom.
    pub entity: EntityRef,
    /// How sensitive what is reached is.
    pub sensitivity: Sensitivity,
    /// The business domain of what is reached.
    pub data_domain: Option<String>,
    /// Of the best chain: one that hangs on nothing before one that does.
    pub verdict: PathVerdict,
    /// Over all chains, lightest first.
    pub access_levels: Vec<AccessLevel>,
    /// Of the best chain: others may give more.
    pub chain_access_levels: Vec<AccessLevel>,
    /// Over all chains.
    pub actions: Vec<String>,
    /// Whether the best chain leaves an account.
    pub cross_account: bool,
    /// Hops of the best chain that hand authority on.
    pub auth_chain_depth: usize,
    /// Role hops of the best chain.
    pub role_hops: usize,
    /// What has to hold for the best chain.
    pub condition: Vec<ConditionText>,
    /// The ids of the best chain: the shortest one that hangs on nothing, or else the shortest.
    pub chain: Vec<String>,
    /// The entities of the best chain, as people call them.
    pub route: Vec<String>,
    /// The path that it is, as `sv0 paths` names it.
    pub path: String,
    /// How many paths were found.
    pub paths: usize,
}

/// A broad grant, and what it comes to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Broad {
    /// The scope.
    pub scope: EntityRef,
    /// Of the best chain.
    pub verdict: PathVerdict,
    /// Over all chains.
    pub access_levels: Vec<AccessLevel>,
    /// Whether the scope is everything in an account: an administrator's.
    pub administrator: bool,
    /// Collected data that it covers, by sensitivity.
    pub covers: BTreeMap<Sensitivity, usize>,
    /// The same in all.
    pub total: usize,
    /// The best chain.
    pub route: Vec<String>,
}

/// Everything that an entity reaches.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BlastRadius {
    /// Where authority starts.
    pub origin: EntityRef,
    /// Pieces of data that are reached, scopes left out.
    pub total: usize,
    /// The same by sensitivity.
    pub by_sensitivity: BTreeMap<Sensitivity, usize>,
    /// The same by data domain; data of no known domain is under the empty name.
    pub by_data_domain: BTreeMap<String, usize>,
    /// The same by account.
    pub by_account: BTreeMap<String, usize>,
    /// The same by kind.
    pub by_kind: BTreeMap<Kind, usize>,
    /// The same by heaviest access level.
    pub by_access_level: BTreeMap<AccessLevel, usize>,
    /// Data that is reached in another account than the origin's.
    pub cross_account: usize,
    /// Identities that it can act as.
    pub identities: Vec<EntityRef>,
    /// Broad grants that it reaches, administrators' first.
    pub broad: Vec<Broad>,
    /// The data, most sensitive first.
    pub reaches: Vec<Reach>,
    /// Whether the search stopped at its budget.
    pub cut: bool,
    /// What could change the answer.
    pub coverage_gaps: Vec<Gap>,
}

/// Every origin that reaches an entity.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReachedBy {
    /// What is reached.
    pub target: EntityRef,
    /// How sensitive.
    pub sensitivity: Sensitivity,
    /// The business domain of its data.
    pub data_domain: Option<String>,
    /// Origins in all.
    pub total: usize,
    /// Origins by kind.
    pub by_kind: BTreeMap<Kind, usize>,
    /// Origins by account.
    pub by_account: BTreeMap<String, usize>,
    /// Origins by heaviest access level.
    pub by_access_level: BTreeMap<AccessLevel, usize>,
    /// Origins that reach it whatever the unknown facts are.
    pub certain: usize,
    /// Origins of another account than the target's.
    pub cross_account: usize,
    /// Origins outside the organization.
    pub outside: usize,
    /// The origins: outsiders, people, workloads, others.
    pub origins: Vec<Reach>,
    /// Whether a search stopped at its budget.
    pub cut: bool,
    /// Origins from which paths were looked at; access levels and what is certain are of these alone.
    pub looked_at: usize,
    /// What could change the answer.
    pub coverage_gaps: Vec<Gap>,
}

/// What some entities reach together, as one origin.
#[must_use]
pub fn blast_radius(
    world: &World,
    finder: &Finder<'_>,
    named: NodeId,
    origins: &[NodeId],
    options: Options,
) -> BlastRadius {
    let targets = finder.targets();
    let mut cut = false;
    let mut by_target: FxHashMap<String, Vec<Path>> = FxHashMap::default();
    for origin in origins {
        let found = finder.from(*origin, &targets, options);
        cut |= found.cut;
        for path in found.paths {
            by_target.entry(path.target.id.clone()).or_default().push(path);
        }
    }
    let origin = world.entity(named);
    let mut out = BlastRadius {
        identities: identities(world, finder, origins, options),
        coverage_gaps: gaps(by_target.values().flatten()),
        origin,
        total: 0,
        by_sensitivity: BTreeMap::new(),
        by_data_domain: BTreeMap::new(),
        by_account: BTreeMap::new(),
        by_kind: BTreeMap::new(),
        by_access_level: BTreeMap::new(),
        cross_account: 0,
        broad: Vec::new(),
        reaches: Vec::new(),
        cut,
    };
    for paths in by_target.values_mut() {
        let Some((best, reach)) = reach(paths, |path| &path.target) else {
            continue;
        };
        if reach.entity.kind == Kind::ResourceScope {
            out.broad.extend(broad(world, best, &reach));
            continue;
        }
        out.total += 1;
        *out.by_sensitivity.entry(reach.sensitivity).or_default() += 1;
        let domain = reach.data_domain.clone().unwrap_or_default();
        *out.by_data_domain.entry(domain).or_default() += 1;
        *out.by_account.entry(account(&reach.entity)).or_default() += 1;
        *out.by_kind.entry(reach.entity.kind).or_default() += 1;
        let heaviest = reach.access_levels.last().copied();
        *out.by_access_level
            .entry(heaviest.unwrap_or(AccessLevel::Permissions))
            .or_default() += 1;
        out.cross_account += usize::from(reach.entity.account != out.origin.account);
        out.reaches.push(reach);
    }
    out.reaches.sort_by(|a, b| {
        let key = |r: &Reach| (std::cmp::Reverse(r.sensitivity), r.data_domain.is_none());
        (
            key(a),
            &a.data_domain,
            account(&a.entity),
            a.entity.kind,
            &a.entity.id,
        )
            .cmp(&(
                key(b),
                &b.data_domain,
                account(&b.entity),
                b.entity.kind,
                &b.entity.id,
            ))
    });
    out.broad
        .sort_by(|a, b| (!a.administrator, &a.scope.id).cmp(&(!b.administrator, &b.scope.id)));
    out
}

impl ReachedBy {
    /// Counts an origin.
    fn count(&mut self, world: &World, origin: &EntityRef) {
        self.total += 1;
        *self.by_kind.entry(origin.kind).or_default() += 1;
        *self.by_account.entry(account(origin)).or_default() += 1;
        self.cross_account += usize::from(origin.account != self.target.account);
        self.outside += usize::from(group(origin.kind) == Group::Outside && !member(world, origin));
    }
}

/// Everybody who reaches some entities, which are one target together.
#[must_use]
pub fn reached_by(
    world: &World,
    steps: &Steps,
    finder: &Finder<'_>,
    named: NodeId,
    targets: &[NodeId],
    options: Options,
) -> ReachedBy {
    reached_by_some(world, steps, finder, named, targets, options, usize::MAX)
}

/// The same, with paths looked at from so many origins only, those of most interest: the rest is counted on the graph of
/// steps, where it is not seen that the conditions of two hops contradict each other.
#[must_use]
pub fn reached_by_some(
    world: &World,
    steps: &Steps,
    finder: &Finder<'_>,
    named: NodeId,
    targets: &[NodeId],
    options: Options,
    most: usize,
) -> ReachedBy {
    let on_the_way = leads_to(world, steps, finder, targets);
    // What does not lead there is on no path that ends there.
    let within = |node: NodeId| on_the_way.contains(&node);
    let mut origins = origins_among(finder, &on_the_way, targets);
    if origins.len() > most {
        origins.sort_by_cached_key(|origin| {
            let kind = world.node(*origin).record.kind;
            (group(kind), world.label(*origin), world.id(*origin).to_owned())
        });
    }
    let rest = origins.split_off(most.min(origins.len()));
    let found: Vec<(Vec<Path>, bool)> = origins
        .par_iter()
        .map(|origin| {
            let found = finder.from_within(*origin, targets, options, &within);
            (found.paths, found.cut)
        })
        .collect();
    let node = world.node(named);
    let target = world.entity(named);
    let mut out = ReachedBy {
        sensitivity: node.sensitivity,
        data_domain: node.data_domain.clone(),
        total: 0,
        by_kind: BTreeMap::new(),
        by_account: BTreeMap::new(),
        by_access_level: BTreeMap::new(),
        certain: 0,
        cross_account: 0,
        outside: 0,
        origins: Vec::new(),
        cut: found.iter().any(|(_, cut)| *cut),
        looked_at: found.len(),
        coverage_gaps: gaps(found.iter().flat_map(|(paths, _)| paths)),
        target,
    };
    for origin in rest {
        let entity = world.entity(origin);
        out.count(world, &entity);
    }
    for (mut paths, _) in found {
        let Some((_, reach)) = reach(&mut paths, |path| &path.origin) else {
            continue;
        };
        out.count(world, &reach.entity);
        let heaviest = reach.access_levels.last().copied();
        *out.by_access_level
            .entry(heaviest.unwrap_or(AccessLevel::Permissions))
            .or_default() += 1;
        out.certain += usize::from(reach.verdict == PathVerdict::Allowed);
        out.origins.push(reach);
    }
    out.origins.sort_by(|a, b| {
        let key = |r: &Reach| (group(r.entity.kind), r.verdict, r.route.len());
        (key(a), &a.entity.name, &a.entity.id).cmp(&(key(b), &b.entity.name, &b.entity.id))
    });
    out
}

/// What kind of origin it is, in the order of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Nobody of the organization, as far as was collected.
    Outside,
    /// People.
    People,
    /// Tokens and assertions of other systems.
    Federated,
    /// What runs.
    Workloads,
    /// Roles that nobody known becomes, and the rest.
    Others,
}

/// The group that an origin belongs to.
#[must_use]
pub const fn group(kind: Kind) -> Group {
    match kind {
        Kind::ExternalAccount | Kind::ExternalPrincipal | Kind::Anonymous => Group::Outside,
        Kind::IamUser | Kind::SsoUser => Group::People,
        Kind::OidcProvider | Kind::SamlProvider | Kind::ExternalWorkload => Group::Federated,
        kind => match kind.entity_type() {
            EntityType::Workload => Group::Workloads,
            _ => Group::Others,
        },
    }
}

/// Whether an account that was not collected is known to be of the organization.
fn member(world: &World, entity: &EntityRef) -> bool {
    let account = entity.account.as_ref().and_then(|id| world.accounts.get(id));
    account.is_some_and(|account| account.member == Some(true))
}

/// All paths of one pair, as one.
fn reach(paths: &mut [Path], end: impl Fn(&Path) -> &EntityRef) -> Option<(&Path, Reach)> {
    paths.sort_by(|a, b| {
        (a.verdict, a.hops.len(), a.condition.len(), &a.id).cmp(&(
            b.verdict,
            b.hops.len(),
            b.condition.len(),
            &b.id,
        ))
    });
    let paths = &*paths;
    let best = paths.first()?;
    let mut levels: Vec<AccessLevel> = paths.iter().flat_map(|p| p.access_levels.clone()).collect();
    levels.sort_unstable();
    levels.dedup();
    let mut actions: Vec<String> = paths.iter().flat_map(|p| p.actions.clone()).collect();
    actions.sort();
    actions.dedup();
    let reach = Reach {
        entity: end(best).clone(),
        sensitivity: best.sensitivity,
        data_domain: best.data_domain.clone(),
        verdict: best.verdict,
        access_levels: levels,
        chain_access_levels: of_chain(paths, best),
        actions,
        cross_account: best.cross_account_hops > 0,
        auth_chain_depth: best.auth_chain_depth,
        role_hops: best.role_hops,
        condition: best.condition.clone(),
        chain: best.chain.clone(),
        route: route(best),
        path: best.id.clone(),
        paths: paths.len(),
    };
    Some((best, reach))
}

/// The levels of all paths along the hops of one that hang on no more than it does: several policies may give them.
fn of_chain(paths: &[Path], best: &Path) -> Vec<AccessLevel> {
    let same = |path: &&Path| path.verdict == best.verdict && route(path) == route(best);
    let mut out: Vec<AccessLevel> = paths
        .iter()
        .filter(same)
        .flat_map(|path| path.access_levels.clone())
        .collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// The names along a path.
#[must_use]
pub fn route(path: &Path) -> Vec<String> {
    std::iter::once(&path.origin)
        .chain(path.hops.iter().map(|hop| &hop.to))
        .map(|entity| crate::words::one_line(&entity.name))
        .collect()
}

fn broad(world: &World, best: &Path, reach: &Reach) -> Option<Broad> {
    let scope = world.graph.find(&reach.entity.id)?;
    // The identity at the end has the grant; where a group gives it, that is of the same account.
    let granted_in = best.hops.last().and_then(|hop| hop.from.account.as_deref());
    let mut covers: BTreeMap<Sensitivity, usize> = BTreeMap::new();
    for node in covered(world, scope, granted_in) {
        *covers.entry(world.node(node).sensitivity).or_default() += 1;
    }
    Some(Broad {
        scope: reach.entity.clone(),
        verdict: reach.verdict,
        access_levels: reach.access_levels.clone(),
        administrator: is_everything(&reach.entity.id),
        total: covers.values().sum(),
        covers,
        route: reach.route.clone(),
    })
}

/// The users and roles that some entities can act as, through real steps.
fn identities(world: &World, finder: &Finder<'_>, origins: &[NodeId], options: Options) -> Vec<EntityRef> {
    let people: Vec<NodeId> = world
        .principals
        .keys()
        .copied()
        .filter(|node| !origins.contains(node))
        .collect();
    let mut out: Vec<EntityRef> = origins
        .iter()
        .flat_map(|origin| finder.from(*origin, &people, options).paths)
        .filter(|path| {
            path.hops
                .last()
                .is_some_and(|hop| hop.edge != EdgeKind::CanAccess)
        })
        .map(|path| path.target)
        .collect();
    out.sort_by(|a, b| a.id.cmp(&b.id));
    out.dedup();
    out
}

/// The origins that may have a path to some targets: nobody else has to be followed.
#[must_use]
pub fn leading(world: &World, steps: &Steps, finder: &Finder<'_>, targets: &[NodeId]) -> Vec<NodeId> {
    origins_among(finder, &leads_to(world, steps, finder, targets), targets)
}

fn origins_among(
    finder: &Finder<'_>,
    leading: &rustc_hash::FxHashSet<NodeId>,
    targets: &[NodeId],
) -> Vec<NodeId> {
    let mut origins = finder.origins();
    origins.retain(|origin| leading.contains(origin) && !targets.contains(origin));
    origins
}

/// Everything that leads to some targets, however long the chain: nothing else needs a search.
#[must_use]
pub fn leads_to(
    world: &World,
    steps: &Steps,
    finder: &Finder<'_>,
    targets: &[NodeId],
) -> rustc_hash::FxHashSet<NodeId> {
    let mut seen: rustc_hash::FxHashSet<NodeId> = targets.iter().copied().collect();
    // The engine tells of everybody at once who can do something to data; the rest is asked one by one.
    let (asked, rest): (Vec<NodeId>, Vec<NodeId>) = targets
        .iter()
        .partition(|target| is_asked(world.node(**target).record.kind));
    let (everybody, reaching) = (world.everybody(), world.reaching());
    let mut direct: Vec<NodeId> = asked
        .par_iter()
        .map_init(
            || (Room::default(), Vec::<Hit>::new()),
            |(room, hits), target| {
                hits.clear();
                reaching.who(world, *target, &reaching.parts(world, *target), room, hits);
                let hits = hits.iter().filter(|hit| hit.possible != 0);
                let nodes = hits.filter_map(|hit| everybody.node(hit.principal));
                nodes.collect::<Vec<NodeId>>()
            },
        )
        .flatten_iter()
        .collect();
    if !rest.is_empty() {
        let identities: Vec<NodeId> = crate::steps::askers(world)
            .iter()
            .filter_map(|a| a.node)
            .collect();
        direct.par_extend(identities.into_par_iter().filter(|identity| {
            rest.iter()
                .any(|target| !finder.access(*identity, *target).allowed.is_empty())
        }));
    }
    let mut open: Vec<NodeId> = targets.iter().copied().chain(direct.iter().copied()).collect();
    seen.extend(direct);
    while let Some(node) = open.pop() {
        for step in steps.to(node).filter(|step| step.verdict != PathVerdict::Denied) {
            if seen.insert(step.from) {
                open.push(step.from);
            }
        }
    }
    seen
}

fn account(entity: &EntityRef) -> String {
    entity
        .account_name
        .clone()
        .or_else(|| entity.account.clone())
        .unwrap_or_default()
}

fn gaps<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<Gap> {
    let mut out: Vec<Gap> = paths.flat_map(|path| path.coverage_gaps.clone()).collect();
    out.sort();
    out.dedup();
    out
}
