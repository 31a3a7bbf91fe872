//! Whole lines under a clock that stands still, and what must never be in one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use proptest::prelude::*;
use serde_json::Value;

use super::bounds::{bounded, dimension};
use super::metrics::{METRICS, NAMESPACE};
use super::time::rfc3339;
use super::{LimitOutcome, PartOutcome, Record};
use crate::clock::Timestamp;
use crate::config::Pointer;
use crate::error::GatewayError;

/// 2026-01-31T23:59:59.123456Z.
const TIME: Timestamp = Timestamp::from_micros(1_769_903_999_123_456);

async fn pass(micros: u64) {
    tokio::time::advance(Duration::from_micros(micros)).await;
}

fn parsed(line: &str) -> Value {
    assert!(!line.contains(['\n', '\r']), "one line");
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

/// What comes before `_aws`, which is the same in every line but for its time.
fn before_metrics(line: &str) -> &str {
    line.split_once(r#","_aws":"#).expect("has metrics").0
}

fn started() -> Record {
    let mut record = Record::start(TIME, false);
    record.id = "req_1".into();
    record
}

#[tokio::test(start_paused = true)]
async fn a_request_that_went_through() {
    let mut record = Record::start(TIME, true);
    record.id = "req_7f".into();
    record.method = Some(Method::GET);
    record.path = Some("/api/orders/ord_x7k9".into());
    record.stage("route");
    pass(12).await;
    record.stage("limit");
    pass(3_400).await;
    record.route = Some("GET /api/orders/**".into());
    record.subject = Some("9f86d081884c7d65".into());
    record.limit = Some(LimitOutcome {
        rule: "default".into(),
        allowed: true,
        remaining: Some(19),
        shadow: false,
        uncounted: None,
    });
    record.stage("call");
    pass(51_000).await;
    record.upstream = Some("orders".into());
    record.upstream_status = Some(StatusCode::OK);
    record.trace_id = Some("0af7651916cd43dd8448eb211c80319c".into());
    record.stage("route");
    pass(600).await;
    assert_eq!(record.elapsed_ms(), 55);
    insta::assert_snapshot!(record.finish(StatusCode::OK, 1234), @r#"{"time":"2026-01-31T23:59:59.123Z","id":"req_7f","method":"GET","path":"/api/orders/ord_x7k9","route":"GET /api/orders/**","status":200,"subject":"9f86d081884c7d65","limit":{"rule":"default","allowed":true,"remaining":19},"upstream":"orders","upstream_status":200,"bytes":1234,"trace_id":"0af7651916cd43dd8448eb211c80319c","stages_us":{"route":612,"limit":3400,"call":51000},"latency":55.012,"count":1,"client_errors":0,"gateway_errors":0,"upstream_errors":0,"limited":0,"cold_start":1,"_aws":{"Timestamp":1769903999123,"CloudWatchMetrics":[{"Namespace":"Tollgate","Dimensions":[["route"]],"Metrics":[{"Name":"count","Unit":"Count"},{"Name":"latency","Unit":"Milliseconds"},{"Name":"client_errors","Unit":"Count"},{"Name":"gateway_errors","Unit":"Count"},{"Name":"upstream_errors","Unit":"Count"},{"Name":"limited","Unit":"Count"},{"Name":"cold_start","Unit":"Count"}]}]}}"#);
}

#[tokio::test(start_paused = true)]
async fn a_request_over_its_limit() {
    let mut record = started();
    record.method = Some(Method::POST);
    record.path = Some("/api/auth/login".into());
    record.route = Some("login".into());
    record.limit = Some(LimitOutcome {
        rule: "/api/auth/login".into(),
        allowed: false,
        remaining: Some(0),
        shadow: false,
        uncounted: None,
    });
    record.fail(&GatewayError::RateLimited {
        retry_after: Duration::from_secs(3),
        at: Pointer::new("/rate_limiting/overrides/0"),
    });
    pass(7_250).await;
    insta::assert_snapshot!(before_metrics(&record.finish(StatusCode::TOO_MANY_REQUESTS, 120)), @r#"{"time":"2026-01-31T23:59:59.123Z","id":"req_1","method":"POST","path":"/api/auth/login","route":"login","status":429,"fault":"client","error":"rate_limit_exceeded","config":"/rate_limiting/overrides/0","limit":{"rule":"/api/auth/login","allowed":false,"remaining":0},"bytes":120,"stages_us":{},"latency":7.25,"count":1,"client_errors":1,"gateway_errors":0,"upstream_errors":0,"limited":1,"cold_start":0"#);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_none() {
    let record = started();
    insta::assert_snapshot!(before_metrics(&record.finish(StatusCode::OK, 0)), @r#"{"time":"2026-01-31T23:59:59.123Z","id":"req_1","route":"(none)","status":200,"bytes":0,"stages_us":{},"latency":0.0,"count":1,"client_errors":0,"gateway_errors":0,"upstream_errors":0,"limited":0,"cold_start":0"#);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_failed() {
    let mut record = started();
    record.fail(&GatewayError::UpstreamInvalid {
        why: "orders.internal:3002: \"reset\"\nby peer".into(),
    });
    let line = record.finish(StatusCode::BAD_GATEWAY, 99);
    let line = parsed(&line);
    assert_eq!(line["fault"], "upstream");
    assert_eq!(line["error"], "upstream_invalid_response");
    assert_eq!(line["detail"], "orders.internal:3002: \"reset\"\nby peer");
}

#[tokio::test(start_paused = true)]
async fn errors_count_by_whose_fault_they_are() {
    let why = String::new;
    let cases = [
        (None, 200, [0, 0, 0]),
        (None, 304, [0, 0, 0]),
        (None, 404, [1, 0, 0]),
        (None, 500, [0, 0, 1]),
        (Some(GatewayError::NotFound), 404, [1, 0, 0]),
        (Some(GatewayError::Internal { why: why() }), 500, [0, 1, 0]),
        (Some(GatewayError::LimitStoreUnavailable { why: why() }), 503, [0, 1, 0]),
        (Some(GatewayError::UpstreamUnreachable { why: why() }), 502, [0, 0, 1]),
    ];
    for (error, status, counts) in cases {
        let mut record = started();
        match &error {
            Some(error) => record.fail(error),
            None => record.upstream_status = StatusCode::from_u16(status).ok(),
        }
        let line = parsed(&record.finish(StatusCode::from_u16(status).unwrap(), 0));
        let counted = ["client_errors", "gateway_errors", "upstream_errors"].map(|name| line[name].as_u64().unwrap());
        assert_eq!(counted, counts, "{error:?} {status}");
        assert_eq!(line.get("fault").is_some(), counts != [0, 0, 0]);
        assert_eq!(line["limited"], 0);
    }
}

/// What `respond` answers is nobody's else fault: no upstream was asked.
#[tokio::test(start_paused = true)]
async fn an_error_of_the_configs_own_is_no_upstreams_fault() {
    let fault = |status| parsed(&started().finish(status, 0)).get("fault").cloned();
    assert_eq!(fault(StatusCode::SERVICE_UNAVAILABLE), Some("gateway".into()));
    assert_eq!(fault(StatusCode::GONE), Some("client".into()));
    assert_eq!(fault(StatusCode::OK), None);
}

/// The rules of the specification, and those of the API reference for what it points at.
#[tokio::test(start_paused = true)]
async fn the_metrics_have_the_embedded_format() {
    let mut record = started();
    record.route = Some("login".into());
    pass(1_500).await;
    let line = parsed(&record.finish(StatusCode::OK, 0));
    let aws = line["_aws"].as_object().unwrap();
    assert_eq!(aws.keys().collect::<Vec<_>>(), ["CloudWatchMetrics", "Timestamp"]);
    assert_eq!(aws["Timestamp"], 1_769_903_999_123_u64);
    let directives = aws["CloudWatchMetrics"].as_array().unwrap();
    assert_eq!(directives.len(), 1);
    let directive = directives[0].as_object().unwrap();
    assert_eq!(
        directive.keys().collect::<Vec<_>>(),
        ["Dimensions", "Metrics", "Namespace"]
    );
    assert_eq!(directive["Namespace"], NAMESPACE);
    assert_eq!(directive["Dimensions"], serde_json::json!([["route"]]));
    assert_eq!(line["route"], "login");
    let metrics = directive["Metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), METRICS.len());
    let names: BTreeSet<&str> = metrics.iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), METRICS.len(), "each once");
    for metric in metrics {
        assert!(matches!(metric["Unit"].as_str(), Some("Count" | "Milliseconds")));
        assert!(
            line[metric["Name"].as_str().unwrap()].is_number(),
            "{metric} points at a number"
        );
    }
    assert_eq!(line["latency"], 1.5);
}

#[tokio::test(start_paused = true)]
async fn values_are_bounded() {
    let long = || "ä".repeat(100_000);
    let mut record = started();
    record.id = long();
    record.method = Some(Method::from_bytes("M".repeat(10_000).as_bytes()).unwrap());
    record.path = Some(format!("/{}", long()));
    record.route = Some(long().into());
    record.subject = Some(long());
    record.upstream = Some(long().into());
    record.trace_id = Some(long());
    record.fail(&GatewayError::Internal { why: long() });
    let line = record.finish(StatusCode::INTERNAL_SERVER_ERROR, usize::MAX);
    assert!(line.len() < 4096, "{} bytes", line.len());
    let path = parsed(&line)["path"].as_str().unwrap().to_owned();
    // A slash and 255 characters of two bytes are 511 bytes; the next one would end at 513.
    assert_eq!(path, format!("/{}…", "ä".repeat(255)));
}

#[tokio::test(start_paused = true)]
async fn control_characters_stay_out_of_the_log() {
    let mut record = started();
    record.path = Some("/a\n{\"status\":200}\r\0\u{1b}[2J\u{7f}\u{9b}2J\u{2028}\u{202e}\u{2066}\"\\".into());
    let line = record.finish(StatusCode::OK, 0);
    let shown = parsed(&line)["path"].as_str().unwrap().to_owned();
    assert!(line.chars().all(|char| !char.is_control()), "{line}");
    assert_eq!(
        shown,
        "/a\n{\"status\":200}\r\0\u{1b}[2J\u{fffd}\u{fffd}2J\u{fffd}\u{fffd}\u{fffd}\"\\"
    );
    assert!(!line.contains(['\u{2028}', '\u{202e}']));
}

/// Every member a line can have: a new one has to be added here, by somebody who asks what it may give away.
#[tokio::test(start_paused = true)]
async fn a_line_has_these_members_only() {
    let mut record = started();
    record.method = Some(Method::GET);
    record.path = Some("/".into());
    record.subject = Some("h".into());
    record.limit = Some(LimitOutcome {
        rule: "default".into(),
        allowed: true,
        remaining: Some(1),
        shadow: false,
        uncounted: None,
    });
    record.upstream = Some("u".into());
    record.upstream_status = Some(StatusCode::OK);
    record.parts = vec![part("p".into(), "u".into(), Some("d".into()))];
    record.trace_id = Some("t".into());
    record.fail(&GatewayError::Internal { why: "w".into() });
    let line = parsed(&record.finish(StatusCode::OK, 0));
    let members: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members.join(" "),
        "_aws bytes client_errors cold_start count detail error fault gateway_errors id latency limit limited method \
         parts path route stages_us status subject time trace_id upstream upstream_errors upstream_status"
    );
}

fn part(name: Arc<str>, upstream: Arc<str>, detail: Option<String>) -> PartOutcome {
    PartOutcome {
        name,
        upstream,
        status: Some(StatusCode::OK),
        error: Some("upstream_invalid_response"),
        detail,
        elapsed: Some(Duration::from_micros(1_500)),
    }
}

#[tokio::test(start_paused = true)]
async fn parts_say_how_they_ended() {
    let mut record = started();
    let mut unfinished = part("late".into(), "u".into(), None);
    unfinished.status = None;
    unfinished.elapsed = None;
    unfinished.error = Some("unfinished");
    record.parts = vec![part("a".into(), "u".into(), Some("x\n\u{7f}".into())), unfinished];
    let line = record.finish(StatusCode::BAD_GATEWAY, 0);
    let told = r#""parts":[{"name":"a","upstream":"u","status":200,"error":"upstream_invalid_response","detail":"x\n\ufffd","ms":1.5},{"name":"late","upstream":"u","error":"unfinished"}],"bytes""#;
    assert!(line.replace('\u{fffd}', "\\ufffd").contains(told), "{line}");
    // No error of the gateway's own: a service is to blame for the status.
    assert_eq!(parsed(&line)["fault"], "upstream");

    let long = || "ä".repeat(100_000);
    record.parts = vec![part(long().into(), long().into(), Some(long())); 16];
    assert!(record.finish(StatusCode::OK, 0).len() < 12_288);
}

#[test]
fn values_are_cut_between_characters() {
    for (text, max, expected) in [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc…"),
        ("aäb", 2, "a…"),
        ("ä", 1, "…"),
        ("", 0, ""),
        ("\u{7f}", 1, "\u{fffd}"),
    ] {
        assert_eq!(bounded(text, max), expected);
    }
}

#[test]
fn routes_become_dimensions() {
    for (route, expected) in [
        (None, "(none)"),
        (Some(""), "(none)"),
        (Some(" \t"), "(none)"),
        (Some("GET /api/**"), "GET /api/**"),
        (Some(":id"), "_id"),
        (Some("größe\n"), "gr__e_"),
    ] {
        assert_eq!(dimension(route), expected);
    }
    assert_eq!(dimension(Some(&"é".repeat(400))), "_".repeat(255));
}

#[test]
fn times_are_written_in_utc() {
    for (seconds, expected) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (68_169_599, "1972-02-28T23:59:59.000Z"),
        (68_169_600, "1972-02-29T00:00:00.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"),
        (1_709_251_199, "2024-02-29T23:59:59.000Z"),
        (1_709_251_200, "2024-03-01T00:00:00.000Z"),
        (1_735_689_599, "2024-12-31T23:59:59.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        (4_107_542_399, "2100-02-28T23:59:59.000Z"),
        (253_402_300_799, "9999-12-31T23:59:59.000Z"),
    ] {
        assert_eq!(rfc3339(Timestamp::from_secs(seconds)), expected);
    }
    assert_eq!(rfc3339(TIME), "2026-01-31T23:59:59.123Z");
    assert!(rfc3339(Timestamp::from_micros(u64::MAX)).ends_with('Z'));
}

proptest! {
    /// The calendar, day by day: the next day is one more, or the first of the next month.
    #[test]
    fn each_day_follows_the_one_before(day in 0_u64..2_932_896) {
        let parts = |day: u64| -> Vec<u64> {
            let text = rfc3339(Timestamp::from_secs(day * 86_400));
            text[..10].split('-').map(|part| part.parse().unwrap()).collect()
        };
        let (today, tomorrow) = (parts(day), parts(day + 1));
        let (year, month) = (today[0], today[1]);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
        let expected = match (today[2] < length, month < 12) {
            (true, _) => vec![year, month, today[2] + 1],
            (false, true) => vec![year, month + 1, 1],
            (false, false) => vec![year + 1, 1, 1],
        };
        prop_assert_eq!(tomorrow, expected);
    }

    #[test]
    fn any_text_makes_one_valid_line(path in any::<String>(), route in any::<String>()) {
        let mut record = started();
        record.path = Some(path);
        record.route = Some(route.into());
        let line = parsed(&record.finish(StatusCode::OK, 0));
        let route = line["route"].as_str().unwrap();
        prop_assert!(!route.trim().is_empty() && route.len() <= 255 && !route.starts_with(':'));
        prop_assert!(route.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }
}
