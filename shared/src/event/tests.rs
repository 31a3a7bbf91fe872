use http::uri::PathAndQuery;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A file of `events/`.
macro_rules! event_file {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/", $name, ".json"))
    };
}

pub(super) const HTTP_GET: &str = event_file!("http-get");
pub(super) const URL_GET: &str = event_file!("url-get");

/// Events to mutate.
const FILES: [&str; 8] = [
    HTTP_GET,
    URL_GET,
    rest::tests::GET,
    alb::tests::MULTI_VALUE,
    alb::tests::SINGLE_VALUE,
    event_file!("http-post-binary"),
    event_file!("http-cookies"),
    event_file!("sqs"),
];

/// A request as text, with everything in it.
pub(super) fn shown(payload: &str) -> String {
    let event = Event::read(payload, None).unwrap();
    let kind = event.kind();
    shown_request(&format!("{kind:?}"), &event.request(&[]).unwrap())
}

pub(super) fn shown_request(kind: &str, request: &Request) -> String {
    let scheme = if request.https { "https" } else { "http" };
    let mut lines = vec![
        format!("{kind} event from {}", request.client_ip),
        format!("{} {scheme}://{} ({})", request.method, request.authority, request.host),
        format!(
            "{} -> {}?{}",
            request.path.as_str(),
            request.path.encoded(),
            request.query
        ),
    ];
    lines.extend(
        request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())),
    );
    if !request.body.is_empty() {
        lines.push(request.body.escape_ascii().to_string());
    }
    lines.join("\n")
}

/// The valid event with the member at this JSON pointer set to a value, or put in.
pub(super) fn with(payload: &str, pointer: &str, value: Value) -> String {
    let mut event: Value = serde_json::from_str(payload).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .insert(name.to_owned(), value);
    event.to_string()
}

pub(super) fn without(payload: &str, pointer: &str) -> String {
    with(payload, pointer, Value::Null)
}

pub(super) fn request(payload: &str) -> Result<Request, GatewayError> {
    Event::read(payload, None).unwrap().request(&[])
}

pub(super) fn refused(payload: &str) -> String {
    match request(payload) {
        Err(GatewayError::BadRequest { why }) => why,
        other => panic!("{payload}: {other:?}"),
    }
}

pub(super) fn kind_of(payload: &str) -> String {
    Event::read(payload, None).unwrap_err().kind
}

#[test]
fn http_get() {
    insta::assert_snapshot!(shown(HTTP_GET), @r"
    Http event from 203.0.113.7
    GET https://api.example.com (api.example.com)
    /api/users/42 -> /api/users/42?fields=name&fields=email&q=a%20b+c
    accept: application/json
    accept-encoding: gzip, deflate, br
    authorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    x-tag: one,two
    ");
}

#[test]
fn http_post_json() {
    insta::assert_snapshot!(shown(event_file!("http-post-json")), @r#"
    Http event from 203.0.113.7
    POST https://api.example.com (api.example.com)
    /api/orders -> /api/orders?
    accept: application/json
    accept-encoding: gzip, deflate, br
    content-type: application/json
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    {\"item\":\"lamp\",\"note\":\"f\xc3\xbcr Zo\xc3\xab \\\"asap\\\"\",\"quantity\":2}
    "#);
}

#[test]
fn http_post_binary() {
    insta::assert_snapshot!(shown(event_file!("http-post-binary")), @r"
    Http event from 203.0.113.7
    POST https://api.example.com (api.example.com)
    /api/users/42/picture -> /api/users/42/picture?
    accept: application/json
    accept-encoding: gzip, deflate, br
    content-type: image/png
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    \x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\xff\xfe\x00
    ");
}

#[test]
fn http_cookies() {
    insta::assert_snapshot!(shown(event_file!("http-cookies")), @r#"
    Http event from 203.0.113.7
    GET https://api.example.com (api.example.com)
    /api/users/42 -> /api/users/42?
    accept: application/json
    accept-encoding: gzip, deflate, br
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    cookie: sid=31d4d96e407aad42; theme=dark; q="a, b"
    "#);
}

#[test]
fn http_stage() {
    insta::assert_snapshot!(shown(event_file!("http-stage")), @r"
    Http event from 203.0.113.7
    GET https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com (a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com)
    /api/users/42 -> /api/users/42?
    accept: application/json
    accept-encoding: gzip, deflate, br
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    ");
}

#[test]
fn http_odd_path() {
    insta::assert_snapshot!(shown(event_file!("http-odd-path")), @r"
    Http event from 203.0.113.7
    GET https://api.example.com (api.example.com)
    /api/users/Zoë Müller/a+b;v=1/100%/ -> /api/users/Zo%C3%AB%20M%C3%BCller/a+b%3Bv=1/100%25/?q=%C3%A4&x=%2F..%2F&y
    accept: application/json
    accept-encoding: gzip, deflate, br
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    ");
}

#[test]
fn http_null_maps() {
    insta::assert_snapshot!(shown(event_file!("http-null-maps")), @r"
    Http event from 203.0.113.7
    GET https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com (a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com)
    /api/health -> /api/health?
    ");
}

#[test]
fn http_no_host() {
    insta::assert_snapshot!(shown(event_file!("http-no-host")), @r"
    Http event from 203.0.113.7
    GET https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com (a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com)
    /api/health -> /api/health?
    accept: application/json
    accept-encoding: gzip, deflate, br
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    ");
}

#[test]
fn url_get() {
    insta::assert_snapshot!(shown(URL_GET), @r"
    Url event from 203.0.113.7
    GET https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws (abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws)
    /api/users/42 -> /api/users/42?fields=name&fields=email
    accept: application/json
    accept-encoding: gzip, deflate, br
    user-agent: curl/8.5.0
    x-amzn-tls-cipher-suite: TLS_AES_128_GCM_SHA256
    x-amzn-tls-version: TLSv1.3
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    ");
}

#[test]
fn url_post_json() {
    insta::assert_snapshot!(shown(event_file!("url-post-json")), @r#"
    Url event from 203.0.113.7
    POST https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws (abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws)
    /api/orders -> /api/orders?
    accept: application/json
    accept-encoding: gzip, deflate, br
    content-type: application/json
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    cookie: sid=31d4d96e407aad42
    {\"item\":\"lamp\",\"note\":\"f\xc3\xbcr Zo\xc3\xab \\\"asap\\\"\",\"quantity\":2}
    "#);
}

#[test]
fn url_odd_path() {
    insta::assert_snapshot!(shown(event_file!("url-odd-path")), @r"
    Url event from 203.0.113.7
    GET https://abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws (abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws)
    /api/users/Zoë Müller/a+b;v=1/100%/ -> /api/users/Zo%C3%AB%20M%C3%BCller/a+b%3Bv=1/100%25/?q=%C3%A4&x=%2F..%2F&y
    accept: application/json
    accept-encoding: gzip, deflate, br
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    ");
}

#[test]
fn other_events_are_named() {
    let record = |member: &str, source: &str| json!({ "Records": [{ member: source }] });
    for (event, kind) in [
        (serde_json::from_str(event_file!("sqs")).unwrap(), "an SQS event"),
        (
            serde_json::from_str(event_file!("schedule")).unwrap(),
            "a scheduled event",
        ),
        (record("EventSource", "aws:sns"), "an SNS event"),
        (record("eventSource", "aws:s3"), "an S3 event"),
        (record("eventSource", "aws:dynamodb"), "a DynamoDB stream event"),
        (record("eventSource", "aws:kinesis"), "a Kinesis event"),
        (record("eventSource", "aws:unheard-of"), "an event of unknown shape"),
        (
            json!({ "version": "0", "detail-type": "Order Placed", "source": "shop" }),
            "an EventBridge event",
        ),
        (
            json!({ "version": "1.0", "path": "/", "httpMethod": "GET", "requestContext": { "stage": "$default" } }),
            "an HTTP API event of payload format 1.0 (the integration must say 2.0)",
        ),
        (
            json!({ "requestContext": { "connectionId": "a", "eventType": "CONNECT" } }),
            "a WebSocket API event",
        ),
        (
            json!({ "httpMethod": "GET", "path": "/", "requestContext": { "connectionId": "a" } }),
            "a WebSocket API event",
        ),
        // A Bedrock agent's action group: its answer has a shape of its own.
        (
            json!({ "messageVersion": "1.0", "httpMethod": "GET", "apiPath": "/", "actionGroup": "a" }),
            "an event of unknown shape",
        ),
        (
            json!({ "type": "TOKEN", "methodArn": "arn", "authorizationToken": "a" }),
            "an authorizer event",
        ),
        (
            json!({ "type": "REQUEST", "methodArn": "arn", "path": "/", "httpMethod": "GET", "requestContext": {} }),
            "an authorizer event",
        ),
        // An authorizer of an HTTP API is sent an event of version 2.0; to answer 404 would be read as a policy.
        (
            json!({ "version": "2.0", "type": "REQUEST", "routeArn": "arn", "requestContext": { "http": {} } }),
            "an authorizer event",
        ),
        (json!({}), "an event of unknown shape"),
        (json!([]), "an event of unknown shape"),
        (json!(null), "an event of unknown shape"),
        (json!("version"), "an event of unknown shape"),
        (json!({ "Records": [] }), "an event of unknown shape"),
        (
            json!({ "Records": [7], "httpMethod": null, "requestContext": 7 }),
            "an event of unknown shape",
        ),
    ] {
        assert_eq!(kind_of(&event.to_string()), kind, "{event}");
    }
    assert_eq!(kind_of("no JSON"), "an event of unknown shape");
    let said = Event::read("{}", Some(EventKind::Http)).unwrap_err().to_string();
    assert_eq!(
        said,
        "this function answers HTTP requests, but was sent an event of unknown shape"
    );
}

#[test]
fn what_is_fixed_wins_where_the_shape_leaves_it_open() {
    let alb = json!({ "httpMethod": "GET", "requestContext": { "elb": {} } }).to_string();
    let rest = json!({ "httpMethod": "GET", "requestContext": { "stage": "prod" } }).to_string();
    let silent = json!({ "httpMethod": "GET", "path": "/" }).to_string();
    let broken = json!({ "httpMethod": "GET", "requestContext": 7 }).to_string();
    for (payload, given, kind) in [
        (&*alb, None, EventKind::Alb),
        (&alb, Some(EventKind::Alb), EventKind::Alb),
        (&rest, None, EventKind::Rest),
        (&rest, Some(EventKind::Rest), EventKind::Rest),
        (&silent, None, EventKind::Rest),
        (&silent, Some(EventKind::Alb), EventKind::Alb),
        (&broken, Some(EventKind::Alb), EventKind::Alb),
        (HTTP_GET, None, EventKind::Http),
        (URL_GET, None, EventKind::Url),
        (HTTP_GET, Some(EventKind::Url), EventKind::Url),
        (URL_GET, Some(EventKind::Http), EventKind::Http),
        (r#"{"version":"2.0"}"#, None, EventKind::Http),
    ] {
        assert_eq!(Event::read(payload, given).unwrap().kind(), kind);
    }
}

#[test]
fn an_event_of_another_shape_than_is_fixed_is_a_400_in_its_own_shape() {
    let alb =
        json!({ "httpMethod": "GET", "path": "/", "requestContext": { "elb": {} }, "headers": { "accept": "a" } });
    let rest = json!({
        "httpMethod": "GET", "path": "/", "requestContext": { "identity": { "sourceIp": "203.0.113.7" } },
        "headers": { "accept": "a" }
    });
    let (alb, rest) = (alb.to_string(), rest.to_string());
    for (payload, fixed, form, why) in [
        (
            &*alb,
            EventKind::Rest,
            AnswerForm::Alb,
            "`alb`; this gateway takes `rest`",
        ),
        (
            &alb,
            EventKind::Http,
            AnswerForm::Alb,
            "`alb`; this gateway takes `http`",
        ),
        (
            &rest,
            EventKind::Alb,
            AnswerForm::Rest,
            "`rest`; this gateway takes `alb`",
        ),
        (
            &rest,
            EventKind::Url,
            AnswerForm::Rest,
            "`rest`; this gateway takes `url`",
        ),
        (
            HTTP_GET,
            EventKind::Rest,
            AnswerForm::Http,
            "`http`; this gateway takes `rest`",
        ),
        (
            URL_GET,
            EventKind::Alb,
            AnswerForm::Url,
            "`url`; this gateway takes `alb`",
        ),
    ] {
        assert!(Event::read(payload, None).unwrap().request(&[]).is_ok(), "{payload}");
        let event = Event::read(payload, Some(fixed)).unwrap();
        assert_eq!(event.form(), form, "{payload}");
        assert!(event.headers().contains_key("accept"));
        match event.request(&[]) {
            Err(GatewayError::BadRequest { why: said }) => {
                assert_eq!(said, format!("The event is of kind {why} (GATEWAY_EVENT)."));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_kind_is_read_back_from_its_name() {
    for kind in [EventKind::Http, EventKind::Url, EventKind::Rest, EventKind::Alb] {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert_eq!(
        "ALB".parse::<EventKind>(),
        Err("GATEWAY_EVENT: \"ALB\" is no kind of event; it is http, rest, alb or url".into())
    );
}

#[test]
fn a_proxy_event_stays_one_however_broken() {
    for payload in [
        r#"{"version":"2.0"}"#,
        r#"{"version":"2.0","requestContext":7,"headers":[]}"#,
        r#"{"requestContext":{"http":7}}"#,
        r#"{"version":7,"requestContext":{"http":{}}}"#,
        r#"{"version":"1.0","version":"2.0"}"#,
        r#"{"version":"2.0","rawPath":"\ud800","headers":{"\ud800":"a"}}"#,
        r#"{"requestContext":{"elb":7}}"#,
        r#"{"requestContext":{"elb":{}},"httpMethod":[],"path":{},"headers":7,"multiValueHeaders":"a"}"#,
        r#"{"httpMethod":7,"path":null,"requestContext":[]}"#,
        r#"{"path":"/","requestContext":{"httpMethod":"GET"}}"#,
        r#"{"httpMethod":"GET","path":"/","requestContext":{"identity":7}}"#,
        r#"{"httpMethod":"GET","path":"/\ud800","multiValueHeaders":{"a":["\ud800"]}}"#,
    ] {
        assert!(request(payload).is_err(), "{payload}");
    }
}

#[test]
fn refusals_name_the_member() {
    let cases = [
        ("/rawPath", json!(null)),
        ("/rawPath", json!(7)),
        ("/rawPath", json!("/a/../b")),
        ("/rawQueryString", json!([])),
        ("/headers", json!("a")),
        ("/headers/x-a", json!(7)),
        ("/headers/x-a", json!("a\r\nx-user-id: 1")),
        ("/headers/x-a", json!("\0")),
        ("/headers/x a", json!("a")),
        ("/headers/x:a", json!("a")),
        ("/headers/ä", json!("a")),
        ("/headers/", json!("a")),
        ("/headers/host", json!("a b")),
        ("/headers/host", json!("h:99999")),
        ("/headers/Host", json!("other.example")),
        ("/cookies", json!({})),
        ("/cookies", json!(["a=1", 7])),
        ("/cookies", json!(["a=1\r\nb"])),
        ("/body", json!({ "a": 1 })),
        ("/isBase64Encoded", json!("true")),
        ("/requestContext", json!(null)),
        ("/requestContext", json!("a")),
        ("/requestContext/stage", json!(7)),
        ("/requestContext/http", json!([])),
        ("/requestContext/http/method", json!(null)),
        ("/requestContext/http/method", json!("GE T")),
        ("/requestContext/http/method", json!("")),
        ("/requestContext/http/method", json!("CONNECT")),
        ("/requestContext/http/method", json!("TRACE")),
        ("/requestContext/http/sourceIp", json!(null)),
        ("/requestContext/http/sourceIp", json!("203.0.113.7:80")),
        ("/requestContext/http/sourceIp", json!("")),
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|(pointer, value)| {
            format!(
                "{pointer} {value}\n  {}",
                refused(&with(HTTP_GET, pointer, value.clone()))
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_broken_event_keeps_its_good_headers() {
    let payload = with(&with(HTTP_GET, "/headers/x a", json!("b")), "/rawPath", json!(7));
    let event = Event::read(&payload, None).unwrap();
    assert_eq!(event.headers()["accept"], "application/json");
    assert!(event.request(&[]).is_err());
}

#[test]
fn bodies() {
    let of = |body: Value, encoded: Value| with(&with(HTTP_GET, "/body", body), "/isBase64Encoded", encoded);
    for (body, encoded, bytes) in [
        (json!(null), json!(false), &b""[..]),
        (json!(null), json!(true), b""),
        (json!(""), json!(true), b""),
        (json!("dGV4dA=="), json!(null), b"dGV4dA=="),
        (json!("dGV4dA=="), json!(false), b"dGV4dA=="),
        (json!("dGV4dA=="), json!(true), b"text"),
        (json!("//4A"), json!(true), b"\xff\xfe\0"),
        (json!("\u{1f980}\0\"\\"), json!(false), b"\xf0\x9f\xa6\x80\0\"\\"),
    ] {
        assert_eq!(request(&of(body.clone(), encoded)).unwrap().body, bytes, "{body}");
    }
    for malformed in [
        "dGV4dA",
        "dGV4dA=",
        "dGV4dB==",
        "dGV4dA==\n",
        " dGV4dA==",
        "dGV4-_==",
        "=",
        "d===",
        "dGV4dA==dGV4",
        "é",
    ] {
        let why = refused(&of(json!(malformed), json!(true)));
        assert_eq!(why, "The event's `body` is not valid base64.", "{malformed:?}");
    }
}

#[test]
fn queries_stay_byte_for_byte_but_for_what_no_uri_can_hold() {
    for (raw, query) in [
        ("", ""),
        ("a=1&a=2&&=", "a=1&a=2&&="),
        ("a=%zz&b=%2f%2F&%", "a=%zz&b=%2f%2F&%"),
        ("a=b+c%20d", "a=b+c%20d"),
        ("x[]=1&y={z}|`^\\'?/:@!$()*,;~", "x[]=1&y={z}|`^\\'?/:@!$()*,;~"),
        ("a=b c", "a=b%20c"),
        ("a=\"<>\"#b", "a=%22%3C%3E%22%23b"),
        ("a=ü", "a=%C3%BC"),
        ("a=\r\n\0\t\u{7f}\u{85}", "a=%0D%0A%00%09%7F%C2%85"),
    ] {
        let request = request(&with(HTTP_GET, "/rawQueryString", json!(raw))).unwrap();
        assert_eq!(request.query, query, "{raw:?}");
    }
    assert_eq!(request(&without(HTTP_GET, "/rawQueryString")).unwrap().query, "");
}

#[test]
fn cookies_stand_in_for_a_cookie_header() {
    let of = |header: Value, list: Value| {
        let request = request(&with(&with(HTTP_GET, "/headers/cookie", header), "/cookies", list)).unwrap();
        let values: Vec<String> = request
            .headers
            .get_all("cookie")
            .iter()
            .map(|v| v.to_str().unwrap().to_owned())
            .collect();
        values
    };
    assert_eq!(of(json!(null), json!(["a=1", "b=2"])), ["a=1; b=2"]);
    assert_eq!(of(json!("c=3"), json!(["a=1", "b=2"])), ["a=1; b=2"]);
    assert_eq!(of(json!("c=3"), json!([])), ["c=3"]);
    assert_eq!(of(json!(null), json!(null)), [""; 0]);
}

#[test]
fn headers_keep_their_bytes() {
    let payload = with(
        &with(HTTP_GET, "/headers/X-Mixed", json!("a,b,  c")),
        "/headers/x-text",
        json!("Zoë\t\u{85}"),
    );
    let headers = request(&payload).unwrap().headers;
    assert_eq!(headers["x-mixed"], "a,b,  c");
    assert_eq!(headers["x-text"].as_bytes(), "Zoë\t\u{85}".as_bytes());
    for control in ["\n", "\r", "\0", "\u{1b}", "\u{7f}"] {
        assert!(
            request(&with(HTTP_GET, "/headers/x-a", json!(format!("a{control}b")))).is_err(),
            "{control:?}"
        );
    }
    assert!(!headers.contains_key("host") && !headers.contains_key("content-length"));
}

#[test]
fn more_headers_than_a_map_holds_are_refused() {
    let headers: serde_json::Map<String, Value> = (0..40_000).map(|n| (format!("x-{n}"), json!(""))).collect();
    assert_eq!(
        refused(&with(HTTP_GET, "/headers", Value::Object(headers))),
        "The event's `headers` hold too many names."
    );
}

#[test]
fn each_front_door_decodes_its_own_way() {
    let path = |payload: &str, raw: &str| {
        request(&with(payload, "/rawPath", json!(raw))).map(|request| request.path.encoded())
    };
    assert_eq!(path(URL_GET, "/a%20b"), Ok("/a%20b".into()));
    assert_eq!(path(HTTP_GET, "/a b"), Ok("/a%20b".into()));
    assert!(path(HTTP_GET, "/a%20b").is_err());
    assert_eq!(path(HTTP_GET, ""), Ok("/".into()));
    assert_eq!(path(URL_GET, "//"), Ok("/".into()));
}

#[test]
fn only_a_stage_of_its_own_goes_off_the_path() {
    let read = |stage: Value, raw: &str, domain: Value| {
        let payload = with(&with(HTTP_GET, "/requestContext/stage", stage), "/rawPath", json!(raw));
        request(&with(&payload, "/requestContext/domainName", domain)).unwrap()
    };
    let generated = json!("a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com");
    let path = |stage: Value, raw: &str| read(stage, raw, generated.clone()).path.as_str().to_owned();
    assert_eq!(path(json!("prod"), "/prod/a"), "/a");
    assert_eq!(path(json!("prod"), "/prod"), "/");
    assert_eq!(path(json!("prod"), "//prod//a"), "/a");
    assert_eq!(path(json!("prod"), "/a"), "/a");
    assert_eq!(read(json!("prod"), "/prod/a", generated.clone()).mount, "/prod");
    assert_eq!(read(json!("prod"), "/a", generated.clone()).mount, "");
    // A custom domain's path has no stage in it.
    let custom = read(json!("api"), "/api/users", json!("api.example.com"));
    assert_eq!((custom.path.as_str(), custom.mount.as_str()), ("/api/users", ""));
    assert_eq!(read(json!("prod"), "/prod/a", json!(null)).path.as_str(), "/a");
    assert_eq!(path(json!("$default"), "/$default/a"), "/$default/a");
    assert_eq!(path(json!(null), "/prod/a"), "/prod/a");
    assert_eq!(path(json!(""), "/a"), "/a");
}

#[test]
fn the_front_door_says_whether_it_spoke_tls() {
    let https = |proto: Value| {
        request(&with(HTTP_GET, "/headers/x-forwarded-proto", proto))
            .unwrap()
            .https
    };
    assert!(https(json!("https")) && https(json!(null)) && https(json!("ht tp")) && https(json!("http, https")));
    assert!(!https(json!("http")));
}

#[test]
fn trusted_proxies_vouch_for_the_client() {
    let payload = with(HTTP_GET, "/headers/x-forwarded-for", json!("198.51.100.1, 203.0.113.7"));
    let client = |trusted: &[IpNet]| {
        Event::read(&payload, None)
            .unwrap()
            .request(trusted)
            .unwrap()
            .client_ip
            .to_string()
    };
    assert_eq!(client(&[]), "203.0.113.7");
    assert_eq!(client(&["203.0.113.0/24".parse().unwrap()]), "198.51.100.1");
}

#[test]
fn a_mapped_source_address_is_an_ipv4_address() {
    let payload = with(HTTP_GET, "/requestContext/http/sourceIp", json!("::ffff:203.0.113.7"));
    assert_eq!(request(&payload).unwrap().client_ip.to_string(), "203.0.113.7");
}

/// Any JSON, often of a kind that some member of an event has.
pub(super) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(vec![
            "2.0", "/%2e%2e", "/a/..;/b", "%", "a b", "GET", "[::1]:80", "\r\n", "=", "\u{0}"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("[a-z -]{0,8}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Pointers to every member of an object in a value.
fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    for (name, inner) in value.as_object().into_iter().flatten() {
        let pointer = format!("{at}/{name}");
        pointers(inner, pointer.clone(), found);
        found.push(pointer);
    }
}

/// An event with other values in these of its places.
pub(super) fn changed(event: &str, changes: Vec<(proptest::sample::Index, Value)>) -> String {
    let mut event = event.to_owned();
    for (index, value) in changes {
        let mut found = Vec::new();
        pointers(&serde_json::from_str(&event).unwrap(), String::new(), &mut found);
        event = with(&event, &found[index.index(found.len())], value);
    }
    event
}

proptest! {
    #[test]
    fn no_event_panics(
        file in proptest::sample::select(&FILES[..]),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any_json()), 1..4),
    ) {
        let payload = changed(file, changes);
        let event: Value = serde_json::from_str(&payload).unwrap();
        let context = &event["requestContext"];
        let names_method = !event["httpMethod"].is_null() || !context["httpMethod"].is_null();
        let is_request = !event["path"].is_null() || !context.is_null();
        let is_other = event["version"] == "1.0" || !context["connectionId"].is_null();
        let is_proxy = event["version"] == "2.0"
            || !context["http"].is_null()
            || !context["elb"].is_null()
            || names_method && is_request && !is_other;
        match Event::read(&payload, None) {
            Ok(event) => {
                prop_assert!(is_proxy);
                match event.request(&["0.0.0.0/0".parse().unwrap()]) {
                    Ok(request) => {
                        let target = format!("{}?{}", request.path.encoded(), request.query);
                        let parsed = target.parse::<PathAndQuery>();
                        prop_assert!(parsed.is_ok_and(|parsed| parsed.as_str() == target), "{target}");
                    }
                    Err(error) => prop_assert!(matches!(error, GatewayError::BadRequest { .. }), "{error:?}"),
                }
            }
            Err(NotHttp { kind }) => prop_assert!(!is_proxy, "{kind}"),
        }
    }

    #[test]
    fn no_payload_panics(payload in any::<String>(), at in any::<proptest::sample::Index>()) {
        let _ = Event::read(&payload, None);
        let cut = HTTP_GET.char_indices().nth(at.index(HTTP_GET.len())).map_or(HTTP_GET.len(), |(at, _)| at);
        let spliced = format!("{}{payload}{}", &HTTP_GET[..cut], &HTTP_GET[cut..]);
        let _ = Event::read(&spliced, None).map(|event| event.request(&[]));
    }

    #[test]
    fn every_query_can_be_forwarded(raw in any::<String>()) {
        let query = request(&with(HTTP_GET, "/rawQueryString", json!(raw))).unwrap().query;
        let target = format!("/?{query}");
        let parsed: PathAndQuery = target.parse().unwrap();
        prop_assert_eq!(parsed.query(), Some(query.as_str()));
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
        prop_assert_eq!(decoded(&query), decoded(&raw));
    }

    #[test]
    fn headers_come_as_they_were_sent(
        given in proptest::collection::hash_map("x-[a-z0-9!#$_.]{1,6}", "[ -~äé🦀\t]{0,16}", 0..8),
    ) {
        let headers = request(&with(HTTP_GET, "/headers", json!(given))).unwrap().headers;
        prop_assert_eq!(headers.len(), given.len());
        for (name, value) in &given {
            prop_assert_eq!(headers[name.as_str()].as_bytes(), value.as_bytes());
        }
    }

    #[test]
    fn bodies_come_as_they_were_sent(body in proptest::collection::vec(any::<u8>(), 0..64), text in any::<String>()) {
        use base64::Engine;
        let encoded = base64::engine::general_purpose::STANDARD.encode(&body);
        let payload = with(&with(HTTP_GET, "/body", json!(encoded)), "/isBase64Encoded", json!(true));
        prop_assert_eq!(request(&payload).unwrap().body, body);
        prop_assert_eq!(request(&with(HTTP_GET, "/body", json!(text))).unwrap().body, text.as_bytes());
    }
}

#[test]
fn debug_output_shows_no_credential() {
    let mut payload = with(HTTP_GET, "/cookies", json!(["sid=s3cret"]));
    for name in ["authorization", "Proxy-Authorization"] {
        payload = with(&payload, &format!("/headers/{name}"), json!("Bearer s3cret"));
    }
    let request = request(&payload).unwrap();
    assert_eq!(request.headers["authorization"], "Bearer s3cret");
    assert!(!format!("{request:?}").contains("s3cret"));
}
