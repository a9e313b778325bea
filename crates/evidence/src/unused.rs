//! What was granted and not seen in use: roles, keys, permissions; and how much it is worth that it was not seen.
//!
//! Where no trail could have shown a use, nothing is called unused. What IAM itself remembers (last used, last accessed)
//! stands beside it as weaker evidence: it is by service and by day, and it says nothing of which permission.
//!
//! Source: IAM User Guide, "Refine permissions in AWS using last accessed information".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_iam::condition::Context;
use sv0_iam::decide::{Attached, Policies, Request, decide};
use sv0_iam::name::Caller;
use sv0_iam::syntax::Policy;
use sv0_iam::syntax::resource::ResourceName;

use crate::action;
use crate::event::Outcome;
use crate::evidence::Evidence;
use crate::time::Time;
use crate::visible::{Sight, Sights};

/// What a principal is granted, as far as its policies tell.
#[derive(Debug, Clone, Default)]
pub struct Granted {
    /// Its ARN.
    pub principal: String,
    /// Its account.
    pub account: String,
    /// Actions that its policies allow on something, as the catalogue writes them.
    pub actions: Vec<&'static str>,
    /// Its identity policies.
    pub policies: Vec<GrantedPolicy>,
    /// Access keys: id, and when IAM last saw it used.
    pub keys: Vec<(String, Option<String>)>,
    /// When IAM last saw it used.
    pub last_used: Option<String>,
    /// When IAM last saw it use a service; none where it never did.
    pub service_last_accessed: BTreeMap<String, Option<String>>,
}

/// An identity policy.
#[derive(Debug, Clone)]
pub struct GrantedPolicy {
    /// Its name.
    pub name: String,
    /// The document.
    pub policy: Arc<Policy>,
    /// How much it grants: any measure, by which of two policies the broader one is dispensed with first.
    pub breadth: usize,
}

/// Whether something was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was not seen, and would have been.
    Unused,
    /// Nothing here could have shown it.
    CannotBeSeen,
    /// It was not seen, and IAM says that it was used in this time: the records here are not all.
    UsedSaysIam,
    /// It was seen.
    Used,
}

impl Verdict {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::CannotBeSeen => "cannot be seen",
            Self::UsedSaysIam => "used, says IAM",
            Self::Used => "used",
        }
    }

    /// `iam`: when IAM last saw it used, as far as it says.
    fn of(used: bool, sight: Sight, iam: Option<&str>, since: Time) -> Self {
        match (used, sight.can_be_seen()) {
            (true, _) => Self::Used,
            _ if iam.and_then(Time::parse).is_some_and(|last| last >= since) => Self::UsedSaysIam,
            (false, true) => Self::Unused,
            (false, false) => Self::CannotBeSeen,
        }
    }
}

/// A principal.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PrincipalUse {
    /// Its ARN.
    pub principal: String,
    /// Whether it did anything.
    pub verdict: Verdict,
    /// How much the verdict is worth: `high`, `medium`, `none`.
    pub confidence: &'static str,
    /// Its last act.
    pub last: Option<Time>,
    /// When IAM last saw it used: weaker evidence.
    pub iam_last_used: Option<String>,
    /// Its access keys.
    pub keys: Vec<KeyUse>,
    /// Its policies: which of them what was seen needs.
    pub policies: Vec<PolicyUse>,
    /// Its permissions, by service.
    pub services: Vec<ServiceUse>,
}

/// An identity policy of a principal.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PolicyUse {
    /// Its name.
    pub policy: String,
    /// Of the pairs of action and resource that were seen, how many it allows.
    pub allows: usize,
    /// How many no other policy of the principal allows.
    pub only_it_allows: usize,
    /// How many pairs were seen.
    pub seen: usize,
    /// Whether it is among those that are left when the broadest are dispensed with one after another, as long as the rest
    /// allows everything that was seen.
    pub needed: bool,
}

/// An access key.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct KeyUse {
    /// Its id, which is no secret.
    pub id: String,
    /// Whether it was used.
    pub verdict: Verdict,
    /// Its last use.
    pub last: Option<Time>,
    /// When IAM last saw it used: weaker evidence.
    pub iam_last_used: Option<String>,
}

/// The permissions of a principal for one service.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServiceUse {
    /// Its prefix.
    pub service: String,
    /// How many actions are granted.
    pub granted: usize,
    /// Actions that were used.
    pub used: Vec<&'static str>,
    /// Actions that would have been recorded with certainty, and were not.
    pub unused: usize,
    /// Actions that were not recorded, where the records may not cover every resource.
    pub unused_in_part: usize,
    /// Actions whose use could not have been seen, by reason.
    pub cannot_be_seen: BTreeMap<&'static str, usize>,
    /// When IAM last saw the service used: weaker evidence. `never` where IAM says so.
    pub iam_last_accessed: Option<String>,
}

/// Works it out.
#[must_use]
pub fn unused(evidence: &Evidence, sights: &Sights, granted: &[Granted]) -> Vec<PrincipalUse> {
    let mut used: FxHashMap<&str, (Time, BTreeSet<&'static str>)> = FxHashMap::default();
    let mut keys: FxHashMap<&str, Time> = FxHashMap::default();
    let mut pairs: FxHashMap<&str, BTreeSet<(&'static str, &str)>> = FxHashMap::default();
    for one in evidence.uses() {
        // A key that is refused is in use all the same; a permission that is refused is not.
        let key = evidence.access_key(one.session);
        if key.starts_with("AKIA") {
            let last = keys.entry(key).or_insert(one.last);
            *last = (*last).max(one.last);
        }
        let (last, actions) = used.entry(one.principal).or_insert((one.last, BTreeSet::new()));
        *last = (*last).max(one.last);
        if matches!(one.outcome, Outcome::Success | Outcome::DryRun) {
            let used = action::actions(one.source, one.name);
            // Of calls that can need several actions a record proves the first.
            let seen = used.first().map(|action| (*action, one.resource));
            pairs.entry(one.principal).or_default().extend(seen);
            actions.extend(used);
        }
    }
    let since = evidence.window().since;
    let no_pairs = BTreeSet::new();
    let nothing = BTreeSet::new();
    let mut out: Vec<PrincipalUse> = granted
        .iter()
        .map(|granted| {
            let found = used.get(granted.principal.as_str());
            let sight = sights.of(&[&granted.account], "sts:GetCallerIdentity");
            let iam = granted.last_used.as_deref();
            let verdict = Verdict::of(found.is_some(), sight, iam, since);
            PrincipalUse {
                principal: granted.principal.clone(),
                verdict,
                confidence: match verdict {
                    Verdict::Used => "high",
                    Verdict::UsedSaysIam => "medium",
                    _ => sight.confidence(),
                },
                last: found.map(|(last, _)| *last),
                iam_last_used: granted.last_used.clone(),
                keys: granted
                    .keys
                    .iter()
                    .map(|(id, iam_last_used)| {
                        let last = keys.get(id.as_str()).copied();
                        KeyUse {
                            id: id.clone(),
                            verdict: Verdict::of(last.is_some(), sight, iam_last_used.as_deref(), since),
                            last,
                            iam_last_used: iam_last_used.clone(),
                        }
                    })
                    .collect(),
                policies: policies(
                    granted,
                    pairs.get(granted.principal.as_str()).unwrap_or(&no_pairs),
                ),
                services: services(granted, sights, found.map_or(&nothing, |(_, actions)| actions)),
            }
        })
        .collect();
    out.sort_by(|a, b| (a.verdict, &a.principal).cmp(&(b.verdict, &b.principal)));
    out
}

/// Asks of each policy, as if it were the only one, about everything that was seen. A condition that hangs on what no record
/// tells counts for the policy: better one too many that is needed.
fn policies(granted: &Granted, seen: &BTreeSet<(&'static str, &str)>) -> Vec<PolicyUse> {
    let caller = Caller::parse(&granted.principal);
    let context = Context::open();
    let allows: Vec<Vec<bool>> = granted
        .policies
        .iter()
        .map(|one| {
            let policies = Policies {
                identity: vec![Attached {
                    policy: &one.policy,
                    tag: 0,
                }],
                ..Policies::default()
            };
            seen.iter()
                .map(|(action, resource)| {
                    let request = Request {
                        caller: &caller,
                        action,
                        resource: ResourceName::new(resource),
                        resource_account: caller.account.as_deref(),
                        context: &context,
                    };
                    decide(&request, &policies).verdict.possible()
                })
                .collect()
        })
        .collect();
    let by_any = |at: usize| allows.iter().filter(|one| one.get(at) == Some(&true)).count();
    let mut kept: Vec<bool> = vec![true; granted.policies.len()];
    let mut broadest: Vec<usize> = (0..kept.len()).collect();
    broadest.sort_by_key(|at| {
        granted
            .policies
            .get(*at)
            .map(|one| (std::cmp::Reverse(one.breadth), one.name.clone()))
    });
    for at in broadest {
        let without = |pair: usize| {
            allows
                .iter()
                .zip(&kept)
                .enumerate()
                .any(|(other, (one, kept))| other != at && *kept && one.get(pair) == Some(&true))
        };
        let dispensable = (0..seen.len()).all(|pair| by_any(pair) == 0 || without(pair));
        if let Some(kept) = kept.get_mut(at) {
            *kept = !dispensable;
        }
    }
    granted
        .policies
        .iter()
        .zip(&allows)
        .zip(kept)
        .map(|((policy, mine), needed)| PolicyUse {
            policy: policy.name.clone(),
            allows: mine.iter().filter(|allowed| **allowed).count(),
            only_it_allows: mine
                .iter()
                .enumerate()
                .filter(|(at, allowed)| **allowed && by_any(*at) == 1)
                .count(),
            seen: seen.len(),
            needed,
        })
        .collect()
}

fn services(granted: &Granted, sights: &Sights, used: &BTreeSet<&'static str>) -> Vec<ServiceUse> {
    let mut by_service: BTreeMap<&str, ServiceUse> = BTreeMap::new();
    for &name in &granted.actions {
        let service = name.split(':').next().unwrap_or_default();
        let entry = by_service.entry(service).or_insert_with(|| ServiceUse {
            service: service.to_owned(),
            granted: 0,
            used: Vec::new(),
            unused: 0,
            unused_in_part: 0,
            cannot_be_seen: BTreeMap::new(),
            iam_last_accessed: granted
                .service_last_accessed
                .get(service)
                .map(|last| last.clone().unwrap_or_else(|| "never".into())),
        });
        entry.granted += 1;
        if used.contains(name) {
            entry.used.push(name);
            continue;
        }
        match sights.of(&[&granted.account], name) {
            Sight::Recorded => entry.unused += 1,
            Sight::InPart => entry.unused_in_part += 1,
            hidden => *entry.cannot_be_seen.entry(hidden.words()).or_default() += 1,
        }
    }
    by_service.into_values().collect()
}
