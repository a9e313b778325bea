//! Who asks: a person with a session, or a program with a token.
//!
//! * [`role`] — what somebody may do;
//! * [`secret`] — random secrets, and how they are compared;
//! * [`token`] — the file of API tokens, which holds their hashes;
//! * [`session`] — people who signed in;
//! * [`link`] — the link that a server on this machine prints;
//! * [`oidc`] — people of an identity provider.

pub mod link;
pub mod oidc;
pub mod role;
pub mod secret;
pub mod session;
pub mod token;

use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use schemars::JsonSchema;
use serde::Serialize;

use self::link::Link;
use self::oidc::Oidc;
pub use self::role::Role;
use self::session::Sessions;
use self::token::Tokens;

/// How somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By the link that was printed.
    Link,
    /// By an API token.
    Token,
    /// By an identity provider.
    Oidc,
}

/// Somebody who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// As the audit log names them.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// How they signed in.
    pub method: Method,
    /// What a browser's changes must carry; none for programs, which have no cookies that others could use.
    pub csrf: Option<String>,
}

/// The name of the session's cookie. A browser takes one that begins with `__Host-` only by TLS, from this host.
pub(crate) const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-sv0" } else { "sv0" }
}

/// All ways of signing in.
#[derive(Debug, Default)]
pub struct Auth {
    /// The link, on this machine only.
    pub link: Option<Mutex<Link>>,
    /// API tokens.
    pub tokens: Tokens,
    /// An identity provider.
    pub oidc: Option<Oidc>,
    /// People who signed in.
    pub sessions: Sessions,
}

impl Auth {
    /// Whether others than people of this machine can sign in.
    #[must_use]
    pub fn has_login(&self) -> bool {
        !self.tokens.is_empty() || self.oidc.is_some()
    }

    /// Who sends these headers.
    pub(crate) fn who(&self, headers: &HeaderMap, secure: bool) -> Option<User> {
        if let Some(value) = headers.get(AUTHORIZATION) {
            let token = value.to_str().ok()?.strip_prefix("Bearer ")?;
            return self.tokens.user(token.trim());
        }
        self.sessions.user(&session_of(headers, secure)?)
    }

    /// Uses the link: the session's secret, and a link for the next browser.
    pub(crate) fn follow_link(&self, secret: &str) -> Option<(String, String)> {
        let link = self.link.as_ref()?;
        let next = link
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .follow(secret)?;
        let user = User {
            name: "local".to_owned(),
            role: Role::Admin,
            method: Method::Link,
            csrf: None,
        };
        Some((self.sessions.begin(user), next))
    }
}

/// The secret of a session, as the cookie has it.
pub(crate) fn session_of(headers: &HeaderMap, secure: bool) -> Option<String> {
    cookie_of(headers, cookie_name(secure))
}

/// A cookie by its name.
pub(crate) fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}
