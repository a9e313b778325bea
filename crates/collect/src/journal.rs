//! What an unfinished run has found so far, on disk: one zstd frame a finished unit, appended as units end.
//!
//! A frame is whole or it is not there: a run that is killed loses the units that were under way and nothing else, and
//! the next run takes it from there. A unit that is read again, because something of it had failed, is appended again;
//! the later frame counts.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sv0_model::coverage::Gap;
use sv0_model::record::Record;

/// One service in one region of one account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit {
    /// Twelve digits.
    pub account: String,
    /// None for global services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The service's name.
    pub service: String,
}

impl Unit {
    pub(crate) fn new(account: &str, region: Option<&str>, service: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.map(str::to_owned),
            service: service.to_owned(),
        }
    }

    /// Where it is, in words.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.region {
            Some(region) => format!("account {}, {region}", self.account),
            None => format!("account {}", self.account),
        }
    }
}

/// What a unit found.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) unit: Unit,
    /// What the plan of the run needs of it.
    pub(crate) facts: Map<String, Value>,
    /// Whether a later run should read it again.
    pub(crate) again: bool,
    pub(crate) records: Vec<Record>,
    pub(crate) gaps: Vec<Gap>,
}

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system said no.
    #[error("cannot use the journal `{path}`")]
    Io {
        /// Which.
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// An interrupted run's journal would be lost.
    #[error("`{0}` is the journal of an interrupted scan: go on with `--resume`, or remove it to begin anew")]
    InTheWay(String),
    /// Nothing to go on with.
    #[error("there is no journal `{0}` to resume from")]
    NoJournal(String),
    /// Another scan's.
    #[error("`{path}` belongs to a scan of something else: {theirs}; this one is: {ours}")]
    Other {
        /// Which.
        path: String,
        /// What it was a scan of.
        theirs: String,
        /// What is to be scanned.
        ours: String,
    },
    /// Not written by sv0.
    #[error("`{0}` is no journal of this version of sv0")]
    NotOurs(String),
}

const MAGIC: &[u8; 8] = b"sv0jrnl1";
const HEADER: usize = 12;

/// The first line of a frame.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    unit: Unit,
    again: bool,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    facts: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct GapLine {
    gap: Gap,
}

/// Where a unit's frame is.
#[derive(Debug, Clone)]
struct Frame {
    at: u64,
    length: u32,
    again: bool,
    facts: Map<String, Value>,
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    end: u64,
    frames: BTreeMap<Unit, Frame>,
}

impl Journal {
    /// Begins one. `scope` says what is scanned, so that no other scan goes on with it.
    ///
    /// # Errors
    ///
    /// When there is one already, or it cannot be written.
    pub(crate) fn begin(path: &Path, scope: &str) -> Result<Self, JournalError> {
        let io = |source| io_error(path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => JournalError::InTheWay(path.display().to_string()),
                _ => io_error(path, error),
            })?;
        file.write_all(MAGIC).map_err(io)?;
        let journal = Self {
            path: path.to_owned(),
            inner: Mutex::new(Inner {
                file,
                end: MAGIC.len() as u64,
                frames: BTreeMap::new(),
            }),
        };
        journal.append_frame(scope.as_bytes()).map_err(io)?;
        Ok(journal)
    }

    /// Opens an interrupted scan's; what was being written when it was interrupted is cut off.
    ///
    /// # Errors
    ///
    /// When there is none, or it is another scan's.
    pub(crate) fn resume(path: &Path, scope: &str) -> Result<Self, JournalError> {
        let io = |source| io_error(path, source);
        let shown = || path.display().to_string();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => JournalError::NoJournal(shown()),
                _ => io_error(path, error),
            })?;
        let mut magic = [0; MAGIC.len()];
        if file.read_exact(&mut magic).is_err() || &magic != MAGIC {
            return Err(JournalError::NotOurs(shown()));
        }
        let mut inner = Inner {
            file,
            end: MAGIC.len() as u64,
            frames: BTreeMap::new(),
        };
        let mut first = true;
        while let Some((at, length, bytes)) = inner.next_frame().map_err(io)? {
            if first {
                let theirs = String::from_utf8_lossy(&bytes).into_owned();
                if theirs != scope {
                    return Err(JournalError::Other {
                        path: shown(),
                        theirs,
                        ours: scope.to_owned(),
                    });
                }
                first = false;
                continue;
            }
            let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let head: Head = serde_json::from_slice(line).map_err(|_| JournalError::NotOurs(shown()))?;
            inner.frames.insert(
                head.unit,
                Frame {
                    at,
                    length,
                    again: head.again,
                    facts: head.facts,
                },
            );
        }
        if first {
            return Err(JournalError::NotOurs(shown()));
        }
        inner.file.set_len(inner.end).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            inner: Mutex::new(inner),
        })
    }

    /// What an earlier run found of a unit, unless it should be read again.
    pub(crate) fn done(&self, unit: &Unit) -> Option<Map<String, Value>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner
            .frames
            .get(unit)
            .filter(|frame| !frame.again)
            .map(|frame| frame.facts.clone())
    }

    /// Appends what a unit found.
    ///
    /// # Errors
    ///
    /// When the disk is full or gone.
    pub(crate) fn append(&self, finished: &Finished) -> Result<(), JournalError> {
        let io = |source| io_error(&self.path, source);
        let mut text = Vec::new();
        let head = Head {
            unit: finished.unit.clone(),
            again: finished.again,
            facts: finished.facts.clone(),
        };
        line(&mut text, &head).map_err(io)?;
        for record in &finished.records {
            line(&mut text, record).map_err(io)?;
        }
        for gap in &finished.gaps {
            line(&mut text, &GapLine { gap: gap.clone() }).map_err(io)?;
        }
        let (at, length) = self.append_frame(&text).map_err(io)?;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.frames.insert(
            head.unit,
            Frame {
                at,
                length,
                again: head.again,
                facts: head.facts,
            },
        );
        Ok(())
    }

    fn append_frame(&self, text: &[u8]) -> io::Result<(u64, u32)> {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3)?;
        encoder.include_checksum(true)?;
        encoder.write_all(text)?;
        let packed = encoder.finish()?;
        let length = u32::try_from(packed.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(packed.len() + HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&packed);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let end = inner.end;
        inner.file.seek(SeekFrom::Start(end))?;
        inner.file.write_all(&bytes)?;
        inner.end += bytes.len() as u64;
        Ok((end + HEADER as u64, length))
    }

    /// The lines of records and gaps, unit by unit.
    pub(crate) fn lines(&self, mut take: impl FnMut(Line) -> io::Result<()>) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let frames: Vec<Frame> = inner.frames.values().cloned().collect();
        for frame in frames {
            inner.file.seek(SeekFrom::Start(frame.at))?;
            let mut packed = vec![0; frame.length as usize];
            inner.file.read_exact(&mut packed)?;
            let text = zstd::stream::decode_all(packed.as_slice())?;
            for line in text.split(|byte| *byte == b'\n').skip(1) {
                if line.is_empty() {
                    continue;
                }
                if line.starts_with(b"{\"gap\"") {
                    let line: GapLine = serde_json::from_slice(line).map_err(io::Error::other)?;
                    take(Line::Gap(line.gap))?;
                } else {
                    let text = std::str::from_utf8(line).map_err(io::Error::other)?;
                    take(Line::Record(text))?;
                }
            }
        }
        Ok(())
    }

    /// Whether a later run could read more.
    #[must_use]
    pub fn has_more(&self) -> bool {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.frames.values().any(|frame| frame.again)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Deletes it, once the snapshot is written.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// One line of a unit.
pub(crate) enum Line<'a> {
    Record(&'a str),
    Gap(Gap),
}

impl Inner {
    /// The next whole frame after `end`, which moves on.
    fn next_frame(&mut self) -> io::Result<Option<(u64, u32, Vec<u8>)>> {
        self.file.seek(SeekFrom::Start(self.end))?;
        let mut header = [0; HEADER];
        if !read_whole(&mut self.file, &mut header)? {
            return Ok(None);
        }
        let (magic, length) = header.split_at(MAGIC.len());
        let Ok(length) = <[u8; 4]>::try_from(length).map(u32::from_le_bytes) else {
            return Ok(None);
        };
        if magic != MAGIC {
            return Ok(None);
        }
        let left = self
            .file
            .metadata()?
            .len()
            .saturating_sub(self.end + HEADER as u64);
        if left < u64::from(length) {
            return Ok(None);
        }
        let mut packed = vec![0; length as usize];
        if !read_whole(&mut self.file, &mut packed)? {
            return Ok(None);
        }
        let Ok(text) = zstd::stream::decode_all(packed.as_slice()) else {
            return Ok(None);
        };
        let at = self.end + HEADER as u64;
        self.end = at + u64::from(length);
        Ok(Some((at, length, text)))
    }
}

fn read_whole(file: &mut File, into: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn line(text: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *text, value).map_err(io::Error::other)?;
    text.push(b'\n');
    Ok(())
}

fn io_error(path: &Path, source: io::Error) -> JournalError {
    JournalError::Io {
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use sv0_model::kind::Kind;

    use super::*;

    fn finished(service: &str, id: &str, again: bool) -> Finished {
        Finished {
            unit: Unit::new("1", None, service),
            facts: Map::new(),
            again,
            records: vec![Record::new(Kind::SqsQueue, id)],
            gaps: vec![],
        }
    }

    fn ids(journal: &Journal) -> Vec<String> {
        let mut ids = Vec::new();
        journal
            .lines(|line| {
                if let Line::Record(text) = line {
                    let record: Record = serde_json::from_str(text)?;
                    ids.push(record.id);
                }
                Ok(())
            })
            .unwrap();
        ids
    }

    #[test]
    fn a_cut_frame_is_forgotten_and_the_rest_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.journal");
        let journal = Journal::begin(&path, "all").unwrap();
        journal.append(&finished("a", "first", false)).unwrap();
        let whole = std::fs::metadata(&path).unwrap().len();
        journal.append(&finished("b", "second", false)).unwrap();
        drop(journal);
        for cut in [whole + 1, whole + 13, whole + 20] {
            let file = OpenOptions::new().write(true).open(&path).unwrap();
            file.set_len(cut).unwrap();
            let journal = Journal::resume(&path, "all").unwrap();
            assert_eq!(ids(&journal), ["first"], "cut at {cut}");
            assert!(journal.done(&Unit::new("1", None, "b")).is_none());
            journal.append(&finished("b", "second", false)).unwrap();
            assert_eq!(ids(&journal), ["first", "second"]);
        }
    }

    #[test]
    fn a_unit_that_failed_is_read_again_and_the_later_frame_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.journal");
        let journal = Journal::begin(&path, "all").unwrap();
        journal.append(&finished("a", "half", true)).unwrap();
        assert!(journal.has_more());
        assert!(journal.done(&Unit::new("1", None, "a")).is_none());
        drop(journal);
        let journal = Journal::resume(&path, "all").unwrap();
        journal.append(&finished("a", "whole", false)).unwrap();
        assert_eq!(ids(&journal), ["whole"]);
        assert!(!journal.has_more());
    }

    #[test]
    fn another_scan_does_not_go_on_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.journal");
        assert!(matches!(
            Journal::resume(&path, "all"),
            Err(JournalError::NoJournal(_))
        ));
        Journal::begin(&path, "all").unwrap();
        assert!(matches!(
            Journal::begin(&path, "all"),
            Err(JournalError::InTheWay(_))
        ));
        assert!(matches!(
            Journal::resume(&path, "one"),
            Err(JournalError::Other { .. })
        ));
        std::fs::write(&path, "something else").unwrap();
        assert!(matches!(
            Journal::resume(&path, "all"),
            Err(JournalError::NotOurs(_))
        ));
    }
}
