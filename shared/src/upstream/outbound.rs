//! The request as the upstream gets it.

use bytes::Bytes;
use http::Method;
use http::header::{self, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use url::Url;

use super::Stamps;
use crate::config::UpstreamCall;
use crate::error::GatewayError;
use crate::request::Request;

#[cfg(test)]
mod tests;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Builds the request to this target of the call's service from the call's own parts and the client's: scheme, host and
/// port come from the config alone. The request's headers are the sealed ones with the identity stamped on.
pub(super) fn build(
    call: &UpstreamCall,
    target: &Url,
    request: &Request,
    stamps: Stamps<'_>,
) -> Result<http::Request<Bytes>, GatewayError> {
    let uri = uri(call, target, request)?;
    let mut headers = request.headers.clone();
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    // The client library measures every other body. No length here is answered with 411 by some servers.
    if request.body.is_empty() && expects_content(&request.method) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    // What cannot be said in a header is not said: the client's own copy was removed before.
    if stamps.tells_address
        && let Ok(address) = HeaderValue::try_from(request.client_ip.to_string())
    {
        headers.insert(X_FORWARDED_FOR, address.clone());
        headers.insert(X_REAL_IP, address);
    }
    // A load balancer's health check asks for no host.
    if let Ok(host) = HeaderValue::from_str(&request.authority)
        && !host.is_empty()
    {
        headers.insert(X_FORWARDED_HOST, host);
    }
    let proto = if request.https { "https" } else { "http" };
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
    if let Ok(id) = HeaderValue::from_str(stamps.request_id) {
        headers.insert(X_REQUEST_ID, id);
    }
    if !stamps.trace.continues() {
        headers.remove(TRACESTATE);
    }
    headers.insert(TRACEPARENT, stamps.trace.header());
    let mut outbound = http::Request::new(request.body.clone());
    *outbound.method_mut() = request.method.clone();
    *outbound.uri_mut() = uri;
    *outbound.headers_mut() = headers;
    Ok(outbound)
}

/// Methods that have a meaning for content, so that even none has a length (RFC 9110 section 8.6).
fn expects_content(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn uri(call: &UpstreamCall, url: &Url, request: &Request) -> Result<Uri, GatewayError> {
    let path = match (&request.upstream_path, &call.strip_prefix) {
        (Some(path), _) => path.encoded(),
        (None, Some(prefix)) => request.path.strip(prefix).encoded(),
        (None, None) => request.path.encoded(),
    };
    let base = url.path().trim_end_matches('/');
    let mut target = format!("{base}{path}");
    if !request.query.is_empty() {
        target.push('?');
        target.push_str(&request.query);
    }
    // Every character was escaped that has no place here: only the length is left to be wrong.
    let target = PathAndQuery::try_from(target).map_err(|_| GatewayError::BadRequest {
        why: "The path and the query are too long to be forwarded.".into(),
    })?;
    at_server(url, target).map_err(|error| GatewayError::Internal {
        why: format!("no upstream URI: {error}"),
    })
}

/// A path and a query at the server of a target.
pub(super) fn at_server(target: &Url, path_and_query: PathAndQuery) -> Result<Uri, http::Error> {
    let authority = &target[url::Position::BeforeHost..url::Position::AfterPort];
    let uri = Uri::builder().scheme(target.scheme()).authority(authority);
    uri.path_and_query(path_and_query).build()
}
