//! When a request is allowed, as one formula: the same composition of the layers as [`sv0_iam::decide::combine`] has for
//! one request. A property test holds the two against each other.

use sv0_iam::decide::{Layer, Policies, Request, ResourceRule, rcp, scp};
use sv0_iam::name::Caller;
use sv0_iam::name::principal::{CallerKind, Named};
use sv0_iam::syntax::ast::{Effect, Statement};
use sv0_iam::syntax::resource::ShortArn;

use crate::formula::{Atom, Atoms, Formula};
use crate::matching::{Asked, Match, Reading, Subject, matching};

/// What a question is about: requests of one caller for one action (or several that the same statements speak of).
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// An action.
    pub action: &'a str,
    /// On what.
    pub subject: Subject<'a>,
    /// Whose the resource is; the caller's account where it is none of anybody's.
    pub resource_account: Option<&'a str>,
    /// What is known.
    pub context: &'a sv0_iam::condition::Context,
}

impl<'a> From<&Request<'a>> for Question<'a> {
    fn from(request: &Request<'a>) -> Self {
        Self {
            caller: request.caller,
            action: request.action,
            subject: Subject::Named(request.resource),
            resource_account: request.resource_account,
            context: request.context,
        }
    }
}

/// When it is allowed, and which statements have a part in it.
#[derive(Debug, Clone)]
pub struct Composed<'a> {
    /// When.
    pub allowed: Formula,
    /// What the formula speaks of.
    pub atoms: Atoms<'a>,
    /// The statements that can match.
    pub matches: Vec<Match<'a>>,
}

/// When the caller's request is allowed.
#[must_use]
pub fn compose<'a>(question: &Question<'_>, policies: &Policies<'a>) -> Composed<'a> {
    let mut atoms = Atoms::default();
    let mut matches = Vec::new();
    if question.action.eq_ignore_ascii_case("sts:GetCallerIdentity") {
        return Composed {
            allowed: Formula::TRUE,
            atoms,
            matches,
        };
    }
    let stands = Stands::new(question, policies);
    let asked = Asked {
        caller: question.caller,
        subject: question.subject,
        context: question.context,
    };
    stands.each(question, policies, |statement, tag, reading| {
        matching(statement, tag, &asked, reading, &mut atoms, &mut matches);
    });
    matches.retain(|m| !(m.layer == Layer::Rcp && m.statement.effect == Effect::Allow));
    let allowed = stands.allowed(question, policies, &matches, &mut atoms);
    Composed {
        allowed,
        atoms,
        matches,
    }
}

/// How the request stands to the layers.
pub(crate) struct Stands {
    same_account: bool,
    scps: usize,
    rcps: bool,
    /// `iam:*` on a role ignores its trust policy (rule 8).
    resource_policies: bool,
    bounded: bool,
}

impl Stands {
    pub(crate) fn new(question: &Question<'_>, policies: &Policies<'_>) -> Self {
        let account = question.caller.account.as_deref();
        let owner = question.resource_account.or(account);
        // What binds hangs on the caller and the action alone.
        let request = Request {
            caller: question.caller,
            action: question.action,
            resource: sv0_iam::syntax::resource::ResourceName::new("*"),
            resource_account: owner,
            context: question.context,
        };
        let iam = question
            .action
            .get(..4)
            .is_some_and(|head| head.eq_ignore_ascii_case("iam:"));
        Self {
            same_account: account.is_some() && account == owner,
            scps: policies
                .scps
                .as_ref()
                .filter(|_| scp::binds(&request))
                .map_or(0, Vec::len),
            rcps: policies.rcps.is_some() && rcp::binds(&request),
            resource_policies: !iam,
            bounded: question.caller.is_iam() && !policies.boundaries.is_empty(),
        }
    }

    /// How many SCP levels bind the caller.
    pub(crate) const fn scp_levels(&self) -> usize {
        self.scps
    }

    /// Every statement that bears on the action, with how its layer reads it.
    pub(crate) fn each<'a>(
        &self,
        question: &Question<'_>,
        policies: &Policies<'a>,
        mut see: impl FnMut(&'a Statement, u32, Reading),
    ) {
        self.every(question, policies, |statement, tag, reading| {
            if statement.action.matches(question.action) {
                see(statement, tag, reading);
            }
        });
    }

    /// Every statement that bears on the caller and the resource, whatever the action.
    pub(crate) fn every<'a>(
        &self,
        question: &Question<'_>,
        policies: &Policies<'a>,
        mut see: impl FnMut(&'a Statement, u32, Reading),
    ) {
        let reading = |layer, level, principals, short| Reading {
            layer,
            level,
            principals,
            short,
            bounded: self.bounded,
        };
        let mut layer = |attached: &[sv0_iam::decide::Attached<'a>], reading: Reading| {
            for one in attached {
                for statement in &one.policy.statements {
                    see(statement, one.tag, reading);
                }
            }
        };
        if question.caller.is_iam() {
            layer(
                &policies.identity,
                reading(Layer::Identity, 0, false, ShortArn::Pad),
            );
            for (level, one) in policies.boundaries.iter().enumerate() {
                layer(
                    std::slice::from_ref(one),
                    reading(Layer::Boundary, level, false, ShortArn::Pad),
                );
            }
            if let Some(session) = &policies.session {
                layer(session, reading(Layer::Session, 0, false, ShortArn::Pad));
            }
        }
        for (level, scps) in policies.scps.iter().flatten().enumerate().take(self.scps) {
            layer(scps, reading(Layer::Scp, level, false, ShortArn::IfTrailingStar));
        }
        for (level, rcps) in policies.rcps.iter().flatten().enumerate().filter(|_| self.rcps) {
            layer(
                rcps,
                Reading {
                    bounded: false,
                    ..reading(Layer::Rcp, level, true, ShortArn::IfTrailingStar)
                },
            );
        }
        if self.resource_policies {
            layer(
                &policies.resource,
                reading(Layer::Resource, 0, true, ShortArn::IfWildcard),
            );
        }
        if let Some(endpoint) = &policies.endpoint {
            layer(endpoint, reading(Layer::Endpoint, 0, true, ShortArn::IfWildcard));
        }
    }

    pub(crate) fn allowed<'a>(
        &self,
        question: &Question<'_>,
        policies: &Policies<'a>,
        matches: &[Match<'a>],
        atoms: &mut Atoms<'a>,
    ) -> Formula {
        let grants = |layer: Layer, level: Option<usize>| {
            Formula::any(
                matches
                    .iter()
                    .filter(|m| {
                        m.layer == layer
                            && level.is_none_or(|level| m.level == level)
                            && m.statement.effect == Effect::Allow
                    })
                    .map(|m| m.when.clone()),
            )
        };
        let denied = matches
            .iter()
            .filter(|m| m.statement.effect == Effect::Deny)
            .map(|m| m.when.clone());
        let mut parts = vec![Formula::any(denied).negate()];
        parts.extend((0..self.scps).map(|level| grants(Layer::Scp, Some(level))));
        if policies.endpoint.is_some() {
            parts.push(grants(Layer::Endpoint, Some(0)));
        }
        parts.push(self.granted(question, policies, matches, atoms, &grants));
        Formula::all(parts)
    }

    /// Identity, boundary, session and resource policy, which are not simply one after the other.
    fn granted<'a>(
        &self,
        question: &Question<'_>,
        policies: &Policies<'a>,
        matches: &[Match<'a>],
        atoms: &mut Atoms<'a>,
        grants: &dyn Fn(Layer, Option<usize>) -> Formula,
    ) -> Formula {
        let caller = question.caller;
        let resource = |wanted: &dyn Fn(Named) -> bool| {
            Formula::any(
                matches
                    .iter()
                    .filter(|m| {
                        m.layer == Layer::Resource
                            && m.statement.effect == Effect::Allow
                            && m.named.is_some_and(wanted)
                    })
                    .map(|m| m.when.clone()),
            )
        };
        if !caller.is_iam() {
            return resource(&|_| true);
        }
        // AWS: neither call can be made with root user credentials, whoever trusts them.
        let of_others = ["sts:AssumeRole", "sts:AssumeRoot"];
        if caller.kind == CallerKind::Root
            && of_others
                .iter()
                .any(|action| question.action.eq_ignore_ascii_case(action))
        {
            return Formula::FALSE;
        }
        let unread = policies.identity_unknown || caller.kind == CallerKind::Account;
        let foreign = if unread {
            Formula::Is(atoms.intern(Atom::Foreign), true)
        } else {
            Formula::FALSE
        };
        let identity = Formula::any([
            Formula::Const(caller.kind == CallerKind::Root),
            grants(Layer::Identity, None),
            foreign,
        ]);
        let boundaries =
            Formula::all((0..policies.boundaries.len()).map(|level| grants(Layer::Boundary, Some(level))));
        let session = match &policies.session {
            Some(_) => grants(Layer::Session, None),
            None => Formula::TRUE,
        };
        let limits = boundaries.and(session);
        if !self.same_account {
            return Formula::all([identity, limits, resource(&|_| true)]);
        }
        let closely = resource(&|named| matches!(named, Named::Directly | Named::Session | Named::Anyone));
        let by_role = resource(&|named| matches!(named, Named::Role | Named::FederatingUser));
        let delegated = match policies.resource_rule {
            ResourceRule::Either => Formula::TRUE,
            ResourceRule::Required => {
                resource(&|named| matches!(named, Named::Account | Named::FederatingUser | Named::Role))
            }
        };
        let by_identity = Formula::all([identity.or(by_role.clone()), limits.clone(), delegated]);
        Formula::any([closely, by_role.and(limits), by_identity])
    }
}
