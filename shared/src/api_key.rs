//! API keys, `tg_<id>_<secret>_<checksum>`: how one is made, told from a typo, and held against what is kept of it.
//! Pure: no store, no clock.
//!
//! All in base62. The id (12 characters) is public: it stands in logs and names the item in the config table. The secret
//! has 32 characters, 190 bits. The checksum (6) is over everything before it, so that a typo costs no read, and scanners for
//! leaked secrets can tell a key from what only looks like one.

use std::fmt;

mod hash;
mod record;
#[cfg(test)]
mod tests;

pub use self::hash::KeyHash;
pub use self::record::{ApiKeyRecord, KeyState, KeyStatus, PreviousKey};
pub use crate::base62::NoRandomness;
use crate::base62::{self, is_base62};
use crate::clock::Timestamp;
use crate::sha256::sha256;

/// What every key begins with.
pub(crate) const PREFIX: &str = "tg_";
const ID_LENGTH: usize = 12;
const SECRET_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 6;
/// How many of the text's bytes the checksum is over: prefix, id, secret, and one separator.
const CHECKED: usize = PREFIX.len() + ID_LENGTH + 1 + SECRET_LENGTH;
/// Of a whole key, in bytes.
const LENGTH: usize = CHECKED + 1 + CHECKSUM_LENGTH;

/// A key's whole text, of the right form, with the right checksum. Whether there is such a key is another question.
#[derive(Clone)]
pub struct ApiKey(String);

/// Why a key is refused. For the log: the client hears the same of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// No key looks like this.
    #[error("it does not have the form of a key")]
    Malformed,
    /// One like it may exist.
    #[error("its checksum is wrong: a typo, or made up")]
    Checksum,
    /// Deleted, or from another deployment.
    #[error("no key has this id")]
    Unknown,
    /// Somebody guesses.
    #[error("its secret is not the one of this id")]
    Secret,
    /// The one that a rotation replaced, after its time.
    #[error("a rotation has replaced it, and its grace is over")]
    Replaced,
    /// Taken back.
    #[error("it is revoked")]
    Revoked,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
}

impl ApiKey {
    /// A new key with an id of its own.
    pub fn generate() -> Result<Self, NoRandomness> {
        Self::of_id(&base62::random(ID_LENGTH)?)
    }

    /// A new key for an id that there is (see [`is_id`](Self::is_id)): what a rotation puts in the place of the old one.
    pub fn of_id(id: &str) -> Result<Self, NoRandomness> {
        let secret = base62::random(SECRET_LENGTH)?;
        let mut text = format!("{PREFIX}{id}_{secret}");
        let checksum = checksum(&text).map(char::from);
        text.push('_');
        text.extend(checksum);
        Ok(Self(text))
    }

    /// Reads a text as a client sent it. Nothing is trimmed, unescaped or guessed.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let (checked, sum) = parts(text).ok_or(Refusal::Malformed)?;
        if sum != checksum(checked) {
            return Err(Refusal::Checksum);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a text can be the id of a key.
    pub fn is_id(text: &str) -> bool {
        text.len() == ID_LENGTH && is_base62(text.as_bytes())
    }

    /// The public part.
    pub fn id(&self) -> &str {
        self.0.get(PREFIX.len()..PREFIX.len() + ID_LENGTH).unwrap_or_default()
    }

    /// The whole text: a secret. To be shown once, to whoever it was made for, and never to be logged.
    pub fn secret_text(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(&self.0)
    }

    /// Holds it against what is kept under its id; `None`: nothing is. Whoever does not know the secret learns nothing
    /// about the key from the reason, so the secret is looked at first.
    pub fn verify<'r>(&self, record: Option<&'r ApiKeyRecord>, now: Timestamp) -> Result<&'r ApiKeyRecord, Refusal> {
        let record = record.ok_or(Refusal::Unknown)?;
        let hash = self.hash();
        match record.previous.filter(|previous| previous.hash == hash) {
            _ if record.hash == hash => {}
            Some(previous) if now < previous.until => {}
            Some(_) => return Err(Refusal::Replaced),
            None => return Err(Refusal::Secret),
        }
        if record.status == KeyStatus::Revoked {
            return Err(Refusal::Revoked);
        }
        if record.expires_at.is_some_and(|end| now >= end) {
            return Err(Refusal::Expired);
        }
        Ok(record)
    }
}

/// Shows the public part only.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKey").field(&self.id()).finish()
    }
}

/// What the checksum is over, and the checksum; `None` for another form.
fn parts(text: &str) -> Option<(&str, &[u8])> {
    if text.len() != LENGTH {
        return None;
    }
    let (id, rest) = text.strip_prefix(PREFIX)?.split_at_checked(ID_LENGTH)?;
    let (secret, sum) = rest.strip_prefix('_')?.split_at_checked(SECRET_LENGTH)?;
    let sum = sum.strip_prefix('_')?;
    let characters = [id, secret, sum].map(str::as_bytes);
    characters.into_iter().all(is_base62).then_some(())?;
    Some((text.get(..CHECKED)?, sum.as_bytes()))
}

/// The first 8 bytes of the SHA-256 as a big-endian number, of which the last 6 digits in base62.
fn checksum(checked: &str) -> [u8; CHECKSUM_LENGTH] {
    let number = sha256(checked.as_bytes())
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    base62::digits(number)
}
