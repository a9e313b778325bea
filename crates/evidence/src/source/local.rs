//! Files and folders.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::layout::{self, Left};
use super::{Listing, Object, Source, SourceError};
use crate::time::Window;

/// Files and folders of this machine. A file that is named is read whatever it is called.
#[derive(Debug, Clone)]
pub struct Local {
    paths: Vec<PathBuf>,
}

impl Local {
    /// Of these paths.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths }
    }
}

impl Source for Local {
    fn list(&self, window: Window) -> Result<Listing, SourceError> {
        let mut listing = Listing::default();
        for path in &self.paths {
            let about = fs::metadata(path).map_err(|source| SourceError::Path {
                path: path.display().to_string(),
                source,
            })?;
            if about.is_dir() {
                walk(path, window, &mut listing);
                continue;
            }
            let name = path.display().to_string();
            let delivered = match layout::look(&name, window) {
                Ok(delivered) => delivered,
                // Whoever names a file wants it read; only what says that it holds something else is left.
                Err(Left::Other | Left::OutsideWindow) => None,
                Err(left) => {
                    *listing.left.entry(left).or_default() += 1;
                    continue;
                }
            };
            listing.objects.push(Object {
                name,
                size: about.len(),
                delivered,
                tag: tag(&about),
            });
        }
        listing.objects.sort();
        listing.objects.dedup();
        Ok(listing)
    }

    fn fetch(&self, object: &Object, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut file = fs::File::open(&object.name)?;
        bytes.reserve(usize::try_from(object.size).unwrap_or(0));
        file.read_to_end(bytes)?;
        Ok(())
    }
}

/// A file that is written anew has another length or another time.
fn tag(about: &fs::Metadata) -> String {
    let changed = about.modified().ok();
    let since = changed.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    format!("{}-{}", about.len(), since.unwrap_or_default().as_nanos())
}

/// Every file below a folder. Links to folders are not followed: they can lead in circles.
fn walk(folder: &Path, window: Window, listing: &mut Listing) {
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        let failed = |error: io::Error| (folder.display().to_string(), error.to_string());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                listing.failed.push(failed(error));
                continue;
            }
        };
        for entry in entries {
            let about = entry.and_then(|entry| Ok((entry.file_type()?, entry)));
            let (kind, entry) = match about {
                Ok(found) => found,
                Err(error) => {
                    listing.failed.push(failed(error));
                    continue;
                }
            };
            if kind.is_dir() {
                left.push(entry.path());
                continue;
            }
            let path = entry.path();
            let Ok(about) = fs::metadata(&path) else {
                listing
                    .failed
                    .push((path.display().to_string(), "it leads nowhere".into()));
                continue;
            };
            if !about.is_file() {
                continue;
            }
            let name = path.display().to_string();
            match layout::look(&name, window) {
                Ok(delivered) => listing.objects.push(Object {
                    name,
                    size: about.len(),
                    delivered,
                    tag: tag(&about),
                }),
                Err(reason) => *listing.left.entry(reason).or_default() += 1,
            }
        }
    }
}
