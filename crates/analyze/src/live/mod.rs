//! A world that is kept up to date: when a policy document changes, only what depends on it is worked out again.
//!
//! Everything keeps its place, and a document becomes another in the places where it counts. From there the change goes
//! down the same way as data does: the engine's documents and groups ([`sv0_engine::index`]), the names below buckets, what
//! keys let through, and the steps of whoever and whatever the document is about ([`Bearing`]). What is worked out on
//! demand, which is access to data and paths, needs nothing more.
//!
//! Invariant: the steps and every answer are those of a world that was built from the changed records. Where a change could
//! bear on the entities and edges themselves (a policy that names somebody for the first time, a document with
//! mistakes), the world is built again: that takes longer and comes to the same.

mod index;
mod update;

use sv0_model::coverage::Gap;
use sv0_model::graph::NodeId;
use sv0_model::kind::{Kind, Slot};
use sv0_model::record::{PolicyText, Record};

use self::index::Index;
use crate::normalize::rules::Rules;
use crate::normalize::{self};
use crate::steps::{Difference, Steps};
use crate::world::World;

/// Another text for one policy document.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The id of the entity that holds it.
    pub holder: String,
    /// What it is for its holder.
    pub slot: Slot,
    /// The name of an inline policy.
    pub name: Option<String>,
    /// The new text.
    pub document: PolicyText,
}

/// Why a document cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The entity is not there.
    #[error("nothing with the id `{0}` was collected")]
    NoEntity(String),
    /// It has no such document.
    #[error("`{holder}` has no {slot:?} policy{}", name.as_ref().map_or(String::new(), |name| format!(" `{name}`")))]
    NoPolicy {
        /// The entity.
        holder: String,
        /// The slot.
        slot: Slot,
        /// The name.
        name: Option<String>,
    },
}

/// What an edit came to.
#[derive(Debug)]
pub enum Done {
    /// What depends on the document was worked out again.
    Updated {
        /// Principals whose own side says something else.
        principals: Vec<NodeId>,
        /// Entities whose side says something else.
        targets: Vec<NodeId>,
        /// Steps that are there now and were not, and the reverse; none where very much depends on the document, so that
        /// all steps were worked out.
        difference: Option<Difference>,
    },
    /// The world was built again, and why.
    Rebuilt(&'static str),
}

/// A world and its steps, kept up to date.
#[derive(Debug)]
pub struct Live {
    world: World,
    steps: Steps,
    /// What could not be read, as the input told it.
    gaps: Vec<Gap>,
    index: Index,
}

impl Live {
    /// Builds the world from what was read.
    #[must_use]
    pub fn new(records: Vec<Record>, gaps: Vec<Gap>, rules: &Rules) -> Self {
        let world = normalize::build_with(records, gaps.clone(), rules);
        let steps = Steps::build(&world);
        let index = Index::of(&world);
        Self {
            world,
            steps,
            gaps,
            index,
        }
    }

    /// The world.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// Its steps.
    #[must_use]
    pub const fn steps(&self) -> &Steps {
        &self.steps
    }

    /// Changes a document.
    ///
    /// # Errors
    ///
    /// Where there is no such document; nothing has changed then.
    pub fn apply(&mut self, edit: &Edit) -> Result<Done, EditError> {
        let node = self
            .world
            .graph
            .find(&edit.holder)
            .filter(|node| !self.world.node(*node).stub)
            .ok_or_else(|| EditError::NoEntity(edit.holder.clone()))?;
        let slots = &self.world.node(node).record.policies;
        let at = slots
            .iter()
            .position(|slot| {
                let named = edit.name.is_none() || slot.name == edit.name;
                slot.slot == edit.slot && named && !normalize::acl::is_list(slot)
            })
            .ok_or_else(|| EditError::NoPolicy {
                holder: edit.holder.clone(),
                slot: edit.slot,
                name: edit.name.clone(),
            })?;
        let change = match update::Change::plan(&self.world, &self.index, node, at, &edit.document) {
            Ok(change) => change,
            Err(reason) => {
                self.rebuild(node, at, &edit.document);
                return Ok(Done::Rebuilt(reason));
            }
        };
        let bearing = change.carry_out(&mut self.world, &mut self.index);
        let difference = if bearing.is_wide() {
            self.steps = Steps::build(&self.world);
            None
        } else {
            Some(self.steps.change(&self.world, &bearing, &self.index))
        };
        let sorted = |nodes: rustc_hash::FxHashSet<NodeId>| {
            let mut nodes: Vec<NodeId> = nodes.into_iter().collect();
            nodes.sort_unstable();
            nodes
        };
        Ok(Done::Updated {
            principals: sorted(bearing.principals),
            targets: sorted(bearing.targets),
            difference,
        })
    }

    fn rebuild(&mut self, node: NodeId, at: usize, document: &PolicyText) {
        if let Some(node) = self.world.graph.node_mut(node)
            && let Some(slot) = node.record.policies.get_mut(at)
        {
            slot.document = document.clone();
        }
        let collected = self.world.graph.nodes().filter(|(_, node)| !node.stub);
        // Services were not collected: they are there because somebody trusts them.
        let records: Vec<Record> = collected
            .filter(|(_, node)| node.record.kind != Kind::ServicePrincipal)
            .map(|(_, node)| node.record.clone())
            .collect();
        *self = Self::new(records, std::mem::take(&mut self.gaps), &self.world.rules.clone());
    }
}
