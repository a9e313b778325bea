//! A request context by key number: what [`Context`] says, found without comparing text.
//!
//! Invariant: [`View::get`] says of every key that a library's policies ask for what [`Context::get`] says of it, where
//! the view's parts were set one after the other in one context.

use std::marker::PhantomData;
use std::net::IpAddr;

use sv0_iam::condition::{Context, Fact, date, numeric};

use super::keys::{KeyId, Keys, NeverCarried};
use super::library::Library;
use super::short::Short;

/// A single value, with what it can be read as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    pub(crate) short: Short,
    pub(crate) text: Box<str>,
    /// Few values are anything but text.
    read: Option<Box<Read>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Read {
    address: Option<IpAddr>,
    number: Option<f64>,
    moment: Option<i128>,
    /// Where the first five colons are, in text that may be an ARN.
    colons: Option<[u32; 5]>,
}

impl Value {
    fn new(text: &str) -> Self {
        let read = Read {
            address: text.parse().ok(),
            number: numeric::parse(text),
            moment: date::parse(text),
            colons: colons(text),
        };
        let Read {
            address,
            number,
            moment,
            colons,
        } = &read;
        let any = address.is_some() || number.is_some() || moment.is_some() || colons.is_some();
        Self {
            short: Short::new(text),
            text: text.into(),
            read: any.then(|| Box::new(read)),
        }
    }

    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.read.as_ref()?.address
    }

    pub(crate) fn number(&self) -> Option<f64> {
        self.read.as_ref()?.number
    }

    /// The text after its fifth colon.
    #[inline]
    pub(crate) fn rest(&self) -> Option<&str> {
        let [.., last] = self.read.as_ref()?.colons?;
        self.text.get(last as usize + 1..)
    }

    /// The text cut at its first five colons.
    pub(crate) fn fields(&self) -> Option<[&str; 6]> {
        let [a, b, c, d, e] = self.read.as_ref()?.colons?.map(|at| at as usize);
        let part = |from: usize, to: usize| self.text.get(from..to);
        Some([
            part(0, a)?,
            part(a + 1, b)?,
            part(b + 1, c)?,
            part(c + 1, d)?,
            part(d + 1, e)?,
            self.rest()?,
        ])
    }

    /// Nanoseconds since 1970.
    pub(crate) fn moment(&self) -> Option<i128> {
        self.read.as_ref()?.moment
    }
}

fn colons(text: &str) -> Option<[u32; 5]> {
    let mut colons = text
        .bytes()
        .zip(0..)
        .filter(|(byte, _)| *byte == b':')
        .map(|(_, at)| at);
    let mut next = || colons.next();
    Some([next()?, next()?, next()?, next()?, next()?])
}

/// What is known of one key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Known {
    One(Value),
    Many(Box<[Value]>),
    Absent,
    Unknown { maybe_absent: bool },
}

impl Known {
    fn new(fact: Fact<'_>) -> Self {
        match fact {
            Fact::One(text) => Self::One(Value::new(text)),
            Fact::Many(texts) => Self::Many(texts.iter().map(|text| Value::new(text)).collect()),
            Fact::Absent => Self::Absent,
            Fact::Unknown { maybe_absent } => Self::Unknown { maybe_absent },
        }
    }
}

/// What a key that nothing was said of is, in a closed context, and in an open one.
const ABSENT: &Known = &Known::Absent;
const UNKNOWN: &Known = &Known::Unknown { maybe_absent: true };

/// Facts by key, sorted. A key with no fact is one of which nothing was said, whatever tables below this one say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Table {
    keys: Box<[KeyId]>,
    known: Box<[Option<Known>]>,
    /// By key: its place, from one, or nothing; empty where keys are searched for instead.
    places: Box<[u16]>,
}

/// A key and what is known of it.
pub(crate) type Entry = (KeyId, Option<Known>);

impl Table {
    pub(crate) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|(key, _)| *key);
        let (keys, known): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        Self {
            keys: keys.into(),
            known: known.into(),
            places: Box::default(),
        }
    }

    /// The same, faster to ask and larger: for tables that are asked often, or shared.
    pub(crate) fn indexed(mut self) -> Self {
        let mut places = vec![0; self.keys.last().map_or(0, |key| key.index() + 1)];
        for (key, place) in self.keys.iter().zip(1..) {
            if let Some(entry) = places.get_mut(key.index()) {
                *entry = place;
            }
        }
        self.places = places.into();
        self
    }

    /// Everything that a context says, by key; its keys get numbers.
    pub(crate) fn entries_of(context: &Context, keys: &mut Keys) -> Vec<Entry> {
        let entry = |(key, fact)| (keys.intern(key), Some(Known::new(fact)));
        let mut entries: Vec<Entry> = context.entries().map(entry).collect();
        entries.sort_by_key(|(key, _)| *key);
        entries
    }

    #[inline]
    pub(crate) fn find(&self, key: KeyId) -> Option<Option<&Known>> {
        let at = if !self.places.is_empty() {
            usize::from(*self.places.get(key.index())?).checked_sub(1)?
        } else if self.keys.len() <= 8 {
            // A handful is searched faster from the front.
            self.keys.iter().position(|other| *other == key)?
        } else {
            self.keys.binary_search(&key).ok()?
        };
        self.known.get(at).map(Option::as_ref)
    }

    /// The same bytes for tables that say the same of some keys.
    pub(crate) fn fingerprint(&self, keys: &[KeyId]) -> Vec<u8> {
        let mut out = Vec::new();
        for key in keys {
            let mut say = |mark: u8, texts: &mut dyn Iterator<Item = &str>| {
                out.push(mark);
                for text in texts {
                    out.extend_from_slice(text.as_bytes());
                    out.push(0);
                }
                out.push(0);
            };
            match self.find(*key) {
                None => say(1, &mut std::iter::empty()),
                Some(None) => say(2, &mut std::iter::empty()),
                Some(Some(Known::One(value))) => say(3, &mut std::iter::once(&*value.text)),
                Some(Some(Known::Many(values))) => say(4, &mut values.iter().map(|value| &*value.text)),
                Some(Some(Known::Absent)) => say(5, &mut std::iter::empty()),
                Some(Some(Known::Unknown { maybe_absent })) => {
                    say(6 + u8::from(*maybe_absent), &mut std::iter::empty());
                }
            }
        }
        out
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (KeyId, Option<&Known>)> {
        self.keys
            .iter()
            .copied()
            .zip(self.known.iter().map(Option::as_ref))
    }
}

/// A context, compiled for a library: it borrows the library, which so cannot learn policies that ask for keys that
/// were left out here.
#[derive(Debug, Clone)]
pub struct Facts<'l> {
    table: Table,
    open: bool,
    /// Where the context says what requests are for.
    never_carried: Option<NeverCarried>,
    library: PhantomData<&'l Library>,
}

impl<'l> Facts<'l> {
    pub(super) fn new(context: &Context, keys: &'l Keys) -> Self {
        let entries = context.entries();
        let entries = entries.filter_map(|(key, fact)| Some((keys.find(key)?, Some(Known::new(fact)))));
        Self {
            table: Table::new(entries.collect()).indexed(),
            open: context.is_open(),
            never_carried: context.action().map(|action| keys.never_carried(action)),
            library: PhantomData,
        }
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.open
    }

    /// The keys that requests never carry, where the context says what they are for.
    pub(crate) const fn never_carried(&self) -> Option<&NeverCarried> {
        self.never_carried.as_ref()
    }
}

/// What is known of a request: facts, and facts that overrule them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    keys: &'a Keys,
    parts: [Option<&'a Table>; 3],
    open: bool,
    never_carried: Option<&'a NeverCarried>,
}

impl<'a> View<'a> {
    /// Facts in tables, of which the first that speaks of a key is right.
    pub(crate) const fn new(
        keys: &'a Keys,
        parts: [Option<&'a Table>; 3],
        open: bool,
        never_carried: Option<&'a NeverCarried>,
    ) -> Self {
        Self {
            keys,
            parts,
            open,
            never_carried,
        }
    }

    #[inline]
    fn find(&self, key: KeyId) -> Option<&'a Known> {
        self.parts
            .into_iter()
            .flatten()
            .find_map(|part| part.find(key))
            .flatten()
    }

    /// What is known of a key.
    #[inline]
    pub(crate) fn get(&self, key: KeyId) -> &'a Known {
        match self.find(key) {
            Some(known) => known,
            None if !self.open => ABSENT,
            // Tags of a set that is known as a whole are absent unless set.
            None => match self.keys.whole(key).and_then(|whole| self.find(whole)) {
                Some(Known::Absent) => ABSENT,
                _ if self.never_carried.is_some_and(|never| never.has(key)) => ABSENT,
                _ => UNKNOWN,
            },
        }
    }
}
