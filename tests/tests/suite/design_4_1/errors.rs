//! "Errors".

use serde_json::{Value, json};
use tollgate_tests::faulty::Faulty;
use tollgate_tests::{Answer, Api, Event, Stage, get, method};

crate::for_each_event_kind!(
    shapes,
    problems_by_config,
    upstream_errors,
    locations,
    cookie_domains,
    request_ids
);

const PROBLEM: &str = "application/problem+json";

/// A gateway with one route, `/api/**`, to `site`, and one to a service that is not there.
async fn plain(event: Event, more: Value) -> Api {
    let stage = Stage::set().await;
    let gone = Faulty::refusing();
    let mut document = stage.public(json!([
        { "path": "/api/**", "upstream": stage.site.url(), "strip_prefix": "/api" },
        { "path": "/gone", "upstream": gone.url() },
    ]));
    document["errors"] = more;
    let mut api = stage.open(event, &document).await;
    let gone_host = gone.address().to_string();
    api.row("errors never name an internal host", get("/gone"), |x| {
        x.status(502).reached_none().every_answer();
        let told: Vec<&String> = x.response.headers.iter().map(|(_, value)| value).collect();
        assert!(
            !x.response.text().contains(&gone_host) && !told.iter().any(|value| value.contains(&gone_host)),
            "{x:?}"
        );
        assert!(!x.response.text().contains("127.0.0.1"), "{x:?}");
    })
    .await;
    api
}

async fn shapes(event: Event) {
    let mut api = plain(event, json!({})).await;
    api.row("error, message, request_id", get("/nowhere"), |x| {
        x.error(404, "not_found");
        let body = x.response.json();
        let members: Vec<_> = body.as_object().expect("an object").keys().cloned().collect();
        assert_eq!(members.len(), 3, "{members:?}");
    })
    .await;
    for accept in [
        PROBLEM,
        "application/problem+json, */*;q=0.1",
        "application/json;q=0.5, application/problem+json",
    ] {
        api.row(
            &format!("Accept: {accept}"),
            get("/nowhere").header("Accept", accept),
            |x| {
                x.problem(404, "not_found").reached_none();
            },
        )
        .await;
    }
    for accept in [
        "*/*",
        "application/json",
        "text/html",
        "application/problem+jsonx",
        "application/problem+json;q=0",
    ] {
        api.row(
            &format!("Accept: {accept}"),
            get("/nowhere").header("Accept", accept),
            |x| {
                x.error(404, "not_found");
            },
        )
        .await;
    }
    api.row(
        "a malformed request is answered in this shape too",
        get("/api/a%5cb").header("Accept", PROBLEM),
        |x| {
            x.problem(400, "bad_request");
        },
    )
    .await;
    api.row(
        "HEAD has the status without the body",
        method("HEAD", "/nowhere"),
        |x| {
            x.status(404).body("").every_answer();
        },
    )
    .await;
    api.row("no connection is 502", get("/gone"), |x| {
        x.error(502, "upstream_unreachable");
    })
    .await;
    api.finish();
}

async fn problems_by_config(event: Event) {
    let mut api = plain(event, json!({ "format": "problem" })).await;
    api.row("errors.format: problem", get("/nowhere"), |x| {
        x.problem(404, "not_found");
    })
    .await;
    api.row(
        "whatever Accept says",
        get("/nowhere").header("Accept", "application/json"),
        |x| {
            x.problem(404, "not_found");
        },
    )
    .await;
    api.finish();
}

async fn upstream_errors(event: Event) {
    let teapot = || {
        Answer::body("text/html", "<h1>short and stout at 10.0.0.1</h1>")
            .with_status(418)
            .header("X-Tea", "1")
    };
    let mut api = plain(event, json!({})).await;
    api.stage.site.answers(teapot());
    api.row("upstreams' errors pass", get("/api/tea"), |x| {
        x.status(418)
            .body("<h1>short and stout at 10.0.0.1</h1>")
            .got("Content-Type", Some("text/html"));
        x.got("X-Tea", Some("1")).every_answer();
    })
    .await;
    api.finish();

    let mut api = plain(event, json!({ "upstream": "wrap" })).await;
    for status in [400, 404, 418, 500, 503] {
        api.stage.site.answers(teapot().with_status(status));
        api.row("errors.upstream: wrap", get("/api/tea"), |x| {
            x.error(status, "upstream_error").got("X-Tea", Some("1"));
            assert!(!x.response.text().contains("10.0.0.1"), "{x:?}");
        })
        .await;
    }
    api.row(
        "as a problem where that is asked for",
        get("/api/tea").header("Accept", PROBLEM),
        |x| {
            x.problem(503, "upstream_error");
        },
    )
    .await;
    api.stage
        .site
        .answers(Answer::json("{}").with_status(302).header("Location", "/x"));
    api.row("a redirect is no error", get("/api/tea"), |x| {
        x.status(302);
    })
    .await;
    api.finish();
}

async fn locations(event: Event) {
    let mut api = plain(event, json!({})).await;
    let site = api.stage.site.url();
    let host = api.stage.site.address().to_string();
    let ours = [
        (format!("{site}/orders/1?a=%20b&&c"), "/api/orders/1?a=%20b&&c"),
        (format!("{site}/orders#part"), "/api/orders#part"),
        (site.clone(), "/api/"),
        (format!("{site}/"), "/api/"),
        ("/orders/1".to_owned(), "/api/orders/1"),
        (format!("//{host}/orders/1"), "/api/orders/1"),
        (format!("{}/orders", site.to_uppercase()), "/api/orders"),
    ];
    for (location, public) in ours {
        let answer = Answer::status(302)
            .header("Location", &location)
            .header("Content-Location", &location);
        api.stage.site.answers(answer);
        api.row(
            &format!("{location:?} is {public:?} to the client"),
            get("/api/go"),
            |x| {
                x.status(302).reached("site", "GET /go").names_no_internal_host();
                for name in ["Location", "Content-Location"] {
                    // The path alone, or on the host that the client asked for.
                    x.got_like(name, |value| {
                        value == public || value.ends_with(&format!("://api.example.com{public}"))
                    });
                }
            },
        )
        .await;
    }
    if event == Event::Rest {
        api.stage
            .site
            .answers(Answer::status(302).header("Location", "/orders/1"));
        let own_domain = get("/prod/api/go").host("x.execute-api.us-east-1.amazonaws.com");
        api.row(
            "behind the API's own domain, paths begin with the stage",
            own_domain,
            |x| {
                x.status(302)
                    .reached("site", "GET /go")
                    .got("Location", Some("/prod/api/orders/1"));
            },
        )
        .await;
    }
    for foreign in [
        "https://elsewhere.example/x",
        "https://elsewhere.example/?u=http://a",
        "mailto:a@b.example",
    ] {
        api.stage.site.answers(Answer::status(302).header("Location", foreign));
        api.row(&format!("{foreign} is left alone"), get("/api/go"), |x| {
            x.status(302).got("Location", Some(foreign));
        })
        .await;
    }
    api.finish();
}

async fn cookie_domains(event: Event) {
    let mut api = plain(event, json!({})).await;
    let rows = [
        (
            "a foreign Domain goes",
            "a=1; Domain=site.internal; Path=/; HttpOnly",
            "a=1; Path=/; HttpOnly",
        ),
        (
            "with any case and blanks",
            "a=1;  domain = .site.internal ;Secure",
            "a=1; Secure",
        ),
        (
            "the public host stays",
            "a=1; Domain=api.example.com; Path=/",
            "a=1; Domain=api.example.com; Path=/",
        ),
        ("no Domain, no change", "a=1; Path=/", "a=1; Path=/"),
        (
            "a value is not an attribute",
            "a=Domain%3Dx; Path=/",
            "a=Domain%3Dx; Path=/",
        ),
    ];
    for (sentence, from, to) in rows {
        api.stage.site.answers(Answer::status(204).header("Set-Cookie", from));
        api.row(sentence, get("/api/c"), |x| {
            let squeezed = |text: &str| text.split(';').map(str::trim).collect::<Vec<_>>().join("; ");
            x.got_like("Set-Cookie", |cookie| squeezed(cookie) == to);
        })
        .await;
    }
    api.finish();
}

async fn request_ids(event: Event) {
    let mut api = plain(event, json!({})).await;
    let longest = "a".repeat(64);
    for kept in ["abc-123", "A.b_c-9", &longest] {
        api.row(
            &format!("{kept} is kept"),
            get("/api/x").header("X-Request-Id", kept),
            |x| {
                x.status(200)
                    .got("X-Request-Id", Some(kept))
                    .sent("X-Request-Id", Some(kept))
                    .every_answer();
            },
        )
        .await;
    }
    let too_long = "a".repeat(65);
    for replaced in ["a b", "", "a/b", "{{7*7}}", "a,b", "ümlaut", &too_long] {
        api.row(
            &format!("{replaced:?} is replaced"),
            get("/api/x").header("X-Request-Id", replaced),
            |x| {
                x.got_like("X-Request-Id", |id| id.starts_with("req_") && id.len() > 12)
                    .every_answer();
                x.sent("X-Request-Id", x.response.header("X-Request-Id"));
            },
        )
        .await;
    }
    let (one, two) = (api.send(get("/api/x")).await, api.send(get("/api/x")).await);
    assert_ne!(one.response.header("X-Request-Id"), two.response.header("X-Request-Id"));
    api.stage.site.answers(
        Answer::json("{}")
            .header("X-Request-Id", "theirs")
            .header("X-Response-Time", "9s"),
    );
    api.row(
        "an upstream's own id and time are not taken for ours",
        get("/api/x").header("X-Request-Id", "mine"),
        |x| {
            x.got("X-Request-Id", Some("mine")).every_answer();
        },
    )
    .await;
    api.row("errors have one", get("/nowhere").header("X-Request-Id", "mine"), |x| {
        x.error(404, "not_found").got("X-Request-Id", Some("mine"));
    })
    .await;
    api.finish();
}
