//! The exact answer to a request of which some facts are unknown: allowed whatever they are, denied whatever they are, or
//! hanging on them, with an example of either kind.
//!
//! The plain evaluator takes each statement by itself and says `allowed_if` wherever one is uncertain. Statements often
//! contradict each other, or together cover every case: `Deny` unless a tag is there, and `Allow` for what has none.

use sv0_iam::decide::{Policies, Request, Verdict, decide};

use crate::compose::{Question, compose};
use crate::keys::Value;
use crate::lang::Search;
use crate::solve::{Example, Room, solve};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exact {
    /// Whether it is allowed, over all that the unknown facts may be.
    pub verdict: Verdict,
    /// A request that is allowed, for `AllowedIf`; none where none was found within bounds.
    pub witness: Option<Example>,
    /// A request that is denied, for `AllowedIf`; none where none was found within bounds.
    pub counter: Option<Example>,
}

/// Answers a request exactly. `choices` are keys of which it is known what they may be, though not which.
#[must_use]
pub fn exact(request: &Request<'_>, policies: &Policies<'_>, choices: &[(String, Vec<Value>)]) -> Exact {
    let plain = decide(request, policies);
    let settled = |verdict| Exact {
        verdict,
        witness: None,
        counter: None,
    };
    if plain.verdict != Verdict::AllowedIf {
        return settled(plain.verdict);
    }
    refine(request, policies, choices)
}

/// Answers a request of which the plain evaluator says `allowed_if`.
#[must_use]
pub fn refine(request: &Request<'_>, policies: &Policies<'_>, choices: &[(String, Vec<Value>)]) -> Exact {
    let composed = compose(&Question::from(request), policies);
    let room = Room {
        subject: crate::matching::Subject::Named(request.resource),
        context: request.context,
        choices,
    };
    let allowed = solve(&composed.allowed, &composed.atoms, &room);
    let denied = solve(&composed.allowed.clone().negate(), &composed.atoms, &room);
    let verdict = match (&allowed, &denied) {
        // Its own conditions keep it from ever being allowed, or it is allowed in every case.
        (Search::Empty, _) => Verdict::ImplicitDeny,
        (_, Search::Empty) => Verdict::Allowed,
        _ => Verdict::AllowedIf,
    };
    let conditional = verdict == Verdict::AllowedIf;
    Exact {
        verdict,
        witness: allowed.found().filter(|_| conditional),
        counter: denied.found().filter(|_| conditional),
    }
}
