//! Chains of steps from an origin to what they reach.
//!
//! Breadth first, so that shorter chains come first; no entity twice in a chain; at most [`Options::role_hops`] role
//! hops; an entity is passed on from at most [`Options::routes`] times an origin, so parallel routes are kept and loops
//! of trust cost nothing. A chain that only repeats what an earlier part of it can do already is not told.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::slice::ParallelSliceMut;
use rustc_hash::FxHashMap;
use sv0_iam::decide::{Layer, Verdict};
use sv0_model::coverage::Gap;
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{AccessLevel, EdgeKind, EntityType, Kind};
use sv0_model::path::{BlockedBy, ConditionText, Hop, Path, PathVerdict, StatementRef};

use crate::access::{Access, Allowed, Source, access};
use crate::ask::Asker;
use crate::joint::{Joined, Rejudged};
use crate::steps::{How, Move, Step, Steps};
use crate::world::World;

/// How far to look.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Role hops at most (`model.md`: five).
    pub role_hops: usize,
    /// Steps of any kind at most.
    pub steps: usize,
    /// How often an entity is passed on from.
    pub routes: usize,
    /// Chains looked at for one origin.
    pub budget: usize,
    /// Whether denied paths are wanted instead of real ones.
    pub blocked: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            role_hops: 5,
            steps: 14,
            routes: 3,
            budget: 50_000,
            blocked: false,
        }
    }
}

/// Who can do what to which resource, computed once and remembered.
pub struct Finder<'w> {
    world: &'w World,
    steps: &'w Steps,
    /// Data and scopes, numbered.
    places: FxHashMap<NodeId, usize>,
    known: std::sync::Mutex<Known>,
    order: std::sync::OnceLock<Order>,
}

/// Answers that were found.
#[derive(Default)]
struct Known {
    some: FxHashMap<(NodeId, NodeId), Arc<Access>>,
    /// Most pairs have nothing to do with each other: one bit a resource for each identity that was asked about.
    nothing: FxHashMap<NodeId, Vec<u64>>,
    empty: Arc<Access>,
    /// Entries of all answers in `some`.
    weight: usize,
}

/// Entries of answers that are remembered; with more, all are forgotten and asked again. Some hundred bytes each.
const MOST_KNOWN: usize = 2_000_000;

impl Known {
    fn get(&self, identity: NodeId, place: Option<usize>, resource: NodeId) -> Option<&Arc<Access>> {
        let nothing = place.is_some_and(|place| {
            let bits = self.nothing.get(&identity);
            bits.and_then(|bits| bits.get(place / 64))
                .is_some_and(|word| word >> (place % 64) & 1 == 1)
        });
        if nothing {
            return Some(&self.empty);
        }
        self.some.get(&(identity, resource))
    }

    fn insert(&mut self, identity: NodeId, place: Option<usize>, resource: NodeId, found: Arc<Access>) {
        let empty = found.allowed.is_empty() && found.blocked.is_empty() && !found.kms_not_evaluated;
        match place.filter(|_| empty) {
            Some(place) => {
                let bits = self.nothing.entry(identity).or_default();
                if bits.len() <= place / 64 {
                    bits.resize(place / 64 + 1, 0);
                }
                if let Some(word) = bits.get_mut(place / 64) {
                    *word |= 1 << (place % 64);
                }
            }
            None => {
                self.weight += 1 + found.allowed.len() + found.blocked.len();
                if self.weight > MOST_KNOWN {
                    self.some.clear();
                    self.weight = 0;
                }
                self.some.insert((identity, resource), found);
            }
        }
    }
}

/// How entities stand in answers.
pub(crate) struct Order {
    rank: Vec<u32>,
    is_origin: Vec<bool>,
}

impl Order {
    /// By kind, then by what people call it.
    pub(crate) fn rank(&self, node: NodeId) -> u32 {
        self.rank.get(node.0 as usize).copied().unwrap_or(u32::MAX)
    }

    /// Whether authority starts there ([`Finder::origins`]).
    pub(crate) fn is_origin(&self, node: NodeId) -> bool {
        self.is_origin.get(node.0 as usize) == Some(&true)
    }
}

/// Paths, and whether the search stopped early.
#[derive(Debug, Default)]
pub struct Found {
    /// Shortest first.
    pub paths: Vec<Path>,
    /// Whether the budget ran out: there may be more.
    pub cut: bool,
}

/// One entity on a chain.
#[derive(Clone, Copy)]
struct Link<'w> {
    node: NodeId,
    step: Option<&'w Move>,
    before: Option<usize>,
    role_hops: usize,
    length: usize,
    denied: bool,
}

impl<'w> Finder<'w> {
    /// A finder for a world and its steps.
    #[must_use]
    pub fn new(world: &'w World, steps: &'w Steps) -> Self {
        let data = world.graph.nodes().filter(|(_, node)| is_data(node.record.kind));
        Self {
            world,
            steps,
            places: data.zip(0..).map(|((id, _), place)| (id, place)).collect(),
            known: std::sync::Mutex::default(),
            order: std::sync::OnceLock::new(),
        }
    }

    /// Works out what many questions need, so that the first one does not wait for it.
    pub fn prepare(&self) {
        self.order();
    }

    /// How entities stand in answers, worked out once: there are as many as the world has.
    pub(crate) fn order(&self) -> &Order {
        self.order.get_or_init(|| {
            let mut all: Vec<NodeId> = self.world.graph.nodes().map(|(id, _)| id).collect();
            all.par_sort_by_cached_key(|node| {
                let record = &self.world.node(*node).record;
                (record.kind, self.world.label(*node), record.id.clone())
            });
            let mut order = Order {
                rank: vec![0; all.len()],
                is_origin: vec![false; all.len()],
            };
            for (node, rank) in all.iter().zip(0..) {
                if let Some(place) = order.rank.get_mut(node.0 as usize) {
                    *place = rank;
                }
            }
            for node in self.origins() {
                if let Some(place) = order.is_origin.get_mut(node.0 as usize) {
                    *place = true;
                }
            }
            order
        })
    }

    /// Whether an entity is one that asks: a user, a role, a stranger.
    fn can_ask(&self, node: NodeId) -> bool {
        self.world.everybody().principal(node).is_some()
    }

    /// What an identity can do to a resource.
    #[must_use]
    pub fn access(&self, identity: NodeId, resource: NodeId) -> Arc<Access> {
        let place = self.places.get(&resource).copied();
        // A poisoned lock means that another thread died while inserting; the map itself is whole.
        let lock = || {
            self.known
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        if let Some(found) = lock().get(identity, place, resource) {
            return Arc::clone(found);
        }
        let found = if self.can_ask(identity) {
            access(self.world, &Asker::node(self.world, identity), resource)
        } else {
            Access::default()
        };
        let found = Arc::new(found);
        lock().insert(identity, place, resource, Arc::clone(&found));
        found
    }

    /// Everything that can be a path's end without being asked for: data and the scopes of broad grants.
    #[must_use]
    pub fn targets(&self) -> Vec<NodeId> {
        self.world
            .graph
            .nodes()
            .filter(|(_, node)| is_data(node.record.kind))
            .map(|(id, _)| id)
            .collect()
    }

    /// Where authority starts: people, workloads, providers, strangers; roles that nobody known can become.
    #[must_use]
    pub fn origins(&self) -> Vec<NodeId> {
        let world = self.world;
        let starts = |id: NodeId, kind: Kind| match kind {
            Kind::IamUser
            | Kind::SsoUser
            | Kind::OidcProvider
            | Kind::SamlProvider
            | Kind::TrustAnchor
            | Kind::ExternalAccount
            | Kind::ExternalPrincipal
            | Kind::Anonymous
            | Kind::ExternalWorkload => true,
            // That administrators can become it too is no reason to leave out what it does by itself.
            Kind::IamRole => self
                .steps
                .to(id)
                .all(|step| step.verdict == PathVerdict::Denied || matches!(step.how, How::Bridge { .. })),
            kind => kind.entity_type() == EntityType::Workload,
        };
        world
            .graph
            .nodes()
            .filter(|(id, node)| {
                !(node.stub && node.record.kind == Kind::IamRole) && starts(*id, node.record.kind)
            })
            .map(|(id, _)| id)
            .collect()
    }

    /// Paths from an origin to the targets.
    #[must_use]
    pub fn from(&self, origin: NodeId, targets: &[NodeId], options: Options) -> Found {
        self.from_within(origin, targets, options, &|_| true)
    }

    /// The same over some entities only.
    #[must_use]
    pub fn from_within(
        &self,
        origin: NodeId,
        targets: &[NodeId],
        options: Options,
        within: &dyn Fn(NodeId) -> bool,
    ) -> Found {
        let mut found = Found::default();
        let links = self.walk(origin, options, within, &mut found);
        for (at, link) in links.iter().enumerate() {
            // Using data is told by what the identity can do to it (below), not by the step that sets something in motion.
            let use_of_data = link.step.is_some_and(|step| is_use(step.edge))
                && ends_in_access(self.world.node(link.node).record.kind);
            let wanted = link.denied == options.blocked || hangs(&links, at);
            if at > 0 && !use_of_data && targets.contains(&link.node) && wanted {
                found.paths.extend(self.path(&links, at, None));
            }
            if !self.can_ask(link.node) {
                continue;
            }
            for &target in targets
                .iter()
                .filter(|t| ends_in_access(self.world.node(**t).record.kind))
            {
                if on_chain(&links, at, target) {
                    continue;
                }
                self.ends(&links, at, target, options, &mut found.paths);
            }
        }
        // Hops that contradict each other make a path that is not there.
        found
            .paths
            .retain(|path| (path.verdict == PathVerdict::Denied) == options.blocked);
        found.paths.sort_by(|a, b| {
            (a.hops.len(), &a.target.id, &a.chain).cmp(&(b.hops.len(), &b.target.id, &b.chain))
        });
        tell_apart(&mut found.paths);
        found
    }

    fn walk(
        &self,
        origin: NodeId,
        options: Options,
        within: &dyn Fn(NodeId) -> bool,
        found: &mut Found,
    ) -> Vec<Link<'w>> {
        let mut links = vec![Link {
            node: origin,
            step: None,
            before: None,
            role_hops: 0,
            length: 0,
            denied: false,
        }];
        let mut passed: FxHashMap<(NodeId, bool), usize> = FxHashMap::default();
        let mut at = 0;
        while let Some(link) = links.get(at).copied() {
            let count = passed.entry((link.node, link.denied)).or_default();
            *count += 1;
            let go_on = *count <= options.routes && link.length < options.steps;
            if go_on {
                for step in self.steps.onward(link.node).filter(|step| within(step.to)) {
                    let denied = self.steps.verdict(self.world, step) == PathVerdict::Denied;
                    if denied && (!options.blocked || link.denied) {
                        continue;
                    }
                    let role_hops = link.role_hops + usize::from(is_role_hop(step.edge));
                    if role_hops > options.role_hops || on_chain(&links, at, step.to) {
                        continue;
                    }
                    if links.len() >= options.budget {
                        found.cut = true;
                        return links;
                    }
                    links.push(Link {
                        node: step.to,
                        step: Some(step),
                        before: Some(at),
                        role_hops,
                        length: link.length + 1,
                        denied: link.denied || denied,
                    });
                }
            }
            at += 1;
        }
        links
    }

    /// Adds the paths that end in `target` by the access of the identity at `at`: one for each policy that grants.
    fn ends(&self, links: &[Link<'w>], at: usize, target: NodeId, options: Options, out: &mut Vec<Path>) {
        let Some(link) = links.get(at) else { return };
        let access = self.access(link.node, target);
        if access.allowed.is_empty() && (access.blocked.is_empty() || !options.blocked) {
            return;
        }
        let before = self.strongest_before(links, at, target);
        if options.blocked {
            let mut by_policy: BTreeMap<Vec<String>, Vec<&crate::access::Blocked>> = BTreeMap::new();
            if !link.denied {
                for blocked in &access.blocked {
                    for policy in policies(self.world, &blocked.sources) {
                        by_policy.entry(policy).or_default().push(blocked);
                    }
                }
            }
            for (policy, blocked) in by_policy {
                out.extend(self.path(
                    links,
                    at,
                    Some(End::Blocked {
                        target,
                        policy,
                        blocked,
                    }),
                ));
            }
        } else if link.denied {
            return;
        }
        let contradicts = options.blocked && !link.denied;
        // Actions that hang on conditions are a path of their own: what is certain must not lend them its certainty.
        let mut by_policy: BTreeMap<(Vec<String>, Vec<&str>), Vec<&Allowed>> = BTreeMap::new();
        for allowed in &access.allowed {
            // Only what hangs on something can be contradicted.
            if contradicts && allowed.verdict == Verdict::Allowed && !hangs(links, at) {
                continue;
            }
            // What an earlier entity of the chain can do itself is its own, shorter path.
            if before
                .get(allowed.action)
                .is_some_and(|verdict| *verdict <= rank(allowed.verdict))
            {
                continue;
            }
            let conditions: Vec<&str> = allowed.conditions.iter().map(|c| c.text.as_str()).collect();
            for policy in policies(self.world, &allowed.sources) {
                by_policy
                    .entry((policy, conditions.clone()))
                    .or_default()
                    .push(allowed);
            }
        }
        for ((policy, _), allowed) in by_policy {
            let unknown_key = access.kms_not_evaluated;
            out.extend(self.path(
                links,
                at,
                Some(End::Allowed {
                    target,
                    policy,
                    allowed,
                    unknown_key,
                }),
            ));
        }
    }

    /// The actions on a target that entities earlier on the chain have.
    fn strongest_before(&self, links: &[Link<'w>], at: usize, target: NodeId) -> FxHashMap<&'static str, u8> {
        let mut out = FxHashMap::default();
        let mut cursor = links.get(at).and_then(|link| link.before);
        while let Some(link) = cursor.and_then(|i| links.get(i)) {
            if self.can_ask(link.node) {
                for allowed in &self.access(link.node, target).allowed {
                    // What the chain may contradict there need not be contradicted further on.
                    let handed = link.before.is_some();
                    if handed && crate::joint::mentions(&allowed.conditions).next().is_some() {
                        continue;
                    }
                    let best = out.entry(allowed.action).or_insert(u8::MAX);
                    *best = rank(allowed.verdict).min(*best);
                }
            }
            cursor = link.before;
        }
        out
    }

    /// A path in words; none where a step of it, looked at closely, is not there.
    fn path(&self, links: &[Link<'w>], at: usize, mut end: Option<End<'_>>) -> Option<Path> {
        let world = self.world;
        let mut moves = Vec::new();
        let mut cursor = Some(at);
        let mut origin = NodeId(0);
        while let Some(link) = cursor.and_then(|i| links.get(i)) {
            origin = link.node;
            moves.extend(link.step);
            cursor = link.before;
        }
        let steps: Vec<Arc<Step>> = moves
            .into_iter()
            .rev()
            .map(|found| self.steps.describe(world, found))
            .collect::<Option<_>>()?;
        let steps: Vec<&Step> = steps.iter().map(|step| &**step).collect();
        let joined = self.join(
            origin,
            &steps,
            links.get(at).map_or(origin, |link| link.node),
            &mut end,
        );
        let mut rejudged = joined.hops.into_iter();

        let mut chain = vec![world.id(origin).to_owned()];
        let mut hops = Vec::new();
        for step in &steps {
            if let Some(group) = step.group {
                chain.push(world.id(group).to_owned());
                let text = format!("{} is a member of {}", world.label(step.from), world.label(group));
                hops.push(self.hop(EdgeKind::MemberOf, step.from, group, text));
            }
            // What lets a workload call another is its role's, which is a stop of its own.
            if self.can_ask(step.from) {
                let group = step.group.map(|group| world.id(group));
                let holders = [Some(world.id(step.from)), group];
                chain.extend(identity_policies(&step.statements, &holders));
            }
            chain.extend(step.on.map(|on| world.id(on).to_owned()));
            chain.push(world.id(step.to).to_owned());
            hops.push(Hop {
                edge: step.edge,
                from: world.entity(step.group.unwrap_or(step.from)),
                to: world.entity(step.to),
                verdict: step.verdict,
                action: step.action.clone(),
                text: step.text.clone(),
                statements: step.statements.clone(),
                conditions: step.conditions.clone(),
                confidence: confidence(step.confidence),
                evidence: None,
            });
            rejudge(&mut hops, rejudged.next());
        }
        let mut blocked_by: Vec<BlockedBy> = steps.iter().flat_map(|step| step.blocked.clone()).collect();
        let last = links.get(at).map_or(origin, |link| link.node);
        let mut facts = EndFacts {
            target: last,
            ..EndFacts::default()
        };
        if let Some(end) = end {
            let (hop, group, ids, more) = self.end(last, end);
            if let Some(group) = group {
                chain.push(world.id(group).to_owned());
                let text = format!("{} is a member of {}", world.label(last), world.label(group));
                hops.push(self.hop(EdgeKind::MemberOf, last, group, text));
            }
            chain.extend(ids);
            chain.push(hop.to.id.clone());
            blocked_by.extend(more.blocked.iter().cloned());
            hops.push(hop);
            rejudge(&mut hops, rejudged.next());
            facts = more;
        }
        blocked_by.extend(joined.blocked);
        // What people look for first comes first, and what denies before what merely does not allow.
        blocked_by.sort_by_cached_key(|b| (crate::question::headline(&b.action), !b.explicit, b.clone()));
        blocked_by.dedup();
        Some(self.assemble(origin, chain, hops, blocked_by, facts))
    }

    /// What the chain hands from hop to hop; actions that it leaves out are taken from the end.
    fn join(&self, origin: NodeId, steps: &[&Step], identity: NodeId, end: &mut Option<End<'_>>) -> Joined {
        let asked = match &*end {
            Some(End::Blocked { .. }) => return Joined::default(),
            Some(End::Allowed { target, allowed, .. }) => Some(crate::joint::End {
                identity,
                target: *target,
                actions: allowed.iter().map(|a| a.action).collect(),
                conditions: allowed.first().map_or(&[], |a| &a.conditions),
            }),
            None => None,
        };
        let joined = crate::joint::join(self.world, origin, steps, asked.as_ref()).unwrap_or_default();
        if let (None, Some(Some(last)), Some(End::Allowed { allowed, .. })) =
            (&joined.blocked, joined.hops.get(steps.len()), end)
        {
            allowed.retain(|a| last.actions.iter().any(|action| action == a.action));
        }
        joined
    }

    fn assemble(
        &self,
        origin: NodeId,
        chain: Vec<String>,
        hops: Vec<Hop>,
        blocked_by: Vec<BlockedBy>,
        facts: EndFacts,
    ) -> Path {
        let world = self.world;
        let target = world.node(facts.target);
        let verdict = hops
            .iter()
            .map(|hop| hop.verdict)
            .max()
            .unwrap_or(PathVerdict::Allowed);
        let mut condition: Vec<ConditionText> = hops.iter().flat_map(|hop| hop.conditions.clone()).collect();
        condition.sort();
        condition.dedup();
        let conditions_not_evaluated = condition.iter().any(|c| {
            c.operator
                .as_deref()
                .is_some_and(|o| sv0_iam::condition::Operator::parse(o).is_none())
        });
        // Authority is handed on where another identity or workload acts, and where it crosses into another account.
        let mut account = acting_account(world, origin);
        let (mut depth, mut cross_account_hops) = (0, 0);
        for hop in &hops {
            let to = world.graph.find(&hop.to.id);
            let next = to.and_then(|node| acting_account(world, node));
            let crosses = next.is_some() && account.is_some() && next != account;
            cross_account_hops += usize::from(crosses);
            depth += usize::from(counts(hop.edge) || crosses);
            account = next.or(account);
        }
        let llm = std::iter::once(origin)
            .chain(hops.iter().filter_map(|hop| world.graph.find(&hop.to.id)))
            .any(|node| {
                matches!(
                    world.node(node).record.kind,
                    Kind::BedrockAgent | Kind::BedrockModel
                )
            });
        let mut via_roles: Vec<String> = Vec::new();
        for hop in &hops {
            if matches!(
                hop.to.kind,
                Kind::IamRole | Kind::IamUser | Kind::ServiceLinkedRole
            ) && hop.to.id != target.record.id
            {
                via_roles.push(hop.to.id.clone());
            }
        }
        let mut levels = facts.levels.clone();
        levels.sort_unstable();
        levels.dedup();
        Path {
            id: stable_id(&chain, verdict, &condition),
            origin: world.entity(origin),
            target: world.entity(facts.target),
            via_roles,
            actions: facts.actions,
            access_level: levels.last().copied().unwrap_or(AccessLevel::Permissions),
            access_levels: levels,
            auth_chain_depth: depth,
            role_hops: hops.iter().filter(|hop| is_role_hop(hop.edge)).count(),
            deep_trust_chain: hops.iter().filter(|hop| is_role_hop(hop.edge)).count() > DEEP,
            cross_account_hops,
            cross_cloud_hops: hops
                .iter()
                .filter(|hop| hop.edge == EdgeKind::CorrelatesWith)
                .count(),
            egress_category: llm.then_some("llm"),
            sensitivity: target.sensitivity,
            data_domain: target.data_domain.clone(),
            verdict,
            condition,
            conditions_not_evaluated,
            kms_not_evaluated: facts.kms_not_evaluated,
            blocked_by: if verdict == PathVerdict::Denied {
                blocked_by
            } else {
                Vec::new()
            },
            execution_30d: None,
            last_execution_at: None,
            coverage_gaps: gaps(world, &chain),
            chain,
            hops,
        }
    }

    fn hop(&self, edge: EdgeKind, from: NodeId, to: NodeId, text: String) -> Hop {
        Hop {
            edge,
            from: self.world.entity(from),
            to: self.world.entity(to),
            verdict: PathVerdict::Allowed,
            action: None,
            text,
            statements: Vec::new(),
            conditions: Vec::new(),
            confidence: "certain",
            evidence: None,
        }
    }

    /// The last hop: what the identity does to the target.
    fn end(&self, identity: NodeId, end: End<'_>) -> (Hop, Option<NodeId>, Vec<String>, EndFacts) {
        let world = self.world;
        let (target, policy, sources, facts, verdict, conditions) = match end {
            End::Allowed {
                target,
                policy,
                allowed,
                unknown_key,
            } => {
                // All of one group hang on the same conditions.
                let certain = allowed.iter().all(|a| a.verdict == Verdict::Allowed);
                let conditions = allowed.first().map(|a| a.conditions.clone()).unwrap_or_default();
                let facts = EndFacts {
                    target,
                    actions: allowed.iter().map(|a| a.action.to_owned()).collect(),
                    levels: allowed.iter().map(|a| a.level).collect(),
                    kms_not_evaluated: unknown_key,
                    key: allowed.iter().find_map(|a| a.key),
                    scope: narrower(world.id(target), &allowed),
                    blocked: Vec::new(),
                };
                let sources: Vec<Source> = allowed.iter().flat_map(|a| a.sources.clone()).collect();
                let verdict = if certain {
                    PathVerdict::Allowed
                } else {
                    PathVerdict::AllowedIf
                };
                (target, policy, sources, facts, verdict, conditions)
            }
            End::Blocked {
                target,
                policy,
                blocked,
            } => {
                let facts = EndFacts {
                    target,
                    actions: blocked.iter().map(|b| b.action.to_owned()).collect(),
                    levels: blocked.iter().map(|b| b.level).collect(),
                    kms_not_evaluated: false,
                    key: None,
                    scope: None,
                    blocked: blocked.iter().flat_map(|b| b.by.clone()).collect(),
                };
                let sources: Vec<Source> = blocked.iter().flat_map(|b| b.sources.clone()).collect();
                (target, policy, sources, facts, PathVerdict::Denied, Vec::new())
            }
        };
        let mut statements: Vec<StatementRef> = sources
            .iter()
            .filter(|source| of_policy(world, source, &policy) || source.layer == Layer::Resource)
            .filter_map(|source| world.statement(source.layer, source.tag, source.statement))
            .collect();
        statements.sort();
        statements.dedup();
        let mut groups = sources
            .iter()
            .filter(|source| source.layer == Layer::Identity && of_policy(world, source, &policy))
            .map(|source| world.attachment(source.tag).and_then(|a| a.via));
        let first = groups.next().flatten();
        let group = first.filter(|group| groups.all(|g| g == Some(*group)));
        let holder = policy.first().map_or("", String::as_str);
        let name = policy.get(1).map_or("", String::as_str);
        let inline = holder == world.id(identity) || group.is_some_and(|g| holder == world.id(g));
        // An inline policy has no ARN: it is named below its holder, so that two of them are two paths. A resource's own
        // policy is the resource.
        let id = match (inline, holder) {
            (true, holder) => Some(format!("{holder}#policy/{name}")),
            (false, "") => None,
            (false, holder) if holder == world.id(target) => None,
            (false, holder) => Some(holder.to_owned()),
        };
        let name = if inline {
            format!("inline policy {name}")
        } else {
            name.to_owned()
        };
        let verb = if verdict == PathVerdict::Denied {
            "would allow"
        } else {
            "allows"
        };
        let label = facts.scope.clone().unwrap_or_else(|| world.label(target));
        let with_key = facts.key.map_or(String::new(), |key| {
            format!(", with its key {}", world.label(key))
        });
        let text = format!(
            "{name} {verb} {} on {label}{with_key}",
            crate::question::brief(&facts.actions)
        );
        let hop = Hop {
            edge: EdgeKind::CanAccess,
            from: world.entity(group.unwrap_or(identity)),
            to: world.entity(target),
            verdict,
            action: None,
            text,
            statements,
            conditions,
            confidence: "certain",
            evidence: None,
        };
        (hop, group, id.into_iter().collect(), facts)
    }
}

/// Leaves each path once, and gives an id of its own to what differs in its actions alone: what its last hop hangs on, the
/// rest of the chain hangs on already, so that all conditions together are the same.
fn tell_apart(paths: &mut Vec<Path>) {
    let mut seen: FxHashMap<String, Vec<Vec<String>>> = FxHashMap::default();
    paths.retain_mut(|path| {
        let known = seen.entry(path.id.clone()).or_default();
        if known.contains(&path.actions) {
            return false;
        }
        known.push(path.actions.clone());
        if known.len() > 1 {
            let last = path.hops.last().map_or(&[][..], |hop| &hop.conditions);
            path.id = stable_id(std::slice::from_ref(&path.id), path.verdict, last);
        }
        true
    });
}

/// The same for the same chain in any snapshot and any version of sv0.
fn stable_id(chain: &[String], verdict: PathVerdict, condition: &[ConditionText]) -> String {
    let kind = if verdict == PathVerdict::Denied {
        "denied"
    } else {
        "real"
    };
    let parts = std::iter::once(kind)
        .chain(chain.iter().map(String::as_str))
        .chain(condition.iter().map(|c| c.text.as_str()));
    sv0_model::stable::id("path", parts)
}

/// The part of a resource that actions are limited to, where none of them reaches the resource as a whole.
pub(crate) fn narrower(id: &str, allowed: &[&Allowed]) -> Option<String> {
    let whole = format!("{id}/*");
    let mut scopes: Vec<&str> = allowed.iter().flat_map(|a| a.scope.split(", ")).collect();
    if scopes
        .iter()
        .any(|scope| *scope == id || *scope == whole || !scope.starts_with(id))
    {
        return None;
    }
    scopes.sort_unstable();
    scopes.dedup();
    Some(scopes.join(", "))
}

/// How a path ends in a resource.
enum End<'a> {
    Allowed {
        target: NodeId,
        policy: Vec<String>,
        allowed: Vec<&'a Allowed>,
        unknown_key: bool,
    },
    Blocked {
        target: NodeId,
        policy: Vec<String>,
        blocked: Vec<&'a crate::access::Blocked>,
    },
}

struct EndFacts {
    target: NodeId,
    actions: Vec<String>,
    levels: Vec<AccessLevel>,
    kms_not_evaluated: bool,
    /// The key that lets the data be read or written.
    key: Option<NodeId>,
    /// The part of the target that all actions are limited to.
    scope: Option<String>,
    blocked: Vec<BlockedBy>,
}

impl Default for EndFacts {
    fn default() -> Self {
        Self {
            target: NodeId(0),
            actions: Vec::new(),
            levels: Vec::new(),
            kms_not_evaluated: false,
            key: None,
            scope: None,
            blocked: Vec::new(),
        }
    }
}

/// The policies that grant, as (id, name): identity policies where there are any, else the resource's own.
fn policies(world: &World, sources: &[Source]) -> Vec<Vec<String>> {
    let of = |layer: Layer| -> Vec<Vec<String>> {
        let mut out: Vec<Vec<String>> = sources
            .iter()
            .filter(|source| source.layer == layer)
            .filter_map(|source| world.attachment(source.tag))
            .map(|attachment| vec![attachment.id.clone(), attachment.name.clone()])
            .collect();
        out.sort();
        out.dedup();
        out
    };
    let identity = of(Layer::Identity);
    let found = if identity.is_empty() {
        of(Layer::Resource)
    } else {
        identity
    };
    if found.is_empty() {
        vec![vec![String::new(), "the account".into()]]
    } else {
        found
    }
}

fn of_policy(world: &World, source: &Source, policy: &[String]) -> bool {
    world
        .attachment(source.tag)
        .is_some_and(|a| policy.first() == Some(&a.id) && policy.get(1) == Some(&a.name))
}

/// The managed policies among deciding statements, for the chain; inline policies are their holder, who is there already.
fn identity_policies(statements: &[StatementRef], holders: &[Option<&str>]) -> Vec<String> {
    let mut out: Vec<String> = statements
        .iter()
        .filter(|s| s.layer == "identity" && s.effect == "Allow")
        .filter(|s| !holders.contains(&Some(s.policy_id.as_str())))
        .map(|s| s.policy_id.clone())
        .collect();
    out.sort();
    out.dedup();
    out
}

/// The account whose authority is used at a node: resources belong to theirs, buckets too.
pub(crate) fn acting_account(world: &World, node: NodeId) -> Option<&str> {
    let record = &world.node(node).record;
    match record.kind {
        // Identity Center lives in the management account; its users act nowhere until they have a role.
        Kind::SsoUser | Kind::SsoGroup | Kind::SsoPermissionSet | Kind::OidcProvider | Kind::SamlProvider => {
            None
        }
        _ => record.account.as_deref(),
    }
}

/// Puts what the chain makes of the last hop in its place.
fn rejudge(hops: &mut [Hop], with: Option<Option<Rejudged>>) {
    if let (Some(hop), Some(Some(with))) = (hops.last_mut(), with) {
        hop.verdict = with.verdict;
        hop.conditions = with.conditions;
    }
}

/// Whether something on the way to a link hangs on conditions.
fn hangs(links: &[Link<'_>], at: usize) -> bool {
    let mut cursor = links.get(at);
    while let Some(link) = cursor {
        if link
            .step
            .is_some_and(|step| step.verdict == PathVerdict::AllowedIf)
        {
            return true;
        }
        cursor = link.before.and_then(|i| links.get(i));
    }
    false
}

fn on_chain(links: &[Link<'_>], at: usize, node: NodeId) -> bool {
    let mut cursor = links.get(at);
    while let Some(link) = cursor {
        if link.node == node {
            return true;
        }
        cursor = link.before.and_then(|i| links.get(i));
    }
    false
}

const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Allowed => 0,
        Verdict::AllowedIf => 1,
        Verdict::ImplicitDeny | Verdict::ExplicitDeny => 2,
    }
}

/// Role hops beyond which a chain is a deep trust chain (`model.md`).
const DEEP: usize = 3;

const fn is_role_hop(edge: EdgeKind) -> bool {
    matches!(edge, EdgeKind::Assumes)
}

/// Hops that add to the depth of a chain: each hands authority on.
const fn counts(edge: EdgeKind) -> bool {
    matches!(
        edge,
        EdgeKind::Assumes
            | EdgeKind::Assigned
            | EdgeKind::RunsAs
            | EdgeKind::Invokes
            | EdgeKind::TriggeredBy
            | EdgeKind::PushTo
            | EdgeKind::HoldsCredentialFor
            | EdgeKind::CanEscalateTo
    )
}

/// Steps that are a use of a resource.
pub(crate) const fn is_use(edge: EdgeKind) -> bool {
    matches!(
        edge,
        EdgeKind::SendsTo | EdgeKind::PushTo | EdgeKind::CanAccess | EdgeKind::Invokes | EdgeKind::ReadsFrom
    )
}

/// Whether a path ends in what can be done to an entity, where it is asked for: all resources, also those that hold no
/// data, such as keys and event buses.
#[must_use]
pub const fn ends_in_access(kind: Kind) -> bool {
    is_data(kind) || matches!(kind.entity_type(), EntityType::Resource)
}

/// Resources that hold data, and scopes.
#[must_use]
pub const fn is_data(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::S3Bucket
            | Kind::DynamodbTable
            | Kind::RdsCluster
            | Kind::RdsInstance
            | Kind::SecretsManagerSecret
            | Kind::SsmParameter
            | Kind::SqsQueue
            | Kind::SnsTopic
            | Kind::EcrRepository
            | Kind::BedrockKnowledgeBase
            | Kind::ResourceScope
    )
}

const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Certain => "certain",
        Confidence::Inferred => "inferred",
    }
}

/// The gaps that touch a path.
fn gaps(world: &World, chain: &[String]) -> Vec<Gap> {
    world
        .coverage
        .touching(&world.gaps, &world.graph, chain.iter().map(String::as_str))
}
