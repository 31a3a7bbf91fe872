//! `check`, `invoke` and `token`.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_tests::running::{Finished, function_binary, tollgate};
use tollgate_tests::{Gateway, Stage, get};

/// A folder with these files, and a way to run `tollgate` in it.
struct Desk(TempDir);

impl Desk {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("the file can be written");
        }
        Self(folder)
    }

    async fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = tollgate();
        command.args(arguments).current_dir(self.0.path());
        if arguments[0] == "invoke" {
            command.args(function_binary());
        }
        Finished::of(command).await
    }
}

fn example(name: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join("examples").join(name)).expect("the example is there")
}

#[tokio::test]
async fn check_passes_a_right_config_and_tells_its_cost() {
    let stage = Stage::set().await;
    let desk = Desk::with(&[
        ("right.json", &stage.document().to_string()),
        ("store.yaml", &example("store/gateway.yaml")),
    ]);
    let finished = desk.run(&["check", "right.json"]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let said = finished.stdout.clone() + &finished.stderr;
    for words in ["right.json", "bytes", "/api/auth/login", "/api/search/**"] {
        assert!(said.contains(words), "{words} is missing in {finished:?}");
    }
    let finished = desk.run(&["check", "store.yaml", "right.json"]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

#[tokio::test]
async fn check_tells_all_mistakes_with_their_places() {
    let wrong = r#"{
  "routes": [
    { "path": "/a", "upstream": "orders", "auth": "none" },
    { "path": "/b", "upstream": "orders", "auth": "none" },
    { "path": "/c", "upstream": "odrers", "auth": "none" },
    { "path": "/d", "upstreem": "orders", "auth": "none" }
  ],
  "upstreams": { "orders": { "url": "http://localhost:3002", "timeout": "2 sec" } }
}"#;
    let desk = Desk::with(&[
        ("wrong.json", wrong),
        (
            "right.json",
            r#"{"routes":[{"path":"/","upstream":"http://a","auth":"none"}]}"#,
        ),
    ]);
    let finished = desk.run(&["check", "right.json", "wrong.json"]).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    let said = finished.stdout.clone() + &finished.stderr;
    for line in [
        r#"wrong.json:5: /routes/2/upstream: "odrers" is not an upstream (did you mean "orders"?)"#,
        "wrong.json:6: /routes/3",
        "wrong.json:8: /upstreams/orders/timeout: ",
    ] {
        assert!(said.contains(line), "{line} is missing in:\n{said}");
    }
    assert!(
        said.contains(r#""upstream""#),
        "the nearest valid word is missing in:\n{said}"
    );
}

#[tokio::test]
async fn check_refuses_what_would_not_be_safe() {
    let route = |more: Value| {
        let mut route = json!({ "path": "/a", "upstream": "http://localhost:1", "auth": "none" });
        route
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        route
    };
    let rate = json!({ "requests_per_second": 1, "key": "header:X-Client" });
    let rows = [
        (
            "closed by default: no `auth` and no `auth: none`",
            json!({ "routes": [{ "path": "/a", "upstream": "http://localhost:1" }] }),
            "/routes/0",
        ),
        (
            "a key that any client can set",
            json!({ "routes": [route(json!({ "rate_limit": rate }))] }),
            "trust_client_key",
        ),
        (
            "two routes that can never be told apart",
            json!({ "routes": [route(json!({})), route(json!({}))] }),
            "/routes/1",
        ),
        (
            "the environment of the function itself",
            json!({ "routes": [route(json!({ "upstream": "http://${AWS_SECRET_ACCESS_KEY}" }))] }),
            "AWS_SECRET_ACCESS_KEY",
        ),
        (
            "a placeholder that nothing fills",
            json!({ "routes": [route(json!({ "upstream": "${TOLLGATE_NOT_SET}" }))] }),
            "TOLLGATE_NOT_SET",
        ),
        (
            "an upstream that is no http URL",
            json!({ "routes": [route(json!({ "upstream": "ftp://a/b" }))] }),
            "/routes/0/upstream",
        ),
        ("no routes", json!({}), "routes"),
    ];
    for (sentence, document, words) in rows {
        let desk = Desk::with(&[("wrong.json", &document.to_string())]);
        let finished = desk.run(&["check", "wrong.json"]).await;
        assert_eq!(finished.code, Some(64), "{sentence}: {finished:?}");
        let said = finished.stdout.clone() + &finished.stderr;
        assert!(
            said.contains("wrong.json:") && said.contains(words),
            "{sentence}: {finished:?}"
        );
    }
}

#[tokio::test]
async fn check_warns_of_what_can_match_no_route() {
    let document = json!({
        "routes": [{ "path": "/api/a", "upstream": "http://localhost:1", "auth": "none" }],
        "transformations": [{ "path": "/apis/**", "response": { "remove_fields": ["a"] } }],
    });
    let desk = Desk::with(&[("odd.json", &document.to_string())]);
    let finished = desk.run(&["check", "odd.json"]).await;
    assert_eq!(finished.code, Some(0), "a warning is no mistake: {finished:?}");
    let said = finished.stdout.clone() + &finished.stderr;
    assert!(said.contains("/transformations/0/path"), "{finished:?}");
}

#[tokio::test]
async fn check_names_a_file_that_is_not_there() {
    let finished = Desk::with(&[]).run(&["check", "missing.json"]).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    assert!(finished.stderr.contains("missing.json"), "{finished:?}");
}

/// An event as an HTTP API sends it (payload 2.0).
fn event(path: &str) -> String {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "a=1",
        "headers": { "host": "api.example.com", "x-request-id": "from-a-file" },
        "requestContext": {
            "accountId": "123456789012", "apiId": "api", "domainName": "api.example.com", "domainPrefix": "api",
            "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9", "userAgent": "x" },
            "requestId": "id", "routeKey": "$default", "stage": "$default",
            "time": "21/Nov/2026:00:00:00 +0000", "timeEpoch": 1_795_219_200_000_u64
        },
        "isBase64Encoded": false
    })
    .to_string()
}

fn json_values(text: &str) -> Vec<Value> {
    // Whatever else is printed stands on lines of its own.
    let json = text
        .lines()
        .skip_while(|line| !line.trim_start().starts_with('{'))
        .collect::<Vec<_>>()
        .join("\n");
    serde_json::Deserializer::from_str(&json)
        .into_iter()
        .map_while(Result::ok)
        .collect()
}

#[tokio::test]
async fn invoke_prints_the_response_event_and_the_log_line() {
    let stage = Stage::set().await;
    let config = stage.unlimited().to_string();
    let desk = Desk::with(&[
        ("event.json", &event("/api/health")),
        ("closed.json", &event("/api/users/1")),
        ("gateway.json", &config),
    ]);
    let finished = desk.run(&["invoke", "event.json", "--config", "gateway.json"]).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let printed = json_values(&finished.stdout);
    let response = printed.iter().find(|value| value.get("statusCode").is_some());
    let response = response.unwrap_or_else(|| panic!("no response event: {finished:?}"));
    assert_eq!(
        (&response["statusCode"], &response["body"]),
        (&json!(200), &json!("{}")),
        "{response}"
    );
    let said = finished.stdout.clone() + &finished.stderr;
    let record = said
        .lines()
        .find(|line| line.contains("from-a-file") && line.contains("_aws"));
    assert!(record.is_some(), "no log line: {finished:?}");
    let seen = &stage.site.requests().all()[0];
    assert_eq!(seen.line(), "GET /health?a=1");
    assert_eq!(seen.header("X-Forwarded-For").as_deref(), Some("203.0.113.9"));

    let finished = desk.run(&["invoke", "closed.json", "--config", "gateway.json"]).await;
    let printed = json_values(&finished.stdout);
    assert!(printed.iter().any(|value| value["statusCode"] == 401), "{finished:?}");
}

#[tokio::test]
async fn invoke_fails_on_an_event_that_is_no_request() {
    let stage = Stage::set().await;
    let queue = r#"{"Records":[{"eventSource":"aws:sqs","messageId":"1","body":"{}"}]}"#;
    let desk = Desk::with(&[("sqs.json", queue), ("gateway.json", &stage.unlimited().to_string())]);
    let finished = desk.run(&["invoke", "sqs.json", "--config", "gateway.json"]).await;
    assert!(
        finished.code.is_some_and(|code| code != 0),
        "a queue must not take it for handled: {finished:?}"
    );
    assert!(
        (finished.stdout.clone() + &finished.stderr).contains("SQS"),
        "{finished:?}"
    );
}

#[tokio::test]
async fn token_asks_the_demo_identity_provider() {
    let stage = Stage::set().await;
    let document = json!({
        "routes": [{ "path": "/me", "upstream": stage.site.url() }],
        "auth": { "type": "jwt", "issuer": "${TOLLGATE_ISSUER}", "jwks_uri": "${TOLLGATE_ISSUER}/.well-known/jwks.json", "audiences": ["store"] },
    });
    let api = stage.open_as(Gateway::start(document.to_string())).await;
    let issuer = format!("http://{}", api.gateway.identity_provider());
    let desk = Desk::with(&[]);
    let good = ["token", "--issuer", &issuer, "--sub", "ann", "--claim", "role=admin"];
    let finished = desk.run(&good).await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let exchange = api.send(get("/me").bearer(finished.stdout.trim())).await;
    exchange
        .status(200)
        .sent("X-User-Id", Some("ann"))
        .sent("X-User-Role", Some("admin"));

    let finished = desk.run(&[&good[..], &["--claim", "aud=elsewhere"]].concat()).await;
    api.send(get("/me").bearer(finished.stdout.trim()))
        .await
        .error(401, "invalid_token");

    let nobody = tollgate_tests::faulty::Faulty::refusing();
    let finished = desk.run(&["token", "--issuer", &nobody.url()]).await;
    assert!(finished.code.is_some_and(|code| code != 0), "{finished:?}");
    assert!(finished.stderr.contains(&nobody.url()), "{finished:?}");
    api.finish();
}
