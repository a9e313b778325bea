//! Broad grants stay symbolic: "every S3 bucket", "everything in Prod" are targets of their own, never the cross product
//! of principals and resources.
//!
//! Whether a principal has a scope is asked with a resource of a name that nobody ever gave ([`ANY`]): if that is
//! allowed, the grant does not hang on names.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sv0_engine::index::{Bundle, PrincipalId};
use sv0_iam::catalog::Catalog;
use sv0_iam::decide::{ResourceRule, Verdict};
use sv0_iam::name::Arn;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, Kind};
use sv0_model::path::ConditionText;

use crate::access::{ANY, Access, Allowed, level, sources};
use crate::ask::{Asker, Target};
use crate::reach::{self, About, Room};
use crate::words;
use crate::world::World;

/// Services whose data is shown as a scope: service, resource part of the ARN, words.
const SERVICES: &[(&str, &str, &str)] = &[
    ("dynamodb", "table/*", "every DynamoDB table"),
    ("secretsmanager", "secret:*", "every secret"),
    ("ssm", "parameter/*", "every SSM parameter"),
    ("sqs", "*", "every SQS queue"),
    ("kms", "key/*", "every KMS key"),
];

/// The id of the scope of all S3 buckets; bucket ARNs have no account.
pub const EVERY_BUCKET: &str = "arn:aws:s3:::*";

/// The id of the scope of everything in an account.
#[must_use]
pub fn everything(account: &str) -> String {
    format!("arn:aws:*:*:{account}:*")
}

/// Whether a scope is everything in an account.
#[must_use]
pub fn is_everything(id: &str) -> bool {
    id.starts_with("arn:aws:*:*:")
}

/// Makes the scopes of all collected accounts.
pub fn nodes(world: &mut World) {
    let accounts: Vec<(String, String)> = world
        .accounts
        .iter()
        .filter(|(_, account)| account.collected)
        .map(|(id, _)| (id.clone(), world.account_label(id)))
        .collect();
    if accounts.is_empty() {
        return;
    }
    let mut add = |id: &str, name: String, account: Option<&str>| {
        let node = world.graph.stub(Kind::ResourceScope, id);
        if let Some(node) = world.graph.node_mut(node) {
            node.record.name = name;
            node.record.account = account.map(str::to_owned);
        }
    };
    add(EVERY_BUCKET, "every S3 bucket".into(), None);
    for (account, label) in accounts {
        add(
            &everything(&account),
            format!("everything in {label}"),
            Some(&account),
        );
        for (service, part, words) in SERVICES {
            add(
                &format!("arn:aws:{service}:*:{account}:{part}"),
                format!("{words} in {label}"),
                Some(&account),
            );
        }
    }
}

/// What a principal can do to a scope.
#[must_use]
pub fn access(world: &World, asker: &Asker<'_>, scope: NodeId) -> Access {
    let id = world.id(scope);
    let account = world.account_of(scope).or(asker.caller.account.as_deref());
    let mut out = Access::default();
    // Scopes are the grants of one's own account; a foreign account's resources are asked about one by one.
    if account.is_none() || account != asker.caller.account.as_deref() || !has_policies(world, asker) {
        return out;
    }
    if is_everything(id) {
        if let Some(found) = administrator(world, asker) {
            out.allowed.push(found);
        }
        return out;
    }
    let Some(arn) = Arn::parse(id) else { return out };
    let parts: Vec<String> = match arn.service {
        "s3" => vec![format!("arn:aws:s3:::{ANY}"), format!("arn:aws:s3:::{ANY}/{ANY}")],
        "secretsmanager" => vec![format!("{}-sv0any", concrete(id))],
        _ => vec![concrete(id)],
    };
    for part in parts {
        let types = Catalog::embedded().resource_types_for_arn(&part);
        for found in types.iter().filter(|t| t.service() == arn.service) {
            let actions = Catalog::embedded().actions_of(found.service());
            for action in actions.filter(|a| a.resource_types().any(|usage| usage.name() == found.name())) {
                if let Some(allowed) = ask(
                    world,
                    asker,
                    action.name(),
                    level(action.access_level()),
                    &part,
                    id,
                ) && !out.allowed.iter().any(|a| a.action == allowed.action)
                {
                    out.allowed.push(allowed);
                }
            }
        }
    }
    out
}

fn ask(
    world: &World,
    asker: &Asker<'_>,
    action: &'static str,
    level: AccessLevel,
    arn: &str,
    scope: &str,
) -> Option<Allowed> {
    if !crate::ask::mentions(world, asker, action) {
        return None;
    }
    let answer = asker.ask(action, Target { arn, node: None });
    answer.verdict().possible().then(|| Allowed {
        action,
        level,
        scope: scope.to_owned(),
        verdict: answer.verdict(),
        conditions: words::requirements(world, asker, &answer),
        sources: sources(&answer.decision.hits),
        key: None,
    })
}

fn has_policies(world: &World, asker: &Asker<'_>) -> bool {
    asker
        .node
        .and_then(|node| world.principals.get(&node))
        .is_some_and(|p| !p.identity.is_empty())
}

fn concrete(scope: &str) -> String {
    let mut out = scope.replacen(":*:", ":us-east-1:", 1);
    if out.ends_with('*') {
        out.pop();
        out.push_str(ANY);
    }
    out
}

/// The resources that an action is asked about when it is to make something new: one for each of its types, `*` where
/// it takes none.
#[must_use]
pub fn fresh(action: &str, account: &str) -> Vec<String> {
    let Some(found) = Catalog::embedded().action(action) else {
        return vec!["*".into()];
    };
    let mut out: Vec<String> = found
        .resource_types()
        .filter_map(|usage| usage.resource_type())
        .map(|kind| fill(kind.arn_template(), account))
        .collect();
    if out.is_empty() {
        out.push("*".into());
    }
    out
}

/// Fills the placeholders of an ARN template.
fn fill(template: &str, account: &str) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, tail)) = after.split_once('}') else {
            break;
        };
        out.push_str(before);
        out.push_str(match name {
            "Partition" => "aws",
            "Region" => "us-east-1",
            "Account" => account,
            _ => ANY,
        });
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// What makes an administrator: it can give itself, or anything it makes, every permission, and reads data already.
const PROOF: &[(&str, &str)] = &[
    ("iam:PutRolePolicy", "arn:aws:iam::{account}:role/sv0-any"),
    ("iam:AttachRolePolicy", "arn:aws:iam::{account}:role/sv0-any"),
    ("iam:PassRole", "arn:aws:iam::{account}:role/sv0-any"),
    ("iam:PutUserPolicy", "arn:aws:iam::{account}:user/sv0-any"),
    ("iam:CreateAccessKey", "arn:aws:iam::{account}:user/sv0-any"),
    ("iam:CreatePolicyVersion", "arn:aws:iam::{account}:policy/sv0-any"),
    ("s3:GetObject", "arn:aws:s3:::sv0-any/sv0-any"),
    (
        "secretsmanager:GetSecretValue",
        "arn:aws:secretsmanager:us-east-1:{account}:secret:sv0-any-sv0any",
    ),
];

/// The actions that make an administrator.
pub(crate) fn proving() -> impl Iterator<Item = &'static str> {
    PROOF.iter().map(|(action, _)| *action)
}

/// Whether somebody would make an administrator, whatever its policies mention, and what that hangs on.
pub(crate) fn proves(world: &World, asker: &Asker<'_>) -> (Verdict, Vec<ConditionText>) {
    let account = asker.caller.account.as_deref().unwrap_or_default();
    let mut conditions = Vec::new();
    let mut verdict = Verdict::Allowed;
    for (action, template) in PROOF {
        let arn = template.replace("{account}", account);
        let answer = asker.ask(
            action,
            Target {
                arn: &arn,
                node: None,
            },
        );
        match answer.verdict() {
            Verdict::Allowed => {}
            Verdict::AllowedIf => {
                verdict = Verdict::AllowedIf;
                conditions.extend(words::requirements(world, asker, &answer));
            }
            denied => return (denied, Vec::new()),
        }
    }
    conditions.sort();
    conditions.dedup();
    (verdict, conditions)
}

/// Scopes of an account below everything in it: the id, and what is asked to know whether somebody reads there.
pub(crate) fn samples(account: &str) -> impl Iterator<Item = (String, &'static str, String)> {
    const READS: &[(&str, &str, &str)] = &[
        ("dynamodb", "dynamodb:GetItem", ""),
        ("secretsmanager", "secretsmanager:GetSecretValue", "-sv0any"),
        ("ssm", "ssm:GetParameter", ""),
        ("sqs", "sqs:ReceiveMessage", ""),
    ];
    let bucket = (
        EVERY_BUCKET.to_owned(),
        "s3:GetObject",
        format!("arn:aws:s3:::{ANY}/{ANY}"),
    );
    let others = SERVICES.iter().filter_map(move |(service, part, _)| {
        let (_, action, end) = READS.iter().find(|(name, ..)| name == service)?;
        let id = format!("arn:aws:{service}:*:{account}:{part}");
        let arn = format!("{}{end}", concrete(&id));
        Some((id, *action, arn))
    });
    std::iter::once(bucket).chain(others)
}

/// Whether a principal is an administrator of its account, by what it can do and not by the name of a policy.
#[must_use]
pub fn is_administrator(world: &World, asker: &Asker<'_>) -> bool {
    administrator(world, asker).is_some()
}

/// Everybody who can do everything in an account of its own.
#[must_use]
pub fn all_administrators(world: &World) -> FxHashSet<NodeId> {
    let accounts: FxHashSet<String> = world.accounts.keys().cloned().collect();
    let everybody = world.everybody();
    let found = administrators(world, &accounts).into_iter();
    found.filter_map(|principal| everybody.node(principal)).collect()
}

/// The administrators of some accounts, among everybody.
pub(crate) fn administrators(world: &World, accounts: &FxHashSet<String>) -> Vec<PrincipalId> {
    let everybody = world.everybody();
    let bundles: Vec<(Arc<Bundle>, &str)> = PROOF
        .iter()
        .map(|(action, template)| (world.reaching().bundle(world, &[action]), *template))
        .collect();
    let accounts: Vec<&String> = accounts.iter().collect();
    let each = accounts.par_iter().map_init(Room::default, |room, account| {
        let mut able: Option<FxHashMap<PrincipalId, bool>> = None;
        for (bundle, template) in &bundles {
            let arn = template.replace("{account}", account);
            let about = About {
                arn: &arn,
                node: None,
                owner: Some(account),
                anywhere: false,
                policies: &[],
                rule: ResourceRule::Either,
                block_public_access: false,
                more: &[],
                only: None,
            };
            reach::ask(world, bundle, &about, room);
            let rows = room.rows.iter().filter(|row| row.possible != 0);
            let now = rows.map(|row| (row.principal, row.certain != 0));
            able = Some(match &able {
                None => now.collect(),
                Some(before) => now
                    .filter_map(|(who, sure)| Some((who, sure && *before.get(&who)?)))
                    .collect(),
            });
        }
        let mut out: Vec<PrincipalId> = Vec::new();
        for (who, sure) in able.unwrap_or_default() {
            // What hangs on conditions is looked at closely.
            let close = || {
                let node = everybody.node(who);
                node.is_some_and(|node| is_administrator(world, &Asker::node(world, node)))
            };
            if sure || close() {
                out.push(who);
            }
        }
        out.sort_unstable();
        out
    });
    each.flatten_iter().collect()
}

fn administrator(world: &World, asker: &Asker<'_>) -> Option<Allowed> {
    let account = asker.caller.account.as_deref()?;
    let mut sum: Option<Allowed> = None;
    for (action, template) in PROOF {
        if !crate::ask::mentions(world, asker, action) {
            return None;
        }
        let arn = template.replace("{account}", account);
        let found = proof(world, asker, action, &arn, account)?;
        sum = Some(match sum {
            None => found,
            Some(mut sum) => {
                if found.verdict == Verdict::AllowedIf {
                    sum.verdict = Verdict::AllowedIf;
                }
                sum.conditions.extend(found.conditions);
                sum.conditions.sort();
                sum.conditions.dedup();
                sum.sources
                    .retain(|source| found.sources.contains(source) || found.sources.is_empty());
                sum
            }
        });
    }
    sum.filter(|found| !found.sources.is_empty() || found.verdict == Verdict::Allowed)
}

fn proof(world: &World, asker: &Asker<'_>, action: &str, arn: &str, account: &str) -> Option<Allowed> {
    let answer = asker.ask(action, Target { arn, node: None });
    answer.verdict().possible().then(|| Allowed {
        action: "*",
        level: AccessLevel::Permissions,
        scope: everything(account),
        verdict: answer.verdict(),
        conditions: words::requirements(world, asker, &answer),
        sources: sources(&answer.decision.hits),
        key: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_resources() {
        assert!(fresh("s3:GetObject", "1").contains(&format!("arn:aws:s3:::{ANY}/{ANY}")));
        assert_eq!(fresh("iam:PassRole", "1"), [format!("arn:aws:iam::1:role/{ANY}")]);
        assert_eq!(fresh("ec2:DescribeInstances", "1"), ["*"]);
        assert_eq!(
            concrete("arn:aws:dynamodb:*:1:table/*"),
            format!("arn:aws:dynamodb:us-east-1:1:table/{ANY}")
        );
    }
}
