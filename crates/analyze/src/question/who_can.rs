//! Who can do this to that: directly, and through chains of authority.

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rustc_hash::{FxHashMap, FxHashSet};
use schemars::JsonSchema;
use serde::Serialize;
use sv0_engine::index::{Bundle, Mask};
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
    let candidates = candidates(world, &pattern, subject);
    let order = finder.order();
    // Of many only those that are shown are put into words: the engine says of nearly all of them whether they can.
    let many = most < usize::MAX && candidates.len() > FEW;
    let told = |candidate: &&Candidate| !many || candidate.known == Known::Open;
    let look = |node: NodeId| look(world, node, &pattern, &spelled, subject);
    let mut looked: Vec<Looked> = {
        let open: Vec<&Candidate> = candidates.iter().filter(told).collect();
        open.par_iter().filter_map(|one| look(one.node)).collect()
    };
    let known = |wanted: Known| {
        let of_this = candidates.iter().filter(|one| many && one.known == wanted);
        let mut nodes: Vec<NodeId> = of_this.map(|one| one.node).collect();
        nodes.sort_unstable_by_key(|node| order.rank(*node));
        nodes
    };
    let (certain, mut blocked) = (known(Known::Certain), known(Known::Blocked));
    let shown = certain.get(..certain.len().min(most)).unwrap_or_default();
    looked.extend(
        shown
            .par_iter()
            .filter_map(|node| look(*node))
            .collect::<Vec<_>>(),
    );

    let mut reached: Vec<(NodeId, PathVerdict)> = certain
        .iter()
        .map(|node| (*node, PathVerdict::Allowed))
        .chain(looked.iter().filter_map(|one| Some((one.node, one.verdict?))))
        .collect();
    reached.sort_unstable();
    reached.dedup_by_key(|(node, _)| *node);
    blocked.extend(
        looked
            .iter()
            .filter(|one| one.stopped.is_some())
            .map(|one| one.node),
    );
    let ways = Ways::new(world, steps, finder, &reached, &blocked);
    blocked.retain(|node| !ways.leads(*node));
    blocked.sort_unstable_by_key(|node| order.rank(*node));

    let totals = Totals {
        direct: reached.len(),
        through: ways.origins.len(),
        stopped: blocked.len(),
    };
    let mut direct: Vec<Who> = Vec::new();
    let mut stopped: FxHashMap<NodeId, Stopped> = FxHashMap::default();
    for one in looked {
        direct.extend(one.can);
        stopped.extend(one.stopped.map(|stopped| (one.node, stopped)));
    }
    let by_id = |a: &EntityRef, b: &EntityRef| (a.kind, &a.name, &a.id).cmp(&(b.kind, &b.name, &b.id));
    direct.sort_by(|a, b| {
        a.verdict
            .cmp(&b.verdict)
            .then_with(|| by_id(&a.principal, &b.principal))
    });
    direct.truncate(most);
    let stopped = blocked.iter().take(most).filter_map(|node| {
        let known = stopped.remove(node);
        known.or_else(|| look(*node)?.stopped)
    });
    let out = WhoCan {
        action: spelled.clone(),
        resource: subject.arn.clone(),
        direct,
        through: ways.told(world, steps, most),
        stopped: stopped.collect(),
        coverage_gaps: world.gaps.clone(),
    };
    (out, totals)
}

/// Candidates that are all looked at closely, so that every one is counted as it is told.
const FEW: usize = 300;

/// What the engine says of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It can, whatever the circumstances.
    Certain,
    /// Whether it can is to be looked at.
    Open,
    /// It is granted it somewhere, and stopped.
    Blocked,
}

/// Somebody whom it is worth to ask.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    node: NodeId,
    known: Known,
}

/// What one principal is to the question.
struct Looked {
    node: NodeId,
    /// Whether it can.
    verdict: Option<PathVerdict>,
    /// One entry for each set of conditions.
    can: Vec<Who>,
    stopped: Option<Stopped>,
}

/// Looks closely; nothing where it has nothing to do with the question.
fn look(
    world: &World,
    node: NodeId,
    pattern: &ActionPattern,
    action: &str,
    subject: &Subject,
) -> Option<Looked> {
    let asker = Asker::node(world, node);
    let mut looked = Looked {
        node,
        verdict: None,
        can: Vec::new(),
        stopped: None,
    };
    let resource = subject
        .node
        .filter(|node| subject.whole && has_parts(world.node(*node).record.kind));
    let Some(resource) = resource else {
        match single(world, &asker, node, action, subject)? {
            Found::Can(who) => {
                looked.verdict = Some(who.verdict);
                looked.can.push(who);
            }
            Found::Stopped(stopped) => looked.stopped = Some(stopped),
        }
        return Some(looked);
    };
    let access = access_filtered(world, &asker, resource, &|asked| pattern.matches(asked));
    if !access.allowed.is_empty() {
        let certain = access.allowed.iter().any(|a| a.verdict == Verdict::Allowed);
        looked.verdict = Some(if certain {
            PathVerdict::Allowed
        } else {
            PathVerdict::AllowedIf
        });
        looked.can = who(world, node, &access);
        return Some(looked);
    }
    if access.blocked.is_empty() {
        return None;
    }
    looked.stopped = Some(Stopped {
        principal: world.entity(node),
        blocked_by: access.blocked.iter().flat_map(|b| b.by.clone()).collect(),
    });
    Some(looked)
}

/// Whom it is worth to ask, by what the engine says of everybody at once.
fn candidates(world: &World, pattern: &ActionPattern, subject: &Subject) -> Vec<Candidate> {
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
            return by_engine(world, pattern, &parts, &hits);
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
        (_, None) => askers(world).into_iter().filter_map(|asker| asker.node).collect(),
    };
    found.sort_unstable();
    found.dedup();
    let known = Known::Open;
    found.into_iter().map(|node| Candidate { node, known }).collect()
}

/// What hits say of everybody who has one for the actions that are asked about.
fn by_engine(world: &World, pattern: &ActionPattern, parts: &[Part], hits: &[Hit]) -> Vec<Candidate> {
    let everybody = world.everybody();
    let masks: Vec<Mask> = parts
        .iter()
        .map(|part| {
            let family = world.reaching().family_of(world, part);
            family.bundle.mask(|name| pattern.matches(name))
        })
        .collect();
    let mut found: Vec<Candidate> = hits
        .iter()
        .filter_map(|hit| {
            let mask = masks.get(hit.part).copied().unwrap_or(0);
            let known = if hit.certain & mask != 0 {
                Known::Certain
            } else if hit.possible & mask != 0 {
                Known::Open
            } else if hit.blocked & mask != 0 {
                Known::Blocked
            } else {
                return None;
            };
            let node = everybody.node(hit.principal)?;
            Some(Candidate { node, known })
        })
        .collect();
    // What somebody can do to any part counts.
    found.sort_unstable_by_key(|one| (one.node, one.known as u8));
    found.dedup_by_key(|one| one.node);
    found
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

/// The best way of each entity that has one. There are as many places as entities: looking one up is all that most of the
/// work is.
#[derive(Default)]
struct Best<'s> {
    /// By entity, the place of its way in `all` and one; 0 for none.
    places: Vec<u32>,
    all: Vec<(NodeId, Way<'s>)>,
}

impl<'s> Best<'s> {
    fn new(nodes: usize) -> Self {
        Self {
            places: vec![0; nodes],
            all: Vec::new(),
        }
    }

    fn has(&self, node: NodeId) -> bool {
        self.places.get(node.index()).is_some_and(|place| *place != 0)
    }

    fn get(&self, node: NodeId) -> Option<&Way<'s>> {
        let place = *self.places.get(node.index())? as usize;
        self.all.get(place.checked_sub(1)?).map(|(_, way)| way)
    }

    /// The first one stays. Says whether it is this.
    fn put(&mut self, node: NodeId, way: Way<'s>) -> bool {
        let Some(place) = self.places.get_mut(node.index()).filter(|place| **place == 0) else {
            return false;
        };
        self.all.push((node, way));
        *place = u32::try_from(self.all.len()).unwrap_or(0);
        true
    }
}

/// The ways to those who can.
struct Ways<'s> {
    best: Best<'s>,
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
        let mut best = Best::new(world.graph.len());
        for certain in [PathVerdict::Allowed, PathVerdict::AllowedIf] {
            let start = reached.iter().filter(|(_, verdict)| *verdict <= certain);
            for &(node, verdict) in start {
                let way = Way {
                    next: None,
                    end: node,
                    length: 0,
                    verdict,
                };
                best.put(node, way);
            }
            widen(world, steps, certain, &mut best);
        }
        let mut out = Self {
            best,
            origins: Vec::new(),
        };
        let order = finder.order();
        let stopped: FxHashSet<NodeId> = stopped.iter().copied().collect();
        let leads = |(node, way): &(NodeId, Way<'_>)| {
            let wanted = way.next.is_some() && (order.is_origin(*node) || stopped.contains(node));
            wanted.then_some((way.verdict, way.length, order.rank(*node), *node))
        };
        let mut wanted: Vec<_> = out.best.all.iter().filter_map(leads).collect();
        wanted.sort_unstable();
        let wanted = wanted.into_iter().map(|(.., node)| node).collect();
        out.origins = wanted;
        out
    }

    /// Whether somebody gets to one who can, by others.
    fn leads(&self, node: NodeId) -> bool {
        self.best.get(node).is_some_and(|way| way.next.is_some())
    }

    /// The best ways in words.
    fn told(&self, world: &World, steps: &Steps, most: usize) -> Vec<Through> {
        let each = self.origins.iter().take(most).filter_map(|origin| {
            let way = self.best.get(*origin)?;
            let (mut chain, mut conditions, mut at) = (Vec::new(), Vec::new(), *origin);
            while let Some(step) = self.best.get(at).and_then(|way| way.next) {
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

fn widen<'s>(world: &World, steps: &'s Steps, certain: PathVerdict, best: &mut Best<'s>) {
    const MOST: usize = 12;
    let mut frontier: Vec<NodeId> = best.all.iter().map(|(node, _)| *node).collect();
    frontier.sort_unstable_by_key(|node| (best.get(*node).map_or(0, |way| way.length), *node));
    for _ in 0..MOST {
        let mut next = Vec::new();
        for node in frontier {
            let Some(way) = best.get(node).copied() else {
                continue;
            };
            for step in steps.to(node).filter(|step| step.verdict != PathVerdict::Denied) {
                if best.has(step.from) {
                    continue;
                }
                let verdict = steps.verdict(world, step);
                if verdict > certain {
                    continue;
                }
                let way = Way {
                    next: Some(step),
                    end: way.end,
                    length: way.length + 1,
                    verdict: way.verdict.max(verdict),
                };
                if best.put(step.from, way) {
                    next.push(step.from);
                }
            }
        }
        frontier = next;
    }
}
