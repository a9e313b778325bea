//! Who can become which role. Starts from trust policies, the smaller side; the identity side is asked where the trust
//! policy leaves it to the account.

use std::collections::BTreeSet;

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sv0_iam::condition::Context;
use sv0_iam::name::Arn;
use sv0_iam::name::principal::{Caller, CallerKind};
use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::PathVerdict;

use super::{Step, judge, step};
use crate::ask::{Asker, Target, mentions};
use crate::world::{Principal, World};

/// All `ASSUMES` steps.
pub(super) fn steps(world: &World, askers: &[Asker<'_>]) -> Vec<Step> {
    let index = Index::of(world, askers);
    let roles: Vec<(NodeId, &Principal)> = world.principals.iter().map(|(node, p)| (*node, p)).collect();
    let mut out: Vec<Step> = roles
        .par_iter()
        .flat_map_iter(|(role, principal)| {
            let candidates = index.candidates(world, principal);
            candidates
                .into_iter()
                .filter_map(|at| askers.get(at))
                .filter_map(|asker| assume(world, asker, *role))
                .collect::<Vec<_>>()
        })
        .collect();
    out.extend(of_providers(world));
    out
}

/// Callers by what a trust policy can call them.
struct Index<'a> {
    by_arn: FxHashMap<&'a str, usize>,
    /// Those of an account that a trust policy which names the account lets in: they need a policy of their own.
    by_account: FxHashMap<&'a str, Vec<usize>>,
    by_role_name: FxHashMap<(&'a str, &'a str), Vec<usize>>,
}

impl<'a> Index<'a> {
    fn of(world: &World, askers: &'a [Asker<'_>]) -> Self {
        let mut out = Self {
            by_arn: FxHashMap::default(),
            by_account: FxHashMap::default(),
            by_role_name: FxHashMap::default(),
        };
        for (at, asker) in askers.iter().enumerate() {
            out.by_arn.insert(&asker.caller.id, at);
            let Some(account) = asker.caller.account.as_deref() else {
                out.by_account.entry("").or_default().push(at);
                continue;
            };
            let stranger = asker
                .node
                .is_none_or(|node| !world.principals.contains_key(&node));
            if stranger || mentions(world, asker, "sts:AssumeRole") {
                out.by_account.entry(account).or_default().push(at);
            }
            if let Some(name) = asker.caller.role_name() {
                out.by_role_name.entry((account, name)).or_default().push(at);
            }
        }
        out
    }

    /// Who may be let in by a role's trust policy.
    fn candidates(&self, world: &World, role: &Principal) -> BTreeSet<usize> {
        let mut out = BTreeSet::new();
        let Some(trust) = role.trust.and_then(|tag| world.attachment(tag)) else {
            return out;
        };
        let statements = trust.policy.statements.iter();
        for statement in
            statements.filter(|s| s.effect == Effect::Allow && s.action.matches("sts:AssumeRole"))
        {
            let Some(element) = &statement.principal else {
                continue;
            };
            if element.negated || element.entries.contains(&PrincipalEntry::Anyone) {
                out.extend(self.by_account.values().flatten());
                // In its own account, `*` lets everybody in without a policy of their own.
                continue;
            }
            for entry in &element.entries {
                match entry {
                    PrincipalEntry::Account(id) => {
                        out.extend(self.by_account.get(&**id).into_iter().flatten())
                    }
                    PrincipalEntry::Arn(arn) => {
                        out.extend(self.by_arn.get(&**arn));
                        out.extend(self.session(arn));
                    }
                    _ => {}
                }
            }
        }
        out
    }

    /// The roles whose session an ARN names.
    fn session(&self, arn: &str) -> Vec<usize> {
        let key = Arn::parse(arn).and_then(|parsed| {
            let (word, rest) = parsed.typed()?;
            Some((parsed.account, rest.split('/').next()?)).filter(|_| word == "assumed-role")
        });
        key.and_then(|key| self.by_role_name.get(&key))
            .cloned()
            .unwrap_or_default()
    }
}

fn assume(world: &World, asker: &Asker<'_>, role: NodeId) -> Option<Step> {
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
fn of_providers(world: &World) -> Vec<Step> {
    let mut out = Vec::new();
    for (role, principal) in &world.principals {
        let Some(trust) = principal.trust.and_then(|tag| world.attachment(tag)) else {
            continue;
        };
        let providers: BTreeSet<&str> = trust
            .policy
            .statements
            .iter()
            .filter(|s| s.effect == Effect::Allow)
            .filter_map(|s| s.principal.as_ref())
            .flat_map(|element| &element.entries)
            .filter_map(|entry| match entry {
                PrincipalEntry::Federated(provider) => Some(&**provider),
                _ => None,
            })
            .collect();
        for provider in providers {
            out.extend(federated(world, *role, provider));
        }
    }
    out
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
