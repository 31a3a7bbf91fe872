//! A store that answers at once, so that little but the gateway's own code is counted: one item in memory, changed on the
//! conditions that DynamoDB is asked for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tollgate::store::model::{CountersOnly, apply};
use tollgate::store::{Charge, ChargeOutcome, CounterKey, CounterState, StoreError};

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

#[async_trait]
impl CountersOnly for OneItem {
    async fn charge(&self, _: &CounterKey, charge: &Charge) -> Result<ChargeOutcome, StoreError> {
        self.charges.fetch_add(1, Ordering::Relaxed);
        let mut item = self.item.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match apply(&mut item, charge) {
            true => ChargeOutcome::Applied(item.clone()),
            false => ChargeOutcome::Refused(item.clone()),
        })
    }
}
