//! What a failing upstream costs: fixed answers in its place, and never more time than there is.

use super::*;

const FALLBACK: &str = r#"{"items":[],"stale":true}"#;

fn event_of(path: &str) -> String {
    event(path, json!({ "host": "api.example.com" }))
}

/// One service behind `/api/**`, with these keys of its own and of its route.
fn service(service: Value, route: Value) -> Value {
    let mut config = json!({
        "upstreams": { "shop": { "url": "http://shop.internal:3000" } },
        "routes": [{ "id": "all", "path": "/api/**", "upstream": "shop", "auth": "none" }],
    });
    let extend = |place: &mut Value, keys: Value| {
        let keys = keys.as_object().expect("an object").clone();
        place.as_object_mut().expect("an object").extend(keys);
    };
    extend(&mut config["upstreams"]["shop"], service);
    extend(&mut config["routes"][0], route);
    config
}

fn refused(_: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    Err(CallError::Connect("tcp connect to shop.internal refused".into()))
}

async fn get(
    config: &Value,
    answer: fn(&http::Request<Bytes>) -> Result<Response<Bytes>, CallError>,
) -> (Value, Value) {
    handled(&fixture(config, Store { down: false }, answer), &event_of("/api/x")).await
}

#[tokio::test(start_paused = true)]
async fn a_fallback_takes_the_place_of_the_gateways_own_errors() {
    let own = json!({ "fallback": { "headers": { "X-Note": "closed" }, "body": serde_json::from_str::<Value>(FALLBACK).expect("JSON") } });
    for (answer, code) in [
        (refused as fn(&http::Request<Bytes>) -> _, "upstream_unreachable"),
        (|_| Err(CallError::Timeout(Duration::from_secs(1))), "upstream_timeout"),
        (|_| Err(CallError::Broken("reset".into())), "upstream_invalid_response"),
        (|_| Err(CallError::TooLarge(1)), "response_too_large"),
    ] {
        for config in [service(own.clone(), json!({})), service(json!({}), own.clone())] {
            let (answer, log) = get(&config, answer).await;
            assert_eq!(
                (&answer["statusCode"], &answer["body"]),
                (&json!(200), &json!(FALLBACK)),
                "{code}"
            );
            assert_eq!(answer["headers"]["x-note"], "closed");
            assert_eq!(
                (
                    &log["status"],
                    &log["error"],
                    &log["fault"],
                    &log["fallback"],
                    &log["upstream_errors"]
                ),
                (&json!(200), &json!(code), &json!("upstream"), &json!(true), &json!(1))
            );
            assert!(log.get("upstream_status").is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_service_answers_is_its_answer() {
    let sick = |_: &http::Request<Bytes>| {
        let mut answer = Response::new(Bytes::from_static(b"sick"));
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        Ok(answer)
    };
    let config = service(json!({ "fallback": {} }), json!({}));
    let (answer, log) = get(&config, sick).await;
    assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(502), &json!("sick")));
    assert!(log.get("fallback").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_routes_fallback_goes_before_its_services() {
    let config = service(
        json!({ "fallback": { "status": 203 } }),
        json!({ "fallback": { "status": 418 } }),
    );
    assert_eq!(get(&config, refused).await.0["statusCode"], 418);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_is_not_wrapped_and_not_charged() {
    let mut config = service(
        json!({ "fallback": { "status": 503, "body": "Back soon." } }),
        json!({}),
    );
    config["errors"] = json!({ "upstream": "wrap" });
    config["rate_limiting"] = json!({ "default": { "requests_per_second": 1, "charge_on": "success" } });
    let store = crate::limit::testing::ModelStore::with([]);
    let fixture = fixture_on(&config, store, refused);
    for _ in 0..3 {
        let (answer, _) = handled(&fixture, &event_of("/api/x")).await;
        assert_eq!(
            (&answer["statusCode"], &answer["body"]),
            (&json!(503), &json!("Back soon."))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_answers_at_once_or_falls_back() {
    let breaker = json!({ "circuit_breaker": { "failures": 2 } });
    let shut = fixture(&service(breaker.clone(), json!({})), Store { down: false }, refused);
    for _ in 0..2 {
        assert_eq!(handled(&shut, &event_of("/api/x")).await.0["statusCode"], 502);
    }
    let (answer, log) = handled(&shut, &event_of("/api/x")).await;
    assert_eq!(
        (&answer["statusCode"], &answer["headers"]["retry-after"]),
        (&json!(503), &json!("5"))
    );
    assert_eq!(
        (&log["error"], &log["fault"], &log["config"], &log["upstream"]),
        (
            &json!("upstream_circuit_open"),
            &json!("upstream"),
            &json!("/upstreams/shop/circuit_breaker"),
            &json!("shop")
        )
    );
    assert_eq!(shut.upstream.calls.lock().expect("unpoisoned").len(), 2);

    let falls_back = fixture(
        &service(breaker, json!({ "fallback": {} })),
        Store { down: false },
        refused,
    );
    for _ in 0..5 {
        assert_eq!(handled(&falls_back, &event_of("/api/x")).await.0["statusCode"], 200);
    }
    assert_eq!(falls_back.upstream.calls.lock().expect("unpoisoned").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_record_has_the_target_and_the_attempts() {
    let second = |request: &http::Request<Bytes>| match request.uri().host() {
        Some("b.internal") => ok(request),
        _ => refused(request),
    };
    let mut config = service(json!({ "retry": {} }), json!({}));
    let shop = config["upstreams"]["shop"].as_object_mut().expect("an object");
    shop.remove("url");
    shop.insert(
        "targets".into(),
        json!([{ "url": "http://a.internal:81" }, { "url": "http://b.internal:82" }]),
    );
    let fixture = fixture(&config, Store { down: false }, second);
    let mut retried = 0;
    for _ in 0..4 {
        let (answer, log) = handled(&fixture, &event_of("/api/x")).await;
        assert_eq!(
            (&answer["statusCode"], &log["target"]),
            (&json!(200), &json!("b.internal:82"))
        );
        retried += usize::from(log["attempts"] == 2);
    }
    assert_eq!(retried, 1, "then a is out");
}

#[tokio::test(start_paused = true)]
async fn a_split_keeps_together_what_it_is_sticky_to_and_the_record_says_which() {
    let config = json!({
        "upstreams": { "old": { "url": "http://old.internal" }, "new": { "url": "http://new.internal" } },
        "routes": [{
            "id": "search", "path": "/api/**", "auth": "none", "sticky": "header:X-Visitor",
            "split": [{ "upstream": "old", "weight": 50 }, { "upstream": "new", "weight": 50 }],
        }],
    });
    let named = |request: &http::Request<Bytes>| {
        let host = request.uri().host().expect("a host").to_owned();
        Ok(Response::new(Bytes::from(host)))
    };
    let fixture = fixture(&config, Store { down: false }, named);
    let mut chosen = Vec::new();
    for visitor in 0..20 {
        let event = event(
            "/api/x",
            json!({ "host": "api.example.com", "x-visitor": visitor.to_string() }),
        );
        let (answer, log) = handled(&fixture, &event).await;
        let variant = log["variant"].as_str().expect("a variant").to_owned();
        assert_eq!(answer["body"], format!("{variant}.internal"));
        assert_eq!(log["upstream"], variant);
        assert_eq!(handled(&fixture, &event).await.1["variant"], variant);
        chosen.push(variant);
    }
    assert!(chosen.iter().any(|name| name == "old") && chosen.iter().any(|name| name == "new"));
}
