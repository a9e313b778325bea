//! A made-up AWS organisation of any size, to measure sv0 and its peers on: the same bytes for the same seed and size.
//!
//! It has the shape of real ones: a few managed policies that most roles share and a long tail of inline ones, one
//! statement in ten on everything, one in three under a condition, an SCP tree three levels deep, RCPs, permissions
//! boundaries, trust across accounts, keys on half of what holds data, buckets that the whole organisation reads.
//!
//! [`Organization`] makes it, record by record. [`gaad`] and [`iam_collect`] write those records as the files of other
//! tools; sv0's own snapshot is written by `sv0-input`. What a format cannot express is left out of it, and nothing is
//! different.

mod account;
mod ceiling;
mod document;
pub mod gaad;
mod grant;
pub mod iam_collect;
mod key;
mod managed;
mod manifest;
mod names;
mod organization;
mod policy;
mod rng;
mod role;
mod size;
mod store;
pub mod trail;
mod tree;
mod user;
mod workload;

pub use manifest::{Manifest, Question};
pub use organization::Organization;
pub use size::{Preset, Size};
