use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_secs(2_000_000_000);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn numbered(number: u32) -> IpAddr {
    IpAddr::V4(number.into())
}

fn refused(failures: &Failures, address: IpAddr, now: Timestamp) -> Option<Duration> {
    match failures.check(address, now) {
        Ok(()) => None,
        Err(GatewayError::RateLimited { retry_after, .. }) => Some(retry_after),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn twenty_a_minute_then_one_each_three_seconds() {
    let failures = Failures::new(20);
    let me = address("192.0.2.1");
    for _ in 0..20 {
        assert_eq!(refused(&failures, me, START), None);
        failures.record(me, START);
    }
    assert_eq!(refused(&failures, me, START), Some(Duration::from_secs(3)));
    assert_eq!(refused(&failures, address("192.0.2.2"), START), None, "another address");
    let later = |millis| START.plus(Duration::from_millis(millis));
    assert_eq!(refused(&failures, me, later(2_999)), Some(Duration::from_millis(1)));
    assert_eq!(refused(&failures, me, later(3_000)), None);
    failures.record(me, later(3_000));
    assert_eq!(refused(&failures, me, later(3_000)), Some(Duration::from_secs(3)));
    // Once full again it takes all twenty, and no more for having been left alone longer.
    let rested = later(10 * 60_000);
    (0..20).for_each(|_| failures.record(me, rested));
    assert!(refused(&failures, me, rested).is_some());
}

#[test]
fn a_number_that_does_not_divide_a_minute_is_still_exact() {
    for per_minute in [1, 7, 11, 59, 1000] {
        let failures = Failures::new(per_minute);
        let me = address("192.0.2.1");
        for n in 0..per_minute {
            assert_eq!(refused(&failures, me, START), None, "{n} of {per_minute}");
            failures.record(me, START);
        }
        assert!(refused(&failures, me, START).is_some(), "{per_minute}");
    }
}

#[test]
fn who_has_no_address_is_not_counted() {
    let failures = Failures::new(1);
    for nobody in ["0.0.0.0", "::"].map(address) {
        for _ in 0..100 {
            assert_eq!(refused(&failures, nobody, START), None);
            failures.record(nobody, START);
        }
    }
    assert!(lock(&failures.full_at).is_empty());
}

#[test]
fn zero_counts_nothing() {
    let failures = Failures::new(0);
    for _ in 0..100 {
        failures.record(address("192.0.2.1"), START);
    }
    assert_eq!(refused(&failures, address("192.0.2.1"), START), None);
}

#[test]
fn requests_under_way_do_not_make_a_debt() {
    let failures = Failures::new(2);
    let me = address("192.0.2.1");
    (0..64).for_each(|_| failures.record(me, START));
    assert_eq!(refused(&failures, me, START), Some(Duration::from_secs(30)));
}

#[test]
fn a_clock_set_back_locks_nobody_out_for_longer() {
    let failures = Failures::new(2);
    let me = address("192.0.2.1");
    (0..2).for_each(|_| failures.record(me, START));
    let before = Timestamp::from_secs(1_000_000_000);
    assert_eq!(refused(&failures, me, before), Some(Duration::from_secs(30)));
    // Nothing is recorded while nothing is let through: time alone must be enough.
    let forgiven = before.plus(Duration::from_secs(30));
    assert_eq!(refused(&failures, me, forgiven), None);
    (0..9).for_each(|_| failures.record(me, forgiven));
    assert_eq!(refused(&failures, me, forgiven), Some(Duration::from_secs(30)));
    assert_eq!(refused(&failures, me, forgiven.plus(Duration::from_secs(30))), None);
}

#[test]
fn an_ipv6_network_counts_as_one() {
    let failures = Failures::new(1);
    failures.record(address("2001:db8:1:2::1"), START);
    assert!(
        refused(&failures, address("2001:db8:1:2:ffff::2"), START).is_some(),
        "same /64"
    );
    assert_eq!(refused(&failures, address("2001:db8:1:3::1"), START), None, "next /64");
    failures.record(address("::ffff:192.0.2.7"), START);
    assert!(refused(&failures, address("192.0.2.7"), START).is_some(), "mapped IPv4");
    assert_eq!(
        refused(&failures, address("::ffff:192.0.2.8"), START),
        None,
        "another mapped IPv4"
    );
}

#[test]
fn memory_is_bounded() {
    let failures = Failures::new(20);
    for number in 0..3_000 {
        failures.record(numbered(number), START);
    }
    assert_eq!(lock(&failures.full_at).len(), MAX_ADDRESSES);
}

/// However many others fail once, whoever failed more is remembered.
#[test]
fn a_flood_of_addresses_resets_no_count() {
    let failures = Failures::new(3);
    let me = address("192.0.2.1");
    (0..3).for_each(|_| failures.record(me, START));
    for number in 0..3_000 {
        failures.record(numbered(number), START.plus(Duration::from_micros(number.into())));
    }
    assert!(refused(&failures, me, START.plus(Duration::from_millis(20))).is_some());
}

#[test]
fn those_long_forgiven_are_forgotten_first() {
    let failures = Failures::new(20);
    for number in 0..2048 {
        failures.record(numbered(number), START);
    }
    let later = START.plus(Duration::from_secs(600));
    let others: Vec<IpAddr> = (100_000..101_000).map(numbered).collect();
    for other in &others {
        failures.record(*other, later);
    }
    let full_at = lock(&failures.full_at);
    assert!(others.iter().all(|other| full_at.contains_key(other)));
}

proptest! {
    /// The promise of a token bucket: in any stretch of time at most burst + rate x time refusals are let through.
    #[test]
    fn never_more_than_the_rate(per_minute in 1_u32..50, gaps in prop::collection::vec(0_u64..20_000, 1..200)) {
        let failures = Failures::new(per_minute);
        let mut now = START;
        let mut passed = Vec::new();
        for gap in gaps {
            now = now.plus(Duration::from_millis(gap));
            if failures.check(numbered(1), now).is_ok() {
                failures.record(numbered(1), now);
                passed.push(now);
            }
        }
        for (first, from) in passed.iter().enumerate() {
            for (last, to) in passed.iter().enumerate().skip(first) {
                let allowed = f64::from(per_minute) * (1.0 + to.since(*from).as_secs_f64() / 60.0);
                prop_assert!((last - first + 1) as f64 <= allowed + 0.001);
            }
        }
    }
}
