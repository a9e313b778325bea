//! A set of small numbers, such as principals or groups.

#[derive(Debug, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    /// How many numbers there can be.
    count: usize,
}

impl Bits {
    /// Forgets everything; numbers are below `count`.
    pub(super) fn clear(&mut self, count: usize) {
        self.words.clear();
        self.words.resize(count.div_ceil(64), 0);
        self.count = count;
    }

    #[inline]
    pub(super) fn set(&mut self, number: u32) {
        if let Some(word) = self.words.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    pub(super) fn set_each(&mut self, numbers: &[u32]) {
        numbers.iter().for_each(|number| self.set(*number));
    }

    pub(super) fn set_all(&mut self) {
        self.words.fill(u64::MAX);
        if let (Some(last), used @ 1..) = (self.words.last_mut(), self.count % 64) {
            *last = (1 << used) - 1;
        }
    }

    #[inline]
    pub(super) fn has(&self, number: u32) -> bool {
        let word = self.words.get(number as usize / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// The numbers in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.words.iter().zip((0..).step_by(64)).flat_map(|(word, base)| {
            let left = |word: u64| (word != 0).then_some(word);
            let each = std::iter::successors(left(*word), move |word| left(word & (word - 1)));
            each.map(move |word| base + word.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_there() {
        let mut bits = Bits::default();
        for count in [0, 1, 63, 64, 65, 130] {
            bits.clear(count);
            bits.set_all();
            let all: Vec<u32> = (0..u32::try_from(count).unwrap()).collect();
            assert_eq!(bits.iter().collect::<Vec<_>>(), all);
            bits.clear(count);
            let some: Vec<u32> = all.iter().copied().filter(|n| n % 21 == 1).collect();
            bits.set_each(&some);
            assert_eq!(bits.iter().collect::<Vec<_>>(), some);
            assert!(all.iter().all(|n| bits.has(*n) == some.contains(n)) && !bits.has(1_000));
        }
    }
}
