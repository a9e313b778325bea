//! What to do first: the fixes that end most, one after the other. Each fix says which other findings it ends, as it was tried
//! by itself; the plan picks the one that ends the heaviest of what is left, until nothing is.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use sv0_model::finding::{Finding, Fix, Severity};

/// One step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Step {
    /// The finding whose fix it is.
    pub finding: String,
    /// The fix.
    pub fix: Fix,
    /// The findings that it ends and no earlier step did, heaviest first.
    pub ends: Vec<Ended>,
}

/// A finding that is ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ended {
    /// Its id.
    pub id: String,
    /// How heavy it was.
    pub severity: Severity,
    /// What it said.
    pub title: String,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Plan {
    /// The steps, best first.
    pub steps: Vec<Step>,
    /// Findings that no fix ends.
    pub left: Vec<Ended>,
}

/// What ending a finding is worth: one critical more than any number of medium ones that a person would look at.
const fn worth(severity: Severity) -> usize {
    match severity {
        Severity::Critical => 1_000,
        Severity::High => 100,
        Severity::Medium => 10,
        Severity::Low => 1,
        Severity::Informational => 0,
    }
}

/// What a pair of origin and data that loses its path as well counts.
const LOST: usize = 5;

/// Picks steps from the fixes of findings that count.
#[must_use]
pub fn plan(findings: &[Finding]) -> Plan {
    let counting: Vec<&Finding> = findings
        .iter()
        .filter(|finding| finding.is_open() && finding.severity > Severity::Informational)
        .collect();
    let ended = |finding: &Finding| Ended {
        id: finding.id.clone(),
        severity: finding.severity,
        title: finding.title.clone(),
    };
    let mut left: BTreeSet<&str> = counting.iter().map(|finding| finding.id.as_str()).collect();
    let mut steps = Vec::new();
    loop {
        let each = counting
            .iter()
            .flat_map(|finding| finding.fixes.iter().map(move |fix| (*finding, fix)));
        let scored = each.map(|(finding, fix)| {
            let all = std::iter::once(&finding.id).chain(&fix.proof.also_ends);
            let mine: BTreeSet<&str> = all.map(String::as_str).filter(|id| left.contains(id)).collect();
            let of_mine = counting.iter().filter(|other| mine.contains(other.id.as_str()));
            let sum: usize = of_mine.map(|other| worth(other.severity)).sum();
            (sum, finding, fix, mine)
        });
        // What a fix takes from others counts against it; of two that come to the same, the first.
        let best = scored
            .filter(|(sum, ..)| *sum > 0)
            .map(|(sum, finding, fix, mine)| {
                let cost = fix.proof.also_lost.saturating_mul(LOST);
                (sum.saturating_sub(cost).max(1), finding, fix, mine)
            })
            .min_by_key(|(sum, finding, fix, _)| {
                (
                    std::cmp::Reverse(*sum),
                    fix.proof.also_lost,
                    finding.id.clone(),
                    fix.title.clone(),
                )
            });
        let Some((_, finding, fix, mine)) = best else {
            break;
        };
        let ends = counting
            .iter()
            .filter(|other| mine.contains(other.id.as_str()))
            .map(|other| ended(other))
            .collect();
        left.retain(|id| !mine.contains(id));
        steps.push(Step {
            finding: finding.id.clone(),
            fix: fix.clone(),
            ends,
        });
    }
    Plan {
        steps,
        left: counting
            .iter()
            .filter(|finding| left.contains(finding.id.as_str()))
            .map(|finding| ended(finding))
            .collect(),
    }
}
