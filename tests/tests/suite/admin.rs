//! The admin API beside a gateway: the function itself, behind the local HTTP API and behind the Invoke API.

use serde_json::{Value, json};
use tollgate_tests::client::Request;
use tollgate_tests::running::{Finished, tollgate};
use tollgate_tests::{Api, Gateway, Response, Stage, get, method, post};

const ME: &str = "/api/orders/1";

/// A gateway whose callers have API keys, with its admin API.
async fn open() -> Api {
    let stage = Stage::set().await;
    let mut document = stage.unlimited();
    document["auth"] = json!({ "methods": { "partners": { "type": "api_key" } }, "default": ["partners"] });
    document["plans"] = json!({});
    stage.open_as(Gateway::start(document.to_string()).admin()).await
}

/// Sends a request to the admin API.
async fn ask(api: &Api, request: Request) -> Response {
    let address = api.gateway.admin();
    let answer = request.host(address.to_string()).send(address).await;
    answer.unwrap_or_else(|error| panic!("no answer: {error}\n{}", api.gateway.process().output()))
}

fn json_of(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

/// Makes a key and gives its text and its id.
async fn make(api: &Api) -> (String, String) {
    let answer = ask(api, post("/keys", json_of(&json!({ "owner": "acme" })))).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let member = |name: &str| answer.json()[name].as_str().expect("text").to_owned();
    (member("key"), member("id"))
}

async fn status_with(api: &Api, key: &str) -> u16 {
    api.gateway.send(&get(ME).header("X-Api-Key", key)).await.status
}

/// The record that the admin API wrote of a request, waited for.
async fn record(api: &Api, request_id: &str) -> Value {
    let of_it = |line: &String| -> Option<Value> {
        let record: Value = serde_json::from_str(line).ok()?;
        (record["id"] == request_id).then_some(record)
    };
    let found = api.gateway.process().stdout().find(of_it).await;
    found.unwrap_or_else(|| panic!("no record of {request_id}\n{}", api.gateway.process().output()))
}

#[tokio::test]
async fn the_gateway_takes_a_key_that_was_made_here_and_refuses_one_that_was_taken_back() {
    let api = open().await;
    assert_eq!(
        api.gateway.children().len(),
        1,
        "the admin API starts with its first request"
    );
    let (key, _) = make(&api).await;
    assert_eq!(status_with(&api, &key).await, 200);

    let (revoked, revoked_id) = make(&api).await;
    let answer = ask(&api, post(format!("/keys/{revoked_id}/revoke"), "")).await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("revoked")));
    assert_eq!(status_with(&api, &revoked).await, 401);

    // One that the gateway has not seen: it would remember the old key for half a minute.
    let (old, id) = make(&api).await;
    let rotate = post(format!("/keys/{id}/rotate"), r#"{"grace":0}"#).header("X-Request-Id", "by-hand");
    let rotated = ask(&api, rotate).await;
    let new = rotated.json()["key"].as_str().expect("a key").to_owned();
    assert_eq!(
        (status_with(&api, &new).await, status_with(&api, &old).await),
        (200, 401)
    );
    let record = record(&api, "by-hand").await;
    let principal = "arn:aws:iam::123456789012:user/local-admin";
    assert_eq!(
        (&record["principal"], &record["key_id"]),
        (&json!(principal), &json!(id))
    );
    let output = api.gateway.process().output();
    for secret in [&key, &revoked, &old, &new] {
        assert!(!output.contains(secret.as_str()), "a key is in the log");
    }
    api.finish();
}

#[tokio::test]
async fn a_plan_that_was_made_here_holds_for_a_key_that_has_it() {
    let api = open().await;
    let limits = json!({ "quota": { "requests": 2, "per": "month" } });
    let set = ask(
        &api,
        method("PUT", "/plans/small")
            .header("Content-Type", "application/json")
            .body(json_of(&limits)),
    )
    .await;
    assert_eq!(set.status, 200, "{}", set.text());
    let made = ask(
        &api,
        post("/keys", json_of(&json!({ "owner": "acme", "plan": "small" }))),
    )
    .await;
    let key = made.json()["key"].as_str().expect("a key").to_owned();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(status_with(&api, &key).await);
    }
    assert_eq!(statuses, [200, 200, 429]);
    let listed: Value = serde_json::from_str(&api.gateway.printed(&["plans", "list", "--json"]).await).expect("JSON");
    assert_eq!(ask(&api, get("/plans")).await.json(), json!({ "plans": listed }));
    api.finish();
}

#[tokio::test]
async fn the_command_line_and_the_api_show_the_same_keys() {
    let api = open().await;
    api.gateway
        .printed(&["keys", "create", "--owner", "ann", "--scope", "a", "--expires", "90d"])
        .await;
    let listed = async || -> Value {
        let listed = api.gateway.printed(&["keys", "list", "--owner", "ann", "--json"]).await;
        serde_json::from_str(&listed).expect("JSON")
    };
    let answer = ask(&api, get("/keys?owner=ann")).await;
    let before = listed().await;
    assert_eq!(answer.json(), json!({ "keys": before }));
    let path = format!("/keys/{}", before[0]["id"].as_str().expect("an id"));
    let change = json!({ "plan": "gold", "expires_in": null });
    let patch = method("PATCH", path)
        .header("Content-Type", "application/merge-patch+json")
        .body(json_of(&change));
    let answer = ask(&api, patch).await;
    assert_eq!((answer.status, &answer.json()["plan"]), (200, &json!("gold")));
    assert_eq!(json!([answer.json()]), listed().await);
    api.finish();
}

#[tokio::test]
async fn the_local_listener_answers_programs_of_this_machine_only() {
    let api = open().await;
    let address = api.gateway.admin();
    let answer = get("/keys?owner=ann")
        .host("evil.example")
        .send(address)
        .await
        .expect("an answer");
    assert_eq!(answer.status, 403);
    let page = get("/keys?owner=ann")
        .host(address.to_string())
        .header("Origin", "https://evil.example");
    let answer = page.send(address).await.expect("an answer");
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (403, None)
    );
    let answer = ask(&api, method("PUT", "/keys")).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.json()["error"], "method_not_allowed");
    api.finish();
}

/// As an HTTP API with IAM authorization sends it, or without.
fn event(authorizer: &Value) -> Value {
    json!({
        "version": "2.0", "rawPath": "/openapi.json", "rawQueryString": "",
        "headers": { "host": "api.example.com", "x-amzn-iam-user-arn": "arn:aws:iam::123456789012:user/ann" },
        "requestContext": {
            "domainName": "api.example.com", "stage": "$default", "authorizer": authorizer,
            "http": { "method": "GET", "path": "/openapi.json", "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9" }
        },
        "isBase64Encoded": false
    })
}

#[tokio::test]
async fn an_event_without_an_iam_identity_is_refused() {
    let api = open().await;
    let address = api.gateway.invoke_api();
    let iam = json!({ "iam": { "userArn": "arn:aws:iam::123456789012:user/ann" } });
    let of_another = json!({ "lambda": { "userArn": "arn:aws:iam::123456789012:user/ann" } });
    for (authorizer, status) in [(iam, 200), (of_another, 403), (Value::Null, 403)] {
        let request = post("/2015-03-31/functions/admin/invocations", json_of(&event(&authorizer)));
        let answer = request
            .host(address.to_string())
            .send(address)
            .await
            .expect("an answer");
        assert_eq!(answer.json()["statusCode"], status, "{authorizer}");
    }
    api.finish();
}

#[tokio::test]
async fn one_event_goes_through_invoke() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("event.json");
    let iam = json!({ "iam": { "userArn": "arn:aws:iam::123456789012:user/ann" } });
    std::fs::write(&file, event(&iam).to_string()).expect("an event");
    let invoke = |variable: &str| {
        let mut command = tollgate();
        command
            .args(["invoke", "--function", "admin"])
            .arg(&file)
            .env("ADMIN_PRINCIPALS", variable);
        command
    };
    let finished = Finished::of(invoke("arn:aws:iam::*:user/ann")).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let answer: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(answer["statusCode"], 200);
    let finished = Finished::of(invoke("arn:aws:iam::*:user/bob")).await;
    let answer: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(answer["statusCode"], 403, "{finished:?}");
    let finished = Finished::of(invoke("ann")).await;
    assert!(finished.stderr.contains("ADMIN_PRINCIPALS: [\"ann\"]"), "{finished:?}");
}

#[tokio::test]
async fn what_was_counted_is_shown_and_reset() {
    let api = open().await;
    let limits = json!({ "quota": { "requests": 3, "per": "month" } });
    let put = method("PUT", "/plans/small").header("Content-Type", "application/json");
    assert_eq!(ask(&api, put.body(json_of(&limits))).await.status, 200);
    let made = ask(
        &api,
        post("/keys", json_of(&json!({ "owner": "acme", "plan": "small" }))),
    )
    .await;
    let member = |name: &str| made.json()[name].as_str().expect("text").to_owned();
    let (key, part) = (member("key"), format!("api_key={}", member("id")));
    let remaining = async |api: &Api| {
        let answer = api.gateway.send(&get(ME).header("X-Api-Key", &key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.header("X-RateLimit-Remaining").expect("a header").to_owned()
    };
    assert_eq!(
        (remaining(&api).await.as_str(), remaining(&api).await.as_str()),
        ("2", "1")
    );

    let usage = ask(&api, get(format!("/usage?part={part}"))).await;
    let [counter] = &usage.json()["counters"].as_array().expect("counters").clone()[..] else {
        panic!("{}", usage.text())
    };
    assert_eq!((&counter["by"], &counter["rule"]), (&json!("plan"), &json!("plan")));
    assert_eq!(
        (&counter["windows"][0]["per"], &counter["windows"][0]["used"]),
        (&json!("month"), &json!(2))
    );
    let shown = api.gateway.printed(&["usage", "show", &part]).await;
    assert!(shown.starts_with("plan  plan  2 this month, until "), "{shown}");

    let reset = method("DELETE", format!("/usage?part={part}")).header("X-Request-Id", "by-hand");
    assert_eq!(ask(&api, reset).await.json(), json!({ "counters": 1 }));
    assert_eq!(remaining(&api).await, "2");
    let record = record(&api, "by-hand").await;
    assert_eq!(record["subject"].as_str().expect("a subject").len(), 22, "{record}");
    api.gateway.printed(&["usage", "reset", &part]).await;
    assert_eq!(remaining(&api).await, "2");
    assert_eq!(api.gateway.printed(&["usage", "show", "client_ip=192.0.2.9"]).await, "");
    api.finish();
}
