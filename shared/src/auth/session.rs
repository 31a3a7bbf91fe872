//! `type: session_cookie`: a browser that is logged in. The cookie is a signed token, or the id of a session that is kept,
//! under its hash, in the state table.
//!
//! Browsers send cookies with every request to a site, whoever's page made them do so. So a request that may change
//! something must come from the site itself.

mod kept;
mod same_site;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use url::Origin;

use self::kept::KeptSessions;
pub(crate) use self::same_site::parse as parse_origin;
use super::carriers;
use super::claim_path::Claims;
use super::jwt::{JwtRules, JwtVerifier};
use super::refusal::Refusal;
use crate::config::Pointer;
use crate::gateway::Seams;
use crate::look_up::LookUps;
use crate::request::Request;

/// What a session cookie must be.
#[derive(Clone, Debug)]
pub struct SessionRules {
    /// The cookie's name.
    pub cookie: String,
    /// What it holds.
    pub proof: SessionProof,
    /// Sites besides the gateway's own whose pages may change something.
    pub origins: Vec<Origin>,
}

/// What a session cookie holds.
#[derive(Clone, Debug)]
pub enum SessionProof {
    /// A token, by the rules of a method of type `jwt`.
    Token {
        /// Those rules.
        rules: Arc<JwtRules>,
        /// Where they stand.
        at: Pointer,
    },
    /// The id of a session that is kept.
    Kept {
        /// How long it lasts without being used.
        idle: Duration,
        /// How long it lasts at most; its own end may come before.
        absolute: Duration,
    },
}

/// Verifies session cookies.
#[derive(Debug)]
pub(super) struct SessionVerifier {
    rules: Arc<SessionRules>,
    proof: Verifier,
}

#[derive(Debug)]
enum Verifier {
    Token(Box<JwtVerifier>),
    Kept(KeptSessions),
}

impl SessionVerifier {
    /// Asks nothing yet. `look_ups` are those of the state table.
    pub(super) fn new(rules: Arc<SessionRules>, seams: &Seams, look_ups: &LookUps) -> Self {
        let proof = match &rules.proof {
            SessionProof::Token { rules, .. } => Verifier::Token(Box::new(JwtVerifier::new(Arc::clone(rules), seams))),
            SessionProof::Kept { idle, absolute } => {
                Verifier::Kept(KeptSessions::new(*idle, *absolute, seams, look_ups.clone()))
            }
        };
        Self { rules, proof }
    }

    /// Whether there is such a cookie, right or wrong.
    pub(super) fn is_presented(&self, request: &Request) -> bool {
        carriers::cookies(&request.headers, &self.rules.cookie).next().is_some()
    }

    /// Whose session it is. `budget` bounds a key fetch and look-ups.
    pub(super) async fn verify(&self, request: &Request, budget: Duration) -> Result<Arc<Claims>, Refusal> {
        let mut cookies = carriers::cookies(&request.headers, &self.rules.cookie);
        let (Some(cookie), None) = (cookies.next(), cookies.next()) else {
            return Err(Refusal::of("cookie", "there is not exactly one such cookie"));
        };
        let text = std::str::from_utf8(cookie).map_err(|_| Refusal::of("cookie", "the cookie is not text"))?;
        // First of all: what another site made the browser send must not even look up a session.
        same_site::check(request, &self.rules.origins)?;
        match &self.proof {
            Verifier::Token(jwt) => jwt.verify(text, budget).await,
            Verifier::Kept(sessions) => sessions.verify(text, budget).await,
        }
    }
}
