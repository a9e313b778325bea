//! What the plain evaluator of `sv0-iam` says of one request, said of all requests at once, and of very many fast.
//!
//! * [`lang`] — sets of strings given by patterns: emptiness with an example, inclusion, intersection, difference;
//! * [`keys`] — which values of one context key satisfy several conditions;
//! * [`formula`], [`matching`], [`compose`] — when a request is allowed, as a formula over what is left open;
//! * [`solve()`] — whether there is a request that makes a formula true: an example, or a proof that there is none;
//! * [`exact()`] — one request with unknown facts: allowed, denied, or hanging on them with a witness of either kind;
//! * [`effective`], [`document`] — all that a principal may do, as a set of grants and as one policy document;
//! * [`compare`] — what one version of a policy allows that another does not;
//! * [`any`] — whether there is any allowed request of a pattern;
//! * [`simulate`] — requests and decisions as JSON lines;
//! * [`compiled`] — the same verdicts as [`sv0_iam::decide::decide`], some thirty times faster, without reasons;
//! * [`index`] — who can: the compiled evaluator over very many principals.
//!
//! Everything here is a total function of its arguments, as in `sv0-iam`: no clock, no files, no randomness.

pub mod actions;
pub mod any;
pub mod compare;
pub mod compiled;
pub mod compose;
pub mod document;
pub mod effective;
pub mod exact;
pub mod forms;
pub mod formula;
pub mod index;
pub mod keys;
pub mod lang;
pub mod matching;
pub mod scope;
pub mod simulate;
pub mod solve;

pub use exact::{Exact, exact};
pub use solve::solve;
