//! Bytes as a row of choices: one byte a choice, so that a mutated byte is another choice. Where the bytes are used up
//! every choice is the first one, and nothing unlikely happens.

use arbitrary::Unstructured;

/// The choices that are left.
pub struct Pick<'a>(Unstructured<'a>);

impl<'a> Pick<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    /// Whether all bytes are used up.
    pub fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    pub fn number<T: arbitrary::Arbitrary<'a> + Default>(&mut self) -> T {
        self.0.arbitrary().unwrap_or_default()
    }

    /// Less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit.max(1)
    }

    /// `least` to `most`, both included.
    pub fn count(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u8) -> bool {
        self.byte() % 100 >= 100 - percent
    }

    pub fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// Some of a list, repeats and all.
    pub fn some<T: Copy>(&mut self, list: &[T], least: usize, most: usize) -> Vec<T> {
        (0..self.count(least, most)).map(|_| self.of(list)).collect()
    }

    /// `make`, so many times.
    pub fn many<T>(&mut self, least: usize, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.count(least, most)).map(|_| make(self)).collect()
    }

    pub fn maybe<T>(&mut self, percent: u8, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.chance(percent) {
            Some(make(self))
        } else {
            None
        }
    }

    /// Text of some characters.
    pub fn text(&mut self, alphabet: &[char], most: usize) -> String {
        (0..self.count(0, most)).map(|_| self.of(alphabet)).collect()
    }
}
