//! `respond`: what becomes of an answer that stands in the document.

use http::StatusCode;
use proptest::prelude::*;

use super::{load, mistakes, right};
use crate::config::Target;
use crate::respond::FixedAnswer;

/// The answer of one open route with this `respond`, in flow style.
#[track_caller]
fn answer(respond: &str) -> FixedAnswer {
    let document = format!("routes:\n  - path: /a\n    auth: none\n    respond: {respond}\n");
    match &right(&document).config.routes[0].target {
        Target::Respond(answer) => answer.clone(),
        other => panic!("{other:?}"),
    }
}

fn header(answer: &FixedAnswer, name: &str) -> Option<String> {
    let value = answer.headers.get(name)?;
    Some(value.to_str().expect("visible ASCII").to_owned())
}

fn body(answer: &FixedAnswer) -> &str {
    std::str::from_utf8(&answer.body).expect("text")
}

#[test]
fn health_says_ok_and_is_never_cached() {
    let health = answer("health");
    assert_eq!((health.status, body(&health)), (StatusCode::OK, r#"{"status":"ok"}"#));
    assert_eq!(header(&health, "cache-control").as_deref(), Some("no-store"));
    assert_eq!(header(&health, "content-type").as_deref(), Some("application/json"));
    assert_eq!(health.headers.len(), 2);
}

#[test]
fn everything_may_be_left_out() {
    let empty = answer("{}");
    assert_eq!(
        (empty.status, body(&empty), empty.headers.len()),
        (StatusCode::OK, "", 0)
    );
    let redirect = answer("{ status: 308, headers: { Location: /b } }");
    assert_eq!(
        (redirect.status.as_u16(), header(&redirect, "location").as_deref()),
        (308, Some("/b"))
    );
    assert_eq!(header(&redirect, "content-type"), None, "there is no content");
    assert_eq!(header(&answer("{ status: 204, body: \"\" }"), "content-type"), None);
}

#[test]
fn the_body_says_its_type_unless_the_document_does() {
    for (respond, kind, text) in [
        ("{ body: hello }", "text/plain; charset=utf-8", "hello"),
        ("{ body: \"5\" }", "text/plain; charset=utf-8", "5"),
        (
            "{ body: { b: [1, true, null], a: x } }",
            "application/json",
            r#"{"b":[1,true,null],"a":"x"}"#,
        ),
        ("{ body: [] }", "application/json", "[]"),
        (
            "{ headers: { content-type: text/html }, body: <p> }",
            "text/html",
            "<p>",
        ),
        (
            "{ headers: { Content-Type: application/hal+json }, body: {} }",
            "application/hal+json",
            "{}",
        ),
        (
            "{ headers: { Content-Type: application/json }, body: \"[1 ]\" }",
            "application/json",
            "[1 ]",
        ),
        // Not one JSON text, and does not say so.
        (
            "{ headers: { Content-Type: application/json-seq }, body: x }",
            "application/json-seq",
            "x",
        ),
    ] {
        let answer = answer(respond);
        assert_eq!(header(&answer, "content-type").as_deref(), Some(kind), "{respond}");
        assert_eq!(body(&answer), text, "{respond}");
    }
}

#[test]
fn placeholders_are_filled_inside_and_bring_no_structure() {
    let filled = answer("{ body: { rps: \"${RPS}\", host: \"https://${A_HOST}\", said: \"${QUOTED:-\\\",x:1}\" } }");
    assert_eq!(
        body(&filled),
        r#"{"rps":100,"host":"https://a.internal","said":"\",x:1"}"#
    );
    // A body that is all placeholder is a text, whatever it is filled with: its type must not change with the value.
    for name in ["RPS", "YES", "A_HOST"] {
        let text = answer(&format!("{{ body: \"${{{name}}}\" }}"));
        assert_eq!(
            header(&text, "content-type").as_deref(),
            Some("text/plain; charset=utf-8"),
            "{name}"
        );
    }
    assert_eq!(answer("{ status: \"${STATUS:-404}\" }").status, StatusCode::NOT_FOUND);
    assert_eq!(
        header(&answer("{ headers: { X-Note: \"a ${A_HOST}\" } }"), "x-note").as_deref(),
        Some("a a.internal")
    );
}

#[test]
fn numbers_keep_their_text() {
    let exact = "[1.10,12345678901234567890123,1e400,-0]";
    assert_eq!(body(&answer(&format!("{{ body: {exact} }}"))), exact);
}

#[test]
fn every_mistake_of_an_answer_is_told_at_once() {
    let document = "routes:
  - path: /a
    auth: none
    upstream: odrers
    respond: { status: 99, headers: { TE: x, \"a b\": y }, body: [.5] }
  - path: /b
    auth: none
    respond: { status: 304, body: [1] }
    timeout: 0s
    strip_prefix: /c
";
    insta::assert_snapshot!(mistakes(document), @r#"
    gateway.yaml:2: /routes/0: upstream and respond are both here: a route has exactly one of them
    gateway.yaml:4: /routes/0/upstream: "odrers" is not an upstream: name one of upstreams, or write a URL such as http://orders:3002
    gateway.yaml:5: /routes/0/respond/status: must be a status from 200 to 599, in plain digits, not 99
    gateway.yaml:5: /routes/0/respond/headers/TE: "TE" cannot stand here: it belongs to one connection (RFC 9110 section 7.6.1)
    gateway.yaml:5: /routes/0/respond/headers/a b: "a b" is not a header name: letters, digits and - only, such as X-Tenant
    gateway.yaml:5: /routes/0/respond/body/0: must be a number as JSON writes it, not .5
    gateway.yaml:8: /routes/1/respond/body: an answer with status 304 has no body
    gateway.yaml:9: /routes/1/timeout: means nothing here: this route answers by itself (respond) and calls no upstream
    gateway.yaml:10: /routes/1/strip_prefix: means nothing here: this route answers by itself (respond) and calls no upstream
    "#);
}

proptest! {
    /// Whatever text a document holds, it is either told to be wrong or served as it stands in a header that no
    /// front door could split.
    #[test]
    fn no_text_of_a_header_breaks_out_of_it(value in "\\PC{0,20}|[ -~\\r\\n\\t\\x00-\\x1f]{0,20}") {
        let document = serde_json::json!({ "routes": [{
            "path": "/a", "auth": "none", "respond": { "headers": { "X-Note": value } }
        }] });
        if let Ok(checked) = load(&document.to_string()) {
            let Target::Respond(answer) = &checked.config.routes[0].target else { panic!("an answer") };
            let served = header(answer, "x-note").expect("the header");
            prop_assert_eq!(&served, &value);
            prop_assert!(served.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')));
        }
    }

    #[test]
    fn any_json_is_served_as_it_means(text in "\\PC{0,12}", number in any::<i64>(), flag in any::<bool>()) {
        let value = serde_json::json!({ "a": [text.replace('$', "_"), number, null], "b": { "c": flag } });
        let document = serde_json::json!({ "routes": [{ "path": "/a", "auth": "none", "respond": { "body": value } }] });
        let checked = load(&document.to_string()).expect("a right document");
        let Target::Respond(answer) = &checked.config.routes[0].target else { panic!("an answer") };
        let served: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        prop_assert_eq!(served, value);
    }
}
