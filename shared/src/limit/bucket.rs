//! The token bucket as pure arithmetic: GCRA, the generic cell rate algorithm (ITU-T I.371), in whole
//! microseconds. No store, no clock: `now` comes in, a step or a verdict goes out.
//!
//! One number is the whole state: the theoretical arrival time `tat`, the moment at which the bucket is full
//! again. A request costs one emission interval T and fits while `tat + T <= now + tolerance`, with
//! tolerance = burst x T.
//!
//! **Rounding.** T is `per / requests` rounded up to a whole microsecond, and the tolerance is a multiple of that
//! same T. So the burst is exact, and the long-run rate is never above the config's, and below it by at most one
//! part in T: 0 where it divides evenly, under 0.1 % up to 1,000 requests a second, which is also all that one
//! DynamoDB partition writes. Above one million a second T stays 1 µs: such a rate counts as one million.

use std::time::Duration;

use super::Rate;
use crate::store::{CounterState, Step};

/// How far beyond its ceiling a `tat` must lie to be none of this rule's making: it was left by a slower rule of an
/// earlier config, or by a clock that ran ahead. No step of this rule writes one, for DynamoDB refuses signatures
/// from clocks that are that far off (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>).
const FOREIGN: Duration = Duration::from_secs(15 * 60);

/// Items stay at least this long after their bucket is full again.
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A rate in the units that the steps are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// T: what one request costs, in microseconds. At least 1.
    interval: u64,
    /// How far `tat` may lie beyond now, in microseconds: burst x T, the time to refill from empty.
    tolerance: u64,
    burst: u32,
}

/// Which form of a step is likely to fit: there is no `max()` in a DynamoDB expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// Some of the bucket is used: `tat` lies beyond now.
    Busy,
    /// The bucket is full, or there is no item yet.
    Idle,
    /// `tat` is none of this rule's making: the bucket begins anew.
    Foreign,
}

/// What a refused step means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request does not fit; the state's `tat` is the proof.
    OverRate(u64),
    /// It may fit: the step had the wrong form.
    Try(Guess),
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        let per = u64::try_from(rate.per.as_micros()).unwrap_or(u64::MAX);
        let interval = per.div_ceil(u64::from(rate.requests.get())).max(1);
        let burst = rate.burst.get();
        // Half the range, so that `now + tolerance` cannot overflow: nearly 300,000 years.
        let tolerance = interval.saturating_mul(u64::from(burst)).min(u64::MAX / 2);
        Self {
            interval,
            tolerance,
            burst,
        }
    }

    /// The form to try first: busy when what was seen last says so, or when this subject was busy at more than
    /// half of the recent contacts (other environments use the same bucket).
    pub(super) fn guess(&self, now: u64, tat: u64, busy_share: f32) -> Guess {
        if self.is_foreign(now, tat) {
            Guess::Foreign
        } else if tat > now || busy_share > 0.5 {
            Guess::Busy
        } else {
            Guess::Idle
        }
    }

    pub(super) fn step(&self, guess: Guess, now: u64) -> Step {
        let cost = self.interval;
        match guess {
            Guess::Busy => Step::Busy {
                now,
                cost,
                max: self.ceiling(now).saturating_sub(cost),
            },
            Guess::Idle => Step::Idle { now, cost },
            Guess::Foreign => Step::Foreign {
                now,
                cost,
                above: self.foreign_above(now),
            },
        }
    }

    /// Reads a refused step's item. But for foreign states `tat` only ever grows, so after a refused idle step a busy
    /// one decides: the longest way is busy, idle, busy.
    pub(super) fn after_refusal(&self, now: u64, state: CounterState) -> Refusal {
        match state.tat {
            Some(tat) if self.is_foreign(now, tat) => Refusal::Try(Guess::Foreign),
            Some(tat) if !self.fits(now, tat) => Refusal::OverRate(tat),
            Some(tat) if tat > now => Refusal::Try(Guess::Busy),
            _ => Refusal::Try(Guess::Idle),
        }
    }

    /// Whether one more request fits.
    pub(super) fn fits(&self, now: u64, tat: u64) -> bool {
        tat.max(now).saturating_add(self.interval) <= self.ceiling(now)
    }

    /// How many requests would be let through right now; at most the burst.
    pub(super) fn remaining(&self, now: u64, tat: u64) -> u32 {
        let room = self.ceiling(now).saturating_sub(tat.max(now));
        u32::try_from(room / self.interval).unwrap_or(u32::MAX).min(self.burst)
    }

    /// How long until one request fits; zero when it does already.
    pub(super) fn wait(&self, now: u64, tat: u64) -> Duration {
        Duration::from_micros(
            tat.max(now)
                .saturating_add(self.interval)
                .saturating_sub(self.ceiling(now)),
        )
    }

    /// The epoch second after which the item may go. No step leaves a `tat` beyond `now + tolerance`, so counting
    /// from there is never too early, and never more than one refill late.
    pub(super) fn expires_at(&self, now: u64) -> u64 {
        let keep = u64::try_from(KEEP.as_micros())
            .unwrap_or(u64::MAX)
            .max(self.tolerance.saturating_mul(7));
        self.ceiling(now).saturating_add(keep).div_ceil(1_000_000)
    }

    fn is_foreign(&self, now: u64, tat: u64) -> bool {
        tat > self.foreign_above(now)
    }

    fn foreign_above(&self, now: u64) -> u64 {
        let margin = u64::try_from(FOREIGN.as_micros()).unwrap_or(u64::MAX);
        self.ceiling(now).saturating_add(margin)
    }

    fn ceiling(&self, now: u64) -> u64 {
        now.saturating_add(self.tolerance)
    }
}

#[cfg(test)]
mod tests;
