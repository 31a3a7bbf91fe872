//! Through the real store, a table that is throttled is told apart from one that is down, and one that is silent is waited for
//! twice.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;
use tollgate::api_key::ApiKey;
use tollgate::clock::{Clock as _, Timestamp};
use tollgate::config;
use tollgate::gateway::{Gateway, Seams};
use tollgate::upstream::client::{CallError, CallLimits, HttpClient};

use crate::engine::patient_store;
use crate::environments::{Limited, ManualClock, limiter, own_store};
use crate::fake::Fake;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// How many of ten reads of what somebody has left are made.
async fn reads_of_ten(status: u16, body: &'static str) -> u32 {
    let fake = Fake::answering(status, body).await;
    let limiter = limiter(own_store(&fake.endpoint, "quota"), &ManualClock::at(NOW));
    let limited = Limited::by(&json!({ "quota": { "requests": 5, "per": "day" } }));
    for _ in 0..10 {
        let error = limited.usage(&limiter).await.unwrap_err();
        assert_eq!(error.code(), "limit_store_unavailable");
    }
    fake.requests()
}

#[tokio::test(start_paused = true)]
async fn throttled_reads_of_usage_are_no_outage() {
    for body in [
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}"#,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#RequestLimitExceeded"}"#,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#,
    ] {
        assert_eq!(reads_of_ten(400, body).await, 10, "{body}");
    }
    let failing = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#;
    assert_eq!(reads_of_ten(500, failing).await, 5, "an outage ends the reads");
}

/// Nobody's upstream and nobody's issuer.
#[derive(Debug)]
struct Nobody;

#[async_trait]
impl HttpClient for Nobody {
    async fn send(&self, _: http::Request<Bytes>, limits: CallLimits) -> Result<http::Response<Bytes>, CallError> {
        Err(CallError::Timeout(limits.timeout))
    }
}

fn gateway(endpoint: &str, clock: &Arc<ManualClock>) -> Gateway {
    let document = json!({
        "routes": [{ "path": "/api/**", "respond": { "status": 204 } }],
        "auth": { "type": "api_key" }
    });
    let checked = config::parse("test.json", &document.to_string(), &|_| None).unwrap();
    let seams = Seams {
        clock: clock.clone(),
        upstreams: Arc::new(Nobody),
        issuers: Arc::new(Nobody),
        store: Arc::new(patient_store(endpoint, "config")),
    };
    Gateway::new(checked.config, None, seams)
}

fn event(key: &ApiKey) -> String {
    json!({
        "version": "2.0", "rawPath": "/api/users", "rawQueryString": "", "headers": { "x-api-key": key.secret_text() },
        "requestContext": { "stage": "$default", "http": { "method": "GET", "sourceIp": "192.0.2.7" } },
        "isBase64Encoded": false
    })
    .to_string()
}

/// The clock jumps to the next time-out while the server is silent, so the waits are exact on any machine.
#[tokio::test(start_paused = true)]
async fn keys_are_looked_up_twice_while_the_table_is_silent_and_then_once_a_second() {
    let (fake, clock) = (Fake::raw(None).await, ManualClock::at(NOW));
    let gateway = gateway(&fake.endpoint, &clock);
    let (mut waits, deadline) = (Vec::new(), clock.now().plus(Duration::from_secs(10)));
    for _ in 0..25 {
        let before = Instant::now();
        let answer = gateway
            .handle(&event(&ApiKey::generate().unwrap()), deadline)
            .await
            .unwrap();
        let log: Value = serde_json::from_str(&answer.log).unwrap();
        assert_eq!(
            (&log["status"], &log["error"]),
            (&json!(503), &json!("api_keys_unavailable"))
        );
        waits.push(before.elapsed().as_millis());
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert_eq!(waits[..2], [150, 150]);
    let probes: Vec<&u128> = waits[2..].iter().filter(|waited| **waited > 0).collect();
    assert_eq!(probes, [&150, &150], "{waits:?}");
}
