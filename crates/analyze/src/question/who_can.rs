//! Who can do this to that: directly, and through chains of authority.

use rustc_hash::FxHashMap;
use serde::Serialize;
use sv0_iam::catalog::Catalog;
use sv0_iam::decide::Verdict;
use sv0_iam::name::{ActionPattern, Arn};
use sv0_model::coverage::Gap;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EntityType, Kind};
use sv0_model::path::{BlockedBy, ConditionText, EntityRef, PathVerdict, StatementRef};

use crate::access::{Access, access_filtered};
use crate::ask::{Asker, Target};
use crate::paths::Finder;
use crate::steps::{Steps, askers, judge};
use crate::world::{LookupError, World};

/// What a question is about: an entity, or an ARN below one.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The entity.
    pub node: Option<NodeId>,
    /// The ARN as asked.
    pub arn: String,
    /// Whether the ARN is the entity's own.
    pub whole: bool,
}

/// Finds what a person means by a resource: an entity's name or ARN, the ARN of an object or item below one, or `*`.
///
/// # Errors
///
/// Where a name that is no ARN means nothing, or several things.
pub fn subject(world: &World, text: &str) -> Result<Subject, LookupError> {
    if text == "*" {
        return Ok(Subject {
            node: None,
            arn: text.into(),
            whole: true,
        });
    }
    let wanted = [
        EntityType::Resource,
        EntityType::Workload,
        EntityType::Identity,
        EntityType::PermissionSet,
    ];
    match world.lookup(text, &wanted) {
        Ok(node) => Ok(Subject {
            node: Some(node),
            arn: world.id(node).to_owned(),
            whole: true,
        }),
        Err(error) => {
            let Some(arn) = Arn::parse(text) else {
                return Err(error);
            };
            // The nearest entity above: the bucket of an object, the table of an index.
            let mut above = text;
            let mut node = None;
            while let Some(cut) = above.rfind(['/', ':']) {
                above = above.get(..cut).unwrap_or_default();
                node = world.graph.find(above);
                if node.is_some() || Arn::parse(above).is_none() {
                    break;
                }
            }
            if node.is_none() && arn.account_id().is_none() && arn.service != "s3" {
                return Err(error);
            }
            Ok(Subject {
                node,
                arn: text.into(),
                whole: false,
            })
        }
    }
}

/// One who can.
#[derive(Debug, Clone, Serialize)]
pub struct Who {
    /// Who.
    pub principal: EntityRef,
    /// Whether it hangs on conditions.
    pub verdict: PathVerdict,
    /// What can be done, where the question had a wildcard.
    pub actions: Vec<String>,
    /// To which part of the resource.
    pub scope: String,
    /// What has to hold.
    pub conditions: Vec<ConditionText>,
    /// Deciding statements.
    pub statements: Vec<StatementRef>,
}

/// One who can by way of others.
#[derive(Debug, Clone, Serialize)]
pub struct Through {
    /// Who.
    pub origin: EntityRef,
    /// Whether it hangs on conditions.
    pub verdict: PathVerdict,
    /// The shortest chain, step by step in words.
    pub chain: Vec<String>,
    /// The principal at the end of the chain, who can do it directly.
    pub as_principal: EntityRef,
    /// How many steps.
    pub steps: usize,
}

/// One who is granted it and cannot.
#[derive(Debug, Clone, Serialize)]
pub struct Stopped {
    /// Who.
    pub principal: EntityRef,
    /// What stands in the way.
    pub blocked_by: Vec<BlockedBy>,
}

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub struct WhoCan {
    /// The action asked about, as the catalogue spells it.
    pub action: String,
    /// The resource asked about.
    pub resource: String,
    /// Who can by its own policies.
    pub direct: Vec<Who>,
    /// Who can by becoming or using one of those.
    pub through: Vec<Through>,
    /// Who is granted it by some policy and stopped by another.
    pub stopped: Vec<Stopped>,
    /// What could change the answer.
    pub coverage_gaps: Vec<Gap>,
}

/// Asks.
#[must_use]
pub fn who_can(world: &World, steps: &Steps, finder: &Finder<'_>, action: &str, subject: &Subject) -> WhoCan {
    let pattern = ActionPattern::new(action);
    let spelled = Catalog::embedded()
        .action(action)
        .map_or_else(|| action.to_owned(), |a| a.name().to_owned());
    let mut out = WhoCan {
        action: spelled.clone(),
        resource: subject.arn.clone(),
        direct: Vec::new(),
        through: Vec::new(),
        stopped: Vec::new(),
        coverage_gaps: world.gaps.clone(),
    };
    let mut reached = Vec::new();
    for asker in askers(world) {
        let Some(node) = asker.node else { continue };
        let data = subject.whole && subject.node.is_some_and(|n| has_parts(world.node(n).record.kind));
        if let (true, Some(resource)) = (data, subject.node) {
            let access = access_filtered(world, &asker, resource, &|asked| pattern.matches(asked));
            if !access.allowed.is_empty() {
                reached.push(node);
                out.direct.push(who(world, node, &access));
            } else if !access.blocked.is_empty() {
                let blocked_by = access.blocked.iter().flat_map(|b| b.by.clone()).collect();
                out.stopped.push(Stopped {
                    principal: world.entity(node),
                    blocked_by,
                });
            }
        } else if let Some(found) = single(world, &asker, node, &spelled, subject) {
            match found {
                Found::Can(who) => {
                    reached.push(node);
                    out.direct.push(who);
                }
                Found::Stopped(stopped) => out.stopped.push(stopped),
            }
        }
    }
    out.through = through(world, steps, finder, &reached);
    let by_id = |a: &EntityRef, b: &EntityRef| (a.kind, &a.name, &a.id).cmp(&(b.kind, &b.name, &b.id));
    out.direct.sort_by(|a, b| {
        a.verdict
            .cmp(&b.verdict)
            .then_with(|| by_id(&a.principal, &b.principal))
    });
    out.stopped.sort_by(|a, b| by_id(&a.principal, &b.principal));
    out.through.sort_by(|a, b| {
        a.verdict
            .cmp(&b.verdict)
            .then(a.steps.cmp(&b.steps))
            .then_with(|| by_id(&a.origin, &b.origin))
    });
    out
}

/// Kinds that have parts, keys or blocks of their own; others are one ARN.
const fn has_parts(kind: Kind) -> bool {
    crate::paths::is_data(kind)
}

fn who(world: &World, node: NodeId, access: &Access) -> Who {
    let certain = access.allowed.iter().any(|a| a.verdict == Verdict::Allowed);
    let best = access
        .allowed
        .iter()
        .find(|a| !certain || a.verdict == Verdict::Allowed);
    let mut statements: Vec<StatementRef> = access
        .allowed
        .iter()
        .flat_map(|a| &a.sources)
        .filter_map(|s| world.statement(s.layer, s.tag, s.statement))
        .collect();
    statements.sort();
    statements.dedup();
    Who {
        principal: world.entity(node),
        verdict: if certain {
            PathVerdict::Allowed
        } else {
            PathVerdict::AllowedIf
        },
        actions: access.allowed.iter().map(|a| a.action.to_owned()).collect(),
        scope: best.map_or(String::new(), |a| a.scope.clone()),
        conditions: best.map(|a| a.conditions.clone()).unwrap_or_default(),
        statements,
    }
}

/// What one principal is to a question.
enum Found {
    Can(Who),
    Stopped(Stopped),
}

fn single(world: &World, asker: &Asker<'_>, node: NodeId, action: &str, subject: &Subject) -> Option<Found> {
    let target = Target {
        arn: &subject.arn,
        node: subject.node,
    };
    let judged = judge(world, asker, action, target, None);
    if judged.verdict == PathVerdict::Denied {
        let same = subject
            .node
            .is_none_or(|n| world.account_of(n) == asker.caller.account.as_deref());
        return (judged.granted && same).then(|| {
            Found::Stopped(Stopped {
                principal: world.entity(node),
                blocked_by: judged.blocked,
            })
        });
    }
    Some(Found::Can(Who {
        principal: world.entity(node),
        verdict: judged.verdict,
        actions: vec![action.to_owned()],
        scope: subject.arn.clone(),
        conditions: judged.conditions,
        statements: judged.statements,
    }))
}

/// Walks the steps backwards from those who can, nearest first.
fn through(world: &World, steps: &Steps, finder: &Finder<'_>, reached: &[NodeId]) -> Vec<Through> {
    const MOST: usize = 12;
    // For each entity: the next step towards one who can, the end, the length, the worst verdict.
    let mut best: FxHashMap<NodeId, (Option<&crate::steps::Step>, NodeId, usize, PathVerdict)> = reached
        .iter()
        .map(|node| (*node, (None, *node, 0, PathVerdict::Allowed)))
        .collect();
    let mut frontier: Vec<NodeId> = reached.to_vec();
    let mut length = 0;
    while !frontier.is_empty() && length < MOST {
        length += 1;
        let mut next = Vec::new();
        for node in frontier {
            let Some(&(_, end, _, verdict)) = best.get(&node) else {
                continue;
            };
            for step in steps.to(node).filter(|step| step.verdict != PathVerdict::Denied) {
                best.entry(step.from).or_insert_with(|| {
                    next.push(step.from);
                    (Some(step), end, length, verdict.max(step.verdict))
                });
            }
        }
        frontier = next;
    }
    let mut out = Vec::new();
    for origin in finder.origins() {
        let Some(&(Some(_), end, steps_needed, verdict)) = best.get(&origin) else {
            continue;
        };
        let mut chain = Vec::new();
        let mut at = origin;
        while let Some((Some(step), ..)) = best.get(&at) {
            chain.push(step.text.clone());
            at = step.to;
        }
        out.push(Through {
            origin: world.entity(origin),
            verdict,
            chain,
            as_principal: world.entity(end),
            steps: steps_needed,
        });
    }
    out
}
