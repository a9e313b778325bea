//! Findings for other tools and for paper. Pure: values in, text out; one file a format, one line in [`FORMATS`].
//!
//! What a rule's page says comes in as [`RulePage`], so that nothing here knows the rules.

mod asff;
mod attack;
mod html;
mod markdown;
mod ocsf;
mod sarif;

use sv0_model::coverage::Gap;
use sv0_model::finding::{Finding, Severity};

/// What a rule's page says, as far as other tools show it.
#[derive(Debug, Clone, Default)]
pub struct RulePage {
    /// The rule's id.
    pub id: String,
    /// What it finds, in a few words.
    pub title: String,
    /// The same in sentences.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// How it is decided.
    pub how: String,
    /// What to do.
    pub todo: String,
    /// Where AWS, or somebody else, tells of it.
    pub references: Vec<String>,
    /// MITRE ATT&CK techniques.
    pub attack: Vec<String>,
}

/// What is exported.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The findings, most severe first.
    pub findings: &'a [Finding],
    /// The pages of the rules.
    pub rules: &'a [RulePage],
    /// What could not be read.
    pub gaps: &'a [Gap],
    /// What was not looked at, and why.
    pub limited: &'a [String],
    /// What was read, for people.
    pub source: &'a str,
    /// When it was collected, ISO 8601: seconds and `Z`.
    pub at: &'a str,
    /// Milliseconds since 1970 of the same.
    pub at_millis: i64,
    /// sv0's version.
    pub version: &'a str,
    /// Whether findings were compared with a baseline.
    pub has_baseline: bool,
}

impl Document<'_> {
    fn rule(&self, id: &str) -> Option<&RulePage> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_open())
    }

    fn count(&self, severity: Severity) -> usize {
        self.open().filter(|finding| finding.severity == severity).count()
    }
}

/// A format.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    write: fn(&Document<'_>) -> String,
}

impl Format {
    /// Writes a document.
    #[must_use]
    pub fn write(&self, document: &Document<'_>) -> String {
        (self.write)(document)
    }
}

/// Every format.
pub const FORMATS: &[Format] = &[
    Format {
        name: "markdown",
        about: "for pull requests and tickets",
        write: markdown::write,
    },
    Format {
        name: "html",
        about: "one page that needs nothing else, to read and to print",
        write: html::write,
    },
    Format {
        name: "sarif",
        about: "SARIF 2.1.0, for code scanning",
        write: sarif::write,
    },
    Format {
        name: "ocsf",
        about: "OCSF, IAM Analysis Finding, for data lakes",
        write: ocsf::write,
    },
    Format {
        name: "asff",
        about: "AWS Security Finding Format, for Security Hub",
        write: asff::write,
    },
];

/// The format of a name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// A score from 0 to 10, as CVSS and code scanning count.
const fn score(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low => 3.0,
        Severity::Informational => 0.0,
    }
}

/// A text of so many characters at most; what is cut is told by an ellipsis.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(most.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// The explanation, why it matters and what would have to be true, as one text.
fn description(finding: &Finding, rule: Option<&RulePage>) -> String {
    let mut out = finding.explanation.join(" ");
    if let Some(rule) = rule {
        out.push(' ');
        out.push_str(&rule.why);
    }
    if !finding.conditions.is_empty() {
        let all: Vec<&str> = finding.conditions.iter().map(|c| c.text.as_str()).collect();
        out.push_str(&format!(" What would have to be true: {}.", all.join("; ")));
    }
    out
}

/// What to do: the best fix, else what the rule's page says.
fn remedy(finding: &Finding, rule: Option<&RulePage>) -> String {
    let fix = finding
        .fixes
        .first()
        .map(|fix| format!("{}. {}", fix.title, fix.proof.checked.join(" ")));
    fix.or_else(|| rule.map(|rule| rule.todo.clone()))
        .unwrap_or_default()
}
