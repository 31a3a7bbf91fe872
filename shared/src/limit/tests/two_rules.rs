//! Rules that share one item: two plans of one caller, or an old and a new config side by side.

use super::*;

async fn admitted_of(limiter: &Limiter, set: &RuleSet, requests: u32) -> u32 {
    let mut count = 0;
    for _ in 0..requests {
        count += u32::from(admitted(limiter, set).await);
    }
    count
}

/// A caller with two tokens that name different plans gets each plan's burst once, and no more by changing between them.
#[tokio::test(start_paused = true)]
async fn alternating_two_plans_admits_the_sum_of_both() {
    for one_environment in [true, false] {
        let (store, clock) = (ModelStore::with([]), start_clock());
        let (free, pro) = (rule(100, 3_600, 100), rule(10, 1, 10));
        let first = limiter(&store, &clock);
        let second = limiter(&store, &clock);
        let second = if one_environment { &first } else { &second };
        let mut sums = (0, 0);
        for _ in 0..50 {
            sums.0 += admitted_of(&first, &free, 30).await;
            sums.1 += admitted_of(second, &pro, 30).await;
        }
        assert_eq!(sums, (100, 10), "one environment: {one_environment}");
        clock.advance(Duration::from_secs(1));
        let next = (
            admitted_of(&first, &free, 30).await,
            admitted_of(second, &pro, 30).await,
        );
        assert_eq!(next, (0, 10), "each refills by its own rate");
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_rule_has_used_up_holds_nobody_back() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (free, pro) = (rule(2, 60, 2), rule(4, 60, 4));
    let limiter = limiter(&store, &clock);
    assert_eq!(admitted_of(&limiter, &free, 10).await, 2);
    assert_eq!(
        admitted_of(&limiter, &pro, 10).await,
        4,
        "an upgrade takes effect at once"
    );
    clock.advance(Duration::from_secs(30));
    assert_eq!(admitted_of(&limiter, &free, 10).await, 1);
    assert_eq!(admitted_of(&limiter, &pro, 10).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_full_for_fifteen_minutes_goes_with_the_next_write_of_another_rule() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (old, new) = (rule(10, 1, 10), rule(100, 1, 20));
    let limiter = limiter(&store, &clock);
    assert!(admitted(&limiter, &old).await);
    clock.advance(Duration::from_secs(1));
    assert!(admitted(&limiter, &new).await);
    // Full at 100 ms, for so long at 900.1 s.
    clock.set(Timestamp::from_micros(START + 900_099_999));
    assert!(admitted(&limiter, &new).await);
    assert_eq!(
        store.only_item().buckets.len(),
        2,
        "a clock that is behind may not see it full"
    );
    clock.advance(Duration::from_micros(1));
    assert!(admitted(&limiter, &new).await);
    assert_eq!(store.only_item(), bucket_at(START + 900_119_999));
    assert_eq!(store.calls(), 4);
}

/// Full by what is remembered, but somebody else has used it since.
#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_in_use_again_stays_and_costs_one_call() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let (old, new) = (rule(1, 60, 2), rule(100, 1, 20));
    let (first, second) = (limiter(&store, &clock), limiter(&store, &clock));
    assert!(admitted(&first, &old).await && admitted(&first, &new).await);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(admitted_of(&second, &old, 5).await, 2);
    store.calls();
    assert!(admitted(&first, &new).await);
    assert_eq!(store.calls(), 2, "with it, and without");
    assert_eq!(
        admitted_of(&second, &old, 5).await + admitted_of(&first, &old, 5).await,
        0
    );
}

#[tokio::test(start_paused = true)]
async fn what_one_rule_took_ahead_another_does_not_spend() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let limits = |requests, burst| Limits::rate(requests, 3_600, burst).lease(50).build();
    let (free, pro) = (limits(10, 10), limits(5_000, 5_000));
    let limiter = limiter(&store, &clock);
    assert_eq!(admitted_of(&limiter, &pro, 200).await, 200);
    assert_eq!(admitted_of(&limiter, &free, 200).await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_refund_goes_to_the_bucket_that_was_charged() {
    let (store, clock) = (ModelStore::with([]), start_clock());
    let limits = |burst| Limits::rate(1, 60, burst).refunded().build();
    let (free, pro) = (limits(1), limits(3));
    let limiter = limiter(&store, &clock);
    let charged = decision(&limiter, &free).await;
    assert_eq!(admitted_of(&limiter, &pro, 5).await, 3);
    limiter.give_back(&mut [charged], &mut Patience::default()).await;
    clock.advance(Duration::from_secs(2));
    assert_eq!(admitted_of(&limiter, &pro, 5).await, 0);
    assert_eq!(admitted_of(&limiter, &free, 5).await, 1);
}

/// One request: of which rule, in which environment, how long after the last, and how far ahead the clock there is.
type Arrival = (usize, usize, u64, u64);

/// The admitted of each rule, by true time in seconds.
async fn live(rules: &[RuleSet], arrivals: Vec<Arrival>) -> Vec<Vec<u64>> {
    let store = ModelStore::with([]);
    let environment = || {
        let clock = start_clock();
        (limiter(&store, &clock), clock)
    };
    let environments: Vec<_> = std::iter::repeat_with(environment).take(3).collect();
    let (mut now, mut admitted_at) = (0, vec![Vec::new(); rules.len()]);
    for (which, environment, gap, ahead) in arrivals {
        now += gap;
        let (limiter, clock) = &environments[environment];
        clock.set(Timestamp::from_micros(START).plus(Duration::from_secs(now + ahead)));
        if admitted(limiter, &rules[which]).await {
            admitted_at[which].push(now);
        }
        assert!(store.calls() <= 3);
    }
    admitted_at
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the order, each rule lets through what it does alone: burst + rate x (time + clock spread).
    #[test]
    fn each_rule_holds_whatever_the_others_do(
        arrivals in prop::collection::vec(
            (0..3_usize, 0..3_usize, prop_oneof![6 => Just(0_u64), 3 => 0..60_u64, 2 => 600..3_000_u64], 0..890_u64),
            1..150,
        ),
    ) {
        let rules = [rule(1, 60, 3), rule(1, 10, 2), rule(1, 600, 5)];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let admitted = runtime.unwrap().block_on(live(&rules, arrivals));
        for (rule, times) in rules.iter().zip(admitted) {
            let rate = rule.rate.unwrap();
            let (per, burst) = (rate.per.as_secs(), u64::from(rate.burst.get()));
            for (first, from) in times.iter().enumerate() {
                for (count, to) in (1_u64..).zip(&times[first..]) {
                    let most = burst * per + (to - from) + 890;
                    prop_assert!(count * per <= most, "{count} of {rate:?} in {} s", to - from);
                }
            }
        }
    }
}
