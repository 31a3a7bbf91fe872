//! Aggregates through the real binary: real connections, side by side, to services that are well and to services that are not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Notify;
use tollgate_tests::faulty::Faulty;
use tollgate_tests::{Answer, Event, Stage, get, method};

use super::faults::PROMPT;

crate::for_each_event_kind!(what_is_missing_is_said);
crate::for_event_kinds!(any_front_door: Http, parts_run_side_by_side, each_part_is_asked_its_own, a_sick_service_costs_its_part_alone);

/// The stage's document with this route, whose order of parts is that of the text.
fn with_route(document: &Value, route: &str) -> String {
    let text = document.to_string();
    let (before, after) = text.split_once("\"routes\":[").expect("routes");
    format!("{before}\"routes\":[{route},{after}")
}

/// Neither service answers before the other was asked; sooner than both time-outs there is an answer only if they are asked at
/// once.
async fn parts_run_side_by_side(event: Event) {
    let stage = Stage::set().await;
    let (orders_asked, users_asked) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (orders_gate, users_gate) = (Arc::clone(&orders_asked), Arc::clone(&users_asked));
    stage.users.decides(move |_| {
        users_gate.notify_one();
        Answer::json(r#"{"n":1.10}"#).held_by(&orders_asked)
    });
    stage.orders.decides(move |_| {
        orders_gate.notify_one();
        Answer::json("[12345678901234567890]").held_by(&users_asked)
    });
    let route = format!(
        r#"{{"path":"/home","auth":"none","aggregate":{{"user":{{"upstream":"{}","path":"/u"}},"orders":{{"upstream":"{}","path":"/o"}}}}}}"#,
        stage.users.url(),
        stage.orders.url()
    );
    let document = with_route(&stage.document(), &route);
    let mut api = stage
        .open_as(tollgate_tests::Gateway::start(document).event(event))
        .await;
    api.row("side by side", get("/home"), |x| {
        x.status(200)
            .body(r#"{"user":{"n":1.10},"orders":[12345678901234567890]}"#)
            .got("X-Partial", None)
            .every_answer();
    })
    .await;
    api.finish();
}

async fn each_part_is_asked_its_own(event: Event) {
    let stage = Stage::set().await;
    let route = format!(
        r#"{{"path":"/home/{{tab}}","aggregate":{{
            "orders":{{"upstream":"{orders}/v2","path":"/of/{{user.id}}?tab={{tab}}&q={{query.q}}&sub={{claims.sub}}","headers":{{"X-Tab":"{{tab}}"}}}},
            "user":{{"upstream":"{users}","path":"/users/{{claims.sub}}","required":true}}}}}}"#,
        orders = stage.orders.url(),
        users = stage.users.url()
    );
    stage.users.answers(Answer::json(r#"{"id":"a/b"}"#));
    let document = with_route(&stage.document(), &route);
    let mut api = stage
        .open_as(tollgate_tests::Gateway::start(document).event(event))
        .await;
    let token = api.stage.issuer.sign("usr 1");
    api.row(
        "a slash of a service's makes no other path",
        get("/home/a").bearer(&token),
        |x| {
            x.status(200)
                .body(r#"{"user":{"id":"a/b"}}"#)
                .got("X-Partial", Some("orders"));
            x.reached("users", "GET /users/usr%201");
        },
    )
    .await;
    api.stage.users.answers(Answer::json(r#"{"id":"a&b"}"#));
    let request = method("GET", "/home/a%20b?q=1%262&other=x").bearer(&token);
    let request = request.header("If-None-Match", "\"1\"").header("X-User-Id", "forged");
    api.row("each its own path, query and headers", request, |x| {
        x.status(200);
        let lines: Vec<String> = x
            .forwarded
            .iter()
            .map(|(name, request)| format!("{name} {}", request.line()))
            .collect();
        assert_eq!(
            lines,
            [
                "users GET /users/usr%201",
                "orders GET /v2/of/a&b?tab=a%20b&q=1%262&sub=usr%201"
            ]
        );
        for (name, request) in &x.forwarded {
            assert_eq!(request.header("X-User-Id").as_deref(), Some("usr%201"), "{name}");
            assert_eq!(request.header("If-None-Match"), None, "{name}");
            assert_eq!(request.header("Authorization"), None, "{name}");
            let tab = (*name == "orders").then_some("a b");
            assert_eq!(request.header("X-Tab").as_deref(), tab, "{name}");
        }
    })
    .await;
    api.row("no token, no call", get("/home/a"), |x| {
        x.error(401, "unauthorized").reached_none();
    })
    .await;
    let odd = api.stage.issuer.sign("..");
    api.row("a caller who would be another path", get("/home/a").bearer(odd), |x| {
        x.error(403, "forbidden").reached_none();
    })
    .await;
    api.finish();
}

async fn what_is_missing_is_said(event: Event) {
    let stage = Stage::set().await;
    let part = |need: &str| {
        format!(
            r#"{{"user":{{"upstream":"{}","path":"/u"}},"gone":{{"upstream":"{}","path":"/g"{need}}}}}"#,
            stage.users.url(),
            stage.orders.url()
        )
    };
    let route = |path: &str, need: &str, more: &str| {
        format!(r#"{{"path":"{path}","auth":"none","aggregate":{}{more}}}"#, part(need))
    };
    let routes = [
        route("/optional", "", ""),
        route("/fallback", r#","fallback":[]"#, r#","on_partial":207"#),
        route("/required", r#","required":true"#, ""),
    ];
    stage.users.answers(Answer::json("1"));
    stage.orders.answers(Answer::json("{}").with_status(404));
    let document = with_route(&stage.document(), &routes.join(","));
    let mut api = stage
        .open_as(tollgate_tests::Gateway::start(document).event(event))
        .await;
    api.row("left out", get("/optional"), |x| {
        x.status(200)
            .body(r#"{"user":1}"#)
            .got("X-Partial", Some("gone"))
            .got("Cache-Control", Some("no-store"));
        x.every_answer();
    })
    .await;
    api.row("stood in for", get("/fallback"), |x| {
        x.status(207)
            .body(r#"{"user":1,"gone":[]}"#)
            .got("X-Partial", Some("gone"));
    })
    .await;
    api.row("required", get("/required"), |x| {
        x.error(404, "upstream_error").got("X-Partial", None);
        assert!(
            x.response.text().contains("The part `gone` of this answer is missing."),
            "{x:?}"
        );
    })
    .await;
    api.finish();
}

/// Bounded time, the right part named, the next request unaffected.
async fn a_sick_service_costs_its_part_alone(event: Event) {
    let faults = [
        ("down", Faulty::refusing()),
        ("silent", Faulty::silent().await),
        ("resetting", Faulty::resetting().await),
        ("garbage", Faulty::answering("SSH-2.0-OpenSSH_9.9\r\n\r\n").await),
        ("truncating", Faulty::truncating().await),
        ("stalling in the body", Faulty::stalling_in_body().await),
        ("dripping", Faulty::dripping(Duration::from_millis(20)).await),
        ("huge", Faulty::huge(7 << 20).await),
        (
            "redirecting",
            Faulty::answering("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await,
        ),
        (
            "two lengths",
            Faulty::answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n1").await,
        ),
        (
            "no JSON",
            Faulty::answering("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n{").await,
        ),
    ];
    let stage = Stage::set().await;
    let well = format!(r#""well":{{"upstream":"{}","path":"/"}}"#, stage.site.url());
    let route = |(n, (_, faulty)): (usize, &(&str, Faulty))| {
        let sick = format!(
            r#""sick":{{"upstream":"{}","path":"/","timeout":"500ms"}}"#,
            faulty.url()
        );
        format!(r#"{{"path":"/{n}","auth":"none","aggregate":{{{sick},{well}}}}}"#)
    };
    let routes: Vec<String> = faults.iter().enumerate().map(route).collect();
    let document = with_route(&stage.document(), &routes.join(","));
    let mut api = stage
        .open_as(tollgate_tests::Gateway::start(document).event(event))
        .await;
    for (n, (name, faulty)) in faults.iter().enumerate() {
        let began = Instant::now();
        api.row(name, get(format!("/{n}")), |x| {
            x.status(200).body(r#"{"well":{}}"#).got("X-Partial", Some("sick"));
            assert!(!x.response.text().contains(&faulty.address().to_string()), "{x:?}");
            assert!(began.elapsed() < PROMPT, "it took {:?}", began.elapsed());
        })
        .await;
        api.row(&format!("the next after {name}"), get(format!("/{n}")), |x| {
            x.status(200).body(r#"{"well":{}}"#);
        })
        .await;
    }
    let id = "parts-in-the-log";
    let sent = api.send(get("/0").header("X-Request-Id", id)).await;
    sent.status(200);
    let record = api.gateway.record(id).await;
    let told = |part: usize, member: &str| record["parts"][part][member].clone();
    assert_eq!(
        (told(0, "name"), told(0, "error")),
        (json!("sick"), json!("upstream_unreachable"))
    );
    assert_eq!((told(1, "name"), told(1, "status")), (json!("well"), json!(200)));
    assert!(told(0, "ms").is_number() && told(1, "ms").is_number(), "{record}");
    api.finish();
}
