//! `sv0 unused`: what was granted and not seen in use.

use std::io::{self, Write};

use sv0_analyze::World;
use sv0_analyze::question::asked;
use sv0_evidence::unused::{Granted, PrincipalUse, Verdict, unused};
use sv0_server::granted;

use crate::Failure;
use crate::args::UnusedArgs;
use crate::load;
use crate::render::style::{Style, one_line, paint};
use crate::render::{self, paths::plural};
use crate::trail;

pub(crate) fn run(args: &UnusedArgs) -> Result<u8, Failure> {
    let model = load::load(&args.source)?;
    let only = args
        .principal
        .as_deref()
        .map(|name| asked::principal(&model.world, name))
        .transpose()?;
    let reading = trail::read(&args.trail, &args.source)?;
    let sights = trail::sights(&reading, Some(&model));
    let world = &model.world;
    let granted: Vec<Granted> = granted::principals(world)
        .filter(|node| only.is_none_or(|only| only == *node))
        .map(|node| granted::of(world, node))
        .collect();
    let found = unused(&reading.evidence, &sights, &granted);
    render::answers(args.show.output, &found, |out| match (&only, found.as_slice()) {
        (Some(_), [one]) => write_one(out, one),
        _ => write(out, world, &found, args.limit),
    })?;
    render::note_damage(&model);
    Ok(trail::exit_code(&reading).max(model.exit_code()))
}

fn word(verdict: Verdict) -> String {
    let style = match verdict {
        Verdict::Unused => Style::Bad,
        Verdict::CannotBeSeen | Verdict::UsedSaysIam => Style::Warn,
        Verdict::Used => Style::Good,
    };
    paint(style, verdict.words())
}

fn write(out: &mut dyn Write, world: &World, found: &[PrincipalUse], limit: usize) -> io::Result<()> {
    writeln!(
        out,
        "{}\n",
        paint(Style::Head, "Granted, and what was seen of it")
    )?;
    let mut table = render::table(&[
        "principal",
        "account",
        "seen",
        "confidence",
        "last",
        "IAM says last",
        "actions used of granted",
    ]);
    let shown = if limit == 0 { found.len() } else { limit };
    for one in found.iter().take(shown) {
        let node = world.graph.find(&one.principal);
        let account = node
            .and_then(|node| world.account_of(node))
            .map(|account| world.account_label(account));
        let (used, all) = one.services.iter().fold((0, 0), |(used, all), service| {
            (used + service.used.len(), all + service.granted)
        });
        table.add_row([
            node.map_or_else(
                || one.principal.clone(),
                |node| one_line(&world.node(node).record.name),
            ),
            account.unwrap_or_default(),
            word(one.verdict),
            one.confidence.to_owned(),
            one.last.map_or_else(|| "·".into(), |last| last.to_string()),
            one.iam_last_used.clone().unwrap_or_else(|| "·".into()),
            format!("{used} of {all}"),
        ]);
    }
    render::write_table(out, &table)?;
    if found.len() > shown {
        writeln!(out, "… and {} more (--limit 0 shows all)", found.len() - shown)?;
    }
    let keys: Vec<String> = found
        .iter()
        .flat_map(|one| one.keys.iter().map(move |key| (one, key)))
        .filter(|(_, key)| key.verdict != Verdict::Used)
        .map(|(one, key)| {
            let iam = key
                .iam_last_used
                .as_ref()
                .map_or(String::new(), |last| format!("; IAM says last used {last}"));
            format!(
                "{} of {}: {}{iam}",
                key.id,
                super::evidence::short(&one.principal),
                key.verdict.words()
            )
        })
        .collect();
    if !keys.is_empty() {
        writeln!(out, "\n{}", paint(Style::Head, "Access keys"))?;
        for key in keys {
            render::wrap(out, "  ", "    ", &one_line(&key))?;
        }
    }
    Ok(())
}

fn write_one(out: &mut dyn Write, one: &PrincipalUse) -> io::Result<()> {
    let last = one.last.map_or(String::new(), |last| format!(", last {last}"));
    let head = format!(
        "{}: {}{last}",
        super::evidence::short(&one.principal),
        one.verdict.words()
    );
    writeln!(out, "{}", paint(Style::Head, &one_line(&head)))?;
    if let Some(last) = &one.iam_last_used {
        writeln!(
            out,
            "  {}",
            paint(Style::Dim, &format!("IAM says it was last used {last}"))
        )?;
    }
    for key in &one.keys {
        writeln!(out, "  key {}: {}", key.id, word(key.verdict))?;
    }
    if !one.policies.is_empty() {
        writeln!(out, "\n{}", paint(Style::Head, "Policies"))?;
        for policy in &one.policies {
            let needed = match (policy.seen, policy.allows) {
                (0, _) => "nothing was seen that could need it".to_owned(),
                (_, 0) => paint(Style::Bad, "not needed: it allows nothing that was seen"),
                (seen, allows) if policy.needed => {
                    format!("needed: allows {allows} of {seen} uses that were seen")
                }
                _ => paint(
                    Style::Bad,
                    "not needed: the others allow everything that was seen",
                ),
            };
            render::wrap(
                out,
                "  ",
                "    ",
                &format!("{}: {needed}", paint(Style::Name, &one_line(&policy.policy))),
            )?;
        }
    }
    writeln!(out, "\n{}", paint(Style::Head, "Permissions"))?;
    let mut table = render::table(&[
        "service",
        "granted",
        "used",
        "unused",
        "perhaps unused",
        "cannot be seen",
        "IAM says last",
    ]);
    for service in one.services.iter().filter(|service| {
        !service.used.is_empty() || service.iam_last_accessed.is_some() || one.services.len() <= 12
    }) {
        table.add_row([
            service.service.clone(),
            service.granted.to_string(),
            service.used.join(", "),
            service.unused.to_string(),
            service.unused_in_part.to_string(),
            service.cannot_be_seen.values().sum::<usize>().to_string(),
            service.iam_last_accessed.clone().unwrap_or_else(|| "·".into()),
        ]);
    }
    render::write_table(out, &table)?;
    let hidden = one.services.len().saturating_sub(table.row_iter().count());
    if hidden > 0 {
        writeln!(
            out,
            "… and {} of which nothing was seen",
            plural(hidden, "service")
        )?;
    }
    Ok(())
}
