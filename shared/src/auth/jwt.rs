//! `type: jwt`: a token that an issuer signed (RFC 7519).
//!
//! `token` takes it apart, `claims` checks what it says, `jwks` finds the issuer's key (`issuer` fetches, `keys` decides
//! which keys count), [`crypto`] verifies, and `seen` remembers which tokens were verified.

mod claims;
mod issuer;
mod jwks;
mod keys;
mod seen;
mod token;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use jsonwebtoken::Algorithm;
use url::Url;

use self::issuer::Issuer;
use self::jwks::RemoteKeys;
use self::keys::{Key, Wanted};
use self::seen::{SeenToken, SeenTokens};
use self::token::Token;
use super::claim_path::Claims;
use super::refusal::Refusal;
use super::token_hash::TokenHash;
use super::{bearer, crypto};
use crate::clock::Clock;
use crate::gateway::Seams;

/// Tokens signed by one issuer, keys from its JWKS.
#[derive(Clone, Debug)]
pub struct JwtRules {
    /// Where the keys are.
    pub keys: KeySource,
    /// What `iss` must equal.
    pub issuer: String,
    /// One of these must be in `aud`. Never empty.
    pub audiences: Vec<String>,
    /// The allow-list. Never empty, never symmetric.
    pub algorithms: Vec<Algorithm>,
    /// How far clocks may differ for `exp` and `nbf`; default 60 s.
    pub clock_skew: Duration,
    /// What `typ` in the token's header must be, such as `at+jwt` (RFC 9068 section 2.1).
    pub typ: Option<String>,
    /// How long after it was fetched a key set may be used while the issuer cannot be reached; default 24 h.
    pub max_stale: Duration,
    /// Whether verified tokens are remembered until they expire; default yes.
    pub token_cache: bool,
    /// Whether the token itself goes upstream.
    pub forward_token: bool,
}

/// Where an issuer's keys are. Addresses are https, or http to a loopback address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// `jwks_uri`.
    Jwks(Url),
    /// Without one: the issuer's discovery document (OpenID Connect Discovery 1.0 section 4) says where.
    Discovery(Url),
}

/// Verifies tokens. One per method and function environment; its key set outlives requests.
#[derive(Debug)]
pub(super) struct JwtVerifier {
    rules: Arc<JwtRules>,
    keys: RemoteKeys,
    /// `None`: switched off.
    seen: Option<SeenTokens>,
    clock: Arc<dyn Clock>,
}

impl JwtVerifier {
    /// Fetches nothing yet.
    pub(super) fn new(rules: Arc<JwtRules>, seams: &Seams) -> Self {
        crypto::install();
        let issuer = Issuer::new(&rules, Arc::clone(&seams.issuers), Arc::clone(&seams.clock));
        Self {
            keys: RemoteKeys::new(
                issuer,
                rules.max_stale,
                Arc::clone(&seams.store),
                Arc::clone(&seams.clock),
            ),
            seen: rules.token_cache.then(SeenTokens::default),
            clock: Arc::clone(&seams.clock),
            rules,
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

    /// What a token proves. `budget` bounds a key fetch.
    pub(super) async fn verify(&self, token: &str, budget: Duration) -> Result<Arc<Claims>, Refusal> {
        let Some(seen) = &self.seen else {
            return Ok(self.check(token, budget).await?.claims);
        };
        let hash = TokenHash::of(token);
        let now = self.clock.now();
        if let Some(known) = seen.get(&hash, now) {
            // Its key must still be the issuer's, which also keeps the key set fresh.
            if self.keys.find(known.wanted(), budget).await?.is_same(&known.key) {
                return Ok(known.claims);
            }
            seen.forget(&hash);
        }
        let verified = self.check(token, budget).await?;
        let claims = Arc::clone(&verified.claims);
        // One that holds for the clock skew alone is looked at each time.
        if now < verified.expires {
            seen.remember(hash, verified, token.len());
        }
        Ok(claims)
    }

    /// All that costs no key comes first: what a token claims is not believed yet, but an expired or foreign one is
    /// refused without a key look-up or a signature check.
    async fn check(&self, token: &str, budget: Duration) -> Result<SeenToken, Refusal> {
        let token = Token::parse(token).map_err(Refusal::invalid)?;
        self.check_type(&token)?;
        if !self.rules.algorithms.contains(&token.algorithm) {
            let why = format!("{:?} is not in the list of algorithms", token.algorithm);
            return Err(Refusal::of("algorithms", why));
        }
        let expires = claims::check(&token.claims, &self.rules, self.clock.now())?;
        let wanted = Wanted {
            kid: token.kid.as_deref(),
            algorithm: token.algorithm,
        };
        let key = self.keys.find(wanted, budget).await?;
        match signed_by(&token, &key) {
            true => Ok(SeenToken {
                claims: Arc::new(token.claims),
                kid: token.kid,
                algorithm: token.algorithm,
                key,
                expires,
            }),
            false => Err(Refusal::of(
                self.rules.keys.config_key(),
                "the token's signature does not hold",
            )),
        }
    }

    /// `typ` is compared without regard to case, and `application/` in front of it means nothing (RFC 7515 section
    /// 4.1.9).
    fn check_type(&self, token: &Token<'_>) -> Result<(), Refusal> {
        let Some(wanted) = &self.rules.typ else {
            return Ok(());
        };
        let given = token.typ.as_deref().map(str::to_ascii_lowercase);
        let given = given
            .as_deref()
            .map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        match given == Some(wanted) {
            true => Ok(()),
            false => Err(Refusal::of("typ", format!("the token's typ is not {wanted:?}"))),
        }
    }
}

impl KeySource {
    /// The key of the section that names it.
    fn config_key(&self) -> &'static str {
        match self {
            Self::Jwks(_) => "jwks_uri",
            Self::Discovery(_) => "issuer",
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
