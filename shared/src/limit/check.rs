//! One check: a rule set, at one moment, for a request of some cost. Pure: no store and no clock.
//!
//! An item says all at once, so each rule is read here only: what a state lets through, what the next step is, and
//! what the client is told.

use std::time::Duration;

use super::bucket::{self, Bucket, BucketName, Guess};
use super::charged::Charged;
use super::decision::Standing;
use super::rules::{KeyPart, Quota, RuleSet};
use super::seen::Contact;
use super::window::{self, Period, Window};
use crate::clock::Timestamp;
use crate::store::{BucketCharge, Charge, CounterKey, CounterState, Leftovers, WindowCharge};

/// Items stay at least this long after the last of their windows.
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A rule set at a moment.
#[derive(Debug)]
pub(super) struct Check<'r> {
    pub(super) set: &'r RuleSet,
    pub(super) now: Timestamp,
    pub(super) cost: u32,
    /// What a step takes: the cost, or more of it ahead.
    units: u32,
    bucket: Option<Bucket>,
    windows: Vec<(Window, &'r Quota)>,
}

/// What a refused step means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request does not fit; the state is the proof.
    Denied,
    /// It may fit: the step had the wrong form, or took too much ahead.
    Try { guess: Guess, units: u32 },
}

impl<'r> Check<'r> {
    /// The set must have room for a request of this cost ([`RuleSet::takes`]). `now` holds for the whole check, so that a second step cannot undo what the first one learned.
    pub(super) fn new(set: &'r RuleSet, cost: u32, now: Timestamp) -> Self {
        let window = |quota: &'r Quota| (Window::at(quota.per, now), quota);
        Self {
            set,
            now,
            cost,
            units: cost,
            bucket: set.rate.map(Bucket::new),
            windows: set.quotas.iter().map(window).collect(),
        }
    }

    /// The same with steps that take this much at once, at least the cost.
    pub(super) fn taking(self, units: u32) -> Self {
        Self { units, ..self }
    }

    /// What a step takes.
    pub(super) fn units(&self) -> u32 {
        self.units
    }

    /// The windows that it counts in.
    pub(super) fn window_names(&self) -> Vec<Window> {
        self.windows.iter().map(|(window, _)| *window).collect()
    }

    /// The bucket that it counts in.
    pub(super) fn bucket_name(&self) -> Option<BucketName> {
        self.bucket.map(|bucket| bucket.name())
    }

    /// The form to try first.
    pub(super) fn guess(&self, last: Option<&Contact>) -> Guess {
        last.filter(|_| self.bucket.is_some()).map_or(Guess::Idle, |last| {
            Bucket::guess(self.now.micros(), self.tat(&last.state).unwrap_or(0), last.busy_share)
        })
    }

    /// The step in this form, which takes what is `over` along.
    pub(super) fn charge(&self, guess: Guess, over: &Leftovers) -> Charge {
        let cost = u64::from(self.units);
        let window = |&(window, quota): &(Window, &Quota)| WindowCharge {
            window,
            room: quota.requests.get().saturating_sub(cost),
        };
        Charge {
            bucket: self.bucket.map(|bucket| BucketCharge {
                bucket: bucket.name(),
                step: bucket.step(guess, self.now.micros(), self.units),
            }),
            cost,
            windows: self.windows.iter().map(window).collect(),
            over: over.clone(),
            expires_at: self.expires_at(),
        }
    }

    /// A step that counts nothing and takes these away.
    pub(super) fn removal(&self, over: Leftovers) -> Charge {
        Charge {
            bucket: None,
            cost: 0,
            windows: Vec::new(),
            over,
            expires_at: self.expires_at(),
        }
    }

    /// Reads a refused step's item. But for resets and what is given back `tat` only ever grows, so after a refused idle step
    /// a busy one decides: the longest way is busy, idle, busy. The first of them may as well be refused for what it was to
    /// take along.
    pub(super) fn after_refusal(&self, state: &CounterState) -> Refusal {
        if self.denies(state) {
            return Refusal::Denied;
        }
        // Where less than was to be taken ahead is there, the request takes what it needs itself.
        let units = match u64::from(self.units) <= self.room(state) {
            true => self.units,
            false => self.cost,
        };
        Refusal::Try {
            guess: Bucket::form(self.now.micros(), self.tat(state)),
            units,
        }
    }

    /// Whether the request does not fit into what this state leaves.
    pub(super) fn denies(&self, state: &CounterState) -> bool {
        self.standings(state).iter().any(|standing| !standing.wait.is_zero())
    }

    /// How much this state leaves, in units of cost.
    pub(super) fn room(&self, state: &CounterState) -> u64 {
        let standings = self.standings(state);
        standings.iter().map(|standing| standing.remaining).min().unwrap_or(0)
    }

    /// What a step took that left this state.
    pub(super) fn charged(&self, key: CounterKey, state: &CounterState) -> Charged {
        let taken = self.bucket.map(|bucket| (bucket.name(), bucket.taken(self.units)));
        Charged {
            key,
            bucket: taken
                .zip(self.tat(state))
                .map(|((name, taken), tat)| (name, taken, tat)),
            cost: self.units.into(),
            windows: self.window_names(),
        }
    }

    /// Whether the bucket was in use before a step that left this state, or found it.
    pub(super) fn is_busy(&self, state: &CounterState) -> bool {
        self.tat(state).is_some_and(|tat| tat > self.now.micros())
    }

    /// What a state says of this check's bucket.
    fn tat(&self, state: &CounterState) -> Option<u64> {
        self.bucket.and_then(|bucket| state.tat(bucket.name()))
    }

    /// How each limit stands, the rate first; in `wait` whether a further request of the same cost fits.
    pub(super) fn standings(&self, state: &CounterState) -> Vec<Standing> {
        let rate = self.bucket.zip(self.set.rate).map(|(bucket, rate)| {
            let (now, tat) = (self.now.micros(), self.tat(state).unwrap_or(0));
            Standing {
                name: self.set.name.clone(),
                requests: rate.requests.get().into(),
                per: rate.per,
                remaining: bucket.remaining(now, tat).into(),
                most: rate.burst.get().into(),
                reset: Timestamp::from_micros(tat).since(self.now),
                wait: bucket.wait(now, tat, self.cost),
            }
        });
        let quotas = self.windows.iter().map(|(window, quota)| {
            let remaining = quota.requests.get().saturating_sub(state.count(*window));
            let reset = window::end(quota.per, self.now).since(self.now);
            Standing {
                name: quota.name.clone(),
                requests: quota.requests.get(),
                per: window::length(quota.per, self.now),
                remaining,
                most: quota.requests.get(),
                reset,
                wait: if remaining < self.cost.into() {
                    reset
                } else {
                    Duration::ZERO
                },
            }
        });
        rate.into_iter().chain(quotas).collect()
    }

    /// What may be taken away of a state: windows that are over, and buckets of other rules that are full.
    pub(super) fn over(&self, state: &CounterState) -> Leftovers {
        let full_by = bucket::full_everywhere(self.now);
        let is_full = |(name, tat): &(BucketName, u64)| Some(*name) != self.bucket_name() && *tat <= full_by;
        let windows = state.windows.iter().map(|(window, _)| *window);
        Leftovers {
            windows: windows.filter(|window| window.is_over_everywhere(self.now)).collect(),
            buckets: state
                .buckets
                .iter()
                .copied()
                .filter(is_full)
                .map(|(name, _)| name)
                .collect(),
            full_by,
        }
    }

    /// The epoch second after which the item may go. No decision depends on that: a forgotten bucket is full, and
    /// so is a window that is over.
    fn expires_at(&self) -> u64 {
        // Who changes the plan may come back to what was counted by the one before.
        let of_a_plan = self.set.key.contains(&KeyPart::PlanHolder).then_some(Period::Month);
        let periods = self.windows.iter().map(|(_, quota)| quota.per).chain(of_a_plan);
        let ends = periods.map(|per| window::end(per, self.now));
        let windows = ends.map(|end| end.plus(KEEP).secs()).max().unwrap_or(0);
        let bucket = self.bucket.map_or(0, |bucket| bucket.expires_at(self.now.micros()));
        windows.max(bucket)
    }
}
