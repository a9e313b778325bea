//! Condition keys as small numbers. Keys ignore case.

use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use sv0_iam::catalog::{ActionId, Catalog};

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
    /// By action: the keys that its requests never carry. Looking it up in the catalogue takes longer than a decision.
    never_carried: RwLock<FxHashMap<ActionId, NeverCarried>>,
}

/// The keys that the requests of an action never carry (semantics rule 41), one bit a key.
#[derive(Debug, Clone)]
pub(crate) struct NeverCarried(Arc<[u64]>);

impl NeverCarried {
    #[inline]
    pub(crate) fn has(&self, key: KeyId) -> bool {
        let word = self.0.get(key.index() / 64);
        word.is_some_and(|word| word >> (key.index() % 64) & 1 == 1)
    }
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
        self.never_carried
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
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

    /// Whether a key tells whose the resource is, by account.
    pub(crate) fn is_owner(&self, key: KeyId) -> bool {
        let name = self.names.get(key.index());
        name.is_some_and(|name| matches!(&**name, "aws:resourceaccount" | "s3:resourceaccount"))
    }

    /// Whether a key tells which resource it is: most else is alike for many requests to things of one kind.
    pub(crate) fn is_of_one(&self, key: KeyId) -> bool {
        let name = self.names.get(key.index());
        self.is_owner(key) || name.is_some_and(|name| name.contains(":resourcetag/"))
    }

    /// For a key that is one of many under a prefix, such as a tag: the key that stands for all of them.
    pub(crate) fn whole(&self, key: KeyId) -> Option<KeyId> {
        self.wholes.get(key.index()).copied().flatten()
    }

    /// The keys that the requests of an action never carry.
    pub(crate) fn never_carried(&self, action: ActionId) -> NeverCarried {
        let known = self.never_carried.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(&action) {
            return found.clone();
        }
        drop(known);
        let mut words = vec![0_u64; self.names.len().div_ceil(64)];
        for (name, index) in self.names.iter().zip(0_usize..) {
            if let (true, Some(word)) = (
                Catalog::embedded().never_carries(action, name),
                words.get_mut(index / 64),
            ) {
                *word |= 1 << (index % 64);
            }
        }
        let found = NeverCarried(words.into());
        let mut known = self.never_carried.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(action, found.clone());
        found
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.names.len()
    }

    /// Every key.
    pub(crate) fn all(&self) -> impl Iterator<Item = KeyId> + use<> {
        (0..self.wholes.len())
            .filter_map(|index| u32::try_from(index).ok())
            .map(KeyId)
    }
}
