//! `cors`: which sites' pages may read answers.

use serde_json::json;
use tollgate_tests::{Answer, Event, Request, Stage, get, method, post};

crate::for_each_event_kind!(pages_of_allowed_sites);

const APP: &str = "https://app.example.com";

/// As browsers ask before what a form could not send.
fn preflight(target: &str, origin: &str, wanted: &str) -> Request {
    let request = method("OPTIONS", target).header("Origin", origin);
    request
        .header("Access-Control-Request-Method", wanted)
        .header("Access-Control-Request-Headers", "authorization,content-type")
}

async fn pages_of_allowed_sites(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.document();
    document["defaults"] =
        json!({ "cors": { "origins": [APP, "https://*.example.org"], "credentials": true, "expose": ["Link"] } });
    document["routes"].as_array_mut().expect("routes").extend([
        json!({ "path": "/once", "upstream": stage.site.url(), "auth": "none",
                "rate_limit": { "requests_per_hour": 1, "key": "client_ip" } }),
        json!({ "path": "/open", "upstream": stage.site.url(), "auth": "none", "cors": { "origins": ["*"] } }),
        json!({ "path": "/theirs", "upstream": stage.site.url(), "auth": "none", "cors": "none" }),
        json!({ "path": "/versions", "upstream": stage.site.url(), "auth": "none", "headers": { "X-Api-Version": "2" },
                "cors": { "origins": [APP], "headers": ["X-Api-Version"], "max_age": "0s" } }),
    ]);
    let upstreams_own = Answer::json("{}")
        .header("Access-Control-Allow-Origin", "*")
        .header("Access-Control-Allow-Credentials", "true")
        .header("Vary", "Accept");
    stage.site.answers(upstreams_own);
    let token = stage.issuer.sign("usr_1");
    let mut api = stage.open(event, &document).await;

    api.row(
        "a preflight needs no token",
        preflight("/api/users/7", APP, "PUT"),
        |x| {
            x.status(204).body("").reached_none().every_answer();
            x.got("Access-Control-Allow-Origin", Some(APP))
                .got("Access-Control-Allow-Credentials", Some("true"))
                .got("Access-Control-Allow-Methods", Some("GET, POST, PUT, DELETE, HEAD"))
                .got(
                    "Access-Control-Allow-Headers",
                    Some("Authorization, Content-Type, X-Request-Id"),
                )
                .got("Access-Control-Max-Age", Some("600"))
                .got("Vary", Some("Origin"));
        },
    )
    .await;
    for evil in [
        "https://evil.test",
        "null",
        "https://app.example.com.evil.test",
        "https://example.org",
    ] {
        api.row(evil, preflight("/api/users/7", evil, "PUT"), |x| {
            x.status(204).reached_none().got("Access-Control-Allow-Origin", None);
            x.got("Access-Control-Allow-Methods", None).got("Vary", Some("Origin"));
        })
        .await;
    }
    api.row(
        "no route takes that method",
        preflight("/api/users/7", APP, "PATCH"),
        |x| {
            x.error(405, "method_not_allowed");
        },
    )
    .await;
    let page = |request: Request| request.header("Origin", "https://shop.example.org");
    api.row("pages read answers", page(get("/api/users/7")).bearer(&token), |x| {
        x.status(200)
            .got("Access-Control-Allow-Origin", Some("https://shop.example.org"));
        x.got_like("Access-Control-Expose-Headers", |names| {
            names.ends_with(", Link") && names.contains("X-RateLimit-Remaining")
        });
    })
    .await;
    for (sentence, request, status, code) in [
        ("they read a 401", page(get("/api/users/7")), 401, "unauthorized"),
        ("they read a 404", page(get("/nowhere")), 404, "not_found"),
        (
            "they read a 405",
            page(method("PATCH", "/api/users/7")),
            405,
            "method_not_allowed",
        ),
    ] {
        api.row(sentence, request, |x| {
            x.error(status, code)
                .got("Access-Control-Allow-Origin", Some("https://shop.example.org"));
        })
        .await;
    }
    for (status, remaining) in [(200, "0"), (429, "0")] {
        api.row("they read a 429, and what is left", page(get("/once")), |x| {
            x.status(status).got("X-RateLimit-Remaining", Some(remaining));
            x.got("Access-Control-Allow-Origin", Some("https://shop.example.org"));
        })
        .await;
    }
    api.row(
        "an upstream's word is replaced",
        page(post("/api/auth/login", "{}")),
        |x| {
            x.status(200)
                .got("Access-Control-Allow-Origin", Some("https://shop.example.org"));
            let vary = x.response.all("Vary").join(", ");
            assert_eq!(vary, "Accept, Origin", "{x:?}");
        },
    )
    .await;
    api.row(
        "no page asks, and caches are told",
        post("/api/auth/login", "{}"),
        |x| {
            x.status(200)
                .got("Access-Control-Allow-Origin", None)
                .got("Access-Control-Allow-Credentials", None);
            assert_eq!(x.response.all("Vary").join(", "), "Accept, Origin", "{x:?}");
        },
    )
    .await;
    api.row("everybody is told the same", get("/open"), |x| {
        x.got("Access-Control-Allow-Origin", Some("*"))
            .got("Vary", Some("Accept"));
        x.got("Access-Control-Allow-Credentials", None);
    })
    .await;
    api.row(
        "none leaves it to the upstream",
        preflight("/theirs", APP, "GET"),
        |x| {
            x.status(200).reached("site", "OPTIONS /theirs");
            x.got("Access-Control-Allow-Origin", Some("*"))
                .got("Vary", Some("Accept"));
        },
    )
    .await;
    let announcing = preflight("/versions", APP, "GET").header("Access-Control-Request-Headers", "x-api-version");
    api.row("a preflight announces the header of a condition", announcing, |x| {
        x.status(204).got("Access-Control-Max-Age", Some("0"));
    })
    .await;
    api.finish();
}
