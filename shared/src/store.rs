//! The seam to what outlives an environment: counters, API keys, sessions and key sets. What they mean is decided by
//! pure code: charges in [`crate::limit`], credentials in [`crate::auth`] and [`crate::api_key`].

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

pub mod dynamodb;
#[cfg(any(test, feature = "model"))]
pub mod model;
mod record;

pub use self::record::{SessionHash, SessionRecord, StoredKeySet};
use crate::api_key::ApiKeyRecord;
use crate::cache::CacheKey;
use crate::clock::Timestamp;
use crate::limit::{BucketName, PlanRecord, Window};

/// One of the gateway's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// The counters.
    Quota,
    /// The API keys and the plans.
    Config,
    /// The sessions, the last good key sets, and answers that are kept for all environments.
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
            Self::State => "the sessions and answers that are kept",
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

/// What an item says. Nothing of it: no such item yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CounterState {
    /// Each bucket's theoretical arrival time (GCRA), microseconds since the Unix epoch.
    pub buckets: Vec<(BucketName, u64)>,
    /// What was counted in each window, also in those that are over.
    pub windows: Vec<(Window, u64)>,
}

impl CounterState {
    /// A bucket's theoretical arrival time; `None`: there is no such bucket, it is full.
    pub fn tat(&self, bucket: BucketName) -> Option<u64> {
        let named = self.buckets.iter().find(|(name, _)| *name == bucket);
        named.map(|(_, tat)| *tat)
    }

    /// Whether one of the buckets is not full.
    pub(crate) fn is_busy(&self, now: Timestamp) -> bool {
        self.buckets.iter().any(|(_, tat)| *tat > now.micros())
    }

    /// What was counted in a window.
    pub fn count(&self, window: Window) -> u64 {
        let counted = self.windows.iter().find(|(counted, _)| *counted == window);
        counted.map_or(0, |(_, count)| *count)
    }
}

/// One conditional change of an item: all of it is done, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// How its bucket moves; `None`: it has none.
    pub bucket: Option<BucketCharge>,
    /// What is added to each window.
    pub cost: u64,
    /// The windows it is added to.
    pub windows: Vec<WindowCharge>,
    /// What is taken away with it.
    pub over: Leftovers,
    /// The epoch second after which the item may be deleted; no decision depends on that deletion.
    pub expires_at: u64,
}

/// What says nothing any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Windows that are over, whatever was counted in them: nobody counts in them again.
    pub windows: Vec<Window>,
    /// Buckets that nobody has used lately, on condition that this is still so: none has a `tat` after `full_by`.
    pub buckets: Vec<BucketName>,
    /// In microseconds since the Unix epoch.
    pub full_by: u64,
}

impl Leftovers {
    /// How many.
    pub fn len(&self) -> usize {
        self.windows.len() + self.buckets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A bucket that a charge moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketCharge {
    /// Which.
    pub bucket: BucketName,
    /// How.
    pub step: BucketStep,
}

/// A window that a charge is added to, on condition that there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowCharge {
    /// Which.
    pub window: Window,
    /// The most that may be counted in it before.
    pub room: u64,
}

/// One conditional step on a token bucket, all values in microseconds. There is no `max()` in a DynamoDB
/// expression, so the bucket's step has two forms, and the caller guesses which one fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketStep {
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
}

/// What is given back of a charge: all of it, or nothing where one part is not there any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// From this bucket so much, in microseconds; `None`: from none.
    pub bucket: Option<(BucketName, u64)>,
    /// From each window.
    pub cost: u64,
    /// The windows.
    pub windows: Vec<Window>,
}

/// How a charge ended. Both answers carry the item, so no second read is ever needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// The condition held; this is the state after the charge.
    Applied(CounterState),
    /// The condition did not hold; nothing was written; this is the state as it stands.
    Refused(CounterState),
}

/// Why a call of the store has no outcome. The texts are for the log: they name tables and attributes, never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Surely not applied (connection refused, no credentials): safe to try again.
    #[error("the store did not take the call: {0}")]
    NotApplied(String),
    /// Not applied, because it was too much: the store is well.
    #[error("the store is throttled: {why}")]
    Throttled {
        /// What DynamoDB says.
        why: String,
        /// Whether it is this item's partition that is too busy, and not the table or the account.
        one_key: bool,
    },
    /// May have been applied (reset, 5xx): a charge is never tried again, it could count twice.
    #[error("the store gave no clear answer: {0}")]
    Ambiguous(String),
    /// May have been applied: there was no answer in time.
    #[error("the store gave no answer in time: {0}")]
    TimedOut(String),
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
    /// Charges one item, atomically.
    async fn charge(&self, key: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError>;

    /// An item as it stands now; nothing of it where there is none.
    async fn counter(&self, key: &CounterKey) -> Result<CounterState, StoreError>;

    /// Gives a charge back, atomically; the state after it, or `None` where nothing was given back. Not safe to repeat.
    async fn refund(&self, key: &CounterKey, refund: &Refund) -> Result<Option<CounterState>, StoreError>;

    /// The API key of this id, whatever its status; `None`: there is none. Whether it lets anybody in is decided by
    /// [`ApiKey::verify`](crate::api_key::ApiKey::verify).
    async fn api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError>;

    /// The plan of this name; `None`: there is none.
    async fn plan(&self, name: &str) -> Result<Option<PlanRecord>, StoreError>;

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

    /// What was kept under this key of the cache; `None`: nothing. It may be of no use any more.
    async fn cached(&self, key: &CacheKey) -> Result<Option<Bytes>, StoreError>;

    /// Keeps something there, in the place of what was. After `expires_at` (whole seconds) it may be deleted. Over about
    /// 390 KB do not fit into an item and are refused (`NotApplied`).
    async fn keep_cached(&self, key: &CacheKey, bytes: &Bytes, expires_at: Timestamp) -> Result<(), StoreError>;

    /// Opens the connection ahead of the first request. Never fatal: a store that is down now may be up later.
    async fn warm(&self);
}
