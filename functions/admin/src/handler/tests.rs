//! What is decided before any table is asked: who may call, what can be read, and the shape of every refusal.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};

use tollgate::clock::Timestamp;

use crate::testing::{ANN, Answered, admin, answered, event, with_body};

async fn refused(event: &Value) -> Answered {
    let answer = answered(&admin(""), event).await;
    assert!((400..500).contains(&answer.status), "{event}: {answer:?}");
    assert_eq!(answer.body["request_id"], "req-1", "{event}");
    assert_eq!(answer.headers["x-request-id"], "req-1", "{event}");
    assert_eq!(answer.headers["content-type"], "application/json", "{event}");
    assert_eq!(answer.headers["cache-control"], "no-store", "{event}");
    assert_eq!(answer.log["error"], answer.body["error"], "{event}");
    answer
}

/// Status, code and message in a line.
async fn told(event: &Value) -> String {
    let Answered { status, body, .. } = refused(event).await;
    format!(
        "{status} {}: {}",
        body["error"].as_str().unwrap(),
        body["message"].as_str().unwrap()
    )
}

fn post(path: &str, body: &str) -> Value {
    with_body(event("POST", path), "application/json", body)
}

fn put(path: &str, body: &str) -> Value {
    with_body(event("PUT", path), "application/json", body)
}

fn patch(body: &str) -> Value {
    with_body(
        event("PATCH", "/keys/0123456789AB"),
        "application/merge-patch+json",
        body,
    )
}

#[tokio::test]
async fn each_refusal_has_its_code_and_a_sentence() {
    let long = "x".repeat(70_000);
    let mut forbidden = event("GET", "/keys");
    forbidden["requestContext"]["authorizer"] = Value::Null;
    let mut told_all = Vec::new();
    for (what, event) in [
        ("no identity", forbidden),
        ("no such path", event("GET", "/key")),
        ("another method", event("DELETE", "/keys")),
        ("a broken path", event("GET", "/keys/../x")),
        ("no id", event("GET", "/keys/tg_0123456789AB_abc")),
        ("no owner", event("GET", "/keys")),
        ("an empty owner", event("GET", "/keys?owner=")),
        ("two owners", event("GET", "/keys?owner=a&owner=b")),
        ("an owner of no text", event("GET", "/keys?owner=%ff")),
        ("a limit of 0", event("GET", "/keys?owner=a&limit=0")),
        ("a limit of 101", event("GET", "/keys?owner=a&limit=101")),
        ("a limit of 256", event("GET", "/keys?owner=a&limit=256")),
        ("a limit that is no number", event("GET", "/keys?owner=a&limit=ten")),
        ("no cursor", event("GET", "/keys?owner=a&cursor=x")),
        ("no JSON", post("/keys", "{\"owner\":")),
        ("no body", post("/keys", "")),
        ("no owner in a body", post("/keys", "{}")),
        ("an unknown member", post("/keys", r#"{"owner":"a","admin":true}"#)),
        ("a duplicate member", post("/keys", r#"{"owner":"a","owner":"b"}"#)),
        ("another type", post("/keys", r#"{"owner":"a","scopes":["a",5]}"#)),
        ("a wrong scope", post("/keys", r#"{"owner":"a","scopes":["a b"]}"#)),
        (
            "too many scopes",
            post("/keys", &json!({ "owner": "a", "scopes": vec!["s"; 65] }).to_string()),
        ),
        ("no lifetime", post("/keys", r#"{"owner":"a","expires_in":0}"#)),
        (
            "too long a lifetime",
            post("/keys", r#"{"owner":"a","expires_in":3155760001}"#),
        ),
        (
            "an array of members",
            post("/keys", r#"["a",null,null,null,[],null,null]"#),
        ),
        ("an array with a grace", post("/keys/0123456789AB/rotate", "[0]")),
        ("an empty array", post("/keys/0123456789AB/rotate", "[]")),
        ("an empty owner in a body", post("/keys", r#"{"owner":""}"#)),
        (
            "too long a grace",
            post("/keys/0123456789AB/rotate", r#"{"grace":3155760001}"#),
        ),
        ("nobody's usage", event("GET", "/usage?Part=route=a")),
        (
            "the usage of a whole key",
            event("DELETE", "/usage?part=api_key=tg_very-secret"),
        ),
        ("usage by what is no text", event("GET", "/usage?part=route=%ff")),
        (
            "usage by a wrong part of two",
            event("GET", "/usage?part=route=a&part=very-secret"),
        ),
        ("no change", patch("{}")),
        ("a change of the owner", patch(r#"{"owner":"bob"}"#)),
        ("a change that is no object", patch("null")),
        (
            "a plan's end without the plan",
            patch(r#"{"plan":null,"plan_expires_in":60}"#),
        ),
        ("an empty plan in a change", patch(r#"{"plan":""}"#)),
        ("no lifetime in a change", patch(r#"{"expires_in":0}"#)),
        (
            "too many scopes in a change",
            patch(&json!({ "scopes": vec!["s"; 65] }).to_string()),
        ),
        (
            "wrong limits in a change",
            patch(r#"{"limits":{"quota":{"requests":0,"per":"day"}}}"#),
        ),
        ("a change of no media type", event("PATCH", "/keys/0123456789AB")),
        (
            "an end of a plan that there is none of",
            post("/keys", r#"{"owner":"a","plan_expires_in":60}"#),
        ),
        ("no name of a plan", event("GET", "/plans/.a")),
        ("a plan of YAML", put("/plans/a", "quota: 5")),
        ("a plan of nothing", put("/plans/a", "{}")),
        (
            "two mistakes in a plan",
            put("/plans/a", r#"{"quota":{"requests":0,"per":"dya"}}"#),
        ),
        (
            "wrong limits of a key",
            post(
                "/keys",
                r#"{"owner":"a","limits":{"quota":{"requests":0,"per":"day"}}}"#,
            ),
        ),
        (
            "another content type",
            with_body(event("POST", "/keys"), "text/plain", "{}"),
        ),
        ("too large a body", post("/keys", &long)),
    ] {
        told_all.push(format!("{what}: {}", told(&event).await));
    }
    assert_snapshot!(told_all.join("\n"));
}

#[tokio::test]
async fn an_error_is_a_problem_document_for_who_asks_for_one() {
    let mut event = event("GET", "/nowhere");
    event["headers"]["accept"] = "application/problem+json".into();
    let answer = answered(&admin(""), &event).await;
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_json_snapshot!(answer.body);
}

#[tokio::test]
async fn without_an_identity_every_path_and_every_broken_request_is_forbidden() {
    let mut events = Vec::new();
    for path in ["/", "/keys", "/openapi.json", "/nowhere", "/../x", "/%2e%2e/x", "\\"] {
        let mut event = event("GET", path);
        event["requestContext"]["authorizer"] = Value::Null;
        events.push(event);
    }
    let mut broken = event("NO METHOD", "/keys");
    broken["requestContext"]["authorizer"] = json!({ "jwt": { "claims": { "sub": ANN } } });
    events.push(broken);
    events.push(json!({ "version": "2.0", "requestContext": "nonsense" }));
    events.push(json!({ "version": "2.0", "requestContext": { "http": {}, "authorizer": "nonsense" } }));
    events.push(json!({
        "httpMethod": "GET", "path": "/keys", "headers": { "host": "x", "x-forwarded-for": "192.0.2.1" },
        "requestContext": { "elb": { "targetGroupArn": "x" }, "authorizer": { "iam": { "userArn": ANN } } },
    }));
    for event in events {
        let answer = answered(&admin(""), &event).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (403, &json!("forbidden")),
            "{event}"
        );
        assert_eq!(answer.log["principal"], Value::Null, "{event}");
        assert!(answer.log["detail"].is_string(), "{event}");
    }
}

#[tokio::test]
async fn of_those_whom_iam_lets_in_a_list_may_choose() {
    for (patterns, status) in [
        (ANN, 200),
        ("arn:aws:iam::123456789012:user/*", 200),
        ("arn:aws:iam::1:*", 403),
    ] {
        let answer = answered(&admin(patterns), &event("GET", "/openapi.json")).await;
        assert_eq!(answer.status, status, "{patterns}");
    }
}

#[tokio::test]
async fn what_is_no_request_fails_as_an_invocation() {
    for payload in ["", "null", "{}", "[]", r#"{"Records":[{"eventSource":"aws:sqs"}]}"#] {
        assert!(
            admin("").handle(payload, Timestamp::from_secs(1)).await.is_err(),
            "{payload}"
        );
    }
}

#[tokio::test]
async fn another_method_hears_which_there_are() {
    for (path, methods) in [
        ("/keys", "GET,HEAD,POST"),
        ("/keys/0123456789AB", "GET,HEAD,PATCH"),
        ("/keys/0123456789AB/revoke", "POST"),
    ] {
        let methods_of_none = ["PUT", "DELETE", "PATCH", "OPTIONS", "QUERY"];
        for method in methods_of_none.into_iter().filter(|method| !methods.contains(method)) {
            let answer = refused(&event(method, path)).await;
            let mut allowed: Vec<&str> = answer.headers["allow"].as_str().unwrap().split(',').collect();
            allowed.sort_unstable();
            assert_eq!((answer.status, &*allowed.join(",")), (405, methods), "{method} {path}");
        }
    }
}

/// RFC 5789 section 2.2.
#[tokio::test]
async fn a_patch_of_another_kind_hears_which_there_are() {
    for media_type in [
        "application/json-patch+json",
        "text/plain",
        "application/json, text/plain",
        "",
    ] {
        let event = with_body(event("PATCH", "/keys/0123456789AB"), media_type, "[]");
        let answer = refused(&event).await;
        assert_eq!(
            (answer.status, &answer.headers["accept-patch"]),
            (415, &json!("application/merge-patch+json, application/json")),
            "{media_type}"
        );
    }
    let answer = refused(&with_body(event("POST", "/keys"), "text/plain", "{}")).await;
    assert_eq!((answer.status, &answer.headers["accept-patch"]), (415, &Value::Null));
    for media_type in ["application/json", "Application/Merge-Patch+JSON; charset=utf-8"] {
        let event = with_body(event("PATCH", "/keys/0123456789AB"), media_type, "[]");
        assert_eq!(refused(&event).await.status, 422, "{media_type}");
    }
}

#[tokio::test]
async fn the_document_is_served_to_callers() {
    let answer = answered(&admin(""), &event("GET", "/openapi.json")).await;
    assert_eq!(
        (answer.status, &answer.headers["content-type"]),
        (200, &json!("application/json"))
    );
    assert_eq!(answer.body, crate::document());
    assert_eq!(answer.log["route"], "/openapi.json");
}

#[tokio::test]
async fn a_log_line_says_who_asked_for_what_and_never_a_key() {
    let whole_key = "tg_0123456789AB_abcdefghijklmnopqrstuvwxyzABCDEF_hLSfXg";
    let mut event = post(&format!("/keys/{whole_key}/revoke?x={whole_key}"), whole_key);
    event["headers"]["authorization"] = whole_key.into();
    let answer = answered(&admin(""), &event).await;
    let mut log = answer.log;
    for (changing, value) in [("time", "2027-01-15T08:00:00.000Z".into()), ("latency", 1.5.into())] {
        assert!(log[changing].is_string() || log[changing].is_number());
        log[changing] = value;
    }
    assert!(!log.to_string().contains("abcdefghijklmnopqrstuvwxyzABCDEF"), "{log}");
    assert!(
        !answer.body.to_string().contains("abcdefghijklmnopqrstuvwxyzABCDEF"),
        "{}",
        answer.body
    );
    assert_json_snapshot!(log);
    let about = answered(&admin(""), &post("/keys/0123456789AB/rotate", "[]")).await.log;
    assert_eq!(
        (&about["route"], &about["key_id"]),
        (&json!("/keys/{id}/rotate"), &json!("0123456789AB"))
    );
}

#[tokio::test]
async fn hostile_bodies_are_refused_in_few_words() {
    let deep = "[".repeat(60_000);
    let long = format!("{{\"{}\":1}}", "k".repeat(10_000));
    let text = format!("{{\"owner\":5,\"name\":\"{}\"}}", "\u{1f511}".repeat(2_500));
    for body in [
        &*deep,
        &long,
        &text,
        &format!(r#"{{"owner":"a","scopes":["{}"]}}"#, "\u{1f511}".repeat(2_500)),
        "\u{feff}{}",
        "null",
        "[]",
        "\"owner\"",
        r#"{"owner":"\ud800"}"#,
        r#"{"owner":null}"#,
        r#"{"owner":"a","expires_in":-1}"#,
        r#"{"owner":"a","expires_in":1e400}"#,
        r#"{"owner":"a","expires_in":1.5}"#,
        r#"{"owner":"a","expires_in":"5"}"#,
        r#"{"owner":"a","expires_in":-0.0}"#,
        r#"{"owner":"a","expires_in":1e300}"#,
        r#"{"owner":"a","expires_in":18446744073709551616}"#,
        r#"{"owner":"a\u0000"}"#,
        r#"{"owner":"a"} {}"#,
    ] {
        let answer = refused(&post("/keys", body)).await;
        assert!([400, 422].contains(&answer.status), "{body:.80}");
        assert!(answer.body["message"].as_str().unwrap().len() < 400, "{body:.80}");
    }
    for body in [
        &*deep,
        &format!(r#"{{"limits":{}}}"#, "[".repeat(60_000)),
        &format!(
            r#"{{"limits":{{"quota":{}}}}}"#,
            "[".repeat(10_000) + &"]".repeat(10_000)
        ),
        &long,
        &format!(r#"{{"name":"{}"}}"#, "\u{1f511}".repeat(2_500)),
        "\u{feff}{}",
        "",
        "[]",
        "[null, null]",
        " \n[\"gold\"]",
        "\"plan\"",
        r#"{"plan":"a","plan":null}"#,
        r#"{"plan":["a"]}"#,
        r#"{"plan":"a\u0000"}"#,
        r#"{"scopes":[null]}"#,
        r#"{"scopes":{"0":"a"}}"#,
        r#"{"limits":{}}"#,
        r#"{"limits":"{}"}"#,
        r#"{"expires_in":-1}"#,
        r#"{"expires_in":1e400}"#,
        r#"{"expires_in":18446744073709551616}"#,
        r#"{"expires_at":1800000000}"#,
        r#"{"id":"0123456789AB","name":"a"}"#,
        r#"{"status":"active"}"#,
        r#"{"hash":"a"}"#,
        r#"{"name":"a"} {}"#,
    ] {
        let answer = refused(&patch(body)).await;
        assert!([400, 422].contains(&answer.status), "{body:.80}");
        assert!(answer.body["message"].as_str().unwrap().len() < 400, "{body:.80}");
    }
    let mut base64 = post("/keys", "no base64");
    base64["isBase64Encoded"] = true.into();
    assert_eq!(refused(&base64).await.status, 400);
    let long_query = format!("/keys?owner={}", "x".repeat(100_000));
    assert_eq!(refused(&event("GET", &long_query)).await.status, 400);
}

#[tokio::test]
async fn a_hostile_part_is_refused_in_few_words() {
    for part in ["header:", "header:%C3%A4"] {
        let query = format!("/usage?part={part}{}%3D1", "%20x".repeat(10_000));
        let answer = refused(&event("GET", &query)).await;
        assert_eq!(answer.body["error"], "bad_request", "{part}");
        assert!(answer.body["message"].as_str().unwrap().len() < 400, "{answer:?}");
    }
}
