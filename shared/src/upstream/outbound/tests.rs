use super::*;
use crate::testing::{call, headers, request};
use crate::upstream::trace::TraceParent;

fn built(call: &UpstreamCall, request: &Request) -> http::Request<Bytes> {
    let trace = TraceParent::of(&request.headers);
    build(
        call,
        &call.upstream.targets[0].url,
        request,
        Stamps {
            request_id: "req_1",
            trace: &trace,
            tells_address: true,
        },
    )
    .expect("a request")
}

#[test]
fn the_uri_is_built_by_parts() {
    for (url, strip, path, uri) in [
        (
            "http://orders:3002",
            Some("/api"),
            "/api/orders/ord_x7k9",
            "http://orders:3002/orders/ord_x7k9",
        ),
        ("http://orders:3002/", Some("/api"), "/api", "http://orders:3002/"),
        ("http://orders:3002/base/", None, "/a", "http://orders:3002/base/a"),
        ("http://orders/base", Some("/api"), "/api/", "http://orders/base/"),
        (
            "https://[::1]:8443",
            None,
            "/a b/ü?#",
            "https://[::1]:8443/a%20b/%C3%BC%3F%23",
        ),
        (
            "http://orders:3002",
            None,
            "/@evil.example.com/x",
            "http://orders:3002/@evil.example.com/x",
        ),
        ("http://orders:3002", None, "/:80@evil", "http://orders:3002/:80@evil"),
    ] {
        let request = request(Method::GET, path);
        assert_eq!(
            built(&call(url, strip), &request).uri().to_string(),
            uri,
            "{path} at {url}"
        );
    }
}

#[test]
fn the_query_goes_through_byte_for_byte() {
    for query in ["a=b%20c&&x=+", "a='b'&c=%zz&d[]=1", "?=?&a=/../", "=", "a={b}|c^`\\"] {
        let mut request = request(Method::GET, "/a");
        request.query = query.into();
        assert_eq!(built(&call("http://u", None), &request).uri().query(), Some(query));
    }
}

#[test]
fn forwarding_headers_are_set_from_what_the_gateway_knows() {
    let mut request = request(Method::POST, "/a");
    request.headers = headers(&[
        ("accept", "text/plain"),
        ("content-length", "999"),
        ("cookie", "a=1; b=2"),
    ]);
    request.authority = "api.example.com:8443".into();
    request.body = Bytes::from_static(b"body");
    let outbound = built(&call("http://u", None), &request);
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-real-ip", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "api.example.com:8443"),
        ("x-request-id", "req_1"),
        ("accept", "text/plain"),
        ("cookie", "a=1; b=2"),
    ] {
        assert_eq!(
            outbound.headers().get(name).map(HeaderValue::as_bytes),
            Some(value.as_bytes()),
            "{name}"
        );
    }
    assert!(!outbound.headers().contains_key("host") && !outbound.headers().contains_key("content-length"));
    assert_eq!(outbound.method(), Method::POST);
    assert_eq!(outbound.body(), "body");
}

#[test]
fn a_request_for_no_host_says_none() {
    let mut request = request(Method::GET, "/a");
    request.authority = String::new();
    assert!(
        !built(&call("http://u", None), &request)
            .headers()
            .contains_key("x-forwarded-host")
    );
}

#[test]
fn tracestate_goes_on_only_with_the_trace_it_belongs_to() {
    let state = ("tracestate", "vendor=1");
    let parent = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let mut request = request(Method::GET, "/a");
    request.headers = headers(&[state]);
    assert!(
        !built(&call("http://u", None), &request)
            .headers()
            .contains_key("tracestate")
    );
    request.headers = headers(&[state, parent]);
    assert!(
        built(&call("http://u", None), &request)
            .headers()
            .contains_key("tracestate")
    );
}

#[test]
fn an_empty_body_has_a_length_where_the_method_expects_one() {
    for (method, length) in [
        (Method::POST, Some("0")),
        (Method::PUT, Some("0")),
        (Method::PATCH, Some("0")),
        (Method::GET, None),
        (Method::HEAD, None),
        (Method::DELETE, None),
        (Method::OPTIONS, None),
    ] {
        let outbound = built(&call("http://u", None), &request(method.clone(), "/a"));
        let sent = outbound.headers().get("content-length").map(HeaderValue::as_bytes);
        assert_eq!(sent, length.map(str::as_bytes), "{method}");
    }
}

#[test]
fn a_target_too_long_for_a_request_line_is_the_clients_fault() {
    let mut request = request(Method::GET, "/a");
    request.query = "x".repeat(70_000);
    let trace = TraceParent::of(&request.headers);
    let stamps = Stamps {
        request_id: "req_1",
        trace: &trace,
        tells_address: true,
    };
    let call = call("http://u", None);
    let outcome = build(&call, &call.upstream.targets[0].url, &request, stamps);
    assert!(matches!(outcome, Err(GatewayError::BadRequest { .. })), "{outcome:?}");
}
