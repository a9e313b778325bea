//! The nearest known name for a mistyped one, for messages: "did you mean `s3:GetObject`?".

use super::{Catalog, Service};

impl Catalog {
    /// The known action that an unknown one is likely meant to be; none if it is known or nothing is near.
    #[must_use]
    pub fn suggest_action(&self, name: &str) -> Option<String> {
        let (prefix, action) = name.split_once(':')?;
        if self.id_of(name).is_some() {
            return None;
        }
        let service = match self.service(prefix) {
            Some(service) => service.prefix().to_owned(),
            None => self.suggest_service(prefix)?,
        };
        if let Some(exact) = self.action(&format!("{service}:{action}")) {
            return Some(exact.name().to_owned());
        }
        let near = nearest(action, self.actions_of(&service).map(super::Action::short_name))?;
        Some(format!("{service}:{near}"))
    }

    /// The known service prefix that an unknown one is likely meant to be; none if it is known or nothing is
    /// near.
    #[must_use]
    pub fn suggest_service(&self, prefix: &str) -> Option<String> {
        if self.service(prefix).is_some() {
            return None;
        }
        nearest(prefix, self.services().map(Service::prefix)).map(str::to_owned)
    }
}

/// The candidate with the fewest typing errors, the first of equals; none beyond one error in four letters.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let limit = (word.len() / 4).clamp(1, 3);
    candidates
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= limit)
        .map(|candidate| {
            (
                distance(word.as_bytes(), candidate.to_ascii_lowercase().as_bytes()),
                candidate,
            )
        })
        .filter(|(errors, _)| *errors <= limit)
        .min_by_key(|(errors, _)| *errors)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, replaced, or swapped with their neighbour, to make `b` of `a`.
fn distance(a: &[u8], b: &[u8]) -> usize {
    // Three rows of the usual table: two letters of `a` ago, one ago, and now.
    let mut earlier: Vec<usize> = Vec::new();
    let mut before: Vec<usize> = (0..=b.len()).collect();
    let mut letter_before = None;
    for (i, letter) in a.iter().enumerate() {
        let mut now = Vec::with_capacity(before.len());
        now.push(i + 1);
        let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
        let mut other_before = None;
        for (j, other) in b.iter().enumerate() {
            let mut least = (cell(&before, j) + usize::from(letter != other))
                .min(cell(&before, j + 1) + 1)
                .min(cell(&now, j) + 1);
            if letter_before == Some(other) && other_before == Some(letter) {
                least = least.min(cell(&earlier, j.saturating_sub(1)) + 1);
            }
            now.push(least);
            other_before = Some(other);
        }
        earlier = std::mem::replace(&mut before, now);
        letter_before = Some(letter);
    }
    before.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_typing_errors() {
        for (a, b, errors) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), errors, "{a} {b}");
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), errors, "{b} {a}");
        }
    }
}
