//! Routes that answer by themselves.

use super::*;

/// A store that must not be asked.
const UNTOUCHED: Store = Store { down: true };

fn never(request: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    panic!("called: {}", request.uri())
}

/// One route that answers so.
fn closed(respond: Value) -> Value {
    json!({ "routes": [{ "id": "own", "path": "/api/**", "respond": respond }] })
}

fn open(respond: Value) -> Value {
    let mut config = closed(respond);
    config["routes"][0]["auth"] = json!("none");
    config
}

fn plain(path: &str) -> String {
    event(path, json!({ "host": "api.example.com" }))
}

async fn get(config: &Value, path: &str) -> (Value, Value) {
    handled(&fixture(config, UNTOUCHED, never), &plain(path)).await
}

#[tokio::test(start_paused = true)]
async fn health_touches_neither_store_nor_upstream() {
    let (answer, log) = get(&open(json!("health")), "/api/health").await;
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["body"], r#"{"status":"ok"}"#);
    let headers = &answer["headers"];
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["content-type"], "application/json");
    assert!(headers["x-request-id"].is_string() && headers["x-response-time"].is_string());
    assert_eq!((&log["route"], &log["status"]), (&json!("own"), &json!(200)));
    assert_eq!((log.get("upstream"), log.get("upstream_status")), (None, None));
    let stages = log["stages_us"].as_object().expect("stages");
    assert!(stages.contains_key("respond") && !stages.contains_key("call"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_served_as_it_stands() {
    let gone = json!({ "status": 410, "headers": { "X-Note": "a b" }, "body": { "b": 1, "a": [null] } });
    let (answer, log) = get(&open(gone), "/api/x").await;
    assert_eq!(answer["statusCode"], 410);
    assert_eq!(answer["headers"]["x-note"], "a b");
    // `json!` sorts the members; the document's order is kept.
    assert_eq!(answer["body"], r#"{"a":[null],"b":1}"#);
    assert_eq!((&log["fault"], log.get("error")), (&json!("client"), None));
}

/// Every request gets the whole answer, not what rules for an earlier one left of it.
#[tokio::test(start_paused = true)]
async fn transformations_hold_and_leave_the_next_answer_alone() {
    let mut config = open(json!({ "body": { "a": 1, "b": 2 } }));
    config["transformations"] = json!([{ "path": "/api/less", "response": { "remove_fields": ["b"] } }]);
    let fixture = fixture(&config, UNTOUCHED, never);
    let (less, whole) = (r#"{"a":1}"#, r#"{"a":1,"b":2}"#);
    for (path, body) in [("/api/less", less), ("/api/x", whole), ("/api/less", less)] {
        let (answer, _) = handled(&fixture, &plain(path)).await;
        assert_eq!(answer["body"], body, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_closed_like_any_route() {
    let mut config = closed(json!("health"));
    config["auth"] = json!({
        "type": "jwt", "issuer": "https://i", "jwks_uri": "https://i/keys", "audiences": ["a"],
        "exclude_paths": ["/api/open"],
    });
    assert_eq!(get(&config, "/api/health").await.0["statusCode"], 401);
    assert_eq!(get(&config, "/api/open").await.0["statusCode"], 200);
}

#[tokio::test(start_paused = true)]
async fn limits_hold_for_it_as_for_any_route() {
    let mut config = open(json!("health"));
    config["rate_limiting"] = json!({ "default": { "requests_per_second": 100, "burst": 20, "on_error": "deny" } });
    assert_eq!(
        get(&config, "/api/health").await.0["statusCode"],
        503,
        "the store is asked"
    );
    let fixture = fixture(&config, Store { down: false }, never);
    let (answer, log) = handled(&fixture, &plain("/api/health")).await;
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(answer["headers"]["x-ratelimit-remaining"], "19");
    assert_eq!(log["limit"]["rule"], "default");
}

#[tokio::test(start_paused = true)]
async fn wrapping_is_for_upstreams() {
    let mut config = open(json!({ "status": 503, "headers": { "Retry-After": "60" }, "body": "Back at noon." }));
    config["errors"] = json!({ "upstream": "wrap" });
    let (answer, log) = get(&config, "/api/x").await;
    assert_eq!(
        (&answer["statusCode"], &answer["body"]),
        (&json!(503), &json!("Back at noon."))
    );
    assert_eq!(answer["headers"]["retry-after"], "60");
    assert_eq!(log["fault"], "gateway");
}

#[tokio::test(start_paused = true)]
async fn other_methods_and_paths_are_refused_as_ever() {
    let mut config = open(json!("health"));
    config["routes"][0]["path"] = json!("/api/health");
    config["routes"][0]["methods"] = json!(["POST"]);
    let (answer, _) = get(&config, "/api/health").await;
    assert_eq!(
        (&answer["statusCode"], &answer["headers"]["allow"]),
        (&json!(405), &json!("POST"))
    );
    assert_eq!(get(&config, "/api/health/x").await.0["statusCode"], 404);
}
