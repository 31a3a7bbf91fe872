//! Several methods on one route: who decides.

use std::sync::Arc;

use serde_json::json;
use url::Url;

use crate::auth::AuthRules;
use crate::auth::RouteAuth;
use crate::auth::method::{Method, MethodKind};
use crate::auth::platform::PlatformSource;
use crate::auth::testing::{
    BUDGET, Issuer, NOW, Signer, World, claims, claims_with, jwt, keys_of, method_of, policy, request, route,
};
use crate::auth::{
    ApiKeyRules, AuthPolicy, ClientAuth, Identity, IntrospectionRules, JwtRules, KeySource, MethodId, Methods, Secret,
};
use crate::config::Pointer;
use crate::error::GatewayError;

const OTHER_ISSUER: &str = "https://other.test";

/// A JWT method of this issuer.
fn issued_by(name: &str, issuer: &str) -> Method {
    let rules = JwtRules {
        keys: KeySource::Jwks(Url::parse(&format!("{issuer}/keys")).unwrap()),
        issuer: issuer.to_owned(),
        ..jwt()
    };
    Method {
        name: Some(name.into()),
        pointer: Pointer::new(format!("/auth/methods/{name}")),
        ..method_of(MethodKind::Jwt(Arc::new(rules)))
    }
}

/// Two issuers that publish the same key, so that only the methods' own rules tell their tokens apart.
fn world(signer: &Signer) -> World {
    let methods = [
        issued_by("main", "https://issuer.test"),
        issued_by("other", OTHER_ISSUER),
    ];
    let rules = AuthRules {
        methods: methods.into_iter().map(Arc::new).collect(),
        exclude_paths: Vec::new(),
        failures_per_minute: 0,
    };
    World::with(Issuer::new(keys_of([signer])), rules)
}

fn any_of(ids: &[usize]) -> RouteAuth {
    RouteAuth::Policy(Arc::new(AuthPolicy {
        methods: Methods::AnyOf(ids.iter().copied().map(MethodId).collect()),
        pointer: Pointer::new("/routes/0/auth"),
        ..policy()
    }))
}

/// Who let the token in, or the place in the config that refused it.
async fn decided(world: &World, auth: RouteAuth, token: &str) -> String {
    let request = request(&[&format!("Bearer {token}")]);
    match world.auth.authenticate(&route(auth), &request, BUDGET).await {
        Ok(identity) => identity.unwrap().method_names().unwrap(),
        Err(error @ GatewayError::InvalidCredential { .. }) => error.at().unwrap().as_str().to_owned(),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_method_that_knows_the_issuer_decides_in_any_order() {
    let signer = Signer::ed25519("a");
    let world = world(&signer);
    let (mine, others) = (
        signer.token(&claims()),
        signer.token(&claims_with("iss", Some(json!(OTHER_ISSUER)))),
    );
    // Twice: the second time the tokens are remembered.
    for _ in 0..2 {
        for order in [[0, 1], [1, 0]] {
            assert_eq!(decided(&world, any_of(&order), &mine).await, "main");
            assert_eq!(decided(&world, any_of(&order), &others).await, "other");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_one_method_knows_is_nothing_to_a_route_of_the_other() {
    let signer = Signer::ed25519("a");
    let world = world(&signer);
    let token = signer.token(&claims());
    assert_eq!(decided(&world, any_of(&[0]), &token).await, "main");
    assert_eq!(
        decided(&world, any_of(&[1]), &token).await,
        "/auth/methods/other/issuer"
    );
}

/// Its issuer's method has said no: nobody else is asked.
#[tokio::test(start_paused = true)]
async fn a_wrong_token_is_refused_by_its_own_issuers_method() {
    let signer = Signer::ed25519("a");
    let world = world(&signer);
    let mut expired = claims_with("iss", Some(json!(OTHER_ISSUER)));
    expired["exp"] = json!(NOW - 1000);
    let place = decided(&world, any_of(&[0, 1]), &signer.token(&expired)).await;
    assert_eq!(place, "/auth/methods/other/clock_skew");
}

#[tokio::test(start_paused = true)]
async fn a_token_of_nobody_known_is_refused_by_the_first() {
    let signer = Signer::ed25519("a");
    let world = world(&signer);
    for (token, place) in [
        (
            signer.token(&claims_with("iss", Some(json!("https://evil.test")))),
            "/issuer",
        ),
        (signer.token(&claims_with("iss", None)), "/issuer"),
        (
            signer.token(&claims_with("iss", Some(json!([OTHER_ISSUER])))),
            "/issuer",
        ),
        ("opaque".to_owned(), ""),
    ] {
        let refused = decided(&world, any_of(&[1, 0]), &token).await;
        assert_eq!(refused, format!("/auth/methods/other{place}"), "{token}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_that_is_not_there_is_no_way_in() {
    let signer = Signer::ed25519("a");
    let world = world(&signer);
    let request = request(&[&format!("Bearer {}", signer.token(&claims()))]);
    for methods in [
        Methods::AnyOf(vec![MethodId(0), MethodId(9)]),
        Methods::AllOf(vec![MethodId(0), MethodId(9)]),
        Methods::AnyOf(Vec::new()),
        Methods::AllOf(Vec::new()),
    ] {
        for optional in [true, false] {
            let policy = AuthPolicy {
                methods: methods.clone(),
                optional,
                ..policy()
            };
            let route = route(RouteAuth::Policy(Arc::new(policy)));
            let outcome = world.auth.authenticate(&route, &request, BUDGET).await;
            assert!(matches!(outcome, Err(GatewayError::Internal { .. })), "{outcome:?}");
        }
    }
}

/// An issuer's method, one that asks about tokens, and keys behind `Bearer`.
fn three(signer: &Signer) -> World {
    let endpoint = IntrospectionRules {
        url: Url::parse("https://idp.test/introspect").unwrap(),
        client_id: "gw".to_owned(),
        client_secret: Secret("secret".to_owned()),
        client_auth: ClientAuth::Basic,
        audiences: Vec::new(),
        cache: std::time::Duration::ZERO,
        forward_token: false,
    };
    let keys = ApiKeyRules {
        header: http::header::AUTHORIZATION,
        header_as_written: "Authorization".to_owned(),
        query: None,
    };
    let named = |name: &str, kind: MethodKind| Method {
        name: Some(name.into()),
        pointer: Pointer::new(format!("/auth/methods/{name}")),
        ..method_of(kind)
    };
    let methods = [
        issued_by("main", "https://issuer.test"),
        named("legacy", MethodKind::Introspection(Arc::new(endpoint))),
        named("partners", MethodKind::ApiKey(Arc::new(keys))),
    ];
    let rules = AuthRules {
        methods: methods.into_iter().map(Arc::new).collect(),
        exclude_paths: Vec::new(),
        failures_per_minute: 0,
    };
    World::with(Issuer::new(keys_of([signer])), rules)
}

/// No token that somebody here knows is shown to the endpoint, wherever it stands in the list.
#[tokio::test(start_paused = true)]
async fn an_endpoint_is_asked_about_what_nobody_else_knows() {
    let signer = Signer::ed25519("a");
    let world = three(&signer);
    let key = crate::api_key::ApiKey::generate().unwrap();
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        assert_eq!(decided(&world, any_of(&order), &signer.token(&claims())).await, "main");
        let refused = decided(&world, any_of(&order), key.secret_text()).await;
        assert_eq!(refused, "/auth/methods/partners");
    }
    let asked = world.issuer.last.lock().unwrap().take().unwrap().0;
    assert_eq!(asked.uri().path(), "/keys", "only the issuer was asked, for its keys");
    world.issuer.answers(crate::auth::testing::Answer::Status(
        200,
        br#"{"active":true}"#.to_vec(),
    ));
    for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
        assert_eq!(decided(&world, any_of(&order), "opaque").await, "legacy");
    }
}

/// What proved the caller, or might have, goes no further, whoever decided.
#[tokio::test(start_paused = true)]
async fn credentials_are_withheld_by_what_the_route_asks_for() {
    let signer = Signer::ed25519("a");
    let world = three(&signer);
    let key = crate::api_key::ApiKey::generate().unwrap();
    let bearer = |token: &str| format!("Bearer {token}");
    let (token, key) = (bearer(&signer.token(&claims())), bearer(key.secret_text()));
    let known = world.present(&signer.token(&claims())).await.unwrap();
    let left = |auth: RouteAuth, identity: Option<&Identity>, field: &str| {
        let mut request = request(&[field]);
        request
            .headers
            .insert("x-amz-security-token", "session".parse().unwrap());
        world.auth.withhold(&route(auth), identity, &mut request);
        (
            request.headers.contains_key("authorization"),
            request.headers.contains_key("x-amz-security-token"),
        )
    };
    for identity in [None, known.as_ref()] {
        assert_eq!(
            left(RouteAuth::None, identity, &token),
            (true, true),
            "a public route's own affair"
        );
        assert!(
            !left(RouteAuth::None, identity, &key).0,
            "keys are the gateway's everywhere"
        );
    }
    assert_eq!(left(any_of(&[0]), known.as_ref(), &token), (false, false));
    assert_eq!(
        left(any_of(&[0]), None, "Basic dTpw"),
        (true, true),
        "optional, and nobody came"
    );
    assert!(!left(any_of(&[0]), None, &key).0);
    let elsewhere = RouteAuth::Policy(Arc::new(AuthPolicy {
        keeps_authorization: false,
        ..policy()
    }));
    assert_eq!(left(elsewhere, known.as_ref(), "Basic dTpw"), (true, true));
}

#[test]
fn every_method_that_takes_the_front_doors_word_keeps_what_it_was_given() {
    let platform = MethodKind::Platform(PlatformSource::Jwt);
    assert!(platform.keeps_authorization() && !platform.reads_authorization());
}
