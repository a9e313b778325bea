//! Policy documents, each compiled once however many principals share it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHasher};
use sv0_iam::condition::Context;
use sv0_iam::syntax::ast::{Effect, Policy, Statement};

use super::action::Action;
use super::document::Documents;
use super::facts::Facts;
use super::keys::Keys;

/// A document of a [`Library`]. Means nothing to another library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyId(pub(crate) u32);

impl PolicyId {
    /// Its place in its library: `0..len`.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Compiled policy documents. It only grows; ids stay what they are.
#[derive(Debug, Default)]
pub struct Library {
    pub(crate) documents: Documents,
    pub(crate) keys: Keys,
    by_content: FxHashMap<u64, Vec<PolicyId>>,
    /// By where the documents that are kept lie in memory.
    by_address: FxHashMap<usize, PolicyId>,
}

impl Library {
    /// No documents yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Compiles a document, unless one that means the same is there: then the answer is that one's id.
    pub fn add(&mut self, policy: &Policy) -> PolicyId {
        self.find(policy)
            .unwrap_or_else(|hash| self.insert(Arc::new(policy.clone()), hash))
    }

    /// The same for a shared document, which is kept as it is, and found again by its address.
    pub fn add_shared(&mut self, policy: &Arc<Policy>) -> PolicyId {
        let address = Arc::as_ptr(policy) as usize;
        if let Some(id) = self.by_address.get(&address) {
            return *id;
        }
        self.find(policy).unwrap_or_else(|hash| {
            let id = self.insert(Arc::clone(policy), hash);
            // Only a document that is kept here keeps its address to itself.
            self.by_address.insert(address, id);
            id
        })
    }

    /// How many different documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The document behind an id: the first of those that mean the same. None for another library's id.
    #[must_use]
    pub fn policy(&self, id: PolicyId) -> Option<&Policy> {
        self.documents.source(id.0).map(|source| &**source)
    }

    /// The same value for actions of which the same statements of a document speak; none for an action that the catalogue
    /// does not have.
    #[must_use]
    pub fn alike(&self, id: PolicyId, action: &Action<'_>) -> Option<(usize, usize)> {
        self.documents.alike(id.0, action)
    }

    /// Whether a document grants an action on anything, under whatever conditions.
    #[must_use]
    pub fn grants(&self, id: PolicyId, action: &Action<'_>) -> bool {
        let statements = self.documents.bearing_on(id.0, action);
        statements
            .iter()
            .any(|statement| statement.effect == Effect::Allow)
    }

    /// Compiles a context. What no policy of the library asks for is left out, so the library cannot grow while the
    /// facts are held.
    #[must_use]
    pub fn facts(&self, context: &Context) -> Facts<'_> {
        Facts::new(context, &self.keys)
    }

    fn find(&self, policy: &Policy) -> Result<PolicyId, u64> {
        let hash = fingerprint(policy);
        let candidates = self.by_content.get(&hash).map_or(&[][..], Vec::as_slice);
        let same = candidates.iter().copied().find(|id| {
            self.policy(*id)
                .is_some_and(|other| means_the_same(policy, other))
        });
        same.ok_or(hash)
    }

    fn insert(&mut self, policy: Arc<Policy>, hash: u64) -> PolicyId {
        let id = PolicyId(u32::try_from(self.documents.len()).unwrap_or(u32::MAX));
        self.documents.push(policy, &mut self.keys);
        self.by_content.entry(hash).or_default().push(id);
        id
    }
}

/// Whether two documents answer every request alike because they say the same; names and places do not count.
fn means_the_same(a: &Policy, b: &Policy) -> bool {
    let same = |a: &Statement, b: &Statement| {
        a.effect == b.effect
            && a.action == b.action
            && a.resource == b.resource
            && a.principal == b.principal
            && a.conditions.len() == b.conditions.len()
            && a.conditions
                .iter()
                .zip(&b.conditions)
                .all(|(a, b)| a.operator == b.operator && a.key == b.key && a.values == b.values)
    };
    a.statements.len() == b.statements.len()
        && a.statements.iter().zip(&b.statements).all(|(a, b)| same(a, b))
}

/// A hash of what [`means_the_same`] compares.
fn fingerprint(policy: &Policy) -> u64 {
    let mut hasher = FxHasher::default();
    for statement in &policy.statements {
        (statement.effect, statement.action.negated).hash(&mut hasher);
        statement
            .action
            .patterns
            .iter()
            .for_each(|pattern| pattern.as_str().hash(&mut hasher));
        if let Some(element) = &statement.resource {
            element.negated.hash(&mut hasher);
            element
                .patterns
                .iter()
                .for_each(|pattern| pattern.as_str().hash(&mut hasher));
        }
        if let Some(element) = &statement.principal {
            element.negated.hash(&mut hasher);
            element
                .entries
                .iter()
                .for_each(|entry| entry.as_str().hash(&mut hasher));
        }
        for condition in &statement.conditions {
            condition.key.hash(&mut hasher);
            condition
                .values
                .iter()
                .for_each(|value| value.as_str().hash(&mut hasher));
        }
    }
    hasher.finish()
}
