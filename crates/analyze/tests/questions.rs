//! The questions about chains, on the demo organisation and on small random graphs of trust: what one way of asking says
//! must agree with another.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Built, all, by_links, by_paths};
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::question::{blast_radius, endpoints, reached_by, routes, structural};
use sv0_analyze::steps::Steps;
use sv0_model::kind::{AccessLevel, EdgeKind, Kind, Sensitivity};
use sv0_model::path::PathVerdict;

#[test]
fn links_and_paths_agree_on_who_reaches_what() {
    let mut seen = 0;
    for built in all() {
        let targets = built.finder().targets();
        assert_eq!(
            by_links(&built, &targets, true, None),
            by_paths(&built, &targets, true)
        );
        let pairs = by_links(&built, &targets, false, None);
        seen += pairs.len();
        // Conditions of different hops may contradict each other, which only paths can tell.
        let paths = by_paths(&built, &targets, false);
        assert!(paths.is_subset(&pairs), "{:?}", paths.difference(&pairs).next());
    }
    assert!(seen > 500, "{seen} pairs are too few to show anything");
}

#[test]
fn the_blast_radius_is_what_the_paths_reach_and_the_reverse_is_who_they_are_of() {
    let built = Built::demo();
    let finder = built.finder();
    let targets = finder.targets();
    let pairs = by_paths(&built, &targets, false);
    let mut reached = 0;
    for origin in finder.origins() {
        let id = built.world.id(origin);
        let answer = blast_radius(&built.world, &finder, origin, &[origin], Options::default());
        let told: BTreeSet<&str> = answer
            .reaches
            .iter()
            .map(|r| r.entity.id.as_str())
            .chain(answer.broad.iter().map(|b| b.scope.id.as_str()))
            .collect();
        let known: BTreeSet<&str> = pairs.iter().filter(|p| p.0 == id).map(|p| p.1.as_str()).collect();
        assert_eq!(told, known, "{id}");
        for reach in &answer.reaches {
            let levels = &reach.chain_access_levels;
            assert!(!levels.is_empty() && levels.iter().all(|level| reach.access_levels.contains(level)));
        }
        for sum in [
            answer.by_sensitivity.values().sum::<usize>(),
            answer.by_data_domain.values().sum(),
            answer.by_account.values().sum(),
            answer.by_kind.values().sum(),
            answer.by_access_level.values().sum(),
        ] {
            assert_eq!(sum, answer.total);
        }
        reached += answer.total;
    }
    assert!(reached > 300);
    for target in targets {
        let id = built.world.id(target);
        let answer = reached_by(
            &built.world,
            &built.steps,
            &finder,
            target,
            &[target],
            Options::default(),
        );
        let told: BTreeSet<&str> = answer.origins.iter().map(|r| r.entity.id.as_str()).collect();
        let known: BTreeSet<&str> = pairs.iter().filter(|p| p.1 == id).map(|p| p.0.as_str()).collect();
        assert_eq!(told, known, "{id}");
    }
}

#[test]
fn elliots_blast_radius() {
    let built = Built::demo();
    let finder = built.finder();
    let elliot = built.node("Elliot");
    let answer = blast_radius(&built.world, &finder, elliot, &[elliot], Options::default());
    let exports = answer
        .reaches
        .iter()
        .find(|r| r.entity.name == "acme-prod-customer-exports")
        .unwrap();
    assert_eq!(exports.verdict, PathVerdict::Allowed);
    assert!(exports.cross_account);
    assert_eq!(
        exports.route,
        [
            "Elliot",
            "AllSafe",
            "AllSafeVaultRole",
            "allsafe/prod-access-key",
            "AllSafeProd",
            "acme-prod-customer-exports"
        ]
    );
    let acts_as: Vec<&str> = answer.identities.iter().map(|e| e.name.as_str()).collect();
    assert_eq!(acts_as, ["AllSafeVaultRole", "AllSafeProd"]);
    // Every secret is those of the role's account, and not those of Prod.
    let secrets = answer
        .broad
        .iter()
        .find(|b| b.scope.name == "every secret in SecOps")
        .unwrap();
    assert_eq!(secrets.covers, BTreeMap::from([(Sensitivity::Restricted, 2)]));
    assert!(answer.broad.iter().all(|b| !b.administrator));
}

#[test]
fn the_shortest_chain_does_not_borrow_the_access_of_a_longer_one() {
    let built = Built::demo();
    let finder = built.finder();
    let bucket = built.node("acme-prod-invoices");
    let options = Options::default();
    let answer = reached_by(&built.world, &built.steps, &finder, bucket, &[bucket], options);
    let carol = answer
        .origins
        .iter()
        .find(|r| r.entity.name == "carol@acme.example")
        .unwrap();
    // Her read-only role reads it; a secret that another such role may read holds the key of who may do all.
    assert_eq!(carol.chain_access_levels.last(), Some(&AccessLevel::Read));
    assert_eq!(carol.access_levels.last(), Some(&AccessLevel::Permissions));
}

#[test]
fn routes_are_counted_as_they_are_shown() {
    let mut several = 0;
    for built in all() {
        let finder = built.finder();
        let options = Options {
            routes: routes::MOST,
            ..Options::default()
        };
        for origin in finder.origins() {
            for target in finder.targets() {
                let paths = finder.from(origin, &[target], options).paths;
                let mut best = paths.clone();
                let more = routes::keep_best(&mut best, 1);
                let shown = more + usize::from(!best.is_empty());
                let count = routes::count(&built.world, &built.steps, &finder, &[origin], &[target], options);
                assert_eq!(
                    count.routes,
                    shown,
                    "{} {}",
                    built.world.id(origin),
                    built.world.id(target)
                );
                assert!(!count.at_least);
                several += usize::from(more > 0);
                if let (Some(kept), Some(first)) = (best.first(), paths.first()) {
                    let verdict = paths.iter().map(|p| p.verdict).min().unwrap();
                    assert!(best.iter().any(|p| p.verdict == verdict));
                    assert!(kept.hops.len() >= first.hops.len());
                }
            }
        }
    }
    assert!(
        several > 20,
        "{several} pairs with several routes are too few to show anything"
    );
}

#[test]
fn where_there_is_no_path_the_nearest_is_told() {
    let built = Built::demo();
    let finder = built.finder();
    let (from, to) = (built.node("LockedReader"), built.node("acme-prod-kms-locked"));
    let none = routes::no_path(
        &built.world,
        &built.steps,
        &finder,
        &[from],
        &[to],
        Options::default(),
    );
    let stopped = none.stopped.unwrap();
    assert_eq!(stopped.blocked_by[0].layer, "kms");
    assert!(none.leading.iter().any(|e| e.name == "AllSafeProd"));
}

#[test]
fn names_at_either_end_stand_for_what_they_are_about() {
    let built = Built::demo();
    let finder = built.finder();
    let (elliot, group) = (built.node("Elliot"), built.node("AllSafe"));
    assert_eq!(endpoints::origins(&built.world, &finder, elliot).nodes, [elliot]);
    assert_eq!(endpoints::origins(&built.world, &finder, group).nodes, [elliot]);
    let policy = built.node("AllSafeAssumeVault");
    let holders = endpoints::origins(&built.world, &finder, policy);
    assert_eq!(holders.nodes, [elliot]);
    assert_eq!(holders.policy.as_deref(), Some(built.world.id(policy)));
    let prod = built
        .world
        .graph
        .nodes()
        .find(|(_, n)| n.record.kind == Kind::AwsAccount && n.record.name == "Prod")
        .unwrap()
        .0;
    let data = endpoints::targets(&built.world, &finder, prod).nodes;
    assert!(data.contains(&built.node("acme-prod-invoices")));
    assert!(
        data.iter()
            .all(|n| built.world.account_of(*n) == Some("333333333333"))
    );
    // A key is no data, and is asked about all the same.
    let key = built
        .world
        .graph
        .nodes()
        .find(|(_, n)| n.record.kind == Kind::KmsKey && !n.stub)
        .unwrap()
        .0;
    let used = finder
        .origins()
        .into_iter()
        .any(|o| !finder.from(o, &[key], Options::default()).paths.is_empty());
    assert!(used);
}

#[test]
fn each_real_path_is_among_the_structural_ones() {
    let built = Built::demo();
    let finder = built.finder();
    let (world, left_out) = structural::build(
        built.records.clone(),
        Vec::new(),
        &sv0_analyze::normalize::rules::Rules::default(),
    );
    let steps = Steps::build(&world);
    let other = Finder::new(&world, &steps);
    let (mut real_actions, mut more) = (0, 0);
    for origin in finder.origins() {
        let actions = |paths: Vec<sv0_model::path::Path>| -> BTreeSet<(String, String)> {
            let each = paths.into_iter().flat_map(|p| {
                let target = p.target.id;
                p.actions.into_iter().map(move |action| (target.clone(), action))
            });
            each.collect()
        };
        let real = finder.from(origin, &finder.targets(), Options::default());
        let id = built.world.id(origin);
        let same = world.graph.find(id).unwrap();
        let found = other.from(same, &other.targets(), Options::default());
        assert!(!found.cut);
        for mut path in found.paths.clone() {
            left_out.flag(&mut path);
            assert!(path.conditions_not_evaluated);
            // What hangs on something hangs on what is not in the input, and not on a policy's condition.
            assert!(
                path.condition.iter().all(|c| c.key.is_none()),
                "{:?}",
                path.condition
            );
            let key = built.world.graph.find(&path.target.id).is_some_and(|n| {
                built
                    .world
                    .graph
                    .targets(n, EdgeKind::EncryptedWith)
                    .next()
                    .is_some()
            });
            assert_eq!(path.kms_not_evaluated, key);
        }
        let (real, structural) = (actions(real.paths), actions(found.paths));
        assert_eq!(real.difference(&structural).next(), None, "{id}");
        real_actions += real.len();
        more += structural.len() - real.len();
    }
    assert!(real_actions > 1_000 && more > 100, "{real_actions} {more}");
}

#[test]
fn a_deep_trust_chain_has_more_than_three_role_hops() {
    let built = Built::demo();
    let finder = built.finder();
    let targets = finder.targets();
    let each = finder
        .origins()
        .into_iter()
        .flat_map(|o| finder.from(o, &targets, Options::default()).paths);
    let (deep, shallow): (Vec<_>, Vec<_>) = each.partition(|path| path.deep_trust_chain);
    assert!(!deep.is_empty() && deep.iter().all(|path| path.role_hops > 3));
    assert!(!shallow.is_empty() && shallow.iter().all(|path| path.role_hops <= 3));
}
