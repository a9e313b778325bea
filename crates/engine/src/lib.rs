//! What the plain evaluator of `sv0-iam` says of one request, said of all requests at once, and of very many fast.
//!
//! * [`compiled`] — the same verdicts as [`sv0_iam::decide::decide`], a thousand times faster;
//! * [`index`] — who can: the compiled evaluator over very many principals.

pub mod compiled;
pub mod index;
