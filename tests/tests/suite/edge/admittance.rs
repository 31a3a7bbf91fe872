//! `ip`, `max_headers`, `max_body`: who and what is not taken.

use serde_json::json;
use tollgate_tests::{Event, Request, Stage, get, method};

crate::for_each_event_kind!(addresses, sizes);

async fn addresses(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.public(json!([
        { "path": "/open", "upstream": stage.site.url() },
        { "path": "/inside", "upstream": stage.site.url(), "ip": { "allow": ["10.0.0.0/8", "2001:db8::/32"], "deny": ["10.6.6.0/24"] } },
    ]));
    document["trusted_proxies"] = json!(["127.0.0.1"]);
    document["ip"] = json!({ "deny": ["203.0.113.0/24", "10.0.0.66"] });
    let mut api = stage.open(event, &document).await;
    let from = |path: &str, address: &str| get(path).header("X-Forwarded-For", address);
    for (path, address, allowed) in [
        ("/open", "198.51.100.7", true),
        ("/open", "203.0.113.7", false),
        ("/open", "::ffff:203.0.113.7", false),
        ("/nowhere", "203.0.113.7", false),
        ("/inside", "198.51.100.7", false),
        ("/inside", "10.1.2.3", true),
        ("/inside", "10.6.6.1", false),
        ("/inside", "10.0.0.66", false),
        ("/inside", "2001:db8::7", true),
        ("/inside", "2001:db9::7", false),
        // What is no address ends the walk at the proxy, which is not inside.
        ("/inside", "10.0.0.0/8", false),
        ("/inside", "10.1.2.3, unknown", false),
        ("/inside", "10.1.2.3, 198.51.100.7", false),
    ] {
        api.row(&format!("{address} at {path}"), from(path, address), |x| {
            match allowed {
                true => x.status(200).reached("site", &format!("GET {path}")),
                false => x.error(403, "ip_not_allowed").reached_none(),
            };
        })
        .await;
    }
    api.finish();
}

async fn sizes(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.document();
    document["defaults"] = json!({ "max_body": "1KiB" });
    document["max_headers"] = json!({ "count": 40, "bytes": "4KiB" });
    let routes = document["routes"].as_array_mut().expect("routes");
    routes.push(json!({ "path": "/large", "upstream": stage.site.url(), "auth": "none", "max_body": "64KiB" }));
    routes.push(json!({ "path": "/bare", "upstream": stage.site.url(), "auth": "none", "max_body": "0B" }));
    let token = stage.issuer.sign("usr_1");
    let mut api = stage.open(event, &document).await;
    let put = |path: &str, size: usize| method("PUT", path).body(vec![0xff; size]);

    api.row(
        "a body that is too large, of nobody who is known",
        put("/api/users/7", 1025),
        |x| {
            x.error(401, "unauthorized").reached_none();
        },
    )
    .await;
    api.row(
        "a body that is too large",
        put("/api/users/7", 1025).bearer(&token),
        |x| {
            x.error(413, "payload_too_large").reached_none();
            assert!(x.response.header("X-RateLimit-Limit").is_some(), "it is counted");
        },
    )
    .await;
    api.row("one that fits", put("/api/users/7", 1024).bearer(&token), |x| {
        x.status(200).reached("users", "PUT /users/7");
        assert_eq!(x.upstream_request().body.len(), 1024);
    })
    .await;
    for (path, size, status) in [
        ("/large", 65536, 200),
        ("/large", 65537, 413),
        ("/bare", 0, 200),
        ("/bare", 1, 413),
    ] {
        api.row(&format!("{size} bytes to {path}"), put(path, size), |x| {
            x.status(status);
        })
        .await;
    }
    let many = |count: usize| {
        let add = |request: Request, n: usize| request.header(&format!("X-Many-{n}"), "1");
        (0..count).fold(method("PUT", "/large"), add)
    };
    api.row("some headers", many(20), |x| {
        x.status(200);
    })
    .await;
    api.row("too many headers", many(40), |x| {
        x.error(431, "headers_too_large").reached_none();
    })
    .await;
    for (size, status) in [(2048, 200), (4096, 431)] {
        api.row(
            "headers by their size",
            get("/large").header("X-Large", "a".repeat(size)),
            |x| {
                x.status(status);
            },
        )
        .await;
    }
    api.finish();
}
