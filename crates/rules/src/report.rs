//! All findings of a world, most severe first.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_analyze::normalize::rules::Rules;
use sv0_model::coverage::Gap;
use sv0_model::finding::{Finding, Severity};

use crate::fix::{Bench, Idea, fixes};
use crate::ground::Ground;
use crate::rule::RULES;

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Rules to leave out; none is all.
    pub only_rules: Vec<String>,
    /// For which findings fixes are worked out, at most: the most severe. Each takes some worlds.
    pub fixes: usize,
    /// One finding alone, by its id or the beginning of it.
    pub only: Option<String>,
    /// The lightest that fixes are worked out for.
    pub fixes_from: Option<Severity>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// The findings, most severe first.
    pub findings: Vec<Finding>,
    /// What was not looked at, and why.
    pub limited: Vec<String>,
    /// What could not be read.
    pub coverage_gaps: Vec<Gap>,
}

/// Asks all rules: the findings, most severe first, each with what its rule thinks might end it.
#[must_use]
pub fn found(ground: &Ground<'_>, only_rules: &[String]) -> Vec<(Finding, Vec<Idea>)> {
    let wanted = RULES
        .par_iter()
        .filter(|rule| only_rules.is_empty() || only_rules.iter().any(|id| id == rule.id));
    let mut found: Vec<(Finding, Vec<Idea>)> = wanted
        .flat_map_iter(|rule| {
            rule.check(ground)
                .into_iter()
                .map(move |draft| draft.finish(ground, rule))
        })
        .collect();
    let place = |id: &str| RULES.iter().position(|rule| rule.id == id);
    let points = |finding: &Finding| {
        finding
            .reasons
            .iter()
            .map(|factor| i32::from(factor.points))
            .sum::<i32>()
    };
    found.sort_by(|(a, _), (b, _)| {
        (b.severity, points(b), place(a.rule), &a.title, &a.id).cmp(&(
            a.severity,
            points(a),
            place(b.rule),
            &b.title,
            &b.id,
        ))
    });
    found.dedup_by(|(b, _), (a, _)| a.id == b.id);
    found
}

/// Asks all rules, and works out fixes.
#[must_use]
pub fn report(ground: &Ground<'_>, rules: &Rules, options: &Options) -> Report {
    let mut found = found(ground, &options.only_rules);
    if let Some(only) = &options.only {
        found.retain(|(finding, _)| {
            finding.id.starts_with(only.as_str()) || finding.id.ends_with(only.as_str())
        });
    }
    let from = options.fixes_from.unwrap_or(Severity::Low);
    let wanted = found.iter_mut().filter(|(finding, _)| finding.severity >= from);
    let wanted: Vec<&mut (Finding, Vec<Idea>)> = wanted.take(options.fixes).collect();
    if !wanted.is_empty() {
        let bench = Bench::new(ground, rules);
        wanted
            .into_par_iter()
            .for_each(|(finding, ideas)| finding.fixes = fixes(&bench, finding, ideas));
    }
    let mut limited = Vec::new();
    if ground.all_paths().is_none() {
        limited.push(
            "deep-trust-chain: there are too many pairs of origin and data to look at every path".to_owned(),
        );
    }
    Report {
        findings: found.into_iter().map(|(finding, _)| finding).collect(),
        limited,
        coverage_gaps: ground.world.gaps.clone(),
    }
}
