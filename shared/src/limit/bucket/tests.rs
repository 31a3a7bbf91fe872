//! The bucket against its promise, over random rates, schedules and interleavings.

use proptest::prelude::*;

use super::*;
use crate::limit::testing::{self, bucket_at, rate};
use crate::store::{BucketCharge, Charge, Leftovers};

const NOW: u64 = 1_800_000_000_000_000;

/// The bucket of an item, charged as its expression is. True: applied.
fn apply(tat: &mut Option<u64>, step: BucketStep) -> bool {
    let bucket = Bucket::new(rate(100, 1, 20)).name();
    let charge = Charge {
        bucket: Some(BucketCharge { bucket, step }),
        cost: 0,
        windows: Vec::new(),
        over: Leftovers::default(),
        expires_at: 0,
    };
    let mut state = bucket_at(*tat);
    let applied = testing::apply(&mut state, &charge);
    *tat = state.tat(bucket);
    applied
}

fn fits(bucket: &Bucket, now: u64, tat: u64) -> bool {
    bucket.wait(now, tat, 1).is_zero()
}

/// One whole check: whether it was let through, and in how many calls. `between` acts before each call.
fn check(
    bucket: &Bucket,
    tat: &mut Option<u64>,
    now: u64,
    first: Guess,
    mut between: impl FnMut(&mut Option<u64>),
) -> (bool, u32) {
    let mut guess = first;
    for calls in 1.. {
        assert!(calls <= 3, "no decision after three calls");
        between(tat);
        if apply(tat, bucket.step(guess, now, 1)) {
            return (true, calls);
        }
        if !fits(bucket, now, tat.unwrap_or(0)) {
            return (false, calls);
        }
        guess = Bucket::form(now, *tat);
    }
    unreachable!()
}

fn admit(bucket: &Bucket, tat: &mut Option<u64>, now: u64) -> bool {
    check(bucket, tat, now, Guess::Idle, |_| {}).0
}

fn any_rate() -> impl Strategy<Value = Rate> {
    let requests = prop_oneof![1..=20_u32, 1..=5_000_u32, 1..=3_000_000_u32];
    let per = prop_oneof![Just(1_u64), Just(60), Just(3_600), Just(86_400)];
    (requests, per, 1..=50_u32).prop_map(|(requests, per, burst)| rate(requests, per, burst))
}

/// Gaps between requests, in hundredths of an emission interval: mostly too fast, sometimes a rest.
fn any_gaps() -> impl Strategy<Value = Vec<u64>> {
    let gap = prop_oneof![3 => Just(0_u64), 3 => 1..=100_u64, 3 => 100..=300_u64, 1 => 300..=20_000_u64];
    prop::collection::vec(gap, 1..200)
}

#[test]
fn the_interval_is_rounded_up_to_whole_microseconds() {
    let cases = [
        (rate(100, 1, 20), 10_000, 200_000),
        (rate(7, 1, 7), 142_858, 1_000_006),
        (rate(100_000, 1, 1), 10, 10),
        (rate(10, 60, 10), 6_000_000, 60_000_000),
        (rate(1, 86_400, 1), 86_400_000_000, 86_400_000_000),
        (rate(7, 86_400, 2), 12_342_857_143, 24_685_714_286),
        // More than one a microsecond counts as one a microsecond.
        (rate(u32::MAX, 1, 3), 1, 3),
    ];
    for (rate, interval, tolerance) in cases {
        let bucket = Bucket::new(rate);
        assert_eq!(
            (bucket.name.interval, bucket.tolerance),
            (interval, tolerance),
            "{rate:?}"
        );
    }
}

#[test]
fn a_minute_rate_alone_is_ten_at_once_then_one_each_six_seconds() {
    let bucket = Bucket::new(rate(10, 60, 10));
    let mut tat = None;
    let at_once = (0..30).filter(|_| admit(&bucket, &mut tat, NOW)).count();
    assert_eq!(at_once, 10);
    assert_eq!(bucket.wait(NOW, tat.unwrap(), 1), Duration::from_secs(6));
    assert!(!admit(&bucket, &mut tat, NOW + 5_999_999));
    assert!(admit(&bucket, &mut tat, NOW + 6_000_000));
    assert!(!admit(&bucket, &mut tat, NOW + 6_000_000));
    // A whole minute of rest fills it again, and not beyond.
    let after_rest = (0..30)
        .filter(|_| admit(&bucket, &mut tat, NOW + 3_600_000_000))
        .count();
    assert_eq!(after_rest, 10);
}

#[test]
fn the_guess_follows_what_was_seen() {
    assert_eq!(Bucket::guess(NOW, NOW + 1, 0.0), Guess::Busy);
    assert_eq!(Bucket::guess(NOW, NOW, 0.0), Guess::Idle);
    assert_eq!(Bucket::guess(NOW, NOW, 0.5), Guess::Idle);
    assert_eq!(Bucket::guess(NOW, NOW, 0.51), Guess::Busy);
}

#[test]
fn the_form_follows_the_item() {
    let bucket = Bucket::new(rate(10, 1, 2));
    let form = |tat| Bucket::form(NOW, tat);
    assert_eq!(form(None), Guess::Idle);
    assert_eq!(form(Some(NOW)), Guess::Idle);
    assert_eq!(form(Some(NOW + 1)), Guess::Busy);
    assert_eq!(form(Some(NOW + 100_000)), Guess::Busy);
    assert!(fits(&bucket, NOW, NOW + 100_000));
    assert!(!fits(&bucket, NOW, NOW + 100_001));
}

#[test]
fn a_name_says_the_whole_rule() {
    let name = |rate| Bucket::new(rate).name().to_string();
    assert_eq!(name(rate(100, 1, 20)), "t10000x20");
    assert_eq!(name(rate(1, 86_400, u32::MAX)), "t86400000000x4294967295");
    assert_eq!(name(rate(u32::MAX, 1, 1)), "t1x1");
    assert_eq!(name(rate(10, 1, 5)), name(rate(600, 60, 5)), "the same by other words");
    assert_ne!(name(rate(10, 1, 5)), name(rate(10, 1, 6)));
}

#[test]
fn other_attributes_are_no_buckets() {
    for name in [
        "",
        "t",
        "tat",
        "ttl",
        "pk",
        "tx",
        "t1",
        "t1x",
        "tx1",
        "t0x1",
        "t1x0",
        "t01x1",
        "t1x01",
        "t1x1x1",
        "t+1x1",
        "t1x+1",
        "t1x-1",
        "t 1x1",
        "T1x1",
        "t1X1",
        "t1.0x1",
        "t1x4294967296",
        "t18446744073709551616x1",
        "t1é1",
        "é1x1",
        "d20261122",
    ] {
        assert_eq!(BucketName::parse(name), None, "{name}");
    }
    let largest = "t18446744073709551615x4294967295";
    assert_eq!(BucketName::parse(largest).unwrap().to_string(), largest);
}

#[test]
fn a_request_that_costs_more_takes_more() {
    let bucket = Bucket::new(rate(10, 1, 5));
    let mut tat = None;
    assert!(apply(&mut tat, bucket.step(Guess::Idle, NOW, 3)));
    assert_eq!((tat, bucket.remaining(NOW, tat.unwrap())), (Some(NOW + 300_000), 2));
    assert_eq!(bucket.wait(NOW, tat.unwrap(), 2), Duration::ZERO);
    assert_eq!(bucket.wait(NOW, tat.unwrap(), 4), Duration::from_millis(200));
    assert!(!apply(&mut tat, bucket.step(Guess::Busy, NOW, 3)));
    assert!(apply(&mut tat, bucket.step(Guess::Busy, NOW, 2)));
    assert_eq!(bucket.remaining(NOW, tat.unwrap()), 0);
}

#[test]
fn the_longest_way_is_busy_idle_busy() {
    let bucket = Bucket::new(rate(10, 1, 2));
    let mut tat = Some(NOW - 1);
    // Between the second and the third call somebody else takes one.
    let mut calls = 0;
    let outcome = check(&bucket, &mut tat, NOW, Guess::Busy, |tat| {
        calls += 1;
        if calls == 2 {
            *tat = Some(NOW + 100_000);
        }
    });
    assert_eq!(outcome, (true, 3));
    assert_eq!(tat, Some(NOW + 200_000));
}

#[test]
fn items_outlive_their_bucket_by_a_week_and_by_seven_refills() {
    let day = 86_400;
    assert_eq!(
        Bucket::new(rate(100, 1, 20)).expires_at(NOW),
        1_800_000_000 + 1 + 7 * day
    );
    // One a day, ten at once: refills in ten days, stays seventy more.
    assert_eq!(Bucket::new(rate(1, day, 10)).expires_at(NOW), 1_800_000_000 + 80 * day);
}

#[test]
fn extreme_numbers_neither_overflow_nor_open_the_bucket() {
    for requests in [1, u32::MAX] {
        for per in [1, 86_400] {
            for burst in [1, u32::MAX] {
                let bucket = Bucket::new(rate(requests, per, burst));
                for now in [0, NOW, u64::MAX / 2] {
                    let mut tat = None;
                    assert!(admit(&bucket, &mut tat, now));
                    let tat = tat.unwrap();
                    let left = bucket.remaining(now, tat);
                    assert!(left < burst, "{bucket:?}");
                    assert_eq!(left > 0, fits(&bucket, now, tat), "{bucket:?}");
                    assert!(bucket.expires_at(now) >= tat.div_ceil(1_000_000).min(u64::MAX / 1_000_000));
                }
            }
        }
    }
    // A `tat` out of this world, which no step writes, lets nothing through.
    let bucket = Bucket::new(rate(100, 1, 20));
    assert_eq!(
        (bucket.remaining(NOW, u64::MAX), fits(&bucket, NOW, u64::MAX)),
        (0, false)
    );
}

proptest! {
    #[test]
    fn a_name_is_read_as_it_was_written(rate in any_rate(), text in "t[0-9x]{0,24}") {
        let name = Bucket::new(rate).name();
        prop_assert_eq!(BucketName::parse(&name.to_string()), Some(name));
        if let Some(name) = BucketName::parse(&text) {
            prop_assert_eq!(name.to_string(), text, "one bucket has one name");
        }
    }

    #[test]
    fn any_interval_admits_at_most_burst_plus_rate_times_time(rate in any_rate(), gaps in any_gaps()) {
        let bucket = Bucket::new(rate);
        let mut tat = None;
        let mut now = NOW;
        let mut admitted: Vec<u64> = Vec::new();
        for gap in gaps {
            now += gap * bucket.name.interval / 100;
            if admit(&bucket, &mut tat, now) {
                admitted.push(now);
            }
        }
        let (requests, per) = (u128::from(rate.requests.get()), rate.per.as_micros());
        for (i, from) in admitted.iter().enumerate() {
            for (j, to) in admitted.iter().enumerate().skip(i) {
                let over_burst = ((j - i + 1) as u128).saturating_sub(u128::from(rate.burst.get()));
                // count - burst <= rate x t, without division.
                prop_assert!(over_burst * per <= requests * u128::from(to - from), "{rate:?}: {i}..={j}");
            }
        }
    }

    #[test]
    fn the_burst_is_exact(rate in any_rate(), start in NOW..NOW + 86_400_000_000) {
        let bucket = Bucket::new(rate);
        let mut tat = None;
        let admitted = (0..200).filter(|_| admit(&bucket, &mut tat, start)).count();
        prop_assert_eq!(admitted, rate.burst.get() as usize);
    }

    #[test]
    fn a_refused_caller_who_waits_as_told_is_admitted(rate in any_rate(), gaps in any_gaps()) {
        let bucket = Bucket::new(rate);
        let mut tat = None;
        let mut now = NOW;
        for gap in gaps {
            now += gap * bucket.name.interval / 100;
            if !admit(&bucket, &mut tat, now) {
                let wait = u64::try_from(bucket.wait(now, tat.unwrap(), 1).as_micros()).unwrap();
                prop_assert!(wait > 0);
                let mut early = tat;
                prop_assert!(!admit(&bucket, &mut early, now + wait - 1), "told to wait longer than needed");
                now += wait;
                prop_assert!(admit(&bucket, &mut tat, now));
            }
        }
    }

    #[test]
    fn remaining_never_lies(rate in any_rate(), gaps in any_gaps()) {
        let bucket = Bucket::new(rate);
        let mut tat = None;
        let mut now = NOW;
        for gap in gaps {
            now += gap * bucket.name.interval / 100;
            admit(&bucket, &mut tat, now);
            let remaining = bucket.remaining(now, tat.unwrap());
            prop_assert!(remaining <= rate.burst.get());
            let mut alone = tat;
            let let_through = (0..100).filter(|_| admit(&bucket, &mut alone, now)).count();
            prop_assert_eq!(let_through, remaining as usize);
        }
    }

    #[test]
    fn three_calls_are_enough_whatever_others_do_between_them(
        rate in any_rate(),
        start in prop::option::of(0..400_u64),
        busy_first in any::<bool>(),
        others in prop::collection::vec((0..5_u32, 0..300_u64), 3),
    ) {
        let bucket = Bucket::new(rate);
        // Up to four intervals around now.
        let mut tat = start.map(|hundredths| NOW - 2 * bucket.name.interval + hundredths * bucket.name.interval / 100);
        let first = if busy_first { Guess::Busy } else { Guess::Idle };
        let mut others = others.into_iter();
        let (allowed, calls) = check(&bucket, &mut tat, NOW, first, |tat| {
            let Some((count, late)) = others.next() else { return };
            for _ in 0..count {
                // Their clocks differ from ours, but no more than clocks can that DynamoDB lets write.
                let furthest = u64::try_from(CLOCKS_APART.as_micros()).unwrap();
                admit(&bucket, tat, NOW + (late * bucket.name.interval / 100).min(furthest));
            }
        });
        prop_assert!(calls <= 3);
        prop_assert!(tat.unwrap() <= NOW + 3 * bucket.name.interval + bucket.tolerance);
        prop_assert!(allowed || !fits(&bucket, NOW, tat.unwrap()), "refused although it fits");
    }
}
