//! Answers in the state table, for several environments.

use super::*;
use crate::auth::testing::MemoryStore;

/// Environments of one config, on one table, with one clock and one service.
struct Fleet {
    environments: Vec<Kept>,
    store: Arc<MemoryStore>,
}

fn config(cache: Value) -> Value {
    let mut config = public(json!({}));
    config["routes"][0]["cache"] = cache;
    config
}

fn fleet(
    configs: &[Value],
    script: impl Fn(usize, &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> + Send + Sync + 'static,
) -> Fleet {
    let store = Arc::new(MemoryStore::default());
    let first = of(configs[0].clone(), Duration::ZERO, script);
    let environments = configs
        .iter()
        .map(|config| first.beside(config, Arc::clone(&store) as _));
    Fleet {
        environments: environments.collect(),
        store,
    }
}

fn two(
    cache: Value,
    script: impl Fn(usize, &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> + Send + Sync + 'static,
) -> Fleet {
    let config = config(cache);
    fleet(&[config.clone(), config], script)
}

#[tokio::test(start_paused = true)]
async fn what_one_environment_keeps_another_gives() {
    let fleet = two(json!({ "tier": "table", "forward": ["x-tone"] }), |call, _| {
        numbered(
            call,
            &[
                ("cache-control", "max-age=60"),
                ("vary", "x-tone"),
                ("link", "</1>"),
                ("link", "</2>"),
            ],
        )
    });
    let [one, other] = &fleet.environments[..] else {
        panic!("two")
    };
    let calm = || json!({ "x-tone": "calm" });
    assert_eq!(
        one.get_with("/api/x", calm()).await.cache_status(),
        "tollgate; fwd=miss; stored; ttl=60"
    );
    one.pass(20);
    let got = other.get_with("/api/x", calm()).await;
    assert_eq!((&*got.body, got.outcome(), got.header("age")), ("1", "hit", "20"));
    assert_eq!(got.header("link"), "</1>, </2>");
    assert_eq!(other.get_with("/api/x", json!({ "x-tone": "loud" })).await.body, "2");
    let reads = fleet.store.reads();
    assert_eq!(other.get_with("/api/x", calm()).await.outcome(), "hit");
    assert_eq!(fleet.store.reads(), reads, "by now it is in the memory");
}

#[tokio::test(start_paused = true)]
async fn memory_alone_touches_no_table() {
    let fleet = two(json!({ "ttl": "1m" }), max_age);
    for kept in &fleet.environments {
        kept.get("/api/x").await;
        kept.send("POST", "/api/x", json!({})).await;
    }
    assert_eq!((fleet.store.reads(), fleet.store.writes()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_under_another_config_is_not_found() {
    let mut hides = config(json!({ "tier": "table" }));
    hides["transformations"] = json!([{ "path": "/api/**", "response": { "remove_fields": ["secret"] } }]);
    let fleet = fleet(&[config(json!({ "tier": "table" })), hides], |_, _| {
        answer(
            200,
            &[("cache-control", "max-age=60"), ("content-type", "application/json")],
            r#"{"secret":1}"#,
        )
    });
    assert_eq!(fleet.environments[0].get("/api/x").await.body, r#"{"secret":1}"#);
    let hidden = fleet.environments[1].get("/api/x").await;
    assert_eq!((&*hidden.body, hidden.outcome()), ("{}", "miss"));
}

#[tokio::test(start_paused = true)]
async fn a_table_that_fails_or_stalls_is_a_miss_and_bounded() {
    let fleet = two(json!({ "tier": "table" }), max_age);
    let [one, other] = &fleet.environments[..] else {
        panic!("two")
    };
    fleet.store.goes_down();
    assert_eq!(
        one.get("/api/x").await.cache_status(),
        "tollgate; fwd=miss; stored; ttl=60"
    );
    assert_eq!(other.get("/api/x").await.body, "2");
    fleet.store.comes_back();
    fleet.store.stalls();
    let stalled = other.get("/api/y").await;
    assert_eq!((stalled.status, stalled.log["latency"].as_f64()), (200, Some(300.0)));
    // Twice was enough: nobody waits for it again at once.
    assert_eq!(other.get("/api/z").await.log["latency"], 0.0);
    assert_eq!(other.get("/api/z").await.outcome(), "hit", "the memory serves on");
}

#[tokio::test(start_paused = true)]
async fn a_write_in_one_environment_reaches_the_table() {
    let fleet = two(json!({ "tier": "table" }), |call, request| match *request.method() {
        http::Method::GET => max_age(call, request),
        _ => answer(201, &[("location", "/y")], ""),
    });
    let [one, other] = &fleet.environments[..] else {
        panic!("two")
    };
    for path in ["/api/x", "/api/y", "/api/z"] {
        one.get(path).await;
    }
    one.pass(1);
    one.send("POST", "/api/x", json!({})).await;
    for (path, outcome) in [("/api/x", "miss"), ("/api/y", "miss"), ("/api/z", "hit")] {
        assert_eq!(other.get(path).await.outcome(), outcome, "{path}");
    }
    assert_eq!(
        one.get("/api/x").await.outcome(),
        "miss",
        "asked for in the moment of the write"
    );
    // What is asked for after it is kept again, and found.
    one.pass(1);
    assert_eq!(one.get("/api/x").await.outcome(), "miss");
    assert_eq!(other.get("/api/x").await.outcome(), "hit");
}

#[tokio::test(start_paused = true)]
async fn many_who_miss_together_read_the_table_once() {
    let fleet = two(json!({ "tier": "table" }), max_age);
    let [one, other] = &fleet.environments[..] else {
        panic!("two")
    };
    one.get("/api/x").await;
    let before = fleet.store.reads();
    fleet.store.takes(Duration::from_millis(20));
    let event = request("GET", "/api/x", json!({}));
    let got = futures_util::future::join_all((0..20).map(|_| other.handle(&event))).await;
    assert!(got.iter().all(|got| got.body == "1" && got.log["latency"] == 20.0));
    assert_eq!(
        fleet.store.reads() - before,
        2,
        "the answer, and the last write to its place"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_for_an_item_stays_in_memory() {
    let fleet = two(json!({ "tier": "table" }), |call, _| {
        let body = format!("{call}{}", "x".repeat(350_000));
        answer(200, &[("cache-control", "max-age=60")], &body)
    });
    let [one, other] = &fleet.environments[..] else {
        panic!("two")
    };
    one.get("/api/x").await;
    assert_eq!(one.get("/api/x").await.outcome(), "hit");
    assert_eq!(other.get("/api/x").await.outcome(), "miss");
    assert_eq!(fleet.store.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_a_day_old() {
    let fleet = two(json!({ "tier": "table" }), |call, _| {
        numbered(call, &[("cache-control", "max-age=864000")])
    });
    let [one, other] = &fleet.environments[..] else {
        panic!("two")
    };
    one.get("/api/x").await;
    one.pass(24 * 60 * 60);
    assert_eq!(
        other.get("/api/x").await.body,
        "2",
        "whoever wrote there may be forgotten"
    );
}

#[tokio::test(start_paused = true)]
async fn head_and_only_if_cached_find_what_is_in_the_table() {
    let fleet = two(json!({ "tier": "table" }), max_age);
    let [one, other] = &fleet.environments[..] else {
        panic!("two")
    };
    one.get("/api/x").await;
    assert_eq!(other.send("HEAD", "/api/x", json!({})).await.outcome(), "hit");
    one.get("/api/y").await;
    let only = json!({ "cache-control": "only-if-cached" });
    assert_eq!(other.get_with("/api/y", only).await.outcome(), "hit");
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_given_once_more_in_each_environment_and_then_asked_for() {
    let fleet = two(json!({ "tier": "table", "stale_while_revalidate": "1m" }), max_age);
    let [one, other] = &fleet.environments[..] else {
        panic!("two")
    };
    one.get("/api/x").await;
    other.get("/api/x").await;
    one.pass(60);
    for (kept, outcome, body) in [
        (one, "stale", "1"),
        (one, "miss", "2"),
        (other, "stale", "1"),
        (other, "hit", "2"),
    ] {
        let got = kept.get("/api/x").await;
        assert_eq!((got.outcome(), &*got.body), (outcome, body));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_as_old_in_the_table_as_it_was_when_it_came() {
    let fleet = two(json!({ "tier": "table" }), |call, _| {
        numbered(call, &[("cache-control", "max-age=60"), ("age", "50")])
    });
    let [one, other] = &fleet.environments[..] else {
        panic!("two")
    };
    one.get("/api/x").await;
    one.pass(5);
    let got = other.get("/api/x").await;
    assert_eq!((got.outcome(), got.header("age")), ("hit", "55"));
    one.pass(5);
    assert_eq!(other.get("/api/x").await.body, "2");
}

#[tokio::test(start_paused = true)]
async fn what_this_environment_wrote_to_is_not_found_although_the_table_was_not_told() {
    let fleet = two(json!({ "tier": "table" }), max_age);
    let [one, _] = &fleet.environments[..] else {
        panic!("two")
    };
    one.get("/api/x").await;
    one.pass(1);
    fleet.store.goes_down();
    one.send("POST", "/api/x", json!({})).await;
    fleet.store.comes_back();
    assert_eq!(one.get("/api/x").await.body, "3");
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_in_the_table_takes_no_newer_ones_place() {
    let cache = json!({ "tier": "table", "client_control": true, "stale_if_error": "1h" });
    let fleet = two(cache, |call, request| match call {
        3 => Err(CallError::Connect("refused".into())),
        _ => max_age(call, request),
    });
    let [one, _] = &fleet.environments[..] else {
        panic!("two")
    };
    let anew = || json!({ "cache-control": "no-cache" });
    one.get("/api/x").await;
    one.pass(1);
    fleet.store.goes_down();
    assert_eq!(one.get_with("/api/x", anew()).await.body, "2");
    fleet.store.comes_back();
    assert_eq!(one.get_with("/api/x", anew()).await.body, "2");
    assert_eq!(one.get("/api/x").await.body, "2");
}
