//! `type: jwt`: a token that an issuer signed (RFC 7519).
//!
//! `token` takes it apart, `claims` checks what it says, `jwks` finds the issuer's key (`keys` decides which keys
//! count), [`crypto`] verifies.

mod claims;
mod jwks;
mod keys;
mod token;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use jsonwebtoken::Algorithm;
use url::Url;

use self::jwks::RemoteKeys;
use self::keys::{Key, Wanted};
use self::token::Token;
use super::claim_path::Claims;
use super::refusal::Refusal;
use super::{bearer, crypto};
use crate::clock::Clock;
use crate::upstream::client::HttpClient;

/// Tokens signed by one issuer, keys from its JWKS.
#[derive(Clone, Debug)]
pub struct JwtRules {
    /// Where the keys are. https, or http to a loopback address.
    pub jwks_uri: Url,
    /// What `iss` must equal.
    pub issuer: String,
    /// One of these must be in `aud`. Never empty.
    pub audiences: Vec<String>,
    /// The allow-list. Never empty, never symmetric.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ for `exp` and `nbf`; default 60 s.
    pub clock_skew: Duration,
    /// Whether the token itself goes upstream.
    pub forward_token: bool,
}

/// Verifies tokens. One per method and function environment; its key set outlives requests.
#[derive(Debug)]
pub(super) struct JwtVerifier {
    rules: Arc<JwtRules>,
    keys: RemoteKeys,
    clock: Arc<dyn Clock>,
}

impl JwtVerifier {
    /// Fetches nothing yet.
    pub(super) fn new(rules: Arc<JwtRules>, client: Arc<dyn HttpClient>, clock: Arc<dyn Clock>) -> Self {
        crypto::install();
        Self {
            keys: RemoteKeys::new(rules.jwks_uri.clone(), client, Arc::clone(&clock)),
            rules,
            clock,
        }
    }

    /// Whether this is the issuer that the token names. `None`: it names none.
    pub(super) fn is_issuer(&self, named: Option<&str>) -> bool {
        named == Some(&self.rules.issuer)
    }

    /// What the bearer token of these headers proves.
    pub(super) async fn verify_bearer(&self, headers: &HeaderMap, budget: Duration) -> Result<Arc<Claims>, Refusal> {
        match bearer::token(headers).map_err(Refusal::invalid)? {
            Some(token) => self.verify(token, budget).await,
            None => Err(Refusal::invalid("there is no Authorization header")),
        }
    }

    /// What a token proves. All that costs no key comes first: what it claims is not believed yet, but an expired or
    /// foreign token is refused without a key look-up or a signature check. `budget` bounds a key fetch.
    pub(super) async fn verify(&self, token: &str, budget: Duration) -> Result<Arc<Claims>, Refusal> {
        let token = Token::parse(token).map_err(Refusal::invalid)?;
        if !self.rules.algorithms.contains(&token.algorithm) {
            let why = format!("{:?} is not in the list of algorithms", token.algorithm);
            return Err(Refusal::of("algorithms", why));
        }
        claims::check(&token.claims, &self.rules, self.clock.now())?;
        let wanted = Wanted {
            kid: token.kid.as_deref(),
            algorithm: token.algorithm,
        };
        let key = self.keys.find(wanted, budget).await?;
        match signed_by(&token, &key) {
            true => Ok(Arc::new(token.claims)),
            false => Err(Refusal::of("jwks_uri", "the token's signature does not hold")),
        }
    }
}

/// The issuer that a token names, verified or not: which of several methods is asked about it.
pub(super) fn issuer_of(token: &str) -> Option<String> {
    let token = Token::parse(token).ok()?;
    token.claims.get("iss")?.as_str().map(str::to_owned)
}

/// Whether the signature holds. The key was selected for the token's `alg` before.
fn signed_by(token: &Token<'_>, key: &Key) -> bool {
    token.signature_len == key.signature_len
        && jsonwebtoken::crypto::verify(token.signature, token.signed.as_bytes(), &key.decoding, token.algorithm)
            .unwrap_or(false)
}

#[cfg(test)]
mod tests;
