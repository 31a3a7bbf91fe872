//! A JSON Web Key Set, reduced to the keys that may verify signatures here (RFC 7517, RFC 7518 section 6, RFC 8037).
//!
//! `jsonwebtoken` would take any key it can read; what a key is *for* and whether it is strong enough is decided here.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::agreement::{self, ECDH_P256, ECDH_P384, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;
use serde_json::{Map, Value};

use super::token::decode;
use crate::auth::ask::document;

/// NIST SP 800-131A forbids shorter moduli; longer ones are a way to burn CPU (and `ring` takes none).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The largest exponent that `ring` takes: 2^33 - 1.
const RSA_MAX_EXPONENT: u64 = (1 << 33) - 1;
/// How many keys that were left out are named in a log line.
const LEFT_OUT_NAMED: usize = 5;

/// The keys of an issuer that may verify signatures.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Arc<Key>>,
    left_out: Vec<String>,
}

/// One public key and what it may verify.
#[derive(Debug)]
pub(super) struct Key {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    /// For `jsonwebtoken`.
    pub(super) decoding: DecodingKey,
    /// How long its signatures are, in bytes.
    pub(super) signature_len: usize,
}

/// Which key a token needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// The token's `kid`.
    pub(super) kid: Option<&'a str>,
    /// The token's `alg`.
    pub(super) algorithm: Algorithm,
}

/// What a set has for a token.
#[derive(Debug)]
pub(super) enum Selection {
    /// The one key to try.
    Found(Arc<Key>),
    /// No such key; a newer set may have it.
    Unknown,
    /// A newer set would hardly change this.
    Refused(&'static str),
}

impl KeySet {
    /// Reads a set and drops every key that must not be used. The error says why there is no set at all.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut document = document(bytes)?;
        let Some(Value::Array(entries)) = document.remove("keys") else {
            return Err("the answer has no list named keys");
        };
        let mut set = Self {
            keys: Vec::new(),
            left_out: Vec::new(),
        };
        for (place, entry) in entries.iter().enumerate() {
            match entry.as_object().ok_or("it is not an object").and_then(Key::read) {
                Ok(key) => set.keys.push(Arc::new(key)),
                Err(why) => set.left_out.push(format!("key {place}: {why}")),
            }
        }
        set.drop_duplicates();
        Ok(set)
    }

    /// Which of two keys with one name signed a token is anybody's guess, so neither is used.
    fn drop_duplicates(&mut self) {
        let mut kids: Vec<&str> = self.keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        kids.sort_unstable();
        let twice = |pair: &[&str]| (pair[0] == pair[1]).then(|| pair[0].to_owned());
        let mut doubled: Vec<String> = kids.windows(2).filter_map(twice).collect();
        doubled.dedup();
        self.keys
            .retain(|key| key.kid.as_ref().is_none_or(|kid| doubled.binary_search(kid).is_err()));
        let note = |kid: &String| {
            format!(
                "kid {:?}: several keys have it",
                kid.chars().take(64).collect::<String>()
            )
        };
        self.left_out.extend(doubled.iter().map(note));
    }

    /// Whether nothing can be verified with it.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys it has, and which were left out and why: for the log.
    pub(super) fn describe(&self) -> String {
        let mut text = format!("{} usable", self.keys.len());
        for why in self.left_out.iter().take(LEFT_OUT_NAMED) {
            text.push_str("; left out ");
            text.push_str(why);
        }
        if let Some(more) = self.left_out.len().checked_sub(LEFT_OUT_NAMED).filter(|more| *more > 0) {
            text.push_str(&format!("; and {more} more"));
        }
        text
    }

    /// The key a token must be verified with. A token without `kid` gets one only when there is no choice.
    pub(super) fn select(&self, wanted: Wanted<'_>) -> Selection {
        let mut candidates = self.keys.iter().filter(|key| match wanted.kid {
            Some(_) => key.kid.as_deref() == wanted.kid,
            None => key.fits(wanted.algorithm),
        });
        match (candidates.next(), candidates.next()) {
            (None, _) => Selection::Unknown,
            (Some(key), None) if key.fits(wanted.algorithm) => Selection::Found(Arc::clone(key)),
            (Some(_), None) => Selection::Refused("the token's alg does not fit the key that its kid names"),
            (Some(_), Some(_)) => Selection::Refused("the token has no kid, and several keys fit its alg"),
        }
    }
}

impl Key {
    /// Whether it is the same key, in this set or a newer one: what the one verified, the other does too.
    pub(super) fn is_same(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        Arc::ptr_eq(self, other)
            || self.kid == other.kid
                && self.algorithms == other.algorithms
                && same_material(&self.decoding, &other.decoding)
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// From one member of `keys`. The error says why it is not used.
    fn read(jwk: &Map<String, Value>) -> Result<Self, &'static str> {
        if jwk.get("use").is_some_and(|usage| usage != "sig") {
            return Err("its use is not sig");
        }
        if jwk
            .get("key_ops")
            .is_some_and(|operations| !lists(operations, "verify"))
        {
            return Err("its key_ops do not have verify");
        }
        if jwk.contains_key("d") {
            return Err("it is a private key, which everybody can read");
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err("its kid is not a string"),
        };
        let (decoding, possible, signature_len) = match text(jwk, "kty")? {
            "RSA" => rsa(jwk)?,
            "EC" => elliptic_curve(jwk)?,
            "OKP" => octet_key_pair(jwk)?,
            _ => return Err("its kty is not RSA, EC or OKP"),
        };
        Ok(Self {
            kid,
            algorithms: restrict(possible, jwk.get("alg"))?,
            decoding,
            signature_len,
        })
    }
}

/// The key, all algorithms it can be used with, the length of its signatures.
type Material = (DecodingKey, &'static [Algorithm], usize);

fn rsa(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
    use Algorithm::{PS256, PS384, PS512, RS256, RS384, RS512};
    let modulus = integer(jwk, "n")?;
    let exponent = integer(jwk, "e")?;
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        return Err("its RSA modulus has less than 2048 or more than 8192 bits");
    }
    let value = exponent
        .iter()
        .try_fold(0_u64, |value, byte| Some(value.checked_mul(256)? | u64::from(*byte)));
    let exponent_holds = value.is_some_and(|value| (3..=RSA_MAX_EXPONENT).contains(&value) && value % 2 == 1);
    if !exponent_holds || modulus.last().is_none_or(|byte| byte % 2 == 0) {
        return Err("its RSA modulus or exponent is even or out of range");
    }
    let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
    Ok((key, &[RS256, RS384, RS512, PS256, PS384, PS512], modulus.len()))
}

fn elliptic_curve(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
    let (algorithms, length, curve): (&'static [Algorithm], _, _) = match text(jwk, "crv")? {
        "P-256" => (&[Algorithm::ES256], 32, &ECDH_P256),
        "P-384" => (&[Algorithm::ES384], 48, &ECDH_P384),
        _ => return Err("its crv is not P-256 or P-384"),
    };
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != length || y.len() != length {
        return Err("its coordinates do not have the length of its curve");
    }
    // An uncompressed point (SEC 1 section 2.3.3).
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    if !is_on(curve, &point) {
        return Err("its coordinates are no point of its curve");
    }
    Ok((DecodingKey::from_ec_der(&point), algorithms, 2 * length))
}

/// `ring` checks a point only where it is used, so it is used: a key agreement with it is made and thrown away.
fn is_on(curve: &'static agreement::Algorithm, point: &[u8]) -> bool {
    let random = SystemRandom::new();
    let Ok(ours) = EphemeralPrivateKey::generate(curve, &random) else {
        // No randomness: nothing is known against the point, and every verification checks it again.
        return true;
    };
    agree_ephemeral(ours, &UnparsedPublicKey::new(curve, point), |_| ()).is_ok()
}

fn same_material(one: &DecodingKey, other: &DecodingKey) -> bool {
    match (one.kind(), other.kind()) {
        (DecodingKeyKind::SecretOrDer(one), DecodingKeyKind::SecretOrDer(other)) => one == other,
        (
            DecodingKeyKind::RsaModulusExponent { n, e },
            DecodingKeyKind::RsaModulusExponent { n: other_n, e: other_e },
        ) => n == other_n && e == other_e,
        _ => false,
    }
}

fn octet_key_pair(jwk: &Map<String, Value>) -> Result<Material, &'static str> {
    if text(jwk, "crv")? != "Ed25519" {
        return Err("its crv is not Ed25519");
    }
    // Half of all 32 bytes are no point: with those, `ring` verifies nothing.
    let x = bytes(jwk, "x")?;
    if x.len() != 32 {
        return Err("its x does not have 32 bytes");
    }
    Ok((DecodingKey::from_ed_der(&x), &[Algorithm::EdDSA], 64))
}

/// What is left of the possible algorithms when the key names the one it is for.
fn restrict(possible: &[Algorithm], alg: Option<&Value>) -> Result<Vec<Algorithm>, &'static str> {
    let Some(alg) = alg else {
        return Ok(possible.to_vec());
    };
    let named = alg.as_str().and_then(|name| name.parse().ok());
    match named.filter(|algorithm| possible.contains(algorithm)) {
        Some(algorithm) => Ok(vec![algorithm]),
        None => Err("its alg does not fit its kty and crv"),
    }
}

fn lists(list: &Value, item: &str) -> bool {
    list.as_array()
        .is_some_and(|items| items.iter().any(|other| other == item))
}

fn text<'a>(jwk: &'a Map<String, Value>, member: &str) -> Result<&'a str, &'static str> {
    jwk.get(member)
        .and_then(Value::as_str)
        .ok_or("a member that its kty needs is missing")
}

fn bytes(jwk: &Map<String, Value>, member: &str) -> Result<Vec<u8>, &'static str> {
    decode(text(jwk, member)?).ok_or("a member is not strict base64url")
}

/// Base64urlUInt (RFC 7518 section 2). Some libraries put a zero byte in front, as section 6.3.1.1 notes; the number
/// is the same without it.
fn integer(jwk: &Map<String, Value>, member: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = bytes(jwk, member)?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
