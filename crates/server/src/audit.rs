//! Who asked what, when: a line of JSON for each request to the API, into a file and into the program's own log. Questions
//! name resources; answers are never in it, nor are secrets.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Method, Uri};
use serde_json::json;

/// The log.
#[derive(Debug, Default)]
pub(crate) struct Audit(Option<Mutex<File>>);

impl Audit {
    /// Adds to a file.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self(None)) };
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self(Some(Mutex::new(options.open(path)?))))
    }

    pub(crate) fn write(
        &self,
        user: Option<&str>,
        from: IpAddr,
        method: &Method,
        uri: &Uri,
        status: u16,
        took: Duration,
    ) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        tracing::info!(target: "sv0::audit", user, %from, %method, path, query, status, micros);
        let Some(file) = &self.0 else { return };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis());
        let at = u64::try_from(now).unwrap_or(u64::MAX);
        let line = json!({
            "at_millis": at, "user": user, "from": from.to_string(), "method": method.as_str(),
            "path": path, "query": query, "status": status, "micros": micros,
        });
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writeln!(file, "{line}") {
            tracing::error!(%error, "the audit log cannot be written");
        }
    }
}
