//! Requests that come while the same answer is on its way.

use super::*;

/// So many at once.
async fn at_once(kept: &Kept, requests: Vec<Value>) -> Vec<Got> {
    futures_util::future::join_all(requests.iter().map(|request| kept.handle(request))).await
}

fn slow(
    cache: Value,
    script: impl Fn(usize, &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> + Send + Sync + 'static,
) -> Kept {
    let mut config = public(json!({}));
    config["routes"][0]["cache"] = cache;
    of(config, Duration::from_secs(1), script)
}

fn same(count: usize) -> Vec<Value> {
    (0..count).map(|_| request("GET", "/api/x", json!({}))).collect()
}

#[tokio::test(start_paused = true)]
async fn one_asks_and_the_others_take_its_answer() {
    let kept = slow(json!({}), max_age);
    let got = at_once(&kept, same(50)).await;
    assert_eq!(kept.calls(), 1);
    assert!(got.iter().all(|got| got.body == "1"));
    assert_eq!(got[0].cache_status(), "tollgate; fwd=miss; stored; ttl=60");
    for other in &got[1..] {
        assert_eq!(other.cache_status(), "tollgate; fwd=miss; collapsed; ttl=60");
        assert_eq!(other.log["latency"], 1000.0);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_may_not_be_shared_is_each_ones_own_and_nobody_queues_for_it() {
    for forbidden in ["no-store", "private, max-age=60", "max-age=0"] {
        let kept = slow(json!({ "ttl": "1m" }), move |call, _| {
            numbered(call, &[("cache-control", forbidden)])
        });
        let got = at_once(&kept, same(20)).await;
        assert_eq!(kept.calls(), 20, "{forbidden}");
        let mut bodies: Vec<&str> = got.iter().map(|got| &*got.body).collect();
        bodies.sort_unstable();
        bodies.dedup();
        assert_eq!(bodies.len(), 20, "{forbidden}");
        assert!(
            got.iter().all(|got| got.log["latency"].as_f64() <= Some(2000.0)),
            "{forbidden}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_too_large_to_keep_is_still_shared_by_those_who_waited() {
    let kept = slow(json!({ "max_size": "1B" }), |call, _| {
        numbered(call + 10, &[("cache-control", "max-age=60")])
    });
    let got = at_once(&kept, same(5)).await;
    assert!(got.iter().all(|got| got.body == "11"));
    assert_eq!(kept.get("/api/x").await.body, "12");
}

#[tokio::test(start_paused = true)]
async fn who_asks_otherwise_does_not_take_it() {
    let kept = slow(json!({ "forward": ["x-tone"] }), |call, _| {
        numbered(call, &[("cache-control", "max-age=60"), ("vary", "x-tone")])
    });
    let loud = request("GET", "/api/x", json!({ "x-tone": "loud" }));
    let calm = request("GET", "/api/x", json!({ "x-tone": "calm" }));
    let got = at_once(&kept, vec![loud.clone(), calm.clone(), loud]).await;
    let bodies: Vec<&str> = got.iter().map(|got| &*got.body).collect();
    assert_eq!(bodies, ["1", "2", "1"]);
    assert_eq!(kept.handle(&calm).await.body, "2");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_lets_another_ask() {
    let kept = slow(json!({}), max_age);
    let first = kept.get("/api/x");
    let dropped = tokio::time::timeout(Duration::from_millis(500), first).await;
    assert!(dropped.is_err());
    // One that waits while the first is given up.
    let gateway = Arc::clone(&kept.gateway);
    let event = request("GET", "/api/y", json!({})).to_string();
    let leader = tokio::spawn(async move { gateway.handle(&event, NOW.plus(Duration::from_secs(20))).await });
    tokio::task::yield_now().await;
    let waits = async { kept.get("/api/y").await };
    let gives_up = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        leader.abort();
    };
    let (got, ()) = tokio::join!(waits, gives_up);
    assert_eq!((got.status, got.log["latency"].as_f64()), (200, Some(1500.0)));
    assert_eq!(kept.get("/api/x").await.outcome(), "miss");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_his_own_time() {
    let kept = slow(json!({}), max_age);
    let gateway = &kept.gateway;
    let event = request("GET", "/api/x", json!({})).to_string();
    let (_, hasty) = tokio::join!(
        kept.get("/api/x"),
        gateway.handle(&event, NOW.plus(Duration::from_millis(750)))
    );
    let log: Value = serde_json::from_str(&hasty.expect("an HTTP event").log).expect("JSON");
    assert_eq!((&log["status"], &log["latency"]), (&json!(504), &json!(500.0)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_each_ones_own() {
    let kept = slow(json!({}), |_, _| Err(CallError::Broken("reset".into())));
    let got = at_once(&kept, same(5)).await;
    assert_eq!(kept.calls(), 5);
    assert!(
        got.iter()
            .all(|got| got.status == 502 && got.log["latency"].as_f64() <= Some(2000.0))
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_a_write_is_no_answer_to_who_came_after_it() {
    // Asked for twice, for the header it looks at: from 0 s to 2 s.
    let kept = slow(json!({}), |call, _| {
        numbered(call, &[("cache-control", "max-age=60"), ("vary", "accept-language")])
    });
    let read = || kept.get_with("/api/x", json!({ "accept-language": "de" }));
    let write = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        kept.send("POST", "/api/x", json!({})).await;
        read().await
    };
    let (before, after) = tokio::join!(read(), write);
    assert_eq!((&*before.body, &*after.body), ("3", "4"));
}
