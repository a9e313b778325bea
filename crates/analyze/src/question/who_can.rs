//! Who can do this to that: directly, and through chains of authority.

use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_engine::index::Bundle;
use sv0_iam::catalog::Catalog;
use sv0_iam::decide::{ResourceRule, Verdict};
use sv0_iam::name::{ActionPattern, Arn};
use sv0_model::coverage::Gap;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EntityType, Kind};
use sv0_model::path::{BlockedBy, ConditionText, EntityRef, PathVerdict, StatementRef};

use crate::access::{Access, Part, access_filtered, access_on};
use crate::alike::Actions;
use crate::ask::{Asker, Target, is_assume};
use crate::paths::Finder;
use crate::reach::{About, Hit, Room, is_asked};
use crate::steps::{Move, Steps, askers, judge};
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
    /// What has to hold on the way.
    pub conditions: Vec<ConditionText>,
}

/// One who is granted it and cannot.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Stopped {
    /// Who.
    pub principal: EntityRef,
    /// What stands in the way.
    pub blocked_by: Vec<BlockedBy>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
    who_can_some(world, steps, finder, action, subject, usize::MAX).0
}

/// How many there are, told or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Who can by its own policies.
    pub direct: usize,
    /// Who can by becoming or using one of those.
    pub through: usize,
    /// Who is granted it by some policy and stopped by another.
    pub stopped: usize,
}

/// The same, with at most so many of each list: what is left out is counted and not put into words.
#[must_use]
pub fn who_can_some(
    world: &World,
    steps: &Steps,
    finder: &Finder<'_>,
    action: &str,
    subject: &Subject,
    most: usize,
) -> (WhoCan, Totals) {
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
    for asker in candidates(world, &pattern, subject) {
        let Some(node) = asker.node else { continue };
        let data = subject.whole && subject.node.is_some_and(|n| has_parts(world.node(n).record.kind));
        if let (true, Some(resource)) = (data, subject.node) {
            let access = access_filtered(world, &asker, resource, &|asked| pattern.matches(asked));
            if !access.allowed.is_empty() {
                let certain = access.allowed.iter().any(|a| a.verdict == Verdict::Allowed);
                reached.push((
                    node,
                    if certain {
                        PathVerdict::Allowed
                    } else {
                        PathVerdict::AllowedIf
                    },
                ));
                out.direct.extend(who(world, node, &access));
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
                    reached.push((node, who.verdict));
                    out.direct.push(who);
                }
                Found::Stopped(stopped) => out.stopped.push(stopped),
            }
        }
    }
    let stopped: Vec<NodeId> = out
        .stopped
        .iter()
        .filter_map(|s| world.graph.find(&s.principal.id))
        .collect();
    let ways = Ways::new(world, steps, finder, &reached, &stopped);
    out.stopped.retain(|stopped| {
        let node = world.graph.find(&stopped.principal.id);
        !node.is_some_and(|node| ways.leads(node))
    });
    let by_id = |a: &EntityRef, b: &EntityRef| (a.kind, &a.name, &a.id).cmp(&(b.kind, &b.name, &b.id));
    out.direct.sort_by(|a, b| {
        a.verdict
            .cmp(&b.verdict)
            .then_with(|| by_id(&a.principal, &b.principal))
    });
    out.stopped.sort_by(|a, b| by_id(&a.principal, &b.principal));
    let totals = Totals {
        direct: out.direct.len(),
        through: ways.origins.len(),
        stopped: out.stopped.len(),
    };
    out.direct.truncate(most);
    out.stopped.truncate(most);
    out.through = ways.told(world, steps, most);
    (out, totals)
}

/// Whom it is worth to ask, by what the engine says of everybody at once.
fn candidates<'w>(world: &'w World, pattern: &ActionPattern, subject: &Subject) -> Vec<Asker<'w>> {
    let everybody = world.everybody();
    let reaching = world.reaching();
    let known = Catalog::embedded().action(pattern.as_str());
    let data = subject
        .node
        .filter(|node| is_asked(world.node(*node).record.kind));
    let mut room = Room::default();
    let mut found: Vec<NodeId> = match (data, known) {
        (Some(resource), _) if subject.whole => {
            let (parts, mut hits) = (reaching.parts(world, resource), Vec::new());
            reaching.who(world, resource, &parts, &mut room, &mut hits);
            let asked = |hit: &Hit| {
                let family = reaching.family_of(world, parts.get(hit.part)?);
                let mask = family.bundle.mask(|name| pattern.matches(name));
                Some((hit.possible | hit.blocked) & mask != 0)
            };
            hits.retain(|hit| asked(hit) == Some(true));
            hits.iter()
                .filter_map(|hit| everybody.node(hit.principal))
                .collect()
        }
        (Some(resource), Some(action)) => {
            let actions = Actions::from([(action.name(), AccessLevel::Read)]);
            let (part, mut hits) = (Part::named(subject.arn.clone(), &actions), Vec::new());
            reaching.who(world, resource, &[part], &mut room, &mut hits);
            hits.iter()
                .filter_map(|hit| everybody.node(hit.principal))
                .collect()
        }
        (None, Some(action)) => {
            one_action(world, action.name(), subject, &mut room);
            let rows = room.rows.iter();
            rows.filter_map(|row| everybody.node(row.principal)).collect()
        }
        (_, None) => return askers(world),
    };
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|node| Asker::node(world, node)).collect()
}

/// Asks about one action on something that has no parts of its own.
fn one_action(world: &World, action: &'static str, subject: &Subject, room: &mut Room) {
    let everybody = world.everybody();
    let bundle = Bundle::new(everybody.population(), &[action]);
    let node = subject.node.map(|node| world.node(node));
    let tags = match subject.node {
        Some(node) if is_assume(action) => world
            .principals
            .get(&node)
            .and_then(|p| p.trust)
            .into_iter()
            .collect(),
        Some(node) => world.resource_policies.get(&node).cloned().unwrap_or_default(),
        None => Vec::new(),
    };
    let stub = node.is_some_and(|node| node.stub);
    let key = node.is_some_and(|node| node.record.kind == Kind::KmsKey);
    let in_arn = Arn::parse(&subject.arn).and_then(|arn| arn.account_id());
    let owner = match node {
        Some(node) => node.record.account.as_deref(),
        None => in_arn.filter(|id| world.accounts.contains_key(*id)),
    };
    let about = About {
        arn: &subject.arn,
        node: subject.node,
        owner,
        anywhere: stub,
        policies: &everybody.policies(&tags),
        rule: if subject.node.is_some() && is_assume(action) || key && !stub {
            ResourceRule::Required
        } else {
            ResourceRule::Either
        },
        block_public_access: false,
        more: &[],
        only: None,
    };
    crate::reach::ask(world, &bundle, &about, room);
}

/// Kinds that have parts, keys or blocks of their own; others are one ARN.
const fn has_parts(kind: Kind) -> bool {
    crate::paths::is_data(kind)
}

/// One entry for each set of conditions.
fn who(world: &World, node: NodeId, access: &Access) -> Vec<Who> {
    let groups = access.by_conditions();
    let entries = groups.into_iter().map(|group| {
        let sources = group.iter().flat_map(|a| &a.sources);
        let mut statements: Vec<StatementRef> = sources
            .filter_map(|s| world.statement(s.layer, s.tag, s.statement))
            .collect();
        statements.sort();
        statements.dedup();
        let certain = group.iter().all(|a| a.verdict == Verdict::Allowed);
        Who {
            principal: world.entity(node),
            verdict: if certain {
                PathVerdict::Allowed
            } else {
                PathVerdict::AllowedIf
            },
            actions: group.iter().map(|a| a.action.to_owned()).collect(),
            scope: group.first().map_or(String::new(), |a| a.scope.clone()),
            conditions: group.first().map(|a| a.conditions.clone()).unwrap_or_default(),
            statements,
        }
    });
    entries.collect()
}

/// What one principal is to a question.
enum Found {
    Can(Who),
    Stopped(Stopped),
}

fn single(world: &World, asker: &Asker<'_>, node: NodeId, action: &str, subject: &Subject) -> Option<Found> {
    let data = subject.node.filter(|n| has_parts(world.node(*n).record.kind));
    if let (Some(resource), Some(known)) = (data, Catalog::embedded().action(action)) {
        let access = access_on(world, asker, resource, &subject.arn, known.name());
        let stopped = || access.blocked.iter().flat_map(|b| b.by.clone()).collect();
        return match who(world, node, &access).pop() {
            Some(found) => Some(Found::Can(found)),
            None if access.blocked.is_empty() => None,
            None => Some(Found::Stopped(Stopped {
                principal: world.entity(node),
                blocked_by: stopped(),
            })),
        };
    }
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

/// The way from an entity to one who can.
#[derive(Clone, Copy)]
struct Way<'s> {
    next: Option<&'s Move>,
    end: NodeId,
    length: usize,
    verdict: PathVerdict,
}

/// The ways to those who can.
struct Ways<'s> {
    best: FxHashMap<NodeId, Way<'s>>,
    /// Who has one, best first.
    origins: Vec<NodeId>,
}

impl<'s> Ways<'s> {
    /// Walks the steps backwards from those who can: first over what is certain, so that a way that hangs on nothing is
    /// preferred to a shorter one that does.
    fn new(
        world: &World,
        steps: &'s Steps,
        finder: &Finder<'_>,
        reached: &[(NodeId, PathVerdict)],
        stopped: &[NodeId],
    ) -> Self {
        let mut best: FxHashMap<NodeId, Way<'s>> = FxHashMap::default();
        for certain in [PathVerdict::Allowed, PathVerdict::AllowedIf] {
            let start = reached.iter().filter(|(_, verdict)| *verdict <= certain);
            for &(node, verdict) in start {
                best.entry(node).or_insert(Way {
                    next: None,
                    end: node,
                    length: 0,
                    verdict,
                });
            }
            widen(world, steps, certain, &mut best);
        }
        let mut out = Self {
            best,
            origins: Vec::new(),
        };
        let mut wanted = finder.origins();
        wanted.extend(stopped.iter().copied());
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|origin| out.leads(*origin));
        wanted.sort_by_cached_key(|origin| {
            let record = &world.node(*origin).record;
            let way = out.best.get(origin).map(|way| (way.verdict, way.length));
            (way, record.kind, world.label(*origin), record.id.clone())
        });
        out.origins = wanted;
        out
    }

    /// Whether somebody gets to one who can, by others.
    fn leads(&self, node: NodeId) -> bool {
        self.best.get(&node).is_some_and(|way| way.next.is_some())
    }

    /// The best ways in words.
    fn told(&self, world: &World, steps: &Steps, most: usize) -> Vec<Through> {
        let each = self.origins.iter().take(most).filter_map(|origin| {
            let way = self.best.get(origin)?;
            let (mut chain, mut conditions, mut at) = (Vec::new(), Vec::new(), *origin);
            while let Some(step) = self.best.get(&at).and_then(|way| way.next) {
                if let Some(told) = steps.describe(world, step) {
                    chain.push(told.text.clone());
                    conditions.extend(told.conditions.clone());
                }
                at = step.to;
            }
            Some(Through {
                origin: world.entity(*origin),
                verdict: way.verdict,
                chain,
                as_principal: world.entity(way.end),
                steps: way.length,
                conditions,
            })
        });
        each.collect()
    }
}

fn widen<'s>(world: &World, steps: &'s Steps, certain: PathVerdict, best: &mut FxHashMap<NodeId, Way<'s>>) {
    const MOST: usize = 12;
    let mut frontier: Vec<NodeId> = best.keys().copied().collect();
    frontier.sort_unstable_by_key(|node| (best.get(node).map_or(0, |way| way.length), *node));
    for _ in 0..MOST {
        let mut next = Vec::new();
        for node in frontier {
            let Some(way) = best.get(&node).copied() else {
                continue;
            };
            for step in steps.to(node).filter(|step| step.verdict != PathVerdict::Denied) {
                if best.contains_key(&step.from) {
                    continue;
                }
                let verdict = steps.verdict(world, step);
                if verdict > certain {
                    continue;
                }
                best.entry(step.from).or_insert_with(|| {
                    next.push(step.from);
                    let verdict = way.verdict.max(verdict);
                    Way {
                        next: Some(step),
                        end: way.end,
                        length: way.length + 1,
                        verdict,
                    }
                });
            }
        }
        frontier = next;
    }
}
