//! The processes of frozen environments: they stand still, and none stays behind.

use super::*;

async fn frozen_gateway() -> (Gateway, Upstream, u32) {
    let upstream = Upstream::answering(Answer::json("{}")).await;
    let gateway = Gateway::start(config_of(&upstream)).freeze().spawn().await;
    let environments = gateway.children();
    assert_eq!(environments.len(), 1, "{environments:?}");
    (gateway, upstream, environments[0])
}

fn config_of(upstream: &Upstream) -> String {
    json!({ "routes": [{ "path": "/**", "upstream": upstream.url(), "auth": "none" }] }).to_string()
}

#[tokio::test]
async fn an_environment_stands_still_from_its_start_and_between_requests() {
    let (gateway, _upstream, environment) = frozen_gateway().await;
    for _ in 0..3 {
        stopped(environment).await;
        assert_eq!(gateway.send(&get("/")).await.status, 200);
    }
    stopped(environment).await;
    assert_eq!(gateway.children(), [environment]);
}

#[tokio::test]
async fn without_the_option_it_runs_on() {
    let upstream = Upstream::answering(Answer::json("{}")).await;
    let gateway = Gateway::start(config_of(&upstream)).spawn().await;
    assert_eq!(gateway.send(&get("/")).await.status, 200);
    // The answer to a second request says that the first one's end was dealt with.
    assert_eq!(gateway.send(&get("/")).await.status, 200);
    assert!(!gateway.children().into_iter().any(tollgate_tests::process::is_stopped));
}

#[tokio::test]
async fn signals_end_frozen_ones() {
    for name in ["TERM", "INT"] {
        let (gateway, _upstream, environment) = frozen_gateway().await;
        stopped(environment).await;
        signal(gateway.process().id(), name);
        gateway.process().stdout().closed().await;
        drop(gateway);
        assert!(!is_running(environment), "{environment} outlived SIG{name}");
    }
}

#[tokio::test]
async fn a_killed_runtime_leaves_no_frozen_environment() {
    let (gateway, _upstream, environment) = frozen_gateway().await;
    stopped(environment).await;
    signal(gateway.process().id(), "KILL");
    ended(environment).await;
}

#[tokio::test]
async fn a_frozen_one_that_is_killed_is_replaced() {
    let (gateway, _upstream, environment) = frozen_gateway().await;
    stopped(environment).await;
    signal(environment, "KILL");
    reaped(environment).await;
    assert_eq!(gateway.send(&get("/")).await.status, 200);
    let environments = gateway.children();
    assert_eq!(environments.len(), 1);
    assert_ne!(environments, [environment]);
}

#[tokio::test]
async fn a_reload_ends_frozen_ones() {
    let (gateway, _upstream, environment) = frozen_gateway().await;
    stopped(environment).await;
    let other = Upstream::answering(Answer::json("{}").with_status(203)).await;
    gateway.rewrite_config(&config_of(&other));
    ended(environment).await;
    assert_eq!(gateway.send(&get("/")).await.status, 203);
}
