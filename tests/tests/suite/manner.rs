//! How limits are counted: ahead, with refunds, as a shadow; on the real function and its real table.

use serde_json::{Value, json};
use tollgate_tests::dynamodb::DynamoDb;
use tollgate_tests::upstream::Answer;
use tollgate_tests::{Api, Event, Gateway, Stage, get};

crate::for_event_kinds!(any_front_door: Http, refunds, a_shadow, leases);

async fn limited(event: Event, quota: Value) -> (Api, DynamoDb) {
    let database = DynamoDb::start().await;
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url(), "quota": quota }]));
    let gateway = Gateway::start(document.to_string()).event(event);
    let gateway = gateway.env("AWS_ENDPOINT_URL_DYNAMODB", database.url());
    (stage.open_as(gateway).await, database)
}

async fn refunds(event: Event) {
    let (mut api, database) = limited(event, json!({ "requests": 3, "per": "month", "charge_on": "success" })).await;
    api.stage.site.answers(Answer::status(500));
    for _ in 0..5 {
        api.row("a failed answer is not charged", get("/"), |x| {
            x.status(500);
        })
        .await;
    }
    assert_eq!(database.updates(), 10, "a charge and a refund each");
    api.stage.site.answers(Answer::status(404));
    for left in ["2", "1", "0"] {
        api.row("any other is", get("/"), |x| {
            x.status(404).got("X-RateLimit-Remaining", Some(left));
        })
        .await;
    }
    api.row("and then it is over", get("/"), |x| {
        x.error(429, "rate_limit_exceeded").reached_none();
    })
    .await;
    api.finish();
}

async fn a_shadow(event: Event) {
    let (mut api, _database) = limited(event, json!({ "requests": 1, "per": "month", "shadow": true })).await;
    for (n, allowed) in [(0, true), (1, false), (2, false)] {
        let id = format!("shadow-{n}");
        api.row("nobody is refused or told", get("/").header("X-Request-Id", &id), |x| {
            x.status(200).got("X-RateLimit-Remaining", None).got("RateLimit", None);
        })
        .await;
        let record = api.gateway.record(&id).await;
        assert_eq!(
            (&record["limit"]["allowed"], &record["limit"]["shadow"]),
            (&json!(allowed), &json!(true))
        );
        assert_eq!(record["limited"], 0);
    }
    api.finish();
}

async fn leases(event: Event) {
    let (mut api, database) = limited(event, json!({ "requests": 1000, "per": "month", "mode": "lease" })).await;
    for left in (960..1_000).rev() {
        api.row("counted ahead", get("/"), |x| {
            x.status(200).got("X-RateLimit-Remaining", Some(&left.to_string()));
        })
        .await;
    }
    let writes = database.updates();
    assert!(writes < 40, "{writes} writes for 40 requests");
    api.finish();
}
