use http::{Method, Version};

use super::*;

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

    fn event(&self, kind: EventKind) -> Value {
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
            trace_id: "1-5e6722a7-cc56xmpl46db7ae02d4da47e",
        };
        build(kind, &request)
    }
}

fn pretty(event: &Value) -> String {
    serde_json::to_string_pretty(event).unwrap()
}

#[test]
fn an_http_api_event() {
    let sent = Sent::new(
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
    );
    insta::assert_snapshot!("http", pretty(&sent.event(EventKind::Http)));
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
    insta::assert_snapshot!("url", pretty(&sent.event(EventKind::Url)));
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
        let event = Sent::new("POST", "/", &headers, body).event(EventKind::Http);
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
    let event = Sent::new("POST", "/", &[("content-type", "application/json")], b"").event(EventKind::Http);
    assert!(event.get("body").is_none());
    assert_eq!(event["isBase64Encoded"], false);
    assert!(event.get("cookies").is_none());
    assert!(event.get("queryStringParameters").is_none());
    assert_eq!(event["rawQueryString"], "");
}

#[test]
fn a_chunked_body_arrives_with_its_length() {
    let event = Sent::new("POST", "/", &[("transfer-encoding", "chunked")], b"hello").event(EventKind::Http);
    assert_eq!(event["headers"]["content-length"], "5");
    assert!(event["headers"].get("transfer-encoding").is_none());
}

#[test]
fn the_query_string_stays_as_sent() {
    let query = "b=%2f&a=1&&a=%zz&empty=&plus=a+b";
    let event = Sent::new("GET", &format!("/?{query}"), &[], b"").event(EventKind::Http);
    assert_eq!(event["rawQueryString"], query);
}

#[test]
fn header_bytes_that_are_no_utf8_are_latin_1() {
    let mut sent = Sent::new("GET", "/", &[("x-a", "é")], b"");
    sent.parts
        .headers
        .insert("x-b", HeaderValue::from_bytes(b"caf\xe9").unwrap());
    let event = sent.event(EventKind::Http);
    assert_eq!(event["headers"]["x-a"], "é");
    assert_eq!(event["headers"]["x-b"], "café");
}

#[test]
fn methods_keep_their_case_and_addresses_their_family() {
    let mut sent = Sent::new("GET", "/", &[], b"");
    sent.parts.method = Method::from_bytes(b"gEt").unwrap();
    assert_eq!(sent.event(EventKind::Http)["requestContext"]["http"]["method"], "gEt");
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
