//! Errors as RFC 9457 has them: `application/problem+json`.

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use sv0_analyze::question::AskError;
use sv0_analyze::question::what_if::ChangeError;
use sv0_analyze::world::LookupError;

/// Why a request has no answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Problem {
    /// What kind of problem: stable, `/problems/…`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The same in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened, and what to do.
    pub detail: String,
    /// Names that are near an unknown one, or the ids that an ambiguous one may mean.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            near: Vec::new(),
        }
    }

    /// A request that cannot be understood.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/invalid",
            "The request cannot be understood",
            detail,
        )
    }

    /// Something that is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "/problems/not-found", "Not found", detail)
    }

    /// No records of CloudTrail were given.
    pub fn no_evidence() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "/problems/no-evidence",
            "There is no evidence",
            "sv0 was started without CloudTrail (`--trail`): whether anything ever happened is unknown",
        )
    }

    /// No earlier snapshot was given.
    pub fn no_comparison() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "/problems/no-comparison",
            "There is nothing to compare with",
            "start sv0 with `--compare PATH` of an earlier snapshot",
        )
    }

    /// Nobody is signed in.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "/problems/unauthorized",
            "Not signed in",
            detail,
        )
    }

    /// Somebody who may not.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "/problems/forbidden",
            "Not allowed",
            detail,
        )
    }

    /// Too many requests.
    pub fn too_many() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "/problems/too-many",
            "Too many requests",
            "wait a little and ask again",
        )
    }

    /// Still being worked out.
    pub fn not_ready(what: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "/problems/not-ready",
            "Not ready yet",
            format!("{what}: sv0 is still working them out; ask again in a few seconds"),
        )
    }

    /// A method that a path does not have.
    pub fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "/problems/method",
            "No such method here",
            "see /openapi.json",
        )
    }

    /// A body that is too large.
    pub fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "/problems/too-large",
            "Too large",
            "a request may have 4 MiB",
        )
    }

    /// A bug.
    pub fn bug(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "/problems/bug",
            "This is a bug in sv0",
            detail,
        )
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<LookupError> for Problem {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Unknown { name, near } => Self {
                near,
                ..Self::not_found(format!("nothing is called `{name}`"))
            },
            LookupError::Ambiguous { name, mut ids } => {
                let detail = format!("`{name}` may mean {} entities: give the id of one", ids.len());
                ids.truncate(20);
                Self {
                    near: ids,
                    ..Self::new(
                        StatusCode::CONFLICT,
                        "/problems/ambiguous",
                        "Several things are called that",
                        detail,
                    )
                }
            }
        }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Lookup(error) => error.into(),
            AskError::Action { ref help, .. } => Self::invalid(format!("{error}: {help}")),
            _ => Self::invalid(error.to_string()),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Lookup(error) => error.into(),
            ChangeError::Document { file, problems } => Self {
                near: problems,
                ..Self::invalid(format!("{file} is not a policy that can be used"))
            },
            ChangeError::Impossible { why, help } => Self::invalid(format!("{why}: {help}")),
        }
    }
}
