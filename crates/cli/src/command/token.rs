//! `sv0 token`: a token for the HTTP API.

use std::io::{self, Write};

use sv0_server::auth::token::{TokenError, Tokens};

use crate::Failure;
use crate::args::TokenArgs;
use crate::render::style::{Style, paint};

pub(crate) fn run(args: &TokenArgs) -> Result<u8, Failure> {
    let past = args
        .until
        .as_ref()
        .filter(|until| super::findings::system_day().is_some_and(|today| **until < today));
    if let Some(until) = past {
        return Err(Failure::Tokens(TokenError {
            path: args.tokens.display().to_string(),
            problem: format!("{until} is past: the token would open nothing"),
        }));
    }
    let token = Tokens::add(&args.tokens, &args.name, args.role, args.until.as_deref())?;
    // The token alone goes to stdout, so that it can be piped to where it is kept.
    let note = format!(
        "{} may now use the API as {}; {} holds the token's hash, the token is nowhere else:",
        args.name,
        args.role,
        args.tokens.display()
    );
    let _ = writeln!(io::stderr().lock(), "{}", paint(Style::Dim, &note));
    writeln!(io::stdout().lock(), "{token}").map_err(Failure::Output)?;
    Ok(0)
}
