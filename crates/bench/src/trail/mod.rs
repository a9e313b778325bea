//! A made-up CloudTrail: objects as CloudTrail delivers them, and what a reader must find in them.
//!
//! Sessions of every kind that a chain can begin with call S3, DynamoDB, KMS, Secrets Manager, Lambda and IAM. Into the
//! records goes what a reader must survive: duplicates in other objects, two accounts' copies of one call, a call that is
//! delivered after the use of its credentials, the console's ever new keys, access keys that are used again, session names
//! that lie, corrections, denials; into the objects siblings that are no log files, and damaged ones. The truth is written
//! down as the calls are made, not read off them.

mod calls;
mod deliver;
mod lake;
mod record;
mod session;

use std::collections::{BTreeMap, BTreeSet};

pub use lake::Lake;

/// How much to make.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// How many sessions; their kinds come in turn.
    pub sessions: usize,
    /// How many calls each makes.
    pub calls: usize,
}

/// What is counted together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Who started the chain, in words: `IAM user arn:…`, `workload NAME (SERVICE)`, `unknown WHY`.
    pub origin: String,
    /// The role, user, service or subject that called.
    pub principal: String,
    /// `eventSource`.
    pub source: String,
    /// `eventName`.
    pub name: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// `success`, `denied` or `failed`.
    pub outcome: &'static str,
}

/// How often, from when to when, as CloudTrail writes times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Calls, each once.
    pub count: u64,
    /// The first.
    pub first: String,
    /// The last.
    pub last: String,
}

/// What a reader must find.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// All counts.
    pub counts: BTreeMap<Key, Count>,
    /// Objects that must be named as damaged.
    pub damaged: BTreeSet<String>,
    /// For each session of a role: its `AROA…:name`, and the ids of the records that gave out its chain's credentials,
    /// from the start; only where nothing of the chain is missing.
    pub chains: Vec<(String, Vec<String>)>,
    /// Records, duplicates and copies among them.
    pub records: u64,
}

/// An object: its name, as in S3, and its text.
#[derive(Debug, Clone)]
pub struct Object {
    /// The key, from `AWSLogs/` on.
    pub name: String,
    /// What is in it, not compressed.
    pub text: Vec<u8>,
}
