//! Choke points: the hops, and the policy statements, that most ways to sensitive data go through; and how many ways
//! there would be left without each of them alone.
//!
//! A hop that is on every chain of a pair of origin and target is on the shortest one as well, so only hops of the
//! shortest chain of each pair are tried: each is left out, and what the origin reaches is asked again. For statements
//! the same gives how many pairs could be cut at most, since other statements may grant the same; the best are then
//! tried in a world without the statement.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Sensitivity};
use sv0_model::path::EntityRef;

use super::links::{Link, Links, Reached, StatementKey};
use crate::paths::{Finder, Options};
use crate::steps::Steps;
use crate::variant::rewritten;
use crate::world::{Attachment, World};

/// An origin and what it reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Pair {
    origin: NodeId,
    target: NodeId,
}

/// A pair as an example.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Example {
    /// Where authority starts.
    pub origin: EntityRef,
    /// What is reached.
    pub target: EntityRef,
}

/// A hop that ways go through.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Hop {
    /// What kind.
    pub edge: EdgeKind,
    /// From.
    pub from: EntityRef,
    /// To.
    pub to: EntityRef,
    /// Pairs of origin and target whose shortest chain it is on.
    pub pairs: usize,
    /// Pairs that have no chain without it.
    pub cut: usize,
    /// Origins that reach less without it.
    pub origins: usize,
    /// Targets that fewer reach without it.
    pub targets: usize,
    /// Some of the pairs that are cut.
    pub examples: Vec<Example>,
}

/// A statement that ways go through.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Statement {
    /// The policy's ARN, or the id of the entity that holds it.
    pub policy_id: String,
    /// The policy's name.
    pub policy: String,
    /// Such as `Statement[0]`.
    pub json_path: String,
    /// `Sid`, where given.
    pub sid: Option<String>,
    /// The account whose policy it is.
    pub account: Option<String>,
    /// Whether AWS owns the policy: it can be detached, and not be changed.
    pub aws_managed: bool,
    /// Pairs of origin and target with a hop on their shortest chain that may need it.
    pub pairs: usize,
    /// Pairs that have no chain without it. Where `exact` is false: at most this many.
    pub cut: usize,
    /// Whether a world without the statement was looked at.
    pub exact: bool,
    /// Some of the pairs that are cut.
    pub examples: Vec<Example>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChokePoints {
    /// Origins that were looked from.
    pub origins: usize,
    /// Targets that were asked about.
    pub targets: usize,
    /// Pairs of an origin and a target that it reaches.
    pub pairs: usize,
    /// The hops, those that cut most first.
    pub hops: Vec<Hop>,
    /// The statements, those that cut most first.
    pub statements: Vec<Statement>,
    /// What was left out because the input is large.
    pub limited: Vec<String>,
}

/// How much is worth doing.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Hops and statements that are wanted, each.
    pub most: usize,
    /// Pairs of identity and target that are asked about.
    pub accesses: usize,
    /// Worlds without a statement that are looked at.
    pub worlds: usize,
    /// Links of a world up to which it is looked at again without a statement.
    pub links: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            most: 10,
            accesses: 4_000_000,
            worlds: 60,
            links: 200_000,
        }
    }
}

/// Examples that are kept.
const EXAMPLES: usize = 3;

/// Data that is confidential or restricted.
#[must_use]
pub fn sensitive(world: &World, finder: &Finder<'_>) -> Vec<NodeId> {
    let mut out = finder.targets();
    out.retain(|node| world.node(*node).sensitivity >= Sensitivity::Confidential);
    out
}

/// Asks.
#[must_use]
pub fn choke_points(
    world: &World,
    steps: &Steps,
    finder: &Finder<'_>,
    targets: &[NodeId],
    bounds: Bounds,
) -> ChokePoints {
    let options = Options::default();
    let origins = finder.origins();
    let mut limited = Vec::new();
    let mut targets = targets.to_vec();
    let identities = world.principals.len().max(1);
    if targets.len().saturating_mul(identities) > bounds.accesses {
        let all = targets.len();
        targets.sort_by_key(|node| (std::cmp::Reverse(world.node(*node).sensitivity), *node));
        targets.truncate((bounds.accesses / identities).max(1));
        limited.push(format!(
            "{} of {all} targets were looked at, the most sensitive ones: ask with --to for others",
            targets.len()
        ));
    }
    let links = Links::new(world, steps, finder, &origins, &targets, options);
    let whole: Vec<(NodeId, Reached)> = origins
        .par_iter()
        .map(|origin| (*origin, links.reach(*origin, &|_| true)))
        .filter(|(_, reached)| reached.targets().next().is_some())
        .collect();
    let pairs = whole.iter().map(|(_, reached)| reached.targets().count()).sum();
    let hops = hops(world, &links, &whole, bounds);
    let (statements, more) = statements(world, &links, &whole, &targets, bounds);
    limited.extend(more);
    ChokePoints {
        origins: origins.len(),
        targets: targets.len(),
        pairs,
        hops,
        statements,
        limited,
    }
}

/// What goes through something, and what is cut without it.
#[derive(Debug, Default, Clone)]
struct Tally {
    pairs: usize,
    cut: BTreeSet<Pair>,
}

type Tallies<K> = BTreeMap<K, Tally>;

fn merge<K: Ord>(mut a: Tallies<K>, b: Tallies<K>) -> Tallies<K> {
    for (key, tally) in b {
        let entry = a.entry(key).or_default();
        entry.pairs += tally.pairs;
        entry.cut.extend(tally.cut);
    }
    a
}

/// Tries every key that is on the shortest chain of a pair: `keys` tells what a link belongs to, `without` whether a link
/// goes where a key goes.
fn tally<K: Ord + Clone + Send>(
    links: &Links,
    origin: NodeId,
    reached: &Reached,
    keys: &dyn Fn(&Link) -> Vec<K>,
    without: &dyn Fn(&K, &Link) -> bool,
) -> Tallies<K> {
    let mut through: BTreeMap<K, BTreeSet<NodeId>> = BTreeMap::new();
    for target in reached.targets() {
        for number in reached.chain(target) {
            for key in links.get(number).map(keys).unwrap_or_default() {
                through.entry(key).or_default().insert(target);
            }
        }
    }
    let mut out = Tallies::new();
    for (key, targets) in through {
        let left = links.reach(origin, &|link| !without(&key, link));
        let cut = targets.iter().filter(|target| !left.has(**target));
        let cut = cut.map(|target| Pair {
            origin,
            target: *target,
        });
        let tally = Tally {
            pairs: targets.len(),
            cut: cut.collect(),
        };
        out.insert(key, tally);
    }
    out
}

/// Kind and ends: to read a secret is the use of data, and a step to whose credential it holds, and is one hop.
type HopKey = (EdgeKind, NodeId, NodeId);

const fn hop_of(link: &Link) -> HopKey {
    (link.edge, link.from, link.to)
}

fn hops(world: &World, links: &Links, whole: &[(NodeId, Reached)], bounds: Bounds) -> Vec<Hop> {
    let all = whole
        .par_iter()
        .map(|(origin, reached)| {
            tally(
                links,
                *origin,
                reached,
                &|link| vec![hop_of(link)],
                &|key, link| *key == hop_of(link),
            )
        })
        .reduce(Tallies::new, merge);
    let mut sorted: Vec<(HopKey, Tally)> = all.into_iter().collect();
    sorted.sort_by_key(|(key, tally)| {
        (
            std::cmp::Reverse(tally.cut.len()),
            std::cmp::Reverse(tally.pairs),
            *key,
        )
    });
    sorted.truncate(bounds.most);
    let hop = |((edge, from, to), tally): (HopKey, Tally)| {
        let origins: BTreeSet<NodeId> = tally.cut.iter().map(|pair| pair.origin).collect();
        let targets: BTreeSet<NodeId> = tally.cut.iter().map(|pair| pair.target).collect();
        Hop {
            edge,
            from: world.entity(from),
            to: world.entity(to),
            pairs: tally.pairs,
            cut: tally.cut.len(),
            origins: origins.len(),
            targets: targets.len(),
            examples: examples(world, &tally.cut),
        }
    };
    sorted.into_iter().map(hop).collect()
}

/// The statements that cut most. The most that each could cut is known; the best are tried in that order until no other
/// could be among them.
fn statements(
    world: &World,
    links: &Links,
    whole: &[(NodeId, Reached)],
    targets: &[NodeId],
    bounds: Bounds,
) -> (Vec<Statement>, Option<String>) {
    let all = whole
        .par_iter()
        .map(|(origin, reached)| {
            tally(
                links,
                *origin,
                reached,
                &|link| link.statements.iter().cloned().collect(),
                &|key, link| link.statements.contains(key),
            )
        })
        .reduce(Tallies::new, merge);
    let mut sorted: Vec<(StatementKey, Tally)> = all.into_iter().collect();
    sorted.sort_by(|a, b| (b.1.cut.len(), b.1.pairs, &a.0).cmp(&(a.1.cut.len(), a.1.pairs, &b.0)));
    let try_worlds = links.len() <= bounds.links;
    let mut out: Vec<Statement> = Vec::new();
    let mut tried = 0;
    let mut left_out = 0;
    for (key, tally) in sorted {
        let enough = out.iter().filter(|s| s.cut >= tally.cut.len()).count() >= bounds.most;
        if enough {
            break;
        }
        let exact = tally.cut.is_empty() || (try_worlds && tried < bounds.worlds);
        let cut = if exact && !tally.cut.is_empty() {
            tried += 1;
            let other = without(world, &key);
            really_cut(&other, &tally.cut, targets)
        } else {
            left_out += usize::from(!exact);
            tally.cut
        };
        out.push(Statement {
            sid: sid(world, &key),
            account: account(world, &key.policy_id),
            aws_managed: key.policy_id.starts_with("arn:aws:iam::aws:"),
            policy_id: key.policy_id,
            policy: key.policy,
            json_path: key.json_path,
            pairs: tally.pairs,
            cut: cut.len(),
            exact,
            examples: examples(world, &cut),
        });
    }
    out.sort_by(|a, b| {
        (b.cut, b.pairs, &a.policy_id, &a.policy, &a.json_path).cmp(&(
            a.cut,
            a.pairs,
            &b.policy_id,
            &b.policy,
            &b.json_path,
        ))
    });
    out.truncate(bounds.most);
    let shown_inexact = out.iter().any(|s| !s.exact);
    let note = (left_out > 0 && shown_inexact).then(|| {
        "the input is too large to try every statement: where it says so, a statement cuts at most that many pairs"
            .to_owned()
    });
    (out, note)
}

/// Pairs that are not there in another world, of those that could be cut.
fn really_cut(other: &World, could: &BTreeSet<Pair>, targets: &[NodeId]) -> BTreeSet<Pair> {
    let steps = Steps::build(other);
    let finder = Finder::new(other, &steps);
    let mut origins: Vec<NodeId> = could.iter().map(|pair| pair.origin).collect();
    origins.dedup();
    let wanted: BTreeSet<NodeId> = could.iter().map(|pair| pair.target).collect();
    let targets: Vec<NodeId> = targets.iter().copied().filter(|t| wanted.contains(t)).collect();
    let links = Links::new(other, &steps, &finder, &origins, &targets, Options::default());
    let left: BTreeMap<NodeId, Reached> = origins
        .iter()
        .map(|origin| (*origin, links.reach(*origin, &|_| true)))
        .collect();
    could
        .iter()
        .filter(|pair| !left.get(&pair.origin).is_some_and(|r| r.has(pair.target)))
        .cloned()
        .collect()
}

/// The world without one statement.
fn without(world: &World, key: &StatementKey) -> World {
    rewritten(world, &|attachment| {
        if !is(attachment, key) {
            return None;
        }
        let mut policy = (*attachment.policy).clone();
        policy.statements.retain(|s| s.path() != key.json_path);
        Some(policy)
    })
}

/// The name of the account of a policy, or of who holds it.
fn account(world: &World, policy_id: &str) -> Option<String> {
    let node = world.graph.find(policy_id)?;
    world.account_of(node).map(|id| world.account_label(id))
}

fn is(attachment: &Attachment, key: &StatementKey) -> bool {
    attachment.id == key.policy_id && crate::words::one_line(&attachment.name) == key.policy
}

fn sid(world: &World, key: &StatementKey) -> Option<String> {
    let attachment = world.attachments.iter().find(|a| is(a, key))?;
    let statement = attachment
        .policy
        .statements
        .iter()
        .find(|s| s.path() == key.json_path)?;
    statement.sid.as_deref().map(crate::words::one_line)
}

/// Pairs of different origins and targets first.
fn examples(world: &World, cut: &BTreeSet<Pair>) -> Vec<Example> {
    let mut origins = BTreeSet::new();
    let mut out: Vec<&Pair> = cut.iter().filter(|pair| origins.insert(pair.origin)).collect();
    let rest: Vec<&Pair> = cut
        .iter()
        .filter(|pair| !out.contains(pair))
        .take(EXAMPLES)
        .collect();
    out.extend(rest);
    out.into_iter()
        .take(EXAMPLES)
        .map(|pair| Example {
            origin: world.entity(pair.origin),
            target: world.entity(pair.target),
        })
        .collect()
}
