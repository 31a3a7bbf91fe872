//! Between requests nothing of a function runs, and what it is connected to goes away meanwhile.

use std::time::Duration;

use serde_json::json;
use tollgate_tests::dynamodb::DynamoDb;
use tollgate_tests::function::Function;
use tollgate_tests::impatient::Impatient;
use tollgate_tests::pauses::Pauses;
use tollgate_tests::process::{ended, is_running, reaped, signal, stopped};
use tollgate_tests::relay::{Relay, authority};
use tollgate_tests::seeded::Seeded;
use tollgate_tests::{Answer, Gateway, Request, Stage, Upstream, get, method, post};

mod processes;

/// In milliseconds; the relays end idle connections within 15.
const LONGEST_PAUSE: u64 = 20;

/// Far more than any test sends, and so slow to fill that a test sees nothing of it.
fn counted() -> serde_json::Value {
    json!({ "requests_per_day": 1000, "key": "client_ip", "on_error": "deny" })
}

/// One environment behind relays whose idle connections die between requests: `GET` and `POST`, each counted.
async fn pausing(
    requests: u64,
    seed: u64,
    relay_of_database: impl FnOnce(&DynamoDb, &Pauses) -> tollgate_tests::relay::Builder,
) {
    let pauses = Pauses::seeded(seed);
    let database = DynamoDb::start().await;
    let to_database = relay_of_database(&database, &pauses).start().await;
    let upstream = Upstream::answering(Answer::json("{}")).await;
    let to_upstream = Relay::to(upstream.address()).dropping_in(&pauses).start().await;
    let document = json!({ "routes": [
        { "path": "/**", "upstream": to_upstream.url(), "auth": "none", "rate_limit": counted() },
    ]});
    let gateway = Gateway::start(document.to_string())
        .freeze()
        .env("AWS_ENDPOINT_URL_DYNAMODB", to_database.url())
        .env("AWS_CA_BUNDLE", authority().display().to_string())
        .spawn()
        .await;
    let environments = gateway.children();

    let mut random = Seeded::of(&[seed]);
    let mut counter = Counter {
        left: 1000,
        late: 0,
        unclear: 0,
    };
    for number in 0..requests {
        let request = match random.below(3) {
            0 => post(format!("/{number}"), r#"{"a":1}"#),
            1 => method("POST", format!("/{number}")),
            _ => get(format!("/{number}")),
        };
        while !counter.counts(&gateway, &request).await {}
        pauses
            .pause(number, Duration::from_millis(random.below(LONGEST_PAUSE)))
            .await;
    }
    assert!(counter.late <= requests / 10, "{} counts came too late", counter.late);

    let seen = upstream.requests().all();
    let targets: Vec<String> = seen.into_iter().map(|request| request.target).collect();
    let sent: Vec<String> = (0..requests).map(|number| format!("/{number}")).collect();
    assert_eq!(targets, sent, "each came once");
    assert_eq!(gateway.children(), environments, "one environment served them all");
    for relay in [&to_upstream, &to_database] {
        let (closed, reset) = relay.dropped();
        let kept = requests.saturating_sub(relay.connections() as u64);
        let enough = |times: usize| times as u64 >= requests / 50;
        assert!(enough(closed) && enough(reset), "{closed} closed, {reset} reset");
        assert!(
            kept >= requests / 50,
            "{kept} requests went over a connection of before"
        );
    }
}

/// What `X-RateLimit-Remaining` must be.
struct Counter {
    left: u64,
    late: u64,
    /// Of these, since the last that was in time: each was counted or not.
    unclear: u64,
}

impl Counter {
    /// Sends a request that must be let through and counted once. Not so when the machine stood still for longer
    /// than a count may take, which says nothing of connections: all that die here do so with a FIN or RST.
    async fn counts(&mut self, gateway: &Gateway, request: &Request) -> bool {
        let answer = gateway.send(request).await;
        if answer.status == 503 {
            let id = answer.header("X-Request-Id").expect("every answer has one");
            let record = gateway.record(id).await;
            let detail = record["detail"].as_str().unwrap_or_default();
            // After two such pauses in a row nothing is asked, nor counted, for a second.
            if detail.contains("the store has not answered lately") {
                tokio::time::sleep(Duration::from_millis(100)).await;
                return false;
            }
            let late = detail.contains("no answer in time");
            assert!(late, "{request:?}: {record}");
            self.late += 1;
            self.unclear += 1;
            return false;
        }
        assert_eq!(
            answer.status,
            200,
            "{request:?} {}\n{}",
            answer.text(),
            gateway.process().output()
        );
        let left = answer
            .header("X-RateLimit-Remaining")
            .and_then(|left| left.parse().ok());
        let left: u64 = left.expect("a number");
        let once = self.left - 1;
        assert!(
            (once - self.unclear..=once).contains(&left),
            "{left} left after {}",
            self.left
        );
        (self.left, self.unclear) = (left, 0);
        true
    }
}

#[tokio::test]
async fn five_hundred_requests_whatever_died_between_them() {
    pausing(500, 1, |database, pauses| {
        Relay::to(database.address()).dropping_in(pauses)
    })
    .await;
}

#[tokio::test]
async fn counters_over_tls() {
    pausing(100, 2, |database, pauses| {
        Relay::to(database.address()).tls().dropping_in(pauses)
    })
    .await;
}

/// Here nobody waits for pauses: connections close while requests are on their way to them.
#[tokio::test]
async fn reads_meet_connections_that_close_in_their_face() {
    let longest = Duration::from_millis(LONGEST_PAUSE);
    let upstream = Impatient::start(3, longest).await;
    let document = json!({ "routes": [{ "path": "/**", "upstream": upstream.url(), "auth": "none" }] });
    let gateway = Gateway::start(document.to_string()).freeze().spawn().await;
    let pauses = Pauses::seeded(3);
    let mut random = Seeded::of(&[3]);
    for number in 0..300 {
        let name = if random.below(4) == 0 { "HEAD" } else { "GET" };
        let answer = gateway.send(&method(name, format!("/{number}"))).await;
        assert_eq!(answer.status, 204, "request {number}\n{}", gateway.process().output());
        pauses
            .pause(number, Duration::from_millis(random.below(LONGEST_PAUSE)))
            .await;
    }
    assert!(
        (50..=300).contains(&upstream.connections()),
        "{}",
        upstream.connections()
    );
}

#[tokio::test]
async fn the_first_request_finds_its_connection_to_dynamodb_open() {
    let upstream = Upstream::answering(Answer::json("{}")).await;
    for _ in 0..5 {
        if cold_start(&upstream).await {
            return;
        }
    }
    panic!("no start of five had its connection in time");
}

/// Starts a function and sends its first event. `false` when the machine stood still for longer than the function
/// waits for its connection, which it says.
async fn cold_start(upstream: &Upstream) -> bool {
    let database = DynamoDb::start().await;
    database.create_table("tollgate-quota").await;
    let relay = Relay::to(database.address()).tls().start().await;
    let config = json!({ "routes": [
        { "path": "/**", "upstream": upstream.url(), "auth": "none", "rate_limit": counted() },
    ]});
    let roots = authority().display().to_string();
    let variables = [("AWS_ENDPOINT_URL_DYNAMODB", relay.url()), ("AWS_CA_BUNDLE", &*roots)];

    let function = Function::start(&config, &variables).await;
    if function.complaints().contains("the counter table does not answer yet") {
        return false;
    }
    assert_eq!(
        (relay.connections(), relay.handshakes()),
        (1, 1),
        "before the first event"
    );
    assert_eq!(database.calls(), ["CreateTable", "GetItem"]);

    let answer = function.invoke(include_str!("../../../events/http-get.json")).await;
    assert_eq!((relay.connections(), relay.handshakes()), (1, 1), "after it");
    assert_eq!(database.updates(), 1);
    if answer["statusCode"] == 503 {
        return false;
    }
    assert_eq!(answer["statusCode"], 200, "{answer}");
    assert_eq!(answer["headers"]["x-ratelimit-remaining"], "999", "{answer}");
    true
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let database = DynamoDb::start().await;
    let relay = Relay::to(database.address()).tls().start().await;
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url(), "rate_limit": counted() }]));
    let gateway = Gateway::start(document.to_string()).env("AWS_ENDPOINT_URL_DYNAMODB", relay.url());
    let api = stage.open_as(gateway).await;
    api.send(get("/")).await.error(503, "limit_store_unavailable");
    assert_eq!((relay.handshakes(), database.calls().len()), (0, 0));
    api.finish();
}
