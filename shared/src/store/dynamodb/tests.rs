//! The expressions and the reading of answers. What needs a server is in the package `tollgate-tests`.

use std::collections::HashMap;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ConnectorError, ErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_sdk_dynamodb::types::ThrottlingReason;
use aws_sdk_dynamodb::types::error::ProvisionedThroughputExceededException;
use aws_smithy_types::body::SdkBody;
use insta::assert_snapshot;

use super::counter::{Expression, state};
use super::*;
use crate::limit::{BucketName, Window};
use crate::store::{BucketCharge, BucketStep, CounterState, Leftovers, WindowCharge};

/// What 100 a second and 20 at once is counted in.
const BUCKET: &str = "t10000x20";

fn bucket(name: &str) -> BucketName {
    BucketName::parse(name).unwrap()
}

fn store(endpoint: &str) -> DynamoDbStore {
    let settings = DynamoDbSettings::from_environment(
        &|name| {
            Some(match name {
                "QUOTA_TABLE" => "quota".to_owned(),
                "AWS_REGION" => "eu-central-1".to_owned(),
                "AWS_ENDPOINT_URL" => endpoint.to_owned(),
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "very-secret".to_owned(),
                _ => return None,
            })
        },
        &[],
    );
    DynamoDbStore::new(settings.unwrap()).unwrap()
}

/// A charge with this step, these windows, and those that are over.
fn charge(step: Option<BucketStep>, windows: &[(&str, u64)], over: &[&str]) -> Charge {
    let window = |name: &str| Window::parse(name).unwrap();
    Charge {
        bucket: step.map(|step| BucketCharge {
            bucket: bucket(BUCKET),
            step,
        }),
        cost: 3,
        windows: windows
            .iter()
            .map(|(name, room)| WindowCharge {
                window: window(name),
                room: *room,
            })
            .collect(),
        over: Leftovers {
            windows: over.iter().map(|name| window(name)).collect(),
            ..Leftovers::default()
        },
        expires_at: 99,
    }
}

fn rendered(charge: &Charge) -> String {
    let expression = Expression::of(charge);
    let mut values: Vec<String> = expression
        .values
        .iter()
        .map(|(name, value)| format!("{name} = {}", value.as_n().unwrap()))
        .collect();
    values.sort();
    format!(
        "{}\nif {}\n{}",
        expression.update,
        expression.condition,
        values.join("\n")
    )
}

const BUSY: BucketStep = BucketStep::Busy {
    now: 10,
    cost: 3,
    max: 17,
};
const IDLE: BucketStep = BucketStep::Idle { now: 10, cost: 3 };

#[test]
fn a_busy_step_adds_to_a_bucket_in_use() {
    assert_snapshot!(rendered(&charge(Some(BUSY), &[], &[])), @r"
    SET #ttl = :ttl, t10000x20 = t10000x20 + :cost
    if t10000x20 > :now AND t10000x20 <= :max
    :cost = 3
    :max = 17
    :now = 10
    :ttl = 99
    ");
}

#[test]
fn an_idle_step_starts_a_full_bucket() {
    assert_snapshot!(rendered(&charge(Some(IDLE), &[], &[])), @r"
    SET #ttl = :ttl, t10000x20 = :next
    if (attribute_not_exists(t10000x20) OR t10000x20 <= :now)
    :next = 13
    :now = 10
    :ttl = 99
    ");
}

#[test]
fn windows_are_added_to_where_they_all_have_room() {
    let windows = [("d20261122", 997), ("m202611", 99_997)];
    assert_snapshot!(rendered(&charge(None, &windows, &[])), @r"
    SET #ttl = :ttl ADD d20261122 :n, m202611 :n
    if (attribute_not_exists(d20261122) OR d20261122 <= :room0) AND (attribute_not_exists(m202611) OR m202611 <= :room1)
    :n = 3
    :room0 = 997
    :room1 = 99997
    :ttl = 99
    ");
}

#[test]
fn one_charge_holds_a_bucket_windows_and_what_is_over() {
    let (windows, over) = (
        [("d20261122", 997), ("m202611", 99_997)],
        ["d20261121", "i202611212359"],
    );
    assert_snapshot!(rendered(&charge(Some(IDLE), &windows, &over)), @r"
    SET #ttl = :ttl, t10000x20 = :next ADD d20261122 :n, m202611 :n REMOVE d20261121, i202611212359
    if (attribute_not_exists(t10000x20) OR t10000x20 <= :now) AND (attribute_not_exists(d20261122) OR d20261122 <= :room0) AND (attribute_not_exists(m202611) OR m202611 <= :room1)
    :n = 3
    :next = 13
    :now = 10
    :room0 = 997
    :room1 = 99997
    :ttl = 99
    ");
}

#[test]
fn what_only_takes_away_has_no_condition() {
    assert_snapshot!(rendered(&charge(None, &[], &["d20261121"])), @r"
    SET #ttl = :ttl REMOVE d20261121
    if 
    :ttl = 99
    ");
}

#[test]
fn buckets_are_taken_away_where_they_are_still_full() {
    let mut charge = charge(Some(BUSY), &[("d20261122", 997)], &["d20261121"]);
    charge.over.buckets = vec![bucket("t36000000x100"), bucket("t1x1")];
    charge.over.full_by = 7;
    assert_snapshot!(rendered(&charge), @r"
    SET #ttl = :ttl, t10000x20 = t10000x20 + :cost ADD d20261122 :n REMOVE d20261121, t36000000x100, t1x1
    if t10000x20 > :now AND t10000x20 <= :max AND (attribute_not_exists(d20261122) OR d20261122 <= :room0) AND (attribute_not_exists(t36000000x100) OR t36000000x100 <= :full) AND (attribute_not_exists(t1x1) OR t1x1 <= :full)
    :cost = 3
    :full = 7
    :max = 17
    :n = 3
    :now = 10
    :room0 = 997
    :ttl = 99
    ");
}

#[test]
fn every_placeholder_has_a_value_and_every_value_a_placeholder() {
    for step in [None, Some(BUSY), Some(IDLE)] {
        for windows in [&[][..], &[("h2026112209", 1)], &[("d20261122", 1), ("m202611", 2)]] {
            let expression = Expression::of(&charge(step, windows, &["d20261121"]));
            let text = format!("{} {}", expression.update, expression.condition);
            let used: std::collections::BTreeSet<&str> = text
                .split([' ', ',', ')'])
                .filter(|word| word.starts_with(':'))
                .collect();
            assert_eq!(used, expression.values.keys().map(String::as_str).collect(), "{text}");
        }
    }
}

#[test]
fn an_item_is_read_strictly() {
    let item = |value| HashMap::from([(BUCKET.to_owned(), value)]);
    let number = |text: &str| item(AttributeValue::N(text.into()));
    assert_eq!(state(None), Ok(CounterState::default()));
    assert_eq!(state(Some(&HashMap::new())), Ok(CounterState::default()));
    assert_eq!(
        state(Some(&number("1800000000000000"))),
        Ok(CounterState {
            buckets: vec![(bucket(BUCKET), 1_800_000_000_000_000)],
            windows: Vec::new()
        })
    );
    let item_with_a_window = HashMap::from([
        ("d20261122".to_owned(), AttributeValue::N("7".into())),
        ("pk".to_owned(), AttributeValue::S("Q#...".into())),
        ("month".to_owned(), AttributeValue::S("not of ours".into())),
        ("tat".to_owned(), AttributeValue::S("nor this".into())),
    ]);
    let windows = vec![(Window::parse("d20261122").unwrap(), 7)];
    assert_eq!(
        state(Some(&item_with_a_window)),
        Ok(CounterState {
            windows,
            ..CounterState::default()
        })
    );
    let broken = HashMap::from([("d20261122".to_owned(), AttributeValue::N("-1".into()))]);
    assert_eq!(
        state(Some(&broken)).unwrap_err(),
        "the item's `d20261122` is not a whole number of 64 bits"
    );
    for hostile in ["-1", "1.5", "1E9", "99999999999999999999", "", "NaN", " 1"] {
        assert!(state(Some(&number(hostile))).is_err(), "{hostile:?}");
    }
    for hostile in [
        AttributeValue::S("1".into()),
        AttributeValue::Null(true),
        AttributeValue::L(Vec::new()),
    ] {
        assert!(state(Some(&item(hostile))).is_err());
    }
}

/// A service error as the SDK gives it.
fn answered(status: u16, code: Option<&str>) -> StoreError {
    let mut metadata = ErrorMetadata::builder().message("session token: very-secret");
    if let Some(code) = code {
        metadata = metadata.code(code);
    }
    classify(status, UpdateItemError::generic(metadata.build()))
}

fn classify(status: u16, error: UpdateItemError) -> StoreError {
    let raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
    failure::classify_charge("quota", &SdkError::service_error(error, raw))
}

#[test]
fn what_dynamodb_refuses_is_not_applied() {
    for code in [
        "ResourceNotFoundException",
        "AccessDeniedException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "ValidationException",
    ] {
        let expected = format!("table quota: {code} (status 400)");
        assert_eq!(answered(400, Some(code)), StoreError::NotApplied(expected));
    }
}

#[test]
fn what_dynamodb_cannot_say_is_ambiguous() {
    for (status, code) in [
        (500, Some("InternalServerError")),
        (503, Some("ServiceUnavailable")),
        (500, Some("ThrottlingException")),
        (502, None),
        (400, None),
        (200, None),
        (302, None),
    ] {
        assert!(
            matches!(answered(status, code), StoreError::Ambiguous(_)),
            "{status} {code:?}"
        );
    }
    let unreadable = SdkError::response_error("garbage", HttpResponse::new(200.try_into().unwrap(), SdkBody::empty()));
    assert!(matches!(
        failure::classify_charge("quota", &unreadable),
        StoreError::Ambiguous(_)
    ));
    let reset = SdkError::dispatch_failure(ConnectorError::io("reset".into()));
    assert!(matches!(
        failure::classify_charge("quota", &reset),
        StoreError::Ambiguous(_)
    ));
}

/// Charges, reads and every other call alike: what a breaker makes of them depends on it.
#[test]
fn throttling_and_time_outs_are_told_apart_for_every_operation() {
    for code in [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
    ] {
        let error = ErrorMetadata::builder().code(code).build();
        let raw = HttpResponse::new(400.try_into().unwrap(), SdkBody::empty());
        let read = failure::classify("config", &SdkError::service_error(GetItemError::generic(error), raw));
        let why = format!("table config: {code} (status 400)");
        assert_eq!(read, StoreError::Throttled { why, one_key: false });
        let why = format!("table quota: {code} (status 400)");
        assert_eq!(answered(400, Some(code)), StoreError::Throttled { why, one_key: false });
    }
    let late = StoreError::TimedOut("table quota: no answer in time".into());
    let charge = failure::classify_charge("quota", &SdkError::timeout_error("late"));
    let read = failure::classify::<GetItemError>("quota", &SdkError::timeout_error("late"));
    assert_eq!((charge, read), (late.clone(), late));
    let unconnected = SdkError::dispatch_failure(ConnectorError::timeout("late".into()));
    let read = failure::classify::<GetItemError>("quota", &unconnected);
    assert!(matches!(read, StoreError::TimedOut(_)), "{read:?}");
}

#[test]
fn a_request_that_was_never_built_is_not_applied() {
    let error = SdkError::construction_failure("no credentials");
    assert!(matches!(
        failure::classify_charge("quota", &error),
        StoreError::NotApplied(_)
    ));
}

#[test]
fn a_throttled_call_tells_a_hot_key_from_a_table_limit() {
    let reason = ThrottlingReason::builder()
        .reason("TableWriteKeyRangeThroughputExceeded")
        .resource("arn:aws:dynamodb:eu-central-1:123456789012:table/quota");
    let error = ProvisionedThroughputExceededException::builder()
        .throttling_reasons(reason.build())
        .meta(
            ErrorMetadata::builder()
                .code("ProvisionedThroughputExceededException")
                .build(),
        );
    let error = classify(
        400,
        UpdateItemError::ProvisionedThroughputExceededException(error.build()),
    );
    assert_snapshot!(error, @"the store is throttled: table quota: ProvisionedThroughputExceededException (status 400), TableWriteKeyRangeThroughputExceeded");
}

#[test]
fn messages_never_quote_the_service() {
    for error in [answered(400, Some("InvalidSignatureException")), answered(500, None)] {
        assert!(!error.to_string().contains("very-secret"), "{error}");
    }
}

#[test]
fn debug_output_is_short_and_holds_no_secret() {
    assert_eq!(
        format!("{:?}", store("http://127.0.0.1:1")),
        r#"DynamoDbStore { quota: Some("quota"), config: None, state: None }"#
    );
}

#[test]
fn a_store_can_be_shared_by_tasks() {
    fn shareable<T: Clone + Send + Sync + 'static>(_: &T) {}
    shareable(&store("http://127.0.0.1:1"));
}

#[tokio::test]
async fn a_table_that_is_not_named_is_said_and_nothing_is_asked() {
    let store = store("http://127.0.0.1:1");
    let no_config = StoreError::NoTable("CONFIG_TABLE");
    assert_snapshot!(no_config, @"CONFIG_TABLE is not set");
    assert_eq!(store.api_key("a").await, Err(no_config));
    let no_state = StoreError::NoTable("STATE_TABLE");
    let (now, hash) = (Timestamp::from_secs(1), SessionHash::of("a"));
    let key_set = StoredKeySet {
        body: "{}".into(),
        fetched_at: now,
    };
    assert_eq!(store.key_set("a").await, Err(no_state.clone()));
    assert_eq!(store.keep_key_set("a", &key_set, now).await, Err(no_state.clone()));
    assert_eq!(store.session(&hash).await, Err(no_state.clone()));
    assert_eq!(store.touch_session(&hash, now, now).await, Err(no_state));
}

#[test]
fn reading_again_at_once_may_help_unless_dynamodb_said_no_or_nothing() {
    let raw = |status: u16| HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
    let service = |status, code: &str| {
        let error = ErrorMetadata::builder().code(code).build();
        SdkError::service_error(GetItemError::generic(error), raw(status))
    };
    for (error, may_pass) in [
        (SdkError::timeout_error("late"), false),
        (SdkError::dispatch_failure(ConnectorError::timeout("late".into())), true),
        (SdkError::dispatch_failure(ConnectorError::io("reset".into())), true),
        (SdkError::response_error("garbage", raw(200)), true),
        (service(500, "InternalServerError"), true),
        (service(400, "ProvisionedThroughputExceededException"), false),
        (service(400, "AccessDeniedException"), false),
        (service(400, "ResourceNotFoundException"), false),
        (SdkError::construction_failure("no credentials"), false),
    ] {
        assert_eq!(failure::may_pass(&error), may_pass, "{error:?}");
    }
}
