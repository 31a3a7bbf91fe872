//! "Identity": tokens in, a verified caller out.

use serde_json::{Value, json};
use tollgate_tests::issuer::{Issuer, Mood};
use tollgate_tests::token::{Key, Token, seconds_from_now};
use tollgate_tests::{Api, Event, Gateway, Stage, get};

crate::for_each_event_kind!(
    tokens,
    claims_become_headers,
    stances_of_routes,
    refused_credentials_are_counted,
);
crate::for_event_kinds!(any_front_door: Http, key_ids, key_sets);

const ME: &str = "/api/orders/1";

async fn tokens(event: Event) {
    let stage = Stage::set().await;
    let good = stage.issuer.token("usr_1");
    let keys = stage.issuer.keys();
    let es256 = &keys.es256;
    let accepted = [
        ("ES256", good.sign(es256)),
        ("EdDSA", good.sign(&keys.eddsa)),
        ("RS256", good.sign(&keys.rs256)),
        (
            "one of several audiences",
            good.clone()
                .claim("aud", json!(["other", Issuer::AUDIENCE]))
                .sign(es256),
        ),
        (
            "just expired, within the skew",
            good.clone().claim("exp", seconds_from_now(-30)).sign(es256),
        ),
        (
            "not yet valid, within the skew",
            good.clone().claim("nbf", seconds_from_now(30)).sign(es256),
        ),
    ];
    let stranger = Key::es256("ec-1");
    let refused = refused_tokens(&good, es256, &stranger);
    // More refusals than one client may cause in a minute.
    let mut document = stage.unlimited();
    document["auth"]["failures"] = json!(1000);
    let mut api = stage.open(event, &document).await;
    for (sentence, token) in accepted {
        api.row(&format!("a valid token: {sentence}"), get(ME).bearer(token), |x| {
            x.status(200)
                .sent("X-User-Id", Some("usr_1"))
                .sent("Authorization", None);
        })
        .await;
    }
    for (sentence, token) in refused {
        api.row(&format!("no valid token: {sentence}"), get(ME).bearer(token), |x| {
            x.error(401, "invalid_token").reached_none();
            x.got(event.www_authenticate(), Some(r#"Bearer error="invalid_token""#));
        })
        .await;
    }
    schemes(event, &mut api).await;
    api.finish();
}

fn refused_tokens(good: &Token, key: &Key, stranger: &Key) -> Vec<(&'static str, String)> {
    let signed = good.sign(key);
    let (message, signature) = signed.rsplit_once('.').expect("a compact token");
    let with = |name: &str, value: Value| good.clone().claim(name, value).sign(key);
    let header = |name: &str, value: Value| good.clone().header(name, value).sign(key);
    vec![
        ("another issuer", with("iss", json!("https://evil.example.com"))),
        (
            "the issuer with a slash",
            with("iss", json!(format!("{}/", Issuer::NAME))),
        ),
        ("no issuer", with("iss", Value::Null)),
        ("another audience", with("aud", json!("other.example.com"))),
        ("no audience", with("aud", Value::Null)),
        ("an empty list of audiences", with("aud", json!([]))),
        ("expired", with("exp", json!(seconds_from_now(-120)))),
        ("without an end", with("exp", Value::Null)),
        ("an end that is a text", with("exp", json!("2999999999"))),
        ("not yet valid", with("nbf", json!(seconds_from_now(120)))),
        ("signed by another key under the same id", good.sign(stranger)),
        ("an unknown key id", header("kid", json!("ec-2"))),
        ("`alg: none`", header("alg", json!("none"))),
        ("`alg: HS256`", header("alg", json!("HS256"))),
        ("an algorithm that the key is not for", header("alg", json!("RS256"))),
        ("a critical header that nobody knows", header("crit", json!(["b64"]))),
        ("no signature", format!("{message}.")),
        ("two parts", message.to_owned()),
        ("four parts", format!("{signed}.{signature}")),
        (
            "a signature with one bit changed",
            format!("{message}.{}", flipped(signature)),
        ),
        ("not base64", "a.b!.c".into()),
        ("nothing at all", "x".into()),
        ("a very long one", "a".repeat(6000)),
    ]
}

/// The same text with its first character changed: the last may carry bits that mean nothing.
fn flipped(signature: &str) -> String {
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{first}{}", &signature[1..])
}

async fn schemes(event: Event, api: &mut Api) {
    let token = api.stage.issuer.sign("usr_1");
    api.row(
        "the scheme has no case",
        get(ME).header("Authorization", format!("bearer {token}")),
        |x| {
            x.status(200);
        },
    )
    .await;
    api.row(
        "closed by default: another scheme is a wrong credential",
        get(ME).header("Authorization", "Basic dTpw"),
        |x| {
            x.error(401, "invalid_token").reached_none();
        },
    )
    .await;
    for (sentence, request) in [
        ("no header", get(ME)),
        (
            "a token in the query is none",
            get(format!("{ME}?access_token={token}")),
        ),
    ] {
        api.row(&format!("closed by default: {sentence}"), request, |x| {
            x.error(401, "unauthorized")
                .reached_none()
                .got(event.www_authenticate(), Some("Bearer"));
        })
        .await;
    }
    let twice = get(ME).bearer(&token).bearer("x");
    api.row("two credentials are no credential", twice, |x| {
        x.status(401).reached_none();
    })
    .await;
}

async fn key_ids(event: Event) {
    let stage = Stage::set().await;
    let unnamed = stage.issuer.token("usr_1").header("kid", Value::Null);
    let second = Key::es256("ec-2");
    let keys = stage.issuer.keys();
    stage.issuer.publishes(&[&keys.es256, &second, &keys.eddsa]);
    let (ambiguous, only) = (unnamed.sign(&keys.es256), unnamed.sign(&keys.eddsa));
    let document = stage.unlimited();
    let mut api = stage.open(event, &document).await;
    api.row(
        "without `kid`, the one key that fits its `alg` is tried",
        get(ME).bearer(only),
        |x| {
            x.status(200).sent("X-User-Id", Some("usr_1"));
        },
    )
    .await;
    api.row("with two that fit, none is", get(ME).bearer(ambiguous), |x| {
        x.error(401, "invalid_token").reached_none();
    })
    .await;
    api.finish();
}

async fn key_sets(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.unlimited();
    document["auth"]["algorithms"] = json!(["EdDSA", "ES256"]);
    let rs256 = stage.issuer.token("usr_1").sign(&stage.issuer.keys().rs256);
    let mut api = stage.open(event, &document).await;
    assert_eq!(api.stage.issuer.fetches(), 0, "the key set is fetched lazily");
    for _ in 0..3 {
        let token = api.stage.issuer.sign("usr_1");
        api.row("a good token", get(ME).bearer(token), |x| {
            x.status(200);
        })
        .await;
    }
    assert_eq!(api.stage.issuer.fetches(), 1, "the key set is kept over requests");
    api.row("an algorithm that is not allowed", get(ME).bearer(rs256), |x| {
        x.error(401, "invalid_token");
    })
    .await;
    for n in 0..5 {
        let unknown = api.stage.issuer.token("usr_1").header("kid", format!("unknown-{n}"));
        let unknown = unknown.sign(&api.stage.issuer.keys().es256);
        // The issuer is asked for the first; the others might be newer than its answer.
        api.row("an unknown key", get(ME).bearer(unknown), |x| {
            match n {
                0 => x.error(401, "invalid_token"),
                _ => x
                    .error(503, "key_set_unavailable")
                    .got_like("Retry-After", |after| after.parse::<u64>().is_ok()),
            };
            x.reached_none();
        })
        .await;
    }
    let fetches = api.stage.issuer.fetches();
    assert!(
        fetches <= 2,
        "unknown keys ask at most once an interval, not {fetches} times"
    );
    // What was fetched goes on to hold while the issuer is down.
    api.stage.issuer.becomes(Mood::Down);
    let token = api.stage.issuer.sign("usr_2");
    api.row("known keys outlive their issuer", get(ME).bearer(token), |x| {
        x.status(200).sent("X-User-Id", Some("usr_2"));
    })
    .await;
    api.finish();
}

async fn claims_become_headers(event: Event) {
    let stage = Stage::set().await;
    let mut document = stage.unlimited();
    document["auth"]["claims_to_headers"] =
        json!({ "sub": "X-User-Id", "role": "X-User-Role", "tenant": "X-Tenant", "org": "Organisation" });
    document["auth"]["forward_token"] = json!(true);
    let mut api = stage.open(event, &document).await;
    let token = api.stage.issuer.token("jürgen müller");
    let values = [
        ("visible ASCII as it is", json!("a-b_c/d=e"), Some("a-b_c/d=e")),
        ("other bytes percent-encoded", json!("zwölf\n"), Some("zw%C3%B6lf%0A")),
        ("a number is its text", json!(42), Some("42")),
        ("a truth value is its text", json!(true), Some("true")),
        ("an object sets nothing", json!({ "a": 1 }), None),
    ];
    for (sentence, value, header) in values {
        let token = token
            .clone()
            .claim("tenant", value)
            .sign(&api.stage.issuer.keys().es256);
        api.row(sentence, get(ME).bearer(&token).header("X-Tenant", "mine"), |x| {
            x.status(200)
                .sent("X-Tenant", header)
                .sent("X-User-Id", Some("j%C3%BCrgen%20m%C3%BCller"));
            x.sent("Authorization", Some(&format!("Bearer {token}")));
        })
        .await;
    }
    let null = token.null_claim("tenant").sign(&api.stage.issuer.keys().es256);
    let request = get(ME)
        .bearer(&null)
        .header("X-Tenant", "mine")
        .header("organisation", "mine");
    api.row(
        "null sets nothing, and every header of the map is sealed",
        request,
        |x| {
            x.status(200)
                .sent("X-Tenant", None)
                .sent("Organisation", None)
                .sent("X-User-Role", None);
        },
    )
    .await;
    api.finish();
}

async fn stances_of_routes(event: Event) {
    let stage = Stage::set().await;
    let url = stage.site.url();
    let mut document = stage.unlimited();
    document["routes"] = json!([
        { "path": "/closed", "upstream": url },
        { "path": "/open", "upstream": url, "auth": "none" },
        { "path": "/either", "upstream": url, "auth": { "optional": true } },
        { "path": "/excluded/{any}", "upstream": url },
    ]);
    document["auth"]["exclude_paths"] = json!(["/excluded/*"]);
    document.as_object_mut().expect("an object").remove("transformations");
    let mut api = stage.open(event, &document).await;
    let token = api
        .stage
        .issuer
        .token("usr_1")
        .claim("role", "admin")
        .sign(&api.stage.issuer.keys().es256);
    api.row(
        "a verified token becomes X-User-Id and X-User-Role",
        get("/closed").bearer(&token),
        |x| {
            x.status(200)
                .sent("X-User-Id", Some("usr_1"))
                .sent("X-User-Role", Some("admin"))
                .sent("Authorization", None);
        },
    )
    .await;
    api.row(
        "`auth: none` leaves Authorization alone",
        get("/open").header("Authorization", "Basic dTpw"),
        |x| {
            x.status(200)
                .sent("Authorization", Some("Basic dTpw"))
                .sent("X-User-Id", None);
        },
    )
    .await;
    api.row("and verifies nothing", get("/open").bearer("rubbish"), |x| {
        x.status(200).sent("Authorization", Some("Bearer rubbish"));
    })
    .await;
    api.row("optional: absent is fine", get("/either"), |x| {
        x.status(200).sent("X-User-Id", None);
    })
    .await;
    api.row("optional: present is verified", get("/either").bearer(&token), |x| {
        x.status(200)
            .sent("X-User-Id", Some("usr_1"))
            .sent("Authorization", None);
    })
    .await;
    api.row(
        "optional: present and wrong is refused",
        get("/either").bearer("rubbish"),
        |x| {
            x.error(401, "invalid_token").reached_none();
        },
    )
    .await;
    api.row("exclude_paths takes patterns", get("/excluded/1"), |x| {
        x.status(200).sent("X-User-Id", None);
    })
    .await;
    api.finish();
}

async fn refused_credentials_are_counted(event: Event) {
    let stage = Stage::set().await;
    let document = stage.unlimited();
    // One environment: the count is per environment.
    let gateway = Gateway::start(document.to_string()).event(event).environments(1);
    let mut api = stage.open_as(gateway).await;
    let token = api.stage.issuer.sign("usr_1");
    api.row("a good one first", get(ME).bearer(&token), |x| {
        x.status(200);
    })
    .await;
    let began = std::time::Instant::now();
    let mut refused = 0;
    let last = loop {
        let exchange = api.send(get(ME).bearer(format!("rubbish-{refused}"))).await;
        if exchange.response.status != 401 {
            break exchange;
        }
        refused += 1;
    };
    last.error(429, "rate_limit_exceeded")
        .reached_none()
        .got_like("Retry-After", |seconds| seconds != "0");
    // 20 at once and then one each 3 seconds, however slow this machine is.
    let at_most = 20 + began.elapsed().as_secs() / 3 + 1;
    assert!(
        (20..=at_most).contains(&refused),
        "{refused} were looked at in {:?}",
        began.elapsed()
    );
    let fetches = api.stage.issuer.fetches();
    let unknown = api
        .stage
        .issuer
        .token("usr_1")
        .header("kid", "never-seen")
        .sign(&api.stage.issuer.keys().es256);
    api.row("then 429 before any look-up", get(ME).bearer(unknown), |x| {
        x.error(429, "rate_limit_exceeded").reached_none();
    })
    .await;
    assert_eq!(api.stage.issuer.fetches(), fetches, "no key was looked up");
    api.row("public paths go on", get("/api/health"), |x| {
        x.status(200);
    })
    .await;
    api.finish();
}
