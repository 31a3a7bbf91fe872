//! One request through every front door.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

/// The forms of event. A load balancer has two.
#[derive(Clone, Copy, Debug, PartialEq)]
enum FrontDoor {
    Http,
    Url,
    Rest,
    Alb,
    AlbMultiValue,
}

const FRONT_DOORS: [FrontDoor; 5] = [
    FrontDoor::Http,
    FrontDoor::Url,
    FrontDoor::Rest,
    FrontDoor::Alb,
    FrontDoor::AlbMultiValue,
];

/// A request as a client makes it.
#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    /// Decoded.
    path: String,
    /// Names and values in the client's own spelling. Repeats of a name follow each other.
    query: BTreeMap<String, Vec<String>>,
    headers: BTreeMap<String, Vec<String>>,
    cookies: Vec<String>,
    body: Vec<u8>,
    /// Whether the service puts the body into the event as base64.
    base64: bool,
}

/// A request without what this front door loses of it, before any function sees the event.
fn without_losses(front_door: FrontDoor, sent: &Sent) -> Sent {
    let mut left = sent.clone();
    match front_door {
        // Repeated headers are one, and so no list of their lines.
        FrontDoor::Http | FrontDoor::Url => {
            for values in left.headers.values_mut() {
                *values = vec![values.join(",")];
            }
        }
        // How a query was spelled.
        FrontDoor::Rest => {
            left.query = sent
                .query
                .iter()
                .map(|(name, values)| (respelled(name), values.iter().map(|value| respelled(value)).collect()))
                .collect();
        }
        // All but the last of repeated headers and query parameters.
        FrontDoor::Alb => {
            for values in left.headers.values_mut().chain(left.query.values_mut()) {
                values.drain(..values.len() - 1);
            }
        }
        FrontDoor::AlbMultiValue => {}
    }
    left
}

/// Everything but letters, digits, `-`, `.`, `_` and `~` as an escape.
fn respelled(text: &str) -> String {
    let mut spelled = String::new();
    for byte in decoded(text).bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => spelled.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => spelled.push(char::from(byte)),
            _ => spelled.push_str(&format!("%{byte:02X}")),
        }
    }
    spelled
}

/// As a REST API decodes a query's names and values.
fn decoded(text: &str) -> String {
    let spaces = text.replace('+', " ");
    percent_decode_str(&spaces).decode_utf8().expect("UTF-8").into_owned()
}

/// The event that this front door makes of a request.
fn event_of(front_door: FrontDoor, sent: &Sent) -> String {
    let body = match sent.base64 {
        true => STANDARD.encode(&sent.body),
        false => String::from_utf8(sent.body.clone()).expect("text is not sent as base64"),
    };
    let mut event = match front_door {
        FrontDoor::Http | FrontDoor::Url => payload_v2(front_door, sent),
        FrontDoor::Rest => rest(sent),
        FrontDoor::Alb | FrontDoor::AlbMultiValue => alb(front_door, sent),
    };
    event["body"] = body.into();
    event["isBase64Encoded"] = sent.base64.into();
    event.to_string()
}

fn payload_v2(front_door: FrontDoor, sent: &Sent) -> Value {
    let (path, domain) = match front_door {
        FrontDoor::Http => (sent.path.clone(), "api.example.com"),
        _ => (escaped(&sent.path), "abc.lambda-url.eu-central-1.on.aws"),
    };
    let pairs = sent
        .query
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}={value}")));
    let joined: BTreeMap<_, _> = headers_of(sent)
        .into_iter()
        .map(|(name, values)| (name, values.join(",")))
        .collect();
    let mut event = json!({
        "version": "2.0", "rawPath": path, "rawQueryString": pairs.collect::<Vec<_>>().join("&"), "headers": joined,
        "requestContext": {
            "domainName": domain, "stage": "$default", "http": { "method": sent.method, "sourceIp": "203.0.113.7" },
        },
    });
    if !sent.cookies.is_empty() {
        event["cookies"] = json!(sent.cookies);
    }
    event
}

fn rest(sent: &Sent) -> Value {
    let query: BTreeMap<_, Vec<_>> = sent
        .query
        .iter()
        .map(|(name, values)| (decoded(name), values.iter().map(|value| decoded(value)).collect()))
        .collect();
    let headers = with_cookies(sent);
    let path = escaped(&sent.path);
    json!({
        "httpMethod": sent.method, "path": path,
        "headers": last_of(&headers), "multiValueHeaders": headers,
        "queryStringParameters": last_of(&query), "multiValueQueryStringParameters": query,
        "requestContext": {
            "identity": { "sourceIp": "203.0.113.7" }, "path": format!("/prod{path}"), "stage": "prod",
        },
    })
}

fn alb(front_door: FrontDoor, sent: &Sent) -> Value {
    let headers: BTreeMap<_, _> = with_cookies(sent)
        .into_iter()
        .map(|(name, values)| (name.to_ascii_lowercase(), values))
        .collect();
    let mut event = json!({
        "httpMethod": sent.method, "path": escaped(&sent.path), "requestContext": { "elb": {} },
    });
    match front_door {
        FrontDoor::Alb => {
            event["headers"] = json!(last_of(&headers));
            event["queryStringParameters"] = json!(last_of(&sent.query));
        }
        _ => {
            event["multiValueHeaders"] = json!(headers);
            event["multiValueQueryStringParameters"] = json!(sent.query);
        }
    }
    event
}

/// The client's headers with those that every front door sets.
fn headers_of(sent: &Sent) -> BTreeMap<String, Vec<String>> {
    let mut headers = sent.headers.clone();
    for (name, value) in [
        ("Host", "api.example.com"),
        ("X-Forwarded-For", "198.51.100.9, 203.0.113.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Request-Id", "r-1"),
        ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ] {
        headers.insert(name.into(), vec![value.into()]);
    }
    headers
}

fn with_cookies(sent: &Sent) -> BTreeMap<String, Vec<String>> {
    let mut headers = headers_of(sent);
    if !sent.cookies.is_empty() {
        headers.insert("Cookie".into(), vec![sent.cookies.join("; ")]);
    }
    headers
}

fn last_of(lists: &BTreeMap<String, Vec<String>>) -> BTreeMap<&String, &String> {
    lists
        .iter()
        .filter_map(|(name, values)| Some((name, values.last()?)))
        .collect()
}

fn escaped(path: &str) -> String {
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| utf8_percent_encode(segment, NON_ALPHANUMERIC).to_string())
        .collect();
    segments.join("/")
}

fn sent() -> impl Strategy<Value = Sent> {
    let method = proptest::sample::select(vec![
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE",
    ]);
    // No `?`: an HTTP API ends the path there, and what follows is lost.
    let path = "(/[a-zA-Z0-9 %#éü🦀~!$&'()*+,;=:@._-]{1,5}){0,3}/?"
        .prop_map(|tail| format!("/api{tail}"))
        .prop_filter("a canonical path", |path| {
            crate::path::CanonicalPath::from_decoded(path).is_ok()
        });
    let value = "([a-zA-Z0-9._~,:/?@!$'()*;-]|\\+|%20|%2b|%2B|%26|%3D|%25|%C3%A9|%41){0,6}";
    // Not without a `=`: the forms that list parameters cannot tell.
    let query = proptest::collection::btree_map("[a-z]{1,2}(%5B%5D)?", proptest::collection::vec(value, 1..4), 0..4);
    let line = "[!-~]([ -~]{0,6}[!-~])?";
    let headers = proptest::collection::btree_map("X-[a-z]{1,3}", proptest::collection::vec(line, 1..4), 0..4);
    let cookies = proptest::collection::vec("[a-z]{1,3}=[a-z0-9\", ]{0,5}[a-z]", 0..3);
    let body = prop_oneof![
        ".{0,24}".prop_map(|text: String| (text.into_bytes(), false)),
        proptest::collection::vec(any::<u8>(), 0..24).prop_map(|bytes| (bytes, true)),
    ];
    (method, path, query, headers, cookies, body).prop_map(|(method, path, query, headers, cookies, (body, base64))| {
        Sent {
            method,
            path,
            query,
            headers,
            cookies,
            body,
            base64,
        }
    })
}

/// What the upstream is sent, but for our own span id, which is new each time.
fn forwarded(front_door: FrontDoor, sent: &Sent) -> (http::Method, http::Uri, HeaderMap, Bytes) {
    let fixture = fixture(&public(json!({})), Store { down: false }, ok);
    let event = event_of(front_door, sent);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let (answer, _) = runtime.block_on(handled(&fixture, &event));
    assert_eq!(answer["statusCode"], 200, "{event} -> {answer}");
    let request = fixture.upstream.calls.lock().expect("unpoisoned").remove(0);
    let (mut head, body) = request.into_parts();
    let span = head.headers.remove("traceparent").expect("our own span");
    assert!(
        span.to_str()
            .expect("text")
            .starts_with("00-0af7651916cd43dd8448eb211c80319c-")
    );
    (head.method, head.uri, head.headers, body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_request_reaches_the_upstream_as_the_same_bytes(sent in sent()) {
        for front_door in FRONT_DOORS {
            // A load balancer with multi-value headers loses nothing of such a request.
            let left = without_losses(front_door, &sent);
            prop_assert_eq!(forwarded(front_door, &sent), forwarded(FrontDoor::AlbMultiValue, &left), "{:?}", front_door);
        }
    }

    #[test]
    fn and_those_are_the_clients_own(sent in sent()) {
        let (method, uri, headers, body) = forwarded(FrontDoor::AlbMultiValue, &sent);
        prop_assert_eq!(method.as_str(), sent.method);
        let path = percent_decode_str(uri.path()).decode_utf8().expect("UTF-8");
        let public = format!("/api{path}");
        // The prefix alone is forwarded as `/`.
        prop_assert!(public == sent.path || path == "/" && sent.path == "/api", "{public} for {}", sent.path);
        let mut query = String::new();
        for (name, values) in &sent.query {
            for value in values {
                let join = if query.is_empty() { "" } else { "&" };
                query.push_str(&format!("{join}{name}={value}"));
            }
        }
        prop_assert_eq!(uri.query().unwrap_or_default(), query);
        for (name, values) in &sent.headers {
            let given: Vec<&[u8]> = headers.get_all(name.as_str()).iter().map(HeaderValue::as_bytes).collect();
            prop_assert_eq!(given, values.iter().map(|value| value.as_bytes()).collect::<Vec<_>>());
        }
        let cookie = headers.get("cookie").map(|value| value.to_str().expect("text").to_owned());
        prop_assert_eq!(cookie.unwrap_or_default(), sent.cookies.join("; "));
        prop_assert_eq!(&headers["x-forwarded-for"], "203.0.113.7");
        prop_assert_eq!(&headers["x-forwarded-host"], "api.example.com");
        prop_assert_eq!(&headers["x-forwarded-proto"], "https");
        prop_assert_eq!(body, sent.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_balancers_health_check_is_served() {
    let limits = public(json!({
        "rate_limiting": { "default": { "requests_per_second": 100 } }, "trusted_proxies": ["0.0.0.0/0", "::/0"]
    }));
    let fixture = fixture(&limits, Store { down: false }, ok);
    let event = json!({
        "requestContext": { "elb": {} }, "httpMethod": "GET", "path": "/api/health", "queryStringParameters": {},
        "headers": { "user-agent": "ELB-HealthChecker/2.0" }, "body": "", "isBase64Encoded": false
    });
    let (answer, _) = handled(&fixture, &event.to_string()).await;
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["statusDescription"], "200 OK");
    assert!(answer["headers"]["x-request-id"].is_string() && answer.get("multiValueHeaders").is_none());
    let calls = fixture.upstream.calls.lock().expect("unpoisoned");
    assert_eq!(calls[0].headers()["x-forwarded-for"], "0.0.0.0");
}

#[tokio::test(start_paused = true)]
async fn every_front_door_gets_its_errors_in_its_own_form() {
    let fixture = fixture(&public(json!({})), Store { down: false }, ok);
    let hostile = |front_door| {
        let request = Sent {
            method: "GET",
            path: "/api/../admin".into(),
            query: BTreeMap::new(),
            headers: BTreeMap::from([("Accept".into(), vec!["application/problem+json".into()])]),
            cookies: Vec::new(),
            body: Vec::new(),
            base64: false,
        };
        event_of(front_door, &request)
    };
    for (front_door, place) in [
        (FrontDoor::Http, "/headers/content-type"),
        (FrontDoor::Url, "/headers/content-type"),
        (FrontDoor::Rest, "/multiValueHeaders/content-type/0"),
        (FrontDoor::Alb, "/headers/content-type"),
        (FrontDoor::AlbMultiValue, "/multiValueHeaders/content-type/0"),
    ] {
        let (answer, log) = handled(&fixture, &hostile(front_door)).await;
        assert_eq!(
            (&answer["statusCode"], &log["error"]),
            (&json!(400), &json!("bad_request")),
            "{front_door:?}"
        );
        assert_eq!(
            answer.pointer(place),
            Some(&json!("application/problem+json")),
            "{answer}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_behind_a_rest_apis_stage_leads_back_through_it() {
    let redirect = |_: &http::Request<Bytes>| {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::FOUND;
        let location = HeaderValue::from_static("http://service.internal:3000/users/2");
        answer.headers_mut().insert(http::header::LOCATION, location);
        Ok(answer)
    };
    let fixture = fixture(&public(json!({})), Store { down: false }, redirect);
    for (asked, location) in [
        ("/prod/api/users/42", "/prod/api/users/2"),
        ("/api/users/42", "/api/users/2"),
    ] {
        let event = json!({
            "httpMethod": "GET", "path": "/api/users/42", "headers": null, "multiValueHeaders": null,
            "requestContext": { "identity": { "sourceIp": "203.0.113.7" }, "path": asked, "stage": "prod" },
        });
        let (answer, log) = handled(&fixture, &event.to_string()).await;
        assert_eq!(answer["multiValueHeaders"]["location"], json!([location]));
        assert_eq!(log["path"], "/api/users/42");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_too_large_for_a_load_balancer_alone_is_a_clean_502_there() {
    let large = |_: &http::Request<Bytes>| Ok(Response::new(Bytes::from(vec![b'a'; 1_100_000])));
    let fixture = fixture(&public(json!({})), Store { down: false }, large);
    let context =
        |context: Value| json!({ "httpMethod": "GET", "path": "/api/x", "requestContext": context }).to_string();
    let (answer, log) = handled(&fixture, &context(json!({ "elb": {} }))).await;
    assert_eq!(
        (&answer["statusCode"], &answer["statusDescription"]),
        (&json!(502), &json!("502 Bad Gateway"))
    );
    assert_eq!(
        (&log["status"], &log["error"]),
        (&json!(502), &json!("response_too_large"))
    );
    let (answer, _) = handled(&fixture, &context(json!({ "identity": { "sourceIp": "203.0.113.7" } }))).await;
    assert_eq!(answer["statusCode"], 200);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_fixed_refuses_events_of_another_shape_with_an_answer() {
    let mut fixture = fixture(&public(json!({})), Store { down: false }, ok);
    fixture.gateway.kind = Some(EventKind::Rest);
    let alb =
        json!({ "httpMethod": "GET", "path": "/api/x", "requestContext": { "elb": {} }, "multiValueHeaders": {} });
    let (answer, log) = handled(&fixture, &alb.to_string()).await;
    assert_eq!(
        (&answer["statusCode"], &answer["statusDescription"]),
        (&json!(400), &json!("400 Bad Request"))
    );
    assert!(answer["multiValueHeaders"]["x-request-id"].is_array());
    let said = "The event is of kind `alb`; this gateway takes `rest` (GATEWAY_EVENT).";
    assert_eq!(log["detail"], said);
    assert!(fixture.upstream.calls.lock().expect("unpoisoned").is_empty());
}

/// Whatever a client writes, in whichever spelling, as often as it likes, in either map of headers.
#[tokio::test(start_paused = true)]
async fn no_map_of_headers_is_a_way_around_the_seals() {
    let fixture = fixture(&public(json!({})), Store { down: false }, ok);
    let lists = json!({
        "Host": ["api.example.com"],
        "Connection": ["X-Request-Id, X-Forwarded-For", "x-kept"],
        "X-Forwarded-For": ["198.51.100.1, 203.0.113.7"],
        "X-User-Id": ["admin", "root"], "x-USER-id": ["admin"], "X_User_Id": ["admin"], "x.user.role": ["admin"],
        "X-Amzn-Oidc-Data": ["admin"], "X-Original-Url": ["/admin"], "Transfer-Encoding": ["chunked"],
        "Content-Length": ["7", "8"], "x-kept": ["admin"], "X-Passes": ["a", "b"],
    });
    let singles = json!({
        "x-user-id": "admin", "X-User-Role": "admin", "x-real-ip": "198.51.100.1", "Forwarded": "for=198.51.100.1",
        "x-passes": "c", "HOST": "evil.example",
    });
    for (lists, singles) in [(&lists, &singles), (&lists, &Value::Null), (&Value::Null, &singles)] {
        for context in [
            json!({ "elb": {} }),
            json!({ "identity": { "sourceIp": "203.0.113.7" } }),
        ] {
            let event = json!({
                "httpMethod": "GET", "path": "/api/users/42", "requestContext": context,
                "multiValueHeaders": lists, "headers": singles,
            });
            let (answer, _) = handled(&fixture, &event.to_string()).await;
            assert_eq!(answer["statusCode"], 200, "{event}");
            let sent = fixture.upstream.calls.lock().expect("unpoisoned").remove(0);
            let mut names: Vec<&str> = sent.headers().keys().map(|name| name.as_str()).collect();
            names.sort_unstable();
            names.retain(|name| *name != "x-passes");
            let ours = [
                "traceparent",
                "x-forwarded-for",
                "x-forwarded-host",
                "x-forwarded-proto",
                "x-real-ip",
                "x-request-id",
            ];
            assert_eq!(names, ours, "{event}");
            // A load balancer's event without the header is a health check's.
            let nobody = lists.is_null() && context.get("elb").is_some();
            let client = if nobody { "0.0.0.0" } else { "203.0.113.7" };
            assert_eq!(sent.headers()["x-forwarded-for"], client, "{event}");
            let host = if lists.is_null() {
                "evil.example"
            } else {
                "api.example.com"
            };
            assert_eq!(sent.headers()["x-forwarded-host"], host, "{event}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_front_door_can_carry_is_refused_with_the_reason() {
    let fixture = fixture(&public(json!({})), Store { down: false }, ok);
    let request = |method, headers: &[(&str, &str)]| Sent {
        method,
        path: "/api/shop.Orders/Get".into(),
        query: BTreeMap::new(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
            .collect(),
        cookies: Vec::new(),
        body: vec![0, 0, 0, 0, 0],
        base64: true,
    };
    for front_door in FRONT_DOORS {
        let grpc = request(
            "POST",
            &[("Content-Type", "application/grpc+proto"), ("Te", "trailers")],
        );
        let websocket = request("GET", &[("Connection", "Upgrade"), ("Upgrade", "websocket")]);
        let key = request("GET", &[("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]);
        for (sent, status, code) in [
            (grpc, 415, "grpc_not_supported"),
            (websocket, 501, "websocket_not_supported"),
            (key, 501, "websocket_not_supported"),
        ] {
            let (answer, log) = handled(&fixture, &event_of(front_door, &sent)).await;
            assert_eq!(answer["statusCode"], status, "{front_door:?}");
            let expected = (&json!(code), &json!("client"));
            assert_eq!((&log["error"], &log["fault"]), expected, "{front_door:?}");
        }
        assert!(fixture.upstream.calls.lock().expect("unpoisoned").is_empty());
    }
    let web = request("POST", &[("Content-Type", "application/grpc-web+proto")]);
    let (answer, _) = handled(&fixture, &event_of(FrontDoor::Http, &web)).await;
    assert_eq!(answer["statusCode"], 200);
}
