//! Sessions that are begun and ended in a table, and what a gateway then reads.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tollgate::clock::Timestamp;
use tollgate::store::dynamodb::Sessions;
use tollgate::store::{SessionHash, Store};

use crate::engine::{Engine, patient_store};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

fn claims() -> Map<String, Value> {
    Map::from_iter([
        ("sub".to_owned(), json!("ann")),
        ("teams".to_owned(), json!(["a", "b"])),
    ])
}

#[tokio::test]
async fn a_gateway_reads_the_session_until_it_is_ended() {
    let engine = Engine::start().await;
    let store = engine.store("sessions_admin").await;
    let sessions = Sessions::new(engine.client.clone(), "sessions_admin");
    let (id, session) = sessions.create(claims(), Duration::from_secs(60), NOW).await.unwrap();
    assert_eq!(store.session(&id.hash()).await, Ok(Some(session.clone())));
    assert_eq!((session.created_at, session.seen_at), (NOW, NOW));
    assert_eq!(session.expires_at, NOW.plus(Duration::from_secs(60)));
    assert_eq!(session.claims, claims());

    assert_eq!(sessions.revoke(&SessionHash::of("another")).await, Ok(false));
    assert_eq!(sessions.revoke(&id.hash()).await, Ok(true));
    assert_eq!(sessions.revoke(&id.hash()).await, Ok(false));
    assert_eq!(store.session(&id.hash()).await, Ok(None));
    // A request that was under way does not bring it back.
    assert_eq!(store.touch_session(&id.hash(), NOW, NOW).await, Ok(false));
}

#[tokio::test]
async fn the_table_does_not_hold_what_a_thief_could_use() {
    let engine = Engine::start().await;
    engine.table("sessions_thief", &["pk", "sk"]).await;
    let sessions = Sessions::new(engine.client.clone(), "sessions_thief");
    let (id, _) = sessions.create(claims(), Duration::from_secs(60), NOW).await.unwrap();
    let scan = engine.client.scan().table_name("sessions_thief").send().await.unwrap();
    let shown = format!("{:?}", scan.items());
    assert!(shown.contains(id.hash().as_str()), "{shown}");
    assert!(!shown.contains(&id.secret_text()[4..]), "{shown}");
    let item = &scan.items()[0];
    assert_eq!(item["ttl"].as_n().map(String::as_str), Ok("1800000060"));
    let patient = patient_store(&engine.endpoint, "sessions_thief");
    let stolen = SessionHash::of(item["pk"].as_s().unwrap().trim_start_matches("SESSION#"));
    assert_eq!(patient.session(&stolen).await, Ok(None));
}
