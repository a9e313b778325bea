//! Two versions compared: what a change gives and takes, and which findings it makes.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use sv0_analyze::normalize;
use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::question::what_if;
use sv0_analyze::question::what_if::{Difference, Edited};
use sv0_analyze::steps::Steps;
use sv0_model::coverage::Gap;
use sv0_model::finding::{Finding, Severity};
use sv0_model::record::Record;

use crate::fix::{Bench, fixes};
use crate::ground::Ground;
use crate::lifecycle::{Baseline, Known};
use crate::report::found;

/// One version.
#[derive(Debug, Clone, Default)]
pub struct Version {
    /// The entities.
    pub records: Vec<Record>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// What is different.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Review {
    /// What changed, in words.
    pub changes: Vec<String>,
    /// What is reached after and not before, most sensitive first.
    pub gained: Vec<Difference>,
    /// What is reached before and not after.
    pub lost: Vec<Difference>,
    /// Findings that are new, or heavier than before.
    pub new_findings: Vec<Finding>,
    /// Findings that are gone.
    pub ended_findings: Vec<Known>,
    /// What the reader should know.
    pub notes: Vec<String>,
    /// What could not be read, and could change the answer.
    pub coverage_gaps: Vec<Gap>,
}

impl Review {
    /// Whether there is a new finding of a severity or a heavier one.
    #[must_use]
    pub fn has(&self, least: Severity) -> bool {
        self.new_findings.iter().any(|finding| finding.severity >= least)
    }
}

/// New findings for which fixes are worked out.
const MOST_FIXED: usize = 10;

/// Compares two versions.
#[must_use]
pub fn review(before: Version, after: Version, rules: &Rules, today: Option<&str>) -> Review {
    let changes = changes(&before.records, &after.records);
    let old = normalize::build_with(before.records, before.gaps, rules);
    let old_steps = Steps::build(&old);
    let known = {
        let ground = Ground::new(&old, &old_steps, today.map(str::to_owned));
        let all: Vec<Finding> = found(&ground, &[])
            .into_iter()
            .map(|(finding, _)| finding)
            .collect();
        Baseline::of(&all)
    };
    let new = normalize::build_with(after.records.clone(), after.gaps.clone(), rules);
    let new_steps = Steps::build(&new);
    let ground = Ground::new(&new, &new_steps, today.map(str::to_owned));
    let found = found(&ground, &[]);
    let heavier: BTreeMap<&str, Severity> = known
        .findings
        .iter()
        .map(|k| (k.id.as_str(), k.severity))
        .collect();
    let left: BTreeSet<&str> = found.iter().map(|(finding, _)| finding.id.as_str()).collect();
    let ended_findings = known
        .findings
        .iter()
        .filter(|k| !left.contains(k.id.as_str()))
        .cloned()
        .collect();
    let is_new = |finding: &Finding| {
        let before = heavier.get(finding.id.as_str());
        before.is_none_or(|before| *before < finding.severity)
    };
    let bench = Bench::new(&ground, rules);
    let new = found.iter().filter(|(finding, _)| is_new(finding)).enumerate();
    let new_findings: Vec<Finding> = new
        .map(|(at, (finding, ideas))| {
            let mut finding = finding.clone();
            if at < MOST_FIXED && finding.severity >= Severity::Low {
                finding.fixes = fixes(&bench, &finding, ideas);
            }
            finding
        })
        .collect();
    let edited = Edited {
        records: after.records,
        ..Edited::default()
    };
    let difference = what_if(&old, &old_steps, edited, None);
    Review {
        changes,
        gained: difference.gained,
        lost: difference.lost,
        new_findings,
        ended_findings,
        notes: difference.notes,
        coverage_gaps: after.gaps,
    }
}

/// What changed, in words.
fn changes(before: &[Record], after: &[Record]) -> Vec<String> {
    let index = |records: &[Record]| -> BTreeMap<String, Record> {
        records
            .iter()
            .map(|record| (record.id.clone(), record.clone()))
            .collect()
    };
    let (old, new) = (index(before), index(after));
    let label = |record: &Record| {
        format!(
            "{} {}",
            record.kind.label(),
            if record.name.is_empty() {
                &record.id
            } else {
                &record.name
            }
        )
    };
    let mut out = Vec::new();
    for (id, record) in &new {
        match old.get(id) {
            None => out.push(format!("adds {}", label(record))),
            Some(known) if known == record => {}
            Some(known) => out.extend(
                of_one(known, record)
                    .into_iter()
                    .map(|what| format!("{}: {what}", label(record))),
            ),
        }
    }
    out.extend(
        old.iter()
            .filter(|(id, _)| !new.contains_key(*id))
            .map(|(_, record)| format!("takes {} away", label(record))),
    );
    out
}

fn of_one(old: &Record, new: &Record) -> Vec<String> {
    let mut out = Vec::new();
    let slots = |record: &Record| -> BTreeMap<String, String> {
        let each = record.policies.iter().map(|policy| {
            let name = policy.name.as_deref().map_or_else(
                || format!("{} policy", policy.slot),
                |name| format!("policy {name}"),
            );
            (name, policy.document.as_str().to_owned())
        });
        each.collect()
    };
    let (before, after) = (slots(old), slots(new));
    for (name, text) in &after {
        match before.get(name) {
            None => out.push(format!("adds {name}")),
            Some(known) if same(known, text) => {}
            Some(_) => out.push(format!("changes {name}")),
        }
    }
    out.extend(
        before
            .keys()
            .filter(|name| !after.contains_key(*name))
            .map(|name| format!("takes {name} away")),
    );
    let refs = |record: &Record| -> BTreeSet<(String, String)> {
        record
            .refs
            .iter()
            .map(|r| (r.rel.to_string(), r.to.clone()))
            .collect()
    };
    let (before, after) = (refs(old), refs(new));
    out.extend(
        after
            .difference(&before)
            .map(|(rel, to)| format!("adds {rel} {to}")),
    );
    out.extend(
        before
            .difference(&after)
            .map(|(rel, to)| format!("takes {rel} {to} away")),
    );
    // Documents that are only laid out otherwise say the same.
    let without = |record: &Record| Record {
        policies: Vec::new(),
        refs: Vec::new(),
        ..record.clone()
    };
    if out.is_empty() && without(old) != without(new) {
        out.push("changes tags or attributes".into());
    }
    out
}

/// Whether two documents say the same, however they are laid out.
fn same(a: &str, b: &str) -> bool {
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    a == b || value(a).is_some_and(|a| Some(a) == value(b))
}

/// Puts what a plan holds over what was collected: an entity of the plan takes the place of the one with its id, a policy in
/// it that of the policy of its name; what the plan deletes is gone.
#[must_use]
pub fn laid_over(base: &[Record], plan: &[Record], owned: &[Record], deleted: &[String]) -> Vec<Record> {
    let mut out: BTreeMap<String, Record> = base
        .iter()
        .map(|record| (record.id.clone(), record.clone()))
        .collect();
    for id in deleted {
        out.remove(id);
    }
    for record in plan {
        let Some(known) = out.get_mut(&record.id) else {
            out.insert(record.id.clone(), record.clone());
            continue;
        };
        // What the plan managed before and does not any more is gone; what others manage stays.
        let mine = owned.iter().find(|other| other.id == record.id);
        let managed = |slot: &sv0_model::record::PolicySlot| {
            let in_plan = |other: &Record| {
                other
                    .policies
                    .iter()
                    .any(|p| p.slot == slot.slot && p.name == slot.name)
            };
            mine.is_some_and(in_plan) || in_plan(record)
        };
        known.policies.retain(|slot| !managed(slot));
        known.policies.extend(record.policies.iter().cloned());
        if let Some(mine) = mine {
            known.refs.retain(|r| {
                !mine
                    .refs
                    .iter()
                    .any(|other| other.rel == r.rel && other.to == r.to)
            });
        }
        for r in &record.refs {
            if !known
                .refs
                .iter()
                .any(|other| other.rel == r.rel && other.to == r.to)
            {
                known.refs.push(r.clone());
            }
        }
        for (key, value) in record.tags.iter() {
            known.tags.insert(key, value.clone());
        }
        for (key, value) in record.attrs.iter() {
            known.attrs.insert(key, value.clone());
        }
    }
    out.into_values().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_no_change() {
        let record = |document: &str, tag: &str| -> Record {
            let text = format!(
                r#"{{"kind":"iam_policy","id":"arn:aws:iam::111111111111:policy/P","name":"P","account":"111111111111",
                "tags":{{"team":"{tag}"}},"policies":[{{"slot":"document","document":{document}}}]}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let compact =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        let wide = compact.replace(':', ": ").replace("s3: *", "s3:*");
        let told = |a: &Record, b: &Record| changes(std::slice::from_ref(a), std::slice::from_ref(b));
        let old = record(compact, "a");
        assert!(told(&old, &record(&wide, "a")).is_empty());
        assert_eq!(
            told(&old, &record(&wide, "b")),
            ["managed policy P: changes tags or attributes"]
        );
        let other = compact.replace("s3:*", "s3:Get*");
        assert_eq!(
            told(&old, &record(&other, "a")),
            ["managed policy P: changes document policy"]
        );
    }
}
