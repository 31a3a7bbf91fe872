//! The token bucket as pure arithmetic: GCRA, the generic cell rate algorithm (ITU-T I.371), in whole
//! microseconds. No store, no clock: `now` comes in, a step or a verdict goes out.
//!
//! One number is the whole state: the theoretical arrival time `tat`, the moment at which the bucket is full
//! again. A request of cost c takes c emission intervals T and fits while `tat + c x T <= now + tolerance`, with
//! tolerance = burst x T.
//!
//! **Rounding.** T is `per / requests` rounded up to a whole microsecond, and the tolerance is a multiple of that
//! same T. So the burst is exact, and the long-run rate is never above the config's, and below it by at most one
//! part in T: 0 where it divides evenly, under 0.1 % up to 1,000 requests a second, which is also all that one
//! DynamoDB partition writes. Above one million a second T stays 1 µs: such a rate counts as one million.

use std::fmt;
use std::time::Duration;

use super::Rate;
use super::window::CLOCKS_APART;
use crate::clock::Timestamp;
use crate::store::BucketStep;

/// Items stay at least this long after their bucket is full again.
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A bucket's name in its item: `t10000x20` is one that refills by one each 10,000 us, and holds 20. All of the rule is in
/// it, so that none reads what another left: a rate that is changed begins with a full bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName {
    /// T: what a request of cost 1 takes, in microseconds. At least 1.
    interval: u64,
    /// How much it holds. At least 1.
    burst: u32,
}

impl BucketName {
    /// Reads a name; `None` for what is none.
    pub fn parse(name: &str) -> Option<Self> {
        let (interval, burst) = name.strip_prefix('t')?.split_once('x')?;
        // As it is written below, and in no other way: one bucket has one name.
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        Some(Self {
            interval: interval.parse().ok().filter(|_| is_number(interval))?,
            burst: burst.parse().ok().filter(|_| is_number(burst))?,
        })
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{}x{}", self.interval, self.burst)
    }
}

/// The latest `tat`, in microseconds, of a bucket that is full by every clock: it says no more than one that is not there.
/// Taken away any sooner, it would be full too early for an environment whose clock is behind.
pub(super) fn full_everywhere(now: Timestamp) -> u64 {
    let behind = u64::try_from(CLOCKS_APART.as_micros()).unwrap_or(u64::MAX);
    now.micros().saturating_sub(behind)
}

/// A rate in the units that the steps are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    name: BucketName,
    /// How far `tat` may lie beyond now, in microseconds: burst x T, the time to refill from empty.
    tolerance: u64,
}

/// Which form of a step is likely to fit: there is no `max()` in a DynamoDB expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// Some of the bucket is used: `tat` lies beyond now.
    Busy,
    /// The bucket is full, or there is no item yet.
    Idle,
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        let per = u64::try_from(rate.per.as_micros()).unwrap_or(u64::MAX);
        let interval = per.div_ceil(u64::from(rate.requests.get())).max(1);
        let burst = rate.burst.get();
        // Half the range, so that `now + tolerance` cannot overflow: nearly 300,000 years.
        let tolerance = interval.saturating_mul(u64::from(burst)).min(u64::MAX / 2);
        Self {
            name: BucketName { interval, burst },
            tolerance,
        }
    }

    pub(super) fn name(&self) -> BucketName {
        self.name
    }

    /// The form to try first: busy when what was seen last says so, or when this subject was busy at more than
    /// half of the recent contacts (other environments use the same bucket).
    pub(super) fn guess(now: u64, tat: u64, busy_share: f32) -> Guess {
        if tat > now || busy_share > 0.5 {
            Guess::Busy
        } else {
            Guess::Idle
        }
    }

    /// The form that fits an item's `tat`.
    pub(super) fn form(now: u64, tat: Option<u64>) -> Guess {
        Self::guess(now, tat.unwrap_or(0), 0.0)
    }

    pub(super) fn step(&self, guess: Guess, now: u64, cost: u32) -> BucketStep {
        let cost = self.taken(cost);
        match guess {
            Guess::Busy => BucketStep::Busy {
                now,
                cost,
                max: self.ceiling(now).saturating_sub(cost),
            },
            Guess::Idle => BucketStep::Idle { now, cost },
        }
    }

    /// How long until a request of this cost fits; zero when it does already.
    pub(super) fn wait(&self, now: u64, tat: u64, cost: u32) -> Duration {
        Duration::from_micros(
            tat.max(now)
                .saturating_add(self.taken(cost))
                .saturating_sub(self.ceiling(now)),
        )
    }

    /// How much would be let through right now; at most the burst.
    pub(super) fn remaining(&self, now: u64, tat: u64) -> u32 {
        let room = self.ceiling(now).saturating_sub(tat.max(now));
        u32::try_from(room / self.name.interval)
            .unwrap_or(u32::MAX)
            .min(self.name.burst)
    }

    /// The epoch second after which the item may go. No step leaves a `tat` beyond `now + tolerance`, so counting
    /// from there is never too early, and never more than one refill late.
    pub(super) fn expires_at(&self, now: u64) -> u64 {
        let keep = u64::try_from(KEEP.as_micros())
            .unwrap_or(u64::MAX)
            .max(self.tolerance.saturating_mul(7));
        self.ceiling(now).saturating_add(keep).div_ceil(1_000_000)
    }

    /// A `tat` that this bucket could have, were it counted by the present clock alone.
    pub(super) fn within(&self, now: u64, tat: u64) -> u64 {
        tat.min(self.ceiling(now))
    }

    /// The `tat` that a request leaves which fits.
    pub(super) fn after(&self, now: u64, tat: u64, cost: u32) -> u64 {
        tat.max(now).saturating_add(self.taken(cost))
    }

    /// What a request of this cost takes, in microseconds.
    pub(super) fn taken(&self, cost: u32) -> u64 {
        self.name.interval.saturating_mul(u64::from(cost))
    }

    fn ceiling(&self, now: u64) -> u64 {
        now.saturating_add(self.tolerance)
    }
}

#[cfg(test)]
mod tests;
