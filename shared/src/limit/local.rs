//! Buckets for the time when the store cannot be asked: in memory, one for each subject in each function environment.
//!
//! Open never means unlimited: each environment lets a tenth of the rate through, so that ten of them come to the rate.
//! They know nothing of what the store has counted, nor of each other.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use super::bucket::{Bucket, BucketName};
use super::rules::{Rate, RuleSet};
use super::window::length;
use crate::clock::Timestamp;
use crate::generations::Generations;
use crate::lock::lock;
use crate::store::CounterKey;

/// Buckets per generation.
const GENERATION: usize = 2_048;

/// An environment's own share of a rate.
const SHARE: u32 = 10;

/// The theoretical arrival times of the buckets. Of one item there are as many as there are limits that they are shares of.
#[derive(Debug)]
pub(super) struct LocalBuckets(Mutex<Generations<(CounterKey, BucketName), u64>>);

impl Default for LocalBuckets {
    fn default() -> Self {
        Self(Mutex::new(Generations::new(GENERATION)))
    }
}

impl LocalBuckets {
    /// Counts a request, or says how long until one fits.
    pub(super) fn admit(&self, key: &CounterKey, set: &RuleSet, cost: u32, now: Timestamp) -> Result<(), Duration> {
        let slowest = slowest(set, now);
        let bucket = Bucket::new(share(slowest, cost));
        let key = (key.clone(), Bucket::new(slowest).name());
        let mut buckets = lock(&self.0);
        let now = now.micros();
        // Never emptier than empty. Kept so and not only read so: after the clock was set back, a subject would else be
        // refused until the clock is where it was.
        let tat = bucket.within(now, buckets.get(&key).unwrap_or(0));
        let wait = bucket.wait(now, tat, cost);
        let tat = if wait.is_zero() {
            bucket.after(now, tat, cost)
        } else {
            tat
        };
        buckets.insert(key, tat, 1);
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }
}

/// A set's slowest limit. A quota counts as a rate, spread over its time.
fn slowest(set: &RuleSet, now: Timestamp) -> Rate {
    let quotas = set.quotas.iter().map(|quota| {
        let requests = u32::try_from(quota.requests.get()).unwrap_or(u32::MAX);
        (requests, length(quota.per, now), requests)
    });
    let rate = set.rate.map(|rate| (rate.requests.get(), rate.per, rate.burst.get()));
    // So much larger than a month's microseconds that one request a month counts.
    let speed = |(requests, per, _): &(u32, Duration, u32)| (u128::from(*requests) << 64) / per.as_micros().max(1);
    let slowest = rate.into_iter().chain(quotas).min_by_key(speed);
    let (requests, per, burst) = slowest.unwrap_or((1, Duration::from_secs(1), 1));
    Rate {
        requests: positive(requests),
        per,
        burst: positive(burst),
    }
}

/// What one environment lets through of a limit: a tenth of it, but one request a second at least, and never more than the
/// limit itself.
fn share(Rate { requests, per, burst }: Rate, cost: u32) -> Rate {
    let one_a_second = u32::try_from(per.as_secs()).unwrap_or(u32::MAX);
    Rate {
        requests: positive((requests.get() / SHARE).max(one_a_second).min(requests.get())),
        per,
        burst: positive((burst.get() / SHARE).max(cost)),
    }
}

fn positive(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::testing::{Limits, at};

    #[test]
    fn an_environment_has_a_tenth_but_one_a_second_and_never_more_than_the_limit() {
        let share = |set: Limits| {
            let Rate { requests, per, burst } = share(slowest(&set.build(), at(0)), 2);
            (requests.get(), per.as_secs(), burst.get())
        };
        assert_eq!(share(Limits::rate(1000, 1, 500)), (100, 1, 50));
        assert_eq!(
            share(Limits::rate(5, 1, 5)),
            (1, 1, 2),
            "one a second; its burst one request's cost"
        );
        assert_eq!(
            share(Limits::rate(10, 60, 10)),
            (10, 60, 2),
            "slower than one a second as it is"
        );
        assert_eq!(share(Limits::quota(1_000, "day")), (1_000, 86_400, 100));
        assert_eq!(
            share(Limits::quota(50, "day").and_quota(5, "month")),
            (5, 31 * 86_400, 2),
            "the slower of two slow ones"
        );
        assert_eq!(
            share(Limits::rate(100, 1, 20).and_quota(600, "minute")),
            (60, 60, 60),
            "the slower of both"
        );
        assert_eq!(share(Limits::quota(u64::MAX, "minute")).0, u32::MAX / 10);
    }

    #[test]
    fn what_it_lets_through_is_bounded_also_when_the_clock_goes_back() {
        let (buckets, set) = (LocalBuckets::default(), Limits::rate(100, 1, 100).build());
        let key = |name: &str| CounterKey {
            pk: name.into(),
            sk: "L#shared".into(),
        };
        let admitted = |name, now| {
            (0..100)
                .filter(|_| buckets.admit(&key(name), &set, 1, now).is_ok())
                .count()
        };
        assert_eq!(admitted("a", at(100)), 10);
        assert_eq!(admitted("b", at(100)), 10, "each subject has its own");
        assert_eq!(
            buckets.admit(&key("a"), &set, 1, at(100)),
            Err(Duration::from_millis(100))
        );
        assert_eq!(admitted("a", at(101)), 10);
        assert_eq!(admitted("a", at(5)), 0, "emptied at most");
        assert_eq!(admitted("a", at(6)), 10);
    }

    #[test]
    fn two_plans_of_one_caller_have_a_bucket_each() {
        let buckets = LocalBuckets::default();
        let (free, pro) = (
            Limits::rate(1_000, 3_600, 100).build(),
            Limits::rate(100, 1, 100).build(),
        );
        let key = CounterKey {
            pk: "somebody".into(),
            sk: "L#plan".into(),
        };
        let admitted = |set| (0..30).filter(|_| buckets.admit(&key, set, 1, at(100)).is_ok()).count();
        let sums = (0..20).fold((0, 0), |(slow, fast), _| {
            (slow + admitted(&free), fast + admitted(&pro))
        });
        assert_eq!(sums, (10, 10));
    }
}
