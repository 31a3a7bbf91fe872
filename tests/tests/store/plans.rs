//! Plans that are made, listed, changed and taken away in a table, and what a gateway then reads.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use tollgate::clock::Timestamp;
use tollgate::store::dynamodb::{AdminError, ApiKeys, NewApiKey, Plans};
use tollgate::store::{Store, StoreError};

use crate::engine::{Engine, patient_store};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const DAILY: &str = r#"{"quota":{"requests":1000,"per":"day"}}"#;

async fn plans(engine: &Engine, table: &str) -> Plans {
    engine.api_keys(table).await;
    Plans::new(engine.client.clone(), table)
}

#[tokio::test]
async fn a_gateway_reads_the_plan_that_was_set() {
    let engine = Engine::start().await;
    let plans = plans(&engine, "plans_set").await;
    let store = patient_store(&engine.endpoint, "plans_set");
    assert_eq!(store.plan("gold").await, Ok(None));
    let set = plans.set("gold", DAILY, NOW).await.unwrap();
    assert_eq!(store.plan("gold").await, Ok(Some(set.clone())));
    assert_eq!(set.limits.rules().quotas[0].requests.get(), 1000);

    let later = NOW.plus(Duration::from_secs(60));
    let changed = plans
        .set("gold", r#"{"rate_limit":{"requests_per_second":5}}"#, later)
        .await
        .unwrap();
    assert_eq!((changed.created_at, changed.updated_at), (NOW, later));
    assert_eq!(plans.get("gold").await, Ok(Some(changed.clone())));
    assert_eq!(store.plan("gold").await, Ok(Some(changed)));
    assert_eq!(
        (plans.delete("gold").await, plans.delete("gold").await),
        (Ok(true), Ok(false))
    );
    assert_eq!(store.plan("gold").await, Ok(None));
}

#[tokio::test]
async fn an_item_has_the_layout_that_operators_read() {
    let engine = Engine::start().await;
    plans(&engine, "plan_layout")
        .await
        .set("gold", DAILY, NOW)
        .await
        .unwrap();
    let text = |text: &str| AttributeValue::S(text.into());
    let number = |number: &str| AttributeValue::N(number.into());
    let expected = HashMap::from([
        ("pk".to_owned(), text("PLAN#gold")),
        ("sk".to_owned(), text("META")),
        ("limits".to_owned(), text(DAILY)),
        ("owner".to_owned(), text("plans")),
        ("created_at".to_owned(), number("1800000000")),
        ("updated_at".to_owned(), number("1800000000")),
    ]);
    assert_eq!(engine.item("plan_layout", "PLAN#gold", "META").await, expected);
}

#[tokio::test]
async fn all_plans_are_listed_page_by_page_and_no_keys_with_them() {
    let engine = Engine::start().await;
    let plans = plans(&engine, "plans_list").await;
    let keys = ApiKeys::new(engine.client.clone(), "plans_list");
    let like_the_plans = NewApiKey {
        owner: "plans".into(),
        ..NewApiKey::default()
    };
    keys.create(like_the_plans, NOW).await.unwrap();
    for n in 0..150 {
        plans.set(&format!("plan-{n:03}"), DAILY, NOW).await.unwrap();
    }
    let first = plans.list(None, 100).await.unwrap();
    assert_eq!((first.records.len(), first.next.as_deref()), (100, Some("plan-099")));
    let second = plans.list(first.next.as_deref(), 100).await.unwrap();
    assert_eq!((second.records.len(), second.next), (50, None));
    assert_eq!(keys.list("plans", None, 100).await.unwrap().records.len(), 1);
}

#[tokio::test]
async fn what_is_no_plan_is_not_written() {
    let engine = Engine::start().await;
    let plans = plans(&engine, "plans_wrong").await;
    for (name, limits) in [
        ("", DAILY),
        ("a\nb", DAILY),
        (&*"x".repeat(257), DAILY),
        ("gold", "{}"),
        ("gold", "nonsense"),
        ("gold", r#"{"quota":{"requests":0,"per":"day"}}"#),
        (
            "gold",
            r#"{"quota":{"requests":5,"per":"day"},"quota":{"requests":6,"per":"day"}}"#,
        ),
    ] {
        let refused = plans.set(name, limits, NOW).await.unwrap_err();
        assert!(
            matches!(refused, AdminError::Invalid(_)),
            "{name:?} {limits}: {refused:?}"
        );
    }
    assert_eq!(plans.list(None, 100).await.unwrap().records, []);
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_is_named_with_its_item() {
    let engine = Engine::start().await;
    let plans = plans(&engine, "plans_broken").await;
    plans.set("gold", DAILY, NOW).await.unwrap();
    let broken = engine.client.update_item().table_name("plans_broken");
    let broken = broken
        .key("pk", AttributeValue::S("PLAN#gold".into()))
        .key("sk", AttributeValue::S("META".into()))
        .update_expression("SET #limits = :limits")
        .expression_attribute_names("#limits", "limits")
        .expression_attribute_values(":limits", AttributeValue::S(r#"{"quota":{"requests":5}}"#.into()));
    broken.send().await.unwrap();
    let StoreError::Malformed(why) = patient_store(&engine.endpoint, "plans_broken")
        .plan("gold")
        .await
        .unwrap_err()
    else {
        panic!()
    };
    assert_eq!(
        why,
        "table plans_broken, item PLAN#gold: `limits` is not right: PLAN#gold:1: /quota: per is missing"
    );
}
