//! The admin API on a table: every event goes through the function's own handler, and every answer has a status that
//! the API's OpenAPI document knows there. Bodies are compared with it by schemathesis (`scripts/check-admin`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tollgate::api_key::ApiKey;
use tollgate::clock::{Clock, Timestamp};
use tollgate::limit::{BucketName, Window};
use tollgate::store::dynamodb::{ApiKeys, Counters, Plans};
use tollgate::store::{BucketCharge, BucketStep, Charge, ChargeOutcome, CounterKey, Leftovers, Store, WindowCharge};
use tollgate_admin::{Admin, AdminState, Principals};

use crate::engine::{Engine, patient_store, plain_client};
use crate::fake::Fake;
use crate::faults::{Fault, faulty};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const HOUR: Duration = Duration::from_secs(3_600);

#[derive(Debug)]
struct Standing(Timestamp);

impl Clock for Standing {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// The API on a table of its own.
async fn api(engine: &Engine, table: &str) -> Admin {
    engine.api_keys(table).await;
    at(&engine.client, table, NOW)
}

fn at(client: &Client, table: &str, now: Timestamp) -> Admin {
    let state = AdminState {
        keys: ApiKeys::new(client.clone(), table),
        plans: Plans::new(client.clone(), table),
        // The kinds of items never meet, so one table can stand for all.
        counters: Counters::new(client.clone(), table),
        clock: Arc::new(Standing(now)),
    };
    Admin::new(state, Principals::default())
}

struct Answer {
    status: u64,
    headers: Value,
    body: Value,
    log: Value,
}

/// Sends a request of a principal that IAM named. That the document knows the answer's status is looked at here.
async fn send(api: &Admin, method: &str, path: &str, body: Option<&Value>) -> Answer {
    answered(api, &event(method, path, body), NOW.plus(HOUR)).await
}

fn event(method: &str, path: &str, body: Option<&Value>) -> Value {
    let (raw_path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut event = json!({
        "version": "2.0", "rawPath": raw_path, "rawQueryString": query, "headers": { "host": "admin.example.com" },
        "requestContext": {
            "http": { "method": method, "sourceIp": "192.0.2.1" },
            "authorizer": { "iam": { "userArn": "arn:aws:iam::123456789012:user/ann" } },
        },
    });
    if let Some(body) = body {
        event["headers"]["content-type"] = "application/json".into();
        event["body"] = body.to_string().into();
    }
    event
}

/// The answer to an event, in an invocation that ends at `deadline`.
async fn answered(api: &Admin, event: &Value, deadline: Timestamp) -> Answer {
    let answer = api.handle(&event.to_string(), deadline).await.unwrap();
    let written: Value = serde_json::from_str(answer.event.get()).unwrap();
    let log: Value = serde_json::from_str(&answer.log).unwrap();
    let status = written["statusCode"].as_u64().unwrap();
    documented(&log, status);
    Answer {
        status,
        headers: written["headers"].clone(),
        body: match written["body"].as_str().unwrap() {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap(),
        },
        log,
    }
}

fn documented(log: &Value, status: u64) {
    let document = tollgate_admin::document();
    let method = log["method"].as_str().unwrap().to_lowercase();
    let responses = &document["paths"][log["route"].as_str().unwrap()][&method]["responses"];
    assert!(responses[status.to_string()].is_object(), "{log}");
}

async fn get(api: &Admin, path: &str) -> Answer {
    send(api, "GET", path, None).await
}

async fn post(api: &Admin, path: &str, body: Value) -> Answer {
    send(api, "POST", path, Some(&body)).await
}

fn key_of(answer: &Answer) -> ApiKey {
    ApiKey::parse(answer.body["key"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_key_lives_through_rotation_and_revocation() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_life").await;
    let wanted = json!({
        "owner": "ann", "plan": "gold", "scopes": ["b", "a", "b"], "expires_in": 3600, "name": "n\u{e4}chtlich",
    });
    let made = post(&api, "/keys", wanted).await;
    let first = key_of(&made);
    let mut record = json!({
        "id": first.id(), "status": "active", "owner": "ann", "plan": "gold", "scopes": ["a", "b"],
        "created_at": 1_800_000_000, "expires_at": 1_800_003_600, "name": "n\u{e4}chtlich",
    });
    let mut with_key = record.clone();
    with_key["key"] = first.secret_text().into();
    assert_eq!((made.status, &made.body), (201, &with_key));
    assert_eq!(made.headers["location"], format!("keys/{}", first.id()));
    let path = format!("/keys/{}", first.id());
    assert_eq!(get(&api, &path).await.body, record);
    // The gateway's own reader takes it.
    let store = patient_store(&engine.endpoint, "admin_life");
    let kept = tollgate::store::Store::api_key(&store, first.id()).await.unwrap();
    assert!(first.verify(kept.as_ref(), NOW).is_ok());

    let rotated = post(&api, &format!("{path}/rotate"), json!({ "grace": 60 })).await;
    let second = key_of(&rotated);
    assert_eq!((rotated.status, second.id()), (200, first.id()));
    assert_ne!(second.secret_text(), first.secret_text());
    record["previous_until"] = 1_800_000_060.into();
    assert_eq!(get(&api, &path).await.body, record);
    // To JSON Schema this is an integer.
    let rotated = post(&api, &format!("{path}/rotate"), json!({ "grace": 120.0 })).await;
    assert_eq!(rotated.body["previous_until"], 1_800_000_120);
    // Without a body the old one stays good for a day.
    let rotated = send(&api, "POST", &format!("{path}/rotate"), None).await;
    assert_eq!(rotated.body["previous_until"], 1_800_086_400);

    for before in [false, true] {
        let revoked = send(&api, "POST", &format!("{path}/revoke"), None).await;
        let expected = json!({ "id": first.id(), "status": "revoked", "before": before });
        assert_eq!((revoked.status, revoked.body), (200, expected));
    }
    assert_eq!(get(&api, &path).await.body["status"], "revoked");
    let refused = post(&api, &format!("{path}/rotate"), json!({})).await;
    assert_eq!((refused.status, &refused.body["error"]), (409, &json!("key_revoked")));
}

#[tokio::test]
async fn what_is_not_there_or_over_is_said() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_absent").await;
    for (method, path) in [
        ("GET", "/keys/0123456789AB"),
        ("POST", "/keys/0123456789AB/rotate"),
        ("POST", "/keys/0123456789AB/revoke"),
    ] {
        let answer = send(&api, method, path, None).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.body["error"], "no_such_record", "{path}");
        assert_eq!(answer.body["message"], "There is no API key 0123456789AB.", "{path}");
    }
    let short = post(&api, "/keys", json!({ "owner": "ann", "expires_in": 1 })).await;
    let path = format!("/keys/{}", key_of(&short).id());
    let later = at(&engine.client, "admin_absent", Timestamp::from_secs(1_800_000_001));
    assert_eq!(get(&later, &path).await.body["status"], "expired");
    let refused = send(&later, "POST", &format!("{path}/rotate"), None).await;
    assert_eq!((refused.status, &refused.body["error"]), (409, &json!("key_expired")));
}

#[tokio::test]
async fn pages_of_every_size_show_each_key_once() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_pages").await;
    let mut made = BTreeSet::new();
    for owner in ["ann", "ann", "ann", "ann", "ann", "bob"] {
        let key = key_of(&post(&api, "/keys", json!({ "owner": owner })).await);
        if owner == "ann" {
            made.insert(key.id().to_owned());
        }
    }
    for limit in [1, 2, 3, 5, 6, 100] {
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = get(&api, &format!("/keys?owner=ann&limit={limit}{cursor}")).await;
            let keys = page.body["keys"].as_array().unwrap();
            assert!(keys.len() <= limit);
            found.extend(keys.iter().map(|key| key["id"].as_str().unwrap().to_owned()));
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(found, made.iter().cloned().collect::<Vec<_>>(), "{limit}");
    }
    let page = get(&api, "/keys?owner=ann&limit=1").await;
    let cursor = page.body["next_cursor"].as_str().unwrap();
    let foreign = get(&api, &format!("/keys?owner=bob&cursor={cursor}")).await;
    assert_eq!((foreign.status, &foreign.body["error"]), (400, &json!("bad_request")));
    assert_eq!(get(&api, "/keys?owner=nobody").await.body, json!({ "keys": [] }));
}

#[tokio::test]
async fn a_plan_is_made_changed_listed_and_taken_away() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_plans").await;
    let daily = json!({ "quota": { "requests": 1000, "per": "day" } });
    let fast = json!({ "rate_limit": { "requests_per_second": 5, "burst": 10 }, "quota": [daily["quota"]] });
    let plan = |limits: &Value| json!({ "name": "free", "limits": limits, "created_at": 1_800_000_000, "updated_at": 1_800_000_000 });
    for limits in [&daily, &fast] {
        let set = send(&api, "PUT", "/plans/free", Some(limits)).await;
        assert_eq!((set.status, set.body), (200, plan(limits)));
    }
    assert_eq!(get(&api, "/plans/free").await.body, plan(&fast));
    for name in ["a", "b"] {
        send(&api, "PUT", &format!("/plans/{name}"), Some(&daily)).await;
    }
    let first = get(&api, "/plans?limit=2").await.body;
    assert_eq!(
        (&first["plans"][0]["name"], &first["plans"][1]["name"]),
        (&json!("a"), &json!("b"))
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(&api, &format!("/plans?cursor={cursor}")).await.body;
    assert_eq!(second, json!({ "plans": [plan(&fast)] }));
    let foreign = get(&api, &format!("/keys?owner=a&cursor={cursor}")).await;
    assert_eq!(foreign.status, 400);
    for status in [204, 404] {
        assert_eq!(send(&api, "DELETE", "/plans/free", None).await.status, status);
    }
    assert_eq!(get(&api, "/plans/free").await.body["error"], "no_such_record");
}

#[tokio::test]
async fn a_key_may_have_a_plan_for_a_while_and_limits_of_its_own() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_key_limits").await;
    let limits = json!({ "quota": { "requests": 5, "per": "minute" } });
    let made = post(
        &api,
        "/keys",
        json!({ "owner": "ann", "plan": "gold", "plan_expires_in": 60, "limits": limits }),
    )
    .await;
    assert_eq!(
        (&made.body["plan_expires_at"], &made.body["limits"]),
        (&json!(1_800_000_060), &limits)
    );
    let wrong = json!({ "owner": "ann", "limits": { "quota": { "requests": 5, "per": "week" } } });
    let refused = post(&api, "/keys", wrong).await;
    assert_eq!((refused.status, &refused.body["error"]), (422, &json!("invalid")));
}

async fn patch(api: &Admin, path: &str, body: Value) -> Answer {
    send(api, "PATCH", path, Some(&body)).await
}

#[tokio::test]
async fn a_key_is_changed_in_place() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_change").await;
    let made = post(
        &api,
        "/keys",
        json!({ "owner": "ann", "plan": "trial", "plan_expires_in": 60 }),
    )
    .await;
    let key = key_of(&made);
    let path = format!("/keys/{}", key.id());
    let mut record = made.body;
    record.as_object_mut().unwrap().remove("key");
    let limits = json!({ "quota": { "requests": 5, "per": "minute" } });
    // Each change, and what the key then has beside what it had; null: not any more.
    for (change, then) in [
        (
            json!({ "plan": "gold" }),
            json!({ "plan": "gold", "plan_expires_at": null }),
        ),
        (
            json!({ "plan_expires_in": 120 }),
            json!({ "plan_expires_at": 1_800_000_120 }),
        ),
        (
            json!({ "limits": limits, "scopes": ["b", "a", "b"], "expires_in": 3600, "name": "n\u{e4}chtlich" }),
            json!({
                "limits": limits, "scopes": ["a", "b"], "expires_at": 1_800_003_600, "name": "n\u{e4}chtlich",
            }),
        ),
        (json!({ "plan_expires_in": null }), json!({ "plan_expires_at": null })),
        (
            json!({ "scopes": null, "limits": null }),
            json!({ "scopes": [], "limits": null }),
        ),
        (
            json!({ "plan": null, "expires_in": null, "name": null }),
            json!({ "plan": null, "expires_at": null, "name": null }),
        ),
        (json!({ "scopes": [] }), json!({})),
    ] {
        for (member, value) in then.as_object().unwrap() {
            record[member] = value.clone();
        }
        record.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let answer = patch(&api, &path, change.clone()).await;
        assert_eq!((answer.status, &answer.body), (200, &record), "{change}");
        assert_eq!(get(&api, &path).await.body, record, "{change}");
    }
    // The key itself is the same, for the gateway's own reader too.
    let store = patient_store(&engine.endpoint, "admin_change");
    let kept = tollgate::store::Store::api_key(&store, key.id()).await.unwrap();
    assert!(key.verify(kept.as_ref(), NOW).is_ok());
}

#[tokio::test]
async fn a_change_that_cannot_be_changes_nothing() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_no_change").await;
    let absent = patch(&api, "/keys/0123456789AB", json!({ "plan": "gold" })).await;
    assert_eq!((absent.status, &absent.body["error"]), (404, &json!("no_such_record")));
    assert_eq!(get(&api, "/keys/0123456789AB").await.status, 404);

    let made = post(&api, "/keys", json!({ "owner": "ann", "expires_in": 60 })).await;
    let path = format!("/keys/{}", key_of(&made).id());
    let before = get(&api, &path).await.body;
    for change in [
        json!({}),
        json!({ "owner": "bob" }),
        json!({ "name": "a", "id": "0123456789AB" }),
        json!({ "name": "a", "scopes": ["a b"] }),
        json!({ "name": "a", "plan": "x".repeat(251) }),
        json!({ "name": "a", "limits": { "quota": { "requests": 5, "per": "week" } } }),
        json!({ "plan_expires_in": 60 }),
    ] {
        let refused = patch(&api, &path, change.clone()).await;
        assert_eq!(
            (refused.status, &refused.body["error"]),
            (422, &json!("invalid")),
            "{change}"
        );
    }
    assert_eq!(get(&api, &path).await.body, before);

    // An expired one is renewed, a revoked one never.
    let later = at(&engine.client, "admin_no_change", Timestamp::from_secs(1_800_000_060));
    assert_eq!(
        patch(&later, &path, json!({ "name": "a" })).await.body["status"],
        "expired"
    );
    let renewed = patch(&later, &path, json!({ "expires_in": 60 })).await;
    assert_eq!(
        (&renewed.body["status"], &renewed.body["expires_at"]),
        (&json!("active"), &json!(1_800_000_120))
    );
    send(&later, "POST", &format!("{path}/revoke"), None).await;
    let refused = patch(&later, &path, json!({ "expires_in": 3600 })).await;
    assert_eq!((refused.status, &refused.body["error"]), (409, &json!("key_revoked")));
    assert_eq!(get(&later, &path).await.body["expires_at"], 1_800_000_120);
}

#[tokio::test]
async fn owners_of_every_script_and_length_are_found_again() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_owners").await;
    let long = "\u{1f511}".repeat(250);
    for owner in [
        "a b",
        "a&b=c",
        "a%20b",
        "a+b",
        "\u{fc}\u{308}",
        "\u{202e}x",
        "KEY#1",
        "\"\\/",
        &long,
    ] {
        let made = post(&api, "/keys", json!({ "owner": owner })).await;
        assert_eq!(made.status, 201, "{owner}");
        let encoded: String = owner.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let page = get(&api, &format!("/keys?owner={encoded}")).await;
        assert_eq!(page.body["keys"][0]["id"], made.body["id"], "{owner}");
        assert_eq!(page.body["keys"][0]["owner"], owner);
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_told_without_its_content() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_malformed").await;
    let made = post(&api, "/keys", json!({ "owner": "ann" })).await;
    let id = key_of(&made).id().to_owned();
    let item = engine.client.update_item().table_name("admin_malformed");
    let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
    let broken = item
        .key("pk", text(format!("KEY#{id}")))
        .key("sk", text("META".into()))
        .update_expression("SET created_at = :wrong")
        .expression_attribute_values(":wrong", text("very-secret".into()));
    broken.send().await.unwrap();
    let answer = get(&api, &format!("/keys/{id}")).await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (500, &json!("unreadable_record"))
    );
    assert!(!answer.body.to_string().contains("admin_malformed"), "{}", answer.body);
    // The others are shown, page by page.
    let other = key_of(&post(&api, "/keys", json!({ "owner": "ann" })).await);
    let (mut shown, mut unreadable, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = get(&api, &format!("/keys?owner=ann&limit=1{cursor}")).await.body;
        shown.extend(page["keys"].as_array().unwrap().iter().map(|key| key["id"].clone()));
        unreadable.extend(page["unreadable"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((shown, unreadable), (vec![json!(other.id())], vec![json!(id)]));
    // It can still be taken back.
    assert_eq!(
        send(&api, "POST", &format!("/keys/{id}/revoke"), None).await.status,
        200
    );
}

#[tokio::test]
async fn a_table_that_fails_is_told_apart_from_one_that_may_have_done_it() {
    let refused = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"very-secret"}"#;
    let throttled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"very-secret"}"#;
    let failed = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#;
    for (status, body, told) in [
        (400, refused, (500, "internal_error", "its log says why")),
        (400, throttled, (503, "store_unavailable", "nothing was changed")),
        (500, failed, (503, "store_unavailable", "or not")),
        (200, "no JSON", (503, "store_unavailable", "or not")),
    ] {
        let fake = Fake::answering(status, body).await;
        let api = at(&asking_once(&fake), "keys", NOW);
        for (method, path, body) in [
            ("POST", "/keys", Some(json!({ "owner": "ann" }))),
            ("PATCH", "/keys/0123456789AB", Some(json!({ "plan": "gold" }))),
            ("POST", "/keys/0123456789AB/revoke", None),
        ] {
            let answer = send(&api, method, path, body.as_ref()).await;
            let (status, code, words) = told;
            assert_eq!(
                (answer.status, &answer.body["error"]),
                (status, &json!(code)),
                "{body:?}"
            );
            assert!(
                answer.body["message"].as_str().unwrap().contains(words),
                "{}",
                answer.body
            );
            let again = (status == 503).then_some(("1", 1));
            let (header, member) = again.unzip();
            assert_eq!(
                (&answer.headers["retry-after"], &answer.body["retry_after"]),
                (&json!(header), &json!(member))
            );
            assert!(!answer.body.to_string().contains("very-secret"), "{}", answer.body);
            // Which key, whatever came of it.
            assert!(answer.log["key_id"].is_string(), "{}", answer.log);
        }
        let read = get(&api, "/keys/0123456789AB").await.body["message"].clone();
        assert!(!read.as_str().unwrap().contains("change"), "{read}");
    }
}

/// At once: how often and after what pause is the table's own affair.
fn asking_once(fake: &Fake) -> Client {
    let config = plain_client(&fake.endpoint).config().to_builder();
    Client::from_conf(config.retry_config(RetryConfig::disabled()).build())
}

#[tokio::test]
async fn a_rotation_without_a_clear_answer_says_what_to_look_at() {
    let engine = Engine::start().await;
    let clear = api(&engine, "admin_lost").await;
    let key = key_of(&post(&clear, "/keys", json!({ "owner": "ann" })).await);
    let lossy = at(
        &faulty(&engine, &[Fault::Lost, Fault::Throttled]).await,
        "admin_lost",
        NOW,
    );
    let path = format!("/keys/{}", key.id());
    let answer = send(&lossy, "POST", &format!("{path}/rotate"), None).await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (503, &json!("store_unavailable"))
    );
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains("compare `previous_until`"), "{message}");
    assert_eq!(get(&clear, &path).await.body["previous_until"], 1_800_086_400);
}

/// Whatever a table that does not answer is asked for, the answer and the record come before Lambda ends the invocation.
#[tokio::test]
async fn a_table_that_does_not_answer_is_not_waited_for_longer_than_the_invocation_lasts() {
    let fake = Fake::raw(None).await;
    let api = at(&plain_client(&fake.endpoint), "keys", NOW);
    let deadline = NOW.plus(Duration::from_millis(510));
    let made = json!({ "owner": "ann" });
    for (method, path, body, noted) in [
        ("GET", "/keys/0123456789AB", None, "key_id"),
        ("POST", "/keys", Some(&made), "key_id"),
        ("POST", "/keys/0123456789AB/rotate", None, "key_id"),
        ("DELETE", "/plans/gold", None, "plan"),
        ("DELETE", "/usage?part=route%3Dorders", None, "subject"),
    ] {
        let answer = answered(&api, &event(method, path, body), deadline).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (503, &json!("store_unavailable"))
        );
        let message = answer.body["message"].as_str().unwrap();
        assert_eq!(message.contains("or not"), method != "GET", "{message}");
        assert!(answer.log[noted].is_string(), "{}", answer.log);
        let detail = "the tables did not answer before the invocation's end";
        assert_eq!(answer.log["detail"], detail);
    }
}

/// Counts five, in these windows and a bucket, as a gateway does.
async fn count(store: &impl Store, pk: &str, sk: &str, windows: &[&str]) {
    let window = |name: &&str| WindowCharge {
        window: Window::parse(name).unwrap(),
        room: 100,
    };
    let charge = Charge {
        bucket: Some(BucketCharge {
            bucket: BucketName::parse("t300000x20").unwrap(),
            step: BucketStep::Idle {
                now: NOW.micros(),
                cost: 1_500_000,
            },
        }),
        cost: 5,
        windows: windows.iter().map(window).collect(),
        over: Leftovers::default(),
        expires_at: NOW.secs() + 1,
    };
    let key = CounterKey {
        pk: pk.into(),
        sk: sk.into(),
    };
    let outcome = store.charge(&key, &charge).await.unwrap();
    assert!(matches!(outcome, ChargeOutcome::Applied(_)), "{outcome:?}");
}

#[tokio::test]
async fn usage_is_shown_and_reset_of_one_caller_alone() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_usage").await;
    let store = patient_store(&engine.endpoint, "admin_usage");
    let whose = "/usage?part=api_key%3D0123456789AB&X-Amz-Signature=abc";
    assert_eq!(get(&api, whose).await.body, json!({ "counters": [] }));

    let partitions = tollgate::limit::KeyValues::parse(["api_key=0123456789AB"])
        .unwrap()
        .partitions();
    let [by_key, by_plan] = &partitions[..] else {
        panic!("{partitions:?}")
    };
    // NOW is 2027-01-15T08:00:00Z.
    count(&store, &by_plan.pk, "L#plan", &["d20270115", "m202701", "d20270114"]).await;
    count(&store, &by_key.pk, "L#orders", &[]).await;
    count(&store, &by_key.pk, "L#/api/*", &["h2027011508"]).await;
    let other = "Q#plan#somebody-else";
    count(&store, other, "L#plan", &["d20270115"]).await;
    let window = |per: &str, reset: u64| json!({ "per": per, "used": 5, "reset": reset });
    let expected = json!({ "counters": [
        { "by": "api_key", "rule": "/api/*", "windows": [window("hour", 1_800_003_600)], "full_at": 1_800_000_002 },
        { "by": "api_key", "rule": "orders", "windows": [], "full_at": 1_800_000_002 },
        { "by": "plan", "rule": "plan", "windows": [window("day", 1_800_057_600), window("month", 1_801_440_000)],
          "full_at": 1_800_000_002 },
    ] });
    assert_eq!(get(&api, whose).await.body, expected);

    let reset = send(&api, "DELETE", whose, None).await;
    assert_eq!((reset.status, &reset.body), (200, &json!({ "counters": 3 })));
    assert_eq!(get(&api, whose).await.body, json!({ "counters": [] }));
    let again = send(&api, "DELETE", whose, None).await;
    assert_eq!((again.status, &again.body), (200, &json!({ "counters": 0 })));
    let left = engine.item("admin_usage", other, "L#plan").await;
    assert!(!left.is_empty(), "others keep what was counted of them");
}

#[tokio::test]
async fn a_counter_that_cannot_be_read_is_named_and_can_be_reset() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_broken_usage").await;
    let whose = "/usage?part=route=orders";
    let partitions = tollgate::limit::KeyValues::parse(["route=orders"])
        .unwrap()
        .partitions();
    for (rule, used) in [
        ("L#orders", AttributeValue::S("five".into())),
        ("L#users", AttributeValue::N("5".into())),
    ] {
        let item = engine.client.put_item().table_name("admin_broken_usage");
        let item = item
            .item("pk", AttributeValue::S(partitions[0].pk.clone()))
            .item("sk", AttributeValue::S(rule.into()))
            .item("d20270115", used);
        item.send().await.unwrap();
    }
    let window = json!({ "per": "day", "used": 5, "reset": 1_800_057_600 });
    let expected = json!({
        "counters": [{ "by": "route", "rule": "users", "windows": [window] }],
        "unreadable": [{ "by": "route", "rule": "orders" }],
    });
    let shown = get(&api, whose).await;
    assert_eq!((shown.status, &shown.body), (200, &expected));
    let reset = send(&api, "DELETE", whose, None).await;
    assert_eq!((reset.status, &reset.body), (200, &json!({ "counters": 2 })));
    assert_eq!(get(&api, whose).await.body, json!({ "counters": [] }));
}

#[tokio::test]
async fn more_counters_than_a_page_holds_are_all_shown_and_reset() {
    let engine = Engine::start().await;
    let api = api(&engine, "admin_much_usage").await;
    let partitions = tollgate::limit::KeyValues::parse(["route=orders"])
        .unwrap()
        .partitions();
    // A page is 1 MB; these are padded.
    for number in 0..30 {
        let item = engine.client.put_item().table_name("admin_much_usage");
        let item = item
            .item("pk", AttributeValue::S(partitions[0].pk.clone()))
            .item("sk", AttributeValue::S(format!("L#{number}")))
            .item("padding", AttributeValue::S("x".repeat(100_000)));
        item.send().await.unwrap();
    }
    let shown = get(&api, "/usage?part=route=orders").await;
    assert_eq!(shown.body["counters"].as_array().unwrap().len(), 30);
    let reset = send(&api, "DELETE", "/usage?part=route=orders", None).await;
    assert_eq!(reset.body, json!({ "counters": 30 }));
}
