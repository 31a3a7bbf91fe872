//! What rules do to an answer: which bodies they read, refuse and pass, and what becomes of the headers.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};

use super::super::content::MAX_DECODED;
use super::super::response::{change_body, prepare_request};
use super::super::rewrite::MAX_DEPTH;
use super::super::{BodyChanges, BodyRules, HeaderChanges, OnUnparsable, ResponseRules, Rule, SetRules};
use super::rules;
use crate::config::Pointer;
use crate::edits::Edits;
use crate::error::GatewayError;
use crate::template::{ValueTemplate, Values};
use crate::testing::request;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn block(at: &str, fields: BodyRules, on_unparsable: OnUnparsable) -> ResponseRules {
    ResponseRules {
        pointer: Pointer::new(at),
        headers: HeaderChanges::default(),
        body: BodyChanges {
            fields,
            ..BodyChanges::default()
        },
        on_unparsable,
    }
}

fn apply(rules: &[&ResponseRules], answer: Response<Bytes>) -> Result<Response<Bytes>, GatewayError> {
    let request = request(Method::GET, "/v1/o 7/of/x");
    let values = Values {
        request: &request,
        identity: None,
        parts: &[],
    };
    change_body(rules, answer, &values, &mut Edits::default())
}

fn hide_secret(on_unparsable: OnUnparsable) -> ResponseRules {
    block(
        "/transformations/0/response",
        rules(&["secret"], &[], &[]),
        on_unparsable,
    )
}

fn answer(headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(body.into());
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).unwrap();
        answer
            .headers_mut()
            .append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    answer
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn listed(headers: &HeaderMap) -> Vec<String> {
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect()
}

/// The body after `hide_secret`, or why it was refused.
fn hidden(answer: Response<Bytes>) -> Result<String, String> {
    match apply(&[&hide_secret(OnUnparsable::Refuse)], answer) {
        Ok(answer) => Ok(String::from_utf8_lossy(answer.body()).into_owned()),
        Err(GatewayError::UpstreamInvalid { why }) => Err(why),
        Err(other) => panic!("{other:?}"),
    }
}

fn passes_untouched(rules: &[&ResponseRules], answer: Response<Bytes>) {
    let before = answer.clone();
    let after = apply(rules, answer).expect("passes");
    assert_eq!(after.body(), before.body());
    assert_eq!(listed(after.headers()), listed(before.headers()));
    assert_eq!(after.status(), before.status());
}

#[test]
fn json_media_types_are_read() {
    let types = [
        "application/json",
        "APPLICATION/JSON; charset=utf-8",
        " application/json ;q=1",
        "text/json",
        "application/problem+json",
        "application/vnd.api+JSON;v=1",
        "text/plain, application/json",
        "application/json, text/plain",
    ];
    for media in types {
        let body = hidden(answer(&[("content-type", media)], r#"{"secret":1,"a":2}"#));
        assert_eq!(body.as_deref(), Ok(r#"{"a":2}"#), "{media}");
    }
    let twice = &[("content-type", "text/plain"), ("content-type", "application/json")];
    assert_eq!(hidden(answer(twice, r#"{"secret":1}"#)).as_deref(), Ok("{}"));
}

#[test]
fn other_media_types_pass_untouched() {
    let refuse = hide_secret(OnUnparsable::Refuse);
    for media in [
        "text/plain",
        "text/html; a=application/json",
        "application/x-jso",
        "image/png",
    ] {
        let headers = &[
            ("content-type", media),
            ("content-length", "12"),
            ("content-encoding", "br"),
            ("etag", "\"1\""),
            ("digest", "x"),
            ("accept-ranges", "bytes"),
        ];
        passes_untouched(&[&refuse], answer(headers, r#"{"secret":1}"#));
    }
}

#[test]
fn asking_for_a_sequence_does_not_pass_the_rules() {
    let refuse = hide_secret(OnUnparsable::Refuse);
    for media in [
        "application/x-ndjson",
        "application/jsonl",
        "application/json-seq",
        "Application/X-NDJSON; a=b",
    ] {
        let sequence = answer(&[("content-type", media)], "{\"secret\":1}\n{\"secret\":2}\n");
        assert!(apply(&[&refuse], sequence).is_err(), "{media}");
    }
}

#[test]
fn a_body_of_no_type_that_begins_like_json_must_be_json() {
    let refuse = hide_secret(OnUnparsable::Refuse);
    for body in ["{\"secret\":1}\n{\"secret\":2}", " [1,", "\u{feff}{", "{\0\"\0s\0\"\0"] {
        assert!(apply(&[&refuse], answer(&[], body)).is_err(), "{body:?}");
    }
    passes_untouched(&[&refuse], answer(&[], "plain words"));
}

#[test]
fn without_a_media_type_the_body_tells() {
    let refuse = hide_secret(OnUnparsable::Refuse);
    for headers in [
        &[][..],
        &[("content-type", "")],
        &[("content-type", "json")],
        &[("content-type", ";charset=x")],
    ] {
        assert_eq!(
            hidden(answer(headers, r#"{"secret":1}"#)).as_deref(),
            Ok("{}"),
            "{headers:?}"
        );
        passes_untouched(&[&refuse], answer(headers, "plain text"));
    }
    let coded = &[("content-encoding", "gzip")];
    assert_eq!(hidden(answer(coded, gzip(br#"{"secret":1}"#))).as_deref(), Ok("{}"));
    passes_untouched(&[&refuse], answer(coded, gzip(b"plain text")));
    // What cannot be looked into may be JSON.
    assert!(hidden(answer(&[("content-encoding", "br")], "?")).is_err());
    assert!(hidden(answer(coded, "?")).is_err());
}

#[test]
fn gzip_is_decoded() {
    let body = gzip(br#"{"secret":1,"a":2}"#);
    for coding in ["gzip", "GZIP", "x-gzip", "identity, gzip", " gzip ,"] {
        let after = apply(
            &[&hide_secret(OnUnparsable::Refuse)],
            answer(
                &[("content-type", "application/json"), ("content-encoding", coding)],
                body.clone(),
            ),
        )
        .expect("is read");
        assert_eq!(after.body(), r#"{"a":2}"#, "{coding}");
        assert_eq!(
            listed(after.headers()),
            ["content-type: application/json", "content-length: 7"]
        );
    }
    let mut members = gzip(br#"{"secret":1,"#);
    members.extend(gzip(br#""a":2}"#));
    let headers = &[("content-type", "application/json"), ("content-encoding", "gzip")];
    assert_eq!(hidden(answer(headers, members)).as_deref(), Ok(r#"{"a":2}"#));
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    let gzipped = &[("content-type", "application/json"), ("content-encoding", "gzip")];
    let coded = |coding| [("content-type", "application/json"), ("content-encoding", coding)];
    let whole = gzip(br#"{"secret":1}"#);
    let mut garbage_behind = whole.clone();
    garbage_behind.extend(b"garbage");
    let mut partial = answer(JSON, r#"{"a":1}"#);
    *partial.status_mut() = http::StatusCode::PARTIAL_CONTENT;
    let mut parts = answer(
        &[("content-type", "multipart/byteranges; boundary=x")],
        r#"--x"secret":1"#,
    );
    *parts.status_mut() = http::StatusCode::PARTIAL_CONTENT;
    let cases = vec![
        answer(JSON, "<secret>"),
        answer(JSON, " "),
        answer(JSON, "{\"secret\":1}\n{\"secret\":2}"),
        answer(JSON, "{\n  \"secret\": s3cr3t\n}"),
        answer(JSON, r#"{"secret":"s3cr3t"#),
        answer(JSON, r#"{"secret":01}"#),
        answer(JSON, r#"{"secret":NaN}"#),
        answer(JSON, r#"{"secret":1,}"#),
        answer(JSON, r#"{'secret':1}"#),
        answer(JSON, "{\"secret\":\"\u{1}\"}"),
        answer(JSON, &b"{\"secret\":\"\xff\"}"[..]),
        answer(JSON, r#"{"secret":"\x"}"#),
        answer(JSON, &b"\xff\xfe{\0}\0"[..]),
        answer(JSON, "\u{feff}\u{feff}{}"),
        answer(JSON, "\u{feff}"),
        answer(JSON, ")]}',\n{\"secret\":1}"),
        answer(gzipped, r#"{"secret":1}"#),
        answer(gzipped, whole[..whole.len() - 1].to_vec()),
        answer(gzipped, garbage_behind),
        answer(&coded("br"), "?"),
        answer(&coded("gzip, gzip"), gzip(&whole)),
        answer(&coded("gzip;q=1"), whole),
        partial,
        parts,
        answer(gzipped, gzip(&vec![b' '; MAX_DECODED + 1])),
        answer(JSON, "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1)),
    ];
    let prefix = "/transformations/0/response cannot be applied: the answer's body ";
    let reasons: Vec<String> = cases
        .into_iter()
        .map(|case| hidden(case).expect_err("is refused"))
        .map(|why| why.strip_prefix(prefix).expect("names the rules first").to_owned())
        .collect();
    assert!(
        reasons.iter().all(|why| !why.contains("s3cr3t")),
        "a reason quotes the body"
    );
    insta::assert_snapshot!(reasons.join("\n"), @r"
    is not JSON: expected value at line 1 column 1
    is not JSON: EOF while parsing a value at line 1 column 1
    is not JSON: trailing characters at line 2 column 1
    is not JSON: expected value at line 2 column 13
    is not JSON: EOF while parsing a string at line 1 column 17
    is not JSON: invalid number at line 1 column 12
    is not JSON: expected value at line 1 column 11
    is not JSON: key must be a string at line 1 column 13
    is not JSON: key must be a string at line 1 column 2
    is not JSON: control character (\u0000-\u001F) found while parsing a string at line 1 column 11
    begins like JSON, and is not the UTF-8 that JSON is written in
    is not JSON: invalid escape at line 1 column 13
    begins like JSON, and is not the UTF-8 that JSON is written in
    is not JSON: expected value at line 1 column 1
    is not JSON: EOF while parsing a value at line 1 column 0
    is not JSON: expected value at line 1 column 1
    is not the gzip its Content-Encoding says
    is not the gzip its Content-Encoding says
    is not the gzip its Content-Encoding says
    has a Content-Encoding other than gzip, though identity was asked for
    has a Content-Encoding other than gzip, though identity was asked for
    has a Content-Encoding other than gzip, though identity was asked for
    is only a part (206), though no range was asked for
    is only a part (206), though no range was asked for
    has more than 16777216 bytes, decoded or with what is set in it
    nests deeper than 128 levels
    ");
}

#[test]
fn on_unparsable_pass_passes_what_is_not_json() {
    let pass = hide_secret(OnUnparsable::Pass);
    let headers = &[
        ("content-type", "application/json"),
        ("content-length", "9"),
        ("etag", "\"1\""),
        ("digest", "x"),
    ];
    passes_untouched(&[&pass], answer(headers, "not JSON!"));
    let gzipped = &[("content-type", "application/json"), ("content-encoding", "gzip")];
    passes_untouched(&[&pass], answer(gzipped, gzip(b"not JSON!")));
    let after = apply(&[&pass], answer(JSON, r#"{"secret":1}"#)).expect("is read");
    assert_eq!(after.body(), "{}");
}

/// All of these are whole or partial JSON to a client that can do more than the gateway.
#[test]
fn on_unparsable_pass_does_not_pass_what_the_gateway_cannot_look_into() {
    let pass = hide_secret(OnUnparsable::Pass);
    let coded = |coding| [("content-type", "application/json"), ("content-encoding", coding)];
    let gzipped = &coded("gzip");
    assert!(apply(&[&pass], answer(&coded("br"), "?")).is_err());
    assert!(apply(&[&pass], answer(&coded("gzip, gzip"), gzip(&gzip(br#"{"secret":1}"#)))).is_err());
    // Many clients read on to the end of the gzip data and do not mind what comes behind.
    let mut garbage_behind = gzip(br#"{"secret":1}"#);
    garbage_behind.extend(b"garbage");
    assert!(apply(&[&pass], answer(gzipped, garbage_behind)).is_err());
    let mut partial = answer(JSON, r#"{"secret":1}"#);
    *partial.status_mut() = http::StatusCode::PARTIAL_CONTENT;
    assert!(apply(&[&pass], partial).is_err());
    let large = format!(r#"{{"secret":1{}}}"#, " ".repeat(MAX_DECODED));
    assert!(apply(&[&pass], answer(gzipped, gzip(large.as_bytes()))).is_err());
    let deep = format!(r#"{}{{"secret":1}}{}"#, "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(apply(&[&pass], answer(JSON, deep.clone())).is_err());
    assert!(apply(&[&pass], answer(&[], deep)).is_err());
    // Browsers read one broken byte as U+FFFD and the rest as JSON; others go by `charset`, or find UTF-16 by its NULs.
    let wide: Vec<u8> = r#"{"secret":1}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for body in [wide, b"{\"secret\":1,\"name\":\"Jos\xe9\"}".to_vec()] {
        for headers in [JSON, &[]] {
            let error = apply(&[&pass], answer(headers, body.clone())).expect_err("is read by clients");
            assert!(error.detail().is_some_and(|why| why.contains("UTF-8")), "{error:?}");
        }
    }
}

/// An upstream chooses how many objects there are, a client what they are filled with.
#[test]
fn what_is_set_a_million_times_over_is_refused_before_it_fills_the_memory() {
    let mut set = SetRules::default();
    let rule = Rule {
        at: Pointer::new("/set"),
        says: (vec!["x".into()], ValueTemplate::Fixed("1".repeat(8_000).into())),
    };
    set.push(rule).expect("a rule");
    let fill = ResponseRules {
        body: BodyChanges {
            set,
            ..BodyChanges::default()
        },
        ..block("/0", BodyRules::default(), OnUnparsable::Pass)
    };
    let many = format!("[{}]", vec!["{}"; 400_000].join(","));
    let error = apply(&[&fill], answer(JSON, many)).expect_err("three gigabytes");
    assert!(error.detail().is_some_and(|why| why.contains("more than")), "{error:?}");
}

#[test]
fn blocks_apply_in_order_and_refusal_wins() {
    let first = block("/0", rules(&[], &[], &[("a", "b")]), OnUnparsable::Pass);
    let second = block("/1", rules(&["b.x"], &[], &[("b", "c")]), OnUnparsable::Refuse);
    let nothing = block("/2", BodyRules::default(), OnUnparsable::Refuse);
    let after = apply(&[&first, &second], answer(JSON, r#"{"a":{"x":1,"y":2}}"#)).expect("is read");
    assert_eq!(after.body(), r#"{"c":{"y":2}}"#);
    let refused = apply(&[&first, &second], answer(JSON, "no")).expect_err("the second insists");
    assert!(
        refused
            .detail()
            .is_some_and(|why| why.starts_with("/1 cannot be applied")),
        "{refused:?}"
    );
    passes_untouched(&[&first, &nothing], answer(JSON, "no"));
    passes_untouched(&[&nothing], answer(JSON, "no"));
    passes_untouched(&[], answer(JSON, "no"));
}

#[test]
fn headers_are_made_true_again() {
    let headers = &[
        ("content-type", "application/json"),
        ("content-length", "18"),
        ("content-length", "18"),
        ("etag", "\"v1\""),
        ("content-digest", "sha-256=:x:"),
        ("repr-digest", "sha-256=:x:"),
        ("digest", "sha-256=x"),
        ("content-md5", "x"),
        ("accept-ranges", "bytes"),
        ("last-modified", "Tue, 15 Nov 1994 12:45:26 GMT"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ];
    let after = apply(
        &[&hide_secret(OnUnparsable::Refuse)],
        answer(headers, r#"{"secret":1,"a":2}"#),
    )
    .unwrap();
    let mut left = listed(after.headers());
    left.sort();
    assert_eq!(
        left,
        [
            "content-length: 7",
            "content-type: application/json",
            "etag: W/\"v1\"",
            "last-modified: Tue, 15 Nov 1994 12:45:26 GMT",
            "set-cookie: a=1",
            "set-cookie: b=2",
        ]
    );
}

#[test]
fn entity_tags_become_weak() {
    let cases = [
        ("\"v1\"", Some("W/\"v1\"")),
        ("W/\"v1\"", Some("W/\"v1\"")),
        ("\"\"", Some("W/\"\"")),
        ("v1", None),
        ("\"", None),
        ("W/", None),
        ("w/\"v1\"", None),
    ];
    for (tag, weak) in cases {
        let headers = &[("content-type", "application/json"), ("etag", tag)];
        let after = apply(&[&hide_secret(OnUnparsable::Refuse)], answer(headers, "{}")).unwrap();
        assert_eq!(
            after.headers().get("etag").map(|tag| tag.to_str().unwrap()),
            weak,
            "{tag}"
        );
    }
}

#[test]
fn empty_bodies_pass_with_true_headers() {
    let headers = |length| {
        [
            ("content-type", "application/json"),
            ("content-length", length),
            ("content-encoding", "gzip"),
            ("etag", "\"v1\""),
            ("digest", "x"),
        ]
    };
    for (length, left) in [
        ("1234", &["content-type: application/json", "etag: W/\"v1\""][..]),
        (
            "0",
            &["content-type: application/json", "content-length: 0", "etag: W/\"v1\""],
        ),
    ] {
        let after = apply(&[&hide_secret(OnUnparsable::Refuse)], answer(&headers(length), "")).expect("passes");
        assert!(after.body().is_empty());
        assert_eq!(listed(after.headers()), left);
    }
    let after = apply(&[&hide_secret(OnUnparsable::Refuse)], answer(&[], "")).expect("passes");
    assert!(after.headers().is_empty());
}

#[test]
fn every_status_is_transformed_and_kept() {
    for status in [200, 201, 404, 422, 500, 503] {
        let mut upstream = answer(JSON, "\u{feff} {\"secret\":1}\n");
        *upstream.status_mut() = http::StatusCode::from_u16(status).unwrap();
        let after = apply(&[&hide_secret(OnUnparsable::Refuse)], upstream).unwrap();
        assert_eq!((after.status().as_u16(), after.body().as_ref()), (status, &b"{}"[..]));
    }
}

#[test]
fn upstreams_are_asked_for_the_whole_plain_body() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
        ("accept-encoding", "br"),
        ("range", "bytes=0-9"),
        ("if-range", "\"1\""),
        ("if-none-match", "\"1\""),
        ("if-none-match", "\"2\""),
        ("if-match", "\"1\""),
        ("if-modified-since", "x"),
        ("if-unmodified-since", "x"),
        ("if-schedule-tag-match", "x"),
        ("ifx", "stays"),
    ] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    prepare_request(&Method::GET, &mut headers);
    let mut left = listed(&headers);
    left.sort();
    assert_eq!(
        left,
        ["accept-encoding: identity", "accept: application/json", "ifx: stays"]
    );
}

#[test]
fn a_write_keeps_its_guard_against_lost_updates() {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("if-match"), HeaderValue::from_static("\"1\""));
    prepare_request(&Method::PUT, &mut headers);
    assert_eq!(listed(&headers), ["if-match: \"1\"", "accept-encoding: identity"]);
}
