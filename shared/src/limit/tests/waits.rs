//! What clients are told to wait, in the whole seconds of the headers: enough, and no second more than that.

use std::collections::HashMap;

use http::HeaderMap;

use super::*;
use crate::limit::window;

/// One request, and where it is tried again if it is refused.
#[derive(Clone, Debug)]
struct Request {
    /// Microseconds since the one before.
    gap: u64,
    cost: u32,
    environment: usize,
    again: usize,
}

fn any_set() -> impl Strategy<Value = RuleSet> {
    let per = prop::sample::select(vec![1_u64, 60, 3_600, 86_400]);
    let rate = (1..=200_u32, per, 5..=40_u32);
    let quotas = prop::collection::vec(prop::option::of(5..=60_u64), 4);
    let lease = prop::option::weighted(0.3, 1..=20_u32);
    let some =
        |(rate, quotas, _): &(Option<_>, Vec<Option<u64>>, _)| rate.is_some() || quotas.iter().any(Option::is_some);
    (prop::option::of(rate), quotas, lease)
        .prop_filter("limits nothing", some)
        .prop_map(|(rate, quotas, lease)| {
            let mut limits = Limits::none();
            if let Some((requests, per, burst)) = rate {
                limits = Limits::rate(requests, per, burst);
            }
            for (period, quota) in Period::ALL.into_iter().zip(quotas) {
                limits = quota
                    .into_iter()
                    .fold(limits, |limits, quota| limits.and_quota(quota, period.as_str()));
            }
            lease.into_iter().fold(limits, Limits::lease).build()
        })
}

/// Shortly before a minute, an hour, a day or a month ends, somewhere between 2023 and 2055.
fn any_start() -> impl Strategy<Value = Timestamp> {
    let secs = 1_700_000_000..2_700_000_000_u64;
    let before = prop_oneof![0..3_000_000_u64, 0..7_200_000_000_u64];
    (secs, prop::sample::select(Period::ALL.to_vec()), before).prop_map(|(secs, period, before)| {
        let end = window::end(period, Timestamp::from_secs(secs));
        Timestamp::from_micros(end.micros() - before)
    })
}

fn any_requests() -> impl Strategy<Value = Vec<Request>> {
    let gap = prop_oneof![
        4 => Just(0_u64),
        3 => 0..1_500_000_u64,
        2 => 0..90_000_000_u64,
        1 => 0..90_000_000_000_u64,
    ];
    let request = (gap, 1..=5_u32, 0..3_usize, 0..3_usize);
    let request = request.prop_map(|(gap, cost, environment, again)| Request {
        gap,
        cost,
        environment,
        again,
    });
    prop::collection::vec(request, 1..60)
}

/// The same item, and an environment that has never seen it, at another time.
fn elsewhen(store: &ModelStore, at: Timestamp) -> Limiter {
    let copy = ModelStore::with([]);
    copy.items.lock().unwrap().clone_from(&store.items.lock().unwrap());
    limiter(&copy, &ManualClock::at(at))
}

async fn ask(limiter: &Limiter, set: &RuleSet, cost: u32) -> Decision {
    match limiter.admit(set, &somebody(), cost, &mut Patience::default()).await {
        Admission::Decided(decision) => decision,
        other => panic!("{other:?}"),
    }
}

/// `RateLimit` as a client reads it: of each limit what is left, and the seconds until it is whole again.
fn told(decision: &Decision) -> HashMap<String, (u64, u64)> {
    let mut headers = HeaderMap::new();
    stamp(std::slice::from_ref(decision), &mut headers);
    let entry = |entry: &str| -> Option<(String, (u64, u64))> {
        let (name, rest) = entry.split_once(";r=")?;
        let (left, seconds) = rest.split_once(";t=")?;
        Some((name.to_owned(), (left.parse().ok()?, seconds.parse().ok()?)))
    };
    let text = headers["ratelimit"].to_str().unwrap();
    text.split(", ")
        .map(|text| entry(text).unwrap_or_else(|| panic!("{text}")))
        .collect()
}

/// After its seconds each limit is whole again.
async fn every_reset_is_true(store: &ModelStore, set: &RuleSet, decision: &Decision, now: Timestamp) {
    let rate = set.rate.map(|rate| (set.name.to_string(), u64::from(rate.burst.get())));
    let quotas = set
        .quotas
        .iter()
        .map(|quota| (quota.name.to_string(), quota.requests.get()));
    let whole: HashMap<_, _> = rate
        .into_iter()
        .chain(quotas)
        .map(|(name, whole)| (format!("{name:?}"), whole))
        .collect();
    for (name, (_, seconds)) in told(decision) {
        let later = elsewhen(store, now.plus(Duration::from_secs(seconds)));
        let then = ask(&later, set, 1).await;
        // A refusal charges nothing, else this one did.
        let left = told(&then)[&name].0 + u64::from(then.allowed());
        assert!(
            left >= whole[&name],
            "{name} is whole after {seconds} s? {left} of {}, {set:?}",
            whole[&name]
        );
    }
}

/// Whether a decision was made on the item as it stands. A remembered refusal need not be: it holds, but in another
/// environment a cheaper request may have taken what was left.
fn is_fresh(limiter: &Limiter, store: &ModelStore, set: &RuleSet, decision: &Decision) -> bool {
    let last = limiter.seen.last(&key_of(set, &somebody()));
    let knows_all = last.is_some_and(|last| last.state == store.only_item());
    store.calls() > 0 || (knows_all && !decision.allowed())
}

/// Lives through the requests; every refusal is tried again once, when its `Retry-After` is over. How many there were.
async fn live(set: &RuleSet, start: Timestamp, requests: Vec<Request>) -> u32 {
    let (store, clock) = (ModelStore::with([]), ManualClock::at(start));
    let environments: Vec<Limiter> = (0..3).map(|_| limiter(&store, &clock)).collect();
    let mut refusals = 0;
    for request in requests {
        clock.advance(Duration::from_micros(request.gap));
        tokio::time::advance(Duration::from_micros(request.gap)).await;
        let environment = &environments[request.environment];
        store.calls();
        let decision = ask(environment, set, request.cost).await;
        if !is_fresh(environment, &store, set, &decision) {
            continue;
        }
        every_reset_is_true(&store, set, &decision, clock.now()).await;
        let Err(error) = decision.require() else { continue };
        refusals += 1;
        let seconds = error.retry_after().unwrap();
        assert!(seconds >= 1);
        if seconds > 1 {
            let early = elsewhen(&store, clock.now().plus(Duration::from_secs(seconds - 1)));
            assert!(
                !ask(&early, set, request.cost).await.allowed(),
                "a second too long: {error:?}, {set:?}"
            );
        }
        clock.advance(Duration::from_secs(seconds));
        tokio::time::advance(Duration::from_secs(seconds)).await;
        let again = ask(&environments[request.again], set, request.cost).await;
        assert!(
            again.allowed(),
            "{seconds} s were too short for {}: {again:?}, {set:?}",
            request.cost
        );
    }
    refusals
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whichever limits refuse, and in whichever environment it is tried again: as long as nobody else takes what
    /// becomes free, one retry succeeds.
    #[test]
    fn one_retry_after_what_was_told_succeeds(set in any_set(), start in any_start(), requests in any_requests()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(live(&set, start, requests));
    }
}

/// The last microsecond of a leap year's February: a wait of one microsecond is told as one second, and a month's end as all
/// the seconds until then.
#[tokio::test(start_paused = true)]
async fn no_wait_is_told_as_none_and_a_month_s_as_long_as_it_is() {
    let end = 1_709_251_200;
    let set = Limits::quota(5, "month").build();
    for (before, told) in [
        (1, 1),
        (1_000_000, 1),
        (1_000_001, 2),
        (29 * 86_400_000_000, 29 * 86_400),
    ] {
        let start = Timestamp::from_micros(end * 1_000_000 - before);
        let request = |cost| Request {
            gap: 0,
            cost,
            environment: 0,
            again: 1,
        };
        assert_eq!(live(&set, start, vec![request(5), request(1)]).await, 1);
        let (store, clock) = (ModelStore::with([]), ManualClock::at(start));
        let limiter = limiter(&store, &clock);
        ask(&limiter, &set, 5).await;
        let error = ask(&limiter, &set, 1).await.require().unwrap_err();
        assert_eq!(error.retry_after(), Some(told));
    }
    // A rate's wait of 10 ms.
    let set = Limits::rate(100, 1, 5).build();
    let limiter = limiter(&ModelStore::with([]), &start_clock());
    ask(&limiter, &set, 5).await;
    assert_eq!(
        ask(&limiter, &set, 1).await.require().unwrap_err().retry_after(),
        Some(1)
    );
}
