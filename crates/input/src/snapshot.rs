//! sv0's own format, version 1: one JSON object a line, zstd around it (`docs/snapshot.md`).

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sv0_model::coverage::{Gap, Reason};
use sv0_model::record::{Place, PolicyText, Record};

use crate::{Format, Loaded, Source, file_gap, whole};

/// The version that this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Format version.
    pub version: u32,
    /// When it was made, ISO 8601 in UTC.
    #[serde(default)]
    pub created_at: String,
    /// What made it.
    #[serde(default)]
    pub tool: String,
    /// What it was made from.
    #[serde(default)]
    pub source: String,
}

/// The last line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct End {
    records: usize,
    gaps: usize,
}

#[derive(Serialize, Deserialize)]
struct HeaderLine {
    sv0_snapshot: Header,
}

#[derive(Serialize, Deserialize)]
struct GapLine {
    gap: Gap,
}

#[derive(Serialize, Deserialize)]
struct EndLine {
    end: End,
}

/// Reads a snapshot's text. Lines that cannot be read become gaps; the others count.
#[must_use]
pub fn read(name: &str, text: &str) -> Loaded {
    let mut out = Loaded::default();
    let lines: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect();
    let Some(((_, first), rest)) = lines.split_first() else {
        return out;
    };
    let mut observed_at = None;
    match serde_json::from_str::<HeaderLine>(first) {
        Ok(header) if header.sv0_snapshot.version > VERSION => {
            out.gaps.push(file_gap(
                name,
                Reason::NotSupported,
                format!(
                    "`{name}` is a snapshot of version {}; this sv0 reads up to version {VERSION}: use a newer sv0",
                    header.sv0_snapshot.version
                ),
            ));
            return out;
        }
        Ok(header) => observed_at = Some(header.sv0_snapshot.created_at),
        Err(error) => {
            let detail =
                format!("`{name}`:1: the header line cannot be read: {error}; the rest was read anyway");
            out.gaps.push(file_gap(name, Reason::Damaged, detail));
        }
    }
    let file: Arc<str> = name.into();
    let parsed: Vec<Line> = rest
        .par_iter()
        .map(|(number, line)| parse_line(&file, *number, line))
        .collect();
    out.records.reserve_exact(parsed.len());
    let mut end = None;
    let mut declared = 0;
    for line in parsed {
        match line {
            Line::Record(record) => out.records.push(*record),
            Line::Gap(gap) => {
                declared += 1;
                out.gaps.push(gap);
            }
            Line::End(found) => end = Some(found),
            Line::Bad(gap) => out.gaps.push(gap),
        }
    }
    match end {
        None => out.gaps.push(file_gap(
            name,
            Reason::Damaged,
            format!(
                "`{name}` has no end line: it is cut off after {} records",
                out.records.len()
            ),
        )),
        Some(end) if end.records != out.records.len() || end.gaps != declared => out.gaps.push(file_gap(
            name,
            Reason::Damaged,
            format!(
                "`{name}` says that it holds {} records and {} gaps; {} and {declared} could be read",
                end.records,
                end.gaps,
                out.records.len()
            ),
        )),
        Some(_) => {}
    }
    out.sources.push(Source {
        file: name.to_owned(),
        format: Format::Snapshot,
        records: out.records.len(),
        observed_at,
    });
    out
}

enum Line {
    Record(Box<Record>),
    Gap(Gap),
    End(End),
    Bad(Gap),
}

/// The path of a document in its record.
fn path_of(index: usize) -> Arc<str> {
    let path = |index: usize| Arc::from(format!("policies[{index}].document"));
    // Nearly all records have a few.
    static FIRST: OnceLock<[Arc<str>; 16]> = OnceLock::new();
    let first = FIRST.get_or_init(|| std::array::from_fn(path));
    first.get(index).cloned().unwrap_or_else(|| path(index))
}

fn parse_line(name: &Arc<str>, number: usize, line: &str) -> Line {
    let bad = |error: serde_json::Error| {
        let detail = format!("`{name}`:{number}: the line cannot be read: {error}; it was left out");
        Line::Bad(file_gap(name, Reason::Damaged, detail))
    };
    if line.starts_with("{\"gap\"") {
        return serde_json::from_str::<GapLine>(line).map_or_else(bad, |line| Line::Gap(line.gap));
    }
    if line.starts_with("{\"end\"") {
        return serde_json::from_str::<EndLine>(line).map_or_else(bad, |line| Line::End(line.end));
    }
    match serde_json::from_str::<Record>(line) {
        Ok(mut record) => {
            for (i, policy) in record.policies.iter_mut().enumerate() {
                let text = policy.document.shared();
                let column = line.find(&*text).map(|at| at + 1);
                let place = Place {
                    file: Arc::clone(name),
                    json_path: path_of(i),
                    line: Some(number),
                    column,
                };
                policy.document = PolicyText::at(text, place);
            }
            Line::Record(Box::new(record))
        }
        Err(error) => bad(error),
    }
}

/// Writes a snapshot, whole or not at all: into a file beside it, then renamed. Compressed unless the name ends in
/// `.jsonl`.
///
/// # Errors
///
/// What the system says.
pub fn write(path: &Path, header: &Header, records: &[Record], gaps: &[Gap]) -> io::Result<()> {
    whole_or_not(path, |out| write_to(out, header, records, gaps))
}

/// The same for records that come one by one, in the order of a snapshot, and are not kept. Gives how many they were.
///
/// # Errors
///
/// What the system says, or whoever makes the records.
pub fn write_stream(
    path: &Path,
    header: &Header,
    records: impl Iterator<Item = io::Result<Record>>,
    gaps: &[Gap],
) -> io::Result<usize> {
    whole_or_not(path, |out| {
        let mut lines = Lines::begin(out, header)?;
        for record in records {
            lines.record(&record?)?;
        }
        for gap in gaps {
            lines.gap(gap)?;
        }
        lines.end()
    })
}

/// Writes a snapshot's lines.
///
/// # Errors
///
/// What the writer says.
pub fn write_to(out: &mut dyn Write, header: &Header, records: &[Record], gaps: &[Gap]) -> io::Result<()> {
    let mut lines = Lines::begin(out, header)?;
    for record in records {
        lines.record(record)?;
    }
    for gap in gaps {
        lines.gap(gap)?;
    }
    lines.end().map(drop)
}

fn whole_or_not<T>(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
    whole::write(path, |file| {
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            let mut out = io::BufWriter::new(file);
            return fill(&mut out).and_then(|done| out.flush().map(|()| done));
        }
        let mut out = zstd::stream::write::Encoder::new(io::BufWriter::new(file), 9)?;
        fill(&mut out).and_then(|done| out.finish()?.flush().map(|()| done))
    })
}

/// The lines of a snapshot, counted for the last one.
struct Lines<'w> {
    out: &'w mut dyn Write,
    written: End,
}

impl<'w> Lines<'w> {
    fn begin(out: &'w mut dyn Write, header: &Header) -> io::Result<Self> {
        let mut lines = Self {
            out,
            written: End { records: 0, gaps: 0 },
        };
        lines.line(&HeaderLine {
            sv0_snapshot: header.clone(),
        })?;
        Ok(lines)
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.written.records += 1;
        self.line(record)
    }

    fn gap(&mut self, gap: &Gap) -> io::Result<()> {
        self.written.gaps += 1;
        self.line(&GapLine { gap: gap.clone() })
    }

    fn end(mut self) -> io::Result<usize> {
        let end = self.written;
        self.line(&EndLine { end })?;
        Ok(end.records)
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        writeln!(
            self.out,
            "{}",
            serde_json::to_string(value).map_err(io::Error::other)?
        )
    }
}

#[cfg(test)]
mod tests {
    use sv0_model::kind::Kind;

    use super::*;

    fn header() -> Header {
        Header {
            version: 1,
            created_at: "2026-01-05T10:00:00Z".into(),
            tool: "t".into(),
            source: "s".into(),
        }
    }

    fn text(records: &[Record]) -> String {
        let mut out = Vec::new();
        write_to(&mut out, &header(), records, &[]).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn there_and_back() {
        let records = vec![Record::new(Kind::IamRole, "a"), Record::new(Kind::S3Bucket, "b")];
        let loaded = read("x", &text(&records));
        assert_eq!((loaded.records, loaded.gaps), (records, vec![]));
    }

    #[test]
    fn damage_is_told_and_costs_only_itself() {
        let whole = text(&[Record::new(Kind::IamRole, "a"), Record::new(Kind::IamRole, "b")]);
        let broken = whole.replace(r#""id":"a""#, r#""id":7"#);
        let loaded = read("x", &broken);
        assert_eq!(loaded.records.len(), 1);
        let details: Vec<&str> = loaded.gaps.iter().map(|gap| gap.detail.as_str()).collect();
        assert!(
            details[0].starts_with("`x`:2: the line cannot be read"),
            "{details:?}"
        );
        assert!(details[1].contains("says that it holds 2 records"), "{details:?}");

        let cut = &whole[..whole.rfind("{\"end\"").unwrap()];
        assert!(read("x", cut).gaps[0].detail.contains("cut off after 2 records"));

        let newer = whole.replace("\"version\":1", "\"version\":9");
        assert!(read("x", &newer).gaps[0].detail.contains("use a newer sv0"));
    }

    #[test]
    fn a_kind_of_a_newer_version_is_reported_not_swallowed() {
        let whole = text(&[Record::new(Kind::IamRole, "a")]).replace("iam_role", "quantum_role");
        assert!(
            read("x", &whole).gaps[0]
                .detail
                .contains("unknown variant `quantum_role`")
        );
    }
}
