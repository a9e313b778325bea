//! One question, layer by layer: what each layer says, without noting why.

use sv0_iam::decide::{ResourceRule, Verdict, protected};
use sv0_iam::syntax::ast::Effect;
use sv0_iam::syntax::resource::ShortArn;
use sv0_iam::tri::Tri;

use super::action::Action;
use super::compose::{Grants, Tally, Terms, verdict};
use super::facts::{Facts, View};
use super::library::{Library, PolicyId};
use super::principal::{NamedSet, Who};
use super::resource::Resource;

/// One question, with everything prepared that can serve many.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub who: &'a Who,
    /// What for.
    pub action: &'a Action<'a>,
    /// On what.
    pub resource: &'a Resource<'a>,
    /// Whose the resource is; the caller's account where it is nobody's.
    pub resource_account: Option<&'a str>,
    /// What is known.
    pub facts: &'a Facts<'a>,
    /// What is known besides, such as of the resource: it overrules.
    pub more: Option<&'a Facts<'a>>,
}

/// Everything that bears on a question, as [`sv0_iam::decide::Policies`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Layers<'a> {
    /// Identity policies of the caller.
    pub identity: &'a [PolicyId],
    /// Whether they could not be read.
    pub identity_unknown: bool,
    /// Permissions boundaries, all of which must allow.
    pub boundaries: &'a [PolicyId],
    /// The session policies, any of which must allow; none where there is no session policy.
    pub session: Option<&'a [PolicyId]>,
    /// SCPs of the caller's account, one list a level; none where no SCP applies.
    pub scps: Option<&'a [Vec<PolicyId>]>,
    /// RCPs of the resource's account likewise.
    pub rcps: Option<&'a [Vec<PolicyId>]>,
    /// The resource's own policies.
    pub resource: &'a [PolicyId],
    /// Policies of the VPC endpoint.
    pub endpoint: Option<&'a [PolicyId]>,
    /// Whether the resource policy must allow even within the account.
    pub resource_rule: ResourceRule,
    /// Whether `RestrictPublicBuckets` is on for the S3 bucket.
    pub block_public_access: bool,
}

/// What policies say that do not name principals.
#[derive(Debug, Clone, Copy)]
struct Said {
    allow: Tri,
    deny: Tri,
}

/// How policies that name principals are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Naming {
    pub(crate) short: ShortArn,
    /// Whether the `Resource` element may be missing.
    pub(crate) optional: bool,
    /// Whether the caller has a boundary.
    pub(crate) bounded: bool,
}

impl Naming {
    pub(crate) const RCP: Self = Self {
        short: ShortArn::IfTrailingStar,
        optional: false,
        bounded: false,
    };

    pub(crate) const fn resource(bounded: bool) -> Self {
        Self {
            short: ShortArn::IfWildcard,
            optional: true,
            bounded,
        }
    }
}

impl Library {
    /// The verdict of [`sv0_iam::decide::decide`], without its reasons.
    #[must_use]
    pub fn decide(&self, question: &Question<'_>, layers: &Layers<'_>) -> Verdict {
        let (facts, more) = (question.facts, question.more);
        let never_carried = more.and_then(Facts::never_carried).or(facts.never_carried());
        let parts = [None, more.map(Facts::table), Some(facts.table())];
        let case = Case {
            library: self,
            who: question.who,
            action: question.action,
            resource: question.resource,
            facts: View::new(&self.keys, parts, facts.is_open(), never_carried),
        };
        case.decide(question.resource_account, layers)
    }
}

/// What AWS refuses by itself, without any policy.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Refusals {
    /// What is AWS's own ([`sv0_iam::decide::protected`]).
    pub(crate) protected: bool,
    /// Callers of other accounts, and anonymous ones ([`sv0_iam::decide::public_access`]).
    pub(crate) strangers: bool,
}

impl Library {
    pub(crate) fn refusals(
        &self,
        action: &Action<'_>,
        resource: &Resource<'_>,
        policies: &[PolicyId],
        block_public_access: bool,
    ) -> Refusals {
        let public = || policies.iter().any(|id| self.documents.is_public(id.0));
        Refusals {
            protected: action.kept && protected::refuses(action.name, resource.text()),
            strangers: block_public_access && action.s3 && public(),
        }
    }
}

/// A question with its facts put together.
pub(crate) struct Case<'a> {
    pub(crate) library: &'a Library,
    pub(crate) who: &'a Who,
    pub(crate) action: &'a Action<'a>,
    pub(crate) resource: &'a Resource<'a>,
    pub(crate) facts: View<'a>,
}

impl Case<'_> {
    pub(crate) fn decide(&self, resource_account: Option<&str>, layers: &Layers<'_>) -> Verdict {
        if self.action.free {
            return Verdict::Allowed;
        }
        let required = layers.resource_rule == ResourceRule::Required;
        let terms = Terms::new(
            self.who,
            self.action,
            resource_account,
            layers.identity_unknown,
            required,
            self.library.refusals(
                self.action,
                self.resource,
                layers.resource,
                layers.block_public_access,
            ),
        );
        verdict(&self.tally(layers), &terms)
    }

    /// What every layer says. A certain denial ends it: whatever comes after, the answer stands.
    fn tally(&self, layers: &Layers<'_>) -> Tally {
        let (who, action) = (self.who, self.action);
        let mut tally = Tally::EMPTY;
        if who.iam {
            tally.identity = self.plain(layers.identity, ShortArn::Pad, &mut tally.deny);
            for boundary in layers.boundaries {
                let allow = self.plain(std::slice::from_ref(boundary), ShortArn::Pad, &mut tally.deny);
                tally.boundaries = tally.boundaries.and(allow);
            }
            if let Some(session) = layers.session {
                tally.session = self.plain(session, ShortArn::Pad, &mut tally.deny);
            }
            if let Some(levels) = layers.scps.filter(|_| !who.service_linked) {
                for level in levels {
                    let allow = self.plain(level, ShortArn::IfTrailingStar, &mut tally.deny);
                    tally.scps = tally.scps.and(allow);
                }
            }
        }
        if let Some(levels) = layers.rcps.filter(|_| action.rcps && !who.service_linked) {
            for level in levels {
                // RCPFullAWSAccess is always attached, so an `Allow` here says nothing.
                self.naming(level, Naming::RCP, &mut tally.deny);
            }
        }
        let naming = Naming::resource(who.iam && !layers.boundaries.is_empty());
        if !action.iam {
            tally.resource = self.naming(layers.resource, naming, &mut tally.deny);
        }
        if let Some(endpoint) = layers.endpoint {
            let grants = self.naming(endpoint, naming, &mut tally.deny);
            tally.endpoint = match (grants.sure.is_empty(), grants.perhaps.is_empty()) {
                (false, _) => Tri::True,
                (true, false) => Tri::Unknown,
                (true, true) => Tri::False,
            };
        }
        tally
    }

    /// Whether policies that do not name principals allow; denials are added to `deny`.
    #[inline]
    fn plain(&self, policies: &[PolicyId], short: ShortArn, deny: &mut Tri) -> Tri {
        let documents = &self.library.documents;
        let mut said = Said {
            allow: Tri::False,
            deny: *deny,
        };
        for policy in policies {
            if said.deny == Tri::True {
                break;
            }
            if documents.is_full(policy.0, self.action) {
                said.allow = Tri::True;
                continue;
            }
            for statement in &*documents.bearing_on(policy.0, self.action) {
                let so_far = match statement.effect {
                    Effect::Allow => &mut said.allow,
                    Effect::Deny => &mut said.deny,
                };
                if *so_far == Tri::True {
                    continue;
                }
                let mut holds = documents.covers(statement, self.resource, &self.facts, short, false);
                if holds != Tri::False {
                    holds = holds.and(documents.holds(statement, &self.facts));
                }
                *so_far = so_far.or(holds);
            }
        }
        *deny = said.deny;
        said.allow
    }

    /// How the grants of policies name the caller; denials are added to `deny`.
    fn naming(&self, policies: &[PolicyId], naming: Naming, deny: &mut Tri) -> Grants {
        let documents = &self.library.documents;
        let mut grants = Grants {
            sure: NamedSet::NONE,
            perhaps: NamedSet::NONE,
        };
        for policy in policies {
            for statement in &*documents.bearing_on(policy.0, self.action) {
                if *deny == Tri::True {
                    return grants;
                }
                let Some(principals) = documents.principals_of(statement) else {
                    continue;
                };
                let ways = principals.speak_of(self.who, statement.effect, naming.bounded);
                if ways.tri() == Tri::False {
                    continue;
                }
                let Naming { short, optional, .. } = naming;
                let mut holds = documents.covers(statement, self.resource, &self.facts, short, optional);
                if holds != Tri::False {
                    holds = holds.and(documents.holds(statement, &self.facts));
                }
                match statement.effect {
                    Effect::Allow => grants.add(ways, holds),
                    Effect::Deny => *deny = deny.or(ways.tri().and(holds)),
                }
            }
        }
        grants
    }
}
