//! The folders of events in this repository, and how events are run.

mod authorizer;
mod folders;
mod records;
mod tokens;
mod updates;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::case::{Case, Unscripted};
use super::compare::differences;
use super::expectation::TestedFunction;
use super::outcome::{Outcome, Output};
use super::{folder, report};
use crate::exit::Failure;

/// `events/` of this repository.
fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../events")
}

/// A folder with these files.
fn folder_with(files: &[(&str, String)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Sends everything to one service, counted by address.
fn config() -> String {
    json!({
        "routes": [{ "path": "/api/**", "upstream": "${SERVICE:-http://service.internal}", "strip_prefix": "/api", "auth": "none" }],
        "rate_limiting": { "overrides": [{ "path": "/api/login", "requests_per_minute": 2, "key": "client_ip" }] },
    })
    .to_string()
}

fn event(path: &str) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "", "headers": { "host": "api.example.com" },
        "requestContext": { "stage": "$default", "http": { "method": "GET", "sourceIp": "192.0.2.7" } },
        "isBase64Encoded": false
    })
}

/// A folder with one event named `one`.
fn one(path: &str, expectation: &Value) -> TempDir {
    folder_with(&[
        ("gateway.json", config()),
        ("one.json", event(path).to_string()),
        ("one.expect.json", expectation.to_string()),
    ])
}

fn cases(folder: &Path) -> Vec<Case> {
    folder::read(folder, None, &[]).unwrap()
}

fn refused(folder: &Path) -> String {
    match folder::read(folder, None, &[]) {
        Err(Failure::Usage(why)) => why.replace(&format!("{}/", folder.display()), ""),
        other => panic!("{other:?}"),
    }
}

/// What a failed case says; empty for one that passes.
async fn said(case: &Case) -> String {
    let outcome = case.run(&case.expectation.exchanges, Unscripted::Refused).await;
    match differences(&case.expectation, &outcome) {
        found if found.is_empty() => String::new(),
        found => anstream::adapter::strip_str(&report::failed(case, &outcome, &found)).to_string(),
    }
}

/// The lines that tell what differs.
async fn differs(folder: &TempDir) -> String {
    let said = said(&cases(folder.path())[0]).await;
    let lines: Vec<&str> = said.lines().skip(1).map(str::trim).collect();
    lines.join("\n")
}

/// Runs all of a folder, and says how many there were.
async fn all_hold(folder: &Path) -> usize {
    let mut failures = String::new();
    let cases = cases(folder);
    for case in &cases {
        match case.text {
            Some(_) => failures += &said(case).await,
            None => failures += &format!("{}: nothing is expected of it\n", case.name),
        }
    }
    assert!(failures.is_empty(), "{}\n{failures}", folder.display());
    cases.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_has_the_outcome_that_stands_beside_it() {
    let cases = all_hold(&events()).await;
    assert!(cases >= 50, "only {cases} events");
}

/// Each folder of examples is a config, a page about it, and events; and there is none that nobody looks at.
#[tokio::test(flavor = "multi_thread")]
async fn every_example_does_what_its_events_say() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let entries = std::fs::read_dir(&examples).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut found: Vec<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, EXAMPLES);
    for example in EXAMPLES {
        let folder = examples.join(example);
        assert!(folder.join("README.md").is_file(), "{example} has no page about it");
        let cases = all_hold(&folder.join("events")).await;
        assert!(cases >= 5, "{example}: only {cases} events");
    }
}

const EXAMPLES: [&str; 5] = ["canary", "catalogue", "partner", "store", "versions"];

/// The largest event that Lambda takes, in bytes.
const LARGEST_EVENT: usize = 6 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_event_reaches_the_service_whole() {
    let mut event = event("/api/upload");
    event["requestContext"]["http"]["method"] = json!("PUT");
    event["body"] = json!("");
    let length = LARGEST_EVENT - event.to_string().len();
    event["body"] = json!("x".repeat(length));
    let expectation = json!({
        "upstream": [{
            "request": "PUT http://service.internal/upload",
            "body_length": length,
            "answer": { "status": 200, "body_length": length / 2 }
        }],
        "status": 200,
        "body_length": length / 2
    });
    let folder = folder_with(&[
        ("gateway.json", config()),
        ("large.json", event.to_string()),
        ("large.expect.json", expectation.to_string()),
    ]);
    let case = &cases(folder.path())[0];
    assert_eq!(case.event.len(), LARGEST_EVENT);
    assert_eq!(said(case).await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nothing_answers_is_named_and_so_is_one_that_is_not_made() {
    let folder = one(
        "/api/users/42",
        &json!({
            "about": "The service has no prefix.",
            "upstream": [{ "request": "GET http://service.internal/api/users/42", "answer": { "status": 200 } }],
            "status": 200
        }),
    );
    insta::assert_snapshot!(differs(&folder).await, @r"
    The service has no prefix.
    status
    expected  200
    got       502
    upstream 1
    expected  GET http://service.internal/api/users/42
    got       no such call
    upstream
    expected  no further call
    got       GET http://service.internal/users/42
    the log says: the test's upstream refuses
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_differs_is_told() {
    let folder = one(
        "/api/users/42",
        &json!({
            "upstream": [{
                "request": "GET http://service.internal/users/42",
                "headers": { "X-Forwarded-For": "192.0.2.8", "x-request-id": { "like": "id_*" }, "x-real-ip": null },
                "body": "hello",
                "answer": { "status": 201, "headers": { "x-b": ["1", "2"] }, "body": { "a": [1, { "b/c": true }], "z": null } }
            }],
            "status": 200,
            "headers": { "X-B": "1", "x-request-id": "<request id>", "x-c": "3" },
            "body": { "a": [1, { "b/c": false }, 3] },
            "response_event": { "isBase64Encoded": true, "statusDescription": null }
        }),
    );
    insta::assert_snapshot!(differs(&folder).await, @r#"
    status
    expected  200
    got       201
    header x-b
    expected  "1"
    got       "1, 2"
    header x-c
    expected  "3"
    got       nothing
    body /a/1/b~1c
    expected  false
    got       true
    body /a/2
    expected  3
    got       nothing
    body /z
    expected  nothing
    got       null
    response_event /isBase64Encoded
    expected  true
    got       false
    upstream 1 header x-forwarded-for
    expected  "192.0.2.8"
    got       "192.0.2.7"
    upstream 1 header x-real-ip
    expected  nothing
    got       "192.0.2.7"
    upstream 1 header x-request-id
    expected  a value like "id_*"
    got       "<request id>"
    upstream 1 body
    expected  "hello"
    got       ""
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_before_counts_and_is_nothing_else_to_the_case() {
    let limited = |before: Value, status: u16| {
        let call = json!([{ "request": "GET http://service.internal/login", "answer": { "status": 200 } }]);
        one(
            "/api/login",
            &json!({
                "at": "2026-03-12T19:00:00Z", "sent_before": before, "status": status,
                "upstream": if status == 200 { call } else { json!([]) }
            }),
        )
    };
    for (before, status) in [
        (json!(1), 200),
        (json!(2), 429),
        (json!([{ "times": 2, "at": "2026-03-12T18:59:30Z" }]), 200),
        (json!([{ "times": 2, "at": "2026-03-12T18:59:31Z" }]), 429),
        (json!([{ "times": 1 }, { "times": 1 }]), 429),
    ] {
        assert_eq!(differs(&limited(before.clone(), status)).await, "", "{before}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_do_not_see_each_others_counters() {
    let login = json!({
        "sent_before": 1, "status": 200,
        "upstream": [{ "request": "GET http://service.internal/login", "answer": { "status": 200 } }]
    });
    let folder = one("/api/login", &login);
    let event = event("/api/login").to_string();
    std::fs::write(folder.path().join("two.json"), event).unwrap();
    std::fs::write(folder.path().join("two.expect.json"), login.to_string()).unwrap();
    for case in cases(folder.path()) {
        assert_eq!(said(&case).await, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_event_can_be_sent_before() {
    let folder = one(
        "/api/login",
        &json!({
            "sent_before": [{ "event": "neighbour.json", "times": 2 }], "status": 200,
            "upstream": [{ "request": "GET http://service.internal/login", "answer": { "status": 200 } }]
        }),
    );
    let mut neighbour = event("/api/login");
    neighbour["requestContext"]["http"]["sourceIp"] = json!("192.0.2.8");
    std::fs::write(folder.path().join("neighbour.json"), neighbour.to_string()).unwrap();
    let cases = cases(folder.path());
    let case = cases.iter().find(|case| case.name == "one").unwrap();
    assert_eq!(said(case).await, "", "somebody else's requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_before_has_answers_of_its_own() {
    let call = |answer: Value| json!([{ "request": "GET http://service.internal/x", "answer": answer }]);
    let expectation = json!({
        "sent_before": [
            { "at": "2026-01-01T00:00:00Z", "upstream": call(json!({ "status": 200, "body": "kept" })) },
            { "at": "2026-01-01T00:00:30Z" }
        ],
        "at": "2026-01-01T00:00:31Z",
        "upstream": call(json!({ "fails": "connect" })),
        "status": 200, "body": "kept"
    });
    let folder = one("/api/x", &expectation);
    let route = json!({
        "path": "/api/x", "upstream": "http://service.internal", "strip_prefix": "/api", "auth": "none",
        "cache": { "ttl": "10s", "stale_if_error": "1m" }
    });
    let config = json!({ "routes": [route] }).to_string();
    std::fs::write(folder.path().join("gateway.json"), config).unwrap();
    assert_eq!(
        differs(&folder).await,
        "",
        "the first step's answer is kept, later calls fail"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_before_must_move_counters() {
    let folder = one(
        "/nothing",
        &json!({ "sent_before": [{ "event": "neighbour.json" }], "status": 404 }),
    );
    let write = |text: &str| std::fs::write(folder.path().join("neighbour.json"), text).unwrap();
    write("GET /");
    assert!(
        refused(folder.path()).contains("/sent_before/0/event: neighbour.json: is no JSON: "),
        "not looked at before anything runs"
    );
    write(r#"{ "Records": [{ "eventSource": "aws:sqs" }] }"#);
    let cases = cases(folder.path());
    let case = cases.iter().find(|case| case.name == "one").unwrap();
    let said = said(case).await;
    assert!(said.contains("sent_before\n        expected  requests\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_fail_as_the_case_says() {
    for (failing, status, code) in [
        ("connect", 502, "upstream_unreachable"),
        ("timeout", 504, "upstream_timeout"),
        ("broken", 502, "upstream_invalid_response"),
    ] {
        let folder = one(
            "/api/x",
            &json!({
                "upstream": [{ "request": "GET http://service.internal/x", "answer": { "fails": failing } }],
                "status": status,
                "body": { "error": code }
            }),
        );
        let said = differs(&folder).await;
        // All but what the body says besides is as expected.
        assert!(said.starts_with("body /message\n"), "{failing}: {said}");
        assert!(
            !said.contains("status") && !said.contains("body /error"),
            "{failing}: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_calls_are_answered_in_order_and_shared_ones_again_and_again() {
    let folder = folder_with(&[
        ("gateway.json", config()),
        ("one.json", event("/api/x").to_string()),
        (
            "defaults.expect.json",
            json!({ "upstream": [{ "request": "GET http://service.internal/x", "answer": { "status": 202 } }] })
                .to_string(),
        ),
        ("one.expect.json", json!({ "status": 202 }).to_string()),
    ]);
    assert_eq!(differs(&folder).await, "", "the folder answers");
    let own = json!({
        "upstream": [{ "request": "GET http://service.internal/x", "answer": { "status": 203 } }], "status": 203
    });
    std::fs::write(folder.path().join("one.expect.json"), own.to_string()).unwrap();
    assert_eq!(differs(&folder).await, "", "the case's own answer comes first");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_no_request_is_a_lambda_error() {
    let queue = json!({ "Records": [{ "eventSource": "aws:sqs" }] }).to_string();
    let expected = |error: Value| {
        let files = [
            ("gateway.json", config()),
            ("one.json", queue.clone()),
            ("one.expect.json", error.to_string()),
        ];
        folder_with(&files)
    };
    let right = expected(json!({ "error": { "type": "NotHttp" } }));
    assert_eq!(differs(&right).await, "");
    let wrong = expected(json!({ "error": { "type": "Http", "message": "no" } }));
    insta::assert_snapshot!(differs(&wrong).await, @r#"
    error type
    expected  Http
    got       NotHttp
    error message
    expected  "no"
    got       "this function answers HTTP requests, but was sent an SQS event"
    "#);
    let answer = expected(json!({ "status": 200 }));
    insta::assert_snapshot!(differs(&answer).await, @r"
    outcome
    expected  an answer, status 200
    got       the Lambda error NotHttp: this function answers HTTP requests, but was sent an SQS event
    ");
    let error = one("/nothing", &json!({ "error": { "type": "NotHttp" } }));
    insta::assert_snapshot!(differs(&error).await, @r"
    outcome
    expected  the Lambda error NotHttp
    got       an answer, status 404
    ");
}
