//! Reads what sv0 analyses, and writes snapshots. The only I/O before the core.
//!
//! Files in, [`Record`]s and [`Gap`]s out: an input that is partly damaged gives what could be read, and a gap for what
//! could not. Only an input with nothing usable in it is an error.
//!
//! * [`files`] — finds files, undoes gzip, zstd, UTF-16;
//! * [`gaad`] — `aws iam get-account-authorization-details`;
//! * [`iam_collect`] — the folders that iam-collect writes;
//! * [`snapshot`] — sv0's own format (`docs/snapshot.md`);
//! * [`whole`] — writes files as a whole or not at all.

pub mod files;
pub mod gaad;
pub mod iam_collect;
pub mod snapshot;
pub mod terraform;
mod text;
pub mod whole;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use sv0_model::coverage::{Gap, Reason};
use sv0_model::record::Record;

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The entities.
    pub records: Vec<Record>,
    /// What could not be read, or is known to be missing.
    pub gaps: Vec<Gap>,
    /// What each file was.
    pub sources: Vec<Source>,
}

/// One file or store that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As the user named it.
    pub file: String,
    /// What it holds.
    pub format: Format,
    /// How many records came from it.
    pub records: usize,
    /// When it was collected, ISO 8601, where it says so.
    pub observed_at: Option<String>,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Account authorization details.
    Gaad,
    /// A folder of iam-collect.
    IamCollect,
    /// sv0's snapshot.
    Snapshot,
}

impl Format {
    /// What people call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Gaad => "account authorization details",
            Self::IamCollect => "iam-collect folder",
            Self::Snapshot => "snapshot",
        }
    }
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that the user named is not there or cannot be opened.
    #[error("cannot read `{path}`")]
    Read {
        /// As the user named it.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// There are files, but none holds anything that sv0 reads.
    #[error("no usable input in {what}")]
    Nothing {
        /// The paths.
        what: String,
        /// What was wrong with each file.
        gaps: Vec<Gap>,
    },
}

/// Reads files and folders.
///
/// # Errors
///
/// Where a named path cannot be opened, or nothing usable is in any of them.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, Error> {
    let found = files::discover(paths)?;
    let parts: Vec<Loaded> = found.par_iter().map(load_file).collect();
    let mut out = Loaded::default();
    for part in parts {
        out.gaps.extend(part.gaps);
        out.sources.extend(part.sources);
        out.records.extend(part.records);
    }
    if out.sources.is_empty() {
        let what = paths
            .iter()
            .map(|p| format!("`{}`", p.display()))
            .collect::<Vec<_>>()
            .join(", ");
        return Err(Error::Nothing { what, gaps: out.gaps });
    }
    settle(&mut out);
    Ok(out)
}

/// Reads one snapshot that is already in memory, such as the embedded demo.
#[must_use]
pub fn load_snapshot_text(name: &str, text: &str) -> Loaded {
    let mut out = snapshot::read(name, text);
    settle(&mut out);
    out
}

fn load_file(file: &files::Found) -> Loaded {
    if file.what == files::What::IamCollect {
        return iam_collect::read(&file.path);
    }
    let name = file.name();
    let bytes = match files::read(&file.path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return only_gap(file_gap(
                &name,
                Reason::Error,
                format!("cannot read `{name}`: {error}"),
            ));
        }
    };
    let decoded = files::decode(bytes);
    let mut out = match text::classify(&decoded.text) {
        text::Class::Snapshot => snapshot::read(&name, &decoded.text),
        text::Class::Gaad => gaad::read(&name, &decoded.text),
        text::Class::Empty => only_gap(file_gap(&name, Reason::Damaged, format!("`{name}` is empty"))),
        text::Class::Other(what) if file.what == files::What::Beside => only_gap(file_gap(
            &name,
            Reason::NotInInput,
            format!("`{name}`, beside an iam-collect folder, is {what}; it was left out"),
        )),
        text::Class::Other(what) => only_gap(file_gap(
            &name,
            Reason::Damaged,
            format!(
                "`{name}` is {what}; sv0 reads the output of `aws iam get-account-authorization-details`, folders of \
                 iam-collect and its own snapshots"
            ),
        )),
    };
    if let Some(damage) = decoded.damage {
        out.gaps.push(file_gap(
            &name,
            Reason::Damaged,
            format!("`{name}`: {damage}; what came before it was read"),
        ));
    }
    out
}

fn only_gap(gap: Gap) -> Loaded {
    Loaded {
        gaps: vec![gap],
        ..Loaded::default()
    }
}

/// A gap about a file as a whole.
pub(crate) fn file_gap(name: &str, reason: Reason, detail: String) -> Gap {
    Gap {
        account: None,
        region: None,
        service: None,
        call: name.to_owned(),
        entity: None,
        reason,
        detail,
        consequence: "what the file would have told is not part of any answer".into(),
    }
}

/// Sorts, and drops entities that came twice (two files of the same account), keeping the first.
fn settle(loaded: &mut Loaded) {
    loaded
        .records
        .sort_by(|a, b| (a.kind.as_str(), &a.id).cmp(&(b.kind.as_str(), &b.id)));
    let mut seen: FxHashSet<&str> = FxHashSet::default();
    let mut doubled = Vec::new();
    let mut keep = Vec::with_capacity(loaded.records.len());
    let mut previous: Option<&Record> = None;
    for record in &loaded.records {
        let fresh = seen.insert(&record.id);
        keep.push(fresh);
        // AWS's own policies are in the details of every account that uses them.
        if !fresh && previous != Some(record) && !record.id.contains(":iam::aws:policy/") {
            doubled.push(record.id.clone());
        }
        previous = Some(record);
    }
    let mut flags = keep.into_iter();
    drop(seen);
    loaded.records.retain(|_| flags.next().unwrap_or(true));
    for id in doubled {
        loaded.gaps.push(Gap {
            account: None,
            region: None,
            service: None,
            call: String::new(),
            entity: Some(id.clone()),
            reason: Reason::Damaged,
            detail: format!("`{id}` is in the input twice with different content; the first was used"),
            consequence: "answers about it follow the first version only".into(),
        });
    }
    loaded.gaps.sort();
    loaded.gaps.dedup();
}

/// The name shown for a path.
pub(crate) fn show(path: &Path) -> String {
    path.display().to_string()
}
