//! Traces and logs by OpenTelemetry's protocol, where the environment names a collector ("OpenTelemetry Protocol Exporter",
//! `OTEL_EXPORTER_OTLP_ENDPOINT` and its relatives). Numbers are Prometheus' business, at `/metrics`.

use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

/// What says that there is a collector.
const VARIABLES: [&str; 3] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
];
/// A collector that does not answer holds nothing up for longer.
const LONGEST: Duration = Duration::from_secs(10);

/// What is sent, until it is dropped: then the rest goes out.
pub(crate) struct Otlp {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces and logs cannot be sent to the collector that {variable} names: {why}")]
pub(crate) struct OtlpError {
    variable: &'static str,
    why: String,
}

impl Otlp {
    /// Nothing where the environment names no collector.
    pub(crate) fn new() -> Result<Option<Self>, OtlpError> {
        let is_set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let Some(variable) = VARIABLES.iter().find(is_set) else {
            return Ok(None);
        };
        let wrong = |why: String| OtlpError { variable, why };
        sv0_server::choose_cryptography();
        let client = reqwest::blocking::Client::builder()
            .timeout(LONGEST)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let spans = SpanExporter::builder()
            .with_http()
            .with_http_client(client.clone())
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let logs = LogExporter::builder()
            .with_http()
            .with_http_client(client)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word.
        let resource = Resource::builder_empty()
            .with_service_name("sv0")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .with_detector(Box::new(opentelemetry_sdk::resource::TelemetryResourceDetector))
            .with_detector(Box::new(opentelemetry_sdk::resource::EnvResourceDetector::new()))
            .build();
        let resource = match std::env::var("OTEL_SERVICE_NAME") {
            Ok(name) if !name.is_empty() => Resource::builder_empty()
                .with_attributes(
                    resource
                        .iter()
                        .map(|(key, value)| opentelemetry::KeyValue::new(key.clone(), value.clone())),
                )
                .with_service_name(name)
                .build(),
            _ => resource,
        };
        Ok(Some(Self {
            traces: SdkTracerProvider::builder()
                .with_resource(resource.clone())
                .with_batch_exporter(spans)
                .build(),
            logs: SdkLoggerProvider::builder()
                .with_resource(resource)
                .with_batch_exporter(logs)
                .build(),
        }))
    }

    /// What sends what the program tells: our own words only, as on stderr.
    pub(crate) fn layers<S>(&self, ours: &Targets) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let spans = tracing_opentelemetry::layer().with_tracer(self.traces.tracer("sv0"));
        let logs = OpenTelemetryTracingBridge::new(&self.logs);
        spans.and_then(logs).with_filter(ours.clone()).boxed()
    }
}

impl Drop for Otlp {
    fn drop(&mut self) {
        for ended in [
            self.traces.shutdown_with_timeout(LONGEST),
            self.logs.shutdown_with_timeout(LONGEST),
        ] {
            if let Err(error) = ended {
                tracing::warn!(%error, "the last traces or logs did not reach the collector");
            }
        }
    }
}
