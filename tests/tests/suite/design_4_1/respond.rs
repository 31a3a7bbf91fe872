//! "A route has exactly one of `upstream`, `split`, `aggregate`, `respond`": the last of these.

use serde_json::json;
use tollgate_tests::{Event, Stage, get, method, post};

crate::for_each_event_kind!(answers_of_the_gateways_own);

async fn answers_of_the_gateways_own(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.document();
    document["errors"] = json!({ "upstream": "wrap" });
    let own = json!([
        { "id": "health", "path": "/health", "respond": "health", "auth": "none", "methods": ["GET"],
          "rate_limit": { "requests_per_minute": 3, "key": "client_ip" } },
        { "path": "/closed", "respond": "health" },
        { "path": "/old/**", "auth": "none",
          "respond": { "status": 308, "headers": { "Location": "/api/users" } } },
        { "path": "/v1/**", "auth": "none",
          "respond": { "status": 410, "body": { "error": "gone", "internal_id": 7, "exact": 1.10 } } },
        { "path": "/robots.txt", "auth": "none", "respond": { "body": "User-agent: *\nDisallow: /\n" } },
    ]);
    let routes = document["routes"].as_array_mut().expect("a list");
    routes.extend(own.as_array().expect("a list").clone());
    document["transformations"]
        .as_array_mut()
        .expect("a list")
        .push(json!({ "path": "/v1/hidden", "response": { "remove_fields": ["internal_id"] } }));
    let token = stage.issuer.sign("usr_1");
    let mut api = stage.open(event, &document).await;

    api.row("health is public where it says so", get("/health"), |x| {
        x.status(200).body(r#"{"status":"ok"}"#).reached_none().every_answer();
        x.got("Content-Type", Some("application/json"))
            .got("Cache-Control", Some("no-store"))
            .got("X-RateLimit-Remaining", Some("2"));
    })
    .await;
    api.row("HEAD has the same head", method("HEAD", "/health"), |x| {
        x.status(200).body("").got("Content-Type", Some("application/json"));
    })
    .await;
    api.row("no other method", post("/health", "{}"), |x| {
        x.error(405, "method_not_allowed").got("Allow", Some("GET, HEAD"));
    })
    .await;
    api.row("closed by default", get("/closed"), |x| {
        x.error(401, "unauthorized");
    })
    .await;
    api.row("open to a caller", get("/closed").bearer(&token), |x| {
        x.status(200).reached_none();
    })
    .await;
    api.row("status and headers of the config", get("/old/a?b=1"), |x| {
        x.status(308).body("").got("Location", Some("/api/users"));
    })
    .await;
    api.row("a body of JSON, not wrapped", get("/v1/x"), |x| {
        x.status(410).body(r#"{"error":"gone","exact":1.1,"internal_id":7}"#);
        x.got("Content-Type", Some("application/json")).reached_none();
    })
    .await;
    api.row("transformed as any answer", get("/v1/hidden"), |x| {
        x.status(410).body(r#"{"error":"gone","exact":1.1}"#);
    })
    .await;
    api.row("a body of text", get("/robots.txt"), |x| {
        x.status(200).body("User-agent: *\nDisallow: /\n");
        x.got("Content-Type", Some("text/plain; charset=utf-8"));
    })
    .await;
    api.row("the last that its own limit lets through", get("/health"), |x| {
        x.status(200).got("X-RateLimit-Remaining", Some("0"));
    })
    .await;
    api.row("limits hold", get("/health"), |x| {
        x.error(429, "rate_limit_exceeded");
    })
    .await;
    api.finish();
}
