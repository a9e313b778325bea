//! Asking about everybody at once is asking about each: [`sv0_analyze::reach`] beside [`sv0_analyze::access`].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use sv0_analyze::access::access;
use sv0_analyze::ask::Asker;
use sv0_analyze::reach::{Room, is_asked};
use sv0_analyze::{World, normalize};
use sv0_bench::{Organization, Preset};
use sv0_iam::decide::Verdict;
use sv0_model::graph::NodeId;

/// By principal and action: whether it is certain.
type Able<'a> = BTreeMap<(&'a str, &'static str), bool>;

fn compare(world: &World) -> usize {
    let reaching = world.reaching();
    let everybody = world.everybody();
    let askers: Vec<Asker<'_>> = sv0_analyze::steps::askers(world);
    let mut room = Room::default();
    let mut compared = 0;
    let asked: Vec<NodeId> = world
        .graph
        .nodes()
        .filter(|(_, node)| is_asked(node.record.kind))
        .map(|(id, _)| id)
        .collect();
    for resource in asked {
        let (parts, mut hits) = (reaching.parts(world, resource), Vec::new());
        reaching.who(world, resource, &parts, &mut room, &mut hits);
        let (mut together, mut stopped): (Able<'_>, Able<'_>) = Default::default();
        for hit in &hits {
            let family = reaching.family_of(world, &parts[hit.part]);
            let who = world.id(everybody.node(hit.principal).unwrap());
            assert_eq!(hit.certain & !hit.possible, 0);
            for action in family.bundle.actions(hit.possible) {
                let certain = family.bundle.actions(hit.certain).any(|other| other == action);
                *together.entry((who, action)).or_default() |= certain;
            }
            for action in family.bundle.actions(hit.blocked) {
                stopped.insert((who, action), false);
            }
        }
        stopped.retain(|key, _| !together.contains_key(key));
        for asker in &askers {
            let who = world.id(asker.node.unwrap());
            let alone = access(world, asker, resource);
            for allowed in &alone.allowed {
                let found = together.remove(&(who, allowed.action));
                let wanted = allowed.verdict == Verdict::Allowed;
                let name = format!("{who} {} {}", allowed.action, world.id(resource));
                assert!(found.is_some(), "alone only: {name} {:?}", allowed.verdict);
                // Looking closely may make certain what seemed to hang on conditions, never the other way.
                assert!(wanted || found == Some(false), "certain together: {name}");
                compared += 1;
            }
            for blocked in &alone.blocked {
                let name = format!("{who} {} {}", blocked.action, world.id(resource));
                // It may also have turned out to be impossible when looked at closely.
                let found = stopped.remove(&(who, blocked.action)).is_some()
                    || together.remove(&(who, blocked.action)) == Some(false);
                assert!(found, "stopped alone only: {name}");
                compared += 1;
            }
        }
        assert_eq!(together, Able::new(), "together only: {}", world.id(resource));
        assert_eq!(
            stopped,
            Able::new(),
            "stopped together only: {}",
            world.id(resource)
        );
    }
    compared
}

#[test]
fn in_the_demo() {
    let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
    let compared = compare(&normalize::build(loaded.records, loaded.gaps));
    assert!(compared > 2_000, "{compared}");
}

#[test]
fn in_a_made_up_organisation() {
    let org = Organization::new(11, Preset::S.size());
    let compared = compare(&normalize::build(org.records().collect(), Vec::new()));
    assert!(compared > 2_000, "{compared}");
}

/// A home below a bucket that only the user's own name opens.
#[test]
fn with_a_home_of_its_own() {
    let records = r#"[
        {"kind":"iam_user","id":"arn:aws:iam::111111111111:user/alice","name":"alice","account":"111111111111","policies":[
            {"slot":"inline","name":"home","document":{"Version":"2012-10-17","Statement":
                {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/home/${aws:username}/*"}}}]},
        {"kind":"iam_role","id":"arn:aws:iam::111111111111:role/app","name":"app","account":"111111111111","policies":[
            {"slot":"inline","name":"home","document":{"Version":"2012-10-17","Statement":
                {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/home/${aws:username}/*"}}}]},
        {"kind":"s3_bucket","id":"arn:aws:s3:::data","name":"data","account":"111111111111"}]"#;
    let world = normalize::build(serde_json::from_str(records).unwrap(), Vec::new());
    assert_eq!(compare(&world), 1);
}
