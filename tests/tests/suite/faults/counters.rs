//! DynamoDB that is down, stalls, or gives no clear answer.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate_tests::dynamodb::{DynamoDb, Fault};
use tollgate_tests::{Api, Event, Gateway, Stage, get};

use super::{eventually, promptly};

crate::for_event_kinds!(any_front_door: Http, faults_in_flight, down_at_start, an_unclear_answer_is_not_tried_again,
    a_stall_is_asked_about_once_a_second, what_a_deployment_gets_wrong_is_in_the_log);

const FAULTS: [Fault; 5] = [
    Fault::Refuse,
    Fault::Stall,
    Fault::ServerError,
    Fault::Throttle,
    Fault::DropAfterWrite,
];

/// A gateway that counts in this database on `/limited` and not at all on `/free`.
async fn counting_in(database: &DynamoDb, event: Event) -> Api {
    let limit = json!({ "requests_per_hour": 1000, "key": "client_ip", "on_error": "deny" });
    limiting_in(database, event, limit).await
}

async fn limiting_in(database: &DynamoDb, event: Event, limit: Value) -> Api {
    let stage = Stage::set().await;
    let url = stage.site.url();
    let document = stage.public(json!([
        { "path": "/limited", "upstream": url, "rate_limit": limit },
        { "path": "/free", "upstream": url },
    ]));
    let gateway = Gateway::start(document.to_string()).event(event);
    stage
        .open_as(gateway.env("AWS_ENDPOINT_URL_DYNAMODB", database.url()))
        .await
}

async fn refuses(api: &Api) {
    let refused = promptly(api, get("/limited")).await;
    refused
        .error(503, "limit_store_unavailable")
        .reached_none()
        .got("Retry-After", Some("1"));
    promptly(api, get("/free")).await.status(200);
}

async fn faults_in_flight(event: Event) {
    let database = DynamoDb::start().await;
    let api = counting_in(&database, event).await;
    promptly(&api, get("/limited"))
        .await
        .status(200)
        .got("X-RateLimit-Remaining", Some("999"));
    for fault in FAULTS {
        database.meets(fault);
        refuses(&api).await;
        database.meets(Fault::None);
        eventually(&api, &get("/limited"), 200).await;
    }
    api.finish();
}

async fn down_at_start(event: Event) {
    for fault in [Fault::Refuse, Fault::Stall] {
        let database = DynamoDb::start().await;
        database.meets(fault);
        let api = counting_in(&database, event).await;
        refuses(&api).await;
        database.meets(Fault::None);
        eventually(&api, &get("/limited"), 200).await;
        api.finish();
    }
}

async fn an_unclear_answer_is_not_tried_again(event: Event) {
    let database = DynamoDb::start().await;
    let api = counting_in(&database, event).await;
    promptly(&api, get("/limited"))
        .await
        .status(200)
        .got("X-RateLimit-Remaining", Some("999"));
    for fault in [Fault::DropAfterWrite, Fault::ServerError] {
        let before = database.updates();
        database.meets(fault);
        refuses(&api).await;
        assert_eq!(database.updates() - before, 1, "{fault:?} may have counted");
        database.meets(Fault::None);
        eventually(&api, &get("/limited"), 200).await;
    }
    // 999 after the first; one lost answer was counted, and each of the two that came through.
    promptly(&api, get("/limited"))
        .await
        .status(200)
        .got("X-RateLimit-Remaining", Some("995"));
    api.finish();
}

/// The client hears the same of all of them, and no name of a table.
async fn what_a_deployment_gets_wrong_is_in_the_log(event: Event) {
    let database = DynamoDb::start().await;
    let api = counting_in(&database, event).await;
    promptly(&api, get("/limited")).await.status(200);
    let is_logged = async |code: &str| {
        let refused = promptly(&api, get("/limited")).await;
        refused.error(503, "limit_store_unavailable").reached_none();
        assert!(!refused.response.text().contains("tollgate-quota"), "{refused:?}");
        let record = api
            .gateway
            .record(refused.response.header("X-Request-Id").unwrap())
            .await;
        let why = format!("the store did not take the call: table tollgate-quota: {code} (status 400)");
        assert_eq!(record["limit"]["uncounted"], why, "{record}");
    };
    database.meets(Fault::Deny);
    is_logged("AccessDeniedException").await;
    database.meets(Fault::None);
    database.delete_table("tollgate-quota").await;
    is_logged("ResourceNotFoundException").await;
    database.create_table_with("tollgate-quota", &["id"]).await;
    is_logged("ValidationException").await;
    api.finish();
}

/// Counted in calls and not in milliseconds: a busy machine must not decide this.
async fn a_stall_is_asked_about_once_a_second(event: Event) {
    let database = DynamoDb::start().await;
    let limit = json!({ "requests_per_hour": 10, "key": "client_ip", "on_error": "allow" });
    let api = limiting_in(&database, event, limit).await;
    let first = promptly(&api, get("/limited")).await;
    first.status(200).got("X-RateLimit-Remaining", Some("9"));

    database.meets(Fault::Stall);
    let (began, before) = (Instant::now(), database.updates());
    let mut took = Vec::new();
    for _ in 0..50 {
        let sent = Instant::now();
        let answer = promptly(&api, get("/limited")).await;
        answer.status(200).got("X-RateLimit-Remaining", None);
        took.push(sent.elapsed());
    }
    let (calls, seconds) = (database.updates() - before, began.elapsed().as_secs());
    assert!(calls >= 2, "it never asked");
    assert!(calls as u64 <= 2 + seconds, "{calls} calls in {seconds} s");
    println!(
        "stalled: {calls} calls in {:?}; answered after {took:.0?}",
        began.elapsed()
    );

    database.meets(Fault::None);
    let left = exact_again(&api).await;
    assert_eq!(
        left.first(),
        Some(&8),
        "the engine heard nothing of what stalled: {left:?}"
    );
    api.finish();
}

/// Asks until the limit refuses, and holds every answer since the first that was counted to the count.
async fn exact_again(api: &Api) -> Vec<usize> {
    let (mut left, mut uncounted): (Vec<usize>, usize) = (Vec::new(), 0);
    let began = Instant::now();
    loop {
        let exchange = promptly(api, get("/limited")).await;
        let remaining = exchange.response.header("X-RateLimit-Remaining");
        match remaining.map(|remaining| remaining.parse().unwrap()) {
            Some(_) if exchange.response.status == 429 => break,
            Some(remaining) => left.push(remaining),
            None => uncounted += usize::from(!left.is_empty()),
        }
        assert!(began.elapsed() < Duration::from_secs(30), "never refused: {exchange:?}");
    }
    assert!(
        left.is_sorted_by(|one, next| one > next),
        "a place was given twice: {left:?}"
    );
    assert!(left.len() + uncounted >= 9, "some were not let through: {left:?}");
    left
}
