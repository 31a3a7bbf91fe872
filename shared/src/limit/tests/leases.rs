//! Requests counted ahead.

use std::sync::atomic::AtomicU64;

use super::*;

/// Sixty-four environments, each as busy as it can be: how many requests were let through, and how many writes that took.
async fn busy(set: RuleSet, each: u32) -> (u64, u32) {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let set = Arc::new(set);
    let admitted = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (limiter, set, count) = (limiter(&store, &clock), set.clone(), admitted.clone());
        tasks.spawn(async move {
            for _ in 0..each {
                if admitted_by(&limiter, &set).await {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
            }
        });
    }
    tasks.join_all().await;
    (admitted.load(Ordering::SeqCst), store.calls())
}

async fn admitted_by(limiter: &Limiter, set: &RuleSet) -> bool {
    super::admitted(limiter, set).await
}

#[tokio::test(start_paused = true)]
async fn a_quota_is_never_overdrawn_and_its_end_is_exact() {
    for most in [1, 10, 50] {
        let (admitted, _) = busy(Limits::quota(3_000, "month").lease(most).build(), 100).await;
        assert_eq!(
            admitted, 3_000,
            "leases of {most}: busy environments spend all that they took"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_key_costs_a_fraction_of_a_write() {
    for (most, promised) in [(10, 0.15), (50, 0.05)] {
        let (admitted, calls) = busy(Limits::quota(10_000_000, "month").lease(most).build(), 1_000).await;
        assert_eq!(admitted, 64_000);
        #[expect(clippy::cast_precision_loss, reason = "64,000 at most")]
        let writes = f64::from(calls) / admitted as f64;
        println!("leases of {most}: {writes:.3} writes a request");
        assert!(writes <= promised, "{writes} writes a request, leases of {most}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_requests_at_once_one_writes_and_the_others_spend() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let limiter = Arc::new(limiter(&store, &clock));
    let set = Arc::new(Limits::quota(1_000_000, "day").lease(64).build());
    // Until leases are large.
    for _ in 0..200 {
        assert!(admitted_by(&limiter, &set).await);
    }
    store.calls();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..640 {
        let (limiter, set) = (limiter.clone(), set.clone());
        tasks.spawn(async move { admitted_by(&limiter, &set).await });
    }
    assert!(tasks.join_all().await.into_iter().all(|admitted| admitted));
    let calls = store.calls();
    assert!(calls <= 11, "{calls} writes for 640 requests");
}

/// A limiter whose environment has just taken eight ahead, and spent one of them.
async fn holding_seven(store: &Arc<ModelStore>, clock: &Arc<ManualClock>, set: &RuleSet) -> Limiter {
    let limiter = limiter(store, clock);
    // One, two, four: each used up. Then eight.
    for _ in 0..8 {
        assert!(admitted_by(&limiter, set).await);
    }
    assert_eq!(store.calls(), 4);
    limiter
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_worth_something_for_its_time() {
    let of_rate = Limits::rate(1_000, 1, 1_000).and_quota(1_000, "day").lease(8).build();
    let of_quota = Limits::quota(1_000, "day").lease(8).build();
    for (set, lasts) in [(of_rate, LEASE), (of_quota, TRUST)] {
        let (store, clock) = (ModelStore::with([]), start_clock());
        let limiter = holding_seven(&store, &clock, &set).await;
        tokio::time::advance(lasts - Duration::from_millis(1)).await;
        assert!(admitted_by(&limiter, &set).await);
        assert_eq!(store.calls(), 0, "{lasts:?}: six left of eight");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(admitted_by(&limiter, &set).await);
        assert!(store.calls() >= 1, "{lasts:?} have passed");
    }
}

/// While an environment is frozen, the clock that only goes forward may stand still.
#[tokio::test(start_paused = true)]
async fn what_was_taken_before_a_freeze_is_worth_nothing_after_it() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let set = Limits::rate(1_000, 1, 1_000).lease(8).build();
    let limiter = holding_seven(&store, &clock, &set).await;
    clock.advance(LEASE - Duration::from_micros(1));
    assert!(admitted_by(&limiter, &set).await);
    assert_eq!(store.calls(), 0);
    clock.advance(Duration::from_micros(1));
    assert!(admitted_by(&limiter, &set).await);
    assert!(store.calls() >= 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_is_worth_nothing_in_the_next_window() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let set = Limits::quota(1_000, "minute").lease(8).build();
    clock.advance(Duration::from_secs(59 - clock.now().secs() % 60));
    let limiter = holding_seven(&store, &clock, &set).await;
    clock.advance(Duration::from_secs(1));
    assert!(admitted_by(&limiter, &set).await);
    assert_eq!(store.calls(), 1);
    let minute = Window::at(Period::Minute, clock.now());
    assert!(store.only_item().count(minute) >= 1, "counted in the new one");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_subject_is_counted_each_by_itself() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(1_000, "day").lease(50).build());
    for request in 1..=20 {
        assert!(admitted_by(&limiter, &set).await);
        assert_eq!(store.calls(), 1);
        assert_eq!(store.only_item().windows[0].1, request);
        tokio::time::advance(TRUST).await;
        clock.advance(TRUST);
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_environment_holds_when_it_ends_is_a_tenth_of_what_was_left_at_most() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let set = Limits::quota(500, "day").lease(50).build();
    let counted = || {
        store
            .items
            .lock()
            .unwrap()
            .values()
            .map(|item| item.windows[0].1)
            .sum::<u64>()
    };
    // Environments that end after forty requests, whatever they hold.
    for _ in 0..100 {
        let (before, limiter) = (counted(), limiter(&store, &clock));
        let mut admitted = 0;
        for _ in 0..40 {
            admitted += u64::from(admitted_by(&limiter, &set).await);
        }
        let lost = counted() - before - admitted;
        assert!(lost <= (500 - before) / 10, "{lost} of {}", 500 - before);
    }
    assert_eq!(counted(), 500);
}

/// The second counts from when the request came that took them, however long the store took.
#[tokio::test(start_paused = true)]
async fn what_was_taken_ends_a_second_after_it_was_asked_for() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let set = Limits::rate(1_000, 1, 1_000).lease(8).build();
    let limiter = limiter(&store, &clock);
    for _ in 0..7 {
        assert!(admitted_by(&limiter, &set).await);
    }
    store
        .faults
        .lock()
        .unwrap()
        .push_back(Fault::Slow(Duration::from_millis(100)));
    store.calls();
    assert!(admitted_by(&limiter, &set).await);
    tokio::time::advance(Duration::from_millis(899)).await;
    assert!(admitted_by(&limiter, &set).await);
    assert_eq!(store.calls(), 1, "seven left of eight");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(admitted_by(&limiter, &set).await);
    assert_eq!(store.calls(), 1, "a second has passed");
}

#[tokio::test(start_paused = true)]
async fn remaining_counts_what_the_environment_still_holds() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(1_000, "day").lease(50).build());
    for left in (0..1_000).rev().take(300) {
        assert_eq!(decision(&limiter, &set).await.remaining(), left);
    }
}

#[tokio::test(start_paused = true)]
async fn dear_requests_take_whole_requests_ahead() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(100, "day").lease(50).build());
    let mut admitted = 0;
    for _ in 0..50 {
        let admission = limiter.admit(&set, &somebody(), 7, &mut Patience::default()).await;
        admitted += u64::from(matches!(admission, Admission::Decided(decision) if decision.allowed()));
    }
    assert_eq!((admitted, store.only_item().windows[0].1), (14, 98));
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_spent_also_while_the_store_is_down() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(1_000, "day").lease(8).build());
    for _ in 0..8 {
        assert!(admitted_by(&limiter, &set).await);
    }
    store.faults.lock().unwrap().extend((0..9).map(|_| Fault::Stall));
    for _ in 0..7 {
        assert!(admitted_by(&limiter, &set).await);
    }
    undecided(&limiter, &set).await;
}

/// A lost answer costs a lease once: the next requests are counted each by itself.
#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_nothing_is_taken_ahead_at_first() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let set = Limits::quota(1_000, "day").lease(8).build();
    let limiter = holding_seven(&store, &clock, &set).await;
    for _ in 0..7 {
        assert!(admitted_by(&limiter, &set).await);
    }
    store
        .faults
        .lock()
        .unwrap()
        .extend([Fault::LostAnswer, Fault::LostAnswer]);
    undecided(&limiter, &set).await;
    assert_eq!(store.only_item().windows[0].1, 15 + 8, "the lease that nobody heard of");
    undecided(&limiter, &set).await;
    assert_eq!(store.only_item().windows[0].1, 15 + 8 + 1, "and no second one");
}

#[tokio::test(start_paused = true)]
async fn what_a_plan_took_ahead_is_worth_nothing_by_another() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let before = Limits::quota(1_000, "day").lease(8).build();
    let limiter = holding_seven(&store, &clock, &before).await;
    let after = Limits::quota(100, "day").lease(8).build();
    assert!(admitted_by(&limiter, &after).await);
    assert_eq!(store.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_remains_of_a_rate_than_its_burst() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::rate(100, 1, 100).lease(10).build());
    for _ in 0..400 {
        let remaining = decision(&limiter, &set).await.remaining();
        assert!(remaining < 100 + 1, "{remaining}");
        clock.advance(Duration::from_millis(8));
        tokio::time::advance(Duration::from_millis(8)).await;
    }
}
