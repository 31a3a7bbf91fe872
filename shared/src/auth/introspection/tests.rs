use serde_json::json;

use super::*;
use crate::auth::testing::{Answer, BUDGET, Issuer, ManualClock, MemoryStore, NOW, down, request, seams};

struct World {
    verifier: IntrospectionVerifier,
    endpoint: Arc<Issuer>,
    clock: Arc<ManualClock>,
}

fn rules() -> IntrospectionRules {
    IntrospectionRules {
        url: "https://idp.test/introspect".parse().unwrap(),
        client_id: "gw:1".to_owned(),
        client_secret: Secret("s3cret &+%\u{e9}".to_owned()),
        client_auth: ClientAuth::Basic,
        audiences: Vec::new(),
        cache: Duration::from_secs(60),
        forward_token: false,
    }
}

fn says(document: Value) -> Answer {
    Answer::Status(200, document.to_string().into_bytes())
}

impl World {
    fn new(answer: Answer) -> Self {
        Self::with(rules(), answer)
    }

    fn with(rules: IntrospectionRules, answer: Answer) -> Self {
        let (endpoint, clock) = (Issuer::new(answer), ManualClock::new());
        let seams = seams(&endpoint, &clock, &Arc::new(MemoryStore::default()));
        let verifier = IntrospectionVerifier::new(Arc::new(rules), &seams);
        Self {
            verifier,
            endpoint,
            clock,
        }
    }

    async fn present(&self, token: &str) -> Result<Arc<Claims>, Refusal> {
        let request = request(&[&format!("Bearer {token}")]);
        self.verifier.verify(&request.headers, BUDGET).await
    }
}

fn key(outcome: Result<Arc<Claims>, Refusal>) -> &'static str {
    match outcome {
        Err(Refusal::Invalid { key, .. }) => key,
        other => panic!("{other:?}"),
    }
}

fn unavailable(outcome: Result<Arc<Claims>, Refusal>) -> (String, Duration) {
    match outcome {
        Err(Refusal::Unavailable {
            why,
            retry_after,
            key,
            what,
        }) => {
            assert_eq!((key, what), ("url", AuthSource::Introspection));
            (why, retry_after)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_active_token_proves_the_answer() {
    let world = World::new(says(
        json!({"active": true, "sub": "ann", "scope": "a b", "exp": NOW + 9}),
    ));
    let claims = world.present("opaque+/=").await.unwrap();
    assert_eq!(json!(*claims), json!({"sub": "ann", "scope": "a b", "exp": NOW + 9}));
}

#[tokio::test(start_paused = true)]
async fn the_question_is_as_the_rfc_has_it() {
    for (client_auth, authorization, body) in [
        (
            ClientAuth::Basic,
            Some("Basic Z3clM0ExOnMzY3JldCslMjYlMkIlMjUlQzMlQTk="),
            "token=a%2B%2F%3D&token_type_hint=access_token",
        ),
        (
            ClientAuth::Post,
            None,
            "token=a%2B%2F%3D&token_type_hint=access_token&client_id=gw%3A1&client_secret=s3cret+%26%2B%25%C3%A9",
        ),
    ] {
        let rules = IntrospectionRules { client_auth, ..rules() };
        let world = World::with(rules, says(json!({"active": true})));
        world.present("a+/=").await.unwrap();
        let (request, limits) = world.endpoint.last.lock().unwrap().take().unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string().as_str()),
            ("POST", "https://idp.test/introspect")
        );
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("authorization"), authorization);
        assert_eq!(header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(header("accept"), Some("application/json"));
        assert_eq!(request.body(), body);
        assert_eq!((limits.timeout, limits.max_body), (Duration::from_secs(2), 65_536));
    }
}

#[test]
fn no_debug_output_shows_the_secret() {
    let shown = format!("{:?}", rules());
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(basic("gw", "s3cret").is_sensitive());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_active_is_refused() {
    for (document, place) in [
        (json!({"active": false}), "url"),
        (json!({"active": false, "sub": "ann"}), "url"),
        (json!({"active": true, "exp": NOW}), "url"),
        (json!({"active": true, "exp": NOW - 1}), "url"),
        (json!({"active": true, "exp": "soon"}), "url"),
        (json!({"active": true, "exp": null}), "url"),
        (json!({"active": true, "nbf": NOW + 1}), "url"),
        (json!({"active": true, "nbf": "now"}), "url"),
        (json!({"active": true}), "audiences"),
        (json!({"active": true, "aud": "other"}), "audiences"),
        (json!({"active": true, "aud": ["other", 1]}), "audiences"),
    ] {
        let rules = IntrospectionRules {
            audiences: if place == "audiences" {
                vec!["api".to_owned()]
            } else {
                Vec::new()
            },
            ..rules()
        };
        let world = World::with(rules, says(document.clone()));
        assert_eq!(key(world.present("t").await), place, "{document}");
    }
    let ours = IntrospectionRules {
        audiences: vec!["api".to_owned()],
        ..rules()
    };
    assert!(
        World::with(ours, says(json!({"active": true, "aud": ["x", "api"]})))
            .present("t")
            .await
            .is_ok()
    );
}

/// Whatever is wrong with the endpoint, no token is called wrong for it.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_gives_no_answer_is_503() {
    let text = |status, body: &str| Answer::Status(status, body.as_bytes().to_vec());
    let mut reasons = Vec::new();
    for answer in [
        down(),
        Answer::Never,
        Answer::Fails(CallError::Broken("reset".into())),
        Answer::Fails(CallError::TooLarge(MAX_BYTES)),
        text(401, r#"{"active":true}"#),
        text(403, ""),
        text(500, r#"{"active":true}"#),
        text(302, ""),
        text(204, ""),
        text(200, ""),
        text(200, "<html>"),
        text(200, "[true]"),
        text(200, "{}"),
        text(200, r#"{"active":"true"}"#),
        text(200, r#"{"active":1}"#),
        text(200, r#"{"active":null}"#),
        text(200, r#"{"active":false,"active":true}"#),
        Answer::Status(200, vec![b' '; MAX_BYTES + 1]),
    ] {
        let (why, retry_after) = unavailable(World::new(answer).present("t").await);
        assert_eq!(retry_after, RETRY_AFTER);
        reasons.push(why.replace("https://idp.test/introspect: ", ""));
    }
    insta::assert_snapshot!(reasons.join("\n"), @r"
    cannot connect: refused
    no whole answer within 2s
    broken answer: reset
    the answer is larger than 65536 bytes
    status 401: client_id and client_secret are not taken
    status 403
    status 500
    status 302
    status 204
    the answer is not one JSON object without duplicate members
    the answer is not one JSON object without duplicate members
    the answer is not one JSON object without duplicate members
    the answer does not say whether the token is active
    the answer does not say whether the token is active
    the answer does not say whether the token is active
    the answer does not say whether the token is active
    the answer is not one JSON object without duplicate members
    the answer is larger than 65536 bytes
    ");
}

#[tokio::test(start_paused = true)]
async fn it_is_left_alone_for_a_second_after_a_failure() {
    let world = World::new(down());
    unavailable(world.present("a").await);
    world.endpoint.answers(says(json!({"active": true})));
    world.clock.advance(Duration::from_millis(400));
    assert_eq!(unavailable(world.present("b").await).1, Duration::from_millis(600));
    assert_eq!(world.endpoint.calls(), 1);
    world.clock.advance(Duration::from_millis(600));
    assert!(world.present("b").await.is_ok());
}

/// Whatever one token is answered: of another the endpoint is asked.
#[tokio::test(start_paused = true)]
async fn no_token_makes_others_wait() {
    for status in [400, 401, 403, 413, 302, 500] {
        let world = World::new(Answer::Status(status, vec![]));
        unavailable(world.present("../../../../etc/passwd").await);
        world.endpoint.answers(says(json!({"active": true})));
        assert!(world.present("good").await.is_ok(), "{status}");
    }
    let world = World::new(Answer::Status(200, vec![b' '; MAX_BYTES + 1]));
    unavailable(world.present("huge").await);
    world.endpoint.answers(says(json!({"active": true})));
    assert!(world.present("good").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_makes_no_answer_last_longer() {
    let world = World::new(says(json!({"active": true})));
    world.present("t").await.unwrap();
    world.clock.set(Timestamp::from_secs(NOW - 3_600));
    world.present("t").await.unwrap();
    assert_eq!(world.endpoint.calls(), 2);
}

/// The connection that was kept may have ended while the environment was frozen.
#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_tried_once_more() {
    let world = World::new(Answer::Fails(CallError::Broken("reset".into())));
    unavailable(world.present("a").await);
    assert_eq!(world.endpoint.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn answers_are_used_for_a_minute_and_never_past_exp() {
    for (document, seconds) in [
        (json!({"active": true}), 60),
        (json!({"active": true, "exp": NOW + 10_000}), 60),
        (json!({"active": true, "exp": NOW + 7}), 7),
        (json!({"active": false}), 60),
    ] {
        let world = World::new(says(document.clone()));
        for _ in 0..seconds {
            let _ = world.present("t").await;
            world.clock.advance(Duration::from_secs(1));
        }
        assert_eq!(world.endpoint.calls(), 1, "{document}");
        let _ = world.present("t").await;
        assert_eq!(world.endpoint.calls(), 2, "{document}");
    }
    let forgetful = IntrospectionRules {
        cache: Duration::ZERO,
        ..rules()
    };
    let world = World::with(forgetful, says(json!({"active": true})));
    for _ in 0..3 {
        world.present("t").await.unwrap();
    }
    assert_eq!(world.endpoint.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn one_token_vouches_for_no_other() {
    let world = World::new(says(json!({"active": true})));
    world.present("a").await.unwrap();
    world.endpoint.answers(says(json!({"active": false})));
    assert_eq!(key(world.present("b").await), "url");
    assert!(world.present("a").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_token_is_not_asked_about() {
    let world = World::new(says(json!({"active": true})));
    for fields in [
        vec!["Basic dTpw"],
        vec![""],
        vec!["Bearer a b"],
        vec!["Bearer a", "Bearer a"],
        vec![],
    ] {
        let outcome = world.verifier.verify(&request(&fields).headers, BUDGET).await;
        assert_eq!(key(outcome), "");
    }
    assert_eq!(key(world.present(&"a".repeat(MAX_TOKEN + 1)).await), "");
    assert_eq!(world.endpoint.calls(), 0);
    assert!(world.present(&"a".repeat(MAX_TOKEN)).await.is_ok());
}
