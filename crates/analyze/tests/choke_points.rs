//! Choke points against brute force: everything is asked again without the hop, or in a world without the statement.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Pairs, all, by_links};
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::question::choke_points::{Bounds, choke_points, sensitive};
use sv0_analyze::steps::Steps;
use sv0_analyze::variant::rewritten;
use sv0_model::kind::EdgeKind;

#[test]
fn a_hop_cuts_what_is_gone_without_it() {
    let mut hops = 0;
    for built in all() {
        let finder = built.finder();
        let targets = sensitive(&built.world, &finder);
        let bounds = Bounds {
            most: usize::MAX,
            worlds: 0,
            ..Bounds::default()
        };
        let answer = choke_points(&built.world, &built.steps, &finder, &targets, bounds);
        let whole = by_links(&built, &targets, false, None);
        assert_eq!(answer.pairs, whole.len());
        for hop in &answer.hops {
            let key = (hop.edge, built.node(&hop.from.id), built.node(&hop.to.id));
            let left = by_links(&built, &targets, false, Some(key));
            assert_eq!(whole.len() - left.len(), hop.cut, "{hop:?}");
            assert!(hop.cut <= hop.pairs);
            hops += 1;
        }
        // And no other hop cuts anything.
        let known: BTreeSet<(EdgeKind, String, String)> = answer
            .hops
            .iter()
            .map(|hop| (hop.edge, hop.from.id.clone(), hop.to.id.clone()))
            .collect();
        for step in built.steps.all() {
            let ids = (
                built.world.id(step.from).to_owned(),
                built.world.id(step.to).to_owned(),
            );
            if !known.contains(&(step.edge, ids.0, ids.1)) {
                let left = by_links(&built, &targets, false, Some((step.edge, step.from, step.to)));
                assert_eq!(left, whole);
            }
        }
    }
    assert!(hops > 100, "{hops} hops are too few to show anything");
}

#[test]
fn a_statement_cuts_what_is_gone_without_it() {
    let mut cutting = 0;
    let mut less = 0;
    for built in all().into_iter().take(10) {
        let finder = built.finder();
        let targets = sensitive(&built.world, &finder);
        let exact = choke_points(&built.world, &built.steps, &finder, &targets, Bounds::default());
        let rough = choke_points(
            &built.world,
            &built.steps,
            &finder,
            &targets,
            Bounds {
                worlds: 0,
                most: usize::MAX,
                ..Bounds::default()
            },
        );
        let upper: BTreeMap<(String, String, String), usize> = rough
            .statements
            .into_iter()
            .map(|s| ((s.policy_id, s.policy, s.json_path), s.cut))
            .collect();
        let whole = by_links(&built, &targets, false, None);
        let origins: BTreeSet<String> = whole.iter().map(|(origin, _)| origin.clone()).collect();
        let cut_by = |id: &str, policy: &str, path: &str| {
            let world = rewritten(&built.world, &|attachment| {
                (attachment.id == id && attachment.name == policy).then(|| {
                    let mut other = (*attachment.policy).clone();
                    other.statements.retain(|s| s.path() != path);
                    other
                })
            });
            let steps = Steps::build(&world);
            let finder = Finder::new(&world, &steps);
            let left: Pairs = origins
                .iter()
                .map(|id| world.graph.find(id).unwrap())
                .flat_map(|origin| {
                    let options = Options {
                        routes: 50,
                        ..Options::default()
                    };
                    finder.from(origin, &targets, options).paths
                })
                .map(|path| (path.origin.id, path.target.id))
                .collect();
            whole.difference(&left).count()
        };
        for statement in &exact.statements {
            let key = (
                statement.policy_id.clone(),
                statement.policy.clone(),
                statement.json_path.clone(),
            );
            assert!(statement.exact);
            assert!(statement.cut <= upper[&key]);
            assert_eq!(statement.cut, cut_by(&key.0, &key.1, &key.2), "{statement:?}");
            cutting += usize::from(statement.cut > 0);
            less += usize::from(statement.cut < upper[&key]);
        }
        // Those that are not told cut no more than the last that is.
        let last = exact.statements.last().map_or(0, |s| s.cut);
        let told: BTreeSet<(String, String, String)> = exact
            .statements
            .iter()
            .map(|s| (s.policy_id.clone(), s.policy.clone(), s.json_path.clone()))
            .collect();
        for (key, _) in upper.iter().filter(|(key, _)| !told.contains(*key)) {
            assert!(cut_by(&key.0, &key.1, &key.2) <= last, "{key:?}");
        }
    }
    assert!(cutting > 50, "{cutting} statements are too few to show anything");
    assert!(
        less > 0,
        "nowhere did it matter to try a world without the statement"
    );
}
