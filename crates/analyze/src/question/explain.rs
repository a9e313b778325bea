//! Why a principal can, or cannot, do something: every layer, every statement that matches, what else stands in the
//! way.

use schemars::JsonSchema;
use serde::Serialize;
use sv0_iam::catalog::Catalog;
use sv0_iam::decide::{Decision, Hit, Layer};
use sv0_iam::syntax::Effect;
use sv0_iam::tri::Tri;
use sv0_model::coverage::Gap;
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;
use sv0_model::path::{BlockedBy, ConditionText, EntityRef, PathVerdict, StatementRef};

use super::who_can::Subject;
use crate::access::{ANY, access_filtered, access_on};
use crate::ask::{Asker, Target};
use crate::steps::describe_answer;
use crate::words;
use crate::world::World;

/// A statement that matches, or may.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Matching {
    /// Which.
    #[serde(flatten)]
    pub statement: StatementRef,
    /// Whether it hangs on unknown facts.
    pub certain: bool,
    /// Its conditions, in words.
    pub conditions: Vec<String>,
    /// The file and line it was read from, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The statement as written.
    pub text: String,
}

/// What one layer says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LayerSays {
    /// Which layer.
    pub layer: &'static str,
    /// For SCPs: the name of the level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// `allows`, `may allow`, `denies`, `may deny`, `says nothing`, `does not apply`.
    pub outcome: &'static str,
    /// In words.
    pub text: String,
    /// The statements that match.
    pub statements: Vec<Matching>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Explanation {
    /// Who.
    pub principal: EntityRef,
    /// What.
    pub action: String,
    /// On what.
    pub resource: String,
    /// The answer: what AWS would say, keys and public-access blocks included.
    pub verdict: PathVerdict,
    /// Whether a statement denies.
    pub explicit: bool,
    /// Layer by layer, in the order in which they are told.
    pub layers: Vec<LayerSays>,
    /// For conditional answers: what has to hold.
    pub conditions: Vec<ConditionText>,
    /// For denials: everything that stands in the way.
    pub blocked_by: Vec<BlockedBy>,
    /// What could change the answer.
    pub coverage_gaps: Vec<Gap>,
}

/// Asks.
#[must_use]
pub fn explain(world: &World, principal: NodeId, action: &str, subject: &Subject) -> Explanation {
    let asker = Asker::node(world, principal);
    let spelled = Catalog::embedded()
        .action(action)
        .map_or_else(|| action.to_owned(), |a| a.name().to_owned());
    let arn = concrete(world, &spelled, subject);
    let answer = asker.ask(
        &spelled,
        Target {
            arn: &arn,
            node: subject.node,
        },
    );
    let judged = describe_answer(world, &asker, &spelled, subject.node, &answer);
    let mut out = Explanation {
        principal: world.entity(principal),
        action: spelled.clone(),
        resource: arn.clone(),
        verdict: judged.verdict,
        explicit: answer.decision.verdict == sv0_iam::decide::Verdict::ExplicitDeny,
        layers: layers(world, &asker, &answer.decision, &spelled, subject),
        conditions: judged.conditions,
        blocked_by: judged.blocked,
        coverage_gaps: gaps(world, principal, subject),
    };
    // Keys and what was not collected come after the policies.
    let data = subject
        .node
        .filter(|n| crate::paths::is_data(world.node(*n).record.kind));
    if let (Some(node), Some(known)) = (data, Catalog::embedded().action(&spelled)) {
        after_policies(world, &asker, node, known.name(), subject, &mut out);
    }
    // A policy that nobody read may allow what the others do not.
    let missing = world
        .principals
        .get(&principal)
        .map_or(&[][..], |p| p.missing.as_slice());
    let only_identity = answer
        .decision
        .blocks
        .iter()
        .all(|b| b.layer == Layer::Identity && !b.explicit);
    if out.verdict == PathVerdict::Denied && only_identity && !missing.is_empty() {
        out.verdict = PathVerdict::AllowedIf;
        let text = format!("{}, which is not in the input, allows it", missing.join(" or "));
        out.conditions = vec![words::plain(text)];
        out.blocked_by.clear();
    }
    out
}

fn after_policies(
    world: &World,
    asker: &Asker<'_>,
    node: NodeId,
    action: &'static str,
    subject: &Subject,
    out: &mut Explanation,
) {
    let mut access = access_on(world, asker, node, &out.resource, action);
    // A question about a whole bucket is answered by any part of it: which part is said.
    if access.allowed.is_empty() && subject.whole {
        access = access_filtered(world, asker, node, &|asked| asked == action);
        for allowed in &mut access.allowed {
            allowed
                .conditions
                .push(words::plain(format!("only within {}", allowed.scope)));
        }
    }
    if let Some(allowed) = access.allowed.first() {
        let certain = allowed.verdict == sv0_iam::decide::Verdict::Allowed;
        out.verdict = if certain {
            PathVerdict::Allowed
        } else {
            PathVerdict::AllowedIf
        };
        out.conditions.clone_from(&allowed.conditions);
        out.blocked_by.clear();
    } else if let Some(blocked) = access
        .blocked
        .first()
        .filter(|_| out.verdict != PathVerdict::Denied)
    {
        out.verdict = PathVerdict::Denied;
        out.blocked_by.clone_from(&blocked.by);
        for by in blocked.by.iter().filter(|by| by.layer == "kms") {
            out.layers.push(LayerSays {
                layer: "kms",
                level: None,
                outcome: "denies",
                text: by.text.clone(),
                statements: by.statement.iter().filter_map(|s| quoted(world, s)).collect(),
            });
        }
    }
}

/// A statement as written, found by its reference.
fn quoted(world: &World, statement: &StatementRef) -> Option<Matching> {
    let attachment = world
        .attachments
        .iter()
        .find(|a| a.id == statement.policy_id && a.name == statement.policy)?;
    let found = attachment
        .policy
        .statements
        .iter()
        .find(|s| s.path() == statement.json_path)?;
    let document = attachment.text.as_str();
    Some(Matching {
        statement: statement.clone(),
        certain: true,
        conditions: found.conditions.iter().map(words::condition).collect(),
        place: None,
        text: document
            .get(found.start..found.end)
            .unwrap_or_default()
            .to_owned(),
    })
}

/// An action on objects of a bucket is asked about an object.
fn concrete(world: &World, action: &str, subject: &Subject) -> String {
    let bucket = subject.whole
        && subject
            .node
            .is_some_and(|n| world.node(n).record.kind == Kind::S3Bucket);
    let objects_only = Catalog::embedded().action(action).is_some_and(|found| {
        let mut types = found.resource_types().map(|usage| usage.name()).peekable();
        types.peek().is_some() && !found.resource_types().any(|usage| usage.name() == "bucket")
    });
    if bucket && objects_only {
        format!("{}/{ANY}", subject.arn)
    } else {
        subject.arn.clone()
    }
}

fn gaps(world: &World, principal: NodeId, subject: &Subject) -> Vec<Gap> {
    let concerned = [Some(principal), subject.node].into_iter().flatten();
    world
        .coverage
        .touching(&world.gaps, &world.graph, concerned.map(|node| world.id(node)))
}

fn layers(
    world: &World,
    asker: &Asker<'_>,
    decision: &Decision,
    action: &str,
    subject: &Subject,
) -> Vec<LayerSays> {
    let hits = decision.hits.as_slice();
    let principal = asker.node.and_then(|node| world.principals.get(&node));
    let account = asker
        .caller
        .account
        .as_deref()
        .and_then(|id| world.accounts.get(id));
    let owner = subject
        .node
        .and_then(|n| world.account_of(n))
        .or(asker.caller.account.as_deref());
    let theirs = owner.and_then(|id| world.accounts.get(id));
    let mut out = Vec::new();
    let who = asker
        .node
        .map_or_else(|| asker.caller.id.clone(), |n| world.label(n));
    let one = |layer: Layer, level: usize| -> Vec<&Hit> {
        hits.iter()
            .filter(|hit| hit.layer == layer && hit.level == level)
            .collect()
    };

    let identity = principal.map_or(0, |p| p.identity.len());
    let silent = if principal.is_some() {
        format!("none of the {identity} policies of {who} says anything about it")
    } else {
        format!("the policies of {who} were not collected")
    };
    out.push(says(world, "identity", None, &one(Layer::Identity, 0), silent));

    match principal.map(|p| (p.boundary, &p.boundary_missing)) {
        Some((Some(tag), _)) => {
            let name = world.attachment(tag).map_or("", |a| a.name.as_str());
            out.push(says(
                world,
                "boundary",
                None,
                &one(Layer::Boundary, 0),
                format!("the boundary {name} does not allow it"),
            ));
        }
        Some((None, Some(missing))) => out.push(not_applied(
            "boundary",
            format!("the boundary {missing} is not in the input"),
        )),
        _ => out.push(not_applied(
            "boundary",
            format!("{who} has no permissions boundary"),
        )),
    }

    let scps = account.and_then(|a| a.scps.as_ref());
    match scps {
        Some(levels) => {
            for level in 0..levels.len() {
                let name = account.and_then(|a| a.levels.get(level)).map(|n| world.label(*n));
                let text = format!("no SCP on {} allows it", name.as_deref().unwrap_or("this level"));
                out.push(says(world, "scp", name, &one(Layer::Scp, level), text));
            }
        }
        None if account.is_some_and(|a| a.management) => {
            out.push(not_applied(
                "scp",
                "SCPs do not bind the management account".into(),
            ));
        }
        None => out.push(not_applied("scp", "no SCPs are known for the account".into())),
    }
    let rcps: Vec<&Hit> = hits.iter().filter(|hit| hit.layer == Layer::Rcp).collect();
    match theirs.and_then(|a| a.rcps.as_ref()) {
        Some(_) if rcps.is_empty() => out.push(not_applied(
            "rcp",
            "no RCP of the resource's account denies it".into(),
        )),
        Some(_) => out.push(says(world, "rcp", None, &rcps, String::new())),
        None => out.push(not_applied(
            "rcp",
            "no RCPs are known for the resource's account".into(),
        )),
    }

    let resource = one(Layer::Resource, 0);
    let label = subject
        .node
        .map_or_else(|| subject.arn.clone(), |n| world.label(n));
    let has = subject.node.is_some_and(|n| {
        world.resource_policies.contains_key(&n)
            || world.principals.get(&n).is_some_and(|p| p.trust.is_some())
    });
    let silent = if has {
        format!("the policy of {label} says nothing about {who} and this action")
    } else {
        format!(
            "{label} has no policy of its own{}",
            if subject.node.is_some_and(|n| world.node(n).stub) {
                " in the input"
            } else {
                ""
            }
        )
    };
    out.push(says(world, "resource", None, &resource, silent));
    for block in &decision.blocks {
        if let Some(text) = words::refusal(world, block, action, subject.node) {
            out.push(LayerSays {
                layer: block.layer.as_str(),
                level: None,
                outcome: "denies",
                text,
                statements: Vec::new(),
            });
        }
    }
    out
}

fn not_applied(layer: &'static str, text: String) -> LayerSays {
    LayerSays {
        layer,
        level: None,
        outcome: "does not apply",
        text,
        statements: Vec::new(),
    }
}

fn says(
    world: &World,
    layer: &'static str,
    level: Option<String>,
    hits: &[&Hit],
    silent: String,
) -> LayerSays {
    let has = |effect: Effect, certainty: Tri| {
        hits.iter()
            .any(|h| h.effect == effect && h.certainty == certainty)
    };
    let outcome = if has(Effect::Deny, Tri::True) {
        "denies"
    } else if has(Effect::Deny, Tri::Unknown) {
        "may deny"
    } else if has(Effect::Allow, Tri::True) {
        "allows"
    } else if has(Effect::Allow, Tri::Unknown) {
        "may allow"
    } else {
        "says nothing"
    };
    let statements: Vec<Matching> = hits.iter().filter_map(|hit| matching(world, hit)).collect();
    let text = if statements.is_empty() {
        silent
    } else {
        String::new()
    };
    LayerSays {
        layer,
        level,
        outcome,
        text,
        statements,
    }
}

fn matching(world: &World, hit: &Hit) -> Option<Matching> {
    let attachment = world.attachment(hit.tag)?;
    let statement = attachment
        .policy
        .statements
        .iter()
        .find(|s| s.index == hit.statement)?;
    let document = attachment.text.as_str();
    let line = document
        .get(..statement.start)
        .map_or(0, |before| before.matches('\n').count());
    let place = attachment.place().map(|place| match place.line {
        Some(start) => format!("{}:{}", place.file, start + line),
        None => format!("{} {}", place.file, place.json_path),
    });
    Some(Matching {
        statement: world.statement(hit.layer, hit.tag, hit.statement)?,
        certain: hit.certainty == Tri::True,
        conditions: statement.conditions.iter().map(words::condition).collect(),
        place,
        text: document
            .get(statement.start..statement.end)
            .unwrap_or_default()
            .to_owned(),
    })
}
