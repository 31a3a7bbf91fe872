use super::*;

const APP: &str = "https://app.example.com";

fn preflight(path: &str, origin: &str, method: &str) -> String {
    let headers = json!({ "host": "api.example.com", "origin": origin, "access-control-request-method": method });
    with_method("OPTIONS", path, headers)
}

fn from_page(path: &str) -> String {
    event(path, json!({ "host": "api.example.com", "origin": APP }))
}

#[tokio::test(start_paused = true)]
async fn a_preflight_is_answered_before_anything_is_counted_or_verified() {
    let fixture = fixture(&guarded(json!({ "cors": { "origins": [APP] } })), UNTOUCHED, never);
    let (answer, log) = handled(&fixture, &preflight("/api/x", APP, "PUT")).await;
    assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(204), &json!("")));
    let headers = &answer["headers"];
    assert_eq!(headers["access-control-allow-origin"], APP);
    assert_eq!(headers["access-control-allow-methods"], "GET, PUT, HEAD");
    assert_eq!(
        headers["access-control-allow-headers"],
        "Authorization, Content-Type, X-Request-Id"
    );
    assert_eq!(headers["access-control-max-age"], "600");
    assert!(headers["x-request-id"].is_string() && headers["x-ratelimit-limit"].is_null());
    assert_eq!(
        (&log["route"], &log["status"], log.get("limit")),
        (&json!("all"), &json!(204), None)
    );

    let (answer, _) = handled(&fixture, &preflight("/api/x", "https://evil.test", "PUT")).await;
    assert_eq!(answer["statusCode"], 204);
    assert_eq!(answer["headers"]["access-control-allow-origin"], Value::Null);
    let (answer, _) = handled(&fixture, &preflight("/api/x", APP, "DELETE")).await;
    assert_eq!(answer["statusCode"], 405, "no route takes what it asks for");
}

#[tokio::test(start_paused = true)]
async fn without_rules_a_preflight_is_a_request_like_any_other() {
    let fixture = fixture(&guarded(json!({})), Store { down: false }, never);
    let (answer, _) = handled(&fixture, &preflight("/api/x", APP, "PUT")).await;
    assert_eq!(answer["statusCode"], 401);
    assert_eq!(answer["headers"]["access-control-allow-origin"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_one_that_pages_may_read() {
    let config = guarded(json!({ "cors": { "origins": [APP] } }));
    for (store, status) in [(Store { down: false }, 401), (UNTOUCHED, 503)] {
        let (answer, _) = handled(&fixture(&config, store, never), &from_page("/api/x")).await;
        assert_eq!(answer["statusCode"], status);
        let headers = &answer["headers"];
        assert_eq!(headers["access-control-allow-origin"], APP);
        let exposed = headers["access-control-expose-headers"].as_str().expect("a list");
        assert!(
            exposed.contains("Retry-After") && exposed.contains("X-Request-Id"),
            "{exposed}"
        );
        assert_eq!(headers["vary"], "Origin");
    }
}

/// What the gateway adds to answers may be what makes one too large: then the error goes without it.
#[tokio::test(start_paused = true)]
async fn an_answer_that_its_own_headers_make_too_large_is_an_error_and_not_nothing() {
    fn nearly_full(_: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        let answer = Response::builder().header("X-Large", "a".repeat(9_900));
        Ok(answer.body(Bytes::new()).expect("an answer"))
    }
    let config = public(json!({ "defaults": { "cors": { "origins": [APP] }, "security_headers": "standard" } }));
    let (answer, log) = handled(&fixture(&config, UNTOUCHED, nearly_full), &from_page("/api/x")).await;
    assert_eq!((&answer["statusCode"], &log["status"]), (&json!(502), &json!(502)));
    assert!(answer["headers"]["x-request-id"].is_string(), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_route_goes_by_the_default() {
    let mut config = guarded(json!({ "cors": { "origins": ["https://other.example.com"] } }));
    config["defaults"] = json!({ "cors": { "origins": [APP] } });
    let fixture = fixture(&config, UNTOUCHED, never);
    for (path, status) in [("/nowhere", 404), ("/a%5c", 400)] {
        let (answer, _) = handled(&fixture, &from_page(path).replace("%5c", "\\\\")).await;
        assert_eq!(
            (&answer["statusCode"], &answer["headers"]["access-control-allow-origin"]),
            (&json!(status), &json!(APP))
        );
    }
    let (answer, _) = handled(&fixture, &from_page("/api/x")).await;
    assert_eq!(
        answer["headers"]["access-control-allow-origin"],
        Value::Null,
        "the route has its own"
    );
}

#[tokio::test(start_paused = true)]
async fn none_leaves_it_to_the_upstream() {
    fn theirs(_: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        let answer = Response::builder().header("Access-Control-Allow-Origin", "https://theirs.example");
        Ok(answer.body(Bytes::from_static(b"fine")).expect("an answer"))
    }
    for (stance, said) in [
        (json!("none"), "https://theirs.example"),
        (json!({ "origins": ["*"] }), "*"),
    ] {
        let mut config = public(json!({ "defaults": { "cors": { "origins": [APP] } } }));
        config["routes"][0]["cors"] = stance;
        let (answer, _) = handled(&fixture(&config, UNTOUCHED, theirs), &from_page("/api/x")).await;
        assert_eq!(answer["headers"]["access-control-allow-origin"], said);
        assert_eq!(
            answer["headers"]["vary"],
            Value::Null,
            "it is the same for every origin"
        );
    }
}
