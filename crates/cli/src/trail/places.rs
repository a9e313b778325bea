//! What `--trail` names: files and folders, and places in AWS.

use std::io;
use std::path::{Path, PathBuf};

use sv0_evidence::source::{Listing, Local, Object, Source, SourceError};
use sv0_evidence::time::Window;

use crate::Failure;
use crate::args::TrailArgs;

/// A place that has records, by the name that a state knows it by.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) source: Box<dyn Source>,
}

/// The records of the made-up organisation.
struct Demo;

impl Source for Demo {
    fn list(&self, _: Window) -> Result<Listing, SourceError> {
        let object = Object {
            name: "(demo)".into(),
            size: sv0_demo::TRAIL.len() as u64,
            delivered: None,
            tag: String::new(),
        };
        Ok(Listing {
            objects: vec![object],
            ..Listing::default()
        })
    }

    fn fetch(&self, _: &Object, bytes: &mut Vec<u8>) -> io::Result<()> {
        bytes.extend_from_slice(sv0_demo::TRAIL.as_bytes());
        Ok(())
    }
}

/// The records of the made-up organisation.
pub(super) fn demo() -> Place {
    Place {
        name: "(demo)".into(),
        source: Box::new(Demo),
    }
}

/// The places that were named.
pub(super) fn open(args: &TrailArgs) -> Result<Vec<Place>, Failure> {
    let (remote, local): (Vec<&PathBuf>, Vec<&PathBuf>) =
        args.trail.iter().partition(|path| address(path).is_some());
    let mut places = here(&local, args.state.is_some())?;
    let addresses: Vec<&str> = remote.into_iter().filter_map(|path| address(path)).collect();
    if addresses.is_empty() {
        return Ok(places);
    }
    if args.state.is_none()
        && let Some(queue) = addresses.iter().find(|address| address.starts_with("sqs://"))
    {
        return Err(Failure::TrailUsage {
            why: format!("`{queue}` needs a state file"),
            help: "add `--state FILE`: messages are deleted from the queue once they are in it".into(),
        });
    }
    places.extend(in_aws(args, &addresses)?);
    Ok(places)
}

/// The text of an address in AWS; a path is none.
fn address(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    ["s3://", "athena://", "sqs://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
        .then_some(text)
}

/// Files and folders: all of them as one place, or each as its own where it is remembered how far it was read.
fn here(paths: &[&PathBuf], remembered: bool) -> Result<Vec<Place>, Failure> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    if !remembered {
        return Ok(vec![Place {
            name: String::new(),
            source: Box::new(Local::new(paths.iter().map(|path| (*path).clone()).collect())),
        }]);
    }
    let place = |path: &&PathBuf| {
        // The same words mean another folder tomorrow.
        let path = std::path::absolute(path).map_err(|source| Failure::Read {
            path: path.display().to_string(),
            source,
        })?;
        Ok(Place {
            name: path.display().to_string(),
            source: Box::new(Local::new(vec![path])) as Box<dyn Source>,
        })
    };
    paths.iter().map(place).collect()
}

#[cfg(not(feature = "collect"))]
fn in_aws(_: &TrailArgs, _: &[&str]) -> Result<Vec<Place>, Failure> {
    Err(Failure::NoCollector)
}

#[cfg(feature = "collect")]
fn in_aws(args: &TrailArgs, addresses: &[&str]) -> Result<Vec<Place>, Failure> {
    use crate::command::scan::ScanFailure;
    use sv0_collect::trail::{Address, Aws, Options};

    // What cannot be understood is told before AWS is asked.
    let parsed = addresses.iter().map(|text| {
        let address = Address::parse(text).map_err(|help| Failure::TrailUsage {
            why: format!("`{text}` is no place with records of CloudTrail"),
            help,
        })?;
        Ok(((*text).to_owned(), address))
    });
    let parsed = parsed.collect::<Result<Vec<_>, Failure>>()?;
    let aws = Aws::connect(&Options {
        profile: args.aws.profile.clone(),
        region: args.aws.region.clone(),
        role_arn: args.aws.role_arn.clone(),
        external_id: args.aws.external_id.clone(),
    })
    .map_err(ScanFailure::Collect)?;
    let opened = parsed.into_iter().map(|(name, address)| {
        let source = aws.open(&address).map_err(Failure::Trail)?;
        Ok(Place { name, source })
    });
    opened.collect()
}
