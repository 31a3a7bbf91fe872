use serde_json::{Value, json};

use super::*;
use crate::auth::testing::{Answer, Issuer as Scripted, ManualClock, jwt};

fn document() -> Value {
    json!({"issuer": "https://issuer.test", "jwks_uri": "https://keys.issuer.test/v1", "token_endpoint": "x"})
}

fn with(member: &str, value: Value) -> String {
    let mut document = document();
    document[member] = value;
    document.to_string()
}

#[test]
fn the_document_says_where_the_keys_are() {
    let url = jwks_uri(document().to_string().as_bytes(), "https://issuer.test").unwrap();
    assert_eq!(url.as_str(), "https://keys.issuer.test/v1");
    let mut local = document();
    local["issuer"] = json!("http://127.0.0.1:9003");
    local["jwks_uri"] = json!("http://127.0.0.1:9003/keys");
    assert!(jwks_uri(local.to_string().as_bytes(), "http://127.0.0.1:9003").is_ok());
}

#[test]
fn hostile_documents_say_nothing() {
    let documents = [
        String::new(),
        "[]".to_owned(),
        "{}".to_owned(),
        "<html>".to_owned(),
        "\"https://keys.issuer.test\"".to_owned(),
        with("issuer", json!("https://issuer.test/")),
        with("issuer", json!("https://evil.test")),
        with("issuer", json!("HTTPS://issuer.test")),
        with("issuer", json!(["https://issuer.test"])),
        with("issuer", json!(null)),
        with("jwks_uri", json!(null)),
        with("jwks_uri", json!("")),
        with("jwks_uri", json!("/keys")),
        with("jwks_uri", json!("//keys.issuer.test/v1")),
        with("jwks_uri", json!("http://keys.issuer.test/v1")),
        with("jwks_uri", json!("http://localhost.evil.test/v1")),
        with("jwks_uri", json!("http://127.0.0.1:9001/2018-06-01/runtime")),
        with("jwks_uri", json!("http://localhost/keys")),
        with("jwks_uri", json!("http://169.254.169.254/latest/meta-data")),
        with("jwks_uri", json!("https://user:secret@keys.issuer.test/v1")),
        with("jwks_uri", json!("https://keys.issuer.test/v1#x")),
        with("jwks_uri", json!("ftp://keys.issuer.test/v1")),
        with("jwks_uri", json!("file:///etc/passwd")),
        with("jwks_uri", json!("data:application/json,{}")),
        with("jwks_uri", json!("javascript:0")),
        with("jwks_uri", json!(["https://keys.issuer.test/v1"])),
        r#"{"issuer":"https://issuer.test","issuer":"https://issuer.test","jwks_uri":"https://a.test"}"#.to_owned(),
        r#"{"issuer":"https://issuer.test","jwks_uri":"https://a.test","jwks_uri":"https://b.test"}"#.to_owned(),
    ];
    for document in documents {
        assert!(
            jwks_uri(document.as_bytes(), "https://issuer.test").is_err(),
            "{document}"
        );
    }
}

/// An issuer that has a discovery document; both documents are one, because the script has one answer.
fn discovering(answer: Answer) -> (Issuer, Arc<Scripted>, Arc<ManualClock>) {
    let rules = JwtRules {
        keys: KeySource::Discovery(Url::parse("https://issuer.test/.well-known/openid-configuration").unwrap()),
        ..jwt()
    };
    let (client, clock) = (Scripted::new(answer), ManualClock::new());
    (Issuer::new(&rules, client.clone(), clock.clone()), client, clock)
}

fn both() -> Answer {
    Answer::Status(200, with("keys", json!([])).into_bytes())
}

async fn key_set(issuer: &Issuer) -> Result<Bytes, String> {
    issuer.key_set(Instant::now() + Duration::from_secs(2)).await
}

#[tokio::test(start_paused = true)]
async fn the_document_is_read_once_a_day() {
    let (issuer, client, clock) = discovering(both());
    for _ in 0..3 {
        key_set(&issuer).await.unwrap();
    }
    assert_eq!(client.calls(), 1 + 3);
    assert_eq!(
        client.last.lock().unwrap().as_ref().unwrap().0.uri(),
        "https://keys.issuer.test/v1"
    );
    clock.advance(DISCOVERY_FOR);
    key_set(&issuer).await.unwrap();
    assert_eq!(client.calls(), 1 + 3 + 2);
}

#[tokio::test(start_paused = true)]
async fn it_is_read_again_when_the_keys_are_not_where_they_were() {
    let (issuer, client, _) = discovering(both());
    key_set(&issuer).await.unwrap();
    client.answers(Answer::Status(404, vec![]));
    assert_eq!(
        key_set(&issuer).await.unwrap_err(),
        "no key set from https://keys.issuer.test/v1: status 404"
    );
    let why = key_set(&issuer).await.unwrap_err();
    assert_eq!(
        why,
        "no jwks_uri from https://issuer.test/.well-known/openid-configuration: status 404"
    );
    client.answers(both());
    assert!(key_set(&issuer).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn both_documents_have_two_seconds_together() {
    let (issuer, client, _) = discovering(Answer::Slowly(Duration::from_millis(1_200), Box::new(both())));
    let began = Instant::now();
    let why = key_set(&issuer).await.unwrap_err();
    assert_eq!(
        why,
        "no key set from https://keys.issuer.test/v1: no whole answer within 800ms"
    );
    assert_eq!((began.elapsed(), client.calls()), (Duration::from_secs(2), 2));
}
