//! Names: ARNs, glob patterns over them, and the principals that policies speak of.

pub mod action;
pub mod arn;
pub mod glob;
pub mod principal;

pub use action::ActionPattern;
pub use arn::Arn;
pub use glob::Glob;
pub use principal::Caller;
