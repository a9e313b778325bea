//! Finding files and getting text out of them: folders, gzip, zstd, byte order marks, UTF-16 (PowerShell's `>`).

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{Error, iam_collect, show};

/// Something to look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is.
    pub path: PathBuf,
    /// What it is, as far as its place tells.
    pub what: What,
}

/// What a path is, as far as its place tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A file that should be input.
    File,
    /// A file in a folder that holds a store; it need not be input.
    Beside,
    /// A partition of iam-collect's store.
    IamCollect,
}

impl Found {
    /// As the user would name it.
    #[must_use]
    pub fn name(&self) -> String {
        show(&self.path)
    }
}

/// Endings of files that are looked into inside folders. A file that is named itself is always looked into.
const ENDINGS: &[&str] = &[
    ".json",
    ".jsonl",
    ".json.gz",
    ".jsonl.gz",
    ".json.zst",
    ".jsonl.zst",
    ".zst",
    ".gz",
];

/// What some paths mean: files as they are, folders with everything below that looks like input, iam-collect's folders as
/// a whole. Hidden files and folders are left out.
///
/// # Errors
///
/// Where a path is not there, or holds no file that looks like input.
pub fn discover(paths: &[PathBuf]) -> Result<Vec<Found>, Error> {
    let mut out = Vec::new();
    for path in paths {
        if path == Path::new("-") {
            out.push(Found {
                path: path.clone(),
                what: What::File,
            });
            continue;
        }
        let meta = fs::metadata(path).map_err(|source| Error::Read {
            path: show(path),
            source,
        })?;
        if meta.is_dir() {
            let mut inside = Vec::new();
            walk(path, &mut inside, 0).map_err(|source| Error::Read {
                path: show(path),
                source,
            })?;
            inside.sort_by(|a, b| a.path.cmp(&b.path));
            if inside.iter().any(|found| found.what == What::IamCollect) {
                for found in inside.iter_mut().filter(|found| found.what == What::File) {
                    found.what = What::Beside;
                }
            }
            out.extend(inside);
        } else {
            out.push(Found {
                path: path.clone(),
                what: What::File,
            });
        }
    }
    out.dedup();
    if out.is_empty() {
        let what = paths
            .iter()
            .map(|p| format!("`{}`", p.display()))
            .collect::<Vec<_>>()
            .join(", ");
        return Err(Error::Nothing {
            what,
            gaps: Vec::new(),
        });
    }
    Ok(out)
}

fn walk(folder: &Path, out: &mut Vec<Found>, depth: usize) -> std::io::Result<()> {
    if iam_collect::is_store(folder) {
        out.push(Found {
            path: folder.to_owned(),
            what: What::IamCollect,
        });
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        // Links are followed for files only, so that no loop is walked.
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if depth < 16 {
                walk(&path, out, depth + 1)?;
            }
        } else if path.is_file()
            && ENDINGS
                .iter()
                .any(|ending| name.to_ascii_lowercase().ends_with(ending))
        {
            out.push(Found {
                path,
                what: What::File,
            });
        }
    }
    Ok(())
}

/// The bytes of a file.
///
/// # Errors
///
/// What the system says.
pub fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let limit = |read: &mut dyn Read| {
        let mut bytes = Vec::new();
        read.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(std::io::Error::other(format!(
                "more than {} GiB",
                MOST_BYTES >> 30
            )));
        }
        Ok(bytes)
    };
    if path == Path::new("-") {
        return limit(&mut std::io::stdin().lock());
    }
    // A pipe or device could keep us waiting, or reading, for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    limit(&mut fs::File::open(path)?)
}

/// Larger files, and what compressed files unpack to beyond it, are refused: an account is a hundred thousand times
/// smaller.
const MOST_BYTES: u64 = 8 << 30;

/// Text, and what was wrong with the bytes it came from.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The text, as far as it could be had.
    pub text: String,
    /// Why there is not more of it.
    pub damage: Option<String>,
}

/// Undoes compression and encoding, by content rather than by name.
#[must_use]
pub fn decode(bytes: Vec<u8>) -> Decoded {
    match bytes.get(..4) {
        Some([0x1f, 0x8b, ..]) => inflate(
            flate2::read::MultiGzDecoder::new(bytes.as_slice()),
            "the gzip data is damaged or cut off",
        ),
        Some([0x28, 0xb5, 0x2f, 0xfd]) => match zstd::stream::read::Decoder::new(bytes.as_slice()) {
            Ok(decoder) => inflate(decoder, "the zstd data is damaged or cut off"),
            Err(error) => Decoded {
                text: String::new(),
                damage: Some(error.to_string()),
            },
        },
        _ => text(bytes),
    }
}

fn inflate(mut reader: impl Read, what: &str) -> Decoded {
    let mut bytes = Vec::new();
    let failed = (&mut reader).take(MOST_BYTES).read_to_end(&mut bytes).err();
    let mut decoded = text(bytes);
    if let Some(error) = failed {
        decoded.damage = Some(format!("{what} ({error})"));
    }
    decoded
}

fn text(bytes: Vec<u8>) -> Decoded {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .filter_map(|c| c.try_into().ok().map(unit))
            .collect();
        Decoded {
            text: String::from_utf16_lossy(&units),
            damage: None,
        }
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest.to_vec()),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: Vec<u8>) -> Decoded {
    match String::from_utf8(bytes) {
        Ok(text) => Decoded { text, damage: None },
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            // What is no text becomes a character that JSON does not take: its line is told and left out, and the others count.
            let mut text = String::new();
            for chunk in error.as_bytes().utf8_chunks() {
                text.push_str(chunk.valid());
                if !chunk.invalid().is_empty() {
                    text.push('\0');
                }
            }
            Decoded {
                text,
                damage: Some(format!("byte {good} is not UTF-8 text")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(decode(b"{}".to_vec()).text, "{}");
        assert_eq!(decode(vec![0xff, 0xfe, b'{', 0, b'}', 0]).text, "{}");
        assert_eq!(decode(vec![0xfe, 0xff, 0, b'{', 0, b'}']).text, "{}");
        assert_eq!(decode(b"\xef\xbb\xbf{}".to_vec()).text, "{}");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"hello hello hello").unwrap();
        let gz = gz.finish().unwrap();
        assert_eq!(decode(gz.clone()).text, "hello hello hello");
        let cut = decode(gz[..gz.len() - 6].to_vec());
        assert!(cut.damage.unwrap().contains("cut off"));
        assert_eq!(decode(zstd::encode_all(&b"hi"[..], 0).unwrap()).text, "hi");
        assert_eq!(
            decode(b"ok\xffbad".to_vec()).damage.unwrap(),
            "byte 2 is not UTF-8 text"
        );
    }
}
