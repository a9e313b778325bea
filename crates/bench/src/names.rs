//! The words that names are made of, and ARNs.

use crate::rng::Rng;

pub(crate) const ORGANIZATION: &str = "o-bench00001";
pub(crate) const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "us-west-2"];
pub(crate) const STAGES: [&str; 4] = ["prod", "staging", "dev", "sandbox"];
pub(crate) const TEAMS: [&str; 12] = [
    "billing", "catalog", "data", "fraud", "identity", "infra", "ml", "mobile", "ops", "payments", "search",
    "web",
];
pub(crate) const WORDS: [&str; 15] = [
    "api", "archive", "audit", "batch", "cache", "events", "export", "index", "ingest", "portal", "reports",
    "stream", "sync", "uploads", "worker",
];

/// The id of an account; a later account has a higher one.
pub(crate) fn account(number: usize) -> String {
    format!("{:012}", 100_000_000_001 + number * 1_796_443)
}

/// A team and one of the things it has, with a number that no other of the family has.
pub(crate) fn thing(rng: &mut Rng, number: usize) -> String {
    format!("{}-{}-{number:05}", rng.pick(&TEAMS), rng.pick(&WORDS))
}

/// The ARN of something in an account's IAM.
pub(crate) fn iam(account: usize, resource: &str) -> String {
    format!("arn:aws:iam::{}:{resource}", self::account(account))
}

/// The ARN that stands for an account in policies.
pub(crate) fn root(account: usize) -> String {
    iam(account, "root")
}
