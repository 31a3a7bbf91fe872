//! "Routing".

use serde_json::{Value, json};
use tollgate_tests::running::OutputMark;
use tollgate_tests::{Answer, Api, Event, Stage, get, method, post};

crate::for_each_event_kind!(
    the_base_document,
    patterns_and_precedence,
    conditions,
    methods,
    forwarding,
    a_named_upstream_with_a_path_of_its_own,
);

async fn the_base_document(event: Event) {
    let stage = Stage::set().await;
    let token = stage.issuer.sign("usr_1");
    let document = stage.document();
    let mut api = stage.open(event, &document).await;

    api.row(
        "GET /api/orders/ord_x7k9 -> GET http://orders-service:3002/orders/ord_x7k9",
        get("/api/orders/ord_x7k9").bearer(&token),
        |x| {
            x.status(200)
                .reached("orders", "GET /orders/ord_x7k9")
                .body(r#"{"id":"ord_x7k9"}"#);
            x.every_answer();
        },
    )
    .await;
    api.row(
        "POST takes the same way, with its body",
        post("/api/orders", r#"{"n":1}"#).bearer(&token),
        |x| {
            x.status(200).reached("orders", "POST /orders");
            assert_eq!(x.upstream_request().body, r#"{"n":1}"#);
            x.sent("Content-Type", Some("application/json"))
                .sent("Content-Length", Some("7"));
        },
    )
    .await;
    api.row(
        "users lose two fields and rename one",
        get("/api/users/42").bearer(&token),
        |x| {
            x.status(200)
                .reached("users", "GET /users/42")
                .body(r#"{"id":"usr_1","email":"ada@example.com"}"#);
        },
    )
    .await;
    api.row("/api/health is public", get("/api/health"), |x| {
        x.status(200).reached("site", "GET /health");
    })
    .await;
    api.row("/api/auth/login is public", post("/api/auth/login", "{}"), |x| {
        x.status(200).reached("site", "POST /auth/login");
    })
    .await;
    api.row("the rest of /api/auth is not", get("/api/auth/me"), |x| {
        x.error(401, "unauthorized").reached_none();
    })
    .await;
    api.row(
        "search is there for callers",
        get("/api/search/shoes?q=a").bearer(&token),
        |x| {
            x.status(200)
                .reached("site", "GET /search/shoes?q=a")
                .got("X-RateLimit-Limit", Some("20"));
        },
    )
    .await;
    api.row(
        "what no route takes is not found",
        get("/api/invoices").bearer(&token),
        |x| {
            x.error(404, "not_found").reached_none();
        },
    )
    .await;
    api.finish();
}

/// Routes that overlap; each answers with its own mark, which is the upstream path put in front.
fn overlapping(stage: &Stage) -> Value {
    let marked = |path: &str, mark: &str| json!({ "path": path, "upstream": format!("{}/{mark}", stage.site.url()) });
    stage.public(json!([
        marked("/p/**", "tail"),
        marked("/p/*/b", "star"),
        marked("/p/{id}", "named"),
        marked("/p/a/**", "literal-tail"),
        marked("/p/a", "literal"),
        marked("/one/*", "one"),
        marked("/exact", "exact"),
        marked("/slash/", "slash"),
        marked("/none/**", "none"),
        marked("/Case", "case"),
    ]))
}

async fn patterns_and_precedence(event: Event) {
    let stage = Stage::set().await;
    let document = overlapping(&stage);
    let mut api = stage.open(event, &document).await;
    let served = [
        ("a literal before `{id}` and `**`", "/p/a", "/literal/p/a"),
        ("`{id}` before `**`", "/p/b", "/named/p/b"),
        (
            "the first segment decides: `/p/a/**` before `/p/*/b`",
            "/p/a/b",
            "/literal-tail/p/a/b",
        ),
        ("`*` before `**`", "/p/x/b", "/star/p/x/b"),
        ("what is more specific must match to win", "/p/x/c", "/tail/p/x/c"),
        ("`**` is any tail", "/p/x/y/z", "/tail/p/x/y/z"),
        ("`**` is also none", "/none", "/none/none"),
        ("`**` takes a trailing slash", "/none/", "/none/none/"),
        ("`*` is one whole segment", "/one/x", "/one/one/x"),
        ("a literal is all of a segment", "/exact", "/exact/exact"),
        ("a trailing slash in the pattern is meant", "/slash/", "/slash/slash/"),
        ("`//` is merged before routes are looked at", "//one//x", "/one/one/x"),
        ("paths are case-sensitive", "/Case", "/case/Case"),
    ];
    for (sentence, path, target) in served {
        api.row(sentence, get(path), |x| {
            x.status(200).reached("site", &format!("GET {target}"));
        })
        .await;
    }
    let unserved = [
        ("`*` is not two segments", "/one/x/y"),
        ("`*` is not no segment", "/one"),
        ("`*` is not an empty segment", "/one/"),
        ("`/a` is not `/a/`", "/exact/"),
        ("`/a/` is not `/a`", "/slash"),
        ("a literal is not a prefix", "/exactly"),
        ("`**` begins at a segment", "/nonesuch"),
        ("paths are case-sensitive the other way", "/case"),
        ("the root is a path like any other", "/"),
    ];
    for (sentence, path) in unserved {
        api.row(sentence, get(path), |x| {
            x.error(404, "not_found").reached_none();
        })
        .await;
    }
    api.finish();
}

async fn conditions(event: Event) {
    let stage = Stage::set().await;
    let to = |mark: &str, mut route: Value| {
        route["path"] = json!("/c");
        route["upstream"] = json!(format!("{}/{mark}", stage.site.url()));
        route
    };
    let routes = json!([
        to("any", json!({})),
        to("header", json!({ "headers": { "X-Version": "2" } })),
        to("header-and-query", json!({ "headers": { "X-Version": "2" }, "query": { "kind": "b c" } })),
        to("host", json!({ "hosts": ["shop.example.com"] })),
        to("wild-host", json!({ "hosts": ["*.example.org"] })),
        to("first-of-two", json!({ "query": { "first": "1" } })),
        to("second-of-two", json!({ "query": { "second": "1" } })),
        { "path": "/only", "upstream": stage.site.url(), "hosts": ["only.example.com"] },
    ]);
    let document = stage.public(routes);
    let mut api = stage.open(event, &document).await;
    let c = || get("/c");
    let rows = [
        ("without conditions met, the route without conditions", c(), "/any/c"),
        ("a header filters", c().header("X-Version", "2"), "/header/c"),
        (
            "a header's value is compared as a whole",
            c().header("X-Version", "22"),
            "/any/c",
        ),
        ("a header's name has no case", c().header("x-VERSION", "2"), "/header/c"),
        (
            "more conditions come before fewer",
            get("/c?kind=b%20c").header("X-Version", "2"),
            "/header-and-query/c?kind=b%20c",
        ),
        (
            "a query parameter is compared decoded",
            get("/c?kind=b+c").header("X-Version", "2"),
            "/header-and-query/c?kind=b+c",
        ),
        (
            "one occurrence is enough",
            get("/c?first=2&first=1"),
            "/first-of-two/c?first=2&first=1",
        ),
        (
            "hosts come before headers",
            c().host("shop.example.com").header("X-Version", "2"),
            "/host/c",
        ),
        (
            "a host is compared without port and case",
            c().host("SHOP.example.com:8443"),
            "/host/c",
        ),
        (
            "a host can be any below a domain",
            c().host("a.b.example.org"),
            "/wild-host/c",
        ),
        ("but not the domain itself", c().host("example.org"), "/any/c"),
        (
            "then the order of the file decides",
            get("/c?second=1&first=1"),
            "/first-of-two/c?second=1&first=1",
        ),
    ];
    for (sentence, request, target) in rows {
        api.row(sentence, request, |x| {
            x.status(200).reached("site", &format!("GET {}", event.target(target)));
        })
        .await;
    }
    api.row("a host that no route takes is not found", get("/only"), |x| {
        x.error(404, "not_found").reached_none();
    })
    .await;
    api.finish();
}

/// `Allow`, in any order.
fn allows(value: &str) -> Vec<String> {
    let mut methods: Vec<String> = value.split(',').map(|method| method.trim().to_owned()).collect();
    methods.sort();
    methods
}

async fn methods(event: Event) {
    let stage = Stage::set().await;
    let url = stage.site.url();
    let routes = json!([
        { "path": "/read", "upstream": url, "methods": ["GET"] },
        { "path": "/write", "upstream": url, "methods": ["POST"] },
        { "path": "/write", "upstream": url, "methods": ["PUT"], "hosts": ["api.example.com"] },
        { "path": "/hosted", "upstream": url, "methods": ["POST"], "hosts": ["other.example.com"] },
        { "path": "/any", "upstream": url },
    ]);
    let document = stage.public(routes);
    stage.site.answers(Answer::json("{}").header("X-From", "site"));
    let mut api = stage.open(event, &document).await;

    api.row("GET includes HEAD", method("HEAD", "/read"), |x| {
        x.status(200)
            .reached("site", "HEAD /read")
            .body("")
            .got("X-From", Some("site"));
    })
    .await;
    api.row(
        "405 with Allow when nothing but the method failed",
        method("DELETE", "/write"),
        |x| {
            x.error(405, "method_not_allowed").reached_none();
            x.got_like("Allow", |value| allows(value) == ["POST", "PUT"]);
        },
    )
    .await;
    api.row("Allow tells of HEAD where GET is taken", method("POST", "/read"), |x| {
        x.error(405, "method_not_allowed")
            .got_like("Allow", |value| allows(value) == ["GET", "HEAD"]);
    })
    .await;
    api.row(
        "Allow names only what this host would get",
        method("DELETE", "/write").host("b.example.com"),
        |x| {
            x.error(405, "method_not_allowed")
                .got_like("Allow", |value| allows(value) == ["POST"]);
        },
    )
    .await;
    api.row("404 when the host failed as well", method("GET", "/hosted"), |x| {
        x.error(404, "not_found").got("Allow", None);
    })
    .await;
    api.row("HEAD is not taken where GET is not", method("HEAD", "/write"), |x| {
        x.status(405).reached_none();
    })
    .await;
    for verb in ["GET", "PATCH", "DELETE", "OPTIONS"] {
        api.row("without methods, all", method(verb, "/any"), |x| {
            x.status(200).reached("site", &format!("{verb} /any"));
        })
        .await;
    }
    let preflight = |wanted: &str| {
        let request = method("OPTIONS", "/write").header("Origin", "https://app.example.com");
        request.header("Access-Control-Request-Method", wanted)
    };
    api.row(
        "a preflight matches by the method it asks for",
        preflight("POST"),
        |x| {
            x.status(200).reached("site", "OPTIONS /write");
        },
    )
    .await;
    api.row("and fails by it", preflight("DELETE"), |x| {
        x.error(405, "method_not_allowed");
    })
    .await;
    api.row(
        "an OPTIONS without it is no preflight",
        method("OPTIONS", "/write"),
        |x| {
            x.error(405, "method_not_allowed").reached_none();
        },
    )
    .await;
    api.finish();
}

async fn forwarding(event: Event) {
    let stage = Stage::set().await;
    let url = stage.site.url();
    let routes = json!([
        { "path": "/api/**", "upstream": url, "strip_prefix": "/api" },
        { "path": "/deep/er/**", "upstream": format!("{url}/base/v2"), "strip_prefix": "/deep/er" },
        { "path": "/whole/**", "upstream": format!("{url}/base/") },
    ]);
    let document = stage.public(routes);
    let mut api = stage.open(event, &document).await;
    let rows = [
        ("strip_prefix takes whole segments", "/api/a/b", "/a/b"),
        ("only from the front", "/api/api/b", "/api/b"),
        ("an empty rest is `/`", "/api", "/"),
        ("a trailing slash stays", "/api/a/", "/a/"),
        ("the upstream's own path is put in front", "/deep/er/x", "/base/v2/x"),
        ("also without a rest", "/deep/er", "/base/v2/"),
        ("a slash at its end is not doubled", "/whole/x", "/base/whole/x"),
        (
            "the query goes byte for byte where the event has it so",
            "/api/q?a=b%20c&&x=+",
            "/q?a=b%20c&&x=+",
        ),
        (
            "without any order or meaning",
            "/api/q?z=1&a=%2F&z=%C3%A9&=&b",
            "/q?z=1&a=%2F&z=%C3%A9&=&b",
        ),
        ("a second `?` belongs to it", "/api/q?a=?b", "/q?a=?b"),
        (
            "a URL in it is nobody's business",
            "/api/q?u=http://x.example/../y",
            "/q?u=http://x.example/../y",
        ),
        ("a blank in a segment stays encoded", "/api/a%20b", "/a%20b"),
        ("as do letters of all the world", "/api/%C3%A9", "/%C3%A9"),
        (
            "a colon or an at sign cannot make another host",
            "/api/@evil.example:80/x",
            "/@evil.example:80/x",
        ),
    ];
    for (sentence, path, target) in rows {
        api.row(sentence, get(path), |x| {
            x.status(200).reached("site", &format!("GET {}", event.target(target)));
        })
        .await;
    }
    let own_host = api.stage.site.address().to_string();
    api.row("Host is the upstream's", get("/api/a").host("shop.example.com"), |x| {
        x.sent("Host", Some(&own_host))
            .sent("X-Forwarded-Host", Some("shop.example.com"));
    })
    .await;
    bodies(&mut api).await;
    cookies(event, &mut api).await;
    api.finish();
}

async fn bodies(api: &mut Api) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let binary = String::from_utf8_lossy(&every_byte);
    assert_ne!(binary.as_bytes(), every_byte, "the body must not be text");
    let media_type = "application/octet-stream";
    api.stage
        .site
        .decides(move |request| Answer::body(media_type, request.body.clone()));
    let request = method("POST", "/api/bytes")
        .header("Content-Type", media_type)
        .body(every_byte.clone());
    api.row("binary bodies come and go unchanged", request, |x| {
        x.status(200)
            .sent("Content-Type", Some(media_type))
            .got("Content-Type", Some(media_type));
        assert_eq!(x.upstream_request().body, every_byte);
        assert_eq!(x.response.body, every_byte);
    })
    .await;
}

async fn cookies(event: Event, api: &mut Api) {
    let answer = Answer::json("{}")
        .header("Set-Cookie", "a=1, and more; Path=/")
        .header("Set-Cookie", "b=2");
    api.stage.site.answers(answer.header("X-Tag", "1").header("X-Tag", "2"));
    let request = get("/api/c")
        .header("Cookie", "a=1; b=2")
        .header("X-Tag", "x")
        .header("X-Tag", "y");
    api.row(
        "repeated headers and cookies are not lost, but by the front door",
        request,
        |x| {
            let cookies = event.repeats(&["a=1, and more; Path=/", "b=2"]);
            assert_eq!(x.response.all("Set-Cookie"), cookies, "{x:?}");
            assert_eq!(x.response.all("X-Tag").join(",").replace(' ', ""), "1,2", "{x:?}");
            x.sent("Cookie", Some("a=1; b=2"));
            let tag = x.upstream_request().header("X-Tag").unwrap_or_default();
            assert_eq!(tag.replace(' ', ""), event.repeats(&["x", "y"]).join(","), "{x:?}");
        },
    )
    .await;
    if event == Event::Alb {
        // What was lost, and what to set so that it is not.
        let words = ["Set-Cookie", "lambda.multi_value_headers.enabled"];
        api.gateway.process().says(OutputMark::default(), &words).await;
    }
}

async fn a_named_upstream_with_a_path_of_its_own(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.public(json!([{ "path": "/shop/**", "upstream": "orders", "strip_prefix": "/shop" }]));
    document["upstreams"] = json!({ "orders": { "url": format!("{}/v1", stage.orders.url()), "timeout": "3s" } });
    let mut api = stage.open(event, &document).await;
    api.row("`upstream` is a name or a URL", get("/shop/orders/1"), |x| {
        x.status(200).reached("orders", "GET /v1/orders/1");
    })
    .await;
    api.finish();
}
