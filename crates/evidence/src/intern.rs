//! Texts and small values that come again and again, each kept once and named by a number.

use std::hash::{BuildHasher, Hash};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::fold::chunks::Chunks;

/// Texts, in pieces that never move: a string that grows is two while it does. Number 0 is the empty text.
#[derive(Clone)]
pub(crate) struct Texts {
    pieces: Vec<String>,
    /// In which piece each text is, and where it ends there. It begins where the one before it ends.
    ends: Chunks<(u32, u32)>,
    table: HashTable<u32>,
}

/// Bytes of a piece, unless it has one text that is longer.
const PIECE: usize = 1 << 20;

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self {
            pieces: vec![String::new()],
            ends: Chunks::default(),
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
        let (pieces, ends) = (&self.pieces, &self.ends);
        if let Some(&found) = self.table.find(hash, |&number| get(pieces, ends, number) == text) {
            return found;
        }
        let number = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        if self
            .pieces
            .last()
            .is_none_or(|last| last.len() + text.len() > PIECE)
        {
            self.pieces.push(String::with_capacity(PIECE.max(text.len())));
        }
        let piece = self.pieces.len() - 1;
        if let Some(last) = self.pieces.last_mut() {
            last.push_str(text);
            let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            self.ends.push((small(piece), small(last.len())));
        }
        let (pieces, ends) = (&self.pieces, &self.ends);
        self.table.insert_unique(hash, number, |&number| {
            FxBuildHasher.hash_one(get(pieces, ends, number))
        });
        number
    }

    /// The text of a number.
    pub(crate) fn get(&self, number: u32) -> &str {
        get(&self.pieces, &self.ends, number)
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

fn get<'a>(pieces: &'a [String], ends: &Chunks<(u32, u32)>, number: u32) -> &'a str {
    let number = number as usize;
    let Some(&(piece, to)) = ends.get(number) else {
        return "";
    };
    let before = number.checked_sub(1).and_then(|before| ends.get(before));
    let from = before.map_or(0, |&(other, end)| if other == piece { end } else { 0 });
    pieces
        .get(piece as usize)
        .and_then(|text| text.get(from as usize..to as usize))
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

    #[test]
    fn texts_of_many_pieces_and_longer_than_one() {
        let mut texts = Texts::default();
        let all: Vec<String> = [10, PIECE - 5, 20, PIECE * 2, 0, 30]
            .iter()
            .enumerate()
            .map(|(at, length)| format!("{at}{}", "x".repeat(*length)))
            .collect();
        let numbers: Vec<u32> = all.iter().map(|text| texts.add(text)).collect();
        for (number, text) in numbers.iter().zip(&all) {
            assert_eq!(texts.get(*number), text);
            assert_eq!((texts.find(text), texts.add(text)), (Some(*number), *number));
        }
    }
}
