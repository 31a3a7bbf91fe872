//! Requests that were counted ahead, and are spent without a write.
//!
//! What is taken is debited before it is used: so quotas are never overdrawn, and what an environment holds when it ends
//! is lost to its subject. To lose little, a lease is as large as the last one was useful: it doubles when it was
//! used up in its time, and shrinks to what was used when it was not; and it takes a tenth of what is left at most, so that the
//! last ones are counted each by itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::check::Check;
use super::rules::{Quota, Rate};
use super::window::Window;
use crate::clock::Timestamp;
use crate::generations::Generations;
use crate::lock::lock;
use crate::store::{CounterKey, CounterState};

/// Subjects per generation.
const GENERATION: usize = 2_048;

/// How much of what is left one lease takes at most: a tenth.
const SHARE: u64 = 10;

/// What an environment holds of each subject.
#[derive(Debug)]
pub(super) struct Leases(Mutex<Generations<CounterKey, Arc<Slot>>>);

/// The place of one subject's lease. Held while one is taken, so that of many requests at once one writes and the others
/// spend.
pub(super) type Slot = tokio::sync::Mutex<Option<Lease>>;

/// What was counted ahead.
#[derive(Debug)]
pub(super) struct Lease {
    /// How many requests' worth was taken, in units of cost, and what is left of it.
    taken: u32,
    left: u32,
    /// By which rate and quotas, and in which windows, it was counted: by others and in others it is worth nothing.
    rate: Option<Rate>,
    quotas: Vec<Quota>,
    windows: Vec<Window>,
    lasts: Duration,
    /// When it was asked for, by both clocks: the one that only goes forward may stand still while the environment is frozen.
    asked: Instant,
    asked_at: Timestamp,
    /// What the store said when it was taken.
    state: CounterState,
}

impl Default for Leases {
    fn default() -> Self {
        Self(Mutex::new(Generations::new(GENERATION)))
    }
}

impl Leases {
    /// The place of this subject.
    pub(super) fn slot(&self, key: &CounterKey) -> Arc<Slot> {
        let mut leases = lock(&self.0);
        leases.get(key).unwrap_or_else(|| {
            let slot = Arc::<Slot>::default();
            leases.insert(key.clone(), Arc::clone(&slot), 1);
            slot
        })
    }
}

impl Lease {
    /// What this check took, for a request that came at `asked`: its time counts from then, as the store may have debited it
    /// from then on.
    pub(super) fn new(check: &Check<'_>, state: CounterState, asked: Instant) -> Self {
        Self {
            taken: check.units(),
            left: check.units(),
            rate: check.set.rate,
            quotas: check.set.quotas.clone(),
            windows: check.window_names(),
            lasts: check.set.lease_lasts(),
            asked,
            asked_at: check.now,
            state,
        }
    }

    /// Spends what this check's request costs, if it is there and still worth something.
    pub(super) fn spend(&mut self, check: &Check<'_>) -> bool {
        let same = self.rate == check.set.rate && self.quotas == check.set.quotas;
        let holds = same && self.is_fresh(check.now) && self.windows == check.window_names();
        match self.left.checked_sub(check.cost) {
            Some(left) if holds => {
                self.left = left;
                true
            }
            _ => false,
        }
    }

    /// What is left of it.
    pub(super) fn left(&self) -> u32 {
        self.left
    }

    /// What the store said when it was taken.
    pub(super) fn state(&self) -> &CounterState {
        &self.state
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        self.asked.elapsed() < self.lasts && now.apart(self.asked_at) < self.lasts
    }

    /// How much the next one takes at most: twice as much if this one was used up in its time, else what was used of it.
    fn next(&self, check: &Check<'_>) -> u32 {
        let used = self.taken - self.left;
        match self.left < check.cost && self.is_fresh(check.now) {
            true => self.taken.saturating_mul(2),
            false => used,
        }
    }
}

/// How much to take now, in units of cost: whole requests, at least one; `most` requests at most, and a tenth of `room`.
pub(super) fn size(last: Option<&Lease>, check: &Check<'_>, most: u32, room: u64) -> u32 {
    let cost = check.cost;
    let wanted = last.map_or(cost, |last| last.next(check));
    let share = u32::try_from(room / SHARE).unwrap_or(u32::MAX);
    let units = wanted.min(most.saturating_mul(cost)).min(share);
    (units - units % cost).max(cost)
}
