//! Privilege escalation: who can take more authority than it was given, by the techniques of the catalogue.
//!
//! One finding for each principal: ten techniques that all give the same are ten reasons for one change. Where several
//! permissions that look harmless alone make somebody administrator together, it is a toxic combination.

use std::collections::BTreeSet;

use rayon::prelude::*;
use sv0_analyze::steps::technique::{On, Technique};
use sv0_model::finding::Factor;
use sv0_model::graph::NodeId;
use sv0_model::kind::{Kind, Sensitivity};
use sv0_model::path::{Path, PathVerdict};

use super::trust::workloads_of;
use super::words::{count, name, names};
use crate::draft::Draft;
use crate::fix::Idea;
use crate::ground::Ground;
use crate::severity::{Exposure, Impact};

/// One thing that a technique gives.
struct Gain {
    technique: &'static Technique,
    to: NodeId,
    impact: Impact,
    verdict: PathVerdict,
}

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    all(ground, false)
}

pub(super) fn toxic(ground: &Ground<'_>) -> Vec<Draft> {
    all(ground, true)
}

fn all(ground: &Ground<'_>, toxic: bool) -> Vec<Draft> {
    let world = ground.world;
    let principals: Vec<NodeId> = world.principals.keys().copied().collect();
    principals
        .into_par_iter()
        .filter(|who| !ground.is_administrator(*who))
        .filter_map(|who| one(ground, who, toxic))
        .collect()
}

fn one(ground: &Ground<'_>, who: NodeId, toxic: bool) -> Option<Draft> {
    let world = ground.world;
    let own = ground.own(who);
    let mut gains: Vec<Gain> = ground
        .real_from(who)
        .filter_map(|found| {
            let technique = ground.steps.technique(found)?;
            let impact = ground.leads_to(found.to);
            let is_toxic = is_combination(technique) && impact >= Impact::Account;
            (is_toxic == toxic && gives(ground, own, impact, found.to)).then_some(Gain {
                technique,
                to: found.to,
                impact,
                verdict: found.verdict,
            })
        })
        .collect();
    gains.sort_by_key(|gain| (std::cmp::Reverse(gain.impact), gain.verdict, gain.to));
    let mut targets: Vec<NodeId> = Vec::new();
    for gain in &gains {
        if !targets.contains(&gain.to) {
            targets.push(gain.to);
        }
    }
    let known: BTreeSet<String> = gains
        .iter()
        .map(|gain| format!("({})", gain.technique.id))
        .collect();
    let paths = paths(ground, who, &targets, &known);
    let best = paths.iter().map(|path| path.verdict).min()?;
    let techniques: BTreeSet<&str> = gains.iter().map(|gain| gain.technique.id.as_str()).collect();
    let first = gains.first()?;
    let whole = matches!(world.node(first.to).record.kind, Kind::ResourceScope);
    let becomes = if whole {
        format!("can give itself {}", world.label(first.to))
    } else if targets.len() == 1 {
        format!("can act as {}", world.label(first.to))
    } else {
        format!("can act as {}", names(world, &targets, 1))
    };
    let title = if toxic {
        format!(
            "{}: permissions that together make an administrator: it {becomes}",
            name(world, who)
        )
    } else {
        format!("{} {becomes}", name(world, who))
    };
    let mut out = Draft::new(who, title);
    out.impact = first.impact;
    out.exposure = ground.exposure(who);
    out.verdict = best;
    if best == PathVerdict::AllowedIf && first.technique.if_also.is_some() {
        out.factors.push(Factor {
            name: "certainty",
            points: -1,
            text: "it takes something that configuration does not show".into(),
        });
    }
    for gain in &gains {
        if !out.techniques.iter().any(|known| known.id == gain.technique.id) {
            out.techniques.push(gain.technique);
        }
    }
    let needs: Vec<&str> = first
        .technique
        .needs
        .iter()
        .map(|need| need.action.as_str())
        .collect();
    let how = format!(
        "With {} it {} ({}).",
        needs.join(" and "),
        first.technique.title,
        first.technique.id
    );
    out.sentences.push(how);
    if techniques.len() > 1 {
        out.sentences.push(format!(
            "There {} more: {}.",
            if techniques.len() == 2 {
                "is 1 technique".to_owned()
            } else {
                format!("are {} techniques", techniques.len() - 1)
            },
            super::words::some(
                techniques
                    .iter()
                    .filter(|id| **id != first.technique.id)
                    .map(|id| (*id).to_owned()),
                6
            )
        ));
    }
    let sum = match first.impact {
        Impact::Organization => "That is everything in the management account.".to_owned(),
        Impact::Account => "That is everything in the account, which it was not given.".to_owned(),
        Impact::Data {
            sensitivity: Sensitivity::Unknown,
            ..
        }
        | Impact::Nothing => {
            format!(
                "That gives it {} that it does not have.",
                count(targets.len(), "identity").replace("identitys", "identities")
            )
        }
        Impact::Data { sensitivity, .. } => format!("That leads to {sensitivity} data."),
    };
    out.sentences.push(sum);
    if out.exposure >= Exposure::Person
        && let Some(exposed) = ground.exposed(who).filter(|exposed| exposed.origin != who)
    {
        out.sentences.push(format!(
            "{} gets to {}.",
            name(world, exposed.origin),
            world.label(who)
        ));
    }
    out.ideas.extend(guard(ground, who, first.technique, &targets));
    out.targets = targets;
    out.show(ground, paths);
    Some(out)
}

/// A service control policy that denies what the technique needs on its targets, to all but administrators.
fn guard(ground: &Ground<'_>, who: NodeId, technique: &Technique, targets: &[NodeId]) -> Option<Idea> {
    let world = ground.world;
    let id = world.account_of(who)?;
    let account = world.accounts.get(id).filter(|account| account.scps.is_some())?;
    // What needs a target can be denied on that target alone.
    let need = technique
        .needs
        .iter()
        .find(|need| need.on == On::Target)
        .or(technique.needs.first())?;
    let resources: Vec<String> = match need.on {
        On::Target => targets
            .iter()
            .filter(|node| world.node(**node).record.kind != Kind::ResourceScope)
            .map(|node| world.id(*node).to_owned())
            .take(20)
            .collect(),
        _ => Vec::new(),
    };
    let exempt: Vec<String> = ground
        .administrators()
        .into_iter()
        // A workload passes no roles for people.
        .filter(|admin| world.account_of(*admin) == Some(id) && workloads_of(world, *admin).is_empty())
        .map(|admin| world.id(admin).to_owned())
        .take(20)
        .collect();
    (!exempt.is_empty()).then(|| Idea::Guard {
        account: account
            .node
            .map_or_else(|| id.to_owned(), |node| world.id(node).to_owned()),
        actions: vec![need.action.clone()],
        resources: if resources.is_empty() {
            vec!["*".into()]
        } else {
            resources
        },
        exempt,
    })
}

/// Whether a technique takes several permissions, one of them to hand over a role.
fn is_combination(technique: &Technique) -> bool {
    technique.needs.len() > 1 && technique.needs.iter().any(|need| need.action == "iam:PassRole")
}

/// Whether taking an authority gives more than there was.
fn gives(ground: &Ground<'_>, own: Impact, impact: Impact, to: NodeId) -> bool {
    let world = ground.world;
    let becomes = matches!(
        world.node(to).record.kind,
        Kind::IamRole | Kind::IamUser | Kind::ResourceScope
    );
    impact > own
        || becomes
            && impact.points()
                >= Impact::data(Sensitivity::Confidential, sv0_model::kind::AccessLevel::Read).points()
}

/// A path to each target that begins with the escalation; as many as a finding shows.
fn paths(ground: &Ground<'_>, who: NodeId, targets: &[NodeId], techniques: &BTreeSet<String>) -> Vec<Path> {
    let some: Vec<NodeId> = targets.iter().copied().take(8).collect();
    let mut all = ground.paths_over(who, &some, &some);
    all.retain(|path| {
        let first = path
            .hops
            .iter()
            .find(|hop| hop.edge != sv0_model::kind::EdgeKind::MemberOf);
        first.is_some_and(|hop| {
            let told = techniques
                .iter()
                .any(|technique| hop.text.contains(technique.as_str()));
            hop.edge == sv0_model::kind::EdgeKind::CanEscalateTo && told
        })
    });
    all
}
