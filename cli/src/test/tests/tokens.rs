//! The tokens in the events are those that `events/keys/tokens.json` describes.
//!
//! To make another: put its claims there under the event's name, run this test, and paste what it asks for.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};

use super::*;

fn file(name: &str) -> String {
    std::fs::read_to_string(events().join(name)).unwrap()
}

fn key() -> RsaKeyPair {
    let pem = file("keys/test-only.pem");
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    RsaKeyPair::from_pkcs8(&BASE64_STANDARD.decode(lines.collect::<String>()).unwrap()).unwrap()
}

/// A compact JWS (RFC 7515 section 7.1). RS256 signatures come out the same each time.
fn token(key: &RsaKeyPair, claims: &Value) -> String {
    let header = json!({ "alg": "RS256", "kid": "test-only", "typ": "JWT" });
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn authorization(event: &Value) -> Option<&str> {
    if let Some(token) = event.get("authorizationToken") {
        return token.as_str();
    }
    let header = |map: &'static str, name: &str| event.get(map)?.get(name);
    let single = header("headers", "authorization").or_else(|| header("headers", "Authorization"));
    let value = single.or_else(|| header("multiValueHeaders", "authorization")?.get(0));
    value?.as_str()
}

#[test]
fn every_token_is_the_one_that_its_claims_and_the_key_make() {
    let key = key();
    let claims: BTreeMap<String, Value> = serde_json::from_str(&file("keys/tokens.json")).unwrap();
    for (name, claims) in &claims {
        let event: Value = serde_json::from_str(&file(&format!("{name}.json"))).unwrap();
        let expected = format!("Bearer {}", token(&key, claims));
        assert_eq!(
            authorization(&event),
            Some(expected.as_str()),
            "the Authorization header of {name}.json"
        );
    }
    assert!(claims.len() >= 5);
}

#[test]
fn the_key_set_holds_the_keys_public_half() {
    let public = PublicKeyComponents::<Vec<u8>>::from(key().public());
    let set: Value = serde_json::from_str(&file("keys/test-only.jwks.json")).unwrap();
    let b64 = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    assert_eq!(set["keys"][0]["n"], b64(&public.n));
    assert_eq!(set["keys"][0]["e"], b64(&public.e));
}
