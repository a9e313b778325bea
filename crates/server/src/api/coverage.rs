//! What could not be read. Absence of data is never shown as safety.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use sv0_model::coverage::Gap;

use crate::endpoint::{Asking, Nothing};
use crate::problem::Problem;

/// What could not be read.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Coverage {
    /// Each hole, and which questions it could change.
    gaps: Vec<Gap>,
    /// How many of each service.
    by_service: BTreeMap<String, usize>,
    /// How many of each reason.
    by_reason: BTreeMap<&'static str, usize>,
    /// How many of each account, by its name.
    by_account: BTreeMap<String, usize>,
    /// Policy documents with mistakes.
    policy_problems: Vec<PolicyProblem>,
    /// How many holes there are, shown or not.
    total: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PolicyProblem {
    /// The policy's name.
    policy: String,
    /// The entity that holds it.
    holder: String,
    /// What is wrong.
    problem: String,
    /// Where it was read.
    place: Option<String>,
}

/// Holes and mistakes that are listed.
const MOST: usize = 500;

pub(super) fn coverage(asking: &Asking<'_>, _: Nothing) -> Result<Coverage, Problem> {
    let world = asking.app.world();
    let mut out = Coverage {
        gaps: world.gaps.iter().take(MOST).cloned().collect(),
        by_service: BTreeMap::new(),
        by_reason: BTreeMap::new(),
        by_account: BTreeMap::new(),
        policy_problems: Vec::new(),
        total: world.gaps.len(),
    };
    for gap in &world.gaps {
        *out.by_service
            .entry(gap.service.clone().unwrap_or_default())
            .or_default() += 1;
        *out.by_reason.entry(gap.reason.as_str()).or_default() += 1;
        let account = gap.account.as_deref().map(|id| world.account_label(id));
        *out.by_account.entry(account.unwrap_or_default()).or_default() += 1;
    }
    let problems = world
        .policy_problems
        .iter()
        .take(MOST)
        .map(|problem| PolicyProblem {
            policy: problem.policy.clone(),
            holder: problem.holder.clone(),
            problem: problem.diagnostic.to_string(),
            place: problem.place.as_ref().map(|place| place.file.to_string()),
        });
    out.policy_problems.extend(problems);
    Ok(out)
}
