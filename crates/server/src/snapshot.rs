//! What the server answers from: one snapshot, with its evidence and, to compare with, an earlier one.

use std::collections::HashMap;
use std::path::PathBuf;

use sv0_analyze::World;
use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::steps::Steps;
use sv0_evidence::Reading;
use sv0_evidence::action;
use sv0_evidence::event::Outcome;
use sv0_evidence::names::same;
use sv0_rules::observed::Use;
use sv0_rules::review::Version;

/// What was read.
pub struct Snapshot {
    /// What people call it: a file, or `acme, a made-up organisation`.
    pub name: String,
    /// Whether it is the made-up organisation.
    pub demo: bool,
    /// When it was collected, ISO 8601, where it says so.
    pub observed_at: Option<String>,
    /// The day on which findings are decided, ISO 8601.
    pub today: Option<String>,
    /// The world.
    pub world: World,
    /// Its steps.
    pub steps: Steps,
    /// The user's rules for what is sensitive.
    pub rules: Rules,
    /// What CloudTrail's records say; none where none were given.
    pub reading: Option<Reading>,
    /// An earlier snapshot.
    pub before: Option<Before>,
    /// The file of suppressions, which exists or is made with the first one.
    pub suppressions: Option<PathBuf>,
}

/// An earlier snapshot.
#[derive(Debug)]
pub struct Before {
    /// What people call it.
    pub name: String,
    /// When it was collected.
    pub observed_at: Option<String>,
    /// What was in it.
    pub version: Version,
    /// What is in the one that is served, as it was read: a world's own records are not quite those.
    pub current: Version,
}

/// What findings need of the evidence: every use that succeeded, each once, with the names of the configuration.
#[must_use]
pub fn uses(reading: &Reading, world: &World) -> Vec<Use> {
    let graph = &world.graph;
    let mut by_last: HashMap<&str, Vec<&str>> = HashMap::new();
    for (_, node) in graph.nodes() {
        let id = node.record.id.as_str();
        by_last.entry(last_part(id)).or_default().push(id);
    }
    // What a record made of a name is found by its last part; a secret's has six characters more.
    let full = |recorded: &str| -> String {
        if recorded == "*" || graph.find(recorded).is_some() {
            return recorded.to_owned();
        }
        let near = by_last.get(last_part(recorded)).into_iter().flatten();
        let found = near.copied().find(|id| same(id, recorded));
        found.unwrap_or(recorded).to_owned()
    };
    let mut out: Vec<Use> = reading
        .evidence
        .uses()
        .filter(|one| matches!(one.outcome, Outcome::Success))
        .flat_map(|one| {
            let (principal, resource) = (full(one.principal), full(one.resource));
            let actions = action::actions(one.source, one.name).into_iter();
            actions.map(move |action| Use {
                principal: principal.clone(),
                action: action.to_owned(),
                resource: resource.clone(),
            })
        })
        .collect();
    out.sort();
    out.dedup();
    out
}

fn last_part(id: &str) -> &str {
    id.rsplit(['/', ':']).next().unwrap_or(id)
}
