//! An HTTP request as the Lambda event that the front door makes of it: what all kinds share.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tollgate::clock::Timestamp;

use crate::dev::door::Door;
use crate::dev::random;

mod alb;
mod payload_v2;
pub(crate) mod rest;

/// The region that everything local says it is in.
pub(crate) const REGION: &str = "us-east-1";
/// The account that everything local says it belongs to.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The id of the front door.
const API_ID: &str = "localgate0";

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// A request with all that an event says about it.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) parts: &'a Parts,
    /// The one `Host`.
    pub(crate) host: &'a str,
    pub(crate) body: &'a Bytes,
    pub(crate) client: SocketAddr,
    /// The port of the front door.
    pub(crate) port: u16,
    pub(crate) now: Timestamp,
    pub(crate) request_id: &'a str,
    /// The second id that a REST API gives a request.
    pub(crate) extended_request_id: &'a str,
    /// A new trace id, for a request that carries none.
    pub(crate) trace_id: &'a str,
}

impl Request<'_> {
    /// The client's address, as events write it.
    fn source_ip(&self) -> String {
        self.client.ip().to_canonical().to_string()
    }
}

/// A request id in the form of this front door. A load balancer has none; nothing shows it then.
pub(crate) fn request_id(door: Door) -> String {
    match door {
        Door::Http => random::api_request_id(),
        Door::Url | Door::Rest | Door::Alb { .. } => random::uuid(),
    }
}

/// The event.
pub(crate) fn build(door: Door, request: &Request<'_>) -> Value {
    let headers = added_headers(request);
    match door {
        Door::Http => payload_v2::http_api(request, &headers),
        Door::Url => payload_v2::function_url(request, &headers),
        Door::Rest => rest::build(request, &headers),
        Door::Alb { multi_value } => alb::build(request, &headers, multi_value),
    }
}

/// The client's headers with those that every front door sets or adds to.
fn added_headers(request: &Request<'_>) -> HeaderMap {
    let mut headers = request.parts.headers.clone();
    // The body was read whole: its length is known, and its transfer coding is gone.
    if headers.remove(TRANSFER_ENCODING).is_some() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
    }
    let mut path: Vec<String> = headers.get_all(X_FORWARDED_FOR).iter().map(text).collect();
    path.push(request.source_ip());
    headers.insert(X_FORWARDED_FOR, value(&path.join(", ")));
    headers.insert(X_FORWARDED_PORT, HeaderValue::from(request.port));
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
    let trace = match headers.get(&X_AMZN_TRACE_ID).map(text) {
        Some(theirs) => format!("Self={};{theirs}", request.trace_id),
        None => format!("Root={}", request.trace_id),
    };
    headers.insert(X_AMZN_TRACE_ID, value(&trace));
    headers
}

/// Text made of header values and our own ASCII is a header value again, byte for byte where it came from UTF-8.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// A header value as text: UTF-8, or else each byte the character of that number (ISO 8859-1).
fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

/// Every value of every name, the names written by `name`.
fn all_values(headers: &HeaderMap, name: impl Fn(&HeaderName) -> String) -> Value {
    let lists = headers.keys().map(|key| {
        let values: Vec<String> = headers.get_all(key).iter().map(text).collect();
        (name(key), values.into())
    });
    Value::Object(lists.collect())
}

/// The last value of every name, the names written by `name`.
fn last_values(headers: &HeaderMap, name: impl Fn(&HeaderName) -> String) -> Value {
    let lasts = headers.keys().map(|key| {
        let last = headers.get_all(key).iter().next_back().map(text);
        (name(key), last.unwrap_or_default().into())
    });
    Value::Object(lasts.collect())
}

/// The body as an event carries it, and whether that is base64.
fn encoded(body: &[u8], as_text: bool) -> (String, bool) {
    match std::str::from_utf8(body) {
        Ok(text) if as_text => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

/// Whether a body of this type goes into the event as it is. Everything else is base64, forms too.
fn is_text(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .map(text)
        .unwrap_or_default()
        .to_ascii_lowercase();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/") || ["application/json", "application/javascript", "application/xml"].contains(&essence)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colon inside an IPv6 literal is no port's.
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;
