//! Files, folders and processes, with errors that name what was tried.

use crate::Error;
use flate2::{Compression, GzBuilder};
use serde::de::DeserializeOwned;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file under `crates/iam/data`.
pub(crate) fn data_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../iam/data")
        .join(name)
}

/// Reads a text file.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()).into())
}

/// Reads a JSON file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    serde_json::from_str(&read(path)?)
        .map_err(|e| format!("`{}` is not what was expected: {e}", path.display()).into())
}

/// Writes `text` compressed. The same text gives the same bytes: no time, no file name.
pub(crate) fn write_gzip(path: &Path, text: &str) -> Result<(), Error> {
    let written = || -> std::io::Result<usize> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut encoder = GzBuilder::new()
            .mtime(0)
            .operating_system(255)
            .write(Vec::new(), Compression::best());
        encoder.write_all(text.as_bytes())?;
        let bytes = encoder.finish()?;
        fs::write(path, &bytes)?;
        Ok(bytes.len())
    };
    let size = written().map_err(|e| format!("cannot write `{}`: {e}", path.display()))?;
    eprintln!(
        "wrote {} ({} bytes, {size} compressed)",
        path.display(),
        text.len()
    );
    Ok(())
}

/// Runs a program and returns what it printed.
pub(crate) fn output(program: &str, args: &[&str], folder: &Path) -> Result<String, Error> {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|e| format!("cannot run `{program}`: {e}"))?;
    if !output.status.success() {
        return Err(format!("`{program} {}` failed: {}", args.join(" "), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A folder that is removed with the value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Self, Error> {
        let path = std::env::temp_dir().join(format!("sv0-xtask-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|e| format!("cannot make `{}`: {e}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
