//! The 31 scenarios of the demo organisation, each with the verdict that a correct analyser must reach
//! (`crates/demo/data/scenarios.json`): 25 paths that are there, hop for hop, and 6 that are not, with the reason.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde::Deserialize;
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::steps::Steps;
use sv0_analyze::{World, normalize, scope};
use sv0_model::graph::NodeId;
use sv0_model::path::{Path, PathVerdict};

#[derive(Deserialize)]
struct Scenario {
    id: String,
    source: String,
    target: String,
    expect: String,
    hops: Vec<Hop>,
}

#[derive(Deserialize)]
struct Hop {
    from: String,
    via: String,
    to: String,
}

struct Demo {
    world: World,
    steps: Steps,
}

impl Demo {
    fn new() -> Self {
        let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
        assert_eq!(loaded.gaps, [], "the demo is whole");
        let world = normalize::build(loaded.records, loaded.gaps);
        let steps = Steps::build(&world);
        Self { world, steps }
    }

    fn paths(&self, from: &str, to: &str, blocked: bool) -> Vec<Path> {
        let finder = Finder::new(&self.world, &self.steps);
        let origin = self
            .world
            .graph
            .find(from)
            .unwrap_or_else(|| panic!("{from} is not in the demo"));
        let targets: Vec<NodeId> = match to {
            "*" => finder
                .targets()
                .into_iter()
                .filter(|id| scope::is_everything(self.world.id(*id)))
                .collect(),
            to => vec![
                self.world
                    .graph
                    .find(to)
                    .unwrap_or_else(|| panic!("{to} is not in the demo")),
            ],
        };
        finder
            .from(
                origin,
                &targets,
                Options {
                    blocked,
                    ..Options::default()
                },
            )
            .paths
    }
}

fn scenarios() -> Vec<Scenario> {
    serde_json::from_str(sv0_demo::SCENARIOS).unwrap()
}

/// The actions that a hop names, such as `s3:GetObject (bucket policy + identity policy)`.
fn actions(via: &str) -> Vec<String> {
    let catalog = sv0_iam::catalog::Catalog::embedded();
    let known = via
        .split_whitespace()
        .filter(|word| catalog.action(word).is_some());
    // Decrypting is what reading an encrypted bucket needs beside; it is a gate, not an action on the bucket.
    known
        .filter(|action| !action.starts_with("kms:"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_path_that_is_there_is_found_hop_for_hop() {
    let demo = Demo::new();
    let mut checked = 0;
    for scenario in scenarios().iter().filter(|s| s.expect == "path") {
        let paths = demo.paths(&scenario.source, &scenario.target, false);
        let stops: Vec<&str> = scenario
            .hops
            .iter()
            .flat_map(|hop| [hop.from.as_str(), hop.to.as_str()])
            .filter(|id| *id != "*")
            .collect();
        let fitting: Vec<&Path> = paths
            .iter()
            .filter(|p| stops.iter().all(|stop| p.chain.iter().any(|id| id == stop)))
            .collect();
        assert!(
            !fitting.is_empty(),
            "{}: no path through {stops:#?}, only {:#?}",
            scenario.id,
            paths.iter().map(|p| &p.chain).collect::<Vec<_>>()
        );
        for path in &fitting {
            assert_ne!(path.verdict, PathVerdict::Denied, "{}", scenario.id);
            // In the same order: a path, not a bag of entities.
            let places: Vec<Option<usize>> = scenario
                .hops
                .iter()
                .map(|hop| path.chain.iter().position(|id| *id == hop.from))
                .collect();
            let rising = places
                .iter()
                .flatten()
                .zip(places.iter().flatten().skip(1))
                .all(|(a, b)| a <= b);
            assert!(
                rising || scenario.id == "i-privesc",
                "{}: {:?}",
                scenario.id,
                path.chain
            );
        }
        let wanted = scenario
            .hops
            .last()
            .map(|hop| actions(&hop.via))
            .unwrap_or_default();
        let does = |path: &&Path| {
            wanted.iter().all(|action| {
                path.actions.contains(action)
                    || path
                        .hops
                        .last()
                        .and_then(|h| h.action.as_deref())
                        .is_some_and(|a| a.contains(action.as_str()))
            })
        };
        assert!(
            fitting.iter().any(does),
            "{}: no path does {wanted:?}",
            scenario.id
        );
        checked += 1;
    }
    assert_eq!(checked, 25);
}

#[test]
fn every_path_that_is_not_there_is_stopped_by_what_stops_it() {
    let demo = Demo::new();
    let stopped_by = [
        ("i-kms", "kms", "key policy"),
        ("i-boundary", "boundary", "AnalystBoundary"),
        ("i-scp", "scp", "DevNoAnalyticsData"),
        ("i-xacct-neg", "identity", "ReportReaderNoIdentity"),
        ("i-bucketdeny", "resource", "OnlyPayments"),
    ];
    let mut checked = 0;
    for scenario in scenarios().iter().filter(|s| s.expect == "suppressed") {
        let wanted = scenario
            .hops
            .last()
            .map(|hop| actions(&hop.via))
            .unwrap_or_default();
        assert!(!wanted.is_empty(), "{}", scenario.id);
        for path in demo.paths(&scenario.source, &scenario.target, false) {
            assert!(
                !path.actions.iter().any(|a| wanted.contains(a)),
                "{}: {:?}",
                scenario.id,
                path.chain
            );
        }
        let (_, layer, word) = stopped_by.iter().find(|(id, ..)| *id == scenario.id).unwrap();
        let denied = demo.paths(&scenario.source, &scenario.target, true);
        let blocked = denied
            .iter()
            .filter(|p| p.actions.iter().any(|a| wanted.contains(a)))
            .flat_map(|p| &p.blocked_by);
        let told: Vec<String> = blocked
            .filter(|b| b.layer == *layer)
            .map(|b| b.text.clone())
            .collect();
        assert!(
            told.iter().any(|text| text.contains(word)),
            "{}: {told:?}",
            scenario.id
        );
        checked += 1;
    }
    assert_eq!(checked, 5);
}

/// The manifest says that there is no path. By passing the role there is none; but the role that is kept from passing it may
/// open a notebook that runs as it (`docs/paths.md`, row uc1-not).
#[test]
fn a_passed_role_outside_the_policys_scope_gives_no_path_by_passing() {
    let demo = Demo::new();
    let scenario = scenarios().into_iter().find(|s| s.expect == "none").unwrap();
    let paths = demo.paths(&scenario.source, &scenario.target, false);
    let chains: Vec<&[String]> = paths.iter().map(|path| path.chain.as_slice()).collect();
    let notebook = "arn:aws:sagemaker:us-east-1:444444444444:notebook-instance/research-01";
    assert_eq!(chains, [[&*scenario.source, notebook, &*scenario.target]]);
    assert_eq!(paths[0].verdict, PathVerdict::AllowedIf);
    assert!(demo.paths(&scenario.source, &scenario.target, true).is_empty());
}

#[test]
fn the_lambda_with_two_policies_has_two_paths_to_the_same_bucket() {
    let demo = Demo::new();
    let paths = demo.paths(
        "arn:aws:lambda:us-east-1:333333333333:function:invoice-exporter",
        "arn:aws:s3:::acme-prod-invoices",
        false,
    );
    let policies: Vec<&str> = paths
        .iter()
        .map(|p| p.chain[p.chain.len() - 2].rsplit('/').next().unwrap())
        .collect();
    assert_eq!(policies, ["InvoiceReadOnly", "LegacyS3FullAccess"]);
    assert_eq!(paths[0].actions, ["s3:ListBucket", "s3:GetObject"]);
    assert!(paths[1].actions.len() > 50);
}

#[test]
fn a_loop_of_trust_ends() {
    let demo = Demo::new();
    let finder = Finder::new(&demo.world, &demo.steps);
    let looped = demo
        .world
        .graph
        .find("arn:aws:iam::444444444444:role/LoopA")
        .unwrap();
    let found = finder.from(looped, &finder.targets(), Options::default());
    assert!(!found.cut);
}

#[test]
fn answers_do_not_depend_on_the_run() {
    let ids = || {
        let demo = Demo::new();
        let paths = demo.paths(
            "arn:aws:iam::222222222222:user/SecOpsAdmin",
            "arn:aws:s3:::acme-prod-vault",
            false,
        );
        paths.into_iter().map(|p| p.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(), ids());
}
