//! What is suppressed, what is new: two files that live beside the policies, in git.
//!
//! Suppressions are YAML that people write: which findings, why, who, until when. The baseline is JSON that sv0 writes: what
//! was there when somebody last looked. Nothing here deletes a finding: suppressed ones are told as such.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sv0_iam::name::Glob;
use sv0_model::finding::{Finding, Severity, Status};

use crate::rule::rule;

/// A file of suppressions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppressions {
    /// In order; the first that fits counts.
    #[serde(default)]
    pub suppressions: Vec<Suppression>,
}

/// One of them. All that it names has to fit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// One finding, by its id.
    #[serde(default)]
    pub id: Option<String>,
    /// All of a rule.
    #[serde(default)]
    pub rule: Option<String>,
    /// Whom or what it is about: a pattern with `*` for the id.
    #[serde(default)]
    pub subject: Option<String>,
    /// The account of the subject.
    #[serde(default)]
    pub account: Option<String>,
    /// No finding heavier than this.
    #[serde(default)]
    pub up_to: Option<Severity>,
    /// Why.
    pub reason: String,
    /// Who.
    #[serde(default)]
    pub by: Option<String>,
    /// The last day on which it holds, such as `2027-01-31`.
    #[serde(default)]
    pub until: Option<String>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileError(String);

impl Suppressions {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Where it is no YAML, has a key that means nothing, or a suppression that names nothing or gives no reason.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let out: Self = serde_saphyr::from_str(text).map_err(|error| FileError(error.to_string()))?;
        for (at, one) in out.suppressions.iter().enumerate() {
            one.check()
                .map_err(|why| FileError(format!("suppression {}: {why}", at + 1)))?;
        }
        Ok(out)
    }

    /// Where a finding stands on a day, if one of these holds for it.
    #[must_use]
    pub fn status(&self, finding: &Finding, today: Option<&str>) -> Option<Status> {
        let one = self
            .suppressions
            .iter()
            .find(|one| one.fits(finding) && !one.is_over(today))?;
        Some(one.status())
    }

    /// Marks the findings that are suppressed on a day, and says what the file holds to no purpose.
    pub fn apply(&self, findings: &mut [Finding], today: Option<&str>) -> Vec<String> {
        let mut used = vec![false; self.suppressions.len()];
        let mut expired = vec![0_usize; self.suppressions.len()];
        for finding in findings {
            for ((one, used), expired) in self.suppressions.iter().zip(&mut used).zip(&mut expired) {
                if !one.fits(finding) {
                    continue;
                }
                *used = true;
                if one.is_over(today) {
                    *expired += 1;
                    continue;
                }
                finding.status = one.status();
                break;
            }
        }
        let mut notes = Vec::new();
        for (at, ((one, used), expired)) in self.suppressions.iter().zip(used).zip(expired).enumerate() {
            let number = at + 1;
            if expired > 0 {
                notes.push(format!(
                    "suppression {number} (“{}”) ended on {}: {expired} of its findings count again",
                    one.reason,
                    one.until.as_deref().unwrap_or_default()
                ));
            } else if !used {
                notes.push(format!(
                    "suppression {number} (“{}”) fits no finding: it can go",
                    one.reason
                ));
            }
        }
        notes
    }
}

impl Suppression {
    fn status(&self) -> Status {
        Status::Suppressed {
            reason: self.reason.clone(),
            by: self.by.clone(),
            until: self.until.clone(),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.id.is_none() && self.rule.is_none() && self.subject.is_none() {
            return Err("say which findings: `id`, `rule` or `subject`".into());
        }
        if self.reason.trim().is_empty() {
            return Err("say why: `reason`".into());
        }
        if let Some(id) = self.rule.as_deref().filter(|id| rule(id).is_none()) {
            return Err(format!(
                "there is no rule `{id}`; `sv0 findings --rules-list` lists them"
            ));
        }
        if let Some(until) = self.until.as_deref().filter(|until| !crate::day::is_day(until)) {
            return Err(format!("`{until}` is no day of the form 2027-01-31"));
        }
        Ok(())
    }

    fn fits(&self, finding: &Finding) -> bool {
        let glob = |pattern: &String| Glob::new(pattern).matches(&finding.subject.id);
        self.id.as_ref().is_none_or(|id| *id == finding.id)
            && self.rule.as_ref().is_none_or(|rule| rule == finding.rule)
            && self.subject.as_ref().is_none_or(glob)
            && self
                .account
                .as_ref()
                .is_none_or(|id| finding.subject.account.as_ref() == Some(id))
            && self.up_to.is_none_or(|most| finding.severity <= most)
    }

    /// Whether its last day is past. Without a day to compare with it holds: nobody said that it is over.
    fn is_over(&self, today: Option<&str>) -> bool {
        let day = today.and_then(|today| today.get(..10));
        self.until
            .as_deref()
            .zip(day)
            .is_some_and(|(until, day)| until < day)
    }
}

/// What was there when somebody last looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Baseline {
    /// The version of this form: 1.
    pub version: u32,
    /// The findings, in order of their ids, so that a change of one is a change of one line.
    pub findings: Vec<Known>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// Its rule.
    pub rule: String,
    /// How much it mattered.
    pub severity: Severity,
    /// What it said.
    pub title: String,
}

impl Baseline {
    /// Of some findings.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let mut all: Vec<Known> = findings
            .iter()
            .map(|finding| Known {
                id: finding.id.clone(),
                rule: finding.rule.to_owned(),
                severity: finding.severity,
                title: finding.title.clone(),
            })
            .collect();
        all.sort();
        Self {
            version: 1,
            findings: all,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Where it is none, or of a later version.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let out: Self = serde_json::from_str(text).map_err(|error| FileError(error.to_string()))?;
        if out.version != 1 {
            return Err(FileError(format!(
                "its version is {}, this sv0 reads version 1",
                out.version
            )));
        }
        Ok(out)
    }

    /// One line for each finding.
    #[must_use]
    pub fn print(&self) -> String {
        let lines: Vec<String> = self
            .findings
            .iter()
            .filter_map(|known| serde_json::to_string(known).ok())
            .map(|line| format!("    {line}"))
            .collect();
        format!(
            "{{\n  \"version\": {},\n  \"findings\": [\n{}\n  ]\n}}\n",
            self.version,
            lines.join(",\n")
        )
    }

    /// Marks what is new; gives what is there no more.
    pub fn apply(&self, findings: &mut [Finding]) -> Vec<Known> {
        let mut gone: BTreeMap<&str, &Known> = self
            .findings
            .iter()
            .map(|known| (known.id.as_str(), known))
            .collect();
        for finding in findings {
            if gone.remove(finding.id.as_str()).is_none() && finding.status == Status::Open {
                finding.status = Status::New;
            }
        }
        gone.into_values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn wrong(text: &str) -> String {
        Suppressions::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_suppression_says_which_and_why() {
        assert!(Suppressions::parse("").unwrap().suppressions.is_empty());
        let fine =
            "suppressions:\n  - rule: unrotated-secret\n    reason: rotated by hand\n    until: 2027-01-31\n";
        assert_eq!(Suppressions::parse(fine).unwrap().suppressions.len(), 1);
        for (text, says) in [
            ("suppressions:\n  - reason: x\n", "say which findings"),
            (
                "suppressions:\n  - rule: nothing\n    reason: x\n",
                "no rule `nothing`",
            ),
            ("suppressions:\n  - id: finding-1\n", "reason"),
            ("suppressions:\n  - id: finding-1\n    reason: ' '\n", "say why"),
            (
                "suppressions:\n  - id: finding-1\n    reason: x\n    until: soon\n",
                "no day",
            ),
            (
                "suppressions:\n  - id: finding-1\n    reason: x\n    untill: 2027-01-31\n",
                "untill",
            ),
            ("suppressions: [", "line"),
        ] {
            let problem = wrong(text);
            assert!(problem.contains(says), "{text}: {problem}");
        }
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        let baseline = Baseline {
            version: 1,
            findings: vec![Known {
                id: "finding-1".into(),
                rule: "administrator".into(),
                severity: Severity::High,
                title: "“x”".into(),
            }],
        };
        assert_eq!(Baseline::parse(&baseline.print()).unwrap(), baseline);
        assert!(Baseline::parse(r#"{"version": 2, "findings": []}"#).is_err());
        assert!(Baseline::parse("{").is_err());
    }
}
