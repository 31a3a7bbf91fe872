use http::HeaderValue;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::tests::{refused, request, shown, with, without};
use crate::event::{Event, EventKind};

/// As a REST API sends it from its own domain.
pub(in crate::event) const GET: &str = r#"{
  "resource": "/{proxy+}",
  "path": "/api/users/Zo%C3%AB%20M",
  "httpMethod": "GET",
  "headers": {
    "Accept": "application/json",
    "Content-Length": "0",
    "Cookie": "sid=31d4d96e407aad42; theme=dark",
    "Host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
    "X-Forwarded-For": "203.0.113.7, 130.176.1.2",
    "X-Forwarded-Proto": "https",
    "X-Tag": "two"
  },
  "multiValueHeaders": {
    "Accept": ["application/json"],
    "Content-Length": ["0"],
    "Cookie": ["sid=31d4d96e407aad42; theme=dark"],
    "Host": ["a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"],
    "X-Forwarded-For": ["203.0.113.7, 130.176.1.2"],
    "X-Forwarded-Proto": ["https"],
    "X-Tag": ["one", "two"]
  },
  "queryStringParameters": { "fields": "email", "q": "a b+c&d=e" },
  "multiValueQueryStringParameters": { "fields": ["name", "email"], "q": ["a b+c&d=e"] },
  "pathParameters": { "proxy": "api/users/Zoë M" },
  "stageVariables": null,
  "requestContext": {
    "accountId": "111122223333",
    "apiId": "a1b2c3d4e5",
    "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
    "domainPrefix": "a1b2c3d4e5",
    "httpMethod": "GET",
    "identity": { "sourceIp": "203.0.113.7", "userAgent": "curl/8.5.0", "apiKey": null },
    "path": "/prod/api/users/Zo%C3%AB%20M",
    "protocol": "HTTP/1.1",
    "requestId": "0d1f2c3b-6a54-4d0e-9a53-1f2e3d4c5b6a",
    "resourcePath": "/{proxy+}",
    "stage": "prod"
  },
  "body": null,
  "isBase64Encoded": false
}"#;

/// As the console's test sends it.
const CONSOLE_TEST: &str = r#"{
  "resource": "/api/users/{id}",
  "path": "/api/users/42",
  "httpMethod": "GET",
  "headers": null,
  "multiValueHeaders": null,
  "queryStringParameters": null,
  "multiValueQueryStringParameters": null,
  "pathParameters": { "id": "42" },
  "stageVariables": null,
  "requestContext": {
    "domainName": "testPrefix.testDomainName",
    "httpMethod": "GET",
    "identity": { "apiKey": "test-invoke-api-key", "sourceIp": "test-invoke-source-ip" },
    "path": "/api/users/{id}",
    "resourcePath": "/api/users/{id}",
    "stage": "test-invoke-stage"
  },
  "body": null,
  "isBase64Encoded": false
}"#;

#[test]
fn a_request() {
    insta::assert_snapshot!(shown(GET), @r"
    Rest event from 203.0.113.7
    GET https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com (a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com)
    /api/users/Zoë M -> /api/users/Zo%C3%AB%20M?fields=name&fields=email&q=a%20b%2Bc%26d%3De
    accept: application/json
    cookie: sid=31d4d96e407aad42; theme=dark
    x-forwarded-for: 203.0.113.7, 130.176.1.2
    x-forwarded-proto: https
    x-tag: one
    x-tag: two
    ");
    assert_eq!(request(GET).unwrap().mount, "/prod");
}

#[test]
fn the_consoles_test() {
    insta::assert_snapshot!(shown(CONSOLE_TEST), @r"
    Rest event from 0.0.0.0
    GET https://testPrefix.testDomainName (testprefix.testdomainname)
    /api/users/42 -> /api/users/42?
    ");
    assert_eq!(request(CONSOLE_TEST).unwrap().mount, "");
}

#[test]
fn nobody_speaks_for_the_consoles_test() {
    let payload = with(CONSOLE_TEST, "/headers", json!({ "X-Forwarded-For": "198.51.100.1" }));
    let everybody = ["0.0.0.0/0".parse().unwrap()];
    let request = Event::read(&payload, None).unwrap().request(&everybody).unwrap();
    assert_eq!(request.client_ip, client::NOBODY);
}

#[test]
fn the_source_address_is_the_contexts_and_not_the_last_proxys() {
    let payload = with(GET, "/requestContext/identity/sourceIp", json!("2001:db8::7"));
    assert_eq!(request(&payload).unwrap().client_ip.to_string(), "2001:db8::7");
    let trusted = ["203.0.113.0/24".parse().unwrap(), "130.176.0.0/16".parse().unwrap()];
    // From the edge: what stands before CloudFront's own entry counts only if that is trusted, too.
    let seen = |trusted: &[ipnet::IpNet]| {
        Event::read(GET, None)
            .unwrap()
            .request(trusted)
            .unwrap()
            .client_ip
            .to_string()
    };
    assert_eq!(seen(&trusted[..1]), "130.176.1.2");
    assert_eq!(seen(&trusted), "203.0.113.7");
    let payload = with(
        GET,
        "/multiValueHeaders/X-Forwarded-For",
        json!(["198.51.100.1, 203.0.113.7"]),
    );
    let request = Event::read(&payload, None).unwrap().request(&trusted).unwrap();
    assert_eq!(request.client_ip.to_string(), "198.51.100.1");
}

#[test]
fn the_mount_is_what_the_client_asked_for_before_the_path() {
    for (asked, path, expected) in [
        ("/prod/api/x", "/api/x", "/prod"),
        ("/prod/", "/", "/prod"),
        ("/prod", "/", "/prod"),
        ("/", "/", ""),
        ("/api/x", "/api/x", ""),
        // A custom domain's base path stands in both, with a stage that the mapping leaves to the client or without.
        ("/base/api/x", "/base/api/x", ""),
        ("/base/prod/api/x", "/base/prod/api/x", ""),
        // The mapping's base path, where the domain's routing rules take it off.
        ("/two/levels/api/x", "/api/x", "/two/levels"),
        ("/prod/api/a%20b", "/api/a%20b", "/prod"),
        // The console's test names the resource.
        ("/api/{proxy+}", "/api/x", ""),
        ("", "/api/x", ""),
        ("", "/", ""),
        // What would not be a path, or another host's, is nothing.
        ("//evil.example/api/x", "/api/x", "/evil.example"),
        ("/\\evil/api/x", "/api/x", ""),
        ("/../api/x", "/api/x", ""),
        ("prod/api/x", "/api/x", ""),
        ("/a\r\nb/api/x", "/api/x", ""),
        ("/%zz/api/x", "/api/x", ""),
        ("/prod//api/x", "/api/x", "/prod"),
        ("/pröd \"/api/x", "/api/x", "/pr%C3%B6d%20%22"),
    ] {
        assert_eq!(mount(asked, path), expected, "{asked} {path}");
    }
}

#[test]
fn the_path_is_decoded_once_and_the_stage_is_not_in_it() {
    let path = |raw: &str| request(&with(GET, "/path", json!(raw))).map(|request| request.path.as_str().to_owned());
    assert_eq!(path("/a%20b+c"), Ok("/a b+c".into()));
    // A first segment named like the stage is the client's own.
    assert_eq!(path("/prod/x"), Ok("/prod/x".into()));
    assert_eq!(path(""), Ok("/".into()));
    for hostile in ["/a%2Fb", "/%2e%2e/b", "/a%5Cb", "/a%2520b", "/a%", "/%ff", "x", "/a%00"] {
        assert!(path(hostile).is_err(), "{hostile}");
    }
}

#[test]
fn lists_win_over_single_values_and_what_only_the_latter_have_still_counts() {
    let values = |payload: &str, name: &str| -> Vec<HeaderValue> {
        request(payload)
            .unwrap()
            .headers
            .get_all(name)
            .iter()
            .cloned()
            .collect()
    };
    assert_eq!(values(GET, "x-tag"), ["one", "two"]);
    let payload = with(GET, "/headers/x-TAG", json!("three"));
    assert_eq!(values(&payload, "x-tag"), ["one", "two"]);
    let payload = with(&with(GET, "/headers/X-Only", json!("a")), "/headers/x-only", json!("b"));
    assert_eq!(values(&payload, "x-only"), ["a", "b"]);
    assert_eq!(values(&without(GET, "/headers"), "x-tag"), ["one", "two"]);
    assert_eq!(values(&without(GET, "/multiValueHeaders"), "x-tag"), ["two"]);
    assert_eq!(
        values(&with(GET, "/multiValueHeaders/X-Tag", json!([])), "x-tag"),
        ["two"]
    );
    assert_eq!(
        values(&with(GET, "/multiValueHeaders/X-Tag", json!(null)), "x-tag"),
        ["two"]
    );
    let bare = without(&without(GET, "/headers"), "/multiValueHeaders");
    assert_eq!(values(&bare, "x-tag"), [""; 0]);
}

#[test]
fn one_host_in_both_maps_is_one_host() {
    let host = |payload: &str| request(payload).map(|request| request.host);
    assert_eq!(host(&with(GET, "/headers/Host", json!("other.example"))), host(GET));
    assert_eq!(host(&without(GET, "/multiValueHeaders/Host")), host(GET));
    for hosts in [json!(["a.example", "b.example"]), json!(["a.example", "a.example"])] {
        assert_eq!(
            refused(&with(GET, "/multiValueHeaders/Host", hosts)),
            "The request has more than one `host` header."
        );
    }
}

#[test]
fn queries_are_spelled_anew() {
    let query = |lists: Value, singles: Value| {
        let payload = with(GET, "/multiValueQueryStringParameters", lists);
        request(&with(&payload, "/queryStringParameters", singles))
            .unwrap()
            .query
    };
    for (lists, singles, expected) in [
        (json!(null), json!(null), ""),
        (json!({}), json!({}), ""),
        (
            json!({ "a": ["1", "2"], "b": [""] }),
            json!({ "a": "2", "b": "" }),
            "a=1&a=2&b=",
        ),
        (json!({ "a": ["1"] }), json!({ "a": "x", "c": "3" }), "a=1&c=3"),
        (json!(null), json!({ "a": "1" }), "a=1"),
        (json!({ "a": [] }), json!(null), ""),
        (json!({ "a": null }), json!({ "a": "1" }), "a=1"),
        (
            json!({ "a b[]": ["+&=#%/?\"'<>;,:@!$()*"] }),
            json!(null),
            "a%20b%5B%5D=%2B%26%3D%23%25%2F%3F%22%27%3C%3E%3B%2C%3A%40%21%24%28%29%2A",
        ),
        (json!({ "%41": ["%42", "-._~"] }), json!(null), "%2541=%2542&%2541=-._~"),
        (
            json!({ "": ["ü\r\n\0🦀"] }),
            json!(null),
            "=%C3%BC%0D%0A%00%F0%9F%A6%80",
        ),
    ] {
        assert_eq!(query(lists.clone(), singles), expected, "{lists}");
    }
}

#[test]
fn names_come_in_the_events_order() {
    // `Value` sorts its members.
    let lists = r#""multiValueQueryStringParameters": { "fields": ["name", "email"], "q": ["a b+c&d=e"] }"#;
    let ours = r#""multiValueQueryStringParameters": { "z": ["2", "1"], "q": ["x"], "a": ["3"], "A": [""] }"#;
    assert!(GET.contains(lists));
    let query = request(&GET.replace(lists, ours)).unwrap().query;
    assert_eq!(query, "z=2&z=1&q=x&a=3&A=&fields=email");
}

#[test]
fn refusals_name_the_member() {
    let cases = [
        ("/path", json!(null)),
        ("/path", json!(7)),
        ("/path", json!("/a/../b")),
        ("/httpMethod", json!(null)),
        ("/httpMethod", json!(["GET"])),
        ("/httpMethod", json!("GE T")),
        ("/httpMethod", json!("CONNECT")),
        ("/headers", json!("a")),
        ("/headers/x-new", json!(7)),
        ("/headers/x new", json!("a")),
        ("/multiValueHeaders", json!(["a"])),
        ("/multiValueHeaders/x-a", json!("a")),
        ("/multiValueHeaders/x-a", json!(["a", 7])),
        ("/multiValueHeaders/x-a", json!(["a", null])),
        ("/multiValueHeaders/x-a", json!([["a"]])),
        ("/multiValueHeaders/x-a", json!(["a", "b\r\nx-user-id: 1"])),
        ("/multiValueHeaders/x a", json!(["a"])),
        ("/multiValueHeaders/Host", json!(["a b"])),
        ("/queryStringParameters", json!("a=1")),
        ("/queryStringParameters/x", json!(1)),
        ("/multiValueQueryStringParameters", json!([])),
        ("/multiValueQueryStringParameters/x", json!("1")),
        ("/multiValueQueryStringParameters/x", json!(["1", 2])),
        ("/body", json!({})),
        ("/isBase64Encoded", json!(1)),
        ("/requestContext", json!(7)),
        ("/requestContext/path", json!(7)),
        ("/requestContext/identity", json!(null)),
        ("/requestContext/identity", json!("a")),
        ("/requestContext/identity/sourceIp", json!(null)),
        ("/requestContext/identity/sourceIp", json!("test-invoke-source-ip ")),
        ("/requestContext/identity/sourceIp", json!("203.0.113.7, 1.1.1.1")),
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|(pointer, value)| format!("{pointer} {value}\n  {}", refused(&with(GET, pointer, value.clone()))))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_broken_event_keeps_its_good_headers() {
    let payload = with(&with(GET, "/multiValueHeaders/x a", json!(["b"])), "/path", json!(7));
    let event = Event::read(&payload, None).unwrap();
    assert_eq!(
        (event.kind(), &event.headers()["accept"]),
        (EventKind::Rest, &HeaderValue::from_static("application/json"))
    );
    let payload = with(GET, "/multiValueHeaders", json!(7));
    let event = Event::read(&payload, None).unwrap();
    assert_eq!(event.headers()["accept"], "application/json");
    assert!(event.request(&[]).is_err());
}

#[test]
fn more_headers_than_a_map_holds_are_refused() {
    for member in ["/headers", "/multiValueHeaders"] {
        let value = |name: String| match member {
            "/headers" => (name, json!("")),
            _ => (name, json!([""])),
        };
        let headers: serde_json::Map<String, Value> = (0..40_000).map(|n| value(format!("x-{n}"))).collect();
        let why = refused(&with(GET, member, Value::Object(headers)));
        assert_eq!(why, "The event's `headers` hold too many names.");
    }
}

#[test]
fn debug_output_shows_no_credential() {
    let payload = with(GET, "/multiValueHeaders/Authorization", json!(["Bearer s3cret"]));
    let payload = with(&payload, "/multiValueHeaders/Cookie", json!(["sid=s3cret"]));
    let request = request(&payload).unwrap();
    assert_eq!(request.headers["authorization"], "Bearer s3cret");
    assert!(!format!("{request:?}").contains("s3cret"));
}

proptest! {
    #[test]
    fn every_reader_reads_the_query_back(pairs in proptest::collection::vec((any::<String>(), any::<String>()), 0..6)) {
        let mut lists = serde_json::Map::new();
        for (name, value) in &pairs {
            let list = lists.entry(name.clone()).or_insert_with(|| json!([]));
            list.as_array_mut().unwrap().push(json!(value));
        }
        let mut grouped = pairs.clone();
        // The event's map sorts its keys here, and keeps the order of one key's values.
        grouped.sort_by(|one, other| one.0.cmp(&other.0));
        let query = request(&with(GET, "/multiValueQueryStringParameters", Value::Object(lists))).unwrap().query;
        let without_q = query.clone();
        let form: Vec<(String, String)> = url::form_urlencoded::parse(without_q.as_bytes()).into_owned().collect();
        let plain: Vec<(String, String)> = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
            (decoded(name), decoded(value))
        }).collect();
        let singles = [("fields", "email"), ("q", "a b+c&d=e")];
        let expected: Vec<(String, String)> = grouped.into_iter()
            .chain(singles.iter().map(|(name, value)| (name.to_string(), value.to_string()))
                .filter(|(name, _)| !pairs.iter().any(|(given, _)| given == name)))
            .collect();
        prop_assert_eq!(&form, &expected);
        prop_assert_eq!(plain, expected);
    }

    #[test]
    fn no_mount_leaves_its_place(asked in any::<String>(), path in "/[a-z]{0,3}", joined: bool) {
        let asked = if joined { format!("{asked}{path}") } else { asked };
        let mount = mount(&asked, &path);
        prop_assert!(mount.is_empty() || mount.starts_with('/') && !mount.starts_with("//") && !mount.ends_with('/'));
        prop_assert!(mount.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'), "{mount}");
    }
}
