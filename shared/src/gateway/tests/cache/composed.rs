//! A cache beside what else makes an answer: shares of a split, parts of an aggregate, texts that are filled, fallbacks.

use super::*;

/// One route that nobody has to show a credential for, with these keys beside its cache.
fn route(
    keys: Value,
    script: impl Fn(usize, &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> + Send + Sync + 'static,
) -> Kept {
    let mut route = json!({ "path": "/api/**", "auth": "none", "cache": {} });
    let more = keys.as_object().expect("keys of a route").clone();
    route.as_object_mut().expect("a route").extend(more);
    of(json!({ "routes": [route] }), Duration::ZERO, script)
}

async fn with_headers(kept: &Kept, headers: Value) -> Got {
    kept.handle(&request("GET", "/api/x", headers)).await
}

fn json_answer(body: &str) -> Result<Response<Bytes>, CallError> {
    let lines = [("content-type", "application/json"), ("cache-control", "max-age=60")];
    answer(200, &lines, body)
}

#[tokio::test(start_paused = true)]
async fn each_share_of_a_split_has_answers_of_its_own() {
    let shares = json!([
        { "upstream": "http://stable.internal", "weight": 1 },
        { "upstream": "http://canary.internal", "weight": 1 }
    ]);
    let kept = route(
        json!({ "split": shares, "sticky": "header:X-Visitor" }),
        |_, request| {
            let host = request.uri().host().unwrap_or_default().to_owned();
            answer(200, &[("cache-control", "max-age=60")], &host)
        },
    );
    for visitor in 0..20 {
        for _ in 0..2 {
            let got = with_headers(&kept, json!({ "x-visitor": visitor.to_string() })).await;
            assert!(
                got.body.starts_with(
                    got.log["variant"]
                        .as_str()
                        .expect("a variant")
                        .trim_start_matches("http://")
                ),
                "{got:?}"
            );
        }
    }
    assert_eq!(kept.calls(), 2, "one for each share");
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_is_kept_whole_and_never_in_part() {
    let keys = json!({
        "aggregate": {
            "user": { "upstream": "http://users.internal", "path": "/u", "required": true },
            "more": { "upstream": "http://more.internal", "path": "/m" }
        },
        // No rule for headers makes a whole of it.
        "transform": { "response": { "headers": { "remove": ["X-Partial"], "set": { "Cache-Control": "max-age=60" } } } }
    });
    let kept = route(keys, |call, request| match request.uri().host() {
        Some("more.internal") if call <= 2 => Err(CallError::Connect("refused".into())),
        _ => json_answer("1"),
    });
    for (body, outcome) in [
        (r#"{"user":1}"#, "miss"),
        (r#"{"more":1,"user":1}"#, "miss"),
        (r#"{"more":1,"user":1}"#, "hit"),
    ] {
        let got = kept.get("/api/x").await;
        assert_eq!((&*got.body, got.outcome()), (body, outcome));
    }
    assert_eq!(kept.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_texts_are_filled_with_keeps_answers_apart_and_goes_nowhere_else() {
    let filled = [
        json!({ "upstream": "http://service.internal", "transform": { "request": { "query": { "set": { "tone": "{header.X-Tone}" } } } } }),
        json!({ "upstream": "http://service.internal", "transform": { "response": { "headers": { "set": { "X-Said": "{header.X-Tone}" } } } } }),
        json!({ "aggregate": { "a": { "upstream": "http://service.internal", "path": "/a?tone={header.X-Tone}" } } }),
    ];
    for keys in filled {
        let kept = route(keys.clone(), |call, request| {
            assert!(!request.headers().contains_key("x-tone"), "its name is in no vary");
            json_answer(&call.to_string())
        });
        let mut got = Vec::new();
        for tone in ["low", "high", "low", "a, b", "a,b"] {
            got.push(
                with_headers(&kept, json!({ "x-tone": tone }))
                    .await
                    .outcome()
                    .to_owned(),
            );
        }
        assert_eq!(got, ["miss", "miss", "hit", "miss", "miss"], "{keys}");
    }
}

#[tokio::test(start_paused = true)]
async fn public_answers_that_are_filled_with_a_claim_are_for_those_who_have_it() {
    let config = json!({
        "auth": { "methods": { "door": { "type": "platform", "from": "jwt" } }, "default": ["door"] },
        "routes": [{
            "path": "/api/**", "upstream": "http://service.internal", "cache": { "public": true },
            "transform": { "request": { "path": "/tenants/{claims.tenant}" } }
        }]
    });
    let kept = of(config, Duration::ZERO, |_, request| {
        answer(200, &[("cache-control", "max-age=60")], request.uri().path())
    });
    for (sub, tenant, outcome) in [("ann", "t1", "miss"), ("bob", "t1", "hit"), ("cay", "t2", "miss")] {
        let mut event = request("GET", "/api/x", json!({}));
        event["requestContext"]["authorizer"] =
            json!({ "jwt": { "claims": { "sub": sub, "tenant": tenant }, "scopes": null } });
        let got = kept.handle(&event).await;
        assert_eq!(
            (&*got.body, got.outcome()),
            (&*format!("/tenants/{tenant}"), outcome),
            "{sub}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_better_than_a_fallback_and_a_fallback_is_not_kept() {
    let keys = json!({
        "upstream": "http://service.internal",
        "fallback": { "body": "instead" },
        "cache": { "stale_if_error": "1m" },
        "transform": { "response": { "headers": { "set": { "Cache-Control": "max-age=60" } } } }
    });
    let kept = route(keys, |call, _| match call {
        2 => numbered(call, &[]),
        _ => Err(CallError::Connect("refused".into())),
    });
    for (body, outcome) in [("instead", "miss"), ("2", "miss"), ("2", "hit")] {
        let got = kept.get("/api/x").await;
        assert_eq!((&*got.body, got.outcome()), (body, outcome));
    }
    kept.pass(61);
    let got = kept.get("/api/x").await;
    assert_eq!((&*got.body, got.outcome()), ("2", "stale"));
    kept.pass(120);
    assert_eq!(kept.get("/api/x").await.body, "instead");
}

/// Who hides a cookie from clients has not said that the answer that came with it is for everybody.
#[tokio::test(start_paused = true)]
async fn no_rule_for_headers_makes_an_answer_of_one_caller_an_answer_for_all() {
    let words = [
        ("set-cookie", "sid=1"),
        ("cache-control", "private"),
        ("cache-control", "max-age=60, no-store"),
        ("vary", "*"),
    ];
    for word in words {
        let keys = json!({
            "upstream": "http://service.internal",
            "transform": { "response": { "headers": {
                "remove": ["Set-Cookie", "Vary"], "set": { "Cache-Control": "max-age=60" }
            } } }
        });
        let kept = route(keys, move |call, _| numbered(call, &[word]));
        for body in ["1", "2"] {
            let got = kept.get("/api/x").await;
            assert_eq!((&*got.body, got.outcome()), (body, "miss"), "{word:?}");
            assert_eq!(got.header("cache-control"), "max-age=60");
        }
    }
}

/// The same where the service only says that what is kept still holds.
#[tokio::test(start_paused = true)]
async fn a_cookie_that_comes_with_a_304_ends_what_was_kept() {
    let keys = json!({
        "upstream": "http://service.internal",
        "transform": { "response": { "headers": { "remove": ["Set-Cookie"] } } }
    });
    let kept = route(keys, |call, request| match request.headers().get("if-none-match") {
        Some(_) => answer(
            304,
            &[
                ("etag", "\"a\""),
                ("set-cookie", "sid=1"),
                ("cache-control", "max-age=60"),
            ],
            "",
        ),
        None => numbered(call, &[("etag", "\"a\""), ("cache-control", "max-age=60")]),
    });
    assert_eq!(kept.get("/api/x").await.body, "1");
    kept.pass(61);
    let got = kept.get("/api/x").await;
    assert_eq!((&*got.body, got.outcome()), ("1", "revalidated"));
    let got = kept.get("/api/x").await;
    assert_eq!((&*got.body, got.outcome()), ("3", "miss"));
}

#[tokio::test(start_paused = true)]
async fn a_route_by_accept_tells_its_service_what_is_accepted() {
    let kept = route(
        json!({ "upstream": "http://service.internal", "accept": ["application/vnd.x.v2+json"] }),
        |_, request| {
            let accept = request
                .headers()
                .get("accept")
                .map(|accept| accept.to_str().expect("visible").to_owned());
            answer(200, &[("cache-control", "max-age=60")], &accept.unwrap_or_default())
        },
    );
    for (accept, outcome) in [
        ("application/vnd.x.v2+json", "miss"),
        ("*/*", "miss"),
        ("application/vnd.x.v2+json", "hit"),
    ] {
        let got = with_headers(&kept, json!({ "accept": accept })).await;
        assert_eq!((&*got.body, got.outcome()), (accept, outcome));
        assert_eq!(got.header("vary"), "Accept");
    }
}

#[tokio::test(start_paused = true)]
async fn no_rule_for_headers_hides_that_an_answer_may_not_be_kept() {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("cache-control", "Private"),
        ("set-cookie", "a=b"),
        ("set-cookie2", "a=b"),
        ("vary", "accept, *"),
    ] {
        let keys = json!({
            "upstream": "http://service.internal",
            "cache": { "ttl": "1m", "public": true },
            "transform": { "response": { "headers": {
                "remove": ["Set-Cookie", "Set-Cookie2", "Vary"], "set": { "Cache-Control": "public, max-age=60" }
            } } }
        });
        let kept = route(keys, move |call, _| numbered(call, &[(name, value)]));
        for body in ["1", "2"] {
            let got = kept.get("/api/x").await;
            assert_eq!((&*got.body, got.outcome()), (body, "miss"), "{name}: {value}");
            assert_eq!(got.header("cache-control"), "public, max-age=60");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nor_that_a_304_says_so() {
    let keys = json!({
        "upstream": "http://service.internal",
        "transform": { "response": { "headers": { "set": { "Cache-Control": "max-age=1" } } } }
    });
    let kept = route(keys, |call, _| match call {
        1 => numbered(call, &[("etag", "\"a\"")]),
        2 => answer(304, &[("etag", "\"a\""), ("cache-control", "private")], ""),
        _ => numbered(call, &[]),
    });
    for (wait, body, outcome) in [(0, "1", "miss"), (1, "1", "revalidated"), (0, "3", "miss")] {
        kept.pass(wait);
        let got = kept.get("/api/x").await;
        assert_eq!((&*got.body, got.outcome()), (body, outcome));
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_service_said_first_does_not_reword_the_fallback_that_stands_in_for_its_second_answer() {
    let config = json!({
        "errors": { "upstream": "wrap" },
        "routes": [{
            "path": "/api/**", "upstream": "http://service.internal", "auth": "none", "cache": {},
            "fallback": { "body": "instead" }
        }]
    });
    let kept = of(config, Duration::ZERO, |call, _| match call {
        1 => answer(404, &[("vary", "accept-language")], "not here"),
        _ => Err(CallError::Connect("refused".into())),
    });
    let got = with_headers(&kept, json!({ "accept-language": "de" })).await;
    assert_eq!((got.status, &*got.body, kept.calls()), (200, "instead", 2));
}
