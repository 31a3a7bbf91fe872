//! API keys, sessions and key sets as the gateway reads and writes them.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use tollgate::api_key::{ApiKeyRecord, KeyHash, KeyStatus, PreviousKey};
use tollgate::clock::Timestamp;
use tollgate::store::{SessionHash, SessionRecord, Store, StoreError, StoredKeySet};

use crate::engine::{Engine, patient_store, store};
use crate::fake::{Fake, closed_port};

type Item = HashMap<String, AttributeValue>;

const HASH: &str = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: &str) -> AttributeValue {
    AttributeValue::N(number.into())
}

fn item<const N: usize>(pk: &str, attributes: [(&str, AttributeValue); N]) -> Item {
    let keys = [("pk", s(pk)), ("sk", s("META"))];
    let all = keys.into_iter().chain(attributes);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The least an API key has.
fn api_key(pk: &str) -> Item {
    item(
        pk,
        [
            ("hash", s(HASH)),
            ("status", s("active")),
            ("owner", s("ann")),
            ("created_at", n("1800000000")),
        ],
    )
}

async fn put(engine: &Engine, table: &str, item: Item) {
    let request = engine.client.put_item().table_name(table).set_item(Some(item));
    request.send().await.unwrap();
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn malformed<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Err(StoreError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_that_is_not_there_is_none() {
    let engine = Engine::start().await;
    let store = engine.store("no_keys").await;
    for id in ["4fK", "", "#", "META", &"x".repeat(1_000)] {
        assert_eq!(store.api_key(id).await, Ok(None), "{id}");
    }
}

#[tokio::test]
async fn the_least_and_the_most_of_a_key_are_read() {
    let engine = Engine::start().await;
    let store = engine.store("keys").await;
    put(&engine, "keys", api_key("KEY#least")).await;
    let least = ApiKeyRecord {
        id: "least".into(),
        hash: KeyHash::of("abc"),
        previous: None,
        status: KeyStatus::Active,
        owner: "ann".into(),
        plan: None,
        plan_expires_at: None,
        limits: None,
        scopes: Vec::new(),
        expires_at: None,
        created_at: at(1_800_000_000),
        name: None,
    };
    assert_eq!(store.api_key("least").await, Ok(Some(least.clone())));

    let mut most = api_key("KEY#most");
    let hash = KeyHash::of("another");
    most.extend([
        ("hash".to_owned(), s(&hash.to_base64url())),
        ("status".to_owned(), s("revoked")),
        ("previous_hash".to_owned(), s(HASH)),
        ("previous_until".to_owned(), n("1800000100")),
        (
            "scopes".to_owned(),
            AttributeValue::Ss(vec!["write".into(), "read".into()]),
        ),
        ("plan".to_owned(), s("gold")),
        ("expires_at".to_owned(), n("1800000200")),
        ("name".to_owned(), s("nightly job")),
        ("note".to_owned(), s("what is not known here is left alone")),
    ]);
    put(&engine, "keys", most).await;
    let expected = ApiKeyRecord {
        id: "most".into(),
        hash,
        previous: Some(PreviousKey {
            hash: KeyHash::of("abc"),
            until: at(1_800_000_100),
        }),
        status: KeyStatus::Revoked,
        plan: Some("gold".into()),
        plan_expires_at: None,
        limits: None,
        scopes: vec!["read".into(), "write".into()],
        expires_at: Some(at(1_800_000_200)),
        name: Some("nightly job".into()),
        ..least
    };
    assert_eq!(store.api_key("most").await, Ok(Some(expected)));
}

#[tokio::test]
async fn a_key_of_another_shape_is_an_error_that_names_the_attribute_and_no_value() {
    let engine = Engine::start().await;
    let store = engine.store("odd_keys").await;
    for (name, value, wrong) in [
        ("hash", None, "`hash` is missing"),
        ("hash", Some(s("very-secret")), "`hash` is not a SHA-256"),
        (
            "hash",
            Some(AttributeValue::B(Blob::new([7; 32]))),
            "`hash` is not a SHA-256",
        ),
        ("hash", Some(n("1")), "`hash` is not a SHA-256"),
        ("status", None, "`status` is missing"),
        (
            "status",
            Some(s("very-secret")),
            "`status` is neither `active` nor `revoked`",
        ),
        ("status", Some(s("Active")), "`status` is neither"),
        ("owner", None, "`owner` is missing"),
        ("owner", Some(n("1")), "`owner` is not a string"),
        ("created_at", None, "`created_at` is missing"),
        (
            "created_at",
            Some(s("1800000000")),
            "`created_at` is not a whole number",
        ),
        ("expires_at", Some(n("-1")), "`expires_at` is not a whole number"),
        ("expires_at", Some(n("1.5")), "`expires_at` is not a whole number"),
        ("plan", Some(AttributeValue::Null(true)), "`plan` is not a string"),
        ("scopes", Some(s("read")), "`scopes` is not a set or list of strings"),
        ("previous_hash", Some(s(HASH)), "`previous_until` is missing"),
        ("previous_until", Some(n("1")), "`previous_hash` is missing"),
    ] {
        let mut odd = api_key("KEY#odd");
        match value {
            Some(value) => odd.insert(name.to_owned(), value),
            None => odd.remove(name),
        };
        put(&engine, "odd_keys", odd).await;
        let why = malformed(store.api_key("odd").await);
        assert!(why.starts_with("table odd_keys, item KEY#odd: "), "{why}");
        assert!(why.contains(wrong) && !why.contains("very-secret"), "{why}");
    }
}

#[tokio::test]
async fn a_key_set_is_kept_in_the_place_of_the_last_one() {
    let engine = Engine::start().await;
    let store = engine.store("key_sets").await;
    let uri = "https://auth.example.com/.well-known/jwks.json";
    assert_eq!(store.key_set(uri).await, Ok(None));
    let set = |body: &str, millis| StoredKeySet {
        body: body.into(),
        fetched_at: Timestamp::from_millis(millis),
    };
    for (body, millis) in [(r#"{"keys":[]}"#, 1_800_000_000_123), ("{}", 1_800_000_000_456)] {
        let set = set(body, millis);
        assert_eq!(store.keep_key_set(uri, &set, at(1_800_086_400)).await, Ok(()));
        assert_eq!(store.key_set(uri).await, Ok(Some(set)));
    }
    let other = format!("{uri}?x");
    assert_eq!(store.key_set(&other).await, Ok(None));
    // `printf %s "$uri" | sha256sum`
    let pk = "JWKS#541341962c986da8c10da020dcde02c6119d8a0e19acb732095a0ea31fa9ab50";
    let expected = item(
        pk,
        [
            ("body", s("{}")),
            ("fetched_at", n("1800000000456")),
            ("ttl", n("1800086400")),
        ],
    );
    assert_eq!(engine.item("key_sets", pk, "META").await, expected);
}

#[tokio::test]
async fn a_key_set_that_does_not_fit_is_refused_and_the_last_one_stays() {
    let engine = Engine::start().await;
    let store = engine.store("large_sets").await;
    let mut set = StoredKeySet {
        body: "{}".into(),
        fetched_at: at(1),
    };
    store.keep_key_set("a", &set, at(2)).await.unwrap();
    set.body = "x".repeat(410 * 1024);
    let refused = store.keep_key_set("a", &set, at(2)).await;
    assert!(matches!(refused, Err(StoreError::NotApplied(_))), "{refused:?}");
    assert_eq!(store.key_set("a").await.unwrap().unwrap().body, "{}");
}

fn session_item(hash: &SessionHash) -> Item {
    item(
        &format!("SESSION#{}", hash.as_str()),
        [
            ("claims", s(r#"{"sub":"ann","teams":["a","b"]}"#)),
            ("created_at", n("1800000000")),
            ("seen_at", n("1800000050")),
            ("expires_at", n("1800028800")),
            ("ttl", n("1800028800")),
        ],
    )
}

#[tokio::test]
async fn a_session_is_read_and_marked_as_used_and_never_made() {
    let engine = Engine::start().await;
    let store = engine.store("sessions").await;
    let hash = SessionHash::of("an id");
    assert_eq!(store.session(&hash).await, Ok(None));
    assert_eq!(store.touch_session(&hash, at(5), at(6)).await, Ok(false));
    assert_eq!(store.session(&hash).await, Ok(None));

    put(&engine, "sessions", session_item(&hash)).await;
    let expected = SessionRecord {
        claims: serde_json::from_str(r#"{"sub":"ann","teams":["a","b"]}"#).unwrap(),
        created_at: at(1_800_000_000),
        seen_at: at(1_800_000_050),
        expires_at: at(1_800_028_800),
    };
    assert_eq!(store.session(&hash).await, Ok(Some(expected.clone())));
    let touched = store.touch_session(&hash, at(1_800_000_300), at(1_800_030_000)).await;
    assert_eq!(touched, Ok(true));
    let expected = SessionRecord {
        seen_at: at(1_800_000_300),
        ..expected
    };
    assert_eq!(store.session(&hash).await, Ok(Some(expected)));
    let pk = format!("SESSION#{}", hash.as_str());
    assert_eq!(engine.item("sessions", &pk, "META").await["ttl"], n("1800030000"));
}

#[tokio::test]
async fn claims_that_are_no_object_are_an_error_without_them() {
    let engine = Engine::start().await;
    let store = engine.store("odd_sessions").await;
    let hash = SessionHash::of("an id");
    for claims in ["", "very-secret", r#"["very-secret"]"#, "null", r#"{"very-secret":"#] {
        let mut odd = session_item(&hash);
        odd.insert("claims".into(), s(claims));
        put(&engine, "odd_sessions", odd).await;
        let why = malformed(store.session(&hash).await);
        assert!(
            why.ends_with("`claims` is not a JSON object") && !why.contains("very-secret"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn what_stood_there_before_is_never_read() {
    let fake = Fake::answering(200, "{}").await;
    let store = patient_store(&fake.endpoint, "records");
    store.api_key("a").await.unwrap();
    store.key_set("a").await.unwrap();
    store.session(&SessionHash::of("a")).await.unwrap();
    let calls = fake.calls();
    assert_eq!(calls.len(), 3);
    for (operation, body) in calls {
        assert_eq!(operation, "GetItem");
        assert!(body.contains(r#""ConsistentRead":true"#), "{body}");
    }
}

#[tokio::test]
async fn a_read_that_got_no_clear_answer_is_sent_once_more() {
    for (status, body) in [
        (
            500,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#,
        ),
        (502, "<html>bad gateway</html>"),
        (200, "not json"),
    ] {
        let fake = Fake::answering(status, body).await;
        let error = patient_store(&fake.endpoint, "records").api_key("a").await.unwrap_err();
        assert!(matches!(error, StoreError::Ambiguous(_)), "{error:?}");
        assert_eq!(fake.requests(), 2, "{status} {body}");
    }
}

#[tokio::test]
async fn a_read_that_dynamodb_refused_is_sent_once() {
    for (code, is_throttled) in [
        ("AccessDeniedException", false),
        ("ResourceNotFoundException", false),
        ("ThrottlingException", true),
        ("ProvisionedThroughputExceededException", true),
        ("RequestLimitExceeded", true),
    ] {
        let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"very-secret"}}"#);
        let fake = Fake::answering(400, body.leak()).await;
        let error = patient_store(&fake.endpoint, "records").api_key("a").await.unwrap_err();
        let why = format!("table records: {code} (status 400)");
        let expected = match is_throttled {
            true => StoreError::Throttled { why, one_key: false },
            false => StoreError::NotApplied(why),
        };
        assert_eq!(error, expected);
        assert_eq!(fake.requests(), 1, "{code}");
    }
}

#[tokio::test]
async fn writes_are_sent_once() {
    let fake = Fake::answering(500, "{}").await;
    let store = patient_store(&fake.endpoint, "records");
    let set = StoredKeySet {
        body: "{}".into(),
        fetched_at: at(1),
    };
    let kept = store.keep_key_set("a", &set, at(2)).await;
    assert!(matches!(kept, Err(StoreError::Ambiguous(_))), "{kept:?}");
    let touched = store.touch_session(&SessionHash::of("a"), at(1), at(2)).await;
    assert!(matches!(touched, Err(StoreError::Ambiguous(_))), "{touched:?}");
    assert_eq!(fake.requests(), 2);
}

#[tokio::test]
async fn a_store_that_is_down_or_silent_is_an_error_in_time() {
    let address = closed_port().await;
    let down = store(&format!("http://{address}"), "records").api_key("a").await;
    assert!(matches!(down, Err(StoreError::NotApplied(_))), "{down:?}");

    let silent = Fake::raw(None).await;
    let before = std::time::Instant::now();
    let error = store(&silent.endpoint, "records").api_key("a").await.unwrap_err();
    assert_eq!(error, StoreError::TimedOut("table records: no answer in time".into()));
    assert_eq!(silent.requests(), 1, "150 ms are all there are");
    // Generous above: the machine may be busy.
    let took = before.elapsed();
    assert!(
        (Duration::from_millis(145)..Duration::from_secs(20)).contains(&took),
        "{took:?}"
    );
}
