//! `sv0 who-did`: who really did something.

use std::io::{self, Write};

use sv0_evidence::answer::{Filter, Line, lines};
use sv0_evidence::event::Outcome;
use sv0_evidence::visible::{Sight, Sights};

use super::evidence::{did, full_name, short, who};
use crate::Failure;
use crate::args::WhoDidArgs;
use crate::render::style::{Style, one_line, paint};
use crate::render::{self, paths::plural};
use crate::trail;

pub(crate) fn run(args: &WhoDidArgs) -> Result<u8, Failure> {
    let reading = trail::read(&args.trail, &args.source)?;
    let filter = Filter {
        principal: None,
        resource: full_name(&args.source, Some(&args.resource))?,
        action: Some(args.action.clone()),
        together: true,
    };
    let found = lines(&reading.evidence, &filter);
    let sights = trail::sights(&reading, None);
    render::answers(args.show.output, &found, |out| {
        write(out, args, &found, &sights, &filter)
    })?;
    Ok(trail::exit_code(&reading))
}

fn write(
    out: &mut dyn Write,
    args: &WhoDidArgs,
    found: &[Line],
    sights: &Sights,
    filter: &Filter,
) -> io::Result<()> {
    let head = format!("Who did {} to {}", args.action, args.resource);
    writeln!(out, "{}\n", paint(Style::Head, &one_line(&head)))?;
    if found.is_empty() {
        let arn = filter.resource.as_deref().and_then(sv0_iam::name::Arn::parse);
        let sight = match arn.and_then(|arn| arn.account_id()) {
            Some(account) => sights.of(&[account], &args.action),
            None => sights.anywhere(&args.action),
        };
        let text = match sight {
            Sight::Recorded => "Nobody; it would have been recorded.".to_owned(),
            sight => format!("Nobody that is recorded: {}.", sight.words()),
        };
        // A slip of the pen must not read as an answer.
        let known = sv0_iam::catalog::Catalog::embedded()
            .action(&args.action)
            .is_some()
            || args.action.contains(['*', '?']);
        let text = if known {
            text
        } else {
            format!(
                "{text} AWS's list of actions has no `{}`: look at its spelling.",
                args.action
            )
        };
        return render::wrap(out, "", "", &text);
    }
    for line in found {
        let times = if line.count == 1 {
            "once".to_owned()
        } else {
            format!("{} times", line.count)
        };
        let when = if line.first == line.last {
            format!("at {}", line.last)
        } else {
            format!("from {} to {}", line.first, line.last)
        };
        let name = if line.origin.is_known() {
            paint(Style::Name, &who(line))
        } else {
            paint(Style::Warn, &who(line))
        };
        let mark = if line.outcome == Outcome::Success {
            ""
        } else {
            " tried"
        };
        render::wrap(out, "", "  ", &format!("{name}{mark} {times}, {when}"))?;
        for (at, hop) in line.chain.iter().enumerate() {
            let step = format!(
                "{} {} {} at {}",
                short(&hop.from),
                hop.mechanism.action(),
                short(&hop.to),
                hop.time
            );
            let first = format!("  {:>2} │ ", at + 1);
            render::wrap(
                out,
                &first,
                "       ",
                &format!(
                    "{} {}",
                    one_line(&step),
                    paint(Style::Dim, &format!("(event {})", hop.event))
                ),
            )?;
        }
        let first = format!("  {:>2} │ ", line.chain.len() + 1);
        let others = if line.resources > 1 {
            format!(" and {} more", line.resources - 1)
        } else {
            String::new()
        };
        let last = format!(
            "{} {} on {}{others} from {}",
            short(&line.principal),
            did(line),
            line.resource,
            line.last_address
        );
        render::wrap(
            out,
            &first,
            "       ",
            &format!(
                "{} {}",
                one_line(&last),
                paint(Style::Dim, &format!("(event {})", line.last_event))
            ),
        )?;
        if line.sessions > 1 {
            let note = format!(
                "in {}; the chain of the last is shown",
                plural(line.sessions, "session")
            );
            writeln!(out, "       {}", paint(Style::Dim, &note))?;
        }
        if let Some(said) = &line.source_identity {
            writeln!(
                out,
                "       {}",
                paint(Style::Dim, &format!("source identity: {}", one_line(said)))
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}
