//! A list that grows without being copied: a vector that doubles has three times its length in memory while it does.

/// Values of a chunk.
const CHUNK: usize = 1 << 15;

/// Values in chunks, by number.
#[derive(Clone)]
pub(crate) struct Chunks<T>(Vec<Vec<T>>);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chunks<T> {
    /// One more. The first chunk grows as a vector does: most lists are short.
    pub(crate) fn push(&mut self, value: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(value),
            last => {
                let room = if last.is_some() { CHUNK } else { 0 };
                let mut chunk = Vec::with_capacity(room);
                chunk.push(value);
                self.0.push(chunk);
            }
        }
    }

    /// The value of a number.
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// The value of a number.
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.0.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        let last = self.0.last().map_or(0, Vec::len);
        self.0.len().saturating_sub(1) * CHUNK + last
    }

    /// All, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }

    /// The same; chunks that were taken make room.
    pub(crate) fn into_all(self) -> impl Iterator<Item = T> {
        self.0.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_numbers() {
        let mut chunks = Chunks::default();
        let last = CHUNK * 2 + 1;
        (0..=last).for_each(|at| chunks.push(at));
        assert_eq!(chunks.len(), last + 1);
        for at in [0, CHUNK - 1, CHUNK, last] {
            assert_eq!(chunks.get(at), Some(&at));
            assert_eq!(chunks.get_mut(at).copied(), Some(at));
        }
        assert_eq!(chunks.get(last + 1), None);
        assert!(chunks.iter().copied().eq(0..=last));
        assert!(chunks.into_all().eq(0..=last));
        assert_eq!(Chunks::<u8>::default().len(), 0);
    }
}
