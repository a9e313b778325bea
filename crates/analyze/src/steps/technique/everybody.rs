//! Who can escalate how, for everybody at once: as moves.
//!
//! Each target is asked about once for all techniques that work on it: the engine says who may do what to it. What else a
//! technique needs is then asked of those few, and remembered.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sv0_engine::compiled::{Layers, Question, Resource, Who};
use sv0_engine::index::{Bundle, Mask, PrincipalId};
use sv0_iam::decide::{ResourceRule, Verdict};
use sv0_iam::name::principal::Caller;
use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::graph::{Node, NodeId};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::able::Able;
use super::catalog::{Gain, Need, On, Technique, When, techniques};
use super::gain::{Gains, Me};
use super::{Facts, relation};
use crate::ask::{Asker, restricts_public_buckets};
use crate::facts;
use crate::reach::{self, About, Room};
use crate::steps::{How, Judged, Move, assume};
use crate::world::World;

/// The principals and entities of some accounts.
#[derive(Debug)]
pub(in crate::steps) struct Within {
    pub(in crate::steps) people: Vec<NodeId>,
    pub(in crate::steps) entities: Vec<NodeId>,
}

/// All moves by techniques, or those in some accounts: what somebody gains by a technique is in its own account, or in one
/// that its own manages.
pub(in crate::steps) fn moves(world: &World, within: Option<&Within>) -> Vec<Move> {
    moves_of(world, within, false)
}

/// The same; or those by each technique, also where an earlier one of the catalogue certainly gives the same.
pub(super) fn moves_of(world: &World, within: Option<&Within>, each: bool) -> Vec<Move> {
    let able = Able::of(world, within);
    if able.is_empty() {
        return Vec::new();
    }
    let plan = Plan::new(world, &able, each);
    let targets: Vec<(NodeId, Kind)> = entities(world, within)
        .map(|(id, node)| (id, node.record.kind))
        .filter(|(_, kind)| plan.by_kind.contains_key(kind))
        .collect();
    let of_targets = targets
        .par_iter()
        .map_init(Room::default, |room, (target, _)| plan.on(*target, room))
        .flatten_iter();
    let mut out: Vec<Move> = of_targets.collect();
    let people = able.people();
    let alone = people
        .par_iter()
        .map(|principal| plan.alone(*principal))
        .flatten_iter();
    out.extend(alone.collect::<Vec<Move>>());
    // Where several techniques make the same move, the first of the table tells it.
    out.sort_by_key(|found| (found.from, found.to, technique_of(found)));
    out
}

fn technique_of(found: &Move) -> u16 {
    match found.how {
        How::Technique { number, .. } => number,
        _ => u16::MAX,
    }
}

fn entities<'w>(world: &'w World, within: Option<&'w Within>) -> impl Iterator<Item = (NodeId, &'w Node)> {
    // An account is a target of the management account's people, who may be all that is asked about.
    let accounts = world.accounts.values().filter_map(|account| account.node);
    let some = within.map(|within| {
        let here = within.entities.iter().copied();
        let here = here.filter(|node| world.node(*node).record.kind != Kind::AwsAccount);
        here.chain(accounts).map(|node| (node, world.node(node)))
    });
    let all = some.is_none().then(|| world.graph.nodes());
    some.into_iter().flatten().chain(all.into_iter().flatten())
}

/// Some actions that are asked about together: of one service, with the same facts, on the target or on what belongs to it.
struct Asked {
    bundle: Arc<Bundle>,
    facts: Vec<(&'static str, String)>,
    arn: Option<&'static str>,
}

/// A technique as it is asked about on a kind of target.
struct Entry {
    number: usize,
    technique: &'static Technique,
    /// What is asked on the target: all of these.
    needs: Vec<(usize, Mask)>,
    /// Who has that already has all that the technique gives.
    gives: Option<(usize, Mask)>,
}

/// What is asked on one kind of target.
struct OfKind {
    asked: Vec<Asked>,
    entries: Vec<Entry>,
}

impl OfKind {
    fn new(world: &World, kind: Kind) -> Self {
        let all = techniques().iter().enumerate();
        let here: Vec<(usize, &'static Technique)> = all
            .filter(|(_, technique)| technique.is_evaluated() && technique.target == Some(kind))
            .collect();
        let mut lists: Vec<(String, Asking, Vec<&'static str>)> = Vec::new();
        let mut place =
            |technique: &'static Technique, need: &'static Need| -> Option<(usize, &'static str)> {
                let asking = Asking::of(technique, need)?;
                let service = need.action.split(':').next().unwrap_or_default();
                let action = need.action.as_str();
                let known = lists.iter().position(|(s, a, _)| s == service && *a == asking);
                let at = known.unwrap_or_else(|| {
                    lists.push((service.to_owned(), asking, Vec::new()));
                    lists.len() - 1
                });
                let (_, _, list) = lists.get_mut(at)?;
                if !list.contains(&action) {
                    list.push(action);
                }
                Some((at, action))
            };
        type Placed = Vec<(usize, &'static str)>;
        let placed: Vec<(Placed, Option<(usize, &'static str)>)> = here
            .iter()
            .map(|(_, technique)| {
                let needs = technique.needs.iter();
                let needs = needs.filter(|need| need.on == On::Target);
                let needs = needs.filter_map(|need| place(technique, need)).collect();
                let gives = technique.gives.as_ref();
                (needs, gives.and_then(|need| place(technique, need)))
            })
            .collect();
        let asked: Vec<Asked> = lists
            .into_iter()
            .map(|(_, asking, list)| Asked {
                bundle: world.reaching().bundle(world, &list),
                facts: asking.facts,
                arn: asking.arn,
            })
            .collect();
        let bit = |(at, action): (usize, &'static str)| {
            let asked = asked.get(at)?;
            Some((at, asked.bundle.mask(|name| name == action)))
        };
        let entries = here
            .into_iter()
            .zip(placed)
            .map(|((number, technique), (needs, gives))| Entry {
                number,
                technique,
                needs: needs.into_iter().filter_map(bit).collect(),
                gives: gives.and_then(bit),
            })
            .collect();
        Self { asked, entries }
    }
}

#[derive(PartialEq, Eq)]
struct Asking {
    facts: Vec<(&'static str, String)>,
    arn: Option<&'static str>,
}

impl Asking {
    fn of(technique: &'static Technique, need: &'static Need) -> Option<Self> {
        let arn = match &need.on {
            On::Target => None,
            On::Arn(template) => Some(template.as_str()),
            _ => return None,
        };
        let facts = Facts::of(technique, need, "").set.into_iter();
        let facts = facts.map(|(key, value)| (key, value.into_owned())).collect();
        Some(Self { facts, arn })
    }
}

/// All that is asked.
struct Plan<'w> {
    world: &'w World,
    able: &'w Able,
    /// Whether every technique is wanted, also where another gives the same.
    each: bool,
    by_kind: FxHashMap<Kind, OfKind>,
    managers: Vec<&'w str>,
    gains: Gains,
    /// What somebody may do to what is no target.
    others: Mutex<FxHashMap<Other, Option<PathVerdict>>>,
}

/// Who, the action, and what it is asked about: none for anything.
type Other = (PrincipalId, &'static str, Option<String>);

impl<'w> Plan<'w> {
    fn new(world: &'w World, able: &'w Able, each: bool) -> Self {
        let kinds: FxHashSet<Kind> = techniques().iter().filter_map(|t| t.target).collect();
        let accounts = world.accounts.iter();
        Self {
            world,
            able,
            each,
            by_kind: kinds
                .into_iter()
                .map(|kind| (kind, OfKind::new(world, kind)))
                .collect(),
            managers: accounts
                .filter(|(_, account)| account.management)
                .map(|(id, _)| id.as_str())
                .collect(),
            gains: if each { Gains::of_each() } else { Gains::default() },
            others: Mutex::default(),
        }
    }

    /// The accounts whose people a technique may be one for.
    fn homes<'s>(&'s self, technique: &Technique, target: NodeId) -> Vec<&'s str> {
        if technique.is_of_the_organisation() {
            return self.managers.clone();
        }
        self.world.account_of(target).into_iter().collect()
    }

    /// The moves that techniques on a target make.
    fn on(&self, target: NodeId, room: &mut Room) -> Vec<Move> {
        let world = self.world;
        let mut out = Vec::new();
        let Some(kind) = self.by_kind.get(&world.node(target).record.kind) else {
            return out;
        };
        let here = kind.entries.iter().filter(|entry| {
            let homes = self.homes(entry.technique, target);
            homes
                .iter()
                .any(|account| self.able.some_in(account, entry.number))
        });
        let mut here: Vec<&Entry> = here.collect();
        here.retain(|entry| relation::suits(world, entry.technique, target));
        if here.iter().any(|entry| entry.technique.trusts.is_some()) {
            let named = Services::of(world, target);
            here.retain(|entry| {
                entry
                    .technique
                    .trusts
                    .as_deref()
                    .is_none_or(|s| named.may_have(s))
            });
        }
        if here.is_empty() {
            return out;
        }
        let rows = self.ask(kind, &here, target, room);
        let mut sides = Sides::default();
        for entry in here {
            for (principal, sure) in self.candidates(entry, target, &rows) {
                if !self.has_already(entry, principal, target, room) {
                    self.add(entry, principal, sure, target, &mut sides, &mut out);
                }
            }
        }
        out
    }

    /// Who may do what to a target: by what was asked, what is certain and what is possible.
    fn ask(&self, kind: &OfKind, here: &[&Entry], target: NodeId, room: &mut Room) -> Vec<Rows> {
        let mut rows: Vec<Rows> = Vec::new();
        for (at, asked) in kind.asked.iter().enumerate() {
            rows.push(Rows::default());
            let wanted = here
                .iter()
                .any(|entry| entry.needs.iter().any(|(place, _)| *place == at));
            if !wanted {
                continue;
            }
            self.one(asked, target, None, room);
            let found = room.rows.iter().filter(|row| row.possible != 0);
            if let Some(rows) = rows.last_mut() {
                rows.extend(found.map(|row| (row.principal, (row.certain, row.possible))));
            }
        }
        rows
    }

    /// One question about a target: of everybody, or of one principal.
    fn one(&self, asked: &Asked, target: NodeId, only: Option<PrincipalId>, room: &mut Room) {
        let world = self.world;
        let record = &world.node(target).record;
        let tags = world.resource_policies.get(&target);
        let policies = world.everybody().policies(tags.map_or(&[][..], Vec::as_slice));
        let (node, owner) = relation::asked_as(world, target);
        let more: Vec<(&str, &str)> = asked
            .facts
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        let arn = relation::fill(world, asked.arn.unwrap_or("{arn}"), target);
        let about = About {
            arn: &arn,
            node,
            owner,
            anywhere: false,
            policies: &policies,
            rule: match record.kind {
                Kind::KmsKey => ResourceRule::Required,
                _ => ResourceRule::Either,
            },
            block_public_access: restricts_public_buckets(record),
            more: &more,
            only,
        };
        reach::ask(world, &asked.bundle, &about, room);
    }

    /// Whether somebody certainly has already what a technique gives.
    fn has_already(&self, entry: &Entry, principal: PrincipalId, target: NodeId, room: &mut Room) -> bool {
        let kind = self.by_kind.get(&self.world.node(target).record.kind);
        let Some((asked, mask)) = kind
            .zip(entry.gives)
            .and_then(|(kind, (at, mask))| Some((kind.asked.get(at)?, mask)))
        else {
            return false;
        };
        self.one(asked, target, Some(principal), room);
        room.rows
            .iter()
            .any(|row| row.principal == principal && row.certain & mask == mask)
    }

    /// Who can do to a target all that a technique needs there, and whether for certain.
    fn candidates(&self, entry: &Entry, target: NodeId, rows: &[Rows]) -> Vec<(PrincipalId, bool)> {
        let Some((first, _)) = entry.needs.first() else {
            let homes = self.homes(entry.technique, target);
            let people = homes.iter().flat_map(|home| self.able.all_in(home, entry.number));
            return people.map(|principal| (principal, true)).collect();
        };
        let row = |at: usize, principal: PrincipalId| {
            let found = rows.get(at).and_then(|rows| rows.get(&principal));
            found.copied().unwrap_or_default()
        };
        let people = rows.get(*first).into_iter().flat_map(FxHashMap::keys).copied();
        let able = people.filter(|principal| self.able.has(*principal, entry.number));
        let each = able.filter_map(|principal| {
            let mut sure = true;
            for (at, mask) in &entry.needs {
                let (certain, possible) = row(*at, principal);
                if possible & mask != *mask {
                    return None;
                }
                sure &= certain & mask == *mask;
            }
            Some((principal, sure))
        });
        let mut out: Vec<(PrincipalId, bool)> = each.collect();
        out.sort_unstable();
        out
    }

    /// The moves of a principal that needs no target.
    fn alone(&self, principal: PrincipalId) -> Vec<Move> {
        let mut out = Vec::new();
        let Some(from) = self.world.everybody().node(principal) else {
            return out;
        };
        for (number, technique) in techniques().iter().enumerate() {
            if technique.target.is_none() && technique.is_evaluated() && self.able.has(principal, number) {
                let entry = Entry {
                    number,
                    technique,
                    needs: Vec::new(),
                    gives: None,
                };
                self.add(&entry, principal, true, from, &mut Sides::default(), &mut out);
            }
        }
        out
    }

    /// Adds the moves that a technique makes, if it is one for this principal and nothing else is missing.
    fn add(
        &self,
        entry: &Entry,
        principal: PrincipalId,
        sure: bool,
        target: NodeId,
        sides: &mut Sides,
        out: &mut Vec<Move>,
    ) {
        let (world, technique) = (self.world, entry.technique);
        let Some(from) = world.everybody().node(principal) else {
            return;
        };
        let given = matches!(technique.gain, Gain::Target | Gain::Everything);
        if given && !self.each && sides.given.contains(&(principal, technique.gain)) {
            return;
        }
        if !relation::relates(world, technique, from, target) {
            return;
        }
        let mut verdict = if sure {
            PathVerdict::Allowed
        } else {
            PathVerdict::AllowedIf
        };
        if let Some(service) = technique.trusts.as_deref() {
            match sides.trust(world, target, service) {
                Some(trust) => verdict = verdict.max(trust),
                None => return,
            }
        }
        if technique.asks(When::Assumable) {
            if !is_trusted(world, target, from) {
                return;
            }
            match sides.assumed_by(world, target).get(&from) {
                Some(assumes) => verdict = verdict.max(*assumes),
                None => return,
            }
        }
        for need in technique.needs.iter().filter(|need| need.on != On::Target) {
            match self.other(technique, need, principal, from, target) {
                Some(may) => verdict = verdict.max(may),
                None => return,
            }
        }
        if !relation::doubts(world, technique, target).is_empty() {
            verdict = verdict.max(PathVerdict::AllowedIf);
        }
        let me = Me::new(world, from);
        for gained in self.gains.of(&me, technique, target) {
            if gained.to == from {
                continue;
            }
            let verdict = verdict.max(gained.verdict);
            if verdict == PathVerdict::Allowed {
                sides.given.insert((principal, technique.gain));
            }
            out.push(Move {
                edge: EdgeKind::CanEscalateTo,
                verdict,
                from,
                to: gained.to,
                how: How::Technique {
                    number: u16::try_from(entry.number).unwrap_or(u16::MAX),
                    on: target,
                },
            });
        }
    }

    /// Whether somebody may do what a technique needs elsewhere than on the target.
    fn other(
        &self,
        technique: &'static Technique,
        need: &'static Need,
        principal: PrincipalId,
        from: NodeId,
        target: NodeId,
    ) -> Option<PathVerdict> {
        let world = self.world;
        let me = Me::new(world, from);
        let ask = |about: Option<String>, ask: &dyn Fn() -> Option<Judged>| {
            let key: Other = (principal, &need.action, about);
            let lock = || self.others.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = lock().get(&key) {
                return *known;
            }
            let verdict = ask().map(|judged| judged.verdict);
            let verdict = verdict.filter(|verdict| *verdict != PathVerdict::Denied);
            lock().insert(key, verdict);
            verdict
        };
        let whole = || super::asked(world, me.asker(), technique, need, from, target);
        match &need.on {
            On::Policy => {
                // Many have the same policies.
                let policies = relation::rewritable(world, target);
                let each = policies.filter_map(|policy| {
                    let one = || {
                        Some(super::asked_on(
                            world,
                            me.asker(),
                            technique,
                            need,
                            target,
                            policy,
                        ))
                    };
                    ask(Some(world.id(policy).to_owned()), &one)
                });
                each.min()
            }
            On::Arn(template) => ask(Some(relation::fill(world, template, target).into_owned()), &whole),
            On::Any => ask(None, &whole),
            On::Itself | On::Target => ask(Some(world.id(target).to_owned()), &whole),
        }
    }
}

type Rows = FxHashMap<PrincipalId, (Mask, Mask)>;

/// What a target's own side says, found out when it is first asked for.
#[derive(Default)]
struct Sides {
    /// Who certainly has what already.
    given: FxHashSet<(PrincipalId, Gain)>,
    trust: Vec<(&'static str, Option<PathVerdict>)>,
    assumed_by: Option<FxHashMap<NodeId, PathVerdict>>,
}

impl Sides {
    fn trust(&mut self, world: &World, role: NodeId, service: &'static str) -> Option<PathVerdict> {
        if let Some((_, known)) = self.trust.iter().find(|(name, _)| *name == service) {
            return *known;
        }
        let found = trusts(world, role, service);
        self.trust.push((service, found));
        found
    }

    fn assumed_by(&mut self, world: &World, role: NodeId) -> &FxHashMap<NodeId, PathVerdict> {
        self.assumed_by.get_or_insert_with(|| {
            let mut found = Vec::new();
            assume::into(world, role, None, &mut Room::default(), &mut found);
            let possible = found.iter().filter(|found| found.verdict != PathVerdict::Denied);
            possible.map(|found| (found.from, found.verdict)).collect()
        })
    }
}

/// Whether a role's trust policy may mean a principal: most roles trust services alone.
fn is_trusted(world: &World, role: NodeId, from: NodeId) -> bool {
    let principal = world.principals.get(&role);
    let trust = principal.and_then(|p| world.attachment(p.trust?));
    let mut statements = trust.into_iter().flat_map(|trust| &trust.policy.statements);
    statements.any(|statement| {
        let allows = statement.effect == Effect::Allow;
        let element = statement.principal.as_ref().filter(|_| allows);
        element.is_some_and(|element| {
            let mut entries = element.entries.iter();
            element.negated
                || entries.any(|entry| match entry {
                    PrincipalEntry::Account(id) => world.account_of(from) == Some(&**id),
                    PrincipalEntry::Arn(arn) => **arn == *world.id(from),
                    PrincipalEntry::Service(_) | PrincipalEntry::Federated(_) => false,
                    _ => true,
                })
        })
    })
}

/// The services that a role's trust policy mentions.
enum Services<'w> {
    All,
    Some(Vec<&'w str>),
}

impl<'w> Services<'w> {
    fn of(world: &'w World, role: NodeId) -> Self {
        let principal = world.principals.get(&role);
        let trust = principal.and_then(|p| world.attachment(p.trust?));
        let statements = trust.into_iter().flat_map(|trust| &trust.policy.statements);
        let mut names = Vec::new();
        for statement in statements.filter(|statement| statement.effect == Effect::Allow) {
            let Some(element) = &statement.principal else {
                continue;
            };
            for entry in &element.entries {
                match entry {
                    _ if element.negated => return Self::All,
                    PrincipalEntry::Anyone => return Self::All,
                    PrincipalEntry::Service(name) => names.push(&**name),
                    _ => {}
                }
            }
        }
        Self::Some(names)
    }

    fn may_have(&self, service: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(names) => names.iter().any(|name| name.eq_ignore_ascii_case(service)),
        }
    }
}

/// Whether a role lets a service of its own account in.
fn trusts(world: &World, role: NodeId, service: &str) -> Option<PathVerdict> {
    let everybody = world.everybody();
    let library = everybody.library();
    let asker = Asker::caller(world, Caller::parse(service));
    let record = &world.node(role).record;
    let mut context = asker.context.clone();
    facts::resource(
        world,
        &mut context,
        "sts:AssumeRole",
        &record.id,
        record.account.as_deref(),
        Some(role),
    );
    context.set_unknown("aws:SourceArn", true);
    if let Some(account) = record.account.as_deref() {
        context.set("aws:SourceAccount", account);
    }
    let trust = world.principals.get(&role)?.trust?;
    let question = Question {
        who: &Who::new(&asker.caller),
        action: &sv0_engine::compiled::Action::new("sts:AssumeRole"),
        resource: &Resource::new(&record.id),
        resource_account: record.account.as_deref(),
        facts: &library.facts(&context),
        more: None,
    };
    let layers = Layers {
        resource: &everybody.policies(&[trust]),
        rcps: everybody.rcps(record.account.as_deref()),
        resource_rule: ResourceRule::Required,
        ..Layers::default()
    };
    match library.decide(&question, &layers) {
        Verdict::Allowed => Some(PathVerdict::Allowed),
        Verdict::AllowedIf => Some(PathVerdict::AllowedIf),
        Verdict::ImplicitDeny | Verdict::ExplicitDeny => None,
    }
}
