//! The organisation: which entities there are, where each is, and each as a record.
//!
//! Nothing is kept but the size and where each account's part begins. An entity is made from the seed and its number
//! whenever it is asked for, so that an organisation of a million entities needs hardly more memory than a small one.

use std::collections::BTreeSet;
use std::ops::Range;

use sv0_model::kind::Kind;
use sv0_model::record::Record;

use crate::names;
use crate::rng::Rng;
use crate::size::{Size, Spread, weights};
use crate::store::Store;
use crate::{account, ceiling, key, managed, policy, role, store, tree, user, workload};

/// A made-up organisation.
pub struct Organization {
    pub(crate) seed: u64,
    pub(crate) accounts: usize,
    pub(crate) roles: Spread,
    pub(crate) users: Spread,
    pub(crate) policies: Spread,
    pub(crate) keys: Spread,
    pub(crate) functions: Spread,
    pub(crate) instances: Spread,
    pub(crate) tasks: Spread,
    buckets: Spread,
    tables: Spread,
    secrets: Spread,
    queues: Spread,
    topics: Spread,
}

/// Entities of one kind that accounts have. The numbers of one account follow each other.
pub(crate) struct Family {
    pub(crate) kind: Kind,
    /// The numbers in an account.
    pub(crate) within: fn(&Organization, usize) -> Range<usize>,
    /// The id of a number; none where the number is of another kind.
    pub(crate) id: fn(&Organization, usize) -> Option<String>,
    pub(crate) record: fn(&Organization, usize) -> Record,
}

impl Family {
    /// Those of an account.
    pub(crate) fn records(&self, org: &Organization, account: usize) -> impl Iterator<Item = Record> {
        let (id, record) = (self.id, self.record);
        (self.within)(org, account)
            .filter(move |number| id(org, *number).is_some())
            .map(move |number| record(org, number))
    }

    /// How many there are over all accounts.
    pub(crate) fn count(&self, org: &Organization) -> usize {
        (0..self.numbers(org))
            .filter(|number| (self.id)(org, *number).is_some())
            .count()
    }

    /// How many numbers there are over all accounts.
    fn numbers(&self, org: &Organization) -> usize {
        (self.within)(org, org.accounts - 1).end
    }
}

/// What accounts have.
pub(crate) const FAMILIES: &[Family] = &[
    store::TABLES,
    store::BUCKETS,
    store::SECRETS,
    store::QUEUES,
    store::TOPICS,
    key::KEYS,
    workload::FUNCTIONS,
    workload::INSTANCES,
    workload::TASKS,
    account::OIDC_PROVIDERS,
    account::SAML_PROVIDERS,
    policy::PLATFORM,
    policy::CUSTOM,
    user::GROUPS,
    user::USERS,
    role::ROLES,
    role::SERVICE_LINKED,
];

impl Organization {
    /// The organisation of a seed and a size. One without accounts has one all the same.
    #[must_use]
    pub fn new(seed: u64, size: Size) -> Self {
        let accounts = size.accounts.max(1);
        let weights = weights(seed, accounts);
        let spread = |total| Spread::new(total, &weights);
        Self {
            seed,
            accounts,
            roles: spread(size.roles),
            users: spread(size.users),
            policies: spread(size.policies),
            keys: spread(size.keys),
            functions: spread(size.functions),
            instances: spread(size.instances),
            tasks: spread(size.tasks),
            buckets: spread(size.buckets),
            tables: spread(size.tables),
            secrets: spread(size.secrets),
            queues: spread(size.queues),
            topics: spread(size.topics),
        }
    }

    /// Everything, in the order of a snapshot. Kept at one time are the ids of one kind, to sort them, and what the
    /// organisation has besides what its accounts have.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        /// A record that is there, or can be made.
        enum Entry {
            Ready(Box<Record>),
            Numbered(fn(&Organization, usize) -> Record, usize),
        }
        let kinds: BTreeSet<&str> = FAMILIES
            .iter()
            .map(|family| family.kind.as_str())
            .chain(self.shared().map(|record| record.kind.as_str()))
            .collect();
        kinds.into_iter().flat_map(move |kind| {
            let ready = self
                .shared()
                .filter(|record| record.kind.as_str() == kind)
                .map(|record| (record.id.clone(), Entry::Ready(Box::new(record))));
            let numbered = FAMILIES
                .iter()
                .filter(|family| family.kind.as_str() == kind)
                .flat_map(|family| {
                    (0..family.numbers(self)).filter_map(|number| {
                        let id = (family.id)(self, number)?;
                        Some((id, Entry::Numbered(family.record, number)))
                    })
                });
            let mut entries: Vec<(String, Entry)> = ready.chain(numbered).collect();
            entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            entries.into_iter().map(|(_, entry)| match entry {
                Entry::Ready(record) => *record,
                Entry::Numbered(record, number) => record(self, number),
            })
        })
    }

    /// What belongs to no single account: the tree with its policies, AWS's own policies.
    pub(crate) fn shared(&self) -> impl Iterator<Item = Record> {
        let ceilings = ceiling::all(self).into_iter().map(|ceiling| ceiling.record());
        tree::records(self)
            .into_iter()
            .chain(ceilings)
            .chain(managed::records())
    }

    /// The seed of one entity's random numbers.
    pub(crate) fn rng(&self, family: &str, number: usize) -> Rng {
        Rng::of(self.seed, family, number)
    }

    pub(crate) fn management_account() -> String {
        names::account(0)
    }

    pub(crate) const fn spread_of(&self, store: Store) -> &Spread {
        match store {
            Store::Bucket => &self.buckets,
            Store::Table => &self.tables,
            Store::Secret => &self.secrets,
            Store::Queue => &self.queues,
            Store::Topic => &self.topics,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::Preset;

    #[test]
    fn records_come_as_a_snapshot_sorts_them_and_no_id_twice() {
        let org = Organization::new(7, Preset::S.size());
        let ids: Vec<(&str, String)> = org.records().map(|r| (r.kind.as_str(), r.id)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert!(ids.len() > 300, "{}", ids.len());
    }

    #[test]
    fn the_smallest_organisation_is_one_too() {
        let size = Size {
            accounts: 0,
            roles: 1,
            users: 0,
            policies: 0,
            buckets: 1,
            tables: 0,
            secrets: 0,
            queues: 0,
            topics: 0,
            keys: 0,
            functions: 1,
            instances: 0,
            tasks: 0,
        };
        assert!(Organization::new(7, size).records().count() > 10);
    }
}
