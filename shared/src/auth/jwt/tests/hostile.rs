//! Tokens that must not get in, by table and by chance.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jsonwebtoken::Algorithm;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::auth::bearer::MAX_TOKEN;
use crate::auth::testing::Answer;
use crate::auth::testing::{Issuer, NOW, Signer, World, base64, claims, claims_with, keys_of, refusal};
use crate::error::GatewayError;

struct Keys {
    ed: Signer,
    es256: Signer,
    es384: Signer,
    rsa: Signer,
    stranger: Signer,
}

impl Keys {
    fn new() -> Self {
        Self {
            ed: Signer::ed25519("ed"),
            es256: Signer::es256("es256"),
            es384: Signer::es384("es384"),
            rsa: Signer::rsa("rsa", Algorithm::RS256),
            stranger: Signer::ed25519("ed"),
        }
    }

    fn published(&self) -> Answer {
        keys_of([&self.ed, &self.es256, &self.es384, &self.rsa])
    }
}

fn good() -> String {
    claims().to_string()
}

/// The first part changed after signing, the rest kept.
fn with_header(token: &str, header: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("{}.{rest}", base64(header))
}

/// Signed with a header member more.
fn with_member(signer: &Signer, member: &str, value: Value) -> String {
    let mut header = signer.header();
    header[member] = value;
    signer.sign(&header.to_string(), &good())
}

fn re_signed(token: &str, signature: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let (signed, text) = token.rsplit_once('.').unwrap();
    let bytes = crate::auth::jwt::token::decode(text).unwrap();
    format!("{signed}.{}", base64(signature(bytes)))
}

/// ECDSA as X.509 and TLS write it: an ASN.1 sequence of two integers.
fn as_asn1(fixed: Vec<u8>) -> Vec<u8> {
    let integer = |half: &[u8]| [&[2, half.len() as u8 + 1, 0][..], half].concat();
    let (r, s) = fixed.split_at(fixed.len() / 2);
    let body = [integer(r), integer(s)].concat();
    [&[0x30, body.len() as u8][..], &body].concat()
}

fn hmac_with(secret: &[u8], header: &str) -> String {
    let signed = format!("{}.{}", base64(header), base64(good()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{signed}.{}", base64(ring::hmac::sign(&key, signed.as_bytes())))
}

fn malformed(keys: &Keys) -> Vec<(&'static str, String)> {
    let token = keys.ed.token(&claims());
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("three parts")
    };
    let padded = |engine: &dyn Fn(&str) -> String| {
        keys.ed
            .sign_text(&format!("{}.{payload}", engine(&format!("{} ", keys.ed.header()))))
    };
    vec![
        ("no parts", "x".into()),
        ("one part", header.into()),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{token}.{signature}")),
        (
            "five parts, as encrypted",
            format!("{header}.{payload}.{signature}.AA.AA"),
        ),
        ("only dots", "..".into()),
        ("leading dot", format!(".{token}")),
        ("trailing dot", format!("{token}.")),
        ("empty header", format!(".{payload}.{signature}")),
        ("empty payload", format!("{header}..{signature}")),
        ("empty signature", format!("{header}.{payload}.")),
        ("padding on the signature", format!("{token}==")),
        (
            "padding in the header",
            padded(&|text| URL_SAFE.encode(format!("{text} "))),
        ),
        (
            "plain base64",
            keys.ed
                .sign_text(&format!("{header}.{}", STANDARD.encode(format!("{}???>>>", good())))),
        ),
        ("loose bits", loose_bits(&token)),
        (
            "payload is no JSON",
            keys.ed.sign(&keys.ed.header().to_string(), "nonsense"),
        ),
        ("payload is a list", keys.ed.sign(&keys.ed.header().to_string(), "[]")),
        (
            "payload is a string",
            keys.ed.sign(&keys.ed.header().to_string(), "\"a\""),
        ),
        ("payload is null", keys.ed.sign(&keys.ed.header().to_string(), "null")),
        (
            "payload with a tail",
            keys.ed.sign(&keys.ed.header().to_string(), &format!("{}x", good())),
        ),
        (
            "payload twice",
            keys.ed
                .sign(&keys.ed.header().to_string(), &format!("{}{}", good(), good())),
        ),
        (
            "payload is a token",
            keys.ed.sign(&keys.ed.header().to_string(), &token),
        ),
        ("header is a list", keys.ed.sign("[]", &good())),
        ("header is no JSON", keys.ed.sign("alg: EdDSA", &good())),
        (
            "too long",
            keys.ed.token(&claims_with("pad", Some(json!("x".repeat(MAX_TOKEN))))),
        ),
        (
            "deep",
            keys.ed.token(&claims_with(
                "deep",
                Some((0..200).fold(json!(1), |inner, _| json!([inner]))),
            )),
        ),
    ]
}

/// The same bytes spelled another way: the last character's unused bits set.
fn loose_bits(token: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *token.as_bytes().last().unwrap();
    let value = alphabet.iter().position(|byte| *byte == last).unwrap();
    format!("{}{}", &token[..token.len() - 1], char::from(alphabet[value | 1]))
}

fn wrong_headers(keys: &Keys) -> Vec<(&'static str, String)> {
    let ed = &keys.ed;
    let signed = |header: &str| ed.sign(header, &good());
    let mut all: Vec<(&'static str, String)> = vec![
        ("no alg", signed(r#"{"kid":"ed"}"#)),
        ("alg null", signed(r#"{"alg":null,"kid":"ed"}"#)),
        ("alg a list", signed(r#"{"alg":["EdDSA"],"kid":"ed"}"#)),
        ("alg twice", signed(r#"{"alg":"none","alg":"EdDSA","kid":"ed"}"#)),
        (
            "alg twice, escaped",
            signed(r#"{"\u0061lg":"none","alg":"EdDSA","kid":"ed"}"#),
        ),
        ("kid twice", signed(r#"{"alg":"EdDSA","kid":"x","kid":"ed"}"#)),
        (
            "nested member twice",
            signed(r#"{"alg":"EdDSA","kid":"ed","x":{"a":1,"a":2}}"#),
        ),
        ("kid a number", signed(r#"{"alg":"EdDSA","kid":1}"#)),
        ("kid null", signed(r#"{"alg":"EdDSA","kid":null}"#)),
        ("kid of another key", signed(r#"{"alg":"EdDSA","kid":"es256"}"#)),
        ("kid of another case", signed(r#"{"alg":"EdDSA","kid":"ED"}"#)),
        ("kid with a blank", signed(r#"{"alg":"EdDSA","kid":"ed "}"#)),
        ("kid a path", signed(r#"{"alg":"EdDSA","kid":"../../dev/null"}"#)),
        ("kid a query", signed(r#"{"alg":"EdDSA","kid":"' OR '1'='1"}"#)),
        ("kid empty", signed(r#"{"alg":"EdDSA","kid":""}"#)),
        ("alg in lower case", signed(r#"{"alg":"eddsa","kid":"ed"}"#)),
        ("alg with a blank", signed(r#"{"alg":"EdDSA ","kid":"ed"}"#)),
        ("alg of another curve", signed(r#"{"alg":"Ed448","kid":"ed"}"#)),
        ("alg of another type", signed(r#"{"alg":"ES256","kid":"ed"}"#)),
        ("alg unknown", signed(r#"{"alg":"ES512","kid":"ed"}"#)),
        ("alg an OID", signed(r#"{"alg":"1.3.101.112","kid":"ed"}"#)),
        ("crit empty", with_member(ed, "crit", json!([]))),
        ("crit null", with_member(ed, "crit", json!(null))),
        ("crit b64", with_member(ed, "crit", json!(["b64"]))),
        ("crit of nothing real", with_member(ed, "crit", json!(["exp"]))),
        (
            "RS384 named, RS256 used",
            keys.rsa.sign(r#"{"alg":"RS384","kid":"rsa"}"#, &good()),
        ),
        (
            "PS256 named, RS256 used",
            keys.rsa.sign(r#"{"alg":"PS256","kid":"rsa"}"#, &good()),
        ),
        (
            "ES384 for a P-256 key",
            keys.es256.sign(r#"{"alg":"ES384","kid":"es256"}"#, &good()),
        ),
        (
            "header changed after signing",
            with_header(&ed.token(&claims()), r#"{"alg":"EdDSA","kid":"ed","x":1}"#),
        ),
    ];
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "none ",
        " none",
        "no\\u006ee",
        "",
        "null",
    ] {
        let header = format!(r#"{{"alg":"{alg}","kid":"ed"}}"#);
        all.push(("alg none, unsigned", format!("{}.{}.", base64(&header), base64(good()))));
        all.push(("alg none, signed", signed(&header)));
        all.push((
            "alg none, dummy signature",
            format!("{}.{}.AA", base64(&header), base64(good())),
        ));
    }
    all
}

/// A shared secret made of what everybody knows: the public key, in every form somebody once mistook it for one.
fn confusions(keys: &Keys) -> Vec<(&'static str, String)> {
    let x = crate::auth::jwt::token::decode(keys.ed.jwk["x"].as_str().unwrap()).unwrap();
    let modulus = crate::auth::jwt::token::decode(keys.rsa.jwk["n"].as_str().unwrap()).unwrap();
    let jwk = keys.rsa.jwk.to_string();
    let mut all = Vec::new();
    for alg in ["HS256", "HS384", "HS512", "hs256", "Hs256", "HS256 ", "HMAC", "HS1"] {
        for (kid, secret) in [
            ("ed", x.as_slice()),
            ("rsa", &modulus),
            ("rsa", jwk.as_bytes()),
            ("ed", b""),
            ("x", b"secret"),
        ] {
            all.push((
                "shared secret",
                hmac_with(secret, &format!(r#"{{"alg":"{alg}","kid":"{kid}"}}"#)),
            ));
        }
    }
    // The key in the token: signed by a stranger, who brings the key along.
    let stranger = &keys.stranger;
    let text = stranger.jwk.to_string();
    for (member, value) in [
        ("jwk", stranger.jwk.clone()),
        ("jwks", json!({"keys": [stranger.jwk]})),
        ("jku", json!("https://evil.test/keys")),
        ("jku", json!("https://issuer.test/keys?v=1#")),
        ("x5u", json!("https://evil.test/chain")),
        ("x5c", json!([STANDARD.encode(text)])),
        ("x5t", json!("AA")),
        ("x5t#S256", json!("AA")),
        ("key", stranger.jwk.clone()),
    ] {
        all.push(("key in the token", with_member(stranger, member, value.clone())));
        let nameless = json!({"alg": "EdDSA", member: value});
        all.push((
            "key in the token, no kid",
            stranger.sign(&nameless.to_string(), &good()),
        ));
    }
    all
}

fn wrong_signatures(keys: &Keys) -> Vec<(&'static str, String)> {
    let (ed, es256, es384) = (
        keys.ed.token(&claims()),
        keys.es256.token(&claims()),
        keys.es384.token(&claims()),
    );
    let rsa = keys.rsa.token(&claims());
    let mut all = vec![
        ("a stranger with the same kid", keys.stranger.token(&claims())),
        ("ECDSA in ASN.1", re_signed(&es256, as_asn1)),
        ("ECDSA 384 in ASN.1", re_signed(&es384, as_asn1)),
        (
            "ECDSA signature of the other curve's length",
            re_signed(&es256, |s| [s, vec![0; 32]].concat()),
        ),
        (
            "ECDSA r and s swapped",
            re_signed(&es256, |s| [&s[32..], &s[..32]].concat()),
        ),
        ("EdDSA s plus the group order", re_signed(&ed, plus_order)),
        ("signature of another token", {
            let other = keys.ed.token(&claims_with("sub", Some(json!("user-2"))));
            format!(
                "{}.{}",
                ed.rsplit_once('.').unwrap().0,
                other.rsplit_once('.').unwrap().1
            )
        }),
        ("claims changed after signing", {
            let parts: Vec<&str> = ed.split('.').collect();
            let admin = claims_with("role", Some(json!("root"))).to_string();
            format!("{}.{}.{}", parts[0], base64(admin), parts[2])
        }),
    ];
    for token in [&ed, &es256, &es384, &rsa] {
        all.push(("signature of zeros", re_signed(token, |s| vec![0; s.len()])));
        all.push(("signature of ones", re_signed(token, |s| vec![0xff; s.len()])));
        all.push(("signature cut by one", re_signed(token, |s| s[..s.len() - 1].to_vec())));
        all.push(("signature cut to one", re_signed(token, |s| s[..1].to_vec())));
        all.push(("signature longer by one", re_signed(token, |s| [s, vec![0]].concat())));
        all.push((
            "zero in front of the signature",
            re_signed(token, |s| [vec![0], s].concat()),
        ));
        all.push((
            "one bit changed",
            re_signed(token, |mut s| {
                s[7] ^= 1;
                s
            }),
        ));
    }
    all
}

/// RFC 8032 section 5.1.7: S must be below the order of the group, or each signature has a second spelling.
fn plus_order(mut signature: Vec<u8>) -> Vec<u8> {
    let order = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0_u16;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + add + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    signature
}

fn wrong_claims(keys: &Keys) -> Vec<(&'static str, String)> {
    let with = |name: &str, value: Option<Value>| keys.ed.token(&claims_with(name, value));
    let raw = |payload: String| keys.ed.sign(&keys.ed.header().to_string(), &payload);
    let tail = good().split_off(1);
    vec![
        ("no iss", with("iss", None)),
        ("other iss", with("iss", Some(json!("https://evil.test")))),
        ("iss in a list", with("iss", Some(json!(["https://issuer.test"])))),
        ("iss with a slash", with("iss", Some(json!("https://issuer.test/")))),
        ("no aud", with("aud", None)),
        ("other aud", with("aud", Some(json!("web")))),
        ("empty aud", with("aud", Some(json!([])))),
        ("aud of mixed types", with("aud", Some(json!(["api", null])))),
        ("no exp", with("exp", None)),
        ("exp null", with("exp", Some(json!(null)))),
        ("exp a string", with("exp", Some(json!((NOW + 300).to_string())))),
        ("expired", with("exp", Some(json!(NOW - 60)))),
        ("expired long ago", with("exp", Some(json!(0)))),
        ("exp below zero", with("exp", Some(json!(-1)))),
        ("exp beyond numbers", raw(format!(r#"{{"exp":1e999,{}"#, tail))),
        ("not yet", with("nbf", Some(json!(NOW + 61)))),
        ("nbf a string", with("nbf", Some(json!("0")))),
        ("nbf null", with("nbf", Some(json!(null)))),
        ("sub twice", raw(format!(r#"{{"sub":"root",{tail}"#))),
        ("exp twice", raw(format!(r#"{{"exp":9999999999,{tail}"#))),
        (
            "iss twice, escaped",
            raw(format!(r#"{{"\u0069ss":"https://issuer.test",{tail}"#)),
        ),
        ("nested member twice", raw(format!(r#"{{"x":[{{"a":1,"a":2}}],{tail}"#))),
        ("no claims", raw("{}".into())),
    ]
}

#[tokio::test(start_paused = true)]
async fn no_hostile_token_gets_in() {
    let keys = Keys::new();
    let world = World::lenient(Issuer::new(keys.published()));
    for signer in [&keys.ed, &keys.es256, &keys.es384, &keys.rsa] {
        assert!(
            world.present(&signer.token(&claims())).await.is_ok(),
            "{:?}: the table must start from good",
            signer.kid
        );
    }
    let hostile = [
        malformed(&keys),
        wrong_headers(&keys),
        confusions(&keys),
        wrong_signatures(&keys),
        wrong_claims(&keys),
    ]
    .concat();
    assert!(hostile.len() >= 120, "{}", hostile.len());
    for (name, token) in hostile {
        let outcome = match world.present(&token).await {
            // The issuer was asked lately for another key that it does not have. Where it can be asked, it decides.
            Err(GatewayError::AuthUnavailable { .. }) => {
                let fresh = World::lenient(Issuer::new(keys.published()));
                fresh.present(&token).await
            }
            outcome => outcome,
        };
        assert!(outcome.is_err(), "{name}: {token}");
        let why = refusal(outcome);
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!why.contains(part), "{name}: the log has a part of the token: {why}");
        }
        assert!(why.len() < 200 && why.is_ascii(), "{name}: {why}");
    }
    assert!(
        world.issuer.calls() <= 2,
        "one fetch, and one for all the kids nobody knows"
    );
}

/// Really signed, by a key that is too weak to prove it.
#[tokio::test(start_paused = true)]
async fn a_weak_key_proves_nothing() {
    let weak: Value = serde_json::from_str(include_str!("../../testdata/rsa-1024-weak.json")).unwrap();
    let strong = Signer::ed25519("strong");
    let world = World::lenient(Issuer::new(Answer::Keys(vec![weak["jwk"].clone(), strong.jwk])));
    let why = refusal(world.present(weak["token"].as_str().unwrap()).await);
    insta::assert_snapshot!(why, @r#"no key for the token (1 usable; left out key 0: its RSA modulus has less than 2048 or more than 8192 bits)"#);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_none_for_signatures_verifies_none() {
    for change in [
        json!({"use": "enc"}),
        json!({"key_ops": ["encrypt"]}),
        json!({"alg": "ES384"}),
        json!({"y": base64([7; 32])}),
        json!({"x": base64([0; 32]), "y": base64([0; 32])}),
    ] {
        let (good, mut signer) = (Signer::ed25519("good"), Signer::es256("a"));
        let members = signer.jwk.as_object_mut().unwrap();
        members.extend(change.as_object().unwrap().clone());
        let world = World::lenient(Issuer::with_keys([&good, &signer]));
        refusal(world.present(&signer.token(&claims())).await);
        assert!(world.present(&good.token(&claims())).await.is_ok());
    }
}

struct Shared {
    world: World,
    token: String,
    runtime: tokio::runtime::Runtime,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let keys = Keys::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let world = World::lenient(Issuer::new(keys.published()));
    Shared {
        world,
        token: keys.es256.token(&claims()),
        runtime,
    }
});

fn gets_in(token: &str) -> bool {
    let Ok(value) = http::HeaderValue::from_str(&format!("Bearer {token}")) else {
        return false;
    };
    let mut request = crate::auth::testing::request(&[]);
    request.headers.insert(http::header::AUTHORIZATION, value);
    let shared = &*SHARED;
    shared.runtime.block_on(shared.world.send(&request)).is_ok()
}

#[test]
fn the_token_that_is_mutated_is_a_good_one() {
    assert!(gets_in(&SHARED.token));
}

proptest! {
    #[test]
    fn no_random_text_gets_in(text in ".{0,300}", dotted in "[A-Za-z0-9_-]{1,40}\\.[A-Za-z0-9_-]{1,80}\\.[A-Za-z0-9_-]{86}") {
        prop_assert!(!gets_in(&text));
        prop_assert!(!gets_in(&dotted));
    }

    #[test]
    fn no_mutation_of_a_good_token_gets_in(
        place in any::<prop::sample::Index>(), other in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.= ,".to_vec()),
        kind in 0..5,
    ) {
        let good = SHARED.token.as_bytes();
        let (place, other) = (place.index(good.len()), other.index(good.len()));
        let mut mutated = good.to_vec();
        match kind {
            0 => mutated[place] = byte,
            1 => mutated.insert(place, byte),
            2 => drop(mutated.remove(place)),
            3 => mutated.swap(place, other),
            _ => mutated.truncate(place),
        }
        if mutated != good && !(mutated.starts_with(b" ") && mutated.trim_ascii_start() == good) {
            prop_assert!(!gets_in(std::str::from_utf8(&mutated).unwrap()), "{:?}", mutated);
        }
    }
}
