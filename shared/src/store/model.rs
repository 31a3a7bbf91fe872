//! What DynamoDB makes of a charge and of a refund, in memory; and stores that hold counters only. For the tests and
//! the benches, never for a function.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use super::{
    BucketCharge, BucketStep, Charge, ChargeOutcome, CounterKey, CounterState, Refund, SessionHash, SessionRecord,
    Store, StoreError, StoredKeySet, WindowCharge,
};
use crate::api_key::ApiKeyRecord;
use crate::cache::CacheKey;
use crate::clock::Timestamp;
use crate::limit::{BucketName, PlanRecord, Window};

/// Changes an item as the expression of this charge does; `false` where its condition does not hold, and nothing is
/// changed.
pub fn apply(state: &mut CounterState, charge: &Charge) -> bool {
    let moved = charge.bucket.map(|charged| (charged.bucket, moved(state, charged)));
    if moved.is_some_and(|(_, tat)| tat.is_none()) {
        return false;
    }
    let has_room = |charged: &WindowCharge| {
        let counted = state.windows.iter().find(|(window, _)| *window == charged.window);
        counted.is_none_or(|(_, count)| *count <= charged.room)
    };
    let is_full = |name: &BucketName| state.tat(*name).is_none_or(|tat| tat <= charge.over.full_by);
    if !charge.windows.iter().all(has_room) || !charge.over.buckets.iter().all(is_full) {
        return false;
    }
    if let Some((bucket, Some(tat))) = moved {
        state.buckets.retain(|(name, _)| *name != bucket);
        state.buckets.push((bucket, tat));
    }
    for WindowCharge { window, .. } in &charge.windows {
        match state.windows.iter_mut().find(|(counted, _)| counted == window) {
            Some((_, count)) => *count += charge.cost,
            None => state.windows.push((*window, charge.cost)),
        }
    }
    state
        .windows
        .retain(|(window, _)| !charge.over.windows.contains(window));
    state.buckets.retain(|(name, _)| !charge.over.buckets.contains(name));
    true
}

/// Where a step moves its bucket to; `None` where its condition does not hold.
fn moved(state: &CounterState, charged: BucketCharge) -> Option<u64> {
    match (charged.step, state.tat(charged.bucket)) {
        (BucketStep::Busy { now, cost, max }, Some(tat)) if tat > now && tat <= max => Some(tat + cost),
        (BucketStep::Idle { now, cost }, None) => Some(now + cost),
        (BucketStep::Idle { now, cost }, Some(tat)) if tat <= now => Some(now + cost),
        _ => None,
    }
}

/// The same of a refund.
pub fn give_back(state: &mut CounterState, refund: &Refund) -> bool {
    let has = |window: &Window| state.count(*window) >= refund.cost;
    let lacks = |(bucket, back)| state.tat(bucket).is_none_or(|tat| tat < back);
    if refund.bucket.is_some_and(lacks) || !refund.windows.iter().all(has) {
        return false;
    }
    for (name, tat) in &mut state.buckets {
        let taken = refund.bucket.filter(|(bucket, _)| bucket == name);
        *tat -= taken.map_or(0, |(_, back)| back);
    }
    let windows = state.windows.iter_mut();
    for (_, count) in windows.filter(|(window, _)| refund.windows.contains(window)) {
        *count -= refund.cost;
    }
    true
}

/// A store where only the quota table is set.
#[async_trait]
pub trait CountersOnly: Debug + Send + Sync {
    /// See [`Store::charge`].
    async fn charge(&self, key: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError>;

    /// See [`Store::counter`].
    async fn counter(&self, _: &CounterKey) -> Result<CounterState, StoreError> {
        Ok(CounterState::default())
    }

    /// See [`Store::refund`].
    async fn refund(&self, _: &CounterKey, _: &Refund) -> Result<Option<CounterState>, StoreError> {
        Ok(None)
    }

    /// See [`Store::warm`].
    async fn warm(&self) {}
}

#[async_trait]
impl<T: CountersOnly> Store for T {
    async fn charge(&self, key: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        CountersOnly::charge(self, key, charge).await
    }

    async fn counter(&self, key: &CounterKey) -> Result<CounterState, StoreError> {
        CountersOnly::counter(self, key).await
    }

    async fn refund(&self, key: &CounterKey, refund: &Refund) -> Result<Option<CounterState>, StoreError> {
        CountersOnly::refund(self, key, refund).await
    }

    async fn warm(&self) {
        CountersOnly::warm(self).await;
    }

    async fn api_key(&self, _: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        Err(StoreError::NoTable("CONFIG_TABLE"))
    }

    async fn plan(&self, _: &str) -> Result<Option<PlanRecord>, StoreError> {
        Err(StoreError::NoTable("CONFIG_TABLE"))
    }

    async fn key_set(&self, _: &str) -> Result<Option<StoredKeySet>, StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }

    async fn keep_key_set(&self, _: &str, _: &StoredKeySet, _: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }

    async fn session(&self, _: &SessionHash) -> Result<Option<SessionRecord>, StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }

    async fn touch_session(&self, _: &SessionHash, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }

    async fn cached(&self, _: &CacheKey) -> Result<Option<Bytes>, StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }

    async fn keep_cached(&self, _: &CacheKey, _: &Bytes, _: Timestamp) -> Result<(), StoreError> {
        Err(StoreError::NoTable("STATE_TABLE"))
    }
}
