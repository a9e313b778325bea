//! What the paths of a finding suggest: each statement that decides a hop can be made to say less.

use std::collections::BTreeMap;

use sv0_analyze::World;
use sv0_analyze::world::Attachment;
use sv0_iam::syntax::Effect;
use sv0_iam::syntax::ast::{PrincipalEntry, Statement};
use sv0_model::finding::Finding;
use sv0_model::graph::NodeId;
use sv0_model::kind::{EdgeKind, Slot};
use sv0_model::path::{Hop, StatementRef};

use super::{Idea, Place};
use crate::ground::Ground;

/// How many hold a managed policy of which no statement is taken out for the sake of one.
const SHARED: usize = 3;

/// Ideas, those that are on most paths first.
pub(super) fn of(ground: &Ground<'_>, finding: &Finding) -> Vec<Idea> {
    let mut counts: BTreeMap<Idea, usize> = BTreeMap::new();
    for path in &finding.paths {
        let mut here: Vec<Idea> = Vec::new();
        for hop in path.hops.iter().filter(|hop| hop.edge != EdgeKind::MemberOf) {
            for reference in hop.statements.iter().filter(|s| s.effect == "Allow") {
                here.extend(suggested(ground, hop, reference));
            }
        }
        here.sort();
        here.dedup();
        for idea in here {
            *counts.entry(idea).or_default() += 1;
        }
    }
    if finding.paths.is_empty() {
        for reference in finding
            .statements
            .iter()
            .filter(|s| s.effect == "Allow" && s.layer == "resource")
        {
            if let Some((place, _, _)) = place(ground, reference) {
                counts.insert(Idea::Statement { place }, 1);
            }
        }
    }
    let mut out: Vec<(Idea, usize)> = counts.into_iter().collect();
    out.sort_by(|(a, on_a), (b, on_b)| {
        (std::cmp::Reverse(on_a), a.cost(), a).cmp(&(std::cmp::Reverse(on_b), b.cost(), b))
    });
    out.into_iter().map(|(idea, _)| idea).collect()
}

/// What might be done about one statement of an identity's policies.
pub(crate) fn of_grant(world: &World, identity: NodeId, tag: u32, at: usize) -> Vec<Idea> {
    let Some(attachment) = world.attachment(tag) else {
        return Vec::new();
    };
    let managed = attachment.slot == Slot::Document;
    if managed {
        return detached(world, identity, &attachment.id);
    }
    vec![Idea::Statement {
        place: Place {
            holder: attachment.id.clone(),
            slot: attachment.slot,
            name: Some(attachment.name.clone()),
            policy: attachment.name.clone(),
            statement: at,
        },
    }]
}

/// The document and statement that a reference means.
fn place<'w>(
    ground: &Ground<'w>,
    reference: &StatementRef,
) -> Option<(Place, &'w Attachment, &'w Statement)> {
    let (attachment, statement) = ground.statement(reference)?;
    let place = Place {
        holder: attachment.id.clone(),
        slot: attachment.slot,
        name: (attachment.slot == Slot::Inline).then(|| attachment.name.clone()),
        policy: attachment.name.clone(),
        statement: statement.index,
    };
    Some((place, attachment, statement))
}

fn suggested(ground: &Ground<'_>, hop: &Hop, reference: &StatementRef) -> Vec<Idea> {
    let world = ground.world;
    let Some((place, attachment, statement)) = place(ground, reference) else {
        return Vec::new();
    };
    if statement.effect != Effect::Allow {
        return Vec::new();
    }
    // Nobody but AWS changes its own policies.
    if attachment.id.starts_with("arn:aws:iam::aws:") {
        let from = world.graph.find(&hop.from.id);
        return from
            .into_iter()
            .flat_map(|from| detached(world, from, &attachment.id))
            .collect();
    }
    if attachment.id.contains(":role/aws-reserved/") && attachment.slot == Slot::Trust {
        return Vec::new();
    }
    if matches!(attachment.slot, Slot::Trust | Slot::Resource | Slot::Key) {
        return let_in(place, statement, hop);
    }
    let wanted: Vec<&str> = hop
        .action
        .as_deref()
        .map_or_else(Vec::new, |actions| actions.split(" + ").collect());
    let listed: Vec<String> = statement
        .action
        .patterns
        .iter()
        .filter(|_| !statement.action.negated)
        .map(|pattern| pattern.as_str().to_owned())
        .filter(|pattern| wanted.iter().any(|action| action.eq_ignore_ascii_case(pattern)))
        .collect();
    let mut out = Vec::new();
    if statement.action.patterns.len() > 1 {
        // Of several actions that a step takes together, one less is enough.
        out.extend(listed.into_iter().map(|action| Idea::Actions {
            place: place.clone(),
            actions: vec![action],
        }));
    }
    let holders = world.graph.find(&attachment.id).map_or(0, |policy| {
        let edges = world.graph.edges_to(policy);
        edges.filter(|edge| edge.kind == EdgeKind::HasPolicy).count()
    });
    let managed = attachment.slot == Slot::Document;
    if managed && holders > 1 {
        let from = world.graph.find(&hop.from.id);
        out.extend(
            from.into_iter()
                .flat_map(|from| detached(world, from, &attachment.id)),
        );
    }
    // What many hold is not changed for one of them.
    if managed && holders >= SHARED {
        return out;
    }
    out.push(Idea::Statement { place });
    out
}

/// A statement that lets somebody in: it can let in one less.
fn let_in(place: Place, statement: &Statement, hop: &Hop) -> Vec<Idea> {
    let entries = statement.principal.iter().flat_map(|element| &element.entries);
    let account = hop.from.account.as_deref();
    let fits = |entry: &PrincipalEntry| match entry {
        PrincipalEntry::Account(id) => Some(&**id) == account,
        other => other.as_str() == hop.from.id,
    };
    let count = statement
        .principal
        .iter()
        .map(|element| element.entries.len())
        .sum::<usize>();
    let mut out: Vec<Idea> = entries
        .filter(|entry| fits(entry) && count > 1)
        .map(|entry| Idea::Principal {
            place: place.clone(),
            entry: entry.as_str().to_owned(),
        })
        .collect();
    if out.is_empty() {
        out.push(Idea::Statement { place });
    }
    out
}

/// Whom a managed policy can be taken from so that an identity has it no more.
fn detached(world: &World, identity: NodeId, policy: &str) -> Vec<Idea> {
    let Some(policy_node) = world.graph.find(policy) else {
        return Vec::new();
    };
    let groups = world.graph.targets(identity, EdgeKind::MemberOf);
    let holders = std::iter::once(identity).chain(groups);
    let holders = holders.filter(|holder| {
        let mut attached = world.graph.targets(*holder, EdgeKind::HasPolicy);
        attached.any(|attached| attached == policy_node)
    });
    holders
        .map(|holder| Idea::Detach {
            policy: policy.to_owned(),
            from: world.id(holder).to_owned(),
        })
        .collect()
}
