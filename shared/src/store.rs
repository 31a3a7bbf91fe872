//! The seam to what outlives an environment: counters, API keys, sessions and key sets. What they mean is decided by
//! pure code: steps in [`crate::limit`], credentials in [`crate::auth`] and [`crate::api_key`].

use std::fmt::Debug;

use async_trait::async_trait;

pub mod dynamodb;
mod record;

pub use self::record::{SessionHash, SessionRecord, StoredKeySet};
use crate::api_key::ApiKeyRecord;
use crate::clock::Timestamp;

/// One of the gateway's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// The counters.
    Quota,
    /// The API keys.
    Config,
    /// The sessions, and the last good key sets.
    State,
}

impl TableKind {
    /// The variable that names it.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Quota => "QUOTA_TABLE",
            Self::Config => "CONFIG_TABLE",
            Self::State => "STATE_TABLE",
        }
    }

    pub(crate) const fn holds(self) -> &'static str {
        match self {
            Self::Quota => "the counters",
            Self::Config => "the API keys",
            Self::State => "the sessions",
        }
    }
}

/// The item that holds one subject's limit state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CounterKey {
    /// Partition key: one per subject, never one per plan, tenant or date.
    pub pk: String,
    /// Sort key: the rule set that the state belongs to.
    pub sk: String,
}

/// What an item says: the bucket's theoretical arrival time in microseconds since the epoch.
/// `None`: no such item yet, or an item without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterState {
    /// Theoretical arrival time (GCRA), microseconds since the Unix epoch.
    pub tat: Option<u64>,
}

/// One conditional step on a token bucket, all values in microseconds. There is no `max()` in a DynamoDB
/// expression, so the bucket's step has several forms, and the caller guesses which one fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `tat += cost`, on condition `now < tat <= max`.
    Busy {
        /// The request's fixed now.
        now: u64,
        /// What this request costs: emission interval x cost.
        cost: u64,
        /// `now + tolerance - cost`.
        max: u64,
    },
    /// `tat = now + cost`, on condition that there is no `tat` or `tat <= now`.
    Idle {
        /// The request's fixed now.
        now: u64,
        /// What this request costs: emission interval x cost.
        cost: u64,
    },
    /// `tat = now + cost`, on condition that `tat > above`: it was left by another rule.
    Foreign {
        /// The request's fixed now.
        now: u64,
        /// What this request costs: emission interval x cost.
        cost: u64,
        /// What no `tat` of the present rule exceeds.
        above: u64,
    },
}

/// How a step ended. Both answers carry the item, so no second read is ever needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// The condition held; this is the state after the step.
    Applied(CounterState),
    /// The condition did not hold; nothing was written; this is the state as it stands.
    Refused(CounterState),
}

/// Why a call of the store has no outcome. The texts are for the log: they name tables and attributes, never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Surely not applied (throttled, connection refused, no credentials): safe to try again.
    #[error("the store did not take the call: {0}")]
    NotApplied(String),
    /// May have been applied (time-out, reset, 5xx): a step is never tried again, it could count twice.
    #[error("the store gave no clear answer: {0}")]
    Ambiguous(String),
    /// An item is not of the shape that is written here: somebody has to look at it, and no retry helps.
    #[error("the store holds an item that cannot be read: {0}")]
    Malformed(String),
    /// The variable that names the table is not set: the deployment's mistake.
    #[error("{0} is not set")]
    NoTable(&'static str),
}

/// Everything the gateway keeps: counters that are exact under any concurrency, and records that are read as they
/// stand at that moment, never as they were before.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Runs one step on one item atomically. `expires_at` is the epoch second after which the item may be
    /// deleted; no decision depends on that deletion.
    async fn step(&self, key: &CounterKey, step: Step, expires_at: u64) -> Result<StepOutcome, StoreError>;

    /// The API key of this id, whatever its status; `None`: there is none. Whether it lets anybody in is decided by
    /// [`ApiKey::verify`](crate::api_key::ApiKey::verify).
    async fn api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError>;

    /// The key set that was kept under this name; `None`: none was. However old it is: see
    /// [`StoredKeySet::fetched_at`].
    async fn key_set(&self, name: &str) -> Result<Option<StoredKeySet>, StoreError>;

    /// Keeps a key set, in the place of what was kept under this name: the URI it came from, or whatever tells it
    /// apart, at any length. After `expires_at` (whole seconds) it may be deleted. A body over about 390 KB does not
    /// fit into an item and is refused (`NotApplied`).
    async fn keep_key_set(&self, name: &str, set: &StoredKeySet, expires_at: Timestamp) -> Result<(), StoreError>;

    /// The session whose id has this hash; `None`: there is none, or it was ended. One that is over may still be
    /// there: compare its times.
    async fn session(&self, hash: &SessionHash) -> Result<Option<SessionRecord>, StoreError>;

    /// Marks a session as used at `seen_at` and keeps it until `expires_at` at least (both in whole seconds). `false`:
    /// it is not there any more, and is not made anew. Safe to repeat.
    async fn touch_session(
        &self,
        hash: &SessionHash,
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Opens the connection ahead of the first request. Never fatal: a store that is down now may be up later.
    async fn warm(&self);
}
