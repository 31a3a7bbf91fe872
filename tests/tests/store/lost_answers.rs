//! Writes whose answers are lost: nobody hears "nothing was changed" of one that was made, and nobody hears of their own
//! work as somebody else's.

use std::time::Duration;

use tollgate::api_key::KeyStatus;
use tollgate::clock::Timestamp;
use tollgate::limit::KeyValues;
use tollgate::store::StoreError;
use tollgate::store::dynamodb::{AdminError, ApiKeyChange, ApiKeys, Counters, NewApiKey, Patch, Plans, Revocation};

use crate::engine::Engine;
use crate::faults::Fault::{Forbidden, Lost, None as Fine, Throttled};
use crate::faults::{Fault, faulty};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3_600);
const DAILY: &str = r#"{"quota":{"requests":5,"per":"day"}}"#;

/// A write that was made, and then answers that alone would say it was not.
const MADE_BUT_LOST: [&[Fault]; 2] = [&[Lost, Throttled], &[Lost, Forbidden]];

fn of_ann() -> NewApiKey {
    NewApiKey {
        owner: "ann".into(),
        ..NewApiKey::default()
    }
}

#[track_caller]
fn unclear<T: std::fmt::Debug>(answer: Result<T, AdminError>) {
    assert!(
        matches!(answer, Err(AdminError::Store(StoreError::Ambiguous(_)))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_write_that_was_made_is_not_called_undone() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("lost_writes").await;
    for faults in MADE_BUT_LOST {
        let table = "lost_writes";
        let (key, before) = keys.create(of_ann(), NOW).await.unwrap();
        let id = key.id();
        unclear(
            ApiKeys::new(faulty(&engine, faults).await, table)
                .create(of_ann(), NOW)
                .await,
        );
        unclear(
            ApiKeys::new(faulty(&engine, faults).await, table)
                .rotate(id, HOUR, NOW)
                .await,
        );
        let rotated = keys.get(id).await.unwrap().unwrap();
        assert_ne!(rotated.hash, before.hash, "it was made");
        let change = ApiKeyChange {
            name: Patch::Set("new".into()),
            ..ApiKeyChange::default()
        };
        unclear(
            ApiKeys::new(faulty(&engine, faults).await, table)
                .change(id, change, NOW)
                .await,
        );
        unclear(ApiKeys::new(faulty(&engine, faults).await, table).revoke(id).await);
        let stands = keys.get(id).await.unwrap().unwrap();
        assert_eq!(
            (stands.status, stands.name.as_deref()),
            (KeyStatus::Revoked, Some("new"))
        );
        unclear(
            Plans::new(faulty(&engine, faults).await, table)
                .set("p", DAILY, NOW)
                .await,
        );
        unclear(Plans::new(faulty(&engine, faults).await, table).delete("p").await);
    }
}

#[tokio::test]
async fn a_write_that_was_never_made_is_called_undone() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("no_writes").await;
    let (key, before) = keys.create(of_ann(), NOW).await.unwrap();
    let throttled = ApiKeys::new(faulty(&engine, &[Throttled]).await, "no_writes");
    let answer = throttled.rotate(key.id(), HOUR, NOW).await.unwrap_err();
    assert!(
        matches!(answer, AdminError::Store(StoreError::Throttled { .. })),
        "{answer:?}"
    );
    let forbidden = ApiKeys::new(faulty(&engine, &[Throttled, Forbidden]).await, "no_writes");
    let answer = forbidden.rotate(key.id(), HOUR, NOW).await.unwrap_err();
    assert!(matches!(answer, AdminError::Refused(_)), "{answer:?}");
    assert_eq!(keys.get(key.id()).await, Ok(Some(before)));
}

#[tokio::test]
async fn a_repetition_tells_of_its_own_work() {
    let engine = Engine::start().await;
    let clear = engine.api_keys("own_work").await;
    let faults: &[Fault] = &[Lost, Throttled, Fine];
    let keys = async || ApiKeys::new(faulty(&engine, faults).await, "own_work");
    let plans = async || Plans::new(faulty(&engine, faults).await, "own_work");
    let (key, made) = keys().await.create(of_ann(), NOW).await.unwrap();
    assert_eq!(clear.get(key.id()).await, Ok(Some(made)));
    let (key, rotated) = keys().await.rotate(key.id(), HOUR, NOW).await.unwrap();
    assert_eq!(clear.get(key.id()).await, Ok(Some(rotated)));
    assert_eq!(keys().await.revoke(key.id()).await, Ok(Revocation::Now));
    assert_eq!(clear.revoke(key.id()).await, Ok(Revocation::Before));
    plans().await.set("p", DAILY, NOW).await.unwrap();
    assert_eq!(plans().await.delete("p").await, Ok(true));
    let throttled = Plans::new(faulty(&engine, &[Throttled, Fine]).await, "own_work");
    assert_eq!(throttled.delete("p").await, Ok(false));
}

#[tokio::test]
async fn a_reset_that_was_begun_is_not_called_undone() {
    let engine = Engine::start().await;
    engine.api_keys("half_reset").await;
    let values = KeyValues::parse(["route=orders"]).unwrap();
    let put = async |rule: &str| {
        let item = engine.client.put_item().table_name("half_reset");
        let item = item.item("pk", text(&values.partitions()[0].pk));
        item.item("sk", text(rule)).send().await.unwrap();
    };
    for rule in ["L#a", "L#b"] {
        put(rule).await;
    }
    for faults in [&[Fine, Throttled][..], &[Fine, Forbidden]] {
        put("L#a").await;
        unclear(
            Counters::new(faulty(&engine, faults).await, "half_reset")
                .reset(&values)
                .await,
        );
    }
    let none = Counters::new(faulty(&engine, &[Throttled]).await, "half_reset");
    let none = none.reset(&values).await;
    assert!(
        matches!(none, Err(AdminError::Store(StoreError::Throttled { .. }))),
        "{none:?}"
    );
    let rest = Counters::new(faulty(&engine, &[Lost, Fine]).await, "half_reset");
    assert_eq!(rest.reset(&values).await, Ok(1));
}

fn text(text: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned())
}
