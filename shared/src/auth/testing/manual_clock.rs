//! A clock for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::NOW;
use crate::clock::{Clock, Timestamp};

/// It stands still until it is told otherwise.
#[derive(Debug)]
pub(crate) struct ManualClock(AtomicU64);

impl ManualClock {
    /// At [`NOW`].
    pub(crate) fn new() -> Arc<Self> {
        Self::at(Timestamp::from_secs(NOW))
    }

    pub(crate) fn at(time: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(time.micros())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    pub(crate) fn set(&self, to: Timestamp) {
        self.0.store(to.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
