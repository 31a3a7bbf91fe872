//! Keys, and the tokens that they sign.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair,
};
use serde_json::{Value, json};

use crate::auth::crypto;

pub(in crate::auth) const RSA_2048: &[u8] = include_bytes!("../testdata/rsa-2048.test-only.pem");
/// One that no issuer publishes.
const RSA_2048_OTHER: &[u8] = include_bytes!("../testdata/rsa-2048-other.test-only.pem");

pub(in crate::auth) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// One of an issuer's signing keys.
#[derive(Clone)]
pub(in crate::auth) struct Signer {
    pub(in crate::auth) kid: &'static str,
    pub(in crate::auth) algorithm: Algorithm,
    pub(in crate::auth) key: EncodingKey,
    pub(in crate::auth) jwk: Value,
}

impl Signer {
    pub(in crate::auth) fn ed25519(kid: &'static str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA",
                         "x": base64(pair.public_key())});
        Self {
            kid,
            algorithm: Algorithm::EdDSA,
            key: EncodingKey::from_ed_der(pkcs8.as_ref()),
            jwk,
        }
    }

    pub(in crate::auth) fn es256(kid: &'static str) -> Self {
        Self::ecdsa(kid, Algorithm::ES256, "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING)
    }

    pub(in crate::auth) fn es384(kid: &'static str) -> Self {
        Self::ecdsa(kid, Algorithm::ES384, "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING)
    }

    fn ecdsa(kid: &'static str, algorithm: Algorithm, crv: &str, scheme: &'static EcdsaSigningAlgorithm) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(scheme, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(scheme, pkcs8.as_ref(), &random).unwrap();
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let jwk = json!({"kty": "EC", "crv": crv, "kid": kid, "x": base64(x), "y": base64(y)});
        Self {
            kid,
            algorithm,
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
            jwk,
        }
    }

    /// A key for this algorithm: for RSA always the same one.
    pub(in crate::auth) fn of(kid: &'static str, algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::EdDSA => Self::ed25519(kid),
            Algorithm::ES256 => Self::es256(kid),
            Algorithm::ES384 => Self::es384(kid),
            rsa => Self::rsa(kid, rsa),
        }
    }

    /// Another key for the same algorithm that bears the same name.
    pub(in crate::auth) fn impostor(&self) -> Self {
        match self.algorithm {
            Algorithm::EdDSA | Algorithm::ES256 | Algorithm::ES384 => Self::of(self.kid, self.algorithm),
            rsa => Self::rsa_from(RSA_2048_OTHER, self.kid, rsa),
        }
    }

    pub(in crate::auth) fn rsa(kid: &'static str, algorithm: Algorithm) -> Self {
        Self::rsa_from(RSA_2048, kid, algorithm)
    }

    fn rsa_from(pem: &[u8], kid: &'static str, algorithm: Algorithm) -> Self {
        crypto::install();
        let key = EncodingKey::from_rsa_pem(pem).unwrap();
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key, algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = kid.into();
        jwk.as_object_mut().unwrap().remove("alg");
        Self {
            kid,
            algorithm,
            key,
            jwk,
        }
    }

    pub(in crate::auth) fn header(&self) -> Value {
        json!({"typ": "JWT", "alg": format!("{:?}", self.algorithm), "kid": self.kid})
    }

    pub(in crate::auth) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }

    /// Signs whatever it is given.
    pub(in crate::auth) fn sign(&self, header: &str, payload: &str) -> String {
        self.sign_text(&format!("{}.{}", base64(header), base64(payload)))
    }

    pub(in crate::auth) fn sign_text(&self, signed: &str) -> String {
        crypto::install();
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}
