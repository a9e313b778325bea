//! The page's files, which are built into the program.

use std::borrow::Cow;
use std::path::{Component, Path};

use axum::body::Body;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, Response, StatusCode};
use rust_embed::RustEmbed;

use crate::config::Config;
use crate::kept::Answer;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Built;

fn media(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn read(config: &Config, path: &str) -> Option<Cow<'static, [u8]>> {
    let Some(root) = &config.web_root else {
        return Built::get(path).map(|file| file.data);
    };
    // Nothing above the folder.
    let inside = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    inside.then(|| std::fs::read(root.join(path)).ok().map(Cow::Owned))?
}

/// A file of the page; the page itself where the path is one of its views.
pub(crate) fn serve(config: &Config, path: &str, headers: &HeaderMap) -> Response<Body> {
    let path = path.trim_start_matches('/');
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    let name = if is_file { path } else { "index.html" };
    let Some(bytes) = read(config, name) else {
        let mut missing = Response::new(Body::from("not found\n"));
        *missing.status_mut() = StatusCode::NOT_FOUND;
        return missing;
    };
    let answer = Answer::new(media(name), None, bytes.into_owned());
    let same = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains(&answer.etag));
    let status = if same {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, answer.media)
        .header(CACHE_CONTROL, "no-cache")
        .header(ETAG, answer.etag);
    let body = if same {
        Body::empty()
    } else {
        Body::from(answer.body)
    };
    response.body(body).unwrap_or_default()
}
