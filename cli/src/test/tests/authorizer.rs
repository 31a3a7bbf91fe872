//! The authorizer's events.

use super::*;
use crate::test::update::update;

/// The authorizer's events, by the gateway's of the same request.
fn authorizers_of(event: &Value) -> Vec<Value> {
    let (path, http) = (&event["rawPath"], &event["requestContext"]["http"]);
    let (method, headers) = (&http["method"], &event["headers"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let arn = format!("arn:aws:execute-api:r:1:api/prod/{}{}", text(method), text(path));
    let identity = json!({ "sourceIp": http["sourceIp"] });
    let first = json!({
        "version": "1.0", "type": "REQUEST", "methodArn": arn, "httpMethod": method, "path": path, "headers": headers,
        "requestContext": { "stage": "$default", "identity": identity }
    });
    let mut second = event.clone();
    second["type"] = json!("REQUEST");
    second["routeArn"] = json!(arn);
    let rest = json!({
        "type": "REQUEST", "methodArn": arn, "httpMethod": method, "path": path, "headers": headers,
        "requestContext": { "stage": "prod", "path": path, "identity": identity }
    });
    let token = json!({ "type": "TOKEN", "methodArn": arn, "authorizationToken": headers["authorization"] });
    vec![first, second, rest, token]
}

/// What the authorizer's answer means to a client, as a status.
fn status_of(outcome: &Outcome) -> u64 {
    match &outcome.result {
        Ok(Output::Decision(decision)) => {
            let effect = &decision["policyDocument"]["Statement"][0]["Effect"];
            if decision["isAuthorized"] == true || effect == "Allow" {
                200
            } else {
                403
            }
        }
        Err(error) if error.message == "Unauthorized" => 401,
        Err(_) => 500,
        Ok(Output::Response(_)) => panic!("{outcome:?}"),
    }
}

async fn outcome(case: &Case) -> Outcome {
    case.run(&case.expectation.exchanges, Unscripted::Answered).await
}

/// Requests with and without credentials, on routes of every stance.
fn requests() -> Vec<Value> {
    let tokens = ["http-jwt", "http-jwt-expired", "http-jwt-wrong-audience"].map(|name| {
        let text = std::fs::read_to_string(events().join(format!("{name}.json"))).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["headers"]["authorization"].clone()
    });
    let others = [json!("Bearer a.b.c"), json!("Basic YTpi"), json!("bearer"), Value::Null];
    let paths = [
        "/api/account/x",
        "/api/users/42",
        "/api/health",
        "/api/auth/login",
        "/nowhere",
        "/api/account",
        "/",
    ];
    let mut requests = Vec::new();
    for token in tokens.iter().chain(&others) {
        for (path, method) in paths.iter().flat_map(|path| [(path, "GET"), (path, "POST")]) {
            let mut request = event(path);
            request["requestContext"]["http"]["method"] = json!(method);
            request["headers"] = json!({ "host": "api.example.com", "authorization": token });
            requests.push(request);
        }
    }
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn it_decides_as_the_gateway_does() {
    let folder = folder_with(&[
        ("one.json", "{}".into()),
        ("one.expect.json", r#"{ "status": 200 }"#.into()),
    ]);
    std::fs::copy(events().join("gateway.yaml"), folder.path().join("gateway.yaml")).unwrap();
    let shared = std::fs::read_to_string(events().join("defaults.expect.json")).unwrap();
    std::fs::write(folder.path().join("defaults.expect.json"), shared).unwrap();
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    let keys = "keys/test-only.jwks.json";
    std::fs::copy(events().join(keys), folder.path().join(keys)).unwrap();
    let mut case = folder::read(folder.path(), None, &[]).unwrap().remove(0);

    let mut seen = std::collections::BTreeSet::new();
    for request in requests() {
        case.event = request.to_string();
        case.expectation.setting.function = TestedFunction::Gateway;
        let answered = outcome(&case).await;
        let Ok(Output::Response(response)) = &answered.result else {
            panic!("{answered:?}")
        };
        // What is left for an authorizer to say.
        let expected = match response.status {
            404 | 405 => 403,
            status => status,
        };
        seen.insert(expected);
        case.expectation.setting.function = TestedFunction::Authorizer;
        for event in authorizers_of(&request) {
            case.event = event.to_string();
            assert_eq!(status_of(&outcome(&case).await), expected, "{event}");
        }
    }
    assert_eq!(Vec::from_iter(seen), [200, 401, 403]);
}

/// A folder with one authorizer's event, for a public path.
fn folder_of(expectation: &Value) -> TempDir {
    let event = authorizers_of(&event("/api/users/42")).remove(1);
    folder_with(&[
        ("gateway.json", config()),
        ("one.json", event.to_string()),
        ("one.expect.json", expectation.to_string()),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_compared_whole() {
    let right = json!({ "isAuthorized": true, "context": { "method": "none", "principal": "public route" } });
    let folder = folder_of(&json!({ "function": "authorizer", "decision": right }));
    assert_eq!(differs(&folder).await, "");
    let wrong =
        json!({ "isAuthorized": false, "context": { "method": "none", "principal": "public route", "sub": "ann" } });
    let folder = folder_of(&json!({ "function": "authorizer", "decision": wrong }));
    insta::assert_snapshot!(differs(&folder).await, @r#"
    decision /context/sub
    expected  "ann"
    got       nothing
    decision /isAuthorized
    expected  false
    got       true
    "#);
    let folder = folder_of(&json!({ "function": "authorizer", "authorizer_response": "policy", "decision": right }));
    let differs = differs(&folder).await;
    assert!(
        differs.starts_with("decision /context\n") || differs.contains("decision /policyDocument"),
        "{differs}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_of_another_kind_is_told() {
    let folder = folder_of(&json!({ "function": "authorizer", "error": { "type": "Unauthorized" } }));
    insta::assert_snapshot!(differs(&folder).await, @r#"
    outcome
    expected  the Lambda error Unauthorized
    got       the decision {"context":{"method":"none","principal":"public route"},"isAuthorized":true}
    "#);
    let folder = folder_of(&json!({ "error": { "type": "NotHttp" } }));
    assert_eq!(differs(&folder).await, "", "without a word it goes to the gateway");
    let folder = folder_of(&json!({ "function": "authorizer", "decision": {} }));
    std::fs::write(folder.path().join("one.json"), event("/api/users/42").to_string()).unwrap();
    insta::assert_snapshot!(differs(&folder).await, @r"
    outcome
    expected  a decision
    got       the Lambda error NotAuthorizer: this function authorizes requests of API Gateway, but was sent a request itself (`http`), which is for the gateway
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_can_be_sent_before() {
    let gateway = json!({
        "routes": [{ "path": "/**", "upstream": "http://service.internal" }],
        "auth": { "type": "jwt", "issuer": "https://i.test", "jwks_uri": "https://i.test/keys", "audiences": ["a"] }
    });
    let mut request = event("/api/users/42");
    request["headers"]["authorization"] = json!("Bearer a.b.c");
    let write = |sent_before: Value| {
        let expectation = json!({
            "function": "authorizer", "sent_before": sent_before,
            "error": { "type": "Unauthorized", "message": "Unauthorized" }
        });
        folder_with(&[
            ("gateway.json", gateway.to_string()),
            ("one.json", authorizers_of(&request).remove(2).to_string()),
            ("one.expect.json", expectation.to_string()),
            (
                "queue.txt",
                json!({ "Records": [{ "eventSource": "aws:sqs" }] }).to_string(),
            ),
        ])
    };
    assert_eq!(differs(&write(json!(21))).await, "");
    let differs = differs(&write(json!([{ "event": "queue.txt" }]))).await;
    assert!(differs.starts_with("sent_before\n"), "{differs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_writes_the_decision_and_takes_away_what_it_was_before() {
    let folder = folder_of(&json!({ "function": "authorizer", "error": { "type": "Unauthorized" } }));
    let text = update(&cases(folder.path())[0]).await.text;
    insta::assert_snapshot!(text, @r#"
    {
      "function": "authorizer",
      "decision": {
        "context": {
          "method": "none",
          "principal": "public route"
        },
        "isAuthorized": true
      }
    }
    "#);
    std::fs::write(folder.path().join("one.expect.json"), text).unwrap();
    assert_eq!(differs(&folder).await, "");
    // Back to the gateway: the decision goes.
    let folder = folder_of(&json!({ "error": { "type": "x" } }));
    let text = update(&cases(folder.path())[0]).await.text;
    assert!(text.contains("NotHttp") && !text.contains("decision"), "{text}");
}
