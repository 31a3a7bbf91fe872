//! An item after a month: not so large that a write of it costs twice.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use tollgate::clock::{Clock as _, Timestamp};
use tollgate::limit::Admission;
use tollgate_tests::seeded::Seeded;

use crate::engine::Engine;
use crate::environments::{Limited, ManualClock, limiter, own_store, unhurried};

/// What one write unit writes
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-reads-writes.html>).
const ONE_UNIT: usize = 1_024;

/// 2026-10-25T12:00:00Z.
const START: Timestamp = Timestamp::from_secs(1_792_929_600);

const DAYS: u64 = 33;

/// By DynamoDB's rule
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>): names and texts by
/// their bytes, numbers a byte for every two digits, and one more.
fn size(item: &HashMap<String, AttributeValue>) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().div_ceil(2) + 1,
        other => panic!("{other:?}"),
    };
    item.iter().map(|(name, content)| name.len() + value(content)).sum()
}

/// A rate and a quota of every period, used by environments that meet the subject in turn, and by ones that never come
/// again; in every second week by those alone.
#[tokio::test]
async fn an_item_stays_within_one_write_unit_for_a_month() {
    let engine = Engine::start().await;
    engine.table("limits_month", &["pk", "sk"]).await;
    let quota = |(requests, per): (u64, &str)| json!({ "requests": requests, "per": per, "key": ["header:X-Tenant-Of-The-Caller", "client_ip"], "trust_client_key": true });
    let amounts = [(100, "minute"), (5_000, "hour"), (100_000, "day"), (3_000_000, "month")];
    let limited = Limited::by(&json!({
        "id": "organisations.projects.documents.of-a-name-as-long-as-an-id-may-",
        "rate_limit": { "requests_per_second": 100, "key": ["header:X-Tenant-Of-The-Caller", "client_ip"], "trust_client_key": true },
        "quota": amounts.map(quota),
    }));
    let (clock, store) = (ManualClock::at(START), own_store(&engine.endpoint, "limits_month"));
    let regulars: Vec<_> = (0..6).map(|_| limiter(store.clone(), &clock)).collect();
    let mut random = Seeded::of(&[31]);
    let (mut largest, mut steps) = (0, 0);
    tokio::time::pause();
    while clock.now() < START.plus(Duration::from_secs(DAYS * 86_400)) {
        let passing = limiter(store.clone(), &clock);
        let chosen = usize::try_from(random.below(12)).unwrap();
        let week = clock.now().since(START).as_secs() / (7 * 86_400);
        let environment = regulars.get(chosen).filter(|_| week % 2 == 0).unwrap_or(&passing);
        let cost = 1 + u32::try_from(random.below(5)).unwrap();
        let admission = limited.ask(environment, cost).await;
        assert!(matches!(admission, Admission::Decided(decision) if decision.allowed()));
        let scan = unhurried(
            engine
                .client
                .scan()
                .table_name("limits_month")
                .consistent_read(true)
                .send(),
        )
        .await;
        let [item] = scan.unwrap().items.unwrap().try_into().expect("one item");
        let bytes = size(&item);
        assert!(bytes <= ONE_UNIT, "{bytes} bytes after {steps} requests: {item:?}");
        (largest, steps) = (bytes.max(largest), steps + 1);
        // Now and then an hour that leaves no minute out; else mostly within the hour, with a night between.
        let longest = match (steps % 160 < 60, random.below(10)) {
            (true, _) => 80,
            (false, 0) => 40_000,
            (false, _) => 9_000,
        };
        clock.advance(Duration::from_secs(random.below(longest)));
    }
    println!("{steps} requests in {DAYS} days: at most {largest} bytes");
    assert!(
        steps > 500 && largest > 256,
        "{steps} requests, {largest} bytes: that proves nothing"
    );
}
