//! An issuer of tokens: one RSA key, its key set, and tokens that the gateway takes.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaPublicKeyComponents};
use serde_json::json;

use crate::clock::epoch_ms;

/// What `auth.issuer` says.
pub(crate) const ISSUER: &str = "https://issuer.example.com";

/// What `auth.audiences` says.
pub(crate) const AUDIENCE: &str = "api.example.com";

/// The key that the unit tests use, 2048 bits.
const KEY: &str = include_str!("../../../../shared/src/auth/testdata/rsa-2048.test-only.pem");

const KEY_ID: &str = "bench-2026";

pub(crate) struct Issuer {
    key: KeyPair,
}

impl Issuer {
    pub(crate) fn new() -> Result<Self, String> {
        // What stands between the lines with dashes; one of explanation stands before them.
        let lines = KEY.lines().skip_while(|line| !line.starts_with("-----")).skip(1);
        let lines = lines.take_while(|line| !line.starts_with("-----"));
        let der = STANDARD.decode(lines.collect::<String>());
        let der = der.map_err(|error| format!("the test key is no PEM: {error}"))?;
        let key = KeyPair::from_der(&der).map_err(|error| format!("the test key is no RSA key: {error}"))?;
        Ok(Self { key })
    }

    /// The key set as `jwks_uri` serves it.
    pub(crate) fn key_set(&self) -> String {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.key.public());
        let encode = |bytes: Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
        let key = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID,
                         "n": encode(public.n), "e": encode(public.e)});
        json!({ "keys": [key] }).to_string()
    }

    /// A token of the one user, good for an hour; another `id`, another token.
    pub(crate) fn token(&self, id: u64) -> Result<String, String> {
        let now = epoch_ms() / 1000;
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID});
        let claims = json!({"iss": ISSUER, "sub": "usr_31d4d96e407aad42", "aud": AUDIENCE, "exp": now + 3600,
                            "iat": now, "jti": format!("{id:020}"), "role": "editor",
                            "scope": "users:read users:write orders:read"});
        let encode = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|error| format!("the token cannot be signed: {error}"))?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Checks the signature of one token so many times, as barely as it can be done. How long that took.
    pub(crate) fn check_signatures(&self, count: usize) -> Result<Duration, String> {
        let token = self.token(0)?;
        let parts = token.rsplit_once('.').ok_or("a token without a signature")?;
        let signature = URL_SAFE_NO_PAD.decode(parts.1).map_err(|error| error.to_string())?;
        let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(self.key.public());
        let started = Instant::now();
        for _ in 0..count {
            let key = RsaPublicKeyComponents { n: &n, e: &e };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, parts.0.as_bytes(), &signature)
                .map_err(|error| format!("the token's signature: {error}"))?;
        }
        Ok(started.elapsed())
    }
}
