//! Escalation techniques, from the table `techniques.toml`: who can take whose authority, by effective permissions and
//! on real targets.
//!
//! Administrators are left out: what they can do they have already (see [`crate::access`], scopes).

mod everybody;

use std::sync::OnceLock;

use serde::Deserialize;
use sv0_iam::name::Arn;
use sv0_iam::name::principal::Caller;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

pub(super) use self::everybody::{Within, moves};
use super::{Judged, Move, Step, judge, step};
use crate::ask::{Asker, Target};
use crate::facts;
use crate::scope;
use crate::world::World;

/// One technique.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Technique {
    /// Its id in the public library.
    pub id: String,
    /// What happens.
    pub title: String,
    /// What it works on.
    pub kind: TechniqueKind,
    /// For `pass_role`: the service that the role is passed to.
    pub service: Option<String>,
    /// For `workload`: which kind.
    pub workload: Option<Kind>,
    /// All of these actions.
    pub needs: Vec<String>,
}

/// What a technique works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TechniqueKind {
    /// A role that may be passed and trusts the service.
    PassRole,
    /// A customer managed policy of the principal itself.
    OwnPolicy,
    /// The user itself.
    OwnUser,
    /// The role itself.
    OwnRole,
    /// A group of the user itself.
    OwnGroup,
    /// Another user.
    OtherUser,
    /// A role whose trust policy may be rewritten.
    Trust,
    /// A workload whose code may be replaced.
    Workload,
}

#[derive(Deserialize)]
struct Table {
    technique: Vec<Technique>,
}

/// The table. Empty only if the embedded file were damaged, which a test rules out.
#[must_use]
pub fn techniques() -> &'static [Technique] {
    static TABLE: OnceLock<Vec<Technique>> = OnceLock::new();
    TABLE.get_or_init(|| {
        toml::from_str::<Table>(include_str!("../../techniques.toml"))
            .map(|t| t.technique)
            .unwrap_or_default()
    })
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
    match technique.kind {
        TechniqueKind::PassRole => pass_role(world, asker, found.from, found.to, technique),
        _ => gain(world, asker, found.from, found.to, on, technique),
    }
}

/// What a technique makes of a principal and a target, where it works on that target.
#[cfg(test)]
pub(super) fn step_between(
    world: &World,
    asker: &Asker<'_>,
    number: u16,
    from: NodeId,
    target: NodeId,
) -> Option<Step> {
    let technique = techniques().get(usize::from(number))?;
    let node = world.node(target);
    let kind = node.record.kind;
    let everything = world.graph.find(&scope::everything(world.account_of(from)?))?;
    let to = match technique.kind {
        TechniqueKind::PassRole if kind == Kind::IamRole && from != target && !node.stub => {
            return pass_role(world, asker, from, target, technique);
        }
        TechniqueKind::OwnPolicy if own_policies(world, from).contains(&target) => everything,
        TechniqueKind::OwnUser if from == target && kind == Kind::IamUser => everything,
        TechniqueKind::OwnRole if from == target && kind == Kind::IamRole => everything,
        TechniqueKind::OwnGroup if world.graph.targets(from, EdgeKind::MemberOf).any(|g| g == target) => {
            everything
        }
        TechniqueKind::OtherUser if from != target && kind == Kind::IamUser && !node.stub => target,
        TechniqueKind::Trust
            if from != target
                && kind == Kind::IamRole
                && !node.stub
                && !world.id(target).contains(":role/aws-reserved/") =>
        {
            target
        }
        TechniqueKind::Workload if Some(kind) == technique.workload => target,
        _ => return None,
    };
    gain(world, asker, from, to, target, technique)
}

/// Customer managed policies that are attached to the principal or its groups.
pub(super) fn own_policies(world: &World, from: NodeId) -> Vec<NodeId> {
    let holders = std::iter::once(from).chain(world.graph.targets(from, EdgeKind::MemberOf));
    let policies = holders.flat_map(|holder| world.graph.targets(holder, EdgeKind::HasPolicy));
    policies
        .filter(|policy| !world.id(*policy).contains(":iam::aws:policy/"))
        .collect()
}

/// All needed actions on one entity.
fn gain(
    world: &World,
    asker: &Asker<'_>,
    from: NodeId,
    to: NodeId,
    on: NodeId,
    technique: &Technique,
) -> Option<Step> {
    let target = Target {
        arn: world.id(on),
        node: Some(on),
    };
    let judged = all(world, asker, technique, target, None)?;
    let text = format!(
        "{} {} ({})",
        world.label(from),
        phrase(world, technique, on),
        technique.id
    );
    let made = step(
        EdgeKind::CanEscalateTo,
        from,
        to,
        &technique.needs.join(" + "),
        text,
        judged,
    );
    Some(Step {
        on: (on != from && on != to).then_some(on),
        ..made
    })
}

fn phrase(world: &World, technique: &Technique, on: NodeId) -> String {
    match technique.kind {
        TechniqueKind::OwnPolicy
        | TechniqueKind::OwnGroup
        | TechniqueKind::OtherUser
        | TechniqueKind::Trust
        | TechniqueKind::Workload => {
            format!("{}: {}", technique.title, world.label(on))
        }
        _ => technique.title.clone(),
    }
}

/// `iam:PassRole` on the role for the service, the creating actions, and a role that trusts the service.
fn pass_role(
    world: &World,
    asker: &Asker<'_>,
    from: NodeId,
    role: NodeId,
    technique: &Technique,
) -> Option<Step> {
    let service = technique.service.as_deref()?;
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
    let trust = judge(world, &as_service, "sts:AssumeRole", target, Some(&context));
    if trust.verdict == PathVerdict::Denied {
        return None;
    }
    let mut judged = all(world, asker, technique, target, Some(service))?;
    judged.conditions.extend(trust.conditions);
    judged.statements.extend(trust.statements);
    judged.verdict = judged.verdict.max(trust.verdict);
    let what = technique
        .title
        .replace("the role", &format!("role {}", world.label(role)));
    let text = format!("{} {what} ({})", world.label(from), technique.id);
    Some(step(
        EdgeKind::CanEscalateTo,
        from,
        role,
        &technique.needs.join(" + "),
        text,
        judged,
    ))
}

/// Every needed action; IAM actions on the target, others on anything new of the account. None where one is denied.
fn all(
    world: &World,
    asker: &Asker<'_>,
    technique: &Technique,
    target: Target<'_>,
    service: Option<&str>,
) -> Option<Judged> {
    let mut out: Option<Judged> = None;
    for action in &technique.needs {
        let mut context = asker.context_for(action, target);
        if let (Some(service), "iam:PassRole") = (service, action.as_str()) {
            context.set("iam:PassedToService", service);
        }
        // Where only some policies may be attached, attaching is no way to everything.
        if action.ends_with("UserPolicy") || action.ends_with("RolePolicy") || action.ends_with("GroupPolicy")
        {
            context.set("iam:PolicyARN", "arn:aws:iam::aws:policy/AdministratorAccess");
        }
        let on_target = technique.kind != TechniqueKind::PassRole || action.as_str() == "iam:PassRole";
        let judged = if on_target {
            judge(world, asker, action, target, Some(&context))
        } else {
            anywhere(world, asker, action)?
        };
        if judged.verdict == PathVerdict::Denied {
            return None;
        }
        out = Some(match out {
            None => judged,
            Some(mut sum) => {
                sum.verdict = sum.verdict.max(judged.verdict);
                sum.statements.extend(judged.statements);
                sum.conditions.extend(judged.conditions);
                sum.group = sum.group.filter(|group| judged.group == Some(*group));
                sum
            }
        });
    }
    let mut out = out?;
    out.statements.sort();
    out.statements.dedup();
    out.conditions.sort();
    out.conditions.dedup();
    Some(out)
}

/// Whether an action is allowed on some resource of its own type: a new one of any name, or one that a policy names.
pub(super) fn anywhere(world: &World, asker: &Asker<'_>, action: &str) -> Option<Judged> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_its_actions_exist() {
        let catalog = sv0_iam::catalog::Catalog::embedded();
        assert!(techniques().len() >= 18, "the embedded table is damaged");
        for technique in techniques() {
            assert_eq!(
                technique.kind == TechniqueKind::PassRole,
                technique.service.is_some(),
                "{}",
                technique.id
            );
            assert_eq!(
                technique.kind == TechniqueKind::Workload,
                technique.workload.is_some(),
                "{}",
                technique.id
            );
            for action in &technique.needs {
                assert!(
                    catalog.action(action).is_some(),
                    "{}: {action} is not in the catalogue",
                    technique.id
                );
            }
        }
    }
}
