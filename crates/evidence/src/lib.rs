//! What CloudTrail saw: who did what to which resource, when, and who was at the start of the chain.
//!
//! * [`time`] — moments, windows;
//! * [`source`] — where records come from: a trait, local files, the names of CloudTrail's objects, gzip;
//! * [`json`] — the few fields of a record that matter, without reading the rest;
//! * [`event`], [`identity`] — one record, and who made the call;
//! * [`action`], [`resource`] — which IAM actions it needed, and which resources it was on;
//! * [`document`] — the text of an object → its records;
//! * [`fold`] — the aggregation, plain and mergeable;
//! * `resolve`, [`origin`] — from a session to the start of its chain;
//! * [`evidence`] — what comes out;
//! * [`read`] — all of it, in parallel, over a source;
//! * [`state`] — what was read so far, in a file: the next run reads only what is new;
//! * [`problem`] — what could not be read;
//! * [`names`] — whether a record and the configuration mean the same resource;
//! * [`visible`] — whether a use would have been recorded at all;
//! * [`answer`], [`unused`], [`rightsize`] — the questions people ask;
//! * [`join`] — evidence on authority paths and in the graph.
//!
//! Nothing here knows the network. A source that does implements [`source::Source`] elsewhere.

pub mod action;
pub mod answer;
pub mod document;
pub mod event;
pub mod evidence;
pub mod fold;
pub mod id;
pub mod identity;
mod intern;
pub mod join;
pub mod json;
mod mint;
pub mod names;
pub mod origin;
pub mod problem;
pub mod read;
mod resolve;
pub mod resource;
pub mod rightsize;
pub mod source;
pub mod state;
pub mod time;
pub mod unused;
pub mod visible;

pub use evidence::{Evidence, SessionId, Use};
pub use mint::Mechanism;
pub use read::{Reading, read};
