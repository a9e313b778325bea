//! From the journal to one sorted stream of records, in bounded memory: sorted runs on disk, merged.

use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;

use serde::Deserialize;
use sv0_model::coverage::Gap;
use sv0_model::record::Record;

use crate::journal::{Journal, Line};

/// Bytes of records that are sorted in memory at a time.
const RUN: usize = 96 << 20;

/// Everything that a journal holds.
pub struct Merged {
    heap: BinaryHeap<Head>,
    runs: Vec<Run>,
    /// Sorted, each once.
    pub gaps: Vec<Gap>,
}

impl std::fmt::Debug for Merged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Merged")
            .field("runs", &self.runs.len())
            .finish_non_exhaustive()
    }
}

enum Run {
    Memory(std::vec::IntoIter<Entry>),
    Disk(BufReader<zstd::stream::read::Decoder<'static, BufReader<File>>>),
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    kind: String,
    id: String,
    line: String,
}

/// The next entry of a run; the heap gives the least first.
struct Head {
    entry: Entry,
    run: usize,
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Head {}
impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        other.entry.cmp(&self.entry).then(other.run.cmp(&self.run))
    }
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
}

/// Sorts what a journal holds. Runs that do not fit into memory go to unnamed files in `folder`.
///
/// # Errors
///
/// What the disk says.
pub fn merge(journal: &Journal, folder: &Path) -> io::Result<Merged> {
    merge_in_runs(journal, folder, RUN)
}

fn merge_in_runs(journal: &Journal, folder: &Path, size: usize) -> io::Result<Merged> {
    let mut runs: Vec<Run> = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    let mut held = 0;
    let mut gaps = BTreeSet::new();
    journal.lines(|line| {
        match line {
            Line::Gap(gap) => {
                gaps.insert(gap);
            }
            Line::Record(text) => {
                let name: Name<'_> = serde_json::from_str(text)?;
                held += text.len() + name.id.len() + 96;
                entries.push(Entry {
                    kind: name.kind.into_owned(),
                    id: name.id.into_owned(),
                    line: text.to_owned(),
                });
                if held > size {
                    runs.push(spill(std::mem::take(&mut entries), folder)?);
                    held = 0;
                }
            }
        }
        Ok(())
    })?;
    entries.sort_unstable();
    runs.push(Run::Memory(entries.into_iter()));
    let mut merged = Merged {
        heap: BinaryHeap::new(),
        runs,
        gaps: gaps.into_iter().collect(),
    };
    for run in 0..merged.runs.len() {
        merged.advance(run)?;
    }
    Ok(merged)
}

fn spill(mut entries: Vec<Entry>, folder: &Path) -> io::Result<Run> {
    entries.sort_unstable();
    let file = tempfile::tempfile_in(folder)?;
    let mut out = zstd::stream::write::Encoder::new(BufWriter::new(file), 1)?;
    for entry in entries {
        out.write_all(entry.line.as_bytes())?;
        out.write_all(b"\n")?;
    }
    let mut file = out
        .finish()?
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    let reader = zstd::stream::read::Decoder::new(file)?;
    Ok(Run::Disk(BufReader::new(reader)))
}

impl Merged {
    fn advance(&mut self, run: usize) -> io::Result<()> {
        let entry = match self.runs.get_mut(run) {
            None => None,
            Some(Run::Memory(entries)) => entries.next(),
            Some(Run::Disk(reader)) => {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    None
                } else {
                    line.truncate(line.trim_end().len());
                    let name: Name<'_> = serde_json::from_str(&line)?;
                    let (kind, id) = (name.kind.into_owned(), name.id.into_owned());
                    Some(Entry { kind, id, line })
                }
            }
        };
        if let Some(entry) = entry {
            self.heap.push(Head { entry, run });
        }
        Ok(())
    }

    fn pop(&mut self) -> io::Result<Option<Entry>> {
        let Some(head) = self.heap.pop() else {
            return Ok(None);
        };
        self.advance(head.run)?;
        Ok(Some(head.entry))
    }

    fn next_record(&mut self) -> io::Result<Option<Record>> {
        let Some(first) = self.pop()? else {
            return Ok(None);
        };
        let mut record: Record = serde_json::from_str(&first.line)?;
        let mut last = first.line;
        while self
            .heap
            .peek()
            .is_some_and(|next| next.entry.kind == first.kind && next.entry.id == first.id)
        {
            let Some(next) = self.pop()? else { break };
            if next.line != last {
                join(&mut record, serde_json::from_str(&next.line)?);
                last = next.line;
            }
        }
        Ok(Some(record))
    }
}

impl Iterator for Merged {
    type Item = io::Result<Record>;
    fn next(&mut self) -> Option<Self::Item> {
        self.next_record().transpose()
    }
}

/// Puts together what two units say of one entity: an AWS managed policy that many accounts use, an account that the
/// organization lists and that knows its own alias. Records come sorted, so the outcome does not hang on who was first.
fn join(record: &mut Record, other: Record) {
    if record.name.is_empty() {
        record.name = other.name;
    }
    record.account = record.account.take().or(other.account);
    record.region = record.region.take().or(other.region);
    record.created_at = record.created_at.take().or(other.created_at);
    for (key, value) in other.tags {
        record.tags.insert_new(key, value);
    }
    for (key, value) in other.attrs {
        record.attrs.insert_new(key, value);
    }
    for policy in other.policies {
        let known =
            |known: &sv0_model::record::PolicySlot| (known.slot, &known.name) == (policy.slot, &policy.name);
        if !record.policies.iter().any(known) {
            record.policies.push(policy);
        }
    }
    for reference in other.refs {
        if !record.refs.contains(&reference) {
            record.refs.push(reference);
        }
    }
    record.partial = record.partial.take().or(other.partial);
    crate::text::settle(record);
}

#[cfg(test)]
mod tests {
    use serde_json::Map;
    use sv0_model::kind::Kind;

    use super::*;
    use crate::journal::{Finished, Unit};

    fn record(kind: Kind, id: &str) -> Record {
        Record::new(kind, id)
    }

    #[test]
    fn units_become_one_sorted_stream_whatever_the_memory() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::begin(&folder.path().join("j"), "all").unwrap();
        for unit in 0..7 {
            let mut records: Vec<Record> = (0..50)
                .map(|n| record(Kind::SqsQueue, &format!("q{:03}", (n * 7 + unit) % 350)))
                .collect();
            records.push(record(Kind::IamRole, &format!("r{unit}")));
            // Two units say something of one account, in either order.
            let mut account = record(Kind::AwsAccount, "a");
            account.fact_of(unit);
            records.push(account);
            let finished = Finished {
                unit: Unit::new("1", None, &unit.to_string()),
                facts: Map::new(),
                again: false,
                records,
                gaps: vec![],
            };
            journal.append(&finished).unwrap();
        }
        let all = |size| {
            let merged = merge_in_runs(&journal, folder.path(), size).unwrap();
            merged.map(Result::unwrap).collect::<Vec<Record>>()
        };
        let whole = all(RUN);
        assert_eq!(whole, all(1), "a run of one record gives the same");
        assert_eq!(whole, all(2_000));
        assert_eq!(whole.len(), 350 + 7 + 1);
        assert_eq!(
            whole[0].attrs.len(),
            7,
            "what seven units said of one account is together"
        );
        assert!(
            whole
                .windows(2)
                .all(|two| (two[0].kind.as_str(), &two[0].id) < (two[1].kind.as_str(), &two[1].id))
        );
    }

    trait FactOf {
        fn fact_of(&mut self, unit: i32);
    }
    impl FactOf for Record {
        fn fact_of(&mut self, unit: i32) {
            self.attrs.insert(format!("fact{unit}"), unit.into());
        }
    }
}
