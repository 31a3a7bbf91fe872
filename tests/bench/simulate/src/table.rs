//! The table in memory. It does what a charge says as a whole or not at all, takes a few milliseconds for it, and every
//! environment's calls of it are counted.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tollgate::store::model::CountersOnly;
use tollgate::store::{Charge, ChargeOutcome, CounterKey, CounterState, StoreError};

/// What a charge makes of an item; whether its condition held.
pub(crate) type Apply = fn(&mut CounterState, &Charge) -> bool;

/// The one item that all requests are counted in.
#[derive(Debug)]
pub(crate) struct Table {
    item: Mutex<CounterState>,
    apply: Apply,
}

/// One environment's way to the table.
#[derive(Debug)]
pub(crate) struct Connection {
    table: Arc<Table>,
    calls: AtomicU32,
    /// For how long its calls take; none: no time at all.
    random: Option<Mutex<fastrand::Rng>>,
}

impl Table {
    pub(crate) fn new(apply: Apply) -> Arc<Self> {
        Self::with(CounterState::default(), apply)
    }

    fn with(item: CounterState, apply: Apply) -> Arc<Self> {
        let item = Mutex::new(item);
        Arc::new(Self { item, apply })
    }

    /// Another table with the same in it.
    pub(crate) fn copy(&self) -> Arc<Self> {
        Self::with(self.item().clone(), self.apply)
    }

    fn charge(&self, charge: &Charge) -> ChargeOutcome {
        let mut item = self.item();
        match (self.apply)(&mut item, charge) {
            true => ChargeOutcome::Applied(item.clone()),
            false => ChargeOutcome::Refused(item.clone()),
        }
    }

    fn item(&self) -> std::sync::MutexGuard<'_, CounterState> {
        self.item.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// To a table a few milliseconds away.
    pub(crate) fn new(table: Arc<Table>, random: fastrand::Rng) -> Arc<Self> {
        Arc::new(Self {
            table,
            calls: AtomicU32::new(0),
            random: Some(Mutex::new(random)),
        })
    }

    /// To a table that answers at once.
    pub(crate) fn direct(table: Arc<Table>) -> Arc<Self> {
        Arc::new(Self {
            table,
            calls: AtomicU32::new(0),
            random: None,
        })
    }

    /// How many calls there were since this was asked last.
    pub(crate) fn calls(&self) -> u32 {
        self.calls.swap(0, Ordering::Relaxed)
    }

    /// There or back: one to three milliseconds.
    async fn travel(&self) {
        let Some(random) = &self.random else { return };
        let ms = random.lock().unwrap_or_else(PoisonError::into_inner).u64(1..=3);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

#[async_trait]
impl CountersOnly for Connection {
    async fn charge(&self, _: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.travel().await;
        let outcome = self.table.charge(charge);
        self.travel().await;
        Ok(outcome)
    }
}
