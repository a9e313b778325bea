//! What a principal can do: to data, and with other identities and workloads.

use schemars::JsonSchema;
use serde::Serialize;
use sv0_iam::decide::Verdict;
use sv0_model::coverage::Gap;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, Sensitivity};
use sv0_model::path::{BlockedBy, ConditionText, EntityRef, PathVerdict};

use crate::paths::Finder;
use crate::steps::Steps;
use crate::world::World;

/// What can be done to one resource or scope.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reach {
    /// The resource or scope.
    pub resource: EntityRef,
    /// Of the resource.
    pub sensitivity: Sensitivity,
    /// Whether all of it hangs on conditions.
    pub verdict: PathVerdict,
    /// Lightest first.
    pub access_levels: Vec<AccessLevel>,
    /// The actions.
    pub actions: Vec<String>,
    /// The part of the resource that the actions are limited to, where they do not reach all of it.
    pub scope: Option<String>,
    /// The policies that grant.
    pub policies: Vec<String>,
    /// What has to hold, where nothing is certain.
    pub conditions: Vec<ConditionText>,
    /// What is granted and yet denied.
    pub blocked: Vec<BlockedBy>,
    /// Whether a broader scope in the list says the same.
    pub within_scope: bool,
}

/// What another entity can be used for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Use {
    /// What kind of step.
    pub edge: EdgeKind,
    /// The other entity.
    pub to: EntityRef,
    /// Whether it is real.
    pub verdict: PathVerdict,
    /// In words.
    pub text: String,
    /// What has to hold.
    pub conditions: Vec<ConditionText>,
    /// What stands in the way.
    pub blocked_by: Vec<BlockedBy>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Can {
    /// Who was asked about.
    pub principal: EntityRef,
    /// Whether it is an administrator of its account.
    pub administrator: bool,
    /// Its policies, by name.
    pub policies: Vec<String>,
    /// Policies attached to it, or to its groups, whose documents are not in the input.
    pub policies_missing: Vec<String>,
    /// Its permissions boundary.
    pub boundary: Option<String>,
    /// The SCPs that bind it, by name.
    pub scps: Vec<String>,
    /// What it can do to data.
    pub reaches: Vec<Reach>,
    /// Whom it can become and what it can set in motion.
    pub uses: Vec<Use>,
    /// What could change the answer.
    pub coverage_gaps: Vec<Gap>,
}

/// Asks.
#[must_use]
pub fn can(world: &World, steps: &Steps, finder: &Finder<'_>, principal: NodeId) -> Can {
    let mut reaches: Vec<Reach> = finder
        .targets()
        .into_iter()
        .flat_map(|target| reach(world, finder, principal, target))
        .collect();
    let scopes: Vec<(String, Vec<String>)> = reaches
        .iter()
        .filter(|r| {
            r.resource.kind == sv0_model::kind::Kind::ResourceScope && r.verdict == PathVerdict::Allowed
        })
        .map(|r| (r.resource.id.clone(), r.actions.clone()))
        .collect();
    for reach in &mut reaches {
        reach.within_scope = scopes.iter().any(|(scope, actions)| {
            *scope != reach.resource.id
                && covers(scope, &reach.resource)
                && (actions.iter().any(|a| a == "*") || reach.actions.iter().all(|a| actions.contains(a)))
        });
    }
    reaches.sort_by(|a, b| {
        (b.sensitivity, a.resource.kind, &a.resource.name).cmp(&(
            a.sensitivity,
            b.resource.kind,
            &b.resource.name,
        ))
    });
    let known = world.principals.get(&principal);
    let names = |tags: &[u32]| -> Vec<String> {
        tags.iter()
            .filter_map(|tag| world.attachment(*tag))
            .map(|a| a.name.clone())
            .collect()
    };
    let account = world.account_of(principal).and_then(|id| world.accounts.get(id));
    let scps = account
        .and_then(|a| a.scps.as_ref())
        .map(|levels| names(&levels.concat()))
        .unwrap_or_default();
    let id = world.id(principal);
    Can {
        principal: world.entity(principal),
        administrator: reaches
            .iter()
            .any(|r| crate::scope::is_everything(&r.resource.id) && r.verdict == PathVerdict::Allowed),
        policies: known.map(|p| names(&p.identity)).unwrap_or_default(),
        policies_missing: known.map(|p| p.missing.clone()).unwrap_or_default(),
        boundary: known.and_then(|p| {
            p.boundary
                .map(|tag| names(&[tag]).join(", "))
                .or_else(|| p.boundary_missing.clone())
        }),
        scps,
        uses: steps
            .from(principal)
            .filter_map(|found| steps.describe(world, found))
            .map(|step| Use {
                edge: step.edge,
                to: world.entity(step.to),
                verdict: step.verdict,
                text: step.text.clone(),
                conditions: step.conditions.clone(),
                blocked_by: step.blocked.clone(),
            })
            .collect(),
        coverage_gaps: world
            .gaps
            .iter()
            .filter(|gap| gap.entity.as_deref().is_none_or(|entity| entity == id))
            .cloned()
            .collect(),
        reaches,
    }
}

/// One entry for each set of conditions; what is denied is told with the first.
fn reach(world: &World, finder: &Finder<'_>, principal: NodeId, target: NodeId) -> Vec<Reach> {
    let access = finder.access(principal, target);
    let mut groups = access.by_conditions();
    if groups.is_empty() && !access.blocked.is_empty() {
        groups.push(Vec::new());
    }
    let mut blocked: Vec<BlockedBy> = access.blocked.iter().flat_map(|b| b.by.clone()).collect();
    let entries = groups.into_iter().map(|group| {
        let mut levels: Vec<AccessLevel> = group.iter().map(|a| a.level).collect();
        levels.sort_unstable();
        levels.dedup();
        let sources = group.iter().flat_map(|a| &a.sources);
        let mut policies: Vec<String> = sources
            .filter_map(|s| world.attachment(s.tag))
            .map(|a| a.name.clone())
            .collect();
        policies.sort();
        policies.dedup();
        let certain = group.iter().all(|a| a.verdict == Verdict::Allowed);
        Reach {
            resource: world.entity(target),
            sensitivity: world.node(target).sensitivity,
            verdict: match (group.is_empty(), certain) {
                (true, _) => PathVerdict::Denied,
                (false, true) => PathVerdict::Allowed,
                (false, false) => PathVerdict::AllowedIf,
            },
            access_levels: levels,
            actions: group.iter().map(|a| a.action.to_owned()).collect(),
            scope: crate::paths::narrower(world.id(target), &group),
            policies,
            conditions: group.first().map(|a| a.conditions.clone()).unwrap_or_default(),
            blocked: std::mem::take(&mut blocked),
            within_scope: false,
        }
    });
    entries.collect()
}

/// Whether a scope holds a resource, told by its id.
#[must_use]
pub fn covers(scope: &str, resource: &EntityRef) -> bool {
    if crate::scope::is_everything(scope) {
        let account = scope.split(':').nth(4);
        return account == resource.account.as_deref() && resource.id != scope;
    }
    sv0_iam::name::Glob::new(scope).matches(&resource.id)
}
