//! A store that answers at once, so that nothing but the gateway's own code is counted: one item in memory, changed on
//! the conditions that DynamoDB is asked for, and nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tollgate::api_key::ApiKeyRecord;
use tollgate::clock::Timestamp;
use tollgate::limit::PlanRecord;
use tollgate::store::{
    BucketCharge, BucketStep, Charge, ChargeOutcome, CounterKey, CounterState, Refund, SessionHash, SessionRecord,
    Store, StoreError, StoredKeySet, WindowCharge,
};

/// One item, whatever its key. There are no other tables.
#[derive(Debug, Default)]
pub(crate) struct OneItem {
    item: Mutex<CounterState>,
    charges: AtomicUsize,
}

impl OneItem {
    /// How many charges were asked for.
    pub(crate) fn charges(&self) -> usize {
        self.charges.load(Ordering::Relaxed)
    }
}

/// Changes the item as a charge says; `false` where its conditions do not hold. There is one rule here, so no bucket is
/// ever taken away.
fn apply(item: &mut CounterState, charge: &Charge) -> bool {
    let next = charge.bucket.map(|BucketCharge { bucket, step }| {
        let tat = item.tat(bucket).unwrap_or(0);
        match step {
            BucketStep::Busy { now, cost, max } => (bucket, now < tat && tat <= max, tat + cost),
            BucketStep::Idle { now, cost } => (bucket, tat <= now, now + cost),
        }
    });
    let fits = next.is_none_or(|(_, fits, _)| fits);
    let has_room = |charged: &WindowCharge| item.count(charged.window) <= charged.room;
    if !fits || !charge.windows.iter().all(has_room) {
        return false;
    }
    if let Some((bucket, _, tat)) = next {
        match item.buckets.iter_mut().find(|(name, _)| *name == bucket) {
            Some((_, stands)) => *stands = tat,
            None => item.buckets.push((bucket, tat)),
        }
    }
    for WindowCharge { window, .. } in &charge.windows {
        match item.windows.iter_mut().find(|(counted, _)| counted == window) {
            Some((_, count)) => *count += charge.cost,
            None => item.windows.push((*window, charge.cost)),
        }
    }
    item.windows.retain(|(window, _)| !charge.over.windows.contains(window));
    true
}

const NO_TABLE: StoreError = StoreError::NoTable("STATE_TABLE");

#[async_trait]
impl Store for OneItem {
    async fn charge(&self, _: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        self.charges.fetch_add(1, Ordering::Relaxed);
        let mut item = self.item.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match apply(&mut item, charge) {
            true => ChargeOutcome::Applied(item.clone()),
            false => ChargeOutcome::Refused(item.clone()),
        })
    }

    async fn counter(&self, _: &CounterKey) -> Result<CounterState, StoreError> {
        Err(NO_TABLE)
    }

    async fn refund(&self, _: &CounterKey, _: &Refund) -> Result<Option<CounterState>, StoreError> {
        Err(NO_TABLE)
    }

    async fn api_key(&self, _: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        Err(NO_TABLE)
    }

    async fn plan(&self, _: &str) -> Result<Option<PlanRecord>, StoreError> {
        Err(NO_TABLE)
    }

    async fn key_set(&self, _: &str) -> Result<Option<StoredKeySet>, StoreError> {
        Err(NO_TABLE)
    }

    async fn keep_key_set(&self, _: &str, _: &StoredKeySet, _: Timestamp) -> Result<(), StoreError> {
        Err(NO_TABLE)
    }

    async fn session(&self, _: &SessionHash) -> Result<Option<SessionRecord>, StoreError> {
        Err(NO_TABLE)
    }

    async fn touch_session(&self, _: &SessionHash, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        Err(NO_TABLE)
    }

    async fn warm(&self) {}
}
