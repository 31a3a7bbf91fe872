//! The record of one request: one JSON line that says who did what, and what came of it. It carries no key, no body, no
//! query and no header.

use std::borrow::Cow;

use http::{Method, StatusCode};
use serde::Serialize;
use tokio::time::Instant;
use tollgate::clock::Timestamp;
use tollgate::limit::Subject;
use tollgate::record::{bounded, rfc3339};

use crate::error::ApiError;
use crate::router::Notes;

/// What is known of a request so far.
#[derive(Debug)]
pub(crate) struct Record {
    time: Timestamp,
    started: Instant,
    cold_start: bool,
    /// The request's id, as in `X-Request-Id`.
    pub(crate) id: String,
    /// The ARN of the principal that IAM named, and that may call.
    pub(crate) principal: Option<String>,
    /// The request method.
    pub(crate) method: Option<Method>,
    /// What the request is about, as far as that is known.
    pub(crate) notes: Notes,
    /// What it ended in, if not well.
    pub(crate) error: Option<ApiError>,
}

impl Record {
    /// Opens the record of a request that came at `time`. `cold_start`: it is the environment's first.
    pub(crate) fn start(time: Timestamp, cold_start: bool, id: String) -> Self {
        Self {
            time,
            started: Instant::now(),
            cold_start,
            id,
            principal: None,
            method: None,
            notes: Notes::default(),
            error: None,
        }
    }

    /// Whole milliseconds since the start, rounded down.
    pub(crate) fn elapsed_ms(&self) -> u128 {
        self.started.elapsed().as_millis()
    }

    /// The line, without a line end. `status` and `bytes` are those of the answer.
    pub(crate) fn finish(&self, status: StatusCode, bytes: usize) -> String {
        let about = self.notes.about();
        let line = Line {
            time: rfc3339(self.time),
            id: bounded(&self.id, 128),
            principal: self.principal.as_deref().map(|arn| bounded(arn, 2048)),
            method: self.method.as_ref().map(|method| bounded(method.as_str(), 32)),
            route: about.route.as_deref(),
            key_id: about.key_id.as_deref(),
            plan: about.plan.as_deref(),
            subject: about.subject.as_ref().map(Subject::as_str),
            status: status.as_u16(),
            error: self.error.as_ref().map(ApiError::code),
            detail: self
                .error
                .as_ref()
                .and_then(ApiError::detail)
                .map(|why| bounded(why, 1024)),
            bytes,
            latency: self.started.elapsed().as_micros() as f64 / 1000.0,
            cold_start: self.cold_start,
        };
        // Strings and numbers: writing them to memory has no way to fail.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

/// The line's members, in order.
#[derive(Serialize)]
struct Line<'r> {
    time: String,
    id: Cow<'r, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'r str>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'r, str>>,
    bytes: usize,
    /// Milliseconds.
    latency: f64,
    cold_start: bool,
}
