//! The program's own log, on stderr, and to a collector where the environment names one.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::args::{Log, LogFormat};
use crate::otlp::{Otlp, OtlpError};

/// Our own words only: the SDK's log can hold what AWS answered, and so values that sv0 never keeps.
fn ours(level: LevelFilter) -> Targets {
    Targets::new()
        .with_target("sv0", level)
        .with_target("sv0_collect", level)
        .with_target("sv0_server", level)
}

/// What must live as long as the log does.
#[must_use]
pub(crate) struct Logging(#[expect(dead_code, reason = "dropping it sends the rest")] Option<Otlp>);

/// # Errors
///
/// Where the collector that the environment names cannot be used.
pub(crate) fn begin(args: &Log) -> Result<Logging, OtlpError> {
    let level = match (args.log_format, args.verbose, args.quiet) {
        (_, true, _) => LevelFilter::DEBUG,
        (LogFormat::Json, _, false) => LevelFilter::INFO,
        (LogFormat::Text, _, false) => LevelFilter::WARN,
        (_, _, true) => LevelFilter::ERROR,
    };
    let otlp = Otlp::new()?;
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let layer = match args.log_format {
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
        LogFormat::Text => layer.with_ansi(io::stderr().is_terminal()).boxed(),
    };
    let sent = otlp.as_ref().map(|otlp| otlp.layers(&ours(LevelFilter::INFO)));
    let set = tracing_subscriber::registry()
        .with(layer.with_filter(ours(level)))
        .with(sent)
        .try_init();
    // There is a log already only where a test has made one.
    drop(set);
    Ok(Logging(otlp))
}
