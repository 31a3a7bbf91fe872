//! Rule sets, and a table with faults.

use std::collections::{HashMap, VecDeque};
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::bucket::Bucket;
use super::{ChargeOn, KeyPart, Manner, Mode, OnError, Period, Quota, Rate, RuleSet};
use crate::clock::Timestamp;
use crate::config::Pointer;
pub(crate) use crate::store::model::apply;
use crate::store::model::{self, CountersOnly};
use crate::store::{Charge, ChargeOutcome, CounterKey, CounterState, Refund, StoreError};

pub(crate) fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(secs)
}

/// A rule set in the making.
#[derive(Clone, Debug)]
pub(crate) struct Limits(RuleSet);

impl Limits {
    /// Limits nothing yet.
    pub(crate) fn none() -> Self {
        Self(RuleSet {
            name: "default".into(),
            sort_key: "L#shared".into(),
            rate: None,
            quotas: Vec::new(),
            key: vec![KeyPart::ClientIp],
            manner: Manner {
                on_error: OnError::Deny,
                ..Manner::default()
            },
            pointer: Pointer::new("/rate_limiting/default"),
        })
    }

    pub(crate) fn rate(requests: u32, per_secs: u64, burst: u32) -> Self {
        let mut limits = Self::none();
        limits.0.rate = Some(rate(requests, per_secs, burst));
        limits
    }

    pub(crate) fn quota(requests: u64, per: &str) -> Self {
        Self::none().and_quota(requests, per)
    }

    pub(crate) fn and_quota(mut self, requests: u64, per: &str) -> Self {
        self.0.quotas.push(Quota {
            name: format!("{}-{per}", self.0.name).into(),
            requests: NonZeroU64::new(requests).unwrap(),
            per: Period::ALL.into_iter().find(|period| period.as_str() == per).unwrap(),
        });
        self
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.0.name = name.into();
        for quota in &mut self.0.quotas {
            quota.name = format!("{name}-{}", quota.per.as_str()).into();
        }
        self
    }

    pub(crate) fn on_error(mut self, on_error: OnError) -> Self {
        self.0.manner.on_error = on_error;
        self
    }

    pub(crate) fn lease(mut self, most: u32) -> Self {
        self.0.manner.mode = Mode::Lease(NonZeroU32::new(most).unwrap());
        self
    }

    pub(crate) fn refunded(mut self) -> Self {
        self.0.manner.charge_on = ChargeOn::Success;
        self
    }

    pub(crate) fn shadow(mut self) -> Self {
        self.0.manner.shadow = true;
        self
    }

    pub(crate) fn build(self) -> RuleSet {
        self.0
    }
}

pub(crate) fn rate(requests: u32, per_secs: u64, burst: u32) -> Rate {
    Rate {
        requests: NonZeroU32::new(requests).unwrap(),
        per: Duration::from_secs(per_secs),
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

/// An item that holds only the bucket of 100 a second, 20 at once.
pub(crate) fn bucket_at(tat: impl Into<Option<u64>>) -> CounterState {
    bucket_of(rate(100, 1, 20), tat)
}

/// An item that holds only the bucket of this rate.
pub(crate) fn bucket_of(rate: Rate, tat: impl Into<Option<u64>>) -> CounterState {
    let name = Bucket::new(rate).name();
    CounterState {
        buckets: tat.into().into_iter().map(|tat| (name, tat)).collect(),
        windows: Vec::new(),
    }
}

/// A table: each charge is atomic. Faults come first, in order.
#[derive(Debug, Default)]
pub(crate) struct ModelStore {
    pub(crate) items: Mutex<HashMap<CounterKey, CounterState>>,
    pub(crate) faults: Mutex<VecDeque<Fault>>,
    pub(super) calls: AtomicU32,
    pub(crate) warmed: AtomicU32,
    pub(crate) expires_at: AtomicU64,
    /// Every so many calls are throttled; 0: none.
    pub(crate) throttle_every: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Fault {
    Error(StoreError),
    Stall,
    Slow(Duration),
    /// Counted, but the answer is lost.
    LostAnswer,
    /// An engine that leaves the item out of its refusal.
    RefuseBlindly,
}

impl ModelStore {
    pub(crate) fn with(faults: impl IntoIterator<Item = Fault>) -> Arc<Self> {
        Arc::new(Self {
            faults: Mutex::new(faults.into_iter().collect()),
            ..Self::default()
        })
    }

    /// How many there were since this was asked last.
    pub(crate) fn calls(&self) -> u32 {
        self.calls.swap(0, Ordering::SeqCst)
    }

    pub(crate) fn only_item(&self) -> CounterState {
        let items = self.items.lock().unwrap();
        assert_eq!(items.len(), 1, "{items:?}");
        items.values().next().unwrap().clone()
    }

    fn apply(&self, key: &CounterKey, charge: &Charge) -> ChargeOutcome {
        let mut items = self.items.lock().unwrap();
        let mut state = items.get(key).cloned().unwrap_or_default();
        if !apply(&mut state, charge) {
            return ChargeOutcome::Refused(state);
        }
        items.insert(key.clone(), state.clone());
        ChargeOutcome::Applied(state)
    }
}

#[async_trait]
impl CountersOnly for ModelStore {
    async fn charge(&self, key: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        self.expires_at.store(charge.expires_at, Ordering::SeqCst);
        let fault = self.faults.lock().unwrap().pop_front();
        match fault {
            None if self.throttle_every > 0 && call.is_multiple_of(self.throttle_every) => {
                return Err(throttled(false));
            }
            None => {}
            Some(Fault::Error(error)) => return Err(error),
            Some(Fault::Stall) => std::future::pending().await,
            Some(Fault::Slow(by)) => tokio::time::sleep(by).await,
            Some(Fault::LostAnswer) => {
                self.apply(key, charge);
                return Err(StoreError::Ambiguous("reset".into()));
            }
            Some(Fault::RefuseBlindly) => return Ok(ChargeOutcome::Refused(CounterState::default())),
        }
        // Lets other tasks in before and after the atomic change.
        tokio::task::yield_now().await;
        let outcome = self.apply(key, charge);
        tokio::task::yield_now().await;
        Ok(outcome)
    }

    async fn counter(&self, key: &CounterKey) -> Result<CounterState, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Ok(self.items.lock().unwrap().get(key).cloned().unwrap_or_default())
    }

    async fn refund(&self, key: &CounterKey, refund: &Refund) -> Result<Option<CounterState>, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fault = self.faults.lock().unwrap().pop_front();
        match fault {
            None => {}
            Some(Fault::Stall) => std::future::pending().await,
            Some(Fault::Error(error)) => return Err(error),
            Some(other) => panic!("{other:?} is not for a refund"),
        }
        let mut items = self.items.lock().unwrap();
        let Some(state) = items.get_mut(key) else {
            return Ok(None);
        };
        Ok(model::give_back(state, refund).then(|| state.clone()))
    }

    async fn warm(&self) {
        self.warmed.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) fn throttled(one_key: bool) -> StoreError {
    StoreError::Throttled {
        why: "too much".into(),
        one_key,
    }
}
