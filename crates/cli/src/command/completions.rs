//! `sv0 completions`: what a shell needs to complete sv0's arguments.

use std::io;

use clap::CommandFactory;

use crate::Failure;
use crate::args::{Cli, CompletionsArgs};

pub(crate) fn run(args: &CompletionsArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "sv0", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script).map_err(Failure::Output)?;
    Ok(0)
}
