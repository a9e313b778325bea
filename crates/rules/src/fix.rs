//! Changes that end a finding. A rule may have an idea; every finding has those that its paths suggest. Each idea is tried in
//! a world with the change made before it is offered: what is not proven is not shown.
//!
//! * [`document`] — policy documents as JSON, edited and printed;
//! * `ideas` — what the paths of a finding suggest;
//! * `trial` — the world with a change made, and what is different there;
//! * `terraform` — the same change for Terraform.

pub mod document;
mod ideas;
mod terraform;
mod trial;

pub use trial::records;

use sv0_analyze::normalize::rules::Rules;
use sv0_model::finding::{Finding, Fix, FixKind};
use sv0_model::kind::Slot;
use sv0_model::record::Record;

use crate::ground::Ground;
use crate::rule::rule;

pub(crate) use ideas::of_grant;
pub use trial::Before;

/// One statement of one document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The id of the entity that holds the document.
    pub holder: String,
    /// What it is for its holder.
    pub slot: Slot,
    /// The name of an inline policy.
    pub name: Option<String>,
    /// What people call the policy.
    pub policy: String,
    /// Which statement, from zero.
    pub statement: usize,
}

/// A change that might end a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Idea {
    /// Asks for one more thing.
    Condition {
        /// Where.
        place: Place,
        /// The operator.
        operator: String,
        /// The key.
        key: String,
        /// The values.
        values: Vec<String>,
        /// Whether the values stand for ones that only the user knows.
        placeholder: bool,
    },
    /// Names principals instead of an account.
    Principals {
        /// Where.
        place: Place,
        /// The accounts.
        instead_of: Vec<String>,
        /// Who is named.
        names: Vec<String>,
    },
    /// Lets one principal in no more.
    Principal {
        /// Where.
        place: Place,
        /// The entry as written.
        entry: String,
    },
    /// Takes actions out of a statement.
    Actions {
        /// Where.
        place: Place,
        /// The actions as written.
        actions: Vec<String>,
    },
    /// Leaves of a statement what was seen in use.
    Narrow {
        /// Where.
        place: Place,
        /// The actions that were seen.
        actions: Vec<String>,
        /// What they were seen on.
        resources: Vec<String>,
    },
    /// Takes a statement out.
    Statement {
        /// Where.
        place: Place,
    },
    /// Denies on a resource, for everybody but some.
    Deny {
        /// The resource.
        holder: String,
        /// Its policy's slot.
        slot: Slot,
        /// The actions.
        actions: Vec<String>,
        /// Who still may: ARNs.
        exempt: Vec<String>,
    },
    /// Denies in an account, for everybody but some, by a service control policy.
    Guard {
        /// The account's entity.
        account: String,
        /// The actions.
        actions: Vec<String>,
        /// On what.
        resources: Vec<String>,
        /// Who still may: ARNs.
        exempt: Vec<String>,
    },
    /// Switches Block Public Access on.
    BlockPublicAccess {
        /// The bucket.
        bucket: String,
    },
    /// Deletes a role.
    Delete {
        /// The role.
        entity: String,
    },
    /// Takes a managed policy from an identity or group.
    Detach {
        /// The policy's ARN.
        policy: String,
        /// The identity's id.
        from: String,
    },
}

impl Idea {
    /// What it does.
    #[must_use]
    pub const fn kind(&self) -> FixKind {
        match self {
            Self::Condition { place, .. }
            | Self::Principals { place, .. }
            | Self::Principal { place, .. } => match place.slot {
                Slot::Trust => FixKind::Trust,
                _ => FixKind::ResourcePolicy,
            },
            Self::Actions { .. } | Self::Statement { .. } => FixKind::Remove,
            Self::Narrow { .. } => FixKind::Narrow,
            Self::Detach { .. } => FixKind::Detach,
            Self::Deny { .. } | Self::BlockPublicAccess { .. } => FixKind::ResourcePolicy,
            Self::Guard { .. } => FixKind::Guard,
            Self::Delete { .. } => FixKind::Delete,
        }
    }

    /// Small changes before large ones.
    const fn cost(&self) -> u8 {
        match self {
            Self::Condition { .. } | Self::Narrow { .. } => 0,
            Self::Principals { .. } | Self::BlockPublicAccess { .. } => 1,
            Self::Principal { .. } | Self::Actions { .. } => 2,
            Self::Statement { .. } => 3,
            Self::Detach { .. } => 4,
            Self::Deny { .. } => 5,
            Self::Guard { .. } => 6,
            Self::Delete { .. } => 7,
        }
    }
}

/// What fixes are worked out from.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The world as it is.
    pub ground: &'a Ground<'a>,
    /// What it was made from.
    pub records: Vec<Record>,
    /// The user's rules.
    pub rules: &'a Rules,
    /// What there was before, to compare with.
    pub before: Before,
}

impl<'a> Bench<'a> {
    /// Makes ready to try changes.
    #[must_use]
    pub fn new(ground: &'a Ground<'a>, rules: &'a Rules) -> Self {
        Self {
            ground,
            records: trial::records(ground.world),
            rules,
            before: Before::of(ground),
        }
    }
}

/// Ideas that are tried for one finding.
const MOST_TRIALS: usize = 6;
/// Fixes that are offered.
const MOST_FIXES: usize = 3;
/// Changes that are made together where no single one is enough.
const MOST_TOGETHER: usize = 4;

/// Works out what ends a finding, the best first.
#[must_use]
pub fn fixes(bench: &Bench<'_>, finding: &Finding, own: &[Idea]) -> Vec<Fix> {
    // What a rule thinks of is tried whatever else there is.
    let mut ideas = own.to_vec();
    if rule(finding.rule).is_some_and(|rule| rule.is_cut_at_its_paths()) {
        let more = ideas::of(bench.ground, finding);
        let more: Vec<Idea> = more.into_iter().filter(|idea| !own.contains(idea)).collect();
        ideas.extend(more.into_iter().take(MOST_TRIALS));
    }
    let mut found: Vec<(Fix, u8)> = Vec::new();
    let mut partial: Vec<(usize, &Idea)> = Vec::new();
    for idea in &ideas {
        let Some(fix) = trial::attempt(bench, finding, std::slice::from_ref(idea)) else {
            continue;
        };
        if fix.proof.finding_gone && fix.proof.opens_nothing {
            found.push((fix, idea.cost()));
        } else if fix.proof.opens_nothing {
            partial.push((fix.proof.paths_cut, idea));
        }
    }
    if found.is_empty() {
        partial.sort_by_key(|(cut, idea)| (std::cmp::Reverse(*cut), idea.cost()));
        let mut together: Vec<Idea> = Vec::new();
        for (_, idea) in partial.into_iter().take(MOST_TOGETHER) {
            together.push(idea.clone());
            if together.len() < 2 {
                continue;
            }
            let tried = trial::attempt(bench, finding, &together);
            if let Some(fix) = tried.filter(|fix| fix.proof.finding_gone && fix.proof.opens_nothing) {
                found.push((fix, 9));
                break;
            }
        }
    }
    // What takes least from others first; then what changes least.
    found.sort_by_key(|(fix, cost)| {
        let breaks = fix.proof.keeps_observed_use == Some(false);
        (breaks, fix.proof.also_lost, *cost)
    });
    // Not three of one kind where there is another.
    let mut seen: Vec<(FixKind, usize)> = Vec::new();
    found.sort_by_key(|(fix, _)| {
        let before = seen.iter().filter(|(kind, _)| *kind == fix.kind).count();
        seen.push((fix.kind, before));
        before >= 2
    });
    found.truncate(MOST_FIXES);
    found.into_iter().map(|(fix, _)| fix).collect()
}
