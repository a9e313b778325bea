//! Signing in and out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use http::header::{CONTENT_TYPE, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::http::{Shared, cookie, from, from_here, session};
use crate::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    token: String,
}

/// Bytes of a sign-in at most.
const MOST: usize = 4_096;

pub(crate) fn routes() -> MethodRouter<Arc<Shared>> {
    post(begin).delete(end)
}

/// A browser signs in with an API token.
async fn begin(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let address = from(&request);
    if !from_here(&shared, request.headers()) {
        return Problem::forbidden("another site cannot sign you in").into_response();
    }
    let is_json = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return Problem::invalid("send JSON").into_response();
    }
    let Ok(body) = axum::body::to_bytes(request.into_body(), MOST).await else {
        return Problem::too_large().into_response();
    };
    let Ok(given) = serde_json::from_slice::<Given>(&body) else {
        return Problem::invalid("send {\"token\": …}").into_response();
    };
    let Some(user) = shared.app.auth.tokens.user(&given.token) else {
        shared.app.metrics.refused();
        if !shared.limits.may_try(address) {
            return Problem::too_many().into_response();
        }
        return Problem::unauthorized("this token is not known, or no longer holds").into_response();
    };
    let secret = shared.app.auth.sessions.begin(user);
    with_cookie(
        StatusCode::NO_CONTENT,
        &cookie(&secret, shared.app.config.is_secure()),
    )
}

/// Signs out.
async fn end(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if !from_here(&shared, &headers) {
        return Problem::forbidden("another site cannot sign you out").into_response();
    }
    if let Some(secret) = session(&shared, &headers) {
        shared.app.auth.sessions.end(&secret);
    }
    let gone = cookie("", shared.app.config.is_secure()) + "; Max-Age=0";
    with_cookie(StatusCode::NO_CONTENT, &gone)
}

fn with_cookie(status: StatusCode, cookie: &str) -> Response {
    let mut response = status.into_response();
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
    response
}

/// To the identity provider.
pub(crate) async fn to_provider(State(_shared): State<Arc<Shared>>) -> Response {
    Problem::not_found("sv0 was started without an identity provider (`--oidc-issuer`)").into_response()
}

/// And back.
pub(crate) async fn from_provider(State(_shared): State<Arc<Shared>>) -> Response {
    Problem::not_found("sv0 was started without an identity provider (`--oidc-issuer`)").into_response()
}
