//! An upstream's response headers, made fit for the client: nothing about the inner connection, no internal
//! host, no cookie for a domain that is not the public one.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use url::Url;

use super::Upstream;
use crate::config::UpstreamCall;
use crate::headers::{remove_hop_by_hop, text_of};
use crate::path::PathPrefix;
use crate::request::Request;

#[cfg(test)]
mod tests;

/// `target` is the one of the call's service that answered.
pub(super) fn clean(call: &UpstreamCall, target: &Url, request: &Request, response: &mut Response<Bytes>) {
    restate_length(request, response);
    let headers = response.headers_mut();
    remove_hop_by_hop(headers);
    // Another way to the upstream's own origin, past the gateway (RFC 7838).
    headers.remove(header::ALT_SVC);
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        rewrite_location(call, target, request, headers, name);
    }
    restrict_cookies(headers, &request.host);
}

/// Makes `Content-Length` true. Under `Transfer-Encoding` an upstream's word counts for nothing and may not be passed
/// on (RFC 9112 section 6.3); a front door that took it would cut the body short or wait for bytes that never come.
/// Where no body belongs it may say how long one would be, but not on a 204 (RFC 9110 section 8.6).
fn restate_length(request: &Request, response: &mut Response<Bytes>) {
    let status = response.status();
    let length = response.body().len();
    let headers = response.headers_mut();
    if status == StatusCode::NO_CONTENT {
        headers.remove(header::CONTENT_LENGTH);
    } else if request.method != Method::HEAD
        && status != StatusCode::NOT_MODIFIED
        && headers.contains_key(header::CONTENT_LENGTH)
    {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
}

/// Each value by itself: of several, the one that a client follows is not ours to guess.
fn rewrite_location(call: &UpstreamCall, target: &Url, request: &Request, headers: &mut HeaderMap, name: HeaderName) {
    if !headers.contains_key(&name) {
        return;
    }
    let stripped = call.strip_prefix.as_ref().map(PathPrefix::encoded).unwrap_or_default();
    let prefix = format!("{}{stripped}", request.mount);
    edit_values(headers, name, |location| {
        public_location(&call.upstream, target, &prefix, location)
    });
}

/// Replaces those of a header's values for which `edit` gives another text; the others stay byte for byte.
fn edit_values(headers: &mut HeaderMap, name: HeaderName, edit: impl Fn(&str) -> Option<String>) {
    let values: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
    headers.remove(&name);
    for value in values {
        let edited = edit(&text_of(&value)).and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok());
        headers.append(&name, edited.unwrap_or(value));
    }
}

/// The public form of a location at the upstream's origin, as a reference without a host (RFC 9110
/// section 10.2.2 allows one); `None` when the location is somewhere else or relative to the request's own
/// path, and so right as it is.
fn public_location(service: &Upstream, answered: &Url, prefix: &str, location: &str) -> Option<String> {
    let (rest, server) = if location.starts_with('/') && !location.starts_with("//") {
        (location.to_owned(), answered.clone())
    } else {
        let absolute = match location.strip_prefix("//") {
            Some(_) => Url::parse(&format!("{}:{location}", answered.scheme())),
            None => Url::parse(location),
        };
        let absolute = absolute.ok()?;
        (absolute[url::Position::BeforePath..].to_owned(), absolute)
    };
    // One target may name another of its service, and that must not be seen either.
    let others = service.targets.iter().map(|target| &target.url);
    let mut named = std::iter::once(answered)
        .chain(others)
        .filter(|target| is_same_server(&server, target))
        .peekable();
    named.peek()?;
    let within = named.find_map(|target| below(target, &rest));
    let tail = within.unwrap_or(&rest);
    if prefix.is_empty() {
        // Two slashes would begin the name of another host, and browsers read `\\` as a slash and a tab as nothing.
        return Some(format!("/{}", tail.trim_start_matches(['/', '\\', '\t'])));
    }
    Some(format!("{prefix}{tail}"))
}

/// What a path has behind that of a target; `None` where it is not below it.
fn below<'p>(target: &Url, path: &'p str) -> Option<&'p str> {
    let tail = path.strip_prefix(target.path().trim_end_matches('/'))?;
    (tail.is_empty() || tail.starts_with(['/', '?', '#'])).then_some(tail)
}

/// Whether both name one server. The scheme does not count: an upstream called by http that is told the client came by
/// https writes https into its locations, with its own host and port.
fn is_same_server(one: &Url, other: &Url) -> bool {
    one.host().is_some() && one.host() == other.host() && one.port() == other.port()
}

/// Takes `Domain` from cookies that name another domain than the public host (RFC 6265 section 5.2.3).
fn restrict_cookies(headers: &mut HeaderMap, public_host: &str) {
    edit_values(headers, header::SET_COOKIE, |cookie| {
        Some(without_foreign_domain(cookie, public_host))
    });
}

fn without_foreign_domain(cookie: &str, public_host: &str) -> String {
    let is_foreign = |attribute: &str| {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        let domain = value.trim().trim_start_matches('.');
        name.trim().eq_ignore_ascii_case("domain") && !domain.eq_ignore_ascii_case(public_host)
    };
    let mut parts = cookie.split(';');
    let pair = parts.next().unwrap_or_default();
    let kept = parts.filter(|attribute| !is_foreign(attribute));
    std::iter::once(pair).chain(kept).collect::<Vec<_>>().join(";")
}
