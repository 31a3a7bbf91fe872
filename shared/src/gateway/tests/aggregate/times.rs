//! How long an aggregate takes: exactly as long as it must.

use super::*;

#[tokio::test(start_paused = true)]
async fn as_long_as_the_slowest_part() {
    let served = served(
        "    aggregate:\n      a: { upstream: s, path: /a }\n      b: { upstream: s, path: /b }\n      c: { upstream: s, path: /c }\n",
    );
    for (target, after) in [("/a", 30), ("/b", 700), ("/c", 200)] {
        served.services.json(target, after, "1");
    }
    let came = served.get().await;
    assert_eq!((came.status, came.took), (200, Duration::from_millis(700)));
    assert_eq!(came.header("x-response-time"), Some("700ms"));
    let told: Vec<&Value> = came.log["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|part| &part["ms"])
        .collect();
    assert_eq!(told, [&json!(30.0), &json!(700.0), &json!(200.0)]);
    assert_eq!(came.log["stages_us"]["aggregate"], 700_000);
}

/// A part begins the moment its own inputs are there, whatever else is still open.
#[tokio::test(start_paused = true)]
async fn a_part_begins_when_what_it_needs_is_there() {
    let served = served(
        "    aggregate:\n      late: { upstream: s, path: \"/late/{first.id}\" }\n      slow: { upstream: s, path: /slow }\n      \
         last: { upstream: s, path: \"/last/{late.id}\" }\n      first: { upstream: s, path: /first }\n",
    );
    served.services.json("/first", 100, r#"{"id":1}"#);
    served.services.json("/late/1", 50, r#"{"id":2}"#);
    served.services.json("/last/2", 25, "{}");
    served.services.json("/slow", 160, "{}");
    let begun = Instant::now();
    let came = served.get().await;
    assert_eq!(came.took, Duration::from_millis(175));
    assert_eq!(came.body, r#"{"late":{"id":2},"slow":{},"last":{},"first":{"id":1}}"#);
    let calls = served.services.calls.lock().expect("unpoisoned");
    let begins: Vec<(u128, &str)> = calls
        .iter()
        .map(|(at, request)| ((*at - begun).as_millis(), request.uri().path()))
        .collect();
    assert_eq!(
        begins,
        [(0, "/slow"), (0, "/first"), (100, "/late/1"), (150, "/last/2")]
    );
}

#[tokio::test(start_paused = true)]
async fn each_part_has_a_time_of_its_own_and_all_have_one_together() {
    let route = "    timeout: 500ms\n    aggregate:\n      own: { upstream: s, path: /own, timeout: 100ms }\n      \
                 theirs: { upstream: s, path: /theirs }\n      good: { upstream: s, path: /good }\n";
    let served = served(route);
    served.services.json("/own", 101, "1");
    served.services.json("/theirs", 501, "1");
    served.services.json("/good", 1, "1");
    let came = served.get().await;
    assert_eq!(came.took, Duration::from_millis(500));
    assert_eq!((came.status, came.body.as_str()), (200, r#"{"good":1}"#));
    assert_eq!(
        came.parts(),
        ["own upstream_timeout", "theirs upstream_timeout", "good 200"]
    );
}

/// The request's own time ends first: what is there is answered, or 504, and nothing is left running (each request here
/// checks that).
#[tokio::test(start_paused = true)]
async fn the_deadline_ends_what_is_open() {
    let optional = "    aggregate:\n      a: { upstream: s, path: /a }\n      b: { upstream: s, path: /b }\n      c: { upstream: s, path: \"/c/{b.x}\" }\n";
    for (route, status, body) in [
        (optional.to_owned(), 200, r#"{"a":1}"#),
        (optional.replace("path: /b", "path: /b, required: true"), 504, ""),
        (
            optional.replace("path: /b", "path: /b, fallback: { x: 9 }"),
            200,
            r#"{"a":1,"b":{"x":9}}"#,
        ),
    ] {
        let served = served(&route);
        served.services.json("/a", 100, "1");
        served.services.json("/b", 1_000, "{}");
        let came = served.send(&asked(), Duration::from_millis(850)).await;
        assert_eq!(
            (came.status, came.took),
            (status, Duration::from_millis(600)),
            "{route}"
        );
        if status == 200 {
            assert_eq!(came.body, body);
            assert_eq!(came.header("x-partial"), Some("b, c"));
        }
        // `c` had no time left, or nothing to be filled with: it was never called.
        assert_eq!(served.services.called().len(), 2);
    }
}

/// A required part that failed ends the request at once; the others are dropped where they are.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_answer_that_is_decided() {
    let served = served(
        "    aggregate:\n      a: { upstream: s, path: /a }\n      b: { upstream: s, path: /b, required: true }\n      c: { upstream: s, path: /c, required: true }\n",
    );
    served.services.json("/a", 900, "1");
    served.services.set("/b", 50, Ok(answer(410, "{}")));
    served.services.json("/c", 900, "1");
    let came = served.get().await;
    assert_eq!((came.status, came.took), (410, Duration::from_millis(50)));
    assert_eq!(came.parts(), ["a unfinished", "b upstream_error", "c unfinished"]);
    assert_eq!(came.log["config"], "/routes/0/aggregate/b");

    // The one before it might fail in a way that counts more.
    served.services.json("/b", 400, "1");
    served.services.set("/c", 50, Ok(answer(404, "{}")));
    let came = served.get().await;
    assert_eq!((came.status, came.took), (404, Duration::from_millis(400)));
}
