//! One part's request out, its JSON text back.

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Response};

use super::Part;
use crate::error::GatewayError;
use crate::path::CanonicalPath;
use crate::request::Request;
use crate::template::Values;
use crate::transform;

/// What goes to every part of the client's headers, identity and all: not what is about its own body, nor conditions and
/// ranges, which are about an answer that no part gives.
pub(super) fn common_headers(client: &HeaderMap) -> HeaderMap {
    let mut headers = client.clone();
    transform::prepare_request(&Method::GET, &mut headers);
    let of_the_body: Vec<HeaderName> = headers.keys().filter(|name| is_of_the_body(name)).cloned().collect();
    for name in of_the_body {
        headers.remove(name);
    }
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers
}

/// Whether a header speaks of the bytes of the request's body (RFC 9110 section 8, RFC 9530).
fn is_of_the_body(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("content-") || matches!(name, "repr-digest" | "digest")
}

/// Whether a part may be told another value of this header than the gateway's own: not where the gateway reads the answer
/// by it.
pub(crate) fn is_own_header(name: &HeaderName) -> bool {
    let is_condition = name.as_str().starts_with("if-");
    let about_call = matches!(name.as_str(), "range" | "traceparent" | "tracestate" | "x-request-id");
    is_condition || about_call || name == ACCEPT_ENCODING || is_of_the_body(name)
}

/// The part's request. An error is the part's failure: what the client lacks was found before any part was called.
pub(super) fn request(
    part: &Part,
    client: &Request,
    values: &Values<'_>,
    common: &HeaderMap,
) -> Result<Request, GatewayError> {
    let filled = part
        .target
        .fill(values)
        .map_err(|unfilled| GatewayError::UpstreamInvalid {
            why: unfilled.to_string(),
        })?;
    let (path, query) = filled.split_once('?').unwrap_or((&filled, ""));
    let path = CanonicalPath::from_encoded(path).map_err(|why| GatewayError::Internal { why })?;
    let mut headers = common.clone();
    for (name, template) in &part.headers {
        match template.fill(values) {
            Some(value) => _ = headers.insert(name, value),
            None => _ = headers.remove(name),
        }
    }
    Ok(Request {
        method: part.method.clone(),
        path,
        query: query.to_owned(),
        headers,
        body: Bytes::new(),
        upstream_path: None,
        ..client.clone()
    })
}

/// The JSON text of what the part's service answered.
pub(super) fn read(answer: Response<Bytes>) -> Result<Bytes, GatewayError> {
    let (head, body) = answer.into_parts();
    if !head.status.is_success() {
        return Err(GatewayError::UpstreamStatus { status: head.status });
    }
    transform::json_body(&head, &body).map_err(|why| GatewayError::UpstreamInvalid { why })
}
