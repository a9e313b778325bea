//! What a text is, told by its first keys, and where in it something stands.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// What a text holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Snapshot,
    Gaad,
    Empty,
    /// Something else: what, in words.
    Other(String),
}

/// The lists that account authorization details consist of.
pub(crate) const GAAD_LISTS: &[&str] = &["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"];

/// Looks at the top-level keys, as far as the text can be read.
pub(crate) fn classify(text: &str) -> Class {
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return Class::Empty;
    }
    if !trimmed.starts_with('{') {
        let what = if trimmed.starts_with('[') {
            "a JSON array"
        } else if trimmed
            .chars()
            .take(200)
            .any(|c| c.is_control() && !c.is_whitespace())
        {
            "binary data"
        } else {
            "not JSON"
        };
        return Class::Other(what.into());
    }
    let mut keys = Keys::default();
    let mut reader = serde_json::Deserializer::from_str(trimmed);
    let failed = reader.deserialize_map(&mut keys).err();
    if keys.0.iter().any(|key| key == "sv0_snapshot") {
        return Class::Snapshot;
    }
    if keys.0.iter().any(|key| GAAD_LISTS.contains(&key.as_str())) {
        return Class::Gaad;
    }
    match failed {
        Some(error) => Class::Other(format!("not valid JSON ({error})")),
        None => {
            let shown: Vec<String> = keys.0.iter().take(5).map(|key| format!("`{key}`")).collect();
            let listed = if shown.is_empty() {
                "no keys".into()
            } else {
                shown.join(", ")
            };
            Class::Other(format!("JSON with {listed}"))
        }
    }
}

#[derive(Default)]
struct Keys(Vec<String>);

impl<'de> Visitor<'de> for &mut Keys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let decided = key == "sv0_snapshot" || GAAD_LISTS.contains(&key.as_str());
            self.0.push(key);
            if decided {
                // Enough is known; the rest is read by who it is for. An error here is not looked at.
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Where lines begin, to turn offsets into lines quickly.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let breaks = text
            .bytes()
            .enumerate()
            .filter(|(_, b)| *b == b'\n')
            .map(|(i, _)| i + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    /// One-based line and column (in bytes) of a slice of the text; none for text from elsewhere.
    pub(crate) fn place(&self, part: &str) -> Option<(usize, usize)> {
        let offset = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        if offset > self.text.len() {
            return None;
        }
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.checked_sub(1)?)?;
        Some((line, offset - start + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        assert_eq!(classify(r#"{"sv0_snapshot":{"version":1}}"#), Class::Snapshot);
        assert_eq!(
            classify(r#" {"IsTruncated":false,"RoleDetailList":["#),
            Class::Gaad
        );
        assert_eq!(classify("  \n"), Class::Empty);
        assert_eq!(classify("[1]"), Class::Other("a JSON array".into()));
        assert_eq!(classify("\u{1}\u{2}"), Class::Other("binary data".into()));
        assert_eq!(
            classify(r#"{"a":1,"b":2}"#),
            Class::Other("JSON with `a`, `b`".into())
        );
        assert!(matches!(classify("{\"a\":"), Class::Other(what) if what.starts_with("not valid JSON")));
    }

    #[test]
    fn lines_and_columns() {
        let text = "ab\ncd\nef";
        let lines = Lines::new(text);
        assert_eq!(lines.place(&text[0..]), Some((1, 1)));
        assert_eq!(lines.place(&text[4..]), Some((2, 2)));
        assert_eq!(lines.place(&text[6..]), Some((3, 1)));
    }
}
