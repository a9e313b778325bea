//! The aggregation: events in, counts by (who, call, resource, how it ended, through which service) out.
//!
//! It is plain and pure: no order of events, objects or parts changes what comes out. The folds of two halves of a lake,
//! merged, are the fold of the whole ([`Fold::merge`]); so it can be done by threads here, or by machines elsewhere. What
//! needs to see everything first is done once at the end ([`Fold::finish`]): who was at the start of each chain, which two
//! records are two accounts' copies of one call, and which record another one replaces.
//!
//! Memory: 60 to 70 bytes a group, and each text once. A duplicate can come days later, in any object, and so the id of every
//! event must be known: the last 435,000 of each thread are in memory (11 MB), the others in a file without a name in the folder for
//! such files (`TMPDIR`), at 20 bytes an event. Copies of cross-account calls are kept singly until the end, at 60 bytes.

mod actor;
pub(crate) mod chunks;
mod finish;
mod groups;
mod ids;
mod merge;
mod store;

use std::hash::BuildHasher;
use std::io;

use rustc_hash::{FxBuildHasher, FxHashMap};
use schemars::JsonSchema;
use serde::Serialize;

use crate::event::{Category, Event};
use crate::id::EventId;
use crate::identity::{Identity, IdentityType};
use crate::intern::{Texts, Values};
use crate::mint::{self, Mechanism, Minted};
use crate::resource;
use crate::time::{Time, Window};
pub(crate) use actor::{Actor, is_identity_center};
pub(crate) use groups::{Count, Key, split_detail};
use groups::{Groups, detail};
use ids::Ids;

/// The bit of a number that says: not one thing, but a list of them.
const LIST: u32 = 1 << 31;
/// How many texts of `userIdentity` are remembered at once, of less than a kilobyte each.
const KNOWN: usize = 8_192;

/// One record that may have a second copy, or that replaces another.
#[derive(Debug, Clone, Copy)]
struct Single {
    event: EventId,
    /// `sharedEventID`, or the event that is replaced.
    other: EventId,
    actor: u32,
    call: u32,
    detail: u32,
    /// A text, or with [`LIST`] a list of texts.
    resource: u32,
    address: u32,
    time: Time,
}

/// Credentials that a call gave out. Numbers of texts, but for the actor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mint {
    pub(crate) event: EventId,
    pub(crate) time: Time,
    pub(crate) mechanism: Mechanism,
    pub(crate) key: u32,
    pub(crate) session: u32,
    pub(crate) role: u32,
    pub(crate) actor: u32,
}

/// What a text of `userIdentity` comes to.
#[derive(Debug, Clone, Copy)]
struct Known {
    actor: u32,
    /// The service for which the call was made.
    via: u32,
    console: bool,
}

/// What was read, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Records of every kind.
    pub records: u64,
    /// Records that were there before, under the same `eventID`.
    pub duplicates: u64,
    /// Records of calls that are recorded elsewhere: seen by a VPC endpoint, insights, sums.
    pub copies: u64,
    /// Records outside the window; of them only what chains need is kept.
    pub outside_window: u64,
    /// Corrections of earlier records.
    pub addenda: u64,
}

/// A part of the evidence, or all of it.
#[derive(Clone)]
pub struct Fold {
    window: Window,
    texts: Texts,
    actors: Values<Actor>,
    /// `eventSource` and `eventName`.
    calls: Values<(u32, u32)>,
    lists: Values<Box<[u32]>>,
    groups: Groups,
    /// Each event that is in groups, with the group, or with [`LIST`] a list of groups.
    seen: Ids,
    shared: Vec<Single>,
    addenda: Vec<Single>,
    mints: FxHashMap<EventId, Mint>,
    /// `AROA…` and `AIDA…` → ARN, learned from all records.
    names: FxHashMap<u32, u32>,
    /// Where something was recorded: (account, source, whether as a data event, whether it only read) → first, last.
    visible: FxHashMap<(u32, u32, bool, bool), (Time, Time)>,
    totals: Totals,
    /// Why ids that were in a file could not be read again.
    lost: Option<String>,
    /// Actors by the text of their `userIdentity`; only a shortcut, and not part of the result.
    known: FxHashMap<u64, (Box<[u8]>, Known)>,
}

impl Fold {
    /// Nothing yet.
    #[must_use]
    pub fn new(window: Window) -> Self {
        Self::with_ids(window, Ids::default())
    }

    /// Nothing yet, with so many ids of events in memory at most; no number of them changes what comes out.
    #[must_use]
    pub fn with_room(window: Window, ids: usize) -> Self {
        Self::with_ids(window, Ids::with_room(ids))
    }

    fn with_ids(window: Window, seen: Ids) -> Self {
        Self {
            window,
            texts: Texts::default(),
            actors: Values::default(),
            calls: Values::default(),
            lists: Values::default(),
            groups: Groups::default(),
            seen,
            shared: Vec::new(),
            addenda: Vec::new(),
            mints: FxHashMap::default(),
            names: FxHashMap::default(),
            visible: FxHashMap::default(),
            totals: Totals::default(),
            lost: None,
            known: FxHashMap::default(),
        }
    }

    /// What was read, in numbers.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// One event more.
    pub fn add(&mut self, event: &Event<'_>) {
        self.totals.records += 1;
        if event.category == Category::Copy {
            self.totals.copies += 1;
            return;
        }
        // Whichever files or rows a source happens to hold around a window: only these can matter to it.
        if event.time < self.window.since.minus(Window::LOOKBACK) || event.time >= self.window.until {
            self.totals.outside_window += 1;
            return;
        }
        let minted = mint::minted(event);
        let Known { actor, via, .. } = self.actor(event, minted.as_ref());
        if let Some(minted) = minted {
            self.learn_mint(event, &minted, actor);
        }
        if !self.window.contains(event.time) {
            self.totals.outside_window += 1;
            return;
        }
        let source = self.texts.add(&event.source);
        self.see(event, source);
        let name = self.texts.add(&event.name);
        let call = self.calls.add((source, name));
        let address = self.texts.add(&event.address);
        let single = Single {
            event: event.id,
            other: event.replaces.or(event.shared).unwrap_or_default(),
            actor,
            call,
            detail: detail(via, event.outcome),
            resource: 0,
            address,
            time: event.time,
        };
        if event.replaces.is_some() {
            self.totals.addenda += 1;
            let resource = self.resources(event);
            self.addenda.push(Single { resource, ..single });
        } else if event.shared.is_some() {
            let resource = self.resources(event);
            self.shared.push(Single { resource, ..single });
        } else {
            let Self {
                seen,
                texts,
                lists,
                groups,
                ..
            } = self;
            let new = seen.put(event.id, || {
                let resource = resources(event, texts, lists);
                count(Single { resource, ..single }, lists, groups)
            });
            self.totals.duplicates += u64::from(!new);
        }
    }

    /// Takes out what came again and was not known then: its id was in a file, or it is a copy of a call, of which none is known
    /// before the end.
    ///
    /// # Errors
    ///
    /// When the file cannot be read: what came again then counts twice.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        let copies = self.shared.len();
        self.shared.sort_unstable_by_key(|one| one.event);
        self.shared.dedup_by_key(|one| one.event);
        self.totals.duplicates += (copies - self.shared.len()) as u64;
        for group in self.seen.settle()? {
            self.again(group);
        }
        self.lost.take().map_or(Ok(()), |why| Err(io::Error::other(why)))
    }

    /// An event's group or groups have it twice.
    fn again(&mut self, at: u32) {
        self.totals.duplicates += 1;
        for group in self.groups_of(at) {
            self.groups.take_one(group);
        }
    }

    /// Puts an event into its group or groups and gives their number.
    fn count(&mut self, one: Single) -> u32 {
        count(one, &mut self.lists, &mut self.groups)
    }
    /// The groups of a number.
    fn groups_of(&self, at: u32) -> Vec<u32> {
        if at & LIST == 0 {
            return vec![at];
        }
        self.lists
            .get(at & !LIST)
            .map(|list| list.to_vec())
            .unwrap_or_default()
    }

    fn actor(&mut self, event: &Event<'_>, minted: Option<&Minted<'_>>) -> Known {
        // The console's own record of a switch of roles takes its session from its time, and a service that takes a role
        // the workload from its request.
        let usual = event.name != "SwitchRole" && minted.is_none();
        let hash = shortcut(event.identity, event.console);
        if usual
            && let Some((text, known)) = self.known.get(&hash)
            && (&**text, known.console) == (event.identity, event.console)
        {
            return *known;
        }
        let who = event.who();
        let actor = Actor::of(event, &who, minted, &mut self.texts);
        self.learn_name(&who, &actor);
        let via = match who.kind {
            IdentityType::AwsService => 0,
            _ => self.texts.add(&who.invoked_by),
        };
        let known = Known {
            actor: self.actors.add(actor),
            via,
            console: event.console,
        };
        if usual {
            if self.known.len() >= KNOWN {
                self.known.clear();
            }
            self.known.insert(hash, (event.identity.into(), known));
        }
        known
    }

    /// Role and user ids with their ARNs: the owner's copy of a cross-account call has only the id.
    fn learn_name(&mut self, who: &Identity<'_>, actor: &Actor) {
        let (id, arn) = match who.kind {
            IdentityType::AssumedRole => (
                who.principal_id.split(':').next().unwrap_or_default(),
                actor.issuer,
            ),
            IdentityType::IamUser => (&*who.principal_id, actor.arn),
            _ => return,
        };
        if !id.is_empty() && arn != 0 {
            let id = self.texts.add(id);
            self.learn(id, arn);
        }
    }

    /// An id has one ARN. Where it has two all the same, a rename lies between, and the lesser stays, whatever came first.
    fn learn(&mut self, id: u32, arn: u32) {
        let texts = &self.texts;
        self.names
            .entry(id)
            .and_modify(|old| {
                if texts.get(arn) < texts.get(*old) {
                    *old = arn;
                }
            })
            .or_insert(arn);
    }

    fn learn_mint(&mut self, event: &Event<'_>, minted: &Minted<'_>, actor: u32) {
        let role = self.texts.add(&minted.role);
        let mint = Mint {
            event: event.id,
            time: event.time,
            mechanism: minted.mechanism,
            key: self.texts.add(&minted.key),
            session: self.texts.add(&minted.session),
            role,
            actor,
        };
        if let Some((id, _)) = minted.session.split_once(':')
            && role != 0
        {
            let id = self.texts.add(id);
            self.learn(id, role);
        }
        self.mints.insert(event.id, mint);
    }

    fn see(&mut self, event: &Event<'_>, source: u32) {
        let account = self.texts.add(&event.recipient);
        let key = (account, source, event.category == Category::Data, event.read_only);
        let (first, last) = self.visible.entry(key).or_insert((event.time, event.time));
        *first = (*first).min(event.time);
        *last = (*last).max(event.time);
    }

    fn resources(&mut self, event: &Event<'_>) -> u32 {
        resources(event, &mut self.texts, &mut self.lists)
    }
}

/// A hash of a text of `userIdentity`: of its parts that differ from session to session. What it finds is compared whole.
fn shortcut(identity: &[u8], console: bool) -> u64 {
    let id = identity.get(32..80).unwrap_or(identity);
    let end = identity.last_chunk::<96>().map_or(identity, |end| end);
    FxBuildHasher.hash_one((identity.len(), id, end, console))
}

/// Puts an event into its group or groups and gives their number.
fn count(one: Single, lists: &mut Values<Box<[u32]>>, groups: &mut Groups) -> u32 {
    let count = Count::one(one.time, one.event, one.address);
    let key = |resource| Key {
        actor: one.actor,
        call: one.call,
        resource,
        detail: one.detail,
    };
    if one.resource & LIST == 0 {
        return groups.add(key(one.resource), &count);
    }
    let resources = lists.get(one.resource & !LIST).cloned().unwrap_or_default();
    let numbers = resources
        .iter()
        .map(|resource| groups.add(key(*resource), &count))
        .collect();
    LIST | lists.add(numbers)
}

/// The number of an event's resource, or of the list of its resources.
fn resources(event: &Event<'_>, texts: &mut Texts, lists: &mut Values<Box<[u32]>>) -> u32 {
    let arns = resource::resources(event);
    if let [one] = arns.as_slice() {
        return texts.add(one);
    }
    let mut numbers: Vec<u32> = arns.iter().map(|arn| texts.add(arn)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    LIST | lists.add(numbers.into())
}
