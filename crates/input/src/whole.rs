//! Writes a file as a whole or not at all, and leaves what is no file of its own alone.
//!
//! A file that is written beside its place and then moved there is never seen half written. But moved onto a link it would take
//! the link's place, and onto `/dev/stdout` or a pipe the device's: these are written to as they are.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Opens a place, has it filled, and puts it there when that has worked.
///
/// # Errors
///
/// What the function says, or the system: then what was there before is there still.
pub fn write<T>(path: &Path, fill: impl FnOnce(File) -> io::Result<T>) -> io::Result<T> {
    let there = match fs::metadata(path) {
        Ok(there) => Some(there),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if there.as_ref().is_some_and(|there| !there.is_file()) {
        return fill(OpenOptions::new().write(true).open(path)?);
    }
    let place = behind_links(path, there.is_some())?;
    if there.is_some() {
        // Whoever may not write the file may not replace it, though the folder would let them.
        OpenOptions::new().append(true).open(&place)?;
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(".part");
    let part = place.with_file_name(name);
    let done = File::create(&part).and_then(fill).and_then(|done| {
        if let Some(there) = &there {
            fs::set_permissions(&part, there.permissions())?;
        }
        fs::rename(&part, &place).map(|()| done)
    });
    done.inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

/// The same with a text.
///
/// # Errors
///
/// What the system says.
pub fn write_text(path: &Path, text: &str) -> io::Result<()> {
    write(path, |mut file| {
        file.write_all(text.as_bytes())?;
        file.flush()
    })
}

/// Where a link leads, be anything there or not.
fn behind_links(path: &Path, there: bool) -> io::Result<PathBuf> {
    if there {
        return fs::canonicalize(path);
    }
    match fs::read_link(path) {
        Ok(to) => Ok(path.parent().unwrap_or(Path::new(".")).join(to)),
        Err(_) => Ok(path.to_owned()),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_link_stays_a_link_and_a_file_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("target"), "old").unwrap();
        fs::set_permissions(at("target"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("target", at("link")).unwrap();
        write_text(&at("link"), "new").unwrap();
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(at("target")).unwrap(), "new");
        assert_eq!(
            fs::metadata(at("target")).unwrap().permissions().mode() & 0o777,
            0o640
        );
        symlink("later", at("dangling")).unwrap();
        write_text(&at("dangling"), "x").unwrap();
        assert_eq!(fs::read_to_string(at("later")).unwrap(), "x");
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let failed = write(&path, |mut file| {
            file.write_all(b"half")?;
            Err::<(), _>(io::Error::other("no"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_text(folder.path(), "x").is_err(), "a folder is no file");
    }

    #[test]
    fn a_device_stays_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("null");
        symlink("/dev/null", &link).unwrap();
        write_text(&link, "x").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    }
}
