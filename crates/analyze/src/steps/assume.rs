//! Who can become which role. Starts from trust policies, the smaller side; the identity side is asked where the trust
//! policy leaves it to the account.

use std::collections::BTreeSet;

use rayon::prelude::*;
use sv0_engine::index::PrincipalId;
use sv0_iam::condition::Context;
use sv0_iam::decide::ResourceRule;
use sv0_iam::name::principal::{Caller, CallerKind};
use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::{How, Move, Step, judge, step};
use crate::ask::{Asker, Target};
use crate::reach::{self, About, Room};
use crate::world::World;

/// Who can become which role by `sts:AssumeRole`, as moves.
pub(super) fn moves(world: &World) -> Vec<Move> {
    let roles: Vec<NodeId> = world
        .principals
        .iter()
        .filter(|(_, principal)| principal.trust.is_some())
        .map(|(node, _)| *node)
        .collect();
    let each = roles.par_iter().map_init(Room::default, |room, role| {
        let mut out = Vec::new();
        into(world, *role, None, room, &mut out);
        out
    });
    each.flatten_iter().collect()
}

/// Who can become one role, or whether one principal can.
pub(super) fn into(
    world: &World,
    role: NodeId,
    only: Option<PrincipalId>,
    room: &mut Room,
    out: &mut Vec<Move>,
) {
    let everybody = world.everybody();
    let Some(trust) = world.principals.get(&role).and_then(|principal| principal.trust) else {
        return;
    };
    let record = &world.node(role).record;
    let about = About {
        arn: &record.id,
        node: Some(role),
        owner: record.account.as_deref(),
        anywhere: false,
        policies: &everybody.policies(&[trust]),
        rule: ResourceRule::Required,
        block_public_access: false,
        more: &[],
        only,
    };
    let bundle = world.reaching().bundle(world, &["sts:AssumeRole"]);
    reach::ask(world, &bundle, &about, room);
    let rows = room.rows.iter();
    let moves = rows.filter_map(|row| reach::moved(world, row, EdgeKind::Assumes, role, How::Assume));
    out.extend(moves.filter(|found| found.from != found.to));
}

pub(super) fn assume(world: &World, asker: &Asker<'_>, role: NodeId) -> Option<Step> {
    let from = asker.node.filter(|node| *node != role)?;
    let target = Target {
        arn: world.id(role),
        node: Some(role),
    };
    let judged = judge(world, asker, "sts:AssumeRole", target, None);
    if judged.verdict == PathVerdict::Denied && !judged.granted {
        return None;
    }
    let text = format!("{} can assume {}", world.label(from), world.label(role));
    Some(step(
        EdgeKind::Assumes,
        from,
        role,
        "sts:AssumeRole",
        text,
        judged,
    ))
}

/// Roles that tokens and assertions of a provider give.
pub(super) fn of_providers(world: &World) -> Vec<Step> {
    let roles: Vec<NodeId> = world.principals.keys().copied().collect();
    roles
        .par_iter()
        .flat_map_iter(|role| of_providers_of(world, *role))
        .collect()
}

/// How tokens and assertions of providers give one role.
pub(super) fn of_providers_of(world: &World, role: NodeId) -> Vec<Step> {
    let trust = world
        .principals
        .get(&role)
        .and_then(|principal| world.attachment(principal.trust?));
    let statements = trust.iter().flat_map(|trust| &trust.policy.statements);
    let providers: BTreeSet<&str> = statements
        .filter(|s| s.effect == Effect::Allow)
        .filter_map(|s| s.principal.as_ref())
        .flat_map(|element| &element.entries)
        .filter_map(|entry| match entry {
            PrincipalEntry::Federated(provider) => Some(&**provider),
            _ => None,
        })
        .collect();
    let each = providers.into_iter();
    each.flat_map(|provider| federated(world, role, provider))
        .collect()
}

fn federated(world: &World, role: NodeId, provider: &str) -> Vec<Step> {
    let Some(from) = world.graph.find(provider) else {
        return Vec::new();
    };
    let saml = world.node(from).record.kind == Kind::SamlProvider;
    let action = if saml {
        "sts:AssumeRoleWithSAML"
    } else {
        "sts:AssumeRoleWithWebIdentity"
    };
    let asker = Asker::caller(world, federated_caller(provider));
    let target = Target {
        arn: world.id(role),
        node: Some(role),
    };
    let mut context = asker.context_for(action, target);
    oidc_audience(world, from, &mut context);
    let judged = judge(world, &asker, action, target, Some(&context));
    if judged.verdict == PathVerdict::Denied && !judged.granted {
        return Vec::new();
    }
    let subject = judged
        .conditions
        .iter()
        .find(|c| {
            c.key
                .as_deref()
                .is_some_and(|key| key.to_ascii_lowercase().ends_with(":sub"))
                && !c.negated
        })
        .map(|c| c.values.join(" or "));
    let who = match (&subject, saml) {
        (Some(subject), _) => format!("a token of {} for {subject}", world.label(from)),
        (None, true) => format!("an assertion of {}", world.label(from)),
        (None, false) => format!("any token of {} (no condition on the subject)", world.label(from)),
    };
    let text = format!("{who} gives {}", world.label(role));
    let mut out = vec![Step {
        group: None,
        ..step(EdgeKind::Assumes, from, role, action, text, judged)
    }];
    out.extend(service_accounts(world, &asker, &context, from, role, action));
    out
}

/// Service accounts of the cluster whose provider it is: the cluster signs tokens for them.
fn service_accounts(
    world: &World,
    asker: &Asker<'_>,
    context: &Context,
    provider: NodeId,
    role: NodeId,
    action: &str,
) -> Vec<Step> {
    let Some(issuer) = oidc_issuer(world, provider) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for account in world.graph.sources(provider, EdgeKind::CorrelatesWith) {
        let node = &world.node(account).record;
        let Some((namespace, name)) = node
            .kind
            .eq(&Kind::EksServiceAccount)
            .then(|| node.name.split_once('/'))
            .flatten()
        else {
            continue;
        };
        let mut context = context.clone();
        let any = |text: &str| text.replace('*', crate::access::ANY);
        context.set(
            &format!("{issuer}:sub"),
            format!("system:serviceaccount:{}:{}", any(namespace), any(name)),
        );
        let target = Target {
            arn: world.id(role),
            node: Some(role),
        };
        let judged = judge(world, asker, action, target, Some(&context));
        if judged.verdict != PathVerdict::Denied {
            let text = format!(
                "service account {} gets a token for {}",
                world.label(account),
                world.label(role)
            );
            out.push(Step {
                group: None,
                ..step(EdgeKind::Assumes, account, role, action, text, judged)
            });
        }
    }
    out
}

/// The issuer as condition keys name it: the URL without `https://`.
pub(crate) fn oidc_issuer(world: &World, provider: NodeId) -> Option<&str> {
    world
        .id(provider)
        .split_once(":oidc-provider/")
        .map(|(_, issuer)| issuer)
}

/// A token's audience is one that the provider is set up for: known where there is but one.
fn oidc_audience(world: &World, provider: NodeId, context: &mut Context) {
    let clients = world
        .node(provider)
        .record
        .attrs
        .get("client_ids")
        .and_then(|v| v.as_array());
    if let (Some(issuer), Some([one])) = (oidc_issuer(world, provider), clients.map(Vec::as_slice))
        && let Some(client) = one.as_str()
    {
        context.set(&format!("{issuer}:aud"), client);
    }
}

fn federated_caller(provider: &str) -> Caller {
    Caller {
        kind: CallerKind::Federated,
        id: provider.to_owned(),
        account: None,
        role_arn: None,
        by_user: None,
    }
}
