//! One collected entity, in the shape the snapshot stores it (`docs/snapshot.md`).
//!
//! A record is generic on purpose: a new service needs no new Rust type here. What is reasoned about sits in typed
//! slots (`kind`, `policies`, `refs`, `tags`); `attrs` is for display and for the few facts that one normaliser reads.
//! A record never holds a secret value, a parameter value or the value of an environment variable.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::kind::{EdgeKind, Kind, Slot};
use crate::small::SmallMap;

/// One entity of one account, as collected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What it is.
    pub kind: Kind,
    /// Its `external_id`: the ARN where AWS gives one.
    pub id: String,
    /// The name a person would use.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The twelve-digit account that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its region; none for global services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Tags, sorted by key.
    #[serde(default, skip_serializing_if = "SmallMap::is_empty")]
    pub tags: SmallMap<String>,
    /// Facts for display and for the kind's own normaliser. Never a secret or an environment value.
    #[serde(default, skip_serializing_if = "SmallMap::is_empty")]
    pub attrs: SmallMap<Value>,
    /// Policy documents that are part of this entity.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicySlot>,
    /// Edges to other entities, which need not be collected themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<Ref>,
    /// When the entity was made, ISO 8601 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Set where something about this entity could not be read, and says what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
}

impl Record {
    /// A record with nothing but its kind and id.
    #[must_use]
    pub fn new(kind: Kind, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
            name: String::new(),
            account: None,
            region: None,
            tags: SmallMap::new(),
            attrs: SmallMap::new(),
            policies: Vec::new(),
            refs: Vec::new(),
            created_at: None,
            partial: None,
        }
    }

    /// Adds an edge to another entity.
    pub fn refer(&mut self, rel: EdgeKind, to: impl Into<String>) {
        self.refs.push(Ref {
            rel,
            to: to.into(),
            attrs: SmallMap::new(),
        });
    }

    /// The connector that this record comes from, such as `aws_lambda:333333333333`.
    #[must_use]
    pub fn source_system(&self) -> String {
        format!(
            "{}:{}",
            self.kind.source(),
            self.account.as_deref().unwrap_or("-")
        )
    }
}

/// A policy document in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicySlot {
    /// Which role the document plays for its entity.
    pub slot: Slot,
    /// Inline policies have a name; others take their entity's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The document.
    pub document: PolicyText,
}

/// An edge from a record to another entity, in the direction of authority (`model.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ref {
    /// What the edge says.
    pub rel: EdgeKind,
    /// The `external_id` of the other end.
    pub to: String,
    /// `confidence`, `how`, and facts such as the account of an assignment.
    #[serde(default, skip_serializing_if = "SmallMap::is_empty")]
    pub attrs: SmallMap<Value>,
}

/// The text of a policy document, kept as it was read so that messages can point into it.
///
/// In JSON it is the document itself; text that is not JSON (a damaged document) is a JSON string, so that nothing
/// read is lost.
#[derive(Clone)]
pub struct PolicyText {
    text: Arc<str>,
    /// Where the text was found; not part of the value.
    pub place: Option<Arc<Place>>,
}

/// Where a piece of input was found, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// The path inside the file, such as `RoleDetailList[3].AssumeRolePolicyDocument`.
    pub json_path: Arc<str>,
    /// One-based line of the document's first character, where the document stands in the file as it is.
    pub line: Option<usize>,
    /// One-based column in bytes of the document's first character.
    pub column: Option<usize>,
}

impl PolicyText {
    /// A document from its text.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self {
            text: text.into(),
            place: None,
        }
    }

    /// A document and where it was found.
    #[must_use]
    pub fn at(text: impl Into<Arc<str>>, place: Place) -> Self {
        Self {
            text: text.into(),
            place: Some(Arc::new(place)),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Takes the same text from elsewhere, so that it is in memory once.
    pub fn share(&mut self, text: &Arc<str>) {
        debug_assert_eq!(self.text, *text, "only the place in memory may differ");
        self.text = Arc::clone(text);
    }

    /// The text, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }
}

impl fmt::Debug for PolicyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for PolicyText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for PolicyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A record is one line of the snapshot, so the document is compacted; a damaged one is kept as a string.
        match serde_json::from_str::<&RawValue>(&self.text) {
            Ok(raw) if !self.text.contains(['\n', '\r']) => raw.serialize(serializer),
            Ok(_) => match serde_json::from_str::<Box<RawValue>>(&compact(&self.text)) {
                Ok(raw) => raw.serialize(serializer),
                Err(_) => serializer.serialize_str(&self.text),
            },
            Err(_) => serializer.serialize_str(&self.text),
        }
    }
}

impl<'de> Deserialize<'de> for PolicyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        Ok(match serde_json::from_str::<String>(text) {
            Ok(inner) => Self::new(inner),
            Err(_) => Self::new(text),
        })
    }
}

/// Removes line breaks outside strings: valid JSON stays the same value.
fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            out.push(c);
        } else {
            in_string = c == '"';
            if !c.is_ascii_whitespace() {
                out.push(c);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_round_trip() {
        let line = r#"{"kind":"iam_role","id":"arn:aws:iam::1:role/R","name":"R","account":"1","policies":[{"slot":"trust","document":{"Statement":[]}}],"refs":[{"rel":"HAS_POLICY","to":"arn:aws:iam::1:policy/P"}]}"#;
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(record.policies[0].document.as_str(), r#"{"Statement":[]}"#);
        assert_eq!(serde_json::to_string(&record).unwrap(), line);
    }

    #[test]
    fn a_damaged_document_is_kept_as_text() {
        let mut record = Record::new(Kind::IamRole, "x");
        record.policies.push(PolicySlot {
            slot: Slot::Trust,
            name: None,
            document: PolicyText::new("{\"Sta"),
        });
        let line = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record);
    }

    #[test]
    fn a_document_over_several_lines_becomes_one() {
        let text = PolicyText::new("{\n  \"Sid\": \"a \\\" b\"\n}");
        assert_eq!(serde_json::to_string(&text).unwrap(), r#"{"Sid":"a \" b"}"#);
    }
}
