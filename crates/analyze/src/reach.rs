//! Who can do what to a resource, for everybody at once: what [`crate::access`] says of one principal, without the words.
//!
//! It asks the engine for sets of actions, part by part, and takes away what the resource's key does not let through.
//! Verdicts are those of the compiled evaluator: an action that hangs on conditions may, looked at closely, turn out to be
//! certain or impossible; [`crate::access`] does look closely.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustc_hash::{FxHashMap, FxHashSet};
use sv0_engine::compiled::{PolicyId, Resource};
use sv0_engine::index::reach::Scratch;
use sv0_engine::index::{Bundle, Mask, PrincipalId, Reach, Row};
use sv0_iam::condition::Context;
use sv0_iam::decide::ResourceRule;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind};
use sv0_model::path::PathVerdict;
use sv0_model::record::Record;

use crate::access::{self, KeyOf, Part, kms_operations};
use crate::alike::Actions;
use crate::everybody::Everybody;
use crate::facts;
use crate::grants::{self, Opens};
use crate::objects::Names;
use crate::steps::{How, Move};
use crate::world::World;

/// What one principal may do to one part of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// Who.
    pub principal: PrincipalId,
    /// Which of the parts that were asked about.
    pub part: usize,
    /// Actions that are allowed for certain, allowed perhaps, and granted in vain: bits of the part's family.
    pub certain: Mask,
    /// Those that are allowed, for certain or on conditions.
    pub possible: Mask,
    /// Those that are granted somewhere and taken away elsewhere.
    pub blocked: Mask,
}

/// The actions on a type of resource, as the engine asks for them.
#[derive(Debug)]
pub struct Family {
    /// What is asked.
    pub bundle: Bundle,
    /// By access level.
    levels: [Mask; AccessLevel::ALL.len()],
    /// By what they need of the resource's key.
    keyed: Vec<(&'static str, Mask)>,
}

impl Family {
    fn new(everybody: &Everybody, actions: &Actions) -> Self {
        let names: Vec<&'static str> = actions.iter().map(|(name, _)| *name).collect();
        let bundle = Bundle::new(everybody.population(), &names);
        let level_of = |name: &str| actions.iter().find(|(other, _)| *other == name).map(|(_, l)| *l);
        let mut levels = [0; AccessLevel::ALL.len()];
        for (mask, level) in levels.iter_mut().zip(AccessLevel::ALL) {
            *mask = bundle.mask(|name| level_of(name) == Some(*level));
        }
        let mut keyed: Vec<(&'static str, Mask)> = Vec::new();
        for operation in KMS {
            let mask = bundle.mask(|name| kms_operations(name).contains(operation));
            if mask != 0 {
                keyed.push((operation, mask));
            }
        }
        Self {
            bundle,
            levels,
            keyed,
        }
    }

    /// The access levels of a set of actions.
    pub fn levels(&self, mask: Mask) -> impl Iterator<Item = AccessLevel> {
        let all = self.levels.iter().zip(AccessLevel::ALL);
        all.filter(move |(level, _)| **level & mask != 0)
            .map(|(_, level)| *level)
    }
}

/// What is asked of keys.
pub(crate) const KMS: &[&str] = &["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"];

/// What a key lets principals do on behalf of one service.
#[derive(Debug)]
enum Gate {
    /// Its policy is not in the input.
    Unknown,
    /// By principal; who is not there may do nothing.
    Some {
        who: FxHashMap<PrincipalId, (Mask, Mask)>,
        /// By grants that are not for all data: who, which grant of the key, and what perhaps.
        constrained: Vec<(PrincipalId, usize, Mask)>,
    },
}

impl Gate {
    /// Whether a principal may use the key in a way for the data of a resource: for certain, perhaps.
    fn lets(&self, resource: &Record, key: &Record, principal: PrincipalId, bit: Mask) -> (bool, bool) {
        let Self::Some { who, constrained } = self else {
            return (false, true);
        };
        let (certain, possible) = who.get(&principal).copied().unwrap_or_default();
        let mut grants = constrained.iter().filter(|(whom, ..)| *whom == principal);
        let mut by_grant = || {
            grants.any(|(_, number, mask)| {
                let grant = grants::of(key).nth(*number);
                mask & bit != 0 && grant.is_some_and(|grant| grant.opens(resource) != Opens::No)
            })
        };
        (certain & bit != 0, possible & bit != 0 || by_grant())
    }
}

/// What a key lets through, by service.
type Gates = Vec<(String, Arc<Gate>)>;

/// Asks about everybody, and remembers what many questions need. It belongs to one world: [`World::reaching`].
#[derive(Debug)]
pub struct Reaching {
    /// By the list of actions, which is the same in memory for the same type.
    families: RwLock<FxHashMap<usize, (Actions, Arc<Family>)>>,
    keys: Arc<Family>,
    /// By the actions.
    bundles: RwLock<FxHashMap<Vec<&'static str>, Arc<Bundle>>>,
    /// By key, and by the service that asks on somebody's behalf.
    gates: Mutex<FxHashMap<NodeId, Gates>>,
    /// The names below buckets that some policy singles out.
    names: Names,
}

/// Room for questions, one thread's.
#[derive(Default)]
pub struct Room {
    scratch: Scratch,
    pub(crate) rows: Vec<Row>,
}

/// One question, as far as it is not about a resource of the graph.
pub(crate) struct About<'a> {
    pub(crate) arn: &'a str,
    /// Whose tags, region and account count.
    pub(crate) node: Option<NodeId>,
    pub(crate) owner: Option<&'a str>,
    /// Whether it is the caller's own wherever the caller is.
    pub(crate) anywhere: bool,
    pub(crate) policies: &'a [PolicyId],
    pub(crate) rule: ResourceRule,
    pub(crate) block_public_access: bool,
    /// Facts of the request.
    pub(crate) more: &'a [(&'a str, &'a str)],
    /// Who alone is asked about.
    pub(crate) only: Option<PrincipalId>,
}

impl Reaching {
    pub(crate) fn new(world: &World) -> Self {
        let everybody = world.everybody();
        let keys = access::of_types(&[("kms", "key")], false);
        let keys: Actions = keys
            .iter()
            .filter(|(name, _)| KMS.contains(name))
            .copied()
            .collect();
        Self {
            families: RwLock::default(),
            keys: Arc::new(Family::new(everybody, &keys)),
            bundles: RwLock::default(),
            gates: Mutex::default(),
            names: Names::new(world),
        }
    }

    /// The names below buckets.
    pub(crate) const fn names_mut(&mut self) -> &mut Names {
        &mut self.names
    }

    /// Follows a change of everybody: what was worked out about some keys is forgotten, and where ceilings changed, about
    /// all.
    pub(crate) fn catch_up(&mut self, world: &World, keys: &FxHashSet<NodeId>, ceilings: bool) {
        let population = world.everybody().population();
        let follow = |bundle: &mut Bundle| {
            bundle.catch_up(population);
            if ceilings {
                bundle.forget();
            }
        };
        // Nobody is asking at this time; should somebody hold one of these, it is made anew when it is asked for.
        let family = |family: &mut Arc<Family>| match Arc::get_mut(family) {
            Some(family) => {
                follow(&mut family.bundle);
                true
            }
            None => false,
        };
        let families = self.families.get_mut().unwrap_or_else(PoisonError::into_inner);
        families.retain(|_, (_, known)| family(known));
        if !family(&mut self.keys) {
            let names: Actions = self
                .keys
                .bundle
                .names()
                .iter()
                .map(|name| (*name, AccessLevel::Write))
                .collect();
            self.keys = Arc::new(Family::new(world.everybody(), &names));
        }
        let bundles = self.bundles.get_mut().unwrap_or_else(PoisonError::into_inner);
        bundles.retain(|_, bundle| Arc::get_mut(bundle).map(follow).is_some());
        let gates = self.gates.get_mut().unwrap_or_else(PoisonError::into_inner);
        if ceilings {
            gates.clear();
        } else {
            for key in keys {
                gates.remove(key);
            }
        }
    }

    /// The family of a list of actions.
    pub(crate) fn family(&self, world: &World, actions: &Actions) -> Arc<Family> {
        let key = Arc::as_ptr(actions).cast::<u8>() as usize;
        let known = self.families.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = known.get(&key) {
            return Arc::clone(found);
        }
        drop(known);
        // A list that is held here is at no other's address.
        let made = (
            Actions::clone(actions),
            Arc::new(Family::new(world.everybody(), actions)),
        );
        let mut known = self.families.write().unwrap_or_else(PoisonError::into_inner);
        let (_, family) = known.entry(key).or_insert(made);
        Arc::clone(family)
    }

    /// Some actions of one service.
    pub(crate) fn bundle(&self, world: &World, actions: &[&'static str]) -> Arc<Bundle> {
        let known = self.bundles.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(actions) {
            return Arc::clone(found);
        }
        drop(known);
        let made = Arc::new(Bundle::new(world.everybody().population(), actions));
        let mut known = self.bundles.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(actions.to_vec()).or_insert(made))
    }

    /// The family of a part's actions.
    #[must_use]
    pub fn family_of(&self, world: &World, part: &Part) -> Arc<Family> {
        self.family(world, &part.actions)
    }

    /// The parts of a resource, with every name below it that some policy singles out.
    #[must_use]
    pub fn parts(&self, world: &World, resource: NodeId) -> Vec<Part> {
        let below = match world.node(resource).record.kind {
            Kind::S3Bucket => self.names.below(world.id(resource)),
            _ => Vec::new(),
        };
        access::parts_of(world, resource, &below)
    }

    /// Asks who can do what to a resource: hits are added to `out`, part by part.
    pub fn who(&self, world: &World, resource: NodeId, parts: &[Part], room: &mut Room, out: &mut Vec<Hit>) {
        self.who_of(world, resource, parts, None, room, out);
    }

    /// The same about one principal, if one is given.
    pub(crate) fn who_of(
        &self,
        world: &World,
        resource: NodeId,
        parts: &[Part],
        whom: Option<PrincipalId>,
        room: &mut Room,
        out: &mut Vec<Hit>,
    ) {
        let everybody = world.everybody();
        let record = &world.node(resource).record;
        let stub = world.node(resource).stub;
        let tags = world
            .resource_policies
            .get(&resource)
            .map_or(&[][..], Vec::as_slice);
        let policies = everybody.policies(tags);
        let mut one = |number: usize, part: &Part, arn: &str, family: &Family, only: Option<PrincipalId>| {
            let about = About {
                arn,
                node: Some(resource),
                owner: record.account.as_deref(),
                anywhere: stub,
                policies: &policies,
                rule: ResourceRule::Either,
                block_public_access: crate::ask::restricts_public_buckets(record),
                more: part.facts,
                only,
            };
            ask(world, &family.bundle, &about, room);
            for row in &mut room.rows {
                // Nobody knows what the policy of something that was not collected says.
                if stub && is_stranger(world, row.principal, record.account.as_deref()) {
                    row.certain = 0;
                }
            }
            self.through_key(world, resource, family, room);
            out.extend(room.rows.iter().map(|row| Hit {
                principal: row.principal,
                part: number,
                certain: row.certain,
                possible: row.possible,
                blocked: row.blocked,
            }));
        };
        for (number, part) in parts.iter().enumerate() {
            one(number, part, &part.arn, &self.family(world, &part.actions), whom);
        }
        let names = self.names.personal(&record.id);
        let whole = format!("{}/", record.id);
        let objects = parts
            .iter()
            .position(|part| !names.is_empty() && part.arn.starts_with(&whole));
        if let Some((number, part)) = objects.and_then(|number| Some((number, parts.get(number)?))) {
            let family = self.family(world, &part.actions);
            let asked = |principal: &PrincipalId| whom.is_none_or(|whom| whom == *principal);
            for (principal, arn) in names.iter().filter(|(principal, _)| asked(principal)) {
                one(number, part, arn, &family, Some(*principal));
            }
        }
    }

    /// Takes away what the resource's key does not let through.
    fn through_key(&self, world: &World, resource: NodeId, family: &Family, room: &mut Room) {
        if family.keyed.is_empty() || room.rows.is_empty() {
            return;
        }
        let key = match access::key_of(world, resource) {
            KeyOf::None => return,
            KeyOf::Managed(account) => {
                self.within(world, account, family, room);
                return;
            }
            KeyOf::Customer(key) => key,
        };
        let service = family
            .bundle
            .names()
            .first()
            .and_then(|name| name.split(':').next());
        let gate = self.gate(world, key, service.unwrap_or_default());
        let (resource, key) = (&world.node(resource).record, &world.node(key).record);
        for row in &mut room.rows {
            for (operation, mask) in &family.keyed {
                let bit = self.keys.bundle.mask(|name| name == *operation);
                let (certain, possible) = gate.lets(resource, key, row.principal, bit);
                if !possible {
                    row.blocked |= row.possible & mask;
                    row.possible &= !mask;
                }
                if !certain {
                    row.certain &= !mask;
                }
            }
        }
        room.rows.retain(|row| row.possible | row.blocked != 0);
    }

    /// Takes away what a key of AWS's does not let through: it is for its own account only.
    fn within(&self, world: &World, account: &str, family: &Family, room: &mut Room) {
        let everybody = world.everybody();
        let all = family.keyed.iter().fold(0, |all, (_, mask)| all | mask);
        for row in &mut room.rows {
            let node = everybody.node(row.principal);
            if node.and_then(|node| world.account_of(node)) != Some(account) {
                row.blocked |= row.possible & all;
                row.possible &= !all;
                row.certain &= !all;
            }
        }
        room.rows.retain(|row| row.possible | row.blocked != 0);
    }

    fn gate(&self, world: &World, key: NodeId, service: &str) -> Arc<Gate> {
        let lock = || self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |gates: &Gates| {
            let found = gates.iter().find(|(other, _)| other == service);
            found.map(|(_, gate)| Arc::clone(gate))
        };
        if let Some(found) = lock().get(&key).and_then(known) {
            return found;
        }
        let made = Arc::new(self.gate_of(world, key, service));
        let mut gates = lock();
        let gates = gates.entry(key).or_default();
        gates.push((service.to_owned(), Arc::clone(&made)));
        made
    }

    fn gate_of(&self, world: &World, key: NodeId, service: &str) -> Gate {
        let everybody = world.everybody();
        let record = &world.node(key).record;
        if world.node(key).stub {
            return Gate::Unknown;
        }
        let region = record.region.as_deref().unwrap_or("us-east-1");
        let via = format!("{service}.{region}.amazonaws.com");
        let tags = world.resource_policies.get(&key).map_or(&[][..], Vec::as_slice);
        let mut room = Room::default();
        ask(
            world,
            &self.keys.bundle,
            &About {
                arn: &record.id,
                node: Some(key),
                owner: record.account.as_deref(),
                anywhere: false,
                policies: &everybody.policies(tags),
                rule: ResourceRule::Required,
                block_public_access: false,
                more: &[("kms:ViaService", &via)],
                only: None,
            },
            &mut room,
        );
        let rows = room.rows.iter();
        let mut who: FxHashMap<PrincipalId, (Mask, Mask)> = rows
            .filter(|row| row.possible != 0)
            .map(|row| (row.principal, (row.certain, row.possible)))
            .collect();
        // Grants are few, and whether something denies what they give is asked one by one.
        let mut constrained = Vec::new();
        for granted in access::granted_by(world, key, service) {
            let Some(principal) = everybody.principal(granted.grantee) else {
                continue;
            };
            let mask_of = |operation: &str| self.keys.bundle.mask(|name| name == operation);
            if granted.grant.is_constrained() {
                let operations = granted.operations.iter();
                let all = operations.fold(0, |all, (operation, _)| all | mask_of(operation));
                constrained.push((principal, granted.number, all));
                continue;
            }
            let (certain, possible) = who.entry(principal).or_default();
            for (operation, surely) in granted.operations {
                let mask = mask_of(operation);
                *certain |= if surely { mask } else { 0 };
                *possible |= mask;
            }
        }
        Gate::Some { who, constrained }
    }
}

/// Asks one question about everybody; rows are left in the room.
pub(crate) fn ask(world: &World, bundle: &Bundle, about: &About<'_>, room: &mut Room) {
    let everybody = world.everybody();
    let mut context = Context::open();
    let service = bundle.names().first().and_then(|name| name.split(':').next());
    facts::target(
        world,
        &mut context,
        service.unwrap_or_default(),
        about.arn,
        about.owner,
        about.node,
    );
    for (key, value) in about.more {
        context.set(key, *value);
    }
    let facts = everybody.library().facts(&context);
    let asked = Reach {
        resource: &Resource::new(about.arn),
        resource_account: about.owner.filter(|_| !about.anywhere),
        policies: about.policies,
        rcps: everybody.rcps(about.owner),
        resource_rule: about.rule,
        block_public_access: about.block_public_access,
        facts: Some(&facts),
    };
    room.rows.clear();
    let Room { rows, scratch } = room;
    let mut tell = |mut row: Row| {
        if everybody.is_unsure(row.principal) {
            row.certain = 0;
        }
        rows.push(row);
    };
    let population = everybody.population();
    match about.only {
        Some(principal) => population
            .reach_of(bundle, principal, &asked, scratch)
            .into_iter()
            .for_each(tell),
        None => population.reach(bundle, &asked, scratch, &mut tell),
    }
}

/// A row about a single action, as a move.
pub(crate) fn moved(world: &World, row: &Row, edge: EdgeKind, to: NodeId, how: How) -> Option<Move> {
    let verdict = match (row.certain, row.possible) {
        (0, 0) => PathVerdict::Denied,
        (0, _) => PathVerdict::AllowedIf,
        _ => PathVerdict::Allowed,
    };
    Some(Move {
        edge,
        verdict,
        from: world.everybody().node(row.principal)?,
        to,
        how,
    })
}

fn is_stranger(world: &World, principal: PrincipalId, owner: Option<&str>) -> bool {
    let node = world.everybody().node(principal);
    owner.is_none() || node.and_then(|node| world.account_of(node)) != owner
}

/// The kinds of resource whose data is told of: see [`crate::paths::is_data`].
#[must_use]
pub const fn is_asked(kind: Kind) -> bool {
    crate::paths::is_data(kind) && !matches!(kind, Kind::ResourceScope)
}
