//! `sv0 bench generate`: writes a made-up organisation of any size, to measure sv0 and other tools on.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use sv0_bench::{Manifest, Organization, Preset, Size, gaad, iam_collect};
use sv0_input::snapshot;

use crate::Failure;
use crate::args::{BenchCommand, Format, GenerateArgs, SizePreset};
use crate::render::style::{Style, paint};
use crate::render::{self, paths::plural};

/// What was written.
#[derive(Serialize)]
struct Answer {
    format: &'static str,
    out: String,
    files: usize,
    #[serde(flatten)]
    manifest: Manifest,
}

pub(crate) fn run(command: &BenchCommand) -> Result<u8, Failure> {
    match command {
        BenchCommand::Generate(args) => generate(args),
    }
}

fn generate(args: &GenerateArgs) -> Result<u8, Failure> {
    let org = Organization::new(args.seed, size(args));
    let written = match args.format {
        Format::Snapshot => {
            let header = snapshot::Header {
                version: snapshot::VERSION,
                // Fixed: the same seed gives the same bytes.
                created_at: "2026-01-05T10:00:00Z".into(),
                tool: "sv0 bench generate".into(),
                source: format!("made-up organisation, seed {}", args.seed),
            };
            snapshot::write_stream(&args.out, &header, org.records().map(Ok), &[]).map(|_| 1)
        }
        Format::Gaad => empty(&args.out).and_then(|()| gaad::write(&org, &args.out)),
        Format::IamCollect => empty(&args.out).and_then(|()| iam_collect::write(&org, &args.out)),
    };
    let out = args.out.display().to_string();
    let files = written.map_err(|source| Failure::Write {
        path: out.clone(),
        source,
    })?;
    let answer = Answer {
        format: args.format.as_str(),
        out,
        files,
        manifest: Manifest::new(&org),
    };
    render::answer(args.show.output, &answer, |out| write(out, &answer))?;
    Ok(0)
}

/// The preset, with what the user wants otherwise.
fn size(args: &GenerateArgs) -> Size {
    let preset = match args.preset {
        SizePreset::S => Preset::S,
        SizePreset::M => Preset::M,
        SizePreset::L => Preset::L,
        SizePreset::Xl => Preset::Xl,
    };
    let (mut size, wanted) = (preset.size(), &args.size);
    for (number, wanted) in [
        (&mut size.accounts, wanted.accounts),
        (&mut size.roles, wanted.roles),
        (&mut size.users, wanted.users),
        (&mut size.policies, wanted.policies),
        (&mut size.buckets, wanted.buckets),
        (&mut size.tables, wanted.tables),
        (&mut size.secrets, wanted.secrets),
        (&mut size.queues, wanted.queues),
        (&mut size.topics, wanted.topics),
        (&mut size.keys, wanted.keys),
        (&mut size.functions, wanted.functions),
        (&mut size.instances, wanted.instances),
        (&mut size.tasks, wanted.tasks),
    ] {
        *number = wanted.unwrap_or(*number);
    }
    size
}

/// Two organisations in one folder would be read as one.
fn empty(folder: &Path) -> io::Result<()> {
    let first = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    match first {
        Some(_) => Err(io::Error::other("the folder is not empty; name a new one")),
        None => Ok(()),
    }
}

fn write(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let manifest = &answer.manifest;
    let accounts = manifest.counts.get("aws_account").copied().unwrap_or(0);
    let head = format!(
        "A made-up organisation of {} and {}, seed {}",
        plural(accounts, "account"),
        plural(manifest.entities, "record"),
        manifest.seed
    );
    writeln!(out, "{}", paint(Style::Head, &head))?;
    let counts: Vec<String> = manifest
        .counts
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    render::wrap(out, "  ", "  ", &counts.join(" · "))?;
    writeln!(
        out,
        "written to {} ({})",
        answer.out,
        plural(answer.files, "file")
    )?;
    writeln!(out)?;
    writeln!(out, "{}", paint(Style::Head, "Ask it"))?;
    let organization = answer.format != Format::Gaad.as_str();
    for question in manifest.questions.values() {
        let (target, input) = (&question.target, &answer.out);
        match question.action {
            // These files hold no resources: what they say of them is said of the principals.
            Some(_) if !organization => continue,
            Some(action) => writeln!(out, "  sv0 who-can {action} {target} --input {input}")?,
            None => writeln!(out, "  sv0 can {target} --input {input}")?,
        }
        writeln!(out, "    {}", paint(Style::Dim, question.about))?;
    }
    Ok(())
}
