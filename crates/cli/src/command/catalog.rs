//! `sv0 catalog`: which actions AWS has, as this sv0 knows them.

use std::io::{self, Write};

use serde::Serialize;
use sv0_analyze::question::asked;
use sv0_iam::catalog::{Action, Catalog};

use crate::Failure;
use crate::args::CatalogArgs;
use crate::render;
use crate::render::style::{Style, paint};

#[derive(Serialize)]
struct Answer {
    source: String,
    version: String,
    date: String,
    services: usize,
    actions: usize,
    resource_types: usize,
    condition_keys: usize,
    managed_policies: usize,
    found: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    action: &'static str,
    access_level: &'static str,
    resource_types: Vec<&'static str>,
    condition_keys: Vec<&'static str>,
    dependent_actions: Vec<&'static str>,
}

pub(crate) fn run(args: &CatalogArgs) -> Result<u8, Failure> {
    let catalog = Catalog::embedded();
    let meta = catalog.meta();
    let found: Vec<Found> = match args.name.as_deref() {
        None => Vec::new(),
        Some(name) if name.contains(':') => {
            asked::action(name)?;
            let pattern = sv0_iam::name::ActionPattern::new(name);
            catalog
                .actions()
                .filter(|action| pattern.matches(action.name()))
                .map(describe)
                .collect()
        }
        Some(service) => {
            asked::action(&format!("{service}:*"))?;
            let found: Vec<Found> = catalog.actions_of(service).map(describe).collect();
            if found.is_empty() {
                asked::action(&format!("{service}:?"))?;
                let help = catalog.suggest_service(service).map_or_else(
                    || "`sv0 catalog` tells how many services there are".into(),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(Failure::Action {
                    action: service.to_owned(),
                    help,
                });
            }
            found
        }
    };
    let answer = Answer {
        source: meta.source.clone(),
        version: meta.version.clone(),
        date: meta.date.clone(),
        services: meta.services,
        actions: meta.actions,
        resource_types: meta.resource_types,
        condition_keys: meta.condition_keys,
        managed_policies: sv0_iam::managed::meta().count,
        found,
    };
    render::answer(args.show.output, &answer, |out| write(out, &answer))?;
    Ok(0)
}

fn describe(action: Action<'static>) -> Found {
    Found {
        action: action.name(),
        access_level: action.access_level().as_str(),
        resource_types: action.resource_types().map(|usage| usage.name()).collect(),
        condition_keys: action.condition_keys().map(|key| key.name()).collect(),
        dependent_actions: action.dependent_actions().collect(),
    }
}

fn write(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    if answer.found.is_empty() {
        writeln!(out, "{} {} of {}", answer.source, answer.version, answer.date)?;
        writeln!(
            out,
            "{} services, {} actions, {} resource types, {} condition keys; {} AWS managed policies",
            answer.services,
            answer.actions,
            answer.resource_types,
            answer.condition_keys,
            answer.managed_policies
        )?;
        return writeln!(
            out,
            "{}",
            paint(Style::Dim, "`sv0 catalog s3:Get*` looks actions up")
        );
    }
    let mut table = render::table(&["action", "access", "on", "condition keys"]);
    for found in &answer.found {
        table.add_row([
            found.action.to_owned(),
            found.access_level.to_owned(),
            found.resource_types.join(", "),
            found.condition_keys.join(", "),
        ]);
    }
    render::write_table(out, &table)
}
