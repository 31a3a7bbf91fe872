//! Answers that are no longer fresh: asked about, given once more, or given while the service fails.

use super::*;

const MODIFIED: &str = "Fri, 15 Jan 2027 07:00:00 GMT";

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_asked_about_by_its_validators_and_a_304_makes_it_fresh() {
    let kept = kept(json!({}), |call, request| {
        let lines = [
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("last-modified", MODIFIED),
        ];
        if call == 1 {
            return answer(
                200,
                &[&lines[..], &[("link", "</1>"), ("x-old", "1"), ("age", "5")]].concat(),
                "body",
            );
        }
        assert_eq!(request.headers()["if-none-match"], "\"a\"");
        assert_eq!(request.headers()["if-modified-since"], MODIFIED);
        answer(
            304,
            &[
                &lines[..],
                &[("link", "</2>"), ("link", "</3>"), ("content-length", "999")],
            ]
            .concat(),
            "",
        )
    });
    kept.get("/api/x").await;
    kept.pass(60);
    let got = kept.get("/api/x").await;
    assert_eq!((got.status, &*got.body, got.outcome()), (200, "body", "revalidated"));
    assert_eq!(
        got.cache_status(),
        "tollgate; fwd=stale; fwd-status=304; stored; ttl=60"
    );
    assert_eq!((got.header("link"), got.header("x-old")), ("</2>, </3>", "1"));
    assert_ne!(got.header("content-length"), "999");
    kept.pass(59);
    let hit = kept.get("/api/x").await;
    assert_eq!(
        (hit.outcome(), hit.header("age"), hit.header("link")),
        ("hit", "59", "</2>, </3>")
    );
}

#[tokio::test(start_paused = true)]
async fn clients_are_told_that_what_they_have_still_holds() {
    let kept = kept(json!({}), |call, request| {
        assert!(
            !request.headers().contains_key("if-none-match") || call == 2,
            "the condition is for the gateway"
        );
        let lines = [
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("content-type", "text/plain"),
        ];
        answer(
            if call == 2 { 304 } else { 200 },
            &lines,
            if call == 2 { "" } else { "body" },
        )
    });
    for (wait, outcome) in [(0, "miss"), (0, "hit"), (60, "revalidated")] {
        kept.pass(wait);
        let got = kept.get_with("/api/x", json!({ "if-none-match": "W/\"a\"" })).await;
        assert_eq!((got.status, &*got.body, got.outcome()), (304, "", outcome));
        assert_eq!((got.header("etag"), got.header("content-type")), ("\"a\"", ""));
    }
    assert_eq!(
        kept.get_with("/api/x", json!({ "if-none-match": "\"b\"" }))
            .await
            .status,
        200
    );
    assert_eq!(kept.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_has_changed_takes_the_place_of_what_was_kept() {
    let kept = kept(json!({}), |call, _| {
        let tag = format!("\"{call}\"");
        numbered(call, &[("cache-control", "no-cache"), ("etag", &tag)])
    });
    kept.get("/api/x").await;
    assert_eq!(
        kept.get("/api/x").await.cache_status(),
        "tollgate; fwd=stale; stored; ttl=0"
    );
    kept.get("/api/x").await;
    assert_eq!(kept.last_headers()["if-none-match"], "\"2\"");
}

#[tokio::test(start_paused = true)]
async fn a_304_about_something_else_is_no_answer_and_the_service_is_asked_for_one() {
    let kept = kept(json!({}), |call, request| match call {
        1 => numbered(call, &[("cache-control", "max-age=1"), ("etag", "\"a\"")]),
        2 => answer(304, &[("etag", "\"b\"")], ""),
        _ => {
            assert!(!request.headers().contains_key("if-none-match"));
            numbered(call, &[("cache-control", "max-age=60"), ("etag", "\"b\"")])
        }
    });
    kept.get("/api/x").await;
    kept.pass(1);
    let got = kept.get("/api/x").await;
    assert_eq!(
        (&*got.body, got.cache_status()),
        ("3", "tollgate; fwd=stale; stored; ttl=60")
    );
    assert_eq!(kept.get("/api/x").await.body, "3");
}

#[tokio::test(start_paused = true)]
async fn a_304_that_forbids_keeping_ends_it() {
    let kept = kept(json!({}), |call, _| match call {
        1 => numbered(call, &[("cache-control", "max-age=1"), ("etag", "\"a\"")]),
        2 => answer(304, &[("cache-control", "private"), ("etag", "\"a\"")], ""),
        _ => numbered(call, &[]),
    });
    kept.get("/api/x").await;
    kept.pass(1);
    let got = kept.get("/api/x").await;
    assert_eq!((&*got.body, got.header("cache-control")), ("1", "private"));
    assert_eq!(kept.get("/api/x").await.body, "3");
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_given_once_more_and_the_next_request_asks() {
    let by_config = kept(json!({ "stale_while_revalidate": "30s" }), max_age);
    let by_answer = kept(json!({}), |call, _| {
        numbered(call, &[("cache-control", "max-age=60, stale-while-revalidate=30")])
    });
    for kept in [by_config, by_answer] {
        kept.get("/api/x").await;
        kept.pass(70);
        let stale = kept.get("/api/x").await;
        assert_eq!(
            (&*stale.body, stale.outcome(), stale.cache_status()),
            ("1", "stale", "tollgate; hit; ttl=-10")
        );
        assert_eq!(kept.get("/api/x").await.body, "2");
        kept.pass(90);
        assert_eq!(kept.get("/api/x").await.body, "3", "too old to be given at all");
    }
}

#[tokio::test(start_paused = true)]
async fn while_one_asks_the_others_are_given_the_stale_answer_at_once() {
    let mut config = public(json!({}));
    config["routes"][0]["cache"] = json!({ "stale_while_revalidate": "30s" });
    let kept = of(config, Duration::from_secs(1), max_age);
    kept.get("/api/x").await;
    kept.pass(60);
    let requests: Vec<Value> = (0..5).map(|_| request("GET", "/api/x", json!({}))).collect();
    let got = futures_util::future::join_all(requests.iter().map(|request| kept.handle(request))).await;
    let bodies: Vec<&str> = got.iter().map(|got| &*got.body).collect();
    assert_eq!(bodies, ["1", "2", "1", "1", "1"]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_does_not_take_what_is_kept_with_it() {
    for failure in [
        Err(CallError::Connect("refused".into())),
        Err(CallError::Timeout(Duration::from_secs(1))),
        Err(CallError::Broken("reset".into())),
        Ok(500),
        Ok(502),
        Ok(503),
        Ok(504),
    ] {
        let given = failure.clone();
        let kept = kept(json!({ "stale_if_error": "30s" }), move |call, _| {
            match (call, &given) {
                (1, _) => numbered(call, &[("cache-control", "max-age=60")]),
                (_, Ok(status)) => answer(*status, &[], "down"),
                (_, Err(error)) => Err(error.clone()),
            }
        });
        kept.get("/api/x").await;
        kept.pass(89);
        let got = kept.get("/api/x").await;
        assert_eq!(
            (got.status, &*got.body, got.outcome()),
            (200, "1", "stale"),
            "{failure:?}"
        );
        let status = failure
            .as_ref()
            .map_or(String::new(), |status| format!("; fwd-status={status}"));
        assert_eq!(got.cache_status(), format!("tollgate; fwd=stale{status}; ttl=-29"));
        kept.pass(1);
        assert!(kept.get("/api/x").await.status >= 500, "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_no_failure_and_must_revalidate_forbids_what_is_stale() {
    let refuses = kept(json!({ "stale_if_error": "30s" }), |call, _| match call {
        1 => numbered(call, &[("cache-control", "max-age=1")]),
        _ => answer(403, &[], "no"),
    });
    let forbids = kept(
        json!({ "stale_if_error": "30s", "stale_while_revalidate": "30s" }),
        |call, _| match call {
            1 => numbered(call, &[("cache-control", "max-age=1, must-revalidate")]),
            _ => answer(503, &[], "down"),
        },
    );
    for (kept, status) in [(refuses, 403), (forbids, 503)] {
        kept.get("/api/x").await;
        kept.pass(2);
        assert_eq!(kept.get("/api/x").await.status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_nothing_young() {
    let kept = kept(json!({}), max_age);
    kept.get("/api/x").await;
    kept.clock.set(Timestamp::from_secs(NOW.secs() - 61));
    assert_eq!(kept.get("/api/x").await.body, "2");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_head_takes_nothing_away() {
    let kept = kept(json!({ "stale_if_error": "1h" }), |call, request| match call {
        3 => Err(CallError::Connect("refused".into())),
        _ => max_age(call, request),
    });
    kept.get("/api/x").await;
    kept.pass(61);
    kept.send("HEAD", "/api/x", json!({})).await;
    let got = kept.get("/api/x").await;
    assert_eq!((&*got.body, got.outcome()), ("1", "stale"));
}
