//! A finding: something that somebody should decide about, with why it matters, how it is known, and what ends it. This
//! is the shape of the JSON output (`docs/findings.md`): fields are added, never renamed.

use schemars::JsonSchema;
use serde::Serialize;

use crate::coverage::Gap;
use crate::path::{ConditionText, EntityRef, Path, PathVerdict, StatementRef};

/// How much it matters; ordered.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; nothing to do.
    Informational,
    /// When there is time.
    Low,
    /// Plan it.
    Medium,
    /// Soon.
    High,
    /// Now.
    Critical,
}

impl Severity {
    /// Every value, lightest first.
    pub const ALL: &'static [Self] = &[
        Self::Informational,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Severity {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|v| v.as_str() == text).ok_or(())
    }
}

/// One of the reasons that together set a severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Factor {
    /// `impact`, `exposure`, `certainty`, `evidence`.
    pub name: &'static str,
    /// What it adds; negative where it makes the finding lighter.
    pub points: i8,
    /// In words.
    pub text: String,
}

/// What a fix does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FixKind {
    /// Takes a statement, or actions of one, out of a policy.
    Remove,
    /// Takes a managed policy from an identity.
    Detach,
    /// Lets a trust policy in fewer.
    Trust,
    /// Lets a resource policy in fewer.
    ResourcePolicy,
    /// Names resources instead of a wildcard.
    Narrow,
    /// Denies by a service or resource control policy, with exemptions.
    Guard,
    /// Deletes an identity.
    Delete,
}

/// Another text for one policy document, or a new document.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DocumentChange {
    /// The id of the entity that holds it.
    pub holder: String,
    /// What it is for its holder: `inline`, `document`, `trust`, `resource`, `key`.
    pub slot: crate::kind::Slot,
    /// The policy's name.
    pub policy: String,
    /// The document as it is; none for a new one.
    pub before: Option<String>,
    /// The document as it should be; none where it goes.
    pub after: Option<String>,
    /// Both as a unified diff.
    pub diff: String,
}

/// What was looked at to know that a fix works. Each was asked of a world with the change made.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Proof {
    /// Whether the finding is gone.
    pub finding_gone: bool,
    /// Paths of the finding that are gone, of how many.
    pub paths_cut: usize,
    /// See `paths_cut`.
    pub paths_before: usize,
    /// Whether nothing is allowed that was not; by comparing the documents as a whole, not by trying requests.
    pub opens_nothing: bool,
    /// Other findings that are gone as well, by their ids.
    pub also_ends: Vec<String>,
    /// Whether everything that was observed is still allowed; none where there is no evidence to compare with.
    pub keeps_observed_use: Option<bool>,
    /// Pairs of origin and data that have no path any more, beside those of the finding.
    pub also_lost: usize,
    /// What was checked, in words.
    pub checked: Vec<String>,
    /// What else to know, and what could not be checked.
    pub notes: Vec<String>,
}

/// A change that ends a finding.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Fix {
    /// What it does.
    pub kind: FixKind,
    /// In one line.
    pub title: String,
    /// The documents that become others.
    pub documents: Vec<DocumentChange>,
    /// Managed policies that are taken from identities: policy, identity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detach: Vec<(String, String)>,
    /// Settings that are switched, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// Identities that are deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<String>,
    /// The same as Terraform.
    pub terraform: String,
    /// What is known of it.
    pub proof: Proof,
}

/// Where a finding stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Status {
    /// Not in the baseline that it was compared with.
    New,
    /// There.
    Open,
    /// Somebody took responsibility for it.
    Suppressed {
        /// Why.
        reason: String,
        /// Who.
        by: Option<String>,
        /// Until which day, ISO 8601.
        until: Option<String>,
    },
}

/// Something that somebody should decide about.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// Stable across snapshots: a hash of the rule and of whom and what it is about.
    pub id: String,
    /// The rule that found it.
    pub rule: &'static str,
    /// In one line, with names.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
    /// Why it matters that much.
    pub reasons: Vec<Factor>,
    /// Whom or what it is about.
    pub subject: EntityRef,
    /// What it touches, most sensitive first; at most [`Finding::MOST_TARGETS`].
    pub targets: Vec<EntityRef>,
    /// How many it touches in all.
    pub target_count: usize,
    /// Whether it is certain.
    pub verdict: PathVerdict,
    /// What it means, in sentences.
    pub explanation: Vec<String>,
    /// For conditional ones: what would have to be true.
    pub conditions: Vec<ConditionText>,
    /// The statements that decide it.
    pub statements: Vec<StatementRef>,
    /// The paths that show it, best first.
    pub paths: Vec<Path>,
    /// How many there are in all, as far as they were looked at.
    pub path_count: usize,
    /// Ids of techniques of the catalogue.
    pub techniques: Vec<String>,
    /// MITRE ATT&CK techniques.
    pub attack: Vec<String>,
    /// What ends it, best first.
    pub fixes: Vec<Fix>,
    /// What could not be read and could change it.
    pub coverage_gaps: Vec<Gap>,
    /// Where it stands.
    pub status: Status,
}

impl Finding {
    /// Targets that a finding lists.
    pub const MOST_TARGETS: usize = 20;

    /// Whether it is about an entity, or touches it.
    #[must_use]
    pub fn concerns(&self, id: &str) -> bool {
        let ends = |path: &Path| {
            path.origin.id == id || path.target.id == id || path.via_roles.iter().any(|via| via == id)
        };
        self.subject.id == id
            || self.targets.iter().any(|target| target.id == id)
            || self.paths.iter().any(ends)
    }

    /// Whether it counts: it is not suppressed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.status, Status::Suppressed { .. })
    }
}
