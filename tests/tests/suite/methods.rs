//! Every method that proves a caller by something else than a token of the base document: on the real function, its
//! real tables and the real commands.

use serde_json::{Value, json};
use tollgate_tests::issuer::Mood;
use tollgate_tests::upstream::{Answer, Recorded, Upstream};
use tollgate_tests::{Api, Event, Gateway, Stage, get, post};

crate::for_event_kinds!(
    any_front_door: Http,
    a_kept_session,
    introspection,
    keys_by_discovery,
    a_restart_while_the_issuer_is_down,
    several_methods_on_one_route
);
crate::for_each_event_kind!(api_keys);

const ME: &str = "/api/orders/1";

/// The base document with these methods in place of its own, of which the first is the default.
fn with_methods(stage: &Stage, methods: Value) -> Value {
    let mut document = stage.unlimited();
    let first = methods.as_object().and_then(|methods| methods.keys().next()).cloned();
    document["auth"] = json!({ "methods": methods, "default": [first], "failures": 1000 });
    document
}

/// What a command printed: a key, or a session.
async fn created(api: &Api, arguments: &[&str]) -> String {
    api.gateway.printed(arguments).await
}

async fn api_keys(event: Event) {
    let stage = Stage::set().await;
    let document = with_methods(&stage, json!({ "partners": { "type": "api_key", "query": "api_key" } }));
    let mut api = stage.open(event, &document).await;
    let key = created(&api, &["keys", "create", "--owner", "acme", "--scope", "orders:read"]).await;
    let revoked = created(&api, &["keys", "create", "--owner", "acme"]).await;
    let id = revoked.split('_').nth(1).expect("an id");
    created(&api, &["keys", "revoke", id]).await;
    let mut typo = key.clone();
    typo.replace_range(20..21, if &key[20..21] == "a" { "b" } else { "a" });

    api.row("a key in its header", get(ME).header("X-Api-Key", &key), |x| {
        x.status(200)
            .sent("X-User-Id", Some("acme"))
            .sent("X-Auth-Method", Some("partners"));
        x.sent("X-Api-Key", None);
    })
    .await;
    api.row("a key in the query", get(format!("{ME}?a=1&api_key={key}&b=2")), |x| {
        x.status(200).reached("orders", "GET /orders/1?a=1&b=2");
        x.sent("X-User-Id", Some("acme"));
    })
    .await;
    api.row("no key", get(ME), |x| {
        x.error(401, "unauthorized")
            .got(event.www_authenticate(), Some("ApiKey"))
            .reached_none();
    })
    .await;
    for (sentence, key) in [
        ("a revoked key", &revoked),
        ("a typo", &typo),
        ("no key at all", &"x".to_owned()),
    ] {
        api.row(sentence, get(ME).header("X-Api-Key", key), |x| {
            x.error(401, "invalid_api_key").reached_none();
        })
        .await;
    }
    let log = api.gateway.process().output().to_string();
    assert!(!log.contains(&key) && !log.contains(&revoked), "a key is in the log");
    api.finish();
}

async fn a_kept_session(event: Event) {
    let stage = Stage::set().await;
    let document = with_methods(&stage, json!({ "web": { "type": "session_cookie", "cookie": "sid" } }));
    let mut api = stage.open(event, &document).await;
    let session = created(&api, &["sessions", "create", "--sub", "ann", "--claim", "role=admin"]).await;
    let cookie = format!("theme=dark; sid={session}");
    // The local runtime speaks no TLS, and says so.
    let own = "http://shop.example.com";

    api.row("a session reads", get(ME).header("Cookie", &cookie), |x| {
        x.status(200)
            .sent("X-User-Id", Some("ann"))
            .sent("X-User-Role", Some("admin"));
        x.sent("Cookie", Some("theme=dark"));
    })
    .await;
    let changing = || post(ME, "{}").host("shop.example.com").header("Cookie", &cookie);
    api.row(
        "a session writes from its own site",
        changing().header("Origin", own),
        |x| {
            x.status(200).sent("X-User-Id", Some("ann"));
        },
    )
    .await;
    let by_metadata = changing()
        .header("Origin", "http://localhost:5173")
        .header("Sec-Fetch-Site", "same-origin");
    api.row("a session writes from its own site, by metadata", by_metadata, |x| {
        x.status(200).sent("X-User-Id", Some("ann"));
    })
    .await;
    for (sentence, request) in [
        ("from nowhere", changing()),
        (
            "from another site",
            changing().header("Origin", "https://evil.example.com"),
        ),
        (
            "from another site, by metadata",
            changing().header("Sec-Fetch-Site", "cross-site"),
        ),
    ] {
        api.row(sentence, request, |x| {
            x.error(403, "cross_site_request").reached_none();
        })
        .await;
    }
    api.row(
        "a session that there is not",
        get(ME).header("Cookie", "sid=0123456789abcdef0123456789abcdef"),
        |x| {
            x.error(401, "invalid_session").reached_none();
        },
    )
    .await;
    let log = api.gateway.process().output().to_string();
    assert!(!log.contains(&session), "a session is in the log");
    api.finish();
}

async fn introspection(event: Event) {
    let stage = Stage::set().await;
    let endpoint = Upstream::answering(Answer::json("")).await;
    endpoint.decides(|request: &Recorded| match std::str::from_utf8(&request.body) {
        Ok(form) if form.starts_with("token=good&") => Answer::json(r#"{"active":true,"sub":"bob","scope":"a b"}"#),
        Ok(form) if form.starts_with("token=broken&") => Answer::status(500),
        _ => Answer::json(r#"{"active":false}"#),
    });
    let url = format!("{}/introspect", endpoint.url());
    let method = json!({ "type": "introspection", "url": url, "client_id": "gw", "client_secret": "${GW_SECRET}" });
    let document = with_methods(&stage, json!({ "legacy": method }));
    let gateway = Gateway::start(document.to_string())
        .event(event)
        .env("GW_SECRET", "very-secret");
    let mut api = stage.open_as(gateway).await;

    for _ in 0..2 {
        api.row("an active token", get(ME).bearer("good"), |x| {
            x.status(200).sent("X-User-Id", Some("bob")).sent("Authorization", None);
        })
        .await;
    }
    api.row("an inactive token", get(ME).bearer("bad"), |x| {
        x.error(401, "invalid_token").reached_none();
    })
    .await;
    api.row("no answer about it", get(ME).bearer("broken"), |x| {
        x.error(503, "introspection_unavailable")
            .got("Retry-After", Some("1"))
            .reached_none();
    })
    .await;
    let asked = endpoint.requests().all();
    let secret = "Basic Z3c6dmVyeS1zZWNyZXQ=";
    assert!(
        asked
            .iter()
            .all(|asked| asked.header("Authorization").as_deref() == Some(secret)),
        "{asked:?}"
    );
    assert_eq!(asked.len(), 3, "each token is asked about once");
    assert!(!api.gateway.process().output().to_string().contains("very-secret"));
    api.finish();
}

/// The demo identity provider has a discovery document, as a real one has.
async fn keys_by_discovery(event: Event) {
    let stage = Stage::set().await;
    let method = json!({ "type": "jwt", "issuer": "${TOLLGATE_ISSUER}", "audiences": ["store"] });
    let document = with_methods(&stage, json!({ "main": method }));
    let mut api = stage.open(event, &document).await;
    let provider = format!("http://{}", api.gateway.identity_provider());
    let mut command = tollgate_tests::running::tollgate();
    command.args(["token", "--sub", "carol", "--issuer", &provider]);
    let token = tollgate_tests::running::Finished::of(command).await;
    assert_eq!(token.code, Some(0), "{token:?}");
    api.row(
        "a token of an issuer that says where its keys are",
        get(ME).bearer(&token.stdout),
        |x| {
            x.status(200).sent("X-User-Id", Some("carol"));
        },
    )
    .await;
    api.finish();
}

/// What one process fetched, the next one has: from the database that both use.
async fn a_restart_while_the_issuer_is_down(event: Event) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("tables.db");
    let stage = Stage::set().await;
    let document = stage.unlimited();
    let request = get(ME).bearer(stage.issuer.sign("usr_1"));
    let start = || Gateway::start(document.to_string()).event(event).database(&database);
    let first = start().spawn().await;
    assert_eq!(first.send(&request).await.status, 200);
    assert_eq!(stage.issuer.fetches(), 1);
    first.terminate().await;

    stage.issuer.becomes(Mood::Down);
    let second = start().spawn().await;
    let answer = second.send(&request).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let seen = stage.orders.requests().all();
    assert_eq!(seen[1].header("X-User-Id").as_deref(), Some("usr_1"));
}

async fn several_methods_on_one_route(event: Event) {
    let stage = Stage::set().await;
    let token = |subject: &str| stage.issuer.token(subject);
    let (plain, scoped) = (token("usr_1"), token("usr_1").claim("scope", json!("orders:write a")));
    let (plain, scoped) = (
        plain.sign(&stage.issuer.keys().es256),
        scoped.sign(&stage.issuer.keys().es256),
    );
    let main = json!({ "type": "jwt", "jwks_uri": stage.issuer.jwks_uri(),
        "issuer": tollgate_tests::issuer::Issuer::NAME, "audiences": [tollgate_tests::issuer::Issuer::AUDIENCE] });
    let mut document = with_methods(&stage, json!({ "main": main, "partners": { "type": "api_key" } }));
    document["routes"][0]["auth"] = json!({ "any_of": ["main", "partners"] });
    document["routes"][1]["auth"] = json!({ "all_of": ["main", "partners"], "scopes": ["orders:write"] });
    let mut api = stage.open(event, &document).await;
    let key = created(&api, &["keys", "create", "--owner", "acme", "--scope", "orders:read"]).await;
    let users = || get("/api/users/1");

    api.row("either: a token", users().bearer(&plain), |x| {
        x.status(200)
            .sent("X-User-Id", Some("usr_1"))
            .sent("X-Auth-Method", Some("main"));
    })
    .await;
    api.row("either: a key", users().header("X-Api-Key", &key), |x| {
        x.status(200)
            .sent("X-User-Id", Some("acme"))
            .sent("X-Auth-Method", Some("partners"));
    })
    .await;
    api.row(
        "either: the first decides, and nothing of the second passes",
        users().bearer(&plain).header("X-Api-Key", &key),
        |x| {
            x.status(200)
                .sent("X-User-Id", Some("usr_1"))
                .sent("X-Api-Key", None)
                .sent("Authorization", None);
        },
    )
    .await;
    api.row(
        "either: a wrong token is not saved by a key",
        users().bearer("a.b.c").header("X-Api-Key", &key),
        |x| {
            x.error(401, "invalid_token").reached_none();
        },
    )
    .await;
    api.row("both", get(ME).bearer(&scoped).header("X-Api-Key", &key), |x| {
        x.status(200)
            .sent("X-User-Id", Some("usr_1"))
            .sent("X-Auth-Method", Some("main,partners"));
    })
    .await;
    api.row(
        "both: the scope is missing",
        get(ME).bearer(&plain).header("X-Api-Key", &key),
        |x| {
            x.error(403, "insufficient_scope").reached_none();
        },
    )
    .await;
    api.row("both: one is missing", get(ME).bearer(&scoped), |x| {
        x.error(401, "unauthorized").reached_none();
    })
    .await;
    api.finish();
}
