//! What limits promise of any interval and any window, whatever arrives when and whatever the clocks show.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use tokio::time::Instant;

use super::*;
use crate::limit::window::Window;
use crate::limit::{LEASE, Rate, testing};

/// An environment's clock: ahead of the true time by what it was set to last.
#[derive(Debug)]
struct Wall {
    began: Instant,
    ahead: AtomicU64,
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_micros(self.ahead.load(Ordering::SeqCst));
        Timestamp::from_micros(START).plus(self.began.elapsed() + ahead)
    }
}

/// Requests that follow one another in even steps, after a rest; both in hundredths of what one request takes.
#[derive(Clone, Debug)]
struct Phase {
    rest: u64,
    step: u64,
    requests: Vec<Arrival>,
}

/// One request: where it arrives, what it costs, and how much of the spread the clock there is ahead now, in percent.
#[derive(Clone, Debug)]
struct Arrival {
    environment: usize,
    cost: u32,
    ahead: u64,
}

/// One that was let through: when it arrived, in microseconds of the true time, and what the clock showed.
#[derive(Clone, Debug)]
struct Admitted {
    at: u64,
    shown: Timestamp,
    cost: u64,
}

fn any_rate() -> impl Strategy<Value = Rate> {
    let requests = prop_oneof![1..=20_u32, 1..=5_000_u32];
    let per = prop_oneof![Just(1_u64), Just(60), Just(3_600), Just(86_400)];
    (requests, per, 60..=120_u32).prop_map(|(requests, per, burst)| testing::rate(requests, per, burst))
}

fn any_phase() -> impl Strategy<Value = Phase> {
    let arrival = (0..4_usize, 1..=5_u32, 0..=100_u64);
    let arrival = arrival.prop_map(|(environment, cost, ahead)| Arrival {
        environment,
        cost,
        ahead,
    });
    let rest = prop_oneof![Just(0_u64), 0..=2_000_u64, 5_000..=50_000_u64];
    // Some that leave something, and some that take all there is.
    let requests = prop_oneof![
        prop::collection::vec(arrival.clone(), 1..20),
        prop::collection::vec(arrival, 60..120)
    ];
    let step = prop_oneof![2 => Just(0_u64), 1 => 0..=50_u64, 1 => 50..=400_u64];
    (rest, step, requests).prop_map(|(rest, step, requests)| Phase { rest, step, requests })
}

/// Up to four environments live through this; the store takes its time now and then.
async fn live(set: RuleSet, phases: Vec<Phase>, spread: u64, slow: Vec<u64>) -> Vec<Admitted> {
    let (began, step) = (Instant::now(), bucket::Bucket::new(set.rate.unwrap()).taken(1));
    let slow = slow
        .into_iter()
        .map(|millis| Fault::Slow(Duration::from_millis(millis)));
    let (store, set) = (ModelStore::with(slow), Arc::new(set));
    let environment = || {
        let ahead = AtomicU64::new(0);
        let wall = Arc::new(Wall { began, ahead });
        let limiter = Limiter::new(PathLimits::default(), store.clone(), wall.clone());
        (Arc::new(limiter), wall)
    };
    let environments: Vec<_> = (0..4).map(|_| environment()).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for phase in phases {
        tokio::time::advance(Duration::from_micros(phase.rest * step / 100)).await;
        for Arrival {
            environment,
            cost,
            ahead,
        } in phase.requests
        {
            let (limiter, wall) = environments[environment].clone();
            wall.ahead.store(spread * ahead / 100, Ordering::SeqCst);
            let set = set.clone();
            tasks.spawn(async move {
                let at = u64::try_from(began.elapsed().as_micros()).unwrap();
                let (shown, cost_sum) = (wall.now(), u64::from(cost));
                let admission = limiter.admit(&set, &somebody(), cost, &mut Patience::default()).await;
                let allowed = matches!(admission, Admission::Decided(decision) if decision.allowed());
                allowed.then_some(Admitted {
                    at,
                    shown,
                    cost: cost_sum,
                })
            });
            // Starts the check, so that it fixes its now, and leaves it half done.
            tokio::task::yield_now().await;
            tokio::time::advance(Duration::from_micros(phase.step * step / 100)).await;
        }
    }
    let mut admitted: Vec<Admitted> = tasks.join_all().await.into_iter().flatten().collect();
    admitted.sort_by_key(|request| request.at);
    admitted
}

/// The first interval that saw more than `burst + rate x (time + more)`, if one did.
fn overrun(rate: Rate, admitted: &[Admitted], more: Duration) -> Option<String> {
    let (requests, per) = (u128::from(rate.requests.get()), rate.per.as_micros());
    for (first, from) in admitted.iter().enumerate() {
        let mut cost = 0;
        for to in &admitted[first..] {
            cost += u128::from(to.cost);
            let time = u128::from(to.at - from.at) + more.as_micros();
            // cost - burst <= rate x time, without division.
            if cost.saturating_sub(u128::from(rate.burst.get())) * per > requests * time {
                return Some(format!("{cost} in {} us", to.at - from.at));
            }
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// `admitted <= burst + rate x time + rate x spread` in every interval; of leases, which are spent within a second, also
    /// what fits into that second. And no window is overdrawn, by the clock that counted in it.
    #[test]
    fn no_interval_and_no_window_holds_more_than_it_may(
        rate in any_rate(),
        quotas in prop::collection::vec(prop::option::weighted(0.3, 20..200_u64), 4),
        lease in prop::option::weighted(0.7, 4..=50_u32),
        phases in prop::collection::vec(any_phase(), 1..8),
        spread in prop_oneof![Just(0_u64), 0..2_000_u64],
        slow in prop::collection::vec(prop_oneof![9 => Just(0_u64), 1 => 0..140_u64], 0..200),
    ) {
        let mut limits = Limits::rate(rate.requests.get(), rate.per.as_secs(), rate.burst.get());
        for (period, quota) in Period::ALL.into_iter().zip(&quotas) {
            limits = quota.iter().fold(limits, |limits, quota| limits.and_quota(*quota, period.as_str()));
        }
        let set = lease.iter().fold(limits, |limits, most| limits.lease(*most)).build();
        // In hundredths of an interval, and no further apart than clocks can be that DynamoDB lets write.
        let spread = (spread * bucket::Bucket::new(rate).taken(1) / 100).min(15 * 60 * 1_000_000);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let admitted = runtime.block_on(live(set, phases, spread, slow));

        let ahead = lease.map_or(Duration::ZERO, |_| LEASE);
        prop_assert_eq!(overrun(rate, &admitted, Duration::from_micros(spread) + ahead), None);
        for (period, quota) in Period::ALL.into_iter().zip(quotas) {
            let mut counted = HashMap::new();
            for request in &admitted {
                *counted.entry(Window::at(period, request.shown)).or_insert(0) += request.cost;
            }
            prop_assert!(counted.values().all(|count| quota.is_none_or(|quota| *count <= quota)), "{:?}", counted);
        }
    }
}
