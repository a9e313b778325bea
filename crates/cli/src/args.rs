//! What can be asked, as clap sees it; help texts come from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sv0_model::finding::Severity;

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
  sv0 blast-radius Elliot --demo
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
    /// Reads an account or a whole organization through AWS's API, read-only, into a snapshot
    Scan(Box<ScanArgs>),
    /// Writes what an account must have so that sv0 may read it: the least policy, a role, CloudFormation, Terraform
    Onboard(OnboardArgs),
    /// Tries what a scan would do, in one region, and tells which calls work and what each missing one costs
    Doctor(Box<DoctorArgs>),
    /// Reads files and gives an overview: what there is, what is at risk, what could not be read
    Analyze(AnalyzeArgs),
    /// Serves the page and the HTTP API: for people who would rather look than read, and for programs
    Serve(Box<ServeArgs>),
    /// Makes a token for the HTTP API; the file that it goes into holds its hash
    Token(TokenArgs),
    /// Shows authority paths, hop by hop
    Paths(PathsArgs),
    /// Shows who can do something to a resource, directly and through others
    WhoCan(WhoCanArgs),
    /// Shows what a principal can do
    Can(CanArgs),
    /// Shows everything that an entity reaches, and how sensitive it is; in reverse, everybody who reaches it
    BlastRadius(BlastRadiusArgs),
    /// Shows what CloudTrail saw: who did what to which resource, how often, until when, and who started the chain
    Evidence(EvidenceArgs),
    /// Shows who really did something to a resource: the person or workload at the start of the chain, then the chain
    WhoDid(WhoDidArgs),
    /// Shows roles, keys and permissions that were granted and not seen in use, and how much that is worth
    Unused(UnusedArgs),
    /// Writes the policy that allows what a principal was seen to do, and proves that it does
    Rightsize(RightsizeArgs),
    /// Shows what somebody should decide about, most severe first: why it matters, how it is known, and what provably ends it
    Findings(Box<FindingsArgs>),
    /// Shows the hops and policy statements that most ways to sensitive data go through, and how many ways each alone cuts
    ChokePoints(ChokePointsArgs),
    /// Shows which paths a change would add and take away; nothing is changed
    WhatIf(WhatIfArgs),
    /// Reviews a change before it is made: what it gives and takes, which findings it makes. For CI
    Review(ReviewArgs),
    /// Shows why a principal can, or cannot, do something: every layer, every statement
    Explain(ExplainArgs),
    /// Shows what a new version of a policy allows that the old one did not, with a request that proves it
    Compare(CompareArgs),
    /// Answers JSON requests, one a line, that say everything themselves: to test sv0's evaluator
    Simulate(SimulateArgs),
    /// Shows the action catalogue: the one that is built in, or that of `--catalog`
    Catalog(CatalogArgs),
    /// Makes what sv0 and other tools are measured on
    #[command(subcommand)]
    Bench(BenchCommand),
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
    /// A file of your own rules for what is sensitive and whose data it is [default: SV0_RULES]
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
}

/// How answers are shown.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Format of the answer
    #[arg(long, short, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
}

/// Where CloudTrail's records are, and of when.
#[derive(Debug, Args)]
#[command(next_help_heading = "Evidence")]
pub(crate) struct TrailArgs {
    /// CloudTrail's files or folders, s3://BUCKET/PREFIX, athena://DATABASE.TABLE?workgroup=NAME&output=s3://…, or
    /// sqs://QUEUE-URL; `--demo` has one of its own
    #[arg(long, value_name = "PLACE", num_args = 1..)]
    pub(crate) trail: Vec<PathBuf>,
    /// From when, such as 2026-11-01 or 2026-11-01T10:00:00Z [default: 30 days before --until]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<sv0_evidence::time::Time>,
    /// Until when [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<sv0_evidence::time::Time>,
    /// Keeps what was read in this file, and reads only what is not in it; alone it answers from what is there
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// With `--state`: looks for files of the last so many days again, because some come late
    #[arg(long, value_name = "N", default_value_t = 3, requires = "state")]
    pub(crate) late_days: u32,
    #[command(flatten)]
    pub(crate) aws: TrailAccess,
}

/// Whose credentials are used for records in AWS; those that the AWS SDK finds, where nothing is said.
#[derive(Debug, Args)]
pub(crate) struct TrailAccess {
    /// A profile of the AWS configuration files
    #[arg(
        long,
        help_heading = "Evidence in AWS",
        value_name = "NAME",
        requires = "trail"
    )]
    pub(crate) profile: Option<String>,
    /// Athena's region; buckets and queues say their own
    #[arg(
        long,
        help_heading = "Evidence in AWS",
        value_name = "REGION",
        requires = "trail"
    )]
    pub(crate) region: Option<String>,
    /// Takes this role first
    #[arg(
        long,
        help_heading = "Evidence in AWS",
        value_name = "ARN",
        requires = "trail"
    )]
    pub(crate) role_arn: Option<String>,
    /// The external id that the role asks for: a value, env:NAME, file:PATH or op://vault/item/field
    #[arg(
        long,
        help_heading = "Evidence in AWS",
        value_name = "VALUE",
        requires = "role_arn"
    )]
    pub(crate) external_id: Option<String>,
}

fn time(text: &str) -> Result<sv0_evidence::time::Time, String> {
    sv0_evidence::time::Time::parse(text)
        .ok_or_else(|| "write a day, 2026-11-01, or a time, 2026-11-01T10:00:00Z".into())
}

#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    /// Only what this principal did, or who started its chains: an ARN or name
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,
    /// Only what was done to this resource, and to what is in it: an ARN or name
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
    /// Lines to show at most; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct WhoDidArgs {
    /// An IAM action such as `s3:GetObject` or `s3:*`, or the name of an event
    pub(crate) action: String,
    /// A resource, and what is in it: an ARN or name
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct UnusedArgs {
    /// Only this role or user, with its policies and services: name, ARN, `account/name`
    pub(crate) principal: Option<String>,
    /// Lines to show at most; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
pub(crate) struct RightsizeArgs {
    /// A role or user: name, ARN, `account/name`; a workload stands for its role
    pub(crate) principal: String,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
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
#[command(after_help = SCAN_EXAMPLES)]
pub(crate) struct ScanArgs {
    /// Where to write the snapshot; `….jsonl` is not compressed
    #[arg(long, short = 'f', value_name = "FILE", default_value = "scan.sv0.jsonl.zst")]
    pub(crate) out: PathBuf,
    /// Goes on with an interrupted scan of the same options; what is done is not read again
    #[arg(long)]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) what: ScanWhat,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) limits: ScanLimits,
    /// Prints every API call that a scan can make, and the IAM actions it needs, and ends
    #[arg(long)]
    pub(crate) list_calls: bool,
    #[command(flatten)]
    pub(crate) log: Log,
    #[command(flatten)]
    pub(crate) show: Show,
}

const SCAN_EXAMPLES: &str = "\
Examples:
  sv0 scan                                                    the account of the credentials
  sv0 scan --org --external-id env:EXTERNAL_ID                all accounts of the organization
  sv0 scan --accounts 111111111111,222222222222 --role-name Reader
  sv0 scan --role-arn arn:aws:iam::111111111111:role/Reader --profile security
  sv0 analyze scan.sv0.jsonl.zst

Exit codes:
  0   everything was read
  2   a snapshot was written, but something could not be read: it says what, and what that could change
  4   nothing could be read
  64  wrong usage
  130 interrupted; `--resume` goes on";

#[derive(Debug, Args)]
#[command(next_help_heading = "What to read")]
pub(crate) struct ScanWhat {
    /// All active accounts of the organization, as the management account or a delegated administrator sees it
    #[arg(long, conflicts_with = "accounts")]
    pub(crate) org: bool,
    /// These accounts
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) accounts: Vec<String>,
    /// Only these regions [default: all that are enabled]
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub(crate) regions: Vec<String>,
    /// Only these services
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub(crate) services: Vec<String>,
    /// Not these services
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub(crate) skip_services: Vec<String>,
}

/// Whose credentials are used. The AWS SDK finds the first ones: environment, profiles, SSO, process, container, instance.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct Access {
    /// A profile of the AWS configuration files
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Takes this role; several are an account each. With `--org` the one to start from
    #[arg(long, value_name = "ARN", value_delimiter = ',')]
    pub(crate) role_arn: Vec<String>,
    /// The role to take in each account of `--org` and `--accounts`
    #[arg(long, value_name = "NAME", default_value = sv0_role())]
    pub(crate) role_name: String,
    /// The external id that the roles ask for: a value, env:NAME, file:PATH or op://vault/item/field
    #[arg(long, value_name = "VALUE")]
    pub(crate) external_id: Option<String>,
    /// An access key that may do nothing but take the role: env:NAME, file:PATH or op://vault/item/field
    #[arg(long, value_name = "REF", requires = "bootstrap_secret")]
    pub(crate) bootstrap_key_id: Option<String>,
    /// The secret of that key, referred to in the same way
    #[arg(long, value_name = "REF", requires = "bootstrap_key_id", value_parser = reference)]
    pub(crate) bootstrap_secret: Option<String>,
}

/// The role that `sv0 onboard` makes.
pub(crate) const fn sv0_role() -> &'static str {
    "sv0-reader"
}

/// A secret on the command line is in the shell's history and in every process list.
fn reference(text: &str) -> Result<String, String> {
    if ["env:", "file:", "op://"]
        .iter()
        .any(|kind| text.starts_with(kind))
    {
        return Ok(text.to_owned());
    }
    Err("write env:NAME, file:PATH or op://vault/item/field, not the secret itself".into())
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct ScanLimits {
    /// Requests in flight at most
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) concurrency: usize,
    /// How long one call may take, with all its repetitions, such as 90s or 5m
    #[arg(long, value_name = "TIME", default_value = "3m", value_parser = duration)]
    pub(crate) call_deadline: std::time::Duration,
    /// How long the scan may take; what is not read by then is told as a gap
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) deadline: Option<std::time::Duration>,
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "write a number and s, m or h, such as 90s".to_owned();
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    Ok(std::time::Duration::from_secs(number.saturating_mul(factor)))
}

#[derive(Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Snapshots and other files, as `--input` takes them
    #[arg(value_name = "PATH", conflicts_with_all = ["input", "demo"])]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// An earlier snapshot: what is different from it
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) compare: Vec<PathBuf>,
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    /// The address that people use where a proxy stands before it, such as https://sv0.example.com
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Opens the page in a browser
    #[arg(long)]
    pub(crate) open: bool,
    /// A YAML file that says which findings are accepted; what is accepted on the page is added to it
    #[arg(long, value_name = "FILE")]
    pub(crate) suppressions: Option<PathBuf>,
    /// The day on which findings are decided [default: the day of the snapshot, else today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) today: Option<String>,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
    #[command(flatten)]
    pub(crate) sign_in: SignInArgs,
    /// Requests a second of one user [default: no limit on 127.0.0.1, else 50]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rate_limit: Option<u32>,
    /// Writes a line for each request into a file: who asked what
    #[arg(long, value_name = "FILE")]
    pub(crate) audit: Option<PathBuf>,
    /// Serves the page's files from a folder instead of those that are built in: for work on the page
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) web_root: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) log: Log,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  sv0 serve --demo --open
  sv0 serve scan.sv0.jsonl.zst --trail ./cloudtrail --suppressions suppressions.yaml
  sv0 token --tokens tokens.toml --name ci --role viewer
  sv0 serve scan.sv0.jsonl.zst --listen 0.0.0.0:8443 --public-url https://sv0.example.com --tokens tokens.toml
  sv0 serve scan.sv0.jsonl.zst --listen 0.0.0.0:8443 --public-url https://sv0.example.com \
      --oidc-issuer https://login.example.com --oidc-client-id sv0 --oidc-client-secret-file secret \
      --oidc-viewer '*' --oidc-analyst security --oidc-admin security-admins";

/// How people sign in.
#[derive(Debug, Args)]
#[command(next_help_heading = "Sign-in")]
pub(crate) struct SignInArgs {
    /// API tokens, which people can sign in with as well: a file that `sv0 token` wrote
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: Option<PathBuf>,
    /// An OpenID Connect provider, such as https://login.example.com; it must know URL/login/oidc/callback as an address to
    /// come back to
    #[arg(long, value_name = "URL", requires = "oidc_client_id")]
    pub(crate) oidc_issuer: Option<String>,
    /// The name that the provider has for sv0
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    pub(crate) oidc_client_id: Option<String>,
    /// The secret that the provider shares with sv0, in a file [or in the variable SV0_OIDC_CLIENT_SECRET; none for a public
    /// client]
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    pub(crate) oidc_client_secret_file: Option<PathBuf>,
    /// Scopes to ask for besides openid
    #[arg(long, value_name = "SCOPE", value_delimiter = ',', default_values = ["profile", "email"], requires = "oidc_issuer")]
    pub(crate) oidc_scopes: Vec<String>,
    /// The claim that says who may do what; names with dots between them for one within others (realm_access.roles)
    #[arg(
        long,
        value_name = "CLAIM",
        default_value = "groups",
        requires = "oidc_issuer"
    )]
    pub(crate) oidc_roles_claim: String,
    /// Values of the claim that make somebody a viewer; `*` is whoever can sign in
    #[arg(long, value_name = "VALUE", value_delimiter = ',', requires = "oidc_issuer")]
    pub(crate) oidc_viewer: Vec<String>,
    /// Values that make somebody an analyst
    #[arg(long, value_name = "VALUE", value_delimiter = ',', requires = "oidc_issuer")]
    pub(crate) oidc_analyst: Vec<String>,
    /// Values that make somebody an admin
    #[arg(long, value_name = "VALUE", value_delimiter = ',', requires = "oidc_issuer")]
    pub(crate) oidc_admin: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The file of tokens; it is made if there is none
    #[arg(long, value_name = "FILE")]
    pub(crate) tokens: PathBuf,
    /// Whose token it is, for the audit log
    #[arg(long)]
    pub(crate) name: String,
    /// What it may do: viewer (looks), analyst (accepts findings), admin (sees the server's numbers)
    #[arg(long, default_value = "viewer")]
    pub(crate) role: sv0_server::auth::Role,
    /// The last day on which it holds
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) until: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct Log {
    /// How to write to stderr what happens
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Tells every request
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Tells nothing but errors
    #[arg(long, short, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people, and progress on a terminal
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = ONBOARD_EXAMPLES)]
pub(crate) struct OnboardArgs {
    /// What to write
    #[arg(long, value_enum, default_value_t = OnboardFormat::Cloudformation)]
    pub(crate) format: OnboardFormat,
    /// The role's name
    #[arg(long, value_name = "NAME", default_value = sv0_role())]
    pub(crate) role_name: String,
    /// Who may take the role: the ARN of a role, a user or an account's root [default: asked for when it is installed]
    #[arg(long, value_name = "ARN")]
    pub(crate) trust: Option<String>,
    /// The external id that they must give [default: asked for when it is installed]
    #[arg(long, value_name = "VALUE")]
    pub(crate) external_id: Option<String>,
    /// `aws`, `aws-cn` or `aws-us-gov`
    #[arg(long, value_name = "NAME", default_value = "aws")]
    pub(crate) partition: String,
    /// Denies `lambda:GetFunction`, which tells the image of image functions and gives out links to the code of others
    #[arg(long)]
    pub(crate) no_function_code: bool,
    /// Evidence from S3: a bucket with CloudTrail logs
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) trail_bucket: Vec<String>,
    /// Evidence by Athena: the workgroup
    #[arg(long, value_name = "NAME", requires = "athena_results_bucket")]
    pub(crate) athena_workgroup: Option<String>,
    /// Evidence by Athena: the bucket that its results go to
    #[arg(long, value_name = "NAME", requires = "athena_workgroup")]
    pub(crate) athena_results_bucket: Option<String>,
    /// Evidence as it happens: the queue that EventBridge sends CloudTrail events to
    #[arg(long, value_name = "ARN")]
    pub(crate) event_queue: Option<String>,
    /// A KMS key that the logs or the results are encrypted with
    #[arg(long, value_name = "ARN", value_delimiter = ',')]
    pub(crate) evidence_key: Vec<String>,
}

const ONBOARD_EXAMPLES: &str = "\
Examples:
  sv0 onboard > sv0-reader.yaml                      a CloudFormation template, for a stack or a StackSet
  sv0 onboard --format terraform > sv0-reader.tf
  sv0 onboard --format policy                        the policy documents alone
  sv0 onboard --trail-bucket acme-org-trail-logs     may read CloudTrail's logs, too";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnboardFormat {
    /// A template for a stack or a StackSet
    Cloudformation,
    /// A module in one file
    Terraform,
    /// The policy documents, as JSON
    Policy,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) what: ScanWhat,
    /// In how many accounts to try the calls; all others are only entered
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) probe: usize,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) log: Log,
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
    /// Where authority starts: a name, an ARN, `account/name`. A group stands for its members, a policy for those who have
    /// it, an account for all in it
    #[arg(long, value_name = "NAME")]
    pub(crate) from: Option<String>,
    /// What is reached: a resource, an identity, a workload, a policy, an account, a scope such as `arn:aws:s3:::*`; `*` is
    /// everything in an account
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Shows the paths that some policy stops, and what stops them
    #[arg(long)]
    pub(crate) blocked: bool,
    /// Shows every resource, also where a broader scope in the list says the same
    #[arg(long)]
    pub(crate) all: bool,
    /// Shows what policies grant when nothing limits it: no conditions, no denies, no SCPs, RCPs, boundaries, key policies
    #[arg(long, conflicts_with = "blocked")]
    pub(crate) structural: bool,
    /// Routes to show at most between one origin and one target, best first; 0 is all
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) routes: usize,
    /// Paths to show at most; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Role hops to follow at most
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) max_role_hops: usize,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Args)]
#[command(after_help = BLAST_RADIUS_EXAMPLES)]
pub(crate) struct BlastRadiusArgs {
    /// A name, an ARN, `account/name`: an identity or workload; a resource, and then who reaches it
    pub(crate) name: String,
    /// Shows who reaches it, rather than what it reaches
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Lines to show at most; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) limit: usize,
    /// Role hops to follow at most
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) max_role_hops: usize,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

const BLAST_RADIUS_EXAMPLES: &str = "\
Examples:
  sv0 blast-radius Elliot --demo                  what does it reach, and how sensitive is that?
  sv0 blast-radius acme-prod-invoices --demo      who reaches this bucket, and along which chain?
  sv0 blast-radius DevOps --reverse --demo        who can act as this role?";

#[derive(Debug, Args)]
#[command(after_help = FINDINGS_EXAMPLES)]
pub(crate) struct FindingsArgs {
    /// One finding, by its id or the end of it: with all reasons, paths and fixes
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// No finding lighter than this
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) severity: Option<Severity>,
    /// Findings of these rules alone
    #[arg(long, value_name = "RULE", value_parser = rule_id, num_args = 1..)]
    pub(crate) rule: Vec<String>,
    /// Findings about this account alone: its id or name
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) account: Option<String>,
    /// Lists the rules, with what each finds
    #[arg(long, conflicts_with_all = ["id", "input", "demo"])]
    pub(crate) list_rules: bool,
    /// Works out fixes for all that is shown, each tried before it is offered
    #[arg(long)]
    pub(crate) fixes: bool,
    /// Tells what to do first: the fixes that end most findings, one after the other
    #[arg(long, conflicts_with = "id")]
    pub(crate) plan: bool,
    /// Tells each finding with its explanation
    #[arg(long, short)]
    pub(crate) long: bool,
    /// A YAML file that says which findings are accepted, why and until when
    #[arg(long, value_name = "FILE")]
    pub(crate) suppressions: Option<PathBuf>,
    /// A file that `--write-baseline` wrote: what is not in it is new
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Writes what is there now
    #[arg(long, value_name = "FILE")]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Exits with 5 where a finding is this severe or more: not suppressed, and with `--baseline` new
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) fail_on: Option<Severity>,
    /// The day on which suppressions and unused identities are judged [default: the day of the snapshot, else today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) today: Option<String>,
    #[command(flatten)]
    pub(crate) trail: TrailArgs,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Format of the answer
    #[arg(long, short, value_enum, default_value_t = FindingsOutput::Table)]
    pub(crate) output: FindingsOutput,
    /// Writes the answer into a file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

fn severity(text: &str) -> Result<Severity, String> {
    text.parse().map_err(|()| {
        let all: Vec<&str> = Severity::ALL.iter().map(|severity| severity.as_str()).collect();
        format!("one of {}", all.join(", "))
    })
}

fn rule_id(text: &str) -> Result<String, String> {
    match sv0_rules::rule::rule(text) {
        Some(rule) => Ok(rule.id.to_owned()),
        None => Err("`sv0 findings --list-rules` lists them".into()),
    }
}

/// Format of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FindingsOutput {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// One finding a line
    Jsonl,
    /// For pull requests and tickets
    Markdown,
    /// One page that needs nothing else, to read and to print
    Html,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// OCSF, one IAM Analysis Finding a line
    Ocsf,
    /// AWS Security Finding Format, for Security Hub
    Asff,
}

impl FindingsOutput {
    /// Its name among the formats of `sv0_export`, where it is one of them.
    pub(crate) const fn export(self) -> Option<&'static str> {
        match self {
            Self::Table | Self::Json | Self::Jsonl => None,
            Self::Markdown => Some("markdown"),
            Self::Html => Some("html"),
            Self::Sarif => Some("sarif"),
            Self::Ocsf => Some("ocsf"),
            Self::Asff => Some("asff"),
        }
    }
}

const FINDINGS_EXAMPLES: &str = "\
Examples:
  sv0 findings --demo                             what is there, most severe first
  sv0 findings 2048c1 --demo                        one finding: why, how it is known, what ends it
  sv0 findings --severity high --fixes --demo     the severe ones, each with what provably ends it
  sv0 findings -i scan.sv0.jsonl.zst --baseline known.json --fail-on high      in CI: fail on what is new";

#[derive(Debug, Args)]
#[command(after_help = CHOKE_POINTS_EXAMPLES)]
pub(crate) struct ChokePointsArgs {
    /// What is reached: a name, an ARN, `account/name` [default: confidential and restricted data]
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Hops and statements to show, each
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a number from 1".into()),
        Ok(number) => Ok(number),
    }
}

const CHOKE_POINTS_EXAMPLES: &str = "\
Examples:
  sv0 choke-points --demo
  sv0 choke-points --to acme-prod-invoices --demo
  sv0 choke-points --to Prod --demo               the data of an account";

#[derive(Debug, Args)]
#[command(after_help = REVIEW_EXAMPLES)]
pub(crate) struct ReviewArgs {
    /// How it is: a snapshot or what else sv0 reads, or a policy document
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) before: Vec<PathBuf>,
    /// How it will be: the same; or a Terraform plan, as `terraform show -json` prints it
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    pub(crate) after: Vec<PathBuf>,
    /// Lays the plan over the made-up organisation
    #[arg(long, conflicts_with = "before")]
    pub(crate) demo: bool,
    /// Whose account the plan is for, where its ARNs do not say
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
    /// What kind of policy two documents are [default: told by whether they name principals and resources]
    #[arg(long, value_enum)]
    pub(crate) kind: Option<PolicyKind>,
    /// Exits with 5 where a new finding is this severe or more
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) fail_on: Option<Severity>,
    /// Exits with 5 where anything is reached that was not
    #[arg(long)]
    pub(crate) fail_on_gain: bool,
    /// The day on which unused identities are judged
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) today: Option<String>,
    /// Pairs and changes to show, each; 0 is all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// A file of your own rules for what is sensitive and whose data it is [default: SV0_RULES]
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) show: Show,
}

const REVIEW_EXAMPLES: &str = "\
Examples:
  sv0 review --before monday.sv0.jsonl.zst --after tuesday.sv0.jsonl.zst
  sv0 review --before old-policy.json --after new-policy.json --fail-on-gain
  terraform show -json plan.bin > plan.json && sv0 review --before scan.sv0.jsonl.zst --after plan.json --fail-on high";

#[derive(Debug, Args)]
#[command(after_help = WHAT_IF_EXAMPLES)]
pub(crate) struct WhatIfArgs {
    /// Puts a document in the place of a policy: a managed policy, SCP or RCP; the policy of a bucket, queue, key and so
    /// on; `role/NAME` for an inline policy, `role/trust` for a trust policy. `-` is standard input
    #[arg(long, value_name = "NAME=FILE")]
    pub(crate) policy: Vec<String>,
    /// Takes an edge away. One that policies make is denied: A may do nothing to B
    #[arg(long, value_name = "A -> B")]
    pub(crate) remove_edge: Vec<String>,
    /// Takes a managed policy from the identity of `--from`
    #[arg(long, value_name = "POLICY", requires = "from")]
    pub(crate) detach: Vec<String>,
    /// Whom it is taken from; one for each `--detach`, in the same order
    #[arg(long, value_name = "NAME", requires = "detach")]
    pub(crate) from: Vec<String>,
    /// Deletes an entity; `role/NAME` deletes an inline policy
    #[arg(long, value_name = "NAME")]
    pub(crate) delete: Vec<String>,
    /// Looks only at what reaches this [default: all data]
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Exits with 5 where paths are gained
    #[arg(long)]
    pub(crate) fail_on_gain: bool,
    /// Lines to show at most of gains and of losses; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) show: Show,
}

const WHAT_IF_EXAMPLES: &str = "\
Examples:
  sv0 what-if --demo --remove-edge 'AllSafeVaultRole -> allsafe/prod-access-key'
  sv0 what-if --demo --policy AllSafeVaultRole/ReadVault=new.json --fail-on-gain
  sv0 what-if --demo --detach AllSafeAssumeVault --from AllSafe --delete AllSafeProd

Exit codes, besides those of other commands:
  3   a change names nothing, or something that cannot be changed so
  4   a document is no policy
  5   with --fail-on-gain: paths are gained";

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

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Writes a made-up organisation of any size; the same seed and size give the same bytes
    Generate(GenerateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// Where to write: a file for a snapshot (by convention `….sv0.jsonl.zst`), else a new folder
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
    /// What to write; each format holds of the same organisation what it can
    #[arg(long, value_enum, default_value_t = Format::Snapshot)]
    pub(crate) format: Format,
    /// How large: 100, 1,000, 10,000 or 100,000 roles, and the rest in proportion
    #[arg(long, value_enum, default_value_t = SizePreset::S)]
    pub(crate) preset: SizePreset,
    /// Which organisation of that size
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) size: SizeArgs,
    #[command(flatten)]
    pub(crate) show: Show,
}

/// Totals over all accounts that replace those of the preset.
#[derive(Debug, Args)]
#[command(next_help_heading = "Size, in place of the preset's")]
pub(crate) struct SizeArgs {
    /// Accounts
    #[arg(long, value_name = "N")]
    pub(crate) accounts: Option<usize>,
    /// Roles
    #[arg(long, value_name = "N")]
    pub(crate) roles: Option<usize>,
    /// IAM users
    #[arg(long, value_name = "N")]
    pub(crate) users: Option<usize>,
    /// Customer managed policies; four more are in every account
    #[arg(long, value_name = "N")]
    pub(crate) policies: Option<usize>,
    /// S3 buckets
    #[arg(long, value_name = "N")]
    pub(crate) buckets: Option<usize>,
    /// DynamoDB tables
    #[arg(long, value_name = "N")]
    pub(crate) tables: Option<usize>,
    /// Secrets
    #[arg(long, value_name = "N")]
    pub(crate) secrets: Option<usize>,
    /// SQS queues
    #[arg(long, value_name = "N")]
    pub(crate) queues: Option<usize>,
    /// SNS topics
    #[arg(long, value_name = "N")]
    pub(crate) topics: Option<usize>,
    /// KMS keys
    #[arg(long, value_name = "N")]
    pub(crate) keys: Option<usize>,
    /// Lambda functions
    #[arg(long, value_name = "N")]
    pub(crate) functions: Option<usize>,
    /// EC2 instances
    #[arg(long, value_name = "N")]
    pub(crate) instances: Option<usize>,
    /// ECS task definitions
    #[arg(long, value_name = "N")]
    pub(crate) tasks: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// sv0's own format, which holds everything
    Snapshot,
    /// Account authorization details, a file an account: IAM only
    Gaad,
    /// The folder that iam-collect writes
    IamCollect,
}

impl Format {
    /// As the option has it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Gaad => "gaad",
            Self::IamCollect => "iam-collect",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SizePreset {
    /// 100 roles in 5 accounts
    S,
    /// 1,000 roles in 20 accounts
    M,
    /// 10,000 roles in 100 accounts
    L,
    /// 100,000 roles in 500 accounts
    Xl,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    pub(crate) shell: clap_complete::Shell,
}

/// A day that there is.
fn day(text: &str) -> Result<String, String> {
    if sv0_rules::day::is_day(text) {
        return Ok(text.to_owned());
    }
    Err("it is no day such as 2027-01-31".to_owned())
}
