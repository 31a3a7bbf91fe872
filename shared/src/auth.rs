//! Who calls: credentials in, a verified identity out, or a refusal.
//!
//! [`Authenticator::authenticate`] is the stage. Behind it: `failures` holds back who is refused too often, `token`
//! takes a bearer token apart, `claims` checks what it says, `jwks` finds the issuer's key (`keys` decides which keys
//! count), [`crypto`] verifies, and `identity` tells upstreams the result.

pub mod certificate;
mod claims;
pub mod crypto;
mod failures;
mod identity;
pub mod issuer_client;
mod json;
mod jwks;
mod keys;
pub mod platform;
pub mod refused;
mod token;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use jsonwebtoken::Algorithm;
use url::Url;

pub use identity::Identity;
pub(crate) use identity::claim_text;

use crate::clock::Clock;
use crate::config::{AuthRules, ClaimHeader, Pointer, Route, RouteAuth};
use crate::error::GatewayError;
use crate::request::Request;
use crate::upstream::client::HttpClient;
use failures::Failures;
use jwks::RemoteKeys;
use keys::{Key, Wanted};
use token::Token;

/// `auth` with `type: jwt`: tokens signed by one issuer, keys from its JWKS.
#[derive(Clone, Debug)]
pub struct JwtMethod {
    /// Where it stands.
    pub pointer: Pointer,
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
    /// Default: `sub` to `X-User-Id`, `role` to `X-User-Role`.
    pub claims_to_headers: Vec<ClaimHeader>,
    /// Whether the token itself goes upstream.
    pub forward_token: bool,
}

/// Verifies callers. One per function environment; its key sets outlive requests.
#[derive(Debug)]
pub struct Authenticator {
    rules: AuthRules,
    /// Of `rules.method`, when there is one.
    keys: Option<RemoteKeys>,
    failures: Failures,
    clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// From the checked rules. Fetches nothing yet.
    pub fn new(rules: AuthRules, client: Arc<dyn HttpClient>, clock: Arc<dyn Clock>) -> Self {
        crypto::install();
        let keys = rules.method.as_ref();
        let keys = keys.map(|method| RemoteKeys::new(method.jwks_uri.clone(), client, Arc::clone(&clock)));
        Self {
            keys,
            failures: Failures::new(rules.failures_per_minute),
            rules,
            clock,
        }
    }

    /// The verified caller; `None` on public paths and for absent optional credentials. `budget` bounds a key
    /// fetch. Errors: `MissingCredential`, `InvalidCredential`, `KeySetUnavailable`, `RateLimited` (too many
    /// refused credentials from this address).
    pub async fn authenticate(
        &self,
        route: &Route,
        request: &Request,
        budget: Duration,
    ) -> Result<Option<Identity>, GatewayError> {
        let public = |pattern: &crate::path::PathPattern| pattern.matches(&request.path);
        if route.auth == RouteAuth::None || self.rules.exclude_paths.iter().any(public) {
            return Ok(None);
        }
        let (Some(method), Some(keys)) = (&self.rules.method, &self.keys) else {
            // The config check does not let this through. Were it to, the answer must not be "come in".
            return Err(GatewayError::Internal {
                why: format!("{} needs a method in auth", route.pointer.as_str()),
            });
        };
        let credential = match token::bearer(&request.headers) {
            Ok(None) if route.auth == RouteAuth::Optional => return Ok(None),
            Ok(None) => return Err(GatewayError::MissingCredential),
            Ok(Some(token)) => Ok(token),
            Err(why) => Err(why),
        };
        self.failures.check(request.client_ip, self.clock.now())?;
        let outcome = match credential {
            Ok(token) => self.verify(method, keys, token, budget).await,
            Err(why) => Err(GatewayError::InvalidCredential { why: why.to_owned() }),
        };
        if matches!(outcome, Err(GatewayError::InvalidCredential { .. })) {
            self.failures.record(request.client_ip, self.clock.now());
        }
        outcome.map(Some)
    }

    /// The identity that a token proves. All that costs no key comes first: what it claims is not believed yet, but
    /// an expired or foreign token is refused without a key look-up or a signature check.
    async fn verify(
        &self,
        method: &Arc<JwtMethod>,
        keys: &RemoteKeys,
        token: &str,
        budget: Duration,
    ) -> Result<Identity, GatewayError> {
        let refused = |why: std::borrow::Cow<'static, str>| GatewayError::InvalidCredential { why: why.into_owned() };
        let token = Token::parse(token).map_err(refused)?;
        if !method.algorithms.contains(&token.algorithm) {
            return Err(refused(
                format!("{:?} is not in the list of algorithms", token.algorithm).into(),
            ));
        }
        claims::check(&token.claims, method, self.clock.now()).map_err(refused)?;
        let wanted = Wanted {
            kid: token.kid.as_deref(),
            algorithm: token.algorithm,
        };
        let key = keys.find(wanted, budget).await?;
        if !signed_by(&token, &key) {
            return Err(refused("the token's signature does not hold".into()));
        }
        Ok(Identity {
            claims: Arc::new(token.claims),
            method: Arc::clone(method),
        })
    }
}

/// Whether the signature holds. The key was selected for the token's `alg` before.
fn signed_by(token: &Token<'_>, key: &Key) -> bool {
    token.signature_len == key.signature_len
        && jsonwebtoken::crypto::verify(token.signature, token.signed.as_bytes(), &key.decoding, token.algorithm)
            .unwrap_or(false)
}

/// What `WWW-Authenticate` says beside a 401 (RFC 6750 section 3): which scheme, and whether there was a token that
/// did not hold, but not why. `None` for every other error.
pub fn challenge(error: &GatewayError) -> Option<HeaderValue> {
    match error {
        GatewayError::MissingCredential => Some(HeaderValue::from_static("Bearer")),
        GatewayError::InvalidCredential { .. } => Some(HeaderValue::from_static("Bearer error=\"invalid_token\"")),
        _ => None,
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
