//! DynamoDB that is down, stalls, or gives no clear answer.

use serde_json::json;
use tollgate_tests::dynamodb::{DynamoDb, Fault};
use tollgate_tests::{Api, Event, Gateway, Stage, get};

use super::{eventually, promptly};

crate::for_event_kinds!(any_front_door: Http, faults_in_flight, down_at_start, an_unclear_answer_is_not_tried_again);

const FAULTS: [Fault; 5] = [
    Fault::Refuse,
    Fault::Stall,
    Fault::ServerError,
    Fault::Throttle,
    Fault::DropAfterWrite,
];

/// A gateway that counts in this database on `/limited` and not at all on `/free`.
async fn counting_in(database: &DynamoDb, event: Event) -> Api {
    let stage = Stage::set().await;
    let url = stage.site.url();
    let document = stage.public(json!([
        { "path": "/limited", "upstream": url,
          "rate_limit": { "requests_per_hour": 1000, "key": "client_ip", "on_error": "deny" } },
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
