//! The whole stage: requests in, identities or refusals out.

mod side_by_side;

use std::time::Duration;

use http::header::AUTHORIZATION;
use insta::assert_snapshot;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::testing::policy;
use super::testing::{Answer, Signer};
use super::testing::{
    BUDGET, Issuer, NOW, World, claims, claims_with, down, jwt, keys_of, optional, refusal, request, required, route,
    rules,
};
use super::*;
use crate::clock::Timestamp;
use crate::config::Pointer;
use crate::path::CanonicalPath;

#[tokio::test(start_paused = true)]
async fn every_algorithm_identifies_its_caller() {
    use Algorithm::{PS256, PS384, PS512, RS256, RS384, RS512};
    let mut signers = vec![Signer::ed25519("ed"), Signer::es256("es256"), Signer::es384("es384")];
    signers.extend([RS256, RS384, RS512, PS256, PS384, PS512].map(|algorithm| Signer::rsa("rsa", algorithm)));
    let world = World::new(Issuer::with_keys(&signers[..4]));
    for signer in &signers {
        let identity = world.present(&signer.token(&claims())).await.unwrap().unwrap();
        assert_eq!(
            Value::Object((*identity.proofs().next().unwrap().claims).clone()),
            claims(),
            "{:?}",
            signer.algorithm
        );
    }
    assert_eq!(world.issuer.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_stamped_as_the_method_says() {
    let signer = Signer::ed25519("a");
    let world = World::new(Issuer::with_keys([&signer]));
    let mut request = request(&[&format!("Bearer {}", signer.token(&claims()))]);
    let route = route(required());
    let identity = world.send(&request).await.unwrap().unwrap();
    world.auth.withhold(&route, Some(&identity), &mut request);
    identity.stamp(&mut request.headers);
    assert_eq!(request.headers["x-user-id"], "user-1");
    assert_eq!(request.headers["x-user-role"], "admin");
    assert_eq!(request.headers.len(), 2, "the token is gone");
}

#[tokio::test(start_paused = true)]
async fn public_paths_and_routes_verify_nothing_and_remove_nothing() {
    let world = World::new(Issuer::new(down()));
    for authorization in [vec![], vec!["Bearer a.b.c"], vec!["Basic dTpw"], vec!["", "x"]] {
        let request = request(&authorization);
        let outcome = world.auth.authenticate(&route(RouteAuth::None), &request, BUDGET).await;
        assert!(matches!(outcome, Ok(None)), "{authorization:?}");
        for auth in [required(), optional()] {
            let mut public = request.clone();
            public.path = CanonicalPath::from_decoded("/public/login").unwrap();
            let outcome = world.auth.authenticate(&route(auth), &public, BUDGET).await;
            assert!(matches!(outcome, Ok(None)), "{authorization:?}");
        }
        assert_eq!(
            request.headers.get_all(AUTHORIZATION).iter().count(),
            authorization.len()
        );
    }
    assert_eq!(world.issuer.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn everything_else_is_closed() {
    let world = World::new(Issuer::new(down()));
    for path in ["/", "/publi", "/public-not", "/Public/login", "/private/public/x"] {
        let mut request = request(&[]);
        request.path = CanonicalPath::from_decoded(path).unwrap();
        let outcome = world.auth.authenticate(&route(required()), &request, BUDGET).await;
        assert!(matches!(outcome, Err(GatewayError::MissingCredential { .. })), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn optional_means_verified_when_present() {
    let signer = Signer::ed25519("a");
    let world = World::new(Issuer::with_keys([&signer]));
    let send = async |fields: &[&str]| {
        world
            .auth
            .authenticate(&route(optional()), &request(fields), BUDGET)
            .await
    };
    assert!(matches!(send(&[]).await, Ok(None)));
    let good = format!("Bearer {}", signer.token(&claims()));
    assert!(send(&[&good]).await.unwrap().is_some());
    refusal(send(&[&format!("{good}A")]).await);
    refusal(send(&["Basic dTpw"]).await);
    refusal(send(&[""]).await);
    refusal(send(&[&good, &good]).await);
}

/// The config check refuses this; were it ever to let it through, nobody comes in.
#[tokio::test(start_paused = true)]
async fn no_method_is_no_way_in() {
    let world = World::with(Issuer::new(down()), AuthRules::default());
    for fields in [vec![], vec!["Bearer a.b.c"]] {
        for auth in [required(), optional()] {
            let outcome = world.auth.authenticate(&route(auth), &request(&fields), BUDGET).await;
            assert!(matches!(outcome, Err(GatewayError::Internal { .. })), "{outcome:?}");
        }
        let outcome = world
            .auth
            .authenticate(&route(RouteAuth::None), &request(&fields), BUDGET)
            .await;
        assert!(matches!(outcome, Ok(None)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_without_kid_is_tried_only_when_there_is_no_choice() {
    let (one, other, lone) = (Signer::es256("a"), Signer::es256("b"), Signer::ed25519("c"));
    let world = World::lenient(Issuer::with_keys([&one, &other, &lone]));
    let nameless = |signer: &Signer| {
        let header = json!({"alg": format!("{:?}", signer.algorithm)});
        signer.sign(&header.to_string(), &claims().to_string())
    };
    assert!(world.present(&nameless(&lone)).await.is_ok());
    assert_snapshot!(refusal(world.present(&nameless(&one)).await), @"the token has no kid, and several keys fit its alg");
    assert_eq!(world.issuer.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn times_are_taken_from_the_clock() {
    let signer = Signer::ed25519("a");
    let world = World::lenient(Issuer::with_keys([&signer]));
    let token = signer.token(&claims_with("nbf", Some(json!(NOW + 100))));
    refusal(world.present(&token).await);
    world.clock.set(Timestamp::from_secs(NOW + 40));
    assert!(world.present(&token).await.is_ok());
    world.clock.set(Timestamp::from_micros((NOW + 360) * 1_000_000 - 1));
    assert!(world.present(&token).await.is_ok());
    world.clock.set(Timestamp::from_secs(NOW + 360));
    assert_snapshot!(refusal(world.present(&token).await), @"the token expired 60 s ago, more than the clock skew allows");
}

/// What can be refused without a key must not cost one, nor a 503 when there is none.
#[tokio::test(start_paused = true)]
async fn hopeless_tokens_are_refused_without_a_look_up() {
    let signer = Signer::ed25519("a");
    let world = World::new(Issuer::new(down()));
    for claims in [
        claims_with("exp", Some(json!(NOW - 61))),
        claims_with("iss", Some(json!("https://other.test"))),
    ] {
        refusal(world.present(&signer.token(&claims)).await);
    }
    refusal(world.present("nonsense").await);
    assert_eq!(world.issuer.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn keys_rotate_under_load_and_no_good_token_is_refused() {
    let generations = [
        Signer::es256("g0"),
        Signer::es256("g1"),
        Signer::es256("g2"),
        Signer::es256("g3"),
    ];
    let world = World::new(Issuer::with_keys(&generations[..1]));
    assert!(world.present(&generations[0].token(&claims())).await.is_ok());
    for now in 1..generations.len() {
        let (old, new) = (&generations[now - 1], &generations[now]);
        let published = Answer::Slowly(Duration::from_millis(50), Box::new(keys_of([old, new])));
        world.issuer.answers(published);
        let tokens = (0..64)
            .map(|n| if n % 2 == 0 { old } else { new }.token(&claims()))
            .collect();
        for outcome in world.present_all(tokens).await {
            assert!(outcome.unwrap().is_some(), "generation {now}");
        }
        world.clock.advance(Duration::from_secs(40));
    }
    assert_eq!(world.issuer.calls(), generations.len());
}

#[tokio::test(start_paused = true)]
async fn sixty_four_callers_at_once_cost_one_fetch() {
    let signer = Signer::es256("a");
    let issuer = Issuer::new(Answer::Slowly(Duration::from_millis(300), Box::new(keys_of([&signer]))));
    let world = World::new(issuer);
    let outcomes = world
        .present_all((0..64).map(|_| signer.token(&claims())).collect())
        .await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!((outcomes.len(), world.issuer.calls()), (64, 1));
}

#[tokio::test(start_paused = true)]
async fn no_key_set_is_503_and_never_401() {
    let signer = Signer::ed25519("a");
    let world = World::new(Issuer::new(down()));
    for _ in 0..100 {
        let outcome = world.present(&signer.token(&claims())).await;
        let Err(error @ GatewayError::AuthUnavailable { .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((error.status().as_u16(), error.retry_after()), (503, Some(1)));
        world.clock.advance(Duration::from_millis(10));
    }
    assert_eq!(world.issuer.calls(), 1, "none within a second of a failed one");
    // Nor does a 503 count as a refused credential.
    world.issuer.answers(keys_of([&signer]));
    world.clock.advance(Duration::from_secs(1));
    assert!(world.present(&signer.token(&claims())).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_become_429_before_anything_is_looked_at() {
    let signer = Signer::ed25519("a");
    let world = World::new(Issuer::with_keys([&signer]));
    // Every kind of refusal counts, a missing credential does not.
    let unknown_key = Signer::ed25519("b").token(&claims());
    for n in 0..10 {
        assert!(matches!(
            world.send(&request(&[])).await,
            Err(GatewayError::MissingCredential { .. })
        ));
        refusal(world.send(&request(&["Basic dTpw"])).await);
        refusal(world.present(&unknown_key).await);
        assert_eq!(world.issuer.calls(), 1, "one fetch an interval, also in round {n}");
    }
    world.clock.advance(Duration::from_millis(500));
    let calls = world.issuer.calls();
    for token in [unknown_key.clone(), signer.token(&claims())] {
        let outcome = world.present(&token).await;
        let Err(GatewayError::RateLimited { retry_after, at }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(
            (retry_after, at.as_str()),
            (Duration::from_millis(2500), "/auth/failures")
        );
    }
    assert_eq!(world.issuer.calls(), calls);
    assert!(matches!(
        world.send(&request(&[])).await,
        Err(GatewayError::MissingCredential { .. })
    ));
    let mut elsewhere = request(&[&format!("Bearer {}", signer.token(&claims()))]);
    elsewhere.client_ip = "192.0.2.2".parse().unwrap();
    assert!(world.send(&elsewhere).await.is_ok(), "another address");
    world.clock.advance(Duration::from_millis(2500));
    assert!(world.present(&signer.token(&claims())).await.is_ok(), "forgiven");
}

#[tokio::test(start_paused = true)]
async fn the_allow_list_holds_for_keys_that_could_do_more() {
    let rsa = Signer::rsa("a", Algorithm::RS256);
    let allowed = JwtRules {
        algorithms: vec![Algorithm::PS256],
        ..jwt()
    };
    let world = World::with(Issuer::with_keys([&rsa]), rules(allowed));
    assert_snapshot!(refusal(world.present(&rsa.token(&claims())).await), @"RS256 is not in the list of algorithms");
    assert_eq!(world.issuer.calls(), 0);
    assert!(
        world
            .present(&Signer::rsa("a", Algorithm::PS256).token(&claims()))
            .await
            .is_ok()
    );
}

#[tokio::test(start_paused = true)]
async fn the_type_must_be_the_one_that_is_asked_for() {
    let signer = Signer::ed25519("a");
    let typed = JwtRules {
        typ: Some("at+jwt".to_owned()),
        ..jwt()
    };
    let world = World::with(Issuer::with_keys([&signer]), rules(typed));
    for (typ, holds) in [
        (json!("at+jwt"), true),
        (json!("AT+JWT"), true),
        (json!("application/at+jwt"), true),
        (json!("Application/AT+jwt"), true),
        (json!("JWT"), false),
        (json!("at+jwt "), false),
        (json!("text/at+jwt"), false),
        (json!("application/application/at+jwt"), false),
        (json!(""), false),
        (json!(null), false),
        (json!(["at+jwt"]), false),
    ] {
        let mut header = signer.header();
        header["typ"] = typ;
        let outcome = world
            .present(&signer.sign(&header.to_string(), &claims().to_string()))
            .await;
        assert_eq!(outcome.is_ok(), holds, "{header}: {outcome:?}");
    }
    let untyped = signer.sign(r#"{"alg":"EdDSA","kid":"a"}"#, &claims().to_string());
    let Err(error) = world.present(&untyped).await else {
        panic!("it has no typ")
    };
    assert_eq!(error.at().map(Pointer::as_str), Some("/auth/typ"));
}

/// Even a config that asks for it does not get a shared secret.
#[tokio::test(start_paused = true)]
async fn hmac_is_refused_whatever_the_allow_list_says() {
    let secret = b"-----BEGIN PUBLIC KEY-----";
    let mut allowed = jwt();
    allowed.algorithms.push(Algorithm::HS256);
    let jwk = json!({"kty": "oct", "kid": "a", "alg": "HS256", "k": testing::base64(secret)});
    let world = World::with(Issuer::new(Answer::Keys(vec![jwk])), rules(allowed));
    let signed = format!(
        "{}.{}",
        testing::base64(r#"{"alg":"HS256","kid":"a"}"#),
        testing::base64(claims().to_string())
    );
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let token = format!(
        "{signed}.{}",
        testing::base64(ring::hmac::sign(&key, signed.as_bytes()))
    );
    refusal(world.present(&token).await);
}

#[test]
fn the_challenge_says_the_scheme_and_not_the_reason() {
    let said = |error| challenge(&error).map(|value| value.to_str().unwrap().to_owned());
    let at = || Pointer::new("/auth");
    let missing = GatewayError::MissingCredential {
        ask: policy().ask,
        at: at(),
    };
    assert_eq!(said(missing).as_deref(), Some("Bearer"));
    let invalid = GatewayError::InvalidCredential {
        credential: CredentialKind::BearerToken,
        why: "secret".into(),
        at: at(),
    };
    assert_eq!(said(invalid).as_deref(), Some(r#"Bearer error="invalid_token""#));
    let narrow = GatewayError::InsufficientScope {
        needed: "orders:read orders:write".into(),
        by_token: true,
        at: at(),
    };
    assert_eq!(
        said(narrow).as_deref(),
        Some(r#"Bearer error="insufficient_scope", scope="orders:read orders:write""#)
    );
    let silent = [
        GatewayError::NotFound,
        GatewayError::RateLimited {
            retry_after: Duration::ZERO,
            at: at(),
        },
        GatewayError::AuthUnavailable {
            what: AuthSource::KeySet,
            why: String::new(),
            retry_after: Duration::ZERO,
            at: at(),
        },
        GatewayError::Forbidden {
            why: "secret".into(),
            at: at(),
        },
        // An API key's: no bearer token is missing.
        GatewayError::InsufficientScope {
            needed: "orders:read".into(),
            by_token: false,
            at: at(),
        },
    ];
    for error in silent {
        assert_eq!(said(error.clone()), None, "{error:?}");
    }
}
