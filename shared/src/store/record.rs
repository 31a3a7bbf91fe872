//! What is kept in the state table for authentication.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::sha256::{self, sha256};

/// The last good key set of an issuer, for a start while that issuer is down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKeySet {
    /// The document as the issuer sent it. Public keys: nothing secret.
    pub body: String,
    /// When it came, in whole milliseconds.
    pub fetched_at: Timestamp,
}

/// A session that a cookie stands for. Times are whole seconds. `Debug` leaves the claims out: they are about a person.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Who is logged in: `sub` and whatever else the session proves.
    pub claims: Map<String, Value>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, as far as that was written down.
    pub seen_at: Timestamp,
    /// Its absolute end, however much it is used.
    pub expires_at: Timestamp,
}

impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("created_at", &self.created_at)
            .field("seen_at", &self.seen_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// What a session is found by: SHA-256 of its id, so that whoever reads the table cannot use a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionHash(String);

impl SessionHash {
    /// Of the id that the cookie carries.
    pub fn of(id: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(sha256(id.as_bytes())))
    }

    /// From its text; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == sha256::LENGTH).then(|| Self(text.to_owned()))
    }

    /// 43 characters of base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_by_the_sha_256_of_its_id() {
        // RFC 6234's test vector for "abc".
        assert_eq!(
            SessionHash::of("abc").as_str(),
            "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
        );
    }

    #[test]
    fn only_the_text_of_a_hash_is_one() {
        let hash = SessionHash::of("abc");
        assert_eq!(SessionHash::parse(hash.as_str()), Some(hash.clone()));
        let short = &hash.as_str()[1..];
        for wrong in ["", "abc", short, &format!("{}=", hash.as_str()), &"+".repeat(43)] {
            assert_eq!(SessionHash::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn debug_output_leaves_the_person_out() {
        let session = SessionRecord {
            claims: Map::from_iter([("email".to_owned(), "ann@example.com".into())]),
            created_at: Timestamp::from_secs(1),
            seen_at: Timestamp::from_secs(2),
            expires_at: Timestamp::from_secs(3),
        };
        let shown = format!("{session:?}");
        assert!(!shown.contains("ann") && shown.contains("expires_at"), "{shown}");
    }
}
