//! Signed tokens, good and bad, and the keys behind them. Signs by `ring` directly, so that no JWT library
//! judges its own work.

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use serde_json::{Value, json};
use tollgate::clock::{Clock, SystemClock};

/// A test-only key: no RSA key can be made by `ring`, and making one takes long.
const RSA_PEM: &str = include_str!("../testdata/rsa-test-only.pem");

/// A signing key with its id.
#[derive(Debug)]
pub struct Key {
    id: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rs256(Box<RsaKeyPair>),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl Key {
    /// A fresh P-256 key.
    pub fn es256(id: &str) -> Self {
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key");
        Self::new(id, Pair::Es256(pair))
    }

    /// A fresh Ed25519 key.
    pub fn eddsa(id: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
        Self::new(id, Pair::EdDsa(pair))
    }

    /// The one RSA key of 2048 bits.
    pub fn rs256(id: &str) -> Self {
        let lines = RSA_PEM.lines().filter(|line| !line.starts_with('-'));
        let der = BASE64_STANDARD.decode(lines.collect::<String>()).expect("a PEM file");
        let pair = RsaKeyPair::from_pkcs8(&der).expect("an RSA key");
        Self::new(id, Pair::Rs256(Box::new(pair)))
    }

    fn new(id: &str, pair: Pair) -> Self {
        Self {
            id: id.to_owned(),
            pair,
        }
    }

    /// Its `alg` (RFC 7518 section 3.1, RFC 8037).
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rs256(_) => "RS256",
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
        }
    }

    /// Its public half as a JWK (RFC 7517).
    pub fn jwk(&self) -> Value {
        let b64 = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Rs256(pair) => {
                let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({ "kty": "RSA", "n": b64(&public.n), "e": b64(&public.e) })
            }
            Pair::Es256(pair) => {
                // Uncompressed point: 0x04, x, y.
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
            }
            Pair::EdDsa(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref()) }),
        };
        jwk["kid"] = json!(self.id);
        jwk["alg"] = json!(self.algorithm());
        jwk["use"] = json!("sig");
        jwk
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a signature");
                signature
            }
            Pair::Es256(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
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
    use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

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
        for key in [Key::rs256("r"), Key::es256("e"), Key::eddsa("d")] {
            let token = Token::with(json!({ "sub": "u" })).sign(&key);
            let (header, claims, signature, message) = parts(&token);
            assert_eq!(header, json!({ "typ": "JWT", "alg": key.algorithm(), "kid": key.id }));
            assert_eq!(claims, json!({ "sub": "u" }));
            let (algorithm, public): (&dyn signature::VerificationAlgorithm, _) = match &key.pair {
                Pair::Rs256(pair) => (&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref()),
                Pair::Es256(pair) => (&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()),
                Pair::EdDsa(pair) => (&ED25519, pair.public_key().as_ref()),
            };
            let verified = UnparsedPublicKey::new(algorithm, public).verify(message.as_bytes(), &signature);
            assert!(verified.is_ok(), "{}", key.algorithm());
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
        assert_eq!(Key::es256("e").jwk()["x"].as_str().unwrap().len(), 43);
        assert_eq!(Key::eddsa("d").jwk()["crv"], "Ed25519");
    }
}
