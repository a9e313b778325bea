//! Every edge of the demo organisation, in the order in which they are made: what normalisation reads off it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;

use sv0_analyze::normalize;

#[test]
fn edges_of_the_demo() {
    let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
    let world = normalize::build(loaded.records, loaded.gaps);
    let mut text = String::new();
    for edge in world.graph.edges() {
        let note = edge.note.as_deref().unwrap_or("-");
        writeln!(
            text,
            "{} {} → {} ({:?}, {note})",
            edge.kind,
            world.id(edge.from),
            world.id(edge.to),
            edge.confidence
        )
        .unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn nodes_of_the_demo() {
    let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
    let world = normalize::build(loaded.records, loaded.gaps);
    let mut text = String::new();
    for (_, node) in world.graph.nodes() {
        let what = if node.stub { "stub" } else { "record" };
        let domain = node.data_domain.as_deref().unwrap_or("-");
        writeln!(
            text,
            "{} {} ({what}, {}, {domain})",
            node.record.kind, node.record.id, node.sensitivity
        )
        .unwrap();
    }
    insta::assert_snapshot!(text);
}
