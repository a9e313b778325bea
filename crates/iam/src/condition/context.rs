//! What is known about a request, key by key.

use std::collections::BTreeMap;

use crate::catalog::{ActionId, Catalog};

/// What is known about one context key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact<'a> {
    /// A single value.
    One(&'a str),
    /// A multivalued key and its values.
    Many(&'a [String]),
    /// The key is not part of the request.
    Absent,
    /// Nobody knows the value; perhaps not even whether the key is there.
    Unknown {
        /// Whether the key may be absent too.
        maybe_absent: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stored {
    One(String),
    Many(Vec<String>),
    Absent,
    Unknown { maybe_absent: bool },
}

/// The context of a request. Keys ignore case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    keys: BTreeMap<String, Stored>,
    /// What a key that was never set is: absent, or unknown.
    open: bool,
    /// What the request is for, where that was said and the catalogue knows it.
    action: Option<ActionId>,
}

impl Context {
    /// A context in which every key that is not set is absent: a fully known request.
    #[must_use]
    pub const fn closed() -> Self {
        Self {
            keys: BTreeMap::new(),
            open: false,
            action: None,
        }
    }

    /// A context in which every key that is not set is unknown and may be absent: a question about all requests.
    #[must_use]
    pub const fn open() -> Self {
        Self {
            keys: BTreeMap::new(),
            open: true,
            action: None,
        }
    }

    /// Whether keys that are not set are unknown.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    /// Says what the request is for. In an open context, a key that the action's requests never carry is then absent
    /// instead of unknown (rule 41), unless it was set: service keys such as `s3:prefix` and the tags of the request,
    /// where AWS's tables settle it ([`Catalog::never_carries`]). The tags of the resource stay unknown: their tables
    /// are incomplete. An action that the catalogue does not have changes nothing.
    pub fn set_action(&mut self, action: &str) {
        self.action = Catalog::embedded().id_of(action);
    }

    /// What the request is for, where that was said.
    #[must_use]
    pub const fn action(&self) -> Option<ActionId> {
        self.action
    }

    /// Sets a single value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.keys
            .insert(key.to_ascii_lowercase(), Stored::One(value.into()));
    }

    /// Sets the values of a multivalued key.
    pub fn set_many(&mut self, key: &str, values: Vec<String>) {
        self.keys.insert(key.to_ascii_lowercase(), Stored::Many(values));
    }

    /// Sets whatever is known.
    pub fn set_fact(&mut self, key: &str, fact: Fact<'_>) {
        let stored = match fact {
            Fact::One(value) => Stored::One(value.to_owned()),
            Fact::Many(values) => Stored::Many(values.to_vec()),
            Fact::Absent => Stored::Absent,
            Fact::Unknown { maybe_absent } => Stored::Unknown { maybe_absent },
        };
        self.keys.insert(key.to_ascii_lowercase(), stored);
    }

    /// Says that a key is not part of the request.
    pub fn set_absent(&mut self, key: &str) {
        self.set_fact(key, Fact::Absent);
    }

    /// Says that a key's value is not known.
    pub fn set_unknown(&mut self, key: &str, maybe_absent: bool) {
        self.set_fact(key, Fact::Unknown { maybe_absent });
    }

    /// What is known about a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Fact<'_> {
        let found = match self.keys.get(key) {
            Some(found) => Some(found),
            None if key.bytes().any(|b| b.is_ascii_uppercase()) => self.keys.get(&key.to_ascii_lowercase()),
            None => None,
        };
        match found {
            Some(Stored::One(value)) => Fact::One(value),
            Some(Stored::Many(values)) => Fact::Many(values),
            Some(Stored::Absent) => Fact::Absent,
            Some(Stored::Unknown { maybe_absent }) => Fact::Unknown {
                maybe_absent: *maybe_absent,
            },
            None if self.open => self.unset(key),
            None => Fact::Absent,
        }
    }

    /// In an open context. Tags of a set that is known as a whole (`aws:PrincipalTag/` with a `*` entry) are absent, and
    /// so is what the action's requests never carry.
    fn unset(&self, key: &str) -> Fact<'_> {
        let whole = key
            .split_once('/')
            .map(|(head, _)| format!("{}/*", head.to_ascii_lowercase()));
        match whole.and_then(|whole| self.keys.get(&whole)) {
            Some(Stored::Absent) => Fact::Absent,
            _ if self.never_carried(key) => Fact::Absent,
            _ => Fact::Unknown { maybe_absent: true },
        }
    }

    fn never_carried(&self, key: &str) -> bool {
        self.action
            .is_some_and(|action| Catalog::embedded().never_carries(action, key))
    }

    /// Says that all tags under a prefix such as `aws:PrincipalTag` are known: those not set are absent.
    pub fn close_prefix(&mut self, prefix: &str) {
        self.keys
            .insert(format!("{}/*", prefix.to_ascii_lowercase()), Stored::Absent);
    }

    /// The keys that were set, in lower case, with what is known.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Fact<'_>)> {
        self.keys
            .keys()
            .filter(|key| !key.ends_with("/*"))
            .map(|key| (key.as_str(), self.get(key)))
    }

    /// Everything that was said, by key in lower case; a prefix that is known as a whole is an absent key that ends in
    /// `/*`.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Fact<'_>)> {
        self.keys.keys().map(|key| (key.as_str(), self.get(key)))
    }
}
