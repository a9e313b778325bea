//! People who reach sensitive data in accounts that are not theirs, though nobody granted it by name: a role that opens the
//! whole account, a wildcard, a chain of trust.

use std::collections::{BTreeMap, VecDeque};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sv0_model::graph::NodeId;
use sv0_model::kind::{Kind, Sensitivity};
use sv0_model::path::{Path, StatementRef};

use super::words::{count, name, names};
use crate::draft::Draft;
use crate::ground::{Ground, Held, is_use};
use crate::severity::{Exposure, Impact};

/// Identities over which paths are shown.
const MOST_HOLDERS: usize = 12;

pub(super) fn check(ground: &Ground<'_>) -> Vec<Draft> {
    let world = ground.world;
    let people = world
        .graph
        .nodes()
        .filter(|(_, node)| node.record.kind == Kind::IamUser && !node.stub);
    let people: Vec<NodeId> = people.map(|(id, _)| id).collect();
    people
        .into_par_iter()
        .filter_map(|person| one(ground, person))
        .collect()
}

fn one(ground: &Ground<'_>, person: NodeId) -> Option<Draft> {
    let world = ground.world;
    let home = world.account_of(person)?.to_owned();
    let chains = Chains::of(ground, person, &home);
    let borders = &chains.foreign;
    if borders.is_empty() {
        return None;
    }
    let mut held: BTreeMap<NodeId, Held> = BTreeMap::new();
    for role in borders {
        for one in ground.holding(*role).map_or(&[][..], |holding| &holding.data) {
            let sensitive = world.node(one.resource).sensitivity >= Sensitivity::Confidential;
            let Impact::Data { level, .. } = one.impact else {
                continue;
            };
            if sensitive && is_use(level) && world.account_of(one.resource) != Some(&home) {
                let known = held.entry(one.resource).or_insert(*one);
                *known = (*known).max(*one);
            }
        }
    }
    let mut held: Vec<Held> = held.into_values().collect();
    held.sort_by_key(|held| (std::cmp::Reverse(held.impact), held.verdict, held.resource));
    let some: Vec<NodeId> = held.iter().map(|held| held.resource).take(24).collect();
    // Over the nearest ways to whoever holds some of it.
    let holders = borders.iter().copied().filter(|role| {
        let mut data = ground
            .holding(*role)
            .map_or(&[][..], |holding| &holding.data)
            .iter();
        data.any(|held| some.contains(&held.resource))
    });
    let over = chains.ways(holders.take(MOST_HOLDERS));
    let mut paths = ground.paths_over(person, &some, &over);
    paths.retain(|path| path.cross_account_hops > 0 && !is_by_name(ground, path));
    let first = paths.first()?;
    let reached: Vec<NodeId> = held.iter().map(|held| held.resource).collect();
    let accounts: std::collections::BTreeSet<&str> = reached
        .iter()
        .filter_map(|node| world.account_of(*node))
        .collect();
    let accounts: Vec<String> = accounts.into_iter().map(|id| world.account_label(id)).collect();
    let mut out = Draft::new(
        person,
        format!(
            "{} reaches {} of sensitive data in {}, such as {}",
            name(world, person),
            count(reached.len(), "piece"),
            super::words::some(accounts, 3),
            names(world, &reached, 1)
                .split(" and ")
                .next()
                .unwrap_or_default()
        ),
    );
    out.impact = held.first().map(|held| held.impact).unwrap_or_default();
    out.exposure = Exposure::Person;
    out.verdict = first.verdict;
    let mut gates: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            path.hops
                .iter()
                .find(|hop| hop.from.account != hop.to.account && hop.to.account.is_some())
        })
        .filter_map(|hop| world.graph.find(&hop.to.id))
        .map(|gate| name(world, gate))
        .collect();
    gates.sort();
    gates.dedup();
    out.sentences.push(format!(
        "No policy names {} and this data together. Out of its own account it comes by {}.",
        world.label(person),
        super::words::some(gates, 3)
    ));
    out.sentences
        .push(format!("Among it: {}.", names(world, &reached, 5)));
    let longest = first.auth_chain_depth;
    if longest > 1 {
        out.sentences.push(format!(
            "The shortest way changes {longest} times whose authority is used."
        ));
    }
    out.targets = reached;
    out.show(ground, paths);
    Some(out)
}

/// What a person's chains come to.
struct Chains {
    /// From where each entity was first met.
    before: FxHashMap<NodeId, NodeId>,
    /// The roles and users of other accounts, nearest first.
    foreign: Vec<NodeId>,
}

impl Chains {
    /// Entities that are looked at: beyond, it is an administrator, who is told of as one.
    const MOST: usize = 1_000;

    fn of(ground: &Ground<'_>, person: NodeId, home: &str) -> Self {
        let world = ground.world;
        let mut out = Self {
            before: FxHashMap::default(),
            foreign: Vec::new(),
        };
        let mut queue: VecDeque<NodeId> = VecDeque::from([person]);
        while let Some(node) = queue.pop_front() {
            for found in ground.real_from(node) {
                if found.to == person || out.before.len() >= Self::MOST || out.before.contains_key(&found.to)
                {
                    continue;
                }
                out.before.insert(found.to, node);
                queue.push_back(found.to);
                let foreign = world.account_of(found.to).is_some_and(|account| account != home);
                if foreign && matches!(world.node(found.to).record.kind, Kind::IamRole | Kind::IamUser) {
                    out.foreign.push(found.to);
                }
            }
        }
        out
    }

    /// Everything on the nearest way to some entities.
    fn ways(&self, to: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
        let mut out = Vec::new();
        for mut node in to {
            while !out.contains(&node) {
                out.push(node);
                match self.before.get(&node) {
                    Some(before) => node = *before,
                    None => break,
                }
            }
        }
        out
    }
}

/// Whether every border is crossed by a trust policy that names who crosses it, and the data is named by what grants it.
fn is_by_name(ground: &Ground<'_>, path: &Path) -> bool {
    let Some(end) = path.hops.last() else { return true };
    let named = |statements: &[StatementRef], id: &str, layer: &str| {
        statements
            .iter()
            .filter(|s| s.layer == layer)
            .any(|s| names_resource(ground, s, id))
    };
    let data = named(&end.statements, &end.to.id, "identity");
    let trusts = path.hops.iter().filter(|hop| hop.from.account != hop.to.account);
    data && trusts.filter(|hop| hop.to.kind == Kind::IamRole).all(|hop| {
        hop.statements.iter().filter(|s| s.layer == "resource").any(|s| {
            ground.statement(s).is_some_and(|(_, statement)| {
                let entries = statement.principal.iter().flat_map(|element| &element.entries);
                entries.into_iter().any(|entry| entry.as_str() == hop.from.id)
            })
        })
    })
}

/// Whether a statement grants a resource, or what is in it, by its name.
fn names_resource(ground: &Ground<'_>, reference: &StatementRef, id: &str) -> bool {
    ground.statement(reference).is_some_and(|(_, statement)| {
        let element = statement.resource.iter().filter(|element| !element.negated);
        let mut patterns = element.flat_map(|element| &element.patterns);
        patterns.any(|pattern| pattern.as_str().trim_end_matches('*').trim_end_matches('/') == id)
    })
}
