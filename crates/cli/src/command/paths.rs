//! `sv0 paths`: authority paths, hop by hop.

use std::io::{self, Write};

use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::{question, scope};
use sv0_model::graph::NodeId;
use sv0_model::kind::{EntityType, Kind, Sensitivity};
use sv0_model::path::{Path, PathVerdict};

use crate::Failure;
use crate::args::{Output, PathsArgs};
use crate::load::{self, Model};
use crate::render::style::{Style, paint};
use crate::render::{self, paths as show};

pub(crate) fn run(args: &PathsArgs) -> Result<u8, Failure> {
    let model = load::load(&args.source)?;
    let finder = model.finder();
    let from = match &args.from {
        Some(name) => vec![model.lookup(
            name,
            &[EntityType::Identity, EntityType::Workload, EntityType::Resource],
        )?],
        None => finder.origins(),
    };
    let to = targets(&model, &finder, args)?;
    let options = Options {
        blocked: args.blocked,
        role_hops: args.max_role_hops,
        ..Options::default()
    };
    let mut cut = false;
    let mut paths: Vec<Path> = Vec::new();
    for origin in from {
        let found = finder.from(origin, &to, options);
        cut |= found.cut;
        paths.extend(found.paths);
    }
    let all = paths.len();
    let folded = if args.all || args.to.is_some() || args.output_is_data() {
        0
    } else {
        fold(&mut paths)
    };
    paths.sort_by_key(|path| {
        let scope = path.target.kind == Kind::ResourceScope;
        (
            std::cmp::Reverse(path.sensitivity),
            scope,
            path.verdict,
            path.hops.len(),
            path.origin.name.clone(),
            path.target.name.clone(),
            path.id.clone(),
        )
    });
    let limit = if args.limit == 0 || args.output_is_data() {
        paths.len()
    } else {
        args.limit
    };
    let hidden = paths.len().saturating_sub(limit);
    paths.truncate(limit);
    render::answers(args.show.output, &paths, |out| {
        write(out, args, &paths, all, folded, hidden, cut)
    })?;
    if cut && args.output_is_data() {
        let _ = writeln!(io::stderr().lock(), "sv0: {CUT}");
    }
    render::note_damage(&model);
    Ok(model.exit_code())
}

const CUT: &str = "the search stopped at its budget: there may be more paths; narrow it with --from and --to";

impl PathsArgs {
    fn output_is_data(&self) -> bool {
        self.show.output != Output::Table
    }
}

fn targets(model: &Model, finder: &Finder<'_>, args: &PathsArgs) -> Result<Vec<NodeId>, Failure> {
    match args.to.as_deref() {
        None => Ok(finder.targets()),
        // Everything in some account.
        Some("*") => {
            let all = finder.targets();
            Ok(all
                .into_iter()
                .filter(|id| scope::is_everything(model.world.id(*id)))
                .collect())
        }
        Some(name) => Ok(vec![model.lookup(name, &[])?]),
    }
}

/// Leaves out what a broader scope from the same origin says already, unless the data is sensitive.
fn fold(paths: &mut Vec<Path>) -> usize {
    let scopes: Vec<(String, String, Vec<String>)> = paths
        .iter()
        .filter(|p| p.target.kind == Kind::ResourceScope && p.verdict != PathVerdict::Denied)
        .map(|p| (p.origin.id.clone(), p.target.id.clone(), before_target(p)))
        .collect();
    let count = paths.len();
    paths.retain(|path| {
        path.sensitivity >= Sensitivity::Confidential
            || !scopes.iter().any(|(origin, scope, chain)| {
                *origin == path.origin.id
                    && *scope != path.target.id
                    && *chain == before_target(path)
                    && question::can::covers(scope, &path.target)
            })
    });
    count - paths.len()
}

/// The chain without its end.
fn before_target(path: &Path) -> Vec<String> {
    path.chain
        .split_last()
        .map(|(_, before)| before.to_vec())
        .unwrap_or_default()
}

fn write(
    out: &mut dyn Write,
    args: &PathsArgs,
    paths: &[Path],
    all: usize,
    folded: usize,
    hidden: usize,
    cut: bool,
) -> io::Result<()> {
    if paths.is_empty() {
        let what = if args.blocked {
            "No path is stopped on the way"
        } else {
            "No path"
        };
        let ends = match (&args.from, &args.to) {
            (Some(from), Some(to)) => format!(" from {from} to {to}"),
            (Some(from), None) => format!(" from {from} to data"),
            (None, Some(to)) => format!(" to {to}"),
            (None, None) => String::new(),
        };
        writeln!(out, "{what}{ends}.")?;
        if !args.blocked {
            writeln!(
                out,
                "{}",
                paint(
                    Style::Dim,
                    "`--blocked` shows what is stopped on the way, and by what"
                )
            )?;
        }
        return Ok(());
    }
    for path in paths {
        show::write(out, path)?;
        writeln!(out)?;
    }
    let kind = if args.blocked { "stopped path" } else { "path" };
    let mut notes = vec![show::plural(all, kind)];
    if folded > 0 {
        notes.push(format!(
            "{folded} say no more than a broader one (--all shows them)"
        ));
    }
    if hidden > 0 {
        notes.push(format!("{hidden} not shown (--limit 0 shows all)"));
    }
    writeln!(out, "{}", paint(Style::Dim, &notes.join(" · ")))?;
    if cut {
        writeln!(out, "{}", paint(Style::Warn, CUT))?;
    }
    Ok(())
}
