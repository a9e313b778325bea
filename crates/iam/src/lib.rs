//! AWS IAM without I/O: names, the policy language, and the plain evaluator.
//!
//! * [`name`] — ARNs, globs, principals;
//! * [`syntax`] — JSON with positions, the policy syntax tree, its parser and diagnostics;
//! * [`condition`] — request context (with what is *not* known) and the condition operators;
//! * [`decide`] — one policy layer a file, and their composition: the reference evaluator;
//! * [`catalog`], [`managed`] — AWS's actions and AWS's own managed policies, embedded and dated.
//!
//! Everything here is a total function of its arguments: no clock, no environment, no files. Bad input gives a value
//! and diagnostics, never a panic.

pub mod catalog;
pub mod condition;
pub mod decide;
pub mod managed;
pub mod name;
pub mod syntax;
pub mod tri;
