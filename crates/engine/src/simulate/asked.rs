//! Requests, as `docs/simulate.md` has them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::keys::Value;

#[derive(Deserialize)]
pub(super) struct JustId<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) principal: Cow<'a, str>,
    pub(super) principal_account: Option<String>,
    pub(super) principal_role: Option<String>,
    pub(super) federated_by: Option<String>,
    #[serde(borrow)]
    pub(super) action: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) resource: Cow<'a, str>,
    pub(super) resource_account: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) context: BTreeMap<String, Known>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) unknown: Vec<Unknown>,
    #[serde(borrow, default)]
    pub(super) identity_policies: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pub(super) resource_policy: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) permission_boundaries: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    pub(super) session_policy: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) service_control_policies: Option<Vec<Vec<&'a RawValue>>>,
    #[serde(borrow, default)]
    pub(super) resource_control_policies: Option<Vec<Vec<&'a RawValue>>>,
    #[serde(borrow, default)]
    pub(super) endpoint_policies: Option<Vec<&'a RawValue>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) block_public_access: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) explain: bool,
}

pub(super) fn or_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// Something known of a context key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known {
    One(String),
    Many(Vec<String>),
    Absent,
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Known;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or a list of strings for a multivalued key")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Known, E> {
                Ok(Known::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Known, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = items.next_element()? {
                    out.push(item);
                }
                Ok(Known::Many(out))
            }
        }
        from.deserialize_any(OneOrMany)
    }
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(text) => to.serialize_str(text),
            Self::Many(texts) => texts.serialize(to),
            Self::Absent => to.serialize_none(),
        }
    }
}

impl From<Known> for Value {
    fn from(known: Known) -> Self {
        match known {
            Known::One(text) => Self::One(text),
            Known::Many(texts) => Self::Many(texts),
            Known::Absent => Self::Absent,
        }
    }
}

impl From<Value> for Known {
    fn from(value: Value) -> Self {
        match value {
            Value::One(text) => Self::One(text),
            Value::Many(texts) => Self::Many(texts),
            Value::Absent => Self::Absent,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unknown {
    pub(super) key: String,
    pub(super) presence: Knowledge,
    pub(super) value: Knowledge,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Knowledge {
    Known,
    Unknown,
}
