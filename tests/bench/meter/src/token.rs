//! An issuer of tokens: a key for each algorithm, its key set, and tokens that the gateway takes.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair as RsaKeyPair, PublicKeyComponents};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, Signature,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::epoch_ms;

/// What `auth.issuer` says.
pub(crate) const ISSUER: &str = "https://issuer.example.com";

/// What `auth.audiences` says.
pub(crate) const AUDIENCE: &str = "api.example.com";

/// The key that the unit tests use, 2048 bits.
const RSA_KEY: &str = include_str!("../../../../shared/src/auth/testdata/rsa-2048.test-only.pem");

/// A signature algorithm, by its name in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Algorithm {
    RS256,
    ES256,
    EdDSA,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 3] = [Self::RS256, Self::ES256, Self::EdDSA];
}

pub(crate) struct Issuer {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Issuer {
    /// With that RSA key, and new ones of the other kinds.
    pub(crate) fn new() -> Result<Self, String> {
        let random = SystemRandom::new();
        let unmade = |error: &dyn std::fmt::Display| format!("a key cannot be made: {error}");
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(|e| unmade(&e))?;
        let p256 = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random);
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).map_err(|e| unmade(&e))?;
        Ok(Self {
            rsa: rsa_key()?,
            p256: p256.map_err(|e| unmade(&e))?,
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).map_err(|e| unmade(&e))?,
        })
    }

    /// The key set as `jwks_uri` serves it.
    pub(crate) fn key_set(&self) -> String {
        json!({ "keys": Algorithm::ALL.map(|algorithm| self.jwk(algorithm)) }).to_string()
    }

    /// The public key (RFC 7517).
    pub(crate) fn jwk(&self, algorithm: Algorithm) -> Value {
        let mut jwk = match algorithm {
            Algorithm::RS256 => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
                json!({"kty": "RSA", "n": encode(n), "e": encode(e)})
            }
            Algorithm::ES256 => {
                // An uncompressed point: 0x04, x, y (SEC 1 section 2.3.3).
                let (x, y) = self.p256.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
            }
            Algorithm::EdDSA => json!({"kty": "OKP", "crv": "Ed25519", "x": encode(self.ed25519.public_key())}),
        };
        jwk["use"] = "sig".into();
        jwk["alg"] = json!(algorithm);
        jwk["kid"] = key_id(algorithm).into();
        jwk
    }

    /// A token of the one user, good for an hour, of some 700 bytes (950 with RSA's long signature); another `id`,
    /// another token.
    pub(crate) fn token(&self, algorithm: Algorithm, id: u64) -> Result<String, String> {
        let now = epoch_ms() / 1000;
        let header = json!({"alg": algorithm, "typ": "JWT", "kid": key_id(algorithm)});
        let claims = json!({"iss": ISSUER, "sub": "usr_31d4d96e407aad42", "aud": AUDIENCE, "exp": now + 3600,
                            "iat": now, "auth_time": now - 600, "jti": format!("{id:020}"), "role": "editor",
                            "azp": "web-7c1e5f84c0d12a6b", "sid": "c8a8b9f2-5e0d-4f6e-9d2b-3a1f0e7b6c55",
                            "email": "ada@example.com", "email_verified": true,
                            "scope": "openid profile email users:read users:write orders:read"});
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.sign(algorithm, signed.as_bytes())?;
        Ok(format!("{signed}.{}", encode(signature)))
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, String> {
        let random = SystemRandom::new();
        let bytes = |signature: Signature| signature.as_ref().to_vec();
        let signature = match algorithm {
            Algorithm::RS256 => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                let signed = self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.map(|()| signature)
            }
            Algorithm::ES256 => self.p256.sign(&random, message).map(bytes),
            Algorithm::EdDSA => Ok(bytes(self.ed25519.sign(message))),
        };
        signature.map_err(|error| format!("a token cannot be signed: {error}"))
    }
}

fn key_id(algorithm: Algorithm) -> String {
    format!("bench-2026-{algorithm:?}")
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa_key() -> Result<RsaKeyPair, String> {
    // What stands between the lines with dashes; one of explanation stands before them.
    let lines = RSA_KEY.lines().skip_while(|line| !line.starts_with("-----")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with("-----"));
    let der = STANDARD.decode(lines.collect::<String>());
    let der = der.map_err(|error| format!("the test key is no PEM: {error}"))?;
    RsaKeyPair::from_der(&der).map_err(|error| format!("the test key is no RSA key: {error}"))
}
