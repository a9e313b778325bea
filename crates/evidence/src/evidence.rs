//! What comes out of an aggregation: who did what to which resource, how often, from when to when; and each session's
//! chain.

use schemars::JsonSchema;
use serde::Serialize;

use crate::event::Outcome;
use crate::fold::{Count, Mint, Totals, split_detail};
use crate::id::EventId;
use crate::identity::IdentityType;
use crate::intern::Texts;
use crate::origin::{Hop, Origin};
use crate::resolve::Session;
use crate::time::{Time, Window};

/// All that the records of a window say: the same counts whatever the order in which they came.
pub struct Evidence {
    window: Window,
    totals: Totals,
    texts: Texts,
    calls: Vec<(u32, u32)>,
    sessions: Vec<Session>,
    origins: Vec<Origin>,
    mints: Vec<Mint>,
    of_actor: Vec<u32>,
    rows: Vec<Row>,
    visible: Vec<Visible>,
}

/// A count, in numbers of texts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) session: u32,
    pub(crate) call: u32,
    pub(crate) resource: u32,
    /// The service for which the call was made, and how it ended.
    pub(crate) detail: u32,
    pub(crate) count: Count,
}

impl Row {
    /// What is counted together.
    pub(crate) fn group(&self) -> (u32, u32, u32, u32) {
        (self.session, self.call, self.resource, self.detail)
    }
}

/// A kind of event that the trails here are seen to keep.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Visible {
    /// The account in whose trail it stands.
    pub account: String,
    /// `eventSource`.
    pub source: String,
    /// Whether as data events.
    pub data: bool,
    /// Whether they only read.
    pub read_only: bool,
    /// The first.
    pub first: Time,
    /// The last.
    pub last: Time,
}

/// One count: who did what to which resource.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// The session that did it; see [`Evidence::hops`].
    pub session: SessionId,
    /// The role, user, service or subject: an ARN where there is one.
    pub principal: &'a str,
    /// `eventSource`, such as `s3.amazonaws.com`.
    pub source: &'a str,
    /// `eventName`.
    pub name: &'a str,
    /// The resource's ARN, or `*` where the record names none.
    pub resource: &'a str,
    /// The service that made the call for the principal; empty where it did so itself.
    pub via: &'a str,
    /// How the calls ended.
    pub outcome: Outcome,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Time,
    /// The last.
    pub last: Time,
    /// From where the last one came.
    pub address: &'a str,
    /// The last one's record.
    pub event: EventId,
}

/// Names a session of an [`Evidence`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u32);

impl Evidence {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one value, made in one place"
    )]
    pub(crate) fn new(
        window: Window,
        totals: Totals,
        texts: Texts,
        calls: Vec<(u32, u32)>,
        sessions: Vec<Session>,
        origins: Vec<Origin>,
        mints: Vec<Mint>,
        of_actor: Vec<u32>,
        rows: Vec<Row>,
        visible: Vec<Visible>,
    ) -> Self {
        let mut evidence = Self {
            window,
            totals,
            texts,
            calls,
            sessions,
            origins,
            mints,
            of_actor,
            rows,
            visible,
        };
        evidence.visible.sort();
        evidence
    }

    fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(id.0 as usize)
    }

    fn view<'a>(&'a self, row: &Row) -> Use<'a> {
        let (source, name) = self.calls.get(row.call as usize).copied().unwrap_or((0, 0));
        let (via, outcome) = split_detail(row.detail);
        let principal = self
            .sessions
            .get(row.session as usize)
            .map_or(0, |session| session.key.principal);
        Use {
            session: SessionId(row.session),
            principal: self.texts.get(principal),
            source: self.texts.get(source),
            name: self.texts.get(name),
            resource: self.texts.get(row.resource),
            via: self.texts.get(via),
            outcome,
            count: row.count.count,
            first: row.count.first,
            last: row.count.last,
            address: self.texts.get(row.count.address),
            event: row.count.event,
        }
    }

    /// The window.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// What was read, in numbers.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// All counts, one for each session, call, resource, outcome and service; in no order that means anything.
    pub fn uses(&self) -> impl ExactSizeIterator<Item = Use<'_>> {
        self.rows.iter().map(|row| self.view(row))
    }

    /// What the trails here are seen to keep.
    #[must_use]
    pub fn visible(&self) -> &[Visible] {
        &self.visible
    }

    /// All sessions.
    pub fn sessions(&self) -> impl ExactSizeIterator<Item = SessionId> {
        (0..u32::try_from(self.sessions.len()).unwrap_or(u32::MAX)).map(SessionId)
    }

    /// Who was at the start of a session's chain.
    #[must_use]
    pub fn origin(&self, session: SessionId) -> &Origin {
        const NOBODY: &Origin = &Origin::Unknown {
            why: crate::origin::Why::NoIdentity,
        };
        self.session(session)
            .and_then(|session| self.origins.get(session.origin as usize))
            .unwrap_or(NOBODY)
    }

    /// What kind of caller a session is.
    #[must_use]
    pub fn kind(&self, session: SessionId) -> IdentityType {
        self.session(session)
            .map_or(IdentityType::Unknown, |session| session.key.kind)
    }

    /// The role, user, service or subject of a session.
    #[must_use]
    pub fn principal(&self, session: SessionId) -> &str {
        self.session(session)
            .map_or("", |session| self.texts.get(session.key.principal))
    }

    /// `AROA…:name` of a role's session.
    #[must_use]
    pub fn principal_id(&self, session: SessionId) -> &str {
        self.session(session)
            .map_or("", |session| self.texts.get(session.key.principal_id))
    }

    /// The session's access key: of a role the temporary one, where a call here gave it out; of a user a lasting one.
    #[must_use]
    pub fn access_key(&self, session: SessionId) -> &str {
        self.session(session)
            .map_or("", |session| self.texts.get(session.key.key))
    }

    /// When a session began.
    #[must_use]
    pub fn created(&self, session: SessionId) -> Option<Time> {
        self.session(session)
            .map(|session| session.key.created)
            .filter(|created| *created != Time::MIN)
    }

    /// `sourceIdentity`, which the first caller of a chain may set and nobody after can change. It confirms an origin.
    #[must_use]
    pub fn source_identity(&self, session: SessionId) -> &str {
        self.session(session)
            .map_or("", |session| self.texts.get(session.source_identity))
    }

    /// The calls that gave out credentials, from the origin to the session. Empty for whoever has lasting ones.
    #[must_use]
    pub fn hops(&self, session: SessionId) -> Vec<Hop> {
        let mut hops = Vec::new();
        let mut at = session.0;
        while let Some((session, (mint, link))) =
            self.sessions.get(at as usize).and_then(|s| Some((s, s.parent?)))
        {
            let Some(mint) = self.mints.get(mint as usize) else {
                break;
            };
            let Some(from) = self.of_actor.get(mint.actor as usize).copied() else {
                break;
            };
            hops.push(Hop {
                mechanism: mint.mechanism,
                event: mint.event,
                time: mint.time,
                from: self.principal(SessionId(from)).to_owned(),
                to: self.texts.get(session.key.principal).to_owned(),
                link,
            });
            at = from;
            // As long as the resolver would follow it.
            if hops.len() >= 12 {
                break;
            }
        }
        hops.reverse();
        hops
    }
}
