//! What a token is remembered by.

use crate::sha256::{self, sha256};

/// SHA-256 of a whole token: the token itself is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenHash([u8; sha256::LENGTH]);

impl TokenHash {
    pub(super) fn of(token: &str) -> Self {
        Self(sha256(token.as_bytes()))
    }
}
