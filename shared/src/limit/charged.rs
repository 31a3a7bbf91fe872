//! A charge that may have to be given back.

use crate::clock::Timestamp;
use crate::store::{CounterKey, Refund};

use super::bucket::BucketName;
use super::window::Window;

/// What one request was charged, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Charged {
    pub(super) key: CounterKey,
    /// The bucket, what was taken from it, in microseconds, and its theoretical arrival time after that.
    pub(super) bucket: Option<(BucketName, u64, u64)>,
    /// What was counted in each window.
    pub(super) cost: u64,
    pub(super) windows: Vec<Window>,
}

impl Charged {
    /// What can be given back now; `None`: nothing. Of a bucket as much of it as has not drained by itself, which would
    /// else be let through twice; whatever the bucket stands at by now, for other refunds lower it too. Of a window while it
    /// lasts.
    pub(super) fn refund(&self, now: Timestamp) -> Option<Refund> {
        let refund = Refund {
            bucket: self
                .bucket
                .map(|(name, taken, tat)| (name, taken.min(tat.saturating_sub(now.micros()))))
                .filter(|(_, left)| *left > 0),
            cost: self.cost,
            windows: self
                .windows
                .iter()
                .copied()
                .filter(|window| !window.is_over(now))
                .collect(),
        };
        (refund.bucket.is_some() || !refund.windows.is_empty()).then_some(refund)
    }
}
