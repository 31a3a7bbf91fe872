//! "Limits".
//!
//! Rates are per hour or day, so that no bucket refills while a test runs on a slow machine.

use serde_json::{Value, json};
use tollgate_tests::token::seconds_from_now;
use tollgate_tests::{Api, Event, Exchange, Gateway, Request, Stage, get, post};

crate::for_each_event_kind!(
    what_a_client_is_told,
    the_numbers_of_the_base_document,
    ten_a_minute,
    keys,
    which_rule_holds,
    limits_by_address_come_before_authentication,
    trusted_proxies_tell_addresses,
);

/// A stage whose document has these limits.
async fn limited(limits: Value) -> (Stage, Value) {
    let stage = Stage::set().await;
    let mut document = stage.document();
    document["rate_limiting"] = limits;
    (stage, document)
}

/// Sends requests until one is refused and tells how many were not.
async fn admitted(api: &Api, most: usize, request: impl Fn() -> Request) -> usize {
    for count in 0..most {
        let exchange = api.send(request()).await;
        if exchange.response.status == 429 {
            return count;
        }
        exchange.status(200);
    }
    most
}

fn number(x: &Exchange, header: &str) -> u64 {
    let value = x.response.header(header).unwrap_or_default();
    value
        .parse()
        .unwrap_or_else(|_| panic!("{header} is {value:?} in {x:?}"))
}

async fn what_a_client_is_told(event: Event) {
    let rate = json!({ "requests_per_hour": 3, "key": "header:X-User-Id" });
    let (stage, document) = limited(json!({ "default": rate })).await;
    let mut api = stage.open(event, &document).await;
    let token = api.stage.issuer.sign("usr_1");
    let request = || get("/api/orders/1").bearer(&token);
    for left in [2, 1, 0] {
        api.row("allowed answers carry the counts", request(), |x| {
            x.status(200)
                .got("X-RateLimit-Limit", Some("3"))
                .got("Retry-After", None);
            assert_eq!(number(x, "X-RateLimit-Remaining"), left);
            // One token comes back in 20 minutes.
            let full = seconds_from_now(((3 - left) * 1200).cast_signed());
            assert!(
                full.abs_diff(number(x, "X-RateLimit-Reset")) <= 30,
                "full at {full}: {x:?}"
            );
            x.got("RateLimit-Policy", Some(r#""default";q=3;w=3600"#));
            x.got_like("RateLimit", |value| {
                value.starts_with(&format!(r#""default";r={left};t="#))
            });
        })
        .await;
    }
    api.row("a refused one says when to come again", request(), |x| {
        x.error(429, "rate_limit_exceeded").reached_none();
        let wait = number(x, "Retry-After");
        assert!((1140..=1200).contains(&wait), "{x:?}");
        let body = x.response.json();
        assert_eq!(body["retry_after"], wait);
        assert_eq!(
            body["message"],
            format!("Too many requests. Retry after {wait} seconds.")
        );
        let members: Vec<_> = body.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(
            members.len(),
            4,
            "error, message, retry_after, request_id and no more: {members:?}"
        );
        assert!(
            body["request_id"].as_str().is_some_and(|id| id.starts_with("req_")),
            "{x:?}"
        );
        x.got("X-RateLimit-Limit", Some("3"))
            .got("X-RateLimit-Remaining", Some("0"));
        x.got("RateLimit-Policy", Some(r#""default";q=3;w=3600"#));
        x.got_like("RateLimit", |value| value.starts_with(r#""default";r=0;t="#));
    })
    .await;
    api.row("a public path counts by its address", get("/api/health"), |x| {
        x.status(200).got("X-RateLimit-Remaining", Some("2"));
    })
    .await;
    api.finish();
}

async fn the_numbers_of_the_base_document(event: Event) {
    let stage = Stage::set().await;
    let document = stage.document();
    let mut api = stage.open(event, &document).await;
    let token = api.stage.issuer.sign("usr_1");
    api.row(
        "100 a second with a burst of 20",
        get("/api/orders/1").bearer(&token),
        |x| {
            x.status(200)
                .got("X-RateLimit-Limit", Some("100"))
                .got("X-RateLimit-Remaining", Some("19"));
            x.got("RateLimit-Policy", Some(r#""default";q=100;w=1"#))
                .got("RateLimit", Some(r#""default";r=19;t=1"#));
        },
    )
    .await;
    api.row(
        "an override is a policy of its own",
        get("/api/search/x").bearer(&token),
        |x| {
            x.status(200)
                .got("X-RateLimit-Limit", Some("20"))
                .got("X-RateLimit-Remaining", Some("19"));
            x.got("RateLimit-Policy", Some(r#""/api/search/**";q=20;w=1"#));
        },
    )
    .await;
    api.finish();
}

async fn ten_a_minute(event: Event) {
    let stage = Stage::set().await;
    let document = stage.document();
    let api = stage.open(event, &document).await;
    let began = std::time::Instant::now();
    let count = admitted(&api, 30, || post("/api/auth/login", "{}")).await as u64;
    // "10 a minute alone: 10 at once, then one each 6 s".
    let at_most = 10 + began.elapsed().as_secs() / 6 + 1;
    assert!((10..=at_most).contains(&count), "{count} in {:?}", began.elapsed());
    let refused = api.send(post("/api/auth/login", "{}")).await;
    assert!(number(&refused, "Retry-After") <= 6, "{refused:?}");
    api.finish();
}

async fn keys(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.document();
    let url = stage.site.url();
    let route = |path: &str, key: Value| {
        let rate = json!({ "requests_per_day": 1, "key": key });
        json!({ "path": path, "upstream": url, "rate_limit": rate, "auth": { "optional": true } })
    };
    let mut by_client_header = route("/own-header", json!("header:X-Client"));
    by_client_header["rate_limit"]["trust_client_key"] = json!(true);
    document["routes"] = json!([
        route("/user", json!("header:X-User-Id")),
        route("/address", json!("client_ip")),
        route("/claim", json!("claim:tenant")),
        route("/route/**", json!("route")),
        route("/both", json!(["client_ip", "header:X-User-Id"])),
        by_client_header,
    ]);
    document["transformations"] = json!([]);
    let mut api = stage.open(event, &document).await;
    let sign = |api: &Api, subject: &str, tenant: &str| {
        let token = api.stage.issuer.token(subject).claim("tenant", tenant);
        token.sign(&api.stage.issuer.keys().es256)
    };
    let (ann, bob, cy) = (
        sign(&api, "ann", "acme"),
        sign(&api, "bob", "acme"),
        sign(&api, "cy", "other"),
    );
    let rows = [
        ("a verified header: the first of ann", get("/user").bearer(&ann), 200),
        ("the second of ann", get("/user").bearer(&ann), 429),
        (
            "what ann says about herself changes nothing",
            get("/user").bearer(&ann).header("X-User-Id", "zoe"),
            429,
        ),
        ("bob has a bucket of his own", get("/user").bearer(&bob), 200),
        ("absent: the client address", get("/user"), 200),
        ("which has one bucket", get("/user").header("X-User-Id", "zoe"), 429),
        ("client_ip: whoever comes first", get("/address").bearer(&ann), 200),
        ("client_ip: whoever comes then", get("/address").bearer(&bob), 429),
        (
            "client_ip: X-Forwarded-For is nothing",
            get("/address").header("X-Forwarded-For", "192.0.2.1"),
            429,
        ),
        ("claim: the first of the tenant", get("/claim").bearer(&ann), 200),
        ("claim: another of the tenant", get("/claim").bearer(&bob), 429),
        ("claim: another tenant", get("/claim").bearer(&cy), 200),
        ("claim: absent is the client address", get("/claim"), 200),
        ("route: everybody together", get("/route/a").bearer(&ann), 200),
        ("route: on all its paths", get("/route/b").bearer(&bob), 429),
        ("a list combines: ann here", get("/both").bearer(&ann), 200),
        ("a list combines: ann here again", get("/both").bearer(&ann), 429),
        ("a list combines: bob here", get("/both").bearer(&bob), 200),
        (
            "trust_client_key: a client's own header",
            get("/own-header").header("X-Client", "1"),
            200,
        ),
        (
            "trust_client_key: the same again",
            get("/own-header").header("X-Client", "1"),
            429,
        ),
        (
            "trust_client_key: another",
            get("/own-header").header("X-Client", "2"),
            200,
        ),
    ];
    for (sentence, request, status) in rows {
        api.row(sentence, request, |x| {
            x.status(status);
        })
        .await;
    }
    api.finish();
}

async fn which_rule_holds(event: Event) {
    let hourly = |n: u32| json!({ "requests_per_hour": n, "key": "header:X-User-Id" });
    let over = |path: &str, n: u32| json!({ "path": path, "requests_per_hour": n, "key": "header:X-User-Id" });
    let (stage, mut document) = limited(json!({
        "default": hourly(2),
        "overrides": [over("/api/**", 7), over("/api/search/**", 3), over("/api/search/deep/**", 4), over("/api/users/**", 5)],
    }))
    .await;
    let url = stage.site.url();
    let routes = document["routes"].as_array_mut().expect("routes");
    routes.push(json!({ "path": "/other/a", "upstream": url }));
    routes.push(json!({ "path": "/other/b", "upstream": url }));
    routes.push(json!({ "path": "/other/own", "id": "own", "upstream": url, "rate_limit": hourly(6) }));
    routes.push(json!({ "path": "/api/own", "upstream": url, "rate_limit": hourly(8) }));
    let mut api = stage.open(event, &document).await;
    let token = api.stage.issuer.sign("usr_1");
    let rows = [
        ("default: one bucket", "/other/a", "2", "1"),
        (
            "default: over all routes without a rule of their own",
            "/other/b",
            "2",
            "0",
        ),
        ("an override replaces the default", "/api/users/1", "5", "4"),
        ("the most specific path wins", "/api/search/x", "3", "2"),
        ("whatever the order of the file", "/api/search/deep/x", "4", "3"),
        (
            "an override is one bucket over the routes it covers",
            "/api/orders/1",
            "7",
            "6",
        ),
        ("over another of them", "/api/auth/me", "7", "5"),
        ("a route's own replaces the default", "/other/own", "6", "5"),
        ("a route's own replaces an override", "/api/own", "8", "7"),
    ];
    for (sentence, path, limit, remaining) in rows {
        api.row(sentence, get(path).bearer(&token), |x| {
            x.status(200)
                .got("X-RateLimit-Limit", Some(limit))
                .got("X-RateLimit-Remaining", Some(remaining));
        })
        .await;
    }
    api.row(
        "a route's own is named by the route's id",
        get("/other/own").bearer(&token),
        |x| {
            x.got("RateLimit-Policy", Some(r#""own";q=6;w=3600"#))
                .got("X-RateLimit-Remaining", Some("4"));
        },
    )
    .await;
    api.row(
        "the default was not charged for the others",
        get("/other/a").bearer(&token),
        |x| {
            x.error(429, "rate_limit_exceeded").reached_none();
        },
    )
    .await;
    api.finish();
}

async fn limits_by_address_come_before_authentication(event: Event) {
    let (stage, document) = limited(json!({ "default": { "requests_per_hour": 2, "key": "client_ip" } })).await;
    let mut api = stage.open(event, &document).await;
    for status in [401, 401, 429] {
        api.row("a request without a token is charged", get("/api/orders/1"), |x| {
            x.status(status).reached_none().every_answer();
        })
        .await;
    }
    let token = api.stage.issuer.sign("usr_1");
    api.row(
        "and with one it is refused before a key is asked for",
        get("/api/orders/1").bearer(token),
        |x| {
            x.error(429, "rate_limit_exceeded");
        },
    )
    .await;
    assert_eq!(api.stage.issuer.fetches(), 0);
    api.finish();
}

async fn trusted_proxies_tell_addresses(event: Event) {
    let (stage, mut document) = limited(json!({ "default": { "requests_per_hour": 1, "key": "client_ip" } })).await;
    document["trusted_proxies"] = json!(["127.0.0.0/8", "198.51.100.7"]);
    let gateway = Gateway::start(document.to_string()).event(event);
    let mut api = stage.open_as(gateway).await;
    let from = |addresses: &str| get("/api/health").header("X-Forwarded-For", addresses);
    let rows = [
        ("one client behind a proxy", from("203.0.113.1"), 200),
        ("the same", from("203.0.113.1"), 429),
        ("another", from("203.0.113.2"), 200),
        (
            "behind two proxies that are trusted",
            from("203.0.113.2, 198.51.100.7"),
            429,
        ),
        (
            "an entry before one that is not trusted does not count",
            from("203.0.113.9, 203.0.113.1"),
            429,
        ),
        ("IPv6 counts by /64", from("2001:db8:1:2::1"), 200),
        ("another address of the same /64", from("2001:db8:1:2:ffff::9"), 429),
        ("another /64", from("2001:db8:1:3::1"), 200),
    ];
    for (sentence, request, status) in rows {
        api.row(sentence, request, |x| {
            x.status(status);
        })
        .await;
    }
    api.row("upstreams are told of the client", from("203.0.113.77"), |x| {
        x.status(200).sent("X-Forwarded-For", Some("203.0.113.77"));
    })
    .await;
    api.finish();
}
