//! Findings: from the graph, its steps and its paths to what somebody should decide about. Pure functions, no I/O.
//!
//! * [`ground`] — what rules stand on: who gets where from outside, and what everything leads to;
//! * [`observed`] — what was seen in use;
//! * [`severity`] — how much a finding matters, with the reasons;
//! * [`rule`] — the rules, one file each, with their pages in `book/`;
//! * [`draft`] — what a rule says, made into a finding;
//! * [`fix`] — changes that end a finding, each tried before it is offered;
//! * [`lifecycle`] — what is suppressed and what is new;
//! * [`plan`] — which fixes end most, one after the other;
//! * [`review`] — two versions compared.
//!
//! Data flows down this list only.

pub mod day;
pub mod draft;
pub mod fix;
pub mod ground;
pub mod lifecycle;
pub mod observed;
pub mod plan;
pub mod report;
pub mod review;
pub mod rule;
pub mod severity;

pub use report::{Options, Report, report};
