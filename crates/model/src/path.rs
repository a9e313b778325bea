//! An authority path: from where authority starts, hop by hop, to what it reaches. This is the shape of the JSON output
//! (`docs/output.md`): fields are added, never renamed.

use schemars::JsonSchema;
use serde::Serialize;

use crate::coverage::Gap;
use crate::kind::{AccessLevel, EdgeKind, Kind, Sensitivity};

/// An entity as output names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, JsonSchema)]
pub struct EntityRef {
    /// `external_id`.
    pub id: String,
    /// Kind.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// Its account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The account's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
}

/// Whether a hop or a path is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PathVerdict {
    /// Whatever the unknown facts are.
    Allowed,
    /// If the conditions hold.
    AllowedIf,
    /// Something stands in the way; `blocked_by` says what.
    Denied,
}

impl PathVerdict {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::AllowedIf => "allowed_if",
            Self::Denied => "denied",
        }
    }
}

/// A statement that decides something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct StatementRef {
    /// `identity`, `boundary`, `session`, `scp`, `rcp`, `resource`, `endpoint`.
    pub layer: String,
    /// The policy's name.
    pub policy: String,
    /// The policy's ARN, or the id of the entity that holds it.
    pub policy_id: String,
    /// Through which group, OU or root it applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// `Sid`, where given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Its path in the document, such as `Statement[0]`.
    pub json_path: String,
    /// `Allow` or `Deny`.
    pub effect: String,
}

/// What has to hold for a hop.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct ConditionText {
    /// In words.
    pub text: String,
    /// The context key, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Whether it must *not* hold, because it belongs to a denial.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub negated: bool,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct BlockedBy {
    /// The policy layer.
    pub layer: String,
    /// Whether a statement denies; otherwise nothing allows.
    pub explicit: bool,
    /// The action that is blocked.
    pub action: String,
    /// The denying statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementRef>,
    /// In words.
    pub text: String,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Hop {
    /// What kind of step.
    pub edge: EdgeKind,
    /// From.
    pub from: EntityRef,
    /// To.
    pub to: EntityRef,
    /// Whether it is real.
    pub verdict: PathVerdict,
    /// The action that makes the step, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The step in words.
    pub text: String,
    /// Deciding statements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<StatementRef>,
    /// What has to hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionText>,
    /// `certain` or `inferred`.
    pub confidence: &'static str,
    /// What CloudTrail saw of this step; null until evidence is loaded.
    pub evidence: Option<serde_json::Value>,
}

/// An authority path.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Path {
    /// Stable across snapshots: a hash of origin, chain and target.
    pub id: String,
    /// Where authority starts.
    pub origin: EntityRef,
    /// What it reaches.
    pub target: EntityRef,
    /// The chain of ids, policies and groups included.
    pub chain: Vec<String>,
    /// Step by step.
    pub hops: Vec<Hop>,
    /// Roles and users whose authority is used on the way.
    pub via_roles: Vec<String>,
    /// What can be done to the target.
    pub actions: Vec<String>,
    /// The heaviest level among the actions.
    pub access_level: AccessLevel,
    /// All levels among the actions, lightest first.
    pub access_levels: Vec<AccessLevel>,
    /// Steps that change whose authority is used, or which workload acts.
    pub auth_chain_depth: usize,
    /// Role hops only.
    pub role_hops: usize,
    /// Whether there are more than three role hops: nobody oversees a chain of trust that long.
    pub deep_trust_chain: bool,
    /// Steps from one account to another.
    pub cross_account_hops: usize,
    /// Steps from one cloud to another.
    pub cross_cloud_hops: usize,
    /// `llm` where a language model is on the way or at the end.
    pub egress_category: Option<&'static str>,
    /// Of the target.
    pub sensitivity: Sensitivity,
    /// Of the target.
    pub data_domain: Option<String>,
    /// Whether it is real.
    pub verdict: PathVerdict,
    /// What has to hold, all of it.
    pub condition: Vec<ConditionText>,
    /// Whether a condition could not be decided (an operator that AWS does not know).
    pub conditions_not_evaluated: bool,
    /// Whether the target is encrypted with a key whose policy could not be read.
    pub kms_not_evaluated: bool,
    /// For denied paths: what stands in the way.
    pub blocked_by: Vec<BlockedBy>,
    /// Executions in 30 days; null until evidence is loaded.
    pub execution_30d: Option<u64>,
    /// The last execution; null until evidence is loaded.
    pub last_execution_at: Option<String>,
    /// Gaps that could change this answer.
    pub coverage_gaps: Vec<Gap>,
}
