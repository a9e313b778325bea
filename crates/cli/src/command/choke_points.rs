//! `sv0 choke-points`: what most ways to sensitive data go through.

use std::io::{self, Write};

use sv0_analyze::question::choke_points::{self, Bounds, ChokePoints, Example};
use sv0_analyze::question::{choke_points as ask, endpoints};

use crate::Failure;
use crate::args::ChokePointsArgs;
use crate::load;
use crate::render::style::{Style, one_line, paint};
use crate::render::{self, paths::plural};

pub(crate) fn run(args: &ChokePointsArgs) -> Result<u8, Failure> {
    let model = load::load(&args.source)?;
    let finder = model.finder();
    let targets = match &args.to {
        Some(name) => endpoints::targets(&model.world, &finder, model.lookup(name, &[])?).nodes,
        None => choke_points::sensitive(&model.world, &finder),
    };
    let bounds = Bounds {
        most: args.limit,
        ..Bounds::default()
    };
    let answer = ask(&model.world, &model.steps, &finder, &targets, bounds);
    render::answer(args.show.output, &answer, |out| {
        write(out, &answer, args.to.as_deref())
    })?;
    render::note_damage(&model);
    Ok(model.exit_code())
}

fn write(out: &mut dyn Write, answer: &ChokePoints, to: Option<&str>) -> io::Result<()> {
    let what = to.map_or_else(|| "sensitive data".to_owned(), one_line);
    writeln!(
        out,
        "{}",
        paint(Style::Head, &format!("What ways to {what} go through"))
    )?;
    if answer.pairs == 0 {
        writeln!(out, "No origin reaches it.")?;
        return Ok(());
    }
    let facts = format!(
        "{} reach {}: {}",
        plural(answer.origins, "origin"),
        plural(answer.targets, "target"),
        plural(answer.pairs, "pair")
    );
    writeln!(out, "  {facts}")?;
    for text in &answer.limited {
        render::wrap(out, "  ", "    ", &paint(Style::Warn, text))?;
    }
    writeln!(out)?;
    writeln!(out, "{}", paint(Style::Head, "Hops"))?;
    let mut table = render::table(&["hop", "cuts", "on", "origins", "targets", "such as"]);
    for hop in &answer.hops {
        table.add_row([
            format!(
                "{} → {} ({})",
                one_line(&hop.from.name),
                one_line(&hop.to.name),
                hop.edge
            ),
            hop.cut.to_string(),
            hop.pairs.to_string(),
            hop.origins.to_string(),
            hop.targets.to_string(),
            such_as(&hop.examples),
        ]);
    }
    render::write_table(out, &table)?;
    writeln!(out)?;
    writeln!(out, "{}", paint(Style::Head, "Policy statements"))?;
    let mut table = render::table(&["statement", "cuts", "on", "such as"]);
    for statement in &answer.statements {
        let sid = statement
            .sid
            .as_ref()
            .map_or(String::new(), |sid| format!(" “{sid}”"));
        let owner = match &statement.account {
            _ if statement.aws_managed => " (AWS managed)".to_owned(),
            Some(account) => format!(" ({})", one_line(account)),
            None => String::new(),
        };
        let of = holder(&statement.policy_id, &statement.policy);
        table.add_row([
            format!(
                "{}{of} {}{sid}{owner}",
                one_line(&statement.policy),
                statement.json_path
            ),
            if statement.exact {
                statement.cut.to_string()
            } else {
                format!("≤ {}", statement.cut)
            },
            statement.pairs.to_string(),
            such_as(&statement.examples),
        ]);
    }
    render::write_table(out, &table)?;
    writeln!(out)?;
    let legend = "cuts: pairs of origin and target with no way left without it alone · on: pairs whose shortest way \
                  goes through it · origins, targets: of the pairs that it cuts · `sv0 what-if` shows what a change would do";
    render::wrap(out, "", "", &paint(Style::Dim, legend))
}

/// Whose inline policy it is: those have names that say little. A managed policy, and one that names its resource, do not
/// need it.
fn holder(id: &str, policy: &str) -> String {
    let name = id.rsplit(['/', ':']).next().unwrap_or(id);
    if policy.contains(name) || id.contains(":policy/") {
        String::new()
    } else {
        format!(" of {}", one_line(name))
    }
}

fn such_as(examples: &[Example]) -> String {
    examples.first().map_or_else(
        || "·".to_owned(),
        |e| format!("{} to {}", one_line(&e.origin.name), one_line(&e.target.name)),
    )
}
