//! How the layers go together, on what each of them says: mirrors [`sv0_iam::decide::combine`].

use sv0_iam::decide::Verdict;
use sv0_iam::name::principal::CallerKind;
use sv0_iam::tri::Tri;

use super::action::Action;
use super::decide::Refusals;
use super::principal::{NamedSet, Ways, Who};

/// What the layers say. An absent layer lets everything pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    /// Whether any statement of any layer denies.
    pub(crate) deny: Tri,
    /// Whether an identity policy grants.
    pub(crate) identity: Tri,
    /// Whether every boundary allows.
    pub(crate) boundaries: Tri,
    /// Whether a session policy allows.
    pub(crate) session: Tri,
    /// Whether every level of SCPs allows.
    pub(crate) scps: Tri,
    /// Whether the endpoint allows.
    pub(crate) endpoint: Tri,
    /// How the resource policy's grants name the caller.
    pub(crate) resource: Grants,
}

impl Tally {
    /// No denial, no grant, no ceiling.
    pub(crate) const EMPTY: Self = Self {
        deny: Tri::False,
        identity: Tri::False,
        boundaries: Tri::True,
        session: Tri::True,
        scps: Tri::True,
        endpoint: Tri::True,
        resource: Grants {
            sure: NamedSet::NONE,
            perhaps: NamedSet::NONE,
        },
    };
}

/// Grants of a resource policy by how they name the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grants {
    /// Those that are certain.
    pub(crate) sure: NamedSet,
    /// Those and the ones that are not.
    pub(crate) perhaps: NamedSet,
}

impl Grants {
    /// Adds a grant that speaks of the caller in some ways and, that apart, holds or not.
    #[inline]
    pub(crate) fn add(&mut self, ways: Ways, holds: Tri) {
        if holds == Tri::False {
            return;
        }
        let sure = ways.sure.map_or(NamedSet::NONE, NamedSet::of);
        let perhaps = ways.perhaps.map_or(NamedSet::NONE, NamedSet::of);
        if holds == Tri::True {
            self.sure = self.sure.with(sure);
        }
        self.perhaps = self.perhaps.with(sure).with(perhaps);
    }
}

/// What of a request bears on the composition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) iam: bool,
    pub(crate) root: bool,
    /// What the root user can never do.
    pub(crate) refused: bool,
    pub(crate) identity_unknown: bool,
    pub(crate) same_account: bool,
    /// Whether the resource policy must allow even within the account.
    pub(crate) required: bool,
    /// What AWS refuses by itself.
    pub(crate) protected: bool,
    pub(crate) kept_out: bool,
}

impl Terms {
    pub(crate) fn new(
        who: &Who,
        action: &Action<'_>,
        resource_account: Option<&str>,
        identity_unknown: bool,
        required: bool,
        refusals: Refusals,
    ) -> Self {
        let account = who.account();
        let root = who.kind == CallerKind::Root;
        let same_account = account.is_some() && account == resource_account.or(account);
        Self {
            iam: who.iam,
            root,
            refused: root && action.not_for_root,
            identity_unknown: identity_unknown || who.kind == CallerKind::Account,
            same_account,
            required,
            protected: refusals.protected,
            kept_out: refusals.strangers && !same_account && who.kind != CallerKind::Service,
        }
    }
}

/// The answer.
pub(crate) fn verdict(tally: &Tally, terms: &Terms) -> Verdict {
    if tally.deny == Tri::True || terms.kept_out {
        return Verdict::ExplicitDeny;
    }
    if terms.protected {
        return Verdict::ImplicitDeny;
    }
    if tally.deny == Tri::False && allowed(tally, terms, Tri::certain, tally.resource.sure, false) {
        return Verdict::Allowed;
    }
    if allowed(tally, terms, Tri::possible, tally.resource.perhaps, true) {
        return Verdict::AllowedIf;
    }
    Verdict::ImplicitDeny
}

/// Whether nothing but a denial stands in the way, where `holds` says which grants count.
fn allowed(tally: &Tally, terms: &Terms, holds: fn(Tri) -> bool, named: NamedSet, foreign: bool) -> bool {
    if !holds(tally.scps) || !holds(tally.endpoint) {
        return false;
    }
    if !terms.iam {
        return !named.is_empty();
    }
    if terms.refused {
        return false;
    }
    let identity = terms.root || holds(tally.identity) || (terms.identity_unknown && foreign);
    let limits = holds(tally.boundaries) && holds(tally.session);
    if !terms.same_account {
        return identity && limits && !named.is_empty();
    }
    // Rule 16: a resource policy that names the caller closely enough skips implicit denials.
    let by_role = named.meets(NamedSet::BEFORE_SESSION);
    if named.meets(NamedSet::CLOSELY) || by_role && limits {
        return true;
    }
    let delegated = !terms.required || named.meets(NamedSet::DELEGATES);
    (identity || by_role) && limits && delegated
}
