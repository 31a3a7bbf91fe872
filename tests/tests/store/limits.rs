//! A limit is a limit: the real limiter through the real store on a real engine, 64 tasks at once, and a proxy between that
//! throttles or loses answers.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tollgate::clock::{Clock as _, Timestamp};
use tollgate::limit::Admission;
use tollgate_tests::dynamodb::{DynamoDb, Fault};
use tollgate_tests::seeded::Seeded;

use crate::engine::Engine;
use crate::environments::{Limited, ManualClock, limiter, own_store, unhurried};
use crate::ledger::{Answer, Ledger, Sums};

const TASKS: u64 = 64;
const ROUNDS: u64 = 20;
const ENVIRONMENTS: usize = 8;

/// 2026-11-30T23:59:15Z: with round 9 every window begins anew, up to the month's.
const START: Timestamp = Timestamp::from_secs(1_796_083_155);

/// What passes between two rounds.
const STEP: Duration = Duration::from_secs(5);

/// Every task asks once a round, at a cost of 1 to 5, while time stands still; of a hundred calls ten meet the fault, where
/// a proxy fits between.
async fn live(table: &str, limits: Value, fault: Fault, rounds: u64) -> Sums {
    let engine = Engine::start().await;
    engine.table(table, &["pk", "sk"]).await;
    let proxy = DynamoDb::before(&engine.endpoint).await;
    let endpoint = proxy.as_ref().map_or_else(|| engine.endpoint.clone(), DynamoDb::url);
    if let Some(proxy) = &proxy {
        proxy.meets_at_times(10, fault);
    }
    let (clock, limited) = (ManualClock::at(START), Arc::new(Limited::by(&limits)));
    let environments = (0..ENVIRONMENTS).map(|_| Arc::new(limiter(own_store(&endpoint, table), &clock)));
    let environments: Vec<_> = environments.collect();
    let (mut random, mut ledger) = (Seeded::of(&[7]), Ledger::default());
    tokio::time::pause();
    for _ in 0..rounds {
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let environment = environments[usize::try_from(task).unwrap() % ENVIRONMENTS].clone();
            let (limited, cost) = (limited.clone(), 1 + u32::try_from(random.below(5)).unwrap());
            tasks.spawn(async move {
                let admission = limited.ask(&environment, cost).await;
                Answer { cost, admission }
            });
        }
        let answers = tasks.join_all().await;
        let scan = unhurried(engine.client.scan().table_name(table).consistent_read(true).send()).await;
        let [item] = scan.unwrap().items.unwrap().try_into().expect("one item");
        ledger.close(&limited.set, clock.now(), answers, &item);
        clock.advance(STEP);
        tokio::time::advance(STEP).await;
    }
    let sums = ledger.sums;
    let met = proxy.as_ref().map(|proxy| (proxy.updates(), proxy.faults()));
    println!("{table}: {sums:?}; calls and faults: {met:?}");
    assert!(met.is_none_or(|(_, faults)| faults > 0));
    assert!(sums.admitted > 100 && sums.refused > 100, "{sums:?}");
    let named = sums.throttled + sums.lost + sums.unasked;
    assert_eq!(u64::from(sums.admitted + sums.refused + named), TASKS * rounds);
    sums
}

fn quotas(amounts: &[(u64, &str)]) -> Value {
    let quota = |(requests, per): &(u64, &str)| json!({ "requests": requests, "per": per, "key": "client_ip", "on_error": "deny" });
    amounts.iter().map(quota).collect()
}

fn all_at_once() -> Value {
    json!({
        "rate_limit": { "requests_per_second": 8, "burst": 100, "key": "client_ip", "on_error": "deny" },
        "quota": quotas(&[(360, "minute"), (400, "hour"), (420, "day"), (430, "month")]),
    })
}

/// Nobody was left without a decision but those whose calls were throttled twice, one in a hundred.
fn decided(sums: Sums) {
    assert_eq!((sums.lost, sums.unasked, sums.overcharged), (0, 0, 0));
    assert!(u64::from(sums.throttled) < TASKS * ROUNDS / 25, "{sums:?}");
}

#[tokio::test]
async fn a_window_alone_with_a_tenth_of_the_calls_throttled() {
    let limits = json!({ "quota": quotas(&[(500, "minute")]) });
    decided(live("limits_window", limits, Fault::Throttle, ROUNDS).await);
}

#[tokio::test]
async fn a_bucket_alone_with_a_tenth_of_the_calls_throttled() {
    let rate = json!({ "requests_per_second": 8, "burst": 100, "key": "client_ip", "on_error": "deny" });
    decided(live("limits_bucket", json!({ "rate_limit": rate }), Fault::Throttle, ROUNDS).await);
}

#[tokio::test]
async fn quotas_of_every_period_with_a_tenth_of_the_calls_throttled() {
    let limits = json!({ "quota": quotas(&[(600, "minute"), (700, "hour"), (750, "day"), (800, "month")]) });
    decided(live("limits_quotas", limits, Fault::Throttle, ROUNDS).await);
}

#[tokio::test]
async fn all_at_once_with_a_tenth_of_the_calls_throttled() {
    decided(live("limits_all", all_at_once(), Fault::Throttle, ROUNDS).await);
}

/// Of each lost answer one request at most is charged for nothing, as the ledger has it; and no room is given twice.
#[tokio::test]
async fn lost_answers_overcharge_and_never_overadmit() {
    let sums = live("limits_lost", all_at_once(), Fault::DropAfterWrite, ROUNDS / 2).await;
    assert_eq!(sums.throttled, 0);
    assert_eq!(sums.lost > 0, sums.overcharged > 0, "{sums:?}");
}

/// A quota of all that 64 bits hold, nearly used: the last ones fit, one more does not, and what is beyond 64 bits is no
/// count.
#[tokio::test]
async fn counts_at_the_end_of_64_bits_refuse_and_never_wrap() {
    let engine = Engine::start().await;
    engine.table("limits_huge", &["pk", "sk"]).await;
    let clock = ManualClock::at(START);
    // The largest quota that there can be.
    let most = 999_999_999_999_999;
    let limited = Limited::by(&json!({ "quota": quotas(&[(most, "month")]) }));
    let store = own_store(&engine.endpoint, "limits_huge");
    // Each by an environment that remembers nothing: the store itself is to say it.
    let asked = async |cost| limited.ask(&limiter(store.clone(), &clock), cost).await;
    let allowed = |admission| match admission {
        Admission::Decided(decision) => (decision.allowed(), decision.remaining()),
        other => panic!("{other:?}"),
    };
    tokio::time::pause();
    assert_eq!(allowed(asked(1).await), (true, most - 1));
    let scan = unhurried(engine.client.scan().table_name("limits_huge").send()).await;
    let [item] = scan.unwrap().items.unwrap().try_into().expect("one item");
    let counted = async |number: &str| {
        let mut item = item.clone();
        item.insert("m202611".into(), AttributeValue::N(number.into()));
        let put = engine.client.put_item().table_name("limits_huge");
        unhurried(put.set_item(Some(item)).send()).await.unwrap();
    };
    counted(&(most - 3).to_string()).await;
    assert_eq!(allowed(asked(5).await), (false, 3));
    assert_eq!(allowed(asked(3).await), (true, 0));
    assert_eq!(allowed(asked(1).await), (false, 0));
    counted(&u64::MAX.to_string()).await;
    assert_eq!(allowed(asked(5).await), (false, 0));
    counted("18446744073709551616").await;
    match asked(1).await {
        Admission::Uncounted {
            why, verdict: Err(_), ..
        } => {
            assert!(
                why.ends_with("the item's `m202611` is not a whole number of 64 bits"),
                "{why}"
            );
        }
        other => panic!("{other:?}"),
    }
}
