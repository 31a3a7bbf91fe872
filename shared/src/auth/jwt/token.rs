//! A token's outside: the compact JWS that it is (RFC 7515 section 7.1).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde_json::{Map, Value};

use crate::auth::bearer::MAX_TOKEN;
use crate::auth::json;

/// A token whose form holds. Nothing in it is verified.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// Header and payload as signed.
    pub(super) signed: &'a str,
    /// The signature, encoded.
    pub(super) signature: &'a str,
    /// The signature's length in bytes.
    pub(super) signature_len: usize,
    /// One with public keys.
    pub(super) algorithm: Algorithm,
    /// Which key it says it is signed with.
    pub(super) kid: Option<String>,
    /// What kind of token it says it is; a `typ` that is no text is as good as none.
    pub(super) typ: Option<String>,
    /// What it claims.
    pub(super) claims: Map<String, Value>,
}

impl<'a> Token<'a> {
    /// Takes the three parts apart and checks all that can be checked without a key. The error is for the log and
    /// quotes nothing of the token.
    ///
    /// The header's own keys and key addresses (`jwk`, `jku`, `x5c`, `x5u`) are not so much as looked at: a token
    /// that brings its key proves nothing.
    pub(super) fn parse(text: &'a str) -> Result<Self, Cow<'static, str>> {
        if text.len() > MAX_TOKEN {
            return Err(format!("the token is longer than {MAX_TOKEN} bytes").into());
        }
        let three = text.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, payload) = signed.split_once('.')?;
            (!payload.contains('.')).then_some((signed, header, payload, signature))
        });
        let (signed, header, payload, signature) = three.ok_or("the token does not have exactly three parts")?;
        let header = decode(header).and_then(|bytes| json::object(&bytes));
        let header = header.ok_or("the token's header is not one JSON object in strict base64url")?;
        if header.contains_key("crit") {
            // Section 4.1.11: what is not understood must be refused, and no extension is understood here.
            return Err("the token's header has crit".into());
        }
        let claims = decode(payload).and_then(|bytes| json::object(&bytes));
        Ok(Self {
            signed,
            signature,
            signature_len: decode(signature)
                .ok_or("the token's signature is not strict base64url")?
                .len(),
            algorithm: algorithm(&header)?,
            kid: kid(&header)?,
            typ: header.get("typ").and_then(Value::as_str).map(str::to_owned),
            claims: claims.ok_or("the token's payload is not one JSON object in strict base64url")?,
        })
    }
}

/// Base64url without padding and without loose bits at the end, so that a token has exactly one spelling.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Only names of asymmetric algorithms, exactly as registered: `none` and `HS*` end here in any spelling.
fn algorithm(header: &Map<String, Value>) -> Result<Algorithm, &'static str> {
    let name = header
        .get("alg")
        .and_then(Value::as_str)
        .ok_or("the token's header has no alg")?;
    match name.parse::<Algorithm>() {
        Ok(algorithm) if algorithm.family() != AlgorithmFamily::Hmac => Ok(algorithm),
        _ => Err("the token's alg is no signature algorithm with public keys that is known here"),
    }
}

fn kid(header: &Map<String, Value>) -> Result<Option<String>, &'static str> {
    match header.get("kid") {
        None => Ok(None),
        Some(Value::String(kid)) => Ok(Some(kid.clone())),
        Some(_) => Err("the token's kid is not a string"),
    }
}

#[cfg(test)]
mod tests;
