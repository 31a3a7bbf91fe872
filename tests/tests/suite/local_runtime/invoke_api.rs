//! The Lambda Invoke API: a program hands an event to the function itself.

use serde_json::json;
use tollgate_tests::process::signal;
use tollgate_tests::{Api, Gateway, Response, Stage, get, post};

/// An event as an HTTP API sends it (payload 2.0).
fn event(path: &str, id: &str) -> String {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "a=1",
        "headers": { "host": "api.example.com", "x-request-id": id },
        "requestContext": {
            "domainName": "api.example.com", "stage": "$default",
            "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.9" }
        },
        "isBase64Encoded": false
    })
    .to_string()
}

async fn invoke(gateway: &Gateway, name: &str, payload: String) -> Response {
    let address = gateway.invoke_api();
    let request = post(format!("/2015-03-31/functions/{name}/invocations"), payload).host(address.to_string());
    request.send(address).await.expect("an answer")
}

async fn open(timeout: &'static str) -> Api {
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    stage
        .open_as(Gateway::start(document.to_string()).timeout(timeout))
        .await
}

#[tokio::test]
async fn an_event_reaches_the_function_and_its_answer_comes_back() {
    let api = open("30s").await;
    for name in [
        "gateway",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Agateway%3A%24LATEST",
    ] {
        let answer = invoke(&api.gateway, name, event("/a/b", "by-hand")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("X-Amz-Executed-Version"), Some("$LATEST"));
        assert_eq!(answer.header("X-Amz-Function-Error"), None, "{}", answer.text());
        assert_eq!(answer.json()["statusCode"], 200, "{}", answer.text());
        let seen = api.stage.site.requests().all().pop().expect("it was called");
        assert_eq!(seen.line(), "GET /a/b?a=1");
        assert_eq!(seen.header("X-Forwarded-For").as_deref(), Some("203.0.113.9"));
    }
    api.gateway.record("by-hand").await;
    api.finish();
}

#[tokio::test]
async fn an_event_that_is_no_request_is_a_function_error() {
    let api = open("30s").await;
    let queue = r#"{"Records":[{"eventSource":"aws:sqs","messageId":"1","body":"{}"}]}"#;
    for payload in [queue, "", "null", "[]", "\"text\"", "1e999"] {
        let answer = invoke(&api.gateway, "gateway", payload.to_owned()).await;
        assert_eq!(answer.status, 200, "{payload}: {answer:?}");
        assert_eq!(answer.header("X-Amz-Function-Error"), Some("Unhandled"), "{payload}");
        let error = answer.json();
        assert!(
            error["errorType"].is_string() && error["errorMessage"].is_string(),
            "{payload}: {error}"
        );
    }
    assert_eq!(api.gateway.send(&get("/")).await.status, 200, "the next is served");
    api.finish();
}

#[tokio::test]
async fn a_function_that_hangs_is_a_function_error() {
    let api = open("2s").await;
    let environment = api.gateway.children()[0];
    signal(environment, "STOP");
    let answer = invoke(&api.gateway, "gateway", event("/", "stopped")).await;
    assert_eq!(answer.header("X-Amz-Function-Error"), Some("Unhandled"), "{answer:?}");
    assert_eq!(answer.json()["errorType"], "Sandbox.Timedout");
    api.finish();
}

#[tokio::test]
async fn no_other_function_is_there() {
    let api = open("30s").await;
    let answer = invoke(&api.gateway, "reports", "{}".to_owned()).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("X-Amzn-ErrorType"), Some("ResourceNotFoundException"));
    assert_eq!(
        answer.json()["Message"],
        "Function not found: arn:aws:lambda:us-east-1:123456789012:function:reports"
    );
    api.finish();
}
