use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::auth::method::CredentialKind;
use crate::auth::{Ask, AuthSource};
use crate::config::Pointer;
use crate::testing::headers;

fn at() -> Pointer {
    Pointer::new("/auth/methods/internal-name")
}

fn every_error() -> Vec<GatewayError> {
    let why = || "db.internal:8000 refused user secret".to_owned();
    let wait = Duration::from_millis(2_100);
    vec![
        GatewayError::BadRequest {
            why: "The path has a malformed escape.".into(),
        },
        GatewayError::NotFound,
        GatewayError::MethodNotAllowed {
            allow: vec![Method::GET, Method::HEAD],
        },
        GatewayError::MissingCredential {
            ask: Arc::new(Ask {
                message: "This path needs a bearer token in the Authorization header.".into(),
                challenge: HeaderValue::from_static("Bearer"),
            }),
            at: at(),
        },
        GatewayError::InvalidCredential {
            credential: CredentialKind::BearerToken,
            why: why(),
            at: at(),
        },
        GatewayError::AuthUnavailable {
            what: AuthSource::KeySet,
            why: why(),
            retry_after: wait,
            at: at(),
        },
        GatewayError::InsufficientScope {
            needed: "orders:read".into(),
            by_token: true,
            at: at(),
        },
        GatewayError::FrontDoorOnly { at: at() },
        GatewayError::AddressRefused {
            why: "the client's address is in this list",
            at: at(),
        },
        GatewayError::HeadersTooLarge {
            why: "The request has 200 headers; 100 are taken.".into(),
            at: at(),
        },
        GatewayError::PayloadTooLarge {
            why: "The request's body has 3 bytes; this path takes 2.".into(),
            at: at(),
        },
        GatewayError::BodyUnreadable {
            why: "The request's body nests deeper than 128 levels.".into(),
            at: at(),
        },
        GatewayError::CodingRefused { at: at() },
        GatewayError::GrpcRefused,
        GatewayError::WebSocketRefused,
        GatewayError::NotAcceptable {
            types: vec!["application/vnd.a.v1+json".into(), "application/vnd.a.v2+json".into()],
        },
        GatewayError::Forbidden { why: why(), at: at() },
        GatewayError::RateLimited {
            retry_after: wait,
            at: at(),
        },
        GatewayError::LimitStoreUnavailable { why: why() },
        GatewayError::UpstreamUnreachable { why: why() },
        GatewayError::UpstreamTimeout { after: wait },
        GatewayError::DeadlineExceeded,
        GatewayError::UpstreamInvalid { why: why() },
        GatewayError::UpstreamStatus {
            status: StatusCode::NOT_FOUND,
        },
        GatewayError::UpstreamStatus {
            status: StatusCode::UNAUTHORIZED,
        },
        GatewayError::Part {
            name: "user".into(),
            error: Box::new(GatewayError::UpstreamUnreachable { why: why() }),
            at: Pointer::new("/routes/0/aggregate/user"),
        },
        GatewayError::ResponseTooLarge {
            why: "The answer is too large.".into(),
        },
        GatewayError::Internal { why: why() },
    ]
}

fn shown(response: &Response<Bytes>) -> String {
    let mut text = format!("{}\n", response.status());
    for (name, value) in response.headers() {
        text.push_str(&format!("{name}: {}\n", value.to_str().expect("text")));
    }
    format!("{text}{}", String::from_utf8_lossy(response.body()))
}

#[test]
fn every_error_has_one_shape() {
    let all: Vec<String> = every_error()
        .iter()
        .map(|error| shown(&of_error(error, ErrorFormat::Json, "req_1")))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn as_a_problem_document_it_has_the_same_members() {
    let error = GatewayError::RateLimited {
        retry_after: Duration::from_secs(3),
        at: at(),
    };
    insta::assert_snapshot!(shown(&of_error(&error, ErrorFormat::Problem, "req_1")), @r#"
    429 Too Many Requests
    content-type: application/problem+json
    cache-control: no-store
    retry-after: 3
    {"type":"about:blank","title":"Too Many Requests","status":429,"detail":"Too many requests. Retry after 3 seconds.","error":"rate_limit_exceeded","message":"Too many requests. Retry after 3 seconds.","retry_after":3,"request_id":"req_1"}
    "#);
}

#[test]
fn no_error_tells_the_client_a_detail() {
    for error in every_error() {
        for format in [ErrorFormat::Json, ErrorFormat::Problem] {
            let shown = shown(&of_error(&error, format, "req_1"));
            assert!(!shown.contains("internal:") && !shown.contains("secret"), "{shown}");
        }
    }
}

#[test]
fn the_client_asks_for_a_problem_document_by_accept() {
    for (accept, problem) in [
        ("application/problem+json", true),
        ("text/html, Application/Problem+JSON;q=0.5", true),
        ("application/problem+json;q=0", false),
        ("application/problem+json ; q=0.0", false),
        ("application/json", false),
        ("*/*", false),
    ] {
        let negotiated = negotiate(ErrorFormat::Json, &headers(&[("accept", accept)]));
        assert_eq!(negotiated == ErrorFormat::Problem, problem, "{accept}");
    }
    assert_eq!(negotiate(ErrorFormat::Problem, &HeaderMap::new()), ErrorFormat::Problem);
}

#[test]
fn a_wrapped_upstream_error_keeps_status_and_headers_but_not_the_body() {
    let mut answer = Response::new(Bytes::from_static(b"<h1>stack trace</h1>"));
    *answer.status_mut() = StatusCode::NOT_FOUND;
    *answer.headers_mut() = headers(&[
        ("content-type", "text/html"),
        ("content-length", "20"),
        ("content-encoding", "gzip"),
        ("etag", "\"1\""),
        ("x-shop", "1"),
    ]);
    insta::assert_snapshot!(shown(&wrap_upstream(answer, ErrorFormat::Json, "req_1")), @r#"
    404 Not Found
    content-type: application/json
    x-shop: 1
    {"error":"upstream_error","message":"The service behind this path answered 404 Not Found.","request_id":"req_1"}
    "#);
}

#[test]
fn retry_after_is_rounded_up_and_at_least_one() {
    for (millis, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (2_100, 3)] {
        let error = GatewayError::RateLimited {
            retry_after: Duration::from_millis(millis),
            at: at(),
        };
        assert_eq!(error.retry_after(), Some(seconds), "{millis} ms");
    }
}

#[test]
fn what_described_the_upstreams_body_goes_with_it() {
    let mut answer = Response::new(Bytes::from_static(b"gone"));
    *answer.status_mut() = StatusCode::BAD_REQUEST;
    *answer.headers_mut() = headers(&[
        ("content-digest", "sha-256=:x:"),
        ("repr-digest", "sha-256=:x:"),
        ("digest", "sha-256=x"),
        ("content-md5", "x"),
        ("accept-ranges", "bytes"),
        ("content-language", "de"),
        ("content-location", "/other"),
        ("content-disposition", "attachment"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]);
    let wrapped = wrap_upstream(answer, ErrorFormat::Json, "req_1");
    let names: Vec<&str> = wrapped.headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["set-cookie", "content-type"]);
    assert_eq!(wrapped.headers().get_all("set-cookie").iter().count(), 2);
}
