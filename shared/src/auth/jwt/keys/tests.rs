use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::auth::testing::{Signer, base64};

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn wanted(kid: Option<&str>, algorithm: Algorithm) -> Wanted<'_> {
    Wanted { kid, algorithm }
}

/// This key with these members changed, or removed by null.
fn with(jwk: &Value, changes: Value) -> Value {
    let mut jwk = jwk.clone();
    let members = jwk.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    jwk
}

/// An RSA key whose modulus has exactly so many bits. It belongs to nobody.
fn rsa_of(bits: usize) -> Value {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] = 0xff >> (modulus.len() * 8 - bits);
    json!({"kty": "RSA", "kid": "k", "n": base64(modulus), "e": "AQAB"})
}

#[test]
fn good_keys_are_taken_for_what_they_can_do() {
    use Algorithm::{ES256, ES384, EdDSA, PS256, RS256, RS512};
    let rsa = Signer::rsa("r", RS256).jwk;
    for (jwk, fits, signature_len) in [
        (Signer::ed25519("k").jwk, vec![EdDSA], 64),
        (Signer::es256("k").jwk, vec![ES256], 64),
        (Signer::es384("k").jwk, vec![ES384], 96),
        (rsa.clone(), vec![RS256, PS256, RS512], 256),
        (with(&rsa, json!({"alg": "PS256"})), vec![PS256], 256),
        (
            with(&rsa, json!({"use": "sig", "key_ops": ["sign", "verify"]})),
            vec![RS256],
            256,
        ),
        (
            with(&rsa, json!({"kid": null, "x5c": ["ignored"], "x5u": 1, "unknown": {}})),
            vec![RS256],
            256,
        ),
        (rsa_of(2048), vec![RS256], 256),
        (rsa_of(2049), vec![RS256], 257),
        (rsa_of(8192), vec![RS256], 1024),
        // 256 bytes of modulus after a zero byte that should not be there.
        (
            with(&rsa_of(2048), json!({"n": base64([&[0][..], &[0xff; 256]].concat())})),
            vec![RS256],
            256,
        ),
        (with(&rsa, json!({"e": "Aw"})), vec![RS256], 256),
    ] {
        let key = Key::read(jwk.as_object().unwrap()).unwrap_or_else(|why| panic!("{jwk}: {why}"));
        assert!(fits.iter().all(|algorithm| key.fits(*algorithm)), "{jwk}");
        assert_eq!(key.signature_len, signature_len, "{jwk}");
    }
    let restricted = Key::read(with(&rsa, json!({"alg": "PS256"})).as_object().unwrap()).unwrap();
    assert!(!restricted.fits(RS256), "alg says what a key is for");
}

#[test]
fn every_other_key_is_left_out() {
    let rsa = Signer::rsa("k", Algorithm::RS256).jwk;
    let (ec, p384, ed) = (Signer::es256("k").jwk, Signer::es384("k").jwk, Signer::ed25519("k").jwk);
    let hostile = [
        ("symmetric", json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0"})),
        ("symmetric in disguise", with(&rsa, json!({"alg": "HS256"}))),
        ("no kty", with(&rsa, json!({"kty": null}))),
        ("kty in lower case", with(&rsa, json!({"kty": "rsa"}))),
        ("kty is no string", with(&rsa, json!({"kty": ["RSA"]}))),
        ("unknown kty", with(&rsa, json!({"kty": "AKP"}))),
        ("for encryption", with(&rsa, json!({"use": "enc"}))),
        ("use in upper case", with(&rsa, json!({"use": "SIG"}))),
        ("use is a list", with(&rsa, json!({"use": ["sig"]}))),
        (
            "key_ops without verify",
            with(&rsa, json!({"key_ops": ["sign", "encrypt"]})),
        ),
        ("key_ops empty", with(&rsa, json!({"key_ops": []}))),
        ("key_ops is a string", with(&rsa, json!({"key_ops": "verify"}))),
        (
            "use and key_ops at odds",
            with(&rsa, json!({"use": "enc", "key_ops": ["verify"]})),
        ),
        ("alg for encryption", with(&rsa, json!({"alg": "RSA-OAEP"}))),
        ("alg none", with(&rsa, json!({"alg": "none"}))),
        ("alg is no string", with(&rsa, json!({"alg": 1}))),
        ("alg of another kty", with(&rsa, json!({"alg": "ES256"}))),
        ("alg of another curve", with(&ec, json!({"alg": "ES384"}))),
        ("EC with alg of RSA", with(&ec, json!({"alg": "RS256"}))),
        ("OKP with alg of EC", with(&ed, json!({"alg": "ES256"}))),
        ("kid is a number", with(&rsa, json!({"kid": 1}))),
        ("private RSA", with(&rsa, json!({"d": "AQAB"}))),
        ("private EC", with(&ec, json!({"d": "AQAB"}))),
        ("private OKP", with(&ed, json!({"d": "AQAB"}))),
        ("RSA 512", rsa_of(512)),
        ("RSA 1024", rsa_of(1024)),
        ("RSA 2047", rsa_of(2047)),
        ("RSA 8193", rsa_of(8193)),
        ("RSA 16384", rsa_of(16384)),
        (
            "RSA 1024 padded to 2048",
            with(&rsa, json!({"n": base64([&[0; 128][..], &[0xff; 128]].concat())})),
        ),
        ("RSA modulus even", with(&rsa, json!({"n": base64([0xfe; 256])}))),
        ("RSA modulus empty", with(&rsa, json!({"n": ""}))),
        ("RSA modulus zero", with(&rsa, json!({"n": base64([0; 256])}))),
        ("RSA without n", with(&rsa, json!({"n": null}))),
        ("RSA without e", with(&rsa, json!({"e": null}))),
        ("RSA exponent empty", with(&rsa, json!({"e": ""}))),
        ("RSA exponent 0", with(&rsa, json!({"e": "AA"}))),
        ("RSA exponent 1", with(&rsa, json!({"e": "AQ"}))),
        ("RSA exponent 2", with(&rsa, json!({"e": "Ag"}))),
        ("RSA exponent even", with(&rsa, json!({"e": "AQAA"}))),
        ("RSA exponent too large", with(&rsa, json!({"e": base64([0xff; 5])}))),
        ("RSA exponent enormous", with(&rsa, json!({"e": base64([0xff; 64])}))),
        (
            "RSA modulus in plain base64",
            with(&rsa, json!({"n": format!("{}==", base64([0xff; 256]))})),
        ),
        ("RSA modulus a number", with(&rsa, json!({"n": 3}))),
        ("EC off its curve", with(&ec, json!({"y": base64([7; 32])}))),
        ("EC off its larger curve", with(&p384, json!({"x": base64([1; 48])}))),
        (
            "EC at infinity",
            with(&ec, json!({"x": base64([0; 32]), "y": base64([0; 32])})),
        ),
        ("EC beyond its field", with(&ec, json!({"x": base64([0xff; 32])}))),
        ("EC on P-521", with(&ec, json!({"crv": "P-521"}))),
        ("EC on secp256k1", with(&ec, json!({"crv": "secp256k1"}))),
        ("EC without crv", with(&ec, json!({"crv": null}))),
        ("EC P-256 said to be P-384", with(&ec, json!({"crv": "P-384"}))),
        ("EC P-384 said to be P-256", with(&p384, json!({"crv": "P-256"}))),
        ("EC with crv of OKP", with(&ec, json!({"crv": "Ed25519"}))),
        ("EC without y", with(&ec, json!({"y": null}))),
        ("EC with short x", with(&ec, json!({"x": base64([1; 31])}))),
        ("EC with long y", with(&ec, json!({"y": base64([1; 33])}))),
        (
            "EC with x and y out of balance",
            with(&ec, json!({"x": base64([1; 31]), "y": base64([1; 33])})),
        ),
        ("OKP on X25519", with(&ed, json!({"crv": "X25519"}))),
        ("OKP on Ed448", with(&ed, json!({"crv": "Ed448", "x": base64([1; 57])}))),
        ("OKP with crv of EC", with(&ed, json!({"crv": "P-256"}))),
        ("OKP with short x", with(&ed, json!({"x": base64([1; 31])}))),
        ("OKP without x", with(&ed, json!({"x": null}))),
        ("kty OKP on EC members", with(&ec, json!({"kty": "OKP"}))),
        ("empty", json!({})),
        ("a string", json!("key")),
        ("null", json!(null)),
        ("a list", json!([rsa])),
    ];
    for (name, jwk) in hostile {
        let set = set(std::slice::from_ref(&jwk));
        assert!(set.is_empty(), "{name}: {jwk}");
        assert_eq!(set.left_out.len(), 1, "{name}");
    }
}

#[test]
fn a_bad_key_does_not_spoil_the_good_ones() {
    let good = Signer::es256("good");
    let set = set(&[rsa_of(1024), json!(7), good.jwk]);
    assert!(matches!(
        set.select(wanted(Some("good"), Algorithm::ES256)),
        Selection::Found(_)
    ));
    assert!(matches!(
        set.select(wanted(Some("k"), Algorithm::RS256)),
        Selection::Unknown
    ));
}

#[test]
fn documents_that_are_no_key_set_say_why() {
    let doubled = r#"{"keys":[{"kty":"EC","kty":"RSA"}]}"#;
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":null}"#,
        r#"{"keys":[]"#,
        "<html>",
        doubled,
    ] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
    }
    assert!(KeySet::parse(b"\x1f\x8b\x08").is_err(), "compressed");
    assert!(KeySet::parse(br#"{"keys":[]}"#).unwrap().is_empty());
}

#[test]
fn keys_that_share_a_kid_are_all_dropped() {
    let (one, other) = (Signer::es256("same"), Signer::ed25519("same"));
    let (third, fine) = (Signer::es256("same"), Signer::es256("fine"));
    let set = set(&[one.jwk, fine.jwk, other.jwk, third.jwk]);
    assert!(matches!(
        set.select(wanted(Some("same"), Algorithm::ES256)),
        Selection::Unknown
    ));
    assert!(matches!(
        set.select(wanted(Some("same"), Algorithm::EdDSA)),
        Selection::Unknown
    ));
    assert!(matches!(
        set.select(wanted(Some("fine"), Algorithm::ES256)),
        Selection::Found(_)
    ));
    assert_eq!(set.describe(), r#"1 usable; left out kid "same": several keys have it"#);
}

/// One key for encryption and one for signatures under one name leave no doubt.
#[test]
fn a_kid_shared_with_a_key_for_something_else_stays() {
    let key = Signer::es256("same");
    let encryption = with(&Signer::es256("same").jwk, json!({"use": "enc"}));
    let set = set(&[encryption, key.jwk]);
    assert!(matches!(
        set.select(wanted(Some("same"), Algorithm::ES256)),
        Selection::Found(_)
    ));
}

#[test]
fn selection_follows_kid_then_alg() {
    use Algorithm::{ES256, ES384, EdDSA, RS256};
    let nameless = with(&Signer::es384("x").jwk, json!({"kid": null}));
    let set = set(&[
        Signer::es256("a").jwk,
        Signer::es256("b").jwk,
        Signer::ed25519("c").jwk,
        nameless,
    ]);
    let name = |kid, algorithm| match set.select(wanted(kid, algorithm)) {
        Selection::Found(key) => format!("found {:?}", key.kid),
        Selection::Unknown => "unknown".to_owned(),
        Selection::Refused(_) => "refused".to_owned(),
    };
    assert_eq!(name(Some("a"), ES256), r#"found Some("a")"#);
    assert_eq!(name(Some("a"), EdDSA), "refused");
    assert_eq!(name(Some("A"), ES256), "unknown");
    assert_eq!(name(Some(""), ES384), "unknown");
    assert_eq!(name(None, EdDSA), r#"found Some("c")"#);
    assert_eq!(name(None, ES384), "found None");
    assert_eq!(name(None, ES256), "refused");
    assert_eq!(name(None, RS256), "unknown");
}

#[test]
fn the_log_is_told_briefly_what_was_left_out() {
    let many: Vec<Value> = (0..9).map(|_| rsa_of(1024)).collect();
    let why = "its RSA modulus has less than 2048 or more than 8192 bits";
    let named: Vec<String> = (0..5).map(|n| format!("left out key {n}: {why}")).collect();
    assert_eq!(
        set(&many).describe(),
        format!("0 usable; {}; and 4 more", named.join("; "))
    );
    let long = "k".repeat(100_000);
    let doubled = with(&Signer::es256("x").jwk, json!({ "kid": long }));
    assert!(set(&[doubled.clone(), doubled]).describe().len() < 200);
}

proptest! {
    #[test]
    fn no_document_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = KeySet::parse(&bytes);
    }

    #[test]
    fn no_member_makes_it_panic(
        kty in prop::sample::select(vec!["RSA", "EC", "OKP", "oct"]),
        crv in prop::sample::select(vec!["P-256", "P-384", "Ed25519", "x"]),
        n in "[A-Za-z0-9_-]{0,50}", e in "[A-Za-z0-9_-]{0,14}", x in "[A-Za-z0-9_-]{43}", y in ".{0,44}",
    ) {
        let jwk = json!({"kty": kty, "crv": crv, "n": n, "e": e, "x": x, "y": y});
        if let Ok(key) = Key::read(jwk.as_object().unwrap()) {
            // Too short for anything but the 32 bytes of an Ed25519 key, or a point of P-256 by chance.
            prop_assert!(key.signature_len == 64);
        }
    }
}
