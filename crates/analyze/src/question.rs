//! The questions that people ask, and the answers in the shape of the JSON output (`docs/output.md`).

pub mod as_policy;
pub mod asked;
pub mod blast_radius;
pub mod can;
pub mod choke_points;
pub mod endpoints;
pub mod explain;
pub mod exposure;
pub mod links;
pub mod overview;
pub mod routes;
pub mod structural;
pub mod what_if;
pub mod who_can;

pub use as_policy::{AsPolicy, as_policy};
pub use asked::AskError;
pub use blast_radius::{BlastRadius, ReachedBy, blast_radius, reached_by};
pub use can::{Can, can};
pub use choke_points::{ChokePoints, choke_points};
pub use explain::{Explanation, explain};
pub use overview::{Overview, overview};
pub use what_if::{WhatIf, what_if};
pub use who_can::{WhoCan, who_can};

/// Actions people look for first, when a long list is shortened.
const HEADLINES: &[&str] = &[
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:ListBucket",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:PutItem",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "rds-data:ExecuteStatement",
    "rds-db:connect",
    "kms:Decrypt",
    "sqs:ReceiveMessage",
    "sqs:SendMessage",
    "sns:Publish",
    "ecr:PutImage",
    "bedrock:Retrieve",
];

/// Where an action stands among those that people look for first; the rest come last.
#[must_use]
pub fn headline(action: &str) -> usize {
    HEADLINES
        .iter()
        .position(|known| *known == action)
        .unwrap_or(usize::MAX)
}

/// A list of actions in few words: `s3:GetObject, s3:PutObject and 61 more`.
#[must_use]
pub fn brief(actions: &[String]) -> String {
    if actions.iter().any(|a| a == "*") {
        return "every action".into();
    }
    let mut sorted: Vec<&str> = actions.iter().map(String::as_str).collect();
    sorted.sort_by_key(|action| (headline(action), *action));
    match sorted.as_slice() {
        [] => "nothing".into(),
        [one] => (*one).to_owned(),
        [one, two] => format!("{one}, {two}"),
        [one, two, three] => format!("{one}, {two}, {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}
