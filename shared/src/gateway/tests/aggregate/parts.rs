//! Services that answer badly: their part fails, the others do not.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::*;

const ROUTE: &str =
    "    aggregate:\n      good: { upstream: s, path: /good }\n      bad: { upstream: s, path: /bad }\n";

/// What comes of a part that answers so, beside a good one.
async fn beside_a_good_one(bad: Result<Response<Bytes>, CallError>) -> Came {
    let served = served(ROUTE);
    served.services.json("/good", 1, r#"{"n":1.0}"#);
    served.services.set("/bad", 5, bad);
    let came = served.get().await;
    assert!(came.body.starts_with(r#"{"good":{"n":1.0}"#), "{}", came.body);
    came
}

fn with(mut answer: Response<Bytes>, name: http::HeaderName, value: &'static str) -> Response<Bytes> {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}

fn bytes(body: &[u8]) -> Response<Bytes> {
    let mut answer = answer(200, "");
    *answer.body_mut() = Bytes::copy_from_slice(body);
    answer
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_no_json_fails() {
    let html = with(answer(200, "{}"), CONTENT_TYPE, "text/html");
    let brotli = with(answer(200, "{}"), CONTENT_ENCODING, "br");
    let gzip = with(answer(200, "{}"), CONTENT_ENCODING, "gzip");
    let unclosed = format!("{}1", "[".repeat(10_000));
    let cases = [
        ("no JSON", answer(200, "{\"a\":1,}")),
        ("no JSON", answer(200, "{}{}")),
        ("no JSON", answer(200, "NaN")),
        ("empty", answer(200, "")),
        ("empty", answer(204, "")),
        ("another type", html),
        ("another coding", brotli),
        ("no gzip", gzip),
        ("Latin-1", bytes(b"{\"a\":\"\xe4\"}")),
        ("UTF-16", bytes(b"\xff\xfe{\0}\0")),
        ("a range", answer(206, "{}")),
        ("deep and broken", answer(200, &unclosed)),
    ];
    for (what, bad) in cases {
        let came = beside_a_good_one(Ok(bad)).await;
        assert_eq!((came.status, came.header("x-partial")), (200, Some("bad")), "{what}");
        assert_eq!(came.parts(), ["good 200", "bad upstream_invalid_response"], "{what}");
        assert_eq!(came.body, r#"{"good":{"n":1.0}}"#);
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_answers_with_an_error_or_not_at_all_fails() {
    let status = |status: u16| {
        Ok(with(
            answer(status, "{}"),
            http::header::LOCATION,
            "http://s.internal/x",
        ))
    };
    let cases = [
        (status(301), "upstream_error"),
        (status(304), "upstream_error"),
        (status(404), "upstream_error"),
        (status(429), "upstream_error"),
        (status(500), "upstream_error"),
        (Err(CallError::Connect("x".into())), "upstream_unreachable"),
        (Err(CallError::Broken("x".into())), "upstream_invalid_response"),
        (Err(CallError::Timeout(Duration::from_secs(1))), "upstream_timeout"),
        (Err(CallError::TooLarge(8)), "response_too_large"),
    ];
    for (bad, code) in cases {
        let came = beside_a_good_one(bad).await;
        assert_eq!((came.status, came.header("x-partial")), (200, Some("bad")), "{code}");
        assert_eq!(came.parts(), ["good 200".to_owned(), format!("bad {code}")]);
        assert_eq!(came.log["parts"][0].get("error"), None);
    }
}

/// Depth, numbers, duplicate members: what is valid goes over as it is.
#[tokio::test(start_paused = true)]
async fn what_is_json_goes_over_byte_for_byte() {
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let members = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    for body in [
        "9223372036854775807",
        "18446744073709551616",
        "123456789012345678901234567890.1234567890",
        "[1.0,1.10,1e5,-0,1E+400]",
        r#"{"b":1,"a":2,"b":3}"#,
        r#"{"\u0061":"\ud83d\ude00","x":"\ud800"}"#,
        "null",
        "\"text\"",
        deep.as_str(),
        members.as_str(),
    ] {
        let came = beside_a_good_one(Ok(answer(200, body))).await;
        assert_eq!(came.body, format!(r#"{{"good":{{"n":1.0}},"bad":{body}}}"#));
        assert_eq!((came.status, came.header("x-partial")), (200, None));
        assert_eq!(came.header("content-type"), Some("application/json"));
    }
    let marked = beside_a_good_one(Ok(answer(200, "\u{feff} [1.0] \n"))).await;
    assert_eq!(marked.body, r#"{"good":{"n":1.0},"bad":[1.0]}"#);
    let unnamed = with(
        answer(200, "7"),
        CONTENT_TYPE,
        "application/vnd.shop+json; charset=utf-8",
    );
    assert_eq!(
        beside_a_good_one(Ok(unnamed)).await.body,
        r#"{"good":{"n":1.0},"bad":7}"#
    );
}

/// Little on the way, much once it is decoded.
#[tokio::test(start_paused = true)]
async fn a_part_is_measured_decoded() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, format!("\"{}\"", "x".repeat(8 << 20)).as_bytes()).expect("memory");
    let large = with(bytes(&gzip.finish().expect("memory")), CONTENT_ENCODING, "gzip");
    let came = beside_a_good_one(Ok(large)).await;
    assert_eq!(came.parts(), ["good 200", "bad response_too_large"]);
}

#[tokio::test(start_paused = true)]
async fn all_parts_together_have_a_largest_size() {
    let served = served(ROUTE);
    let large = format!("\"{}\"", "x".repeat(4 * 1024 * 1024));
    served.services.json("/good", 1, &large);
    served.services.json("/bad", 1, &large);
    let came = served.get().await;
    assert_eq!(
        (came.status, &came.json()["error"]),
        (502, &json!("response_too_large"))
    );
    assert_eq!(came.parts(), ["good 200", "bad 200"]);
    assert_eq!(came.log["fault"], "upstream");
}

/// The parts' own headers stay behind, but for what they say of keeping the answer.
#[tokio::test(start_paused = true)]
async fn the_answer_may_be_kept_no_longer_than_its_parts() {
    let served = served(ROUTE);
    let private = with(answer(200, "1"), http::header::CACHE_CONTROL, "private, max-age=60");
    let varies = with(answer(200, "2"), http::header::CACHE_CONTROL, "max-age=30");
    served
        .services
        .set("/good", 1, Ok(with(private, http::header::ETAG, "\"1\"")));
    served
        .services
        .set("/bad", 1, Ok(with(varies, http::header::VARY, "Accept-Language")));
    let came = served.get().await;
    assert_eq!(came.header("cache-control"), Some("private, max-age=30"));
    assert_eq!(
        (came.header("vary"), came.header("etag")),
        (Some("accept-language"), None)
    );
    assert_eq!(
        came.headers.as_object().map(serde_json::Map::len),
        Some(5),
        "{}",
        came.headers
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_any_part_is_none() {
    let served = served(ROUTE);
    served
        .services
        .set("/good", 9, Err(CallError::Timeout(Duration::from_secs(1))));
    served.services.set("/bad", 1, Err(CallError::Connect("x".into())));
    let came = served.get().await;
    assert_eq!((came.status, &came.json()["error"]), (504, &json!("upstream_timeout")));
    assert_eq!(came.log["config"], "/routes/0/aggregate/good");
    assert_eq!(
        (&came.log["fault"], &came.log["upstream_errors"]),
        (&json!("upstream"), &json!(1))
    );
    assert_eq!(came.parts(), ["good upstream_timeout", "bad upstream_unreachable"]);
}

/// A status of the gateway's own for what a service is to blame for.
#[tokio::test(start_paused = true)]
async fn a_partial_answer_with_an_error_status_is_the_services_fault() {
    let served = served(&format!("{ROUTE}    on_partial: 503\n"));
    served.services.json("/good", 1, "1");
    served.services.set("/bad", 1, Ok(answer(500, "{}")));
    let came = served.get().await;
    assert_eq!((came.status, came.body.as_str()), (503, r#"{"good":1}"#));
    assert_eq!((&came.log["fault"], came.log.get("error")), (&json!("upstream"), None));
}
