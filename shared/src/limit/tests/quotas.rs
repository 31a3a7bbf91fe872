//! Quotas, alone and beside a rate.

use super::*;

/// 2026-11-22T09:37:30Z: half a minute before the next, and nowhere near the end of a day.
const NOON: u64 = 1795340250;

fn clock() -> Arc<ManualClock> {
    ManualClock::at(Timestamp::from_secs(NOON))
}

fn names(state: &CounterState) -> Vec<(String, u64)> {
    let mut names: Vec<_> = state
        .windows
        .iter()
        .map(|(window, count)| (window.to_string(), *count))
        .collect();
    names.sort();
    names
}

async fn admit_at_cost(limiter: &Limiter, set: &RuleSet, cost: u32) -> Decision {
    match limiter.admit(set, &somebody(), cost, &mut Patience::default()).await {
        Admission::Decided(decision) => decision,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_and_quotas_of_every_period_are_one_item_and_one_call() {
    let (store, clock) = (ModelStore::with([]), clock());
    let limits = Limits::rate(100, 1, 20).and_quota(30, "minute").and_quota(300, "hour");
    let set = limits.and_quota(3_000, "day").and_quota(30_000, "month").build();
    assert!(admitted(&limiter(&store, &clock), &set).await);
    assert_eq!(store.calls(), 1);
    let item = store.only_item();
    assert_eq!(item.buckets, bucket_at(NOON * 1_000_000 + 10_000).buckets);
    let expected = ["d20261122", "h2026112209", "i202611220937", "m202611"];
    assert_eq!(names(&item), expected.map(|name| (name.to_owned(), 1)));
    // A week after the month.
    assert_eq!(store.expires_at.load(Ordering::SeqCst), 1_796_083_200 + 7 * 86_400);
}

#[tokio::test(start_paused = true)]
async fn windows_alone_take_one_call_whatever_the_state() {
    let (store, clock) = (ModelStore::with([]), clock());
    let set = Limits::quota(40, "day").and_quota(1_000, "month").build();
    for _ in 0..40 {
        assert!(admitted(&limiter(&store, &clock), &set).await, "each a new environment");
        assert_eq!(store.calls(), 1);
    }
    for _ in 0..10 {
        assert!(!admitted(&limiter(&store, &clock), &set).await);
        assert_eq!(store.calls(), 1, "a refusal costs no more");
    }
    assert_eq!(
        names(&store.only_item()),
        [("d20261122".to_owned(), 40), ("m202611".to_owned(), 40)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_is_counted_nowhere() {
    let (store, clock) = (ModelStore::with([]), clock());
    let (limiter, set) = (
        limiter(&store, &clock),
        Limits::rate(1, 1, 2).and_quota(100, "day").build(),
    );
    let admitted_at = async |cost| admit_at_cost(&limiter, &set, cost).await.allowed();
    assert!(admitted_at(2).await);
    let before = store.only_item();
    assert!(!admitted_at(1).await, "the rate refuses");
    assert_eq!(store.only_item(), before, "and the quota is not touched");
}

#[tokio::test(start_paused = true)]
async fn sixty_four_tasks_with_costs_admit_exactly_the_quota() {
    let (store, clock) = (ModelStore::with([]), clock());
    let set = Arc::new(Limits::rate(1_000, 1, 1_000).and_quota(500, "day").build());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..64_u32 {
        let (limiter, set) = (limiter(&store, &clock), set.clone());
        tasks.spawn(async move {
            let mut sum = 0;
            for request in 0..20_u32 {
                let cost = 1 + (task + request) % 5;
                let decision = admit_at_cost(&limiter, &set, cost).await;
                sum += if decision.allowed() { u64::from(cost) } else { 0 };
            }
            // The last ones: whatever is left is taken by requests of cost 1.
            for _ in 0..20 {
                sum += u64::from(admit_at_cost(&limiter, &set, 1).await.allowed());
            }
            sum
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<u64>(), 500);
    assert_eq!(names(&store.only_item()), [("d20261122".to_owned(), 500)]);
}

#[tokio::test(start_paused = true)]
async fn a_full_window_refuses_from_memory_until_it_ends() {
    let (store, clock) = (ModelStore::with([]), clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(1, "minute").build());
    assert!(admitted(&limiter, &set).await);
    assert_eq!(store.calls(), 1);
    for second in 0..30 {
        let refused = decision(&limiter, &set).await.require().unwrap_err();
        assert_eq!(refused.retry_after(), Some(30 - second));
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(store.calls(), 0);
    assert!(admitted(&limiter, &set).await, "the next minute");
}

/// Until then an environment whose clock is behind may still count in it.
#[tokio::test(start_paused = true)]
async fn a_window_stays_until_it_is_over_by_every_clock() {
    let (store, clock) = (ModelStore::with([]), clock());
    let (ahead, set) = (limiter(&store, &clock), Limits::quota(2, "minute").build());
    assert!(admitted(&ahead, &set).await);
    assert!(admitted(&ahead, &set).await);
    for minute in 1..=15 {
        clock.advance(Duration::from_secs(60));
        assert!(admitted(&ahead, &set).await);
        let behind = limiter(&store, &ManualClock::at(Timestamp::from_secs(NOON)));
        assert!(!admitted(&behind, &set).await, "two in that minute, {minute} min ago");
    }
    assert_eq!(store.only_item().windows.len(), 16);
    clock.advance(Duration::from_secs(60));
    assert!(admitted(&ahead, &set).await);
    clock.advance(Duration::from_secs(60 * 60));
    assert!(admitted(&ahead, &set).await);
    assert_eq!(
        names(&store.only_item()),
        [("i202611221053".to_owned(), 1)],
        "all that is over is taken along"
    );
}

#[tokio::test(start_paused = true)]
async fn a_window_that_was_reset_is_full_for_thirty_seconds_at_most() {
    let (store, clock) = (ModelStore::with([]), clock());
    let (limiter, set) = (limiter(&store, &clock), Limits::quota(1, "day").build());
    assert!(admitted(&limiter, &set).await);
    store.items.lock().unwrap().clear();
    clock.advance(Duration::from_secs(30));
    assert!(!admitted(&limiter, &set).await);
    clock.advance(Duration::from_micros(1));
    assert!(admitted(&limiter, &set).await);
}

/// An environment with a clock that runs behind counts in the window that it believes in, and opens no other.
#[tokio::test(start_paused = true)]
async fn a_clock_that_runs_behind_counts_in_its_own_window() {
    let (store, clock) = (ModelStore::with([]), clock());
    let set = Limits::quota(2, "minute").build();
    assert!(admitted(&limiter(&store, &clock), &set).await);
    clock.advance(Duration::from_secs(60));
    assert!(admitted(&limiter(&store, &clock), &set).await);
    clock.set(Timestamp::from_secs(NOON));
    let behind = limiter(&store, &clock);
    assert!(admitted(&behind, &set).await);
    assert!(!admitted(&behind, &set).await, "two in that minute");
    assert_eq!(
        names(&store.only_item()),
        [("i202611220937".to_owned(), 2), ("i202611220938".to_owned(), 1)]
    );
}

/// A month of one request every five minutes, each in an environment that has never met the subject.
#[tokio::test(start_paused = true)]
async fn what_piles_up_of_old_windows_is_taken_away() {
    let (store, clock) = (ModelStore::with([]), clock());
    let limits = Limits::quota(10, "minute").and_quota(100, "hour");
    let set = limits.and_quota(1_000, "day").and_quota(100_000, "month").build();
    let (mut calls, mut most) = (0, 0);
    for _ in 0..8_640 {
        assert!(admitted(&limiter(&store, &clock), &set).await);
        calls += store.calls();
        most = most.max(store.only_item().windows.len());
        clock.advance(Duration::from_secs(300));
    }
    // Those that are over but may still be counted in: three at a time.
    assert!(most <= settle::MOST_OVER + 3 + 4, "{most} windows");
    assert!(f64::from(calls) / 8_640.0 < 1.06, "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn environments_that_meet_a_subject_again_take_old_windows_along() {
    let (store, clock) = (ModelStore::with([]), clock());
    let set = Limits::quota(10, "minute").and_quota(10_000, "day").build();
    let environments: Vec<Limiter> = (0..4).map(|_| limiter(&store, &clock)).collect();
    for request in 0..4_000 {
        assert!(admitted(&environments[request % 4], &set).await);
        assert_eq!(store.calls(), 1);
        assert!(store.only_item().windows.len() <= 15 + 10, "{:?}", store.only_item());
        clock.advance(Duration::from_secs(61));
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_up_that_fails_changes_nothing_for_the_request() {
    let (store, clock) = (ModelStore::with([]), clock());
    let set = Limits::quota(10, "minute").build();
    let fill = async || {
        for _ in 0..settle::MOST_OVER {
            assert!(admitted(&limiter(&store, &clock), &set).await);
            clock.advance(Duration::from_secs(60));
        }
        clock.advance(window::CLOCKS_APART);
        store.calls();
    };
    fill().await;
    let ok = || Fault::Slow(Duration::ZERO);
    store.faults.lock().unwrap().extend([ok(), Fault::Stall]);
    let before = tokio::time::Instant::now();
    assert!(admitted(&limiter(&store, &clock), &set).await);
    assert_eq!((store.calls(), before.elapsed()), (2, Duration::from_millis(150)));
    store
        .faults
        .lock()
        .unwrap()
        .extend([ok(), Fault::Error(throttled(true))]);
    assert!(admitted(&limiter(&store, &clock), &set).await);
    assert_eq!(store.calls(), 2);
    assert!(admitted(&limiter(&store, &clock), &set).await);
    assert_eq!(store.only_item().windows.len(), 1);
}
