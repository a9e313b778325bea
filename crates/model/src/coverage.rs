//! What could not be read, and which answers that could change. Absence of data is never shown as safety.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One hole in what was collected or read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The account that it is about, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The AWS service, such as `organizations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The API call, or the file, that gave nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub call: String,
    /// The entity that it is about, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// Why.
    pub reason: Reason,
    /// What happened, for people: names the file and place, or the call and error.
    pub detail: String,
    /// Which questions it could change.
    pub consequence: String,
}

/// Why something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// AWS refused the call.
    AccessDenied,
    /// The region is not enabled.
    RegionDisabled,
    /// AWS does not offer the service in the region: there is nothing to read.
    NotOffered,
    /// Throttled until the deadline.
    ThrottledOut,
    /// sv0 does not read this yet, or this kind of input does not hold it.
    NotSupported,
    /// Part of the input is damaged.
    Damaged,
    /// The input is well-formed but refers to something that it does not hold.
    NotInInput,
    /// Anything else.
    Error,
}

impl Reason {
    /// The stable text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::RegionDisabled => "region_disabled",
            Self::NotOffered => "not_offered",
            Self::ThrottledOut => "throttled_out",
            Self::NotSupported => "not_supported",
            Self::Damaged => "damaged",
            Self::NotInInput => "not_in_input",
            Self::Error => "error",
        }
    }
}
