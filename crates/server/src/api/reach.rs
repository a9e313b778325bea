//! What is reached, by whom, and through what most of it goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sv0_analyze::paths::Options;
use sv0_analyze::question::choke_points::{self, Bounds};
use sv0_analyze::question::{self, BlastRadius, ChokePoints, ReachedBy, endpoints};

use crate::endpoint::Asking;
use crate::page::limit;
use crate::problem::Problem;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Of {
    /// An entity: its id, or a name where only one is called so. A group stands for its members, an account for what is in it.
    id: String,
    /// How many of each list at most.
    limit: Option<u16>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reaches {
    #[serde(flatten)]
    answer: BlastRadius,
    /// How many of `reaches` are shown.
    shown: usize,
    /// What the name was taken for, where it is not the entity itself.
    note: Option<String>,
}

pub(super) fn blast_radius(asking: &Asking<'_>, of: Of) -> Result<Reaches, Problem> {
    let app = asking.app;
    let named = app.world().lookup(&of.id, &[])?;
    let ends = endpoints::origins(app.world(), app.finder(), named);
    let mut answer =
        question::blast_radius(app.world(), app.finder(), named, &ends.nodes, Options::default());
    answer.reaches.truncate(limit(of.limit, 200));
    Ok(Reaches {
        shown: answer.reaches.len(),
        answer,
        note: ends.note,
    })
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Reached {
    #[serde(flatten)]
    answer: ReachedBy,
    /// How many of `origins` are shown.
    shown: usize,
    /// What the name was taken for, where it is not the entity itself.
    note: Option<String>,
}

pub(super) fn reached_by(asking: &Asking<'_>, of: Of) -> Result<Reached, Problem> {
    let app = asking.app;
    let named = app.world().lookup(&of.id, &[])?;
    let ends = endpoints::targets(app.world(), app.finder(), named);
    let most = limit(of.limit, 200);
    let large = app.world().graph.len() > MOST_ENTITIES;
    let options = Options {
        routes: if large { 1 } else { Options::default().routes },
        ..Options::default()
    };
    let mut answer = question::blast_radius::reached_by_some(
        app.world(),
        app.steps(),
        app.finder(),
        named,
        &ends.nodes,
        options,
        if large {
            most.min(MOST_LOOKED_AT)
        } else {
            usize::MAX
        },
    );
    answer.origins.truncate(most);
    Ok(Reached {
        shown: answer.origins.len(),
        answer,
        note: ends.note,
    })
}

/// Pairs of identity and data that are asked about for choke points; what is left out is told.
const MOST_ACCESSES: usize = 500_000;
/// Origins from which paths are looked at in large organizations; the others are counted.
const MOST_LOOKED_AT: usize = 60;
/// Entities up to which every path is looked at, and worlds without a statement are looked at: each takes as much time and memory as the whole.
const MOST_ENTITIES: usize = 20_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct To {
    /// To what; sensitive data if nothing is said.
    to: Option<String>,
    /// How many of each list at most.
    limit: Option<u16>,
}

pub(super) fn choke_points(asking: &Asking<'_>, to: To) -> Result<ChokePoints, Problem> {
    let app = asking.app;
    let targets = match &to.to {
        Some(name) => endpoints::targets(app.world(), app.finder(), app.world().lookup(name, &[])?).nodes,
        None => choke_points::sensitive(app.world(), app.finder()),
    };
    let bounds = Bounds {
        most: limit(to.limit, 20),
        accesses: MOST_ACCESSES,
        worlds: if app.world().graph.len() > MOST_ENTITIES {
            0
        } else {
            Bounds::default().worlds
        },
        ..Bounds::default()
    };
    Ok(question::choke_points(
        app.world(),
        app.steps(),
        app.finder(),
        &targets,
        bounds,
    ))
}
