//! The endpoints: one file a subject, one line of registration each.

mod coverage;
mod entities;
mod evidence;
mod findings;
mod meta;
mod paths;
mod policies;
mod questions;
mod reach;
mod search;
mod what_if;

use schemars::JsonSchema;
use serde::Serialize;
use sv0_model::path::EntityRef;

use crate::auth::Role;
use crate::endpoint::{Asking, Endpoint, delete, file, get, post};

/// An entity with what kind it is in words.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Named {
    #[serde(flatten)]
    pub(crate) entity: EntityRef,
    /// What kind, in words.
    pub(crate) kind_label: &'static str,
}

impl From<EntityRef> for Named {
    fn from(entity: EntityRef) -> Self {
        Self {
            kind_label: entity.kind.label(),
            entity,
        }
    }
}

impl Asking<'_> {
    pub(crate) fn named(&self, node: sv0_model::graph::NodeId) -> Named {
        self.app.world().entity(node).into()
    }
}

/// Every endpoint.
#[rustfmt::skip]
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/meta", "meta", "The snapshot, who is asking, accounts and kinds of entities", meta::meta),
        get("/overview", "overview", "What is at risk now", meta::overview),
        get("/search", "search", "Finds entities by name, ARN, tag or account", search::search),
        get("/actions", "actions", "Finds IAM actions by their names", search::actions),
        get("/entities", "entities", "Lists entities", entities::list),
        get("/entity", "entity", "One entity: what it is, its policies, edges and findings", entities::one),
        get("/edges", "edges", "The edges of an entity", entities::edges),
        get("/document", "document", "One policy document", policies::document),
        get("/paths", "paths", "Authority paths from, to or between entities", paths::list).heavy(),
        get("/path", "path", "One authority path", paths::one),
        get("/who-can", "whoCan", "Who can do this to that, directly and through chains", questions::who_can),
        get("/can", "can", "What a principal can do", questions::can),
        get("/explain", "explain", "Why a principal can, or cannot, do something: every layer, every statement", questions::explain),
        get("/blast-radius", "blastRadius", "What an identity or workload reaches", reach::blast_radius).heavy(),
        get("/reached-by", "reachedBy", "Who reaches something", reach::reached_by).heavy(),
        get("/choke-points", "chokePoints", "What most ways to sensitive data go through", reach::choke_points).heavy(),
        post("/what-if", "whatIf", "What a change would add and take away; nothing is changed", Role::Viewer, what_if::what_if).heavy(),
        get("/compare", "compare", "What is different from the earlier snapshot", what_if::compare),
        get("/findings", "findings", "Lists findings, most severe first", findings::list),
        get("/findings/{id}", "finding", "One finding, with the changes that end it", findings::one).heavy(),
        post("/findings/{id}/suppress", "suppress", "Takes responsibility for a finding", Role::Analyst, findings::suppress),
        delete("/findings/{id}/suppress", "unsuppress", "Takes that back", Role::Analyst, findings::unsuppress),
        get("/suppressions", "suppressions", "The file of suppressions", findings::suppressions),
        get("/plan", "plan", "Which fixes end most findings, one after the other", findings::plan).heavy(),
        get("/rules", "rules", "What is looked for", findings::rules),
        file("/export", "export", "The findings in another format", findings::export).heavy(),
        get("/evidence", "evidence", "What CloudTrail saw", evidence::list),
        get("/who-did", "whoDid", "Who really did something", evidence::who_did),
        get("/unused", "unused", "What was granted and not seen in use", evidence::unused).heavy(),
        get("/coverage", "coverage", "What could not be read, and what that could change", coverage::coverage),
    ]
}
