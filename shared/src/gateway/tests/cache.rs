//! Answers that are kept, seen from both sides: what clients get, and what the service is asked.

mod composed;
mod directives;
mod for_whom;
mod stale;
mod table;
mod together;
mod writes;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Map;

use super::*;
use crate::auth::testing::ManualClock;

/// What the service answers to the nth call (from 1).
type Script = Box<dyn Fn(usize, &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> + Send + Sync>;

struct Service {
    script: Script,
    takes: Duration,
    calls: Mutex<Vec<http::Request<Bytes>>>,
    begun: AtomicUsize,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Service {
    async fn send(&self, request: http::Request<Bytes>, limits: CallLimits) -> Result<Response<Bytes>, CallError> {
        let call = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = (self.script)(call, &request);
        self.calls.lock().expect("unpoisoned").push(request);
        limits
            .keep(async {
                tokio::time::sleep(self.takes).await;
                answer
            })
            .await
    }
}

/// A gateway with one cached route, its clock, and the service behind it.
struct Kept {
    gateway: Arc<Gateway>,
    service: Arc<Service>,
    clock: Arc<ManualClock>,
}

/// What a client got.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: Map<String, Value>,
    body: String,
    log: Value,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn outcome(&self) -> &str {
        self.log["cache"].as_str().unwrap_or("none")
    }

    fn cache_status(&self) -> &str {
        self.header("cache-status")
    }
}

/// `/api/**` without credentials, kept by these rules.
fn kept(
    cache: Value,
    script: impl Fn(usize, &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> + Send + Sync + 'static,
) -> Kept {
    let mut config = public(json!({}));
    config["routes"][0]["cache"] = cache;
    of(config, Duration::ZERO, script)
}

fn of(
    config: Value,
    takes: Duration,
    script: impl Fn(usize, &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> + Send + Sync + 'static,
) -> Kept {
    let checked = config::parse("test.json", &config.to_string(), &|_| None).expect("a right config");
    let clock = ManualClock::at(NOW);
    let service = Arc::new(Service {
        script: Box::new(script),
        takes,
        calls: Mutex::default(),
        begun: AtomicUsize::new(0),
    });
    let client: Arc<dyn HttpClient> = Arc::clone(&service) as _;
    let seams = Seams {
        clock: Arc::clone(&clock) as _,
        upstreams: Arc::clone(&client),
        issuers: client,
        store: Arc::new(Store { down: false }),
    };
    Kept {
        gateway: Arc::new(Gateway::new(checked.config, None, seams)),
        service,
        clock,
    }
}

impl Kept {
    /// Another environment: the same service and clock, and this store.
    fn beside(&self, config: &Value, store: Arc<dyn crate::store::Store>) -> Self {
        let checked = config::parse("test.json", &config.to_string(), &|_| None).expect("a right config");
        let client: Arc<dyn HttpClient> = Arc::clone(&self.service) as _;
        let seams = Seams {
            clock: Arc::clone(&self.clock) as _,
            upstreams: Arc::clone(&client),
            issuers: client,
            store,
        };
        Self {
            gateway: Arc::new(Gateway::new(checked.config, None, seams)),
            service: Arc::clone(&self.service),
            clock: Arc::clone(&self.clock),
        }
    }

    async fn get(&self, path: &str) -> Got {
        self.get_with(path, json!({})).await
    }

    async fn get_with(&self, path: &str, headers: Value) -> Got {
        self.send("GET", path, headers).await
    }

    async fn send(&self, method: &str, path: &str, headers: Value) -> Got {
        self.handle(&request(method, path, headers)).await
    }

    async fn handle(&self, event: &Value) -> Got {
        let deadline = self.clock.now().plus(Duration::from_secs(20));
        let answer = self
            .gateway
            .handle(&event.to_string(), deadline)
            .await
            .expect("an HTTP event");
        let event: Value = serde_json::from_str(answer.event.get()).expect("JSON");
        Got {
            status: u16::try_from(event["statusCode"].as_u64().expect("a status")).expect("a small number"),
            headers: event["headers"].as_object().cloned().unwrap_or_default(),
            body: event["body"].as_str().unwrap_or_default().to_owned(),
            log: serde_json::from_str(&answer.log).expect("JSON"),
        }
    }

    fn calls(&self) -> usize {
        self.service.begun.load(Ordering::SeqCst)
    }

    /// The headers of the last call.
    fn last_headers(&self) -> HeaderMap {
        let calls = self.service.calls.lock().expect("unpoisoned");
        calls.last().expect("a call").headers().clone()
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// A request by an HTTP API; `path` may have a query.
fn request(method: &str, path: &str, headers: Value) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut all = json!({ "host": "api.example.com" });
    all.as_object_mut()
        .expect("an object")
        .extend(headers.as_object().expect("an object").clone());
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": all,
        "requestContext": { "stage": "$default", "http": { "method": method, "sourceIp": "192.0.2.7" } },
        "isBase64Encoded": false
    })
}

/// 200 with these headers, and the number of the call for a body.
fn numbered(call: usize, lines: &[(&str, &str)]) -> Result<Response<Bytes>, CallError> {
    answer(200, lines, &call.to_string())
}

fn answer(status: u16, lines: &[(&str, &str)], body: &str) -> Result<Response<Bytes>, CallError> {
    let mut response = Response::new(Bytes::copy_from_slice(body.as_bytes()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    *response.headers_mut() = crate::testing::headers(lines);
    Ok(response)
}

fn max_age(call: usize, _: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    numbered(call, &[("cache-control", "max-age=60")])
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_how_long_it_is_fresh_is_given_again_until_then() {
    let kept = kept(json!({}), |call, _| {
        numbered(
            call,
            &[
                ("cache-control", "max-age=60"),
                ("x-request-id", "theirs"),
                ("age", "10"),
            ],
        )
    });
    let first = kept.get("/api/x?a=1").await;
    assert_eq!((&*first.body, first.outcome()), ("1", "miss"));
    assert_eq!(first.cache_status(), "tollgate; fwd=miss; stored; ttl=50");
    kept.pass(20);
    let again = kept.get("/api/x?a=1").await;
    assert_eq!((&*again.body, again.outcome()), ("1", "hit"));
    assert_eq!(again.cache_status(), "tollgate; hit; ttl=30");
    assert_eq!(again.header("age"), "30");
    assert_ne!(again.header("x-request-id"), "theirs");
    assert_eq!(again.header("date"), "Fri, 15 Jan 2027 08:00:00 GMT");
    assert_eq!(again.log["upstream"], Value::Null);
    kept.pass(30);
    assert_eq!(kept.get("/api/x?a=1").await.body, "2");
}

#[tokio::test(start_paused = true)]
async fn ttl_is_the_freshness_of_answers_that_state_none() {
    let plain = |call, _: &http::Request<Bytes>| numbered(call, &[]);
    let without = kept(json!({}), plain);
    without.get("/api/x").await;
    let again = without.get("/api/x").await;
    assert_eq!(again.body, "2");
    assert_eq!(again.cache_status(), "tollgate; fwd=miss");

    let with = kept(json!({ "ttl": "10s" }), plain);
    with.get("/api/x").await;
    with.pass(9);
    assert_eq!(with.get("/api/x").await.body, "1");
    with.pass(1);
    assert_eq!(with.get("/api/x").await.body, "2");

    let stated = kept(json!({ "ttl": "10s" }), |call, _| {
        numbered(call, &[("cache-control", "max-age=0")])
    });
    stated.get("/api/x").await;
    assert_eq!(stated.get("/api/x").await.body, "2");
}

#[tokio::test(start_paused = true)]
async fn head_is_answered_from_a_kept_get_and_is_not_kept_itself() {
    let kept = kept(json!({}), max_age);
    assert_eq!(kept.send("HEAD", "/api/x", json!({})).await.outcome(), "miss");
    assert_eq!(kept.send("HEAD", "/api/x", json!({})).await.outcome(), "miss");
    kept.get("/api/x").await;
    assert_eq!(kept.calls(), 3);
    let head = kept.send("HEAD", "/api/x", json!({})).await;
    assert_eq!((head.outcome(), &*head.body), ("hit", ""));
    assert_eq!(head.header("content-length"), "1");
    assert_eq!(kept.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_about_a_part_or_about_now_goes_by_the_cache_as_it_came() {
    let kept = kept(json!({}), max_age);
    kept.get("/api/x").await;
    for (name, value) in [
        ("range", "bytes=0-1"),
        ("if-match", "\"a\""),
        ("if-unmodified-since", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ("if-range", "\"a\""),
    ] {
        let got = kept.get_with("/api/x", json!({ name: value, "x-other": "1" })).await;
        assert_eq!(
            (got.outcome(), got.cache_status()),
            ("bypass", "tollgate; fwd=bypass"),
            "{name}"
        );
        let sent = kept.last_headers();
        assert_eq!(sent[name], value);
        assert_eq!(sent["x-other"], "1");
    }
    let mut with_body = request("GET", "/api/x", json!({}));
    with_body["body"] = "x".into();
    assert_eq!(kept.handle(&with_body).await.outcome(), "bypass");
    assert_eq!(kept.get("/api/x").await.body, "1");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_the_answer_after_the_rules_of_its_route() {
    let mut config = public(json!({
        "transformations": [{ "path": "/api/**", "response": { "remove_fields": ["secret"] } }]
    }));
    config["routes"][0]["cache"] = json!({ "ttl": "1m" });
    let kept = of(config, Duration::ZERO, |call, request| {
        if request.headers().contains_key("if-none-match") {
            assert_eq!(request.headers()["if-none-match"], "W/\"a\"");
            return answer(304, &[("etag", "\"a\""), ("cache-control", "max-age=60")], "");
        }
        let body = format!(r#"{{"secret":1,"call":{call}}}"#);
        answer(200, &[("etag", "\"a\""), ("content-type", "application/json")], &body)
    });
    for outcome in ["miss", "hit"] {
        let got = kept.get("/api/x").await;
        assert_eq!((&*got.body, got.outcome()), (r#"{"call":1}"#, outcome));
    }
    kept.pass(61);
    let got = kept.get("/api/x").await;
    assert_eq!(
        (&*got.body, got.outcome(), kept.calls()),
        (r#"{"call":1}"#, "revalidated", 2)
    );
    assert_eq!(got.header("etag"), "W/\"a\"");
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_gateway_and_what_it_words_itself_are_not_kept() {
    let mut config = public(json!({ "errors": { "upstream": "wrap" } }));
    config["routes"][0]["cache"] = json!({ "ttl": "1m", "negative_ttl": "1m" });
    let kept = of(config, Duration::ZERO, |call, _| match call {
        1 => Err(CallError::Connect("refused".into())),
        _ => answer(404, &[("cache-control", "max-age=60")], "not here"),
    });
    assert_eq!(kept.get("/api/x").await.status, 502);
    for _ in 0..2 {
        let got = kept.get("/api/x").await;
        assert_eq!((got.status, got.outcome()), (404, "miss"));
    }
    assert_eq!(kept.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_answer_is_no_larger_than_max_size() {
    let kept = kept(json!({ "max_size": "1KiB" }), |_, request| {
        let length = request.uri().path().len() * 100;
        answer(200, &[("cache-control", "max-age=60")], &"x".repeat(length))
    });
    for _ in 0..2 {
        kept.get("/api/small").await;
        kept.get("/api/much-larger").await;
    }
    assert_eq!(kept.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn limits_count_what_is_answered_from_the_cache() {
    let mut config = public(json!({ "rate_limiting": { "default": { "requests_per_second": 100, "burst": 20 } } }));
    config["routes"][0]["cache"] = json!({ "ttl": "1m" });
    let kept = of(config, Duration::ZERO, max_age);
    for _ in 0..2 {
        let got = kept.get("/api/x").await;
        assert_eq!(got.header("x-ratelimit-remaining"), "19");
        assert_eq!(got.log["limit"]["allowed"], true);
    }
    assert_eq!(kept.calls(), 1);
}
