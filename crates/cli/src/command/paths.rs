//! `sv0 paths`: authority paths, hop by hop.

use std::io::{self, Write};

use sv0_analyze::paths::{Finder, Options};
use sv0_analyze::question::endpoints::{self, Endpoints};
use sv0_analyze::question::routes::{self, Count, NoPath};
use sv0_analyze::world::LookupError;
use sv0_analyze::{question, scope};
use sv0_model::kind::{EntityType, Kind, Sensitivity};
use sv0_model::path::{EntityRef, Path, PathVerdict};

use crate::Failure;
use crate::args::{Output, PathsArgs};
use crate::load::{self, Model};
use crate::render::style::{Style, harmless, one_line, paint};
use crate::render::{self, paths as show};
use crate::trail;

pub(crate) fn run(args: &PathsArgs) -> Result<u8, Failure> {
    let (model, left_out) = if args.structural {
        let (model, left_out) = load::structural(load::read(&args.source, &[])?, &load::rules(&args.source)?);
        (model, Some(left_out))
    } else {
        (load::load(&args.source)?, None)
    };
    let finder = model.finder();
    let ends = Ends::of(&model, &finder, args)?;
    let options = Options {
        blocked: args.blocked,
        role_hops: args.max_role_hops,
        // Of parallel routes through one entity at least as many must be followed as are wanted.
        routes: match args.routes {
            0 => routes::MOST,
            wanted => wanted.max(Options::default().routes),
        },
        ..Options::default()
    };
    let mut answer = Answer::default();
    for origin in &ends.from.nodes {
        let found = finder.from(*origin, &ends.to.nodes, options);
        answer.cut |= found.cut;
        answer.paths.extend(found.paths);
    }
    if let Some(policy) = &ends.from.policy {
        answer.paths.retain(|path| path.chain.contains(policy));
    }
    if let Some(left_out) = &left_out {
        answer.paths.iter_mut().for_each(|path| left_out.flag(path));
    }
    if args.routes > 0 {
        answer.more_routes = routes::keep_best(&mut answer.paths, args.routes);
    }
    answer.all = answer.paths.len();
    if !(args.all || args.to.is_some() || args.output_is_data()) {
        answer.folded = fold(&mut answer.paths);
    }
    routes::sort(&mut answer.paths);
    if args.from.is_some() && args.to.is_some() && !args.blocked && ends.from.policy.is_none() {
        answer.between(&model, &finder, &ends, options);
    }
    if args.limit > 0 && !args.output_is_data() {
        answer.hidden = answer.paths.len().saturating_sub(args.limit);
        answer.paths.truncate(args.limit);
    }
    if trail::is_there(&args.trail, &args.source) {
        let reading = trail::read(&args.trail, &args.source)?;
        trail::annotate(&reading, &model, &mut answer.paths);
    }
    render::answers(args.show.output, &answer.paths, |out| {
        write(out, args, &ends, &answer)
    })?;
    if args.output_is_data() {
        answer.notes_to_stderr();
    }
    render::note_damage(&model);
    Ok(model.exit_code())
}

/// What was asked for.
struct Ends {
    from: Endpoints,
    to: Endpoints,
}

impl Ends {
    fn of(model: &Model, finder: &Finder<'_>, args: &PathsArgs) -> Result<Self, Failure> {
        let from = match &args.from {
            Some(name) => {
                let usual = [EntityType::Identity, EntityType::Workload, EntityType::Resource];
                let node = model
                    .world
                    .lookup(name, &usual)
                    .or_else(|error| match error {
                        LookupError::Unknown { .. } => model.world.lookup(name, &[]),
                        LookupError::Ambiguous { .. } => Err(error),
                    })
                    .map_err(Failure::Lookup)?;
                endpoints::origins(&model.world, finder, node)
            }
            None => Endpoints {
                nodes: finder.origins(),
                ..Endpoints::default()
            },
        };
        let mut to = Endpoints::default();
        match args.to.as_deref() {
            None => to.nodes = finder.targets(),
            // Everything in some account.
            Some("*") => {
                to.nodes = finder.targets();
                to.nodes.retain(|id| scope::is_everything(model.world.id(*id)));
            }
            Some(name) => to = endpoints::targets(&model.world, finder, model.lookup(name, &[])?),
        }
        Ok(Self { from, to })
    }
}

/// The paths, and what there is to say of them.
#[derive(Default)]
struct Answer {
    paths: Vec<Path>,
    /// Paths before those were folded that say no more than a broader one.
    all: usize,
    folded: usize,
    hidden: usize,
    /// Routes that are not among the best of their pair.
    more_routes: usize,
    /// Between two entities: routes that are.
    kept_routes: usize,
    /// Whether the search stopped at its budget.
    cut: bool,
    /// Between two entities: how many routes there are.
    count: Option<Count>,
    /// Between two ends: what is nearest, where there is no path.
    no_path: Option<Box<NoPath>>,
}

impl Answer {
    /// Counts the routes between two ends, or looks for what is nearest.
    fn between(&mut self, model: &Model, finder: &Finder<'_>, ends: &Ends, options: Options) {
        let (world, steps) = (&model.world, &model.steps);
        let (from, to) = (&ends.from.nodes, &ends.to.nodes);
        if self.paths.is_empty() {
            self.no_path = Some(Box::new(routes::no_path(world, steps, finder, from, to, options)));
        } else if from.len() == 1 && to.len() == 1 {
            self.kept_routes = routes::distinct(&self.paths);
            self.count = Some(routes::count(world, steps, finder, from, to, options));
        }
    }

    /// How many routes there are, and how many of them are in the answer.
    fn routes(&self) -> Option<String> {
        let Some(count) = self.count else {
            return (self.more_routes > 0).then(|| {
                let more = show::plural(self.more_routes, "further route");
                format!("{more} left out (--routes 0 shows all)")
            });
        };
        let number = if count.at_least {
            format!("at least {}", count.routes)
        } else {
            count.routes.to_string()
        };
        match self.kept_routes {
            kept if kept < count.routes => Some(format!(
                "{kept} of {number} parallel routes (--routes 0 shows all)"
            )),
            _ => (count.routes > 1).then(|| format!("{number} parallel routes")),
        }
    }

    /// What a list of paths does not say.
    fn notes_to_stderr(&self) {
        let mut notes: Vec<String> = self.routes().into_iter().collect();
        if self.cut {
            notes.push(CUT.to_owned());
        }
        if let Some(path) = self.no_path.as_ref().and_then(|none| none.stopped.as_ref()) {
            let why = path.blocked_by.first().map_or("", |b| b.text.as_str());
            notes.push(format!("no path; nearest: {}, stopped: {why}", show::chain(path)));
        }
        for note in notes {
            // Nothing sensible can be done where stderr is closed.
            let _ = writeln!(io::stderr().lock(), "sv0: {}", harmless(&note));
        }
    }
}

const CUT: &str = "the search stopped at its budget: there may be more paths; narrow it with --from and --to";

impl PathsArgs {
    fn output_is_data(&self) -> bool {
        self.show.output != Output::Table
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

fn write(out: &mut dyn Write, args: &PathsArgs, ends: &Ends, answer: &Answer) -> io::Result<()> {
    if args.structural {
        let text = "Structural view: what policies grant. Conditions, denies, SCPs, RCPs, boundaries and key policies \
                    are not evaluated.";
        render::wrap(out, "", "", &paint(Style::Warn, text))?;
        writeln!(out)?;
    }
    for (what, note) in [("from", &ends.from.note), ("to", &ends.to.note)] {
        if let Some(note) = note {
            render::wrap(
                out,
                "",
                "  ",
                &paint(Style::Dim, &format!("{what} {}", one_line(note))),
            )?;
        }
    }
    if answer.paths.is_empty() {
        return write_none(out, args, answer);
    }
    for path in &answer.paths {
        show::write(out, path)?;
        writeln!(out)?;
    }
    let kind = if args.blocked { "stopped path" } else { "path" };
    let mut notes = vec![show::plural(answer.all, kind)];
    notes.extend(answer.routes());
    if answer.folded > 0 {
        notes.push(format!(
            "{} say no more than a broader one (--all shows them)",
            answer.folded
        ));
    }
    if answer.hidden > 0 {
        notes.push(format!("{} not shown (--limit 0 shows all)", answer.hidden));
    }
    render::wrap(out, "", "", &paint(Style::Dim, &notes.join(" · ")))?;
    if answer.cut {
        writeln!(out, "{}", paint(Style::Warn, CUT))?;
    }
    Ok(())
}

fn write_none(out: &mut dyn Write, args: &PathsArgs, answer: &Answer) -> io::Result<()> {
    let what = if args.blocked {
        "No path is stopped on the way"
    } else {
        "No path"
    };
    let names = |name: &Option<String>| name.as_deref().map(one_line);
    let ends = match (names(&args.from), names(&args.to)) {
        (Some(from), Some(to)) => format!(" from {from} to {to}"),
        (Some(from), None) => format!(" from {from} to data"),
        (None, Some(to)) => format!(" to {to}"),
        (None, None) => String::new(),
    };
    writeln!(out, "{what}{ends}.")?;
    let Some(none) = &answer.no_path else {
        if !args.blocked {
            let hint = "`--blocked` shows what is stopped on the way, and by what";
            writeln!(out, "{}", paint(Style::Dim, hint))?;
        }
        return Ok(());
    };
    match &none.stopped {
        Some(path) => {
            writeln!(out)?;
            writeln!(out, "{}", paint(Style::Head, "Nearest, and what stops it"))?;
            show::write(out, path)?;
        }
        None => writeln!(out, "Nor would there be one if a single policy did not stop it.")?,
    }
    writeln!(out)?;
    write_some(out, "from there it reaches", &none.reached)?;
    write_some(out, "what leads there is", &none.leading)
}

/// Some entities of many.
fn write_some(out: &mut dyn Write, what: &str, all: &[EntityRef]) -> io::Result<()> {
    const MOST: usize = 6;
    let mut names: Vec<String> = all.iter().take(MOST).map(|e| one_line(&e.name)).collect();
    if names.is_empty() {
        names.push("nothing".into());
    }
    if all.len() > MOST {
        names.push(format!("and {} more", all.len() - MOST));
    }
    let first = format!("  {} ", paint(Style::Dim, &format!("{what}:")));
    render::wrap(out, &first, "    ", &names.join(", "))
}
