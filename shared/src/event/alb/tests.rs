use http::HeaderValue;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::tests::{refused, request, shown, with, without};
use crate::event::{AnswerForm, Event, EventKind};

/// As a target group without multi-value headers, the default, sends it.
pub(in crate::event) const SINGLE_VALUE: &str = r#"{
  "requestContext": {
    "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/t/6d0ecf831eec9f09" }
  },
  "httpMethod": "GET",
  "path": "/api/users/Zo%C3%AB%20M",
  "queryStringParameters": { "fields": "email", "q": "a%20b+c%26d" },
  "headers": {
    "accept": "application/json",
    "cookie": "sid=31d4d96e407aad42; theme=dark",
    "host": "api.example.com",
    "x-amzn-trace-id": "Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2",
    "x-forwarded-for": "198.51.100.9, 203.0.113.7",
    "x-forwarded-port": "80",
    "x-forwarded-proto": "http",
    "x-tag": "two"
  },
  "body": "",
  "isBase64Encoded": false
}"#;

/// As a target group with multi-value headers sends it.
pub(in crate::event) const MULTI_VALUE: &str = r#"{
  "requestContext": {
    "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/t/6d0ecf831eec9f09" }
  },
  "httpMethod": "POST",
  "path": "/api/orders",
  "multiValueQueryStringParameters": { "fields": ["name", "email"], "q": ["a%20b+c%26d"] },
  "multiValueHeaders": {
    "content-length": ["4"],
    "content-type": ["image/png"],
    "host": ["api.example.com"],
    "x-forwarded-for": ["203.0.113.7"],
    "x-forwarded-port": ["443"],
    "x-forwarded-proto": ["https"],
    "x-tag": ["one", "two"]
  },
  "body": "iVBORw==",
  "isBase64Encoded": true
}"#;

/// "Enable health checks": all that there is, as the guide shows it.
const HEALTH_CHECK: &str = r#"{
  "requestContext": {
    "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/t/6d0ecf831eec9f09" }
  },
  "httpMethod": "GET",
  "path": "/",
  "queryStringParameters": {},
  "headers": { "user-agent": "ELB-HealthChecker/2.0" },
  "body": "",
  "isBase64Encoded": false
}"#;

#[test]
fn a_request_with_single_values() {
    insta::assert_snapshot!(shown(SINGLE_VALUE), @r"
    Alb event from 203.0.113.7
    GET http://api.example.com (api.example.com)
    /api/users/Zoë M -> /api/users/Zo%C3%AB%20M?fields=email&q=a%20b+c%26d
    accept: application/json
    cookie: sid=31d4d96e407aad42; theme=dark
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 198.51.100.9, 203.0.113.7
    x-forwarded-port: 80
    x-forwarded-proto: http
    x-tag: two
    ");
}

#[test]
fn a_request_with_multi_values() {
    insta::assert_snapshot!(shown(MULTI_VALUE), @r"
    Alb event from 203.0.113.7
    POST https://api.example.com (api.example.com)
    /api/orders -> /api/orders?fields=name&fields=email&q=a%20b+c%26d
    content-type: image/png
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    x-tag: one
    x-tag: two
    \x89PNG
    ");
}

#[test]
fn a_health_check() {
    insta::assert_snapshot!(shown(HEALTH_CHECK), @r"
    Alb event from 0.0.0.0
    GET https:// ()
    / -> /?
    user-agent: ELB-HealthChecker/2.0
    ");
}

#[test]
fn the_answer_has_the_events_form() {
    let form = |payload: &str| Event::read(payload, Some(EventKind::Alb)).unwrap().form();
    assert_eq!(form(SINGLE_VALUE), AnswerForm::Alb);
    assert_eq!(form(HEALTH_CHECK), AnswerForm::Alb);
    assert_eq!(form(MULTI_VALUE), AnswerForm::AlbMultiValue);
    // A group with multi-value headers, where a request has none: the member is there all the same.
    assert_eq!(
        form(&with(MULTI_VALUE, "/multiValueHeaders", json!({}))),
        AnswerForm::AlbMultiValue
    );
    assert_eq!(
        form(&with(MULTI_VALUE, "/multiValueHeaders", json!(7))),
        AnswerForm::AlbMultiValue
    );
    assert_eq!(form(&without(SINGLE_VALUE, "/multiValueHeaders")), AnswerForm::Alb);
    assert_eq!(form(&with(SINGLE_VALUE, "/path", json!(7))), AnswerForm::Alb);
}

/// The client's address for `X-Forwarded-For` lines, with these networks trusted.
fn client(lines: &[&str], trusted: &[&str]) -> String {
    let payload = with(MULTI_VALUE, "/multiValueHeaders/x-forwarded-for", json!(lines));
    let trusted: Vec<_> = trusted.iter().map(|network| network.parse().unwrap()).collect();
    match Event::read(&payload, None).unwrap().request(&trusted) {
        Ok(request) => request.client_ip.to_string(),
        Err(error) => error.message(),
    }
}

#[test]
fn the_client_is_who_the_load_balancer_saw() {
    for (line, seen) in [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7", "203.0.113.7"),
        ("198.51.100.9,203.0.113.7:4711", "203.0.113.7"),
        ("garbage, \"x\", 203.0.113.7", "203.0.113.7"),
        ("é, 203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("a, [2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ] {
        assert_eq!(client(&[line], &[]), seen, "{line}");
    }
    assert_eq!(
        client(&["203.0.113.8", "198.51.100.9, 203.0.113.7"], &[]),
        "203.0.113.7"
    );
}

#[test]
fn trusted_proxies_before_the_load_balancer_vouch_for_earlier_entries() {
    let chain = "192.0.2.66, 198.51.100.9, 10.0.0.2, 10.0.0.1";
    assert_eq!(client(&[chain], &[]), "10.0.0.1");
    assert_eq!(client(&[chain], &["10.0.0.1/32"]), "10.0.0.2");
    assert_eq!(client(&[chain], &["10.0.0.0/8"]), "198.51.100.9");
    assert_eq!(client(&[chain], &["203.0.113.0/24"]), "10.0.0.1");
}

#[test]
fn an_entry_that_no_load_balancer_writes_is_refused() {
    for line in [
        "",
        "203.0.113.7,",
        "203.0.113.7, unknown",
        "203.0.113.7, é",
        "203.0.113.7; 1.1.1.1",
        "localhost",
    ] {
        assert_eq!(
            client(&[line], &["0.0.0.0/0"]),
            "The event's header `x-forwarded-for` does not end with an address.",
            "{line}"
        );
    }
}

#[test]
fn a_health_check_has_no_address_that_a_client_could_have() {
    let everybody = ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    let request = Event::read(HEALTH_CHECK, None).unwrap().request(&everybody).unwrap();
    assert_eq!(request.client_ip, client::NOBODY);
    assert_eq!(client(&["198.51.100.9, 0.0.0.0"], &["0.0.0.0/0"]), "0.0.0.0");
}

#[test]
fn the_listener_says_whether_it_spoke_tls() {
    assert!(!request(SINGLE_VALUE).unwrap().https);
    assert!(request(MULTI_VALUE).unwrap().https);
    // A check asks as the load balancer's clients would, so that no redirect to TLS makes it fail.
    assert!(request(HEALTH_CHECK).unwrap().https);
}

#[test]
fn queries_stay_as_they_were_sent() {
    let query = |lists: Value, singles: Value| {
        let payload = with(SINGLE_VALUE, "/multiValueQueryStringParameters", lists);
        request(&with(&payload, "/queryStringParameters", singles))
            .unwrap()
            .query
    };
    for (lists, singles, expected) in [
        (json!(null), json!(null), ""),
        (
            json!(null),
            json!({ "a": "b+c%20d", "z": "%2f%2F" }),
            "a=b+c%20d&z=%2f%2F",
        ),
        (json!({ "a": ["1", "2"], "flag": [""] }), json!(null), "a=1&a=2&flag="),
        (
            json!(null),
            json!({ "x[]": "{z}|`^\\'?/:@!$()*,;~%zz" }),
            "x[]={z}|`^\\'?/:@!$()*,;~%zz",
        ),
        // What no load balancer lets through, but an event can hold.
        (
            json!(null),
            json!({ "a b": "c\"<>#ü\r\n\0" }),
            "a%20b=c%22%3C%3E%23%C3%BC%0D%0A%00",
        ),
    ] {
        assert_eq!(query(lists, singles), expected);
    }
}

#[test]
fn headers_of_either_form_are_read() {
    let tags = |payload: &str| -> Vec<HeaderValue> {
        request(payload)
            .unwrap()
            .headers
            .get_all("x-tag")
            .iter()
            .cloned()
            .collect()
    };
    assert_eq!(tags(SINGLE_VALUE), ["two"]);
    assert_eq!(tags(MULTI_VALUE), ["one", "two"]);
    let cookies = with(MULTI_VALUE, "/multiValueHeaders/cookie", json!(["a=1", "b=2"]));
    let cookies: Vec<HeaderValue> = request(&cookies)
        .unwrap()
        .headers
        .get_all("cookie")
        .iter()
        .cloned()
        .collect();
    assert_eq!(cookies, ["a=1; b=2"]);
    assert!(cookies[0].is_sensitive());
}

#[test]
fn refusals_name_the_member() {
    let cases = [
        (SINGLE_VALUE, "/path", json!(null)),
        (SINGLE_VALUE, "/path", json!("/a%2Fb")),
        (SINGLE_VALUE, "/path", json!("http://evil.example/")),
        (SINGLE_VALUE, "/httpMethod", json!(null)),
        (SINGLE_VALUE, "/httpMethod", json!("TRACE")),
        (SINGLE_VALUE, "/headers", json!([])),
        (SINGLE_VALUE, "/headers/x-a", json!(["a"])),
        (SINGLE_VALUE, "/headers/x-a", json!("a\nb")),
        (SINGLE_VALUE, "/headers/Host", json!("other.example")),
        (SINGLE_VALUE, "/queryStringParameters/x", json!(["1"])),
        (MULTI_VALUE, "/multiValueHeaders/x-a", json!("a")),
        (
            MULTI_VALUE,
            "/multiValueHeaders/host",
            json!(["a.example", "b.example"]),
        ),
        (MULTI_VALUE, "/multiValueQueryStringParameters/x", json!("1")),
        (MULTI_VALUE, "/body", json!("iVBORw=")),
        (MULTI_VALUE, "/isBase64Encoded", json!("true")),
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|(event, pointer, value)| {
            format!("{pointer} {value}\n  {}", refused(&with(event, pointer, value.clone())))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

proptest! {
    #[test]
    fn only_the_last_entry_counts(before in "[ -~é]{0,24}", last: std::net::IpAddr) {
        prop_assert_eq!(client(&[&format!("{before},{last}")], &[]), last.to_canonical().to_string());
    }

    #[test]
    fn every_query_can_be_forwarded(pairs in proptest::collection::hash_map(any::<String>(), any::<String>(), 0..4)) {
        let query = request(&with(SINGLE_VALUE, "/queryStringParameters", json!(pairs))).unwrap().query;
        let target = format!("/?{query}");
        let parsed: http::uri::PathAndQuery = target.parse().unwrap();
        prop_assert_eq!(parsed.query(), Some(query.as_str()));
    }
}
