//! `xtask managed-policies`: the AWS managed policies as moto carries them, into
//! `crates/iam/data/managed-policies.jsonl.gz` (read by `sv0_iam::managed`).
//!
//! moto (Apache-2.0) keeps them as one JSON object in a Python string literal, by policy name.

use crate::{Error, files};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The release that the committed file comes from; raise it to update.
const VERSION: &str = "5.2.5";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// moto's package folder, the one with `__init__.py`; without it, the moto that `python3` imports.
    #[arg(long, value_name = "DIR")]
    moto: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Source {
    path: String,
    default_version_id: String,
    document: Value,
}

#[derive(Serialize)]
struct Header<'a> {
    source: &'a str,
    version: &'a str,
    count: usize,
}

#[derive(Serialize)]
struct Line<'a> {
    arn: &'a str,
    version: &'a str,
    document: &'a Value,
}

pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let folder = match &args.moto {
        Some(folder) => folder.clone(),
        None => {
            let print =
                "import importlib.util as u; print(u.find_spec('moto').submodule_search_locations[0])";
            PathBuf::from(files::output("python3", &["-c", print], Path::new("."))?)
        }
    };
    let init = files::read(&folder.join("__init__.py"))?;
    let version = version(&init).ok_or_else(|| {
        format!(
            "`{}` does not look like moto: it states no version",
            folder.display()
        )
    })?;
    if version != VERSION {
        return Err(format!(
            "`{}` is moto {version}, and {VERSION} is wanted: pip install moto=={VERSION}, or change VERSION",
            folder.display()
        )
        .into());
    }
    let module = folder.join("iam/aws_managed_policies.py");
    let python = files::read(&module)?;
    let json = literal(&python).ok_or_else(|| {
        format!(
            "`{}` no longer holds one plain triple-quoted text",
            module.display()
        )
    })?;
    let policies: BTreeMap<String, Source> = serde_json::from_str(json)?;

    let by_arn: BTreeMap<String, &Source> = policies
        .iter()
        .map(|(name, p)| (format!("arn:aws:iam::aws:policy{}{name}", p.path), p))
        .collect();
    let mut text = serde_json::to_string(&Header {
        source: "moto",
        version: VERSION,
        count: by_arn.len(),
    })? + "\n";
    for (arn, policy) in &by_arn {
        let line = Line {
            arn,
            version: &policy.default_version_id,
            document: &policy.document,
        };
        text.push_str(&serde_json::to_string(&line)?);
        text.push('\n');
    }
    eprintln!("{} policies of moto {version}", by_arn.len());
    files::write_gzip(&files::data_file("managed-policies.jsonl.gz"), &text)
}

/// The version that `__init__.py` states.
fn version(init: &str) -> Option<&str> {
    let (_, after) = init.split_once("__version__ = \"")?;
    after.split_once('"').map(|(version, _)| version)
}

/// The JSON in the module's triple-quoted text; none if Python would read it otherwise than we do.
fn literal(python: &str) -> Option<&str> {
    let (_, after) = python.split_once("\"\"\"")?;
    let (json, _) = after.split_once("\"\"\"")?;
    (!json.contains('\\')).then_some(json)
}
