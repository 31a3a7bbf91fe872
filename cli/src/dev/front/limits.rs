//! What front doors refuse before any function hears of it.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use crate::dev::door::Door;
use crate::dev::event::rest;
use crate::dev::front::refusal::Refusal;
use crate::dev::guard::only_host;

/// What Lambda takes as an event, in bytes; so what a Function URL takes as a body.
pub(super) const LARGEST_EVENT: usize = 6 * 1024 * 1024;
/// API Gateway's "payload size", in bytes.
pub(super) const LARGEST_API_BODY: usize = 10 * 1024 * 1024;
/// "The maximum size of the request body that you can send to a Lambda function is 1 MB", in bytes.
const LARGEST_ALB_BODY: usize = 1024 * 1024;

/// HTTP APIs: "total combined size of request line and header values"; REST APIs: of all header values, and the length
/// of a URL. Bytes.
pub(super) const LARGEST_HEAD: usize = 10_240;
/// Load balancers: the request line, and each header line, in bytes.
const LARGEST_ALB_LINE: usize = 16 * 1024;
/// Load balancers: all of the head, in bytes.
const LARGEST_ALB_HEAD: usize = 64 * 1024;
/// Load balancers: entries of `X-Forwarded-For`.
const MOST_PROXIES: usize = 30;

/// "The cases when the client attempts to invoke an unsupported API method or resource".
const WRONG_METHOD: Refusal = Refusal::message(403, "Missing Authentication Token");
const WRONG_STAGE: Refusal = Refusal::message(403, "Forbidden");
const URL_TOO_LONG: Refusal = Refusal::message(414, "Request-URI Too Long");
/// "The client used the TRACE method, which is not supported by Application Load Balancers".
const TRACE: Refusal = Refusal::page(405, "Not Allowed");
/// "HTTP 463": a number of its own, without a reason.
const TOO_MANY_PROXIES: Refusal = Refusal::page(463, "");

/// What a REST API's `ANY` stands for.
const ANY: [Method; 7] = [
    Method::DELETE,
    Method::GET,
    Method::HEAD,
    Method::OPTIONS,
    Method::PATCH,
    Method::POST,
    Method::PUT,
];

/// Refuses what the service refuses by its head; gives the one `Host` back.
pub(super) fn check_head(door: Door, parts: &Parts) -> Result<&str, Refusal> {
    let bad_request = door.refusals().bad_request;
    match door {
        Door::Http | Door::Url => check_payload_v2(door, parts)?,
        Door::Rest => {}
        Door::Alb { .. } => check_alb(door, parts)?,
    }
    let host = only_host(&parts.headers)
        .filter(|host| !host.is_empty())
        .ok_or(bad_request)?;
    // `OPTIONS *` and `CONNECT host:port` ask something of a proxy; a full URL must not contradict `Host`.
    let own = parts
        .uri
        .authority()
        .is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(host));
    if !own || !parts.uri.path().starts_with('/') {
        return Err(bad_request);
    }
    if door == Door::Rest {
        check_rest(door, parts, host)?;
    }
    Ok(host)
}

fn check_payload_v2(door: Door, parts: &Parts) -> Result<(), Refusal> {
    let line = parts.method.as_str().len() + target_length(parts);
    match line + header_size(&parts.headers) {
        0..=LARGEST_HEAD => Ok(()),
        _ => Err(door.refusals().head_too_large),
    }
}

fn check_rest(door: Door, parts: &Parts, host: &str) -> Result<(), Refusal> {
    if header_size(&parts.headers) > LARGEST_HEAD {
        return Err(door.refusals().head_too_large);
    }
    if target_length(parts) > LARGEST_HEAD {
        return Err(URL_TOO_LONG);
    }
    // "Not supported for any request URL query string and must be URL-encoded".
    if parts.uri.query().is_some_and(|query| query.contains(['|', '{', '}'])) {
        return Err(door.refusals().bad_request);
    }
    rest::path_of(host, parts.uri.path()).ok_or(WRONG_STAGE)?;
    if !ANY.contains(&parts.method) {
        return Err(WRONG_METHOD);
    }
    Ok(())
}

fn check_alb(door: Door, parts: &Parts) -> Result<(), Refusal> {
    let request_line = parts.method.as_str().len() + target_length(parts) + "  HTTP/1.1".len();
    let mut lines = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + ": ".len() + value.len());
    let long = request_line > LARGEST_ALB_LINE || lines.any(|line| line > LARGEST_ALB_LINE);
    if long || request_line + header_size(&parts.headers) > LARGEST_ALB_HEAD {
        return Err(door.refusals().head_too_large);
    }
    if parts.method == Method::TRACE {
        return Err(TRACE);
    }
    // "WebSockets are not supported. Upgrade requests are rejected with an HTTP 400 code."
    let upgrades = parts.headers.get_all(UPGRADE).iter();
    if upgrades
        .into_iter()
        .any(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"))
    {
        return Err(door.refusals().bad_request);
    }
    let proxies = parts.headers.get_all("x-forwarded-for").iter();
    let entries = proxies.map(|line| line.as_bytes().split(|byte| *byte == b',').count());
    if entries.sum::<usize>() > MOST_PROXIES {
        return Err(TOO_MANY_PROXIES);
    }
    Ok(())
}

fn target_length(parts: &Parts) -> usize {
    parts.uri.path_and_query().map_or(0, |target| target.as_str().len())
}

fn header_size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

/// The body, unless it is larger than the front door takes.
pub(super) async fn read_body(door: Door, parts: &Parts, body: Incoming) -> Result<Bytes, Refusal> {
    let largest = match door {
        Door::Http | Door::Rest => LARGEST_API_BODY,
        Door::Url => LARGEST_EVENT,
        Door::Alb { .. } => LARGEST_ALB_BODY,
    };
    let announced = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).is_ok_and(|length| length > largest)) {
        return Err(door.refusals().body_too_large);
    }
    match Limited::new(body, largest).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(door.refusals().body_too_large),
        // The client broke off or its chunks are malformed.
        Err(_) => Err(door.refusals().bad_request),
    }
}

#[cfg(test)]
mod tests;
