//! How an error looks on the wire: one shape, as plain JSON or as a problem document (RFC 9457).

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use serde::Serialize;

use super::GatewayError;
use crate::auth;
use crate::config::ErrorFormat;

#[cfg(test)]
mod tests;

const PROBLEM: &str = "application/problem+json";

/// Headers that describe the body an upstream sent: untrue of the one that takes its place.
const ABOUT_ITS_BODY: [&str; 13] = [
    "accept-ranges",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-range",
    "digest",
    "etag",
    "last-modified",
    "repr-digest",
];

/// The format for one request: the configured one, or a problem document when `Accept` names it.
pub fn negotiate(configured: ErrorFormat, headers: &HeaderMap) -> ErrorFormat {
    let mut accepts = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    if accepts.any(|accept| accept.split(',').any(names_problem)) {
        ErrorFormat::Problem
    } else {
        configured
    }
}

/// Whether one entry of `Accept` is the problem type with a weight above zero (RFC 9110 section 12.5.1).
fn names_problem(entry: &str) -> bool {
    let mut parts = entry.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let refused = parts
        .filter_map(|parameter| parameter.split_once('='))
        .any(|(name, value)| {
            name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|q| q <= 0.0)
        });
    media_type.eq_ignore_ascii_case(PROBLEM) && !refused
}

/// The answer to a request that ended in an error.
pub fn of_error(error: &GatewayError, format: ErrorFormat, request_id: &str) -> Response<Bytes> {
    let mut response = shaped(
        error.status(),
        error.code(),
        &error.message(),
        error.retry_after(),
        format,
        request_id,
    );
    let headers = response.headers_mut();
    // It is about this request, credential and moment; a 404 or 405 would be cacheable by default (RFC 9111 section 3).
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(challenge) = auth::challenge(error) {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let GatewayError::NotAcceptable { .. } = error {
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    }
    if let GatewayError::CodingRefused { .. } = error {
        // What it would take instead (RFC 9110 section 15.5.16).
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    if let GatewayError::MethodNotAllowed { allow } = error {
        let allow = allow.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        // Methods are tokens, and tokens are header values.
        headers.insert(
            header::ALLOW,
            HeaderValue::from_str(&allow).unwrap_or(HeaderValue::from_static("")),
        );
    }
    response
}

/// An upstream's own 4xx or 5xx in the gateway's shape: its status and headers stay, its body goes.
pub fn wrap_upstream(answer: Response<Bytes>, format: ErrorFormat, request_id: &str) -> Response<Bytes> {
    let status = answer.status();
    let words = status
        .canonical_reason()
        .map(|reason| format!(" {reason}"))
        .unwrap_or_default();
    let message = format!("The service behind this path answered {}{words}.", status.as_u16());
    let wrapped = shaped(status, "upstream_error", &message, None, format, request_id);
    let (shape, body) = wrapped.into_parts();
    let (mut parts, _) = answer.into_parts();
    for name in ABOUT_ITS_BODY {
        parts.headers.remove(name);
    }
    parts.headers.extend(shape.headers);
    Response::from_parts(parts, body)
}

/// The members of every error body, in the order they are written.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    problem: Option<Problem<'a>>,
    error: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    request_id: &'a str,
}

/// The standard members of RFC 9457 section 3.1.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

/// An answer in the shape of an error: status, code, a sentence for people, and the seconds after which a retry may help.
pub fn shaped(
    status: StatusCode,
    code: &str,
    message: &str,
    retry_after: Option<u64>,
    format: ErrorFormat,
    request_id: &str,
) -> Response<Bytes> {
    let problem = (format == ErrorFormat::Problem).then(|| Problem {
        r#type: "about:blank",
        title: status.canonical_reason().unwrap_or("Error"),
        status: status.as_u16(),
        detail: message,
    });
    // Strings and numbers always serialise.
    let body = serde_json::to_vec(&Body {
        problem,
        error: code,
        message,
        retry_after,
        request_id,
    })
    .unwrap_or_default();
    let media_type = if format == ErrorFormat::Problem {
        PROBLEM
    } else {
        "application/json"
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
