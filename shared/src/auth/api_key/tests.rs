use std::time::Duration;

use tokio::time::Instant;

use super::*;
use crate::api_key::{KeyStatus, PreviousKey};
use crate::auth::claim_path::Claims;
use crate::auth::testing::{BUDGET, Issuer, ManualClock, MemoryStore, down, request, seams};
use crate::store::StoreError;
use crate::testing::headers;

struct World {
    verifier: ApiKeyVerifier,
    store: Arc<MemoryStore>,
    clock: Arc<ManualClock>,
}

fn rules(header: &str, query: Option<&str>) -> ApiKeyRules {
    ApiKeyRules {
        header: header.to_lowercase().parse().unwrap(),
        header_as_written: header.to_owned(),
        query: query.map(str::to_owned),
    }
}

impl World {
    fn new() -> Self {
        Self::with(rules("X-Api-Key", Some("api_key")))
    }

    fn with(rules: ApiKeyRules) -> Self {
        let (store, clock) = (Arc::new(MemoryStore::default()), ManualClock::new());
        let verifier = ApiKeyVerifier::new(
            Arc::new(rules),
            &seams(&Issuer::new(down()), &clock, &store),
            &LookUps::default(),
        );
        Self { verifier, store, clock }
    }

    /// A key that is kept, after this change.
    fn keep(&self, change: impl FnOnce(&mut ApiKeyRecord)) -> ApiKey {
        let key = ApiKey::generate().unwrap();
        let mut record = ApiKeyRecord {
            id: key.id().to_owned(),
            hash: key.hash(),
            previous: None,
            status: KeyStatus::Active,
            owner: "acme".into(),
            plan: Some("gold".into()),
            plan_expires_at: None,
            limits: None,
            scopes: vec!["a:read".into(), "a:write".into()],
            expires_at: None,
            created_at: self.clock.now(),
            name: None,
        };
        change(&mut record);
        self.store.api_keys.lock().unwrap().insert(record.id.clone(), record);
        key
    }

    fn change(&self, key: &ApiKey, change: impl FnOnce(&mut ApiKeyRecord)) {
        change(self.store.api_keys.lock().unwrap().get_mut(key.id()).unwrap());
    }

    async fn present(&self, key: &ApiKey) -> Result<Arc<Claims>, Refusal> {
        self.send(&[("x-api-key", key.secret_text())], "").await
    }

    async fn send(&self, lines: &[(&str, &str)], query: &str) -> Result<Arc<Claims>, Refusal> {
        let record = self.verifier.verify(&asking(lines, query), BUDGET).await;
        record.map(|record| record.claims().into())
    }
}

fn asking(lines: &[(&str, &str)], query: &str) -> Request {
    Request {
        headers: headers(lines),
        query: query.to_owned(),
        ..request(&[])
    }
}

/// Why it is refused; panics when it is not.
fn why(outcome: Result<Arc<Claims>, Refusal>) -> String {
    match outcome {
        Err(Refusal::Invalid { why, .. }) => why.into_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_proves_its_record() {
    let world = World::new();
    let key = world.keep(|_| {});
    let claims = world.present(&key).await.unwrap();
    let expected = serde_json::json!({"sub": "acme", "key_id": key.id(), "plan": "gold", "scope": "a:read a:write"});
    assert_eq!(serde_json::json!(*claims), expected);
    let by_query = world.send(&[], &format!("a=1&api_key={}", key.secret_text())).await;
    assert_eq!(by_query, Ok(claims));
}

#[tokio::test]
async fn what_does_not_hold_is_refused() {
    let world = World::new();
    let now = world.clock.now();
    let second = Duration::from_secs(1);
    let cases: [(ApiKey, &str); 4] = [
        (ApiKey::generate().unwrap(), "no key has this id"),
        (world.keep(|record| record.status = KeyStatus::Revoked), "it is revoked"),
        (world.keep(|record| record.expires_at = Some(now)), "it has expired"),
        (
            world.keep(|record| record.hash = ApiKey::generate().unwrap().hash()),
            "its secret is not the one of this id",
        ),
    ];
    for (key, expected) in &cases {
        assert_eq!(why(world.present(key).await), *expected);
    }
    let until_now = world.keep(|record| record.expires_at = Some(now.plus(second)));
    assert!(world.present(&until_now).await.is_ok());
    world.clock.advance(second);
    assert_eq!(
        why(world.present(&until_now).await),
        "it has expired",
        "also while it is remembered"
    );
}

/// 30 ways to present a key that are none, or more than one.
#[tokio::test]
async fn odd_ways_to_present_a_key_cost_no_read() {
    let world = World::new();
    let key = world.keep(|_| {});
    let key = key.secret_text();
    let typo = key.replacen('_', "-", 1);
    let with = |before: &str, after: &str| format!("{before}{key}{after}");
    let in_header: Vec<Vec<String>> = vec![
        vec![String::new()],
        vec![" ".into()],
        vec![with(" ", "")],
        vec![with("", " ")],
        vec![with("", "\t")],
        vec![with("Bearer ", "")],
        vec![with("ApiKey ", "")],
        vec![with("\"", "\"")],
        vec![with("", ",")],
        vec![with("", &format!(",{key}"))],
        vec![with("", &format!(", {key}"))],
        vec![with("", ";")],
        vec![with("", "=")],
        vec![with("", "a")],
        vec![with("a", "")],
        vec![key.to_uppercase()],
        vec![key.to_lowercase()],
        vec![typo],
        vec![key[..key.len() - 1].to_owned()],
        vec![key[3..].to_owned()],
        vec![key.to_owned(), key.to_owned()],
        vec![key.to_owned(), String::new()],
        vec!["a".repeat(100_000)],
    ];
    for lines in in_header {
        let lines: Vec<(&str, &str)> = lines.iter().map(|line| ("x-api-key", line.as_str())).collect();
        why(world.send(&lines, "").await);
    }
    for query in [
        "api_key=".to_owned(),
        "api_key".to_owned(),
        with("api_key=%20", ""),
        with("api_key=", "%00"),
        with("api_key=", "+"),
        with("api_key=", &format!("&api_key={key}")),
        with("api_key=&api_key=", ""),
        with("api_key=", &format!("&api%5Fkey={key}")),
    ] {
        why(world.send(&[], &query).await);
    }
    why(world.send(&[("x-api-key", key)], &with("api_key=", "")).await);
    assert_eq!(world.store.reads(), 0);
}

#[tokio::test]
async fn only_the_configured_places_are_looked_at() {
    let without_query = World::with(rules("X-Api-Key", None));
    let key = without_query.keep(|_| {});
    let key = key.secret_text();
    for (lines, query) in [
        (vec![("authorization", format!("Bearer {key}"))], String::new()),
        (vec![("x-apikey", key.to_owned())], String::new()),
        (vec![("cookie", format!("x-api-key={key}"))], String::new()),
        (vec![], format!("api_key={key}")),
        (vec![], format!("x-api-key={key}")),
        (vec![], format!("={key}")),
    ] {
        let lines: Vec<(&str, &str)> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert!(
            !without_query.verifier.is_presented(&asking(&lines, &query)),
            "{lines:?} {query}"
        );
    }
    assert!(without_query.verifier.is_presented(&asking(&[("x-api-key", "")], "")));
}

#[tokio::test]
async fn authorization_has_it_behind_bearer() {
    let world = World::with(rules("Authorization", None));
    let key = world.keep(|_| {});
    let bearer = format!("bearer {}", key.secret_text());
    assert!(world.send(&[("authorization", &bearer)], "").await.is_ok());
    why(world.send(&[("authorization", key.secret_text())], "").await);
    why(world
        .send(&[("authorization", &format!("ApiKey {}", key.secret_text()))], "")
        .await);
}

#[tokio::test]
async fn a_key_is_read_once_in_thirty_seconds_and_an_unknown_one_in_five() {
    let world = World::new();
    let (known, unknown) = (world.keep(|_| {}), ApiKey::generate().unwrap());
    for _ in 0..60 {
        assert!(world.present(&known).await.is_ok());
        why(world.present(&unknown).await);
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(world.store.reads(), 60 / 30 + 60 / 5);
}

#[tokio::test]
async fn a_revocation_takes_effect_within_thirty_seconds() {
    let world = World::new();
    let key = world.keep(|_| {});
    assert!(world.present(&key).await.is_ok());
    world.change(&key, |record| record.status = KeyStatus::Revoked);
    world.clock.advance(Duration::from_millis(29_999));
    assert!(world.present(&key).await.is_ok(), "the price of reading it once");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(why(world.present(&key).await), "it is revoked");
}

/// A new key works as soon as the old one was read five seconds ago, although what was read would do for the old one for
/// 25 more.
#[tokio::test]
async fn both_keys_of_a_rotation_hold_in_its_time() {
    let world = World::new();
    let old = world.keep(|_| {});
    assert!(world.present(&old).await.is_ok());
    let new = ApiKey::of_id(old.id()).unwrap();
    let until = world.clock.now().plus(Duration::from_secs(3600));
    world.change(&old, |record| {
        record.hash = new.hash();
        record.previous = Some(PreviousKey {
            hash: old.hash(),
            until,
        });
    });
    world.clock.advance(Duration::from_secs(5));
    assert!(world.present(&new).await.is_ok());
    assert!(world.present(&old).await.is_ok());
    world.clock.set(until);
    assert_eq!(
        why(world.present(&old).await),
        "a rotation has replaced it, and its grace is over"
    );
    assert!(world.present(&new).await.is_ok());
}

#[tokio::test]
async fn a_guess_does_not_shake_what_is_remembered_of_the_key() {
    let world = World::new();
    let key = world.keep(|_| {});
    let guess = ApiKey::of_id(key.id()).unwrap();
    for _ in 0..10 {
        assert!(world.present(&key).await.is_ok());
        assert_eq!(why(world.present(&guess).await), "its secret is not the one of this id");
    }
    assert_eq!(world.store.reads(), 1);
}

#[tokio::test]
async fn while_the_table_is_down_nobody_new_gets_in_and_nobody_is_told_that_a_key_is_wrong() {
    let world = World::new();
    let (seen, new) = (world.keep(|_| {}), world.keep(|_| {}));
    assert!(world.present(&seen).await.is_ok());
    world.store.goes_down();
    assert!(world.present(&seen).await.is_ok());
    let unavailable = |outcome: Result<Arc<Claims>, Refusal>| match outcome {
        Err(Refusal::Unavailable { what, .. }) => what == AuthSource::ApiKeys,
        other => panic!("{other:?}"),
    };
    assert!(unavailable(world.present(&new).await));
    world.clock.advance(Duration::from_secs(30));
    assert!(unavailable(world.present(&seen).await));
    world.store.comes_back();
    assert!(world.present(&new).await.is_ok());
    *world.store.down.lock().unwrap() = Some(StoreError::NoTable("CONFIG_TABLE"));
    assert!(unavailable(world.present(&ApiKey::generate().unwrap()).await));
}

#[tokio::test(start_paused = true)]
async fn a_stall_costs_two_requests_150_milliseconds_and_then_one_a_second() {
    let world = World::new();
    let (seen, new) = (world.keep(|_| {}), world.keep(|_| {}));
    assert!(world.present(&seen).await.is_ok());
    world.store.stalls();
    let mut waits = Vec::new();
    for _ in 0..40 {
        let before = Instant::now();
        assert!(world.present(&seen).await.is_ok(), "remembered");
        let outcome = world.present(&new).await;
        assert!(matches!(outcome, Err(Refusal::Unavailable { .. })), "{outcome:?}");
        waits.push(before.elapsed().as_millis());
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert_eq!(waits[..2], [150, 150]);
    let probes = waits[2..].iter().filter(|waited| **waited > 0).count();
    assert_eq!((probes, world.store.reads()), (3, 1 + 5), "{waits:?}");
    // A revocation must take effect within 30 seconds: nobody gets in by what was read before.
    world.clock.advance(Duration::from_secs(30));
    let outcome = world.present(&seen).await;
    assert!(matches!(outcome, Err(Refusal::Unavailable { .. })), "{outcome:?}");
    world.store.comes_back();
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(world.present(&new).await.is_ok());
    assert!(world.present(&seen).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_look_up_ends_with_the_request_s_budget() {
    let world = World::new();
    let key = world.keep(|_| {});
    world.store.stalls();
    let before = Instant::now();
    let budget = Duration::from_millis(70);
    let request = asking(&[("x-api-key", key.secret_text())], "");
    let outcome = world.verifier.verify(&request, budget).await;
    assert!(matches!(outcome, Err(Refusal::Unavailable { .. })), "{outcome:?}");
    assert_eq!(before.elapsed(), budget);
}

#[tokio::test]
async fn a_clock_set_back_makes_nothing_last_longer() {
    let world = World::new();
    let key = world.keep(|_| {});
    assert!(world.present(&key).await.is_ok());
    world.change(&key, |record| record.status = KeyStatus::Revoked);
    world.clock.set(Timestamp::from_secs(1_000));
    assert_eq!(why(world.present(&key).await), "it is revoked");
}
