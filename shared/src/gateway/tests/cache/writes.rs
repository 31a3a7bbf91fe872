//! Requests that change something, and what is kept of where they do.

use super::*;

/// Two routes to one service, of which one keeps answers.
fn two_routes(
    script: impl Fn(usize, &http::Request<Bytes>) -> Result<Response<Bytes>, CallError> + Send + Sync + 'static,
) -> Kept {
    let config = json!({ "routes": [
        { "id": "read", "path": "/api/**", "methods": ["GET"], "upstream": "http://service.internal:3000", "strip_prefix": "/api",
          "auth": "none", "cache": {} },
        { "id": "write", "path": "/api/**", "methods": ["POST", "PUT", "DELETE", "M-SEARCH", "OPTIONS"], "upstream": "http://service.internal:3000", "strip_prefix": "/api", "auth": "none" }
    ] });
    of(config, Duration::ZERO, script)
}

fn service(status: u16, lines: &'static [(&'static str, &'static str)]) -> Kept {
    two_routes(move |call, request| match *request.method() {
        http::Method::GET => max_age(call, request),
        _ => answer(status, lines, ""),
    })
}

#[tokio::test(start_paused = true)]
async fn a_write_that_succeeds_makes_its_path_forgotten() {
    for (method, status, body) in [
        ("POST", 200, "3"),
        ("PUT", 204, "3"),
        ("DELETE", 200, "3"),
        ("M-SEARCH", 200, "3"),
        ("POST", 303, "3"),
        ("POST", 400, "1"),
        ("POST", 500, "1"),
        ("OPTIONS", 200, "1"),
    ] {
        let kept = service(status, &[]);
        kept.get("/api/x?a=1").await;
        kept.send(method, "/api/x?a=1", json!({})).await;
        assert_eq!(kept.get("/api/x?a=1").await.body, body, "{method} {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_variant_is_forgotten_and_nothing_else() {
    let kept = two_routes(|call, request| match *request.method() {
        http::Method::GET => numbered(call, &[("cache-control", "max-age=60"), ("vary", "accept-language")]),
        _ => answer(200, &[], ""),
    });
    let of = |language: &str| json!({ "accept-language": language });
    for language in ["de", "fr"] {
        kept.get_with("/api/x", of(language)).await;
    }
    kept.get("/api/y").await;
    kept.send("POST", "/api/x", json!({})).await;
    for language in ["de", "fr"] {
        assert_eq!(
            kept.get_with("/api/x", of(language)).await.outcome(),
            "miss",
            "{language}"
        );
    }
    assert_eq!(kept.get("/api/y").await.outcome(), "hit");
}

#[tokio::test(start_paused = true)]
async fn what_the_answer_to_a_write_names_is_forgotten_where_it_is_the_same_host() {
    for (location, outcome) in [
        (&[("location", "/y?a=1")][..], "miss"),
        (&[("content-location", "/y?a=1#part")], "miss"),
        (&[("location", "https://api.example.com/api/y?a=1")], "miss"),
        (&[("location", "http://service.internal:3000/y?a=1")], "miss"),
        (&[("location", "/%79?a=1")], "miss"),
        (&[("location", "https://elsewhere.example.com/api/y?a=1")], "hit"),
        (&[("location", "//elsewhere.example.com/api/y?a=1")], "hit"),
        (&[("location", "/y")], "hit"),
        (&[("location", "y?a=1")], "hit"),
        (&[("location", "/../y?a=1")], "hit"),
        (&[("location", "\u{e9}://")], "hit"),
    ] {
        let kept = service(201, location);
        kept.get("/api/y?a=1").await;
        kept.send("POST", "/api/x", json!({})).await;
        assert_eq!(kept.get("/api/y?a=1").await.outcome(), outcome, "{location:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_write_is_not_kept_after_it() {
    let config = json!({ "routes": [{ "id": "all", "path": "/api/**", "upstream": "http://service.internal:3000",
        "auth": "none", "cache": {} }] });
    // Asked for twice, for the header it looks at: from 0 s to 2 s.
    let kept = of(config, Duration::from_secs(1), |call, _| {
        numbered(call, &[("cache-control", "max-age=60"), ("vary", "accept-language")])
    });
    let write = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        kept.send("POST", "/api/x", json!({})).await
    };
    let read = || kept.get_with("/api/x", json!({ "accept-language": "de" }));
    let (before, written) = tokio::join!(read(), write);
    assert_eq!(before.cache_status(), "tollgate; fwd=vary-miss");
    assert_eq!(
        (written.outcome(), written.cache_status()),
        ("bypass", "tollgate; fwd=method")
    );
    kept.pass(1);
    assert_eq!(read().await.outcome(), "miss");
    assert_eq!(read().await.outcome(), "hit");
}
