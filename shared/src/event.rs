//! Lambda events in and out; nothing else sees one.
//!
//! Read and written here, on `lambda_runtime` alone, because `lambda_http` loses repeated headers and panics on
//! malformed hosts and queries before a handler runs.
//!
//! Each front door has its own shape but two: HTTP APIs and Function URLs share `payload_v2`. What is common to all is
//! in `proxy`.

mod alb;
mod answer;
pub mod authorizer;
mod client;
mod headers;
mod host;
mod json;
mod payload_v2;
mod platform;
mod proxy;
mod query;
mod rest;
mod shape;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use http::HeaderMap;
use ipnet::IpNet;

use crate::error::GatewayError;
use crate::request::{PlatformFacts, Request};
use shape::Proxy;

pub use answer::{AnswerForm, write};

/// Which front door an event comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// API Gateway HTTP API, payload 2.0: `rawPath` comes decoded.
    Http,
    /// Lambda Function URL: the same shape, `rawPath` still encoded.
    Url,
    /// API Gateway REST API: `path` still encoded, query parameters decoded.
    Rest,
    /// Application Load Balancer: path and query parameters still encoded.
    Alb,
}

impl EventKind {
    /// Its word in `GATEWAY_EVENT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Url => "url",
            Self::Rest => "rest",
            Self::Alb => "alb",
        }
    }
}

impl FromStr for EventKind {
    type Err = String;

    /// Reads `GATEWAY_EVENT`. The error is ready to be shown.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "http" => Ok(Self::Http),
            "url" => Ok(Self::Url),
            "rest" => Ok(Self::Rest),
            "alb" => Ok(Self::Alb),
            other => Err(format!(
                "GATEWAY_EVENT: \"{other}\" is no kind of event; it is http, rest, alb or url"
            )),
        }
    }
}

/// An event with a proxy shape, however broken inside: it can be answered.
#[derive(Debug)]
pub struct Event {
    kind: EventKind,
    form: AnswerForm,
    headers: HeaderMap,
    /// All of the request but its headers and what trusted proxies say, or the sentence for a 400.
    request: Result<Request, String>,
}

/// An event that is no HTTP request (a queue message, a schedule...). It must fail as a Lambda error, so that
/// its source does not take it for handled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this function answers HTTP requests, but was sent {kind}")]
pub struct NotHttp {
    /// What it is as far as can be told, with its article: `an SQS event`, `a scheduled event`.
    pub kind: String,
}

impl Event {
    /// Reads the envelope. `fixed` comes from `GATEWAY_EVENT`; unset, the shape tells the kind. An event that is plainly
    /// of another kind than is fixed becomes a 400 in its own shape.
    ///
    /// # Errors
    /// An event that is no HTTP request. One with `version: "2.0"`, `requestContext.http`, `requestContext.elb`, or
    /// `httpMethod` beside `path` or `requestContext` is one, however broken inside; but not one of an authorizer, of
    /// payload format 1.0 or of a WebSocket API.
    pub fn read(payload: &str, fixed: Option<EventKind>) -> Result<Self, NotHttp> {
        let proxy = shape::read(payload).map_err(|kind| NotHttp { kind: kind.to_owned() })?;
        let (kind, misfit) = settle(&proxy, fixed);
        let (headers, request) = proxy::read(&proxy, kind);
        Ok(Self {
            kind,
            form: AnswerForm::of(kind, proxy.envelope.get("multiValueHeaders").is_some()),
            headers,
            request: misfit.map_or(request, Err),
        })
    }

    /// The front door it came through.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// What its answer must look like.
    pub fn form(&self) -> AnswerForm {
        self.form
    }

    /// The request headers that are well-formed; enough to answer even a broken event in the right shape.
    /// `host` and `content-length` are not among them: the upstream's own are set later.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether the client spoke TLS to the front door, as far as the headers tell.
    pub fn https(&self) -> bool {
        headers::https(&self.headers)
    }

    /// The canonical request.
    ///
    /// # Errors
    /// `BadRequest`, which names the member of the event that is wrong.
    pub fn request(self, trusted_proxies: &[IpNet]) -> Result<Request, GatewayError> {
        complete(self.request, self.headers, trusted_proxies)
    }
}

/// What the front door says of the caller, also where the request in the event is broken: whoever must not be served
/// need not hear what is wrong with it.
///
/// # Errors
/// An event that is no HTTP request.
pub fn platform_facts(payload: &str) -> Result<PlatformFacts, NotHttp> {
    let proxy = shape::read(payload).map_err(|kind| NotHttp { kind: kind.to_owned() })?;
    let Ok(context) = &proxy.context else {
        return Ok(PlatformFacts::none(proxy.kind));
    };
    Ok(match proxy.kind {
        EventKind::Http | EventKind::Url => platform::of_payload_v2(context, proxy.kind),
        EventKind::Rest => {
            let identity = context.object("identity", "requestContext.identity.");
            platform::of_rest(context, &identity.unwrap_or_default())
        }
        EventKind::Alb => PlatformFacts::none(EventKind::Alb),
    })
}

/// What was read of a request, with its headers and the address that those let trusted proxies vouch for.
fn complete(
    request: Result<Request, String>,
    headers: HeaderMap,
    trusted_proxies: &[IpNet],
) -> Result<Request, GatewayError> {
    let mut request = request.map_err(|why| GatewayError::BadRequest { why })?;
    request.client_ip = client::address(request.client_ip, &headers, trusted_proxies);
    request.headers = headers;
    Ok(request)
}

/// The kind to read the event as, and the sentence for a 400 where its shape is not the one that `GATEWAY_EVENT` fixes.
///
/// HTTP APIs and Function URLs share their shape. What has no context that could tell, or a broken one, may come from a
/// load balancer where that is fixed: so whoever sent it has a chance to understand the answer.
fn settle(proxy: &Proxy<'_>, fixed: Option<EventKind>) -> (EventKind, Option<String>) {
    let told = proxy.kind;
    let has_context = proxy.context.as_ref().is_ok_and(|context| context.len() > 0);
    let fits = |fixed: EventKind| match fixed {
        EventKind::Http | EventKind::Url => matches!(told, EventKind::Http | EventKind::Url),
        EventKind::Rest => told == EventKind::Rest,
        EventKind::Alb => told == EventKind::Alb || told == EventKind::Rest && !has_context,
    };
    match fixed {
        None => (told, None),
        Some(fixed) if fits(fixed) => (fixed, None),
        Some(fixed) => {
            let (told_name, fixed_name) = (told.name(), fixed.name());
            let why = format!("The event is of kind `{told_name}`; this gateway takes `{fixed_name}` (GATEWAY_EVENT).");
            (told, Some(why))
        }
    }
}
