//! Escalation techniques, from the catalogue `techniques/*.toml`: who can take whose authority, by effective permissions and
//! on real targets.
//!
//! * [`catalog`] — the techniques;
//! * [`relation`] — what must hold of a principal and a target besides the actions;
//! * [`gain`] — what is gained;
//! * [`everybody`] — all of them for everybody at once; here they are asked one by one, in words.
//!
//! Administrators are left out: what they can do they have already (see [`crate::access`], scopes).

mod able;
mod catalog;
mod everybody;
mod gain;
mod relation;

use std::borrow::Cow;

use sv0_iam::condition::Context;
use sv0_iam::name::Arn;
use sv0_iam::name::principal::Caller;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

pub use self::catalog::{FAMILIES, Gain, Need, On, Technique, When, techniques};
pub(super) use self::everybody::{Within, moves};
use self::gain::{Gains, Me};
use super::{How, Judged, Move, Step, judge, step};
use crate::ask::{Asker, Target};
use crate::facts;
use crate::scope;
use crate::words;
use crate::world::World;

/// What one technique gives somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The technique's id.
    pub id: &'static str,
    /// Whether it is certain.
    pub verdict: PathVerdict,
    /// Who uses it.
    pub from: NodeId,
    /// What it works on.
    pub on: NodeId,
    /// What it gives.
    pub to: NodeId,
}

/// What every technique by itself gives everybody, also where another gives the same.
#[must_use]
pub fn found(world: &World) -> Vec<Found> {
    let mut all = everybody::moves_of(world, None, true);
    super::settle(world, &mut all);
    all.retain(|found| found.verdict != PathVerdict::Denied);
    let told = all.into_iter().filter_map(|found| match found.how {
        How::Technique { number, on } => Some(Found {
            id: &techniques().get(usize::from(number))?.id,
            verdict: found.verdict,
            from: found.from,
            on,
            to: found.to,
        }),
        _ => None,
    });
    told.collect()
}

/// The actions that moves by techniques hang on.
pub(super) fn actions() -> impl Iterator<Item = &'static str> {
    let named = techniques()
        .iter()
        .filter(|technique| technique.is_evaluated())
        .flat_map(|technique| technique.needs.iter().chain(&technique.gives))
        .map(|need| need.action.as_str());
    let samples = scope::samples("").map(|(_, action, _)| action);
    named
        .chain(samples)
        .chain(["sts:AssumeRole", "kms:Decrypt", "kms:GenerateDataKey"])
}

/// A move by a technique, in words.
pub(super) fn step_of(
    world: &World,
    asker: &Asker<'_>,
    found: &Move,
    number: u16,
    on: NodeId,
) -> Option<Step> {
    let technique = techniques().get(usize::from(number))?;
    let mut steps = told(world, asker, technique, found.from, on);
    steps.retain(|step| step.to == found.to);
    steps.pop()
}

/// What a technique makes of a principal and a target, where it works on that target.
#[cfg(test)]
pub(super) fn steps_between(
    world: &World,
    asker: &Asker<'_>,
    number: u16,
    from: NodeId,
    target: NodeId,
) -> Vec<Step> {
    let technique = techniques().get(usize::from(number));
    let evaluated = technique.filter(|technique| technique.is_evaluated());
    let suits = |technique: &&Technique| match technique.target {
        Some(_) => relation::suits(world, technique, target),
        None => from == target,
    };
    let fits = evaluated.filter(suits);
    let fits = fits.filter(|technique| relation::relates(world, technique, from, target));
    fits.map_or_else(Vec::new, |technique| told(world, asker, technique, from, target))
}

/// The steps that a technique makes of a principal and a target that fit.
fn told(world: &World, asker: &Asker<'_>, technique: &Technique, from: NodeId, target: NodeId) -> Vec<Step> {
    let Some(judged) = judged(world, asker, technique, from, target) else {
        return Vec::new();
    };
    let gained = Gains::of_each().of(&Me::known(world, from, asker.clone()), technique, target);
    let needs: Vec<&str> = technique.needs.iter().map(|need| need.action.as_str()).collect();
    let text = format!(
        "{} {} ({})",
        world.label(from),
        phrase(world, technique, from, target),
        technique.id
    );
    let each = gained
        .into_iter()
        .filter(|gained| gained.to != from)
        .map(|gained| {
            let mut judged = judged.clone();
            judged.verdict = judged.verdict.max(gained.verdict);
            if gained.verdict == PathVerdict::AllowedIf {
                judged.conditions.extend(gained.conditions);
                judged.conditions.sort();
                judged.conditions.dedup();
            }
            let made = step(
                EdgeKind::CanEscalateTo,
                from,
                gained.to,
                &needs.join(" + "),
                text.clone(),
                judged,
            );
            Step {
                on: (target != from && target != gained.to).then_some(target),
                ..made
            }
        });
    each.collect()
}

fn phrase(world: &World, technique: &Technique, from: NodeId, target: NodeId) -> String {
    if technique.trusts.is_some() {
        let role = format!("role {}", world.label(target));
        return technique.title.replace("the role", &role);
    }
    if from == target {
        return technique.title.clone();
    }
    format!("{}: {}", technique.title, world.label(target))
}

/// All that a technique needs, the gain apart. None where something is denied.
fn judged(
    world: &World,
    asker: &Asker<'_>,
    technique: &Technique,
    from: NodeId,
    target: NodeId,
) -> Option<Judged> {
    let mut sum: Option<Judged> = None;
    let mut add = |judged: Judged| {
        if judged.verdict == PathVerdict::Denied {
            return None;
        }
        sum = Some(match sum.take() {
            None => judged,
            Some(mut sum) => {
                sum.verdict = sum.verdict.max(judged.verdict);
                sum.statements.extend(judged.statements);
                sum.conditions.extend(judged.conditions);
                sum.group = sum.group.filter(|group| judged.group == Some(*group));
                sum
            }
        });
        Some(())
    };
    for need in &technique.needs {
        add(asked(world, asker, technique, need, from, target)?)?;
    }
    if let Some(service) = &technique.trusts {
        let trust = trusts(world, asker, service, target);
        add(Judged { group: None, ..trust })?;
    }
    if technique.asks(When::Assumable) {
        let about = Target {
            arn: world.id(target),
            node: Some(target),
        };
        add(judge(world, asker, "sts:AssumeRole", about, None))?;
    }
    let mut out = sum?;
    for text in relation::doubts(world, technique, target) {
        out.verdict = out.verdict.max(PathVerdict::AllowedIf);
        out.conditions.push(words::plain(text));
    }
    out.statements.sort();
    out.statements.dedup();
    out.conditions.sort();
    out.conditions.dedup();
    Some(out)
}

/// Whether a role lets a service in that somebody of its account has act.
fn trusts(world: &World, asker: &Asker<'_>, service: &str, role: NodeId) -> Judged {
    let target = Target {
        arn: world.id(role),
        node: Some(role),
    };
    let as_service = Asker::caller(world, Caller::parse(service));
    let mut context = as_service.context_for("sts:AssumeRole", target);
    context.set_unknown("aws:SourceArn", true);
    if let Some(account) = asker.caller.account.as_deref() {
        context.set("aws:SourceAccount", account);
    }
    judge(world, &as_service, "sts:AssumeRole", target, Some(&context))
}

/// One need of a technique.
fn asked(
    world: &World,
    asker: &Asker<'_>,
    technique: &Technique,
    need: &Need,
    from: NodeId,
    target: NodeId,
) -> Option<Judged> {
    let about = |arn: &str, node: Option<NodeId>| {
        let chosen = Facts::of(technique, need, world.id(target));
        ask_about(world, asker, need, &chosen, Target { arn, node })
    };
    match &need.on {
        On::Target => Some(about(
            relation::arn_of(world, target),
            relation::asked_as(world, target).0,
        )),
        On::Itself => Some(about(world.id(from), Some(from))),
        On::Any => anywhere(world, asker, need, &Facts::of(technique, need, world.id(target))),
        On::Arn(template) => Some(about(&relation::fill(world, template, target), None)),
        On::Policy => {
            let policies = relation::rewritable(world, target);
            let each = policies.map(|policy| asked_on(world, asker, technique, need, target, policy));
            each.min_by_key(|judged| judged.verdict)
        }
    }
}

/// A need of a technique on something that hangs on the target.
fn asked_on(
    world: &World,
    asker: &Asker<'_>,
    technique: &Technique,
    need: &Need,
    target: NodeId,
    node: NodeId,
) -> Judged {
    let chosen = Facts::of(technique, need, world.id(target));
    let about = Target {
        arn: world.id(node),
        node: Some(node),
    };
    ask_about(world, asker, need, &chosen, about)
}

fn ask_about(world: &World, asker: &Asker<'_>, need: &Need, chosen: &Facts<'_>, about: Target<'_>) -> Judged {
    let mut context = asker.context_for(&need.action, about);
    chosen.add(world, &mut context, about.node);
    judge(world, asker, &need.action, about, Some(&context))
}

/// Facts of the request that the technique chooses.
struct Facts<'a> {
    set: Vec<(&'static str, Cow<'a, str>)>,
    /// Whether the request says which boundary the principal has that it is about.
    bounded: bool,
}

/// The policy that whoever may attach any attaches.
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

impl<'a> Facts<'a> {
    fn of(technique: &'a Technique, need: &Need, target: &'a str) -> Self {
        let mut set = Vec::new();
        let action = need.action.strip_prefix("iam:");
        match (action, need.action.as_str(), technique.trusts.as_deref()) {
            (Some("PassRole"), _, Some(service)) => set.push(("iam:PassedToService", Cow::Borrowed(service))),
            // Where only some policies may be attached, attaching is no way to everything.
            (Some(name), ..) if name.starts_with("Attach") => {
                set.push(("iam:PolicyARN", Cow::Borrowed(ADMINISTRATOR)));
            }
            (Some(name), ..) if name.starts_with("Detach") && technique.target == Some(Kind::IamPolicy) => {
                set.push(("iam:PolicyARN", Cow::Borrowed(target)));
            }
            (Some(name), ..) if name.starts_with("Put") && name.ends_with("PermissionsBoundary") => {
                set.push(("iam:PermissionsBoundary", Cow::Borrowed(ADMINISTRATOR)));
            }
            // Nobody but a service of AWS makes a grant for a service of AWS.
            (None, "kms:CreateGrant", _) => set.push(("kms:GrantIsForAWSResource", Cow::Borrowed("false"))),
            _ => {}
        }
        let bounded = action.is_some() && set.iter().all(|(key, _)| *key != "iam:PermissionsBoundary");
        Self { set, bounded }
    }

    /// Adds them to what is known. `node` is what the request is about; what is new has no boundary.
    fn add(&self, world: &World, context: &mut Context, node: Option<NodeId>) {
        for (key, value) in &self.set {
            context.set(key, value.as_ref());
        }
        if self.bounded {
            let boundary = node.and_then(|node| world.graph.targets(node, EdgeKind::SubjectTo).next());
            match boundary {
                Some(boundary) => context.set("iam:PermissionsBoundary", world.id(boundary)),
                None => context.set_absent("iam:PermissionsBoundary"),
            }
        }
    }
}

/// Whether an action is allowed on some resource of its own type: a new one of any name, or one that a policy names.
fn anywhere(world: &World, asker: &Asker<'_>, need: &Need, chosen: &Facts<'_>) -> Option<Judged> {
    let action = need.action.as_str();
    let account = asker.caller.account.as_deref().unwrap_or_default();
    let mut candidates: Vec<String> = scope::fresh(action, account);
    let principal = asker.node.and_then(|node| world.principals.get(&node))?;
    for attachment in principal.identity.iter().filter_map(|tag| world.attachment(*tag)) {
        for statement in attachment
            .policy
            .statements
            .iter()
            .filter(|s| s.action.matches(action))
        {
            let patterns = statement
                .resource
                .iter()
                .filter(|e| !e.negated)
                .flat_map(|e| &e.patterns);
            candidates.extend(
                patterns
                    .filter_map(|pattern| pattern.example(&asker.context, 'x'))
                    .filter(|arn| Arn::parse(arn).is_some_and(|arn| !arn.resource.is_empty())),
            );
        }
    }
    let mut best: Option<Judged> = None;
    for arn in candidates {
        let mut context = asker.context.clone();
        facts::resource(world, &mut context, action, &arn, Some(account), None);
        chosen.add(world, &mut context, None);
        let judged = judge(
            world,
            asker,
            action,
            Target {
                arn: &arn,
                node: None,
            },
            Some(&context),
        );
        if judged.verdict == PathVerdict::Allowed {
            return Some(judged);
        }
        if best.as_ref().is_none_or(|b| judged.verdict < b.verdict) {
            best = Some(judged);
        }
    }
    best
}
