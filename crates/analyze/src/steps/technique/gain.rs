//! What a technique gives, as entities that authority moves to. Who can write its own policies has what its ceilings leave:
//! that is asked of the same principal with other policies.

use std::sync::{Mutex, PoisonError};

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

/// What was found out about gains, for many questions.
#[derive(Default)]
pub(super) struct Gains {
    /// What an entity would have, had it a policy that allows everything; of an account's new entities, by the account's
    /// name.
    proofs: Mutex<FxHashMap<Holder, (Verdict, Vec<ConditionText>)>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Holder {
    Node(NodeId),
    NewIn(String),
}

impl Gains {
    /// What a technique leads to.
    pub(super) fn of(
        &self,
        world: &World,
        asker: &Asker<'_>,
        technique: &Technique,
        from: NodeId,
        target: NodeId,
    ) -> Vec<Gained> {
        let graph = &world.graph;
        match technique.gain {
            Gain::Target => vec![Gained::certain(target)],
            Gain::Account => {
                let account = world.account_of(target).and_then(|id| graph.find(&scope::everything(id)));
                account.map(Gained::certain).into_iter().collect()
            }
            Gain::Limited => {
                let limited: Vec<NodeId> = graph.targets(target, EdgeKind::Constrains).collect();
                let all = if limited.is_empty() { vec![target] } else { limited };
                all.into_iter().map(Gained::certain).collect()
            }
            Gain::Provisioned => {
                let roles = graph.targets(target, EdgeKind::Provisions);
                roles.filter(|role| *role != from).map(Gained::certain).collect()
            }
            Gain::ItsRoles => its_roles(world, from, target),
            Gain::Data => technique
                .gives
                .as_ref()
                .and_then(|need| data(world, asker, need, target))
                .into_iter()
                .collect(),
            Gain::Everything => self.everything(world, asker, technique, from, target),
            Gain::Unbounded => {
                let then = asker.clone().supposing(without_boundary);
                opened(world, asker, &then, scope::proves(world, &then))
            }
            Gain::Undenied => {
                let then = asker
                    .clone()
                    .supposing(|me| me.identity.retain(|tag| !relation::is_denial(world, *tag, target)));
                opened(world, asker, &then, scope::proves(world, &then))
            }
            Gain::Group => group(world, asker, target),
        }
    }

    /// What the ceilings of whoever is given everything leave: of the principal itself, of the user or role that it
    /// becomes, or of a new one.
    fn everything(
        &self,
        world: &World,
        asker: &Asker<'_>,
        technique: &Technique,
        from: NodeId,
        target: NodeId,
    ) -> Vec<Gained> {
        let (holder, then) = match technique.target {
            None => {
                let fresh = |me: &mut Principal| {
                    me.identity.clear();
                    without_boundary(me);
                };
                let account = world.account_of(from).unwrap_or_default().to_owned();
                (Holder::NewIn(account), asker.clone().supposing(fresh))
            }
            Some(Kind::IamUser | Kind::IamRole) if from != target => {
                (Holder::Node(target), Asker::node(world, target))
            }
            _ => (Holder::Node(from), asker.clone()),
        };
        let then = then.with_everything();
        let lock = || self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().get(&holder).cloned();
        let proof = known.unwrap_or_else(|| {
            let proof = scope::proves(world, &then);
            lock().insert(holder, proof.clone());
            proof
        });
        opened(world, asker, &then, proof)
    }
}

fn without_boundary(me: &mut Principal) {
    me.boundary = None;
    me.boundary_missing = None;
}

/// The scopes that are open then and are not now: everything in the account, or else those of single services.
fn opened(
    world: &World,
    now: &Asker<'_>,
    then: &Asker<'_>,
    proof: (Verdict, Vec<ConditionText>),
) -> Vec<Gained> {
    let Some(account) = now.caller.account.as_deref() else {
        return Vec::new();
    };
    let (verdict, conditions) = proof;
    let everything = world.graph.find(&scope::everything(account));
    if let Some(found) = everything.and_then(|to| Gained::under(to, verdict, conditions)) {
        return vec![found];
    }
    let each = scope::samples(account).filter_map(|(id, action, arn)| {
        let target = Target { arn: &arn, node: None };
        if now.ask(action, target).verdict().possible() {
            return None;
        }
        let answer = then.ask(action, target);
        let conditions = crate::words::requirements(world, then, &answer);
        Gained::under(world.graph.find(&id)?, answer.verdict(), conditions)
    });
    each.collect()
}

/// What the policies of a group give. They are read off a member: who has none says nothing about them.
fn group(world: &World, asker: &Asker<'_>, group: NodeId) -> Vec<Gained> {
    let mut out = vec![Gained::certain(group)];
    let member = world
        .graph
        .sources(group, EdgeKind::MemberOf)
        .find_map(|user| world.principals.get(&user));
    if let Some(member) = member {
        let through = |tag: &&u32| world.attachment(**tag).is_some_and(|a| a.via == Some(group));
        let tags: Vec<u32> = member.identity.iter().filter(through).copied().collect();
        let then = asker.clone().supposing(|me| me.identity.extend(tags));
        out.extend(opened(world, asker, &then, scope::proves(world, &then)));
    }
    out
}

/// The roles that a role can become.
fn its_roles(world: &World, from: NodeId, role: NodeId) -> Vec<Gained> {
    let by_name = world.graph.sources(role, EdgeKind::Trusts);
    let account = world.account_of(role).and_then(|id| world.accounts.get(id)?.node);
    let by_account = account.into_iter().flat_map(|node| world.graph.sources(node, EdgeKind::Trusts));
    let mut others: Vec<NodeId> = by_name.chain(by_account).collect();
    others.sort_unstable();
    others.dedup();
    let asker = Asker::node(world, role);
    let each = others.into_iter().filter(|other| *other != from).filter_map(|other| {
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
