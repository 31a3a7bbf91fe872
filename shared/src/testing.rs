//! Doubles for unit tests.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::config::UpstreamCall;
use crate::event::EventKind;
use crate::path::{CanonicalPath, PathPrefix};
use crate::request::{PlatformFacts, Request};
use crate::upstream::Upstream;

/// A plain request of the given method and path.
pub(crate) fn request(method: Method, path: &str) -> Request {
    Request {
        method,
        host: "api.example.com".into(),
        authority: "api.example.com".into(),
        path: CanonicalPath::from_decoded(path).expect("a canonical path"),
        upstream_path: None,
        query: String::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        client_ip: [192, 0, 2, 7].into(),
        mount: String::new(),
        https: true,
        platform: PlatformFacts::none(EventKind::Http),
    }
}

/// A call of this URL within a second.
pub(crate) fn call(url: &str, strip_prefix: Option<&str>) -> UpstreamCall {
    UpstreamCall {
        upstream: Arc::new(Upstream::plain(
            "u".into(),
            url.parse().expect("a URL"),
            Duration::from_secs(1),
        )),
        strip_prefix: strip_prefix.map(|prefix| PathPrefix::parse(prefix).expect("a prefix")),
        timeout: Duration::from_secs(1),
        fallback: None,
    }
}

/// Headers from text; a repeated name is appended.
pub(crate) fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |&(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().expect("a header name");
        (name, HeaderValue::from_str(value).expect("a header value"))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.iter().map(line) {
        headers.append(name, value);
    }
    headers
}
