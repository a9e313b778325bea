//! The same world with other policy documents, or without some edges: what a statement contributes, and what grants come
//! to without anything that limits them, is asked of such a world.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use sv0_iam::syntax::Policy;
use sv0_model::graph::Graph;

use crate::world::{Attachment, World};

/// The world with each policy replaced by what `rewrite` gives; none leaves it as it is. Entities stay as they are, and
/// keep their numbers.
#[must_use]
pub fn rewritten(world: &World, rewrite: &dyn Fn(&Attachment) -> Option<Policy>) -> World {
    // A document that many hold is compiled once, and stays one.
    let mut done: FxHashMap<(*const Policy, &str, &str), Option<Arc<Policy>>> = FxHashMap::default();
    let attachments: Vec<Attachment> = world
        .attachments
        .iter()
        .map(|attachment| {
            let key = (
                Arc::as_ptr(&attachment.policy),
                &*attachment.id,
                &*attachment.name,
            );
            let other = done
                .entry(key)
                .or_insert_with(|| rewrite(attachment).map(Arc::new))
                .clone();
            let mut out = attachment.clone();
            if let Some(policy) = other {
                out.policy = policy;
            }
            out
        })
        .collect();
    with(world, world.graph.clone(), attachments)
}

/// The world without any edge between some entities, whichever way it points. Entities keep their numbers.
#[must_use]
pub fn without_edges(world: &World, between: &[(String, String)]) -> World {
    let mut graph = Graph::new();
    for (_, node) in world.graph.nodes() {
        let copy = if node.stub {
            graph.stub(node.record.kind, &node.record.id)
        } else {
            match graph.insert(node.record.clone()) {
                Ok(copy) => copy,
                // A graph has each id once.
                Err(_) => continue,
            }
        };
        if let Some(copy) = graph.node_mut(copy) {
            *copy = node.clone();
        }
    }
    for edge in world.graph.edges() {
        let ends = (world.id(edge.from), world.id(edge.to));
        let cut = between
            .iter()
            .any(|(a, b)| ends == (a.as_str(), b.as_str()) || ends == (b.as_str(), a.as_str()));
        if !cut {
            graph.connect(edge.kind, edge.from, edge.to, edge.confidence, edge.note.clone());
        }
    }
    with(world, graph, world.attachments.clone())
}

fn with(world: &World, graph: Graph, attachments: Vec<Attachment>) -> World {
    World {
        graph,
        alike: crate::alike::Policies::default(),
        attachments,
        principals: world.principals.clone(),
        resource_policies: world.resource_policies.clone(),
        accounts: world.accounts.clone(),
        org_id: world.org_id.clone(),
        gaps: world.gaps.clone(),
        coverage: world.coverage.clone(),
        policy_problems: world.policy_problems.clone(),
        rules: world.rules.clone(),
        compiled: std::sync::Mutex::default(),
        kinds: std::sync::OnceLock::new(),
        everybody: std::sync::OnceLock::new(),
        reaching: std::sync::OnceLock::new(),
    }
}
