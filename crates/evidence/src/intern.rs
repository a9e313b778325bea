//! Texts and small values that come again and again, each kept once and named by a number.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// Texts in one long string. Number 0 is the empty text.
#[derive(Clone)]
pub(crate) struct Texts {
    all: String,
    /// Where each text ends in `all`.
    ends: Vec<usize>,
    table: HashTable<u32>,
}

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self {
            all: String::new(),
            ends: Vec::new(),
            table: HashTable::new(),
        };
        texts.add("");
        texts
    }
}

impl Texts {
    /// The number of a text, which is new or known.
    pub(crate) fn add(&mut self, text: &str) -> u32 {
        let hash = FxBuildHasher.hash_one(text);
        let (all, ends) = (&self.all, &self.ends);
        if let Some(&found) = self.table.find(hash, |&number| get(all, ends, number) == text) {
            return found;
        }
        let number = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.all.push_str(text);
        self.ends.push(self.all.len());
        let (all, ends) = (&self.all, &self.ends);
        self.table.insert_unique(hash, number, |&number| {
            FxBuildHasher.hash_one(get(all, ends, number))
        });
        number
    }

    /// The text of a number.
    pub(crate) fn get(&self, number: u32) -> &str {
        get(&self.all, &self.ends, number)
    }

    /// The number of a text, where it is known.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let hash = FxBuildHasher.hash_one(text);
        self.table.find(hash, |&number| self.get(number) == text).copied()
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }
}

fn get<'a>(all: &'a str, ends: &[usize], number: u32) -> &'a str {
    let number = number as usize;
    let from = number
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .copied()
        .unwrap_or(0);
    ends.get(number)
        .and_then(|&to| all.get(from..to))
        .unwrap_or_default()
}

/// Values, each kept once.
#[derive(Clone)]
pub(crate) struct Values<T> {
    all: Vec<T>,
    table: HashTable<u32>,
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            table: HashTable::new(),
        }
    }
}

impl<T: Hash + Eq> Values<T> {
    /// The number of a value, which is new or known.
    pub(crate) fn add(&mut self, value: T) -> u32 {
        let hash = FxBuildHasher.hash_one(&value);
        let all = &self.all;
        if let Some(&found) = self
            .table
            .find(hash, |&number| all.get(number as usize) == Some(&value))
        {
            return found;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(value);
        let all = &self.all;
        self.table.insert_unique(hash, number, |&number| {
            all.get(number as usize)
                .map_or(0, |value| FxBuildHasher.hash_one(value))
        });
        number
    }

    /// The value of a number.
    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.all.get(number as usize)
    }

    /// All values, in the order of their numbers.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.all.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number() {
        let mut texts = Texts::default();
        let numbers: Vec<u32> = ["a", "bc", "", "a", "ü"]
            .iter()
            .map(|text| texts.add(text))
            .collect();
        assert_eq!(numbers, [1, 2, 0, 1, 3]);
        assert_eq!(
            (texts.get(1), texts.get(2), texts.get(0), texts.get(3)),
            ("a", "bc", "", "ü")
        );
        assert_eq!(
            (texts.find("bc"), texts.find("x"), texts.len()),
            (Some(2), None, 4)
        );
        assert_eq!(texts.get(99), "");
    }
}
