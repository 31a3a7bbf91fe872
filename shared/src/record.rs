//! The record of one request: one JSON line for the log, with the metrics that CloudWatch takes out of it.
//!
//! A line carries no credential, no query string, no header and no client address: who was counted is a hash.

mod bounds;
mod config_refused;
mod metrics;
mod parts;
mod stages;
#[cfg(test)]
mod tests;
mod time;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;
use tokio::time::Instant;

use crate::cache::CacheOutcome;
use crate::clock::Timestamp;
use crate::error::{Fault, GatewayError};
use crate::upstream::Trail;
pub use bounds::bounded;
use bounds::dimension;
pub(crate) use config_refused::config_refused;
use metrics::Metadata;
pub use parts::PartOutcome;
use parts::{Told, told};
use stages::Stages;
pub use time::rfc3339;

/// What a limit said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitOutcome {
    /// The rule's name: `default`, an override's path, or a route's id.
    pub rule: Arc<str>,
    /// Whether the request could go on.
    pub allowed: bool,
    /// How many more would be let through now, where the store said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// Whether it only tells what it would do.
    #[serde(skip_serializing_if = "is_false")]
    pub shadow: bool,
    /// Why the store did not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncounted: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(fact: &bool) -> bool {
    !fact
}

/// What is known of a request so far. The gateway opens it first, fills it as the request goes, and writes it last,
/// whatever the outcome.
#[derive(Debug)]
pub struct Record {
    time: Timestamp,
    started: Instant,
    cold_start: bool,
    stages: Stages,
    error: Option<GatewayError>,
    fell_back: bool,
    /// The request's id, as in `X-Request-Id`.
    pub id: String,
    /// The request method.
    pub method: Option<Method>,
    /// The canonical path, decoded: `CanonicalPath::as_str`. It never holds the query.
    pub path: Option<String>,
    /// The id of the route that took the request.
    pub route: Option<Arc<str>>,
    /// The names of the methods that proved the caller; `None` where none has a name.
    pub auth: Option<String>,
    /// Whom a limit counted: a hash, `Subject::as_str`.
    pub subject: Option<String>,
    /// What the limit said; with several, what the last one said, or the first that refused.
    pub limit: Option<LimitOutcome>,
    /// What the cache did for it, where the route has one.
    pub cache: Option<CacheOutcome>,
    /// The name of the upstream that was called.
    pub upstream: Option<Arc<str>>,
    /// Where requests are split, the name of the upstream that this one goes to.
    pub variant: Option<Arc<str>>,
    /// How it was called.
    pub trail: Trail,
    /// What it answered.
    pub upstream_status: Option<StatusCode>,
    /// How each part of an aggregate ended, in declared order.
    pub parts: Vec<PartOutcome>,
    /// The trace id of `traceparent` (W3C Trace Context): 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

impl Record {
    /// Opens the record of a request that came at `time`. `cold_start`: it is the environment's first.
    pub fn start(time: Timestamp, cold_start: bool) -> Self {
        Self {
            time,
            started: Instant::now(),
            cold_start,
            stages: Stages::default(),
            error: None,
            fell_back: false,
            id: String::new(),
            method: None,
            path: None,
            route: None,
            auth: None,
            subject: None,
            limit: None,
            cache: None,
            upstream: None,
            variant: None,
            trail: Trail::default(),
            upstream_status: None,
            parts: Vec::new(),
            trace_id: None,
        }
    }

    /// Ends the stage that is running, if any, and begins this one. A stage that comes again goes on counting.
    pub fn stage(&mut self, name: &'static str) {
        self.stages.enter(name);
    }

    /// Notes the error that the gateway answers with.
    pub fn fail(&mut self, error: &GatewayError) {
        self.error = Some(error.clone());
    }

    /// Notes the upstream's error that a `fallback` is answered for: it is nobody's business but the log's.
    pub fn fall_back(&mut self, error: &GatewayError) {
        self.fail(error);
        self.fell_back = true;
    }

    /// Whole milliseconds since the start, rounded down: the number of `X-Response-Time`.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The line, without a line end. `status` and `bytes` are those of the answer; `bytes` counts its decoded body.
    pub fn finish(&self, status: StatusCode, bytes: usize) -> String {
        let fault = self.fault(status);
        let detail = self.error.as_ref().and_then(GatewayError::detail);
        let count_if = |fact: bool| u8::from(fact);
        let line = Line {
            time: time::rfc3339(self.time),
            id: bounded(&self.id, 128),
            method: self.method.as_ref().map(|method| bounded(method.as_str(), 32)),
            path: self.path.as_deref().map(|path| bounded(path, 512)),
            route: dimension(self.route.as_deref()),
            status: status.as_u16(),
            fault,
            error: self.error.as_ref().map(GatewayError::code),
            detail: detail.as_deref().map(|detail| bounded(detail, 1024)),
            config: self
                .error
                .as_ref()
                .and_then(GatewayError::at)
                .map(|at| bounded(at.as_str(), 256)),
            auth: self.auth.as_deref().map(|auth| bounded(auth, 128)),
            subject: self.subject.as_deref().map(|subject| bounded(subject, 128)),
            limit: self.limit.as_ref(),
            cache: self.cache,
            upstream: self.upstream.as_deref().map(|upstream| bounded(upstream, 256)),
            variant: self.variant.as_deref().map(|variant| bounded(variant, 256)),
            target: self.trail.target.as_deref().map(|target| bounded(target, 256)),
            attempts: Some(self.trail.attempts).filter(|attempts| *attempts > 1),
            fallback: self.fell_back,
            upstream_status: self.upstream_status.map(|status| status.as_u16()),
            parts: told(&self.parts),
            bytes,
            trace_id: self.trace_id.as_deref().map(|id| bounded(id, 64)),
            stages_us: &self.stages,
            latency: milliseconds(self.started.elapsed()),
            count: 1,
            client_errors: count_if(fault == Some(Fault::Client)),
            gateway_errors: count_if(fault == Some(Fault::Gateway)),
            upstream_errors: count_if(fault == Some(Fault::Upstream)),
            limited: count_if(matches!(self.error, Some(GatewayError::RateLimited { .. }))),
            cold_start: count_if(self.cold_start),
            aws: Metadata::at(self.time),
        };
        // Room for a usual line, which would else be moved four times while it grows.
        let mut text = Vec::with_capacity(1280);
        // Strings, numbers, and maps keyed by strings: serializing them to memory has no way to fail.
        let written = serde_json::to_writer(&mut text, &line);
        written.map_or_else(|_| String::new(), |()| String::from_utf8(text).unwrap_or_default())
    }

    /// Whose fault the answer is: the gateway error's, else by the status that an upstream or the config gave.
    fn fault(&self, status: StatusCode) -> Option<Fault> {
        match &self.error {
            Some(error) => Some(error.fault()),
            None if status.is_client_error() => Some(Fault::Client),
            None if !status.is_server_error() => None,
            // What is kept is what an upstream said.
            None if self.upstream_status.is_some() || self.cache.is_some() || !self.parts.is_empty() => {
                Some(Fault::Upstream)
            }
            None => Some(Fault::Gateway),
        }
    }
}

/// The line's members, in order. `route` and those from `latency` on are what [`Metadata`] points at.
#[derive(Serialize)]
struct Line<'r> {
    time: String,
    id: Cow<'r, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'r, str>>,
    route: Cow<'r, str>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'r LimitOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<CacheOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "is_false")]
    fallback: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_status: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Told<'r>>,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<Cow<'r, str>>,
    stages_us: &'r Stages,
    latency: f64,
    count: u8,
    client_errors: u8,
    gateway_errors: u8,
    upstream_errors: u8,
    limited: u8,
    cold_start: u8,
    #[serde(rename = "_aws")]
    aws: Metadata,
}

/// Milliseconds with whole microseconds behind the point.
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
