use http::{Method, Version};
use serde_json::json;

use super::*;

const ALB: Door = Door::Alb { multi_value: false };
const ALB_MULTI: Door = Door::Alb { multi_value: true };

struct Sent {
    parts: Parts,
    body: Bytes,
}

impl Sent {
    fn new(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut request = http::Request::builder()
            .method(method)
            .uri(target)
            .version(Version::HTTP_11);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Self {
            parts,
            body: Bytes::copy_from_slice(body),
        }
    }

    fn event(&self, door: Door) -> Value {
        let request = Request {
            parts: &self.parts,
            host: self
                .parts
                .headers
                .get("host")
                .and_then(|host| host.to_str().ok())
                .unwrap_or("localhost:9000"),
            body: &self.body,
            client: "192.0.2.7:51000".parse().unwrap(),
            port: 9000,
            now: Timestamp::from_micros(1_583_348_638_390_123),
            request_id: "JKJaXmPLvHcESHA=",
            extended_request_id: "ATfSdF7nPHcErRA=",
            trace_id: "1-5e6722a7-cc56xmpl46db7ae02d4da47e",
        };
        build(door, &request)
    }
}

fn pretty(event: &Value) -> String {
    serde_json::to_string_pretty(event).unwrap()
}

/// A request with something of everything.
fn full() -> Sent {
    Sent::new(
        "POST",
        "/api/caf%C3%A9/a%2Fb?x=1&x=2&y=%20z",
        &[
            ("host", "api.example.com:9000"),
            ("user-agent", "curl/8.0"),
            ("x-multi", "a"),
            ("x-multi", "b"),
            ("cookie", "s=1; t=2"),
            ("cookie", "u=3"),
            ("content-type", "application/json; charset=utf-8"),
            ("content-length", "7"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
        ],
        br#"{"a":1}"#,
    )
}

#[test]
fn an_http_api_event() {
    insta::assert_snapshot!("http", pretty(&full().event(Door::Http)));
}

#[test]
fn a_rest_api_event() {
    insta::assert_snapshot!("rest", pretty(&full().event(Door::Rest)));
}

#[test]
fn a_load_balancers_event() {
    insta::assert_snapshot!("alb", pretty(&full().event(ALB)));
}

#[test]
fn a_load_balancers_event_with_multi_value_headers() {
    insta::assert_snapshot!("alb_multi_value", pretty(&full().event(ALB_MULTI)));
}

#[test]
fn a_function_url_event() {
    let sent = Sent::new(
        "GET",
        "/api/caf%C3%A9/a%2Fb?x=1&x=2",
        &[
            ("host", "localhost:9000"),
            ("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678"),
        ],
        b"",
    );
    insta::assert_snapshot!("url", pretty(&sent.event(Door::Url)));
}

/// Each kind has its own words for "nothing".
#[test]
fn bare_requests() {
    let sent = Sent::new("GET", "/", &[("host", "localhost:9000")], b"");
    let rest = sent.event(Door::Rest);
    assert_eq!(rest["resource"], "/");
    assert_eq!(rest["requestContext"]["identity"]["userAgent"], Value::Null);
    for null in [
        "pathParameters",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "stageVariables",
        "body",
    ] {
        assert_eq!(rest[null], Value::Null, "{null}");
    }
    let (single, multi) = (sent.event(ALB), sent.event(ALB_MULTI));
    assert_eq!(single["queryStringParameters"], json!({}));
    assert_eq!(multi["multiValueQueryStringParameters"], json!({}));
    assert_eq!(multi["multiValueHeaders"]["host"], json!(["localhost:9000"]));
    for event in [&single, &multi] {
        assert_eq!(event["body"], "");
        assert_eq!(event["isBase64Encoded"], false);
    }
    // Of the two forms an event has one.
    assert!(single.get("multiValueHeaders").is_none() && single.get("multiValueQueryStringParameters").is_none());
    assert!(multi.get("headers").is_none() && multi.get("queryStringParameters").is_none());
}

#[test]
fn paths_of_a_rest_api() {
    for (host, target, resource, path, proxy) in [
        ("localhost:9000", "/", "/", "/", None),
        (
            "localhost",
            "/a%2Fb/c%20d",
            "/{proxy+}",
            "/a%2Fb/c%20d",
            Some("a%2Fb/c%20d"),
        ),
        ("localhost", "/a/", "/{proxy+}", "/a/", Some("a")),
        ("localhost", "/a//b", "/{proxy+}", "/a//b", Some("a//b")),
        ("localhost", "//a", "/{proxy+}", "/a", Some("a")),
        ("localhost", "/prod/a", "/{proxy+}", "/prod/a", Some("prod/a")),
        ("x.execute-api.us-east-1.amazonaws.com", "/prod", "/", "/", None),
        (
            "x.execute-api.us-east-1.amazonaws.com:443",
            "/prod/a",
            "/{proxy+}",
            "/a",
            Some("a"),
        ),
        (
            "x.execute-api.us-east-1.amazonaws.com",
            "/prod/prod/",
            "/{proxy+}",
            "/prod/",
            Some("prod"),
        ),
    ] {
        let event = Sent::new("GET", target, &[("host", host)], b"").event(Door::Rest);
        assert_eq!(event["resource"], resource, "{target}");
        assert_eq!(event["requestContext"]["resourcePath"], resource, "{target}");
        assert_eq!(event["path"], path, "{target}");
        assert_eq!(event["requestContext"]["path"], target);
        assert_eq!(event["pathParameters"]["proxy"].as_str(), proxy, "{target}");
        assert_eq!(event["requestContext"]["stage"], "prod");
    }
    let host = "x.execute-api.us-east-1.amazonaws.com";
    for outside in ["/", "/a", "/production", "/prod%2Fa", "//prod/a"] {
        assert_eq!(rest::path_of(host, outside), None, "{outside}");
    }
}

#[test]
fn what_a_rest_api_takes_off() {
    let dropped = [
        "connection",
        "content-length",
        "content-md5",
        "expect",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    ];
    let mut headers: Vec<(&str, &str)> = dropped.iter().map(|name| (*name, "x")).collect();
    headers.extend([
        ("authorization", "Bearer t"),
        ("proxy-authorization", "x"),
        ("via", "x"),
    ]);
    let event = Sent::new("GET", "/", &headers, b"").event(Door::Rest);
    for name in dropped {
        assert!(event["headers"].get(name).is_none(), "{name}");
        assert!(event["multiValueHeaders"].get(name).is_none(), "{name}");
    }
    assert_eq!(event["headers"]["Authorization"], "Bearer t");
    assert_eq!(event["headers"]["proxy-authorization"], "x");
    assert_eq!(event["headers"]["via"], "x");
    let signed = [(
        "authorization",
        "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/execute-api",
    )];
    let event = Sent::new("GET", "/", &signed, b"").event(Door::Rest);
    assert!(event["headers"].get("Authorization").is_none());
}

#[test]
fn query_parameters_of_each_kind() {
    let sent = Sent::new("GET", "/?b=%2f&a=x+y&a=%C3%A9;c&flag&b=", &[], b"");
    let rest = sent.event(Door::Rest);
    assert_eq!(
        rest["queryStringParameters"],
        json!({"a": "é", "b": "", "c": "", "flag": ""})
    );
    assert_eq!(
        rest["multiValueQueryStringParameters"],
        json!({"a": ["x y", "é"], "b": ["/", ""], "c": [""], "flag": [""]})
    );
    assert_eq!(
        sent.event(ALB)["queryStringParameters"],
        json!({"a": "%C3%A9;c", "b": "", "flag": ""})
    );
    assert_eq!(
        sent.event(ALB_MULTI)["multiValueQueryStringParameters"],
        json!({"a": ["x+y", "%C3%A9;c"], "b": ["%2f", ""], "flag": [""]})
    );
}

/// The last entry is the client's address whoever else wrote the header, and it is one header.
#[test]
fn forwarding_headers_are_one() {
    let lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2, 3.3.3.3")];
    let sent = Sent::new("GET", "/", &lines, b"");
    let all = "1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7";
    assert_eq!(sent.event(Door::Http)["headers"]["x-forwarded-for"], all);
    assert_eq!(sent.event(ALB)["headers"]["x-forwarded-for"], all);
    assert_eq!(
        sent.event(ALB_MULTI)["multiValueHeaders"]["x-forwarded-for"],
        json!([all])
    );
    assert_eq!(
        sent.event(Door::Rest)["multiValueHeaders"]["X-Forwarded-For"],
        json!([all])
    );
}

#[test]
fn bodies_of_a_rest_api_are_always_base64() {
    for (media_type, body) in [("application/json", b"{}".as_slice()), ("text/plain", b"\xff")] {
        let event = Sent::new("POST", "/", &[("content-type", media_type)], body).event(Door::Rest);
        assert_eq!(event["isBase64Encoded"], true);
        assert_eq!(STANDARD.decode(event["body"].as_str().unwrap()).unwrap(), body);
    }
}

#[test]
fn a_load_balancer_encodes_what_has_a_content_encoding() {
    let headers = [("content-type", "text/plain"), ("content-encoding", "identity")];
    let event = Sent::new("POST", "/", &headers, b"text").event(ALB);
    assert_eq!(event["isBase64Encoded"], true);
    let event = Sent::new("POST", "/", &headers[..1], b"text").event(ALB);
    assert_eq!(
        (event["isBase64Encoded"].as_bool(), event["body"].as_str()),
        (Some(false), Some("text"))
    );
}

#[test]
fn bodies_are_text_by_media_type_only() {
    for (media_type, body, encoded) in [
        (Some("text/plain"), b"hello".as_slice(), false),
        (Some("TEXT/HTML; charset=utf-8"), b"hello", false),
        (Some("application/json"), b"{}", false),
        (Some("application/xml"), b"<a/>", false),
        (Some("application/javascript"), b"1", false),
        (Some("application/x-www-form-urlencoded"), b"a=1", true),
        (Some("application/problem+json"), b"{}", true),
        (Some("application/octet-stream"), b"hello", true),
        (Some("application/jsonp"), b"hello", true),
        (Some("text/plain"), b"\xff\xfe", true),
        (None, b"hello", true),
    ] {
        let headers: Vec<(&str, &str)> = media_type.map(|value| ("content-type", value)).into_iter().collect();
        let event = Sent::new("POST", "/", &headers, body).event(Door::Http);
        assert_eq!(event["isBase64Encoded"], encoded, "{media_type:?}");
        let text = event["body"].as_str().unwrap();
        let carried = if encoded {
            STANDARD.decode(text).unwrap()
        } else {
            text.as_bytes().to_vec()
        };
        assert_eq!(carried, body, "{media_type:?}");
    }
}

#[test]
fn no_body_is_no_member() {
    let event = Sent::new("POST", "/", &[("content-type", "application/json")], b"").event(Door::Http);
    assert!(event.get("body").is_none());
    assert_eq!(event["isBase64Encoded"], false);
    assert!(event.get("cookies").is_none());
    assert!(event.get("queryStringParameters").is_none());
    assert_eq!(event["rawQueryString"], "");
}

#[test]
fn a_chunked_body_arrives_with_its_length() {
    let event = Sent::new("POST", "/", &[("transfer-encoding", "chunked")], b"hello").event(Door::Http);
    assert_eq!(event["headers"]["content-length"], "5");
    assert!(event["headers"].get("transfer-encoding").is_none());
}

#[test]
fn the_query_string_stays_as_sent() {
    let query = "b=%2f&a=1&&a=%zz&empty=&plus=a+b";
    let event = Sent::new("GET", &format!("/?{query}"), &[], b"").event(Door::Http);
    assert_eq!(event["rawQueryString"], query);
}

#[test]
fn header_bytes_that_are_no_utf8_are_latin_1() {
    let mut sent = Sent::new("GET", "/", &[("x-a", "é")], b"");
    sent.parts
        .headers
        .insert("x-b", HeaderValue::from_bytes(b"caf\xe9").unwrap());
    let event = sent.event(Door::Http);
    assert_eq!(event["headers"]["x-a"], "é");
    assert_eq!(event["headers"]["x-b"], "café");
}

#[test]
fn methods_keep_their_case_and_addresses_their_family() {
    let mut sent = Sent::new("GET", "/", &[], b"");
    sent.parts.method = Method::from_bytes(b"gEt").unwrap();
    assert_eq!(sent.event(Door::Http)["requestContext"]["http"]["method"], "gEt");
}

#[test]
fn the_port_is_no_part_of_a_domain() {
    for (host, domain) in [
        ("a.example:9000", "a.example"),
        ("a.example", "a.example"),
        ("[::1]:9000", "[::1]"),
        ("[::1]", "[::1]"),
    ] {
        assert_eq!(without_port(host), domain);
    }
}
