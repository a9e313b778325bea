//! What a principal can do by its own policies, under its ceilings, as one policy document.

use schemars::JsonSchema;
use serde::Serialize;
use sv0_engine::document::{Policy, document};
use sv0_engine::effective::effective;
use sv0_iam::name::principal::{Named, ways};
use sv0_iam::syntax::Effect;
use sv0_iam::tri::Tri;
use sv0_model::graph::NodeId;
use sv0_model::path::EntityRef;

use crate::ask::Asker;
use crate::world::World;

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AsPolicy {
    /// Who was asked about.
    pub principal: EntityRef,
    /// The document.
    #[schemars(with = "serde_json::Value")]
    pub policy: Policy,
    /// In which respects the document says more than the truth.
    pub wider: Vec<String>,
    /// What may be allowed and is not in the document.
    pub missing: Vec<String>,
    /// What resources' own policies add to it or take away.
    pub resource_policies: Vec<String>,
}

/// Asks.
#[must_use]
pub fn as_policy(world: &World, principal: NodeId) -> AsPolicy {
    let asker = Asker::node(world, principal);
    let effective = effective(&asker.caller, &asker.own_policies(), &asker.context);
    let written = document(&effective, &asker.context);
    let mut missing = written.missing;
    if let Some(known) = world.principals.get(&principal) {
        missing.extend(
            known
                .missing
                .iter()
                .map(|arn| format!("{arn}: attached, and not in the input")),
        );
        missing.extend(known.boundary_missing.iter().map(|arn| {
            format!("the boundary {arn}, which is not in the input, takes away what it does not allow")
        }));
    }
    AsPolicy {
        principal: world.entity(principal),
        policy: written.policy,
        wider: written.wider,
        missing,
        resource_policies: resource_policies(world, &asker),
    }
}

/// One line for each resource whose own policy speaks of the caller.
fn resource_policies(world: &World, asker: &Asker<'_>) -> Vec<String> {
    let mut out = Vec::new();
    for (&node, tags) in &world.resource_policies {
        let same = world.account_of(node) == asker.caller.account.as_deref();
        let (mut grants, mut denies) = (false, false);
        for statement in tags
            .iter()
            .filter_map(|tag| world.attachment(*tag))
            .flat_map(|attachment| &attachment.policy.statements)
        {
            let Some(element) = &statement.principal else {
                continue;
            };
            match statement.effect {
                // In another account its own policy must allow it too, which the document tells.
                Effect::Allow if element.negated || !same => {}
                Effect::Allow => {
                    grants |= ways(element, &asker.caller)
                        .any(|(named, tri)| named != Named::Account && tri != Tri::False);
                }
                Effect::Deny => {
                    denies |= element.negated || ways(element, &asker.caller).next().is_some();
                }
            }
        }
        let does = match (grants, denies) {
            (true, true) => "grants it something and denies it something",
            (true, false) => "grants it something",
            (false, true) => "denies it something",
            (false, false) => continue,
        };
        out.push(format!("the policy of {} {does}", world.label(node)));
    }
    out.sort();
    out
}
