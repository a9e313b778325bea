//! The `sv0` command: reads input, asks one question, shows the answer.
//!
//! Exit codes: 0 answered; 1 a bug; 2 answered, but part of the input could not be read; 3 the question names nothing,
//! or several things; 4 no usable input, or AWS lets nothing be read; 5 `compare --exit-code`: the new version allows more,
//! `what-if --fail-on-gain`: paths are gained, `findings --fail-on` and `review --fail-on`: there are such findings; 64 wrong usage;
//! 130 interrupted.

mod args;
mod command;
mod load;
mod log;
mod otlp;
mod render;
mod trail;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use sv0_analyze::question::AskError;
use sv0_iam::catalog::CatalogError;

use crate::args::{Cli, Command};

/// Many threads make very many small things: half a gigabyte less at 174,000 entities than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What goes wrong, with what the user can do.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum Failure {
    /// A name means nothing, or several things.
    #[error("{0}")]
    #[diagnostic(help("give the ARN, or `account/name`; `sv0 analyze` lists what there is"))]
    Lookup(sv0_analyze::world::LookupError),
    /// An action is none.
    #[error("`{action}` is not an action")]
    Action {
        /// As given.
        action: String,
        #[help]
        help: String,
    },
    /// A name means something that makes no requests itself.
    #[error("`{name}` is an {kind}, which makes no requests itself")]
    NoPrincipal {
        /// As people call it.
        name: String,
        /// What it is.
        kind: &'static str,
        #[help]
        help: String,
    },
    /// An action has nothing to do with the resource.
    #[error("`{action}` does not apply to `{resource}`")]
    #[diagnostic(help("`sv0 catalog SERVICE` lists the actions of a service and what they work on"))]
    Mismatch {
        /// As given.
        action: String,
        /// As given.
        resource: String,
    },
    /// Nothing usable to read.
    #[error(transparent)]
    Input(sv0_input::Error),
    /// No input was named.
    #[error("no input")]
    #[diagnostic(help("name files with `--input PATH`, set SV0_SNAPSHOT, or use `--demo`"))]
    NoInput,
    /// No records of CloudTrail were named.
    #[error("no records of CloudTrail")]
    #[diagnostic(help("name files, folders or places in AWS with `--trail PLACE`, or use `--demo`"))]
    NoTrail,
    /// What was said of records of CloudTrail does not go together.
    #[error("{why}")]
    TrailUsage {
        /// Why.
        why: String,
        #[help]
        help: String,
    },
    /// What was read of CloudTrail before could not be read or written.
    #[error(transparent)]
    State(sv0_evidence::state::StateError),
    /// A place with records of CloudTrail could not be read.
    #[error(transparent)]
    Trail(sv0_evidence::source::SourceError),
    /// A file of requests could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// Which.
        path: String,
        #[source]
        source: std::io::Error,
    },
    /// A policy document could not be read as a whole.
    #[error("`{path}` is not a policy that can be used")]
    Policy {
        /// Which file.
        path: String,
        #[help]
        help: String,
    },
    /// A change that cannot be made.
    #[error("{why}")]
    Change {
        /// Why.
        why: String,
        #[help]
        help: String,
    },
    /// A change that cannot be understood.
    #[error("`{given}` is not of the form `{form}`")]
    Form {
        /// As given.
        given: String,
        /// How it is to be written.
        form: &'static str,
    },
    /// A file is no catalogue.
    #[error("`{path}` is no action catalogue")]
    #[diagnostic(help(
        "`cargo run -p sv0-xtask -- catalog` makes one; without `--catalog` the one that is built in is used"
    ))]
    Catalog {
        /// Which.
        path: String,
        #[source]
        source: CatalogError,
    },
    /// A file of rules has something wrong in it.
    #[error("`{path}`, {source}")]
    #[diagnostic(help("docs/rules.md says what a rule may hold"))]
    Rules {
        /// Which.
        path: String,
        source: sv0_analyze::normalize::rules::RulesError,
    },
    /// A file of suppressions, or a baseline, has something wrong in it.
    #[error("`{path}`: {problem}")]
    #[diagnostic(help("docs/findings.md says what it may hold"))]
    Lifecycle {
        /// Which.
        path: String,
        /// What.
        problem: String,
    },
    /// A Terraform plan cannot be read.
    #[error("`{path}`: {problem}")]
    #[diagnostic(help("make it with `terraform plan -out p && terraform show -json p > plan.json`"))]
    Plan {
        /// Which.
        path: String,
        /// Why.
        problem: String,
    },
    /// No finding has the name.
    #[error("no finding has an id that ends in `{id}`")]
    #[diagnostic(help("`sv0 findings` lists them with their ids"))]
    NoFinding {
        /// As given.
        id: String,
    },
    /// A build without the AWS SDK.
    #[cfg(not(feature = "collect"))]
    #[error("this build of sv0 cannot ask AWS")]
    #[diagnostic(help(
        "`make build` makes one that can (or `cargo build -p sv0-cli --features collect`); everything but `scan`, `onboard`, `doctor` and \
         `--trail` of s3://, athena:// and sqs:// works in this one"
    ))]
    NoCollector,
    /// Nothing could be collected.
    #[cfg(feature = "collect")]
    #[error(transparent)]
    Scan(#[from] command::scan::ScanFailure),
    /// Nothing can be served.
    #[error(transparent)]
    #[diagnostic(help(
        "listen on 127.0.0.1, or let people sign in: `--tokens FILE` (see `sv0 token`) or `--oidc-issuer URL`"
    ))]
    Open(sv0_server::ServeError),
    /// Nothing is served.
    #[error(transparent)]
    Serve(sv0_server::ServeError),
    /// A file of tokens has something wrong in it.
    #[error(transparent)]
    #[diagnostic(help("`sv0 token --tokens FILE --name NAME --role viewer` adds a token to it"))]
    Tokens(#[from] sv0_server::auth::token::TokenError),
    /// The collector of traces cannot be used.
    #[error(transparent)]
    #[diagnostic(help(
        "such as OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 (OTLP over HTTP, protobuf); without it nothing is sent"
    ))]
    Otlp(#[from] otlp::OtlpError),
    /// The identity provider cannot be used.
    #[error(transparent)]
    #[diagnostic(help("{}", provider_help(.0)))]
    Provider(#[from] sv0_server::auth::oidc::ProviderError),
    /// The answer could not be written.
    #[error("cannot write the answer")]
    Output(#[source] std::io::Error),
    /// A file could not be written.
    #[error("cannot write `{path}`")]
    Write {
        /// Where.
        path: String,
        #[source]
        source: std::io::Error,
    },
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Lookup(error) => Self::Lookup(error),
            AskError::Action { action, help } => Self::Action { action, help },
            AskError::Mismatch { action, resource } => Self::Mismatch { action, resource },
            AskError::NoPrincipal { name, kind } => {
                let help = format!(
                    "`sv0 paths --from {name}` shows what it leads to; ask about the role or user that acts"
                );
                Self::NoPrincipal { name, kind, help }
            }
        }
    }
}

const fn provider_help(error: &sv0_server::auth::oidc::ProviderError) -> &'static str {
    use sv0_server::auth::oidc::ProviderError;
    match error {
        ProviderError::Issuer { .. } => {
            "give the issuer as the provider's own documentation has it, such as https://login.example.com"
        }
        ProviderError::Discovery { .. } => {
            "look at that address with a browser or curl: it must answer with JSON whose `issuer` is the one given, to the letter"
        }
        ProviderError::NoRoles => {
            "give values of the claim (`--oidc-roles-claim`): `--oidc-viewer`, `--oidc-analyst`, `--oidc-admin`; `--oidc-viewer '*'` is whoever can sign in"
        }
        ProviderError::Client(_) => {
            "this machine's certificates may be missing: install the package ca-certificates"
        }
    }
}

impl Failure {
    const fn code(&self) -> u8 {
        match self {
            Self::Lookup(_)
            | Self::Action { .. }
            | Self::NoPrincipal { .. }
            | Self::Mismatch { .. }
            | Self::NoFinding { .. }
            | Self::Change { .. } => 3,
            Self::Input(_)
            | Self::Trail(_)
            | Self::State(_)
            | Self::Read { .. }
            | Self::Policy { .. }
            | Self::Catalog { .. }
            | Self::Lifecycle { .. }
            | Self::Plan { .. }
            | Self::Serve(_)
            | Self::Tokens(_)
            | Self::Rules { .. } => 4,
            Self::Provider(sv0_server::auth::oidc::ProviderError::NoRoles) => 64,
            Self::Provider(_) | Self::Otlp(_) => 4,
            Self::NoInput | Self::NoTrail | Self::TrailUsage { .. } | Self::Form { .. } | Self::Open(_) => 64,
            #[cfg(not(feature = "collect"))]
            Self::NoCollector => 64,
            #[cfg(feature = "collect")]
            Self::Scan(failure) => failure.code(),
            Self::Output(_) | Self::Write { .. } => 1,
        }
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ => 64,
            };
            // Nothing sensible can be done where even this cannot be printed.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        // `sv0 … | head` is no failure.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.code();
            if let Failure::Input(sv0_input::Error::Nothing { gaps, .. }) = &failure {
                render::gaps_to_stderr(gaps);
            }
            render::failure_to_stderr(failure);
            ExitCode::from(code)
        }
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    if let Some(path) = &cli.catalog {
        load::catalog(path)?;
    }
    match &cli.command {
        Command::Demo(args) => command::demo::run(args),
        Command::Scan(args) => command::scan::run(args),
        Command::Onboard(args) => command::onboard::run(args),
        Command::Doctor(args) => command::doctor::run(args),
        Command::Analyze(args) => command::analyze::run(args),
        Command::Serve(args) => command::serve::run(args),
        Command::Token(args) => command::token::run(args),
        Command::Paths(args) => command::paths::run(args),
        Command::Evidence(args) => command::evidence::run(args),
        Command::WhoDid(args) => command::who_did::run(args),
        Command::Unused(args) => command::unused::run(args),
        Command::Rightsize(args) => command::rightsize::run(args),
        Command::WhoCan(args) => command::who_can::run(args),
        Command::Can(args) => command::can::run(args),
        Command::BlastRadius(args) => command::blast_radius::run(args),
        Command::Findings(args) => command::findings::run(args),
        Command::ChokePoints(args) => command::choke_points::run(args),
        Command::Review(args) => command::review::run(args),
        Command::WhatIf(args) => command::what_if::run(args),
        Command::Explain(args) => command::explain::run(args),
        Command::Compare(args) => command::compare::run(args),
        Command::Simulate(args) => command::simulate::run(args),
        Command::Catalog(args) => command::catalog::run(args),
        Command::Bench(command) => command::bench::run(command),
        Command::Completions(args) => command::completions::run(args),
    }
}
