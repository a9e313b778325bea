//! Numbers for Prometheus, at `/metrics`.

use std::fmt::Write as _;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use sv0_model::finding::Severity;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    operation: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    operation: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSeverity {
    severity: String,
}

/// From half a millisecond to a quarter of a minute.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_5, 2.0, 16))
}

/// The numbers.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Family<Operation, Histogram>,
    kept: Counter,
    refused: Counter,
    findings: Family<OfSeverity, Gauge>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("sv0");
        let requests = Family::default();
        let seconds = Family::new_with_constructor(histogram as fn() -> Histogram);
        let (kept, refused) = (Counter::default(), Counter::default());
        let findings = Family::default();
        registry.register(
            "http_requests",
            "Requests by operation and status",
            Family::clone(&requests),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time to an answer",
            Unit::Seconds,
            Family::clone(&seconds),
        );
        registry.register(
            "answers_kept",
            "Answers that were there already",
            Counter::clone(&kept),
        );
        registry.register(
            "sign_in_refused",
            "Requests without, or with a wrong, sign-in",
            Counter::clone(&refused),
        );
        registry.register(
            "findings",
            "Findings by severity, suppressed ones included",
            Family::clone(&findings),
        );
        Self {
            registry,
            requests,
            seconds,
            kept,
            refused,
            findings,
        }
    }

    pub(crate) fn answered(&self, operation: &str, status: u16, took: Duration) {
        let operation = operation.to_owned();
        self.seconds
            .get_or_create(&Operation {
                operation: operation.clone(),
            })
            .observe(took.as_secs_f64());
        self.requests.get_or_create(&Request { operation, status }).inc();
    }

    pub(crate) fn kept(&self) {
        self.kept.inc();
    }

    pub(crate) fn refused(&self) {
        self.refused.inc();
    }

    pub(crate) fn set_findings(&self, severities: impl Iterator<Item = Severity>) {
        for severity in Severity::ALL {
            self.findings
                .get_or_create(&OfSeverity {
                    severity: severity.to_string(),
                })
                .set(0);
        }
        for severity in severities {
            self.findings
                .get_or_create(&OfSeverity {
                    severity: severity.to_string(),
                })
                .inc();
        }
    }

    /// In Prometheus' text format.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        if encode(&mut out, &self.registry).is_err() {
            let _ = writeln!(out, "# EOF");
        }
        out
    }
}
