//! Which event is in which group, for as many events as there are: what does not fit goes to a file.
//!
//! An event that comes again is found at once while its id is in memory. Where ids had to go to a file it counts twice for the
//! time being; [`Ids::settle`] finds it in the end, part by part (ids of one part are in one part of every file), and says which
//! groups have one too many. That is what merging two folds does as well.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashTable;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::id::EventId;

/// Parts of a set. A billion events have four million in each.
const PARTS: usize = 256;
/// Ids in memory: a part then just does not grow to its next size, so that 11 MB hold them.
const ROOM: usize = PARTS * 1_700;
/// Bytes of an entry in a file.
const ENTRY: usize = 20;

/// Ids in a file that nobody else sees and that is gone when the program ends, however it does.
#[derive(Clone)]
struct Run {
    file: Arc<Mutex<File>>,
    /// How many are in each part; they lie one part after another.
    parts: Vec<u64>,
}

/// A set of event ids, each with a number. In parts, so that it grows a part at a time.
///
/// 21 bytes an entry in memory, of a table that is between 7/16 and 7/8 full: 24 to 48 bytes an event; 20 in a file.
#[derive(Clone)]
pub(crate) struct Ids {
    parts: Vec<HashTable<(EventId, u32)>>,
    len: usize,
    room: usize,
    runs: Vec<Run>,
    /// Whether the files have no id twice, nor one that is in memory.
    settled: bool,
}

impl Default for Ids {
    fn default() -> Self {
        Self::with_room(ROOM)
    }
}

impl Ids {
    /// With so many ids in memory at most.
    pub(crate) fn with_room(room: usize) -> Self {
        Self {
            parts: (0..PARTS).map(|_| HashTable::new()).collect(),
            len: 0,
            room,
            runs: Vec::new(),
            settled: true,
        }
    }

    /// Puts an id in with the number that the function gives; unless it is there already, which comes back as false.
    pub(crate) fn put(&mut self, id: EventId, number: impl FnOnce() -> u32) -> bool {
        self.find_or_put(id, number).is_none()
    }

    /// The number of an id that is in memory; else it is put in with the number that the function gives, and none comes back.
    pub(crate) fn find_or_put(&mut self, id: EventId, number: impl FnOnce() -> u32) -> Option<u32> {
        let hash = id.hash();
        let part = self.parts.get_mut(part_of(id))?;
        if let Some((_, found)) = part.find(hash, |(other, _)| *other == id) {
            return Some(*found);
        }
        part.insert_unique(hash, (id, number()), |(id, _)| id.hash());
        self.len += 1;
        if self.len > self.room {
            self.spill();
        } else if !self.runs.is_empty() {
            self.settled = false;
        }
        None
    }

    /// The number of an id that is in memory.
    pub(crate) fn find(&self, id: EventId) -> Option<u32> {
        let part = self.parts.get(part_of(id))?;
        part.find(id.hash(), |(other, _)| *other == id)
            .map(|(_, number)| *number)
    }

    /// What is in memory goes to a file. Where it cannot (a full disk), memory it is.
    fn spill(&mut self) {
        let mut run = match Writing::begin() {
            Ok(run) => run,
            Err(_) => return self.stay(),
        };
        for part in &self.parts {
            if part
                .iter()
                .try_for_each(|(id, number)| run.put(*id, *number))
                .is_err()
            {
                return self.stay();
            }
            run.end_part();
        }
        match run.end() {
            Ok(run) => self.runs.push(run),
            Err(_) => return self.stay(),
        }
        self.parts.iter_mut().for_each(HashTable::clear);
        self.len = 0;
        self.settled = self.runs.len() == 1;
    }

    fn stay(&mut self) {
        self.room = self.room.saturating_mul(2);
    }

    /// Takes in what another set has in files; numbers are that set's until the function changes them. What cannot go to a file
    /// again goes to memory; the numbers of what is there twice come back.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn take_files(
        &mut self,
        other: &Self,
        mut number: impl FnMut(u32) -> u32,
    ) -> io::Result<Vec<u32>> {
        let mut twice = Vec::new();
        for run in &other.runs {
            if let Ok(run) = run.renumbered(&mut number) {
                self.runs.push(run);
                self.settled = false;
                continue;
            }
            self.room = self.room.max(self.len + run.parts.iter().sum::<u64>() as usize);
            for part in 0..PARTS {
                run.each(part, |id, old| {
                    let number = number(old);
                    if !self.put(id, || number) {
                        twice.push(number);
                    }
                    Ok(())
                })?;
            }
        }
        Ok(twice)
    }

    /// What of another set is in memory, in no order.
    pub(crate) fn in_memory(&self) -> impl Iterator<Item = (EventId, u32)> {
        self.parts.iter().flat_map(|part| part.iter().copied())
    }

    /// Finds what is there twice, keeps one of each, and gives the numbers of the others.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written.
    pub(crate) fn settle(&mut self) -> io::Result<Vec<u32>> {
        let mut twice = Vec::new();
        if self.settled {
            return Ok(twice);
        }
        let mut out = Writing::begin()?;
        let mut known: HashTable<(EventId, u32)> = HashTable::new();
        for part in 0..PARTS {
            known.clear();
            let mut take = |id: EventId, number: u32| {
                let hash = id.hash();
                if known.find(hash, |(other, _)| *other == id).is_some() {
                    twice.push(number);
                    return Ok(());
                }
                known.insert_unique(hash, (id, number), |(id, _)| id.hash());
                out.put(id, number)
            };
            for run in &self.runs {
                run.each(part, &mut take)?;
            }
            if let Some(table) = self.parts.get(part) {
                table.iter().try_for_each(|(id, number)| take(*id, *number))?;
            }
            out.end_part();
        }
        self.runs = vec![out.end()?];
        self.parts.iter_mut().for_each(HashTable::clear);
        self.len = 0;
        self.settled = true;
        Ok(twice)
    }

    /// How many, of a set that is settled.
    pub(crate) fn len(&self) -> u64 {
        let filed: u64 = self.runs.iter().flat_map(|run| &run.parts).sum();
        filed + self.len as u64
    }

    /// All, of a set that is settled.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or the function fails.
    pub(crate) fn each(&self, mut one: impl FnMut(EventId, u32) -> io::Result<()>) -> io::Result<()> {
        for part in 0..PARTS {
            for run in &self.runs {
                run.each(part, &mut one)?;
            }
        }
        self.in_memory().try_for_each(|(id, number)| one(id, number))
    }

    /// Only some of them, in memory.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn only(&self, wanted: &FxHashSet<EventId>) -> io::Result<Self> {
        let mut found: FxHashMap<EventId, u32> = FxHashMap::default();
        if !wanted.is_empty() {
            self.each(|id, number| {
                if wanted.contains(&id) {
                    found.insert(id, number);
                }
                Ok(())
            })?;
        }
        let mut only = Self::with_room(usize::MAX);
        for (id, number) in found {
            only.put(id, || number);
        }
        Ok(only)
    }
}

/// Other bits than those that a table looks at first.
fn part_of(id: EventId) -> usize {
    let [first, ..] = id.words();
    first as usize % PARTS
}

impl Run {
    /// The same with other numbers.
    fn renumbered(&self, number: &mut dyn FnMut(u32) -> u32) -> io::Result<Self> {
        let mut out = Writing::begin()?;
        for part in 0..PARTS {
            self.each(part, |id, old| out.put(id, number(old)))?;
            out.end_part();
        }
        out.end()
    }

    fn each(&self, part: usize, mut one: impl FnMut(EventId, u32) -> io::Result<()>) -> io::Result<()> {
        let before: u64 = self.parts.iter().take(part).sum();
        let count = self.parts.get(part).copied().unwrap_or(0);
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = &*file;
        file.seek(SeekFrom::Start(before * ENTRY as u64))?;
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut entry = [0; ENTRY];
        for _ in 0..count {
            file.read_exact(&mut entry)?;
            let (words, _) = entry.as_chunks::<4>();
            let &[a, b, c, d, number] = words else { break };
            let id = EventId::of_words([a, b, c, d].map(u32::from_le_bytes));
            one(id, u32::from_le_bytes(number))?;
        }
        Ok(())
    }
}

/// A file that is being written.
struct Writing {
    file: BufWriter<File>,
    parts: Vec<u64>,
    part: u64,
}

impl Writing {
    fn begin() -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::with_capacity(1 << 18, tempfile::tempfile()?),
            parts: Vec::with_capacity(PARTS),
            part: 0,
        })
    }

    fn put(&mut self, id: EventId, number: u32) -> io::Result<()> {
        let [a, b, c, d] = id.words();
        let mut entry = [0; ENTRY];
        let words = [a, b, c, d, number].map(u32::to_le_bytes);
        entry.copy_from_slice(words.as_flattened());
        self.part += 1;
        self.file.write_all(&entry)
    }

    fn end_part(&mut self) {
        self.parts.push(std::mem::take(&mut self.part));
    }

    fn end(self) -> io::Result<Run> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Run {
            file: Arc::new(Mutex::new(file)),
            parts: self.parts,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn id(number: u32) -> EventId {
        EventId::of(format!("event {number}").as_bytes())
    }

    #[test]
    fn what_is_twice_is_found_however_little_room_there_is() {
        for room in [0, 1, 7, 100, 10_000] {
            let mut ids = Ids::with_room(room);
            let mut found = 0;
            for number in (0..300).chain(100..200).chain(150..160) {
                found += usize::from(!ids.put(id(number), || number));
            }
            let mut twice = ids.settle().unwrap();
            assert_eq!(found + twice.len(), 110, "room for {room}");
            twice.sort_unstable();
            assert!(twice.iter().all(|number| (100..200).contains(number)));
            assert!(ids.settle().unwrap().is_empty());
            assert_eq!(ids.len(), 300);
            let mut all = Vec::new();
            ids.each(|one, number| {
                assert_eq!(one, id(number));
                all.push(number);
                Ok(())
            })
            .unwrap();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..300));
            let only = ids.only(&[id(5), id(999)].into_iter().collect()).unwrap();
            assert_eq!(
                (only.find(id(5)), only.find(id(999)), only.len()),
                (Some(5), None, 1)
            );
        }
    }

    #[test]
    fn files_of_another_set_come_with_new_numbers() {
        let (mut ids, mut other) = (Ids::with_room(10), Ids::with_room(10));
        for number in 0..50 {
            ids.put(id(number), || number);
            other.put(id(number + 40), || number + 1_040);
        }
        assert!(
            ids.take_files(&other, |number| number - 1_000)
                .unwrap()
                .is_empty()
        );
        for (one, number) in other.in_memory() {
            ids.put(one, || number - 1_000);
        }
        let mut twice = ids.settle().unwrap();
        twice.sort_unstable();
        assert!(twice.into_iter().eq(40..50));
        assert_eq!(ids.len(), 90);
    }
}
