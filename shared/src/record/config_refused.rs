//! The line that tells of a config that was to take another's place and does not.

use serde::Serialize;

use super::bounds::bounded;
use super::metrics::{Metric, NAMESPACE};
use super::time::rfc3339;
use crate::clock::Timestamp;

/// The longest text about it: every mistake of a large config would fill a log.
const MAX_WHY: usize = 8_192;

/// The metric `config_refused`, without a dimension: one for each time that it is read.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: &'static str,
    message: &'static str,
    config: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    why: &'a str,
    config_refused: u8,
    #[serde(rename = "_aws")]
    aws: Metadata,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: u64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [[&'static str; 0]; 1],
    metrics: [Metric; 1],
}

/// The log line, without its newline. `why`: what keeps it from being served.
pub(crate) fn config_refused(now: Timestamp, config: &str, version: Option<&str>, why: &str) -> String {
    let line = Line {
        time: rfc3339(now),
        level: "error",
        message: "the config is not served; the one before it still is",
        config: &bounded(config, 1_024),
        version,
        why: &bounded(why, MAX_WHY),
        config_refused: 1,
        aws: Metadata {
            timestamp: now.micros() / 1000,
            cloud_watch_metrics: [Directive {
                namespace: NAMESPACE,
                dimensions: [[]],
                metrics: [Metric::new("config_refused", "Count")],
            }],
        },
    };
    // Texts and numbers: writing them to memory has no way to fail.
    serde_json::to_string(&line).unwrap_or_default()
}
