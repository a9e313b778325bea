//! Sessions → the calls that gave them their credentials → who was at the start.
//!
//! Everything is indexed first and looked up after, so that no order counts: a call can be delivered after the use of its
//! credentials, in the object of another region. Two links are used. The access key that a call gave out; and, because the
//! console and Identity Center hand on other keys, the role's id with the session's name and the second in which it began.
//! Neither is unique for ever: key ids are used again, and two callers can choose one name in one second. So the key
//! counts only with the same session and, where one key was given out more than once, with the time; and where several
//! calls are left, none is picked.
//!
//! Source: IAM User Guide, "Monitor and control actions taken with assumed roles"; CloudTrail User Guide, "Logging IAM and
//! AWS STS API calls"; measured on public trails (docs/evidence.md).

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::fold::{Actor, Mint, is_identity_center};
use crate::id::EventId;
use crate::identity::IdentityType;
use crate::intern::Texts;
use crate::mint::Mechanism;
use crate::origin::{Link, Origin, Why};
use crate::time::Time;

/// Roles can be chained without end; a session of a chained role lasts an hour, and no real chain comes near this.
const LONGEST: usize = 12;
/// By so much may the two records of one moment differ.
const SLACK: u32 = 2;
/// What tells one session from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    pub(crate) kind: IdentityType,
    /// The number of the principal's text.
    pub(crate) principal: u32,
    pub(crate) principal_id: u32,
    pub(crate) key: u32,
    pub(crate) created: Time,
    /// The subject, workload, or id in another account.
    pub(crate) subject: u32,
    /// The provider, or the workload's region.
    pub(crate) provider: u32,
    /// The workload's account.
    pub(crate) account: u32,
}

/// A session, with what of it the resolution needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    pub(crate) key: SessionKey,
    pub(crate) actor: Actor,
    /// The user of Identity Center for whom it acts; not every record has it.
    pub(crate) person: u32,
    pub(crate) source_identity: u32,
    /// The mint it comes from, and how that is known.
    pub(crate) parent: Option<(u32, Link)>,
    pub(crate) origin: u32,
}

/// Mints, each once.
pub(crate) struct Mints {
    pub(crate) all: Vec<Mint>,
    by_key: FxHashMap<u32, SmallVec<[u32; 1]>>,
    by_session: FxHashMap<(u32, Time), SmallVec<[u32; 1]>>,
}

impl Mints {
    /// The two accounts' copies of one call are one; the caller's copy says who called.
    pub(crate) fn new(all: impl Iterator<Item = Mint>, actor: impl Fn(u32) -> Option<Actor>) -> Self {
        /// Whether it is only the owner's copy; its id.
        type Rank = (bool, EventId);
        let mut best: FxHashMap<(u32, u32, Time, Mechanism), (Rank, Mint)> = FxHashMap::default();
        for mint in all {
            let owners = actor(mint.actor).is_none_or(|actor| actor.kind == IdentityType::AwsAccount);
            let rank = (owners, mint.event);
            best.entry((mint.key, mint.session, mint.time, mint.mechanism))
                .and_modify(|old| {
                    if rank < old.0 {
                        *old = (rank, mint);
                    }
                })
                .or_insert((rank, mint));
        }
        let mut all: Vec<Mint> = best.into_values().map(|(_, mint)| mint).collect();
        all.sort_by_key(|mint| (mint.time, mint.event));
        let (mut by_key, mut by_session) = (FxHashMap::default(), FxHashMap::default());
        for (at, mint) in all.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            if mint.key != 0 {
                by_key.entry(mint.key).or_insert_with(SmallVec::new).push(at);
            }
            if mint.session != 0 {
                by_session
                    .entry((mint.session, mint.time))
                    .or_insert_with(SmallVec::new)
                    .push(at);
            }
        }
        Self {
            all,
            by_key,
            by_session,
        }
    }

    /// Whether some call gave out this key.
    pub(crate) fn has_key(&self, key: u32) -> bool {
        self.by_key.contains_key(&key)
    }

    fn get(&self, at: u32) -> Option<&Mint> {
        self.all.get(at as usize)
    }
}

/// Sessions and the calls that could have given them their credentials.
type Several = FxHashMap<usize, SmallVec<[u32; 2]>>;

/// What a search for a session's mint comes to.
enum Parent {
    Found(u32, Link),
    Several(SmallVec<[u32; 2]>),
    None,
}

/// Finds the mint of every session that has one, and every origin.
pub(crate) struct Resolver<'a> {
    pub(crate) texts: &'a Texts,
    pub(crate) mints: &'a Mints,
    /// The session that each actor belongs to.
    pub(crate) of_actor: &'a [u32],
    /// `AROA…` and `AIDA…` → ARN.
    pub(crate) names: &'a FxHashMap<u32, u32>,
    /// Accounts whose trails are here.
    pub(crate) accounts: &'a FxHashSet<u32>,
    /// The first record.
    pub(crate) first: Time,
}

impl Resolver<'_> {
    /// Fills in the parents of sessions, and gives the origins, each with its number in the sessions.
    pub(crate) fn run(&self, sessions: &mut [Session]) -> Vec<Origin> {
        let used: FxHashSet<u32> = sessions
            .iter()
            .map(|session| session.key.key)
            .filter(|key| *key != 0)
            .collect();
        let mut several = Several::default();
        for (at, session) in sessions.iter_mut().enumerate() {
            if !session.actor.has_parent() {
                continue;
            }
            match self.parent(session, &used) {
                Parent::Found(mint, link) => session.parent = Some((mint, link)),
                Parent::Several(mints) => {
                    several.insert(at, mints);
                }
                Parent::None => {}
            }
        }
        let mut numbers: FxHashMap<Origin, u32> = FxHashMap::default();
        let mut origins = Vec::new();
        let found: Vec<u32> = (0..sessions.len())
            .map(|at| {
                let origin = self.origin(at, sessions, &several, 0);
                *numbers.entry(origin).or_insert_with_key(|origin| {
                    origins.push(origin.clone());
                    u32::try_from(origins.len() - 1).unwrap_or(u32::MAX)
                })
            })
            .collect();
        for (session, origin) in sessions.iter_mut().zip(found) {
            session.origin = origin;
        }
        origins
    }

    fn parent(&self, session: &Session, used: &FxHashSet<u32>) -> Parent {
        let SessionKey {
            key,
            principal_id,
            created,
            ..
        } = session.key;
        if let Some(found) = self.mints.by_key.get(&key).filter(|_| key != 0) {
            // EC2's own calls do not name the session; then the role must be the one.
            let is_of = |mint: &Mint| match mint.session {
                0 => mint.role == 0 || session.actor.issuer == 0 || mint.role == session.actor.issuer,
                named => named == principal_id,
            };
            let same: SmallVec<[u32; 2]> = found
                .iter()
                .copied()
                .filter(|at| self.mints.get(*at).is_some_and(is_of))
                .collect();
            let within = |slack: u32| -> SmallVec<[u32; 2]> {
                let near = |at: &u32| {
                    self.mints
                        .get(*at)
                        .is_some_and(|mint| mint.time.0.abs_diff(created.0) <= slack)
                };
                same.iter().copied().filter(near).collect()
            };
            let candidates = match created {
                Time::MIN => same,
                _ => [within(0), within(SLACK)]
                    .into_iter()
                    .find(|some| !some.is_empty())
                    .unwrap_or_default(),
            };
            match candidates.as_slice() {
                [] => {}
                [one] => return Parent::Found(*one, Link::AccessKey),
                _ => return Parent::Several(candidates),
            }
        }
        if created == Time::MIN || principal_id == 0 {
            return Parent::None;
        }
        let candidates: SmallVec<[u32; 2]> = self
            .mints
            .by_session
            .get(&(principal_id, created))
            .into_iter()
            .flatten()
            .copied()
            // Another call gave out this session's key, which then is no help; a call whose own key is in use was not it.
            .filter(|at| {
                key == 0
                    || self
                        .mints
                        .get(*at)
                        .is_some_and(|mint| mint.key == key || !used.contains(&mint.key))
            })
            .collect();
        match candidates.as_slice() {
            [] => Parent::None,
            [one] => Parent::Found(*one, Link::SessionAndTime),
            _ => Parent::Several(candidates),
        }
    }

    /// `several`: for sessions that more than one call could have given their credentials, these calls.
    fn origin(&self, at: usize, sessions: &[Session], several: &Several, depth: usize) -> Origin {
        let Some(session) = sessions.get(at).filter(|_| depth < LONGEST) else {
            return Origin::Unknown { why: Why::TooLong };
        };
        if !session.actor.has_parent() {
            return self.start(&session.actor);
        }
        let caller = |mint: &Mint| {
            let caller = self
                .of_actor
                .get(mint.actor as usize)
                .map_or(usize::MAX, |at| *at as usize);
            self.origin(caller, sessions, several, depth + 1)
        };
        if let Some(mint) = session.parent.and_then(|(mint, _)| self.mints.get(mint)) {
            return caller(mint);
        }
        if let Some(person) = self.person(session) {
            return person;
        }
        if let Some(mints) = several.get(&at) {
            // Whichever of the calls it was: where all of them have one origin, that is it.
            let mut origins = mints.iter().filter_map(|at| self.mints.get(*at)).map(caller);
            if let Some(first) = origins.next()
                && first.is_known()
                && origins.all(|other| other == first)
            {
                return first;
            }
            let mut mints: Vec<EventId> = mints
                .iter()
                .filter_map(|at| self.mints.get(*at))
                .map(|mint| mint.event)
                .collect();
            mints.sort();
            return Origin::Ambiguous { mints };
        }
        let created = session.key.created;
        let why = if created != Time::MIN && created < self.first {
            Why::BeforeRecords
        } else {
            Why::NoMint
        };
        Origin::Unknown { why }
    }

    /// Identity Center names the sessions of its roles after the person, whom nobody else can name so; and tells whom a
    /// session acts for.
    fn person(&self, session: &Session) -> Option<Origin> {
        if is_identity_center(self.texts.get(session.actor.issuer)) {
            let (_, name) = self.texts.get(session.key.principal_id).split_once(':')?;
            return Some(Origin::IdentityCenter {
                name: name.to_owned(),
            });
        }
        (session.person != 0).then(|| Origin::IdentityCenter {
            name: self.texts.get(session.person).to_owned(),
        })
    }

    /// The origin that a caller without a parent is.
    fn start(&self, actor: &Actor) -> Origin {
        let text = |number: u32| self.texts.get(number).to_owned();
        match actor.kind {
            IdentityType::Root => Origin::Root {
                account: text(actor.account),
            },
            IdentityType::IamUser => Origin::User { arn: text(actor.arn) },
            IdentityType::FederatedUser => {
                let issuer = self.texts.get(actor.issuer);
                match issuer.strip_suffix(":root") {
                    Some(_) => Origin::Root {
                        account: text(actor.account),
                    },
                    None if issuer.is_empty() => Origin::Unknown { why: Why::NoIdentity },
                    None => Origin::User {
                        arn: issuer.to_owned(),
                    },
                }
            }
            IdentityType::SamlUser if actor.person != 0 => Origin::IdentityCenter {
                name: text(actor.person),
            },
            IdentityType::SamlUser => Origin::Saml {
                provider: text(actor.provider),
                subject: text(actor.user_name),
            },
            IdentityType::WebIdentityUser => Origin::Oidc {
                provider: text(actor.provider),
                subject: text(actor.user_name),
            },
            IdentityType::IdentityCenterUser => Origin::IdentityCenter {
                name: text(actor.person),
            },
            IdentityType::AwsService => self.service(actor),
            IdentityType::AwsAccount => self.stranger(actor),
            IdentityType::AssumedRole | IdentityType::Unknown => Origin::Unknown { why: Why::NoIdentity },
        }
    }

    fn service(&self, actor: &Actor) -> Origin {
        let text = |number: u32| self.texts.get(number).to_owned();
        match (actor.service, actor.user_name) {
            (0, _) => Origin::Unknown { why: Why::NoIdentity },
            (service, 0) => Origin::Service { name: text(service) },
            (service, name) => Origin::Workload {
                service: text(service),
                name: text(name),
                region: text(actor.provider),
                account: text(actor.account),
            },
        }
    }

    /// The owner's copy of a call from another account.
    fn stranger(&self, actor: &Actor) -> Origin {
        let (account, principal) = (self.texts.get(actor.account), self.texts.get(actor.principal_id));
        if account.eq_ignore_ascii_case("anonymous") || principal.eq_ignore_ascii_case("anonymous_principal")
        {
            return Origin::Anonymous;
        }
        if let Some(arn) = self
            .names
            .get(&actor.principal_id)
            .map(|arn| self.texts.get(*arn))
            && arn.contains(":user/")
        {
            return Origin::User { arn: arn.to_owned() };
        }
        if self.accounts.contains(&actor.account) {
            return Origin::Unknown {
                why: Why::OwnersCopyOnly,
            };
        }
        Origin::External {
            account: account.to_owned(),
            principal: principal.to_owned(),
        }
    }
}
