//! When the store is slow, down, or throttled.

use tokio::time::Instant;

use super::*;

/// A rule of 100 a second, burst 20, whose requests end like this while they cannot be counted.
fn set(on_error: OnError) -> RuleSet {
    Limits::rate(100, 1, 20).on_error(on_error).build()
}

async fn uncounted(limiter: &Limiter, set: &RuleSet) -> Result<(), GatewayError> {
    match admit(limiter, set).await {
        Admission::Uncounted { verdict, .. } => verdict,
        other => panic!("{other:?}"),
    }
}

fn limited(micros: u64) -> Result<(), GatewayError> {
    Err(GatewayError::RateLimited {
        retry_after: Duration::from_micros(micros),
        at: Pointer::new("/rate_limiting/default"),
    })
}

fn ambiguous() -> Fault {
    Fault::Error(StoreError::Ambiguous("reset".into()))
}

fn refused() -> Fault {
    Fault::Error(StoreError::NotApplied("connection refused".into()))
}

#[tokio::test(start_paused = true)]
async fn a_rule_set_says_what_becomes_of_requests_that_cannot_be_counted() {
    let (store, clock) = (ModelStore::with((0..40).map(|_| ambiguous())), start_clock());
    for _ in 0..4 {
        assert_eq!(uncounted(&limiter(&store, &clock), &set(OnError::Allow)).await, Ok(()));
    }
    let denied = uncounted(&limiter(&store, &clock), &set(OnError::Deny))
        .await
        .unwrap_err();
    assert_eq!(
        (denied.code(), denied.retry_after()),
        ("limit_store_unavailable", Some(1))
    );
    // A tenth of the burst at once, then a tenth of the rate.
    let (limiter, set) = (limiter(&store, &clock), set(OnError::Local));
    assert_eq!(uncounted(&limiter, &set).await, Ok(()));
    assert_eq!(uncounted(&limiter, &set).await, Ok(()));
    assert_eq!(uncounted(&limiter, &set).await, limited(100_000));
    clock.advance(Duration::from_millis(100));
    assert_eq!(uncounted(&limiter, &set).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_stall_costs_two_requests_150_milliseconds_and_then_one_a_second() {
    let (store, clock) = (ModelStore::with((0..100).map(|_| Fault::Stall)), start_clock());
    let (limiter, set) = (limiter(&store, &clock), set(OnError::Allow));
    let mut waited = Vec::new();
    for _ in 0..40 {
        let before = Instant::now();
        assert_eq!(uncounted(&limiter, &set).await, Ok(()));
        waited.push(before.elapsed().as_millis());
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert_eq!(waited[..2], [150, 150]);
    assert!(waited.iter().all(|waited| *waited == 0 || *waited == 150), "{waited:?}");
    let probes = waited[2..].iter().filter(|waited| **waited == 150).count();
    assert_eq!((probes, store.calls()), (3, 5), "{waited:?}");

    // Back again: the next probe finds out, and every request after it is counted.
    store.faults.lock().unwrap().clear();
    tokio::time::advance(Duration::from_secs(1)).await;
    for _ in 0..20 {
        assert!(decision(&limiter, &set).await.allowed());
    }
    assert!(!decision(&limiter, &set).await.allowed(), "exactly the burst");
}

#[tokio::test(start_paused = true)]
async fn five_failures_within_ten_seconds_end_the_calls() {
    let (store, clock) = (ModelStore::with((0..100).map(|_| refused())), start_clock());
    let (limiter, set) = (limiter(&store, &clock), set(OnError::Allow));
    for _ in 0..20 {
        assert_eq!(uncounted(&limiter, &set).await, Ok(()));
    }
    assert_eq!(
        store.calls(),
        5 * 2,
        "each tried once more, as it was surely not applied"
    );
}

#[tokio::test(start_paused = true)]
async fn all_checks_of_a_request_share_its_150_milliseconds() {
    let (store, clock) = (
        ModelStore::with([Fault::Slow(Duration::from_millis(100)), Fault::Stall]),
        start_clock(),
    );
    let (limiter, set) = (limiter(&store, &clock), set(OnError::Allow));
    let (before, mut patience) = (Instant::now(), Patience::default());
    let mut check = async |subject: &str| limiter.admit(&set, &Subject::for_test(subject), 1, &mut patience).await;
    assert!(matches!(check("a").await, Admission::Decided(_)));
    assert!(matches!(check("b").await, Admission::Uncounted { .. }));
    assert_eq!(before.elapsed(), Duration::from_millis(150));
    let Admission::Uncounted { why, .. } = check("c").await else {
        panic!()
    };
    assert_eq!((before.elapsed(), store.calls()), (Duration::from_millis(150), 2));
    assert!(why.ends_with("an earlier check took all the time there is"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_key_too_hot_for_its_partition_is_refused_and_no_outage() {
    let (store, clock) = (
        ModelStore::with((0..80).map(|_| Fault::Error(throttled(true)))),
        start_clock(),
    );
    for on_error in [OnError::Local, OnError::Allow, OnError::Deny] {
        let limiter = limiter(&store, &clock);
        for _ in 0..10 {
            assert_eq!(uncounted(&limiter, &set(on_error)).await, limited(1_000_000));
            assert_eq!(store.calls(), 2, "the breaker stays closed");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_throttled_counts_nothing_and_is_no_outage_either() {
    let (store, clock) = (
        ModelStore::with((0..80).map(|_| Fault::Error(throttled(false)))),
        start_clock(),
    );
    let limiter = limiter(&store, &clock);
    for _ in 0..10 {
        assert_eq!(uncounted(&limiter, &set(OnError::Allow)).await, Ok(()));
        assert_eq!(store.calls(), 2, "the breaker stays closed");
    }
    assert_eq!(uncounted(&limiter, &set(OnError::Local)).await, Ok(()));
    assert_eq!(
        uncounted(&limiter, &set(OnError::Deny)).await.unwrap_err().code(),
        "limit_store_unavailable"
    );
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_read_is_its_own_trouble() {
    let malformed = || Fault::Error(StoreError::Malformed("`tat` is not a whole number".into()));
    let (store, clock) = (ModelStore::with((0..20).map(|_| malformed())), start_clock());
    let limiter = limiter(&store, &clock);
    for _ in 0..10 {
        assert_eq!(uncounted(&limiter, &set(OnError::Allow)).await, Ok(()));
        assert_eq!(store.calls(), 1, "asked once, and the breaker stays closed");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_refuses_also_while_the_store_is_down() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (
        limiter(&store, &clock),
        Limits::rate(1, 60, 1).on_error(OnError::Allow).build(),
    );
    assert!(admitted(&limiter, &set).await);
    store.faults.lock().unwrap().extend((0..10).map(|_| Fault::Stall));
    assert!(!admitted(&limiter, &set).await);
    clock.advance(Duration::from_secs(60));
    assert_eq!(uncounted(&limiter, &set).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_shadow_refuses_nobody_when_it_cannot_count_either() {
    for on_error in [OnError::Local, OnError::Allow, OnError::Deny] {
        let faults = (0..9).flat_map(|_| {
            [
                ambiguous(),
                Fault::Error(throttled(true)),
                Fault::Error(throttled(true)),
            ]
        });
        let (store, clock) = (ModelStore::with(faults), start_clock());
        let set = Limits::rate(1, 60, 1).shadow().on_error(on_error).build();
        let limiter = limiter(&store, &clock);
        for _ in 0..6 {
            let admission = admit(&limiter, &set).await;
            let Admission::Uncounted { verdict, shadow, .. } = admission else {
                panic!("{admission:?}")
            };
            assert_eq!((verdict, shadow), (Ok(()), true));
        }
    }
}

/// Nothing undoes a count but an administrator, or the window's end.
#[tokio::test(start_paused = true)]
async fn a_quota_that_was_seen_used_up_refuses_also_after_its_time_of_trust() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let set = Limits::quota(1, "month").on_error(OnError::Local).build();
    let limiter = limiter(&store, &clock);
    assert!(admitted(&limiter, &set).await);
    assert!(!admitted(&limiter, &set).await);
    clock.advance(TRUST + Duration::from_secs(60));
    store.faults.lock().unwrap().push_back(Fault::Stall);
    let refused = uncounted(&limiter, &set).await;
    let to_the_end = Timestamp::from_secs(1_801_440_000).since(clock.now());
    assert!(
        matches!(&refused, Err(GatewayError::RateLimited { retry_after, .. }) if *retry_after == to_the_end),
        "{refused:?}"
    );
}

/// A refused retry, a wrong guess, and somebody else in between: the store is well.
#[tokio::test(start_paused = true)]
async fn no_decision_in_three_calls_is_no_outage() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let limiter = limiter(&store, &clock);
    let set = set(OnError::Deny);
    for _ in 0..10 {
        store
            .faults
            .lock()
            .unwrap()
            .extend((0..3).map(|_| Fault::RefuseBlindly));
        let why = undecided(&limiter, &set).await;
        assert!(
            why.ends_with("no decision in 3 calls: others changed the item between them"),
            "{why}"
        );
    }
    assert!(admitted(&limiter, &set).await, "the breaker is closed");
}
