//! The function itself crashes or hangs: the local runtime answers in its place, as Lambda's front doors do.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Notify;
use tollgate_tests::process::{is_running, signal};
use tollgate_tests::{Answer, Api, Event, Exchange, Gateway, Recorded, Stage, get};

use super::promptly;

crate::for_each_event_kind!(a_crash_is_502, a_hang_ends);

/// A gateway with one environment that is up, and the environment's process.
async fn with_one_environment(event: Event) -> (Api, u32) {
    let stage = Stage::set().await;
    let document = stage.public(json!([{ "path": "/**", "upstream": stage.site.url() }]));
    let gateway = Gateway::start(document.to_string())
        .event(event)
        .environments(1)
        .timeout("2s");
    let api = stage.open_as(gateway).await;
    promptly(&api, get("/warm")).await.status(200);
    let children = api.gateway.children();
    assert_eq!(children.len(), 1, "one environment is one process");
    (api, children[0])
}

/// Sends a request, and a signal to the environment while it works on it.
async fn signalled(api: &Api, target: &'static str, environment: u32, name: &str) -> Exchange {
    let never = Arc::new(Notify::new());
    api.stage.site.answers(Answer::json("{}").held_by(&never));
    let (answer, ()) = tokio::join!(promptly(api, get(target)), async {
        let reached = |request: &Recorded| (request.target == target).then_some(());
        let requests = api.stage.site.requests();
        requests.find(reached).await.expect("the request is under way");
        signal(environment, name);
    });
    api.stage.site.answers(Answer::json("{}"));
    answer
}

async fn a_crash_is_502(event: Event) {
    let (api, environment) = with_one_environment(event).await;
    signalled(&api, "/crash", environment, "KILL").await.status(502);
    promptly(&api, get("/next")).await.status(200);
    assert!(!is_running(environment));
    api.finish();
}

async fn a_hang_ends(event: Event) {
    let (api, environment) = with_one_environment(event).await;
    // To a REST API and a load balancer, Lambda's time-out is a failure like any other.
    let status = match event {
        Event::Http | Event::Url => 504,
        Event::Rest | Event::Alb | Event::AlbMulti => 502,
    };
    signalled(&api, "/hang", environment, "STOP").await.status(status);
    promptly(&api, get("/next")).await.status(200);
    assert!(!is_running(environment), "an environment that timed out is replaced");
    api.finish();
}
