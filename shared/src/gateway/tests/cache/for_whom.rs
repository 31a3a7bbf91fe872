//! Who gets whose answer, and what services are told of those whose answers others get.

use super::*;

/// Callers proven by the front door's own word.
fn with_callers(cache: Value) -> Kept {
    let config = json!({
        "auth": { "methods": { "door": { "type": "platform", "from": "jwt",
            "claims_to_headers": { "sub": "X-User-Id", "role": "X-User-Role" } } }, "default": ["door"] },
        "routes": [
            { "id": "own", "path": "/own/**", "upstream": "http://service.internal:3000", "cache": cache },
            { "id": "either", "path": "/either/**", "upstream": "http://service.internal:3000", "cache": cache,
              "auth": { "optional": true } }
        ]
    });
    of(config, Duration::ZERO, |call, request| {
        let user = request
            .headers()
            .get("x-user-id")
            .map(|user| user.to_str().expect("visible").to_owned());
        answer(
            200,
            &[("cache-control", "max-age=60")],
            &format!("{} {call}", user.unwrap_or_else(|| "nobody".into())),
        )
    })
}

async fn as_caller(kept: &Kept, path: &str, claims: Value) -> Got {
    let mut event = request("GET", path, json!({}));
    event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
    kept.handle(&event).await
}

#[tokio::test(start_paused = true)]
async fn callers_never_share_answers_unless_they_are_public() {
    let kept = with_callers(json!({}));
    for (claims, body) in [
        (json!({ "sub": "ann" }), "ann 1"),
        (json!({ "sub": "bob" }), "bob 2"),
        (json!({ "sub": "ann", "role": "admin" }), "ann 3"),
        (json!({ "sub": "ann", "exp": "9999999999" }), "ann 1"),
        (json!({ "sub": "bob" }), "bob 2"),
    ] {
        assert_eq!(as_caller(&kept, "/own/x", claims).await.body, body);
    }
    assert_eq!(kept.get("/own/x").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn public_answers_are_everybodys_and_the_service_is_not_told_who_asks() {
    let kept = with_callers(json!({ "public": true }));
    assert_eq!(
        as_caller(&kept, "/own/x", json!({ "sub": "ann" })).await.body,
        "nobody 1"
    );
    assert_eq!(
        as_caller(&kept, "/own/x", json!({ "sub": "bob" })).await.body,
        "nobody 1"
    );
    assert_eq!(kept.get("/own/x").await.status, 401, "who may ask is another matter");
}

#[tokio::test(start_paused = true)]
async fn who_shows_no_credential_where_none_is_needed_shares_with_such_alone() {
    let kept = with_callers(json!({}));
    assert_eq!(
        as_caller(&kept, "/either/x", json!({ "sub": "ann" })).await.body,
        "ann 1"
    );
    assert_eq!(kept.get("/either/x").await.body, "nobody 2");
    assert_eq!(kept.get("/either/x").await.body, "nobody 2");
    assert_eq!(
        as_caller(&kept, "/either/x", json!({ "sub": "ann" })).await.body,
        "ann 1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bad_credential_never_reaches_the_cache() {
    let config = json!({
        "auth": { "type": "jwt", "jwks_uri": "https://idp.example.com/keys", "issuer": "https://idp.example.com",
                  "audiences": ["api"] },
        "routes": [{ "path": "/**", "upstream": "http://service.internal:3000", "auth": { "optional": true },
                     "cache": { "ttl": "1m" } }]
    });
    let kept = of(config, Duration::ZERO, max_age);
    assert_eq!(kept.get("/x").await.status, 200);
    let bad = kept.get_with("/x", json!({ "authorization": "Bearer x.y.z" })).await;
    assert_eq!((bad.status, bad.outcome()), (401, "none"));
}

/// What a client may try.
const HOSTILE: [(&str, &str); 19] = [
    ("accept", "text/evil"),
    ("accept-encoding", "evil"),
    ("accept-language", "evil"),
    ("authorization", "Basic ZXZpbA=="),
    ("content-type", "text/evil"),
    ("cookie", "evil=1"),
    ("forwarded", "host=evil.example.com"),
    ("origin", "https://evil.example.com"),
    ("referer", "https://evil.example.com"),
    ("user-agent", "evil"),
    ("x-forwarded-host", "evil.example.com"),
    ("x-forwarded-proto", "evil"),
    ("x-forwarded-scheme", "evil"),
    ("x-forwarded-prefix", "/evil"),
    ("x-host", "evil.example.com"),
    ("x-http-method-override", "DELETE"),
    ("x-original-url", "/evil"),
    ("x-rewrite-url", "/evil"),
    ("x-user-id", "evil"),
];

#[tokio::test(start_paused = true)]
async fn nothing_that_answers_are_not_kept_apart_by_reaches_the_service() {
    let kept = kept(json!({ "ttl": "1m", "vary": ["X-Tone"] }), max_age);
    let mut headers: Map<String, Value> = HOSTILE
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    headers.insert("x-tone".into(), "calm".into());
    kept.get_with("/api/x", Value::Object(headers)).await;
    let sent = kept.last_headers();
    for (name, value) in &sent {
        assert!(!value.to_str().expect("visible").contains("evil"), "{name}: {value:?}");
    }
    let mut names: Vec<&str> = sent.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "traceparent",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-request-id",
            "x-tone"
        ]
    );
    assert_eq!(sent["x-forwarded-host"], "api.example.com");
}

#[tokio::test(start_paused = true)]
async fn an_answer_made_for_one_port_is_not_given_to_another() {
    let kept = kept(json!({ "ttl": "1m" }), |call, request| {
        let host = request.headers()["x-forwarded-host"]
            .to_str()
            .expect("visible")
            .to_owned();
        answer(200, &[], &format!("{host} {call}"))
    });
    let poisoned = kept.get_with("/api/x", json!({ "host": "api.example.com:1337" })).await;
    assert_eq!(poisoned.body, "api.example.com:1337 1");
    assert_eq!(kept.get("/api/x").await.body, "api.example.com 2");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_looks_at_a_header_says_so_and_is_told_of_it() {
    let kept = kept(json!({}), |call, request| {
        let language = request
            .headers()
            .get("accept-language")
            .map_or("none", |value| value.to_str().expect("visible"));
        answer(
            200,
            &[
                ("cache-control", "max-age=60"),
                ("vary", "Accept-Language, Accept-Encoding"),
            ],
            &format!("{language} {call}"),
        )
    });
    let of = |language: &str| json!({ "accept-language": language, "accept-encoding": "br" });
    // The first that has one is asked for twice: only now anybody knows that it counts.
    let german = kept.get_with("/api/x", of("de")).await;
    assert_eq!(
        (&*german.body, german.cache_status()),
        ("de 2", "tollgate; fwd=vary-miss; stored; ttl=60")
    );
    assert_eq!(kept.get_with("/api/x", of("fr")).await.body, "fr 3");
    assert_eq!(kept.get_with("/api/x", of("de")).await.body, "de 2");
    assert_eq!(kept.get("/api/x").await.body, "none 4");
    assert_eq!(kept.get_with("/api/x", of("fr")).await.body, "fr 3");
    assert!(!kept.last_headers().contains_key("accept-encoding"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_names_another_header_each_time_is_not_asked_without_end() {
    let kept = kept(json!({ "ttl": "1m" }), |call, _| {
        answer(200, &[("vary", ["a", "b", "c"][call % 3])], &call.to_string())
    });
    let got = kept.get_with("/api/x", json!({ "a": "1", "b": "1", "c": "1" })).await;
    assert_eq!((kept.calls(), got.cache_status()), (2, "tollgate; fwd=vary-miss"));
}

#[tokio::test(start_paused = true)]
async fn of_one_key_only_so_many_variants_are_kept() {
    let kept = kept(json!({ "forward": ["x-tone"] }), |call, _| {
        numbered(call, &[("cache-control", "max-age=60"), ("vary", "x-tone")])
    });
    for tone in 0..20 {
        kept.get_with("/api/x", json!({ "x-tone": tone.to_string() })).await;
    }
    assert_eq!(
        kept.get_with("/api/x", json!({ "x-tone": "19" })).await.outcome(),
        "hit"
    );
    let first = kept.get_with("/api/x", json!({ "x-tone": "0" })).await;
    assert!(first.cache_status().starts_with("tollgate; fwd=vary-miss"), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn headers_that_a_route_asks_for_reach_its_service() {
    let mut config = public(json!({}));
    config["routes"][0]["headers"] = json!({ "X-Version": "2" });
    config["routes"][0]["cache"] = json!({ "ttl": "1m" });
    let kept = of(config, Duration::ZERO, max_age);
    kept.get_with("/api/x", json!({ "x-version": "2" })).await;
    assert_eq!(kept.last_headers()["x-version"], "2");
}

#[tokio::test(start_paused = true)]
async fn a_header_that_was_learnt_keeps_answers_apart_whether_they_name_it_or_not() {
    for name in ["cookie", "authorization"] {
        // In front of and behind what taught it, and without a word of it in what is made for somebody.
        for cache in [json!({ "ttl": "1m" }), json!({ "ttl": "1m", "public": true })] {
            let kept = kept(cache, move |_, request| match request.headers().get(name) {
                Some(own) => answer(200, &[], own.to_str().expect("visible")),
                None => answer(200, &[("vary", name)], "nobody"),
            });
            let of = |who: &str| json!({ name: who });
            assert_eq!(kept.get_with("/api/x", of("ann")).await.body, "ann", "{name}");
            assert_eq!(kept.get("/api/x").await.body, "nobody", "{name}");
            assert_eq!(kept.get_with("/api/x", of("bob")).await.body, "bob", "{name}");
            let again = kept.get_with("/api/x", of("ann")).await;
            assert_eq!((&*again.body, again.outcome()), ("ann", "hit"), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_forwarded_needs_the_answers_leave_although_another_answer_named_it() {
    let kept = kept(
        json!({ "ttl": "1m", "forward": ["authorization"] }),
        |_, request| match request.headers().get("authorization") {
            Some(own) => answer(200, &[], own.to_str().expect("visible")),
            None => answer(200, &[("vary", "authorization")], "nobody"),
        },
    );
    kept.get("/api/x").await;
    kept.get_with("/api/x", json!({ "authorization": "ann" })).await;
    let bob = kept.get_with("/api/x", json!({ "authorization": "bob" })).await;
    assert_eq!((&*bob.body, &*kept.get("/api/x").await.body), ("bob", "nobody"));
}

#[tokio::test(start_paused = true)]
async fn of_who_asks_for_public_answers_the_service_cannot_even_learn() {
    let config = json!({
        "auth": { "methods": { "door": { "type": "platform", "from": "jwt" } }, "default": ["door"] },
        "routes": [{ "path": "/own/**", "upstream": "http://service.internal:3000", "cache": { "public": true } }]
    });
    let kept = of(config, Duration::ZERO, |call, request| {
        assert!(!request.headers().contains_key("x-user-id"));
        numbered(call, &[("cache-control", "max-age=60"), ("vary", "X-User-Id")])
    });
    for sub in ["ann", "bob"] {
        assert_eq!(as_caller(&kept, "/own/x", json!({ "sub": sub })).await.body, "1");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_learnt_of_answers_that_are_not_kept_is_known_the_next_time() {
    let kept = kept(json!({ "ttl": "1m" }), |call, request| {
        let lines = [("vary", "cookie"), ("cache-control", "private")];
        let who = request
            .headers()
            .get("cookie")
            .map(|cookie| cookie.to_str().expect("visible"));
        answer(200, &lines, &format!("{} {call}", who.unwrap_or("nobody")))
    });
    for body in ["ann 2", "ann 3"] {
        assert_eq!(kept.get_with("/api/x", json!({ "cookie": "ann" })).await.body, body);
    }
    let twice = super::kept(json!({ "ttl": "1m" }), |call, request| {
        let told = request.headers().contains_key("a");
        answer(200, &[("vary", if told { "a, b" } else { "a" })], &call.to_string())
    });
    for (body, outcome) in [("2", "miss"), ("3", "miss"), ("3", "hit")] {
        let got = twice.get_with("/api/x", json!({ "a": "1", "b": "1" })).await;
        assert_eq!((&*got.body, got.outcome()), (body, outcome));
    }
}

#[tokio::test(start_paused = true)]
async fn a_charge_is_given_back_once_however_often_the_service_was_asked() {
    let mut config = public(json!({
        "rate_limiting": { "default": { "requests_per_hour": 10, "charge_on": "success" } }
    }));
    config["routes"][0]["cache"] = json!({});
    let kept = of(config.clone(), Duration::ZERO, |_, request| {
        match request.uri().path() {
            "/down" => answer(500, &[("vary", "accept-language")], ""),
            _ => answer(200, &[], ""),
        }
    })
    .beside(&config, crate::limit::testing::ModelStore::with([]));
    let mut remaining = Vec::new();
    for path in ["/api/x", "/api/x", "/api/down", "/api/x"] {
        let got = kept.get_with(path, json!({ "accept-language": "de" })).await;
        remaining.push(got.header("x-ratelimit-remaining").to_owned());
    }
    assert_eq!(kept.calls(), 5);
    assert_eq!(remaining, ["9", "8", "7", "7"]);
}
