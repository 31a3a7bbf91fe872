//! Keys that are made, listed, revoked and rotated in a table, and what a gateway then makes of them.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use tollgate::api_key::{ApiKey, ApiKeyRecord, KeyStatus, Refusal};
use tollgate::clock::Timestamp;
use tollgate::store::dynamodb::{AdminError, ApiKeys, NewApiKey, Revocation};
use tollgate::store::{Store, StoreError};

use crate::engine::{Engine, patient_store, plain_client};
use crate::fake::Fake;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3_600);

fn of(owner: &str) -> NewApiKey {
    NewApiKey {
        owner: owner.into(),
        ..NewApiKey::default()
    }
}

/// What a gateway says of a key.
async fn verified(engine: &Engine, table: &str, key: &ApiKey, now: Timestamp) -> Result<(), Refusal> {
    let record = patient_store(&engine.endpoint, table).api_key(key.id()).await.unwrap();
    key.verify(record.as_ref(), now).map(drop)
}

#[tokio::test]
async fn a_gateway_reads_the_key_that_was_made() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("create").await;
    let new = NewApiKey {
        plan: Some("gold".into()),
        plan_expires_at: None,
        limits: None,
        scopes: vec!["orders:write".into(), "orders:read".into()],
        expires_at: Some(NOW.plus(HOUR + Duration::from_millis(999))),
        name: Some("nightly job".into()),
        ..of("ann")
    };
    // Fractions of a second are not kept, so they are not promised either.
    let (key, record) = keys.create(new, NOW.plus(Duration::from_millis(999))).await.unwrap();
    assert_eq!(keys.get(key.id()).await, Ok(Some(record.clone())));
    let store = patient_store(&engine.endpoint, "create");
    assert_eq!(store.api_key(key.id()).await, Ok(Some(record)));
    assert_eq!(verified(&engine, "create", &key, NOW).await, Ok(()));
    let after = NOW.plus(HOUR);
    assert_eq!(verified(&engine, "create", &key, after).await, Err(Refusal::Expired));
}

#[tokio::test]
async fn an_item_has_the_layout_that_operators_read() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("key_layout").await;
    let new = NewApiKey {
        scopes: vec!["read".into()],
        ..of("ann")
    };
    let (key, _) = keys.create(new, NOW).await.unwrap();
    let item = engine.item("key_layout", &format!("KEY#{}", key.id()), "META").await;
    let text = |text: &str| AttributeValue::S(text.into());
    let expected = HashMap::from([
        ("pk", text(&format!("KEY#{}", key.id()))),
        ("sk", text("META")),
        ("hash", text(&key.hash().to_base64url())),
        ("status", text("active")),
        ("owner", text("ann")),
        ("scopes", AttributeValue::Ss(vec!["read".into()])),
        ("created_at", AttributeValue::N("1800000000".into())),
    ]);
    assert_eq!(
        item,
        expected
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    );
    let shown = format!("{item:?}");
    assert!(!shown.contains(key.secret_text()) && !shown.contains(&key.secret_text()[16..48]));
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_written() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("invalid").await;
    let refused = keys.create(of(""), NOW).await;
    assert!(matches!(refused, Err(AdminError::Invalid(_))), "{refused:?}");
    let scan = engine.client.scan().table_name("invalid").send().await.unwrap();
    assert_eq!(scan.count(), 0);
}

#[tokio::test]
async fn an_owner_has_all_of_their_keys_and_nobody_elses() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("list").await;
    let mut made = BTreeSet::new();
    for _ in 0..103 {
        made.insert(keys.create(of("ann"), NOW).await.unwrap().0.id().to_owned());
    }
    let (other, record) = keys.create(of("an"), NOW).await.unwrap();
    // Another kind of record with an owner, which is no key.
    let plan = engine.client.put_item().table_name("list");
    let plan = plan.item("pk", AttributeValue::S("PLAN#gold".into()));
    let plan = plan.item("sk", AttributeValue::S("META".into()));
    plan.item("owner", AttributeValue::S("ann".into()))
        .send()
        .await
        .unwrap();

    let (mut listed, mut sizes, mut after) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let page = keys.list("ann", after.as_deref(), 100).await.unwrap();
        sizes.push(page.records.len());
        listed.extend(page.records.into_iter().map(|key| key.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [100, 3]);
    assert_eq!(listed, made.into_iter().collect::<Vec<_>>());

    let page = keys.list("an", None, 100).await.unwrap();
    assert_eq!((page.records, page.next), (vec![record], None));
    assert_eq!(keys.list("nobody", None, 100).await.unwrap().records, []);
    assert_eq!(keys.list("an", Some(other.id()), 100).await.unwrap().records, []);
}

#[tokio::test]
async fn a_revoked_key_is_refused_and_stays_so() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("revoke").await;
    let (key, record) = keys.create(of("ann"), NOW).await.unwrap();
    assert_eq!(keys.revoke(key.id()).await, Ok(Revocation::Now));
    assert_eq!(keys.revoke(key.id()).await, Ok(Revocation::Before));
    assert_eq!(verified(&engine, "revoke", &key, NOW).await, Err(Refusal::Revoked));
    let expected = ApiKeyRecord {
        status: KeyStatus::Revoked,
        ..record
    };
    assert_eq!(keys.list("ann", None, 100).await.unwrap().records, [expected]);
    let id = key.id().to_owned();
    assert_eq!(keys.rotate(&id, HOUR, NOW).await.unwrap_err(), AdminError::Revoked(id));
}

#[tokio::test]
async fn a_key_that_is_not_there_is_not_made_by_a_change() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("absent").await;
    for id in ["0123456789AB", "", "x"] {
        let absent = AdminError::NoSuchKey(id.into());
        assert_eq!(keys.revoke(id).await, Err(absent.clone()));
        assert_eq!(keys.rotate(id, HOUR, NOW).await.unwrap_err(), absent);
        assert_eq!(keys.get(id).await, Ok(None));
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_read_can_be_revoked() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("broken").await;
    let put = engine.client.put_item().table_name("broken");
    let put = put.item("pk", AttributeValue::S("KEY#0123456789AB".into()));
    let put = put.item("sk", AttributeValue::S("META".into()));
    put.item("status", AttributeValue::S("activ".into()))
        .send()
        .await
        .unwrap();
    assert!(matches!(
        keys.get("0123456789AB").await,
        Err(AdminError::Store(StoreError::Malformed(_)))
    ));
    assert_eq!(keys.revoke("0123456789AB").await, Ok(Revocation::Now));
    assert_eq!(keys.revoke("0123456789AB").await, Ok(Revocation::Before));
}

#[tokio::test]
async fn a_rotation_keeps_everything_but_the_secret() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("rotate").await;
    let new = NewApiKey {
        plan: Some("gold".into()),
        plan_expires_at: None,
        limits: None,
        scopes: vec!["read".into()],
        name: Some("nightly job".into()),
        ..of("ann")
    };
    let (first, before) = keys.create(new, NOW).await.unwrap();
    let (second, after) = keys.rotate(first.id(), HOUR, NOW).await.unwrap();
    assert_eq!(second.id(), first.id());
    let previous = after.previous.unwrap();
    assert_eq!((previous.hash, previous.until), (first.hash(), NOW.plus(HOUR)));
    let expected = ApiKeyRecord {
        hash: second.hash(),
        previous: Some(previous),
        ..before
    };
    assert_eq!(after, expected);

    let check = async |key, now| verified(&engine, "rotate", key, now).await;
    assert_eq!(check(&first, NOW).await, Ok(()));
    assert_eq!(check(&second, NOW).await, Ok(()));
    assert_eq!(check(&first, NOW.plus(HOUR)).await, Err(Refusal::Replaced));
    assert_eq!(check(&second, NOW.plus(HOUR)).await, Ok(()));

    // A second rotation ends the first key's grace, and one without grace the second's.
    let (third, _) = keys.rotate(first.id(), HOUR, NOW).await.unwrap();
    assert_eq!(check(&first, NOW).await, Err(Refusal::Secret));
    assert_eq!(check(&second, NOW).await, Ok(()));
    let (fourth, _) = keys.rotate(first.id(), Duration::ZERO, NOW).await.unwrap();
    assert_eq!(check(&third, NOW).await, Err(Refusal::Replaced));
    assert_eq!(check(&fourth, NOW).await, Ok(()));
}

#[tokio::test]
async fn an_expired_key_is_not_rotated() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("expired").await;
    let new = NewApiKey {
        expires_at: Some(NOW.plus(HOUR)),
        ..of("ann")
    };
    let (key, record) = keys.create(new, NOW).await.unwrap();
    let refused = keys.rotate(key.id(), HOUR, NOW.plus(HOUR)).await.unwrap_err();
    assert_eq!(refused, AdminError::Expired(key.id().to_owned()));
    assert_eq!(keys.get(key.id()).await, Ok(Some(record)));
}

/// Of rotations at the same time one wins: a key that was printed is good.
#[tokio::test]
async fn rotations_at_the_same_time_print_no_key_that_is_not_good() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("race").await;
    let (key, _) = keys.create(of("ann"), NOW).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (keys, id) = (keys.clone(), key.id().to_owned());
        tasks.spawn(async move { keys.rotate(&id, HOUR, NOW).await });
    }
    let mut printed = Vec::new();
    for outcome in tasks.join_all().await {
        match outcome {
            Ok((key, _)) => printed.push(key),
            Err(error) => assert_eq!(error, AdminError::Changed(key.id().to_owned())),
        }
    }
    assert!(!printed.is_empty());
    let good = good(&engine, &printed).await;
    // The last one and the one before it; those before were given their time by their own rotation, and lost it by the next.
    assert_eq!(good, printed.len().min(2));
}

async fn good(engine: &Engine, keys: &[ApiKey]) -> usize {
    let mut good = 0;
    for key in keys {
        good += usize::from(verified(engine, "race", key, NOW).await.is_ok());
    }
    good
}

#[tokio::test]
async fn a_table_without_the_index_is_named() {
    let engine = Engine::start().await;
    engine.table("no_index", &["pk", "sk"]).await;
    let keys = ApiKeys::new(engine.client.clone(), "no_index");
    let error = keys.list("ann", None, 100).await.unwrap_err();
    let expected = "table no_index: ValidationException (status 400)";
    assert_eq!(error, AdminError::Refused(expected.into()));
}

#[tokio::test]
async fn nothing_is_scanned() {
    let fake = Fake::answering(200, "{}").await;
    let keys = ApiKeys::new(plain_client(&fake.endpoint), "keys");
    keys.create(of("ann"), NOW).await.unwrap();
    keys.list("ann", None, 100).await.unwrap();
    keys.get("a").await.unwrap();
    let _ = keys.revoke("a").await;
    let _ = keys.rotate("0123456789AB", HOUR, NOW).await;
    let operations: Vec<String> = fake.calls().into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(operations, ["PutItem", "Query", "GetItem", "UpdateItem", "GetItem"]);
}
