//! An issuer whose key set cannot be had.

use tollgate_tests::issuer::Mood;
use tollgate_tests::token::Key;
use tollgate_tests::{Event, Gateway, Stage, get};

use super::{eventually, promptly};

crate::for_event_kinds!(
    any_front_door: Http,
    no_key_set_is_503_until_there_is_one,
    rotated_keys_are_found,
    no_proxy_is_asked_for_them
);

async fn no_key_set_is_503_until_there_is_one(event: Event) {
    for mood in [Mood::Down, Mood::Failing, Mood::NotJson, Mood::Silent] {
        let stage = Stage::set().await;
        stage.issuer.becomes(mood);
        let document = stage.unlimited();
        let request = get("/api/orders/1").bearer(stage.issuer.sign("usr_1"));
        let api = stage.open(event, &document).await;

        let refused = promptly(&api, request.clone()).await;
        refused.error(503, "key_set_unavailable").reached_none();
        refused.got_like("Retry-After", |seconds| {
            seconds.parse::<u64>().is_ok_and(|seconds| seconds >= 1)
        });
        refused.got("WWW-Authenticate", None);
        promptly(&api, get("/api/orders/1")).await.error(401, "unauthorized");
        promptly(&api, get("/api/health")).await.status(200);

        api.stage.issuer.becomes(Mood::Well);
        eventually(&api, &request, 200).await.sent("X-User-Id", Some("usr_1"));
        api.finish();
    }
}

async fn rotated_keys_are_found(event: Event) {
    let stage = Stage::set().await;
    let document = stage.unlimited();
    let next = Key::es256("ec-2");
    let new = get("/api/orders/1").bearer(stage.issuer.token("usr_1").sign(&next));
    let old = get("/api/orders/1").bearer(stage.issuer.sign("usr_1"));
    let api = stage.open(event, &document).await;
    promptly(&api, old).await.status(200);
    api.stage.issuer.publishes(&[&next]);
    promptly(&api, new).await.status(200).sent("X-User-Id", Some("usr_1"));
    api.finish();
}

/// Nor for the upstream.
async fn no_proxy_is_asked_for_them(event: Event) {
    let stage = Stage::set().await;
    let mut gateway = Gateway::start(stage.unlimited().to_string()).event(event);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        gateway = gateway.env(name, "http://127.0.0.1:1");
    }
    let request = get("/api/orders/1").bearer(stage.issuer.sign("usr_1"));
    let api = stage.open_as(gateway).await;
    promptly(&api, request).await.status(200);
    api.finish();
}
