//! Keys that are changed in place: what the table and a gateway then say, whoever else changes the same key.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use tollgate::api_key::{ApiKeyRecord, KeyStatus, Refusal};
use tollgate::clock::Timestamp;
use tollgate::limit::PlanDocument;
use tollgate::store::dynamodb::{AdminError, ApiKeyChange, ApiKeys, NewApiKey, Patch};
use tollgate::store::{Store, StoreError};

use crate::engine::{Engine, patient_store, plain_client};
use crate::fake::Fake;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3_600);

fn later() -> Timestamp {
    NOW.plus(HOUR)
}

fn limits(requests: u32) -> PlanDocument {
    limits_of(
        "0123456789AB",
        &format!(r#"{{"quota":{{"requests":{requests},"per":"day"}}}}"#),
    )
}

/// As they are found at a key: they know where they stand.
fn limits_of(id: &str, text: &str) -> PlanDocument {
    PlanDocument::parse("key", &format!("KEY#{id}"), text).unwrap()
}

/// Everything that a key may have.
fn full() -> NewApiKey {
    NewApiKey {
        owner: "ann".into(),
        plan: Some("free".into()),
        plan_expires_at: Some(later()),
        limits: Some(limits(5)),
        scopes: vec!["read".into()],
        expires_at: Some(later()),
        name: Some("nightly job".into()),
    }
}

fn of_ann() -> NewApiKey {
    NewApiKey {
        owner: "ann".into(),
        ..NewApiKey::default()
    }
}

fn plan(name: &str) -> ApiKeyChange {
    ApiKeyChange {
        plan: Patch::Set(name.into()),
        ..ApiKeyChange::default()
    }
}

fn plan_end(end: Timestamp) -> ApiKeyChange {
    ApiKeyChange {
        plan_expires_at: Patch::Set(end),
        ..ApiKeyChange::default()
    }
}

fn named(name: &str) -> ApiKeyChange {
    ApiKeyChange {
        name: Patch::Set(name.into()),
        ..ApiKeyChange::default()
    }
}

fn put<T>(field: &mut Option<T>, patch: Patch<T>) {
    match patch {
        Patch::Keep => {}
        Patch::Set(value) => *field = Some(value),
        Patch::Remove => *field = None,
    }
}

/// What a key is after a change; `None`: it cannot be made.
fn changed(mut key: ApiKeyRecord, change: ApiKeyChange) -> Option<ApiKeyRecord> {
    if change.plan != Patch::Keep {
        key.plan_expires_at = None;
    }
    put(&mut key.plan, change.plan);
    if key.plan.is_none() && matches!(change.plan_expires_at, Patch::Set(_)) {
        return None;
    }
    put(&mut key.plan_expires_at, change.plan_expires_at);
    put(&mut key.limits, change.limits);
    key.limits = key.limits.map(|limits| limits_of(&key.id, limits.text()));
    put(&mut key.expires_at, change.expires_at);
    put(&mut key.name, change.name);
    let mut scopes = Some(key.scopes);
    put(&mut scopes, change.scopes);
    key.scopes = scopes.unwrap_or_default();
    Some(key)
}

fn any_patch<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Patch<T>> {
    prop_oneof![
        2 => Just(Patch::Keep),
        2 => prop::sample::select(values).prop_map(Patch::Set),
        1 => Just(Patch::Remove),
    ]
}

fn any_change() -> impl Strategy<Value = ApiKeyChange> {
    let texts = || {
        any_patch(
            ["gold", "KEY#", ":plan", "#name", "\u{1f511}"]
                .map(String::from)
                .to_vec(),
        )
    };
    let times = || any_patch(vec![later(), later().plus(HOUR)]);
    let scopes = [&[][..], &["a"], &["a", "b:c"]].map(|scopes| scopes.iter().map(|&scope| scope.to_owned()).collect());
    let limits = any_patch(vec![limits(1), limits(2)]);
    let change = (texts(), times(), limits, any_patch(scopes.to_vec()), times(), texts());
    change.prop_map(
        |(plan, plan_expires_at, limits, scopes, expires_at, name)| ApiKeyChange {
            plan,
            plan_expires_at,
            limits,
            scopes,
            expires_at,
            name,
        },
    )
}

/// Whatever is changed in whatever order, the table holds what was named last, and nothing else has moved. A change that
/// is written twice, as the SDK does when an answer is lost, is made once.
#[test]
fn changes_add_up() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engine = runtime.block_on(Engine::start());
    let keys = runtime.block_on(engine.api_keys("changes"));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let sequences = prop::collection::vec(any_change(), 1..8);
    let holds = runner.run(&(any::<bool>(), sequences), |(with_all, changes)| {
        let new = if with_all { full() } else { of_ann() };
        runtime.block_on(async {
            let (key, _) = keys.create(new, NOW).await.unwrap();
            let mut expected = keys.get(key.id()).await.unwrap().unwrap();
            for change in changes {
                let answer = keys.change(&expected.id, change.clone(), NOW).await;
                let again = keys.change(&expected.id, change.clone(), NOW).await;
                prop_assert_eq!(&again, &answer);
                match changed(expected.clone(), change.clone()) {
                    Some(after) if change != ApiKeyChange::default() => {
                        prop_assert_eq!(&answer, &Ok(after.clone()));
                        expected = after;
                    }
                    _ => prop_assert!(matches!(answer, Err(AdminError::Invalid(_))), "{:?}", answer),
                }
            }
            prop_assert_eq!(keys.get(&expected.id).await, Ok(Some(expected)));
            Ok(())
        })
    });
    holds.unwrap();
}

#[tokio::test]
async fn a_gateway_reads_what_was_changed() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("change").await;
    let (key, before) = keys.create(full(), NOW).await.unwrap();
    let change = ApiKeyChange {
        limits: Patch::Remove,
        scopes: Patch::Set(["b", "a", "b"].map(String::from).to_vec()),
        // Fractions of a second are not kept, so they are not promised either.
        expires_at: Patch::Set(later().plus(Duration::from_millis(999))),
        ..plan("gold")
    };
    let expected = ApiKeyRecord {
        plan: Some("gold".into()),
        plan_expires_at: None,
        limits: None,
        scopes: vec!["a".into(), "b".into()],
        expires_at: Some(later()),
        ..before
    };
    assert_eq!(keys.change(key.id(), change, NOW).await, Ok(expected.clone()));
    let store = patient_store(&engine.endpoint, "change");
    assert_eq!(store.api_key(key.id()).await, Ok(Some(expected.clone())));
    // The index has it too.
    assert_eq!(
        keys.list("ann", None, 100).await.unwrap().records,
        std::slice::from_ref(&expected)
    );
    assert_eq!(key.verify(Some(&expected), NOW).map(drop), Ok(()));
}

#[tokio::test]
async fn a_key_that_is_not_there_is_not_made_by_a_change() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("change_absent").await;
    for id in ["0123456789AB", "", "x", "#status"] {
        for change in [plan("gold"), plan_end(later())] {
            let absent = AdminError::NoSuchKey(id.into());
            assert_eq!(keys.change(id, change, NOW).await, Err(absent));
        }
        assert_eq!(keys.get(id).await, Ok(None));
    }
}

#[tokio::test]
async fn a_revoked_key_stays_as_it_is() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("change_revoked").await;
    let (key, before) = keys.create(of_ann(), NOW).await.unwrap();
    keys.revoke(key.id()).await.unwrap();
    let longer = ApiKeyChange {
        expires_at: Patch::Remove,
        ..plan("gold")
    };
    for change in [longer, plan_end(later())] {
        let refused = AdminError::Revoked(key.id().to_owned());
        assert_eq!(keys.change(key.id(), change, NOW).await, Err(refused));
    }
    let revoked = ApiKeyRecord {
        status: KeyStatus::Revoked,
        ..before
    };
    assert_eq!(keys.get(key.id()).await, Ok(Some(revoked)));
}

#[tokio::test]
async fn a_key_that_has_expired_is_good_again_with_a_later_end() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("change_expired").await;
    let (key, record) = keys.create(full(), NOW).await.unwrap();
    let over = later();
    assert_eq!(key.verify(Some(&record), over).map(drop), Err(Refusal::Expired));
    // What has nothing to do with its time leaves it expired.
    let record = keys.change(key.id(), named("other"), over).await.unwrap();
    assert_eq!(key.verify(Some(&record), over).map(drop), Err(Refusal::Expired));
    for expires_at in [Patch::Set(over.plus(HOUR)), Patch::Remove] {
        let change = ApiKeyChange {
            expires_at,
            ..ApiKeyChange::default()
        };
        let record = keys.change(key.id(), change, over).await.unwrap();
        assert_eq!(key.verify(Some(&record), over).map(drop), Ok(()));
    }
    assert!(keys.rotate(key.id(), HOUR, over).await.is_ok());
}

#[tokio::test]
async fn an_end_needs_a_plan() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("change_plan_end").await;
    let (key, _) = keys.create(of_ann(), NOW).await.unwrap();
    let refused = keys.change(key.id(), plan_end(later()), NOW).await.unwrap_err();
    let expected = format!("API key {} has no plan that could end; set one with its end", key.id());
    assert_eq!(refused, AdminError::Invalid(expected));
    let both = ApiKeyChange {
        plan_expires_at: Patch::Set(later()),
        ..plan("gold")
    };
    assert_eq!(
        keys.change(key.id(), both, NOW).await.unwrap().plan_expires_at,
        Some(later())
    );
    let longer = keys.change(key.id(), plan_end(later().plus(HOUR)), NOW).await.unwrap();
    assert_eq!(longer.plan_expires_at, Some(later().plus(HOUR)));
    assert_eq!(longer.plan.as_deref(), Some("gold"));
}

/// A change, a rotation and a revocation at the same time: each that succeeded holds.
#[tokio::test]
async fn a_change_undoes_no_rotation_and_no_revocation() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("change_race").await;
    for round in 0..16 {
        let (key, _) = keys.create(full(), NOW).await.unwrap();
        let id = key.id();
        let (named, planned, rotated) = tokio::join!(
            keys.change(id, named("new"), NOW),
            keys.change(id, plan("gold"), NOW),
            keys.rotate(id, Duration::ZERO, NOW),
        );
        assert_eq!((named.is_ok(), planned.is_ok()), (true, true), "{round}");
        let (new, _) = rotated.unwrap();
        let stands = keys.get(id).await.unwrap().unwrap();
        assert_eq!(
            (stands.name.as_deref(), stands.plan.as_deref()),
            (Some("new"), Some("gold"))
        );
        assert_eq!(new.verify(Some(&stands), NOW).map(drop), Ok(()));
        assert_eq!(key.verify(Some(&stands), NOW).map(drop), Err(Refusal::Replaced));

        let (changed, revoked) = tokio::join!(keys.change(id, plan("free"), NOW), keys.revoke(id));
        revoked.unwrap();
        let stands = keys.get(id).await.unwrap().unwrap();
        assert_eq!(stands.status, KeyStatus::Revoked, "{round}");
        let held = if changed.is_ok() { "free" } else { "gold" };
        assert_eq!(stands.plan.as_deref(), Some(held), "{round}: {changed:?}");
    }
}

#[tokio::test]
async fn attributes_of_others_are_left_alone_and_a_wrong_one_can_be_put_right() {
    let engine = Engine::start().await;
    let keys = engine.api_keys("change_foreign").await;
    let (key, _) = keys.create(of_ann(), NOW).await.unwrap();
    let pk = format!("KEY#{}", key.id());
    let item = engine.client.update_item().table_name("change_foreign");
    let item = item.key("pk", AttributeValue::S(pk.clone()));
    item.key("sk", AttributeValue::S("META".into()))
        .update_expression("SET #plan = :wrong, billing = :mine")
        .expression_attribute_names("#plan", "plan")
        .expression_attribute_values(":wrong", AttributeValue::Bool(true))
        .expression_attribute_values(":mine", AttributeValue::S("cus_1".into()))
        .send()
        .await
        .unwrap();
    let unreadable = keys.get(key.id()).await;
    assert!(matches!(unreadable, Err(AdminError::Store(StoreError::Malformed(_)))));
    keys.change(key.id(), plan("gold"), NOW).await.unwrap();
    let item = engine.item("change_foreign", &pk, "META").await;
    assert_eq!(item["billing"], AttributeValue::S("cus_1".into()));
    assert_eq!(item["plan"], AttributeValue::S("gold".into()));
}

#[tokio::test]
async fn one_change_is_one_write_and_no_read() {
    let fake = Fake::answering(200, "{}").await;
    let keys = ApiKeys::new(plain_client(&fake.endpoint), "keys");
    let _ = keys.change("0123456789AB", plan("gold"), NOW).await;
    let wrong = keys.change("0123456789AB", plan(""), NOW).await;
    assert!(matches!(wrong, Err(AdminError::Invalid(_))), "{wrong:?}");
    let operations: Vec<String> = fake.calls().into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(operations, ["UpdateItem"]);
}
