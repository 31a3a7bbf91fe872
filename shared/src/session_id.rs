//! The ids of opaque sessions: what a cookie carries and only a hash of which is kept.

use std::fmt;

use crate::base62::{self, NoRandomness};
use crate::store::SessionHash;

/// So that a leaked one is recognised for what it is.
const PREFIX: &str = "tgs_";
/// 256 bits.
const LENGTH: usize = 43;

/// A new session's id: a secret, the value of its cookie.
pub struct SessionId(String);

impl SessionId {
    /// One that nobody can guess.
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(format!("{PREFIX}{}", base62::random(LENGTH)?)))
    }

    /// The whole text: to be shown once, and never to be logged.
    pub fn secret_text(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> SessionHash {
        SessionHash::of(&self.0)
    }
}

/// Shows nothing.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_fits_into_a_cookie_and_never_comes_twice() {
        let id = SessionId::generate().unwrap();
        assert_eq!(id.secret_text().len(), 47);
        assert!(id.secret_text().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        assert_ne!(id.secret_text(), SessionId::generate().unwrap().secret_text());
        assert_eq!(id.hash(), SessionHash::of(id.secret_text()));
        assert_eq!(format!("{id:?}"), "SessionId(..)");
    }
}
