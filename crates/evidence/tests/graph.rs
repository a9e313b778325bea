//! Evidence in the graph of the demo, and on its paths.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::io;

use sv0_analyze::World;
use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::steps::Steps;
use sv0_evidence::join::{Joined, executed};
use sv0_evidence::source::{Listing, Object, Source, SourceError};
use sv0_evidence::time::{Time, Window};
use sv0_evidence::visible::{Sight, Sights};
use sv0_evidence::{Evidence, read};
use sv0_model::kind::EdgeKind;
use sv0_model::path::Path;

/// Some lines of the demo's trail.
struct Lines(Vec<&'static str>);

impl Source for Lines {
    fn list(&self, _: Window) -> Result<Listing, SourceError> {
        let object = Object {
            name: "lines".into(),
            size: 0,
            delivered: None,
            tag: String::new(),
        };
        Ok(Listing {
            objects: vec![object],
            ..Listing::default()
        })
    }

    fn fetch(&self, _: &Object, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.extend_from_slice(self.0.join("\n").as_bytes());
        Ok(())
    }
}

/// What the lines say that a test takes, within thirty days.
fn evidence(takes: impl Fn(&str) -> bool) -> Evidence {
    let (since, until) = sv0_demo::TRAIL_WINDOW;
    let window = Window {
        since: Time::parse(since).unwrap(),
        until: Time::parse(until).unwrap(),
    };
    let lines = sv0_demo::TRAIL.lines().filter(|line| takes(line)).collect();
    read(&Lines(lines), window, &|_, _| {}).unwrap().evidence
}

fn world() -> World {
    let loaded = sv0_input::load_snapshot_text("(demo)", sv0_demo::SNAPSHOT);
    sv0_analyze::normalize::build(loaded.records, loaded.gaps)
}

/// The shortest path between two, with evidence.
fn path(world: &World, evidence: &Evidence, from: &str, to: &str) -> Path {
    let steps = Steps::build(world);
    let finder = Finder::new(world, &steps);
    let [from, to] = [from, to].map(|name| world.lookup(name, &[]).unwrap());
    let mut paths = finder.from(from, &[to], Options::default()).paths;
    paths.sort_by_key(|path| path.hops.len());
    let mut path = paths.remove(0);
    let sights = Sights::new(evidence, world.graph.nodes().map(|(_, node)| &node.record));
    Joined::new(evidence, &sights).annotate(&mut path);
    path
}

fn status(path: &Path) -> Vec<String> {
    let of =
        |value: &Option<serde_json::Value>| value.as_ref().unwrap()["status"].as_str().unwrap().to_owned();
    path.hops.iter().map(|hop| of(&hop.evidence)).collect()
}

#[test]
fn what_was_done_becomes_edges() {
    let mut world = world();
    let evidence = evidence(|_| true);
    let added = executed(&evidence, &mut world.graph);
    let edges: Vec<String> = world
        .graph
        .edges()
        .iter()
        .filter(|edge| edge.kind == EdgeKind::Executed)
        .map(|edge| {
            format!(
                "{} → {}: {}",
                world.label(edge.from),
                world.label(edge.to),
                edge.note.as_deref().unwrap()
            )
        })
        .collect();
    assert_eq!(edges.len(), added);
    for wanted in [
        "Prod/OrganizationAccountAccessRole → CustomerRecords: 7 times, last 2025-12-30T09:42:43Z",
        // Objects are the bucket's; the refused read of another role is none.
        "InvoiceExporterRole → acme-prod-invoices: 56 times, last 2026-01-03T09:00:04Z",
        "ReportReader → acme-prod-shared-reports: 2 times, last 2025-12-22T06:00:11Z",
    ] {
        let (who, rest) = wanted.split_once(" → ").unwrap();
        let who = who.rsplit('/').next().unwrap();
        assert!(
            edges
                .iter()
                .any(|edge| edge.contains(who) && edge.ends_with(rest)),
            "{wanted}: {edges:#?}"
        );
    }
    assert!(
        !edges
            .iter()
            .any(|edge| edge.starts_with("ReportReaderNoIdentity → acme-prod")),
        "{edges:#?}"
    );
}

#[test]
fn a_path_counts_those_who_came_along_it() {
    let world = world();
    let found = path(&world, &evidence(|_| true), "SecOpsAdmin", "CustomerRecords");
    assert_eq!(status(&found), ["no_event", "seen", "seen"]);
    assert_eq!(found.execution_30d, Some(7));
    // Without the records that gave out the credentials the end was used, and by whom is not known: perhaps by this way.
    let without = evidence(|line| !line.contains("\"AssumeRole\""));
    let found = path(&world, &without, "SecOpsAdmin", "CustomerRecords");
    assert_eq!(status(&found), ["no_event", "not_seen", "seen"]);
    assert_eq!((found.execution_30d, found.last_execution_at), (None, None));
    // A trail that keeps writes only has no AssumeRole.
    let writes =
        evidence(|line| line.contains("\"readOnly\":false") || line.contains("\"eventCategory\":\"Data\""));
    let found = path(&world, &writes, "SecOpsAdmin", "CustomerRecords");
    assert_eq!(status(&found), ["no_event", "cannot_be_seen", "seen"]);
}

#[test]
fn nothing_is_said_of_what_no_trail_keeps() {
    let world = world();
    let management = evidence(|line| line.contains("\"eventCategory\":\"Management\""));
    let found = path(&world, &management, "invoice-exporter", "acme-prod-invoices");
    assert_eq!(status(&found), ["seen", "cannot_be_seen"]);
    assert_eq!(found.execution_30d, None);
    let none = evidence(|_| false);
    let found = path(&world, &none, "invoice-exporter", "acme-prod-invoices");
    assert_eq!(status(&found), ["cannot_be_seen", "cannot_be_seen"]);
    assert_eq!(found.execution_30d, None);
}

#[test]
fn data_events_of_one_bucket_say_nothing_of_another() {
    let world = world();
    let all = evidence(|_| true);
    let found = path(&world, &all, "invoice-exporter", "acme-prod-hr-archive");
    assert_eq!(status(&found), ["seen", "not_seen"]);
    assert_eq!(found.hops[1].evidence.as_ref().unwrap()["confidence"], "medium");
    assert_eq!(found.execution_30d, None);
}

#[test]
fn the_configuration_says_that_a_trail_keeps_everything() {
    let evidence = evidence(|_| true);
    let trail = |events: &str| {
        let text = format!(
            r#"{{"kind":"aws_resource","id":"arn:aws:cloudtrail:us-east-1:111111111111:trail/t","account":"111111111111","attrs":{{"resource_type":"AWS::CloudTrail::Trail","multi_region":true,"organization_trail":true,"data_events":{events}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    };
    let sight = |events: &str| Sights::new(&evidence, [&trail(events)]).of(&["333333333333"], "s3:GetObject");
    assert_eq!(sight(r#"[{"type":"AWS::S3::Object"}]"#), Sight::Recorded);
    assert_eq!(
        sight(r#"[{"type":"AWS::S3::Object","only":"WriteOnly"}]"#),
        Sight::InPart
    );
    assert_eq!(sight("[]"), Sight::InPart);
    let nobody = Sights::new(&evidence, []);
    assert_eq!(
        nobody.of(&["333333333333"], "lambda:InvokeFunction"),
        Sight::DataEventsOff
    );
    assert_eq!(nobody.of(&["999999999999"], "ec2:RunInstances"), Sight::NoRecords);
    assert_eq!(nobody.of(&["333333333333"], "iam:PassRole"), Sight::NeverRecorded);
}
