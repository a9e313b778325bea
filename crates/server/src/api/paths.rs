//! Authority paths.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sv0_analyze::World;
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::question::endpoints::{self, Endpoints};
use sv0_analyze::question::{blast_radius, routes};
use sv0_analyze::world::LookupError;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EntityType, Sensitivity};
use sv0_model::path::{EntityRef, Path};

use crate::endpoint::Asking;
use crate::page::{Cursor, Page, limit};
use crate::problem::Problem;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ends {
    /// Where authority starts: an entity's id or name. A group stands for its members, a policy for its holders, an account
    /// for what is in it.
    from: Option<String>,
    /// What is reached. Of `from` and `to` at least one must be there.
    to: Option<String>,
    /// The paths that something stops instead of those that are there.
    #[serde(default)]
    blocked: bool,
    /// Of parallel routes between two entities, how many.
    #[schemars(range(min = 1, max = 100))]
    routes: Option<u8>,
    /// Only to data of at least this sensitivity.
    sensitivity: Option<Sensitivity>,
    /// How many at most.
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<Cursor>,
}

/// Paths.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Paths {
    #[serde(flatten)]
    page: Page<Path>,
    /// What the names were taken for, where they are not the entities themselves.
    notes: Vec<String>,
    /// Parallel routes that are left out.
    more_routes: usize,
    /// What is nearest, where there is no path between two ends.
    no_path: Option<NoPath>,
}

/// What is nearest, where there is no path.
#[derive(Debug, Serialize, JsonSchema)]
struct NoPath {
    /// The shortest path that something stops.
    nearest: Option<Path>,
    /// What is reached from the one end.
    reaches: Vec<EntityRef>,
    /// What leads to the other.
    leads: Vec<EntityRef>,
}

/// Origins that are followed for one question; with more, the answer is of the first.
const MOST_ORIGINS: usize = 20_000;

fn origins(world: &World, finder: &Finder<'_>, name: &str) -> Result<Endpoints, LookupError> {
    let usual = [EntityType::Identity, EntityType::Workload, EntityType::Resource];
    let node = world.lookup(name, &usual).or_else(|error| match error {
        LookupError::Unknown { .. } => world.lookup(name, &[]),
        LookupError::Ambiguous { .. } => Err(error),
    })?;
    Ok(endpoints::origins(world, finder, node))
}

/// Entities above which an organization is large: then only some origins are followed, and the answer says so.
const LARGE: usize = 20_000;

/// Targets for which it pays to look first what leads to them.
const FEW: usize = 50;

/// Both ends of what was asked.
struct Between {
    from: Endpoints,
    to: Endpoints,
    /// Whether not all origins were followed.
    cut: bool,
}

fn between(asking: &Asking<'_>, ends: &Ends) -> Result<Between, Problem> {
    let (world, finder) = (asking.app.world(), asking.app.finder());
    if ends.from.is_none() && ends.to.is_none() {
        return Err(Problem::invalid("say `from`, `to` or both"));
    }
    let to = match &ends.to {
        Some(name) => endpoints::targets(world, finder, world.lookup(name, &[])?),
        None => Endpoints {
            nodes: finder.targets(),
            ..Endpoints::default()
        },
    };
    let mut from = match &ends.from {
        Some(name) => origins(world, finder, name)?,
        None => Endpoints {
            nodes: if ends.blocked && world.graph.len() <= LARGE {
                finder.origins()
            } else {
                blast_radius::leading(world, asking.app.steps(), finder, &to.nodes)
            },
            ..Endpoints::default()
        },
    };
    let most = if world.graph.len() > LARGE {
        FEW
    } else {
        MOST_ORIGINS
    };
    let cut = from.nodes.len() > most;
    from.nodes.truncate(most);
    Ok(Between { from, to, cut })
}

fn find(asking: &Asking<'_>, between: &Between, options: Options) -> (Vec<Path>, bool) {
    let (world, steps, finder) = (asking.app.world(), asking.app.steps(), asking.app.finder());
    // What does not lead there is on no path that ends there; steps that something stops are on stopped paths.
    let on_the_way = (between.to.nodes.len() <= FEW && !options.blocked)
        .then(|| blast_radius::leads_to(world, steps, finder, &between.to.nodes));
    let within = |node: NodeId| on_the_way.as_ref().is_none_or(|nodes| nodes.contains(&node));
    let follow = |origin: &NodeId| finder.from_within(*origin, &between.to.nodes, options, &within);
    let found: Vec<_> = between.from.nodes.par_iter().map(follow).collect();
    let cut = between.cut || found.iter().any(|found| found.cut);
    let mut paths: Vec<Path> = found.into_iter().flat_map(|found| found.paths).collect();
    if let Some(policy) = &between.from.policy {
        paths.retain(|path| path.chain.contains(policy));
    }
    (paths, cut)
}

pub(super) fn list(asking: &Asking<'_>, ends: Ends) -> Result<Paths, Problem> {
    let app = asking.app;
    let routes = ends.routes.map_or(3, usize::from).max(1);
    let options = Options {
        blocked: ends.blocked,
        routes: routes.max(Options::default().routes),
        ..Options::default()
    };
    let between = between(asking, &ends)?;
    let (mut paths, cut) = find(asking, &between, options);
    if let Some(least) = ends.sensitivity {
        paths.retain(|path| path.sensitivity >= least);
    }
    let more_routes = routes::keep_best(&mut paths, routes);
    routes::sort(&mut paths);
    let mut no_path = None;
    if paths.is_empty() && ends.from.is_some() && ends.to.is_some() && !ends.blocked {
        let (from, to) = (&between.from.nodes, &between.to.nodes);
        let nearest = routes::no_path(app.world(), app.steps(), app.finder(), from, to, options);
        no_path = Some(NoPath {
            nearest: nearest.stopped,
            reaches: nearest.reached.into_iter().take(50).collect(),
            leads: nearest.leading.into_iter().take(50).collect(),
        });
    }
    let mut page = Page::of(paths, ends.cursor.as_ref(), limit(ends.limit, 50))?;
    page.at_least = cut;
    app.annotate(&mut page.items);
    if let Some(path) = no_path.as_mut().and_then(|none| none.nearest.as_mut()) {
        app.annotate([path]);
    }
    Ok(Paths {
        page,
        notes: [between.from.note, between.to.note]
            .into_iter()
            .flatten()
            .collect(),
        more_routes,
        no_path,
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct One {
    /// The path's id.
    id: String,
    /// The id of its origin.
    from: String,
    /// The id of its target.
    to: String,
}

pub(super) fn one(asking: &Asking<'_>, one: One) -> Result<Path, Problem> {
    let app = asking.app;
    let (world, finder) = (app.world(), app.finder());
    let between = Between {
        from: origins(world, finder, &one.from)?,
        to: endpoints::targets(world, finder, world.lookup(&one.to, &[])?),
        cut: false,
    };
    let options = Options {
        routes: routes::MOST,
        ..Options::default()
    };
    // A path is there or stopped: its id does not say which.
    for blocked in [false, true] {
        let (paths, _) = find(asking, &between, Options { blocked, ..options });
        if let Some(mut path) = paths.into_iter().find(|path| path.id == one.id) {
            app.annotate([&mut path]);
            return Ok(path);
        }
    }
    Err(Problem::not_found(format!(
        "there is no path `{}` from `{}` to `{}` in this snapshot",
        one.id, one.from, one.to
    )))
}
