//! Roles that trust a whole account of the organization: whoever there may assume roles at all becomes them.

use std::collections::BTreeSet;

use rayon::prelude::*;
use sv0_iam::syntax::ast::PrincipalEntry;
use sv0_model::finding::Factor;
use sv0_model::graph::NodeId;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind, Sensitivity};

use super::trust::{LetIn, is_outside, is_reserved, of_roles};
use super::words::{count, name, names};
use crate::draft::Draft;
use crate::fix::Idea;
use crate::ground::Ground;
use crate::severity::Impact;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let all: Vec<LetIn<'_>> = of_roles(ground.world).collect();
    all.into_par_iter()
        .flat_map_iter(|let_in| one(ground, let_in).into_iter().chain(amplified(ground, let_in)))
        .collect()
}

/// A role that trusts a role of another account by its name, which others become: they come along.
fn amplified(ground: &Ground<'_>, let_in: LetIn<'_>) -> Vec<Draft> {
    let world = ground.world;
    let role = let_in.holder;
    let (Some(home), false) = (world.account_of(role), is_reserved(world, role)) else {
        return Vec::new();
    };
    let impact = ground.leads_to(role);
    if impact < Impact::data(Sensitivity::Confidential, AccessLevel::Read) {
        return Vec::new();
    }
    let named = let_in.entries().filter_map(|entry| match entry {
        PrincipalEntry::Arn(arn) => world.graph.find(arn),
        _ => None,
    });
    let foreign = named.filter(|node| {
        let account = world.account_of(*node);
        world.node(*node).record.kind == Kind::IamRole
            && account.is_some_and(|id| id != home && !is_outside(world, id))
    });
    foreign
        .filter_map(|through| amplified_by(ground, let_in, through, impact))
        .collect()
}

fn amplified_by(ground: &Ground<'_>, let_in: LetIn<'_>, through: NodeId, impact: Impact) -> Option<Draft> {
    let world = ground.world;
    let role = let_in.holder;
    let comes = ground
        .real_from(through)
        .any(|found| found.to == role && found.edge == EdgeKind::Assumes);
    let mut who: Vec<NodeId> = ground
        .real_to(through)
        .filter(|found| matches!(found.edge, EdgeKind::Assumes | EdgeKind::CanEscalateTo))
        .map(|found| found.from)
        .filter(|from| *from != role && !ground.is_administrator(*from))
        .collect();
    who.sort_unstable();
    who.dedup();
    if !comes || who.is_empty() {
        return None;
    }
    let first = who
        .iter()
        .copied()
        .max_by_key(|node| (ground.exposure(*node), std::cmp::Reverse(*node)))?;
    let paths: Vec<_> = ground
        .paths_over(first, &[role], &[through, role])
        .into_iter()
        .filter(|path| path.chain.iter().any(|id| id == world.id(through)))
        .collect();
    let verdict = paths.first()?.verdict;
    let mut out = Draft::new(
        role,
        format!(
            "{} trusts {}, which {} can become",
            name(world, role),
            name(world, through),
            names(world, &who, 2)
        ),
    );
    out.key = vec![world.id(through).to_owned()];
    out.impact = impact;
    out.exposure = who
        .iter()
        .map(|node| ground.exposure(*node))
        .max()
        .unwrap_or_default();
    out.verdict = verdict;
    out.factors.push(Factor {
        name: "exposure",
        points: -1,
        text: "the trust names one role".into(),
    });
    out.sentences.push(format!(
        "The trust policy names {} alone. Who becomes it comes along: {}.",
        world.label(through),
        names(world, &who, 4)
    ));
    out.sentences.push(format!(
        "Whether they may is decided in {}, not where the data is.",
        world
            .account_of(through)
            .map_or_else(String::new, |id| world.account_label(id))
    ));
    out.statements.extend(let_in.reference(world));
    out.targets = who;
    out.show(ground, paths);
    Some(out)
}

fn one(ground: &Ground<'_>, let_in: LetIn<'_>) -> Option<Draft> {
    let world = ground.world;
    let role = let_in.holder;
    let home = world.account_of(role)?;
    if is_reserved(world, role) || !let_in.statement.conditions.is_empty() {
        return None;
    }
    let accounts: Vec<&str> = let_in
        .entries()
        .filter_map(|entry| match entry {
            PrincipalEntry::Account(id) => Some(&**id),
            _ => None,
        })
        .filter(|id| *id != home && !is_outside(world, id))
        .collect();
    accounts.first()?;
    let whose = super::words::some(accounts.iter().map(|id| world.account_label(id)), 3);
    let impact = ground.leads_to(role);
    if impact < Impact::data(Sensitivity::Confidential, AccessLevel::Read) {
        return None;
    }
    let mut who: Vec<NodeId> = ground
        .real_to(role)
        .filter(|found| found.edge == EdgeKind::Assumes)
        .map(|found| found.from)
        .filter(|from| world.account_of(*from).is_some_and(|id| accounts.contains(&id)))
        .collect();
    who.sort_unstable();
    who.dedup();
    // An administrator over there is one who decides who else is.
    let others: Vec<NodeId> = who
        .iter()
        .copied()
        .filter(|from| !ground.is_administrator(*from))
        .collect();
    let first = *others.first().or(who.first())?;
    let paths = ground.paths_over(first, &[role], &[role]);
    let verdict = paths.first()?.verdict;
    let mut out = Draft::new(role, format!("{} trusts all of {}", name(world, role), whose));
    out.key = accounts.iter().map(|id| (*id).to_owned()).collect();
    out.impact = impact;
    out.exposure = who
        .iter()
        .map(|from| ground.exposure(*from))
        .max()
        .unwrap_or_default();
    out.verdict = verdict;
    out.sentences.push(format!(
        "Its trust policy names the account, so the account's own policies decide who comes in: {} can now.",
        count(who.len(), "identity").replace("identitys", "identities")
    ));
    if others.is_empty() {
        out.sentences.push("All of them are administrators there.".into());
        out.factors.push(Factor {
            name: "exposure",
            points: -1,
            text: "only administrators of the other account come in now".into(),
        });
    } else {
        out.sentences.push(format!(
            "Among them, without being administrators: {}.",
            names(world, &others, 4)
        ));
    }
    out.sentences.push(match impact {
        Impact::Account | Impact::Organization => format!(
            "It opens everything in {}: a fault in {} is one in both.",
            world.account_label(home),
            whose
        ),
        _ => format!("It leads to sensitive data in {}.", world.account_label(home)),
    });
    out.statements.extend(let_in.reference(world));
    let by_name: BTreeSet<String> = others
        .iter()
        .chain(who.iter().filter(|_| others.is_empty()))
        .map(|from| world.id(*from).to_owned())
        .collect();
    out.targets = who;
    out.show(ground, paths);
    out.ideas.push(Idea::Principals {
        place: let_in.place(world),
        instead_of: accounts.iter().map(|id| (*id).to_owned()).collect(),
        names: by_name.into_iter().take(20).collect(),
    });
    Some(out)
}
