//! Doubles for unit tests.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::path::CanonicalPath;
use crate::request::Request;

/// A plain request of the given method and path.
pub(crate) fn request(method: Method, path: &str) -> Request {
    Request {
        method,
        host: "api.example.com".into(),
        authority: "api.example.com".into(),
        path: CanonicalPath::from_decoded(path).expect("a canonical path"),
        query: String::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        client_ip: [192, 0, 2, 7].into(),
        https: true,
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
