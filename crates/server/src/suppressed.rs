//! Findings that somebody took responsibility for. With `--suppressions FILE` they are kept in that file, which is meant to
//! live in git: what people wrote in it stays as it is, entries are added at its end. Without, they last as long as the
//! process, and the page shows what to put into a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use sv0_model::finding::{Finding, Status};
use sv0_rules::lifecycle::Suppressions;

/// Why a suppression was not kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error("`{path}`: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file, or what was to be added, has something wrong in it.
    #[error("{0}")]
    Wrong(String),
}

/// The suppressions.
#[derive(Debug)]
pub(crate) struct Suppressed {
    path: Option<PathBuf>,
    now: RwLock<Text>,
}

#[derive(Debug, Default)]
struct Text {
    text: String,
    parsed: Suppressions,
}

impl Text {
    fn of(text: String) -> Result<Self, StoreError> {
        let parsed = Suppressions::parse(&text).map_err(|error| StoreError::Wrong(error.to_string()))?;
        Ok(Self { text, parsed })
    }
}

/// How an entry of ours begins.
fn head(id: &str) -> String {
    format!("  - id: {id}\n")
}

/// A text as YAML: JSON's form is YAML's as well.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Suppressed {
    /// Reads the file, where there is one.
    pub(crate) fn open(path: Option<PathBuf>) -> Result<Self, StoreError> {
        let text = match &path {
            Some(path) => match fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(source) => {
                    return Err(StoreError::File {
                        path: path.display().to_string(),
                        source,
                    });
                }
            },
            None => String::new(),
        };
        let now = Text::of(text).map_err(|error| match (&path, error) {
            (Some(path), StoreError::Wrong(why)) => StoreError::Wrong(format!("{}: {why}", path.display())),
            (_, error) => error,
        })?;
        Ok(Self {
            path,
            now: RwLock::new(now),
        })
    }

    /// Where a finding stands, if one holds for it.
    pub(crate) fn status(&self, finding: &Finding, today: Option<&str>) -> Option<Status> {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.parsed.status(finding, today)
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        now.text.clone()
    }

    /// Suppresses one finding.
    pub(crate) fn add(
        &self,
        id: &str,
        reason: &str,
        by: &str,
        until: Option<&str>,
    ) -> Result<(), StoreError> {
        self.edit(|text| {
            let mut text = without(text, id);
            if !text.contains("suppressions:") {
                text.push_str("suppressions:\n");
            }
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&head(id));
            text.push_str(&format!(
                "    reason: {}\n    by: {}\n",
                quoted(reason),
                quoted(by)
            ));
            if let Some(until) = until {
                text.push_str(&format!("    until: {}\n", quoted(until)));
            }
            text
        })
    }

    /// Takes back what [`Self::add`] did; what people wrote otherwise is theirs to take away.
    pub(crate) fn remove(&self, id: &str) -> Result<bool, StoreError> {
        let mut changed = false;
        self.edit(|text| {
            let out = without(text, id);
            changed = out != text;
            out
        })?;
        Ok(changed)
    }

    fn edit(&self, change: impl FnOnce(&str) -> String) -> Result<(), StoreError> {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let next = Text::of(change(&now.text))?;
        if let Some(path) = &self.path {
            write(path, &next.text).map_err(|source| StoreError::File {
                path: path.display().to_string(),
                source,
            })?;
        }
        *now = next;
        Ok(())
    }
}

/// A text without our entry for a finding: its line and the deeper ones that follow.
fn without(text: &str, id: &str) -> String {
    let Some(at) = text.find(&head(id)) else {
        return text.to_owned();
    };
    let (before, rest) = text.split_at(at);
    let mut lines = rest.split_inclusive('\n').skip(1).peekable();
    while lines.next_if(|line| line.starts_with("    ")).is_some() {}
    let after: String = lines.collect();
    let out = format!("{before}{after}");
    // An empty list would have no value.
    match out.strip_suffix("suppressions:\n") {
        Some(nothing) => nothing.to_owned(),
        None => out,
    }
}

/// The whole file or nothing of it.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let part = path.with_file_name(format!(".{name}.part"));
    fs::write(&part, text)?;
    fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_people_wrote_stays() {
        let theirs =
            "# ours\nsuppressions:\n  - rule: unused-identity\n    reason: \"known\" # till spring\n";
        let store = Suppressed {
            path: None,
            now: RwLock::new(Text::of(theirs.to_owned()).unwrap()),
        };
        store
            .add("finding-1", "it: is \"fine\"", "token:ci", Some("2027-01-31"))
            .unwrap();
        let with = store.text();
        assert!(with.starts_with(theirs), "{with}");
        assert_eq!(Suppressions::parse(&with).unwrap().suppressions.len(), 2);
        assert!(store.remove("finding-1").unwrap());
        assert_eq!(store.text(), theirs);
        assert!(!store.remove("finding-1").unwrap());
    }

    #[test]
    fn the_last_one_leaves_an_empty_file() {
        let store = Suppressed {
            path: None,
            now: RwLock::default(),
        };
        store.add("finding-1", "because", "me", None).unwrap();
        store.add("finding-1", "because of that", "me", None).unwrap();
        assert_eq!(store.text().matches("finding-1").count(), 1);
        store.remove("finding-1").unwrap();
        assert_eq!(store.text(), "");
    }

    #[test]
    fn a_day_that_is_none_is_refused_and_nothing_changes() {
        let store = Suppressed {
            path: None,
            now: RwLock::default(),
        };
        assert!(store.add("finding-1", "because", "me", Some("tomorrow")).is_err());
        assert_eq!(store.text(), "");
    }
}
