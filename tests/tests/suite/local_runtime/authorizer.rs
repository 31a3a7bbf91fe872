//! The authorizer, through the Invoke API and `invoke`.

use serde_json::{Value, json};
use tollgate_tests::running::{Finished, tollgate};
use tollgate_tests::{Api, Gateway, Response, Stage, get, post};

const ARN: &str = "arn:aws:execute-api:us-east-1:123456789012:api/prod/GET/api/orders/1";

/// As a REST API asks its authorizer.
fn event(path: &str, token: &str) -> String {
    json!({
        "type": "REQUEST", "methodArn": ARN, "path": path, "httpMethod": "GET",
        "headers": { "Host": "api.example.com", "Authorization": format!("Bearer {token}"), "X-Request-Id": "by-hand" },
        "requestContext": { "path": format!("/prod{path}"), "stage": "prod", "identity": { "sourceIp": "203.0.113.9" } }
    })
    .to_string()
}

async fn invoke(gateway: &Gateway, payload: String) -> Response {
    let address = gateway.invoke_api();
    let request = post("/2015-03-31/functions/authorizer/invocations", payload).host(address.to_string());
    request.send(address).await.expect("an answer")
}

async fn open() -> Api {
    let stage = Stage::set().await;
    let document = stage.unlimited().to_string();
    stage.open_as(Gateway::start(document)).await
}

fn effect(answer: &Value) -> &str {
    let effect = &answer["policyDocument"]["Statement"][0]["Effect"];
    effect.as_str().unwrap_or_default()
}

#[tokio::test]
async fn it_decides_in_environments_of_its_own_that_start_when_it_is_asked() {
    let api = open().await;
    assert_eq!(api.gateway.children().len(), 1, "the gateway's");
    let answer = invoke(&api.gateway, event("/api/orders/1", &api.stage.issuer.sign("usr_1"))).await;
    assert_eq!(
        (answer.status, answer.header("X-Amz-Function-Error")),
        (200, None),
        "{}",
        answer.text()
    );
    let expected = json!({
        "principalId": "usr_1",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN }]
        },
        "context": { "method": "jwt", "principal": "usr_1", "sub": "usr_1" }
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(api.gateway.record("by-hand").await["status"], 200);
    assert_eq!(api.gateway.children().len(), 2);

    let answer = invoke(&api.gateway, event("/api/orders/1", "a.b.c")).await;
    assert_eq!(answer.header("X-Amz-Function-Error"), Some("Unhandled"));
    assert_eq!(
        answer.json(),
        json!({ "errorType": "Unauthorized", "errorMessage": "Unauthorized" })
    );

    let answer = invoke(&api.gateway, "{}".to_owned()).await;
    assert_eq!(answer.json()["errorType"], "NotAuthorizer", "{}", answer.text());
    assert_eq!(api.gateway.send(&get("/api/health")).await.status, 200);
    assert_eq!(api.gateway.children().len(), 2, "the same environments");
    api.finish();
}

#[tokio::test]
async fn it_serves_a_changed_config_too() {
    let api = open().await;
    assert_eq!(effect(&invoke(&api.gateway, event("/new", "")).await.json()), "Deny");
    let mark = api.gateway.process().mark();
    let changed = api
        .stage
        .public(json!([{ "path": "/new", "upstream": api.stage.site.url() }]));
    api.gateway.rewrite_config(&changed.to_string());
    api.gateway.process().says(mark, &["is served now"]).await;
    assert_eq!(effect(&invoke(&api.gateway, event("/new", "")).await.json()), "Allow");
    api.finish();
}

#[tokio::test]
async fn invoke_prints_its_answer_and_the_log_line() {
    let stage = Stage::set().await;
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).expect("a file");
    write("gateway.json", stage.unlimited().to_string());
    write("good.json", event("/api/orders/1", &stage.issuer.sign("usr_1")));
    write("bad.json", event("/api/orders/1", "a.b.c"));
    let run = async |name: &str| {
        let mut command = tollgate();
        command.args(["invoke", name, "--function", "authorizer", "--config", "gateway.json"]);
        command.current_dir(folder.path());
        Finished::of(command).await
    };
    let finished = run("good.json").await;
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let answer: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!((effect(&answer), &answer["principalId"]), ("Allow", &json!("usr_1")));
    assert!(finished.stderr.contains("by-hand"), "no log line: {finished:?}");

    let finished = run("bad.json").await;
    assert_eq!(finished.code, Some(1), "a Lambda error: {finished:?}");
    assert!(
        finished.stdout.contains(r#""errorMessage": "Unauthorized""#),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("invalid_token"), "{finished:?}");
    assert!(
        !finished.stderr.contains("Diagnostic"),
        "one line is enough: {finished:?}"
    );
}
