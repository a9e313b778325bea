//! What can be asked, as clap sees it; help texts come from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Who or what can reach which data, along which chain of authority.
#[derive(Debug, Parser)]
#[command(name = "sv0", version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Uses this action catalogue instead of the one that is built in (made by `xtask catalog`; gzip or plain)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sv0 demo
  sv0 paths --demo --from Elliot
  aws iam get-account-authorization-details > prod.json && sv0 analyze prod.json
  sv0 who-can s3:GetObject acme-prod-invoices --demo
  sv0 explain LockedReader s3:GetObject acme-prod-kms-locked --demo

Exit codes:
  0   answered
  2   answered, but part of the input could not be read
  3   the question names nothing, or several things
  4   no usable input
  64  wrong usage";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows what sv0 does, on a made-up organisation of four accounts
    Demo(DemoArgs),
    /// Reads files and gives an overview: what there is, what is at risk, what could not be read
    Analyze(AnalyzeArgs),
    /// Shows authority paths, hop by hop
    Paths(PathsArgs),
    /// Shows who can do something to a resource, directly and through others
    WhoCan(WhoCanArgs),
    /// Shows what a principal can do
    Can(CanArgs),
    /// Shows why a principal can, or cannot, do something: every layer, every statement
    Explain(ExplainArgs),
    /// Shows what a new version of a policy allows that the old one did not, with a request that proves it
    Compare(CompareArgs),
    /// Answers JSON requests, one a line, that say everything themselves: to test sv0's evaluator
    Simulate(SimulateArgs),
    /// Shows the action catalogue: the one that is built in, or that of `--catalog`
    Catalog(CatalogArgs),
    /// Prints completions for a shell
    Completions(CompletionsArgs),
}

/// Where answers come from.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// Uses the made-up organisation
    #[arg(long, conflicts_with = "input")]
    pub(crate) demo: bool,
    /// Files or folders: account authorization details, snapshots, iam-collect folders; also gzip and zstd [default: SV0_SNAPSHOT]
    #[arg(long, short, value_name = "PATH", num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,
}

/// How answers are shown.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Format of the answer
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// One JSON document a line
    Jsonl,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Writes the made-up organisation to a file, as a snapshot
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct AnalyzeArgs {
    /// Files or folders: account authorization details, snapshots, iam-collect folders; also gzip and zstd
    #[arg(value_name = "PATH", conflicts_with_all = ["demo", "input"])]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Writes everything that was read to one snapshot, to ask further questions of
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct PathsArgs {
    /// Where authority starts: a name, an ARN, `account/name`
    #[arg(long, value_name = "NAME")]
    pub(crate) from: Option<String>,
    /// What is reached: a resource, an identity, a scope such as `arn:aws:s3:::*`; `*` is everything in an account
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Shows the paths that some policy stops, and what stops them
    #[arg(long)]
    pub(crate) blocked: bool,
    /// Shows every resource, also where a broader scope in the list says the same
    #[arg(long)]
    pub(crate) all: bool,
    /// Paths to show at most; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Role hops to follow at most
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) max_role_hops: usize,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct WhoCanArgs {
    /// Such as `s3:GetObject` or `s3:Get*`
    pub(crate) action: String,
    /// A name, an ARN, `account/name`, or `*`
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct CanArgs {
    /// A user, role, workload's role: name, ARN, `account/name`
    pub(crate) principal: String,
    /// Shows every resource, also where a broader scope in the list says the same
    #[arg(long)]
    pub(crate) all: bool,
    /// Prints one policy document that says what its policies, boundary and SCPs come to
    #[arg(long, conflicts_with = "all")]
    pub(crate) as_policy: bool,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The old version: a policy document, `-` for stdin
    pub(crate) old: PathBuf,
    /// The new version
    pub(crate) new: PathBuf,
    /// What kind of policy it is [default: told by whether it names principals and resources]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<PolicyKind>,
    /// Exits with 5 where the new version allows something that the old one did not
    #[arg(long)]
    pub(crate) exit_code: bool,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyKind {
    /// Identity policy, permissions boundary, session policy
    Identity,
    /// A resource's policy
    Resource,
    /// A role's trust policy
    Trust,
    /// Service control policy
    Scp,
    /// Resource control policy
    Rcp,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A user or role: name, ARN, `account/name`
    pub(crate) principal: String,
    /// Such as `s3:GetObject`
    pub(crate) action: String,
    /// A name, an ARN, `account/name`, or `*`
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Requests, one JSON document a line (docs/simulate.md); `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    /// Cores to use; 0 is all
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) threads: usize,
}

#[derive(Debug, Args)]
pub(crate) struct CatalogArgs {
    /// An action, service or ARN to look up
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}
