//! The member of a log line that makes CloudWatch take metrics out of it.
//!
//! Source: "Specification: Embedded metric format", Amazon CloudWatch User Guide. What it names must be members of
//! the line itself: a dimension's is a string, a metric's a number.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::clock::Timestamp;

/// The namespace of every metric.
pub(super) const NAMESPACE: &str = "Tollgate";

/// The metrics, by route: requests, milliseconds, errors by whose fault they are, requests over a limit, first
/// requests of an environment. Zeros are reported too, so that the average of one is its share of the requests.
pub(super) const METRICS: [Metric; 7] = [
    Metric::new("count", "Count"),
    Metric::new("latency", "Milliseconds"),
    Metric::new("client_errors", "Count"),
    Metric::new("gateway_errors", "Count"),
    Metric::new("upstream_errors", "Count"),
    Metric::new("limited", "Count"),
    Metric::new("cold_start", "Count"),
];

/// `_aws`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metadata {
    /// Milliseconds since the Unix epoch.
    timestamp: u64,
    cloud_watch_metrics: &'static RawValue,
}

/// The same in every line, so it is written once.
static DIRECTIVES: LazyLock<Box<RawValue>> = LazyLock::new(|| {
    let directive = Directive {
        namespace: NAMESPACE,
        dimensions: [["route"]],
        metrics: METRICS,
    };
    // Strings and lists: writing them to memory has no way to fail.
    to_raw_value(&[directive]).unwrap_or_default()
});

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [[&'static str; 1]; 1],
    metrics: [Metric; 7],
}

/// One metric: the name of the line's member that is its value.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
}

impl Metric {
    pub(super) const fn new(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit }
    }
}

impl Metadata {
    /// For values of this time.
    pub(super) fn at(time: Timestamp) -> Self {
        Self {
            timestamp: time.micros() / 1000,
            cloud_watch_metrics: &DIRECTIVES,
        }
    }
}
