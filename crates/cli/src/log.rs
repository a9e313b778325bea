//! The program's own log, on stderr.

use std::io::{self, IsTerminal};

use crate::args::{Log, LogFormat};

/// Our own words only: the SDK's log can hold what AWS answered, and so values that sv0 never keeps.
pub(crate) fn begin(args: &Log) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let level = match (args.log_format, args.verbose, args.quiet) {
        (_, true, _) => LevelFilter::DEBUG,
        (LogFormat::Json, _, false) => LevelFilter::INFO,
        (LogFormat::Text, _, false) => LevelFilter::WARN,
        (_, _, true) => LevelFilter::ERROR,
    };
    let ours = Targets::new()
        .with_target("sv0", level)
        .with_target("sv0_collect", level)
        .with_target("sv0_server", level);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry().with(ours);
    let set = match args.log_format {
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
        LogFormat::Text => registry
            .with(layer.with_ansi(io::stderr().is_terminal()))
            .try_init(),
    };
    // There is a log already only where a test has made one.
    drop(set);
}
