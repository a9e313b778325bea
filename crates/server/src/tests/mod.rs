//! The server as browsers and programs meet it, on the made-up organisation.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answers;
mod described;
mod guarded;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::Value;
use sv0_analyze::normalize::{self, rules::Rules};
use sv0_analyze::steps::Steps;
use sv0_evidence::time::{Time, Window};
use tower::ServiceExt;

use crate::app::App;
use crate::audit::Audit;
use crate::auth::token::Tokens;
use crate::auth::{Auth, Role, link::Link};
use crate::config::Config;
use crate::snapshot::{Before, Snapshot};
use crate::suppressed::Suppressed;

pub(super) const HOST: &str = "127.0.0.1:7777";

/// CloudTrail's records of the made-up organisation.
struct Trail;

impl sv0_evidence::source::Source for Trail {
    fn list(&self, _: Window) -> Result<sv0_evidence::source::Listing, sv0_evidence::source::SourceError> {
        Ok(sv0_evidence::source::Listing {
            objects: vec![sv0_evidence::source::Object {
                name: "(demo)".into(),
                size: sv0_demo::TRAIL.len() as u64,
                delivered: None,
                tag: String::new(),
            }],
            ..Default::default()
        })
    }

    fn fetch(&self, _: &sv0_evidence::source::Object, bytes: &mut Vec<u8>) -> std::io::Result<()> {
        bytes.extend_from_slice(sv0_demo::TRAIL.as_bytes());
        Ok(())
    }
}

/// A snapshot of some text, with the evidence of the made-up organisation.
pub(super) fn snapshot(text: &str, suppressions: Option<PathBuf>) -> Snapshot {
    let loaded = sv0_input::load_snapshot_text("(demo)", text);
    let observed_at = loaded.sources.iter().filter_map(|s| s.observed_at.clone()).max();
    let before = sv0_input::load_snapshot_text("(before)", sv0_demo::SNAPSHOT);
    let current = sv0_rules::review::Version {
        records: loaded.records.clone(),
        gaps: loaded.gaps.clone(),
    };
    let world = normalize::build_with(loaded.records, loaded.gaps, &Rules::default());
    let steps = Steps::build(&world);
    let until = Time::parse(sv0_demo::TRAIL_WINDOW.1).unwrap();
    let window = Window {
        since: until.minus(30 * sv0_evidence::time::DAY),
        until,
    };
    Snapshot {
        name: "(demo)".into(),
        demo: true,
        today: observed_at.clone(),
        observed_at,
        world,
        steps,
        rules: Rules::default(),
        reading: Some(sv0_evidence::read(&Trail, window, &|_, _| {}).unwrap()),
        before: Some(Before {
            name: "(before)".into(),
            observed_at: None,
            version: sv0_rules::review::Version {
                records: before.records,
                gaps: before.gaps,
            },
            current,
        }),
        suppressions,
    }
}

/// A server in this process.
pub(super) struct Server {
    router: Router,
    /// Links that were told.
    pub(super) told: Arc<Mutex<Vec<String>>>,
    /// Tokens by role.
    viewer: String,
    pub(super) analyst: String,
    pub(super) admin: String,
    pub(super) link: String,
}

/// An answer.
pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Got {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A folder of this test's own, which is left to the system to clean.
pub(super) fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sv0-server-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

impl Server {
    pub(super) fn new(name: &str) -> Self {
        Self::of(name, sv0_demo::SNAPSHOT, Config::default())
    }

    pub(super) fn of(name: &str, text: &str, config: Config) -> Self {
        let folder = folder(name);
        let file = folder.join("tokens.toml");
        let add = |role: Role| Tokens::add(&file, role.as_str(), role, None).unwrap();
        let (viewer, analyst, admin) = (add(Role::Viewer), add(Role::Analyst), add(Role::Admin));
        let (link, secret) = Link::new().unwrap();
        let auth = Auth {
            link: Some(link.into()),
            tokens: Tokens::read(&file).unwrap(),
            ..Auth::default()
        };
        let suppressions = folder.join("suppressions.yaml");
        let suppressed = Suppressed::open(Some(suppressions.clone())).unwrap();
        let app = App::new(
            snapshot(text, Some(suppressions)),
            config.clone(),
            auth,
            suppressed,
        );
        app.warm();
        let bound: SocketAddr = HOST.parse().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = Arc::clone(&told);
        let audit = Audit::open(config.audit.as_deref()).unwrap();
        let tell = Box::new(move |link: &str| telling.lock().unwrap().push(link.to_owned()));
        Self {
            router: crate::http::router(Arc::new(app), config.hosts(bound), bound, audit, tell),
            told,
            viewer,
            analyst,
            admin,
            link: secret,
        }
    }

    pub(super) fn send(&self, request: Request<Body>) -> Got {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            Got {
                status: parts.status,
                headers: parts.headers,
                body: axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec(),
            }
        })
    }

    /// A request with some headers.
    pub(super) fn ask(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", HOST);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap())
    }

    /// What a viewer gets.
    pub(super) fn get(&self, path: &str) -> Got {
        let token = format!("Bearer {}", self.viewer);
        self.ask(
            &Method::GET,
            &format!("/api/v1{path}"),
            &[("authorization", &token)],
            "",
        )
    }

    /// What an analyst's change does.
    pub(super) fn change(&self, method: &Method, path: &str, body: &str) -> Got {
        let token = format!("Bearer {}", self.analyst);
        self.ask(
            method,
            &format!("/api/v1{path}"),
            &[("authorization", &token)],
            body,
        )
    }

    /// The cookie of a browser that followed the link.
    pub(super) fn follow(&self, secret: &str) -> Option<String> {
        let got = self.ask(&Method::GET, &format!("/?token={secret}"), &[], "");
        assert_eq!(got.status, StatusCode::SEE_OTHER);
        let set = got.headers.get("set-cookie")?.to_str().unwrap().to_owned();
        Some(set.split(';').next().unwrap().to_owned())
    }
}
