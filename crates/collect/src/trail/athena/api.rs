//! Athena's API without its SDK crate: three calls of AWS's JSON protocol, signed like any other.
//!
//! Source: Smithy, "AWS JSON 1.1 protocol"; Athena API Reference.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde_json::Value;

use crate::call::Call;
use crate::failure::Failure;
use crate::net;
use crate::trail::{CALLS, Line};

const TYPE: &str = "application/x-amz-json-1.1";

/// A client.
pub(super) struct Api {
    line: Line,
    connector: Connector,
    region: String,
    endpoint: String,
}

/// What Athena said instead of an answer.
#[derive(Debug)]
pub(super) struct Refusal(ErrorMetadata);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Refusal {}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.0
    }
}

type Refused = SdkError<Refusal, HttpResponse>;

impl Api {
    pub(super) fn new(line: &Line) -> Self {
        let config = line.config(None);
        let region = config.region().map_or("us-east-1", |region| region.as_ref());
        let domain = match line.0.start.partition.as_str() {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        let endpoint = config.endpoint_url().map_or_else(
            || format!("https://athena.{region}.{domain}/"),
            |url| format!("{}/", url.trim_end_matches('/')),
        );
        Self {
            line: line.clone(),
            connector: net::connector(),
            region: region.to_owned(),
            endpoint,
        }
    }

    /// One call: JSON in, JSON out.
    pub(super) async fn call(&self, call: &'static Call, input: &Value) -> Result<Value, Failure> {
        // The SDK clients' guard, by hand.
        let declared =
            |(client, listed): &(&str, &Call)| (*client, listed.operation) == ("Athena", call.operation);
        if !CALLS.iter().any(declared) {
            let why = format!("{} is not among the calls that sv0 declares", call.operation);
            return Err(Failure::new(crate::failure::Kind::Other, "", why));
        }
        let body = input.to_string();
        self.line
            .send((&self.region, "athena"), call, || {
                self.once(call.operation, &body)
            })
            .await
    }

    async fn once(&self, operation: &str, body: &str) -> Result<Value, Refused> {
        let request = self.request(operation, body).await?;
        let mut response = self
            .connector
            .call(request)
            .await
            .map_err(SdkError::dispatch_failure)?;
        let content = ByteStream::new(response.take_body())
            .collect()
            .await
            .map_err(|error| SdkError::dispatch_failure(ConnectorError::io(error.into())))?
            .to_vec();
        let value: Option<Value> = serde_json::from_slice(&content).ok();
        // Whoever looks at a failure looks at the text, too.
        *response.body_mut() = SdkBody::from(content);
        match value {
            Some(value) if response.status().is_success() => Ok(value),
            Some(value) => Err(SdkError::service_error(refusal(&value), response)),
            None => Err(SdkError::response_error("the answer is no JSON", response)),
        }
    }

    async fn request(&self, operation: &str, body: &str) -> Result<HttpRequest, Refused> {
        let credentials = self
            .line
            .0
            .start
            .session
            .provide_credentials()
            .await
            .map_err(SdkError::construction_failure)?;
        let identity = Identity::from(credentials);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("athena")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(SdkError::construction_failure)?
            .into();
        let target = format!("AmazonAthena.{operation}");
        let headers = [("content-type", TYPE), ("x-amz-target", target.as_str())];
        let signable = SignableRequest::new(
            "POST",
            &self.endpoint,
            headers.into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        )
        .map_err(SdkError::construction_failure)?;
        let (signature, _) = sign(signable, &parameters)
            .map_err(SdkError::construction_failure)?
            .into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request
            .set_method("POST")
            .and_then(|()| request.set_uri(self.endpoint.as_str()))
            .map_err(SdkError::construction_failure)?;
        for (name, value) in headers.into_iter().chain(signature.headers()) {
            request
                .headers_mut()
                .try_insert(name.to_owned(), value.to_owned())
                .map_err(SdkError::construction_failure)?;
        }
        Ok(request)
    }
}

/// `{"__type": "com.amazonaws.athena#InvalidRequestException", "message": "…"}`.
fn refusal(value: &Value) -> Refusal {
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| value.get(name)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let kind = text(&["__type", "code"]);
    // A namespace before it, and sometimes a URL behind.
    let code = kind.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    Refusal(
        ErrorMetadata::builder()
            .code(code)
            .message(text(&["message", "Message"]))
            .build(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_its_code_without_the_namespace() {
        let refusal = refusal(&serde_json::json!({
            "__type": "com.amazonaws.athena#TooManyRequestsException",
            "Message": "slowly",
        }));
        assert_eq!(refusal.code(), Some("TooManyRequestsException"));
        assert_eq!(refusal.message(), Some("slowly"));
    }
}
