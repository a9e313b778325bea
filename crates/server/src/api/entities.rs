//! Entities and their edges.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sv0_analyze::question::who_can::subject;
use sv0_evidence::answer::{Filter, lines};
use sv0_evidence::event::Outcome;
use sv0_evidence::time::Time;
use sv0_model::coverage::Gap;
use sv0_model::graph::{Confidence, NodeId};
use sv0_model::kind::{EdgeKind, EntityType, Kind, Sensitivity};
use sv0_model::path::PathVerdict;

use super::Named;
use super::findings::Summary;
use super::policies::{Document, documents};
use crate::endpoint::Asking;
use crate::page::{Cursor, Page, limit};
use crate::problem::Problem;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// Only of this kind.
    kind: Option<Kind>,
    /// Only of this type.
    r#type: Option<EntityType>,
    /// Only of this account: its id or name.
    account: Option<String>,
    /// Only of this sensitivity.
    sensitivity: Option<Sensitivity>,
    /// Only with these words in the name, ARN, tags or account's name.
    q: Option<String>,
    /// How many at most.
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<Cursor>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listed {
    entity: Named,
    sensitivity: Sensitivity,
    data_domain: Option<String>,
    region: Option<String>,
}

pub(super) fn list(asking: &Asking<'_>, list: List) -> Result<Page<Listed>, Problem> {
    let world = asking.app.world();
    let account = match &list.account {
        Some(name) => Some(
            world
                .account_named(name)
                .ok_or_else(|| Problem::not_found(format!("no account is called `{name}`")))?,
        ),
        None => None,
    };
    let fits = |node: NodeId| {
        let it = world.node(node);
        let record = &it.record;
        list.kind.is_none_or(|kind| record.kind == kind)
            && list
                .r#type
                .is_none_or(|wanted| record.kind.entity_type() == wanted)
            && account.is_none() | (record.account == account)
            && list.sensitivity.is_none_or(|wanted| it.sensitivity == wanted)
    };
    let found: Vec<NodeId> = match list.q.as_deref().filter(|q| !q.trim().is_empty()) {
        Some(q) => asking
            .app
            .index
            .find(q, fits)
            .into_iter()
            .map(|(node, _)| node)
            .collect(),
        None => {
            let all = world
                .graph
                .nodes()
                .filter(|(_, node)| !node.stub)
                .map(|(id, _)| id);
            let mut all: Vec<NodeId> = all.filter(|node| fits(*node)).collect();
            all.sort_by(|a, b| {
                let (a, b) = (world.node(*a), world.node(*b));
                let key = |node: &'static sv0_model::graph::Node| {
                    (
                        std::cmp::Reverse(node.sensitivity),
                        node.label(),
                        node.record.id.as_str(),
                    )
                };
                key(a).cmp(&key(b))
            });
            all
        }
    };
    let page = Page::of(found, list.cursor.as_ref(), limit(list.limit, 50))?;
    let items = page.items.into_iter().map(|node| {
        let it = world.node(node);
        Listed {
            entity: asking.named(node),
            sensitivity: it.sensitivity,
            data_domain: it.data_domain.clone(),
            region: it.record.region.clone(),
        }
    });
    Ok(Page {
        items: items.collect(),
        next: page.next,
        total: page.total,
        at_least: false,
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    /// An id, or a name where only one thing is called so.
    id: String,
}

/// One entity.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entity {
    entity: Named,
    /// `identity`, `workload`, `resource`, …
    r#type: &'static str,
    region: Option<String>,
    created_at: Option<String>,
    tags: BTreeMap<String, String>,
    /// Facts of its kind; never a secret or an environment value.
    properties: BTreeMap<String, Value>,
    sensitivity: Sensitivity,
    data_domain: Option<String>,
    /// Whether some policy only names it: it was not collected itself.
    named_only: bool,
    /// What could not be read of it.
    partial: Option<String>,
    /// Its policies, those of its groups and those that others put over it included.
    documents: Vec<Document>,
    /// How many edges of each kind, with some at the other end.
    edges: Vec<Edges>,
    findings: Vec<Summary>,
    gaps: Vec<Gap>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Direction {
    /// Authority goes from it.
    Out,
    /// Authority goes to it.
    In,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Edges {
    edge: EdgeKind,
    direction: Direction,
    count: usize,
    /// Some of the entities at the other end.
    sample: Vec<Named>,
}

/// One edge.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Edge {
    edge: EdgeKind,
    from: Named,
    to: Named,
    /// Whether policies make it, rather than configuration.
    effective: bool,
    /// Whether it is real.
    verdict: PathVerdict,
    /// Whether it is inferred.
    inferred: bool,
    /// For `EXECUTED`: what CloudTrail saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Executed>,
}

/// What was seen of one identity on one entity.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Executed {
    /// Calls that succeeded.
    count: u64,
    first: Time,
    last: Time,
}

/// An edge before it is put into words.
struct Bare {
    edge: EdgeKind,
    direction: Direction,
    from: NodeId,
    to: NodeId,
    effective: bool,
    verdict: PathVerdict,
    inferred: bool,
    seen: Option<Executed>,
}

/// What CloudTrail saw an identity do, and done to an entity: `EXECUTED`.
fn executed(asking: &Asking<'_>, node: NodeId) -> Vec<Bare> {
    let Some(seen) = &asking.app.seen else {
        return Vec::new();
    };
    let world = asking.app.world();
    let id = Some(world.id(node).to_owned());
    let mut sums: BTreeMap<(Direction, NodeId, NodeId), Executed> = BTreeMap::new();
    for direction in [Direction::Out, Direction::In] {
        let filter = match direction {
            Direction::Out => Filter {
                principal: id.clone(),
                ..Filter::default()
            },
            Direction::In => Filter {
                resource: id.clone(),
                ..Filter::default()
            },
        };
        let done = lines(&seen.reading.evidence, &filter).into_iter();
        for line in done.filter(|line| line.outcome == Outcome::Success) {
            // The bucket of an object, the table of an index.
            let to = subject(world, &line.resource)
                .ok()
                .and_then(|subject| subject.node);
            let (Some(from), Some(to)) = (world.graph.find(&line.principal), to) else {
                continue;
            };
            let here = match direction {
                Direction::Out => from,
                Direction::In => to,
            };
            if here != node {
                continue;
            }
            sums.entry((direction, from, to))
                .and_modify(|sum| {
                    sum.count += line.count;
                    sum.first = sum.first.min(line.first);
                    sum.last = sum.last.max(line.last);
                })
                .or_insert(Executed {
                    count: line.count,
                    first: line.first,
                    last: line.last,
                });
        }
    }
    let bare = |((direction, from, to), seen)| Bare {
        edge: EdgeKind::Executed,
        direction,
        from,
        to,
        effective: false,
        verdict: PathVerdict::Allowed,
        inferred: false,
        seen: Some(seen),
    };
    sums.into_iter().map(bare).collect()
}

/// The edges of a node: those of the configuration, steps that policies make, and what was seen.
fn all(asking: &Asking<'_>, node: NodeId) -> Vec<Bare> {
    let world = asking.app.world();
    let structural = |edge: &sv0_model::graph::Edge, direction| Bare {
        edge: edge.kind,
        direction,
        from: edge.from,
        to: edge.to,
        effective: false,
        verdict: PathVerdict::Allowed,
        inferred: edge.confidence != Confidence::Certain,
        seen: None,
    };
    let step = |found: &sv0_analyze::steps::Move, direction| Bare {
        edge: found.edge,
        direction,
        from: found.from,
        to: found.to,
        effective: true,
        verdict: asking.app.steps().verdict(world, found),
        inferred: false,
        seen: None,
    };
    let steps = asking.app.steps();
    let mut out: Vec<Bare> = world
        .graph
        .edges_from(node)
        .map(|edge| structural(edge, Direction::Out))
        .collect();
    out.extend(
        world
            .graph
            .edges_to(node)
            .map(|edge| structural(edge, Direction::In)),
    );
    let real = |edge: &Bare| edge.verdict != PathVerdict::Denied;
    out.extend(
        steps
            .from(node)
            .map(|found| step(found, Direction::Out))
            .filter(real),
    );
    out.extend(
        steps
            .to(node)
            .map(|found| step(found, Direction::In))
            .filter(real),
    );
    out.extend(executed(asking, node));
    let key = |edge: &Bare| (edge.direction, edge.edge, edge.from, edge.to, edge.effective);
    out.sort_by_key(key);
    // A step that only repeats what the configuration says is one edge.
    out.dedup_by(|b, a| (a.direction, a.edge, a.from, a.to) == (b.direction, b.edge, b.from, b.to));
    out
}

/// Things shown of a kind.
const SAMPLE: usize = 5;
/// Findings shown of an entity.
const MOST_FINDINGS: usize = 50;

pub(super) fn one(asking: &Asking<'_>, one: One) -> Result<Entity, Problem> {
    let app = asking.app;
    let world = app.world();
    let node = world.lookup(&one.id, &[])?;
    let it = world.node(node);
    let record = &it.record;
    let mut groups: BTreeMap<(Direction, EdgeKind), Vec<NodeId>> = BTreeMap::new();
    for edge in all(asking, node) {
        let other = match edge.direction {
            Direction::Out => edge.to,
            Direction::In => edge.from,
        };
        groups.entry((edge.direction, edge.edge)).or_default().push(other);
    }
    let edges = groups.into_iter().map(|((direction, edge), others)| Edges {
        edge,
        direction,
        count: others.len(),
        sample: others
            .iter()
            .take(SAMPLE)
            .map(|other| asking.named(*other))
            .collect(),
    });
    let findings = app.found().map_or_else(Vec::new, |found| {
        let mine = found
            .list
            .iter()
            .filter(|(finding, _)| finding.concerns(&record.id));
        mine.take(MOST_FINDINGS)
            .map(|(finding, _)| Summary::of(app, finding))
            .collect()
    });
    Ok(Entity {
        entity: asking.named(node),
        r#type: record.kind.entity_type().as_str(),
        region: record.region.clone(),
        created_at: record.created_at.clone(),
        tags: record
            .tags
            .iter()
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect(),
        properties: record
            .attrs
            .iter()
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect(),
        sensitivity: it.sensitivity,
        data_domain: it.data_domain.clone(),
        named_only: it.stub,
        partial: record.partial.clone(),
        documents: documents(world, node),
        edges: edges.collect(),
        findings,
        gaps: world
            .coverage
            .touching(&world.gaps, &world.graph, [record.id.as_str()]),
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfEntity {
    /// An id, or a name where only one thing is called so.
    id: String,
    /// Only edges that go this way.
    direction: Option<Direction>,
    /// Only edges of this kind.
    edge: Option<EdgeKind>,
    /// How many at most.
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<Cursor>,
}

pub(super) fn edges(asking: &Asking<'_>, of: OfEntity) -> Result<Page<Edge>, Problem> {
    let node = asking.app.world().lookup(&of.id, &[])?;
    let mut found = all(asking, node);
    found.retain(|edge| {
        of.direction.is_none_or(|direction| edge.direction == direction)
            && of.edge.is_none_or(|kind| edge.edge == kind)
    });
    let page = Page::of(found, of.cursor.as_ref(), limit(of.limit, 50))?;
    let items = page.items.into_iter().map(|edge| Edge {
        edge: edge.edge,
        from: asking.named(edge.from),
        to: asking.named(edge.to),
        effective: edge.effective,
        verdict: edge.verdict,
        inferred: edge.inferred,
        seen: edge.seen,
    });
    Ok(Page {
        items: items.collect(),
        next: page.next,
        total: page.total,
        at_least: false,
    })
}
