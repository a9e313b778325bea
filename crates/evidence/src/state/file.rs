//! A [`State`] in a file: one zstd frame with a checksum, written beside the old one and put in its place at once. A second
//! sv0 that would write the same file is turned away, because what one of them read would be lost.

use std::fs::{File, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::State;
use super::codec::{In, Out, damaged};
use super::cursor::Cursor;
use crate::fold::Fold;
use crate::problem::{Problem, ProblemKind};

/// The first bytes of what is in the frame. The number changes with what follows.
const MAGIC: &str = "sv0 evidence state 1\n";
/// Quick; ids of events do not get smaller anyhow.
const LEVEL: i32 = 1;

/// Why a state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The system says no.
    #[error("cannot use the state file `{path}`")]
    Io {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is something else, of another version, or damaged.
    #[error("`{path}` is no state file of this version of sv0: {why}")]
    Damaged {
        /// Which.
        path: String,
        /// In which way.
        why: String,
    },
    /// Another run has it.
    #[error("another run of sv0 uses the state file `{path}`")]
    Busy {
        /// Which.
        path: String,
    },
}

/// A state file that nobody else uses as long as this is there.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// Held, not read: the system lets go of it when the process ends, in whatever way.
    _lock: File,
}

impl StateFile {
    /// Takes a state file, which need not be there yet, for this run. A file `….lock` beside it stays behind.
    ///
    /// # Errors
    ///
    /// When another run has it, or its folder cannot be written.
    pub fn take(path: &Path) -> Result<Self, StateError> {
        let lock = File::create(with(path, "lock")).map_err(|source| broken(path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(StateError::Busy {
                path: path.display().to_string(),
            }),
            Err(TryLockError::Error(source)) => Err(broken(path, source)),
        }
    }

    /// What is in it; none where it is not there yet.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is no state.
    pub fn read(&self) -> Result<Option<State>, StateError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(broken(&self.path, source)),
        };
        let wrong = |error: io::Error| StateError::Damaged {
            path: self.path.display().to_string(),
            why: error.to_string(),
        };
        let mut text = zstd::Decoder::new(BufReader::new(file)).map_err(wrong)?;
        read(&mut text).map(Some).map_err(wrong)
    }

    /// Writes a state: wholly, or not at all.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, state: &State) -> Result<(), StateError> {
        let wrong = |source| broken(&self.path, source);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // Only the owner may read it: names of people are in it.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(wrong)?;
        let mut packed = zstd::Encoder::new(BufWriter::new(file.as_file_mut()), LEVEL).map_err(wrong)?;
        packed.include_checksum(true).map_err(wrong)?;
        write(state, &mut packed).map_err(wrong)?;
        let mut packed = packed.finish().map_err(wrong)?;
        packed.flush().map_err(wrong)?;
        drop(packed);
        file.as_file().sync_all().map_err(wrong)?;
        file.persist(&self.path).map_err(|error| wrong(error.error))?;
        // The new name, too, is to outlive a power cut. Not every system can do that to a folder.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(end);
    name.into()
}

fn broken(path: &Path, source: io::Error) -> StateError {
    StateError::Io {
        path: path.display().to_string(),
        source,
    }
}

fn write(state: &State, to: &mut dyn Write) -> io::Result<()> {
    to.write_all(MAGIC.as_bytes())?;
    let out = &mut Out(to);
    out.long(state.places.len() as u64)?;
    for (place, cursor) in &state.places {
        out.text(place)?;
        cursor.write(out)?;
    }
    out.long(state.problems.list.len() as u64)?;
    for problem in &state.problems.list {
        out.text(&problem.object)?;
        out.text(problem.kind.as_str())?;
        out.text(&problem.detail)?;
        out.long(problem.records)?;
    }
    out.long(state.problems.counts.len() as u64)?;
    for (kind, count) in &state.problems.counts {
        out.text(kind.as_str())?;
        out.long(*count)?;
    }
    out.long(state.listed.objects)?;
    out.long(state.bytes)?;
    out.long(state.text_bytes)?;
    state.fold.write(out)
}

fn read(text: &mut dyn Read) -> io::Result<State> {
    let mut magic = vec![0; MAGIC.len()];
    text.read_exact(&mut magic)?;
    if magic != MAGIC.as_bytes() {
        return Err(damaged("it begins otherwise"));
    }
    let mut state = State::new(crate::time::Window::ALL);
    let from = &mut In(text);
    from.each(|from| {
        let place = from.text()?;
        state.places.insert(place, Cursor::read(from)?);
        Ok(())
    })?;
    from.each(|from| {
        state.problems.list.push(Problem {
            object: from.text()?,
            kind: kind(from)?,
            detail: from.text()?,
            records: from.long()?,
        });
        Ok(())
    })?;
    from.each(|from| {
        let kind = kind(from)?;
        state.problems.counts.insert(kind, from.long()?);
        Ok(())
    })?;
    state.listed.objects = from.long()?;
    state.bytes = from.long()?;
    state.text_bytes = from.long()?;
    state.fold = Fold::read(from)?;
    // The frame's checksum comes last, and is looked at only by who reads to the end.
    let mut rest = Vec::new();
    from.0.read_to_end(&mut rest)?;
    if rest.is_empty() {
        return Ok(state);
    }
    Err(damaged("it goes on after its end"))
}

fn kind(from: &mut In<'_>) -> io::Result<ProblemKind> {
    let text = from.text()?;
    ProblemKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| damaged("a kind of problem that there is not"))
}
