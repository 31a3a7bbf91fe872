//! How the parts of an aggregate ended, for the log.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

use super::bounds::bounded;
use super::milliseconds;

/// How one part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartOutcome {
    /// Its name.
    pub name: Arc<str>,
    /// The name of its upstream.
    pub upstream: Arc<str>,
    /// What that answered, if it did.
    pub status: Option<StatusCode>,
    /// The code of the error it ended with; `unfinished` for one that nothing was left to wait for.
    pub error: Option<&'static str>,
    /// More of it: may name hosts.
    pub detail: Option<String>,
    /// From the start of its call to its end; `None` for one that did not end.
    pub elapsed: Option<Duration>,
}

/// A part as the line has it.
#[derive(Serialize)]
pub(super) struct Told<'r> {
    name: Cow<'r, str>,
    upstream: Cow<'r, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<f64>,
}

pub(super) fn told(parts: &[PartOutcome]) -> Vec<Told<'_>> {
    let told = parts.iter().map(|part| Told {
        name: bounded(&part.name, 64),
        upstream: bounded(&part.upstream, 256),
        status: part.status.map(|status| status.as_u16()),
        error: part.error,
        detail: part.detail.as_deref().map(|detail| bounded(detail, 256)),
        ms: part.elapsed.map(milliseconds),
    });
    told.collect()
}
