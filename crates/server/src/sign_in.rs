//! Signing in and out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::auth::cookie_of;
use crate::auth::oidc::Refusal;
use crate::http::{Shared, cookie, from, from_here, redirect, session};
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
    let cookie = cookie(&secret, shared.app.config.is_secure());
    with_cookies(StatusCode::NO_CONTENT.into_response(), &[cookie])
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
    with_cookies(StatusCode::NO_CONTENT.into_response(), &[gone])
}

fn with_cookies(mut response: Response, cookies: &[String]) -> Response {
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}

/// How people can sign in; it is asked before they have.
#[derive(Serialize)]
struct Methods {
    /// By the link that was printed.
    link: bool,
    /// By an API token.
    token: bool,
    /// By an identity provider.
    oidc: bool,
}

pub(crate) async fn methods(State(shared): State<Arc<Shared>>) -> Response {
    let auth = &shared.app.auth;
    let methods = Methods {
        link: auth.link.is_some(),
        token: !auth.tokens.is_empty(),
        oidc: auth.oidc.is_some(),
    };
    let headers = [(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, "application/json")];
    (headers, serde_json::to_vec(&methods).unwrap_or_default()).into_response()
}

/// Where a browser wants to be once it is signed in.
#[derive(Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

/// To the identity provider.
pub(crate) async fn to_provider(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(oidc) = &shared.app.auth.oidc else {
        return without_provider();
    };
    let query = request.uri().query().unwrap_or_default();
    let wanted: Wanted = serde_urlencoded::from_str(query).unwrap_or_default();
    match oidc.begin(&callback(&shared), &wanted.next) {
        Ok((url, browser)) => with_cookies(redirect(&url), &[begun(&shared, &browser, MINUTES_10)]),
        Err(refusal) => back(&shared, refusal),
    }
}

/// And back.
pub(crate) async fn from_provider(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(oidc) = &shared.app.auth.oidc else {
        return without_provider();
    };
    let address = from(&request);
    let secure = shared.app.config.is_secure();
    let browser = cookie_of(request.headers(), begun_name(secure)).unwrap_or_default();
    let query = request.uri().query().unwrap_or_default();
    let Ok(returned) = serde_urlencoded::from_str(query) else {
        return back(&shared, Refusal::Expired);
    };
    match oidc.finish(&callback(&shared), &browser, &returned).await {
        Ok((user, next)) => {
            let session = shared.app.auth.sessions.begin(user);
            let cookies = [cookie(&session, secure), begun(&shared, "", 0)];
            with_cookies(redirect(&next), &cookies)
        }
        Err(refusal) => {
            shared.app.metrics.refused();
            if !shared.limits.may_try(address) {
                return Problem::too_many().into_response();
            }
            back(&shared, refusal)
        }
    }
}

/// Seconds for which a browser keeps what it began.
const MINUTES_10: u32 = 600;

const fn begun_name(secure: bool) -> &'static str {
    if secure { "__Host-sv0-login" } else { "sv0-login" }
}

/// The cookie of a sign-in that was begun. The provider sends the browser back from another site: it is `Lax`.
fn begun(shared: &Shared, browser: &str, seconds: u32) -> String {
    let secure = shared.app.config.is_secure();
    let name = begun_name(secure);
    let secure = if secure { "; Secure" } else { "" };
    format!("{name}={browser}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// The address to which the provider sends browsers back; the provider must know it.
fn callback(shared: &Shared) -> String {
    format!("{}/login/oidc/callback", shared.app.config.url(shared.bound))
}

fn back(shared: &Shared, refusal: Refusal) -> Response {
    let page = redirect(&format!("/login?error={}", refusal.code()));
    with_cookies(page, &[begun(shared, "", 0)])
}

fn without_provider() -> Response {
    Problem::not_found("sv0 was started without an identity provider (`--oidc-issuer`)").into_response()
}
