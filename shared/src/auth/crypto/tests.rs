use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Header, Validation, decode, encode};
use serde_json::{Value, json};

use super::super::testing::{RSA_2048, Signer};
use super::*;

const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

fn signers() -> Vec<Signer> {
    let mut signers = vec![Signer::ed25519("a"), Signer::es256("a"), Signer::es384("a")];
    signers.extend(RSA.map(|algorithm| Signer::rsa("a", algorithm)));
    signers
}

fn public(signer: &Signer) -> DecodingKey {
    DecodingKey::from_jwk(&serde_json::from_value::<Jwk>(signer.jwk.clone()).unwrap()).unwrap()
}

fn decodes(token: &str, key: &DecodingKey, algorithm: Algorithm) -> bool {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    decode::<Value>(token, key, &validation).is_ok()
}

#[test]
fn installing_twice_is_fine() {
    install();
    install();
}

#[test]
fn what_is_signed_verifies_and_nothing_else_does() {
    install();
    let other = [Signer::ed25519("b"), Signer::es256("b"), Signer::es384("b")];
    for signer in signers() {
        let algorithm = signer.algorithm;
        let token = encode(&Header::new(algorithm), &json!({"a": 1}), &signer.key).unwrap();
        assert!(decodes(&token, &public(&signer), algorithm), "{algorithm:?}");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let changed = format!("{header}.e30.{signature}");
        assert!(
            !decodes(&changed, &public(&signer), algorithm),
            "{algorithm:?}: changed payload"
        );
        for stranger in other.iter().filter(|stranger| stranger.algorithm == algorithm) {
            assert!(
                !decodes(&token, &public(stranger), algorithm),
                "{algorithm:?}: another's key"
            );
        }
    }
}

#[test]
fn a_key_serves_only_its_own_family() {
    install();
    let message = b"message";
    for signer in signers() {
        for algorithm in signers().into_iter().map(|other| other.algorithm) {
            let same = algorithm.family() == signer.algorithm.family();
            let verdict = jsonwebtoken::crypto::verify("AA", message, &public(&signer), algorithm);
            assert_eq!(
                verdict.is_ok(),
                same,
                "{algorithm:?} with a key for {:?}",
                signer.algorithm
            );
            assert!(!verdict.unwrap_or(false));
            if !same {
                assert!(jsonwebtoken::crypto::sign(message, &signer.key, algorithm).is_err());
            }
        }
    }
}

#[test]
fn hmac_neither_signs_nor_verifies() {
    install();
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let signed = jsonwebtoken::crypto::sign(b"message", &EncodingKey::from_secret(b"secret"), algorithm);
        assert!(signed.is_err(), "{algorithm:?}");
        let verified = jsonwebtoken::crypto::verify("AA", b"message", &DecodingKey::from_secret(b"secret"), algorithm);
        assert!(verified.is_err(), "{algorithm:?}");
    }
}

#[test]
fn broken_keys_are_errors_not_panics() {
    install();
    let broken = [
        (EncodingKey::from_ed_der(b"x"), Algorithm::EdDSA),
        (EncodingKey::from_ec_der(b"x"), Algorithm::ES256),
        (EncodingKey::from_rsa_der(b"x"), Algorithm::RS256),
        (Signer::es384("a").key, Algorithm::ES256),
    ];
    for (key, algorithm) in broken {
        assert!(
            jsonwebtoken::crypto::sign(b"message", &key, algorithm).is_err(),
            "{algorithm:?}"
        );
        assert!(Jwk::from_encoding_key(&key, algorithm).is_err(), "{algorithm:?}");
    }
    let keys = [
        (DecodingKey::from_ed_der(b""), Algorithm::EdDSA),
        (DecodingKey::from_ec_der(b""), Algorithm::ES384),
        (DecodingKey::from_rsa_der(b""), Algorithm::RS512),
        (DecodingKey::from_rsa_raw_components(b"", b""), Algorithm::PS256),
    ];
    for (key, algorithm) in keys {
        assert!(
            !jsonwebtoken::crypto::verify("AA", b"message", &key, algorithm).unwrap(),
            "{algorithm:?}"
        );
    }
    assert!(Jwk::from_decoding_key(&DecodingKey::from_rsa_der(b""), None).is_err());
}

#[test]
fn public_halves_come_out_as_they_are_published() {
    install();
    for signer in [Signer::es256("a"), Signer::es384("a")] {
        let made = serde_json::to_value(Jwk::from_encoding_key(&signer.key, signer.algorithm).unwrap()).unwrap();
        for member in ["kty", "crv", "x", "y"] {
            assert_eq!(made[member], signer.jwk[member], "{:?} {member}", signer.algorithm);
        }
    }
    let ed25519 = Signer::ed25519("a");
    let x = ed_component(ed25519.key.as_bytes(), &EllipticCurve::Ed25519).unwrap();
    assert_eq!(ed25519.jwk["x"], super::super::testing::base64(x));
    assert!(ed_component(ed25519.key.as_bytes(), &EllipticCurve::P256).is_err());
    let rsa = EncodingKey::from_rsa_pem(RSA_2048).unwrap();
    let (modulus, exponent) = rsa_components(rsa.as_bytes()).unwrap();
    assert_eq!((modulus.len(), exponent.as_slice()), (256, [1, 0, 1].as_slice()));
}

#[test]
fn thumbprints_are_those_of_rfc_7638() {
    install();
    // The example of RFC 7638 section 3.1.
    let jwk: Jwk = serde_json::from_value(json!({
        "kty": "RSA", "e": "AQAB",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    }))
    .unwrap();
    let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).unwrap();
    assert_eq!(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    for hash in [ThumbprintHash::SHA384, ThumbprintHash::SHA512] {
        assert!(jwk.thumbprint(hash).is_ok());
    }
}
