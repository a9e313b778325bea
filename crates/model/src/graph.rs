//! The records as nodes and edges. Ids are dense integers inside one loaded graph and mean nothing outside it; the
//! stable name of a node is its `external_id`.

use rustc_hash::FxHashMap;

use crate::kind::{EdgeKind, Kind, Sensitivity};
use crate::record::Record;

/// A node of one loaded graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How sure an edge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// Read off configuration.
    Certain,
    /// Concluded from names, environment keys or descriptions; the edge says how.
    Inferred,
}

/// An entity in the graph.
#[derive(Debug, Clone)]
pub struct Node {
    /// What was collected; for stubs, what the name tells.
    pub record: Record,
    /// Whether nothing was collected about it: some document only names it.
    pub stub: bool,
    /// How much harm disclosure would do.
    pub sensitivity: Sensitivity,
    /// The business domain of its data, where tags say.
    pub data_domain: Option<String>,
}

impl Node {
    /// What people call it: its name, else the whole id.
    #[must_use]
    pub fn label(&self) -> &str {
        if self.record.name.is_empty() {
            &self.record.id
        } else {
            &self.record.name
        }
    }
}

/// An edge in the direction of authority.
#[derive(Debug, Clone)]
pub struct Edge {
    /// What it says.
    pub kind: EdgeKind,
    /// From.
    pub from: NodeId,
    /// To.
    pub to: NodeId,
    /// How sure it is.
    pub confidence: Confidence,
    /// How it was concluded, or a fact such as the account of an assignment.
    pub note: Option<String>,
}

/// Nodes and edges, both ways.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    by_id: FxHashMap<String, NodeId>,
    out: Vec<Vec<u32>>,
    into: Vec<Vec<u32>>,
}

impl Graph {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes room for so many more entities.
    pub fn reserve(&mut self, more: usize) {
        self.nodes.reserve(more);
        self.by_id.reserve(more);
        self.out.reserve(more);
        self.into.reserve(more);
    }

    /// Adds an entity; a stub of the same id becomes the real one. A second record of the same id is refused and
    /// given back, so that the caller can report it.
    ///
    /// # Errors
    ///
    /// The record, where its id is taken by a collected entity.
    pub fn insert(&mut self, record: Record) -> Result<NodeId, Box<Record>> {
        if let Some(&id) = self.by_id.get(&record.id) {
            return match self.nodes.get_mut(id.index()) {
                Some(node) if node.stub => {
                    node.record = record;
                    node.stub = false;
                    Ok(id)
                }
                _ => Err(Box::new(record)),
            };
        }
        Ok(self.push(record, false))
    }

    /// The node of an id, made as a stub where there is none.
    pub fn stub(&mut self, kind: Kind, id: &str) -> NodeId {
        if let Some(&found) = self.by_id.get(id) {
            return found;
        }
        self.push(Record::new(kind, id), true)
    }

    fn push(&mut self, record: Record, stub: bool) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.by_id.insert(record.id.clone(), id);
        self.nodes.push(Node {
            record,
            stub,
            sensitivity: Sensitivity::Unknown,
            data_domain: None,
        });
        self.out.push(Vec::new());
        self.into.push(Vec::new());
        id
    }

    /// Adds an edge; the same edge twice is one.
    pub fn connect(
        &mut self,
        kind: EdgeKind,
        from: NodeId,
        to: NodeId,
        confidence: Confidence,
        note: Option<String>,
    ) {
        // An edge stands in the lists of both its ends, so the shorter one tells whether it is there: an SCP binds
        // hundreds of accounts and a managed policy hangs on thousands of roles.
        let same = |edge: &Edge| edge.kind == kind && edge.from == from && edge.to == to && edge.note == note;
        let length = |lists: &[Vec<u32>], node: NodeId| lists.get(node.index()).map_or(0, Vec::len);
        let known = if length(&self.out, from) <= length(&self.into, to) {
            self.edges_from(from).any(same)
        } else {
            self.edges_to(to).any(same)
        };
        if known {
            return;
        }
        let index = u32::try_from(self.edges.len()).unwrap_or(u32::MAX);
        self.edges.push(Edge {
            kind,
            from,
            to,
            confidence,
            note,
        });
        if let Some(list) = self.out.get_mut(from.index()) {
            list.push(index);
        }
        if let Some(list) = self.into.get_mut(to.index()) {
            list.push(index);
        }
    }

    /// Takes away edges that leave a node.
    pub fn disconnect(&mut self, from: NodeId, goes: impl Fn(&Edge) -> bool) {
        let mine = self.out.get(from.index()).into_iter().flatten().copied();
        let mut gone: Vec<u32> = mine
            .filter(|at| self.edges.get(*at as usize).is_some_and(&goes))
            .collect();
        // From the last on, so that those before it keep their places.
        gone.sort_unstable();
        for at in gone.into_iter().rev() {
            let place = at as usize;
            let moved = u32::try_from(self.edges.len() - 1).unwrap_or(u32::MAX);
            let edge = self.edges.swap_remove(place);
            let lists = |graph: &mut Self, edge: &Edge, change: &dyn Fn(&mut Vec<u32>)| {
                graph.out.get_mut(edge.from.index()).map(change);
                graph.into.get_mut(edge.to.index()).map(change);
            };
            lists(self, &edge, &|list| list.retain(|other| *other != at));
            // The last edge stands in its place now.
            if let Some(edge) = self.edges.get(place).cloned() {
                lists(self, &edge, &|list| {
                    list.iter_mut()
                        .filter(|other| **other == moved)
                        .for_each(|other| *other = at);
                });
            }
        }
    }

    /// The node of an id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<NodeId> {
        self.by_id.get(id).copied()
    }

    /// A node. Ids come from this graph, so there is one.
    ///
    /// # Panics
    ///
    /// With an id of another graph.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are made by this graph only")]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// A node, to change.
    pub fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(id.index())
    }

    /// All nodes, in the order of their ids.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes
            .iter()
            .enumerate()
            .map(|(i, node)| (NodeId(u32::try_from(i).unwrap_or(u32::MAX)), node))
    }

    /// All nodes, to change.
    pub fn nodes_mut(&mut self) -> impl Iterator<Item = (NodeId, &mut Node)> {
        self.nodes
            .iter_mut()
            .enumerate()
            .map(|(i, node)| (NodeId(u32::try_from(i).unwrap_or(u32::MAX)), node))
    }

    /// How many nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All edges.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Edges that leave a node.
    pub fn edges_from(&self, id: NodeId) -> impl Iterator<Item = &Edge> {
        self.out
            .get(id.index())
            .into_iter()
            .flatten()
            .filter_map(|&i| self.edges.get(i as usize))
    }

    /// Edges that arrive at a node.
    pub fn edges_to(&self, id: NodeId) -> impl Iterator<Item = &Edge> {
        self.into
            .get(id.index())
            .into_iter()
            .flatten()
            .filter_map(|&i| self.edges.get(i as usize))
    }

    /// The nodes that edges of one kind lead to.
    pub fn targets(&self, id: NodeId, kind: EdgeKind) -> impl Iterator<Item = NodeId> {
        self.edges_from(id)
            .filter(move |edge| edge.kind == kind)
            .map(|edge| edge.to)
    }

    /// The nodes that edges of one kind come from.
    pub fn sources(&self, id: NodeId, kind: EdgeKind) -> impl Iterator<Item = NodeId> {
        self.edges_to(id)
            .filter(move |edge| edge.kind == kind)
            .map(|edge| edge.from)
    }
}
