//! Reads how an AWS organisation is configured, through AWS's API, and changes nothing.
//!
//! A *service* (`service/`) is one module: a table of the calls that it makes ([`Call`]), and a function that turns
//! their answers into [records](sv0_model::record::Record). It sees the world through one value, `Cx`, and `Cx::call`
//! is the choke point: rate limit, retries, credentials, deadline, coverage ledger and log are there and nowhere else.
//! From the same tables come the least reader policy, the coverage page of the documentation and the guard that
//! refuses any other call.
//!
//! A *unit* is one service in one region of one account. Units run beside each other, and one's failure is no other's.
//! What a unit found goes to the [journal](journal) when it ends, so that an interrupted run can go on; when all have
//! ended, [`merge`] sorts the journal into one snapshot.
//!
//! [`trail`] is the other half: it reads CloudTrail's records, from S3, Athena or a queue, for the evidence. It has its own
//! list of calls, which no scan can make.
//!
//! Absent of a scan: writes to AWS, calls that return a secret's, a parameter's or an object's content, and any interpretation of
//! what was read: joining and judging are `analyze`'s.

#[macro_use]
mod cx;
pub mod call;
mod caller;
pub mod credentials;
mod failure;
mod guard;
pub mod journal;
mod ledger;
mod limiter;
pub mod merge;
mod net;
pub mod onboard;
pub mod progress;
pub mod registry;
mod run;
mod service;
mod start;
mod text;
pub mod trail;

pub use call::{Call, Scope, Service};
pub use run::{Error, Options, Outcome, Target, scan};
pub use text::timestamp;
