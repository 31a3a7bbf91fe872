//! Decisions, on a scripted issuer and a clock that is set. `events/authorizer-*` shows the answers to each kind of event.

use serde_json::{Value, json};

use super::*;
use crate::auth::method::CredentialKind;
use crate::auth::testing::{Answer, Issuer, ManualClock, down, policy, seams};
use crate::auth::{AuthSource, Identity, Proof};
use crate::config::{self, Pointer};
use crate::upstream::client::CallError;

macro_rules! event_file {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../events/", $name))
    };
}

const TOKEN: &str = event_file!("authorizer-rest-token.json");
const TOKEN_EXPIRED: &str = event_file!("authorizer-rest-token-expired.json");
const REST: &str = event_file!("authorizer-rest-request.json");
const EXPIRED: &str = event_file!("authorizer-rest-request-expired.json");
const HTTP_2: &str = event_file!("authorizer-http-2.json");
const HTTP_2_EXPIRED: &str = event_file!("authorizer-http-2-expired.json");
const PUBLIC: &str = event_file!("authorizer-rest-request-public.json");
const KEYS: &str = event_file!("keys/test-only.jwks.json");

/// 2026-03-12T19:03:58Z, when the events were sent.
const NOW: Timestamp = Timestamp::from_secs(1_773_342_238);

fn up() -> Answer {
    Answer::Status(200, KEYS.as_bytes().to_vec())
}

struct Fixture {
    authorizer: Authorizer,
    clock: Arc<ManualClock>,
    issuer: Arc<Issuer>,
}

impl Fixture {
    fn of(config: &str, form: ResponseForm, answer: Answer) -> Self {
        let variable = |_: &str| Some("http://orders.internal".to_owned());
        let checked = config::parse("test.yaml", config, &variable).expect("a right config");
        let (clock, issuer) = (ManualClock::at(NOW), Issuer::new(answer));
        let seams = seams(&issuer, &clock, &Arc::default());
        Self {
            authorizer: Authorizer::new(checked.config, form, &seams),
            clock,
            issuer,
        }
    }

    /// With the config of `events/`.
    fn new(form: ResponseForm) -> Self {
        Self::of(event_file!("gateway.yaml"), form, up())
    }

    /// The answer, or the Lambda error's type and message; and the record.
    async fn handled(&self, event: &str) -> (Result<Value, (String, String)>, Value) {
        let deadline = self.clock.now().plus(Duration::from_secs(10));
        let decision = self
            .authorizer
            .handle(event, deadline)
            .await
            .expect("an authorizer's event");
        assert!(!decision.log.contains('\n'), "one line");
        let answer = decision.outcome.map(|answer| parsed(answer.get()));
        (
            answer.map_err(|failure| (failure.error_type.to_owned(), failure.message)),
            parsed(&decision.log),
        )
    }

    async fn is_allowed(&self, event: &str) -> bool {
        let (answer, _) = self.handled(event).await;
        answer.is_ok_and(|answer| effect(&answer) == "Allow")
    }
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

fn effect(answer: &Value) -> &str {
    let effect = &answer["policyDocument"]["Statement"][0]["Effect"];
    effect.as_str().unwrap_or_default()
}

fn unauthorized() -> (String, String) {
    ("Unauthorized".into(), "Unauthorized".into())
}

fn with(event: &str, pointer: &str, value: Value) -> String {
    let mut event = parsed(event);
    *event.pointer_mut(pointer).expect("the event has it") = value;
    event.to_string()
}

#[tokio::test(start_paused = true)]
async fn every_decision_leaves_the_gateways_record() {
    let fixture = Fixture::new(ResponseForm::Simple);
    let (_, log) = fixture.handled(REST).await;
    assert_eq!((&log["status"], &log["cold_start"]), (&json!(200), &json!(1)));
    assert_eq!(
        (&log["method"], &log["path"]),
        (&json!("GET"), &json!("/api/account/orders"))
    );
    assert_eq!(log["route"], "ANY.api.account.all");
    assert!(log["subject"].is_string() && log["trace_id"].is_string(), "{log}");
    let stages = log["stages_us"].as_object().expect("an object").keys();
    assert_eq!(stages.collect::<Vec<_>>(), ["answer", "authenticate", "read", "route"]);

    let (_, log) = fixture.handled(EXPIRED).await;
    assert_eq!((&log["status"], &log["error"]), (&json!(401), &json!("invalid_token")));
    assert!(
        log["detail"].as_str().is_some_and(|why| why.contains("expired")),
        "{log}"
    );
    assert_eq!((&log["fault"], &log["cold_start"]), (&json!("client"), &json!(0)));

    let (_, log) = fixture.handled(event_file!("authorizer-http-2-no-route.json")).await;
    assert_eq!((&log["status"], &log["error"]), (&json!(404), &json!("not_found")));
}

#[tokio::test(start_paused = true)]
async fn a_record_has_the_requests_id_and_no_credential() {
    let fixture = Fixture::new(ResponseForm::Simple);
    let mut event = parsed(HTTP_2);
    event["headers"]["x-request-id"] = json!("abc");
    for event in [
        event.to_string(),
        with(&event.to_string(), "/rawPath", json!("/a/../b")),
    ] {
        let (_, log) = fixture.handled(&event).await;
        assert_eq!(log["id"], "abc");
    }
    for event in [TOKEN, REST, HTTP_2, TOKEN_EXPIRED, EXPIRED, HTTP_2_EXPIRED] {
        let (answer, log) = fixture.handled(event).await;
        assert!(log["id"].as_str().is_some_and(|id| id.starts_with("req_")), "{log}");
        assert!(!format!("{answer:?}{log}").contains("eyJ"), "{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_form_is_set_for_payload_2_alone() {
    for (form, simple) in [(ResponseForm::Simple, true), (ResponseForm::Policy, false)] {
        let fixture = Fixture::new(form);
        for (event, may_be_simple) in [
            (TOKEN, false),
            (REST, false),
            (event_file!("authorizer-http-1.json"), false),
            (HTTP_2, true),
        ] {
            let answer = fixture.handled(event).await.0.expect("an answer");
            assert_eq!(answer["isAuthorized"] == true, simple && may_be_simple, "{answer}");
            assert_eq!(effect(&answer) == "Allow", !(simple && may_be_simple), "{answer}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_now_is_no_answer_that_could_be_kept() {
    let refuses = Answer::Fails(CallError::Connect("tcp connect to issuer.internal refused".into()));
    let fixture = Fixture::of(event_file!("gateway.yaml"), ResponseForm::Simple, refuses);
    for event in [TOKEN, REST, HTTP_2] {
        let (answer, log) = fixture.handled(event).await;
        let expected = (
            "key_set_unavailable".into(),
            "Tokens cannot be verified right now.".into(),
        );
        assert_eq!(answer, Err(expected));
        assert_eq!((&log["status"], &log["fault"]), (&json!(503), &json!("gateway")));
        assert!(
            log["detail"]
                .as_str()
                .is_some_and(|why| why.contains("issuer.internal")),
            "{log}"
        );
    }
    assert!(fixture.is_allowed(PUBLIC).await, "nothing is asked for that");
    // Up again: the answer is the true one.
    fixture.issuer.answers(up());
    fixture.clock.advance(Duration::from_secs(60));
    assert!(fixture.is_allowed(REST).await);
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_one_decision_and_allows_nothing() {
    let panics = Answer::Panics("secret detail");
    let fixture = Fixture::of(event_file!("gateway.yaml"), ResponseForm::Simple, panics);
    let (answer, log) = fixture.handled(REST).await;
    let expected = ("internal_error".into(), "The gateway failed on this request.".into());
    assert_eq!(answer, Err(expected));
    assert!(
        log["detail"].as_str().is_some_and(|why| why.contains("secret detail")),
        "{log}"
    );
    assert!(fixture.is_allowed(PUBLIC).await);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_count_by_address() {
    let fixture = Fixture::new(ResponseForm::Simple);
    for _ in 0..20 {
        assert_eq!(fixture.handled(EXPIRED).await.0, Err(unauthorized()));
    }
    // Not looked at any more, and nothing that API Gateway would keep.
    let (answer, log) = fixture.handled(REST).await;
    assert_eq!(answer, Err(unauthorized()));
    assert_eq!((&log["status"], &log["limited"]), (&json!(429), &json!(1)));
    let elsewhere = with(REST, "/requestContext/identity/sourceIp", json!("203.0.113.8"));
    assert!(fixture.is_allowed(&elsewhere).await);
}

#[tokio::test(start_paused = true)]
async fn tokens_without_an_address_lock_nobody_out() {
    let fixture = Fixture::new(ResponseForm::Simple);
    for _ in 0..100 {
        assert_eq!(fixture.handled(TOKEN_EXPIRED).await.0, Err(unauthorized()));
    }
    assert!(fixture.is_allowed(TOKEN).await);
}

#[tokio::test(start_paused = true)]
async fn routes_are_found_by_sealed_headers_and_by_the_query_as_in_the_gateway() {
    let config = r#"
        sealed_headers: [X-Tenant]
        routes:
          - { path: /api/account/orders, upstream: "http://a", auth: none, headers: { X-Version: "2" } }
          - { path: /api/account/orders, upstream: "http://a", auth: none, query: { v: "ä b" } }
        "#;
    let fixture = Fixture::of(config, ResponseForm::Simple, down());
    assert!(!fixture.is_allowed(REST).await);
    let mut asked = parsed(REST);
    asked["multiValueHeaders"]["X-Version"] = json!(["2"]);
    assert!(fixture.is_allowed(&asked.to_string()).await);
    let asked = with(REST, "/multiValueQueryStringParameters", json!({ "v": ["1", "ä b"] }));
    assert!(fixture.is_allowed(&asked).await);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_asks_for_no_decision_fails_the_invocation() {
    let fixture = Fixture::new(ResponseForm::Simple);
    let refused = fixture.authorizer.handle(event_file!("sqs.json"), NOW).await;
    let why = refused.expect_err("no authorizer's event").to_string();
    assert!(why.ends_with("was sent an SQS event"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_policy_never_allows_what_it_cannot_name() {
    let fixture = Fixture::new(ResponseForm::Policy);
    for (path, resource) in [
        ("/api/account/*", "/api/account/%2A"),
        ("/api/account/a?b", "/api/account/a%3Fb"),
        ("/api/account/${aws:username}", "/api/account/%24{aws:username}"),
        // Public, and yet nothing that a policy could allow.
        ("/api/users/*", "/api/users/%2A"),
    ] {
        let method = "arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/prod/GET";
        for (event, arn, member) in [(REST, "/methodArn", "/path"), (HTTP_2, "/routeArn", "/rawPath")] {
            let event = with(event, arn, json!(format!("{method}{path}")));
            let (answer, log) = fixture.handled(&with(&event, member, json!(path))).await;
            let answer = answer.expect("an answer");
            let statement = &answer["policyDocument"]["Statement"];
            let expected = json!([
                { "Action": "execute-api:Invoke", "Effect": "Deny", "Resource": format!("{method}{resource}") }
            ]);
            assert_eq!(*statement, expected, "{path}");
            assert_eq!(answer["context"], json!({ "error": "bad_request" }));
            assert!(
                log["detail"].as_str().is_some_and(|why| why.contains("pattern")),
                "{log}"
            );
        }
    }
}

/// What a caller with these claims is ruled, by a config with this `claims_to_headers`.
fn ruled(claims_to_headers: &Value, claims: &Value) -> Ruling {
    let config = json!({
        "routes": [{ "path": "/**", "upstream": "http://service.internal" }],
        "auth": {
            "type": "jwt", "issuer": "https://issuer.test", "jwks_uri": "https://issuer.test/keys",
            "audiences": ["api"], "claims_to_headers": claims_to_headers
        }
    });
    let checked = config::parse("test.json", &config.to_string(), &|_| None).expect("a right config");
    let claims = claims.as_object().expect("an object").clone();
    let proof = Proof {
        claims: claims.into(),
        method: Arc::clone(&checked.config.auth.methods[0]),
        api_key: None,
    };
    grant::verified(&Identity::of(vec![proof]).expect("a proof"))
}

fn context(claims_to_headers: &Value, claims: &Value) -> Value {
    json!(ruled(claims_to_headers, claims).context)
}

#[test]
fn the_context_has_every_claim_that_upstreams_get() {
    let mapping = json!({
        "role": "X-Role", "https://example.com/tenant-id": "X-Tenant", "groups": "X-Groups", "level": "X-Level",
        "admin": "X-Admin", "address": "X-Address", "nickname": "X-Nickname", "absent": "X-Absent"
    });
    let claims = json!({
        "sub": "usr_42", "scope": "orders:read orders:write", "role": "customer",
        "https://example.com/tenant-id": "acme", "groups": ["a", "b,c"], "level": 3, "admin": false,
        "address": { "city": "Bern" }, "nickname": "", "secret": "not mapped"
    });
    let expected = json!({
        "method": "jwt", "principal": "usr_42", "sub": "usr_42", "scope": "orders:read%20orders:write", "role": "customer",
        "https___example_com_tenant_id": "acme", "groups": "a,b%2Cc", "level": "3", "admin": "false"
    });
    assert_eq!(context(&mapping, &claims), expected);
}

#[test]
fn values_are_safe_wherever_a_template_puts_them() {
    let claims = json!({ "sub": "a\r\nX-Admin: 1", "role": "Zoë \"${}\u{0}\u{202e}" });
    let context = context(&json!({ "role": "X-Role" }), &claims);
    assert_eq!(context["sub"], "a%0D%0AX-Admin:%201");
    let role = context["role"].as_str().expect("a string");
    assert!(role.bytes().all(|byte| byte.is_ascii_graphic()), "{role}");
}

#[test]
fn no_claim_takes_the_place_of_another_member() {
    let mapping = json!({
        "method": "X-A", "error": "X-B", "principalId": "X-C", "integrationLatency": "X-D", "a-b": "X-E", "a.b": "X-F",
        "principal": "X-G"
    });
    let claims = json!({
        "method": "none", "error": "none", "principalId": "root", "integrationLatency": "0", "a-b": "1", "a.b": "2",
        "principal": "root"
    });
    let context = context(&mapping, &claims);
    let first = context["a_b"].as_str().expect("a string").to_owned();
    assert!(["1", "2"].contains(&first.as_str()));
    assert_eq!(
        context,
        json!({ "method": "jwt", "principal": "caller without sub", "a_b": first })
    );
}

#[test]
fn a_principal_is_the_caller_or_plainly_none() {
    let principal = |claims: Value| ruled(&json!({}), &claims).principal;
    assert_eq!(principal(json!({ "sub": "usr_42" })), "usr_42");
    assert_eq!(
        principal(json!({ "sub": "public route" })),
        "public%20route",
        "nobody can be called so"
    );
    for unnamed in [
        json!({}),
        json!({ "sub": "" }),
        json!({ "sub": ["a", null] }),
        json!({ "sub": {} }),
    ] {
        assert_eq!(principal(unnamed), "caller without sub");
    }
    assert_eq!(grant::public().principal, "public route");
}

fn at() -> Pointer {
    Pointer::new("/auth/methods/internal-name")
}

#[test]
fn every_error_is_a_deny_a_401_or_a_failure() {
    let why = || "secret".to_owned();
    let second = Duration::from_secs(1);
    let denied = [
        GatewayError::BadRequest { why: why() },
        GatewayError::NotFound,
        GatewayError::MethodNotAllowed { allow: Vec::new() },
        GatewayError::InsufficientScope {
            needed: "orders:write".into(),
            by_token: true,
            at: at(),
        },
        GatewayError::Forbidden { why: why(), at: at() },
        GatewayError::CrossSite { why: why(), at: at() },
    ];
    for error in denied {
        let ruling = refuse(&error).expect("a ruling");
        assert!(!ruling.allowed);
        assert_eq!(json!(ruling.context), json!({ "error": error.code() }));
    }
    let unauthorized = [
        GatewayError::MissingCredential {
            ask: policy().ask,
            at: at(),
        },
        GatewayError::InvalidCredential {
            credential: CredentialKind::ApiKey,
            why: why(),
            at: at(),
        },
        GatewayError::RateLimited {
            retry_after: second,
            at: at(),
        },
    ];
    for error in unauthorized {
        let failure = refuse(&error).expect_err("no answer");
        assert_eq!(
            (failure.error_type, failure.message.as_str()),
            ("Unauthorized", "Unauthorized")
        );
    }
    let unknown = [
        GatewayError::AuthUnavailable {
            what: AuthSource::KeySet,
            why: why(),
            retry_after: second,
            at: at(),
        },
        GatewayError::LimitStoreUnavailable { why: why() },
        GatewayError::DeadlineExceeded,
        GatewayError::Internal { why: why() },
    ];
    for error in unknown {
        let failure = refuse(&error).expect_err("no answer");
        assert_eq!(failure.error_type, error.code());
        assert!(!failure.message.contains("secret"), "{failure:?}");
    }
}
