//! What an unsuccessful call means. AWS has a name for each failure, but not the same one in each service.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use sv0_model::coverage::Reason;

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// AWS's error code, where there is one.
    pub(crate) code: String,
    /// For people, one line.
    pub(crate) message: String,
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Asked too fast: wait, and ask more slowly.
    Throttled,
    /// The other side or the way there stumbled: ask again.
    Transient,
    /// The session is over: take the role again.
    Expired,
    /// Refused.
    Denied,
    /// The region is not enabled for the account.
    RegionDisabled,
    /// There is no such host: AWS does not offer the service there.
    NoHost,
    /// Anything else, which asking again does not change.
    Other,
}

impl Failure {
    pub(crate) fn new(kind: Kind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.into(),
            message: message.into(),
        }
    }

    /// The ledger's word for it.
    pub(crate) const fn reason(&self) -> Reason {
        match self.kind {
            Kind::Throttled => Reason::ThrottledOut,
            Kind::Denied => Reason::AccessDenied,
            Kind::RegionDisabled => Reason::RegionDisabled,
            Kind::NoHost => Reason::NotOffered,
            Kind::Transient | Kind::Expired | Kind::Other => Reason::Error,
        }
    }

    /// Whether a later run may well have more luck.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self.kind, Kind::Throttled | Kind::Transient | Kind::Expired)
    }

    /// From what the SDK says.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let code = service.err().code().unwrap_or_default();
                if code.is_empty() && (200..300).contains(&status) {
                    // The call went well, and its answer came damaged. (S3 does answer errors with 200.)
                    let message = format!("the answer cannot be read (HTTP {status}): {}", chain(error));
                    return Self::new(Kind::Transient, "", message);
                }
                // Some protocols put a namespace before the code and a link behind it.
                let code = code.rsplit('#').next().unwrap_or_default();
                let code = code.split(':').next().unwrap_or_default();
                let message = service.err().message().unwrap_or_default();
                let html = service
                    .raw()
                    .headers()
                    .get("content-type")
                    .is_some_and(|kind| kind.starts_with("text/html"));
                classify(code, status, message, html)
            }
            SdkError::ResponseError(response) => {
                let status = response.raw().status().as_u16();
                let kind = if status == 429 {
                    Kind::Throttled
                } else {
                    Kind::Transient
                };
                Self::new(
                    kind,
                    "",
                    format!("the answer cannot be read (HTTP {status}): {}", chain(error)),
                )
            }
            SdkError::TimeoutError(_) => Self::new(Kind::Transient, "", "no answer in time"),
            SdkError::DispatchFailure(_) => {
                let text = chain(error);
                let kind = if is_unknown_name(&text) {
                    Kind::NoHost
                } else {
                    Kind::Transient
                };
                Self::new(kind, "", format!("no connection: {text}"))
            }
            // A mistake of ours, or the guard's refusal.
            _ => Self::new(Kind::Other, "", chain(error)),
        }
    }
}

fn classify(code: &str, status: u16, message: &str, html: bool) -> Failure {
    let kind = match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "Throttled"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "TooManyRequests"
        | "SlowDown"
        | "BandwidthLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "PriorRequestNotComplete"
        | "EC2ThrottledException" => Kind::Throttled,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" | "TokenRefreshRequired" => Kind::Expired,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "UnauthorizedException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "NotAuthorized"
        | "Forbidden"
        | "ForbiddenException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "AuthFailure"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "NotAuthorizedException" => Kind::Denied,
        "OptInRequired" | "RegionDisabledException" | "UnrecognizedClientException" => Kind::RegionDisabled,
        "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "InternalServerException"
        | "InternalServiceException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "ServiceException"
        | "RequestTimeout"
        | "RequestTimeoutException" => Kind::Transient,
        _ if status == 429 => Kind::Throttled,
        _ if status >= 500 => Kind::Transient,
        // A refusal whose body said nothing.
        "" if status == 403 => Kind::Denied,
        _ => Kind::Other,
    };
    let said = match (code, message) {
        ("", "") if html => format!("HTTP {status} with a web page, which is no answer of AWS's API"),
        ("", "") => format!("HTTP {status}"),
        ("", message) => format!("HTTP {status}: {message}"),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    };
    Failure::new(kind, code, one_line(&said))
}

/// Whether the resolver says that there is no such name (`EAI_NONAME` of glibc, musl, macOS, Windows). A resolver that
/// cannot be asked says something else, and knows nothing about the service.
fn is_unknown_name(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    [
        "name or service not known",
        "name does not resolve",
        "nodename nor servname provided",
        "no address associated with hostname",
        "no such host is known",
    ]
    .iter()
    .any(|said| text.contains(said))
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = one_line(&error.to_string());
        // Wrappers repeat what they wrap.
        if !text.is_empty() && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    parts.join(": ")
}

fn one_line(text: &str) -> String {
    const MOST: usize = 500;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_own_words_for_the_same() {
        let kind = |code, status| classify(code, status, "", false).kind;
        for code in [
            "Throttling",
            "RequestLimitExceeded",
            "SlowDown",
            "TooManyRequestsException",
        ] {
            assert_eq!(kind(code, 400), Kind::Throttled, "{code}");
        }
        assert_eq!(kind("", 429), Kind::Throttled);
        assert_eq!(kind("AuthorizationError", 403), Kind::Denied);
        assert_eq!(kind("", 403), Kind::Denied);
        assert_eq!(kind("", 500), Kind::Transient);
        assert_eq!(kind("ExpiredTokenException", 400), Kind::Expired);
        assert_eq!(kind("ValidationException", 400), Kind::Other);
    }

    #[test]
    fn a_resolver_that_is_out_of_order_knows_nothing_about_a_service() {
        let lookup = "dns error: failed to lookup address information: ";
        assert!(is_unknown_name(&format!("{lookup}Name or service not known")));
        assert!(!is_unknown_name(&format!(
            "{lookup}Temporary failure in name resolution"
        )));
        assert!(!is_unknown_name("connection refused"));
    }

    #[test]
    fn a_page_is_not_taken_for_an_absent_thing() {
        let failure = classify("", 404, "", true);
        assert_eq!(failure.kind, Kind::Other);
        assert!(failure.message.contains("web page"), "{}", failure.message);
    }
}
