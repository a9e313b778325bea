//! What a technique gives, as entities that authority moves to. Who can write its own policies has what its ceilings leave:
//! that is asked of the same principal with other policies.

use std::cell::OnceCell;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use sv0_iam::decide::Verdict;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::{ConditionText, PathVerdict};

use super::catalog::{Gain, Need, On, Technique};
use super::relation;
use crate::access;
use crate::ask::{Asker, Target};
use crate::scope;
use crate::steps::assume;
use crate::world::{Principal, World};

/// An entity that a technique leads to.
#[derive(Debug, Clone)]
pub(super) struct Gained {
    pub(super) to: NodeId,
    pub(super) verdict: PathVerdict,
    pub(super) conditions: Vec<ConditionText>,
}

impl Gained {
    const fn certain(to: NodeId) -> Self {
        Self {
            to,
            verdict: PathVerdict::Allowed,
            conditions: Vec::new(),
        }
    }

    fn under(to: NodeId, verdict: Verdict, conditions: Vec<ConditionText>) -> Option<Self> {
        Some(Self {
            to,
            verdict: match verdict {
                Verdict::Allowed => PathVerdict::Allowed,
                Verdict::AllowedIf => PathVerdict::AllowedIf,
                _ => return None,
            },
            conditions,
        })
    }
}

/// Who uses a technique: what is known of it is put together when it is first asked for.
pub(super) struct Me<'w> {
    world: &'w World,
    node: NodeId,
    asker: OnceCell<Asker<'w>>,
}

impl<'w> Me<'w> {
    pub(super) const fn new(world: &'w World, node: NodeId) -> Self {
        Self {
            world,
            node,
            asker: OnceCell::new(),
        }
    }

    pub(super) fn known(world: &'w World, node: NodeId, asker: Asker<'w>) -> Self {
        Self {
            world,
            node,
            asker: OnceCell::from(asker),
        }
    }

    pub(super) fn asker(&self) -> &Asker<'w> {
        self.asker.get_or_init(|| Asker::node(self.world, self.node))
    }

    fn supposing(&self, change: impl FnOnce(&mut Principal)) -> Asker<'w> {
        self.asker().clone().supposing(change)
    }
}

/// What was found out about gains, for many questions.
#[derive(Default)]
pub(super) struct Gains {
    /// What an entity would have, had it a policy that allows everything; of an account's new entities, by the account's
    /// name.
    then: Mutex<FxHashMap<Holder, Arc<Vec<Gained>>>>,
    /// Whether a principal certainly has everything by its own policies, which it can write.
    by_itself: Mutex<FxHashMap<NodeId, bool>>,
    /// Whether what a principal has by itself is told of others again.
    each: bool,
    /// The scopes below everything that principals have now.
    now: Mutex<FxHashMap<NodeId, Arc<Vec<NodeId>>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Holder {
    Node(NodeId),
    NewIn(String),
}

/// What gives a user or a role everything by itself: techniques that come first in the catalogue.
const BY_ITSELF: &[&str] = &["iam:PutUserPolicy", "iam:PutRolePolicy"];

impl Gains {
    /// Of each technique by itself, also where an earlier one of the catalogue gives the same.
    pub(super) fn of_each() -> Self {
        Self {
            each: true,
            ..Self::default()
        }
    }

    /// Whether a principal certainly gives itself everything.
    fn has_by_itself(&self, me: &Me<'_>) -> bool {
        let lock = || self.by_itself.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&me.node) {
            return *known;
        }
        let world = me.world;
        let about = Target {
            arn: world.id(me.node),
            node: Some(me.node),
        };
        let kept = about.arn.contains(":role/aws-reserved/");
        let mut writes = BY_ITSELF
            .iter()
            .map(|action| me.asker().ask(action, about).verdict());
        let writes = !kept && writes.any(|verdict| verdict == Verdict::Allowed);
        let found = writes && {
            let then = me.asker().clone().with_everything();
            scope::proves(world, &then).0 == Verdict::Allowed
        };
        lock().insert(me.node, found);
        found
    }

    /// What a technique leads to.
    pub(super) fn of(&self, me: &Me<'_>, technique: &Technique, target: NodeId) -> Vec<Gained> {
        let world = me.world;
        let graph = &world.graph;
        match technique.gain {
            Gain::Target => vec![Gained::certain(target)],
            Gain::Account => {
                let account = world.account_of(target);
                let account = account.and_then(|id| graph.find(&scope::everything(id)));
                account.map(Gained::certain).into_iter().collect()
            }
            Gain::Limited => {
                let limited: Vec<NodeId> = graph.targets(target, EdgeKind::Constrains).collect();
                let all = if limited.is_empty() { vec![target] } else { limited };
                all.into_iter().map(Gained::certain).collect()
            }
            Gain::Provisioned => {
                let roles = graph.targets(target, EdgeKind::Provisions);
                roles.map(Gained::certain).collect()
            }
            Gain::ItsRoles => its_roles(world, me.node, target),
            Gain::Data => technique
                .gives
                .as_ref()
                .and_then(|need| data(world, me.asker(), need, target))
                .into_iter()
                .collect(),
            Gain::Everything => self.everything(me, technique, target),
            Gain::Unbounded => self.opened(me, &open(world, &me.supposing(without_boundary))),
            Gain::Undenied => {
                let denial = |tag: &u32| relation::is_denial(world, *tag, target);
                let then = me.supposing(|own| own.identity.retain(|tag| !denial(tag)));
                self.opened(me, &open(world, &then))
            }
            Gain::Group => self.group(me, target),
        }
    }

    /// What the ceilings of whoever is given everything leave: of the principal itself, of the user or role that it
    /// becomes, or of a new one.
    fn everything(&self, me: &Me<'_>, technique: &Technique, target: NodeId) -> Vec<Gained> {
        let world = me.world;
        let holder = match technique.target {
            None => Holder::NewIn(world.account_of(me.node).unwrap_or_default().to_owned()),
            Some(Kind::IamUser | Kind::IamRole) => Holder::Node(target),
            _ => Holder::Node(me.node),
        };
        // It is told as what the principal does to itself.
        if !self.each && holder != Holder::Node(me.node) && self.has_by_itself(me) {
            return Vec::new();
        }
        let lock = || self.then.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&holder).cloned();
        let then = known.unwrap_or_else(|| {
            let then = match &holder {
                Holder::NewIn(_) => me.supposing(|new| {
                    new.identity.clear();
                    without_boundary(new);
                }),
                Holder::Node(node) if *node == me.node => me.asker().clone(),
                Holder::Node(node) => Asker::node(world, *node),
            };
            let then = Arc::new(open(world, &then.with_everything()));
            lock().insert(holder, Arc::clone(&then));
            then
        });
        self.opened(me, &then)
    }

    /// Of the scopes that are open then, those that are not now.
    fn opened(&self, me: &Me<'_>, then: &[Gained]) -> Vec<Gained> {
        let world = me.world;
        if then.is_empty() || then.iter().any(|found| scope::is_everything(world.id(found.to))) {
            return then.to_vec();
        }
        let lock = || self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&me.node).cloned();
        let now = known.unwrap_or_else(|| {
            let now = samples(world, me.asker()).map(|found| found.to).collect();
            let now: Arc<Vec<NodeId>> = Arc::new(now);
            lock().insert(me.node, Arc::clone(&now));
            now
        });
        let new = then.iter().filter(|found| !now.contains(&found.to));
        new.cloned().collect()
    }

    /// What the policies of a group give. They are read off a member: a group without one says nothing about them.
    fn group(&self, me: &Me<'_>, group: NodeId) -> Vec<Gained> {
        let world = me.world;
        let mut out = vec![Gained::certain(group)];
        let member = world
            .graph
            .sources(group, EdgeKind::MemberOf)
            .find_map(|user| world.principals.get(&user));
        if let Some(member) = member {
            let through = |tag: &&u32| world.attachment(**tag).is_some_and(|a| a.via == Some(group));
            let tags: Vec<u32> = member.identity.iter().filter(through).copied().collect();
            let then = me.supposing(|own| own.identity.extend(tags));
            out.extend(self.opened(me, &open(world, &then)));
        }
        out
    }
}

fn without_boundary(me: &mut Principal) {
    me.boundary = None;
    me.boundary_missing = None;
}

/// The scopes that are open to somebody: everything in the account, or else those of single services.
fn open(world: &World, asker: &Asker<'_>) -> Vec<Gained> {
    let account = asker.caller.account.as_deref();
    let everything = account.and_then(|account| world.graph.find(&scope::everything(account)));
    let (verdict, conditions) = scope::proves(world, asker);
    if let Some(found) = everything.and_then(|to| Gained::under(to, verdict, conditions)) {
        return vec![found];
    }
    samples(world, asker).collect()
}

/// The scopes of single services that are open to somebody.
fn samples(world: &World, asker: &Asker<'_>) -> impl Iterator<Item = Gained> {
    let account = asker.caller.account.as_deref().unwrap_or_default();
    scope::samples(account).filter_map(|(id, action, arn)| {
        let answer = asker.ask(
            action,
            Target {
                arn: &arn,
                node: None,
            },
        );
        let conditions = crate::words::requirements(world, asker, &answer);
        Gained::under(world.graph.find(&id)?, answer.verdict(), conditions)
    })
}

/// The roles that a role can become.
fn its_roles(world: &World, from: NodeId, role: NodeId) -> Vec<Gained> {
    let by_name = world.graph.sources(role, EdgeKind::Trusts);
    let account = world.account_of(role).and_then(|id| world.accounts.get(id)?.node);
    let by_account = account
        .into_iter()
        .flat_map(|node| world.graph.sources(node, EdgeKind::Trusts));
    let mut others: Vec<NodeId> = by_name.chain(by_account).collect();
    others.sort_unstable();
    others.dedup();
    let asker = Asker::node(world, role);
    let each = others
        .into_iter()
        .filter(|other| *other != from)
        .filter_map(|other| {
            let step = assume::assume(world, &asker, other)?;
            (step.verdict != PathVerdict::Denied).then_some(Gained {
                to: other,
                verdict: step.verdict,
                conditions: step.conditions,
            })
        });
    each.collect()
}

/// The target, where the principal can do something to it afterwards, and could not before.
fn data(world: &World, asker: &Asker<'_>, gives: &Need, target: NodeId) -> Option<Gained> {
    let template = match &gives.on {
        On::Arn(template) => template,
        _ => "{arn}",
    };
    let arn = relation::fill(world, template, target);
    let about = Target {
        arn: &arn,
        node: Some(target),
    };
    if asker.ask(&gives.action, about).verdict() == Verdict::Allowed {
        return None;
    }
    let context = asker.context_for(&gives.action, about);
    let then = asker.ask_rewritten(&gives.action, about, &context);
    let mut conditions = crate::words::requirements(world, asker, &then);
    let (key, more) = access::through_key(world, asker, target, &gives.action);
    conditions.extend(more);
    let verdict = match (then.verdict(), key) {
        (Verdict::Allowed, other) | (other, Verdict::Allowed) => other,
        (Verdict::AllowedIf, Verdict::AllowedIf) => Verdict::AllowedIf,
        (denied, Verdict::AllowedIf) | (_, denied) => denied,
    };
    Gained::under(target, verdict, conditions)
}
