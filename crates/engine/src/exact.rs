//! The exact answer to a request of which some facts are unknown: allowed whatever they are, denied whatever they are, or
//! hanging on them, with an example of either kind.
//!
//! The plain evaluator takes each statement by itself and says `allowed_if` wherever one is uncertain. Statements often
//! contradict each other, or together cover every case: `Deny` unless a tag is there, and `Allow` for what has none.

use sv0_iam::decide::{Policies, Request, Verdict, decide};
use sv0_iam::syntax::ast::Effect;

use crate::compose::{Question, compose};
use crate::formula::Formula;
use crate::keys::Value;
use crate::lang::Search;
use crate::matching::Subject;
use crate::solve::{Example, Room, solve};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exact {
    /// Whether it is allowed, over all that the unknown facts may be: denied explicitly only where a statement denies it
    /// in every case.
    pub verdict: Verdict,
    /// A request that is allowed; none where there is none, or where none was found within bounds.
    pub witness: Option<Example>,
    /// A request that is not, one that no statement denies if there is such; none as above.
    pub counter: Option<Example>,
}

/// Answers a request exactly. `choices` are keys, in lower case, of which it is known what they may be, though not which.
/// There are no examples where nothing hangs on what is unknown.
#[must_use]
pub fn exact(request: &Request<'_>, policies: &Policies<'_>, choices: &[(String, Vec<Value>)]) -> Exact {
    let plain = decide(request, policies);
    if plain.verdict != Verdict::AllowedIf {
        return Exact {
            verdict: plain.verdict,
            witness: None,
            counter: None,
        };
    }
    refine(request, policies, choices)
}

/// Answers a request of which the plain evaluator says `allowed_if`.
#[must_use]
pub fn refine(request: &Request<'_>, policies: &Policies<'_>, choices: &[(String, Vec<Value>)]) -> Exact {
    let composed = compose(&Question::from(request), policies);
    let room = Room {
        subject: Subject::Named(request.resource),
        context: request.context,
        choices,
    };
    let look = |formula: &Formula| solve(formula, &composed.atoms, &room);
    let not_denied = Formula::any(
        composed
            .matches
            .iter()
            .filter(|m| m.statement.effect == Effect::Deny)
            .map(|m| m.when.clone()),
    )
    .negate();
    let not_allowed = composed.allowed.clone().negate();
    let allowed = look(&composed.allowed);
    let silent = look(&not_allowed.clone().and(not_denied));
    let denied = match silent {
        Search::Found(_) => Search::Empty,
        _ => look(&not_allowed),
    };
    let verdict = match (&allowed, &silent, &denied) {
        // Nobody knows of the one or of the other: it hangs.
        (Search::Empty, Search::Empty, _) => Verdict::ExplicitDeny,
        (Search::Empty, ..) => Verdict::ImplicitDeny,
        (_, Search::Empty, Search::Empty) => Verdict::Allowed,
        _ => Verdict::AllowedIf,
    };
    Exact {
        verdict,
        witness: allowed.found(),
        counter: silent.found().or(denied.found()),
    }
}
