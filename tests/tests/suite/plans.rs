//! Plans: named by keys and by claims, in the config and in the table, on the real function and the real commands.

use serde_json::{Value, json};
use tollgate_tests::process::{reaped, signal};
use tollgate_tests::{Api, Event, Stage, get};

crate::for_event_kinds!(any_front_door: Http, plans_of_keys, a_key_changes_its_plan, plans_of_users, usage);

const ME: &str = "/api/orders/1";

/// The base document without limits but for these plans.
fn with_plans(stage: &Stage, plans: Value) -> Value {
    let mut document = stage.unlimited();
    document["plans"] = plans;
    document
}

fn daily(requests: u32) -> Value {
    json!({ "quota": { "requests": requests, "per": "day" } })
}

async fn plans_of_keys(event: Event) {
    let stage = Stage::set().await;
    let mut document = with_plans(&stage, json!({ "free": daily(2) }));
    document["auth"] = json!({ "type": "api_key" });
    let mut api = stage.open(event, &document).await;
    let gold = daily(3).to_string();
    api.gateway.printed(&["plans", "set", "gold", &gold]).await;
    let key = async |plan: &[&str]| {
        let arguments = [&["keys", "create", "--owner", "acme"], plan].concat();
        api.gateway.printed(&arguments).await
    };
    let free = key(&["--plan", "free"]).await;
    let also_free = key(&["--plan", "free"]).await;
    let in_table = key(&["--plan", "gold"]).await;
    let own = daily(1).to_string();
    let own = key(&["--plan", "gold", "--limits", &own]).await;
    let unknown = key(&["--plan", "platinum"]).await;
    let none = key(&[]).await;

    for (sentence, key, quota, policy) in [
        ("a plan of the config", &free, 2, "free-day"),
        ("each key has its own count", &also_free, 2, "free-day"),
        ("a plan of the table", &in_table, 3, "gold-day"),
        ("limits of the key's own", &own, 1, "key-day"),
    ] {
        for left in (0..quota).rev() {
            api.row(sentence, get(ME).header("X-Api-Key", key), |x| {
                x.status(200)
                    .got("X-RateLimit-Remaining", Some(&left.to_string()))
                    .got("RateLimit-Policy", Some(&format!("\"{policy}\";q={quota};w=86400")));
            })
            .await;
        }
        api.row(sentence, get(ME).header("X-Api-Key", key), |x| {
            x.error(429, "rate_limit_exceeded").reached_none();
        })
        .await;
    }
    api.row("an unknown plan", get(ME).header("X-Api-Key", &unknown), |x| {
        x.error(403, "plan_unknown").reached_none();
    })
    .await;
    for _ in 0..5 {
        api.row("no plan, no limit", get(ME).header("X-Api-Key", &none), |x| {
            x.status(200).got("RateLimit-Policy", None);
        })
        .await;
    }
    api.finish();
}

/// Ends the gateway's environment, and with it what it remembered: the next one knows what a running one would half a
/// minute later.
async fn forget(api: &Api) {
    for environment in api.gateway.children() {
        signal(environment, "KILL");
        reaped(environment).await;
    }
}

/// Changes the key, and sends requests until one is refused. The answers: who limits, and what is left.
async fn after(api: &Api, key: &str, id: &str, change: &[&str]) -> Vec<(String, u64)> {
    let said = api.gateway.printed(&[&["keys", "change", id], change].concat()).await;
    assert_eq!(said, "", "no key, for there is no new one");
    forget(api).await;
    let mut answers = Vec::new();
    loop {
        let answer = api.send(get(ME).header("X-Api-Key", key)).await;
        if answer.response.status == 429 {
            answer.error(429, "rate_limit_exceeded").reached_none();
            return answers;
        }
        answer.status(200);
        let header = |name: &str| answer.response.header(name).expect("a limit").to_owned();
        let policy = header("RateLimit-Policy");
        let left = header("X-RateLimit-Remaining").parse().expect("a number");
        answers.push((policy.split('"').nth(1).expect("a name").to_owned(), left));
    }
}

async fn a_key_changes_its_plan(event: Event) {
    let monthly = |requests: u32| json!({ "quota": { "requests": requests, "per": "month" } });
    let stage = Stage::set().await;
    let plans = json!({
        "free": monthly(2),
        "gold": monthly(5),
        "slow": { "rate_limit": { "requests_per_hour": 1, "burst": 2 } },
        "fast": { "rate_limit": { "requests_per_second": 5, "burst": 10 } },
    });
    let mut document = with_plans(&stage, plans);
    document["auth"] = json!({ "type": "api_key" });
    let api = stage.open(event, &document).await;
    let create = ["keys", "create", "--owner", "acme", "--plan", "free"];
    let key = api.gateway.printed(&create).await;
    let id = &key[3..15];
    let left = |name: &str, left: &[u64]| -> Vec<(String, u64)> {
        left.iter().map(|&left| (format!("{name}-month"), left)).collect()
    };

    // The name changes nothing about limits: refused at those of the plan that it came with.
    assert_eq!(after(&api, &key, id, &["--name", "x"]).await, left("free", &[1, 0]));
    // The two are counted still.
    assert_eq!(
        after(&api, &key, id, &["--plan", "gold"]).await,
        left("gold", &[2, 1, 0])
    );
    assert_eq!(after(&api, &key, id, &["--plan", "free"]).await, []);
    let own = monthly(7).to_string();
    assert_eq!(after(&api, &key, id, &["--limits", &own]).await, left("key", &[1, 0]));
    assert_eq!(after(&api, &key, id, &["--no-limits"]).await, []);

    api.gateway.printed(&["keys", "change", id, "--no-plan"]).await;
    forget(&api).await;
    let answer = api.send(get(ME).header("X-Api-Key", &key)).await;
    answer.status(200).got("RateLimit-Policy", None);

    // A bucket that would be full again in two hours holds nobody back who has bought a faster one.
    let create = ["keys", "create", "--owner", "acme", "--plan", "slow"];
    let key = api.gateway.printed(&create).await;
    let id = &key[3..15];
    let slow = [("slow".to_owned(), 1), ("slow".to_owned(), 0)];
    assert_eq!(after(&api, &key, id, &["--name", "x"]).await, slow);
    api.gateway.printed(&["keys", "change", id, "--plan", "fast"]).await;
    forget(&api).await;
    let answer = api.send(get(ME).header("X-Api-Key", &key)).await;
    answer.status(200).got("X-RateLimit-Remaining", Some("9"));
    api.finish();
}

async fn plans_of_users(event: Event) {
    let stage = Stage::set().await;
    let mut document = with_plans(&stage, json!({ "free": daily(1), "paid": daily(2) }));
    document["rate_limiting"] = json!({ "plan_claim": "tier", "default_plan": "free" });
    let mut api = stage.open(event, &document).await;
    for (sub, tier, quota) in [("ann", Some("paid"), 2), ("bob", Some("free"), 1), ("cyd", None, 1)] {
        let issuer = &api.stage.issuer;
        let mut token = issuer.token(sub);
        if let Some(tier) = tier {
            token = token.claim("tier", tier);
        }
        let token = token.sign(&issuer.keys().es256);
        for request in 0..=quota {
            api.row(sub, get(ME).bearer(&token), |x| {
                match request < quota {
                    true => x.status(200),
                    false => x.error(429, "rate_limit_exceeded"),
                };
            })
            .await;
        }
    }
    api.finish();
}

async fn usage(event: Event) {
    let stage = Stage::set().await;
    let mut document = with_plans(&stage, json!({ "free": daily(5) }));
    document["auth"] = json!({ "type": "api_key" });
    document["rate_limiting"] = json!({ "default": { "requests_per_hour": 10, "key": "client_ip" } });
    let routes = document["routes"].as_array_mut().expect("routes");
    routes.push(json!({ "path": "/usage", "respond": "usage" }));
    let mut api = stage.open(event, &document).await;
    let key = api
        .gateway
        .printed(&["keys", "create", "--owner", "acme", "--plan", "free"])
        .await;
    let own_usage = || get("/usage").header("X-Api-Key", &key);
    let remaining = |body: &Value| -> Vec<(String, u64)> {
        let limits = body["limits"].as_array().expect("limits").iter();
        let standing = |limit: &Value| {
            (
                limit["name"].as_str().unwrap().to_owned(),
                limit["remaining"].as_u64().unwrap(),
            )
        };
        limits.map(standing).collect()
    };

    for used in 0..=5 {
        let asked = api.send(own_usage()).await;
        asked
            .status(200)
            .got("Cache-Control", Some("no-store"))
            .got("RateLimit", None)
            .reached_none();
        let body = asked.response.json();
        assert_eq!(body["plan"], "free");
        let expected = [("default".to_owned(), 10 - used), ("free-day".to_owned(), 5 - used)];
        assert_eq!(remaining(&body), expected, "asking costs nothing: {body}");
        let status = if used < 5 { 200 } else { 429 };
        api.send(get(ME).header("X-Api-Key", &key)).await.status(status);
    }
    api.row("nobody's usage", get("/usage"), |x| {
        x.error(401, "unauthorized");
    })
    .await;
    api.finish();
}
