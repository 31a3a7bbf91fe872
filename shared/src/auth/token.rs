//! A bearer token's outside: the header field it comes in and the compact JWS it is (RFC 6750, RFC 7515).

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde_json::{Map, Value};

use super::json;

/// The longest token accepted, in bytes. Front doors carry about 10 KiB of headers; nothing real is longer.
pub(super) const MAX_TOKEN: usize = 16 * 1024;

/// The bytes that a compact JWS is made of: base64url and the dots between its parts. A table, because tokens are long.
const IN_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let character = byte as u8;
        table[byte] = character.is_ascii_alphanumeric() || matches!(character, b'-' | b'_' | b'.');
        byte += 1;
    }
    table
};

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
    /// What it claims.
    pub(super) claims: Map<String, Value>,
}

/// The token of the one `Authorization` field, `None` when there is no such field (RFC 6750 section 2.1: the scheme,
/// in any case, one or more spaces, a b64token).
pub(super) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    if fields.next().is_some() {
        return Err("there is more than one Authorization header");
    }
    let text = field
        .to_str()
        .map_err(|_| "the Authorization header is not visible ASCII")?;
    let (scheme, rest) = text
        .split_once(' ')
        .ok_or("the Authorization header is not a scheme and a token")?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("the Authorization scheme is not Bearer");
    }
    let token = rest.trim_start_matches(' ');
    if token.is_empty() || !token.bytes().all(|byte| IN_TOKEN[usize::from(byte)]) {
        return Err("what follows Bearer is not one token in base64url");
    }
    Ok(Some(token))
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
