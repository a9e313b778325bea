//! What a principal was seen to do → the policy that allows just that.
//!
//! Actions are those that the calls needed; resources are those that the records name. A wildcard stands only where the use
//! is wide: more than a handful of names below one prefix, or an action that takes no resource. Before the policy is
//! given out, the plain evaluator is asked about every single use that was seen; what it does not allow is told, and there
//! should be none.
//!
//! Source: IAM User Guide, "Grant least privilege", "IAM and AWS STS quotas" (length of a managed policy).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use sv0_iam::catalog::Catalog;
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies, Request, Verdict, decide};
use sv0_iam::name::{Arn, Caller};
use sv0_iam::syntax::parse::{Flavor, parse};
use sv0_iam::syntax::resource::ResourceName;

use crate::action;
use crate::event::Outcome;
use crate::evidence::Evidence;

/// So many names below one prefix are listed; more are a use of all below it.
const LISTED: usize = 8;
/// The characters of a managed policy, white space not counted.
const LONGEST: usize = 6_144;

/// The policy, and how it is known to suffice.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Rightsized {
    /// For whom.
    pub principal: String,
    /// The document.
    pub policy: serde_json::Value,
    /// Pairs of action and resource that were seen, each of which the evaluator was asked about.
    pub observed: usize,
    /// Of these, those that the policy allows: all.
    pub allowed: usize,
    /// Those that it does not; none, unless something is wrong.
    pub not_allowed: Vec<String>,
    /// Calls that no IAM action is known for; the policy may lack what they need.
    pub unknown_calls: Vec<String>,
    /// Actions that the calls seen can need besides, and that no record shows, such as iam:PassRole.
    pub may_need: Vec<String>,
    /// Whether it is too long for one managed policy.
    pub too_long: bool,
}

/// Makes the policy of a principal. `full_name` gives the ARN of the configuration for one that a record made of a name
/// (a role's without its path, a secret's without its last characters), where it is known.
#[must_use]
pub fn rightsize(
    evidence: &Evidence,
    principal: &str,
    full_name: &dyn Fn(&str) -> Option<String>,
) -> Rightsized {
    let mut seen: BTreeSet<(&'static str, String)> = BTreeSet::new();
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    for one in evidence.uses() {
        if one.principal != principal || !matches!(one.outcome, Outcome::Success | Outcome::DryRun) {
            continue;
        }
        let actions = action::actions(one.source, one.name);
        if actions.is_empty() {
            unknown.insert(format!("{} {}", one.source, one.name));
        }
        let resource = full_name(one.resource).unwrap_or_else(|| one.resource.to_owned());
        seen.extend(actions.into_iter().map(|action| (action, resource.clone())));
    }
    // AWS asks nobody's permission for this one.
    seen.retain(|(action, _)| *action != "sts:GetCallerIdentity");
    let policy = document(&seen);
    let text = policy.to_string();
    let not_allowed = refused(&text, principal, &seen);
    Rightsized {
        principal: principal.to_owned(),
        observed: seen.len(),
        allowed: seen.len() - not_allowed.len(),
        not_allowed,
        unknown_calls: unknown.into_iter().collect(),
        may_need: may_need(&seen),
        too_long: text.chars().filter(|c| !c.is_whitespace()).count() > LONGEST,
        policy,
    }
}

/// Actions with the same resources share a statement.
fn document(seen: &BTreeSet<(&'static str, String)>) -> serde_json::Value {
    let mut by_action: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (action, resource) in seen {
        by_action.entry(action).or_default().insert(resource);
    }
    let mut by_resources: BTreeMap<Vec<String>, Vec<&str>> = BTreeMap::new();
    for (action, resources) in by_action {
        by_resources
            .entry(patterns(action, &resources))
            .or_default()
            .push(action);
    }
    let statements: Vec<serde_json::Value> = by_resources
        .into_iter()
        .map(|(resources, actions)| json!({"Effect": "Allow", "Action": actions, "Resource": resources}))
        .collect();
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// The resources of an action as a policy writes them.
fn patterns(action: &str, resources: &BTreeSet<&str>) -> Vec<String> {
    // An action that takes no resource can be allowed on `*` only; and where a record names no resource, nobody knows
    // which it was.
    let no_resource = Catalog::embedded()
        .action(action)
        .is_some_and(|action| action.is_wildcard_only());
    if no_resource || resources.contains("*") {
        return vec!["*".to_owned()];
    }
    let mut names: BTreeSet<String> = resources
        .iter()
        .flat_map(|name| with_unknown_parts(name))
        .collect();
    // From the longest prefix to the shortest: many names below one become one pattern, and many such patterns again.
    while let Some((prefix, below)) = widest(&names) {
        names.retain(|name| !below.contains(name));
        names.insert(format!("{prefix}*"));
    }
    names.into_iter().collect()
}

/// What a name may lack is a wildcard: the last six characters of a secret. Whether it lacks them the name does not tell,
/// because names may end like that; so both stand there.
fn with_unknown_parts(name: &str) -> Vec<String> {
    let secret = Arn::parse(name).is_some_and(|arn| arn.service == "secretsmanager");
    let plain = escaped(name);
    if secret {
        vec![format!("{plain}-??????"), plain]
    } else {
        vec![plain]
    }
}

/// Characters that mean something in patterns, in a name that holds them.
fn escaped(name: &str) -> String {
    // `${*}` is a star; in the resource of an old call a question mark or dollar stands for itself.
    name.replace('$', "${$}")
        .replace('*', "${*}")
        .replace('?', "${?}")
}

/// The prefix, up to a slash or colon, with most names below it, where these are more than a policy should list.
fn widest(names: &BTreeSet<String>) -> Option<(String, BTreeSet<String>)> {
    let mut below: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for name in names {
        let body = name.strip_suffix("/*").unwrap_or(name);
        let Some(cut) = body.rfind('/').or_else(|| body.rfind(':')) else {
            continue;
        };
        let prefix = body.get(..=cut).unwrap_or_default();
        // Never beyond the resource: not all buckets, not all tables of an account.
        let inside = Arn::parse(prefix).is_some_and(|arn| match arn.service {
            "s3" => arn.resource.contains('/'),
            _ => arn.typed().is_some_and(|(_, rest)| !rest.is_empty()),
        });
        if inside {
            below.entry(prefix).or_default().insert(name.clone());
        }
    }
    let (prefix, names) = below
        .into_iter()
        .filter(|(_, names)| names.len() > LISTED)
        .max_by_key(|(prefix, _)| prefix.len())?;
    Some((prefix.to_owned(), names))
}

/// Asks the plain evaluator about every use; gives those that the policy does not allow.
fn refused(text: &str, principal: &str, seen: &BTreeSet<(&'static str, String)>) -> Vec<String> {
    let (Some(policy), _) = parse(text, Flavor::Identity) else {
        return seen
            .iter()
            .map(|(action, resource)| format!("{action} on {resource}"))
            .collect();
    };
    let caller = Caller::parse(principal);
    let policies = Policies {
        identity: vec![Attached {
            policy: &policy,
            tag: 0,
        }],
        ..Policies::default()
    };
    let context = Context::closed();
    seen.iter()
        .filter(|(action, resource)| {
            let request = Request {
                caller: &caller,
                action,
                resource: ResourceName::new(resource),
                // What the other side of a cross-account call allows is not this policy's.
                resource_account: caller.account.as_deref(),
                context: &context,
            };
            decide(&request, &policies).verdict != Verdict::Allowed
        })
        .map(|(action, resource)| format!("{action} on {resource}"))
        .collect()
}

/// Actions that those seen depend on and that leave no record.
fn may_need(seen: &BTreeSet<(&'static str, String)>) -> Vec<String> {
    let catalog = Catalog::embedded();
    let needed: BTreeSet<String> = seen
        .iter()
        .filter_map(|(action, _)| catalog.action(action))
        .flat_map(|action| action.dependent_actions().map(str::to_owned).collect::<Vec<_>>())
        .filter(|action| action::recorded(action) == action::Recorded::Never)
        .collect();
    needed.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(action: &str, names: &[&str]) -> Vec<String> {
        patterns(action, &names.iter().copied().collect())
    }

    #[test]
    fn a_few_names_are_listed_and_many_become_their_prefix() {
        let few = ["arn:aws:s3:::b/x/1", "arn:aws:s3:::b/x/2"];
        assert_eq!(written("s3:GetObject", &few), few);
        let many: Vec<String> = (0..20).map(|n| format!("arn:aws:s3:::b/x/{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(written("s3:GetObject", &many), ["arn:aws:s3:::b/x/*"]);
        let tables: Vec<String> = (0..20)
            .map(|n| format!("arn:aws:dynamodb:r:111111111111:table/{n}"))
            .collect();
        let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
        assert_eq!(
            written("dynamodb:GetItem", &tables).len(),
            20,
            "never all tables of an account"
        );
        let buckets: Vec<String> = (0..20).map(|n| format!("arn:aws:s3:::b{n}")).collect();
        let buckets: Vec<&str> = buckets.iter().map(String::as_str).collect();
        assert_eq!(written("s3:ListBucket", &buckets).len(), 20, "never all buckets");
    }

    #[test]
    fn what_no_name_tells_is_a_wildcard() {
        assert_eq!(written("ec2:DescribeInstances", &["*"]), ["*"]);
        let secret = "arn:aws:secretsmanager:r:111111111111:secret:a/my-secret";
        assert_eq!(
            written("secretsmanager:GetSecretValue", &[secret]),
            [secret.to_owned(), format!("{secret}-??????")]
        );
    }

    #[test]
    fn the_policy_allows_what_was_seen_and_nothing_beside_it() {
        let odd = "arn:aws:s3:::b/${aws:username}/what?*";
        let seen: BTreeSet<(&str, String)> = [
            ("s3:GetObject", odd.to_owned()),
            ("s3:PutObject", "arn:aws:s3:::b/x".to_owned()),
        ]
        .into();
        let text = document(&seen).to_string();
        let who = "arn:aws:iam::111111111111:role/r";
        assert_eq!(refused(&text, who, &seen), Vec::<String>::new(), "{text}");
        let beside: BTreeSet<(&str, String)> = [
            ("s3:GetObject", "arn:aws:s3:::b/x".to_owned()),
            (
                "s3:GetObject",
                "arn:aws:s3:::b/${aws:username}/whatever".to_owned(),
            ),
            ("s3:DeleteObject", "arn:aws:s3:::b/x".to_owned()),
        ]
        .into();
        assert_eq!(refused(&text, who, &beside).len(), 3, "{text}");
    }
}
