//! Answers, as `docs/simulate.md` has them.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::asked::Known;

#[derive(Serialize)]
pub(super) struct Failed<'a> {
    pub(super) id: Option<&'a RawValue>,
    pub(super) line: usize,
    pub(super) error: String,
}

impl<'a> Failed<'a> {
    pub(super) fn new(id: Option<&'a RawValue>, line: usize, error: &str) -> Self {
        Self {
            id,
            line,
            error: format!("line {line}: {error}"),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Answer<'a> {
    pub(super) id: Option<&'a RawValue>,
    pub(super) decision: &'static str,
    pub(super) blocked_by: Vec<BlockedBy>,
    pub(super) deciding: Vec<Deciding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<Vec<Needed>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) witness: Option<Witness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) no_witness: Option<NoWitness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) counterexample: Option<Witness>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context_keys: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct BlockedBy {
    pub(super) layer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<usize>,
    pub(super) explicit: bool,
}

#[derive(Serialize)]
pub(super) struct Deciding {
    pub(super) layer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<usize>,
    pub(super) policy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) statement: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
    pub(super) effect: &'static str,
    pub(super) certain: bool,
}

#[derive(Serialize)]
pub(super) struct Needed {
    /// In words, all of it.
    pub(super) text: String,
    /// Whether it belongs to a denial, so that not all of it may hold.
    pub(super) negated: bool,
    pub(super) layer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) statement: Option<usize>,
    pub(super) all: Vec<Part>,
}

#[derive(Serialize)]
pub(super) struct Part {
    pub(super) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) values: Option<Vec<String>>,
}

#[derive(Serialize)]
pub(super) struct Witness {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) principal: Option<String>,
    #[serde(serialize_with = "as_map")]
    pub(super) context: Vec<(String, Known)>,
}

pub(super) fn as_map<S: Serializer>(pairs: &[(String, Known)], to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(pairs.len()))?;
    for (key, value) in pairs {
        map.serialize_entry(key, value)?;
    }
    map.end()
}

#[derive(Serialize)]
pub(super) struct NoWitness {
    pub(super) text: &'static str,
}
