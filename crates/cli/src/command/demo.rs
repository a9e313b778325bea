//! `sv0 demo`: the made-up organisation, and what there is to see in it.

use std::io::{self, Write};

use serde::Serialize;
use sv0_analyze::normalize::rules::Rules;
use sv0_analyze::paths::Options;
use sv0_analyze::question::{Overview, overview};
use sv0_input::snapshot;
use sv0_model::kind::EntityType;
use sv0_model::path::Path;

use super::analyze;
use crate::Failure;
use crate::args::DemoArgs;
use crate::load::{self, Model};
use crate::render::style::{Style, paint};
use crate::render::{self, paths as show};

/// What `--output json` prints.
#[derive(Serialize)]
struct Answer {
    overview: Overview,
    stories: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    title: &'static str,
    story: &'static str,
    path: Option<Path>,
}

/// What to look at: title, why it matters, from, to, whether it is one that is stopped, words that its chain has.
struct Story {
    title: &'static str,
    story: &'static str,
    from: &'static str,
    to: &'static str,
    blocked: bool,
    through: &'static str,
}

const STORIES: &[Story] = &[
    Story {
        title: "Elliot and the key in the vault",
        story: "Elliot may assume one role, which may read secrets. One of them holds an access key of production.",
        from: "Elliot",
        to: "acme-prod-customer-exports",
        blocked: false,
        through: "allsafe/prod-access-key",
    },
    Story {
        title: "SecOpsAdmin and CustomerRecords",
        story: "A DevOps group may assume the role that every account of an organisation is born with: an administrator.",
        from: "SecOpsAdmin",
        to: "CustomerRecords",
        blocked: false,
        through: "OrganizationAccountAccessRole",
    },
    Story {
        title: "A data scientist and the notebook",
        story: "Creating a notebook and passing it a role is enough to become that role.",
        from: "DataScienceLeads",
        to: "SageMakerAdminExecution",
        blocked: false,
        through: "SageMakerAdminExecution",
    },
    Story {
        title: "A Lambda with two policies",
        story: "One policy lets it read one bucket. The other lets it do anything to every bucket.",
        from: "invoice-exporter",
        to: "acme-prod-invoices",
        blocked: false,
        through: "InvoiceExporterRole",
    },
    Story {
        title: "Stopped by a key",
        story: "LockedReader may read the bucket, and may decrypt. The key's own policy does not let it.",
        from: "LockedReader",
        to: "acme-prod-kms-locked",
        blocked: true,
        through: "",
    },
    Story {
        title: "Stopped by an SCP",
        story: "AnalyticsReader has dynamodb:* on the table. The organisation forbids reading it, at the level above.",
        from: "AnalyticsReader",
        to: "DevAnalytics",
        blocked: true,
        through: "",
    },
];

pub(crate) fn run(args: &DemoArgs) -> Result<u8, Failure> {
    let loaded = load::demo();
    if let Some(path) = &args.write {
        let header = snapshot::Header {
            version: snapshot::VERSION,
            created_at: "2026-01-05T10:00:00Z".into(),
            tool: "sv0 demo".into(),
            source: "embedded demo organisation acme, seed 42".into(),
        };
        snapshot::write(path, &header, &loaded.records, &loaded.gaps).map_err(|source| Failure::Write {
            path: path.display().to_string(),
            source,
        })?;
        return Ok(0);
    }
    let model = load::model(loaded, &Rules::default());
    let overview = overview(&model.world, &model.steps, &model.finder());
    let stories: Vec<(Told, Vec<Path>)> = STORIES
        .iter()
        .map(|story| tell(&model, story))
        .collect::<Result<_, Failure>>()?;
    let answer = Answer {
        overview,
        stories: stories
            .iter()
            .map(|(told, _)| Told {
                title: told.title,
                story: told.story,
                path: told.path.clone(),
            })
            .collect(),
    };
    render::answer(args.show.output, &answer, |out| {
        write(out, &answer.overview, &stories)
    })?;
    Ok(model.exit_code())
}

fn tell(model: &Model, story: &Story) -> Result<(Told, Vec<Path>), Failure> {
    let from = model.lookup(story.from, &[EntityType::Identity, EntityType::Workload])?;
    let to = model.lookup(story.to, &[])?;
    let options = Options {
        blocked: story.blocked,
        ..Options::default()
    };
    let mut paths = model.finder().from(from, &[to], options).paths;
    paths.retain(|path| path.hops.iter().any(|hop| hop.to.name.contains(story.through)));
    let shortest = paths.first().map_or(0, |path| path.hops.len());
    paths.retain(|path| path.hops.len() == shortest);
    Ok((
        Told {
            title: story.title,
            story: story.story,
            path: paths.first().cloned(),
        },
        paths,
    ))
}

fn write(out: &mut dyn Write, overview: &Overview, stories: &[(Told, Vec<Path>)]) -> io::Result<()> {
    writeln!(out, "{}", paint(Style::Head, "acme, a made-up organisation"))?;
    writeln!(out)?;
    analyze::inventory(out, overview)?;
    analyze::exposures(out, overview, 8)?;
    for (told, paths) in stories {
        writeln!(out, "{}", paint(Style::Head, told.title))?;
        render::wrap(out, "  ", "  ", told.story)?;
        writeln!(out)?;
        for path in paths.iter().take(2) {
            show::write(out, path)?;
            writeln!(out)?;
        }
    }
    writeln!(out, "{}", paint(Style::Head, "Ask for yourself"))?;
    for line in [
        "sv0 paths --demo --from Elliot",
        "sv0 who-can s3:GetObject acme-prod-customer-exports --demo",
        "sv0 can InvoiceExporterRole --demo",
        "sv0 explain LockedReader s3:GetObject acme-prod-kms-locked --demo",
        "sv0 analyze --demo",
    ] {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}
