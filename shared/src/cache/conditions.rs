//! Requests that ask for an answer only if it has changed (RFC 9110 section 13), answered by the gateway.

use http::header::{DATE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, Method, Response, StatusCode};

use bytes::Bytes;

use super::entry::opaque;
use super::times::date;

/// Headers of a 200 that a 304 in its place has as well (RFC 9110 section 15.4.5); with what is no `Content-...`.
fn stays(name: &HeaderName) -> bool {
    name.as_str() == "content-location" || !name.as_str().starts_with("content-")
}

/// The answer to a request that has these headers: 304 in the place of a 200 that the client has already.
pub(super) fn answered(method: &Method, request: &HeaderMap, mut response: Response<Bytes>) -> Response<Bytes> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    if !reads || response.status() != StatusCode::OK || !is_known(request, response.headers()) {
        return response;
    }
    let headers = response.headers_mut();
    let doomed: Vec<HeaderName> = headers.keys().filter(|name| !stays(name)).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
    *response.body_mut() = Bytes::new();
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// Whether the client has it (RFC 9110 sections 13.1.2 and 13.1.3: dates count only where no tag is asked for).
fn is_known(request: &HeaderMap, answer: &HeaderMap) -> bool {
    if request.contains_key(IF_NONE_MATCH) {
        let tag = answer.get(ETAG).map(|tag| opaque(tag.as_bytes()));
        let mut lines = request.get_all(IF_NONE_MATCH).iter();
        return lines.any(|line| holds(line.as_bytes(), tag));
    }
    // What does not say when it was last modified was not after it was made (RFC 9111 section 4.3.2).
    let modified = match answer.contains_key(LAST_MODIFIED) {
        true => date(answer, &LAST_MODIFIED),
        false => date(answer, &DATE),
    };
    match (date(request, &IF_MODIFIED_SINCE), modified) {
        (Some(since), Some(modified)) => modified <= since,
        _ => false,
    }
}

/// Whether a list of tags holds this one, compared weakly; `*` holds any.
fn holds(mut list: &[u8], tag: Option<&[u8]>) -> bool {
    if list.trim_ascii() == b"*" {
        return true;
    }
    let Some(tag) = tag else { return false };
    // A comma may stand within a tag: tags are read from quote to quote.
    while let Some(open) = list.iter().position(|byte| *byte == b'"') {
        let Some(length) = list[open + 1..].iter().position(|byte| *byte == b'"') else {
            return false;
        };
        let end = open + length + 2;
        if &list[open..end] == tag {
            return true;
        }
        list = &list[end..];
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::headers;

    fn status(method: Method, request: &[(&str, &str)], answer: &[(&str, &str)]) -> u16 {
        let mut response = Response::new(Bytes::from_static(b"body"));
        *response.headers_mut() = headers(answer);
        answered(&method, &headers(request), response).status().as_u16()
    }

    #[test]
    fn a_tag_is_compared_weakly_with_each_of_a_list() {
        let answer = [("etag", "\"a,b\"")];
        for known in ["\"a,b\"", "W/\"a,b\"", "\"x\", W/\"a,b\"", " * ", "\"\",\"a,b\""] {
            assert_eq!(
                status(Method::GET, &[("if-none-match", known)], &answer),
                304,
                "{known}"
            );
        }
        for other in ["\"a\"", "a,b", "\"a,b", "", "\"a,b\\\"", "*, \"x\""] {
            assert_eq!(
                status(Method::GET, &[("if-none-match", other)], &answer),
                200,
                "{other}"
            );
        }
        assert_eq!(status(Method::GET, &[("if-none-match", "\"a\"")], &[]), 200);
        assert_eq!(status(Method::POST, &[("if-none-match", "*")], &answer), 200);
        assert_eq!(status(Method::HEAD, &[("if-none-match", "*")], &answer), 304);
    }

    #[test]
    fn a_date_counts_only_where_no_tag_is_asked_for() {
        let (earlier, later) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 08:49:37 GMT");
        let of = |since: &str, modified: &str| {
            status(
                Method::GET,
                &[("if-modified-since", since)],
                &[("last-modified", modified)],
            )
        };
        assert_eq!(of(earlier, earlier), 304);
        assert_eq!(of(later, earlier), 304);
        assert_eq!(of(earlier, later), 200);
        assert_eq!(of("yesterday", earlier), 200);
        assert_eq!(of(later, "0"), 200);
        assert_eq!(
            status(Method::GET, &[("if-modified-since", later)], &[("date", earlier)]),
            304
        );
        assert_eq!(status(Method::GET, &[("if-modified-since", later)], &[]), 200);
        let both = [("if-none-match", "\"x\""), ("if-modified-since", later)];
        assert_eq!(
            status(Method::GET, &both, &[("last-modified", earlier), ("etag", "\"y\"")]),
            200
        );
    }

    #[test]
    fn a_304_has_no_body_and_says_nothing_of_one() {
        let mut response = Response::new(Bytes::from_static(b"body"));
        *response.headers_mut() = headers(&[
            ("etag", "\"a\""),
            ("content-type", "text/plain"),
            ("content-length", "4"),
            ("content-location", "/a"),
            ("cache-control", "max-age=1"),
            ("vary", "accept"),
        ]);
        let answer = answered(&Method::GET, &headers(&[("if-none-match", "\"a\"")]), response);
        assert!(answer.body().is_empty());
        let mut names: Vec<&str> = answer.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["cache-control", "content-location", "etag", "vary"]);
    }

    proptest! {
        #[test]
        fn no_list_of_tags_panics(list in "[ -~]{0,40}") {
            _ = status(Method::GET, &[("if-none-match", &list)], &[("etag", "\"a\"")]);
        }
    }
}
