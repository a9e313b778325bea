//! Actions that get the same answer for the same reason: those of which the same statements of all policies speak. A
//! bucket has a hundred and fifty actions, and policies tell three or four kinds of them apart; so many questions are
//! enough.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::{FxHashMap, FxHasher};
use sv0_engine::compiled::{Action, Library, PolicyId};
use sv0_iam::catalog::Catalog;
use sv0_iam::syntax::Policy;
use sv0_model::kind::AccessLevel;

use crate::ask::{Asker, Target};
use crate::world::World;

/// What was found about actions before.
#[derive(Debug, Default)]
pub struct Policies {
    sides: Mutex<Sides>,
}

/// Keys of conditions and variables that are a service's own, or the request's tags: whether they are there hangs on the
/// action.
fn varying(policy: &Policy) -> Vec<Box<str>> {
    let mut out: Vec<Box<str>> = Vec::new();
    let mut add = |key: &str| {
        let global = key.starts_with("aws:") && !key.starts_with("aws:requesttag/") && key != "aws:tagkeys";
        if !global && !out.iter().any(|other| **other == *key) {
            out.push(key.into());
        }
    };
    for statement in &policy.statements {
        for condition in &statement.conditions {
            add(&condition.key);
            condition
                .values
                .iter()
                .flat_map(|value| value.variables())
                .for_each(&mut add);
        }
        let patterns = statement.resource.iter().flat_map(|element| &element.patterns);
        patterns
            .flat_map(|pattern| pattern.variables())
            .for_each(&mut add);
    }
    out
}

/// Actions that are asked about together: those of a resource type. The same list is the same in memory.
pub(crate) type Actions = Arc<[(&'static str, AccessLevel)]>;

/// What the policies of one side, the caller's or the resource's, say of each of some actions: the same value for actions
/// that are alike. None for an action that is to be asked about by itself.
type Side = Arc<[Option<u64>]>;

/// Sides that were looked at before: by what policies there are, and the list of actions.
type Sides = FxHashMap<(Vec<PolicyId>, usize), Side>;

/// Tells for one caller and one resource which actions are alike.
pub(crate) struct Alike<'w> {
    policies: &'w Policies,
    library: &'w Library,
    mine: Vec<PolicyId>,
    theirs: Vec<PolicyId>,
}

impl<'w> Alike<'w> {
    pub(crate) fn new(world: &'w World, asker: &Asker<'w>, target: Target<'_>) -> Self {
        let everybody = world.everybody();
        let ids = |tags: Vec<u32>| everybody.policies(&tags);
        let (mine, theirs) = asker.bearing(target);
        Self {
            policies: &world.alike,
            library: everybody.library(),
            mine: ids(mine),
            theirs: ids(theirs),
        }
    }

    /// For each action the same as for those that are alike.
    pub(crate) fn classes(&self, actions: &Actions) -> Vec<Option<u64>> {
        let (mine, theirs) = (self.side(&self.mine, actions), self.side(&self.theirs, actions));
        let both = |(mine, theirs): (&Option<u64>, &Option<u64>)| {
            let mut hasher = FxHasher::default();
            ((*mine)?, (*theirs)?).hash(&mut hasher);
            Some(hasher.finish())
        };
        mine.iter().zip(theirs.iter()).map(both).collect()
    }

    fn side(&self, ids: &[PolicyId], actions: &Actions) -> Side {
        // A list that is held here is at no other's address.
        let key = (ids.to_vec(), Arc::as_ptr(actions).cast::<u8>() as usize);
        let lock = || self.policies.sides.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(&key) {
            return Arc::clone(found);
        }
        let documents = ids.iter().filter_map(|id| self.library.policy(*id));
        let keys: Vec<Box<str>> = documents.flat_map(varying).collect();
        let mut keys: Vec<&str> = keys.iter().map(|key| &**key).collect();
        keys.sort_unstable();
        keys.dedup();
        let side: Side = actions
            .iter()
            .map(|(name, _)| self.class(ids, &keys, name))
            .collect();
        lock().insert(key, Arc::clone(&side));
        side
    }

    fn class(&self, ids: &[PolicyId], keys: &[&str], name: &str) -> Option<u64> {
        let service = name.split(':').next().unwrap_or_default();
        // What AWS protects, and who may assume what, hangs on the very action.
        if matches!(service, "iam" | "kms" | "sts") {
            return None;
        }
        let catalog = Catalog::embedded();
        let id = catalog.id_of(name)?;
        let action = Action::new(name);
        let mut hasher = FxHasher::default();
        (service, catalog.rcp_supports(name)).hash(&mut hasher);
        for policy in ids {
            self.library.alike(*policy, &action)?.hash(&mut hasher);
        }
        for key in keys {
            catalog.never_carries(id, key).hash(&mut hasher);
        }
        Some(hasher.finish())
    }
}
