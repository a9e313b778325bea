//! `sv0 serve`: the page and the HTTP API.

use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sv0_rules::review::Version;
use sv0_server::auth::Auth;
use sv0_server::auth::oidc::roles::Roles;
use sv0_server::auth::oidc::{Oidc, Settings};
use sv0_server::auth::token::Tokens;
use sv0_server::config::Config;
use sv0_server::snapshot::{Before, Snapshot};
use sv0_server::{ServeError, Told, serve};
use tokio::runtime::Runtime;

use crate::Failure;
use crate::args::{ServeArgs, SignInArgs};
use crate::load;
use crate::render::style::{Style, harmless, paint};
use crate::{log, render, trail};

pub(crate) fn run(args: &ServeArgs) -> Result<u8, Failure> {
    let _log = log::begin(&args.log)?;
    // What is wrong with how it is to be run is told before a long read.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Serve(error.into()))?;
    let auth = auth(args, &runtime)?;
    if !args.listen.ip().is_loopback() && !auth.has_login() {
        return Err(Failure::Open(ServeError::Open(args.listen)));
    }
    let snapshot = snapshot(args)?;
    let opened = AtomicBool::new(!args.open);
    let quiet = args.log.quiet;
    let tell = move |told: Told<'_>| {
        say(&told, quiet);
        if let Told::Link(url) | Told::Login(url) = told
            && !opened.swap(true, Ordering::Relaxed)
        {
            open(url);
        }
    };
    let config = Config {
        listen: args.listen,
        public_url: args.public_url.clone(),
        rate_limit: args
            .rate_limit
            .or((!args.listen.ip().is_loopback()).then_some(50)),
        web_root: args.web_root.clone(),
        audit: args.audit.clone(),
        ..Config::default()
    };
    runtime
        .block_on(serve(snapshot, config, auth, Arc::new(tell)))
        .map_err(Failure::Serve)?;
    Ok(0)
}

fn auth(args: &ServeArgs, runtime: &Runtime) -> Result<Auth, Failure> {
    let mut auth = Auth::default();
    if let Some(path) = &args.sign_in.tokens {
        auth.tokens = Tokens::read(path)?;
    }
    if let Some(settings) = provider(&args.sign_in)? {
        auth.oidc = Some(runtime.block_on(Oidc::discover(settings))?);
    }
    Ok(auth)
}

/// The variable that may hold the provider's secret; the command line does not, because others can see it.
const SECRET: &str = "SV0_OIDC_CLIENT_SECRET";

fn provider(args: &SignInArgs) -> Result<Option<Settings>, Failure> {
    let (Some(issuer), Some(client_id)) = (&args.oidc_issuer, &args.oidc_client_id) else {
        return Ok(None);
    };
    let secret = match &args.oidc_client_secret_file {
        Some(path) => {
            let read = std::fs::read_to_string(path).map_err(|source| Failure::Read {
                path: path.display().to_string(),
                source,
            })?;
            Some(read.trim().to_owned())
        }
        None => std::env::var(SECRET).ok(),
    };
    Ok(Some(Settings {
        issuer: issuer.clone(),
        client_id: client_id.clone(),
        client_secret: secret.filter(|secret| !secret.is_empty()),
        scopes: args.oidc_scopes.clone(),
        roles: Roles {
            claim: args.oidc_roles_claim.clone(),
            viewer: args.oidc_viewer.clone(),
            analyst: args.oidc_analyst.clone(),
            admin: args.oidc_admin.clone(),
        },
    }))
}

fn snapshot(args: &ServeArgs) -> Result<Snapshot, Failure> {
    let rules = load::rules(&args.source)?;
    let loaded = load::read(&args.source, &args.paths)?;
    let name = if args.source.demo {
        "acme, a made-up organisation".to_owned()
    } else {
        let names: Vec<String> = loaded.sources.iter().map(|source| source.file.clone()).collect();
        match names.as_slice() {
            [one] => one.clone(),
            all => format!("{} files", all.len()),
        }
    };
    let before = before(args, &loaded)?;
    let model = load::model(loaded, &rules);
    render::note_damage(&model);
    let reading = if trail::is_there(&args.trail, &args.source) {
        Some(trail::read(&args.trail, &args.source)?)
    } else {
        None
    };
    let today = args.today.clone().or_else(|| model.observed_at.clone());
    Ok(Snapshot {
        name,
        demo: args.source.demo,
        today: today.or_else(super::findings::system_day),
        observed_at: model.observed_at,
        world: model.world,
        steps: model.steps,
        rules,
        reading,
        before,
        suppressions: args.suppressions.clone(),
    })
}

/// The earlier snapshot.
fn before(args: &ServeArgs, current: &sv0_input::Loaded) -> Result<Option<Before>, Failure> {
    if args.compare.is_empty() {
        return Ok(None);
    }
    let loaded = sv0_input::load(&args.compare).map_err(Failure::Input)?;
    let names: Vec<String> = args
        .compare
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Ok(Some(Before {
        name: names.join(", "),
        observed_at: loaded
            .sources
            .iter()
            .filter_map(|source| source.observed_at.clone())
            .max(),
        version: Version {
            records: loaded.records,
            gaps: loaded.gaps,
        },
        current: Version {
            records: current.records.clone(),
            gaps: current.gaps.clone(),
        },
    }))
}

/// Nothing sensible can be done where neither stream is open.
fn say(told: &Told<'_>, quiet: bool) {
    let mut err = io::stderr().lock();
    let _ = match told {
        // Programs that start a server read the address.
        Told::Link(url) => {
            let mut out = io::stdout().lock();
            let _ = writeln!(
                err,
                "{}",
                paint(
                    Style::Dim,
                    "Open this link, which holds for one browser; ctrl-c ends sv0:"
                )
            );
            writeln!(out, "{url}").and_then(|()| out.flush())
        }
        Told::Login(url) => {
            let mut out = io::stdout().lock();
            let _ = writeln!(err, "{}", paint(Style::Dim, "Sign in here; ctrl-c ends sv0:"));
            writeln!(out, "{url}").and_then(|()| out.flush())
        }
        Told::Ready if !quiet && io::stderr().is_terminal() => {
            writeln!(err, "{}", paint(Style::Dim, "everything is worked out"))
        }
        Told::Ready => Ok(()),
    };
}

/// Opens a browser, if the system has a way to.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        let text = format!("sv0: no browser was opened: {program}: {error}");
        let _ = writeln!(io::stderr().lock(), "{}", harmless(&text));
    }
}
