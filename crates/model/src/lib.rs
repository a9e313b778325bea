//! The values that the stages of sv0 hand to each other, and nothing else: no I/O, no policy logic.
//!
//! * [`record`] — one collected entity, as the snapshot stores it;
//! * [`small`] — maps with few entries, of which there are very many;
//! * [`kind`] — the closed sets: entity kinds, edge kinds, policy slots;
//! * [`coverage`] — what could not be read, and which answers that could change;
//! * [`graph`] — the records as nodes and edges;
//! * [`percent`] — the encoding in which IAM gives some policy documents;
//! * [`path`] — an authority path, the product's main answer;
//! * [`finding`] — what somebody should decide about, and what ends it;
//! * [`stable`] — names that stay the same across snapshots.

pub mod coverage;
pub mod finding;
pub mod graph;
pub mod kind;
pub mod path;
pub mod percent;
pub mod record;
pub mod small;
pub mod stable;
