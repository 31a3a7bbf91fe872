//! Tokens that were verified, so that a caller who comes again with the same one costs a hash instead of a signature
//! check.
//!
//! Keyed by the whole token, signature included. Per function environment, and never past `exp`.

use std::sync::{Arc, Mutex};

use jsonwebtoken::Algorithm;

use super::keys::{Key, Wanted};
use crate::auth::claim_path::Claims;
use crate::auth::token_hash::TokenHash;
use crate::clock::Timestamp;
use crate::generations::Generations;
use crate::lock::lock;

/// How many bytes of tokens a generation remembers: some 270 usual ones. What is kept of them takes about four times as
/// much.
const GENERATION: usize = 256 * 1024;

/// The verified tokens of one method.
#[derive(Debug)]
pub(super) struct SeenTokens(pub(super) Mutex<Generations<TokenHash, SeenToken>>);

/// What a verification has shown.
#[derive(Clone, Debug)]
pub(super) struct SeenToken {
    pub(super) claims: Arc<Claims>,
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    /// What its signature holds for.
    pub(super) key: Arc<Key>,
    /// `exp`, without any clock skew.
    pub(super) expires: Timestamp,
}

impl Default for SeenTokens {
    fn default() -> Self {
        Self(Mutex::new(Generations::new(GENERATION)))
    }
}

impl SeenTokens {
    /// What is known of a token that has not expired.
    pub(super) fn get(&self, hash: &TokenHash, now: Timestamp) -> Option<SeenToken> {
        let mut seen = lock(&self.0);
        let known = seen.get(hash)?;
        if now < known.expires {
            return Some(known);
        }
        seen.remove(hash);
        None
    }

    /// Remembers a token of this length in bytes.
    pub(super) fn remember(&self, hash: TokenHash, token: SeenToken, length: usize) {
        lock(&self.0).insert(hash, token, length);
    }

    /// Its key is the issuer's no more.
    pub(super) fn forget(&self, hash: &TokenHash) {
        lock(&self.0).remove(hash);
    }
}

impl SeenToken {
    /// Which key it needs.
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            kid: self.kid.as_deref(),
            algorithm: self.algorithm,
        }
    }
}
