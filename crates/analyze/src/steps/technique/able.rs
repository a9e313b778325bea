//! Who has what a technique needs at all: few have, and fewer are no administrators. Only about them is anything asked.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use sv0_engine::compiled::{Action, PolicyId};
use sv0_engine::index::PrincipalId;
use sv0_model::graph::NodeId;

use super::catalog::{Technique, techniques};
use super::everybody::Within;
use crate::scope;
use crate::world::World;

/// A set of small numbers: techniques, or actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Numbers([u64; WORDS]);

const WORDS: usize = 6;

/// The numbers that a set has room for.
pub(super) const ROOM: usize = WORDS * 64;

impl Numbers {
    pub(super) fn has(&self, number: usize) -> bool {
        let word = self.0.get(number / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    fn add(&mut self, other: &Self) {
        for (mine, others) in self.0.iter_mut().zip(&other.0) {
            *mine |= others;
        }
    }

    fn covers(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(&other.0)
            .all(|(mine, others)| others & !mine == 0)
    }

    fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
}

/// Principals whose policies mention all that some technique needs, administrators left out.
pub(super) struct Able {
    by_principal: FxHashMap<PrincipalId, Numbers>,
    by_account: FxHashMap<String, OfAccount>,
}

#[derive(Default)]
struct OfAccount {
    techniques: Numbers,
    people: Vec<PrincipalId>,
}

impl Able {
    pub(super) fn of(world: &World, within: Option<&Within>) -> Self {
        let everybody = world.everybody();
        let needed = Needed::new();
        let people: Vec<NodeId> = match within {
            Some(within) => within.people.clone(),
            None => world.principals.keys().copied().collect(),
        };
        let documents = |node: &NodeId| {
            let identity = world.principals.get(node).map_or(&[][..], |p| &p.identity);
            everybody.policies(identity)
        };
        let all: FxHashSet<PolicyId> = people.iter().flat_map(documents).collect();
        let all: Vec<PolicyId> = all.into_iter().collect();
        let granted: FxHashMap<PolicyId, Numbers> = all
            .par_iter()
            .map(|policy| (*policy, needed.granted(world, *policy)))
            .filter(|(_, granted)| !granted.is_empty())
            .collect();
        let mut by_principal = FxHashMap::default();
        for node in &people {
            let mut mine = Numbers::default();
            for granted in documents(node).iter().filter_map(|policy| granted.get(policy)) {
                mine.add(granted);
            }
            let techniques = needed.techniques(&mine);
            if let Some(id) = everybody.principal(*node).filter(|_| !techniques.is_empty()) {
                by_principal.insert(id, techniques);
            }
        }
        let account = |id: &PrincipalId| {
            let node = everybody.node(*id)?;
            world.account_of(node).map(str::to_owned)
        };
        let accounts: FxHashSet<String> = by_principal.keys().filter_map(account).collect();
        for administrator in scope::administrators(world, &accounts) {
            by_principal.remove(&administrator);
        }
        let mut by_account: FxHashMap<String, OfAccount> = FxHashMap::default();
        for (id, techniques) in &by_principal {
            if let Some(account) = account(id) {
                let here = by_account.entry(account).or_default();
                here.techniques.add(techniques);
                here.people.push(*id);
            }
        }
        Self {
            by_principal,
            by_account,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_principal.is_empty()
    }

    /// Whether a principal has what a technique needs.
    pub(super) fn has(&self, principal: PrincipalId, technique: usize) -> bool {
        let mine = self.by_principal.get(&principal);
        mine.is_some_and(|techniques| techniques.has(technique))
    }

    /// Whether somebody of an account has.
    pub(super) fn some_in(&self, account: &str, technique: usize) -> bool {
        let here = self.by_account.get(account);
        here.is_some_and(|here| here.techniques.has(technique))
    }

    /// Who in an account has.
    pub(super) fn all_in(&self, account: &str, technique: usize) -> impl Iterator<Item = PrincipalId> {
        let here = self.by_account.get(account);
        let people = here.into_iter().flat_map(|here| here.people.iter().copied());
        people.filter(move |principal| self.has(*principal, technique))
    }

    /// Everybody who has what some technique needs.
    pub(super) fn people(&self) -> Vec<PrincipalId> {
        self.by_principal.keys().copied().collect()
    }
}

/// What techniques need, by number.
struct Needed {
    actions: Vec<Action<'static>>,
    techniques: Vec<Numbers>,
}

impl Needed {
    fn new() -> Self {
        let needs = |technique: &'static Technique| technique.needs.iter().map(|need| need.action.as_str());
        let evaluated = || techniques().iter().filter(|technique| technique.is_evaluated());
        let mut names: Vec<&'static str> = evaluated().flat_map(needs).collect();
        names.sort_unstable();
        names.dedup();
        let of = |technique: &'static Technique| {
            let mut out = Numbers::default();
            // Nobody has what none of its numbers says.
            if !technique.is_evaluated() {
                out.insert(ROOM - 1);
            }
            for number in needs(technique).filter_map(|name| names.binary_search(&name).ok()) {
                out.insert(number);
            }
            out
        };
        Self {
            techniques: techniques().iter().map(of).collect(),
            actions: names.iter().map(|name| Action::new(name)).collect(),
        }
    }

    /// The actions that a document grants on anything.
    fn granted(&self, world: &World, policy: PolicyId) -> Numbers {
        let library = world.everybody().library();
        let mut out = Numbers::default();
        for (number, action) in self.actions.iter().enumerate() {
            if library.grants(policy, action) {
                out.insert(number);
            }
        }
        out
    }

    /// The techniques for which some actions are all that is needed.
    fn techniques(&self, granted: &Numbers) -> Numbers {
        let mut out = Numbers::default();
        for (number, needs) in self.techniques.iter().enumerate() {
            if granted.covers(needs) {
                out.insert(number);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_all_techniques_and_actions() {
        assert!(techniques().len() < ROOM);
        assert!(Needed::new().actions.len() < ROOM - 1);
    }

    #[test]
    fn sets_of_numbers() {
        let mut a = Numbers::default();
        assert!(a.is_empty());
        a.insert(3);
        a.insert(200);
        let mut b = Numbers::default();
        b.insert(200);
        assert!(a.has(200) && !a.has(201) && a.covers(&b) && !b.covers(&a));
    }
}
