//! What a change would do, and what changes did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sv0_analyze::question::what_if::{Change, Difference, edit};
use sv0_analyze::question::{WhatIf, what_if as ask};
use sv0_model::kind::Slot;
use sv0_rules::fix;
use sv0_rules::lifecycle::Known;

use super::findings::Summary;
use crate::endpoint::{Asking, Nothing};
use crate::problem::Problem;

/// Changes, one after the other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    /// Policy documents that become others.
    #[serde(default)]
    documents: Vec<Edited>,
    /// Edges that are cut.
    #[serde(default)]
    remove_edges: Vec<Cut>,
    /// Managed policies that are taken from identities.
    #[serde(default)]
    detach: Vec<Detach>,
    /// Entities that are deleted: ids or names.
    #[serde(default)]
    delete: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edited {
    /// The policy's ARN, or the id of the entity that holds it.
    policy_id: String,
    /// What it is for its holder.
    slot: Option<Slot>,
    /// An inline policy's name.
    policy: Option<String>,
    /// The new document; null where it goes.
    json: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cut {
    from: String,
    to: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Detach {
    policy: String,
    from: String,
}

/// Differences that are listed of each side.
const MOST: usize = 200;

/// What the changes would do.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Would {
    #[serde(flatten)]
    answer: WhatIf,
    /// How many are gained, shown or not.
    gained_total: usize,
    /// How many are lost, shown or not.
    lost_total: usize,
}

impl Edited {
    fn change(self) -> Change {
        let name = match (self.slot, &self.policy) {
            (Some(Slot::Trust), _) => format!("{}/trust", self.policy_id),
            (Some(Slot::Inline), Some(policy)) => format!("{}/{policy}", self.policy_id),
            _ => self.policy_id.clone(),
        };
        match self.json {
            Some(text) => Change::Policy {
                name,
                file: "the new document".to_owned(),
                text,
            },
            None => Change::Delete { name },
        }
    }
}

pub(super) fn what_if(asking: &Asking<'_>, changes: Changes) -> Result<Would, Problem> {
    let app = asking.app;
    let (world, steps, finder) = (app.world(), app.steps(), app.finder());
    let mut all: Vec<Change> = changes.documents.into_iter().map(Edited::change).collect();
    all.extend(changes.remove_edges.into_iter().map(|cut| Change::RemoveEdge {
        from: cut.from,
        to: cut.to,
    }));
    all.extend(changes.detach.into_iter().map(|detach| Change::Detach {
        policy: detach.policy,
        from: detach.from,
    }));
    all.extend(changes.delete.into_iter().map(|name| Change::Delete { name }));
    if all.is_empty() {
        return Err(Problem::invalid("there is no change"));
    }
    let edited = edit(world, steps, finder, fix::records(world), &all)?;
    let mut answer = ask(world, steps, edited, None);
    let (gained_total, lost_total) = (answer.gained.len(), answer.lost.len());
    answer.gained.truncate(MOST);
    answer.lost.truncate(MOST);
    Ok(Would {
        answer,
        gained_total,
        lost_total,
    })
}

/// What is different from the earlier snapshot.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Different {
    /// What changed, in words.
    changes: Vec<String>,
    /// What is reached now and was not, most sensitive first.
    gained: Vec<Difference>,
    /// What was reached and is not now.
    lost: Vec<Difference>,
    gained_total: usize,
    lost_total: usize,
    /// Findings that are new, or heavier than before.
    new_findings: Vec<Summary>,
    /// Findings that are gone.
    gone_findings: Vec<Known>,
    /// What the reader should know.
    notes: Vec<String>,
}

pub(super) fn compare(asking: &Asking<'_>, _: Nothing) -> Result<Different, Problem> {
    let app = asking.app;
    if app.about.before.is_none() {
        return Err(Problem::no_comparison());
    }
    let review = app
        .compared_if_ready()
        .ok_or_else(|| Problem::not_ready("the differences"))?;
    Ok(Different {
        changes: review.changes.iter().take(MOST).cloned().collect(),
        gained: review.gained.iter().take(MOST).cloned().collect(),
        lost: review.lost.iter().take(MOST).cloned().collect(),
        gained_total: review.gained.len(),
        lost_total: review.lost.len(),
        new_findings: review
            .new_findings
            .iter()
            .map(|finding| Summary::of(app, finding))
            .collect(),
        gone_findings: review.ended_findings.clone(),
        notes: review.notes.clone(),
    })
}
