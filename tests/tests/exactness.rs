//! A limit is a limit: as many as the config says, whoever asks at once and however many environments answer.
//!
//! A binary of its own, because Cargo runs test binaries one after the other: beside a hundred other tests, eight
//! environments on a small machine would wait longer for a processor than a counter check may take.

use serde_json::json;
use tokio::task::JoinSet;
use tollgate_tests::{Answer, Event, Gateway, Stage, get};

#[tokio::test]
async fn twenty_of_sixty_four_behind_each_front_door() {
    for event in [Event::Http, Event::Url] {
        twenty_of_sixty_four(event).await;
    }
}

async fn twenty_of_sixty_four(event: Event) {
    let stage = Stage::set().await;
    stage.orders.answers(Answer::json("{}"));
    let mut document = stage.document();
    document["rate_limiting"] = json!({ "default": { "requests_per_hour": 20, "key": "header:X-User-Id" } });
    let token = stage.issuer.sign("usr_1");
    let gateway = Gateway::start(document.to_string())
        .event(event)
        .environments(8)
        .timeout("30s");
    let api = stage.open_as(gateway).await;
    let address = api.gateway.address();

    let mut clients = JoinSet::new();
    for _ in 0..64 {
        let request = get("/api/orders/1").bearer(&token);
        clients.spawn(async move { request.send(address).await.expect("an answer") });
    }
    let answers = clients.join_all().await;

    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(
        (count(200), count(429)),
        (20, 44),
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    assert_eq!(
        api.stage.orders.requests().len(),
        20,
        "the upstream saw what was admitted and no more"
    );
    let told: Vec<u32> = answers
        .iter()
        .filter_map(|answer| answer.header("X-RateLimit-Remaining")?.parse().ok())
        .collect();
    assert_eq!(told.len(), 64, "every answer tells what remains");
    assert!(told.iter().all(|&remaining| remaining < 20), "{told:?}");
    assert!(api.gateway.children().len() > 1, "one environment proves nothing");
    api.finish();
}
