//! Condition keys as small numbers. Keys ignore case.

use rustc_hash::FxHashMap;

/// A condition key of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyId(u32);

impl KeyId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The keys that policies ask for and contexts speak of.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    ids: FxHashMap<Box<str>, KeyId>,
    /// For `aws:principaltag/team`: `aws:principaltag/*`, which says whether all of them are known.
    wholes: Vec<Option<KeyId>>,
    /// Lower case.
    names: Vec<Box<str>>,
}

impl Keys {
    /// The number of a key, a new one where it has none yet.
    pub(crate) fn intern(&mut self, key: &str) -> KeyId {
        if let Some(id) = self.find(key) {
            return id;
        }
        let key = key.to_ascii_lowercase();
        let whole = key.split_once('/').map(|(head, _)| format!("{head}/*"));
        let id = KeyId(u32::try_from(self.wholes.len()).unwrap_or(u32::MAX));
        self.wholes.push(None);
        self.names.push(key.as_str().into());
        let whole = whole.map(|whole| if whole == key { id } else { self.intern(&whole) });
        // `intern` above may have added a key behind this one, so the place is looked up again.
        if let Some(place) = self.wholes.get_mut(id.index()) {
            *place = whole;
        }
        self.ids.insert(key.into(), id);
        id
    }

    /// The number of a key, where it has one.
    pub(crate) fn find(&self, key: &str) -> Option<KeyId> {
        match self.ids.get(key) {
            Some(id) => Some(*id),
            None if key.bytes().any(|b| b.is_ascii_uppercase()) => {
                self.ids.get(&*key.to_ascii_lowercase()).copied()
            }
            None => None,
        }
    }

    /// For a key that is one of many under a prefix, such as a tag: the key that stands for all of them.
    pub(crate) fn whole(&self, key: KeyId) -> Option<KeyId> {
        self.wholes.get(key.index()).copied().flatten()
    }

    /// The key, in lower case.
    pub(crate) fn name(&self, key: KeyId) -> Option<&str> {
        self.names.get(key.index()).map(|name| &**name)
    }

    /// Every key.
    pub(crate) fn all(&self) -> impl Iterator<Item = KeyId> + use<> {
        (0..self.wholes.len())
            .filter_map(|index| u32::try_from(index).ok())
            .map(KeyId)
    }
}
