//! The seam to the counters: one atomic step on one item. What a step means (rates, rooms, headers) is
//! decided by pure code in [`crate::limit`].

use std::fmt::Debug;

use async_trait::async_trait;

pub mod dynamodb;

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

/// Why a step has no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Surely not applied (throttled, connection refused, no credentials): safe to try again.
    #[error("the counter store did not take the step: {0}")]
    NotApplied(String),
    /// May have been applied (time-out, reset, 5xx): never tried again, it could count twice.
    #[error("the counter store gave no clear answer: {0}")]
    Ambiguous(String),
}

/// Counters that are exact under any concurrency.
#[async_trait]
pub trait CounterStore: Debug + Send + Sync {
    /// Runs one step on one item atomically. `expires_at` is the epoch second after which the item may be
    /// deleted; no decision depends on that deletion.
    async fn step(&self, key: &CounterKey, step: Step, expires_at: u64) -> Result<StepOutcome, StoreError>;

    /// Opens the connection ahead of the first request. Never fatal: a store that is down now may be up later.
    async fn warm(&self);
}
