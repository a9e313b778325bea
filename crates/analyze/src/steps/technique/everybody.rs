//! Who can escalate how, for everybody at once: as moves.
//!
//! Few principals have what any technique needs, and fewer are no administrators: they are found first, by what their
//! policies mention at all. Only in their accounts is anything asked.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sv0_engine::compiled::{Action, Layers, Question, Resource, Who};
use sv0_engine::index::{Bundle, Mask, PrincipalId};
use sv0_iam::decide::{ResourceRule, Verdict};
use sv0_iam::name::principal::Caller;
use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::graph::{Node, NodeId};
use sv0_model::kind::{EdgeKind, EntityType, Kind};
use sv0_model::path::PathVerdict;

use super::{Technique, TechniqueKind, anywhere, own_policies, techniques};
use crate::ask::Asker;
use crate::facts;
use crate::reach::{self, About, Room};
use crate::scope;
use crate::steps::{How, Move};
use crate::world::World;

/// The principals and entities of some accounts.
#[derive(Debug)]
pub(in crate::steps) struct Within {
    pub(in crate::steps) people: Vec<NodeId>,
    pub(in crate::steps) entities: Vec<NodeId>,
}

/// All moves by techniques, or those in some accounts: what somebody gains by a technique is in its own account.
pub(in crate::steps) fn moves(world: &World, within: Option<&Within>) -> Vec<Move> {
    let able = Able::of(world, within);
    if able.by_principal.is_empty() {
        return Vec::new();
    }
    let mut out = passed_roles(world, &able, within);
    out.extend(on_targets(world, &able, within));
    out
}

fn entities<'w>(world: &'w World, within: Option<&'w Within>) -> impl Iterator<Item = (NodeId, &'w Node)> {
    let some = within.map(|within| within.entities.iter().map(|node| (*node, world.node(*node))));
    let all = some.is_none().then(|| world.graph.nodes());
    some.into_iter().flatten().chain(all.into_iter().flatten())
}

/// Principals whose policies mention all that some technique needs, administrators left out.
struct Able {
    /// By principal: techniques by number.
    by_principal: FxHashMap<PrincipalId, u64>,
    accounts: FxHashSet<String>,
}

impl Able {
    fn of(world: &World, within: Option<&Within>) -> Self {
        let everybody = world.everybody();
        let library = everybody.library();
        // Everything that any technique needs, and by document whether it grants it on anything.
        let mut actions: Vec<&'static str> = techniques()
            .iter()
            .flat_map(|technique| technique.needs.iter().map(String::as_str))
            .collect();
        actions.sort_unstable();
        actions.dedup();
        let compiled: Vec<Action<'_>> = actions.iter().map(|name| Action::new(name)).collect();
        let bit = |name: &String| actions.binary_search(&name.as_str()).map_or(0, |at| 1_u64 << at);
        let needs: Vec<u64> = techniques()
            .iter()
            .map(|technique| technique.needs.iter().map(bit).fold(0, |all, bit| all | bit))
            .collect();
        let mut documents: FxHashMap<u32, u64> = FxHashMap::default();
        let mut by_principal = FxHashMap::default();
        let people = within.map(|within| within.people.iter());
        let everyone = people.is_none().then(|| world.principals.keys());
        let people = people.into_iter().flatten().chain(everyone.into_iter().flatten());
        for (node, principal) in people.filter_map(|node| Some((node, world.principals.get(node)?))) {
            let granted = principal.identity.iter().fold(0, |all, tag| {
                let Some(policy) = everybody.policy(*tag) else {
                    return all;
                };
                let index = u32::try_from(policy.index()).unwrap_or(u32::MAX);
                all | *documents.entry(index).or_insert_with(|| {
                    let grants = compiled.iter().enumerate();
                    grants
                        .filter(|(_, action)| library.grants(policy, action))
                        .fold(0, |all, (at, _)| all | 1 << at)
                })
            });
            let numbers = needs.iter().enumerate().take(64);
            let techniques = numbers
                .filter(|(_, needs)| **needs & granted == **needs)
                .fold(0, |all, (number, _)| all | 1 << number);
            if let (Some(id), true) = (everybody.principal(*node), techniques != 0) {
                by_principal.insert(id, techniques);
            }
        }
        let accounts = |by_principal: &FxHashMap<PrincipalId, u64>| -> FxHashSet<String> {
            let nodes = by_principal.keys().filter_map(|id| everybody.node(*id));
            nodes
                .filter_map(|node| world.account_of(node).map(str::to_owned))
                .collect()
        };
        for administrator in scope::administrators(world, &accounts(&by_principal)) {
            by_principal.remove(&administrator);
        }
        Self {
            accounts: accounts(&by_principal),
            by_principal,
        }
    }

    fn has(&self, principal: PrincipalId, technique: usize) -> bool {
        self.by_principal
            .get(&principal)
            .is_some_and(|techniques| techniques >> technique & 1 == 1)
    }
}

/// Techniques of some kinds, with their numbers.
fn of_kinds(kinds: &[TechniqueKind]) -> Vec<(usize, &'static Technique)> {
    let all = techniques().iter().enumerate();
    all.filter(|(_, technique)| kinds.contains(&technique.kind))
        .collect()
}

const fn verdict(certain: bool) -> PathVerdict {
    if certain {
        PathVerdict::Allowed
    } else {
        PathVerdict::AllowedIf
    }
}

// ---- roles that may be passed ----

fn passed_roles(world: &World, able: &Able, within: Option<&Within>) -> Vec<Move> {
    let everybody = world.everybody();
    let wanted = of_kinds(&[TechniqueKind::PassRole]);
    let makes = makers(world, able, &wanted);
    let pass = world.reaching().bundle(world, &["iam:PassRole"]);
    let roles: Vec<NodeId> = entities(world, within)
        .filter(|(_, node)| node.record.kind == Kind::IamRole && !node.stub)
        .filter(|(_, node)| {
            node.record
                .account
                .as_ref()
                .is_some_and(|id| able.accounts.contains(id))
        })
        .map(|(id, _)| id)
        .collect();
    roles
        .par_iter()
        .map_init(Room::default, |room, role| {
            let mut out = Vec::new();
            for service in services(world, *role, &wanted) {
                let Some(trust) = trusts(world, *role, service) else {
                    continue;
                };
                let record = &world.node(*role).record;
                let about = About {
                    arn: &record.id,
                    node: Some(*role),
                    owner: record.account.as_deref(),
                    anywhere: false,
                    policies: &[],
                    rule: ResourceRule::Either,
                    block_public_access: false,
                    more: &[("iam:PassedToService", service)],
                    only: None,
                };
                reach::ask(world, &pass, &about, room);
                for row in room.rows.iter().filter(|row| row.possible != 0) {
                    let Some(from) = everybody.node(row.principal).filter(|from| from != role) else {
                        continue;
                    };
                    let here = wanted
                        .iter()
                        .filter(|(_, technique)| technique.service.as_deref() == Some(service));
                    for (number, _) in here {
                        if let Some(making) = makes.get(&(row.principal, *number)) {
                            out.push(Move {
                                edge: EdgeKind::CanEscalateTo,
                                verdict: verdict(row.certain != 0).max(*making).max(trust),
                                from,
                                to: *role,
                                how: how(*number, *role),
                            });
                        }
                    }
                }
            }
            out
        })
        .flatten_iter()
        .collect()
}

fn how(number: usize, on: NodeId) -> How {
    How::Technique {
        number: u16::try_from(number).unwrap_or(u16::MAX),
        on,
    }
}

/// Who can make what a technique makes, the passing of the role apart.
fn makers(
    world: &World,
    able: &Able,
    wanted: &[(usize, &'static Technique)],
) -> FxHashMap<(PrincipalId, usize), PathVerdict> {
    let everybody = world.everybody();
    let candidates: Vec<PrincipalId> = able.by_principal.keys().copied().collect();
    candidates
        .par_iter()
        .flat_map_iter(|principal| {
            let mut known: FxHashMap<&str, Option<PathVerdict>> = FxHashMap::default();
            let asker = everybody.node(*principal).map(|node| Asker::node(world, node));
            let mut out = Vec::new();
            for (number, technique) in wanted.iter().filter(|(number, _)| able.has(*principal, *number)) {
                let others = technique.needs.iter().filter(|need| *need != "iam:PassRole");
                let mut worst = Some(PathVerdict::Allowed);
                for action in others {
                    let judged = *known.entry(action).or_insert_with(|| {
                        let judged = anywhere(world, asker.as_ref()?, action)?;
                        (judged.verdict != PathVerdict::Denied).then_some(judged.verdict)
                    });
                    worst = worst.and_then(|worst| Some(worst.max(judged?)));
                }
                out.extend(worst.map(|worst| ((*principal, *number), worst)));
            }
            out
        })
        .collect()
}

/// The services of techniques that a role's trust policy mentions.
fn services(world: &World, role: NodeId, wanted: &[(usize, &'static Technique)]) -> Vec<&'static str> {
    let trust = world
        .principals
        .get(&role)
        .and_then(|p| world.attachment(p.trust?));
    let mut out: Vec<&'static str> = Vec::new();
    let statements = trust.into_iter().flat_map(|trust| &trust.policy.statements);
    for statement in statements.filter(|statement| statement.effect == Effect::Allow) {
        let Some(element) = &statement.principal else {
            continue;
        };
        for service in wanted
            .iter()
            .filter_map(|(_, technique)| technique.service.as_deref())
        {
            let named = element.negated
                || element.entries.iter().any(|entry| match entry {
                    PrincipalEntry::Service(name) => name.eq_ignore_ascii_case(service),
                    PrincipalEntry::Anyone => true,
                    _ => false,
                });
            if named && !out.contains(&service) {
                out.push(service);
            }
        }
    }
    out
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
        action: &Action::new("sts:AssumeRole"),
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

// ---- entities that may be changed ----

/// What is asked on one kind of target.
struct Asked {
    techniques: Vec<(usize, &'static Technique)>,
    /// Actions of one service each; whether a managed policy is given along.
    bundles: Vec<(Arc<Bundle>, bool)>,
}

impl Asked {
    fn new(world: &World, techniques: Vec<(usize, &'static Technique)>) -> Self {
        let mut lists: Vec<(String, bool, Vec<&'static str>)> = Vec::new();
        for action in techniques.iter().flat_map(|(_, technique)| &technique.needs) {
            let service = action.split(':').next().unwrap_or_default().to_owned();
            let gives = gives_policy(action);
            match lists.iter_mut().find(|(s, g, _)| *s == service && *g == gives) {
                Some((_, _, list)) if list.contains(&action.as_str()) => {}
                Some((_, _, list)) => list.push(action),
                None => lists.push((service, gives, vec![action])),
            }
        }
        let bundles = lists
            .into_iter()
            .map(|(_, gives, list)| (world.reaching().bundle(world, &list), gives))
            .collect();
        Self { techniques, bundles }
    }

    /// Who can do all that a technique needs to a target: principal, technique, whether for certain.
    fn who(&self, world: &World, target: NodeId, room: &mut Room) -> Vec<(PrincipalId, usize, bool)> {
        let everybody = world.everybody();
        let record = &world.node(target).record;
        let tags = world
            .resource_policies
            .get(&target)
            .map_or(&[][..], Vec::as_slice);
        let policies = everybody.policies(tags);
        let mut masks: FxHashMap<PrincipalId, Vec<(Mask, Mask)>> = FxHashMap::default();
        for (at, (bundle, gives)) in self.bundles.iter().enumerate() {
            let more = [("iam:PolicyARN", "arn:aws:iam::aws:policy/AdministratorAccess")];
            let about = About {
                arn: &record.id,
                node: Some(target),
                owner: record.account.as_deref(),
                anywhere: false,
                policies: &policies,
                rule: ResourceRule::Either,
                block_public_access: false,
                more: if *gives { &more } else { &[] },
                only: None,
            };
            reach::ask(world, bundle, &about, room);
            for row in &room.rows {
                let all = masks
                    .entry(row.principal)
                    .or_insert_with(|| vec![(0, 0); self.bundles.len()]);
                if let Some(place) = all.get_mut(at) {
                    *place = (row.certain, row.possible);
                }
            }
        }
        let mut out = Vec::new();
        for (principal, masks) in masks {
            for (number, technique) in &self.techniques {
                let has = |need: &String| {
                    let bundles = self.bundles.iter().zip(&masks);
                    bundles.fold((false, false), |(sure, perhaps), ((bundle, _), mask)| {
                        let bit = bundle.mask(|name| name == need);
                        (sure || mask.0 & bit != 0, perhaps || mask.1 & bit != 0)
                    })
                };
                let all = technique.needs.iter().map(has);
                let (sure, perhaps) = all.fold((true, true), |(a, b), (c, d)| (a && c, b && d));
                if perhaps {
                    out.push((principal, *number, sure));
                }
            }
        }
        out.sort_unstable();
        out
    }
}

/// Where only some policies may be attached, attaching is no way to everything.
fn gives_policy(action: &str) -> bool {
    ["UserPolicy", "RolePolicy", "GroupPolicy"]
        .iter()
        .any(|end| action.ends_with(end))
}

fn on_targets(world: &World, able: &Able, within: Option<&Within>) -> Vec<Move> {
    use TechniqueKind::{OtherUser, OwnGroup, OwnPolicy, OwnRole, OwnUser, Trust};
    let asked = |kinds: &[TechniqueKind]| Asked::new(world, of_kinds(kinds));
    let (users, roles) = (asked(&[OtherUser, OwnUser]), asked(&[Trust, OwnRole]));
    let (policies, groups) = (asked(&[OwnPolicy]), asked(&[OwnGroup]));
    let mut workloads: FxHashMap<Kind, Asked> = FxHashMap::default();
    for (number, technique) in of_kinds(&[TechniqueKind::Workload]) {
        let Some(kind) = technique.workload else { continue };
        let mut mine = vec![(number, technique)];
        if let Some(before) = workloads.remove(&kind) {
            mine.splice(0..0, before.techniques);
        }
        workloads.insert(kind, Asked::new(world, mine));
    }
    let targets: Vec<(NodeId, &Asked)> = entities(world, within)
        .filter(|(_, node)| {
            node.record
                .account
                .as_ref()
                .is_some_and(|id| able.accounts.contains(id))
        })
        .filter_map(|(id, node)| {
            let asked = match node.record.kind {
                Kind::IamUser if !node.stub => &users,
                Kind::IamRole if !node.stub => &roles,
                Kind::IamPolicy => &policies,
                Kind::IamGroup => &groups,
                kind if kind.entity_type() == EntityType::Workload => workloads.get(&kind)?,
                _ => return None,
            };
            Some((id, asked))
        })
        .collect();
    targets
        .par_iter()
        .map_init(Room::default, |room, (target, asked)| {
            let found = asked.who(world, *target, room);
            let able = found
                .into_iter()
                .filter(|(principal, number, _)| able.has(*principal, *number));
            able.filter_map(|(principal, number, sure)| of_target(world, *target, principal, number, sure))
                .collect::<Vec<Move>>()
        })
        .flatten_iter()
        .collect()
}

/// The move that a technique on a target makes, if it is one for this principal.
fn of_target(
    world: &World,
    target: NodeId,
    principal: PrincipalId,
    number: usize,
    sure: bool,
) -> Option<Move> {
    let from = world.everybody().node(principal)?;
    let technique = techniques().get(number)?;
    let own = || {
        let account = world.account_of(from)?;
        world.graph.find(&scope::everything(account))
    };
    let same_account = world.account_of(from) == world.account_of(target);
    let to = match technique.kind {
        TechniqueKind::PassRole => return None,
        TechniqueKind::OwnPolicy => own().filter(|_| own_policies(world, from).contains(&target)),
        TechniqueKind::OwnUser | TechniqueKind::OwnRole => own().filter(|_| from == target),
        TechniqueKind::OwnGroup => own().filter(|_| {
            let mut groups = world.graph.targets(from, EdgeKind::MemberOf);
            groups.any(|group| group == target)
        }),
        TechniqueKind::OtherUser => Some(target).filter(|_| from != target && same_account),
        TechniqueKind::Trust => {
            let reserved = world.id(target).contains(":role/aws-reserved/");
            Some(target).filter(|_| from != target && same_account && !reserved)
        }
        TechniqueKind::Workload => Some(target).filter(|_| same_account),
    };
    Some(Move {
        edge: EdgeKind::CanEscalateTo,
        verdict: verdict(sure),
        from,
        to: to?,
        how: how(number, target),
    })
}
