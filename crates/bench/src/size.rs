//! How large the organisation is.

use std::ops::Range;

use crate::rng::Rng;

/// How many there are of each; totals over all accounts.
///
/// Every account has besides a few things of its own: three groups, four policies that the platform rolls out, an OIDC
/// and a SAML provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Size {
    pub accounts: usize,
    pub roles: usize,
    pub users: usize,
    pub policies: usize,
    pub buckets: usize,
    pub tables: usize,
    pub secrets: usize,
    pub queues: usize,
    pub topics: usize,
    pub keys: usize,
    pub functions: usize,
    pub instances: usize,
    pub tasks: usize,
}

/// Sizes that measurements are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// 100 roles in 5 accounts.
    S,
    /// 1,000 roles in 20 accounts.
    M,
    /// 10,000 roles in 100 accounts.
    L,
    /// 100,000 roles in 500 accounts.
    Xl,
}

impl Preset {
    /// What it stands for.
    #[must_use]
    #[rustfmt::skip]
    pub const fn size(self) -> Size {
        match self {
            Self::S => Size { accounts: 5, roles: 100, users: 20, policies: 60, buckets: 20, tables: 12, secrets: 12, queues: 10, topics: 5, keys: 10, functions: 20, instances: 10, tasks: 5 },
            Self::M => Size { accounts: 20, roles: 1_000, users: 100, policies: 400, buckets: 150, tables: 80, secrets: 80, queues: 60, topics: 30, keys: 60, functions: 200, instances: 80, tasks: 40 },
            Self::L => Size { accounts: 100, roles: 10_000, users: 500, policies: 2_500, buckets: 1_200, tables: 600, secrets: 600, queues: 400, topics: 200, keys: 500, functions: 1_500, instances: 600, tasks: 300 },
            Self::Xl => Size { accounts: 500, roles: 100_000, users: 5_000, policies: 12_000, buckets: 12_000, tables: 6_000, secrets: 6_000, queues: 4_000, topics: 2_000, keys: 5_000, functions: 8_000, instances: 4_000, tasks: 2_000 },
        }
    }
}

/// Which of a family are in which account: the first ones in the first account, and so on.
pub(crate) struct Spread {
    /// The first of each account, and the total at the end.
    starts: Vec<usize>,
}

impl Spread {
    /// Spreads a family over accounts of different weights; each account has one at least, where there are enough.
    pub(crate) fn new(total: usize, weights: &[usize]) -> Self {
        let sum: usize = weights.iter().sum::<usize>().max(1);
        let each = usize::from(total >= weights.len());
        let rest = total - each * weights.len();
        let mut before = 0;
        let mut starts = vec![0];
        for (at, weight) in weights.iter().enumerate() {
            before += weight;
            starts.push(each * (at + 1) + rest * before / sum);
        }
        Self { starts }
    }

    /// Those in an account.
    pub(crate) fn range(&self, account: usize) -> Range<usize> {
        let at = |index: usize| self.starts.get(index).copied().unwrap_or_else(|| self.total());
        at(account)..at(account + 1)
    }

    /// Where one is.
    pub(crate) fn account(&self, number: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= number)
            .saturating_sub(1)
    }

    pub(crate) fn total(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }
}

/// Most accounts are small, a few hold much; the first, which manages the others, holds little.
pub(crate) fn weights(seed: u64, accounts: usize) -> Vec<usize> {
    (0..accounts)
        .map(|account| match account {
            0 => 1,
            _ => Rng::of(seed, "weight", account).pick(&[1, 1, 1, 2, 2, 3, 4, 8]),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_one_is_in_one_account() {
        for (total, accounts) in [(0, 3), (2, 3), (3, 3), (100, 7), (5, 1)] {
            let spread = Spread::new(total, &weights(7, accounts));
            assert_eq!(spread.total(), total);
            let mut seen = 0;
            for account in 0..accounts {
                let range = spread.range(account);
                assert!(total < accounts || !range.is_empty());
                for number in range {
                    assert_eq!((number, spread.account(number)), (seen, account));
                    seen += 1;
                }
            }
            assert_eq!(seen, total);
        }
    }
}
