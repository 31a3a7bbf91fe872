//! "`algorithms` defaults to all asymmetric ones": each of them through the function's own process.

use serde_json::{Value, json};
use tollgate_tests::token::{ALGORITHMS, Key};
use tollgate_tests::{Api, Event, Stage, get};

// How a header comes through each front door, `identity.rs` shows.
crate::for_event_kinds!(any_front_door: Http, every_algorithm, one_rsa_key_for_six_algorithms, fewer_algorithms);

const ME: &str = "/api/orders/1";

/// A gateway that trusts these keys and counts no refusals.
async fn before(event: Event, jwks: &[Value], algorithms: Option<Value>) -> Api {
    let stage = Stage::set().await;
    stage.issuer.publishes_jwks(jwks);
    let mut document = stage.unlimited();
    document["auth"]["failures"] = json!(1000);
    if let Some(algorithms) = algorithms {
        document["auth"]["algorithms"] = algorithms;
    }
    stage.open(event, &document).await
}

async fn accepted(api: &mut Api, sentence: &str, token: &str) {
    api.row(sentence, get(ME).bearer(token), |x| {
        x.status(200)
            .reached("orders", "GET /orders/1")
            .sent("X-User-Id", Some("usr_1"))
            .sent("Authorization", None);
    })
    .await;
}

async fn refused(api: &mut Api, sentence: &str, token: &str) {
    api.row(sentence, get(ME).bearer(token), |x| {
        x.error(401, "invalid_token").reached_none();
    })
    .await;
}

/// No such key is published: 401 where the issuer was asked, 503 until it may be asked again.
async fn without_key(api: &mut Api, sentence: &str, token: &str) {
    api.row(sentence, get(ME).bearer(token), |x| {
        match x.response.status {
            503 => x.error(503, "key_set_unavailable"),
            _ => x.error(401, "invalid_token"),
        };
        x.reached_none();
    })
    .await;
}

async fn every_algorithm(event: Event) {
    let keys = ALGORITHMS.map(|algorithm| Key::of(algorithm, algorithm));
    let jwks: Vec<Value> = keys.iter().map(Key::jwk).collect();
    let mut api = before(event, &jwks, None).await;
    let good = api.stage.issuer.token("usr_1");
    for key in &keys {
        let algorithm = key.algorithm();
        accepted(&mut api, &format!("a token by {algorithm}"), &good.sign(key)).await;
        let stranger = good.sign(&key.impostor());
        refused(&mut api, &format!("{algorithm} by another key"), &stranger).await;
        for other in ALGORITHMS
            .into_iter()
            .chain(["none", "HS256"])
            .filter(|other| *other != algorithm)
        {
            let swapped = good.clone().header("alg", other).sign(key);
            refused(&mut api, &format!("{algorithm} said to be {other}"), &swapped).await;
            let renamed = good.clone().header("kid", other).sign(key);
            let sentence = format!("{algorithm} by the key for {other}");
            match ALGORITHMS.contains(&other) {
                true => refused(&mut api, &sentence, &renamed).await,
                false => without_key(&mut api, &sentence, &renamed).await,
            }
        }
    }
    api.finish();
}

/// A key that names no algorithm serves all of its type, one at a time: the header's, which is signed.
async fn one_rsa_key_for_six_algorithms(event: Event) {
    let mut jwk = Key::of("RS256", "rsa").jwk();
    for member in ["alg", "use"] {
        jwk.as_object_mut().expect("an object").remove(member);
    }
    jwk["x5c"] = json!(["MIIB"]);
    let mut api = before(event, &[jwk], None).await;
    let good = api.stage.issuer.token("usr_1");
    for algorithm in &ALGORITHMS[..6] {
        let key = Key::of(algorithm, "rsa");
        accepted(&mut api, &format!("{algorithm} by a key for any"), &good.sign(&key)).await;
        let nameless = good.clone().header("kid", Value::Null).sign(&key);
        accepted(&mut api, &format!("{algorithm} without a kid"), &nameless).await;
        for other in ALGORITHMS.iter().filter(|other| *other != algorithm) {
            let swapped = good.clone().header("alg", *other).sign(&key);
            refused(&mut api, &format!("{algorithm} said to be {other}"), &swapped).await;
        }
    }
    api.finish();
}

async fn fewer_algorithms(event: Event) {
    let keys = ALGORITHMS.map(|algorithm| Key::of(algorithm, algorithm));
    let jwks: Vec<Value> = keys.iter().map(Key::jwk).collect();
    let mut api = before(event, &jwks, Some(json!(["ES384"]))).await;
    let good = api.stage.issuer.token("usr_1");
    for key in &keys {
        let (algorithm, token) = (key.algorithm(), good.sign(key));
        match algorithm {
            "ES384" => accepted(&mut api, "the one that is allowed", &token).await,
            _ => refused(&mut api, &format!("{algorithm}, which is not allowed"), &token).await,
        }
    }
    api.finish();
}
