//! `sv0 what-if`: which paths a change would add and take away.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use sv0_analyze::question::what_if::{Change, ChangeError, Difference, edit};
use sv0_analyze::question::{WhatIf, endpoints, what_if};
use sv0_model::kind::Sensitivity;
use sv0_model::path::PathVerdict;

use super::compare::{self, MORE};
use crate::Failure;
use crate::args::WhatIfArgs;
use crate::load;
use crate::render::style::{Style, harmless, one_line, paint};
use crate::render::{self, paths as show};

pub(crate) fn run(args: &WhatIfArgs) -> Result<u8, Failure> {
    // Wrong usage is told before anything is read.
    let changes = changes(args)?;
    let loaded = load::read(&args.source, &[])?;
    let records = loaded.records.clone();
    let model = load::model(loaded, &load::rules(&args.source)?);
    let finder = model.finder();
    let wanted: Option<BTreeSet<String>> = match &args.to {
        Some(name) => {
            let ends = endpoints::targets(&model.world, &finder, model.lookup(name, &[])?);
            Some(ends.nodes.iter().map(|n| model.world.id(*n).to_owned()).collect())
        }
        None => None,
    };
    let edited = edit(&model.world, &model.steps, &finder, records, &changes).map_err(refused)?;
    let answer = what_if(&model.world, &model.steps, edited, wanted.as_ref());
    render::answer(args.show.output, &answer, |out| write(out, &answer, args.limit))?;
    render::note_damage(&model);
    Ok(if args.fail_on_gain && !answer.gained.is_empty() {
        MORE
    } else {
        model.exit_code()
    })
}

fn changes(args: &WhatIfArgs) -> Result<Vec<Change>, Failure> {
    let mut out = Vec::new();
    for given in &args.policy {
        let (name, file) = split_policy(given).ok_or_else(|| form(given, "NAME=FILE"))?;
        out.push(Change::Policy {
            name: name.to_owned(),
            file: file.to_owned(),
            text: compare::read(Path::new(file))?,
        });
    }
    for given in &args.remove_edge {
        let ends = given.split_once("->").or_else(|| given.split_once('→'));
        let (from, to) = ends.ok_or_else(|| form(given, "A -> B"))?;
        out.push(Change::RemoveEdge {
            from: from.trim().to_owned(),
            to: to.trim().to_owned(),
        });
    }
    if args.detach.len() != args.from.len() {
        return Err(form(&args.detach.join(" "), "--detach POLICY --from NAME"));
    }
    for (policy, from) in args.detach.iter().zip(&args.from) {
        out.push(Change::Detach {
            policy: policy.clone(),
            from: from.clone(),
        });
    }
    out.extend(
        args.delete
            .iter()
            .map(|name| Change::Delete { name: name.clone() }),
    );
    if out.is_empty() {
        return Err(form(
            "sv0 what-if",
            "sv0 what-if [--policy NAME=FILE] [--remove-edge 'A -> B'] [--detach POLICY --from NAME] [--delete NAME]",
        ));
    }
    Ok(out)
}

/// Names of policies and of files may both have `=` in them: the split is where there is such a file.
fn split_policy(given: &str) -> Option<(&str, &str)> {
    let there = |(_, file): &(&str, &str)| *file == "-" || Path::new(file).is_file();
    let splits = given.match_indices('=').map(|(at, _)| given.split_at(at));
    let mut splits = splits.filter_map(|(name, rest)| Some((name, rest.strip_prefix('=')?)));
    splits.find(there).or_else(|| given.rsplit_once('='))
}

fn form(given: &str, form: &'static str) -> Failure {
    Failure::Form {
        given: given.to_owned(),
        form,
    }
}

fn refused(error: ChangeError) -> Failure {
    match error {
        ChangeError::Lookup(error) => Failure::Lookup(error),
        ChangeError::Document { file, problems } => Failure::Policy {
            path: file,
            help: problems.join("\n"),
        },
        ChangeError::Impossible { why, help } => Failure::Change { why, help },
    }
}

fn write(out: &mut dyn Write, answer: &WhatIf, limit: usize) -> io::Result<()> {
    writeln!(out, "{}", paint(Style::Head, "If sv0's input were changed so"))?;
    for change in &answer.changes {
        let first = format!("  {} ", paint(Style::Dim, "·"));
        render::wrap(out, &first, "    ", &one_line(change))?;
    }
    for note in &answer.notes {
        let first = format!("  {} ", paint(Style::Warn, "!"));
        render::wrap(out, &first, "    ", &one_line(note))?;
    }
    writeln!(out)?;
    if answer.gained.is_empty() && answer.lost.is_empty() {
        let text =
            "Nobody reaches more or less: what goes this way goes another way as well, or nothing does.";
        render::wrap(out, "", "", text)?;
    } else {
        part(out, "Gained", Style::Bad, &answer.gained, limit)?;
        part(out, "Lost", Style::Good, &answer.lost, limit)?;
    }
    let facts = format!(
        "pairs of origin and target: {} before, {} after",
        answer.pairs_before, answer.pairs_after
    );
    writeln!(out, "{}", paint(Style::Dim, &facts))?;
    for gap in &answer.coverage_gaps {
        let first = format!("  {} ", paint(Style::Warn, "!"));
        render::wrap(out, &first, "    ", &harmless(&gap.detail))?;
    }
    Ok(())
}

pub(super) fn part(
    out: &mut dyn Write,
    head: &str,
    style: Style,
    all: &[Difference],
    limit: usize,
) -> io::Result<()> {
    if all.is_empty() {
        return writeln!(out, "{}", paint(Style::Dim, &format!("{head}: nothing")));
    }
    let origins: BTreeSet<&str> = all.iter().map(|d| d.origin.id.as_str()).collect();
    let targets: BTreeSet<&str> = all.iter().map(|d| d.target.id.as_str()).collect();
    let sensitive = all
        .iter()
        .filter(|d| d.sensitivity >= Sensitivity::Confidential)
        .count();
    let mut facts = format!(
        "{head}: {}, of {} to {}",
        show::plural(all.len(), "pair"),
        show::plural(origins.len(), "origin"),
        show::plural(targets.len(), "target")
    );
    if sensitive > 0 {
        facts = format!("{facts}; {sensitive} to sensitive data");
    }
    render::wrap(out, "", "  ", &paint(style, &facts))?;
    let most = if limit == 0 { all.len() } else { limit };
    for difference in all.iter().take(most) {
        let text = format!(
            "{} → {}",
            render::entity(&difference.origin),
            render::entity(&difference.target)
        );
        render::wrap(out, "  ", "    ", &text)?;
        render::wrap(out, "    ", "      ", &about(difference))?;
        render::wrap(
            out,
            "    ",
            "      ",
            &paint(Style::Dim, &show::chain(&difference.path)),
        )?;
    }
    if all.len() > most {
        writeln!(out, "  … and {} more (--limit 0 shows all)", all.len() - most)?;
    }
    writeln!(out)
}

fn about(difference: &Difference) -> String {
    let mut facts = Vec::new();
    let levels = render::levels(&difference.access_levels);
    if !levels.is_empty() {
        facts.push(levels);
    }
    if difference.actions.len() <= 3 {
        facts.push(difference.actions.join(", "));
    } else {
        facts.push(sv0_analyze::question::brief(&difference.actions));
    }
    if difference.verdict == PathVerdict::AllowedIf {
        facts.push(format!("if {}", render::conditions(&difference.path.condition)));
    }
    if difference.sensitivity != Sensitivity::Unknown {
        facts.push(format!("{} data", difference.sensitivity));
    }
    match difference.otherwise {
        Some(PathVerdict::AllowedIf) if difference.verdict == PathVerdict::Allowed => {
            facts.push("otherwise only under conditions".into());
        }
        Some(_) => facts.push("besides what there is otherwise".into()),
        None => {}
    }
    facts.retain(|fact| !fact.is_empty());
    facts.join(" · ")
}
