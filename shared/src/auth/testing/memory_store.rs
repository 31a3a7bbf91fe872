//! The tables of credentials, and of answers that are kept.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::api_key::ApiKeyRecord;
use crate::cache::CacheKey;
use crate::clock::Timestamp;
use crate::limit::PlanRecord;
use crate::store::{
    Charge, ChargeOutcome, CounterKey, CounterState, Refund, SessionHash, SessionRecord, Store, StoreError,
    StoredKeySet,
};

/// The tables of credentials, in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    pub(crate) key_sets: Mutex<HashMap<String, StoredKeySet>>,
    pub(crate) plans: Mutex<HashMap<String, PlanRecord>>,
    pub(crate) api_keys: Mutex<HashMap<String, ApiKeyRecord>>,
    pub(crate) sessions: Mutex<HashMap<SessionHash, SessionRecord>>,
    pub(crate) cached: Mutex<HashMap<CacheKey, Bytes>>,
    /// What every call answers while the store is down.
    pub(crate) down: Mutex<Option<StoreError>>,
    /// How long a call takes.
    pub(crate) takes: Mutex<Duration>,
    pub(crate) reads: AtomicUsize,
    pub(crate) writes: AtomicUsize,
}

impl MemoryStore {
    pub(crate) fn goes_down(&self) {
        *self.down.lock().unwrap() = Some(StoreError::Ambiguous("stalled".into()));
    }

    pub(crate) fn stalls(&self) {
        self.takes(Duration::from_secs(3_600));
    }

    pub(crate) fn takes(&self, time: Duration) {
        *self.takes.lock().unwrap() = time;
    }

    pub(crate) fn comes_back(&self) {
        self.takes(Duration::ZERO);
        *self.down.lock().unwrap() = None;
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    async fn called(&self, counter: &AtomicUsize) -> Result<(), StoreError> {
        counter.fetch_add(1, Ordering::SeqCst);
        let takes = *self.takes.lock().unwrap();
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        self.down.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn charge(&self, _: &CounterKey, _: &Charge) -> Result<ChargeOutcome, StoreError> {
        panic!("authentication counts nothing")
    }

    async fn counter(&self, _: &CounterKey) -> Result<CounterState, StoreError> {
        panic!("authentication counts nothing")
    }

    async fn refund(&self, _: &CounterKey, _: &Refund) -> Result<Option<CounterState>, StoreError> {
        panic!("authentication counts nothing")
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKeyRecord>, StoreError> {
        self.called(&self.reads).await?;
        Ok(self.api_keys.lock().unwrap().get(id).cloned())
    }

    async fn plan(&self, name: &str) -> Result<Option<PlanRecord>, StoreError> {
        self.called(&self.reads).await?;
        Ok(self.plans.lock().unwrap().get(name).cloned())
    }

    async fn key_set(&self, name: &str) -> Result<Option<StoredKeySet>, StoreError> {
        self.called(&self.reads).await?;
        Ok(self.key_sets.lock().unwrap().get(name).cloned())
    }

    async fn keep_key_set(&self, name: &str, set: &StoredKeySet, _: Timestamp) -> Result<(), StoreError> {
        self.called(&self.writes).await?;
        self.key_sets.lock().unwrap().insert(name.to_owned(), set.clone());
        Ok(())
    }

    async fn session(&self, hash: &SessionHash) -> Result<Option<SessionRecord>, StoreError> {
        self.called(&self.reads).await?;
        Ok(self.sessions.lock().unwrap().get(hash).cloned())
    }

    async fn touch_session(&self, hash: &SessionHash, seen: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        self.called(&self.writes).await?;
        let mut sessions = self.sessions.lock().unwrap();
        let session = sessions.get_mut(hash);
        Ok(session.map(|session| session.seen_at = seen).is_some())
    }

    async fn cached(&self, key: &CacheKey) -> Result<Option<Bytes>, StoreError> {
        self.called(&self.reads).await?;
        Ok(self.cached.lock().unwrap().get(key).cloned())
    }

    async fn keep_cached(&self, key: &CacheKey, bytes: &Bytes, _: Timestamp) -> Result<(), StoreError> {
        self.called(&self.writes).await?;
        self.cached.lock().unwrap().insert(*key, bytes.clone());
        Ok(())
    }

    async fn warm(&self) {}
}
