//! Charges that are given back, and limits that refuse nobody.

use super::*;

/// Counts a request, and gives it back as after a failed upstream.
async fn failed(limiter: &Limiter, set: &RuleSet) -> bool {
    let decision = decision(limiter, set).await;
    let allowed = decision.allowed();
    limiter.give_back(&mut [decision], &mut Patience::default()).await;
    allowed
}

#[tokio::test(start_paused = true)]
async fn what_was_charged_for_a_failed_request_is_given_back() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let set = Limits::rate(1, 60, 2).and_quota(3, "day").refunded().build();
    let limiter = limiter(&store, &clock);
    for _ in 0..20 {
        assert!(failed(&limiter, &set).await);
    }
    assert_eq!(store.only_item().windows[0].1, 0);
    assert!(admitted(&limiter, &set).await && admitted(&limiter, &set).await);
    assert!(!admitted(&limiter, &set).await, "the burst, and nothing more");
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_charges_for_all_gives_nothing_back() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(3, "day").build());
    let allowed = [
        failed(&limiter, &set).await,
        failed(&limiter, &set).await,
        failed(&limiter, &set).await,
    ];
    assert_eq!((allowed, failed(&limiter, &set).await), ([true; 3], false));
    assert_eq!(store.calls(), 3);
}

/// What drained by itself while the upstream took its time must not be let through twice.
#[tokio::test(start_paused = true)]
async fn of_a_bucket_only_what_is_still_in_it_is_given_back() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::rate(1, 1, 3).refunded().build());
    let slow = decision(&limiter, &set).await;
    clock.advance(Duration::from_secs(10));
    assert!(admitted(&limiter, &set).await);
    limiter.give_back(&mut [slow], &mut Patience::default()).await;
    let more = [
        admitted(&limiter, &set).await,
        admitted(&limiter, &set).await,
        admitted(&limiter, &set).await,
    ];
    assert_eq!(more, [true, true, false], "three at once");
}

#[tokio::test(start_paused = true)]
async fn of_a_window_that_is_over_nothing_is_given_back() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(2, "minute").refunded().build());
    let slow = decision(&limiter, &set).await;
    clock.advance(Duration::from_secs(60));
    assert!(admitted(&limiter, &set).await);
    store.calls();
    limiter.give_back(&mut [slow], &mut Patience::default()).await;
    assert_eq!(store.calls(), 0);
    assert!(admitted(&limiter, &set).await);
    assert!(!admitted(&limiter, &set).await);
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_fails_leaves_the_charge_and_costs_no_more_than_the_request_s_time() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(10, "day").refunded().build());
    for fault in [Fault::Stall, Fault::Error(StoreError::Ambiguous("reset".into()))] {
        let charged = decision(&limiter, &set).await;
        store.faults.lock().unwrap().push_back(fault);
        let before = Instant::now();
        limiter.give_back(&mut [charged], &mut Patience::default()).await;
        assert!(before.elapsed() <= Duration::from_millis(150));
    }
    assert_eq!(store.only_item().windows[0].1, 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_may_be_undone_is_trusted_for_a_second() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let set = Limits::quota(1, "day").refunded().build();
    let (one, other) = (limiter(&store, &clock), limiter(&store, &clock));
    let charged = decision(&one, &set).await;
    assert!(!admitted(&other, &set).await);
    one.give_back(&mut [charged], &mut Patience::default()).await;
    clock.advance(Duration::from_secs(1));
    assert!(!admitted(&other, &set).await);
    clock.advance(Duration::from_micros(1));
    assert!(admitted(&other, &set).await);
}

#[tokio::test(start_paused = true)]
async fn a_shadow_counts_and_refuses_nobody() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(3, "day").shadow().build());
    for request in 0..10 {
        let decision = decision(&limiter, &set).await;
        assert_eq!((decision.allowed(), decision.require()), (request < 3, Ok(())));
        let mut headers = http::HeaderMap::new();
        stamp(&[decision], &mut headers);
        assert!(headers.is_empty(), "nobody is told: {headers:?}");
    }
    assert_eq!((store.only_item().windows[0].1, store.calls()), (3, 3));
}

/// What has drained of it by then has let others through.
#[tokio::test(start_paused = true)]
async fn no_burst_grows_by_what_is_given_back() {
    for cost in [1, 5] {
        let (store, clock) = (ModelStore::with([]), start_clock());
        let (limiter, set) = (limiter(&store, &clock), Limits::rate(10, 1, 10).refunded().build());
        let slow = limiter.admit(&set, &somebody(), cost, &mut Patience::default()).await;
        let Admission::Decided(slow) = slow else {
            panic!("{slow:?}")
        };
        clock.advance(Duration::from_millis(u64::from(cost) * 100 - 1));
        let mut burst = 0;
        while admitted(&limiter, &set).await {
            burst += 1;
        }
        limiter.give_back(&mut [slow], &mut Patience::default()).await;
        clock.advance(Duration::from_secs(1) / 1_000_000);
        while admitted(&limiter, &set).await {
            burst += 1;
        }
        assert!(burst <= 10, "{burst} of 10 at once, after a refund of {cost}");
    }
}
