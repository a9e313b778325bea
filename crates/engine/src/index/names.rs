//! From an ARN or name in a `Principal` element to the principals that it may mean.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use sv0_iam::name::principal::CallerKind;

use super::population::{Principal, number};
use crate::compiled::principal::{Entry, NamedArn};

/// Names by hash: what is found is looked at closely, so that two names with one hash do no harm.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_hash: Box<[(u64, u32)]>,
    /// Principals that stand for somebody of an account, whom any ARN of the account may name.
    somebodies: Box<[u32]>,
}

impl Names {
    pub(super) fn new(principals: &[Principal]) -> Self {
        let mut names: Vec<(u64, u32)> = Vec::with_capacity(principals.len() * 2);
        let mut somebodies = Vec::new();
        for (principal, index) in principals.iter().zip(0..number(principals.len())) {
            let who = &principal.who;
            names.push((text(who.id()), index));
            names.extend(who.role_arn.as_ref().map(|arn| (text(&arn.text), index)));
            names.extend(who.by_user.as_ref().map(|arn| (text(&arn.text), index)));
            names.extend(
                who.role_account()
                    .zip(who.role_name())
                    .map(|(account, name)| (role(account, name), index)),
            );
            if who.kind == CallerKind::Account {
                somebodies.push(index);
            }
        }
        names.sort_unstable();
        Self {
            by_hash: names.into(),
            somebodies: somebodies.into(),
        }
    }

    /// The principals that an entry may name, but for those that it names by their account; some may be there that it
    /// does not, and some twice.
    pub(super) fn meant(&self, entry: &Entry) -> impl Iterator<Item = u32> {
        let (hashes, somebodies) = match entry {
            Entry::Account(_) => ([None, None], &[][..]),
            Entry::Arn(arn) => ([Some(text(&arn.text.text)), role_of(arn)], &*self.somebodies),
            Entry::Service(name) | Entry::Federated(name) => ([Some(text(name)), None], &[][..]),
        };
        let named = hashes.into_iter().flatten().flat_map(|hash| {
            let from = self.by_hash.partition_point(|(other, _)| *other < hash);
            let rest = self.by_hash.get(from..).unwrap_or_default();
            rest.iter()
                .take_while(move |(other, _)| *other == hash)
                .map(|(_, index)| *index)
        });
        named.chain(somebodies.iter().copied())
    }
}

fn role_of(arn: &NamedArn) -> Option<u64> {
    arn.role().map(|(account, name)| role(account, name))
}

/// Names of services ignore case; where others differ in nothing else, they are told apart later.
fn text(name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    name.bytes()
        .for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
    hasher.finish()
}

fn role(account: &str, name: &str) -> u64 {
    let mut hasher = FxHasher::default();
    (account, name, "role").hash(&mut hasher);
    hasher.finish()
}
