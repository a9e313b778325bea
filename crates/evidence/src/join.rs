//! Evidence onto authority paths: of each hop, whether anybody was seen to take it; of the whole path, how often somebody
//! who started at its origin came along this chain to its end.
//!
//! A hop is about its two ends, whoever was before; a path's `execution_30d` counts only sessions whose whole chain is the
//! path's. Where the records could not have shown a use, nothing is said of it but that.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use serde::Serialize;
use sv0_model::graph::{Confidence, Graph};
use sv0_model::kind::EdgeKind;
use sv0_model::path::{EntityRef, Hop, Path};

use crate::action;
use crate::event::Outcome;
use crate::evidence::{Evidence, SessionId, Use};
use crate::id::EventId;
use crate::names::{same, within};
use crate::origin::Origin;
use crate::time::{DAY, Time};
use crate::visible::{Sight, Sights};

/// What the records say of a hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum HopEvidence {
    /// It was taken.
    Seen {
        /// How often.
        count: u64,
        /// First.
        first: Time,
        /// Last.
        last: Time,
        /// The record of the last time.
        event: EventId,
        /// With which actions.
        actions: BTreeSet<&'static str>,
    },
    /// It would have been recorded, and was not.
    NotSeen {
        /// How much that is worth: `high`, or `medium` where the records may not cover every resource.
        confidence: &'static str,
    },
    /// The records could not have shown it.
    CannotBeSeen {
        /// Why.
        why: &'static str,
    },
    /// It is no action of anybody: a membership, a configuration.
    NoEvent,
}

/// Evidence, ready to be asked by principal and by role.
pub struct Joined<'a> {
    evidence: &'a Evidence,
    sights: &'a Sights,
    /// Successful uses by principal.
    by_principal: FxHashMap<&'a str, Vec<Use<'a>>>,
    /// Calls that gave out a role's credentials, by the role as the record names it.
    by_role: FxHashMap<&'a str, Vec<Use<'a>>>,
    /// For each session: the principals of its chain, from the first role on.
    chains: FxHashMap<SessionId, Vec<String>>,
}

impl<'a> Joined<'a> {
    /// Indexes.
    #[must_use]
    pub fn new(evidence: &'a Evidence, sights: &'a Sights) -> Self {
        let mut joined = Self {
            evidence,
            sights,
            by_principal: FxHashMap::default(),
            by_role: FxHashMap::default(),
            chains: FxHashMap::default(),
        };
        for one in evidence.uses().filter(|one| one.outcome == Outcome::Success) {
            joined.by_principal.entry(one.principal).or_default().push(one);
            if one.source == "sts.amazonaws.com" && one.name.starts_with("AssumeRole") {
                joined.by_role.entry(one.resource).or_default().push(one);
            }
        }
        for session in evidence.sessions() {
            let hops = evidence.hops(session);
            if !hops.is_empty() {
                joined
                    .chains
                    .insert(session, hops.into_iter().map(|hop| hop.to).collect());
            }
        }
        joined
    }

    /// Fills in a path's evidence.
    pub fn annotate(&self, path: &mut Path) {
        let actions = path.actions.clone();
        let target = path.target.id.clone();
        // Who acts: a member of a group acts himself, with what the group has.
        let mut who = path.origin.clone();
        for hop in &mut path.hops {
            let found = self.hop(hop, &who, &target, &actions);
            hop.evidence = serde_json::to_value(found).ok();
            if hop.edge != EdgeKind::MemberOf {
                who = hop.to.clone();
            }
        }
        let Some(last) = path.hops.last().filter(|hop| hop.edge == EdgeKind::CanAccess) else {
            return;
        };
        let who = path
            .hops
            .iter()
            .rev()
            .skip(1)
            .find(|hop| hop.edge != EdgeKind::MemberOf)
            .map_or(&path.origin, |hop| &hop.to);
        let window = self.evidence.window();
        // Counts have no days: where the window is longer, a number for 30 days cannot be told from them.
        let month = window.until.0.saturating_sub(window.since.0) <= 30 * DAY;
        let mine = self
            .uses_of(&who.id, &target, &actions)
            .filter(|one| self.came_along(path, one.session));
        let (count, latest) = mine.fold((0_u64, None), |(count, latest): (u64, Option<Time>), one| {
            (count + one.count, latest.max(Some(one.last)))
        });
        let seen = self.sight(last, &actions).can_be_seen();
        path.last_execution_at = latest.map(|time| time.to_string());
        path.execution_30d = (month && (seen || count > 0)).then_some(count);
    }

    /// What the records say of one hop; `who` takes it: its first end, or a member of that group.
    #[must_use]
    pub fn hop(&self, hop: &Hop, who: &EntityRef, target: &str, actions: &[String]) -> HopEvidence {
        match hop.edge {
            EdgeKind::CanAccess => {
                let sight = self.sight(hop, actions);
                found(self.uses_of(&who.id, target, actions), sight)
            }
            EdgeKind::Assumes | EdgeKind::RunsAs => {
                let sight = self.sights.of(&accounts(hop), "sts:AssumeRole");
                found(self.assumed(hop, who), sight)
            }
            _ => HopEvidence::NoEvent,
        }
    }

    /// Calls by which the hop's first end got the credentials of its second.
    fn assumed<'h>(&'h self, hop: &'h Hop, who: &'h EntityRef) -> impl Iterator<Item = Use<'a>> + 'h {
        let role = hop.to.id.as_str();
        let of_role = self
            .by_role
            .iter()
            .filter(move |(recorded, _)| same(role, recorded));
        of_role
            .flat_map(|(_, uses)| uses.iter().copied())
            .filter(move |one| self.is(one.session, one.principal, who))
    }

    /// Uses of the target by the last principal of a path.
    fn uses_of<'h>(
        &'h self,
        who: &'h str,
        target: &'h str,
        actions: &'h [String],
    ) -> impl Iterator<Item = Use<'a>> + 'h {
        let all = self.by_principal.get(who).map(Vec::as_slice).unwrap_or_default();
        all.iter().copied().filter(move |one| {
            within(target, one.resource)
                && action::actions(one.source, one.name)
                    .iter()
                    .any(|used| lists(actions, used))
        })
    }

    fn sight(&self, hop: &Hop, actions: &[String]) -> Sight {
        let accounts = accounts(hop);
        // A path is used by any of its actions, so the one that is seen best counts; without data events on a thing that
        // holds data, what is seen of it is its configuration.
        let data: Vec<&String> = actions
            .iter()
            .filter(|one| action::recorded(one) == action::Recorded::Data)
            .collect();
        let asked: Vec<&String> = if data.is_empty() {
            actions.iter().collect()
        } else {
            data
        };
        asked
            .into_iter()
            .map(|one| self.sights.of(&accounts, one))
            .min()
            .unwrap_or(Sight::NeverRecorded)
    }

    /// Whether a caller is what an id or name of the configuration means.
    fn is(&self, session: SessionId, principal: &str, who: &EntityRef) -> bool {
        principal == who.id || starts(self.evidence.origin(session), &who.id, &who.name)
    }

    /// Whether a session came by the chain of a path, from its origin.
    fn came_along(&self, path: &Path, session: SessionId) -> bool {
        const NONE: &[String] = &[];
        let chain = self.chains.get(&session).map_or(NONE, Vec::as_slice);
        let roles: Vec<&str> = path
            .hops
            .iter()
            .filter(|hop| matches!(hop.edge, EdgeKind::Assumes | EdgeKind::RunsAs))
            .map(|hop| hop.to.id.as_str())
            .collect();
        let (origin, name) = (path.origin.id.as_str(), path.origin.name.as_str());
        // The chain's last role is the principal's own; what came before a path's origin is not the path's.
        let same_roles = chain.len() >= roles.len()
            && chain
                .iter()
                .rev()
                .zip(roles.iter().rev())
                .all(|(seen, wanted)| seen == wanted);
        let before = chain.len().saturating_sub(roles.len());
        let began = match before.checked_sub(1).and_then(|at| chain.get(at)) {
            Some(before) => before == origin,
            None => {
                self.evidence.principal(session) == origin && roles.is_empty()
                    || starts(self.evidence.origin(session), origin, name)
            }
        };
        same_roles && began
    }
}

/// Whether an origin of a chain is what an id or name of the configuration means.
fn starts(origin: &Origin, id: &str, name: &str) -> bool {
    match origin {
        Origin::User { arn } => arn == id,
        Origin::Root { account } => id.ends_with(":root") && id.contains(account.as_str()),
        Origin::IdentityCenter { name: person } => person == name || id.ends_with(person.as_str()),
        Origin::Workload {
            name: workload,
            account,
            ..
        } => {
            let ends = id
                .strip_suffix(workload.as_str())
                .is_some_and(|head| head.ends_with([':', '/']));
            ends && (account.is_empty() || id.contains(account.as_str()))
        }
        Origin::Oidc { subject, .. } | Origin::Saml { subject, .. } => {
            id == subject || id.ends_with(subject.as_str())
        }
        Origin::External { account, principal } => {
            id.contains(account.as_str()) && (id.ends_with(":root") || id.contains(principal.as_str()))
        }
        Origin::Service { name: service } => id == service,
        Origin::Anonymous | Origin::Ambiguous { .. } | Origin::Unknown { .. } => false,
    }
}

/// The accounts in whose trails a hop would stand.
fn accounts(hop: &Hop) -> Vec<&str> {
    [&hop.from.account, &hop.to.account]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect()
}

/// Whether a list of actions, which may hold patterns, has one.
fn lists(actions: &[String], used: &str) -> bool {
    actions.iter().any(|one| {
        one.eq_ignore_ascii_case(used)
            || one.contains(['*', '?']) && sv0_iam::name::ActionPattern::new(one).matches(used)
    })
}

fn found<'u>(uses: impl Iterator<Item = Use<'u>>, sight: Sight) -> HopEvidence {
    let mut seen: Option<(u64, Time, Time, EventId, BTreeSet<&'static str>)> = None;
    for one in uses {
        let (count, first, last, event, actions) =
            seen.get_or_insert_with(|| (0, one.first, one.last, one.event, BTreeSet::new()));
        *count += one.count;
        *first = (*first).min(one.first);
        if (one.last, std::cmp::Reverse(one.event)) > (*last, std::cmp::Reverse(*event)) {
            (*last, *event) = (one.last, one.event);
        }
        actions.extend(action::actions(one.source, one.name));
    }
    match seen {
        Some((count, first, last, event, actions)) => HopEvidence::Seen {
            count,
            first,
            last,
            event,
            actions,
        },
        None if sight.can_be_seen() => HopEvidence::NotSeen {
            confidence: sight.confidence(),
        },
        None => HopEvidence::CannotBeSeen { why: sight.words() },
    }
}

/// Puts an EXECUTED edge into the graph for each principal and resource that are in it and where the one was seen to use
/// the other; gives how many.
pub fn executed(evidence: &Evidence, graph: &mut Graph) -> usize {
    let mut seen: FxHashMap<(&str, &str), (u64, Time)> = FxHashMap::default();
    for one in evidence
        .uses()
        .filter(|one| one.outcome == Outcome::Success && one.resource != "*")
    {
        let (count, last) = seen.entry((one.principal, one.resource)).or_insert((0, one.last));
        *count += one.count;
        *last = (*last).max(one.last);
    }
    let mut edges: FxHashMap<_, (u64, Time)> = FxHashMap::default();
    for ((principal, resource), (count, last)) in seen {
        let Some(from) = graph.find(principal) else {
            continue;
        };
        // A part of a resource is its use: the longest beginning of the ARN that is in the graph.
        let mut name = resource;
        let to = loop {
            if let Some(found) = graph.find(name) {
                break Some(found);
            }
            match name.rfind(['/', ':']).and_then(|at| name.get(..at)) {
                Some(shorter) if shorter.matches(':').count() >= 5 => name = shorter,
                _ => break None,
            }
        };
        if let Some(to) = to {
            let (all, latest) = edges.entry((from, to)).or_insert((0, last));
            *all += count;
            *latest = (*latest).max(last);
        }
    }
    let mut edges: Vec<_> = edges.into_iter().collect();
    edges.sort_unstable_by_key(|(ends, _)| *ends);
    for ((from, to), (count, last)) in &edges {
        let note = Some(format!("{count} times, last {last}"));
        graph.connect(EdgeKind::Executed, *from, *to, Confidence::Certain, note);
    }
    edges.len()
}
