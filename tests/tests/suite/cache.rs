//! Answers that are kept: by the real function, in its memory and in the table that environments share.

use serde_json::json;
use tollgate_tests::dynamodb::{DynamoDb, Fault};
use tollgate_tests::upstream::Answer;
use tollgate_tests::{Api, Event, Gateway, Stage, get, method};

crate::for_each_event_kind!(kept_in_memory);
crate::for_event_kinds!(any_front_door: Http, callers_apart, shared_by_environments);

async fn kept_in_memory(event: Event) {
    let stage = Stage::set().await;
    let document = stage.public(json!([
        { "path": "/api/**", "upstream": stage.site.url(), "cache": { "ttl": "1h", "vary": ["Accept"] } },
    ]));
    stage
        .site
        .answers(Answer::json("{}").header("ETag", "\"v1\"").header("Link", "</1>"));
    let mut api = stage.open(event, &document).await;
    api.row(
        "the first asks",
        get("/api/x?a=1").header("X-Forwarded-Host", "evil.example.com"),
        |x| {
            x.status(200).body("{}").every_answer();
            x.got("Cache-Status", Some("tollgate; fwd=miss; stored; ttl=3600"));
        },
    )
    .await;
    let seen = api.stage.site.requests().all();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("X-Forwarded-For"), None);
    assert_ne!(seen[0].header("X-Forwarded-Host").as_deref(), Some("evil.example.com"));
    api.row("the next does not", get("/api/x?a=1"), |x| {
        x.status(200).body("{}").every_answer().got("Link", Some("</1>"));
        let status = x.response.header("Cache-Status").unwrap_or_default();
        assert!(status.starts_with("tollgate; hit; ttl=3"), "{status}");
        assert!(x.response.header("Age").is_some_and(|age| age.parse::<u32>().is_ok()));
    })
    .await;
    api.row(
        "nor who has it already",
        get("/api/x?a=1").header("If-None-Match", "W/\"v1\""),
        |x| {
            x.status(304).body("").got("ETag", Some("\"v1\""));
        },
    )
    .await;
    api.row("nor HEAD", method("HEAD", "/api/x?a=1"), |x| {
        x.status(200).body("");
    })
    .await;
    assert_eq!(api.stage.site.requests().all().len(), 1);
    for other in [get("/api/x?a=2"), get("/api/x?a=1").header("Accept", "text/csv")] {
        api.row("anything else asks", other, |x| {
            x.got("Cache-Status", Some("tollgate; fwd=miss; stored; ttl=3600"));
        })
        .await;
    }
    assert_eq!(api.stage.site.requests().all().len(), 3);
    api.row("a write", method("POST", "/api/x?a=1"), |x| {
        x.status(200).got("Cache-Status", Some("tollgate; fwd=method"));
    })
    .await;
    api.row("makes it forgotten", get("/api/x?a=1"), |x| {
        x.got("Cache-Status", Some("tollgate; fwd=miss; stored; ttl=3600"));
    })
    .await;
    api.finish();
}

async fn callers_apart(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.unlimited();
    document["routes"][1]["cache"] = json!({ "ttl": "1h" });
    let (ann, bob) = (stage.issuer.sign("ann"), stage.issuer.sign("bob"));
    let api = stage.open(event, &document).await;
    for (token, calls) in [(&ann, 1), (&bob, 2), (&ann, 2), (&bob, 2)] {
        let got = api.send(get("/api/orders/1").bearer(token)).await;
        got.status(200);
        assert_eq!(api.stage.orders.requests().all().len(), calls);
    }
    let users = api
        .stage
        .orders
        .requests()
        .all()
        .into_iter()
        .map(|request| request.header("X-User-Id"));
    assert_eq!(
        users.collect::<Vec<_>>(),
        [Some("ann".to_owned()), Some("bob".to_owned())]
    );
    api.send(get("/api/orders/1")).await.error(401, "unauthorized");
    api.finish();
}

/// Two gateways of one config on one table are two environments of one function.
async fn shared_by_environments(event: Event) {
    let database = DynamoDb::start().await;
    let stage = Stage::set().await;
    let document = stage.public(json!([
        { "path": "/**", "upstream": stage.site.url(), "cache": { "ttl": "1h", "tier": "table" } },
    ]));
    stage.site.answers(Answer::body("image/png", vec![0, 159, 146, 150]));
    let start = || {
        let gateway = Gateway::start(document.to_string()).event(event);
        gateway.env("AWS_ENDPOINT_URL_DYNAMODB", database.url())
    };
    let other = start().spawn().await;
    let api: Api = stage.open_as(start()).await;
    let first = api.send(get("/x")).await;
    first.got("Cache-Status", Some("tollgate; fwd=miss; stored; ttl=3600"));
    let found = get("/x").send(other.address()).await.expect("an answer");
    assert_eq!(found.body, first.response.body);
    let status = found.header("Cache-Status").unwrap_or_default();
    assert!(status.starts_with("tollgate; hit; ttl=3"), "{status}");
    assert_eq!(api.stage.site.requests().all().len(), 1);

    method("DELETE", "/x").send(other.address()).await.expect("an answer");
    let id = "after-the-write";
    let third = get("/x")
        .header("X-Request-Id", id)
        .send(other.address())
        .await
        .expect("an answer");
    assert_eq!(
        third.header("Cache-Status"),
        Some("tollgate; fwd=miss; stored; ttl=3600")
    );
    assert_eq!(other.record(id).await["cache"], "miss");

    database.meets(Fault::Throttle);
    let without = api.send(get("/y")).await;
    without
        .status(200)
        .got("Cache-Status", Some("tollgate; fwd=miss; stored; ttl=3600"));
    api.finish();
}
