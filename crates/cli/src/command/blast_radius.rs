//! `sv0 blast-radius`: everything that an entity reaches; in reverse, everybody who reaches it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use sv0_analyze::paths::Options;
use sv0_analyze::question::blast_radius::{Broad, Reach, group};
use sv0_analyze::question::{BlastRadius, ReachedBy, blast_radius, endpoints, reached_by};
use sv0_model::kind::{AccessLevel, EntityType, Sensitivity};
use sv0_model::path::{EntityRef, PathVerdict};

use crate::Failure;
use crate::args::BlastRadiusArgs;
use crate::load;
use crate::render::style::{Style, one_line, paint};
use crate::render::{self, paths::plural};

pub(crate) fn run(args: &BlastRadiusArgs) -> Result<u8, Failure> {
    let model = load::load(&args.source)?;
    let finder = model.finder();
    let named = model.lookup(&args.name, &[])?;
    let kind = model.world.node(named).record.kind;
    let options = Options {
        role_hops: args.max_role_hops,
        ..Options::default()
    };
    // A resource reaches little itself; who reaches it is what people mean.
    if args.reverse || kind.entity_type() == EntityType::Resource {
        let ends = endpoints::targets(&model.world, &finder, named);
        let answer = reached_by(&model.world, &model.steps, &finder, named, &ends.nodes, options);
        render::answer(args.show.output, &answer, |out| {
            write_reverse(out, &answer, ends.note.as_deref(), args.limit)
        })?;
    } else {
        let ends = endpoints::origins(&model.world, &finder, named);
        let answer = blast_radius(&model.world, &finder, named, &ends.nodes, options);
        render::answer(args.show.output, &answer, |out| {
            write(out, &answer, ends.note.as_deref(), args.limit)
        })?;
    }
    render::note_damage(&model);
    Ok(model.exit_code())
}

const CUT: &str = "the search stopped at its budget: there may be more";

fn write(out: &mut dyn Write, answer: &BlastRadius, note: Option<&str>, limit: usize) -> io::Result<()> {
    head(out, "What", &answer.origin, "reaches", note)?;
    if answer.total == 0 && answer.broad.is_empty() {
        writeln!(out, "No data.")?;
    } else {
        let mut facts = vec![count(answer.total, "piece of data", "pieces of data")];
        facts.extend(by(&answer.by_sensitivity, |s| s.as_str(), true));
        render::wrap(out, "  ", "  ", &facts.join(" · "))?;
        let mut facts = by(&answer.by_account, String::as_str, false);
        if answer.cross_account > 0 {
            facts.push(format!("{} in another account", answer.cross_account));
        }
        line(out, "accounts", &facts)?;
        line(
            out,
            "domains",
            &by(
                &answer.by_data_domain,
                |d| {
                    if d.is_empty() {
                        "of no known domain"
                    } else {
                        d.as_str()
                    }
                },
                false,
            ),
        )?;
        line(out, "kinds", &by(&answer.by_kind, |kind| kind.label(), false))?;
        line(out, "access", &by(&answer.by_access_level, |l| l.as_str(), true))?;
    }
    if !answer.identities.is_empty() {
        let names: Vec<String> = answer.identities.iter().map(|e| one_line(&e.name)).collect();
        line(out, "acts as", &[shortened(&names, 8)])?;
    }
    write_broad(out, &answer.broad, limit)?;
    write_data(out, &answer.reaches, limit)?;
    if answer.cut {
        writeln!(out, "{}", paint(Style::Warn, CUT))?;
    }
    if !answer.reaches.is_empty() {
        hint(out, "`sv0 paths --from … --to …` shows a chain hop by hop")?;
    }
    Ok(())
}

/// The data, a table for each sensitivity.
fn write_data(out: &mut dyn Write, reaches: &[Reach], limit: usize) -> io::Result<()> {
    let domains = reaches.iter().any(|reach| reach.data_domain.is_some());
    let mut heads = vec!["data", "domain", "access", "answer", "shortest chain"];
    heads.retain(|head| domains || *head != "domain");
    let shown: Vec<&Reach> = shown(reaches, limit).collect();
    for alike in shown.chunk_by(|a, b| a.sensitivity == b.sensitivity) {
        let Some(first) = alike.first() else { continue };
        writeln!(out)?;
        let head = match first.sensitivity {
            Sensitivity::Unknown => "Of unknown sensitivity".to_owned(),
            known => capital(known.as_str()),
        };
        writeln!(out, "{}", paint(Style::Head, &head))?;
        let mut table = render::table(&heads);
        let mut above: Option<&[String]> = None;
        for reach in alike {
            let middle = inner(&reach.route);
            let chain = if above == Some(middle) && middle.len() > 1 {
                "as above".to_owned()
            } else {
                between(&reach.route)
            };
            above = Some(middle);
            let domain = reach
                .data_domain
                .as_deref()
                .map_or_else(|| "·".to_owned(), one_line);
            let mut row = vec![named(&reach.entity)];
            row.extend(domains.then_some(domain));
            row.extend([heaviest(reach), render::verdict(reach.verdict), chain]);
            table.add_row(row);
        }
        render::write_table(out, &table)?;
    }
    more(out, reaches.len(), limit)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn write_broad(out: &mut dyn Write, broad: &[Broad], limit: usize) -> io::Result<()> {
    if broad.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    writeln!(out, "{}", paint(Style::Head, "Broad grants, and what they cover"))?;
    // An administrator's other grants in the account say nothing more.
    let administered = |grant: &Broad| {
        !grant.administrator
            && broad.iter().any(|other| {
                other.administrator
                    && other.verdict <= grant.verdict
                    && other.scope.account == grant.scope.account
            })
    };
    let (some, nothing): (Vec<&Broad>, Vec<&Broad>) = broad
        .iter()
        .filter(|grant| !administered(grant))
        .partition(|grant| grant.administrator || grant.total > 0);
    let most = if limit == 0 { some.len() } else { limit };
    for grant in some.iter().take(most) {
        let what = if grant.administrator {
            format!("administrator: {}", one_line(&grant.scope.name))
        } else {
            format!(
                "{} ({})",
                one_line(&grant.scope.name),
                render::levels(&grant.access_levels)
            )
        };
        let mut covers = by(&grant.covers, |s| s.as_str(), true);
        if covers.is_empty() {
            covers.push("no data that was collected".into());
        }
        let mut text = format!("{}: {}", paint(Style::Name, &what), covers.join(", "));
        if grant.verdict != PathVerdict::Allowed {
            text = format!("{text} ({})", render::verdict(grant.verdict));
        }
        render::wrap(out, "  ", "    ", &text)?;
        render::wrap(
            out,
            "    ",
            "      ",
            &paint(Style::Dim, &grant.route.join(" → ")),
        )?;
    }
    more(out, some.len(), limit)?;
    if nothing.is_empty() {
        return Ok(());
    }
    let grants = count(nothing.len(), "more covers", "more cover");
    writeln!(out, "  {grants} no data that was collected")
}

fn write_reverse(
    out: &mut dyn Write,
    answer: &ReachedBy,
    note: Option<&str>,
    limit: usize,
) -> io::Result<()> {
    head(out, "Who reaches", &answer.target, "", note)?;
    let mut about = Vec::new();
    if answer.sensitivity != Sensitivity::Unknown {
        about.push(format!("{} data", answer.sensitivity));
    }
    about.extend(
        answer
            .data_domain
            .as_ref()
            .map(|domain| format!("domain {domain}")),
    );
    if !about.is_empty() {
        render::wrap(out, "  ", "  ", &about.join(" · "))?;
    }
    if answer.total == 0 {
        writeln!(out, "Nobody that was collected, and nobody that a policy names.")?;
        return Ok(());
    }
    let mut facts = vec![plural(answer.total, "origin")];
    facts.push(format!("{} whatever the unknown facts are", answer.certain));
    if answer.outside > 0 {
        facts.push(format!("{} outside the organization", answer.outside));
    }
    if answer.cross_account > 0 {
        facts.push(format!("{} of another account", answer.cross_account));
    }
    render::wrap(out, "  ", "  ", &facts.join(" · "))?;
    line(out, "kinds", &by(&answer.by_kind, |kind| kind.label(), false))?;
    if answer.origins.iter().any(|reach| !reach.access_levels.is_empty()) {
        line(out, "access", &by(&answer.by_access_level, |l| l.as_str(), true))?;
    }
    let mut last = None;
    let mut table = None;
    let heads = ["origin", "access", "answer", "depth", "shortest chain"];
    for reach in shown(&answer.origins, limit) {
        let kind = group(reach.entity.kind);
        if last != Some(kind) {
            if let Some(table) = table.take() {
                render::write_table(out, &table)?;
            }
            last = Some(kind);
            writeln!(out)?;
            writeln!(out, "{}", paint(Style::Head, words(kind)))?;
            table = Some(render::table(&heads));
        }
        if let Some(table) = &mut table {
            table.add_row([
                named(&reach.entity),
                heaviest(reach),
                render::verdict(reach.verdict),
                reach.auth_chain_depth.to_string(),
                between(&reach.route),
            ]);
        }
    }
    if let Some(table) = table {
        render::write_table(out, &table)?;
    }
    more(out, answer.origins.len(), limit)?;
    if answer.cut {
        writeln!(out, "{}", paint(Style::Warn, CUT))?;
    }
    hint(out, "`sv0 paths --from … --to …` shows a chain hop by hop")
}

const fn words(group: sv0_analyze::question::blast_radius::Group) -> &'static str {
    use sv0_analyze::question::blast_radius::Group;
    match group {
        Group::Outside => "Outside what was collected",
        Group::People => "People",
        Group::Federated => "Tokens and assertions of other systems",
        Group::Workloads => "Workloads",
        Group::Others => "Roles that nobody known becomes, and others",
    }
}

fn head(
    out: &mut dyn Write,
    before: &str,
    entity: &EntityRef,
    after: &str,
    note: Option<&str>,
) -> io::Result<()> {
    let text = format!("{before} {} {after}", render::entity(entity));
    render::wrap(out, "", "  ", text.trim_end())?;
    match note {
        Some(note) => render::wrap(out, "  ", "  ", &paint(Style::Dim, &one_line(note))),
        None => Ok(()),
    }
}

/// `accounts: Prod 12, Dev 3`.
fn line(out: &mut dyn Write, what: &str, facts: &[String]) -> io::Result<()> {
    if facts.is_empty() {
        return Ok(());
    }
    let first = format!("  {} ", paint(Style::Dim, &format!("{what}:")));
    render::wrap(out, &first, "    ", &facts.join(", "))
}

/// Counts with their names: in the order of the names from the greatest, or by count.
fn by<K: Ord>(counts: &BTreeMap<K, usize>, name: impl Fn(&K) -> &str, by_name: bool) -> Vec<String> {
    let mut all: Vec<(&K, &usize)> = counts.iter().rev().collect();
    if !by_name {
        all.sort_by_key(|(key, count)| (std::cmp::Reverse(**count), *key));
    }
    let text = |(key, count): (&K, &usize)| match name(key) {
        "" => format!("{count} of no account"),
        name => format!("{count} {}", one_line(name)),
    };
    all.into_iter().map(text).collect()
}

fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn shortened(names: &[String], most: usize) -> String {
    let mut out = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > most {
        out = format!("{out} and {} more", names.len() - most);
    }
    out
}

fn shown(all: &[Reach], limit: usize) -> impl Iterator<Item = &Reach> {
    all.iter().take(if limit == 0 { all.len() } else { limit })
}

fn more(out: &mut dyn Write, all: usize, limit: usize) -> io::Result<()> {
    if limit == 0 || all <= limit {
        return Ok(());
    }
    writeln!(out, "  … and {} more (--limit 0 shows all)", all - limit)
}

fn hint(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "{}", paint(Style::Dim, text))
}

/// `name (kind, account)`.
fn named(entity: &EntityRef) -> String {
    let account = entity.account_name.as_deref().or(entity.account.as_deref());
    let place = account.map_or(String::new(), |account| format!(", {account}"));
    format!("{} ({}{place})", one_line(&entity.name), entity.kind.label())
}

/// The heaviest level of the chain that is shown, and of all where others give more; an identity is become, not used.
fn heaviest(reach: &Reach) -> String {
    let of = |levels: &[AccessLevel]| match levels.last() {
        _ if levels.len() == AccessLevel::ALL.len() => "full".into(),
        Some(level) => level.to_string(),
        None => "acts as".into(),
    };
    let (chain, all) = (of(&reach.chain_access_levels), of(&reach.access_levels));
    if chain == all {
        chain
    } else {
        format!("{chain}; {all} by other chains")
    }
}

/// What is between both ends; they are in the row already.
fn between(route: &[String]) -> String {
    match inner(route) {
        [] => "directly".into(),
        middle => middle.join(" → "),
    }
}

fn inner(route: &[String]) -> &[String] {
    match route {
        [_, middle @ .., _] => middle,
        _ => &[],
    }
}
