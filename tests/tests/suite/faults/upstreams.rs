//! Upstreams that are down, slow, resetting, or answer what is no answer.

use std::time::{Duration, Instant};

use serde_json::json;
use tollgate_tests::faulty::Faulty;
use tollgate_tests::{Event, Gateway, Stage, get};

use super::promptly;

crate::for_each_event_kind!(wide_headers, a_slow_upstream_within_the_budget_of_the_function);
crate::for_event_kinds!(any_front_door: Http, each_fault_has_its_status, closed_while_idle);

async fn each_fault_has_its_status(event: Event) {
    let drip = Duration::from_millis(20);
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n\r\n", "A: b\r\n".repeat(5_000));
    let faults = [
        ("down", Faulty::refusing(), 502, "upstream_unreachable"),
        ("silent", Faulty::silent().await, 504, "upstream_timeout"),
        ("resetting", Faulty::resetting().await, 502, "upstream_invalid_response"),
        ("closing", Faulty::answering("").await, 502, "upstream_invalid_response"),
        (
            "garbage",
            Faulty::answering("SSH-2.0-OpenSSH_9.9\r\n\r\n").await,
            502,
            "upstream_invalid_response",
        ),
        (
            "binary garbage",
            Faulty::answering(&b"\x16\x03\x01\x00\xff\x00"[..]).await,
            502,
            "upstream_invalid_response",
        ),
        (
            "a broken head",
            Faulty::answering("HTTP/1.1 200 OK\r\nno colon\r\n\r\n").await,
            502,
            "upstream_invalid_response",
        ),
        (
            "endless headers",
            Faulty::answering(many).await,
            502,
            "upstream_invalid_response",
        ),
        (
            "truncating",
            Faulty::truncating().await,
            502,
            "upstream_invalid_response",
        ),
        (
            "stalling in the body",
            Faulty::stalling_in_body().await,
            504,
            "upstream_timeout",
        ),
        ("dripping", Faulty::dripping(drip).await, 504, "upstream_timeout"),
        ("huge", Faulty::huge(7 << 20).await, 502, "response_too_large"),
    ];
    let stage = Stage::set().await;
    let mut routes = vec![json!({ "path": "/well", "upstream": stage.site.url() })];
    for (n, (_, faulty, ..)) in faults.iter().enumerate() {
        routes.push(json!({ "path": format!("/{n}"), "upstream": faulty.url(), "timeout": "500ms" }));
    }
    routes.push(json!({ "path": "/unknown", "upstream": "http://nowhere.invalid", "timeout": "2s" }));
    let document = stage.public(json!(routes));
    let mut api = stage.open(event, &document).await;

    for (n, (name, faulty, status, code)) in faults.iter().enumerate() {
        let began = Instant::now();
        api.row(name, get(format!("/{n}")), |x| {
            x.error(*status, code);
            assert!(!x.response.text().contains(&faulty.address().to_string()), "{x:?}");
            assert!(began.elapsed() < super::PROMPT, "it took {:?}", began.elapsed());
        })
        .await;
        api.row(&format!("the next after {name}"), get("/well"), |x| {
            x.status(200).body("{}");
        })
        .await;
    }
    api.row("a host that nobody knows", get("/unknown"), |x| {
        assert!([502, 504].contains(&x.response.status), "{x:?}");
        assert!(!x.response.text().contains("nowhere.invalid"), "{x:?}");
    })
    .await;
    api.finish();
}

async fn wide_headers(event: Event) {
    let wide = format!(
        "HTTP/1.1 200 OK\r\nX-Wide: {}\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(11_000)
    );
    let wide = Faulty::answering(wide).await;
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/wide", "upstream": wide.url() }]));
    let mut api = stage.open(event, &document).await;
    api.row("API Gateway carries headers up to 10,240 bytes", get("/wide"), |x| {
        match event {
            Event::Http | Event::Rest => x.error(502, "response_too_large"),
            Event::Url | Event::Alb | Event::AlbMulti => x.status(200),
        };
    })
    .await;
    api.finish();
}

async fn a_slow_upstream_within_the_budget_of_the_function(event: Event) {
    let silent = Faulty::silent().await;
    let stage = Stage::set().await;
    let document = stage.public(json!([
        { "path": "/slow", "upstream": silent.url(), "timeout": "60s" },
        { "path": "/well", "upstream": stage.site.url() },
    ]));
    let gateway = Gateway::start(document.to_string()).event(event).timeout("2s");
    let api = stage.open_as(gateway).await;
    // The function gives up before its own time is over, so that the client gets an answer and not a time-out.
    promptly(&api, get("/slow")).await.error(504, "upstream_timeout");
    promptly(&api, get("/well")).await.status(200);
    api.finish();
}

async fn closed_while_idle(event: Event) {
    let brief = Faulty::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/brief", "upstream": brief.url() }]));
    let api = stage.open(event, &document).await;
    for _ in 0..5 {
        promptly(&api, get("/brief")).await.status(200).body("hi");
    }
    assert_eq!(brief.connections(), 5, "each connection was closed after one answer");
    api.finish();
}
