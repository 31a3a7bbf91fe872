//! `security_headers`, `compress`: what is done to answers.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::json;
use tollgate_tests::{Answer, Event, Exchange, Stage, get, method};

crate::for_each_event_kind!(careful_browsers, smaller_answers);

async fn careful_browsers(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.public(json!([
        { "path": "/page", "upstream": stage.site.url() },
        { "path": "/widget", "upstream": stage.site.url(), "security_headers": { "Content-Security-Policy": "none", "X-Frame-Options": "none" } },
        { "path": "/bare", "upstream": stage.site.url(), "security_headers": "none" },
    ]));
    document["defaults"] = json!({ "security_headers": "standard" });
    stage
        .site
        .answers(Answer::json("{}").header("Referrer-Policy", "origin"));
    let mut api = stage.open(event, &document).await;
    api.row("the standard set, and the service's own", get("/page"), |x| {
        x.status(200)
            .got("X-Frame-Options", Some("DENY"))
            .got("X-Content-Type-Options", Some("nosniff"));
        x.got("Content-Security-Policy", Some("frame-ancestors 'none'"))
            .got("Referrer-Policy", Some("origin"));
        // The local runtime speaks no TLS.
        x.got("Strict-Transport-Security", None);
    })
    .await;
    api.row("without some", get("/widget"), |x| {
        x.got("X-Frame-Options", None)
            .got("Content-Security-Policy", None)
            .got("X-Content-Type-Options", Some("nosniff"));
    })
    .await;
    api.row("none", get("/bare"), |x| {
        x.got("X-Content-Type-Options", None)
            .got("Referrer-Policy", Some("origin"));
    })
    .await;
    api.row("errors, too", get("/nowhere"), |x| {
        x.error(404, "not_found")
            .got("X-Frame-Options", Some("DENY"))
            .got("Referrer-Policy", Some("no-referrer"));
    })
    .await;
    api.finish();
}

#[track_caller]
fn decoded(x: &Exchange) -> String {
    x.got("Content-Encoding", Some("gzip"));
    let mut text = String::new();
    GzDecoder::new(&x.response.body[..])
        .read_to_string(&mut text)
        .expect("gzip");
    text
}

async fn smaller_answers(event: Event) {
    let stage = Stage::set().await;
    let document = stage.public(json!([
        { "path": "/api/**", "upstream": stage.site.url(), "compress": true },
        { "path": "/plain", "upstream": stage.site.url() },
    ]));
    let body = format!("[{}0]", "12345,".repeat(500));
    let answer = Answer::json(body.clone()).header("ETag", "\"v1\"");
    stage.site.answers(answer.clone());
    let mut api = stage.open(event, &document).await;
    for accepts in ["gzip", "gzip, deflate, br, zstd", "br;q=1.0, gzip;q=0.8, *;q=0.1", "*"] {
        api.row(accepts, get("/api/x").header("Accept-Encoding", accepts), |x| {
            assert_eq!(decoded(x.status(200)), body);
            x.got("Vary", Some("Accept-Encoding"))
                .got("ETag", Some("W/\"v1\""))
                .every_answer();
        })
        .await;
    }
    for accepts in [
        "identity",
        "br",
        "gzip;q=0",
        "gzip;q=abc",
        "gzip;q=0.5, identity",
        "\u{1f600}",
    ] {
        api.row(accepts, get("/api/x").header("Accept-Encoding", accepts), |x| {
            x.status(200).body(&body).got("Content-Encoding", None);
            x.got("Vary", Some("Accept-Encoding")).got("ETag", Some("\"v1\""));
        })
        .await;
    }
    let gzip = |target: &str| get(target).header("Accept-Encoding", "gzip");
    api.row(
        "HEAD",
        method("HEAD", "/api/x").header("Accept-Encoding", "gzip"),
        |x| {
            x.status(200)
                .body("")
                .got("ETag", Some("W/\"v1\""))
                .got("Vary", Some("Accept-Encoding"));
        },
    )
    .await;
    api.row("a route without it", gzip("/plain"), |x| {
        x.status(200).body(&body).got("Vary", None);
    })
    .await;
    for (sentence, theirs) in [
        ("compressed already", answer.clone().header("Content-Encoding", "br")),
        ("not to be transformed", answer.header("Cache-Control", "no-transform")),
        ("small", Answer::json("{}")),
        ("no text", Answer::body("image/png", vec![0; 5000])),
    ] {
        api.stage.site.answers(theirs);
        api.row(sentence, gzip("/api/x"), |x| {
            let coding = x.status(200).response.header("Content-Encoding");
            assert!(
                matches!(coding, None | Some("br")) && x.response.header("Vary").is_none(),
                "{x:?}"
            );
        })
        .await;
    }
    api.stage.site.answers(Answer::status(304).header("ETag", "\"v1\""));
    api.row(
        "not modified",
        gzip("/api/x").header("If-None-Match", "W/\"v1\""),
        |x| {
            x.status(304)
                .sent("If-None-Match", Some("W/\"v1\""))
                .got("ETag", Some("W/\"v1\""));
        },
    )
    .await;
    api.finish();
}
