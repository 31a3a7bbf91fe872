//! The stages put together, on scripted seams. What the real client, store and runtime do is shown end to end.

mod aggregate;
mod cache;
mod deadline;
mod edge;
mod front_doors;
mod methods;
mod outage;
mod resilience;
mod respond;
mod transform;

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::*;
use crate::config;
use crate::limit::testing::apply;
use crate::store::model::CountersOnly;
use crate::store::{Charge, ChargeOutcome, CounterKey, CounterState, StoreError};
use crate::upstream::client::{CallError, CallLimits};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

#[derive(Debug)]
struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Answers every call with what `answer` makes of it, and remembers the calls.
#[derive(Debug)]
struct Upstream {
    answer: fn(&http::Request<Bytes>) -> Result<Response<Bytes>, CallError>,
    calls: Mutex<Vec<http::Request<Bytes>>>,
}

#[async_trait]
impl HttpClient for Upstream {
    async fn send(&self, request: http::Request<Bytes>, _: CallLimits) -> Result<Response<Bytes>, CallError> {
        let answer = (self.answer)(&request);
        self.calls.lock().expect("unpoisoned").push(request);
        answer
    }
}

/// Every bucket is empty, or the store is down.
#[derive(Debug)]
struct Store {
    down: bool,
}

#[async_trait]
impl CountersOnly for Store {
    async fn charge(&self, _: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        if self.down {
            return Err(StoreError::Ambiguous("stalled".into()));
        }
        let mut state = CounterState::default();
        Ok(match apply(&mut state, charge) {
            true => ChargeOutcome::Applied(state),
            false => ChargeOutcome::Refused(state),
        })
    }

    async fn warm(&self) {}
}

struct Fixture {
    gateway: Gateway,
    upstream: Arc<Upstream>,
}

fn fixture(
    config: &Value,
    store: Store,
    answer: fn(&http::Request<Bytes>) -> Result<Response<Bytes>, CallError>,
) -> Fixture {
    fixture_on(config, Arc::new(store), answer)
}

fn fixture_on(
    config: &Value,
    store: Arc<dyn crate::store::Store>,
    answer: fn(&http::Request<Bytes>) -> Result<Response<Bytes>, CallError>,
) -> Fixture {
    let checked = config::parse("test.json", &config.to_string(), &|_| None).expect("a right config");
    let upstream = Arc::new(Upstream {
        answer,
        calls: Mutex::default(),
    });
    let client: Arc<dyn HttpClient> = Arc::clone(&upstream) as _;
    let seams = Seams {
        clock: Arc::new(FixedClock),
        upstreams: Arc::clone(&client),
        issuers: client,
        store,
    };
    Fixture {
        gateway: Gateway::new(checked.config, None, seams),
        upstream,
    }
}

fn public(extra: Value) -> Value {
    let mut config = json!({
        "routes": [{ "id": "all", "path": "/api/**", "upstream": "http://service.internal:3000", "strip_prefix": "/api", "auth": "none" }]
    });
    config
        .as_object_mut()
        .expect("an object")
        .extend(extra.as_object().expect("an object").clone());
    config
}

fn event(path: &str, headers: Value) -> String {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "a=1", "headers": headers,
        "requestContext": { "stage": "$default", "http": { "method": "GET", "sourceIp": "192.0.2.7" } },
        "isBase64Encoded": false
    })
    .to_string()
}

async fn handled(fixture: &Fixture, event: &str) -> (Value, Value) {
    let answer = fixture
        .gateway
        .handle(event, NOW.plus(Duration::from_secs(10)))
        .await
        .expect("an HTTP event");
    assert!(!answer.log.contains('\n'), "one line");
    (
        serde_json::from_str(answer.event.get()).expect("JSON"),
        serde_json::from_str(&answer.log).expect("JSON"),
    )
}

fn ok(_: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    Ok(Response::new(Bytes::from_static(b"fine")))
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_through_and_the_answer_carries_what_every_answer_carries() {
    let fixture = fixture(&public(json!({})), Store { down: false }, ok);
    let (answer, log) = handled(
        &fixture,
        &event("/api/x", json!({ "host": "api.example.com", "x-request-id": "abc" })),
    )
    .await;
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["body"], "fine");
    assert_eq!(answer["headers"]["x-request-id"], "abc");
    assert_eq!(answer["headers"]["x-response-time"], "0ms");
    assert_eq!(log["route"], "all");
    assert_eq!(log["status"], 200);
    let calls = fixture.upstream.calls.lock().expect("unpoisoned");
    assert_eq!(calls[0].uri(), "http://service.internal:3000/x?a=1");
}

#[tokio::test(start_paused = true)]
async fn limit_headers_are_on_errors_that_come_after_the_limit() {
    let limits = public(json!({ "rate_limiting": { "default": { "requests_per_second": 100, "burst": 20 } } }));
    let down = |_: &http::Request<Bytes>| Err(CallError::Connect("tcp connect to service.internal refused".into()));
    let fixture = fixture(&limits, Store { down: false }, down);
    let (answer, log) = handled(&fixture, &event("/api/x", json!({ "host": "api.example.com" }))).await;
    assert_eq!(answer["statusCode"], 502);
    assert_eq!(answer["headers"]["x-ratelimit-remaining"], "19");
    assert!(!answer.to_string().contains("service.internal"), "{answer}");
    assert_eq!(log["fault"], "upstream");
}

#[tokio::test(start_paused = true)]
async fn a_store_without_an_answer_is_503_with_retry_after() {
    let limits = public(json!({ "rate_limiting": { "default": { "requests_per_second": 100, "on_error": "deny" } } }));
    let fixture = fixture(&limits, Store { down: true }, ok);
    let (answer, log) = handled(&fixture, &event("/api/x", json!({ "host": "api.example.com" }))).await;
    assert_eq!(answer["statusCode"], 503);
    assert_eq!(answer["headers"]["retry-after"], "1");
    assert_eq!(log["fault"], "gateway");
    assert!(fixture.upstream.calls.lock().expect("unpoisoned").is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_the_store_a_tenth_of_the_rate_goes_on() {
    let limits = public(json!({ "rate_limiting": { "default": { "requests_per_second": 100, "burst": 20 } } }));
    let fixture = fixture(&limits, Store { down: true }, ok);
    let event = event("/api/x", json!({ "host": "api.example.com" }));
    for request in 0..3 {
        let (answer, log) = handled(&fixture, &event).await;
        let status = if request < 2 { 200 } else { 429 };
        assert_eq!(answer["statusCode"], status);
        assert!(
            answer["headers"].get("x-ratelimit-remaining").is_none(),
            "nobody knows: {answer}"
        );
        let limit = &log["limit"];
        assert_eq!(
            (&limit["rule"], &limit["allowed"]),
            (&json!("default"), &json!(status == 200))
        );
        assert!(
            limit["uncounted"].as_str().is_some_and(|why| why.contains("stalled")),
            "{log}"
        );
        assert_eq!(log["limited"], i32::from(status == 429));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_answer() {
    let boom = |request: &http::Request<Bytes>| match request.uri().path() {
        "/boom" => panic!("secret detail"),
        _ => ok(request),
    };
    let fixture = fixture(&public(json!({})), Store { down: false }, boom);
    let (answer, log) = handled(&fixture, &event("/api/boom", json!({ "host": "api.example.com" }))).await;
    assert_eq!(answer["statusCode"], 500);
    assert!(
        answer["body"]
            .as_str()
            .is_some_and(|body| body.contains("internal_error") && !body.contains("secret"))
    );
    assert!(
        log["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("secret detail")),
        "{log}"
    );
    let (answer, _) = handled(&fixture, &event("/api/x", json!({ "host": "api.example.com" }))).await;
    assert_eq!(answer["statusCode"], 200);
}

#[tokio::test(start_paused = true)]
async fn a_broken_event_is_answered_in_the_clients_own_format() {
    let fixture = fixture(&public(json!({})), Store { down: false }, ok);
    let accept = json!({ "host": "api.example.com", "accept": "application/problem+json" });
    let (answer, log) = handled(&fixture, &event("/api/../admin", accept)).await;
    assert_eq!(answer["statusCode"], 400);
    assert_eq!(answer["headers"]["content-type"], "application/problem+json");
    assert_eq!(log["error"], "bad_request");
}

#[tokio::test(start_paused = true)]
async fn an_answer_too_large_for_lambda_is_a_clean_502() {
    let huge = |_: &http::Request<Bytes>| Ok(Response::new(Bytes::from(vec![b'"'; 4_000_000])));
    let fixture = fixture(&public(json!({})), Store { down: false }, huge);
    let (answer, log) = handled(&fixture, &event("/api/x", json!({ "host": "api.example.com" }))).await;
    assert_eq!(answer["statusCode"], 502);
    assert!(
        answer["body"]
            .as_str()
            .is_some_and(|body| body.contains("response_too_large"))
    );
    assert!(answer["headers"]["x-request-id"].is_string());
    assert_eq!(log["status"], 502);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_no_request_fails_the_invocation() {
    let fixture = fixture(&public(json!({})), Store { down: false }, ok);
    let queue = json!({ "Records": [{ "eventSource": "aws:sqs", "body": "x" }] }).to_string();
    let error = fixture.gateway.handle(&queue, NOW).await.expect_err("no HTTP");
    assert!(error.to_string().contains("SQS"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_the_first_request_of_an_environment_is_a_cold_start() {
    let fixture = fixture(&public(json!({})), Store { down: false }, ok);
    let event = event("/api/x", json!({ "host": "api.example.com" }));
    assert_eq!(handled(&fixture, &event).await.1["cold_start"], 1);
    assert_eq!(handled(&fixture, &event).await.1["cold_start"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_redirect_behind_a_stage_leads_back_through_it() {
    let redirect = |_: &http::Request<Bytes>| {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = StatusCode::FOUND;
        let location = HeaderValue::from_static("http://service.internal:3000/users/2");
        answer.headers_mut().insert(http::header::LOCATION, location);
        Ok(answer)
    };
    let fixture = fixture(&public(json!({})), Store { down: false }, redirect);
    let (answer, log) = handled(&fixture, include_str!("../../../events/http-stage.json")).await;
    assert_eq!(answer["statusCode"], 302);
    assert_eq!(answer["headers"]["location"], "/prod/api/users/2");
    assert_eq!(log["path"], "/api/users/42");
}

#[tokio::test(start_paused = true)]
async fn a_wrapped_error_is_not_read_by_rules_that_hide_fields() {
    let config = public(json!({
        "errors": { "upstream": "wrap" },
        "transformations": [{ "path": "/api/**", "response": { "remove_fields": ["secret"] } }],
    }));
    let broken = |request: &http::Request<Bytes>| {
        let mut answer = Response::new(Bytes::from_static(b"{ broken"));
        answer
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *answer.status_mut() = if request.uri().path() == "/gone" {
            StatusCode::GONE
        } else {
            StatusCode::OK
        };
        Ok(answer)
    };
    let fixture = fixture(&config, Store { down: false }, broken);
    let of = |path: &str| event(path, json!({ "host": "api.example.com" }));
    let (answer, _) = handled(&fixture, &of("/api/gone")).await;
    assert_eq!(answer["statusCode"], 410);
    assert!(
        answer["body"]
            .as_str()
            .is_some_and(|body| body.contains("upstream_error")),
        "{answer}"
    );
    assert_eq!(handled(&fixture, &of("/api/x")).await.0["statusCode"], 502);
}

#[tokio::test(start_paused = true)]
async fn the_record_names_the_stages_in_order_and_whom_a_failing_store_was_asked_about() {
    let limits = public(json!({ "rate_limiting": { "default": { "requests_per_second": 100, "on_error": "deny" } } }));
    let stages = |log: &Value| -> Vec<String> {
        log["stages_us"]
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect()
    };
    let event = event("/api/x", json!({ "host": "api.example.com" }));

    let up = fixture(&limits, Store { down: false }, ok);
    let (_, log) = handled(&up, &event).await;
    // The parsed map sorts its keys; the line itself has them in order.
    assert_eq!(
        stages(&log),
        ["answer", "authenticate", "call", "limit", "read", "route", "transform"]
    );

    let down = fixture(&limits, Store { down: true }, ok);
    let (_, log) = handled(&down, &event).await;
    assert_eq!(stages(&log), ["answer", "limit", "read", "route"]);
    assert!(log["subject"].is_string(), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_budget_used_up_before_the_call_is_no_fault_of_the_service() {
    let fixture = fixture(&public(json!({})), Store { down: false }, ok);
    let event = event("/api/x", json!({ "host": "api.example.com" }));
    let soon = NOW.plus(Duration::from_millis(100));
    let answer = fixture.gateway.handle(&event, soon).await.expect("an HTTP event");
    let log: Value = serde_json::from_str(&answer.log).expect("JSON");
    assert_eq!(
        (&log["status"], &log["error"], &log["fault"]),
        (&json!(504), &json!("deadline_exceeded"), &json!("gateway"))
    );
    assert!(fixture.upstream.calls.lock().expect("unpoisoned").is_empty());
}
