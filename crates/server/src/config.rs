//! How the server is run.

use std::net::SocketAddr;
use std::path::PathBuf;

/// How the server is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The address that people type, such as `https://sv0.example.com`, where a proxy stands before it.
    pub public_url: Option<String>,
    /// Requests a second of one user; none is no limit.
    pub rate_limit: Option<u32>,
    /// Bytes of answers that are kept.
    pub keep_bytes: u64,
    /// Files of the page instead of those that are built in, for work on it.
    pub web_root: Option<PathBuf>,
    /// Where the audit log goes, besides the program's own log.
    pub audit: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            rate_limit: None,
            keep_bytes: 256 << 20,
            web_root: None,
            audit: None,
        }
    }
}

impl Config {
    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.listen.ip().is_loopback()
    }

    /// Whether browsers come by TLS, so that cookies may say so.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }

    /// The address that people use.
    #[must_use]
    pub fn url(&self, bound: SocketAddr) -> String {
        self.public_url.as_deref().map_or_else(
            || format!("http://{bound}"),
            |url| url.trim_end_matches('/').to_owned(),
        )
    }

    /// Names under which browsers may call: anything else is somebody who made a name of theirs point to us.
    #[must_use]
    pub fn hosts(&self, bound: SocketAddr) -> Vec<String> {
        let port = bound.port();
        let mut hosts: Vec<String> = vec![bound.to_string()];
        if self.is_local() {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(|name| format!("{name}:{port}")));
        }
        if let Some(host) = self.public_url.as_deref().and_then(host_of) {
            hosts.push(host);
        }
        hosts
    }
}

fn host_of(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next()?;
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}
