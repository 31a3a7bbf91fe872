//! `tollgate pack`, and the function that is started with what it prints.

use std::process::Command;

use serde_json::{Value, json};
use tollgate_tests::running::{Finished, Running, tollgate};
use tollgate_tests::{Answer, Upstream};

const HEALTH: &str = "routes:\n  - path: /health\n    respond: health # all there is\n    auth: none\n";

async fn pack(text: &str) -> Finished {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("gateway.yaml"), text).expect("a written file");
    let mut command = tollgate();
    command.args(["pack", "gateway.yaml"]).current_dir(folder.path());
    Finished::of(command).await
}

/// The function as Lambda starts it, with this config.
fn function(runtime_api: &str, config: &str) -> Command {
    let mut command = tollgate();
    command.arg("function").env("GATEWAY_CONFIG", config);
    for (name, value) in [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "gateway"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        // Nobody listens there: what is not counted needs no store.
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"),
        ("QUOTA_TABLE", "quota"),
    ] {
        command.env(name, value);
    }
    command
}

#[tokio::test]
async fn prints_one_line_that_the_function_serves() {
    let finished = pack(HEALTH).await;
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
    let packed = finished.stdout;
    assert!(packed.starts_with("packed:") && packed.lines().count() == 1, "{packed}");

    let event = include_str!("../../../../events/http-get.json");
    let mut event: Value = serde_json::from_str(event).expect("an event");
    event["rawPath"] = json!("/health");
    let invocation = Answer::json(event.to_string())
        .header("Lambda-Runtime-Aws-Request-Id", "1")
        .header("Lambda-Runtime-Deadline-Ms", "4102444800000")
        .header(
            "Lambda-Runtime-Invoked-Function-Arn",
            "arn:aws:lambda:us-east-1:1:function:gateway",
        );
    let runtime_api = Upstream::answering(invocation).await;
    let _function = Running::start(function(&runtime_api.address().to_string(), &packed));
    let answered = runtime_api.requests().find(|request| {
        request
            .target
            .ends_with("/invocation/1/response")
            .then(|| request.body.clone())
    });
    let answer: Value = serde_json::from_slice(&answered.await.expect("an answer")).expect("JSON");
    assert_eq!(
        (&answer["statusCode"], &answer["body"]),
        (&json!(200), &json!(r#"{"status":"ok"}"#))
    );
}

#[tokio::test]
async fn a_wrong_config_is_not_packed() {
    let wrong = HEALTH.replace("health #", "helth #").replace("auth: none", "auth: all");
    let finished = pack(&wrong).await;
    assert_eq!((finished.code, &*finished.stdout), (Some(64), ""), "{finished:?}");
    for line in [
        r#"gateway.yaml:3: /routes/0/respond: "helth" is not one of: health, usage (did you mean "health"?)"#,
        "gateway.yaml:4: /routes/0/auth: ",
    ] {
        assert!(finished.stderr.contains(line), "{line} is missing in {finished:?}");
    }
}

#[tokio::test]
async fn warnings_stay_off_the_line() {
    let odd = format!("trusted_proxies: [0.0.0.0/0]\n{HEALTH}");
    let finished = pack(&odd).await;
    assert_eq!(
        (finished.code, finished.stdout.lines().count()),
        (Some(0), 1),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("/trusted_proxies/0"), "{finished:?}");
}

#[tokio::test]
async fn the_function_refuses_a_config_that_was_cut_short() {
    let packed = pack(HEALTH).await.stdout;
    let finished = Finished::of(function("127.0.0.1:1", &packed[..packed.len() - 8])).await;
    assert_eq!(finished.code, Some(64), "{finished:?}");
    assert!(
        finished
            .stderr
            .contains("GATEWAY_CONFIG: what follows packed: is cut short"),
        "{finished:?}"
    );
}

#[tokio::test]
async fn check_tells_what_both_forms_take() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("gateway.yaml"), HEALTH).expect("a written file");
    let mut command = tollgate();
    command.args(["check", "gateway.yaml"]).current_dir(folder.path());
    let finished = Finished::of(command).await;
    let packed = pack(HEALTH).await.stdout.trim().len();
    for words in ["as compact JSON: ", &format!("packed: {packed} bytes; fits into ")] {
        assert!(finished.stdout.contains(words), "{words} is missing in {finished:?}");
    }
}
