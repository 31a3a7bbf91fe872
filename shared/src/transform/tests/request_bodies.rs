//! Which bodies of requests rules read, refuse and pass.

use std::borrow::Cow;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::Transforms;
use crate::auth::testing::proven;
use crate::config::Config;
use crate::edits::Edits;
use crate::error::GatewayError;
use crate::request::Request;
use crate::template::Values;
use crate::testing::{headers, request};

fn config(request: &Value) -> Config {
    let document = json!({
        "auth": { "type": "api_key" },
        "routes": [{ "path": "/v1/{id}", "upstream": "http://u", "transform": { "request": request } }],
    });
    let checked = crate::config::parse("test.json", &document.to_string(), &|_| None);
    checked.unwrap_or_else(|mistakes| panic!("{mistakes}")).config
}

fn sent(rules: &Value, lines: &[(&str, &str)], body: impl Into<Bytes>) -> Result<Request, GatewayError> {
    let config = config(rules);
    let mut request = request(Method::POST, "/v1/7");
    request.headers = headers(lines);
    request.body = body.into();
    let identity = proven(json!({ "sub": "u1", "limit": 12345678901_u64 }));
    let transforms = Transforms::of(&config.transformations, &config.routes[0], &request.path);
    let values = Values {
        request: &request,
        identity: Some(&identity),
        parts: &[],
    };
    transforms
        .request(&request, &values, &mut Edits::default())
        .map(Cow::into_owned)
}

fn hide() -> Value {
    json!({ "body": { "remove_fields": ["is_admin"] } })
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn body_of(outcome: Result<Request, GatewayError>) -> String {
    let request = outcome.unwrap_or_else(|error| panic!("{error:?}"));
    String::from_utf8(request.body.to_vec()).expect("UTF-8")
}

#[test]
fn json_is_read_whatever_type_says_so() {
    let (given, left) = (r#"{"is_admin":true,"n":1.0}"#, r#"{"n":1.0}"#);
    for media in [
        "application/json",
        "Application/Problem+JSON; charset=utf-8",
        "text/plain, application/json",
    ] {
        assert_eq!(
            body_of(sent(&hide(), &[("content-type", media)], given)),
            left,
            "{media}"
        );
    }
    assert_eq!(body_of(sent(&hide(), &[], given)), left, "no type: the service guesses");
    assert_eq!(body_of(sent(&hide(), &[("content-type", "")], given)), left);
}

#[test]
fn other_types_and_empty_bodies_go_as_they_came() {
    for media in [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
    ] {
        let given = "is_admin=true";
        let request = sent(
            &hide(),
            &[("content-type", media), ("content-encoding", "br"), ("digest", "d")],
            given,
        );
        let request = request.expect("untouched");
        assert_eq!(request.body, given);
        assert!(request.headers.contains_key("digest"), "still true");
    }
    assert_eq!(body_of(sent(&hide(), &[JSON], "")), "");
    assert_eq!(
        body_of(sent(&hide(), &[], "is_admin")),
        "is_admin",
        "neither type nor JSON"
    );
}

#[test]
fn what_is_said_of_the_old_bytes_goes() {
    let lines = [
        JSON,
        ("digest", "a"),
        ("content-digest", "b"),
        ("repr-digest", "c"),
        ("content-md5", "d"),
        ("content-encoding", "identity"),
    ];
    let request = sent(&hide(), &lines, "{}").expect("is read");
    assert_eq!(request.headers.keys().collect::<Vec<_>>(), ["content-type"]);
}

#[test]
fn what_is_no_json_is_the_clients_fault() {
    for body in ["{", "{} {}", "\u{feff}", "{\"a\":01}", "NaN"] {
        let error = sent(&hide(), &[JSON], body).expect_err("no JSON");
        let GatewayError::BodyUnreadable { why, at } = &error else {
            panic!("{error:?}")
        };
        assert!(why.contains("cannot be read as JSON"), "{why}");
        assert_eq!(at.as_str(), "/routes/0/transform/request");
        assert_eq!(
            (error.status(), error.code()),
            (StatusCode::BAD_REQUEST, "invalid_body")
        );
    }
    assert!(sent(&hide(), &[], "{").is_err(), "begins like JSON");
    assert!(sent(&hide(), &[JSON], &b"{\"a\":\"\xff\"}"[..]).is_err());
    let wide: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(sent(&hide(), &[("content-type", "application/json; charset=utf-16")], wide).is_err());

    let mut pass = hide();
    pass["on_unparsable"] = json!("pass");
    assert_eq!(body_of(sent(&pass, &[JSON], "{")), "{");
}

/// A client chooses both how many objects there are and what they are filled with: six megabytes of `{}` could become
/// gigabytes.
#[test]
fn what_is_set_a_million_times_over_is_refused_before_it_fills_the_memory() {
    let mut many = "[".to_owned() + &"{},".repeat(400_000);
    many.push_str("{}]");
    let members = format!("{{{}}}", vec![r#""a":0"#; 400_000].join(","));
    let cases = [
        (json!({ "body": { "set": { "t": "{header.X-T}" } } }), &many),
        (json!({ "body": { "set": { "a.t": "{header.X-T}" } } }), &members),
        (
            json!({ "body": { "rename_fields": { "a": "n".repeat(8_000) } } }),
            &members,
        ),
    ];
    let value = "v".repeat(8_000);
    for (rules, body) in cases {
        let error = sent(&rules, &[JSON, ("x-t", &value)], body.clone()).expect_err("three gigabytes");
        let GatewayError::PayloadTooLarge { at, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(at.as_str(), "/routes/0/transform/request");
    }
}

/// Out of the gateway's reach, but not out of the service's: `pass` is not about these.
#[test]
fn what_may_be_json_all_the_same_does_not_pass() {
    let mut pass = hide();
    pass["on_unparsable"] = json!("pass");
    for coding in ["gzip", "br", "identity, gzip", "unknown"] {
        for lines in [
            vec![JSON, ("content-encoding", coding)],
            vec![("content-encoding", coding)],
        ] {
            let error = sent(&pass, &lines, "{}").expect_err("could be of any size");
            assert_eq!(
                (error.status(), error.code()),
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_content_encoding")
            );
            let answer = crate::error::response::of_error(&error, crate::config::ErrorFormat::Json, "r");
            assert_eq!(answer.headers()["accept-encoding"], "identity");
        }
    }
    let part = sent(&pass, &[JSON, ("content-range", "bytes 0-1/2")], "{}");
    assert!(matches!(part, Err(GatewayError::BodyUnreadable { .. })), "{part:?}");

    let wide: Vec<u8> = r#"{"is_admin":true}"#.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for body in [wide, b"{\"is_admin\":true,\"name\":\"Jos\xe9\"}".to_vec()] {
        let error = sent(&pass, &[JSON], body).expect_err("JSON in another encoding");
        assert_eq!(error.code(), "invalid_body");
        assert!(error.message().contains("UTF-8"), "{}", error.message());
    }

    let nested = json!({ "on_unparsable": "pass", "body": { "set": { "a": 1 } } });
    let arrays = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for (rules, body) in [(&nested, arrays.as_str()), (&pass, arrays.as_str())] {
        let error = sent(rules, &[JSON], body.to_owned()).expect_err("too deep");
        assert_eq!(error.code(), "invalid_body");
    }
}

#[test]
fn values_are_the_callers_or_the_request_is_refused() {
    let rules =
        json!({ "body": { "set": { "owner": "{claims.sub}", "limit": "{claims.limit}", "page": "{query.page}" } } });
    let body = body_of(sent(&rules, &[JSON], r#"{"owner":"forged","page":3}"#));
    assert_eq!(body, r#"{"owner":"u1","limit":12345678901}"#);

    let missing = json!({ "body": { "set": { "t": "{claims.tenant}" } } });
    let error = sent(&missing, &[JSON], "{}").expect_err("nobody's tenant");
    let GatewayError::Forbidden { at, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(at.as_str(), "/routes/0/transform/request/body/set/t");
    assert!(
        sent(&missing, &[("content-type", "text/plain")], "{}").is_ok(),
        "no body that rules are about"
    );
}

#[test]
fn a_document_of_random_members_loses_what_is_hidden_however_it_is_written() {
    for body in [
        r#"{"is_admin":1}"#,
        r#"{"is\u005fadmin":1}"#,
        r#"{"is_admin":1,"is_admin":2}"#,
        r#"[{"is_admin":1}]"#,
        "\u{feff}{\"is_admin\":1}",
    ] {
        let left = body_of(sent(&hide(), &[JSON], body.to_owned()));
        assert!(left == "{}" || left == "[{}]", "{left}");
    }
}
