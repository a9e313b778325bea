//! `sv0 unused`: what was granted and not seen in use.

use std::io::{self, Write};

use sv0_analyze::World;
use sv0_evidence::unused::{Granted, GrantedPolicy, PrincipalUse, Verdict, unused};
use sv0_iam::catalog::Catalog;
use sv0_iam::syntax::ast::{ActionElement, Effect, Policy};
use sv0_model::graph::NodeId;
use sv0_model::kind::Kind;

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
        .map(|name| super::can::principal(&model, name))
        .transpose()?;
    let reading = trail::read(&args.trail, &args.source)?;
    let sights = trail::sights(&reading, Some(&model));
    let world = &model.world;
    let granted: Vec<Granted> = world
        .principals
        .keys()
        .copied()
        .filter(|node| only.is_none_or(|only| only == *node))
        .filter(|node| {
            matches!(world.node(*node).record.kind, Kind::IamRole | Kind::IamUser) && !world.node(*node).stub
        })
        .map(|node| grants(world, node))
        .collect();
    let found = unused(&reading.evidence, &sights, &granted);
    render::answers(args.show.output, &found, |out| match (&only, found.as_slice()) {
        (Some(_), [one]) => write_one(out, one),
        _ => write(out, world, &found, args.limit),
    })?;
    render::note_damage(&model);
    Ok(trail::exit_code(&reading).max(model.exit_code()))
}

/// What the policies of a principal grant, denials and ceilings apart.
fn grants(world: &World, node: NodeId) -> Granted {
    let record = &world.node(node).record;
    let text = |name: &str| {
        record
            .attrs
            .get(name)
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    };
    let mut granted = Granted {
        principal: record.id.clone(),
        account: record.account.clone().unwrap_or_default(),
        last_used: text("last_used"),
        ..Granted::default()
    };
    let keys = record.attrs.get("access_keys").and_then(|keys| keys.as_array());
    for key in keys.into_iter().flatten() {
        let text = |name: &str| key.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        if let Some(id) = text("id") {
            granted.keys.push((id, text("last_used")));
        }
    }
    let accessed = record
        .attrs
        .get("service_last_accessed")
        .and_then(|services| services.as_object());
    for (service, last) in accessed.into_iter().flatten() {
        granted
            .service_last_accessed
            .insert(service.clone(), last.as_str().map(str::to_owned));
    }
    let tags = world
        .principals
        .get(&node)
        .map(|principal| principal.identity.as_slice())
        .unwrap_or_default();
    for attachment in tags.iter().filter_map(|tag| world.attachment(*tag)) {
        let actions = allowed(&attachment.policy);
        granted.policies.push(GrantedPolicy {
            name: attachment.name.clone(),
            policy: attachment.policy.clone(),
            breadth: actions.len(),
        });
        granted.actions.extend(actions);
    }
    granted.actions.sort_unstable();
    granted.actions.dedup();
    granted
}

/// Actions of the catalogue that a policy allows on something.
fn allowed(policy: &Policy) -> Vec<&'static str> {
    let matches = |element: &ActionElement, name: &str| {
        let listed = element.patterns.iter().any(|pattern| pattern.matches(name));
        listed != element.negated
    };
    let allows: Vec<&ActionElement> = policy
        .statements
        .iter()
        .filter(|statement| statement.effect == Effect::Allow)
        .map(|statement| &statement.action)
        .collect();
    Catalog::embedded()
        .actions()
        .map(|action| action.name())
        .filter(|name| allows.iter().any(|element| matches(element, name)))
        .collect()
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
