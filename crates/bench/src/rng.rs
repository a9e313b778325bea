//! Random numbers that never change: SplitMix64, written out here, so that the same seed gives the same organisation
//! with every version of every crate.
//!
//! Each entity has a stream of its own, seeded by what it is and its number. So any entity can be made at any time,
//! in any order, without making those before it.
//!
//! Source: G. Steele, D. Lea, C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.

/// One stream of numbers.
pub(crate) struct Rng(u64);

impl Rng {
    /// The stream of entity `number` of a family.
    pub(crate) fn of(seed: u64, family: &str, number: usize) -> Self {
        // FNV-1a over the family's name keeps streams of different families apart.
        let name = family.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let number = (number as u64).wrapping_mul(0xd134_2543_de82_ef95);
        let mut rng = Self(seed ^ name ^ number);
        // Neighbouring seeds give unrelated numbers only after the first step.
        rng.0 = rng.next();
        rng
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below a bound; 0 where the bound is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.next()) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// True so many times of a hundred.
    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One of a range; its start where the range is empty.
    pub(crate) fn within(&mut self, range: &std::ops::Range<usize>) -> usize {
        range.start + self.below(range.len())
    }

    /// One of a list.
    pub(crate) fn pick<T: Copy, const N: usize>(&mut self, from: &[T; N]) -> T {
        const { assert!(N > 0, "nothing to pick from") };
        let at = self.below(N);
        #[expect(
            clippy::indexing_slicing,
            reason = "`below` gives less than N, which is not 0"
        )]
        from[at]
    }

    /// One of a list, as often as its weight says.
    pub(crate) fn weighted<T: Copy, const N: usize>(&mut self, from: &[(T, usize); N]) -> T {
        let mut left = self.below(from.iter().map(|(_, weight)| weight).sum());
        for (value, weight) in from {
            if left < *weight {
                return *value;
            }
            left -= weight;
        }
        self.pick(from).0
    }

    /// Some of a list, in the list's order; at least one.
    pub(crate) fn some<T: Copy, const N: usize>(&mut self, from: &[T; N], most: usize) -> Vec<T> {
        let wanted = 1 + self.below(most.clamp(1, N));
        let mut left = wanted;
        let mut out = Vec::with_capacity(wanted);
        for (at, value) in from.iter().enumerate() {
            if self.below(N - at) < left {
                out.push(*value);
                left -= 1;
            }
        }
        out
    }

    /// Lower-case hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from(self.pick(b"0123456789abcdef")))
            .collect()
    }

    /// Characters as AWS's unique ids have them.
    pub(crate) fn unique_id(&mut self, prefix: &str) -> String {
        let rest = (0..17).map(|_| char::from(self.pick(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")));
        prefix.chars().chain(rest).collect()
    }

    /// A moment of the years 2021 to 2025, ISO 8601 in UTC.
    pub(crate) fn moment(&mut self) -> String {
        let (year, month, day) = (2021 + self.below(5), 1 + self.below(12), 1 + self.below(28));
        let (hour, minute, second) = (self.below(24), self.below(60), self.below(60));
        format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // The first three of seed 1234567, as other implementations give them.
        let mut rng = Rng(1_234_567);
        let found = [rng.next(), rng.next(), rng.next()];
        assert_eq!(
            found,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn choices_keep_to_their_bounds_and_weights() {
        let mut rng = Rng::of(1, "test", 0);
        let mut counts = [0_usize; 3];
        for _ in 0..10_000 {
            counts[rng.weighted(&[(0, 1), (1, 9), (2, 0)])] += 1;
            assert!(rng.below(7) < 7);
            let some = rng.some(&[1, 2, 3, 4], 3);
            assert!((1..=3).contains(&some.len()) && some.is_sorted(), "{some:?}");
        }
        assert!(
            counts[0] > 850 && counts[0] < 1150 && counts[2] == 0,
            "{counts:?}"
        );
        assert_eq!((rng.below(0), rng.within(&(5..5))), (0, 5));
    }
}
