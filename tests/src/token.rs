//! Signed tokens, good and bad, and the keys behind them. Signs by `ring` directly, so that no JWT library
//! judges its own work.

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use serde_json::{Value, json};
use tollgate::clock::{Clock, SystemClock};

/// A test-only key: no RSA key can be made by `ring`, and making one takes long.
const RSA_PEM: &str = include_str!("../testdata/rsa-test-only.pem");

/// A second one, which no issuer publishes.
const OTHER_RSA_PEM: &str = include_str!("../testdata/rsa-other-test-only.pem");

/// Every algorithm that a gateway takes unless its config says less (RFC 7518 section 3.1, RFC 8037).
pub const ALGORITHMS: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

/// A signing key with its id and the one algorithm it signs with.
#[derive(Debug)]
pub struct Key {
    id: String,
    algorithm: &'static str,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    /// For this algorithm: fresh, but for RSA, of which there is one key of 2048 bits.
    ///
    /// # Panics
    /// When it is none of [`ALGORITHMS`].
    pub fn of(algorithm: &'static str, id: &str) -> Self {
        let pair = match algorithm {
            "ES256" => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            "ES384" => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            "EdDSA" => {
                let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key"))
            }
            _ => rsa(RSA_PEM),
        };
        Self {
            id: id.to_owned(),
            algorithm,
            pair,
        }
    }

    /// A key of somebody else for the same algorithm and under the same id.
    pub fn impostor(&self) -> Self {
        let stranger = Self::of(self.algorithm, &self.id);
        match self.pair {
            Pair::Rsa(_) => Self {
                pair: rsa(OTHER_RSA_PEM),
                ..stranger
            },
            Pair::Ecdsa(_) | Pair::Ed25519(_) => stranger,
        }
    }

    /// A fresh P-256 key.
    pub fn es256(id: &str) -> Self {
        Self::of("ES256", id)
    }

    /// A fresh Ed25519 key.
    pub fn eddsa(id: &str) -> Self {
        Self::of("EdDSA", id)
    }

    /// The one RSA key of 2048 bits.
    pub fn rs256(id: &str) -> Self {
        Self::of("RS256", id)
    }

    /// Its `alg`.
    pub fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// Its public half as a JWK (RFC 7517).
    pub fn jwk(&self) -> Value {
        let b64 = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": b64(&public.n), "e": b64(&public.e) })
            }
            Pair::Ecdsa(pair) => {
                // Uncompressed point: 0x04, x, y.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                let curve = if self.algorithm == "ES384" { "P-384" } else { "P-256" };
                json!({ "kty": "EC", "crv": curve, "x": b64(x), "y": b64(y) })
            }
            Pair::Ed25519(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref()) }),
        };
        jwk["kid"] = json!(self.id);
        jwk["alg"] = json!(self.algorithm());
        jwk["use"] = json!("sig");
        jwk
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding(self.algorithm), &random, message, &mut signature)
                    .expect("a signature");
                signature
            }
            Pair::Ecdsa(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

fn rsa(pem: &str) -> Pair {
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    let der = BASE64_STANDARD.decode(lines.collect::<String>()).expect("a PEM file");
    Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&der).expect("an RSA key")))
}

fn ecdsa(algorithm: &'static signature::EcdsaSigningAlgorithm) -> Pair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
    Pair::Ecdsa(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key"))
}

fn padding(algorithm: &str) -> &'static dyn signature::RsaEncoding {
    match algorithm {
        "RS256" => &signature::RSA_PKCS1_SHA256,
        "RS384" => &signature::RSA_PKCS1_SHA384,
        "RS512" => &signature::RSA_PKCS1_SHA512,
        "PS256" => &signature::RSA_PSS_SHA256,
        "PS384" => &signature::RSA_PSS_SHA384,
        "PS512" => &signature::RSA_PSS_SHA512,
        other => panic!("{other} is no algorithm"),
    }
}

/// A token in the making.
#[derive(Clone, Debug)]
pub struct Token {
    header: Value,
    claims: Value,
}

impl Token {
    /// With these claims and `typ: JWT`; `alg` and `kid` come from the key that signs.
    pub fn with(claims: Value) -> Self {
        Self {
            header: json!({ "typ": "JWT" }),
            claims,
        }
    }

    /// One more claim; null takes it away.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.claims, name, value.into());
        self
    }

    /// A claim that is null, not absent.
    #[must_use]
    pub fn null_claim(mut self, name: &str) -> Self {
        self.claims[name] = Value::Null;
        self
    }

    /// A member of the JOSE header instead of the key's; `Value::Null` leaves it out.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// The compact form (RFC 7515 section 7.1), signed by this key whatever the header says.
    pub fn sign(&self, key: &Key) -> String {
        let mut header = self.header.clone();
        for (name, value) in [("alg", json!(key.algorithm())), ("kid", json!(key.id))] {
            let given = header.get(name).cloned();
            set(&mut header, name, given.unwrap_or(value));
        }
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(&self.claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    let object = object.as_object_mut().expect("an object");
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
}

/// Seconds since the epoch, moved by `offset` seconds: for `exp`, `nbf`, `iat`.
pub fn seconds_from_now(offset: i64) -> u64 {
    SystemClock.now().secs().saturating_add_signed(offset)
}

#[cfg(test)]
mod tests {
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
        RSA_PSS_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
    };

    use super::*;

    fn parts(token: &str) -> (Value, Value, Vec<u8>, String) {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        let json = |text: &str| serde_json::from_slice(&decode(text)).unwrap();
        (json(header), json(claims), decode(signature), message.to_owned())
    }

    #[test]
    fn signatures_hold_against_the_public_half() {
        let verifications: [&dyn VerificationAlgorithm; 9] = [
            &RSA_PKCS1_2048_8192_SHA256,
            &RSA_PKCS1_2048_8192_SHA384,
            &RSA_PKCS1_2048_8192_SHA512,
            &RSA_PSS_2048_8192_SHA256,
            &RSA_PSS_2048_8192_SHA384,
            &RSA_PSS_2048_8192_SHA512,
            &ECDSA_P256_SHA256_FIXED,
            &ECDSA_P384_SHA384_FIXED,
            &ED25519,
        ];
        for (algorithm, verification) in ALGORITHMS.into_iter().zip(verifications) {
            let key = Key::of(algorithm, "k");
            let token = Token::with(json!({ "sub": "u" })).sign(&key);
            let (header, claims, signature, message) = parts(&token);
            assert_eq!(header, json!({ "typ": "JWT", "alg": key.algorithm(), "kid": key.id }));
            assert_eq!(claims, json!({ "sub": "u" }));
            let public = |key: &Key| match &key.pair {
                Pair::Rsa(pair) => pair.public().as_ref().to_vec(),
                Pair::Ecdsa(pair) => pair.public_key().as_ref().to_vec(),
                Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            };
            let verify = |public| UnparsedPublicKey::new(verification, public).verify(message.as_bytes(), &signature);
            assert!(verify(public(&key)).is_ok(), "{algorithm}");
            assert!(verify(public(&key.impostor())).is_err(), "{algorithm}");
        }
    }

    #[test]
    fn headers_and_claims_can_be_taken_away() {
        let token = Token::with(json!({ "sub": "u", "exp": 1 }))
            .claim("exp", Value::Null)
            .null_claim("role");
        let (header, claims, ..) = parts(&token.header("kid", Value::Null).sign(&Key::eddsa("d")));
        assert_eq!(header, json!({ "typ": "JWT", "alg": "EdDSA" }));
        assert_eq!(claims, json!({ "sub": "u", "role": null }));
    }

    #[test]
    fn public_halves_are_jwks() {
        assert_eq!(Key::rs256("r").jwk()["e"], "AQAB");
        for (algorithm, length) in [("ES256", 43), ("ES384", 64)] {
            let jwk = Key::of(algorithm, "e").jwk();
            for coordinate in ["x", "y"] {
                assert_eq!(jwk[coordinate].as_str().unwrap().len(), length, "{algorithm}");
            }
        }
        assert_eq!(Key::eddsa("d").jwk()["crv"], "Ed25519");
    }
}
