//! An HTTP request as the Lambda event that the front door makes of it (payload format 2.0).
//!
//! Source of the format: "Create AWS Lambda proxy integrations for HTTP APIs" and "Invoking Lambda function
//! URLs" in AWS's developer guides; what they leave open is as captured from the services.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use tollgate::clock::Timestamp;
use tollgate::event::EventKind;

use crate::dev::decode::{query_parameters, raw_path};
use crate::dev::{calendar, random};

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
    /// A new trace id, for a request that carries none.
    pub(crate) trace_id: &'a str,
}

/// A request id in the form of this front door.
pub(crate) fn request_id(kind: EventKind) -> String {
    match kind {
        EventKind::Http | EventKind::Rest => random::api_request_id(),
        EventKind::Url | EventKind::Alb => random::uuid(),
    }
}

/// The event.
pub(crate) fn build(kind: EventKind, request: &Request<'_>) -> Value {
    let uri = &request.parts.uri;
    let query = uri.query().unwrap_or_default();
    let headers = added_headers(request);
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": match kind {
            EventKind::Http | EventKind::Rest => raw_path(uri.path()),
            EventKind::Url | EventKind::Alb => uri.path().to_owned(),
        },
        "rawQueryString": query,
        "headers": joined(&headers),
        "requestContext": context(kind, request, &headers),
        "isBase64Encoded": false,
    });
    let cookies = cookies(&request.parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = Value::Object(query_parameters(query));
    }
    if !request.body.is_empty() {
        let text = std::str::from_utf8(request.body)
            .ok()
            .filter(|_| is_text(&request.parts.headers));
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] = text.map_or_else(|| STANDARD.encode(request.body), str::to_owned).into();
    }
    event
}

fn context(kind: EventKind, request: &Request<'_>, headers: &HeaderMap) -> Value {
    let url_domain = format!("{API_ID}.lambda-url.{REGION}.on.aws");
    let (domain, account) = match kind {
        EventKind::Http | EventKind::Rest => (without_port(request.host), ACCOUNT),
        // What a Function URL without IAM says.
        EventKind::Url | EventKind::Alb => (url_domain.as_str(), "anonymous"),
    };
    json!({
        "accountId": account,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "http": {
            "method": request.parts.method.as_str(),
            "path": match kind {
                EventKind::Http | EventKind::Rest => raw_path(request.parts.uri.path()),
                EventKind::Url | EventKind::Alb => request.parts.uri.path().to_owned(),
            },
            "protocol": format!("{:?}", request.parts.version),
            "sourceIp": request.client.ip().to_canonical().to_string(),
            "userAgent": headers.get(http::header::USER_AGENT).map(text).unwrap_or_default(),
        },
        "requestId": request.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": calendar::access_log(request.now),
        "timeEpoch": request.now.micros() / 1000,
    })
}

/// The client's headers with those that the front door sets or adds to.
fn added_headers(request: &Request<'_>) -> HeaderMap {
    let mut headers = request.parts.headers.clone();
    // The body was read whole: its length is known, and its transfer coding is gone.
    if headers.remove(TRANSFER_ENCODING).is_some() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
    }
    headers.append(X_FORWARDED_FOR, value(&request.client.ip().to_canonical().to_string()));
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

/// Names in lower case, repeats joined by `, `. Cookies have a list of their own.
fn joined(headers: &HeaderMap) -> Map<String, Value> {
    let names = headers.keys().filter(|name| *name != COOKIE);
    names
        .map(|name| {
            let values: Vec<String> = headers.get_all(name).iter().map(text).collect();
            (name.as_str().to_owned(), values.join(", ").into())
        })
        .collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().map(text);
    let pairs = lines.flat_map(|line| line.split(';').map(|pair| pair.trim().to_owned()).collect::<Vec<_>>());
    pairs.filter(|pair| !pair.is_empty()).collect()
}

/// A header value as text: UTF-8, or else each byte the character of that number (ISO 8859-1).
fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
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
mod tests;
