//! `security_headers`, `compress`: what is done to answers.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;

use super::*;

fn large(_: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
    let answer = Response::builder()
        .header("Content-Type", "application/json")
        .header("ETag", "\"v1\"");
    Ok(answer
        .body(Bytes::from(format!("[{}0]", "1,".repeat(1000))))
        .expect("an answer"))
}

fn over(scheme: &str, path: &str, more: &[(&str, &str)]) -> String {
    let mut headers = json!({ "host": "api.example.com", "x-forwarded-proto": scheme });
    for (name, value) in more {
        headers[name] = json!(value);
    }
    event(path, headers)
}

#[tokio::test(start_paused = true)]
async fn every_answer_has_the_security_headers() {
    let mut config = public(json!({ "defaults": { "security_headers": "standard" } }));
    let own = json!({ "id": "own", "path": "/own", "upstream": "http://a", "auth": "none",
        "security_headers": { "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "none" } });
    let none =
        json!({ "id": "none", "path": "/none", "upstream": "http://a", "auth": "none", "security_headers": "none" });
    config["routes"].as_array_mut().expect("routes").extend([own, none]);
    let fixture = fixture(&config, UNTOUCHED, ok);
    let year = Some("max-age=31536000");
    for (scheme, path, frame, referrer, transport) in [
        ("https", "/api/x", Some("DENY"), Some("no-referrer"), year),
        ("http", "/api/x", Some("DENY"), Some("no-referrer"), None),
        ("https", "/nowhere", Some("DENY"), Some("no-referrer"), year),
        ("http", "/nowhere", Some("DENY"), Some("no-referrer"), None),
        ("https", "/a\\\\b", Some("DENY"), Some("no-referrer"), year),
        ("https", "/own", Some("SAMEORIGIN"), None, year),
        ("https", "/none", None, None, None),
    ] {
        let (answer, _) = handled(&fixture, &over(scheme, path, &[])).await;
        let header = |name: &str| answer["headers"][name].as_str();
        let said = (
            header("x-frame-options"),
            header("referrer-policy"),
            header("strict-transport-security"),
        );
        assert_eq!(said, (frame, referrer, transport), "{scheme} {path}");
    }
}

fn text_of(answer: &Value) -> String {
    let bytes = STANDARD
        .decode(answer["body"].as_str().expect("a body"))
        .expect("base64");
    let mut text = String::new();
    GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip");
    text
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_compressed_for_who_takes_it() {
    let mut config = public(json!({ "defaults": { "compress": true } }));
    // What asks the upstream for identity leaves the client's own wish alone.
    config["transformations"] = json!([{ "path": "/api/**", "response": { "remove_fields": ["x"] } }]);
    let fixture = fixture(&config, UNTOUCHED, large);
    let (answer, log) = handled(
        &fixture,
        &over("https", "/api/x", &[("accept-encoding", "br, gzip;q=0.8")]),
    )
    .await;
    assert_eq!(
        (&answer["isBase64Encoded"], &answer["headers"]["content-encoding"]),
        (&json!(true), &json!("gzip"))
    );
    let plain = format!("[{}0]", "1,".repeat(1000));
    assert_eq!(text_of(&answer), plain);
    assert_eq!(
        (&answer["headers"]["vary"], &answer["headers"]["etag"]),
        (&json!("Accept-Encoding"), &json!("W/\"v1\""))
    );
    assert!(log["bytes"].as_u64().expect("a number") < 100, "what was sent: {log}");
    let sent = fixture.upstream.calls.lock().expect("unpoisoned")[0].headers()["accept-encoding"].clone();
    assert_eq!(sent, "identity");
    for refuses in ["", "br", "gzip;q=0", "gzip;q=0.5, identity"] {
        let (answer, _) = handled(&fixture, &over("https", "/api/x", &[("accept-encoding", refuses)])).await;
        assert_eq!(
            (&answer["body"], &answer["isBase64Encoded"]),
            (&json!(plain), &json!(false)),
            "{refuses}"
        );
        assert_eq!(answer["headers"]["vary"], "Accept-Encoding");
    }
}

/// 5 MB of quotes take 10 MB of an event: too much, unless they are compressed.
#[tokio::test(start_paused = true)]
async fn what_is_too_large_as_text_may_fit_compressed() {
    fn quotes(_: &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        let answer = Response::builder().header("Content-Type", "text/plain");
        Ok(answer.body(Bytes::from("\"".repeat(5_000_000))).expect("an answer"))
    }
    let fixture = fixture(&public(json!({ "defaults": { "compress": true } })), UNTOUCHED, quotes);
    for (accepts, status) in [("gzip", 200), ("identity", 502)] {
        let (answer, _) = handled(&fixture, &over("https", "/api/x", &[("accept-encoding", accepts)])).await;
        assert_eq!(answer["statusCode"], status, "{accepts}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_may_leave_it() {
    let mut config = public(json!({ "defaults": { "compress": { "types": ["application/json"] } } }));
    config["routes"][0]["compress"] = json!(false);
    let (answer, _) = handled(
        &fixture(&config, UNTOUCHED, large),
        &over("https", "/api/x", &[("accept-encoding", "gzip")]),
    )
    .await;
    assert_eq!(
        (&answer["isBase64Encoded"], answer["headers"].get("vary")),
        (&json!(false), None)
    );
}

#[tokio::test(start_paused = true)]
async fn without_time_left_nothing_is_compressed() {
    let mut config = public(json!({ "defaults": { "compress": true } }));
    config["routes"] = json!([{ "path": "/**", "auth": "none", "respond": { "body": "a".repeat(5000) } }]);
    let fixture = fixture(&config, UNTOUCHED, never);
    let event = over("https", "/x", &[("accept-encoding", "gzip")]);
    for (left, compressed) in [(251, true), (250, false)] {
        let deadline = NOW.plus(Duration::from_millis(left));
        let answer = fixture.gateway.handle(&event, deadline).await.expect("an HTTP event");
        let answer: Value = serde_json::from_str(answer.event.get()).expect("JSON");
        assert_eq!(
            (&answer["statusCode"], &answer["isBase64Encoded"]),
            (&json!(200), &json!(compressed)),
            "{left}"
        );
    }
}
