//! Each signature algorithm by itself: it takes what its key signed with it, and nothing that was signed in another
//! way, by another key, or not at all.

use jsonwebtoken::Algorithm::{self, ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
use serde_json::{Value, json};

use crate::auth::AuthRules;
use crate::auth::JwtRules;
use crate::auth::jwt::token;
use crate::auth::testing::Answer;
use crate::auth::testing::{Issuer, Signer, World, base64, claims, jwt, refusal, rules};

const ALL: [Algorithm; 9] = [RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA];

macro_rules! each_by_itself {
    ($($module:ident: $algorithm:expr, $bytes:expr;)*) => { $(
        mod $module {
            use super::*;

            #[tokio::test(start_paused = true)]
            async fn takes_what_its_key_signed() {
                super::takes_what_its_key_signed($algorithm, $bytes).await;
            }

            #[tokio::test(start_paused = true)]
            async fn takes_no_other_key() {
                super::takes_no_other_key($algorithm).await;
            }

            #[tokio::test(start_paused = true)]
            async fn takes_no_other_algorithm_in_its_name() {
                super::takes_no_other_algorithm_in_its_name($algorithm).await;
            }

            #[tokio::test(start_paused = true)]
            async fn takes_no_signature_of_another_length() {
                super::takes_no_signature_of_another_length($algorithm).await;
            }

            #[tokio::test(start_paused = true)]
            async fn is_not_to_be_had_where_it_is_not_allowed() {
                super::is_not_to_be_had_where_it_is_not_allowed($algorithm).await;
            }
        }
    )* };
}

// With the length of its signatures in bytes: RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1.
each_by_itself! {
    rs256: RS256, 256;
    rs384: RS384, 256;
    rs512: RS512, 256;
    ps256: PS256, 256;
    ps384: PS384, 256;
    ps512: PS512, 256;
    es256: ES256, 64;
    es384: ES384, 96;
    eddsa: EdDSA, 64;
}

fn name(algorithm: Algorithm) -> String {
    format!("{algorithm:?}")
}

/// In which the issuer publishes this key and no refusal is counted.
fn world(jwk: &Value) -> World {
    World::lenient(Issuer::new(Answer::Keys(vec![jwk.clone()])))
}

/// The key as it may be published: members changed or, by null, left out.
fn published(signer: &Signer, changes: &Value) -> Value {
    let mut jwk = signer.jwk.clone();
    let members = jwk.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    jwk
}

/// A token of this key whose header says something else than how it is signed.
fn declared(signer: &Signer, algorithm: &str) -> String {
    signer.sign(
        &json!({ "alg": algorithm, "kid": signer.kid }).to_string(),
        &claims().to_string(),
    )
}

fn with_signature(token: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    format!("{signed}.{}", base64(change(token::decode(signature).unwrap())))
}

async fn takes_what_its_key_signed(algorithm: Algorithm, bytes: usize) {
    let signer = Signer::of("k", algorithm);
    let token = signer.token(&claims());
    let signature = token::decode(token.rsplit('.').next().unwrap()).unwrap();
    assert_eq!(signature.len(), bytes);
    for changes in [
        json!({ "alg": null, "use": null }),
        json!({ "alg": name(algorithm), "use": null }),
        json!({ "alg": null, "use": "sig" }),
        json!({ "alg": name(algorithm), "use": "sig", "key_ops": ["verify"] }),
        // Certificates are not looked at: the set itself is what is trusted, by its address.
        json!({ "x5c": ["MIIB"], "x5t": "AA", "x5t#S256": "AA", "x5u": "https://evil.test/chain" }),
    ] {
        let identity = world(&published(&signer, &changes)).present(&token).await;
        let identity = identity.unwrap().expect("somebody");
        assert_eq!(
            Value::Object((*identity.proofs().next().unwrap().claims).clone()),
            claims(),
            "{changes}"
        );
    }
    // Neither the key nor the token has a name: there is no choice.
    let nameless = published(&signer, &json!({ "kid": null }));
    let token = signer.sign(&json!({ "alg": name(algorithm) }).to_string(), &claims().to_string());
    assert!(world(&nameless).present(&token).await.is_ok());
    let other_name = world(&published(&signer, &json!({ "kid": "other" })));
    refusal(other_name.present(&signer.token(&claims())).await);
}

async fn takes_no_other_key(algorithm: Algorithm) {
    let signer = Signer::of("k", algorithm);
    let world = world(&signer.jwk);
    let stranger = signer.impostor();
    assert_ne!(stranger.jwk, signer.jwk);
    refusal(world.present(&stranger.token(&claims())).await);
    assert!(world.present(&signer.token(&claims())).await.is_ok());
}

async fn takes_no_other_algorithm_in_its_name(algorithm: Algorithm) {
    let signer = Signer::of("k", algorithm);
    let bare = published(&signer, &json!({ "alg": null, "use": null }));
    let named = published(&signer, &json!({ "alg": name(algorithm) }));
    for (jwk, kind) in [(&bare, "whatever its type can do"), (&named, "its alg only")] {
        let world = world(jwk);
        for other in ALL.into_iter().filter(|other| *other != algorithm) {
            // Signed by this key as it is for, and declared as another.
            refusal(world.present(&declared(&signer, &name(other))).await);
            // Signed as another by whatever key that needs, and declared as this.
            let foreign = Signer::of("k", other);
            refusal(world.present(&declared(&foreign, &name(algorithm))).await);
            if jwk == &named {
                // Honest, by the same RSA key in another way than it is published for, or by a key that is not there.
                let outcome = world.present(&foreign.token(&claims())).await;
                assert!(outcome.is_err(), "{other:?} by a key for {kind}");
            }
        }
        for secret in secrets(&signer) {
            for symmetric in ["HS256", "HS384", "HS512"] {
                refusal(world.present(&hmac(symmetric, &secret)).await);
            }
            refusal(world.present(&hmac(&name(algorithm), &secret)).await);
        }
        for none in ["none", "None", "", "NONE"] {
            let unsigned = declared(&signer, none);
            refusal(world.present(&unsigned).await);
            refusal(world.present(&with_signature(&unsigned, |_| Vec::new())).await);
        }
    }
}

/// What an attacker knows of a key, in the forms that a careless library might take for a shared secret.
fn secrets(signer: &Signer) -> Vec<Vec<u8>> {
    let mut secrets = vec![Vec::new(), signer.jwk.to_string().into_bytes()];
    for member in ["n", "x", "y"] {
        if let Some(text) = signer.jwk[member].as_str() {
            secrets.push(text.as_bytes().to_vec());
            secrets.push(token::decode(text).unwrap());
        }
    }
    secrets
}

/// A token "signed" by a shared secret, whatever its header says.
fn hmac(algorithm: &str, secret: &[u8]) -> String {
    use ring::hmac::{HMAC_SHA256, HMAC_SHA384, HMAC_SHA512, Key, sign};
    let scheme = match algorithm {
        "HS512" => HMAC_SHA512,
        "HS384" => HMAC_SHA384,
        _ => HMAC_SHA256,
    };
    let header = json!({ "alg": algorithm, "kid": "k" }).to_string();
    let signed = format!("{}.{}", base64(header), base64(claims().to_string()));
    format!(
        "{signed}.{}",
        base64(sign(&Key::new(scheme, secret), signed.as_bytes()))
    )
}

async fn takes_no_signature_of_another_length(algorithm: Algorithm) {
    let signer = Signer::of("k", algorithm);
    let world = world(&signer.jwk);
    let token = signer.token(&claims());
    type Change = fn(Vec<u8>) -> Vec<u8>;
    let changes: [(&str, Change); 8] = [
        ("none", |_| Vec::new()),
        ("one byte", |s| s[..1].to_vec()),
        ("half", |s| s[..s.len() / 2].to_vec()),
        ("cut by one", |s| s[..s.len() - 1].to_vec()),
        ("without its first byte", |s| s[1..].to_vec()),
        ("longer by one", |s| [s, vec![0]].concat()),
        ("zero in front", |s| [vec![0], s].concat()),
        ("twice", |s| [s.clone(), s].concat()),
    ];
    for (what, change) in changes {
        let outcome = world.present(&with_signature(&token, change)).await;
        assert!(outcome.is_err(), "{what}");
        refusal(outcome);
    }
    // And of the right length: nothing, all, one bit off at either end.
    let same: [Change; 4] = [
        |s| vec![0; s.len()],
        |s| vec![0xff; s.len()],
        |mut s| {
            s[0] ^= 1;
            s
        },
        |mut s| {
            *s.last_mut().unwrap() ^= 1;
            s
        },
    ];
    for change in same {
        refusal(world.present(&with_signature(&token, change)).await);
    }
    assert!(world.present(&token).await.is_ok());
}

async fn is_not_to_be_had_where_it_is_not_allowed(algorithm: Algorithm) {
    let signer = Signer::of("k", algorithm);
    let only = |algorithms: Vec<Algorithm>| {
        let rules = rules(JwtRules { algorithms, ..jwt() });
        let rules = AuthRules {
            failures_per_minute: 0,
            ..rules
        };
        World::with(Issuer::with_keys([&signer]), rules)
    };
    let others = ALL.into_iter().filter(|other| *other != algorithm).collect();
    let token = signer.token(&claims());
    let refused = refusal(only(others).present(&token).await);
    assert_eq!(refused, format!("{algorithm:?} is not in the list of algorithms"));
    assert!(only(vec![algorithm]).present(&token).await.is_ok());
}

/// ECDSA signatures have a mirror image, (r, n - s), which verifies as well: RFC 7518 does not forbid it. So a token
/// has more than one spelling that holds, each of which says the same. What must know a token again (a cache, a list
/// of revoked ones) can go by what it says, not by its signature.
#[tokio::test(start_paused = true)]
async fn an_ecdsa_signature_and_its_mirror_image_say_the_same() {
    // The order of P-256 (SEC 2 section 2.4.2).
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let signer = Signer::es256("k");
    let world = world(&signer.jwk);
    let token = signer.token(&claims());
    let mirrored = with_signature(&token, |mut signature| {
        let mut borrow = 0_i16;
        for (byte, order) in signature[32..].iter_mut().zip(ORDER).rev() {
            let difference = i16::from(order) - i16::from(*byte) - borrow;
            borrow = i16::from(difference < 0);
            *byte = difference.rem_euclid(256) as u8;
        }
        signature
    });
    assert_ne!(mirrored, token);
    let said = world.present(&mirrored).await.unwrap().expect("somebody");
    assert_eq!(Value::Object((*said.proofs().next().unwrap().claims).clone()), claims());
}
