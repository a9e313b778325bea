//! The chains that the seeds draw, one row each in `docs/paths.md`: for each the paths of the demo organisation, no more
//! and no fewer. The page is what people review; this file only holds the product against it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::steps::Steps;
use sv0_analyze::{World, normalize};
use sv0_model::graph::NodeId;
use sv0_model::kind::EntityType;
use sv0_model::path::Path;

/// Rows where the product differs from the page, which the page says too. They must go on to differ, so that a mended one is
/// taken off the list.
const KNOWN: [&str; 0] = [];

struct Row {
    id: String,
    origin: String,
    target: String,
    /// `verdict chain`, as the page writes it.
    expected: BTreeSet<String>,
    command: String,
}

impl Row {
    /// Whether the row says what is stopped: then it says all of it.
    fn says_what_is_stopped(&self) -> bool {
        self.expected.is_empty() || self.expected.iter().any(|path| path.starts_with("blocked"))
    }
}

/// The rows with seven cells, which are those with an expectation.
fn rows() -> Vec<Row> {
    let text = include_str!("../../../docs/paths.md");
    let mut out = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, _, _, origin, target, expected, command] = cells[..] else {
            assert!(cells.len() < 4, "a row has seven cells: {line}");
            continue;
        };
        if id == "row" {
            continue;
        }
        let code = |cell: &str| cell.trim_matches('`').to_owned();
        let each = expected.split("<br>").filter(|path| *path != "none");
        out.push(Row {
            id: id.to_owned(),
            origin: code(origin),
            target: code(target),
            expected: each.map(|path| path.replace('`', "")).collect(),
            command: code(command),
        });
    }
    out
}

fn whole(id: &str) -> String {
    if id == "*" {
        return id.to_owned();
    }
    format!("arn:aws:{id}")
}

fn as_written(path: &Path) -> String {
    let layers: BTreeSet<&str> = path.blocked_by.iter().map(|by| by.layer.as_str()).collect();
    let layers: Vec<&str> = layers.into_iter().collect();
    let verdict = if layers.is_empty() {
        path.verdict.as_str().to_owned()
    } else {
        format!("blocked by {}", layers.join("+"))
    };
    let chain: Vec<&str> = path
        .chain
        .iter()
        .map(|id| id.strip_prefix("arn:aws:").unwrap_or(id))
        .collect();
    format!("{verdict} {}", chain.join(" → "))
}

struct Demo {
    world: World,
    steps: Steps,
}

impl Demo {
    fn new() -> Self {
        let loaded = sv0_input::load_snapshot_text("demo", sv0_demo::SNAPSHOT);
        let world = normalize::build(loaded.records, loaded.gaps);
        let steps = Steps::build(&world);
        Self { world, steps }
    }

    fn node(&self, id: &str) -> NodeId {
        let found = self.world.graph.find(&whole(id));
        found.unwrap_or_else(|| panic!("{id} is not in the demo"))
    }

    fn found(&self, finder: &Finder<'_>, row: &Row) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for blocked in [false, true] {
            if blocked && !row.says_what_is_stopped() {
                continue;
            }
            let options = Options {
                routes: 1_000,
                blocked,
                ..Options::default()
            };
            let found = finder.from(self.node(&row.origin), &[self.node(&row.target)], options);
            assert!(!found.cut, "{}", row.id);
            out.extend(found.paths.iter().map(as_written));
        }
        out
    }
}

#[test]
fn every_row_has_exactly_its_paths() {
    let demo = Demo::new();
    let finder = Finder::new(&demo.world, &demo.steps);
    let rows = rows();
    assert!(rows.len() >= 68, "the page has lost rows: {}", rows.len());
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids.len(), rows.len(), "rows have ids of their own");
    for known in KNOWN {
        assert!(ids.contains(known), "{known} is no row");
    }
    let mut wrong = Vec::new();
    for row in &rows {
        let found = demo.found(&finder, row);
        let same = found == row.expected;
        if same == KNOWN.contains(&row.id.as_str()) {
            let missing: Vec<_> = row.expected.difference(&found).collect();
            let more: Vec<_> = found.difference(&row.expected).collect();
            wrong.push(format!("{}: missing {missing:#?}, too many {more:#?}", row.id));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} rows (one of KNOWN that agrees is to be taken off it):\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_command_asks_for_its_rows_origin_and_target() {
    let demo = Demo::new();
    let usual = [EntityType::Identity, EntityType::Workload, EntityType::Resource];
    for row in rows() {
        let name = |option: &str| {
            let (_, rest) = row.command.split_once(option).unwrap();
            rest.trim_start()
                .split(' ')
                .next()
                .unwrap()
                .trim_matches('\'')
                .to_owned()
        };
        let from = demo
            .world
            .lookup(&name("--from"), &usual)
            .unwrap_or_else(|error| panic!("{}: {error}", row.id));
        let to = demo
            .world
            .lookup(&name("--to"), &[])
            .unwrap_or_else(|error| panic!("{}: {error}", row.id));
        assert_eq!(demo.world.id(from), whole(&row.origin), "{}", row.id);
        assert_eq!(demo.world.id(to), whole(&row.target), "{}", row.id);
        assert_eq!(
            row.command.contains("--blocked"),
            row.expected.iter().any(|path| path.starts_with("blocked")),
            "{}",
            row.id
        );
    }
}
