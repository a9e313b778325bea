//! Policy documents, as they are highlighted beside an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sv0_analyze::World;
use sv0_analyze::world::Attachment;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Slot};

use super::Named;
use crate::endpoint::Asking;
use crate::pretty::pretty;
use crate::problem::Problem;

/// A policy document of an entity.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Document {
    /// The policy's ARN, or the id of the entity that holds it.
    policy_id: String,
    /// What it is for its holder.
    slot: Slot,
    /// The policy's name.
    name: String,
    /// Through which group it applies.
    via: Option<String>,
    /// The document, two blanks a level.
    json: String,
    /// How many statements it has.
    statements: usize,
    /// Whether AWS wrote it.
    aws_managed: bool,
    /// Where it was read.
    place: Option<String>,
}

impl Document {
    fn of(world: &World, attachment: &Attachment) -> Self {
        Self {
            policy_id: attachment.id.clone(),
            slot: attachment.slot,
            name: attachment.name.clone(),
            via: attachment.via.map(|via| world.label(via)),
            json: pretty(attachment.text.as_str()),
            statements: attachment.policy.statements.len(),
            aws_managed: attachment.id.starts_with("arn:aws:iam::aws:"),
            place: attachment.place().map(|place| match place.line {
                Some(line) => format!("{}:{line}", place.file),
                None => format!("{} {}", place.file, place.json_path),
            }),
        }
    }
}

/// The documents that decide about an entity: its own, those of its groups, its boundary, and those that are put over its
/// account.
pub(super) fn documents(world: &World, node: NodeId) -> Vec<Document> {
    let mut tags: Vec<u32> = Vec::new();
    if let Some(principal) = world.principals.get(&node) {
        tags.extend(&principal.identity);
        tags.extend(principal.boundary);
        tags.extend(principal.trust);
    }
    tags.extend(world.resource_policies.get(&node).into_iter().flatten());
    let mut out: Vec<Document> = tags
        .iter()
        .filter_map(|tag| world.attachment(*tag))
        .map(|attachment| Document::of(world, attachment))
        .collect();
    // What only holds a document, such as a managed policy, a group or an SCP.
    if out.is_empty() {
        let of = |holder: NodeId| {
            let record = &world.node(holder).record;
            let mine = record.policies.iter().map(|slot| Document {
                policy_id: record.id.clone(),
                slot: slot.slot,
                name: slot.name.clone().unwrap_or_else(|| world.label(holder)),
                via: None,
                json: pretty(slot.document.as_str()),
                statements: 0,
                aws_managed: record.id.starts_with("arn:aws:iam::aws:"),
                place: None,
            });
            mine.map(counted).collect::<Vec<Document>>()
        };
        out.extend(of(node));
        for policy in world.graph.targets(node, EdgeKind::HasPolicy) {
            out.extend(of(policy));
        }
    }
    out
}

/// With the number of statements, which a list or a single one may hold.
fn counted(mut document: Document) -> Document {
    let value: serde_json::Value = serde_json::from_str(&document.json).unwrap_or_default();
    document.statements = match value.get("Statement") {
        Some(serde_json::Value::Array(list)) => list.len(),
        Some(_) => 1,
        None => 0,
    };
    document
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// `policy_id` of a statement.
    policy_id: String,
    /// `policy` of a statement: its name.
    policy: Option<String>,
}

/// A policy document and who holds it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Held {
    #[serde(flatten)]
    document: Document,
    /// The entity that holds it.
    holder: Option<Named>,
}

pub(super) fn document(asking: &Asking<'_>, which: Which) -> Result<Held, Problem> {
    let world = asking.app.world();
    let fits = |attachment: &&Attachment| {
        attachment.id == which.policy_id && which.policy.as_ref().is_none_or(|name| attachment.name == *name)
    };
    let holder = world.graph.find(&which.policy_id).map(|node| asking.named(node));
    let mut document = world
        .attachments
        .iter()
        .find(fits)
        .map(|attachment| Document::of(world, attachment));
    if document.is_none()
        && let Some(node) = world.graph.find(&which.policy_id)
    {
        let mut all = documents(world, node).into_iter();
        document = all.find(|document| which.policy.as_ref().is_none_or(|name| document.name == *name));
    }
    let document = document.ok_or_else(|| {
        Problem::not_found(format!(
            "`{}` has no document{}",
            which.policy_id,
            which
                .policy
                .as_deref()
                .map_or(String::new(), |name| format!(" called `{name}`"))
        ))
    })?;
    Ok(Held { document, holder })
}
