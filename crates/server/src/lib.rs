//! The HTTP API and the page: what the engine knows, for people who would rather look than read, and for programs.
//!
//! * [`snapshot`] — what is served;
//! * [`config`] — how;
//! * [`auth`] — to whom;
//! * [`problem`] — errors as RFC 9457 has them;
//! * `api/` — the endpoints, plain functions from a question to an answer; `endpoint`, `openapi` and `http` make an HTTP API of
//!   them, described by itself;
//! * `assets/` — the page, built from `web/`.

mod api;
mod app;
mod assets;
mod audit;
pub mod auth;
pub mod config;
mod endpoint;
pub mod export;
pub mod granted;
mod http;
mod kept;
mod limit;
mod metrics;
mod openapi;
mod page;
mod pretty;
pub mod problem;
mod search;
mod sign_in;
pub mod snapshot;
mod suppressed;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::app::App;
use crate::audit::Audit;
use crate::auth::Auth;
use crate::auth::link::Link;
use crate::config::Config;
use crate::snapshot::Snapshot;
use crate::suppressed::Suppressed;

pub use crate::suppressed::StoreError;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others than people of this machine could come, and nothing would keep them out.
    #[error("`{0}` can be reached from other machines, and nobody would have to sign in")]
    Open(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The suppressions cannot be read.
    #[error(transparent)]
    Suppressions(#[from] StoreError),
    /// The audit log cannot be written.
    #[error("cannot write the audit log `{path}`: {source}")]
    Audit {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("the system has no random numbers: {0}")]
    Random(getrandom::Error),
    /// The system stopped serving.
    #[error("stopped serving: {0}")]
    Stopped(#[from] io::Error),
}

/// Has TLS use ring, as the rest of the program does; whoever is first chooses, and a second call changes nothing.
pub fn choose_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What is told while serving.
pub enum Told<'a> {
    /// A link for one browser; the last one was used, or there was none.
    Link(&'a str),
    /// Where people sign in.
    Login(&'a str),
    /// Everything is worked out.
    Ready,
}

/// Serves until it is interrupted.
///
/// # Errors
///
/// Where it cannot begin: see [`ServeError`].
pub async fn serve(
    snapshot: Snapshot,
    config: Config,
    mut auth: Auth,
    tell: Arc<dyn Fn(Told<'_>) + Send + Sync>,
) -> Result<(), ServeError> {
    if !config.is_local() && !auth.has_login() {
        return Err(ServeError::Open(config.listen));
    }
    let suppressed = Suppressed::open(snapshot.suppressions.clone())?;
    let audit = Audit::open(config.audit.as_deref()).map_err(|source| ServeError::Audit {
        path: config
            .audit
            .as_ref()
            .map_or_else(String::new, |path| path.display().to_string()),
        source,
    })?;
    let listen = |source| ServeError::Listen {
        address: config.listen,
        source,
    };
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let url = config.url(bound);
    let mut link = None;
    if config.is_local() && !auth.has_login() {
        let (first, secret) = Link::new().map_err(ServeError::Random)?;
        auth.link = Some(first.into());
        link = Some(format!("{url}/?token={secret}"));
    }
    let hosts = config.hosts(bound);
    let app = Arc::new(App::new(snapshot, config, auth, suppressed));
    let warming = Arc::clone(&app);
    let (told, small) = (Arc::clone(&tell), app.world().graph.len() < 5_000);
    let warm = std::thread::spawn(move || {
        warming.warm();
        told(Told::Ready);
    });
    // Where it takes no time, nobody should see it half ready.
    if small {
        let _ = warm.join();
    }
    match &link {
        Some(link) => tell(Told::Link(link)),
        None => tell(Told::Login(&url)),
    }
    let next = Arc::clone(&tell);
    let router = http::router(
        app,
        hosts,
        bound,
        audit,
        Box::new(move |link| next(Told::Link(link))),
    );
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(asked_to_end())
        .await?;
    Ok(())
}

/// Ctrl-c in a terminal, or SIGTERM from whatever runs services.
async fn asked_to_end() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

#[cfg(test)]
mod tests;
