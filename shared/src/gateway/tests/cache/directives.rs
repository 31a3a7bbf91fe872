//! What answers and requests say of their being kept.

use super::*;

#[tokio::test(start_paused = true)]
async fn no_store_private_and_cookies_win_over_every_other_word() {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("cache-control", "No-Store"),
        ("cache-control", "Private"),
        ("cache-control", "private=\"x-a\""),
        ("cache-control", "x=\"a, private"),
        ("set-cookie", "a=b"),
        ("vary", "*"),
        ("vary", "accept, *"),
    ] {
        let kept = kept(json!({ "ttl": "1h", "public": true }), move |call, _| {
            numbered(
                call,
                &[
                    ("cache-control", "public, s-maxage=600"),
                    ("etag", "\"a\""),
                    (name, value),
                ],
            )
        });
        kept.get("/api/x").await;
        let again = kept.get("/api/x").await;
        assert_eq!(
            (&*again.body, again.cache_status()),
            ("2", "tollgate; fwd=miss"),
            "{name}: {value}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_before_such_a_word_is_forgotten() {
    let kept = kept(json!({ "stale_if_error": "1h" }), |call, _| match call {
        1 => numbered(call, &[("cache-control", "max-age=1")]),
        2 => numbered(call, &[("cache-control", "private")]),
        _ => Err(CallError::Broken("reset".into())),
    });
    kept.get("/api/x").await;
    kept.pass(2);
    assert_eq!(kept.get("/api/x").await.body, "2");
    assert_eq!(kept.get("/api/x").await.status, 502, "the first answer is no more");
}

#[tokio::test(start_paused = true)]
async fn clients_cannot_make_the_gateway_ask_unless_the_config_says_so() {
    for words in ["no-cache", "max-age=0", "min-fresh=100"] {
        let header = || json!({ "cache-control": words });
        let without = kept(json!({}), max_age);
        without.get("/api/x").await;
        without.pass(1);
        assert_eq!(without.get_with("/api/x", header()).await.outcome(), "hit", "{words}");
        let with = kept(json!({ "client_control": true }), max_age);
        with.get("/api/x").await;
        with.pass(1);
        let asked = with.get_with("/api/x", header()).await;
        assert_eq!(asked.cache_status(), "tollgate; fwd=request; stored; ttl=60", "{words}");
        assert_eq!(with.get("/api/x").await.body, "2", "{words}");
    }
    let pragma = kept(json!({ "client_control": true }), max_age);
    pragma.get("/api/x").await;
    assert_eq!(
        pragma.get_with("/api/x", json!({ "pragma": "No-Cache" })).await.body,
        "2"
    );
    let both = json!({ "pragma": "no-cache", "cache-control": "max-age=9" });
    assert_eq!(pragma.get_with("/api/x", both).await.body, "2");
}

#[tokio::test(start_paused = true)]
async fn a_client_may_take_what_is_stale_but_not_against_the_answers_word() {
    for (said, body) in [
        ("max-age=10", "1"),
        ("max-age=10, must-revalidate", "2"),
        ("s-maxage=10", "2"),
    ] {
        let kept = kept(json!({ "client_control": true }), move |call, _| {
            numbered(call, &[("cache-control", said), ("etag", "\"a\"")])
        });
        kept.get("/api/x").await;
        kept.pass(15);
        let stale = kept.get_with("/api/x", json!({ "cache-control": "max-stale=6" })).await;
        assert_eq!(stale.body, body, "{said}");
        if body == "1" {
            assert_eq!(
                (stale.outcome(), stale.cache_status()),
                ("stale", "tollgate; hit; ttl=-5")
            );
            kept.pass(1);
            let too_old = kept.get_with("/api/x", json!({ "cache-control": "max-stale=6" })).await;
            assert_eq!(too_old.body, "2");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_if_cached_asks_nobody() {
    let kept = kept(json!({}), max_age);
    let only = || json!({ "cache-control": "only-if-cached" });
    let nothing = kept.get_with("/api/x", only()).await;
    assert_eq!(
        (nothing.status, &nothing.log["error"], &nothing.log["fault"]),
        (504, &json!("not_cached"), &json!("client"))
    );
    assert_eq!(kept.calls(), 0);
    kept.get("/api/x").await;
    assert_eq!(kept.get_with("/api/x", only()).await.outcome(), "hit");
}

#[tokio::test(start_paused = true)]
async fn a_clients_no_store_keeps_its_answer_out_and_is_answered_from_what_is_there() {
    let kept = kept(json!({}), max_age);
    let no_store = || json!({ "cache-control": "no-store" });
    kept.get_with("/api/x", no_store()).await;
    assert_eq!(kept.get("/api/x").await.body, "2");
    assert_eq!(kept.get_with("/api/x", no_store()).await.outcome(), "hit");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_kept_by_a_time_of_its_own() {
    let kept = kept(
        json!({ "ttl": "1m", "negative_ttl": "5s" }),
        |call, request| match request.uri().path() {
            "/gone" => answer(410, &[], &call.to_string()),
            "/forbidden" => answer(403, &[], &call.to_string()),
            _ => answer(404, &[], &call.to_string()),
        },
    );
    for path in ["/api/gone", "/api/missing"] {
        let first = kept.get(path).await;
        kept.pass(4);
        let again = kept.get(path).await;
        assert_eq!(
            (&again.body, again.outcome(), &again.log["fault"]),
            (&first.body, "hit", &json!("client")),
            "{path}"
        );
        kept.pass(1);
        assert_ne!(kept.get(path).await.body, first.body, "{path}");
    }
    kept.get("/api/forbidden").await;
    assert_eq!(kept.get("/api/forbidden").await.outcome(), "miss");
}
