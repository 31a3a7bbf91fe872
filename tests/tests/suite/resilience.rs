//! Services that are partly or wholly down, behind the real binary: one environment, so that what it remembers is seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tollgate_tests::faulty::Faulty;
use tollgate_tests::{Answer, Api, Event, Gateway, Request, Stage, get, post};

crate::for_event_kinds!(
    any_front_door: Http,
    another_target_answers_where_one_cannot,
    what_may_not_come_twice_does_not,
    a_breaker_opens_and_a_fallback_takes_its_place,
    a_canary_keeps_its_visitors,
    connections_are_warm_before_the_first_request,
    retries_end_before_the_function_does
);

/// An open gateway with these services, each behind `/NAME/**`.
async fn opened(stage: Stage, event: Event, services: Value) -> Api {
    let names = services.as_object().expect("an object").keys();
    let routes: Vec<Value> = names
        .map(|name| json!({ "id": name, "path": format!("/{name}/**"), "upstream": name, "auth": "none" }))
        .collect();
    stage
        .open(event, &json!({ "upstreams": services, "routes": routes }))
        .await
}

/// Sends a request with an id of its own; gives the status and the record.
async fn recorded(api: &Api, id: &str, request: Request) -> (u16, Value) {
    let exchange = api.send(request.header("X-Request-Id", id)).await;
    (exchange.response.status, api.gateway.record(id).await)
}

async fn another_target_answers_where_one_cannot(event: Event) {
    let stage = Stage::set().await;
    let (down, silent) = (Faulty::refusing(), Faulty::silent().await);
    let well = stage.orders.url();
    let api = opened(
        stage,
        event,
        json!({
            "down": { "targets": [{ "url": down.url() }, { "url": well }], "retry": {} },
            "slow": {
                "targets": [{ "url": silent.url() }, { "url": well }],
                "attempt_timeout": "500ms", "retry": { "when": ["timeout"], "budget": "100%" },
            },
        }),
    )
    .await;
    let mut attempts = 0;
    for number in 0..4 {
        let request = if number % 2 == 0 {
            get("/down/x")
        } else {
            post("/down/x", "{}")
        };
        let (status, record) = recorded(&api, &format!("down-{number}"), request).await;
        assert_eq!(
            (status, &record["target"]),
            (200, &json!(api.stage.orders.address().to_string())),
            "{record:#}"
        );
        attempts += record["attempts"].as_u64().unwrap_or(1);
    }
    assert_eq!(attempts, 5, "refused once, then passed over");

    for number in 0..4 {
        let (status, record) = recorded(&api, &format!("slow-{number}"), get("/slow/x")).await;
        assert_eq!(status, 200, "{record:#}");
    }
    assert!(silent.connections() >= 2, "a time-out ejects nobody");
}

async fn what_may_not_come_twice_does_not(event: Event) {
    let stage = Stage::set().await;
    let (resetting, asked) = (Faulty::resetting().await, Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&asked);
    stage.orders.decides(move |_| {
        let first = counter.fetch_add(1, Ordering::SeqCst) == 0;
        Answer::status(if first { 503 } else { 200 })
    });
    let orders = stage.orders.url();
    let api = opened(
        stage,
        event,
        json!({
            "broken": { "url": resetting.url(), "retry": { "when": ["broken"] } },
            "busy": { "url": orders, "retry": {} },
        }),
    )
    .await;
    assert_eq!(api.send(post("/broken/x", "{}")).await.response.status, 502);
    assert_eq!(resetting.connections(), 1);
    assert_eq!(api.send(get("/broken/x")).await.response.status, 502);
    assert_eq!(resetting.connections(), 3);

    assert_eq!(api.send(post("/busy/x", "{}")).await.response.status, 503);
    asked.store(0, Ordering::SeqCst);
    let (status, record) = recorded(&api, "second-time", get("/busy/x")).await;
    assert_eq!((status, &record["attempts"]), (200, &json!(2)), "{record:#}");
}

async fn a_breaker_opens_and_a_fallback_takes_its_place(event: Event) {
    let stage = Stage::set().await;
    let resetting = Faulty::resetting().await;
    let breaker = json!({ "failures": 2, "open_for": "1h" });
    let api = opened(
        stage,
        event,
        json!({
            "plain": { "url": resetting.url(), "circuit_breaker": breaker },
            "kind": { "url": resetting.url(), "circuit_breaker": breaker, "fallback": { "body": { "items": [] } } },
        }),
    )
    .await;
    for _ in 0..2 {
        assert_eq!(api.send(get("/plain/x")).await.response.status, 502);
    }
    let exchange = api.send(get("/plain/x")).await;
    assert_eq!(exchange.response.status, 503);
    assert_eq!(exchange.response.json()["error"], "upstream_circuit_open");
    assert_eq!(exchange.response.header("retry-after"), Some("3600"));
    assert_eq!(resetting.connections(), 2);

    for number in 0..4 {
        let (status, record) = recorded(&api, &format!("kind-{number}"), get("/kind/x")).await;
        assert_eq!(
            (status, &record["fallback"], &record["fault"]),
            (200, &json!(true), &json!("upstream")),
            "{record:#}"
        );
        let error = if number < 2 {
            "upstream_invalid_response"
        } else {
            "upstream_circuit_open"
        };
        assert_eq!(record["error"], error);
    }
    assert_eq!(resetting.connections(), 4);
}

async fn a_canary_keeps_its_visitors(event: Event) {
    let stage = Stage::set().await;
    let document = json!({
        "upstreams": { "users": { "url": stage.users.url() }, "orders": { "url": stage.orders.url() } },
        "routes": [{
            "path": "/**", "auth": "none", "sticky": "cookie:visitor",
            "split": [{ "upstream": "users", "weight": 1 }, { "upstream": "orders", "weight": 1 }],
        }],
    });
    let gateway = Gateway::start(document.to_string()).event(event).environments(3);
    let api = stage.open_as(gateway).await;
    let mut seen = std::collections::HashSet::new();
    for visitor in 0..12 {
        let request = || get("/x").header("Cookie", format!("a=b; visitor=v{visitor}"));
        let first = api.send(request()).await.forwarded[0].0;
        for _ in 0..2 {
            let again = api.send(request()).await;
            assert_eq!(again.forwarded[0].0, first, "{visitor}");
        }
        let (_, record) = recorded(&api, &format!("visitor-{visitor}"), request()).await;
        assert_eq!(
            (&record["variant"], &record["upstream"]),
            (&json!(first), &json!(first))
        );
        seen.insert(first);
    }
    assert_eq!(seen.len(), 2);
}

async fn connections_are_warm_before_the_first_request(event: Event) {
    let stage = Stage::set().await;
    let (users, down) = (format!("{}/base", stage.users.url()), Faulty::refusing());
    let api = opened(
        stage,
        event,
        json!({ "users": { "url": users, "warm": "/health" }, "down": { "url": down.url(), "warm": "/health" } }),
    )
    .await;
    assert_eq!(api.send(get("/users/x")).await.response.status, 200);
    let lines: Vec<String> = api
        .stage
        .users
        .requests()
        .all()
        .iter()
        .map(|request| request.line())
        .collect();
    assert_eq!(lines, ["GET /base/health", "GET /base/users/x"]);
}

async fn retries_end_before_the_function_does(event: Event) {
    let stage = Stage::set().await;
    let silent = Faulty::silent().await;
    let retry = json!({ "attempts": 10, "when": ["timeout"], "budget": "100%", "backoff": "10s" });
    let document = json!({
        "upstreams": { "slow": { "url": silent.url(), "timeout": "1m", "attempt_timeout": "200ms", "retry": retry } },
        "routes": [{ "path": "/**", "upstream": "slow", "auth": "none" }],
    });
    let gateway = Gateway::start(document.to_string()).event(event).timeout("3s");
    let api = stage.open_as(gateway).await;
    for _ in 0..3 {
        let exchange = api.send(get("/x")).await;
        assert_eq!(exchange.response.status, 504, "{exchange:?}");
        assert_eq!(
            exchange.response.json()["error"],
            "upstream_timeout",
            "our own, not the platform's"
        );
    }
}
