//! What the config table says about a key.

use serde_json::{Map, Value};

use super::KeyHash;
use crate::clock::Timestamp;
use crate::limit::PlanDocument;

/// One API key as it is kept. Times are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// The public part of the key: in logs, in limits, on the command line.
    pub id: String,
    /// Of the key's whole text.
    pub hash: KeyHash,
    /// The key that a rotation replaced, while it is still good.
    pub previous: Option<PreviousKey>,
    /// Whether it is good at all.
    pub status: KeyStatus,
    /// Whom it was given to; upstreams know the caller by this.
    pub owner: String,
    /// The usage plan, where there is one.
    pub plan: Option<String>,
    /// From then on it has none, and is refused where callers need one.
    pub plan_expires_at: Option<Timestamp>,
    /// Limits of its own, in place of the plan's.
    pub limits: Option<PlanDocument>,
    /// What it may do; sorted, each once.
    pub scopes: Vec<String>,
    /// From then on it is refused; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When it was made. A rotation leaves it.
    pub created_at: Timestamp,
    /// What people call it.
    pub name: Option<String>,
}

/// The key that a rotation replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviousKey {
    /// Of its whole text.
    pub hash: KeyHash,
    /// From then on it is refused.
    pub until: Timestamp,
}

/// Whether a key is good at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It is, as long as it has not expired.
    Active,
    /// Never again.
    Revoked,
}

/// What a key is good for at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It lets its owner in.
    Active,
    /// It did until its time was over.
    Expired,
    /// It was taken back; this holds whatever its time says.
    Revoked,
}

impl KeyState {
    /// Its word in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl ApiKeyRecord {
    /// What the key is good for now.
    pub fn state(&self, now: Timestamp) -> KeyState {
        match self.status {
            KeyStatus::Revoked => KeyState::Revoked,
            KeyStatus::Active if self.expires_at.is_some_and(|end| now >= end) => KeyState::Expired,
            KeyStatus::Active => KeyState::Active,
        }
    }

    /// What the key proves about whoever sent it: `sub` is the owner; `key_id`; `scope` as in a token, joined by blanks;
    /// `plan` and `name` where there are any.
    pub fn claims(&self) -> Map<String, Value> {
        let scope = self.scopes.join(" ");
        let claims = [
            ("sub", Some(self.owner.as_str())),
            ("key_id", Some(&self.id)),
            ("plan", self.plan.as_deref()),
            ("scope", Some(&*scope).filter(|scope| !scope.is_empty())),
            ("name", self.name.as_deref()),
        ];
        let given = claims
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        given.collect()
    }
}
