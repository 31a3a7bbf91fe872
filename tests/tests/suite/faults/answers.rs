//! Upstreams whose answers are no answers, or odd ones, through each kind of route: as they come, reshaped, as a part of an
//! aggregate, and kept. What is wrong is named as the upstream's fault, nothing wrong is kept, and the next request is served.

use std::io::Read as _;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tollgate_tests::faulty::Faulty;
use tollgate_tests::process::peak_memory;
use tollgate_tests::{Api, Event, Exchange, Gateway, Stage, get};

use super::PROMPT;

crate::for_event_kinds!(
    any_front_door: Http,
    each_kind_of_route_takes_what_it_can_read,
    bytes_outside_ascii_in_headers_stay_text,
    no_answer_takes_more_memory_than_the_smallest_function_has
);

/// What a route makes of an answer.
enum Outcome {
    /// 200 with this body.
    Body(Vec<u8>),
    /// Another status that the upstream may well give, without a body.
    Status(u16),
    /// 502, as the upstream's fault.
    Invalid,
    /// The same, since nobody could carry it.
    TooLarge,
    /// 502, since the upstream answered otherwise than a part must.
    Refused,
}
use Outcome::{Body, Invalid, Refused, Status, TooLarge};

/// A faulty upstream and what comes of it: as it is, reshaped, and as a part.
struct Row {
    name: &'static str,
    faulty: Faulty,
    plain: Outcome,
    reshaped: Outcome,
    part: Outcome,
}

/// An answer of 200 with these header lines and this body, measured.
fn ok(lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

const JSON: &str = "Content-Type: application/json\r\n";

/// The text as the one part of an aggregate.
fn part(text: &str) -> Outcome {
    Body(format!(r#"{{"a":{text}}}"#).into())
}

async fn row(name: &'static str, bytes: Vec<u8>, outcomes: [Outcome; 3]) -> Row {
    let [plain, reshaped, part] = outcomes;
    Row {
        name,
        faulty: Faulty::answering(bytes).await,
        plain,
        reshaped,
        part,
    }
}

/// This many zeros.
fn gzipped(zeros: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::copy(&mut std::io::repeat(b'0').take(zeros as u64), &mut encoder).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// Answers that break the rules of HTTP, and those that only look as if they did.
async fn of_http() -> Vec<Row> {
    let whole = |outcome: fn() -> Outcome| [outcome(), outcome(), outcome()];
    let well = ok(JSON, "1");
    let with = |head: &str| [head.as_bytes(), &well].concat();
    let headers = |count: usize| ok(&format!("{JSON}{}", "X-More: y\r\n".repeat(count)), "1");
    let fine = || [Body("1".into()), Body("1".into()), part("1")];
    let no_content = b"HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged";
    let twice = |one, two| format!("HTTP/1.1 200 OK\r\nContent-Length: {one}\r\nContent-Length: {two}\r\n\r\n12345");
    vec![
        Row {
            name: "a reset in the body",
            faulty: Faulty::resetting_in_body().await,
            plain: Invalid,
            reshaped: Invalid,
            part: Invalid,
        },
        row("two lengths that differ", twice(4, 5).into(), whole(|| Invalid)).await,
        row(
            "a length and chunks",
            format!(
                "HTTP/1.1 200 OK\r\n{JSON}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n"
            )
            .into(),
            fine(),
        )
        .await,
        row(
            "a length below zero",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n1".into(),
            whole(|| Invalid),
        )
        .await,
        row(
            "interim answers before the last",
            with("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"),
            fine(),
        )
        .await,
        row(
            "nothing but an interim answer",
            b"HTTP/1.1 100 Continue\r\n\r\n".into(),
            whole(|| Invalid),
        )
        .await,
        row(
            "another protocol, unasked",
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nx".into(),
            whole(|| Invalid),
        )
        .await,
        row(
            "a status below 100",
            b"HTTP/1.1 99 Odd\r\nContent-Length: 0\r\n\r\n".into(),
            whole(|| Invalid),
        )
        .await,
        row(
            "a 204 with another answer in its body",
            no_content.to_vec(),
            [Status(204), Status(204), Invalid],
        )
        .await,
        row(
            "a redirect to itself",
            b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_vec(),
            [Status(302), Status(302), Refused],
        )
        .await,
        row("90 headers", headers(90), fine()).await,
        row("300 headers", headers(300), whole(|| Invalid)).await,
        row(
            "10 MiB",
            ok("Content-Type: text/plain\r\n", vec![b'x'; 10 << 20]),
            whole(|| TooLarge),
        )
        .await,
        row(
            "10 MiB of JSON",
            ok(JSON, format!("[{}1]", "1,".repeat(5 << 20))),
            whole(|| TooLarge),
        )
        .await,
    ]
}

/// Answers that are not the JSON that they say they are, and JSON that few expect.
async fn of_json() -> Vec<Row> {
    let json = |body: &[u8]| ok(JSON, body);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let numbers = r#"{"a":12345678901234567890123,"b":1e400,"c":1.0,"d":-0,"e":0.1000000000000000055511151231257827}"#;
    let doubled = r#"{"secret":1,"a":1,"secr\u0065t":2,"a":2}"#;
    let utf16: Vec<u8> = r#"{"secret":1}"#.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let refused = |plain: &[u8]| [Body(plain.into()), Invalid, Invalid];
    let passed = |text: &str| [Body(text.into()), Body(text.into()), part(text)];
    vec![
        row("JSON that ends early", json(br#"{"a":"#), refused(br#"{"a":"#)).await,
        row("two JSON texts", json(b"{}{}"), refused(b"{}{}")).await,
        row("no text at all", json(b" "), refused(b" ")).await,
        row(
            "10,000 levels",
            json(deep.as_bytes()),
            [Body(deep.clone().into()), Invalid, part(&deep)],
        )
        .await,
        row("numbers of any size", json(numbers.as_bytes()), passed(numbers)).await,
        row(
            "members of one name",
            json(doubled.as_bytes()),
            [Body(doubled.into()), Body(r#"{"a":1,"a":2}"#.into()), part(doubled)],
        )
        .await,
        row(
            "bytes that are no UTF-8",
            json(b"{\"a\":\"\xff\"}"),
            refused(b"{\"a\":\"\xff\"}"),
        )
        .await,
        row(
            "UTF-16",
            ok("Content-Type: application/json; charset=utf-16\r\n", &utf16),
            refused(&utf16),
        )
        .await,
        row(
            "gzip that is none",
            ok(&format!("{JSON}Content-Encoding: gzip\r\n"), "{}"),
            refused(b"{}"),
        )
        .await,
        row(
            "a coding that nobody asked for",
            ok(&format!("{JSON}Content-Encoding: br\r\n"), "{}"),
            refused(b"{}"),
        )
        .await,
    ]
}

/// One faulty upstream after the other, each behind a route of each kind.
fn routes(rows: &[Row], well: &str) -> Value {
    let mut routes = vec![json!({ "path": "/well", "upstream": well })];
    for (n, row) in rows.iter().enumerate() {
        let url = row.faulty.url();
        let whole = |kind: &str, more: Value| {
            let mut route = json!({ "path": format!("/{n}/{kind}"), "upstream": url });
            route
                .as_object_mut()
                .expect("a route")
                .extend(more.as_object().expect("keys").clone());
            route
        };
        let hides = json!({ "response": { "body": { "remove_fields": ["secret"] } } });
        routes.push(whole("plain", json!({})));
        routes.push(whole("kept", json!({ "cache": { "ttl": "1m", "max_size": "6MiB" } })));
        routes.push(whole("reshaped", json!({ "transform": hides })));
        let part = json!({ "a": { "upstream": url, "path": "/", "required": true } });
        routes.push(json!({ "path": format!("/{n}/part"), "aggregate": part }));
    }
    json!(routes)
}

fn holds(outcome: &Outcome, got: &Exchange) {
    match outcome {
        Body(body) => {
            got.status(200);
            assert!(got.response.body == *body, "{got:?}");
        }
        Status(status) => _ = got.status(*status).body(""),
        Invalid => _ = got.error(502, "upstream_invalid_response"),
        TooLarge => _ = got.error(502, "response_too_large"),
        Refused => _ = got.error(502, "upstream_error"),
    }
}

async fn asked(api: &mut Api, rows: &[Row]) {
    for (n, row) in rows.iter().enumerate() {
        let began = Instant::now();
        let asked = [
            ("plain", &row.plain),
            ("kept", &row.plain),
            ("kept", &row.plain),
            ("reshaped", &row.reshaped),
            ("part", &row.part),
        ];
        for (turn, (kind, outcome)) in asked.into_iter().enumerate() {
            let name = format!("{}, {kind}", row.name);
            let id = format!("{n}-{turn}");
            let request = get(format!("/{n}/{kind}")).header("X-Request-Id", &*id);
            api.row(&name, request, |got| holds(outcome, got)).await;
            if matches!(outcome, Invalid | TooLarge | Refused) {
                assert_eq!(api.gateway.record(&id).await["fault"], "upstream", "{name}");
            }
        }
        assert!(began.elapsed() < PROMPT, "{}", row.name);
        api.row(&format!("the next after {}", row.name), get("/well"), |got| {
            _ = got.status(200)
        })
        .await;
    }
}

async fn each_kind_of_route_takes_what_it_can_read(event: Event) {
    let mut rows = of_http().await;
    rows.extend(of_json().await);
    let stage = Stage::set().await;
    let document = stage.public(routes(&rows, &stage.site.url()));
    let mut api = stage.open(event, &document).await;
    asked(&mut api, &rows).await;
    api.finish();
}

async fn bytes_outside_ascii_in_headers_stay_text(event: Event) {
    let lines =
        b"HTTP/1.1 200 OK\r\nX-Utf8: caf\xc3\xa9\r\nX-Latin1: caf\xe9\r\nX-Plain: cafe\r\nContent-Length: 0\r\n\r\n";
    let odd = Faulty::answering(&lines[..]).await;
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/odd", "upstream": odd.url() }]));
    let mut api = stage.open(event, &document).await;
    api.row("events are JSON, which is UTF-8", get("/odd"), |got| {
        _ = got
            .status(200)
            .got("X-Plain", Some("cafe"))
            .got("X-Utf8", Some("café"))
            .got("X-Latin1", Some("café"));
    })
    .await;
    api.finish();
}

async fn no_answer_takes_more_memory_than_the_smallest_function_has(event: Event) {
    let large = ok(JSON, format!("[{}1]", "1,".repeat(5 << 20)));
    let endless = ok(JSON, vec![b'['; 5 << 20]);
    let bomb = ok(&format!("{JSON}Content-Encoding: gzip\r\n"), gzipped(100 << 20));
    let mut rows = Vec::new();
    for (name, bytes, plain) in [
        ("large", large, TooLarge),
        ("endless", endless, Invalid),
        ("bomb", bomb, Invalid),
    ] {
        rows.push(row(name, bytes, [plain, Invalid, Invalid]).await);
    }
    let stage = Stage::set().await;
    let document = stage.public(routes(&rows, &stage.site.url()));
    let gateway = Gateway::start(document.to_string()).event(event).environments(1);
    let api = stage.open_as(gateway).await;
    for n in 0..rows.len() {
        for kind in ["plain", "kept", "reshaped", "part"] {
            super::promptly(&api, get(format!("/{n}/{kind}"))).await;
        }
    }
    let children = api.gateway.children();
    assert_eq!(children.len(), 1, "none has died of it");
    let peak = peak_memory(children[0]);
    assert!(peak < 128 << 20, "{} MiB", peak >> 20);
    api.finish();
}
