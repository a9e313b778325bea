//! Evidence onto authority paths: of each hop, whether anybody was seen to take it; of the whole path, how often somebody
//! who started at its origin came along this chain to its end.
//!
//! A hop is about its two ends, whoever was before; a path's `execution_30d` counts only sessions whose whole chain is the
//! path's. Where the records could not have shown a use, nothing is said of it but that.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_iam::name::Arn;
use sv0_model::graph::{Confidence, Graph};
use sv0_model::kind::{EdgeKind, Kind};
use sv0_model::path::{EntityRef, Hop, Path};

use crate::action::{self, Recorded};
use crate::event::Outcome;
use crate::evidence::{Evidence, SessionId, Use};
use crate::id::EventId;
use crate::names::{same, within};
use crate::origin::Origin;
use crate::time::{DAY, Time};
use crate::visible::{Sight, Sights};

/// What the records say of a hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
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
    /// It is no action of anybody (a membership, a configuration), or none that is looked for in records.
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
    /// Resources that data events are kept of, whoever caused them; in order.
    kept: Vec<&'a str>,
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
            kept: Vec::new(),
            chains: FxHashMap::default(),
        };
        for one in evidence.uses() {
            if one.resource != "*"
                && action::actions(one.source, one.name)
                    .first()
                    .is_some_and(|action| action::recorded(action) == Recorded::Data)
            {
                joined.kept.push(one.resource);
            }
            if one.outcome != Outcome::Success {
                continue;
            }
            joined.by_principal.entry(one.principal).or_default().push(one);
            if one.source == "sts.amazonaws.com" && one.name.starts_with("AssumeRole") {
                joined.by_role.entry(one.resource).or_default().push(one);
            }
        }
        joined.kept.sort_unstable();
        joined.kept.dedup();
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
        let (target, actions) = (path.target.id.clone(), path.actions.clone());
        // Who acts: a member of a group acts himself, with what the group has.
        let mut who = path.origin.clone();
        // Since when one chain of credentials leads on: what runs because somebody called it has credentials of its own.
        let mut began = Some(path.origin.clone());
        let mut start = path.origin.clone();
        let mut roles = Vec::new();
        let mut user = None;
        let last = path.hops.len().saturating_sub(1);
        for (at, hop) in path.hops.iter_mut().enumerate() {
            let reaches = at == last && hop.edge == EdgeKind::CanAccess && hop.to.id == target;
            let own: Vec<String> = hop.action.iter().cloned().collect();
            let found = self.hop(hop, &who, if reaches { &actions } else { &own });
            hop.evidence = serde_json::to_value(found).ok();
            if reaches {
                user = Some(who.clone());
                continue;
            }
            match hop.edge {
                EdgeKind::MemberOf => {}
                EdgeKind::Assumes | EdgeKind::RunsAs | EdgeKind::Assigned => {
                    who = hop.to.clone();
                    roles.push(hop.to.id.clone());
                }
                _ => {
                    who = hop.to.clone();
                    start = hop.to.clone();
                    began = None;
                    roles.clear();
                }
            }
        }
        let (Some(user), Some(last)) = (user, path.hops.last()) else {
            return;
        };
        let window = self.evidence.window();
        // Counts have no days: where the window is longer, a number for 30 days cannot be told from them.
        let month = window.until.0.saturating_sub(window.since.0) <= 30 * DAY;
        let (mut count, mut latest, mut by_nobody_known) = (0, None, false);
        for one in self.uses_of(&user.id, &target, &actions) {
            if self.came_along(&start, &roles, one.session) {
                count += one.count;
                latest = latest.max(Some(one.last));
            } else {
                by_nobody_known |= !self.evidence.origin(one.session).is_known();
            }
        }
        if count == 0 && by_nobody_known {
            // The end was used, and this may have been the way.
            return;
        }
        // Nothing seen is nothing done only where every use of this very resource is kept.
        let seen = self.sight(last, &actions) == Sight::Recorded;
        if began.is_none() && count > 0 {
            // The end was used, and no record tells on whose account what runs there was set in motion.
            return;
        }
        path.last_execution_at = latest.map(|time| time.to_string());
        path.execution_30d = (month && (seen || count > 0)).then_some(count);
    }

    /// What the records say of one hop; `who` takes it, its first end or a member of that group, by one of the actions.
    #[must_use]
    pub fn hop(&self, hop: &Hop, who: &EntityRef, actions: &[String]) -> HopEvidence {
        match hop.edge {
            EdgeKind::Assumes | EdgeKind::RunsAs | EdgeKind::Assigned => {
                let sight = self.sights.of(&accounts(hop), "sts:AssumeRole");
                found(self.assumed(hop, who), sight)
            }
            EdgeKind::CanAccess | EdgeKind::Invokes | EdgeKind::SendsTo | EdgeKind::PushTo
                if matches!(who.kind, Kind::IamRole | Kind::IamUser) && !actions.is_empty() =>
            {
                found(
                    self.uses_of(&who.id, &hop.to.id, actions),
                    self.sight(hop, actions),
                )
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
        // A path is used by any of its actions; on what holds data, those that leave data events are what matters.
        let data: Vec<&String> = actions
            .iter()
            .filter(|one| action::recorded(one) == Recorded::Data)
            .collect();
        let asked: Vec<&String> = if data.is_empty() {
            actions.iter().collect()
        } else {
            data
        };
        let sight = asked
            .into_iter()
            .map(|one| self.sights.of(&accounts, one))
            .min()
            .unwrap_or(Sight::NeverRecorded);
        match sight {
            Sight::InPart if self.keeps(&hop.to.id) => Sight::Recorded,
            other => other,
        }
    }

    /// Whether somebody's data events on a resource, or on a part of it, are here.
    fn keeps(&self, resource: &str) -> bool {
        let from = self.kept.partition_point(|kept| *kept < resource);
        let below = self.kept.get(from..).unwrap_or_default();
        below
            .iter()
            .take_while(|kept| kept.starts_with(resource))
            .any(|kept| within(resource, kept))
    }

    /// Whether a caller is what an id or name of the configuration means.
    fn is(&self, session: SessionId, principal: &str, who: &EntityRef) -> bool {
        principal == who.id || starts(self.evidence.origin(session), who)
    }

    /// Whether a session came from a start by these roles, one after another.
    fn came_along(&self, start: &EntityRef, roles: &[String], session: SessionId) -> bool {
        const NONE: &[String] = &[];
        let chain = self.chains.get(&session).map_or(NONE, Vec::as_slice);
        // The chain's last role is the caller's own; what came before the start is not asked about.
        let Some(before) = chain.len().checked_sub(roles.len()) else {
            return false;
        };
        let same_roles = chain.iter().skip(before).eq(roles);
        let began = match before.checked_sub(1).and_then(|at| chain.get(at)) {
            Some(before) => *before == start.id,
            None => {
                let itself = roles.is_empty() && self.evidence.principal(session) == start.id;
                itself || starts(self.evidence.origin(session), start)
            }
        };
        same_roles && began
    }
}

/// Whether an origin of a chain is what an entity of the configuration means. Some services name a session after the very
/// thing that runs; of others, and of providers, the records tell only which it is.
fn starts(origin: &Origin, who: &EntityRef) -> bool {
    let id = who.id.as_str();
    let arn = Arn::parse(id);
    let service = arn.map_or("", |arn| arn.service);
    let is_service = |name: &str| name.strip_suffix(".amazonaws.com") == Some(service);
    match origin {
        Origin::User { arn } => arn == id,
        Origin::Root { account } => arn.is_some_and(|arn| arn.account == account && arn.resource == "root"),
        Origin::IdentityCenter { name } => *name == who.name || who.kind == Kind::SamlProvider,
        Origin::Saml { .. } => who.kind == Kind::SamlProvider,
        Origin::Oidc { provider, subject } => {
            // `system:serviceaccount:namespace:name`
            let account = subject
                .strip_prefix("system:serviceaccount:")
                .map(|name| name.replace(':', "/"));
            who.kind == Kind::OidcProvider && id.ends_with(provider.as_str())
                || subject == id
                || account.is_some_and(|name| id.ends_with(&name))
        }
        Origin::Workload {
            service: giver,
            name,
            account,
            ..
        } => {
            let here = account.is_empty() || arn.is_none_or(|arn| arn.account == account);
            let named = id
                .strip_suffix(name.as_str())
                .is_some_and(|head| head.ends_with([':', '/']));
            // A task's session is named after the task, of which the configuration knows the definition only; that of a
            // certificate after its serial number.
            let kind = giver == "ecs-tasks.amazonaws.com" && service == "ecs"
                || giver == "rolesanywhere.amazonaws.com" && is_service(giver);
            here && (named || kind)
        }
        Origin::External { account, .. } => id == account || arn.is_some_and(|arn| arn.account == account),
        Origin::Service { name } => is_service(name) || id == name,
        Origin::Anonymous => who.kind == Kind::Anonymous,
        Origin::Ambiguous { .. } | Origin::Unknown { .. } => false,
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
