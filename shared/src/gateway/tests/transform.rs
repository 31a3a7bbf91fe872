//! `transform` and `transformations` among the other stages, and the list of all that was changed.

use super::*;
use crate::edits::{Edit, Edits, Operation};

/// An HTTP API's event of somebody whom its JWT authorizer knows.
fn known(headers: Value) -> String {
    let mut event: Value = serde_json::from_str(&event("/api/orders/o 7", headers)).expect("JSON");
    event["rawQueryString"] = json!("page=2&debug=1");
    event["requestContext"]["authorizer"] =
        json!({ "jwt": { "claims": { "sub": "usr_1", "tenant": "acme" }, "scopes": null } });
    event.to_string()
}

fn everything() -> Value {
    json!({
        "auth": { "type": "platform", "from": "jwt" },
        "errors": { "upstream": "wrap" },
        "defaults": { "security_headers": { "X-Frame-Options": "none", "Content-Security-Policy": "none" } },
        "rate_limiting": { "default": { "requests_per_second": 100 } },
        "transformations": [{ "path": "/api/**", "response": {
            "remove_fields": ["cost"], "headers": { "remove": ["X-Internal"] },
        } }],
        "routes": [{
            "id": "order", "path": "/api/orders/{id}", "upstream": "http://service.internal:3000/base",
            "strip_prefix": "/api", "cors": { "origins": ["https://app.example.com"] },
            "transform": {
                "request": {
                    "path": "/internal/{claims.tenant}/orders/{id}",
                    "query": { "allow": ["page"], "set": { "user": "{claims.sub}" } },
                    "headers": { "remove": ["Cookie"], "rename": { "X-Old": "X-New" }, "set": { "X-Tenant": "{claims.tenant}" } },
                },
                "response": { "headers": { "set": { "X-Page": "{query.page}" }, "add": { "Link": "</orders>; rel=up" } } },
            },
        }],
    })
}

fn order(request: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    let answer = Response::builder()
        .header("Content-Type", "application/json")
        .header("X-Internal", "host-7")
        .header("ETag", "\"v1\"");
    let answer = match request.headers().contains_key("x-fail") {
        true => answer.status(500),
        false => answer,
    };
    Ok(answer
        .body(Bytes::from_static(br#"{"id":7,"cost":1.0}"#))
        .expect("an answer"))
}

#[tokio::test(start_paused = true)]
async fn rules_reach_the_upstream_and_the_client() {
    let fixture = fixture(&everything(), Store { down: false }, order);
    let headers = json!({ "host": "api.example.com", "cookie": "a=1", "x-old": "o", "x-tenant": "forged" });
    let (answer, log) = handled(&fixture, &known(headers)).await;
    assert_eq!(answer["statusCode"], 200, "{log}");
    assert_eq!(answer["body"], r#"{"id":7}"#);
    assert_eq!(answer["headers"]["x-page"], "2");
    assert_eq!(answer["headers"]["link"], "</orders>; rel=up");
    assert_eq!(answer["headers"].get("x-internal"), None);
    assert_eq!(
        (&log["path"], &log["route"]),
        (&json!("/api/orders/o 7"), &json!("order"))
    );
    let calls = fixture.upstream.calls.lock().expect("unpoisoned");
    let uri = "http://service.internal:3000/base/internal/acme/orders/o%207?page=2&user=usr_1";
    assert_eq!(calls[0].uri(), uri);
    let headers = calls[0].headers();
    assert!(headers["x-new"] == "o" && headers["x-tenant"] == "acme", "{headers:?}");
    assert!(!headers.contains_key("cookie") && !headers.contains_key("x-old"));
}

/// An error of a service has its headers still, and what is to be hidden is hidden there too.
#[tokio::test(start_paused = true)]
async fn rules_for_headers_hold_for_wrapped_errors_and_not_for_the_gateways_own() {
    let fixture = fixture(&everything(), Store { down: false }, order);
    let (answer, _) = handled(&fixture, &known(json!({ "host": "api.example.com", "x-fail": "1" }))).await;
    assert_eq!(answer["statusCode"], 500);
    assert!(
        answer["body"]
            .as_str()
            .is_some_and(|body| body.contains("upstream_error"))
    );
    assert_eq!(answer["headers"].get("x-internal"), None);
    assert_eq!(answer["headers"]["x-page"], "2");

    let (answer, _) = handled(&fixture, &event("/api/orders/1", json!({ "host": "api.example.com" }))).await;
    assert_eq!(answer["statusCode"], 401);
    assert_eq!(answer["headers"].get("x-page"), None);
}

/// `stage place what` of each change.
fn told(edits: Vec<Edit>) -> Vec<String> {
    let line = |edit: Edit| {
        let at = edit.at.map_or("-".to_owned(), |at| at.as_str().to_owned());
        let values = |values: Vec<HeaderValue>| {
            let texts = values.iter().map(|value| value.to_str().expect("text"));
            texts.collect::<Vec<_>>().join(" + ")
        };
        let what = match edit.operation {
            Operation::SetHeader(name, all) => format!("{name}: {}", values(all)),
            Operation::AddHeader(name, more) => format!("+ {name}: {}", values(more)),
            Operation::RemoveHeader(name) => format!("- {name}"),
            Operation::SetPath(path) => format!("path {path}"),
            Operation::SetQuery(name, value) => format!("?{name}={value}"),
            Operation::RemoveQuery(name) => format!("- ?{name}"),
            Operation::Body { from, to } => format!("body {from} -> {to}"),
            member => format!("{member:?}"),
        };
        format!("{:?} {at} {what}", edit.stage)
    };
    edits.into_iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn every_change_is_told_with_its_stage_and_its_place() {
    let fixture = fixture(&everything(), Store { down: false }, order);
    let headers = json!({
        "host": "api.example.com", "cookie": "a=1", "x-old": "o", "x-user-id": "forged", "authorization": "Bearer t",
        "origin": "https://app.example.com", "x-request-id": "r1",
    });
    let deadline = NOW.plus(Duration::from_secs(10));
    let mut edits = Edits::kept();
    let answer = fixture
        .gateway
        .handle_telling(&known(headers), deadline, &mut edits)
        .await;
    assert!(answer.is_ok());
    let told = told(edits.into_list());
    insta::assert_snapshot!(told.join("\n"), @r#"
    Seal - - x-user-id
    Withhold - - authorization
    Stamp /auth x-user-id: usr_1
    TransformRequest /routes/0/transform/request/path path /internal/acme/orders/o%207
    TransformRequest /routes/0/transform/request/query/allow - ?debug
    TransformRequest /routes/0/transform/request/query/set/user ?user=usr_1
    TransformRequest /routes/0/transform/request/headers/remove/0 - cookie
    TransformRequest /routes/0/transform/request/headers/rename/X-Old - x-old
    TransformRequest /routes/0/transform/request/headers/rename/X-Old x-new: o
    TransformRequest /routes/0/transform/request/headers/set/X-Tenant x-tenant: acme
    TransformRequest /transformations/0/response accept-encoding: identity
    TransformResponse /transformations/0/response/remove_fields/0 RemoveField("cost")
    TransformResponse - content-length: 8
    TransformResponse - etag: W/"v1"
    TransformResponse /transformations/0/response/headers/remove/0 - x-internal
    TransformResponse /routes/0/transform/response/headers/set/X-Page x-page: 2
    TransformResponse /routes/0/transform/response/headers/add/Link link: </orders>; rel=up
    Cors - vary: Origin
    Cors - access-control-allow-origin: https://app.example.com
    Cors - access-control-expose-headers: X-Request-Id, X-Response-Time, Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Partial, Cache-Status, Age
    SecurityHeaders - strict-transport-security: max-age=31536000
    SecurityHeaders - x-content-type-options: nosniff
    SecurityHeaders - referrer-policy: no-referrer
    Limits - x-ratelimit-limit: 100
    Limits - x-ratelimit-remaining: 99
    Limits - x-ratelimit-reset: 1800000001
    Limits - ratelimit-policy: "default";q=100;w=1
    Limits - ratelimit: "default";r=99;t=1
    Answer - x-request-id: r1
    Answer - x-response-time: 0ms
    "#);
}

/// A section that asks for a claim must not close the health check below its path.
#[tokio::test(start_paused = true)]
async fn rules_for_requests_are_for_routes_that_call() {
    let mut config = everything();
    config["auth"]["exclude_paths"] = json!(["/api/health"]);
    config["routes"][0] = json!({ "path": "/api/health", "respond": "health" });
    config["transformations"][0]["request"] =
        json!({ "path": "/{claims.tenant}", "query": { "set": { "t": "{claims.tenant}" } } });
    let fixture = fixture(&config, Store { down: false }, order);
    let (answer, log) = handled(&fixture, &event("/api/health", json!({ "host": "a" }))).await;
    assert_eq!(answer["statusCode"], 200, "{log}");
}

#[tokio::test(start_paused = true)]
async fn answers_say_where_accept_had_a_say() {
    let route = |id: &str, accept: Option<&str>| {
        let mut route = json!({ "id": id, "path": "/api/x", "auth": "none", "respond": { "body": id } });
        if let Some(accept) = accept {
            route["accept"] = json!([accept]);
        }
        route
    };
    let both = json!({ "routes": [route("v1", Some("a/v1")), route("v2", Some("a/v2"))] });
    let one = json!({ "routes": [route("v1", Some("a/v1")), route("else", None)] });
    let alone = json!({ "routes": [route("else", None)] });
    for (config, accept, status, id, vary) in [
        (&both, "a/v2", 200, json!("v2"), json!("Accept")),
        (&both, "text/html", 406, json!("(none)"), json!("Accept")),
        (&one, "text/html", 200, json!("else"), json!("Accept")),
        (&alone, "text/html", 200, json!("else"), Value::Null),
    ] {
        let fixture = fixture(config, Store { down: false }, ok);
        let (answer, log) = handled(&fixture, &event("/api/x", json!({ "host": "a", "accept": accept }))).await;
        assert_eq!(
            (&answer["statusCode"], &log["route"]),
            (&json!(status), &id),
            "{accept}"
        );
        assert_eq!(answer["headers"]["vary"], vary, "{accept}");
    }
}

/// Else a cache before the gateway gives one version to who asked for another (RFC 9110 section 12.5.5).
#[tokio::test(start_paused = true)]
async fn answers_say_which_headers_had_a_say() {
    let route = |id: &str, keys: Value| {
        let mut route = json!({ "id": id, "path": "/api/x", "auth": "none", "respond": { "body": id } });
        route
            .as_object_mut()
            .expect("a route")
            .extend(keys.as_object().expect("keys").clone());
        route
    };
    let config = json!({ "routes": [
        route("v2", json!({ "headers": { "X-Api-Version": "2" } })),
        route("v1", json!({})),
        route("elsewhere", json!({ "hosts": ["b"], "headers": { "X-Preview": "1" } })),
        { "id": "other", "path": "/api/y", "auth": "none", "respond": { "body": "other" } },
    ] });
    for (path, headers, id, vary) in [
        (
            "/api/x",
            json!({ "host": "a", "x-api-version": "2" }),
            "v2",
            json!("x-api-version"),
        ),
        ("/api/x", json!({ "host": "a" }), "v1", json!("x-api-version")),
        ("/api/y", json!({ "host": "a" }), "other", Value::Null),
    ] {
        let fixture = fixture(&config, Store { down: false }, ok);
        let (answer, log) = handled(&fixture, &event(path, headers)).await;
        assert_eq!((&log["route"], &answer["headers"]["vary"]), (&json!(id), &vary));
    }
}
