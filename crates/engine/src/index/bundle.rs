//! Actions that are asked about together: what a document says of all of them is some statements, each with a mask.
//!
//! A resource has up to a hundred and fifty actions, and a statement mostly speaks of many at once. So whether it covers
//! the resource and whether its conditions hold is found once, and sets of actions are put together bit by bit.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use sv0_iam::decide::protected;
use sv0_iam::syntax::ast::Effect;

use super::population::{Population, number};
use super::reach::{Alike, Shared};
use crate::compiled::document::{Covering, Documents, Span, Statement};
use crate::compiled::keys::{KeyId, Keys, NeverCarried};
use crate::compiled::resource::Naming;
use crate::compiled::{Action, Library, Resource};

/// A set of actions of a [`Bundle`]: one bit for each, in the bundle's order.
pub type Mask = u128;

/// How many actions a bundle can hold.
pub const MOST: usize = 128;

/// Actions of one service that are asked about together, and what each document of a population says of them.
#[derive(Debug)]
pub struct Bundle {
    names: Box<[&'static str]>,
    /// All of them.
    pub(super) all: Mask,
    /// Those on which RCPs bear.
    pub(super) rcps: Mask,
    /// Those that the root user can never ask for.
    pub(super) not_for_root: Mask,
    /// `iam:…`, which ignores resource policies.
    pub(super) iam: bool,
    /// `s3:…`, on which Block Public Access bears.
    pub(super) s3: bool,
    /// `iam:…` and `kms:…`, of which AWS keeps some to itself.
    kept: bool,
    /// By action: the keys that its requests never carry.
    never: Box<[NeverCarried]>,
    /// By document: of the entries.
    spans: Vec<Span>,
    entries: Vec<Entry>,
    /// The keys that statements ask for, but for those that tell which resource it is: sorted.
    pub(super) asked: Vec<KeyId>,
    pub(super) holders: Holders,
    /// How many condition keys there were when it last caught up.
    keys: usize,
    pub(super) shared: Mutex<FxHashMap<Alike, Arc<Shared>>>,
}

/// A statement, as far as it speaks of a bundle's actions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) statement: Statement,
    pub(super) mask: Mask,
    /// One of them, which stands for all: their requests carry the same keys, as far as the statement asks.
    pub(super) action: u8,
}

/// Groups of principals by what their own policies say of a bundle's actions.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// Those with an identity policy that grants something on something, by account.
    by_account: FxHashMap<Box<str>, Vec<u32>>,
    /// Those of any account with a grant on resources of any name.
    pub(super) wide: Vec<u32>,
    /// The others with a grant, by the hash of what the names of their resources begin with.
    narrow: FxHashMap<u64, Vec<u32>>,
    /// Of the wide ones: those of whose answers something hangs on the resource's name in a way that only asking tells,
    /// and those whose answer is another where the name begins in some way, by the hash of the beginning.
    floating: Vec<u32>,
    touched: FxHashMap<u64, Vec<u32>>,
    /// SCP chains of which some statement speaks of some resources only.
    pub(super) choosy: Vec<u32>,
    /// How many groups and chains were looked at.
    groups: usize,
    chains: usize,
}

impl Bundle {
    /// Prepares the documents that a population has now. Actions that the catalogue does not have are left out, and so
    /// are those of another service than the first, and those beyond [`MOST`].
    #[must_use]
    pub fn new(population: &Population, names: &[&'static str]) -> Self {
        let service = |name: &str| name.split(':').next().map(str::to_ascii_lowercase);
        let first = names.first().and_then(|name| service(name));
        let actions: Vec<Action<'static>> = names
            .iter()
            .filter(|name| service(name) == first)
            .map(|name| Action::new(name))
            .filter(|action| action.rank.is_some())
            .take(MOST)
            .collect();
        let mask = |fits: fn(&Action<'_>) -> bool| mask_of(&actions, fits);
        let mut out = Self {
            names: actions.iter().map(|action| action.name).collect(),
            all: mask(|_| true),
            rcps: mask(|action| action.rcps),
            not_for_root: mask(|action| action.not_for_root),
            iam: actions.first().is_some_and(|action| action.iam),
            s3: actions.first().is_some_and(|action| action.s3),
            kept: actions.first().is_some_and(|action| action.kept),
            never: Box::default(),
            spans: Vec::new(),
            entries: Vec::new(),
            asked: Vec::new(),
            keys: 0,
            holders: Holders::default(),
            shared: Mutex::default(),
        };
        out.catch_up(population);
        out.entries.shrink_to_fit();
        out.spans.shrink_to_fit();
        out
    }

    /// Reads the documents and groups that its population got since it was made, or last caught up.
    pub fn catch_up(&mut self, population: &Population) {
        let Library { documents, keys, .. } = &population.library;
        let actions: Vec<Action<'static>> = self.names.iter().map(|name| Action::new(name)).collect();
        if self.keys != keys.len() {
            self.never = actions
                .iter()
                .filter_map(|action| action.rank)
                .map(|rank| keys.never_carried(sv0_iam::catalog::ActionId(u32::from(rank))))
                .collect();
            self.keys = keys.len();
        }
        let asked = self.asked.len();
        self.documents(documents, keys, &actions);
        if self.asked.len() != asked {
            // What tells questions apart has grown.
            self.forget();
        }
        let mut holders = std::mem::take(&mut self.holders);
        holders.catch_up(self, population);
        self.holders = holders;
    }

    /// Forgets what was worked out for many resources at once. To be called when a group that was there before is under
    /// other SCPs.
    pub fn forget(&mut self) {
        let shared = self.shared.get_mut();
        shared.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The actions, in the order of bits.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The actions of a set.
    pub fn actions(&self, mask: Mask) -> impl Iterator<Item = &'static str> {
        let names = self.names.iter().enumerate();
        names
            .filter(move |(bit, _)| mask >> bit & 1 == 1)
            .map(|(_, name)| *name)
    }

    /// The set of the actions that fit.
    #[must_use]
    pub fn mask(&self, fits: impl Fn(&str) -> bool) -> Mask {
        let names = self.names.iter().enumerate();
        names
            .filter(|(_, name)| fits(name))
            .fold(0, |mask, (bit, _)| mask | 1 << bit)
    }

    fn documents(&mut self, documents: &Documents, keys: &Keys, actions: &[Action<'_>]) {
        let mut found: Vec<(Statement, Mask)> = Vec::new();
        for document in number(self.spans.len())..number(documents.len()) {
            found.clear();
            let (mut statements, mut same): (&[Statement], Mask) = (&[], 0);
            for (action, bit) in actions.iter().zip(0_u32..) {
                let Covering::Listed(next) = documents.bearing_on(document, action) else {
                    continue;
                };
                // Neighbours in the catalogue mostly have the very same statements: their bits are added at once.
                if !std::ptr::eq(next, statements) {
                    add(&mut found, statements, same);
                    (statements, same) = (next, 0);
                }
                same |= 1 << bit;
            }
            add(&mut found, statements, same);
            let first = self.entries.len();
            for (statement, mask) in &found {
                self.split(documents, keys, *statement, *mask);
            }
            self.spans.push(Span::since(first, &self.entries));
        }
        self.asked.retain(|key| !keys.is_of_one(*key));
        self.asked.sort_unstable();
        self.asked.dedup();
    }

    /// Adds a statement, once for each set of actions whose requests carry the same of the keys that it asks for.
    fn split(&mut self, documents: &Documents, keys: &Keys, statement: Statement, mask: Mask) {
        let mut asked: Vec<KeyId> = Vec::new();
        for condition in documents.conditions_of(&statement) {
            asked.push(condition.key);
            asked.extend(condition.variables());
        }
        let patterns = documents.patterns_of(&statement).iter();
        asked.extend(patterns.flat_map(|pattern| pattern.variables()));
        let wholes: Vec<KeyId> = asked.iter().filter_map(|key| keys.whole(*key)).collect();
        asked.extend(wholes);
        self.asked.extend(&asked);
        let mut rest = mask;
        while rest != 0 {
            let first = rest.trailing_zeros() as usize;
            let carries = |bit: usize, key: &KeyId| self.never.get(bit).is_some_and(|never| never.has(*key));
            let like_first = |bit: &usize| asked.iter().all(|key| carries(*bit, key) == carries(first, key));
            let bits = (first..MOST).filter(|bit| rest >> bit & 1 == 1);
            let mask = if asked.is_empty() {
                rest
            } else {
                bits.filter(like_first).fold(0, |mask, bit| mask | 1 << bit)
            };
            self.entries.push(Entry {
                statement,
                mask,
                action: u8::try_from(first).unwrap_or_default(),
            });
            rest &= !mask;
        }
    }

    #[inline]
    pub(super) fn of(&self, document: u32) -> &[Entry] {
        self.spans
            .get(document as usize)
            .map_or(&[], |span| span.of(&self.entries))
    }

    /// The keys that the requests for which an entry stands never carry.
    #[inline]
    pub(super) fn never(&self, entry: &Entry) -> Option<&NeverCarried> {
        self.never.get(usize::from(entry.action))
    }

    /// The actions that AWS refuses to everybody on a resource.
    pub(super) fn protected(&self, resource: &Resource<'_>) -> Mask {
        if !self.kept {
            return 0;
        }
        self.mask(|name| protected::refuses(name, resource.text()))
    }
}

fn mask_of(actions: &[Action<'_>], fits: fn(&Action<'_>) -> bool) -> Mask {
    let fitting = actions.iter().enumerate().filter(|(_, action)| fits(action));
    fitting.fold(0, |mask, (bit, _)| mask | 1 << bit)
}

fn add(found: &mut Vec<(Statement, Mask)>, statements: &[Statement], mask: Mask) {
    for statement in statements {
        match found.iter_mut().find(|(other, _)| other.index == statement.index) {
            Some((_, so_far)) => *so_far |= mask,
            None => found.push((*statement, mask)),
        }
    }
}

/// What the grants, and all statements, of a document say about names.
#[derive(Debug, Clone, Default)]
struct About {
    grants: bool,
    /// Whether a grant is on resources of any name.
    wide: bool,
    /// Whether some statement is about some resources, told apart by more than how their names begin, or asks for
    /// what only this resource has.
    floating: bool,
    /// The hashes of what names begin with, and of owners.
    narrow: Vec<u64>,
}

impl About {
    fn of(bundle: &Bundle, documents: &Documents, keys: &Keys, document: u32) -> Self {
        let mut out = Self::default();
        for entry in bundle.of(document) {
            let grants = entry.statement.effect == Effect::Allow;
            out.grants |= grants;
            for condition in documents.conditions_of(&entry.statement) {
                match condition.accounts().filter(|_| keys.is_owner(condition.key)) {
                    Some(accounts) => out.narrow.extend(accounts.map(owner)),
                    None => {
                        let of_one = |key: KeyId| keys.is_of_one(key);
                        out.floating |= of_one(condition.key) || condition.variables().any(of_one);
                    }
                }
            }
            for naming in documents.naming(&entry.statement) {
                match naming {
                    Naming::Any => out.wide |= grants,
                    Naming::Some => {
                        out.wide |= grants;
                        out.floating = true;
                    }
                    Naming::Beginning(account, text) => {
                        out.narrow.push(text.bytes().fold(basis(account), step));
                    }
                }
            }
        }
        out
    }
}

impl Holders {
    /// Looks at the groups and chains that it has not looked at.
    fn catch_up(&mut self, bundle: &Bundle, population: &Population) {
        let (documents, keys) = (&population.library.documents, &population.library.keys);
        let mut known: FxHashMap<u32, About> = FxHashMap::default();
        let mut about = |policy: u32| -> About {
            let about = known
                .entry(policy)
                .or_insert_with(|| About::of(bundle, documents, keys, policy));
            about.clone()
        };
        for (group, index) in population.groups.iter().zip(0_u32..).skip(self.groups) {
            let mut sum = About {
                grants: group.free || !group.iam,
                wide: group.free,
                ..About::default()
            };
            for policy in population.identity(group) {
                let said = about(policy.0);
                sum.grants |= said.grants;
                sum.wide |= said.wide;
                sum.floating |= said.floating;
                sum.narrow.extend(said.narrow);
            }
            if !sum.grants {
                continue;
            }
            for policy in population.boundaries(group) {
                let said = about(policy.0);
                sum.floating |= said.floating;
                sum.narrow.extend(said.narrow);
            }
            if let Some(account) = population.account(group) {
                self.by_account.entry(account.into()).or_default().push(index);
            }
            sum.narrow.sort_unstable();
            sum.narrow.dedup();
            if sum.wide {
                self.wide.push(index);
            }
            if sum.wide && sum.floating {
                self.floating.push(index);
                continue;
            }
            let list = if sum.wide {
                &mut self.touched
            } else {
                &mut self.narrow
            };
            for beginning in sum.narrow {
                list.entry(beginning).or_default().push(index);
            }
        }
        for (levels, chain) in population.chains.iter().zip(0_u32..).skip(self.chains) {
            let mut policies = levels.iter().flatten().map(|policy| about(policy.0));
            if policies.any(|said| said.floating || !said.narrow.is_empty()) {
                self.choosy.push(chain);
            }
        }
        self.groups = population.groups.len();
        self.chains = population.chains.len();
    }

    /// Those of an account.
    pub(super) fn of_account(&self, account: &str) -> &[u32] {
        self.by_account.get(account).map_or(&[], Vec::as_slice)
    }

    /// Those whose grants may cover a resource, but for the wide ones.
    pub(super) fn of_resource<'a>(&'a self, resource: &'a Resource<'a>) -> impl Iterator<Item = u32> + 'a {
        beginnings(&self.narrow, resource)
    }

    /// Of the wide ones, those whose answer may be another for this resource than for one of any name.
    pub(super) fn special<'a>(
        &'a self,
        resource: &'a Resource<'a>,
        account: Option<&str>,
    ) -> impl Iterator<Item = u32> + 'a {
        let of_owner = account.and_then(|account| self.touched.get(&owner(account)));
        let named = beginnings(&self.touched, resource).chain(self.floating.iter().copied());
        named.chain(of_owner.into_iter().flatten().copied())
    }
}

/// What is listed for any beginning of a resource's name.
fn beginnings<'a>(
    list: &'a FxHashMap<u64, Vec<u32>>,
    resource: &'a Resource<'a>,
) -> impl Iterator<Item = u32> + 'a {
    let account = resource.account();
    let bases = [basis(""), basis(account)];
    let bases = bases.into_iter().take(if account.is_empty() { 1 } else { 2 });
    let found = bases.flat_map(move |basis| {
        let hashes = resource.rest().bytes().scan(basis, |hash, byte| {
            *hash = step(*hash, byte);
            Some(*hash)
        });
        std::iter::once(basis)
            .chain(hashes)
            .flat_map(move |hash| list.get(&hash).into_iter().flatten())
    });
    found.copied()
}

/// The hash of whatever an account owns.
fn owner(account: &str) -> u64 {
    account.bytes().fold(step(BASIS, b'='), step)
}

/// The hash of the empty beginning of a name in an account.
fn basis(account: &str) -> u64 {
    account.bytes().fold(BASIS, step)
}

/// FNV-1a, so that the hash of every beginning of a text is found on the way.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

const fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}
