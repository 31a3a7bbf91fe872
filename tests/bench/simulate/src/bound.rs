//! What a limit promises, read off what was let through: the most in any interval, and in any window; and what a perfect
//! counter would have let through.

use std::collections::HashMap;
use std::time::Duration;

use tollgate::limit::LEASE;

use crate::scenario::Scenario;

const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;

/// A request: when it was made, and what its environment's clock showed then. Microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) at: u64,
    pub(crate) shown: u64,
}

/// How much of what the limit promises at most was used where most was: 1 is all of it. Times in order.
pub(crate) fn used(scenario: &Scenario, admitted: &[Moment], spread: u64) -> f64 {
    let rate = scenario
        .mode
        .has_rate()
        .then(|| used_of_rate(scenario, admitted, spread));
    let quota = scenario.mode.has_quota().then(|| used_of_quota(scenario, admitted));
    rate.into_iter().chain(quota).fold(0.0, f64::max)
}

/// Any interval t lets at most burst + rate x (t + what the clocks are apart + how long leases last) through. What an
/// interval let through beyond rate x t, of what it may: in microseconds, in which one request is `1 / rate`.
fn used_of_rate(scenario: &Scenario, admitted: &[Moment], spread: u64) -> f64 {
    let request = SECOND / u64::from(scenario.per_second);
    let lease = if scenario.mode.lease().is_some() {
        micros(LEASE)
    } else {
        0
    };
    let allowed = request * u64::from(scenario.per_second) + spread + lease;
    ratio(most_beyond(admitted, request), allowed)
}

/// The most that any interval let through beyond the rate.
fn most_beyond(admitted: &[Moment], request: u64) -> u64 {
    // A bucket that leaks from the beginning: what is in it is what the worst interval that ends now let through.
    let (mut level, mut last, mut most) = (0_u64, 0, 0);
    for moment in admitted {
        level = level.saturating_sub(moment.at - last) + request;
        last = moment.at;
        most = most.max(level);
    }
    most
}

/// Each window by the clocks of those that counted in it.
fn used_of_quota(scenario: &Scenario, admitted: &[Moment]) -> f64 {
    let mut windows = HashMap::<u64, u64>::new();
    for moment in admitted {
        *windows.entry(moment.shown / MINUTE).or_default() += 1;
    }
    ratio(windows.into_values().max().unwrap_or(0), scenario.quota())
}

/// How many of these requests the limit lets through, counted by one clock and without any delay. Times in order.
pub(crate) fn ideal(scenario: &Scenario, requests: &[Moment]) -> u64 {
    let request = SECOND / u64::from(scenario.per_second);
    let burst = request * u64::from(scenario.per_second);
    let (mut level, mut last, mut window, mut counted, mut admitted) = (0_u64, 0, 0, 0, 0);
    for moment in requests {
        level = level.saturating_sub(moment.at - last);
        last = moment.at;
        if moment.at / MINUTE != window {
            (window, counted) = (moment.at / MINUTE, 0);
        }
        let rate_fits = !scenario.mode.has_rate() || level + request <= burst;
        let quota_fits = !scenario.mode.has_quota() || counted < scenario.quota();
        if rate_fits && quota_fits {
            level += request;
            counted += 1;
            admitted += 1;
        }
    }
    admitted
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Clocks, Mode};

    fn scenario(mode: Mode) -> Scenario {
        Scenario {
            mode,
            per_second: 100,
            environments: 1,
            load: 1.0,
            clocks: Clocks::Exact,
            requests: 0,
            seed: 0,
        }
    }

    /// At these microseconds, by clocks that are right.
    fn moments(times: impl IntoIterator<Item = u64>) -> Vec<Moment> {
        times.into_iter().map(|at| Moment { at, shown: at }).collect()
    }

    #[test]
    fn the_burst_and_then_one_each_ten_milliseconds_is_all_that_is_promised() {
        let bucket = scenario(Mode::Bucket);
        let exactly = || (0..100).map(|_| 0).chain((1..500).map(|request| request * 10_000));
        assert!((used(&bucket, &moments(exactly()), 0) - 1.0).abs() < f64::EPSILON);
        // One request more, wherever it is.
        for extra in [0, 1, 10_000, 2_345_678, 4_990_000] {
            let mut times: Vec<u64> = exactly().chain([extra]).collect();
            times.sort_unstable();
            assert!(used(&bucket, &moments(times.clone()), 0) > 1.0, "{extra}");
            assert!(
                used(&bucket, &moments(times.clone()), 10_000) <= 1.0,
                "{extra}, clocks that are 10 ms apart"
            );
            assert!(
                used(&scenario(Mode::BucketLease(50)), &moments(times), 0) < 0.51,
                "{extra}, leased"
            );
        }
    }

    #[test]
    fn the_worst_interval_is_the_worst_of_all() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..200 {
            let request = random.u64(1..=50);
            let mut times: Vec<u64> = (0..random.usize(1..40)).map(|_| random.u64(0..1_000)).collect();
            times.sort_unstable();
            let admitted = moments(times.iter().copied());
            let intervals = (0..times.len()).flat_map(|from| (from..times.len()).map(move |to| (from, to)));
            let beyond = intervals.map(|(from, to)| {
                let count = u64::try_from(to - from + 1).unwrap();
                (count * request).saturating_sub(times[to] - times[from])
            });
            assert_eq!(most_beyond(&admitted, request), beyond.max().unwrap(), "{times:?}");
        }
    }

    #[test]
    fn windows_are_those_of_the_clocks_that_counted() {
        let quota = scenario(Mode::Quota);
        let at = |at, shown| (0..4_000).map(move |_| Moment { at, shown });
        let one_window: Vec<Moment> = at(0, 0).chain(at(MINUTE, MINUTE - 1)).collect();
        assert!(used(&quota, &one_window, 0) > 1.0, "8,000 of 6,000");
        let two_windows: Vec<Moment> = at(0, 0).chain(at(1, MINUTE)).collect();
        assert!(used(&quota, &two_windows, 0) < 1.0);
    }

    #[test]
    fn a_perfect_counter_admits_what_fits() {
        let at_once = moments((0..7_000).map(|_| 0));
        assert_eq!(ideal(&scenario(Mode::Bucket), &at_once), 100);
        assert_eq!(ideal(&scenario(Mode::Quota), &at_once), 6_000);
        assert_eq!(ideal(&scenario(Mode::Both), &at_once), 100);
        // Twice as many as fit, for two minutes.
        let steady = moments((0..24_000).map(|request| request * 5_000));
        assert_eq!(ideal(&scenario(Mode::Quota), &steady), 12_000);
        assert_eq!(ideal(&scenario(Mode::Bucket), &steady), 12_000 + 99);
    }
}
