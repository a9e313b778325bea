//! `xtask layers`: the crate graph, drawn into ARCHITECTURE.md, and the rule that it obeys.
//!
//! Every crate stands on a floor and uses crates of lower floors only: nothing above it, no neighbour. An edge that
//! breaks this fails here; an edge that keeps to it still changes the picture, so that nobody adds one unseen.
//! Development dependencies are not looked at: a test may use anything.

use crate::{Error, files};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

/// Where the picture goes.
const DOCUMENT: &str = "ARCHITECTURE.md";
const BEGIN: &str = "<!-- layers:begin -->";
const END: &str = "<!-- layers:end -->";
/// What every crate's name begins with.
const PREFIX: &str = "sv0-";

/// The floors, top first; on each floor the crates from left to right of the picture's lines.
const FLOORS: &[Floor] = &[
    Floor {
        name: "floor 5",
        what: "the command",
        crates: &["cli"],
    },
    Floor {
        name: "floor 4",
        what: "the API and the page",
        crates: &["server"],
    },
    Floor {
        name: "floor 3",
        what: "what stages come to",
        crates: &["collect", "rules"],
    },
    Floor {
        name: "floor 2",
        what: "the stages",
        crates: &["analyze", "bench", "demo", "evidence", "export", "input"],
    },
    Floor {
        name: "floor 1",
        what: "values, and the engine",
        crates: &["engine", "model"],
    },
    Floor {
        name: "floor 0",
        what: "AWS's rules",
        crates: &["iam"],
    },
];

/// Developer's tools: no part of the product, so nothing may use them.
const TOOLS: &[&str] = &["xtask"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Fail where an edge is forbidden, or where ARCHITECTURE.md shows another graph.
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Draw the graph into ARCHITECTURE.md.
    #[arg(long)]
    write: bool,
}

struct Floor {
    name: &'static str,
    what: &'static str,
    crates: &'static [&'static str],
}

/// What `cargo metadata` says.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// None for a normal dependency, else `dev` or `build`.
    kind: Option<String>,
}

/// A crate of the workspace, and which others it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Crate {
    name: String,
    uses: BTreeSet<String>,
}

pub(crate) fn run(args: &Args) -> Result<(), Error> {
    // What `cargo run` says, rather than what was compiled in: clones may share a target folder.
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").to_owned());
    let here = Path::new(&here);
    let root = here.ancestors().nth(2).unwrap_or(here);
    let metadata = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let crates = crates(&serde_json::from_str(&files::output("cargo", &metadata, root)?)?);
    let problems = problems(&crates);
    if !problems.is_empty() {
        return Err(problems.join("\nerror: ").into());
    }
    let picture = picture(&crates);
    if !args.check && !args.write {
        std::io::stdout().write_all(picture.as_bytes())?;
        return Ok(());
    }
    let document = root.join(DOCUMENT);
    let old = files::read(&document)?;
    let new = place(&old, &picture)
        .ok_or_else(|| format!("`{DOCUMENT}` has no `{BEGIN}` with an `{END}` after it"))?;
    if old == new {
        eprintln!("{DOCUMENT} shows the crate graph as it is, and every edge goes down");
    } else if args.write {
        std::fs::write(&document, new).map_err(|e| format!("cannot write `{DOCUMENT}`: {e}"))?;
        eprintln!("drew the crate graph into {DOCUMENT}");
    } else {
        return Err(format!(
            "`{DOCUMENT}` shows another crate graph than the manifests, which give:\n\n{picture}\n\
             if the new edge is meant, run `cargo run -p sv0-xtask -- layers --write`"
        )
        .into());
    }
    Ok(())
}

/// The members of the workspace and their edges to each other, by name.
fn crates(metadata: &Metadata) -> Vec<Crate> {
    let short = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
    let members: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let mut out: Vec<Crate> = metadata
        .packages
        .iter()
        .map(|package| Crate {
            name: short(&package.name),
            uses: package
                .dependencies
                .iter()
                .filter(|d| d.kind.as_deref() != Some("dev") && members.contains(d.name.as_str()))
                .map(|d| short(&d.name))
                .collect(),
        })
        .collect();
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

/// How far down a crate stands; none for tools and for crates without a floor.
fn depth(name: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.crates.contains(&name))
}

/// What is wrong with the graph, in words.
fn problems(crates: &[Crate]) -> Vec<String> {
    let mut out = Vec::new();
    for one in crates {
        let name = &one.name;
        let from = depth(name);
        if from.is_none() && !TOOLS.contains(&name.as_str()) {
            out.push(format!(
                "crate `{name}` has no place: give it a floor in layers.rs"
            ));
            continue;
        }
        for used in &one.uses {
            match (from, depth(used)) {
                (_, None) if TOOLS.contains(&used.as_str()) => {
                    out.push(format!("`{name}` uses `{used}`, which is a developer's tool and not part of the product"));
                }
                (Some(from), Some(to)) if to < from => {
                    out.push(format!("`{name}` uses `{used}`, which stands on a higher floor"));
                }
                (Some(from), Some(to)) if to == from => out.push(format!(
                    "`{name}` uses `{used}`, its neighbour: what they share belongs to a lower floor, what joins them \
                     to a higher one"
                )),
                // Downwards, from a tool to the product, or to a crate without a floor, which is reported itself.
                _ => {}
            }
        }
    }
    for name in FLOORS.iter().flat_map(|floor| floor.crates).chain(TOOLS) {
        if !crates.iter().any(|one| one.name == *name) {
            out.push(format!(
                "layers.rs gives `{name}` a place, and the workspace has no such crate"
            ));
        }
    }
    out
}

/// A row of the picture: a crate, and the line that runs down from it to the crates that it uses.
struct Row<'a> {
    name: &'a str,
    uses: Option<&'a BTreeSet<String>>,
    /// The last row that its line reaches; its own where it uses nothing.
    last: usize,
}

/// The graph as text: one row a crate, one line down for each crate that uses others, `●` where it uses the row's.
fn picture(crates: &[Crate]) -> String {
    let find = |name: &str| crates.iter().find(|one| one.name == name);
    let names: Vec<&str> = FLOORS.iter().flat_map(|floor| floor.crates).copied().collect();
    let rows: Vec<Row<'_>> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let uses = find(name).map(|one| &one.uses).filter(|uses| !uses.is_empty());
            let reached = |uses: &BTreeSet<String>| names.iter().rposition(|other| uses.contains(*other));
            Row {
                name,
                uses,
                last: uses.and_then(reached).unwrap_or(i),
            }
        })
        .collect();
    let longest = |texts: &mut dyn Iterator<Item = &str>| texts.map(str::len).max().unwrap_or(0);
    let floor_width = longest(&mut FLOORS.iter().map(|floor| floor.name));
    let what_width = longest(&mut FLOORS.iter().map(|floor| floor.what));
    let name_width = longest(&mut names.iter().copied());

    let mut out = String::from("```text\n");
    let mut line = |floor: &str, what: &str, rest: &str| {
        let text = format!("{floor:floor_width$}  {what:what_width$}  {rest}");
        out.push_str(text.trim_end());
        out.push('\n');
    };
    let mut index = 0;
    for (i, floor) in FLOORS.iter().enumerate() {
        if i > 0 {
            line("", "", &format!("{:name_width$} {}", "", between(&rows, index)));
        }
        for (j, name) in floor.crates.iter().enumerate() {
            let (floor, what) = if j == 0 {
                (floor.name, floor.what)
            } else {
                ("", "")
            };
            let end = end(&rows, index);
            let dash = if end.is_some() { "─" } else { " " };
            let dashes = dash.repeat(name_width - name.len());
            line(
                floor,
                what,
                &format!("{name} {dashes}{}", across(&rows, index, end)),
            );
            index += 1;
        }
    }
    line("", "", "");
    for tool in TOOLS {
        let uses: Vec<&str> = find(tool)
            .map(|one| one.uses.iter().map(String::as_str).collect())
            .unwrap_or_default();
        let uses = if uses.is_empty() {
            "none of them".to_owned()
        } else {
            uses.join(", ")
        };
        line("beside", "a tool", &format!("{tool}, uses {uses}"));
    }
    out.push_str("```\n");
    out
}

/// The column at which the line across a row ends: the crate's own, or the last that comes down to it.
fn end(rows: &[Row<'_>], row: usize) -> Option<usize> {
    let this = rows.get(row)?;
    let comes_down = |column: &Row<'_>| column.uses.is_some_and(|uses| uses.contains(this.name));
    this.uses
        .map(|_| row)
        .or_else(|| rows.iter().take(row).rposition(comes_down))
}

/// The lines in the row of a crate: from its name to the end, across the lines of others.
fn across(rows: &[Row<'_>], row: usize, end: Option<usize>) -> String {
    let Some(this) = rows.get(row) else {
        return String::new();
    };
    let mut out = String::new();
    for (j, column) in rows.iter().enumerate() {
        let Some(uses) = column.uses else { continue };
        let passes = j < row && column.last >= row;
        out.push_str(if end.is_some_and(|end| j <= end) {
            match (j == row, uses.contains(this.name), passes) {
                (true, _, _) => "──┐",
                (_, true, _) => "──●",
                (_, _, true) => "──┼",
                _ => "───",
            }
        } else if passes {
            "  │"
        } else {
            "   "
        });
    }
    out
}

/// The lines between two floors, above the given row.
fn between(rows: &[Row<'_>], row: usize) -> String {
    rows.iter()
        .enumerate()
        .filter(|(_, column)| column.uses.is_some())
        .map(|(j, column)| {
            if j < row && column.last >= row {
                "  │"
            } else {
                "   "
            }
        })
        .collect()
}

/// The document with another picture between the markers.
fn place(document: &str, picture: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{picture}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The workspace as its floors have it, with some edges.
    fn workspace(edges: &[(&str, &str)]) -> Vec<Crate> {
        let names = FLOORS.iter().flat_map(|floor| floor.crates).chain(TOOLS);
        names
            .map(|name| Crate {
                name: (*name).to_owned(),
                uses: edges
                    .iter()
                    .filter(|(from, _)| from == name)
                    .map(|(_, to)| (*to).to_owned())
                    .collect(),
            })
            .collect()
    }

    #[test]
    fn edges_go_down_past_floors() {
        assert_eq!(
            problems(&workspace(&[
                ("cli", "iam"),
                ("analyze", "model"),
                ("model", "iam")
            ])),
            [""; 0]
        );
    }

    #[test]
    fn an_edge_up_or_to_a_neighbour_or_to_a_tool_is_a_problem() {
        for (from, to, why) in [
            ("iam", "model", "higher floor"),
            ("model", "cli", "higher floor"),
            ("analyze", "input", "neighbour"),
            ("cli", "xtask", "developer's tool"),
        ] {
            let found = problems(&workspace(&[(from, to)]));
            assert!(
                matches!(&found[..], [one] if one.contains(why)),
                "{from} -> {to}: {found:?}"
            );
        }
    }

    #[test]
    fn a_crate_needs_a_floor_and_a_floor_its_crates() {
        let mut crates = workspace(&[]);
        crates.retain(|one| one.name != "demo");
        crates.push(Crate {
            name: "store".into(),
            uses: BTreeSet::new(),
        });
        let found = problems(&crates);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`store`") && found[0].contains("give it a floor in layers.rs"));
        assert!(found[1].contains("`demo`"));
    }

    #[test]
    fn test_dependencies_and_foreign_crates_are_not_edges() {
        let text = r#"{"packages":[
            {"name":"sv0-model","dependencies":[
                {"name":"serde","kind":null},{"name":"sv0-iam","kind":null},{"name":"sv0-cli","kind":"dev"}]},
            {"name":"sv0-iam","dependencies":[]},{"name":"sv0-cli","dependencies":[{"name":"sv0-iam","kind":"build"}]}]}"#;
        let found = crates(&serde_json::from_str(text).unwrap());
        let edges: Vec<String> = found
            .iter()
            .map(|c| format!("{}: {:?}", c.name, c.uses))
            .collect();
        assert_eq!(edges, [r#"cli: {"iam"}"#, "iam: {}", r#"model: {"iam"}"#]);
    }

    #[test]
    fn the_picture_shows_each_edge_once() {
        let drawn = picture(&workspace(&[
            ("cli", "analyze"),
            ("cli", "input"),
            ("cli", "iam"),
            ("analyze", "model"),
            ("model", "iam"),
        ]));
        let expected = "\
```text
floor 5  the command             cli ───────┐
                                            │
floor 4  the API and the page    server     │
                                            │
floor 3  what stages come to     collect    │
                                 rules      │
                                            │
floor 2  the stages              analyze ───●──┐
                                 bench      │  │
                                 demo       │  │
                                 evidence   │  │
                                 export     │  │
                                 input ─────●  │
                                            │  │
floor 1  values, and the engine  engine     │  │
                                 model ─────┼──●──┐
                                            │     │
floor 0  AWS's rules             iam ───────●─────●

beside   a tool                  xtask, uses none of them
```
";
        assert_eq!(drawn, expected, "\n{drawn}");
    }

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let document = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let new = place(&document, "new\n").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\nnew\n{END}\nafter\n"));
        assert_eq!(place(&new, "new\n").as_deref(), Some(new.as_str()));
        assert_eq!(place("no markers", "new\n"), None);
    }
}
