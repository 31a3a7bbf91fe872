//! `origin_secret`, `ip`, `max_headers`, `max_body`.

use super::*;

/// Status, code and the place in the config that refused.
fn refusal(answer: &Value, log: &Value) -> (Value, Value, Value) {
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a text")).expect("JSON");
    (
        answer["statusCode"].clone(),
        body["error"].clone(),
        log["config"].clone(),
    )
}

fn at(address: &str, path: &str) -> String {
    event(path, json!({ "host": "api.example.com" })).replace("192.0.2.7", address)
}

#[tokio::test(start_paused = true)]
async fn the_document_keeps_addresses_out_before_a_route_is_looked_for() {
    let mut config = guarded(json!({}));
    config["ip"] = json!({ "allow": ["192.0.2.0/24", "::ffff:198.51.100.0/120"], "deny": ["192.0.2.128/25"] });
    let fixture = fixture(&config, UNTOUCHED, never);
    for (address, path, place) in [
        ("203.0.113.9", "/api/x", "/ip/allow"),
        ("203.0.113.9", "/nowhere", "/ip/allow"),
        ("::ffff:192.0.2.200", "/api/x", "/ip/deny"),
        ("2001:db8::1", "/api/x", "/ip/allow"),
    ] {
        let (answer, log) = handled(&fixture, &at(address, path)).await;
        let expected = (json!(403), json!("ip_not_allowed"), json!(place));
        assert_eq!(refusal(&answer, &log), expected, "{address}");
        assert!(!log.to_string().contains(address), "{log}");
        assert_eq!((&log["route"], &log["fault"]), (&json!("(none)"), &json!("client")));
    }
    for address in ["192.0.2.1", "198.51.100.7", "::ffff:198.51.100.7"] {
        let (answer, _) = handled(&fixture, &at(address, "/nowhere")).await;
        assert_eq!(answer["statusCode"], 404, "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_past_the_front_door_is_refused_before_all_else_and_its_word_goes_nowhere() {
    const WORD: &str = "0123456789abcdef-word";
    let config = json!({
        "origin_secret": [WORD, ""],
        "ip": { "allow": ["192.0.2.0/24"] },
        "routes": [{ "id": "all", "path": "/api/**", "upstream": "http://service.internal", "auth": "none" }],
    });
    let fixture = fixture(&config, UNTOUCHED, |request| {
        assert!(!request.headers().keys().any(|name| name.as_str().contains("secret")));
        Ok(Response::new("let in".into()))
    });
    for (address, headers) in [
        ("192.0.2.1", json!({ "host": "a" })),
        ("203.0.113.9", json!({ "host": "a", "x-origin-secret": "" })),
        (
            "192.0.2.1",
            json!({ "host": "a", "x-origin-secret": format!("{WORD},{WORD}") }),
        ),
    ] {
        let request = event("/api/x", headers).replace("192.0.2.7", address);
        let (answer, log) = handled(&fixture, &request).await;
        let expected = (json!(403), json!("front_door_only"), json!("/origin_secret"));
        assert_eq!(refusal(&answer, &log), expected, "{request}");
        assert!(!log.to_string().contains(WORD) && !answer.to_string().contains(WORD));
    }
    let (answer, log) = handled(
        &fixture,
        &event("/api/x", json!({ "host": "a", "x-origin-secret": WORD })),
    )
    .await;
    assert_eq!(answer["body"], "let in");
    assert!(!log.to_string().contains(WORD), "{log}");
}

#[tokio::test(start_paused = true)]
async fn a_route_keeps_addresses_out_before_anything_is_counted() {
    let config = guarded(json!({ "ip": { "allow": ["10.0.0.0/8"] }, "cors": { "origins": ["*"] } }));
    let fixture = fixture(&config, UNTOUCHED, never);
    let (answer, log) = handled(&fixture, &at("203.0.113.9", "/api/x")).await;
    let expected = (json!(403), json!("ip_not_allowed"), json!("/routes/0/ip/allow"));
    assert_eq!(refusal(&answer, &log), expected);
    assert_eq!(
        (&log["route"], &answer["headers"]["access-control-allow-origin"]),
        (&json!("all"), &json!("*"))
    );
    let headers = json!({ "host": "a", "origin": "https://b", "access-control-request-method": "GET" });
    let (answer, _) = handled(&fixture, &with_method("OPTIONS", "/api/x", headers)).await;
    assert_eq!(answer["statusCode"], 403, "a preflight from there is refused as well");
    let (answer, _) = handled(&fixture, &at("10.1.2.3", "/api/x")).await;
    assert_eq!(answer["statusCode"], 503, "its limit is asked");
}

/// A load balancer's health check has no address.
#[tokio::test(start_paused = true)]
async fn who_has_no_address_may_be_let_in() {
    let config = guarded(json!({ "ip": { "allow": ["10.0.0.0/8", "0.0.0.0"] } }));
    let (answer, _) = handled(&fixture(&config, UNTOUCHED, never), &at("0.0.0.0", "/api/x")).await;
    assert_eq!(answer["statusCode"], 503, "its limit is asked");
}

fn with_body(path: &str, body: &str, encoded: bool) -> String {
    let event = with_method("PUT", path, json!({ "host": "api.example.com" }));
    let mut event: Value = serde_json::from_str(&event).expect("JSON");
    (event["body"], event["isBase64Encoded"]) = (json!(body), json!(encoded));
    event.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_reaches_no_service() {
    fn down(_: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        Err(CallError::Connect("refused".into()))
    }
    let config = json!({ "defaults": { "max_body": "2B" }, "routes": [
        { "path": "/api/**", "upstream": "http://service.internal", "auth": "none", "max_body": "4B" },
        { "path": "/small", "upstream": "http://service.internal", "auth": "none" },
    ] });
    let fixture = fixture(&config, UNTOUCHED, down);
    for (path, body, encoded, status, place) in [
        ("/api/x", "12345", false, 413, "/routes/0/max_body"),
        ("/api/x", "éé5", false, 413, "/routes/0/max_body"),
        ("/api/x", "MTIzNDU=", true, 413, "/routes/0/max_body"),
        ("/small", "123", false, 413, "/defaults/max_body"),
        ("/api/x", "1234", false, 502, ""),
        ("/api/x", "MTIzNA==", true, 502, ""),
        ("/small", "12", false, 502, ""),
        ("/small", "", false, 502, ""),
    ] {
        let (answer, log) = handled(&fixture, &with_body(path, body, encoded)).await;
        assert_eq!(answer["statusCode"], status, "{path} {body}");
        if status == 413 {
            let expected = (json!(413), json!("payload_too_large"), json!(place));
            assert_eq!(refusal(&answer, &log), expected, "{path} {body}");
        }
    }
}

/// Who sends what is too large, again and again, is counted like everybody, and nobody hears of sizes before he is known.
#[tokio::test(start_paused = true)]
async fn a_body_is_measured_after_limits_and_authentication() {
    let config = guarded(json!({ "max_body": "4B" }));
    for (store, status) in [(UNTOUCHED, 503), (Store { down: false }, 401)] {
        let (answer, _) = handled(&fixture(&config, store, never), &with_body("/api/x", "12345", false)).await;
        assert_eq!(answer["statusCode"], status);
    }
}

#[tokio::test(start_paused = true)]
async fn headers_are_counted_as_they_came() {
    let mut config = guarded(json!({}));
    config["max_headers"] = json!({ "count": 16, "bytes": "1KiB" });
    let fixture = fixture(&config, UNTOUCHED, never);
    let with = |count: usize, value: &str| {
        // Sealed ones count as well: what is taken off was read all the same.
        let headers: serde_json::Map<_, _> = (0..count).map(|n| (format!("x-user-{n}"), json!(value))).collect();
        event("/nowhere", Value::Object(headers))
    };
    for (event, status) in [
        (with(16, ""), 404),
        (with(17, ""), 431),
        (with(1, &"a".repeat(1024 - "x-user-0: \r\n".len())), 404),
        (with(1, &"a".repeat(1025 - "x-user-0: \r\n".len())), 431),
    ] {
        let (answer, log) = handled(&fixture, &event).await;
        assert_eq!(answer["statusCode"], status);
        if status == 431 {
            assert_eq!(
                refusal(&answer, &log),
                (json!(431), json!("headers_too_large"), json!("/max_headers"))
            );
        }
    }
}
