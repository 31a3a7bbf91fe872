//! Steps on counters: on a real engine, and on servers that misbehave.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use tollgate::limit::{BucketName, Window};
use tollgate::store::dynamodb::DynamoDbStore;
use tollgate::store::{
    BucketCharge, BucketStep, Charge, ChargeOutcome, CounterKey, CounterState, Leftovers, Refund, Store, StoreError,
    WindowCharge,
};

use crate::engine::{Engine, patient_store, settings, store};
use crate::fake::{Fake, closed_port};

const NOW: u64 = 1_800_000_000_000_000;
const EXPIRES_AT: u64 = 1_800_700_000;

fn key() -> CounterKey {
    CounterKey {
        pk: "Q#client_ip#KHJFkkZPXriZIhs4bBqnnQ".into(),
        sk: "L#shared".into(),
    }
}

async fn item(engine: &Engine, table: &str) -> HashMap<String, AttributeValue> {
    engine.item(table, &key().pk, &key().sk).await
}

fn name(name: &str) -> BucketName {
    BucketName::parse(name).unwrap()
}

/// The bucket of most charges here.
fn own() -> BucketName {
    name("t10x9")
}

fn bucket(tat: impl Into<Option<u64>>) -> CounterState {
    CounterState {
        buckets: tat.into().into_iter().map(|tat| (own(), tat)).collect(),
        windows: Vec::new(),
    }
}

fn applied(tat: u64) -> Result<ChargeOutcome, StoreError> {
    Ok(ChargeOutcome::Applied(bucket(tat)))
}

fn refused(tat: impl Into<Option<u64>>) -> Result<ChargeOutcome, StoreError> {
    Ok(ChargeOutcome::Refused(bucket(tat)))
}

/// A charge of the bucket alone.
fn stepping(step: BucketStep) -> Charge {
    Charge {
        bucket: Some(BucketCharge { bucket: own(), step }),
        cost: 1,
        windows: Vec::new(),
        over: Leftovers::default(),
        expires_at: EXPIRES_AT,
    }
}

async fn step(store: &DynamoDbStore, step: BucketStep) -> Result<ChargeOutcome, StoreError> {
    store.charge(&key(), &stepping(step)).await
}

async fn idle(store: &DynamoDbStore) -> Result<ChargeOutcome, StoreError> {
    step(store, BucketStep::Idle { now: NOW, cost: 10 }).await
}

// --- the engine ---------------------------------------------------------------------------------------------------

/// Before anything is proved on an engine, it must itself be exact: one conditional `ADD`, none of our code.
#[tokio::test]
async fn the_engine_itself_is_exact_at_64_tasks() {
    let engine = Engine::start().await;
    engine.table("oracle", &["pk"]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let client = engine.client.clone();
        tasks.spawn(async move {
            let mut count = 0;
            for _ in 0..4 {
                let result = client
                    .update_item()
                    .table_name("oracle")
                    .key("pk", AttributeValue::S("hot".into()))
                    .update_expression("ADD n :one")
                    .condition_expression("attribute_not_exists(n) OR n < :limit")
                    .expression_attribute_values(":one", AttributeValue::N("1".into()))
                    .expression_attribute_values(":limit", AttributeValue::N("100".into()))
                    .send()
                    .await;
                match result.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
                    Ok(_) => count += 1,
                    Err(error) => assert!(error.is_conditional_check_failed_exception(), "{error:?}"),
                }
            }
            count
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<u32>(), 100);
}

#[tokio::test]
async fn an_item_holds_its_keys_the_bucket_and_the_expiry() {
    let engine = Engine::start().await;
    let store = engine.store("layout").await;
    assert_eq!(idle(&store).await, applied(NOW + 10));
    let expected = HashMap::from([
        (
            "pk".to_owned(),
            AttributeValue::S("Q#client_ip#KHJFkkZPXriZIhs4bBqnnQ".into()),
        ),
        ("sk".to_owned(), AttributeValue::S("L#shared".into())),
        ("t10x9".to_owned(), AttributeValue::N("1800000000000010".into())),
        ("ttl".to_owned(), AttributeValue::N("1800700000".into())),
    ]);
    assert_eq!(item(&engine, "layout").await, expected);

    let later = EXPIRES_AT + 5;
    let busy = BucketStep::Busy {
        now: NOW,
        cost: 7,
        max: NOW + 90,
    };
    let charge = Charge {
        expires_at: later,
        ..stepping(busy)
    };
    assert_eq!(store.charge(&key(), &charge).await, applied(NOW + 17));
    assert_eq!(
        item(&engine, "layout").await["ttl"],
        AttributeValue::N(later.to_string())
    );
}

#[tokio::test]
async fn a_refused_step_shows_the_item_and_writes_nothing() {
    let engine = Engine::start().await;
    let store = engine.store("refused").await;
    let busy = BucketStep::Busy {
        now: NOW,
        cost: 10,
        max: NOW + 90,
    };
    assert_eq!(step(&store, busy).await, refused(None));
    assert_eq!(item(&engine, "refused").await, HashMap::new());
    assert_eq!(idle(&store).await, applied(NOW + 10));
    let before = item(&engine, "refused").await;
    assert_eq!(idle(&store).await, refused(NOW + 10));
    let full = BucketStep::Busy {
        now: NOW,
        cost: 10,
        max: NOW + 9,
    };
    assert_eq!(step(&store, full).await, refused(NOW + 10));
    assert_eq!(item(&engine, "refused").await, before);
}

/// What an item must be after a charge, by other words than the expressions'.
fn model(state: &mut CounterState, charge: &Charge) -> bool {
    let mut buckets: BTreeMap<BucketName, u64> = state.buckets.iter().copied().collect();
    if let Some(BucketCharge { bucket, step }) = charge.bucket {
        let tat = buckets.get(&bucket).copied().unwrap_or(0);
        let next = match step {
            BucketStep::Idle { now, cost } => (tat <= now).then_some(now + cost),
            BucketStep::Busy { now, cost, max } => (tat > now && tat <= max).then_some(tat + cost),
        };
        let Some(next) = next else { return false };
        buckets.insert(bucket, next);
    }
    for bucket in &charge.over.buckets {
        if buckets.remove(bucket).is_some_and(|tat| tat > charge.over.full_by) {
            return false;
        }
    }
    if charge
        .windows
        .iter()
        .any(|charged| state.count(charged.window) > charged.room)
    {
        return false;
    }
    state.buckets = buckets.into_iter().collect();
    for charged in &charge.windows {
        let count = state.count(charged.window) + charge.cost;
        state.windows.retain(|(window, _)| *window != charged.window);
        state.windows.push((charged.window, count));
    }
    state
        .windows
        .retain(|(window, _)| !charge.over.windows.contains(window));
    true
}

fn in_order(mut state: CounterState) -> CounterState {
    state.windows.sort();
    state.buckets.sort();
    state
}

fn any_charge() -> impl Strategy<Value = Charge> {
    // Times close to each other, so that every boundary is hit: equal, one off, far.
    let time = 0..12_u64;
    let step = prop_oneof![
        (time.clone(), 1..6_u64, time.clone()).prop_map(|(now, cost, max)| BucketStep::Busy {
            now: NOW + now,
            cost,
            max: NOW + max,
        }),
        (time.clone(), 1..6_u64).prop_map(|(now, cost)| BucketStep::Idle { now: NOW + now, cost }),
    ];
    let names = ["i202611220937", "h2026112209", "d20261122", "m202611"];
    let windows = prop::sample::subsequence(names.to_vec(), 0..=4);
    let over = prop::sample::subsequence(vec!["i202611220936", "h2026112208", "d20261121", "m202610"], 0..=4);
    // The first is charged, of the others some are taken along.
    let buckets = Just(["t10x9", "t10x8", "t1x9"].map(name).to_vec()).prop_shuffle();
    let buckets = (buckets, 0..3_usize, time);
    let parts = (prop::option::of(step), buckets, 1..5_u64, windows, 0..12_u64, over);
    parts.prop_map(|(step, (buckets, full, full_by), cost, windows, room, over)| {
        let window = |name: &str| Window::parse(name).unwrap();
        Charge {
            bucket: step.map(|step| BucketCharge {
                bucket: buckets[0],
                step,
            }),
            cost,
            windows: windows
                .into_iter()
                .map(|name| WindowCharge {
                    window: window(name),
                    room,
                })
                .collect(),
            over: Leftovers {
                windows: over.into_iter().map(window).collect(),
                buckets: buckets[1..=full].to_vec(),
                full_by: NOW + full_by,
            },
            expires_at: EXPIRES_AT,
        }
    })
}

#[test]
fn charges_do_in_the_database_what_the_model_says() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (engine, store) = runtime.block_on(async {
        let engine = Engine::start().await;
        let store = engine.store("model").await;
        (engine, store)
    });
    let config = ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let cases = AtomicU32::new(0);
    TestRunner::new(config)
        .run(&prop::collection::vec(any_charge(), 1..24), |charges| {
            let case = cases.fetch_add(1, Ordering::SeqCst);
            let key = CounterKey {
                pk: format!("Q#route#{case}"),
                sk: "L#shared".into(),
            };
            // Windows of an earlier time, which charges take along.
            let mut state = CounterState::default();
            let earlier = ["d20261121", "i202611220936"].map(|name| WindowCharge {
                window: Window::parse(name).unwrap(),
                room: 0,
            });
            let first = Charge {
                bucket: None,
                cost: 7,
                windows: earlier.to_vec(),
                over: Leftovers::default(),
                expires_at: EXPIRES_AT,
            };
            for charge in std::iter::once(first).chain(charges) {
                let holds = model(&mut state, &charge);
                let outcome = runtime.block_on(store.charge(&key, &charge)).unwrap();
                let (applied, found) = match outcome {
                    ChargeOutcome::Applied(found) => (true, found),
                    ChargeOutcome::Refused(found) => (false, found),
                };
                prop_assert_eq!(
                    (applied, in_order(found)),
                    (holds, in_order(state.clone())),
                    "{:?}",
                    charge
                );
            }
            Ok(())
        })
        .unwrap();
    drop(engine);
}

#[tokio::test]
async fn a_missing_table_is_not_applied_and_named() {
    let engine = Engine::start().await;
    let error = idle(&patient_store(&engine.endpoint, "nowhere")).await.unwrap_err();
    let expected = "table nowhere: ResourceNotFoundException (status 400)";
    assert_eq!(error, StoreError::NotApplied(expected.into()));
}

#[tokio::test]
async fn a_table_with_other_keys_is_not_applied() {
    let engine = Engine::start().await;
    engine.table("other_keys", &["id"]).await;
    let error = idle(&patient_store(&engine.endpoint, "other_keys")).await.unwrap_err();
    assert_eq!(
        error,
        StoreError::NotApplied("table other_keys: ValidationException (status 400)".into())
    );
}

#[tokio::test]
async fn an_item_of_another_shape_is_an_error_and_stays_as_it_is() {
    let engine = Engine::start().await;
    let store = engine.store("shape").await;
    let put = engine
        .client
        .put_item()
        .table_name("shape")
        .item("t10x9", AttributeValue::S("soon".into()));
    let put = put
        .item("pk", AttributeValue::S(key().pk))
        .item("sk", AttributeValue::S(key().sk));
    put.send().await.unwrap();
    let before = item(&engine, "shape").await;
    for form in [
        BucketStep::Idle { now: NOW, cost: 1 },
        BucketStep::Busy {
            now: NOW,
            cost: 1,
            max: NOW + 5,
        },
    ] {
        let error = step(&store, form).await.unwrap_err();
        let expected = "table shape: the item's `t10x9` is not a whole number of 64 bits";
        assert_eq!(error, StoreError::Malformed(expected.into()));
    }
    assert_eq!(item(&engine, "shape").await, before);
}

#[tokio::test]
async fn warming_a_good_table_says_nothing_and_writes_nothing() {
    let engine = Engine::start().await;
    engine.store("warm").await.warm().await;
    let scan = engine.client.scan().table_name("warm").send().await.unwrap();
    assert_eq!(scan.count(), 0);
}

// --- servers that misbehave ---------------------------------------------------------------------------------------

#[tokio::test]
async fn an_endpoint_that_is_down_is_not_applied() {
    let address = closed_port().await;
    let error = idle(&patient_store(&format!("http://{address}"), "quota"))
        .await
        .unwrap_err();
    let StoreError::NotApplied(why) = &error else {
        panic!("{error:?}")
    };
    assert!(why.starts_with("table quota: ") && why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_refused_handshake_is_not_applied() {
    // Not a TLS server: it answers the client's hello with a line of text.
    let fake = Fake::raw(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let error = idle(&patient_store(&fake.endpoint.replace("http:", "https:"), "quota"))
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::NotApplied(_)), "{error:?}");
}

#[tokio::test]
async fn a_stalled_handshake_is_given_up_before_the_request_and_not_applied() {
    let fake = Fake::raw(None).await;
    let settings = settings(&fake.endpoint.replace("http:", "https:"), "quota");
    // Far apart, so that a busy machine cannot confuse the two.
    let settings = settings.with_timeouts(Duration::from_millis(100), Duration::from_secs(30));
    let before = Instant::now();
    let error = idle(&DynamoDbStore::new(settings).unwrap()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotApplied(_)), "{error:?}");
    assert!(
        (95..20_000).contains(&before.elapsed().as_millis()),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_after_150_milliseconds() {
    let fake = Fake::raw(None).await;
    let before = Instant::now();
    let error = idle(&store(&fake.endpoint, "quota")).await.unwrap_err();
    assert_eq!(error, StoreError::TimedOut("table quota: no answer in time".into()));
    // Generous above: the machine may be busy. The limiter's own bound is tested on a paused clock.
    assert!(
        (145..20_000).contains(&before.elapsed().as_millis()),
        "{:?}",
        before.elapsed()
    );
    assert_eq!(fake.requests(), 1);
}

#[tokio::test]
async fn failures_of_the_service_are_ambiguous_and_sent_once() {
    for (status, body, expected) in [
        (
            500,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#,
            "InternalServerError (status 500)",
        ),
        (
            503,
            r#"{"__type":"com.amazon.coral.service#ServiceUnavailable"}"#,
            "ServiceUnavailable (status 503)",
        ),
        (
            502,
            "<html>bad gateway</html>",
            "an answer with status 502 and no error code",
        ),
        (400, "not json", "an answer with status 400 and no error code"),
        (403, "", "an answer with status 403 and no error code"),
        (200, "{}", "an answer without `t10x9`"),
        (200, r#"{"Attributes":{"pk":{"S":"x"}}}"#, "an answer without `t10x9`"),
        (
            200,
            r#"{"Attributes":{"t10x9":{"N":"-5"}}}"#,
            "the item's `t10x9` is not a whole number of 64 bits",
        ),
    ] {
        let fake = Fake::answering(status, body).await;
        let error = idle(&patient_store(&fake.endpoint, "quota")).await.unwrap_err();
        assert_eq!(
            error,
            StoreError::Ambiguous(format!("table quota: {expected}")),
            "{status} {body}"
        );
        assert_eq!(fake.requests(), 1, "{status} {body}");
    }
}

#[tokio::test]
async fn garbage_is_ambiguous() {
    let json: [&str; 6] = [
        "<html>",
        "\u{0}\u{1}",
        "[]",
        r#"{"Attributes":7}"#,
        r#"{"Attributes":{"t10x9":{"N":7}}}"#,
        r#"{"Attributes":"#,
    ];
    for body in json {
        let fake = Fake::answering(200, body).await;
        let error = idle(&patient_store(&fake.endpoint, "quota")).await.unwrap_err();
        assert!(matches!(error, StoreError::Ambiguous(_)), "{body}: {error:?}");
        assert_eq!(fake.requests(), 1, "{body}");
    }
    let http: [&[u8]; 5] = [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"Attributes\"",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 999999 \xff\r\n\r\n",
    ];
    for bytes in http {
        let fake = Fake::raw(Some(bytes)).await;
        let error = idle(&patient_store(&fake.endpoint, "quota")).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Ambiguous(_)),
            "{}: {error:?}",
            bytes.escape_ascii()
        );
        assert_eq!(fake.requests(), 1, "{}", bytes.escape_ascii());
    }
}

#[tokio::test]
async fn throttling_tells_its_reason_and_is_sent_once() {
    let reason = r#"[{"reason":"TableWriteKeyRangeThroughputExceeded","resource":"arn:x"}]"#;
    for (code, member) in [
        ("ProvisionedThroughputExceededException", "ThrottlingReasons"),
        ("RequestLimitExceeded", "ThrottlingReasons"),
        ("ThrottlingException", "throttlingReasons"),
    ] {
        let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","{member}":{reason}}}"#);
        let fake = Fake::answering(400, body.leak()).await;
        let error = idle(&patient_store(&fake.endpoint, "quota")).await.unwrap_err();
        let why = format!("table quota: {code} (status 400), TableWriteKeyRangeThroughputExceeded");
        assert_eq!(error, StoreError::Throttled { why, one_key: true });
        assert_eq!(fake.requests(), 1);
    }
}

#[tokio::test]
async fn missing_permission_is_not_applied_and_its_text_is_not_repeated() {
    let body = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: arn:aws:sts::1:role/x"}"#;
    let fake = Fake::answering(400, body).await;
    let error = idle(&patient_store(&fake.endpoint, "quota")).await.unwrap_err();
    assert_eq!(
        error,
        StoreError::NotApplied("table quota: AccessDeniedException (status 400)".into())
    );
}

#[tokio::test]
async fn a_refusal_without_its_item_is_an_empty_state() {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}"#;
    let fake = Fake::answering(400, body).await;
    assert_eq!(idle(&patient_store(&fake.endpoint, "quota")).await, refused(None));
}

#[tokio::test]
async fn warming_opens_the_connection_that_the_first_step_uses() {
    let fake = Fake::answering(200, r#"{"Attributes":{"t10x9":{"N":"5"}}}"#).await;
    let store = patient_store(&fake.endpoint, "quota");
    store.warm().await;
    assert_eq!(idle(&store).await, applied(5));
    assert_eq!(idle(&store.clone()).await, applied(5));
    assert_eq!((fake.requests(), fake.connections.load(Ordering::SeqCst)), (3, 1));
}

#[tokio::test]
async fn warming_never_fails_and_ends_after_300_milliseconds() {
    store(&format!("http://{}", closed_port().await), "quota").warm().await;
    let fake = Fake::raw(None).await;
    let before = Instant::now();
    store(&fake.endpoint, "quota").warm().await;
    assert!(
        (295..20_000).contains(&before.elapsed().as_millis()),
        "{:?}",
        before.elapsed()
    );
}

/// What a freeze looks like: the connection ends while nothing of the function runs, then a request comes.
#[tokio::test]
async fn a_connection_that_was_closed_during_a_freeze_is_not_used() {
    use std::io::{Read, Write};
    for reset in [false, true] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (answered, connections) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut buffer = [0; 4_096];
                while !request.ends_with(b"}") {
                    let count = stream.read(&mut buffer).unwrap();
                    request.extend_from_slice(&buffer[..count]);
                }
                let body = r#"{"Attributes":{"t10x9":{"N":"5"}}}"#;
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).unwrap();
                answered.send(stream).unwrap();
            }
        });
        let store = patient_store(&endpoint, "quota");
        for round in 0..5 {
            assert_eq!(idle(&store).await, applied(5), "round {round}");
            // No turn of the runtime between here and the next step.
            let stream = connections.recv().unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            if reset {
                stream.set_zero_linger().unwrap();
            }
            drop(stream);
        }
    }
}

// --- refunds --------------------------------------------------------------------------------------------------------

fn back(taken: Option<u64>, windows: &[&str]) -> Refund {
    Refund {
        bucket: taken.map(|taken| (own(), taken)),
        cost: 3,
        windows: windows.iter().map(|name| Window::parse(name).unwrap()).collect(),
    }
}

#[tokio::test]
async fn a_refund_takes_back_all_that_was_charged_or_nothing() {
    let engine = Engine::start().await;
    let store = engine.store("refund").await;
    let window = |name: &str| Window::parse(name).unwrap();
    assert_eq!(
        store.refund(&key(), &back(Some(5), &[])).await,
        Ok(None),
        "there is no item"
    );
    let charge = Charge {
        cost: 3,
        windows: vec![WindowCharge {
            window: window("d20261122"),
            room: 100,
        }],
        ..stepping(BucketStep::Idle { now: NOW, cost: 30 })
    };
    store.charge(&key(), &charge).await.unwrap();
    let before = item(&engine, "refund").await;
    for impossible in [
        back(Some(30), &["d20261122", "m202611"]),
        back(Some(NOW * 2), &["d20261122"]),
        Refund {
            bucket: Some((name("t10x8"), 30)),
            ..back(None, &["d20261122"])
        },
        Refund {
            cost: 4,
            ..back(Some(30), &["d20261122"])
        },
    ] {
        assert_eq!(store.refund(&key(), &impossible).await, Ok(None), "{impossible:?}");
        assert_eq!(item(&engine, "refund").await, before);
    }
    let after = store
        .refund(&key(), &back(Some(30), &["d20261122"]))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((after.tat(own()), after.count(window("d20261122"))), (Some(NOW), 0));
    store.charge(&key(), &charge).await.unwrap();
    let window_alone = store
        .refund(&key(), &back(None, &["d20261122"]))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (window_alone.tat(own()), window_alone.windows),
        (Some(NOW + 30), vec![(window("d20261122"), 0)])
    );
    let ttl = &item(&engine, "refund").await["ttl"];
    assert_eq!(*ttl, AttributeValue::N(EXPIRES_AT.to_string()), "as it was");
}

#[tokio::test]
async fn a_refund_that_fails_says_how() {
    let address = closed_port().await;
    let down = patient_store(&format!("http://{address}"), "quota");
    let refused = down.refund(&key(), &back(Some(1), &[])).await;
    assert!(matches!(refused, Err(StoreError::NotApplied(_))), "{refused:?}");
    let fake = Fake::answering(
        500,
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#,
    )
    .await;
    let unclear = patient_store(&fake.endpoint, "quota")
        .refund(&key(), &back(None, &["d20261122"]))
        .await;
    assert!(matches!(unclear, Err(StoreError::Ambiguous(_))), "{unclear:?}");
    assert_eq!(fake.requests(), 1);
}
