//! The questions "what was seen?" and "who did that?", by whoever started the chain.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::action;
use crate::event::Outcome;
use crate::evidence::{Evidence, SessionId, Use};
use crate::names::{same, within};
use crate::origin::{Hop, Origin};
use crate::time::Time;

/// Which uses to show. An empty part asks for everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The caller: its ARN, its name, or who started its chain.
    pub principal: Option<String>,
    /// The resource, and what is in it: an ARN, or a name.
    pub resource: Option<String>,
    /// The IAM action, or the name of the event; may hold `*`.
    pub action: Option<String>,
    /// Whether what one chain did with one action to several resources is one line.
    pub together: bool,
}

/// What was done, by whom, on what.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Line {
    /// Who started the chain.
    pub origin: Origin,
    /// The same in words.
    pub who: String,
    /// The role, user or service that called.
    pub principal: String,
    /// From where to where authority went.
    pub chain: Vec<Hop>,
    /// What the first caller of the chain said of itself, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The IAM actions that the call needed; empty where none is known.
    pub actions: Vec<&'static str>,
    /// `eventSource`.
    pub event_source: String,
    /// `eventName`.
    pub event_name: String,
    /// The resource; of several the last.
    pub resource: String,
    /// How many resources.
    pub resources: usize,
    /// How the calls ended.
    pub outcome: Outcome,
    /// The service that made the calls for the principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// How many sessions.
    pub sessions: usize,
    /// How many calls.
    pub count: u64,
    /// The first.
    pub first: Time,
    /// The last.
    pub last: Time,
    /// From where the last one came.
    pub last_address: String,
    /// The record of the last one.
    pub last_event: String,
}

impl Filter {
    fn takes(&self, evidence: &Evidence, one: &Use<'_>) -> bool {
        let principal = self.principal.as_deref().is_none_or(|wanted| {
            let origin = evidence.origin(one.session);
            is_named(one.principal, wanted) || is_named(&origin.to_string(), wanted)
        });
        let resource = self.resource.as_deref().is_none_or(|wanted| {
            same(wanted, one.resource) || within(wanted, one.resource) || is_named(one.resource, wanted)
        });
        let action = self.action.as_deref().is_none_or(|wanted| {
            let pattern = sv0_iam::name::ActionPattern::new(wanted);
            one.name.eq_ignore_ascii_case(wanted)
                || action::actions(one.source, one.name)
                    .iter()
                    .any(|action| pattern.matches(action))
        });
        principal && resource && action
    }
}

/// Whether a text is this, or an ARN of this name.
fn is_named(text: &str, wanted: &str) -> bool {
    text == wanted
        || text
            .strip_suffix(wanted)
            .is_some_and(|head| head.ends_with(['/', ':']))
}

/// Lines for what a filter takes, by origin, chain, call and resource; those that were last first.
#[must_use]
pub fn lines(evidence: &Evidence, filter: &Filter) -> Vec<Line> {
    /// An origin and the ends of each hop.
    type Chain = (String, Vec<String>);
    struct Sum<'a> {
        one: Use<'a>,
        sessions: BTreeSet<SessionId>,
        resources: BTreeSet<&'a str>,
        count: u64,
        first: Time,
    }
    // Sessions of one chain are one line: the chain without its times and records.
    let mut sums: BTreeMap<(Chain, [&str; 5], Outcome), Sum<'_>> = BTreeMap::new();
    let mut chains: FxHashMap<SessionId, Chain> = FxHashMap::default();
    for one in evidence.uses().filter(|one| filter.takes(evidence, one)) {
        let chain = chains
            .entry(one.session)
            .or_insert_with(|| {
                let hops = evidence.hops(one.session);
                let chain = hops
                    .iter()
                    .map(|hop| format!("{}>{}", hop.from, hop.to))
                    .collect();
                (evidence.origin(one.session).to_string(), chain)
            })
            .clone();
        let resource = if filter.together { "" } else { one.resource };
        let key = (
            chain,
            [one.principal, one.source, one.name, resource, one.via],
            one.outcome,
        );
        let sum = sums.entry(key).or_insert_with(|| Sum {
            one,
            sessions: BTreeSet::new(),
            resources: BTreeSet::new(),
            count: 0,
            first: one.first,
        });
        sum.sessions.insert(one.session);
        sum.resources.insert(one.resource);
        sum.count += one.count;
        sum.first = sum.first.min(one.first);
        if (one.last, std::cmp::Reverse(one.event)) > (sum.one.last, std::cmp::Reverse(sum.one.event)) {
            sum.one = one;
        }
    }
    let mut lines: Vec<Line> = sums
        .into_values()
        .map(|sum| {
            let origin = evidence.origin(sum.one.session).clone();
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Line {
                who: format!("{origin} ({})", origin.label()),
                origin,
                principal: sum.one.principal.to_owned(),
                chain: evidence.hops(sum.one.session),
                source_identity: some(evidence.source_identity(sum.one.session)),
                actions: action::actions(sum.one.source, sum.one.name),
                event_source: sum.one.source.to_owned(),
                event_name: sum.one.name.to_owned(),
                resource: sum.one.resource.to_owned(),
                resources: sum.resources.len(),
                outcome: sum.one.outcome,
                through: some(sum.one.via),
                sessions: sum.sessions.len(),
                count: sum.count,
                first: sum.first,
                last: sum.one.last,
                last_address: sum.one.address.to_owned(),
                last_event: sum.one.event.to_string(),
            }
        })
        .collect();
    lines.sort_by(|a, b| {
        let key = |line: &Line| {
            (
                std::cmp::Reverse(line.last),
                line.who.clone(),
                line.principal.clone(),
                line.resource.clone(),
                line.event_name.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    lines
}
