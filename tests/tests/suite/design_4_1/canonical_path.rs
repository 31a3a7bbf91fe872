//! "Canonical path". An HTTP API decodes the path before the function sees it, so there an encoded slash is a slash;
//! behind every other front door the function decodes.

use serde_json::json;
use tollgate_tests::{Event, Stage, get};

crate::for_each_event_kind!(refused_paths, accepted_paths, authorization_sees_what_is_forwarded);

/// What is refused behind every front door: a name and the path.
const REFUSED: [(&str, &str); 20] = [
    ("a `..` segment", "/api/a/../b"),
    ("a `..` segment at the end", "/api/a/.."),
    ("a `.` segment", "/api/./b"),
    ("a `..` after decoding", "/api/%2e%2e/b"),
    ("a `..` that is half encoded", "/api/.%2E/b"),
    ("a `.` after decoding", "/api/%2e/b"),
    ("a `..` after cutting at `;`", "/api/..;x=1/b"),
    ("a `.` after cutting at `;`", "/api/.;/b"),
    ("a `..` after decoding and cutting", "/api/%2e%2e%3bx/b"),
    ("a literal backslash", "/api/a\\b"),
    ("a `..` behind backslashes", "/api/a\\..\\b"),
    ("an encoded backslash", "/api/a%5cb"),
    ("NUL", "/api/a%00b"),
    ("a line feed", "/api/a%0ab"),
    ("a carriage return", "/api/a%0Db"),
    ("DEL", "/api/a%7fb"),
    ("a control character beyond ASCII", "/api/a%C2%85b"),
    ("an escape still there after decoding once", "/api/%2541"),
    ("an encoded `..` encoded again", "/api/%252e%252e/b"),
    ("an encoded slash encoded again", "/api/a%252fb"),
];

async fn refused_paths(event: Event) {
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    let mut api = stage.open(event, &document).await;
    for (sentence, path) in REFUSED {
        api.row(&format!("400 for {sentence}"), get(path), |x| {
            x.error(400, "bad_request").reached_none();
        })
        .await;
    }
    if event != Event::Http {
        for (sentence, path) in [
            ("an encoded slash", "/api/a%2fb"),
            ("invalid UTF-8", "/api/a%ffb"),
            ("an overlong `/`", "/api/a%c0%afb"),
            ("a malformed escape", "/api/a%zzb"),
            ("an escape cut short", "/api/a%2"),
            ("a lone per cent sign", "/api/100%"),
        ] {
            api.row(&format!("400 for {sentence}"), get(path), |x| {
                x.error(400, "bad_request").reached_none();
            })
            .await;
        }
    }
    api.row("and the next request is served", get("/api/a"), |x| {
        x.status(200).reached("site", "GET /api/a");
    })
    .await;
    api.finish();
}

async fn accepted_paths(event: Event) {
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    let mut api = stage.open(event, &document).await;
    let rows = [
        ("`//` is merged", "//a///b", "/a/b"),
        ("`//` at the end leaves one", "/a//", "/a/"),
        ("dots inside a segment are letters", "/a..b/...", "/a..b/..."),
        (
            "`;` inside a segment is a letter, and stays one upstream",
            "/a;v=1/b",
            "/a%3Bv=1/b",
        ),
        ("an escape of a plain letter is that letter", "/%61", "/a"),
        ("the root", "/", "/"),
    ];
    for (sentence, path, target) in rows {
        api.row(sentence, get(path), |x| {
            x.status(200).reached("site", &format!("GET {target}"));
        })
        .await;
    }
    if event == Event::Http {
        api.row("the front door decoded an encoded slash", get("/a%2fb"), |x| {
            x.status(200).reached("site", "GET /a/b");
        })
        .await;
    } else {
        api.row("an encoded `?` or `#` stays in the path", get("/a%3Fb%23c?d=1"), |x| {
            x.status(200).reached("site", "GET /a%3Fb%23c?d=1");
        })
        .await;
    }
    api.finish();
}

/// One string is used for matching, authorization and forwarding: no spelling of a closed path is public.
async fn authorization_sees_what_is_forwarded(event: Event) {
    let stage = Stage::set().await;
    let document = stage.unlimited();
    let mut api = stage.open(event, &document).await;
    for path in [
        "/api/health/../users/1",
        "/api/health%2f..%2fusers/1",
        "/api/health/..;/users/1",
        "/api/auth/login/../me",
        "/api/auth/login%2f..%2fme",
        "/api/health\\..\\users\\1",
        "/api/auth/login%252f..%252fme",
    ] {
        api.row(&format!("{path} is no way around"), get(path), |x| {
            assert!([400, 401, 404].contains(&x.response.status), "{x:?}");
            x.reached_none();
        })
        .await;
    }
    for path in ["//api//users//1", "/api/%75sers/1", "/api/users/%31"] {
        api.row(&format!("{path} is the closed path it looks like"), get(path), |x| {
            x.error(401, "unauthorized").reached_none();
        })
        .await;
    }
    for path in ["//api/health", "/api/%68ealth"] {
        api.row(&format!("{path} is the public path it looks like"), get(path), |x| {
            x.status(200).reached("site", "GET /health");
        })
        .await;
    }
    api.finish();
}
