//! Events as API Gateway sends them, and everything that could be wrong with one.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::tests::{any_json, changed, shown_request, with, without};

macro_rules! event_file {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../events/authorizer-",
            $name,
            ".json"
        ))
    };
}

const TOKEN: &str = event_file!("rest-token");
const REST: &str = event_file!("rest-request");
const HTTP_1: &str = event_file!("http-1");
const HTTP_2: &str = event_file!("http-2");
const FILES: [&str; 4] = [TOKEN, REST, HTTP_1, HTTP_2];

const ARN: &str = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/GET/api/account/orders";

fn request(payload: &str) -> Result<Request, GatewayError> {
    AuthorizerEvent::read(payload).unwrap().request(&[])
}

fn refused(payload: &str) -> String {
    match request(payload) {
        Err(GatewayError::BadRequest { why }) => why,
        other => panic!("{payload}: {other:?}"),
    }
}

fn not_for_it(payload: &str) -> String {
    AuthorizerEvent::read(payload).unwrap_err().kind
}

/// The event with a token whose text does not matter.
fn plain(payload: &str) -> String {
    let mut event: Value = serde_json::from_str(payload).unwrap();
    for place in [
        "/authorizationToken",
        "/headers/Authorization",
        "/headers/authorization",
    ] {
        if let Some(token) = event.pointer_mut(place) {
            *token = json!("Bearer t");
        }
    }
    if let Some(tokens) = event.pointer_mut("/multiValueHeaders/Authorization") {
        *tokens = json!(["Bearer t"]);
    }
    event.to_string()
}

fn seen(payload: &str) -> String {
    let event = AuthorizerEvent::read(&plain(payload)).unwrap();
    let (kind, arn) = (format!("{:?}", event.kind()), event.arn().as_str().to_owned());
    format!("{arn}\n{}", shown_request(&kind, &event.request(&[]).unwrap()))
}

#[test]
fn a_token_of_a_rest_api() {
    insta::assert_snapshot!(seen(TOKEN), @r"
    arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/GET/api/account/orders
    RestToken event from 0.0.0.0
    GET https:// ()
    /api/account/orders -> /api/account/orders?
    authorization: Bearer t
    ");
}

#[test]
fn a_request_of_a_rest_api() {
    insta::assert_snapshot!(seen(REST), @r"
    arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/GET/api/account/orders
    Rest event from 203.0.113.7
    GET https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com (a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com)
    /api/account/orders -> /api/account/orders?
    authorization: Bearer t
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    accept: application/json
    ");
}

#[test]
fn payload_1_of_an_http_api() {
    insta::assert_snapshot!(seen(HTTP_1), @r"
    arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/GET/api/account/orders
    Http1 event from 203.0.113.7
    GET https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com (a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com)
    /api/account/orders -> /api/account/orders?
    authorization: Bearer t
    accept: application/json
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    ");
}

#[test]
fn payload_2_of_an_http_api() {
    insta::assert_snapshot!(seen(HTTP_2), @r"
    arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/GET/api/account/orders
    Http2 event from 203.0.113.7
    GET https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com (a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com)
    /api/account/orders -> /api/account/orders?
    accept: application/json
    authorization: Bearer t
    user-agent: curl/8.5.0
    x-amzn-trace-id: Root=1-69b30c1e-5f84c0d12a6b7e3949c0a1d2
    x-forwarded-for: 203.0.113.7
    x-forwarded-port: 443
    x-forwarded-proto: https
    ");
}

#[test]
fn what_is_no_authorizer_s_event_is_named() {
    for (payload, kind) in [
        (include_str!("../../../../events/sqs.json"), "an SQS event"),
        (include_str!("../../../../events/schedule.json"), "a scheduled event"),
        (
            include_str!("../../../../events/websocket-message.json"),
            "a WebSocket API event",
        ),
        (
            include_str!("../../../../events/http-get.json"),
            "a request itself (`http`), which is for the gateway",
        ),
        (
            include_str!("../../../../events/rest-get.json"),
            "a request itself (`rest`), which is for the gateway",
        ),
        (
            include_str!("../../../../events/alb-get.json"),
            "a request itself (`alb`), which is for the gateway",
        ),
        (
            r#"{"type":"REQUEST","methodArn":"arn:aws:execute-api:r:1:a/s/$connect","requestContext":{"connectionId":"c"}}"#,
            "an authorizer event of a WebSocket API",
        ),
        ("", "an event of unknown shape"),
        ("[]", "an event of unknown shape"),
        ("{}", "an event of unknown shape"),
        (r#"{"methodArn":null}"#, "an event of unknown shape"),
        (
            r#"{"type":"TOKEN","authorizationToken":"t"}"#,
            "an event of unknown shape",
        ),
    ] {
        assert_eq!(not_for_it(payload), kind, "{payload}");
    }
    let told = NotAuthorizer {
        kind: "an SQS event".into(),
    }
    .to_string();
    assert_eq!(
        told,
        "this function authorizes requests of API Gateway, but was sent an SQS event"
    );
}

#[test]
fn type_and_version_tell_the_kind_and_nothing_else_is_one() {
    for (payload, pointer, value) in [
        (TOKEN, "/type", Value::Null),
        (TOKEN, "/type", json!("token")),
        (TOKEN, "/type", json!(7)),
        (TOKEN, "/version", json!("1.0")),
        (TOKEN, "/version", json!("2.0")),
        (REST, "/type", Value::Null),
        (REST, "/type", json!(["REQUEST"])),
        (REST, "/version", json!("3.0")),
        (REST, "/version", json!("$LATEST")),
        (HTTP_1, "/version", json!(1.0)),
        (HTTP_1, "/type", json!("TOKEN")),
        (HTTP_2, "/type", json!("TOKEN")),
        (HTTP_2, "/version", json!(2)),
    ] {
        let changed = with(payload, pointer, value);
        assert_eq!(not_for_it(&changed), UNKNOWN, "{changed}");
    }
    // A missing version is a REST API's; an HTTP API's ARN stands under another name.
    assert!(not_for_it(&without(HTTP_2, "/version")).contains("`methodArn`"));
    assert!(not_for_it(&with(REST, "/version", json!("2.0"))).contains("`routeArn`"));
}

#[test]
fn an_arn_that_names_no_method_ends_the_invocation() {
    for arn in [
        json!(""),
        json!("a"),
        json!(7),
        json!([ARN]),
        json!({}),
        json!("arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5"),
        json!("arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod"),
        json!("arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/"),
        json!("arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5//GET/x"),
        json!("arn:aws:execute-api:eu-central-1:111122223333:/prod/GET/x"),
        json!("arn:aws:execute-api:eu-central-1::a1b2c3d4e5/prod/GET/x"),
        json!("arn:aws:execute-api::111122223333:a1b2c3d4e5/prod/GET/x"),
        json!("arn::execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/GET/x"),
        json!("arn:aws:lambda:eu-central-1:111122223333:a1b2c3d4e5/prod/GET/x"),
        json!("arn:aws:execute-api:eu-central-1:111122223333:x:a1b2c3d4e5/prod/GET/x"),
        json!("urn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/GET/x"),
        json!("*"),
        json!("/api/account/orders"),
    ] {
        for (payload, member) in [
            (TOKEN, "methodArn"),
            (REST, "methodArn"),
            (HTTP_1, "methodArn"),
            (HTTP_2, "routeArn"),
        ] {
            let kind = not_for_it(&with(payload, &format!("/{member}"), arn.clone()));
            assert!(kind.contains(&format!("`{member}` names no ")), "{arn}: {kind}");
        }
    }
}

#[test]
fn refusals_name_the_member() {
    let cases = [
        (TOKEN, "/authorizationToken", json!(7)),
        (TOKEN, "/authorizationToken", json!("Bearer a\r\nX-User-Id: 1")),
        (TOKEN, "/requestContext", json!("a")),
        (REST, "/path", Value::Null),
        (REST, "/path", json!(7)),
        (REST, "/path", json!("/a/%2e%2e/b")),
        (REST, "/path", json!("/a%2Fb")),
        (REST, "/path", json!("/a%zz")),
        (REST, "/path", json!("/a%2541")),
        (REST, "/httpMethod", Value::Null),
        (REST, "/httpMethod", json!("GE T")),
        (REST, "/httpMethod", json!("TRACE")),
        (REST, "/headers", json!([])),
        (REST, "/multiValueHeaders", json!("a")),
        (REST, "/multiValueHeaders/Authorization", json!("Bearer t")),
        (REST, "/multiValueHeaders/x-a", json!(["a\nb"])),
        (REST, "/multiValueHeaders/Host", json!(["a", "b"])),
        (REST, "/queryStringParameters", json!(7)),
        (REST, "/multiValueQueryStringParameters", json!({ "a": [7] })),
        (REST, "/requestContext", Value::Null),
        (REST, "/requestContext", json!([])),
        (REST, "/requestContext/identity", json!(7)),
        (REST, "/requestContext/identity/sourceIp", Value::Null),
        (REST, "/requestContext/identity/sourceIp", json!("203.0.113.7:80")),
        (HTTP_1, "/path", Value::Null),
        (HTTP_1, "/path", json!("/prod/a/../b")),
        (HTTP_1, "/path", json!("/prod/a%2Fb")),
        (HTTP_1, "/httpMethod", json!(7)),
        (HTTP_1, "/headers/x a", json!("a")),
        (HTTP_1, "/queryStringParameters", json!({ "a": 7 })),
        (HTTP_1, "/requestContext/stage", json!(7)),
        (HTTP_1, "/requestContext/domainName", json!(7)),
        (HTTP_1, "/requestContext/identity/sourceIp", json!("")),
        (HTTP_2, "/rawPath", Value::Null),
        (HTTP_2, "/rawPath", json!("/prod/a\\b")),
        (HTTP_2, "/rawQueryString", json!([])),
        (HTTP_2, "/cookies", json!({})),
        (HTTP_2, "/headers/x-a", json!(7)),
        (HTTP_2, "/requestContext/http", json!([])),
        (HTTP_2, "/requestContext/http/method", Value::Null),
        (HTTP_2, "/requestContext/http/sourceIp", json!("x")),
        (HTTP_2, "/body", json!(7)),
    ];
    let kind = |payload| AuthorizerEvent::read(payload).unwrap().kind();
    let said = cases.map(|(payload, pointer, value)| {
        let changed = with(payload, pointer, value.clone());
        format!("{:?} {pointer} {value}\n  {}", kind(payload), refused(&changed))
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_broken_event_is_still_known_by_its_headers() {
    let broken = with(HTTP_2, "/rawPath", json!(7));
    let event = AuthorizerEvent::read(&with(&broken, "/headers/x-request-id", json!("abc"))).unwrap();
    assert_eq!(event.headers()["x-request-id"], "abc");
    assert_eq!(event.arn().as_str(), ARN);
}

#[test]
fn a_token_s_method_and_path_are_those_of_the_arn() {
    let of = |rest: &str| {
        with(
            TOKEN,
            "/methodArn",
            json!(format!("arn:aws-cn:execute-api:r:1:api/s/{rest}")),
        )
    };
    for (rest, method, path) in [
        ("GET/", "GET", "/"),
        ("GET", "GET", "/"),
        ("GET//", "GET", "/"),
        ("POST/a", "POST", "/a"),
        ("DELETE/a/b/", "DELETE", "/a/b/"),
        ("get/a", "get", "/a"),
        ("GET/at/2026-01-01T00:00:00Z", "GET", "/at/2026-01-01T00:00:00Z"),
        (
            "GET/arn:aws:execute-api:r:1:api/s/GET/x",
            "GET",
            "/arn:aws:execute-api:r:1:api/s/GET/x",
        ),
        ("GET/Zo%C3%AB", "GET", "/Zoë"),
        ("GET/Zoë", "GET", "/Zoë"),
        ("GET/a*b", "GET", "/a*b"),
    ] {
        let request = request(&of(rest)).unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            (method, path),
            "{rest}"
        );
    }
    for rest in [
        "GE T/a",
        "TRACE/a",
        "CONNECT/a",
        "GET/../a",
        "GET/a%2Fb",
        "GET/a%00",
        "GET/%ff",
        "GET/a\u{7}",
    ] {
        refused(&of(rest));
    }
}

#[test]
fn a_token_has_no_address_and_no_more_than_one_header() {
    let request = request(&plain(TOKEN)).unwrap();
    assert_eq!(request.client_ip, client::NOBODY);
    assert_eq!(request.headers.len(), 1);
    assert!(request.headers["authorization"].is_sensitive());
    let without_token = AuthorizerEvent::read(&without(TOKEN, "/authorizationToken")).unwrap();
    assert!(without_token.request(&[]).unwrap().headers.is_empty());
}

#[test]
fn the_stage_is_taken_off_where_the_api_s_own_domain_shows_it() {
    for (payload, member) in [(HTTP_1, "/path"), (HTTP_2, "/rawPath")] {
        let at = |path: &str, domain: &str| {
            let event = with(payload, member, json!(path));
            let request = request(&with(&event, "/requestContext/domainName", json!(domain))).unwrap();
            (request.path.as_str().to_owned(), request.mount)
        };
        let own = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com";
        assert_eq!(at("/prod/api/x", own), ("/api/x".into(), "/prod".into()));
        assert_eq!(at("/prod", own), ("/".into(), "/prod".into()));
        assert_eq!(at("/prod2/x", own), ("/prod2/x".into(), String::new()));
        assert_eq!(
            at("/prod/api/x", "api.example.com"),
            ("/prod/api/x".into(), String::new())
        );
    }
}

#[test]
fn addresses_come_from_trusted_proxies_as_for_the_gateway() {
    let forwarded = with(
        REST,
        "/multiValueHeaders/X-Forwarded-For",
        json!(["198.51.100.1, 203.0.113.7"]),
    );
    let seen = |trusted: &[IpNet]| {
        AuthorizerEvent::read(&forwarded)
            .unwrap()
            .request(trusted)
            .unwrap()
            .client_ip
    };
    assert_eq!(seen(&[]).to_string(), "203.0.113.7");
    assert_eq!(seen(&["203.0.113.0/24".parse().unwrap()]).to_string(), "198.51.100.1");
}

#[test]
fn an_arn_is_exact_when_no_policy_reads_a_pattern_in_it() {
    let of = |rest: &str| MethodArn::parse(&format!("arn:aws:execute-api:r:1:api/{rest}")).unwrap();
    for exact in [
        "prod/GET/",
        "$default/GET/$metadata",
        "s/GET/a%2Ab",
        "s/GET/a$b{c}",
        "s/GET/ä b",
        "s/GET/}{$",
    ] {
        let arn = of(exact);
        assert!(arn.is_exact(), "{exact}");
        assert_eq!(arn.without_patterns(), arn.as_str());
    }
    for (pattern, plain) in [
        ("s/GET/a*", "s/GET/a%2A"),
        ("s/GET/*", "s/GET/%2A"),
        ("*/GET/a", "%2A/GET/a"),
        ("s/GET/a?b", "s/GET/a%3Fb"),
        ("s/GET/${aws:username}", "s/GET/%24{aws:username}"),
        ("s/GET/${*}", "s/GET/%24{%2A}"),
        ("s/GET/$${*}", "s/GET/$%24{%2A}"),
        ("s/*/a", "s/%2A/a"),
    ] {
        let arn = of(pattern);
        assert!(!arn.is_exact(), "{pattern}");
        assert_eq!(arn.without_patterns(), format!("arn:aws:execute-api:r:1:api/{plain}"));
    }
}

fn ruling(allowed: bool) -> Ruling {
    Ruling {
        allowed,
        principal: "usr_\"1\"".into(),
        context: [("sub".to_owned(), "usr_\"1\"".to_owned())].into(),
    }
}

#[test]
fn answers_have_the_members_that_api_gateway_reads() {
    let arn = MethodArn::parse(ARN).unwrap();
    let written = |allowed, form| -> Value { serde_json::from_str(write(&ruling(allowed), form, &arn).get()).unwrap() };
    for (allowed, effect) in [(true, "Allow"), (false, "Deny")] {
        let simple = json!({ "isAuthorized": allowed, "context": { "sub": "usr_\"1\"" } });
        assert_eq!(written(allowed, ResponseForm::Simple), simple);
        let policy = json!({
            "principalId": "usr_\"1\"",
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": ARN }]
            },
            "context": { "sub": "usr_\"1\"" }
        });
        assert_eq!(written(allowed, ResponseForm::Policy), policy);
    }
}

#[test]
fn the_form_of_answers_is_a_word() {
    assert_eq!("simple".parse(), Ok(ResponseForm::Simple));
    assert_eq!("policy".parse(), Ok(ResponseForm::Policy));
    for wrong in ["", "Simple", "iam", "simple "] {
        let why = wrong.parse::<ResponseForm>().unwrap_err();
        assert_eq!(
            why,
            format!("AUTHORIZER_RESPONSE: \"{wrong}\" is no form of an answer; it is simple or policy")
        );
    }
}

/// The resource of what is answered to an event, allowed or denied.
fn resource(event: &AuthorizerEvent, allowed: bool) -> String {
    let answer: Value = serde_json::from_str(write(&ruling(allowed), ResponseForm::Policy, event.arn()).get()).unwrap();
    let resource = &answer["policyDocument"]["Statement"][0]["Resource"];
    resource.as_str().unwrap().to_owned()
}

proptest! {
    #[test]
    fn no_event_panics(
        file in proptest::sample::select(&FILES[..]),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any_json()), 1..4),
    ) {
        let payload = changed(file, changes);
        let trusted = ["0.0.0.0/0".parse().unwrap()];
        let request = AuthorizerEvent::read(&payload).map(|event| event.request(&trusted));
        if let Ok(Err(error)) = request {
            prop_assert!(matches!(error, GatewayError::BadRequest { .. }), "{error:?}");
        }
    }

    /// Whatever a client writes into its path, no policy holds a pattern, and an exact one is the event's own.
    #[test]
    fn no_policy_is_a_pattern(path in r"[a-z*?${}/%\[\]:ä -]{0,20}", allowed: bool) {
        let arn = format!("arn:aws:execute-api:r:1:api/prod/GET/{path}");
        let event = AuthorizerEvent::read(&with(TOKEN, "/methodArn", json!(arn))).unwrap();
        let resource = resource(&event, allowed);
        prop_assert!(!resource.contains(['*', '?']) && !resource.contains("${"), "{resource}");
        prop_assert_eq!(event.arn().is_exact(), resource == arn);
    }
}
