//! Who asks, and whom a `Principal` element names, with the ARNs taken apart once (semantics rules 18, 32 to 34).
//!
//! Mirrors [`sv0_iam::name::principal`]; its property test holds one against the other.

use sv0_iam::name::principal::{CallerKind, Named};
use sv0_iam::name::{Arn, Caller};
use sv0_iam::syntax::PrincipalEntry;
use sv0_iam::syntax::ast::{Effect, PrincipalElement};
use sv0_iam::tri::Tri;

use super::short::Wanted;

/// A caller, taken apart once.
#[derive(Debug, Clone)]
pub struct Who {
    pub(crate) kind: CallerKind,
    pub(crate) id: Wanted,
    pub(crate) account: Option<Wanted>,
    pub(crate) role_arn: Option<Wanted>,
    pub(crate) by_user: Option<Wanted>,
    /// For roles and their sessions whose id is an ARN: what is compared with the ARNs of others.
    role: Option<RoleParts>,
    pub(crate) iam: bool,
    pub(crate) service_linked: bool,
}

/// Lengths of the parts of a role's or session's ARN: `arn:{partition}:service:region:{account}:word/…`.
#[derive(Debug, Clone, Copy)]
struct RoleParts {
    partition: (u32, u32),
    account: (u32, u32),
    name: Option<(u32, u32)>,
}

impl RoleParts {
    fn new(caller: &Caller) -> Option<Self> {
        if !matches!(caller.kind, CallerKind::Role | CallerKind::RoleSession) {
            return None;
        }
        let arn = Arn::parse(&caller.id)?;
        let span = |part: &str| {
            // A part of the id begins where it lies in memory.
            let start = (part.as_ptr() as usize).checked_sub(caller.id.as_ptr() as usize)?;
            Some((
                u32::try_from(start).ok()?,
                u32::try_from(start + part.len()).ok()?,
            ))
        };
        Some(Self {
            partition: span(arn.partition)?,
            account: span(arn.account)?,
            name: caller.role_name().and_then(span),
        })
    }
}

impl Who {
    /// Takes a caller apart.
    #[must_use]
    pub fn new(caller: &Caller) -> Self {
        let boxed = |text: &Option<String>| text.as_deref().map(Wanted::new);
        Self {
            kind: caller.kind,
            id: Wanted::new(&caller.id),
            account: boxed(&caller.account),
            role_arn: boxed(&caller.role_arn),
            by_user: boxed(&caller.by_user),
            role: RoleParts::new(caller),
            iam: caller.is_iam(),
            service_linked: caller.is_service_linked(),
        }
    }

    /// The caller's ARN, service name, provider, account id, or `*`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id.text
    }

    /// Its account.
    pub(crate) fn account(&self) -> Option<&str> {
        self.account.as_ref().map(|account| &*account.text)
    }

    fn part(&self, (start, end): (u32, u32)) -> &str {
        self.id.text.get(start as usize..end as usize).unwrap_or_default()
    }

    pub(crate) fn role_name(&self) -> Option<&str> {
        Some(self.part(self.role?.name?))
    }

    /// The account in a role's or session's ARN, which need not be the caller's own.
    pub(crate) fn role_account(&self) -> Option<&str> {
        Some(self.part(self.role?.account))
    }
}

/// A set of [`Named`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct NamedSet(u8);

impl NamedSet {
    pub(crate) const NONE: Self = Self(0);
    /// What skips implicit denials of boundary and session (rule 16).
    pub(crate) const CLOSELY: Self = Self::of(Named::Directly).and(Named::Session).and(Named::Anyone);
    /// What counts before the session is made.
    pub(crate) const BEFORE_SESSION: Self = Self::of(Named::Role).and(Named::FederatingUser);
    /// What hands over to the account's identity policies.
    pub(crate) const DELEGATES: Self = Self::BEFORE_SESSION.and(Named::Account);

    /// What means the caller itself, not somebody of its account nor anyone.
    pub(crate) const ITSELF: Self = Self::BEFORE_SESSION.and(Named::Directly).and(Named::Session);

    pub(crate) const fn of(named: Named) -> Self {
        Self(1 << named as u8)
    }

    const fn and(self, named: Named) -> Self {
        Self(self.0 | Self::of(named).0)
    }

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// How a statement speaks of a caller: for certain, and perhaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ways {
    pub(crate) sure: Option<Named>,
    pub(crate) perhaps: Option<Named>,
}

impl Ways {
    const NOBODY: Self = Self {
        sure: None,
        perhaps: None,
    };
    pub(crate) const ANYONE: Self = Self {
        sure: Some(Named::Anyone),
        perhaps: None,
    };

    /// Everybody for whom something holds.
    const fn everybody(holds: Tri) -> Self {
        match holds {
            Tri::True => Self::ANYONE,
            Tri::Unknown => Self {
                sure: None,
                perhaps: Some(Named::Anyone),
            },
            Tri::False => Self::NOBODY,
        }
    }

    /// Whether it speaks of the caller at all.
    pub(crate) const fn tri(self) -> Tri {
        match (self.sure, self.perhaps) {
            (Some(_), _) => Tri::True,
            (None, Some(_)) => Tri::Unknown,
            (None, None) => Tri::False,
        }
    }
}

/// A `Principal` or `NotPrincipal` element.
#[derive(Debug)]
pub(crate) struct Principals {
    pub(crate) negated: bool,
    /// Whether `*` is among the entries.
    pub(crate) anyone: bool,
    /// The others, but for those that match nobody.
    pub(crate) entries: Box<[Entry]>,
}

/// One name.
#[derive(Debug)]
pub(crate) enum Entry {
    Account(Wanted),
    Arn(NamedArn),
    Service(Box<str>),
    Federated(Box<str>),
}

/// The ARN of a principal.
#[derive(Debug)]
pub(crate) struct NamedArn {
    pub(crate) text: Wanted,
    word: Word,
    /// None where the text is no ARN.
    parts: Option<Box<Parts>>,
}

#[derive(Debug)]
struct Parts {
    partition: Box<str>,
    account: Box<str>,
    account_id: Option<Box<str>>,
    /// The role's name, for roles and their sessions.
    name: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Role,
    Session,
    Other,
}

impl NamedArn {
    fn new(text: &str) -> Self {
        let arn = Arn::parse(text);
        let (word, name) = match arn.and_then(|arn| arn.typed()) {
            Some(("role", rest)) => (Word::Role, rest.rsplit('/').next()),
            Some(("assumed-role", rest)) => (Word::Session, rest.split('/').next()),
            _ => (Word::Other, None),
        };
        let parts = arn.map(|arn| {
            Box::new(Parts {
                partition: arn.partition.into(),
                account: arn.account.into(),
                account_id: arn.account_id().map(Into::into),
                name: name.unwrap_or_default().into(),
            })
        });
        Self {
            text: Wanted::new(text),
            word,
            parts,
        }
    }

    /// For the ARN of a role or session: its account and the role's name.
    pub(crate) fn role(&self) -> Option<(&str, &str)> {
        let parts = self.parts.as_ref()?;
        (self.word != Word::Other).then_some((&parts.account, &parts.name))
    }

    /// The account, where the text is an ARN: none within where it names none.
    pub(crate) fn account_id(&self) -> Option<Option<&str>> {
        Some(self.parts.as_ref()?.account_id.as_deref())
    }

    fn names(&self, who: &Who) -> Option<(Named, Tri)> {
        let sure = |named| Some((named, Tri::True));
        let is = |text: &Wanted| self.text.equals(text);
        match who.kind {
            CallerKind::User | CallerKind::FederatedUser if is(&who.id) => sure(Named::Directly),
            CallerKind::FederatedUser if who.by_user.as_ref().is_some_and(is) => sure(Named::FederatingUser),
            CallerKind::RoleSession if is(&who.id) => sure(Named::Session),
            CallerKind::Role if is(&who.id) => sure(Named::Role),
            CallerKind::RoleSession if who.role_arn.as_ref().is_some_and(is) => sure(Named::Role),
            CallerKind::Role | CallerKind::RoleSession => {
                let (theirs, ours) = (self.parts.as_ref()?, who.role?);
                let same = |name: &str| who.role_name() == Some(name);
                let found = match self.word {
                    // A session's ARN has lost its role's path, so only the name can be compared.
                    Word::Role if who.kind == CallerKind::RoleSession && who.role_arn.is_none() => {
                        same(&theirs.name).then_some((Named::Role, Tri::True))
                    }
                    // Which session the role is in was not said.
                    Word::Session if who.kind == CallerKind::Role => {
                        same(&theirs.name).then_some((Named::Session, Tri::Unknown))
                    }
                    _ => None,
                };
                let near = || {
                    *theirs.partition == *who.part(ours.partition)
                        && *theirs.account == *who.part(ours.account)
                };
                found.filter(|_| near())
            }
            // Somebody of that account: it may be this very principal.
            CallerKind::Account if self.account_id()? == who.account() => {
                Some((Named::Directly, Tri::Unknown))
            }
            _ => None,
        }
    }
}

impl Entry {
    fn new(entry: &PrincipalEntry) -> Option<Self> {
        match entry {
            PrincipalEntry::Account(id) => Some(Self::Account(Wanted::new(id))),
            PrincipalEntry::Arn(arn) => Some(Self::Arn(NamedArn::new(arn))),
            PrincipalEntry::Service(name) => Some(Self::Service(name.clone())),
            PrincipalEntry::Federated(provider) => Some(Self::Federated(provider.clone())),
            PrincipalEntry::Anyone
            | PrincipalEntry::UniqueId(_)
            | PrincipalEntry::CanonicalUser(_)
            | PrincipalEntry::Other(_) => None,
        }
    }

    fn names(&self, who: &Who) -> Option<(Named, Tri)> {
        match self {
            Self::Account(id)
                if who.iam && who.account.as_ref().is_some_and(|account| account.equals(id)) =>
            {
                let root = who.kind == CallerKind::Root;
                Some((if root { Named::Directly } else { Named::Account }, Tri::True))
            }
            Self::Arn(arn) => arn.names(who),
            Self::Service(name) if who.kind == CallerKind::Service && name.eq_ignore_ascii_case(who.id()) => {
                Some((Named::Directly, Tri::True))
            }
            Self::Federated(provider) if who.kind == CallerKind::Federated && **provider == *who.id() => {
                Some((Named::Directly, Tri::True))
            }
            _ => None,
        }
    }
}

impl Principals {
    pub(super) fn new(element: &PrincipalElement) -> Self {
        Self {
            negated: element.negated,
            anyone: element.entries.contains(&PrincipalEntry::Anyone),
            entries: element.entries.iter().filter_map(Entry::new).collect(),
        }
    }

    /// How a statement speaks of a caller; `bounded` says whether it has a permissions boundary.
    #[inline]
    pub(crate) fn speak_of(&self, who: &Who, effect: Effect, bounded: bool) -> Ways {
        if !self.negated {
            return self.ways(who);
        }
        Ways::everybody(match effect {
            // A boundary is never spared (rule 18).
            Effect::Deny if bounded => Tri::True,
            Effect::Deny => self.spares(who).negate(),
            Effect::Allow => self.ways(who).tri().negate(),
        })
    }

    /// How the entries name the caller: for certain, and perhaps more closely.
    fn ways(&self, who: &Who) -> Ways {
        let mut ways = if self.anyone { Ways::ANYONE } else { Ways::NOBODY };
        for (named, tri) in self.entries.iter().filter_map(|entry| entry.names(who)) {
            let best = if tri == Tri::True {
                &mut ways.sure
            } else {
                &mut ways.perhaps
            };
            *best = (*best).max(Some(named));
        }
        if ways.perhaps <= ways.sure {
            ways.perhaps = None;
        }
        ways
    }

    /// Whether `NotPrincipal` of a `Deny` spares the caller: its account, role and session must each be listed where
    /// they apply (rule 18).
    fn spares(&self, who: &Who) -> Tri {
        if self.anyone {
            return Tri::True;
        }
        let lists = |wanted: NamedSet| {
            let ways = self.entries.iter().filter_map(|entry| entry.names(who));
            ways.filter(|(named, _)| wanted.meets(NamedSet::of(*named)))
                .map(|(_, tri)| tri)
                .fold(Tri::False, Tri::or)
        };
        let of = NamedSet::of;
        match who.kind {
            CallerKind::Role | CallerKind::RoleSession => lists(of(Named::Account))
                .and(lists(of(Named::Role)))
                .and(lists(of(Named::Session))),
            CallerKind::User | CallerKind::FederatedUser => {
                lists(of(Named::Account)).and(lists(of(Named::Directly).and(Named::FederatingUser)))
            }
            CallerKind::Account => lists(of(Named::Account)).and(Tri::Unknown),
            CallerKind::Root | CallerKind::Service | CallerKind::Federated | CallerKind::Anonymous => {
                lists(of(Named::Directly).and(Named::Account))
            }
        }
    }
}
